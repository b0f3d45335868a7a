//! Writing npz archives and npy files, array by array and piece by piece.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use npyz::WriterBuilder as _;
use paname_core::{DType, Error, Result, Tensor};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::folder::{cannot_write, create_file};

/// An npz archive that is being written. Its arrays are stored as they are, so that any reader can map them.
pub(crate) struct Archive {
    zip: ZipWriter<BufWriter<File>>,
    path: PathBuf,
}

impl Archive {
    /// A new archive.
    pub(crate) fn create(path: &Path) -> Result<Self> {
        let zip = ZipWriter::new(BufWriter::with_capacity(1 << 20, create_file(path)?));
        Ok(Self { zip, path: path.to_owned() })
    }

    /// Begins an array; its elements follow through [`Archive::push`].
    pub(crate) fn begin(&mut self, name: &str, dtype: DType, shape: &[usize]) -> Result<()> {
        self.start(name, &descr(dtype), dtype.size(), shape)
    }

    /// Begins an array of elements of this type and size.
    fn start(&mut self, name: &str, descr: &str, size: usize, shape: &[usize]) -> Result<()> {
        let bytes = shape.iter().try_fold(size as u64, |n, &length| n.checked_mul(length as u64));
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Stored)
            .large_file(bytes.is_none_or(|bytes| bytes >= u64::from(u32::MAX) - (1 << 16)));
        self.zip.start_file(format!("{name}.npy"), options).map_err(cannot_write(&self.path))?;
        write_header(&mut self.zip, descr, shape).map_err(|e| e.named(&self.path))
    }

    /// The next elements of the array that was begun last.
    pub(crate) fn push<T: bytemuck::NoUninit>(&mut self, elements: &[T]) -> Result<()> {
        self.zip.write_all(bytemuck::cast_slice(elements)).map_err(cannot_write(&self.path))
    }

    /// A whole array of 64-bit integers.
    pub(crate) fn integers(
        &mut self,
        name: &str,
        shape: &[usize],
        values: impl Iterator<Item = i64>,
    ) -> Result<()> {
        self.begin(name, DType::I64, shape)?;
        self.stream(values)
    }

    /// The elements of an iterator, a piece at a time.
    pub(crate) fn stream<T: bytemuck::NoUninit>(
        &mut self,
        mut values: impl Iterator<Item = T>,
    ) -> Result<()> {
        let mut piece = Vec::new();
        loop {
            piece.clear();
            piece.extend(values.by_ref().take(1 << 13));
            if piece.is_empty() {
                return Ok(());
            }
            self.push(&piece)?;
        }
    }

    /// A whole tensor.
    pub(crate) fn tensor(&mut self, name: &str, tensor: &Tensor) -> Result<()> {
        if tensor.dtype() == DType::BF16 {
            // The format has no such type.
            self.begin(name, DType::F32, tensor.shape())?;
            return self.push(&tensor.to_f32()?);
        }
        self.begin(name, tensor.dtype(), tensor.shape())?;
        self.push(tensor.bytes()?)
    }

    /// A whole list of texts, as NumPy writes them: so many characters of 32 bits each as the longest has.
    pub(crate) fn texts(&mut self, name: &str, texts: &[&str]) -> Result<()> {
        let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or_default().max(1);
        let order = if cfg!(target_endian = "little") { '<' } else { '>' };
        self.start(name, &format!("{order}U{width}"), 4 * width, &[texts.len()])?;
        let padded = |text: &&str| {
            let characters: Vec<u32> = text.chars().map(u32::from).collect();
            characters.into_iter().chain(std::iter::repeat(0)).take(width)
        };
        self.stream(texts.iter().flat_map(padded))
    }

    /// Ends the archive.
    pub(crate) fn finish(self) -> Result<()> {
        let mut file = self.zip.finish().map_err(cannot_write(&self.path))?;
        file.flush().map_err(cannot_write(&self.path))
    }
}

/// Writes an npy file of 64-bit integers.
pub(crate) fn write_integers(path: &Path, values: &[i64]) -> Result<()> {
    let mut file = BufWriter::new(create_file(path)?);
    write_header(&mut file, &descr(DType::I64), &[values.len()]).map_err(|e| e.named(path))?;
    file.write_all(bytemuck::cast_slice(values)).map_err(cannot_write(path))?;
    file.flush().map_err(cannot_write(path))
}

/// Why a header was not written.
struct Unwritten(String);

impl Unwritten {
    fn named(self, path: &Path) -> Error {
        cannot_write(path)(self.0)
    }
}

fn write_header(file: impl Write, descr: &str, shape: &[usize]) -> Result<(), Unwritten> {
    let shape: Vec<u64> = shape.iter().map(|&length| length as u64).collect();
    let unwritten = |e: &dyn std::fmt::Display| Unwritten(e.to_string());
    let element = descr.parse().map_err(|e: npyz::ParseTypeStrError| unwritten(&e))?;
    let header = npyz::WriteOptions::new_header_only().dtype(npyz::DType::Plain(element)).shape(&shape);
    header.writer(file).write_header_only().map(drop).map_err(|e| unwritten(&e))
}

/// The element type in the words of the format; elements are written as this machine holds them.
fn descr(dtype: DType) -> String {
    let order = if cfg!(target_endian = "little") { '<' } else { '>' };
    let (order, kind) = match dtype {
        DType::Bool => ('|', 'b'),
        DType::U8 => ('|', 'u'),
        DType::I32 | DType::I64 => (order, 'i'),
        _ => (order, 'f'),
    };
    format!("{order}{kind}{}", dtype.size())
}
