//! How far packed data may expand: no further than their format can, and, beyond a size that any machine holds, no further than data do.

/// Data up to this size are unpacked whatever the ratio.
const FREELY_UNPACKED: u64 = 1 << 30;
/// Beyond [`FREELY_UNPACKED`], the largest ratio of unpacked to packed size.
const LARGEST_RATIO: u64 = 100;
/// The largest ratio that the deflate format can reach.
const DEFLATE_RATIO: u64 = 1032;

/// Checks a promise of `size` bytes from `packed` ones, before memory is taken for them; `instead` is what to do about an honest file.
pub(crate) fn check(packed: u64, size: u64, instead: &str) -> Result<(), String> {
    if size / DEFLATE_RATIO > packed {
        return Err(format!("is damaged: {size} bytes cannot come from {packed} stored ones"));
    }
    if size > FREELY_UNPACKED && size / LARGEST_RATIO > packed {
        return Err(format!(
            "expands from {packed} to {size} bytes, which looks like a compression bomb; {instead}"
        ));
    }
    Ok(())
}
