//! Tables of text: CSV with `,`, `;` or tabulators, as programs and as French spreadsheets write them.

use std::path::Path;

use csv::{ByteRecord, ReaderBuilder, StringRecord, Trim};
use paname_core::{Buffer, Error, Result, Tensor};

use crate::file::MappedFile;

/// A table with a header line, every row of the header's length, and the line in the file of every row.
pub(crate) struct Table {
    /// The file, for errors.
    place: String,
    header: StringRecord,
    records: Vec<StringRecord>,
    lines: Vec<u64>,
    /// Whether numbers may have a decimal comma.
    decimal_comma: bool,
}

impl Table {
    /// Reads a file with a header line. The separator is the one that the first line holds most of.
    pub(crate) fn read(path: &Path, place: &str) -> Result<Self> {
        Self::read_with(path, place, true)
    }

    /// Reads a file with or without a header line. Columns without a name are `column-1`, `column-2`, … by their position.
    pub(crate) fn read_with(path: &Path, place: &str, with_header: bool) -> Result<Self> {
        let file = MappedFile::open(path, place)?;
        let bytes = file.bytes();
        let bytes = bytes.strip_prefix(b"\xef\xbb\xbf").unwrap_or(bytes);
        if bytes.iter().all(u8::is_ascii_whitespace) {
            let expected = if with_header { "a line with the names of the columns" } else { "rows" };
            return Err(Error::data(place, format!("is empty; expected {expected}")));
        }
        let first = bytes.split(|&b| b == b'\n').find(|line| !line.trim_ascii().is_empty()).unwrap_or(bytes);
        let separator = separator(first);
        let mut reader = ReaderBuilder::new()
            .has_headers(false)
            .flexible(true)
            .delimiter(separator)
            .trim(Trim::All)
            .from_reader(bytes);
        let mut records = Vec::new();
        let mut lines = Vec::new();
        let mut record = ByteRecord::new();
        let mut header: Option<StringRecord> = None;
        loop {
            // The reader skips empty lines but its position says where the skipping began.
            let before = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            let mut line = reader.position().line();
            if !reader.read_byte_record(&mut record).map_err(|e| Error::data(place, e.to_string()))? {
                break;
            }
            let skipped =
                bytes.get(before..).unwrap_or_default().iter().take_while(|b| matches!(b, b'\n' | b'\r'));
            line += skipped.filter(|&&b| b == b'\n').count() as u64;
            let at = format!("{place} line {line}");
            let text = StringRecord::from_byte_record(record.clone()).map_err(|e| {
                let column = e.utf8_error().field();
                let name = header
                    .as_ref()
                    .and_then(|h| h.get(column))
                    .map_or_else(|| format!("column {}", column + 1), |name| format!("column `{name}`"));
                Error::data(format!("{at}, {name}"), "is not UTF-8 text; save the table as UTF-8")
            })?;
            let Some(header) = &header else {
                let name = |(i, name): (usize, &str)| {
                    if with_header && !name.is_empty() {
                        name.to_owned()
                    } else {
                        format!("column-{}", i + 1)
                    }
                };
                header = Some(text.iter().enumerate().map(name).collect::<Vec<_>>().into());
                if !with_header {
                    records.push(text);
                    lines.push(line);
                }
                continue;
            };
            if text.len() != header.len() {
                let first = if with_header { "header" } else { "first line" };
                let problem =
                    format!("has {} cells; expected {} as in the {first}", text.len(), header.len());
                return Err(Error::data(at, problem));
            }
            records.push(text);
            lines.push(line);
        }
        let header = header.unwrap_or_default();
        if records.is_empty() {
            return Err(Error::data(place, "has names of columns but no rows"));
        }
        Ok(Self { place: place.to_owned(), header, records, lines, decimal_comma: separator == b';' })
    }

    /// Number of rows.
    pub(crate) fn rows(&self) -> usize {
        self.records.len()
    }

    /// The names of the columns in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.header.iter()
    }

    /// Position of a column that may be missing.
    pub(crate) fn find(&self, name: &str) -> Result<Option<usize>> {
        let mut found = self.header.iter().enumerate().filter(|(_, column)| *column == name).map(|(i, _)| i);
        let first = found.next();
        if found.next().is_some() {
            return Err(Error::data(&self.place, format!("has two columns `{name}`")));
        }
        Ok(first)
    }

    /// Position of a column that must be there.
    pub(crate) fn column(&self, name: &str) -> Result<usize> {
        self.find(name)?.ok_or_else(|| {
            let there: Vec<&str> = self.header.iter().collect();
            Error::data(&self.place, format!("has no column `{name}`; there are: {}", there.join(", ")))
        })
    }

    /// A cell, without the spaces around it.
    pub(crate) fn text(&self, row: usize, column: usize) -> &str {
        self.records.get(row).and_then(|record| record.get(column)).unwrap_or_default()
    }

    /// The line of a row, from 1, as an editor shows it.
    pub(crate) fn line(&self, row: usize) -> u64 {
        self.lines.get(row).copied().unwrap_or_default()
    }

    /// Where a cell is, for errors.
    pub(crate) fn at(&self, row: usize, column: usize) -> String {
        format!(
            "{} line {}, column `{}`",
            self.place,
            self.line(row),
            self.header.get(column).unwrap_or_default()
        )
    }

    /// A cell as a number; `inf` and `nan` are numbers here. After `;` as the separator, a decimal comma is understood.
    pub(crate) fn number(&self, row: usize, column: usize) -> Result<f64> {
        let text = self.text(row, column);
        self.parse(text).ok_or_else(|| {
            let problem = if text.is_empty() { "is empty; expected a number" } else { "is not a number" };
            Error::data(self.at(row, column), problem)
        })
    }

    /// A text of this table as a number, if it is one.
    pub(crate) fn parse(&self, text: &str) -> Option<f64> {
        if self.decimal_comma && !text.contains('.') {
            return text.replacen(',', ".", 1).parse().ok();
        }
        text.parse().ok()
    }

    /// Columns as an array `[rows, …shape]`, with one column for each element of `shape`.
    pub(crate) fn numbers(&self, columns: &[usize], shape: &[usize]) -> Result<Tensor> {
        let mut numbers = Vec::with_capacity(self.rows() * columns.len());
        for row in 0..self.rows() {
            for &column in columns {
                numbers.push(self.number(row, column)?);
            }
        }
        Tensor::from_vec(numbers, &[&[self.rows()], shape].concat())
    }

    /// Every column but that of the ids as an array `[rows, columns]`. Columns whose names differ in a final number only are put in the order
    /// of these numbers, so that `p10` does not stand before `p2`; others stay as they are in the file.
    pub(crate) fn all_numbers(&self, id: &str) -> Result<Tensor> {
        let mut columns: Vec<usize> =
            (0..self.header.len()).filter(|&i| self.header.get(i) != Some(id)).collect();
        let numbered: Option<Vec<(&str, u32)>> =
            columns.iter().map(|&i| numbered(self.header.get(i).unwrap_or_default())).collect();
        if let Some(names) = numbered.filter(|names| names.windows(2).all(|pair| pair[0].0 == pair[1].0)) {
            let mut ordered: Vec<(u32, usize)> = names.iter().map(|name| name.1).zip(columns).collect();
            ordered.sort_unstable();
            if let Some(pair) = ordered.windows(2).find(|pair| pair[0].0 == pair[1].0) {
                return Err(Error::data(&self.place, format!("has two columns for number {}", pair[0].0)));
            }
            columns = ordered.into_iter().map(|(_, column)| column).collect();
        }
        if columns.is_empty() {
            return Err(Error::data(&self.place, format!("has no column besides `{id}`")));
        }
        self.numbers(&columns, &[columns.len()])
    }
}

/// `logit_12` as (`logit_`, 12).
fn numbered(name: &str) -> Option<(&str, u32)> {
    let prefix = name.trim_end_matches(|c: char| c.is_ascii_digit());
    Some((prefix, name[prefix.len()..].parse().ok()?))
}

/// The separator of which the header holds most outside quotation marks; the comma where it holds none.
fn separator(header: &[u8]) -> u8 {
    let count = |separator: u8| {
        let mut quoted = false;
        let outside = |&&b: &&u8| {
            quoted ^= b == b'"';
            b == separator && !quoted
        };
        header.iter().filter(outside).count()
    };
    [b'\t', b';', b','].into_iter().max_by_key(|&separator| count(separator)).unwrap_or(b',')
}
