//! The predictive Student test: is one more draw larger than `n` earlier ones?

use crate::beta;

/// Mean and standard deviation (`n - 1` in the denominator) of finite values; two passes, for accuracy.
pub(crate) fn moments(values: &[f64]) -> (f64, f64) {
    let n = values.len() as f64;
    let mean = values.iter().map(|value| value / n).sum::<f64>();
    let square = values.iter().map(|value| (value - mean).powi(2)).sum::<f64>() / (n - 1.0);
    (mean, square.sqrt())
}

/// `1 - F_{t, n-1}((observed - mean) / (s √(1 + 1/n)))`, or `None` where the draws have no usable spread: equal draws
/// (rounding can leave a spurious `s`) or draws so large that `s` overflows.
pub(crate) fn predictive_p(draws: &[f64], observed: f64) -> Option<f64> {
    let (mean, deviation) = moments(draws);
    let equal = draws.iter().all(|draw| draw == &draws[0]);
    if equal || !deviation.is_finite() || deviation == 0.0 {
        return None;
    }
    let n = draws.len() as f64;
    let t = (observed - mean) / (deviation * (1.0 + 1.0 / n).sqrt());
    Some(upper_tail(t, n - 1.0))
}

/// `P[T > t]` with `freedom` degrees of freedom.
fn upper_tail(t: f64, freedom: f64) -> f64 {
    let x = freedom / (freedom + t * t);
    let (tail, _) = beta::tails(0.5 * freedom, 0.5, x);
    if t > 0.0 { 0.5 * tail } else { 1.0 - 0.5 * tail }
}

/// `(1 + #{draws >= observed}) / (n + 1)`: exact whenever draws and observation are exchangeable.
pub(crate) fn rank_p(draws: &[f64], observed: f64) -> f64 {
    let above = draws.iter().filter(|draw| **draw >= observed).count();
    (1.0 + above as f64) / (draws.len() as f64 + 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tail_matches_scipy() {
        // scipy 1.17.1: scipy.stats.t.sf.
        for (t, freedom, expected) in [
            (0.0, 3.0, 0.5),
            (1.0, 1.0, 0.25),
            (2.5, 15.0, 0.012_252_901_623_256_913),
            (-1.3, 7.0, 0.882_616_082_303_810_8),
            (40.0, 4.0, 1.167_008_161_300_633_9e-6),
        ] {
            let got = upper_tail(t, freedom);
            assert!((got - expected).abs() <= 1e-12 * expected, "{t} {freedom}: {got} {expected}");
        }
    }
}
