//! The tests behind "leak demonstrated", where there is none.

use paname_stats::{Result, Roc, binomial, conformal, delong, level, multiple, rank_sum, unrelated};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use super::{AUDITS, MOST, at_most, normal, normals, simulate, tell};

/// Alarms on exchangeable scores: the rank test, Fisher's at a calibrated threshold, `DeLong`'s between two attacks.
fn alarms_of_tests(audits: u64, seed: u64) -> Result<[u64; 3]> {
    let mut alarms = [0; 3];
    simulate(audits, seed, |generator| {
        let (members, others) = (normals(generator, 300, 0.0), normals(generator, 400, 0.0));
        let calibration = normals(generator, 200, 0.0);
        let roc = Roc::new(&members, &others)?;
        let fixed = level::at_calibrated_threshold(&calibration, &members, &others, 0.05, 0.95)?;
        let second = (normals(generator, 300, 0.0), normals(generator, 400, 0.0));
        let first = delong::Paired { members: &members, non_members: &others };
        let second = delong::Paired { members: &second.0, non_members: &second.1 };
        let p =
            [rank_sum::mann_whitney_p(&roc), fixed.p, delong::auc_difference(first, second, 0.95)?.p_greater];
        for (alarm, p) in alarms.iter_mut().zip(p) {
            *alarm += u64::from(p <= 0.05);
        }
        Ok(false)
    })?;
    Ok(alarms)
}

#[test]
fn false_alarms_of_the_tests_on_exchangeable_scores() {
    let alarms = alarms_of_tests(AUDITS, 11).unwrap();
    assert!(alarms.iter().all(|alarms| *alarms <= MOST), "{alarms:?}");
    // The rank test and DeLong's are not merely conservative.
    assert!(alarms[0] >= 2 && alarms[2] >= 2, "{alarms:?}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_false_alarms_of_the_tests() {
    let alarms = alarms_of_tests(5_000, 12).unwrap();
    for (alarms, test) in alarms.iter().zip([
        "the rank test",
        "Fisher's test at a calibrated threshold",
        "DeLong's between two attacks",
    ]) {
        at_most(&format!("false alarms of {test}"), 0.05, *alarms, 5_000);
    }
    assert!(alarms[0] >= 150 && alarms[2] >= 150, "{alarms:?}");
}

/// Alarms of the rank test on votes of three levels, nearly all of one, of ten times as many members as others.
fn alarms_of_votes(audits: u64, seed: u64, alpha: f64) -> Result<u64> {
    simulate(audits, seed, |generator| {
        let mut votes = |count: usize| -> Vec<f64> {
            let level = |x: f64| {
                if x < -2.3 {
                    0.0
                } else if x < -2.0 {
                    1.0
                } else {
                    2.0
                }
            };
            normals(generator, count, 0.0).into_iter().map(level).collect()
        };
        let (members, others) = (votes(1000), votes(100));
        Ok(rank_sum::mann_whitney_p(&Roc::new(&members, &others)?) <= alpha)
    })
}

#[test]
fn false_alarms_of_the_rank_test_on_votes() {
    assert!(alarms_of_votes(AUDITS, 15, 0.05).unwrap() <= MOST);
}

#[test]
#[ignore = "thousands of audits"]
fn validate_false_alarms_of_the_rank_test_on_votes() {
    for (alpha, seed) in [(0.05, 16), (0.05 / 30.0, 17)] {
        let what = format!(
            "false alarms of the rank test on three levels, 1,000 members, 100 others, at {alpha:.4}"
        );
        at_most(&what, alpha, alarms_of_votes(5_000, seed, alpha).unwrap(), 5_000);
    }
}

/// Alarms of the null by so many unrelated models.
fn alarms_of_unrelated(audits: u64, seed: u64, models: usize) -> Result<u64> {
    simulate(audits, seed, |generator| {
        let null = normals(generator, models, 0.6);
        let observed = 0.6 + normal(generator);
        Ok(unrelated::unrelated_null(unrelated::Figure::Normal, observed, &null, 0.05)?
            .is_some_and(|null| null.p <= 0.05))
    })
}

#[test]
fn false_alarms_of_the_null_by_unrelated_models() {
    for models in [4, 19] {
        let alarms = alarms_of_unrelated(AUDITS, models as u64, models).unwrap();
        assert!((2..=MOST).contains(&alarms), "{models} models: {alarms}");
    }
}

#[test]
#[ignore = "thousands of audits"]
fn validate_false_alarms_of_the_null_by_unrelated_models() {
    for models in [2, 4, 8, 19, 64] {
        let alarms = alarms_of_unrelated(10_000, models as u64, models).unwrap();
        at_most(
            &format!("false alarms of the null by {models} unrelated models, at least 350"),
            0.05,
            alarms,
            10_000,
        );
        assert!(alarms >= 350, "{models} models: {alarms}");
    }
}

/// Audits in which Holm's correction lets any of ten tests on the same records alarm.
fn family_alarms(audits: u64, seed: u64) -> Result<u64> {
    simulate(audits, seed, |generator| {
        let common = normals(generator, 200, 0.0);
        let mut p = Vec::new();
        for _ in 0..10 {
            let scores: Vec<f64> = common.iter().map(|score| score + normal(generator)).collect();
            p.push(rank_sum::mann_whitney_p(&Roc::new(&scores[..100], &scores[100..])?));
        }
        Ok(multiple::holm(&p)?.iter().any(|p| *p <= 0.05))
    })
}

#[test]
fn false_alarms_of_a_whole_audit() {
    assert!(family_alarms(AUDITS, 13).unwrap() <= MOST);
}

#[test]
#[ignore = "thousands of audits"]
fn validate_false_alarms_of_a_whole_audit() {
    at_most(
        "false alarms of any of ten tests on the same records, corrected by Holm",
        0.05,
        family_alarms(5_000, 14).unwrap(),
        5_000,
    );
}

#[test]
fn student_p_values_alarm_no_more_than_stated_where_a_gaussian_would() {
    // 16 models a record: the Gaussian with estimated moments is known to be anti-conservative far in the tail.
    let mut generator = Pcg64::seed_from_u64(3);
    let records = 20_000;
    let (mut student, mut gaussian) = (0, 0);
    for _ in 0..records {
        let null = normals(&mut generator, 16, 0.0);
        let observed = normal(&mut generator);
        let mean = null.iter().sum::<f64>() / 16.0;
        let deviation = (null.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / 15.0).sqrt();
        // 3.0902 is the normal quantile of 0.999.
        gaussian += u64::from((observed - mean) / deviation > 3.0902);
        student += u64::from(conformal::student_p_value(&null, observed).unwrap() <= 0.001);
    }
    assert!(binomial::clopper_pearson_lower(student, records, 0.01).unwrap() <= 0.001, "{student}");
    assert!(binomial::clopper_pearson_lower(gaussian, records, 0.01).unwrap() > 0.001, "{gaussian}");
}

/// The mean share of false discoveries among conformal p-values at 10 %, half the pool being null.
fn false_discoveries(audits: u64, seed: u64) -> Result<f64> {
    let mut proportion = 0.0;
    simulate(audits, seed, |generator| {
        let calibration = normals(generator, 500, 0.0);
        let mut pool = normals(generator, 100, 3.5);
        pool.extend(normals(generator, 100, 0.0));
        let p = conformal::conformal_p_values(&calibration, &pool)?;
        let adjusted = multiple::benjamini_hochberg(&p)?;
        let found = adjusted.iter().filter(|p| **p <= 0.1).count();
        let wrong = adjusted[100..].iter().filter(|p| **p <= 0.1).count();
        proportion += wrong as f64 / found.max(1) as f64 / audits as f64;
        Ok(false)
    })?;
    Ok(proportion)
}

#[test]
fn false_discoveries_of_conformal_p_values_in_a_mixed_pool() {
    // The expected proportion is at most 0.05.
    let proportion = false_discoveries(AUDITS, 4).unwrap();
    assert!(proportion > 0.01 && proportion < 0.06, "{proportion}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_false_discoveries_of_conformal_p_values() {
    let proportion = false_discoveries(5_000, 15).unwrap();
    let what = "share of false discoveries of conformal p-values at 10 %, half the pool null";
    tell(what, "0.04 to 0.0525", &format!("{proportion:.4}"), 5_000);
    assert!(proportion > 0.04 && proportion < 0.0525, "{proportion}");
}

/// Audits that find a planted leak: 8 % of the members score above everybody else, at 1 % false positives.
fn found(audits: u64, seed: u64, members: usize) -> Result<u64> {
    simulate(audits, seed, |generator| {
        let (calibration, others) = (normals(generator, 500, 0.0), normals(generator, 500, 0.0));
        let mut inside = normals(generator, members, 0.0);
        let exposed = members * 8 / 100;
        inside[..exposed].fill(10.0);
        Ok(level::at_calibrated_threshold(&calibration, &inside, &others, 0.01, 0.95)?.p <= 0.05)
    })
}

#[test]
fn a_planted_leak_is_found() {
    assert!(found(AUDITS, 16, 300).unwrap() >= AUDITS * 9 / 10);
}

#[test]
#[ignore = "thousands of audits"]
fn validate_a_planted_leak_is_found() {
    let found = found(2_000, 17, 300).unwrap();
    tell(
        "planted leak found: 8 % of 300 members above everybody",
        "at least 1900",
        &found.to_string(),
        2_000,
    );
    assert!(found >= 1_900, "{found}");
}
