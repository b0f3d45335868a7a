//! Views of images: a part of one, as large as the whole and perhaps mirrored. What a model says of a picture should not hang on where its edges are.

use rand_pcg::Pcg64;

use crate::random::uniform;

/// Where a view lies, in shares of the image: its top, its left edge, its height, its width; last, 1 where it is mirrored.
pub(crate) type View = [f32; 5];

/// The image itself.
pub(crate) const WHOLE: View = [0.0, 0.0, 1.0, 1.0, 0.0];
/// The image itself, mirrored.
pub(crate) const MIRRORED: View = [0.0, 0.0, 1.0, 1.0, 1.0];

/// A view of a share of the image’s surface, anywhere in it.
pub(crate) fn draw([least, most]: [f64; 2], mirror: bool, stream: &mut Pcg64) -> View {
    let side = (least + (most - least) * uniform(stream)).sqrt();
    let [top, left] = [uniform(stream), uniform(stream)].map(|place| (place * (1.0 - side)) as f32);
    // The same numbers follow, whether images are mirrored or not.
    let mirrored = uniform(stream) < 0.5;
    [top, left, side as f32, side as f32, f32::from(u8::from(mirror && mirrored))]
}

/// For each place of a line, the two places that its value is taken from, and the share of the second.
fn line(start: f32, share: f32, mirrored: bool, length: usize) -> Vec<(usize, usize, f32)> {
    let last = length.saturating_sub(1);
    let of = |i: usize| {
        let i = if mirrored { last - i } else { i };
        let at = f64::from(start) * length as f64 + f64::from(share) * (i as f64 + 0.5) - 0.5;
        let at = at.clamp(0.0, last as f64);
        let first = (at as usize).min(last);
        (first, (first + 1).min(last), (at - first as f64) as f32)
    };
    (0..length).map(of).collect()
}

/// The places that each pixel of a view is taken from, with their weights: between pixels, the four around.
fn pixels(
    [channels, height, width]: [usize; 3],
    [top, left, tall, wide, mirrored]: View,
) -> impl Iterator<Item = (usize, [(usize, f32); 4])> {
    let (rows, columns) = (line(top, tall, false, height), line(left, wide, mirrored > 0.5, width));
    (0..channels * height * width).map(move |i| {
        let channel = i / (height * width) * height;
        let ((up, down, y), (west, east, x)) = (rows[i / width % height], columns[i % width]);
        let at = |row: usize, column: usize| (channel + row) * width + column;
        let weights = [
            (at(up, west), (1.0 - y) * (1.0 - x)),
            (at(up, east), (1.0 - y) * x),
            (at(down, west), y * (1.0 - x)),
            (at(down, east), y * x),
        ];
        (i, weights)
    })
}

/// The view of an image of `shape` [channels, height, width].
pub(crate) fn look(image: &mut [f32], shape: [usize; 3], view: View) {
    if view != WHOLE {
        let before = image.to_vec();
        for (i, from) in pixels(shape, view) {
            image[i] =
                from.iter().filter(|(_, weight)| *weight > 0.0).map(|(j, weight)| weight * before[*j]).sum();
        }
    }
}

/// Derivatives with respect to the image, from those with respect to the view.
pub(crate) fn pull_back(slopes: &mut [f32], shape: [usize; 3], view: View) {
    if view != WHOLE {
        let before = slopes.to_vec();
        slopes.fill(0.0);
        for (i, from) in pixels(shape, view) {
            for (j, weight) in from {
                slopes[j] += weight * before[i];
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Ctx;

    use super::*;
    use crate::random::fill_normal;

    const SHAPE: [usize; 3] = [2, 4, 5];

    fn normal(seed: u64) -> Vec<f32> {
        let mut values = vec![0.0; 40];
        fill_normal(&mut values, &mut Ctx::new(seed, "view", 1, &()).rng("view"));
        values
    }

    #[test]
    fn known_views() {
        let image: Vec<f32> = (0..40_u8).map(f32::from).collect();
        let seen = |view: View| {
            let mut seen = image.clone();
            look(&mut seen, SHAPE, view);
            seen
        };
        assert_eq!(seen(WHOLE), image);
        let mirrored = seen(MIRRORED);
        assert_eq!(mirrored[..5], [4.0, 3.0, 2.0, 1.0, 0.0]);
        assert_eq!(mirrored[35..], [39.0, 38.0, 37.0, 36.0, 35.0]);
        // The upper half: rows 0 and 1 in four, at −¼ (the edge), ¼, ¾ and 1¼; each row is 5 more than the one above.
        let upper = seen([0.0, 0.0, 0.5, 1.0, 0.0]);
        let column: Vec<f32> = (0..4).map(|row| upper[row * 5]).collect();
        assert_eq!(column, [0.0, 1.25, 3.75, 6.25]);
    }

    #[test]
    fn derivatives_are_those_of_the_view() {
        let mut stream = Ctx::new(1, "view", 1, &()).rng("views");
        for i in 0..50 {
            let view = draw([0.2, 1.0], true, &mut stream);
            let [top, left, tall, wide, _] = view;
            assert!(top >= 0.0 && left >= 0.0 && top + tall <= 1.00001 && left + wide <= 1.00001);
            let (x, y) = (normal(i), normal(100 + i));
            let (mut seen, mut pulled) = (x.clone(), y.clone());
            look(&mut seen, SHAPE, view);
            pull_back(&mut pulled, SHAPE, view);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
            assert!((dot(&seen, &y) - dot(&x, &pulled)).abs() < 1e-4, "{view:?}");
        }
    }
}
