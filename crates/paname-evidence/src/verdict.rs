//! The closed list of verdicts, and why they were given.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The outcome of one row of the audit, the worst first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// The attack tells members from non-members beyond chance, and the controls leave no other explanation.
    LeakDemonstrated,
    /// The test ran or could have run, but neither a leak nor its absence follows.
    Inconclusive,
    /// The attack finds less than the smallest effect that matters, and controls show that it would have seen more. It bounds what this attack finds,
    /// with this access and on these data, and nothing else.
    NoLeakDetected,
    /// The test did not run, for the reason given.
    NotTested,
    /// The test makes no sense for this model or these data.
    NotApplicable,
}

/// A figure of a model that can be declared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Measure {
    /// Share of right answers.
    #[default]
    Accuracy,
    /// Mean cross-entropy.
    Loss,
}

impl Measure {
    /// What a document without this field means.
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "serde hands over a reference")]
    fn is_accuracy(&self) -> bool {
        *self == Self::Accuracy
    }
}

/// A usual slip between a model's training and its audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "kind", rename_all = "snake_case", deny_unknown_fields)]
pub enum Cause {
    /// Inputs have another scale than those of the training.
    Normalisation {
        /// What brings the declared figures back.
        how: Scaling,
    },
    /// Colours stand in another order.
    ChannelOrder,
    /// Classes have other numbers.
    LabelOrder,
    /// The model is in training mode: its answers depend on chance or on the batch.
    EvaluationMode,
    /// The axes of the inputs stand in another order.
    Layout,
}

/// A change of the scale of inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Scaling {
    /// Values times 255.
    #[serde(rename = "times_255")]
    Times255,
    /// Values divided by 255.
    #[serde(rename = "divided_by_255")]
    DividedBy255,
    /// Mean 0 and standard deviation 1, each channel or column apart.
    Standardised,
}

/// An attack that could run, and what it would ask.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PossibleAttack {
    /// Its name.
    pub attack: String,
    /// Questions that it would put, at most.
    pub questions: u64,
}

/// Why a row has its verdict. Codes and numbers only; the report words them.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "code", rename_all = "snake_case", deny_unknown_fields)]
pub enum Reason {
    /// Significant after correction for all detection tests of the audit.
    Significant {
        /// Smallest adjusted p-value of the row.
        p_adjusted: f64,
        /// The audit's level.
        alpha: f64,
    },
    /// Not significant after correction.
    NotSignificant {
        /// Smallest adjusted p-value of the row.
        p_adjusted: f64,
        /// The audit's level.
        alpha: f64,
    },
    /// The control with unrelated models passed: the attack finds more on the target than on models that have nothing to do with these members.
    AboveUnrelatedModels {
        /// Smallest adjusted p-value of a test together with its control.
        p: f64,
    },
    /// The attack finds about as much on unrelated models: members and non-members differ by themselves.
    Confounded {
        /// Smallest adjusted p-value of a test together with its control.
        p: f64,
        /// Level that it had to reach.
        alpha: f64,
    },
    /// No control could exclude that members and non-members differ by themselves, and the manifest does not say that chance drew them.
    ShiftNotExcluded,
    /// The manifest states that chance drew the members from one pool, so that no shift is possible.
    RandomSplitDeclared,
    /// Too few members or non-members for any statement.
    TooFew {
        /// Needed on each side.
        needed: u64,
        /// Members that there are.
        members: u64,
        /// Non-members that there are.
        non_members: u64,
    },
    /// Too few groups all of members, or all of non-members, for any statement about an attack that judges groups.
    TooFewGroups {
        /// Needed on each side.
        needed: u64,
        /// Groups of members that there are.
        members: u64,
        /// Groups of non-members that there are.
        non_members: u64,
        /// Fewest records of a group.
        size: u64,
        /// Members, and as many non-members, that it takes.
        records: u64,
    },
    /// Every score is the same.
    AllTied,
    /// The attack needs more reference models, or other ones.
    References {
        /// What is short, as the attack words it (English).
        what: String,
        /// Needed.
        needed: u64,
        /// Given.
        got: u64,
    },
    /// The attack needs access that is not granted or not offered.
    Access {
        /// Names of what is missing.
        missing: Vec<String>,
    },
    /// The attack was told to use gradients, which the target does not give; by estimates from answers it could run.
    NoGradients {
        /// Questions that it would put, at most.
        questions: u64,
        /// Questions allowed; None where there is no limit.
        allowed: Option<u64>,
        /// Whether it is the generator, through which gradients would have to come, that gives none.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        generator: bool,
    },
    /// The attacks that rebuild inputs and could run here with their default parameters, in the place of one that cannot; empty where none could.
    Possible {
        /// A few of them, those that ask the least first.
        attacks: Vec<PossibleAttack>,
    },
    /// The test would ask the target about more records than the manifest allows.
    Budget {
        /// Records to ask about.
        needed: u64,
        /// Records allowed.
        allowed: u64,
        /// Of them for each class, where the attack asks about classes.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        per_class: Option<u64>,
    },
    /// A measured figure of the target is not the declared one: the model or the data are not what the manifest says.
    Fidelity {
        /// `train` or `test`.
        side: String,
        /// What was declared and measured.
        #[serde(default, skip_serializing_if = "Measure::is_accuracy")]
        measure: Measure,
        /// Declared figure.
        declared: f64,
        /// Measured figure.
        measured: f64,
        /// Likely causes, the likeliest first: with the slip undone, what was declared is found again.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        causes: Vec<Cause>,
    },
    /// A declared figure of the target cannot be measured with the access granted: whether the model is the declared one is open.
    DeclaredUnmeasured,
    /// The manifest declares neither accuracy nor loss, so that nothing shows that this is the model.
    FidelityUndeclared,
    /// Reference models overfit much more than the target, or much less: they are poor stand-ins, and an attack that rests on them may find less
    /// than there is.
    ProxyMismatch {
        /// The target's accuracy on members minus that on non-members.
        target: f64,
        /// The mean of the same gap of the reference models.
        references: f64,
        /// How far apart the two may lie.
        allowed: f64,
    },
    /// Reference models were fitted more often, or less often, with members than with non-members: their rows alone tell who is a member.
    ReferencesTellMembers {
        /// Two-sided p-value of "the number of reference models fitted with a record says nothing about its membership".
        p: f64,
    },
    /// A person's score is the largest of its records', and members have more records, or fewer, than non-members: that alone moves the scores.
    RecordCountsTellMembers {
        /// Two-sided p-value of "the number of records of a person says nothing about its membership".
        p: f64,
    },
    /// The sample is too small to see the smallest effect that the audit was to find.
    Underpowered {
        /// Smallest excess of the true-positive rate over a declared level that the test detects; None where it can detect none.
        detectable: Option<f64>,
        /// Smallest excess that matters, as declared.
        wanted: f64,
    },
    /// The manifest asks for no test of this family.
    NotRequested,
    /// The manifest declares that the test makes no sense here.
    DeclaredNotApplicable {
        /// Its reason, in the manifest's words.
        why: String,
    },
    /// The model has no such task or output.
    Task,
    /// The attack rebuilds texts where the manifest declares none, or something else where it declares that records are texts.
    Texts {
        /// Whether texts are what it rebuilds.
        rebuilt: bool,
    },
    /// The attack failed.
    Failed {
        /// Its error (English).
        message: String,
    },
    /// At every declared level that the sample resolves, members are flagged less often in excess of non-members than what matters.
    BelowMargin {
        /// Largest upper bound on the excess.
        upper: f64,
        /// Smallest excess that matters, as declared.
        wanted: f64,
        /// Members or persons that may be exposed without this test seeing them.
        units: u64,
    },
    /// The excess of the true-positive rate cannot be shown to lie below what matters.
    NotBelowMargin {
        /// Largest upper bound on the excess.
        upper: f64,
        /// Smallest excess that matters, as declared.
        wanted: f64,
    },
    /// The sample resolves none of the declared levels, so that no absence can be shown.
    NoLevelResolved,
    /// No model was there on which the attack is known to have something to find.
    NoPositiveControl,
    /// Where the attack is known to have something to find, it does not see the smallest effect that matters often enough.
    PositiveControlFailed {
        /// Share of the simulated audits in which it was seen; None where the attack never finds as much.
        detected: Option<f64>,
        /// Share that was asked.
        wanted: f64,
    },
    /// The positive control passed: the attack sees the smallest effect that matters where it is known to be there.
    PositiveControlPassed {
        /// Share of the simulated audits in which it was seen, at the level where it was seen least.
        detected: f64,
    },
    /// A classifier that never sees the model tells members from non-members, though chance is declared to have drawn them.
    ShiftSeen {
        /// Its AUC.
        auc: f64,
        /// Its p-value.
        p: f64,
    },
    /// The attack is not better than a classifier that never sees the model.
    NotBeyondBlind {
        /// The classifier's AUC.
        auc: f64,
        /// Adjusted p-value of the difference.
        p: f64,
    },
    /// An attribute is guessed better of members than of non-members by less than what matters.
    DifferenceBelowMargin {
        /// Upper bound on the difference in differences.
        upper: f64,
        /// Smallest difference that matters, as declared.
        wanted: f64,
    },
    /// It cannot be shown that the difference in differences lies below what matters.
    DifferenceNotBelowMargin {
        /// Upper bound on the difference in differences.
        upper: f64,
        /// Smallest difference that matters, as declared.
        wanted: f64,
    },
    /// The sample is too small to see the smallest difference in differences that the audit was to find.
    DifferenceUnderpowered {
        /// Smallest difference that the test detects with the declared power.
        detectable: Option<f64>,
        /// Smallest difference that matters, as declared.
        wanted: f64,
    },
    /// The attack guesses the attribute better than the prior does, of members and non-members alike: that is knowledge about a population, which is no leak.
    PopulationInference {
        /// Share of right guesses of the attack on non-members.
        attack: f64,
        /// The same of whoever always names the most frequent value.
        prior: f64,
    },
    /// Whoever guesses without the model learned from fewer records than the target: a better one may leave less to the attack.
    ImputerKnowsLess {
        /// Records that it learned from.
        rows: u64,
        /// Members among the audited records.
        target_rows: u64,
    },
    /// What was rebuilt lies nearer to pictures that the model was trained on than to others of the same class: those persons’ own.
    PersonRebuilt {
        /// Classes whose nearest picture is a member.
        hits: u64,
        /// Classes that were compared.
        classes: u64,
    },
    /// What was rebuilt of persons is told from others by pictures that the model never saw: their looks can be taken from the model.
    PersonsIdentified {
        /// Persons whose nearest picture is one of their own.
        hits: u64,
        /// Persons that were aimed at.
        classes: u64,
        /// What chance comes to, as a share.
        chance: f64,
    },
    /// What was rebuilt is recognised, and lies no nearer to members than to others: the average of a class, which is nobody.
    AverageRebuilt {
        /// Share of the classes in which the evaluator recognises what was rebuilt.
        recognised: f64,
        /// What chance comes to.
        chance: f64,
    },
    /// What was rebuilt is not recognised more often than by chance.
    NothingRebuilt {
        /// Share of the classes in which the evaluator recognises what was rebuilt.
        recognised: f64,
        /// What chance comes to.
        chance: f64,
    },
    /// No independent model looked at what was rebuilt, so that whether it is recognised is open.
    NoEvaluator,
    /// The budget ran out before the attack was done: it may find more.
    PartlyRebuilt,
    /// The evaluator is right of members more often than of others: it was likely fitted on them, and what it says of inputs points to them by itself.
    EvaluatorKnowsMembers {
        /// Its accuracy on members.
        members: f64,
        /// The same on non-members.
        non_members: f64,
        /// One-sided p-value of "no more often".
        p: f64,
    },
    /// Too few classes with members and non-members for any statement.
    TooFewClasses {
        /// Needed.
        needed: u64,
        /// There are.
        classes: u64,
    },
    /// The share of classes whose nearest picture is a member lies below what matters.
    NearestBelowMargin {
        /// Upper bound on the share.
        upper: f64,
        /// Smallest share that matters: ½ and the declared excess.
        wanted: f64,
    },
    /// It cannot be shown that the share of classes whose nearest picture is a member lies below what matters.
    NearestNotBelowMargin {
        /// Upper bound on the share.
        upper: f64,
        /// Smallest share that matters: ½ and the declared excess.
        wanted: f64,
    },
    /// So many classes cannot show the smallest share that matters.
    NearestUnderpowered {
        /// Smallest share that the test detects with the declared power; None where it can detect none.
        detectable: Option<f64>,
        /// Smallest share that matters.
        wanted: f64,
    },
    /// A test would ask the target about more candidates than the manifest allows; fewer records can be drawn.
    CandidateBudget {
        /// Questions: records times candidate values.
        needed: u64,
        /// Questions allowed.
        allowed: u64,
        /// Candidate values.
        candidates: u64,
        /// The number for `sample` in the attribute's table at which the audit fits, the population included; 0 where none does.
        sample: u64,
    },
}
