//! Changes of inputs that undo a usual slip: another scale, another order of the channels, another layout.

use paname_evidence::{Cause, Scaling};

/// What is done to inputs `[records, …]`.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Change {
    /// Every value times a number.
    Scale(f32),
    /// Mean 0 and standard deviation 1 along an axis; over everything where there is none.
    Standardise(Option<usize>),
    /// The steps of an axis in reverse.
    Reverse(usize),
    /// Memory read as another shape, then its axes in another order.
    Arrange { read_as: Vec<usize>, order: Vec<usize>, shape: Vec<usize> },
}

/// The changes that make sense for inputs of this shape, each with the cause that it would show.
///
/// Of bytes an adapter makes shares of 1: numbers that are no bytes reach the model as they are, so that the same slips have other factors.
pub(super) fn changes(shape: &[usize], bytes: bool) -> Vec<(Cause, Change)> {
    let scaled = |how| Cause::Normalisation { how };
    let mut all = vec![
        (scaled(Scaling::DividedBy255), Change::Scale(1.0 / 255.0)),
        (scaled(Scaling::Times255), Change::Scale(255.0)),
    ];
    if bytes {
        all.push((scaled(Scaling::DividedBy255), Change::Scale(1.0 / (255.0 * 255.0))));
        all.push((scaled(Scaling::Times255), Change::Scale(1.0)));
    }
    all.push((scaled(Scaling::Standardised), Change::Standardise(channel_axis(shape))));
    for axis in [1, shape.len().saturating_sub(1)] {
        if shape.len() > 2 && shape[axis] == 3 {
            all.push((Cause::ChannelOrder, Change::Reverse(axis)));
        }
    }
    all.extend(arrangements(shape).into_iter().map(|change| (Cause::Layout, change)));
    all
}

/// The axis of the channels of images, or of the columns of a table.
fn channel_axis(shape: &[usize]) -> Option<usize> {
    let last = shape.len().checked_sub(1)?;
    match last {
        0 => None,
        1 => Some(1),
        _ => [1, last].into_iter().find(|&axis| shape[axis] <= 4),
    }
}

fn arrangements(shape: &[usize]) -> Vec<Change> {
    let arrange = |read_as: &[usize], order: &[usize], shape: &[usize]| Change::Arrange {
        read_as: read_as.to_vec(),
        order: order.to_vec(),
        shape: shape.to_vec(),
    };
    match *shape {
        [n, a, b, c] => vec![
            // Channels last where they were first, and the other way round.
            arrange(shape, &[0, 2, 3, 1], &[n, b, c, a]),
            arrange(shape, &[0, 3, 1, 2], &[n, c, a, b]),
            // The same slip made by reading the memory otherwise, so that the shape looks right.
            arrange(&[n, b, c, a], &[0, 3, 1, 2], shape),
            arrange(&[n, c, a, b], &[0, 2, 3, 1], shape),
            // Rows for columns, channels first or last.
            arrange(shape, &[0, 1, 3, 2], &[n, a, c, b]),
            arrange(shape, &[0, 2, 1, 3], &[n, b, a, c]),
        ],
        [n, a, b] => vec![arrange(shape, &[0, 2, 1], &[n, b, a])],
        [n, width] => {
            let side = width.isqrt();
            if side > 1 && side * side == width {
                vec![arrange(&[n, side, side], &[0, 2, 1], shape)]
            } else {
                Vec::new()
            }
        }
        _ => Vec::new(),
    }
}

impl Change {
    /// The changed values and their shape.
    pub(super) fn apply(&self, mut values: Vec<f32>, shape: &[usize]) -> (Vec<f32>, Vec<usize>) {
        match self {
            Self::Scale(factor) => {
                for value in &mut values {
                    *value *= factor;
                }
                (values, shape.to_vec())
            }
            Self::Standardise(axis) => {
                standardise(&mut values, shape, *axis);
                (values, shape.to_vec())
            }
            Self::Reverse(axis) => {
                let inner: usize = shape[axis + 1..].iter().product();
                for block in values.chunks_exact_mut((shape[*axis] * inner).max(1)) {
                    let reversed: Vec<f32> =
                        block.chunks_exact(inner.max(1)).rev().flatten().copied().collect();
                    block.copy_from_slice(&reversed);
                }
                (values, shape.to_vec())
            }
            Self::Arrange { read_as, order, shape } => (permuted(&values, read_as, order), shape.clone()),
        }
    }
}

fn standardise(values: &mut [f32], shape: &[usize], axis: Option<usize>) {
    let (steps, inner) =
        axis.map_or((1, values.len()), |axis| (shape[axis], shape[axis + 1..].iter().product::<usize>()));
    let step = |place: usize| place / inner.max(1) % steps.max(1);
    // Count, sum and sum of squares of each step.
    let mut sums = vec![(0.0_f64, 0.0_f64, 0.0_f64); steps.max(1)];
    for (place, value) in values.iter().enumerate() {
        let value = f64::from(*value);
        let (count, sum, squares) = &mut sums[step(place)];
        *count += 1.0;
        *sum += value;
        *squares += value * value;
    }
    let scale = |(count, sum, squares): (f64, f64, f64)| {
        let mean = sum / count.max(1.0);
        let deviation = (squares / count.max(1.0) - mean * mean).max(0.0).sqrt();
        (mean, if deviation > 0.0 { deviation } else { 1.0 })
    };
    let scales: Vec<(f64, f64)> = sums.into_iter().map(scale).collect();
    for (place, value) in values.iter_mut().enumerate() {
        let (mean, deviation) = scales[step(place)];
        *value = ((f64::from(*value) - mean) / deviation) as f32;
    }
}

/// The values of an array of this shape with its axes in another order.
fn permuted(values: &[f32], shape: &[usize], order: &[usize]) -> Vec<f32> {
    let mut strides = vec![1; shape.len()];
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis];
    }
    let mut places = vec![0; order.len()];
    let mut out = Vec::with_capacity(values.len());
    for _ in 0..values.len() {
        let from: usize = places.iter().zip(order).map(|(place, axis)| place * strides[*axis]).sum();
        out.push(values[from]);
        for (place, axis) in places.iter_mut().zip(order).rev() {
            *place += 1;
            if *place < shape[*axis] {
                break;
            }
            *place = 0;
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn axes_change_places() {
        let values: Vec<f32> = (0..12).map(|i| i as f32).collect();
        assert_eq!(permuted(&values[..6], &[1, 2, 3], &[0, 2, 1]), [0.0, 3.0, 1.0, 4.0, 2.0, 5.0]);
        let back = permuted(&permuted(&values, &[2, 2, 3], &[2, 0, 1]), &[3, 2, 2], &[1, 2, 0]);
        assert_eq!(back, values);
        let (reversed, _) = Change::Reverse(1).apply(values[..6].to_vec(), &[1, 3, 2]);
        assert_eq!(reversed, [4.0, 5.0, 2.0, 3.0, 0.0, 1.0]);
    }

    #[test]
    fn channels_are_standardised_apart() {
        let mut values = vec![1.0, 3.0, 10.0, 30.0, 1.0, 3.0, 10.0, 30.0];
        standardise(&mut values, &[2, 2, 2], Some(1));
        assert_eq!(values, [-1.0, 1.0, -1.0, 1.0, -1.0, 1.0, -1.0, 1.0]);
        let mut constant = vec![2.0; 4];
        standardise(&mut constant, &[4], None);
        assert_eq!(constant, [0.0; 4]);
    }

    #[test]
    fn every_shape_has_changes_that_keep_the_number_of_values() {
        for shape in [&[2, 4][..], &[2, 5], &[2, 3, 4], &[2, 3, 4, 4], &[2, 4, 5, 3], &[2], &[2, 1, 2, 2, 3]]
        {
            let count: usize = shape.iter().product();
            for (_, change) in changes(shape, true) {
                let (values, after) = change.apply(vec![1.0; count], shape);
                assert_eq!((values.len(), after.iter().product::<usize>()), (count, count), "{change:?}");
            }
        }
    }
}
