//! Copies of rows in any order.

/// Rows that are asked of memory ahead of the one that is copied.
const AHEAD: usize = 8;
/// Bytes that memory gives at a time.
const LINE: usize = 64;

/// Copies the numbered rows of `width` values each from `source` to `out`, one after the other. Rows in random order would wait for memory one by one:
/// some are asked for ahead. Stops with the shorter of `rows` and `out`; panics on a row that is not in `source`.
pub fn copy_rows<T: Copy>(source: &[T], width: usize, rows: &[u32], out: &mut [T]) {
    let row = |row: u32| &source[row as usize * width..][..width];
    for (i, (&number, out)) in rows.iter().zip(out.chunks_exact_mut(width.max(1))).enumerate() {
        if let Some(&later) = rows.get(i + AHEAD) {
            ask_for(row(later));
        }
        out.copy_from_slice(row(number));
    }
}

/// Has memory bring values nearer, without waiting for them.
fn ask_for<T>(values: &[T]) {
    #[cfg(target_arch = "x86_64")]
    for line in values.chunks((LINE / size_of::<T>().max(1)).max(1)) {
        use std::arch::x86_64::{_MM_HINT_T0, _mm_prefetch};
        #[expect(unsafe_code, reason = "prefetching takes an address")]
        // SAFETY: every x86-64 processor has the instruction, which reads nothing that the program could see, whatever the address.
        unsafe {
            _mm_prefetch::<_MM_HINT_T0>(line.as_ptr().cast());
        }
    }
    #[cfg(not(target_arch = "x86_64"))]
    let _ = (values, LINE);
}
