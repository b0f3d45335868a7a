//! Lower bounds on the parameters of differential privacy.
#![expect(clippy::unreadable_literal, reason = "golden values keep their digits as printed")]

use paname_stats::epsilon::{self, ThresholdPolicy};
use paname_stats::one_run::{self, Curve, Guesses};
use paname_stats::{Error, Roc, gaussian};
use proptest::prelude::*;

fn close(got: f64, expected: f64, absolute: f64) {
    assert!((got - expected).abs() <= absolute, "expected {expected}, got {got}");
}

#[test]
fn ceilings_are_the_published_ones() {
    // Perfect guessing, 2.5 % a side.
    for (a_side, expected) in [(100, 3.28), (1_000, 5.60), (10_000, 7.91)] {
        close(epsilon::ceiling(a_side, a_side, 0.0, 0.05).unwrap(), expected, 0.006);
    }
    assert_eq!(epsilon::ceiling(0, 0, 0.0, 0.05).unwrap(), 0.0);
}

#[test]
fn the_scale_is_the_published_one() {
    let scale = epsilon::scale(&[1.0, 2.0, 4.0], 0.0, &[0.001]).unwrap();
    for (row, percent) in scale.iter().zip([0.27, 0.74, 5.5]) {
        close(100.0 * row.tpr[0], percent, 0.05);
        close(row.advantage, (0.5 * row.epsilon).tanh(), 1e-12);
    }
    assert_eq!(epsilon::tpr_allowed(1e3, 0.0, 0.5).unwrap(), 1.0);
    assert_eq!(epsilon::tpr_allowed(0.0, 0.25, 0.5).unwrap(), 0.75);
    assert_eq!(epsilon::advantage_allowed(1e4, 0.1).unwrap(), 1.0);
    assert!(epsilon::tpr_allowed(-1.0, 0.0, 0.5).is_err());
    assert!(epsilon::tpr_allowed(f64::INFINITY, 0.0, 0.5).is_err());
}

#[test]
fn a_bound_from_counts_uses_both_sides() {
    // scipy 1.17.1, scipy.stats.beta.ppf: ln((lo(TPR) - δ) / hi(FPR)) with lo(300/1000) and hi(20/1000) at 2.5 %.
    close(epsilon::lower_bound(300, 1_000, 20, 1_000, 1e-5, 0.05).unwrap(), 2.1798244419546986, 1e-9);
    // The same counts, members and non-members exchanged and flags turned round.
    close(epsilon::lower_bound(980, 1_000, 700, 1_000, 1e-5, 0.05).unwrap(), 2.1798244419546986, 1e-9);
    assert_eq!(epsilon::lower_bound(10, 100, 10, 100, 0.0, 0.05).unwrap(), 0.0);
    assert_eq!(epsilon::lower_bound(10, 100, 0, 100, 1.0, 0.05).unwrap(), 0.0);
}

#[test]
fn policies_pay_for_their_choice() {
    let members: Vec<f64> = (0..400).map(|i| f64::from(i % 40)).collect();
    let others: Vec<f64> = (0..400).map(|i| f64::from(i % 10)).collect();
    let bound = |policy| epsilon::from_scores(&members, &others, &policy, 0.0, 0.05).unwrap();
    let given = bound(ThresholdPolicy::Given(9.0));
    assert_eq!((given.tp, given.members, given.fp), (300, 400, 0));
    close(given.epsilon, epsilon::lower_bound(300, 400, 0, 400, 0.0, 0.05).unwrap(), 0.0);
    let list = bound(ThresholdPolicy::Bonferroni((0..10).map(f64::from).collect()));
    assert_eq!((list.threshold, list.tp, list.fp), (9.0, 300, 0));
    close(list.epsilon, epsilon::lower_bound(300, 400, 0, 400, 0.0, 0.005).unwrap(), 0.0);
    assert!(list.epsilon < given.epsilon && list.ceiling < given.ceiling);
    let split = bound(ThresholdPolicy::Split { seed: 3 });
    assert_eq!((split.members, split.non_members, split.fp), (200, 200, 0));
    assert!(split.threshold >= 9.0 && split.threshold < 10.0 && split.tp > 120, "{split:?}");
    assert_eq!(split, bound(ThresholdPolicy::Split { seed: 3 }));
    let policy = ThresholdPolicy::Bonferroni(Vec::new());
    let refused = epsilon::from_scores(&members, &others, &policy, 0.0, 0.05).unwrap_err();
    assert_eq!(refused, Error::Empty { what: "thresholds" });
    let one = epsilon::from_scores(&[1.0], &others, &ThresholdPolicy::Split { seed: 1 }, 0.0, 0.05);
    assert_eq!(one.unwrap_err(), Error::TooFew { what: "members to split", needed: 2, got: 1 });
}

#[test]
fn gaussian_privacy_matches_scipy() {
    // scipy 1.17.1: the root of Φ(-ε/µ + µ/2) - e^ε Φ(-ε/µ - µ/2) = 1e-5.
    for (mu, expected) in [(0.5, 1.9930914044151173), (1.0, 4.377178095681225), (2.0, 9.997256146434298)] {
        close(gaussian::epsilon(mu, 1e-5).unwrap(), expected, 1e-9);
        close(gaussian::mu_from_epsilon(expected, 1e-5).unwrap(), mu, 1e-9);
        close(gaussian::delta(mu, expected).unwrap(), 1e-5, 1e-14);
    }
    assert_eq!(gaussian::epsilon(0.0, 1e-5).unwrap(), 0.0);
    // N(1, 1) beside N(0, 1) at a threshold of 1: TPR 0.5, FPR 0.1587.
    close(gaussian::mu(0.5, 0.15865525393145707).unwrap(), 1.0, 1e-12);
    close(gaussian::lower_bound(5_000, 10_000, 1_587, 10_000, 0.05).unwrap(), 0.9453604580898135, 1e-9);
    assert_eq!(gaussian::lower_bound(0, 10, 10, 10, 0.05).unwrap(), 0.0);
    assert!(gaussian::epsilon(30.0, 1e-10).unwrap() > 450.0);
    assert!(gaussian::epsilon(f64::NAN, 1e-5).is_err());
}

#[test]
fn one_run_bounds_match_the_paper() {
    // Steinke, Nasr and Jagielski print 0.673 and 2.675; the digits are those of their formula in scipy 1.17.1, the maximum
    // taken over every i.
    let bound = |canaries, made, right, delta| {
        one_run::lower_bound(Guesses { canaries, made, right }, delta, 0.05).unwrap()
    };
    close(bound(1_000, 100, 75, 1e-4), 0.6729846641074201, 1e-9);
    close(bound(100_000, 1_510, 1_439, 1e-5), 2.675851007678623, 1e-9);
    for (canaries, expected) in [
        (100, 3.4902159553264043),
        (200, 4.188215804851964),
        (500, 5.101003263921396),
        (1_000, 5.782283135394059),
    ] {
        close(one_run::ceiling(canaries, 1e-5, 0.05).unwrap(), expected, 1e-9);
    }
    // Chance, no guess, and hostile numbers.
    assert_eq!(bound(1_000, 100, 50, 1e-5), 0.0);
    assert_eq!(bound(1_000, 0, 0, 1e-5), 0.0);
    assert!(one_run::lower_bound(Guesses { canaries: 5, made: 6, right: 1 }, 0.0, 0.05).is_err());
    assert!(one_run::p_value(Guesses { canaries: 5, made: 5, right: 5 }, f64::NAN, 0.0).is_err());
    assert!(one_run::lower_bound(Guesses { canaries: 5, made: 5, right: 5 }, f64::NAN, 0.05).is_err());
}

#[test]
fn curve_bounds_match_the_recursion() {
    // Algorithm 3 of Mahloujifar, Melis and Chaudhuri in NumPy and scipy 1.17.1, its root by Brent's method.
    for (canaries, made, right, mu, approximate, pure) in [
        (10_000, 400, 360, 0.6142515568662009, 1.9044795623663853, 1.9059194547737575),
        (1_000, 100, 75, 0.26949472105792815, 0.6868665262778725, 0.6875960327921001),
        (10_000, 10_000, 6_915, 0.34156367044722025, 0.7692920760989248, 0.7693622171852847),
        (100_000, 1_510, 1_439, 0.7838593058504402, 2.793782212418863, 2.797340117176299),
    ] {
        let guesses = Guesses { canaries, made, right };
        let bound = one_run::gaussian_lower_bound(guesses, 1e-5, 0.05).unwrap();
        close(bound.mu, mu, 1e-8);
        close(bound.epsilon, gaussian::epsilon(mu, 1e-5).unwrap(), 1e-6);
        close(one_run::curve_lower_bound(guesses, 1e-5, 0.05).unwrap(), approximate, 1e-8);
        close(one_run::curve_lower_bound(guesses, 0.0, 0.05).unwrap(), pure, 1e-8);
    }
    let nothing = Guesses { canaries: 100, made: 0, right: 0 };
    assert_eq!(one_run::gaussian_lower_bound(nothing, 1e-5, 0.05).unwrap().mu, 0.0);
    let refused = Curve::Gaussian { mu: f64::NAN };
    assert!(one_run::refutes(nothing, refused, 0.05).is_err());
}

#[test]
fn the_recursion_is_the_optimum_of_its_linear_program() {
    // The largest probability of so many right guesses that any distribution over the number of right guesses can have under
    // all the constraints of an (ε, δ) curve: scipy 1.17.1, scipy.optimize.linprog.
    for (canaries, made, right, epsilon, delta, largest) in [
        (20, 12, 10, 1.0, 0.0, 0.40660634642972937),
        (60, 30, 23, 0.9, 1e-2, 0.5002505672694618),
        (40, 40, 30, 0.5, 1e-3, 0.0757394432857971),
        (25, 8, 8, 2.0, 1e-3, 0.36424174435905626),
    ] {
        let guesses = Guesses { canaries, made, right };
        let curve = Curve::Approximate { epsilon, delta };
        assert!(one_run::refutes(guesses, curve, largest + 1e-6).unwrap(), "{guesses:?}");
        assert!(!one_run::refutes(guesses, curve, largest - 1e-6).unwrap(), "{guesses:?}");
    }
}

#[test]
fn bounds_on_shifted_normal_scores_are_those_of_another_library() {
    // 5 000 scores each of N(1, 1) and N(0, 1), δ = 1e-5, 95 %: JAX-Privacy gave 1.87 by Clopper and Pearson, 1.13 by one run
    // and 2.24 by the Gaussian curve, on a random sample and correcting for the corners of its curve only. These scores are
    // the quantiles, and each list was written down before.
    let quantiles: Vec<f64> =
        (0..5_000).map(|i| gaussian::mu((f64::from(i) + 0.5) / 5_000.0, 0.5).unwrap()).collect();
    let members: Vec<f64> = quantiles.iter().map(|score| score + 1.0).collect();
    let thresholds: Vec<f64> = (0..40).map(|i| 0.1 * f64::from(i)).collect();
    let policy = ThresholdPolicy::Bonferroni(thresholds);
    let counts = epsilon::from_scores(&members, &quantiles, &policy, 1e-5, 0.05).unwrap();
    close(counts.epsilon, 1.87, 0.25);
    let roc = Roc::new(&members, &quantiles).unwrap();
    let candidates: Vec<Guesses> = (1..=40).map(|i| Guesses::from_scores(&roc, 25 * i, 0).unwrap()).collect();
    let bound = |guesses, share| one_run::lower_bound(guesses, 1e-5, share);
    close(one_run::best_of(&candidates, 0.05, bound).unwrap().0, 1.13, 0.2);
    let bound = |guesses, share| Ok(one_run::gaussian_lower_bound(guesses, 1e-5, share)?.epsilon);
    close(one_run::best_of(&candidates, 0.05, bound).unwrap().0, 2.24, 0.25);
    assert!(one_run::best_of(&[], 0.05, bound).is_err());
}

#[test]
fn a_million_canaries_take_a_moment() {
    let guesses = Guesses { canaries: 1_000_000, made: 1_000_000, right: 731_000 };
    let start = std::time::Instant::now();
    let epsilon = one_run::lower_bound(guesses, 1e-6, 0.05).unwrap();
    // The logit of 0.731 less its error.
    assert!((0.99..1.0).contains(&epsilon), "{epsilon}");
    let bound = one_run::gaussian_lower_bound(guesses, 1e-6, 0.05).unwrap();
    assert!(bound.mu > 0.4, "{bound:?}");
    assert!(start.elapsed().as_secs_f64() < 1.0, "{:?}", start.elapsed());
}

#[test]
fn guesses_take_ties_at_the_edge_for_wrong() {
    // From the highest: in, then one of each tied, then out, in.
    let roc = Roc::new(&[9.0, 5.0, 1.0], &[5.0, 3.0]).unwrap();
    let right = |inside, outside| Guesses::from_scores(&roc, inside, outside).unwrap().right;
    assert_eq!([right(0, 0), right(1, 0), right(2, 0), right(3, 0)], [0, 1, 1, 2]);
    // From the lowest: in, out, then the pair.
    assert_eq!([right(0, 1), right(0, 2), right(0, 3), right(0, 4)], [0, 1, 1, 2]);
    assert_eq!(right(3, 2), 3);
    assert_eq!(right(5, 0), 3);
    assert!(Guesses::from_scores(&roc, 3, 3).is_err());
}

proptest! {
    #[test]
    fn one_run_at_no_delta_is_clopper_and_pearsons(made in 1_u64..500, share in 0.5..1.0_f64) {
        let right = (share * made as f64) as u64;
        let guesses = Guesses { canaries: 500, made, right };
        let epsilon = one_run::lower_bound(guesses, 0.0, 0.05).unwrap();
        if epsilon > 0.0 {
            prop_assert!((one_run::p_value(guesses, epsilon, 0.0).unwrap() - 0.05).abs() < 1e-6);
        }
        let slack = one_run::lower_bound(guesses, 1e-4, 0.05).unwrap();
        prop_assert!(slack <= epsilon);
        if slack > 0.0 {
            prop_assert!((one_run::p_value(guesses, slack, 1e-4).unwrap() - 0.05).abs() < 1e-6);
        }
    }

    #[test]
    fn one_run_p_values_are_the_maximum_over_every_window(
        made in 1_u64..60, share in 0.0..=1.0_f64, epsilon in 0.0..4.0_f64,
    ) {
        let right = (share * made as f64) as u64;
        let guesses = Guesses { canaries: 100, made, right };
        let rate = 1.0 / (1.0 + (-epsilon).exp());
        let tail = |hits: u64| paname_stats::binomial::tail_at_least(hits, made, rate).unwrap();
        let steepest = (1..=right).map(|i| (tail(right - i) - tail(right)) / i as f64).fold(0.0, f64::max);
        let expected = (tail(right) + 2.0 * 100.0 * 1e-4 * steepest).min(1.0);
        let got = one_run::p_value(guesses, epsilon, 1e-4).unwrap();
        prop_assert!((got - expected).abs() <= 1e-9 * expected, "{} {}", got, expected);
    }

    #[test]
    fn more_right_guesses_refute_no_less(made in 10_u64..300, right in 0.5..1.0_f64) {
        let right = (right * (made - 1) as f64) as u64;
        let bound = |right| {
            let guesses = Guesses { canaries: 400, made, right };
            [
                one_run::lower_bound(guesses, 1e-5, 0.05).unwrap(),
                one_run::gaussian_lower_bound(guesses, 1e-5, 0.05).unwrap().mu,
                one_run::curve_lower_bound(guesses, 1e-5, 0.05).unwrap(),
            ]
        };
        for (fewer, more) in bound(right).into_iter().zip(bound(right + 1)) {
            prop_assert!(fewer <= more + 1e-8, "{} {}", fewer, more);
        }
    }
}
