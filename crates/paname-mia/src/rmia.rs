//! # RMIA
//!
//! **Idea.** Is the record better explained by membership than a random record of the population is? The ratio of the target's probability
//! to the reference models' mean is computed for the record and for every population record z; the score is how often the record wins.
//!
//! **Threat model.** The attacker asks the target once per record, knows true classes, sees logits or probabilities (at temperature 1 the loss
//! suffices), fits reference models on data of the same kind, and holds a population. Z is always the population: audited records in Z would
//! leak between scores.
//!
//! **Formula.** With p the probability of the true class at temperature T, ratio(x) = p_target(x) / Pr(x). Online, Pr(x) is the mean of
//! p_k(x) over all reference models. Offline, it is ((1 + a) · mean over the models that left x out + (1 − a)) / 2, for x and for z alike.
//! Score = #{z : ratio(x) / ratio(z) ≥ γ} / |Z|, by sorting the ratios of Z and searching. For one target that share only rounds ratio(x) to
//! |Z| levels, and every record above all of Z scores 1; so, by default (`ties = "break"`), the share is interpolated between neighbours in Z
//! and continued beyond them in steps of ln ratio: no rank is lost, and γ and Z then move the level but not the ranking. `ties = "share"` is
//! the plain formula. In other tasks than classification, p is the exponential of the statistic of the task: a density, of real values with errors of
//! unknown scale, of whole records with likelihoods. Where the model does not give one, it is only a number that ratios are taken of. With augmentations, the log ratios are averaged before they are compared, where the paper lets them vote.
//!
//! **Paper.** Zarifzadeh, Liu and Shokri, *Low-Cost High-Power Membership Inference Attacks*, ICML 2024, arXiv 2312.03262. Defaults γ = 2, T = 2
//! and, for the offline mode, a = 0.33 as for CIFAR-10; the paper tunes a on a reference model, and uses a Taylor softmax where this is the
//! usual one.
//!
//! **Cost.** One question per record and per population record; K reference models; O((N + |Z|)(K + log |Z|)) time, O(N + |Z|) memory.
//!
//! **When it fails.** With `ties = "share"` and a small Z, at low false positive rates: ties at 1. A population that differs from the audited
//! records shifts the level. One Pr per record ignores how much the models vary, which `lira` uses when there are many of them.

use paname_core::{Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{check_share, checked_temperature};
use crate::ladder::{Ladder, Ties};
use crate::references::{Mode, log_mean};
use crate::statistic::Statistic;

/// Parameters of [`Rmia`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is taken for the logarithm of a likelihood: `auto`, that of the true class at `temperature` in classification and the statistic of the
    /// task elsewhere, or the name of a signal of which members have larger values.
    pub signal: Statistic,
    /// Which reference models a record is compared with.
    pub mode: Mode,
    /// How many times a population record's ratio the record's ratio must be in order to win (γ), above 0.
    pub gamma: f64,
    /// Temperature of the softmax, above 0, where the signal is `auto` in classification. Values other than 1 need logits or probabilities.
    pub temperature: f64,
    /// Slope of the line that takes the mean over models without the record for the mean over all, from 0 to 1; offline only.
    pub a: f64,
    /// What becomes of records that win against the same number of population records.
    pub ties: Ties,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signal: Statistic::default(),
            mode: Mode::default(),
            gamma: 2.0,
            temperature: 2.0,
            a: 0.33,
            ties: Ties::default(),
        }
    }
}

/// Scores a record by how often its likelihood ratio beats a population record's.
pub struct Rmia {
    config: Config,
    signal: Signal,
}

impl Attack for Rmia {
    const INFO: Info = Info {
        name: "rmia",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Rapport de vraisemblance relatif (RMIA)",
        title_en: "Relative likelihood ratio (RMIA)",
        summary_fr: "Comparé à des modèles semblables, le modèle est anormalement sûr de lui sur ces données, plus que sur d'autres.",
        summary_en: "Compared with similar models, the model is unusually sure on these data, more than on others.",
        formula: "#{z ∈ Z : ratio_x / ratio_z ≥ γ} / |Z|, ratio = p_target / mean_k p_k",
        paper: "Zarifzadeh, Liu and Shokri, Low-Cost High-Power Membership Inference Attacks, 2024, arXiv 2312.03262",
        source: include_str!("rmia.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        check_share("a", config.a)?;
        if !(config.gamma.is_finite() && config.gamma > 0.0) {
            return Err(Error::Config(format!("`gamma` must be a number above 0, got {}", config.gamma)));
        }
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
            population_min: 1,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let online = Self::settle(self.config.clone(), &CaseSize::of(case)).mode == Mode::Online;
        let ladder = Ladder::new(self.log_ratios(case, ctx, Whom::Population, online)?)?;
        let log_gamma = libm::log(self.config.gamma);
        let mut scores = self.log_ratios(case, ctx, Whom::Audited, online)?;
        for score in &mut scores {
            *score = ladder.place(*score - log_gamma, self.config.ties);
        }
        Ok(Findings::Membership(scores))
    }
}

impl Rmia {
    /// ln(p_target / Pr) of each record, the mean over augmentations.
    fn log_ratios(&self, case: &Case<'_>, ctx: &Ctx<'_>, whom: Whom, online: bool) -> Result<Vec<f64>> {
        let (slope, intercept) =
            (libm::log(f64::midpoint(1.0, self.config.a)), libm::log(f64::midpoint(1.0, -self.config.a)));
        case.map_records(whom, &[self.signal], ctx, |record| {
            let target = record.target(0);
            let left_out = (!online).then(|| record.membership());
            let mut sum = 0.0;
            for (a, log_p) in target.iter().enumerate() {
                let mean = log_mean(record.references(0), target.len(), a, left_out);
                if mean == f64::NEG_INFINITY {
                    let group = if whom == Whom::Audited { "audited" } else { "population" };
                    let what = format!("reference models fitted without {group} record {}", record.index());
                    return Err(Error::Missing { what, needed: 1, got: 0 });
                }
                let reference = if online { mean } else { log_add(slope + mean, intercept) };
                sum += f64::from(*log_p) - reference;
            }
            Ok(sum / target.len() as f64)
        })
    }
}

/// ln(exp a + exp b); either may be −∞, not both.
fn log_add(a: f64, b: f64) -> f64 {
    let (most, least) = if a > b { (a, b) } else { (b, a) };
    most + libm::log1p(libm::exp(least - most))
}

#[cfg(test)]
mod tests {
    use paname_core::Membership;
    use paname_testkit::{TableCase, TableSignals};

    use super::*;

    /// One reference model fitted on nothing of this, log-probabilities as given.
    fn scores(config: Config, audited: Vec<f32>, population: Vec<f32>) -> Vec<f64> {
        let signal = Signal::LogProbability { temperature: config.temperature as f32 };
        let (n, z) = (audited.len() / 2, population.len() / 2);
        let signals = TableSignals::new(2, 1).with(signal, Whom::Audited, audited).with(
            signal,
            Whom::Population,
            population,
        );
        let case = TableCase::over(signals, vec![0; n], vec![0; z], 1, Membership::none(n, 1), vec![true; n]);
        let findings = Rmia::new(config).unwrap().run(&case.case().unwrap(), &Ctx::new(1, "test", 1, &()));
        findings.unwrap().membership(n).unwrap()
    }

    #[test]
    fn share_and_break_by_hand() {
        // Log ratios of Z: 0 and 1; of the records 1.5, 0.5 and 3. With γ = 1 and a = 1 the references are taken as they are.
        let population = vec![-1.0, -1.0, -1.0, -2.0];
        let audited = vec![-0.5, -2.0, -0.5, -1.0, 0.0, -3.0];
        let config = Config { gamma: 1.0, a: 1.0, ties: Ties::Share, ..Config::default() };
        assert_eq!(scores(config.clone(), audited.clone(), population.clone()), [1.0, 0.5, 1.0]);
        let config = Config { ties: Ties::Break, ..config };
        assert_eq!(scores(config, audited, population), [1.5, 0.75, 3.0]);
    }

    #[test]
    fn extreme_and_equal_values() {
        for a in [0.0, 0.33, 1.0] {
            let config = Config { a, ..Config::default() };
            let audited = vec![0.0, -1e30, -1e30, 0.0, -1e30, -1e30];
            let extreme = scores(config.clone(), audited, vec![-1e30, 0.0, 0.0, 0.0]);
            assert!(extreme.iter().all(|s| s.is_finite()) && extreme[0] > extreme[1], "{extreme:?}");
            let equal = scores(config, vec![-1.0; 6], vec![-1.0; 4]);
            assert!(equal.iter().all(|s| *s == equal[0]));
        }
    }

    #[test]
    fn parameters_are_checked() {
        for gamma in [0.0, -1.0, f64::NAN, f64::INFINITY] {
            assert!(Rmia::new(Config { gamma, ..Config::default() }).is_err(), "{gamma}");
        }
        for a in [-0.1, 1.1, f64::NAN] {
            assert!(Rmia::new(Config { a, ..Config::default() }).is_err(), "{a}");
        }
        assert!(Rmia::new(Config { temperature: 0.0, ..Config::default() }).is_err());
    }

    #[test]
    fn auto_without_models_fitted_with_the_records_is_offline() {
        let run = |mode| {
            scores(Config { mode, ..Config::default() }, vec![-0.5, -2.0, -0.5, -1.0], vec![-1.0, -1.0])
        };
        assert_eq!(run(Mode::Auto), run(Mode::Offline));
    }
}
