//! The laws of attacks on an attribute.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;

use paname_core::{
    Access, Attack, Case, Ctx, Entry, Error, Family, Findings, FitRun, Fitted, Host, Info, Needs, Recipe,
    Records, Registry, Result, Signal, Whom,
};
use serde_json::Value;

use crate::attack_laws::{
    Declared, Impatient, Subject, alone, build, needs_of, same_bits, stops_when_cancelled,
};
use crate::{AttributeSize, AttributeToy, Behaviour};

/// A host that has the membership attack `loss`, minus the loss of each record, besides all that another host does: for attacks that go through a
/// membership attack.
pub struct LossOracle<'a>(pub &'a dyn Host);

impl Host for LossOracle<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.0.progress(done, total);
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }

    fn log(&self, line: &str) {
        self.0.log(line);
    }

    fn chose(&self, parameter: &str, value: &str) {
        self.0.chose(parameter, value);
    }

    fn base(&self) -> PathBuf {
        self.0.base()
    }

    fn folder(&self) -> Result<PathBuf> {
        self.0.folder()
    }

    fn fit(&self, recipe: &Recipe, data: &Records, runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
        self.0.fit(recipe, data, runs)
    }

    fn run(&self, name: &str, config: &Value, case: &Case<'_>) -> Result<Findings> {
        if name != LOSS.info.name {
            return self.0.run(name, config, case);
        }
        LOSS.build(config.clone())?.run(case, &Ctx::new(5, name, 1, self.0))
    }
}

/// The membership attack of [`LossOracle`].
const LOSS: Entry = Entry::of::<Loss>();

/// Minus the loss of each record.
struct Loss;

impl Attack for Loss {
    const INFO: Info = Info {
        name: "loss",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Perte",
        title_en: "Loss",
        summary_fr: "Moins la perte.",
        summary_en: "Minus the loss.",
        formula: "−ℓ",
        paper: "none",
        source: "",
    };
    type Config = BTreeMap<String, Value>;

    fn new(_: Self::Config) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { signals: vec![Signal::Loss], ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let score = |record: paname_core::RecordSignals<'_>| Ok(-f64::from(record.target(0)[0]));
        case.map_records(Whom::Audited, &[Signal::Loss], ctx, score).map(Findings::Membership)
    }
}

/// An attack, and the one of [`LossOracle`] that it may go through.
pub(crate) fn registry(entry: &Entry) -> Result<Registry> {
    let mut registry = Registry::default();
    registry.add_attacks(&[*entry], "subject")?;
    if entry.info.name != LOSS.info.name {
        registry.add_attacks(&[LOSS], "oracle")?;
    }
    Ok(registry)
}

/// Checks the laws about running.
pub(crate) fn check_runs(subject: &Subject<'_>) {
    deterministic(subject);
    indifferent_to_threads(subject);
    indifferent_to_order(subject);
    stops_when_cancelled(subject.entry.info.name, |host| try_scores(subject, &small(subject, 14), 1, host));
    refuses_what_it_cannot_do(subject);
    refuses_fewer(subject);
    content_with_its_needs(subject);
    honest(subject);
    alert(subject);
    rehearses(subject);
}

/// Checks that two attacks find the same, bit for bit, and refuse the same.
pub(crate) fn check_same(this: &Subject<'_>, that: &Subject<'_>) {
    let name = this.entry.info.name;
    for (behaviour, candidates) in [(Behaviour::Null, 2), (Behaviour::Leaky, 3), (Behaviour::Memorising, 2)] {
        let toy = toy(this, behaviour, AttributeSize { candidates, ..few() }, 41);
        for threads in [1, 3] {
            let [these, those] = [this, that].map(|subject| scores(subject, &toy, threads));
            assert!(same_bits(&these, &those), "{name}: other scores on {threads} threads");
        }
        let [these, those] = [this, that].map(|subject| rehearsal(subject, &toy, 0));
        match (these, those) {
            (Ok(these), Ok(those)) => assert!(same_bits(&these, &those), "{name}: rehearses otherwise"),
            (these, those) => assert_eq!(these.err(), those.err(), "{name}: rehearses otherwise"),
        }
    }
    let mut toy = small(this, 42);
    let [these, those] = [this, that].map(|subject| {
        let host = Impatient { patience: 1, ticks: AtomicU64::new(0) };
        (try_scores(subject, &toy, 1, &host).err(), host.ticks.into_inner())
    });
    assert_eq!(these, those, "{name}: cancelled otherwise");
    let [these, those] = [this, that].map(|subject| run_without_attribute(subject, &toy).err());
    assert_eq!(these, those, "{name}: refuses a case without an attribute otherwise");
    toy.table.granted = Access::empty();
    let [these, those] = [this, that].map(|subject| try_scores(subject, &toy, 1, &()).err());
    assert_eq!(these, those, "{name}: refuses less access otherwise");
}

fn deterministic(subject: &Subject<'_>) {
    let toy = small(subject, 11);
    let (first, second) = (scores(subject, &toy, 1), scores(subject, &toy, 1));
    assert!(
        same_bits(&first, &second),
        "{}: differs between two runs with one seed",
        subject.entry.info.name
    );
    // Not used, or said to be needed.
    let mut without = small(subject, 11);
    without.attribute.imputed = None;
    match try_scores(subject, &without, 1, &()) {
        Ok(scores) => {
            assert!(same_bits(&first, &scores), "{}: needs imputation in secret", subject.entry.info.name);
        }
        Err(Error::Mismatch { what, .. }) if what == "attribute" => {}
        Err(error) => panic!("{}: does not say that it needs imputation: {error}", subject.entry.info.name),
    }
}

fn indifferent_to_threads(subject: &Subject<'_>) {
    // More than two chunks of records, at the largest chunk that there is.
    let size = AttributeSize { records: 8500, references: 4, population: 100, ..AttributeSize::default() };
    let toy = toy(subject, Behaviour::Leaky, size, 12);
    let (one, three) = (scores(subject, &toy, 1), scores(subject, &toy, 3));
    assert!(same_bits(&one, &three), "{}: depends on the number of threads", subject.entry.info.name);
}

fn indifferent_to_order(subject: &Subject<'_>) {
    let before = small(subject, 13);
    let straight = scores(subject, &before, 1);
    // Backwards, and every other record first.
    let n = before.values.len() as u32;
    let order: Vec<u32> = (0..n).rev().step_by(2).chain((0..n.saturating_sub(1)).rev().step_by(2)).collect();
    let candidates = before.attribute.candidates.len();
    let moved = scores(subject, &before.reordered(&order), 1);
    for (i, score) in moved.iter().enumerate() {
        let expected = straight[order[i / candidates] as usize * candidates + i % candidates];
        // Sums over all records may be rounded differently.
        let same = *score == expected || (score - expected).abs() <= 1e-9 * (1.0 + expected.abs());
        let name = subject.entry.info.name;
        assert!(same, "{name}: the order of the records changes a score from {expected} to {score}");
    }
}

fn refuses_what_it_cannot_do(subject: &Subject<'_>) {
    let name = subject.entry.info.name;
    let mut toy = small(subject, 15);
    let refused = run_without_attribute(subject, &toy);
    let said =
        matches!(&refused, Err(error @ Error::Mismatch { .. }) if error.to_string().contains("attribute"));
    assert!(said, "{name}: does not say that it lacks an attribute: {refused:?}");
    if !blind(subject) {
        toy.table.granted = Access::empty();
        let outcome = try_scores(subject, &toy, 1, &());
        assert!(matches!(outcome, Err(Error::Denied(_))), "{name}: runs without the access it needs");
    }
}

fn refuses_fewer(subject: &Subject<'_>) {
    let name = subject.entry.info.name;
    let needs = needs_of(subject, few().records);
    let missing = |toy: &AttributeToy, what: &str| {
        let outcome = try_scores(subject, toy, 1, &());
        assert!(matches!(outcome, Err(Error::Missing { .. })), "{name}: does not say that it lacks {what}");
    };
    if needs.references_min > 0 {
        let size = AttributeSize { references: needs.references_min - 1, ..few() };
        missing(&AttributeToy::new(Behaviour::Leaky, size, 16), "reference models");
    }
    if needs.population_min > 0 {
        let size = AttributeSize { population: needs.population_min - 1, ..few() };
        missing(&AttributeToy::new(Behaviour::Leaky, size, 16), "population records");
    }
    for (needed, kept) in [(needs.in_out_min.0, false), (needs.in_out_min.1, true)] {
        if needed > 0 {
            let mut toy = small(subject, 16);
            toy.table.audited_membership = alone(&toy.table.audited_membership, 3, kept);
            missing(&toy, if kept { "models without record 3" } else { "models with record 3" });
        }
    }
}

fn content_with_its_needs(subject: &Subject<'_>) {
    let needs = needs_of(subject, few().records);
    let references = needs.references_min.max(2 * needs.in_out_min.0.max(needs.in_out_min.1));
    let size = AttributeSize { references, population: needs.population_min, ..few() };
    let mut toy = AttributeToy::new(Behaviour::Leaky, size, 17);
    let signals = needs.signals.iter().filter_map(|signal| signal.sources(toy.table.task).first().copied());
    toy.table.granted = signals.fold(needs.access, |all, one| all | one);
    scores(subject, &toy, 1);
}

fn honest(subject: &Subject<'_>) {
    for (seed, candidates) in [(21, 2), (22, 2), (23, 3)] {
        let toy =
            toy(subject, Behaviour::Null, AttributeSize { candidates, ..AttributeSize::default() }, seed);
        let advantage = toy.advantage(&scores(subject, &toy, 1), toy.truth());
        let name = subject.entry.info.name;
        assert!(advantage.abs() < SURE, "{name}: finds what is not there ({advantage} deviations)");
    }
}

fn alert(subject: &Subject<'_>) {
    for candidates in [2, 3] {
        let toy =
            toy(subject, Behaviour::Memorising, AttributeSize { candidates, ..AttributeSize::default() }, 31);
        let advantage = toy.advantage(&scores(subject, &toy, 1), toy.truth());
        let name = subject.entry.info.name;
        let found = blind(subject) || advantage > SURE;
        assert!(found, "{name}: does not find a plain leak of {candidates} values ({advantage} deviations)");
    }
}

fn rehearses(subject: &Subject<'_>) {
    let name = subject.entry.info.name;
    let toy = toy(subject, Behaviour::Memorising, AttributeSize::default(), 32);
    let rows: Vec<bool> =
        (0..toy.values.len()).map(|r| toy.table.audited_membership.row(r).contains(1)).collect();
    match rehearsal(subject, &toy, 1) {
        Ok(scores) => {
            let advantage = toy.advantage(&scores, &rows);
            let found = blind(subject) || advantage > SURE;
            assert!(found, "{name}: does not find the members of a reference model ({advantage} deviations)");
        }
        Err(error) => panic!("{name}: fails where a reference model plays the target: {error}"),
    }
}

/// Standard deviations that chance exceeds, in either direction, once in a million times: see [`chance_bound`](crate::chance_bound).
const SURE: f64 = 4.9;

/// Whether the attack asks nothing of the model, so that it cannot find anything in it.
fn blind(subject: &Subject<'_>) -> bool {
    let needs = needs_of(subject, 100);
    needs.signals.is_empty() && needs.access.is_empty()
}

/// A toy for laws that count nothing.
fn few() -> AttributeSize {
    AttributeSize { records: 150, population: 80, candidates: 3, ..AttributeSize::default() }
}

fn small(subject: &Subject<'_>, seed: u64) -> AttributeToy {
    toy(subject, Behaviour::Leaky, few(), seed)
}

/// A toy of this size, or larger where the attack needs it.
fn toy(subject: &Subject<'_>, behaviour: Behaviour, size: AttributeSize, seed: u64) -> AttributeToy {
    let needs = needs_of(subject, size.records);
    let models = needs.references_min.max(2 * needs.in_out_min.0.max(needs.in_out_min.1)).next_multiple_of(2);
    let size = AttributeSize {
        references: size.references.max(models),
        population: size.population.max(needs.population_min),
        ..size
    };
    AttributeToy::new(behaviour, size, seed)
}

fn run_without_attribute(subject: &Subject<'_>, toy: &AttributeToy) -> Result<Findings> {
    build(subject).run(&toy.table.case()?, &Ctx::new(5, subject.entry.info.name, 1, &LossOracle(&())))
}

fn rehearsal(subject: &Subject<'_>, toy: &AttributeToy, reference: usize) -> Result<Vec<f64>> {
    // As the engine does: the model takes the place before the attribute is there.
    let case = toy.table.case()?;
    let rehearsal = case.with_reference_as_target(reference)?.with_attribute(toy.attribute.clone())?;
    let ctx = Ctx::new(5, subject.entry.info.name, 1, &LossOracle(&()));
    build(subject).run(&rehearsal, &ctx)?.attribute(toy.values.len(), toy.attribute.candidates.len())
}

fn try_scores(
    subject: &Subject<'_>,
    toy: &AttributeToy,
    threads: usize,
    host: &dyn Host,
) -> Result<Vec<f64>> {
    let attack = build(subject);
    let declared = Declared { all: &toy.table.signals, signals: attack.needs(toy.values.len())?.signals };
    let case = toy.case_over(&declared)?;
    let host = LossOracle(host);
    let findings = attack.run(&case, &Ctx::new(5, subject.entry.info.name, threads, &host))?;
    findings.attribute(toy.values.len(), toy.attribute.candidates.len())
}

fn scores(subject: &Subject<'_>, toy: &AttributeToy, threads: usize) -> Vec<f64> {
    match try_scores(subject, toy, threads, &()) {
        Ok(scores) => scores,
        Err(error) => panic!("{}: fails on a lawful case: {error}", subject.entry.info.name),
    }
}
