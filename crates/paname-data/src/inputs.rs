//! What records are besides their labels: what models in memory are asked about and fitted on.
//!
//! `[data.inputs]` of a manifest names exactly one of arrays, a folder of images, and a table. Rows are joined to the records of the audit by id, as
//! recorded predictions are.

mod arrays;
mod attribute;
mod encode;
mod encoder;
mod folder;
mod group;
mod guess;
mod images;
mod schema;
mod standard;
mod tabular;

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::path::{Path, PathBuf};

use paname_core::{Error, Features, Result, Roster};

use crate::array::{ArrayRef, IdSource};
use crate::list::List;

use arrays::Arrays;
pub use attribute::{AttributeInputs, AttributeQuestion, Changes, KnownScale};
pub use encoder::{ENCODER_SCHEMA, EncodedColumn, Encoder, Standard};
pub use folder::{FolderRecords, folder_records};
use images::Images;
pub use schema::{ColumnKind, ColumnRule, ColumnSchema, InputsKind, InputsSchema, RuleKind, TableSchema};
use tabular::Tabular;

/// Where the inputs of models are: exactly one of `array`, `folder` and `table`.
///
/// ```toml
/// [data.inputs]                 # Fashion-MNIST as Debian's package `dataset-fashion-mnist` installs it
/// array = ["train-images-idx3-ubyte.gz", "t10k-images-idx3-ubyte.gz"]
/// ids = "row-number"            # 0 to 69999, or one for each array: ["row-number:train-", "row-number:test-"]
///
/// [data.inputs]                 # CIFAR-10 as image files: the ids are train/airplane/0001.jpg, …
/// folder = "cifar10"
///
/// [data.inputs]                 # Location-30: no header line, the class in the first column
/// table = "bangkok"
/// header = false
/// id = "row-number"
/// columns = { column-1 = "ignore" }
/// ```
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct InputsConfig {
    /// An array of numbers `[records, …]`, or several that follow each other: `.npy`, `.npz#member` or IDX.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<List<ArrayRef>>,
    /// Ids of the rows of `array`: one array of them, or `row-number` or `row-number:PREFIX` where the rows are numbered. A single one counts through
    /// all arrays; otherwise there is one for each.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<List<IdSource>>,
    /// A folder of PNG and JPEG images, at any depth. The id of an image is its path below the folder, with `/`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// Height and width to which images are brought (bilinear, the ratio of the sides is not kept). Needed where they differ in size.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub size: Option<[usize; 2]>,
    /// 3 for red, green, blue (the default), 1 for grey.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(extend("enum" = [1, 3, null]))]
    pub channels: Option<usize>,
    /// A CSV file (separator `,`, `;` or tabulator).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub table: Option<PathBuf>,
    /// Column of the ids in `table` (default `id`); `row-number` or `row-number:PREFIX` where the rows are numbered.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// Whether `table` begins with the names of its columns (default true). Without names they are `column-1`, `column-2`, …
    #[serde(skip_serializing_if = "Option::is_none")]
    pub header: Option<bool>,
    /// What columns of `table` are, where the guess is wrong: `number`, `truth`, `category`, `text`, `ignore`, or the list of categories in their
    /// order.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub columns: BTreeMap<String, ColumnRule>,
    /// Texts that stand for a missing value in `table`, besides the empty cell; by default NA, N/A, NaN, nan, NULL, null and ?.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub missing: Option<Vec<String>>,
    /// Numbers in place of missing ones, by column of `table`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fill: BTreeMap<String, f64>,
    /// What models get of `table`: numbers as they are (the default) or brought to one scale, or the columns as they are.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub encode: Option<Encode>,
    /// Columns of `table` that are no inputs whatever `columns` says. Whoever reads the manifest names those here that tell labels, persons and
    /// membership under names of their own; `member` is never an input, and `label`, `person` and `group` are inputs only where `columns` says so.
    #[serde(skip)]
    pub left_out: BTreeSet<String>,
    /// Positions in the roster of the records whose numbers say what `standardised` brings to mean 0 and standard deviation 1; all of them where absent.
    /// Whoever reads the manifest names those here that every model may depend on, so that no scale tells who is a member.
    #[serde(skip)]
    pub fitted_on: Option<Range<usize>>,
}

/// What models get of a table.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
pub enum Encode {
    /// Numbers: one column for each number and truth value, and one for each category, which is 1 where the record has it and 0 elsewhere.
    #[default]
    OneHot,
    /// The same with the numbers, but not truth values and categories, brought to mean 0 and standard deviation 1 over the records of the audit. A
    /// column of equal numbers becomes 0.
    Standardised,
    /// The columns with their types.
    None,
}

/// The one source that a configuration names, with the keys that belong to it.
enum Source<'a> {
    Arrays(Arrays<'a>),
    Folder(Images<'a>),
    Table(Tabular<'a>),
}

impl InputsConfig {
    /// Every file whose content decides the inputs, sorted: of a folder all its images.
    pub fn files(&self, base: &Path) -> Result<Vec<PathBuf>> {
        let mut files = match self.source()? {
            Source::Arrays(arrays) => arrays.files(base),
            Source::Folder(images) => images.files(base)?,
            Source::Table(table) => table.files(base),
        };
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Reads the inputs of the records, one row for each in the order of the roster, on so many threads. Rows of other records are fine; a record
    /// without a row is an error. Rows of an array that already lie in this order share its memory, others are copied once; element types are kept.
    pub fn read(&self, base: &Path, roster: &Roster, threads: usize) -> Result<Features> {
        match self.source()? {
            Source::Arrays(arrays) => arrays.read(base, roster).map(Features::Tensor),
            Source::Folder(images) => images.read(base, roster, threads).map(Features::Tensor),
            Source::Table(table) => table.read(base, roster),
        }
    }

    /// What the inputs are, for people to check before anything is computed.
    pub fn describe(&self, base: &Path) -> Result<InputsSchema> {
        match self.source()? {
            Source::Arrays(arrays) => arrays.describe(base),
            Source::Folder(images) => images.describe(base),
            Source::Table(table) => table.describe(base),
        }
    }

    fn source(&self) -> Result<Source<'_>> {
        let about_arrays = [("ids", self.ids.is_some())];
        let about_folders = [("size", self.size.is_some()), ("channels", self.channels.is_some())];
        let about_tables = [
            ("id", self.id.is_some()),
            ("header", self.header.is_some()),
            ("columns", !self.columns.is_empty()),
            ("missing", self.missing.is_some()),
            ("fill", !self.fill.is_empty()),
            ("encode", self.encode.is_some()),
        ];
        let only = |owner: &str, others: &[(&[(&str, bool)], &str)]| {
            let keys = others.iter().flat_map(|(keys, other)| keys.iter().map(move |key| (key, other)));
            match keys.into_iter().find(|((_, given), _)| *given) {
                Some(((key, _), other)) => Err(Error::Config(format!(
                    "`{key}` is about `{other}`; these inputs come from `{owner}`"
                ))),
                None => Ok(()),
            }
        };
        match (&self.array, &self.folder, &self.table) {
            (Some(arrays), None, None) => {
                only("array", &[(&about_folders, "folder"), (&about_tables, "table")])?;
                Arrays::new(&arrays.0, self.ids.as_ref()).map(Source::Arrays)
            }
            (None, Some(folder), None) => {
                only("folder", &[(&about_arrays, "array"), (&about_tables, "table")])?;
                Images::new(folder, self.size, self.channels).map(Source::Folder)
            }
            (None, None, Some(table)) => {
                only("table", &[(&about_arrays, "array"), (&about_folders, "folder")])?;
                Tabular::new(table, self).map(Source::Table)
            }
            (None, None, None) => Err(Error::Config(
                "no inputs are given: expected one of `array`, `folder` and `table`".into(),
            )),
            _ => Err(Error::Config(
                "inputs have one source: expected only one of `array`, `folder` and `table`".into(),
            )),
        }
    }
}
