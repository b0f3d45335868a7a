//! The one error of this crate.

/// What this crate returns.
pub type Result<T> = std::result::Result<T, Error>;

/// Why a figure cannot be computed.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// A sample that must hold at least one value holds none.
    #[error("{what}: expected at least one value, got none")]
    Empty {
        /// Which sample.
        what: &'static str,
    },
    /// A sample holds `NaN`.
    #[error("{what}, position {position} (from 0): expected a number, got NaN")]
    NotANumber {
        /// Which sample.
        what: &'static str,
        /// Where, from 0.
        position: usize,
    },
    /// A sample holds an infinity where only finite values make sense.
    #[error("{what}, position {position} (from 0): expected a finite number, got {got}")]
    NotFinite {
        /// Which sample.
        what: &'static str,
        /// Where, from 0.
        position: usize,
        /// The value found.
        got: f64,
    },
    /// A parameter lies outside its domain.
    #[error("{what}: expected a number {expected}, got {got}")]
    OutOfRange {
        /// Which parameter.
        what: &'static str,
        /// The domain in words.
        expected: &'static str,
        /// The value given.
        got: f64,
    },
    /// A count exceeds the total that it is part of.
    #[error("{what}: expected at most {limit}, got {got}")]
    CountTooLarge {
        /// Which count.
        what: &'static str,
        /// The largest admissible value.
        limit: u64,
        /// The value given.
        got: u64,
    },
    /// Two sequences that go together differ in length.
    #[error("{what}: expected {expected} values, got {got}")]
    LengthMismatch {
        /// Which sequence.
        what: &'static str,
        /// The length of the one that it goes with.
        expected: usize,
        /// Its own length.
        got: usize,
    },
    /// A sample is too small for the method.
    #[error("{what}: expected at least {needed}, got {got}")]
    TooFew {
        /// Which sample.
        what: &'static str,
        /// The least size that works.
        needed: u64,
        /// The size given.
        got: u64,
    },
    /// The sample cannot resolve a false positive rate; see [`crate::level::needed_non_members`].
    #[error("false positive rate {level}: expected at least {needed} non-members, got {got}")]
    TooFewNonMembers {
        /// The level asked for.
        level: f64,
        /// The least number of non-members that certifies it.
        needed: u64,
        /// The number given.
        got: u64,
    },
    /// The sample size asked for is beyond 2³³, more than there are people.
    #[error("{what}: no sample below 2^33 suffices")]
    OutOfReach {
        /// What was looked for.
        what: &'static str,
    },
}
