//! How far and where to an inversion goes along a gradient.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The rule of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Rule {
    /// Adam (Kingma and Ba 2015).
    #[default]
    Adam,
    /// The gradient, with momentum.
    Momentum,
    /// The sign of the gradient, with momentum of the gradient before.
    Signed,
}

/// A rule and its constants.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Stepping {
    /// The rule.
    pub rule: Rule,
    /// What is kept of the mean of gradients at each step, from 0 to below 1: the momentum, or β₁ of Adam.
    pub momentum: f64,
    /// What Adam keeps of the mean of squares: β₂, from 0 to below 1.
    pub second: f64,
}

/// What keeps Adam from dividing by nothing.
const LEAST: f64 = 1e-8;

/// The memory of a walk.
#[derive(Debug, Clone, Default)]
pub struct Memory {
    mean: Vec<f64>,
    squares: Vec<f64>,
    steps: i32,
}

impl Memory {
    /// Nothing yet, of a walk over so many values.
    pub fn new(stepping: Stepping, width: usize) -> Self {
        let squares = if stepping.rule == Rule::Adam { width } else { 0 };
        Self { mean: vec![0.0; width], squares: vec![0.0; squares], steps: 0 }
    }

    /// Turns a gradient into the direction of a step, which is taken against it.
    ///
    /// # Panics
    /// Where the gradient has another size than the walk.
    pub fn turn(&mut self, stepping: Stepping, gradient: &mut [f64]) {
        assert_eq!(gradient.len(), self.mean.len(), "a gradient of another size");
        self.steps = self.steps.saturating_add(1);
        let Stepping { rule, momentum, second } = stepping;
        match rule {
            Rule::Momentum | Rule::Signed => {
                for (mean, gradient) in self.mean.iter_mut().zip(gradient) {
                    *mean = momentum * *mean + *gradient;
                    *gradient = match rule {
                        Rule::Signed if *mean == 0.0 => 0.0,
                        Rule::Signed => mean.signum(),
                        _ => *mean,
                    };
                }
            }
            Rule::Adam => {
                let (first, square) = (1.0 - momentum.powi(self.steps), 1.0 - second.powi(self.steps));
                for ((mean, squares), gradient) in self.mean.iter_mut().zip(&mut self.squares).zip(gradient) {
                    *mean = momentum * *mean + (1.0 - momentum) * *gradient;
                    *squares = second * *squares + (1.0 - second) * *gradient * *gradient;
                    *gradient = *mean / first / ((*squares / square).sqrt() + LEAST);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The directions of a rule along these gradients of one value.
    fn directions(rule: Rule, momentum: f64, gradients: &[f64]) -> Vec<f64> {
        let stepping = Stepping { rule, momentum, second: 0.999 };
        let mut memory = Memory::new(stepping, 1);
        let turn = |gradient: &f64| {
            let mut direction = [*gradient];
            memory.turn(stepping, &mut direction);
            direction[0]
        };
        gradients.iter().map(turn).collect()
    }

    #[test]
    fn directions_of_known_gradients() {
        assert_eq!(directions(Rule::Momentum, 0.0, &[2.0, -1.0]), [2.0, -1.0]);
        assert_eq!(directions(Rule::Momentum, 0.5, &[2.0, -1.0, 0.0]), [2.0, 0.0, 0.0]);
        assert_eq!(directions(Rule::Signed, 0.0, &[2.0, -1e-9, 0.0]), [1.0, -1.0, 0.0]);
        // The first step of Adam is the sign, whatever the size.
        for gradient in [1e-3, 1e3] {
            assert!((directions(Rule::Adam, 0.9, &[gradient])[0] - 1.0).abs() < 1e-4);
        }
        // The second by hand: m = 0.1 (0.9 − 1) = −0.01 over 0.19; v = (0.000999 + 0.001) over 0.001999.
        let second = directions(Rule::Adam, 0.9, &[1.0, -1.0])[1];
        assert!((second - -0.01 / 0.19).abs() < 1e-6, "{second}");
        assert_eq!(directions(Rule::Adam, 0.9, &[0.0]), [0.0]);
    }

    #[test]
    fn every_rule_finds_the_bottom() {
        for (rule, momentum, rate) in [
            (Rule::Adam, 0.9, 0.05),
            (Rule::Momentum, 0.0, 0.1),
            (Rule::Momentum, 0.8, 0.02),
            (Rule::Signed, 0.0, 0.01),
        ] {
            let stepping = Stepping { rule, momentum, second: 0.999 };
            let (mut memory, mut x) = (Memory::new(stepping, 2), [3.0, -2.0]);
            for _ in 0..600 {
                let mut gradient = [2.0 * (x[0] - 1.0), 6.0 * x[1]];
                memory.turn(stepping, &mut gradient);
                x.iter_mut().zip(gradient).for_each(|(x, d)| *x -= rate * d);
            }
            assert!((x[0] - 1.0).abs() < 0.03 && x[1].abs() < 0.03, "{rule:?} {x:?}");
        }
    }
}
