//! # Faces from a classifier (MIFace)
//!
//! **Idea.** Starting from nothing, an input is changed again and again so that the model is surer that it belongs to a class. What the model is surest of
//! may look like those it was trained on: where a class is a person, like that person.
//!
//! **Threat model.** The attacker knows the classes by name or number, puts any input to the model, and sees probabilities or logits. Either the model
//! itself is at hand, or whoever has it tells gradients; or else gradients are estimated from the answers to many more questions.
//!
//! **Formula.** With c(x) = 1 − p_y(x), x_{t+1} = process(x_t − λ ∇c(x_t)), within the bounds of inputs. A walk ends where c(x_t) is not below the largest of the
//! last β costs, where p_y(x_t) reaches `confidence`, or after `steps`; what is given is the x_t of the least cost. The score is its p_y. The step λ counts
//! in units of each value’s range. `process` is a blur of images, or nothing.
//!
//! **Paper.** Fredrikson, Jha and Ristenpart, *Model Inversion Attacks that Exploit Confidence Information and Basic Countermeasures*, ACM CCS 2015,
//! algorithm 1. There γ bounds the cost; here `confidence` is what remains of 1.
//!
//! **Cost.** At most `starts` × (`steps` + 1) questions per class; where gradients are estimated, 1 + 2 `samples` in the place of each of the first `steps`;
//! one more per start where there are groups.
//!
//! **When it fails.** Of deep networks the result mostly looks like noise: confidence is reached without a likeness. Where a class has many members, the
//! result is at best their average, which is nobody. Where p_y is nearly 0 at the start, its gradient is too.

use paname_core::{Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Asking, Gradient, Wanted};
use crate::climb::{Climb, Penalties, run};
use crate::estimated::Estimate;
use crate::objective::Objective;
use crate::space::{Begin, Inputs};
use crate::step::{Rule, Stepping};

/// Parameters of [`Miface`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Numbers of the classes to rebuild; all where none are named.
    pub classes: Vec<u32>,
    /// Walks of each class, at least 1.
    pub starts: usize,
    /// Where walks begin: `zeros`, `mean` (of the population) or `noise`.
    pub begin: Begin,
    /// The most steps of a walk, at least 1 (α).
    pub steps: usize,
    /// Length of a step for a gradient of 1, in units of each value’s range; above 0 (λ).
    pub rate: f64,
    /// Costs that a walk looks back at, at least 1: it ends where it is no better than the worst of them (β).
    pub patience: usize,
    /// A walk ends where the class has this probability; above 0. Above 1, none does (1 − γ).
    pub confidence: f64,
    /// Pixels to each side over which images are averaged after each step; 0 for none.
    pub blur: usize,
    /// Where gradients come from: `given` by the target, `estimated` from its answers, or `auto`: given where the target gives them.
    pub gradient: Gradient,
    /// How gradients are estimated, where they are.
    pub estimate: Estimate,
    /// Which answers are looked at: `logits`, `probabilities`, or `auto`: logits where they are granted.
    pub outputs: Wanted,
    /// What inputs may be.
    pub input: Inputs,
    /// Inputs per question, at least 1.
    pub batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            starts: 1,
            begin: Begin::Zeros,
            steps: 5000,
            rate: 0.1,
            patience: 100,
            confidence: 0.99,
            blur: 0,
            gradient: Gradient::default(),
            estimate: Estimate::default(),
            outputs: Wanted::default(),
            input: Inputs::default(),
            batch: 128,
        }
    }
}

/// Rebuilds an input of each class by gradient descent on what its probability lacks.
pub struct Miface {
    config: Config,
    climb: Climb,
}

impl Config {
    fn asking(&self) -> Asking<'_> {
        Asking {
            classes: &self.classes,
            starts: self.starts,
            begin: self.begin,
            steps: self.steps,
            gradient: self.gradient,
            estimate: &self.estimate,
            outputs: self.outputs,
            inputs: &self.input,
            again: !self.input.groups.is_empty(),
            batch: self.batch,
        }
    }
}

impl Attack for Miface {
    const INFO: Info = Info {
        name: "miface",
        version: 1,
        family: Family::ModelInversion,
        title_fr: "Visages tirés d’un classifieur (MIFace)",
        title_en: "Faces from a classifier (MIFace)",
        summary_fr: "En suivant la confiance du modèle, on reconstitue à quoi ressemble une classe, donc parfois une personne.",
        summary_en: "Following the model’s confidence rebuilds what a class looks like, which may be a person.",
        formula: "x ← x − λ ∇(1 − p_y(x))",
        paper: "Fredrikson, Jha and Ristenpart, Model Inversion Attacks that Exploit Confidence Information and Basic Countermeasures, 2015, doi 10.1145/2810103.2813677",
        source: include_str!("miface.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.asking().check()?;
        if !(config.rate > 0.0 && config.rate.is_finite()) {
            return Err(Error::Config(format!("`rate` must be above 0, got {}", config.rate)));
        }
        if config.patience == 0 {
            return Err(Error::Config("`patience` must be at least 1, got 0".into()));
        }
        if config.confidence.is_nan() || config.confidence <= 0.0 {
            return Err(Error::Config(format!("`confidence` must be above 0, got {}", config.confidence)));
        }
        let climb = Climb {
            objective: Objective::OneMinusProbability,
            penalties: Penalties::default(),
            stepping: Stepping { rule: Rule::Momentum, momentum: 0.0, second: 0.0 },
            rate: config.rate,
            patience: config.patience,
            confidence: config.confidence,
            blur: config.blur,
            jitter: 0,
        };
        Ok(Self { config, climb })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let (gradient, outputs) = (config.gradient.settled(size), config.outputs.settled(size));
        Config { gradient, outputs, ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        self.config.asking().needs()
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        run(case, ctx, &self.config.asking(), &self.climb)
    }
}
