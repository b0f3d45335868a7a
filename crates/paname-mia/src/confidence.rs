//! # Confidence
//!
//! **Idea.** A model is surer of the right answer on records that it was fitted on.
//!
//! **Threat model.** The attacker asks the target once per record, knows the true class, and sees probabilities, logits or the loss. No other
//! model, no other data.
//!
//! **Formula.** score = ln p_y − ln(1 − p_y), where p_y is the probability of the true class. It ranks records as p_y does, but probabilities
//! near 1 are not rounded to the same number. In other tasks than classification, the score is the statistic of the task. Augmented variants are
//! averaged.
//!
//! **Paper.** Yeom, Giacomelli, Fredrikson and Jha, *Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting*, IEEE CSF 2018,
//! arXiv 1709.01604.
//!
//! **Cost.** One question per record.
//!
//! **When it fails.** It takes easy records for members and hard members for strangers: without a comparison with other models the difficulty
//! of a record cannot be told from its membership. A model that does not overfit on average may still betray single records, which this attack
//! does not see.

use paname_core::{Attack, Case, CaseSize, Ctx, Family, Findings, Info, Needs, Result, Signal};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::single;
use crate::statistic::Statistic;

/// Parameters of [`Confidence`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is compared: `auto`, the statistic of the task (the scaled confidence in classification), or the name of a signal of which members have larger values.
    pub signal: Statistic,
}

/// Scores a record by the confidence of the target in its true class.
pub struct Confidence(Signal);

/// What is taken in classification.
const OWN: Signal = Signal::ScaledConfidence;

impl Attack for Confidence {
    const INFO: Info = Info {
        name: "confidence",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Confiance dans la vraie classe",
        title_en: "Confidence in the true class",
        summary_fr: "Le modèle répond avec plus d'assurance sur les données sur lesquelles il a été entraîné.",
        summary_en: "The model answers with more confidence on data that it was trained on.",
        formula: "ln p_y − ln(1 − p_y)",
        paper: "Yeom, Giacomelli, Fredrikson and Jha, Privacy Risk in Machine Learning, 2018, arXiv 1709.01604",
        source: include_str!("confidence.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        config.signal.rising(OWN).map(Self)
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { signal: config.signal.settled(size, OWN) }
    }

    fn needs(&self, _records: usize) -> Needs {
        single::needs(self.0)
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        single::score(case, ctx, self.0, 1.0)
    }
}
