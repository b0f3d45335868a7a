//! Random views of an image that questions are asked about in its place, and the way back of their gradients: what is found does not hang on a place.

use paname_core::{Error, Result};
use rand_core::Rng;

use crate::random::{uniform, whole};
use crate::regulariser::roll;

/// Checks how many pixels images are moved by at most.
pub(crate) fn check_jitter(jitter: usize) -> Result<()> {
    if jitter > 1000 {
        return Err(Error::Config(format!("`jitter` must be from 0 to 1000, got {jitter}")));
    }
    Ok(())
}

/// Which views are taken.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Views {
    /// Views of each place that a step averages over, at least 1.
    pub(crate) count: usize,
    /// Pixels that images are moved by at most.
    pub(crate) jitter: usize,
    /// The least share of each side that a crop keeps; 1 for all of the image.
    pub(crate) crop: f64,
    /// Whether half of the views are turned round.
    pub(crate) flip: bool,
}

impl Default for Views {
    fn default() -> Self {
        Self { count: 1, jitter: 0, crop: 1.0, flip: false }
    }
}

impl Views {
    /// Whether a view is another than the image.
    pub(crate) fn change(&self) -> bool {
        self.jitter > 0 || self.crop < 1.0 || self.flip
    }

    /// The next view.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> View {
        let mut view = View::WHOLE.moved(self.jitter, rng);
        if self.crop < 1.0 {
            let share = self.crop + (1.0 - self.crop) * uniform(rng);
            let mut place = || (1.0 - share) * uniform(rng);
            view.crop = Some(Crop { top: place(), left: place(), share });
        }
        view.flip = self.flip && uniform(rng) < 0.5;
        view
    }
}

/// Which parts of an image are looked at.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Parts {
    /// The least and the largest share of the image’s surface.
    pub(crate) share: [f64; 2],
    /// Pixels that the image is moved by at most.
    pub(crate) jitter: usize,
    /// Whether half of them are turned round.
    pub(crate) mirror: bool,
}

impl Parts {
    /// All of the image, as it is.
    pub(crate) const WHOLE: Self = Self { share: [1.0, 1.0], jitter: 0, mirror: false };

    /// Whether a part is another than the image.
    pub(crate) fn change(&self) -> bool {
        *self != Self::WHOLE
    }

    /// The next part, anywhere in the image.
    pub(crate) fn draw(&self, rng: &mut impl Rng) -> View {
        let [least, most] = self.share;
        let share = (least + (most - least) * uniform(rng)).sqrt();
        let [top, left] = [uniform(rng), uniform(rng)].map(|place| place * (1.0 - share));
        // The same numbers follow, whether images are mirrored or not.
        let mirrored = uniform(rng) < 0.5;
        let crop = (share < 1.0).then_some(Crop { top, left, share });
        View { crop, flip: self.mirror && mirrored, ..View::WHOLE }.moved(self.jitter, rng)
    }
}

/// One view of an image: moved, then cut and stretched to its size again, then turned round. A linear map.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct View {
    /// Down and to the right, round the edges.
    shift: (isize, isize),
    crop: Option<Crop>,
    flip: bool,
}

/// What is kept of an image, in shares of its sides.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Crop {
    top: f64,
    left: f64,
    share: f64,
}

/// Numbers that a view is written as.
pub(crate) const NUMBERS: usize = 6;

impl View {
    /// The image itself.
    pub(crate) const WHOLE: Self = Self { shift: (0, 0), crop: None, flip: false };
    /// The image itself, turned round.
    pub(crate) const MIRRORED: Self = Self { flip: true, ..Self::WHOLE };

    /// The same of an image that is moved before, at random, by so many pixels at most.
    pub(crate) fn moved(self, jitter: usize, rng: &mut impl Rng) -> Self {
        if jitter == 0 {
            return self;
        }
        Self { shift: (whole(jitter, rng), whole(jitter, rng)), ..self }
    }

    /// The view as numbers that go with a question.
    pub(crate) fn numbers(&self) -> [f32; NUMBERS] {
        let (down, right) = self.shift;
        let Crop { top, left, share } = self.crop.unwrap_or(Crop { top: 0.0, left: 0.0, share: 1.0 });
        let flip = f32::from(u8::from(self.flip));
        [down as f32, right as f32, top as f32, left as f32, share as f32, flip]
    }

    /// The view of these numbers.
    pub(crate) fn of(numbers: &[f32]) -> Self {
        let number = |i: usize| f64::from(numbers.get(i).copied().unwrap_or_default());
        let crop = Crop { top: number(2), left: number(3), share: number(4) };
        Self {
            shift: (number(0) as isize, number(1) as isize),
            crop: (crop.share < 1.0).then_some(crop),
            flip: number(5) > 0.5,
        }
    }

    /// The view of an image of `shape` [channels, height, width].
    pub(crate) fn apply(&self, x: &mut [f32], shape: [usize; 3]) {
        let (down, right) = self.shift;
        if (down, right) != (0, 0) {
            roll(x, shape, down, right);
        }
        if let Some(crop) = self.crop {
            crop.each(x, shape, |line, samples| {
                let from = line.to_vec();
                for (x, sample) in line.iter_mut().zip(samples) {
                    *x = (from[sample.near] * (1.0 - sample.weight)) + (from[sample.next] * sample.weight);
                }
            });
        }
        if self.flip {
            flip(x, shape);
        }
    }

    /// The gradient with respect to the image of what has this gradient with respect to the view.
    pub(crate) fn pull_back(&self, gradient: &mut [f32], shape: [usize; 3]) {
        if self.flip {
            flip(gradient, shape);
        }
        if let Some(crop) = self.crop {
            // Both axes are their own maps: their order does not matter.
            crop.each(gradient, shape, |line, samples| {
                let from = line.to_vec();
                line.fill(0.0);
                for (g, sample) in from.into_iter().zip(samples) {
                    line[sample.near] += g * (1.0 - sample.weight);
                    line[sample.next] += g * sample.weight;
                }
            });
        }
        let (down, right) = self.shift;
        if (down, right) != (0, 0) {
            roll(gradient, shape, -down, -right);
        }
    }
}

/// Where along an axis a value is read: between two neighbours.
struct Sample {
    near: usize,
    next: usize,
    weight: f32,
}

impl Crop {
    /// Has `change` see every column and every row of every channel, with where its values are read.
    fn each(&self, x: &mut [f32], [_, height, width]: [usize; 3], change: impl Fn(&mut [f32], &[Sample])) {
        let (down, along) = (samples(self.top, self.share, height), samples(self.left, self.share, width));
        let mut column = vec![0.0; height];
        for image in x.chunks_exact_mut((height * width).max(1)) {
            for j in 0..width {
                column.iter_mut().enumerate().for_each(|(i, value)| *value = image[i * width + j]);
                change(&mut column, &down);
                column.iter().enumerate().for_each(|(i, value)| image[i * width + j] = *value);
            }
            image.chunks_exact_mut(width.max(1)).for_each(|row| change(row, &along));
        }
    }
}

/// Where the values of a part of an axis, stretched to all of it, are read: at the middle of each pixel, and nowhere beyond the edge.
fn samples(start: f64, share: f64, length: usize) -> Vec<Sample> {
    let last = length.saturating_sub(1);
    let sample = |i: usize| {
        let place = (start * length as f64 + (i as f64 + 0.5) * share - 0.5).clamp(0.0, last as f64);
        let near = place as usize;
        Sample { near, next: last.min(near + 1), weight: (place - near as f64) as f32 }
    };
    (0..length).map(sample).collect()
}

fn flip(x: &mut [f32], [_, _, width]: [usize; 3]) {
    x.chunks_exact_mut(width.max(1)).for_each(<[f32]>::reverse);
}

#[cfg(test)]
mod tests {
    use paname_core::Ctx;
    use proptest::prelude::*;

    use super::*;

    proptest! {
        /// ⟨V x, y⟩ = ⟨x, Vᵀ y⟩, for views of every kind.
        #[test]
        fn the_way_back_is_the_adjoint(
            shape in (1..3_usize, 1..6_usize, 1..7_usize), crop in 0.1..1.0_f64, jitter in 0..3_usize, flip: bool, seed: u64,
        ) {
            let shape = [shape.0, shape.1, shape.2];
            let mut rng = Ctx::new(seed, "test", 1, &()).rng("view");
            let view = Views { count: 1, jitter, crop, flip }.draw(&mut rng);
            let mut drawn = || -> Vec<f32> { (0..shape.iter().product()).map(|_| uniform(&mut rng) as f32).collect() };
            let (x, y) = (drawn(), drawn());
            let (mut seen, mut back) = (x.clone(), y.clone());
            view.apply(&mut seen, shape);
            view.pull_back(&mut back, shape);
            let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
            prop_assert!((dot(&seen, &y) - dot(&x, &back)).abs() < 1e-4);
        }
    }

    #[test]
    fn views_are_written_as_numbers() {
        let mut rng = Ctx::new(3, "test", 1, &()).rng("views");
        let image: Vec<f32> = (0..24_u8).map(f32::from).collect();
        for _ in 0..20 {
            let view = Parts { share: [0.2, 0.9], jitter: 2, mirror: true }.draw(&mut rng);
            let Crop { top, left, share } = view.crop.unwrap();
            assert!(
                top >= 0.0
                    && left >= 0.0
                    && top + share <= 1.0
                    && left + share <= 1.0
                    && share >= 0.2_f64.sqrt()
            );
            let (mut one, mut other) = (image.clone(), image.clone());
            view.apply(&mut one, [1, 4, 6]);
            let read = View::of(&view.numbers());
            assert_eq!((read.shift, read.flip), (view.shift, view.flip));
            read.apply(&mut other, [1, 4, 6]);
            assert!(one.iter().zip(&other).all(|(a, b)| (a - b).abs() < 1e-4));
        }
        // Without a crop nothing is lost to single precision.
        for _ in 0..20 {
            let view = Parts { jitter: 1000, ..Parts::WHOLE }.draw(&mut rng);
            assert!(view.crop.is_none() && View::of(&view.numbers()) == view, "{view:?}");
        }
        assert_eq!(
            (View::of(&View::WHOLE.numbers()), View::of(&View::MIRRORED.numbers())),
            (View::WHOLE, View::MIRRORED)
        );
    }

    #[test]
    fn moves_go_everywhere_and_no_further() {
        let mut rng = Ctx::new(3, "test", 1, &()).rng("moves");
        let mut shifts: Vec<_> = (0..400).map(|_| View::WHOLE.moved(2, &mut rng).shift).collect();
        shifts.sort_unstable();
        shifts.dedup();
        let all: Vec<_> = (-2..=2).flat_map(|down| (-2..=2).map(move |right| (down, right))).collect();
        assert_eq!(shifts, all);
        // Who moves nothing takes no numbers.
        let mut same = Ctx::new(3, "test", 1, &()).rng("moves");
        assert_eq!(View::MIRRORED.moved(0, &mut same), View::MIRRORED);
        assert_eq!(View::WHOLE.moved(2, &mut same), {
            let mut again = Ctx::new(3, "test", 1, &()).rng("moves");
            View::WHOLE.moved(2, &mut again)
        });
    }

    #[test]
    fn a_known_crop() {
        let of = |crop: Crop, x: &[f32], shape| {
            let mut x = x.to_vec();
            View { crop: Some(crop), ..View::default() }.apply(&mut x, shape);
            x
        };
        // The left half of four, read at −0.25 (the edge), 0.25, 0.75 and 1.25.
        let half = of(Crop { top: 0.0, left: 0.0, share: 0.5 }, &[0.0, 4.0, 8.0, 100.0], [1, 1, 4]);
        assert_eq!(half, [0.0, 1.0, 3.0, 5.0]);
        let all = of(Crop { top: 0.0, left: 0.0, share: 1.0 }, &[1.0, 2.0, 3.0, 4.0], [1, 2, 2]);
        assert_eq!(all, [1.0, 2.0, 3.0, 4.0]);
        let flat = of(Crop { top: 0.3, left: 0.1, share: 0.6 }, &[0.5; 18], [2, 3, 3]);
        assert!(flat.iter().all(|x| (x - 0.5).abs() < 1e-6), "{flat:?}");
        let mut turned = [1.0, 2.0, 3.0, 4.0];
        View { flip: true, ..View::default() }.apply(&mut turned, [2, 1, 2]);
        assert_eq!(turned, [2.0, 1.0, 4.0, 3.0]);
    }
}
