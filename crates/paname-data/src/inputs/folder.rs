//! Folders of images as records: ids from paths, classes from the folders' names.

use std::fs;
use std::path::{Path, PathBuf};

use paname_core::{Error, Labels, Result, Roster};

use crate::join::{RowIds, join};
use crate::records::RecordTable;

/// Images as records.
#[derive(Debug, Clone, Default)]
pub struct FolderRecords {
    /// The ids of all images, sorted, and their classes; no labels where the folder has no sub-folders.
    pub table: RecordTable,
    /// The names of the classes in the order of their numbers: sorted.
    pub classes: Vec<String>,
    folder: String,
}

impl FolderRecords {
    /// The labels of these records, so that a list of them needs none. Fails where a record is not an image of the folder.
    pub fn labels(&self, roster: &Roster) -> Result<Labels> {
        let rows = join(roster, &[RowIds { ids: self.table.ids.clone(), place: self.folder.clone() }])?;
        match &self.table.labels {
            Labels::Classes { values, classes } => {
                let values = rows.iter().map(|&row| values[row as usize]).collect();
                Ok(Labels::Classes { values, classes: *classes })
            }
            _ => Ok(Labels::None),
        }
    }
}

/// Lists the PNG and JPEG images of a folder as records. The class of an image is the name of the folder that it lies in, whatever lies above it, so
/// that `train/cat/1.png` and `test/cat/1.png` are of one class; classes are numbered in the order of their names.
pub fn folder_records(base: &Path, folder: &Path) -> Result<FolderRecords> {
    let place = folder.display().to_string();
    let ids = list(base, folder)?;
    let names: Vec<Option<&str>> = ids.iter().map(|id| class(id)).collect();
    let mut classes: Vec<&str> = names.iter().copied().flatten().collect();
    classes.sort_unstable();
    classes.dedup();
    let numbers: Vec<u32> =
        names.iter().filter_map(|name| classes.binary_search(&(*name)?).ok()).map(|n| n as u32).collect();
    let labels = if classes.is_empty() {
        Labels::None
    } else if let Some(row) = names.iter().position(Option::is_none) {
        let problem = "lies beside folders of classes; expected each image in the folder of its class";
        return Err(Error::data(format!("{place}/{}", ids[row]), problem));
    } else {
        Labels::Classes { values: numbers.into(), classes: classes.len() }
    };
    let classes = classes.into_iter().map(str::to_owned).collect();
    Ok(FolderRecords { table: RecordTable { ids, labels, ..RecordTable::default() }, classes, folder: place })
}

fn class(id: &str) -> Option<&str> {
    let (folders, _) = id.rsplit_once('/')?;
    Some(folders.rsplit_once('/').map_or(folders, |(_, last)| last))
}

/// The ids of the images below a folder, sorted. Names that begin with a full stop are hidden.
pub(super) fn list(base: &Path, folder: &Path) -> Result<Vec<String>> {
    let place = folder.display().to_string();
    let mut ids = Vec::new();
    // Folders still to be looked into, as the beginnings of ids.
    let mut open = vec![String::new()];
    while let Some(start) = open.pop() {
        let at = |name: &str| format!("{place}/{start}{name}");
        let refuse =
            |e: std::io::Error| Error::data(at("").trim_end_matches('/'), format!("cannot be read: {e}"));
        for entry in fs::read_dir(path(base, folder, &start)).map_err(refuse)? {
            let entry = entry.map_err(refuse)?;
            let kind = entry.file_type().map_err(refuse)?;
            let name = entry.file_name();
            let Some(name) = name.to_str() else {
                let problem = "has a name that is not UTF-8, which no id can hold";
                return Err(Error::data(at(&name.to_string_lossy()), problem));
            };
            if name.starts_with('.') {
                continue;
            }
            if kind.is_dir() {
                open.push(format!("{start}{name}/"));
            } else if kind.is_symlink() && entry.path().is_dir() {
                // It may lead back to where it came from.
                return Err(Error::data(at(name), "is a link to a folder; expected images and folders"));
            } else if is_image(name) {
                ids.push(format!("{start}{name}"));
            }
        }
    }
    if ids.is_empty() {
        return Err(Error::data(place, "holds no image (.png, .jpg, .jpeg)"));
    }
    ids.sort_unstable();
    Ok(ids)
}

/// Where the image of an id lies.
pub(super) fn path(base: &Path, folder: &Path, id: &str) -> PathBuf {
    base.join(folder).join(id)
}

fn is_image(name: &str) -> bool {
    let extension = Path::new(name).extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase);
    matches!(extension.as_deref(), Some("png" | "jpg" | "jpeg"))
}
