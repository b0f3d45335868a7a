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
/// it. Two passes in double precision, so that nothing cancels; sums are taken in an order that depends on the number of models alone.
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
    let distances = |centers| sums::<false>(values, members, centers);
    let squares = |centers| sums::<true>(values, members, centers);
    from_sums(members, distances, squares)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn spreads_avx2(values: &[f32], members: MembershipRow<'_>) -> [Spread; 2] {
    let distances = |centers| sums_avx2::<false>(values, members, centers);
    let squares = |centers| sums_avx2::<true>(values, members, centers);
    from_sums(members, distances, squares)
}

#[inline(always)]
fn from_sums(
    members: MembershipRow<'_>,
    distances: impl Fn([f64; 2]) -> [Sums; 2],
    squares: impl Fn([f64; 2]) -> [Sums; 2],
) -> [Spread; 2] {
    let inside = members.count() as f64;
    let counts = [members.len() as f64 - inside, inside];
    let mean = |side: usize, sums: [Sums; 2]| {
        let [a, b, c, d, e, f, g, h] = sums[side];
        (((a + b) + (c + d)) + ((e + f) + (g + h))) / f64::max(counts[side], 1.0)
    };
    let sums = distances([0.0; 2]);
    let means = [mean(0, sums), mean(1, sums)];
    let sums = squares(means);
    [0, 1].map(|side| Spread { count: counts[side], mean: means[side], variance: mean(side, sums) })
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

/// For either side, the sum of each value's distance from the center of its side, or of the square of it.
fn sums<const SQUARED: bool>(values: &[f32], members: MembershipRow<'_>, centers: [f64; 2]) -> [Sums; 2] {
    let mut sums = [[0.0; WIDTH]; 2];
    for (block, bits) in blocks(values, members) {
        for (l, &value) in block.iter().enumerate() {
            for (side, sums) in sums.iter_mut().enumerate() {
                let distance = f64::from(value) - centers[side];
                let term = if SQUARED { distance * distance } else { distance };
                sums[l] += if bits[side] >> l & 1 == 1 { term } else { 0.0 };
            }
        }
    }
    sums
}

/// [`sums`] by vector instructions, which the compiler does not find by itself.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline]
fn sums_avx2<const SQUARED: bool>(
    values: &[f32],
    members: MembershipRow<'_>,
    centers: [f64; 2],
) -> [Sums; 2] {
    use std::arch::x86_64::{
        __m128, __m256d, _mm256_add_pd, _mm256_and_pd, _mm256_cvtps_pd, _mm256_mul_pd, _mm256_or_pd,
        _mm256_set1_pd, _mm256_setzero_pd, _mm256_sub_pd,
    };
    let (out, with) = (_mm256_set1_pd(centers[0]), _mm256_set1_pd(centers[1]));
    let mut sums = [[_mm256_setzero_pd(); 2]; 2];
    for (block, bits) in blocks(values, members) {
        let halves: [__m128; 2] = bytemuck::cast(block);
        for half in 0..2 {
            let keep =
                |side: usize| -> __m256d { bytemuck::cast(KEEP[usize::from(bits[side] >> (4 * half) & 15)]) };
            let (keep_out, keep_in) = (keep(0), keep(1));
            let center = _mm256_or_pd(_mm256_and_pd(out, keep_out), _mm256_and_pd(with, keep_in));
            let distance = _mm256_sub_pd(_mm256_cvtps_pd(halves[half]), center);
            let term = if SQUARED { _mm256_mul_pd(distance, distance) } else { distance };
            sums[0][half] = _mm256_add_pd(sums[0][half], _mm256_and_pd(term, keep_out));
            sums[1][half] = _mm256_add_pd(sums[1][half], _mm256_and_pd(term, keep_in));
        }
    }
    bytemuck::cast(sums)
}
