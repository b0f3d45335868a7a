//! Checks shared by all public functions.

use crate::{Error, Result};

/// The largest sample size accepted or searched: more than there are people.
pub(crate) const LARGEST_COUNT: u64 = 1 << 33;

/// A number strictly between 0 and 1.
pub(crate) fn open_unit(what: &'static str, got: f64) -> Result<f64> {
    if got > 0.0 && got < 1.0 {
        Ok(got)
    } else {
        Err(Error::OutOfRange { what, expected: "strictly between 0 and 1", got })
    }
}

/// A number from 0 to 1.
pub(crate) fn unit(what: &'static str, got: f64) -> Result<f64> {
    if (0.0..=1.0).contains(&got) {
        Ok(got)
    } else {
        Err(Error::OutOfRange { what, expected: "from 0 to 1", got })
    }
}

/// A count that is part of a total.
pub(crate) fn part(what: &'static str, got: u64, limit: u64) -> Result<()> {
    if got <= limit { Ok(()) } else { Err(Error::CountTooLarge { what, limit, got }) }
}

/// The size of a sample; sums and products of such sizes do not overflow.
pub(crate) fn size(what: &'static str, got: u64) -> Result<()> {
    part(what, got, LARGEST_COUNT)
}

/// A sequence as long as the one that it goes with.
pub(crate) fn same_length(what: &'static str, expected: usize, got: usize) -> Result<()> {
    if got == expected { Ok(()) } else { Err(Error::LengthMismatch { what, expected, got }) }
}

/// Scores free of `NaN`; infinities pass.
pub(crate) fn numbers(what: &'static str, scores: &[f64]) -> Result<()> {
    match scores.iter().position(|score| score.is_nan()) {
        None => Ok(()),
        Some(position) => Err(Error::NotANumber { what, position }),
    }
}

/// Values free of `NaN` and infinities.
pub(crate) fn finite(what: &'static str, values: &[f64]) -> Result<()> {
    numbers(what, values)?;
    match values.iter().position(|value| value.is_infinite()) {
        None => Ok(()),
        Some(position) => Err(Error::NotFinite { what, position, got: values[position] }),
    }
}

/// At least one score, none of them `NaN`.
pub(crate) fn sample(what: &'static str, scores: &[f64]) -> Result<()> {
    if scores.is_empty() {
        return Err(Error::Empty { what });
    }
    numbers(what, scores)
}

/// A copy in ascending order; the input holds no `NaN`.
pub(crate) fn sorted(scores: &[f64]) -> Vec<f64> {
    let mut sorted = scores.to_vec();
    sorted.sort_unstable_by(f64::total_cmp);
    sorted
}

/// The largest `k` with `k / total <= level`, as the division itself rounds, so that 3 of 300 is within 0.01.
pub(crate) fn largest_count_within(level: f64, total: u64) -> u64 {
    let within = |k: u64| k as f64 / total as f64 <= level;
    let mut k = ((level * total as f64) as u64).min(total);
    while k > 0 && !within(k) {
        k -= 1;
    }
    while k < total && within(k + 1) {
        k += 1;
    }
    k
}

/// A p-value is never exactly zero: an underflow means "smaller than can be written", not "impossible".
pub(crate) fn p_value(p: f64) -> f64 {
    p.clamp(f64::MIN_POSITIVE, 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_within_a_level_do_not_suffer_from_rounding() {
        for percent in 1..100_u64 {
            let level = percent as f64 / 100.0;
            assert_eq!(largest_count_within(level, 100), percent);
            assert_eq!(largest_count_within(level, 300), 3 * percent);
        }
        assert_eq!(largest_count_within(0.001, 2_999), 2);
        assert_eq!(largest_count_within(0.0, 10), 0);
        assert_eq!(largest_count_within(1.0, 10), 10);
    }
}
