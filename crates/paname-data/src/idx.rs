//! The IDX format of the MNIST family: four bytes that name the type of the elements and the number of axes, the length of each axis, then the
//! elements, all big-endian. Published files are often packed with gzip and keep `.gz` in their names.

use std::io::{ErrorKind, Read};
use std::path::Path;
use std::sync::Arc;

use flate2::bufread::MultiGzDecoder;
use paname_core::{Buffer, DType, Error, Result};

use crate::expansion;
use crate::file::{Decoded, MappedFile};
use crate::npy::{Header, Kind, Stored};

/// Bytes of the element type and the number of axes.
const MAGIC: usize = 4;
/// Bytes of the length of an axis.
const LENGTH: usize = 4;
/// As many axes as NumPy arrays may have.
const AXES_LIMIT: usize = 32;
const GZIP: &[u8] = &[0x1f, 0x8b];

/// Whether a file's name is that of an IDX file: `x.idx`, `train-labels-idx1-ubyte` or `train-labels.idx1-ubyte`, each perhaps with `.gz`.
pub(crate) fn is_name(path: &str) -> bool {
    let path = path.to_ascii_lowercase();
    let path = path.strip_suffix(".gz").unwrap_or(&path);
    if path.strip_suffix("idx").is_some_and(|start| start.ends_with('.')) {
        return true;
    }
    let Some((start, kind)) = path.rsplit_once('-') else { return false };
    let start = start.trim_end_matches(|c: char| c.is_ascii_digit()).strip_suffix("idx");
    kind.chars().all(|c| c.is_ascii_alphabetic()) && start.is_some_and(|start| start.ends_with(['-', '.']))
}

/// Reads a file. Bytes that are not packed stay in the mapped file; other elements are brought into the order of bytes of this machine. Errors
/// name the file as `place`.
pub(crate) fn read(path: &Path, place: &str) -> Result<Stored> {
    let file = MappedFile::open(path, place)?;
    let packed = path.extension().is_some_and(|e| e.eq_ignore_ascii_case("gz"));
    let stored = if packed { unpack(file.bytes()) } else { view(&file) };
    stored.map_err(|problem| Error::data(place, problem))
}

fn view(file: &Arc<MappedFile>) -> Result<Stored, String> {
    let bytes = file.bytes();
    if bytes.starts_with(GZIP) {
        return Err("is packed with gzip; expected a name that ends in `.gz`".into());
    }
    let header = parse(bytes)?;
    header.check_length(bytes.len() as u64)?;
    if header.kind.size() == Some(1) {
        let offset = header.offset;
        return Ok(Stored { header, buffer: Arc::<MappedFile>::clone(file), offset });
    }
    let mut elements = Decoded::zeros(header.bytes)?;
    elements.bytes_mut()[..header.bytes].copy_from_slice(&bytes[header.offset..]);
    Ok(in_order(header, elements))
}

fn unpack(file: &[u8]) -> Result<Stored, String> {
    if !file.starts_with(GZIP) {
        return Err("is not packed with gzip; expected a name without `.gz`, or a gzip file".into());
    }
    let mut reader = MultiGzDecoder::new(file);
    let mut head = [0; MAGIC + LENGTH * AXES_LIMIT];
    let mut length = fill(&mut reader, &mut head[..MAGIC])?;
    if length == MAGIC {
        let axes = usize::from(head[MAGIC - 1]).min(AXES_LIMIT);
        length += fill(&mut reader, &mut head[MAGIC..MAGIC + LENGTH * axes])?;
    }
    let header = parse(&head[..length])?;
    expansion::check(file.len() as u64, header.bytes as u64, "unpack it with gunzip")?;
    let mut elements = Decoded::zeros(header.bytes)?;
    let there = fill(&mut reader, &mut elements.bytes_mut()[..header.bytes])?;
    header.check_length((header.offset + there) as u64)?;
    // The checksum is verified when the end is seen.
    match reader.read(&mut [0]) {
        Ok(0) => Ok(in_order(header, elements)),
        Ok(_) => Err("has more bytes after its last element; expected none".into()),
        Err(e) if e.kind() == ErrorKind::UnexpectedEof => Err("is truncated: its checksum is missing".into()),
        Err(e) => Err(format!("cannot be unpacked: {e}")),
    }
}

/// Reads until `buffer` is full or the data end, and says how many bytes there were.
fn fill(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, String> {
    let mut there = 0;
    while there < buffer.len() {
        match reader.read(&mut buffer[there..]) {
            Ok(0) => break,
            Ok(read) => there += read,
            Err(e) if e.kind() == ErrorKind::UnexpectedEof => break,
            Err(e) if e.kind() == ErrorKind::Interrupted => {}
            Err(e) => return Err(format!("cannot be unpacked: {e}")),
        }
    }
    Ok(there)
}

/// Parses the header at the start of `file`.
fn parse(file: &[u8]) -> Result<Header, String> {
    if file.is_empty() {
        return Err("is empty; expected an IDX array".into());
    }
    let too_short = || "ends within its header".to_owned();
    let &[a, b, kind, axes] = file.first_chunk::<MAGIC>().ok_or_else(too_short)?;
    if (a, b) != (0, 0) {
        return Err(format!("is not an IDX array: it begins with the bytes {a:02x} {b:02x}; expected 00 00"));
    }
    let kind = match kind {
        0x08 => Kind::Plain(DType::U8),
        0x09 => Kind::I8,
        0x0b => Kind::I16,
        0x0c => Kind::Plain(DType::I32),
        0x0d => Kind::Plain(DType::F32),
        0x0e => Kind::Plain(DType::F64),
        _ => {
            return Err(format!(
                "is not an IDX array: element type {kind:02x} is unknown; expected 08, 09, 0b, 0c, 0d or 0e"
            ));
        }
    };
    let axes = usize::from(axes);
    if axes == 0 || axes > AXES_LIMIT {
        return Err(format!("has {axes} axes; expected 1 to {AXES_LIMIT}"));
    }
    let offset = MAGIC + LENGTH * axes;
    let lengths = file.get(MAGIC..offset).ok_or_else(too_short)?;
    let lengths = lengths.as_chunks::<LENGTH>().0.iter();
    Header::new(kind, lengths.map(|&length| u32::from_be_bytes(length) as usize).collect(), offset)
}

/// Elements as they were in the file, turned into the order of bytes that headers of npy arrays promise.
fn in_order(header: Header, mut elements: Decoded) -> Stored {
    let size = header.kind.size().unwrap_or(1);
    if size > 1 {
        elements.bytes_mut()[..header.bytes].chunks_exact_mut(size).for_each(<[u8]>::reverse);
    }
    Stored { header, buffer: Arc::new(elements), offset: 0 }
}
