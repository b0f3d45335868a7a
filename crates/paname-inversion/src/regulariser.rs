//! What an inversion holds against implausible inputs, with derivatives: total variation of images, and powers of values.
//!
//! All are means over the values of an input, so that a weight means the same whatever the size.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How differences along both axes are joined.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Variation {
    /// |Δ_h| + |Δ_w|.
    #[default]
    Anisotropic,
    /// √(Δ_h² + Δ_w²): no direction is dearer than another.
    Isotropic,
}

/// Below this size differences count by their squares, so that the derivative has no jump.
const SMOOTH: f64 = 1e-3;

/// √(d² + s²) − s: the size of a difference, smooth at nothing.
fn size(squares: f64) -> f64 {
    (squares + SMOOTH * SMOOTH).sqrt() - SMOOTH
}

/// Total variation of an image of `shape` [channels, height, width], over the number of its values; `weight` times the derivative is added to
/// `gradient`.
///
/// # Panics
/// Where the image or the gradient has another size than the shape.
pub fn total_variation(
    x: &[f32],
    [channels, height, width]: [usize; 3],
    variation: Variation,
    weight: f64,
    gradient: &mut [f64],
) -> f64 {
    assert!(x.len() == channels * height * width && gradient.len() == x.len(), "an image of another size");
    let (mut sum, share) = (0.0, weight / x.len().max(1) as f64);
    for i in 0..x.len() {
        let (row, column) = (i / width % height, i % width);
        let difference = |there: bool, j: usize| if there { f64::from(x[j]) - f64::from(x[i]) } else { 0.0 };
        let (below, beside) = (i + width, i + 1);
        let (down, right) = (difference(row + 1 < height, below), difference(column + 1 < width, beside));
        let slopes = match variation {
            Variation::Anisotropic => {
                sum += size(down * down) + size(right * right);
                [down, right].map(|d| d / (d * d + SMOOTH * SMOOTH).sqrt())
            }
            Variation::Isotropic => {
                let squares = down * down + right * right;
                sum += size(squares);
                [down, right].map(|d| d / (squares + SMOOTH * SMOOTH).sqrt())
            }
        };
        for ((slope, j), there) in
            slopes.into_iter().zip([below, beside]).zip([row + 1 < height, column + 1 < width])
        {
            if there {
                gradient[j] += share * slope;
                gradient[i] -= share * slope;
            }
        }
    }
    sum / x.len().max(1) as f64
}

/// The mean of |x|^p; `weight` times the derivative is added to `gradient`. `power` is at least 1; at 1 the derivative at nothing is nothing.
///
/// # Panics
/// Where the gradient has another size than the input.
pub fn mean_power(x: &[f32], power: f64, weight: f64, gradient: &mut [f64]) -> f64 {
    assert_eq!(x.len(), gradient.len(), "a gradient of another size");
    let share = weight / x.len().max(1) as f64;
    let mut sum = 0.0;
    for (x, gradient) in x.iter().zip(gradient) {
        let x = f64::from(*x);
        if x != 0.0 {
            let below = libm::pow(x.abs(), power - 1.0);
            sum += below * x.abs();
            *gradient += share * power * below * x.signum();
        }
    }
    sum / x.len().max(1) as f64
}

/// The mean of squares; see [`mean_power`], which takes longer to say the same.
///
/// # Panics
/// Where the gradient has another size than the input.
pub fn mean_square(x: &[f32], weight: f64, gradient: &mut [f64]) -> f64 {
    assert_eq!(x.len(), gradient.len(), "a gradient of another size");
    let share = 2.0 * weight / x.len().max(1) as f64;
    let mut sum = 0.0;
    for (x, gradient) in x.iter().zip(gradient) {
        let x = f64::from(*x);
        sum += x * x;
        *gradient += share * x;
    }
    sum / x.len().max(1) as f64
}

/// The mean of an image over squares of `2 radius + 1` pixels, within each channel; pixels beyond the edge are left out.
///
/// # Panics
/// Where the image has another size than the shape.
pub fn box_blur(x: &mut [f32], [channels, height, width]: [usize; 3], radius: usize) {
    assert_eq!(x.len(), channels * height * width, "an image of another size");
    if radius == 0 || x.is_empty() {
        return;
    }
    let mean = |line: &[f32], i: usize| {
        let near = &line[i.saturating_sub(radius)..line.len().min(i + radius + 1)];
        (near.iter().map(|x| f64::from(*x)).sum::<f64>() / near.len() as f64) as f32
    };
    for image in x.chunks_exact_mut(height * width) {
        for row in image.chunks_exact_mut(width) {
            let line = row.to_vec();
            row.iter_mut().enumerate().for_each(|(i, x)| *x = mean(&line, i));
        }
        for column in 0..width {
            let line: Vec<f32> = (0..height).map(|row| image[row * width + column]).collect();
            (0..height).for_each(|row| image[row * width + column] = mean(&line, row));
        }
    }
}

/// Moves an image down and to the right, or back where a number is negative; what leaves it on one side comes in on the other.
///
/// # Panics
/// Where the image has another size than the shape.
pub fn roll(x: &mut [f32], [channels, height, width]: [usize; 3], down: isize, right: isize) {
    assert_eq!(x.len(), channels * height * width, "an image of another size");
    if x.is_empty() {
        return;
    }
    let (down, right) =
        (down.rem_euclid(height as isize) as usize, right.rem_euclid(width as isize) as usize);
    for image in x.chunks_exact_mut(height * width) {
        image.rotate_right(down * width);
        for row in image.chunks_exact_mut(width) {
            row.rotate_right(right);
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Values on a grid, so that differences are nothing or far from it.
    fn images() -> impl Strategy<Value = (Vec<f32>, [usize; 3])> {
        (1..3_usize, 1..5_usize, 1..5_usize).prop_flat_map(|(c, h, w)| {
            let pixel = (-10..10_i8).prop_map(|x| f32::from(x) / 8.0);
            (proptest::collection::vec(pixel, c * h * w), Just([c, h, w]))
        })
    }

    fn differences(x: &[f32], of: impl Fn(&[f32]) -> f64) -> Vec<f64> {
        let at = |i: usize, h: f32| {
            let mut moved = x.to_vec();
            moved[i] += h;
            of(&moved)
        };
        // A power of two: steps are exact in single precision.
        let step = 2.0_f32.powi(-13);
        (0..x.len()).map(|i| (at(i, step) - at(i, -step)) / (2.0 * f64::from(step))).collect()
    }

    proptest! {
        #[test]
        fn gradients_are_finite_differences((x, shape) in images(), power in 1.5..4.0_f64) {
            let none = || vec![0.0; x.len()];
            for variation in [Variation::Anisotropic, Variation::Isotropic] {
                let mut gradient = none();
                total_variation(&x, shape, variation, 3.0, &mut gradient);
                let expected = differences(&x, |x| total_variation(x, shape, variation, 0.0, &mut none()));
                for (got, expected) in gradient.iter().zip(expected) {
                    prop_assert!((got - 3.0 * expected).abs() < 1e-3, "{variation:?} {got} {}", 3.0 * expected);
                }
            }
            let mut gradient = none();
            mean_power(&x, power, 3.0, &mut gradient);
            mean_square(&x, 5.0, &mut gradient);
            let expected = differences(&x, |x| {
                3.0 * mean_power(x, power, 0.0, &mut none()) + 5.0 * mean_square(x, 0.0, &mut none())
            });
            for (got, expected) in gradient.iter().zip(expected) {
                prop_assert!((got - expected).abs() < 1e-2, "{power} {got} {expected}");
            }
        }
    }

    #[test]
    fn variation_of_known_images() {
        let of =
            |x: &[f32], shape, variation| total_variation(x, shape, variation, 0.0, &mut vec![0.0; x.len()]);
        // 0 3
        // 4 0: down 4 and −3, right 3 and −4.
        let image = [0.0, 3.0, 4.0, 0.0];
        assert!((of(&image, [1, 2, 2], Variation::Anisotropic) - 14.0 / 4.0).abs() < 1e-2);
        assert!((of(&image, [1, 2, 2], Variation::Isotropic) - 12.0 / 4.0).abs() < 1e-2);
        for variation in [Variation::Anisotropic, Variation::Isotropic] {
            assert_eq!(of(&[0.5; 12], [3, 2, 2], variation), 0.0);
            // Channels are no neighbours.
            assert_eq!(of(&[0.0, 1.0], [2, 1, 1], variation), 0.0);
            assert_eq!(of(&[], [0, 2, 2], variation), 0.0);
        }
    }

    #[test]
    fn images_roll_there_and_back() {
        let mut image = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
        roll(&mut image, [1, 2, 3], 1, -1);
        assert_eq!(image, [5.0, 6.0, 4.0, 2.0, 3.0, 1.0]);
        roll(&mut image, [1, 2, 3], -1, 7);
        assert_eq!(image, [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
        roll(&mut image, [2, 1, 3], 9, 1);
        assert_eq!(image, [3.0, 1.0, 2.0, 6.0, 4.0, 5.0]);
    }

    #[test]
    fn a_blur_is_a_mean_of_neighbours() {
        let mut image = [9.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0];
        box_blur(&mut image, [1, 3, 3], 1);
        assert_eq!(image, [2.25, 1.5, 0.0, 1.5, 1.0, 0.0, 0.0, 0.0, 0.0]);
        let mut flat = [0.25; 8];
        box_blur(&mut flat, [2, 2, 2], 5);
        assert_eq!(flat, [0.25; 8]);
        let mut same = [1.0, 2.0];
        box_blur(&mut same, [1, 1, 2], 0);
        assert_eq!(same, [1.0, 2.0]);
    }
}
