//! Evolution with an adapted covariance matrix, in the form of Beyer and Sendhoff (*Simplify Your Covariance Matrix Adaptation Evolution Strategy*, IEEE TEVC
//! 2017), which adapts a root of the matrix and so decomposes none. A generation is drawn first and told of its values later, so that many searches can be
//! asked about at once.
//!
//! No crate does that as is needed here. `fcmaes-core` is asked and told likewise, but `nalgebra` multiplies by what the processor has, and one seed ends elsewhere on
//! another; `haru_cmaes` takes the thread's random numbers, `rlevo-evolution` all of `burn`, and others evaluate within one call.

use rand_pcg::Pcg64;

use crate::random::fill_normal;

/// Constants of a search, from its dimensions and the size of a generation.
#[derive(Debug, Clone)]
struct Constants {
    /// Of the better half, the best first; they add up to 1.
    weights: Vec<f64>,
    /// As how many equal ones the better half counts.
    effective: f64,
    path: f64,
    rank_one: f64,
    rank_many: f64,
    damping: f64,
    /// The mean length of a standard normal vector.
    length: f64,
}

/// A search for the least value.
#[derive(Debug, Clone)]
pub(crate) struct Evolution {
    constants: Constants,
    mean: Vec<f64>,
    sigma: f64,
    /// `[dimensions][dimensions]`: a root of the covariance matrix.
    root: Vec<f64>,
    path: Vec<f64>,
    drawn: Vec<Drawn>,
}

/// A place of a generation, around the mean and in units of the spread.
#[derive(Debug, Clone)]
struct Drawn {
    /// Standard normal.
    z: Vec<f64>,
    /// What the root makes of it.
    d: Vec<f64>,
}

impl Evolution {
    /// A search around `mean` of so many places a generation, at least 2.
    pub(crate) fn new(mean: Vec<f64>, sigma: f64, places: usize) -> Self {
        let dimensions = mean.len();
        let mut root = vec![0.0; dimensions * dimensions];
        (0..dimensions).for_each(|i| root[i * (dimensions + 1)] = 1.0);
        let constants = Constants::new(dimensions, places);
        Self { constants, path: vec![0.0; dimensions], mean, sigma, root, drawn: Vec::new() }
    }

    /// How far places are spread.
    pub(crate) fn sigma(&self) -> f64 {
        self.sigma
    }

    /// Draws a generation of so many places.
    pub(crate) fn draw(&mut self, places: usize, stream: &mut Pcg64) -> Vec<Vec<f32>> {
        let dimensions = self.mean.len();
        let mut noise = vec![0.0_f32; dimensions];
        self.drawn.clear();
        let mut all = Vec::with_capacity(places);
        for _ in 0..places {
            fill_normal(&mut noise, stream);
            let z: Vec<f64> = noise.iter().map(|x| f64::from(*x)).collect();
            let d = product(&self.root, &z);
            all.push(self.mean.iter().zip(&d).map(|(mean, d)| (mean + self.sigma * d) as f32).collect());
            self.drawn.push(Drawn { z, d });
        }
        all
    }

    /// Adapts to the values of the generation drawn last. What is no number is worst.
    pub(crate) fn tell(&mut self, values: &[f64]) {
        let Constants { weights, effective, path, rank_one, rank_many, damping, length } = &self.constants;
        let rank = |i: usize| if values[i].is_nan() { f64::INFINITY } else { values[i] };
        let mut order: Vec<usize> = (0..values.len().min(self.drawn.len())).collect();
        // Stable: the first of equal ones stays first.
        order.sort_by(|a, b| rank(*a).total_cmp(&rank(*b)));
        let best: Vec<(f64, &Drawn)> =
            weights.iter().copied().zip(order.into_iter().map(|i| &self.drawn[i])).collect();
        let dimensions = self.mean.len();
        let mut step = vec![0.0; dimensions];
        for (weight, Drawn { z, d }) in &best {
            step.iter_mut().zip(z).for_each(|(step, z)| *step += weight * z);
            self.mean.iter_mut().zip(d).for_each(|(mean, d)| *mean += self.sigma * weight * d);
        }
        let share = (effective * path * (2.0 - path)).sqrt();
        self.path.iter_mut().zip(&step).for_each(|(p, step)| *p = (1.0 - path) * *p + share * step);
        // M + c₁/2 (M s sᵀ − M) + c_w/2 (Σ w M z zᵀ − M).
        let along = product(&self.root, &self.path);
        let kept = 1.0 - (rank_one + rank_many) / 2.0;
        for (i, row) in self.root.chunks_exact_mut(dimensions).enumerate() {
            for (j, m) in row.iter_mut().enumerate() {
                let many: f64 = best.iter().map(|(weight, Drawn { z, d })| weight * d[i] * z[j]).sum();
                *m = kept * *m + rank_one / 2.0 * along[i] * self.path[j] + rank_many / 2.0 * many;
            }
        }
        let norm = self.path.iter().map(|p| p * p).sum::<f64>().sqrt();
        self.sigma *= libm::exp((path / damping * (norm / length - 1.0)).min(1.0));
    }
}

impl Constants {
    fn new(dimensions: usize, places: usize) -> Self {
        let (n, half) = (dimensions as f64, places.max(2) / 2);
        let raw = |i: usize| libm::log(f64::midpoint(places as f64, 1.0)) - libm::log(i as f64);
        let sum: f64 = (1..=half).map(raw).sum();
        let weights: Vec<f64> = (1..=half).map(|i| raw(i) / sum).collect();
        let effective = 1.0 / weights.iter().map(|w| w * w).sum::<f64>();
        let path = (effective + 2.0) / (n + effective + 5.0);
        let rank_one = 2.0 / ((n + 1.3).powi(2) + effective);
        let many = 2.0 * (effective - 2.0 + 1.0 / effective) / ((n + 2.0).powi(2) + effective);
        let damping = 1.0 + path + 2.0 * (((effective - 1.0) / (n + 1.0)).sqrt() - 1.0).max(0.0);
        let length = n.sqrt() * (1.0 - 1.0 / (4.0 * n) + 1.0 / (21.0 * n * n));
        Self { weights, effective, path, rank_one, rank_many: many.min(1.0 - rank_one), damping, length }
    }
}

fn product(matrix: &[f64], x: &[f64]) -> Vec<f64> {
    matrix.chunks_exact(x.len()).map(|row| row.iter().zip(x).map(|(m, x)| m * x).sum()).collect()
}

#[cfg(test)]
mod tests {
    use paname_core::Ctx;

    use super::*;

    /// Places that it takes until the value is below 1e−10; none where that is never.
    fn places(value: impl Fn(&[f32]) -> f64, dimensions: usize, generations: usize) -> Option<usize> {
        let mut stream = Ctx::new(1, "evolution", 1, &()).rng("evolution");
        let size = 4 + (3.0 * (dimensions as f64).ln()) as usize;
        let mut search = Evolution::new(vec![1.0; dimensions], 0.5, size);
        for generation in 1..=generations {
            let values: Vec<f64> = search.draw(size, &mut stream).iter().map(|x| value(x)).collect();
            if values.iter().any(|value| *value < 1e-10) {
                return Some(generation * size);
            }
            search.tell(&values);
        }
        None
    }

    #[test]
    fn bowls_narrow_valleys_and_bent_ones_are_followed() {
        let squares = |x: &[f32]| x.iter().map(|x| f64::from(*x).powi(2)).collect::<Vec<f64>>();
        let sphere = places(|x| squares(x).iter().sum(), 10, 400).unwrap();
        assert!(sphere < 3000, "{sphere}");
        // Axes from 1 to 1000 long: without adaptation a million places would not do.
        let ellipsoid = |x: &[f32]| {
            squares(x).iter().enumerate().map(|(i, x)| 1e6_f64.powf(i as f64 / 9.0) * x).sum::<f64>()
        };
        let narrow = places(ellipsoid, 10, 2000).unwrap();
        assert!(narrow < 10_000, "{narrow}");
        let rosenbrock = |x: &[f32]| {
            let x: Vec<f64> = x.iter().map(|x| f64::from(*x) - 1.0).collect();
            let bent = |pair: &[f64]| 100.0 * (pair[1] - pair[0].powi(2)).powi(2) + (1.0 - pair[0]).powi(2);
            x.windows(2).map(bent).sum::<f64>()
        };
        assert!(places(rosenbrock, 4, 3000).is_some());
    }

    #[test]
    fn what_is_no_number_is_worst() {
        let half = |x: &[f32]| if x[0] < 0.0 { f64::NAN } else { x.iter().map(|x| f64::from(x * x)).sum() };
        assert!(places(half, 5, 2000).is_some());
    }
}
