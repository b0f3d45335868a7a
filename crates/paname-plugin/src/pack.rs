//! From a crate to a plugin folder: build, digest, description.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::digest::sha256;
use crate::error::{PluginError, Result};
use crate::manifest::{MANIFEST_FILE, PluginManifest, Requires, is_name};

/// A plugin folder that was just made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Packed {
    /// The folder.
    pub folder: PathBuf,
    /// Its description.
    pub manifest: PluginManifest,
}

/// Builds the crate in `folder` with Cargo, in release mode, and puts library and description into `out/NAME`. Where its library is built
/// already, as a workspace may do with other crates at once, nothing is built.
pub fn pack(folder: &Path, out: &Path, library: Option<&Path>) -> Result<Packed> {
    let manifest = folder.join("Cargo.toml");
    if !manifest.is_file() {
        return Err(PluginError::text(folder, "expected the folder of a crate, with a Cargo.toml"));
    }
    let metadata = cargo(folder, &["metadata", "--no-deps", "--format-version", "1"])?;
    let metadata: Value = serde_json::from_str(&metadata)
        .map_err(|error| PluginError::Build(format!("cargo metadata: {error}")))?;
    let canonical = manifest.canonicalize().map_err(PluginError::io(&manifest))?;
    let package =
        metadata["packages"].as_array().into_iter().flatten().find(|package| {
            package["manifest_path"].as_str().is_some_and(|path| Path::new(path) == canonical)
        });
    let package =
        package.ok_or_else(|| PluginError::text(&manifest, "expected a package, found a workspace only"))?;
    let text = |key: &str| package[key].as_str().unwrap_or_default().to_owned();
    let (name, version) = (text("name"), text("version"));
    if !is_name(&name) {
        let problem = format!(
            "package `{name}`: a plugin's name has at most 64 lower-case letters, digits and hyphens"
        );
        return Err(PluginError::text(&manifest, problem));
    }
    let licence = Some(text("license")).filter(|licence| !licence.is_empty());
    let licence =
        licence.ok_or_else(|| PluginError::text(&manifest, "no `license`; say under which one you share"))?;
    let declared = |key: &str, expected: &str| {
        let problem = format!("`{key}` in [package.metadata.paname]: expected {expected}");
        (package["metadata"]["paname"][key].clone(), PluginError::text(&manifest, problem))
    };
    let (native, problem) = declared("native", "a list of names of libraries");
    let native: Option<Vec<String>> = serde_json::from_value(native).map_err(|_| problem)?;
    let (libtorch, problem) = declared("libtorch", "a version such as \"2.11.0\"");
    let libtorch = serde_json::from_value(libtorch).map_err(|_| problem)?;
    let requires = Requires { native: native.unwrap_or_default(), libtorch };
    if let Some(library) = library {
        return pack_library(library, &name, &version, &licence, requires, out);
    }
    let built =
        cargo(folder, &["build", "--release", "--lib", "--message-format", "json-render-diagnostics"])?;
    let library = built
        .lines()
        .filter_map(|line| serde_json::from_str::<Value>(line).ok())
        .filter(|message| message["reason"] == "compiler-artifact" && message["package_id"] == package["id"])
        .flat_map(|message| message["filenames"].as_array().cloned().unwrap_or_default())
        .filter_map(|name| name.as_str().map(PathBuf::from))
        .rfind(|path| path.extension().is_some_and(|end| end == std::env::consts::DLL_EXTENSION));
    let library = library.ok_or_else(|| {
        PluginError::text(
            &manifest,
            "builds no library; expected `crate-type = [\"cdylib\", \"rlib\"]` in [lib]",
        )
    })?;
    pack_library(&library, &name, &version, &licence, requires, out)
}

/// Puts a library that is already built, and its description, into `out/NAME`.
pub fn pack_library(
    library: &Path,
    name: &str,
    version: &str,
    licence: &str,
    requires: Requires,
    out: &Path,
) -> Result<Packed> {
    let folder = out.join(name);
    let path = folder.join(MANIFEST_FILE);
    let io = PluginError::io;
    let file_name = library.file_name().unwrap_or_default().to_string_lossy().into_owned();
    let mut manifest = PluginManifest::new(name, version, &file_name, sha256(library)?, licence);
    manifest.requires = requires;
    // Nothing is written of what could not be read again.
    manifest.check().map_err(|problem| PluginError::text(&path, problem))?;
    let text = toml::to_string(&manifest).map_err(|error| PluginError::text(&path, error.to_string()))?;
    fs::create_dir_all(&folder).map_err(io(&folder))?;
    // Written beside and moved: a program that has the old library loaded keeps it.
    let draft = folder.join(format!(".{file_name}.draft"));
    fs::copy(library, &draft).map_err(io(library))?;
    if sha256(&draft)? != manifest.sha256 {
        return Err(PluginError::text(library, "changed while it was packed; start again"));
    }
    let copy = folder.join(&file_name);
    fs::rename(&draft, &copy).map_err(io(&copy))?;
    fs::write(&path, text).map_err(io(&path))?;
    Ok(Packed { folder, manifest })
}

/// What Cargo prints; what it says goes where this program's own words go.
fn cargo(folder: &Path, arguments: &[&str]) -> Result<String> {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(&program)
        .args(arguments)
        .current_dir(folder)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| PluginError::Build(format!("{}: {error}; is Rust installed?", program.display())))?;
    if !output.status.success() {
        return Err(PluginError::Build(format!("`cargo {}` ended with {}", arguments[0], output.status)));
    }
    Ok(String::from_utf8_lossy(&output.stdout).into_owned())
}
