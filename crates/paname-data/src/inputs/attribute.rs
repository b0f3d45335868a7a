//! An attribute among the inputs: which values come into question, what is known besides, and the inputs of a record as they would be with another
//! value.

mod candidates;
mod changes;
mod known;
mod sheet;

use std::collections::HashSet;
use std::fmt;
use std::ops::Range;
use std::path::Path;

use paname_core::{Column, Error, Features, Labels, Result, Roster, Scale, Tensor};

use super::encoder::{Encoder, Standard};
use super::schema::ColumnSchema;
use super::tabular::Loaded;
use super::{InputsConfig, Source, group};
use candidates::{Asker, Choice};
pub use changes::Changes;
use changes::{column_of, encoded};
use known::{Known, known};
use sheet::Sheet;

/// Which columns make an attribute, as a manifest says.
#[derive(Debug, Clone, Copy, Default)]
pub struct AttributeQuestion<'a> {
    /// One column of the inputs, or several that are guessed together, or what the names of a one-hot group have in common: `married` for `married_yes`
    /// and `married_no`. Columns of an array of two dimensions are `column-1`, `column-2`, …
    pub columns: &'a [String],
    /// Whether exactly one of the columns is 1 in each record, and the others are 0: each of them is a candidate.
    pub one_hot: bool,
    /// What the values are to each other; guessed from the column where absent.
    pub scale: Option<Scale>,
    /// The values that come into question, in their order, and no others; where empty, those that occur among the records. Of one column only.
    pub values: &'a [String],
    /// At most so many candidates (by default 16 categories, 8 numbers): where more values occur, the most frequent of the population.
    pub most: Option<usize>,
}

/// An attribute of the records, and their inputs.
pub struct AttributeInputs {
    /// What the values are to each other.
    pub scale: Scale,
    /// The names of the values that come into question, at least two; of several columns `a=x, b=y`, of one-hot columns their names.
    pub candidates: Vec<String>,
    /// Which candidate each record of the roster has; none where its value is missing or no candidate.
    pub values: Vec<Option<u32>>,
    /// All other inputs but texts, as finite numbers in single precision `[roster, width]`: truth values as 0 and 1, a column for each category that
    /// occurs, numbers with mean 0 and standard deviation 1 over the population, or over all records where there is none. Missing numbers are 0, and
    /// a column behind them is 1 where one is missing.
    pub known: Tensor,
    /// The names of the columns of `known`.
    pub known_names: Vec<String>,
    /// The scales of numbers among them, fitted as they are.
    pub known_scales: Vec<KnownScale>,
    /// How a table became the inputs; none of arrays, which models get as they are.
    pub encoder: Option<Encoder>,
    /// Exactly what [`InputsConfig::read`] gives.
    pub inputs: Features,
    /// How inputs are changed.
    pub changes: Changes,
}

/// The scale of a column of [`AttributeInputs::known`].
#[derive(Debug, Clone, PartialEq, serde::Serialize, serde::Deserialize)]
#[serde(deny_unknown_fields)]
pub struct KnownScale {
    /// The column's name.
    pub name: String,
    /// What its numbers were brought to.
    pub standard: Standard,
}

impl fmt::Debug for AttributeInputs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Values may be personal data: only the header is printed.
        let Self { scale, candidates, values, known, .. } = self;
        write!(
            f,
            "AttributeInputs({scale:?}, {} candidates, {} records, {known:?})",
            candidates.len(),
            values.len()
        )
    }
}

impl AttributeInputs {
    /// How many records of the population equal an audited record in every input, the attribute included, and in the label. Who knows the population
    /// may know the attribute of such an audited record without a model.
    pub fn twins(&self, labels: &Labels, audited: Range<usize>, population: Range<usize>) -> usize {
        let digest = |record: usize| digest(&self.inputs, labels, record);
        let known: HashSet<[u8; 32]> = audited.filter_map(digest).collect();
        population.filter_map(digest).filter(|digest| known.contains(digest)).count()
    }
}

/// A digest of a record's inputs and label, where there is such a record.
fn digest(inputs: &Features, labels: &Labels, record: usize) -> Option<[u8; 32]> {
    let mut hasher = blake3::Hasher::new();
    let row = |hasher: &mut blake3::Hasher, tensor: &Tensor| {
        hasher.update(tensor.slice(record..record + 1).ok()?.bytes().ok()?);
        Some(())
    };
    match labels {
        Labels::Classes { values, .. } => {
            hasher.update(&values.get(record)?.to_le_bytes());
        }
        Labels::Values(values) => row(&mut hasher, values)?,
        _ => {}
    }
    match inputs {
        Features::Tensor(tensor) => row(&mut hasher, tensor)?,
        Features::Table(table) if record < table.rows() => {
            for column in table.columns() {
                let number = column.integer(record).map(i64::to_le_bytes);
                let number = number.or_else(|| column.number(record).map(f64::to_le_bytes));
                let text = column.text(record).unwrap_or_default();
                hasher
                    .update(&[
                        u8::from(column.is_missing(record)),
                        u8::from(column.boolean(record) == Some(true)),
                    ])
                    .update(&number.unwrap_or_default())
                    .update(&(text.len() as u64).to_le_bytes())
                    .update(text.as_bytes());
            }
        }
        _ => return None,
    }
    Some(*hasher.finalize().as_bytes())
}

impl InputsConfig {
    /// Reads the inputs as [`InputsConfig::read`] does, once, and an attribute among them. `population` are the positions of the records in the roster
    /// whose true values attackers know. Errors name file, line and column, and no value of a record.
    pub fn attribute(
        &self,
        question: &AttributeQuestion<'_>,
        base: &Path,
        roster: &Roster,
        population: Range<usize>,
        _threads: usize,
    ) -> Result<AttributeInputs> {
        if population.start > population.end || population.end > roster.len() {
            let expected = format!("positions below {}", roster.len());
            return Err(Error::mismatch("population", expected, format!("{population:?}")));
        }
        if question.columns.is_empty() {
            return Err(Error::Config(
                "an attribute takes the name of at least one column in `columns`".into(),
            ));
        }
        if let Some(twice) =
            question.columns.iter().enumerate().find(|(i, name)| question.columns[..*i].contains(name))
        {
            return Err(Error::Config(format!("`columns`: {:?} is there twice", twice.1)));
        }
        match self.source()? {
            Source::Arrays(arrays) => {
                let (tensor, rows) = arrays.load(base, roster)?;
                let sheet = Sheet::of_array(&tensor, rows, &arrays)?;
                read(
                    question,
                    &sheet,
                    population,
                    Features::Tensor(tensor.clone()),
                    None,
                    |columns, choice| Changes::of_array(&tensor, columns, &choice.cells),
                )
            }
            Source::Folder(_) => Err(Error::Config(
                "an attribute takes a table: the inputs are a folder of images, which have no columns".into(),
            )),
            Source::Table(table) => {
                let mut loaded = table.load(base, roster)?;
                group::infer(&loaded.table, &mut loaded.schema)?;
                let sheet = Sheet::of_table(&loaded, table.id(), table.place())?;
                let encoder = Encoder::of(&loaded, self.encode.unwrap_or_default(), self.fitted_on.clone());
                let inputs = loaded.features.clone();
                read(question, &sheet, population, inputs, Some(encoder), |columns, choice| {
                    changes(&loaded, &sheet, columns, choice)
                })
            }
        }
    }
}

/// What there is to know of an attribute of such inputs.
fn read(
    question: &AttributeQuestion<'_>,
    sheet: &Sheet<'_>,
    population: Range<usize>,
    inputs: Features,
    encoder: Option<Encoder>,
    changes: impl Fn(&[usize], &Choice) -> Result<Changes>,
) -> Result<AttributeInputs> {
    let (columns, one_hot) = sheet.resolve(question.columns, question.one_hot)?;
    let fitted = if population.is_empty() { 0..sheet.records } else { population.clone() };
    let choice = Asker { question, sheet, population }.choose(&columns, one_hot)?;
    let Known { numbers: known, names: known_names, scales: known_scales } = known(sheet, &columns, &fitted)?;
    let changes = changes(&columns, &choice)?;
    let Choice { scale, names: candidates, values, .. } = choice;
    Ok(AttributeInputs {
        scale,
        candidates,
        values,
        known,
        known_names,
        known_scales,
        encoder,
        inputs,
        changes,
    })
}

/// How the inputs of a table are changed.
fn changes(loaded: &Loaded, sheet: &Sheet<'_>, columns: &[usize], choice: &Choice) -> Result<Changes> {
    let candidates = choice.cells.len();
    let column = |(which, &position): (usize, &usize)| {
        let cells: Vec<_> = choice.cells.iter().map(|cells| &cells[which]).collect();
        column_of(&sheet.fields[position], &cells)
    };
    let changed: Vec<Column> = columns.iter().enumerate().map(column).collect();
    if let Features::Table(table) = &loaded.features {
        return Ok(Changes::of_columns(changed, candidates, table.columns().len()));
    }
    let inputs: Vec<&ColumnSchema> = loaded.schema.inputs().collect();
    let mut parts = Vec::with_capacity(columns.len());
    for (&position, column) in columns.iter().zip(&changed) {
        let start = inputs[..position].iter().map(|schema| schema.width()).sum();
        parts.push((start, encoded(inputs[position], column, loaded.standards[position])?));
    }
    Ok(Changes::of_encoded(loaded.schema.width()?, candidates, &parts))
}
