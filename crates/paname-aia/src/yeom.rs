//! # Loss and prior (Yeom et al.)
//!
//! **Idea.** The losses of training records are about as large as the model's mean training loss. The candidate whose loss fits that best, and which is
//! common, is the guess.
//!
//! **Threat model.** The attacker knows everything else about the record and its label, sees the loss, or probabilities or logits, from which it follows,
//! knows how common the values are, and knows the mean training loss or estimates it.
//!
//! **Formula.** score_v = ln prior(v) + ln N(ℓ(x_v); 0, L̄²) = ln prior(v) − ℓ(x_v)² / (2 L̄²) − ln L̄ − ½ ln 2π, with L̄ the mean training loss, which is
//! the deviation of the normal law. Where `train-loss` is not given, L̄ is the mean absolute loss of the population at its true values: larger than the
//! training loss of a model that overfits, so that the prior counts more.
//!
//! **Paper.** Yeom, Giacomelli, Fredrikson and Jha, *Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting*, IEEE CSF 2018,
//! arXiv 1709.01604.
//!
//! **Cost.** One question per record and candidate, and one per population record.
//!
//! **When it fails.** A value that is rare has to lower the loss by much. Losses of classification are not normal, and losses that may be negative, such
//! as log-densities, are squared here.

use paname_core::{Attack, Case, Ctx, Error, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sweep::{at_truth, bounded, sweep};

/// Parameters of [`Yeom`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The model's mean training loss, above 0, where it is known; otherwise the population's mean loss takes its place.
    pub train_loss: Option<f64>,
}

/// Scores a candidate by how well its loss fits the training loss, and by how common it is.
pub struct Yeom(Option<f64>);

impl Attack for Yeom {
    const INFO: Info = Info {
        name: "yeom",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Perte et fréquence (Yeom et al.)",
        title_en: "Loss and prior (Yeom et al.)",
        summary_fr: "Avec la vraie valeur de l’attribut, le modèle se trompe aussi peu que sur les données apprises.",
        summary_en: "With the true value of the attribute the model errs as little as on data that it was trained on.",
        formula: "ln prior(v) + ln N(ℓ(x_v); 0, L̄²)",
        paper: "Yeom, Giacomelli, Fredrikson and Jha, Privacy Risk in Machine Learning, 2018, arXiv 1709.01604",
        source: include_str!("yeom.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if let Some(loss) = config.train_loss
            && !(loss.is_finite() && loss > 0.0)
        {
            return Err(Error::Config(format!("`train-loss` must be a number above 0, got {loss}")));
        }
        Ok(Self(config.train_loss))
    }

    fn needs(&self, _records: usize) -> Needs {
        let population_min = usize::from(self.0.is_none());
        Needs { signals: vec![Signal::Loss], population_min, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let prior: Vec<f64> = case.attribute()?.prior().into_iter().map(libm::log).collect();
        let scale = if let Some(loss) = self.0 {
            loss
        } else {
            let losses = at_truth(case, ctx, Signal::Loss)?;
            let mean = losses.iter().map(|loss| loss.abs()).sum::<f64>() / losses.len().max(1) as f64;
            ctx.chose("train-loss", &mean.to_string());
            mean
        }
        // A model without any loss is taken to have a little.
        .max(1e-30);
        let constant = libm::log(scale) + 0.5 * libm::log(std::f64::consts::TAU);
        let losses = sweep(case, ctx, Whom::Audited, Signal::Loss)?;
        let scores = losses
            .iter()
            .zip(prior.iter().cycle())
            .map(|(loss, prior)| prior - bounded(0.5 * (loss / scale).powi(2)) - constant);
        Ok(Findings::Attribute(scores.collect()))
    }
}
