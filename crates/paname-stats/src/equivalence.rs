//! The claim that an attack finds next to nothing: an upper bound on TPR - FPR at a threshold that was fixed on other data.
//!
//! A test that finds no difference proves none. The claim turns the burden round: its null hypothesis is "the excess is at
//! least the margin" (Schuirmann, Journal of Pharmacokinetics and Biopharmaceutics 15, 1987), rejected where the bound lies
//! below the margin. It bounds the success of this attack at this threshold, not of every attack.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Result, argument, binomial};

/// How much more often members are flagged than non-members, at the most.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ExcessBound {
    /// The upper bound on the true positive rate.
    pub tpr_upper: f64,
    /// The lower bound on the false positive rate.
    pub fpr_lower: f64,
    /// `tpr_upper - fpr_lower`: the true excess is above it with probability at most `alpha`.
    pub excess_upper: f64,
    /// The error of the bound.
    pub alpha: f64,
}

/// The one-sided bound on TPR - FPR: Clopper and Pearson's upper bound minus their lower bound, alpha/2 each, so that
/// nothing need be known of how the two samples hang together.
pub fn excess_bound(tp: u64, members: u64, fp: u64, non_members: u64, alpha: f64) -> Result<ExcessBound> {
    argument::open_unit("alpha", alpha)?;
    let tpr_upper = binomial::clopper_pearson_upper(tp, members, alpha / 2.0)?;
    let fpr_lower = binomial::clopper_pearson_lower(fp, non_members, alpha / 2.0)?;
    Ok(ExcessBound { tpr_upper, fpr_lower, excess_upper: tpr_upper - fpr_lower, alpha })
}

/// The p-value of "the excess is at least `margin`": the smallest error at which [`excess_bound`] stays below the margin, 1
/// where none does. Found by bisection to twelve digits.
pub fn equivalence_p(tp: u64, members: u64, fp: u64, non_members: u64, margin: f64) -> Result<f64> {
    argument::open_unit("margin", margin)?;
    let below = |alpha: f64| Ok(excess_bound(tp, members, fp, non_members, alpha)?.excess_upper < margin);
    let (mut low, mut high) = (0.0_f64, 1.0 - f64::EPSILON);
    if !below(high)? {
        return Ok(1.0);
    }
    while high - low > 1e-12 * high && high > 1e-300 {
        // Small p-values are halved on the scale of their digits.
        let middle = if low > 0.0 { low.sqrt() * high.sqrt() } else { high * 1e-3 };
        if below(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(high)
}

/// The probability that [`excess_bound`] falls below `margin` where the attack is at chance: both rates equal to `level`,
/// so many members and counted non-members. The exact double sum over both binomials: for each count of false positives,
/// the largest count of true positives that still passes.
pub fn power(members: u64, non_members: u64, level: f64, margin: f64, alpha: f64) -> Result<f64> {
    argument::size("members", members)?;
    argument::size("non-members", non_members)?;
    argument::open_unit("false positive rate", level)?;
    argument::open_unit("margin", margin)?;
    argument::open_unit("alpha", alpha)?;
    chance_power(members, non_members, level, margin, alpha)
}

/// The most units a side that [`units_needed`] tries.
const MOST_UNITS: u64 = 1 << 20;

/// The number of units a side from which on the power of the claim stays at `power` or above, at chance; `None` beyond a
/// million. Binomial power is a saw-tooth, and this is found to about half a per cent. At 1 % false positives, alpha 5 % and
/// power 80 %: about 2 800 for a margin of 0.01, 800 for 0.02, 150 for 0.05.
pub fn units_needed(level: f64, margin: f64, alpha: f64, power: f64) -> Result<Option<u64>> {
    argument::open_unit("false positive rate", level)?;
    argument::open_unit("margin", margin)?;
    argument::open_unit("alpha", alpha)?;
    argument::open_unit("power", power)?;
    let reaches = |n: u64| chance_power(n, n, level, margin, alpha).is_ok_and(|reached| reached >= power);
    let passing = binomial::first(1, |n| n > MOST_UNITS || reaches(n)).filter(|n| *n <= MOST_UNITS);
    Ok(passing.map(|passing| {
        let step = (passing / 256).max(1);
        // A later tooth may begin below the target once more.
        let last = (0..64).rev().map(|i| passing + i * step).find(|n| !reaches(*n));
        last.map_or(passing, |n| n + step)
    }))
}

/// The smallest margin that so many members and counted non-members claim with probability `power` where the attack is at
/// chance, to 1e-9; `None` where even a margin of 1 is not claimed.
pub fn smallest_margin(
    members: u64,
    non_members: u64,
    level: f64,
    alpha: f64,
    power: f64,
) -> Result<Option<f64>> {
    argument::open_unit("power", power)?;
    let reaches = |margin: f64| Ok(self::power(members, non_members, level, margin, alpha)? >= power);
    let (mut low, mut high) = (0.0, 1.0 - 1e-9);
    if !reaches(high)? {
        return Ok(None);
    }
    while high - low > 1e-9 {
        let middle = f64::midpoint(low, high);
        if reaches(middle)? {
            high = middle;
        } else {
            low = middle;
        }
    }
    Ok(Some(high))
}

/// How many of `units` members could be exposed by an excess of `excess` that the claim leaves open: `⌈excess · units⌉`.
pub fn exposed_units(excess: f64, units: u64) -> Result<u64> {
    argument::unit("excess", excess)?;
    argument::size("units", units)?;
    // A hair of slack: 0.07 · 100 must count as 7.
    Ok((excess * units as f64 - 1e-9).ceil().max(0.0) as u64)
}

fn chance_power(members: u64, non_members: u64, level: f64, margin: f64, alpha: f64) -> Result<f64> {
    let tail = alpha / 2.0;
    // Smaller counts weigh less than 1e-14 together.
    let least =
        |trials: u64| binomial::first(0, |k| binomial::at_most(k, trials, level) > 1e-14).unwrap_or(0);
    let first = least(non_members);
    let mut weight = binomial::mass(first, non_members, level);
    let odds = level / (1.0 - level);
    // True positives that pass, plus one, and the probability of fewer than that.
    let (mut passing, mut below) = (least(members), 0.0);
    let mut mass = binomial::mass(passing, members, level);
    let mut sum = 0.0;
    for fp in first..=non_members {
        let limit = (binomial::clopper_pearson_lower(fp, non_members, tail)? + margin).min(1.0);
        // The upper bound for `passing` lies below the limit exactly when so few are rare at the limit.
        while passing < members && binomial::at_most(passing, members, limit) < tail {
            below += mass;
            mass *= (members - passing) as f64 / (passing as f64 + 1.0) * odds;
            passing += 1;
        }
        sum += weight * below;
        weight *= (non_members - fp) as f64 / (fp as f64 + 1.0) * odds;
        if weight < 1e-16 && fp as f64 > level * non_members as f64 {
            break;
        }
    }
    Ok(sum.min(1.0))
}
