//! Normal laws of several values at once, such as the answers to the variants of a record.

/// Number, mean and scatter of vectors.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Moments {
    pub(crate) count: f64,
    pub(crate) mean: Vec<f64>,
    /// Sums of products of differences from the mean, `[width][width]`.
    pub(crate) scatter: Vec<f64>,
}

impl Moments {
    /// Of no vector.
    pub(crate) fn none(width: usize) -> Self {
        Self { count: 0.0, mean: vec![0.0; width], scatter: vec![0.0; width * width] }
    }

    /// Of these vectors. Two passes, so that nothing cancels.
    pub(crate) fn of<'a>(width: usize, vectors: impl Iterator<Item = &'a [f32]> + Clone) -> Self {
        let mut moments = Self::none(width);
        for vector in vectors.clone() {
            moments.count += 1.0;
            for (sum, value) in moments.mean.iter_mut().zip(vector) {
                *sum += f64::from(*value);
            }
        }
        moments.mean.iter_mut().for_each(|sum| *sum /= moments.count.max(1.0));
        for vector in vectors {
            let apart: Vec<f64> =
                vector.iter().zip(&moments.mean).map(|(value, mean)| f64::from(*value) - mean).collect();
            add_products(&mut moments.scatter, &apart, 1.0);
        }
        moments
    }

    /// Takes up the vectors of another (Chan, Golub and LeVeque 1983).
    pub(crate) fn merge(&mut self, other: &Self) {
        if other.count == 0.0 {
            return;
        }
        let count = self.count + other.count;
        let apart: Vec<f64> = other.mean.iter().zip(&self.mean).map(|(theirs, own)| theirs - own).collect();
        self.scatter.iter_mut().zip(&other.scatter).for_each(|(own, theirs)| *own += theirs);
        add_products(&mut self.scatter, &apart, self.count * other.count / count);
        for (own, apart) in self.mean.iter_mut().zip(&apart) {
            *own += apart * other.count / count;
        }
        self.count = count;
    }
}

/// Adds `weight` times the products of a vector with itself.
fn add_products(matrix: &mut [f64], vector: &[f64], weight: f64) {
    for (row, x) in matrix.chunks_exact_mut(vector.len().max(1)).zip(vector) {
        for (cell, y) in row.iter_mut().zip(vector) {
            *cell += weight * x * y;
        }
    }
}

/// The lower triangular factor of a symmetric matrix, `[width][width]` (Cholesky). A pivot below `least` counts as that, so that every matrix has
/// one.
pub(crate) fn factor(mut matrix: Vec<f64>, width: usize, least: f64) -> Vec<f64> {
    for j in 0..width {
        let before: f64 = (0..j).map(|k| matrix[j * width + k] * matrix[j * width + k]).sum();
        let pivot = (matrix[j * width + j] - before).max(least).sqrt();
        matrix[j * width + j] = pivot;
        for i in j + 1..width {
            let before: f64 = (0..j).map(|k| matrix[i * width + k] * matrix[j * width + k]).sum();
            matrix[i * width + j] = (matrix[i * width + j] - before) / pivot;
        }
    }
    matrix
}

/// Solves L y = x, L the lower triangle of `factor`.
pub(crate) fn forward(factor: &[f64], mut x: Vec<f64>) -> Vec<f64> {
    let width = x.len();
    for i in 0..width {
        let before: f64 = (0..i).map(|k| factor[i * width + k] * x[k]).sum();
        x[i] = (x[i] - before) / factor[i * width + i];
    }
    x
}

/// Solves Lᵀ y = x, L the lower triangle of `factor`.
pub(crate) fn backward(factor: &[f64], mut x: Vec<f64>) -> Vec<f64> {
    let width = x.len();
    for i in (0..width).rev() {
        let after: f64 = (i + 1..width).map(|k| factor[k * width + i] * x[k]).sum();
        x[i] = (x[i] - after) / factor[i * width + i];
    }
    x
}

/// A normal law of a vector.
pub(crate) struct Normal {
    mean: Vec<f64>,
    factor: Vec<f64>,
}

impl Normal {
    /// From its mean and covariance. Variances below `least`, along any direction that the factor meets, count as that.
    pub(crate) fn new(mean: Vec<f64>, covariance: Vec<f64>, least: f64) -> Self {
        let factor = factor(covariance, mean.len(), least);
        Self { mean, factor }
    }

    /// The differences of `x` from the mean, made independent and of variance 1.
    fn whitened(&self, x: &[f32]) -> Vec<f64> {
        forward(&self.factor, x.iter().zip(&self.mean).map(|(x, mean)| f64::from(*x) - mean).collect())
    }

    /// ln of the density, up to a constant of the width.
    pub(crate) fn log_density(&self, x: &[f32]) -> f64 {
        let width = self.mean.len();
        let log_pivots: f64 = (0..width).map(|i| libm::log(self.factor[i * width + i])).sum();
        -0.5 * self.whitened(x).iter().map(|w| w * w).sum::<f64>() - log_pivots
    }

    /// How far `x` is shifted in all coordinates alike, in standard deviations: the most powerful test of a common shift. With one coordinate (x −
    /// μ)/σ.
    pub(crate) fn common_shift(&self, x: &[f32]) -> f64 {
        let direction = forward(&self.factor, vec![1.0; x.len()]);
        let along: f64 = direction.iter().zip(&self.whitened(x)).map(|(d, w)| d * w).sum();
        along / direction.iter().map(|d| d * d).sum::<f64>().sqrt()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_of_parts_are_those_of_the_whole() {
        let vectors: [&[f32]; 5] = [&[1.0, 2.0], &[3.0, -1.0], &[0.5, 0.5], &[-2.0, 4.0], &[7.0, 1.0]];
        let of = |part: &[&'static [f32]]| Moments::of(2, part.iter().copied());
        let (whole, mut first) = (of(&vectors), of(&vectors[..2]));
        first.merge(&of(&vectors[2..]));
        first.merge(&Moments::none(2));
        let close = |a: &[f64], b: &[f64]| a.iter().zip(b).all(|(a, b)| (a - b).abs() < 1e-12);
        assert!(
            close(&whole.mean, &first.mean) && close(&whole.scatter, &first.scatter),
            "{whole:?} {first:?}"
        );
        assert_eq!(whole.count, 5.0);
    }

    #[test]
    fn densities_and_shifts_by_hand() {
        // Variances 4 and 1, covariance 1: determinant 3; the inverse is [1 −1; −1 4] / 3.
        let normal = Normal::new(vec![1.0, 0.0], vec![4.0, 1.0, 1.0, 1.0], 1e-12);
        let expected = -0.5 * (4.0 - 4.0 + 4.0) / 3.0 - 0.5 * 3.0_f64.ln();
        assert!((normal.log_density(&[3.0, 1.0]) - expected).abs() < 1e-12);
        // 1ᵀΣ⁻¹ = (0, 1): the second coordinate alone tells a common shift.
        assert!((normal.common_shift(&[3.0, 1.0]) - 1.0).abs() < 1e-12);
        let one = Normal::new(vec![1.0], vec![4.0], 1e-12);
        assert_eq!(one.common_shift(&[4.0]), 1.5);
    }

    #[test]
    fn systems_are_solved_and_singular_ones_too() {
        let factor_of = |matrix: &[f64]| factor(matrix.to_vec(), 2, 1e-14);
        let x = backward(
            &factor_of(&[4.0, 1.0, 1.0, 1.0]),
            forward(&factor_of(&[4.0, 1.0, 1.0, 1.0]), vec![5.0, 2.0]),
        );
        assert!((x[0] - 1.0).abs() < 1e-12 && (x[1] - 1.0).abs() < 1e-12);
        let singular = Normal::new(vec![0.0, 0.0], vec![1.0; 4], 1e-14);
        assert!(
            singular.log_density(&[1.0, 1.0]).is_finite() && singular.log_density(&[1.0, -1.0]).is_finite()
        );
    }
}
