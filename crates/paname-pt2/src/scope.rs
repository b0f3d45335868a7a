//! The names of one graph, and which of them are defined so far.

use std::collections::HashMap;

use serde::de::IgnoredAny;

use crate::error::Fault;
use crate::program::{Value, ValueId, ValueKind};
use crate::schema::{self, Text};

/// The names of one graph: all that it declares, and the numbers of those that are defined so far.
pub(crate) struct Scope<'a> {
    pub(crate) names: HashMap<Text<'a>, Declared<'a>>,
    pub(crate) values: Vec<Value>,
}

/// What a name of the graph is.
pub(crate) enum Declared<'a> {
    Tensor(Box<schema::TensorMeta<'a>>),
    Int(schema::SymInt<'a>),
    Float,
    Bool,
    Defined(ValueId),
}

/// What kind of value a use asks for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Asked {
    Tensor,
    Int,
    Float,
    Bool,
}

impl Asked {
    pub(crate) fn words(self) -> &'static str {
        match self {
            Self::Tensor => "a tensor",
            Self::Int => "a whole number",
            Self::Float => "a real number",
            Self::Bool => "a truth value",
        }
    }
}

impl<'a> Scope<'a> {
    pub(crate) fn declare(
        tensors: schema::Entries<'a, schema::TensorMeta<'a>>,
        ints: schema::Entries<'a, schema::SymInt<'a>>,
        floats: schema::Entries<'a, IgnoredAny>,
        truths: schema::Entries<'a, IgnoredAny>,
    ) -> Result<Self, Fault> {
        let tensors = tensors.0.into_iter().map(|(name, meta)| (name, Declared::Tensor(Box::new(meta))));
        let ints = ints.0.into_iter().map(|(name, size)| (name, Declared::Int(size)));
        let floats = floats.0.into_iter().map(|(name, _)| (name, Declared::Float));
        let truths = truths.0.into_iter().map(|(name, _)| (name, Declared::Bool));
        let mut names = HashMap::with_capacity(tensors.len());
        for (name, declared) in tensors.chain(ints).chain(floats).chain(truths) {
            if names.insert(name.clone(), declared).is_some() {
                return Err(Fault::new(
                    "values of the graph",
                    format!("`{}` stands there twice", name.as_str().escape_debug()),
                ));
            }
        }
        Ok(Self { names, values: Vec::new() })
    }

    /// The number of a value that was defined before.
    pub(crate) fn used(&self, name: &Text<'a>, asked: Asked) -> Result<ValueId, String> {
        let shown = || name.as_str().escape_debug();
        let Some(Declared::Defined(id)) = self.names.get(name) else {
            let problem =
                if self.names.contains_key(name) { "is used before it is defined" } else { "is not defined" };
            return Err(format!("`{}` {problem}; the graph is cyclic or malformed", shown()));
        };
        let is = match self.values[id.index()].kind {
            ValueKind::Tensor(_) => Asked::Tensor,
            ValueKind::Int(_) => Asked::Int,
            ValueKind::Float => Asked::Float,
            ValueKind::Bool => Asked::Bool,
        };
        if is != asked {
            return Err(format!("`{}` is {}; expected {}", shown(), is.words(), asked.words()));
        }
        Ok(*id)
    }
}
