//! What a flag is worth to an attacker who does not know how common members are.

use crate::{Result, argument};

/// The probability that a flagged record is a member, π·TPR / (π·TPR + (1-π)·FPR) for a prior π; `None` where nobody is
/// flagged. A low prior is context, not proof: an attacker with side knowledge raises it.
pub fn positive_predictive_value(prior: f64, tpr: f64, fpr: f64) -> Result<Option<f64>> {
    argument::unit("prior", prior)?;
    argument::unit("true positive rate", tpr)?;
    argument::unit("false positive rate", fpr)?;
    let flagged_members = prior * tpr;
    let flagged = flagged_members + (1.0 - prior) * fpr;
    Ok((flagged > 0.0).then(|| flagged_members / flagged))
}
