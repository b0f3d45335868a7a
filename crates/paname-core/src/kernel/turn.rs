//! Lays the rows of a tile side by side: from one record after the other to one class after the other.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a function with a target feature is compiled with it"
)]

use super::{Class, LANES};

/// Rows and classes that processors turn at once.
const SIDE: usize = 8;

/// Lays `count` rows side by side; missing rows repeat the last.
#[inline(always)]
pub(super) fn turn(rows: &[f32], count: usize, z: &mut [Class]) {
    let width = z.len();
    for l in 0..LANES {
        let row = &rows[l.min(count - 1) * width..][..width];
        for (lanes, &value) in z.iter_mut().zip(row) {
            lanes[l] = value;
        }
    }
}

/// [`turn`] by blocks of eight rows and classes. The last block ends with the last class, and repeats some of the one before where the number of
/// classes is no multiple of eight.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
pub(super) fn turn_avx2(rows: &[f32], count: usize, z: &mut [Class]) {
    let width = z.len();
    if width < SIDE {
        return turn(rows, count, z);
    }
    for start in (0..width).step_by(SIDE).map(|start| start.min(width - SIDE)) {
        for first in (0..LANES).step_by(SIDE) {
            let mut block = [[0.0; SIDE]; SIDE];
            for (l, row) in block.iter_mut().enumerate() {
                row.copy_from_slice(&rows[(first + l).min(count - 1) * width + start..][..SIDE]);
            }
            let block = turned(block);
            for (lanes, turned) in z[start..start + SIDE].iter_mut().zip(block) {
                lanes[first..first + SIDE].copy_from_slice(&turned);
            }
        }
    }
}

/// Eight rows of eight values, turned.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
#[inline]
fn turned(rows: [[f32; SIDE]; SIDE]) -> [[f32; SIDE]; SIDE] {
    use std::arch::x86_64::{
        __m256, _mm256_permute2f128_ps, _mm256_shuffle_ps, _mm256_unpackhi_ps, _mm256_unpacklo_ps,
    };
    let r: [__m256; SIDE] = bytemuck::cast(rows);
    // Values of two rows in turn, then of four, then of all eight.
    let (a0, a1) = (_mm256_unpacklo_ps(r[0], r[1]), _mm256_unpackhi_ps(r[0], r[1]));
    let (a2, a3) = (_mm256_unpacklo_ps(r[2], r[3]), _mm256_unpackhi_ps(r[2], r[3]));
    let (a4, a5) = (_mm256_unpacklo_ps(r[4], r[5]), _mm256_unpackhi_ps(r[4], r[5]));
    let (a6, a7) = (_mm256_unpacklo_ps(r[6], r[7]), _mm256_unpackhi_ps(r[6], r[7]));
    let (b0, b1) = (_mm256_shuffle_ps::<0x44>(a0, a2), _mm256_shuffle_ps::<0xee>(a0, a2));
    let (b2, b3) = (_mm256_shuffle_ps::<0x44>(a1, a3), _mm256_shuffle_ps::<0xee>(a1, a3));
    let (b4, b5) = (_mm256_shuffle_ps::<0x44>(a4, a6), _mm256_shuffle_ps::<0xee>(a4, a6));
    let (b6, b7) = (_mm256_shuffle_ps::<0x44>(a5, a7), _mm256_shuffle_ps::<0xee>(a5, a7));
    let turned = [
        _mm256_permute2f128_ps::<0x20>(b0, b4),
        _mm256_permute2f128_ps::<0x20>(b1, b5),
        _mm256_permute2f128_ps::<0x20>(b2, b6),
        _mm256_permute2f128_ps::<0x20>(b3, b7),
        _mm256_permute2f128_ps::<0x31>(b0, b4),
        _mm256_permute2f128_ps::<0x31>(b1, b5),
        _mm256_permute2f128_ps::<0x31>(b2, b6),
        _mm256_permute2f128_ps::<0x31>(b3, b7),
    ];
    bytemuck::cast(turned)
}
