//! Memory of a fit: what one step frees, the next one takes again.
#![cfg_attr(
    all(target_os = "linux", target_env = "gnu"),
    expect(unsafe_code, reason = "settings of the C library's allocator")
)]

/// Keeps freed memory in the process. The values of inner layers are large enough for the C library to ask the system for them anew in every step, which
/// then clears each page: a fifth of the time of small convolutions. It holds for the process, which in an audit ends after the fit.
pub(crate) fn keep_freed() {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        const LARGEST: i32 = 1 << 30;
        // SAFETY: plain settings. Only together are they of use: the second alone would end the growth of the first.
        unsafe {
            if libc::mallopt(libc::M_MMAP_THRESHOLD, LARGEST) == 1 {
                libc::mallopt(libc::M_TRIM_THRESHOLD, LARGEST);
            }
        }
    }
}
