//! Files for tests, written as NumPy writes them.
#![expect(clippy::unwrap_used, reason = "a test that cannot write its files has to stop")]
#![allow(dead_code, reason = "every test file uses its own part")]

use std::fs;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use paname_core::Roster;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

/// An npy file with this type, shape and these elements.
pub(crate) fn npy(descr: &str, shape: &[usize], elements: &[u8]) -> Vec<u8> {
    let axes: Vec<String> = shape.iter().map(usize::to_string).collect();
    let mut header =
        format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({},), }}", axes.join(", "));
    let padding = 64 - (10 + header.len() + 1) % 64;
    header.extend(std::iter::repeat_n(' ', padding % 64));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend((header.len() as u16).to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(elements);
    file
}

pub(crate) fn floats(shape: &[usize], numbers: &[f32]) -> Vec<u8> {
    npy("<f4", shape, &numbers.iter().flat_map(|x| x.to_le_bytes()).collect::<Vec<_>>())
}

pub(crate) fn bools(shape: &[usize], truths: &[bool]) -> Vec<u8> {
    npy("|b1", shape, &truths.iter().map(|&b| u8::from(b)).collect::<Vec<_>>())
}

pub(crate) fn texts(texts: &[&str]) -> Vec<u8> {
    let width = texts.iter().map(|t| t.len()).max().unwrap();
    let padded = texts.iter().flat_map(|t| t.bytes().chain(std::iter::repeat_n(0, width - t.len())));
    npy(&format!("|S{width}"), &[texts.len()], &padded.collect::<Vec<_>>())
}

/// An IDX file with this code of its element type, this shape and these elements.
pub(crate) fn idx(code: u8, shape: &[u32], elements: &[u8]) -> Vec<u8> {
    let mut file = vec![0, 0, code, shape.len() as u8];
    file.extend(shape.iter().flat_map(|length| length.to_be_bytes()));
    file.extend(elements);
    file
}

pub(crate) fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    packed.write_all(bytes).unwrap();
    packed.finish().unwrap()
}

pub(crate) fn npz(members: &[(&str, Vec<u8>)], method: CompressionMethod) -> Vec<u8> {
    let mut archive = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        let options = SimpleFileOptions::default().compression_method(method);
        archive.start_file(format!("{name}.npy"), options).unwrap();
        archive.write_all(bytes).unwrap();
    }
    archive.finish().unwrap().into_inner()
}

/// A list of records with these ids.
pub(crate) fn roster(ids: &[&str]) -> Roster {
    Roster::new(ids.iter().map(|&id| id.to_owned()).collect(), "test").unwrap()
}

/// A folder with these files.
pub(crate) fn folder(files: &[(&str, &[u8])]) -> TempDir {
    let folder = TempDir::new().unwrap();
    for (name, bytes) in files {
        write(folder.path(), name, bytes);
    }
    folder
}

pub(crate) fn write(folder: &Path, name: &str, bytes: &[u8]) -> PathBuf {
    let path = folder.join(name);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(&path, bytes).unwrap();
    path
}
