//! Intervals and the parameters that they name.

use paname_stats::{Result, Roc, binomial, bootstrap, delong, difference, level};
use rand_core::Rng;
use rand_pcg::Pcg64;

use super::{AUDITS, MOST, at_most, normals, simulate, tell, uniform};

/// Misses of the area by `DeLong`'s interval and by the bootstrap. The parameter: P[member > non-member] = Φ(1 / √2).
fn missed_area(audits: u64, seed: u64, replicates: u32) -> Result<[u64; 2]> {
    let truth = 0.760_249_938_906_523_5;
    let mut missed = [0; 2];
    simulate(audits, seed, |generator| {
        let (members, others) = (normals(generator, 150, 1.0), normals(generator, 150, 0.0));
        let roc = Roc::new(&members, &others)?;
        let plan = bootstrap::Plan { replicates, confidence: 0.95, seed: generator.next_u64() };
        let intervals =
            [delong::auc_interval(&roc, 0.95)?.interval, bootstrap::figures(&roc, &[], &plan, 1)?.auc];
        for (missed, interval) in missed.iter_mut().zip(intervals) {
            *missed += u64::from(!interval.contains(truth));
        }
        Ok(false)
    })?;
    Ok(missed)
}

#[test]
fn coverage_of_the_area() {
    let missed = missed_area(AUDITS, 5, 199).unwrap();
    assert!(missed.iter().all(|missed| *missed <= MOST), "{missed:?}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_coverage_of_the_area() {
    let [delong, bootstrap] = missed_area(4_000, 71, 999).unwrap();
    // Both are approximate: DeLong's interval keeps its level here, the percentile bootstrap nearly.
    at_most("misses of DeLong's interval of the area", 0.05, delong, 4_000);
    at_most("misses of the bootstrap's interval of the area", 0.06, bootstrap, 4_000);
}

/// Exponential scores: P[score > t] = exp(-t / scale).
fn exponential(generator: &mut Pcg64, count: usize, scale: f64) -> Vec<f64> {
    (0..count).map(|_| -scale * (1.0 - uniform(generator)).ln()).collect()
}

/// Misses of both rates, and the mean false positive rate, at a calibrated threshold. The parameters: the rates of fresh members
/// and non-members above this very threshold.
fn missed_rates(audits: u64, seed: u64) -> Result<([u64; 2], f64)> {
    let (mut missed, mut mean_fpr) = ([0; 2], 0.0);
    simulate(audits, seed, |generator| {
        let (calibration, others) = (exponential(generator, 200, 1.0), exponential(generator, 400, 1.0));
        let members = exponential(generator, 300, 2.0);
        let figure = level::at_calibrated_threshold(&calibration, &members, &others, 0.01, 0.95)?;
        let (tpr, fpr) = ((-figure.threshold / 2.0).exp(), (-figure.threshold).exp());
        mean_fpr += fpr / audits as f64;
        missed[0] += u64::from(!figure.tpr.interval.contains(tpr));
        missed[1] += u64::from(!figure.fpr.interval.contains(fpr));
        Ok(false)
    })?;
    Ok((missed, mean_fpr))
}

#[test]
fn coverage_of_both_rates_at_a_calibrated_threshold() {
    let (missed, mean_fpr) = missed_rates(AUDITS, 6).unwrap();
    assert!(missed.iter().all(|missed| *missed <= MOST), "{missed:?}");
    // The rank rule promises the level on average.
    assert!(mean_fpr <= 0.0105, "{mean_fpr}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_coverage_of_both_rates_at_a_calibrated_threshold() {
    let (missed, mean_fpr) = missed_rates(5_000, 72).unwrap();
    at_most("misses of the true positive rate at a calibrated threshold", 0.05, missed[0], 5_000);
    at_most("misses of the false positive rate at a calibrated threshold", 0.05, missed[1], 5_000);
    let what = "mean false positive rate at a threshold calibrated for 1 %";
    tell(what, "0.0095 to 0.0102", &format!("{mean_fpr:.4}"), 5_000);
    assert!((0.0095..0.0102).contains(&mean_fpr), "{mean_fpr}");
}

/// Misses of the true positive rate at 1 % read off the same data: the exact interval, the bootstrap, and what must not be
/// printed, Clopper-Pearson's interval at the chosen threshold taken for the rate at the level. The parameter: the rate of
/// fresh members above the threshold whose true false positive rate is 1 %; members are twice as large, so √0.01 = 0.1.
fn missed_rate_at_level(audits: u64, seed: u64, replicates: u32) -> Result<[u64; 3]> {
    let mut missed = [0; 3];
    simulate(audits, seed, |generator| {
        let roc = Roc::new(&exponential(generator, 1_000, 2.0), &exponential(generator, 1_000, 1.0))?;
        let figure = level::tpr_at_level(&roc, 0.01, 0.95)?;
        let plan = bootstrap::Plan { replicates, confidence: 0.95, seed: generator.next_u64() };
        let intervals = [
            figure.interval,
            bootstrap::figures(&roc, &[0.01], &plan, 1)?.tpr[0],
            binomial::clopper_pearson(figure.vertex.tp, 1_000, 0.95)?,
        ];
        for (missed, interval) in missed.iter_mut().zip(intervals) {
            *missed += u64::from(!interval.contains(0.1));
        }
        Ok(false)
    })?;
    Ok(missed)
}

#[test]
fn coverage_of_the_true_positive_rate_at_a_level_read_off_the_same_data() {
    let [exact, bootstrap, chosen] = missed_rate_at_level(AUDITS, 7, 199).unwrap();
    assert!(exact <= MOST, "{exact}");
    // The bootstrap covers 0.92 to 0.98 in such settings.
    assert!(bootstrap <= 30, "{bootstrap}");
    assert!(chosen > 2 * MOST, "{chosen}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_coverage_of_the_true_positive_rate_at_a_level() {
    let [exact, bootstrap, chosen] = missed_rate_at_level(2_000, 73, 999).unwrap();
    at_most(
        "misses of the exact interval of the true positive rate at 1 %, read off the same data",
        0.05,
        exact,
        2_000,
    );
    at_most("misses of the bootstrap's interval of the same", 0.08, bootstrap, 2_000);
    // Coverage of 0.62 was computed elsewhere.
    let what =
        "misses of Clopper and Pearson's interval at the chosen threshold, which is therefore not printed";
    tell(what, "600 to 900", &chosen.to_string(), 2_000);
    assert!((600..=900).contains(&chosen), "{chosen}");
}

/// Misses of the difference of two rates, independent and paired. Newcombe's intervals are approximate.
fn missed_differences(audits: u64, seed: u64) -> Result<[u64; 2]> {
    let mut missed = [0; 2];
    simulate(audits, seed, |generator| {
        let mut hits =
            |count: u32, rate: f64| (0..count).filter(|_| uniform(generator) < rate).count() as u64;
        let (first, second) = (hits(60, 0.3), hits(80, 0.1));
        let independent = difference::independent([first, 60], [second, 80], 0.95)?;
        missed[0] += u64::from(!independent.contains(0.2));
        let mut counts = difference::PairedCounts { both: 0, first_only: 0, second_only: 0, neither: 0 };
        for _ in 0..70 {
            let u = uniform(generator);
            *(if u < 0.3 {
                &mut counts.both
            } else if u < 0.5 {
                &mut counts.first_only
            } else if u < 0.6 {
                &mut counts.second_only
            } else {
                &mut counts.neither
            }) += 1;
        }
        missed[1] += u64::from(!difference::paired(counts, 0.95)?.contains(0.1));
        Ok(false)
    })?;
    Ok(missed)
}

#[test]
fn coverage_of_differences() {
    let missed = missed_differences(AUDITS, 74).unwrap();
    assert!(missed.iter().all(|missed| *missed <= MOST), "{missed:?}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_coverage_of_differences() {
    let missed = missed_differences(20_000, 75).unwrap();
    at_most("misses of Newcombe's interval of a difference, independent", 0.055, missed[0], 20_000);
    at_most("misses of Newcombe's interval of a difference, paired", 0.055, missed[1], 20_000);
}
