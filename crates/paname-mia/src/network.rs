//! A small neural network that tells two kinds of rows apart: one hidden layer of rectified units, fitted by Adam (Kingma and Ba 2015) on the
//! balanced cross-entropy. One thread and a fixed order of sums, so that a seed decides the result.

use paname_core::Result;
use rand_core::Rng;

/// How a network is fitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fitting {
    pub(crate) hidden: usize,
    pub(crate) epochs: usize,
}

/// Rows to learn from.
#[derive(Clone, Copy)]
pub(crate) struct Examples<'a> {
    /// `[examples][width]`.
    pub(crate) inputs: &'a [f64],
    pub(crate) width: usize,
    /// Kind of each example.
    pub(crate) positive: &'a [bool],
}

/// Rows per step.
const BATCH: usize = 64;
/// Step size at the start; it falls linearly to 0.
const STEP: f64 = 0.01;
/// L2 penalty.
const DECAY: f64 = 1e-4;

/// A fitted network.
#[derive(Debug, Clone)]
pub(crate) struct Network {
    /// Per hidden unit: weights of the inputs, bias, weight of the output; at the end the bias of the output.
    weights: Vec<f64>,
    width: usize,
}

impl Network {
    /// Fits on the examples `rows`, of both kinds. Calls `tick` before each epoch.
    pub(crate) fn fit(
        examples: Examples<'_>,
        mut rows: Vec<u32>,
        fitting: Fitting,
        rng: &mut impl Rng,
        mut tick: impl FnMut() -> Result<()>,
    ) -> Result<Self> {
        let width = examples.width;
        let count = fitting.hidden * (width + 2) + 1;
        let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
        // Uniform with the variance of He et al. 2015; biases and the output's weights start at 0 and small.
        let bound = (6.0 / width as f64).sqrt();
        let mut network = Self { weights: vec![0.0; count], width };
        for unit in network.weights.chunks_exact_mut(width + 2) {
            unit[..width].fill_with(|| bound * (2.0 * uniform() - 1.0));
            unit[width + 1] = (2.0 * uniform() - 1.0) / (fitting.hidden as f64).sqrt();
        }
        let positives = rows.iter().filter(|r| examples.positive[**r as usize]).count() as f64;
        let all = rows.len() as f64;
        let weight_of = |positive: bool| 0.5 * all / if positive { positives } else { all - positives };
        let (mut gradient, mut first, mut second) = (vec![0.0; count], vec![0.0; count], vec![0.0; count]);
        let mut active = vec![0.0; fitting.hidden];
        let steps = (fitting.epochs * rows.len().div_ceil(BATCH)) as f64;
        let (mut step, mut power_1, mut power_2) = (0.0, 1.0, 1.0);
        for _ in 0..fitting.epochs {
            tick()?;
            for i in (1..rows.len()).rev() {
                rows.swap(i, ((uniform() * (i + 1) as f64) as usize).min(i));
            }
            for batch in rows.chunks(BATCH) {
                gradient.fill(0.0);
                for &row in batch {
                    let input = &examples.inputs[row as usize * width..(row as usize + 1) * width];
                    let positive = examples.positive[row as usize];
                    let output = network.forward(input, &mut active);
                    let error = 1.0 / (1.0 + libm::exp(-output)) - f64::from(positive);
                    network.backward(input, &active, error * weight_of(positive), &mut gradient);
                }
                power_1 *= 0.9;
                power_2 *= 0.999;
                let rate = STEP * (1.0 - step / steps);
                step += 1.0;
                let size = batch.len() as f64;
                for (((w, g), m), v) in
                    network.weights.iter_mut().zip(&gradient).zip(&mut first).zip(&mut second)
                {
                    let g = g / size + DECAY * *w;
                    *m += 0.1 * (g - *m);
                    *v += 0.001 * (g * g - *v);
                    *w -= rate * (*m / (1.0 - power_1)) / ((*v / (1.0 - power_2)).sqrt() + 1e-8);
                }
            }
        }
        Ok(network)
    }

    /// The log-odds of the positive kind, up to the balance of the kinds.
    pub(crate) fn log_odds(&self, input: &[f64]) -> f64 {
        let bias = self.weights.last().copied().unwrap_or(0.0);
        bias + self.units().map(|unit| unit[self.width + 1] * self.activation(unit, input)).sum::<f64>()
    }

    fn units(&self) -> impl Iterator<Item = &[f64]> {
        self.weights.chunks_exact(self.width + 2)
    }

    fn activation(&self, unit: &[f64], input: &[f64]) -> f64 {
        let sum: f64 = unit[..self.width].iter().zip(input).map(|(w, x)| w * x).sum();
        (sum + unit[self.width]).max(0.0)
    }

    fn forward(&self, input: &[f64], active: &mut [f64]) -> f64 {
        let mut output = self.weights.last().copied().unwrap_or(0.0);
        for (unit, active) in self.units().zip(active) {
            *active = self.activation(unit, input);
            output += unit[self.width + 1] * *active;
        }
        output
    }

    /// Adds the gradient of one example, given that of its output.
    fn backward(&self, input: &[f64], active: &[f64], error: f64, gradient: &mut [f64]) {
        let width = self.width;
        for ((unit, slot), active) in self.units().zip(gradient.chunks_exact_mut(width + 2)).zip(active) {
            slot[width + 1] += error * active;
            if *active > 0.0 {
                let inner = error * unit[width + 1];
                for (slot, x) in slot[..width].iter_mut().zip(input) {
                    *slot += inner * x;
                }
                slot[width] += inner;
            }
        }
        if let Some(bias) = gradient.last_mut() {
            *bias += error;
        }
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Ctx;

    use super::*;

    #[test]
    fn learns_what_no_line_can_tell() {
        // Positive near the origin, and rare.
        let inputs: Vec<f64> = (0..1000).map(|i| f64::from(i) / 250.0 - 2.0).collect();
        let positive: Vec<bool> = inputs.iter().map(|x| x.abs() < 0.3).collect();
        let examples = Examples { inputs: &inputs, width: 1, positive: &positive };
        let fitting = Fitting { hidden: 16, epochs: 40 };
        let mut rng = Ctx::new(1, "test", 1, &()).rng("network");
        let network = Network::fit(examples, (0..1000).collect(), fitting, &mut rng, || Ok(())).unwrap();
        let right = inputs
            .iter()
            .zip(&positive)
            .filter(|(x, positive)| (network.log_odds(&[**x]) > 0.0) == **positive);
        assert!(right.count() > 950);
    }

    #[test]
    fn gradient_is_that_of_differences() {
        let mut network =
            Network { weights: vec![0.3, -0.2, 0.5, 0.7, -0.4, 0.8, 0.1, -0.6, 0.05], width: 2 };
        let input = [1.5, -0.5];
        let mut gradient = vec![0.0; 9];
        let mut active = vec![0.0; 2];
        network.forward(&input, &mut active);
        network.backward(&input, &active, 1.0, &mut gradient);
        for (i, slope) in gradient.iter().enumerate() {
            let at = |network: &mut Network, shift: f64| {
                network.weights[i] += shift;
                let output = network.log_odds(&input);
                network.weights[i] -= shift;
                output
            };
            let difference = (at(&mut network, 1e-6) - at(&mut network, -1e-6)) / 2e-6;
            assert!((slope - difference).abs() < 1e-8, "weight {i}: {slope} {difference}");
        }
    }
}
