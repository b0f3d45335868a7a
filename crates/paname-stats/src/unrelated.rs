//! The null by unrelated models: the same attack on the same records against models whose training data has nothing to do
//! with them. A shift between members and non-members moves those figures as well, so it cannot pass for memorisation.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Result, argument, student};

/// How the observed figure was compared with the null figures.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum NullMethod {
    /// `(1 + #{null >= observed}) / (K + 1)`: no assumption but exchangeability.
    Rank,
    /// `1 - F_{t,K-1}((observed - mean) / (s √(1 + 1/K)))`: assumes roughly normal null figures, for the few models with
    /// which a rank cannot reach the level.
    Student,
}

/// The comparison of one figure with its null figures.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UnrelatedNull {
    /// One-sided p-value of "the observed figure is no larger than against an unrelated model".
    pub p: f64,
    /// How it was found.
    pub method: NullMethod,
    /// The number K of unrelated models.
    pub draws: u64,
    /// The mean null figure.
    pub mean: f64,
    /// The standard deviation of the null figures, K - 1 in the denominator.
    pub standard_deviation: f64,
}

/// What is known of figures against unrelated models.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Figure {
    /// About normal, as an area under a ROC curve, the mean over all pairs.
    Normal,
    /// Anything, as a true positive rate at a low false positive rate, a small count: Student's test of such a one alarms twice to seven times as often
    /// as stated.
    Any,
}

/// Compares `observed` with one figure per unrelated model: by rank where K ≥ 1/alpha - 1 models allow a p-value of
/// `alpha`, or where figures are not about normal, else by Student's predictive test. `None` with fewer than two models. Equal null figures have no spread
/// to judge by; they are compared by rank whatever K is.
pub fn unrelated_null(
    figure: Figure,
    observed: f64,
    null: &[f64],
    alpha: f64,
) -> Result<Option<UnrelatedNull>> {
    argument::open_unit("alpha", alpha)?;
    argument::finite("observed figure", &[observed])?;
    argument::finite("null figures", null)?;
    if null.len() < 2 {
        return Ok(None);
    }
    let (mean, standard_deviation) = student::moments(null);
    let rank_suffices = figure == Figure::Any || 1.0 / (null.len() as f64 + 1.0) <= alpha;
    let student = if rank_suffices { None } else { student::predictive_p(null, observed) };
    let (p, method) = match student {
        Some(p) => (p, NullMethod::Student),
        None => (student::rank_p(null, observed), NullMethod::Rank),
    };
    let draws = null.len() as u64;
    Ok(Some(UnrelatedNull { p: argument::p_value(p), method, draws, mean, standard_deviation }))
}
