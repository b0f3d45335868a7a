//! `cargo xtask demo`: the first value that a newcomer sees, an audit of the digits that ship with the repository.

use std::path::Path;

use crate::{
    error::{Error, Result},
    process::{cargo, root, stream},
};

/// For a newcomer: optimised dependencies build in less time than with the development profile's debug information, and the
/// audit runs faster.
const OPTIMISED: &[&str] = &["--release"];

/// For the checks, which have just built this profile.
const AS_TESTED: &[&str] = &[];

const MANIFEST: &str = "examples/digits/audit.toml";

/// The files that every run owes its reader.
const PROMISED: &[&str] = &["report.fr.html", "report.en.html", "evidence.json"];

/// Audits the digits into `target/demo`, or as the arguments for `paname run` say.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let elsewhere = arguments.iter().any(|argument| argument.split('=').next() == Some("--run-dir"));
    let folder = root().join("target").join("demo");
    audit(OPTIMISED, (!elsewhere).then_some(folder.as_path()), arguments)
}

/// The demo into a new temporary folder, from nothing, then the files it promises.
pub(crate) fn check() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("paname-demo-{}", std::process::id()));
    let outcome = audit(AS_TESTED, Some(&folder), &[]).and_then(|()| promised_files_exist(&folder));
    // A folder that cannot be removed is left to the system's own cleaning: the demo itself has its result.
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

fn audit(profile: &[&str], folder: Option<&Path>, arguments: &[String]) -> Result<()> {
    let mut command = cargo(["run", "--package", "paname"]);
    command.args(profile).args(["--", "run", MANIFEST]);
    if let Some(folder) = folder {
        command.arg("--run-dir").arg(folder);
    }
    stream(command.args(arguments))
}

fn promised_files_exist(folder: &Path) -> Result<()> {
    PROMISED.iter().map(|name| folder.join(name)).try_for_each(|path| {
        let written = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        if written { Ok(()) } else { Err(Error::Missing { path, writer: "the demo" }) }
    })
}
