//! Which value is the output of a module. The graph has no modules; it says of each node which modules it was called in.

use std::collections::HashSet;

use crate::program::{Argument, Graph, LayerId, Output, Program, Scalar, ValueId, ValueKind};

/// How far a value gets.
#[derive(Clone, Copy)]
enum Reach {
    /// Nowhere.
    Unused,
    /// No further than this module; none is the model itself.
    Within(Option<LayerId>),
}

impl Graph {
    /// The value of this name. Looks at all of them.
    pub fn find(&self, name: &str) -> Option<ValueId> {
        let index = self.values.iter().position(|value| value.name == name)?;
        Some(ValueId(index as u32))
    }
}

impl Program {
    /// The modules whose activations can be asked for, with the tensor of the graph that is the output of each, in the order of these. It is the first
    /// tensor that a node within the module gives and a node outside of it, or the caller, uses. Modules that give none are left out, and of several
    /// calls of one path all but the first; nodes of graphs inside nodes are not looked at.
    pub fn activations(&self) -> Vec<(LayerId, ValueId)> {
        let outermost = self.outermost_users();
        let mut seen = HashSet::new();
        let mut found = Vec::new();
        for node in &self.graph.nodes {
            for id in node.outputs.iter().flat_map(Output::values) {
                if !matches!(self.graph.values[id.index()].kind, ValueKind::Tensor(_)) {
                    continue;
                }
                let Reach::Within(common) = outermost[id.index()] else { continue };
                // It leaves every module up to the one in which all its users are.
                let mut layer = node.layer;
                while layer != common {
                    let Some(left) = layer else { break };
                    let path = self.layers[left.index()].path.as_str();
                    if seen.insert(path) {
                        found.push((left, id));
                    }
                    layer = self.layers[left.index()].parent;
                }
            }
        }
        found
    }

    /// For each value, the innermost module that holds both the node that defines it and all that use it.
    fn outermost_users(&self) -> Vec<Reach> {
        let mut depths: Vec<usize> = Vec::with_capacity(self.layers.len());
        for layer in &self.layers {
            depths.push(layer.parent.map_or(1, |parent| depths[parent.index()] + 1));
        }
        let mut origins = vec![None; self.graph.values.len()];
        for node in &self.graph.nodes {
            for id in node.outputs.iter().flat_map(Output::values) {
                origins[id.index()] = node.layer;
            }
        }
        let mut common = vec![Reach::Unused; self.graph.values.len()];
        let mut meet = |id: ValueId, user: Option<LayerId>| {
            let before = match common[id.index()] {
                Reach::Unused => origins[id.index()],
                Reach::Within(layer) => layer,
            };
            common[id.index()] = Reach::Within(self.meeting(before, user, &depths));
        };
        for node in &self.graph.nodes {
            for named in &node.arguments {
                used(&named.argument, &mut |id| meet(id, node.layer));
            }
        }
        for output in &self.graph.outputs {
            used(output, &mut |id| meet(id, None));
        }
        common
    }

    /// The innermost module that holds both.
    fn meeting(&self, a: Option<LayerId>, b: Option<LayerId>, depths: &[usize]) -> Option<LayerId> {
        let depth = |layer: Option<LayerId>| layer.map_or(0, |layer| depths[layer.index()]);
        let parent = |layer: Option<LayerId>| layer.and_then(|layer| self.layers[layer.index()].parent);
        let (mut a, mut b) = (a, b);
        while a != b {
            if depth(a) >= depth(b) {
                a = parent(a);
            } else {
                b = parent(b);
            }
        }
        a
    }
}

/// The values of a graph that an argument uses; those of a graph inside it are others.
pub(crate) fn used(argument: &Argument, each: &mut impl FnMut(ValueId)) {
    fn scalars<T>(list: &[Scalar<T>], each: &mut impl FnMut(ValueId)) {
        for scalar in list {
            if let Scalar::Value(id) = scalar {
                each(*id);
            }
        }
    }
    match argument {
        Argument::Tensor(id) | Argument::SymInt(id) | Argument::SymFloat(id) | Argument::SymBool(id) => {
            each(*id);
        }
        Argument::Tensors(ids) => ids.iter().copied().for_each(each),
        Argument::OptionalTensors(ids) => ids.iter().flatten().copied().for_each(each),
        Argument::TensorLists(lists) => lists.iter().flatten().copied().for_each(each),
        Argument::SymInts(list) => scalars(list, each),
        Argument::SymFloats(list) => scalars(list, each),
        Argument::SymBools(list) => scalars(list, each),
        Argument::Map(entries) => {
            for (_, argument) in entries {
                used(argument, &mut *each);
            }
        }
        _ => {}
    }
}
