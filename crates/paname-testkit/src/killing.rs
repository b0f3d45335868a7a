//! Audits that are killed: each time with all their processes, so that nobody can clean up. Which processes descend from which is read as Linux tells it.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
#[cfg(target_os = "linux")]
use std::process::{Child, Command, Stdio};
use std::time::SystemTime;
#[cfg(target_os = "linux")]
use std::time::{Duration, Instant};

/// Longest time that an audit may take to finish one more fit.
#[cfg(target_os = "linux")]
const PATIENCE: Duration = Duration::from_mins(2);

/// Steps by name and folder, with the time at which each was sealed.
pub type Sealed = BTreeMap<(String, PathBuf), SystemTime>;

/// The finished steps in a run folder.
pub fn sealed(run_dir: &Path) -> Sealed {
    let Ok(entries) = fs::read_dir(run_dir.join("store")) else { return BTreeMap::new() };
    let objects = entries.filter_map(|entry| {
        let folder = entry.ok()?.path();
        let seal = folder.join("seal.json");
        let time = fs::metadata(&seal).ok()?.modified().ok()?;
        let step: serde_json::Value = serde_json::from_slice(&fs::read(seal).ok()?).ok()?;
        let step = step["step"].as_str()?.to_owned();
        folder.extension().is_none().then_some(((step, folder), time))
    });
    objects.collect()
}

/// How many fits are finished in a run folder.
pub fn finished_fits(run_dir: &Path) -> usize {
    sealed(run_dir).keys().filter(|(step, _)| step.starts_with("fit/")).count()
}

/// Starts an audit again and again, and each time ends it by SIGKILL with all that it has started, some milliseconds up to `spread` after one
/// more fit is finished. Returns what is finished at last: fits alone.
///
/// # Panics
/// Where a finished step is lost or run again, and where the audit ends or stands still before its kill.
#[cfg(target_os = "linux")]
pub fn kill_while_fitting(
    audit: impl Fn() -> Command,
    run_dir: &Path,
    kills: usize,
    spread: Duration,
) -> Sealed {
    // Moments that look random, the same in every run of a test.
    let mut draw = 0x2545_f491_u64;
    let mut finished = Sealed::new();
    for kill in 1..=kills {
        let command = &mut audit();
        let child = command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn();
        let Ok(mut child) = child else { panic!("the audit cannot be started: {command:?}") };
        let start = Instant::now();
        while finished_fits(run_dir) < kill {
            assert!(start.elapsed() < PATIENCE, "the fits do not get on");
            std::thread::sleep(Duration::from_millis(2));
        }
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(spread.mul_f64((draw >> 33) as f64 / f64::from(1_u32 << 31)));
        assert!(kill_all(&mut child), "the audit was over before kill {kill}");
        let now = sealed(run_dir);
        let kept = finished.iter().all(|(step, time)| now.get(step) == Some(time));
        assert!(kept, "a finished fit was lost or run again by kill {kill}");
        finished = now;
    }
    assert!(finished.keys().all(|(step, _)| step.starts_with("fit/")), "every kill falls among the fits");
    finished
}

/// Ends a process and all that descend from it at once. Whether it was still running.
#[cfg(target_os = "linux")]
fn kill_all(child: &mut Child) -> bool {
    let all = descendants(child.id());
    let killed = Command::new("kill")
        .arg("-9")
        .args(all.iter().map(u32::to_string))
        // Some may be gone by now.
        .stderr(Stdio::null())
        .status();
    killed.is_ok() && child.wait().is_ok_and(|status| !status.success())
}

/// The processes that descend from one, itself first.
#[cfg(target_os = "linux")]
fn descendants(root: u32) -> Vec<u32> {
    let mut parents: Vec<(u32, u32)> = Vec::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().filter_map(Result::ok) {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let stat = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let after_name = stat.rsplit_once(')').map_or("", |(_, rest)| rest);
        let parent = after_name.split_whitespace().nth(1).and_then(|parent| parent.parse().ok());
        parents.extend(parent.map(|parent: u32| (process, parent)));
    }
    let mut found = vec![root];
    let mut next = 0;
    while let Some(&parent) = found.get(next) {
        found.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(process, _)| *process));
        next += 1;
    }
    found
}
