//! # Difficulty calibration
//!
//! **Idea.** A record that is easy for every model tells nothing when it is easy for the target. Subtract from the target's score what models give
//! that never saw the record.
//!
//! **Threat model.** The attacker asks the target once per record, knows the true class, sees the loss, or probabilities or logits, from which it
//! follows, and fits reference models on data of the same kind, of which those that left a record out serve for it; one is enough. No population.
//!
//! **Formula.** score = s_target − mean of s_k over the reference models k that left the record out, where s is `score`: −ℓ = ln p_y (`loss`) or φ =
//! ln p_y − ln(1 − p_y) (`scaled-confidence`). Augmented variants are averaged.
//!
//! **Paper.** Watson, Guo, Cormode and Sablayrolles, *On the Importance of Difficulty Calibration in Membership Inference Attacks*, ICLR 2022, arXiv
//! 2111.08440.
//!
//! **Cost.** One question per record; K reference models; O(N K).
//!
//! **When it fails.** The difference is not measured against the spread of the models on the record, as in `lira`. By its loss a record can exceed
//! the others only as far as they err: where reference models are all right, `loss` finds nothing and `scaled-confidence` may.

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::single::mean;

/// Parameters of [`Calibration`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The score that is calibrated.
    pub score: Score,
}

/// The score that is calibrated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Score {
    /// Minus the loss.
    #[default]
    Loss,
    /// ln p_y − ln(1 − p_y).
    ScaledConfidence,
}

impl Score {
    /// The signal, and the sign with which it counts.
    const fn signal(self) -> (Signal, f64) {
        match self {
            Self::Loss => (Signal::Loss, -1.0),
            Self::ScaledConfidence => (Signal::ScaledConfidence, 1.0),
        }
    }
}

/// Scores a record by how much the target exceeds models that left it out.
pub struct Calibration(Config);

impl Attack for Calibration {
    const INFO: Info = Info {
        name: "calibration",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Calibration par la difficulté",
        title_en: "Difficulty calibration",
        summary_fr: "Le modèle se trompe moins sur ces données que des modèles semblables qui les ignorent.",
        summary_en: "The model errs less on these data than similar models that never saw them.",
        formula: "s_target − mean_k s_k over the models k that left the record out, s = −loss",
        paper: "Watson, Guo, Cormode and Sablayrolles, On the Importance of Difficulty Calibration in Membership Inference Attacks, 2022, \
                arXiv 2111.08440",
        source: include_str!("calibration.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: vec![self.0.score.signal().0],
            references_min: 1,
            references_max: usize::MAX,
            in_out_min: (0, 1),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let (signal, sign) = self.0.score.signal();
        let scores = case.map_records(Whom::Audited, &[signal], ctx, |record| {
            let target = record.target(0);
            let members = record.membership();
            let models = record.references(0).chunks_exact(target.len()).enumerate();
            let without = models.filter(|(k, _)| !members.contains(*k)).map(|(_, values)| mean(values));
            let expected = without.sum::<f64>() / members.count_out() as f64;
            Ok(sign * (mean(target) - expected))
        })?;
        Ok(Findings::Membership(scores))
    }
}
