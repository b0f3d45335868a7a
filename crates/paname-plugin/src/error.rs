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
    #[error("{}: {source}", shown(path))]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system says.
        source: io::Error,
    },
    /// A description or a list that cannot be understood.
    #[error("{}{}: {problem}", shown(path), place.map(|(line, column)| format!(":{line}:{column}")).unwrap_or_default())]
    Text {
        /// The file.
        path: PathBuf,
        /// Line and column, from 1.
        place: Option<(usize, usize)>,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// A plugin that cannot be used.
    #[error("plugin `{name}` ({}): {problem}", shown(folder))]
    Refused {
        /// Its name.
        name: String,
        /// Its folder.
        folder: PathBuf,
        /// Why.
        problem: String,
    },
    /// Two folders with plugins of one name.
    #[error("two plugins are named `{name}`: {} and {}; remove one of them", shown(first), shown(second))]
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

/// A path as a message names it: no name of a file breaks the line or moves the cursor.
pub(crate) fn shown(path: &Path) -> String {
    printable(&path.display().to_string())
}

/// A text on one line.
pub(crate) fn printable(text: &str) -> String {
    text.chars().map(|c| if is_plain(c) { c } else { ' ' }).collect()
}

/// Whether a character neither breaks a line nor moves the cursor.
pub(crate) fn is_plain(c: char) -> bool {
    !c.is_control() && !matches!(c, '\u{2028}' | '\u{2029}')
}
