//! References to arrays, as written in manifests, and reading what they name.

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use paname_core::{Buffer, DType, Error, Result, Tensor};

use crate::file::MappedFile;
use crate::list::text_serde;
use crate::npy::{Header, Kind, Stored};
use crate::table::Table;
use crate::{idx, npz};

/// Where an array is: `file.npy`, `file.npz#member`, `file.csv#column`, `file.csv` for all its columns but the ids, or an IDX file (`file.idx`,
/// `train-labels-idx1-ubyte`, both also with `.gz`); a number in brackets at the end, as in `file.npz#member[3]`, takes one step of the leading
/// axis.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ArrayRef {
    path: PathBuf,
    name: Option<String>,
    index: Option<usize>,
    format: Format,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Format {
    Npy,
    Npz,
    Csv,
    Idx,
}

impl ArrayRef {
    /// The file, as written: relative paths start at the manifest's folder.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The member of an archive or the column of a table.
    pub fn name(&self) -> Option<&str> {
        self.name.as_deref()
    }

    /// The step of the leading axis.
    pub fn index(&self) -> Option<usize> {
        self.index
    }

    pub(crate) fn format(&self) -> Format {
        self.format
    }

    /// Whether the text holds `{model}`.
    pub(crate) fn is_pattern(&self) -> bool {
        self.to_string().contains("{model}")
    }

    /// This reference with the number of a model in place of `{model}`.
    pub(crate) fn for_model(&self, model: usize) -> Result<Self> {
        self.to_string().replace("{model}", &model.to_string()).parse()
    }

    /// Whether a text in a manifest names an array rather than a column: it holds a `#`, ends in `.npy` or is named like an IDX file.
    pub(crate) fn is_array_text(text: &str) -> bool {
        let file = split_index(text).0;
        text.contains('#') || file.to_ascii_lowercase().ends_with(".npy") || idx::is_name(file)
    }
}

fn extension(path: &str) -> Option<String> {
    Path::new(path).extension().and_then(|e| e.to_str()).map(str::to_ascii_lowercase)
}

/// The format of a file of this name, where files of such names are read.
fn format(path: &str) -> Option<Format> {
    match extension(path).as_deref() {
        Some("npy") => Some(Format::Npy),
        Some("npz") => Some(Format::Npz),
        Some("csv" | "tsv" | "txt") => Some(Format::Csv),
        _ => idx::is_name(path).then_some(Format::Idx),
    }
}

/// Splits `[3]` off the end.
fn split_index(text: &str) -> (&str, Option<usize>) {
    let index = text.strip_suffix(']').and_then(|rest| rest.rsplit_once('['));
    match index.and_then(|(rest, digits)| Some((rest, digits.parse().ok()?))) {
        Some((rest, index)) => (rest, Some(index)),
        None => (text, None),
    }
}

impl FromStr for ArrayRef {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let wrong = |why: &str| {
            Err(Error::Config(format!(
                "array {text:?}: {why}; expected `file.npy`, `file.npz#member`, `file.csv#column` or an IDX file such as \
                 `train-labels-idx1-ubyte.gz`, each with `[3]` at the end where one step of the leading axis is meant"
            )))
        };
        let (rest, index) = split_index(text);
        // A `#` after anything but a known kind of file is part of a file's name.
        let split = rest.rsplit_once('#').filter(|(path, _)| format(path).is_some());
        let (path, name) = split.map_or((rest, None), |(path, name)| (path, Some(name)));
        let format = match (format(path), name) {
            (Some(Format::Npy), Some(_)) => return wrong("an npy file holds one array without a name"),
            (Some(Format::Idx), Some(_)) => return wrong("an IDX file holds one array without a name"),
            (Some(format), _) => format,
            (None, _) => {
                return match extension(path).as_deref() {
                    Some("pkl" | "pickle" | "pt" | "pth" | "bin") => {
                        wrong("files that hold a pickle are not read, since a pickle can run any program")
                    }
                    _ => wrong("unknown kind of file"),
                };
            }
        };
        match name {
            Some("") => wrong("the name after `#` is missing"),
            _ => Ok(Self { path: PathBuf::from(path), name: name.map(str::to_owned), index, format }),
        }
    }
}

impl fmt::Display for ArrayRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.path.display())?;
        if let Some(name) = &self.name {
            write!(f, "#{name}")?;
        }
        self.index.map_or(Ok(()), |index| write!(f, "[{index}]"))
    }
}

text_serde!(
    ArrayRef,
    "`file.npy`, `file.npz#member`, `file.csv#column`, `file.csv`, or an IDX file such as `train-labels-idx1-ubyte.gz`; with `[3]` at the end, one step of the leading axis"
);

/// Where the ids of an array's rows are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdSource {
    /// The user states that the rows are numbered: their ids are the prefix followed by 0, 1, …
    RowNumber {
        /// What the numbers follow; often empty.
        prefix: String,
    },
    /// An array of text or whole numbers, or a column.
    Array(ArrayRef),
}

impl IdSource {
    /// The ids of `rows` rows of the array `of`, which errors name.
    pub(crate) fn read(&self, base: &Path, rows: usize, of: &str) -> Result<Vec<String>> {
        match self {
            Self::RowNumber { prefix } => Ok((0..rows).map(|row| format!("{prefix}{row}")).collect()),
            Self::Array(array) => {
                let ids = read_strings(base, array)?;
                if ids.len() != rows {
                    let expected = format!("{rows} as in {of}");
                    return Err(Error::mismatch(format!("{array}, ids of rows"), expected, ids.len()));
                }
                Ok(ids)
            }
        }
    }
}

impl FromStr for IdSource {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        match text.strip_prefix("row-number") {
            Some("") => Ok(Self::RowNumber { prefix: String::new() }),
            Some(prefix) if prefix.starts_with(':') => Ok(Self::RowNumber { prefix: prefix[1..].to_owned() }),
            _ => text.parse().map(Self::Array),
        }
    }
}

impl fmt::Display for IdSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::RowNumber { prefix } if prefix.is_empty() => f.write_str("row-number"),
            Self::RowNumber { prefix } => write!(f, "row-number:{prefix}"),
            Self::Array(array) => array.fmt(f),
        }
    }
}

text_serde!(
    IdSource,
    "`row-number`, `row-number:PREFIX`, or an array of ids such as `file.npz#ids` or `file.csv#id`"
);

/// Reads an array of numbers. npy files, IDX files of bytes, and npz members stored uncompressed and aligned, are views of the mapped file; what is
/// packed is verified against its checksum. Columns of a table are double precision. Errors name file, member and, in tables, line and column.
pub fn read_array(base: &Path, array: &ArrayRef) -> Result<Tensor> {
    let whole = if let Some(Stored { header, buffer, offset }) = open(base, array)? {
        header.tensor(&buffer, offset).map_err(|problem| Error::data(array, problem))?
    } else {
        let table = Table::read(&base.join(&array.path), &array.path.display().to_string())?;
        match array.name() {
            Some(column) => table.numbers(&[table.column(column)?], &[])?,
            None => table.all_numbers("id")?,
        }
    };
    take_index(whole, array)
}

fn take_index(whole: Tensor, array: &ArrayRef) -> Result<Tensor> {
    let Some(index) = array.index else { return Ok(whole) };
    whole.index(index).map_err(|_| {
        let problem =
            format!("there is no step {index} of the leading axis in the shape {:?}", whole.shape());
        Error::data(array, problem)
    })
}

/// Opens what holds an array; nothing for the columns of a table.
fn open(base: &Path, array: &ArrayRef) -> Result<Option<Stored>> {
    let place = array.to_string();
    let path = base.join(&array.path);
    match array.format {
        Format::Npy => {
            let file = MappedFile::open(&path, &place)?;
            let header = Header::parse(file.bytes()).map_err(|problem| Error::data(&place, problem))?;
            let length = file.bytes().len() as u64;
            header.check_length(length).map_err(|problem| Error::data(&place, problem))?;
            let offset = header.offset;
            Ok(Some(Stored { header, buffer: file, offset }))
        }
        Format::Npz => npz::read_member(&path, array.name(), &place).map(Some),
        Format::Idx => idx::read(&path, &place).map(Some),
        Format::Csv => Ok(None),
    }
}

/// Reads a list of names: a one-dimensional array of text (`U`, `S`) or of whole numbers, or the column of a table.
pub fn read_strings(base: &Path, array: &ArrayRef) -> Result<Vec<String>> {
    let place = array.to_string();
    let Some(Stored { header, buffer, offset }) = open(base, array)? else {
        let Some(column) = array.name() else {
            return Err(Error::data(&place, "is a table; name one column as `file.csv#column`"));
        };
        let table = Table::read(&base.join(&array.path), &array.path.display().to_string())?;
        let column = table.column(column)?;
        return Ok((0..table.rows()).map(|row| table.text(row, column).to_owned()).collect());
    };
    match header.kind {
        Kind::Unicode(_) | Kind::Bytes(_) => {
            if header.shape.len() != 1 || array.index.is_some() {
                return Err(Error::mismatch(
                    place,
                    "a list of texts (one axis)",
                    format!("shape {:?}", header.shape),
                ));
            }
            let elements = buffer.bytes().get(offset..).and_then(|rest| rest.get(..header.bytes));
            let elements = elements.ok_or_else(|| Error::data(&place, "is truncated"))?;
            header.texts(elements).map_err(|problem| Error::data(&place, problem))
        }
        _ => {
            let numbers = header.tensor(&buffer, offset).map_err(|problem| Error::data(&place, problem))?;
            let numbers = take_index(numbers, array)?;
            if numbers.shape().len() != 1 || !is_whole(numbers.dtype()) {
                let got = format!("{numbers:?}");
                return Err(Error::mismatch(place, "a list of texts or whole numbers (one axis)", got));
            }
            Ok(numbers.to_i64()?.iter().map(i64::to_string).collect())
        }
    }
}

pub(crate) fn is_whole(dtype: DType) -> bool {
    matches!(dtype, DType::U8 | DType::I32 | DType::I64)
}
