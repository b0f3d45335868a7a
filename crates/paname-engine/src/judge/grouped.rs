//! Attacks that judge groups of records: the same judgement, with groups in the place of records, and the error of estimated shares.

use paname_core::{Ctx, Grouping, Result};
use paname_evidence::{Groups, MembershipResult, Unit, Usage, UsageAtShare};
use paname_stats::bootstrap;
use paname_stats::share::share_error;
use rand_core::Rng as _;

use super::{FEWEST_UNITS, Played, Scores, Truth, finite, statistics};
use crate::groups::{records_needed, share, whose};
use crate::manifest::Statistics;

/// Times that groups are drawn again for the intervals of an error.
const REPLICATES: u32 = 2000;

/// What an attack judged.
pub(crate) struct Judged<'a> {
    pub(crate) grouping: Grouping,
    /// The audited records of each group.
    pub(crate) groups: &'a [Vec<u32>],
}

/// The numbers of a row of groups; see [`super::measure`]. `scores` holds one number per group, but those of the classifier that never sees the model
/// are of records, of which a group takes the mean. `truth` is that of the records.
pub(crate) fn measure(
    scores: &Scores,
    judged: &Judged<'_>,
    truth: &Truth,
    settings: &Statistics,
    tests: u64,
    ctx: &Ctx<'_>,
) -> Result<MembershipResult> {
    let whose: Vec<Option<bool>> = judged.groups.iter().map(|group| whose(group, truth)).collect();
    let pure = |values: &[f64]| of_pure(values, &whose);
    let blind = scores.blind.as_ref().map(|(scores, differs)| {
        let mean = |group: &Vec<u32>| {
            group.iter().map(|record| finite(scores[*record as usize])).sum::<f64>() / group.len() as f64
        };
        (pure(&judged.groups.iter().map(mean).collect::<Vec<f64>>()), *differs)
    });
    let played = scores
        .played
        .iter()
        .map(|played| Played { scores: pure(&played.scores), rows: of_pure(&played.rows, &whose) });
    let units = Scores { target: pure(&scores.target), played: played.collect(), blind };
    let members = Truth { member: whose.iter().flatten().copied().collect(), ..Truth::default() };
    let mut result = super::measure(&units, &members, settings, tests, ctx)?;
    result.unit = Unit::Group;
    let usage = judged.grouping.shares.then(|| usage(&scores.target, judged.groups, truth, settings, ctx));
    result.groups = Some(Groups {
        size: judged.grouping.size as u64,
        mixed: whose.iter().filter(|whose| whose.is_none()).count() as u64,
        records_needed: records_needed(judged.grouping, FEWEST_UNITS),
        usage: usage.transpose()?,
    });
    Ok(result)
}

/// The values of groups that are all of members or all of non-members.
fn of_pure<T: Copy>(values: &[T], whose: &[Option<bool>]) -> Vec<T> {
    values.iter().zip(whose).filter(|(_, whose)| whose.is_some()).map(|(value, _)| *value).collect()
}

/// The error of estimated shares.
fn usage(
    estimates: &[f64],
    groups: &[Vec<u32>],
    truth: &Truth,
    settings: &Statistics,
    ctx: &Ctx<'_>,
) -> Result<Usage> {
    let estimates: Vec<f64> = estimates.iter().map(|estimate| finite(*estimate)).collect();
    let truths: Vec<f64> = groups.iter().map(|group| share(group, truth)).collect();
    let seed = ctx.rng("usage").next_u64();
    let plan = bootstrap::Plan { replicates: REPLICATES, confidence: settings.confidence, seed };
    let error = share_error(&estimates, &truths, &plan).map_err(statistics)?;
    let at = |quarter: u32| {
        let here = |truth: f64| (4.0 * truth).round() as u32 == quarter;
        let pairs: Vec<(f64, f64)> =
            truths.iter().copied().zip(estimates.iter().copied()).filter(|(truth, _)| here(*truth)).collect();
        let mean = |of: fn((f64, f64)) -> f64| {
            pairs.iter().map(|pair| of(*pair)).sum::<f64>() / pairs.len().max(1) as f64
        };
        UsageAtShare {
            share: mean(|(truth, _)| truth),
            groups: pairs.len() as u64,
            estimate: mean(|(_, estimate)| estimate),
            mean_absolute_error: mean(|(truth, estimate)| (estimate - truth).abs()),
        }
    };
    let shares = (0..=4).map(at).filter(|at| at.groups > 0).collect();
    Ok(Usage { error, shares })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Sixty groups of two records: twenty of members, twenty of others, twenty of one each.
    fn groups() -> (Vec<Vec<u32>>, Truth) {
        let groups = (0..60_u32).map(|g| vec![2 * g, 2 * g + 1]).collect();
        let member = (0..120).map(|r| r < 40 || (r >= 80 && r % 2 == 0)).collect();
        (groups, Truth { member, ..Truth::default() })
    }

    fn measured(target: Vec<f64>, shares: bool) -> MembershipResult {
        let (groups, truth) = groups();
        let judged = Judged { grouping: Grouping { size: 2, shares }, groups: &groups };
        let blind = Some(((0..120).map(f64::from).collect(), true));
        let played = vec![Played { scores: target.clone(), rows: vec![false; 60] }; 3];
        let scores = Scores { target, played, blind };
        let ctx = Ctx::new(1, "audit", 1, &());
        measure(&scores, &judged, &truth, &Statistics::default(), 1, &ctx).unwrap()
    }

    #[test]
    fn groups_of_both_are_no_units_but_have_their_share() {
        // Members 0.9, others 0.2, groups of both 0.6.
        let target: Vec<f64> = [0.9, 0.2, 0.6].iter().flat_map(|share| [*share; 20]).collect();
        let result = measured(target, true);
        assert_eq!((result.unit, result.members, result.non_members), (Unit::Group, 20, 20));
        assert_eq!(result.auc.auc, 1.0);
        // The classifier that sees no model ranks groups by the mean of their records: the others stand above.
        assert_eq!(result.beyond_blind.map(|beyond| beyond.second), Some(0.0));
        assert!(result.positive.is_none() && result.procedure.is_none());
        let groups = result.groups.unwrap();
        assert_eq!((groups.size, groups.mixed, groups.records_needed), (2, 20, 120));
        let usage = groups.usage.unwrap();
        assert!((usage.error.mean_absolute_error - 0.4 / 3.0).abs() < 1e-12);
        assert!((usage.error.bias - 0.2 / 3.0).abs() < 1e-12);
        let shares: Vec<(f64, u64)> = usage.shares.iter().map(|at| (at.share, at.groups)).collect();
        assert_eq!(shares, [(0.0, 20), (0.5, 20), (1.0, 20)]);
    }

    #[test]
    fn numbers_that_are_no_shares_are_judged_by_their_order() {
        let target = (0..60).map(|g| if g < 20 { f64::INFINITY } else { -f64::from(g) }).collect();
        let result = measured(target, false);
        assert_eq!(result.auc.auc, 1.0);
        assert_eq!(result.groups.unwrap().usage, None);
    }
}
