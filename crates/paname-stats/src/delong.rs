//! The sampling error of the area under the curve.
//!
//! `DeLong`, `DeLong` and Clarke-Pearson, Biometrics 44 (1988), from sorted scores in O(n log n) as in Sun and Xu, IEEE
//! Signal Processing Letters 21 (2014); Mann and Whitney, Annals of Mathematical Statistics 18 (1947).

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Interval, Result, Roc, argument, binomial, normal};

/// An area under the curve with its error.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AucInterval {
    /// The area.
    pub auc: f64,
    /// `DeLong`'s standard error; 0 where it cannot be estimated, and then [`AucInterval::method`] says what served.
    pub standard_error: f64,
    /// The two-sided interval.
    pub interval: Interval,
    /// How the interval was found.
    pub method: AucMethod,
}

/// How the interval of an area was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AucMethod {
    /// Normal on the logit scale with `DeLong`'s standard error, so that the interval stays inside 0 and 1.
    LogitDeLong,
    /// An area of exactly 0 or 1 has no standard error. The min(m, n) disjoint member/non-member pairs were all won (or
    /// lost), and that count has a one-sided exact binomial bound at half the error.
    DisjointPairs,
    /// No spread can be estimated (one score on a side, or all scores tied): Hoeffding's inequality for U-statistics
    /// (JASA 58, 1963), exp(-2 min(m, n) t²) a side.
    Hoeffding,
}

/// The area under `roc` and its two-sided interval.
pub fn auc_interval(roc: &Roc, confidence: f64) -> Result<AucInterval> {
    argument::open_unit("confidence", confidence)?;
    let auc = roc.auc();
    let pairs = roc.members().min(roc.non_members());
    let alpha = 1.0 - confidence;
    let twice_pairs = 2 * u128::from(roc.members()) * u128::from(roc.non_members());
    let standard_error = standard_error(roc, auc);
    let (lower, upper, method) = if roc.twice_u() == 0 {
        (0.0, binomial::clopper_pearson_upper(0, pairs, alpha / 2.0)?, AucMethod::DisjointPairs)
    } else if roc.twice_u() == twice_pairs {
        (binomial::clopper_pearson_lower(pairs, pairs, alpha / 2.0)?, 1.0, AucMethod::DisjointPairs)
    } else if standard_error > 0.0 {
        let center = (auc / (1.0 - auc)).ln();
        let half = normal::two_sided(confidence) * standard_error / (auc * (1.0 - auc));
        (logistic(center - half), logistic(center + half), AucMethod::LogitDeLong)
    } else {
        let half = hoeffding(pairs, alpha);
        ((auc - half).max(0.0), (auc + half).min(1.0), AucMethod::Hoeffding)
    };
    Ok(AucInterval { auc, standard_error, interval: Interval { lower, upper, confidence }, method })
}

/// Scores of one method, members and non-members apart; two methods are compared record by record, in the same order.
#[derive(Debug, Clone, Copy)]
pub struct Paired<'a> {
    /// One score per member.
    pub members: &'a [f64],
    /// One score per non-member.
    pub non_members: &'a [f64],
}

/// The difference of two areas on the same records.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AucDifference {
    /// The first area.
    pub first: f64,
    /// The second area.
    pub second: f64,
    /// First minus second.
    pub difference: f64,
    /// The paired `DeLong` standard error of the difference.
    pub standard_error: f64,
    /// The two-sided normal interval of the difference, clipped to -1 and 1.
    pub interval: Interval,
    /// One-sided p-value of "the first area is not larger".
    pub p_greater: f64,
    /// Two-sided p-value of "the areas are equal".
    pub p_two_sided: f64,
}

/// The paired `DeLong` comparison of two score vectors over the same records. Where the spread of the difference is zero,
/// interval and p-values come from Hoeffding's inequality instead of claiming certainty.
pub fn auc_difference(first: Paired<'_>, second: Paired<'_>, confidence: f64) -> Result<AucDifference> {
    argument::open_unit("confidence", confidence)?;
    for scores in [first, second] {
        argument::sample("members", scores.members)?;
        argument::sample("non-members", scores.non_members)?;
    }
    argument::same_length("members of the second method", first.members.len(), second.members.len())?;
    argument::same_length(
        "non-members of the second method",
        first.non_members.len(),
        second.non_members.len(),
    )?;
    let [[members_a, others_a], [members_b, others_b]] = [first, second].map(placements);
    let (auc_a, auc_b) = (mean(&members_a), mean(&members_b));
    let difference = auc_a - auc_b;
    // DeLong's covariance of the difference is the variance of the per-record differences.
    let subtract = |x: &[f64], y: &[f64]| x.iter().zip(y).map(|(x, y)| x - y).collect::<Vec<f64>>();
    let variance = variance_of_mean(&subtract(&members_a, &members_b))
        + variance_of_mean(&subtract(&others_a, &others_b));
    let standard_error = variance.sqrt();
    let pairs = first.members.len().min(first.non_members.len());
    let (half, p_greater, p_two_sided) = if standard_error > 1e-12 {
        let z = difference / standard_error;
        (
            normal::two_sided(confidence) * standard_error,
            normal::upper_tail(z),
            2.0 * normal::upper_tail(z.abs()),
        )
    } else {
        // The kernel ranges over [-1, 1], twice the width that the plain inequality is stated for.
        let tail = (-0.5 * pairs as f64 * difference * difference).exp();
        let greater = if difference > 0.0 { tail } else { 1.0 };
        (2.0 * hoeffding(pairs as u64, 1.0 - confidence), greater, 2.0 * tail)
    };
    let interval =
        Interval { lower: (difference - half).max(-1.0), upper: (difference + half).min(1.0), confidence };
    Ok(AucDifference {
        first: auc_a,
        second: auc_b,
        difference,
        standard_error,
        interval,
        p_greater: argument::p_value(p_greater),
        p_two_sided: argument::p_value(p_two_sided),
    })
}

fn standard_error(roc: &Roc, auc: f64) -> f64 {
    let (m, n) = (roc.members() as f64, roc.non_members() as f64);
    if m < 2.0 || n < 2.0 {
        return 0.0;
    }
    let (mut inside, mut outside) = (0.0, 0.0);
    for step in roc.steps() {
        let (members, non_members) = (step.members as f64, step.non_members as f64);
        let below = (n - step.non_members_above as f64 - 0.5 * non_members) / n;
        let above = (step.members_above as f64 + 0.5 * members) / m;
        inside += members * (below - auc).powi(2);
        outside += non_members * (above - auc).powi(2);
    }
    (inside / (m * (m - 1.0)) + outside / (n * (n - 1.0))).sqrt()
}

/// Per member the share of non-members below it, and per non-member the share of members below it; ties count one half.
fn placements(scores: Paired<'_>) -> [Vec<f64>; 2] {
    let [members, non_members] = [scores.members, scores.non_members].map(|scores| {
        let mut ordered: Vec<(f64, usize)> = scores.iter().copied().zip(0..).collect();
        ordered.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
        ordered
    });
    [shares_below(&members, &non_members), shares_below(&non_members, &members)]
}

/// One walk through two ascending sequences of (score, position).
fn shares_below(scores: &[(f64, usize)], others: &[(f64, usize)]) -> Vec<f64> {
    let mut shares = vec![0.0; scores.len()];
    let (mut below, mut not_above) = (0, 0);
    for (score, position) in scores {
        while others.get(below).is_some_and(|other| other.0 < *score) {
            below += 1;
        }
        while others.get(not_above).is_some_and(|other| other.0 <= *score) {
            not_above += 1;
        }
        shares[*position] = 0.5 * (below + not_above) as f64 / others.len() as f64;
    }
    shares
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len() as f64
}

fn variance_of_mean(values: &[f64]) -> f64 {
    let (n, mean) = (values.len() as f64, mean(values));
    if values.len() < 2 {
        return 0.0;
    }
    values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n * (n - 1.0))
}

fn hoeffding(pairs: u64, alpha: f64) -> f64 {
    ((2.0 / alpha).ln() / (2.0 * pairs as f64)).sqrt()
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}
