//! # Confidence with each value
//!
//! **Idea.** Put the record to the model once with each value that comes into question: with the true one the model is surest of the true label, the more
//! so if it was fitted on the record.
//!
//! **Threat model.** The attacker knows everything else about the record and its label, and sees probabilities, logits or the loss; of real values, what
//! the model predicts.
//!
//! **Formula.** score_v = ln p(y | x_v), x_v the record with candidate v. In other tasks than classification: of real values, −ln ‖y − ŷ(x_v)‖; elsewhere
//! the log-density −ℓ(x_v); `signal` names another one.
//!
//! **Paper.** Mehnaz, Dibbo, Kabir, Li and Bertino, *Are Your Sensitive Attributes Private? Novel Model Inversion Attribute Inference Attacks on
//! Classification Models*, USENIX Security 2022, arXiv 2201.09370, ask for each value and read the confidence; this is the plainest rule for it.
//!
//! **Cost.** One question per record and candidate.
//!
//! **When it fails.** Where the label hardly depends on the attribute, and on models that overfit little. It forgets how common the values are: `bb-ip`
//! does not.

use paname_core::{Attack, Case, CaseSize, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sweep::{LOG_PROBABILITY, Measure, sweep};

/// Parameters of [`Confidence`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is compared: `auto`, or the name of a signal that is large where the model knows the record.
    pub signal: Measure,
}

/// Scores a candidate by the confidence of the target in the true label.
pub struct Confidence(Signal);

impl Attack for Confidence {
    const INFO: Info = Info {
        name: "attribute-confidence",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Confiance selon la valeur de l’attribut",
        title_en: "Confidence with each value of the attribute",
        summary_fr: "Le modèle est le plus sûr de la bonne réponse quand la fiche porte la vraie valeur de l’attribut.",
        summary_en: "The model is surest of the right answer when the record has the true value of the attribute.",
        formula: "ln p(y | x_v)",
        paper: "Mehnaz, Dibbo, Kabir, Li and Bertino, Are Your Sensitive Attributes Private?, 2022, arXiv 2201.09370",
        source: include_str!("confidence.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.signal.signal(LOG_PROBABILITY).map(Self)
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { signal: config.signal.settled(size, LOG_PROBABILITY) }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { signals: vec![self.0], ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        sweep(case, ctx, Whom::Audited, self.0).map(Findings::Attribute)
    }
}
