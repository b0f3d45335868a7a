//! # White-box classifier
//!
//! **Idea.** What goes on inside a model differs between records that it was trained on and others: losses, gradients, activations. Models that the
//! attacker has trained show how, since their rows are known; a classifier learns from them and then looks at the target.
//!
//! **Threat model.** The attacker has the target itself, or whoever has it tells gradients and activations, and knows the true class. There are reference
//! models of the same architecture in memory, which included some of the audited records and excluded others, and are asked the same.
//!
//! **Formula.** Features of a record and a model: its loss and whether the class is right; ln‖∂ℓ/∂θ_last‖ in ℓ₁, ℓ₂ and ℓ∞; ln‖∂ℓ/∂x‖₂; of each layer the
//! mean, the deviation, the logarithm of the ℓ₂ norm, and the share of activations not above 0. Features are scaled to mean 0 and deviation 1 over the
//! examples. score = the log-odds of a network with one hidden layer of rectified units, fitted by Adam on the balanced cross-entropy of inclusion in the
//! reference models.
//!
//! **Paper.** Nasr, Shokri and Houmansadr, *Comprehensive Privacy Analysis of Deep Learning: Passive and Active White-box Inference Attacks against
//! Centralized and Federated Learning*, IEEE S&P 2019, arXiv 1812.00910. Their attack model learns from whole gradients and activations of the target, by
//! convolutions and an encoder, on known members of the target; here summaries do, and reference models in place of known members.
//!
//! **Cost.** Two questions per record, one of them with a backward pass, to the target and to each of `models` reference models.
//!
//! **When it fails.** Where reference models differ from the target in architecture or training, and where the loss says it all: internals then add
//! noise.

use paname_core::{
    Access, Attack, Case, Ctx, Error, Family, Findings, Indices, Info, Needs, Outputs, Query, Result, Target,
    Tensor,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Norm, about, bounded, bounded_loss, input_gradients, per_row};
use crate::lessons::{FEWEST, Lessons};
use crate::network::Fitting;

/// What a record's features are taken from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Source {
    /// The loss and whether the class is right.
    Loss,
    /// The gradient of the loss with respect to the last layer.
    LastLayerGradient,
    /// The gradient of the loss with respect to the input.
    InputGradient,
    /// Activations of the layers.
    Activations,
}

/// Parameters of [`WhiteBoxClassifier`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What the classifier looks at: `loss`, `last-layer-gradient`, `input-gradient`, `activations`.
    pub features: Vec<Source>,
    /// Names of the layers whose activations are looked at; all where empty.
    pub layers: Vec<String>,
    /// Most reference models that are learned from, from 1 to 64.
    pub models: usize,
    /// About how many examples are learned from at most.
    pub examples: usize,
    /// Passes over the examples, from 1 to 1000.
    pub epochs: usize,
    /// Hidden units, from 1 to 1024.
    pub hidden: usize,
    /// Records per question, at least 1: the model holds what it computes for all of them.
    pub batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            features: vec![
                Source::Loss,
                Source::LastLayerGradient,
                Source::InputGradient,
                Source::Activations,
            ],
            layers: Vec::new(),
            models: 16,
            examples: 100_000,
            epochs: 20,
            hidden: 32,
            batch: 128,
        }
    }
}

/// Scores a record by a classifier of what goes on inside the model.
pub struct WhiteBoxClassifier(Config);

impl Attack for WhiteBoxClassifier {
    const INFO: Info = Info {
        name: "white-box-classifier",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Classifieur boîte blanche",
        title_en: "White-box classifier",
        summary_fr: "Un classifieur qui a vu l’intérieur de modèles semblables reconnaît, à ce qui se passe dans le modèle, les données apprises.",
        summary_en: "A classifier that saw the inside of similar models recognises, by what goes on in the model, the data that it was trained on.",
        formula: "log-odds of a network on (loss, correctness, gradient norms, activation moments)",
        paper: "Nasr, Shokri and Houmansadr, Comprehensive Privacy Analysis of Deep Learning, 2019, arXiv 1812.00910",
        source: include_str!("white_box_classifier.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let refuse = |what: String| Err(Error::Config(what));
        if config.features.is_empty() {
            return refuse("`features` must name at least one source".into());
        }
        for (key, value, range) in [
            ("models", config.models, 1..=64),
            ("examples", config.examples, 2 * FEWEST..=usize::MAX),
            ("epochs", config.epochs, 1..=1000),
            ("hidden", config.hidden, 1..=1024),
            ("batch", config.batch, 1..=usize::MAX),
        ] {
            if !range.contains(&value) {
                let most = if *range.end() == usize::MAX {
                    String::new()
                } else {
                    format!(" and at most {}", range.end())
                };
                return refuse(format!("`{key}` must be at least {}{most}, got {value}", range.start()));
            }
        }
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        let of = |source: &Source| match source {
            Source::Loss => Access::LABELS | Access::LOSS,
            Source::LastLayerGradient => Access::LAST_LAYER_GRADIENT,
            Source::InputGradient => Access::INPUT_GRADIENT | Access::LOSS,
            Source::Activations => Access::ACTIVATIONS,
        };
        let backward = self.0.features.contains(&Source::InputGradient);
        let forward = self.0.features.iter().any(|source| *source != Source::InputGradient);
        Needs {
            access: self.0.features.iter().map(of).fold(Access::empty(), |all, one| all | one),
            references_min: 1,
            references_max: self.0.models,
            own_records: true,
            classes: true,
            queries_per_record: u64::from(forward) + u64::from(backward),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let models = case.references().min(self.0.models);
        let records = case.audited().len();
        let layers = self.layers(case.target())?;
        // As many steps as there are records and models, and as many again for the fit.
        let total = (models + 1) * records;
        let everyone: Vec<usize> = (0..records).collect();
        let (targets, width) = self.look(case, ctx, case.target(), &layers, &everyone, (0, 2 * total))?;
        let mut lessons = Lessons::new(case, models, self.0.examples, ctx);
        for k in 0..models {
            let model = case.reference(k).ok_or_else(|| Error::mismatch("reference model", models, k))?;
            let own = self.layers(model)?;
            if own != layers {
                let (expected, got) = (layers.join(", "), own.join(", "));
                return Err(Error::mismatch(format!("layers of {}", model.card().name), expected, got));
            }
            let drawn = lessons.drawn(case, k);
            let (seen, found) =
                self.look(case, ctx, model, &layers, &drawn, ((k + 1) * records, 2 * total))?;
            if found != width && !drawn.is_empty() {
                return Err(Error::mismatch(format!("features of {}", model.card().name), width, found));
            }
            lessons.take(case, k, &drawn, &seen);
        }
        let fitting = Fitting { hidden: self.0.hidden, epochs: self.0.epochs };
        let mut done = 0;
        let what = "looks at reference models";
        let scores = lessons.learn(what, width, targets, fitting, ctx, || {
            done += 1;
            ctx.tick(total + (done - 1) * total / self.0.epochs, 2 * total)
        })?;
        ctx.tick(2 * total, 2 * total)?;
        Ok(Findings::Membership(scores))
    }
}

impl WhiteBoxClassifier {
    fn uses(&self, source: Source) -> bool {
        self.0.features.contains(&source)
    }

    /// The layers of a model that are looked at.
    fn layers(&self, model: &dyn Target) -> Result<Vec<String>> {
        if !self.uses(Source::Activations) {
            return Ok(Vec::new());
        }
        let known = &model.card().layers;
        if let Some(layer) = self.0.layers.iter().find(|layer| !known.contains(layer)) {
            return Err(Error::Config(format!(
                "`layers`: expected some of {}, got {layer:?}",
                known.join(", ")
            )));
        }
        Ok(if self.0.layers.is_empty() { known.clone() } else { self.0.layers.clone() })
    }

    /// The features of these audited records in a model `[records][width]`, and how many they are for each.
    fn look(
        &self,
        case: &Case<'_>,
        ctx: &Ctx<'_>,
        model: &dyn Target,
        layers: &[String],
        records: &[usize],
        (before, total): (usize, usize),
    ) -> Result<(Vec<f64>, usize)> {
        let (classes, _) = case.audited().classes()?;
        let ids = &case.audited().ids;
        let (mut features, mut width) = (Vec::new(), 0);
        for (number, batch) in records.chunks(self.0.batch).enumerate() {
            ctx.tick(before + number * self.0.batch, total)?;
            let numbers: Indices = batch.iter().map(|&r| ids[r]).collect();
            let classes: Vec<u32> = batch.iter().map(|&r| classes[r]).collect();
            let columns = self.columns(model, case.granted(), numbers, &classes, layers)?;
            width = columns.len();
            for row in 0..batch.len() {
                features.extend(columns.iter().map(|column| column[row]));
            }
        }
        Ok((features, width))
    }

    /// Feature by feature, the values of the records of a batch.
    fn columns(
        &self,
        model: &dyn Target,
        granted: Access,
        ids: Indices,
        classes: &[u32],
        layers: &[String],
    ) -> Result<Vec<Vec<f64>>> {
        let mut columns = Vec::new();
        let want = self.needs(0).access - Access::INPUT_GRADIENT;
        if self.needs(0).queries_per_record > u64::from(self.uses(Source::InputGradient)) {
            let query = Query { layers: layers.to_vec(), ..about(ids.clone(), classes, want)? };
            let answers = model.predict(&query)?;
            answers.check_rows(classes.len())?;
            self.answered(&answers, classes, layers, &mut columns)?;
        }
        if self.uses(Source::InputGradient) {
            let gradients = input_gradients(model, granted, ids, classes)?;
            columns.push(per_row(&gradients, |gradient| logarithm(Norm::L2.of(gradient)))?);
        }
        Ok(columns)
    }

    fn answered(
        &self,
        answers: &Outputs,
        classes: &[u32],
        layers: &[String],
        columns: &mut Vec<Vec<f64>>,
    ) -> Result<()> {
        let told = |tensor: &Option<Tensor>, access| tensor.clone().ok_or(Error::Denied(access));
        if self.uses(Source::Loss) {
            columns
                .push(told(&answers.loss, Access::LOSS)?.to_f64()?.into_iter().map(bounded_loss).collect());
            let given = told(&answers.labels, Access::LABELS)?.to_i64()?;
            columns.push(
                given
                    .iter()
                    .zip(classes)
                    .map(|(given, class)| f64::from(*given == i64::from(*class)))
                    .collect(),
            );
        }
        if self.uses(Source::LastLayerGradient) {
            let gradients = told(&answers.last_layer_gradient, Access::LAST_LAYER_GRADIENT)?;
            for norm in [Norm::L1, Norm::L2, Norm::Linf] {
                columns.push(per_row(&gradients, |gradient| logarithm(norm.of(gradient)))?);
            }
        }
        for layer in layers {
            let found = answers.activations.iter().find(|(name, _)| name == layer);
            let (_, values) = found
                .ok_or_else(|| Error::mismatch("answered activations", format!("layer {layer}"), "none"))?;
            let summaries: [fn(&[f32]) -> f64; 4] = [mean, deviation, |x| logarithm(Norm::L2.of(x)), zeros];
            for summary in summaries {
                columns.push(per_row(values, summary)?);
            }
        }
        Ok(())
    }
}

/// ln of a norm; that of one smaller than any number is that of the smallest.
fn logarithm(norm: f64) -> f64 {
    libm::log(norm.clamp(1e-30, 1e30))
}

fn mean(values: &[f32]) -> f64 {
    bounded(values.iter().map(|x| f64::from(*x)).sum::<f64>() / values.len().max(1) as f64)
}

fn deviation(values: &[f32]) -> f64 {
    let mean = mean(values);
    let sum: f64 = values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum();
    bounded((sum / values.len().max(1) as f64).sqrt())
}

fn zeros(values: &[f32]) -> f64 {
    values.iter().filter(|x| **x <= 0.0).count() as f64 / values.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use paname_core::Membership;
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    fn run(config: Config, toy: &Toy) -> Result<Vec<f64>> {
        let attack = WhiteBoxClassifier::new(config)?;
        attack.run(&toy.case()?, &Ctx::new(1, "test", 1, &()))?.membership(toy.truth().len())
    }

    fn toy() -> Toy {
        Toy::live(Behaviour::Memorising, Size { records: 100, ..Size::default() }, 1)
    }

    #[test]
    fn each_source_alone_finds_members() {
        for source in [Source::Loss, Source::LastLayerGradient, Source::InputGradient, Source::Activations] {
            let toy = toy();
            let scores = run(Config { features: vec![source], ..Config::default() }, &toy).unwrap();
            let p = paname_testkit::tail_probability(&scores, toy.truth(), 50);
            assert!(p < 1e-3, "{source:?}: {p}");
        }
    }

    #[test]
    fn reference_models_that_tell_nothing_of_themselves_are_refused() {
        let mut toy = toy();
        toy.targets = toy
            .targets
            .into_iter()
            .take(1)
            .chain((0..8).map(|_| Box::<paname_testkit::Silent>::default() as _))
            .collect();
        let message = run(Config::default(), &toy).unwrap_err().to_string();
        assert_eq!(message, "layers of : expected scores, got ");
        let features = vec![Source::Loss];
        assert!(matches!(run(Config { features, ..Config::default() }, &toy), Err(Error::Denied(_))));
    }

    #[test]
    fn without_included_records_nothing_can_be_learned() {
        let mut toy = toy();
        toy.audited_membership = Membership::none(100, 8);
        let message = run(Config::default(), &toy).unwrap_err().to_string();
        assert_eq!(message, "looks at reference models and records that they included: 20 needed, 0 given");
    }

    #[test]
    fn summaries_of_hostile_activations_are_finite() {
        for values in
            [&[][..], &[f32::NAN], &[f32::INFINITY, f32::NEG_INFINITY], &[f32::MAX, f32::MAX], &[0.0, 0.0]]
        {
            for value in [mean(values), deviation(values), logarithm(Norm::L2.of(values)), zeros(values)] {
                assert!(value.is_finite(), "{values:?}");
            }
        }
        assert_eq!((mean(&[1.0, 3.0]), deviation(&[1.0, 3.0]), zeros(&[0.0, 2.0])), (2.0, 1.0, 0.5));
    }

    #[test]
    fn parameters_are_checked() {
        let config = Config::default;
        for (config, word) in [
            (Config { features: Vec::new(), ..config() }, "`features`"),
            (Config { models: 0, ..config() }, "`models`"),
            (Config { examples: 39, ..config() }, "`examples`"),
            (Config { epochs: 1001, ..config() }, "`epochs`"),
            (Config { hidden: 0, ..config() }, "`hidden`"),
            (Config { batch: 0, ..config() }, "`batch`"),
        ] {
            let message = WhiteBoxClassifier::new(config).err().unwrap().to_string();
            assert!(message.contains(word), "{message}");
        }
        let toy = toy();
        let message = run(Config { layers: vec!["deep".into()], ..config() }, &toy).unwrap_err().to_string();
        assert_eq!(message, "configuration: `layers`: expected some of scores, got \"deep\"");
    }
}
