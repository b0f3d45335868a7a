//! The npz format: a zip archive of npy arrays.

use std::io::{self, Cursor, Read};
use std::path::Path;
use std::sync::Arc;

use paname_core::{Buffer, Error, Result};
use zip::{CompressionMethod, ZipArchive};

use crate::expansion;
use crate::file::{Decoded, MappedFile};
use crate::npy::{HEAD, Header, Stored};

/// Names of the arrays in an archive, without `.npy`.
pub(crate) fn members(path: &Path, place: &str) -> Result<Vec<String>> {
    let file = MappedFile::open(path, place)?;
    let archive = open(&file, place)?;
    Ok(names(&archive))
}

/// Finds and checks a member. It stays where it is in the mapped file when it was stored uncompressed, and is decoded to memory otherwise; in both
/// cases its checksum is verified.
pub(crate) fn read_member(path: &Path, name: Option<&str>, place: &str) -> Result<Stored> {
    let file = MappedFile::open(path, place)?;
    let mut archive = open(&file, place)?;
    let there = names(&archive).join(", ");
    let Some(name) = name else {
        return Err(Error::data(
            place,
            format!("is an archive; name one of its arrays as `file.npz#name`: {there}"),
        ));
    };
    let index = [format!("{name}.npy"), name.to_owned()]
        .iter()
        .find_map(|entry| archive.index_for_name(entry))
        .ok_or_else(|| Error::data(place, format!("there is no such member; there are: {there}")))?;
    let mut member =
        archive.by_index(index).map_err(|e| Error::data(place, format!("cannot be unpacked: {e}")))?;
    decode(&file, &mut member).map_err(|problem| Error::data(place, problem))
}

fn open<'a>(file: &'a MappedFile, place: &str) -> Result<ZipArchive<Cursor<&'a [u8]>>> {
    if file.bytes().is_empty() {
        return Err(Error::data(place, "is empty; expected an npz archive"));
    }
    ZipArchive::new(Cursor::new(file.bytes()))
        .map_err(|e| Error::data(place, format!("is not a whole npz archive (truncated?): {e}")))
}

fn names(archive: &ZipArchive<Cursor<&[u8]>>) -> Vec<String> {
    let names = archive.file_names().filter_map(std::result::Result::ok);
    names.map(|name| name.strip_suffix(".npy").unwrap_or(&name).to_owned()).collect()
}

fn decode<R: Read>(file: &Arc<MappedFile>, member: &mut zip::read::ZipFile<'_, R>) -> Result<Stored, String> {
    let unpack = |e: io::Error| format!("cannot be unpacked: {e}");
    let (stored, size) = (member.compressed_size(), member.size());
    let method = member.compression();
    if stored > file.bytes().len() as u64 || (method == CompressionMethod::Stored && size != stored) {
        return Err(format!("is damaged: {size} bytes cannot come from {stored} stored ones"));
    }
    expansion::check(stored, size, "save it with numpy.savez, uncompressed")?;
    let start = member.data_start().and_then(|start| usize::try_from(start).ok());

    let mut head = Vec::new();
    member.by_ref().take(HEAD as u64).read_to_end(&mut head).map_err(unpack)?;
    let header = Header::parse(&head)?;
    header.check_length(size)?;
    let read = &head[header.offset..];

    if let (CompressionMethod::Stored, Some(start)) = (method, start) {
        // Reading to the end verifies the checksum; nothing is kept.
        io::copy(member, &mut io::sink()).map_err(unpack)?;
        let offset = start.checked_add(header.offset).ok_or("is damaged")?;
        return Ok(Stored { header, buffer: Arc::<MappedFile>::clone(file), offset });
    }
    let mut decoded = Decoded::zeros(header.bytes)?;
    let elements = &mut decoded.bytes_mut()[..header.bytes];
    elements[..read.len()].copy_from_slice(read);
    member.read_exact(&mut elements[read.len()..]).map_err(unpack)?;
    // The checksum is verified when the end is seen.
    io::copy(member, &mut io::sink()).map_err(unpack)?;
    Ok(Stored { header, buffer: Arc::new(decoded), offset: 0 })
}
