//! The files behind a path, for digests.

use std::fs;
use std::path::{Path, PathBuf};

use paname_core::{Error, Result};

/// Most files that the files of a configuration may be.
const MOST_FILES: usize = 10_000;
/// Most folders within each other.
const MOST_DEPTH: usize = 32;

/// Every file of these paths below `base`, sorted; a folder stands for the files in it, at any depth. Left out are hidden files and folders,
/// `__pycache__`, and folders that are links.
pub(crate) fn expand(base: &Path, paths: &[PathBuf]) -> Result<Vec<PathBuf>> {
    let mut files = Vec::new();
    for path in paths {
        let path = base.join(path);
        let kind = fs::metadata(&path).map_err(cannot_read(&path))?;
        if kind.is_dir() {
            enter(&path, MOST_DEPTH, &mut files)?;
        } else {
            files.push(path);
        }
    }
    files.sort();
    files.dedup();
    Ok(files)
}

fn enter(folder: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    if depth == 0 {
        return Err(Error::data(folder.display(), format!("lies deeper than {MOST_DEPTH} folders")));
    }
    for entry in fs::read_dir(folder).map_err(cannot_read(folder))? {
        let entry = entry.map_err(cannot_read(folder))?;
        let name = entry.file_name();
        if name.as_encoded_bytes().starts_with(b".") || name == "__pycache__" {
            continue;
        }
        let path = entry.path();
        if entry.file_type().map_err(cannot_read(&path))?.is_dir() {
            enter(&path, depth - 1, files)?;
        } else if path.is_file() {
            files.push(path);
        }
        if files.len() > MOST_FILES {
            return Err(Error::data(
                folder.display(),
                format!("holds more than {MOST_FILES} files; name fewer"),
            ));
        }
    }
    Ok(())
}

fn cannot_read(path: &Path) -> impl Fn(std::io::Error) -> Error {
    move |e| Error::data(path.display(), format!("cannot be read: {e}"))
}
