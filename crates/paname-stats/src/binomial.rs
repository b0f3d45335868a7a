//! Exact inference on counts: Clopper-Pearson intervals, binomial tails, Fisher's and `McNemar`'s tests.
//!
//! These are frequencies over independent trials: correlated records (of one person, say) must be one trial.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Interval, Result, argument, beta, normal};

/// The two-sided interval of Clopper and Pearson (Biometrika 26, 1934) for `hits` of `trials`; `[0, 1]` without trials.
pub fn clopper_pearson(hits: u64, trials: u64, confidence: f64) -> Result<Interval> {
    argument::open_unit("confidence", confidence)?;
    let alpha = (1.0 - confidence) / 2.0;
    Ok(Interval {
        lower: clopper_pearson_lower(hits, trials, alpha)?,
        upper: clopper_pearson_upper(hits, trials, alpha)?,
        confidence,
    })
}

/// The score interval of Wilson (JASA 22, 1927): its mean coverage is near `confidence`, while that of
/// [`clopper_pearson`] is never below. The stuff of [`crate::difference`]; `[0, 1]` without trials.
pub fn wilson(hits: u64, trials: u64, confidence: f64) -> Result<Interval> {
    argument::part("hits", hits, trials)?;
    argument::open_unit("confidence", confidence)?;
    if trials == 0 {
        return Ok(Interval { lower: 0.0, upper: 1.0, confidence });
    }
    let (k, n, z) = (hits as f64, trials as f64, normal::two_sided(confidence));
    let centre = (k + 0.5 * z * z) / (n + z * z);
    let half = z / (n + z * z) * (k * (n - k) / n + 0.25 * z * z).sqrt();
    let lower = if hits == 0 { 0.0 } else { (centre - half).max(0.0) };
    let upper = if hits == trials { 1.0 } else { (centre + half).min(1.0) };
    Ok(Interval { lower, upper, confidence })
}

/// The one-sided lower bound: the true rate is below it with probability at most `alpha`.
pub fn clopper_pearson_lower(hits: u64, trials: u64, alpha: f64) -> Result<f64> {
    argument::part("hits", hits, trials)?;
    argument::open_unit("alpha", alpha)?;
    if hits == 0 {
        return Ok(0.0);
    }
    Ok(beta::lower_quantile(alpha, hits as f64, (trials - hits) as f64 + 1.0))
}

/// The one-sided upper bound: the true rate is above it with probability at most `alpha`. For no hits, about
/// `ln(1/alpha) / trials`: 3 / n at 5 %.
pub fn clopper_pearson_upper(hits: u64, trials: u64, alpha: f64) -> Result<f64> {
    argument::part("hits", hits, trials)?;
    argument::open_unit("alpha", alpha)?;
    if hits == trials {
        return Ok(1.0);
    }
    Ok(beta::upper_quantile(alpha, hits as f64 + 1.0, (trials - hits) as f64))
}

/// `P[X >= hits]` for `X` binomial with `trials` and `rate`.
pub fn tail_at_least(hits: u64, trials: u64, rate: f64) -> Result<f64> {
    argument::unit("rate", rate)?;
    Ok(at_least(hits, trials, rate))
}

/// `P[X <= hits]` for `X` binomial with `trials` and `rate`.
pub fn tail_at_most(hits: u64, trials: u64, rate: f64) -> Result<f64> {
    argument::unit("rate", rate)?;
    Ok(at_most(hits, trials, rate))
}

/// Fisher's exact one-sided test that members are flagged more often than non-members, at a threshold fixed on other data:
/// `P[X >= tp]` for `X` hypergeometric, given that `tp + fp` of all were flagged. Summed outward from the observed table
/// by the ratio of neighbouring terms, O(√n) terms.
pub fn fisher_greater(tp: u64, members: u64, fp: u64, non_members: u64) -> Result<f64> {
    argument::size("members", members)?;
    argument::size("non-members", non_members)?;
    argument::part("members flagged", tp, members)?;
    argument::part("non-members flagged", fp, non_members)?;
    let flagged = tp + fp;
    let (least, most) = (flagged.saturating_sub(non_members), flagged.min(members));
    if least == most || tp == least {
        return Ok(1.0);
    }
    let [m, n, k] = [members, non_members, flagged].map(|count| count as f64);
    // A tail is summed away from the mode, where terms only shrink; the other tail is its complement.
    let mode = ((k + 1.0) * (m + 1.0) / (m + n + 2.0)).floor();
    if tp as f64 >= mode {
        let up = |x: f64| (m - x) * (k - x) / ((x + 1.0) * (n - k + x + 1.0));
        let terms = (tp..most).map(|x| up(x as f64));
        return Ok(argument::p_value(hypergeometric(tp, members, flagged, non_members) * geometric(terms)));
    }
    let down = |x: f64| x * (n - k + x) / ((m - x + 1.0) * (k - x + 1.0));
    let terms = (least + 1..tp).rev().map(|x| down(x as f64));
    let below = hypergeometric(tp - 1, members, flagged, non_members) * geometric(terms);
    Ok(argument::p_value(1.0 - below))
}

/// `McNemar`'s exact one-sided test on discordant pairs: `P[X >= wins]` for `X` binomial with `wins + losses` and ½. One
/// method wins a pair where it is right and the other wrong.
pub fn mcnemar_greater(wins: u64, losses: u64) -> f64 {
    argument::p_value(at_least(wins, wins.saturating_add(losses), 0.5))
}

/// The least number of non-members that certifies a false positive rate: with `false_positives` among them, the one-sided
/// Clopper-Pearson bound is at most `level`.
pub fn negatives_to_certify(level: f64, false_positives: u64, confidence: f64) -> Result<u64> {
    argument::open_unit("false positive rate", level)?;
    argument::open_unit("confidence", confidence)?;
    // The bound is at most `level` exactly when so few false positives are rare at `level`.
    first(false_positives, |n| at_most(false_positives, n, level) <= 1.0 - confidence)
        .ok_or(Error::OutOfReach { what: "non-members to certify a false positive rate" })
}

/// One row of the table of [`certify_table`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct CertifyRow {
    /// The false positive rate to certify.
    pub level: f64,
    /// Non-members needed, one entry per number of false positives asked for.
    pub needed: Vec<u64>,
}

/// [`negatives_to_certify`] for every pair of a level and a number of false positives.
pub fn certify_table(levels: &[f64], false_positives: &[u64], confidence: f64) -> Result<Vec<CertifyRow>> {
    levels
        .iter()
        .map(|&level| {
            let needed = false_positives
                .iter()
                .map(|&count| negatives_to_certify(level, count, confidence))
                .collect::<Result<_>>()?;
            Ok(CertifyRow { level, needed })
        })
        .collect()
}

/// [`tail_at_least`] for a rate known to be from 0 to 1.
pub(crate) fn at_least(hits: u64, trials: u64, rate: f64) -> f64 {
    match hits {
        0 => 1.0,
        _ if hits > trials => 0.0,
        _ => beta::tails(hits as f64, (trials - hits) as f64 + 1.0, rate).0,
    }
}

/// [`tail_at_most`] for a rate known to be from 0 to 1.
pub(crate) fn at_most(hits: u64, trials: u64, rate: f64) -> f64 {
    if hits >= trials {
        return 1.0;
    }
    beta::tails(hits as f64 + 1.0, (trials - hits) as f64, rate).1
}

/// `P[X = hits]` for a rate strictly between 0 and 1.
pub(crate) fn mass(hits: u64, trials: u64, rate: f64) -> f64 {
    ln_mass(hits, trials, rate).exp()
}

/// The natural logarithm of [`mass`].
pub(crate) fn ln_mass(hits: u64, trials: u64, rate: f64) -> f64 {
    beta::ln_binomial(hits as f64, trials as f64, rate)
}

/// The least `n >= from`, up to 2³³, for which a monotone condition holds.
pub(crate) fn first(from: u64, holds: impl Fn(u64) -> bool) -> Option<u64> {
    let mut high = from.max(1);
    while !holds(high) {
        if high > argument::LARGEST_COUNT / 2 {
            return None;
        }
        high *= 2;
    }
    let mut low = from;
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    Some(high)
}

/// The probability that `tp` members are among the flagged: three binomial densities at the common rate (Loader 2000).
fn hypergeometric(tp: u64, members: u64, flagged: u64, non_members: u64) -> f64 {
    let [x, m, k, n] = [tp, members, flagged, non_members].map(|count| count as f64);
    let rate = k / (m + n);
    let ln =
        beta::ln_binomial(x, m, rate) + beta::ln_binomial(k - x, n, rate) - beta::ln_binomial(k, m + n, rate);
    ln.exp()
}

/// `1 + r₁ + r₁r₂ + …` for falling ratios, until a term no longer counts.
pub(crate) fn geometric(ratios: impl Iterator<Item = f64>) -> f64 {
    let (mut sum, mut term) = (1.0, 1.0);
    for ratio in ratios {
        term *= ratio;
        if term < sum * 1e-18 {
            break;
        }
        sum += term;
    }
    sum
}
