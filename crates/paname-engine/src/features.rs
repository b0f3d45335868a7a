//! What the records of an audit are besides their labels: read once a process, joined by id.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use paname_core::{Error, Features, Result, Roster};
use paname_data::{ArrayRef, IdSource, read_array, read_strings};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::manifest::Manifest;

/// Where the inputs of models are.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct InputsConfig {
    /// Array of numbers, one row a record, such as `inputs.npz#inputs`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub array: Option<ArrayRef>,
    /// Ids of its rows, such as `inputs.npz#ids`, or `row-number`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<IdSource>,
    /// Columns that are no inputs, whatever a table holds.
    #[serde(skip)]
    pub left_out: BTreeSet<String>,
}

impl InputsConfig {
    /// Every file that [`InputsConfig::read`] reads, sorted.
    pub fn files(&self, base: &Path) -> Result<Vec<PathBuf>> {
        let ids = match &self.ids {
            Some(IdSource::Array(array)) => Some(array),
            _ => None,
        };
        let mut files: Vec<PathBuf> =
            self.array.iter().chain(ids).map(|array| base.join(array.path())).collect();
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// Reads the inputs of every record of the roster, in its order.
    pub fn read(&self, base: &Path, roster: &Roster, _threads: usize) -> Result<Features> {
        let missing = |key: &str, what: &str| Error::Config(format!("`{key}` is missing: {what}"));
        let array = self.array.as_ref().ok_or_else(|| missing("array", "where the inputs are"))?;
        let source = self.ids.as_ref().ok_or_else(|| missing("ids", "the ids of the rows of `array`"))?;
        let tensor = read_array(base, array)?;
        let rows = tensor.shape().first().copied().unwrap_or_default();
        let ids = match source {
            IdSource::Array(array) => read_strings(base, array)?,
            IdSource::RowNumber { prefix } => (0..rows).map(|row| format!("{prefix}{row}")).collect(),
        };
        if ids.len() != rows {
            return Err(Error::mismatch(format!("ids of {array}"), rows, ids.len()));
        }
        let places: HashMap<&str, u32> = ids.iter().map(String::as_str).zip(0..).collect();
        if places.len() != ids.len() {
            return Err(Error::data(array, "an id stands there twice; ids must be unique"));
        }
        let order = roster.ids().iter().map(|id| {
            let absent = || Error::data(array, format!("no row has the id {id:?} of an audited record"));
            places.get(id.as_str()).copied().ok_or_else(absent)
        });
        Ok(Features::Tensor(tensor.gather(&order.collect::<Result<Vec<u32>>>()?)?))
    }
}

/// The inputs that a manifest names. Columns that tell labels, persons and membership are none.
pub(crate) fn config(manifest: &Manifest) -> Option<InputsConfig> {
    let data = &manifest.content.data;
    let mut config = data.inputs.clone()?;
    config.left_out.extend([&data.label, &data.member, &data.person_id].into_iter().flatten().cloned());
    Some(config)
}

/// The inputs of an audit, read at their first use.
#[derive(Debug, Default)]
pub(crate) struct Inventory(OnceLock<Result<Features>>);

impl Inventory {
    /// The inputs in the order of the roster; nothing where the manifest names none.
    pub(crate) fn features(
        &self,
        manifest: &Manifest,
        roster: &Roster,
        threads: usize,
    ) -> Result<&Features, EngineError> {
        let read = || match config(manifest) {
            Some(config) => config.read(manifest.base(), roster, threads),
            None => Ok(Features::None),
        };
        self.0.get_or_init(read).as_ref().map_err(|error| manifest.about("data")(error.clone()))
    }
}
