//! `cargo xtask validate`: the tests again, as the released program is compiled and with many more random cases.

use crate::{
    error::Result,
    process::{cargo, stream},
    stages::all_but_torch,
};

/// Simulated audits per check of error rates; the tests' own number is 200.
const AUDITS: &str = "1000";

/// Random cases a property; the tests' own default is 256.
const CASES: &str = "16384";

/// Runs the workspace's tests optimised; the arguments go to `cargo test`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    stream(
        cargo(["test", "--profile", "validate"])
            .args(all_but_torch())
            .args(arguments)
            .env("PROPTEST_CASES", CASES)
            .env("PANAME_AUDITS", AUDITS),
    )
}
