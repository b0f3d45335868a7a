//! The evidence document.

use std::collections::BTreeMap;

use paname_stats::Rate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AttributeResult, Blind, Exposed, InversionResult, MembershipResult, Reason, Unit, Verdict,
    canonical_sha256,
};

/// Name and version of the document's schema.
pub const SCHEMA: &str = "paname-evidence/1";

/// Everything that an audit found, for programs.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "PANAME evidence", extend("$id" = SCHEMA))]
pub struct Evidence {
    /// Always `paname-evidence/1`.
    #[schemars(extend("enum" = [SCHEMA]))]
    pub schema: String,
    /// SHA-256 of the canonical JSON (RFC 8785) of `core`.
    pub core_sha256: String,
    /// What the same manifest, data and program always give.
    pub core: Core,
    /// The most exposed records or persons per row, by random pseudonym; empty unless the manifest allows it. Outside the core, since the
    /// pseudonyms come from a random key that stays with the controller.
    pub exposed: BTreeMap<String, Vec<Exposed>>,
    /// Times and hardware, which differ from run to run.
    pub run: Run,
}

impl Evidence {
    /// Seals a core.
    pub fn new(
        core: Core,
        exposed: BTreeMap<String, Vec<Exposed>>,
        run: Run,
    ) -> Result<Self, serde_json::Error> {
        let core_sha256 = canonical_sha256(&core)?;
        Ok(Self { schema: SCHEMA.to_owned(), core_sha256, core, exposed, run })
    }

    /// Whether the digest is that of the core.
    pub fn is_intact(&self) -> Result<bool, serde_json::Error> {
        Ok(self.schema == SCHEMA && canonical_sha256(&self.core)? == self.core_sha256)
    }

    /// The roll-up: the worst verdict of the rows, a demonstrated leak being the worst. Rows that were not requested do not count.
    pub fn verdict(&self) -> Verdict {
        let requested = self.core.rows.iter().filter(|row| !row.reasons.contains(&Reason::NotRequested));
        requested.map(|row| row.verdict).min().unwrap_or(Verdict::NotTested)
    }
}

/// What an audit found, without times and hardware.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Core {
    /// The program.
    pub tool: Tool,
    /// SHA-256 of the manifest file; of the score file's bytes where there is no manifest.
    pub manifest_sha256: String,
    /// The manifest as JSON, in its own words: what was declared. A missing answer is missing here.
    pub declared: serde_json::Value,
    /// The audited data.
    pub data: DataSummary,
    /// The model under audit; absent where only scores were given.
    pub target: Option<ModelSummary>,
    /// The reference models; absent where only scores were given.
    pub references: Option<ReferenceSummary>,
    /// A classifier that never sees the model; absent where nothing is known of records but their scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blind: Option<Blind>,
    /// The statistics' settings as they were used.
    pub statistics: serde_json::Value,
    /// One row per requested test, then one per family without a test.
    pub rows: Vec<Row>,
    /// Plugins that took part.
    pub plugins: Vec<PluginUsed>,
}

/// The program that wrote the evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Tool {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

/// A plugin that took part in the audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PluginUsed {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its library.
    pub sha256: String,
}

/// The audited data in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct DataSummary {
    /// What is counted.
    pub unit: Unit,
    /// Audited records that were members.
    pub member_records: u64,
    /// Audited records that were not.
    pub non_member_records: u64,
    /// Records of the population.
    pub population_records: u64,
    /// Persons among the members, where persons are the unit.
    pub member_persons: Option<u64>,
    /// Persons among the non-members.
    pub non_member_persons: Option<u64>,
    /// Number of classes.
    pub classes: Option<u64>,
    /// Canaries among the audited records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub canaries: Option<CanarySummary>,
    /// Digest of each input file by its name as written in the manifest.
    pub files: Vec<(String, String)>,
}

/// Canaries: records, or persons, of which fair coins decided before training who is a member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CanarySummary {
    /// How many.
    pub canaries: u64,
    /// SHA-256 that committed to the coins; the audit found that they are those.
    pub commitment: String,
    /// When, as the commitment says. Whoever has had it since before training can bear witness.
    pub committed: String,
}

/// A model in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ModelSummary {
    /// Its name.
    pub name: String,
    /// The adapter that opened it.
    pub adapter: String,
    /// Digest of what decides its answers.
    pub fingerprint: String,
    /// What it does.
    pub task: String,
    /// Names of the accesses that it offers.
    pub offers: Vec<String>,
    /// Names of the accesses that the manifest grants to the attacker.
    pub granted: Vec<String>,
    /// Accuracy on the audited members, where it can be measured.
    pub accuracy_members: Option<Rate>,
    /// Accuracy on the audited non-members.
    pub accuracy_non_members: Option<Rate>,
    /// Mean loss on the audited members, where a loss is declared and can be measured.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_members: Option<MeanLoss>,
    /// Mean loss on the audited non-members.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub loss_non_members: Option<MeanLoss>,
    /// How it was fitted, where that happened within the audit: what was audited is the training procedure.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fitted: Option<FittedTarget>,
}

/// A mean of losses; a loss beyond 100 counts as 100.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MeanLoss {
    /// The mean cross-entropy.
    pub mean: f64,
    /// Its standard error.
    pub standard_error: f64,
    /// Records.
    pub records: u64,
}

/// A target that was fitted within the audit, on the audited members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FittedTarget {
    /// The training procedure.
    pub recipe: serde_json::Value,
    /// Loss on its own rows, as the adapter measured it.
    pub train_loss: Option<f64>,
    /// Accuracy on its own rows, as the adapter measured it.
    pub train_accuracy: Option<f64>,
}

/// Reference models that were fitted within the audit, on random parts of the audited records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FittedReferences {
    /// The adapter that fitted them.
    pub adapter: String,
    /// The training procedure.
    pub recipe: serde_json::Value,
    /// Models asked for; in an audit by stages, those of the last one.
    pub asked: u64,
    /// Numbers of models after which the audit was to be judged; empty where it was judged once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub stages: Vec<u64>,
    /// Models fitted.
    pub fitted: u64,
    /// Share of the audited records, or persons, that each was fitted on.
    pub share: f64,
    /// Models that could not be fitted.
    pub failed: Vec<FailedFit>,
}

/// A model that could not be fitted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedFit {
    /// Its number, from 0.
    pub model: u64,
    /// Why (English).
    pub reason: String,
}

/// The reference models in numbers.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct ReferenceSummary {
    /// Models used.
    pub used: u64,
    /// Models left out since their rows repeat, complement or depend on the target's and would tell who is a member, by position.
    pub excluded: Vec<u64>,
    /// Whether one model was set aside for each record, since every record was in the same number of models, the target among them, and counts
    /// would have told who is a member.
    pub balanced: bool,
    /// Fewest and most models fitted with an audited record.
    pub fitted_with: (u64, u64),
    /// Fewest and most models fitted without an audited record.
    pub fitted_without: (u64, u64),
    /// Two-sided p-value of "the number of used models fitted with a record says nothing about its membership". None without models.
    pub counts_p: Option<f64>,
    /// How they were fitted, where that happened within the audit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fitted: Option<FittedReferences>,
    /// Whether they overfit as the target does, where that can be told: from three models on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gap: Option<GapSummary>,
}

/// Accuracy on the records that a model was fitted on minus accuracy on the others.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GapSummary {
    /// Of the target, between members and non-members.
    pub target: f64,
    /// Mean of the reference models, between the audited records in their rows and the others.
    pub mean: f64,
    /// Smallest of the reference models.
    pub smallest: f64,
    /// Largest of the reference models.
    pub largest: f64,
    /// How far the target's may lie from the mean: three standard deviations of the reference models' gaps and two standard errors of the
    /// difference, at least 0.02.
    pub allowed: f64,
    /// Whether it lies farther away.
    pub mismatch: bool,
}

/// One line of the common grid.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Row {
    /// The test's id in the manifest, or the family's name.
    pub id: String,
    /// Family, e.g. `membership-inference`.
    pub family: String,
    /// Point of EDPB opinion 28/2024, paragraph 55, that the row answers to, e.g. `55(i)`.
    pub edpb: String,
    /// The attack; absent for a family without a test.
    pub attack: Option<AttackUsed>,
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub reasons: Vec<Reason>,
    /// Numbers, where an attack on membership ran.
    pub membership: Option<MembershipResult>,
    /// Numbers, where an attack on an attribute ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attribute: Option<AttributeResult>,
    /// Numbers, where an attack that rebuilds inputs ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inversion: Option<InversionResult>,
}

/// The attack of a row.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttackUsed {
    /// Its name.
    pub name: String,
    /// Version of its behaviour.
    pub version: u32,
    /// Title in French.
    pub title_fr: String,
    /// Title in English.
    pub title_en: String,
    /// What its success shows, in French.
    pub summary_fr: String,
    /// What its success shows, in English.
    pub summary_en: String,
    /// Its score in one line.
    pub formula: String,
    /// Where it comes from.
    pub paper: String,
    /// Where its code comes from: this program or a plugin.
    pub origin: String,
    /// All parameters, defaults included.
    pub parameters: serde_json::Value,
    /// Values of the parameters that it chose by itself, by letting reference models play the target: the truth about the target played no part.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub chosen: BTreeMap<String, String>,
    /// Files besides the program that decide its findings, such as a script that it starts, with their digests.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub files: Vec<(String, String)>,
    /// Signals that it read.
    pub signals: Vec<String>,
    /// Reference models that it was given.
    pub references: u64,
    /// Records that it asked the target about, signals included; a record asked twice counts twice.
    pub asked: u64,
}

/// What differs between two runs of the same audit.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Run {
    /// First start, UTC.
    pub started: String,
    /// End, UTC.
    pub finished: String,
    /// Processor, cores and system.
    pub hardware: String,
    /// Digest of the records' ids and truth under a random key (BLAKE3) that stays with the controller: it names the data without being an
    /// oracle for them.
    pub data_fingerprint: String,
    /// Steps run by the last call.
    pub steps_run: u64,
    /// Steps found finished.
    pub steps_reused: u64,
    /// Times that the manifest was changed after this run folder was begun; the journal holds each version's digest.
    pub amendments: u64,
    /// Hash of the journal's last line before the evidence was written.
    pub journal_head: String,
}

/// The JSON schema of the document.
pub fn schema() -> serde_json::Value {
    serde_json::Value::from(schemars::schema_for!(Evidence))
}
