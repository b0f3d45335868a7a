//! One step at a time: the same code in a worker process (`paname work RUN STEP`) and within the engine's own process.
//!
//! The worker protocol: the worker reads `run.json` in the run folder, writes the step's object into the store, and tells of progress as lines of
//! JSON on its standard output. It ends at once when its standard input closes, so that no worker outlives its engine.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use paname_core::{
    Access, Case, Ctx, DynAttack, Error, Findings, FitRun, Fitted, Generator, Grouping, Host, Indices, Needs,
    PluginOrigin, Recipe, Records, Registry, Result, Roster, Signal, Target, TargetCard, Tensor, Within,
};
use paname_evidence::{AttributeResult, GapSummary, InversionResult};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::attacking::{ACCOUNT, Account, Bench, Guessed, PLAYED, unveiled, veiled, withheld};
use crate::attributes;
use crate::blind::{self, Found};
use crate::features::Inventory;
use crate::fidelity;
use crate::fits::{self, Fits};
use crate::gap;
use crate::groups::{self, Groups};
use crate::inputs::{self, Inputs, Models, Supply, correctness_signal};
use crate::inversions::{self, Evaluation, Eye, Stored as Rebuilt};
use crate::judge::grouped::{self, Judged};
use crate::judge::{self, epsilon::Terms};
use crate::manifest::{Manifest, Test};
use crate::outputs::{self, Stored};
use crate::plan;
use crate::signals;
use crate::step::{Fit, Step};
use crate::store::{Draft, Lookup, Object, Store, create_private_folder};

/// Name of the file that tells a worker what the run is about.
pub(crate) const RUN_FILE: &str = "run.json";

/// Name of the card of what makes inputs.
const GENERATOR: &str = "generator.json";

/// What a worker must know.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunFile {
    /// The manifest, absolute. Not a `PathBuf`, which JSON refuses where a name is not UTF-8.
    pub(crate) manifest: OsString,
    /// Its digest when the run was planned.
    pub(crate) sha256: String,
    /// Threads per worker.
    pub(crate) threads: usize,
    /// What seeds the order in which attacks see the records, besides the audit's seed.
    pub(crate) order: String,
    /// What rows of reference models are drawn by, besides a seed.
    pub(crate) data: String,
    /// Reference models that are to be fitted: in an audit by stages, those of this one.
    pub(crate) models: u32,
    /// Key of each step by its name; of the fits, once they have run, those that are there.
    pub(crate) keys: BTreeMap<String, String>,
    /// The plugins that the audit uses.
    pub(crate) plugins: Vec<RunPlugin>,
}

/// A plugin that a worker must load, to the byte.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RunPlugin {
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) sha256: String,
    /// Not a `PathBuf`, for the same reason as the manifest.
    pub(crate) folder: OsString,
}

impl RunPlugin {
    pub(crate) fn of(plugin: &PluginOrigin) -> Self {
        let PluginOrigin { name, version, sha256, folder } = plugin.clone();
        Self { name, version, sha256, folder: folder.into_os_string() }
    }

    fn origin(self) -> PluginOrigin {
        let Self { name, version, sha256, folder } = self;
        PluginOrigin { name, version, sha256, folder: folder.into() }
    }
}

impl RunFile {
    pub(crate) fn key(&self, step: &Step) -> Result<&str, EngineError> {
        let name = step.to_string();
        let key = self.keys.get(&name).map(String::as_str);
        key.ok_or_else(|| EngineError::Other(format!("step `{name}` is not part of the run")))
    }
}

/// A line that a worker writes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub(crate) enum Message {
    /// How far the step is.
    Progress(u64, u64),
    /// A line for the log.
    Log(String),
    /// The step is at work, and has nothing else to say.
    Alive,
    /// The step failed: the error's exit code and words.
    Error(u8, String),
    /// The manifest cannot be used, for a reason that shows in the data only.
    Manifest { line: usize, column: usize, problem: String, span: std::ops::Range<usize> },
    /// The step was cancelled.
    Cancelled,
    /// The result is in the store.
    Done,
}

/// What a step runs on.
pub(crate) struct Workplace<'a> {
    pub(crate) run_dir: &'a Path,
    pub(crate) manifest: &'a Manifest,
    pub(crate) registry: &'a Registry,
    pub(crate) store: &'a Store,
    pub(crate) run: &'a RunFile,
    /// What the records are, read once.
    pub(crate) inventory: &'a Inventory,
}

impl Workplace<'_> {
    /// Runs a step and puts its result into the store.
    pub(crate) fn execute(&self, step: &Step, host: &dyn Host) -> Result<(), EngineError> {
        let name = step.to_string();
        // An attack draws the same on the target and on unrelated models.
        let scope = match step {
            Step::Attack(test) | Step::Unrelated(test) => format!("attack/{test}"),
            step => step.to_string(),
        };
        let seed = match step {
            Step::Fit(Fit::Reference(_)) => self.reference_seed(),
            _ => self.seed(),
        };
        let services = |role| Services {
            host,
            place: self,
            step,
            role,
            scope: &scope,
            veil: OnceLock::new(),
            chosen: Mutex::default(),
        };
        let host = &services("");
        // What adapters leave in their folder names records as the roster does, which attacks must not see.
        let models_host = &services("-models");
        let ctx = Ctx::new(seed, &scope, self.run.threads, host);
        let models_ctx = Ctx::new(seed, &scope, self.run.threads, models_host);
        let draft = self.store.draft(self.run.key(step)?)?;
        match step {
            Step::Fit(fit) => {
                // Weights depend on the number of threads.
                let ctx = Ctx::new(seed, &scope, 1, host);
                fits::run(self.manifest, self.registry, self.inventory, &self.run.data, *fit, &ctx, &draft)?;
            }
            Step::Inputs => inputs::prepare(&self.supply(), &ctx)?.write(&draft)?,
            Step::Fidelity => {
                let (object, inputs) = self.inputs()?;
                fidelity::run(&self.supply(), &object, &inputs, &ctx, &draft)?;
            }
            Step::Blind => {
                let (object, inputs) = self.inputs()?;
                let ids: Vec<String> = object.json("ids.json")?;
                let roster = Roster::new(ids, "ids.json")?;
                let features =
                    self.inventory.features(self.manifest, &roster, inputs.audited, ctx.threads())?;
                let labels = inputs::labels(&object, &inputs)?;
                blind::run(features, &labels, &inputs::truth(&object)?, &ctx, &draft)?;
            }
            Step::Outputs(model) => {
                let (object, inputs) = self.inputs()?;
                let model = inputs::open_model(&self.supply(), &object, &inputs, *model, &ctx)?;
                outputs::run(&inputs, model.as_ref(), &ctx, &draft)?;
            }
            Step::Signals(signal) => {
                let (object, inputs) = self.inputs()?;
                let models = self.answering(&object, &inputs, &ctx)?;
                signals::run(*signal, &inputs, &inputs::labels(&object, &inputs)?, &models, &ctx, &draft)?;
            }
            Step::Attributes => {
                let (object, inputs) = self.inputs()?;
                attributes::run_all(&self.supply(), &object, &inputs, &ctx, &draft)?;
            }
            Step::Generator => {
                let absent = || EngineError::Other("the audit has no generator".into());
                let source = self.manifest.content.inversion.generator.as_ref().ok_or_else(absent)?;
                let target = inversions::generator(source, &self.supply(), &models_ctx)?;
                draft.json(GENERATOR, target.card())?;
            }
            Step::Attribute(name) => {
                let (object, inputs) = self.inputs()?;
                attributes::run(&self.supply(), &object, &inputs, name, &ctx, &draft)?;
            }
            Step::Candidates(name, model) => {
                let (whole, own) = (self.inputs()?, self.attribute_inputs(name)?);
                let model = self.opener(name, &whole, &own).model(*model, &ctx)?;
                outputs::run(&own.1, model.as_ref(), &ctx, &draft)?;
            }
            Step::CandidateSignals(name, signal) => {
                let (object, inputs) = self.attribute_inputs(name)?;
                let models = self.candidate_answers(name, &inputs)?.into_iter();
                let mut models = models.map(|stored| -> Box<dyn Target> { Box::new(stored) });
                let missing = || EngineError::Other("no model answered".into());
                let models =
                    Models { target: models.next().ok_or_else(missing)?, references: models.collect() };
                signals::run(*signal, &inputs, &inputs::labels(&object, &inputs)?, &models, &ctx, &draft)?;
            }
            Step::Evaluation => {
                let (object, inputs) = self.inputs()?;
                // Weights depend on the number of threads, where the evaluator is fitted.
                let ctx = Ctx::new(seed, &scope, 1, host);
                inversions::evaluate(&self.supply(), &object, &inputs, &ctx, &draft)?;
            }
            Step::Unregularised => {
                let arm = plan::unregularised(self.manifest);
                match self.rebuild(&arm, host, (&ctx, &models_ctx), &draft) {
                    // An arm that cannot run is none: what it is beside has its result.
                    Err(EngineError::Data(error))
                        if !matches!(error, Error::Cancelled | Error::Caused { .. }) =>
                    {
                        host.log(&format!("the arm without regularisation could not run: {error}"));
                        inversions::write(&[], &draft)?;
                    }
                    outcome => outcome?,
                }
            }
            Step::Attack(id) if self.inverts(id)? => {
                self.rebuild(self.test(id)?, host, (&ctx, &models_ctx), &draft)?;
            }
            Step::Imputation(name) => {
                let (whole, own) = (self.inputs()?, self.attribute_inputs(name)?);
                let table = self.manifest.content.attribute(name);
                let source = table.map(|table| table.imputer.clone()).unwrap_or_default();
                let config = serde_json::Value::Object(source.parameters);
                let attack = self.registry.build(&source.attack, config)?;
                let open =
                    || Err(Error::Unsupported("questions to a model by whoever guesses without it".into()));
                let described = whole.1.attribute(name)?;
                let guessed = guessed(described, &own.0, None, Vec::new())?;
                let bench = Bench {
                    inputs: &own.1,
                    object: &own.0,
                    signals: Vec::new(),
                    groups: Groups::new(),
                    budget: None,
                    // No more than the target had.
                    most_population: attributes::imputed_from(self.manifest, &whole.1, described),
                    order: Ctx::new(seed, &self.run.order, 1, &()),
                    veil: &host.veil,
                    log: &|line| host.log(line),
                    chosen: &host.chosen,
                    open: &open,
                    attribute: Some(guessed),
                    withheld: false,
                    generator: None,
                };
                bench.attack(attack.as_ref(), &ctx, &draft)?;
            }
            Step::Groups(id) => {
                let (object, inputs) = self.inputs()?;
                ctx.tick(0, 1)?;
                if let Some(grouping) = self.grouping(id, &inputs)? {
                    // Its scope is nothing that an attack knows, and tests with the same grouping judge the same groups.
                    let secret = Ctx::new(seed, &self.run.order, 1, &());
                    let mut rng = secret.rng(&format!("groups of {} records", grouping.size));
                    groups::write(&groups::draw(&inputs::truth(&object)?, grouping, &mut rng), &draft)?;
                }
                ctx.tick(1, 1)?;
            }
            Step::Attack(id) | Step::Unrelated(id) => {
                let attribute = self.attribute_of(id)?;
                let whole = self.inputs()?;
                let own = match attribute {
                    Some(name) => Some((name, self.attribute_inputs(name)?)),
                    None => None,
                };
                let (object, inputs) = own.as_ref().map_or(&whole, |(_, own)| own);
                let (_, attack) = build(self.registry, self.test(id)?, inputs)?;
                let needs = attack.needs(inputs.audited)?;
                let signal = |signal: Signal| {
                    let step = match attribute {
                        Some(name) => Step::CandidateSignals(name.to_owned(), signal),
                        None => Step::Signals(signal),
                    };
                    Ok((signal, self.store.object(self.run.key(&step)?)))
                };
                let signals = needs.signals.iter().map(|&s| signal(s)).collect::<Result<_, EngineError>>()?;
                let open = || {
                    match &own {
                        Some((name, own)) => self.opener(name, &whole, own).models(&models_ctx),
                        None => inputs::open_models(&self.supply(), object, inputs, &models_ctx),
                    }
                    .map_err(|e| Error::Other(e.to_string()))
                };
                let guessed = match attribute {
                    Some(name) => {
                        let imputed = self.scores(&Step::Imputation(name.to_owned()))?;
                        // Whose questions do not count the sweep is not answered from it.
                        let swept = plan::questions_of_signals(&needs, inputs) > 0;
                        let stored = if swept { self.candidate_answers(name, inputs)? } else { Vec::new() };
                        Some(guessed(whole.1.attribute(name)?, object, Some(imputed), stored)?)
                    }
                    None => None,
                };
                let bench = Bench {
                    inputs,
                    object,
                    signals,
                    groups: self.groups(id)?,
                    budget: budget_left(self.manifest, inputs, &needs),
                    // Who guesses with the model and who guesses without learn from the same records.
                    most_population: match attribute {
                        Some(name) => {
                            let described = whole.1.attribute(name)?;
                            attributes::imputed_from(self.manifest, &whole.1, described)
                        }
                        None => usize::MAX,
                    },
                    order: Ctx::new(seed, &self.run.order, 1, &()),
                    veil: &host.veil,
                    log: &|line| host.log(line),
                    chosen: &host.chosen,
                    open: &open,
                    attribute: guessed,
                    withheld: false,
                    generator: None,
                };
                if matches!(step, Step::Attack(_)) {
                    bench.attack(attack.as_ref(), &ctx, &draft)?;
                } else {
                    bench.unrelated(attack.as_ref(), plan::unrelated_models(&needs, inputs), &ctx, &draft)?;
                }
            }
            Step::Judge(id) if self.inverts(id)? => {
                let audit = Ctx::new(seed, "audit", 1, host);
                draft.json("result.json", &self.judge_rebuilt(id, &audit)?)?;
            }
            Step::Judge(id) if self.attribute_of(id)?.is_some() => {
                ctx.tick(0, 1)?;
                let audit = Ctx::new(seed, "audit", 1, host);
                draft.json("result.json", &self.judge_guesses(id, &audit)?)?;
                ctx.tick(1, 1)?;
            }
            Step::Judge(id) => {
                let (object, inputs) = self.inputs()?;
                ctx.tick(0, 1)?;
                let groups = self.groups(id)?;
                let scores = judge::Scores {
                    target: self.scores(&Step::Attack(id.clone()))?,
                    played: self.played(id, &object, &inputs, &groups)?,
                    blind: match self.run.keys.get(&Step::Blind.to_string()) {
                        Some(key) => {
                            let found: Found = self.store.object(key).json(blind::FOUND)?;
                            let differs = found.p <= self.manifest.content.statistics.alpha;
                            Some((self.scores(&Step::Blind)?, differs))
                        }
                        None => None,
                    },
                };
                let truth = self.full_truth(&object, &inputs)?;
                let settings = &self.manifest.content.statistics;
                // The calibration split is the audit's, not the row's.
                let audit = Ctx::new(seed, "audit", 1, host);
                let rows = self.rows()?;
                let tests = judge::most_tests(rows, settings);
                let rows = rows.membership;
                let result = if let Some(grouping) = self.grouping(id, &inputs)? {
                    let judged = Judged { grouping, groups: &groups };
                    grouped::measure(&scores, &judged, &truth, settings, tests, &audit)?
                } else {
                    let mut result = judge::measure(&scores, &truth, settings, tests, &audit)?;
                    let terms = Terms::new(self.manifest.content.model.dp.as_ref(), settings, rows);
                    result.epsilon =
                        judge::epsilon::epsilon(&scores.target, &truth, &result.levels, settings, &terms)?;
                    result
                };
                draft.json("result.json", &result)?;
                ctx.tick(1, 1)?;
            }
        }
        self.unchanged(step)?;
        draft.commit(&name)
    }

    /// Fails where the files of an attack are no longer what its key says: the result would stand under a wrong name.
    fn unchanged(&self, step: &Step) -> Result<(), EngineError> {
        let looks = matches!(step, Step::Unregularised | Step::Evaluation)
            || matches!(step, Step::Judge(test) if self.inverts(test)?);
        if !looks && !matches!(step, Step::Attack(_) | Step::Unrelated(_)) {
            return Ok(());
        }
        let (_, inputs) = self.inputs()?;
        let steps = plan::steps(self.manifest, self.registry, &inputs, self.run.key(&Step::Inputs)?)?;
        let key = steps.iter().find(|keyed| keyed.step == *step).map(|keyed| keyed.key.as_str());
        if key == Some(self.run.key(step)?) {
            return Ok(());
        }
        let problem = "what decides it changed while the audit was running; start it again";
        Err(Error::data(format!("step `{step}`"), problem).into())
    }

    /// The objects of the fits that are there.
    pub(crate) fn fits(&self) -> Fits {
        let made = fits::wanted(self.manifest).into_iter().filter_map(|fit| {
            let key = self.run.keys.get(&Step::Fit(fit).to_string())?;
            Some((fit, self.store.object(key)))
        });
        made.collect()
    }

    fn supply(&self) -> Supply<'_> {
        let Self { manifest, registry, inventory, .. } = *self;
        Supply { manifest, registry, inventory, data_key: &self.run.data, fits: Some(self.fits()) }
    }

    fn reference_seed(&self) -> u64 {
        let fit = self.manifest.content.reference_fit();
        fit.and_then(|(_, fit, _)| fit.seed).unwrap_or_else(|| self.seed())
    }

    fn seed(&self) -> u64 {
        self.manifest.content.statistics.seed
    }

    /// The finished inputs.
    pub(crate) fn inputs(&self) -> Result<(Object, Inputs), EngineError> {
        let object = self.store.object(self.run.key(&Step::Inputs)?);
        let mut inputs: Inputs = object.json("inputs.json")?;
        // Before the steps that describe them have run there are none.
        if let Some(key) = self.run.keys.get(&Step::Attributes.to_string())
            && let Lookup::Found = self.store.find(key)?
        {
            inputs.attributes = attributes::all(&self.store.object(key))?;
        }
        if let Some(key) = self.run.keys.get(&Step::Generator.to_string()) {
            inputs.generator = Some(match self.store.find(key)? {
                Lookup::Found => self.store.object(key).json(GENERATOR)?,
                // One that could not be opened still settles the choices of attacks: without it they would fit another, and nobody would be told. Those
                // that need it wait for its step, and fail as that did.
                _ => TargetCard {
                    access: Access::all().names().map(str::to_owned).collect(),
                    ..TargetCard::default()
                },
            });
        }
        Ok((object, inputs))
    }

    /// The models that signals are computed from: what they answered where it is stored, and recorded models themselves.
    fn answering(&self, object: &Object, inputs: &Inputs, ctx: &Ctx<'_>) -> Result<Models, EngineError> {
        let stored = outputs::models(inputs);
        let all = inputs.places.len() + 1;
        let answers = |model: u32| -> Result<Box<dyn Target>, EngineError> {
            let object = self.store.object(self.run.key(&Step::Outputs(model))?);
            Ok(Box::new(Stored::open(&object, inputs)?))
        };
        if stored.len() == all {
            let references = (1..all as u32).map(&answers).collect::<Result<_, _>>()?;
            return Ok(Models { target: answers(0)?, references });
        }
        let mut models = inputs::open_models(&self.supply(), object, inputs, ctx)?;
        for model in stored {
            match model.checked_sub(1) {
                None => models.target = answers(model)?,
                Some(reference) => models.references[reference as usize] = answers(model)?,
            }
        }
        Ok(models)
    }

    /// The rows that are judged.
    fn rows(&self) -> Result<judge::Rows, EngineError> {
        let persons = self.manifest.content.inversion.persons();
        let mut rows = judge::Rows { persons, ..judge::Rows::default() };
        for test in self.run.keys.keys().filter_map(|name| name.strip_prefix("judge/")) {
            match self.attribute_of(test)? {
                Some(_) => rows.attribute += 1,
                None if self.inverts(test)? => rows.inversion += 1,
                None => rows.membership += 1,
            }
        }
        Ok(rows)
    }

    /// The attribute that a test guesses, where its attack guesses one.
    pub(crate) fn attribute_of(&self, test: &str) -> Result<Option<&str>, EngineError> {
        let test = self.test(test)?;
        let guesses = plan::guesses(self.registry, test)?;
        Ok(self.manifest.content.attribute_of(test).filter(|_| guesses).map(|table| table.name.as_str()))
    }

    /// The finished inputs of an attribute's audit.
    fn attribute_inputs(&self, name: &str) -> Result<(Object, Inputs), EngineError> {
        let object = self.store.object(self.run.key(&Step::Attribute(name.to_owned()))?);
        let inputs = object.json("inputs.json")?;
        Ok((object, inputs))
    }

    fn opener<'s>(
        &'s self,
        name: &'s str,
        whole: &'s (Object, Inputs),
        own: &'s (Object, Inputs),
    ) -> attributes::Opener<'s> {
        attributes::Opener { supply: self.supply(), whole: (&whole.0, &whole.1), own: (&own.0, &own.1), name }
    }

    /// What the models answered about each candidate, the target first.
    fn candidate_answers(&self, name: &str, inputs: &Inputs) -> Result<Vec<Stored>, EngineError> {
        // Where no attack reads them nobody was asked.
        let step = |model: u32| Step::Candidates(name.to_owned(), model);
        let models = outputs::models(inputs).into_iter().map(step);
        let asked = models.filter(|step| self.run.keys.contains_key(&step.to_string()));
        asked.map(|step| Stored::open(&self.store.object(self.run.key(&step)?), inputs)).collect()
    }

    /// Records that the imputer of an attribute says it learned from.
    fn imputed_from(&self, name: &str) -> Result<Option<u64>, EngineError> {
        let account = self.account_of(&Step::Imputation(name.to_owned()))?;
        Ok(account.chosen.get("learned-from").and_then(|rows| rows.parse().ok()))
    }

    /// The numbers of a test that guesses an attribute.
    fn judge_guesses(&self, id: &str, audit: &Ctx<'_>) -> Result<AttributeResult, EngineError> {
        let missing = || EngineError::Other(format!("test `{id}` guesses no attribute"));
        let name = self.attribute_of(id)?.ok_or_else(missing)?;
        let (_, whole) = self.inputs()?;
        let (object, inputs) = self.attribute_inputs(name)?;
        let table = self.manifest.content.attribute_of(self.test(id)?).ok_or_else(missing)?;
        let described = whole.attribute(name)?;
        let truth = by_class(&object, &inputs)?;
        let settings = &self.manifest.content.statistics;
        let guesses = judge::guesses::Guesses {
            table,
            scale: described.scale,
            candidates: described.candidates.len(),
            left_out: described.left_out,
            known: match self.imputed_from(name)? {
                Some(rows) => rows,
                None => attributes::imputed_from(self.manifest, &whole, described) as u64,
            },
            learned: self.manifest.content.trained_on(whole.data.member_records),
            twins: described.twins,
            values: attributes::true_values(&object)?,
            prior: attributes::most_frequent(&object)?,
            target: self.scores(&Step::Attack(id.to_owned()))?,
            imputed: self.scores(&Step::Imputation(name.to_owned()))?,
            played: self.played(id, &object, &inputs, &Groups::new())?,
        };
        let tests = judge::most_tests(self.rows()?, settings);
        Ok(judge::guesses::measure(&guesses, &truth, settings, tests, audit)?)
    }

    /// Whether the attack of a test rebuilds inputs.
    fn inverts(&self, test: &str) -> Result<bool, EngineError> {
        Ok(plan::inverts(self.registry, self.test(test)?)?)
    }

    /// Runs an attack that rebuilds inputs, the host's ears being those of its step.
    fn rebuild(
        &self,
        test: &Test,
        host: &Services<'_>,
        (ctx, models_ctx): (&Ctx<'_>, &Ctx<'_>),
        draft: &Draft,
    ) -> Result<(), EngineError> {
        let (object, inputs) = self.inputs()?;
        let (_, attack) = build(self.registry, test, &inputs)?;
        let needs = attack.needs(0)?;
        let supply = self.supply();
        let source = self.manifest.content.inversion.generator.as_ref().filter(|_| needs.generator.is_some());
        let generator =
            source.map(|source| inversions::generator(source, &supply, models_ctx)).transpose()?;
        let made = source.zip(generator.as_ref());
        let open = || {
            inputs::open_models(&self.supply(), &object, &inputs, models_ctx)
                .map_err(|error| Error::Other(error.to_string()))
        };
        let bench = Bench {
            inputs: &inputs,
            object: &object,
            signals: Vec::new(),
            groups: Groups::new(),
            budget: budget_left(self.manifest, &inputs, &needs),
            order: Ctx::new(self.seed(), &self.run.order, 1, &()),
            veil: &host.veil,
            log: &|line| host.log(line),
            chosen: &host.chosen,
            open: &open,
            attribute: None,
            most_population: usize::MAX,
            withheld: true,
            generator: made
                .map(|(source, target)| Generator { target: target.as_ref(), latent: source.latent.clone() }),
        };
        bench.rebuild(attack.as_ref(), ctx, draft)
    }

    /// The numbers of a test that rebuilds inputs.
    fn judge_rebuilt(&self, id: &str, audit: &Ctx<'_>) -> Result<InversionResult, EngineError> {
        let (object, inputs) = self.inputs()?;
        let settings = &self.manifest.content.statistics;
        let (table, likeness) = (&self.manifest.content.inversion, self.manifest.content.likeness());
        let truth = inputs::truth(&object)?;
        let records = inversions::Shown::of(&object, &inputs)?;
        let evaluation = Evaluation::open(&self.store.object(self.run.key(&Step::Evaluation)?))?;
        let eye = Eye::open(&self.supply(), &object, &inputs, evaluation.weights.as_deref(), audit)?
            .knowing(evaluation.tokens.clone());
        let rebuilt = |step: &Step| Rebuilt::open(&self.store.object(self.run.key(step)?));
        let attack = rebuilt(&Step::Attack(id.to_owned()))?;
        let plain = self.run.keys.contains_key(&Step::Unregularised.to_string());
        // An arm that was refused questions is no whole to hold another one against.
        let plain = plain && !self.account_of(&Step::Unregularised)?.exhausted;
        let plain = plain.then(|| rebuilt(&Step::Unregularised)).transpose()?;
        let plain = plain.filter(|plain| plain.inputs.is_some());
        let look = |inputs: Option<&Tensor>, found: &[(u32, f64)]| match inputs {
            Some(inputs) => Ok::<_, EngineError>(eye.look(inputs, audit)?.seen(found)),
            None => Ok(Vec::new()),
        };
        let mut shown: inversions::Pictures<'_> = Vec::new();
        if let Some(inputs) = &attack.inputs {
            shown.push(("attack", inputs, attack.surest()));
        }
        if let Some(plain) = &plain
            && let Some(inputs) = &plain.inputs
        {
            shown.push(("unregularised", inputs, plain.surest()));
        }
        let Evaluation { averages, members_averages, .. } = &evaluation;
        // The mean of few members would show them, and that of one and another would: these are measured, and not drawn.
        let several =
            |class: u32| evaluation.drawn.classes.get(&class).is_some_and(|sides| sides.count() > 1);
        let places = || averages.places().into_iter().filter(|(class, _)| several(*class)).collect();
        shown.extend(averages.inputs.as_ref().map(|inputs| ("average", inputs, places())));
        let inversion = judge::rebuilt::Inversion {
            persons: table.persons(),
            likeness,
            classes: inputs.classes.unwrap_or(0),
            evaluator: evaluation.evaluator(&truth, &records.labels, likeness, settings.confidence)?,
            attack: look(attack.inputs.as_ref(), &attack.found)?,
            unregularised: match &plain {
                Some(plain) => Some(look(plain.inputs.as_ref(), &plain.found)?),
                None => None,
            },
            average: look(averages.inputs.as_ref(), &averages.found())?,
            members_average: look(members_averages.inputs.as_ref(), &members_averages.found())?,
            endings: attack.endings.clone(),
            exhausted: self.account(id)?.exhausted,
            galleries: &evaluation.drawn,
            width: evaluation.features.len() / records.labels.len().max(1),
            features: &evaluation.features,
            gallery: inversions::gallery(&shown, table.galleries)?,
            texts: inversions::words(&attack, self.manifest)?,
        };
        let tests = judge::most_tests(self.rows()?, settings);
        Ok(judge::rebuilt::measure(&inversion, settings, tests, audit)?)
    }

    fn signal(&self, signal: Signal) -> Result<Object, EngineError> {
        Ok(self.store.object(self.run.key(&Step::Signals(signal))?))
    }

    /// Scores of a finished attack or control.
    pub(crate) fn scores(&self, step: &Step) -> Result<Vec<f64>, EngineError> {
        let object = self.store.object(self.run.key(step)?);
        Ok(inputs::read_npy(&object.path("scores.npy"))?.to_f64()?)
    }

    /// Which groups the attack of a test judges, where it judges groups.
    fn grouping(&self, test: &str, inputs: &Inputs) -> Result<Option<Grouping>, EngineError> {
        let (_, attack) = build(self.registry, self.test(test)?, inputs)?;
        Ok(attack.needs(inputs.audited)?.groups)
    }

    /// The groups of a test; none where its attack judges records.
    fn groups(&self, test: &str) -> Result<Groups, EngineError> {
        match self.run.keys.get(&Step::Groups(test.to_owned()).to_string()) {
            Some(key) => groups::read(&self.store.object(key)),
            None => Ok(Groups::new()),
        }
    }

    /// Scores of the attack on reference models in the target's place, with the rows of each: per group where there are groups, a group being one of
    /// a model where all of its records are. Where one model is set aside for each record, the counts of the others tell the rows of the one that plays:
    /// what is found on it says nothing of the target.
    fn played(
        &self,
        test: &str,
        object: &Object,
        inputs: &Inputs,
        groups: &Groups,
    ) -> Result<Vec<judge::Played>, EngineError> {
        let step = Step::Unrelated(test.to_owned());
        if !self.run.keys.contains_key(&step.to_string()) {
            return Ok(Vec::new());
        }
        let models: Vec<usize> = self.store.object(self.run.key(&step)?).json(PLAYED)?;
        if models.is_empty() {
            // An array without rows is refused, and there is nothing to read.
            return Ok(Vec::new());
        }
        let flat = self.scores(&step)?;
        let membership = inputs::membership(object, inputs)?;
        let fitted = |record: usize, model| membership.row(record).contains(model);
        let mixed = inputs.places.len() > inputs.references.len();
        let rows = |model| match &groups[..] {
            _ if mixed => Vec::new(),
            [] => (0..inputs.audited).map(|record| fitted(record, model)).collect(),
            groups => {
                let all = |group: &Vec<u32>| group.iter().all(|&record| fitted(record as usize, model));
                groups.iter().map(all).collect()
            }
        };
        let units = if groups.is_empty() { inputs.audited } else { groups.len() };
        // Of an attribute there is a score for each candidate.
        let units = if inputs.of_attribute { units * inputs.augmentations } else { units };
        let scores = flat.chunks_exact(units.max(1)).map(<[f64]>::to_vec);
        Ok(scores.zip(models).map(|(scores, model)| judge::Played { scores, rows: rows(model) }).collect())
    }

    /// What an attack left besides scores.
    pub(crate) fn account(&self, test: &str) -> Result<Account, EngineError> {
        self.account_of(&Step::Attack(test.to_owned()))
    }

    fn account_of(&self, step: &Step) -> Result<Account, EngineError> {
        self.store.object(self.run.key(step)?).json(ACCOUNT)
    }

    /// The truth, with every cut that results are reported by.
    pub(crate) fn full_truth(&self, object: &Object, inputs: &Inputs) -> Result<judge::Truth, EngineError> {
        use paname_evidence::SliceKind;
        let mut truth = by_class(object, inputs)?;
        if let Some(correct) = self.correct(inputs)? {
            let parts =
                correct.iter().map(|&right| if right { "correct" } else { "wrong" }.to_owned()).collect();
            truth.slices.push((SliceKind::Correctness, parts));
        }
        Ok(truth)
    }

    /// Whether the target classifies each audited record correctly, where that can be told.
    pub(crate) fn correct(&self, inputs: &Inputs) -> Result<Option<Vec<bool>>, EngineError> {
        let Some(signal) = correctness_signal(inputs) else { return Ok(None) };
        let margins = signals::target_values(&self.signal(signal)?, inputs)?;
        Ok(Some(margins.into_iter().map(|margin| margin > 0.0).collect()))
    }

    /// The target's loss on each audited record.
    pub(crate) fn losses(&self, inputs: &Inputs) -> Result<Vec<f32>, EngineError> {
        signals::target_values(&self.signal(Signal::Loss)?, inputs)
    }

    /// The gap between accuracy on a model's own rows and on others, of the target beside the reference models.
    pub(crate) fn gap(
        &self,
        inputs: &Inputs,
        truth: &judge::Truth,
    ) -> Result<Option<GapSummary>, EngineError> {
        let Some(signal) = correctness_signal(inputs).filter(|_| !inputs.references.is_empty()) else {
            return Ok(None);
        };
        let (object, _) = self.inputs()?;
        let membership = inputs::membership(&object, inputs)?;
        let aside = inputs::aside(&object, inputs)?;
        let margins = signals::audited_values(&self.signal(signal)?, inputs, aside.as_deref())?;
        Ok(gap::gap(truth, margins.into_iter(), |record, model| membership.row(record).contains(model)))
    }

    fn test(&self, id: &str) -> Result<&Test, EngineError> {
        let found = self.manifest.content.tests.iter().find(|test| test.id == id);
        found.ok_or_else(|| EngineError::Other(format!("the manifest has no test `{id}`")))
    }
}

/// The truth, with the cut by classes where there are any.
fn by_class(object: &Object, inputs: &Inputs) -> Result<judge::Truth, EngineError> {
    let mut truth = inputs::truth(object)?;
    if let paname_core::Labels::Classes { values, .. } = inputs::labels(object, inputs)? {
        let parts = values.iter().take(inputs.audited).map(u32::to_string).collect();
        truth.slices.insert(0, (paname_evidence::SliceKind::Class, parts));
    }
    Ok(truth)
}

/// What a case of an attribute is made of.
fn guessed<'s>(
    described: &'s attributes::Described,
    object: &Object,
    imputed: Option<Vec<f64>>,
    stored: Vec<Stored>,
) -> Result<Guessed<'s>, EngineError> {
    Ok(Guessed { described, imputed, stored, rows: attributes::rows(object)? })
}

/// The host of a step: what the engine offers to attacks, and the caller's ears.
struct Services<'a> {
    host: &'a dyn Host,
    place: &'a Workplace<'a>,
    step: &'a Step,
    /// Tells folders of one step apart.
    role: &'static str,
    scope: &'a str,
    /// Position in the roster of each number of the case, where there is a case.
    veil: OnceLock<Indices>,
    /// Parameters that the attack chose by itself.
    chosen: Mutex<BTreeMap<String, String>>,
}

impl Services<'_> {
    /// Whether the step guesses an attribute.
    fn guesses(&self) -> bool {
        match self.step {
            Step::Imputation(_) => true,
            Step::Attack(test) | Step::Unrelated(test) => {
                self.place.attribute_of(test).map_or(true, |attribute| attribute.is_some())
            }
            _ => false,
        }
    }
}

impl Host for Services<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.host.progress(done, total);
    }

    fn cancelled(&self) -> bool {
        self.host.cancelled()
    }

    fn log(&self, line: &str) {
        self.host.log(line);
    }

    fn chose(&self, parameter: &str, value: &str) {
        let mut chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner);
        chosen.insert(parameter.to_owned(), value.to_owned());
    }

    fn base(&self) -> PathBuf {
        self.place.manifest.base().to_owned()
    }

    fn folder(&self) -> Result<PathBuf> {
        let name = self.step.to_string().replace('/', "-") + self.role;
        let folder = self.place.run_dir.join("programs").join(name);
        create_private_folder(&folder).map_err(|error| Error::Other(error.to_string()))?;
        std::path::absolute(&folder).map_err(|error| Error::data(folder.display(), error.to_string()))
    }

    fn fit(&self, recipe: &Recipe, data: &Records, runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
        if self.guesses() {
            // An adapter may know the records as they are: a model fitted on them would tell the value that is to be guessed.
            return Err(Error::Unsupported("fits by an attack that guesses an attribute".into()));
        }
        let source = &self.place.manifest.content.target.source;
        let adapter = self.place.registry.adapter(&source.adapter)?;
        let scope = format!("{}/fit", self.scope);
        let models = Services { role: "-models", veil: OnceLock::new(), chosen: Mutex::default(), ..*self };
        let ctx = Ctx::new(self.place.seed(), &scope, self.place.run.threads, &models);
        // How far the fit is says nothing of how far the attack is.
        let quiet = Within::silent(&ctx);
        let ctx = ctx.within(&quiet);
        let config = inputs::config_of(source);
        let mut recipe = recipe.clone();
        if recipe.architecture.is_empty()
            && let Some((_, _, own)) = self.place.manifest.content.reference_fit()
        {
            recipe.architecture.clone_from(&own.architecture);
        }
        let Some(order) = self.veil.get() else { return Ok(adapter.fit(config, &recipe, data, runs, &ctx)) };
        let fitted = adapter.fit(config, &recipe, &unveiled(order, data)?, runs, &ctx);
        let log = |line: &str| self.host.log(line);
        let one = |fitted: Result<Fitted>| Ok(veiled(order, fitted.map_err(|error| withheld(error, &log))?));
        Ok(fitted.into_iter().map(one).collect())
    }

    fn run(&self, name: &str, config: &serde_json::Value, case: &Case<'_>) -> Result<Findings> {
        let (entry, origin) = self.place.registry.attack_of(name)?;
        // Evidence names every plugin that took part, and those are the manifest's.
        if let Some(plugin) = origin.plugin()
            && !self.place.run.plugins.contains(&RunPlugin::of(plugin))
        {
            return Err(Error::Unsupported(format!(
                "attack `{name}` of {origin}, of which the manifest names nothing"
            )));
        }
        // A key holds the files of the attack that the manifest names, and of no other.
        if !entry.files(config.clone(), &self.base())?.is_empty() {
            let problem = format!("attack `{name}` within another, since its result depends on files");
            return Err(Error::Unsupported(problem));
        }
        let attack = entry.build(config.clone())?;
        // Random streams of its own, whoever calls it.
        let scope = format!("{}/{name}", self.scope);
        let within = Within::part(self, name);
        attack.run(case, &Ctx::new(self.place.seed(), &scope, self.place.run.threads, &within))
    }
}

/// Builds the attack of a test, its open choices settled by the audit, so that a control runs the same attack with one model less. Returns all
/// parameters with it.
pub(crate) fn build(
    registry: &Registry,
    test: &Test,
    inputs: &Inputs,
) -> Result<(serde_json::Value, Box<dyn DynAttack>), EngineError> {
    let name = test.attack.as_deref().unwrap_or_default();
    let parameters = serde_json::Value::Object(test.parameters.clone());
    registry
        .settle(name, parameters, &inputs.size())
        .and_then(|settled| Ok((settled.clone(), registry.build(name, settled)?)))
        .map_err(|e| EngineError::Data(Error::Config(format!("test `{}`, attack `{name}`: {e}", test.id))))
}

/// Records that attacks may still ask about when their signals are paid.
fn budget_left(manifest: &Manifest, inputs: &Inputs, needs: &Needs) -> Option<u64> {
    let allowed = manifest.content.access.max_queries?;
    Some(allowed.saturating_sub(plan::questions_of_signals(needs, inputs)))
}

/// Records that the signals ask the target about.
pub(crate) fn signal_questions(inputs: &Inputs) -> u64 {
    ((inputs.audited + inputs.population) * inputs.augmentations) as u64
}

/// Runs a step as a worker: see the head of the module. `registry` is told which plugins the audit uses.
pub fn work(
    run_dir: &Path,
    step: &str,
    registry: impl FnOnce(&[PluginOrigin]) -> Result<Registry, EngineError>,
) -> Result<(), EngineError> {
    std::thread::spawn(|| {
        // Ends with an error or with the end of the pipe; either way nobody waits for the result any more.
        let _ = std::io::stdin().read_to_end(&mut Vec::new());
        std::process::exit(130);
    });
    guard_output();
    let host = WorkerHost { last: Mutex::new(None) };
    let outcome = run_worker(run_dir, step, registry, &host);
    say(&match &outcome {
        Ok(()) => Message::Done,
        Err(EngineError::Cancelled) => Message::Cancelled,
        Err(EngineError::Manifest { line, column, problem, span, .. }) => {
            Message::Manifest { line: *line, column: *column, problem: problem.clone(), span: span.clone() }
        }
        Err(error) => Message::Error(error.exit_code(), error.to_string()),
    });
    outcome
}

fn run_worker(
    run_dir: &Path,
    step: &str,
    registry: impl FnOnce(&[PluginOrigin]) -> Result<Registry, EngineError>,
    host: &WorkerHost,
) -> Result<(), EngineError> {
    let path = run_dir.join(RUN_FILE);
    let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
    let run: RunFile =
        serde_json::from_slice(&bytes).map_err(|e| EngineError::Other(format!("{}: {e}", path.display())))?;
    let manifest = Manifest::read(Path::new(&run.manifest))?;
    if manifest.sha256 != run.sha256 {
        return Err(EngineError::Other(format!(
            "{} changed while the audit was running",
            manifest.path.display()
        )));
    }
    let store = Store::at(run_dir);
    let plugins: Vec<PluginOrigin> = run.plugins.iter().cloned().map(RunPlugin::origin).collect();
    let registry = registry(&plugins)?;
    let inventory = Inventory::default();
    let place = Workplace {
        run_dir,
        manifest: &manifest,
        registry: &registry,
        store: &store,
        run: &run,
        inventory: &inventory,
    };
    place.execute(&step.parse()?, host)
}

/// Tells progress, but not so often that the pipe becomes the work.
struct WorkerHost {
    last: Mutex<Option<Instant>>,
}

/// The protocol's own output, apart from standard output.
static OUTPUT: OnceLock<File> = OnceLock::new();

/// Keeps standard output for the protocol: what a plugin or a library prints goes where errors go, and cannot be taken for a message.
fn guard_output() {
    #[cfg(unix)]
    if let Ok(own) = std::os::fd::AsFd::as_fd(&std::io::stdout()).try_clone_to_owned()
        && rustix::stdio::dup2_stdout(std::io::stderr()).is_ok()
    {
        OUTPUT.get_or_init(|| File::from(own));
    }
}

fn say(message: &Message) {
    let Ok(mut line) = serde_json::to_string(message) else { return };
    line.push('\n');
    // One message at a time, whichever output it takes: a long line is more than one write to a pipe.
    let mut stdout = std::io::stdout().lock();
    // A closed pipe means that the engine is gone; the thread that watches standard input ends the process.
    let _ = match OUTPUT.get() {
        Some(mut output) => output.write_all(line.as_bytes()),
        None => stdout.write_all(line.as_bytes()),
    };
}

impl Host for WorkerHost {
    fn progress(&self, done: u64, total: u64) {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if done < total && last.is_some_and(|last| last.elapsed() < Duration::from_millis(50)) {
            return;
        }
        *last = Some(Instant::now());
        drop(last);
        say(&Message::Progress(done, total));
    }

    /// Whoever asks is alive, even without progress to report: a program that is waited for, for example.
    fn cancelled(&self) -> bool {
        let mut last = self.last.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if last.is_none_or(|last| last.elapsed() > Duration::from_secs(1)) {
            *last = Some(Instant::now());
            drop(last);
            say(&Message::Alive);
        }
        // The engine ends its worker by itself.
        false
    }

    fn log(&self, line: &str) {
        say(&Message::Log(line.to_owned()));
    }
}
