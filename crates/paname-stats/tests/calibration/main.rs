//! False-alarm rates and coverage over simulated audits. A test at 5 % passes over 200 audits if it alarms at most 18
//! times: beyond that, the one-sided 99 % lower bound on its false-alarm rate exceeds 5 %. Coverage at 95 % likewise
//! allows 18 misses of 200. Seeds are fixed, so a failure is a change of behaviour, not bad luck. Each simulation runs small
//! here, and with 1,000 audits or more as `validate_…`.

mod claim;
mod coverage;
mod discovery;
mod evalue;
mod privacy;
mod verdict;

use paname_stats::{Result, binomial};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

const AUDITS: u64 = 200;
const MOST: u64 = 18;

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

/// Prints a figure for `cargo xtask validate`, which puts it into `docs/validation.md`.
#[expect(clippy::print_stdout, reason = "the figure is the result")]
fn tell(what: &str, expected: &str, observed: &str, runs: u64) {
    println!("validate: {what} | {expected} | {observed} | {runs}");
}

/// Tells how often something happened that may happen at a rate of `rate`, and asserts that it is no more often.
fn at_most(what: &str, rate: f64, yes: u64, audits: u64) {
    let most = most(audits, rate);
    let observed = format!("{:.2} % ({yes})", 100.0 * yes as f64 / audits as f64);
    // Four places of a per cent.
    let percent = (1e6 * rate).round() / 1e4;
    tell(what, &format!("≤ {percent} %: up to {most}"), &observed, audits);
    assert!(yes <= most, "{what}: {yes} of {audits}, at most {most}");
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
