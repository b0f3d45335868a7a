//! Numbers brought to mean 0 and standard deviation 1.

use serde::{Deserialize, Serialize};

/// The mean and the standard deviation of the numbers that a column was fitted on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Standard {
    /// The mean.
    pub mean: f64,
    /// The standard deviation; 0 where all numbers are one, and everything becomes 0.
    pub deviation: f64,
}

impl Standard {
    /// Fits to finite numbers; to none of them, everything becomes 0.
    pub(super) fn fit(numbers: impl Iterator<Item = f64> + Clone) -> Self {
        let (mut count, mut low, mut high) = (0.0_f64, f64::INFINITY, f64::NEG_INFINITY);
        for number in numbers.clone() {
            count += 1.0;
            (low, high) = (low.min(number), high.max(number));
        }
        // Sums may exceed what a number can be, rounding may find a spread where there is none.
        if low >= high || count == 0.0 {
            return Self { mean: 0.0, deviation: 0.0 };
        }
        let size = low.abs().max(high.abs());
        let mean = numbers.clone().map(|number| number / size).sum::<f64>() / count;
        let squares: f64 = numbers.map(|number| (number / size - mean).powi(2)).sum();
        Self { mean: mean * size, deviation: (squares / count).sqrt() * size }
    }

    pub(super) fn is_finite(self) -> bool {
        self.mean.is_finite() && self.deviation.is_finite() && self.deviation >= 0.0
    }

    /// The number in single precision, always a finite one: x / deviation − mean / deviation.
    pub fn apply(self, number: f64) -> f32 {
        if self.deviation > 0.0 {
            let apart = number / self.deviation - self.mean / self.deviation;
            let apart = if apart.is_nan() { 0.0 } else { apart };
            apart.clamp(f64::from(f32::MIN), f64::from(f32::MAX)) as f32
        } else {
            0.0
        }
    }
}
