//! **Idea.** A model is surer of what it learned: the distance between the logit-scaled confidence on the record and its mean over reference
//! models that never saw the record is larger for members.
//!
//! **Threat model.** Probabilities of the target, and reference models trained on other samples of the same data.
//!
//! **Formula.** score = φ(target) − weight · mean of φ over the reference models fitted without the record, φ = ln p − ln(1 − p) of the true
//! class.
//!
//! **Paper.** Write down where your attack comes from. This one is difficulty calibration: Watson et al. 2022, arXiv 2111.08440.
//!
//! **Cost.** One pass over the signals.
//!
//! **When it fails.** Where reference models were trained otherwise than the target, their mean says little about the record.

use paname_core::{
    Attack, Case, Ctx, Entry, Error, Family, Findings, Info, Needs, Result, Signal, Whom,
};

/// The attacks of this crate: a row for each is all that PANAME needs to know.
pub const ATTACKS: &[Entry] = &[Entry::of::<ExampleAttack>()];

paname_core::export_plugin!(ATTACKS, paname_core::NO_ADAPTERS);

/// The parameters, as they stand under `parameters` in `audit.toml`.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// How much of the reference models' mean is subtracted, from 0 to 1.
    pub weight: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { weight: 1.0 }
    }
}

/// See the head of this file.
pub struct ExampleAttack {
    weight: f64,
}

impl Attack for ExampleAttack {
    const INFO: Info = Info {
        name: "example-attack",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Example Attack",
        title_en: "Example Attack",
        summary_fr: "Le modèle est plus sûr de ce qu’il a appris que des modèles qui ne l’ont pas vu.",
        summary_en: "The model is surer of what it learned than models that never saw it.",
        formula: "φ(target) − weight · mean φ(reference models without the record)",
        paper: "Watson et al. 2022, arXiv 2111.08440",
        source: include_str!("lib.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        if !(0.0..=1.0).contains(&config.weight) {
            return Err(Error::Config(format!(
                "`weight` is {}; expected a number from 0 to 1",
                config.weight
            )));
        }
        Ok(Self {
            weight: config.weight,
        })
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
        let scores =
            case.map_records(Whom::Audited, &[Signal::ScaledConfidence], ctx, |record| {
                let mean = |values: &[f32]| {
                    values.iter().map(|&v| f64::from(v)).sum::<f64>() / values.len() as f64
                };
                let augmentations = record.target(0).len();
                let references = record.references(0).chunks(augmentations);
                let membership = record.membership();
                let without = references
                    .zip(membership.iter())
                    .filter(|(_, fitted)| !fitted);
                let (sum, count) = without.fold((0.0, 0.0), |(sum, count), (values, _)| {
                    (sum + mean(values), count + 1.0)
                });
                Ok(mean(record.target(0)) - self.weight * sum / f64::max(count, 1.0))
            })?;
        Ok(Findings::Membership(scores))
    }
}
