//! The claim that an attack finds next to nothing, where it does find something, and where it does not.

use paname_stats::{Result, dose, equivalence};

use super::{AUDITS, MOST, at_most, normals, simulate, tell, uniform};

/// Audits that claim an excess below the margin, out of so many units a side.
fn claims(audits: u64, seed: u64, units: u32, tpr: f64, fpr: f64, margin: f64) -> Result<u64> {
    simulate(audits, seed, |generator| {
        let mut hits = |rate: f64| (0..units).filter(|_| uniform(generator) < rate).count() as u64;
        let (tp, fp, units) = (hits(tpr), hits(fpr), u64::from(units));
        Ok(equivalence::excess_bound(tp, units, fp, units, 0.05)?.excess_upper < margin)
    })
}

#[test]
fn a_claim_is_false_no_more_often_than_stated() {
    let claims = claims(AUDITS, 81, 800, 0.03, 0.01, 0.02).unwrap();
    assert!(claims <= MOST, "{claims}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_claims_that_are_false() {
    for (seed, tpr, fpr) in [(82, 0.03, 0.01), (83, 0.12, 0.1), (84, 0.0201, 0.0001)] {
        let claims = claims(5_000, seed, 800, tpr, fpr, tpr - fpr).unwrap();
        at_most(
            &format!("false claims that an excess is below its true value, rates {tpr} and {fpr}"),
            0.05,
            claims,
            5_000,
        );
    }
}

#[test]
fn a_claim_is_made_as_often_as_computed() {
    let expected = equivalence::power(800, 800, 0.01, 0.02, 0.05).unwrap() * 200.0;
    let claims = claims(AUDITS, 85, 800, 0.01, 0.01, 0.02).unwrap() as f64;
    // Five standard errors are 28.
    assert!((claims - expected).abs() < 28.0, "{claims} {expected}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_the_power_of_claims() {
    for (seed, units, margin) in [(86, 2_808, 0.01), (87, 800, 0.02), (88, 160, 0.05)] {
        let expected = equivalence::power(units.into(), units.into(), 0.01, margin, 0.05).unwrap();
        let claims = claims(5_000, seed, units, 0.01, 0.01, margin).unwrap() as f64 / 5_000.0;
        let what = format!("power of the claim, {units} units a side, margin {margin}");
        tell(&what, &format!("{expected:.3} ± 0.025"), &format!("{claims:.3}"), 5_000);
        assert!((claims - expected).abs() < 0.025, "{units}: {claims} {expected}");
    }
}

#[test]
#[ignore = "thousands of audits"]
fn validate_the_dose_control_against_planted_leaks() {
    // The control predicts how often a leak of this size is found in audits on fresh scores.
    let mut generator = <rand_pcg::Pcg64 as rand_core::SeedableRng>::seed_from_u64(89);
    let (others, positives) = (normals(&mut generator, 5_000, 0.0), normals(&mut generator, 5_000, 6.0));
    let dose = dose::Dose {
        excess: 0.03,
        level: 0.01,
        calibration: 500,
        members: 300,
        non_members: 500,
        alpha: 0.05,
        audits: 2_000,
        seed: 90,
    };
    let response = dose::response(&others, &positives, &dose).unwrap().unwrap();
    let found = simulate(2_000, 91, |generator| {
        let (calibration, others) = (normals(generator, 500, 0.0), normals(generator, 500, 0.0));
        let mut members = normals(generator, 300, 0.0);
        for member in &mut members {
            if uniform(generator) < response.share {
                *member += 6.0;
            }
        }
        let figure =
            paname_stats::level::at_calibrated_threshold(&calibration, &members, &others, 0.01, 0.95)?;
        Ok(figure.p <= 0.05)
    });
    let found = found.unwrap() as f64 / 2_000.0;
    let expected = response.detected.estimate;
    tell(
        "planted excess of 0.03 found, as the dose control predicts",
        &format!("{expected:.3} ± 0.05"),
        &format!("{found:.3}"),
        2_000,
    );
    assert!((found - expected).abs() < 0.05, "{found} {response:?}");
}
