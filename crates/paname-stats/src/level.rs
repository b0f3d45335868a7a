//! The true positive rate at a low false positive rate, without cheating.
//!
//! Two figures answer two questions. [`at_calibrated_threshold`] fixes the threshold on some non-members and counts on
//! others: an exact binomial interval holds for each rate. [`tpr_at_level`] reads the rate off the very data that chose
//! the threshold: a nominal 95 % binomial interval at that threshold holds the rate at the level only about two times in
//! three (at 1 % of 1 000 non-members), so the interval also pays for the unknown false positive rate.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Interval, Rate, Result, Roc, Vertex, argument, binomial};

/// The confidence of the refusal rule.
const CERTIFIED: f64 = 0.95;

/// The least number of non-members that can support a false positive rate: with none flagged, 95 % confidence that the
/// true rate is at most `level`. `⌈ln 0.05 / ln(1 - level)⌉`: 299 for 1 %, 2 995 for 0.1 %.
pub fn needed_non_members(level: f64) -> Result<u64> {
    binomial::negatives_to_certify(level, 0, CERTIFIED)
}

/// How finely a number of non-members resolves a false positive rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Resolution {
    /// At least 10 / level non-members.
    Fine,
    /// Enough to support the level, fewer than 10 / level: a handful of people decide the figure.
    Coarse,
    /// Too few: the figure is not given.
    Refused {
        /// The least number that supports the level.
        needed: u64,
    },
}

/// The resolution of `level` with so many non-members.
pub fn resolution(level: f64, non_members: u64) -> Result<Resolution> {
    let needed = needed_non_members(level)?;
    Ok(if non_members < needed {
        Resolution::Refused { needed }
    } else if 10.0 / (non_members as f64) > level {
        Resolution::Coarse
    } else {
        Resolution::Fine
    })
}

/// The threshold that flags a fresh exchangeable non-member with probability at most `level`: the
/// ⌈(n+1)(1-level)⌉-th smallest calibration score (Vovk, Gammerman and Shafer, "Algorithmic learning in a random world",
/// 2005). Flag scores **strictly above** it. Needs at least 1/level - 1 scores.
pub fn rank_threshold(calibration: &[f64], level: f64) -> Result<f64> {
    argument::open_unit("false positive rate", level)?;
    argument::numbers("calibration non-members", calibration)?;
    let n = calibration.len() as u64;
    // ⌈(n+1)(1-level)⌉ = n + 1 - ⌊(n+1) level⌋, the latter free of rounding accidents.
    let allowed = argument::largest_count_within(level, n + 1);
    if allowed == 0 {
        let needed = (1.0 / level).ceil() as u64 - 1;
        return Err(Error::TooFew { what: "calibration non-members", needed, got: n });
    }
    let mut scores = calibration.to_vec();
    let (_, threshold, _) = scores.select_nth_unstable_by((n - allowed) as usize, f64::total_cmp);
    Ok(*threshold)
}

/// Both rates at a threshold that was fixed on other non-members.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FixedThreshold {
    /// The false positive rate aimed at.
    pub level: f64,
    /// The threshold; scores strictly above it are flagged.
    pub threshold: f64,
    /// Non-members that fixed it.
    pub calibration: u64,
    /// Members flagged, with the Clopper-Pearson interval at this threshold.
    pub tpr: Rate,
    /// Other non-members flagged, with the Clopper-Pearson interval at this threshold.
    pub fpr: Rate,
    /// Fisher's exact one-sided p-value of "members are not flagged more often".
    pub p: f64,
    /// How finely the non-members that were counted resolve the level; never [`Resolution::Refused`].
    pub resolution: Resolution,
}

/// Figure (a): fix the threshold on `calibration` by [`rank_threshold`], count on the rest. Each interval has `confidence`
/// for its own rate, given the threshold. Refused with fewer counted non-members than [`needed_non_members`].
pub fn at_calibrated_threshold(
    calibration: &[f64],
    members: &[f64],
    non_members: &[f64],
    level: f64,
    confidence: f64,
) -> Result<FixedThreshold> {
    argument::sample("members", members)?;
    argument::sample("non-members", non_members)?;
    let resolution = supported(level, non_members.len() as u64)?;
    let threshold = rank_threshold(calibration, level)?;
    let flagged = |scores: &[f64]| scores.iter().filter(|score| **score > threshold).count() as u64;
    let tpr = Rate::new(flagged(members), members.len() as u64, confidence)?;
    let fpr = Rate::new(flagged(non_members), non_members.len() as u64, confidence)?;
    Ok(FixedThreshold {
        level,
        threshold,
        calibration: calibration.len() as u64,
        tpr,
        fpr,
        p: binomial::fisher_greater(tpr.hits, tpr.trials, fpr.hits, fpr.trials)?,
        resolution,
    })
}

/// The true positive rate at a false positive rate, threshold and rates from the same data.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SameData {
    /// The false positive rate asked for.
    pub level: f64,
    /// The most permissive vertex whose empirical false positive rate is at most `level`.
    pub vertex: Vertex,
    /// Its true positive rate: the estimate.
    pub tpr: f64,
    /// Its false positive rate, at most `level`.
    pub fpr: f64,
    /// The conservative interval for the true positive rate **at the threshold whose true false positive rate is
    /// `level`**.
    pub interval: Interval,
    /// False positives at which the true rate is still surely at most `level`; `None` where even none is too many, and
    /// the interval starts at 0.
    pub false_positives_low: Option<u64>,
    /// False positives at which the true rate is surely at least `level`; `None` where the sample never gets there, and
    /// the interval ends at 1.
    pub false_positives_high: Option<u64>,
    /// How finely the non-members resolve the level; never [`Resolution::Refused`].
    pub resolution: Resolution,
}

/// Figure (b): the true positive rate at `level` read off the curve, with an exact conservative interval.
///
/// With error `a`, the true false positive rate at the threshold with `k` of `n` false positives is Beta(k+1, n-k); take
/// the largest `k` for which it is at most `level` with probability 1 - a/4 and the smallest for which it is at least
/// `level`; then bound the true positive rate below at the first and above at the second, one-sided a/4 each. The four
/// errors add to `a`. Ties only widen the interval. Refused with fewer non-members than [`needed_non_members`].
pub fn tpr_at_level(roc: &Roc, level: f64, confidence: f64) -> Result<SameData> {
    argument::open_unit("confidence", confidence)?;
    let n = roc.non_members();
    let resolution = supported(level, n)?;
    let quarter = (1.0 - confidence) / 4.0;
    // Beta⁻¹(1 - q; k+1, n-k) <= level says that at most k of n is rare at `level`.
    let too_many = binomial::first(0, |k| k >= n || binomial::at_most(k, n, level) > quarter);
    let low = too_many.and_then(|k| k.checked_sub(1));
    // Beta⁻¹(q; k+1, n-k) >= level says that more than k of n is rare at `level`.
    let high = binomial::first(0, |k| binomial::at_least(k + 1, n, level) <= quarter).filter(|k| *k < n);
    let lower = match low {
        Some(k) => binomial::clopper_pearson_lower(roc.at_most(k).tp, roc.members(), quarter)?,
        None => 0.0,
    };
    let upper = match high {
        // All members at or above the (k+1)-th non-member, so that ties count against us.
        Some(k) => {
            let vertices = roc.vertices();
            let reached = vertices[vertices.partition_point(|vertex| vertex.fp <= k)];
            binomial::clopper_pearson_upper(reached.tp, roc.members(), quarter)?
        }
        None => 1.0,
    };
    let vertex = roc.tpr_at(level)?;
    Ok(SameData {
        level,
        vertex,
        tpr: roc.tpr(&vertex),
        fpr: roc.fpr(&vertex),
        interval: Interval { lower, upper, confidence },
        false_positives_low: low,
        false_positives_high: high,
        resolution,
    })
}

fn supported(level: f64, non_members: u64) -> Result<Resolution> {
    match resolution(level, non_members)? {
        Resolution::Refused { needed } => Err(Error::TooFewNonMembers { level, needed, got: non_members }),
        resolution => Ok(resolution),
    }
}
