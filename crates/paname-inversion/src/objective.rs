//! What an inversion makes small: functions of the answers about a class, with their derivatives, shared by every attack.
//!
//! All are functions of unnormalised scores z. Where a model tells probabilities only, ln p stands for z: it is z up to a constant, of which
//! only [`Objective::NegativeLogit`] and [`Objective::Poincare`] are not independent. The first then is the cross-entropy; the second takes the
//! probabilities themselves. Sums are in double precision, and exponentials and logarithms are the same on every processor.

use paname_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What is made small.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Objective {
    /// −ln p_y: the cross-entropy.
    #[default]
    CrossEntropy,
    /// 1 − p_y: the cost of Fredrikson et al.
    OneMinusProbability,
    /// max over j ≠ y of z_j, less z_y: goes on growing where p_y is as good as 1.
    MaxMargin,
    /// −z_y.
    NegativeLogit,
    /// The distance in the Poincaré ball between z / ‖z‖₁ and 0.9999 times the class’s corner.
    Poincare,
}

/// What a model has answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Answers {
    /// Unnormalised scores.
    Logits,
    /// Probabilities.
    Probabilities,
}

/// An objective at a batch of answers.
#[derive(Debug, Clone, PartialEq)]
pub struct Valued {
    /// Its value at each row; infinite or no number where the answers are.
    pub values: Vec<f64>,
    /// The probability of the class of each row.
    pub confidences: Vec<f64>,
    /// Its derivatives with respect to the answers, `[rows, classes]`: what is pulled back.
    pub cotangents: Vec<f32>,
}

/// How far from the corner of the simplex the aim of the Poincaré loss lies.
const SHY: f64 = 1e-4;
/// The least distance from the edge of the ball that is divided by.
const EDGE: f64 = 1e-7;
/// The least probability that logarithms are taken of, and that is divided by.
const LEAST: f64 = 1e-30;

impl Objective {
    /// The value and the derivatives with respect to the scores `z`, which go to `derivative`, as long as `z`. `class` is below its length.
    ///
    /// # Panics
    /// Where `class` is no index of `z`, or `derivative` has another length.
    pub fn of(self, z: &[f64], class: usize, derivative: &mut [f64]) -> f64 {
        assert_eq!(z.len(), derivative.len(), "one derivative for each score");
        let value = match self {
            Self::CrossEntropy => {
                let most = largest(z);
                softmax(z, derivative);
                derivative[class] -= 1.0;
                let sum: f64 = z.iter().map(|z| libm::exp(z - most)).sum();
                most - z[class] + libm::log(sum)
            }
            Self::OneMinusProbability => {
                softmax(z, derivative);
                let p = derivative[class];
                // All others together: 1 − p without cancellation where p is nearly 1.
                let others: f64 =
                    derivative.iter().enumerate().filter(|(j, _)| *j != class).map(|(_, p)| p).sum();
                for q in derivative.iter_mut() {
                    *q *= p;
                }
                derivative[class] = -p * others;
                others
            }
            Self::MaxMargin => {
                derivative.fill(0.0);
                derivative[class] = -1.0;
                let others = (0..z.len()).filter(|j| *j != class);
                match others.reduce(|best, j| if z[j] > z[best] { j } else { best }) {
                    Some(rival) => {
                        derivative[rival] = 1.0;
                        z[rival] - z[class]
                    }
                    None => -z[class],
                }
            }
            Self::NegativeLogit => {
                derivative.fill(0.0);
                derivative[class] = -1.0;
                -z[class]
            }
            Self::Poincare => poincare(z, class, derivative),
        };
        // Comparisons pass over what is no number.
        if z.iter().any(|z| z.is_nan()) { f64::NAN } else { value }
    }

    /// The objective at a batch of answers `[classes.len(), width]`. Fails where the answers have another number, or a class is none of theirs.
    pub fn batch(self, answers: &[f32], what: Answers, width: usize, classes: &[u32]) -> Result<Valued> {
        if answers.len() != width * classes.len() {
            let expected = format!("{width} for each of {} questions", classes.len());
            return Err(Error::mismatch("answers", expected, answers.len()));
        }
        if let Some(class) = classes.iter().find(|class| **class as usize >= width) {
            return Err(Error::mismatch("class to invert", format!("below {width}"), class));
        }
        let mut valued = Valued {
            values: Vec::with_capacity(classes.len()),
            confidences: Vec::with_capacity(classes.len()),
            cotangents: Vec::with_capacity(answers.len()),
        };
        let (mut z, mut derivative) = (vec![0.0; width], vec![0.0; width]);
        for (row, &class) in answers.chunks_exact(width.max(1)).zip(classes) {
            let class = class as usize;
            let direct = what == Answers::Logits || self == Self::Poincare;
            z.iter_mut().zip(row).for_each(|(z, answer)| {
                let answer = f64::from(*answer);
                // NaN stays what it is.
                *z = if direct { answer } else { libm::log(if answer < LEAST { LEAST } else { answer }) };
            });
            valued.values.push(self.of(&z, class, &mut derivative));
            if !direct {
                // Derivatives with respect to ln p, then to p.
                derivative.iter_mut().zip(row).for_each(|(d, p)| *d /= f64::from(*p).max(LEAST));
            }
            valued.cotangents.extend(derivative.iter().map(|d| *d as f32));
            valued.confidences.push(match what {
                Answers::Probabilities => f64::from(row[class]),
                Answers::Logits => {
                    softmax(&z, &mut derivative);
                    derivative[class]
                }
            });
        }
        Ok(valued)
    }
}

fn largest(z: &[f64]) -> f64 {
    z.iter().copied().fold(f64::NEG_INFINITY, f64::max)
}

/// Probabilities of scores.
pub(crate) fn softmax(z: &[f64], p: &mut [f64]) {
    let most = largest(z);
    p.iter_mut().zip(z).for_each(|(p, z)| *p = libm::exp(z - most));
    let sum: f64 = p.iter().sum();
    for p in p {
        *p /= sum;
    }
}

/// arcosh(1 + 2‖u − v‖² / ((1 − ‖u‖²)(1 − ‖v‖²))) with u = z / ‖z‖₁.
fn poincare(z: &[f64], class: usize, derivative: &mut [f64]) -> f64 {
    let sum: f64 = z.iter().map(|z| z.abs()).sum();
    // Without scores there is no direction; the derivative then shows one.
    let scale = if sum > 0.0 { sum } else { 1.0 };
    let aim = |j: usize| if j == class { 1.0 - SHY } else { 0.0 };
    let apart: f64 = z.iter().enumerate().map(|(j, z)| (z / scale - aim(j)).powi(2)).sum();
    let length: f64 = z.iter().map(|z| (z / scale).powi(2)).sum();
    let room = (1.0 - length).max(EDGE);
    let aimed = 1.0 - (1.0 - SHY).powi(2);
    let excess = 2.0 * apart / (room * aimed);
    let slope = 1.0 / (excess * (excess + 2.0)).sqrt().max(1e-9);
    for (j, (d, z)) in derivative.iter_mut().zip(z).enumerate() {
        let u = z / scale;
        let edge = if 1.0 - length > EDGE { 2.0 * apart * u / (room * room) } else { 0.0 };
        *d = slope * 2.0 / aimed * (2.0 * (u - aim(j)) / room + edge);
    }
    if sum > 0.0 {
        let along: f64 = derivative.iter().zip(z).map(|(d, z)| d * z / scale).sum();
        let sign = |z: f64| if z == 0.0 { 0.0 } else { z.signum() };
        derivative.iter_mut().zip(z).for_each(|(d, z)| *d = (*d - sign(*z) * along) / scale);
    }
    libm::log1p(excess + (excess * (excess + 2.0)).sqrt())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const ALL: [Objective; 5] = [
        Objective::CrossEntropy,
        Objective::OneMinusProbability,
        Objective::MaxMargin,
        Objective::NegativeLogit,
        Objective::Poincare,
    ];

    fn value(objective: Objective, z: &[f64], class: usize) -> f64 {
        objective.of(z, class, &mut vec![0.0; z.len()])
    }

    /// Scores that are not near each other or zero, where some objectives have an edge.
    fn scores() -> impl Strategy<Value = (Vec<f64>, usize)> {
        let apart = |z: &Vec<f64>| {
            z.iter().enumerate().all(|(i, a)| a.abs() > 0.05 && z[..i].iter().all(|b| (a - b).abs() > 0.05))
        };
        let drawn = proptest::collection::vec(-4.0_f64..4.0, 2..6).prop_filter("near an edge", apart);
        drawn.prop_flat_map(|z| {
            let classes = z.len();
            (Just(z), 0..classes)
        })
    }

    proptest! {
        #[test]
        fn derivatives_are_finite_differences((z, class) in scores()) {
            for objective in ALL {
                let mut derivative = vec![0.0; z.len()];
                objective.of(&z, class, &mut derivative);
                for j in 0..z.len() {
                    let at = |h: f64| {
                        let mut moved = z.clone();
                        moved[j] += h;
                        value(objective, &moved, class)
                    };
                    let difference = (at(1e-5) - at(-1e-5)) / 2e-5;
                    let error = (difference - derivative[j]).abs();
                    prop_assert!(error < 1e-5 * (1.0 + difference.abs()), "{objective:?} {difference} {}", derivative[j]);
                }
            }
        }

        #[test]
        fn probabilities_pull_back_what_logits_do((z, class) in scores()) {
            let mut p = vec![0.0; z.len()];
            softmax(&z, &mut p);
            for objective in [Objective::CrossEntropy, Objective::OneMinusProbability, Objective::MaxMargin] {
                let single = |values: &[f64]| values.iter().map(|v| *v as f32).collect::<Vec<f32>>();
                let from = |values: &[f64], what| {
                    objective.batch(&single(values), what, z.len(), &[class as u32]).unwrap()
                };
                let (logits, probabilities) = (from(&z, Answers::Logits), from(&p, Answers::Probabilities));
                prop_assert!((logits.values[0] - probabilities.values[0]).abs() < 1e-4);
                prop_assert!((logits.confidences[0] - probabilities.confidences[0]).abs() < 1e-6);
                // Through the derivatives of the softmax: p_j (c_j − Σ p_k c_k).
                let mean: f64 = p.iter().zip(&probabilities.cotangents).map(|(p, c)| p * f64::from(*c)).sum();
                for ((p, c), expected) in p.iter().zip(&probabilities.cotangents).zip(&logits.cotangents) {
                    let got = p * (f64::from(*c) - mean);
                    prop_assert!((got - f64::from(*expected)).abs() < 1e-4, "{objective:?} {got} {expected}");
                }
            }
        }
    }

    #[test]
    fn known_values() {
        let zero = [0.0; 4];
        assert!((value(Objective::CrossEntropy, &zero, 1) - 4.0_f64.ln()).abs() < 1e-15);
        assert!((value(Objective::OneMinusProbability, &zero, 1) - 0.75).abs() < 1e-15);
        assert_eq!(value(Objective::MaxMargin, &[1.0, 5.0, 2.0], 1), -3.0);
        assert_eq!(value(Objective::NegativeLogit, &[1.0, 5.0, 2.0], 1), -5.0);
        // u = (0.5, 0.5), v = (0.9999, 0): 2 (0.4999² + 0.5²) / (0.5 (1 − 0.9999²)).
        let excess: f64 = 2.0 * (0.4999_f64.powi(2) + 0.25) / (0.5 * (1.0 - 0.9999_f64.powi(2)));
        let expected = (1.0 + excess).acosh();
        assert!((value(Objective::Poincare, &[3.0, 3.0], 0) - expected).abs() < 1e-9);
    }

    #[test]
    fn extreme_scores_give_numbers() {
        for objective in ALL {
            for z in [&[1e30, -1e30][..], &[-1e30, 1e30], &[0.0, 0.0], &[7.0], &[0.0], &[1.0, 0.0]] {
                let mut derivative = vec![0.0; z.len()];
                assert!(objective.of(z, 0, &mut derivative).is_finite(), "{objective:?} {z:?}");
                assert!(derivative.iter().all(|d| d.is_finite()), "{objective:?} {z:?} {derivative:?}");
            }
            assert!(value(objective, &[f64::NAN, 1.0], 1).is_nan());
            assert!(
                objective.batch(&[0.0, 1.0], Answers::Probabilities, 2, &[0]).unwrap().values[0].is_finite()
            );
        }
    }

    #[test]
    fn classes_that_cannot_be_are_passed_over() {
        for objective in [Objective::CrossEntropy, Objective::OneMinusProbability, Objective::MaxMargin] {
            let z = [1.0, f64::NEG_INFINITY, 0.0];
            let (mut derivative, mut without) = ([0.0; 3], [0.0; 2]);
            let value = objective.of(&z, 0, &mut derivative);
            assert_eq!(value, objective.of(&[1.0, 0.0], 0, &mut without), "{objective:?}");
            assert_eq!(derivative, [without[0], 0.0, without[1]], "{objective:?}");
        }
        let mut derivative = [0.0; 3];
        assert!(!Objective::CrossEntropy.of(&[1.0, f64::NEG_INFINITY, 0.0], 1, &mut derivative).is_finite());
    }

    #[test]
    fn answers_of_another_shape_are_refused() {
        let batch = |answers: &[f32], width, classes: &[u32]| {
            Objective::CrossEntropy
                .batch(answers, Answers::Logits, width, classes)
                .map(|_| ())
                .map_err(|e| e.to_string())
        };
        assert_eq!(
            batch(&[0.0; 5], 2, &[0, 1]).unwrap_err(),
            "answers: expected 2 for each of 2 questions, got 5"
        );
        assert_eq!(batch(&[0.0; 4], 2, &[0, 2]).unwrap_err(), "class to invert: expected below 2, got 2");
        assert_eq!(batch(&[], 0, &[]), Ok(()));
    }
}
