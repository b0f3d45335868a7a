//! The attack steps: a case without truth is put together from the store, the attack runs, and its scores go back in the order of the roster, those
//! of groups in the order in which groups were drawn.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::sync::{Mutex, OnceLock, PoisonError};

use paname_core::{
    Access, Attribute, Augmentation, Case, CaseParts, Checkpoint, Cohort, Ctx, DynAttack, Error, Findings,
    Fitted, Generator, Indices, Input, Labels, Metered, Named, Outputs, Pullback, Query, Records, Result,
    Signal, Target, TargetCard, Tensor, View, Within,
};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::attributes::{self, Described};
use crate::groups::Groups;
use crate::inputs::{self, Inputs, Models, write_npy};
use crate::inversions;
use crate::judge::shuffle;
use crate::outputs::Stored;
use crate::signals::StoredSignals;
use crate::store::{Draft, Object};

/// Most reference models that play the target in the control with unrelated models.
pub(crate) const MOST_UNRELATED: usize = 64;
/// Questions per record, all of them together, from which on no more than [`FEWEST_ASKED`] do, where the attack asks its own.
pub(crate) const MOST_ASKED: u64 = 512;
/// What a model costs that an attack has fitted, in questions per record.
pub(crate) const QUESTIONS_OF_A_FIT: u64 = 64;
/// As many play the target whatever the attack asks.
pub(crate) const FEWEST_ASKED: usize = 8;

/// Name of the list of the reference models that played the target, in the order of their scores.
pub(crate) const PLAYED: &str = "played.json";

/// Name of the [`Account`].
pub(crate) const ACCOUNT: &str = "account.json";

/// What an attack step leaves besides scores.
#[derive(Debug, Default, Serialize, Deserialize)]
pub(crate) struct Account {
    /// Records that the attack asked the target about itself.
    pub(crate) asked: u64,
    /// Whether a question was refused that its budget would not have done for.
    #[serde(default)]
    pub(crate) exhausted: bool,
    /// Values of the parameters that it chose by itself.
    pub(crate) chosen: BTreeMap<String, String>,
}

/// What a case is made of.
pub(crate) struct Bench<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) object: &'a Object,
    pub(crate) signals: Vec<(Signal, Object)>,
    /// Groups of audited records in the numbers of the roster, where the attack judges groups; empty otherwise.
    pub(crate) groups: Groups,
    pub(crate) budget: Option<u64>,
    /// Most population records in the case: of more, so many are drawn.
    pub(crate) most_population: usize,
    /// Random stream of the order of the records, and of those that are drawn; its scope is nothing that an attack knows.
    pub(crate) order: Ctx<'a>,
    /// Is told the position in the roster of each number of the case, for what the host does for an attack.
    pub(crate) veil: &'a OnceLock<Indices>,
    /// Takes what the engine is told and attacks are not.
    pub(crate) log: &'a (dyn Fn(&str) + Sync),
    /// Parameters that the attack chooses by itself, as its host hears them.
    pub(crate) chosen: &'a Mutex<BTreeMap<String, String>>,
    /// Opens the models, should the attack ask them.
    pub(crate) open: &'a (dyn Fn() -> Result<Models> + Sync),
    /// The attribute to be guessed, where there is one.
    pub(crate) attribute: Option<Guessed<'a>>,
    /// Whether the audited records stay out of the case: whoever rebuilds inputs must not have them.
    pub(crate) withheld: bool,
    /// What makes inputs, where the manifest names it.
    pub(crate) generator: Option<Generator<'a>>,
}

/// What a case is made of where an attribute is to be guessed.
pub(crate) struct Guessed<'a> {
    pub(crate) described: &'a Described,
    /// What imputation gives `[audited][candidates]` in the order of the roster; none where that is what is asked for.
    pub(crate) imputed: Option<Vec<f64>>,
    /// What the models answered about each candidate, the target first: questions that are paid.
    pub(crate) stored: Vec<Stored>,
    /// Position in the roster of the whole audit of each record.
    pub(crate) rows: Vec<u32>,
}

impl Bench<'_> {
    /// Puts the case together and hands it over. The records are shuffled, the same way for every attack of an audit, and known by numbers that
    /// say nothing. Returns what `work` returned, the order (position in the roster of each record of the case) and what was asked.
    fn with_case<T>(
        &self,
        work: impl FnOnce(&Case<'_>) -> Result<T>,
    ) -> Result<(T, Vec<u32>, Account), EngineError> {
        self.with_parts(|case, attribute| match attribute {
            Some(attribute) => work(&case.with_attribute(attribute)?),
            None => work(&case),
        })
    }

    /// The same with the attribute, where there is one, apart.
    fn with_parts<T>(
        &self,
        work: impl FnOnce(Case<'_>, Option<Attribute>) -> Result<T>,
    ) -> Result<(T, Vec<u32>, Account), EngineError> {
        let audited = if self.withheld { 0 } else { self.inputs.audited };
        let mut order: Vec<u32> = (0..audited as u32).collect();
        shuffle(&mut order, &mut self.order.rng("order of the audited records"));
        let roster_population = self.population();
        let population = roster_population.len();
        let all: Indices = order.iter().copied().chain(roster_population.iter().copied()).collect();
        let labels = inputs::labels(self.object, self.inputs)?;
        let cohort = |ids: std::ops::Range<usize>| -> Result<Cohort> {
            // Whoever rebuilds knows what inputs look like, and not of which class they are: a picture of the class would be no reconstruction.
            let labels =
                if self.withheld { Labels::None } else { inputs::select_labels(&labels, &all[ids.clone()])? };
            Ok(Cohort { labels, ids: ids.map(|id| id as u32).collect() })
        };
        self.veil.get_or_init(|| match &self.attribute {
            // Adapters know records by the roster of the whole audit.
            Some(guessed) => all.iter().map(|row| guessed.rows[*row as usize]).collect(),
            None => all.clone(),
        });
        let membership = inputs::membership(self.object, self.inputs)?;
        let aside = inputs::aside(self.object, self.inputs)?;
        let mixed = aside.is_some();
        let signals = StoredSignals::open(
            &self.signals,
            self.inputs,
            order.clone().into(),
            roster_population.clone(),
            aside,
        )?;
        let opened = OnceLock::new();
        let veiled = |card: &TargetCard, which: Option<usize>| Veiled {
            card: card.clone(),
            which,
            mixed,
            order: all.clone(),
            opened: &opened,
            log: self.log,
            open: self.open,
        };
        let target = veiled(&self.inputs.target, None);
        let references: Vec<Veiled<'_>> =
            self.inputs.references.iter().enumerate().map(|(k, card)| veiled(card, Some(k))).collect();
        let metered = Metered::new(&target, self.inputs.granted(), self.budget);
        let asked =
            std::iter::once(&metered as &dyn Target).chain(references.iter().map(|r| r as &dyn Target));
        // Where one reference model is set aside for each record, none answers by itself: see `Veiled::model`.
        let answering = if mixed { 1 } else { references.len() + 1 };
        let stored = self.attribute.iter().flat_map(|guessed| &guessed.stored).take(answering);
        let remembered: Vec<Remembered<'_>> = asked
            .clone()
            .zip(stored)
            .map(|(inner, stored)| Remembered { inner, stored, order: &all, granted: self.inputs.granted() })
            .collect();
        let mut models: Vec<&dyn Target> = asked.collect();
        models.iter_mut().zip(&remembered).for_each(|(model, remembered)| *model = remembered);
        let case = Case::new(CaseParts {
            task: self.inputs.task,
            granted: self.inputs.granted(),
            target: models[0],
            references: models.split_off(1),
            audited: cohort(0..audited)?,
            population: cohort(audited..audited + population)?,
            audited_membership: Cow::Owned(membership.select_records(&order)),
            population_membership: Cow::Owned(membership.select_records(&roster_population)),
            signals: &signals,
        })?
        .with_groups(self.case_groups(&order))?;
        let case = match &self.generator {
            Some(generator) => case.with_generator(generator.clone()),
            None => case,
        };
        let attribute = match &self.attribute {
            Some(Guessed { described, imputed, .. }) => Some(attributes::known(
                self.object,
                described,
                &order,
                &roster_population,
                imputed.as_deref(),
            )?),
            None => None,
        };
        let result = work(case, attribute)?;
        let chosen = self.chosen.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Ok((result, order, Account { asked: metered.asked(), exhausted: metered.exhausted(), chosen }))
    }

    /// The population records of the case, by their positions in the roster.
    fn population(&self) -> Indices {
        let Inputs { audited, population, .. } = *self.inputs;
        let mut rows: Vec<u32> = (audited as u32..(audited + population) as u32).collect();
        if rows.len() > self.most_population {
            shuffle(&mut rows, &mut self.order.rng("population records of a case"));
            rows.truncate(self.most_population);
            rows.sort_unstable();
        }
        rows.into()
    }

    /// The groups in the numbers of a case whose records stand in this order.
    fn case_groups(&self, order: &[u32]) -> Vec<Indices> {
        let mut places = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, record)| places[*record as usize] = place as u32);
        let in_case = |group: &Vec<u32>| {
            let mut group: Vec<u32> = group.iter().map(|record| places[*record as usize]).collect();
            group.sort_unstable();
            group.into()
        };
        self.groups.iter().map(in_case).collect()
    }

    /// What a run found, checked: a score for each record, for each group, or for each record and candidate.
    fn scores(&self, findings: Findings, case: &Case<'_>) -> Result<Vec<f64>> {
        match &self.attribute {
            Some(guessed) => findings.attribute(case.audited().len(), guessed.described.candidates.len()),
            None => findings.scores(case),
        }
    }

    /// Scores of records in the order of the roster; those of groups stay as they are.
    fn sorted(&self, scores: Vec<f64>, order: &[u32]) -> Vec<f64> {
        if !self.groups.is_empty() {
            return scores;
        }
        let width = self.width();
        let mut sorted = vec![0.0; scores.len()];
        for (scores, &record) in scores.chunks_exact(width).zip(order) {
            sorted[record as usize * width..][..width].copy_from_slice(scores);
        }
        sorted
    }

    /// Scores of a record.
    fn width(&self) -> usize {
        self.attribute.as_ref().map_or(1, |guessed| guessed.described.candidates.len())
    }

    /// Runs an attack step.
    pub(crate) fn attack(
        &self,
        attack: &dyn DynAttack,
        ctx: &Ctx<'_>,
        draft: &Draft,
    ) -> Result<(), EngineError> {
        let (scores, order, account) = self.with_case(|case| self.scores(attack.run(case, ctx)?, case))?;
        write_npy(draft, "scores.npy", &[scores.len()], &self.sorted(scores, &order))?;
        draft.json(ACCOUNT, &account)
    }

    /// Runs a step that rebuilds inputs.
    pub(crate) fn rebuild(
        &self,
        attack: &dyn DynAttack,
        ctx: &Ctx<'_>,
        draft: &Draft,
    ) -> Result<(), EngineError> {
        let (rebuilt, _, account) = self.with_case(|case| {
            let classes = case.classes().unwrap_or(0);
            attack.run(case, ctx)?.reconstructions(classes)
        })?;
        // Whoever rebuilds gives what there is when the budget is spent, which is the same every time, and when the audit is cancelled, which is not: under
        // the key of the whole, a part of it would be taken for the whole by the run that goes on.
        if ctx.cancelled() {
            return Err(EngineError::Cancelled);
        }
        inversions::write(&rebuilt, draft)?;
        draft.json(ACCOUNT, &account)
    }

    /// Runs a control step: the same attack with each of the first reference models in the target's place.
    pub(crate) fn unrelated(
        &self,
        attack: &dyn DynAttack,
        models: usize,
        ctx: &Ctx<'_>,
        draft: &Draft,
    ) -> Result<(), EngineError> {
        let (rows, order, _) = self.with_parts(|case, attribute| {
            let silent = Within::silent(ctx);
            let inner = ctx.within(&silent);
            let mut rows: Vec<(usize, Vec<f64>)> = Vec::with_capacity(models);
            for k in 0..models {
                ctx.tick(k, models)?;
                let rehearsal = case.with_reference_as_target(k)?;
                let rehearsal = match &attribute {
                    Some(attribute) => rehearsal.with_attribute(attribute.clone())?,
                    None => rehearsal,
                };
                match attack.run(&rehearsal, &inner) {
                    Ok(findings) => rows.push((k, self.scores(findings, &case)?)),
                    // Without this model, and those that tell its rows, some record has too few reference models.
                    Err(Error::Missing { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(rows)
        })?;
        ctx.tick(models, models)?;
        if rows.len() < models {
            ctx.log(&format!("control: {} of {models} reference models can play the target", rows.len()));
        }
        let (played, scores): (Vec<usize>, Vec<Vec<f64>>) = rows.into_iter().unzip();
        let units = if self.groups.is_empty() { self.inputs.audited } else { self.groups.len() };
        let units = units * self.width();
        let flat: Vec<f64> = scores.into_iter().flat_map(|scores| self.sorted(scores, &order)).collect();
        write_npy(draft, "scores.npy", &[played.len(), units], &flat)?;
        draft.json(PLAYED, &played)
    }
}

/// A model whose answers about candidates are there already: what follows from them costs no question.
struct Remembered<'a> {
    inner: &'a dyn Target,
    stored: &'a Stored,
    order: &'a Indices,
    granted: Access,
}

impl Target for Remembered<'_> {
    fn card(&self) -> &TargetCard {
        self.inner.card()
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        // What is stored is about true labels.
        if matches!(query.input, Input::Records(..))
            && query.labels.is_none()
            && query.layers.is_empty()
            && self.granted.contains(query.want)
            && self.stored.knows(query.want)
        {
            return self.stored.predict(&unveil(self.order, query)?);
        }
        self.inner.predict(query)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.inner.vjp(query)
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        self.inner.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        self.inner.view(view)
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        self.inner.input(records)
    }

    fn variant(&self, records: &Indices, variant: Augmentation) -> Result<Tensor> {
        self.inner.variant(records, variant)
    }
}

/// Records in the numbers of the roster, for an adapter.
pub(crate) fn unveiled(order: &Indices, records: &Records) -> Result<Records> {
    Ok(Records { ids: translated(order, &records.ids)?, ..records.clone() })
}

/// A fitted model as an attack may ask it: by the numbers of its case.
pub(crate) fn veiled(order: &Indices, fitted: Fitted) -> Fitted {
    let veil = |inner| -> Box<dyn Target> { Box::new(VeiledView { inner, order: order.clone() }) };
    let checkpoints = fitted.checkpoints.into_iter();
    let checkpoints =
        checkpoints.map(|Checkpoint { epoch, target }| Checkpoint { epoch, target: veil(target) });
    // Where the weights lie is the engine's affair.
    Fitted { target: veil(fitted.target), weights: None, checkpoints: checkpoints.collect(), ..fitted }
}

/// A model behind the veil of a case: known by the case's numbers, opened when first asked.
struct Veiled<'a> {
    card: TargetCard,
    /// The target, or a reference model.
    which: Option<usize>,
    /// Whether one reference model is set aside for each record, so that none is the same model for all.
    mixed: bool,
    order: Indices,
    opened: &'a OnceLock<Result<Models>>,
    log: &'a (dyn Fn(&str) + Sync),
    open: &'a (dyn Fn() -> Result<Models> + Sync),
}

impl Veiled<'_> {
    fn model(&self) -> Result<&dyn Target> {
        if self.mixed && self.which.is_some() {
            // Its answers beside the signals would tell for which records it is set aside, and with it who is a member.
            return Err(Error::Unsupported(
                "questions to a reference model by itself, where one is set aside for each record".into(),
            ));
        }
        let models = self.opened.get_or_init(self.open).as_ref().map_err(Clone::clone)?;
        Ok(match self.which {
            None => models.target.as_ref(),
            Some(k) => models.references[k].as_ref(),
        })
    }
}

impl Target for Veiled<'_> {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let asked = unveil(&self.order, query)?;
        self.model()?.predict(&asked).map_err(|error| withheld(error, self.log))
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let asked = unveil(&self.order, query)?;
        self.model()?.vjp(&asked).map_err(|error| withheld(error, self.log))
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        self.model()?.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        Ok(Box::new(VeiledView { inner: self.model()?.view(view)?, order: self.order.clone() }))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let records = translated(&self.order, records)?;
        self.model()?.input(&records).map_err(|error| withheld(error, self.log))
    }

    fn variant(&self, records: &Indices, variant: Augmentation) -> Result<Tensor> {
        let records = translated(&self.order, records)?;
        self.model()?.variant(&records, variant).map_err(|error| withheld(error, self.log))
    }
}

/// Another side of a model behind the veil.
struct VeiledView {
    inner: Box<dyn Target>,
    order: Indices,
}

impl Target for VeiledView {
    fn card(&self) -> &TargetCard {
        self.inner.card()
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.inner.predict(&unveil(&self.order, query)?).map_err(|error| withheld(error, &|_| {}))
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.inner.vjp(&unveil(&self.order, query)?).map_err(|error| withheld(error, &|_| {}))
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        self.inner.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        Ok(Box::new(Self { inner: self.inner.view(view)?, order: self.order.clone() }))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        self.inner.input(&translated(&self.order, records)?).map_err(|error| withheld(error, &|_| {}))
    }
}

/// An error of a model without its words, which may name a record as the roster does: its place there may tell who is a member. The engine is
/// told all of it.
pub(crate) fn withheld(error: Error, log: &dyn Fn(&str)) -> Error {
    match error {
        Error::Denied(_) | Error::Budget { .. } | Error::Cancelled => error,
        other => {
            log(&format!("a model did not answer an attack: {other}"));
            Error::Other("the model did not answer; the log of the audit says why".into())
        }
    }
}

/// The same question with the numbers of the roster in place of the case's.
fn unveil(order: &[u32], query: &Query) -> Result<Query> {
    let Input::Records(ids, Augmentation(a)) = &query.input else { return Ok(query.clone()) };
    Ok(Query { input: Input::Records(translated(order, ids)?, Augmentation(*a)), ..query.clone() })
}

fn translated(order: &[u32], ids: &[u32]) -> Result<Indices> {
    let translated: Option<Indices> = ids.iter().map(|&id| order.get(id as usize).copied()).collect();
    translated.ok_or_else(|| {
        Error::mismatch("record", format!("a number below {}", order.len()), "one beyond the case")
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::Path;

    use npyz::WriterBuilder as _;
    use paname_core::{Access, Labels, Needs, Registry};
    use paname_evidence::Reason;
    use rand_core::SeedableRng as _;
    use rand_pcg::Pcg64;
    use tempfile::TempDir;

    use super::*;
    use crate::features::Inventory;
    use crate::inputs::{Supply, labels, open_models, prepare, read_npy};
    use crate::plan::unrelated_models;
    use crate::store::Store;
    use crate::work::build;
    use crate::{Manifest, groups, judge};

    const RECORDS: u32 = 400;
    const POPULATION: u32 = 100;
    const MODELS: usize = 6;

    const MANIFEST: &str = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
personal = []
[target]
adapter = "predictions"
logits = "target.npy"
ids = "row-number"
[references]
adapter = "predictions"
logits = "references.npy"
ids = "row-number"
member = "member.npy"
[[test]]
id = "lira"
attack = "lira"
"#;

    /// An audit whose file lists the members first. Each reference model was fitted on half of the records, but on the first one only model 0.
    struct Audit {
        folder: TempDir,
        manifest: Manifest,
        registry: Registry,
        store: Store,
        inputs: Inputs,
    }

    fn write<T: npyz::AutoSerialize + Copy>(folder: &Path, name: &str, shape: &[usize], values: &[T]) {
        let shape: Vec<u64> = shape.iter().map(|&n| n as u64).collect();
        let file = fs::File::create(folder.join(name)).unwrap();
        let mut writer =
            npyz::WriteOptions::new().default_dtype().shape(&shape).writer(file).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
    }

    impl Audit {
        fn new() -> Self {
            let folder = tempfile::tempdir().unwrap();
            let records = (0..RECORDS).map(|r| format!("{r},{},{}\n", r % 2, u8::from(r < RECORDS / 2)));
            fs::write(
                folder.path().join("records.csv"),
                "id,label,member\n".to_owned() + &records.collect::<String>(),
            )
            .unwrap();
            let others = (RECORDS..RECORDS + POPULATION).map(|r| format!("{r},{}\n", r % 2));
            fs::write(
                folder.path().join("population.csv"),
                "id,label\n".to_owned() + &others.collect::<String>(),
            )
            .unwrap();
            let mut rng = Pcg64::seed_from_u64(1);
            let all = (RECORDS + POPULATION) as usize;
            let mut member = vec![false; MODELS * all];
            for r in 0..all {
                let mut models: Vec<u32> = (0..MODELS as u32).collect();
                shuffle(&mut models, &mut rng);
                let fitted = if r == 0 { &[0] } else { &models[..MODELS / 2] };
                for &k in fitted {
                    member[k as usize * all + r] = true;
                }
            }
            let mut places: Vec<u32> = (0..((MODELS + 1) * all * 2) as u32).collect();
            shuffle(&mut places, &mut rng);
            let logits: Vec<f32> = places.iter().map(|&place| place as f32 / 1000.0).collect();
            write(folder.path(), "target.npy", &[all, 2], &logits[..all * 2]);
            write(folder.path(), "references.npy", &[MODELS, all, 2], &logits[all * 2..]);
            write(folder.path(), "member.npy", &[MODELS, all], &member);
            fs::write(folder.path().join("audit.toml"), MANIFEST).unwrap();
            let mut registry = Registry::default();
            registry.add_adapters(paname_data::ADAPTERS, "paname-data").unwrap();
            registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
            let manifest = Manifest::read(&folder.path().join("audit.toml")).unwrap();
            let ctx = Ctx::new(1, "inputs", 1, &());
            let inventory = Inventory::default();
            let supply = Supply {
                manifest: &manifest,
                registry: &registry,
                inventory: &inventory,
                data_key: "",
                fits: None,
            };
            let prepared = prepare(&supply, &ctx).unwrap();
            let store = Store::open(folder.path()).unwrap();
            let draft = store.draft("inputs").unwrap();
            prepared.write(&draft).unwrap();
            draft.commit("inputs").unwrap();
            let inputs = prepared.inputs;
            Self { folder, manifest, registry, store, inputs }
        }

        fn models(&self) -> Models {
            let ctx = Ctx::new(1, "models", 1, &());
            let object = self.store.object("inputs");
            let (manifest, registry) = (&self.manifest, &self.registry);
            let supply =
                Supply { manifest, registry, inventory: &Inventory::default(), data_key: "", fits: None };
            open_models(&supply, &object, &self.inputs, &ctx).unwrap()
        }

        /// Does something with the bench of an attack that reads these signals.
        fn with_bench<T>(&self, signals: Vec<(Signal, Object)>, work: impl FnOnce(&Bench<'_>) -> T) -> T {
            let object = self.store.object("inputs");
            work(&Bench {
                inputs: &self.inputs,
                object: &object,
                signals,
                groups: Groups::new(),
                budget: None,
                most_population: usize::MAX,
                order: Ctx::new(1, "a digest of the inputs", 1, &()),
                veil: &OnceLock::new(),
                log: &|_| {},
                chosen: &Mutex::default(),
                open: &|| Ok(self.models()),
                attribute: None,
                withheld: false,
                generator: None,
            })
        }
    }

    #[test]
    fn a_case_hides_the_order_of_the_file() {
        Audit::new().with_bench(Vec::new(), |bench| {
            let ((), order, _) = bench.with_case(|_| Ok(())).unwrap();
            let truth: Vec<bool> = order.iter().map(|&record| record < RECORDS / 2).collect();
            let (records, again, _) = bench
                .with_case(|case| {
                    paname_testkit::check_blind(case, &truth);
                    Ok(case.audited().len())
                })
                .unwrap();
            assert_eq!((records, again), (RECORDS as usize, order));
        });
    }

    #[test]
    fn of_a_larger_population_as_many_are_drawn_as_are_wanted() {
        let population = |most_population| {
            Audit::new().with_bench(Vec::new(), |bench| {
                let bench = Bench {
                    most_population,
                    signals: Vec::new(),
                    groups: Groups::new(),
                    attribute: None,
                    generator: None,
                    ..*bench
                };
                let (labels, ..) = bench
                    .with_case(|case| {
                        let Labels::Classes { values, .. } = &case.population().labels else {
                            return Ok(Vec::new());
                        };
                        Ok(values.to_vec())
                    })
                    .unwrap();
                // Labels are those of the drawn records.
                let drawn = bench.population();
                assert!(labels.iter().zip(drawn.iter()).all(|(label, row)| *label == row % 2));
                assert_eq!(labels.len(), drawn.len());
                drawn
            })
        };
        let all: Indices = (RECORDS..RECORDS + POPULATION).collect();
        assert_eq!((&population(usize::MAX), &population(POPULATION as usize)), (&all, &all));
        let few = population(30);
        assert_eq!(few.len(), 30);
        assert!(few.windows(2).all(|pair| pair[0] < pair[1]) && few.iter().all(|row| all.contains(row)));
        assert_eq!(few, population(30), "drawn by the seed");
        assert_ne!(few[..], all[..30], "drawn, and not the first");
    }

    #[test]
    fn a_case_hides_whose_its_groups_are() {
        let member: Vec<bool> = (0..RECORDS).map(|record| record < RECORDS / 2).collect();
        let truth = judge::Truth { member, ..judge::Truth::default() };
        let grouping = paname_core::Grouping { size: 4, shares: false };
        let groups = groups::draw(&truth, grouping, &mut Pcg64::seed_from_u64(3));
        Audit::new().with_bench(Vec::new(), |bench| {
            let bench = Bench {
                groups: groups.clone(),
                signals: Vec::new(),
                attribute: None,
                generator: None,
                ..*bench
            };
            let (seen, order, _) = bench.with_case(|case| Ok(case.groups().to_vec())).unwrap();
            for (group, drawn) in seen.iter().zip(&groups) {
                let mut records: Vec<u32> = group.iter().map(|place| order[*place as usize]).collect();
                records.sort_unstable();
                assert_eq!(records, *drawn);
            }
            assert_eq!(seen.len(), groups.len());
            let in_case: Vec<bool> = order.iter().map(|record| truth.member[*record as usize]).collect();
            let checked = bench.with_case(|case| {
                paname_testkit::check_blind(case, &in_case);
                Ok(case.groups().len())
            });
            assert_eq!(checked.unwrap().0, groups.len());
        });
    }

    #[test]
    fn reference_models_are_not_asked_where_one_is_set_aside_for_each_record() {
        let audit = Audit::new();
        let open = || Ok(audit.models());
        let opened = OnceLock::new();
        let asked = |which, mixed| {
            let order: Indices = (0..RECORDS + POPULATION).collect();
            let card = audit.inputs.target.clone();
            let model = Veiled { card, which, mixed, order, opened: &opened, log: &|_| {}, open: &open };
            model.predict(&Query::records(vec![3], paname_core::Access::LOGITS)).map(|_| ())
        };
        assert!(matches!(asked(Some(1), true), Err(Error::Unsupported(_))));
        assert_eq!((asked(Some(1), false), asked(None, true)), (Ok(()), Ok(())));
    }

    #[test]
    fn a_control_runs_the_attack_that_the_target_had_or_none() {
        let audit = Audit::new();
        let (parameters, attack) =
            build(&audit.registry, &audit.manifest.content.tests[0], &audit.inputs).unwrap();
        assert_eq!((&parameters["mode"], &parameters["variance"]), (&"online".into(), &"shared-raw".into()));
        let ctx = Ctx::new(1, "test", 1, &());
        let signal = Signal::ScaledConfidence;
        let draft = audit.store.draft("signal").unwrap();
        let labels = labels(&audit.store.object("inputs"), &audit.inputs).unwrap();
        crate::signals::run(signal, &audit.inputs, &labels, &audit.models(), &ctx, &draft).unwrap();
        draft.commit("signal").unwrap();
        let draft = audit.store.draft("control").unwrap();
        audit.with_bench(vec![(signal, audit.store.object("signal"))], |bench| {
            bench.unrelated(attack.as_ref(), MODELS, &ctx, &draft).unwrap();
        });
        draft.commit("control").unwrap();
        let scores = read_npy(&audit.store.object("control").path("scores.npy")).unwrap();
        // With model 0 in the target's place, no model is left that was fitted with the first record: an offline run would be another attack.
        assert_eq!(scores.shape(), [MODELS - 1, RECORDS as usize]);
    }

    /// An attack that asks so much, and of so many reference models the same.
    fn asking(access: Access, queries_per_record: u64, references_max: usize) -> Needs {
        Needs { access, queries_per_record, references_max, ..Needs::default() }
    }

    #[test]
    fn reference_models_play_the_target_where_they_answer_what_the_attack_asks() {
        let mut inputs = Audit::new().inputs;
        let changed = Access::LABELS | Access::NEW_INPUTS;
        let models = |inputs: &Inputs, needs: Needs| unrelated_models(&needs, inputs);
        assert_eq!(models(&inputs, asking(Access::LABELS, 1, 0)), MODELS);
        // Recorded answers are about records as they are.
        assert_eq!(models(&inputs, asking(changed, 1000, 0)), 0);
        inputs.references[0].access.push("new-inputs".into());
        inputs.references = vec![inputs.references[0].clone(); 100];
        inputs.places = (0..100).collect();
        for (questions, references, expected) in
            [(1, 0, 64), (16, 0, 32), (16, 1, 16), (16, 7, 8), (1000, 0, 8), (u64::MAX, 9, 8)]
        {
            assert_eq!(
                models(&inputs, asking(changed, questions, references)),
                expected,
                "{questions} {references}"
            );
        }
        // One set aside for each record.
        inputs.places.push(100);
        assert_eq!(models(&inputs, asking(changed, 1, 0)), 0);
        assert_eq!(models(&inputs, Needs::default()), 64);
    }

    #[test]
    fn the_plan_names_what_recorded_answers_do_not_give() {
        let audit = Audit::new();
        let path = audit.folder.path().join("asking.toml");
        let tests = ["gap", "boundary-distance", "white-box-classifier"];
        let rows = tests.map(|name| format!("[[test]]\nid = \"{name}\"\nattack = \"{name}\"\n"));
        fs::write(&path, MANIFEST.to_owned() + &rows.concat()).unwrap();
        let plan = crate::plan(&Manifest::read(&path).unwrap(), &audit.registry).unwrap();
        let [_, gap, boundary, white_box] = &plan.rows[..] else { panic!("{} rows", plan.rows.len()) };
        assert_eq!((gap.runnable, gap.queries, gap.unrelated), (true, u64::from(RECORDS), MODELS as u64));
        let missing =
            |names: &[&str]| Reason::Access { missing: names.iter().map(ToString::to_string).collect() };
        assert_eq!((boundary.runnable, &boundary.reasons), (false, &vec![missing(&["new-inputs"])]));
        let reasons = &white_box.reasons;
        assert_eq!(reasons[0], missing(&["activations", "input-gradient", "last-layer-gradient"]));
        let what = "reference models that can be asked what the target is asked".to_owned();
        assert_eq!(reasons[1], Reason::References { what, needed: 1, got: 0 });
    }

    #[test]
    fn a_control_of_an_attack_that_asks_is_not_counted() {
        let audit = Audit::new();
        let entry = audit.registry.attack("gap").unwrap();
        let attack = entry.build(serde_json::Value::Null).unwrap();
        let ctx = Ctx::new(1, "test", 1, &());
        audit.with_bench(Vec::new(), |bench| {
            let bench = Bench {
                budget: Some(RECORDS.into()),
                signals: Vec::new(),
                groups: Groups::new(),
                attribute: None,
                generator: None,
                ..*bench
            };
            for (name, control) in [("attack", false), ("control", true)] {
                let draft = audit.store.draft(name).unwrap();
                if control {
                    bench.unrelated(attack.as_ref(), MODELS, &ctx, &draft).unwrap();
                } else {
                    bench.attack(attack.as_ref(), &ctx, &draft).unwrap();
                }
                draft.commit(name).unwrap();
            }
        });
        let account: Account = audit.store.object("attack").json(ACCOUNT).unwrap();
        assert_eq!(account.asked, u64::from(RECORDS));
        let scores = read_npy(&audit.store.object("control").path("scores.npy")).unwrap();
        assert_eq!(scores.shape(), [MODELS, RECORDS as usize]);
        assert!(scores.to_f64().unwrap().iter().all(|score| [0.0, 1.0].contains(score)));
    }
}
