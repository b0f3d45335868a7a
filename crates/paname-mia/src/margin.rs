//! # Margin
//!
//! **Idea.** The lead of the true class over its best rival grows with training on the record.
//!
//! **Threat model.** The attacker asks the target once per record, knows the true class, and sees all probabilities, or the logits. No other
//! model, no other data.
//!
//! **Formula.** score = ln p_y − max_{j≠y} ln p_j = z_y − max_{j≠y} z_j; positive exactly where the model is right. Augmented variants are
//! averaged.
//!
//! **Paper.** The hinge of the logits is among the statistics that Carlini, Chien, Nasr, Song, Terzis and Tramèr compare in *Membership Inference
//! Attacks From First Principles*, IEEE S&P 2022, arXiv 2112.03570; a threshold on it alone is folklore.
//!
//! **Cost.** One question per record.
//!
//! **When it fails.** As `confidence`. With two classes it is the very same number.

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal};

use crate::single::{self, NoParameters};

/// Scores a record by the lead of its true class over the best other class.
pub struct Margin;

impl Attack for Margin {
    const INFO: Info = Info {
        name: "margin",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Marge",
        title_en: "Margin",
        summary_fr: "Le modèle sépare mieux la vraie classe de la suivante sur les données sur lesquelles il a été entraîné.",
        summary_en: "The model sets the true class further apart from the next on data that it was trained on.",
        formula: "ln p_y − max_{j≠y} ln p_j",
        paper: "Carlini, Chien, Nasr, Song, Terzis and Tramèr, Membership Inference Attacks From First Principles, 2022, arXiv 2112.03570",
        source: include_str!("margin.rs"),
    };
    type Config = NoParameters;

    fn new(_: NoParameters) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        single::needs(Signal::Margin)
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        single::score(case, ctx, Signal::Margin, 1.0)
    }
}
