//! `cargo xtask bench`: what scoring costs, beside the plain read of the same bytes and the same work in NumPy.

use crate::{
    error::Result,
    process::{cargo, stream},
};

/// Runs the benchmark command, or the criterion benchmarks where the first argument is `criterion`; further arguments go to either.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments {
        [first, rest @ ..] if first == "criterion" => {
            stream(cargo(["bench", "--package", "paname-bench"]).args(rest))
        }
        _ => {
            let command = ["run", "--release", "--package", "paname-bench", "--bin", "scoring", "--"];
            stream(cargo(command).args(["--numpy", "python3"]).args(arguments))
        }
    }
}
