//! Claims about people: that few can be exposed, how many can be named, how much better than a control.

use paname_stats::permutation::{self, Permutations, Ranked};
use paname_stats::{Error, Result, Roc, binomial, difference, discovery, dose, equivalence, multiple};
use proptest::prelude::*;

/// To a figure printed with this many decimals.
fn printed(got: f64, expected: f64, decimals: i32) {
    assert!((got - expected).abs() <= 0.5001 * 10_f64.powi(-decimals), "expected {expected}, got {got}");
}

/// The power of the claim by the definition: every pair of counts, weighed by both binomials.
fn power_by_sums(members: u64, others: u64, level: f64, margin: f64) -> Result<f64> {
    let mass = |k: u64, n: u64| {
        Ok(binomial::tail_at_least(k, n, level)? - binomial::tail_at_least(k + 1, n, level)?)
    };
    let mut sum = 0.0;
    for tp in 0..=members {
        for fp in 0..=others {
            if equivalence::excess_bound(tp, members, fp, others, 0.05)?.excess_upper < margin {
                sum += mass(tp, members)? * mass(fp, others)?;
            }
        }
    }
    Ok(sum)
}

#[test]
fn the_power_of_the_claim_is_the_double_sum() {
    for (members, others, level, margin) in
        [(60, 40, 0.05, 0.2), (37, 90, 0.1, 0.15), (50, 50, 0.3, 0.4), (20, 20, 0.01, 0.05)]
    {
        let expected = power_by_sums(members, others, level, margin).unwrap();
        let got = equivalence::power(members, others, level, margin, 0.05).unwrap();
        assert!((got - expected).abs() < 1e-11, "{members} {others}: {got} {expected}");
    }
    // scipy 1.17.1: the same sum over scipy.stats.beta.ppf and binom.
    for (units, margin, expected) in [(2_808, 0.01, 0.8018), (800, 0.02, 0.8227), (150, 0.05, 0.8118)] {
        printed(equivalence::power(units, units, 0.01, margin, 0.05).unwrap(), expected, 4);
    }
}

#[test]
fn units_needed_for_a_claim_are_the_published_ones() {
    for (margin, about, slack) in [(0.01, 2_800, 30), (0.02, 800, 40), (0.05, 150, 20)] {
        let needed = equivalence::units_needed(0.01, margin, 0.05, 0.8).unwrap().unwrap();
        assert!(needed.abs_diff(about) <= slack, "{margin}: {needed}");
        for units in [needed, needed + 1, needed + needed / 20] {
            assert!(equivalence::power(units, units, 0.01, margin, 0.05).unwrap() >= 0.8);
        }
    }
    assert_eq!(equivalence::units_needed(0.001, 1e-6, 0.05, 0.8).unwrap(), None);
}

#[test]
fn the_smallest_margin_is_where_the_power_is_reached() {
    let margin = equivalence::smallest_margin(800, 600, 0.01, 0.05, 0.8).unwrap().unwrap();
    assert!(equivalence::power(800, 600, 0.01, margin, 0.05).unwrap() >= 0.8);
    assert!(equivalence::power(800, 600, 0.01, margin - 1e-6, 0.05).unwrap() < 0.8);
    // About 2 % for 800 a side.
    let margin = equivalence::smallest_margin(800, 800, 0.01, 0.05, 0.8).unwrap().unwrap();
    assert!((0.017..0.0202).contains(&margin), "{margin}");
    assert_eq!(equivalence::smallest_margin(0, 100, 0.01, 0.05, 0.8).unwrap(), None);
}

#[test]
fn a_claim_says_how_many_it_could_have_missed() {
    assert_eq!(equivalence::exposed_units(0.07, 100).unwrap(), 7);
    assert_eq!(equivalence::exposed_units(0.01, 12_345).unwrap(), 124);
    assert_eq!(equivalence::exposed_units(0.0, 5).unwrap(), 0);
    assert!(equivalence::exposed_units(f64::NAN, 5).is_err());
    let refused = equivalence::excess_bound(6, 5, 0, 5, 0.05).unwrap_err();
    assert_eq!(refused, Error::CountTooLarge { what: "hits", limit: 5, got: 6 });
    // Without trials nothing is known, and nothing is claimed.
    let blind = equivalence::excess_bound(0, 0, 0, 0, 0.05).unwrap();
    assert_eq!((blind.tpr_upper, blind.fpr_lower, blind.excess_upper), (1.0, 0.0, 1.0));
    assert_eq!(equivalence::equivalence_p(0, 0, 0, 0, 0.5).unwrap(), 1.0);
}

proptest! {
    #[test]
    fn the_p_value_of_the_claim_inverts_its_bound(
        n in 1_u64..3_000, share in 0.0..0.2_f64, other in 0.0..0.2_f64, margin in 0.01..0.4_f64,
    ) {
        let (tp, fp) = ((share * n as f64) as u64, (other * n as f64) as u64);
        let p = equivalence::equivalence_p(tp, n, fp, n, margin).unwrap();
        prop_assert!(p > 0.0 && p <= 1.0);
        let bound = |alpha: f64| equivalence::excess_bound(tp, n, fp, n, alpha).unwrap().excess_upper;
        if p < 1.0 {
            prop_assert!(bound(p) < margin);
            if p > 1e-11 {
                prop_assert!(bound(p * (1.0 - 1e-4)) >= margin - 1e-6);
            }
        }
    }
}

#[test]
fn newcombe_intervals_are_the_published_ones() {
    // Newcombe 1998, tables of both papers, method 10.
    for (first, second, lower, upper) in
        [([56, 70], [48, 80], 0.0524, 0.3339), ([9, 10], [3, 10], 0.1705, 0.8090)]
    {
        let got = difference::independent(first, second, 0.95).unwrap();
        printed(got.lower, lower, 4);
        printed(got.upper, upper, 4);
    }
    let table = |both, first_only, second_only, neither| {
        let counts = difference::PairedCounts { both, first_only, second_only, neither };
        difference::paired(counts, 0.95).unwrap()
    };
    for (got, lower, upper) in [(table(36, 12, 2, 0), 0.0569, 0.3404), (table(18, 12, 2, 18), 0.0562, 0.3290)]
    {
        printed(got.lower, lower, 4);
        printed(got.upper, upper, 4);
    }
    printed(table(53, 0, 0, 1).lower, -0.0729, 4);
    assert_eq!((table(0, 0, 0, 0).lower, table(0, 0, 0, 0).upper), (-1.0, 1.0));
}

#[test]
fn people_are_named_as_in_the_plain_procedure_where_the_prior_is_the_samples() {
    // Benjamini and Hochberg by hand: ten p-values at 0.1; the fifth smallest, 0.05 <= 5 · 0.01, is the last allowed.
    let members = [0.001, 0.002, 0.04, 0.05, 0.9];
    let others = [0.03, 0.2, 0.4, 0.6, 0.8];
    let found = discovery::inferable(&members, &others, 0.5, 0.1).unwrap();
    assert_eq!((found.members, found.non_members, found.threshold), (4, 1, Some(0.05)));
    assert!((found.realised.unwrap() - 0.2).abs() < 1e-12);
    // Members are a tenth as common: only 0.002 <= 0.1 · 0.1 · 2/5 is left.
    let rare = discovery::inferable(&members, &others, 0.1, 0.1).unwrap();
    assert_eq!((rare.members, rare.threshold, rare.realised), (2, Some(0.002), Some(0.0)));
    let nobody = discovery::inferable(&[0.9; 3], &[0.5; 3], 0.5, 0.1).unwrap();
    assert_eq!((nobody.members, nobody.threshold, nobody.realised), (0, None, None));
    assert!(discovery::inferable(&[1.5], &[0.5], 0.5, 0.1).is_err());
    assert!(discovery::inferable(&[0.5], &[], 0.5, 0.1).is_err());
    assert!(discovery::inferable(&[f64::NAN], &[0.5], 0.5, 0.1).is_err());
}

proptest! {
    #[test]
    fn naming_is_benjamini_and_hochberg(
        members in proptest::collection::vec(0.0..0.3_f64, 1..40),
        others in proptest::collection::vec(0.0..1.0_f64, 1..40),
    ) {
        let prior = members.len() as f64 / (members.len() + others.len()) as f64;
        let found = discovery::inferable(&members, &others, prior, 0.2).unwrap();
        let pool: Vec<f64> = members.iter().chain(&others).copied().collect();
        let adjusted = multiple::benjamini_hochberg(&pool).unwrap();
        let named = |p: &[f64]| p.iter().filter(|p| **p <= 0.2).count() as u64;
        prop_assert_eq!(found.members, named(&adjusted[..members.len()]));
        prop_assert_eq!(found.non_members, named(&adjusted[members.len()..]));
    }

    #[test]
    fn ranked_scores_give_the_figures_of_the_curve(
        scores in proptest::collection::vec(-4_i32..4, 2..30), level in 0.0..1.0_f64,
    ) {
        let scores: Vec<f64> = scores.into_iter().map(f64::from).collect();
        let labels: Vec<bool> = (0..scores.len()).map(|unit| unit % 3 == 0).collect();
        let side = |member: bool| -> Vec<f64> {
            scores.iter().zip(&labels).filter(|pair| *pair.1 == member).map(|pair| *pair.0).collect()
        };
        let roc = Roc::new(&side(true), &side(false)).unwrap();
        let ranked = Ranked::new(&scores).unwrap();
        prop_assert!((ranked.auc(&labels) - roc.auc()).abs() < 1e-12);
        prop_assert_eq!(ranked.tpr_at(level, &labels), roc.tpr(&roc.tpr_at(level).unwrap()));
    }
}

#[test]
fn permuted_memberships_find_a_leak_and_pay_for_looking_twice() {
    let members: Vec<bool> = (0..60).map(|unit| unit % 2 == 0).collect();
    let leak: Vec<f64> =
        (0..60).map(|unit| f64::from(unit % 2 == 0) * 0.6 + f64::from(unit * 7 % 10) / 10.0).collect();
    let noise: Vec<f64> = (0..60).map(|unit| f64::from(unit * 37 % 61)).collect();
    let ranked =
        [Ranked::new(&leak).unwrap(), Ranked::new(&noise).unwrap(), Ranked::new(&[1.0; 60]).unwrap()];
    let plan = Permutations { count: 999, seed: 1 };
    let tests =
        permutation::max_statistic(&members, 3, plan, |test, labels| ranked[test].auc(labels)).unwrap();
    assert_eq!((tests[0].p, tests[0].adjusted), (0.001, 0.001));
    assert!(tests[1].p > 0.05 && tests[1].adjusted > tests[1].p, "{:?}", tests[1]);
    // Tied scores say nothing, and take nothing from the others.
    assert_eq!((tests[2].observed, tests[2].p, tests[2].adjusted), (0.5, 1.0, 1.0));
    let alone = permutation::max_statistic(&members, 1, plan, |_, labels| ranked[1].auc(labels)).unwrap();
    assert_eq!(alone[0].p, alone[0].adjusted);
    let few = Permutations { count: 998, ..plan };
    assert_eq!(
        permutation::max_statistic(&members, 1, few, |_, _| 0.0).unwrap_err(),
        Error::TooFew { what: "permutations", needed: 999, got: 998 }
    );
    assert!(permutation::max_statistic(&[true; 4], 1, plan, |_, _| 0.0).is_err());
    assert!(permutation::max_statistic(&members, 1, plan, |_, _| f64::NAN).is_err());
}

#[test]
fn residual_risk_is_what_the_control_leaves() {
    let (risk, interval) = difference::residual_risk([60, 100], [20, 100], 0.95).unwrap().unwrap();
    assert!((risk - 0.5).abs() < 1e-12);
    // Clopper-Pearson at 97.5 %: a in [0.48314, 0.70919], c in [0.11810, 0.30515] (scipy 1.17.1).
    printed(interval.lower, (0.48314 - 0.30515) / (1.0 - 0.30515), 4);
    printed(interval.upper, (0.70919 - 0.11810) / (1.0 - 0.11810), 4);
    let (worse, interval) = difference::residual_risk([10, 100], [20, 100], 0.95).unwrap().unwrap();
    assert_eq!((worse, interval.lower), (0.0, 0.0));
    assert_eq!(difference::residual_risk([10, 10], [10, 10], 0.95).unwrap(), None);
    assert!(difference::residual_risk([11, 10], [0, 10], 0.95).is_err());
}

#[test]
fn a_dose_is_seen_as_often_as_the_power_says() {
    // Distinct scores of non-members, and positives that lie above all of them in eight cases of ten.
    let others: Vec<f64> = (0..2_000).map(f64::from).collect();
    let positives: Vec<f64> = (0..500).map(|i| f64::from(i % 10) * 1_000.0).collect();
    let dose = dose::Dose {
        excess: 0.04,
        level: 0.01,
        calibration: 500,
        members: 400,
        non_members: 500,
        alpha: 0.05,
        audits: 300,
        seed: 9,
    };
    let response = dose::response(&others, &positives, &dose).unwrap().unwrap();
    assert_eq!(response.positive_tpr, 0.8);
    assert!((response.share - 0.04 / 0.79).abs() < 1e-12, "{response:?}");
    assert_eq!(response, dose::response(&others, &positives, &dose).unwrap().unwrap());
    // 5 % beside 1 %: most audits see it; a tenth of the dose is hardly more than false alarms.
    let rate = |excess| {
        dose::response(&others, &positives, &dose::Dose { excess, ..dose }).unwrap().unwrap().detected
    };
    assert!(rate(0.04).interval.lower > 0.7, "{:?}", rate(0.04));
    assert!(rate(0.004).interval.upper < 0.25, "{:?}", rate(0.004));
    assert!(rate(0.1).hits == 300);
    // Positives that never reach so far have no such dose.
    let weak = dose::Dose { excess: 0.8, ..dose };
    assert_eq!(dose::response(&others, &positives, &weak).unwrap(), None);
    assert_eq!(dose::response(&others, &others, &dose).unwrap(), None);
    assert!(dose::response(&others, &[f64::NAN], &dose).is_err());
    assert!(dose::response(&others, &positives, &dose::Dose { audits: 0, ..dose }).is_err());
    let few = dose::Dose { non_members: 200, ..dose };
    assert!(matches!(dose::response(&others, &positives, &few), Err(Error::TooFewNonMembers { .. })));
}
