//! `cargo xtask bench`: what scoring costs, beside the plain read of the same bytes and the same work in NumPy; what models in memory cost, beside PyTorch.

use crate::{
    bench_torch,
    error::Result,
    process::{cargo, stream},
};

/// Runs the benchmark command, the criterion benchmarks where the first argument is `criterion`, or those of models in memory where it is `torch`; further
/// arguments go to either of the first two.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments {
        [first, rest @ ..] if first == "criterion" => {
            stream(cargo(["bench", "--package", "paname-bench"]).args(rest))
        }
        [first] if first == "torch" => bench_torch::run(),
        _ => {
            let command = ["run", "--release", "--package", "paname-bench", "--bin", "scoring", "--"];
            stream(cargo(command).args(["--numpy", "python3"]).args(arguments))
        }
    }
}
