//! The inputs of the records, column by column, whether they lie in a table or in an array.

use std::collections::HashMap;
use std::sync::Arc;

use half::{bf16, f16};
use paname_core::{Column, DType, Error, Result, Tensor};

use super::super::arrays::Arrays;
use super::super::group::prefix;
use super::super::schema::{ColumnKind, TableSchema};
use super::super::tabular::{Loaded, positions};
use crate::table::Table;

/// More names of columns than this are not listed in an error.
const NAMES_SHOWN: usize = 40;
/// Whole numbers from here on may not be told apart in double precision.
const EXACT_BELOW: f64 = 9_007_199_254_740_992.0;

/// The inputs of the records.
pub(super) struct Sheet<'a> {
    /// The file, for errors.
    pub(super) place: String,
    /// The inputs, in their order.
    pub(super) fields: Vec<Field<'a>>,
    /// Columns that are no inputs, and why.
    apart: Vec<(String, &'static str)>,
    /// Number of records.
    pub(super) records: usize,
    /// The row in the file of each record.
    rows: Arc<[u32]>,
    /// The file, where it is a table.
    table: Option<&'a Table>,
}

/// A column of the inputs.
pub(super) struct Field<'a> {
    pub(super) name: String,
    /// What its values are; of an array, numbers.
    pub(super) kind: ColumnKind,
    categories: &'a [String],
    /// The one-hot group that it is of.
    group: Option<&'a str>,
    /// Where it is among the columns of the file.
    position: usize,
    cells: Cells<'a>,
}

enum Cells<'a> {
    Column(&'a Column),
    Array { elements: &'a [u8], dtype: DType, width: usize },
}

/// A value.
#[derive(Clone)]
pub(super) enum Cell {
    Truth(bool),
    Number(f64),
    Text(String),
}

/// A column as numbers of its values.
pub(super) struct Coded {
    pub(super) cells: Vec<Cell>,
    pub(super) names: Vec<String>,
    /// The value of each record, where it has one.
    pub(super) codes: Vec<Option<u32>>,
}

impl<'a> Sheet<'a> {
    /// The columns of a table whose column of ids is `id`, if one is.
    pub(super) fn of_table(loaded: &'a Loaded, id: Option<&str>, place: String) -> Result<Self> {
        let positions = positions(&loaded.table)?;
        let TableSchema { columns } = &loaded.schema;
        let mut apart: Vec<(String, &'static str)> =
            id.iter().map(|&id| (id.to_owned(), "holds the ids of the records")).collect();
        let mut fields = Vec::new();
        for schema in columns {
            let name = schema.name.clone();
            let position = positions[name.as_str()];
            if schema.kind == ColumnKind::Ignored {
                let why = match (name.as_str(), schema.guessed) {
                    ("member", _) => "tells who is in the training set and is no input",
                    (_, true) => "holds no value",
                    (_, false) => {
                        "is no input of the models, as `columns` or the list of the records says; an attribute is one of their inputs"
                    }
                };
                apart.push((name, why));
                continue;
            }
            let column = loaded.columns.column(&name);
            let column =
                column.ok_or_else(|| Error::mismatch("inputs", format!("a column {name:?}"), "none"))?;
            fields.push(Field {
                name,
                kind: schema.kind,
                categories: &schema.categories,
                group: schema.group.as_deref(),
                position,
                cells: Cells::Column(column),
            });
        }
        Ok(Self {
            place,
            fields,
            apart,
            records: loaded.rows.len(),
            rows: Arc::clone(&loaded.rows),
            table: Some(&loaded.table),
        })
    }

    /// The columns of an array `[records, width]`, which are `column-1`, `column-2`, …
    pub(super) fn of_array(tensor: &'a Tensor, rows: Arc<[u32]>, arrays: &Arrays<'_>) -> Result<Self> {
        let place = arrays.place();
        let &[records, width] = tensor.shape() else {
            let problem = format!(
                "has records of shape {:?}; an attribute takes a table, or an array of two dimensions whose columns are column-1, column-2, …",
                &tensor.shape()[1..]
            );
            return Err(Error::data(place, problem));
        };
        let elements = tensor.bytes()?;
        let field = |position| Field {
            name: format!("column-{}", position + 1),
            kind: ColumnKind::Real,
            categories: &[],
            group: None,
            position,
            cells: Cells::Array { elements, dtype: tensor.dtype(), width },
        };
        let fields = (0..width).map(field).collect();
        Ok(Self { place, fields, apart: Vec::new(), records, rows, table: None })
    }

    /// The positions of the inputs of these names, and whether they are one-hot: the beginning of the names of a one-hot group, alone, stands for
    /// its columns. A group is an attribute as a whole or not at all, since the others of its columns would tell the value.
    pub(super) fn resolve(&self, names: &[String], one_hot: bool) -> Result<(Vec<usize>, bool)> {
        if let [name] = names
            && let Some(columns) = self.group(name)
        {
            return Ok((columns, true));
        }
        let columns = names.iter().map(|name| self.find(name)).collect::<Result<Vec<_>>>()?;
        for &column in &columns {
            let Field { name, group, .. } = &self.fields[column];
            let Some(group) = group else { continue };
            let mut members = self.fields.iter().enumerate().filter(|(_, field)| field.group == Some(group));
            if members.any(|(position, _)| !columns.contains(&position)) {
                let problem = format!(
                    "is one of the columns `{group}`, of which exactly one is 1 in every row, so that the others tell its value; expected \
                     columns = [{group:?}], which stands for all of them"
                );
                return Err(Error::data(self.column(name), problem));
            }
        }
        Ok((columns, one_hot))
    }

    /// The columns of the group of this name, where no column has the name.
    fn group(&self, name: &str) -> Option<Vec<usize>> {
        let is_input = self.fields.iter().any(|field| field.name == name);
        if is_input || self.apart.iter().any(|(apart, _)| apart == name) {
            return None;
        }
        let of = |belongs: &dyn Fn(&Field<'_>) -> bool| {
            let fields = self.fields.iter().enumerate().filter(|(_, field)| belongs(field));
            Some(fields.map(|(position, _)| position).collect::<Vec<_>>()).filter(|found| found.len() > 1)
        };
        let numbers = |kind| !matches!(kind, ColumnKind::Category | ColumnKind::Text);
        // Of a group that breaks the rule somewhere, the error of the place is better than that there is none.
        of(&|field| field.group == Some(name))
            .or_else(|| of(&|field| prefix(&field.name) == Some(name) && numbers(field.kind)))
    }

    /// The position of an input, which must be one.
    fn find(&self, name: &str) -> Result<usize> {
        if let Some(found) = self.fields.iter().position(|field| field.name == name) {
            return Ok(found);
        }
        if let Some((_, why)) = self.apart.iter().find(|(apart, _)| apart == name) {
            return Err(Error::data(self.column(name), *why));
        }
        let there: Vec<&str> = self.fields.iter().map(|field| field.name.as_str()).collect();
        let there = match &there[..] {
            [first, .., last] if there.len() > NAMES_SHOWN => {
                format!("{first} to {last}, {} in all", there.len())
            }
            there => there.join(", "),
        };
        Err(Error::data(&self.place, format!("has no input `{name}`; there are: {there}")))
    }

    /// What a column is called in errors.
    pub(super) fn column(&self, name: &str) -> String {
        format!("{}, column `{name}`", self.place)
    }

    /// Where a cell is.
    pub(super) fn at(&self, record: usize, field: &Field<'_>) -> String {
        format!("{}, column `{}`", self.line(record), field.name)
    }

    /// Where a record is.
    pub(super) fn line(&self, record: usize) -> String {
        let row = self.rows.get(record).copied().unwrap_or_default() as usize;
        match self.table {
            Some(table) => format!("{} line {}", self.place, table.line(row)),
            None => format!("{} row {row}", self.place),
        }
    }

    /// What the values of a column are, of an array too.
    pub(super) fn kind(&self, field: &Field<'_>) -> ColumnKind {
        if !field.is_array() {
            return field.kind;
        }
        let mut kind = ColumnKind::Truth;
        for number in (0..self.records).filter_map(|record| field.number(record)) {
            if number.fract() != 0.0 {
                return ColumnKind::Real;
            }
            if number != 0.0 && number != 1.0 {
                kind = ColumnKind::Whole;
            }
        }
        kind
    }

    /// The values of a column and which record has which: categories in their order, whether or not they occur, and no before yes; of numbers those
    /// that occur, by size.
    pub(super) fn coded(&self, field: &Field<'_>) -> Result<Coded> {
        match self.kind(field) {
            ColumnKind::Category => Ok(self.coded_category(field)),
            ColumnKind::Truth => Ok(self.coded_truth(field)),
            ColumnKind::Whole | ColumnKind::Real => self.coded_number(field),
            ColumnKind::Text | ColumnKind::Ignored => Err(self.free_text(field)),
        }
    }

    /// The error of a column that an attribute cannot be made of.
    pub(super) fn free_text(&self, field: &Field<'_>) -> Error {
        let name = &field.name;
        let problem = format!(
            "holds text, whose values cannot come into question one by one; where they are few, write columns = {{ {name:?} = \"category\" }}"
        );
        Error::data(self.column(name), problem)
    }

    fn coded_category(&self, field: &Field<'_>) -> Coded {
        let names = field.categories.to_vec();
        let cells = names.iter().cloned().map(Cell::Text).collect();
        Coded { cells, names, codes: field.categories(self.records) }
    }

    fn coded_truth(&self, field: &Field<'_>) -> Coded {
        let codes: Vec<Option<u32>> =
            (0..self.records).map(|record| Some(u32::from(field.number(record)? == 1.0))).collect();
        let name = |code: u32| self.spelling(field, &codes, code).unwrap_or_else(|| code.to_string());
        let names = vec![name(0), name(1)];
        let cells = if field.is_array() {
            vec![Cell::Number(0.0), Cell::Number(1.0)]
        } else {
            vec![Cell::Truth(false), Cell::Truth(true)]
        };
        Coded { cells, names, codes }
    }

    /// The text that the file has for a truth value, if it is always the same.
    fn spelling(&self, field: &Field<'_>, codes: &[Option<u32>], code: u32) -> Option<String> {
        let table = self.table?;
        let of_code = self.rows.iter().zip(codes).filter(|(_, known)| **known == Some(code));
        let mut texts = of_code.map(|(&row, _)| table.text(row as usize, field.position));
        let first = texts.next()?;
        texts.all(|text| text == first).then(|| first.to_owned())
    }

    fn coded_number(&self, field: &Field<'_>) -> Result<Coded> {
        let numbers = || (0..self.records).map(|record| field.number(record));
        let distinct = sorted(numbers().flatten());
        let whole = self.kind(field) == ColumnKind::Whole;
        if whole && distinct.iter().any(|number| number.abs() >= EXACT_BELOW) {
            let problem = "holds whole numbers too large to be told apart; declare it a category";
            return Err(Error::data(self.column(&field.name), problem));
        }
        let code = |number: f64| {
            distinct.binary_search_by(|other| other.total_cmp(&number)).ok().map(|code| code as u32)
        };
        let codes = numbers().map(|number| code(number?)).collect();
        let names = distinct.iter().map(|&number| field.show(number)).collect();
        Ok(Coded { cells: distinct.iter().copied().map(Cell::Number).collect(), names, codes })
    }
}

impl Field<'_> {
    pub(super) fn is_array(&self) -> bool {
        matches!(self.cells, Cells::Array { .. })
    }

    /// A number, or a truth value as 0 or 1. What is no finite number is missing.
    pub(super) fn number(&self, record: usize) -> Option<f64> {
        let number = match &self.cells {
            Cells::Column(column) if self.kind == ColumnKind::Truth => {
                f64::from(u8::from(column.boolean(record)?))
            }
            Cells::Column(column) => column.number(record)?,
            Cells::Array { elements, dtype, width } => {
                element(elements, *dtype, record * width + self.position)?
            }
        };
        // Minus zero is zero.
        number.is_finite().then_some(number + 0.0)
    }

    /// The category of each record, where it has one.
    pub(super) fn categories(&self, records: usize) -> Vec<Option<u32>> {
        let Cells::Column(column) = &self.cells else { return vec![None; records] };
        let codes: HashMap<&str, u32> = self.categories.iter().map(String::as_str).zip(0..).collect();
        (0..records).map(|record| codes.get(column.text(record)?).copied()).collect()
    }

    /// The name of a category.
    pub(super) fn category(&self, code: u32) -> &str {
        self.categories.get(code as usize).map_or("", String::as_str)
    }

    /// A number of this column as people write it.
    pub(super) fn show(&self, number: f64) -> String {
        match &self.cells {
            // The shortest text that stands for the number in its own precision.
            Cells::Array { dtype: DType::F16 | DType::BF16 | DType::F32, .. } => {
                format!("{}", number as f32)
            }
            _ => format!("{number}"),
        }
    }
}

/// Distinct numbers by size.
pub(super) fn sorted(numbers: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut numbers: Vec<f64> = numbers.collect();
    numbers.sort_unstable_by(f64::total_cmp);
    numbers.dedup();
    numbers
}

/// An element of an array in double precision.
fn element(elements: &[u8], dtype: DType, index: usize) -> Option<f64> {
    macro_rules! read {
        ($($dtype:ident: $rust:ty => $number:expr),*) => {
            match dtype {
                $(DType::$dtype => {
                    let size = size_of::<$rust>();
                    let bytes = elements.get(index * size..(index + 1) * size)?;
                    Some($number(bytemuck::pod_read_unaligned::<$rust>(bytes)))
                })*
                _ => None,
            }
        };
    }
    read!(Bool: u8 => f64::from, U8: u8 => f64::from, I32: i32 => f64::from, I64: i64 => |x| x as f64, F16: f16 => f64::from,
        BF16: bf16 => f64::from, F32: f32 => f64::from, F64: f64 => f64::from)
}

/// The bytes of a number as an element, where it can be one.
pub(super) fn to_element(number: f64, dtype: DType) -> Option<Vec<u8>> {
    macro_rules! write {
        ($($dtype:ident: $convert:expr),*) => {
            match dtype {
                $(DType::$dtype => bytemuck::bytes_of(&$convert(number)).to_vec(),)*
                _ => return None,
            }
        };
    }
    let bytes = write!(Bool: |x| x as u8, U8: |x| x as u8, I32: |x| x as i32, I64: |x| x as i64, F16: f16::from_f64, BF16: bf16::from_f64,
        F32: |x| x as f32, F64: |x: f64| x);
    let back = element(&bytes, dtype, 0)?;
    let whole = matches!(dtype, DType::Bool | DType::U8 | DType::I32 | DType::I64);
    let kept = if whole { back == number } else { back.is_finite() };
    kept.then_some(bytes)
}
