//! What the benchmarks share: a file of logits as large as an audit's, the case over it, and the list of what is timed.
//!
//! The criterion bench `scoring` follows single runs over time; the program `scoring` runs everything in one table, with peak memory, the
//! reading of the same bytes as the limit, and the same work in NumPy beside it. The criterion bench `boundary` has a table too: what plugins cost beside
//! the same code linked.

mod fixture;
mod usage;
mod work;

pub use fixture::{Fixture, Size, Stored};
pub use usage::{peak, processor_seconds, reset_peak};
pub use work::{WORK, Work, attacks};

/// Any error: benchmarks only report them.
pub type Failure = Box<dyn std::error::Error + Send + Sync>;
