//! What the records of an audit are besides their labels: read once a process, joined by id.

use std::ops::Range;
use std::sync::OnceLock;

use paname_core::{Features, Result, Roster};
use paname_data::{Columns, InputsConfig};

use crate::EngineError;
use crate::manifest::Manifest;

/// The inputs that a manifest names. Columns that tell labels, persons and membership are none. Scales of numbers come from the population, the records of
/// the roster from `audited` on, where it is known and there is one.
pub(crate) fn config(manifest: &Manifest, population: Option<Range<usize>>) -> Option<InputsConfig> {
    let data = &manifest.content.data;
    let mut config = data.inputs.clone()?;
    config.fitted_on = population.filter(|population| !population.is_empty());
    config.left_out.extend([&data.member, &data.person_id].into_iter().flatten().cloned());
    config.left_out.extend(data.label.iter().flat_map(Columns::names).cloned());
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
        audited: usize,
        threads: usize,
    ) -> Result<&Features, EngineError> {
        let read = || match config(manifest, Some(audited..roster.len())) {
            Some(config) => config.read(manifest.base(), roster, threads),
            None => Ok(Features::None),
        };
        self.0.get_or_init(read).as_ref().map_err(|error| manifest.about("data.inputs")(error.clone()))
    }
}
