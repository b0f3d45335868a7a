//! Scoring under criterion: `cargo bench -p paname-bench`.

use std::hint::black_box;
use std::time::Duration;

use criterion::Criterion;
use paname_bench::{Failure, Fixture, Size, WORK, attacks};

const THREADS: usize = 2;

fn main() -> Result<(), Failure> {
    // `cargo test --all-targets` starts benchmarks too; only `cargo bench` passes this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let folder = tempfile::tempdir()?;
    let (path, size) = (folder.path().join("logits.f32"), Size::default());
    Fixture::generate(&path, size)?;
    let fixture = Fixture::open(&path, size)?;
    let attacks = attacks()?;
    let mut criterion = Criterion::default()
        .sample_size(20)
        .warm_up_time(Duration::from_secs(1))
        .measurement_time(Duration::from_secs(5))
        .configure_from_args();
    criterion.bench_function("read", |bencher| bencher.iter(|| black_box(fixture.read_all(THREADS))));
    for work in WORK {
        let prepared = work.prepare(&fixture, THREADS)?;
        let run = || work.run(&attacks, &fixture, prepared.as_ref(), THREADS);
        // A failure shows here, once, and not as an implausibly fast run.
        run()?;
        criterion.bench_function(work.name, |bencher| bencher.iter(|| black_box(run().ok())));
    }
    criterion.final_summary();
    Ok(())
}
