//! Finding plugins: folders with a `plugin.toml`.

use std::collections::BTreeMap;
use std::fs;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::error::{PluginError, Result};
use crate::{MANIFEST_FILE, Places, PluginManifest};

/// A plugin's folder and its description, or what is wrong with that.
#[derive(Debug)]
pub struct Found {
    /// The folder, in its canonical form.
    pub folder: PathBuf,
    /// The description.
    pub manifest: Result<PluginManifest>,
}

/// Every plugin in the places, sorted by folder. The current folder is no place unless it is named. Two plugins of one name are an error; the
/// same folder reached in two ways is one plugin.
pub fn discover(places: &Places) -> Result<Vec<Found>> {
    let mut folders: Vec<PathBuf> = Vec::new();
    for (place, must_exist) in
        places.named.iter().map(|p| (p, true)).chain(places.usual.iter().map(|p| (p, false)))
    {
        folders.extend(within(place, must_exist)?);
    }
    folders.sort();
    folders.dedup();
    let mut names: BTreeMap<String, PathBuf> = BTreeMap::new();
    let mut found = Vec::with_capacity(folders.len());
    for folder in folders {
        let manifest = PluginManifest::read(&folder);
        if let Ok(manifest) = &manifest
            && let Some(first) = names.insert(manifest.name.clone(), folder.clone())
        {
            return Err(PluginError::Twice { name: manifest.name.clone(), first, second: folder });
        }
        found.push(Found { folder, manifest });
    }
    Ok(found)
}

/// The plugin folders of a place: itself, or those in it.
fn within(place: &Path, must_exist: bool) -> Result<Vec<PathBuf>> {
    let io = PluginError::io(place);
    let canonical = match place.canonicalize() {
        Ok(path) => path,
        Err(error) if error.kind() == ErrorKind::NotFound && !must_exist => return Ok(Vec::new()),
        Err(error) => return Err(io(error)),
    };
    if canonical.join(MANIFEST_FILE).is_file() {
        return Ok(vec![canonical]);
    }
    let mut folders = Vec::new();
    for entry in fs::read_dir(&canonical).map_err(&io)? {
        let folder = entry.map_err(&io)?.path();
        if folder.join(MANIFEST_FILE).is_file() {
            folders.push(folder.canonicalize().map_err(&io)?);
        }
    }
    Ok(folders)
}
