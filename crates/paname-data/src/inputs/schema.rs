//! What the inputs are: shown before an audit runs, so that a wrong guess is seen.

use std::collections::BTreeMap;

use paname_core::DType;
use serde::{Deserialize, Serialize};

/// What the inputs are, as `paname plan` shows it. Categories are contents of the user's file: they belong on the user's screen and into no report.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct InputsSchema {
    /// Where they come from.
    pub kind: InputsKind,
    /// Number of rows or images in the files, which may be more than there are records.
    pub records: usize,
    /// Shape of one record as models get it; of a table that stays one, the number of its columns.
    pub shape: Vec<usize>,
    /// Type of the elements, such as `u8` or `f32`; `table` for columns of mixed types.
    pub dtype: String,
    /// Whether the numbers of a table are brought to mean 0 and standard deviation 1.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub standardised: bool,
    /// The columns of a table.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub columns: Vec<ColumnSchema>,
}

/// Where inputs come from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum InputsKind {
    /// Arrays.
    Array,
    /// A folder of images.
    Folder,
    /// A table.
    Table,
}

/// The columns of a table, without that of the ids.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
pub struct TableSchema {
    /// In the order of the file.
    pub columns: Vec<ColumnSchema>,
}

/// A column of a table.
#[derive(Debug, Clone, PartialEq, Serialize, schemars::JsonSchema)]
pub struct ColumnSchema {
    /// Its name.
    pub name: String,
    /// What its values are.
    pub kind: ColumnKind,
    /// Whether that was guessed rather than declared.
    pub guessed: bool,
    /// The categories of the whole file, in the order of their columns when encoded: as declared, or by number where all are numbers, else by text.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub categories: Vec<String>,
    /// What stands for a missing value in this column, and how often it does; the empty text is the empty cell.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub missing: BTreeMap<String, usize>,
    /// The number in place of missing ones.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fill: Option<f64>,
    /// The columns that it seems to be one-hot with: what their names have in common, where exactly one of them is 1 in every row of the file and the
    /// others are 0. Shown, and changed together where they are an attribute under inference.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group: Option<String>,
}

/// What the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum ColumnKind {
    /// Whole numbers.
    Whole,
    /// Numbers.
    Real,
    /// Truth values.
    Truth,
    /// One of a few texts.
    Category,
    /// Any text.
    Text,
    /// No input.
    Ignored,
}

/// What a manifest says about a column.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(
    untagged,
    expecting = "expected `number`, `truth`, `category`, `text`, `ignore`, or the list of the categories in their order"
)]
pub enum ColumnRule {
    /// What its values are.
    Kind(RuleKind),
    /// Its categories in the order of their columns when encoded.
    Categories(Vec<String>),
}

/// What a manifest says the values of a column are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum RuleKind {
    /// Numbers; whole where all are.
    Number,
    /// 0, 1, true, false, yes, no, oui, non, vrai, faux.
    Truth,
    /// One of a few texts, even where they look like numbers.
    Category,
    /// Any text.
    Text,
    /// No input.
    Ignore,
}

/// The name of a type of elements, as Rust writes it.
pub(super) fn dtype_name(dtype: DType) -> String {
    format!("{dtype:?}").to_ascii_lowercase()
}
