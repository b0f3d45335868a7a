//! # BASE
//!
//! **Idea.** The Bayes-optimal attacker compares the target's probability of the true class with the average that reference models give:
//! what is left is what this target knows and others do not.
//!
//! **Threat model.** The attacker asks the target once per record, knows the true class, sees logits or probabilities (at temperature 1 the
//! loss suffices), and fits reference models on data of the same kind. No population.
//!
//! **Formula.** With p the probability of the true class at temperature T, online score = ln p_target − ln((1/K) Σ_k p_k) over all K
//! reference models; offline score = ln p_target − b · ln of the mean over the models that left the record out, b = `offline-scale`. The mean
//! is one of probabilities, not of their logarithms. In other tasks than classification, p is the exponential of the statistic of the task, see `rmia`. Augmented variants are averaged.
//!
//! **Paper.** Lassila, Östman, Ngo and Graell i Amat, *Practical Bayes-Optimal Membership Inference Attacks*, NeurIPS 2025, arXiv 2505.24089. The
//! defaults, T = 2 and b = 0.33, are those of the authors' tool.
//!
//! **Cost.** One question per record; K reference models; O(N K). The same ranking as `rmia` online, without a population.
//!
//! **When it fails.** Few reference models already give something, but online they must be fitted for the audited records. One threshold serves
//! all records however much the models vary on each, which `lira` uses when there are many. Reference models fitted on other data or in
//! another way than the target shift all scores.

use paname_core::{Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::references::{Mode, log_mean};
use crate::statistic::Statistic;

/// Parameters of [`Base`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is taken for the logarithm of a likelihood: `auto`, that of the true class at `temperature` in classification and the statistic of the
    /// task elsewhere, or the name of a signal of which members have larger values.
    pub signal: Statistic,
    /// Which reference models a record is compared with.
    pub mode: Mode,
    /// Temperature of the softmax, above 0, where the signal is `auto` in classification. Values other than 1 need logits or probabilities.
    pub temperature: f64,
    /// Weight of the reference term when offline, from 0 to 1.
    pub offline_scale: f64,
}

impl Default for Config {
    fn default() -> Self {
        Self { signal: Statistic::default(), mode: Mode::default(), temperature: 2.0, offline_scale: 0.33 }
    }
}

/// Scores a record by the log ratio of the target's probability to the reference models' mean.
pub struct Base {
    config: Config,
    signal: Signal,
}

/// The signal at a temperature that can be computed with.
pub(crate) fn checked_temperature(temperature: f64) -> Result<Signal> {
    let single = temperature as f32;
    if single.is_normal() && single > 0.0 {
        return Ok(Signal::LogProbability { temperature: single });
    }
    Err(Error::Config(format!("`temperature` must be a number above 0, got {temperature}")))
}

/// Refuses what is no share from 0 to 1.
pub(crate) fn check_share(name: &str, value: f64) -> Result<()> {
    if (0.0..=1.0).contains(&value) {
        return Ok(());
    }
    Err(Error::Config(format!("`{name}` must be from 0 to 1, got {value}")))
}

impl Attack for Base {
    const INFO: Info = Info {
        name: "base",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Rapport de Bayes à des modèles de référence (BASE)",
        title_en: "Bayes ratio to reference models (BASE)",
        summary_fr: "Le modèle est plus sûr de la vraie réponse que des modèles semblables, et cela trahit les données apprises.",
        summary_en: "The model is surer of the true answer than similar models are, and this betrays the data that it was trained on.",
        formula: "ln p_target − ln mean_k p_k",
        paper: "Lassila, Östman, Ngo and Graell i Amat, Practical Bayes-Optimal Membership Inference Attacks, 2025, arXiv 2505.24089",
        source: include_str!("base.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        check_share("offline-scale", config.offline_scale)?;
        let own = checked_temperature(config.temperature)?;
        Ok(Self { signal: config.signal.rising(own)?, config })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        // A temperature that cannot be is refused by `new`.
        let signal = match checked_temperature(config.temperature) {
            Ok(own) => config.signal.settled_likelihood(size, own),
            Err(_) => config.signal,
        };
        Config { signal, mode: config.mode.settled(size, (1, 1)), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: vec![self.signal],
            references_min: self.config.mode.least(2, 1),
            references_max: usize::MAX,
            in_out_min: self.config.mode.least((1, 1), (0, 1)),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let online = Self::settle(self.config.clone(), &CaseSize::of(case)).mode == Mode::Online;
        let scale = if online { 1.0 } else { self.config.offline_scale };
        let scores = case.map_records(Whom::Audited, &[self.signal], ctx, |record| {
            let target = record.target(0);
            let left_out = (!online).then(|| record.membership());
            let difference = |(a, log_p): (usize, &f32)| {
                f64::from(*log_p) - scale * log_mean(record.references(0), target.len(), a, left_out, 0.0)
            };
            Ok(target.iter().enumerate().map(difference).sum::<f64>() / target.len() as f64)
        })?;
        Ok(Findings::Membership(scores))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_checked() {
        for temperature in [0.0, -1.0, f64::NAN, f64::INFINITY, 1e300, 1e-300] {
            assert!(Base::new(Config { temperature, ..Config::default() }).is_err(), "{temperature}");
        }
        for offline_scale in [-0.1, 1.1, f64::NAN] {
            assert!(Base::new(Config { offline_scale, ..Config::default() }).is_err(), "{offline_scale}");
        }
        assert_eq!(Base::new(Config::default()).unwrap().signal, Signal::LogProbability { temperature: 2.0 });
    }
}
