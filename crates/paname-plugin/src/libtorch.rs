//! Finding libtorch: a library with global state that must be there once per process, hence before any plugin that asks for it, and in the very
//! version that the plugin was built on. It is found here and opened by `load.rs`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Places;
use crate::error::{printable, shown};
use crate::trust::only_ours;

/// The version that PANAME's own torch plugin is built on, and that `cargo xtask libtorch` prepares.
pub const LIBTORCH_VERSION: &str = "2.11.0";

/// The library that all others hang on.
pub(crate) const LIBRARY: &str = "libtorch_cpu.so";

/// The library that computes on a GPU; only an installed PyTorch has it.
pub(crate) const GPU_LIBRARY: &str = "libtorch_cuda.so";

/// Prints where PyTorch lies, without importing it and without looking into the current folder.
const FIND: &str = "import sys; sys.path = [p for p in sys.path if p]; from importlib.util import find_spec; s = find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";

/// A libtorch on the disk.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Libtorch {
    /// Its version without the build, such as `2.11.0`.
    pub version: String,
    /// The folder of its libraries, in its canonical form.
    pub folder: PathBuf,
}

impl Libtorch {
    /// The libtorch of this version: that of PyTorch, where `LIBTORCH_USE_PYTORCH` asks for it; else that of `LIBTORCH`, where it is set; else
    /// that in the cache. Nothing is loaded. The error is one line that says what is needed, what was found and what to do.
    pub fn find(version: &str, places: &Places) -> Result<Self, String> {
        if let Some(python) = &places.pytorch {
            let place = format!("the PyTorch of {} (LIBTORCH_USE_PYTORCH)", shown(python));
            let folder = installed(python).map_err(|problem| absent(version, &place, &problem))?;
            return Self::of(version, &folder, &place);
        }
        if let Some(folder) = &places.libtorch {
            return Self::of(version, folder, &format!("LIBTORCH={}", shown(folder)));
        }
        let folder = places.cache.join(format!("libtorch-{version}"));
        let found = Self::of(version, &folder, &shown(&folder))?;
        // Who can write there could put another library in the place of this one.
        for path in [&places.cache, &folder, &found.folder, &found.folder.join(LIBRARY)] {
            only_ours(path).map_err(|error| error.to_string())?;
        }
        Ok(found)
    }

    /// The libtorch in `folder/lib`, which must have this version.
    fn of(version: &str, folder: &Path, place: &str) -> Result<Self, String> {
        let lib = folder.join("lib");
        if !lib.join(LIBRARY).is_file() {
            return Err(absent(version, place, &format!("it holds no lib/{LIBRARY}")));
        }
        let build = build(folder)
            .ok_or_else(|| absent(version, place, "it says no version in build-version or version.py"))?;
        let found = Self { version: release(&build).to_owned(), folder: canonical(&lib)? };
        found.is(version, place)?;
        Ok(found)
    }

    /// The libtorch that a library of it, somewhere on the disk, belongs to.
    pub(crate) fn around(library: &Path) -> Result<Self, String> {
        let lib = library.parent().unwrap_or(Path::new("/"));
        let build = lib.parent().and_then(build);
        let build = build.ok_or_else(|| format!("{} says no version", shown(lib)))?;
        Ok(Self { version: release(&build).to_owned(), folder: canonical(lib)? })
    }

    /// Whether it has the version that is needed.
    pub(crate) fn is(&self, version: &str, place: &str) -> Result<(), String> {
        if self.version == version {
            return Ok(());
        }
        Err(format!("needs libtorch {version}, {place} is {}; {}", self.version, remedy(version)))
    }
}

/// Whether a text is a version such as `2.11.0`.
pub(crate) fn is_version(text: &str) -> bool {
    let numbers: Vec<&str> = text.split('.').collect();
    let is_number = |n: &&str| (1..=6).contains(&n.len()) && n.bytes().all(|b| b.is_ascii_digit());
    numbers.len() == 3 && numbers.iter().all(is_number)
}

fn absent(version: &str, place: &str, problem: &str) -> String {
    format!("needs libtorch {version}, not found in {place}: {problem}; {}", remedy(version))
}

/// What the project prepares is one version only.
fn remedy(version: &str) -> String {
    if version == LIBTORCH_VERSION {
        "`cargo xtask libtorch` prepares it; LIBTORCH and LIBTORCH_USE_PYTORCH name another place".to_owned()
    } else {
        format!("set LIBTORCH to a folder of libtorch {version}")
    }
}

/// The version with its build, such as `2.11.0+cpu`, as the files of libtorch and of PyTorch say it.
fn build(folder: &Path) -> Option<String> {
    let of_libtorch = || fs::read_to_string(folder.join("build-version")).ok();
    let of_pytorch = || {
        let text = fs::read_to_string(folder.join("version.py")).ok()?;
        text.lines().find_map(|line| line.strip_prefix("__version__ = ")).map(str::to_owned)
    };
    let text = of_libtorch().or_else(of_pytorch)?;
    let build: String = printable(text.trim_matches(['\'', '"', ' ', '\r', '\n'])).chars().take(80).collect();
    Some(build).filter(|build| !build.is_empty())
}

fn release(build: &str) -> &str {
    build.split('+').next().unwrap_or(build)
}

fn canonical(folder: &Path) -> Result<PathBuf, String> {
    folder.canonicalize().map_err(|error| format!("{}: {error}", shown(folder)))
}

/// The folder of PyTorch.
fn installed(python: &Path) -> Result<PathBuf, String> {
    let output = Command::new(python)
        .args(["-c", FIND])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| error.to_string())?;
    let folder = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    if !output.status.success() || folder.is_empty() {
        return Err("it has no PyTorch".to_owned());
    }
    Ok(folder.into())
}
