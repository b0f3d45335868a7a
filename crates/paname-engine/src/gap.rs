//! Whether reference models are like the model under audit, as far as their accuracy tells: the target's accuracy on members minus that on
//! non-members, beside the same gap of each reference model between its own rows and the others.
//!
//! Reference models stand for what the target would answer without a record, or with it. Models that overfit much more, or much less, are poor
//! stand-ins: attacks are miscalibrated, and find less than there is. So a mismatch weakens what was not found and takes nothing away from what was.

use paname_evidence::GapSummary;

use crate::judge::Truth;

/// Fewest reference models whose gaps have a spread to speak of.
const FEWEST_MODELS: usize = 3;
/// Standard deviations of the gaps of reference models that the target's may lie away from their mean.
const DEVIATIONS: f64 = 3.0;
/// And standard errors of the difference, since all are measured on a sample.
const ERRORS: f64 = 2.0;
/// A difference that is never a mismatch.
const LEAST: f64 = 0.02;

/// Hits and trials with the records that a model was fitted on, and with the others.
#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    inside: (u64, u64),
    outside: (u64, u64),
}

impl Tally {
    fn count(&mut self, inside: bool, correct: bool) {
        let (hits, trials) = if inside { &mut self.inside } else { &mut self.outside };
        *hits += u64::from(correct);
        *trials += 1;
    }

    /// The gap, where there are records on both sides, and its standard error.
    fn gap(&self) -> Option<(f64, f64)> {
        let rate = |(hits, trials): (u64, u64)| {
            let rate = hits as f64 / trials as f64;
            (rate, rate * (1.0 - rate) / trials as f64)
        };
        if self.inside.1 == 0 || self.outside.1 == 0 {
            return None;
        }
        let ((inside, a), (outside, b)) = (rate(self.inside), rate(self.outside));
        Some((inside - outside, (a + b).sqrt()))
    }
}

/// Compares the gaps. `margins` gives, for each audited record, the margin of the target and of each reference model, and `fitted` whether the
/// model was fitted on the record.
pub(crate) fn gap<'a>(
    truth: &Truth,
    margins: impl Iterator<Item = Vec<f32>>,
    fitted: impl Fn(usize, usize) -> bool + 'a,
) -> Option<GapSummary> {
    let mut target = Tally::default();
    let mut models: Vec<Tally> = Vec::new();
    for (record, (margins, &member)) in margins.zip(&truth.member).enumerate() {
        let (own, others) = margins.split_first()?;
        target.count(member, *own > 0.0);
        models.resize(others.len(), Tally::default());
        for (model, (tally, margin)) in models.iter_mut().zip(others).enumerate() {
            tally.count(fitted(record, model), *margin > 0.0);
        }
    }
    let gaps: Vec<f64> = models.iter().filter_map(|tally| Some(tally.gap()?.0)).collect();
    summary(target.gap()?, &gaps)
}

fn summary((target, error): (f64, f64), gaps: &[f64]) -> Option<GapSummary> {
    if gaps.len() < FEWEST_MODELS {
        return None;
    }
    let count = gaps.len() as f64;
    let mean = gaps.iter().sum::<f64>() / count;
    let variance = gaps.iter().map(|gap| (gap - mean).powi(2)).sum::<f64>() / (count - 1.0);
    let difference = (error * error + variance / count).sqrt();
    let allowed = (DEVIATIONS * variance.sqrt() + ERRORS * difference).max(LEAST);
    Some(GapSummary {
        target,
        mean,
        smallest: gaps.iter().copied().fold(f64::INFINITY, f64::min),
        largest: gaps.iter().copied().fold(f64::NEG_INFINITY, f64::max),
        allowed,
        mismatch: (target - mean).abs() > allowed,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_gap_far_from_all_others_is_a_mismatch() {
        let gaps = [0.10, 0.11, 0.09, 0.10];
        let far = summary((0.30, 0.01), &gaps).unwrap();
        assert!(far.mismatch && far.smallest == 0.09 && far.largest == 0.11);
        assert!((far.mean - 0.10).abs() < 1e-12);
        assert!(!summary((0.12, 0.01), &gaps).unwrap().mismatch);
        assert!(summary((-0.10, 0.01), &gaps).unwrap().mismatch, "too little is a mismatch too");
    }

    #[test]
    fn small_samples_and_small_differences_are_none() {
        let gaps = [0.10, 0.11, 0.09, 0.10];
        assert!(!summary((0.30, 0.15), &gaps).unwrap().mismatch, "the target's gap is hardly known");
        assert!(!summary((0.019, 0.0), &[0.0; 5]).unwrap().mismatch);
        assert!(summary((0.5, 0.0), &gaps[..2]).is_none());
    }

    #[test]
    fn gaps_are_those_of_each_models_own_rows() {
        // The target is right on members only; model m is right on its own rows, which are those of the same parity, and on every fifth record.
        let truth = Truth { member: (0..100).map(|r| r < 50).collect(), ..Truth::default() };
        let margin = |right: bool| if right { 1.0 } else { -1.0 };
        let margins = (0..100_usize).map(|record| {
            let models = (0..4).map(|model| margin(record % 2 == model % 2 || record % 5 == 0));
            std::iter::once(margin(record < 50)).chain(models).collect()
        });
        let found = gap(&truth, margins, |record, model| record % 2 == model % 2).unwrap();
        assert!((found.target - 1.0).abs() < 1e-12 && (found.mean - 0.8).abs() < 1e-12, "{found:?}");
        assert!(found.mismatch);
    }
}
