//! # Repulsion from the boundary (BREP)
//!
//! **Idea.** Even a model that says nothing but the class tells where the class ends. From an input of the class one goes away from where it ends, until no
//! point of a large sphere around is outside: deep inside a class lies what is typical of it.
//!
//! **Threat model.** The attacker puts any input to the model and sees the predicted class, nothing else. A generator of such inputs is at hand; where the case
//! has none, one is fitted to its population.
//!
//! **Formula.** From a z drawn from N(0, I) whose G(z) is of class y: N points z + R u, ‖u‖ = 1. Where all are of class y, R grows by `growth`. Else z is moved by
//! min(R / 3, 3) along −Σ u over those outside, where z is then still of class y; it stays within `reach` · √d, where most of N(0, I) lies within √d: far
//! beyond, the generator was never taught anything, and a class has no end. A search ends after `patience` moves at one R. What is given is the z around
//! which the largest sphere was of class y; the score is its R, 0 where none was.
//!
//! **Paper.** Kahla et al., *Label-Only Model Inversion Attacks via Boundary Repulsion*, CVPR 2022, arXiv 2203.01925.
//!
//! **Cost.** `samples` questions, and at most `starts` × `steps` × (`points` + 1) per class. Questions to the generator cost nothing.
//!
//! **When it fails.** Where none of the samples is of a class, nothing is rebuilt of it. In many latent variables nearly all of a sphere lies elsewhere than the
//! class, and N points say little about the way. What the generator cannot make is not found.

use paname_core::{
    Access, Attack, Case, CaseSize, Ctx, Ending, Error, Family, Findings, Info, Needs, Outputs, Result, Task,
};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Asking, Gradient, Wanted};
use crate::estimated::Estimate;
use crate::latent::{Found, Latent, needs};
use crate::prior::Prior;
use crate::space::{Begin, Inputs};
use crate::view::View;

/// Parameters of [`Brep`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Numbers of the classes to rebuild; all where none are named.
    pub classes: Vec<u32>,
    /// Searches of each class, at least 1.
    pub starts: usize,
    /// Inputs that are made to begin with, at least 1.
    pub samples: usize,
    /// The most moves and growths of a search, at least 1.
    pub steps: usize,
    /// The most moves at one radius, at least 1.
    pub patience: usize,
    /// Points of a sphere, at least 1 (N).
    pub points: usize,
    /// The first radius, above 0 (R).
    pub radius: f64,
    /// What the radius is multiplied by, above 1.
    pub growth: f64,
    /// The share of the points that has to be of the class for the radius to grow, above 0 and up to 1.
    pub inside: f64,
    /// The largest length of latent variables, in units of the one that N(0, I) mostly has; above 0.
    pub reach: f64,
    /// The generator that inputs come from.
    pub prior: Prior,
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
            samples: 2000,
            steps: 2000,
            patience: 500,
            points: 32,
            radius: 2.0,
            growth: 1.3,
            inside: 1.0,
            reach: 1.5,
            prior: Prior::default(),
            input: Inputs::default(),
            batch: 128,
        }
    }
}

/// Rebuilds an input of each class from predicted classes alone.
pub struct Brep {
    config: Config,
    /// For what is asked in common with other attacks; no gradient is estimated.
    estimate: Estimate,
}

/// The longest step.
const STRIDE: f64 = 3.0;
/// A radius that nothing lies beyond.
const FAR: f64 = 1e4;

/// A search of one class.
struct Search {
    class: u32,
    start: u32,
    z: Vec<f32>,
    radius: f64,
    /// The centre of the largest sphere that was inside, and its radius.
    best: (Vec<f32>, f64),
    /// Moves at this radius.
    moves: usize,
    end: Option<Ending>,
    stream: Pcg64,
}

impl Brep {
    fn asking(&self) -> Asking<'_> {
        let Config { classes, starts, steps, input, batch, .. } = &self.config;
        Asking {
            classes,
            starts: *starts,
            begin: Begin::Noise,
            steps: *steps,
            gradient: Gradient::Estimated,
            estimate: &self.estimate,
            outputs: Wanted::Probabilities,
            inputs: input,
            again: false,
            views: 1,
            batch: *batch,
        }
    }

    /// The predicted classes of places, NaN where the model says none. What is given in the end is what is asked about.
    fn labels(&self, latent: &Latent<'_>, places: &[Vec<f32>], before: (usize, usize)) -> Result<Vec<f64>> {
        let mut labels = Vec::with_capacity(places.len());
        for some in places.chunks(self.config.batch) {
            latent.ctx.tick(before.0 + labels.len(), before.1)?;
            let rows = some.iter().map(|z| (&z[..], View::WHOLE));
            let Outputs { labels: answered, .. } = latent.ask_hard(rows, Access::LABELS)?;
            let answered = answered.ok_or(Error::Denied(Access::LABELS))?;
            if answered.len() != some.len() {
                let got = format!("shape {:?}", answered.shape());
                return Err(Error::mismatch("predicted classes", some.len(), got));
            }
            labels.extend(answered.to_f64()?);
        }
        Ok(labels)
    }

    /// Searches from the samples that are of each class.
    fn begin(&self, latent: &Latent<'_>) -> Result<Vec<Search>> {
        let Config { samples, starts, radius, .. } = self.config;
        let mut stream = latent.ctx.rng("samples");
        let places: Vec<Vec<f32>> = (0..samples).map(|_| latent.draw(&mut stream)).collect();
        let labels = self.labels(latent, &places, (0, samples))?;
        let mut searches = Vec::new();
        for &class in &latent.classes {
            let of = places.iter().zip(&labels).filter(|(_, label)| **label == f64::from(class)).take(starts);
            let before = searches.len();
            searches.extend(of.zip(0..).map(|((z, _), start)| Search {
                class,
                start,
                z: z.clone(),
                radius,
                best: (z.clone(), 0.0),
                moves: 0,
                end: None,
                stream: latent.ctx.rng(&format!("class {class} start {start}")),
            }));
            if searches.len() == before {
                latent
                    .ctx
                    .log(&format!("none of {samples} samples is of class {class}: nothing is rebuilt of it"));
            }
        }
        Ok(searches)
    }

    fn repel(&self, latent: &Latent<'_>, searches: &mut [Search]) -> Result<()> {
        let Config { steps, patience, points, growth, inside, reach, .. } = self.config;
        let longest = reach * (latent.composed.latent() as f64).sqrt();
        let each = searches.len() * (points + 1);
        let total = steps * each;
        for step in 0..steps {
            let active: Vec<usize> = (0..searches.len()).filter(|&s| searches[s].end.is_none()).collect();
            let mut directions: Vec<Vec<f64>> = Vec::with_capacity(active.len() * points);
            let mut sphere: Vec<Vec<f32>> = Vec::with_capacity(active.len() * points);
            for &s in &active {
                let Search { z, radius, stream, .. } = &mut searches[s];
                for _ in 0..points {
                    let normal: Vec<f64> = latent.draw(stream).into_iter().map(f64::from).collect();
                    // No direction at all leads nowhere.
                    let u = unit(&normal).unwrap_or(normal);
                    sphere.push(moved(z, &u, *radius));
                    directions.push(u);
                }
            }
            let labels = self.labels(latent, &sphere, (step * each, total))?;
            let mut moving: Vec<(usize, Vec<f32>)> = Vec::with_capacity(active.len());
            for (i, &s) in active.iter().enumerate() {
                let search = &mut searches[s];
                let class = f64::from(search.class);
                let range = i * points..(i + 1) * points;
                let outside = || range.clone().filter(|&point| labels[point] != class);
                if (points - outside().count()) as f64 >= inside * points as f64 {
                    search.best = (search.z.clone(), search.radius);
                    search.radius *= growth;
                    search.moves = 0;
                    if search.radius > FAR {
                        search.end = Some(Ending::Reached);
                    }
                    continue;
                }
                let mut sum = vec![0.0; search.z.len()];
                for point in outside() {
                    sum.iter_mut().zip(&directions[point]).for_each(|(sum, u)| *sum -= u);
                }
                if let Some(away) = unit(&sum) {
                    let z = moved(&search.z, &away, (search.radius / 3.0).min(STRIDE));
                    moving.push((s, within(z, longest)));
                }
                search.moves += 1;
                if search.moves == patience {
                    search.end = Some(Ending::Settled);
                }
            }
            let places: Vec<Vec<f32>> = moving.iter().map(|(_, z)| z.clone()).collect();
            let labels = self.labels(latent, &places, (step * each + sphere.len(), total))?;
            for ((s, z), label) in moving.into_iter().zip(labels) {
                if label == f64::from(searches[s].class) {
                    searches[s].z = z;
                }
            }
        }
        for search in searches.iter_mut().filter(|search| search.end.is_none()) {
            search.end = Some(Ending::Spent);
        }
        latent.ctx.tick(total, total)
    }
}

/// The vector of length 1 along this one; none where there is none.
fn unit(vector: &[f64]) -> Option<Vec<f64>> {
    let length = vector.iter().map(|x| x * x).sum::<f64>().sqrt();
    (length > 0.0).then(|| vector.iter().map(|x| x / length).collect())
}

fn moved(z: &[f32], along: &[f64], by: f64) -> Vec<f32> {
    z.iter().zip(along).map(|(z, u)| (f64::from(*z) + by * u) as f32).collect()
}

/// The nearest place that is no further away than this.
fn within(mut z: Vec<f32>, longest: f64) -> Vec<f32> {
    let length = z.iter().map(|z| f64::from(*z) * f64::from(*z)).sum::<f64>().sqrt();
    if length > longest {
        for z in &mut z {
            *z = (f64::from(*z) * longest / length) as f32;
        }
    }
    z
}

impl Attack for Brep {
    const INFO: Info = Info {
        name: "brep",
        version: 1,
        family: Family::ModelInversion,
        title_fr: "Répulsion par la frontière (BREP)",
        title_en: "Repulsion from the boundary (BREP)",
        summary_fr: "La classe prédite seule suffit pour trouver, loin de toute autre, une donnée typique de cette classe.",
        summary_en: "The predicted class alone is enough to find, far from any other, an input that is typical of it.",
        formula: "z ← z − min(R/3, 3) Σ_outside u / ‖Σ_outside u‖; R ← 1.3 R where all of z + R u are inside",
        paper: "Kahla et al., Label-Only Model Inversion Attacks via Boundary Repulsion, 2022, arXiv 2203.01925",
        source: include_str!("brep.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let attack = Self { config, estimate: Estimate::default() };
        attack.asking().check()?;
        let config = &attack.config;
        config.prior.check()?;
        for (key, value) in
            [("samples", config.samples), ("patience", config.patience), ("points", config.points)]
        {
            if value == 0 {
                return Err(Error::Config(format!("`{key}` must be at least 1, got 0")));
            }
        }
        if !(config.radius > 0.0 && config.radius <= FAR) {
            return Err(Error::Config(format!(
                "`radius` must be above 0, up to 10000, got {}",
                config.radius
            )));
        }
        if !(config.growth > 1.0 && config.growth <= FAR) {
            return Err(Error::Config(format!(
                "`growth` must be above 1, up to 10000, got {}",
                config.growth
            )));
        }
        if !(config.inside > 0.0 && config.inside <= 1.0) {
            return Err(Error::Config(format!("`inside` must be above 0, up to 1, got {}", config.inside)));
        }
        if !(config.reach > 0.0 && config.reach <= FAR) {
            return Err(Error::Config(format!("`reach` must be above 0, up to 10000, got {}", config.reach)));
        }
        Ok(attack)
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { prior: config.prior.settled(size), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        let Config { starts, samples, steps, points, prior, .. } = &self.config;
        let each = (*steps as u64).saturating_mul(*points as u64 + 1);
        let class = (*starts as u64).saturating_mul(each);
        needs(&self.asking(), prior, Access::LABELS, *samples as u64, class)
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        if case.task() != Task::Classification {
            let task = case.task();
            return Err(Error::Unsupported(format!("inversion of the classes of a model of {task}")));
        }
        let missing =
            (Access::NEW_INPUTS | Access::LABELS) - (case.granted() & case.target().card().offers());
        if !missing.is_empty() {
            return Err(Error::Denied(missing));
        }
        let asking = self.asking();
        let latent = Latent::of(case, ctx, &asking, &self.config.prior)?;
        latent.announce_questions(&self.needs(0));
        let mut searches = self.begin(&latent)?;
        if searches.is_empty() {
            let what = "samples of the generator that the model puts into the classes".to_owned();
            return Err(Error::Missing { what, needed: 1, got: 0 });
        }
        let ended = self.repel(&latent, &mut searches);
        let found = searches.into_iter().map(|Search { class, start, best: (z, score), end, .. }| Found {
            class,
            start,
            z,
            score,
            ending: end.unwrap_or(Ending::Cut),
        });
        let found: Vec<Found> = found.collect();
        latent.partial(ended, true)?;
        latent.findings(found, self.config.starts)
    }
}
