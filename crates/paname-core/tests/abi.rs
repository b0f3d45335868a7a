//! The plugin interface from end to end: this test is its own plugin, so that every value crosses, although no library is loaded.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![expect(unsafe_code, reason = "a plugin is opened by the address of its symbol")]

use std::borrow::Cow;
use std::ffi::c_void;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use paname_core::abi::{self, Plugin};
use paname_core::{
    Access, Adapter, AdapterEntry, AdapterInfo, Attack, Attribute, Augmentation, Case, CaseParts, CaseSize,
    Checkpoint, Cohort, Ctx, Ending, Entry, Error, Extraction, Family, Features, Findings, FitRun, Fitted,
    Generator, Grouping, Host, Indices, Info, Input, Labels, Membership, Named, Needs, Outputs, Pullback,
    Query, Recipe, Reconstruction, Records, Reference, Registry, Result, Roster, Sampling, Scale, Setting,
    Signal, SignalSource, Target, TargetCard, Task, Tensor, Through, View, Whom,
};
use serde_json::{Map, Value, json};

const fn info(name: &'static str) -> Info {
    Info {
        name,
        version: 3,
        family: Family::MembershipInference,
        title_fr: "Titre",
        title_en: "Title",
        summary_fr: "Résumé",
        summary_en: "Summary",
        formula: "−ℓ",
        paper: "Nobody 2026",
        source: "//! Idea.\n",
    }
}

/// What a [`Probe`] does.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Config {
    deed: String,
    inner: Map<String, Value>,
}

/// An attack that does what it is told, so that each way across can be looked at.
struct Probe(String);

impl Attack for Probe {
    const INFO: Info = info("probe");
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        match config.deed.as_str() {
            "refuse" => Err(Error::Config("`deed` is `refuse`".into())),
            "panic in new" => panic!("no such deed"),
            _ => Ok(Self(config.deed)),
        }
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { deed: format!("{}{}", config.deed, size.references), ..config }
    }

    fn through(config: &mut Config) -> Option<Through<'_>> {
        let attack = config.deed.strip_prefix("through ")?;
        Some(Through { attack, parameters: &mut config.inner })
    }

    fn files(config: &Config, base: &Path) -> Result<Vec<PathBuf>> {
        Ok(vec![base.join(&config.deed)])
    }

    fn needs(&self, records: usize) -> Needs {
        Needs {
            signals: vec![Signal::Loss, Signal::LogProbability { temperature: 2.5 }],
            access: Access::LOSS,
            references_min: 1,
            own_records: true,
            classes: true,
            texts: true,
            references_max: records,
            groups: Some(Grouping { size: 1, shares: true }),
            generator: Some(Access::LOSS),
            queries: 7,
            queries_per_class: 9,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        match self.0.as_str() {
            "panic" => panic!("a bug in the attack"),
            "panic in a thread" => {
                case.map_records(Whom::Audited, &[Signal::Loss], ctx, |record| {
                    assert!(record.index() < 2, "record {} is too many", record.index());
                    Ok(0.0)
                })?;
            }
            "tick" => (0..1000).try_for_each(|i| ctx.tick(i, 1000))?,
            "fail" => return Err(Error::Missing { what: "luck".into(), needed: 3, got: 1 }),
            "fail by a library" => return Err(Error::caused("opening", &std::fmt::Error)),
            "NaN" => return Ok(Findings::Membership(vec![f64::NAN; case.audited().len()])),
            "too few" => return Ok(Findings::Membership(vec![0.0])),
            "guess" => {
                let attribute = case.attribute()?;
                let known = attribute.known(Whom::Audited).as_slice::<f32>()?;
                let candidates = attribute.candidates.len();
                let mut scores = attribute.imputed()?.to_vec();
                for (i, score) in scores.iter_mut().enumerate() {
                    *score += f64::from(known[i / candidates]) + attribute.prior()[i % candidates];
                }
                // The case of one candidate goes back to the host.
                for candidate in 0..candidates {
                    let findings = case.for_candidate(candidate, |one| {
                        assert_eq!(one.augmentations(), 1);
                        ctx.run("inner", &json!({}), one)
                    })?;
                    let inner = findings.membership(case.audited().len())?;
                    for (record, value) in inner.iter().enumerate() {
                        scores[record * candidates + candidate] += value;
                    }
                }
                return Ok(Findings::Attribute(scores));
            }
            "rebuild" => {
                // Asked through the interface, in a rehearsal too.
                let rehearsal = case.with_reference_as_target(0)?;
                let generator = rehearsal.generator().expect("a generator");
                let query = Query::records(case.audited().ids.clone(), Access::LOSS);
                let made = generator.target.predict(&query)?.loss.expect("a loss");
                ctx.log(&format!("{} {:?}", generator.target.card().name, generator.latent));
                let input = Tensor::from_vec(made.to_f32()?.into_owned(), &[1, made.len()])?;
                let one = Reconstruction { class: 7, start: 2, input, score: 0.5, ending: Ending::Settled };
                return Ok(Findings::Reconstructions(vec![one]));
            }
            "extract" => {
                let one = Extraction { prompt: "Once".into(), text: "upon a time".into(), score: 1.5 };
                return Ok(Findings::Extractions(vec![one]));
            }
            "group" => {
                let sum = |group: &Indices| group.iter().copied().map(f64::from).sum();
                return Ok(Findings::Groups(case.groups().iter().map(sum).collect()));
            }
            "ask" => {
                ctx.log(&format!("{} {:?}", ctx.base().display(), ctx.folder()));
                let ids = case.audited().ids.clone();
                let answers = case.target().predict(&Query::records(ids.clone(), Access::LOSS))?;
                let reference = case.reference(0).map(|r| r.card().name.clone()).unwrap_or_default();
                ctx.log(&format!("{} {reference}", case.target().card().name));
                let denied = case.target().predict(&Query::records(ids, Access::LEAVES));
                assert_eq!(denied.err(), Some(Error::Denied(Access::LEAVES)));
                return Ok(Findings::Membership(answers.loss.map_or(Ok(Vec::new()), |loss| loss.to_f64())?));
            }
            "rehearse" => {
                // A case that this side has changed goes back to the host.
                let rehearsal = case.with_reference_as_target(0)?;
                return ctx.run("inner", &json!({ "a": 1 }), &rehearsal);
            }
            "fit" => {
                let inputs = Features::Tensor(Tensor::from_vec(vec![1.0_f32, 2.0, 3.0], &[3, 1])?);
                let labels = Labels::Classes { values: vec![0, 1, 0].into(), classes: 2 };
                let data = Records { ids: vec![0, 1, 2].into(), inputs, labels };
                let runs = [2, 3].map(|seed| FitRun { rows: vec![0, seed as u32].into(), seed });
                let recipe = Recipe { epochs: Some(4), checkpoints: vec![1, 3], ..Recipe::default() };
                let fitted = ctx.fit(&recipe, &data, &runs)?;
                let words = fitted.into_iter().map(|one| match one {
                    Ok(fitted) => {
                        let kept = fitted.checkpoints.iter();
                        let kept: Vec<String> =
                            kept.map(|kept| format!("{} {}", kept.epoch, kept.target.card().name)).collect();
                        format!("{} {:?} {kept:?}", fitted.target.card().name, fitted.train_loss)
                    }
                    Err(error) => error.to_string(),
                });
                ctx.log(&words.collect::<Vec<_>>().join("; "));
            }
            _ => {}
        }
        let signals = [Signal::Loss, Signal::LogProbability { temperature: 2.5 }];
        let scores = case.map_records(Whom::Audited, &signals, ctx, |record| {
            let own = f64::from(record.target(0)[0]) + f64::from(record.target(1)[0]);
            let others: f32 = record.references(0).iter().sum();
            Ok(own
                + f64::from(others)
                + 100.0 * record.membership().count() as f64
                + 1000.0 * f64::from(record.class().unwrap_or(9)))
        });
        let draws = rand_core::Rng::next_u32(&mut ctx.rng("draw"));
        scores.map(|mut scores| {
            for score in &mut scores {
                *score += f64::from(draws % 10);
            }
            Findings::Membership(scores)
        })
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        assert!(self.0 != "panic at the end", "a bug at the end of the attack");
    }
}

/// An attack that another one goes through. Its size is that of the case where it is left open.
struct Plain;

#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
struct Size {
    size: Option<usize>,
}

impl Attack for Plain {
    const INFO: Info = info("plain");
    type Config = Size;

    fn new(_: Size) -> Result<Self> {
        Ok(Self)
    }

    fn settle(config: Size, size: &CaseSize) -> Size {
        Size { size: config.size.or(Some(100 * size.augmentations + 10 * size.fitted_with_min)) }
    }

    fn needs(&self, _: usize) -> Needs {
        Needs { signals: vec![Signal::Loss], queries_per_record: 2, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, _: &Ctx<'_>) -> Result<Findings> {
        Ok(Findings::Membership(vec![0.0; case.audited().len()]))
    }
}

/// A target with everything that a target can have; ids above 90 make it panic, and so does its end where its name says so.
struct Whole(TargetCard);

impl Drop for Whole {
    fn drop(&mut self) {
        assert!(!self.0.name.starts_with("fragile"), "a bug at the end of the target");
    }
}

fn whole(name: &str) -> Whole {
    Whole(TargetCard {
        name: name.into(),
        classes: Some(2),
        layers: vec!["deep".into()],
        access: vec!["loss".into(), "embedding".into()],
        augmentations: 1,
        ..TargetCard::default()
    })
}

impl Target for Whole {
    fn card(&self) -> &TargetCard {
        &self.0
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let rows = query.len();
        let loss: Vec<f32> = match &query.input {
            Input::Records(ids, Augmentation(a)) => {
                assert!(ids.iter().all(|&id| id <= 90), "a bug in the target");
                ids.iter().map(|&id| id as f32 + *a as f32 / 2.0).collect()
            }
            Input::Tensor(x) => x.to_f32()?.chunks(x.len() / rows).map(|row| row.iter().sum()).collect(),
            Input::Tokens(x) => x.to_f32()?.chunks(x.len() / rows).map(|row| row[0]).collect(),
            Input::Text(prompts, sampling) => {
                let text = prompts.iter().map(|p| format!("{p} {sampling:?}")).collect();
                return Ok(Outputs { text, ..Outputs::default() });
            }
            Input::Table(table) => (0..table.rows()).map(|row| row as f32).collect(),
            _ => Vec::new(),
        };
        if query.want.contains(Access::LEAVES) {
            return Err(Error::Denied(Access::LEAVES));
        }
        if query.want.contains(Access::LOGITS) {
            return Ok(Outputs {
                logits: Some(Tensor::from_vec(vec![0.0_f32], &[1])?),
                ..Outputs::default()
            });
        }
        let count = query.labels.as_ref().map_or(0.0, |labels| labels.len() as f32);
        let activations = query
            .layers
            .iter()
            .map(|layer| Ok((layer.clone(), Tensor::from_vec(vec![count; rows], &[rows, 1])?)));
        Ok(Outputs {
            loss: Some(Tensor::from_vec(loss, &[rows])?),
            activations: activations.collect::<Result<_>>()?,
            ..Outputs::default()
        })
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        Ok((self.predict(query)?, Box::new(Double(query.len()))))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        // One row too few for a record number 0.
        let rows: Vec<f32> = records.iter().filter(|id| **id > 0).map(|&id| id as f32 / 2.0).collect();
        let count = rows.len();
        Tensor::from_vec(rows, &[count, 1])
    }

    fn variant(&self, records: &Indices, variant: Augmentation) -> Result<Tensor> {
        let rows: Vec<f32> = records.iter().map(|&id| id as f32 + variant.0 as f32 / 4.0).collect();
        let count = rows.len();
        Tensor::from_vec(rows, &[count, 1])
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        Ok(vec![("weight".into(), Tensor::from_vec(vec![1_i64, 2], &[2])?)])
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        Ok(Box::new(whole(&format!("{view:?}"))))
    }
}

struct Double(usize);

/// The number of rows whose pullback panics at its end.
const FRAGILE: usize = 77;

impl Drop for Double {
    fn drop(&mut self) {
        assert!(self.0 != FRAGILE, "a bug at the end of the pullback");
    }
}

impl Pullback for Double {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let Some(loss) = &cotangent.loss else { return Tensor::from_vec(vec![0.0_f32], &[1]) };
        Tensor::from_vec(loss.to_f32()?.iter().map(|x| 2.0 * x).collect(), &[self.0])
    }
}

#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct AdapterConfig {
    path: String,
}

struct Maker;

impl Adapter for Maker {
    const INFO: AdapterInfo = AdapterInfo {
        name: "maker",
        version: 2,
        summary_fr: "Fabrique.",
        summary_en: "Makes.",
        offers: Access::LOSS,
    };
    type Config = AdapterConfig;

    fn files(config: &AdapterConfig, base: &Path) -> Result<Vec<PathBuf>> {
        Ok(vec![base.join(&config.path)])
    }

    fn open(config: AdapterConfig, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        ctx.tick(0, 1)?;
        let labels = match setting.labels {
            Labels::Classes { values, classes } => format!("{:?} of {classes}", &values[..]),
            _ => "none".into(),
        };
        let (base, inputs) = (setting.base.display(), setting.inputs);
        let name = format!("{} {base} {:?} {labels} {inputs:?}", config.path, setting.roster.ids());
        Ok(Box::new(whole(&name)))
    }

    fn fitted(
        config: AdapterConfig,
        recipe: &Recipe,
        weights: &Path,
        setting: &Setting<'_>,
        _: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        let (path, epochs, weights) = (config.path, recipe.epochs, weights.display());
        Ok(Box::new(whole(&format!("{path} {epochs:?} {weights} {}", setting.roster.len()))))
    }

    fn references(_: AdapterConfig, setting: &Setting<'_>, _: &Ctx<'_>) -> Result<Vec<Reference>> {
        let member = (0..setting.roster.len()).map(|i| i % 2 == 0).collect();
        Ok(vec![Reference { target: Box::new(whole("reference")), member }])
    }

    fn fit(
        _: AdapterConfig,
        recipe: &Recipe,
        data: &Records,
        runs: &[FitRun],
        _: &Ctx<'_>,
    ) -> Vec<Result<Fitted>> {
        let one = |run: &FitRun| {
            if run.seed == 3 {
                return Err(Error::Other("the loss is NaN".into()));
            }
            let name = format!("{:?} {:?} {:?} {}", recipe.epochs, data.inputs, &run.rows[..], run.seed);
            let weights = Some(PathBuf::from("w.safetensors"));
            Ok(Fitted {
                target: Box::new(whole(&name)),
                weights,
                train_loss: Some(0.5),
                train_accuracy: None,
                checkpoints: recipe
                    .checkpoints
                    .iter()
                    .map(|&epoch| Checkpoint { epoch, target: Box::new(whole(&format!("after {epoch}"))) })
                    .collect(),
            })
        };
        runs.iter().map(one).collect()
    }
}

const ATTACKS: &[Entry] = &[Entry::of::<Probe>()];
const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<Maker>()];
paname_core::export_plugin!(ATTACKS, ADAPTERS);

unsafe extern "C" {
    static PANAME_PLUGIN: c_void;
}

fn opened() -> Plugin {
    // SAFETY: the symbol is the one that `export_plugin!` put here.
    unsafe { abi::open(&raw const PANAME_PLUGIN) }.unwrap()
}

/// A host that remembers.
#[derive(Default)]
struct Ears {
    log: Mutex<Vec<String>>,
    ticks: AtomicU64,
    patience: Option<u64>,
    panics: AtomicBool,
}

impl Ears {
    fn heard(&self) -> Vec<String> {
        self.log.lock().unwrap().clone()
    }
}

impl Host for Ears {
    fn progress(&self, _: u64, _: u64) {
        self.ticks.fetch_add(1, Ordering::Relaxed);
        assert!(!self.panics.load(Ordering::Relaxed), "a bug in the host");
    }

    fn cancelled(&self) -> bool {
        self.patience.is_some_and(|patience| self.ticks.load(Ordering::Relaxed) > patience)
    }

    fn log(&self, line: &str) {
        self.log.lock().unwrap().push(line.to_owned());
    }

    fn base(&self) -> PathBuf {
        "here".into()
    }

    fn folder(&self) -> Result<PathBuf> {
        Ok("there".into())
    }

    fn fit(&self, recipe: &Recipe, data: &Records, runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
        Ok(Maker::fit(AdapterConfig::default(), recipe, data, runs, &Ctx::new(1, "fit", 1, &())))
    }

    fn run(&self, name: &str, config: &Value, case: &Case<'_>) -> Result<Findings> {
        self.log(&format!("{name} {config} {} references", case.references()));
        if case.with_reference_as_target(0).is_err() {
            self.log("none of them plays");
        }
        Probe::new(Config::default())?.run(case, &Ctx::new(1, "inner", 1, &()))
    }
}

/// Signal number m of record r is r + m / 10, and more where it is another signal; so many variants.
struct Numbers(usize);

impl SignalSource for Numbers {
    fn models(&self) -> usize {
        3
    }

    fn augmentations(&self) -> usize {
        self.0
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let more =
            if signal == Signal::Loss { 0.0 } else { 0.01 } + if whom == Whom::Audited { 0.0 } else { 5.0 };
        for (i, value) in out.iter_mut().enumerate() {
            *value = (range.start + i / (3 * self.0)) as f32 + (i % (3 * self.0)) as f32 / 10.0 + more;
        }
        Ok(())
    }
}

fn with_case<T>(variants: usize, work: impl FnOnce(&Case<'_>) -> T) -> T {
    let (target, first, second) = (whole("target"), whole("first"), whole("second"));
    let signals = Numbers(variants);
    let rows = [vec![true, false, true, false], vec![false, false, true, true]];
    let case = Case::new(CaseParts {
        task: Task::Classification,
        granted: Access::PROBABILITIES,
        target: &target,
        references: vec![&first, &second],
        audited: Cohort {
            ids: vec![0, 1, 2, 3].into(),
            labels: Labels::Classes { values: vec![0, 1, 1, 0].into(), classes: 2 },
        },
        population: Cohort::default(),
        audited_membership: Cow::Owned(Membership::from_models(&rows, 4).unwrap()),
        population_membership: Cow::Owned(Membership::none(0, 2)),
        signals: &signals,
    });
    let case = case.unwrap().with_groups(vec![vec![3, 1].into(), vec![0].into()]).unwrap();
    let maker = whole("maker");
    let case = case.with_generator(Generator { target: &maker, latent: vec![2, 5] });
    if variants == 1 {
        return work(&case);
    }
    let numbers = |count: usize| (0..count).map(|i| i as f64 / 16.0).collect::<Vec<f64>>();
    let known = |records: usize| Tensor::from_vec(vec![0.5_f32; records * 2], &[records, 2]).unwrap();
    let attribute = Attribute {
        name: "sex".into(),
        scale: Scale::Ordinal,
        candidates: (0..variants).map(|v| format!("value {v}")).collect(),
        population: Indices::default(),
        audited_known: known(4),
        population_known: known(0),
        imputed: Some(Tensor::from_vec(numbers(4 * variants), &[4, variants]).unwrap()),
    };
    work(&case.with_attribute(attribute).unwrap())
}

fn run(entry: &Entry, deed: &str, host: &dyn Host) -> Result<Findings> {
    let variants = if deed == "guess" { 3 } else { 1 };
    with_case(variants, |case| {
        entry.build(json!({ "deed": deed }))?.run(case, &Ctx::new(5, "probe", 2, host))
    })
}

#[test]
fn a_plugin_describes_itself() {
    let plugin = opened();
    assert_eq!((plugin.info.name.as_str(), plugin.info.version.as_str()), ("paname-core", "0.1.0"));
    assert_eq!(plugin.info.target, abi::TARGET);
    assert!(plugin.info.rustc.starts_with("rustc "), "{}", plugin.info.rustc);
    assert_eq!(format!("{:?}", plugin.attacks[0].info), format!("{:?}", ATTACKS[0].info));
    assert_eq!(format!("{:?}", plugin.adapters[0].info), format!("{:?}", ADAPTERS[0].info));
    assert_eq!(plugin.attacks[0].schema(), ATTACKS[0].schema());
    assert_eq!(plugin.adapters[0].schema(), ADAPTERS[0].schema());
}

#[test]
fn configurations_cross_with_their_errors() {
    let plugin = opened();
    let size = CaseSize {
        task: Task::Clustering,
        granted: Access::EMBEDDING | Access::TEXT,
        augmentations: 6,
        audited: 1,
        population: 2,
        references: 3,
        classes: 6,
        generator: Some(Access::LABELS | Access::INPUT_GRADIENT),
        fitted_with_min: 4,
        fitted_without_min: 5,
    };
    let base = Path::new("/données");
    for config in [Value::Null, json!({}), json!({ "deed": "x" }), json!({ "dead": 1 }), json!(4)] {
        let (loaded, linked) = (&plugin.attacks[0], &ATTACKS[0]);
        assert_eq!(loaded.resolve(config.clone()), linked.resolve(config.clone()));
        assert_eq!(loaded.settle(config.clone(), &size), linked.settle(config.clone(), &size));
        assert_eq!(loaded.files(config.clone(), base), linked.files(config.clone(), base));
        assert_eq!(loaded.build(config.clone()).err(), linked.build(config.clone()).err());
        assert_eq!(plugin.adapters[0].files(config.clone(), base), ADAPTERS[0].files(config, base));
    }
    let registry = |attacks: &[Entry]| {
        let mut registry = Registry::default();
        registry.add_attacks(attacks, "here").unwrap();
        registry.add_attacks(&[Entry::of::<Plain>()], "there").unwrap();
        registry
    };
    let (loaded, linked) = (registry(&plugin.attacks), registry(ATTACKS));
    let through = |registry: &Registry, config: &Value| {
        let found = registry.through("probe", config.clone()).unwrap();
        found.map(|(entry, origin, parameters)| (entry.info.name, origin.to_string(), parameters))
    };
    let config = json!({ "deed": "through plain", "inner": { "size": 4 } });
    let found = through(&loaded, &config).unwrap();
    assert_eq!((found.0, found.1.as_str(), &found.2), ("plain", "there", &json!({ "size": 4 })));
    assert_eq!(Some(found), through(&linked, &config));
    assert_eq!(through(&loaded, &Value::Null), None);
    let settled = |registry: &Registry| registry.settle("probe", config.clone(), &size);
    assert_eq!(settled(&loaded), settled(&linked));
    let refused = |registry: &Registry| registry.build("probe", json!({ "deed": "through nothing" })).err();
    assert_eq!(refused(&loaded), refused(&linked));
    assert!(refused(&loaded).unwrap().to_string().contains("no attack is named `nothing`"));
    let needs = |entry: &Entry| entry.build(Value::Null).unwrap().needs(7);
    assert_eq!(needs(&plugin.attacks[0]), needs(&ATTACKS[0]));
    let refused = plugin.attacks[0].build(json!({ "deed": "refuse" })).err();
    assert_eq!(refused, Some(Error::Config("`deed` is `refuse`".into())));
}

#[test]
fn findings_are_those_of_the_linked_attack() {
    let plugin = opened();
    for deed in ["", "ask", "rehearse", "fit", "guess", "rebuild", "extract", "group"] {
        let (there, here) = (Ears::default(), Ears::default());
        let loaded = run(&plugin.attacks[0], deed, &there).unwrap();
        let linked = run(&ATTACKS[0], deed, &here).unwrap();
        assert_eq!(format!("{loaded:?}"), format!("{linked:?}"), "{deed}");
        assert_eq!(there.heard(), here.heard(), "{deed}");
        assert_eq!(there.ticks.into_inner(), here.ticks.into_inner(), "{deed}");
    }
    // The case of a candidate stays one on its way back.
    let ears = Ears::default();
    run(&plugin.attacks[0], "guess", &ears).unwrap();
    assert_eq!(ears.heard().iter().filter(|line| *line == "none of them plays").count(), 3);
    let groups = run(&plugin.attacks[0], "group", &Ears::default()).unwrap().groups(2);
    assert_eq!(groups, Ok(vec![4.0, 0.0]));
    let Findings::Membership(scores) = run(&plugin.attacks[0], "", &Ears::default()).unwrap() else {
        panic!("other findings");
    };
    let expected = [0.31 + 100.0, 1000.0 + 4.31, 1000.0 + 200.0 + 8.31, 100.0 + 12.31];
    let draw = (scores[0] - expected[0]).round();
    for (score, expected) in scores.iter().zip(expected) {
        assert!((score - expected - draw).abs() < 1e-4, "{score} {expected}");
    }
}

#[test]
fn what_attacks_say_of_the_host_is_true() {
    let ears = Ears::default();
    let plugin = opened();
    run(&plugin.attacks[0], "ask", &ears).unwrap();
    run(&plugin.attacks[0], "rehearse", &ears).unwrap();
    run(&plugin.attacks[0], "fit", &ears).unwrap();
    assert_eq!(
        ears.heard(),
        [
            r#"here Ok("there")"#,
            "target first",
            r#"inner {"a":1} 1 references"#,
            "Some(4) Tensor(Tensor(F32 [3, 1])) [0, 2] 2 Some(0.5) [\"1 after 1\", \"3 after 3\"]; the loss is NaN",
        ]
    );
}

#[test]
fn errors_keep_their_kind() {
    let plugin = opened();
    for deed in ["fail", "fail by a library"] {
        let (loaded, linked) = (run(&plugin.attacks[0], deed, &()), run(&ATTACKS[0], deed, &()));
        assert!(loaded.is_err());
        assert_eq!(loaded.err(), linked.err());
    }
}

#[test]
fn a_panic_is_an_error_on_whichever_side_it_happens() {
    let plugin = opened();
    let entry = &plugin.attacks[0];
    let panicked = |outcome: Option<Error>| match outcome {
        Some(Error::Panic(text)) => text,
        other => panic!("{other:?}"),
    };
    let text = panicked(entry.build(json!({ "deed": "panic in new" })).err());
    assert!(text.starts_with("no such deed (") && text.contains("abi.rs:"), "{text}");
    assert!(panicked(run(entry, "panic", &()).err()).starts_with("a bug in the attack"));
    assert!(panicked(run(entry, "panic in a thread", &()).err()).starts_with("record 2 is too many"));
    // The host's fault is told as such, not as a cancellation.
    let ears = Ears { panics: true.into(), ..Ears::default() };
    assert!(panicked(run(entry, "tick", &ears).err()).starts_with("a bug in the host"));
    assert_eq!(ears.ticks.into_inner(), 1, "the first tick ends the run");
    let target =
        plugin.adapters[0].open(json!({ "path": "m" }), &SETTING, &Ctx::new(1, "t", 1, &())).unwrap();
    let error = target.predict(&Query::records(vec![91], Access::LOSS)).err();
    assert!(panicked(error).starts_with("a bug in the target"));
    assert!(target.predict(&Query::records(vec![90], Access::LOSS)).is_ok(), "and goes on afterwards");
}

#[test]
fn a_panic_of_a_destructor_stays_on_its_side() {
    let plugin = opened();
    drop(plugin.attacks[0].build(json!({ "deed": "panic at the end" })).unwrap());
    assert!(run(&plugin.attacks[0], "panic at the end", &()).is_ok());
    let ctx = Ctx::new(1, "t", 1, &());
    drop(plugin.adapters[0].open(json!({ "path": "fragile" }), &SETTING, &ctx).unwrap());
    let target = plugin.adapters[0].open(json!({ "path": "m" }), &SETTING, &ctx).unwrap();
    let (_, pullback) = target.vjp(&Query::records(vec![1; FRAGILE], Access::LOSS)).unwrap();
    drop(pullback);
}

#[test]
fn a_run_stops_within_a_tick() {
    let plugin = opened();
    for patience in [0, 1, 500] {
        let ears = Ears { patience: Some(patience), ..Ears::default() };
        assert_eq!(run(&plugin.attacks[0], "tick", &ears).err(), Some(Error::Cancelled));
        assert_eq!(ears.ticks.into_inner(), patience + 1);
    }
}

#[test]
fn findings_that_cannot_be_are_refused() {
    let plugin = opened();
    let error = run(&plugin.attacks[0], "too few", &()).unwrap_err().to_string();
    assert_eq!(error, "membership scores: expected 4, got shape [1]");
    // Values are for whoever uses the findings, linked or loaded.
    let findings = run(&plugin.attacks[0], "NaN", &()).unwrap().membership(4);
    assert!(findings.is_err());
}

static BASE: &str = "/audit";
static SETTING: std::sync::LazyLock<Setting<'static>> = std::sync::LazyLock::new(|| {
    let ids = ["a", "é\n", ""].map(str::to_owned).to_vec();
    let roster = Box::leak(Box::new(Roster::new(ids, "here").unwrap()));
    let labels = Box::leak(Box::new(Labels::Classes { values: vec![2, 0, 1].into(), classes: 3 }));
    let numbers = Tensor::from_vec(vec![1_u8, 2, 3], &[3, 1]).unwrap();
    let inputs = Box::leak(Box::new(Features::Tensor(numbers)));
    Setting { base: Path::new(BASE), roster, labels, inputs, task: Task::Density }
});

fn asked(target: &dyn Target, input: Input) -> Result<Outputs> {
    let labels = Some(Tensor::from_vec(vec![0_i64, 1, 2], &[3])?);
    target.predict(&Query { input, labels, want: Access::LOSS, layers: vec!["deep".into()] })
}

#[test]
fn a_target_of_a_plugin_answers_every_kind_of_question() {
    let plugin = opened();
    let ctx = Ctx::new(1, "open", 1, &());
    let target = plugin.adapters[0].open(json!({ "path": "m" }), &SETTING, &ctx).unwrap();
    let linked = ADAPTERS[0].open(json!({ "path": "m" }), &SETTING, &ctx).unwrap();
    assert_eq!(target.card(), linked.card());
    assert_eq!(target.card().name, r#"m /audit ["a", "é\n", ""] [2, 0, 1] of 3 Tensor(Tensor(U8 [3, 1]))"#);
    let sampling = Sampling { max_tokens: 5, temperature: 0.5, top_k: 7, seed: 9 };
    let numbers = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0], &[2, 2]).unwrap();
    let table = paname_core::Table::new(vec![paname_core::Column::texts(
        "name",
        vec!["a".to_owned(), "b".to_owned()],
    )]);
    for input in [
        Input::Records(vec![1, 5].into(), Augmentation(3)),
        Input::Tensor(numbers.clone()),
        Input::Tokens(numbers),
        Input::Text(vec!["Il était".into(), "une fois".into()], sampling),
        Input::Table(table.unwrap()),
    ] {
        let (there, here) =
            (asked(target.as_ref(), input.clone()).unwrap(), asked(linked.as_ref(), input).unwrap());
        assert_eq!(format!("{there:?}"), format!("{here:?}"));
        let numbers = |o: &Outputs| o.loss.as_ref().map(|loss| loss.to_f32().unwrap().into_owned());
        assert_eq!(numbers(&there), numbers(&here));
        let inner = |o: &Outputs| o.activations.first().map(|(_, x)| x.to_f64().unwrap());
        assert_eq!(inner(&there), inner(&here));
        assert_eq!(there.text, here.text);
    }
    let (answers, pullback) = target.vjp(&Query::records(vec![4, 6], Access::LOSS)).unwrap();
    assert_eq!(answers.loss.clone().unwrap().to_f32().unwrap()[..], [4.0, 6.0]);
    assert_eq!(pullback.apply(&answers).unwrap().to_f32().unwrap()[..], [8.0, 12.0]);
    let short = pullback.apply(&Outputs::default()).unwrap_err().to_string();
    assert_eq!(short, "gradient: expected one row for each of 2 questions, got shape [1]");
    let parameters = target.parameters().unwrap();
    assert_eq!((parameters[0].0.as_str(), parameters[0].1.to_i64().unwrap()), ("weight", vec![1, 2]));
    for view in [View::From("deep".into()), View::ParameterGradient { layers: vec!["a".into(), "b".into()] }]
    {
        assert_eq!(target.view(view.clone()).unwrap().card().name, format!("{view:?}"));
    }
    assert_eq!(target.input(&vec![3, 1].into()).unwrap().to_f32().unwrap()[..], [1.5, 0.5]);
    let variant = target.variant(&vec![3, 1].into(), Augmentation(3)).unwrap();
    assert_eq!(variant.to_f32().unwrap()[..], [3.75, 1.75]);
    // Wrong counts are found before anybody uses them.
    let wrong = target.input(&vec![0, 1].into()).unwrap_err().to_string();
    assert_eq!(wrong, "inputs of records: expected one row for each of 2 records, got shape [1, 1]");
    let wrong = target.predict(&Query::records(vec![1, 2], Access::LOGITS)).unwrap_err().to_string();
    assert_eq!(wrong, "answered logits: expected one row for each of 2 questions, got shape [1]");
}

#[test]
fn reference_models_are_opened_and_fitted_through_a_plugin() {
    let plugin = opened();
    let ctx = Ctx::new(1, "fit", 1, &());
    let adapter = &plugin.adapters[0];
    let references = adapter.references(json!({ "path": "m" }), &SETTING, &ctx).unwrap();
    assert_eq!(references[0].member, [true, false, true]);
    assert_eq!(references[0].target.card().name, "reference");
    let data = Records { ids: vec![3, 4].into(), inputs: Features::None, labels: Labels::None };
    let runs = [2, 3].map(|seed| FitRun { rows: vec![1].into(), seed });
    let recipe = Recipe { epochs: Some(2), ..Recipe::default() };
    let fitted = adapter.fit(json!({ "path": "m" }), &recipe, &data, &runs, &ctx);
    let [Ok(first), Err(second)] = &fitted[..] else { panic!("{} runs", fitted.len()) };
    assert_eq!(first.target.card().name, "Some(2) None [1] 2");
    assert_eq!((first.weights.as_deref(), first.train_loss), (Some(Path::new("w.safetensors")), Some(0.5)));
    assert_eq!(second, &Error::Other("the loss is NaN".into()));
    let again = adapter.fitted(json!({ "path": "m" }), &recipe, Path::new("w.safetensors"), &SETTING, &ctx);
    assert_eq!(again.unwrap().card().name, "m Some(2) w.safetensors 3");
    let refused = adapter.fit(json!({ "pat": 1 }), &recipe, &data, &runs, &ctx);
    assert!(refused.iter().all(|one| matches!(one, Err(Error::Config(_)))) && refused.len() == 2);
}

#[test]
fn interfaces_agree_by_their_significant_numbers() {
    for (theirs, ours, same) in [
        ("0.1.0", "0.1.7", true),
        ("0.1.7", "0.1.0", true),
        ("0.2.0", "0.1.0", false),
        ("1.0.0", "1.4.2", true),
        ("2.0.0", "1.0.0", false),
        ("0.1", "0.1.0", true),
        ("", "0.1.0", false),
        ("x.y", "x.y", false),
        ("0.-1.0", "0.1.0", false),
    ] {
        assert_eq!(abi::same_interface(theirs, ours), same, "{theirs} {ours}");
    }
}

#[test]
fn a_symbol_that_is_no_header_is_refused() {
    static NOTHING: [u64; 64] = [0; 64];
    // SAFETY: the header's magic number is looked at first, and there is room for it.
    let error = unsafe { abi::open((&raw const NOTHING).cast()) }.err().unwrap().to_string();
    assert_eq!(error, "plugin: expected plugin interface 0.7.0, got no header of this kind");
    // SAFETY: null is refused.
    assert!(unsafe { abi::open(std::ptr::null()) }.is_err());
}
