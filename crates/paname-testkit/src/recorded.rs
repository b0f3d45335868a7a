//! What tests record for an audit: numbers that look random, and files of arrays.

use std::fs;
use std::path::Path;

/// Splitmix64: numbers that look random, the same in every run.
pub struct Draws(pub u64);

impl Draws {
    /// The next 64 bits.
    #[expect(clippy::should_implement_trait, reason = "there is always a next one")]
    pub fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// Roughly standard normal: a sum of twelve uniform draws less six.
    pub fn normal(&mut self) -> f64 {
        (0..12).map(|_| (self.next() >> 11) as f64 / (1_u64 << 53) as f64).sum::<f64>() - 6.0
    }
}

/// Writes an array in the npy format, version 1: its elements' `kind`, such as `<f4`, and their bytes.
///
/// # Panics
/// Where the file cannot be written.
pub fn write_npy(path: &Path, kind: &str, shape: &[usize], data: &[u8]) {
    let lengths: Vec<String> = shape.iter().map(usize::to_string).collect();
    let shape = lengths.join(",");
    let mut header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({shape},), }}");
    header += &" ".repeat(63 - (10 + header.len()) % 64);
    header.push('\n');
    let length = (header.len() as u16).to_le_bytes();
    let bytes = [b"\x93NUMPY\x01\x00", &length[..], header.as_bytes(), data].concat();
    fs::write(path, bytes).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
}
