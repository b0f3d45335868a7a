//! The numbers of one membership test.

use paname_stats::Interval;
use paname_stats::delong::AucInterval;
use paname_stats::histogram::Histogram;
use paname_stats::level::{FixedThreshold, SameData};
use paname_stats::unrelated::NullMethod;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// Records, each taken as independent.
    #[default]
    Record,
    /// Persons, with one score each.
    Person,
}

/// What a membership attack found, in numbers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct MembershipResult {
    /// What is counted below.
    pub unit: Unit,
    /// Members counted.
    pub members: u64,
    /// Non-members counted.
    pub non_members: u64,
    /// Area under the ROC curve with its interval. Secondary: an average hides the few.
    pub auc: AucInterval,
    /// The ROC curve, thinned for drawing, with its simultaneous band.
    pub roc: Vec<RocPoint>,
    /// Level of the audit, that adjusted p-values are held against.
    pub alpha: f64,
    /// Confidence of the band.
    pub band_confidence: f64,
    /// One entry per declared false-positive level.
    pub levels: Vec<LevelResult>,
    /// Best balanced accuracy over all thresholds of the same data: optimistic.
    pub balanced_accuracy: f64,
    /// Largest TPR − FPR over all thresholds of the same data: optimistic.
    pub advantage: f64,
    /// The detection tests of this row.
    pub tests: Vec<DetectionTest>,
    /// The control with unrelated models, once per detection test; empty where there are too few reference models.
    pub unrelated: Vec<Unrelated>,
    /// What this sample can detect.
    pub power: Power,
    /// Distribution of scores.
    pub histogram: Histogram,
    /// The same for parts of the data.
    pub slices: Vec<Slice>,
}

/// A point of a ROC curve with the simultaneous band around it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RocPoint {
    /// False-positive rate.
    pub fpr: f64,
    /// True-positive rate.
    pub tpr: f64,
    /// Lower bound of the FPR at this threshold.
    pub fpr_lower: f64,
    /// Upper bound of the FPR.
    pub fpr_upper: f64,
    /// Lower bound of the TPR.
    pub tpr_lower: f64,
    /// Upper bound of the TPR.
    pub tpr_upper: f64,
}

/// Results at one declared false-positive level. A level that the sample cannot resolve has no figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct LevelResult {
    /// The level, e.g. 0.01.
    pub level: f64,
    /// Non-members needed to speak of this level at all.
    pub needed_non_members: u64,
    /// Non-members that are left to be counted once those that fix the threshold are set aside.
    pub counted_non_members: u64,
    /// Whether the level rests on few false positives.
    pub coarse: bool,
    /// TPR at the most permissive threshold of these data with FPR ≤ level. None where refused.
    pub same_data: Option<SameData>,
    /// TPR and FPR at a threshold fixed on other non-members. None where refused.
    pub fixed: Option<FixedThreshold>,
    /// Share of true alarms among alarms, by the share of members among the people tested: (prior, value). From `fixed`;
    /// empty where it counted no false alarm, since the share is then 100 % whatever the truth.
    pub precision: Vec<(f64, f64)>,
}

/// Which statistic a detection test rests on.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Statistic {
    /// The AUC: members score higher on average (Mann-Whitney).
    Auc,
    /// TPR above FPR at the fixed threshold of a level (Fisher's exact test).
    TprAt(
        /// The level.
        f64,
    ),
}

/// One test of "members score higher".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DetectionTest {
    /// The statistic.
    pub statistic: Statistic,
    /// Its p-value.
    pub p: f64,
    /// Adjusted over all detection tests of the audit (Holm).
    pub p_adjusted: f64,
    /// The larger of `p` and the p-value of the same statistic's control with unrelated models, adjusted likewise. None without that control.
    pub p_controlled: Option<f64>,
}

/// The same attack on models whose members have nothing to do with the target's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unrelated {
    /// What is compared: the AUC, or the TPR at a level.
    pub statistic: Statistic,
    /// Its value on the target.
    pub observed: f64,
    /// Its value against the target's members on each of these models.
    pub null: Vec<f64>,
    /// p-value of the target's value among them.
    pub p: f64,
    /// How it was computed.
    pub method: NullMethod,
}

/// What a sample of this size can detect.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Power {
    /// Probability of detection that the effects below have.
    pub power: f64,
    /// Level that a single test has once the audit's level is shared among all its detection tests.
    pub alpha: f64,
    /// Smallest AUC detected with that probability.
    pub auc: Option<f64>,
    /// Smallest TPR detected with that probability at each declared level: (level, TPR); None where refused or never.
    pub tpr: Vec<(f64, Option<f64>)>,
}

/// By what the data are cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum SliceKind {
    /// True class.
    Class,
    /// Whether the model classifies the record correctly.
    Correctness,
    /// The manifest's group column.
    Group,
}

/// A part of the data. Figures are given from ten units on each side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Slice {
    /// By what.
    pub kind: SliceKind,
    /// Which part.
    pub value: String,
    /// Members in it.
    pub members: u64,
    /// Non-members in it.
    pub non_members: u64,
    /// AUC within the part; None below ten units on a side.
    pub auc: Option<f64>,
    /// Its interval.
    pub interval: Option<Interval>,
}

/// A record or person that stands out.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Exposed {
    /// Random name; the key to it is a separate file that only its owner can read.
    pub pseudonym: String,
    /// Score.
    pub score: f64,
    /// Conformal p-value against the non-members.
    pub p: f64,
}
