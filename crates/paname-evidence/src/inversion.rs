//! The numbers of one test that rebuilds inputs.

use std::collections::BTreeMap;

use paname_stats::Rate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{DetectionTest, Figure};

/// What an attack rebuilt, in numbers. That a class is recognised in what was rebuilt shows nothing of a person: an average of its members does as much. What
/// counts is whether what was rebuilt lies nearer to pictures that the model was trained on than to others of the same class.
///
/// The unit is the class, or the person where classes are persons, of which the start that the attack itself is surest of counts: starts are no samples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct InversionResult {
    /// Whether each class is a person.
    pub persons: bool,
    /// Classes that were aimed at and have members among the audited records.
    pub classes: u64,
    /// Classes that were aimed at and of which the model saw no record: the population shows them, and nobody audited is of them.
    pub control_classes: u64,
    /// Inputs rebuilt in all.
    pub rebuilt: u64,
    /// How the searches ended, and how many did so.
    pub endings: BTreeMap<String, u64>,
    /// Whether the budget ran out before the attack was done.
    pub partial: bool,
    /// What recognition by chance comes to: one of the model's classes.
    pub chance: f64,
    /// Level of the audit, that adjusted p-values are held against.
    pub alpha: f64,
    /// The independent model that looks at what was rebuilt; None where the manifest names none: then likeness is that of the values or tokens themselves.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub evaluator: Option<Evaluator>,
    /// By what likeness is measured.
    pub likeness: Likeness,
    /// What was rebuilt of classes that the model was trained on.
    pub attack: Rebuilt,
    /// The same without anything that makes inputs plausible. None where that arm could not run to its end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub unregularised: Option<Rebuilt>,
    /// The mean of each class, members and non-members in equal parts: what any recognisable average comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub average: Option<Rebuilt>,
    /// The mean of the members of each class, of those with two and more that are compared: what members have in common comes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub members_average: Option<Rebuilt>,
    /// Classes in which the attack came nearer to a member than the arm without regularisation, and those in which it did not. None without that arm.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub nearer: Option<Nearer>,
    /// How often the evaluator takes what was rebuilt of control classes for the class aimed at. None without an evaluator or such classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub control_recognised: Option<Rate>,
    /// The headline: within each class, whether the nearest of equally many members and non-members is a member.
    pub nearest: Nearest,
    /// The tests of the audit: of the headline, and where classes are persons of whether they are told from each other.
    pub tests: Vec<DetectionTest>,
    /// Whether pictures that the model never saw tell of which class what was rebuilt is. None with fewer than two such classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub identified: Option<Identified>,
    /// Smallest share of the headline that so many classes show with the declared power; None where none does.
    pub detectable: Option<f64>,
    /// What was rebuilt, where the manifest lets it be shown.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gallery: Option<Gallery>,
    /// What was rebuilt of texts, in words, where the manifest lets it be shown and says which they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub texts: Option<RebuiltTexts>,
}

/// By what the likeness of two inputs is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Likeness {
    /// What the evaluator says of inputs; their values, or the tokens of texts, where there is no evaluator.
    Features,
    /// The values of inputs.
    Values,
    /// The tokens of texts, whatever their order: of texts of a and b different tokens that have c in common, the squared distance is 2 − 2 c ∕ √(a b).
    Tokens,
}

/// A model of another architecture that looks at what was rebuilt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Evaluator {
    /// Its name.
    pub name: String,
    /// Its fingerprint, which is not the target's.
    pub fingerprint: String,
    /// How often it is right of audited members.
    pub members: Rate,
    /// How often it is right of audited non-members.
    pub non_members: Rate,
    /// Numbers by which likeness is measured: what it says of an input; or the values of an input, or the tokens of all texts, where these are compared.
    pub features: u64,
}

/// What one arm rebuilt, one input per class.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Rebuilt {
    /// How often the evaluator takes it for the class aimed at. None without an evaluator.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognised: Option<Rate>,
    /// The same where the class may be any of its five likeliest. None below eleven classes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recognised_in_five: Option<Rate>,
    /// The share of starts that the evaluator takes for the class aimed at, the mean over classes, its interval over classes. None of what has one start.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts: Option<Figure>,
    /// Squared distance to the nearest member of the class, the mean over classes, in units of the mean between two members of a class.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub distance: Option<Figure>,
    /// How often the nearest of equally many members and non-members is a member.
    pub nearest: Rate,
    /// How much of texts it gives again. None where likeness is not that of tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub recall: Option<Recall>,
}

/// How much of a text stands in what was rebuilt of its class: of each class the greatest share of a text's different tokens, among the members and among as
/// many non-members. Figures are means over classes, with intervals over classes.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Recall {
    /// Among members.
    pub members: Figure,
    /// Among non-members: what a text of the class has in common with any.
    pub others: Figure,
    /// The first less the second.
    pub difference: Figure,
}

/// Classes in which one arm came nearer to a member than the other.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Nearer {
    /// Classes in which the attack did.
    pub wins: u64,
    /// Classes in which the other arm did.
    pub losses: u64,
    /// One-sided p-value of "neither is nearer" (sign test).
    pub p: f64,
}

/// The headline.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Nearest {
    /// Classes with members and non-members, and those whose nearest is a member.
    pub members: Rate,
    /// Classes in which members and non-members were equally near, so that the nearest of them was drawn by chance.
    #[serde(default)]
    pub drawn: u64,
    /// Fewest and most members of a class, and as many non-members, that were compared.
    pub gallery: (u64, u64),
    /// One-sided p-value of the headline by permutation of who is a member within each class, of the probability that a member is nearer than a non-member.
    pub permutation_p: f64,
    /// That probability: the mean over classes, ½ where the model tells nothing of its members.
    pub nearer: Figure,
}

/// Whether what was rebuilt is told from other classes by pictures that the model never saw.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Identified {
    /// Classes whose nearest picture is one of their own.
    pub first: Rate,
    /// Classes that it could be, control classes among them.
    pub among: u64,
    /// What chance comes to.
    pub chance: f64,
    /// One-sided exact p-value of "no better than chance".
    pub p: f64,
    /// Classes whose nearest picture is one of a control class, where there are any.
    pub as_control: u64,
}

/// Pictures of what was rebuilt.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Gallery {
    /// A picture, PNG in base 64: a column per class; below each other what the attack, the arm without regularisation, the class's mean came to.
    pub png: String,
    /// The classes, in the order of the columns.
    pub classes: Vec<u32>,
    /// What the rows are: `attack`, `unregularised`, `average`.
    pub rows: Vec<String>,
    /// Whether it is blurred.
    pub blurred: bool,
}

/// Texts that were rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RebuiltTexts {
    /// Of each class the one that the attack is surest of.
    pub texts: Vec<RebuiltText>,
    /// Whether only the first letter of each word is shown.
    pub masked: bool,
}

/// A text that was rebuilt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RebuiltText {
    /// The class aimed at.
    pub class: u32,
    /// Its words, in their order; of a token without a word its number in brackets.
    pub words: Vec<String>,
}
