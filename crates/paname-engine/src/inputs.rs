//! The first step: tables and models are read, joined by id and checked, and what the other steps need of them is put into the store. The
//! truth lies in a file of its own, which no attack step opens.

use std::collections::{BTreeSet, HashSet};
use std::path::{Path, PathBuf};

use npyz::WriterBuilder as _;
use paname_core::{
    Access, CaseSize, Ctx, Error, Features, Labels, Membership, Records, Reference, Registry, Roster,
    Setting, Signal, Target, TargetCard, Task,
};
use paname_data::{LabelKind, RecordTable, RecordsConfig};
use paname_evidence::{CanarySummary, DataSummary, ReferenceSummary, SliceKind};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::attributes::Described;
use crate::balance::Balance;
use crate::canaries;
use crate::features::{self, Inventory};
use crate::fidelity;
use crate::fits::{self, Fits};
use crate::judge::{Truth, validity};
use crate::manifest::{Data, Manifest, ReferenceSource, Source, TargetSource};
use crate::plugins;
use crate::step::{Fit, key};
use crate::store::{Draft, Object};

/// Name of the array that says which model is set aside for each audited record.
const ASIDE: &str = "aside.npy";

/// What signals are computed from.
pub(crate) const ANSWERED: Access =
    Access::LABELS.union(Access::PROBABILITIES).union(Access::LOGITS).union(Access::LOSS);
/// Name of the array of classes.
const CLASSES: &str = "labels.npy";
/// Name of the array of labels that are no classes.
const VALUES: &str = "values.npy";

/// What the inputs step found, without any truth and without ids.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Inputs {
    pub(crate) audited: usize,
    pub(crate) population: usize,
    pub(crate) classes: Option<usize>,
    pub(crate) task: Task,
    pub(crate) target: TargetCard,
    /// Cards of the reference models that are used.
    pub(crate) references: Vec<TargetCard>,
    /// Places, in the list that the adapter opens, of the models that signals are computed for: those of `references`, and after them one more
    /// where one is set aside for each record.
    pub(crate) places: Vec<usize>,
    pub(crate) reference_summary: ReferenceSummary,
    /// Bits of what attacks may ask the target: granted by the manifest and offered by the target, and what signals are computed from by every
    /// reference model too.
    pub(crate) granted: u64,
    pub(crate) augmentations: usize,
    pub(crate) data: DataSummary,
    /// Whether these are the inputs of an attribute's audit, whose variants are candidate values.
    #[serde(default)]
    pub(crate) of_attribute: bool,
    /// The attributes under inference, which a step of their own describes.
    #[serde(skip)]
    pub(crate) attributes: Vec<Described>,
    /// What makes inputs, where the manifest names it and a test rebuilds inputs; a step of its own opens it.
    #[serde(skip)]
    pub(crate) generator: Option<TargetCard>,
}

impl Inputs {
    pub(crate) fn granted(&self) -> Access {
        Access::from_bits_truncate(self.granted)
    }

    /// Number of reference models that an attack may ask what it asks the target: those that offer it, and none where one is set aside for each
    /// record, whose answers would tell for which.
    pub(crate) fn answering(&self, access: Access) -> usize {
        if self.places.len() > self.references.len() {
            return 0;
        }
        self.references.iter().filter(|card| card.offers().contains(access)).count()
    }

    /// The attribute of this name.
    pub(crate) fn attribute(&self, name: &str) -> Result<&Described, EngineError> {
        let found = self.attributes.iter().find(|attribute| attribute.name == name);
        found.ok_or_else(|| EngineError::Other(format!("the audit has no attribute `{name}`")))
    }

    /// What open choices of attacks are settled by.
    pub(crate) fn size(&self) -> CaseSize {
        CaseSize {
            task: self.task,
            granted: self.granted(),
            augmentations: self.augmentations,
            audited: self.audited,
            population: self.population,
            references: self.references.len(),
            classes: self.classes.unwrap_or(0),
            generator: self.generator.as_ref().map(TargetCard::offers),
            fitted_with_min: self.reference_summary.fitted_with.0 as usize,
            fitted_without_min: self.reference_summary.fitted_without.0 as usize,
        }
    }
}

/// A file that the audit reads: its name in the manifest's words, and its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InputFile {
    pub(crate) name: String,
    pub(crate) digest: String,
}

fn tables(manifest: &Manifest) -> (RecordsConfig, Option<RecordsConfig>) {
    let data = &manifest.content.data;
    let label_kind = match manifest.content.task() {
        Task::Classification => LabelKind::Classes,
        Task::MultiLabel => LabelKind::Labels,
        Task::Regression => LabelKind::Values,
        Task::Reconstruction if data.label.is_some() => LabelKind::Values,
        // Nothing is known to be true of the records but what they are; classes that are named are those of groups of records.
        _ if data.label.is_some() => LabelKind::Classes,
        _ => LabelKind::None,
    };
    let audited = RecordsConfig {
        table: Some(PathBuf::from(&data.records)),
        id: data.id.clone(),
        label: data.label.clone(),
        label_kind,
        member: data.member.clone(),
        person: data.person_id.clone(),
        group: data.group.clone(),
        header: data.header,
        ..RecordsConfig::default()
    };
    let population = data.population.as_ref().map(|table| RecordsConfig {
        table: Some(PathBuf::from(table)),
        id: data.id.clone(),
        label: data.label.clone(),
        label_kind,
        header: data.header,
        ..RecordsConfig::default()
    });
    (audited, population)
}

/// The files that say what the records are.
pub(crate) fn data_files(manifest: &Manifest) -> Result<Vec<PathBuf>, EngineError> {
    let base = manifest.base();
    let (audited, population) = tables(manifest);
    let mut paths = audited.files(base);
    paths.extend(population.iter().flat_map(|table| table.files(base)));
    let data = &manifest.content.data;
    paths.extend(data.canaries.iter().chain(&data.commitment).map(|file| base.join(file)));
    if let Some(inputs) = features::config(manifest, None) {
        paths.extend(inputs.files(base).map_err(manifest.about("data.inputs"))?);
    }
    Ok(paths)
}

/// Digests of every file that decides the inputs, by name.
pub(crate) fn files(manifest: &Manifest, registry: &Registry) -> Result<Vec<InputFile>, EngineError> {
    let base = manifest.base();
    let mut paths = data_files(manifest)?;
    for source in manifest.content.sources() {
        let adapter = registry.adapter(&source.adapter)?;
        paths.extend(adapter.files(config_of(source), base)?);
    }
    digests(paths, base)
}

/// The digests of files, by their names from `base` on, each file once.
pub(crate) fn digests(mut paths: Vec<PathBuf>, base: &Path) -> Result<Vec<InputFile>, EngineError> {
    paths.sort();
    paths.dedup();
    paths
        .into_iter()
        .map(|path| {
            let name = name(&path, base);
            let digest =
                paname_data::fingerprint(std::slice::from_ref(&path)).map_err(|error| match error {
                    Error::Data { problem, .. } => Error::data(&name, problem),
                    other => other,
                })?;
            Ok(InputFile { name, digest })
        })
        .collect()
}

/// The names of files, in the manifest's words.
pub(crate) fn names(paths: &[PathBuf], base: &Path) -> BTreeSet<String> {
    paths.iter().map(|path| name(path, base)).collect()
}

fn name(path: &Path, base: &Path) -> String {
    path.strip_prefix(base).unwrap_or(path).to_string_lossy().into_owned()
}

pub(crate) fn config_of(source: &Source) -> serde_json::Value {
    serde_json::Value::Object(source.config.clone())
}

/// A digest of everything about the inputs but the program that reads them: the parts of the manifest that decide them, and the contents of the
/// files. It also seeds the order in which attacks see the records, since no attack knows it: the same whether adapters are linked or loaded.
pub(crate) fn content_key(
    manifest: &Manifest,
    registry: &Registry,
    files: &[InputFile],
) -> Result<String, EngineError> {
    let content = &manifest.content;
    let mut versions = Vec::new();
    for source in content.sources() {
        versions.push(registry.adapter(&source.adapter)?.info.version);
    }
    let declared = serde_json::json!({
        "data": content.data,
        "target": content.target,
        "references": content.references,
        "granted": content.access.signals,
        "task": content.model.task,
        "name": content.model.name,
        "versions": versions,
        "files": files.iter().map(|file| (&file.name, &file.digest)).collect::<Vec<_>>(),
    });
    Ok(key(&["content/1", &declared.to_string()]))
}

/// The key of the inputs. Every other key contains it, and with it the program and the plugins of the adapters: another build of either finishes
/// no step of this one.
///
/// It also holds the keys of the fits that are there: a model that comes later makes other inputs.
pub(crate) fn inputs_key(
    manifest: &Manifest,
    registry: &Registry,
    content_key: &str,
    fits: &[&str],
) -> Result<String, EngineError> {
    let program = program_digest()?;
    let mut parts = vec!["inputs/1", &program, content_key];
    for source in manifest.content.sources() {
        parts.push(plugins::digest(registry.adapter_of(&source.adapter)?.1));
    }
    parts.extend(fits);
    Ok(key(&parts))
}

/// Digest of this program.
pub(crate) fn program_digest() -> Result<String, EngineError> {
    let program = std::env::current_exe().map_err(EngineError::io(Path::new("this program")))?;
    Ok(paname_data::fingerprint(&[program])?)
}

/// The records of an audit, before anything is known of models.
pub(crate) struct Tables {
    pub(crate) roster: Roster,
    pub(crate) labels: Labels,
    pub(crate) audited: usize,
    pub(crate) truth: Truth,
    /// What may be told of the canaries.
    pub(crate) canaries: Option<CanarySummary>,
}

impl Tables {
    /// Reads and joins the tables.
    pub(crate) fn read(manifest: &Manifest) -> Result<Self, EngineError> {
        let base = manifest.base();
        let data = &manifest.content.data;
        let (audited_config, population_config) = tables(manifest);
        let mut table = RecordTable::read(&audited_config, base).map_err(manifest.about("data"))?;
        let audited = table.ids.len();
        let member = table.member.take().ok_or_else(|| no_members(data))?;
        let person = table.person.take().filter(|_| data.person_id.is_some());
        let group = table.group.take().filter(|_| data.group.is_some());
        let slices = group.map(|g| (SliceKind::Group, g)).into_iter().collect();
        let mut truth = Truth { member, person, slices, canary: None };
        truth.check(&table.ids, &data.records)?;
        let (canary, canaries) = canaries::of(manifest, &table.ids, &truth)?.unzip();
        truth.canary = canary;
        if let Some(config) = population_config {
            let mut population = RecordTable::read(&config, base).map_err(manifest.about("data"))?;
            (population.member, population.person, population.group) = (None, None, None);
            table.append(population).map_err(|error| match (error, &data.population) {
                (Error::Data { problem, .. }, Some(other)) => {
                    Error::data(format!("{} and {other}", data.records), problem)
                }
                (other, _) => other,
            })?;
        }
        let roster = table.roster()?;
        let classes = manifest.content.task() == Task::Classification;
        let labels = match (table.labels, data.inputs.as_ref().and_then(|inputs| inputs.folder.as_ref())) {
            (Labels::None, Some(folder)) if classes => paname_data::folder_records(base, folder)
                .and_then(|images| images.labels(&roster))
                .map_err(manifest.about("data.inputs"))?,
            (labels, _) => labels,
        };
        Ok(Self { roster, labels, audited, truth, canaries })
    }
}

/// Fails where the population, which whoever guesses an attribute knows, has records of audited persons. Its table need not name persons.
pub(crate) fn overlap(manifest: &Manifest, audited: Option<&[String]>) -> Result<(), EngineError> {
    let (Some(audited), (_, Some(population))) = (audited, tables(manifest)) else { return Ok(()) };
    let named = RecordsConfig { person: manifest.content.data.person_id.clone(), ..population };
    let Ok(RecordTable { person: Some(persons), .. }) = RecordTable::read(&named, manifest.base()) else {
        return Ok(());
    };
    let audited: HashSet<&str> = audited.iter().map(String::as_str).collect();
    let shared: HashSet<&str> = persons.iter().map(String::as_str).filter(|p| audited.contains(p)).collect();
    if shared.is_empty() {
        return Ok(());
    }
    let problem = format!(
        "{} person(s) of it are audited too, so that whoever guesses an attribute would know it; expected other persons",
        shared.len()
    );
    let place = manifest.content.data.population.as_deref().unwrap_or_default();
    Err(Error::data(place, problem).into())
}

fn no_members(data: &Data) -> Error {
    let column = data.member.as_deref().unwrap_or("member");
    Error::data(
        &data.records,
        format!("no column `{column}` says who was in the training set; name it by `member` in [data]"),
    )
}

/// Inputs read, joined and checked.
pub(crate) struct Prepared {
    pub(crate) inputs: Inputs,
    pub(crate) truth: Truth,
    roster: Roster,
    labels: Labels,
    member: Vec<Vec<bool>>,
    balance: Option<Balance>,
}

/// Whence the models of an audit come.
pub(crate) struct Supply<'a> {
    pub(crate) manifest: &'a Manifest,
    pub(crate) registry: &'a Registry,
    pub(crate) inventory: &'a Inventory,
    /// What rows of reference models are drawn by.
    pub(crate) data_key: &'a str,
    /// Finished fits; absent where the audit is only planned, and cards are assumed.
    pub(crate) fits: Option<Fits>,
}

impl Supply<'_> {
    /// Opens the model under audit.
    pub(crate) fn target(
        &self,
        setting: &Setting<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn Target>, EngineError> {
        let TargetSource { source, fit } = &self.manifest.content.target;
        if fit.is_none() {
            let adapter = self.registry.adapter(&source.adapter)?;
            return adapter.open(config_of(source), setting, ctx).map_err(self.manifest.about("target"));
        }
        let object = self.fits.as_ref().and_then(|fits| fits.get(&Fit::Target));
        let missing = || EngineError::Other("the model under audit was not fitted".into());
        fits::open(self.manifest, self.registry, Fit::Target, object.ok_or_else(missing)?, setting, ctx)?
            .ok_or_else(missing)
    }

    /// Opens those of the reference models that are `wanted` and there, by their places.
    fn references(
        &self,
        wanted: impl Fn(usize) -> bool,
        setting: &Setting<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Vec<(usize, Reference)>, EngineError> {
        let Some(ReferenceSource { source, fit }) = &self.manifest.content.references else {
            return Ok(Vec::new());
        };
        if fit.is_none() {
            let adapter = self.registry.adapter(&source.adapter)?;
            let opened = adapter
                .references(config_of(source), setting, ctx)
                .map_err(self.manifest.about("references"))?;
            return Ok(opened.into_iter().enumerate().filter(|(place, _)| wanted(*place)).collect());
        }
        let mut opened = Vec::new();
        for (&fit, object) in self.fits.iter().flatten() {
            let Fit::Reference(model) = fit else { continue };
            if !wanted(model as usize) {
                continue;
            }
            ctx.tick(0, 1)?;
            let target = fits::open(self.manifest, self.registry, fit, object, setting, ctx)?;
            // Its rows are nobody's affair but the inputs step's, which knows them.
            opened.extend(target.map(|target| (model as usize, Reference { target, member: Vec::new() })));
        }
        Ok(opened)
    }

    /// What the target can be expected to be, before it is fitted.
    fn expected_target(&self, labels: &Labels) -> Result<TargetCard, EngineError> {
        let content = &self.manifest.content;
        let adapter = self.registry.adapter(&content.target.source.adapter)?;
        Ok(TargetCard {
            name: content.model.name.clone().unwrap_or_default(),
            task: content.task(),
            classes: match labels {
                Labels::Classes { classes, .. } => Some(*classes),
                _ => None,
            },
            access: adapter.info.offers.names().map(str::to_owned).collect(),
            augmentations: 1,
            ..TargetCard::default()
        })
    }
}

/// Reads, joins and checks.
pub(crate) fn prepare(supply: &Supply<'_>, ctx: &Ctx<'_>) -> Result<Prepared, EngineError> {
    let Supply { manifest, inventory, .. } = supply;
    let content = &manifest.content;
    ctx.tick(0, 4)?;
    let tables = Tables::read(manifest)?;
    ctx.tick(1, 4)?;
    let planned = supply.fits.is_none();
    let to_open = !planned
        || content.target.fit.is_none()
        || content.references.as_ref().is_some_and(|references| references.fit.is_none());
    let nothing = Features::None;
    let setting = Setting {
        base: manifest.base(),
        roster: &tables.roster,
        labels: &tables.labels,
        inputs: if to_open {
            inventory.features(manifest, &tables.roster, tables.audited, ctx.threads())?
        } else {
            &nothing
        },
        task: content.task(),
    };
    let mut card = if planned && content.target.fit.is_some() {
        supply.expected_target(&tables.labels)?
    } else {
        supply.target(&setting, ctx)?.card().clone()
    };
    if let Some(name) = &content.model.name {
        card.name.clone_from(name);
    }
    agree(content.task(), &card)?;
    ctx.tick(2, 4)?;
    let (truth, audited) = (&tables.truth, tables.audited);
    let mut used = Used::default();
    if let Some(references) = &content.references {
        let draw = |fit| fits::reference_rows(manifest, supply.data_key, fit, truth);
        let rows = references.fit.as_ref().map(draw);
        // The population is in no training set.
        let fitted_on = |place: usize| {
            let mut member = rows.as_ref()?.get(place)?.clone();
            member.resize(tables.roster.len(), false);
            Some(member)
        };
        if let (Some(rows), true) = (&rows, planned) {
            for place in 0..rows.len() {
                let fingerprint = format!("{}/{place}", card.fingerprint);
                used.accept(
                    place,
                    TargetCard { fingerprint, ..card.clone() },
                    fitted_on(place).unwrap_or_default(),
                );
            }
        } else {
            for (place, reference) in supply.references(|_| true, &setting, ctx)? {
                let member = fitted_on(place).unwrap_or(reference.member);
                if member.len() != tables.roster.len() {
                    let what = format!("rows of reference model {place}");
                    return Err(Error::mismatch(what, tables.roster.len(), member.len()).into());
                }
                let reference_card = reference.target.card().clone();
                if tells_truth(&member[..audited], &truth.member)
                    || reference_card.fingerprint == card.fingerprint
                {
                    used.excluded.push(place as u64);
                    continue;
                }
                agree(card.task, &reference_card)?;
                if reference_card.classes != card.classes {
                    let count = |classes: Option<usize>| classes.map_or("none".to_owned(), |n| n.to_string());
                    let what = format!("{}, classes", reference_card.name);
                    let expected = format!("{} as the target has", count(card.classes));
                    return Err(Error::mismatch(what, expected, count(reference_card.classes)).into());
                }
                used.accept(place, reference_card, member);
            }
        }
        used.hide_truth(truth, &mut ctx.rng("models set aside"))?;
    }
    ctx.tick(3, 4)?;
    let membership = Membership::from_models(&used.member, tables.roster.len())?;
    // Every model gives the signals. Questions beyond them are for the target.
    let offered = used.cards.iter().fold(card.offers(), |all, one| all & (one.offers() | !ANSWERED));
    let granted = manifest.granted().map_or(offered, |granted| card.task.with_implied(granted) & offered);
    let classes = card.classes.or(match &tables.labels {
        Labels::Classes { classes, .. } => Some(*classes),
        _ => None,
    });
    let (members, non_members) = truth.count();
    let persons = truth.person.is_some();
    let member_records = truth.member.iter().filter(|m| **m).count() as u64;
    let augmentations =
        used.cards.iter().map(|c| c.augmentations).chain([card.augmentations]).min().unwrap_or(1).max(1);
    let inputs = Inputs {
        audited,
        population: tables.roster.len() - audited,
        classes,
        task: card.task,
        target: card,
        reference_summary: used.summary(&membership, truth)?,
        references: std::mem::take(&mut used.cards),
        places: std::mem::take(&mut used.places),
        granted: granted.bits(),
        augmentations: augmentations as usize,
        data: DataSummary {
            unit: truth.unit(),
            member_records,
            non_member_records: audited as u64 - member_records,
            population_records: (tables.roster.len() - audited) as u64,
            member_persons: persons.then_some(members),
            non_member_persons: persons.then_some(non_members),
            classes: classes.map(|c| c as u64),
            canaries: tables.canaries.clone(),
            files: Vec::new(),
        },
        of_attribute: false,
        attributes: Vec::new(),
        generator: None,
    };
    let Tables { roster, labels, truth, .. } = tables;
    ctx.tick(4, 4)?;
    Ok(Prepared { inputs, truth, roster, labels, member: used.member, balance: used.balance })
}

/// The task of a model has to be that of the audit, by which the labels were read.
pub(crate) fn agree(task: Task, card: &TargetCard) -> Result<(), EngineError> {
    if card.task == task {
        return Ok(());
    }
    let what = format!("{}, task", card.name);
    let expected = format!("{task}, as `task` in [model] says, or as it says in [target]");
    Err(Error::mismatch(what, expected, card.task).into())
}

impl Prepared {
    /// Puts everything into the store.
    pub(crate) fn write(&self, draft: &Draft) -> Result<(), EngineError> {
        draft.json("inputs.json", &self.inputs)?;
        draft.json("ids.json", &self.roster.ids())?;
        write_truth(draft, &self.truth)?;
        write_labels(draft, &self.labels)?;
        if let Some(balance) = &self.balance {
            write_aside(draft, &balance.aside)?;
        }
        write_membership(draft, &self.membership()?)
    }

    /// Labels of the whole roster.
    pub(crate) fn labels(&self) -> &Labels {
        &self.labels
    }

    /// What describing attributes takes.
    pub(crate) fn whole(&self) -> Result<Whole<'_>, EngineError> {
        Ok(Whole {
            inputs: &self.inputs,
            roster: &self.roster,
            labels: &self.labels,
            truth: &self.truth,
            membership: self.membership()?,
        })
    }

    /// Which records of the roster each used reference model was fitted on.
    pub(crate) fn membership(&self) -> paname_core::Result<Membership> {
        Membership::from_models(&self.member, self.roster.len())
    }
}

/// Inputs with everything that belongs to them.
pub(crate) struct Whole<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) roster: &'a Roster,
    pub(crate) labels: &'a Labels,
    pub(crate) truth: &'a Truth,
    pub(crate) membership: Membership,
}

pub(crate) fn write_truth(draft: &Draft, truth: &Truth) -> Result<(), EngineError> {
    draft.json("truth.json", &TruthFile::of(truth))
}

pub(crate) fn write_labels(draft: &Draft, labels: &Labels) -> Result<(), EngineError> {
    match labels {
        Labels::Classes { values, .. } => {
            let values: Vec<i64> = values.iter().map(|&v| i64::from(v)).collect();
            write_npy(draft, CLASSES, &[values.len()], &values)
        }
        Labels::Values(values) => write_npy(draft, VALUES, values.shape(), &values.to_f64()?),
        _ => Ok(()),
    }
}

/// The model set aside for each audited record.
pub(crate) fn write_aside(draft: &Draft, aside: &[u32]) -> Result<(), EngineError> {
    let aside: Vec<i64> = aside.iter().map(|&m| i64::from(m)).collect();
    write_npy(draft, ASIDE, &[aside.len()], &aside)
}

pub(crate) fn write_membership(draft: &Draft, membership: &Membership) -> Result<(), EngineError> {
    let (models, records) = (membership.models(), membership.records());
    let all = (0..models).flat_map(|model| (0..records).map(move |r| membership.row(r).contains(model)));
    let flat: Vec<bool> = all.collect();
    write_npy(draft, "membership.npy", &[models, records], &flat)
}

/// Reference models as they are accepted.
#[derive(Default)]
struct Used {
    places: Vec<usize>,
    cards: Vec<TargetCard>,
    member: Vec<Vec<bool>>,
    excluded: Vec<u64>,
    balance: Option<Balance>,
}

impl Used {
    fn accept(&mut self, place: usize, card: TargetCard, member: Vec<bool>) {
        self.places.push(place);
        self.cards.push(card);
        self.member.push(member);
    }

    /// Sets models aside where a balanced sweep tells members by its counts; leaves out the models whose rows depend on the truth.
    fn hide_truth(&mut self, truth: &Truth, rng: &mut impl rand_core::Rng) -> Result<(), EngineError> {
        let audited = truth.member.len();
        let telling = |rows: &[Vec<bool>]| -> Result<Vec<bool>, EngineError> {
            let share = validity::TELLING / rows.len().max(1) as f64;
            rows.iter().map(|row| Ok(validity::row_p(truth, &row[..audited])? <= share)).collect()
        };
        let count = |r: usize| self.member.iter().filter(|row| row[r]).count() as u64;
        let counts: Vec<u64> = (0..audited).map(count).collect();
        if validity::counts_p(truth, &counts)? <= validity::TELLING
            && let Some(balance) = Balance::of(&self.member, audited, rng)
        {
            let left = balance.rows(&self.member);
            if !telling(&left)?.contains(&true) {
                self.member = left;
                self.cards.pop();
                self.balance = Some(balance);
                return Ok(());
            }
        }
        let kept: Vec<bool> = telling(&self.member)?.into_iter().map(|tells| !tells).collect();
        let excluded =
            self.places.iter().zip(&kept).filter(|(_, kept)| !**kept).map(|(place, _)| *place as u64);
        self.excluded.extend(excluded);
        self.excluded.sort_unstable();
        retain(&mut self.places, &kept);
        retain(&mut self.cards, &kept);
        retain(&mut self.member, &kept);
        Ok(())
    }

    fn summary(&self, membership: &Membership, truth: &Truth) -> Result<ReferenceSummary, EngineError> {
        let with: Vec<u64> = (0..truth.member.len()).map(|r| membership.row(r).count() as u64).collect();
        let fitted_with = with.iter().min().copied().zip(with.iter().max().copied()).unwrap_or_default();
        let models = membership.models() as u64;
        let counts_p = if models == 0 { None } else { Some(validity::counts_p(truth, &with)?) };
        Ok(ReferenceSummary {
            used: models,
            excluded: self.excluded.clone(),
            balanced: self.balance.is_some(),
            fitted_with,
            fitted_without: (models - fitted_with.1, models - fitted_with.0),
            counts_p,
            ..ReferenceSummary::default()
        })
    }
}

fn retain<T>(items: &mut Vec<T>, kept: &[bool]) {
    let mut kept = kept.iter();
    items.retain(|_| kept.next().copied().unwrap_or(true));
}

/// Whether rows of a reference model repeat or complement the target's, however few they are: given to an attack they would tell who is a member.
fn tells_truth(rows: &[bool], truth: &[bool]) -> bool {
    let equal = rows.iter().zip(truth).filter(|(a, b)| a == b).count();
    equal == 0 || equal == truth.len()
}

#[derive(Serialize, Deserialize)]
struct TruthFile {
    member: Vec<bool>,
    person: Option<Vec<String>>,
    group: Option<Vec<String>>,
    canary: Option<Vec<bool>>,
}

impl TruthFile {
    fn of(truth: &Truth) -> Self {
        let group =
            truth.slices.iter().find(|(kind, _)| *kind == SliceKind::Group).map(|(_, parts)| parts.clone());
        let Truth { member, person, canary, .. } = truth.clone();
        Self { member, person, group, canary }
    }
}

/// The truth of finished inputs. Only the judge's steps call this, and the one that holds declared figures against the model.
pub(crate) fn truth(object: &Object) -> Result<Truth, EngineError> {
    let file: TruthFile = object.json("truth.json")?;
    let slices = file.group.map(|group| (SliceKind::Group, group)).into_iter().collect();
    Ok(Truth { member: file.member, person: file.person, slices, canary: file.canary })
}

/// Every record, by the user's ids.
pub(crate) fn roster(object: &Object) -> Result<Roster, EngineError> {
    Ok(Roster::new(object.json("ids.json")?, "ids.json")?)
}

/// Labels of the whole roster, where there are any.
pub(crate) fn labels(object: &Object, inputs: &Inputs) -> Result<Labels, EngineError> {
    let values = object.path(VALUES);
    if values.exists() {
        return Ok(Labels::Values(read_npy(&values)?));
    }
    let path = object.path(CLASSES);
    if !path.exists() {
        return Ok(Labels::None);
    }
    let values: Vec<u32> = read_npy(&path)?.to_i64()?.into_iter().map(|v| v as u32).collect();
    let classes = inputs.classes.unwrap_or_else(|| values.iter().max().map_or(0, |&v| v as usize + 1));
    Ok(Labels::Classes { values: values.into(), classes })
}

/// Consecutive records of the roster, to fit on.
pub(crate) fn records(
    features: &Features,
    labels: &Labels,
    range: std::ops::Range<usize>,
) -> paname_core::Result<Records> {
    let ids: Vec<u32> = range.clone().map(|row| row as u32).collect();
    Ok(Records {
        labels: select_labels(labels, &ids)?,
        ids: ids.into(),
        inputs: match features {
            Features::Tensor(tensor) => Features::Tensor(tensor.slice(range)?),
            Features::Table(table) => Features::Table(table.slice(range)?),
            other => other.clone(),
        },
    })
}

/// Labels of these records of a roster, in this order.
pub(crate) fn select_labels(labels: &Labels, rows: &[u32]) -> paname_core::Result<Labels> {
    Ok(match labels {
        Labels::Classes { values, classes } => Labels::Classes {
            values: rows.iter().map(|row| values[*row as usize]).collect(),
            classes: *classes,
        },
        Labels::Values(values) => Labels::Values(values.gather(rows)?),
        _ => Labels::None,
    })
}

/// Which records of the roster each used reference model was fitted on.
pub(crate) fn membership(object: &Object, inputs: &Inputs) -> Result<Membership, EngineError> {
    if inputs.references.is_empty() {
        return Ok(Membership::none(inputs.audited + inputs.population, 0));
    }
    let flat = read_npy(&object.path("membership.npy"))?.to_bools()?;
    let records = inputs.audited + inputs.population;
    let rows: Vec<Vec<bool>> = flat.chunks_exact(records.max(1)).map(<[bool]>::to_vec).collect();
    Ok(Membership::from_models(&rows, records)?)
}

/// The model set aside for each audited record, where that was needed.
pub(crate) fn aside(object: &Object, inputs: &Inputs) -> Result<Option<Vec<u32>>, EngineError> {
    if inputs.places.len() == inputs.references.len() {
        return Ok(None);
    }
    Ok(Some(read_npy(&object.path(ASIDE))?.to_i64()?.into_iter().map(|m| m as u32).collect()))
}

/// Maps an array of the store.
pub(crate) fn read_npy(path: &Path) -> Result<paname_core::Tensor, EngineError> {
    let name: paname_data::ArrayRef =
        path.file_name().unwrap_or_default().to_string_lossy().parse().map_err(EngineError::Data)?;
    Ok(paname_data::read_array(path.parent().unwrap_or(Path::new(".")), &name)?)
}

/// Writes an array, readable by NumPy too.
pub(crate) fn write_npy<T: npyz::AutoSerialize + Copy>(
    draft: &Draft,
    name: &str,
    shape: &[usize],
    values: &[T],
) -> Result<(), EngineError> {
    let (file, path) = draft.file(name)?;
    let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
    let write = || -> std::io::Result<()> {
        let mut writer = npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd()?;
        writer.extend(values.iter().copied())?;
        writer.finish()
    };
    write().map_err(EngineError::io(&path))
}

/// Opens the models of finished inputs: the target, and the used reference models in order.
pub(crate) fn open_models(
    supply: &Supply<'_>,
    object: &Object,
    inputs: &Inputs,
    ctx: &Ctx<'_>,
) -> Result<Models, EngineError> {
    with_setting(supply, object, inputs, ctx, |setting| {
        let target = supply.target(setting, ctx)?;
        let wanted: HashSet<usize> = inputs.places.iter().copied().collect();
        let references: Vec<Box<dyn Target>> = if wanted.is_empty() {
            Vec::new()
        } else {
            let opened = supply.references(|place| wanted.contains(&place), setting, ctx)?;
            opened.into_iter().map(|(_, reference)| reference.target).collect()
        };
        if references.len() != inputs.places.len() {
            return Err(Error::mismatch("reference models", inputs.places.len(), references.len()).into());
        }
        Ok(Models { target, references })
    })
}

/// Opens one model of finished inputs: the target, which is 0, or a used reference model.
pub(crate) fn open_model(
    supply: &Supply<'_>,
    object: &Object,
    inputs: &Inputs,
    model: u32,
    ctx: &Ctx<'_>,
) -> Result<Box<dyn Target>, EngineError> {
    with_setting(supply, object, inputs, ctx, |setting| {
        let Some(reference) = model.checked_sub(1) else { return supply.target(setting, ctx) };
        let wanted = inputs.places.get(reference as usize).copied();
        let opened = supply.references(|place| Some(place) == wanted, setting, ctx)?;
        let found = opened.into_iter().next().map(|(_, reference)| reference.target);
        found.ok_or_else(|| Error::mismatch("reference model", inputs.places.len(), reference).into())
    })
}

/// Opens the target of finished inputs alone. Returns what the records are with it.
pub(crate) fn open_target(
    supply: &Supply<'_>,
    object: &Object,
    inputs: &Inputs,
    ctx: &Ctx<'_>,
) -> Result<(Box<dyn Target>, Features), EngineError> {
    with_setting(supply, object, inputs, ctx, |setting| {
        Ok((supply.target(setting, ctx)?, setting.inputs.clone()))
    })
}

pub(crate) fn with_setting<T>(
    supply: &Supply<'_>,
    object: &Object,
    inputs: &Inputs,
    ctx: &Ctx<'_>,
    work: impl FnOnce(&Setting<'_>) -> Result<T, EngineError>,
) -> Result<T, EngineError> {
    let roster = roster(object)?;
    let labels = labels(object, inputs)?;
    let features = supply.inventory.features(supply.manifest, &roster, inputs.audited, ctx.threads())?;
    work(&Setting {
        base: supply.manifest.base(),
        roster: &roster,
        labels: &labels,
        inputs: features,
        task: inputs.task,
    })
}

/// The opened models of an audit.
pub(crate) struct Models {
    pub(crate) target: Box<dyn Target>,
    pub(crate) references: Vec<Box<dyn Target>>,
}

/// The signal whose mean is held against a declared loss, where one is declared and can be measured.
pub(crate) fn loss_signal(manifest: &Manifest, inputs: &Inputs) -> Option<Signal> {
    let measurable = inputs.task != Task::Classification || inputs.classes.is_some_and(|c| c > 1);
    let wanted = measurable && fidelity::Declared::of(&manifest.content).names_loss();
    (wanted && Signal::Loss.computable_from(inputs.task, inputs.granted())).then_some(Signal::Loss)
}

/// Whether the right answer can be told from a wrong one.
pub(crate) fn correctness_signal(inputs: &Inputs) -> Option<Signal> {
    let classified = inputs.task == Task::Classification && inputs.classes.is_some_and(|c| c > 1);
    (classified && Signal::Margin.computable_from(inputs.task, inputs.granted())).then_some(Signal::Margin)
}
