//! A host that keeps files, and programs for tests.
#![expect(clippy::unwrap_used, reason = "a test that cannot write its files has to stop")]
#![allow(dead_code, reason = "every test file uses its own part")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use paname_core::{Ctx, Host, Result};
use serde_json::{Value, json};
use tempfile::TempDir;

/// A host with a manifest's folder and a folder that is kept.
pub(crate) struct Kept {
    pub(crate) base: TempDir,
    pub(crate) folder: TempDir,
    pub(crate) progress: Mutex<Vec<(u64, u64)>>,
    /// Cancels as soon as this file is there.
    pub(crate) cancel: Option<PathBuf>,
    pub(crate) cancelled: AtomicBool,
}

impl Kept {
    pub(crate) fn new() -> Self {
        Self {
            base: tempfile::tempdir().unwrap(),
            folder: tempfile::tempdir().unwrap(),
            progress: Mutex::default(),
            cancel: None,
            cancelled: AtomicBool::new(false),
        }
    }

    pub(crate) fn ctx(&self) -> Ctx<'_> {
        Ctx::new(3, "test", 2, self)
    }

    /// A file of the manifest's folder.
    pub(crate) fn write(&self, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
        let path = self.base.path().join(name);
        fs::write(&path, text).unwrap();
        path
    }

    /// What the program left in its folder.
    pub(crate) fn left(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }
}

impl Host for Kept {
    fn progress(&self, done: u64, total: u64) {
        self.progress.lock().unwrap().push((done, total));
    }

    fn cancelled(&self) -> bool {
        if self.cancel.as_ref().is_some_and(|path| path.exists()) {
            self.cancelled.store(true, Ordering::Relaxed);
        }
        self.cancelled.load(Ordering::Relaxed)
    }

    fn base(&self) -> PathBuf {
        self.base.path().to_owned()
    }

    fn folder(&self) -> Result<PathBuf> {
        Ok(self.folder.path().to_owned())
    }
}

/// The configuration of an attack that is a shell script: `$1` is the archive, `$2` the file of scores.
pub(crate) fn shell(script: &str) -> Value {
    json!({ "program": ["sh", "-c", script, "sh", "{inputs}", "{scores}"], "signals": ["loss"], "time-limit": 60 })
}

/// A shell script whose child goes on for ever, however it is asked to end, and grows the file `beat` as long as it lives.
pub(crate) fn heart(beat: &Path) -> String {
    let beat = beat.display();
    format!("(trap '' TERM; while :; do echo >> '{beat}'; sleep 0.02; done) & while :; do sleep 1; done")
}

/// Waits until a file is there.
pub(crate) fn wait_for(path: &Path) {
    let until = Instant::now() + Duration::from_secs(20);
    while !path.exists() {
        assert!(Instant::now() < until, "{} did not appear", path.display());
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// Whether a file stays as long as it is for a while, within some seconds.
pub(crate) fn stops(beat: &Path) -> bool {
    let length = || fs::metadata(beat).map_or(0, |about| about.len());
    let until = Instant::now() + Duration::from_secs(10);
    while Instant::now() < until {
        let before = length();
        std::thread::sleep(Duration::from_millis(400));
        if length() == before {
            return true;
        }
    }
    false
}
