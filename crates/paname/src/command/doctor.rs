//! `paname doctor`.

use std::path::{Path, PathBuf};

use paname_data::{ModelFile, Pickled, Words, recognise};
use paname_plugin::{LIBTORCH_VERSION, Libtorch, Places};
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

/// Says what a model file is and what to do with it. Nothing of it runs.
pub(super) fn model_file(path: &Path, language: Language, json: bool) -> Result<(), Failure> {
    let file = recognise(path)?;
    let words = [
        key!("doctor.file.word.class"),
        key!("doctor.file.word.model"),
        key!("doctor.file.word.example"),
        key!("doctor.file.word.runs"),
        key!("doctor.file.word.inputs"),
    ];
    let [class, model, example, runs, inputs] = &words.map(|key| language.text(key));
    let python = file.python(path, &Words { class, model, example, runs, inputs });
    if json {
        return print_json(
            "paname-doctor-file/1",
            &ToldFile {
                file: path.display().to_string(),
                kind: file.kind(),
                readable: file.is_readable(),
                description: file.description(),
                python,
            },
        );
    }
    let told = described(&file, language);
    print(&match python {
        None => told,
        Some(python) => format!("{told}\n\n{}", indented(&python)),
    })
}

/// What it is, whether it is read and what to do, in two or three lines.
fn described(file: &ModelFile, language: Language) -> String {
    let text = |key| language.text(key);
    let export = || text(key!("doctor.file.export"));
    let pickle = |what: String| format!("{what}\n{}\n{}", text(key!("doctor.file.pickle")), export());
    match file {
        ModelFile::TorchScript => text(key!("doctor.file.torchscript")),
        ModelFile::Checkpoint(Pickled::Weights) => pickle(text(key!("doctor.file.weights"))),
        ModelFile::Checkpoint(Pickled::Dictionary(Some(key))) => {
            pickle(language.fill(key!("doctor.file.dictionary_of_weights"), &[("key", key)]))
        }
        ModelFile::Checkpoint(Pickled::Dictionary(None)) => pickle(text(key!("doctor.file.dictionary"))),
        ModelFile::Checkpoint(Pickled::Object(class)) => {
            pickle(language.fill(key!("doctor.file.object"), &[("class", class)]))
        }
        ModelFile::Checkpoint(Pickled::Unknown) => pickle(text(key!("doctor.file.checkpoint"))),
        ModelFile::TorchExport => text(key!("doctor.file.torch_export")),
        ModelFile::PickledExport => {
            [key!("doctor.file.pickled_export"), key!("doctor.file.pickle"), key!("doctor.file.rewrite")]
                .map(text)
                .join("\n")
        }
        ModelFile::Safetensors => format!("{}\n{}", text(key!("doctor.file.safetensors")), export()),
        ModelFile::Onnx => format!("{}\n{}", text(key!("doctor.file.onnx")), export()),
        ModelFile::Pickle => {
            [key!("doctor.file.joblib"), key!("doctor.file.pickle"), key!("doctor.file.predictions")]
                .map(text)
                .join("\n")
        }
        ModelFile::Arrays => text(key!("doctor.file.arrays")),
        ModelFile::Archive => text(key!("doctor.file.archive")),
        ModelFile::Truncated(_) => text(key!("doctor.file.truncated")),
        ModelFile::Unknown => text(key!("doctor.file.unknown")),
    }
}

fn indented(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// A model file for programs.
#[derive(Serialize)]
struct ToldFile {
    file: String,
    kind: &'static str,
    readable: bool,
    description: String,
    /// What to type, where there is something to do.
    python: Option<String>,
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
    libtorch: Option<ToldLibtorch>,
    /// Why there is no libtorch, and what to do; null where there is one.
    libtorch_problem: Option<String>,
    attacks: Vec<&'static str>,
    adapters: Vec<&'static str>,
}

/// The libtorch that plugins would get.
#[derive(Serialize)]
struct ToldLibtorch {
    version: String,
    folder: String,
}

impl Told {
    fn look(plugins: &[PathBuf]) -> Result<Self, Failure> {
        let registry = registry::with_plugins(plugins)?;
        let folder = std::env::current_dir();
        let libtorch = Libtorch::find(LIBTORCH_VERSION, &Places::of_this_process(plugins)?);
        let libtorch_problem = libtorch.as_ref().err().cloned();
        Ok(Self {
            version: env!("CARGO_PKG_VERSION"),
            system: format!("{} {}", std::env::consts::OS, std::env::consts::ARCH),
            cores: std::thread::available_parallelism().map_or(1, usize::from),
            memory_bytes: memory("MemTotal:"),
            memory_available_bytes: memory("MemAvailable:"),
            instructions: instructions(),
            folder: folder.as_ref().map(|path| path.display().to_string()).unwrap_or_default(),
            folder_problem: folder.and_then(|path| try_writing(&path)).err().map(|error| error.to_string()),
            libtorch: libtorch.ok().map(|found| ToldLibtorch {
                version: found.version,
                folder: found.folder.display().to_string(),
            }),
            libtorch_problem,
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
        let libtorch = match (&self.libtorch, &self.libtorch_problem) {
            (Some(found), _) => format!("{} ({})", found.version, found.folder),
            (None, Some(why)) => language.fill(key!("doctor.libtorch.absent"), &[("why", why)]),
            (None, None) => unknown(),
        };
        let rows = [
            (key!("doctor.version"), self.version.to_owned()),
            (key!("doctor.system"), self.system.clone()),
            (key!("doctor.cores"), self.cores.to_string()),
            (key!("doctor.memory"), memory),
            (key!("doctor.instructions"), instructions),
            (key!("doctor.folder"), format!("{} ({writable})", self.folder)),
            (key!("doctor.libtorch"), libtorch),
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
