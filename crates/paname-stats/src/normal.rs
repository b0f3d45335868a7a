//! The standard normal distribution.

use std::f64::consts::SQRT_2;

use statrs::function::erf::{erfc, erfc_inv};

/// `P[Z > z]`.
pub(crate) fn upper_tail(z: f64) -> f64 {
    0.5 * erfc(z / SQRT_2)
}

/// The `z` with `P[Z > z] = p`, `0 < p < 1`.
pub(crate) fn upper_quantile(p: f64) -> f64 {
    SQRT_2 * erfc_inv(2.0 * p)
}

/// Half the width, in standard errors, of a two-sided interval.
pub(crate) fn two_sided(confidence: f64) -> f64 {
    upper_quantile((1.0 - confidence) / 2.0)
}
