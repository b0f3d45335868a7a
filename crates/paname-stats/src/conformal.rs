//! One p-value per record: is this score larger than a non-member's would be?

use crate::{Error, Result, argument, student};

/// `(1 + #{calibration >= score}) / (n + 1)` for each score, O((n + m) log n): valid whenever the record is exchangeable
/// with the calibration non-members, whatever the distribution, and fit for
/// [`crate::multiple::benjamini_hochberg`] (Bates et al., "Testing for outliers with conformal p-values", 2023).
pub fn conformal_p_values(calibration: &[f64], scores: &[f64]) -> Result<Vec<f64>> {
    argument::sample("calibration non-members", calibration)?;
    argument::numbers("scores", scores)?;
    let sorted = argument::sorted(calibration);
    let total = sorted.len() as f64 + 1.0;
    Ok(scores
        .iter()
        .map(|score| {
            let below = sorted.partition_point(|calibrated| calibrated < score);
            (1 + sorted.len() - below) as f64 / total
        })
        .collect())
}

/// The predictive Student p-value `1 - F_{t,n-1}((observed - mean) / (s √(1 + 1/n)))` of one record's score against its
/// scores under `null` models that never saw it. A Gaussian with an estimated spread would be badly anti-conservative.
/// Where all null scores are equal there is no spread to judge by, and the rank p-value stands in.
pub fn student_p_value(null: &[f64], observed: f64) -> Result<f64> {
    argument::finite("null scores", null)?;
    argument::numbers("observed score", &[observed])?;
    if null.len() < 2 {
        return Err(Error::TooFew { what: "null scores", needed: 2, got: null.len() as u64 });
    }
    let p = student::predictive_p(null, observed).unwrap_or_else(|| student::rank_p(null, observed));
    Ok(argument::p_value(p))
}
