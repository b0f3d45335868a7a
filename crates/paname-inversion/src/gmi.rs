//! # Inversion with a generator (GMI)
//!
//! **Idea.** Instead of the values of an input, the few latent variables of a generator are changed until the model is sure of a class. Whatever they are,
//! what is made of them looks like an input: an image, not noise.
//!
//! **Threat model.** The attacker puts any input to the model, sees probabilities or logits, and is given gradients, or estimates them over the latent
//! variables from the answers to more questions. A generator of such inputs is at hand; where the case has none, one is fitted to its population.
//!
//! **Formula.** min over z of `weight` · L(f(G(z)), y) + `realism` · ½ ‖z‖², by steps with momentum from a z drawn from N(0, I). L is the `objective`, in the
//! paper the cross-entropy. There the second term is −D(G(z)), the opinion of the discriminator that the generator was trained against. Generators come
//! here without one: −ln of the density of z, which is ½ ‖z‖² up to a constant, stands for it. The score is p_y of the G(z) of the least sum. With `jitter` each
//! step sees the image moved at random round the edges, and the score is p_y of the last G(z), as it is.
//!
//! **Paper.** Zhang et al., *The Secret Revealer: Generative Model-Inversion Attacks Against Deep Neural Networks*, CVPR 2020, arXiv 1911.07135. The fitted
//! generator: Kingma and Welling, *Auto-Encoding Variational Bayes*, ICLR 2014, arXiv 1312.6114.
//!
//! **Cost.** At most `starts` × (`steps` + 1) questions per class; where gradients are estimated, 1 + 2 `samples` in the place of each of the first `steps`; one
//! more per start where there are groups. Questions to the generator cost nothing.
//!
//! **When it fails.** What the generator cannot make is not found: fitted to a few records, it makes blurred ones, and what is found may be nearer to the
//! population than to the class. A likeness that comes from the generator alone is no leak: judge it against what members and others look like.

use paname_core::{Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Asking, Gradient, Wanted};
use crate::estimated::Estimate;
use crate::latent::{Descent, Goal, Latent, needs, questions, walking};
use crate::objective::Objective;
use crate::prior::Prior;
use crate::space::{Begin, Inputs};
use crate::step::{Rule, Stepping};
use crate::view::{Parts, check_jitter};

/// Parameters of [`Gmi`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Numbers of the classes to rebuild; all where none are named.
    pub classes: Vec<u32>,
    /// Walks of each class, at least 1.
    pub starts: usize,
    /// Steps of a walk, at least 1.
    pub steps: usize,
    /// Length of a step, above 0.
    pub rate: f64,
    /// What is kept of the mean of gradients at each step, from 0 to below 1.
    pub momentum: f64,
    /// What is made small besides: the paper’s is `cross-entropy`; `max-margin` goes on where the model is sure.
    pub objective: Objective,
    /// Weight of the objective, from 0 to 1000000.
    pub weight: f64,
    /// Weight of what speaks against the latent variables, from 0 to 1000000.
    pub realism: f64,
    /// Pixels that images are moved by at most, at random and round the edges, from 0 to 1000: what is found does not hang on a place. The paper’s is 0.
    pub jitter: usize,
    /// The generator that inputs come from.
    pub prior: Prior,
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
            starts: 5,
            steps: 1500,
            rate: 0.02,
            momentum: 0.9,
            objective: Objective::CrossEntropy,
            weight: 100.0,
            realism: 1.0,
            jitter: 0,
            prior: Prior::default(),
            gradient: Gradient::default(),
            estimate: Estimate::default(),
            outputs: Wanted::default(),
            input: Inputs::default(),
            batch: 128,
        }
    }
}

/// Rebuilds an input of each class from the latent variables that a generator makes it of.
pub struct Gmi {
    config: Config,
    descent: Descent,
}

impl Config {
    fn asking(&self) -> Asking<'_> {
        Asking {
            classes: &self.classes,
            starts: self.starts,
            begin: Begin::Noise,
            steps: self.steps,
            gradient: self.gradient,
            estimate: &self.estimate,
            outputs: self.outputs,
            inputs: &self.input,
            again: !self.input.groups.is_empty(),
            views: 1,
            batch: self.batch,
        }
    }
}

impl Attack for Gmi {
    const INFO: Info = Info {
        name: "gmi",
        version: 1,
        family: Family::ModelInversion,
        title_fr: "Inversion par un générateur (GMI)",
        title_en: "Inversion with a generator (GMI)",
        summary_fr: "Cherchée parmi ce qu’un générateur sait produire, une donnée dont le modèle est sûr ressemble à une vraie.",
        summary_en: "Searched among what a generator can make, an input that the model is sure of looks like a real one.",
        formula: "min_z 100 CE(f(G(z)), y) + ½ ‖z‖²",
        paper: "Zhang et al., The Secret Revealer: Generative Model-Inversion Attacks Against Deep Neural Networks, 2020, arXiv 1911.07135",
        source: include_str!("gmi.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.asking().check()?;
        config.prior.check()?;
        let weights = [("weight", config.weight), ("realism", config.realism)];
        if let Some((key, value)) = weights.into_iter().find(|(_, value)| !(0.0..=1e6).contains(value)) {
            return Err(Error::Config(format!("`{key}` must be from 0 to 1000000, got {value}")));
        }
        if !(config.rate > 0.0 && config.rate.is_finite()) {
            return Err(Error::Config(format!("`rate` must be above 0, got {}", config.rate)));
        }
        if !(0.0..1.0).contains(&config.momentum) {
            let got = config.momentum;
            return Err(Error::Config(format!("`momentum` must be from 0 to below 1, got {got}")));
        }
        check_jitter(config.jitter)?;
        let descent = Descent {
            goal: Goal {
                objective: config.objective,
                weight: config.weight,
                realism: config.realism,
                features: None,
            },
            stepping: Stepping { rule: Rule::Momentum, momentum: config.momentum, second: 0.0 },
            rate: config.rate,
            views: Parts { jitter: config.jitter, ..Parts::WHOLE },
        };
        Ok(Self { config, descent })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let prior = config.prior.settled(size);
        let gradient = config.gradient.settled(&prior.through(size));
        let outputs = config.outputs.settled(size);
        Config { prior, gradient, outputs, ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        let asking = self.config.asking();
        needs(&asking, &self.config.prior, walking(&asking), 0, questions(&asking))
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let asking = self.config.asking();
        let chosen = asking.choose(case)?;
        let latent = Latent::of(case, ctx, &asking, &self.config.prior)?.moving(self.config.jitter)?;
        let chosen = latent.composing(chosen)?;
        latent.announce(chosen, &self.needs(0));
        latent.run(&self.descent, chosen)
    }
}
