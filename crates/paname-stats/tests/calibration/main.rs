//! False-alarm rates and coverage over simulated audits. A test at 5 % passes over 200 audits if it alarms at most 18
//! times: beyond that, the one-sided 99 % lower bound on its false-alarm rate exceeds 5 %. Coverage at 95 % likewise
//! allows 18 misses of 200. Seeds are fixed, so a failure is a change of behaviour, not bad luck.

mod discovery;
mod evalue;
mod privacy;

use paname_stats::{Result, Roc, binomial, bootstrap, conformal, delong, level, multiple, unrelated};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

const AUDITS: u64 = 200;
const MOST: u64 = 18;

/// How many of the simulated audits answer yes.
fn count(seed: u64, mut audit: impl FnMut(&mut Pcg64) -> bool) -> u64 {
    let mut generator = Pcg64::seed_from_u64(seed);
    (0..AUDITS).filter(|_| audit(&mut generator)).count() as u64
}

/// How many of `audits` simulated audits answer yes.
fn simulate(audits: u64, seed: u64, mut audit: impl FnMut(&mut Pcg64) -> Result<bool>) -> Result<u64> {
    let mut generator = Pcg64::seed_from_u64(seed);
    let mut yes = 0;
    for _ in 0..audits {
        yes += u64::from(audit(&mut generator)?);
    }
    Ok(yes)
}

/// The most alarms, or misses, of `audits` with which a rate of `rate` passes: 18 of 200 and 67 of 1 000 at 5 %.
fn most(audits: u64, rate: f64) -> u64 {
    let passes = |k: &u64| binomial::clopper_pearson_lower(*k, audits, 0.01).is_ok_and(|lower| lower <= rate);
    (0..=audits).take_while(passes).last().unwrap_or(0)
}

fn uniform(generator: &mut Pcg64) -> f64 {
    (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64
}

/// A standard normal score (Box and Muller).
fn normal(generator: &mut Pcg64) -> f64 {
    let radius = (-2.0 * (1.0 - uniform(generator)).ln()).sqrt();
    radius * (std::f64::consts::TAU * uniform(generator)).cos()
}

fn normals(generator: &mut Pcg64, count: usize, mean: f64) -> Vec<f64> {
    (0..count).map(|_| mean + normal(generator)).collect()
}

#[test]
fn the_allowed_number_of_alarms_is_the_exact_one() {
    assert_eq!((most(AUDITS, 0.05), most(1_000, 0.05)), (MOST, 67));
}

#[test]
fn false_alarms_of_the_tests_on_exchangeable_scores() {
    let mut alarms = [0_u64; 3];
    count(11, |generator| {
        let (members, others) = (normals(generator, 300, 0.0), normals(generator, 400, 0.0));
        let calibration = normals(generator, 200, 0.0);
        let roc = Roc::new(&members, &others).unwrap();
        let fixed = level::at_calibrated_threshold(&calibration, &members, &others, 0.05, 0.95).unwrap();
        let second = (normals(generator, 300, 0.0), normals(generator, 400, 0.0));
        let first = delong::Paired { members: &members, non_members: &others };
        let second = delong::Paired { members: &second.0, non_members: &second.1 };
        let p = [
            delong::mann_whitney_p(&roc),
            fixed.p,
            delong::auc_difference(first, second, 0.95).unwrap().p_greater,
        ];
        for (alarm, p) in alarms.iter_mut().zip(p) {
            *alarm += u64::from(p <= 0.05);
        }
        false
    });
    assert!(alarms.iter().all(|alarms| *alarms <= MOST), "{alarms:?}");
    // The rank test and DeLong's are not merely conservative.
    assert!(alarms[0] >= 2 && alarms[2] >= 2, "{alarms:?}");
}

#[test]
fn false_alarms_of_the_null_by_unrelated_models() {
    for models in [4, 19] {
        let alarms = count(models as u64, |generator| {
            let null = normals(generator, models, 0.6);
            let observed = 0.6 + normal(generator);
            unrelated::unrelated_null(observed, &null, 0.05).unwrap().unwrap().p <= 0.05
        });
        assert!((2..=MOST).contains(&alarms), "{models} models: {alarms}");
    }
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

#[test]
fn false_discoveries_of_conformal_p_values_in_a_mixed_pool() {
    let mut generator = Pcg64::seed_from_u64(4);
    let mut proportion = 0.0;
    for _ in 0..AUDITS {
        let calibration = normals(&mut generator, 500, 0.0);
        let mut pool = normals(&mut generator, 100, 3.5);
        pool.extend(normals(&mut generator, 100, 0.0));
        let p = conformal::conformal_p_values(&calibration, &pool).unwrap();
        let adjusted = multiple::benjamini_hochberg(&p).unwrap();
        let found = adjusted.iter().filter(|p| **p <= 0.1).count();
        let wrong = adjusted[100..].iter().filter(|p| **p <= 0.1).count();
        proportion += wrong as f64 / found.max(1) as f64 / AUDITS as f64;
    }
    // Half the pool is null, so the expected proportion is at most 0.05.
    assert!(proportion > 0.01 && proportion < 0.06, "{proportion}");
}

#[test]
fn coverage_of_the_area() {
    // The parameter: P[member > non-member] = Φ(1 / √2).
    let truth = 0.760_249_938_906_523_5;
    let mut missed = [0_u64; 2];
    count(5, |generator| {
        let (members, others) = (normals(generator, 150, 1.0), normals(generator, 150, 0.0));
        let roc = Roc::new(&members, &others).unwrap();
        let plan = bootstrap::Plan { replicates: 199, confidence: 0.95, seed: generator.next_u64() };
        let intervals = [
            delong::auc_interval(&roc, 0.95).unwrap().interval,
            bootstrap::figures(&roc, &[], &plan, 1).unwrap().auc,
        ];
        for (missed, interval) in missed.iter_mut().zip(intervals) {
            *missed += u64::from(!interval.contains(truth));
        }
        false
    });
    assert!(missed.iter().all(|missed| *missed <= MOST), "{missed:?}");
}

#[test]
fn coverage_of_both_rates_at_a_calibrated_threshold() {
    // The parameters: the rates of fresh members and non-members above this very threshold.
    let mut missed = [0_u64; 2];
    let mut mean_fpr = 0.0;
    count(6, |generator| {
        // Exponential scores: P[score > t] = exp(-t); members twice as large.
        let mut draw = |count: usize, scale: f64| -> Vec<f64> {
            (0..count).map(|_| -scale * (1.0 - uniform(generator)).ln()).collect()
        };
        let (calibration, others, members) = (draw(200, 1.0), draw(400, 1.0), draw(300, 2.0));
        let figure = level::at_calibrated_threshold(&calibration, &members, &others, 0.01, 0.95).unwrap();
        let (tpr, fpr) = ((-figure.threshold / 2.0).exp(), (-figure.threshold).exp());
        mean_fpr += fpr / AUDITS as f64;
        missed[0] += u64::from(!figure.tpr.interval.contains(tpr));
        missed[1] += u64::from(!figure.fpr.interval.contains(fpr));
        false
    });
    assert!(missed.iter().all(|missed| *missed <= MOST), "{missed:?}");
    // The rank rule promises the level on average.
    assert!(mean_fpr <= 0.0105, "{mean_fpr}");
}

#[test]
fn coverage_of_the_true_positive_rate_at_a_level_read_off_the_same_data() {
    // The parameter: the rate of fresh members above the threshold whose true false positive rate is 1 %. With
    // exponential scores and members twice as large, that is √0.01 = 0.1.
    let mut missed = [0_u64; 3];
    count(7, |generator| {
        let mut draw = |scale: f64| -> Vec<f64> {
            (0..1_000).map(|_| -scale * (1.0 - uniform(generator)).ln()).collect()
        };
        let roc = Roc::new(&draw(2.0), &draw(1.0)).unwrap();
        let figure = level::tpr_at_level(&roc, 0.01, 0.95).unwrap();
        let plan = bootstrap::Plan { replicates: 199, confidence: 0.95, seed: generator.next_u64() };
        let intervals = [
            figure.interval,
            bootstrap::figures(&roc, &[0.01], &plan, 1).unwrap().tpr[0],
            binomial::clopper_pearson(figure.vertex.tp, 1_000, 0.95).unwrap(),
        ];
        for (missed, interval) in missed.iter_mut().zip(intervals) {
            *missed += u64::from(!interval.contains(0.1));
        }
        false
    });
    let [exact, bootstrap, at_the_chosen_threshold] = missed;
    assert!(exact <= MOST, "{missed:?}");
    // The bootstrap covers 0.92 to 0.98 in such settings.
    assert!(bootstrap <= 30, "{missed:?}");
    // What must not be printed: the interval at the chosen threshold, taken for the rate at the level.
    assert!(at_the_chosen_threshold > 2 * MOST, "{missed:?}");
}
