//! From values that crossed to values of this library. Everything is checked that can be.

use std::path::{Path, PathBuf};
use std::ptr::NonNull;
use std::sync::OnceLock;

use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};

#[cfg_attr(not(test), expect(clippy::wildcard_imports, reason = "every type of the interface"))]
use super::*;
use crate::abi::export;
use crate::adapter::Open;
use crate::attack::{InnerAttack, MakeAttack};
use crate::{
    Access, AdapterInfo, Attribute, Augmentation, Case, CaseParts, CaseSize, Checkpoint, Cohort, Ctx,
    DynAttack, Ending, Extraction, Family, Features, Findings, FitRun, Fitted, Generator, Grouping, Host,
    Indices, Info, Input, Labels, Membership, Named, Needs, Outputs, Pullback, Query, Recipe, Reconstruction,
    Records, Reference, Roster, Sampling, Scale, Setting, Signal, SignalSource, Table, Target, TargetCard,
    Task, Tensor, View, Whom, arrow,
};

/// The most findings of one run that are believed.
const MOST_FINDINGS: usize = 1 << 26;
/// The most bytes of text in the findings of one run that are believed.
const MOST_TEXT: usize = 1 << 30;
/// The most attacks, and the most adapters, of one plugin, and the most signals of an attack.
const MOST_ROWS: usize = 4096;

/// Words of a stranger, or about what a stranger wrote: what is printed from them stays on its line.
fn plain(text: &str) -> String {
    text.chars().take(4000).map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn error(crossed: AbiError) -> Error {
    let clean = |text: RString| plain(&text);
    let parts: Vec<String> = crossed.parts.into_iter().take(64).map(clean).collect();
    Error::from_parts(crossed.code, clean(crossed.message), &parts)
}

pub(super) fn received<T>(crossing: Crossing<T>) -> Result<T> {
    crossing.into_result().map_err(error)
}

pub(super) fn json<T: DeserializeOwned>(text: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|error| Error::Config(plain(&error.to_string())))
}

pub(super) fn optional(mut handle: AbiTensor, what: &str) -> Result<Option<Tensor>> {
    let Some(managed) = NonNull::new(std::mem::replace(&mut handle.0, ptr::null_mut())) else {
        return Ok(None);
    };
    if !managed.is_aligned() {
        return Err(Error::mismatch(what, "a tensor", "a misaligned handle"));
    }
    // SAFETY: the handle owned the tensor and has just given it up; what it points to is the other side's word, whose code is trusted.
    unsafe { dlpack::import(managed, what) }.map(Some)
}

fn tensor(handle: AbiTensor, what: &str) -> Result<Tensor> {
    optional(handle, what)?.ok_or_else(|| Error::mismatch(what, "a tensor", "none"))
}

fn table(handle: &AbiTable) -> Result<Option<Table>> {
    if handle.array.is_null() || handle.schema.is_null() {
        return Ok(None);
    }
    // SAFETY: the handle owns both structures, and `import` moves out what it takes over; the handle frees the rest.
    unsafe { arrow::import(handle.array.cast(), handle.schema.cast()) }.map(Some)
}

fn texts(texts: RVec<RString>) -> Vec<String> {
    texts.into_iter().map(RString::into_string).collect()
}

fn named(tensors: RVec<AbiNamed>) -> Result<Named<Tensor>> {
    tensors
        .into_iter()
        .map(|AbiNamed { name, tensor: handle }| {
            // Checks name it where it does not fit.
            let name = plain(&name);
            let value = tensor(handle, &name)?;
            Ok((name, value))
        })
        .collect()
}

pub(super) fn outputs(crossed: AbiOutputs) -> Result<Outputs> {
    let mut outputs = Outputs::default();
    fill(&mut outputs, crossed)?;
    Ok(outputs)
}

/// Puts answers where they stay: they are large, and moving them costs more than anything else in a question.
fn fill(outputs: &mut Outputs, crossed: AbiOutputs) -> Result<()> {
    let mut add = |answer: AbiAnswer| -> Result<()> {
        let access = 1_u64.checked_shl(answer.bit).map_or(Access::empty(), Access::from_bits_truncate);
        // What is not known here was not asked for either.
        if let Some((name, slot)) = outputs.tensor_mut(access) {
            *slot = optional(answer.tensor, name)?;
        }
        Ok(())
    };
    add(crossed.first)?;
    if let ROption::RSome(more) = crossed.more {
        let more = RBox::into_inner(more);
        more.tensors.into_iter().try_for_each(add)?;
        outputs.activations = named(more.activations)?;
        outputs.text = texts(more.text);
    }
    Ok(())
}

pub(super) fn query(crossed: AbiQuery<'_>) -> Result<Query> {
    let rows = |handle| tensor(handle, "input");
    let more = || crossed.more.ok_or_else(|| Error::mismatch("input", "a text or a table", "none"));
    let input = match crossed.kind {
        0 => Input::Records(crossed.ids.into_shared("record numbers")?, Augmentation(crossed.augmentation)),
        1 => Input::Tensor(rows(crossed.tensor)?),
        2 => Input::Tokens(rows(crossed.tensor)?),
        3 => {
            let more = more()?;
            let sampling = Sampling {
                max_tokens: more.max_tokens,
                temperature: more.temperature,
                top_k: more.top_k,
                seed: more.seed,
            };
            Input::Text(copied(&more.prompts), sampling)
        }
        4 => {
            let rows = table(&more()?.table)?;
            Input::Table(rows.ok_or_else(|| Error::mismatch("input", "a table", "none"))?)
        }
        kind => return Err(Error::Unsupported(format!("input of kind {kind}"))),
    };
    Ok(Query {
        input,
        labels: optional(crossed.labels, "labels")?,
        want: Access::from_bits_truncate(crossed.want),
        layers: crossed.more.map(|more| copied(&more.layers)).unwrap_or_default(),
    })
}

fn copied(texts: &[RString]) -> Vec<String> {
    texts.iter().map(|text| text.as_str().to_owned()).collect()
}

pub(super) fn view(kind: u32, names: RVec<RString>) -> Result<View> {
    let mut names = texts(names);
    match (kind, names.len()) {
        (0, _) => Ok(View::ParameterGradient { layers: names }),
        (1, 1) => Ok(View::From(names.swap_remove(0))),
        (kind, _) => Err(Error::Unsupported(format!("view of kind {kind}"))),
    }
}

pub(super) fn signal(crossed: AbiSignal) -> Result<Signal> {
    Signal::from_code(crossed.code, crossed.parameter)
}

pub(super) fn whom(code: u32) -> Result<Whom> {
    match code {
        0 => Ok(Whom::Audited),
        1 => Ok(Whom::Population),
        code => Err(Error::Unsupported(format!("group of records {code}"))),
    }
}

fn labels(crossed: AbiLabels) -> Result<Labels> {
    Ok(match crossed.kind {
        0 => Labels::None,
        1 => Labels::Classes { values: crossed.values.into_shared("labels")?, classes: crossed.classes },
        2 => Labels::Values(tensor(crossed.tensor, "labels")?),
        kind => return Err(Error::Unsupported(format!("labels of kind {kind}"))),
    })
}

fn cohort(crossed: AbiCohort, models: usize) -> Result<(Cohort, Membership)> {
    let cohort = Cohort { ids: crossed.ids.into_shared("record numbers")?, labels: labels(crossed.labels)? };
    let membership = crossed.membership.into_shared("membership")?;
    let membership = Membership::from_words(membership, cohort.len(), models)?;
    Ok((cohort, membership))
}

/// The case that the other side lends for one call.
pub(super) fn with_case<T>(crossed: AbiCase<'_>, call: impl FnOnce(&Case<'_>) -> Result<T>) -> Result<T> {
    let models: Vec<ImportedTarget<TargetRef<'_>>> =
        crossed.models.into_iter().map(ImportedTarget::borrowed).collect();
    let Some((target, references)) = models.split_first() else {
        return Err(Error::mismatch("case", "a target", "none"));
    };
    let (audited, audited_membership) = cohort(crossed.audited, references.len())?;
    let (population, population_membership) = cohort(crossed.population, references.len())?;
    let signals = ImportedSignals {
        models: crossed.signals.models(),
        augmentations: crossed.signals.augmentations(),
        inner: crossed.signals,
    };
    let parts = CaseParts {
        task: Task::from_code(crossed.task)?,
        granted: Access::from_bits_truncate(crossed.granted),
        target,
        references: references.iter().map(|reference| reference as &dyn Target).collect(),
        audited,
        population,
        audited_membership: std::borrow::Cow::Owned(audited_membership),
        population_membership: std::borrow::Cow::Owned(population_membership),
        signals: &signals,
    };
    let groups =
        crossed.groups.into_iter().map(|group| group.into_shared("a group")).collect::<Result<_>>()?;
    let case = Case::assemble(parts, crossed.columns.to_vec())?.with_groups(groups)?;
    let generator = crossed.generator.into_option().map(ImportedTarget::borrowed);
    let case = match &generator {
        Some(target) => case.with_generator(Generator { target, latent: crossed.latent.to_vec() }),
        None => case,
    };
    match crossed.attribute {
        ROption::RSome(known) => call(&case.with_attribute(attribute(known)?)?),
        ROption::RNone if crossed.of_candidate => call(&case.of_candidate()),
        ROption::RNone => call(&case),
    }
}

fn attribute(crossed: AbiAttribute) -> Result<Attribute> {
    Ok(Attribute {
        name: crossed.name.into_string(),
        scale: Scale::from_code(crossed.scale)?,
        candidates: texts(crossed.candidates),
        population: crossed.population.into_shared("values of the population")?,
        audited_known: tensor(crossed.audited_known, "what is known of audited records")?,
        population_known: tensor(crossed.population_known, "what is known of population records")?,
        imputed: optional(crossed.imputed, "imputed probabilities")?,
    })
}

/// The context that the other side lends for one call.
pub(super) fn with_ctx<T>(crossed: AbiCtx<'_>, call: impl FnOnce(&Ctx<'_>) -> Result<T>) -> Result<T> {
    let host = ImportedHost(crossed.host);
    call(&Ctx::new(crossed.seed, crossed.scope.as_str(), crossed.threads, &host))
}

/// The inputs of so many records.
fn inputs(crossed: Crossing<AbiTensor>, records: &Indices) -> Result<Tensor> {
    let inputs = tensor(received(crossed)?, "inputs of records")?;
    if inputs.shape().is_empty() || inputs.rows() != records.len() {
        let expected = format!("one row for each of {} records", records.len());
        return Err(Error::mismatch("inputs of records", expected, format!("shape {:?}", inputs.shape())));
    }
    Ok(inputs)
}

/// A target of the other side.
struct ImportedTarget<T> {
    inner: T,
    /// Apart, since a case brings many targets whose cards nobody reads.
    card: OnceLock<Box<TargetCard>>,
}

impl<T: AbiTarget> ImportedTarget<T> {
    /// Lent for a call: the card is read when it is asked for.
    fn borrowed(inner: T) -> Self {
        Self { inner, card: OnceLock::new() }
    }
}

/// Takes a target over.
fn target(inner: TargetBox) -> Result<Box<dyn Target>> {
    let mut card: Box<TargetCard> = serde_json::from_str(&inner.card()).map_err(|error| {
        Error::mismatch("target", "a card that says what it is", plain(&error.to_string()))
    })?;
    // The name is shown to people; a fingerprint and names of layers are compared.
    card.name = plain(&card.name);
    Ok(Box::new(ImportedTarget { inner, card: OnceLock::from(card) }))
}

impl<T: AbiTarget + Send + Sync> Target for ImportedTarget<T> {
    fn card(&self) -> &TargetCard {
        self.card.get_or_init(|| serde_json::from_str(&self.inner.card()).unwrap_or_default())
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let crossed = export::with_query(query, |query| received(self.inner.predict(query)))?;
        let mut answers = Outputs::default();
        fill(&mut answers, crossed)?;
        answers.check_rows(query.len())?;
        Ok(answers)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let pulled = export::with_query(query, |query| received(self.inner.vjp(query)))?;
        let answers = outputs(pulled.outputs)?;
        answers.check_rows(query.len())?;
        Ok((answers, Box::new(ImportedPullback { inner: pulled.pullback, rows: query.len() })))
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        named(received(self.inner.parameters())?)
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        let (kind, names) = export::view(&view);
        target(received(self.inner.view(kind, names))?)
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        inputs(self.inner.input(AbiShared::of(records)), records)
    }

    fn variant(&self, records: &Indices, variant: Augmentation) -> Result<Tensor> {
        inputs(self.inner.variant(AbiShared::of(records), variant.0), records)
    }
}

struct ImportedPullback {
    inner: PullbackBox,
    rows: usize,
}

impl Pullback for ImportedPullback {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let gradient = tensor(received(self.inner.apply(export::outputs(cotangent)))?, "gradient")?;
        if gradient.shape().is_empty() || gradient.rows() != self.rows {
            let expected = format!("one row for each of {} questions", self.rows);
            return Err(Error::mismatch("gradient", expected, format!("shape {:?}", gradient.shape())));
        }
        Ok(gradient)
    }
}

struct ImportedSignals<'a> {
    inner: SignalsRef<'a>,
    models: usize,
    augmentations: usize,
}

impl SignalSource for ImportedSignals<'_> {
    fn models(&self) -> usize {
        self.models
    }

    fn augmentations(&self) -> usize {
        self.augmentations
    }

    fn read(&self, signal: Signal, whom: Whom, range: std::ops::Range<usize>, out: &mut [f32]) -> Result<()> {
        let (signal, whom) = (export::signal(signal), export::whom(whom));
        received(self.inner.read(signal, whom, range.start, range.end, out.into()))
    }
}

struct ImportedHost<'a>(HostRef<'a>);

impl Host for ImportedHost<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.0.progress(done, total);
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }

    fn log(&self, line: &str) {
        self.0.log(line.into());
    }

    fn chose(&self, parameter: &str, value: &str) {
        self.0.chose(parameter.into(), value.into());
    }

    fn base(&self) -> PathBuf {
        let base = received(self.0.base()).and_then(|bytes| path(&bytes));
        base.unwrap_or_else(|_| PathBuf::from("."))
    }

    fn folder(&self) -> Result<PathBuf> {
        path(&received(self.0.folder())?)
    }

    fn fit(&self, recipe: &Recipe, data: &Records, runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
        let recipe = json_text(recipe)?;
        let all = self.0.fit(recipe.as_str().into(), export::records(data), export::fit_runs(runs));
        fitted(received(all)?, runs.len())
    }

    fn run(&self, name: &str, config: &Value, case: &Case<'_>) -> Result<Findings> {
        let config = config.to_string();
        let records = case.audited().len();
        export::with_case(case, |case| {
            findings(received(self.0.run(name.into(), config.as_str().into(), case))?, records)
        })
    }
}

pub(super) fn path(bytes: &[u8]) -> Result<PathBuf> {
    #[cfg(unix)]
    let path = Some(<std::ffi::OsStr as std::os::unix::ffi::OsStrExt>::from_bytes(bytes).into());
    #[cfg(not(unix))]
    let path = std::str::from_utf8(bytes).ok().map(PathBuf::from);
    path.ok_or_else(|| Error::mismatch("path", "UTF-8", "other bytes"))
}

pub(super) fn records(crossed: AbiRecords) -> Result<Records> {
    Ok(Records {
        ids: crossed.ids.into_shared("record numbers")?,
        inputs: features(crossed.inputs)?,
        labels: labels(crossed.labels)?,
    })
}

fn features(crossed: AbiFeatures) -> Result<Features> {
    Ok(match (optional(crossed.tensor, "inputs")?, table(&crossed.table)?) {
        (Some(inputs), _) => Features::Tensor(inputs),
        (None, Some(inputs)) => Features::Table(inputs),
        (None, None) => Features::None,
    })
}

pub(super) fn fit_runs(runs: RVec<AbiFitRun>) -> Result<Vec<FitRun>> {
    runs.into_iter().map(|run| Ok(FitRun { rows: run.rows.into_shared("rows")?, seed: run.seed })).collect()
}

fn fitted(all: RVec<Crossing<AbiFitted>>, runs: usize) -> Result<Vec<Result<Fitted>>> {
    if all.len() != runs {
        return Err(Error::mismatch("fitted models", format!("{runs}, one per run"), all.len()));
    }
    let one = |crossed: Crossing<AbiFitted>| {
        let fitted = received(crossed)?;
        Ok(Fitted {
            target: target(fitted.target)?,
            weights: fitted.weights.into_option().map(|bytes| path(&bytes)).transpose()?,
            train_loss: fitted.train_loss.into_option(),
            train_accuracy: fitted.train_accuracy.into_option(),
            checkpoints: fitted
                .checkpoints
                .into_iter()
                .map(|AbiCheckpoint { epoch, target: model }| {
                    Ok(Checkpoint { epoch, target: target(model)? })
                })
                .collect::<Result<_>>()?,
        })
    };
    Ok(all.into_iter().map(one).collect())
}

/// What an adapter may know, lent by the other side for one call.
pub(super) fn with_setting<T>(
    crossed: AbiSetting<'_>,
    call: impl FnOnce(&Setting<'_>) -> Result<T>,
) -> Result<T> {
    let base = path(crossed.base.as_slice())?;
    let ids = table(&crossed.roster)?.ok_or_else(|| Error::mismatch("roster", "a table", "none"))?;
    let roster = Roster::from_table(&ids)?;
    let labels = labels(crossed.labels)?;
    let inputs = features(crossed.inputs)?;
    let task = Task::from_code(crossed.task)?;
    call(&Setting { base: &base, roster: &roster, labels: &labels, inputs: &inputs, task })
}

/// The findings of a run on `records` audited records.
pub(super) fn findings(crossed: AbiFindings, records: usize) -> Result<Findings> {
    let count = crossed.tensors.len().max(crossed.texts.len());
    let text: usize = crossed.texts.iter().map(RString::len).sum();
    if count > MOST_FINDINGS || text > MOST_TEXT {
        return Err(Error::mismatch(
            "findings",
            format!("at most {MOST_FINDINGS} with {MOST_TEXT} bytes of text"),
            format!("{count} with {text} bytes"),
        ));
    }
    let kind = crossed.kind;
    let mut tensors = crossed.tensors.into_iter();
    let mut texts = texts(crossed.texts).into_iter();
    let mut next = |what: &str, expected: Option<usize>| -> Result<Tensor> {
        let found = tensor(tensors.next().unwrap_or(AbiTensor(ptr::null_mut())), what)?;
        let length = found.len();
        if found.shape().len() != 1 || length > MOST_FINDINGS || expected.is_some_and(|n| n != length) {
            let expected = expected.map_or_else(|| format!("at most {MOST_FINDINGS}"), |n| n.to_string());
            return Err(Error::mismatch(what, expected, format!("shape {:?}", found.shape())));
        }
        Ok(found)
    };
    let index = |value: i64, below: usize, what: &str| {
        let index = usize::try_from(value).ok().filter(|&index| index < below);
        index.ok_or_else(|| Error::mismatch(what, format!("a number below {below}"), value))
    };
    Ok(match kind {
        0 => Findings::Membership(next("membership scores", Some(records))?.as_slice::<f64>()?.to_vec()),
        1 => Findings::Attribute(next("scores of candidates", None)?.as_slice::<f64>()?.to_vec()),
        2 => {
            let class = next("classes of reconstructions", None)?.to_i64()?;
            let start = next("starts of reconstructions", Some(class.len()))?.to_i64()?;
            let ending = next("endings of reconstructions", Some(class.len()))?.to_i64()?;
            let score = next("scores of reconstructions", Some(class.len()))?.to_f64()?;
            let mut rebuilt = Vec::with_capacity(class.len());
            for (((class, start), ending), score) in class.into_iter().zip(start).zip(ending).zip(score) {
                let handle = tensors.next().unwrap_or(AbiTensor(ptr::null_mut()));
                rebuilt.push(Reconstruction {
                    class: index(class, u32::MAX as usize, "class of a reconstruction")? as u32,
                    input: tensor(handle, "reconstruction")?,
                    start: index(start, u32::MAX as usize, "start of a reconstruction")? as u32,
                    ending: Ending::ALL[index(ending, Ending::ALL.len(), "ending of a reconstruction")?],
                    score,
                });
            }
            Findings::Reconstructions(rebuilt)
        }
        3 => {
            let scores = next("scores of extractions", Some(texts.len() / 2))?.to_f64()?;
            let each = |score| Extraction {
                prompt: texts.next().unwrap_or_default(),
                text: texts.next().unwrap_or_default(),
                score,
            };
            Findings::Extractions(scores.into_iter().map(each).collect())
        }
        4 => Findings::Groups(next("numbers of groups", None)?.as_slice::<f64>()?.to_vec()),
        kind => return Err(Error::Unsupported(format!("findings of kind {kind}"))),
    })
}

pub(super) fn case_size(size: AbiCaseSize) -> Result<CaseSize> {
    Ok(CaseSize {
        task: Task::from_code(size.task)?,
        granted: Access::from_bits_truncate(size.granted),
        augmentations: size.augmentations,
        audited: size.audited,
        population: size.population,
        references: size.references,
        classes: size.classes,
        generator: size.generator.into_option().map(Access::from_bits_truncate),
        fitted_with_min: size.fitted_with_min,
        fitted_without_min: size.fitted_without_min,
    })
}

pub(super) fn needs(crossed: AbiNeeds) -> Result<Needs> {
    if crossed.signals.len() > MOST_ROWS {
        let got = crossed.signals.len();
        return Err(Error::mismatch("signals of an attack", format!("at most {MOST_ROWS}"), got));
    }
    Ok(Needs {
        signals: crossed.signals.into_iter().map(signal).collect::<Result<_>>()?,
        access: Access::from_bits_truncate(crossed.access),
        references_min: crossed.references_min,
        references_max: crossed.references_max,
        in_out_min: (crossed.in_min, crossed.out_min),
        own_records: crossed.own_records,
        classes: crossed.classes,
        texts: crossed.texts,
        population_min: crossed.population_min,
        fits: crossed.fits,
        generator: crossed.generator.into_option().map(Access::from_bits_truncate),
        queries: crossed.queries,
        queries_per_class: crossed.queries_per_class,
        queries_per_record: crossed.queries_per_record,
        queries_per_population_record: crossed.queries_per_population_record,
        groups: (crossed.group_size > 0)
            .then_some(Grouping { size: crossed.group_size, shares: crossed.group_shares }),
    })
}

/// An attack of a plugin.
struct LoadedAttack(AttackBox);

impl DynAttack for LoadedAttack {
    fn needs(&self, records: usize) -> Result<Needs> {
        needs(received(self.0.needs(records))?)
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        export::with_ctx(ctx, |ctx| {
            let records = case.audited().len();
            export::with_case(case, |case| findings(received(self.0.run(case, ctx))?, records))
        })
    }
}

/// A row of a list of a plugin.
struct Row {
    root: PluginRef,
    row: usize,
}

fn answer(crossing: Crossing<RString>) -> Result<Value> {
    let text = received(crossing)?;
    serde_json::from_str(&text)
        .map_err(|error| Error::mismatch("answer of a plugin", "JSON", plain(&error.to_string())))
}

fn files(crossing: Crossing<RVec<RVec<u8>>>) -> Result<Vec<PathBuf>> {
    received(crossing)?.into_iter().map(|bytes| path(&bytes)).collect()
}

impl MakeAttack for Row {
    fn schema(&self) -> Result<Value> {
        answer(self.root.attack_schema()(self.root.lists(), self.row))
    }

    fn resolve(&self, config: Value) -> Result<Value> {
        let config = config.to_string();
        answer(self.root.attack_resolve()(self.root.lists(), self.row, config.as_str().into()))
    }

    fn settle(&self, config: Value, size: &CaseSize) -> Result<Value> {
        let (config, size) = (config.to_string(), export::case_size(size));
        answer(self.root.attack_settle()(self.root.lists(), self.row, config.as_str().into(), size))
    }

    fn files(&self, config: Value, base: &Path) -> Result<Vec<PathBuf>> {
        let config = config.to_string();
        export::with_path(base, |base| {
            files(self.root.attack_files()(self.root.lists(), self.row, config.as_str().into(), base))
        })
    }

    fn through(&self, config: Value, settled: Option<Map<String, Value>>) -> Result<Option<InnerAttack>> {
        let (config, settled) = (config.to_string(), serde_json::json!(settled).to_string());
        let through = self.root.attack_through();
        let named =
            answer(through(self.root.lists(), self.row, config.as_str().into(), settled.as_str().into()))?;
        serde_json::from_value(named).map_err(|error| {
            Error::mismatch("answer of a plugin", "an attack that it runs", plain(&error.to_string()))
        })
    }

    fn build(&self, config: Value) -> Result<Box<dyn DynAttack>> {
        let config = config.to_string();
        let built = self.root.attack_build()(self.root.lists(), self.row, config.as_str().into());
        Ok(Box::new(LoadedAttack(received(built)?)))
    }
}

impl Open for Row {
    fn schema(&self) -> Result<Value> {
        answer(self.root.adapter_schema()(self.root.lists(), self.row))
    }

    fn files(&self, config: Value, base: &Path) -> Result<Vec<PathBuf>> {
        let config = config.to_string();
        export::with_path(base, |base| {
            files(self.root.adapter_files()(self.root.lists(), self.row, config.as_str().into(), base))
        })
    }

    fn open(&self, config: Value, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        let config = config.to_string();
        export::with_ctx(ctx, |ctx| {
            export::with_setting(setting, |setting| {
                let open = self.root.adapter_open();
                target(received(open(self.root.lists(), self.row, config.as_str().into(), setting, ctx))?)
            })
        })
    }

    fn references(&self, config: Value, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Vec<Reference>> {
        let (config, records) = (config.to_string(), setting.roster.len());
        let all = export::with_ctx(ctx, |ctx| {
            export::with_setting(setting, |setting| {
                let open = self.root.adapter_references();
                received(open(self.root.lists(), self.row, config.as_str().into(), setting, ctx))
            })
        })?;
        let each = |(i, reference): (usize, AbiReference)| {
            let what = format!("rows of reference model {i}");
            let member = tensor(reference.member, &what)?;
            if member.shape() != [records] {
                return Err(Error::mismatch(what, records, format!("shape {:?}", member.shape())));
            }
            Ok(Reference { target: target(reference.target)?, member: member.to_bools()? })
        };
        all.into_iter().enumerate().map(each).collect()
    }

    fn fit(
        &self,
        config: Value,
        recipe: &Recipe,
        data: &Records,
        runs: &[FitRun],
        ctx: &Ctx<'_>,
    ) -> Vec<Result<Fitted>> {
        let config = config.to_string();
        let all = export::with_ctx(ctx, |ctx| {
            let recipe = json_text(recipe)?;
            let (data, crossing) = (export::records(data), export::fit_runs(runs));
            let fit = self.root.adapter_fit();
            let all = fit(
                self.root.lists(),
                self.row,
                config.as_str().into(),
                recipe.as_str().into(),
                data,
                crossing,
                ctx,
            );
            fitted(received(all)?, runs.len())
        });
        all.unwrap_or_else(|error| runs.iter().map(|_| Err(error.clone())).collect())
    }

    fn fitted(
        &self,
        config: Value,
        recipe: &Recipe,
        weights: &Path,
        setting: &Setting<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        let (config, recipe) = (config.to_string(), json_text(recipe)?);
        let (config, recipe) = (config.as_str().into(), recipe.as_str().into());
        export::with_ctx(ctx, |ctx| {
            export::with_setting(setting, |setting| {
                export::with_path(weights, |weights| {
                    let open = self.root.adapter_fitted();
                    let crossed = open(self.root.lists(), self.row, config, recipe, weights, setting, ctx);
                    target(received(crossed)?)
                })
            })
        })
    }
}

fn json_text(recipe: &Recipe) -> Result<String> {
    serde_json::to_string(recipe).map_err(|error| Error::Config(error.to_string()))
}

/// What a plugin says of its lists.
#[derive(Deserialize)]
pub(super) struct Described {
    attacks: Vec<DescribedAttack>,
    adapters: Vec<DescribedAdapter>,
}

#[derive(Deserialize)]
struct DescribedAttack {
    name: String,
    version: u32,
    family: Family,
    title_fr: String,
    title_en: String,
    summary_fr: String,
    summary_en: String,
    formula: String,
    paper: String,
    source: String,
}

#[derive(Deserialize)]
struct DescribedAdapter {
    name: String,
    version: u32,
    summary_fr: String,
    summary_en: String,
    offers: u64,
}

pub(super) fn described(answer: Value) -> Result<Described> {
    serde_json::from_value(answer)
        .map_err(|error| Error::mismatch("plugin", "a description of its lists", plain(&error.to_string())))
}

/// The lists of a plugin whose layouts agree.
pub(super) fn plugin(root: PluginRef) -> Result<Plugin> {
    if !root.unwinds() {
        return Err(Error::mismatch(
            "plugin",
            "one built with `panic = \"unwind\"`, so that a panic in it can be caught",
            "`panic = \"abort\"`",
        ));
    }
    let described = described(answer(root.describe()(root.lists()))?)?;
    let rows = described.attacks.len().max(described.adapters.len());
    if rows > MOST_ROWS {
        return Err(Error::mismatch("plugin", format!("lists of at most {MOST_ROWS} rows"), rows));
    }
    let attacks = described.attacks.into_iter().enumerate().map(|(row, attack)| {
        let info = Info {
            name: name(&attack.name)?,
            version: attack.version,
            family: attack.family,
            title_fr: kept(&attack.title_fr),
            title_en: kept(&attack.title_en),
            summary_fr: kept(&attack.summary_fr),
            summary_en: kept(&attack.summary_en),
            formula: kept(&attack.formula),
            paper: kept(&attack.paper),
            source: kept(&attack.source),
        };
        Ok(Entry::loaded(info, Box::leak(Box::new(Row { root, row }))))
    });
    let adapters = described.adapters.into_iter().enumerate().map(|(row, adapter)| {
        let info = AdapterInfo {
            name: name(&adapter.name)?,
            version: adapter.version,
            summary_fr: kept(&adapter.summary_fr),
            summary_en: kept(&adapter.summary_en),
            offers: Access::from_bits_truncate(adapter.offers),
        };
        Ok(AdapterEntry::loaded(info, Box::leak(Box::new(Row { root, row }))))
    });
    Ok(Plugin {
        info: PluginInfo {
            name: root.name().into(),
            version: root.version().into(),
            target: root.target().into(),
            rustc: root.rustc().into(),
        },
        attacks: attacks.collect::<Result<_>>()?,
        adapters: adapters.collect::<Result<_>>()?,
    })
}

/// Text of a plugin that is never unloaded is kept as long; it moves no cursor.
fn kept(text: &str) -> &'static str {
    let plain = |c: char| if c.is_control() && c != '\n' { ' ' } else { c };
    Box::leak(text.chars().map(plain).collect::<String>().into_boxed_str())
}

pub(super) fn name(name: &str) -> Result<&'static str> {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    if name.is_empty() || name.len() > 64 || !name.chars().all(allowed) {
        let expected = "at most 64 lower-case letters, digits and hyphens";
        return Err(Error::mismatch("name of an attack or adapter", expected, format!("{name:.64?}")));
    }
    Ok(kept(name))
}
