//! The one error type of the crate.

use std::fmt;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an archive is refused, or an input does not fit its program. Errors about a file name it, the place in it, and what was expected there.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The file cannot be opened or mapped into memory.
    #[error("{file}: {problem}")]
    Unreadable {
        /// The file.
        file: String,
        /// What the system says.
        problem: String,
    },
    /// The file is no zip archive of the expected layout, or one that is truncated, damaged or hostile.
    #[error("{file}: {problem}")]
    Archive {
        /// The file.
        file: String,
        /// What is wrong, with the entries that it concerns, and what was expected.
        problem: String,
    },
    /// An entry of the archive cannot be read.
    #[error("{file}: {entry}: {problem}")]
    Entry {
        /// The file.
        file: String,
        /// Name of the entry below the root folder of the archive, such as `models/model.json`.
        entry: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The weights are pickles, which are programs and never read.
    #[error("{file}: {entry} holds a pickle, which is a program and is never read; {}", instead_of(entry))]
    Pickle {
        /// The file.
        file: String,
        /// Name of the entry that is, or would hold, a pickle.
        entry: String,
    },
    /// A format or schema in a version that this crate does not read.
    #[error("{file}: {entry}: {what} {got} is not supported; expected {supported}")]
    Version {
        /// The file.
        file: String,
        /// Name of the entry that says so.
        entry: String,
        /// What has a version: `schema version`, `archive version` or `card format`.
        what: &'static str,
        /// The version found.
        got: String,
        /// The versions that are read.
        supported: String,
    },
    /// A graph, signature or symbol that is malformed.
    #[error("{file}: {entry}: {place}: {problem}")]
    Program {
        /// The file.
        file: String,
        /// Name of the entry that holds the program.
        entry: String,
        /// The place in it, such as ``node 12 (torch.ops.aten.add.Tensor), argument `other` ``.
        place: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A parameter, buffer or constant whose stored bytes are absent or do not fit.
    #[error("{file}: weight `{name}`: {problem}")]
    Weight {
        /// The file.
        file: String,
        /// Fully qualified name in the signature, such as `layer1.0.conv1.weight`.
        name: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// Another number of input tensors than the program has.
    #[error("expected {expected} input tensors, got {got}")]
    Inputs {
        /// How many the program has.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// An input tensor with another number of dimensions than the program was exported for.
    #[error("input `{input}`: expected {expected} dimensions, got {got}")]
    Rank {
        /// Name of the input.
        input: String,
        /// How many the program asks for.
        expected: usize,
        /// How many there are.
        got: usize,
    },
    /// A size that the program does not allow.
    #[error("input `{input}`, dimension {dimension}: expected {expected}, got {got}")]
    Size {
        /// Name of the input.
        input: String,
        /// The dimension, from 0.
        dimension: usize,
        /// The allowed sizes.
        expected: String,
        /// The size found.
        got: u64,
    },
}

/// What to do about a pickle: a model of torch.save has no program that could be rewritten.
fn instead_of(entry: &str) -> &'static str {
    if entry == "data.pkl" {
        "the file is one of torch.save: build the model in Python, load its weights, and save it with `paname_export.export`"
    } else {
        "rewrite the file with `python -m paname_export old.pt2 new.pt2`, or save the model again by torch.export.save of torch 2.9 or newer"
    }
}

/// A problem and its place in an entry, before file and entry are known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) place: String,
    pub(crate) problem: String,
}

impl Fault {
    pub(crate) fn new(place: impl fmt::Display, problem: impl fmt::Display) -> Self {
        Self { place: place.to_string(), problem: problem.to_string() }
    }

    /// The same problem, in a place that lies within another.
    pub(crate) fn within(self, place: impl fmt::Display) -> Self {
        Self { place: format!("{place}, {}", self.place), ..self }
    }

    pub(crate) fn in_entry(self, file: &str, entry: &str) -> Error {
        Error::Program {
            file: file.to_owned(),
            entry: entry.to_owned(),
            place: self.place,
            problem: self.problem,
        }
    }
}
