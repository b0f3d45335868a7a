//! The manifest: who audits what, with which access, tests and statistics, fixed before any score exists.
//!
//! What the engine uses now is typed. The declarations that only reports and regulators read are parsed just as strictly, and kept. Closed
//! lists and ranges stand beside the fields, in their JSON schema; [`Manifest::read`] checks the file against that schema.

mod check;
mod declared;
mod named;
mod schema;
mod template;
mod text;

use std::path::{Path, PathBuf};

use paname_core::{Access, Family, Recipe, Scale, Task};
use paname_data::{Columns, InputsConfig};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use text::Text;

pub use paname_evidence::Likeness;
pub use schema::manifest_schema;
pub use template::{TemplateAnswers, template};

/// Name and version of the manifest's schema.
pub const MANIFEST_SCHEMA: &str = "paname-audit/1";

/// A manifest and where it came from.
#[derive(Debug, Clone)]
pub struct Manifest {
    /// The file.
    pub path: PathBuf,
    /// SHA-256 of its bytes.
    pub sha256: String,
    /// Its content.
    pub content: Content,
    /// The same as JSON, in its own words, for the evidence.
    pub declared: serde_json::Value,
    /// Its text, for errors that are found later.
    text: Text,
}

/// The content of `audit.toml`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case")]
#[schemars(title = "PANAME manifest", extend("$id" = MANIFEST_SCHEMA))]
pub struct Content {
    /// Always `paname-audit/1`.
    #[schemars(extend("enum" = [MANIFEST_SCHEMA]))]
    pub schema: String,
    /// Languages of the reports: `fr`, `en`.
    #[serde(default = "both_languages")]
    #[schemars(extend("items" = {"type": "string", "enum": ["fr", "en"]}, "minItems" = 1, "uniqueItems" = true))]
    pub lang: Vec<String>,
    /// Who audits.
    #[serde(default)]
    pub organisation: Organisation,
    /// The data.
    pub data: Data,
    /// Attributes of persons that tests guess.
    #[serde(default, rename = "attribute", skip_serializing_if = "Vec::is_empty")]
    pub attributes: Vec<AttributeTable>,
    /// The model, as declared.
    #[serde(default)]
    pub model: Model,
    /// What was known before.
    #[serde(default)]
    pub prior_risk: PriorRisk,
    /// What the attacker may ask.
    #[serde(default)]
    pub access: GrantedAccess,
    /// How the model under audit is reached, or fitted.
    pub target: TargetSource,
    /// How the reference ("shadow") models are reached, or fitted, if there are any.
    pub references: Option<ReferenceSource>,
    /// How what is rebuilt is looked at, by tests that rebuild inputs.
    #[serde(default)]
    pub inversion: InversionTable,
    /// What was said of reference models in the application form.
    #[serde(default)]
    pub shadow: Shadow,
    /// Means.
    #[serde(default)]
    pub resources: Resources,
    /// Legal frame of the test.
    #[serde(default)]
    pub legal: Legal,
    /// Statistics, fixed before any score exists.
    #[serde(default)]
    pub statistics: Statistics,
    /// What the report shows.
    #[serde(default)]
    pub report: ReportSettings,
    /// The tests; at least one.
    #[schemars(extend("minItems" = 1))]
    #[serde(rename = "test")]
    pub tests: Vec<Test>,
}

fn both_languages() -> Vec<String> {
    vec!["fr".into(), "en".into()]
}

/// An adapter by name, with its own keys beside it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Source {
    /// Name of the adapter, e.g. `predictions`.
    #[schemars(extend("minLength" = 1))]
    pub adapter: String,
    /// The adapter's own keys; it checks them.
    #[serde(flatten)]
    pub config: serde_json::Map<String, serde_json::Value>,
}

/// How the model under audit is reached, or fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct TargetSource {
    /// The adapter and its keys.
    #[serde(flatten)]
    pub source: Source,
    /// The model is fitted within the audit, on the member records: what is audited is the training procedure.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<TargetFit>,
}

/// How the reference models are reached, or fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ReferenceSource {
    /// The adapter and its keys.
    #[serde(flatten)]
    pub source: Source,
    /// The models are fitted within the audit, each on a random part of the audited records.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<ReferenceFit>,
}

/// How the model under audit is fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TargetFit {
    /// The training procedure; what it leaves open is the adapter's default.
    pub recipe: Recipe,
}

/// How reference models are fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReferenceFit {
    /// How many; drawn in pairs that complement each other.
    #[schemars(extend("minimum" = 2, "maximum" = 10_000))]
    pub models: u32,
    /// Numbers of models after which the audit is judged, and ends where that decides: where a leak is demonstrated, or the absence of one by every
    /// test. Rising, the last one `models`; 0 is a look before any is fitted, by the attacks that need none. Judged once, at the end, where empty. Each look has an equal part of the statistics' `alpha`.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<u32>,
    /// Share of the audited records, or persons, that each is fitted on. Other than 0.5 there are no pairs.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub share: f64,
    /// Their training procedure; that of the model under audit where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub recipe: Option<Recipe>,
    /// Seed of the rows and of the fits; that of the statistics where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub seed: Option<u64>,
}

impl Default for ReferenceFit {
    fn default() -> Self {
        Self { models: 16, stages: Vec::new(), share: 0.5, recipe: None, seed: None }
    }
}

impl Content {
    /// Whether records are texts.
    pub(crate) fn texts(&self) -> bool {
        self.data.modality.iter().any(|kind| kind == "text")
            || self.inversion.likeness == Some(Likeness::Tokens)
    }

    /// By what the likeness of inputs is measured.
    pub(crate) fn likeness(&self) -> Likeness {
        let (alone, usual) = if self.texts() {
            (Likeness::Tokens, Likeness::Tokens)
        } else {
            (Likeness::Values, Likeness::Features)
        };
        match self.inversion.likeness.unwrap_or(usual) {
            // Nobody says anything of inputs.
            Likeness::Features if self.inversion.evaluator.is_none() => alone,
            chosen => chosen,
        }
    }

    /// The arm without anything that makes inputs plausible: its attack and the parameters of it.
    pub(crate) fn unregularised(&self) -> (String, serde_json::Map<String, serde_json::Value>) {
        let given = self.inversion.unregularised.clone().unwrap_or_default();
        let usual = if self.texts() { "token-ascent" } else { "regularised-ascent" };
        let attack = given.attack.unwrap_or_else(|| usual.to_owned());
        let plain = match attack.as_str() {
            "regularised-ascent" => Some(("l2".to_owned(), 0.0.into())),
            "token-ascent" => Some(("repeats".to_owned(), 0.into())),
            _ => None,
        };
        (attack, given.parameters.unwrap_or_else(|| plain.into_iter().collect()))
    }

    /// The target's adapter, the reference models' where there are any, and those of recorded candidates of attributes.
    pub(crate) fn sources(&self) -> impl Iterator<Item = &Source> {
        std::iter::once(&self.target.source)
            .chain(self.references.as_ref().map(|references| &references.source))
            .chain(self.attributes.iter().filter_map(|attribute| attribute.target.as_ref()))
    }

    /// The adapters of what looks at rebuilt inputs, and of what makes inputs.
    pub(crate) fn lookers(&self) -> impl Iterator<Item = &Source> {
        let InversionTable { evaluator, generator, .. } = &self.inversion;
        evaluator
            .iter()
            .map(|evaluator| &evaluator.source)
            .chain(generator.as_ref().map(|generator| &generator.source))
    }

    /// The attribute of this name.
    pub(crate) fn attribute(&self, name: &str) -> Option<&AttributeTable> {
        self.attributes.iter().find(|attribute| attribute.name == name)
    }

    /// The attribute that a test guesses: the one that it names, or the only one.
    pub(crate) fn attribute_of(&self, test: &Test) -> Option<&AttributeTable> {
        match &test.attribute {
            Some(name) => self.attribute(name),
            None => self.attributes.first().filter(|_| self.attributes.len() == 1),
        }
    }

    /// Records that the model under audit was trained on: where it is not fitted here, as declared, or else those that are members, of which there are so many.
    pub(crate) fn trained_on(&self, members: u64) -> u64 {
        let declared = self.data.samples.filter(|_| self.target.fit.is_none());
        declared.map_or(members, |samples| samples.max(members))
    }

    /// What the model does: as declared, or else as the key `task` of its adapter says.
    pub(crate) fn task(&self) -> Task {
        let named = self.target.source.config.get("task").and_then(serde_json::Value::as_str);
        let of_adapter = || Task::ALL.into_iter().find(|task| named == Some(task.name()));
        self.model.task.or_else(of_adapter).unwrap_or_default()
    }

    /// Numbers of reference models after which the audit is judged: one, all of them, where no stages are declared.
    pub(crate) fn stages(&self) -> Vec<u32> {
        match self.reference_fit() {
            Some((_, fit, _)) if !fit.stages.is_empty() => fit.stages.clone(),
            Some((_, fit, _)) => vec![fit.models],
            None => vec![0],
        }
    }

    /// What reference models are fitted by, where they are.
    pub(crate) fn reference_fit(&self) -> Option<(&ReferenceSource, &ReferenceFit, &Recipe)> {
        let references = self.references.as_ref()?;
        let fit = references.fit.as_ref()?;
        let recipe = fit.recipe.as_ref().or(self.target.fit.as_ref().map(|fit| &fit.recipe))?;
        Some((references, fit, recipe))
    }
}

/// Who audits (form, part 1).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Organisation {
    /// Name.
    pub name: Option<String>,
    /// Sector.
    pub sector: Option<String>,
    /// `micro`, `sme`, `mid`, `large`, `lab` or `public`.
    #[schemars(extend("enum" = ["micro", "sme", "mid", "large", "lab", "public"]))]
    pub size: Option<String>,
    /// Expertise in AI.
    pub ai_expertise: Option<String>,
    /// Why the audit is made.
    pub motivation: Option<String>,
    /// Whom to ask; stays out of shareable exports.
    pub contact: Option<Contact>,
}

/// Whom to ask.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Contact {
    /// Name.
    pub name: Option<String>,
    /// Role.
    pub role: Option<String>,
    /// E-mail address.
    pub email: Option<String>,
    /// Telephone number.
    pub phone: Option<String>,
}

/// How members and non-members came apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Split {
    /// Chance drew the members from one pool: they differ from non-members in nothing else.
    Random,
    /// Anything else, such as an earlier period against a later one.
    #[default]
    Undeclared,
}

/// The data (form, parts 2.1 and 2.2).
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Data {
    /// Table of the audited records: `.csv` or `.npz`.
    #[schemars(extend("minLength" = 1))]
    pub records: String,
    /// Table of records of the same kind that no model was trained on.
    #[schemars(extend("minLength" = 1))]
    pub population: Option<String>,
    /// Column of the record ids (default `id`), or `row-number`.
    #[schemars(extend("minLength" = 1))]
    pub id: Option<String>,
    /// Column of the classes (default `label`); of regression, the column of the true values, or a list of columns; with several labels, a list of columns
    /// of 0 and 1.
    pub label: Option<Columns>,
    /// Column that says who was in the training set (default `member`).
    #[schemars(extend("minLength" = 1))]
    pub member: Option<String>,
    /// Column of the person that a record is about; persons are then counted instead of records.
    #[schemars(extend("minLength" = 1))]
    pub person_id: Option<String>,
    /// Column of a group to report on apart.
    #[schemars(extend("minLength" = 1))]
    pub group: Option<String>,
    /// Canaries among the audited records with the coins that decided on them before training, as `paname canaries make` writes them.
    #[schemars(extend("minLength" = 1))]
    pub canaries: Option<String>,
    /// The commitment to these coins, made before training; goes with `canaries`.
    #[schemars(extend("minLength" = 1))]
    pub commitment: Option<String>,
    /// Whether the first line of CSV tables names the columns; where not, they are `column-1`, `column-2`, … (default `true`).
    pub header: Option<bool>,
    /// What the records are besides their labels, for models in memory; recorded models need none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub inputs: Option<InputsConfig>,
    /// How members and non-members came apart.
    #[serde(default)]
    pub split: Split,
    /// `tabular`, `text`, `image`, `audio`, `video`, `other`.
    #[serde(default)]
    #[schemars(extend("items" = {"type": "string", "enum": ["tabular", "text", "image", "audio", "video", "other"]}))]
    pub modality: Vec<String>,
    /// `files`, `database` or `api`.
    #[schemars(extend("enum" = ["files", "database", "api"]))]
    pub format: Option<String>,
    /// Number of samples of the whole training set.
    pub samples: Option<u64>,
    /// Size of the whole training set in bytes.
    pub bytes: Option<u64>,
    /// Categories of personal data; an empty list declares that there are none.
    pub personal: Option<Vec<String>>,
    /// Other protected data, such as trade secrets.
    pub confidential: Option<Vec<String>>,
    /// Special categories of article 9 GDPR.
    pub special_categories: Option<bool>,
    /// Legal basis of the training.
    pub training_legal_basis: Option<String>,
    /// Where the data came from.
    #[serde(default)]
    pub source: Vec<DataSource>,
}

/// An attribute that tests guess, with every candidate value, of each audited record; the population's values are known to whoever guesses.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AttributeTable {
    /// Its name, by which tests call it, unique in the manifest: as ids of tests are.
    #[schemars(extend("minLength" = 1, "maxLength" = 64, "pattern" = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"))]
    pub name: String,
    /// Its column of `data.inputs`; or several, which are guessed together.
    pub column: Columns,
    /// Whether the columns are the values, one of which is 1 and the others 0.
    #[serde(default)]
    pub one_hot: bool,
    /// `nominal`, `ordinal` or `continuous`; guessed from the column where absent.
    pub scale: Option<Scale>,
    /// The candidate values in their order; those that occur where absent.
    #[serde(default)]
    pub values: Vec<String>,
    /// At most so many candidates: the most frequent values, or so many ranges of numbers. Records with another value are left out.
    #[schemars(extend("minimum" = 2, "maximum" = 1000))]
    pub candidates: Option<usize>,
    /// Places by which a guess of an ordinal or continuous attribute may miss and still count as right.
    #[serde(default)]
    pub tolerance: u32,
    /// Of how many of the surest guesses precision is stated.
    #[serde(default = "usual_surest")]
    #[schemars(extend("minimum" = 1))]
    pub surest: u64,
    /// At most so many audited records, drawn by chance; all of them where absent.
    #[schemars(extend("minimum" = 40))]
    pub sample: Option<u64>,
    /// Who guesses without the model: what the attack has to be better than.
    #[serde(default)]
    pub imputer: ImputerSource,
    /// Whether the population may hold exact duplicates of audited records: `refused` or `declared`.
    #[serde(default)]
    pub duplicates: Duplicates,
    /// Recorded answers about each candidate, one variant each in their order, where the model itself cannot be asked: an adapter and its keys.
    pub target: Option<Source>,
}

impl AttributeTable {
    /// The part that decides what models are asked.
    pub(crate) fn asked(&self) -> Self {
        Self { tolerance: 0, surest: usual_surest(), imputer: ImputerSource::default(), ..self.clone() }
    }
}

const fn usual_surest() -> u64 {
    100
}

/// Who guesses an attribute without the model: an attack that asks none.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ImputerSource {
    /// Name of the attack.
    #[schemars(extend("minLength" = 1))]
    pub attack: String,
    /// Its parameters; its defaults where absent.
    pub parameters: serde_json::Map<String, serde_json::Value>,
}

impl Default for ImputerSource {
    fn default() -> Self {
        Self { attack: "imputation".into(), parameters: serde_json::Map::new() }
    }
}

/// How what is rebuilt is looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InversionTable {
    /// A model of another architecture that tells the same classes apart, fitted apart from the model under audit: an adapter and its keys, or with `fit` a recipe by which
    /// the population fits it. Without one,
    /// likeness is that of the values or tokens themselves, and whether a class is recognised stays open.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<EvaluatorSource>,
    /// A model that makes inputs, for attacks that search among what it makes: an adapter and its keys, and `latent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub generator: Option<GeneratorSource>,
    /// By what likeness is measured: by `features`, what the evaluator says of inputs, which forgives what makes no difference to a class; by `values`, pixel by pixel, which
    /// sees whose picture it is; or by `tokens`, those that texts have in common. Where absent, by tokens where `modality` names texts, else by features. Fixed before anything
    /// is rebuilt, since the headline rests on it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub likeness: Option<Likeness>,
    /// Tokens of texts that say nothing, such as padding and marks of beginnings: likeness leaves them out.
    pub ignored_tokens: Vec<u32>,
    /// A file of the words of texts, one a line, from token 0 on: by them the report shows what was rebuilt of texts, where `galleries` lets it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minLength" = 1))]
    pub vocabulary: Option<String>,
    /// What a class is: of `categories` many persons are in one, of `persons` each is one.
    pub classes: ClassKind,
    /// The arm without anything that makes inputs plausible, which every attack is held against.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub unregularised: Option<UnregularisedSource>,
    /// Whether the report shows what was rebuilt: `true`, blurred; `clear`, as it is; `false`, not at all.
    pub galleries: Galleries,
}

impl Default for InversionTable {
    fn default() -> Self {
        Self {
            evaluator: None,
            generator: None,
            likeness: None,
            ignored_tokens: vec![0],
            vocabulary: None,
            classes: ClassKind::default(),
            unregularised: None,
            galleries: Galleries::default(),
        }
    }
}

impl InversionTable {
    /// Whether each class is a person.
    pub(crate) fn persons(&self) -> bool {
        self.classes == ClassKind::Persons
    }
}

/// How the model that looks at what is rebuilt is reached, or fitted.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EvaluatorSource {
    /// The adapter and its keys.
    #[serde(flatten)]
    pub source: Source,
    /// The model is fitted within the audit, on the population.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fit: Option<TargetFit>,
}

/// How a model that makes inputs is reached.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GeneratorSource {
    /// Shape of the latent variables of one input, which are standard normal.
    #[schemars(extend("minItems" = 1, "maxItems" = 4, "items" = {"type": "integer", "minimum": 1}))]
    pub latent: Vec<usize>,
    /// The adapter and its keys.
    #[serde(flatten)]
    pub source: Source,
}

/// What a class is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum ClassKind {
    /// Many persons, or no person.
    #[default]
    Categories,
    /// One person.
    Persons,
}

/// Whether the report shows what was rebuilt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(untagged, expecting = "expected true, false or \"clear\"")]
pub enum Galleries {
    /// Blurred, or not at all.
    Blurred(bool),
    /// Otherwise.
    As(Sharpness),
}

/// How pictures of what was rebuilt are shown that are not blurred.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Sharpness {
    /// As they are.
    Clear,
}

impl Galleries {
    /// Whether what is shown is made hard to recognise; None where nothing is shown.
    pub(crate) fn blurred(self) -> Option<bool> {
        match self {
            Self::Blurred(shown) => shown.then_some(true),
            Self::As(Sharpness::Clear) => Some(false),
        }
    }
}

impl Default for Galleries {
    fn default() -> Self {
        Self::Blurred(false)
    }
}

/// The arm without anything that makes inputs plausible.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct UnregularisedSource {
    /// Name of the attack; where absent `regularised-ascent`, and of texts `token-ascent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("minLength" = 1))]
    pub attack: Option<String>,
    /// Its parameters. Where absent its defaults, but without what makes inputs plausible: `l2 = 0.0` where the attack is `regularised-ascent`, `repeats = 0` where it is
    /// `token-ascent`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub parameters: Option<serde_json::Map<String, serde_json::Value>>,
}

/// What becomes of population records that equal an audited one in every input and in the label: whoever guesses would look them up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Duplicates {
    /// The audit is refused.
    #[default]
    Refused,
    /// They are other persons, as in coarse data: said so, and counted in the evidence.
    Declared,
}

/// Where a part of the data came from.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct DataSource {
    /// Name.
    pub name: Option<String>,
    /// Why it was lawfully obtained.
    pub lawful_origin: Option<String>,
    /// `pretrain` or `finetune`, kept apart.
    #[schemars(extend("enum" = ["pretrain", "finetune"]))]
    pub stage: Option<String>,
}

/// The model as declared (form, parts 2.3 and 2.4).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Model {
    /// A name for people.
    pub name: Option<String>,
    /// Architecture.
    pub architecture: Option<String>,
    /// Number of parameters.
    pub parameters: Option<u64>,
    /// How it learned, e.g. `supervised`, `unsupervised`, `self-supervised`.
    pub training: Option<String>,
    /// What it does; what `[target]` says, or else classification, unless stated.
    pub task: Option<Task>,
    /// What it is for.
    pub purpose: Option<String>,
    /// Domain.
    pub domain: Option<String>,
    /// `general`, `professional` or `internal`.
    #[schemars(extend("enum" = ["general", "professional", "internal"]))]
    pub public: Option<String>,
    /// Measures against overfitting.
    pub anti_overfitting: Option<Vec<String>>,
    /// Claimed differential privacy.
    pub dp: Option<DifferentialPrivacy>,
    /// `internal`, `public-api` or `open-weights`; there is no default.
    #[schemars(extend("enum" = ["internal", "public-api", "open-weights"]))]
    pub release_context: Option<String>,
    /// Accuracy on its training data, to be measured again on the audited members.
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub train_accuracy: Option<f64>,
    /// Accuracy on other data, to be measured again on the audited non-members.
    #[schemars(extend("minimum" = 0, "maximum" = 1))]
    pub test_accuracy: Option<f64>,
    /// Mean loss on its training data, to be measured again on the audited members; in classification the cross-entropy.
    pub train_loss: Option<f64>,
    /// Mean loss on other data, to be measured again on the audited non-members; in classification the cross-entropy.
    pub test_loss: Option<f64>,
}

/// A claim of differential privacy.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DifferentialPrivacy {
    /// ε, for adding or removing one record, or one person where persons are counted.
    #[schemars(extend("minimum" = 0))]
    pub claimed_epsilon: f64,
    /// δ.
    #[schemars(extend("minimum" = 0, "exclusiveMaximum" = 1))]
    pub delta: f64,
}

/// What was known before (form, part 2.5).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PriorRisk {
    /// How it was found.
    pub method: Option<String>,
    /// What was found.
    pub findings: Option<String>,
}

/// What the attacker may ask (form, part 2.7).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct GrantedAccess {
    /// `memory`, `api`, `precomputed` or `other`.
    #[schemars(extend("enum" = ["memory", "api", "precomputed", "other"]))]
    pub mode: Option<String>,
    /// Names of accesses granted; everything that the target offers when absent.
    #[schemars(extend("items" = {"type": "string", "enum": schema::access_names()}, "minItems" = 1))]
    pub signals: Option<Vec<String>>,
    /// Largest number of records that each test may ask the target about.
    #[schemars(extend("minimum" = 1))]
    pub max_queries: Option<u64>,
    /// Whether filters of the surrounding system were in place.
    pub system_filters: Option<bool>,
    /// Constraints in words.
    pub constraints: Option<String>,
}

/// What was said of reference models (form, part 2.8).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Shadow {
    /// Whether there are any.
    pub available: Option<bool>,
    /// `compute`, `code` or `framework`.
    #[schemars(extend("enum" = ["compute", "code", "framework"]))]
    pub limiting_factor: Option<String>,
    /// `memory`, `api` or `precomputed`.
    #[schemars(extend("enum" = ["memory", "api", "precomputed"]))]
    pub mode: Option<String>,
    /// How many.
    pub count: Option<u64>,
}

/// Means (form, part 2.9).
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Resources {
    /// Where computation happens, e.g. `on-premise` or `cloud`.
    pub infra: Option<String>,
    /// Number of GPUs.
    pub gpus: Option<u64>,
    /// Processor hours allowed.
    #[schemars(extend("minimum" = 0))]
    pub cpu_hours_max: Option<f64>,
    /// People in the team.
    pub team: Option<u64>,
    /// Person-days.
    #[schemars(extend("minimum" = 0))]
    pub person_days: Option<f64>,
}

/// Legal frame of the test.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Legal {
    /// Controller.
    pub controller: Option<String>,
    /// Purpose of the test.
    pub test_purpose: Option<String>,
    /// Legal basis of the test.
    pub test_legal_basis: Option<String>,
    /// Purpose for which the data were first collected.
    pub initial_purpose: Option<String>,
    /// Models and data were lawfully obtained.
    pub lawfully_obtained: Option<bool>,
    /// No individual decision will rest on the results.
    pub no_individual_decision: Option<bool>,
    /// Who may see the results.
    pub authorised: Option<Vec<String>>,
    /// Where the test runs.
    pub environment: Option<String>,
    /// Opinion of the data protection officer.
    pub dpo_opinion: Option<String>,
    /// Reference of the impact assessment.
    pub dpia_ref: Option<String>,
    /// Days for which results are kept.
    pub retention_days: Option<u64>,
    /// Day on which the audit is to be looked at again, `YYYY-MM-DD`.
    #[schemars(extend("format" = "date"))]
    pub next_review: Option<String>,
}

/// How one score per person comes from several records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum PersonScore {
    /// The mean over the person's records.
    #[default]
    Mean,
    /// The largest.
    Max,
}

/// Statistics, fixed before any score exists.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Statistics {
    /// Probability of a false alarm of the whole audit.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub alpha: f64,
    /// Confidence of intervals.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub confidence: f64,
    /// False-positive levels at which the true-positive rate is tested and reported.
    #[schemars(extend("items" = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "minItems" = 1, "maxItems" = 8, "uniqueItems" = true))]
    pub fpr_targets: Vec<f64>,
    /// Correction for several tests; only `holm`.
    pub correction: Correction,
    /// Share of the non-members that fixes thresholds and is then set aside.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub calibration_fraction: f64,
    /// False discovery rate at which members are counted that could be named.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub fdr: f64,
    /// Smallest excess TPR that matters.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub min_effect_tpr: f64,
    /// Smallest difference in differences of the accuracies of guesses of an attribute that matters.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub min_effect_accuracy: f64,
    /// Smallest excess over ½ that matters of the share of classes in which what was rebuilt is nearest to a member.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 0.5))]
    pub min_effect_nearest: f64,
    /// Power for which smallest detectable effects are stated.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub power: f64,
    /// Shares of members for which precision is stated.
    #[schemars(extend("items" = {"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1}, "maxItems" = 8, "uniqueItems" = true))]
    pub priors: Vec<f64>,
    /// One score per person.
    pub person_score: PersonScore,
    /// Guesses at the coins of canaries, half of them "in" for the highest scores and half "out" for the lowest; a tenth of the canaries where absent.
    #[schemars(extend("minimum" = 1))]
    #[serde(skip_serializing_if = "Option::is_none")]
    pub epsilon_guesses: Option<u64>,
    /// Seed of everything random.
    pub seed: u64,
}

/// Correction for several tests.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Correction {
    /// Holm's step-down procedure.
    #[default]
    Holm,
}

impl Default for Statistics {
    fn default() -> Self {
        Self {
            alpha: 0.05,
            confidence: 0.95,
            fpr_targets: vec![0.01, 0.001],
            correction: Correction::Holm,
            calibration_fraction: 0.5,
            fdr: 0.05,
            min_effect_tpr: 0.01,
            min_effect_accuracy: 0.05,
            min_effect_nearest: 0.1,
            power: 0.8,
            priors: vec![0.5, 0.1, 0.01],
            person_score: PersonScore::Mean,
            epsilon_guesses: None,
            seed: 1,
        }
    }
}

/// What the report shows.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ReportSettings {
    /// How many of the most exposed records or persons are listed by pseudonym; 0 is none.
    pub exposed: u64,
}

/// One test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Test {
    /// Name of the row, unique in the manifest: at most 64 letters, digits, `-`, `_` and `.`, with a letter or digit at both ends.
    #[schemars(extend("minLength" = 1, "maxLength" = 64, "pattern" = "^[A-Za-z0-9]([A-Za-z0-9._-]*[A-Za-z0-9])?$"))]
    pub id: String,
    /// Name of the attack; absent for a test declared not applicable.
    #[schemars(extend("minLength" = 1))]
    pub attack: Option<String>,
    /// The attribute that is guessed, by an attack that guesses one; may be absent where the manifest has only one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub attribute: Option<String>,
    /// Parameters of the attack; its defaults where absent.
    #[serde(default)]
    pub parameters: serde_json::Map<String, serde_json::Value>,
    /// Family of a test declared not applicable.
    pub family: Option<Family>,
    /// Why the test makes no sense here.
    #[schemars(extend("minLength" = 1))]
    pub not_applicable: Option<String>,
    /// Point of EDPB opinion 28/2024 paragraph 55; the attack's own where absent.
    pub edpb: Option<String>,
    /// The attacker in words.
    pub attacker: Option<Attacker>,
}

/// The attacker in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Attacker {
    /// What the attacker knows.
    pub knows: Option<String>,
    /// What the attacker can reach.
    pub access: Option<String>,
}

impl Manifest {
    /// Reads and checks a manifest. Errors point at line and column.
    pub fn read(path: &Path) -> Result<Self, EngineError> {
        let text = Text::read(path)?;
        let document = text.parse()?;
        let declared = declared::json(&document).map_err(|problem| text.error(problem))?;
        schema::conforms(&document, &manifest_schema()).map_err(|problem| text.error(problem))?;
        let mut content = Content::deserialize(toml::de::Deserializer::from(document.clone()))
            .map_err(|error| text.toml_error(&error))?;
        check::rules(&content, &document).map_err(|problem| text.error(problem))?;
        drop(document);
        // Each look at the data has an equal part (Bonferroni): whichever comes last, the whole is the level that was declared.
        content.statistics.alpha /= content.stages().len() as f64;
        Ok(Self { path: path.to_owned(), sha256: text.sha256(), content, declared, text })
    }

    /// Folder that relative paths start from.
    pub fn base(&self) -> &Path {
        self.path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."))
    }

    /// The access granted, or `None` for everything that the target offers.
    pub fn granted(&self) -> Option<Access> {
        let names = self.content.access.signals.as_ref()?;
        Some(names.iter().filter_map(|name| Access::named(name)).fold(Access::empty(), |all, one| all | one))
    }
}
