//! What scores say of the ε of differential privacy: a lower bound where coins decided who is a member and were committed to before training, and
//! elsewhere a figure that proves nothing.
//!
//! Each canary was put in or left out by a coin of its own. The attack's highest scores are guessed "in" and its lowest "out", as many as were
//! fixed before any score existed; under differential privacy too many of them cannot be right ([`paname_stats::one_run`]). The figures of all rows
//! share the level of the audit, so that they hold together whichever of them is quoted. A small bound is not privacy: beside each stands the most
//! that so many guesses could have shown.

use paname_core::Result;
use paname_evidence::{
    Epsilon, EpsilonClaim, EpsilonFigure, GaussianFigure, GuessRule, HeuristicEpsilon, LevelResult,
    OneRunEpsilon,
};
use paname_stats::one_run::{self, Guesses};
use paname_stats::{Roc, epsilon as counts};

use super::{Truth, Units, finite, statistics};
use crate::manifest::{DifferentialPrivacy, Statistics};

/// The δ at which bounds are stated where the manifest declares none.
const DELTA: f64 = 1e-5;
/// Figures of one row that share its error: by one run, by its curve, and by a Gaussian curve.
const FIGURES: f64 = 3.0;

/// What bounds are stated for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Terms {
    /// The δ.
    pub(crate) delta: f64,
    /// The ε that the manifest claims.
    pub(crate) claim: Option<f64>,
    /// Probability that one figure lies above the truth.
    error: f64,
}

impl Terms {
    /// The terms of an audit of so many rows.
    pub(crate) fn new(claim: Option<&DifferentialPrivacy>, settings: &Statistics, rows: usize) -> Self {
        Self {
            delta: claim.map_or(DELTA, |claim| claim.delta),
            claim: claim.map(|claim| claim.claimed_epsilon),
            error: settings.alpha / (FIGURES * rows.max(1) as f64),
        }
    }
}

/// How many guesses are made of so many canaries.
pub(crate) fn guesses_made(canaries: u64, settings: &Statistics) -> u64 {
    settings.epsilon_guesses.unwrap_or_else(|| canaries.div_ceil(10)).min(canaries)
}

/// The most that a row can show with so many canaries.
pub(crate) fn ceiling(canaries: u64, settings: &Statistics, terms: &Terms) -> Result<f64> {
    let made = guesses_made(canaries, settings);
    let all_right = Guesses { canaries, made, right: made };
    let [by_one_run, by_curve] = bounds(all_right, terms)?;
    Ok(by_one_run.max(by_curve))
}

/// What the scores, one per audited record, say of ε. Without canaries the counts at `levels` do; None where no level has any.
pub(crate) fn epsilon(
    scores: &[f64],
    truth: &Truth,
    levels: &[LevelResult],
    settings: &Statistics,
    terms: &Terms,
) -> Result<Option<Epsilon>> {
    let Some(canary) = &truth.canary else {
        return Ok(heuristic(levels, settings, terms)?.map(Epsilon::Heuristic));
    };
    let scores: Vec<f64> = scores.iter().map(|score| finite(*score)).collect();
    let units = truth.units(&scores, settings.person_score, Some(canary))?;
    by_one_run(&units, settings, terms).map(|found| Some(Epsilon::OneRun(found)))
}

fn by_one_run(units: &Units, settings: &Statistics, terms: &Terms) -> Result<OneRunEpsilon> {
    let made = guesses_made(units.all.len() as u64, settings);
    let (inside, outside) = (made.div_ceil(2), made / 2);
    let guesses = guess(units, inside, outside)?;
    let all_right = Guesses { right: made, ..guesses };
    let [bound, by_curve] = bounds(guesses, terms)?;
    let [most, most_by_curve] = bounds(all_right, terms)?;
    let gaussian =
        |guesses| one_run::gaussian_lower_bound(guesses, terms.delta, terms.error).map_err(statistics);
    Ok(OneRunEpsilon {
        canaries: guesses.canaries,
        rule: if settings.epsilon_guesses.is_some() { GuessRule::Declared } else { GuessRule::Tenth },
        guesses: made,
        guessed_in: inside,
        guessed_out: outside,
        right: guesses.right,
        delta: terms.delta,
        confidence: 1.0 - settings.alpha,
        one_run: EpsilonFigure { bound, ceiling: most },
        curve: EpsilonFigure { bound: by_curve, ceiling: most_by_curve },
        // At δ = 0 no Gaussian noise has a finite ε.
        gaussian: if terms.delta > 0.0 {
            let (found, most) = (gaussian(guesses)?, gaussian(all_right)?);
            let epsilon = EpsilonFigure { bound: found.epsilon, ceiling: most.epsilon };
            Some(GaussianFigure { mu: found.mu, epsilon })
        } else {
            None
        },
        claim: terms
            .claim
            .map(|claimed| EpsilonClaim { epsilon: claimed, refuted: bound.max(by_curve) > claimed }),
    })
}

/// How guesses by the scores turn out: "in" for the highest, "out" for the lowest.
fn guess(units: &Units, inside: u64, outside: u64) -> Result<Guesses> {
    let (members, others) = (units.side(true), units.side(false));
    if members.is_empty() || others.is_empty() {
        // All coins of a few canaries fell alike: whatever the scores, one kind of guess is right.
        let right = if others.is_empty() { inside } else { outside };
        return Ok(Guesses { canaries: units.all.len() as u64, made: inside + outside, right });
    }
    let roc = Roc::new(&members, &others).map_err(statistics)?;
    Guesses::from_scores(&roc, inside, outside).map_err(statistics)
}

/// The bounds by one run and by its curve.
fn bounds(guesses: Guesses, terms: &Terms) -> Result<[f64; 2]> {
    let plain = one_run::lower_bound(guesses, terms.delta, terms.error).map_err(statistics)?;
    let by_curve = one_run::curve_lower_bound(guesses, terms.delta, terms.error).map_err(statistics)?;
    Ok([plain, by_curve])
}

/// The figure that counts would bound ε by, were every record a training run of its own. Thresholds were fixed on other non-members; the levels
/// share the error, and the one with the largest figure is taken.
fn heuristic(
    levels: &[LevelResult],
    settings: &Statistics,
    terms: &Terms,
) -> Result<Option<HeuristicEpsilon>> {
    let fixed: Vec<_> = levels.iter().filter_map(|level| level.fixed).collect();
    let share = settings.alpha / fixed.len().max(1) as f64;
    let mut best: Option<HeuristicEpsilon> = None;
    for at in fixed {
        let (members, others) = (at.tpr.trials, at.fpr.trials);
        let value = counts::lower_bound(at.tpr.hits, members, at.fpr.hits, others, terms.delta, share);
        let ceiling = counts::ceiling(members, others, terms.delta, share);
        let figure =
            EpsilonFigure { bound: value.map_err(statistics)?, ceiling: ceiling.map_err(statistics)? };
        if best.as_ref().is_none_or(|best| figure.bound > best.figure.bound) {
            best = Some(HeuristicEpsilon { level: at.level, delta: terms.delta, figure });
        }
    }
    Ok(best)
}
