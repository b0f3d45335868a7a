//! The packages that libtorch is taken from: fixed files, so that one checksum holds for each.

use std::{
    fs, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use super::{Setting, helper};
use crate::error::{Error, Result};

/// A package and what of it is unpacked.
#[derive(Debug, Clone)]
pub(super) struct Wheel {
    /// What pip is asked for.
    pub(super) package: &'static str,
    /// The file that pip fetches.
    pub(super) file: &'static str,
    pub(super) sha256: &'static str,
    /// Where each part goes; where both sides end in a slash, all that is below.
    pub(super) parts: &'static [(&'static str, &'static str)],
}

/// The last two hold libraries that `libtorch_cpu.so` is linked to, whatever the machine.
pub(super) const WHEELS: &[Wheel] = &[
    Wheel {
        package: "torch==2.11.0",
        file: "torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl",
        sha256: "7aa2f9bbc6d4595ba72138026b2074be1233186150e9292865e04b7a63b8c67a",
        parts: &[
            ("torch/include/", "include/"),
            ("torch/lib/libc10.so", "lib/libc10.so"),
            ("torch/lib/libgomp.so.1", "lib/libgomp.so.1"),
            ("torch/lib/libshm.so", "lib/libshm.so"),
            ("torch/lib/libtorch_cpu.so", "lib/libtorch_cpu.so"),
            ("torch/lib/libtorch_global_deps.so", "lib/libtorch_global_deps.so"),
        ],
    },
    Wheel {
        package: "nvidia-cuda-runtime==13.0.96",
        file: "nvidia_cuda_runtime-13.0.96-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl",
        sha256: "7f82250d7782aa23b6cfe765ecc7db554bd3c2870c43f3d1821f1d18aebf0548",
        parts: &[("nvidia/cu13/lib/libcudart.so.13", "lib/libcudart.so.13")],
    },
    Wheel {
        package: "nvidia-cuda-cupti==13.0.85",
        file: "nvidia_cuda_cupti-13.0.85-py3-none-manylinux_2_25_x86_64.whl",
        sha256: "4eb01c08e859bf924d222250d2e8f8b8ff6d3db4721288cf35d14252a4d933c8",
        parts: &[("nvidia/cu13/lib/libcupti.so.13", "lib/libcupti.so.13")],
    },
];

/// Any pip fetches the files for this interpreter and system, whatever its own are.
const FETCH: &[&str] = &[
    "-m",
    "pip",
    "download",
    "--disable-pip-version-check",
    "--no-input",
    // It would keep the whole package a second time.
    "--no-cache-dir",
    "--no-deps",
    "--only-binary=:all:",
    "--python-version",
    "311",
    "--implementation",
    "cp",
    "--abi",
    "cp311",
    "--platform",
    "manylinux_2_28_x86_64",
    "--platform",
    "manylinux_2_25_x86_64",
    "--platform",
    "manylinux2014_x86_64",
];

/// Fetches what is not in the folder yet, and checks every file.
pub(super) fn fetch(setting: &Setting, folder: &Path) -> Result<()> {
    let io = |source| Error::Io { path: folder.to_owned(), source };
    fs::create_dir_all(folder).map_err(io)?;
    // Of this process alone, like the tree.
    let temporary = folder.with_file_name(format!("fetching-{}", std::process::id()));
    for wheel in &setting.wheels {
        let path = folder.join(wheel.file);
        if !path.exists() {
            empty(&temporary)?;
            eprintln!("fetching {}", wheel.package);
            let fetched = download(setting, wheel, &temporary)?;
            // Pip copies for a while what it has fetched; here is only what it was done with.
            fs::rename(&fetched, &path).map_err(io)?;
        }
        check(setting, wheel, &path)?;
    }
    Ok(())
}

/// Makes a folder, or removes what is in it.
pub(super) fn empty(folder: &Path) -> Result<()> {
    match fs::remove_dir_all(folder) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => fs::create_dir_all(folder),
    }
    .map_err(|source| Error::Io { path: folder.to_owned(), source })
}

/// Fetches a package into the folder. Progress is pip's own; its errors are many lines, of which one says what happened.
fn download(setting: &Setting, wheel: &Wheel, temporary: &Path) -> Result<PathBuf> {
    let fetched = temporary.join(wheel.file);
    let output = Command::new(&setting.python)
        .args(FETCH)
        .arg("--dest")
        .arg(temporary)
        .arg(wheel.package)
        .env("TMPDIR", temporary)
        .stdin(Stdio::null())
        // Standard output is for what the command itself answers.
        .stdout(io::stderr())
        .stderr(Stdio::piped())
        .spawn()
        .and_then(std::process::Child::wait_with_output)
        .map_err(|error| Error::NoPython { problem: error.to_string() })?;
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    if said.contains("No module named pip") {
        return Err(Error::NoPython { problem: "no module named pip".into() });
    }
    let problem = if !output.status.success() {
        let lines = || said.lines().map(str::trim).filter(|line| !line.is_empty());
        let line = lines().rfind(|line| line.starts_with("ERROR:")).or_else(|| lines().next_back());
        line.map_or_else(
            || format!("pip ended with {}", output.status),
            |line| line.trim_start_matches("ERROR:").trim().chars().take(200).collect(),
        )
    } else if fetched.exists() {
        return Ok(fetched);
    } else {
        format!("pip fetched another file than {}", wheel.file)
    };
    Err(Error::Download { package: wheel.package, problem })
}

fn check(setting: &Setting, wheel: &Wheel, path: &Path) -> Result<()> {
    let got =
        helper(setting, "sha256", [path]).map_err(|problem| Error::Unpack { file: wheel.file, problem })?;
    if got == wheel.sha256 {
        return Ok(());
    }
    fs::remove_file(path).map_err(|source| Error::Io { path: path.to_owned(), source })?;
    Err(Error::Checksum { path: path.to_owned(), expected: wheel.sha256, got })
}
