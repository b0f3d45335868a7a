//! What can go wrong with plugins.

use std::io;
use std::path::{Path, PathBuf};

/// A `Result` whose error is [`PluginError`].
pub type Result<T, E = PluginError> = std::result::Result<T, E>;

/// What can go wrong with plugins. Messages are one line each, lower-case and without a full stop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PluginError {
    /// A file or folder that cannot be read or written.
    #[error("{}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A description or a list that cannot be understood.
    #[error("{}{}: {problem}", path.display(), place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default())]
    Text {
        /// The file.
        path: PathBuf,
        /// Line and column, from 1.
        place: Option<(usize, usize)>,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A plugin that cannot be used.
    #[error("plugin `{name}` ({}): {problem}", folder.display())]
    Refused {
        /// Its name.
        name: String,
        /// Its folder.
        folder: PathBuf,
        /// Why.
        problem: String,
    },
    /// Two folders with plugins of one name.
    #[error("two plugins are named `{name}`: {} and {}; remove one of them", first.display(), second.display())]
    Twice {
        /// The name.
        name: String,
        /// A folder.
        first: PathBuf,
        /// Another one.
        second: PathBuf,
    },
    /// What a plugin brings cannot be added to what is there.
    #[error(transparent)]
    Core(#[from] paname_core::Error),
    /// A new crate or a package of one cannot be made.
    #[error("{0}")]
    Build(String),
}

impl PluginError {
    /// For `map_err`: an error about a file.
    pub(crate) fn io(path: &Path) -> impl Fn(io::Error) -> Self + '_ {
        move |source| Self::Io { path: path.to_owned(), source }
    }

    pub(crate) fn text(path: &Path, problem: impl Into<String>) -> Self {
        Self::Text { path: path.to_owned(), place: None, problem: problem.into() }
    }
}
