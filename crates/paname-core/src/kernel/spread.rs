//! Means and variances of a record's signals, apart for the models that were fitted with it and those that were not.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a function with a target feature is compiled with it"
)]

use crate::MembershipRow;

/// Models side by side.
const WIDTH: usize = 8;

/// Sums of models with the same place in their block.
type Sums = [f64; WIDTH];

/// For four bits, what is kept of the bits of four numbers: all of them or none.
#[cfg(target_arch = "x86_64")]
const KEEP: [[u64; 4]; 16] = {
    let mut keep = [[0; 4]; 16];
    let mut bits = 0;
    while bits < 16 {
        let mut l = 0;
        while l < 4 {
            keep[bits][l] = if bits >> l & 1 == 1 { u64::MAX } else { 0 };
            l += 1;
        }
        bits += 1;
    }
    keep
};

/// How the signals of some models lie.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub struct Spread {
    /// Number of models.
    pub count: f64,
    /// Mean of their signals; 0 where there is no model.
    pub mean: f64,
    /// Mean square around that mean, divided by the count and not by one less; 0 where there is no model.
    pub variance: f64,
}

/// The spread of a record's signals, one value per model, under the models that were fitted without the record, and under those that were fitted with
/// it. One pass in double precision, around a value of the same side: its distance from the mean is part of the variance, so that what cancels is never
/// large beside it. Sums are taken in an order that depends on the number of models alone.
pub fn spreads(values: &[f32], members: MembershipRow<'_>) -> [Spread; 2] {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        #[expect(unsafe_code, reason = "the compiler cannot see what the processor offers")]
        // SAFETY: the processor has just been asked for both features, and that is all that the function demands.
        return unsafe { spreads_avx2(values, members) };
    }
    spreads_plain(values, members)
}

pub(super) fn spreads_plain(values: &[f32], members: MembershipRow<'_>) -> [Spread; 2] {
    from_moments(values, members, |centers| moments(values, members, centers))
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn spreads_avx2(values: &[f32], members: MembershipRow<'_>) -> [Spread; 2] {
    from_moments(values, members, |centers| moments_avx2(values, members, centers))
}

/// `moments` gives, for the distances from the centers and for their squares, the sums of either side.
#[inline(always)]
fn from_moments(
    values: &[f32],
    members: MembershipRow<'_>,
    moments: impl Fn([f64; 2]) -> [[Sums; 2]; 2],
) -> [Spread; 2] {
    let inside = members.count() as f64;
    let counts = [members.len() as f64 - inside, inside];
    // Before the sums, which need not be waited for.
    let weights = counts.map(|count| 1.0 / f64::max(count, 1.0));
    let centers = centers(values, members);
    let [distances, squares] = moments(centers);
    let mean = |side: usize, sums: [Sums; 2]| {
        let [a, b, c, d, e, f, g, h] = sums[side];
        (((a + b) + (c + d)) + ((e + f) + (g + h))) * weights[side]
    };
    [0, 1].map(|side| {
        let (shift, square) = (mean(side, distances), mean(side, squares));
        let variance = f64::max(square - shift * shift, 0.0);
        Spread { count: counts[side], mean: centers[side] + shift, variance }
    })
}

/// A value of either side, 0 where there is none.
#[inline(always)]
fn centers(values: &[f32], members: MembershipRow<'_>) -> [f64; 2] {
    let mut centers = [None; 2];
    for (block, bits) in blocks(values, members) {
        for (center, bits) in centers.iter_mut().zip(bits) {
            if center.is_none() && bits != 0 {
                *center = Some(f64::from(block[bits.trailing_zeros() as usize]));
            }
        }
        if centers.iter().all(Option::is_some) {
            break;
        }
    }
    centers.map(|center| center.unwrap_or(0.0))
}

/// The values in blocks, with the bits of the models in each that were fitted without the record and with it; the last block is filled up with
/// values that are on neither side.
#[inline(always)]
fn blocks<'a>(
    values: &'a [f32],
    members: MembershipRow<'a>,
) -> impl Iterator<Item = ([f32; WIDTH], [u8; 2])> + 'a {
    let (blocks, rest) = values.as_chunks::<WIDTH>();
    let whole = blocks.iter().enumerate().map(move |(b, block)| {
        let inside = members.eight(b);
        (*block, [!inside, inside])
    });
    let last = (!rest.is_empty()).then(|| {
        let mut block = [0.0; WIDTH];
        block[..rest.len()].copy_from_slice(rest);
        let (inside, present) = (members.eight(blocks.len()), u8::MAX >> (WIDTH - rest.len()));
        (block, [!inside & present, inside & present])
    });
    whole.chain(last)
}

/// For either side, the sum of each value's distance from the center of its side, and of the square of it.
fn moments(values: &[f32], members: MembershipRow<'_>, centers: [f64; 2]) -> [[Sums; 2]; 2] {
    let [mut distances, mut squares] = [[[0.0; WIDTH]; 2]; 2];
    for (block, bits) in blocks(values, members) {
        for (l, &value) in block.iter().enumerate() {
            for side in 0..2 {
                let distance = f64::from(value) - centers[side];
                let kept = if bits[side] >> l & 1 == 1 { distance } else { 0.0 };
                distances[side][l] += kept;
                squares[side][l] += kept * kept;
            }
        }
    }
    [distances, squares]
}

/// [`moments`] by vector instructions, which the compiler does not find by itself.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline]
fn moments_avx2(values: &[f32], members: MembershipRow<'_>, centers: [f64; 2]) -> [[Sums; 2]; 2] {
    use std::arch::x86_64::{
        __m128, __m256d, _mm256_add_pd, _mm256_and_pd, _mm256_cvtps_pd, _mm256_mul_pd, _mm256_set1_pd,
        _mm256_setzero_pd, _mm256_sub_pd,
    };
    let centers = centers.map(|center| _mm256_set1_pd(center));
    let mut sums = [[[_mm256_setzero_pd(); 2]; 2]; 2];
    for (block, bits) in blocks(values, members) {
        let halves: [__m128; 2] = bytemuck::cast(block);
        for half in 0..2 {
            let value = _mm256_cvtps_pd(halves[half]);
            for side in 0..2 {
                let keep: __m256d = bytemuck::cast(KEEP[usize::from(bits[side] >> (4 * half) & 15)]);
                let kept = _mm256_and_pd(_mm256_sub_pd(value, centers[side]), keep);
                sums[0][side][half] = _mm256_add_pd(sums[0][side][half], kept);
                sums[1][side][half] = _mm256_add_pd(sums[1][side][half], _mm256_mul_pd(kept, kept));
            }
        }
    }
    bytemuck::cast(sums)
}
