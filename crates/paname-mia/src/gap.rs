//! # Gap
//!
//! **Idea.** A model that overfits is right more often on records that it was fitted on: call a record a member where the model is right.
//!
//! **Threat model.** The attacker asks the target once per record, knows the true class, and sees the probabilities or logits, of which only the
//! largest class is used. No other model, no other data.
//!
//! **Formula.** score = 1 where the margin ln p_y − max_{j≠y} ln p_j is positive, 0 elsewhere. Augmented variants are averaged. Its advantage, the
//! difference of the two shares of records at 1, is the gap between training and test accuracy, which names the attack.
//!
//! **Paper.** Yeom, Giacomelli, Fredrikson and Jha, *Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting*, IEEE CSF 2018,
//! arXiv 1709.01604, adversary 1.
//!
//! **Cost.** One question per record.
//!
//! **When it fails.** Two scores give one threshold: it has no say at low false positive rates, and none at all where the model is right on nearly
//! every record. It is the floor that every attack which sees more should exceed.

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};

use crate::single::{self, NoParameters};

/// Scores a record by whether the target is right about it.
pub struct Gap;

impl Attack for Gap {
    const INFO: Info = Info {
        name: "gap",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Écart de justesse",
        title_en: "Accuracy gap",
        summary_fr: "Le modèle a plus souvent raison sur les données sur lesquelles il a été entraîné.",
        summary_en: "The model is right more often on data that it was trained on.",
        formula: "1 where the model is right, 0 elsewhere",
        paper: "Yeom, Giacomelli, Fredrikson and Jha, Privacy Risk in Machine Learning, 2018, arXiv 1709.01604",
        source: include_str!("gap.rs"),
    };
    type Config = NoParameters;

    fn new(_: NoParameters) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        single::needs(Signal::Margin)
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let scores = case.map_records(Whom::Audited, &[Signal::Margin], ctx, |record| {
            let margins = record.target(0);
            Ok(margins.iter().filter(|margin| **margin > 0.0).count() as f64 / margins.len() as f64)
        })?;
        Ok(Findings::Membership(scores))
    }
}
