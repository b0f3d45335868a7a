//! Laws that hold for every input.

use paname_stats::{
    Roc, band, binomial, conformal, delong, difference, discovery, epsilon, equivalence, gaussian, level,
    multiple, one_run, power, rank_sum,
};
use proptest::{collection::vec, prelude::*};

/// Few distinct values, so that ties are common; both infinities among them.
fn scores() -> impl Strategy<Value = Vec<f64>> {
    let score = prop_oneof![
        8 => (-6_i32..=6).prop_map(f64::from),
        1 => Just(f64::INFINITY),
        1 => Just(f64::NEG_INFINITY),
    ];
    vec(score, 1..40)
}

/// `P[X >= tp]` summed term by term from binomial coefficients.
fn fisher_by_sums(tp: u64, m: u64, fp: u64, n: u64) -> f64 {
    let choose = |n: u64, k: u64| (0..k).fold(1.0, |c, i| c * (n - i) as f64 / (i + 1) as f64);
    let flagged = tp + fp;
    let term = |x: u64| choose(m, x) * choose(n, flagged - x);
    (tp..=flagged.min(m)).filter(|x| flagged - x <= n).map(term).sum::<f64>() / choose(m + n, flagged)
}

proptest! {
    #[test]
    fn area_by_definition(members in scores(), others in scores()) {
        let wins = |a: &f64| others.iter().map(|b| if a > b { 1.0 } else if a == b { 0.5 } else { 0.0 }).sum::<f64>();
        let expected = members.iter().map(wins).sum::<f64>() / (members.len() * others.len()) as f64;
        let roc = Roc::new(&members, &others).unwrap();
        prop_assert!((roc.auc() - expected).abs() < 1e-12);
        prop_assert!((roc.auc() + Roc::new(&others, &members).unwrap().auc() - 1.0).abs() < 1e-12);
        let interval = delong::auc_interval(&roc, 0.95).unwrap().interval;
        prop_assert!(interval.contains(roc.auc()) && interval.lower >= 0.0 && interval.upper <= 1.0);
        prop_assert!((0.0..=1.0).contains(&rank_sum::mann_whitney_p(&roc)));
    }

    #[test]
    fn a_monotone_map_changes_no_count(members in scores(), others in scores()) {
        let map = |scores: &[f64]| scores.iter().map(|s| s.atan() * 3.0 + 1.0).collect::<Vec<_>>();
        let roc = Roc::new(&members, &others).unwrap();
        let mapped = Roc::new(&map(&members), &map(&others)).unwrap();
        let counts = |roc: &Roc| roc.vertices().iter().map(|v| (v.tp, v.fp)).collect::<Vec<_>>();
        prop_assert_eq!(counts(&roc), counts(&mapped));
    }

    #[test]
    fn a_vertex_counts_what_its_threshold_flags(members in scores(), others in scores()) {
        let roc = Roc::new(&members, &others).unwrap();
        for vertex in roc.vertices() {
            let flagged = |scores: &[f64]| match vertex.threshold {
                None => 0,
                Some(threshold) => scores.iter().filter(|score| **score >= threshold).count() as u64,
            };
            prop_assert_eq!((vertex.tp, vertex.fp), (flagged(&members), flagged(&others)));
            if let Some(threshold) = vertex.threshold {
                prop_assert_eq!(&roc.at_threshold(threshold), vertex);
            }
        }
    }

    #[test]
    fn a_larger_level_flags_no_fewer(members in scores(), others in scores(), a in 0.0..=1.0, b in 0.0..=1.0_f64) {
        let roc = Roc::new(&members, &others).unwrap();
        let (low, high) = if a < b { (a, b) } else { (b, a) };
        let (low, high) = (roc.tpr_at(low).unwrap(), roc.tpr_at(high).unwrap());
        prop_assert!(low.tp <= high.tp && low.fp <= high.fp);
        prop_assert!(roc.fpr(&roc.tpr_at(a).unwrap()) <= a);
    }

    #[test]
    fn thinning_only_drops(members in scores(), others in scores(), points in 0_usize..60) {
        let roc = Roc::new(&members, &others).unwrap();
        let thinned = roc.thinned(points);
        prop_assert!(thinned.iter().all(|vertex| roc.vertices().contains(vertex)));
        prop_assert!(thinned.is_sorted_by(|a, b| (a.fp, a.tp) < (b.fp, b.tp)));
        prop_assert_eq!(thinned.first(), roc.vertices().first());
        prop_assert_eq!(thinned.last(), roc.vertices().last());
    }

    #[test]
    fn interval_holds_the_share_and_inverts_the_tails(n in 1_u64..2_000_000, share in 0.0..=1.0_f64, alpha in 0.001..0.5_f64) {
        let k = (share * n as f64) as u64;
        let interval = binomial::clopper_pearson(k, n, 1.0 - alpha).unwrap();
        prop_assert!(interval.contains(k as f64 / n as f64));
        if k > 0 {
            let tail = binomial::tail_at_least(k, n, interval.lower).unwrap();
            prop_assert!((tail - alpha / 2.0).abs() < 1e-7 * alpha, "{} {}", tail, alpha);
        }
        if k < n {
            let tail = binomial::tail_at_most(k, n, interval.upper).unwrap();
            prop_assert!((tail - alpha / 2.0).abs() < 1e-7 * alpha, "{} {}", tail, alpha);
        }
    }

    #[test]
    fn tails_complement_each_other(n in 1_u64..100_000, share in 0.0..1.0_f64, rate in 0.0..=1.0_f64) {
        let k = (share * n as f64) as u64;
        let sum = binomial::tail_at_most(k, n, rate).unwrap() + binomial::tail_at_least(k + 1, n, rate).unwrap();
        prop_assert!((sum - 1.0).abs() < 1e-12);
    }

    #[test]
    fn fisher_is_the_sum_of_its_terms(m in 1_u64..60, n in 1_u64..60, a in 0.0..=1.0_f64, b in 0.0..=1.0_f64) {
        let (tp, fp) = ((a * m as f64) as u64, (b * n as f64) as u64);
        let expected = fisher_by_sums(tp, m, fp, n);
        let got = binomial::fisher_greater(tp, m, fp, n).unwrap();
        prop_assert!((got - expected).abs() <= 1e-10 * expected, "{} {}", got, expected);
    }

    #[test]
    fn certified_number_is_the_least(level in 0.0005..0.5_f64, hits in 0_u64..30, confidence in 0.5..0.999_f64) {
        let n = binomial::negatives_to_certify(level, hits, confidence).unwrap();
        prop_assert!(binomial::clopper_pearson_upper(hits, n, 1.0 - confidence).unwrap() <= level * (1.0 + 1e-9));
        if n > hits + 1 {
            prop_assert!(binomial::clopper_pearson_upper(hits, n - 1, 1.0 - confidence).unwrap() > level * (1.0 - 1e-9));
        }
    }

    #[test]
    fn exact_interval_holds_the_estimate(raw in vec(0_u8..=255, 320..600), shift in 0_u8..100) {
        let scores: Vec<f64> = raw.iter().map(|s| f64::from(*s)).collect();
        let members: Vec<f64> = scores.iter().rev().map(|s| s + f64::from(shift)).collect();
        let roc = Roc::new(&members, &scores).unwrap();
        for target in [0.01, 0.05, 0.3] {
            let figure = level::tpr_at_level(&roc, target, 0.95).unwrap();
            prop_assert!(figure.interval.contains(figure.tpr));
            prop_assert!(figure.fpr <= target);
        }
    }

    #[test]
    fn rank_threshold_flags_the_calibration_sparingly(raw in vec(0_i32..50, 19..200), level in 0.051..0.9_f64) {
        let scores: Vec<f64> = raw.into_iter().map(f64::from).collect();
        let threshold = level::rank_threshold(&scores, level).unwrap();
        let flagged = scores.iter().filter(|score| **score > threshold).count();
        prop_assert!(flagged as f64 <= level * (scores.len() + 1) as f64 + 1e-9);
        // A conformal p-value says the same.
        let p = conformal::conformal_p_values(&scores, &[threshold + 0.5]).unwrap()[0];
        prop_assert!(p <= level + 1e-12);
    }

    #[test]
    fn adjusting_only_raises_and_keeps_the_order(p in vec(0.0..=1.0_f64, 1..30)) {
        let (holm, bh) = (multiple::holm(&p).unwrap(), multiple::benjamini_hochberg(&p).unwrap());
        for i in 0..p.len() {
            prop_assert!(p[i] <= bh[i] && bh[i] <= holm[i] + 1e-15 && holm[i] <= 1.0);
            for j in 0..p.len() {
                prop_assert!(p[i] > p[j] || (holm[i] <= holm[j] && bh[i] <= bh[j]));
            }
        }
    }

    #[test]
    fn power_stays_from_the_number_needed(fpr in 0.005..0.3_f64, excess in 0.1..0.6_f64, power in 0.5..0.95_f64) {
        let tpr = fpr + excess;
        let n = power::members_needed(tpr, fpr, 0.05, power).unwrap();
        let achieved = |n: u64| {
            let critical = (0..=n + 1).find(|c| binomial::tail_at_least(*c, n, fpr).unwrap() <= 0.05).unwrap();
            binomial::tail_at_least(critical, n, tpr).unwrap()
        };
        prop_assert!(n == 0 || achieved(n - 1) < power);
        for later in n..n + 30 {
            prop_assert!(achieved(later) >= power);
        }
    }

    #[test]
    fn a_band_surrounds_its_vertices(members in scores(), others in scores()) {
        let roc = Roc::new(&members, &others).unwrap();
        for (vertex, point) in roc.vertices().iter().zip(band::roc_band(&roc, roc.vertices(), 0.9).unwrap()) {
            prop_assert!((point.tpr_lower..=point.tpr_upper).contains(&roc.tpr(vertex)));
            prop_assert!((point.fpr_lower..=point.fpr_upper).contains(&roc.fpr(vertex)));
        }
    }
}

#[test]
fn hostile_numbers_give_errors_or_finite_figures() {
    let hostile = [f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -1.0, 0.0, 1.0, 2.0, 5e-324, 1e308];
    let counts = [0, 1, 7, 1_000];
    let mut figures: Vec<paname_stats::Result<f64>> = Vec::new();
    for x in hostile {
        for y in [x, 0.05] {
            figures.push(epsilon::tpr_allowed(x, 0.0, y));
            figures.push(epsilon::advantage_allowed(x, y));
            figures.push(gaussian::mu(x, y));
            figures.push(gaussian::delta(x, y));
            figures.push(gaussian::epsilon(x, y));
            figures.push(gaussian::mu_from_epsilon(x, y));
            figures.push(discovery::inferable(&[x, 0.5], &[y], 0.5, 0.1).map(|found| found.members as f64));
            figures.push(equivalence::exposed_units(x, 10).map(|units| units as f64));
            figures.push(equivalence::units_needed(y, 0.1, x, 0.8).map(|units| units.unwrap_or(0) as f64));
            for made in counts {
                let guesses = one_run::Guesses { canaries: 1_000, made, right: made / 2 + made / 3 };
                figures.push(one_run::lower_bound(guesses, x, y));
                figures.push(one_run::p_value(guesses, x, y));
                figures.push(one_run::curve_lower_bound(guesses, x, y));
                figures.push(one_run::gaussian_lower_bound(guesses, x, y).map(|bound| bound.epsilon));
                figures.push(epsilon::lower_bound(made, 1_000, 0, made, x, y));
                figures.push(epsilon::ceiling(made, made, x, y));
                figures.push(equivalence::power(made, 100, 0.1, x, y));
                figures.push(equivalence::equivalence_p(0, made, 0, made, x));
                figures.push(equivalence::excess_bound(0, made, 0, 0, x).map(|bound| bound.excess_upper));
                figures
                    .push(difference::independent([0, made], [made, made], x).map(|interval| interval.lower));
            }
        }
    }
    for (position, figure) in figures.iter().enumerate() {
        assert!(
            figure.as_ref().is_err() || figure.as_ref().is_ok_and(|x| x.is_finite()),
            "{position}: {figure:?}"
        );
    }
    let sound = figures.iter().filter(|figure| figure.is_ok()).count();
    assert!(sound > figures.len() / 10, "{sound} of {}", figures.len());
}
