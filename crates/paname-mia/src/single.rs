//! What the attacks share that read one number of the target and nothing else.

use paname_core::{Case, Ctx, Findings, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// There is nothing to set.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct NoParameters {}

/// One signal of the target.
pub(crate) fn needs(signal: Signal) -> Needs {
    Needs { signals: vec![signal], ..Needs::default() }
}

/// Scores every record by `sign` times the signal of the target, averaged over augmentations.
pub(crate) fn score(case: &Case<'_>, ctx: &Ctx<'_>, signal: Signal, sign: f64) -> Result<Findings> {
    let scores =
        case.map_records(Whom::Audited, &[signal], ctx, |record| Ok(sign * mean(record.target(0))))?;
    Ok(Findings::Membership(scores))
}

/// The mean over augmentations.
pub(crate) fn mean(values: &[f32]) -> f64 {
    values.iter().copied().map(f64::from).sum::<f64>() / values.len() as f64
}
