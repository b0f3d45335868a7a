//! # Plug and play (PPA)
//!
//! **Idea.** Out of many inputs that a generator makes, those that the model is surest of begin; their latent variables are changed until it is surer still; and
//! of all these, those are given that it stays sure of whichever part of the image it is shown. Any generator of such images will do.
//!
//! **Threat model.** The attacker puts any input to the model, sees probabilities or logits, and is given gradients, or estimates them over the latent
//! variables from the answers to more questions. A generator of such inputs is at hand; where the case has none, one is fitted to its population.
//!
//! **Formula.** Of `samples` z from N(0, I), the `starts` of the highest p_y(G(z)) begin, the mean over the image and its mirror image. min over z of
//! arcosh(1 + 2 ‖u − v‖² / ((1 − ‖u‖²)(1 − ‖v‖²))), u = f(G(z)) / ‖f(G(z))‖₁ and v = 0.9999 times the corner of y, by Adam, each step at a random part of the
//! image; `objective` and `realism`, the weight of ½ ‖z‖², choose another. The score is the mean of p_y over `views` random parts, half of them mirrored; the
//! `kept` best of a class are given. Inputs that are no images have no other parts: their score is p_y. With `jitter` the images that walks
//! begin at, that steps look at and that the score is of are moved at random round the edges.
//!
//! **Paper.** Struppek et al., *Plug & Play Attacks: Towards Robust and Flexible Model Inversion Attacks*, ICML 2022, arXiv 2201.12179. There 200 of 2000 to 5000
//! begin and 50 are given, in the intermediate space of StyleGAN2; steps of another generator may have to be longer.
//!
//! **Cost.** `samples` questions, twice as many where images are mirrored, and at most `starts` × (`steps` + 1 + `views`) per class; where gradients are
//! estimated, 1 + 2 `samples` of the estimate in the place of each step. Questions to the generator cost nothing.
//!
//! **When it fails.** What the generator cannot make is not found. Where none of the samples is of a class, its walks begin anywhere. Mirror images of digits are
//! no digits: set `mirror` to false.

use paname_core::{Attack, Case, CaseSize, Ctx, Ending, Error, Family, Findings, Info, Needs, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Asking, Gradient, Wanted, access};
use crate::estimated::Estimate;
use crate::latent::{Descent, Found, Goal, Latent, Walk, needs, questions, walking};
use crate::objective::{Answers, Objective};
use crate::prior::Prior;
use crate::space::{Begin, Inputs};
use crate::step::{Rule, Stepping};
use crate::view::{Parts, View, check_jitter};

/// Parameters of [`Ppa`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Numbers of the classes to rebuild; all where none are named.
    pub classes: Vec<u32>,
    /// Inputs that are made before walks begin, at least `starts`.
    pub samples: usize,
    /// Walks of each class, at least 1.
    pub starts: usize,
    /// How many of the walks of a class are given in the end, from 1 to `starts`.
    pub kept: usize,
    /// Steps of a walk, at least 1.
    pub steps: usize,
    /// What is made small: the paper’s is `poincare`; `max-margin` goes on where the model is sure.
    pub objective: Objective,
    /// Weight of ½ ‖z‖², which speaks against unlikely latent variables, from 0 to 1000000; the paper’s is 0.
    pub realism: f64,
    /// Length of a step, above 0.
    pub rate: f64,
    /// What Adam keeps of the mean of gradients at each step, from 0 to below 1 (β₁).
    pub momentum: f64,
    /// What Adam keeps of the mean of their squares, from 0 to below 1 (β₂).
    pub second: f64,
    /// The least and the largest share of an image that a step looks at, above 0 and up to 1.
    pub crop: [f64; 2],
    /// Pixels that images are moved by at most, at random and round the edges, from 0 to 1000: what is found does not hang on a place. The paper’s is 0.
    pub jitter: usize,
    /// Parts of each image that the model is shown in the end, at least 1.
    pub views: usize,
    /// The least and the largest share of an image that these parts are, above 0 and up to 1.
    pub view_crop: [f64; 2],
    /// Whether mirror images are as good.
    pub mirror: bool,
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
            samples: 2000,
            starts: 20,
            kept: 5,
            steps: 70,
            objective: Objective::Poincare,
            realism: 0.0,
            rate: 0.005,
            momentum: 0.1,
            second: 0.1,
            crop: [0.9, 1.0],
            jitter: 0,
            views: 100,
            view_crop: [0.5, 0.9],
            mirror: true,
            prior: Prior::default(),
            gradient: Gradient::default(),
            estimate: Estimate::default(),
            outputs: Wanted::default(),
            input: Inputs::default(),
            batch: 128,
        }
    }
}

/// Rebuilds inputs of each class with a generator, and gives those that the model is sure of in every part.
pub struct Ppa {
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
            // The last choice asks about what comes out.
            again: false,
            views: 1,
            batch: self.batch,
        }
    }
}

impl Attack for Ppa {
    const INFO: Info = Info {
        name: "ppa",
        version: 1,
        family: Family::ModelInversion,
        title_fr: "Attaque prête à brancher (PPA)",
        title_en: "Plug and play (PPA)",
        summary_fr: "Parmi ce qu’un générateur produit, les données dont le modèle reste sûr sous tous les angles montrent ce qu’il a retenu d’une classe.",
        summary_en: "Among what a generator makes, inputs that the model stays sure of from every side show what it has kept of a class.",
        formula: "min_z arcosh(1 + 2 ‖u − v‖² / ((1 − ‖u‖²)(1 − ‖v‖²))), u = f(G(z)) / ‖f(G(z))‖₁",
        paper: "Struppek et al., Plug & Play Attacks: Towards Robust and Flexible Model Inversion Attacks, 2022, arXiv 2201.12179",
        source: include_str!("ppa.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.asking().check()?;
        config.prior.check()?;
        if config.samples < config.starts {
            let got = config.samples;
            return Err(Error::Config(format!(
                "`samples` must be at least `starts`, {}, got {got}",
                config.starts
            )));
        }
        if !(1..=config.starts).contains(&config.kept) {
            let got = config.kept;
            return Err(Error::Config(format!(
                "`kept` must be from 1 to `starts`, {}, got {got}",
                config.starts
            )));
        }
        if config.views == 0 {
            return Err(Error::Config("`views` must be at least 1, got 0".into()));
        }
        if !(config.rate > 0.0 && config.rate.is_finite()) {
            return Err(Error::Config(format!("`rate` must be above 0, got {}", config.rate)));
        }
        for (key, value) in [("momentum", config.momentum), ("second", config.second)] {
            if !(0.0..1.0).contains(&value) {
                return Err(Error::Config(format!("`{key}` must be from 0 to below 1, got {value}")));
            }
        }
        if !(0.0..=1e6).contains(&config.realism) {
            return Err(Error::Config(format!(
                "`realism` must be from 0 to 1000000, got {}",
                config.realism
            )));
        }
        check_jitter(config.jitter)?;
        for (key, [least, most]) in [("crop", config.crop), ("view-crop", config.view_crop)] {
            if !(least > 0.0 && least <= most && most <= 1.0) {
                let got = format!("{least} and {most}");
                return Err(Error::Config(format!(
                    "`{key}` must be two shares that do not fall, up to 1, got {got}"
                )));
            }
        }
        let goal = Goal { objective: config.objective, weight: 1.0, realism: config.realism, features: None };
        let descent = Descent {
            goal,
            stepping: Stepping { rule: Rule::Adam, momentum: config.momentum, second: config.second },
            rate: config.rate,
            views: Parts { share: config.crop, jitter: config.jitter, mirror: false },
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
        let Config { samples, starts, views, mirror, prior, .. } = &self.config;
        let asking = self.config.asking();
        let first = (*samples as u64).saturating_mul(1 + u64::from(*mirror));
        let last = (*starts as u64).saturating_mul(*views as u64);
        needs(&asking, prior, walking(&asking), first, questions(&asking).saturating_add(last))
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let asking = self.config.asking();
        let chosen = asking.choose(case)?;
        let latent = Latent::of(case, ctx, &asking, &self.config.prior)?.moving(self.config.jitter)?;
        let chosen = latent.composing(chosen)?;
        latent.announce(chosen, &self.needs(0));

        let (mut found, ended) = self.select(&latent, chosen.answers);
        if !latent.partial(ended, !found.is_empty())? {
            let mut walks: Vec<Walk> =
                found.into_iter().map(|one| Walk::from(one, &self.descent, ctx)).collect();
            let ended = latent.descend(&self.descent, chosen, &mut walks);
            found = latent.found(walks);
            if !latent.partial(ended, true)? {
                let ended = self.judge(&latent, chosen.answers, &mut found);
                if latent.partial(ended, true)? {
                    for one in &mut found {
                        one.ending = Ending::Cut;
                    }
                }
            }
        }
        latent.findings(found, self.config.kept)
    }
}

impl Ppa {
    /// For each class, the samples that the model is surest of; of those so far where it ends too soon.
    fn select(&self, latent: &Latent<'_>, answers: Answers) -> (Vec<Found>, Result<()>) {
        let Config { samples, starts, batch, mirror, jitter, .. } = self.config;
        let mut stream = latent.ctx.rng("samples");
        let places: Vec<Vec<f32>> = (0..samples).map(|_| latent.draw(&mut stream)).collect();
        let views: &[View] = if mirror && latent.composed.has_views() {
            &[View::WHOLE, View::MIRRORED]
        } else {
            &[View::WHOLE]
        };
        let mut moves = latent.ctx.rng("moves");
        let each = (0..samples).flat_map(|sample| views.iter().map(move |view| (sample, *view)));
        let questions: Vec<(usize, View)> =
            each.map(|(sample, view)| (sample, view.moved(jitter, &mut moves))).collect();
        // `[samples][classes]`.
        let mut sums = vec![0.0; samples * latent.classes.len()];
        let mut asked = 0;
        let ended = questions.chunks(batch).try_for_each(|some| {
            latent.ctx.tick(asked, questions.len())?;
            let rows = some.iter().map(|(sample, view)| (&places[*sample][..], *view));
            let outputs = latent.ask(rows, access(answers))?;
            let (p, classes) = Latent::probabilities(&outputs, answers, some.len())?;
            for ((sample, _), p) in some.iter().zip(p.chunks_exact(classes)) {
                let sums = &mut sums[sample * latent.classes.len()..][..latent.classes.len()];
                for (sum, &class) in sums.iter_mut().zip(&latent.classes) {
                    let p = p.get(class as usize);
                    *sum += p.ok_or_else(|| {
                        Error::mismatch("class to invert", format!("below {classes}"), class)
                    })?;
                }
            }
            asked += some.len();
            Ok(())
        });
        let seen = asked / views.len();
        let mut found = Vec::new();
        for (c, &class) in latent.classes.iter().enumerate() {
            let score = |sample: usize| sums[sample * latent.classes.len() + c] / views.len() as f64;
            // Stable: the first of equal ones stays first. What is no number comes last.
            let mut order: Vec<usize> = (0..seen).collect();
            let rank = |sample: usize| if score(sample).is_nan() { -1.0 } else { score(sample) };
            order.sort_by(|a, b| rank(*b).total_cmp(&rank(*a)));
            found.extend(order.into_iter().take(starts).enumerate().map(|(start, sample)| Found {
                class,
                start: start as u32,
                z: places[sample].clone(),
                score: score(sample),
                ending: Ending::Cut,
            }));
        }
        (found, ended)
    }

    /// Scores what was found by the mean over random parts; not at all where it ends too soon.
    fn judge(&self, latent: &Latent<'_>, answers: Answers, found: &mut [Found]) -> Result<()> {
        let Config { views, batch, view_crop: share, mirror, jitter, .. } = self.config;
        let parts = Parts { share, jitter, mirror };
        // The same for all, so that all are judged alike.
        let mut stream = latent.ctx.rng("views");
        let views: Vec<View> = if latent.composed.has_views() {
            (0..views).map(|_| parts.draw(&mut stream)).collect()
        } else if latent.composed.space.constraint.has_groups() {
            vec![View::WHOLE]
        } else {
            return Ok(());
        };
        let questions: Vec<(usize, View)> =
            (0..found.len()).flat_map(|one| views.iter().map(move |view| (one, *view))).collect();
        let mut sums = vec![0.0; found.len()];
        for (i, some) in questions.chunks(batch).enumerate() {
            latent.ctx.tick(i * batch, questions.len())?;
            let rows = some.iter().map(|(one, view)| (&found[*one].z[..], *view));
            let outputs = latent.ask_hard(rows, access(answers))?;
            let classes: Vec<u32> = some.iter().map(|(one, _)| found[*one].class).collect();
            let confidences = Latent::confidences(&outputs, answers, &classes)?;
            some.iter().zip(confidences).for_each(|((one, _), p)| sums[*one] += p);
        }
        found.iter_mut().zip(sums).for_each(|(one, sum)| one.score = sum / views.len() as f64);
        Ok(())
    }
}
