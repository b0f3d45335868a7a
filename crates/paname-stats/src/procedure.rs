//! Several models of one training procedure, each attacked in turn: figures of the procedure, for data too few to say much of
//! one model.
//!
//! The same records, or persons, stand behind every model, members of some and non-members of others, so that they are what
//! is independent: intervals come from drawing units anew, all models together (the bootstrap of clusters). The models
//! are taken as given. A unit is a member of half of the models or so: no side is kept at a fixed size.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::level::needed_non_members;
use crate::{Error, Interval, Result, argument, bootstrap};

/// Scores of an attack on one model.
#[derive(Debug, Clone, Copy)]
pub struct Model<'a> {
    /// One score per unit, units in the same order for every model.
    pub scores: &'a [f64],
    /// Whether the model was fitted on the unit.
    pub members: &'a [bool],
}

/// A figure averaged over the models.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Mean {
    /// The mean over the models.
    pub value: f64,
    /// Its bootstrap interval.
    pub interval: Interval,
}

/// What the attack finds on models of the procedure.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ProcedureFigures {
    /// The mean area under the curve.
    pub auc: Mean,
    /// One entry per level that the non-members of every model resolve: the level, and the mean true positive rate at the
    /// most permissive threshold of each model that flags at most that share of its non-members.
    pub levels: Vec<(f64, Mean)>,
}

/// Averages the area under the curve and the true positive rates at `levels` over the models, with percentile intervals from
/// `plan`. Every model needs a member and a non-member. A replicate without either on some model is drawn again, at most as
/// often as there are replicates.
pub fn procedure(models: &[Model<'_>], levels: &[f64], plan: &bootstrap::Plan) -> Result<ProcedureFigures> {
    let units = models.first().ok_or(Error::Empty { what: "models" })?.scores.len();
    let ranked = models
        .iter()
        .map(|model| {
            argument::same_length("scores of a model", units, model.scores.len())?;
            argument::same_length("memberships of a model", units, model.members.len())?;
            Ranked::new(*model)
        })
        .collect::<Result<Vec<_>>>()?;
    let fewest = ranked.iter().map(|model| model.members.len() as u64 - model.inside()).min().unwrap_or(0);
    let mut resolved = Vec::new();
    for &level in levels {
        if fewest >= needed_non_members(level)? {
            resolved.push(level);
        }
    }
    let figures = |weights: &[u32]| -> Option<Vec<f64>> {
        let mut sums = vec![0.0; 1 + resolved.len()];
        for model in &ranked {
            model.add(weights, &resolved, &mut sums)?;
        }
        Some(sums.into_iter().map(|sum| sum / models.len() as f64).collect())
    };
    let observed =
        figures(&vec![1; units]).ok_or(Error::Empty { what: "members or non-members of a model" })?;
    let mut generator = Pcg64::seed_from_u64(plan.seed);
    let mut replicates = vec![Vec::with_capacity(plan.replicates as usize); observed.len()];
    let mut weights = vec![0_u32; units];
    for _ in 0..2 * plan.replicates {
        weights.fill(0);
        for _ in 0..units {
            weights[((u128::from(generator.next_u64()) * units as u128) >> 64) as usize] += 1;
        }
        let Some(drawn) = figures(&weights) else { continue };
        for (all, one) in replicates.iter_mut().zip(drawn) {
            all.push(one);
        }
        if replicates[0].len() == plan.replicates as usize {
            break;
        }
    }
    let mut means = observed.iter().zip(&mut replicates).map(|(&value, replicates)| {
        replicates.sort_by(f64::total_cmp);
        let interval = percentiles(replicates, plan.confidence)?;
        Ok(Mean { value, interval })
    });
    let auc = means.next().ok_or(Error::Empty { what: "models" })??;
    let levels = resolved.iter().copied().zip(means).map(|(level, mean)| Ok((level, mean?)));
    Ok(ProcedureFigures { auc, levels: levels.collect::<Result<_>>()? })
}

/// The interval between the quantiles of sorted replicates.
fn percentiles(sorted: &[f64], confidence: f64) -> Result<Interval> {
    argument::sample("bootstrap replicates", sorted)?;
    argument::open_unit("confidence", confidence)?;
    let at = |share: f64| sorted[((share * sorted.len() as f64) as usize).min(sorted.len() - 1)];
    let tail = (1.0 - confidence) / 2.0;
    Ok(Interval { lower: at(tail), upper: at(1.0 - tail), confidence })
}

/// The units of a model from the highest score on.
struct Ranked<'a> {
    order: Vec<u32>,
    /// Where each group of equal scores ends in `order`.
    ends: Vec<u32>,
    members: &'a [bool],
}

impl<'a> Ranked<'a> {
    fn new(model: Model<'a>) -> Result<Self> {
        let Model { scores, members } = model;
        argument::sample("scores", scores)?;
        let mut order: Vec<u32> = (0..scores.len() as u32).collect();
        let score = |unit: u32| scores[unit as usize];
        // Zeros of either sign are equal.
        order.sort_by(|a, b| score(*b).partial_cmp(&score(*a)).unwrap_or(std::cmp::Ordering::Equal));
        let last = |end: &usize| *end == order.len() || score(order[*end]) != score(order[*end - 1]);
        let ends = (1..=order.len()).filter(last).map(|end| end as u32).collect();
        Ok(Self { order, ends, members })
    }

    fn inside(&self) -> u64 {
        self.members.iter().filter(|member| **member).count() as u64
    }

    /// Adds the area and the rates of this model, units counting as often as they were drawn. None where a side is empty.
    fn add(&self, weights: &[u32], levels: &[f64], sums: &mut [f64]) -> Option<()> {
        let all: u64 = weights.iter().map(|weight| u64::from(*weight)).sum();
        let members = weights.iter().zip(self.members).filter(|(_, member)| **member);
        let members: u64 = members.map(|(weight, _)| u64::from(*weight)).sum();
        if members == 0 || members == all {
            return None;
        }
        let allowed: Vec<u64> =
            levels.iter().map(|level| argument::largest_count_within(*level, all - members)).collect();
        let mut best = vec![0; levels.len()];
        let (mut tp, mut fp, mut twice_lost, mut start) = (0_u64, 0_u64, 0_u64, 0);
        for &end in &self.ends {
            let (mut inside, mut outside) = (0, 0);
            for &unit in &self.order[start..end as usize] {
                let weight = u64::from(weights[unit as usize]);
                let side = if self.members[unit as usize] { &mut inside } else { &mut outside };
                *side += weight;
            }
            twice_lost += outside * (2 * tp + inside);
            tp += inside;
            fp += outside;
            for (best, allowed) in best.iter_mut().zip(&allowed) {
                if fp <= *allowed {
                    *best = tp;
                }
            }
            start = end as usize;
        }
        let (members, others) = (members as f64, (all - members) as f64);
        sums[0] += twice_lost as f64 / (2.0 * members * others);
        for (sum, best) in sums[1..].iter_mut().zip(best) {
            *sum += best as f64 / members;
        }
        Some(())
    }
}
