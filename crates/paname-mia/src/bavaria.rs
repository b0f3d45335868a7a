//! # BaVarIA
//!
//! **Idea.** `lira` with few reference models stands or falls with variances of a handful of values. Take a record's mean and variance as unknown,
//! learn from all records how they are spread, and ask how likely the target's confidence is under what is then known of the record.
//!
//! **Threat model.** As `lira`: the attacker asks the target once per record, knows the true class, sees the loss, or probabilities or logits, from
//! which it follows, and fits reference models on data of the same kind: online, for the audited records, each in some and out of others; offline,
//! without them.
//!
//! **Formula.** φ = ln p_y − ln(1 − p_y). Per side, with and without the record, φ of a model is normal, and the record's mean and variance come from
//! a normal-inverse-gamma law (μ₀, κ₀, α₀, β₀). After n values with mean m and sum of squares S around it,
//!
//! κ = κ₀ + n, μ = (κ₀ μ₀ + n m) / κ, α = α₀ + n/2, β = β₀ + S/2 + κ₀ n (m − μ₀)² / (2κ),
//!
//! and the next value has a Student law with ν = 2α degrees of freedom, place μ and squared scale β(κ + 1)/(ακ). Online, score = ln t_in(φ_target) −
//! ln t_out(φ_target). Offline, the score is the normal deviate of equal tail probability under t_out, z = ±√(ν ln(1 + t²/ν)) · (8ν + 1)/(8ν + 3)
//! with t = (φ_target − μ)/scale (Wallace 1959: within 0.02 down to ν = 4, increasing in t, never saturated). With `predictive = "normal"` the two
//! laws are normal with the variance β/α · (κ + 1)/κ instead.
//!
//! The prior of a side is that of its moments over records: with s² = S/(n − 1), M its mean weighted by n − 1 and V = (Σ(s² − M)² − 2M² Σ 1/(n − 1))
//! / Σ(1 + 2/(n − 1)) the variance of the variances themselves, α₀ = 2 + M²/V and β₀ = M(α₀ − 1), V at least M²/1000; μ₀ is the mean of the means,
//! and κ₀ = M over their variance less M times the mean of 1/n, from 0.001 to 1000. Augmented variants are averaged.
//!
//! **Paper.** Brännvall, *Exponential-Family Membership Inference: From LiRA and RMIA to BaVarIA*, 2026, arXiv 2603.11799 (BaVarIA-t; `normal` stands
//! for BaVarIA-n). The moments are this implementation's choice of an empirical prior; figures need not equal the paper's.
//!
//! **Cost.** One question per record; K reference models, from 3 on; O(N K).
//!
//! **When it fails.** The prior takes the records' variances for draws from one law: where some classes of records vary in another way, it draws them
//! to the middle. With many models it comes to `lira` with each record's own variance.

use paname_core::{Attack, Case, CaseSize, Ctx, Error, Family, Findings, Info, Needs, Result, Signal, Whom};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::references::Mode;

/// Parameters of [`Bavaria`].
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Which reference models a record is compared with.
    pub mode: Mode,
    /// The law of the target's confidence, given the reference models'.
    pub predictive: Predictive,
}

/// The law of the next value on a side.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Predictive {
    /// Student's, which knows how little a few values say about a variance.
    #[default]
    Student,
    /// Normal with the expected variance.
    Normal,
}

/// Scores a record by the ratio of posterior predictive likelihoods of the target's confidence.
pub struct Bavaria(Config);

impl Attack for Bavaria {
    const INFO: Info = Info {
        name: "bavaria",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Rapport de vraisemblance à variance bayésienne (BaVarIA)",
        title_en: "Likelihood ratio with a Bayesian variance (BaVarIA)",
        summary_fr: "Le modèle réagit à ces données comme des modèles semblables qui les ont apprises, même jugé sur peu de modèles.",
        summary_en: "The model reacts to these data as similar models do that were trained on them, even judged by few models.",
        formula: "ln t(φ; in) − ln t(φ; out), t the Student predictive of a normal-inverse-gamma law; φ = ln p_y − ln(1 − p_y)",
        paper: "Brännvall, Exponential-Family Membership Inference: From LiRA and RMIA to BaVarIA, 2026, arXiv 2603.11799",
        source: include_str!("bavaria.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        Ok(Self(config))
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        Config { mode: config.mode.settled(size, (1, 1)), ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs {
            signals: vec![Signal::ScaledConfidence],
            // A spread around a record's mean needs a record with two models on the side.
            references_min: self.0.mode.least(3, 2),
            references_max: usize::MAX,
            in_out_min: self.0.mode.least((1, 1), (0, 1)),
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let config = Self::settle(self.0.clone(), &CaseSize::of(case));
        let online = config.mode == Mode::Online;
        let augmentations = case.augmentations().max(1);
        let cells = case.map_records(Whom::Audited, &[Signal::ScaledConfidence], ctx, |record| {
            let (target, members) = (record.target(0), record.membership());
            let side = |a: usize, wanted: bool| {
                let models = record.references(0).iter().skip(a).step_by(target.len()).enumerate();
                let chosen = models.filter(|(k, _)| members.contains(*k) == wanted);
                Side::of(chosen.map(|(_, value)| f64::from(*value)))
            };
            let cell = |a| (f64::from(target[a]), side(a, true), side(a, false));
            Ok((0..target.len()).map(cell).collect::<Vec<_>>())
        })?;
        let priors = (0..augmentations)
            .map(|a| {
                let with = || cells.iter().filter_map(move |cell| Some(cell.get(a)?.1));
                let without = || cells.iter().filter_map(move |cell| Some(cell.get(a)?.2));
                let inside = if online { Some(Prior::of(with, "with")?) } else { None };
                Ok((inside, Prior::of(without, "without")?))
            })
            .collect::<Result<Vec<_>>>()?;
        let score = |(target, with, without): &(f64, Side, Side),
                     (inside, outside): &(Option<Prior>, Prior)| {
            let out = outside.predictive(without);
            match (inside, config.predictive) {
                (Some(inside), Predictive::Student) => {
                    inside.predictive(with).log_density(*target) - out.log_density(*target)
                }
                (Some(inside), Predictive::Normal) => {
                    inside.predictive(with).log_normal(*target) - out.log_normal(*target)
                }
                (None, Predictive::Student) => out.deviate(*target),
                (None, Predictive::Normal) => out.standardised(*target),
            }
        };
        let of_record = |record: &Vec<(f64, Side, Side)>| {
            record.iter().zip(&priors).map(|(cell, prior)| score(cell, prior)).sum::<f64>()
                / augmentations as f64
        };
        Ok(Findings::Membership(cells.iter().map(of_record).collect()))
    }
}

/// What the reference models of one side say about a record.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Side {
    count: f64,
    mean: f64,
    /// Sum of squares around the mean.
    squares: f64,
}

impl Side {
    /// Sums up values, in two passes, so that nothing cancels. Without a value, the mean is 0.
    fn of(values: impl Iterator<Item = f64> + Clone) -> Self {
        let count = values.clone().count() as f64;
        let mean = values.clone().sum::<f64>() / count.max(1.0);
        Self { count, mean, squares: values.map(|value| (value - mean) * (value - mean)).sum() }
    }
}

/// A normal-inverse-gamma law.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Prior {
    mean: f64,
    kappa: f64,
    alpha: f64,
    beta: f64,
}

/// Largest number of values that a prior counts for, in means and, roughly, in variances.
const STRONGEST: f64 = 1000.0;

impl Prior {
    /// The law that has the moments of the sides of all records. Sums run in the order of the records.
    fn of<I: Iterator<Item = Side>>(sides: impl Fn() -> I, which: &str) -> Result<Self> {
        let spread = || sides().filter(|side| side.count >= 2.0);
        let freedom: f64 = spread().map(|side| side.count - 1.0).sum();
        if freedom == 0.0 {
            let what =
                format!("reference models fitted {which} one and the same audited record, for a spread");
            let got = sides().map(|side| side.count).fold(0.0, f64::max) as usize;
            return Err(Error::Missing { what, needed: 2, got });
        }
        let present = || sides().filter(|side| side.count > 0.0);
        let records = present().count() as f64;
        let mean = present().map(|side| side.mean).sum::<f64>() / records;
        // Everything below is relative to this variance: at least the rounding of signals.
        let expected = spread().map(|side| side.squares).sum::<f64>() / freedom;
        let expected = expected.max(rounding(mean));
        let relative = |side: Side| side.squares / (side.count - 1.0) / expected;
        let deviations: f64 = spread().map(|side| (relative(side) - 1.0) * (relative(side) - 1.0)).sum();
        let inverse: f64 = spread().map(|side| 1.0 / (side.count - 1.0)).sum();
        let of_variances = (deviations - 2.0 * inverse) / (spread().count() as f64 + 2.0 * inverse);
        let alpha = 2.0 + 1.0 / of_variances.max(1.0 / STRONGEST);
        let between =
            present().map(|side| (side.mean - mean) * (side.mean - mean) / expected).sum::<f64>() / records;
        let noise = present().map(|side| 1.0 / side.count).sum::<f64>() / records;
        let kappa = 1.0 / (between - noise).clamp(1.0 / STRONGEST, STRONGEST);
        Ok(Self { mean, kappa, alpha, beta: expected * (alpha - 1.0) })
    }

    /// The law of the next value after those of a side.
    fn predictive(&self, side: &Side) -> Student {
        let kappa = self.kappa + side.count;
        let alpha = self.alpha + side.count / 2.0;
        let apart = side.mean - self.mean;
        let shift = if side.count > 0.0 { self.kappa * side.count * apart * apart / kappa } else { 0.0 };
        let beta = self.beta + f64::midpoint(side.squares, shift);
        let place = (self.kappa * self.mean + side.count * side.mean) / kappa;
        let squared = (beta * (kappa + 1.0) / (alpha * kappa)).max(rounding(place));
        Student { freedom: 2.0 * alpha, place, scale: squared.sqrt() }
    }
}

/// The square of the rounding of a single-precision number of this size.
fn rounding(value: f64) -> f64 {
    let unit = f64::from(f32::EPSILON) * value.abs().max(1.0);
    unit * unit
}

/// A Student law with a place and a scale.
#[derive(Debug, Clone, Copy)]
struct Student {
    freedom: f64,
    place: f64,
    scale: f64,
}

impl Student {
    fn standardised(&self, value: f64) -> f64 {
        (value - self.place) / self.scale
    }

    /// The logarithm of the density.
    fn log_density(&self, value: f64) -> f64 {
        let (half, t) = (self.freedom / 2.0, self.standardised(value));
        let constant = libm::lgamma(half + 0.5) - libm::lgamma(half);
        let width = libm::log(self.freedom * std::f64::consts::PI) / 2.0 + libm::log(self.scale);
        constant - width - (half + 0.5) * libm::log1p(t * t / self.freedom)
    }

    /// The logarithm of the density of a normal law with this place and scale, up to a constant.
    fn log_normal(&self, value: f64) -> f64 {
        let t = self.standardised(value);
        -libm::log(self.scale) - t * t / 2.0
    }

    /// The normal deviate with the tail probability of a value (Wallace 1959).
    fn deviate(&self, value: f64) -> f64 {
        let (nu, t) = (self.freedom, self.standardised(value));
        let size = (nu * libm::log1p(t * t / nu)).sqrt() * (8.0 * nu + 1.0) / (8.0 * nu + 3.0);
        size.copysign(t)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn posterior_by_hand() {
        // Two values 1 and 3 after a prior (0, 2, 3, 4): κ = 4, μ = 1, α = 4, β = 4 + 1 + 2·2·4/8 = 7.
        let prior = Prior { mean: 0.0, kappa: 2.0, alpha: 3.0, beta: 4.0 };
        let student = prior.predictive(&Side::of([1.0, 3.0].into_iter()));
        assert_eq!((student.freedom, student.place), (8.0, 1.0));
        assert!((student.scale * student.scale - 7.0 * 5.0 / 16.0).abs() < 1e-12);
    }

    #[test]
    fn student_densities_and_deviates() {
        // SciPy: t(5).logpdf(1.5), t(4).sf(2.776445) = 0.025 and t(30).sf(2.042272) = 0.025.
        let of = |freedom| Student { freedom, place: 0.0, scale: 1.0 };
        assert!((of(5.0).log_density(1.5) + 2.083_310_258_352).abs() < 1e-9);
        assert!((of(4.0).deviate(2.776_445) - 1.959_964).abs() < 0.02);
        assert!((of(30.0).deviate(2.042_272) - 1.959_964).abs() < 0.002);
        let values: Vec<f64> = [-1e30, -5.0, 0.0, 5.0, 1e30].map(|x| of(4.0).deviate(x)).into();
        assert!(values.is_sorted_by(|a, b| a < b) && values.iter().all(|v| v.is_finite()), "{values:?}");
    }

    #[test]
    fn moments_are_found_again() {
        // Variances 1 and 3 in equal shares, known exactly: mean 2, variance 1, so that α₀ = 2 + 4/1.
        let side = |variance: f64, mean: f64| Side { count: 1e6, mean, squares: variance * (1e6 - 1.0) };
        let sides = [side(1.0, -2.0), side(3.0, 2.0)];
        let prior = Prior::of(|| sides.into_iter(), "with").unwrap();
        assert!((prior.alpha - 6.0).abs() < 1e-3 && (prior.beta - 10.0).abs() < 1e-2, "{prior:?}");
        assert!((prior.kappa - 0.5).abs() < 1e-3 && prior.mean == 0.0, "{prior:?}");
    }
}
