//! Files in memory.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use memmap2::Mmap;
use paname_core::{Buffer, Error, Result};

/// A whole file, mapped read-only. An empty file has no bytes.
pub(crate) struct MappedFile(Mmap);

impl MappedFile {
    /// Maps the file at `path`; errors name it as `place`.
    pub(crate) fn open(path: &Path, place: &str) -> Result<Arc<Self>> {
        let refuse = |e: std::io::Error| Error::data(place, format!("cannot be opened: {e}"));
        let (file, _) = open(path, place)?;
        #[expect(unsafe_code, reason = "mapping a file is the only way to read it without a copy")]
        // SAFETY: the map is read-only and private to this struct, which hands out shared slices for its own lifetime only. What the type system
        // cannot exclude is another process that shortens or rewrites the file during the audit: users are told that inputs must not change
        // meanwhile, every element type accepts all bit patterns, and indices read from a file are checked before use.
        let map = unsafe { Mmap::map(&file) }.map_err(refuse)?;
        Ok(Arc::new(Self(map)))
    }
}

impl Buffer for MappedFile {
    fn bytes(&self) -> &[u8] {
        &self.0
    }
}

/// The bytes of a small file in memory of their own: for many files that are read once each, this costs less than maps. Fails beyond `limit` bytes.
pub(crate) fn read(path: &Path, place: &str, limit: u64) -> Result<Vec<u8>> {
    let (file, length) = open(path, place)?;
    if length > limit {
        return Err(Error::data(place, format!("has {length} bytes; expected at most {limit}")));
    }
    let mut bytes = Vec::with_capacity(length as usize);
    // It may have grown meanwhile.
    file.take(limit)
        .read_to_end(&mut bytes)
        .map_err(|e| Error::data(place, format!("cannot be read: {e}")))?;
    Ok(bytes)
}

/// Opens a file, and says how long it is.
fn open(path: &Path, place: &str) -> Result<(fs::File, u64)> {
    let refuse = |e: std::io::Error| Error::data(place, format!("cannot be opened: {e}"));
    // Asked before opening, since to open a pipe may wait for ever.
    let about = fs::metadata(path).map_err(refuse)?;
    let kind = about.file_type();
    if !kind.is_file() {
        let problem = if kind.is_dir() { "is a folder; expected a file" } else { "is not a file" };
        return Err(Error::data(place, problem));
    }
    Ok((fs::File::open(path).map_err(refuse)?, about.len()))
}

/// Decoded bytes in memory that is aligned for every element type.
pub(crate) struct Decoded(Vec<u64>);

impl Decoded {
    /// Zeros, to be filled. Fails where memory does not suffice.
    pub(crate) fn zeros(bytes: usize) -> Result<Self, String> {
        let words = bytes.div_ceil(8);
        let mut buffer = Vec::new();
        buffer.try_reserve_exact(words).map_err(|e| format!("{bytes} bytes do not fit in memory: {e}"))?;
        buffer.resize(words, 0);
        Ok(Self(buffer))
    }

    /// The bytes; the last few may be padding.
    pub(crate) fn bytes_mut(&mut self) -> &mut [u8] {
        bytemuck::cast_slice_mut(&mut self.0)
    }
}

impl Buffer for Decoded {
    fn bytes(&self) -> &[u8] {
        bytemuck::cast_slice(&self.0)
    }
}
