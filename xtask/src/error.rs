//! What can go wrong in a project command, in words that say what to do next.

use std::{fmt, io, path::PathBuf};

pub(crate) type Result<T> = std::result::Result<T, Error>;

#[derive(Debug)]
pub(crate) enum Error {
    /// A command, stage or option that does not exist.
    UnknownName { what: &'static str, got: String, expected: Vec<&'static str> },
    /// A program could not be started.
    Start { program: String, source: io::Error },
    /// A program ran and did not succeed; it has already said why.
    Failed { command: String, status: String },
    /// A file that a command promises was not written.
    Missing { path: PathBuf, writer: &'static str },
    /// A file could not be read or written.
    Io { path: PathBuf, source: io::Error },
    /// Generated files differ from what the program generates now.
    Stale { paths: Vec<&'static str> },
    /// A tool is needed that is neither installed nor installable.
    NoTool { tool: &'static str, install: String, source: Box<Error> },
    /// The stages of `test` that failed.
    Stages { names: Vec<&'static str> },
}

impl Error {
    /// 2 for a wrong command line, as everywhere in PANAME; 1 for work that failed.
    pub(crate) fn exit_code(&self) -> u8 {
        if matches!(self, Self::UnknownName { .. }) { 2 } else { 1 }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::UnknownName { what, got, expected } => {
                write!(f, "unknown {what} `{got}`, expected one of: {}", expected.join(", "))
            }
            Self::Start { program, source } => write!(f, "could not start `{program}`: {source}"),
            Self::Failed { command, status } => write!(f, "`{command}` ended with {status}"),
            Self::Missing { path, writer } => {
                write!(f, "{writer} did not write {} or left it empty", path.display())
            }
            Self::Io { path, source } => write!(f, "{}: {source}", path.display()),
            Self::Stale { paths } => {
                write!(
                    f,
                    "out of date: {}; run `cargo xtask generate` and commit the result",
                    paths.join(", ")
                )
            }
            Self::NoTool { tool, install, source } => {
                write!(
                    f,
                    "`{tool}` is missing and could not be installed ({source}); install it by `{install}`"
                )
            }
            Self::Stages { names } => write!(f, "failed: {}", names.join(", ")),
        }
    }
}
