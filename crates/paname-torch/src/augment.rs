//! Random changes of images in a fit, for a whole batch at a time. What is drawn depends on the seed alone.

use paname_core::{Result, Transformation};
use tch::{Kind, Tensor};

use crate::error::from_torch;
use crate::random::Stream;
use crate::tensor::of_slice;

/// Changes images `[n, channels, height, width]` at random.
pub(crate) fn augment(images: Tensor, changes: &[Transformation], stream: &mut Stream) -> Result<Tensor> {
    changes.iter().try_fold(images, |images, change| {
        let n = images.size()[0] as usize;
        match *change {
            Transformation::Flip => {
                let flipped: Vec<bool> = (0..n).map(|_| stream.unit() < 0.5).collect();
                let mask =
                    of_slice(&flipped, &[n as i64, 1, 1, 1])?.f_to(images.device()).map_err(from_torch)?;
                images.f_flip([-1]).and_then(|other| other.f_where_self(&mask, &images)).map_err(from_torch)
            }
            Transformation::Shift(distance) => {
                let side = &images.size()[2..];
                window(&images, i64::from(distance), [side[0], side[1]], stream)
            }
            Transformation::Crop(side, padding) => {
                window(&images, i64::from(padding), [i64::from(side); 2], stream)
            }
            Transformation::Cutout(side) => cut_out(&images, i64::from(side), stream),
            // Refused before the fit.
            _ => Ok(images),
        }
    })
}

fn drawn(n: usize, bound: i64, stream: &mut Stream) -> Vec<i64> {
    (0..n).map(|_| stream.below(bound.max(1) as u32).into()).collect()
}

/// A part of each image, with zeros around it, at a place of its own.
fn window(images: &Tensor, padding: i64, part: [i64; 2], stream: &mut Stream) -> Result<Tensor> {
    let size = images.size();
    let (n, channels) = (size[0], size[1]);
    let (height, width) = (size[2] + 2 * padding, size[3] + 2 * padding);
    let device = images.device();
    // Rows first, then columns: two gathers instead of one copy per image.
    let places = |bound: i64, length: i64, stream: &mut Stream| {
        let starts = drawn(n as usize, bound - length + 1, stream);
        let places: Vec<i64> = starts.iter().flat_map(|&start| start..start + length).collect();
        of_slice(&places, &[n, length])?.f_to(device).map_err(from_torch)
    };
    let rows = places(height, part[0], stream)?;
    let columns = places(width, part[1], stream)?;
    let gather = || {
        let padded = images.f_constant_pad_nd([padding; 4])?;
        let rows = rows.f_view([n, 1, part[0], 1])?.f_expand([n, channels, part[0], width], false)?;
        let columns = columns.f_view([n, 1, 1, part[1]])?.f_expand([n, channels, part[0], part[1]], false)?;
        padded.f_gather(2, &rows, false)?.f_gather(3, &columns, false)
    };
    gather().map_err(from_torch)
}

/// Zeros in a square of each image; its middle is anywhere in the image, so that part of it may lie outside.
fn cut_out(images: &Tensor, side: i64, stream: &mut Stream) -> Result<Tensor> {
    let size = images.size();
    let device = images.device();
    let outside = |length: i64, stream: &mut Stream| {
        let starts: Vec<i64> =
            drawn(size[0] as usize, length, stream).iter().map(|middle| middle - side / 2).collect();
        let starts = of_slice(&starts, &[size[0], 1])?.f_to(device).map_err(from_torch)?;
        let mask = || {
            let places = Tensor::f_arange(length, (Kind::Int64, device))?.f_unsqueeze(0)?;
            places.f_lt_tensor(&starts)?.f_logical_or(&places.f_ge_tensor(&starts.f_add_scalar(side)?)?)
        };
        mask().map_err(from_torch)
    };
    let rows = outside(size[2], stream)?;
    let columns = outside(size[3], stream)?;
    let masked = || {
        let kept = rows
            .f_view([size[0], 1, size[2], 1])?
            .f_logical_or(&columns.f_view([size[0], 1, 1, size[3]])?)?;
        images.f_mul(&kept.f_to_kind(Kind::Float)?)
    };
    masked().map_err(from_torch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn images(n: i64) -> Tensor {
        // Every pixel differs, and none is zero.
        (Tensor::arange(n * 2 * 5 * 5, (Kind::Float, tch::Device::Cpu)) + 1.0).reshape([n, 2, 5, 5])
    }

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.contiguous().flatten(0, -1).try_into().unwrap()
    }

    #[test]
    fn the_seed_alone_decides() {
        let changes = [
            Transformation::Flip,
            Transformation::Shift(2),
            Transformation::Crop(5, 1),
            Transformation::Cutout(2),
        ];
        let run = |seed| numbers(&augment(images(8), &changes, &mut Stream::new(seed, "x")).unwrap());
        assert_eq!(run(1), run(1));
        assert_ne!(run(1), run(2));
        assert_eq!(run(1).len(), 8 * 50);
    }

    #[test]
    fn a_flip_turns_some_images_and_all_their_channels() {
        let before = images(64);
        let after = augment(images(64), &[Transformation::Flip], &mut Stream::new(3, "x")).unwrap();
        let turned = before.flip([-1]);
        let mut count = 0;
        for i in 0..64 {
            let (is_same, is_turned) = (after.get(i) == before.get(i), after.get(i) == turned.get(i));
            assert!(is_same ^ is_turned);
            count += u32::from(is_turned);
        }
        assert!((16..48).contains(&count), "{count}");
    }

    #[test]
    fn a_window_is_a_part_of_the_image_with_zeros_around_it() {
        let before = images(32).constant_pad_nd([2; 4]);
        let after = augment(images(32), &[Transformation::Shift(2)], &mut Stream::new(3, "x")).unwrap();
        let mut seen = std::collections::BTreeSet::new();
        for i in 0..32 {
            let place = (0..5)
                .flat_map(|y| (0..5).map(move |x| (y, x)))
                .find(|&(y, x)| before.get(i).narrow(1, y, 5).narrow(2, x, 5) == after.get(i));
            seen.insert(place.unwrap());
        }
        assert!(seen.len() > 8, "{seen:?}");
    }

    #[test]
    fn a_square_is_cut_out_of_all_channels() {
        let after = augment(images(32), &[Transformation::Cutout(3)], &mut Stream::new(3, "x")).unwrap();
        for i in 0..32 {
            let zeros = numbers(&after.get(i)).iter().filter(|x| **x == 0.0).count();
            // At a corner a fourth of it lies inside, in both channels.
            assert!((8..=18).contains(&zeros) && zeros % 2 == 0, "{zeros}");
            assert_eq!(after.get(i).get(0).ne(0.0), after.get(i).get(1).ne(0.0));
        }
    }
}
