//! The difference of two success rates, and what remains of a success when a control succeeds as well.
//!
//! Newcombe's square-and-add intervals start from Wilson's: they stay within -1 and 1, hold near their confidence at small
//! numbers, and need no search. They are approximate; where a bound must hold exactly, see [`crate::equivalence`].

use crate::{Interval, Result, argument, binomial, normal};

/// The interval of `first - second` for independent samples (Newcombe, Statistics in Medicine 17, 873-890, 1998, method 10):
/// the distances of each rate from the ends of its Wilson interval, added in squares.
pub fn independent(first: [u64; 2], second: [u64; 2], confidence: f64) -> Result<Interval> {
    newcombe(first, second, 0.0, confidence)
}

/// The interval of `first - second` for the means of independent large samples, each given with its standard error: the normal
/// distribution with the errors added in squares.
pub fn means(first: (f64, f64), second: (f64, f64), confidence: f64) -> Result<Interval> {
    argument::open_unit("confidence", confidence)?;
    let difference = first.0 - second.0;
    let reach = normal::two_sided(confidence) * first.1.hypot(second.1);
    Ok(Interval { lower: difference - reach, upper: difference + reach, confidence })
}

/// The two methods' outcomes on the same units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PairedCounts {
    /// Units where both succeed.
    pub both: u64,
    /// Units where only the first succeeds.
    pub first_only: u64,
    /// Units where only the second succeeds.
    pub second_only: u64,
    /// Units where neither succeeds.
    pub neither: u64,
}

/// The interval of `first - second` on the same units (Newcombe, Statistics in Medicine 17, 2635-2650, 1998, method 10): as
/// [`independent`], less what the correlation of the two outcomes takes away. The correlation is that of the 2 × 2 table,
/// its numerator brought half the number of units nearer to 0 where it is positive.
pub fn paired(counts: PairedCounts, confidence: f64) -> Result<Interval> {
    let PairedCounts { both, first_only, second_only, neither } = counts;
    for (what, count) in [
        ("units where both succeed", both),
        ("units where only the first succeeds", first_only),
        ("units where only the second succeeds", second_only),
        ("units where neither succeeds", neither),
    ] {
        argument::size(what, count)?;
    }
    let n = both + first_only + second_only + neither;
    let [a, b, c, d] = [both, first_only, second_only, neither].map(|count| count as f64);
    let margins = (a + b) * (c + d) * (a + c) * (b + d);
    let product = a * d - b * c;
    let numerator = if product > 0.0 { (product - 0.5 * n as f64).max(0.0) } else { product };
    let correlation = if margins > 0.0 { numerator / margins.sqrt() } else { 0.0 };
    newcombe([both + first_only, n], [both + second_only, n], correlation, confidence)
}

fn newcombe(first: [u64; 2], second: [u64; 2], correlation: f64, confidence: f64) -> Result<Interval> {
    let [a, b] = [first, second].map(|[hits, trials]| binomial::wilson(hits, trials, confidence));
    let (a, b) = (a?, b?);
    if first[1] == 0 || second[1] == 0 {
        return Ok(Interval { lower: -1.0, upper: 1.0, confidence });
    }
    let [p, q] = [first, second].map(|[hits, trials]| hits as f64 / trials as f64);
    let add = |x: f64, y: f64| (x * x - 2.0 * correlation * x * y + y * y).max(0.0).sqrt();
    let lower = p - q - add(p - a.lower, b.upper - q);
    let upper = p - q + add(a.upper - p, q - b.lower);
    Ok(Interval { lower: lower.max(-1.0), upper: upper.min(1.0), confidence })
}

/// What an attack achieves beyond a control, as a share of what the control leaves: `(a - c) / (1 - c)` for the success rates
/// of attack and control (Giomi et al., "A unified framework for quantifying privacy risk in synthetic data", `PoPETs` 2023),
/// 0 where the control does better. Both are `[hits, trials]` of independent samples.
///
/// The interval is exact and conservative: the figure grows with `a` and falls with `c`, so Clopper-Pearson intervals at half
/// the error each bound it. `None` where the control always succeeds, since nothing is left to achieve.
pub fn residual_risk(
    attack: [u64; 2],
    control: [u64; 2],
    confidence: f64,
) -> Result<Option<(f64, Interval)>> {
    argument::open_unit("confidence", confidence)?;
    let half = f64::midpoint(1.0, confidence);
    let a = crate::Rate::new(attack[0], attack[1], half)?;
    let c = crate::Rate::new(control[0], control[1], half)?;
    if c.estimate >= 1.0 {
        return Ok(None);
    }
    let risk = |a: f64, c: f64| if c < 1.0 { ((a - c) / (1.0 - c)).max(0.0) } else { 0.0 };
    let lower = risk(a.interval.lower, c.interval.upper);
    let upper = risk(a.interval.upper, c.interval.lower);
    Ok(Some((risk(a.estimate, c.estimate), Interval { lower, upper, confidence })))
}
