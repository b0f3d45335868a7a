//! What stops an audit, each kind with its exit code.

use std::io;
use std::path::{Path, PathBuf};

/// What stops an audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EngineError {
    /// The manifest cannot be used.
    #[error("{path}:{line}:{column}: {problem}")]
    Manifest {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column, from 1.
        column: usize,
        /// What is wrong and what was expected.
        problem: String,
        /// Byte range in the file, for editors and pretty errors.
        span: std::ops::Range<usize>,
    },
    /// Data cannot be used.
    #[error(transparent)]
    Data(paname_core::Error),
    /// A file cannot be read or written.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// Another process works in this run folder.
    #[error("{0}: another audit is running in this folder; wait for it or choose another with --run-dir")]
    Busy(PathBuf),
    /// The journal is broken.
    #[error(transparent)]
    Journal(#[from] paname_evidence::JournalError),
    /// A step ended without a word, as in a crash.
    #[error("step `{step}`: {message}")]
    Step {
        /// The step.
        step: String,
        /// What is known.
        message: String,
    },
    /// What a worker reported.
    #[error("{message}")]
    Reported {
        /// Exit code of the worker's own error.
        code: u8,
        /// Its words.
        message: String,
    },
    /// The user asked to stop.
    #[error("cancelled; the same command goes on from here")]
    Cancelled,
    /// A defect of the program or something without a kind of its own.
    #[error("{0}")]
    Other(String),
}

/// Exit codes of the command line, by kind of error; 0 is success, 2 is kept for wrong arguments.
pub const EXIT_CODES: &[(u8, &str)] = &[
    (1, "something without a code of its own"),
    (2, "wrong arguments"),
    (3, "manifest"),
    (4, "data"),
    (5, "file cannot be read or written"),
    (6, "run folder in use"),
    (7, "journal broken"),
    (8, "a step crashed"),
    (130, "cancelled"),
];

impl EngineError {
    /// The exit code of this kind of error; see [`EXIT_CODES`].
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Other(_) => 1,
            Self::Manifest { .. } => 3,
            Self::Data(_) => 4,
            Self::Io { .. } => 5,
            Self::Busy(_) => 6,
            Self::Journal(_) => 7,
            Self::Step { .. } => 8,
            Self::Reported { code, .. } => *code,
            Self::Cancelled => 130,
        }
    }

    /// Whether the audit cannot go on, as after a full disk.
    pub(crate) const fn is_fatal(&self) -> bool {
        matches!(self, Self::Cancelled | Self::Journal(_)) || self.exit_code() == 5
    }

    /// For `map_err`: an error without a kind of its own.
    pub(crate) fn other(error: impl std::fmt::Display) -> Self {
        Self::Other(error.to_string())
    }

    /// For `map_err`: an [`EngineError::Io`] that names the file.
    pub(crate) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }
}

impl From<paname_core::Error> for EngineError {
    fn from(error: paname_core::Error) -> Self {
        match error {
            paname_core::Error::Cancelled => Self::Cancelled,
            error => Self::Data(error),
        }
    }
}
