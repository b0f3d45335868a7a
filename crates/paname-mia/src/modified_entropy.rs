//! # Modified entropy
//!
//! **Idea.** Entropy, corrected by the true class: a confident right answer speaks for membership, a confident wrong one against it.
//!
//! **Threat model.** The attacker asks the target once per record, knows the true class, and sees all probabilities, or the logits. No other
//! model, no other data.
//!
//! **Formula.** score = −Mentr(p, y) = (1 − p_y) ln p_y + Σ_{j≠y} p_j ln(1 − p_j). Augmented variants are averaged. The paper sets one threshold
//! per class on shadow data; here one threshold serves all, as for every other attack, and slices by class are left to the statistics.
//!
//! **Paper.** Song and Mittal, *Systematic Evaluation of Privacy Risks of Machine Learning Models*, USENIX Security 2021, arXiv 2003.10595, eq. 8.
//!
//! **Cost.** One question per record.
//!
//! **When it fails.** As `confidence`: it does not know how hard a record is for models that never saw it.

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal};

use crate::single::{self, NoParameters};

/// Scores a record by minus the modified entropy of the target's answer.
pub struct ModifiedEntropy;

impl Attack for ModifiedEntropy {
    const INFO: Info = Info {
        name: "modified-entropy",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Entropie modifiée",
        title_en: "Modified entropy",
        summary_fr: "Le modèle hésite moins, et à bon escient, sur les données sur lesquelles il a été entraîné.",
        summary_en: "The model hesitates less, and rightly so, on data that it was trained on.",
        formula: "(1 − p_y) ln p_y + Σ_{j≠y} p_j ln(1 − p_j)",
        paper: "Song and Mittal, Systematic Evaluation of Privacy Risks of Machine Learning Models, 2021, arXiv 2003.10595",
        source: include_str!("modified_entropy.rs"),
    };
    type Config = NoParameters;

    fn new(_: NoParameters) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        single::needs(Signal::ModifiedEntropy)
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        single::score(case, ctx, Signal::ModifiedEntropy, -1.0)
    }
}
