//! What the attacks share that put inputs to the model: which answers and gradients, for which classes, and what that costs.

use paname_core::{Access, Case, CaseSize, Ctx, Error, Needs, Outputs, Result, Task, Tensor};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::estimated::Estimate;
use crate::objective::Answers;
use crate::space::{Begin, Inputs};

/// Where gradients come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Gradient {
    /// From the target where it gives them, from its answers elsewhere.
    #[default]
    Auto,
    /// From the target.
    Given,
    /// From the target’s answers to probes.
    Estimated,
}

/// Which answers are looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Wanted {
    /// Logits where they are granted, probabilities elsewhere.
    #[default]
    Auto,
    /// Logits.
    Logits,
    /// Probabilities.
    Probabilities,
}

impl Gradient {
    /// The choice that a case calls for.
    pub(crate) fn settled(self, size: &CaseSize) -> Self {
        match self {
            Self::Auto if size.granted.contains(Access::INPUT_GRADIENT) => Self::Given,
            Self::Auto => Self::Estimated,
            made => made,
        }
    }
}

impl Wanted {
    /// The choice that a case calls for.
    pub(crate) fn settled(self, size: &CaseSize) -> Self {
        match self {
            Self::Auto if size.granted.contains(Access::LOGITS) => Self::Logits,
            Self::Auto => Self::Probabilities,
            made => made,
        }
    }
}

impl Wanted {
    /// The answers that a run looks at. Fails where inversion has nothing to look at.
    pub(crate) fn chosen(self, case: &Case<'_>) -> Result<Answers> {
        if case.task() != Task::Classification {
            return Err(Error::Unsupported(format!(
                "inversion of the classes of a model of {}",
                case.task()
            )));
        }
        let offered = case.granted() & case.target().card().offers();
        if !offered.contains(Access::NEW_INPUTS) {
            return Err(Error::Denied(Access::NEW_INPUTS));
        }
        let answers = match self {
            Self::Logits => Answers::Logits,
            Self::Auto if offered.contains(Access::LOGITS) => Answers::Logits,
            Self::Auto | Self::Probabilities => Answers::Probabilities,
        };
        if !offered.contains(access(answers)) {
            return Err(Error::Denied(access(answers)));
        }
        Ok(answers)
    }

    /// The access that is needed, whatever is chosen.
    pub(crate) fn least(self) -> Access {
        if self == Self::Logits { Access::LOGITS } else { Access::PROBABILITIES }
    }

    /// Tells what was chosen where it was left open.
    pub(crate) fn tell(self, ctx: &Ctx<'_>, answers: Answers) {
        if self == Self::Auto {
            ctx.chose("outputs", if answers == Answers::Logits { "logits" } else { "probabilities" });
        }
    }
}

/// Checks that none of these parameters is 0.
pub(crate) fn check_counts(counts: &[(&str, usize)]) -> Result<()> {
    match counts.iter().find(|(_, value)| *value == 0) {
        Some((key, _)) => Err(Error::Config(format!("`{key}` must be at least 1, got 0"))),
        None => Ok(()),
    }
}

/// Checks that classes are named once.
pub(crate) fn check_classes(classes: &[u32]) -> Result<()> {
    for (i, class) in classes.iter().enumerate() {
        if classes[..i].contains(class) {
            return Err(Error::Config(format!("`classes`: class {class} stands twice")));
        }
    }
    Ok(())
}

/// Declares the parameters of an attack that takes walks: its own, each with its default, after those that all such attacks have and whose defaults come first.
/// What the manifest may say stays one flat table of which every key is known: `serde` does not support `flatten` together with `deny_unknown_fields`, and a
/// flattened table would have the same defaults everywhere.
macro_rules! parameters {
    (
        $(#[$about:meta])*
        starts: $starts:expr, begin: $begin:expr, steps: $steps:expr;
        $($(#[$field_about:meta])* $field:ident: $kind:ty = $default:expr,)*
    ) => {
        $(#[$about])*
        #[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
        #[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
        pub struct Config {
            /// Numbers of the classes to rebuild; all where none are named.
            pub classes: Vec<u32>,
            /// Walks of each class, at least 1.
            pub starts: usize,
            /// Where walks begin: `noise`, `mean` (of the population) or `zeros`.
            pub begin: $crate::Begin,
            /// The most steps of a walk, at least 1.
            pub steps: usize,
            $($(#[$field_about])* pub $field: $kind,)*
            /// Where gradients come from: `given` by the target, `estimated` from its answers, or `auto`: given where the target gives them.
            pub gradient: $crate::Gradient,
            /// How gradients are estimated, where they are.
            pub estimate: $crate::estimated::Estimate,
            /// Which answers are looked at: `logits`, `probabilities`, or `auto`: logits where they are granted.
            pub outputs: $crate::Wanted,
            /// What inputs may be.
            pub input: $crate::Inputs,
            /// Inputs per question, at least 1.
            pub batch: usize,
        }

        impl Default for Config {
            fn default() -> Self {
                Self {
                    classes: Vec::new(),
                    starts: $starts,
                    begin: $begin,
                    steps: $steps,
                    $($field: $default,)*
                    gradient: Default::default(),
                    estimate: Default::default(),
                    outputs: Default::default(),
                    input: Default::default(),
                    batch: 128,
                }
            }
        }

        impl Config {
            /// What is asked, once more about what is found where `again` says so.
            fn asking(&self, again: bool) -> $crate::asking::Asking<'_> {
                $crate::asking::Asking {
                    classes: &self.classes,
                    starts: self.starts,
                    begin: self.begin,
                    steps: self.steps,
                    gradient: self.gradient,
                    estimate: &self.estimate,
                    outputs: self.outputs,
                    inputs: &self.input,
                    again: again || !self.input.groups.is_empty(),
                    views: 1,
                    batch: self.batch,
                }
            }

            /// The same with the choices that a case of this size calls for.
            fn settled(self, size: &paname_core::CaseSize) -> Self {
                let (gradient, outputs) = (self.gradient.settled(size), self.outputs.settled(size));
                Self { gradient, outputs, ..self }
            }
        }
    };
}
pub(crate) use parameters;

/// The parameters that all attacks have, whatever they are called there.
pub(crate) struct Asking<'a> {
    pub(crate) classes: &'a [u32],
    pub(crate) starts: usize,
    pub(crate) begin: Begin,
    pub(crate) steps: usize,
    pub(crate) gradient: Gradient,
    pub(crate) estimate: &'a Estimate,
    pub(crate) outputs: Wanted,
    pub(crate) inputs: &'a Inputs,
    /// Whether what is found is asked about once more.
    pub(crate) again: bool,
    /// Views of each place that a step asks about.
    pub(crate) views: usize,
    pub(crate) batch: usize,
}

/// Choices that a run makes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// Whether gradients are estimated.
    pub(crate) estimated: bool,
    pub(crate) answers: Answers,
}

impl Asking<'_> {
    pub(crate) fn check(&self) -> Result<()> {
        check_counts(&[("starts", self.starts), ("steps", self.steps), ("batch", self.batch)])?;
        check_classes(self.classes)?;
        self.estimate.check()?;
        self.inputs.check()
    }

    /// The most questions that one class costs.
    fn questions(&self, estimated: bool) -> u64 {
        let each = if estimated { self.estimate.questions() } else { 1 };
        let each = each.saturating_mul(self.views as u64);
        // One more about the last place, and one about what comes out.
        let last = 1 + u64::from(self.again);
        (self.starts as u64).saturating_mul((self.steps as u64).saturating_mul(each).saturating_add(last))
    }

    /// What a run needs.
    pub(crate) fn needs(&self) -> Needs {
        let answers = self.outputs.least();
        let gradient =
            if self.gradient == Gradient::Given { Access::INPUT_GRADIENT } else { Access::empty() };
        let one = self.questions(self.gradient != Gradient::Given);
        let (queries, queries_per_class) = per_class(self.classes, one);
        Needs {
            access: Access::NEW_INPUTS | answers | gradient,
            population_min: usize::from(self.begin == Begin::Mean),
            queries,
            queries_per_class,
            ..Needs::default()
        }
    }

    /// Makes the choices that were left open.
    pub(crate) fn choose(&self, case: &Case<'_>) -> Result<Chosen> {
        let answers = self.outputs.chosen(case)?;
        let offered = case.granted() & case.target().card().offers();
        let estimated = match self.gradient {
            Gradient::Given if !offered.contains(Access::INPUT_GRADIENT) => {
                let questions = self.questions(true);
                return Err(Error::Config(format!(
                    "`gradient`: the target gives no gradients; with \"estimated\" the attack runs, at most {questions} questions for each class"
                )));
            }
            Gradient::Given => false,
            Gradient::Estimated => true,
            Gradient::Auto => !offered.contains(Access::INPUT_GRADIENT),
        };
        Ok(Chosen { estimated, answers })
    }

    /// The classes that are rebuilt.
    pub(crate) fn classes(&self, case: &Case<'_>) -> Result<Vec<u32>> {
        classes_of(self.classes, case)
    }

    /// Says what a run costs at most, in words.
    pub(crate) fn announce(&self, ctx: &Ctx<'_>, classes: usize, chosen: Chosen) {
        let one = self.questions(chosen.estimated);
        let gradient = if chosen.estimated { "estimated" } else { "given" };
        let all = one.saturating_mul(classes as u64);
        ctx.log(&format!(
            "gradients are {gradient}: {classes} classes of {} starts and {} steps, at most {all} questions",
            self.starts, self.steps
        ));
        if self.gradient == Gradient::Auto {
            ctx.chose("gradient", gradient);
        }
        self.outputs.tell(ctx, chosen.answers);
    }
}

/// Questions of a run and of each class besides, where one class costs so many: of named classes, or of each that there is.
pub(crate) fn per_class(named: &[u32], one: u64) -> (u64, u64) {
    match named.len() as u64 {
        0 => (0, one),
        classes => (one.saturating_mul(classes), 0),
    }
}

/// The classes that are rebuilt: those that are named, or all.
pub(crate) fn classes_of(named: &[u32], case: &Case<'_>) -> Result<Vec<u32>> {
    match case.classes() {
        Some(known) => {
            if let Some(class) = named.iter().find(|class| **class as usize >= known) {
                return Err(Error::Config(format!("`classes`: expected numbers below {known}, got {class}")));
            }
            if known == 0 || u32::try_from(known).is_err() {
                return Err(Error::mismatch("classes of the target", "at least 1", known));
            }
            Ok(if named.is_empty() { (0..known as u32).collect() } else { named.to_vec() })
        }
        None if named.is_empty() => {
            Err(Error::Config("the target does not say how many classes it has: set `classes`".into()))
        }
        None => Ok(named.to_vec()),
    }
}

/// The access that answers are.
pub(crate) fn access(answers: Answers) -> Access {
    match answers {
        Answers::Logits => Access::LOGITS,
        Answers::Probabilities => Access::PROBABILITIES,
    }
}

/// The answers `[rows, classes]`, one of them for each class that is rebuilt.
pub(crate) fn answered(outputs: &Outputs, answers: Answers, rows: usize) -> Result<&Tensor> {
    outputs.check_rows(rows)?;
    let field = match answers {
        Answers::Logits => &outputs.logits,
        Answers::Probabilities => &outputs.probabilities,
    };
    let tensor = field.as_ref().ok_or(Error::Denied(access(answers)))?;
    if tensor.shape().len() == 2 {
        return Ok(tensor);
    }
    Err(Error::mismatch("answers", "[records, classes]", format!("shape {:?}", tensor.shape())))
}

/// Cotangents of answers.
pub(crate) fn cotangent(answers: Answers, tensor: Tensor) -> Outputs {
    match answers {
        Answers::Logits => Outputs { logits: Some(tensor), ..Outputs::default() },
        Answers::Probabilities => Outputs { probabilities: Some(tensor), ..Outputs::default() },
    }
}
