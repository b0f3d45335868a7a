//! Lower bounds on parameters that are known: the bound may lie above the truth in one audit of twenty.

use paname_stats::epsilon::{self, ThresholdPolicy};
use paname_stats::one_run::{self, Guesses};
use paname_stats::{Result, Roc};
use rand_core::Rng;
use rand_pcg::Pcg64;

use super::{AUDITS, at_most, most, normal, simulate, uniform};

/// Coins, and what randomised response says of each: the truth with odds e^ε, which is exactly ε-differentially private.
fn randomised_response(generator: &mut Pcg64, canaries: u64, epsilon: f64) -> [[u64; 2]; 2] {
    let honest = 1.0 / (1.0 + (-epsilon).exp());
    let mut table = [[0; 2]; 2];
    for _ in 0..canaries {
        let coin = generator.next_u64() >> 63;
        let said = if uniform(generator) < honest { coin } else { 1 - coin };
        table[coin as usize][said as usize] += 1;
    }
    table
}

/// Audits in which bounds by counts, by one run, and by one run with curves exceed the truth.
fn above_the_truth(audits: u64, seed: u64, epsilon: f64) -> Result<[u64; 3]> {
    let mut above = [0; 3];
    simulate(audits, seed, |generator| {
        let [[tn, fp], [fn_, tp]] = randomised_response(generator, 400, epsilon);
        let guesses = Guesses { canaries: 400, made: 400, right: tp + tn };
        let bounds = [
            epsilon::lower_bound(tp, tp + fn_, fp, fp + tn, 0.0, 0.05)?,
            one_run::lower_bound(guesses, 0.0, 0.05)?,
            one_run::curve_lower_bound(guesses, 0.0, 0.05)?,
        ];
        for (above, bound) in above.iter_mut().zip(bounds) {
            *above += u64::from(bound > epsilon);
        }
        Ok(false)
    })?;
    Ok(above)
}

#[test]
fn bounds_stay_below_the_truth_under_randomised_response() {
    for (seed, epsilon) in [(31, 0.5), (32, 2.0)] {
        let above = above_the_truth(AUDITS, seed, epsilon).unwrap();
        assert!(above.iter().all(|above| *above <= most(AUDITS, 0.05)), "{epsilon}: {above:?}");
    }
}

#[test]
#[ignore = "a minute of simulation"]
fn validate_bounds_under_randomised_response() {
    for (seed, epsilon) in [(33, 0.1), (34, 1.0), (35, 3.0)] {
        let above = above_the_truth(4_000, seed, epsilon).unwrap();
        for (above, bound) in above.iter().zip(["counts", "one run", "one run with curves"]) {
            at_most(
                &format!("bound by {bound} above ε = {epsilon} of randomised response"),
                0.05,
                *above,
                4_000,
            );
        }
        // The one-run bound without slack is exact but for the steps of the binomial.
        assert!(above[1] > 40, "{epsilon}: {above:?}");
    }
}

/// Audits in which the bound exceeds the ε of Laplace noise, by the best of a list and by a split.
fn laplace_above(audits: u64, seed: u64) -> Result<[u64; 2]> {
    let mut above = [0; 2];
    simulate(audits, seed, |generator| {
        let mut scores = |centre: f64| -> Vec<f64> {
            let draw = |u: f64| if u < 0.5 { (2.0 * u).ln() } else { -(2.0 - 2.0 * u).ln() };
            (0..120).map(|_| centre + draw(uniform(generator))).collect()
        };
        let (members, others) = (scores(1.0), scores(0.0));
        let list = ThresholdPolicy::Bonferroni((-20..=20).map(|i| 0.2 * f64::from(i)).collect());
        for (above, policy) in
            above.iter_mut().zip([list, ThresholdPolicy::Split { seed: generator.next_u64() }])
        {
            let bound = epsilon::from_scores(&members, &others, &policy, 0.0, 0.05)?;
            *above += u64::from(bound.epsilon > 1.0);
        }
        Ok(false)
    })?;
    Ok(above)
}

#[test]
fn policies_stay_below_the_truth_under_laplace_noise() {
    let above = laplace_above(AUDITS, 36).unwrap();
    assert!(above.iter().all(|above| *above <= most(AUDITS, 0.05)), "{above:?}");
}

#[test]
#[ignore = "a minute of simulation"]
fn validate_policies_under_laplace_noise() {
    let above = laplace_above(2_000, 37).unwrap();
    at_most("bound by a list of thresholds above ε = 1 of Laplace noise", 0.05, above[0], 2_000);
    at_most("bound by a split above ε = 1 of Laplace noise", 0.05, above[1], 2_000);
}

/// Audits in which the Gaussian bound exceeds the µ of normal noise.
fn gaussian_above(audits: u64, seed: u64, mu: f64) -> Result<u64> {
    simulate(audits, seed, |generator| {
        let mut scores = [Vec::new(), Vec::new()];
        for _ in 0..1_000 {
            let coin = generator.next_u64() >> 63;
            scores[coin as usize].push(coin as f64 * mu + normal(generator));
        }
        let guesses = Guesses::from_scores(&Roc::new(&scores[1], &scores[0])?, 100, 100)?;
        Ok(one_run::gaussian_lower_bound(guesses, 1e-5, 0.05)?.mu > mu)
    })
}

#[test]
fn gaussian_bounds_stay_below_the_truth_under_normal_noise() {
    let above = gaussian_above(AUDITS, 38, 1.0).unwrap();
    assert!(above <= most(AUDITS, 0.05), "{above}");
}

#[test]
#[ignore = "a minute of simulation"]
fn validate_gaussian_bounds_under_normal_noise() {
    for (seed, mu) in [(39, 0.3), (40, 1.0), (41, 2.0)] {
        let above = gaussian_above(4_000, seed, mu).unwrap();
        at_most(&format!("Gaussian bound above µ = {mu} of normal noise"), 0.05, above, 4_000);
    }
}
