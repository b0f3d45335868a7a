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

use paname_core::{Attack, Case, CaseSize, Ctx, Family, Findings, Info, Needs, Result};

use crate::asking::{Asking, parameters};
use crate::climb::{Climb, Penalties, run};
use crate::objective::Objective;
use crate::space::Begin;
use crate::step::{Rule, Stepping};
use crate::view::Views;

parameters! {
    /// Parameters of [`Miface`].
    starts: 1, begin: Begin::Zeros, steps: 5000;
    /// Length of a step for a gradient of 1, in units of each value’s range; above 0 (λ).
    rate: f64 = 0.1,
    /// Costs that a walk looks back at, at least 1: it ends where it is no better than the worst of them (β).
    patience: usize = 100,
    /// A walk ends where the class has this probability; above 0. Above 1, none does (1 − γ).
    confidence: f64 = 0.99,
    /// Pixels to each side over which images are averaged after each step; 0 for none.
    blur: usize = 0,
}

/// Rebuilds an input of each class by gradient descent on what its probability lacks.
pub struct Miface {
    config: Config,
    climb: Climb,
}

impl Miface {
    fn asking(&self) -> Asking<'_> {
        self.config.asking(false)
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
        config.asking(false).check()?;
        let climb = Climb {
            objective: Objective::OneMinusProbability,
            penalties: Penalties::default(),
            stepping: Stepping { rule: Rule::Momentum, momentum: 0.0, second: 0.0 },
            rate: config.rate,
            patience: config.patience,
            confidence: config.confidence,
            blur: config.blur,
            views: Views::default(),
        };
        climb.check()?;
        Ok(Self { config, climb })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        config.settled(size)
    }

    fn needs(&self, _records: usize) -> Needs {
        self.asking().needs()
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        run(case, ctx, &self.asking(), &self.climb)
    }
}
