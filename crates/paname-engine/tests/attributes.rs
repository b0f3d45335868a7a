//! Audits of an attribute: models that learn persons by heart, and models that know a population only.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{HashMap, HashSet};
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use paname_core::{
    Access, Adapter, AdapterEntry, AdapterInfo, Attack, Augmentation, Case, Ctx, Entry, Error, Family,
    Features, Findings, FitRun, Fitted, Info, Input, Labels, Needs, Outputs, Query, Recipe, Records,
    Registry, Result, Setting, Signal, Target, TargetCard, Task, Tensor, Whom,
};
use paname_engine::{Manifest, Outcome, RunOptions, plan, run};
use paname_evidence::{AttributeResult, Reason, Row, Verdict};
use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

/// Members, and as many non-members.
const SIDE: usize = 300;
const POPULATION: usize = 400;

/// What a model learned: of each row that it was fitted on, the bits of its inputs and its label, the bits of a real one, where it learns by heart at all.
#[derive(Default, serde::Serialize, serde::Deserialize)]
struct Heart {
    rows: HashSet<(Vec<u32>, u32)>,
    /// What seeds how it was led astray by others, where it was.
    quirks: Option<u64>,
}

impl Heart {
    /// As much for each row as what it learned by heart, and as little to do with whoever is audited.
    fn quirk(&self, row: &[f32]) -> f32 {
        let Some(seed) = self.quirks else { return 0.0 };
        let seed = bits(row).into_iter().fold(seed, |seed, bits| {
            (seed ^ u64::from(bits)).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29)
        });
        (Pcg64::seed_from_u64(seed).next_u64() >> 40) as f32 / (1 << 21) as f32 - 4.0
    }
}

/// Knows of everybody that persons of the second column have the second label a little more often, and knows its own rows by heart.
struct Model {
    card: TargetCard,
    inputs: Tensor,
    heart: Heart,
    /// The real labels that it knows.
    values: HashMap<Vec<u32>, f32>,
}

impl Model {
    fn new(card: TargetCard, inputs: Tensor, heart: Heart) -> Self {
        let values = heart.rows.iter().map(|(bits, label)| (bits.clone(), f32::from_bits(*label)));
        Self { values: values.collect(), card, inputs, heart }
    }
}

fn bits(row: &[f32]) -> Vec<u32> {
    row.iter().map(|value| value.to_bits()).collect()
}

impl Target for Model {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let rows = match &query.input {
            Input::Records(ids, _) => self.inputs.gather(ids)?,
            Input::Tensor(rows) => rows.clone(),
            other => return Err(Error::Unsupported(format!("{other:?}"))),
        };
        let width = rows.shape()[1];
        if self.card.task == Task::Regression {
            let value = |row: &[f32]| match self.values.get(&bits(row)) {
                Some(value) => *value,
                None => 12.0 + 0.5 * row[1] + self.heart.quirk(row),
            };
            let values: Vec<f32> = rows.as_slice::<f32>()?.chunks_exact(width).map(value).collect();
            let labels = Some(Tensor::from_vec(values, &[rows.rows()])?);
            return Ok(Outputs { labels, ..Outputs::default() });
        }
        let mut logits = Vec::new();
        for row in rows.as_slice::<f32>()?.chunks_exact(width) {
            let known = |label: u32| if self.heart.rows.contains(&(bits(row), label)) { 4.0 } else { 0.0 };
            logits.extend([known(0), known(1) + 0.5 * row[1] + self.heart.quirk(row)]);
        }
        let named: Vec<i64> = logits.chunks_exact(2).map(|pair| i64::from(pair[1] > pair[0])).collect();
        let mut answers = Outputs::default();
        if query.want.contains(Access::LOGITS) {
            answers.logits = Some(Tensor::from_vec(logits, &[rows.rows(), 2])?);
        }
        if query.want.contains(Access::LABELS) {
            answers.labels = Some(Tensor::from_vec(named, &[rows.rows()])?);
        }
        Ok(answers)
    }
}

struct ByHeart;

#[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {}

impl ByHeart {
    fn model(heart: Heart, setting: &Setting<'_>) -> Result<Box<dyn Target>> {
        let Features::Tensor(inputs) = setting.inputs else { return Err(Error::Config("no inputs".into())) };
        let card = TargetCard {
            name: "heart".into(),
            fingerprint: format!("{:?} {:?}", heart.rows.iter().min(), heart.quirks),
            task: setting.task,
            classes: match setting.labels {
                Labels::Classes { classes, .. } => Some(*classes),
                _ => None,
            },
            access: match setting.task {
                Task::Regression => vec!["labels".into(), "new-inputs".into()],
                _ => vec!["logits".into(), "new-inputs".into()],
            },
            augmentations: 1,
            ..TargetCard::default()
        };
        Ok(Box::new(Model::new(card, inputs.clone(), heart)))
    }
}

impl Adapter for ByHeart {
    const INFO: AdapterInfo = AdapterInfo {
        name: "by-heart",
        version: 1,
        summary_fr: "Modèles jouets.",
        summary_en: "Toy models.",
        offers: Access::LOGITS.union(Access::NEW_INPUTS).union(Access::LABELS),
    };
    type Config = Config;

    fn files(_: &Config, _: &Path) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn open(_: Config, setting: &Setting<'_>, _: &Ctx<'_>) -> Result<Box<dyn Target>> {
        Self::model(Heart::default(), setting)
    }

    fn fit(
        _: Config,
        recipe: &Recipe,
        data: &Records,
        runs: &[FitRun],
        ctx: &Ctx<'_>,
    ) -> Vec<Result<Fitted>> {
        let one = |run: &FitRun| {
            let Features::Tensor(inputs) = &data.inputs else { return Err(Error::Config("no data".into())) };
            let (labels, card) = match &data.labels {
                Labels::Classes { values, classes } => {
                    (values.to_vec(), TargetCard { classes: Some(*classes), ..TargetCard::default() })
                }
                Labels::Values(values) => (
                    values.to_f64()?.into_iter().map(|value| (value as f32).to_bits()).collect(),
                    TargetCard { task: Task::Regression, ..TargetCard::default() },
                ),
                _ => return Err(Error::Config("no labels".into())),
            };
            let quirks = recipe.architecture.contains_key("quirks").then_some(run.seed);
            let mut heart = Heart { quirks, ..Heart::default() };
            if recipe.architecture.contains_key("by-heart") {
                for &row in run.rows.iter() {
                    let own = inputs.index(row as usize)?;
                    heart.rows.insert((bits(own.as_slice::<f32>()?), labels[row as usize]));
                }
            }
            let weights = ctx.folder()?.join("weights.json");
            fs::create_dir_all(ctx.folder()?).map_err(|e| Error::Other(e.to_string()))?;
            let text = serde_json::to_string(&heart).map_err(|e| Error::Other(e.to_string()))?;
            fs::write(&weights, text).map_err(|e| Error::Other(e.to_string()))?;
            Ok(Fitted {
                target: Box::new(Model::new(card, inputs.clone(), heart)),
                weights: Some(weights),
                train_loss: None,
                train_accuracy: None,
                checkpoints: Vec::new(),
            })
        };
        runs.iter().map(one).collect()
    }

    fn fitted(
        _: Config,
        _: &Recipe,
        weights: &Path,
        setting: &Setting<'_>,
        _: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        let text = fs::read_to_string(weights).map_err(|e| Error::Other(e.to_string()))?;
        Self::model(serde_json::from_str(&text).map_err(|e| Error::Other(e.to_string()))?, setting)
    }
}

const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<ByHeart>()];

fn registry() -> Registry {
    let mut registry = Registry::default();
    registry.add_adapters(ADAPTERS, "test").unwrap();
    registry.add_adapters(paname_data::ADAPTERS, "paname-data").unwrap();
    registry.add_attacks(paname_aia::ATTACKS, "paname-aia").unwrap();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
    registry
}

/// An audit in a folder of its own.
struct Audit {
    folder: tempfile::TempDir,
}

const TESTS: &str = r#"
[[test]]
id = "bb-ip"
attack = "bb-ip"
[[test]]
id = "highest"
attack = "attribute-confidence"
[[test]]
id = "lomia"
attack = "lomia"
[[test]]
id = "mia"
attack = "loss"
"#;

impl Audit {
    /// Persons of an age, a height and a town; whether they are ill goes with the town, and the label with both.
    fn new(recipe: &str, attribute: &str) -> Self {
        Self::of(recipe, attribute, 7)
    }

    /// The same of other persons.
    fn of(recipe: &str, attribute: &str, seed: u64) -> Self {
        let audit = Self { folder: tempfile::tempdir().unwrap() };
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        let (mut records, mut population) = ("id,label,member,group\n".to_owned(), "id,label\n".to_owned());
        let mut inputs = "id,age,height,town,ill,blood\n".to_owned();
        for person in 0..2 * SIDE + POPULATION {
            let town = (uniform() * 3.0) as usize;
            let ill = uniform() < [0.2, 0.5, 0.7][town];
            let label = u8::from(uniform() < if ill { 0.6 } else { 0.35 });
            let (age, height) = (20.0 + 60.0 * uniform(), 1.5 + 0.5 * uniform());
            let blood = ["A", "B", "AB", "O"][(uniform() * 4.0) as usize];
            let ill = if ill { "yes" } else { "no" };
            writeln!(
                inputs,
                "{person},{age:.3},{height:.4},{},{ill},{blood}",
                ["Lyon", "Brest", "Nice"][town]
            )
            .unwrap();
            if person < 2 * SIDE {
                let member = u8::from(person * 7 % 10 < 5);
                writeln!(records, "{person},{label},{member},{}", person % 2).unwrap();
            } else {
                writeln!(population, "{person},{label}").unwrap();
            }
        }
        audit.write("records.csv", &records);
        audit.write("population.csv", &population);
        audit.write("inputs.csv", &inputs);
        audit.manifest(recipe, attribute, "", TESTS);
        audit
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn manifest(&self, recipe: &str, attribute: &str, more: &str, tests: &str) {
        let manifest = format!(
            r#"schema = "paname-audit/1"
{more}
[data]
records = "records.csv"
population = "population.csv"
group = "group"
split = "random"
personal = []
[data.inputs]
table = "inputs.csv"
encode = "standardised"
{attribute}
[target]
adapter = "by-heart"
[target.fit.recipe]
architecture = {{ {recipe} }}
[references]
adapter = "by-heart"
[references.fit]
models = 4
{tests}
"#
        );
        self.write("audit.toml", &manifest);
    }

    fn text(&self, name: &str) -> String {
        fs::read_to_string(self.folder.path().join(name)).unwrap()
    }

    /// The inputs, a line for each person, without the names of the columns.
    fn persons(&self) -> Vec<String> {
        self.text("inputs.csv").lines().skip(1).map(str::to_owned).collect()
    }

    /// Gives every person another label.
    fn relabel(&self, label: impl Fn(usize) -> String) {
        for table in ["records.csv", "population.csv"] {
            let text = self.text(table);
            let mut lines = text.lines();
            let mut relabelled = lines.next().unwrap().to_owned() + "\n";
            for line in lines {
                let mut cells: Vec<String> = line.split(',').map(str::to_owned).collect();
                cells[1] = label(cells[0].parse().unwrap());
                relabelled += &(cells.join(",") + "\n");
            }
            self.write(table, &relabelled);
        }
    }

    /// Writes the inputs with further columns.
    fn beside(&self, persons: &[String], names: &str, cells: impl Fn(usize) -> String) {
        let lines = persons.iter().enumerate().map(|(person, line)| format!("{line},{}\n", cells(person)));
        let header = format!("id,age,height,town,ill,blood,{names}\n");
        self.write("inputs.csv", &(header + &lines.collect::<String>()));
    }

    fn read(&self) -> std::result::Result<Manifest, String> {
        Manifest::read(&self.folder.path().join("audit.toml")).map_err(|error| error.to_string())
    }

    fn run(&self) -> std::result::Result<Outcome, String> {
        let options =
            RunOptions { run_dir: self.folder.path().join("run"), workers: 2, worker: None, patience: None };
        run(&self.read()?, &registry(), &options, &()).map_err(|error| error.to_string())
    }

    /// What is said of a manifest that cannot be used, without the folder.
    fn refusal(&self) -> String {
        let error = match self.read() {
            Err(error) => error,
            Ok(manifest) => plan(&manifest, &registry()).unwrap_err().to_string(),
        };
        error.replace(&format!("{}/", self.folder.path().display()), "")
    }
}

const ILL: &str = "[[attribute]]\nname = \"ill\"\ncolumn = \"ill\"\nsurest = 50";

fn rows(outcome: &Outcome) -> Vec<(&Row, &AttributeResult)> {
    outcome.evidence.core.rows.iter().filter_map(|row| Some((row, row.attribute.as_ref()?))).collect()
}

#[test]
fn what_is_learned_by_heart_is_a_leak_and_what_a_population_tells_is_none() {
    let audit = Audit::new("by-heart = true", ILL);
    let outcome = audit.run().unwrap();
    let rows = rows(&outcome);
    assert_eq!(rows.len(), 3);
    for (row, result) in &rows {
        assert_eq!(row.verdict, Verdict::LeakDemonstrated, "{}: {:?}", row.id, row.reasons);
        assert_eq!((result.members, result.non_members, result.left_out), (SIDE as u64, SIDE as u64, 0));
        // As many as the target had, of a larger population.
        assert_eq!(result.candidates, 2);
        assert_eq!((result.imputer.rows, result.imputer.target_rows), (SIDE as u64, SIDE as u64));
        // Whoever guesses without the model is right of both alike.
        let [inside, outside] = [result.imputation.members, result.imputation.non_members];
        assert!((inside.share - outside.share).abs() < 0.1, "{}: {inside:?} {outside:?}", row.id);
        let difference = result.difference;
        // Labels alone tell less.
        let (least, most) = if row.id == "lomia" { (0.05, 0.03) } else { (0.1, 0.01) };
        assert!(difference.value > least && difference.interval.lower > 0.0, "{}: {difference:?}", row.id);
        assert!(result.test.p < most && result.test.p_adjusted >= result.test.p);
        assert!(result.attack.members.share > result.attack.non_members.share + 0.1);
        let control = result.positive.unwrap();
        assert_eq!(control.models, 4);
        assert!(control.individual.unwrap().interval.lower > 0.05, "{}: {control:?}", row.id);
        let unrelated = result.unrelated.as_ref().unwrap();
        assert!(unrelated.null.iter().all(|null| *null < result.difference.value / 2.0), "{unrelated:?}");
        // By class and by group.
        assert_eq!(result.slices.len(), 4);
    }
    // Everything is there when it runs again, the sweeps above all.
    let again = audit.run().unwrap();
    assert_eq!(again.steps_run, 0);
    assert_eq!(again.evidence.core_sha256, outcome.evidence.core_sha256);
    // A model that knows the population only gives nothing away of anybody.
    let honest = Audit::new("size = 1", ILL).run().unwrap();
    for (row, result) in self::rows(&honest) {
        assert_ne!(row.verdict, Verdict::LeakDemonstrated, "{}: {:?}", row.id, result.difference);
        assert!(result.difference.interval.lower <= 0.0 && result.difference.interval.upper >= 0.0);
    }
}

/// Tries every way to the true value, and says at which it came through.
struct Peek;

impl Attack for Peek {
    const INFO: Info = Info {
        name: "peek",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Regard",
        title_en: "Peek",
        summary_fr: "Regarde.",
        summary_en: "Peeks.",
        formula: "the truth",
        paper: "none",
        source: "//! Peeks.",
    };
    type Config = Config;

    fn new(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _: usize) -> Needs {
        Needs { signals: vec![Signal::Loss], references_max: usize::MAX, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let ids = case.audited().ids.clone();
        let refused = |what: &str, came_through: bool| {
            if came_through { Err(Error::Other(format!("{what} came through"))) } else { Ok(()) }
        };
        refused("the input of a record", case.target().input(&ids).is_ok())?;
        // With a candidate in the place of the value it may be seen, and that is all: whether ill is column 5.
        for candidate in 0..2 {
            let inputs = case.target().variant(&ids, Augmentation(candidate))?;
            let other = |row: &[f32]| row[5] != candidate as f32;
            let rows = inputs.as_slice::<f32>()?.chunks_exact(inputs.shape()[1]);
            refused("another value", rows.clone().any(other) || rows.len() != ids.len())?;
        }
        refused("a variant beyond", case.target().variant(&ids, Augmentation(2)).is_ok())?;
        let beyond = Query {
            input: Input::Records(ids.clone(), Augmentation(2)),
            ..Query::records(ids.clone(), Access::LOGITS)
        };
        refused("a record as it is", case.target().predict(&beyond).is_ok())?;
        let data =
            Records { ids: ids.clone(), inputs: Features::None, labels: case.audited().labels.clone() };
        let run = FitRun { rows: (0..ids.len() as u32).collect(), seed: 1 };
        refused("a fit", ctx.fit(&Recipe::default(), &data, &[run]).is_ok())?;
        refused("a model that plays", case.references() > 0 && case.with_reference_as_target(0).is_ok())?;
        for k in 0..case.references() {
            let own = |r: &usize| case.membership(Whom::Audited).row(*r).contains(k);
            let own: Vec<u32> = (0..ids.len()).filter(own).map(|r| ids[r]).collect();
            let others: Vec<u32> = ids.iter().copied().filter(|id| !own.contains(id)).collect();
            let asked = |ids: Vec<u32>| {
                case.reference(k).map(|model| model.predict(&Query::records(ids, Access::LOGITS)).is_ok())
            };
            refused("a model that knows the record", asked(own) != Some(false))?;
            // The others are there to be asked.
            refused("a refusal", asked(others) != Some(true))?;
        }
        // Whichever candidate a model fitted with the record prefers, its signals are another's.
        let scores = case.map_records(Whom::Audited, &[Signal::Loss], ctx, |record| {
            let with: Vec<usize> =
                (0..case.references()).filter(|k| record.membership().contains(*k)).collect();
            let sum =
                |v: usize| -with.iter().map(|k| f64::from(record.references(0)[2 * k + v])).sum::<f64>();
            Ok([sum(0), sum(1)])
        })?;
        Ok(Findings::Attribute(scores.concat()))
    }
}

const PEEKING: &[Entry] = &[Entry::of::<Peek>()];

#[test]
fn no_way_leads_to_the_truth() {
    let audit = Audit::new("by-heart = true", ILL);
    audit.manifest("by-heart = true", ILL, "", "[[test]]\nid = \"peek\"\nattack = \"peek\"\n");
    let mut registry = registry();
    registry.add_attacks(PEEKING, "test").unwrap();
    let options =
        RunOptions { run_dir: audit.folder.path().join("run"), workers: 2, worker: None, patience: None };
    let outcome = run(&audit.read().unwrap(), &registry, &options, &()).unwrap();
    let row = outcome.evidence.core.rows.iter().find(|row| row.id == "peek").unwrap();
    let result = row.attribute.as_ref().unwrap_or_else(|| panic!("{:?}", row.reasons));
    // Whoever were asked all know the value; by what is shown of them no better than by imputation.
    assert!(result.attack.members.share < result.imputation.members.share + 0.1, "{:?}", result.attack);
}

#[test]
fn labels_alone_are_enough_for_some() {
    let audit = Audit::new("by-heart = true", ILL);
    let access = "access = { signals = [\"labels\", \"new-inputs\"] }";
    let tests = TESTS.replace("attack = \"attribute-confidence\"", "attack = \"fredrikson\"");
    audit.manifest("by-heart = true", ILL, access, &tests);
    let outcome = audit.run().unwrap();
    let row = |id: &str| outcome.evidence.core.rows.iter().find(|row| row.id == id).unwrap();
    let lomia = row("lomia").attribute.as_ref().unwrap();
    assert!(lomia.difference.interval.lower > 0.0, "{:?}", lomia.difference);
    assert!(row("highest").attribute.is_some());
    assert_eq!(row("bb-ip").reasons, [Reason::Access { missing: vec!["probabilities".into()] }]);
    // Nobody may change inputs.
    audit.manifest("by-heart = true", ILL, "access = { signals = [\"logits\"] }", TESTS);
    let plan = plan(&audit.read().unwrap(), &registry()).unwrap();
    let row = plan.rows.iter().find(|row| row.id == "bb-ip").unwrap();
    assert_eq!(row.reasons, [Reason::Access { missing: vec!["new-inputs".into()] }]);
}

#[test]
fn another_attribute_asks_no_model_anew() {
    let audit = Audit::new("by-heart = true", ILL);
    let first = audit.run().unwrap();
    let both = format!("{ILL}\n[[attribute]]\nname = \"town\"\ncolumn = \"town\"");
    let tests = TESTS.replace("attack = \"bb-ip\"", "attack = \"bb-ip\"\nattribute = \"ill\"");
    let tests = tests.replace(
        "attack = \"attribute-confidence\"",
        "attack = \"attribute-confidence\"\nattribute = \"ill\"",
    );
    let tests = tests.replace("attack = \"lomia\"", "attack = \"lomia\"\nattribute = \"town\"");
    audit.manifest("by-heart = true", &both, "", &tests);
    let second = audit.run().unwrap();
    let of = |outcome: &Outcome, id: &str| {
        let row = outcome.evidence.core.rows.iter().find(|row| row.id == id).cloned();
        row.and_then(|row| row.attribute).map(|result| (result.attack, result.difference))
    };
    assert_eq!(of(&first, "bb-ip"), of(&second, "bb-ip"));
    // Models, their answers, what is about membership and the sweeps of the first attribute are there.
    assert!(second.steps_reused >= first.steps_run - 8, "{} of {}", second.steps_reused, first.steps_run);
}

#[test]
fn whoever_is_asked_is_asked_for_somebody() {
    let audit = Audit::new("by-heart = true", ILL);
    audit.manifest("by-heart = true", ILL, "", "[[test]]\nid = \"alone\"\nattack = \"imputation\"\n");
    let plan = plan(&audit.read().unwrap(), &registry()).unwrap();
    assert!(!plan.steps.iter().any(|step| step.starts_with("candidates/")), "{:?}", plan.steps);
    let outcome = audit.run().unwrap();
    // Two forests of the same records are alike.
    assert!(rows(&outcome)[0].1.difference.value.abs() < 0.05);
}

#[test]
fn every_attack_takes_part() {
    let mut tests = String::new();
    for entry in paname_aia::ATTACKS {
        writeln!(tests, "[[test]]\nid = \"{0}\"\nattack = \"{0}\"", entry.info.name).unwrap();
    }
    for inner in ["lira", "rmia", "confidence", "gap", "calibration"] {
        writeln!(tests, "[[test]]\nid = \"through-{inner}\"\nattack = \"through-membership\"\nparameters = {{ attack = \"{inner}\" }}").unwrap();
    }
    let audit = Audit::new("by-heart = true", ILL);
    audit.manifest("by-heart = true", ILL, "", &tests);
    let outcome = audit.run().unwrap();
    for row in outcome.evidence.core.rows.iter().filter(|row| row.attack.is_some()) {
        match (row.id.as_str(), &row.attribute) {
            // The toy shows nothing of its inside.
            ("neuron-outputs", None) => {
                assert_eq!(row.reasons, [Reason::Access { missing: vec!["activations".into()] }]);
            }
            // Whoever guesses without the model gains nothing over itself.
            ("imputation", Some(result)) => assert!(result.difference.value.abs() < 0.05, "{result:?}"),
            // What these learn of the model they learn on strangers, of whom it knows nothing.
            ("fredrikson" | "meta-model", Some(_)) => {}
            (_, Some(result)) => {
                assert!(result.difference.value > 0.05, "{}: {:?}", row.id, result.difference);
            }
            (id, None) => panic!("{id}: {:?}", row.reasons),
        }
    }
}

#[test]
fn the_plan_tells_what_is_guessed_and_what_it_can_show() {
    let audit = Audit::new("by-heart = true", ILL);
    let plan = plan(&audit.read().unwrap(), &registry()).unwrap();
    let row = plan.rows.iter().find(|row| row.id == "bb-ip").unwrap();
    let attribute = row.attribute.as_ref().unwrap();
    assert_eq!(attribute.candidates, ["no", "yes"]);
    assert_eq!((attribute.records, attribute.known), (2 * SIDE as u64, SIDE as u64));
    assert!(row.runnable && row.power.is_none());
    assert_eq!(row.queries, 2 * (2 * SIDE + POPULATION) as u64);
    for step in
        ["attribute/ill", "imputation/ill", "candidates/ill/target", "candidates/ill/3", "judge/bb-ip"]
    {
        assert!(plan.steps.iter().any(|name| name == step), "{step} of {:?}", plan.steps);
    }
}

/// The file of this name in a folder, at any depth.
fn found(folder: &Path, name: &str) -> Option<PathBuf> {
    let mut entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.find_map(
        |path| if path.is_dir() { found(&path, name) } else { path.ends_with(name).then_some(path) },
    )
}

#[test]
fn how_columns_became_numbers_is_kept() {
    let audit = Audit::new("size = 1", ILL);
    audit.manifest("size = 1", ILL, "", "[[test]]\nid = \"alone\"\nattack = \"imputation\"\n");
    audit.run().unwrap();
    let path = found(&audit.folder.path().join("run"), "encoder.json").unwrap();
    let stored: serde_json::Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    let encoder = paname_data::Encoder::read(&stored["inputs"].to_string()).unwrap();
    // By the population alone.
    let population = 2 * SIDE..2 * SIDE + POPULATION;
    assert_eq!(encoder.fitted_on, Some(population.clone()));
    let range = serde_json::json!({ "start": population.start, "end": population.end });
    assert_eq!(
        (&stored["known_fitted_on"], &stored["candidates"]),
        (&range, &serde_json::json!(["no", "yes"]))
    );
    let names: Vec<&str> = encoder.columns.iter().map(|column| column.name.as_str()).collect();
    assert_eq!(names, ["age", "height", "town", "ill", "blood"]);
    // Records of the file, encoded by what is stored, are what models were given.
    let ids: Vec<String> = (0..population.end).map(|person| person.to_string()).collect();
    let roster = paname_core::Roster::new(ids, "inputs.csv").unwrap();
    let read = |encode, fitted_on| {
        let table = Some("inputs.csv".into());
        let config =
            paname_data::InputsConfig { table, encode: Some(encode), fitted_on, ..Default::default() };
        config.read(audit.folder.path(), &roster, 1).unwrap()
    };
    let given = read(paname_data::Encode::Standardised, Some(population));
    let Features::Table(table) = read(paname_data::Encode::None, None) else { panic!("no table") };
    let (Features::Tensor(given), Features::Tensor(again)) = (given, encoder.encode(&table).unwrap()) else {
        panic!("no numbers");
    };
    assert_eq!((given.shape(), given.bytes().unwrap()), (again.shape(), again.bytes().unwrap()));
}

#[test]
fn an_imputer_learns_from_as_many_rows_as_the_target_had() {
    let audit = Audit::new("by-heart = true", ILL);
    let population = audit.text("population.csv");
    let plan = |audit: &Audit| plan(&audit.read().unwrap(), &registry()).unwrap();
    let known = |audit: &Audit| {
        let plan = plan(audit);
        plan.rows.iter().find(|row| row.id == "bb-ip").unwrap().attribute.as_ref().unwrap().known
    };
    // Of 400 as many as there are members; what is declared of a model that is fitted here is not asked.
    assert_eq!(known(&audit), SIDE as u64);
    let text = audit.text("audit.toml");
    let declared = text.replace("split = ", "samples = 350\nsplit = ");
    audit.write("audit.toml", &declared);
    assert_eq!(known(&audit), SIDE as u64);
    // Of a model that was fitted elsewhere it is.
    let start = declared.find("[target.fit.recipe]").unwrap();
    let elsewhere = declared[..start].to_owned() + TESTS;
    audit.write("audit.toml", &elsewhere);
    assert_eq!(known(&audit), 350);
    audit.write("audit.toml", &elsewhere.replace("samples = 350", "samples = 5000"));
    assert_eq!(known(&audit), POPULATION as u64);
    // Too few are told.
    audit.write("audit.toml", &text);
    let few: Vec<&str> = population.lines().take(1 + 150).collect();
    audit.write("population.csv", &(few.join("\n") + "\n"));
    let outcome = audit.run().unwrap();
    for (row, result) in rows(&outcome) {
        assert_eq!((result.imputer.rows, result.imputer.target_rows), (150, SIDE as u64));
        let told = Reason::ImputerKnowsLess { rows: 150, target_rows: SIDE as u64 };
        assert!(row.reasons.contains(&told), "{}: {:?}", row.id, row.reasons);
    }
    // Where a manifest asks for fewer, too.
    audit.write("population.csv", &population);
    let attribute = format!("{ILL}\nimputer = {{ attack = \"imputation\", parameters = {{ rows = 100 }} }}");
    audit.manifest("by-heart = true", &attribute, "", TESTS);
    let outcome = audit.run().unwrap();
    assert_eq!(rows(&outcome)[0].1.imputer.rows, 100);
}

/// A label of real values that goes with the illness, in part.
fn real_labels(audit: &Audit) {
    let persons = audit.persons();
    let mut rng = Pcg64::seed_from_u64(5);
    let noise: Vec<f64> =
        persons.iter().map(|_| (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64).collect();
    audit.relabel(|person| {
        let ill = if persons[person].contains(",yes,") { 2.0 } else { 0.0 };
        format!("{:.4}", 10.0 + ill + 3.0 * noise[person])
    });
}

#[test]
fn real_values_that_are_learned_by_heart_are_a_leak() {
    let mut tests = String::new();
    for entry in paname_aia::ATTACKS {
        writeln!(tests, "[[test]]\nid = \"{0}\"\nattack = \"{0}\"", entry.info.name).unwrap();
    }
    for inner in ["lira", "rmia", "gap"] {
        writeln!(tests, "[[test]]\nid = \"through-{inner}\"\nattack = \"through-membership\"\nparameters = {{ attack = \"{inner}\" }}").unwrap();
    }
    tests += "[[test]]\nid = \"mia\"\nattack = \"loss\"\n";
    let task = "model = { task = \"regression\" }";
    let audit = |recipe: &str| {
        let audit = Audit::new(recipe, ILL);
        real_labels(&audit);
        audit.manifest(recipe, ILL, task, &tests);
        audit
    };
    let outcome = audit("by-heart = true").run().unwrap();
    for row in outcome.evidence.core.rows.iter().filter(|row| row.attack.is_some() && row.id != "mia") {
        match (row.id.as_str(), &row.attribute) {
            // Whoever needs something to be right or wrong is told so before.
            ("csmia" | "lomia" | "through-gap", None) => {
                assert_eq!(row.reasons, [Reason::Task], "{}", row.id);
            }
            ("neuron-outputs", None) => {
                assert_eq!(row.reasons, [Reason::Access { missing: vec!["activations".into()] }]);
            }
            ("imputation", Some(result)) => {
                assert!(result.difference.value.abs() < 0.05, "{result:?}");
                // The label tells more than all else: the town alone is right of two thirds.
                assert!(result.imputation.members.share > 0.74, "{:?}", result.imputation);
            }
            ("fredrikson" | "meta-model", Some(_)) => {}
            (_, Some(result)) => {
                assert_eq!(row.verdict, Verdict::LeakDemonstrated, "{}: {:?}", row.id, row.reasons);
                assert!(result.difference.value > 0.05, "{}: {:?}", row.id, result.difference);
                let [inside, outside] = [result.attack.members.share, result.attack.non_members.share];
                assert!(inside > outside + 0.1, "{}: {:?}", row.id, result.attack);
            }
            (id, None) => panic!("{id}: {:?}", row.reasons),
        }
    }
    assert!(rows(&outcome).len() >= 8);
    let honest = audit("size = 1").run().unwrap();
    for (row, result) in rows(&honest) {
        assert_ne!(row.verdict, Verdict::LeakDemonstrated, "{}: {:?}", row.id, result.difference);
    }
}

/// A test that goes through a membership attack.
fn through(inner: &str) -> String {
    format!(
        "[[test]]\nid = \"through-{inner}\"\nattack = \"through-membership\"\nparameters = {{ attack = \"{inner}\" }}\n"
    )
}

#[test]
fn any_membership_attack_is_gone_through_or_refused_in_words() {
    let audit = Audit::new("by-heart = true", ILL);
    let mut runnable = String::new();
    let mut names = Vec::new();
    for entry in paname_mia::ATTACKS {
        let name = entry.info.name;
        audit.manifest("by-heart = true", ILL, "", &through(name));
        let refused = match name {
            "shadow-classifier" | "ml-leaks" | "white-box-classifier" => {
                "learns from what models say of records"
            }
            "loss-trajectory" => "has models fitted",
            "dataset-inference" | "dataset-usage" => "judges groups of records",
            // The toy shows nothing of its inside, which the attack within needs: it is known beforehand.
            "last-layer-gradient-norm" | "input-gradient-norm" => {
                let plan = plan(&audit.read().unwrap(), &registry()).unwrap();
                let row = plan.rows.iter().find(|row| row.attack.is_some()).unwrap();
                assert!(matches!(&row.reasons[..], [Reason::Access { .. }]), "{name}: {:?}", row.reasons);
                continue;
            }
            _ => {
                names.push(name);
                // As cheap as may be.
                let less = match name {
                    "boundary-distance" => ", parameters = { queries = 50, probes = 10 }",
                    "augmentation-vote" => ", parameters = { scales = [0.01], copies = 3 }",
                    _ => "",
                };
                runnable += &through(name).replace(" }\n", &format!("{less} }}\n"));
                continue;
            }
        };
        let refusal = audit.refusal();
        assert!(refusal.contains(refused) && refusal.contains("audit.toml:"), "{name}: {refusal}");
    }
    assert!(names.len() >= 17, "{names:?}");
    // Within, no model rehearses: the first of what it would choose among is taken.
    names.push("rehearsed");
    runnable += "[[test]]\nid = \"rehearsed\"\nattack = \"through-membership\"\nparameters = { attack = \"rmia\", parameters = { gamma = \"rehearsed\" } }\n";
    audit.manifest("by-heart = true", ILL, "", &runnable);
    let outcome = audit.run().unwrap();
    for (row, name) in outcome.evidence.core.rows.iter().filter(|row| row.attack.is_some()).zip(&names) {
        let result = row.attribute.as_ref().unwrap_or_else(|| panic!("{name}: {:?}", row.reasons));
        // Whoever asks for labels alone sees less.
        assert!(result.difference.value > 0.1, "{name}: {:?}", result.difference);
    }
    for (parameters, said) in [
        (
            "attack = \"lira\", parameters = { mode = \"online\" }",
            "compares with models that were fitted with the record",
        ),
        ("attack = \"lira\", parameters = { mod = \"online\" }", "attack `lira` within: unknown field `mod`"),
        ("attack = \"bb-ip\"", "is no membership attack"),
        ("attack = \"through-membership\"", "is no membership attack"),
        ("attack = \"lyra\"", "no attack is named `lyra`; there are: "),
        ("signals = [\"loss\"]", "signals"),
    ] {
        let test = format!(
            "[[test]]\nid = \"a\"\nattack = \"through-membership\"\nparameters = {{ {parameters} }}\n"
        );
        audit.manifest("by-heart = true", ILL, "", &test);
        let refusal = audit.refusal();
        assert!(refusal.contains(said) && refusal.contains("audit.toml:"), "{parameters}: {refusal}");
    }
    // Whoever goes through an attack that asks asks.
    let imputer = format!("{ILL}\nimputer = {{ attack = \"through-membership\" }}");
    audit.manifest("by-heart = true", &imputer, "", TESTS);
    assert!(audit.refusal().contains("asks a model"), "{}", audit.refusal());
}

#[test]
fn attributes_of_every_scale_are_guessed() {
    for (attribute, candidates, scale) in [
        ("[[attribute]]\nname = \"blood\"\ncolumn = \"blood\"", 4, "nominal"),
        ("[[attribute]]\nname = \"age\"\ncolumn = \"age\"\ncandidates = 5\ntolerance = 1", 5, "continuous"),
        ("[[attribute]]\nname = \"both\"\ncolumn = [\"ill\", \"town\"]", 6, "nominal"),
    ] {
        let outcome = Audit::new("by-heart = true", attribute).run().unwrap();
        let (row, result) = rows(&outcome)[0];
        assert_eq!((result.candidates, result.scale.as_str()), (candidates, scale));
        // Numbers that stand for a range are no longer those that were learned.
        let expected = if scale == "continuous" { Verdict::Inconclusive } else { Verdict::LeakDemonstrated };
        assert_eq!(row.verdict, expected, "{attribute}: {:?}", result.difference);
    }
}

#[test]
fn a_sample_is_drawn_and_a_budget_says_which_would_do() {
    let audit = Audit::new("by-heart = true", &format!("{ILL}\nsample = 200"));
    let outcome = audit.run().unwrap();
    let (_, result) = rows(&outcome)[0];
    assert_eq!((result.members + result.non_members, result.left_out), (200, 400));
    audit.manifest("by-heart = true", ILL, "access = { max_queries = 1500 }", TESTS);
    let plan = plan(&audit.read().unwrap(), &registry()).unwrap();
    let row = plan.rows.iter().find(|row| row.id == "bb-ip").unwrap();
    let reason = Reason::CandidateBudget { needed: 2000, allowed: 1500, candidates: 2, sample: 350 };
    assert_eq!(row.reasons, [reason]);
}

#[test]
fn recorded_answers_about_candidates_do_as_well() {
    let audit = Audit::new("by-heart = true", ILL);
    let people = 2 * SIDE + POPULATION;
    // A model that is sure of the label where a person is put to it as ill.
    let header = format!("{{'descr': '<f4', 'fortran_order': False, 'shape': ({people}, 2, 2), }}");
    let mut logits = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    logits.extend(format!("{header:<117}\n").bytes());
    let values = (0..people).flat_map(|_| [0.0_f32, 0.0, 0.0, 1.0]);
    logits.extend(values.flat_map(f32::to_le_bytes));
    fs::write(audit.folder.path().join("logits.npy"), logits).unwrap();
    let target = format!(
        "{ILL}\ntarget = {{ adapter = \"predictions\", logits = \"logits.npy\", ids = \"row-number\", augmentations = true }}"
    );
    audit.manifest("by-heart = true", &target, "", "[[test]]\nid = \"csmia\"\nattack = \"csmia\"\n");
    let outcome = audit.run().unwrap();
    let (row, result) = rows(&outcome)[0];
    assert_ne!(row.verdict, Verdict::LeakDemonstrated, "{:?}", result.difference);
    // No reference model answers such questions.
    assert!(result.unrelated.is_none() && result.positive.is_none());
}

#[test]
fn what_cannot_be_guessed_is_refused_in_words() {
    let audit = Audit::new("by-heart = true", ILL);
    let refusals: Vec<String> = [
        "[[attribute]]\nname = \"ill\"\ncolumn = \"illness\"",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"ill\"\nvalues = [\"no\", \"perhaps\"]",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"id\"",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"label\"",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"height\"\nscale = \"nominal\"",
        "[[attribute]]\nname = \"a/b\"\ncolumn = \"ill\"",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"ill\"\n[[attribute]]\nname = \"Ill\"\ncolumn = \"ill\"",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"ill\"\n[[attribute]]\nname = \"town\"\ncolumn = \"town\"",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"ill\"\nimputer = { attack = \"attribute-confidence\" }",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"ill\"\nimputer = { attack = \"loss\" }",
        "[[attribute]]\nname = \"ill\"\ncolumn = \"ill\"\nsurest = 0",
        "",
    ]
    .iter()
    .map(|attribute| {
        audit.manifest("by-heart = true", attribute, "", TESTS);
        audit.refusal()
    })
    .collect();
    insta::assert_snapshot!(refusals.join("\n\n"));
    audit.manifest(
        "by-heart = true",
        ILL,
        "",
        "[[test]]\nid = \"mia\"\nattack = \"loss\"\nattribute = \"ill\"\n",
    );
    assert!(audit.refusal().contains("guesses no attribute"), "{}", audit.refusal());
    audit.manifest(
        "by-heart = true",
        ILL,
        "",
        "[[test]]\nid = \"a\"\nattack = \"bb-ip\"\nattribute = \"no\"\n",
    );
    assert!(audit.refusal().contains("there are: ill"), "{}", audit.refusal());
}

#[test]
fn twins_and_labels_among_the_inputs_are_found() {
    let audit = Audit::new("by-heart = true", ILL);
    let text = fs::read_to_string(audit.folder.path().join("inputs.csv")).unwrap();
    let lines: Vec<&str> = text.lines().collect();
    let of = |person: usize| lines[person + 1].split_once(',').unwrap().1;
    // The population's first person is what the first audited one is, label included.
    let twin =
        text.replace(&format!("\n{},{}", 2 * SIDE, of(2 * SIDE)), &format!("\n{},{}", 2 * SIDE, of(0)));
    audit.write("inputs.csv", &twin);
    let records = fs::read_to_string(audit.folder.path().join("records.csv")).unwrap();
    let label = records.lines().nth(1).unwrap().split(',').nth(1).unwrap();
    let population = fs::read_to_string(audit.folder.path().join("population.csv")).unwrap();
    let first = population.lines().nth(1).unwrap();
    let population = population.replace(first, &format!("{},{label}", 2 * SIDE));
    audit.write("population.csv", &population);
    let refusal = audit.refusal();
    assert!(refusal.contains("1 population records equal an audited record"), "{refusal}");
    audit.manifest("by-heart = true", &format!("{ILL}\nduplicates = \"declared\""), "", TESTS);
    plan(&audit.read().unwrap(), &registry()).unwrap();
    // A column that is the label under another name.
    let label = |id: &str| {
        let of = |table: &str| {
            table
                .lines()
                .find_map(|line| line.strip_prefix(&format!("{id},")).map(|rest| rest[..1].to_owned()))
        };
        of(&records).or_else(|| of(&population)).unwrap()
    };
    let told: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(i, line)| {
            if i == 0 {
                format!("{line},income")
            } else {
                format!("{line},{}", label(line.split(',').next().unwrap()))
            }
        })
        .collect();
    audit.write("inputs.csv", &(told.join("\n") + "\n"));
    let refusal = audit.refusal();
    assert!(refusal.contains("column `income` of the inputs tells the label"), "{refusal}");
    // The same as the attribute, and a column that is the attribute's contrary.
    let declared = "duplicates = \"declared\"";
    audit.manifest(
        "by-heart = true",
        &format!("[[attribute]]\nname = \"income\"\ncolumn = \"income\"\n{declared}"),
        "",
        TESTS,
    );
    let refusal = audit.refusal();
    assert!(refusal.contains("`income` tells the label by itself"), "{refusal}");
    let well = |line: &&str| if line.contains(",yes,") { "0" } else { "1" };
    let told: Vec<String> = lines
        .iter()
        .enumerate()
        .map(|(i, line)| format!("{line},{}", if i == 0 { "well" } else { well(line) }))
        .collect();
    audit.write("inputs.csv", &(told.join("\n") + "\n"));
    audit.manifest("by-heart = true", &format!("{ILL}\n{declared}"), "", TESTS);
    let refusal = audit.refusal();
    assert!(refusal.contains("column `well` tells `ill` by another name"), "{refusal}");
}

#[test]
fn labels_that_are_spread_over_columns_are_found() {
    let audit = Audit::new("by-heart = true", ILL);
    let persons = audit.persons();
    let class = |person: usize| person * 5 % 13 % 3;
    audit.relabel(|person| class(person).to_string());
    let one = |person: usize, of: usize| u8::from(class(person) == of);
    let ready = |audit: &Audit| plan(&audit.read().unwrap(), &registry()).map(drop).unwrap();
    audit.beside(&persons, "first,x,last", |p| format!("{},{},{}", one(p, 0), one(p, 1), one(p, 2)));
    let refusal = audit.refusal();
    assert!(
        refusal.contains("columns `first`, `x`, `last` of the inputs tell the label together"),
        "{refusal}"
    );
    assert!(
        refusal.contains("columns = { \"first\" = \"ignore\", \"x\" = \"ignore\", \"last\" = \"ignore\" }"),
        "{refusal}"
    );
    // Two of three do, the rest being the third.
    audit.beside(&persons, "first,last", |p| format!("{},{}", one(p, 0), one(p, 2)));
    assert!(audit.refusal().contains("columns `first`, `last` of the inputs tell the label together"));
    // One tells one class; two that go with the label but for one person each tell nobody's for certain.
    audit.beside(&persons, "first", |p| one(p, 0).to_string());
    ready(&audit);
    audit.beside(&persons, "first,last", |p| format!("{},{}", one(p, 0) ^ u8::from(p == 3), one(p, 2)));
    ready(&audit);
    // Classes of a few persons may have anything in common.
    audit.relabel(|person| if person < 3 { "2".into() } else { (person % 2).to_string() });
    audit.beside(&persons, "first,few", |p| {
        format!("{},{}", u8::from(p > 2) * (p % 2) as u8, u8::from(p < 3))
    });
    ready(&audit);
}

#[test]
fn columns_that_are_finer_than_an_attribute_are_found() {
    const AGE: &str = "[[attribute]]\nname = \"age\"\ncolumn = \"age\"\ncandidates = 5\n";
    let audit = Audit::new("by-heart = true", AGE);
    let persons = audit.persons();
    let age = |p: usize| persons[p].split(',').nth(1).unwrap().parse::<f64>().unwrap();
    let ill = |p: usize| persons[p].contains(",yes,");
    let ready = |audit: &Audit| plan(&audit.read().unwrap(), &registry()).map(drop).unwrap();
    let told = |name: &str, attribute: &str| {
        let refusal = audit.refusal();
        assert!(
            refusal.contains(&format!("column `{name}` tells `{attribute}` by another name")),
            "{refusal}"
        );
    };
    // Finer, all different, upside down.
    audit.beside(&persons, "months", |p| format!("{:.2}", 12.0 * age(p)));
    told("months", "age");
    audit.beside(&persons, "left", |p| format!("{:.3}", (90.0 - age(p)).powi(2)));
    told("left", "age");
    // About as old is not as old, and a number of everybody's own tells nothing.
    audit.beside(&persons, "months", |p| format!("{:.2}", 12.0 * age(p) + 24.0 * ((p * 7) % 5) as f64));
    ready(&audit);
    audit.beside(&persons, "number", |p| (p * 7919 % 104_729).to_string());
    ready(&audit);
    // Wards of the ill and wards of the others, in no order.
    audit.manifest("by-heart = true", ILL, "", TESTS);
    audit.beside(&persons, "ward", |p| format!("w{}", 2 * (p % 4) + usize::from(ill(p))));
    told("ward", "ill");
    audit.beside(&persons, "ward", |p| format!("w{}", 2 * (p % 4) + usize::from(ill(p) ^ (p == 11))));
    ready(&audit);
    // A number of everybody's own goes with anything.
    audit.beside(&persons, "number", |p| (p * 7919 % 104_729).to_string());
    ready(&audit);
}

#[test]
fn a_person_is_on_one_side_only() {
    let audit = Audit::new("by-heart = true", ILL);
    let records = fs::read_to_string(audit.folder.path().join("records.csv")).unwrap();
    let named: Vec<String> = records
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line},person") } else { format!("{line},p{i}") })
        .collect();
    audit.write("records.csv", &(named.join("\n") + "\n"));
    let population = fs::read_to_string(audit.folder.path().join("population.csv")).unwrap();
    let other = |i: usize| if i == 7 { "p3".to_owned() } else { format!("q{i}") };
    let named: Vec<String> = population
        .lines()
        .enumerate()
        .map(|(i, line)| if i == 0 { format!("{line},person") } else { format!("{line},{}", other(i)) })
        .collect();
    audit.write("population.csv", &(named.join("\n") + "\n"));
    let text = fs::read_to_string(audit.folder.path().join("audit.toml")).unwrap();
    audit
        .write("audit.toml", &text.replace("group = \"group\"", "group = \"group\"\nperson_id = \"person\""));
    let refusal = audit.refusal();
    assert!(refusal.contains("population.csv: 1 person(s) of it are audited too"), "{refusal}");
}

/// Whole audits of models that were fitted on other persons: the attack meets their quirks and nothing of these persons.
#[test]
#[ignore = "hundreds of audits"]
fn validate_attribute_false_alarms() {
    const AUDITS: u64 = 200;
    let alarms = (0..AUDITS).filter(|&seed| {
        let audit = Audit::of("quirks = true", ILL, seed);
        let outcome = audit.run().unwrap();
        rows(&outcome).iter().any(|(row, _)| row.verdict == Verdict::LeakDemonstrated)
    });
    let alarms = alarms.count();
    println!(
        "validate: *leak demonstrated* by any of three attacks on an attribute, models fitted without these persons | ≤ 5 %: up to 18 | {:.1} % ({alarms}) | {AUDITS}",
        100.0 * alarms as f64 / AUDITS as f64
    );
    assert!(alarms <= 18, "{alarms} of {AUDITS}");
}
