//! The laws of attacks.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};

use paname_core::{
    Access, CaseSize, Ctx, DynAttack, Entry, Error, Family, Host, Info, Membership, Needs, Result, Signal,
    SignalSource, Task, Whom,
};
use serde_json::{Value, json};

use crate::attribute_laws;
use crate::chance::{assert_chance, assert_finds};
use crate::inversion_laws;
use crate::{Behaviour, LogitTable, Size, Students, Toy};

/// Checks that an attack keeps every law, with its default parameters:
///
/// - it is described in both languages and by a manual page, documents its parameters, and refuses unknown ones;
/// - its findings depend on nothing but the case and the seed, on one thread or several, and follow the records when their order changes;
/// - it stops when cancelled;
/// - it reads no signal that it does not declare, refuses a case that grants less or holds fewer reference models or population records
///   than it says it needs, and runs with exactly that;
/// - it judges groups of records where it says so, and each record elsewhere;
/// - it is at chance where there is nothing to find, above chance on a leak, and finds the members of a reference model that plays the
///   target.
///
/// An attack on an attribute keeps them on an [`AttributeToy`](crate::AttributeToy), where chance is to be no more ahead of imputation for members
/// than for others, in either direction, and a leak is that it is, unless it asks nothing of the model; it refuses a case without an attribute, and needs
/// no imputed probabilities or says so.
///
/// An attack that rebuilds inputs keeps them on an [`InversionToy`](crate::InversionToy): the same inputs on any number of threads, no more questions than it says, what it
/// has so far where it is cancelled or its budget runs out, chance where the model tells nothing of its classes, and classes recognised where it does.
///
/// # Panics
/// Where a law is broken, naming the attack and the law.
pub fn check_attack(entry: &Entry) {
    check_described(entry);
    check_runs(&Subject { entry, config: Value::Null });
}

/// Checks the laws about running, as [`check_attack`] does, with other parameters than the defaults.
///
/// # Panics
/// Where a law is broken, naming the attack and the law.
pub fn check_attack_with(entry: &Entry, config: Value) {
    check_runs(&Subject { entry, config });
}

/// Checks that two rows are the same attack, bit for bit, such as a linked one and the same one in a plugin: descriptions, configurations,
/// needs, scores on one thread and several, rehearsals, refusals and cancellation.
///
/// # Panics
/// Where they differ, saying in what.
pub fn check_same_attack(one: &Entry, other: &Entry, config: &Value) {
    let name = one.info.name;
    // Of the source file only the manual page crosses library boundaries.
    let described = |info: &Info| format!("{:?}, {}", Info { source: "", ..*info }, info.manual());
    assert_eq!(described(&one.info), described(&other.info), "{name}: described otherwise");
    assert_eq!(one.schema(), other.schema(), "{name}: another schema");
    let size = size_of_case();
    for config in [config, &Value::Null, &json!({ "no-such-parameter": 1 }), &Value::Bool(true)] {
        assert_eq!(one.resolve(config.clone()), other.resolve(config.clone()), "{name}: other parameters");
        assert_eq!(
            one.settle(config.clone(), &size),
            other.settle(config.clone(), &size),
            "{name}: settles otherwise"
        );
        assert_eq!(
            one.build(config.clone()).err(),
            other.build(config.clone()).err(),
            "{name}: refuses otherwise"
        );
    }
    let subjects = [one, other].map(|entry| Subject { entry, config: config.clone() });
    let [this, that] = &subjects;
    for records in [1, 200, 50_000] {
        assert_eq!(needs_of(this, records), needs_of(that, records), "{name}: other needs");
    }
    if one.info.family == Family::AttributeInference {
        attribute_laws::check_same(this, that);
        return;
    }
    if one.info.family == Family::ModelInversion {
        inversion_laws::check_same(this, that);
        return;
    }
    for behaviour in [Behaviour::Null, Behaviour::Leaky, Behaviour::Memorising] {
        let toy = toy(this, behaviour, 41);
        for threads in [1, 3] {
            let [these, those] = [this, that].map(|subject| scores(subject, &toy, threads, &()));
            assert!(same_bits(&these, &those), "{name}: other scores on {threads} threads");
        }
        let [these, those] = [this, that].map(|subject| {
            let case = toy.case()?;
            let rehearsal = case.with_reference_as_target(0)?;
            build(subject).run(&rehearsal, &Ctx::new(5, name, 1, &Students(&())))?.scores(&rehearsal)
        });
        match (these, those) {
            (Ok(these), Ok(those)) => assert!(same_bits(&these, &those), "{name}: rehearses otherwise"),
            (these, those) => assert_eq!(these.err(), those.err(), "{name}: rehearses otherwise"),
        }
    }
    let mut toy = toy(this, Behaviour::Leaky, 42);
    let [these, those] = [this, that].map(|subject| {
        let host = Impatient { patience: 1, ticks: AtomicU64::new(0) };
        (try_scores(subject, &toy, 1, &host).err(), host.ticks.into_inner())
    });
    assert_eq!(these, those, "{name}: cancelled otherwise");
    toy.granted = Access::empty();
    let [these, those] = [this, that].map(|subject| try_scores(subject, &toy, 1, &()).err());
    assert_eq!(these, those, "{name}: refuses less access otherwise");
}

/// A case of classification that parameters are settled for.
fn size_of_case() -> CaseSize {
    CaseSize {
        task: Task::Classification,
        granted: Access::LOGITS.with_implied(),
        augmentations: 1,
        audited: 9,
        population: 9,
        references: 4,
        classes: 3,
        generator: None,
        fitted_with_min: 1,
        fitted_without_min: 1,
    }
}

/// An attack with its parameters.
pub(crate) struct Subject<'a> {
    pub(crate) entry: &'a Entry,
    config: Value,
}

/// Checks the laws about what an attack says of itself, and about its parameters: those of [`check_attack`] that need no run.
///
/// # Panics
/// Where a law is broken, naming the attack and the law.
pub fn check_described(entry: &Entry) {
    let subject = Subject { entry, config: Value::Null };
    described(&subject);
    configured(&subject);
}

fn check_runs(subject: &Subject<'_>) {
    if subject.entry.info.family == Family::AttributeInference {
        attribute_laws::check_runs(subject);
        return;
    }
    if subject.entry.info.family == Family::ModelInversion {
        inversion_laws::check_runs(subject);
        return;
    }
    deterministic(subject);
    indifferent_to_threads(subject);
    indifferent_to_order(subject);
    cancellable(subject);
    refuses_less_access(subject);
    refuses_fewer_models(subject);
    content_with_its_needs(subject);
    honest(subject);
    alert(subject);
    rehearses(subject);
}

fn described(subject: &Subject<'_>) {
    let info = &subject.entry.info;
    let name = info.name;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(!name.is_empty() && name.chars().all(allowed), "{name:?}: a name is lower case with hyphens");
    for (what, text) in [
        ("title in French", info.title_fr),
        ("title in English", info.title_en),
        ("summary in French", info.summary_fr),
        ("summary in English", info.summary_en),
        ("formula", info.formula),
        ("paper", info.paper),
    ] {
        assert!(!text.trim().is_empty(), "{name}: no {what}");
    }
    let manual = info.manual();
    for part in ["Idea", "Threat model", "Formula", "Paper", "Cost", "When it fails"] {
        assert!(manual.contains(&format!("**{part}.**")), "{name}: the manual page lacks **{part}.**");
    }
}

fn configured(subject: &Subject<'_>) {
    let name = subject.entry.info.name;
    let defaults = match subject.entry.resolve(Value::Null) {
        Ok(defaults) => defaults,
        Err(error) => panic!("{name}: no default parameters: {error}"),
    };
    assert_eq!(
        subject.entry.resolve(defaults.clone()).ok(),
        Some(defaults.clone()),
        "{name}: defaults resolve to others"
    );
    let size = size_of_case();
    let settled = match subject.entry.settle(Value::Null, &size) {
        Ok(settled) => settled,
        Err(error) => panic!("{name}: default parameters cannot be settled: {error}"),
    };
    let smaller = CaseSize { references: 1, fitted_with_min: 0, ..size };
    assert_eq!(
        subject.entry.settle(settled.clone(), &smaller).ok(),
        Some(settled),
        "{name}: settled parameters change with the case"
    );
    let refusal = subject.entry.build(json!({ "no-such-parameter": 1 })).err();
    assert!(matches!(refusal, Some(Error::Config(_))), "{name}: takes unknown parameters");
    let schema = match subject.entry.schema() {
        Ok(schema) => schema,
        Err(error) => panic!("{name}: no schema: {error}"),
    };
    for parameter in defaults.as_object().into_iter().flatten().map(|(key, _)| key) {
        let described =
            schema["properties"][parameter]["description"].as_str().is_some_and(|d| !d.is_empty());
        let referred = schema["properties"][parameter]["$ref"].is_string();
        assert!(described || referred, "{name}: parameter `{parameter}` is not documented");
    }
}

fn deterministic(subject: &Subject<'_>) {
    let toy = toy(subject, Behaviour::Leaky, 11);
    let (first, second) = (scores(subject, &toy, 1, &()), scores(subject, &toy, 1, &()));
    assert!(
        same_bits(&first, &second),
        "{}: differs between two runs with one seed",
        subject.entry.info.name
    );
}

fn indifferent_to_threads(subject: &Subject<'_>) {
    // More than two chunks of records, at the largest chunk that there is. Questions are not asked in chunks of signals.
    let records = if asks(subject) { usual(subject).records } else { 8500 };
    let size = sized(subject, Size { records, references: 4, ..Size::default() });
    let toy = made(subject, Behaviour::Leaky, size, 12);
    let (one, three) = (scores(subject, &toy, 1, &()), scores(subject, &toy, 3, &()));
    assert!(same_bits(&one, &three), "{}: depends on the number of threads", subject.entry.info.name);
}

fn indifferent_to_order(subject: &Subject<'_>) {
    let before = toy(subject, Behaviour::Leaky, 13);
    let straight = scores(subject, &before, 1, &());
    // Backwards, and every other record first.
    let n = before.truth.len() as u32;
    let order: Vec<u32> = (0..n).rev().step_by(2).chain((0..n.saturating_sub(1)).rev().step_by(2)).collect();
    let after = before.reordered(&order);
    let moved = scores(subject, &after, 1, &());
    for (i, score) in moved.iter().enumerate() {
        // Groups stay in their order.
        let expected = straight[if after.groups.is_empty() { order[i] as usize } else { i }];
        // Sums over all records may be rounded differently.
        let same = *score == expected || (score - expected).abs() <= 1e-9 * (1.0 + expected.abs());
        assert!(
            same,
            "{}: the order of the records changes a score from {expected} to {score}",
            subject.entry.info.name
        );
    }
}

/// A host that cancels after some reports of progress.
pub(crate) struct Impatient {
    pub(crate) patience: u64,
    pub(crate) ticks: AtomicU64,
}

impl Host for Impatient {
    fn progress(&self, _done: u64, _total: u64) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.ticks.load(Ordering::Relaxed) > self.patience
    }
}

fn cancellable(subject: &Subject<'_>) {
    let toy = toy(subject, Behaviour::Leaky, 14);
    stops_when_cancelled(subject.entry.info.name, |host| try_scores(subject, &toy, 1, host));
}

/// Checks that a run on one thread stops within a tick when its host cancels.
pub(crate) fn stops_when_cancelled(name: &str, run: impl Fn(&dyn Host) -> Result<Vec<f64>>) {
    let patient = Impatient { patience: u64::MAX, ticks: AtomicU64::new(0) };
    if let Err(error) = run(&patient) {
        panic!("{name}: fails on a lawful case: {error}");
    }
    let all = patient.ticks.into_inner();
    assert!(all > 0, "{name}: never reports progress");
    for patience in [0, all / 2, all - 1] {
        let host = Impatient { patience, ticks: AtomicU64::new(0) };
        let outcome = run(&host);
        assert!(
            matches!(outcome, Err(Error::Cancelled)),
            "{name}: not cancelled after {patience} of {all} ticks"
        );
        let late = host.ticks.into_inner() - patience;
        // The tick that is refused, and one of a loop that closes its accounts.
        assert!(late <= 2, "{name}: goes on for {late} ticks after being cancelled");
    }
}

fn refuses_less_access(subject: &Subject<'_>) {
    let mut toy = toy(subject, Behaviour::Leaky, 15);
    toy.granted = Access::LABELS;
    let needs = needs_of(subject, toy.truth.len());
    if needs.signals.is_empty() && Access::LABELS.contains(needs.access) {
        return;
    }
    let outcome = try_scores(subject, &toy, 1, &());
    assert!(
        matches!(outcome, Err(Error::Denied(_))),
        "{}: runs without the access it needs",
        subject.entry.info.name
    );
}

fn refuses_fewer_models(subject: &Subject<'_>) {
    let name = subject.entry.info.name;
    let size = sized(subject, usual(subject));
    let needs = needs_of(subject, size.records);
    let missing = |toy: &Toy, what: &str| {
        let outcome = try_scores(subject, toy, 1, &());
        assert!(matches!(outcome, Err(Error::Missing { .. })), "{name}: does not say that it lacks {what}");
    };
    if needs.references_min > 0 {
        let fewer = Size { references: needs.references_min - 1, ..size };
        missing(&made(subject, Behaviour::Leaky, fewer, 16), "reference models");
    }
    if needs.population_min > 0 {
        let fewer = Size { population: needs.population_min - 1, ..size };
        missing(&made(subject, Behaviour::Leaky, fewer, 16), "population records");
    }
    if needs.groups.is_some() {
        let mut toy = toy(subject, Behaviour::Leaky, 16);
        toy.groups.clear();
        missing(&toy, "groups");
    }
    for (needed, kept) in [(needs.in_out_min.0, false), (needs.in_out_min.1, true)] {
        if needed > 0 {
            let mut toy = toy(subject, Behaviour::Leaky, 16);
            toy.audited_membership = alone(&toy.audited_membership, 3, kept);
            missing(&toy, if kept { "models without record 3" } else { "models with record 3" });
        }
    }
}

fn content_with_its_needs(subject: &Subject<'_>) {
    let size = sized(subject, usual(subject));
    let needs = needs_of(subject, size.records);
    let (references, population) = (needs.references_min, needs.population_min);
    let mut toy = made(subject, Behaviour::Leaky, Size { population, references, ..size }, 17);
    toy.audited_membership = Membership::none(size.records, references);
    for r in 0..size.records {
        // Every second record has the fewest models with it, the others the fewest without.
        let inside = if r % 2 == 0 { needs.in_out_min.0 } else { references - needs.in_out_min.1 };
        (0..inside).for_each(|k| toy.audited_membership.insert(r, (r + k) % references));
    }
    scores(subject, &toy, 1, &());
}

/// The same rows, except that `record` is a member of every model or of none.
pub(crate) fn alone(membership: &Membership, record: usize, member: bool) -> Membership {
    let mut all = Membership::none(membership.records(), membership.models());
    for r in 0..membership.records() {
        let row = membership.row(r);
        for m in (0..membership.models()).filter(|&m| if r == record { member } else { row.contains(m) }) {
            all.insert(r, m);
        }
    }
    all
}

fn honest(subject: &Subject<'_>) {
    for seed in [21, 22, 23] {
        let toy = toy(subject, Behaviour::Null, seed);
        let truth = toy.units(|r| toy.truth[r]);
        assert_chance(subject.entry.info.name, &scores(subject, &toy, 1, &()), &truth);
    }
}

fn alert(subject: &Subject<'_>) {
    for behaviour in [Behaviour::Leaky, Behaviour::Memorising] {
        let toy = toy(subject, behaviour, 31);
        assert_finds(
            &format!("{} on a {behaviour:?} target", subject.entry.info.name),
            &scores(subject, &toy, 1, &()),
            &toy.units(|r| toy.truth[r]),
        );
    }
}

fn rehearses(subject: &Subject<'_>) {
    let mut toy = toy(subject, Behaviour::Leaky, 32);
    let name = subject.entry.info.name;
    let needs = needs_of(subject, toy.truth.len());
    if toy.targets.len() - 2 < needs.references_min {
        return;
    }
    let rows: Vec<bool> = (0..toy.truth.len()).map(|r| toy.audited_membership.row(r).contains(1)).collect();
    if let Some(groups) = needs.groups {
        toy.group_by(groups.size, |r| rows[r]);
    }
    let truth = toy.units(|r| rows[r]);
    let scores = toy.case().and_then(|case| {
        let rehearsal = case.with_reference_as_target(1)?;
        build(subject).run(&rehearsal, &Ctx::new(5, name, 1, &Students(&())))?.scores(&rehearsal)
    });
    match scores {
        Ok(scores) => assert_finds(&format!("{name} on a reference model"), &scores, &truth),
        Err(error) => panic!("{name}: fails where a reference model plays the target: {error}"),
    }
}

pub(crate) fn build(subject: &Subject<'_>) -> Box<dyn DynAttack> {
    let name = subject.entry.info.name;
    match attribute_laws::registry(subject.entry)
        .and_then(|registry| registry.build(name, subject.config.clone()))
    {
        Ok(attack) => attack,
        Err(error) => panic!("{}: does not build: {error}", subject.entry.info.name),
    }
}

pub(crate) fn needs_of(subject: &Subject<'_>, records: usize) -> Needs {
    match build(subject).needs(records) {
        Ok(needs) => needs,
        Err(error) => panic!("{}: does not say what it needs: {error}", subject.entry.info.name),
    }
}

/// Groups of a toy, where the attack judges groups: half of them of members.
pub(crate) const GROUPS: usize = 80;

/// A toy of this size, or larger where the attack needs it.
fn sized(subject: &Subject<'_>, size: Size) -> Size {
    let needs = needs_of(subject, size.records);
    let models = needs.references_min.max(2 * needs.in_out_min.0.max(needs.in_out_min.1)).next_multiple_of(2);
    Size {
        records: size.records.max(needs.groups.map_or(0, |groups| GROUPS * groups.size)),
        references: size.references.max(models),
        population: size.population.max(needs.population_min),
        ..size
    }
}

/// Whether the attack asks more than recorded answers give, so that it takes a live toy.
fn asks(subject: &Subject<'_>) -> bool {
    !Access::LOGITS.with_implied().contains(needs_of(subject, 100).access)
}

fn usual(subject: &Subject<'_>) -> Size {
    let records = if needs_of(subject, 100).queries_per_record > 200 { 90 } else { 160 };
    if asks(subject) { Size { records, population: 60, ..Size::default() } } else { Size::default() }
}

fn made(subject: &Subject<'_>, behaviour: Behaviour, size: Size, seed: u64) -> Toy {
    let mut toy =
        if asks(subject) { Toy::live(behaviour, size, seed) } else { Toy::new(behaviour, size, seed) };
    if let Some(groups) = needs_of(subject, size.records).groups {
        let truth = toy.truth.clone();
        toy.group_by(groups.size, |r| truth[r]);
    }
    toy
}

fn toy(subject: &Subject<'_>, behaviour: Behaviour, seed: u64) -> Toy {
    made(subject, behaviour, sized(subject, usual(subject)), seed)
}

/// Signals that refuse to be read unless they were declared.
pub(crate) struct Declared<'a> {
    pub(crate) all: &'a LogitTable,
    pub(crate) signals: Vec<Signal>,
}

impl SignalSource for Declared<'_> {
    fn models(&self) -> usize {
        self.all.models()
    }

    fn augmentations(&self) -> usize {
        self.all.augmentations()
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        if !self.signals.contains(&signal) {
            return Err(Error::Unsupported(format!("signal {signal}, which the attack does not declare")));
        }
        self.all.read(signal, whom, range, out)
    }
}

fn try_scores(subject: &Subject<'_>, toy: &Toy, threads: usize, host: &dyn Host) -> Result<Vec<f64>> {
    let attack = build(subject);
    let declared = Declared { all: &toy.signals, signals: attack.needs(toy.truth.len())?.signals };
    let case = toy.case_over(&declared)?;
    let findings = attack.run(&case, &Ctx::new(5, subject.entry.info.name, threads, &Students(host)))?;
    match subject.entry.info.family {
        Family::MembershipInference => findings.scores(&case),
        family => Err(Error::Unsupported(format!("findings of the family {family:?}"))),
    }
}

fn scores(subject: &Subject<'_>, toy: &Toy, threads: usize, host: &dyn Host) -> Vec<f64> {
    match try_scores(subject, toy, threads, host) {
        Ok(scores) => scores,
        Err(error) => panic!("{}: fails on a lawful case: {error}", subject.entry.info.name),
    }
}

pub(crate) fn same_bits(a: &[f64], b: &[f64]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| a.to_bits() == b.to_bits())
}
