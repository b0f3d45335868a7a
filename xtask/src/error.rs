//! What can go wrong in a project command, in words that say what to do next.

use std::{fmt, io, path::PathBuf};

use crate::libtorch::VERSION;

pub(crate) type Result<T, E = Error> = std::result::Result<T, E>;

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
    /// Python, which fetches and unpacks libtorch, is missing or has no pip.
    NoPython { problem: String },
    /// No C++ compiler, without which nothing can be built on libtorch.
    NoCompiler { tried: Vec<String> },
    /// No libtorch is prepared for this system.
    OtherSystem { system: String },
    /// A libtorch that was named, and is another one or none at all.
    OtherLibtorch { place: String, found: Option<String> },
    /// The disk is too full.
    NoSpace { folder: PathBuf, needed: u64, free: u64 },
    /// A package could not be fetched.
    Download { package: &'static str, problem: String },
    /// A fetched file is not the one that was meant; it is removed.
    Checksum { path: PathBuf, expected: &'static str, got: String },
    /// A package could not be unpacked or linked.
    Unpack { file: &'static str, problem: String },
    /// A library that Cargo was to build is not among what it built.
    NoLibrary { command: String },
    /// The files of Fashion-MNIST cannot be had.
    FashionMnist { problem: String },
    /// The demo's first audit is done, the second cannot be made.
    SecondAudit { reason: Box<Error> },
    /// The stages of `test` that failed.
    Stages { names: Vec<&'static str> },
    /// The validations that failed.
    Validations { names: Vec<String> },
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
            Self::NoPython { problem } => {
                write!(
                    f,
                    "libtorch is fetched with Python's pip, which does not run here ({problem}); install Python 3 with pip, or set LIBTORCH to a folder of libtorch {VERSION}"
                )
            }
            Self::NoCompiler { tried } => {
                write!(
                    f,
                    "no C++ compiler, without which nothing can be built on libtorch (tried {}); install g++ or clang, or set CXX",
                    tried.join(", ")
                )
            }
            Self::OtherSystem { system } => {
                write!(
                    f,
                    "libtorch is prepared for linux x86_64 only, this is {system}; install PyTorch {VERSION} and set LIBTORCH_USE_PYTORCH=1, or set LIBTORCH to a folder of libtorch {VERSION}"
                )
            }
            Self::OtherLibtorch { place, found: Some(found) } => {
                write!(
                    f,
                    "{place} is libtorch {found}, expected {VERSION}; without that variable, `cargo xtask libtorch` prepares the right one"
                )
            }
            Self::OtherLibtorch { place, found: None } => {
                write!(
                    f,
                    "{place} has no libtorch, expected version {VERSION}; without that variable, `cargo xtask libtorch` prepares it"
                )
            }
            Self::NoSpace { folder, needed, free } => {
                write!(
                    f,
                    "libtorch needs {} of free disk in {}, there is {}; make room or set PANAME_CACHE to another folder",
                    gigabytes(*needed),
                    folder.display(),
                    gigabytes(*free)
                )
            }
            Self::Download { package, problem } => {
                write!(
                    f,
                    "{package} could not be downloaded ({problem}); check the connection and start again: what is complete is kept"
                )
            }
            Self::Checksum { path, expected, got } => {
                write!(
                    f,
                    "{}: the SHA-256 is {got}, expected {expected}; the file was removed, start again",
                    path.display()
                )
            }
            Self::Unpack { file, problem } => {
                write!(f, "{file} could not be unpacked ({problem}); start again")
            }
            Self::NoLibrary { command } => write!(f, "`{command}` built no library to load"),
            Self::FashionMnist { problem } => {
                write!(
                    f,
                    "the files of Fashion-MNIST cannot be had ({problem}); on Debian, `apt-get update` may help; elsewhere name a folder that holds them by --data-folder"
                )
            }
            Self::SecondAudit { reason } => {
                write!(f, "the first audit stands; the second, of models in memory, is left out: {reason}")
            }
            Self::Stages { names } => write!(f, "failed: {}", names.join(", ")),
            Self::Validations { names } => write!(f, "failed: {}", names.join(", ")),
        }
    }
}

fn gigabytes(bytes: u64) -> String {
    format!("{:.1} GB", bytes as f64 / 1e9)
}
