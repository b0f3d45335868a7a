//! Values computed elsewhere: by scipy 1.17.1 and scikit-learn 1.9.1 where said, else published or worked out by hand.
#![expect(clippy::unreadable_literal, reason = "golden values keep their digits as printed")]

use paname_stats::{
    Error, Roc, Vertex, band, binomial, bootstrap, conformal, delong, histogram::Histogram, level, multiple,
    person, power, precision, rank_sum, unrelated,
};

fn close(got: f64, expected: f64, relative: f64) {
    assert!((got - expected).abs() <= relative * expected.abs(), "expected {expected}, got {got}");
}

/// To a figure printed with this many decimals.
fn printed(got: f64, expected: f64, decimals: i32) {
    assert!((got - expected).abs() <= 0.5001 * 10_f64.powi(-decimals), "expected {expected}, got {got}");
}

/// Reproducible uniform scores, the same in the script that made the golden values.
fn uniform(seed: u64, count: usize) -> Vec<f64> {
    let mut state = seed;
    (0..count)
        .map(|_| {
            state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            (state >> 33) as f64 / 2_147_483_648.0
        })
        .collect()
}

#[test]
fn ties_count_one_half() {
    let roc = Roc::new(&[9.0, 5.0], &[9.0, 5.0]).unwrap();
    assert_eq!(roc.auc(), 0.5);
    assert_eq!(
        roc.vertices(),
        [
            Vertex { threshold: None, tp: 0, fp: 0 },
            Vertex { threshold: Some(9.0), tp: 1, fp: 1 },
            Vertex { threshold: Some(5.0), tp: 2, fp: 2 },
        ]
    );
}

#[test]
fn infinities_are_scores_and_signed_zeros_are_equal() {
    let roc = Roc::new(&[f64::INFINITY, 0.0], &[-0.0, f64::NEG_INFINITY]).unwrap();
    assert_eq!(roc.auc(), 0.875);
    assert_eq!(roc.vertices().len(), 4);
    assert_eq!(roc.tpr_at(0.0).unwrap(), Vertex { threshold: Some(f64::INFINITY), tp: 1, fp: 0 });
}

#[test]
fn a_level_takes_the_most_permissive_vertex_and_interpolates_nothing() {
    let roc = Roc::new(&[5.0, 4.0, 3.0, 1.0], &[4.5, 2.0, 2.0, 2.0]).unwrap();
    assert_eq!(roc.tpr_at(0.0).unwrap(), Vertex { threshold: Some(5.0), tp: 1, fp: 0 });
    assert_eq!(roc.tpr_at(0.25).unwrap(), Vertex { threshold: Some(3.0), tp: 3, fp: 1 });
    assert_eq!(roc.tpr_at(0.99).unwrap(), Vertex { threshold: Some(3.0), tp: 3, fp: 1 });
    assert_eq!(roc.tpr_at(1.0).unwrap(), Vertex { threshold: Some(1.0), tp: 4, fp: 4 });
    assert_eq!(roc.advantage().value, 0.5);
    assert_eq!(roc.balanced_accuracy().value, 0.75);
    assert_eq!(roc.at_threshold(4.2).tp, 1);
    assert_eq!(roc.at_threshold(f64::NAN).tp, 0);
    // Nobody is flagged where the highest score is shared.
    let tied = Roc::new(&[1.0; 3], &[1.0; 3]).unwrap();
    assert_eq!(tied.tpr_at(0.5).unwrap(), Vertex { threshold: None, tp: 0, fp: 0 });
}

#[test]
fn bad_scores_are_named() {
    let message = |result: Result<Roc, Error>| result.unwrap_err().to_string();
    assert_eq!(message(Roc::new(&[], &[1.0])), "members: expected at least one value, got none");
    assert_eq!(
        message(Roc::new(&[1.0], &[0.0, f64::NAN])),
        "non-members, position 1 (from 0): expected a number, got NaN"
    );
    let refused = level::tpr_at_level(&Roc::new(&[1.0], &[0.0; 298]).unwrap(), 0.01, 0.95).unwrap_err();
    assert_eq!(refused, Error::TooFewNonMembers { level: 0.01, needed: 299, got: 298 });
    assert_eq!(refused.to_string(), "false positive rate 0.01: expected at least 299 non-members, got 298");
}

#[test]
fn clopper_pearson_matches_scipy() {
    // scipy.stats.beta.ppf((1 - c) / 2, k, n - k + 1) and isf((1 - c) / 2, k + 1, n - k), which are exact where
    // scipy.stats.binomtest stops its search at 2e-12. The upper bound for 1 of 1 000 000 has scipy off by 1e-12; it is
    // the root of q^n + n p q^(n-1) = 0.025 in 50-digit arithmetic.
    for (k, n, confidence, lower, upper) in [
        (0, 100, 0.95, 0.0, 0.03621669264517641),
        (1, 100, 0.99, 5.012416197765646e-05, 0.0719576824016363),
        (3, 7, 0.95, 0.09898827844250789, 0.8159484323599169),
        (50, 100, 0.95, 0.398321129503301, 0.601678870496699),
        (100, 100, 0.95, 0.9637833073548235, 1.0),
        (5, 1000, 0.99, 0.0010795066098047382, 0.01408514817525056),
        (37, 50000, 0.95, 0.0005210801396853537, 0.0010198497158611583),
        (123, 100000, 0.99, 0.0009632398503777895, 0.001545332400486509),
        (1, 1000000, 0.95, 2.53178076637942e-08, 5.571630655172243e-06),
        (500000, 1000000, 0.95, 0.49901951919531184, 0.5009804808046882),
        (999999, 1000000, 0.99, 0.999992569894388, 0.9999999949874582),
    ] {
        let got = binomial::clopper_pearson(k, n, confidence).unwrap();
        close(got.lower, lower, 1e-12);
        close(got.upper, upper, 1e-12);
    }
    // Without trials nothing is known; more hits than trials is an error.
    assert_eq!(binomial::clopper_pearson(0, 0, 0.95).unwrap().upper, 1.0);
    assert!(binomial::clopper_pearson(2, 1, 0.95).is_err());
}

#[test]
fn no_success_still_bounds_the_rate_by_about_three_in_n() {
    // 1 - 0.05^(1/n), printed in per cent.
    for (n, percent, decimals) in [(100, 2.95, 2), (300, 0.99, 2), (1_000, 0.30, 2), (10_000, 0.030, 3)] {
        let bound = binomial::clopper_pearson_upper(0, n, 0.05).unwrap();
        printed(100.0 * bound, percent, decimals);
        close(bound, 1.0 - 0.05_f64.powf(1.0 / n as f64), 1e-11);
    }
    // Ten of ten classes support no more than 69 % (two-sided).
    printed(binomial::clopper_pearson(10, 10, 0.95).unwrap().lower, 0.69, 2);
}

#[test]
fn tails_match_scipy() {
    // scipy.stats.binom.sf(k - 1, n, p) and cdf(k, n, p).
    for (k, n, p, at_least, at_most) in [
        (3, 10, 0.2, 0.32220047360000015, 0.8791261183999999),
        (20, 1000, 0.01, 0.003288359787727457, 0.9985035184522908),
        (150, 1000, 0.1, 4.489442859450041e-07, 0.9999997225559099),
        (1100, 1000000, 0.001, 0.0009574669700285317, 0.9991371002480112),
        (499000, 1000000, 0.5, 0.9773038320453267, 0.0228041499326948),
        (80, 100, 0.5, 5.579544528625976e-10, 0.9999999998648619),
    ] {
        close(binomial::tail_at_least(k, n, p).unwrap(), at_least, 1e-10);
        close(binomial::tail_at_most(k, n, p).unwrap(), at_most, 1e-10);
    }
    close(binomial::mcnemar_greater(80, 20), 5.579544528625976e-10, 1e-10);
    assert_eq!(binomial::mcnemar_greater(0, 0), 1.0);
}

#[test]
fn fisher_matches_scipy() {
    // scipy.stats.fisher_exact([[tp, m - tp], [fp, n - fp]], "greater").
    for (tp, m, fp, n, p) in [
        (3, 10, 1, 10, 0.2910216718266254),
        (8, 100, 1, 100, 0.017449575986057876),
        (30, 500, 5, 500, 8.159695237796449e-06),
        (120, 10000, 100, 10000, 0.09880398934032238),
        (10500, 1000000, 10000, 1000000, 0.00022974472250908112),
        (60, 50000, 10, 50000, 3.9532863236797135e-10),
        (2, 100, 9, 100, 0.9951709420282409),
        (1, 20, 0, 400, 0.047619047619047616),
        (500, 1000, 400, 1000, 4.226859837242813e-06),
        (51, 5000, 20, 5000, 0.00014440480545017942),
    ] {
        close(binomial::fisher_greater(tp, m, fp, n).unwrap(), p, 1e-9);
    }
    // Too small to be written, but never zero.
    assert!(binomial::fisher_greater(1_000_000, 1_000_000, 0, 1_000_000).unwrap() > 0.0);
    assert_eq!(binomial::fisher_greater(0, 0, 5, 10).unwrap(), 1.0);
    assert!(binomial::fisher_greater(u64::MAX, u64::MAX, u64::MAX, u64::MAX).is_err());
}

#[test]
fn non_members_needed_to_certify_a_level() {
    let table = binomial::certify_table(&[0.01, 0.001, 0.0001], &[0, 1, 5, 10], 0.95).unwrap();
    let needed: Vec<_> = table.iter().map(|row| row.needed.as_slice()).collect();
    assert_eq!(
        needed,
        [[299, 473, 1_049, 1_693], [2_995, 4_742, 10_511, 16_959], [29_956, 47_437, 105_128, 169_619]]
    );
    for alpha in [0.5_f64, 0.1, 0.05, 0.01, 0.001, 0.0001] {
        let closed_form = (0.05_f64.ln() / (-alpha).ln_1p()).ceil() as u64;
        assert_eq!(level::needed_non_members(alpha).unwrap(), closed_form);
    }
    assert!(level::needed_non_members(1e-12).is_err());
}

#[test]
fn resolution_of_a_level() {
    use level::Resolution::{Coarse, Fine, Refused};
    assert_eq!(level::resolution(0.01, 298).unwrap(), Refused { needed: 299 });
    assert_eq!(level::resolution(0.01, 299).unwrap(), Coarse);
    assert_eq!(level::resolution(0.01, 999).unwrap(), Coarse);
    assert_eq!(level::resolution(0.01, 1_000).unwrap(), Fine);
}

#[test]
fn rank_rule_needs_99_scores_for_one_per_cent_and_999_for_one_per_mille() {
    let scores: Vec<f64> = (1..=999).map(f64::from).collect();
    assert_eq!(level::rank_threshold(&scores[..99], 0.01).unwrap(), 99.0);
    assert_eq!(level::rank_threshold(&scores, 0.01).unwrap(), 990.0);
    assert_eq!(level::rank_threshold(&scores, 0.001).unwrap(), 999.0);
    let few = |needed, got| Error::TooFew { what: "calibration non-members", needed, got };
    assert_eq!(level::rank_threshold(&scores[..98], 0.01), Err(few(99, 98)));
    assert_eq!(level::rank_threshold(&scores[..998], 0.001), Err(few(999, 998)));
}

#[test]
fn figure_at_a_calibrated_threshold() {
    let calibration: Vec<f64> = (0..199).map(f64::from).collect();
    let others: Vec<f64> = (0..400).map(|i| f64::from(i) / 2.0).collect();
    let members: Vec<f64> = (0..100).map(|i| f64::from(i) * 3.0).collect();
    let figure = level::at_calibrated_threshold(&calibration, &members, &others, 0.01, 0.95).unwrap();
    // The ⌈200 · 0.99⌉ = 198th smallest of 0, 1, … is 197.
    assert_eq!(figure.threshold, 197.0);
    assert_eq!((figure.tpr.hits, figure.fpr.hits), (34, 5));
    assert_eq!(figure.resolution, level::Resolution::Coarse);
    assert!(figure.fpr.interval.contains(0.0125) && figure.p < 1e-20);
}

#[test]
fn figure_on_the_same_data_uses_the_order_statistics_named() {
    // scipy: max k with beta.ppf(1 - .0125, k + 1, n - k) <= .01 and min k with beta.ppf(.0125, k + 1, n - k) >= .01.
    let scores: Vec<f64> = (0..1_000).map(f64::from).collect();
    let roc = Roc::new(&scores, &scores).unwrap();
    let figure = level::tpr_at_level(&roc, 0.01, 0.95).unwrap();
    assert_eq!((figure.false_positives_low, figure.false_positives_high), (Some(LOW), Some(HIGH)));
    close(figure.interval.lower, binomial::clopper_pearson_lower(LOW, 1_000, 0.0125).unwrap(), 1e-12);
    // The members tied with the (k+1)-th non-member count as flagged.
    close(figure.interval.upper, binomial::clopper_pearson_upper(HIGH + 1, 1_000, 0.0125).unwrap(), 1e-12);
    assert_eq!((figure.vertex.tp, figure.tpr, figure.fpr), (10, 0.01, 0.01));
}
const LOW: u64 = 3;
const HIGH: u64 = 18;

#[test]
fn area_and_its_error_match_scipy() {
    // The definition over all pairs in numpy; p by scipy.stats.mannwhitneyu(alternative="greater", method="asymptotic");
    // the paired error by DeLong's covariance matrices; sklearn.metrics.roc_auc_score agrees with each area.
    for (seed, m, n, grid, auc, error, p, second_auc, paired_error, p_greater) in [
        (
            1,
            40,
            60,
            0.0,
            0.6183333333333333,
            0.0569584513005909,
            0.02303785712010194,
            0.62,
            0.04599514126976785,
            0.514452794466715,
        ),
        (
            2,
            200,
            150,
            10.0,
            0.5976666666666667,
            0.030006358380340513,
            0.0008387475543340795,
            0.5964666666666667,
            0.0031178171686476754,
            0.35016143591514826,
        ),
        (
            3,
            15,
            12,
            4.0,
            0.6333333333333333,
            0.10970247050377686,
            0.11927991143824052,
            0.6333333333333333,
            0.02997112607608193,
            0.5,
        ),
        (
            5,
            1000,
            1000,
            50.0,
            0.6021085,
            0.012524185369702682,
            1.298904263180933e-15,
            0.602008,
            0.00026402274051207694,
            0.3517318473972295,
        ),
    ] {
        let coarse = |score: f64| if grid > 0.0 { (score * grid).floor() } else { score };
        let members: Vec<f64> = uniform(seed, m).into_iter().map(|s| coarse(s + 0.1)).collect();
        let others: Vec<f64> = uniform(seed + 100, n).into_iter().map(coarse).collect();
        let mix = |scores: &[f64], seed| -> Vec<f64> {
            uniform(seed, scores.len()).iter().zip(scores).map(|(a, b)| a * 0.5 + 0.5 * b).collect()
        };
        let (second_members, second_others) = (mix(&members, seed + 7), mix(&others, seed + 107));
        let roc = Roc::new(&members, &others).unwrap();
        let interval = delong::auc_interval(&roc, 0.95).unwrap();
        close(interval.auc, auc, 1e-13);
        close(interval.standard_error, error, 1e-11);
        assert_eq!(interval.method, delong::AucMethod::LogitDeLong);
        // Of few levels it is exact, where SciPy's normal approximation is not.
        let rank_p = rank_sum::mann_whitney_p(&roc);
        if (1.0..10.0).contains(&grid) {
            assert!((rank_p - p).abs() < 0.02, "{rank_p} {p}");
        } else {
            close(rank_p, p, 1e-9);
        }
        let difference = delong::auc_difference(
            delong::Paired { members: &members, non_members: &others },
            delong::Paired { members: &second_members, non_members: &second_others },
            0.95,
        )
        .unwrap();
        close(difference.second, second_auc, 1e-13);
        close(difference.standard_error, paired_error, 1e-10);
        close(difference.p_greater, p_greater, 1e-9);
    }
}

#[test]
fn an_area_without_an_estimable_error_is_not_certain() {
    let interval = |members: &[f64], others: &[f64]| {
        delong::auc_interval(&Roc::new(members, others).unwrap(), 0.95).unwrap()
    };
    let perfect = interval(&[2.0; 10], &[1.0; 20]);
    assert_eq!(perfect.method, delong::AucMethod::DisjointPairs);
    close(perfect.interval.lower, 0.025_f64.powf(0.1), 1e-12);
    let inverted = interval(&[1.0; 10], &[2.0; 20]).interval;
    close(inverted.upper, 1.0 - 0.025_f64.powf(0.1), 1e-12);
    let tied = interval(&[1.0; 50], &[1.0; 50]);
    assert_eq!(tied.method, delong::AucMethod::Hoeffding);
    close(tied.interval.upper, 0.5 + ((2.0 / 0.05_f64).ln() / 100.0).sqrt(), 1e-12);
    assert_eq!(rank_sum::mann_whitney_p(&Roc::new(&[1.0; 50], &[1.0; 50]).unwrap()), 1.0);
    let same = delong::Paired { members: &[2.0, 3.0], non_members: &[1.0, 2.5] };
    let difference = delong::auc_difference(same, same, 0.95).unwrap();
    assert_eq!((difference.difference, difference.p_greater, difference.p_two_sided), (0.0, 1.0, 1.0));
}

#[test]
fn members_needed_for_a_power_of_80_per_cent() {
    for (tpr, fpr, needed) in [
        (0.02, 0.01, 1_015),
        (0.03, 0.01, 340),
        (0.05, 0.01, 110),
        (0.003, 0.001, 3_410),
        (0.005, 0.001, 1_102),
        (0.01, 0.001, 427),
        (0.12, 0.1, 1_579),
        (0.15, 0.1, 299),
    ] {
        assert_eq!(power::members_needed(tpr, fpr, 0.05, 0.8).unwrap(), needed, "{tpr} at {fpr}");
    }
    assert!(power::members_needed(0.01, 0.01, 0.05, 0.8).is_err());
    assert!(power::members_needed(0.01 + 1e-9, 0.01, 0.05, 0.8).is_err());
}

#[test]
fn smallest_detectable_rates() {
    // scipy.stats.beta.ppf(.8, c, n - c + 1) with c = binom.ppf(.95, n, level) + 1.
    for (n, fpr, tpr) in [
        (1_000, 0.01, 0.019192376044451006),
        (340, 0.01, 0.029952502817107544),
        (500, 0.1, 0.1359681423346209),
        (10_000, 0.001, 0.0019229084840359603),
    ] {
        close(power::smallest_detectable_tpr(n, fpr, 0.05, 0.8).unwrap().unwrap(), tpr, 1e-10);
    }
    assert_eq!(power::smallest_detectable_tpr(1, 0.1, 0.05, 0.8).unwrap(), None);
    // An estimated false positive rate needs more.
    let estimated = power::smallest_detectable_tpr_estimated(1_000, 1_000, 10, 0.05, 0.8).unwrap().unwrap();
    assert!(estimated > 0.02 && estimated < 0.04, "{estimated}");
    assert_eq!(power::smallest_detectable_tpr_estimated(2, 2, 1, 0.05, 0.8).unwrap(), None);
}

#[test]
fn null_error_of_the_area() {
    printed(power::null_auc_standard_error(100, 100), 0.041, 3);
    printed(power::null_auc_standard_error(500, 500), 0.018, 3);
    printed(power::null_auc_standard_error(1_000, 1_000), 0.0129, 4);
    // 1.6449 + 0.8416 standard errors.
    close(
        power::smallest_detectable_auc(100, 100, 0.05, 0.8).unwrap().unwrap(),
        0.5 + 2.486474860524863 * (201.0_f64 / 120_000.0).sqrt(),
        1e-12,
    );
    assert_eq!(power::smallest_detectable_auc(2, 2, 0.05, 0.8).unwrap(), None);
    assert_eq!(power::smallest_rank_p(19), 0.05);
}

#[test]
fn bands() {
    printed(band::dkw_half_width(100, 0.05).unwrap(), 0.136, 3);
    printed(band::dkw_half_width(1_000, 0.05).unwrap(), 0.043, 3);
    printed(band::dkw_half_width(10_000, 0.05).unwrap(), 0.0136, 4);
    let roc = Roc::new(&[3.0, 2.0], &[1.0, 0.0]).unwrap();
    let boxes = band::roc_band(&roc, roc.vertices(), 0.95).unwrap();
    assert_eq!(boxes.len(), 5);
    assert_eq!((boxes[0].fpr_lower, boxes[0].tpr_upper), (0.0, (80.0_f64.ln() / 4.0).sqrt().min(1.0)));
}

#[test]
fn adjusted_p_values() {
    let raw = [0.01, 0.04, 0.03, 0.005, 0.5];
    // scipy.stats.false_discovery_control; Holm by hand: 5·.005, 4·.01, 3·.03, then not below it, 1·.5.
    for (got, expected) in [
        (multiple::benjamini_hochberg(&raw).unwrap(), [0.025, 0.05, 0.05, 0.025, 0.5]),
        (multiple::holm(&raw).unwrap(), [0.04, 0.09, 0.09, 0.025, 0.5]),
    ] {
        for (got, expected) in got.into_iter().zip(expected) {
            close(got, expected, 1e-12);
        }
    }
    assert!(multiple::holm(&[0.5, f64::NAN]).is_err());
    assert!(multiple::benjamini_hochberg(&[]).unwrap().is_empty());
}

#[test]
fn conformal_p_values_count_ties_against_the_record() {
    let p = conformal::conformal_p_values(&[1.0, 2.0, 2.0, 3.0], &[4.0, 2.0, 0.0, f64::INFINITY]).unwrap();
    assert_eq!(p, [0.2, 0.8, 1.0, 0.2]);
}

#[test]
fn student_takes_over_where_ranks_cannot_reach_the_level() {
    use unrelated::{Figure, NullMethod, unrelated_null};
    let null = [0.51, 0.49, 0.53, 0.5, 0.48, 0.52];
    // scipy.stats.t.sf((.6 - mean) / (s sqrt(1 + 1/6)), 5).
    let few = unrelated_null(Figure::Normal, 0.6, &null, 0.05).unwrap().unwrap();
    assert_eq!((few.method, few.draws), (NullMethod::Student, 6));
    close(few.p, 0.0026655001584623026, 1e-9);
    close(conformal::student_p_value(&null, 0.6).unwrap(), few.p, 1e-12);
    let many: Vec<f64> = (0..19).map(f64::from).collect();
    let ranked = unrelated_null(Figure::Normal, 18.5, &many, 0.05).unwrap().unwrap();
    assert_eq!((ranked.method, ranked.p), (NullMethod::Rank, 0.05));
    assert_eq!(
        unrelated_null(Figure::Normal, 18.5, &many[..18], 0.05).unwrap().unwrap().method,
        NullMethod::Student
    );
    // No spread, no Student.
    let flat = unrelated_null(Figure::Normal, 0.9, &[0.1; 5], 0.05).unwrap().unwrap();
    assert_eq!((flat.method, flat.p), (NullMethod::Rank, 1.0 / 6.0));
    assert_eq!(conformal::student_p_value(&[0.1; 5], 0.9).unwrap(), 1.0 / 6.0);
    // A count is no normal figure, however few models there are.
    let count = unrelated_null(Figure::Any, 18.5, &many[..18], 0.05).unwrap().unwrap();
    assert_eq!((count.method, count.p), (NullMethod::Rank, 1.0 / 19.0));
    assert_eq!(unrelated_null(Figure::Normal, 0.9, &[0.1], 0.05).unwrap(), None);
    assert!(unrelated_null(Figure::Normal, 0.9, &[0.1, f64::INFINITY], 0.05).is_err());
}

#[test]
fn records_of_one_person_are_one() {
    let persons = ["ana", "bo", "ana", "cy", "bo", "bo"];
    let scores = [1.0, 5.0, 3.0, 2.0, 1.0, 0.0];
    let members = [true, false, true, false, true, false];
    let mean = person::reduce(&persons, &scores, &members, person::Reduction::Mean).unwrap();
    assert_eq!(mean.both_sides, ["bo"]);
    assert_eq!(mean.split(), (vec![2.0, 2.0], vec![2.0]));
    let max = person::reduce(&persons, &scores, &members, person::Reduction::Max).unwrap();
    assert_eq!(max.split(), (vec![3.0, 5.0], vec![2.0]));
    let strata = max.strata();
    let ranges: Vec<_> = strata.iter().map(|s| (s.fewest_records, s.most_records)).collect();
    assert_eq!(ranges, [(1, 1), (2, 2), (3, 4)]);
    assert_eq!((strata[2].members.as_slice(), strata[2].non_members.len()), ([5.0].as_slice(), 0));
    let torn = person::reduce(
        &["ana", "ana"],
        &[f64::INFINITY, f64::NEG_INFINITY],
        &[true, true],
        person::Reduction::Mean,
    );
    assert_eq!(torn.unwrap_err(), Error::NotANumber { what: "mean score of a person", position: 0 });
    assert!(person::reduce(&["ana"], &[1.0, 2.0], &[true], person::Reduction::Max).is_err());
}

#[test]
fn precision_depends_on_the_prior() {
    for (prior, expected, decimals) in [(0.5, 0.98, 2), (0.01, 0.34, 2), (0.0001, 0.005, 3)] {
        let ppv = precision::positive_predictive_value(prior, 0.05, 0.001).unwrap().unwrap();
        printed(ppv, expected, decimals);
    }
    assert_eq!(precision::positive_predictive_value(0.5, 0.0, 0.0).unwrap(), None);
}

#[test]
fn histograms_set_outliers_apart() {
    let members: Vec<f64> = (0..999).map(f64::from).chain([f64::INFINITY]).collect();
    let others: Vec<f64> = (0..999).map(f64::from).chain([-1e300]).collect();
    let histogram = Histogram::new(&members, &others, 10).unwrap();
    assert!(histogram.lower >= 0.0 && histogram.upper <= 998.0);
    assert!(histogram.members.above >= 1 && histogram.non_members.below >= 1);
    for bins in [&histogram.members, &histogram.non_members] {
        assert_eq!(bins.below + bins.above + bins.counts.iter().sum::<u64>(), 1_000);
        assert!(bins.counts.iter().all(|count| (90..=110).contains(count)));
    }
    let flat = Histogram::new(&[7.0; 3], &[7.0; 2], 4).unwrap();
    assert_eq!((flat.members.counts.iter().sum::<u64>(), flat.members.above), (3, 0));
    let wide = Histogram::new(&[f64::MAX], &[f64::MIN], 2).unwrap();
    assert_eq!((wide.members.counts[1], wide.non_members.counts[0]), (1, 1));
    let infinite = Histogram::new(&[f64::INFINITY], &[f64::NEG_INFINITY], 2).unwrap();
    assert_eq!((infinite.members.above, infinite.non_members.below), (1, 1));
    assert!(Histogram::new(&[1.0], &[1.0], 0).is_err());
}

#[test]
fn thinning_keeps_the_small_false_positives_and_both_ends() {
    let members: Vec<f64> = uniform(1, 20_000).into_iter().map(|score| score + 0.05).collect();
    let roc = Roc::new(&members, &uniform(2, 20_000)).unwrap();
    let thinned = roc.thinned(200);
    assert!(thinned.len() <= 200 && thinned.len() > 120, "{}", thinned.len());
    assert_eq!((thinned[0], thinned[thinned.len() - 1].fp), (roc.vertices()[0], 20_000));
    // Every vertex below 20 false positives is kept or lies on a straight line between two that are.
    for vertex in roc.vertices().iter().take_while(|vertex| vertex.fp < 20) {
        let on = |a: &Vertex, b: &Vertex| {
            (a.fp == b.fp && b.fp == vertex.fp && (a.tp..=b.tp).contains(&vertex.tp))
                || (a.tp == b.tp && b.tp == vertex.tp && (a.fp..=b.fp).contains(&vertex.fp))
        };
        let drawn = thinned.contains(vertex) || thinned.windows(2).any(|pair| on(&pair[0], &pair[1]));
        assert!(drawn, "{vertex:?}");
    }
    assert!(thinned.is_sorted_by_key(|vertex| (vertex.fp, vertex.tp)));
}

#[test]
fn bootstrap_is_fixed_by_its_seed_and_the_fast_path_agrees_with_the_slow() {
    let members: Vec<f64> = uniform(1, 300).into_iter().map(|s| ((s + 0.1) * 40.0).floor()).collect();
    let others: Vec<f64> = uniform(2, 400).into_iter().map(|s| (s * 40.0).floor()).collect();
    let roc = Roc::new(&members, &others).unwrap();
    let plan = bootstrap::Plan { replicates: 999, confidence: 0.95, seed: 7 };
    // The same draws reach the same people only when people stand in the same order.
    let descending = |scores: &[f64]| {
        let mut scores = scores.to_vec();
        scores.sort_by(|a, b| b.total_cmp(a));
        scores
    };
    let (a, b) = (descending(&members), descending(&others));
    let slow = bootstrap::percentile_interval(&a, &b, &plan, |a, b| Roc::new(a, b).unwrap().auc()).unwrap();
    let figures = bootstrap::figures(&roc, &[0.05, 0.01, 1.0], &plan, 3).unwrap();
    assert_eq!(figures, bootstrap::figures(&roc, &[0.05, 0.01, 1.0], &plan, 1).unwrap());
    let fast = figures.auc;
    assert_eq!(slow, fast);
    let slow = bootstrap::percentile_interval(&a, &b, &plan, |a, b| {
        let roc = Roc::new(a, b).unwrap();
        roc.tpr(&roc.tpr_at(0.05).unwrap())
    });
    assert_eq!(slow.unwrap(), figures.tpr[0]);
    assert!(figures.tpr[1].lower < figures.tpr[0].lower);
    assert_eq!((figures.tpr[2].lower, figures.tpr[2].upper), (1.0, 1.0));
    let delong = delong::auc_interval(&roc, 0.95).unwrap().interval;
    assert!((delong.lower - fast.lower).abs() < 0.01 && (delong.upper - fast.upper).abs() < 0.01);
    let few = bootstrap::Plan { replicates: 38, ..plan };
    assert_eq!(
        bootstrap::figures(&roc, &[], &few, 2).unwrap_err(),
        Error::TooFew { what: "bootstrap replicates", needed: 39, got: 38 }
    );
    assert!(bootstrap::figures(&roc, &[], &bootstrap::Plan { replicates: 39, ..plan }, 64).is_ok());
}
