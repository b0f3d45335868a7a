//! The laws of attacks that rebuild inputs.

use std::sync::atomic::{AtomicU64, Ordering};

use paname_core::{Access, Ctx, Ending, Error, Host, Metered, Reconstruction, Result};
use paname_stats::binomial::tail_at_least;

use crate::attack_laws::{Impatient, Subject, build, needs_of};
use crate::chance::chance_bound;
use crate::inversion_toy::CLASSES;
use crate::{Behaviour, InversionToy, Students};

/// Toys that chance and leak are told by.
const TOYS: u64 = 4;

/// What a run rebuilt, and the questions that it put.
struct Run {
    rebuilt: Vec<Reconstruction>,
    asked: u64,
}

/// The toy that an attack is tried on: of texts where it says that inputs should be tokens.
fn toy(subject: &Subject<'_>, behaviour: Behaviour, seed: u64) -> InversionToy {
    let images = InversionToy::new(behaviour, seed);
    let stopped = Impatient { patience: 2, ticks: AtomicU64::new(0) };
    match try_run(subject, &images, None, 1, &stopped) {
        Err(Error::Mismatch { what, expected, .. }) if what == "inputs" && expected.contains("tokens") => {
            InversionToy::of_texts(behaviour, seed)
        }
        _ => images,
    }
}

/// Checks the laws about running.
pub(crate) fn check_runs(subject: &Subject<'_>) {
    deterministic(subject);
    stops(subject);
    keeps_its_budget(subject);
    refuses_less_access(subject);
    honest(subject);
    alert(subject);
}

/// Checks that two attacks rebuild the same, bit for bit, and refuse the same.
pub(crate) fn check_same(this: &Subject<'_>, that: &Subject<'_>) {
    let name = this.entry.info.name;
    let mut toy = toy(this, Behaviour::Leaky, 41);
    for threads in [1, 3] {
        let [these, those] = [this, that].map(|subject| run(subject, &toy, threads));
        assert!(same(&these.rebuilt, &those.rebuilt), "{name}: rebuilds otherwise on {threads} threads");
        assert_eq!(these.asked, those.asked, "{name}: asks otherwise");
    }
    let [these, those] = [this, that].map(|subject| {
        let host = Impatient { patience: 1, ticks: AtomicU64::new(0) };
        (try_run(subject, &toy, None, 1, &host).err(), host.ticks.into_inner())
    });
    assert_eq!(these, those, "{name}: cancelled otherwise");
    toy.granted = Access::empty();
    let [these, those] = [this, that].map(|subject| try_run(subject, &toy, None, 1, &()).err());
    assert_eq!(these, those, "{name}: refuses less access otherwise");
}

fn try_run(
    subject: &Subject<'_>,
    toy: &InversionToy,
    budget: Option<u64>,
    threads: usize,
    host: &dyn Host,
) -> Result<Run> {
    let name = subject.entry.info.name;
    let metered = Metered::new(toy.target(), toy.granted, budget);
    let rebuilt = toy.with_case(&metered, |case| {
        build(subject).run(case, &Ctx::new(5, name, threads, &Students(host)))?.reconstructions(CLASSES)
    })?;
    Ok(Run { rebuilt, asked: metered.asked() })
}

fn run(subject: &Subject<'_>, toy: &InversionToy, threads: usize) -> Run {
    match try_run(subject, toy, None, threads, &()) {
        Ok(run) => run,
        Err(error) => panic!("{}: fails on a lawful case: {error}", subject.entry.info.name),
    }
}

fn same(one: &[Reconstruction], other: &[Reconstruction]) -> bool {
    let bits = |one: &Reconstruction| {
        let input: Vec<u32> = one.input.to_f32().unwrap_or_default().iter().map(|x| x.to_bits()).collect();
        (one.class, one.start, one.score.to_bits(), one.ending, input)
    };
    one.iter().map(bits).eq(other.iter().map(bits))
}

fn deterministic(subject: &Subject<'_>) {
    let toy = toy(subject, Behaviour::Leaky, 11);
    let (first, second, threaded) = (run(subject, &toy, 1), run(subject, &toy, 1), run(subject, &toy, 3));
    let name = subject.entry.info.name;
    assert!(same(&first.rebuilt, &second.rebuilt), "{name}: differs between two runs with one seed");
    assert!(same(&first.rebuilt, &threaded.rebuilt), "{name}: depends on the number of threads");
    let uncut = first.rebuilt.iter().all(|one| one.ending != Ending::Cut);
    assert!(uncut, "{name}: calls a whole run partial");
    let most = needs_of(subject, 0).questions(0, 0, CLASSES);
    assert!(first.asked <= most, "{name}: asks {} questions, and says at most {most}", first.asked);
}

/// Cancelled, it stops within a tick, with nothing or with what it has, called partial.
fn stops(subject: &Subject<'_>) {
    let name = subject.entry.info.name;
    let toy = toy(subject, Behaviour::Leaky, 14);
    let patient = Impatient { patience: u64::MAX, ticks: AtomicU64::new(0) };
    if let Err(error) = try_run(subject, &toy, None, 1, &patient) {
        panic!("{name}: fails on a lawful case: {error}");
    }
    let all = patient.ticks.into_inner();
    assert!(all > 0, "{name}: never reports progress");
    for patience in [0, all / 2, all - 1] {
        let host = Impatient { patience, ticks: AtomicU64::new(0) };
        match try_run(subject, &toy, None, 1, &host) {
            Err(Error::Cancelled) => {}
            Err(error) => panic!("{name}: cancelled after {patience} of {all} ticks, it fails: {error}"),
            Ok(run) => {
                let cut = run.rebuilt.iter().any(|one| one.ending == Ending::Cut);
                assert!(
                    cut || patience + 2 >= all,
                    "{name}: does not say that it was cancelled after {patience} of {all} ticks"
                );
            }
        }
        let late = host.ticks.load(Ordering::Relaxed).saturating_sub(patience);
        // The tick that is refused, and those of loops that close their accounts.
        assert!(late <= 3, "{name}: goes on for {late} ticks after being cancelled");
    }
}

/// With half of the questions it takes, it gives what it has, called partial, or says that the budget is short, and puts no question more.
fn keeps_its_budget(subject: &Subject<'_>) {
    let name = subject.entry.info.name;
    let toy = toy(subject, Behaviour::Leaky, 17);
    let whole = run(subject, &toy, 1).asked;
    let budget = whole / 2;
    match try_run(subject, &toy, Some(budget), 1, &()) {
        Err(Error::Budget { .. }) => {}
        Err(error) => panic!("{name}: with half of the questions it fails: {error}"),
        Ok(run) => {
            assert!(run.asked <= budget, "{name}: {} questions of {budget}", run.asked);
            let cut = run.rebuilt.iter().any(|one| one.ending == Ending::Cut);
            assert!(cut, "{name}: does not say that its budget ran out");
        }
    }
}

fn refuses_less_access(subject: &Subject<'_>) {
    let mut toy = toy(subject, Behaviour::Leaky, 15);
    toy.granted = Access::LABELS;
    let outcome = try_run(subject, &toy, None, 1, &());
    let name = subject.entry.info.name;
    assert!(matches!(outcome, Err(Error::Denied(_) | Error::Config(_))), "{name}: runs without new inputs");
}

/// Classes whose surest start is most like their own pattern, of all toys.
fn recognised(subject: &Subject<'_>, behaviour: Behaviour) -> (u64, u64) {
    let mut hits = 0;
    for seed in 0..TOYS {
        let toy = toy(subject, behaviour, 100 + seed);
        // A model without a boundary between classes may leave an attack nowhere to begin.
        let rebuilt = match try_run(subject, &toy, None, 1, &()) {
            Ok(run) => run.rebuilt,
            Err(_) if behaviour == Behaviour::Null => Vec::new(),
            Err(error) => panic!("{}: fails on a lawful case: {error}", subject.entry.info.name),
        };
        for class in 0..CLASSES {
            let own = rebuilt.iter().filter(|one| one.class as usize == class);
            let best = own.reduce(|best, one| if one.score > best.score { one } else { best });
            let Some(values) = best.and_then(|one| one.input.to_f32().ok()) else { continue };
            hits += u64::from(toy.likest(&values) == class);
        }
    }
    (hits, TOYS * CLASSES as u64)
}

fn honest(subject: &Subject<'_>) {
    let (hits, trials) = recognised(subject, Behaviour::Null);
    let p = tail_at_least(hits, trials, 1.0 / CLASSES as f64).unwrap_or(0.0);
    let name = subject.entry.info.name;
    assert!(p > chance_bound(), "{name}: rebuilds what is not there, {hits} of {trials}");
}

fn alert(subject: &Subject<'_>) {
    let (hits, trials) = recognised(subject, Behaviour::Leaky);
    let p = tail_at_least(hits, trials, 1.0 / CLASSES as f64).unwrap_or(1.0);
    let name = subject.entry.info.name;
    assert!(p < chance_bound(), "{name}: does not rebuild what is plain, {hits} of {trials}");
}
