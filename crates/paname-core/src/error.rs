//! The one error type of the contracts. Codes are stable, so that an error keeps its meaning across a plugin boundary.

use crate::Access;

/// A `Result` whose error is [`Error`].
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What can go wrong between an audit, its targets and its attacks. Messages are lower-case fragments without a full stop.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The target does not offer, or the threat model does not grant, this access.
    #[error("access denied: {0}")]
    Denied(Access),
    /// The declared number of questions to the target is spent.
    #[error("query budget spent: {asked} more asked, {left} left")]
    Budget {
        /// Records in the refused question.
        asked: u64,
        /// Records that could still be asked about.
        left: u64,
    },
    /// An attack's or adapter's configuration is not usable.
    #[error("configuration: {0}")]
    Config(String),
    /// A requirement of an attack is not met by the case, such as too few reference models.
    #[error("{what}: {needed} needed, {got} given")]
    Missing {
        /// What is short, e.g. `reference models that leave record 12 out`.
        what: String,
        /// How many the attack needs.
        needed: usize,
        /// How many there are.
        got: usize,
    },
    /// Shapes, types or counts that disagree.
    #[error("{what}: expected {expected}, got {got}")]
    Mismatch {
        /// Which value, with its place.
        what: String,
        /// What was expected.
        expected: String,
        /// What was found.
        got: String,
    },
    /// Input data that cannot be read or holds an impossible value; names file and place.
    #[error("{place}: {problem}")]
    Data {
        /// File, and row, column or key in it.
        place: String,
        /// What is wrong and what was expected.
        problem: String,
    },
    /// The user or the engine asked to stop.
    #[error("cancelled")]
    Cancelled,
    /// A panic, caught.
    #[error("panic: {0}")]
    Panic(String),
    /// The other side does not do this at all.
    #[error("not supported: {0}")]
    Unsupported(String),
    /// An error of another library, with what lies behind it.
    #[error("{message}: {}", causes.join(": "))]
    Caused {
        /// What was tried.
        message: String,
        /// Why it failed, the nearest cause first.
        causes: Vec<String>,
    },
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

impl Error {
    /// The stable code of this kind of error; it never changes its meaning.
    pub const fn code(&self) -> u32 {
        match self {
            Self::Other(_) => 0,
            Self::Denied(_) => 1,
            Self::Budget { .. } => 2,
            Self::Config(_) => 3,
            Self::Missing { .. } => 4,
            Self::Mismatch { .. } => 5,
            Self::Data { .. } => 6,
            Self::Cancelled => 7,
            Self::Panic(_) => 8,
            Self::Unsupported(_) => 9,
            Self::Caused { .. } => 10,
        }
    }

    /// The values of the fields, in their order: with the code, what an error is on the other side of a plugin boundary.
    pub(crate) fn parts(&self) -> Vec<String> {
        match self {
            Self::Denied(access) => vec![access.bits().to_string()],
            Self::Budget { asked, left } => vec![asked.to_string(), left.to_string()],
            Self::Missing { what, needed, got } => vec![what.clone(), needed.to_string(), got.to_string()],
            Self::Mismatch { what, expected, got } => vec![what.clone(), expected.clone(), got.clone()],
            Self::Data { place, problem } => vec![place.clone(), problem.clone()],
            Self::Cancelled => Vec::new(),
            Self::Caused { message, causes } => std::iter::once(message).chain(causes).cloned().collect(),
            Self::Config(text) | Self::Panic(text) | Self::Unsupported(text) | Self::Other(text) => {
                vec![text.clone()]
            }
        }
    }

    /// The error of this code and these parts; where they are not understood, one that says `message`.
    pub(crate) fn from_parts(code: u32, message: String, parts: &[String]) -> Self {
        let number = |text: &String| text.parse().ok();
        let known = match (code, parts) {
            (1, [bits]) => bits.parse().ok().map(|bits| Self::Denied(Access::from_bits_truncate(bits))),
            (2, [asked, left]) => {
                asked.parse().ok().zip(left.parse().ok()).map(|(asked, left)| Self::Budget { asked, left })
            }
            (3, [text]) => Some(Self::Config(text.clone())),
            (4, [what, needed, got]) => number(needed).zip(number(got)).map(|(needed, got)| Self::Missing {
                what: what.clone(),
                needed,
                got,
            }),
            (5, [what, expected, got]) => Some(Self::mismatch(what, expected, got)),
            (6, [place, problem]) => Some(Self::data(place, problem)),
            (7, []) => Some(Self::Cancelled),
            (8, [text]) => Some(Self::Panic(text.clone())),
            (9, [text]) => Some(Self::Unsupported(text.clone())),
            (10, [message, causes @ ..]) => {
                Some(Self::Caused { message: message.clone(), causes: causes.to_vec() })
            }
            _ => None,
        };
        known.unwrap_or(Self::Other(message))
    }

    /// An error of another library, with every cause that it names.
    pub fn caused(message: impl Into<String>, error: &dyn std::error::Error) -> Self {
        let causes = std::iter::successors(Some(error), |error| error.source());
        Self::Caused { message: message.into(), causes: causes.map(ToString::to_string).collect() }
    }

    /// A [`Error::Mismatch`] from anything printable.
    pub fn mismatch(
        what: impl Into<String>,
        expected: impl std::fmt::Display,
        got: impl std::fmt::Display,
    ) -> Self {
        Self::Mismatch { what: what.into(), expected: expected.to_string(), got: got.to_string() }
    }

    /// A [`Error::Data`] that names its place.
    pub fn data(place: impl std::fmt::Display, problem: impl Into<String>) -> Self {
        Self::Data { place: place.to_string(), problem: problem.into() }
    }
}
