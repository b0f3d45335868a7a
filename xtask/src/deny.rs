//! Licences, sources and banned crates by cargo-deny, which is installed once into a cache outside `target`.

use std::{env, path::PathBuf, process::Command};

use crate::{
    cache::cache,
    error::{Error, Result},
    process::{cargo, root, stream, works},
};

/// The version installed where there is none; the format of `deny.toml` follows it.
const VERSION: &str = "0.20.2";

/// Checks the workspace's dependencies against `deny.toml`.
///
/// Advisories are not part of it: their database changes daily, and a check of a commit must give the same answer
/// tomorrow.
pub(crate) fn check() -> Result<()> {
    let program = find_or_install()?;
    // Called directly, cargo-deny expects to be told its name as Cargo would.
    stream(
        Command::new(program)
            .args(["deny", "--workspace", "check", "bans", "licenses", "sources"])
            .current_dir(root()),
    )
}

fn find_or_install() -> Result<PathBuf> {
    let installed = PathBuf::from("cargo-deny");
    if works(Command::new(&installed).args(["deny", "--version"])) {
        return Ok(installed);
    }
    let home = cache().join(format!("cargo-deny-{VERSION}"));
    let cached = home.join("bin").join(format!("cargo-deny{}", env::consts::EXE_SUFFIX));
    if works(Command::new(&cached).args(["deny", "--version"])) {
        return Ok(cached);
    }
    eprintln!(
        "cargo-deny is not installed; building version {VERSION} once into {} (a minute or two)",
        home.display()
    );
    let mut install = cargo(["install", "--locked", "cargo-deny", "--version", VERSION, "--root"]);
    // It runs for a second or two: building it in half the time is worth more than its speed.
    install.arg(&home).arg("--debug").env("CARGO_PROFILE_DEV_DEBUG", "0");
    stream(&mut install).map_err(|error| Error::NoTool {
        tool: "cargo-deny",
        install: format!("cargo install --locked cargo-deny@{VERSION}"),
        source: Box::new(error),
    })?;
    Ok(cached)
}
