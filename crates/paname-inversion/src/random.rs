//! Random numbers of the shapes that the attacks need.

use rand_core::Rng;

/// Uniform from 0 to 1, without either.
pub(crate) fn uniform(rng: &mut impl Rng) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Fills with standard normal numbers (Box and Muller 1958).
pub(crate) fn fill_normal(values: &mut [f32], rng: &mut impl Rng) {
    for pair in values.chunks_mut(2) {
        let radius = (-2.0 * libm::log(uniform(rng))).sqrt();
        let (sine, cosine) = libm::sincos(std::f64::consts::TAU * uniform(rng));
        pair[0] = (radius * cosine) as f32;
        if let Some(second) = pair.get_mut(1) {
            *second = (radius * sine) as f32;
        }
    }
}

/// Fills with 1 and −1.
pub(crate) fn fill_signs(values: &mut [f32], rng: &mut impl Rng) {
    for some in values.chunks_mut(64) {
        let mut bits = rng.next_u64();
        for value in some {
            *value = if bits & 1 == 0 { 1.0 } else { -1.0 };
            bits >>= 1;
        }
    }
}

/// A whole number from −most to most.
pub(crate) fn whole(most: usize, rng: &mut impl Rng) -> isize {
    below(2 * most + 1, rng) as isize - most as isize
}

/// A whole number below `count`, which is at least 1.
pub(crate) fn below(count: usize, rng: &mut impl Rng) -> usize {
    ((uniform(rng) * count as f64) as usize).min(count - 1)
}
