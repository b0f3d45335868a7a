//! # Population (Attack-P)
//!
//! **Idea.** A record whose loss is smaller than that of nearly all records known to be outside the training set is likely inside it.
//!
//! **Threat model.** The attacker asks the target once per record, knows true classes, sees the loss, or probabilities or logits, from which
//! it follows, and holds a population: records of the same kind outside every training set. No other model.
//!
//! **Formula.** score = share of the population of the record's class whose loss is at least the record's, #{z : ℓ_z ≥ ℓ_x} / |Z|: one
//! minus the conformal p-value of "x is outside", up to the usual +1. A class with fewer than `min-per-class` population records is judged by
//! the whole population. Records between the same two population records are told apart by their own loss (`ties = "break"`); `"share"`
//! is the plain share, in which every record with a smaller loss than the whole population scores 1. In other tasks than classification the statistic
//! of the task takes the place of −ℓ. Augmented variants are averaged.
//!
//! **Paper.** Ye, Maddi, Murakonda, Bindschaedler and Shokri, *Enhanced Membership Inference Attacks against Machine Learning Models*, ACM CCS
//! 2022, arXiv 2111.09679 (Attack P).
//!
//! **Cost.** One question per record and per population record; O((N + |Z|) log |Z|).
//!
//! **When it fails.** It knows how hard a class is, not how hard a record is. With one population for all classes it ranks records as `loss`
//! does, and differs only in that its score is a calibrated level. A population that differs from the non-members makes the level wrong.

use paname_core::{Attack, Case, CaseSize, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::ladder::{Ladders, Ties};
use crate::single::mean;
use crate::statistic::Statistic;

/// Parameters of [`Population`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Population records that a class needs in order to be judged by itself; a class with fewer is judged by the whole population.
    pub min_per_class: usize,
    /// What is compared: `auto`, the loss in classification and the statistic of the task elsewhere, or the name of a signal.
    pub signal: Statistic,
    /// What becomes of records that stand above the same number of population records.
    pub ties: Ties,
}

impl Default for Config {
    fn default() -> Self {
        Self { min_per_class: 100, signal: Statistic::default(), ties: Ties::default() }
    }
}

/// Scores a record by the place of its loss among the losses of the population.
pub struct Population(Config);

/// What is compared in classification.
const OWN: Signal = Signal::Loss;

impl Attack for Population {
    const INFO: Info = Info {
        name: "population",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Comparaison à une population",
        title_en: "Comparison with a population",
        summary_fr: "Le modèle se trompe moins sur ces données que sur des données semblables qu'il n'a jamais vues.",
        summary_en: "The model errs less on these data than on similar data that it has never seen.",
        formula: "#{z : loss_z ≥ loss_x} / |Z|, Z the population of the record's class",
        paper: "Ye, Maddi, Murakonda, Bindschaedler and Shokri, Enhanced Membership Inference Attacks against Machine Learning Models, 2022, \
                arXiv 2111.09679",
        source: include_str!("population.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config))
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { signal: config.signal.settled(size, OWN), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { signals: vec![self.0.signal.signal(OWN)], population_min: 1, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let signals = [self.0.signal.signal(OWN)];
        let sign = if signals[0].rises_with_membership() { 1.0 } else { -1.0 };
        let population = case.map_records(Whom::Population, &signals, ctx, |record| {
            Ok((record.class(), sign * mean(record.target(0))))
        })?;
        let ladders = Ladders::new(population, self.0.min_per_class)?;
        let scores = case.map_records(Whom::Audited, &signals, ctx, |record| {
            Ok(ladders.of(record.class()).place(sign * mean(record.target(0)), self.0.ties))
        })?;
        Ok(Findings::Membership(scores))
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Membership;
    use paname_testkit::{TableCase, TableSignals};

    use super::*;

    fn scores(config: Config, audited: &[(u32, f32)], population: &[(u32, f32)]) -> Vec<f64> {
        let columns = |group: &[(u32, f32)]| group.iter().copied().unzip::<u32, f32, Vec<_>, Vec<_>>();
        let ((classes, losses), (others, theirs)) = (columns(audited), columns(population));
        let signals = TableSignals::new(1, 1).with(Signal::Loss, Whom::Audited, losses).with(
            Signal::Loss,
            Whom::Population,
            theirs,
        );
        let n = classes.len();
        let case = TableCase::over(signals, classes, others, 2, Membership::none(n, 0), vec![true; n]);
        let findings =
            Population::new(config).unwrap().run(&case.case().unwrap(), &Ctx::new(1, "test", 1, &()));
        findings.unwrap().membership(n).unwrap()
    }

    #[test]
    fn a_class_with_enough_population_is_judged_by_itself() {
        // Class 0 is easy (losses 1 and 2), class 1 hard (one record, loss 9).
        let population = [(0, 1.0), (0, 2.0), (1, 9.0)];
        let audited = [(0, 1.5), (1, 1.5), (0, 0.5), (0, 3.0)];
        let config = Config { min_per_class: 2, ties: Ties::Share, ..Config::default() };
        assert_eq!(scores(config.clone(), &audited, &population), [0.5, 2.0 / 3.0, 1.0, 0.0]);
        let config = Config { min_per_class: 3, ..config };
        assert_eq!(scores(config, &audited, &population)[0], 2.0 / 3.0);
    }

    #[test]
    fn every_loss_alike() {
        for ties in [Ties::Break, Ties::Share] {
            let config = Config { ties, ..Config::default() };
            assert_eq!(scores(config, &[(0, 1.0), (0, 1.0)], &[(0, 1.0), (0, 1.0)]), [1.0, 1.0]);
        }
    }
}
