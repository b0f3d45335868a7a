//! # Entropy
//!
//! **Idea.** A model that knows a record does not hesitate between classes.
//!
//! **Threat model.** The attacker asks the target once per record and sees all probabilities, or the logits. No true class, no other model, no
//! other data.
//!
//! **Formula.** score = −H(p) = Σ_j p_j ln p_j. Augmented variants are averaged.
//!
//! **Paper.** Shokri, Stronati, Song and Shmatikov, *Membership Inference Attacks Against Machine Learning Models*, IEEE S&P 2017, arXiv
//! 1610.05820, on the entropy of the answer; as an attack of its own: Salem et al., *ML-Leaks*, NDSS 2019, arXiv 1806.01246.
//!
//! **Cost.** One question per record.
//!
//! **When it fails.** A record that is confidently taken for the wrong class looks like a member; `modified-entropy` repairs this where the true
//! class is known. It shares the blindness of `confidence` for the difficulty of a record.

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal};

use crate::single::{self, NoParameters};

/// Scores a record by minus the entropy of the target's answer.
pub struct Entropy;

impl Attack for Entropy {
    const INFO: Info = Info {
        name: "entropy",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Entropie de la réponse",
        title_en: "Entropy of the answer",
        summary_fr: "Le modèle hésite moins sur les données sur lesquelles il a été entraîné.",
        summary_en: "The model hesitates less on data that it was trained on.",
        formula: "Σ_j p_j ln p_j",
        paper: "Shokri, Stronati, Song and Shmatikov, Membership Inference Attacks Against Machine Learning Models, 2017, arXiv 1610.05820",
        source: include_str!("entropy.rs"),
    };
    type Config = NoParameters;

    fn new(_: NoParameters) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        single::needs(Signal::Entropy)
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        single::score(case, ctx, Signal::Entropy, -1.0)
    }
}
