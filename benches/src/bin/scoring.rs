//! Scores a whole audit's worth of logits and prints what it costs: best time, processor time and peak memory of each step, beside the plain
//! reading of the same bytes and, on demand, the same work in NumPy.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use clap::Parser;
use paname_bench::{Failure, Fixture, Size, WORK, attacks, peak, processor_seconds, reset_peak};

/// Times the scoring of many records by many reference models.
#[derive(Parser)]
struct Arguments {
    /// Folder for the file of logits, which is kept there and reused; a temporary one when absent.
    #[arg(long)]
    dir: Option<PathBuf>,
    /// Audited records.
    #[arg(long, default_value_t = Size::default().records)]
    records: usize,
    /// Population records.
    #[arg(long, default_value_t = Size::default().population)]
    population: usize,
    /// Reference models.
    #[arg(long, default_value_t = Size::default().references)]
    references: usize,
    /// Classes.
    #[arg(long, default_value_t = Size::default().classes)]
    classes: usize,
    /// Threads.
    #[arg(long, default_value_t = 2)]
    threads: usize,
    /// Runs of each, of which the best counts.
    #[arg(long, default_value_t = 10)]
    runs: usize,
    /// Only the rows whose name begins so; the limit always.
    #[arg(long, default_value = "")]
    only: String,
    /// A Python with NumPy, to do the same work beside.
    #[arg(long)]
    numpy: Option<PathBuf>,
}

/// One line of the table.
struct Line {
    seconds: f64,
    /// Seconds of all threads together.
    processor: Option<f64>,
    /// Bytes beyond the mapped file.
    memory: Option<u64>,
}

fn main() -> Result<(), Failure> {
    let arguments = Arguments::parse();
    let size = Size {
        references: arguments.references,
        records: arguments.records,
        population: arguments.population,
        classes: arguments.classes,
    };
    let temporary = tempfile::tempdir()?;
    let folder = arguments.dir.as_deref().unwrap_or(temporary.path());
    let path = folder.join(format!(
        "logits-{}x{}x{}.f32",
        size.references + 1,
        size.records + size.population,
        size.classes
    ));
    if !std::fs::metadata(&path).is_ok_and(|file| file.len() == size.bytes() as u64) {
        Fixture::generate(&path, size)?;
    }
    let ours = measure(&path, size, &arguments)?;
    let numpy = arguments.numpy.as_deref().map(|python| beside(python, &path, size));
    show(&ours, numpy, size, &arguments);
    Ok(())
}

fn measure(path: &Path, size: Size, arguments: &Arguments) -> Result<Vec<(&'static str, Line)>, Failure> {
    let (threads, attacks, fixture) = (arguments.threads, attacks()?, Fixture::open(path, size)?);
    let read = || {
        std::hint::black_box(fixture.read_all(threads));
        Ok(())
    };
    // Every page of the file is in memory from here on, so that peaks can be told from the mapping.
    read()?;
    let mut lines = vec![("read", time(arguments.runs, size, read)?)];
    for work in WORK.iter().filter(|work| work.name.starts_with(&arguments.only)) {
        let prepared = work.prepare(&fixture, threads)?;
        let run = || work.run(&attacks, &fixture, prepared.as_ref(), threads).map(drop);
        lines.push((work.name, time(arguments.runs, size, run)?));
    }
    Ok(lines)
}

/// The best of several runs, by the clock and by processor time apart.
fn time(runs: usize, size: Size, run: impl Fn() -> Result<(), Failure>) -> Result<Line, Failure> {
    reset_peak();
    let (mut seconds, mut processor) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..runs.max(1) {
        let (start, processor_start) = (Instant::now(), processor_seconds());
        run()?;
        seconds = seconds.min(start.elapsed().as_secs_f64());
        if let (Some(start), Some(end)) = (processor_start, processor_seconds()) {
            processor = processor.min(end - start);
        }
    }
    let memory = peak().map(|peak| peak.saturating_sub(size.bytes() as u64));
    Ok(Line { seconds, processor: Some(processor).filter(|seconds| seconds.is_finite()), memory })
}

/// Runs the NumPy script on the same file; it prints `name seconds peak-bytes-beyond-the-mapping` lines.
fn beside(python: &Path, path: &Path, size: Size) -> Result<BTreeMap<String, Line>, String> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scoring.py");
    let numbers = [size.references + 1, size.records, size.population, size.classes];
    let output = Command::new(python)
        .arg(script)
        .arg(path)
        .args(numbers.map(|number| number.to_string()))
        .output()
        .map_err(|problem| format!("{}: {problem}", python.display()))?;
    if !output.status.success() {
        let errors = String::from_utf8_lossy(&output.stderr);
        return Err(errors.lines().last().unwrap_or("the script failed").to_owned());
    }
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    text.lines()
        .map(|line| {
            let fields: Vec<&str> = line.split('\t').collect();
            let &[name, seconds, memory] = fields.as_slice() else {
                return Err(format!("not a line: {line}"));
            };
            let seconds = seconds.parse().map_err(|_| format!("not a time: {line}"))?;
            Ok((name.to_owned(), Line { seconds, processor: None, memory: memory.parse().ok() }))
        })
        .collect()
}

#[expect(clippy::print_stdout, reason = "the table is the program's result")]
fn show(
    ours: &[(&'static str, Line)],
    numpy: Option<Result<BTreeMap<String, Line>, String>>,
    size: Size,
    arguments: &Arguments,
) {
    println!(
        "{} records, {} reference models, {} classes, {} population records, {} threads; best of {}",
        size.records, size.references, size.classes, size.population, arguments.threads, arguments.runs
    );
    println!(
        "memory: highest resident memory less the mapped file, {:.0} MB, which is all resident",
        megabytes(size.bytes() as u64)
    );
    println!(
        "{:<36} {:>9} {:>8} {:>9} {:>10} {:>9} {:>7} {:>9}",
        "", "seconds", "× read", "cpu s", "memory MB", "NumPy s", "× ours", "NumPy MB"
    );
    let read = ours.first().map_or(f64::NAN, |(_, line)| line.seconds);
    let peers = match &numpy {
        Some(Ok(peers)) => peers,
        Some(Err(_)) | None => &BTreeMap::new(),
    };
    for (name, line) in ours {
        let peer = peers.get(*name);
        println!(
            "{name:<36} {:>9.4} {:>8.1} {:>9} {:>10} {:>9} {:>7} {:>9}",
            line.seconds,
            line.seconds / read,
            line.processor.map_or("not known".to_owned(), |seconds| format!("{seconds:.4}")),
            memory(line.memory),
            peer.map_or("-".to_owned(), |peer| format!("{:.3}", peer.seconds)),
            peer.map_or("-".to_owned(), |peer| format!("{:.0}", peer.seconds / line.seconds)),
            peer.map_or("-".to_owned(), |peer| memory(peer.memory)),
        );
    }
    for (name, line) in peers.iter().filter(|(name, _)| ours.iter().all(|(other, _)| other != name)) {
        println!("{name:<36} {:>49.3} {:>17}", line.seconds, memory(line.memory));
    }
    match numpy {
        None => println!("NumPy: not measured (--numpy python3)"),
        Some(Err(problem)) => println!("NumPy: not measured ({problem})"),
        Some(Ok(_)) => {}
    }
}

fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}

fn memory(bytes: Option<u64>) -> String {
    bytes.map_or("not known".to_owned(), |bytes| format!("{:.0}", megabytes(bytes)))
}
