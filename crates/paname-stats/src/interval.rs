//! Intervals and rates, as they are printed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Result, binomial};

/// A confidence interval with both ends included.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Interval {
    /// The lower end.
    pub lower: f64,
    /// The upper end.
    pub upper: f64,
    /// The probability, before the data are seen, of covering the true value: 0.95 for 95 %.
    pub confidence: f64,
}

impl Interval {
    /// Whether `value` lies inside, ends included.
    pub fn contains(&self, value: f64) -> bool {
        (self.lower..=self.upper).contains(&value)
    }
}

/// A frequency over independent trials with its exact interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rate {
    /// Successes.
    pub hits: u64,
    /// Trials.
    pub trials: u64,
    /// `hits / trials`, 0 without trials.
    pub estimate: f64,
    /// The two-sided Clopper-Pearson interval.
    pub interval: Interval,
}

impl Rate {
    /// `hits` of `trials` with [`binomial::clopper_pearson`].
    pub fn new(hits: u64, trials: u64, confidence: f64) -> Result<Self> {
        let interval = binomial::clopper_pearson(hits, trials, confidence)?;
        let estimate = if trials == 0 { 0.0 } else { hits as f64 / trials as f64 };
        Ok(Self { hits, trials, estimate, interval })
    }
}
