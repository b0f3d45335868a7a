//! exp and ln in single precision, by own polynomials and fused multiply-adds alone: the same bits on every machine, and loops over them become
//! vector code. Coefficients are minimax fits over the reduced range; the error of each function is below 2 units in the last place.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a function with a target feature is compiled with it"
)]

/// Arguments of [`exp`] below this are taken as this, so that results stay normal numbers; exp(−87) = 1.6e−38.
pub(super) const LOWEST_EXPONENT: f32 = -87.0;

const LN_2: f32 = std::f32::consts::LN_2;
/// ln 2 − `LN_2`.
const LN_2_REST: f32 = -1.904_654_2e-9;

/// The larger of two numbers; the second one where the first is NaN. One instruction, unlike `f32::max`.
#[inline(always)]
pub(super) fn max(a: f32, b: f32) -> f32 {
    if a > b { a } else { b }
}

/// 2^k and w such that e^x = 2^k (1 + w), for x in −87..=0.
#[inline(always)]
fn exp_parts(x: f32) -> (f32, f32) {
    /// Adding it rounds to a whole number, which is then the low bits of the sum.
    const ROUND: f32 = 12_582_912.0;
    let x = max(x, LOWEST_EXPONENT);
    let shifted = x.mul_add(std::f32::consts::LOG2_E, ROUND);
    let k = shifted - ROUND;
    let r = k.mul_add(-LN_2_REST, k.mul_add(-LN_2, x));
    let q = 1.381_446_7e-3_f32.mul_add(r, 8.368_781e-3).mul_add(r, 4.166_839_3e-2);
    let q = q.mul_add(r, 0.166_665_2).mul_add(r, 0.499_999_94);
    let power = f32::from_bits((shifted.to_bits() << 23).wrapping_add(1_f32.to_bits()));
    (power, (r * r).mul_add(q, r))
}

/// e^x for x ≤ 0.
#[inline(always)]
pub(super) fn exp(x: f32) -> f32 {
    let (power, w) = exp_parts(x);
    power.mul_add(w, power)
}

/// 1 − e^x for x ≤ 0, without cancellation near 0.
#[inline(always)]
pub(super) fn one_minus_exp(x: f32) -> f32 {
    let (power, w) = exp_parts(x);
    (-power).mul_add(w, 1.0 - power)
}

/// ln x for normal positive x.
#[inline(always)]
pub(super) fn ln(x: f32) -> f32 {
    // x = 2^k f with f in √½..√2, and ln f = 2 artanh t with t = (f − 1) / (f + 1).
    let bits = x.to_bits().wrapping_sub(std::f32::consts::FRAC_1_SQRT_2.to_bits()).cast_signed();
    let k = bits >> 23;
    let f = f32::from_bits(x.to_bits().wrapping_sub((k << 23).cast_unsigned()));
    let t = (f - 1.0) / (f + 1.0);
    let square = t * t;
    let series = 0.298_744_2_f32.mul_add(square, 0.399_774_5).mul_add(square, 0.666_667_76);
    let k = k as f32;
    let small = k.mul_add(LN_2_REST, (square * t).mul_add(series, t + t));
    k.mul_add(LN_2, small)
}

/// ln(1 + x) for x > −1, without cancellation near 0.
#[inline(always)]
pub(super) fn ln_1p(x: f32) -> f32 {
    let sum = 1.0 + x;
    // The second term makes up for what the sum lost in rounding.
    ln(sum) + (x - (sum - 1.0)) / sum
}

/// ln(1 + e^x).
#[inline(always)]
pub(super) fn softplus(x: f32) -> f32 {
    max(x, 0.0) + ln_1p(exp(-x.abs()))
}
