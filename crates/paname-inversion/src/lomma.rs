//! # Logits and features (LOMMA)
//!
//! **Idea.** The cross-entropy stops pulling once the model is sure, long before an input is like its class. So the logit itself is made large, and the
//! features that the model sees in the input are held to what they are of real records, which keeps it from growing where no record is.
//!
//! **Threat model.** The attacker puts any input to the model, sees its logits and its features, the embedding or what a named layer says, with gradients of
//! both: the model itself is at hand. A generator of such inputs too; where the case has none, one is fitted to its population.
//!
//! **Formula.** min over z of `weight` · (−f_y(G(z)) + λ mean (h(G(z)) − r)²) + `realism` · ½ ‖z‖², by steps with momentum from a z drawn from N(0, I). h are the
//! features, r is drawn once for each walk from the normal distributions that each of them has among records of the population. ½ ‖z‖² stands for the opinion
//! of a discriminator, see GMI. With `students`, f_y is the mean over the model and its students, which minimise the cross-entropy with its answers about the
//! same records. The score is the model’s p_y of the G(z) of the least sum.
//!
//! **Paper.** Nguyen et al., *Re-thinking Model Inversion Attacks Against Deep Neural Networks*, CVPR 2023, arXiv 2304.01669. Its three students are of three
//! architectures; here they are of one recipe, and differ by where their fits begin. As in the authors’ program the features are those of the model alone.
//!
//! **Cost.** At most `records` questions, and `starts` × (`steps` + 1) per class; one more per start where there are groups. `students` fits on no more than
//! `records` records. Questions to the generator and to students cost nothing.
//!
//! **When it fails.** What the generator cannot make is not found. Features are held to those of the population: where a class is far from it, `feature-weight`
//! has to be lower. Where logits are not bounded by features, the walk leaves what is plausible. Students of a few records, or of records unlike the classes,
//! have learned little, and their say is as great.

use paname_core::{
    Access, Attack, Case, CaseSize, Ctx, Error, Family, Findings, Indices, Info, Input, Needs, Query, Recipe,
    Result,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Asking, Gradient, Wanted};
use crate::estimated::Estimate;
use crate::latent::{Descent, Features, Goal, Latent, needs, questions, walking};
use crate::objective::{Answers, Objective};
use crate::prior::Prior;
use crate::space::{Begin, Inputs};
use crate::step::{Rule, Stepping};
use crate::students::{self, Among, Lessons};
use crate::view::Parts;

/// Parameters of [`Lomma`].
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
    /// Weight of logits and features together, from 0 to 1000000.
    pub weight: f64,
    /// Weight of features beside logits, from 0 to 1000000 (λ).
    pub feature_weight: f64,
    /// Weight of what speaks against the latent variables, from 0 to 1000000.
    pub realism: f64,
    /// The layer whose activations are the features; where empty, the model’s embedding.
    pub layer: String,
    /// The most records of the population that are asked about, for features and for students, at least 2; 50 with students.
    pub records: usize,
    /// Models that are fitted to the target’s answers and have as much say as the target, from 0 to 16. The adapter of the target has to fit models.
    pub students: usize,
    /// How students are fitted, as in `[references.fit.recipe]`, without `objective` and `checkpoints`. The architecture that it leaves open is that of the
    /// audit’s own fits; anything else is as the adapter does it.
    #[serde(skip_serializing_if = "is_open")]
    pub student: Recipe,
    /// The generator that inputs come from.
    pub prior: Prior,
    /// What inputs may be.
    pub input: Inputs,
    /// Inputs per question, at least 1.
    pub batch: usize,
}

/// Whether a recipe leaves everything open.
fn is_open(recipe: &Recipe) -> bool {
    *recipe == Recipe::default()
}

impl Default for Config {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            starts: 5,
            steps: 1500,
            rate: 0.02,
            momentum: 0.9,
            weight: 100.0,
            feature_weight: 1.0,
            realism: 1.0,
            layer: String::new(),
            records: 1000,
            students: 0,
            student: Recipe::default(),
            prior: Prior::default(),
            input: Inputs::default(),
            batch: 128,
        }
    }
}

/// Rebuilds an input of each class by its logit, with features held to those of records.
pub struct Lomma {
    config: Config,
    /// For what is asked in common with other attacks; no gradient is estimated.
    estimate: Estimate,
    /// How students are fitted.
    recipe: Recipe,
}

impl Lomma {
    fn asking(&self) -> Asking<'_> {
        let Config { classes, starts, steps, input, batch, .. } = &self.config;
        Asking {
            classes,
            starts: *starts,
            begin: Begin::Noise,
            steps: *steps,
            gradient: Gradient::Given,
            estimate: &self.estimate,
            outputs: Wanted::Logits,
            inputs: input,
            again: !input.groups.is_empty(),
            views: 1,
            batch: *batch,
        }
    }

    /// Records that it takes.
    fn fewest(&self) -> usize {
        if self.config.students > 0 { students::FEWEST } else { 2 }
    }

    fn layer(&self) -> Option<&str> {
        Some(&*self.config.layer).filter(|layer| !layer.is_empty())
    }

    /// Means and standard deviations of the features of records of the population, and what students learn from where there are to be any.
    fn population(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<(Features, Lessons)> {
        let ids = &case.population().ids;
        let count = ids.len().min(self.config.records);
        // Evenly spread over all of them.
        let chosen: Vec<u32> = (0..count).map(|i| ids[i * ids.len() / count]).collect();
        let (mut sums, mut squares): (Vec<f64>, Vec<f64>) = (Vec::new(), Vec::new());
        let mut answers = Vec::new();
        let told = if self.config.students > 0 { Access::LOGITS } else { Access::empty() };
        for (i, some) in chosen.chunks(self.config.batch).enumerate() {
            ctx.tick(i * self.config.batch, count)?;
            let input = Input::Records(Indices::from(some), paname_core::Augmentation::default());
            let layers = self.layer().map(str::to_owned).into_iter().collect();
            let want = Features::access(self.layer()) | told;
            let outputs = case.target().predict(&Query { input, labels: None, want, layers })?;
            if !told.is_empty() {
                answers.extend(Latent::probabilities(&outputs, Answers::Logits, some.len())?.0);
            }
            let (tensor, width) = Features::of(self.layer(), &outputs, some.len())?;
            if sums.is_empty() {
                (sums, squares) = (vec![0.0; width], vec![0.0; width]);
            }
            if width == 0 || width != sums.len() {
                let expected = format!("{} of each record, at least 1", sums.len());
                return Err(Error::mismatch("features of the population", expected, width));
            }
            for row in tensor.to_f32()?.chunks_exact(width) {
                for ((sum, square), x) in sums.iter_mut().zip(&mut squares).zip(row) {
                    *sum += f64::from(*x);
                    *square += f64::from(*x) * f64::from(*x);
                }
            }
        }
        let count = count as f64;
        let means: Vec<f64> = sums.iter().map(|sum| sum / count).collect();
        let spread = |(square, mean): (&f64, &f64)| (square / count - mean * mean).max(0.0).sqrt() as f32;
        let spreads: Vec<f32> = squares.iter().zip(&means).map(spread).collect();
        if means.iter().chain(&squares).any(|value| !value.is_finite()) {
            return Err(Error::mismatch("features of the population", "finite numbers", "others"));
        }
        let means = means.into_iter().map(|mean| mean as f32).collect();
        let layer = self.layer().map(str::to_owned);
        let features = Features { layer, weight: self.config.feature_weight, means, spreads };
        Ok((features, Lessons { ids: chosen.into(), answers }))
    }
}

/// What could run where there are no gradients, in words.
fn without(whose: &str) -> Error {
    Error::Unsupported(format!(
        "gradients of {whose} that gives none: `latent-cma-es` looks at confidences alone, 3200 questions for each class, and `gmi` can estimate gradients from answers, 757505 for each"
    ))
}

impl Attack for Lomma {
    const INFO: Info = Info {
        name: "lomma",
        version: 1,
        family: Family::ModelInversion,
        title_fr: "Logits et caractéristiques (LOMMA)",
        title_en: "Logits and features (LOMMA)",
        summary_fr: "Rapprochées de ce que le modèle voit dans de vraies données, ses certitudes montrent ce qu’il a retenu d’une classe.",
        summary_en: "Held to what the model sees in real records, what it is surest of shows what it has kept of a class.",
        formula: "min_z 100 (−f_y(G(z)) + λ mean (h(G(z)) − r)²) + ½ ‖z‖²",
        paper: "Nguyen et al., Re-thinking Model Inversion Attacks Against Deep Neural Networks, 2023, arXiv 2304.01669",
        source: include_str!("lomma.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let recipe = students::recipe(&config.student)?;
        let attack = Self { config, estimate: Estimate::default(), recipe };
        attack.asking().check()?;
        let config = &attack.config;
        config.prior.check()?;
        for (key, value) in [
            ("weight", config.weight),
            ("feature-weight", config.feature_weight),
            ("realism", config.realism),
        ] {
            if !(0.0..=1e6).contains(&value) {
                return Err(Error::Config(format!("`{key}` must be from 0 to 1000000, got {value}")));
            }
        }
        if config.students > students::MOST {
            let (most, got) = (students::MOST, config.students);
            return Err(Error::Config(format!("`students` must be from 0 to {most}, got {got}")));
        }
        let fewest = attack.fewest();
        if config.records < fewest {
            return Err(Error::Config(format!(
                "`records` must be at least {fewest}, got {}",
                config.records
            )));
        }
        if !(config.rate > 0.0 && config.rate.is_finite()) {
            return Err(Error::Config(format!("`rate` must be above 0, got {}", config.rate)));
        }
        if !(0.0..1.0).contains(&config.momentum) {
            let got = config.momentum;
            return Err(Error::Config(format!("`momentum` must be from 0 to below 1, got {got}")));
        }
        Ok(attack)
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { prior: config.prior.settled(size), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        let asking = self.asking();
        let access = walking(&asking) | Features::access(self.layer());
        let whole = self.config.records as u64;
        let needs = needs(&asking, &self.config.prior, access, whole, questions(&asking));
        let population_min = needs.population_min.max(self.fewest());
        Needs { population_min, fits: self.config.students, ..needs }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let asking = self.asking();
        let offered = case.granted() & case.target().card().offers();
        if !offered.contains(Access::INPUT_GRADIENT) {
            return Err(without("a target"));
        }
        if !offered.contains(Features::access(self.layer())) {
            return Err(Error::Denied(Features::access(self.layer())));
        }
        let layers = &case.target().card().layers;
        if let Some(layer) = self.layer().filter(|layer| !layers.iter().any(|known| known == layer)) {
            return Err(Error::Config(format!("`layer`: expected one of {layers:?}, got `{layer}`")));
        }
        let chosen = asking.choose(case)?;
        let among;
        let mut latent = Latent::of(case, ctx, &asking, &self.config.prior)?;
        if !latent.composed.differentiable() {
            return Err(without("a generator"));
        }
        latent.announce(chosen, &self.needs(0));
        let Config { weight, realism, rate, momentum, students, .. } = self.config;
        let (features, lessons) = self.population(case, ctx)?;
        if students > 0 {
            let students = students::fit(students, &self.recipe, lessons, case, ctx)?;
            among = Among { target: case.target(), students };
            latent.composed.target = &among;
        }
        let descent = Descent {
            goal: Goal { objective: Objective::NegativeLogit, weight, realism, features: Some(features) },
            stepping: Stepping { rule: Rule::Momentum, momentum, second: 0.0 },
            rate,
            views: Parts::WHOLE,
        };
        latent.run(&descent, chosen)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::{Net, with_case};

    #[test]
    fn features_are_those_of_the_population() {
        let net = Net::new(&[8], 3, 16, 2).with("embedding");
        let records = net.records.clone().unwrap();
        let of = |records: &[f32]| records.chunks_exact(8).map(|x| net.hidden(x)).collect::<Vec<_>>();
        for (most, rows) in [
            (1000, of(&records[20 * 8..])),
            (2, of(&[&records[20 * 8..21 * 8], &records[30 * 8..31 * 8]].concat())),
        ] {
            let attack = Lomma::new(Config { records: most, batch: 3, ..Config::default() }).unwrap();
            let features = with_case(&net, Access::all(), |case| {
                attack.population(case, &Ctx::new(1, "test", 1, &())).unwrap().0
            });
            let count = rows.len() as f64;
            for j in 0..16 {
                let mean = rows.iter().map(|row| row[j]).sum::<f64>() / count;
                let variance = rows.iter().map(|row| (row[j] - mean).powi(2)).sum::<f64>() / count;
                assert!((f64::from(features.means[j]) - mean).abs() < 1e-5);
                assert!((f64::from(features.spreads[j]) - variance.sqrt()).abs() < 1e-5);
            }
        }
    }
}
