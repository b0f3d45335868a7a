//! What the inputs and outputs of a program's graph are.

use crate::program::{Argument, Graph, Input, Value, ValueId};

/// The part that each input and output of a graph plays.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Signature {
    /// One for each of [`Graph::inputs`].
    pub inputs: Vec<InputRole>,
    /// One for each of [`Graph::outputs`].
    pub outputs: Vec<OutputRole>,
}

/// What an input is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum InputRole {
    /// A parameter, by its fully qualified name.
    Parameter(String),
    /// A buffer, by its fully qualified name.
    Buffer {
        /// The name.
        name: String,
        /// Whether it belongs to the state of the model.
        persistent: bool,
    },
    /// A tensor that was a constant of the program, by its name.
    Constant(String),
    /// What the user gives, in order.
    User,
    /// A literal that the user gave on export.
    Literal,
}

impl InputRole {
    /// The name by which [`Archive::weight`](crate::Archive::weight) knows it; none for what the user gives.
    pub fn weight(&self) -> Option<&str> {
        match self {
            Self::Parameter(name) | Self::Buffer { name, .. } | Self::Constant(name) => Some(name),
            Self::User | Self::Literal => None,
        }
    }

    /// The name by which a model saves it, as PyTorch's `state_dict` does; none for what is not saved.
    pub fn saved(&self) -> Option<&str> {
        match self {
            Self::Parameter(name) | Self::Buffer { name, persistent: true } => Some(name),
            _ => None,
        }
    }
}

/// What an output is. Names are those of inputs in the signature.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OutputRole {
    /// What the user gets, in order.
    User,
    /// A loss.
    Loss,
    /// The next state of this buffer.
    BufferMutation(String),
    /// The next state of this parameter.
    ParameterMutation(String),
    /// What the run has made of what the user gave as this input of [`Graph::inputs`].
    InputMutation(usize),
    /// The gradient of this parameter.
    ParameterGradient(String),
    /// The gradient of what the user gave as this input of [`Graph::inputs`].
    InputGradient(usize),
}

impl Signature {
    /// The values that the user gives, with what is known of them, in order. Tensors mostly; whole numbers where a size was given by itself.
    pub fn user_inputs<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = (ValueId, &'a Value)> {
        self.inputs.iter().zip(&graph.inputs).filter_map(|(role, input)| match (role, input) {
            (InputRole::User, Input::Value(id)) => Some((*id, &graph.values[id.index()])),
            _ => None,
        })
    }

    /// What the user gets, in order.
    pub fn user_outputs<'a>(&'a self, graph: &'a Graph) -> impl Iterator<Item = &'a Argument> {
        self.outputs.iter().zip(&graph.outputs).filter(|(role, _)| **role == OutputRole::User).map(|(_, o)| o)
    }
}
