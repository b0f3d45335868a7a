//! How the columns of a table became the numbers that models get, to be kept with an audit: whoever has it encodes a further record in the same way.

use std::collections::BTreeMap;
use std::ops::Range;

use paname_core::{Error, Features, Result, Table, Tensor};
use serde::{Deserialize, Serialize};

use super::Encode;
use super::schema::{ColumnKind, ColumnSchema, TableSchema};
pub use super::standard::Standard;
use super::tabular::Loaded;

/// Name and version of the form of an [`Encoder`].
pub const ENCODER_SCHEMA: &str = "paname-encoder/1";

/// How the columns of a table became inputs of a model. It holds no record, but categories are contents of the file.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Encoder {
    /// [`ENCODER_SCHEMA`].
    pub schema: String,
    /// What models get of the table.
    pub encode: Encode,
    /// Positions in the roster of the records that means and deviations were taken of; none where none were.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fitted_on: Option<Range<usize>>,
    /// The columns that are inputs, in their order.
    pub columns: Vec<EncodedColumn>,
}

/// A column of an [`Encoder`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct EncodedColumn {
    /// Its name in the table.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// Its categories, each a place of its own that is 1 where a record has it.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub categories: Vec<String>,
    /// Whether a last place is 1 where a record has no category.
    #[serde(skip_serializing_if = "std::ops::Not::not", default)]
    pub missing: bool,
    /// The number in place of missing ones.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub fill: Option<f64>,
    /// The scale that its numbers are brought to, where they are.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub standard: Option<Standard>,
}

impl Encoder {
    /// What was done to a table.
    pub(super) fn of(loaded: &Loaded, encode: Encode, fitted_on: Option<Range<usize>>) -> Self {
        let column = |(schema, standard): (&ColumnSchema, &Option<Standard>)| EncodedColumn {
            name: schema.name.clone(),
            kind: schema.kind,
            categories: schema.categories.clone(),
            missing: schema.tells_missing(),
            fill: schema.fill,
            standard: *standard,
        };
        let fitted = loaded.standards.iter().any(Option::is_some);
        Self {
            schema: ENCODER_SCHEMA.to_owned(),
            encode,
            fitted_on: fitted.then(|| fitted_on.unwrap_or(0..loaded.columns.rows())),
            columns: loaded.schema.inputs().zip(&loaded.standards).map(column).collect(),
        }
    }

    /// Reads one that was stored as JSON.
    pub fn read(text: &str) -> Result<Self> {
        let encoder: Self =
            serde_json::from_str(text).map_err(|error| Error::data("encoder", error.to_string()))?;
        if encoder.schema != ENCODER_SCHEMA {
            return Err(Error::mismatch("schema of an encoder", ENCODER_SCHEMA, encoder.schema));
        }
        let scale = |column: &EncodedColumn| column.standard.is_some_and(|standard| !standard.is_finite());
        if let Some(column) = encoder.columns.iter().find(|column| scale(column)) {
            let what = format!("scale of column {:?}", column.name);
            return Err(Error::mismatch(what, "finite numbers, the deviation at least 0", "others"));
        }
        Ok(encoder)
    }

    /// Records with these columns as models get them, exactly as those of the audit: a table stays one where `encode` is `none`.
    pub fn encode(&self, table: &Table) -> Result<Features> {
        if self.encode == Encode::None {
            let column = |column: &EncodedColumn| {
                let found = table.column(&column.name).cloned();
                found.ok_or_else(|| Error::mismatch("table", format!("a column {:?}", column.name), "none"))
            };
            let columns = self.columns.iter().map(column).collect::<Result<_>>()?;
            return Ok(Features::Table(Table::new(columns)?));
        }
        self.encoded(table).map(Features::Tensor)
    }

    fn encoded(&self, table: &Table) -> Result<Tensor> {
        let column = |column: &EncodedColumn| ColumnSchema {
            name: column.name.clone(),
            kind: column.kind,
            guessed: false,
            categories: column.categories.clone(),
            missing: if column.missing { BTreeMap::from([(String::new(), 1)]) } else { BTreeMap::new() },
            fill: column.fill,
            group: None,
        };
        let schema = TableSchema { columns: self.columns.iter().map(column).collect() };
        let standards: Vec<Option<Standard>> = self.columns.iter().map(|column| column.standard).collect();
        schema.encode_with(table, &standards)
    }
}
