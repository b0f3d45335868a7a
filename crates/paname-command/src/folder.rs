//! The folders that programs work in.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use paname_core::{Ctx, Error, Result};
use tempfile::TempDir;

/// A new folder, which only its owner can enter: kept with the audit where the host keeps files, else removed with this value.
pub(crate) struct Folder {
    path: PathBuf,
    /// Removes the folder when dropped.
    temporary: Option<TempDir>,
}

impl Folder {
    /// A folder `NAME-1`, `NAME-2` … below `place`, the first that is not there yet; without a place, one that is temporary.
    pub(crate) fn new(place: Option<&Path>, name: &str) -> Result<Self> {
        let Some(place) = place else {
            let folder = tempfile::Builder::new().prefix("paname-").tempdir();
            let folder = folder.map_err(cannot_write(&std::env::temp_dir()))?;
            return Ok(Self { path: folder.path().to_owned(), temporary: Some(folder) });
        };
        let mut number = 1_u64;
        loop {
            let path = place.join(format!("{name}-{number}"));
            match create(&path) {
                Ok(()) => return Ok(Self { path, temporary: None }),
                Err(e) if e.kind() == io::ErrorKind::AlreadyExists => number += 1,
                Err(e) => return Err(cannot_write(&path)(e)),
            }
        }
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the folder stays.
    pub(crate) fn kept(&self) -> bool {
        self.temporary.is_none()
    }

    /// A new folder in this one.
    pub(crate) fn below(&self, name: &str) -> Result<PathBuf> {
        let path = self.path.join(name);
        create(&path).map_err(cannot_write(&path))?;
        Ok(path)
    }
}

/// The host's folder for this run as an absolute path; none where the host keeps no files.
pub(crate) fn place(ctx: &Ctx<'_>) -> Result<Option<PathBuf>> {
    match ctx.folder() {
        Ok(place) => absolute(&place).map(Some),
        Err(Error::Unsupported(_)) => Ok(None),
        Err(error) => Err(error),
    }
}

/// The same path from the root on, since programs have another current folder.
pub(crate) fn absolute(path: &Path) -> Result<PathBuf> {
    std::path::absolute(path).map_err(|e| Error::data(path.display(), format!("is no usable path: {e}")))
}

/// A new file that only its owner can read.
pub(crate) fn create_file(path: &Path) -> Result<File> {
    let mut options = fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options.open(path).map_err(cannot_write(path))
}

/// The error of a file that cannot be written.
pub(crate) fn cannot_write<E: std::fmt::Display>(path: &Path) -> impl Fn(E) -> Error {
    move |e| Error::data(path.display(), format!("cannot be written: {e}"))
}

fn create(path: &Path) -> io::Result<()> {
    #[cfg_attr(not(unix), expect(unused_mut, reason = "only Unix has modes"))]
    let mut builder = fs::DirBuilder::new();
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}
