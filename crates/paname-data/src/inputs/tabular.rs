//! Inputs that are columns of a table.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paname_core::{Column, Error, Features, Result, Roster};

use super::group;
use super::guess::{self, MISSING};
use super::schema::{ColumnKind, ColumnRule, ColumnSchema, InputsKind, InputsSchema, RuleKind, TableSchema};
use super::standard::Standard;
use super::{Encode, InputsConfig};
use crate::array::IdSource;
use crate::join::{RowIds, join};
use crate::records::{is_column, truth};
use crate::table::Table;

/// Columns that lists of records use for what is no input.
const APART: &[&str] = &["label", "person", "group"];
/// The column that no model may ever see.
const MEMBER: &str = "member";

/// A table, and what the manifest says about it.
pub(super) struct Tabular<'a> {
    path: &'a Path,
    config: &'a InputsConfig,
    /// Where ids are when they are not in a column.
    ids: Option<IdSource>,
}

/// A table that was read, and what models get of it.
pub(super) struct Loaded {
    /// The whole file.
    pub(super) table: Table,
    /// Its columns but that of the ids.
    pub(super) schema: TableSchema,
    /// The row in the file of each record of the roster.
    pub(super) rows: Arc<[u32]>,
    /// The inputs of the records, with their types.
    pub(super) columns: paname_core::Table,
    /// The scales of those that are brought to one.
    pub(super) standards: Vec<Option<Standard>>,
    /// The inputs of the records, as models get them.
    pub(super) features: Features,
}

impl<'a> Tabular<'a> {
    pub(super) fn new(path: &'a Path, config: &'a InputsConfig) -> Result<Self> {
        let id = config.id.as_deref().unwrap_or("id");
        let ids = if is_column(id) { None } else { Some(id.parse()?) };
        for (name, rule) in &config.columns {
            let refuse = |problem: &str| Err(Error::Config(format!("columns.{name:?}: {problem}")));
            if name == MEMBER && *rule != ColumnRule::Kind(RuleKind::Ignore) {
                return refuse("tells who is in the training set and cannot be an input");
            }
            if let ColumnRule::Categories(categories) = rule {
                let distinct: HashSet<&String> = categories.iter().collect();
                if categories.is_empty() || distinct.len() != categories.len() {
                    return refuse("expected a list of distinct categories");
                }
            }
        }
        if let Some((name, number)) = config.fill.iter().find(|(_, number)| !number.is_finite()) {
            return Err(Error::Config(format!("fill.{name:?} = {number}: expected a finite number")));
        }
        Ok(Self { path, config, ids })
    }

    pub(super) fn files(&self, base: &Path) -> Vec<PathBuf> {
        let mut files = vec![base.join(self.path)];
        if let Some(IdSource::Array(array)) = &self.ids {
            files.push(base.join(array.path()));
        }
        files
    }

    pub(super) fn read(&self, base: &Path, roster: &Roster) -> Result<Features> {
        Ok(self.load(base, roster)?.features)
    }

    /// Reads the table once, and makes of it what models get.
    pub(super) fn load(&self, base: &Path, roster: &Roster) -> Result<Loaded> {
        let table = self.open(base)?;
        let schema = self.schema(&table)?;
        let ids = self.row_ids(base, &table)?;
        let rows = join(roster, &[RowIds { ids, place: self.path.display().to_string() }])?;
        let numbers = self.config.encode.unwrap_or_default() != Encode::None;
        if numbers {
            // Asked before anything is made, and so that errors can name lines.
            schema.width().map_err(|error| self.about(error))?;
            self.check_numbers(&table, &schema, &rows)?;
        }
        let (positions, missing) = (positions(&table)?, self.missing());
        let column =
            |schema: &ColumnSchema| values(&table, positions[schema.name.as_str()], schema, &missing, &rows);
        let columns = paname_core::Table::new(schema.inputs().map(column).collect())?;
        let standards = self.standards(&schema, &columns)?;
        let features = if numbers {
            schema
                .encode_with(&columns, &standards)
                .map(Features::Tensor)
                .map_err(|error| self.about(error))?
        } else {
            Features::Table(columns.clone())
        };
        Ok(Loaded { table, schema, rows, columns, standards, features })
    }

    /// The scale of each input that is brought to one, from the records that it may depend on.
    fn standards(&self, schema: &TableSchema, columns: &paname_core::Table) -> Result<Vec<Option<Standard>>> {
        if self.config.encode != Some(Encode::Standardised) {
            return Ok(vec![None; columns.columns().len()]);
        }
        let fitted = self.config.fitted_on.clone().unwrap_or(0..columns.rows());
        if fitted.is_empty() || fitted.end > columns.rows() {
            let expected = format!("some of {}", columns.rows());
            return Err(Error::mismatch("records to standardise on", expected, format!("{fitted:?}")));
        }
        let standard = |(schema, column): (&ColumnSchema, &Column)| {
            let number = |record| column.number(record).or(schema.fill);
            let is_number = matches!(schema.kind, ColumnKind::Whole | ColumnKind::Real);
            is_number.then(|| Standard::fit(fitted.clone().filter_map(number)))
        };
        Ok(schema.inputs().zip(columns.columns()).map(standard).collect())
    }

    pub(super) fn describe(&self, base: &Path) -> Result<InputsSchema> {
        let table = self.open(base)?;
        let mut schema = self.schema(&table)?;
        group::infer(&table, &mut schema)?;
        let records = self.row_ids(base, &table)?.len();
        let (shape, dtype) = match self.config.encode.unwrap_or_default() {
            Encode::OneHot | Encode::Standardised => {
                (schema.width().map_err(|error| self.about(error))?, "f32")
            }
            Encode::None => (schema.inputs().count(), "table"),
        };
        let kind = InputsKind::Table;
        let standardised = self.config.encode == Some(Encode::Standardised);
        let (shape, dtype, columns) = (vec![shape], dtype.into(), schema.columns);
        Ok(InputsSchema { kind, records, shape, dtype, standardised, columns })
    }

    /// The file, for errors.
    pub(super) fn place(&self) -> String {
        self.path.display().to_string()
    }

    /// The column of the ids, where they are in one.
    pub(super) fn id(&self) -> Option<&str> {
        let id = self.config.id.as_deref().unwrap_or("id");
        Some(id).filter(|_| self.ids.is_none())
    }

    fn open(&self, base: &Path) -> Result<Table> {
        let header = self.config.header.unwrap_or(true);
        Table::read_with(&base.join(self.path), &self.path.display().to_string(), header)
    }

    /// An error of the schema with the file's name before it.
    fn about(&self, error: Error) -> Error {
        match error {
            Error::Data { place, problem } => {
                Error::data(format!("{}, {place}", self.path.display()), problem)
            }
            other => other,
        }
    }

    /// Every text that stands for a missing value.
    fn missing(&self) -> Vec<&str> {
        let declared = self.config.missing.iter().flatten().map(String::as_str);
        let usual = MISSING.iter().copied().filter(|_| self.config.missing.is_none());
        [""].into_iter().chain(declared).chain(usual).collect()
    }

    fn row_ids(&self, base: &Path, table: &Table) -> Result<Vec<String>> {
        if let Some(ids) = &self.ids {
            return ids.read(base, table.rows(), &self.path.display().to_string());
        }
        let name = self.config.id.as_deref().unwrap_or("id");
        let column = table.find(name)?.ok_or_else(|| {
            let there: Vec<&str> = table.names().collect();
            let problem = format!(
                "has no column `{name}` of ids; there are: {}; id = \"row-number\" states that the rows are numbered",
                there.join(", ")
            );
            Error::data(self.path.display(), problem)
        })?;
        Ok((0..table.rows()).map(|row| table.text(row, column).to_owned()).collect())
    }

    fn schema(&self, table: &Table) -> Result<TableSchema> {
        let config = self.config;
        let id = self.id();
        for name in config.columns.keys().chain(config.fill.keys()) {
            // An unknown name is an error here.
            table.column(name)?;
            if Some(name.as_str()) == id {
                return Err(Error::Config(format!("column {name:?} holds the ids and cannot be an input")));
            }
        }
        let missing = self.missing();
        let mut columns = Vec::new();
        let positions = positions(table)?;
        for name in table.names().filter(|name| Some(*name) != id) {
            let ignored = ColumnRule::Kind(RuleKind::Ignore);
            let declared = config.columns.get(name);
            let rule = if name == MEMBER || config.left_out.contains(name) {
                Some(&ignored)
            } else {
                declared.or(APART.contains(&name).then_some(&ignored))
            };
            let mut schema = guess::column(table, positions[name], name, &missing, rule)?;
            if let Some(&number) = config.fill.get(name) {
                if !schema.needs_values() {
                    let problem = format!("fill.{name:?}: the column holds no numbers");
                    return Err(Error::Config(problem));
                }
                schema.fill = Some(number);
            }
            columns.push(schema);
        }
        Ok(TableSchema { columns })
    }

    /// Models take numbers of single precision only, and none is made up.
    fn check_numbers(&self, table: &Table, schema: &TableSchema, rows: &[u32]) -> Result<()> {
        let (positions, missing) = (positions(table)?, self.missing());
        for column in schema.inputs() {
            let (gaps, real) =
                (column.needs_values() && !column.missing.is_empty(), column.kind == ColumnKind::Real);
            if !gaps && !real {
                continue;
            }
            let position = positions[column.name.as_str()];
            for &row in rows {
                let (text, at) = (table.text(row as usize, position), || table.at(row as usize, position));
                if !missing.contains(&text) {
                    if real && table.parse(text).is_some_and(|number| !(number as f32).is_finite()) {
                        return Err(Error::data(
                            at(),
                            "is too large for single precision, which models take",
                        ));
                    }
                } else if gaps {
                    let name = &column.name;
                    let problem = format!(
                        "has no value, and models take numbers; expected one, fill = {{ {name:?} = … }} with the number that stands for it, or \
                         columns = {{ {name:?} = \"ignore\" }}"
                    );
                    return Err(Error::data(at(), problem));
                }
            }
        }
        Ok(())
    }
}

/// Where each column is. Two columns of one name are an error.
pub(super) fn positions(table: &Table) -> Result<HashMap<&str, usize>> {
    let mut positions = HashMap::new();
    for (position, name) in table.names().enumerate() {
        if positions.insert(name, position).is_some() {
            // The table says it better.
            table.column(name)?;
        }
    }
    Ok(positions)
}

/// The values of a column in these rows.
fn values(table: &Table, position: usize, schema: &ColumnSchema, missing: &[&str], rows: &[u32]) -> Column {
    let cells = rows.iter().map(|&row| table.text(row as usize, position));
    let cells = cells.map(|text| Some(text).filter(|text| !missing.contains(text)));
    let name = &schema.name;
    match schema.kind {
        ColumnKind::Whole => {
            Column::integers(name, cells.map(|cell| cell?.parse::<i64>().ok()).collect::<Vec<_>>())
        }
        ColumnKind::Real => Column::numbers(name, cells.map(|cell| table.parse(cell?)).collect::<Vec<_>>()),
        ColumnKind::Truth => Column::booleans(name, cells.map(|cell| truth(cell?).ok()).collect::<Vec<_>>()),
        ColumnKind::Category | ColumnKind::Text | ColumnKind::Ignored => {
            Column::texts(name, cells.map(|cell| cell.map(str::to_owned)).collect::<Vec<_>>())
        }
    }
}
