//! The logarithm of a mean of exponentials.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a function with a target feature is compiled with it"
)]
#![expect(
    clippy::needless_range_loop,
    reason = "loops over lanes index several arrays alike, and become vector code"
)]

use super::single::{exp, max};
use super::{LANES, Lanes};

/// ln((1/n) Σ exp v) of n finite values: the mean, as a logarithm, of probabilities that are known by their logarithms. Accurate to 2e−7 beside the
/// largest value, and never overflows or underflows. −∞ of no value.
pub fn log_mean_exp(values: &[f32]) -> f64 {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        #[expect(unsafe_code, reason = "the compiler cannot see what the processor offers")]
        // SAFETY: the processor has just been asked for both features, and that is all that the function demands.
        return unsafe { log_mean_exp_avx2(values) };
    }
    log_mean_exp_plain(values)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn log_mean_exp_avx2(values: &[f32]) -> f64 {
    log_mean_exp_plain(values)
}

#[inline(always)]
pub(super) fn log_mean_exp_plain(values: &[f32]) -> f64 {
    let (blocks, rest) = values.as_chunks::<LANES>();
    let mut last = [f32::NEG_INFINITY; LANES];
    for (lane, &value) in last.iter_mut().zip(rest) {
        *lane = value;
    }
    let mut most = last;
    for block in blocks {
        for l in 0..LANES {
            most[l] = max(block[l], most[l]);
        }
    }
    let mut largest = f32::NEG_INFINITY;
    for l in 0..LANES {
        largest = max(most[l], largest);
    }
    if largest == f32::NEG_INFINITY {
        return f64::NEG_INFINITY;
    }
    let mut sum = [0.0; LANES];
    for block in blocks {
        add_exp(block, largest, &mut sum);
    }
    // The filling of the last block adds 32 times e^−87 to a sum of at least 1: nothing.
    if !rest.is_empty() {
        add_exp(&last, largest, &mut sum);
    }
    let mut total = 0.0;
    for l in 0..LANES {
        total += f64::from(sum[l]);
    }
    f64::from(largest) + libm::log(total / values.len() as f64)
}

#[inline(always)]
fn add_exp(block: &Lanes, largest: f32, sum: &mut Lanes) {
    for l in 0..LANES {
        sum[l] += exp(block[l] - largest);
    }
}
