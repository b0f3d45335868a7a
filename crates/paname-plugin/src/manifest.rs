//! `plugin.toml`: what a plugin says of itself before anything of it runs.

use std::fs::File;
use std::io::Read as _;
use std::path::{Component, Path, PathBuf};

use paname_core::abi;
use serde::{Deserialize, Serialize};

use crate::error::{PluginError, Result, is_plain, printable};
use crate::libtorch::is_version;

/// Name of the description in a plugin's folder.
pub const MANIFEST_FILE: &str = "plugin.toml";

/// Name and version of the description's schema.
const SCHEMA: &str = "paname-plugin/1";

/// Most bytes of a description or a signature.
const MOST_BYTES: u64 = 64 * 1024;

/// The content of `plugin.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PluginManifest {
    /// Always `paname-plugin/1`.
    pub schema: String,
    /// Name: at most 64 lower-case letters, digits and hyphens.
    pub name: String,
    /// Version, such as `0.1.0`.
    pub version: String,
    /// Version of the plugin interface that it was built for, such as `0.1.0`.
    pub abi: String,
    /// The machine and system that it was built for, such as `x86_64-unknown-linux-gnu`.
    pub target: String,
    /// File name of the library, in the same folder.
    pub library: String,
    /// SHA-256 of the library, hexadecimal.
    pub sha256: String,
    /// Licence, as an SPDX expression.
    pub licence: String,
    /// What must be there besides.
    #[serde(default, skip_serializing_if = "Requires::is_empty")]
    pub requires: Requires,
}

/// What a plugin needs from the machine.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Requires {
    /// Names of libraries that the system's loader must find, such as `libgomp.so.1`; opened before the plugin.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<String>,
    /// The version of libtorch that it was built on, such as `2.11.0`; opened before all else.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub libtorch: Option<String>,
}

impl Requires {
    fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

impl PluginManifest {
    /// A description of a library for the machine, system and interface of this program.
    pub(crate) fn new(name: &str, version: &str, library: &str, sha256: String, licence: &str) -> Self {
        Self {
            schema: SCHEMA.into(),
            name: name.into(),
            version: version.into(),
            abi: abi::ABI.into(),
            target: abi::TARGET.into(),
            library: library.into(),
            sha256,
            licence: licence.into(),
            requires: Requires::default(),
        }
    }

    /// Reads and checks the description of the plugin in `folder`.
    pub fn read(folder: &Path) -> Result<Self> {
        let path = folder.join(MANIFEST_FILE);
        Self::parse(&bytes(&path)?, &path)
    }

    /// Checks the bytes of a description; `path` is for messages.
    pub fn parse(bytes: &[u8], path: &Path) -> Result<Self> {
        let text = std::str::from_utf8(bytes).map_err(|error| {
            let problem = format!("byte {} is not UTF-8; save the file as UTF-8", error.valid_up_to());
            PluginError::text(path, problem)
        })?;
        let manifest: Self = toml::from_str(text).map_err(|error| toml_error(&error, text, path))?;
        manifest.check().map_err(|problem| PluginError::text(path, problem))?;
        Ok(manifest)
    }

    /// The first thing that cannot be.
    pub(crate) fn check(&self) -> Result<(), String> {
        let plain = |text: &str| text.len() <= 200 && text.chars().all(is_plain);
        for (key, text) in [
            ("version", &self.version),
            ("abi", &self.abi),
            ("target", &self.target),
            ("library", &self.library),
            ("licence", &self.licence),
        ] {
            if text.is_empty() || !plain(text) {
                return Err(format!("`{key}`: expected 1 to 200 characters on one line"));
            }
        }
        if self.schema != SCHEMA {
            return Err(format!("`schema` is {:?}; expected {SCHEMA:?}", shortened(&self.schema)));
        }
        if !is_name(&self.name) {
            return Err(format!(
                "`name` is {:?}; expected 1 to 64 lower-case letters, digits and hyphens",
                shortened(&self.name)
            ));
        }
        if !is_file_name(&self.library) {
            return Err(format!(
                "`library` is {:?}; expected the name of a file in the same folder",
                self.library
            ));
        }
        if !is_sha256(&self.sha256) {
            return Err("`sha256`: expected 64 hexadecimal digits in lower case".into());
        }
        let native = &self.requires.native;
        if native.len() > 64 || native.iter().any(|name| !plain(name) || !is_file_name(name)) {
            return Err("`requires.native`: expected at most 64 names of libraries without folders".into());
        }
        if self.requires.libtorch.as_deref().is_some_and(|version| !is_version(version)) {
            return Err("`requires.libtorch`: expected a version such as \"2.11.0\"".into());
        }
        Ok(())
    }

    /// Whether this program can use a plugin that was built for that interface and machine: the first thing in the way.
    pub(crate) fn usable(&self) -> Result<(), String> {
        if !abi::same_interface(&self.abi, abi::ABI) {
            return Err(format!(
                "built for plugin interface {}, this program has {}; get a build for that one",
                self.abi,
                abi::ABI
            ));
        }
        if self.target != abi::TARGET {
            return Err(format!("built for {}, this program runs on {}", self.target, abi::TARGET));
        }
        Ok(())
    }

    /// The library, in the plugin's folder.
    pub(crate) fn library_in(&self, folder: &Path) -> PathBuf {
        folder.join(&self.library)
    }
}

/// The bytes of a small file.
pub(crate) fn bytes(path: &Path) -> Result<Vec<u8>> {
    // A pipe would be waited for until somebody writes to it.
    if !path.metadata().map_err(PluginError::io(path))?.is_file() {
        return Err(PluginError::text(path, "expected a file"));
    }
    let file = File::open(path).map_err(PluginError::io(path))?;
    let mut bytes = Vec::new();
    file.take(MOST_BYTES + 1).read_to_end(&mut bytes).map_err(PluginError::io(path))?;
    if bytes.len() as u64 > MOST_BYTES {
        return Err(PluginError::text(path, format!("larger than {MOST_BYTES} bytes")));
    }
    Ok(bytes)
}

/// What is wrong with a TOML text, on one line, with its place.
pub(crate) fn toml_error(error: &toml::de::Error, text: &str, path: &Path) -> PluginError {
    let place = error.span().map(|span| {
        let before = text.get(..span.start).unwrap_or_default();
        let line_start = before.rfind('\n').map_or(0, |end| end + 1);
        (before.matches('\n').count() + 1, before[line_start..].chars().count() + 1)
    });
    let problem = error.message().trim_end().replace('\n', "; ");
    PluginError::Text {
        path: path.to_owned(),
        place,
        problem: printable(&problem).chars().take(400).collect(),
    }
}

/// Whether a text is the name of a plugin.
pub(crate) fn is_name(name: &str) -> bool {
    let allowed = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
    (1..=64).contains(&name.len()) && name.chars().all(allowed)
}

pub(crate) fn is_sha256(text: &str) -> bool {
    text.len() == 64 && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
}

fn is_file_name(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let one = matches!((parts.next(), parts.next()), (Some(Component::Normal(_)), None));
    one && !name.contains(['/', '\\', '\0'])
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
