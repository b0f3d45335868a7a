//! # Evolution of latent variables (CMA-ES)
//!
//! **Idea.** Inputs are bred: of each generation of inputs that a generator makes, those that the model is surest of decide where the next ones are drawn. No
//! gradient is needed.
//!
//! **Threat model.** The attacker puts any input to the model and sees probabilities or logits, nothing else. A generator of such inputs is at hand; where the
//! case has none, one is fitted to its population.
//!
//! **Formula.** min over z of L(f(G(z)), y) + `realism` · ½ ‖z‖² by evolution with an adapted covariance matrix: z drawn from N(m, σ² C), m moved to the weighted
//! mean of the better half, σ and C by the paths that m takes. L is the `objective`, mostly the cross-entropy. m begins at a z drawn from N(0, I). The score is
//! p_y of the G(z) of the least sum.
//!
//! **Paper.** Hansen and Ostermeier, *Completely Derandomized Self-Adaptation in Evolution Strategies*, Evolutionary Computation 2001, in the form of Beyer and
//! Sendhoff, *Simplify Your Covariance Matrix Adaptation Evolution Strategy*, IEEE TEVC 2017.
//!
//! **Cost.** At most `starts` × `steps` × `places` questions per class; one more per start where there are groups. Questions to the generator cost nothing.
//!
//! **When it fails.** What the generator cannot make is not found. Of more than some hundred latent variables a generation says little about each. Where the
//! model is not sure of a class anywhere near, all of a generation are as bad.

use paname_core::{Attack, Case, CaseSize, Ctx, Ending, Error, Family, Findings, Info, Needs, Result};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Asking, Gradient, Wanted, access, answered};
use crate::estimated::Estimate;
use crate::evolution::Evolution;
use crate::latent::{Found, Latent, needs, walking};
use crate::objective::{Answers, Objective};
use crate::prior::Prior;
use crate::space::{Begin, Inputs};
use crate::view::View;

/// Parameters of [`LatentCmaEs`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Numbers of the classes to rebuild; all where none are named.
    pub classes: Vec<u32>,
    /// Searches of each class, at least 1.
    pub starts: usize,
    /// The most generations of a search, at least 1.
    pub steps: usize,
    /// Inputs of a generation, at least 4; usual are 4 + 3 ln of the number of latent variables.
    pub places: usize,
    /// How far the first generation is spread, above 0 (σ).
    pub spread: f64,
    /// What is made small.
    pub objective: Objective,
    /// Weight of what speaks against the latent variables, from 0 to 1000000.
    pub realism: f64,
    /// A search ends where the class has this probability; above 0. Above 1, none does.
    pub confidence: f64,
    /// The generator that inputs come from.
    pub prior: Prior,
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
            starts: 2,
            steps: 100,
            places: 16,
            spread: 0.5,
            objective: Objective::default(),
            realism: 0.01,
            confidence: 2.0,
            prior: Prior::default(),
            outputs: Wanted::default(),
            input: Inputs::default(),
            batch: 128,
        }
    }
}

/// Rebuilds an input of each class by evolution of the latent variables that a generator makes it of.
pub struct LatentCmaEs {
    config: Config,
    /// For what is asked in common with other attacks; no gradient is estimated.
    estimate: Estimate,
}

/// Spreads beyond which a search has come to its end, or nowhere.
const SPREADS: std::ops::Range<f64> = 1e-6..1e4;

/// A search of one class.
struct Search {
    class: u32,
    start: usize,
    evolution: Evolution,
    stream: Pcg64,
    /// Loss, confidence and place.
    best: Option<(f64, f64, Vec<f32>)>,
    end: Option<Ending>,
}

impl LatentCmaEs {
    fn asking(&self) -> Asking<'_> {
        let Config { classes, starts, steps, outputs, input, batch, .. } = &self.config;
        Asking {
            classes,
            starts: *starts,
            begin: Begin::Noise,
            steps: *steps,
            // None is taken: whether the target gives any is not looked at.
            gradient: Gradient::Estimated,
            estimate: &self.estimate,
            outputs: *outputs,
            inputs: input,
            again: !input.groups.is_empty(),
            views: 1,
            batch: *batch,
        }
    }

    /// One generation after another, of all searches at once.
    fn evolve(&self, latent: &Latent<'_>, answers: Answers, searches: &mut [Search]) -> Result<()> {
        let Config { steps, places, batch, objective, realism, confidence, .. } = self.config;
        let total = steps * searches.len() * places;
        for step in 0..steps {
            let active: Vec<usize> = (0..searches.len()).filter(|&s| searches[s].end.is_none()).collect();
            let mut drawn: Vec<(usize, Vec<f32>)> = Vec::with_capacity(active.len() * places);
            for &s in &active {
                let Search { evolution, stream, .. } = &mut searches[s];
                drawn.extend(evolution.draw(places, stream).into_iter().map(|z| (s, z)));
            }
            let mut values = Vec::with_capacity(drawn.len());
            for some in drawn.chunks(batch) {
                latent.ctx.tick(step * searches.len() * places + values.len(), total)?;
                let outputs = latent.ask(some.iter().map(|(_, z)| (&z[..], View::WHOLE)), access(answers))?;
                let tensor = answered(&outputs, answers, some.len())?;
                let classes: Vec<u32> = some.iter().map(|(s, _)| searches[*s].class).collect();
                let valued = objective.batch(&tensor.to_f32()?, answers, tensor.shape()[1], &classes)?;
                for (((s, z), value), p) in some.iter().zip(valued.values).zip(valued.confidences) {
                    let squares: f64 = z.iter().map(|z| f64::from(*z) * f64::from(*z)).sum();
                    let loss = value + realism * 0.5 * squares;
                    values.push(loss);
                    let best = &mut searches[*s].best;
                    if loss.is_finite() && p.is_finite() && best.as_ref().is_none_or(|best| loss < best.0) {
                        *best = Some((loss, p, z.clone()));
                    }
                }
            }
            for (&s, values) in active.iter().zip(values.chunks_exact(places)) {
                let search = &mut searches[s];
                search.evolution.tell(values);
                let sigma = search.evolution.sigma();
                search.end = if search.best.as_ref().is_some_and(|best| best.1 >= confidence) {
                    Some(Ending::Reached)
                } else if sigma < SPREADS.start {
                    Some(Ending::Settled)
                } else if SPREADS.contains(&sigma) {
                    None
                } else {
                    Some(Ending::Lost)
                };
            }
        }
        for search in searches.iter_mut().filter(|search| search.end.is_none()) {
            search.end = Some(Ending::Spent);
        }
        latent.ctx.tick(total, total)
    }
}

impl Attack for LatentCmaEs {
    const INFO: Info = Info {
        name: "latent-cma-es",
        version: 1,
        family: Family::ModelInversion,
        title_fr: "Évolution de variables latentes (CMA-ES)",
        title_en: "Evolution of latent variables (CMA-ES)",
        summary_fr: "Sans aucun gradient, génération après génération, des données dont le modèle est de plus en plus sûr montrent ce qu’il a retenu d’une classe.",
        summary_en: "Without any gradient, generations of inputs that the model is surer and surer of show what it has kept of a class.",
        formula: "z ~ N(m, σ² C); m, σ, C from the better half by L(f(G(z)), y) + ρ ½ ‖z‖²",
        paper: "Hansen and Ostermeier, Completely Derandomized Self-Adaptation in Evolution Strategies, 2001, doi 10.1162/106365601750190398",
        source: include_str!("latent_cma_es.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let attack = Self { config, estimate: Estimate::default() };
        attack.asking().check()?;
        let config = &attack.config;
        config.prior.check()?;
        if config.places < 4 {
            return Err(Error::Config(format!("`places` must be at least 4, got {}", config.places)));
        }
        if !SPREADS.contains(&config.spread) {
            let Config { spread, .. } = config;
            return Err(Error::Config(format!("`spread` must be from 0.000001 to 10000, got {spread}")));
        }
        if !(0.0..=1e6).contains(&config.realism) {
            let got = config.realism;
            return Err(Error::Config(format!("`realism` must be from 0 to 1000000, got {got}")));
        }
        if config.confidence.is_nan() || config.confidence <= 0.0 {
            return Err(Error::Config(format!("`confidence` must be above 0, got {}", config.confidence)));
        }
        Ok(attack)
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let (prior, outputs) = (config.prior.settled(size), config.outputs.settled(size));
        Config { prior, outputs, ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        let Config { starts, steps, places, prior, .. } = &self.config;
        let asking = self.asking();
        let each = (*steps as u64).saturating_mul(*places as u64).saturating_add(u64::from(asking.again));
        needs(&asking, prior, walking(&asking), 0, (*starts as u64).saturating_mul(each))
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let asking = self.asking();
        let chosen = asking.choose(case)?;
        let latent = Latent::of(case, ctx, &asking, &self.config.prior)?;
        latent.announce_questions(&self.needs(0));
        latent.announce_answers(chosen.answers);
        let Config { starts, spread, places, .. } = self.config;
        let pairs = latent.classes.iter().flat_map(|class| (0..starts).map(|start| (*class, start)));
        let begin = |(class, start)| {
            let mut stream = ctx.rng(&format!("class {class} start {start}"));
            let mean = latent.draw(&mut stream).into_iter().map(f64::from).collect();
            let evolution = Evolution::new(mean, spread, places);
            Search { class, start, evolution, stream, best: None, end: None }
        };
        let mut searches: Vec<Search> = pairs.map(begin).collect();
        let ended = self.evolve(&latent, chosen.answers, &mut searches);
        let found = searches.into_iter().filter_map(|Search { class, start, best, end, .. }| {
            let (_, score, z) = best?;
            Some(Found { class, start: start as u32, z, score, ending: end.unwrap_or(Ending::Cut) })
        });
        latent.finish(ended, found.collect(), chosen.answers)
    }
}
