//! The npy format: a short header, which is a Python dictionary, then the elements (NumPy Enhancement Proposal 1).
//!
//! The header is parsed here rather than by a library because it is hostile input: sizes are multiplied with overflow checks, nothing recurses,
//! and its length is bounded as NumPy itself bounds it.

use std::sync::Arc;

use paname_core::{Buffer, DType, Tensor};

/// Longest header that NumPy reads without being told to.
const HEADER_LIMIT: usize = 10_000;
/// Bytes before the header's text, at most.
const PREAMBLE: usize = 12;
/// Number of bytes from the start of a file that always hold a whole header.
pub(crate) const HEAD: usize = PREAMBLE + HEADER_LIMIT;

/// What a header says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Header {
    pub(crate) kind: Kind,
    pub(crate) shape: Vec<usize>,
    /// Where the elements start.
    pub(crate) offset: usize,
    /// How many bytes they take.
    pub(crate) bytes: usize,
}

/// An array as it is stored: its header, the memory that holds its elements, and where they start there.
pub(crate) struct Stored {
    pub(crate) header: Header,
    pub(crate) buffer: Arc<dyn Buffer>,
    pub(crate) offset: usize,
}

/// What the elements are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// As a tensor holds them.
    Plain(DType),
    /// Whole numbers of a width that tensors lack.
    I8,
    U16,
    I16,
    U32,
    U64,
    /// Text of so many UTF-32 units.
    Unicode(usize),
    /// Text of so many bytes.
    Bytes(usize),
}

impl Kind {
    fn parse(descr: &str) -> Result<Self, String> {
        let mut chars = descr.chars();
        let order = chars.next().unwrap_or(' ');
        let kind = chars.as_str();
        if kind.starts_with('O') {
            return Err("holds Python objects, which only pickle can read, and a pickle can run any program; expected numbers or \
                        fixed-width text (for text: array.astype(str))"
                .into());
        }
        let (letter, size) = kind.split_at_checked(1).unwrap_or((kind, ""));
        let size: usize = size
            .parse()
            .map_err(|_| format!("element type {descr:?} is not one that arrays here may have"))?;
        let found = match (letter, size) {
            ("b", 1) => Self::Plain(DType::Bool),
            ("u", 1) => Self::Plain(DType::U8),
            ("i", 4) => Self::Plain(DType::I32),
            ("i", 8) => Self::Plain(DType::I64),
            ("f", 2) => Self::Plain(DType::F16),
            ("f", 4) => Self::Plain(DType::F32),
            ("f", 8) => Self::Plain(DType::F64),
            ("i", 1) => Self::I8,
            ("i", 2) => Self::I16,
            ("u", 2) => Self::U16,
            ("u", 4) => Self::U32,
            ("u", 8) => Self::U64,
            ("U", 1..) => Self::Unicode(size),
            ("S", 1..) => Self::Bytes(size),
            _ => {
                return Err(format!(
                    "element type {descr:?} is not one that arrays here may have: bool, integers, float16/32/64, or text"
                ));
            }
        };
        match order {
            '<' | '|' => Ok(found),
            '>' if found.size() == Some(1) || matches!(found, Self::Bytes(_)) => Ok(found),
            '>' => Err(format!(
                "element type {descr:?} is big-endian; expected little-endian (array.astype(array.dtype.newbyteorder('<')))"
            )),
            _ => Err(format!("element type {descr:?} has no byte order")),
        }
    }

    /// Bytes per element; nothing where they overflow.
    pub(crate) fn size(self) -> Option<usize> {
        match self {
            Self::Plain(dtype) => Some(dtype.size()),
            Self::I8 => Some(1),
            Self::I16 | Self::U16 => Some(2),
            Self::U32 => Some(4),
            Self::U64 => Some(8),
            Self::Unicode(units) => units.checked_mul(4),
            Self::Bytes(bytes) => Some(bytes),
        }
    }
}

impl Header {
    /// Parses the header at the start of `file`, which may be cut off after [`HEAD`] bytes.
    pub(crate) fn parse(file: &[u8]) -> Result<Self, String> {
        let too_short = || "ends within its header".to_owned();
        if file.is_empty() {
            return Err("is empty; expected an npy array".into());
        }
        if !file.starts_with(b"\x93NUMPY") {
            return Err("is not an npy array (its first bytes are not those of the format)".into());
        }
        let major = *file.get(6).ok_or_else(too_short)?;
        let (start, length) = match (major, file.get(8..PREAMBLE)) {
            (1, _) => {
                let size = file.get(8..10).ok_or_else(too_short)?;
                (10, usize::from(u16::from_le_bytes([size[0], size[1]])))
            }
            (2 | 3, Some(size)) => (12, u32::from_le_bytes([size[0], size[1], size[2], size[3]]) as usize),
            (2 | 3, None) => return Err(too_short()),
            _ => return Err(format!("has version {major} of the npy format; expected 1, 2 or 3")),
        };
        if length > HEADER_LIMIT {
            return Err(format!("has a header of {length} bytes; expected at most {HEADER_LIMIT}"));
        }
        let text = file.get(start..start + length).ok_or_else(too_short)?;
        let text = std::str::from_utf8(text).map_err(|_| "has a header that is not text".to_owned())?;
        let (kind, fortran, shape) = Cursor(text).dictionary()?;
        let header = Self::new(kind, shape, start + length)?;
        if fortran && header.shape.iter().filter(|&&length| length > 1).count() > 1 {
            return Err("is stored in Fortran order; expected C order (numpy.ascontiguousarray)".into());
        }
        Ok(header)
    }

    /// Elements of this kind and shape that start at byte `offset`. Fails where no memory could hold them.
    pub(crate) fn new(kind: Kind, shape: Vec<usize>, offset: usize) -> Result<Self, String> {
        let elements = shape.iter().try_fold(1_usize, |product, &length| product.checked_mul(length));
        let bytes = elements.and_then(|n| n.checked_mul(kind.size()?));
        let Some(bytes) = bytes.filter(|&bytes| isize::try_from(bytes).is_ok()) else {
            return Err(format!("has the shape {shape:?}, which no memory can hold"));
        };
        if bytes == 0 {
            // Shapes such as (10¹⁸, 0) take no bytes and would still be counted through.
            return Err(format!("has the shape {shape:?}, which holds nothing"));
        }
        Ok(Self { kind, shape, offset, bytes })
    }

    /// Checks that exactly the promised elements follow the header in a file of this length.
    pub(crate) fn check_length(&self, file: u64) -> Result<(), String> {
        let there = file.saturating_sub(self.offset as u64);
        let promised = self.bytes as u64;
        match there.cmp(&promised) {
            std::cmp::Ordering::Less => Err(format!(
                "is truncated: its header promises {promised} bytes of elements (shape {:?}), {there} are there",
                self.shape
            )),
            std::cmp::Ordering::Greater => {
                Err(format!("has {} bytes after its last element; expected none", there - promised))
            }
            std::cmp::Ordering::Equal => Ok(()),
        }
    }

    /// The array whose elements start at byte `offset` of `buffer`: a view of it where type and alignment allow.
    pub(crate) fn tensor(&self, buffer: &Arc<dyn Buffer>, offset: usize) -> Result<Tensor, String> {
        let end = offset.checked_add(self.bytes).filter(|&end| end <= buffer.bytes().len());
        let end = end.ok_or("is truncated")?;
        let elements = &buffer.bytes()[offset..end];
        let made = match self.kind {
            Kind::Plain(dtype) if (elements.as_ptr() as usize).is_multiple_of(dtype.size()) => {
                Tensor::from_buffer(Arc::clone(buffer), dtype, &self.shape, offset)
            }
            Kind::Plain(dtype) => Tensor::from_bytes(elements, dtype, &self.shape),
            Kind::I8 => {
                Tensor::from_vec(elements.iter().map(|&b| i32::from(b.cast_signed())).collect(), &self.shape)
            }
            Kind::I16 => Tensor::from_vec(whole(elements, |b| i32::from(i16::from_le_bytes(b))), &self.shape),
            Kind::U16 => Tensor::from_vec(whole(elements, |b| i32::from(u16::from_le_bytes(b))), &self.shape),
            Kind::U32 => Tensor::from_vec(whole(elements, |b| i64::from(u32::from_le_bytes(b))), &self.shape),
            Kind::U64 => {
                let numbers: Result<Vec<i64>, _> =
                    whole(elements, u64::from_le_bytes).into_iter().map(i64::try_from).collect();
                Tensor::from_vec(numbers.map_err(|_| "holds a number above 2⁶³ − 1")?, &self.shape)
            }
            Kind::Unicode(_) | Kind::Bytes(_) => return Err("holds text; expected numbers".into()),
        };
        made.map_err(|e| e.to_string())
    }

    /// The entries of a one-dimensional array of text, in the elements' bytes. Errors name the row.
    pub(crate) fn texts(&self, elements: &[u8]) -> Result<Vec<String>, String> {
        let bad = |row: usize| format!("row {row} is not text in UTF-8 (bytes) or Unicode (array of str)");
        match self.kind {
            Kind::Unicode(units) => elements
                .chunks_exact(units * 4)
                .enumerate()
                .map(|(row, entry)| {
                    let text: Option<String> =
                        whole(entry, u32::from_le_bytes).into_iter().map(char::from_u32).collect();
                    Ok(text.ok_or_else(|| bad(row))?.trim_end_matches('\0').to_owned())
                })
                .collect(),
            Kind::Bytes(bytes) => elements
                .chunks_exact(bytes)
                .enumerate()
                .map(|(row, entry)| {
                    let text = std::str::from_utf8(entry).map_err(|_| bad(row))?;
                    Ok(text.trim_end_matches('\0').to_owned())
                })
                .collect(),
            _ => Err("holds numbers; expected text".into()),
        }
    }
}

/// The numbers of `N` bytes each in `elements`.
fn whole<const N: usize, T>(elements: &[u8], number: impl Fn([u8; N]) -> T) -> Vec<T> {
    elements.as_chunks::<N>().0.iter().map(|&bytes| number(bytes)).collect()
}

/// What is left to read of a header's text: `{'descr': '<f4', 'fortran_order': False, 'shape': (3, 4), }`.
struct Cursor<'a>(&'a str);

impl<'a> Cursor<'a> {
    fn dictionary(&mut self) -> Result<(Kind, bool, Vec<usize>), String> {
        let (mut kind, mut fortran, mut shape) = (None, None, None);
        self.expect('{')?;
        while !self.accept('}') {
            let key = self.quoted()?;
            self.expect(':')?;
            match key {
                "descr" => kind = Some(self.kind()?),
                "fortran_order" => fortran = Some(self.truth()?),
                "shape" => shape = Some(self.shape()?),
                _ => return Err(format!("has an unknown key {key:?} in its header")),
            }
            if !self.accept(',') {
                self.expect('}')?;
                break;
            }
        }
        match (kind, fortran, shape, self.0.trim()) {
            (Some(kind), Some(fortran), Some(shape), "") => Ok((kind, fortran, shape)),
            _ => {
                Err("has a header without `descr`, `fortran_order` and `shape`, or with more behind them"
                    .into())
            }
        }
    }

    fn accept(&mut self, wanted: char) -> bool {
        self.0 = self.0.trim_start();
        let rest = self.0.strip_prefix(wanted);
        self.0 = rest.unwrap_or(self.0);
        rest.is_some()
    }

    fn expect(&mut self, wanted: char) -> Result<(), String> {
        if self.accept(wanted) { Ok(()) } else { Err(format!("has a damaged header: expected {wanted:?}")) }
    }

    fn quoted(&mut self) -> Result<&'a str, String> {
        let quote = if self.accept('"') { '"' } else { '\'' };
        if quote == '\'' {
            self.expect(quote)?;
        }
        let (text, rest) =
            self.0.split_once(quote).ok_or("has a damaged header: a quotation mark is missing")?;
        self.0 = rest;
        Ok(text)
    }

    fn kind(&mut self) -> Result<Kind, String> {
        if self.accept('[') {
            return Err(
                "is a structured array; expected one element type (save each field as its own array)".into(),
            );
        }
        Kind::parse(self.quoted()?)
    }

    fn truth(&mut self) -> Result<bool, String> {
        self.0 = self.0.trim_start();
        for (word, value) in [("False", false), ("True", true)] {
            if let Some(rest) = self.0.strip_prefix(word) {
                self.0 = rest;
                return Ok(value);
            }
        }
        Err("has a damaged header: expected True or False".into())
    }

    fn shape(&mut self) -> Result<Vec<usize>, String> {
        self.expect('(')?;
        let mut shape = Vec::new();
        while !self.accept(')') {
            self.0 = self.0.trim_start();
            let digits = self.0.find(|c: char| !c.is_ascii_digit()).unwrap_or(self.0.len());
            let (number, rest) = self.0.split_at(digits);
            shape.push(
                number.parse().map_err(|_| format!("has a damaged header: {number:?} is no axis length"))?,
            );
            // Python 2 wrote long numbers as 3L.
            self.0 = rest.strip_prefix('L').unwrap_or(rest);
            if !self.accept(',') {
                self.expect(')')?;
                break;
            }
        }
        if shape.len() > 32 {
            return Err(format!("has {} axes; expected at most 32", shape.len()));
        }
        Ok(shape)
    }
}
