//! # Gap
//!
//! **Idea.** A model is right more often about the records that it was trained on: whoever is classified rightly is taken for a member.
//!
//! **Threat model.** The attacker asks the target once per record, sees the class that it gives and nothing else, and knows the true class. No
//! other model, no other data.
//!
//! **Formula.** score = 1 where the class given is the true one, else 0. Its advantage is the gap between accuracy on members and on
//! non-members, which gives it its name.
//!
//! **Paper.** Yeom, Giacomelli, Fredrikson and Jha, *Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting*, CSF 2018, arXiv
//! 1709.01604, adversary 1; the baseline of Choquette-Choo, Tramèr, Carlini and Papernot, *Label-Only Membership Inference Attacks*, ICML 2021, arXiv
//! 2007.14321.
//!
//! **Cost.** One question per record.
//!
//! **When it fails.** Where the model generalises well, or is right about everything. It cannot flag few records: at a low false-positive
//! rate it finds next to nothing.

use paname_core::{Access, Attack, Case, Ctx, Family, Findings, Info, Needs, Result};

use crate::asking::predicted_audited;
use crate::single::NoParameters;

/// Scores a record by whether it is classified rightly.
pub struct Gap;

impl Attack for Gap {
    const INFO: Info = Info {
        name: "gap",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Écart d’exactitude",
        title_en: "Gap",
        summary_fr: "Le modèle classe plus souvent correctement les données sur lesquelles il a été entraîné.",
        summary_en: "The model is right more often about data that it was trained on.",
        formula: "1[predicted class = y]",
        paper: "Yeom, Giacomelli, Fredrikson and Jha, Privacy Risk in Machine Learning: Analyzing the Connection to Overfitting, 2018, arXiv 1709.01604",
        source: include_str!("gap.rs"),
    };
    type Config = NoParameters;

    fn new(_: NoParameters) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { access: Access::LABELS, classes: true, queries_per_record: 1, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let (classes, _) = case.audited().classes()?;
        let predicted = predicted_audited(case, ctx)?;
        let right =
            predicted.iter().zip(classes).map(|(given, truth)| f64::from(*given == i64::from(*truth)));
        Ok(Findings::Membership(right.collect()))
    }
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    #[test]
    fn right_answers_are_told_from_wrong_ones() {
        let toy = Toy::new(Behaviour::Memorising, Size { records: 50, ..Size::default() }, 3);
        let findings = Gap.run(&toy.case().unwrap(), &Ctx::new(1, "test", 1, &())).unwrap();
        let scores = findings.membership(50).unwrap();
        assert!(scores.iter().zip(toy.truth()).all(|(score, member)| !member || *score == 1.0));
        assert!(scores.contains(&0.0));
    }
}
