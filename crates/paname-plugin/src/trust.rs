//! The list of trusted plugins, `plugins.lock`: names and digests that the user has allowed, keys whose signatures count.

use std::fs::{self, File, OpenOptions};
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::error::{PluginError, Result};
use crate::manifest::{bytes, is_name, is_sha256, toml_error};
use crate::signature::public_key;
use crate::{Places, PluginManifest, Requires};

/// Name of the list in the configuration folder.
const LIST: &str = "plugins.lock";
/// Name and version of the list's schema.
const SCHEMA: &str = "paname-trust/1";

/// Which plugins may run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trust {
    path: PathBuf,
    list: List,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct List {
    schema: String,
    #[serde(default)]
    require_signature: bool,
    #[serde(default, rename = "plugin")]
    plugins: Vec<TrustedPlugin>,
    #[serde(default, rename = "key")]
    keys: Vec<TrustedKey>,
}

/// A build of a plugin that may run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedPlugin {
    /// Its name.
    pub name: String,
    /// SHA-256 of its library.
    pub sha256: String,
    /// The native libraries that it needs, which are loaded with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub native: Vec<String>,
    /// The version of libtorch that it needs, which is loaded with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub libtorch: Option<String>,
}

impl TrustedPlugin {
    fn of(manifest: &PluginManifest) -> Self {
        let PluginManifest { name, sha256, requires, .. } = manifest.clone();
        let Requires { native, libtorch } = requires;
        Self { name, sha256, native, libtorch }
    }
}

/// A key whose signatures count.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TrustedKey {
    /// A name for people.
    pub name: String,
    /// The public key in minisign's form.
    pub public: String,
}

impl Default for List {
    fn default() -> Self {
        Self { schema: SCHEMA.into(), require_signature: false, plugins: Vec::new(), keys: Vec::new() }
    }
}

impl Trust {
    /// Reads the list; where there is none, nothing is trusted.
    pub fn read(places: &Places) -> Result<Self> {
        let path = places.config.join(LIST);
        let list = match fs::metadata(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => List::default(),
            Err(source) => return Err(PluginError::Io { path, source }),
            Ok(_) => {
                // Who can write to the folder can put another list in the place of this one.
                only_ours(&places.config)?;
                only_ours(&path)?;
                parse(&bytes(&path)?, &path)?
            }
        };
        Ok(Self { path, list })
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Whether this build may run, with the libraries that it asks for, as far as the list goes.
    pub fn allows(&self, manifest: &PluginManifest) -> bool {
        self.list.plugins.contains(&TrustedPlugin::of(manifest))
    }

    /// Whether plugins must be signed as well.
    pub fn requires_signature(&self) -> bool {
        self.list.require_signature
    }

    /// The builds that may run.
    pub fn plugins(&self) -> &[TrustedPlugin] {
        &self.list.plugins
    }

    /// The keys whose signatures count.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.list.keys
    }

    /// Allows a build, in the place of other builds of that name.
    pub fn trust(&mut self, manifest: &PluginManifest) -> Result<()> {
        let plugin = TrustedPlugin::of(manifest);
        self.change(|list| {
            list.plugins.retain(|known| known.name != plugin.name);
            list.plugins.push(plugin.clone());
            list.plugins.sort_by(|a, b| a.name.cmp(&b.name));
        })
    }

    /// Allows no build of this name any more; says whether one was allowed.
    pub fn untrust(&mut self, name: &str) -> Result<bool> {
        let known = self.list.plugins.iter().any(|plugin| plugin.name == name);
        self.change(|list| list.plugins.retain(|plugin| plugin.name != name))?;
        Ok(known)
    }

    /// Lets the signatures of a key count, in the place of a key of the same name.
    pub fn add_key(&mut self, name: &str, public: &str) -> Result<()> {
        // A whole file holds a comment before the key, and perhaps something after it.
        let mut lines = public.lines().map(str::trim);
        let line = lines.find(|line| public_key(line).is_ok()).ok_or_else(|| {
            let problem = "expected a minisign public key, as in minisign.pub";
            PluginError::Build(format!("key `{name}`: {problem}"))
        })?;
        let key = TrustedKey { name: name.to_owned(), public: line.to_owned() };
        self.change(|list| {
            list.keys.retain(|known| known.name != key.name);
            list.keys.push(key.clone());
        })
    }

    /// Lets the signatures of a key count no more; says whether they did.
    pub fn remove_key(&mut self, name: &str) -> Result<bool> {
        let known = self.list.keys.iter().any(|key| key.name == name);
        self.change(|list| list.keys.retain(|key| key.name != name))?;
        Ok(known)
    }

    /// Says whether plugins must be signed as well.
    pub fn require_signature(&mut self, required: bool) -> Result<()> {
        self.change(|list| list.require_signature = required)
    }

    /// Changes the list as it is now on the disk, one process at a time, and writes it whole or not at all.
    fn change(&mut self, change: impl Fn(&mut List)) -> Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("."));
        let io = PluginError::io;
        private_folder(folder)?;
        only_ours(folder)?;
        let guard_path = folder.join(".plugins.guard");
        let guard = private_file(&guard_path).map_err(io(&guard_path))?;
        guard.lock().map_err(io(&guard_path))?;
        let mut list =
            if self.path.exists() { parse(&bytes(&self.path)?, &self.path)? } else { List::default() };
        change(&mut list);
        let text = toml::to_string_pretty(&list)
            .map_err(|error| PluginError::text(&self.path, error.to_string()))?;
        let mut draft = tempfile::NamedTempFile::new_in(folder).map_err(io(folder))?;
        draft.write_all(text.as_bytes()).and_then(|()| draft.as_file().sync_all()).map_err(io(&self.path))?;
        draft
            .persist(&self.path)
            .map_err(|error| PluginError::Io { path: self.path.clone(), source: error.error })?;
        self.list = list;
        Ok(())
    }
}

fn parse(bytes: &[u8], path: &Path) -> Result<List> {
    let text = std::str::from_utf8(bytes).map_err(|_| PluginError::text(path, "not UTF-8"))?;
    let list: List = toml::from_str(text).map_err(|error| toml_error(&error, text, path))?;
    if list.schema != SCHEMA {
        return Err(PluginError::text(path, format!("`schema`: expected {SCHEMA:?}")));
    }
    for plugin in &list.plugins {
        if !is_name(&plugin.name) || !is_sha256(&plugin.sha256) {
            return Err(PluginError::text(
                path,
                "[[plugin]]: expected a name and 64 hexadecimal digits in lower case",
            ));
        }
    }
    for key in &list.keys {
        public_key(&key.public)
            .map_err(|problem| PluginError::text(path, format!("key `{}`: {problem}", key.name)))?;
    }
    Ok(list)
}

/// Refuses a file or folder that others can write to: what it says would be theirs.
#[cfg(unix)]
pub(crate) fn only_ours(path: &Path) -> Result<()> {
    let data = fs::metadata(path).map_err(PluginError::io(path))?;
    if std::os::unix::fs::MetadataExt::mode(&data) & 0o022 != 0 {
        return Err(PluginError::text(
            path,
            "others can write to it, so that it proves nothing; take that right away",
        ));
    }
    Ok(())
}

#[cfg(not(unix))]
pub(crate) fn only_ours(_path: &Path) -> Result<()> {
    Ok(())
}

/// Creates a folder that only its owner can enter.
pub(crate) fn private_folder(path: &Path) -> Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path).map_err(PluginError::io(path))
}

fn private_file(path: &Path) -> std::io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path)
}
