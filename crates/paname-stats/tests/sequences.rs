//! Evidence that may be looked at after every query.

use paname_stats::evalue::{self, Pairs, Waiting};
use proptest::prelude::*;

fn pairs(wins: u64, losses: u64, ties: u64) -> Pairs {
    Pairs { wins, losses, ties, ..Pairs::default() }
}

#[test]
fn the_e_value_is_the_mean_capital_over_all_fractions() {
    for (wins, losses) in
        [(0, 0), (3, 0), (0, 4), (5, 2), (2, 5), (40, 25), (25, 40), (30, 30), (150, 100), (300, 340)]
    {
        // Simpson's rule on ∫₀¹ (1 + λ)^W (1 - λ)^L dλ.
        let steps = 20_000;
        let capital = |i: u32| {
            let fraction = f64::from(i) / f64::from(steps);
            (1.0 + fraction).powi(wins) * (1.0 - fraction).powi(losses)
        };
        let inner: f64 = (1..steps).map(|i| if i % 2 == 1 { 4.0 } else { 2.0 } * capital(i)).sum();
        let expected = (capital(0) + capital(steps) + inner) / (3.0 * f64::from(steps));
        let got = pairs(wins as u64, losses as u64, 9).ln_e_value().exp();
        assert!((got - expected).abs() < 1e-9 * expected, "{wins} {losses}: {got} {expected}");
    }
    // A million losses leave next to nothing, and a million wins are written as a logarithm.
    assert!((pairs(0, 1_000_000, 0).ln_e_value() + 1_000_001_f64.ln()).abs() < 1e-9);
    assert!(pairs(1_000, 1_000_000, 0).ln_e_value() < -13.0);
    assert!(pairs(1_000_000, 0, 0).ln_e_value() > 690_000.0);
}

#[test]
fn a_sequence_stands_in_a_journal_and_goes_on() {
    let mut whole = Pairs::default();
    let queries = [(false, false), (true, true), (true, true), (true, false), (false, false), (false, true)];
    for (i, (member, flagged)) in queries.into_iter().enumerate() {
        let written = serde_json::to_string(&whole).unwrap();
        let mut read: Pairs = serde_json::from_str(&written).unwrap();
        assert_eq!(read, whole, "query {i}: {written}");
        read.observe(member, flagged);
        whole.observe(member, flagged);
        assert_eq!(read, whole);
    }
    assert_eq!((whole.wins, whole.losses, whole.ties), (2, 1, 0));
    assert_eq!(whole.waiting, Waiting::Nobody);
    assert!(serde_json::from_str::<Pairs>(r#"{"wins": -1}"#).is_err());
}

#[test]
fn a_waiting_unit_is_taken_at_its_worst() {
    let mut sequence = Pairs::default();
    sequence.observe(true, false);
    assert_eq!(sequence.ln_e_value(), pairs(0, 1, 0).ln_e_value());
    sequence.observe(true, true);
    assert_eq!(sequence.ln_e_value(), pairs(0, 1, 0).ln_e_value());
    let upper = |pairs: &Pairs| pairs.excess_upper(0.05).unwrap();
    assert_eq!(upper(&sequence), upper(&pairs(1, 0, 0)));
    sequence.observe(false, false);
    assert_eq!((sequence.ties, sequence.ln_e_value()), (1, pairs(0, 0, 0).ln_e_value()));
    sequence.observe(false, false);
    assert_eq!((sequence.wins, sequence.waiting.clone()), (1, Waiting::Nobody));
    sequence.observe(false, true);
    assert_eq!(sequence.ln_e_value(), pairs(1, 1, 0).ln_e_value());
}

#[test]
fn evidence_becomes_conclusive_and_stays_so() {
    let mut sequence = Pairs::default();
    assert_eq!((sequence.p_value(), sequence.conclusive(0.05).unwrap()), (1.0, false));
    for _ in 0..7 {
        sequence.observe(false, false);
        sequence.observe(true, true);
    }
    // (2^8 - 1) / 8 = 31.9 for seven wins of seven.
    assert!((sequence.ln_e_value().exp() - 31.875).abs() < 1e-9);
    assert!(sequence.conclusive(0.05).unwrap());
    for _ in 0..20 {
        sequence.observe(false, true);
        sequence.observe(true, false);
    }
    assert!(sequence.ln_e_value() < 0.0 && sequence.conclusive(0.05).unwrap());
    assert!((sequence.p_value() - 1.0 / 31.875).abs() < 1e-9);
    assert!(sequence.conclusive(0.0).is_err());
}

#[test]
fn scores_make_pairs_too() {
    let mut sequence = Pairs::default();
    for (member, other) in [(2.0, 1.0), (f64::INFINITY, 0.0), (1.0, 1.0), (0.0, 3.0)] {
        sequence.observe_scores(member, other).unwrap();
    }
    assert_eq!((sequence.wins, sequence.losses, sequence.ties), (2, 1, 1));
    assert!(sequence.observe_scores(f64::NAN, 0.0).is_err());
}

#[test]
fn e_values_of_retests_multiply_and_become_p_values() {
    let ln = |e: f64| e.ln();
    assert!((evalue::ln_product(&[ln(4.0), ln(5.0)]).unwrap() - ln(20.0)).abs() < 1e-12);
    assert!((evalue::p_value(ln(20.0)).unwrap() - 0.05).abs() < 1e-12);
    assert_eq!(evalue::p_value(ln(0.1)).unwrap(), 1.0);
    assert!(evalue::ln_product(&[f64::NAN]).is_err());
    assert!(evalue::p_value(f64::NAN).is_err());
    // Four tests at 10 %: the second largest e-value needs 4 / (2 · 0.1) = 20.
    let adjusted = evalue::benjamini_hochberg(&[ln(20.0), ln(30.0), ln(5.0), ln(1.0)]).unwrap();
    let rejected: Vec<bool> = adjusted.iter().map(|value| *value <= 0.1 + 1e-12).collect();
    assert_eq!(rejected, [true, true, false, false]);
}

#[test]
fn an_audit_that_finds_nothing_may_stop_early() {
    // At 1 % false positives and members alike: about 2 % of the pairs differ, half of them each way.
    let upper =
        |count: u64| pairs(count / 100, count / 100, count - 2 * (count / 100)).excess_upper(0.05).unwrap();
    assert_eq!(pairs(0, 0, 0).excess_upper(0.05).unwrap(), 1.0);
    assert!(upper(1_000) < 0.02 && upper(3_000) < 0.01, "{} {}", upper(1_000), upper(3_000));
    assert!(upper(100_000) < 0.002, "{}", upper(100_000));
}

proptest! {
    #[test]
    fn the_order_of_queries_changes_nothing_once_all_have_a_partner(
        flags in proptest::collection::vec((any::<bool>(), any::<bool>()), 1..30),
        order in proptest::collection::vec(any::<bool>(), 60),
    ) {
        let mut straight = Pairs::default();
        for &(inside, outside) in &flags {
            straight.observe(false, outside);
            straight.observe(true, inside);
        }
        let mut mixed = Pairs::default();
        let (mut inside, mut outside) = (flags.iter(), flags.iter());
        for first in order {
            if let Some(pair) = if first { inside.next() } else { outside.next() } {
                mixed.observe(first, if first { pair.0 } else { pair.1 });
            }
        }
        for pair in inside {
            mixed.observe(true, pair.0);
        }
        for pair in outside {
            mixed.observe(false, pair.1);
        }
        prop_assert_eq!((mixed.wins, mixed.losses, mixed.ties), (straight.wins, straight.losses, straight.ties));
        prop_assert_eq!(mixed.waiting, Waiting::Nobody);
    }

    #[test]
    fn no_partner_makes_the_e_value_smaller_than_shown(
        flags in proptest::collection::vec((any::<bool>(), any::<bool>()), 0..20), partners in any::<u32>(),
    ) {
        let mut sequence = Pairs::default();
        for (member, flagged) in flags {
            sequence.observe(member, flagged);
        }
        let (shown, upper) = (sequence.ln_e_value(), sequence.excess_upper(0.05).unwrap());
        let mut i = 0;
        while sequence.waiting != Waiting::Nobody {
            let member = matches!(sequence.waiting, Waiting::NonMembers(_));
            sequence.observe(member, partners >> i & 1 == 1);
            i += 1;
        }
        prop_assert!(sequence.ln_e_value() >= shown - 1e-9);
        prop_assert!(sequence.excess_upper(0.05).unwrap() <= upper + 1e-8);
    }
}
