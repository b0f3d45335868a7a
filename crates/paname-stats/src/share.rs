//! How well shares are estimated, such as the share of a group of records that a model was trained on.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::bootstrap::{Plan, sample_interval};
use crate::{Interval, Result, argument};

/// The error of estimates of shares. One entry must be one independent unit.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ShareError {
    /// The mean of |estimate − truth|.
    pub mean_absolute_error: f64,
    /// Its interval, by units drawn again.
    pub mean_absolute_error_interval: Interval,
    /// The mean of estimate − truth.
    pub bias: f64,
    /// Its interval, by the same draws.
    pub bias_interval: Interval,
    /// The mean absolute error of the best guess that is the same for every unit: the median of the true shares. It takes the truth to know it.
    pub constant_error: f64,
}

/// The error of finite `estimates` of the shares `truths`, each from 0 to 1, with bootstrap intervals; see [`sample_interval`].
pub fn share_error(estimates: &[f64], truths: &[f64], plan: &Plan) -> Result<ShareError> {
    argument::same_length("true shares", estimates.len(), truths.len())?;
    argument::sample("estimates of shares", estimates)?;
    argument::finite("estimates of shares", estimates)?;
    for truth in truths {
        argument::unit("true share", *truth)?;
    }
    let pairs: Vec<(f64, f64)> = estimates.iter().copied().zip(truths.iter().copied()).collect();
    let mean_absolute_error =
        |pairs: &[(f64, f64)]| mean(pairs, |(estimate, truth)| (estimate - truth).abs());
    let bias = |pairs: &[(f64, f64)]| mean(pairs, |(estimate, truth)| estimate - truth);
    let median = argument::sorted(truths)[truths.len() / 2];
    Ok(ShareError {
        mean_absolute_error: mean_absolute_error(&pairs),
        mean_absolute_error_interval: sample_interval(&pairs, plan, mean_absolute_error)?,
        bias: bias(&pairs),
        bias_interval: sample_interval(&pairs, plan, bias)?,
        constant_error: mean(&pairs, |(_, truth)| (truth - median).abs()),
    })
}

fn mean(pairs: &[(f64, f64)], of: impl Fn((f64, f64)) -> f64) -> f64 {
    pairs.iter().map(|pair| of(*pair)).sum::<f64>() / pairs.len() as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    const PLAN: Plan = Plan { replicates: 999, confidence: 0.95, seed: 1 };

    #[test]
    fn errors_by_hand() {
        let found = share_error(&[0.1, 0.5, 0.5, 0.9], &[0.0, 0.25, 0.75, 1.0], &PLAN).unwrap();
        assert!((found.mean_absolute_error - 0.175).abs() < 1e-12);
        assert!(found.bias.abs() < 1e-12);
        // Any constant from 0.25 to 0.75 errs by 0.75 + 0.5 + 0 + 0.25 over four.
        assert!((found.constant_error - 0.375).abs() < 1e-12);
        assert!(found.mean_absolute_error_interval.contains(0.175));
        assert!(found.bias_interval.lower < -0.05 && found.bias_interval.upper > 0.05);
    }

    #[test]
    fn a_shift_is_the_bias_and_has_no_width() {
        let found = share_error(&[0.25, 0.5, 0.75], &[0.0, 0.25, 0.5], &PLAN).unwrap();
        assert_eq!((found.bias_interval.lower, found.bias, found.bias_interval.upper), (0.25, 0.25, 0.25));
    }

    #[test]
    fn arguments_are_checked() {
        let message = |estimates: &[f64], truths: &[f64]| {
            share_error(estimates, truths, &PLAN).err().map(|error| error.to_string()).unwrap_or_default()
        };
        assert!(message(&[], &[]).contains("estimates of shares"));
        assert!(message(&[0.5], &[]).contains("true shares"));
        assert!(message(&[f64::INFINITY], &[0.5]).contains("estimates of shares"));
        assert!(message(&[0.5], &[1.5]).contains("true share"));
    }
}
