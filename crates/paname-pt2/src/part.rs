//! The part of a program that follows one of its values.

use crate::layers::used;
use crate::program::{
    Argument, ArgumentKind, Graph, Input, Named, Node, Output, Program, Value, ValueId, ValueKind,
};
use crate::tensor::{Size, TensorMeta};

/// What a node that copies a tensor calls.
const CLONE: &str = "torch.ops.aten.clone.default";
/// What a node that asks for a size of a tensor calls.
const SIZE: &str = "torch.ops.aten.sym_size.int";

/// Which values of a graph are there when only a part of it runs.
struct There(Vec<bool>);

impl There {
    fn is(&self, id: ValueId) -> bool {
        self.0[id.index()]
    }

    fn set(&mut self, id: ValueId) {
        self.0[id.index()] = true;
    }

    fn all_of(&self, argument: &Argument) -> bool {
        let mut all = true;
        used(argument, &mut |id| all &= self.is(id));
        all
    }
}

impl Program {
    /// The program that takes `start`, a tensor that a node gives, in the place of the one tensor that the user gives, and computes what follows from it.
    /// Values keep their numbers; outputs that do not follow are [`Argument::None`]. Fails where `output`, an index into [`Graph::outputs`], hangs on what
    /// the user gives by another way too, with what is to be said about it.
    pub fn following(&self, start: ValueId, output: usize) -> Result<Self, String> {
        let name = &self.graph.values[start.index()].name;
        let ValueKind::Tensor(shape) = &self.graph.values[start.index()].kind else {
            return Err(format!("`{name}` is no tensor"));
        };
        let origin = self
            .graph
            .nodes
            .iter()
            .position(|node| node.outputs.iter().flat_map(Output::values).any(|id| id == start));
        let (Some(origin), Some(given)) = (origin, self.only_input()) else {
            return Err(format!("`{name}` is no value that the program computes"));
        };
        let mut graph = Graph { nodes: Vec::new(), ..self.graph.clone() };
        // What the user gave is now what the part is given; a copy of it is the start, since the nodes after it may write to it.
        graph.values[given.index()] = self.graph.values[start.index()].clone();
        let mut there = There(vec![false; graph.values.len()]);
        for (input, role) in graph.inputs.iter().zip(&self.signature.inputs) {
            if let Input::Value(id) = input
                && role.weight().is_some()
            {
                there.set(*id);
            }
        }
        for (number, node) in self.graph.nodes.iter().enumerate() {
            let node = if number == origin {
                copy(given, start, node)
            } else if node.arguments.iter().all(|named| there.all_of(&named.argument)) {
                node.clone()
            } else if let Some(node) = size_of(node, &graph.values, given, shape) {
                node
            } else if number > origin && writes(node) {
                // What it writes to may be seen by another name.
                return Err(format!("{} after `{name}` hangs on what comes before it", node.target));
            } else {
                continue;
            };
            let outputs: Vec<ValueId> = node.outputs.iter().flat_map(Output::values).collect();
            for id in outputs {
                there.set(id);
            }
            graph.nodes.push(node);
        }
        for (number, argument) in graph.outputs.iter_mut().enumerate() {
            if !there.all_of(argument) {
                if number == output {
                    return Err(format!("the outputs do not follow from `{name}` alone"));
                }
                *argument = Argument::None;
            }
        }
        graph.nodes = needed(&graph);
        if !graph.nodes.iter().any(|node| node.outputs == [Output::Value(start)]) {
            return Err(format!("the outputs do not follow from `{name}`"));
        }
        Ok(Self { graph, ..self.clone() })
    }

    /// The one value that the user gives.
    fn only_input(&self) -> Option<ValueId> {
        let mut given = self.signature.user_inputs(&self.graph);
        let only = given.next().map(|(id, _)| id);
        only.filter(|_| given.next().is_none())
    }
}

/// A node that copies what the part is given, in the place of the one that gave it.
fn copy(given: ValueId, start: ValueId, origin: &Node) -> Node {
    let argument = Argument::Tensor(given);
    Node {
        target: CLONE.to_owned(),
        arguments: vec![Named { name: "self".to_owned(), argument, kind: ArgumentKind::Positional }],
        outputs: vec![Output::Value(start)],
        layer: origin.layer,
        single_output: origin.single_output,
    }
}

/// A node that asks what the part is given for a size, such as the number of records, that another tensor was asked for.
fn size_of(node: &Node, values: &[Value], given: ValueId, shape: &TensorMeta) -> Option<Node> {
    let [Output::Value(id)] = node.outputs[..] else { return None };
    let ValueKind::Int(size @ Size::Symbol(_)) = values[id.index()].kind else { return None };
    let dimension = shape.shape.iter().position(|known| *known == size)? as i64;
    let mut node = node.clone();
    for (named, argument) in
        node.arguments.iter_mut().zip([Argument::Tensor(given), Argument::Int(dimension)])
    {
        named.argument = argument;
    }
    (node.target == SIZE && node.arguments.len() == 2).then_some(node)
}

/// Whether an operator writes to what it is called with: its name ends in `_`.
fn writes(node: &Node) -> bool {
    let mut parts = node.target.rsplit('.');
    parts.nth(1).is_some_and(|operator| operator.ends_with('_') && !operator.ends_with("__"))
}

/// The nodes that outputs hang on, and those that write: to what, a graph does not say.
fn needed(graph: &Graph) -> Vec<Node> {
    let mut wanted = There(vec![false; graph.values.len()]);
    for output in &graph.outputs {
        used(output, &mut |id| wanted.set(id));
    }
    let mut nodes: Vec<Node> = Vec::new();
    for node in graph.nodes.iter().rev() {
        if writes(node) || node.outputs.iter().flat_map(Output::values).any(|id| wanted.is(id)) {
            for named in &node.arguments {
                used(&named.argument, &mut |id| wanted.set(id));
            }
            nodes.push(node.clone());
        }
    }
    nodes.reverse();
    nodes
}
