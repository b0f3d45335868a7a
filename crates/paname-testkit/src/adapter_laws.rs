//! The laws of adapters.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use paname_core::{
    ACCESS_NAMES, Access, AdapterEntry, Ctx, Error, FitRun, Fitted, Host, Outputs, Query, Recipe, Records,
    Reference, Result, Setting, Target,
};
use serde_json::Value;

use crate::check_target;

/// What an adapter is tried with.
#[derive(Debug, Clone, Copy)]
pub struct Trial<'a> {
    /// Its keys in the manifest, for a model that it can open.
    pub config: &'a Value,
    /// Its keys for reference models, if it opens any.
    pub references: Option<&'a Value>,
    /// The records that it is told of; at least three.
    pub setting: Setting<'a>,
    /// What it fits, if it fits.
    pub fit: Option<TrialFit<'a>>,
}

/// Models that an adapter is to fit.
#[derive(Debug, Clone, Copy)]
pub struct TrialFit<'a> {
    /// Its keys in the manifest.
    pub config: &'a Value,
    /// How they are fitted.
    pub recipe: &'a Recipe,
    /// On what.
    pub data: &'a Records,
    /// Which; all of them can be fitted.
    pub runs: &'a [FitRun],
    /// Where weights can be kept.
    pub folder: &'a Path,
}

/// Checks that an adapter keeps its laws on a trial:
///
/// - it is described in both languages, documents its keys, and refuses unknown ones;
/// - every file that it lists is there;
/// - it opens the same model each time and on any number of threads, and its model keeps the laws of [`check_target`] and offers nothing
///   that the adapter does not;
/// - it stops when cancelled, if it reports progress at all;
/// - it says of every record whether each reference model was fitted on it, and reference models keep the laws of targets too;
/// - it fits the same model from the same seed, which keeps the laws of targets, and opens again from the weights that were saved as the same model;
///   a fit that is cancelled ends.
///
/// # Panics
/// Where a law is broken, naming the adapter and the law.
pub fn check_adapter(entry: &AdapterEntry, trial: &Trial<'_>) {
    let name = entry.info.name;
    described(entry);
    refuses_unknown_keys(entry, trial);
    match entry.files(trial.config.clone(), trial.setting.base) {
        Ok(files) => {
            for file in files {
                assert!(file.exists(), "{name}: lists {}, which is not there", file.display());
            }
        }
        Err(error) => panic!("{name}: does not list its files: {error}"),
    }
    let records = trial.setting.roster.len();
    let (first, second) = (open(entry, trial, 1), open(entry, trial, 3));
    assert_eq!(first.card(), second.card(), "{name}: opens another model on more threads");
    assert_eq!(
        bits(first.as_ref(), records),
        bits(second.as_ref(), records),
        "{name}: answers otherwise on more threads"
    );
    let beyond = first.card().offers() - entry.info.offers.with_implied();
    assert!(beyond.is_empty(), "{name}: its model offers {beyond}, the adapter does not");
    check_target(first.as_ref(), records);
    cancellable(entry, trial);
    if trial.references.is_some() {
        for reference in references(entry, trial) {
            let card = reference.target.card();
            assert_eq!(
                reference.member.len(),
                records,
                "{name}: the rows of {} are not the records",
                card.name
            );
            check_target(reference.target.as_ref(), records);
        }
    }
    if let Some(fit) = &trial.fit {
        fits(entry, trial, fit);
    }
}

/// Checks that two rows are the same adapter, bit for bit, such as a linked one and the same one in a plugin.
///
/// # Panics
/// Where they differ, saying in what.
pub fn check_same_adapter(one: &AdapterEntry, other: &AdapterEntry, trial: &Trial<'_>) {
    let name = one.info.name;
    assert_eq!(format!("{:?}", one.info), format!("{:?}", other.info), "{name}: described otherwise");
    assert_eq!(one.schema(), other.schema(), "{name}: another schema");
    let base = trial.setting.base;
    for config in [trial.config, &with_unknown_key(trial.config), &Value::Null, &Value::Bool(true)] {
        assert_eq!(
            one.files(config.clone(), base),
            other.files(config.clone(), base),
            "{name}: lists other files"
        );
    }
    let records = trial.setting.roster.len();
    let (first, second) = (open(one, trial, 1), open(other, trial, 1));
    assert_eq!(first.card(), second.card(), "{name}: opens another model");
    assert_eq!(bits(first.as_ref(), records), bits(second.as_ref(), records), "{name}: answers otherwise");
    assert_eq!(refusals(first.as_ref()), refusals(second.as_ref()), "{name}: refuses otherwise");
    let wrong = with_unknown_key(trial.config);
    let ctx = Ctx::new(1, name, 1, &());
    assert_eq!(
        one.open(wrong.clone(), &trial.setting, &ctx).err(),
        other.open(wrong, &trial.setting, &ctx).err(),
        "{name}: refuses a configuration otherwise"
    );
    if let Some(fit) = &trial.fit {
        for (this, that) in fitted(one, fit, &()).iter().zip(&fitted(other, fit, &())) {
            assert_eq!(this.target.card(), that.target.card(), "{name}: fits another model");
            assert_eq!(
                bits(this.target.as_ref(), records),
                bits(that.target.as_ref(), records),
                "{name}: fits a model that answers otherwise"
            );
            let figures = |fitted: &Fitted| (fitted.train_loss, fitted.train_accuracy);
            assert_eq!(figures(this), figures(that), "{name}: tells other figures of a fit");
        }
    }
    if trial.references.is_some() {
        let (these, those) = (references(one, trial), references(other, trial));
        assert_eq!(these.len(), those.len(), "{name}: other reference models");
        for (this, that) in these.iter().zip(&those) {
            assert_eq!(this.member, that.member, "{name}: other rows of a reference model");
            assert_eq!(
                bits(this.target.as_ref(), records),
                bits(that.target.as_ref(), records),
                "{name}: a reference model answers otherwise"
            );
        }
    }
}

fn described(entry: &AdapterEntry) {
    let info = &entry.info;
    let name = info.name;
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    assert!(!name.is_empty() && name.chars().all(allowed), "{name:?}: a name is lower case with hyphens");
    for (what, text) in [("summary in French", info.summary_fr), ("summary in English", info.summary_en)] {
        assert!(!text.trim().is_empty(), "{name}: no {what}");
    }
    let schema = match entry.schema() {
        Ok(schema) => schema,
        Err(error) => panic!("{name}: no schema: {error}"),
    };
    for (key, about) in schema["properties"].as_object().into_iter().flatten() {
        let described = about["description"].as_str().is_some_and(|text| !text.is_empty());
        assert!(described || about["$ref"].is_string(), "{name}: key `{key}` is not documented");
    }
}

fn with_unknown_key(config: &Value) -> Value {
    let mut config = config.clone();
    if let Some(keys) = config.as_object_mut() {
        keys.insert("no-such-key".into(), Value::from(1));
    }
    config
}

fn refuses_unknown_keys(entry: &AdapterEntry, trial: &Trial<'_>) {
    let (name, config) = (entry.info.name, with_unknown_key(trial.config));
    let listed = entry.files(config.clone(), trial.setting.base).err();
    assert!(matches!(listed, Some(Error::Config(_))), "{name}: lists files of unknown keys");
    let opened = entry.open(config, &trial.setting, &Ctx::new(1, name, 1, &())).err();
    assert!(matches!(opened, Some(Error::Config(_))), "{name}: takes unknown keys");
}

fn open(entry: &AdapterEntry, trial: &Trial<'_>, threads: usize) -> Box<dyn Target> {
    let name = entry.info.name;
    match entry.open(trial.config.clone(), &trial.setting, &Ctx::new(1, name, threads, &())) {
        Ok(target) => target,
        Err(error) => panic!("{name}: does not open its model: {error}"),
    }
}

fn references(entry: &AdapterEntry, trial: &Trial<'_>) -> Vec<Reference> {
    let (name, config) = (entry.info.name, trial.references.cloned().unwrap_or_default());
    match entry.references(config, &trial.setting, &Ctx::new(1, name, 1, &())) {
        Ok(references) => references,
        Err(error) => panic!("{name}: does not open its reference models: {error}"),
    }
}

/// A host that keeps files.
struct Keeping<'a>(&'a Path);

impl Host for Keeping<'_> {
    fn folder(&self) -> Result<PathBuf> {
        Ok(self.0.to_owned())
    }
}

fn fitted(entry: &AdapterEntry, fit: &TrialFit<'_>, host: &dyn Host) -> Vec<Fitted> {
    let name = entry.info.name;
    let ctx = Ctx::new(1, name, 1, host);
    let outcomes = entry.fit(fit.config.clone(), fit.recipe, fit.data, fit.runs, &ctx);
    assert_eq!(outcomes.len(), fit.runs.len(), "{name}: not one result for each run");
    let models = outcomes.into_iter().map(|outcome| match outcome {
        Ok(model) => model,
        Err(error) => panic!("{name}: does not fit its model: {error}"),
    });
    models.collect()
}

fn fits(entry: &AdapterEntry, trial: &Trial<'_>, fit: &TrialFit<'_>) {
    let (name, records) = (entry.info.name, trial.setting.roster.len());
    let ctx = Ctx::new(1, name, 1, &());
    let models = fitted(entry, fit, &Keeping(fit.folder));
    for (model, again) in models.iter().zip(fitted(entry, fit, &())) {
        let target = model.target.as_ref();
        check_target(target, records);
        let answers = bits(target, records);
        assert_eq!(answers, bits(again.target.as_ref(), records), "{name}: fits another model each time");
        let Some(weights) = &model.weights else { continue };
        match entry.fitted(fit.config.clone(), fit.recipe, weights, &trial.setting, &ctx) {
            Ok(opened) => {
                assert_eq!(
                    answers,
                    bits(opened.as_ref(), records),
                    "{name}: opens another model than it fitted"
                );
                assert_eq!(
                    opened.card(),
                    target.card(),
                    "{name}: describes a model otherwise that is opened again"
                );
            }
            Err(error) => panic!("{name}: does not open the model that it fitted: {error}"),
        }
    }
    let cancelled = Cancelled::default();
    let outcomes =
        entry.fit(fit.config.clone(), fit.recipe, fit.data, fit.runs, &Ctx::new(1, name, 1, &cancelled));
    let all = outcomes.iter().all(|outcome| matches!(outcome, Err(Error::Cancelled)));
    assert!(all && outcomes.len() == fit.runs.len(), "{name}: fits although it is cancelled");
}

/// Every answer about every record, its weights and its gradients, to the bit.
fn bits(target: &dyn Target, records: usize) -> Vec<String> {
    let ids: Vec<u32> = (0..records as u32).collect();
    let offered = ACCESS_NAMES.iter().filter(|(access, _)| target.card().offers().contains(*access));
    let asked = offered.map(|&(access, word)| match target.predict(&Query::records(ids.clone(), access)) {
        Ok(answers) => format!("{word}: {answers:?} {:?}", contents(&answers)),
        Err(error) => format!("{word}: {error:?}"),
    });
    asked.chain([parameters(target), gradient(target, ids.clone())]).collect()
}

fn parameters(target: &dyn Target) -> String {
    match target.parameters() {
        Ok(all) => {
            let all: Vec<_> = all.iter().map(|(name, value)| (name, value, value.bytes().ok())).collect();
            format!("parameters: {all:?}")
        }
        Err(error) => format!("parameters: {error:?}"),
    }
}

/// The gradient of the product of what can be differentiated with itself.
fn gradient(target: &dyn Target, ids: Vec<u32>) -> String {
    let wanted = target.card().offers() & (Access::LOGITS | Access::PROBABILITIES | Access::LOSS);
    let gradient = target.vjp(&Query::records(ids, wanted)).and_then(|(mut answers, pullback)| {
        answers.labels = None;
        pullback.apply(&answers)
    });
    match gradient {
        Ok(gradient) => format!("gradient: {gradient:?} {:?}", gradient.bytes().ok()),
        Err(error) => format!("gradient: {error:?}"),
    }
}

fn contents(answers: &Outputs) -> Vec<Option<Vec<u8>>> {
    let tensors = [
        &answers.labels,
        &answers.probabilities,
        &answers.logits,
        &answers.loss,
        &answers.embedding,
        &answers.leaves,
        &answers.last_layer_gradient,
        &answers.token_log_probabilities,
    ];
    tensors.iter().map(|tensor| Some(tensor.as_ref()?.bytes().ok()?.to_vec())).collect()
}

/// What a target says to questions that it cannot answer.
fn refusals(target: &dyn Target) -> Vec<Option<Error>> {
    let beyond = Access::all() - target.card().offers();
    let asked = ACCESS_NAMES.iter().filter(|(access, _)| beyond.contains(*access));
    let mut said: Vec<_> =
        asked.map(|(access, _)| target.predict(&Query::records(vec![0], *access)).err()).collect();
    said.push(target.predict(&Query::records(vec![u32::MAX], target.card().offers())).err());
    said.push(target.parameters().err());
    said
}

/// A host that cancels from the beginning, and counts.
#[derive(Default)]
struct Cancelled(AtomicU64);

impl Host for Cancelled {
    fn progress(&self, _done: u64, _total: u64) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        true
    }
}

fn cancellable(entry: &AdapterEntry, trial: &Trial<'_>) {
    let (name, host) = (entry.info.name, Cancelled::default());
    let outcome = entry.open(trial.config.clone(), &trial.setting, &Ctx::new(1, name, 1, &host));
    let ticks = host.0.into_inner();
    if ticks > 0 {
        assert!(matches!(outcome, Err(Error::Cancelled)), "{name}: opens although it is cancelled");
        assert!(ticks <= 2, "{name}: goes on for {ticks} ticks after being cancelled");
    }
}
