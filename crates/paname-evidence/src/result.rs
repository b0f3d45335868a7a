//! The numbers of one membership test.

use paname_stats::delong::{AucDifference, AucInterval};
use paname_stats::discovery::Inferable;
use paname_stats::equivalence::ExcessBound;
use paname_stats::histogram::Histogram;
use paname_stats::level::{FixedThreshold, SameData};
use paname_stats::procedure::ProcedureFigures;
use paname_stats::share::ShareError;
use paname_stats::unrelated::NullMethod;
use paname_stats::{Interval, Rate};
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
    /// Groups of records, judged as wholes.
    Group,
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
    /// The AUC minus that of a classifier that never sees the model; None where nothing is known of records but their scores.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub beyond_blind: Option<AucDifference>,
    /// The attack where it is known what there is to find: on models whose rows are known. None without such models.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<PositiveControl>,
    /// How many members can be named at a false discovery rate of at most the audit's, one entry per declared prior. Empty where the audit's
    /// sample is too small.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inferable: Vec<Inferable>,
    /// The same where a unit counts by its place among its own scores under reference models that were fitted without it (Student's predictive p-value),
    /// and not among other units. Empty where a unit has fewer than four such models.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub inferable_by_models: Vec<Inferable>,
    /// What the attack finds on each reference model in turn: an audit of the training procedure, not of this model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub procedure: Option<Procedure>,
    /// What the scores say of the ε of differential privacy. None where neither canaries nor a level that the sample resolves give a figure, or the
    /// test is not valid.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub epsilon: Option<Epsilon>,
    /// What this sample can detect.
    pub power: Power,
    /// Distribution of scores.
    pub histogram: Histogram,
    /// The same for parts of the data.
    pub slices: Vec<Slice>,
    /// The groups, where the attack judges groups of records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub groups: Option<Groups>,
}

/// The groups of records that an attack judges as wholes. Groups all of members and groups all of non-members are the units of its row; those of both
/// only serve estimates of shares.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Groups {
    /// Fewest records of a group. A person's records stay together, so that some groups hold a few more.
    pub size: u64,
    /// Groups of members and non-members.
    pub mixed: u64,
    /// Members, and as many non-members, that it takes for a statement, which needs twenty groups on each side.
    pub records_needed: u64,
    /// How well the attack estimates which share of a group was used, where it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// Estimates of the share of each group that was used, held against the truth. Groups are the units: their intervals come from groups drawn again.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Usage {
    /// Over all groups.
    pub error: ShareError,
    /// The same groups by their true share, to the nearest quarter.
    pub shares: Vec<UsageAtShare>,
}

/// Estimates for groups of about the same true share.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct UsageAtShare {
    /// Mean true share.
    pub share: f64,
    /// Groups.
    pub groups: u64,
    /// Mean estimate.
    pub estimate: f64,
    /// Mean absolute error.
    pub mean_absolute_error: f64,
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
    /// How much more often members are flagged than non-members at that threshold, at the most. None where refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub excess: Option<ExcessBound>,
    /// p-value of "the excess is at least the smallest that matters". None where refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub equivalence_p: Option<f64>,
    /// The same test in a form that may be looked at after every query. None where refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub anytime: Option<Anytime>,
    /// Share of true alarms among alarms, by the share of members among the people tested: (prior, value). From `fixed`;
    /// empty where it counted no false alarm, since the share is then 100 % whatever the truth.
    pub precision: Vec<(f64, f64)>,
}

/// A test of "members are flagged no more often" that holds whenever it is looked at: an audit that pays by the query may stop at the first conclusive
/// one, or go on with more units. Members and counted non-members are taken in pairs, in an order that chance draws.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Anytime {
    /// Natural logarithm of the e-value after all queries. Those of tests on other units are added.
    pub ln_e: f64,
    /// One over the largest e-value on the way.
    pub p: f64,
    /// Queries taken.
    pub queries: u64,
    /// The query after which the audit could have stopped with "members are flagged more often", at the level of a single test of the audit.
    pub conclusive_after: Option<u64>,
    /// The query after which it could have stopped with "less than what matters", at the audit's level.
    pub absence_after: Option<u64>,
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
    /// How much better than without the model an attribute is guessed of members, and not of non-members (permutation of who is a member).
    AccuracyDifference,
    /// Of what was rebuilt of each class, the nearest of equally many members and non-members is a member (exact binomial test).
    NearestMember,
    /// What was rebuilt of each person is nearest to other pictures of that person (exact binomial test).
    Identified,
}

/// One detection test, such as of "members score higher".
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct DetectionTest {
    /// The statistic.
    pub statistic: Statistic,
    /// Its p-value.
    pub p: f64,
    /// Adjusted over all detection tests of the audit (Holm).
    pub p_adjusted: f64,
    /// p-value of "this is no more than a classifier finds that never sees the model", where that classifier is better than chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub p_blind: Option<f64>,
    /// The largest of `p`, of the p-value of the same statistic's control with unrelated models, and of `p_blind`, adjusted likewise. None without
    /// the control with unrelated models.
    pub p_controlled: Option<f64>,
}

/// The same attack on models whose members have nothing to do with the target's.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Unrelated {
    /// What is compared.
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

/// What an attack finds where its success is known to be possible: each reference model is attacked as the target is, against its own rows. Where it
/// sees nothing there, that it sees nothing on the target says nothing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct PositiveControl {
    /// Models that played the target.
    pub models: u64,
    /// Units of these models, over all of them.
    pub members: u64,
    /// One entry per declared level that the sample resolves.
    pub levels: Vec<Dose>,
}

/// A control by dose at one level: among non-members as many scores of members of those models are mixed that the true excess is just the smallest
/// that matters, and the detection test must see it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Dose {
    /// The false-positive level.
    pub level: f64,
    /// The excess TPR of the attack on those models' own members.
    pub excess: f64,
    /// The excess that was mixed in; 0 where the attack does not find as much on any share of those members.
    pub dose: f64,
    /// How often the detection test saw it in simulated audits of this size; None where the dose could not be mixed.
    pub detected: Option<Rate>,
}

/// The same attack on each reference model in turn, against its own rows. It audits the training procedure, not this model: many models of the same
/// data and recipe make up for few records.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Procedure {
    /// Models.
    pub models: u64,
    /// Units, which are drawn again for the intervals; the models are taken as given.
    pub units: u64,
    /// What was found, averaged over the models.
    pub figures: ProcedureFigures,
}

/// What scores say of the ε of differential privacy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Epsilon {
    /// A lower bound, from canaries whose coins were committed to before training.
    OneRun(OneRunEpsilon),
    /// No bound: the same arithmetic on members that no committed coin drew. It proves nothing.
    Heuristic(HeuristicEpsilon),
}

/// Lower bounds on ε, for adding or removing one unit, from guesses at the coins of canaries. They hold if each canary was put in or left out by a
/// fair coin of its own. All of the audit's together hold with `confidence`. A small bound is not privacy.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OneRunEpsilon {
    /// Canaries, guessed about or not.
    pub canaries: u64,
    /// What fixed the number of guesses before any score existed.
    pub rule: GuessRule,
    /// Guesses made: "in" for the canaries with the highest scores, "out" for those with the lowest. Equal scores at the edge count as wrong.
    pub guesses: u64,
    /// Guesses "in".
    pub guessed_in: u64,
    /// Guesses "out".
    pub guessed_out: u64,
    /// Guesses that were right.
    pub right: u64,
    /// The δ at which the bounds are stated: the claimed one, else 1e-5.
    pub delta: f64,
    /// Probability that every bound of the audit lies below the truth, at the least.
    pub confidence: f64,
    /// By the number of right guesses (Steinke, Nasr and Jagielski, "Privacy auditing with one (1) training run", NeurIPS 2023).
    pub one_run: EpsilonFigure,
    /// By the whole curve of (ε, δ) (Mahloujifar, Melis and Chaudhuri, "Auditing f-differential privacy in one run", ICML 2025).
    pub curve: EpsilonFigure,
    /// The same where the training hides a record as Gaussian noise does: an assumption. None at δ = 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gaussian: Option<GaussianFigure>,
    /// The ε that the manifest claims, held against `one_run` and `curve`. None where it claims none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub claim: Option<EpsilonClaim>,
}

/// What fixed the number of guesses.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum GuessRule {
    /// The manifest.
    Declared,
    /// A tenth of the canaries, rounded up; half of it "in", rounded up.
    Tenth,
}

/// A figure for ε beside the most that it could have been.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpsilonFigure {
    /// The figure.
    pub bound: f64,
    /// What it would be had every guess been right.
    pub ceiling: f64,
}

/// A lower bound on µ of Gaussian differential privacy and the ε that it means, if the training is Gaussian: an assumption that no count can show.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct GaussianFigure {
    /// µ.
    pub mu: f64,
    /// Its ε.
    pub epsilon: EpsilonFigure,
}

/// A claimed ε and what became of it.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EpsilonClaim {
    /// The claimed ε.
    pub epsilon: f64,
    /// Whether a bound lies above it. That none does confirms nothing.
    pub refuted: bool,
}

/// What counts at a threshold fixed on other non-members would bound ε by, were every record a training run of its own (Clopper and Pearson).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HeuristicEpsilon {
    /// The false-positive level whose threshold gave the figure, the largest over the levels, which share the error.
    pub level: f64,
    /// The δ at which it is stated: the claimed one, else 1e-5.
    pub delta: f64,
    /// The figure.
    pub figure: EpsilonFigure,
}

/// A classifier that tells members from non-members by what is known of records without any model: it should be at chance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Blind {
    /// What it saw, in numbers.
    pub features: u64,
    /// Its AUC, each unit scored by a classifier that was fitted without it.
    pub auc: AucInterval,
    /// One-sided p-value of "members and non-members do not differ" (Mann-Whitney).
    pub p: f64,
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
