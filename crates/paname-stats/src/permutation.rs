//! Tests by permuting who is a member. They are exact wherever chance drew the members, whatever the statistic, and also for
//! the largest of many statistics: the way to report the best of several attacks or thresholds.
//!
//! An attack that learns from memberships must be fitted anew inside each permutation, in the statistic.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, argument};

/// The fewest permutations accepted: p-values resolve 0.001.
pub const FEWEST: u32 = 999;

/// How to permute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Permutations {
    /// The number of permutations, [`FEWEST`] at least.
    pub count: u32,
    /// The seed of a PCG64 generator: equal seeds give equal p-values on every machine.
    pub seed: u64,
}

/// One statistic among several.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Permuted {
    /// The statistic on the true memberships.
    pub observed: f64,
    /// One-sided p-value of this statistic alone, `(1 + #{permuted >= observed}) / (B + 1)`.
    pub p: f64,
    /// The p-value among all of them by the largest standardised statistic: controls the probability of any false alarm.
    pub adjusted: f64,
}

/// Tests `tests` statistics at once by Westfall and Young's single-step maximum ("Resampling-based multiple testing", 1993).
/// `statistic(test, members)` is told who is taken for a member, in the
/// order of `members`; larger must mean more member-like. Each statistic is standardised by its mean and standard deviation
/// over all permutations, the true one included, so that none outweighs the others by its scale; a constant statistic
/// never matters. With one statistic, `adjusted` is `p`.
pub fn max_statistic(
    members: &[bool],
    tests: usize,
    plan: Permutations,
    mut statistic: impl FnMut(usize, &[bool]) -> f64,
) -> Result<Vec<Permuted>> {
    if plan.count < FEWEST {
        return Err(Error::TooFew { what: "permutations", needed: FEWEST.into(), got: plan.count.into() });
    }
    if members.iter().all(|member| *member) || !members.iter().any(|member| *member) {
        return Err(Error::Empty { what: if members.contains(&true) { "non-members" } else { "members" } });
    }
    let mut generator = Pcg64::seed_from_u64(plan.seed);
    let mut labels = members.to_vec();
    // One row per test; the true memberships come first.
    let rounds = plan.count as usize + 1;
    let mut values = vec![vec![0.0; rounds]; tests];
    for round in 0..rounds {
        for (test, row) in values.iter_mut().enumerate() {
            row[round] = statistic(test, &labels);
        }
        shuffle(&mut labels, &mut generator);
    }
    let mut largest = vec![f64::NEG_INFINITY; rounds];
    let mut standardised = Vec::with_capacity(tests);
    for row in &values {
        argument::finite("permuted statistic", row)?;
        let scores = standardise(row);
        for (largest, score) in largest.iter_mut().zip(&scores) {
            *largest = largest.max(*score);
        }
        standardised.push(scores[0]);
    }
    Ok(values
        .iter()
        .zip(standardised)
        .map(|(row, score)| Permuted {
            observed: row[0],
            p: rank(row, row[0]),
            adjusted: rank(&largest, score),
        })
        .collect())
}

/// The share of values at or above one of them, itself included.
fn rank(values: &[f64], observed: f64) -> f64 {
    values.iter().filter(|value| **value >= observed).count() as f64 / values.len() as f64
}

fn standardise(row: &[f64]) -> Vec<f64> {
    let n = row.len() as f64;
    let mean = row.iter().map(|value| value / n).sum::<f64>();
    let deviation = row.iter().map(|value| (value - mean).powi(2) / n).sum::<f64>().sqrt();
    let usable = deviation > 1e-12 * mean.abs() && deviation.is_finite();
    row.iter().map(|value| if usable { (value - mean) / deviation } else { f64::NEG_INFINITY }).collect()
}

/// Fisher and Yates.
fn shuffle(labels: &mut [bool], generator: &mut Pcg64) {
    for last in (1..labels.len()).rev() {
        let other = ((u128::from(generator.next_u64()) * (last as u128 + 1)) >> 64) as usize;
        labels.swap(last, other);
    }
}

/// Scores made ready for statistics under many memberships: sorted once.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranked {
    /// Units from the highest score.
    order: Vec<usize>,
    /// Where each group of equal scores ends in `order`.
    ends: Vec<usize>,
}

impl Ranked {
    /// One score per unit, in the order of the memberships.
    pub fn new(scores: &[f64]) -> Result<Self> {
        argument::sample("scores", scores)?;
        let mut order: Vec<usize> = (0..scores.len()).collect();
        // Zeros of either sign are equal.
        order.sort_by(|a, b| scores[*b].partial_cmp(&scores[*a]).unwrap_or(std::cmp::Ordering::Equal));
        let ends = (1..=order.len())
            .filter(|&end| end == order.len() || scores[order[end]] != scores[order[end - 1]])
            .collect();
        Ok(Self { order, ends })
    }

    /// The area under the curve for these memberships, one per score; ties count one half.
    pub fn auc(&self, members: &[bool]) -> f64 {
        let (mut tp, mut fp, mut twice_lost) = (0_u64, 0_u64, 0_u64);
        self.groups(members, |inside, outside| {
            twice_lost += outside * (2 * tp + inside);
            tp += inside;
            fp += outside;
            true
        });
        twice_lost as f64 / (2.0 * tp as f64 * fp as f64)
    }

    /// The true positive rate at the most permissive threshold that flags at most `level` of the non-members.
    pub fn tpr_at(&self, level: f64, members: &[bool]) -> f64 {
        let total = members.iter().filter(|member| **member).count() as u64;
        let allowed = argument::largest_count_within(level, self.order.len() as u64 - total);
        let (mut tp, mut fp) = (0_u64, 0_u64);
        self.groups(members, |inside, outside| {
            fp += outside;
            let within = fp <= allowed;
            tp += if within { inside } else { 0 };
            within
        });
        tp as f64 / total as f64
    }

    /// Members and non-members of each group of equal scores from the highest, until the visitor has seen enough.
    fn groups(&self, members: &[bool], mut visit: impl FnMut(u64, u64) -> bool) {
        let mut start = 0;
        for &end in &self.ends {
            let inside = self.order[start..end].iter().filter(|unit| members[**unit]).count();
            if !visit(inside as u64, (end - start - inside) as u64) {
                break;
            }
            start = end;
        }
    }
}
