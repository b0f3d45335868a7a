//! Concrete shapes of inputs, held against the program.

use crate::error::{Error, Result};
use crate::program::{Program, Symbol, Value, ValueKind};
use crate::tensor::{Size, SymbolId, TensorMeta};

/// What the symbols of a program stand for in a run.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Bindings(Vec<Option<u64>>);

impl Bindings {
    /// The value of a symbol; none if no input shows it.
    pub fn get(&self, symbol: SymbolId) -> Option<u64> {
        self.0.get(symbol.index()).copied().flatten()
    }

    /// The value of a size; none where it is not known before the graph computes it.
    pub fn size(&self, size: Size) -> Option<u64> {
        match size {
            Size::Known(size) => Some(size),
            Size::Symbol(symbol) => self.get(symbol),
            Size::Unknown => None,
        }
    }
}

impl Program {
    /// The tensors that the user gives, in order.
    pub fn user_tensors(&self) -> impl Iterator<Item = (&Value, &TensorMeta)> {
        self.signature.user_inputs(&self.graph).filter_map(|(_, value)| match &value.kind {
            ValueKind::Tensor(meta) => Some((value, meta)),
            _ => None,
        })
    }

    /// Checks the shapes of the tensors that the user gives, in the order of [`Program::user_tensors`], against what the program was exported for: their
    /// number, their dimensions, fixed sizes, the ranges of symbols, and that a symbol is the same wherever it stands. Sizes that are expressions over
    /// symbols are not checked. Fails with the input, the dimension and what is allowed there.
    pub fn bind<S: AsRef<[u64]>>(&self, shapes: &[S]) -> Result<Bindings> {
        let expected = self.user_tensors().count();
        if shapes.len() != expected {
            return Err(Error::Inputs { expected, got: shapes.len() });
        }
        let mut bindings = Bindings(vec![None; self.symbols.len()]);
        for ((value, meta), shape) in self.user_tensors().zip(shapes) {
            let (input, shape) = (&value.name, shape.as_ref());
            if shape.len() != meta.shape.len() {
                return Err(Error::Rank {
                    input: input.clone(),
                    expected: meta.shape.len(),
                    got: shape.len(),
                });
            }
            for (dimension, (asked, &got)) in meta.shape.iter().zip(shape).enumerate() {
                let refuse =
                    |expected: String| Error::Size { input: input.clone(), dimension, expected, got };
                match *asked {
                    Size::Known(size) if size != got => return Err(refuse(size.to_string())),
                    Size::Known(_) | Size::Unknown => {}
                    Size::Symbol(id) => {
                        let symbol = &self.symbols[id.index()];
                        let bound = &mut bindings.0[id.index()];
                        if let Some(before) = *bound
                            && before != got
                        {
                            return Err(refuse(format!("{before}, as elsewhere for `{}`", symbol.name)));
                        }
                        if !symbol.allows(got) {
                            return Err(refuse(symbol.range()));
                        }
                        *bound = Some(got);
                    }
                }
            }
        }
        Ok(bindings)
    }
}

impl Symbol {
    /// Whether it may stand for this size.
    pub fn allows(&self, size: u64) -> bool {
        i64::try_from(size).is_ok_and(|size| (self.least..=self.most).contains(&size))
    }

    /// The sizes that it may stand for, in words.
    fn range(&self) -> String {
        match (self.least.max(0), self.most) {
            (least, i64::MAX) => format!("{least} or more"),
            (least, most) => format!("{least} to {most}"),
        }
    }
}
