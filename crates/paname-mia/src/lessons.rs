//! What a classifier learns from: looks at reference models and records of which it is known whether they were included.

use paname_core::{Case, Ctx, Error, Result, Whom};
use rand_core::Rng as _;

use crate::network::{Examples, Fitting, Network};

/// Examples of either kind below which nothing can be learned.
pub(crate) const FEWEST: usize = 20;

/// Examples drawn so far. Which are drawn, and in which order they are learned from, does not depend on the order of the records.
pub(crate) struct Lessons {
    seed: u64,
    /// Examples with keys above it are not drawn.
    last: u64,
    /// `[examples][width]`.
    features: Vec<f64>,
    /// Key, and whether the model included the record.
    kinds: Vec<(u64, bool)>,
}

impl Lessons {
    /// Draws about `examples` of all pairs of an audited record and one of so many models.
    pub(crate) fn new(case: &Case<'_>, models: usize, examples: usize, ctx: &Ctx<'_>) -> Self {
        let share = examples as f64 / (models * case.audited().len()).max(1) as f64;
        let last = if share < 1.0 { (share * u64::MAX as f64) as u64 } else { u64::MAX };
        Self { seed: ctx.rng("examples").next_u64(), last, features: Vec::new(), kinds: Vec::new() }
    }

    fn key(&self, case: &Case<'_>, model: usize, record: usize) -> u64 {
        mix(self.seed ^ mix((u64::from(case.audited().ids[record]) << 32) | model as u64))
    }

    /// The audited records that are looked at in a reference model.
    pub(crate) fn drawn(&self, case: &Case<'_>, model: usize) -> Vec<usize> {
        (0..case.audited().len()).filter(|&record| self.key(case, model, record) <= self.last).collect()
    }

    /// Takes the features `[records][width]` of these records in a reference model.
    pub(crate) fn take(&mut self, case: &Case<'_>, model: usize, records: &[usize], features: &[f64]) {
        let rows = case.membership(Whom::Audited);
        self.features.extend_from_slice(features);
        for &record in records {
            self.kinds.push((self.key(case, model, record), rows.row(record).contains(model)));
        }
    }

    /// A network that tells records that were included from others, and the features `[records][width]` of the target scaled as it takes them. Calls
    /// `tick` before each epoch. `what` names an example.
    pub(crate) fn learn(
        self,
        what: &str,
        width: usize,
        mut targets: Vec<f64>,
        fitting: Fitting,
        ctx: &Ctx<'_>,
        tick: impl FnMut() -> Result<()>,
    ) -> Result<Vec<f64>> {
        let mut order: Vec<usize> = (0..self.kinds.len()).collect();
        order.sort_by_key(|&i| self.kinds[i].0);
        let rows = order.iter().flat_map(|i| &self.features[i * width..(i + 1) * width]);
        let mut inputs: Vec<f64> = rows.copied().collect();
        let positive: Vec<bool> = order.iter().map(|i| self.kinds[*i].1).collect();
        for (which, inside) in [("included", true), ("excluded", false)] {
            let got = positive.iter().filter(|kind| **kind == inside).count();
            if got < FEWEST {
                let what = format!("{what} and records that they {which}");
                return Err(Error::Missing { what, needed: FEWEST, got });
            }
        }
        standardise(&mut inputs, &mut targets, width);
        let examples = Examples { inputs: &inputs, width, positive: &positive };
        let rows = (0..positive.len() as u32).collect();
        let network = Network::fit(examples, rows, fitting, &mut ctx.rng("network"), tick)?;
        Ok(targets.chunks_exact(width.max(1)).map(|input| network.log_odds(input)).collect())
    }
}

/// Scales each feature to mean 0 and deviation 1 over the examples, and the targets' features alike.
pub(crate) fn standardise(examples: &mut [f64], targets: &mut [f64], width: usize) {
    for feature in 0..width {
        let column = || examples.iter().skip(feature).step_by(width);
        let count = column().count().max(1) as f64;
        let mean = column().sum::<f64>() / count;
        let deviation = (column().map(|x| (x - mean).powi(2)).sum::<f64>() / count).sqrt();
        let scale = if deviation > 0.0 { deviation } else { 1.0 };
        for values in [&mut *examples, &mut *targets] {
            for x in values.iter_mut().skip(feature).step_by(width) {
                *x = (*x - mean) / scale;
            }
        }
    }
}

/// Spreads numbers evenly over all words (the finaliser of SplitMix64; Steele, Lea and Flood 2014).
pub(crate) const fn mix(mut x: u64) -> u64 {
    x = x.wrapping_add(0x9e37_79b9_7f4a_7c15);
    x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    x ^ (x >> 31)
}
