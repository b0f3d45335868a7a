//! From a folder to rows of the registry: description, trust, signature, private copy, and only then the library.
#![expect(unsafe_code, reason = "a library runs when it is loaded")]

use std::ffi::{OsStr, c_void};
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use libloading::os::unix::{Library, RTLD_LOCAL, RTLD_NOW};
use paname_core::abi::{self, Plugin, PluginInfo};
use paname_core::{AdapterEntry, Entry, PluginOrigin, Registry};

use crate::error::{PluginError, Result, printable, shown};
use crate::libtorch::{GPU_LIBRARY, LIBRARY};
use crate::manifest::bytes;
use crate::private_copy::private_copy;
use crate::signature::signer;
use crate::{Libtorch, MANIFEST_FILE, Places, PluginManifest, Trust, discover};

/// A plugin whose description holds; nothing of it has run.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checked {
    /// Its folder.
    pub folder: PathBuf,
    /// Its description.
    pub manifest: PluginManifest,
    /// The name of the trusted key that signed it.
    pub signed_by: Option<String>,
    /// Whether this build is in the list of trusted ones.
    pub trusted: bool,
}

/// A plugin that is loaded, for as long as this process lives.
pub struct Loaded {
    /// Its folder.
    pub folder: PathBuf,
    /// Its description.
    pub manifest: PluginManifest,
    /// What the library says of itself.
    pub info: PluginInfo,
    /// Its attacks.
    pub attacks: Vec<Entry>,
    /// Its adapters.
    pub adapters: Vec<AdapterEntry>,
}

/// A plugin that was found and not loaded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skipped {
    /// Its folder.
    pub folder: PathBuf,
    /// Its name, where it has a description.
    pub name: Option<String>,
    /// Why, and what can be done.
    pub why: String,
}

impl fmt::Display for Skipped {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => write!(f, "plugin `{name}` ({}): {}", shown(&self.folder), self.why),
            None => f.write_str(&self.why),
        }
    }
}

/// Checks a plugin without running anything of it: description, interface, machine, signature.
pub fn check(folder: &Path, trust: &Trust) -> Result<Checked> {
    let folder = folder.canonicalize().map_err(PluginError::io(folder))?;
    let path = folder.join(MANIFEST_FILE);
    // Read once: what is checked is what was signed.
    let text = bytes(&path)?;
    let manifest = PluginManifest::parse(&text, &path)?;
    let refused = |problem: String| refused(&manifest, &folder, problem);
    manifest.usable().map_err(refused)?;
    let library = manifest.library_in(&folder);
    // A link could lead to a file that is another one when it is copied; it is the copy's digest that counts, but nobody should wonder.
    let within = library.canonicalize().map_err(PluginError::io(&library))?;
    if within.parent() != Some(&folder) || !within.is_file() {
        return Err(refused(format!("its library {} leads out of the folder", manifest.library)));
    }
    let signed_by = signer(&folder, &text, trust.keys())?.map(str::to_owned);
    if trust.requires_signature() && signed_by.is_none() {
        let problem = "not signed by a trusted key, and plugins must be signed here (`require-signature`)";
        return Err(refused(problem.into()));
    }
    let trusted = trust.allows(&manifest);
    Ok(Checked { folder, manifest, signed_by, trusted })
}

impl Checked {
    /// Compares the digest of the library with the description's, without loading it.
    pub fn check_digest(&self) -> Result<()> {
        let found = crate::digest::sha256(&self.manifest.library_in(&self.folder))?;
        self.same_digest(&found)
    }

    fn same_digest(&self, found: &str) -> Result<()> {
        if found == self.manifest.sha256 {
            return Ok(());
        }
        Err(self.refused(format!(
            "the SHA-256 of {} is {found}, plugin.toml says {}; it was changed or only partly copied",
            self.manifest.library, self.manifest.sha256
        )))
    }

    fn refused(&self, problem: impl Into<String>) -> PluginError {
        refused(&self.manifest, &self.folder, problem.into())
    }

    /// Loads the plugin, from a private copy whose digest is the trusted one.
    pub fn load(&self, places: &Places) -> Result<Loaded> {
        if !self.trusted {
            return Err(self.refused(untrusted(&self.folder)));
        }
        let library = self.manifest.library_in(&self.folder);
        let (copy, digest) = private_copy(&library, &self.manifest.sha256, &places.cache)?;
        self.same_digest(&digest)?;
        if let Some(version) = &self.manifest.requires.libtorch {
            open_libtorch(version, places).map_err(|problem| self.refused(problem))?;
        }
        for name in &self.manifest.requires.native {
            open(OsStr::new(name)).map_err(|problem| {
                self.refused(format!("needs the native library {name}, which cannot be loaded: {problem}"))
            })?;
        }
        // SAFETY: the user trusts these very bytes.
        let plugin = unsafe { open_plugin(&copy) }.map_err(|problem| self.refused(problem))?;
        let info = plugin.info;
        for (what, declared, found) in [
            ("name", &self.manifest.name, &info.name),
            ("version", &self.manifest.version, &info.version),
            ("target", &self.manifest.target, &info.target),
        ] {
            if declared != found {
                return Err(
                    self.refused(format!("plugin.toml says {what} {declared:?}, the library {found:?}"))
                );
            }
        }
        Ok(Loaded {
            folder: self.folder.clone(),
            manifest: self.manifest.clone(),
            info,
            attacks: plugin.attacks,
            adapters: plugin.adapters,
        })
    }
}

fn refused(manifest: &PluginManifest, folder: &Path, problem: String) -> PluginError {
    PluginError::Refused { name: manifest.name.clone(), folder: folder.to_owned(), problem }
}

fn untrusted(folder: &Path) -> String {
    format!("not trusted, hence not loaded; `paname plugin trust {}` allows it", shown(folder))
}

impl Loaded {
    /// What the registry and evidence name.
    pub fn origin(&self) -> PluginOrigin {
        PluginOrigin {
            name: self.manifest.name.clone(),
            version: self.manifest.version.clone(),
            sha256: self.manifest.sha256.clone(),
            folder: self.folder.clone(),
        }
    }

    /// Adds what the plugin brings to a registry.
    pub fn register(&self, registry: &mut Registry) -> Result<()> {
        Ok(registry.add_plugin(self.origin(), &self.attacks, &self.adapters)?)
    }
}

/// Loads every trusted plugin of the places. What is not trusted, or describes itself in a way that cannot be read, is skipped and told; a
/// trusted plugin that cannot be loaded is an error.
pub fn load_all(places: &Places, trust: &Trust) -> Result<(Vec<Loaded>, Vec<Skipped>)> {
    let (mut loaded, mut skipped) = (Vec::new(), Vec::new());
    for found in discover(places)? {
        match found.manifest {
            Ok(manifest) if trust.allows(&manifest) => {
                loaded.push(check(&found.folder, trust)?.load(places)?);
            }
            Ok(manifest) => {
                let why = untrusted(&found.folder);
                skipped.push(Skipped { folder: found.folder, name: Some(manifest.name), why });
            }
            Err(error) => {
                skipped.push(Skipped { folder: found.folder, name: None, why: error.to_string() });
            }
        }
    }
    Ok((loaded, skipped))
}

/// Loads exactly these builds, for a process that works for another one. They must still be what they were, and trusted.
pub fn load_exactly(plugins: &[PluginOrigin], places: &Places, trust: &Trust) -> Result<Vec<Loaded>> {
    plugins
        .iter()
        .map(|wanted| {
            let checked = check(&wanted.folder, trust)?;
            if checked.manifest.name != wanted.name || checked.manifest.sha256 != wanted.sha256 {
                return Err(checked.refused("changed while the audit was running; start it again"));
            }
            checked.load(places)
        })
        .collect()
}

/// Loads a library and opens it as a plugin, without asking whether it is trusted: for tests of a plugin that was just built.
///
/// # Safety
/// The library runs at once, and with every right of this process.
pub unsafe fn open_library(path: &Path) -> Result<Plugin> {
    // SAFETY: the caller's word.
    unsafe { open_plugin(path) }.map_err(|problem| PluginError::text(path, problem))
}

/// See [`open_library`].
unsafe fn open_plugin(path: &Path) -> Result<Plugin, String> {
    let library =
        open(path.as_os_str()).map_err(|problem| format!("its library cannot be loaded: {problem}"))?;
    // SAFETY: a symbol's address is read, whatever is there; `abi::open` looks at it carefully.
    let header = unsafe { library.get::<*const c_void>(abi::SYMBOL.as_bytes()) };
    let header = header.map_err(|_| format!("no plugin of PANAME: the symbol {} is missing", abi::SYMBOL))?;
    // SAFETY: the library is never unloaded, and trusted by the caller's word.
    unsafe { abi::open(header.as_raw_ptr().cast_const()) }.map_err(|error| match error {
        paname_core::Error::Mismatch { expected, got, .. } => format!("expected {expected}, got {got}"),
        other => other.to_string(),
    })
}

/// Sees to it that this process has libtorch in this version, and no other one: its state is global. It is opened by its real path, since it finds
/// what it needs beside itself; plugins then find it by its name.
fn open_libtorch(version: &str, places: &Places) -> Result<(), String> {
    static OPENED: Mutex<Option<Libtorch>> = Mutex::new(None);
    let mut opened = OPENED.lock().unwrap_or_else(PoisonError::into_inner);
    if opened.is_none() {
        // A program that is linked to it has one from the start.
        *opened = mapped(LIBRARY).map(|library| Libtorch::around(&library)).transpose()?;
    }
    if let Some(there) = &*opened {
        return if there.version == version {
            Ok(())
        } else {
            let (other, folder) = (&there.version, shown(&there.folder));
            let problem = "two of them cannot be in one process";
            Err(format!("needs libtorch {version}, and {other} ({folder}) is loaded already: {problem}"))
        };
    }
    let found = Libtorch::find(version, places)?;
    let open_in = |name: &str| {
        let path = found.folder.join(name);
        let opened = path.canonicalize().map_err(|error| error.to_string());
        opened.and_then(|real| open(real.as_os_str())).map_err(|problem| {
            format!("needs libtorch {version}, and {} cannot be loaded: {problem}", shown(&path))
        })
    };
    open_in(LIBRARY)?;
    // Without a driver there is no GPU to compute on, and that library is several times as large.
    if found.folder.join(GPU_LIBRARY).is_file() && open(OsStr::new("libcuda.so.1")).is_ok() {
        open_in(GPU_LIBRARY)?;
    }
    *opened = Some(found);
    Ok(())
}

/// Where the library of this name lies that is in this process's memory; None where there is none or the system does not tell.
fn mapped(name: &str) -> Option<PathBuf> {
    let maps = std::fs::read_to_string("/proc/self/maps").ok()?;
    let paths = maps.lines().filter_map(|line| line.find('/').map(|start| Path::new(&line[start..])));
    paths.filter(|path| path.file_name() == Some(OsStr::new(name))).map(Path::to_owned).next()
}

/// Opens a library for ever: Rust code that was loaded cannot be unloaded soundly, since threads and destructors may still point into it.
fn open(path: &OsStr) -> Result<&'static Library, String> {
    // SAFETY: what a trusted library does when it is loaded is its business.
    let library = unsafe { Library::open(Some(path), RTLD_NOW | RTLD_LOCAL) };
    let library = library.map_err(|error| {
        // What the loader says lies behind the error; in front it only says that it failed.
        let source = std::error::Error::source(&error);
        printable(&source.map_or_else(|| error.to_string(), ToString::to_string))
    })?;
    Ok(Box::leak(Box::new(library)))
}
