//! `cargo xtask bench`: the benchmarks.

use crate::{
    error::Result,
    process::{cargo, stream},
};

/// Runs the criterion benchmarks; the arguments go to `cargo bench`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    stream(cargo(["bench", "--package", "paname-bench"]).args(arguments))
}
