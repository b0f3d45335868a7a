//! Round numbers for axes.

/// At most about `count` round numbers (1, 2 or 5 times a power of ten) inside an interval, with the decimals that they need. None for an interval
/// that is empty, reversed or not finite.
pub(super) fn ticks(lower: f64, upper: f64, count: f64) -> (Vec<f64>, usize) {
    let span = upper - lower;
    if !span.is_finite() || span <= 0.0 {
        return (Vec::new(), 0);
    }
    let power = 10f64.powf((span / count).log10().floor());
    let step =
        [1.0, 2.0, 5.0, 10.0].map(|factor| factor * power).into_iter().find(|step| span / step <= count);
    let step = step.unwrap_or(10.0 * power);
    let first = (lower / step).ceil();
    let decimals = (-step.log10().floor()).clamp(0.0, 9.0) as usize;
    // Far from zero a step may vanish in rounding: the number of ticks bounds the loop, not the values.
    let values = (0..=count as u32).map(|i| (first + f64::from(i)) * step);
    (values.filter(|value| (lower..=upper).contains(value)).collect(), decimals)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ticks_are_round_and_few() {
        assert_eq!(ticks(-3.2, 7.9, 5.0), (vec![0.0, 5.0], 0));
        let (values, decimals) = ticks(0.47, 0.76, 4.0);
        let shown: Vec<String> = values.iter().map(|value| format!("{value:.decimals$}")).collect();
        assert_eq!(shown, ["0.5", "0.6", "0.7"]);
        assert_eq!(ticks(0.0, 1.0, 5.0).0.len(), 6);
        for (lower, upper) in
            [(1.0, 1.0), (2.0, 1.0), (f64::NAN, 1.0), (f64::MIN, f64::MAX), (0.0, f64::INFINITY)]
        {
            assert_eq!(ticks(lower, upper, 5.0).0, Vec::<f64>::new());
        }
        assert!(ticks(1e300, 1.000_000_000_000_001e300, 5.0).0.len() <= 6);
    }
}
