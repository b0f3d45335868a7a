//! Exact chance: how likely a ranking is when it knows nothing.

use paname_stats::binomial::fisher_greater;

/// The probability that a ranking that knows nothing puts at least as many members among its `flagged` highest scores as this one does
/// (Fisher's exact test; ties with the last flagged score are flagged too). The order of the records is that of `truth`.
///
/// # Panics
/// Where there are no members, no non-members, or not as many scores as truths.
pub fn tail_probability(scores: &[f64], truth: &[bool], flagged: usize) -> f64 {
    assert_eq!(scores.len(), truth.len(), "as many scores as truths");
    let mut sorted = scores.to_vec();
    sorted.sort_by(|a, b| b.total_cmp(a));
    let threshold = sorted[flagged.clamp(1, sorted.len()) - 1];
    let count = |member: bool, least: f64| {
        scores.iter().zip(truth).filter(|(s, m)| **m == member && **s >= least).count() as u64
    };
    let all = f64::NEG_INFINITY;
    match fisher_greater(count(true, threshold), count(true, all), count(false, threshold), count(false, all))
    {
        Ok(p) => p,
        Err(error) => panic!("members and non-members: {error}"),
    }
}

/// What a ranking must stay above, in either direction, to pass for one that knows nothing: one in a million. A lawful attack fails with this
/// probability, once and for all, since the seeds are fixed.
pub const fn chance_bound() -> f64 {
    1e-6
}

/// Panics where the scores know something, for better or worse, in their upper half or in their upper twentieth.
pub(crate) fn assert_chance(what: &str, scores: &[f64], truth: &[bool]) {
    let against: Vec<bool> = truth.iter().map(|member| !member).collect();
    for flagged in [scores.len() / 20, scores.len() / 2] {
        for truth in [truth, &against] {
            let p = tail_probability(scores, truth, flagged);
            assert!(p > chance_bound(), "{what}: finds what is not there (p = {p:e}, top {flagged})");
        }
    }
}

/// Panics where the scores do not find the members.
pub(crate) fn assert_finds(what: &str, scores: &[f64], truth: &[bool]) {
    let p = tail_probability(scores, truth, scores.len() / 2);
    assert!(p < chance_bound(), "{what}: does not find a plain leak (p = {p:e})");
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn perfect_and_constant_rankings() {
        let truth: Vec<bool> = (0..40).map(|i| i < 20).collect();
        let perfect: Vec<f64> = truth.iter().map(|m| f64::from(*m)).collect();
        // 1 / C(40, 20)
        assert!((tail_probability(&perfect, &truth, 20) * 137_846_528_820.0 - 1.0).abs() < 1e-9);
        assert_eq!(tail_probability(&[0.5; 40], &truth, 20), 1.0);
    }
}
