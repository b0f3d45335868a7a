//! Parameters chosen by rehearsal: some reference models play the target in turn, each candidate is tried on them, and the one that tells their rows
//! best is taken. The rows of reference models are known; the target's are not looked at.

use paname_core::{Case, Ctx, Error, Result, Whom, Within};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// A number, or the word that has it chosen.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged)]
pub enum Choice {
    /// The number itself.
    Given(f64),
    /// Chosen by letting reference models play the target.
    Open(Rehearsed),
}

/// The word that has a parameter chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rehearsed {
    /// Chosen by letting reference models play the target.
    Rehearsed,
}

impl Choice {
    /// Has the parameter chosen.
    pub const REHEARSED: Self = Self::Open(Rehearsed::Rehearsed);

    /// The number, or else all candidates, of which the first is what is taken where there is nothing to rehearse with.
    pub(crate) fn candidates(self, open: &[f64]) -> Vec<f64> {
        match self {
            Self::Given(value) => vec![value],
            Self::Open(_) => open.to_vec(),
        }
    }
}

impl From<f64> for Choice {
    fn from(value: f64) -> Self {
        Self::Given(value)
    }
}

/// Reference models that play the target at most.
pub(crate) const REHEARSALS: usize = 4;
/// Records that a model must have been fitted with, and without, to play the target.
const FEWEST: usize = 20;
/// Smaller differences of an area are rounding.
const ROUNDING: f64 = 1e-9;

/// The candidate with the largest mean area under the ROC curve over the audited records of the reference models that play the target; the first of
/// equals. `scores` runs a candidate; one that lacks something in a rehearsal is out. Where no model can play the target, or no candidate runs, it is
/// the first. The log and the evidence are told, under the name `what`.
pub(crate) fn choose<C: std::fmt::Display>(
    what: &str,
    candidates: Vec<C>,
    case: &Case<'_>,
    ctx: &Ctx<'_>,
    scores: impl Fn(&C, &Case<'_>, &Ctx<'_>) -> Result<Vec<f64>>,
) -> Result<C> {
    let silent = Within::silent(ctx);
    let mut areas: Vec<Option<f64>> = vec![Some(0.0); candidates.len()];
    let mut played = 0;
    for k in rehearsals(case).into_iter().filter(|_| candidates.len() > 1) {
        let truth = rows(case, k);
        let rehearsal = case.with_reference_as_target(k)?;
        for (candidate, total) in candidates.iter().zip(&mut areas) {
            let Some(sum) = total else { continue };
            match scores(candidate, &rehearsal, &ctx.within(&silent)) {
                Ok(scores) => *sum += area(&scores, &truth),
                Err(Error::Missing { .. }) => *total = None,
                Err(error) => return Err(error),
            }
        }
        played += 1;
    }
    let mut best: Option<(usize, f64)> = None;
    for (i, total) in areas.iter().enumerate() {
        if let Some(sum) = total
            && best.is_none_or(|(_, most)| *sum > most + ROUNDING)
        {
            best = Some((i, *sum));
        }
    }
    let place = best.map_or(0, |(i, _)| i);
    let all = candidates.len();
    let Some(candidate) = candidates.into_iter().nth(place) else {
        return Err(Error::Missing { what: format!("candidates for {what}"), needed: 1, got: 0 });
    };
    if all > 1 {
        let heard = match best {
            Some((_, sum)) if played > 0 => {
                format!(
                    "of {all} by {played} reference models in the target's place, AUC {:.4}",
                    sum / f64::from(played)
                )
            }
            _ => "since no reference model can play the target".into(),
        };
        ctx.log(&format!("{what} = {candidate}, {heard}"));
        ctx.chose(what, &candidate.to_string());
    }
    Ok(candidate)
}

/// Up to four reference models, spread evenly over all of them, that can play the target: fitted with enough of the audited records, and without
/// enough.
pub(crate) fn rehearsals(case: &Case<'_>) -> Vec<usize> {
    let models = case.references();
    let spread = (0..models.min(REHEARSALS)).map(|i| i * models / models.min(REHEARSALS));
    let able = |k: &usize| {
        let rows = rows(case, *k);
        let members = rows.iter().filter(|member| **member).count();
        // Where values of an attribute are guessed no model plays: it would tell those that it was fitted with.
        members >= FEWEST && rows.len() - members >= FEWEST && case.with_reference_as_target(*k).is_ok()
    };
    spread.filter(able).collect()
}

/// Which audited records a reference model was fitted on.
fn rows(case: &Case<'_>, k: usize) -> Vec<bool> {
    let rows = case.membership(Whom::Audited);
    (0..rows.records()).map(|r| rows.row(r).contains(k)).collect()
}

/// The area under the ROC curve: the share of pairs of a member and a non-member in which the member scores higher, ties counting half.
pub(crate) fn area(scores: &[f64], truth: &[bool]) -> f64 {
    let mut sorted: Vec<(f64, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
    sorted.sort_unstable_by(|a, b| a.0.total_cmp(&b.0));
    // Twice the number of pairs won, so that halves are whole: the sum does not depend on the order of the records.
    let (mut won, mut below, mut members) = (0_u64, 0_u64, 0_u64);
    for level in sorted.chunk_by(|a, b| a.0 == b.0) {
        let inside = level.iter().filter(|(_, member)| *member).count() as u64;
        let outside = level.len() as u64 - inside;
        won += inside * (2 * below + outside);
        below += outside;
        members += inside;
    }
    won as f64 / (2 * members * below).max(1) as f64
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use paname_core::{Host, Membership, Signal};
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    #[derive(Default)]
    struct Ears(Mutex<Vec<String>>);

    impl Host for Ears {
        fn log(&self, line: &str) {
            self.0.lock().unwrap().push(line.into());
        }
    }

    /// Chooses the sign of the confidence, and tells what was logged.
    fn sign(toy: &Toy, signs: Vec<f64>) -> (f64, Vec<String>) {
        let ears = Ears::default();
        let ctx = Ctx::new(1, "test", 1, &ears);
        let chosen = choose("sign", signs, &toy.case().unwrap(), &ctx, |sign, case, ctx| {
            let signals = [Signal::ScaledConfidence];
            case.map_records(Whom::Audited, &signals, ctx, |record| Ok(sign * f64::from(record.target(0)[0])))
        });
        (chosen.unwrap(), ears.0.into_inner().unwrap())
    }

    #[test]
    fn the_better_candidate_is_chosen_and_told() {
        let toy = Toy::new(Behaviour::Leaky, Size::default(), 1);
        let (chosen, log) = sign(&toy, vec![-1.0, 1.0, 2.0]);
        assert_eq!(chosen, 1.0);
        assert_eq!(log.len(), 1);
        assert!(
            log[0].starts_with("sign = 1, of 3 by 4 reference models in the target's place, AUC 0."),
            "{log:?}"
        );
        assert_eq!(sign(&toy, vec![-1.0]), (-1.0, Vec::new()));
    }

    #[test]
    fn the_truth_of_the_target_plays_no_part() {
        let mut toy = Toy::new(Behaviour::Leaky, Size::default(), 1);
        let before = sign(&toy, vec![-1.0, 1.0]);
        toy.truth.iter_mut().for_each(|member| *member = !*member);
        assert_eq!(sign(&toy, vec![-1.0, 1.0]), before);
    }

    #[test]
    fn the_first_is_taken_where_nobody_can_play() {
        let mut toy = Toy::new(Behaviour::Leaky, Size::default(), 1);
        toy.audited_membership = Membership::none(800, 8);
        let (chosen, log) = sign(&toy, vec![-1.0, 1.0]);
        assert_eq!(
            (chosen, log[0].as_str()),
            (-1.0, "sign = -1, since no reference model can play the target")
        );
    }

    #[test]
    fn areas_with_ties() {
        assert_eq!(area(&[9.0, 9.0, 5.0, 5.0], &[true, false, true, false]), 0.5);
        assert_eq!(area(&[3.0, 2.0, 2.0, 1.0], &[true, true, false, false]), 0.875);
        assert_eq!(area(&[1.0, 2.0], &[true, true]), 0.0);
    }
}
