//! From a graph that has been read to one that runs: operators are held against the list of those that may run, and arguments against their schemas.

use std::collections::BTreeSet;
use std::ffi::c_int;

use paname_core::{Error, Result};
use paname_pt2::{
    Argument, DType, Graph, Input, InputRole, Layout, MemoryFormat, Named, Node, Output, Program, Scalar,
    ValueId,
};
use tch::{Device, TchError};

use crate::error::said;
use crate::program::allowed::{Operator, is_left_out};
use crate::program::shim::{Arithmetic, Builder, Cell, Compiled, Given, GivenKind, Returned, Role};

/// A graph that runs a part of the model under another rule for gradients.
const GRADIENT_REGION: &str = "torch.ops.higher_order.wrap_with_set_grad_enabled";
/// A graph that runs a part of the model in another precision.
const PRECISION_REGION: &str = "torch.ops.higher_order.wrap_with_autocast";

/// A program that runs.
pub(crate) struct Executable {
    pub(crate) compiled: Compiled,
    /// For each step what stands there, for messages.
    steps: Vec<String>,
    /// Where each value of the outermost graph lies.
    slots: Vec<Option<u32>>,
}

impl Executable {
    /// Makes a program run on this device; `place` names its file in errors.
    pub(crate) fn new(program: &Program, place: &str, device: Device) -> Result<Self> {
        let mut refused = BTreeSet::new();
        unknown(&program.graph, &mut refused);
        if !refused.is_empty() {
            let all: Vec<&str> = refused.into_iter().collect();
            return Err(Error::data(
                place,
                format!("calls operators that no program may call: {}", all.join(", ")),
            ));
        }
        let mut roles = Vec::new();
        for (role, input) in program.signature.inputs.iter().zip(&program.graph.inputs) {
            if let Input::Value(_) = input {
                roles.push(match role {
                    InputRole::Buffer { .. } => Role::Buffer,
                    InputRole::User => Role::User,
                    _ => Role::Fixed,
                });
            }
        }
        let builder = Builder::new(&roles, slots(&program.graph), device)?;
        let mut compiler =
            Compiler { builder, steps: Vec::new(), next: program.graph.values.len() as u32, device };
        let mut scope = Scope { slots: defined(&program.graph) };
        compiler
            .graph(&program.graph, &mut scope)
            .map_err(|(step, problem)| Error::data(place, format!("{step}: {problem}")))?;
        let outputs: Vec<Option<u32>> =
            program.graph.outputs.iter().map(|output| single(output).and_then(|id| scope.slot(id))).collect();
        let steps = compiler.steps;
        let compiled = compiler.builder.finish(&outputs).map_err(|error| Error::data(place, said(&error)))?;
        Ok(Self { compiled, steps, slots: scope.slots })
    }

    /// Where a value of the outermost graph lies.
    pub(crate) fn slot(&self, id: ValueId) -> Option<u32> {
        self.slots.get(id.index()).copied().flatten()
    }

    /// What stands at a step.
    pub(crate) fn step(&self, number: usize) -> &str {
        self.steps.get(number).map_or("outputs", String::as_str)
    }
}

/// The value that an argument is, where it is one.
fn single(argument: &Argument) -> Option<ValueId> {
    match argument {
        Argument::Tensor(id) | Argument::SymInt(id) | Argument::SymFloat(id) | Argument::SymBool(id) => {
            Some(*id)
        }
        _ => None,
    }
}

/// Values of a graph and of those inside it.
fn slots(graph: &Graph) -> usize {
    graph.values.len() + graphs(graph).map(slots).sum::<usize>()
}

/// The graphs that nodes of a graph run.
fn graphs(graph: &Graph) -> impl Iterator<Item = &Graph> {
    graph.nodes.iter().flat_map(|node| &node.arguments).filter_map(|named| match &named.argument {
        Argument::Graph(graph) => Some(&**graph),
        _ => None,
    })
}

/// Where the values of the outermost graph lie: each at its own number. Those that no node gives, as in a part of a program, lie nowhere.
fn defined(graph: &Graph) -> Vec<Option<u32>> {
    let mut slots = vec![None; graph.values.len()];
    let inputs = graph.inputs.iter().filter_map(|input| match input {
        Input::Value(id) => Some(*id),
        Input::Literal(_) => None,
    });
    let outputs = graph.nodes.iter().flat_map(|node| &node.outputs).flat_map(Output::values);
    for id in inputs.chain(outputs) {
        slots[id.index()] = Some(id.0);
    }
    slots
}

/// Operators that may not run, whatever they are called with.
fn unknown<'a>(graph: &'a Graph, refused: &mut BTreeSet<&'a str>) {
    for Node { target, .. } in &graph.nodes {
        let known = matches!(target.as_str(), GRADIENT_REGION | PRECISION_REGION)
            || is_left_out(target)
            || arithmetic(target).is_some()
            || Operator::of(target).is_some();
        if !known {
            refused.insert(target);
        }
    }
    for inner in graphs(graph) {
        unknown(inner, refused);
    }
}

/// Where the values of one graph lie.
struct Scope {
    slots: Vec<Option<u32>>,
}

impl Scope {
    fn slot(&self, id: ValueId) -> Option<u32> {
        self.slots.get(id.index()).copied().flatten()
    }

    /// Fails where it lies nowhere, which would be taken for a value that is absent, or for the number 0.
    fn cell(&self, id: ValueId) -> Result<Cell, TchError> {
        self.slot(id).map(Cell::slot).ok_or_else(|| TchError::Torch("is a value without a place".into()))
    }
}

struct Compiler {
    builder: Builder,
    steps: Vec<String>,
    /// The first slot that is free.
    next: u32,
    device: Device,
}

/// What is wrong, and with which step.
type Problem = (String, String);

impl Compiler {
    fn graph(&mut self, graph: &Graph, scope: &mut Scope) -> Result<(), Problem> {
        for (number, node) in graph.nodes.iter().enumerate() {
            if is_left_out(&node.target) {
                continue;
            }
            let step = described(graph, number, node);
            match node.target.as_str() {
                GRADIENT_REGION | PRECISION_REGION => self.region(&step, node, scope)?,
                _ => {
                    self.node(node, scope).map_err(|error| (step.clone(), said(&error)))?;
                    self.steps.push(step);
                }
            }
        }
        Ok(())
    }

    fn node(&mut self, node: &Node, scope: &Scope) -> Result<(), TchError> {
        if let Some((what, operands)) = arithmetic(&node.target) {
            let cells = node.arguments.iter().map(|named| operand(&named.argument, scope));
            let cells = cells.collect::<Result<Vec<Cell>, _>>()?;
            if cells.len() != operands {
                let got = cells.len();
                return Err(TchError::Torch(format!("takes {operands} arguments, got {got}")));
            }
            let [Output::Value(id)] = node.outputs[..] else {
                return Err(TchError::Torch(
                    "gives one number; the program names another number of values".into(),
                ));
            };
            let slot =
                scope.slot(id).ok_or_else(|| TchError::Torch("gives a value without a place".into()))?;
            return self.builder.compute(what, &cells, slot);
        }
        let operator = Operator::of(&node.target).ok_or_else(|| TchError::Torch("may not run".into()))?;
        let given = node.arguments.iter().map(|named| given(named, scope)).collect::<Result<Vec<_>, _>>()?;
        let returned: Vec<Returned> = node
            .outputs
            .iter()
            .map(|output| match output {
                Output::Nothing => Returned::Nothing,
                Output::Value(id) => scope.slot(*id).map_or(Returned::Nothing, Returned::Value),
                Output::List(ids) => {
                    Returned::List(ids.iter().map(|id| id.and_then(|id| scope.slot(id))).collect())
                }
            })
            .collect();
        self.builder.call(&operator, &given, &returned)
    }

    /// Runs a graph inside a node in its place, under the rule that the node says.
    fn region(&mut self, step: &str, node: &Node, scope: &mut Scope) -> Result<(), Problem> {
        let wrong = |problem: &str| (step.to_owned(), problem.to_owned());
        let failed = |error: TchError| (step.to_owned(), said(&error));
        let at = node
            .arguments
            .iter()
            .position(|named| matches!(named.argument, Argument::Graph(_)))
            .ok_or_else(|| wrong("has no graph to run"))?;
        let (rule, [graph, operands @ ..]) = node.arguments.split_at(at) else {
            return Err(wrong("has no graph to run"));
        };
        let Argument::Graph(graph) = &graph.argument else { return Err(wrong("has no graph to run")) };
        let rule: Vec<&Argument> = rule.iter().map(|named| &named.argument).collect();
        match (node.target.as_str(), rule.as_slice()) {
            (GRADIENT_REGION, [Argument::Bool(enabled)]) => {
                self.builder.enter_gradient(*enabled).map_err(failed)?;
            }
            (PRECISION_REGION, [Argument::String(kind), precision, Argument::Bool(enabled), cached]) => {
                // A region for another device is none here.
                let on_cuda = matches!(self.device, Device::Cuda(_));
                let enabled = *enabled && (kind == "cuda") == on_cuda;
                let precision = match precision {
                    Argument::DType(dtype) => {
                        Some(scalar_type(*dtype).ok_or_else(|| wrong("names a type that libtorch has not"))?)
                    }
                    _ => None,
                };
                let cached = !matches!(cached, Argument::Bool(false));
                self.builder.enter_autocast(on_cuda, precision, enabled, cached).map_err(failed)?;
            }
            _ => return Err(wrong("says its rule in a way that is not known")),
        }
        self.steps.push(step.to_owned());
        let mut inner = Scope { slots: Vec::with_capacity(graph.values.len()) };
        for index in 0..graph.values.len() {
            inner.slots.push(Some(self.next + index as u32));
        }
        self.next += graph.values.len() as u32;
        // What the graph is given lies where the caller has it.
        let mut operands = operands.iter();
        for input in &graph.inputs {
            let Input::Value(id) = input else { continue };
            let operand = operands.next().and_then(|named| single(&named.argument));
            let slot = operand.and_then(|id| scope.slot(id));
            inner.slots[id.index()] =
                Some(slot.ok_or_else(|| wrong("gives its graph something that is no value"))?);
        }
        self.graph(graph, &mut inner)?;
        // And what it returns lies where it made it.
        let named: Vec<Option<ValueId>> = node
            .outputs
            .iter()
            .flat_map(|output| match output {
                Output::Nothing => vec![None],
                Output::Value(id) => vec![Some(*id)],
                Output::List(ids) => ids.clone(),
            })
            .collect();
        if named.len() != graph.outputs.len() {
            return Err(wrong("names another number of values than its graph returns"));
        }
        for (id, output) in named.into_iter().zip(&graph.outputs) {
            if let Some(id) = id {
                scope.slots[id.index()] = single(output).and_then(|id| inner.slot(id));
            }
        }
        self.builder.leave().map_err(failed)?;
        self.steps.push(step.to_owned());
        Ok(())
    }
}

/// What stands at a node, for messages.
fn described(graph: &Graph, number: usize, node: &Node) -> String {
    let name = node.outputs.iter().find_map(|output| match output {
        Output::Value(id) => Some(&graph.values[id.index()].name),
        Output::List(ids) => ids.iter().flatten().next().map(|id| &graph.values[id.index()].name),
        Output::Nothing => None,
    });
    match name {
        Some(name) => format!("node {number} `{name}` ({})", node.target),
        None => format!("node {number} ({})", node.target),
    }
}

/// Arithmetic of sizes, and how many operands it has.
fn arithmetic(target: &str) -> Option<(Arithmetic, usize)> {
    use Arithmetic as A;
    Some(match target {
        "_operator.add" => (A::Add, 2),
        "_operator.sub" => (A::Subtract, 2),
        "_operator.mul" => (A::Multiply, 2),
        "_operator.floordiv" => (A::FloorDivide, 2),
        "_operator.mod" => (A::Modulo, 2),
        "_operator.pow" => (A::Power, 2),
        "_operator.truediv" => (A::Divide, 2),
        "_operator.neg" => (A::Negate, 1),
        "_operator.abs" => (A::Absolute, 1),
        "_operator.eq" => (A::Equal, 2),
        "_operator.ne" => (A::NotEqual, 2),
        "_operator.lt" => (A::Less, 2),
        "_operator.le" => (A::LessEqual, 2),
        "_operator.gt" => (A::Greater, 2),
        "_operator.ge" => (A::GreaterEqual, 2),
        "_operator.and_" => (A::And, 2),
        "_operator.or_" => (A::Or, 2),
        "_operator.not_" | "torch.sym_not" => (A::Not, 1),
        "torch.sym_min" => (A::Least, 2),
        "torch.sym_max" => (A::Greatest, 2),
        "torch.sym_float" => (A::ToReal, 1),
        "torch.sym_int" => (A::ToWhole, 1),
        "torch.sym_ite" => (A::Choose, 3),
        "math.floor" => (A::Floor, 1),
        "math.ceil" => (A::Ceiling, 1),
        "math.trunc" | "_operator.trunc" => (A::Truncate, 1),
        "math.sqrt" | "torch._sym_sqrt" => (A::Root, 1),
        _ => return None,
    })
}

fn operand(argument: &Argument, scope: &Scope) -> Result<Cell, TchError> {
    Ok(match argument {
        Argument::Int(value) => Cell::whole(*value),
        Argument::Float(value) => Cell::real(*value),
        Argument::Bool(value) => Cell::truth(*value),
        Argument::SymInt(id) | Argument::SymFloat(id) | Argument::SymBool(id) => scope.cell(*id)?,
        _ => return Err(TchError::Torch("takes numbers and truth values alone".into())),
    })
}

/// An argument as the shim takes it.
fn given<'a>(named: &'a Named, scope: &Scope) -> Result<Given<'a>, TchError> {
    use GivenKind as K;
    fn cells<T: Copy>(list: &[T], each: impl Fn(T) -> Cell) -> Vec<Cell> {
        list.iter().map(|&item| each(item)).collect()
    }
    fn scalars<T: Copy>(
        list: &[Scalar<T>],
        cell: impl Fn(ValueId) -> Result<Cell, TchError>,
        known: impl Fn(T) -> Cell,
    ) -> Result<Vec<Cell>, TchError> {
        let each = |item: &Scalar<T>| match item {
            Scalar::Known(value) => Ok(known(*value)),
            Scalar::Value(id) => cell(*id),
        };
        list.iter().map(each).collect()
    }
    let name = named.name.as_str();
    let wrong = |problem: &str| TchError::Torch(format!("argument `{name}`: {problem}"));
    let cell = |id: ValueId| scope.cell(id).map_err(|error| wrong(&said(&error)));
    let mut text = "";
    let (kind, cells) = match &named.argument {
        Argument::None => (K::Nothing, Vec::new()),
        Argument::Tensor(id) => (K::Tensor, vec![cell(*id)?]),
        Argument::Tensors(ids) => (K::Tensors, ids.iter().map(|id| cell(*id)).collect::<Result<_, _>>()?),
        Argument::OptionalTensors(ids) => {
            let each = ids.iter().map(|id| id.map_or(Ok(Cell::ABSENT), cell));
            (K::Tensors, each.collect::<Result<_, _>>()?)
        }
        Argument::Int(value) => (K::Whole, vec![Cell::whole(*value)]),
        Argument::Ints(values) => (K::Wholes, cells(values, Cell::whole)),
        Argument::SymInt(id) => (K::Whole, vec![cell(*id)?]),
        Argument::SymInts(list) => (K::Wholes, scalars(list, cell, Cell::whole)?),
        Argument::Float(value) => (K::Real, vec![Cell::real(*value)]),
        Argument::Floats(values) => (K::Reals, cells(values, Cell::real)),
        Argument::SymFloat(id) => (K::Real, vec![cell(*id)?]),
        Argument::SymFloats(list) => (K::Reals, scalars(list, cell, Cell::real)?),
        Argument::Bool(value) => (K::Truth, vec![Cell::truth(*value)]),
        Argument::Bools(values) => (K::Truths, cells(values, Cell::truth)),
        Argument::SymBool(id) => (K::Truth, vec![cell(*id)?]),
        Argument::SymBools(list) => (K::Truths, scalars(list, cell, Cell::truth)?),
        Argument::Complex { real, imaginary } => {
            (K::Complex, vec![Cell::real(*real), Cell::real(*imaginary)])
        }
        Argument::String(value) => {
            text = value;
            (K::Text, Vec::new())
        }
        Argument::DType(dtype) => {
            let number = scalar_type(*dtype).ok_or_else(|| wrong("names a type that libtorch has not"))?;
            (K::DType, vec![Cell::whole(number.into())])
        }
        Argument::Layout(Layout::Strided) => (K::Layout, vec![Cell::whole(0)]),
        Argument::Layout(_) => return Err(wrong("asks for a layout other than by strides")),
        Argument::MemoryFormat(format) => {
            let number =
                memory_format(*format).ok_or_else(|| wrong("asks for a memory format that is not known"))?;
            (K::MemoryFormat, vec![Cell::whole(number)])
        }
        Argument::Device(_) => (K::Device, Vec::new()),
        _ => return Err(wrong("is of a kind that no operator takes")),
    };
    Ok(Given { name, kind, cells, text })
}

/// The number of a type in libtorch (`c10::ScalarType`), which is not that of the file.
fn scalar_type(dtype: DType) -> Option<c_int> {
    Some(match dtype {
        DType::U8 => 0,
        DType::I8 => 1,
        DType::I16 => 2,
        DType::I32 => 3,
        DType::I64 => 4,
        DType::F16 => 5,
        DType::F32 => 6,
        DType::F64 => 7,
        DType::ComplexF16 => 8,
        DType::ComplexF32 => 9,
        DType::ComplexF64 => 10,
        DType::Bool => 11,
        DType::BF16 => 15,
        DType::F8E5M2 => 23,
        DType::F8E4M3FN => 24,
        DType::F8E5M2FNUZ => 25,
        DType::F8E4M3FNUZ => 26,
        DType::U16 => 27,
        _ => return None,
    })
}

/// The number of a memory format in libtorch (`c10::MemoryFormat`).
fn memory_format(format: MemoryFormat) -> Option<i64> {
    Some(match format {
        MemoryFormat::Contiguous => 0,
        MemoryFormat::Preserve => 1,
        MemoryFormat::ChannelsLast => 2,
        MemoryFormat::ChannelsLast3d => 3,
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_without_a_place_is_no_number() {
        let scope = Scope { slots: vec![Some(0), None] };
        let (here, nowhere) = (ValueId(0), ValueId(1));
        assert!(operand(&Argument::SymInt(here), &scope).is_ok());
        assert!(operand(&Argument::SymInt(nowhere), &scope).is_err());
        for argument in [
            Argument::Tensor(nowhere),
            Argument::Tensors(vec![here, nowhere]),
            Argument::OptionalTensors(vec![None, Some(nowhere)]),
            Argument::SymInt(nowhere),
            Argument::SymInts(vec![Scalar::Known(1), Scalar::Value(nowhere)]),
            Argument::SymFloat(nowhere),
            Argument::SymBools(vec![Scalar::Value(nowhere)]),
        ] {
            let kind = paname_pt2::ArgumentKind::Keyword;
            let named = Named { name: "size".into(), argument, kind };
            let told = given(&named, &scope).unwrap_err().to_string();
            assert!(told.contains("argument `size`: is a value without a place"), "{told}");
        }
    }
}
