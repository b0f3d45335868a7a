//! Lower bounds on the ε of differential privacy from counts, and what a given ε allows.
//!
//! Under (ε, δ)-differential privacy no attack has TPR > e^ε·FPR + δ or TNR > e^ε·FNR + δ (Kairouz, Oh and Viswanath, ICML
//! 2015), so rates that are surely further apart refute ε (Jagielski, Ullman and Oprea, "Auditing differentially
//! private machine learning", `NeurIPS` 2020). The trials must be independent: one training run each. Many records of one
//! model are not, and then the figure is a heuristic; [`crate::one_run`] is sound there. A small bound is not privacy: the
//! sample may not have been able to show more, which its [`ceiling`] tells.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, Roc, argument, binomial};

/// The lower bound on ε from flagged members and non-members, at a threshold that was fixed on other data: Clopper-Pearson
/// bounds on both rates, alpha/2 each, and the larger of `ln((TPR - δ) / FPR)` and `ln((TNR - δ) / FNR)`, 0 at least.
/// The true ε is below it with probability at most `alpha`.
pub fn lower_bound(tp: u64, members: u64, fp: u64, non_members: u64, delta: f64, alpha: f64) -> Result<f64> {
    argument::unit("delta", delta)?;
    argument::open_unit("alpha", alpha)?;
    let tpr = binomial::clopper_pearson_lower(tp, members, alpha / 2.0)?;
    let fpr = binomial::clopper_pearson_upper(fp, non_members, alpha / 2.0)?;
    Ok(refuted(tpr, fpr, delta))
}

/// The most that [`lower_bound`] can give with so many members and non-members, all of them told apart: 3.28 for 100 a side
/// at δ = 0 and 95 %, 5.60 for 1 000, 7.91 for 10 000. To be printed beside every bound.
pub fn ceiling(members: u64, non_members: u64, delta: f64, alpha: f64) -> Result<f64> {
    lower_bound(members, members, 0, non_members, delta, alpha)
}

/// How the threshold was chosen, which decides what the bound must pay for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ThresholdPolicy {
    /// Fixed before these scores were seen.
    Given(f64),
    /// The best of a list that was fixed before these scores were seen; each has its share of the error. A list read off
    /// the scores, or thinned to the corners of their curve, would need more than that.
    Bonferroni(Vec<f64>),
    /// Chosen on a random half of each side, measured on the other.
    Split {
        /// The seed that draws the halves.
        seed: u64,
    },
}

/// A lower bound on ε from scores.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpsilonBound {
    /// The lower bound.
    pub epsilon: f64,
    /// The most that these numbers of members and non-members can give under this policy.
    pub ceiling: f64,
    /// The threshold that gave the bound; scores strictly above it are flagged.
    pub threshold: f64,
    /// Members flagged.
    pub tp: u64,
    /// Members counted: all, or the measured half.
    pub members: u64,
    /// Non-members flagged.
    pub fp: u64,
    /// Non-members counted: all, or the measured half.
    pub non_members: u64,
}

/// The bound at the threshold that the policy gives, with error `alpha` in all.
pub fn from_scores(
    members: &[f64],
    non_members: &[f64],
    policy: &ThresholdPolicy,
    delta: f64,
    alpha: f64,
) -> Result<EpsilonBound> {
    argument::sample("members", members)?;
    argument::sample("non-members", non_members)?;
    argument::unit("delta", delta)?;
    argument::open_unit("alpha", alpha)?;
    match policy {
        ThresholdPolicy::Given(threshold) => best(members, non_members, &[*threshold], delta, alpha),
        ThresholdPolicy::Bonferroni(thresholds) => best(members, non_members, thresholds, delta, alpha),
        ThresholdPolicy::Split { seed } => {
            let mut generator = Pcg64::seed_from_u64(*seed);
            let [choose_in, measure_in] = halves("members to split", members, &mut generator)?;
            let [choose_out, measure_out] = halves("non-members to split", non_members, &mut generator)?;
            let threshold = chosen(&choose_in, &choose_out, delta, alpha)?;
            best(&measure_in, &measure_out, &[threshold], delta, alpha)
        }
    }
}

/// The largest true positive rate that (ε, δ)-differential privacy allows at a false positive rate: 0.27 % at 0.1 % for
/// ε = 1, 0.74 % for 2, 5.5 % for 4, all at δ = 0.
pub fn tpr_allowed(epsilon: f64, delta: f64, fpr: f64) -> Result<f64> {
    non_negative("epsilon", epsilon)?;
    argument::unit("delta", delta)?;
    argument::unit("false positive rate", fpr)?;
    let near_nobody = epsilon.exp() * fpr + delta;
    let near_everybody = 1.0 - (-epsilon).exp() * (1.0 - delta - fpr).max(0.0);
    Ok(near_nobody.min(near_everybody).clamp(0.0, 1.0))
}

/// The largest TPR - FPR that (ε, δ)-differential privacy allows, `(e^ε - 1 + 2δ) / (e^ε + 1)` (Humphries et al.,
/// "Investigating membership inference attacks under data dependencies", CSF 2023).
pub fn advantage_allowed(epsilon: f64, delta: f64) -> Result<f64> {
    non_negative("epsilon", epsilon)?;
    argument::unit("delta", delta)?;
    // Divided by e^ε, so that nothing overflows.
    let shrunk = (-epsilon).exp();
    Ok(((1.0 - shrunk + 2.0 * delta * shrunk) / (1.0 + shrunk)).min(1.0))
}

/// One row of the scale: what one ε allows.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ScaleRow {
    /// The ε.
    pub epsilon: f64,
    /// [`tpr_allowed`] at each false positive rate asked for.
    pub tpr: Vec<f64>,
    /// [`advantage_allowed`].
    pub advantage: f64,
}

/// What each ε allows at each false positive rate: the scale to print beside a bound.
pub fn scale(epsilons: &[f64], delta: f64, fprs: &[f64]) -> Result<Vec<ScaleRow>> {
    epsilons
        .iter()
        .map(|&epsilon| {
            let tpr = fprs.iter().map(|fpr| tpr_allowed(epsilon, delta, *fpr)).collect::<Result<_>>()?;
            Ok(ScaleRow { epsilon, tpr, advantage: advantage_allowed(epsilon, delta)? })
        })
        .collect()
}

pub(crate) fn non_negative(what: &'static str, got: f64) -> Result<()> {
    if got >= 0.0 && got.is_finite() {
        Ok(())
    } else {
        Err(Error::OutOfRange { what, expected: "from 0, finite", got })
    }
}

/// The largest ε that a rate of members at least `tpr` and of non-members at most `fpr` refutes.
fn refuted(tpr: f64, fpr: f64, delta: f64) -> f64 {
    let ratio = |hits: f64, misses: f64| if hits > delta { ((hits - delta) / misses).ln() } else { 0.0 };
    ratio(tpr, fpr).max(ratio(1.0 - fpr, 1.0 - tpr)).max(0.0)
}

fn best(
    members: &[f64],
    non_members: &[f64],
    thresholds: &[f64],
    delta: f64,
    alpha: f64,
) -> Result<EpsilonBound> {
    argument::sample("thresholds", thresholds)?;
    let share = alpha / thresholds.len() as f64;
    let (inside, outside) = (argument::sorted(members), argument::sorted(non_members));
    let above = |scores: &[f64], t: f64| (scores.len() - scores.partition_point(|score| *score <= t)) as u64;
    let (members, non_members) = (inside.len() as u64, outside.len() as u64);
    let ceiling = ceiling(members, non_members, delta, share)?;
    let mut best: Option<EpsilonBound> = None;
    for &threshold in thresholds {
        let (tp, fp) = (above(&inside, threshold), above(&outside, threshold));
        let epsilon = lower_bound(tp, members, fp, non_members, delta, share)?;
        if best.is_none_or(|best| epsilon > best.epsilon) {
            best = Some(EpsilonBound { epsilon, ceiling, threshold, tp, members, fp, non_members });
        }
    }
    best.ok_or(Error::Empty { what: "thresholds" })
}

/// Thresholds tried on the half that chooses.
const CHOICES: usize = 1_000;

/// The threshold that would give the largest bound on these scores.
fn chosen(members: &[f64], non_members: &[f64], delta: f64, alpha: f64) -> Result<f64> {
    let roc = Roc::new(members, non_members)?;
    let (mut largest, mut threshold) = (-1.0, f64::INFINITY);
    for vertex in &roc.thinned(CHOICES) {
        let epsilon = lower_bound(vertex.tp, roc.members(), vertex.fp, roc.non_members(), delta, alpha)?;
        if epsilon > largest {
            // Strictly above the next lower number is at or above this one.
            (largest, threshold) = (epsilon, vertex.threshold.map_or(f64::INFINITY, f64::next_down));
        }
    }
    Ok(threshold)
}

/// A random half, rounded down, and the rest.
fn halves(what: &'static str, scores: &[f64], generator: &mut Pcg64) -> Result<[Vec<f64>; 2]> {
    if scores.len() < 2 {
        return Err(Error::TooFew { what, needed: 2, got: scores.len() as u64 });
    }
    let mut scores = scores.to_vec();
    let half = scores.len() / 2;
    for first in 0..half {
        let rest = (scores.len() - first) as u128;
        let other = first + ((u128::from(generator.next_u64()) * rest) >> 64) as usize;
        scores.swap(first, other);
    }
    let measured = scores.split_off(half);
    Ok([scores, measured])
}
