//! # Regularised ascent
//!
//! **Idea.** An input is changed again and again so that the model is surer that it belongs to a class, and kept plausible at the same time: smooth,
//! small, within what inputs may be. Many starts show whether they end at one place or at many.
//!
//! **Threat model.** The attacker puts any input to the model and sees probabilities or logits. Either the model itself is at hand, or whoever has it
//! tells gradients; or else gradients are estimated from the answers to many more questions. Of other data only bounds and the mean of the population are
//! used.
//!
//! **Formula.** min over x of L(f(x), y) + α_tv TV(x) + α₂ mean x² + α_p mean |x|^p + α_f R, within the bounds of inputs, by Adam, momentum or signed
//! steps. L is the `objective`: the cross-entropy, the margin, the logit or the Poincaré distance. Values, steps and penalties count in units of each
//! value’s range. Columns of one group share a 1 among them while the walk goes on; at its end the largest gets it. Of sounds (`input.axes = "time"`) TV
//! and `blur` go along time. With `jitter`, `crop` and `flip` each question sees a view of the image: moved at random round the edges, a part of it
//! stretched bilinearly to its size, turned round; a step goes along the mean over `crops` views. The score is p_y of the x of the least sum, as it is.
//!
//! R is Σ over layers of batch normalisation of the mean over channels of (μ − μ̂)² + (σ² − σ̂²)². Its moments μ and σ² are those of all inputs of one
//! question, of whichever classes, as the paper’s are of its batch: `batch` and the classes asked for count. They are taken of what a layer gives, y =
//! b + w (x − μ_BN) / √(σ²_BN + ε), since what it was given is not told; over the training data these have the mean μ̂ = b and the variance σ̂² = w² σ²_BN
//! / (σ²_BN + ε), about w². Against the paper’s, which are of x, a channel’s two terms thus count w² / (σ²_BN + ε) times, and the square of that. Each
//! input is pulled by the gradient of R times their number, so that α_f means the same whatever the batch.
//!
//! **Paper.** Yin et al., *Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion*, CVPR 2020, arXiv 1912.08795; the margin: Yuan et al.,
//! AAAI 2023, arXiv 2302.09814; the Poincaré distance: Struppek et al., ICML 2022, arXiv 2201.12179, as are crops. Groups: the projection of Duchi et
//! al., ICML 2008.
//!
//! **Cost.** At most `starts` × (`steps` × `crops` + 1) questions per class; where gradients are estimated, 1 + 2 `samples` in the place of each of the
//! first `steps` × `crops`; one more per start where there are groups or views.
//!
//! **When it fails.** Smoothness is not likeness: of deep networks results need better knowledge of what inputs look like. Where a class has many
//! members, the result is at best their average, which is nobody. A group’s columns between 0 and 1 may convince the model where none alone does. Moments
//! of few inputs are no population’s: with a small batch R pulls every input towards all that the model knows.

use paname_core::{Access, Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result};

use crate::asking::{Asking, Gradient, parameters};
use crate::climb::{Climb, Penalties, run};
use crate::objective::Objective;
use crate::regulariser::Variation;
use crate::space::Begin;
use crate::step::{Rule, Stepping};
use crate::view::{Views, check_jitter};

parameters! {
    /// Parameters of [`RegularisedAscent`].
    starts: 4, begin: Begin::Noise, steps: 300;
    /// What is made small.
    objective: Objective = Objective::default(),
    /// Weight of the total variation of images, or along time of sounds, from 0 (α_tv).
    total_variation: f64 = 0.0,
    /// Which total variation: `anisotropic` or `isotropic`.
    variation: Variation = Variation::default(),
    /// Weight of the mean of squares, from 0 (α₂).
    l2: f64 = 0.01,
    /// Weight of the mean of the `power`-th powers, from 0 (α_p).
    lp: f64 = 0.0,
    /// The power, at least 1 (p).
    power: f64 = 6.0,
    /// Weight of what the moments of a question lie from those that layers of batch normalisation have kept, from 0 (α_f). Above 0 the target has to tell its
    /// parameters, its activations and gradients.
    batch_norm: f64 = 0.0,
    /// The rule of steps: `adam`, `momentum` or `signed`.
    rule: Rule = Rule::default(),
    /// Length of a step, in units of each value’s range; above 0.
    rate: f64 = 0.1,
    /// What is kept of the mean of gradients at each step, from 0 to below 1.
    momentum: f64 = 0.9,
    /// Steps that a walk looks back at, at least 1: it ends where it is no better than the worst of them.
    patience: usize = 50,
    /// A walk ends where the class has this probability; above 0. Above 1, none does.
    confidence: f64 = 2.0,
    /// Pixels to each side over which images are averaged after each step; 0 for none.
    blur: usize = 0,
    /// Pixels that images are moved by at most, at random, before each question, from 0 to 1000: what is found does not hang on a place.
    jitter: usize = 0,
    /// Views of each input that a step averages over, from 1 to 1000; each a question. Above 1 only where views differ, by `crop`, `flip` or `jitter`.
    crops: usize = 1,
    /// The least share of each side of an image that a view keeps, stretched to its size again, above 0 to 1; 1 for all of it.
    crop: f64 = 1.0,
    /// Whether half of the views are turned round, left to right.
    flip: bool = false,
}

/// Rebuilds an input of each class by descent on an objective and on what speaks against an input.
pub struct RegularisedAscent {
    config: Config,
    climb: Climb,
}

impl RegularisedAscent {
    fn asking(&self) -> Asking<'_> {
        let views = &self.climb.views;
        Asking { views: views.count, ..self.config.asking(views.change()) }
    }
}

impl Attack for RegularisedAscent {
    const INFO: Info = Info {
        name: "regularised-ascent",
        version: 1,
        family: Family::ModelInversion,
        title_fr: "Ascension régularisée",
        title_en: "Regularised ascent",
        summary_fr: "Une donnée plausible dont le modèle est sûr montre ce qu’il a retenu d’une classe.",
        summary_en: "A plausible input that the model is sure of shows what it has kept of a class.",
        formula: "min_x L(f(x), y) + α_tv TV(x) + α₂ mean x² + α_p mean |x|^p + α_f R(x)",
        paper: "Yin et al., Dreaming to Distill: Data-free Knowledge Transfer via DeepInversion, 2020, arXiv 1912.08795",
        source: include_str!("ascent.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.asking(false).check()?;
        let weights = [
            ("total-variation", config.total_variation),
            ("l2", config.l2),
            ("lp", config.lp),
            ("batch-norm", config.batch_norm),
        ];
        if let Some((key, value)) = weights.into_iter().find(|(_, value)| !(0.0..=1e6).contains(value)) {
            return Err(Error::Config(format!("`{key}` must be from 0 to 1000000, got {value}")));
        }
        if !(1.0..=100.0).contains(&config.power) {
            return Err(Error::Config(format!("`power` must be from 1 to 100, got {}", config.power)));
        }
        if !(0.0..1.0).contains(&config.momentum) {
            return Err(Error::Config(format!(
                "`momentum` must be from 0 to below 1, got {}",
                config.momentum
            )));
        }
        check_jitter(config.jitter)?;
        if !(1..=1000).contains(&config.crops) {
            return Err(Error::Config(format!("`crops` must be from 1 to 1000, got {}", config.crops)));
        }
        if !(config.crop > 0.0 && config.crop <= 1.0) {
            return Err(Error::Config(format!("`crop` must be above 0 to 1, got {}", config.crop)));
        }
        let views =
            Views { count: config.crops, jitter: config.jitter, crop: config.crop, flip: config.flip };
        if views.count > 1 && !views.change() {
            let problem =
                "`crops` above 1 asks the same again unless `crop`, `flip` or `jitter` makes views differ";
            return Err(Error::Config(problem.into()));
        }
        if config.batch_norm > 0.0 && config.gradient == Gradient::Estimated {
            return Err(Error::Config(
                "`batch-norm` needs gradients from the target: those that are estimated know nothing of its layers".into(),
            ));
        }
        let climb = Climb {
            objective: config.objective,
            penalties: Penalties {
                variation: config.variation,
                total_variation: config.total_variation,
                l2: config.l2,
                lp: config.lp,
                power: config.power,
                batch_norm: config.batch_norm,
            },
            stepping: Stepping { rule: config.rule, momentum: config.momentum, second: 0.999 },
            rate: config.rate,
            patience: config.patience,
            confidence: config.confidence,
            blur: config.blur,
            views,
        };
        climb.check()?;
        Ok(Self { config, climb })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        config.settled(size)
    }

    fn needs(&self, _records: usize) -> Needs {
        let mut needs = self.asking().needs();
        if self.config.batch_norm > 0.0 {
            needs.access |= Access::PARAMETERS | Access::ACTIVATIONS | Access::INPUT_GRADIENT;
        }
        needs
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        run(case, ctx, &self.asking(), &self.climb)
    }
}
