//! What a program is, once read: values that have numbers instead of names, and nodes that use only values defined before them.

use crate::signature::Signature;
use crate::tensor::{DType, Device, Layout, MemoryFormat, Size, TensorMeta};

/// A program of torch.export: a graph, what its inputs and outputs are, and what its symbols may stand for.
#[derive(Debug, Clone, PartialEq)]
pub struct Program {
    /// The graph. Its inputs are parameters, buffers, constants and what the user gives, in the order of [`Signature::inputs`].
    pub graph: Graph,
    /// What each input and output of the graph is.
    pub signature: Signature,
    /// The symbols that sizes name, by [`SymbolId`](crate::SymbolId).
    pub symbols: Vec<Symbol>,
    /// The modules that nodes come from, by [`LayerId`], each after the one that called it.
    pub layers: Vec<Layer>,
    /// Names of what the user gets, in the order of [`Signature::user_outputs`]: keys of a dictionary, numbers in a tuple, `output` for one alone.
    pub output_names: Vec<String>,
    /// Version of PyTorch that exported the program, such as `2.11.0+cu130`.
    pub torch_version: String,
    /// Major and minor version of the schema.
    pub schema_version: (u32, u32),
}

/// Nodes in an order in which they can be run. The graph of a program, or one inside a node, whose values have numbers of their own.
#[derive(Debug, Clone, PartialEq)]
pub struct Graph {
    /// Its name: empty for that of the program, such as `submod_1` for others.
    pub name: String,
    /// What a call gives, in order.
    pub inputs: Vec<Input>,
    /// The nodes; each uses inputs and outputs of nodes before it, and nothing else.
    pub nodes: Vec<Node>,
    /// What a call returns, in order: values, or literals such as [`Argument::None`].
    pub outputs: Vec<Argument>,
    /// All values, by [`ValueId`], in the order in which they are defined: inputs first, then outputs of nodes.
    pub values: Vec<Value>,
    /// Of a graph inside a node: whether it returns one tensor and not a list of one.
    pub single_output: bool,
}

/// A value of one graph: an index into its [`Graph::values`]. Each is defined once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub u32);

impl ValueId {
    /// The index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A value that an input or a node defines.
#[derive(Debug, Clone, PartialEq)]
pub struct Value {
    /// Its name in the graph, such as `conv2d_3`.
    pub name: String,
    /// What it is.
    pub kind: ValueKind,
}

/// What a value is.
#[derive(Debug, Clone, PartialEq)]
pub enum ValueKind {
    /// A tensor.
    Tensor(TensorMeta),
    /// A whole number that depends on sizes, and what is known of it.
    Int(Size),
    /// A real number that depends on sizes.
    Float,
    /// A truth value that depends on sizes.
    Bool,
}

/// An input of a graph.
#[derive(Debug, Clone, PartialEq)]
pub enum Input {
    /// A value that the caller gives.
    Value(ValueId),
    /// A literal that was fixed on export, and which no node names; the caller gives nothing.
    Literal(Argument),
}

/// A call of an operator.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// The operator: `torch.ops.aten.conv2d.default`, `_operator.mul`, `torch.ops.higher_order.wrap_with_set_grad_enabled`. Any text may stand here;
    /// which operators exist and may run is the executor's to say.
    pub target: String,
    /// What it is called with. Arguments that the operator has defaults for may be absent.
    pub arguments: Vec<Named>,
    /// What it defines, one for each value that the operator returns.
    pub outputs: Vec<Output>,
    /// The innermost module that the call comes from; none where the exporter did not say, or where it is the model itself.
    pub layer: Option<LayerId>,
    /// Of an operator that runs graphs: whether it returns one tensor and not a list of one.
    pub single_output: bool,
}

/// An argument of a call.
#[derive(Debug, Clone, PartialEq)]
pub struct Named {
    /// Its name in the operator's schema; empty for operators that run graphs.
    pub name: String,
    /// Its value.
    pub argument: Argument,
    /// How it was given.
    pub kind: ArgumentKind,
}

/// How an argument was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ArgumentKind {
    /// By its place.
    Positional,
    /// By its name.
    Keyword,
    /// The file does not say.
    Unspecified,
}

/// A number or truth value that is known, or a value of the graph.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scalar<T> {
    /// Known on export.
    Known(T),
    /// Computed by the graph.
    Value(ValueId),
}

/// What an operator is called with, or a graph returns. A symbolic scalar that the file gives as a number is a plain one here, and an optional tensor is
/// a tensor or nothing.
#[derive(Debug, Clone, PartialEq)]
#[non_exhaustive]
pub enum Argument {
    /// Nothing.
    None,
    /// A tensor.
    Tensor(ValueId),
    /// A list of tensors.
    Tensors(Vec<ValueId>),
    /// A list of tensors, some of which may be absent.
    OptionalTensors(Vec<Option<ValueId>>),
    /// Lists of tensors.
    TensorLists(Vec<Vec<ValueId>>),
    /// A whole number.
    Int(i64),
    /// Whole numbers.
    Ints(Vec<i64>),
    /// Lists of whole numbers.
    IntLists(Vec<Vec<i64>>),
    /// A whole number that the graph computes.
    SymInt(ValueId),
    /// Whole numbers, some of which the graph computes.
    SymInts(Vec<Scalar<i64>>),
    /// A real number; infinities and not-a-numbers may occur.
    Float(f64),
    /// Real numbers.
    Floats(Vec<f64>),
    /// A real number that the graph computes.
    SymFloat(ValueId),
    /// Real numbers, some of which the graph computes.
    SymFloats(Vec<Scalar<f64>>),
    /// A truth value.
    Bool(bool),
    /// Truth values.
    Bools(Vec<bool>),
    /// A truth value that the graph computes.
    SymBool(ValueId),
    /// Truth values, some of which the graph computes.
    SymBools(Vec<Scalar<bool>>),
    /// A complex number.
    Complex {
        /// Its real part.
        real: f64,
        /// Its imaginary part.
        imaginary: f64,
    },
    /// A text.
    String(String),
    /// Texts.
    Strings(Vec<String>),
    /// A type of elements.
    DType(DType),
    /// A layout.
    Layout(Layout),
    /// A memory format.
    MemoryFormat(MemoryFormat),
    /// A device.
    Device(Device),
    /// A graph that the operator runs.
    Graph(Box<Graph>),
    /// An operator, by its name.
    Operator(String),
    /// Arguments by name, in the order of the file.
    Map(Vec<(String, Argument)>),
}

/// What a call defines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// One value.
    Value(ValueId),
    /// One list of tensors, each of which is a value; absent ones have none.
    List(Vec<Option<ValueId>>),
    /// Something that no later node can name.
    Nothing,
}

impl Output {
    /// The values that it defines.
    pub fn values(&self) -> Vec<ValueId> {
        match self {
            Self::Value(id) => vec![*id],
            Self::List(ids) => ids.iter().flatten().copied().collect(),
            Self::Nothing => Vec::new(),
        }
    }
}

/// A module of the model: an index into [`Program::layers`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LayerId(pub u32);

impl LayerId {
    /// The index.
    pub const fn index(self) -> usize {
        self.0 as usize
    }
}

/// A module of the model, or a later call of one.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Layer {
    /// Its path, such as `layer1.0.conv1`; later calls of one module end in `@1`, `@2` and so on.
    pub path: String,
    /// The class that it has in Python, such as `torch.nn.modules.conv.Conv2d`; empty where the file does not say.
    pub class: String,
    /// The module that called it; none if that is the model itself. It comes before this one in [`Program::layers`].
    pub parent: Option<LayerId>,
}

/// What a symbol may stand for, both ends included.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Symbol {
    /// Its name, such as `s0`.
    pub name: String,
    /// The smallest value; `i64::MIN` where there is none.
    pub least: i64,
    /// The largest value; `i64::MAX` where there is none.
    pub most: i64,
}
