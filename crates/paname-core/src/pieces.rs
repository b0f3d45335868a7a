//! Work in numbered pieces on several threads, with an outcome that does not depend on how many there are.

use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use crate::Result;
use crate::panic::catch;

/// Calls `each` with the numbers below `pieces`, on up to `threads` threads, and returns the results by number, or the error of the lowest number
/// that failed. Each thread keeps one scratch space for all of its pieces.
pub fn map_pieces<S: Default, T: Send>(
    pieces: usize,
    threads: usize,
    each: impl Fn(usize, &mut S) -> Result<T> + Sync,
) -> Result<Vec<T>> {
    let next = AtomicUsize::new(0);
    let failed = AtomicUsize::new(usize::MAX);
    let results: Mutex<Vec<(usize, Result<T>)>> = Mutex::new(Vec::with_capacity(pieces));
    let work = || {
        let mut scratch = S::default();
        loop {
            let piece = next.fetch_add(1, Ordering::Relaxed);
            // Pieces before a failed one still run, so that the error reported is the first one.
            if piece >= pieces || piece > failed.load(Ordering::Relaxed) {
                return;
            }
            // A panic must not take the other threads' results with it, nor end a process that has loaded this code.
            let result = catch(|| each(piece, &mut scratch));
            if result.is_err() {
                failed.fetch_min(piece, Ordering::Relaxed);
            }
            results.lock().unwrap_or_else(std::sync::PoisonError::into_inner).push((piece, result));
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.min(pieces) {
            scope.spawn(work);
        }
        work();
    });
    let mut results = results.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
    results.sort_unstable_by_key(|(piece, _)| *piece);
    results.into_iter().map(|(_, result)| result).collect()
}
