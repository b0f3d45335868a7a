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
//! unknown scale, of whole records with likelihoods. Where the model does not give one, it is only a number that ratios are taken of.
//!
//! With augmentations, `queries = "mean"` averages the log ratios before they are compared; with `"vote"`, x wins against z where more than half of
//! its variants do, each against the mean of z's variants: the lower median of x's log ratios stands for x. `trim` leaves that share of the reference
//! models out of the mean p_k at either end. The word `"rehearsed"` in the place of `temperature`, `a` or `gamma` has it chosen, in this order, from
//! T ∈ {2, 1, 4}, a ∈ {0.33, 0, 0.1, …, 1} and, with `ties = "share"`, γ ∈ {2, 1, 4}, by the AUC with which up to four reference models are attacked in the target's place.
//!
//! **Paper.** Zarifzadeh, Liu and Shokri, *Low-Cost High-Power Membership Inference Attacks*, ICML 2024, arXiv 2312.03262. Defaults γ = 2, T = 2 and,
//! for the offline mode, a = 0.33 as for CIFAR-10. The authors' runs tune a on a reference model, trim a fifth at either end, let augmented variants
//! vote, and take the soft-margin Taylor softmax for p: `a = "rehearsed", trim = 0.2, queries = "vote", signal = "taylor-log-probability:2"`. That one needs
//! logits, and is no default: its polynomial rises again below −1.6, so that a record counts as the better known, the lower the logit of its class is there.
//!
//! **Cost.** One question per record and per population record; K reference models; O((N + |Z|)(K + log |Z|)) time, O(N + |Z|) memory.
//!
//! **When it fails.** With `ties = "share"` and a small Z, at low false positive rates: ties at 1. A population that differs from the audited
//! records shifts the level. One Pr per record ignores how much the models vary, which `lira` uses when there are many of them.

use paname_core::{
    Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result, Signal, Task, Whom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::base::{check_share, checked_temperature};
use crate::ladder::{Ladder, Ties};
use crate::references::{Mode, log_mean};
use crate::rehearsal::{Choice, choose};
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
    /// How many times a population record's ratio the record's ratio must be in order to win (γ), above 0, or `rehearsed`.
    pub gamma: Choice,
    /// Temperature of the softmax, above 0, or `rehearsed`. Values other than 1 need logits or probabilities.
    pub temperature: Choice,
    /// Slope of the line that takes the mean over models without the record for the mean over all, from 0 to 1, or `rehearsed`; offline only.
    pub a: Choice,
    /// Share of the reference models that is left out of their mean at either end, from 0 to below 0.5.
    pub trim: f64,
    /// How augmented variants of a record are taken together.
    pub queries: Queries,
    /// What becomes of records that win against the same number of population records.
    pub ties: Ties,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            signal: Statistic::default(),
            mode: Mode::default(),
            gamma: GAMMAS[0].into(),
            temperature: TEMPERATURES[0].into(),
            a: SLOPES[0].into(),
            trim: 0.0,
            queries: Queries::default(),
            ties: Ties::default(),
        }
    }
}

/// Candidates, the default first.
const GAMMAS: [f64; 3] = [2.0, 1.0, 4.0];
const TEMPERATURES: [f64; 3] = [2.0, 1.0, 4.0];
const SLOPES: [f64; 12] = [0.33, 0.0, 0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0];

/// How augmented variants of a record are taken together.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Queries {
    /// Their log ratios are averaged.
    #[default]
    Mean,
    /// They vote, for each record of the population.
    Vote,
}

/// Scores a record by how often its likelihood ratio beats a population record's.
pub struct Rmia(Config);

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
        for a in config.a.candidates(&SLOPES) {
            check_share("a", a)?;
        }
        for temperature in config.temperature.candidates(&TEMPERATURES) {
            config.signal.rising(checked_temperature(temperature)?)?;
        }
        for gamma in config.gamma.candidates(&GAMMAS) {
            if !(gamma.is_finite() && gamma > 0.0) {
                return Err(Error::Config(format!("`gamma` must be a number above 0, got {gamma}")));
            }
        }
        if !(0.0..0.5).contains(&config.trim) {
            return Err(Error::Config(format!("`trim` must be from 0 to below 0.5, got {}", config.trim)));
        }
        Ok(Self(config))
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        // A temperature that cannot be is refused by `new`; one that is rehearsed stays open where it matters.
        let temperatures = config.temperature.candidates(&TEMPERATURES);
        let open = temperatures.len() > 1 && size.task == Task::Classification;
        let signal = match checked_temperature(temperatures[0]) {
            Ok(own) if !open => config.signal.settled_likelihood(size, own),
            _ => config.signal,
        };
        Config { signal, mode: config.mode.settled(size, (1, 1)), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: self.0.temperatures().into_iter().filter_map(|t| self.0.signal_at(t).ok()).collect(),
            references_min: self.0.mode.least(2, 1),
            references_max: usize::MAX,
            in_out_min: self.0.mode.least((1, 1), (0, 1)),
            population_min: 1,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let config = Self::settle(self.0.clone(), &CaseSize::of(case));
        let online = config.mode == Mode::Online;
        let [temperatures, slopes, gammas] = [
            config.temperatures(),
            if online { SLOPES[..1].to_vec() } else { config.a.candidates(&SLOPES) },
            config.gammas(),
        ];
        let mut ratio =
            Ratio { online, temperature: temperatures[0], a: slopes[0], gamma: gammas[0], config: &config };
        ratio.temperature = choose("temperature", temperatures, case, ctx, |&temperature, case, ctx| {
            Ratio { temperature, ..ratio }.scores(case, ctx)
        })?;
        ratio.a = choose("a", slopes, case, ctx, |&a, case, ctx| Ratio { a, ..ratio }.scores(case, ctx))?;
        ratio.gamma = choose("gamma", gammas, case, ctx, |&gamma, case, ctx| {
            Ratio { gamma, ..ratio }.scores(case, ctx)
        })?;
        Ok(Findings::Membership(ratio.scores(case, ctx)?))
    }
}

impl Config {
    /// The ratios to choose from: one where ties are broken, since γ then moves no rank.
    fn gammas(&self) -> Vec<f64> {
        let mut gammas = self.gamma.candidates(&GAMMAS);
        if self.ties == Ties::Break {
            gammas.truncate(1);
        }
        gammas
    }

    /// The temperatures to choose from: one where a signal is named, whatever the temperature.
    fn temperatures(&self) -> Vec<f64> {
        let mut temperatures = self.temperature.candidates(&TEMPERATURES);
        if self.signal != Statistic::Auto {
            temperatures.truncate(1);
        }
        temperatures
    }

    /// What is taken for the logarithm of a likelihood at a temperature.
    fn signal_at(&self, temperature: f64) -> Result<Signal> {
        Ok(self.signal.signal(checked_temperature(temperature)?))
    }
}

/// A likelihood ratio with every parameter known.
#[derive(Clone, Copy)]
struct Ratio<'a> {
    online: bool,
    temperature: f64,
    a: f64,
    gamma: f64,
    /// The other parameters.
    config: &'a Config,
}

impl Ratio<'_> {
    /// One score per audited record.
    fn scores(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
        let ladder = Ladder::new(self.log_ratios(case, ctx, Whom::Population)?)?;
        let log_gamma = libm::log(self.gamma);
        let mut scores = self.log_ratios(case, ctx, Whom::Audited)?;
        for score in &mut scores {
            *score = ladder.place(*score - log_gamma, self.config.ties);
        }
        Ok(scores)
    }

    /// ln(p_target / Pr) of each record, its augmentations taken together.
    fn log_ratios(&self, case: &Case<'_>, ctx: &Ctx<'_>, whom: Whom) -> Result<Vec<f64>> {
        let (slope, intercept) =
            (libm::log(f64::midpoint(1.0, self.a)), libm::log(f64::midpoint(1.0, -self.a)));
        let vote = self.config.queries == Queries::Vote && whom == Whom::Audited;
        case.map_records(whom, &[self.config.signal_at(self.temperature)?], ctx, |record| {
            let target = record.target(0);
            let left_out = (!self.online).then(|| record.membership());
            let ratio = |(a, log_p): (usize, &f32)| {
                let mean = log_mean(record.references(0), target.len(), a, left_out, self.config.trim);
                if mean == f64::NEG_INFINITY {
                    let group = if whom == Whom::Audited { "audited" } else { "population" };
                    let what = format!("reference models fitted without {group} record {}", record.index());
                    return Err(Error::Missing { what, needed: 1, got: 0 });
                }
                let reference = if self.online { mean } else { log_add(slope + mean, intercept) };
                Ok(f64::from(*log_p) - reference)
            };
            let ratios = target.iter().enumerate().map(ratio);
            if vote {
                let mut ratios = ratios.collect::<Result<Vec<f64>>>()?;
                ratios.sort_unstable_by(f64::total_cmp);
                return Ok(ratios[(ratios.len() - 1) / 2]);
            }
            Ok(ratios.sum::<Result<f64>>()? / target.len() as f64)
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
        let signal = Signal::LogProbability { temperature: 2.0 };
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
        let config = Config { gamma: 1.0.into(), a: 1.0.into(), ties: Ties::Share, ..Config::default() };
        assert_eq!(scores(config.clone(), audited.clone(), population.clone()), [1.0, 0.5, 1.0]);
        let config = Config { ties: Ties::Break, ..config };
        assert_eq!(scores(config, audited, population), [1.5, 0.75, 3.0]);
    }

    #[test]
    fn extreme_and_equal_values() {
        for a in [0.0, 0.33, 1.0] {
            let config = Config { a: a.into(), ..Config::default() };
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
            assert!(Rmia::new(Config { gamma: gamma.into(), ..Config::default() }).is_err(), "{gamma}");
        }
        for a in [-0.1, 1.1, f64::NAN] {
            assert!(Rmia::new(Config { a: a.into(), ..Config::default() }).is_err(), "{a}");
        }
        assert!(Rmia::new(Config { temperature: 0.0.into(), ..Config::default() }).is_err());
        for trim in [-0.1, 0.5, f64::NAN] {
            assert!(Rmia::new(Config { trim, ..Config::default() }).is_err(), "{trim}");
        }
    }

    #[test]
    fn auto_without_models_fitted_with_the_records_is_offline() {
        let run = |mode| {
            scores(Config { mode, ..Config::default() }, vec![-0.5, -2.0, -0.5, -1.0], vec![-1.0, -1.0])
        };
        assert_eq!(run(Mode::Auto), run(Mode::Offline));
    }
}
