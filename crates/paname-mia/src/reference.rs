//! # Reference (Attack-R)
//!
//! **Idea.** Models that never saw a record show how large its loss is without it. A target whose loss is smaller than that of nearly all of them has
//! likely seen it.
//!
//! **Threat model.** The attacker asks the target once per record, knows the true class, sees the loss, or probabilities or logits, from which it
//! follows, and fits reference models on data of the same kind, of which those that left a record out are compared with it. No population.
//!
//! **Formula.** score = #{k : ℓ_k ≥ ℓ_target} / K_out over the K_out reference models that left the record out: one minus the p-value of "the target
//! left it out too", up to the usual +1. With few models that share takes K_out + 1 values, and all records below every model tie at 1; so, by
//! default (`ties = "break"`), it is interpolated between neighbours and continued beyond them in steps of φ = ln p_y − ln(1 − p_y), a decreasing
//! function of the loss which does not saturate. It equals the plain share (`ties = "share"`) wherever the target stands level with a reference
//! model. Augmented variants are averaged.
//!
//! **Paper.** Ye, Maddi, Murakonda, Bindschaedler and Shokri, *Enhanced Membership Inference Attacks against Machine Learning Models*, ACM CCS
//! 2022, arXiv 2111.09679 (Attack R), which smooths the thresholds by interpolation, too.
//!
//! **Cost.** One question per record; K reference models; O(N K log K).
//!
//! **When it fails.** Beyond all reference models the distance is not measured against their spread, as `lira` offline does: a record on which models
//! disagree looks like a member. With `ties = "share"` and few models, nothing can be read at low false positive rates.

use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ladder::{Ladder, Ties};

/// Parameters of [`Reference`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What becomes of records that stand below the loss of the same number of reference models.
    pub ties: Ties,
}

/// Scores a record by the place of the target's loss among those of models that left it out.
pub struct Reference(Config);

impl Attack for Reference {
    const INFO: Info = Info {
        name: "reference",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Rang parmi des modèles de référence (Attack-R)",
        title_en: "Rank among reference models (Attack-R)",
        summary_fr: "Le modèle se trompe moins sur ces données que presque tous les modèles semblables qui les ignorent.",
        summary_en: "The model errs less on these data than nearly all similar models that never saw them.",
        formula: "#{k : loss_k ≥ loss_target} / K over the models k that left the record out",
        paper: "Ye, Maddi, Murakonda, Bindschaedler and Shokri, Enhanced Membership Inference Attacks against Machine Learning Models, 2022, \
                arXiv 2111.09679",
        source: include_str!("reference.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: vec![Signal::ScaledConfidence],
            references_min: 1,
            references_max: usize::MAX,
            in_out_min: (0, 1),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let scores = case.map_records(Whom::Audited, &[Signal::ScaledConfidence], ctx, |record| {
            let (target, members) = (record.target(0), record.membership());
            let mut sum = 0.0;
            for (a, &value) in target.iter().enumerate() {
                let models = record.references(0).iter().skip(a).step_by(target.len()).enumerate();
                let without = models.filter(|(k, _)| !members.contains(*k));
                let ladder = Ladder::new(without.map(|(_, value)| f64::from(*value)).collect())?;
                sum += ladder.place(f64::from(value), self.0.ties);
            }
            Ok(sum / target.len() as f64)
        })?;
        Ok(Findings::Membership(scores))
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Membership;
    use paname_testkit::{TableCase, TableSignals};

    use super::*;

    #[test]
    fn models_with_the_record_do_not_count() {
        // Reference models: 0 was fitted with the record, 1 and 2 without.
        let mut membership = Membership::none(1, 3);
        membership.insert(0, 0);
        let scores = |target: f32, ties| {
            let values = vec![target, 9.0, 1.0, 3.0];
            let signals = TableSignals::new(4, 1).with(Signal::ScaledConfidence, Whom::Audited, values);
            let case = TableCase::over(signals, vec![0], Vec::new(), 2, membership.clone(), vec![true])
                .case_scores(ties);
            case[0]
        };
        assert_eq!(scores(2.0, Ties::Share), 0.5);
        assert_eq!(scores(2.0, Ties::Break), 0.75);
        assert_eq!(scores(8.0, Ties::Share), 1.0);
        assert_eq!(scores(8.0, Ties::Break), 6.0);
    }

    trait Scores {
        fn case_scores(&self, ties: Ties) -> Vec<f64>;
    }

    impl Scores for TableCase<TableSignals> {
        fn case_scores(&self, ties: Ties) -> Vec<f64> {
            let findings =
                Reference(Config { ties }).run(&self.case().unwrap(), &Ctx::new(1, "test", 1, &())).unwrap();
            findings.membership(self.truth.len()).unwrap()
        }
    }
}
