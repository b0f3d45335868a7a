//! Tables: columns of mixed types that are shared and sliced without a copy. Their memory is laid out as Apache Arrow lays it out, so that they
//! cross library boundaries as they are.

use std::fmt;
use std::ops::Range;
use std::sync::Arc;

use crate::{Error, Result, Shared};

/// Named columns of equal length. Cloning and slicing share the memory.
#[derive(Clone, Default)]
pub struct Table {
    columns: Arc<[Column]>,
    rows: usize,
}

/// A column: its name and a value, or none, for each row.
#[derive(Clone)]
pub struct Column {
    name: Arc<str>,
    values: Values,
    /// One bit per row, least significant first: is there a value. Absent where there always is.
    validity: Option<Shared<u8>>,
    /// Number of the first row in the memory.
    offset: usize,
    rows: usize,
}

/// The memory of a column, from the first row that it was made with.
#[derive(Clone)]
#[non_exhaustive]
pub enum Values {
    /// Truth values, one bit each, least significant first.
    Booleans(Shared<u8>),
    /// Integers.
    Integers(Shared<i64>),
    /// Numbers.
    Numbers(Shared<f64>),
    /// UTF-8 texts after each other.
    Texts {
        /// Where each text begins, and where the last one ends.
        offsets: Shared<i64>,
        /// The texts.
        bytes: Shared<u8>,
    },
}

impl Table {
    /// Puts columns beside each other. Fails where they differ in length or two have one name.
    pub fn new(columns: Vec<Column>) -> Result<Self> {
        let rows = columns.first().map_or(0, Column::rows);
        let mut names = std::collections::HashSet::new();
        for column in &columns {
            if column.rows != rows {
                return Err(Error::mismatch(
                    format!("column {:?}", column.name()),
                    format!("{rows} rows"),
                    column.rows,
                ));
            }
            if !names.insert(column.name()) {
                return Err(Error::mismatch(
                    "columns",
                    "distinct names",
                    format!("{:?} twice", column.name()),
                ));
            }
        }
        Ok(Self { columns: columns.into(), rows })
    }

    /// A table that only counts.
    pub(crate) fn without_columns(rows: usize) -> Self {
        Self { columns: Arc::new([]), rows }
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The columns in order.
    pub fn columns(&self) -> &[Column] {
        &self.columns
    }

    /// The column of this name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name() == name)
    }

    /// These columns, in this order. Fails where there is no such column, or one is asked for twice.
    pub fn select(&self, names: &[&str]) -> Result<Self> {
        let column = |name: &&str| {
            let found = self.column(name).cloned();
            found.ok_or_else(|| Error::mismatch("columns", format!("one named {name:?}"), "none"))
        };
        let selected = Self::new(names.iter().map(column).collect::<Result<_>>()?)?;
        // Without a column, the number of rows is still known.
        Ok(Self { rows: self.rows, ..selected })
    }

    /// Rows `range`, sharing the memory.
    pub fn slice(&self, range: Range<usize>) -> Result<Self> {
        if range.start > range.end || range.end > self.rows {
            return Err(Error::mismatch(
                "rows",
                format!("a range within {}", self.rows),
                format!("{range:?}"),
            ));
        }
        let slice = |column: &Column| Column {
            offset: column.offset + range.start,
            rows: range.len(),
            ..column.clone()
        };
        Ok(Self { columns: self.columns.iter().map(slice).collect(), rows: range.len() })
    }
}

impl Column {
    /// Truth values, `None` for none.
    pub fn booleans<V: Into<Option<bool>>>(name: &str, values: Vec<V>) -> Self {
        Self::of(name, values, |values| Values::Booleans(bits(values.iter().map(|v| v == &Some(true)))))
    }

    /// Integers, `None` for none.
    pub fn integers<V: Into<Option<i64>>>(name: &str, values: Vec<V>) -> Self {
        let numbers = |values: &[Option<i64>]| values.iter().map(|v| v.unwrap_or_default()).collect();
        Self::of(name, values, |values| Values::Integers(numbers(values)))
    }

    /// Numbers, `None` for none.
    pub fn numbers<V: Into<Option<f64>>>(name: &str, values: Vec<V>) -> Self {
        let numbers = |values: &[Option<f64>]| values.iter().map(|v| v.unwrap_or_default()).collect();
        Self::of(name, values, |values| Values::Numbers(numbers(values)))
    }

    /// Texts, `None` for none.
    pub fn texts<V: Into<Option<String>>>(name: &str, values: Vec<V>) -> Self {
        Self::of(name, values, |values| {
            let (mut offsets, mut bytes) = (vec![0], Vec::new());
            for value in values {
                bytes.extend_from_slice(value.as_deref().unwrap_or_default().as_bytes());
                offsets.push(bytes.len() as i64);
            }
            Values::Texts { offsets: offsets.into(), bytes: bytes.into() }
        })
    }

    fn of<T, V: Into<Option<T>>>(
        name: &str,
        values: Vec<V>,
        memory: impl Fn(&[Option<T>]) -> Values,
    ) -> Self {
        let values: Vec<Option<T>> = values.into_iter().map(Into::into).collect();
        let missing = values.iter().any(Option::is_none);
        let validity = missing.then(|| bits(values.iter().map(Option::is_some)));
        Self { name: name.into(), values: memory(&values), validity, offset: 0, rows: values.len() }
    }

    /// A column over memory that is already laid out and checked.
    pub(crate) fn from_memory(
        name: &str,
        values: Values,
        validity: Option<Shared<u8>>,
        offset: usize,
        rows: usize,
    ) -> Self {
        Self { name: name.into(), values, validity, offset, rows }
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Number of rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// The memory, of which this column may use a part.
    pub fn values(&self) -> &Values {
        &self.values
    }

    /// One bit per row of the memory, least significant first: is there a value. None where there always is.
    pub fn validity(&self) -> Option<&Shared<u8>> {
        self.validity.as_ref()
    }

    /// Where in the memory the first row lies; as many as there are rows follow.
    pub fn offset(&self) -> usize {
        self.offset
    }

    /// Where a row lies in the memory, if it is one and has a value.
    fn place(&self, row: usize) -> Option<usize> {
        let place = (row < self.rows).then(|| self.offset + row)?;
        let valid = self.validity.as_ref().is_none_or(|validity| bit(validity, place) == Some(true));
        valid.then_some(place)
    }

    /// Whether a row has no value.
    pub fn is_missing(&self, row: usize) -> bool {
        self.place(row).is_none()
    }

    /// The truth value of a row, where it has one.
    pub fn boolean(&self, row: usize) -> Option<bool> {
        match &self.values {
            Values::Booleans(values) => bit(values, self.place(row)?),
            _ => None,
        }
    }

    /// The integer of a row, where it has one.
    pub fn integer(&self, row: usize) -> Option<i64> {
        match &self.values {
            Values::Integers(values) => values.get(self.place(row)?).copied(),
            _ => None,
        }
    }

    /// The number of a row, where it has one; integers count.
    pub fn number(&self, row: usize) -> Option<f64> {
        match &self.values {
            Values::Numbers(values) => values.get(self.place(row)?).copied(),
            _ => self.integer(row).map(|integer| integer as f64),
        }
    }

    /// The text of a row, where it has one.
    pub fn text(&self, row: usize) -> Option<&str> {
        match &self.values {
            Values::Texts { offsets, bytes } => {
                let place = self.place(row)?;
                let (start, end) = (*offsets.get(place)?, *offsets.get(place + 1)?);
                let text = bytes.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)?;
                std::str::from_utf8(text).ok()
            }
            _ => None,
        }
    }

    /// What the values are, in a word.
    pub fn kind(&self) -> &'static str {
        match self.values {
            Values::Booleans(_) => "booleans",
            Values::Integers(_) => "integers",
            Values::Numbers(_) => "numbers",
            Values::Texts { .. } => "texts",
        }
    }
}

fn bits(values: impl ExactSizeIterator<Item = bool>) -> Shared<u8> {
    let mut bytes = vec![0_u8; values.len().div_ceil(8)];
    for (i, _) in values.enumerate().filter(|(_, value)| *value) {
        bytes[i / 8] |= 1 << (i % 8);
    }
    bytes.into()
}

fn bit(bytes: &[u8], place: usize) -> Option<bool> {
    bytes.get(place / 8).map(|byte| byte >> (place % 8) & 1 == 1)
}

impl fmt::Debug for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Table({} rows, {:?})", self.rows, self.columns)
    }
}

impl fmt::Debug for Column {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be personal data: only the header is printed.
        write!(f, "{}: {}", self.name, self.kind())
    }
}
