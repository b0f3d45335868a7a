//! Tables as numbers.

use std::collections::HashMap;

use paname_core::{Column, Error, Result, Table, Tensor};

use super::guess::CATEGORIES_LIMIT;
use super::schema::{ColumnKind, ColumnSchema, TableSchema};
use super::standard::Standard;

impl TableSchema {
    /// The names of the columns of [`TableSchema::encode`]: numbers and truth values keep theirs, a category is `town=Lyon`, and where some records
    /// have none `town=(missing)` follows.
    pub fn encoded_names(&self) -> Vec<String> {
        self.inputs().flat_map(ColumnSchema::encoded_names).collect()
    }

    /// A table of these columns as single-precision numbers `[records, width]`: numbers as they are, truth values as 0 and 1, categories as one
    /// column each that holds 1 for the records of it. The columns are those of the schema, whichever records the table has. Fails where a number is
    /// missing and the schema has none in its place.
    pub fn encode(&self, table: &Table) -> Result<Tensor> {
        self.encode_with(table, &vec![None; self.inputs().count()])
    }

    /// The same with numbers brought to a scale where an input has one.
    pub(super) fn encode_with(&self, table: &Table, standards: &[Option<Standard>]) -> Result<Tensor> {
        let width = self.width()?;
        let mut encoded: Vec<f32> = Vec::new();
        let total = table.rows().checked_mul(width);
        if total.is_none_or(|total| encoded.try_reserve_exact(total).is_err()) {
            return Err(Error::Other(format!(
                "{} rows of {width} numbers do not fit in memory",
                table.rows()
            )));
        }
        encoded.resize(table.rows() * width, 0.0);
        let mut start = 0;
        for (schema, &standard) in self.inputs().zip(standards) {
            let column = table.column(&schema.name);
            let column = column
                .ok_or_else(|| Error::mismatch("table", format!("a column {:?}", schema.name), "none"))?;
            let end = start + schema.width();
            let places = encoded.chunks_exact_mut(width).map(|row| &mut row[start..end]);
            schema.encode(column, standard, places)?;
            start = end;
        }
        Tensor::from_vec(encoded, &[table.rows(), width])
    }

    /// Number of columns of [`TableSchema::encode`]. Fails where a column cannot be encoded.
    pub fn width(&self) -> Result<usize> {
        if let Some(text) = self.inputs().find(|column| column.kind == ColumnKind::Text) {
            let name = &text.name;
            let why = if text.guessed {
                format!("holds more than {CATEGORIES_LIMIT} different texts")
            } else {
                "is text".into()
            };
            let problem = format!(
                "{why}, and models take numbers; expected columns = {{ {name:?} = \"ignore\" }} or \"category\""
            );
            return Err(Error::data(format!("column `{name}`"), problem));
        }
        match self.inputs().map(ColumnSchema::width).sum() {
            0 => Err(Error::data("columns", "none is an input; expected at least one")),
            width => Ok(width),
        }
    }

    /// The columns that are not ignored.
    pub(super) fn inputs(&self) -> impl Iterator<Item = &ColumnSchema> {
        self.columns.iter().filter(|column| column.kind != ColumnKind::Ignored)
    }
}

impl ColumnSchema {
    /// Whether a record without a value has no encoding.
    pub(super) fn needs_values(&self) -> bool {
        matches!(self.kind, ColumnKind::Whole | ColumnKind::Real | ColumnKind::Truth) && self.fill.is_none()
    }

    /// Whether records without a value have a column of their own.
    pub(super) fn tells_missing(&self) -> bool {
        self.kind == ColumnKind::Category && !self.missing.is_empty()
    }

    pub(super) fn width(&self) -> usize {
        match self.kind {
            ColumnKind::Ignored => 0,
            ColumnKind::Category => self.categories.len() + usize::from(self.tells_missing()),
            ColumnKind::Whole | ColumnKind::Real | ColumnKind::Truth | ColumnKind::Text => 1,
        }
    }

    fn encoded_names(&self) -> Vec<String> {
        if self.kind != ColumnKind::Category {
            return vec![self.name.clone()];
        }
        let categories = self.categories.iter().map(String::as_str);
        let missing = self.tells_missing().then_some("(missing)");
        categories.chain(missing).map(|category| format!("{}={category}", self.name)).collect()
    }

    /// Writes the column into its places in each row, its numbers brought to a scale where there is one.
    pub(super) fn encode<'a>(
        &self,
        column: &Column,
        standard: Option<Standard>,
        rows: impl Iterator<Item = &'a mut [f32]>,
    ) -> Result<()> {
        let numbers: HashMap<&str, usize> = self.categories.iter().map(String::as_str).zip(0..).collect();
        for (row, places) in rows.enumerate() {
            let refuse =
                |problem: &str| Err(Error::data(format!("column `{}`, row {row}", self.name), problem));
            if self.kind == ColumnKind::Category {
                let category = match column.text(row) {
                    Some(text) => numbers.get(text).copied(),
                    None => self.tells_missing().then_some(self.categories.len()),
                };
                match category.and_then(|category| places.get_mut(category)) {
                    Some(place) => *place = 1.0,
                    None => return refuse("is none of the categories of the schema"),
                }
                continue;
            }
            let value = match self.kind {
                ColumnKind::Truth => column.boolean(row).map(|truth| f64::from(u8::from(truth))),
                _ => column.number(row),
            };
            let Some(value) = value.or(self.fill) else {
                return refuse("has no value; expected one, or a number to `fill` in");
            };
            if !(value as f32).is_finite() {
                return refuse("is too large for single precision");
            }
            places.fill(standard.map_or(value as f32, |standard| standard.apply(value)));
        }
        Ok(())
    }
}
