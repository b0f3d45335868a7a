//! The dose control: would the audit have seen a leak of a stated size?
//!
//! A model that was overfitted on purpose shows only that huge leaks are seen. Here a few of its members' scores are mixed into
//! the non-members' own, so that the excess TPR - FPR is exactly the one asked about, and the audit's own detection test is run
//! on samples of the audit's own size, many times. A control that detects too seldom takes the claim "no leak" away.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Rate, Result, argument, level};

/// What to mix, and how large the samples of the audit are.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Dose {
    /// The excess TPR - FPR at the level, strictly between 0 and 1.
    pub excess: f64,
    /// The false positive rate at which the audit flags.
    pub level: f64,
    /// Non-members that fix the threshold.
    pub calibration: u32,
    /// Members counted.
    pub members: u32,
    /// Non-members counted.
    pub non_members: u32,
    /// The level of the detection test.
    pub alpha: f64,
    /// The number of simulated audits.
    pub audits: u32,
    /// The seed of a PCG64 generator: equal seeds give equal rates on every machine.
    pub seed: u64,
}

/// How often the dose was seen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Response {
    /// The share of positive scores among simulated members.
    pub share: f64,
    /// The true positive rate of the positive scores themselves at the level: the excess is out of reach above it.
    pub positive_tpr: f64,
    /// Simulated audits in which the test was significant, with its 95 % interval. To be compared with the declared power.
    pub detected: Rate,
}

/// Takes the non-members' scores for the population: a simulated non-member draws from them, a simulated member draws from
/// `positives` with the probability that makes the excess at the population's own threshold the one asked for, and else like a
/// non-member. Each simulated audit is [`level::at_calibrated_threshold`] on fresh draws. `None` where the positive scores do
/// not reach the excess: the control has no dose of this size to give.
pub fn response(non_members: &[f64], positives: &[f64], dose: &Dose) -> Result<Option<Response>> {
    argument::sample("non-members", non_members)?;
    argument::sample("positive scores", positives)?;
    argument::open_unit("excess", dose.excess)?;
    argument::open_unit("false positive rate", dose.level)?;
    argument::open_unit("alpha", dose.alpha)?;
    if dose.audits == 0 {
        return Err(Error::TooFew { what: "simulated audits", needed: 1, got: 0 });
    }
    let ascending = argument::sorted(non_members);
    let allowed = argument::largest_count_within(dose.level, ascending.len() as u64) as usize;
    // Strictly above it lie at most so many; a level below 1 leaves at least one at or below.
    let threshold = ascending[ascending.len() - 1 - allowed];
    let share_above = |scores: &[f64]| {
        scores.iter().filter(|score| **score > threshold).count() as f64 / scores.len() as f64
    };
    let (positive_tpr, fpr) = (share_above(positives), share_above(non_members));
    let share = dose.excess / (positive_tpr - fpr);
    if !(0.0..=1.0).contains(&share) {
        return Ok(None);
    }
    let mut generator = Pcg64::seed_from_u64(dose.seed);
    let mut detected = 0;
    for _ in 0..dose.audits {
        let mut sample = |count: u32, share: f64| -> Vec<f64> {
            (0..count)
                .map(|_| {
                    let from = if uniform(&mut generator) < share { positives } else { non_members };
                    from[((u128::from(generator.next_u64()) * from.len() as u128) >> 64) as usize]
                })
                .collect()
        };
        let (calibration, others) = (sample(dose.calibration, 0.0), sample(dose.non_members, 0.0));
        let members = sample(dose.members, share);
        let found = level::at_calibrated_threshold(&calibration, &members, &others, dose.level, 0.95)?;
        detected += u64::from(found.p <= dose.alpha);
    }
    let detected = Rate::new(detected, dose.audits.into(), 0.95)?;
    Ok(Some(Response { share, positive_tpr, detected }))
}

/// Below 1, in steps of 2⁻⁵³.
fn uniform(generator: &mut Pcg64) -> f64 {
    (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}
