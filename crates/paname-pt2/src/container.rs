//! The zip archive around everything. Entries are found by its directory, checked once, and read from the mapped file; what is stored uncompressed is
//! never copied.

use std::borrow::Cow;
use std::collections::HashMap;
use std::io::{Cursor, Read};
use std::ops::Range;

use flate2::Crc;
use flate2::bufread::DeflateDecoder;
use zip::read::{ArchiveOffset, Config};
use zip::result::ZipError;
use zip::{CompressionMethod, ZipArchive};

use crate::error::{Error, Result};
use crate::file::Memory;

/// More entries than any model has tensors.
const MOST_ENTRIES: usize = 1 << 17;
/// Compressed entries, all together, may unpack to this many bytes and to no more: torch compresses none.
const MOST_UNPACKED: u64 = 1 << 30;
/// Entries of JSON may have this many bytes: the graphs of the largest models have some tens of millions.
const MOST_JSON: u64 = 1 << 28;
/// Compressed ones, which take memory beside the file, to this many and no more.
const MOST_COMPRESSED_JSON: u64 = 1 << 25;
/// The largest ratio of unpacked to compressed bytes that graphs reach, with a margin.
const LARGEST_RATIO: u64 = 200;
/// What is unpacked whatever the ratio.
const FREELY_UNPACKED: u64 = 1 << 16;

/// Where archives of torch before 2.8 hold their weights, as a pickle.
const OLD_STATE: &str = "serialized_state_dict.pt";

/// An opened archive whose directory is sound: one root folder, plain names, no entry twice, none over another.
pub(crate) struct Container {
    memory: Memory,
    file: String,
    entries: HashMap<String, Entry>,
}

/// Where an entry lies.
struct Entry {
    /// The bytes as they are stored.
    range: Range<usize>,
    /// How many bytes they are, unpacked.
    size: u64,
    compressed: bool,
    checksum: u32,
}

impl Container {
    /// Reads the directory of the archive; `file` names it in errors.
    pub(crate) fn open(memory: Memory, file: &str) -> Result<Self> {
        let refuse = |problem| Error::Archive { file: file.to_owned(), problem };
        // Archives begin where their file does. Where that is left to be found out, the directory is taken to reach up to the end, before which torch puts
        // 76 bytes more: a first entry as long as that, with a model's name of eight letters, would be stepped over.
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let bytes = Cursor::new(memory.bytes());
        let mut zip = ZipArchive::with_config(config, bytes).map_err(|e| refuse(broken(&e)))?;
        if zip.has_duplicate_names() {
            // They count as one, so that the end of the file would seem to tell another number.
            return Err(refuse("has two entries of one name".into()));
        }
        last_end(&zip, memory.bytes()).map_err(refuse)?;
        if zip.index_for_name(OLD_STATE).is_some() {
            return Err(Error::Pickle { file: file.to_owned(), entry: OLD_STATE.to_owned() });
        }
        let entries = entries(&mut zip, memory.bytes().len() as u64).map_err(refuse)?;
        Ok(Self { memory, file: file.to_owned(), entries })
    }

    /// The name of the file, for errors.
    pub(crate) fn file(&self) -> &str {
        &self.file
    }

    /// Whether there is an entry of that name below the root folder.
    pub(crate) fn has(&self, name: &str) -> bool {
        self.entries.contains_key(name)
    }

    /// Names of all entries below the root folder, in no order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.entries.keys().map(String::as_str)
    }

    /// An error about an entry.
    pub(crate) fn entry_error(&self, entry: &str, problem: impl std::fmt::Display) -> Error {
        Error::Entry { file: self.file.clone(), entry: entry.to_owned(), problem: problem.to_string() }
    }

    /// All bytes of an entry, unpacked where needed, its checksum verified.
    pub(crate) fn read(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        let entry = self.entry(name)?;
        let bytes = match self.stored(name)? {
            Some(range) => Cow::Borrowed(&self.memory.bytes()[range]),
            None => Cow::Owned(self.unpack(name)?),
        };
        let mut sum = Crc::new();
        sum.update(&bytes);
        // A fuzzer cannot guess checksums.
        if sum.sum() != entry.checksum && !cfg!(fuzzing) {
            return Err(self.entry_error(name, "is damaged: its checksum is another than the archive says"));
        }
        Ok(bytes)
    }

    /// The same of an entry of JSON.
    pub(crate) fn document(&self, name: &str) -> Result<Cow<'_, [u8]>> {
        let Entry { size, compressed, .. } = *self.entry(name)?;
        let most = if compressed { MOST_COMPRESSED_JSON } else { MOST_JSON };
        if size > most {
            let how = if compressed { ", or an entry that is stored uncompressed" } else { "" };
            let problem = format!("has {size} bytes; expected at most {most}{how}");
            return Err(self.entry_error(name, problem));
        }
        self.read(name)
    }

    /// Where an entry lies in [`Self::bytes`] if it is stored uncompressed. Nothing of it is read.
    pub(crate) fn stored(&self, name: &str) -> Result<Option<Range<usize>>> {
        let entry = self.entry(name)?;
        Ok((!entry.compressed).then(|| entry.range.clone()))
    }

    /// The bytes of the whole file.
    pub(crate) fn bytes(&self) -> &[u8] {
        self.memory.bytes()
    }

    fn entry(&self, name: &str) -> Result<&Entry> {
        self.entries.get(name).ok_or_else(|| self.entry_error(name, "is absent"))
    }

    fn unpack(&self, name: &str) -> Result<Vec<u8>> {
        let entry = self.entry(name)?;
        let mut bytes = Vec::new();
        bytes
            .try_reserve_exact(entry.size as usize)
            .map_err(|e| self.entry_error(name, format!("does not fit in memory: {e}")))?;
        // One byte more than promised tells that there are more.
        DeflateDecoder::new(&self.memory.bytes()[entry.range.clone()])
            .take(entry.size + 1)
            .read_to_end(&mut bytes)
            .map_err(|e| self.entry_error(name, format!("cannot be unpacked: {e}")))?;
        if bytes.len() as u64 != entry.size {
            return Err(self.entry_error(name, format!("is damaged: expected {} bytes", entry.size)));
        }
        Ok(bytes)
    }
}

fn broken(error: &ZipError) -> String {
    format!("is not a whole zip archive (truncated?): {error}")
}

/// Whether the directory that was read is the one that the end of the file names. Entries may be archives themselves, with ends of their own, and one of
/// these is found where the last one is damaged.
fn last_end(zip: &ZipArchive<Cursor<&[u8]>>, bytes: &[u8]) -> Result<(), String> {
    /// Bytes of an end without its comment.
    const END: usize = 22;
    let number = |at: usize, length: usize| {
        let little_endian = bytes.get(at..at + length).unwrap_or_default().iter().rev();
        little_endian.fold(0_u64, |all, byte| all << 8 | u64::from(*byte))
    };
    let is_end = |at: &usize| {
        bytes[*at..].starts_with(b"PK\x05\x06") && at + END + number(at + 20, 2) as usize == bytes.len()
    };
    let latest = bytes.len().saturating_sub(END);
    let earliest = latest.saturating_sub(usize::from(u16::MAX));
    let end = (earliest..=latest).rev().find(is_end).ok_or("does not end where its directory says")?;
    // The largest numbers stand for those that have no room here.
    let agrees = |told: u64, found: u64, largest: u64| told == found || told == largest;
    let entries = agrees(number(end + 10, 2), zip.len() as u64, u16::MAX.into());
    let directory = agrees(number(end + 16, 4), zip.central_directory_start(), u32::MAX.into());
    if entries && directory { Ok(()) } else { Err("has a damaged directory, and another one within".into()) }
}

/// Reads and checks the directory.
fn entries(zip: &mut ZipArchive<Cursor<&[u8]>>, length: u64) -> Result<HashMap<String, Entry>, String> {
    if zip.len() > MOST_ENTRIES {
        return Err(format!("has {} entries; expected at most {MOST_ENTRIES}", zip.len()));
    }
    let mut found = HashMap::with_capacity(zip.len());
    let mut spans = Vec::with_capacity(zip.len());
    let mut root: Option<String> = None;
    let mut unpacked = 0_u64;
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(|e| broken(&e))?;
        let name = entry.name().map_err(|e| format!("entry {index} has an unreadable name: {e}"))?;
        let (folder, name) = split(&name)?;
        match &root {
            None => root = Some(folder.to_owned()),
            Some(root) if root != folder => {
                return Err(format!("has folders `{root}` and `{folder}`; expected one that holds all"));
            }
            Some(_) => {}
        }
        if entry.encrypted() {
            return Err(format!("`{name}` is encrypted; expected a plain archive"));
        }
        let compressed = match entry.compression() {
            CompressionMethod::Stored => false,
            CompressionMethod::Deflated => true,
            other => {
                return Err(format!("`{name}` is compressed by {other}; expected it stored or deflated"));
            }
        };
        let (stored, size) = (entry.compressed_size(), entry.size());
        if !compressed && stored != size {
            return Err(format!("`{name}` is damaged: {size} bytes cannot come from {stored} stored ones"));
        }
        if compressed {
            unpacked = unpacked.saturating_add(size);
            if unpacked > MOST_UNPACKED || (size > FREELY_UNPACKED && size / LARGEST_RATIO > stored) {
                return Err(format!(
                    "`{name}` expands from {stored} to {size} bytes, which looks like a compression bomb; store it uncompressed"
                ));
            }
        }
        let start = entry.data_start().ok_or_else(|| format!("`{name}` has no data"))?;
        let end = start.checked_add(stored).filter(|end| *end <= length);
        let end = end.ok_or_else(|| format!("`{name}` reaches beyond the end of the file (truncated?)"))?;
        spans.push((entry.header_start(), end, name.to_owned()));
        let range = start as usize..end as usize;
        let checksum = entry.crc32();
        if found.insert(name.to_owned(), Entry { range, size, compressed, checksum }).is_some() {
            return Err(format!("has two entries `{name}`"));
        }
    }
    apart(spans, zip.central_directory_start())?;
    Ok(found)
}

/// Splits the name of an entry into the root folder and the rest. Nothing is ever written by these names; those that would lead elsewhere are refused
/// because an honest archive has none.
fn split(name: &str) -> Result<(&str, &str), String> {
    let parts = || name.split('/');
    let plain = !name.contains(['\\', '\0', ':']) && parts().all(|part| !matches!(part, "" | "." | ".."));
    if !plain {
        return Err(format!("has an entry `{}`; expected a relative path without `..`", name.escape_debug()));
    }
    name.split_once('/').ok_or_else(|| format!("has an entry `{name}` outside of a folder"))
}

/// No entry lies over another one, or over the directory.
fn apart(mut spans: Vec<(u64, u64, String)>, directory: u64) -> Result<(), String> {
    spans.sort_unstable();
    for pair in spans.windows(2) {
        let [(_, end, first), (start, _, second)] = pair else { continue };
        if end > start {
            return Err(format!("`{first}` and `{second}` overlap"));
        }
    }
    match spans.last() {
        Some((_, end, name)) if *end > directory => {
            Err(format!("`{name}` and the archive's directory overlap"))
        }
        _ => Ok(()),
    }
}
