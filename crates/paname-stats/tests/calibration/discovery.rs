//! People named, and permuted memberships.

use paname_stats::permutation::{self, Permutations, Ranked};
use paname_stats::{Result, conformal, discovery};
use rand_pcg::Pcg64;

use super::{AUDITS, MOST, at_most, normal, normals, simulate, tell};

/// The mean share of non-members among those named, by p-values of a kind, at a prior of one fifth.
fn mean_realised(audits: u64, seed: u64, p_value: impl Fn(&[f64], f64) -> Result<f64>) -> Result<f64> {
    let mut sum = 0.0;
    simulate(audits, seed, |generator| {
        let mut p_values = |shift: f64| -> Result<Vec<f64>> {
            (0..500)
                .map(|_| {
                    // Each record has its own centre and spread, and sixteen models that never saw it.
                    let (centre, spread) = (normal(generator), (0.5 * normal(generator)).exp());
                    let null: Vec<f64> = (0..16).map(|_| centre + spread * normal(generator)).collect();
                    p_value(&null, centre + spread * (shift + normal(generator)))
                })
                .collect()
        };
        let (members, others) = (p_values(2.0)?, p_values(0.0)?);
        sum += discovery::inferable(&members, &others, 0.2, 0.05)?.realised.unwrap_or(0.0);
        Ok(false)
    })?;
    Ok(sum / audits as f64)
}

/// The upper tail of the standard normal, to six digits (Abramowitz and Stegun 26.2.17).
fn gaussian_tail(z: f64) -> f64 {
    let t = 1.0 / (1.0 + 0.231_641_9 * z.abs());
    let poly = t
        * (0.319_381_530
            + t * (-0.356_563_782 + t * (1.781_477_937 + t * (-1.821_255_978 + t * 1.330_274_429))));
    let tail = (-0.5 * z * z).exp() / std::f64::consts::TAU.sqrt() * poly;
    if z > 0.0 { tail } else { 1.0 - tail }
}

fn gaussian(null: &[f64], observed: f64) -> f64 {
    let n = null.len() as f64;
    let mean = null.iter().sum::<f64>() / n;
    let variance = null.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / n;
    gaussian_tail((observed - mean) / variance.sqrt())
}

#[test]
fn a_gaussian_with_an_estimated_spread_names_too_many_non_members() {
    // On digits with 16 models a record the shares were 16.9 % and 4.1 to 4.5 %, at a nominal 5 %.
    let student = mean_realised(100, 21, conformal::student_p_value).unwrap();
    let gaussian = mean_realised(100, 21, |null, observed| Ok(gaussian(null, observed))).unwrap();
    assert!(student < 0.05 && gaussian > 0.1, "{student} {gaussian}");
}

#[test]
#[ignore = "a minute of simulation"]
fn validate_false_discoveries_of_student_p_values() {
    let student = mean_realised(1_000, 22, conformal::student_p_value).unwrap();
    // Four fifths of the pool are null: the rate kept is four fifths of the nominal one.
    tell(
        "share of non-members among those named by Student p-values, at 5 %",
        "0.025 to 0.042",
        &format!("{student:.4}"),
        1_000,
    );
    assert!((0.025..0.042).contains(&student), "{student}");
}

/// Mean and standard error of the realised share with conformal p-values in a pool weighted to a prior.
fn weighted_realised(audits: u64, seed: u64, prior: f64) -> Result<(f64, f64, f64)> {
    let (mut sum, mut square, mut named) = (0.0, 0.0, 0.0);
    simulate(audits, seed, |generator| {
        let calibration = normals(generator, 1_000, 0.0);
        let (members, others) = (normals(generator, 100, 4.0), normals(generator, 200, 0.0));
        let members = conformal::conformal_p_values(&calibration, &members)?;
        let others = conformal::conformal_p_values(&calibration, &others)?;
        let found = discovery::inferable(&members, &others, prior, 0.2)?;
        let realised = found.realised.unwrap_or(0.0);
        (sum, square) = (sum + realised, square + realised * realised);
        named += found.members as f64;
        Ok(false)
    })?;
    let n = audits as f64;
    let mean = sum / n;
    Ok((mean, ((square / n - mean * mean) / n).sqrt(), named / n))
}

#[test]
fn weights_keep_the_false_discovery_rate_at_the_declared_prior() {
    for prior in [0.5, 0.1] {
        let (mean, error, named) = weighted_realised(200, 23, prior).unwrap();
        assert!(mean - 2.33 * error <= 0.2 * (1.0 - prior), "{prior}: {mean} {error}");
        assert!(named > 50.0, "{prior}: {named}");
    }
}

#[test]
#[ignore = "a minute of simulation"]
fn validate_weights_keep_the_false_discovery_rate() {
    for prior in [0.5, 0.2, 0.1, 0.05] {
        let (mean, error, _) = weighted_realised(5_000, 24, prior).unwrap();
        let what = format!("share of non-members among those named at 20 %, prior {prior}");
        let expected = format!("≤ {:.2} within 2.33 standard errors", 0.2 * (1.0 - prior));
        tell(&what, &expected, &format!("{mean:.4} ± {error:.4}"), 5_000);
        assert!(mean - 2.33 * error <= 0.2 * (1.0 - prior), "{prior}: {mean} {error}");
    }
}

/// Alarms of the permutation test on 20 members and 20 others, by the area, and by the best of three attacks.
fn permutation_alarms(audits: u64, seed: u64) -> Result<[u64; 2]> {
    let mut alarms = [0; 2];
    let members: Vec<bool> = (0..40).map(|unit| unit < 20).collect();
    simulate(audits, seed, |generator: &mut Pcg64| {
        let mut ranked = Vec::new();
        for _ in 0..3 {
            ranked.push(Ranked::new(&normals(generator, 40, 0.0))?);
        }
        let plan = Permutations { count: 999, seed: rand_core::Rng::next_u64(generator) };
        let tests = permutation::max_statistic(&members, 3, plan, |test, labels| ranked[test].auc(labels))?;
        alarms[0] += u64::from(tests[0].p <= 0.05);
        alarms[1] += u64::from(tests.iter().any(|test| test.adjusted <= 0.05));
        Ok(false)
    })?;
    Ok(alarms)
}

#[test]
fn false_alarms_of_permutation_tests() {
    let alarms = permutation_alarms(AUDITS, 25).unwrap();
    assert!(alarms.iter().all(|alarms| (2..=MOST).contains(alarms)), "{alarms:?}");
}

#[test]
#[ignore = "a minute of simulation"]
fn validate_false_alarms_of_permutation_tests() {
    let alarms = permutation_alarms(2_000, 26).unwrap();
    at_most("false alarms of one permutation test, more than 60", 0.05, alarms[0], 2_000);
    at_most("false alarms of the best of three, corrected, more than 60", 0.05, alarms[1], 2_000);
    assert!(alarms.iter().all(|alarms| *alarms > 60), "{alarms:?}");
}
