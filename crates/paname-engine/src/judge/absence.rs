//! When the absence of a leak may be spoken of: the third line of the verdict.
//!
//! A test that finds nothing shows nothing by itself. The claim needs an upper bound below what matters at every level, and controls that could have
//! failed: the attack sees a leak of that size where there is one, members and non-members differ in nothing else that would hide it, and the model
//! is the one declared. It needs all of them (intersection-union, Berger 1982), so that none is corrected for the others.

use paname_evidence::{MembershipResult, Reason};
use paname_stats::equivalence;

use super::Grounds;
use crate::manifest::{Split, Statistics};

/// Whether absence is shown, and why or why not.
pub(super) fn shown(
    result: &MembershipResult,
    grounds: Grounds<'_>,
    settings: &Statistics,
) -> (bool, Vec<Reason>) {
    let wanted = settings.min_effect_tpr;
    let bounds = || result.levels.iter().filter_map(|level| level.excess);
    let Some(upper) = bounds().map(|bound| bound.excess_upper).max_by(f64::total_cmp) else {
        return (false, vec![Reason::NoLevelResolved]);
    };
    if upper >= wanted {
        return (false, vec![Reason::NotBelowMargin { upper, wanted }]);
    }
    let mut against = Vec::new();
    if !grounds.declared {
        against.push(Reason::FidelityUndeclared);
    }
    let unshifted = match grounds.split {
        Split::Random => true,
        Split::Undeclared => {
            !result.unrelated.is_empty() && grounds.blind.is_some_and(|blind| blind.p > settings.alpha)
        }
    };
    if !unshifted {
        against.push(Reason::ShiftNotExcluded);
    }
    let positive = positive(result, settings);
    match positive {
        Reason::PositiveControlPassed { .. } if against.is_empty() && grounds.doubts.is_empty() => {
            let units = equivalence::exposed_units(wanted, result.members).unwrap_or(result.members);
            (true, vec![Reason::BelowMargin { upper, wanted, units }, positive])
        }
        Reason::PositiveControlPassed { .. } => (false, against),
        failed => {
            against.push(failed);
            (false, against)
        }
    }
}

/// What the positive control came to, at the level where the attack saw least.
fn positive(result: &MembershipResult, settings: &Statistics) -> Reason {
    let wanted = settings.power;
    let Some(control) = &result.positive else { return Reason::NoPositiveControl };
    let resolved = result.levels.iter().filter(|level| level.excess.is_some());
    let mut least = f64::INFINITY;
    for level in resolved {
        let dose = control.levels.iter().find(|dose| dose.level == level.level);
        match dose.and_then(|dose| dose.detected) {
            Some(detected) => least = least.min(detected.estimate),
            None => return Reason::PositiveControlFailed { detected: None, wanted },
        }
    }
    if least.is_finite() && least >= wanted {
        Reason::PositiveControlPassed { detected: least }
    } else {
        Reason::PositiveControlFailed { detected: least.is_finite().then_some(least), wanted }
    }
}
