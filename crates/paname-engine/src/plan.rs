//! What an audit will do, and the best that each of its rows can come to, before anything is spent.

use std::collections::BTreeMap;

use paname_core::{
    Access, Ctx, Entry, Family, Grouping, Needs, Recipe, Registry, Scale, Signal, TargetCard, Task,
};
use paname_data::InputsSchema;
use paname_evidence::{PossibleAttack, Power, Reason, Unit, Verdict};
use paname_stats::equivalence;
use paname_stats::level::needed_non_members;
use schemars::JsonSchema;
use serde::Serialize;

use crate::EngineError;
use crate::attacking::{FEWEST_ASKED, MOST_ASKED, MOST_UNRELATED, QUESTIONS_OF_A_FIT};
use crate::attributes::{self, Described};
use crate::blind;
use crate::features::{self, Inventory};
use crate::fidelity;
use crate::fits;
use crate::groups;
use crate::inputs::{
    ANSWERED, InputFile, Inputs, Supply, correctness_signal, data_files, digests, loss_signal, prepare,
};
use crate::inversions;
use crate::judge::epsilon::{self, Terms};
use crate::judge::rebuilt::FEWEST_CLASSES;
use crate::judge::{self, FEWEST_UNITS, FEWEST_UNRELATED, Rows, detectable, most_tests};
use crate::manifest::{AttributeTable, Manifest, Split, Statistics, Test};
use crate::outputs;
use crate::plugins;
use crate::step::{Fit, Keyed, Step, key};
use crate::work::{build, signal_questions};

/// What an audit will do.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Plan {
    /// What is counted.
    pub unit: Unit,
    /// Members, in units.
    pub members: u64,
    /// Non-members, in units.
    pub non_members: u64,
    /// Population records.
    pub population: u64,
    /// Reference models that will be used.
    pub references: u64,
    /// Models that will be fitted.
    pub fits: u64,
    /// Numbers of reference models after which the audit is judged, and ends where that decides; empty where it is judged once.
    pub stages: Vec<u32>,
    /// Names of the steps in an order in which they can run.
    pub steps: Vec<String>,
    /// What the records are, where the manifest names their inputs.
    pub inputs: Option<InputsSchema>,
    /// What absence of a leak samples of this size can show, one entry per declared level that they resolve.
    pub absence: Vec<PlannedAbsence>,
    /// What canaries can show of ε; None without any.
    pub epsilon: Option<PlannedEpsilon>,
    /// One row per test.
    pub rows: Vec<PlannedRow>,
    /// Rough guess of the time on one core, in seconds.
    pub seconds: f64,
}

/// The absence of a leak that samples of this size can show at a level, where an attack is at chance and every control passes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct PlannedAbsence {
    /// The false-positive level.
    pub level: f64,
    /// Smallest excess of the true-positive rate that can be excluded with the declared power; None where none can.
    pub margin: Option<f64>,
    /// Smallest excess that matters, as declared.
    pub wanted: f64,
    /// Members, and as many counted non-members, that it takes to exclude that; None beyond a million.
    pub needed: Option<u64>,
}

/// What guesses at the coins of canaries can show of the ε of differential privacy.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct PlannedEpsilon {
    /// Canaries.
    pub canaries: u64,
    /// Guesses that will be made.
    pub guesses: u64,
    /// The δ at which bounds will be stated.
    pub delta: f64,
    /// The largest lower bound that a test can come to: every guess is right.
    pub ceiling: f64,
    /// The ε that the manifest claims. Only a bound above it would refute it.
    pub claim: Option<f64>,
}

/// What a test needs and can come to.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlannedRow {
    /// Name of the row.
    pub id: String,
    /// The attack.
    pub attack: Option<String>,
    /// Whether it can run.
    pub runnable: bool,
    /// Why not, where it cannot.
    pub reasons: Vec<Reason>,
    /// Signals that it reads.
    pub signals: Vec<String>,
    /// Reference models that it will be given.
    pub references: u64,
    /// Reference models that will play the target in its control.
    pub unrelated: u64,
    /// Records that the target is asked about.
    pub queries: u64,
    /// Models that its attack has fitted.
    pub fits: u64,
    /// The best verdict that the row can reach with these data.
    pub best_verdict: Verdict,
    /// What keeps it from a better one.
    pub best_why: Vec<Reason>,
    /// What would keep it from showing that there is no leak, whatever it finds; empty where nothing would.
    pub absence_why: Vec<Reason>,
    /// What it can detect.
    pub power: Option<Power>,
    /// The groups that it judges, where its attack judges groups.
    pub groups: Option<PlannedGroups>,
    /// The attribute that it guesses, where its attack guesses one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<PlannedAttribute>,
    /// What is rebuilt, where its attack rebuilds inputs.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inversion: Option<PlannedInversion>,
}

/// The attribute that a test will guess.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct PlannedAttribute {
    /// Its name.
    pub name: String,
    /// Its columns of the inputs.
    pub columns: Vec<String>,
    /// What its values are to each other: `nominal`, `ordinal` or `continuous`.
    pub scale: Scale,
    /// The candidate values, or the ranges of numbers that they stand for. They belong on the user's screen.
    pub candidates: Vec<String>,
    /// Audited records of which it is guessed.
    pub records: u64,
    /// Audited records left out: without a value, with one that is no candidate, or not drawn.
    pub left_out: u64,
    /// Population records that whoever guesses without the model learns from.
    pub known: u64,
    /// Smallest difference in differences that the test shows with the declared power, where the attack and imputation disagree on a third of the records.
    pub detectable: f64,
    /// Smallest one that matters, as declared.
    pub wanted: f64,
}

/// What a test will rebuild.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct PlannedInversion {
    /// Classes with members and non-members, of each of which one rebuilt input counts.
    pub classes: u64,
    /// Classes without a member, that the model saw nothing of.
    pub control_classes: u64,
    /// Fewest and most members of a class, and as many non-members, that it will be compared with.
    pub gallery: (u64, u64),
    /// Whether an independent model looks at it.
    pub evaluator: bool,
    /// Whether each class is a person.
    pub persons: bool,
    /// Smallest share of classes whose nearest picture is a member that the test shows with the declared power; None where it can show none.
    pub detectable: Option<f64>,
    /// The upper bound on that share where just half of the nearest are members.
    pub upper: f64,
    /// Smallest share that matters, as declared.
    pub wanted: f64,
}

/// The groups of records that a test will judge.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PlannedGroups {
    /// Fewest records of a group.
    pub size: u64,
    /// Groups all of members. Where persons have several records, chance may make one more or less.
    pub members: u64,
    /// Groups all of non-members.
    pub non_members: u64,
    /// Groups of both, for estimates of shares.
    pub mixed: u64,
}

/// A test, resolved against the registry and the inputs.
pub(crate) struct Planned<'a> {
    pub(crate) test: &'a Test,
    /// All parameters of the attack, its open choices settled; null without an attack.
    pub(crate) parameters: serde_json::Value,
    pub(crate) needs: Needs,
    /// Why it cannot run; empty where it can.
    pub(crate) obstacles: Vec<Reason>,
    /// Reference models that play the target in the control.
    pub(crate) unrelated: usize,
    /// Files besides the program that decide the findings.
    pub(crate) files: Vec<InputFile>,
    /// The attribute that is guessed, where the attack guesses one.
    pub(crate) attribute: Option<&'a Described>,
    /// Whether the attack rebuilds inputs.
    pub(crate) inverts: bool,
}

impl Planned<'_> {
    /// The inputs that the test is about: those of the attribute, or of the whole audit.
    pub(crate) fn inputs<'b>(&'b self, whole: &'b Inputs) -> &'b Inputs {
        self.attribute.map_or(whole, |attribute| &attribute.inputs)
    }
}

/// Whether the attack of a test guesses an attribute.
pub(crate) fn guesses(registry: &Registry, test: &Test) -> paname_core::Result<bool> {
    is_of(registry, test, Family::AttributeInference)
}

fn is_of(registry: &Registry, test: &Test, family: Family) -> paname_core::Result<bool> {
    let Some(name) = &test.attack else { return Ok(false) };
    Ok(registry.attack(name)?.info.family == family)
}

/// Whether the attack of a test rebuilds inputs.
pub(crate) fn inverts(registry: &Registry, test: &Test) -> paname_core::Result<bool> {
    is_of(registry, test, Family::ModelInversion)
}

/// Whether a test of the manifest rebuilds inputs.
pub(crate) fn any_inverts(registry: &Registry, manifest: &Manifest) -> paname_core::Result<bool> {
    let mut tests = manifest.content.tests.iter();
    tests.try_fold(false, |found, test| Ok(found || inverts(registry, test)?))
}

/// Resolves every test of a manifest.
pub(crate) fn resolve<'a>(
    manifest: &'a Manifest,
    registry: &Registry,
    inputs: &'a Inputs,
) -> Result<Vec<Planned<'a>>, EngineError> {
    manifest
        .content
        .tests
        .iter()
        .map(|test| {
            let Some(name) = &test.attack else {
                let (parameters, needs) = (serde_json::Value::Null, Needs::default());
                let (obstacles, files) = (Vec::new(), Vec::new());
                return Ok(Planned {
                    test,
                    parameters,
                    needs,
                    obstacles,
                    unrelated: 0,
                    files,
                    attribute: None,
                    inverts: false,
                });
            };
            let attribute = match manifest.content.attribute_of(test) {
                Some(table) if guesses(registry, test)? => Some(inputs.attribute(&table.name)?),
                _ => None,
            };
            let (whole, inputs) = (inputs, attribute.map_or(inputs, |attribute| &attribute.inputs));
            let (parameters, attack) = build(registry, test, inputs)?;
            let needs = attack.needs(inputs.audited)?;
            let entry = registry.attack(name)?;
            let files = entry
                .files(parameters.clone(), manifest.base())
                .map_err(EngineError::from)
                .and_then(|paths| digests(paths, manifest.base()))?;
            let family = entry.info.family;
            let mut obstacles = obstacles(&needs, family, manifest, inputs);
            if obstacles.is_empty() && needs.fits > 0 && !manifest.fits_models(registry)? {
                let what = "models that the target’s adapter fits".to_owned();
                obstacles.push(Reason::References { what, needed: needs.fits as u64, got: 0 });
            }
            if family == Family::ModelInversion {
                if let Some(instead) = by_estimates(entry, test, &obstacles, manifest, inputs) {
                    obstacles = vec![instead];
                }
                obstacles.extend(possible(registry, &obstacles, manifest, inputs));
            }
            if let (Some(table), Some(described)) = (manifest.content.attribute_of(test), attribute) {
                // Without imputation there is nothing to hold guesses against.
                let source = &table.imputer;
                let imputer = registry.attack(&source.attack)?;
                let config = serde_json::Value::Object(source.parameters.clone());
                let needs = registry.build(&source.attack, config)?.needs(inputs.audited)?;
                let population = attributes::imputed_from(manifest, whole, described);
                let given = Inputs { population, ..inputs.clone() };
                if obstacles.is_empty() {
                    obstacles.extend(self::obstacles(&needs, imputer.info.family, manifest, &given));
                }
            }
            let inverts = family == Family::ModelInversion;
            // What is rebuilt is held against the records of its class, and against other arms.
            let controlled = obstacles.is_empty() && !inverts;
            let unrelated = if controlled { unrelated_models(&needs, inputs) } else { 0 };
            Ok(Planned { test, parameters, needs, obstacles, unrelated, files, attribute, inverts })
        })
        .collect()
}

/// Where nothing but gradients is missing, what the attack would cost that estimates them, if it can.
fn by_estimates(
    entry: &Entry,
    test: &Test,
    obstacles: &[Reason],
    manifest: &Manifest,
    inputs: &Inputs,
) -> Option<Reason> {
    let of_target = |reason: &Reason| matches!(reason, Reason::Access { missing } if Access::INPUT_GRADIENT.names().eq(missing.iter()));
    let of_generator = |reason: &Reason| matches!(reason, Reason::References { what, .. } if what == GENERATORS_WITH_GRADIENTS);
    if obstacles.is_empty() || !obstacles.iter().all(|reason| of_target(reason) || of_generator(reason)) {
        return None;
    }
    let generator = !obstacles.iter().any(of_target);
    let mut parameters = test.parameters.clone();
    parameters.insert("gradient".into(), "estimated".into());
    let settled = entry.settle(serde_json::Value::Object(parameters), &inputs.size()).ok()?;
    let needs = entry.build(settled).ok()?.needs(0).ok()?;
    let allowed = manifest.content.access.max_queries;
    // What the budget allows is said with it.
    let obstacles = obstacles_beside_budget(&needs, entry.info.family, manifest, inputs);
    let questions = questions(&needs, inputs);
    obstacles.is_empty().then_some(Reason::NoGradients { questions, allowed, generator })
}

/// Most attacks that are named in the place of one that cannot run.
const MOST_NAMED: usize = 3;

/// Which attacks that rebuild inputs could run here with their default parameters, in the place of one that lacks something: those that ask the least first.
fn possible(
    registry: &Registry,
    hindered: &[Reason],
    manifest: &Manifest,
    inputs: &Inputs,
) -> Option<Reason> {
    // What hinders every attack is no matter of choosing another one.
    let remedied = |reason: &Reason| {
        matches!(
            reason,
            Reason::Access { .. }
                | Reason::NoGradients { .. }
                | Reason::Budget { .. }
                | Reason::References { .. }
                | Reason::Texts { .. }
        )
    };
    if hindered.is_empty() || !hindered.iter().all(remedied) {
        return None;
    }
    let of = |(entry, _): (&Entry, _)| {
        let name = entry.info.name;
        let settled = registry.settle(name, serde_json::Value::Null, &inputs.size()).ok()?;
        let needs = registry.build(name, settled).ok()?.needs(0).ok()?;
        let runs = obstacles(&needs, entry.info.family, manifest, inputs).is_empty();
        runs.then(|| PossibleAttack { attack: name.to_owned(), questions: questions(&needs, inputs) })
    };
    let rebuilding = registry.attacks().filter(|(entry, _)| entry.info.family == Family::ModelInversion);
    let mut attacks: Vec<PossibleAttack> = rebuilding.filter_map(of).collect();
    attacks.sort_by_key(|one| one.questions);
    attacks.truncate(MOST_NAMED);
    Some(Reason::Possible { attacks })
}

/// What is short where gradients are to come through a generator that gives none.
const GENERATORS_WITH_GRADIENTS: &str = "generators that give gradients";

/// Why an attack with these needs cannot run on these inputs.
fn obstacles(needs: &Needs, family: Family, manifest: &Manifest, inputs: &Inputs) -> Vec<Reason> {
    let mut found = obstacles_beside_budget(needs, family, manifest, inputs);
    let nothing_helps =
        |reason: &Reason| !matches!(reason, Reason::Access { .. } | Reason::References { .. });
    if let Some(allowed) = manifest.content.access.max_queries
        && !found.iter().any(nothing_helps)
    {
        let needed = questions(needs, inputs);
        if needed > allowed {
            found.push(over_budget(needs, needed, allowed, inputs));
        }
    }
    found
}

/// The same, whatever it asks.
fn obstacles_beside_budget(
    needs: &Needs,
    family: Family,
    manifest: &Manifest,
    inputs: &Inputs,
) -> Vec<Reason> {
    if !matches!(family, Family::MembershipInference | Family::AttributeInference | Family::ModelInversion) {
        // The statistics of the other families come with their attacks.
        return vec![Reason::Failed { message: "this version has no statistics for this family".into() }];
    }
    let unread = needs.signals.iter().any(|signal| signal.sources(inputs.task).is_empty());
    if unread || (needs.classes && inputs.task != Task::Classification) {
        return vec![Reason::Task];
    }
    if family == Family::ModelInversion && inputs.task != Task::Classification {
        return vec![Reason::Task];
    }
    if family == Family::ModelInversion && needs.texts != manifest.content.texts() {
        return vec![Reason::Texts { rebuilt: needs.texts }];
    }
    let mut found = Vec::new();
    let sides = (inputs.data.member_records, inputs.data.non_member_records);
    if let Some(too_few) = needs.groups.and_then(|grouping| groups::obstacle(grouping, sides)) {
        return vec![too_few];
    }
    let granted = inputs.granted();
    let changed = if inputs.of_attribute { Access::NEW_INPUTS } else { Access::empty() };
    let mut missing: Vec<String> = ((needs.access | changed) - granted).names().map(str::to_owned).collect();
    let unread = needs.signals.iter().find(|signal| !signal.computable_from(inputs.task, granted));
    if let Some(signal) = unread.filter(|_| missing.is_empty()) {
        let usual = match inputs.task {
            Task::Classification => Access::PROBABILITIES,
            task => signal.sources(task).first().copied().unwrap_or(Access::LOSS),
        };
        missing.extend(usual.names().map(str::to_owned));
    }
    if !missing.is_empty() {
        found.push(Reason::Access { missing });
    }
    let variants = needs.signals.iter().map(|signal| signal.augmentations_min()).max().unwrap_or(1);
    if inputs.augmentations < variants {
        let (what, got) = ("variants of each record".to_owned(), inputs.augmentations as u64);
        found.push(Reason::References { what, needed: variants as u64, got });
        return found;
    }
    let (with, without) = (inputs.reference_summary.fitted_with.0, inputs.reference_summary.fitted_without.0);
    let models = inputs.references.len() as u64;
    let asked = needs.access - ANSWERED;
    let of_generator = needs.generator.unwrap_or_else(Access::empty);
    let offered = inputs.generator.as_ref().map(TargetCard::offers);
    let answering = if asked.is_empty() { models } else { inputs.answering(asked) as u64 };
    for (what, needed, got) in [
        ("reference models", needs.references_min as u64, models),
        (
            "reference models that can be asked what the target is asked",
            needs.references_min as u64,
            answering,
        ),
        ("reference models fitted with each audited record", needs.in_out_min.0 as u64, with),
        ("reference models fitted without each audited record", needs.in_out_min.1 as u64, without),
        ("population records", needs.population_min as u64, inputs.population as u64),
        ("generators", u64::from(needs.generator.is_some()), u64::from(offered.is_some())),
        (
            GENERATORS_WITH_GRADIENTS,
            u64::from(of_generator.contains(Access::INPUT_GRADIENT)),
            u64::from(offered.is_some_and(|offered| offered.contains(of_generator))),
        ),
    ] {
        if got < needed {
            found.push(Reason::References { what: what.to_owned(), needed, got });
            // Without any reference model the other lines would say the same again.
            break;
        }
    }
    found
}

/// The least that `sample` of an attribute may be.
const FEWEST_SAMPLED: usize = 40;

/// A budget that does not do, and of candidates for how many audited records it would.
fn over_budget(needs: &Needs, needed: u64, allowed: u64, inputs: &Inputs) -> Reason {
    if !inputs.of_attribute {
        let per_class = Some(needs.queries_per_class).filter(|each| *each > 0);
        return Reason::Budget { needed, allowed, per_class };
    }
    // The most audited records that fit; fewer than a sample may have are none.
    let at = |audited: usize| questions(needs, &Inputs { audited, ..inputs.clone() }) <= allowed;
    let (mut sample, mut above) = (0, inputs.audited);
    while sample + 1 < above {
        let middle = sample.midpoint(above);
        if at(middle) { sample = middle } else { above = middle }
    }
    let sample = if sample < FEWEST_SAMPLED { 0 } else { sample as u64 };
    Reason::CandidateBudget { needed, allowed, candidates: inputs.augmentations as u64, sample }
}

/// Records that the signals of an attack ask the target about; none where it reads no signal.
pub(crate) fn questions_of_signals(needs: &Needs, inputs: &Inputs) -> u64 {
    // Each candidate is asked about once, whether signals come of the answers or what the model names.
    let swept = inputs.of_attribute && needs.asks() && (needs.access - ANSWERED).is_empty();
    if needs.signals.is_empty() && !swept { 0 } else { signal_questions(inputs) }
}

/// Records that an attack asks the target about, its signals included.
pub(crate) fn questions(needs: &Needs, inputs: &Inputs) -> u64 {
    let signals = questions_of_signals(needs, inputs);
    if inputs.of_attribute && (needs.access - ANSWERED).is_empty() {
        return signals;
    }
    let each = if inputs.of_attribute { inputs.augmentations as u64 } else { 1 };
    let needs = &Needs {
        queries_per_record: needs.queries_per_record.saturating_mul(each),
        queries_per_population_record: needs.queries_per_population_record.saturating_mul(each),
        ..needs.clone()
    };
    signals.saturating_add(needs.questions(inputs.audited, inputs.population, inputs.classes.unwrap_or(0)))
}

/// How many reference models play the target, which takes one away from every count. Where the attack asks the model itself, they have to answer it,
/// and are fewer the more it asks: each costs as many questions as the target, though none of its budget.
pub(crate) fn unrelated_models(needs: &Needs, inputs: &Inputs) -> usize {
    let models = inputs.references.len();
    let (with, without) = (inputs.reference_summary.fitted_with.0, inputs.reference_summary.fitted_without.0);
    let asks = needs.questions(1, 1, 1) > 0;
    let enough = models >= 2
        && models > needs.references_min
        && (needs.in_out_min.0 == 0 || with > needs.in_out_min.0 as u64)
        && (needs.in_out_min.1 == 0 || without > needs.in_out_min.1 as u64)
        && (!asks || inputs.answering(needs.access) == models);
    // An attack that asks reference models does so again in each of its controls.
    let beside = if (needs.access - ANSWERED).is_empty() { 0 } else { models.min(needs.references_max) };
    let questions = needs.queries_per_record.saturating_mul(1 + beside as u64);
    let questions = questions.saturating_add((needs.fits as u64).saturating_mul(QUESTIONS_OF_A_FIT));
    let affordable = MOST_ASKED.checked_div(questions).unwrap_or(u64::MAX);
    let most = usize::try_from(affordable).unwrap_or(usize::MAX).clamp(FEWEST_ASKED, MOST_UNRELATED);
    if enough { models.min(most) } else { 0 }
}

/// The steps after the inputs, each with its key, in an order in which they can run.
pub(crate) fn steps(
    manifest: &Manifest,
    registry: &Registry,
    inputs: &Inputs,
    inputs_key: &str,
) -> Result<Vec<Keyed>, EngineError> {
    let planned = resolve(manifest, registry, inputs)?;
    let runnable: Vec<&Planned<'_>> =
        planned.iter().filter(|row| row.test.attack.is_some() && row.obstacles.is_empty()).collect();
    let mut signals: Vec<Signal> =
        correctness_signal(inputs).into_iter().chain(loss_signal(manifest, inputs)).collect();
    let of_records = runnable.iter().filter(|row| row.attribute.is_none());
    for signal in of_records.flat_map(|row| &row.needs.signals) {
        if !signals.contains(signal) {
            signals.push(*signal);
        }
    }
    let signal_key =
        |signal: &Signal| key(&["signals/1", env!("CARGO_PKG_VERSION"), inputs_key, &signal.to_string()]);
    let asked: Vec<Step> = outputs::models(inputs).into_iter().map(Step::Outputs).collect();
    let answered: Vec<Step> = std::iter::once(Step::Inputs).chain(asked.iter().cloned()).collect();
    let output_key =
        |step: &Step| key(&["outputs/2", env!("CARGO_PKG_VERSION"), inputs_key, &step.to_string()]);
    let asking = asked.iter().filter(|_| !signals.is_empty()).map(|step| Keyed {
        step: step.clone(),
        key: output_key(step),
        after: vec![Step::Inputs],
    });
    let mut steps: Vec<Keyed> = asking.collect();
    steps.extend(signals.iter().map(|signal| Keyed {
        step: Step::Signals(*signal),
        key: signal_key(signal),
        after: answered.clone(),
    }));
    let settings = serde_json::to_string(&manifest.content.statistics).map_err(EngineError::other)?;
    if fidelity::is_wanted(manifest, inputs) {
        let model = serde_json::to_string(&manifest.content.model).map_err(EngineError::other)?;
        steps.push(Keyed {
            step: Step::Fidelity,
            key: key(&["fidelity/1", env!("CARGO_PKG_VERSION"), inputs_key, &model, &settings]),
            after: vec![Step::Inputs],
        });
    }
    let seed = manifest.content.statistics.seed.to_string();
    let blind = blind::is_possible(manifest, inputs) && !runnable.is_empty();
    if blind {
        steps.push(Keyed {
            step: Step::Blind,
            key: key(&["blind/1", env!("CARGO_PKG_VERSION"), inputs_key, &seed]),
            after: vec![Step::Inputs],
        });
    }
    let inverting = inversion_steps(manifest, registry, &runnable, inputs, inputs_key)?;
    steps.extend(inverting.iter().cloned());
    let attributes = attribute_steps(manifest, registry, &runnable, inputs, inputs_key)?;
    // The tests of all rows share the audit's level, on which a row's control and power depend.
    let tests =
        most_tests(Rows::of(&runnable, manifest.content.inversion.persons()), &manifest.content.statistics)
            .to_string();
    let claim = serde_json::to_string(&manifest.content.model.dp).map_err(EngineError::other)?;
    steps.extend(attributes.values().flat_map(|attribute| attribute.steps.iter().cloned()));
    let generator = generator_key(manifest, registry)?;
    for row in runnable {
        let id = &row.test.id;
        let info = registry.attack(row.test.attack.as_deref().unwrap_or_default())?.info;
        let parameters = row.parameters.to_string();
        let through = registry.through(info.name, row.parameters.clone())?;
        let inner = through.map(|(entry, ..)| format!(" through {}", entry.info.version));
        let version = info.version.to_string() + &inner.unwrap_or_default();
        let budget = format!("{:?}", manifest.content.access.max_queries);
        // The attack may run others, which come from plugins of the manifest or from this program.
        let plugins: String =
            plugins::deciding(manifest, registry)?.into_iter().map(|plugin| plugin.sha256 + "\0").collect();
        let files = row.files.iter().flat_map(|file| [file.name.as_str(), "\0", &file.digest, "\0"]);
        let files: String = files.collect();
        // All steps of an attribute come before the attacks on it, the last of which is its imputation.
        let attribute = row.attribute.map(|attribute| &attributes[&attribute.name]);
        let inputs_key = attribute.map_or(inputs_key, |attribute| attribute.key.as_str());
        // The test's id is part of the key, since it names the attack's random streams.
        let decided = [
            "attack/1",
            env!("CARGO_PKG_VERSION"),
            inputs_key,
            id,
            info.name,
            &version,
            &parameters,
            &seed,
            &budget,
            &plugins,
            &files,
            if row.inverts { &generator } else { "" },
        ];
        let attack_key = key(&decided);
        let mut after = vec![Step::Inputs];
        match attribute {
            Some(attribute) => after.extend(attribute.steps.iter().map(|keyed| keyed.step.clone())),
            None => after.extend(row.needs.signals.iter().map(|s| Step::Signals(*s))),
        }
        let groups = row.needs.groups.map(|Grouping { size, shares }| {
            let (size, shares) = (size.to_string(), shares.to_string());
            let key = key(&["groups/1", env!("CARGO_PKG_VERSION"), inputs_key, id, &size, &shares, &seed]);
            Keyed { step: Step::Groups(id.clone()), key, after: vec![Step::Inputs] }
        });
        after.extend(row.needs.generator.map(|_| Step::Generator));
        let after: Vec<Step> =
            after.into_iter().chain(groups.iter().map(|keyed| keyed.step.clone())).collect();
        steps.extend(groups);
        let (attack, unrelated) = (Step::Attack(id.clone()), Step::Unrelated(id.clone()));
        steps.push(Keyed { step: attack.clone(), key: attack_key.clone(), after: after.clone() });
        let mut judged = vec![Step::Inputs, attack];
        if let Some(attribute) = row.attribute {
            judged.push(Step::Imputation(attribute.name.clone()));
        } else if row.inverts {
            judged.extend(inverting.iter().map(|keyed| keyed.step.clone()));
        } else {
            judged.extend(correctness_signal(inputs).map(Step::Signals));
            judged.extend(blind.then_some(Step::Blind));
        }
        let models = row.unrelated.to_string();
        if row.unrelated > 0 {
            steps.push(Keyed {
                step: unrelated.clone(),
                key: key(&["unrelated/1", &attack_key, &models]),
                after,
            });
            judged.push(unrelated);
        }
        let judged_by = match row.attribute {
            Some(_) => {
                serde_json::to_string(&manifest.content.attribute_of(row.test)).map_err(EngineError::other)?
            }
            None if row.inverts => {
                let keys: Vec<&str> = inverting.iter().map(|keyed| keyed.key.as_str()).collect();
                let table = serde_json::to_string(&manifest.content.inversion).map_err(EngineError::other)?;
                let words = inversions::vocabulary(manifest)?.map(|file| file.digest).unwrap_or_default();
                keys.join(" ") + &table + &words
            }
            None => claim.clone(),
        };
        let decided =
            ["judge/4", env!("CARGO_PKG_VERSION"), &attack_key, &models, &settings, &tests, &judged_by];
        let judge_key = key(&decided);
        steps.push(Keyed { step: Step::Judge(id.clone()), key: judge_key, after: judged });
    }
    Ok(steps)
}

/// The steps that what is rebuilt is held against: the evaluator's, and the arm without anything that makes inputs plausible, where it can run.
fn inversion_steps(
    manifest: &Manifest,
    registry: &Registry,
    runnable: &[&Planned<'_>],
    inputs: &Inputs,
    inputs_key: &str,
) -> Result<Vec<Keyed>, EngineError> {
    if !runnable.iter().any(|row| row.inverts) {
        return Ok(Vec::new());
    }
    let table = &manifest.content.inversion;
    let looker = table.evaluator.as_ref();
    let recipe = serde_json::to_string(&looker.map(|looker| &looker.fit)).map_err(EngineError::other)?;
    let looker = inversions::decided(looker.map(|looker| &looker.source), manifest, registry)?;
    let evaluator = recipe + &looker;
    // By which it is fitted, and galleries are drawn.
    let seed = manifest.content.statistics.seed.to_string();
    let mut steps = vec![Keyed {
        step: Step::Evaluation,
        key: key(&[
            "evaluation/1",
            env!("CARGO_PKG_VERSION"),
            inputs_key,
            &evaluator,
            &format!("{:?} {:?}", manifest.content.likeness(), table.ignored_tokens),
            &seed,
        ]),
        after: vec![Step::Inputs],
    }];
    let test = unregularised(manifest);
    let (parameters, attack) = build(registry, &test, inputs)?;
    let needs = attack.needs(0)?;
    if obstacles(&needs, Family::ModelInversion, manifest, inputs).is_empty() {
        let (entry, origin) = registry.attack_of(test.attack.as_deref().unwrap_or_default())?;
        let version = entry.info.version.to_string();
        let budget = format!("{:?}", manifest.content.access.max_queries);
        let generator = generator_key(manifest, registry)?;
        let decided = [
            "unregularised/1",
            env!("CARGO_PKG_VERSION"),
            inputs_key,
            entry.info.name,
            &version,
            &parameters.to_string(),
            &seed,
            &budget,
            plugins::digest(origin),
            &generator,
        ];
        steps.push(Keyed { step: Step::Unregularised, key: key(&decided), after: vec![Step::Inputs] });
    }
    Ok(steps)
}

/// The arm without anything that makes inputs plausible, as a test.
pub(crate) fn unregularised(manifest: &Manifest) -> Test {
    let (attack, parameters) = manifest.content.unregularised();
    Test {
        id: Step::Unregularised.to_string(),
        attack: Some(attack),
        attribute: None,
        parameters,
        family: None,
        not_applicable: None,
        edpb: None,
        attacker: None,
    }
}

/// The step that opens the generator, where a test rebuilds inputs and the manifest names one.
pub(crate) fn generator_step(
    manifest: &Manifest,
    registry: &Registry,
    inputs_key: &str,
) -> Result<Option<Keyed>, EngineError> {
    if inversions::generating(manifest, registry)?.is_none() {
        return Ok(None);
    }
    let decided = generator_key(manifest, registry)?;
    let key = key(&["generator/1", env!("CARGO_PKG_VERSION"), inputs_key, &decided]);
    Ok(Some(Keyed { step: Step::Generator, key, after: Vec::new() }))
}

/// All that decides what the generator makes.
fn generator_key(manifest: &Manifest, registry: &Registry) -> Result<String, EngineError> {
    let generator = manifest.content.inversion.generator.as_ref();
    let latent = generator.map(|generator| format!("{:?}", generator.latent)).unwrap_or_default();
    Ok(latent + &inversions::decided(generator.map(|generator| &generator.source), manifest, registry)?)
}

/// The steps of an attribute, and the key that holds all that decides what its attacks see.
struct AttributeSteps {
    steps: Vec<Keyed>,
    key: String,
}

/// The steps of each attribute that a test guesses, by its name.
fn attribute_steps(
    manifest: &Manifest,
    registry: &Registry,
    runnable: &[&Planned<'_>],
    whole: &Inputs,
    inputs_key: &str,
) -> Result<BTreeMap<String, AttributeSteps>, EngineError> {
    let mut all: BTreeMap<String, AttributeSteps> = BTreeMap::new();
    let seed = manifest.content.statistics.seed.to_string();
    for row in runnable {
        let Some(Described { name, inputs, .. }) = row.attribute else { continue };
        let table = manifest.content.attribute(name);
        let declared =
            serde_json::to_string(&table.map(AttributeTable::asked)).map_err(EngineError::other)?;
        let own = key(&["attribute/2", env!("CARGO_PKG_VERSION"), inputs_key, &declared, &seed]);
        if !all.contains_key(name) {
            let first = Step::Attribute(name.clone());
            let mut steps = vec![Keyed { step: first.clone(), key: own.clone(), after: vec![Step::Inputs] }];
            let source = table.map(|table| table.imputer.clone()).unwrap_or_default();
            let (entry, origin) = registry.attack_of(&source.attack)?;
            let parameters = serde_json::Value::Object(source.parameters).to_string();
            let version = entry.info.version.to_string();
            let imputer = [entry.info.name, &version, &parameters, plugins::digest(origin)].join("\0");
            let trained_on = manifest.content.trained_on(whole.data.member_records).to_string();
            let imputation = key(&["imputation/2", &own, &imputer, &trained_on]);
            let after = vec![Step::Inputs, first.clone()];
            steps.push(Keyed {
                step: Step::Imputation(name.clone()),
                key: imputation.clone(),
                after: after.clone(),
            });
            // Nobody is asked what nobody reads.
            let swept = |row: &&Planned<'_>| {
                row.attribute.is_some_and(|own| own.name == *name)
                    && questions_of_signals(&row.needs, inputs) > 0
            };
            let models = if runnable.iter().copied().any(|row| swept(&row)) {
                outputs::models(inputs)
            } else {
                Vec::new()
            };
            for model in models {
                let step = Step::Candidates(name.clone(), model);
                let key = key(&["candidates/1", &own, &step.to_string()]);
                steps.push(Keyed { step, key, after: after.clone() });
            }
            all.insert(name.clone(), AttributeSteps { steps, key: imputation });
        }
        let Some(found) = all.get_mut(name) else { continue };
        let answered: Vec<Step> = found
            .steps
            .iter()
            .map(|keyed| keyed.step.clone())
            .filter(|step| !matches!(step, Step::CandidateSignals(..) | Step::Imputation(_)))
            .collect();
        for signal in &row.needs.signals {
            let step = Step::CandidateSignals(name.clone(), *signal);
            if !found.steps.iter().any(|keyed| keyed.step == step) {
                let key = key(&["candidate-signals/1", &own, &step.to_string()]);
                found.steps.push(Keyed { step, key, after: answered.clone() });
            }
        }
    }
    Ok(all)
}

/// The plan of an audit. Opens and checks tables and models, but asks them nothing; what makes inputs is tried.
pub fn plan(manifest: &Manifest, registry: &Registry) -> Result<Plan, EngineError> {
    manifest.check_named(registry)?;
    let seed = manifest.content.statistics.seed;
    let data_key = match manifest.content.reference_fit() {
        Some(_) => fits::data_key(manifest, &digests(data_files(manifest)?, manifest.base())?)?,
        None => String::new(),
    };
    let supply =
        Supply { manifest, registry, inventory: &Inventory::default(), data_key: &data_key, fits: None };
    let mut prepared = prepare(&supply, &Ctx::new(seed, "inputs", 1, &()))?;
    prepared.inputs.attributes =
        attributes::describe(&prepared.whole()?, &supply, &Ctx::new(seed, "attributes", 1, &()))?;
    if let Some(source) = inversions::generating(manifest, registry)? {
        let target = inversions::generator(source, &supply, &Ctx::new(seed, "generator", 1, &()))?;
        prepared.inputs.generator = Some(target.card().clone());
    }
    let inputs = &prepared.inputs;
    let (members, non_members) = prepared.truth.count();
    let settings = &manifest.content.statistics;
    let planned = resolve(manifest, registry, inputs)?;
    let runs = |row: &Planned<'_>| row.test.attack.is_some() && row.obstacles.is_empty();
    let running: Vec<&Planned<'_>> = planned.iter().filter(|row| runs(row)).collect();
    let rows = Rows::of(&running, manifest.content.inversion.persons());
    let tests = most_tests(rows, settings);
    // Levels are those of tests of membership.
    let by_levels = planned.iter().any(|row| row.attribute.is_none() && !row.inverts);
    let plan_absence = if by_levels { absence(members, non_members, settings)? } else { Vec::new() };
    let canaries = inputs.data.canaries.as_ref();
    let epsilon =
        canaries.map(|found| planned_epsilon(found.canaries, manifest, rows.membership)).transpose()?;
    let asked = |row: &Planned<'_>| {
        let audited = if row.inverts { 0 } else { inputs.audited };
        let questions = row.needs.questions(audited, 0, inputs.classes.unwrap_or(0)) as f64;
        if runs(row) { questions * (1 + row.unrelated) as f64 } else { 0.0 }
    };
    let asked: f64 = planned.iter().map(asked).sum();
    let fitting = |row: &&Planned<'_>| {
        let audited = if row.inverts { 0 } else { inputs.audited };
        let models = row.needs.fits * (1 + row.unrelated);
        models as f64 * fit_cost(&Recipe::default(), (audited + inputs.population) as f64)
    };
    let fitting: f64 = running.iter().map(fitting).sum();
    let rows = planned
        .into_iter()
        .map(|row| {
            let runnable = runs(&row);
            let groups = row.needs.groups.filter(|_| runnable).map(|grouping| {
                let mut rng = Ctx::new(seed, "plan", 1, &()).rng("groups");
                let drawn = groups::draw(&prepared.truth, grouping, &mut rng);
                let (members, non_members, mixed) = groups::count(&drawn, &prepared.truth);
                PlannedGroups { size: grouping.size as u64, members, non_members, mixed }
            });
            let (members, non_members) =
                groups.map_or((members, non_members), |groups| (groups.members, groups.non_members));
            let guessed = row
                .attribute
                .map(|attribute| {
                    let known = attributes::imputed_from(manifest, inputs, attribute);
                    judge::guesses::planned(attribute, known, manifest, tests)
                })
                .transpose()?;
            let (members, non_members) = row
                .attribute
                .map_or((members, non_members), |attribute| judge::guesses::sides(&attribute.inputs));
            let inputs = row.attribute.map_or(inputs, |attribute| &attribute.inputs);
            let galleries =
                row.inverts.then(|| inversions::Shown::among(prepared.labels(), inputs.audited)).flatten();
            let inversion = galleries
                .map(|all| judge::rebuilt::planned(&all.labels, &prepared.truth, manifest, tests))
                .transpose()?;
            let (best_verdict, best_why) = match &inversion {
                Some(planned) if runnable => best_inversion(planned, manifest),
                _ => best(&row, manifest, members, non_members),
            };
            let absence_why = match groups {
                _ if row.inverts => {
                    inversion.iter().flat_map(|planned| absent_inversion(planned, manifest)).collect()
                }
                Some(_) => absence_obstacles(&row, manifest, &absence(members, non_members, settings)?),
                None => absence_obstacles(&row, manifest, &plan_absence),
            };
            Ok(PlannedRow {
                id: row.test.id.clone(),
                attack: row.test.attack.clone(),
                runnable,
                signals: row.needs.signals.iter().map(Signal::to_string).collect(),
                references: (inputs.references.len().min(row.needs.references_max)) as u64,
                unrelated: row.unrelated as u64,
                queries: if runnable { questions(&row.needs, inputs) } else { 0 },
                fits: if runnable { row.needs.fits as u64 } else { 0 },
                best_verdict,
                best_why,
                absence_why,
                power: match &guessed {
                    None if runnable && !row.inverts => {
                        Some(detectable(members, non_members, settings, tests)?)
                    }
                    _ => None,
                },
                groups,
                attribute: guessed,
                inversion,
                reasons: row.obstacles,
            })
        })
        .collect::<Result<Vec<_>, EngineError>>()?;
    let steps = steps(manifest, registry, inputs, "")?;
    let fits = fits::wanted(manifest);
    let names = fits.iter().map(|fit| Step::Fit(*fit).to_string()).chain([Step::Inputs.to_string()]);
    let names = names.chain(manifest.content.attributes.first().map(|_| Step::Attributes.to_string()));
    let names = names.chain(generator_step(manifest, registry, "")?.map(|keyed| keyed.step.to_string()));
    let names = names.chain(steps.iter().map(|keyed| keyed.step.to_string()));
    Ok(Plan {
        unit: prepared.truth.unit(),
        members,
        non_members,
        population: inputs.population as u64,
        references: inputs.references.len() as u64,
        fits: fits.len() as u64,
        stages: manifest.content.reference_fit().map(|(_, fit, _)| fit.stages.clone()).unwrap_or_default(),
        inputs: features::config(manifest, None)
            .map(|inputs| inputs.describe(manifest.base()).map_err(manifest.about("data.inputs")))
            .transpose()?,
        seconds: seconds(&steps, inputs)
            + fit_seconds(&fits, manifest, inputs, members)
            + fitting
            + asked * ANSWER,
        steps: names.collect(),
        absence: plan_absence,
        epsilon,
        rows,
    })
}

/// The best verdict that a row can reach, and what stands in the way of a better one.
fn best(row: &Planned<'_>, manifest: &Manifest, members: u64, non_members: u64) -> (Verdict, Vec<Reason>) {
    if row.test.attack.is_none() {
        return (Verdict::NotApplicable, Vec::new());
    }
    if !row.obstacles.is_empty() {
        return (Verdict::NotTested, row.obstacles.clone());
    }
    if members.min(non_members) < FEWEST_UNITS {
        let why = match row.needs.groups {
            Some(grouping) => groups::too_few(grouping, (members, non_members)),
            None => Reason::TooFew { needed: FEWEST_UNITS, members, non_members },
        };
        return (Verdict::Inconclusive, vec![why]);
    }
    if manifest.content.data.split == Split::Undeclared && row.unrelated < FEWEST_UNRELATED {
        return (Verdict::Inconclusive, vec![Reason::ShiftNotExcluded]);
    }
    (Verdict::LeakDemonstrated, Vec::new())
}

/// The same of a row that rebuilds inputs.
fn best_inversion(planned: &PlannedInversion, manifest: &Manifest) -> (Verdict, Vec<Reason>) {
    let PlannedInversion { classes, detectable, wanted, persons, .. } = *planned;
    let why = if classes < FEWEST_CLASSES {
        Reason::TooFewClasses { needed: FEWEST_CLASSES, classes }
    } else if persons {
        return (Verdict::LeakDemonstrated, Vec::new());
    } else if detectable.is_none() {
        Reason::NearestUnderpowered { detectable, wanted }
    } else if manifest.content.data.split == Split::Undeclared {
        Reason::ShiftNotExcluded
    } else {
        return (Verdict::LeakDemonstrated, Vec::new());
    };
    (Verdict::Inconclusive, vec![why])
}

/// Why a row that rebuilds inputs could not show the absence of a leak, whatever it finds.
fn absent_inversion(planned: &PlannedInversion, manifest: &Manifest) -> Vec<Reason> {
    let PlannedInversion { upper, wanted, evaluator, .. } = *planned;
    let reasons = [
        (upper >= wanted, Reason::NearestNotBelowMargin { upper, wanted }),
        (!evaluator, Reason::NoEvaluator),
        (fidelity::Declared::of(&manifest.content).is_empty(), Reason::FidelityUndeclared),
        (manifest.content.data.split == Split::Undeclared, Reason::ShiftNotExcluded),
    ];
    reasons.into_iter().filter(|(stands, _)| *stands).map(|(_, reason)| reason).collect()
}

/// What absence samples of this size can show.
fn absence(
    members: u64,
    non_members: u64,
    settings: &Statistics,
) -> Result<Vec<PlannedAbsence>, EngineError> {
    let counted = judge::counted(non_members, settings);
    let Statistics { alpha, power, min_effect_tpr: wanted, .. } = *settings;
    let mut levels = Vec::new();
    for &level in &settings.fpr_targets {
        if counted.min(non_members - counted) < needed_non_members(level).map_err(EngineError::other)? {
            continue;
        }
        let margin = equivalence::smallest_margin(members, counted, level, alpha, power);
        let needed = equivalence::units_needed(level, wanted, alpha, power);
        levels.push(PlannedAbsence {
            level,
            margin: margin.map_err(EngineError::other)?,
            wanted,
            needed: needed.map_err(EngineError::other)?,
        });
    }
    Ok(levels)
}

/// What so many canaries can show in each of so many rows.
fn planned_epsilon(canaries: u64, manifest: &Manifest, rows: usize) -> Result<PlannedEpsilon, EngineError> {
    let settings = &manifest.content.statistics;
    let terms = Terms::new(manifest.content.model.dp.as_ref(), settings, rows);
    Ok(PlannedEpsilon {
        canaries,
        guesses: epsilon::guesses_made(canaries, settings),
        delta: terms.delta,
        ceiling: epsilon::ceiling(canaries, settings, &terms)?,
        claim: terms.claim,
    })
}

/// Why a row could not show the absence of a leak, whatever it finds.
fn absence_obstacles(row: &Planned<'_>, manifest: &Manifest, levels: &[PlannedAbsence]) -> Vec<Reason> {
    if row.test.attack.is_none() || !row.obstacles.is_empty() {
        return Vec::new();
    }
    let mut why = Vec::new();
    // What a sample shows of a difference depends on guesses that are not there yet.
    if row.attribute.is_none() {
        match levels
            .iter()
            .map(|level| level.margin)
            .max_by(|a, b| a.unwrap_or(1.0).total_cmp(&b.unwrap_or(1.0)))
        {
            None => why.push(Reason::NoLevelResolved),
            Some(margin) => {
                let (upper, wanted) = (margin.unwrap_or(1.0), manifest.content.statistics.min_effect_tpr);
                if upper > wanted {
                    why.push(Reason::NotBelowMargin { upper, wanted });
                }
            }
        }
    }
    // No model was fitted on whole groups and on none of others.
    if row.unrelated == 0 || row.needs.groups.is_some() {
        why.push(Reason::NoPositiveControl);
    }
    if fidelity::Declared::of(&manifest.content).is_empty() {
        why.push(Reason::FidelityUndeclared);
    }
    if manifest.content.data.split == Split::Undeclared && row.unrelated < FEWEST_UNRELATED {
        why.push(Reason::ShiftNotExcluded);
    }
    why
}

/// Seconds that a model takes for an answer, a guess: models differ by orders of magnitude.
const ANSWER: f64 = 1e-5;

/// A rough guess from the numbers of values: each model output is read once per signal, each signal value a few times per attack and control.
fn seconds(steps: &[Keyed], inputs: &Inputs) -> f64 {
    let records = (inputs.audited + inputs.population) as f64;
    let models = (inputs.references.len() + 1) as f64 * inputs.augmentations as f64;
    let values = records * models * inputs.classes.unwrap_or(1) as f64;
    let cost = |step: &Step| match step {
        Step::Fit(_) | Step::Unregularised | Step::Generator => 0.0,
        // A thousand records, a dozen times.
        Step::Fidelity => 1.0,
        Step::Blind | Step::Attributes | Step::Attribute(_) => records * 1e-5,
        Step::Imputation(_) => records * 5e-4,
        Step::Candidates(..) => records * 4.0 * ANSWER,
        Step::CandidateSignals(..) => values * 1e-8,
        Step::Groups(_) => records * 1e-7,
        Step::Inputs => values * 2e-9,
        Step::Evaluation => records * 10.0 * ANSWER,
        Step::Outputs(_) => records * inputs.augmentations as f64 * ANSWER,
        Step::Signals(_) => values * 4e-9,
        Step::Attack(_) => records * models * 2e-8,
        Step::Unrelated(_) => records * models * 2e-8 * models.min(MOST_UNRELATED as f64),
        Step::Judge(_) => inputs.audited as f64 * 1e-6 * models.min(MOST_UNRELATED as f64),
    };
    // Starting a worker takes some milliseconds whatever it does.
    steps.iter().map(|keyed| 0.02 + cost(&keyed.step)).sum::<f64>() + cost(&Step::Inputs)
}

/// Passes over the rows where a recipe names none.
const USUAL_EPOCHS: u32 = 20;

/// A rough guess of the time of a fit: a small network takes some hundredths of a millisecond for a row and a pass.
fn fit_cost(recipe: &Recipe, rows: f64) -> f64 {
    1.0 + 3e-5 * rows * f64::from(recipe.epochs.unwrap_or(USUAL_EPOCHS))
}

/// The same of the audit's own fits.
fn fit_seconds(fits: &[Fit], manifest: &Manifest, inputs: &Inputs, members: u64) -> f64 {
    let content = &manifest.content;
    let seconds = fits.iter().map(|fit| match fit {
        Fit::Target => content.target.fit.as_ref().map_or(0.0, |fit| fit_cost(&fit.recipe, members as f64)),
        Fit::Reference(_) => content
            .reference_fit()
            .map_or(0.0, |(_, fit, recipe)| fit_cost(recipe, inputs.audited as f64 * fit.share)),
    });
    seconds.sum()
}
