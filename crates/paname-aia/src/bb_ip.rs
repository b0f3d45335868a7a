//! # Model and imputation (BB·IP)
//!
//! **Idea.** What the model says of each value is joined to what can be guessed without it: whoever beats imputation by this beats it by the model.
//!
//! **Threat model.** The attacker knows everything else about the record and its label, sees probabilities, logits or the loss, and has the population
//! with its values of the attribute, from which an imputer was learned.
//!
//! **Formula.** score_v = ln p(y | x_v) + ln IP(v), with IP the probability that `imputation` gives. In other tasks than classification ln p is the
//! `signal` of `attribute-confidence`. A value to which the model gives no probability at all has the product 0. Where all of a record have, as a tree often says of
//! whom it does not know, the published rule has nothing to choose by and names the first; with `impossible = "imputation"` the imputer chooses among them.
//!
//! **Paper.** Jayaraman and Evans, *Are Attribute Inference Attacks Just Imputation?*, ACM CCS 2022, arXiv 2209.01292.
//!
//! **Cost.** One question per record and candidate. The imputation is the audit's own, which it makes once.
//!
//! **When it fails.** An imputer that is too sure drowns what the model says. Taken alone, it is mostly as good as imputation: what tells of the model is
//! what it adds, and whether it adds more for members.

use paname_core::{Attack, Case, CaseSize, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::sweep::{LOG_PROBABILITY, Measure, log, sweep};

/// Parameters of [`BbIp`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is taken for the logarithm of a likelihood: `auto`, or the name of a signal that is large where the model knows the record.
    pub signal: Measure,
    /// What becomes of values to which the model gives no probability.
    pub impossible: Impossible,
}

/// What becomes of values to which the model gives no probability.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Impossible {
    /// Their product is 0, whatever imputation says: the published rule.
    #[default]
    Product,
    /// They count as nearly impossible, so that imputation chooses where a record has no other.
    Imputation,
}

/// Scores a candidate by the confidence of the target and the probability by imputation.
pub struct BbIp {
    signal: Signal,
    impossible: Impossible,
}

/// The logarithm of the least probability that signals know, and a little above: as much as none.
const NONE: f64 = -87.0;
/// The score of a value that cannot be: below all others, and finite, so that imputation still tells how sure the other value is.
const EXCLUDED: f64 = -1e4;

impl Attack for BbIp {
    const INFO: Info = Info {
        name: "bb-ip",
        version: 1,
        family: Family::AttributeInference,
        title_fr: "Modèle et imputation (BB·IP)",
        title_en: "Model and imputation (BB·IP)",
        summary_fr: "La confiance du modèle, jointe à ce que le reste de la fiche laisse deviner, révèle l’attribut.",
        summary_en: "The model’s confidence, with what the rest of the record lets one guess, reveals the attribute.",
        formula: "ln p(y | x_v) + ln IP(v)",
        paper: "Jayaraman and Evans, Are Attribute Inference Attacks Just Imputation?, 2022, arXiv 2209.01292",
        source: include_str!("bb_ip.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self { signal: config.signal.signal(LOG_PROBABILITY)?, impossible: config.impossible })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { signal: config.signal.settled(size, LOG_PROBABILITY), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { signals: vec![self.signal], ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let imputed = case.attribute()?.imputed()?;
        let said = sweep(case, ctx, Whom::Audited, self.signal)?;
        let excluded = |said: f64| {
            self.signal == LOG_PROBABILITY && self.impossible == Impossible::Product && said < NONE
        };
        let score = |(said, p): (&f64, &f64)| {
            if excluded(*said) { EXCLUDED } else { said + log(*p) }
        };
        Ok(Findings::Attribute(said.iter().zip(imputed).map(score).collect()))
    }
}
