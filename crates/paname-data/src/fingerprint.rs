//! Digests of files, for provenance and for cache keys.

use std::path::{Path, PathBuf};

use paname_core::{Buffer, Result};

use crate::file::MappedFile;

/// The BLAKE3 digest of the contents of these files, in this order, as hexadecimal. Names do not enter: a folder that was moved keeps its
/// fingerprint.
pub fn fingerprint(paths: &[PathBuf]) -> Result<String> {
    let mut hasher = blake3::Hasher::new();
    for path in paths {
        hasher.update(digest(path, &path.display().to_string())?.as_bytes());
    }
    Ok(hasher.finalize().to_hex().to_string())
}

/// The BLAKE3 digest of one file, which errors name as `place`.
pub(crate) fn digest(path: &Path, place: &str) -> Result<blake3::Hash> {
    Ok(blake3::hash(MappedFile::open(path, place)?.bytes()))
}
