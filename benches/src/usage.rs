//! Processor time and peak resident memory, where the system tells.

/// Starts a new peak. Where this is refused, [`peak`] stays that of the whole process so far.
pub fn reset_peak() {
    // Linux: 5 resets the high-water mark of resident memory. The peak is then only an upper bound, so a refusal does no harm.
    let _ = std::fs::write("/proc/self/clear_refs", "5");
}

/// Highest resident memory in bytes, pages of mapped files included; none where the system does not tell.
pub fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Processor time of all threads so far, in seconds: unlike the clock, it does not count waiting for a busy processor.
#[cfg(unix)]
pub fn processor_seconds() -> Option<f64> {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Some(time.tv_sec as f64 + time.tv_nsec as f64 * 1e-9)
}

/// Processor time of all threads so far, in seconds: not told by this system.
#[cfg(not(unix))]
pub fn processor_seconds() -> Option<f64> {
    None
}
