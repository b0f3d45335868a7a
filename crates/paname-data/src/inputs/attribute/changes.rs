//! What of an input becomes another with another value of the attribute.

use std::fmt;
use std::sync::Arc;

use paname_core::{Column, DType, Error, Features, Input, Result, Table, Tensor, Values};

use super::super::schema::{ColumnKind, ColumnSchema};
use super::super::standard::Standard;
use super::sheet::{Cell, Field, to_element};
use crate::file::Decoded;

/// How inputs are changed so that their records have another value of the attribute; nothing else of them changes, in no bit.
#[derive(Clone)]
pub struct Changes {
    candidates: usize,
    patch: Patch,
}

#[derive(Clone)]
enum Patch {
    /// Pieces of rows.
    Bytes {
        dtype: DType,
        /// Elements of a row.
        width: usize,
        /// First byte and number of bytes of each piece.
        pieces: Vec<(usize, usize)>,
        /// For each candidate, the pieces behind each other.
        bytes: Vec<u8>,
    },
    /// Columns of a table, with a row for each candidate.
    Columns { columns: Vec<Column>, width: usize },
}

impl Changes {
    /// For rows of numbers `[records, width]` that are made of a table: for each column of the attribute, where its places begin, and its values.
    pub(super) fn of_encoded(width: usize, candidates: usize, parts: &[(usize, Vec<f32>)]) -> Self {
        let size = DType::F32.size();
        let each = |values: &Vec<f32>| values.len() / candidates.max(1);
        let pieces = parts.iter().map(|(start, values)| (start * size, each(values) * size)).collect();
        let of_candidate = |candidate: usize| {
            parts.iter().flat_map(move |(_, values)| {
                let each = values.len() / candidates.max(1);
                &values[candidate * each..(candidate + 1) * each]
            })
        };
        let bytes = (0..candidates).flat_map(of_candidate).flat_map(|value| value.to_ne_bytes()).collect();
        Self { candidates, patch: Patch::Bytes { dtype: DType::F32, width, pieces, bytes } }
    }

    /// For rows of an array: the columns of the attribute, and their numbers for each candidate.
    pub(super) fn of_array(array: &Tensor, columns: &[usize], candidates: &[Vec<Cell>]) -> Result<Self> {
        let (dtype, width) = (array.dtype(), array.shape().get(1).copied().unwrap_or_default());
        let mut bytes = Vec::new();
        for cell in candidates.iter().flatten() {
            let number = cell.number();
            let element = to_element(number, dtype).ok_or_else(|| {
                let expected = format!("a number that elements of type {dtype:?} can be");
                Error::mismatch("a candidate value of the attribute", expected, number)
            })?;
            bytes.extend(element);
        }
        let size = dtype.size();
        let pieces = columns.iter().map(|column| (column * size, size)).collect();
        Ok(Self { candidates: candidates.len(), patch: Patch::Bytes { dtype, width, pieces, bytes } })
    }

    /// For a table of so many columns: the columns of the attribute, with a row for each candidate.
    pub(super) fn of_columns(columns: Vec<Column>, candidates: usize, width: usize) -> Self {
        Self { candidates, patch: Patch::Columns { columns, width } }
    }

    /// Number of candidates.
    pub fn candidates(&self) -> usize {
        self.candidates
    }

    /// The inputs of these rows of `inputs` as they would be with a candidate: [`Input::Tensor`] or [`Input::Table`]. The inputs are those that the
    /// attribute was read with, or rows of them in any order.
    pub fn apply(&self, inputs: &Features, rows: &[u32], candidate: usize) -> Result<Input> {
        if candidate >= self.candidates {
            let expected = format!("below {}", self.candidates);
            return Err(Error::mismatch("candidate of the attribute", expected, candidate));
        }
        match (inputs, &self.patch) {
            (Features::Tensor(tensor), Patch::Bytes { dtype, width, pieces, bytes })
                if tensor.dtype() == *dtype && tensor.shape().get(1..) == Some(&[*width][..]) =>
            {
                within(rows, tensor.rows())?;
                let each = bytes.len() / self.candidates;
                let patch = &bytes[candidate * each..(candidate + 1) * each];
                patched(tensor, rows, width * dtype.size(), pieces, patch).map(Input::Tensor)
            }
            (Features::Table(table), Patch::Columns { columns, width })
                if table.columns().len() == *width =>
            {
                within(rows, table.rows())?;
                replaced(table, rows, columns, candidate).map(Input::Table)
            }
            _ => Err(Error::mismatch("inputs", "those that the attribute was read with", "others")),
        }
    }
}

impl fmt::Debug for Changes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be personal data: only the header is printed.
        let what = match &self.patch {
            Patch::Bytes { pieces, .. } => pieces.len(),
            Patch::Columns { columns, .. } => columns.len(),
        };
        write!(f, "Changes({} candidates, {what} columns)", self.candidates)
    }
}

fn within(rows: &[u32], there: usize) -> Result<()> {
    match rows.iter().find(|&&row| row as usize >= there) {
        Some(row) => Err(Error::mismatch("rows", format!("below {there}"), row)),
        None => Ok(()),
    }
}

/// One pass over the rows, which are in range: each is copied and its pieces written.
fn patched(
    tensor: &Tensor,
    rows: &[u32],
    width: usize,
    pieces: &[(usize, usize)],
    patch: &[u8],
) -> Result<Tensor> {
    let elements = tensor.bytes()?;
    let total = rows.len().checked_mul(width);
    let changed = total.ok_or_else(|| "no memory can hold the rows".to_owned()).and_then(Decoded::zeros);
    let mut changed = changed.map_err(Error::Other)?;
    for (&row, copy) in rows.iter().zip(changed.bytes_mut().chunks_exact_mut(width.max(1))) {
        let start = row as usize * width;
        copy.copy_from_slice(&elements[start..start + width]);
        let mut rest = patch;
        for &(start, length) in pieces {
            let (piece, behind) = rest.split_at(length);
            copy[start..start + length].copy_from_slice(piece);
            rest = behind;
        }
    }
    let shape = [&[rows.len()], tensor.shape().get(1..).unwrap_or_default()].concat();
    Tensor::from_buffer(Arc::new(changed), tensor.dtype(), &shape, 0)
}

fn replaced(table: &Table, rows: &[u32], columns: &[Column], candidate: usize) -> Result<Table> {
    let consecutive = rows.windows(2).all(|pair| pair[0].checked_add(1) == Some(pair[1]));
    let slice = match rows.first() {
        Some(&first) if consecutive => Some(table.slice(first as usize..first as usize + rows.len())?),
        _ => None,
    };
    let column = |(position, column): (usize, &Column)| match columns
        .iter()
        .find(|changed| changed.name() == column.name())
    {
        Some(changed) => gather(changed, std::iter::repeat_n(candidate, rows.len())),
        None => match &slice {
            Some(slice) => slice.columns()[position].clone(),
            None => gather(column, rows.iter().map(|&row| row as usize)),
        },
    };
    Table::new(table.columns().iter().enumerate().map(column).collect())
}

/// These rows of a column.
fn gather(column: &Column, rows: impl Iterator<Item = usize>) -> Column {
    let name = column.name();
    let (offset, whole) = (column.offset(), column.validity().is_none());
    match column.values() {
        Values::Integers(values) if whole => {
            Column::integers(name, rows.map(|row| values[offset + row]).collect::<Vec<i64>>())
        }
        Values::Numbers(values) if whole => {
            Column::numbers(name, rows.map(|row| values[offset + row]).collect::<Vec<f64>>())
        }
        Values::Integers(_) => {
            Column::integers(name, rows.map(|row| column.integer(row)).collect::<Vec<_>>())
        }
        Values::Numbers(_) => Column::numbers(name, rows.map(|row| column.number(row)).collect::<Vec<_>>()),
        Values::Booleans(_) => {
            Column::booleans(name, rows.map(|row| column.boolean(row)).collect::<Vec<_>>())
        }
        _ => Column::texts(name, rows.map(|row| column.text(row).map(str::to_owned)).collect::<Vec<_>>()),
    }
}

impl Cell {
    fn number(&self) -> f64 {
        match self {
            Self::Truth(truth) => f64::from(u8::from(*truth)),
            Self::Number(number) => *number,
            Self::Text(_) => f64::NAN,
        }
    }
}

/// A column of these values, as the inputs have it.
pub(super) fn column_of(field: &Field<'_>, cells: &[&Cell]) -> Column {
    let (name, numbers) = (&field.name, cells.iter().map(|cell| cell.number()));
    match field.kind {
        ColumnKind::Whole => Column::integers(name, numbers.map(|number| number as i64).collect::<Vec<_>>()),
        ColumnKind::Real => Column::numbers(name, numbers.collect::<Vec<_>>()),
        ColumnKind::Truth => Column::booleans(name, numbers.map(|number| number == 1.0).collect::<Vec<_>>()),
        ColumnKind::Category | ColumnKind::Text | ColumnKind::Ignored => {
            let text = |cell: &&Cell| match cell {
                Cell::Text(text) => text.clone(),
                _ => String::new(),
            };
            Column::texts(name, cells.iter().map(text).collect::<Vec<_>>())
        }
    }
}

/// A column of one value for each candidate, as numbers.
pub(super) fn encoded(
    schema: &ColumnSchema,
    column: &Column,
    standard: Option<Standard>,
) -> Result<Vec<f32>> {
    let width = schema.width();
    let mut values = vec![0.0; column.rows() * width];
    schema.encode(column, standard, values.chunks_exact_mut(width))?;
    Ok(values)
}
