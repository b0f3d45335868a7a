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
