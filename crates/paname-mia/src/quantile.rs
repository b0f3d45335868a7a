//! # Quantile regression (QMIA)
//!
//! **Idea.** Instead of fitting many reference models, learn from records outside the training set how confident the target itself is in strangers of
//! a kind, and see how far above that it is for a record.
//!
//! **Threat model.** The attacker asks the target once per record, knows true classes, sees the loss, or probabilities or logits, from which it
//! follows, and holds a population. Reference models are not needed; where there are any, they tell how hard a record is.
//!
//! **Formula.** φ = ln p_y − ln(1 − p_y). Over the population, φ of the target is regressed on x: 1, one indicator for each class with at least
//! `min-per-class` population records and, with `features = "references"`, the mean and, from two models on, the standard deviation of φ over
//! reference models that left the record out, as many for every record as the least well served one has; with `features = "inputs"`, the record itself
//! through up to 64 rectified units whose weights are drawn and not fitted, one for ten population records at most. Nothing in x depends on whether
//! the target was fitted on the record. `head = "gaussian"`: φ ~ N(w·x, exp(v·x)) by maximum likelihood (Fisher scoring, in which a squared residual counts for
//! at most 11 variances, so that strange records of the population do not decide), score = (φ − w·x) / exp(v·x / 2), the paper's mean and deviation.
//! `head = "pinball"`: linear quantiles at 10, 25, 50, 75, 90, 95 and 99 % by the pinball loss (Hunter and Lange 2000), sorted; score = the normal
//! deviate of the level at φ, linear between the quantiles and continued beyond them. Augmented variants are averaged first.
//!
//! **Paper.** Bertran, Tang, Kearns, Morgenstern, Roth and Wu, *Scalable Membership Inference Attacks via Quantile Regression*, NeurIPS 2023, arXiv
//! 2307.03694. The paper regresses on the record itself with a network of the target's size, which is fitted; `inputs` fits its last layer only: a weaker model of
//! difficulty than the paper's, and its figures are not to be expected on images.
//!
//! **Cost.** One question per record and per population record; a regression with few parameters.
//!
//! **When it fails.** With the class alone it knows no more than `per-class`. Linear quantiles far out rest on few population records: at least some
//! hundred are wanted. A population that differs from the non-members shifts every level.

use paname_core::{
    Access, Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, RecordSignals, Result, Signal,
    Whom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::joint::{backward, factor, forward};
use crate::random_units::RandomUnits;
use crate::single::mean;

/// Parameters of [`Quantile`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What is learned of the target's confidence in strangers.
    pub head: Head,
    /// What it is learned from.
    pub features: Features,
    /// Population records that a class needs for a level of its own.
    pub min_per_class: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { head: Head::default(), features: Features::default(), min_per_class: 30 }
    }
}

/// What is learned of the target's confidence in strangers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Head {
    /// Mean and standard deviation of a normal law.
    #[default]
    Gaussian,
    /// Quantiles.
    Pinball,
}

/// What it is learned from.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Features {
    /// The class, and reference models where each record has one that left it out.
    #[default]
    Auto,
    /// The class.
    Class,
    /// The class, and reference models that left the record out.
    References,
    /// The class, and the record itself.
    Inputs,
}

/// Population records below which nothing is learned.
const FEWEST: usize = 20;
/// Units that look at the record, and population records that each of them takes.
const MOST_UNITS: usize = 64;
const RECORDS_PER_UNIT: usize = 10;

/// Scores a record by its place in the distribution that is predicted for strangers like it.
pub struct Quantile(Config);

impl Attack for Quantile {
    const INFO: Info = Info {
        name: "quantile",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Régression quantile (QMIA)",
        title_en: "Quantile regression (QMIA)",
        summary_fr: "Le modèle est plus sûr de lui sur ces données que sur des données inconnues aussi difficiles.",
        summary_en: "The model is surer of these data than of unknown data that are as hard.",
        formula: "(φ − μ(x)) / σ(x), μ and σ regressed over a population; φ = ln p_y − ln(1 − p_y)",
        paper: "Bertran, Tang, Kearns, Morgenstern, Roth and Wu, Scalable Membership Inference Attacks via Quantile Regression, 2023, \
                arXiv 2307.03694",
        source: include_str!("quantile.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config))
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        let features = match config.features {
            Features::Auto if size.fitted_without_min > 0 => Features::References,
            Features::Auto => Features::Class,
            settled => settled,
        };
        Config { features, ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        let needed = usize::from(self.0.features == Features::References);
        Needs {
            signals: vec![Signal::ScaledConfidence],
            access: if self.0.features == Features::Inputs { Access::NEW_INPUTS } else { Access::empty() },
            references_min: needed,
            references_max: match self.0.features {
                Features::Class | Features::Inputs => 0,
                Features::Auto | Features::References => usize::MAX,
            },
            in_out_min: (0, needed),
            population_min: FEWEST,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let config = Self::settle(self.0.clone(), &CaseSize::of(case));
        let left_out = |whom| {
            let rows = case.membership(whom);
            (0..rows.records()).map(|r| rows.row(r).count_out()).min()
        };
        let models = match config.features {
            Features::References => {
                let least =
                    [Whom::Audited, Whom::Population].into_iter().filter_map(left_out).min().unwrap_or(0);
                if least == 0 {
                    let what = "reference models that left out each record, of the population too".into();
                    return Err(Error::Missing { what, needed: 1, got: 0 });
                }
                least
            }
            Features::Auto | Features::Class | Features::Inputs => 0,
        };
        let units = match config.features {
            Features::Inputs => {
                let count = MOST_UNITS.min(case.population().len() / RECORDS_PER_UNIT);
                Some(RandomUnits::draw(count, case, ctx)?)
            }
            Features::Auto | Features::Class | Features::References => None,
        };
        let read = |whom| -> Result<Vec<Seen>> {
            let mut seen = case.map_records(whom, &[Signal::ScaledConfidence], ctx, |record| {
                Ok(Seen::of(&record, models))
            })?;
            if let Some(units) = &units {
                let rows = units.of(case, &case.cohort(whom).ids)?;
                seen.iter_mut().zip(rows).for_each(|(seen, row)| seen.others = row);
            }
            Ok(seen)
        };
        let population = read(Whom::Population)?;
        let design = Design::new(&population, &config)?;
        let rows: Vec<Vec<f64>> = population.iter().map(|seen| design.row(seen)).collect();
        let values: Vec<f64> = population.iter().map(|seen| seen.target).collect();
        let sample = Sample { rows: &rows, values: &values, width: design.width() };
        let audited = read(Whom::Audited)?;
        let scores = match config.head {
            Head::Gaussian => {
                let normal = Regression::fit(&sample, ctx)?;
                audited.iter().map(|seen| normal.score(&design.row(seen), seen.target)).collect()
            }
            Head::Pinball => {
                let quantiles = Quantiles::fit(&sample, ctx)?;
                audited.iter().map(|seen| quantiles.score(&design.row(seen), seen.target)).collect()
            }
        };
        Ok(Findings::Membership(scores))
    }
}

/// What is read of a record.
struct Seen {
    class: Option<u32>,
    target: f64,
    /// Mean and standard deviation over reference models that left the record out, or what random units make of the record.
    others: Vec<f64>,
}

impl Seen {
    /// Of the first `models` reference models that left the record out.
    fn of(record: &RecordSignals<'_>, models: usize) -> Self {
        let (target, members) = (record.target(0), record.membership());
        let all = record.references(0).chunks_exact(target.len()).enumerate();
        let without = all.filter(|(k, _)| !members.contains(*k)).take(models);
        let values: Vec<f64> = without.map(|(_, values)| mean(values)).collect();
        let count = values.len().max(1) as f64;
        let centre = values.iter().sum::<f64>() / count;
        let spread =
            (values.iter().map(|value| (value - centre) * (value - centre)).sum::<f64>() / count).sqrt();
        let others = [centre, spread].into_iter().take(models).collect();
        Self { class: record.class(), target: mean(target), others }
    }
}

/// How a record becomes a row of a regression.
struct Design {
    /// Classes with an indicator.
    classes: Vec<u32>,
    /// Centre and scale of each other number.
    scales: Vec<(f64, f64)>,
}

impl Design {
    fn new(population: &[Seen], config: &Config) -> Result<Self> {
        if population.len() < FEWEST {
            return Err(Error::Missing {
                what: "population records".into(),
                needed: FEWEST,
                got: population.len(),
            });
        }
        let mut counts: Vec<usize> = Vec::new();
        for class in population.iter().filter_map(|seen| seen.class) {
            let class = class as usize;
            counts.resize(counts.len().max(class + 1), 0);
            counts[class] += 1;
        }
        let many = |class: &u32| counts[*class as usize] >= config.min_per_class.max(1);
        let classes = (0..counts.len() as u32).filter(many).collect();
        let scale = |which: usize| {
            let n = population.len() as f64;
            let centre = population.iter().map(|seen| seen.others[which]).sum::<f64>() / n;
            let square = |seen: &Seen| (seen.others[which] - centre) * (seen.others[which] - centre);
            let deviation = (population.iter().map(square).sum::<f64>() / n).sqrt();
            (centre, if deviation > 0.0 { deviation } else { 1.0 })
        };
        Ok(Self { classes, scales: (0..population[0].others.len()).map(scale).collect() })
    }

    const fn width(&self) -> usize {
        1 + self.classes.len() + self.scales.len()
    }

    fn row(&self, seen: &Seen) -> Vec<f64> {
        let mut row = vec![1.0];
        row.extend(self.classes.iter().map(|class| f64::from(seen.class == Some(*class))));
        row.extend(
            self.scales.iter().zip(&seen.others).map(|((centre, scale), value)| (value - centre) / scale),
        );
        row
    }
}

/// Rows and values to regress on each other.
struct Sample<'a> {
    rows: &'a [Vec<f64>],
    values: &'a [f64],
    width: usize,
}

/// Share of the mean weight that is added to the diagonal, so that every system has a solution: the indicators of all classes add up to the constant.
const RIDGE: f64 = 1e-9;
/// Steps of either regression.
const STEPS: usize = 100;

impl Sample<'_> {
    /// The coefficients c of Σ weight x xᵀ c = Σ right x.
    fn solve(&self, weight: impl Fn(usize) -> f64, right: impl Fn(usize) -> f64) -> Vec<f64> {
        let width = self.width;
        let (mut matrix, mut vector) = (vec![0.0; width * width], vec![0.0; width]);
        let mut total = 0.0;
        for (i, row) in self.rows.iter().enumerate() {
            let (weight, right) = (weight(i), right(i));
            total += weight;
            for (j, x) in row.iter().enumerate().filter(|(_, x)| **x != 0.0) {
                vector[j] += right * x;
                for (cell, y) in matrix[j * width..(j + 1) * width].iter_mut().zip(row) {
                    *cell += weight * x * y;
                }
            }
        }
        let ridge = RIDGE * total;
        (0..width).for_each(|j| matrix[j * width + j] += ridge);
        let factor = factor(matrix, width, ridge.max(f64::MIN_POSITIVE));
        backward(&factor, forward(&factor, vector))
    }

    /// The variance of the values, at least the rounding of signals.
    fn variance(&self) -> f64 {
        let n = self.values.len() as f64;
        let centre = self.values.iter().sum::<f64>() / n;
        let rounding = f64::from(f32::EPSILON) * centre.abs().max(1.0);
        let variance = self.values.iter().map(|value| (value - centre) * (value - centre)).sum::<f64>() / n;
        variance.max(rounding * rounding)
    }
}

fn product(coefficients: &[f64], row: &[f64]) -> f64 {
    coefficients.iter().zip(row).map(|(c, x)| c * x).sum()
}

/// A normal law whose mean and logarithm of the variance are linear.
struct Regression {
    mean: Vec<f64>,
    log_variance: Vec<f64>,
    /// ln of the variance of all values, from which predictions keep within a distance.
    common: f64,
}

/// Largest distance of a logarithm of a variance from the common one, and largest excess of a squared residual over its variance.
const FARTHEST: f64 = 10.0;

impl Regression {
    fn fit(sample: &Sample<'_>, ctx: &Ctx<'_>) -> Result<Self> {
        let whole = sample.variance();
        let common = libm::log(whole);
        let mut fitted =
            Self { mean: vec![0.0; sample.width], log_variance: vec![0.0; sample.width], common };
        for step in 0..STEPS {
            ctx.tick(step, STEPS)?;
            let variances: Vec<f64> = sample.rows.iter().map(|row| fitted.variance(row)).collect();
            let weight = |i: usize| whole / variances[i];
            fitted.mean = sample.solve(weight, |i| weight(i) * sample.values[i]);
            let excess = |i: usize| {
                let apart = sample.values[i] - product(&fitted.mean, &sample.rows[i]);
                (apart * apart / variances[i] - 1.0).min(FARTHEST)
            };
            let change = sample.solve(|_| 1.0, excess);
            fitted.log_variance.iter_mut().zip(change).for_each(|(own, change)| *own += change);
        }
        Ok(fitted)
    }

    fn variance(&self, row: &[f64]) -> f64 {
        libm::exp(self.common + product(&self.log_variance, row).clamp(-FARTHEST, FARTHEST))
    }

    fn score(&self, row: &[f64], value: f64) -> f64 {
        (value - product(&self.mean, row)) / self.variance(row).sqrt()
    }
}

/// Levels and their normal deviates.
const LEVELS: [(f64, f64); 7] = [
    (0.1, -1.281_551_565_544_6),
    (0.25, -0.674_489_750_196_082),
    (0.5, 0.0),
    (0.75, 0.674_489_750_196_082),
    (0.9, 1.281_551_565_544_6),
    (0.95, 1.644_853_626_951_47),
    (0.99, 2.326_347_874_040_84),
];

/// Linear quantiles.
struct Quantiles {
    levels: Vec<Vec<f64>>,
    /// Smallest distance of two quantiles that is no rounding.
    rounding: f64,
}

impl Quantiles {
    fn fit(sample: &Sample<'_>, ctx: &Ctx<'_>) -> Result<Self> {
        let deviation = sample.variance().sqrt();
        let rounding = 1e-4 * deviation;
        let start = sample.solve(|_| 1.0, |i| sample.values[i]);
        let mut levels = Vec::with_capacity(LEVELS.len());
        for (l, (level, _)) in LEVELS.iter().enumerate() {
            let mut line = start.clone();
            for step in 0..STEPS {
                ctx.tick(l * STEPS + step, LEVELS.len() * STEPS)?;
                let weights: Vec<f64> = sample
                    .rows
                    .iter()
                    .zip(sample.values)
                    .map(|(row, value)| 1.0 / (rounding + (value - product(&line, row)).abs()))
                    .collect();
                line = sample.solve(|i| weights[i], |i| weights[i] * sample.values[i] + 2.0 * level - 1.0);
            }
            levels.push(line);
        }
        Ok(Self { levels, rounding })
    }

    fn score(&self, row: &[f64], value: f64) -> f64 {
        let mut quantiles: Vec<f64> = self.levels.iter().map(|line| product(line, row)).collect();
        quantiles.sort_unstable_by(f64::total_cmp);
        let (last, middle) = (LEVELS.len() - 1, 2);
        let above = quantiles.partition_point(|quantile| *quantile <= value);
        // Beyond the quantiles, as fast as between the outermost and the median.
        let (median, deviate) = (quantiles[middle], |l: usize| LEVELS[l].1);
        match above {
            0 => {
                let width = (median - quantiles[0]).max(self.rounding);
                deviate(0) + (value - quantiles[0]) * -deviate(0) / width
            }
            above if above > last => {
                let width = (quantiles[last] - median).max(self.rounding);
                deviate(last) + (value - quantiles[last]) * deviate(last) / width
            }
            above => {
                let (lower, upper) = (quantiles[above - 1], quantiles[above]);
                let share = (value - lower) / (upper - lower);
                deviate(above - 1) + share * (deviate(above) - deviate(above - 1))
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_of_a_constant_design_are_those_of_the_values() {
        let values: Vec<f64> = (0..101).map(f64::from).collect();
        let rows = vec![vec![1.0]; 101];
        let ctx = Ctx::new(1, "test", 1, &());
        let quantiles = Quantiles::fit(&Sample { rows: &rows, values: &values, width: 1 }, &ctx).unwrap();
        for ((level, deviate), line) in LEVELS.iter().zip(&quantiles.levels) {
            assert!((line[0] - 100.0 * level).abs() < 1.0, "{level}: {line:?}");
            assert!((quantiles.score(&[1.0], line[0]) - deviate).abs() < 1e-9);
        }
        let scores: Vec<f64> = (-50..200).map(|value| quantiles.score(&[1.0], f64::from(value))).collect();
        assert!(scores.is_sorted_by(|a, b| a < b), "{scores:?}");
    }

    #[test]
    fn lines_and_spreads_are_found_again() {
        // The mean is 3 + 2x, the deviation exp(x/2): residuals of ±1 deviation at each x.
        let (mut rows, mut values) = (Vec::new(), Vec::new());
        for i in 0..40 {
            let x = f64::from(i) / 10.0 - 2.0;
            for sign in [-1.0, 1.0] {
                rows.push(vec![1.0, x]);
                values.push(3.0 + 2.0 * x + sign * (x / 2.0).exp());
            }
        }
        let sample = Sample { rows: &rows, values: &values, width: 2 };
        let fitted = Regression::fit(&sample, &Ctx::new(1, "test", 1, &())).unwrap();
        assert!(
            (fitted.mean[0] - 3.0).abs() < 1e-6 && (fitted.mean[1] - 2.0).abs() < 1e-6,
            "{:?}",
            fitted.mean
        );
        assert!((fitted.log_variance[1] - 1.0).abs() < 1e-6, "{:?}", fitted.log_variance);
        assert!((fitted.score(&[1.0, 2.0], 7.0 + 2.0 * 1.0_f64.exp()) - 2.0).abs() < 1e-6);
    }

    #[test]
    fn constant_values_give_finite_scores() {
        let (rows, values) = (vec![vec![1.0, 0.0]; 30], vec![5.0; 30]);
        let sample = Sample { rows: &rows, values: &values, width: 2 };
        let ctx = Ctx::new(1, "test", 1, &());
        let (normal, quantiles) =
            (Regression::fit(&sample, &ctx).unwrap(), Quantiles::fit(&sample, &ctx).unwrap());
        for value in [-3e38, 5.0, 6.0, 3e38] {
            assert!(
                normal.score(&[1.0, 0.0], value).is_finite()
                    && quantiles.score(&[1.0, 0.0], value).is_finite()
            );
        }
    }
}
