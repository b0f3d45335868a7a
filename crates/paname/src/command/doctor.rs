//! `paname doctor`.

use std::path::PathBuf;

use paname_report::{Language, key};
use serde::Serialize;

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::registry;
use crate::text_table::text_table;

const GIB: f64 = 1_073_741_824.0;

pub(super) fn doctor(plugins: &[PathBuf], language: Language, json: bool) -> Result<(), Failure> {
    let told = Told::look(plugins)?;
    if json { print_json("paname-doctor/1", &told) } else { print(&told.shown(language)) }
}

/// What there is.
#[derive(Serialize)]
struct Told {
    version: &'static str,
    system: String,
    cores: usize,
    memory_bytes: Option<u64>,
    memory_available_bytes: Option<u64>,
    instructions: Vec<&'static str>,
    folder: String,
    /// Why nothing can be written into the current folder; null where it can.
    folder_problem: Option<String>,
    attacks: Vec<&'static str>,
    adapters: Vec<&'static str>,
}

impl Told {
    fn look(plugins: &[PathBuf]) -> Result<Self, Failure> {
        let registry = registry::with_plugins(plugins)?;
        let folder = std::env::current_dir();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory("MemTotal:"),
            memory_available_bytes: memory("MemAvailable:"),
            instructions: instructions(),
            folder: folder.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
            folder_problem: folder.and_then(|path| try_writing(&path)).err().map(|error| error.to_string()),
            attacks: registry.attacks().map(|(entry, _)| entry.info.name).collect(),
            adapters: registry.adapters().map(|(entry, _)| entry.info.name).collect(),
        })
    }

    fn shown(&self, language: Language) -> String {
        let unknown = || language.text(key!("doctor.unknown"));
        let gib = |bytes: u64| language.decimal(bytes as f64 / GIB, 1);
        let memory = match (self.memory_available_bytes, self.memory_bytes) {
            (Some(available), Some(total)) => language
                .fill(key!("doctor.memory.value"), &[("available", &gib(available)), ("total", &gib(total))]),
            _ => unknown(),
        };
        let instructions = match &self.instructions[..] {
            [] => language.text(key!("doctor.instructions.none")),
            some => some.join(", "),
        };
        let writable = match &self.folder_problem {
            None => language.text(key!("doctor.folder.writable")),
            Some(why) => language.fill(key!("doctor.folder.read_only"), &[("why", why)]),
        };
        let rows = [
            (key!("doctor.version"), self.version.to_owned()),
            (key!("doctor.system"), self.system.clone()),
            (key!("doctor.cores"), self.cores.to_string()),
            (key!("doctor.memory"), memory),
            (key!("doctor.instructions"), instructions),
            (key!("doctor.folder"), format!("{} ({writable})", self.folder)),
            (key!("doctor.attacks"), self.attacks.join(", ")),
            (key!("doctor.adapters"), self.adapters.join(", ")),
        ];
        text_table(None, &rows.map(|(key, value)| vec![language.text(key), value]))
    }
}

/// A line of `/proc/meminfo` in bytes; None on systems without it.
fn memory(line: &str) -> Option<u64> {
    let text = std::fs::read_to_string("/proc/meminfo").ok()?;
    let value = text.lines().find_map(|candidate| candidate.strip_prefix(line))?;
    let kilobytes: u64 = value.trim().strip_suffix("kB")?.trim().parse().ok()?;
    kilobytes.checked_mul(1024)
}

/// The vector instructions that the computations can use here.
fn instructions() -> Vec<&'static str> {
    let mut found = Vec::new();
    #[cfg(target_arch = "x86_64")]
    {
        let known = [
            ("avx2", std::arch::is_x86_feature_detected!("avx2")),
            ("fma", std::arch::is_x86_feature_detected!("fma")),
            ("avx512f", std::arch::is_x86_feature_detected!("avx512f")),
        ];
        found.extend(known.iter().filter(|(_, there)| *there).map(|(name, _)| *name));
    }
    #[cfg(target_arch = "aarch64")]
    found.push("neon");
    found
}

/// Makes and removes a file: permissions alone do not tell of full or read-only disks.
fn try_writing(folder: &std::path::Path) -> std::io::Result<()> {
    let path = folder.join(format!(".paname-doctor-{}", std::process::id()));
    std::fs::write(&path, b"test")?;
    std::fs::remove_file(&path)
}
