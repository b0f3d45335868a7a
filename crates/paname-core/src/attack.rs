//! Attacks: what a contributor writes, and the row that makes it known.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

use crate::{Access, Case, Ctx, Error, Findings, Generator, Result, Signal, Task};

/// A test that tries to learn something about training data. It sees no truth, computes no statistics, and does no input or output.
///
/// Laws: the same findings for the same seed on any number of threads; chance where there is nothing to find; stops within a tick when
/// cancelled.
pub trait Attack: Send + Sync + Sized + 'static {
    /// What the attack is.
    const INFO: Info;
    /// Its parameters. `deny_unknown_fields`; the defaults are the paper's.
    type Config: DeserializeOwned + Serialize + schemars::JsonSchema + Default;

    /// Checks the parameters; what it returns cannot be wrong any more.
    fn new(config: Self::Config) -> Result<Self>;

    /// Replaces choices that the parameters leave open by those that a case of this size calls for. The engine settles once per audit, so that
    /// controls run the same attack and evidence names it. What is settled stays as it is.
    fn settle(config: Self::Config, _size: &CaseSize) -> Self::Config {
        config
    }

    /// Every file besides the program that decides the findings, such as the program that an attack starts: cache keys name their digests.
    /// Relative paths of the configuration start at `base`.
    fn files(_config: &Self::Config, _base: &Path) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    /// The membership attack through which this one guesses an attribute, where there is one: it runs it by [`Ctx::run`] on the case of each candidate
    /// ([`Case::for_candidate`]). The engine settles its parameters too, and what it needs is added to what this attack does; see [`crate::Registry::build`].
    fn through(_config: &mut Self::Config) -> Option<Through<'_>> {
        None
    }

    /// What a run on `records` audited records needs.
    fn needs(&self, records: usize) -> Needs;

    /// Runs.
    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings>;
}

/// The membership attack that another one runs for each candidate of an attribute.
#[derive(Debug)]
pub struct Through<'a> {
    /// Its name.
    pub attack: &'a str,
    /// Its parameters.
    pub parameters: &'a mut Map<String, Value>,
}

/// What an attack is, for listings, reports and documentation.
#[derive(Debug, Clone, Copy)]
pub struct Info {
    /// Name in manifests, lower case with hyphens.
    pub name: &'static str,
    /// Version of its behaviour: raise it whenever findings change, since it is part of cache keys.
    pub version: u32,
    /// What it is about.
    pub family: Family,
    /// Title in French.
    pub title_fr: &'static str,
    /// Title in English.
    pub title_en: &'static str,
    /// What a successful run shows, one sentence for a reader who is no specialist, in French.
    pub summary_fr: &'static str,
    /// The same in English.
    pub summary_en: &'static str,
    /// The score in one line.
    pub formula: &'static str,
    /// Authors, title, year, identifier.
    pub paper: &'static str,
    /// The source file of the attack (`include_str!`), or, of one in a plugin, its `//!` head: that is its manual page.
    pub source: &'static str,
}

impl Info {
    /// The manual page: the text of the `//!` head of the source file, Markdown.
    pub fn manual(&self) -> String {
        let lines = self.head().lines().filter_map(|line| line.strip_prefix("//!"));
        let lines: Vec<&str> = lines.map(|line| line.strip_prefix(' ').unwrap_or(line)).collect();
        lines.join("\n")
    }

    /// The `//!` head of the source file: all of it that crosses library boundaries.
    pub(crate) fn head(&self) -> &'static str {
        let lines = self.source.split_inclusive('\n').take_while(|line| line.starts_with("//!"));
        &self.source[..lines.map(str::len).sum()]
    }
}

/// Families of attacks, as regulators name them.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Family {
    /// Was this record in the training set?
    MembershipInference,
    /// What is this person's unknown attribute?
    AttributeInference,
    /// What does a member of this class or this person look like?
    ModelInversion,
    /// Which training records can be rebuilt?
    Reconstruction,
    /// Which training texts come out when prompted?
    Extraction,
}

/// What there is to attack with, and how much.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseSize {
    /// What the model does.
    pub task: Task,
    /// What the threat model grants, with what follows from it.
    pub granted: Access,
    /// Variants of each record, the record itself included; of an attribute's case, its candidate values.
    pub augmentations: usize,
    /// Audited records.
    pub audited: usize,
    /// Population records.
    pub population: usize,
    /// Reference models.
    pub references: usize,
    /// Classes of the target, or of the records where it does not say; 0 where there are none.
    pub classes: usize,
    /// What the generator of the case offers; None where there is no generator.
    pub generator: Option<Access>,
    /// Smallest number of reference models fitted with an audited record; 0 without audited records.
    pub fitted_with_min: usize,
    /// Smallest number of reference models fitted without an audited record; 0 without audited records.
    pub fitted_without_min: usize,
}

impl CaseSize {
    /// The size of a case.
    pub fn of(case: &Case<'_>) -> Self {
        let of_candidate = case.is_of_candidate();
        let membership = case.membership(crate::Whom::Audited);
        let rows = || (0..membership.records()).map(|r| membership.row(r));
        Self {
            task: case.task(),
            granted: case.granted(),
            augmentations: case.augmentations(),
            audited: case.audited().len(),
            population: case.population().len(),
            references: case.references(),
            classes: case.classes().unwrap_or(0),
            generator: case.generator().map(Generator::offers),
            // What these say of the record is hidden.
            fitted_with_min: if of_candidate { 0 } else { rows().map(|row| row.count()).min().unwrap_or(0) },
            fitted_without_min: rows().map(|row| row.count_out()).min().unwrap_or(0),
        }
    }

    /// The size of the case of one candidate ([`Case::for_candidate`]), where this is that of an attribute: the records have one variant, and models that
    /// were fitted with one are of no use.
    #[must_use]
    pub fn for_candidate(self) -> Self {
        Self { augmentations: 1, fitted_with_min: 0, ..self }
    }

    /// The statistic of the task: the first of [`Signal::of_task`] that can be computed here, or the very first, so that what it lacks is said.
    pub fn statistic(&self) -> Signal {
        let statistics = Signal::of_task(self.task);
        let possible = |signal: &&Signal| {
            signal.computable_from(self.task, self.granted)
                && self.augmentations >= signal.augmentations_min()
        };
        *statistics.iter().find(possible).unwrap_or(&statistics[0])
    }
}

/// What a run needs, for the plan and for refusals before anything is spent.
#[derive(Debug, Clone, PartialEq)]
pub struct Needs {
    /// Signals that will be read.
    pub signals: Vec<Signal>,
    /// Accesses to the target besides those that the signals imply; reference models that are used have to offer them too, but for labels,
    /// probabilities, logits and losses.
    pub access: Access,
    /// Smallest number of reference models.
    pub references_min: usize,
    /// Number of reference models beyond which more are not used.
    pub references_max: usize,
    /// Smallest number of reference models that included, and smallest number that left out, each audited record.
    pub in_out_min: (usize, usize),
    /// Whether it learns from what reference models say of the records that they were fitted with. Where an attribute is guessed that is hidden: they were
    /// fitted with the true value.
    pub own_records: bool,
    /// Whether it takes classes: there are none to be right or wrong about in other tasks than classification.
    pub classes: bool,
    /// Whether it takes inputs to be texts, as the numbers of their tokens.
    pub texts: bool,
    /// Smallest number of population records.
    pub population_min: usize,
    /// Models that the attack has the audit's adapter fit, by [`Ctx::fit`].
    pub fits: usize,
    /// What it asks of the generator of the case besides what it makes, where it searches among that; None where it needs no generator.
    pub generator: Option<Access>,
    /// Questions to the target of a whole run besides those that follow.
    pub queries: u64,
    /// Questions to the target per class besides.
    pub queries_per_class: u64,
    /// Questions to the target per audited record besides those of the signals; where an attribute is guessed, per record and candidate value.
    pub queries_per_record: u64,
    /// The same per population record.
    pub queries_per_population_record: u64,
    /// The groups of records that it judges as wholes; None where it judges each record.
    pub groups: Option<Grouping>,
}

/// Which groups of audited records an attack judges.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Grouping {
    /// Fewest records of a group, at least 1.
    pub size: usize,
    /// Whether it estimates which share of a group was used: then groups are mixed too, of members and non-members.
    pub shares: bool,
}

impl Needs {
    /// Questions to the target besides those of the signals, where there are so many audited records, population records and classes.
    pub fn questions(&self, audited: usize, population: usize, classes: usize) -> u64 {
        let each = [
            (self.queries_per_record, audited),
            (self.queries_per_population_record, population),
            (self.queries_per_class, classes),
        ];
        each.into_iter()
            .fold(self.queries, |all, (one, count)| all.saturating_add(one.saturating_mul(count as u64)))
    }

    /// What it takes to do both, one after the other.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        let mut signals = self.signals;
        for signal in other.signals {
            if !signals.contains(&signal) {
                signals.push(signal);
            }
        }
        let (with, without) = (self.in_out_min, other.in_out_min);
        Self {
            signals,
            access: self.access | other.access,
            references_min: self.references_min.max(other.references_min),
            references_max: self.references_max.max(other.references_max),
            in_out_min: (with.0.max(without.0), with.1.max(without.1)),
            own_records: self.own_records || other.own_records,
            classes: self.classes || other.classes,
            texts: self.texts || other.texts,
            population_min: self.population_min.max(other.population_min),
            fits: self.fits.saturating_add(other.fits),
            generator: match (self.generator, other.generator) {
                (Some(own), Some(others)) => Some(own | others),
                (own, others) => own.or(others),
            },
            queries: self.queries.saturating_add(other.queries),
            queries_per_class: self.queries_per_class.saturating_add(other.queries_per_class),
            queries_per_record: self.queries_per_record.saturating_add(other.queries_per_record),
            queries_per_population_record: self
                .queries_per_population_record
                .saturating_add(other.queries_per_population_record),
            groups: self.groups.or(other.groups),
        }
    }

    /// Whether the attack asks the target itself, or has models fitted.
    pub fn asks(&self) -> bool {
        self.questions(1, 1, 1) > 0 || self.fits > 0
    }
}

impl Default for Needs {
    fn default() -> Self {
        Self {
            signals: Vec::new(),
            access: Access::empty(),
            references_min: 0,
            references_max: 0,
            in_out_min: (0, 0),
            own_records: false,
            classes: false,
            texts: false,
            population_min: 0,
            fits: 0,
            generator: None,
            queries: 0,
            queries_per_class: 0,
            queries_per_record: 0,
            queries_per_population_record: 0,
            groups: None,
        }
    }
}

impl Needs {
    /// Checks these needs against a case: the access granted, the reference models with their rows, the population, the groups. The first thing
    /// missing is the error.
    pub fn check(&self, case: &Case<'_>) -> Result<()> {
        let granted = case.granted();
        for &signal in &self.signals {
            signal.source(case.task(), granted)?;
            let (needed, got) = (signal.augmentations_min(), case.augmentations());
            if got < needed {
                let what = format!("variants of each record for the signal {signal}");
                return Err(Error::Missing { what, needed, got });
            }
        }
        if !granted.contains(self.access) {
            return Err(Error::Denied(self.access - granted));
        }
        if self.classes {
            case.audited().classes()?;
        }
        let short = |what: &str, needed: usize, got: usize| {
            if got < needed { Err(Error::Missing { what: what.to_owned(), needed, got }) } else { Ok(()) }
        };
        short("reference models", self.references_min, case.references())?;
        short("population records", self.population_min, case.population().len())?;
        let generator = case.generator();
        short("generator", usize::from(self.generator.is_some()), usize::from(generator.is_some()))?;
        if let Some((asked, generator)) = self.generator.zip(generator) {
            let missing: Vec<&str> = (asked - generator.offers()).names().collect();
            short(&format!("generator that offers {}", missing.join(", ")), missing.len().min(1), 0)?;
        }
        if let Some(Grouping { size, .. }) = self.groups {
            short("groups of records", 1, case.groups().len())?;
            let smallest = case.groups().iter().map(|group| group.len()).min().unwrap_or(0);
            short("records of a group", size, smallest)?;
        }
        let (needed_in, needed_out) = self.in_out_min;
        let membership = case.membership(crate::Whom::Audited);
        for r in 0..membership.records() {
            let row = membership.row(r);
            let (count_in, count_out) = (row.count(), row.count_out());
            if count_in < needed_in {
                short(&format!("reference models fitted with audited record {r}"), needed_in, count_in)?;
            }
            if count_out < needed_out {
                short(&format!("reference models fitted without audited record {r}"), needed_out, count_out)?;
            }
        }
        Ok(())
    }
}

/// An attack whose type is forgotten.
pub trait DynAttack: Send + Sync {
    /// See [`Attack::needs`]. Fails for a broken plugin only.
    fn needs(&self, records: usize) -> Result<Needs>;
    /// Checks the needs, then runs; see [`Attack::run`].
    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings>;
}

impl<A: Attack> DynAttack for A {
    fn needs(&self, records: usize) -> Result<Needs> {
        Ok(Attack::needs(self, records))
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        Attack::needs(self, case.audited().len()).check(case)?;
        ctx.tick(0, 1)?;
        Attack::run(self, case, ctx)
    }
}

/// How attacks of one kind are made, whether linked or loaded.
pub(crate) trait MakeAttack: Send + Sync {
    fn schema(&self) -> Result<Value>;
    fn resolve(&self, config: Value) -> Result<Value>;
    fn settle(&self, config: Value, size: &CaseSize) -> Result<Value>;
    fn files(&self, config: Value, base: &Path) -> Result<Vec<PathBuf>>;
    fn through(&self, config: Value, settled: Option<Map<String, Value>>) -> Result<Option<InnerAttack>>;
    fn build(&self, config: Value) -> Result<Box<dyn DynAttack>>;
}

/// The membership attack through which another one goes, by name.
#[derive(Debug, serde::Serialize, serde::Deserialize)]
pub(crate) struct InnerAttack {
    pub(crate) attack: String,
    pub(crate) parameters: Map<String, Value>,
    /// All parameters of the other one, these among them.
    pub(crate) config: Value,
}

/// A row of a list of attacks.
#[derive(Clone, Copy)]
pub struct Entry {
    /// What the attack is.
    pub info: Info,
    make: &'static dyn MakeAttack,
}

impl Entry {
    /// The row of attack `A`.
    pub const fn of<A: Attack>() -> Self {
        Self { info: A::INFO, make: &Linked::<A>(PhantomData) }
    }

    /// The row of an attack of a plugin.
    pub(crate) fn loaded(info: Info, make: &'static dyn MakeAttack) -> Self {
        Self { info, make }
    }

    /// JSON schema of the parameters, defaults included. Fails for a broken plugin only.
    pub fn schema(&self) -> Result<Value> {
        self.make.schema()
    }

    /// Fills in the defaults: the parameters that a run with this configuration uses.
    pub fn resolve(&self, config: Value) -> Result<Value> {
        self.make.resolve(config)
    }

    /// Fills in the defaults and replaces choices left open; see [`Attack::settle`].
    pub fn settle(&self, config: Value, size: &CaseSize) -> Result<Value> {
        self.make.settle(config, size)
    }

    /// Parses the parameters and lists the files that decide the findings; see [`Attack::files`].
    pub fn files(&self, config: Value, base: &Path) -> Result<Vec<PathBuf>> {
        self.make.files(config, base)
    }

    /// The membership attack through which an attack with these parameters goes, with these parameters in the place of its own where some are given; see
    /// [`Attack::through`].
    pub(crate) fn through(
        &self,
        config: Value,
        settled: Option<Map<String, Value>>,
    ) -> Result<Option<InnerAttack>> {
        self.make.through(config, settled)
    }

    /// Checks the parameters and builds the attack. It knows nothing of another one that it runs: see [`crate::Registry::build`].
    pub fn build(&self, config: Value) -> Result<Box<dyn DynAttack>> {
        self.make.build(config)
    }
}

/// An attack of a crate that this program is linked with.
struct Linked<A>(PhantomData<fn() -> A>);

impl<A: Attack> MakeAttack for Linked<A> {
    fn schema(&self) -> Result<Value> {
        Ok(schemars::schema_for!(A::Config).into())
    }

    fn resolve(&self, config: Value) -> Result<Value> {
        write_config(&parse_config::<A::Config>(config)?)
    }

    fn settle(&self, config: Value, size: &CaseSize) -> Result<Value> {
        write_config(&A::settle(parse_config(config)?, size))
    }

    fn files(&self, config: Value, base: &Path) -> Result<Vec<PathBuf>> {
        A::files(&parse_config(config)?, base)
    }

    fn through(&self, config: Value, settled: Option<Map<String, Value>>) -> Result<Option<InnerAttack>> {
        let mut config = parse_config::<A::Config>(config)?;
        let Some(through) = A::through(&mut config) else { return Ok(None) };
        if let Some(settled) = settled {
            *through.parameters = settled;
        }
        let (attack, parameters) = (through.attack.to_owned(), through.parameters.clone());
        Ok(Some(InnerAttack { attack, parameters, config: write_config(&config)? }))
    }

    fn build(&self, config: Value) -> Result<Box<dyn DynAttack>> {
        Ok(Box::new(A::new(parse_config(config)?)?))
    }
}

fn write_config(config: &impl Serialize) -> Result<Value> {
    serde_json::to_value(config).map_err(|e| Error::Config(e.to_string()))
}

/// Reads a configuration; `null` counts as empty.
pub(crate) fn parse_config<C: DeserializeOwned>(config: Value) -> Result<C> {
    let config = if config.is_null() { Value::Object(serde_json::Map::new()) } else { config };
    serde_json::from_value(config).map_err(|e| Error::Config(e.to_string()))
}
