//! The numbers of one test that guesses an attribute.

use paname_stats::{Interval, Rate};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DetectionTest, SliceKind, Unit, Unrelated};

/// What an attack on an attribute found, in numbers. A right guess alone shows nothing: what the attribute goes with in the population can be guessed of
/// anybody. What counts is how much better than somebody without the model the attack guesses of members, and not of non-members.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttributeResult {
    /// The attribute.
    pub attribute: String,
    /// What its values are to each other: `nominal`, `ordinal` or `continuous`.
    pub scale: String,
    /// Candidate values.
    pub candidates: u64,
    /// Places by which a guess may miss and still count as right; 0 where it must be the value itself.
    pub tolerance: u64,
    /// What is counted below.
    pub unit: Unit,
    /// Members counted.
    pub members: u64,
    /// Non-members counted.
    pub non_members: u64,
    /// Audited records left out: their value is missing or none of the candidates, or they were not drawn.
    pub left_out: u64,
    /// Population records that equal an audited record in every input and in the label, declared to be other persons'.
    #[serde(default)]
    pub twins: u64,
    /// Level of the audit, that adjusted p-values are held against.
    pub alpha: f64,
    /// Who guesses without the model.
    pub imputer: Imputer,
    /// The share of right guesses of the attack.
    pub attack: Arm,
    /// The share of right guesses without the model, from everything else about the record and its label.
    pub imputation: Arm,
    /// The share of right guesses of whoever always names the most frequent value.
    pub prior: Arm,
    /// The headline: the attack's share minus that of imputation among members, minus the same among non-members.
    pub difference: Figure,
    /// One-sided upper bound on the headline, at the audit's level.
    pub upper: f64,
    /// The test of "the headline is 0" by permutation of who is a member.
    pub test: DetectionTest,
    /// Permutations drawn.
    pub permutations: u64,
    /// The control with unrelated models: the headline with reference models in the target's place, and the target's members. None where there are too few.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unrelated: Option<Unrelated>,
    /// The attack where it is known what there is to find. None without models whose rows are known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub positive: Option<AttributeControl>,
    /// The attack's share among members minus that among non-members.
    pub advantage: Figure,
    /// The attack beside imputation on the same members, and on the same non-members.
    pub beyond: [Beyond; 2],
    /// Of the `k` surest guesses. None where a side has fewer than `k` records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub surest: Option<Surest>,
    /// What the attack achieves on members beyond its share on non-members, as a part of what is left to achieve (Giomi et al. 2023). None where persons are
    /// counted, or nothing is left.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub residual: Option<Figure>,
    /// Smallest headline that the sample shows with the declared power, if the two kinds of guesses scatter as they do here.
    pub detectable: Option<f64>,
    /// The headline for parts of the data.
    pub slices: Vec<AttributeSlice>,
}

/// Who guesses an attribute without the model.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Imputer {
    /// The attack that does so.
    pub attack: String,
    /// Records with known values that it learned from.
    pub rows: u64,
    /// Members among the audited records: what the target learned from, as far as is known.
    pub target_rows: u64,
}

/// A figure with its interval, from units drawn again.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figure {
    /// The figure.
    pub value: f64,
    /// Its interval.
    pub interval: Interval,
}

/// How well the value is guessed.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Arm {
    /// On members.
    pub members: Accuracy,
    /// On non-members.
    pub non_members: Accuracy,
}

/// How well the value is guessed of some units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Accuracy {
    /// Share of right guesses; of persons, the mean of their shares.
    pub share: f64,
    /// Its interval: Clopper-Pearson for records, from persons drawn again for persons.
    pub interval: Interval,
    /// Geometric mean, over the values that occur, of the share of guesses of this very value among records of each: not carried by a frequent value.
    pub g_mean: f64,
    /// Correlation of guesses and values (Matthews; Gorodkin 2004 for more than two): 0 where guesses are all one.
    pub correlation: f64,
}

/// The attack beside imputation on the same units.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Beyond {
    /// The attack's share minus that of imputation.
    pub gain: Figure,
    /// Records of which only the attack is right.
    pub wins: u64,
    /// Records of which only imputation is right.
    pub losses: u64,
    /// McNemar's exact one-sided p-value of "the attack is right no more often", records taken as independent.
    pub p: f64,
}

/// Right ones among the surest guesses, by the distance of the best score from the second.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Surest {
    /// Guesses taken, as declared.
    pub k: u64,
    /// Of the attack on members and on non-members.
    pub attack: [Rate; 2],
    /// Of imputation on members and on non-members.
    pub imputation: [Rate; 2],
}

/// What the attack finds on reference models in the target's place, each against its own rows.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttributeControl {
    /// Models that played the target.
    pub models: u64,
    /// The headline on those models, averaged.
    pub difference: f64,
    /// The individual effect: how much oftener the attack is right of a record on the models fitted with it than on those fitted without, averaged over the
    /// records that both kinds of models know. None without such records.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub individual: Option<Figure>,
    /// Those records, or persons.
    pub units: u64,
    /// How often the test sees the smallest difference that matters, in simulated audits of this size in which so many guesses on those models are mixed
    /// that it is the true one; None where the attack does not find as much.
    pub detected: Option<Rate>,
}

/// The headline for a part of the data.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct AttributeSlice {
    /// How the data are cut.
    pub kind: SliceKind,
    /// The part.
    pub value: String,
    /// Members in it.
    pub members: u64,
    /// Non-members in it.
    pub non_members: u64,
    /// The attack's share of right guesses among its members; None where a side is too small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub share: Option<f64>,
    /// The headline; None where a side is too small.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difference: Option<Figure>,
}
