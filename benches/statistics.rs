//! The heavy statistics under criterion: `cargo bench -p paname-bench --bench statistics`.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use paname_bench::Failure;
use paname_stats::one_run::{self, Guesses};
use paname_stats::{Roc, bootstrap, equivalence};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

const THREADS: usize = 2;
const SIDE: usize = 25_000;

fn main() -> Result<(), Failure> {
    // `cargo test --all-targets` starts benchmarks too; only `cargo bench` passes this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let mut generator = Pcg64::seed_from_u64(1);
    let mut scores = |shift: f64| -> Vec<f64> {
        (0..SIDE).map(|_| shift + (generator.next_u64() >> 11) as f64 / (1_u64 << 53) as f64).collect()
    };
    let roc = Roc::new(&scores(0.05), &scores(0.0))?;
    let plan = bootstrap::Plan { replicates: 10_000, confidence: 0.95, seed: 1 };
    let guesses = Guesses { canaries: 1_000_000, made: 1_000_000, right: 731_000 };
    let mut criterion = Criterion::default()
        .sample_size(10)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    criterion.bench_function("bootstrap, 50,000 people, 10,000 replicates", |bencher| {
        bencher.iter(|| black_box(bootstrap::figures(&roc, &[0.001, 0.01], &plan, THREADS).ok()));
    });
    criterion.bench_function("one-run epsilon, a million canaries", |bencher| {
        bencher.iter(|| black_box(one_run::lower_bound(black_box(guesses), 1e-6, 0.05).ok()));
    });
    criterion.bench_function("one-run Gaussian bound, a million canaries", |bencher| {
        bencher.iter(|| black_box(one_run::gaussian_lower_bound(black_box(guesses), 1e-6, 0.05).ok()));
    });
    criterion.bench_function("units needed to claim a margin of 0.01", |bencher| {
        bencher.iter(|| black_box(equivalence::units_needed(0.01, black_box(0.01), 0.05, 0.8).ok()));
    });
    criterion.final_summary();
    Ok(())
}
