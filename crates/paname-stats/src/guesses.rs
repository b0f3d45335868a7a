//! How well a value among several candidates is guessed, beyond how often: figures that always naming the most frequent value does not carry.
//!
//! Both count the pairs whose truth and guess are candidates, numbers below `candidates`, and no others.

/// The geometric mean, over the values that occur, of the share of right guesses among the records of each (Kubat and Matwin, ICML 1997):
/// `(∏ᵥ rᵥ)^(1/V)`, where of the V values that occur `rᵥ` is the share of right guesses among records of value v. 0 where a value is never guessed right,
/// and where nothing is counted.
pub fn g_mean(truth: &[u32], guess: &[u32], candidates: usize) -> f64 {
    let counts = Counts::new(truth, guess, candidates);
    let occurring = || counts.right.iter().zip(&counts.truth).filter(|(_, all)| **all > 0.0);
    let values = occurring().count();
    if values == 0 || occurring().any(|(right, _)| *right == 0.0) {
        return 0.0;
    }
    // By logarithms, since a product of many shares may be too small to write.
    (occurring().map(|(right, all)| (right / all).ln()).sum::<f64>() / values as f64).exp().min(1.0)
}

/// The correlation of guesses and truth (Gorodkin, Computational Biology and Chemistry 28, 367-374, 2004; of two values it is that of Matthews, 1975):
/// `(c s − Σᵥ pᵥ tᵥ) / √((s² − Σᵥ pᵥ²) (s² − Σᵥ tᵥ²))`, where of s pairs c are right, and value v is guessed pᵥ times and true tᵥ times. 1 where every guess is
/// right, about 0 where guesses and truth have nothing to do with each other; 0 where it is undefined, since all guesses or all truths are the same.
pub fn correlation(truth: &[u32], guess: &[u32], candidates: usize) -> f64 {
    let counts = Counts::new(truth, guess, candidates);
    let product = |a: &[f64], b: &[f64]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f64>();
    let pairs = counts.truth.iter().sum::<f64>();
    let right = counts.right.iter().sum::<f64>();
    let together = right * pairs - product(&counts.guess, &counts.truth);
    let [guesses, truths] = [&counts.guess, &counts.truth].map(|of| pairs * pairs - product(of, of));
    if guesses <= 0.0 || truths <= 0.0 {
        return 0.0;
    }
    (together / (guesses * truths).sqrt()).clamp(-1.0, 1.0)
}

/// Of each value: how often it is true, guessed, and both.
struct Counts {
    truth: Vec<f64>,
    guess: Vec<f64>,
    right: Vec<f64>,
}

impl Counts {
    fn new(truth: &[u32], guess: &[u32], candidates: usize) -> Self {
        let none = || vec![0.0; candidates];
        let mut counts = Self { truth: none(), guess: none(), right: none() };
        for (truth, guess) in truth.iter().zip(guess).map(|(truth, guess)| (*truth as usize, *guess as usize))
        {
            if truth < candidates && guess < candidates {
                counts.truth[truth] += 1.0;
                counts.guess[guess] += 1.0;
                counts.right[truth] += f64::from(truth == guess);
            }
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use proptest::collection::vec;
    use proptest::prelude::*;

    use super::*;

    fn close(got: f64, expected: f64) {
        assert!((got - expected).abs() < 1e-14, "expected {expected}, got {got}");
    }

    /// By scikit-learn 1.9.1: `matthews_corrcoef(t, g)`, and `np.prod(r) ** (1 / len(r))` with `r = recall_score(t, g, labels=sorted(set(t)), average=None)`.
    #[test]
    fn golden_values() {
        type Case<'a> = (&'a [u32], &'a [u32], f64, f64);
        let cases: [Case; 3] = [
            (
                &[0, 0, 0, 0, 0, 0, 1, 1, 1, 1],
                &[0, 0, 0, 0, 0, 1, 1, 1, 0, 0],
                0.645_497_224_367_902_8,
                0.356_348_322_549_899_2,
            ),
            (
                &[0, 1, 2, 0, 1, 2, 0, 1, 2, 2, 2, 0],
                &[0, 1, 2, 0, 2, 2, 1, 1, 2, 0, 2, 0],
                0.736_806_299_728_077_3,
                0.617_021_276_595_744_7,
            ),
            // Value 2 is guessed and never true.
            (
                &[0, 0, 1, 1, 3, 3, 3, 3, 3, 1],
                &[0, 2, 1, 1, 3, 3, 2, 0, 3, 3],
                0.584_803_547_642_573_3,
                0.449_013_255_066_937_23,
            ),
        ];
        for (truth, guess, mean, of_both) in cases {
            close(g_mean(truth, guess, 4), mean);
            close(correlation(truth, guess, 4), of_both);
        }
        // t = [i * 7 % 11 % 5 for i in range(500)]; g = [i * 7 % 11 % 5 if i % 3 else (i * 3 + 1) % 5 for i in range(500)]
        let truth: Vec<u32> = (0..500).map(|i| i * 7 % 11 % 5).collect();
        let guess: Vec<u32> =
            (0..500).map(|i| if i % 3 == 0 { (i * 3 + 1) % 5 } else { i * 7 % 11 % 5 }).collect();
        close(g_mean(&truth, &guess, 5), 0.734_406_002_842_360_2);
        close(correlation(&truth, &guess, 5), 0.665_999_660_256_295_5);
    }

    #[test]
    fn what_is_undefined_is_nought() {
        assert_eq!((g_mean(&[], &[], 2), correlation(&[], &[], 2)), (0.0, 0.0));
        assert_eq!((g_mean(&[0, 1], &[0, 1], 0), correlation(&[0, 1], &[0, 1], 0)), (0.0, 0.0));
        let (truth, guess) = ([0, 0, 1, 1], [0, 0, 0, 0]);
        assert_eq!((g_mean(&truth, &guess, 2), correlation(&truth, &guess, 2)), (0.0, 0.0));
        assert_eq!((g_mean(&[1, 1], &[1, 1], 2), correlation(&[1, 1], &[1, 1], 2)), (1.0, 0.0));
        assert_eq!(correlation(&[0, 0, 1, 1], &[1, 1, 0, 0], 2), -1.0);
        assert_eq!(
            correlation(&[0, 9, 1, 1, 0], &[0, 0, 1, 1, 9], 2),
            1.0,
            "pairs with another value do not count"
        );
    }

    /// The classic one of a table of two by two.
    fn matthews(truth: &[u32], guess: &[u32]) -> f64 {
        let count = |t: u32, g: u32| truth.iter().zip(guess).filter(|pair| *pair == (&t, &g)).count() as f64;
        let [tp, tn, fp, fn_] = [count(1, 1), count(0, 0), count(0, 1), count(1, 0)];
        let below = ((tp + fp) * (tp + fn_) * (tn + fp) * (tn + fn_)).sqrt();
        if below == 0.0 { 0.0 } else { (tp * tn - fp * fn_) / below }
    }

    fn pairs(values: u32) -> impl Strategy<Value = Vec<(u32, u32)>> {
        vec((0..values, 0..values), 0..60)
    }

    proptest! {
        #[test]
        fn within_range_and_blind_to_order_and_names(pairs in pairs(4), seed in any::<u64>()) {
            let (truth, guess): (Vec<u32>, Vec<u32>) = pairs.iter().copied().unzip();
            let (mean, of_both) = (g_mean(&truth, &guess, 4), correlation(&truth, &guess, 4));
            prop_assert!((0.0..=1.0).contains(&mean) && (-1.0..=1.0).contains(&of_both));
            // Other names of the values, and another order of the pairs.
            let mut renamed: Vec<(u32, u32)> = pairs.iter().map(|(t, g)| (3 - t, 3 - g)).collect();
            renamed.sort_by_key(|(t, g)| (seed.rotate_left(7 * t + 13 * g), *t));
            let (truth, guess): (Vec<u32>, Vec<u32>) = renamed.into_iter().unzip();
            prop_assert!((g_mean(&truth, &guess, 4) - mean).abs() < 1e-12);
            prop_assert!((correlation(&truth, &guess, 4) - of_both).abs() < 1e-12);
            // More candidates, none of which occurs.
            prop_assert!((correlation(&truth, &guess, 9) - of_both).abs() < 1e-12);
            // It does not matter which of the two is the truth.
            prop_assert!((correlation(&guess, &truth, 4) - of_both).abs() < 1e-12);
        }

        #[test]
        fn of_two_values_it_is_that_of_matthews(pairs in pairs(2)) {
            let (truth, guess): (Vec<u32>, Vec<u32>) = pairs.into_iter().unzip();
            prop_assert!((correlation(&truth, &guess, 2) - matthews(&truth, &guess)).abs() < 1e-12);
        }

        #[test]
        fn all_right_is_one(truth in vec(0..4_u32, 1..60)) {
            prop_assert!((g_mean(&truth, &truth, 4) - 1.0).abs() < 1e-12);
            let several = truth.iter().any(|value| *value != truth[0]);
            prop_assert!((correlation(&truth, &truth, 4) - f64::from(several)).abs() < 1e-12);
        }
    }
}
