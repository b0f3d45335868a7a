//! # Dataset inference
//!
//! **Idea.** One record says little, but who holds a whole group of records, such as the works of an author or the patients of a hospital, can ask
//! whether the group as a whole was used: whether the model knows it better, on average, than records that it surely never saw.
//!
//! **Threat model.** The attacker holds the group and a population of the same kind outside the training set, asks the target once per record of both,
//! knows the true class, and sees what the features take: the loss, or probabilities or logits, from which all follow. No reference model.
//!
//! **Formula.** Every record has several membership scores, the `features`, clamped to the middle 95 % of the population's and scaled to its mean and
//! deviation. Group and population are each split in two halves at random. On the first halves a linear regression of "in the group" on the features,
//! with a ridge of one deviation and both sides given equal weight, finds weights w; on the second halves, x = wᵀf of each record, and score = (x̄_group
//! − x̄_population) / √(s²_group / n_group + s²_population / n_population): Welch's t, whose upper tail is the p-value of "the group was not used". Where
//! no feature varies it is 0.
//!
//! **Paper.** Maini, Yaghini and Papernot, *Dataset Inference: Ownership Resolution in Machine Learning*, ICLR 2021, arXiv 2104.10706; many membership
//! scores weighted by a linear regression: Maini, Jia, Papernot and Dziedzic, *LLM Dataset Inference: Did you train on my dataset?*, NeurIPS 2024, arXiv
//! 2406.06443. The ridge and equal weights are ours, since groups here are smaller than the papers', which take hundreds of records.
//!
//! **Cost.** One question per record of the groups and of the population; a product of small matrices per group.
//!
//! **When it fails.** Where group and population differ by themselves, as works of another year do, the difference is taken for use; here all groups
//! are compared with one population, so that only what sets groups of members apart counts. Half of a group of `group-size` learns the weights, so
//! that small groups blur them. A group of which a part was used scores in between: `dataset-usage` asks for the share.

use paname_core::{
    Attack, Case, CaseSize, Ctx, Error, Family, Findings, Grouping, Info, Needs, Result, Signal, Whom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::features;
use crate::joint::{Moments, backward, factor, forward};
use crate::lessons::mix;
use crate::single::mean;

/// Parameters of [`DatasetInference`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Fewest records of a group, at least 4: the more, the surer each answer, and the fewer groups there are to judge it by.
    pub group_size: usize,
    /// Names of the signals that are the features, or `auto` alone, which is `scaled-confidence`, `loss`, `entropy`, `modified-entropy` and `margin`
    /// in classification and the statistic of the task elsewhere.
    pub features: Vec<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self { group_size: 20, features: features::auto() }
    }
}

/// The features in classification.
const OWN: [Signal; 5] =
    [Signal::ScaledConfidence, Signal::Loss, Signal::Entropy, Signal::ModifiedEntropy, Signal::Margin];

/// Population records below which a half has no spread to speak of.
const FEWEST: usize = 20;
/// Share of the population's values beyond which, on either side, a feature is clamped.
const TAIL: f64 = 0.025;
/// Variance that the ridge adds to each feature, whose own is 1.
const RIDGE: f64 = 1.0;

/// Scores a group by a test of whether the model knows it better than the population.
pub struct DatasetInference {
    group_size: usize,
    signals: Vec<Signal>,
}

impl Attack for DatasetInference {
    const INFO: Info = Info {
        name: "dataset-inference",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Inférence de jeu de données",
        title_en: "Dataset inference",
        summary_fr: "Qui détient un groupe de données peut reconnaître que le modèle les a apprises, prises ensemble.",
        summary_en: "Who holds a group of records can tell that the model was trained on them, taken together.",
        formula: "Welch's t of wᵀ features, group against population, on halves that did not give w",
        paper: "Maini, Yaghini and Papernot, Dataset Inference: Ownership Resolution in Machine Learning, 2021, arXiv 2104.10706",
        source: include_str!("dataset_inference.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let Config { group_size, features } = config;
        if group_size < 4 {
            return Err(Error::Config(format!(
                "`group-size` must be at least 4, two records in each half, got {group_size}"
            )));
        }
        Ok(Self { group_size, signals: features::signals(&features, &OWN)? })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { features: features::settled(config.features, &OWN, size), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: self.signals.clone(),
            population_min: FEWEST,
            groups: Some(Grouping { size: self.group_size, shares: false }),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let mut population = self.features(case, ctx, Whom::Population)?;
        let scales = Scales::of(&population, self.signals.len());
        for record in &mut population {
            scales.apply(record);
        }
        let mut audited = self.features(case, ctx, Whom::Audited)?;
        for record in &mut audited {
            scales.apply(record);
        }
        let seed = ctx.seed("halves");
        let halves = |whom: Whom, records: &mut Vec<u32>, features: &[Vec<f32>]| {
            let ids = &case.cohort(whom).ids;
            // The numbers of records say nothing, and a half does not depend on the order in which they stand.
            records.sort_by_cached_key(|record| mix(seed ^ mix(ids[*record as usize].into())));
            let (first, second) = records.split_at(records.len() / 2);
            [first, second].map(|half| {
                let vectors = half.iter().map(|record| &features[*record as usize][..]);
                Moments::of(self.signals.len(), vectors)
            })
        };
        let mut everybody: Vec<u32> = (0..population.len() as u32).collect();
        let outside = halves(Whom::Population, &mut everybody, &population);
        let groups = case.groups();
        let mut scores = Vec::with_capacity(groups.len());
        for (i, group) in groups.iter().enumerate() {
            ctx.tick(i, groups.len())?;
            let inside = halves(Whom::Audited, &mut group.to_vec(), &audited);
            let weights = weights(&inside[0], &outside[0]);
            scores.push(welch(&weights, &inside[1], &outside[1]));
        }
        ctx.tick(groups.len(), groups.len())?;
        Ok(Findings::Groups(scores))
    }
}

impl DatasetInference {
    /// The features of each record, larger for members.
    fn features(&self, case: &Case<'_>, ctx: &Ctx<'_>, whom: Whom) -> Result<Vec<Vec<f32>>> {
        case.map_records(whom, &self.signals, ctx, |record| {
            let feature = |(i, signal): (usize, &Signal)| {
                let value = mean(record.target(i)) as f32;
                if signal.rises_with_membership() { value } else { -value }
            };
            Ok(self.signals.iter().enumerate().map(feature).collect())
        })
    }
}

/// What makes features comparable: of each, the bounds, and the mean and the deviation within them.
struct Scales(Vec<[f64; 4]>);

impl Scales {
    fn of(population: &[Vec<f32>], width: usize) -> Self {
        let of_feature = |feature: usize| {
            let mut values: Vec<f64> = population.iter().map(|record| f64::from(record[feature])).collect();
            values.sort_unstable_by(f64::total_cmp);
            let cut = (TAIL * values.len() as f64) as usize;
            let (Some(&least), Some(&most)) = (values.get(cut), values.iter().rev().nth(cut)) else {
                return [0.0; 4];
            };
            if least == most {
                return [least, most, least, 0.0];
            }
            let count = values.len() as f64;
            let clamped = || values.iter().map(|value| value.clamp(least, most));
            let mean = clamped().map(|value| value / count).sum::<f64>();
            // Scaled first, so that squares of large answers stay numbers.
            let range = most - least;
            let square = clamped().map(|value| ((value - mean) / range).powi(2)).sum::<f64>() / count;
            [least, most, mean, range * square.sqrt()]
        };
        Self((0..width).map(of_feature).collect())
    }

    /// A feature that does not vary in the population becomes 0.
    fn apply(&self, record: &mut [f32]) {
        for (value, [least, most, mean, deviation]) in record.iter_mut().zip(&self.0) {
            let apart = f64::from(*value).clamp(*least, *most) - mean;
            *value = if *deviation > 0.0 { (apart / deviation) as f32 } else { 0.0 };
        }
    }
}

/// The weights of a linear regression of "in the group" on the features, up to a factor: (S + ridge)⁻¹ (mean of the group − mean of the population)
/// with S the mean of the covariances of both.
fn weights(inside: &Moments, outside: &Moments) -> Vec<f64> {
    let width = inside.mean.len();
    let mut spread: Vec<f64> = inside
        .scatter
        .iter()
        .zip(&outside.scatter)
        .map(|(own, theirs)| 0.5 * (own / inside.count + theirs / outside.count))
        .collect();
    (0..width).for_each(|i| spread[i * width + i] += RIDGE);
    let apart = inside.mean.iter().zip(&outside.mean).map(|(own, theirs)| own - theirs).collect();
    let factor = factor(spread, width, f64::MIN_POSITIVE);
    backward(&factor, forward(&factor, apart))
}

/// Welch's t of the weighted sums of both sides (Welch 1947); 0 where they are equal.
fn welch(weights: &[f64], inside: &Moments, outside: &Moments) -> f64 {
    let width = weights.len();
    let sum = |side: &Moments| side.mean.iter().zip(weights).map(|(mean, weight)| mean * weight).sum::<f64>();
    let squared_error = |side: &Moments| {
        let rows = side.scatter.chunks_exact(width).zip(weights);
        let square: f64 = rows
            .map(|(row, weight)| {
                weight * row.iter().zip(weights).map(|(cell, other)| cell * other).sum::<f64>()
            })
            .sum();
        square.max(0.0) / ((side.count - 1.0) * side.count)
    };
    let apart = sum(inside) - sum(outside);
    if apart == 0.0 {
        return 0.0;
    }
    // Without any spread the difference is sure, and a number all the same.
    apart / (squared_error(inside) + squared_error(outside)).sqrt().max(1e-9 * apart.abs())
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, TableCase, TableSignals, Toy};

    use super::*;

    /// One feature, by hand: (3 − 1) / √(1/2 / 2 + 2/3 / 4) for 2.5 and 3.5 against 0, 1, 1 and 2.
    #[test]
    fn welch_by_hand() {
        let of = |values: &[f32]| Moments::of(1, values.chunks_exact(1));
        let (inside, outside) = (of(&[2.5, 3.5]), of(&[0.0, 1.0, 1.0, 2.0]));
        let expected = 2.0 / (0.25 + 1.0 / 6.0_f64).sqrt();
        assert!((welch(&[1.0], &inside, &outside) - expected).abs() < 1e-12);
        // The unit of the weights plays no part, their sign does.
        assert!((welch(&[-7.0], &inside, &outside) + expected).abs() < 1e-12);
        assert!((welch(&[1.0], &of(&[3.0, 3.0]), &of(&[1.0, 1.0])) - 1e9).abs() < 1.0);
        assert_eq!(welch(&[1.0], &of(&[1.0, 1.0]), &of(&[1.0, 1.0])), 0.0);
    }

    /// Means apart by (1, 0), covariances ¼ I and ¼ I, ridge 1: w = (1 / 1.25, 0).
    #[test]
    fn weights_by_hand() {
        let square = |shift: f32| {
            let vectors: Vec<[f32; 2]> =
                [(0.5, 0.5), (0.5, -0.5), (-0.5, 0.5), (-0.5, -0.5)].map(|(x, y)| [x + shift, y]).to_vec();
            Moments::of(2, vectors.iter().map(|vector| &vector[..]))
        };
        let found = weights(&square(1.0), &square(0.0));
        assert!((found[0] - 0.8).abs() < 1e-12 && found[1].abs() < 1e-12, "{found:?}");
    }

    fn scores(toy: &Toy, config: Config) -> Result<Vec<f64>> {
        let case = toy.case()?;
        Attack::run(&DatasetInference::new(config)?, &case, &Ctx::new(1, "test", 1, &()))?.scores(&case)
    }

    #[test]
    fn several_features_are_weighted_and_groups_of_members_stand_out() {
        let mut toy = Toy::new(Behaviour::Leaky, Size { records: 1600, ..Size::default() }, 7);
        let truth = toy.truth.clone();
        toy.group_by(20, |r| truth[r]);
        let found = scores(&toy, Config::default()).unwrap();
        assert_eq!(found.len(), 80);
        let whose = toy.units(|r| truth[r]);
        let mean = |member: bool| {
            found.iter().zip(&whose).filter(|(_, whose)| **whose == member).map(|(t, _)| t).sum::<f64>()
                / 40.0
        };
        assert!(
            mean(true) > 3.0 && mean(false).abs() < 1.0,
            "members {}, others {}",
            mean(true),
            mean(false)
        );
    }

    #[test]
    fn answers_that_never_vary_say_nothing() {
        let losses = |n: usize| vec![1.0; n];
        let signals = TableSignals::new(1, 1).with(Signal::Loss, Whom::Audited, losses(40)).with(
            Signal::Loss,
            Whom::Population,
            losses(30),
        );
        let none = paname_core::Membership::none(40, 0);
        let truth: Vec<bool> = (0..40).map(|r| r < 20).collect();
        let mut case = TableCase::over(signals, vec![0; 40], vec![0; 30], 1, none, truth);
        case.group_by(10, |r| r < 20);
        let config = Config { group_size: 10, features: vec!["loss".into()] };
        let case = case.case().unwrap();
        let findings =
            Attack::run(&DatasetInference::new(config).unwrap(), &case, &Ctx::new(1, "test", 1, &()));
        assert_eq!(findings.unwrap().scores(&case), Ok(vec![0.0; 4]));
    }

    #[test]
    fn parameters_are_checked() {
        let message = |config: Config| DatasetInference::new(config).err().unwrap().to_string();
        let small = message(Config { group_size: 3, ..Config::default() });
        assert!(small.contains("`group-size` must be at least 4"), "{small}");
        assert!(
            message(Config { features: Vec::new(), ..Config::default() }).contains("at least one signal")
        );
        let unknown = message(Config { features: vec!["los".into()], ..Config::default() });
        assert!(unknown.contains("`features`") && unknown.contains("los"), "{unknown}");
    }
}
