//! Models that are fitted within the audit, each by a step of its own: the model under audit on the members, reference models on random parts of
//! the audited records. Only the target's fit depends on the truth, and no fit sees the population.
//!
//! A fit that the adapter gives up, as when the loss is no number, is a result: it is stored, and not tried again. One whose worker crashes
//! leaves nothing, and the next run tries it again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fs;
use std::path::Path;

use paname_core::{AdapterEntry, Ctx, Error, FitRun, Fitted, Indices, Recipe, Registry, Setting, Target};
use paname_evidence::FailedFit;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::features::Inventory;
use crate::inputs::{self, InputFile, Tables};
use crate::judge::{Truth, shuffle};
use crate::manifest::{Manifest, ReferenceFit, Source};
use crate::plugins;
use crate::step::{Fit, Keyed, Step, key};
use crate::store::{Draft, Object};

/// Name of the file that says how a fit went.
const OUTCOME: &str = "fit.json";
/// Longest account of a failure, in characters.
const LONGEST_REASON: usize = 400;

/// The objects of finished fits.
pub(crate) type Fits = BTreeMap<Fit, Object>;

/// How a fit went.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct FitOutcome {
    /// Place of the weights in the object.
    pub(crate) weights: Option<String>,
    /// Loss on its own rows, where the adapter measured it.
    pub(crate) train_loss: Option<f64>,
    /// Accuracy on its own rows.
    pub(crate) train_accuracy: Option<f64>,
    /// Why there is no model.
    pub(crate) failed: Option<String>,
}

impl FitOutcome {
    /// What a finished fit left.
    pub(crate) fn of(object: &Object) -> Result<Self, EngineError> {
        object.json(OUTCOME)
    }
}

/// What a fit is made of, as the manifest says.
struct Order<'a> {
    /// The table of the manifest that asks for it.
    table: &'static str,
    source: &'a Source,
    recipe: &'a Recipe,
    seed: u64,
    /// How the rows of a reference model are drawn.
    drawn: Option<&'a ReferenceFit>,
}

fn order(manifest: &Manifest, fit: Fit) -> Result<Order<'_>, EngineError> {
    let content = &manifest.content;
    let seed = content.statistics.seed;
    let found = match fit {
        Fit::Target => content.target.fit.as_ref().map(|fit| Order {
            table: "target",
            source: &content.target.source,
            recipe: &fit.recipe,
            seed,
            drawn: None,
        }),
        Fit::Reference(model) => content.reference_fit().filter(|(_, fit, _)| model < fit.models).map(
            |(references, fit, recipe)| {
                let seed = fit.seed.unwrap_or(seed);
                Order { table: "references", source: &references.source, recipe, seed, drawn: Some(fit) }
            },
        ),
    };
    found.ok_or_else(|| EngineError::Other(format!("the manifest asks for no step `{}`", Step::Fit(fit))))
}

/// The fits that a manifest asks for.
pub(crate) fn wanted(manifest: &Manifest) -> Vec<Fit> {
    let content = &manifest.content;
    let target = content.target.fit.as_ref().map(|_| Fit::Target);
    let references = content.reference_fit().map_or(0, |(_, fit, _)| fit.models);
    target.into_iter().chain((0..references).map(Fit::Reference)).collect()
}

/// The fits of an audit as steps. A key holds everything that decides a fit: program, adapter with its files, recipe, data, seed, rows.
pub(crate) fn steps(
    manifest: &Manifest,
    registry: &Registry,
    files: &[InputFile],
    data_key: &str,
) -> Result<Vec<Keyed>, EngineError> {
    let wanted = wanted(manifest);
    if wanted.is_empty() {
        return Ok(Vec::new());
    }
    let program = inputs::program_digest()?;
    wanted
        .into_iter()
        .map(|fit| {
            let Order { source, recipe, seed, drawn, .. } = order(manifest, fit)?;
            let (adapter, origin) = registry.adapter_of(&source.adapter)?;
            let config = inputs::config_of(source);
            let own = inputs::names(&adapter.files(config.clone(), manifest.base())?, manifest.base());
            let decided = serde_json::json!({
                "adapter": (adapter.info.name, adapter.info.version, config),
                "recipe": recipe,
                "seed": seed,
                // Rows follow from the data key, the seed and this.
                "share": drawn.map(|drawn| drawn.share),
                "files": chosen(files, &own),
            });
            let step = Step::Fit(fit);
            let parts = [
                "fit/1",
                &program,
                plugins::digest(origin),
                data_key,
                &decided.to_string(),
                &step.to_string(),
            ];
            Ok(Keyed { key: key(&parts), step, after: Vec::new() })
        })
        .collect()
}

fn chosen<'a>(files: &'a [InputFile], names: &BTreeSet<String>) -> Vec<(&'a String, &'a String)> {
    files.iter().filter(|file| names.contains(&file.name)).map(|file| (&file.name, &file.digest)).collect()
}

/// A digest of what the records are, and of nothing else: another test or another target moves no row of a reference model.
pub(crate) fn data_key(manifest: &Manifest, files: &[InputFile]) -> Result<String, EngineError> {
    let data = &manifest.content.data;
    let names = inputs::names(&inputs::data_files(manifest)?, manifest.base());
    let declared = serde_json::json!({
        "records": data.records,
        "population": data.population,
        "columns": (&data.id, &data.label, &data.member, &data.person_id),
        "inputs": data.inputs,
        "files": chosen(files, &names),
    });
    Ok(key(&["data/1", &declared.to_string()]))
}

/// Rows of the audited records that each reference model is fitted on: a random share of the units, drawn anew for each model, or by pairs
/// whose second model has what the first has not. More models change nothing of the first ones.
pub(crate) fn reference_rows(
    manifest: &Manifest,
    data_key: &str,
    fit: &ReferenceFit,
    truth: &Truth,
) -> Vec<Vec<bool>> {
    let seed = fit.seed.unwrap_or(manifest.content.statistics.seed);
    let mut rng = Ctx::new(seed, data_key, 1, &()).rng("rows of reference models");
    draw_rows(truth.person.as_deref(), truth.member.len(), fit, &mut rng)
}

/// Who is a member is not among the arguments.
fn draw_rows(
    persons: Option<&[String]>,
    records: usize,
    fit: &ReferenceFit,
    rng: &mut impl rand_core::Rng,
) -> Vec<Vec<bool>> {
    let mut numbers: HashMap<&str, usize> = HashMap::new();
    let unit: Vec<usize> = (0..records)
        .map(|record| {
            let person = persons.and_then(|persons| persons.get(record));
            let next = numbers.len();
            person.map_or(record, |person| *numbers.entry(person).or_insert(next))
        })
        .collect();
    let units = if persons.is_some() { numbers.len() } else { records };
    let taken = ((units as f64 * fit.share).round() as usize).clamp(1, units.saturating_sub(1).max(1));
    let pairs = fit.share.to_bits() == 0.5_f64.to_bits();
    let mut rows: Vec<Vec<bool>> = Vec::with_capacity(fit.models as usize);
    for model in 0..fit.models as usize {
        if pairs && model % 2 == 1 {
            let complement = rows[model - 1].iter().map(|chosen| !chosen).collect();
            rows.push(complement);
            continue;
        }
        let mut order: Vec<usize> = (0..units).collect();
        shuffle(&mut order, rng);
        let mut chosen = vec![false; units];
        for &unit in order.iter().take(taken) {
            chosen[unit] = true;
        }
        rows.push(unit.iter().map(|&unit| chosen[unit]).collect());
    }
    rows
}

/// Runs a fit step. The context has one thread: two would give other weights.
pub(crate) fn run(
    manifest: &Manifest,
    registry: &Registry,
    inventory: &Inventory,
    data_key: &str,
    fit: Fit,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> Result<(), EngineError> {
    let Order { table, source, recipe, drawn, .. } = order(manifest, fit)?;
    let tables = Tables::read(manifest)?;
    let audited = tables.audited;
    let member = match (fit, drawn) {
        (Fit::Reference(model), Some(drawn)) => {
            reference_rows(manifest, data_key, drawn, &tables.truth).swap_remove(model as usize)
        }
        _ => tables.truth.member.clone(),
    };
    let features = inventory.features(manifest, &tables.roster, tables.audited, ctx.threads())?;
    let data = inputs::records(features, &tables.labels, 0..audited)?;
    let rows: Indices = (0..audited as u32).filter(|&row| member[row as usize]).collect();
    let folder = ctx.folder().unwrap_or_default();
    // What a killed worker left half-written.
    let _ = fs::remove_dir_all(&folder);
    let adapter = registry.adapter(&source.adapter)?;
    let run = FitRun { rows, seed: ctx.seed("fit") };
    let fitted = adapter.fit(inputs::config_of(source), recipe, &data, &[run], ctx).pop();
    let refused = |problem: String| manifest.about(table)(Error::Config(problem));
    let given_up = |error: Error| match error {
        Error::Cancelled => Err(EngineError::Cancelled),
        // The same for every run, and for the user to mend.
        Error::Config(problem) => Err(refused(problem)),
        Error::Unsupported(_) => Err(refused(error.to_string())),
        // What the machine lacked, such as memory or disk, is no result: the audit goes on, and the next run tries again.
        Error::Caused { .. } => {
            Err(EngineError::Step { step: Step::Fit(fit).to_string(), message: reason(&error, &folder) })
        }
        error => Ok(FitOutcome { failed: Some(reason(&error, &folder)), ..FitOutcome::default() }),
    };
    let mut outcome = match fitted {
        Some(Ok(fitted)) => kept(fitted, adapter, draft)?,
        Some(Err(error)) => given_up(error)?,
        None => {
            return Err(EngineError::Other(format!("adapter `{}` said nothing of the fit", source.adapter)));
        }
    };
    // A model that cannot be asked is none, and must not keep the others from being asked.
    if let Some(weights) = &outcome.weights {
        let (roster, labels, base) = (&tables.roster, &tables.labels, manifest.base());
        let setting = Setting { base, roster, labels, inputs: features, task: manifest.content.task() };
        let config = inputs::config_of(source);
        if let Err(error) = adapter.fitted(config, recipe, &draft.path(weights), &setting, ctx) {
            outcome = given_up(error)?;
        }
    }
    draft.json(OUTCOME, &outcome)
}

/// Puts the weights of a fitted model into the store.
pub(crate) fn kept(fitted: Fitted, adapter: &AdapterEntry, draft: &Draft) -> Result<FitOutcome, EngineError> {
    let Fitted { target, weights, train_loss, train_accuracy, checkpoints: _ } = fitted;
    // It may hold files open that are about to be moved.
    drop(target);
    if let Some(loss) = train_loss.filter(|loss| !loss.is_finite()) {
        let failed = Some(format!("the loss on its own rows is {loss}"));
        return Ok(FitOutcome { failed, ..FitOutcome::default() });
    }
    let lost =
        || EngineError::Other(format!("adapter `{}` left no weights of the fitted model", adapter.info.name));
    let from = weights.ok_or_else(lost)?;
    let name = from.file_name().and_then(|name| name.to_str()).ok_or_else(lost)?;
    let weights = format!("weights/{name}");
    draft.adopt(&weights, &from)?;
    let train_accuracy = train_accuracy.filter(|accuracy| accuracy.is_finite());
    Ok(FitOutcome { weights: Some(weights), train_loss, train_accuracy, failed: None })
}

/// An error on one line, not too long, and the same wherever the run folder is.
fn reason(error: &Error, folder: &Path) -> String {
    let run_dir = folder.ancestors().nth(2).unwrap_or(folder).join("");
    let text = error.to_string().replace(&*run_dir.to_string_lossy(), "");
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(LONGEST_REASON).collect()
}

/// Opens a fitted model; none where its fit was given up.
pub(crate) fn open(
    manifest: &Manifest,
    registry: &Registry,
    fit: Fit,
    object: &Object,
    setting: &Setting<'_>,
    ctx: &Ctx<'_>,
) -> Result<Option<Box<dyn Target>>, EngineError> {
    let Some(weights) = FitOutcome::of(object)?.weights else { return Ok(None) };
    let Order { table, source, recipe, .. } = order(manifest, fit)?;
    let adapter = registry.adapter(&source.adapter)?;
    let opened = adapter.fitted(inputs::config_of(source), recipe, &object.path(&weights), setting, ctx);
    opened.map(Some).map_err(manifest.about(table))
}

/// The reference models that were asked for and are not there, with the reason.
pub(crate) fn failed(
    manifest: &Manifest,
    fits: &Fits,
    failures: &BTreeMap<String, String>,
) -> Result<Vec<FailedFit>, EngineError> {
    let mut failed = Vec::new();
    for fit in wanted(manifest) {
        let Fit::Reference(model) = fit else { continue };
        let why = match fits.get(&fit) {
            Some(object) => FitOutcome::of(object)?.failed,
            None => failures.get(&Step::Fit(fit).to_string()).cloned(),
        };
        failed.extend(why.map(|reason| FailedFit { model: u64::from(model), reason }));
    }
    Ok(failed)
}

/// Why the model under audit is not there, where it was to be fitted.
pub(crate) fn target_failure(
    fits: &Fits,
    failures: &BTreeMap<String, String>,
) -> Result<Option<EngineError>, EngineError> {
    let step = Step::Fit(Fit::Target).to_string();
    let why = match fits.get(&Fit::Target) {
        Some(object) => FitOutcome::of(object)?.failed,
        None => failures.get(&step).cloned(),
    };
    Ok(why.map(|why| EngineError::Step {
        step,
        message: format!("the model under audit was not fitted: {why}"),
    }))
}

#[cfg(test)]
mod tests {
    use rand_core::SeedableRng as _;
    use rand_pcg::Pcg64;

    use super::*;

    fn draw(persons: Option<&[String]>, records: usize, models: u32, share: f64) -> Vec<Vec<bool>> {
        let fit = ReferenceFit { models, share, ..ReferenceFit::default() };
        draw_rows(persons, records, &fit, &mut Pcg64::seed_from_u64(1))
    }

    #[test]
    fn pairs_complement_each_other_and_more_models_move_none() {
        let rows = draw(None, 101, 7, 0.5);
        for pair in rows.chunks_exact(2) {
            assert!(pair[0].iter().zip(&pair[1]).all(|(a, b)| a != b));
            assert_eq!(pair[0].iter().filter(|row| **row).count(), 51);
        }
        assert_ne!(rows[0], rows[2]);
        assert_eq!(draw(None, 101, 20, 0.5)[..7], rows[..]);
    }

    #[test]
    fn another_share_is_drawn_for_each_model() {
        let rows = draw(None, 100, 4, 0.75);
        assert!(rows.iter().all(|row| row.iter().filter(|chosen| **chosen).count() == 75));
        assert!((1..4).all(|model| rows[model] != rows[0]));
    }

    #[test]
    fn a_person_is_in_or_out_with_all_records() {
        let persons: Vec<String> = (0..60).map(|record| format!("p{}", record % 20)).collect();
        for row in draw(Some(&persons), 60, 4, 0.5) {
            assert!((0..40).all(|record| row[record] == row[record + 20]));
            assert_eq!(row.iter().filter(|chosen| **chosen).count(), 30);
        }
    }

    #[test]
    fn few_units_are_neither_all_in_nor_all_out() {
        for share in [0.01, 0.5, 0.99] {
            assert!(draw(None, 2, 2, share).iter().all(|row| row.contains(&true) && row.contains(&false)));
        }
    }
}
