//! What an attack finds on reference models in the target's place, whose rows are known: the positive control, and the audit of the procedure.

use std::collections::HashMap;

use paname_core::{Ctx, Result};
use paname_evidence::{Dose, PositiveControl, Procedure};
use paname_stats::discovery::{self, Inferable};
use paname_stats::procedure::{self, Model};
use paname_stats::{Rate, binomial, bootstrap, conformal, level};
use rand_core::Rng;

use super::{FEWEST_UNITS, Played, Truth, Units, below, finite, statistics};
use crate::manifest::Statistics;

/// A reference model in the target's place, unit by unit.
pub(super) struct Side {
    scores: Vec<f64>,
    members: Vec<bool>,
    /// What tells the units apart, the same for all models and the target.
    units: Vec<usize>,
}

/// The models that played, by units. Left out are those whose rows are not told, where a person has records on both sides, or a side is too small.
pub(super) fn sides(played: &[Played], truth: &Truth, settings: &Statistics) -> Result<Vec<Side>> {
    let mut sides = Vec::with_capacity(played.len());
    for played in played.iter().filter(|played| !played.rows.is_empty()) {
        let own = Truth { member: played.rows.clone(), person: truth.person.clone(), ..Truth::default() };
        if !own.torn().is_empty() {
            continue;
        }
        let scores: Vec<f64> = played.scores.iter().map(|score| finite(*score)).collect();
        let all = own.units(&scores, settings.person_score, None)?.all;
        let inside = all.iter().filter(|unit| unit.1).count() as u64;
        if inside.min(all.len() as u64 - inside) >= FEWEST_UNITS {
            sides.push(Side {
                scores: all.iter().map(|unit| unit.0).collect(),
                members: all.iter().map(|unit| unit.1).collect(),
                units: all.iter().map(|unit| unit.2).collect(),
            });
        }
    }
    Ok(sides)
}

/// Models without a unit, at the fewest, that give it a p-value.
const FEWEST_WITHOUT: usize = 4;

/// How many members can be named, at each declared prior, by p-values of each unit against its own scores under models that were fitted without it.
/// Nothing where a unit has too few of them.
pub(super) fn inferable(sides: &[Side], target: &Units, settings: &Statistics) -> Result<Vec<Inferable>> {
    let mut null: HashMap<usize, Vec<f64>> = HashMap::new();
    for Side { scores, members, units } in sides {
        for ((score, _), unit) in scores.iter().zip(members).zip(units).filter(|((_, member), _)| !**member) {
            null.entry(*unit).or_default().push(*score);
        }
    }
    let (mut inside, mut outside) = (Vec::new(), Vec::new());
    for (score, member, unit) in &target.all {
        let Some(without) = null.get(unit).filter(|without| without.len() >= FEWEST_WITHOUT) else {
            return Ok(Vec::new());
        };
        let p = conformal::student_p_value(without, *score).map_err(statistics)?;
        if *member { &mut inside } else { &mut outside }.push(p);
    }
    if (inside.len().min(outside.len()) as u64) < FEWEST_UNITS {
        return Ok(Vec::new());
    }
    let at = |&prior| discovery::inferable(&inside, &outside, prior, settings.fdr).map_err(statistics);
    settings.priors.iter().map(at).collect()
}

/// The positive control, by a detection test at `alpha`.
pub(super) fn positive(
    sides: &[Side],
    members: &[f64],
    calibration: &[f64],
    counted: &[f64],
    settings: &Statistics,
    alpha: f64,
    ctx: &Ctx<'_>,
) -> Result<Option<PositiveControl>> {
    // Models have scales of their own: a member counts by its place among the non-members of its model.
    let mut places = Vec::new();
    for Side { scores, members, .. } in sides {
        let side = |wanted: bool| {
            let all = scores.iter().zip(members).filter(move |(_, member)| **member == wanted);
            all.map(|(score, _)| *score).collect::<Vec<f64>>()
        };
        places.extend(conformal::conformal_p_values(&side(false), &side(true)).map_err(statistics)?);
    }
    if sides.is_empty() {
        return Ok(None);
    }
    let non_members: Vec<f64> = calibration.iter().chain(counted).copied().collect();
    let own = conformal::conformal_p_values(&non_members, &non_members).map_err(statistics)?;
    let negatives: Vec<f64> = own.iter().map(|p| -p).collect();
    let positives: Vec<f64> = places.iter().map(|p| -p).collect();
    let dose = Mixture {
        negatives: &negatives,
        positives: &positives,
        members: members.len(),
        counted: counted.len(),
    };
    let mut levels = Vec::new();
    for &level in &settings.fpr_targets {
        if (calibration.len().min(counted.len()) as u64)
            < level::needed_non_members(level).map_err(statistics)?
        {
            continue;
        }
        let found = places.iter().filter(|place| **place <= level).count() as f64 / places.len() as f64;
        let detected = dose.detected(level, settings, alpha, &mut ctx.rng(&format!("dose {level}")))?;
        let mixed = if detected.is_some() { settings.min_effect_tpr } else { 0.0 };
        levels.push(Dose { level, excess: found - level, dose: mixed, detected });
    }
    Ok(Some(PositiveControl { models: sides.len() as u64, members: places.len() as u64, levels }))
}

/// Simulated audits of a control by dose.
const AUDITS: u64 = 1000;

/// What simulated audits are drawn from, with replacement, and their sizes.
struct Mixture<'a> {
    negatives: &'a [f64],
    positives: &'a [f64],
    members: usize,
    counted: usize,
}

impl Mixture<'_> {
    /// How often the test at a fixed threshold sees an excess that is just what matters. Among the negatives that play members, so many positives are
    /// mixed that the excess is so large by construction; none where not even positives alone reach it.
    fn detected(
        &self,
        level: f64,
        settings: &Statistics,
        alpha: f64,
        rng: &mut impl Rng,
    ) -> Result<Option<Rate>> {
        let threshold = level::rank_threshold(self.negatives, level).map_err(statistics)?;
        let flagged = |scores: &[f64]| {
            scores.iter().filter(|score| **score > threshold).count() as f64 / scores.len().max(1) as f64
        };
        let (by_chance, found) = (flagged(self.negatives), flagged(self.positives));
        let share = settings.min_effect_tpr / (found - by_chance);
        if !(0.0..=1.0).contains(&share) {
            return Ok(None);
        }
        let draw = |from: &[f64], rng: &mut _| from[below(rng, from.len() as u64) as usize] > threshold;
        let mut seen = 0;
        for _ in 0..AUDITS {
            let (mut tp, mut fp) = (0, 0);
            for _ in 0..self.members {
                let positive = ((rng.next_u64() >> 11) as f64) < share * (1_u64 << 53) as f64;
                tp += u64::from(draw(if positive { self.positives } else { self.negatives }, rng));
            }
            for _ in 0..self.counted {
                fp += u64::from(draw(self.negatives, rng));
            }
            let p = binomial::fisher_greater(tp, self.members as u64, fp, self.counted as u64);
            seen += u64::from(p.map_err(statistics)? <= alpha);
        }
        Rate::new(seen, AUDITS, settings.confidence).map(Some).map_err(statistics)
    }
}

/// Most numbers that are looked at for the intervals of a procedure.
const WORK: u64 = 300_000_000;

/// What the attack finds on each model in turn, averaged.
pub(super) fn procedure(sides: &[Side], settings: &Statistics, ctx: &Ctx<'_>) -> Result<Option<Procedure>> {
    let Some(first) = sides.first() else { return Ok(None) };
    let count = first.scores.len() as u64;
    let models: Vec<Model<'_>> =
        sides.iter().map(|side| Model { scores: &side.scores, members: &side.members }).collect();
    let replicates = (WORK / (count * models.len() as u64).max(1)).clamp(200, 2000) as u32;
    let seed = ctx.rng("procedure").next_u64();
    let plan = bootstrap::Plan { replicates, confidence: settings.confidence, seed };
    let figures = procedure::procedure(&models, &settings.fpr_targets, &plan).map_err(statistics)?;
    Ok(Some(Procedure { models: models.len() as u64, units: count, figures }))
}
