//! The scores of members and non-members in the same bins, for figures.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, argument};

/// Two samples in shared bins of equal width. The bins span the central 99 % of all finite scores, so that a few outliers
/// do not squeeze the rest; what lies beyond, infinities included, is counted apart.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Histogram {
    /// The lower end of the first bin.
    pub lower: f64,
    /// The upper end of the last bin, itself inside.
    pub upper: f64,
    /// The members.
    pub members: Bins,
    /// The non-members.
    pub non_members: Bins,
}

/// The counts of one sample.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Bins {
    /// Scores below the first bin.
    pub below: u64,
    /// Scores in each bin, from the lowest.
    pub counts: Vec<u64>,
    /// Scores above the last bin.
    pub above: u64,
}

const MOST_BINS: usize = 10_000;
const TAIL: f64 = 0.005;

impl Histogram {
    /// Counts both samples in `bins` bins, 1 to 10 000.
    pub fn new(members: &[f64], non_members: &[f64], bins: usize) -> Result<Self> {
        argument::sample("members", members)?;
        argument::sample("non-members", non_members)?;
        if bins == 0 || bins > MOST_BINS {
            return Err(Error::OutOfRange { what: "bins", expected: "from 1 to 10000", got: bins as f64 });
        }
        let finite: Vec<f64> =
            members.iter().chain(non_members).copied().filter(|score| score.is_finite()).collect();
        let (lower, upper) = span(&argument::sorted(&finite));
        let count = |scores: &[f64]| Bins::new(scores, lower, upper, bins);
        Ok(Self { lower, upper, members: count(members), non_members: count(non_members) })
    }
}

impl Bins {
    fn new(scores: &[f64], lower: f64, upper: f64, bins: usize) -> Self {
        let mut counted = Self { below: 0, counts: vec![0; bins], above: 0 };
        for &score in scores {
            if score < lower {
                counted.below += 1;
            } else if score > upper {
                counted.above += 1;
            } else {
                let share = (0.5 * score - 0.5 * lower) / (0.5 * upper - 0.5 * lower);
                counted.counts[((share * bins as f64) as usize).min(bins - 1)] += 1;
            }
        }
        counted
    }
}

/// The central 99 % of ascending finite scores; all of them where those coincide; a symbolic width where all are equal.
fn span(sorted: &[f64]) -> (f64, f64) {
    let Some(end) = sorted.len().checked_sub(1) else { return (-0.5, 0.5) };
    let low = (TAIL * end as f64).floor() as usize;
    // Halves, because the distance of two finite numbers may be infinite.
    let apart = |low: f64, high: f64| 0.5 * high - 0.5 * low > 0.0;
    if apart(sorted[low], sorted[end - low]) {
        (sorted[low], sorted[end - low])
    } else if apart(sorted[0], sorted[end]) {
        (sorted[0], sorted[end])
    } else {
        let half = 0.5_f64.max(1e-6 * sorted[0].abs());
        ((sorted[0] - half).max(f64::MIN), (sorted[0] + half).min(f64::MAX))
    }
}
