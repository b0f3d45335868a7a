//! # Confidence and label (CSMIA)
//!
//! **Idea.** If one value alone makes the model answer the true label, it is the true one. If several do, the surest answer tells; if none does, the
//! answer that the model is least sure of.
//!
//! **Threat model.** The attacker knows everything else about the record and its label, and sees probabilities or logits. No other data.
//!
//! **Formula.** c_v is the largest probability that the model gives to a class with candidate v, and the candidate is right where that class is the true
//! one. Case 1, one candidate is right: it. Case 2, several are: the right one with the largest c_v. Case 3, none is: the one with the smallest c_v.
//! score_v = ± c_v, + where v is right, to which the guess adds 4 in case 1 and 2 in case 2: guesses of case 1 are 4 to 6 ahead of the second, those of
//! case 2 2 to 3, those of case 3 at most 1.
//!
//! **Paper.** Mehnaz, Dibbo, Kabir, Li and Bertino, *Are Your Sensitive Attributes Private? Novel Model Inversion Attribute Inference Attacks on
//! Classification Models*, USENIX Security 2022, arXiv 2201.09370. How sure a guess is within a case is ours.
//!
//! **Cost.** One question per record and candidate.
//!
//! **When it fails.** On a model that answers alike for all values only confidences are left. It uses nothing of the population, and may be worse than
//! imputation all the while it tells members from others: compare both.

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sweep::sweep;

/// Parameters of [`Csmia`]: there are none.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {}

/// Scores a candidate by whether it alone makes the model right, and by confidence.
pub struct Csmia;

/// Positive exactly where the model is right.
const RIGHT: Signal = Signal::Margin;
const CONFIDENCE: Signal = Signal::TopProbability { rank: 0 };

impl Attack for Csmia {
    const INFO: Info = Info {
        name: "csmia",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Confiance et réponse (CSMIA)",
        title_en: "Confidence and label (CSMIA)",
        summary_fr: "Une seule valeur de l’attribut conduit le modèle à la bonne réponse, ou l’y conduit avec le plus d’assurance.",
        summary_en: "One value of the attribute alone leads the model to the right answer, or leads it there most confidently.",
        formula: "± c_v + 4 for the only right v, + 2 for the surest of several",
        paper: "Mehnaz, Dibbo, Kabir, Li and Bertino, Are Your Sensitive Attributes Private?, 2022, arXiv 2201.09370",
        source: include_str!("csmia.rs"),
    };
    type Config = Config;

    fn new(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { signals: vec![RIGHT, CONFIDENCE], ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let candidates = case.attribute()?.candidates.len();
        let margins = sweep(case, ctx, Whom::Audited, RIGHT)?;
        let confidences = sweep(case, ctx, Whom::Audited, CONFIDENCE)?;
        let rows = margins.chunks_exact(candidates).zip(confidences.chunks_exact(candidates));
        Ok(Findings::Attribute(
            rows.flat_map(|(margins, confidences)| scores(margins, confidences)).collect(),
        ))
    }
}

/// The scores of the candidates of one record.
fn scores(margins: &[f64], confidences: &[f64]) -> Vec<f64> {
    let signed = |(margin, confidence): (&f64, &f64)| {
        let confidence = confidence.clamp(0.0, 1.0);
        if *margin > 0.0 { confidence } else { -confidence }
    };
    let mut scores: Vec<f64> = margins.iter().zip(confidences).map(signed).collect();
    let bonus = match margins.iter().filter(|margin| **margin > 0.0).count() {
        0 => 0.0,
        1 => 4.0,
        _ => 2.0,
    };
    // The first of equal ones; of confidences of 0, of the right ones.
    let mut best: Option<usize> = None;
    for v in (0..scores.len()).filter(|v| bonus == 0.0 || margins[*v] > 0.0) {
        if best.is_none_or(|best| scores[v] > scores[best]) {
            best = Some(v);
        }
    }
    if let Some(best) = best {
        scores[best] += bonus;
    }
    scores
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn the_three_cases() {
        assert_eq!(scores(&[-1.0, 2.0, -0.5], &[0.75, 0.5, 0.25]), [-0.75, 4.5, -0.25]);
        assert_eq!(scores(&[1.0, 2.0, -0.5], &[0.75, 0.75, 0.5]), [2.75, 0.75, -0.5]);
        assert_eq!(scores(&[-1.0, -2.0, 0.0], &[0.75, 0.25, 0.5]), [-0.75, -0.25, -0.5]);
        // Numbers that are none.
        assert_eq!(scores(&[1.0, -1e30], &[-1e30, -1e30]), [4.0, 0.0]);
    }

    proptest! {
        /// The guess is that of the paper, and how far it is ahead says of which case it is.
        #[test]
        fn cases_exclude_each_other(row in prop::collection::vec((any::<bool>(), 0.01..1.0_f64), 2..6)) {
            let margins: Vec<f64> = row.iter().map(|(right, _)| if *right { 1.0 } else { -1.0 }).collect();
            let confidences: Vec<f64> = row.iter().map(|(_, confidence)| *confidence).collect();
            let scores = scores(&margins, &confidences);
            let best = crate::testing::best(&scores);
            let second = (0..row.len()).filter(|v| *v != best).map(|v| scores[v]).fold(f64::NEG_INFINITY, f64::max);
            let ahead = scores[best] - second;
            let right = row.iter().filter(|(right, _)| *right).count();
            match right {
                0 => {
                    prop_assert!((0.0..=1.0).contains(&ahead));
                    prop_assert!(confidences.iter().all(|c| confidences[best] <= *c));
                }
                1 => prop_assert!((4.0..=6.0).contains(&ahead) && row[best].0),
                _ => {
                    prop_assert!((2.0..=3.0).contains(&ahead) && row[best].0);
                    prop_assert!(row.iter().all(|(right, c)| !right || confidences[best] >= *c));
                }
            }
        }
    }
}
