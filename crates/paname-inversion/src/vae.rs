//! A small generator: a variational autoencoder (Kingma and Ba’s steps on Kingma and Welling’s bound, arXiv 1312.6114) of one hidden layer each way.
//!
//! Inputs are in units of their range. The error of what comes out again counts by the variance that the errors have (Rybkin et al., arXiv 2006.13202), so that
//! nothing has to be weighed by hand against the divergence from the normal distribution: tables of six columns and images of a thousand pixels learn alike.
//! Sums are in a fixed order, whatever the number of threads, and exponentials are the same on every processor.

use paname_core::{Ctx, Error, Result, map_pieces};
use rand_pcg::Pcg64;

use crate::random::{fill_normal, uniform};
use crate::step::{Memory, Rule, Stepping};

/// How an autoencoder is fitted.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Fitting {
    pub(crate) width: usize,
    pub(crate) hidden: usize,
    pub(crate) latent: usize,
    pub(crate) epochs: usize,
    pub(crate) batch: usize,
    pub(crate) rate: f64,
}

/// Rows that a thread takes at a time.
const PIECE: usize = 16;
/// The least variance that errors count by.
const LEAST: f64 = 1e-4;
/// Bounds of the logarithm of the variance of a latent variable, beyond which it learns nothing.
const SPREAD: f32 = 12.0;
/// Adam’s constants.
const ADAM: Stepping = Stepping { rule: Rule::Adam, momentum: 0.9, second: 0.999 };

/// A layer: weights `[inputs][outputs]`, then biases, from `at` on.
#[derive(Debug, Clone, Copy)]
struct Layer {
    inputs: usize,
    outputs: usize,
    at: usize,
}

impl Layer {
    fn end(self) -> usize {
        self.at + (self.inputs + 1) * self.outputs
    }

    fn split(self) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
        let biases = self.at + self.inputs * self.outputs;
        (self.at..biases, biases..self.end())
    }

    /// Its sums for each row of `x`.
    fn forward(self, weights: &[f32], x: &[f32]) -> Vec<f32> {
        let (matrix, biases) = self.split();
        let (matrix, biases) = (&weights[matrix], &weights[biases]);
        let mut sums = Vec::with_capacity(x.len() / self.inputs * self.outputs);
        for x in x.chunks_exact(self.inputs) {
            let start = sums.len();
            sums.extend_from_slice(biases);
            let sums = &mut sums[start..];
            // Four inputs at a time: sums are then read and written a quarter as often.
            for (x, rows) in x.chunks(4).zip(matrix.chunks(4 * self.outputs)) {
                if let [a, b, c, d] = *x {
                    let (ra, rest) = rows.split_at(self.outputs);
                    let (rb, rest) = rest.split_at(self.outputs);
                    let (rc, rd) = rest.split_at(self.outputs);
                    for ((((sum, ra), rb), rc), rd) in sums.iter_mut().zip(ra).zip(rb).zip(rc).zip(rd) {
                        *sum += (a * ra + b * rb) + (c * rc + d * rd);
                    }
                } else {
                    for (x, row) in x.iter().zip(rows.chunks_exact(self.outputs)) {
                        sums.iter_mut().zip(row).for_each(|(sum, w)| *sum += x * w);
                    }
                }
            }
        }
        sums
    }

    /// Derivatives with respect to its inputs, from those with respect to its sums.
    fn backward(self, weights: &[f32], slopes: &[f32]) -> Vec<f32> {
        let matrix = &weights[self.split().0];
        let mut below = Vec::with_capacity(slopes.len() / self.outputs * self.inputs);
        for slopes in slopes.chunks_exact(self.outputs) {
            below.extend(matrix.chunks_exact(self.outputs).map(|row| dot(row, slopes)));
        }
        below
    }

    /// Adds derivatives with respect to its weights.
    fn learn(self, x: &[f32], slopes: &[f32], gradient: &mut [f32]) {
        let (matrix, biases) = self.split();
        for slopes in slopes.chunks_exact(self.outputs) {
            gradient[biases.clone()].iter_mut().zip(slopes).for_each(|(g, slope)| *g += slope);
        }
        let matrix = &mut gradient[matrix];
        for (x, slopes) in x.chunks(4 * self.inputs).zip(slopes.chunks(4 * self.outputs)) {
            let rows = x.len() / self.inputs;
            for (i, sums) in matrix.chunks_exact_mut(self.outputs).enumerate() {
                if rows == 4 {
                    let [a, b, c, d] = [0, 1, 2, 3].map(|row| x[row * self.inputs + i]);
                    let (sa, rest) = slopes.split_at(self.outputs);
                    let (sb, rest) = rest.split_at(self.outputs);
                    let (sc, sd) = rest.split_at(self.outputs);
                    for ((((sum, sa), sb), sc), sd) in sums.iter_mut().zip(sa).zip(sb).zip(sc).zip(sd) {
                        *sum += (a * sa + b * sb) + (c * sc + d * sd);
                    }
                } else {
                    for (x, slopes) in x.chunks_exact(self.inputs).zip(slopes.chunks_exact(self.outputs)) {
                        sums.iter_mut().zip(slopes).for_each(|(sum, slope)| *sum += x[i] * slope);
                    }
                }
            }
        }
    }
}

/// The sum of products, in eight parts.
fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut parts = [0.0_f32; 8];
    let (a8, b8) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f32 = a8.remainder().iter().zip(b8.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a8.zip(b8) {
        parts.iter_mut().zip(a.iter().zip(b)).for_each(|(part, (a, b))| *part += a * b);
    }
    parts.iter().sum::<f32>() + rest
}

fn rectify(sums: &mut [f32]) {
    for sum in sums {
        *sum = sum.max(0.0);
    }
}

/// Nothing comes through units that are off.
fn mask(slopes: &mut [f32], active: &[f32]) {
    slopes.iter_mut().zip(active).for_each(|(slope, active)| {
        if *active <= 0.0 {
            *slope = 0.0;
        }
    });
}

fn squash(sums: &mut [f32]) {
    for sum in sums {
        *sum = 1.0 / (1.0 + libm::expf(-*sum));
    }
}

/// A fitted autoencoder.
#[derive(Debug, Clone)]
pub(crate) struct Vae {
    /// To the hidden units, to mean and spread of the latent variables, back to hidden units, and to an input.
    layers: [Layer; 4],
    weights: Vec<f32>,
    latent: usize,
}

/// What one piece of a batch teaches.
struct Lesson {
    gradient: Vec<f32>,
    /// Squares of errors.
    errors: f64,
    /// The divergence from the normal distribution.
    divergence: f64,
}

/// Inputs that were made, with what their derivatives take.
pub(crate) struct Decoded {
    hidden: Vec<f32>,
    /// The inputs, in units.
    pub(crate) units: Vec<f32>,
}

impl Vae {
    /// As it begins: weights have the variance of He et al. 2015.
    fn new(fitting: Fitting, stream: &mut Pcg64) -> Self {
        let Fitting { width, hidden, latent, .. } = fitting;
        let mut at = 0;
        let layers = [(width, hidden), (hidden, 2 * latent), (latent, hidden), (hidden, width)].map(
            |(inputs, outputs)| {
                let layer = Layer { inputs, outputs, at };
                at = layer.end();
                layer
            },
        );
        let mut weights = vec![0.0; at];
        for layer in layers {
            let bound = (6.0 / layer.inputs as f64).sqrt();
            weights[layer.split().0].fill_with(|| (bound * (2.0 * uniform(stream) - 1.0)) as f32);
        }
        Self { layers, weights, latent }
    }

    /// Fits to rows of units `data`, of which there is at least one.
    pub(crate) fn fit(data: &[f32], fitting: Fitting, ctx: &Ctx<'_>) -> Result<Self> {
        let (width, latent) = (fitting.width, fitting.latent);
        let mut stream = ctx.rng("prior");
        let mut vae = Self::new(fitting, &mut stream);
        let mut memory = Memory::new(ADAM, vae.weights.len());
        let count = data.len() / width;
        let mut order: Vec<usize> = (0..count).collect();
        let steps = fitting.epochs * count.div_ceil(fitting.batch);
        let (mut step, mut variance) = (0, variance(data).max(LEAST));
        for epoch in 0..fitting.epochs {
            for i in (1..count).rev() {
                order.swap(i, ((uniform(&mut stream) * (i + 1) as f64) as usize).min(i));
            }
            let (mut errors, mut divergence) = (0.0, 0.0);
            for rows in order.chunks(fitting.batch) {
                ctx.tick(step, steps)?;
                step += 1;
                let mut noise = vec![0.0; rows.len() * latent];
                fill_normal(&mut noise, &mut stream);
                let lessons =
                    map_pieces(rows.len().div_ceil(PIECE), ctx.threads(), |piece, x: &mut Vec<f32>| {
                        let some = &rows[piece * PIECE..rows.len().min((piece + 1) * PIECE)];
                        x.clear();
                        for row in some {
                            x.extend_from_slice(&data[row * width..][..width]);
                        }
                        Ok(vae.lesson(x, &noise[piece * PIECE * latent..][..some.len() * latent], variance))
                    })?;
                let mut gradient = vec![0.0_f64; vae.weights.len()];
                let mut batch_errors = 0.0;
                for lesson in lessons {
                    gradient.iter_mut().zip(&lesson.gradient).for_each(|(sum, g)| *sum += f64::from(*g));
                    batch_errors += lesson.errors;
                    divergence += lesson.divergence;
                }
                for g in &mut gradient {
                    *g /= rows.len() as f64;
                }
                memory.turn(ADAM, &mut gradient);
                vae.weights.iter_mut().zip(&gradient).for_each(|(w, d)| *w -= (fitting.rate * d) as f32);
                // Slowly, since one batch says little of the variance.
                let seen = batch_errors / (rows.len() * width) as f64;
                variance = (0.9 * variance + 0.1 * seen).max(LEAST);
                errors += batch_errors;
            }
            if epoch + 1 == fitting.epochs {
                ctx.log(&format!(
                    "a prior of {latent} latent variables was fitted to {count} records: error {:.3} of the range, divergence {:.1}",
                    (errors / data.len() as f64).sqrt(),
                    divergence / count as f64
                ));
            }
        }
        if vae.weights.iter().all(|w| w.is_finite()) {
            return Ok(vae);
        }
        Err(Error::Config("`prior.rate`: the prior’s weights are no numbers any more; set it lower".into()))
    }

    /// What rows of inputs teach, given the noise of their latent variables and the variance of errors.
    fn lesson(&self, x: &[f32], noise: &[f32], variance: f64) -> Lesson {
        let ([first, code, back, last], weights, latent) = (self.layers, &self.weights, self.latent);
        let mut above = first.forward(weights, x);
        rectify(&mut above);
        let codes = code.forward(weights, &above);
        let mut z = Vec::with_capacity(noise.len());
        for (codes, noise) in codes.chunks_exact(2 * latent).zip(noise.chunks_exact(latent)) {
            let (means, spreads) = codes.split_at(latent);
            z.extend(
                means
                    .iter()
                    .zip(spreads)
                    .zip(noise)
                    .map(|((mean, spread), e)| mean + e * libm::expf(spread.clamp(-SPREAD, SPREAD) / 2.0)),
            );
        }
        let Decoded { hidden, units } = self.decode_rows(&z);

        let (mut errors, mut divergence) = (0.0, 0.0);
        let precision = (1.0 / variance) as f32;
        let slopes: Vec<f32> = units
            .iter()
            .zip(x)
            .map(|(o, x)| {
                errors += f64::from(o - x) * f64::from(o - x);
                precision * (o - x) * o * (1.0 - o)
            })
            .collect();
        let mut gradient = vec![0.0; weights.len()];
        last.learn(&hidden, &slopes, &mut gradient);
        let mut slopes = last.backward(weights, &slopes);
        mask(&mut slopes, &hidden);
        back.learn(&z, &slopes, &mut gradient);
        let slopes = back.backward(weights, &slopes);
        let mut of_codes = Vec::with_capacity(codes.len());
        for ((codes, noise), slopes) in
            codes.chunks_exact(2 * latent).zip(noise.chunks_exact(latent)).zip(slopes.chunks_exact(latent))
        {
            let (means, spreads) = codes.split_at(latent);
            of_codes.extend(means.iter().zip(slopes).map(|(mean, slope)| slope + mean));
            for (((mean, spread), e), slope) in means.iter().zip(spreads).zip(noise).zip(slopes) {
                let bounded = spread.clamp(-SPREAD, SPREAD);
                let variance = libm::expf(bounded);
                divergence += 0.5 * f64::from(variance + mean * mean - 1.0 - bounded);
                let slope = 0.5 * (slope * e * libm::expf(bounded / 2.0) + variance - 1.0);
                of_codes.push(if bounded == *spread { slope } else { 0.0 });
            }
        }
        code.learn(&above, &of_codes, &mut gradient);
        let mut slopes = code.backward(weights, &of_codes);
        mask(&mut slopes, &above);
        first.learn(x, &slopes, &mut gradient);
        Lesson { gradient, errors, divergence }
    }

    /// Latent variables of an input.
    pub(crate) fn latent(&self) -> usize {
        self.latent
    }

    fn decode_rows(&self, z: &[f32]) -> Decoded {
        let [_, _, back, last] = self.layers;
        let mut hidden = back.forward(&self.weights, z);
        rectify(&mut hidden);
        let mut units = last.forward(&self.weights, &hidden);
        squash(&mut units);
        Decoded { hidden, units }
    }

    /// The inputs that latent variables stand for.
    pub(crate) fn decode(&self, z: &[f32], threads: usize) -> Result<Decoded> {
        let rows: Vec<&[f32]> = z.chunks(PIECE * self.latent).collect();
        let pieces = map_pieces(rows.len(), threads, |piece, (): &mut ()| Ok(self.decode_rows(rows[piece])))?;
        let mut all = Decoded { hidden: Vec::new(), units: Vec::new() };
        for Decoded { hidden, units } in pieces {
            all.hidden.extend(hidden);
            all.units.extend(units);
        }
        Ok(all)
    }

    /// Derivatives with respect to latent variables, from those with respect to units of the inputs that they stand for.
    pub(crate) fn pull_back(&self, decoded: &Decoded, slopes: &[f32], threads: usize) -> Result<Vec<f32>> {
        let [_, _, back, last] = self.layers;
        let pieces = slopes.len().div_ceil(PIECE * last.outputs);
        let pieces = map_pieces(pieces, threads, |piece, (): &mut ()| {
            let (from, to) = (piece * PIECE * last.outputs, (piece + 1) * PIECE * last.outputs);
            let range = from..slopes.len().min(to);
            let through = |(slope, o): (&f32, &f32)| slope * o * (1.0 - o);
            let slopes: Vec<f32> =
                slopes[range.clone()].iter().zip(&decoded.units[range]).map(through).collect();
            let mut slopes = last.backward(&self.weights, &slopes);
            mask(&mut slopes, &decoded.hidden[piece * PIECE * last.inputs..]);
            Ok(back.backward(&self.weights, &slopes))
        })?;
        Ok(pieces.concat())
    }
}

/// The mean over columns of the variance would need their number; that of all values is as good to begin with.
fn variance(values: &[f32]) -> f64 {
    let count = values.len().max(1) as f64;
    let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / count;
    values.iter().map(|x| (f64::from(*x) - mean).powi(2)).sum::<f64>() / count
}

#[cfg(test)]
mod tests {
    use super::*;

    const FITTING: Fitting = Fitting { width: 6, hidden: 9, latent: 3, epochs: 200, batch: 32, rate: 5e-3 };

    /// Rows along a curve: one number decides all of them.
    fn curve(count: usize) -> Vec<f32> {
        let ctx = Ctx::new(5, "curve", 1, &());
        let mut stream = ctx.rng("curve");
        let row = |_| {
            let t = uniform(&mut stream);
            (0..6).map(|j| (0.5 + 0.4 * libm::sin(2.0 * t + f64::from(j))) as f32).collect::<Vec<f32>>()
        };
        (0..count).flat_map(row).collect()
    }

    fn objective(vae: &Vae, x: &[f32], noise: &[f32], variance: f64) -> f64 {
        let lesson = vae.lesson(x, noise, variance);
        lesson.errors / (2.0 * variance) + lesson.divergence
    }

    #[test]
    fn gradients_are_finite_differences() {
        let mut stream = Ctx::new(1, "vae", 1, &()).rng("vae");
        let mut vae = Vae::new(FITTING, &mut stream);
        let biases: Vec<_> = vae.layers.iter().map(|layer| layer.split().1).collect();
        for range in biases {
            vae.weights[range].fill_with(|| uniform(&mut stream) as f32 * 0.2);
        }
        let x = curve(7);
        let mut noise = vec![0.0; 7 * 3];
        fill_normal(&mut noise, &mut stream);
        let lesson = vae.lesson(&x, &noise, 0.05);
        let largest = lesson.gradient.iter().fold(0.0_f32, |most, g| most.max(g.abs()));
        assert!(largest > 1.0);
        let mut wrong = 0;
        for j in 0..vae.weights.len() {
            let at = |h: f32| {
                let mut moved = vae.clone();
                moved.weights[j] += h;
                objective(&moved, &x, &noise, 0.05)
            };
            let difference = (at(2e-3) - at(-2e-3)) / 4e-3;
            let off = (difference - f64::from(lesson.gradient[j])).abs();
            wrong += usize::from(off > 0.01 * f64::from(largest));
        }
        // But for those between whose ends a rectified unit turns on or off.
        assert!(wrong <= 5, "{wrong} of {}", vae.weights.len());
    }

    #[test]
    fn latent_derivatives_are_finite_differences() {
        let ctx = Ctx::new(2, "vae", 3, &());
        let vae = Vae::fit(&curve(64), Fitting { epochs: 20, ..FITTING }, &ctx).unwrap();
        let mut z = vec![0.0; 20 * 3];
        fill_normal(&mut z, &mut ctx.rng("z"));
        let decoded = vae.decode(&z, 3).unwrap();
        let mut slopes = vec![0.0; 20 * 6];
        fill_normal(&mut slopes, &mut ctx.rng("slopes"));
        let pulled = vae.pull_back(&decoded, &slopes, 3).unwrap();
        assert_eq!(pulled.len(), z.len());
        assert_eq!(pulled, vae.pull_back(&decoded, &slopes, 1).unwrap());
        let mut wrong = 0;
        for j in 0..z.len() {
            let at = |h: f32| {
                let mut moved = z.clone();
                moved[j] += h;
                let units = vae.decode(&moved, 1).unwrap().units;
                units.iter().zip(&slopes).map(|(u, s)| f64::from(*u) * f64::from(*s)).sum::<f64>()
            };
            let difference = (at(5e-3) - at(-5e-3)) / 1e-2;
            wrong += usize::from((difference - f64::from(pulled[j])).abs() > 0.01);
        }
        // But for those between whose ends a unit turns on or off.
        assert!(wrong <= 2, "{wrong} of 60");
    }

    #[test]
    fn what_was_learnt_comes_out_again() {
        let data = curve(256);
        let vae = Vae::fit(&data, FITTING, &Ctx::new(3, "vae", 2, &())).unwrap();
        let mut z = vec![0.0; 200 * 3];
        fill_normal(&mut z, &mut Ctx::new(4, "vae", 1, &()).rng("z"));
        let made = vae.decode(&z, 2).unwrap().units;
        let nearest = |row: &[f32], rows: &[f32]| {
            let apart = |other: &[f32]| row.iter().zip(other).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            rows.chunks_exact(6).map(apart).fold(f32::MAX, f32::min).sqrt()
        };
        let mean = |a: &[f32], b: &[f32]| {
            a.chunks_exact(6).map(|row| nearest(row, b)).sum::<f32>() / (a.len() / 6) as f32
        };
        // All that is made is like the data, and all of the data is like something made: not their mean alone.
        let (made_far, data_far) = (mean(&made, &data), mean(&data, &made));
        assert!(made_far < 0.1 && data_far < 0.1, "{made_far} {data_far}");
    }

    #[test]
    fn the_number_of_threads_changes_nothing() {
        let data = curve(100);
        let of = |threads: usize, seed: u64| {
            let fitting = Fitting { epochs: 3, ..FITTING };
            Vae::fit(&data, fitting, &Ctx::new(seed, "vae", threads, &())).unwrap().weights
        };
        assert_eq!(of(1, 1), of(4, 1));
        assert_ne!(of(1, 1), of(1, 2));
    }

    #[test]
    fn rates_that_are_too_high_are_told() {
        let fitting = Fitting { epochs: 40, rate: 1e30, ..FITTING };
        let error = Vae::fit(&curve(40), fitting, &Ctx::new(1, "vae", 1, &())).unwrap_err().to_string();
        assert!(error.contains("`prior.rate`"), "{error}");
    }
}
