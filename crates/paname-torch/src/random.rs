//! Random numbers of a fit: streams of our own, so that they depend on the seed alone, not on a library's version or its threads.

use paname_core::Result;
use rand_core::{Rng as _, SeedableRng};
use rand_pcg::Pcg64;

use crate::tensor::of_slice;

/// A random stream of one purpose.
pub(crate) struct Stream(Pcg64);

impl Stream {
    /// The stream of a purpose under a seed (PCG64 seeded by BLAKE3).
    pub(crate) fn new(seed: u64, purpose: &str) -> Self {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&seed.to_le_bytes());
        hasher.update(purpose.as_bytes());
        Self(Pcg64::from_seed(*hasher.finalize().as_bytes()))
    }

    /// A number in [0, 1) with 24 random bits, as many as single precision holds.
    pub(crate) fn unit(&mut self) -> f32 {
        (self.0.next_u32() >> 8) as f32 / (1 << 24) as f32
    }

    /// A whole number below `bound`, at least 1 (Lemire's multiplication; the bias of 2⁻³² of it is of no account here).
    pub(crate) fn below(&mut self, bound: u32) -> u32 {
        ((u64::from(self.0.next_u32()) * u64::from(bound)) >> 32) as u32
    }

    /// Puts items into a random order (Fisher and Yates).
    pub(crate) fn shuffle<T>(&mut self, items: &mut [T]) {
        for i in (1..items.len()).rev() {
            items.swap(i, self.below(i as u32 + 1) as usize);
        }
    }

    /// Numbers drawn evenly from [−bound, bound).
    pub(crate) fn uniform(&mut self, shape: &[i64], bound: f32) -> Result<tch::Tensor> {
        let count = shape.iter().product::<i64>().max(0) as usize;
        let values: Vec<f32> = (0..count).map(|_| (2.0 * self.unit() - 1.0) * bound).collect();
        of_slice(&values, shape)
    }

    /// Normally distributed numbers around zero (Box and Muller).
    pub(crate) fn normal(&mut self, shape: &[i64], deviation: f64) -> Result<tch::Tensor> {
        let count = shape.iter().product::<i64>().max(0) as usize;
        let mut values = Vec::with_capacity(count + 1);
        while values.len() < count {
            // Never zero, whose logarithm is none.
            let radius = (-2.0 * f64::from(1.0 - self.unit()).ln()).sqrt() * deviation;
            let (sine, cosine) = (std::f64::consts::TAU * f64::from(self.unit())).sin_cos();
            values.extend([(radius * cosine) as f32, (radius * sine) as f32]);
        }
        values.truncate(count);
        of_slice(&values, shape)
    }

    /// A seed for a generator of libtorch, such as dropout's.
    pub(crate) fn seed(&mut self) -> i64 {
        (self.0.next_u64() >> 1) as i64
    }
}
