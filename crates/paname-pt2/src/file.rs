//! The bytes of an archive.

use std::fs;
use std::path::Path;

use memmap2::Mmap;

use crate::error::{Error, Result};

/// A whole file, mapped read-only, or bytes that are already in memory.
pub(crate) enum Memory {
    Mapped(Mmap),
    Owned(Vec<u8>),
}

impl Memory {
    /// Maps the file at `path`.
    pub(crate) fn map(path: &Path) -> Result<Self> {
        let refuse =
            |problem: String| Error::Unreadable { file: path.to_string_lossy().into_owned(), problem };
        let unopened = |e: std::io::Error| refuse(format!("cannot be opened: {e}"));
        // Asked before opening, since to open a pipe may wait for ever.
        let kind = fs::metadata(path).map_err(unopened)?.file_type();
        if !kind.is_file() {
            let what = if kind.is_dir() { "is a folder" } else { "is not a file" };
            return Err(refuse(format!("{what}; expected a .pt2 archive")));
        }
        let file = fs::File::open(path).map_err(unopened)?;
        #[expect(unsafe_code, reason = "mapping a file is the only way to read it without a copy")]
        // SAFETY: the map is read-only and private to this value, which hands out shared slices for its own lifetime only. What the type system
        // cannot exclude is another process that shortens or rewrites the file meanwhile: users are told that input files must not change during an
        // audit, every element type accepts all bit patterns, and offsets read from the file are checked before use.
        let map = unsafe { Mmap::map(&file) }.map_err(|e| refuse(format!("cannot be mapped: {e}")))?;
        Ok(Self::Mapped(map))
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Self::Mapped(map) => map,
            Self::Owned(bytes) => bytes,
        }
    }
}
