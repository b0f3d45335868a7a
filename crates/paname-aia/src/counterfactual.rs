//! # Counterfactual
//!
//! **Idea.** What does the target know of this person that models do not know that were fitted without this record? Where it is surer with a value than
//! they are, the value comes from the record, and not from people like it.
//!
//! **Threat model.** The attacker knows everything else about the record and its label, sees the loss, or probabilities or logits, from which it follows,
//! and fits reference models on data of the same kind. Of those, for each record, he may use the ones that left it out: those that included it were fitted with its true
//! value, which he does not have.
//!
//! **Formula.** φ(v) = ln p(y | x_v) − ln(1 − p(y | x_v)), or another `signal`: of real values −ln of the error, elsewhere the log-density. With μ(v) and
//! σ(v) the mean and the deviation over the reference models that left the record out, z = (φ_target(v) − μ(v)) / σ(v) and score_v = z |z| / 2: where z
//! is above 0, the logarithm of the ratio of the likelihoods of the best normal law around φ_target and of that around μ; below, with the other sign. With `imputed` ln IP(v) is added,
//! the probability by `imputation`. σ²(v) by `variance`:
//!
//! | `variance` | σ²(v) |
//! |---|---|
//! | `shared` | one for all records with candidate v: Σ squares around each record's mean / Σ (n − 1) |
//! | `shrunk` | (squares around the record's mean + 4 · shared) / (n − 1 + 4) |
//! | `auto` | `shared` where a record has fewer than 16 models without it, `shrunk` otherwise |
//!
//! **Paper.** The test is the offline one of Carlini, Chien, Nasr, Song, Terzis and Tramèr, *Membership Inference Attacks From First Principles*, IEEE S&P 2022,
//! arXiv 2112.03570, put to every value. No published figure is claimed.
//!
//! **Cost.** One question per record and candidate; K reference models.
//!
//! **When it fails.** It says nothing of people like this one: where the target generalises, its guesses are worse than imputation, for members and others
//! alike. Reference models fitted on other data or in another way than the target shift all scores.

use paname_core::{Attack, Case, CaseSize, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sweep::{Measure, bounded, log};

/// Parameters of [`Counterfactual`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is compared: `auto`, or the name of a signal that is large where the model knows the record.
    pub signal: Measure,
    /// How the spread of the reference models is estimated.
    pub variance: Variance,
    /// Whether the probability by imputation counts.
    pub imputed: bool,
}

/// How the spread of the reference models is estimated.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variance {
    /// `shared` where a record has fewer than 16 models without it, `shrunk` otherwise.
    #[default]
    Auto,
    /// One for all records with a candidate.
    Shared,
    /// Each record's own, drawn towards the shared one.
    Shrunk,
}

/// What is compared in classification.
const OWN: Signal = Signal::ScaledConfidence;
/// Number of reference models from which on `auto` lets a record's own variance count.
const SHRINK_FROM: usize = 16;
/// How many models the shared variance counts for.
const WEIGHT: f64 = 4.0;

/// Scores a candidate by how much surer the target is than models without the record.
pub struct Counterfactual {
    config: Config,
    signal: Signal,
}

impl Attack for Counterfactual {
    const INFO: Info = Info {
        name: "counterfactual",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Comparaison à des modèles sans la fiche",
        title_en: "Comparison with models without the record",
        summary_fr: "Le modèle sait de cette personne ce que des modèles semblables, entraînés sans elle, ignorent.",
        summary_en: "The model knows of this person what similar models, trained without this record, do not.",
        formula: "z |z| / 2 (+ ln IP(v)), z = (φ_target(x_v) − μ_out(v)) / σ_out(v)",
        paper: "Carlini, Chien, Nasr, Song, Terzis and Tramèr, Membership Inference Attacks From First Principles, 2022, arXiv 2112.03570",
        source: include_str!("counterfactual.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self { signal: config.signal.signal(OWN)?, config })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let variance = match config.variance {
            Variance::Auto if size.fitted_without_min >= SHRINK_FROM => Variance::Shrunk,
            Variance::Auto => Variance::Shared,
            settled => settled,
        };
        Config { signal: config.signal.settled(size, OWN), variance, ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: vec![self.signal],
            references_min: 2,
            references_max: usize::MAX,
            in_out_min: (0, 2),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let attribute = case.attribute()?;
        let candidates = attribute.candidates.len();
        let imputed = if self.config.imputed { Some(attribute.imputed()?) } else { None };
        let variance = Self::settle(self.config.clone(), &CaseSize::of(case)).variance;
        let rows = case.map_records(Whom::Audited, &[self.signal], ctx, |record| {
            let (target, references) = (record.target(0), record.references(0));
            let of = |v: usize| {
                let fitted = record.membership();
                let without = (0..fitted.len()).filter(|k| !fitted.contains(*k));
                let values = without.map(|k| bounded(f64::from(references[k * candidates + v])));
                Compared::new(bounded(f64::from(target[v])), values)
            };
            Ok((0..candidates).map(of).collect::<Vec<Compared>>())
        })?;
        let rows = rows.concat();
        let shared: Vec<f64> = (0..candidates)
            .map(|v| {
                let of = || rows.iter().skip(v).step_by(candidates);
                of().map(|one| one.squares).sum::<f64>()
                    / of().map(|one| one.models - 1.0).sum::<f64>().max(1.0)
            })
            .collect();
        let score = |(i, one): (usize, &Compared)| {
            let shared = shared[i % candidates];
            let variance = match variance {
                Variance::Shrunk => (one.squares + WEIGHT * shared) / (one.models - 1.0 + WEIGHT),
                Variance::Auto | Variance::Shared => shared,
            };
            let z = bounded((one.target - one.mean) / variance.sqrt().max(one.rounding()));
            bounded(0.5 * z * z.abs()) + imputed.map_or(0.0, |imputed| log(imputed[i]))
        };
        Ok(Findings::Attribute(rows.iter().enumerate().map(score).collect()))
    }
}

/// The target and the models that left a record out, with one candidate.
#[derive(Debug, Clone, Copy)]
struct Compared {
    target: f64,
    models: f64,
    mean: f64,
    /// Sum of squares around the mean.
    squares: f64,
}

impl Compared {
    fn new(target: f64, values: impl Iterator<Item = f64> + Clone) -> Self {
        let models = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / models;
        let squares = values.map(|value| (value - mean).powi(2)).sum();
        Self { target, models, mean, squares }
    }

    /// The rounding of the signals, which are in single precision.
    fn rounding(&self) -> f64 {
        f64::from(f32::EPSILON) * self.mean.abs().max(1.0)
    }
}
