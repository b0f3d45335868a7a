//! From the JSON to a [`Program`]: every name becomes a number, every use is held against what was defined before it. One pass, linear time.

use std::collections::HashMap;

use crate::error::Fault;
use crate::program::{
    Argument, ArgumentKind, Graph, Input, Layer, LayerId, Named, Node, Output, Program, Scalar, Symbol,
    Value, ValueId, ValueKind,
};
use crate::schema::{self, List, Text};
use crate::scope::{Asked, Declared, Scope};
use crate::tensor::{DType, Device, Layout, MemoryFormat, Size, SymbolId, TensorMeta};
use crate::{outputs, roles};

/// More dimensions than PyTorch's own operators take.
const MOST_DIMENSIONS: usize = 64;
/// No model nests its modules deeper.
const DEEPEST_MODULE: usize = 64;
/// What torch calls the module of a node that comes from none.
const NO_MODULE: &str = "_empty_nn_module_stack_from_metadata_hook";

/// Resolves a document whose schema version has been checked.
pub(crate) fn program(document: schema::ExportedProgram<'_>) -> Result<Program, Fault> {
    let mut resolver = Resolver::new(document.range_constraints)?;
    let ranged = resolver.symbols.len();
    let schema::GraphModule { graph, signature, module_call_graph } = document.graph_module;
    let (graph, scope) = resolver.graph(graph, String::new())?;
    let signature = roles::signature(signature, &graph, &scope)?;
    let count = signature.user_outputs(&graph).count();
    let program = Program {
        graph,
        signature,
        output_names: outputs::names(&module_call_graph, count),
        symbols: resolver.symbols,
        layers: resolver.layers,
        torch_version: document.torch_version,
        schema_version: (document.schema_version.major, document.schema_version.minor),
    };
    inputs_have_ranges(&program, ranged)?;
    Ok(program)
}

/// What all graphs of a program share.
#[derive(Default)]
struct Resolver {
    symbols: Vec<Symbol>,
    symbol_ids: HashMap<String, SymbolId>,
    layers: Vec<Layer>,
    layer_ids: HashMap<Layer, LayerId>,
}

impl Resolver {
    fn new(ranges: schema::Entries<'_, schema::Range>) -> Result<Self, Fault> {
        let mut resolver = Self::default();
        for (name, range) in ranges.0 {
            let place = || format!("range_constraints, `{}`", name.as_str());
            let least = range.min_val.unwrap_or(i64::MIN);
            let most = range.max_val.unwrap_or(i64::MAX);
            if least > most {
                return Err(Fault::new(
                    place(),
                    format!("the range from {least} to {most} is empty; expected min_val up to max_val"),
                ));
            }
            if resolver.symbol_ids.contains_key(name.as_str()) {
                return Err(Fault::new(place(), "stands there twice"));
            }
            resolver.symbol(name.as_str().to_owned(), least, most).map_err(|e| Fault::new(place(), e))?;
        }
        Ok(resolver)
    }

    fn graph<'a>(&mut self, graph: schema::Graph<'a>, name: String) -> Result<(Graph, Scope<'a>), Fault> {
        let mut scope = Scope::declare(
            graph.tensor_values,
            graph.sym_int_values,
            graph.sym_float_values,
            graph.sym_bool_values,
        )?;
        let mut inputs = Vec::with_capacity(graph.inputs.0.len());
        for (index, input) in graph.inputs.0.into_iter().enumerate() {
            inputs.push(
                self.input(input, &mut scope).map_err(|e| Fault::new(format!("graph input {index}"), e))?,
            );
        }
        let mut nodes = Vec::with_capacity(graph.nodes.0.len());
        for (index, node) in graph.nodes.0.into_iter().enumerate() {
            nodes.push(self.node(node, index, &mut scope)?);
        }
        let mut outputs = Vec::with_capacity(graph.outputs.0.len());
        for (index, output) in graph.outputs.0.into_iter().enumerate() {
            let place = || format!("graph output {index}");
            let output = self.argument(output, &scope);
            outputs.push(output.map_err(|e| e.located(place))?);
        }
        let values = std::mem::take(&mut scope.values);
        let single_output = graph.is_single_tensor_return;
        Ok((Graph { name, inputs, nodes, outputs, values, single_output }, scope))
    }

    fn input<'a>(&mut self, input: schema::Argument<'a>, scope: &mut Scope<'a>) -> Result<Input, String> {
        use schema::Argument as A;
        let id = match input {
            A::AsTensor(tensor) => self.define(&tensor.name, Asked::Tensor, scope)?,
            A::AsSymInt(schema::SymIntArgument::AsName(name)) => self.define(&name, Asked::Int, scope)?,
            A::AsSymFloat(schema::SymFloatArgument::AsName(name)) => {
                self.define(&name, Asked::Float, scope)?
            }
            A::AsSymBool(schema::SymBoolArgument::AsName(name)) => self.define(&name, Asked::Bool, scope)?,
            A::AsCustomObj(object) => return Err(custom(&object)),
            literal @ (A::AsNone(_)
            | A::AsInt(_)
            | A::AsFloat(_)
            | A::AsBool(_)
            | A::AsString(_)
            | A::AsSymInt(_)
            | A::AsSymFloat(_)
            | A::AsSymBool(_)) => {
                return self.argument(literal, scope).map(Input::Literal).map_err(Refusal::into_problem);
            }
            _ => return Err("expected a tensor, a symbolic scalar or a literal".into()),
        };
        Ok(Input::Value(id))
    }

    fn node<'a>(
        &mut self,
        node: schema::Node<'a>,
        index: usize,
        scope: &mut Scope<'a>,
    ) -> Result<Node, Fault> {
        let target = node.target.into_owned();
        let place = || format!("node {index} ({})", target.escape_debug());
        let mut arguments = Vec::with_capacity(node.inputs.0.len());
        for (position, argument) in node.inputs.0.into_iter().enumerate() {
            let schema::NamedArgument { name, arg, kind } = argument;
            let place = || format!("{}, argument {position} `{}`", place(), name.as_str().escape_debug());
            let kind = match kind {
                Some(1) => ArgumentKind::Positional,
                Some(2) => ArgumentKind::Keyword,
                None | Some(0) => ArgumentKind::Unspecified,
                Some(other) => return Err(Fault::new(place(), format!("kind {other} is unknown"))),
            };
            let argument = self.argument(arg, scope).map_err(|e| e.located(place))?;
            arguments.push(Named { argument, kind, name: name.into_owned() });
        }
        let mut outputs = Vec::with_capacity(node.outputs.0.len());
        for (position, output) in node.outputs.0.into_iter().enumerate() {
            let output = self.output(output, scope);
            outputs.push(output.map_err(|e| Fault::new(format!("{}, output {position}", place()), e))?);
        }
        let layer = match &node.metadata.nn_module_stack {
            Some(stack) => self.layer(stack.as_str()).map_err(|e| Fault::new(place(), e))?,
            None => None,
        };
        let single_output = node.is_hop_single_tensor_return.unwrap_or(false);
        Ok(Node { target, arguments, outputs, layer, single_output })
    }

    fn argument<'a>(
        &mut self,
        argument: schema::Argument<'a>,
        scope: &Scope<'a>,
    ) -> Result<Argument, Refusal> {
        use schema::Argument as A;
        use schema::{SymBoolArgument, SymFloatArgument, SymIntArgument};
        let tensor = |t: &schema::TensorArgument<'a>| scope.used(&t.name, Asked::Tensor);
        let tensors = |l: List<schema::TensorArgument<'a>>| all(l, |t| tensor(&t));
        let optional = |t| match t {
            schema::OptionalTensorArgument::AsTensor(t) => tensor(&t).map(Some),
            schema::OptionalTensorArgument::AsNone(_) => Ok(None),
        };
        let int = |scalar| match scalar {
            SymIntArgument::AsName(name) => scope.used(&name, Asked::Int).map(Scalar::Value),
            SymIntArgument::AsInt(value) => Ok(Scalar::Known(value)),
        };
        let float = |scalar| match scalar {
            SymFloatArgument::AsName(name) => scope.used(&name, Asked::Float).map(Scalar::Value),
            SymFloatArgument::AsFloat(value) => Ok(Scalar::Known(value.0)),
        };
        let truth = |scalar| match scalar {
            SymBoolArgument::AsName(name) => scope.used(&name, Asked::Bool).map(Scalar::Value),
            SymBoolArgument::AsBool(value) => Ok(Scalar::Known(value)),
        };
        Ok(match argument {
            A::AsNone(_) => Argument::None,
            A::AsTensor(t) => Argument::Tensor(tensor(&t)?),
            A::AsTensors(list) => Argument::Tensors(tensors(list)?),
            A::AsOptionalTensor(t) => optional(t)?.map_or(Argument::None, Argument::Tensor),
            A::AsOptionalTensors(list) => Argument::OptionalTensors(all(list, optional)?),
            A::AsNestedTensors(lists) => Argument::TensorLists(all(lists, tensors)?),
            A::AsInt(value) => Argument::Int(value),
            A::AsInts(list) => Argument::Ints(list.0),
            A::AsIntLists(lists) => Argument::IntLists(lists.0.into_iter().map(|list| list.0).collect()),
            A::AsSymInt(scalar) => match int(scalar)? {
                Scalar::Known(value) => Argument::Int(value),
                Scalar::Value(id) => Argument::SymInt(id),
            },
            A::AsSymInts(list) => Argument::SymInts(all(list, int)?),
            A::AsFloat(value) => Argument::Float(value.0),
            A::AsFloats(list) => Argument::Floats(list.0.into_iter().map(|value| value.0).collect()),
            A::AsSymFloat(scalar) => match float(scalar)? {
                Scalar::Known(value) => Argument::Float(value),
                Scalar::Value(id) => Argument::SymFloat(id),
            },
            A::AsSymFloats(list) => Argument::SymFloats(all(list, float)?),
            A::AsBool(value) => Argument::Bool(value),
            A::AsBools(list) => Argument::Bools(list.0),
            A::AsSymBool(scalar) => match truth(scalar)? {
                Scalar::Known(value) => Argument::Bool(value),
                Scalar::Value(id) => Argument::SymBool(id),
            },
            A::AsSymBools(list) => Argument::SymBools(all(list, truth)?),
            A::AsComplex(value) => Argument::Complex { real: value.real.0, imaginary: value.imag.0 },
            A::AsString(text) => Argument::String(text.into_owned()),
            A::AsStrings(list) => Argument::Strings(list.0.into_iter().map(Text::into_owned).collect()),
            A::AsScalarType(number) => Argument::DType(DType::from_schema(number)?),
            A::AsLayout(number) => Argument::Layout(Layout::from_schema(number)?),
            A::AsMemoryFormat(number) => Argument::MemoryFormat(MemoryFormat::from_schema(number)?),
            A::AsDevice(device) => Argument::Device(self::device(device)),
            A::AsOperator(name) => Argument::Operator(name.into_owned()),
            A::AsGraph(graph) => {
                let schema::GraphArgument { name, graph } = *graph;
                let name = name.into_owned();
                let place = format!("graph `{}`", name.escape_debug());
                let graph = self.graph(graph, name).map_err(|fault| Refusal::Within(fault.within(place)))?;
                Argument::Graph(Box::new(graph.0))
            }
            A::AsStringToArgument(entries) => {
                let entry = |(name, argument): (Text<'a>, _)| {
                    Ok((name.into_owned(), self.argument(argument, scope)?))
                };
                Argument::Map(entries.0.into_iter().map(entry).collect::<Result<_, Refusal>>()?)
            }
            A::AsCustomObj(object) => return Err(custom(&object).into()),
        })
    }

    fn output<'a>(&mut self, output: schema::Argument<'a>, scope: &mut Scope<'a>) -> Result<Output, String> {
        use schema::Argument as A;
        use schema::{OptionalTensorArgument, SymBoolArgument, SymFloatArgument, SymIntArgument};
        let mut list = Vec::new();
        match output {
            A::AsTensor(tensor) | A::AsOptionalTensor(OptionalTensorArgument::AsTensor(tensor)) => {
                return self.define(&tensor.name, Asked::Tensor, scope).map(Output::Value);
            }
            A::AsSymInt(SymIntArgument::AsName(name)) => {
                return self.define(&name, Asked::Int, scope).map(Output::Value);
            }
            A::AsSymFloat(SymFloatArgument::AsName(name)) => {
                return self.define(&name, Asked::Float, scope).map(Output::Value);
            }
            A::AsSymBool(SymBoolArgument::AsName(name)) => {
                return self.define(&name, Asked::Bool, scope).map(Output::Value);
            }
            A::AsTensors(tensors) => {
                for tensor in tensors.0 {
                    list.push(Some(self.define(&tensor.name, Asked::Tensor, scope)?));
                }
            }
            A::AsOptionalTensors(tensors) => {
                for tensor in tensors.0 {
                    list.push(match tensor {
                        OptionalTensorArgument::AsTensor(tensor) => {
                            Some(self.define(&tensor.name, Asked::Tensor, scope)?)
                        }
                        OptionalTensorArgument::AsNone(_) => None,
                    });
                }
            }
            A::AsNone(_)
            | A::AsOptionalTensor(_)
            | A::AsInt(_)
            | A::AsFloat(_)
            | A::AsBool(_)
            | A::AsString(_)
            | A::AsSymInt(_)
            | A::AsSymFloat(_)
            | A::AsSymBool(_) => return Ok(Output::Nothing),
            A::AsCustomObj(object) => return Err(custom(&object)),
            _ => return Err("expected a tensor, a list of tensors, a symbolic scalar or nothing".into()),
        }
        Ok(Output::List(list))
    }

    /// Gives a declared name its number.
    fn define<'a>(
        &mut self,
        name: &Text<'a>,
        asked: Asked,
        scope: &mut Scope<'a>,
    ) -> Result<ValueId, String> {
        let shown = || name.as_str().escape_debug();
        let id = ValueId(number(scope.values.len())?);
        let declared = scope
            .names
            .get_mut(name)
            .ok_or_else(|| format!("`{}` has no entry among the values of its graph", shown()))?;
        let kind = match (std::mem::replace(declared, Declared::Defined(id)), asked) {
            (Declared::Defined(_), _) => return Err(format!("`{}` is defined twice", shown())),
            (Declared::Tensor(meta), Asked::Tensor) => {
                ValueKind::Tensor(self.meta(*meta).map_err(|e| format!("`{}`: {e}", shown()))?)
            }
            (Declared::Int(size), Asked::Int) => ValueKind::Int(self.known(&size)?),
            (Declared::Float, Asked::Float) => ValueKind::Float,
            (Declared::Bool, Asked::Bool) => ValueKind::Bool,
            _ => return Err(format!("`{}` is not {}", shown(), asked.words())),
        };
        scope.values.push(Value { name: name.as_str().to_owned(), kind });
        Ok(id)
    }

    fn meta(&mut self, meta: schema::TensorMeta<'_>) -> Result<TensorMeta, String> {
        if meta.sizes.0.len() != meta.strides.0.len() {
            return Err(format!(
                "has {} sizes and {} strides; expected as many",
                meta.sizes.0.len(),
                meta.strides.0.len()
            ));
        }
        if meta.sizes.0.len() > MOST_DIMENSIONS {
            return Err(format!("has {} dimensions; expected at most {MOST_DIMENSIONS}", meta.sizes.0.len()));
        }
        let meta = TensorMeta {
            dtype: DType::from_schema(meta.dtype)?,
            shape: all(meta.sizes, |size| self.size(&size))?,
            strides: all(meta.strides, |size| self.size(&size))?,
            offset: self.size(&meta.storage_offset)?,
            layout: Layout::from_schema(meta.layout)?,
            device: device(meta.device),
            requires_grad: meta.requires_grad,
        };
        // Sizes that are known fit in memory together, whatever the others are.
        let known = meta.shape.iter().filter_map(|size| match size {
            Size::Known(size) => Some(*size),
            _ => None,
        });
        bytes(known, meta.dtype).ok_or("has more elements than memory can hold")?;
        Ok(meta)
    }

    fn size(&mut self, size: &schema::SymInt<'_>) -> Result<Size, String> {
        match size {
            schema::SymInt::AsInt(size) => match u64::try_from(*size) {
                Ok(size) => Ok(Size::Known(size)),
                Err(_) => Err(format!("has a size or stride {size}; expected 0 or more")),
            },
            schema::SymInt::AsExpr(expression) => self.expression(&expression.expr_str),
        }
    }

    /// What is known of a whole number of the graph, which may well be negative.
    fn known(&mut self, size: &schema::SymInt<'_>) -> Result<Size, String> {
        match size {
            schema::SymInt::AsInt(value) => Ok(u64::try_from(*value).map_or(Size::Unknown, Size::Known)),
            schema::SymInt::AsExpr(expression) => self.expression(&expression.expr_str),
        }
    }

    /// A plain symbol; anything else is not evaluated. Symbols that have no range are those that the graph computes.
    fn expression(&mut self, text: &Text<'_>) -> Result<Size, String> {
        let Some(name) = symbol(text.as_str()) else { return Ok(Size::Unknown) };
        if let Some(id) = self.symbol_ids.get(name) {
            return Ok(Size::Symbol(*id));
        }
        self.symbol(name.to_owned(), i64::MIN, i64::MAX).map(Size::Symbol)
    }

    fn symbol(&mut self, name: String, least: i64, most: i64) -> Result<SymbolId, String> {
        let id = SymbolId(number(self.symbols.len())?);
        self.symbol_ids.insert(name.clone(), id);
        self.symbols.push(Symbol { name, least, most });
        Ok(id)
    }

    /// The innermost module of a stack `key,path,class;key,path,class`, the model itself first.
    fn layer(&mut self, stack: &str) -> Result<Option<LayerId>, String> {
        let mut innermost = None;
        for (depth, entry) in stack.split(';').enumerate() {
            if depth > DEEPEST_MODULE {
                return Err(format!("comes from modules more than {DEEPEST_MODULE} deep"));
            }
            let mut fields = entry.rsplitn(3, ',');
            let (Some(class), Some(path)) = (fields.next(), fields.next()) else { continue };
            if path.is_empty() || path == NO_MODULE {
                continue;
            }
            let layer = Layer { path: path.to_owned(), class: class.to_owned(), parent: innermost };
            if let Some(id) = self.layer_ids.get(&layer) {
                innermost = Some(*id);
                continue;
            }
            let id = LayerId(number(self.layers.len())?);
            self.layers.push(layer.clone());
            self.layer_ids.insert(layer, id);
            innermost = Some(id);
        }
        Ok(innermost)
    }
}

/// Why an argument is refused: by itself, or for something in the graph that it holds.
enum Refusal {
    Plain(String),
    Within(Fault),
}

impl From<String> for Refusal {
    fn from(problem: String) -> Self {
        Self::Plain(problem)
    }
}

impl Refusal {
    fn located(self, place: impl FnOnce() -> String) -> Fault {
        match self {
            Self::Plain(problem) => Fault::new(place(), problem),
            Self::Within(fault) => fault.within(place()),
        }
    }

    fn into_problem(self) -> String {
        match self {
            Self::Plain(problem) => problem,
            Self::Within(fault) => format!("{}: {}", fault.place, fault.problem),
        }
    }
}

/// What the user gives is checked against ranges, which therefore have to be there: the first `ranged` symbols have one.
fn inputs_have_ranges(program: &Program, ranged: usize) -> Result<(), Fault> {
    for (_, value) in program.signature.user_inputs(&program.graph) {
        let ValueKind::Tensor(meta) = &value.kind else { continue };
        for size in &meta.shape {
            if let Size::Symbol(id) = size
                && id.index() >= ranged
            {
                let place = format!("input `{}`", value.name.escape_debug());
                let name = program.symbols[id.index()].name.escape_debug();
                return Err(Fault::new(
                    place,
                    format!("its size `{name}` has no entry in range_constraints"),
                ));
            }
        }
    }
    Ok(())
}

/// The name of a plain symbol, written `s0` or, as sympy repeats it, `Symbol('s0', integer=True)`.
fn symbol(expression: &str) -> Option<&str> {
    let name = match expression.strip_prefix("Symbol('") {
        Some(rest) => rest.split_once('\'').filter(|(_, rest)| rest.find(')') == Some(rest.len() - 1))?.0,
        None => expression,
    };
    let plain = name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    plain.then_some(name)
}

fn device(device: schema::Device<'_>) -> Device {
    Device { kind: device.kind.into_owned(), index: device.index }
}

fn custom(object: &schema::CustomObjArgument<'_>) -> String {
    format!(
        "`{}` is a custom object of class `{}`, which is not supported",
        object.name.as_str().escape_debug(),
        object.class_fqn.as_str().escape_debug()
    )
}

/// A new number of 32 bits.
fn number(count: usize) -> Result<u32, String> {
    u32::try_from(count).map_err(|_| "there are more than 2^32 of them".to_owned())
}

/// How many bytes dense elements take; none if the processor cannot address them.
pub(crate) fn bytes(sizes: impl IntoIterator<Item = u64>, dtype: DType) -> Option<u64> {
    let mut empty = false;
    let mut total = dtype.size() as u64;
    for size in sizes {
        // A zero does not excuse sizes beside it that nothing can hold.
        empty |= size == 0;
        total = total.checked_mul(size.max(1)).filter(|total| i64::try_from(*total).is_ok())?;
    }
    Some(if empty { 0 } else { total })
}

fn all<S, T, E>(list: List<S>, one: impl FnMut(S) -> Result<T, E>) -> Result<Vec<T>, E> {
    list.0.into_iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::{bytes, symbol};
    use crate::tensor::DType;

    #[test]
    fn plain_symbols_in_either_spelling() {
        assert_eq!(symbol("s0"), Some("s0"));
        assert_eq!(symbol("_batch"), Some("_batch"));
        assert_eq!(symbol("Symbol('s77', positive=True, integer=True)"), Some("s77"));
        assert_eq!(symbol("Symbol('u0')"), Some("u0"));
        for expression in
            ["2*s0", "s0 + 1", "Max(1, s0)", "", "7", "Symbol('s0", "Symbol('s0')*2", "Symbol('')"]
        {
            assert_eq!(symbol(expression), None, "{expression}");
        }
        assert_eq!(symbol("Mul(Integer(2), Symbol('s0', integer=True))"), None);
    }

    #[test]
    fn bytes_that_can_be_addressed() {
        assert_eq!(bytes([], DType::F32), Some(4));
        assert_eq!(bytes([3, 5], DType::I64), Some(120));
        assert_eq!(bytes([0, 5], DType::I64), Some(0));
        assert_eq!(bytes([1 << 62, 2], DType::U8), None);
        assert_eq!(bytes([0, u64::MAX], DType::U8), None);
    }
}
