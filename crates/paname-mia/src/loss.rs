//! # Loss
//!
//! **Idea.** Training lowers the loss of the training records more than that of others.
//!
//! **Threat model.** The attacker asks the target once per record, knows the true class, and sees the loss, or probabilities or logits, from
//! which it follows. No other model, no other data.
//!
//! **Formula.** score = −ℓ = ln p_y. Augmented variants are averaged. On a classifier it ranks records as `confidence` does; it is the one of
//! the two that also fits targets whose loss alone is recorded, whatever their task.
//!
//! **Paper.** Yeom, Giacomelli, Fredrikson and Jha, *Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting*, IEEE CSF 2018,
//! arXiv 1709.01604.
//!
//! **Cost.** One question per record.
//!
//! **When it fails.** As `confidence`: easy records look like members, hard members like strangers, and the true positive rate at a low false
//! positive rate is near chance even on models that leak (Carlini et al. 2022).

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal};

use crate::single::{self, NoParameters};

/// Scores a record by minus the loss of the target.
pub struct Loss;

impl Attack for Loss {
    const INFO: Info = Info {
        name: "loss",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Perte",
        title_en: "Loss",
        summary_fr: "Le modèle se trompe moins sur les données sur lesquelles il a été entraîné.",
        summary_en: "The model errs less on data that it was trained on.",
        formula: "−loss",
        paper: "Yeom, Giacomelli, Fredrikson and Jha, Privacy Risk in Machine Learning, 2018, arXiv 1709.01604",
        source: include_str!("loss.rs"),
    };
    type Config = NoParameters;

    fn new(_: NoParameters) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        single::needs(Signal::Loss)
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        single::score(case, ctx, Signal::Loss, -1.0)
    }
}
