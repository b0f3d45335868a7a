//! What the plugin boundary costs, beside the same work linked: `cargo bench -p paname-bench --bench boundary`.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::hint::black_box;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use criterion::Criterion;
use paname_bench::Failure;
use paname_bench_plugin::{ADAPTERS, ATTACKS, PreparedTarget};
use paname_core::abi::Plugin;
use paname_core::{
    Access, Case, CaseParts, Cohort, Ctx, Entry, Error, Features, Labels, Membership, Query, Roster, Setting,
    Signal, SignalSource, Target, Task, Whom,
};
use serde_json::{Value, json};

/// Set in a process that only loads a plugin.
const LOAD: &str = "PANAME_BENCH_LOAD";
/// Libraries that are loaded: one of next to nothing, whose lists are linked too, and the attacks.
const PLUGINS: [&str; 2] = ["paname_bench_plugin", "paname_plugin_mia"];
/// Records of one chunk where there are 64 reference models.
const CHUNK: usize = 2000;
/// Samples of which the table shows the median.
const SAMPLES: usize = 41;

fn main() -> Result<(), Failure> {
    if let Some(path) = std::env::var_os(LOAD) {
        let started = Instant::now();
        black_box(load(Path::new(&path))?);
        report(started.elapsed());
        return Ok(());
    }
    // `cargo test --all-targets` starts benchmarks too; only `cargo bench` passes this.
    if !std::env::args().any(|argument| argument == "--bench") {
        return Ok(());
    }
    let plugin = load(&library(PLUGINS[0])?)?;
    let mut criterion = Criterion::default()
        .sample_size(30)
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(2))
        .configure_from_args();
    let mut table = Vec::new();
    let mut pair =
        |name: &str, linked: &mut dyn FnMut(u64) -> Duration, loaded: &mut dyn FnMut(u64) -> Duration| {
            criterion.bench_function(&format!("{name}/linked"), |bencher| bencher.iter_custom(&mut *linked));
            criterion.bench_function(&format!("{name}/loaded"), |bencher| bencher.iter_custom(&mut *loaded));
            // Taken by turns, so that a machine that slows down slows both.
            let mut samples: Vec<(f64, f64)> = Vec::new();
            for _ in 0..SAMPLES {
                samples.push((per_call(&mut *linked), per_call(&mut *loaded)));
            }
            let of = |each: fn(&(f64, f64)) -> f64| median(samples.iter().map(each).collect());
            table.push((name.to_owned(), of(|s| s.0), of(|s| s.1), of(|s| s.1 - s.0)));
        };
    for (records, references) in [(16, 0), (16, 64), (50_000, 0), (50_000, 64)] {
        let bench = Bench::new(records, references)?;
        let name = format!("attack run, {records} records, {references} reference models");
        let (mut linked, mut loaded) = (bench.runs(&ATTACKS[0])?, bench.runs(&plugin.attacks[0])?);
        pair(&name, &mut linked, &mut loaded);
    }
    for records in [1, 256, 4096] {
        let bench = Bench::new(records, 0)?;
        let name = format!("question of an attack to its host, {records} records");
        let calls = |entry| bench.repeats(entry, |n| json!({ "calls": n }));
        pair(&name, &mut calls(&ATTACKS[0]), &mut calls(&plugin.attacks[0]));
    }
    for (records, references) in [(16, 0), (CHUNK, 64)] {
        let bench = Bench::new(records, references)?;
        let name = format!("chunk of signals, {records} records, {references} reference models");
        let reads = |entry| bench.repeats(entry, |n| json!({ "reads": n }));
        pair(&name, &mut reads(&ATTACKS[0]), &mut reads(&plugin.attacks[0]));
    }
    let bench = Bench::new(16, 0)?;
    let ticks = |entry| bench.repeats(entry, |n| json!({ "ticks": n }));
    pair("report of progress", &mut ticks(&ATTACKS[0]), &mut ticks(&plugin.attacks[0]));
    let roster = Roster::new(Vec::new(), "bench")?;
    let setting = Setting {
        base: Path::new("."),
        roster: &roster,
        labels: &Labels::None,
        inputs: &Features::None,
        task: Task::Classification,
    };
    let ctx = Ctx::new(1, "bench", 1, &());
    let open = |entry: &paname_core::AdapterEntry| entry.open(Value::Null, &setting, &ctx);
    let (linked, loaded) = (open(&ADAPTERS[0])?, open(&plugin.adapters[0])?);
    for records in [1, 256, 4096] {
        let query = Query::records((0..records).collect::<Vec<u32>>(), Access::LOGITS);
        let name = format!("question to a model of a plugin, {records} records");
        pair(&name, &mut questions(linked.as_ref(), &query), &mut questions(loaded.as_ref(), &query));
    }
    let copies = tempfile::tempdir()?;
    let mut loads = Vec::new();
    for plugin in PLUGINS {
        let library = library(plugin)?;
        criterion.bench_function(&format!("load {plugin}"), |bencher| {
            bencher.iter_custom(|n| (0..n).map(|_| load_elsewhere(&library).unwrap_or_default()).sum());
        });
        let first = (0..SAMPLES).map(|_| load_elsewhere(&library)).collect::<Result<_, _>>()?;
        let next = (0..SAMPLES).map(|i| {
            let copy = copies.path().join(format!("{plugin}-{i}"));
            load_copy(&library, &copy)
        });
        loads.push((plugin, median(first), median(next.collect::<Result<_, _>>()?)));
    }
    criterion.final_summary();
    show(&table, &loads);
    Ok(())
}

#[expect(clippy::print_stdout, reason = "the result of the benchmark")]
fn report(time: Duration) {
    println!("{}", time.as_nanos());
}

#[expect(clippy::print_stdout, reason = "the result of the benchmark")]
fn show(table: &[(String, f64, f64, f64)], loads: &[(&str, Duration, Duration)]) {
    println!("{:<58} {:>12} {:>12} {:>12}", "median of one call, ns", "linked", "loaded", "difference");
    for (name, linked, loaded, difference) in table {
        println!("{name:<58} {linked:>12.0} {loaded:>12.0} {difference:>12.0}");
    }
    println!("{:<58} {:>12} {:>12}", "median of a load with its checks, µs", "first", "known");
    for (plugin, first, known) in loads {
        println!("{plugin:<58} {:>12} {:>12}", first.as_micros(), known.as_micros());
    }
}

/// The middle one.
fn median<T: PartialOrd + Copy>(mut all: Vec<T>) -> T {
    all.sort_by(|a, b| a.partial_cmp(b).unwrap_or(Ordering::Equal));
    all[all.len() / 2]
}

/// Nanoseconds of one call, from enough of them to be measured.
fn per_call(run: &mut dyn FnMut(u64) -> Duration) -> f64 {
    let mut n = 8;
    loop {
        let time = run(n);
        if time > Duration::from_micros(300) || n >= 1 << 20 {
            return time.as_nanos() as f64 / n as f64;
        }
        n *= 4;
    }
}

/// A library that Cargo has built for this benchmark, beside it.
fn library(plugin: &str) -> Result<PathBuf, Failure> {
    let file = format!("{}{plugin}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    Ok(std::env::current_exe()?.with_file_name(file))
}

#[expect(unsafe_code, reason = "a library runs when it is loaded")]
fn load(path: &Path) -> Result<Plugin, Failure> {
    // SAFETY: Cargo has built it from this repository.
    Ok(unsafe { paname_plugin::open_library(path) }?)
}

/// The time of a first load: in this process layouts are known and the library is there.
fn load_elsewhere(library: &Path) -> Result<Duration, Failure> {
    let output = Command::new(std::env::current_exe()?).env(LOAD, library).output()?;
    let nanoseconds: u64 = String::from_utf8_lossy(&output.stdout).trim().parse()?;
    Ok(Duration::from_nanos(nanoseconds))
}

/// The time of loading a library of which this process has another copy already, so that the layouts are known.
fn load_copy(library: &Path, copy: &Path) -> Result<Duration, Failure> {
    std::fs::copy(library, copy)?;
    let started = Instant::now();
    black_box(load(copy)?);
    Ok(started.elapsed())
}

fn questions<'a>(target: &'a dyn Target, query: &'a Query) -> impl FnMut(u64) -> Duration + 'a {
    move |n| {
        let started = Instant::now();
        for _ in 0..n {
            black_box(target.predict(query).ok());
        }
        started.elapsed()
    }
}

/// What an attack is run on.
struct Bench {
    records: usize,
    references: usize,
    targets: Vec<PreparedTarget>,
    cohort: Cohort,
    membership: Membership,
    nobody: Membership,
}

impl Bench {
    fn new(records: usize, references: usize) -> Result<Self, Failure> {
        let targets = (0..=references).map(|_| PreparedTarget::new()).collect::<Result<_, Error>>()?;
        let cohort = Cohort {
            ids: (0..records as u32).collect(),
            labels: Labels::Classes { values: vec![0; records].into(), classes: 10 },
        };
        let (membership, nobody) = (Membership::none(records, references), Membership::none(0, references));
        Ok(Self { records, references, targets, cohort, membership, nobody })
    }

    fn case(&self) -> Result<Case<'_>, Error> {
        let (target, references) = self.targets.split_first().ok_or(Error::Cancelled)?;
        Case::new(CaseParts {
            task: Task::Classification,
            granted: Access::LOGITS,
            target,
            references: references.iter().map(|target| target as &dyn Target).collect(),
            audited: self.cohort.clone(),
            population: Cohort::default(),
            audited_membership: Cow::Borrowed(&self.membership),
            population_membership: Cow::Borrowed(&self.nobody),
            signals: self,
        })
    }

    /// One attack, run again and again.
    fn runs(&self, entry: &Entry) -> Result<impl FnMut(u64) -> Duration, Failure> {
        let (attack, case) = (entry.build(Value::Null)?, self.case()?);
        Ok(move |n| {
            let ctx = Ctx::new(1, "bench", 1, &());
            let started = Instant::now();
            for _ in 0..n {
                black_box(attack.run(&case, &ctx).ok());
            }
            started.elapsed()
        })
    }

    /// One run of an attack that does something again and again.
    fn repeats<'a>(
        &'a self,
        entry: &'a Entry,
        config: impl Fn(u64) -> Value + 'a,
    ) -> impl FnMut(u64) -> Duration + 'a {
        move |n| {
            let (Ok(attack), Ok(case)) = (entry.build(config(n)), self.case()) else { return Duration::ZERO };
            let started = Instant::now();
            black_box(attack.run(&case, &Ctx::new(1, "bench", 1, &())).ok());
            started.elapsed()
        }
    }
}

impl SignalSource for Bench {
    fn models(&self) -> usize {
        self.references + 1
    }

    fn augmentations(&self) -> usize {
        1
    }

    fn read(&self, _: Signal, _: Whom, range: Range<usize>, out: &mut [f32]) -> Result<(), Error> {
        out.fill((range.len() + self.records) as f32);
        Ok(())
    }
}
