//! The signals of an audit: computed once per model and record in the order of the roster, stored as arrays, read by cases in their own order.

use std::collections::HashMap;
use std::ops::Range;

use npyz::WriterBuilder as _;
use paname_core::kernel::copy_rows;
use paname_core::{
    Cohort, Ctx, DirectSignals, Error, Indices, Labels, Result, Signal, SignalSource, Target, Tensor, Whom,
};

use crate::EngineError;
use crate::balance::Balance;
use crate::inputs::{Inputs, Models, read_npy};
use crate::store::{Draft, Object};

/// Name of the array `[records of the roster][models][augmentations]` in a signal's object.
const VALUES: &str = "values.npy";
/// Values in memory at a time.
const BLOCK_VALUES: usize = 8 << 20;

/// Runs a signal step.
pub(crate) fn run(
    signal: Signal,
    inputs: &Inputs,
    labels: &Labels,
    models: &Models,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> Result<(), EngineError> {
    let records = inputs.audited + inputs.population;
    let targets: Vec<&dyn Target> =
        std::iter::once(&models.target).chain(&models.references).map(AsRef::as_ref).collect();
    let width = targets.len() * inputs.augmentations;
    let source = DirectSignals {
        task: inputs.task,
        models: targets,
        augmentations: inputs.augmentations,
        audited: Cohort { ids: (0..records as u32).collect(), labels: labels.clone() },
        population: Cohort::default(),
        granted: inputs.granted(),
    };
    let (file, path) = draft.file(VALUES)?;
    let shape = [records as u64, (models.references.len() + 1) as u64, inputs.augmentations as u64];
    let mut writer = npyz::WriteOptions::<f32>::new()
        .default_dtype()
        .shape(&shape)
        .writer(file)
        .begin_nd()
        .map_err(EngineError::io(&path))?;
    let block = (BLOCK_VALUES / width.max(1)).clamp(1, records.max(1));
    let mut values = vec![0.0_f32; block * width];
    for start in (0..records).step_by(block) {
        let end = records.min(start + block);
        let values = &mut values[..(end - start) * width];
        source.read_all(signal, Whom::Audited, start..end, values, ctx)?;
        writer.extend(values.iter().copied()).map_err(EngineError::io(&path))?;
    }
    writer.finish().map_err(EngineError::io(&path))
}

/// Stored signals, read in the order of a case.
pub(crate) struct StoredSignals {
    arrays: HashMap<String, Tensor>,
    models: usize,
    augmentations: usize,
    /// Position in the roster of each audited record of the case.
    audited: Indices,
    /// Position in the roster of each population record.
    population: Indices,
    /// The model set aside for each record of the roster that is audited.
    aside: Option<Vec<u32>>,
}

impl StoredSignals {
    /// Maps the arrays of the given signals.
    pub(crate) fn open(
        objects: &[(Signal, Object)],
        inputs: &Inputs,
        audited: Indices,
        population: Indices,
        aside: Option<Vec<u32>>,
    ) -> Result<Self, EngineError> {
        let models = inputs.references.len() + 1;
        let expected = [inputs.audited + inputs.population, inputs.places.len() + 1, inputs.augmentations];
        let mut arrays = HashMap::new();
        for (signal, object) in objects {
            let array = read_npy(&object.path(VALUES))?;
            if array.shape() != expected {
                let what = format!("shape of stored signal {signal}");
                return Err(
                    Error::mismatch(what, format!("{expected:?}"), format!("{:?}", array.shape())).into()
                );
            }
            arrays.insert(signal.to_string(), array);
        }
        Ok(Self { arrays, models, augmentations: inputs.augmentations, audited, population, aside })
    }
}

impl SignalSource for StoredSignals {
    fn models(&self) -> usize {
        self.models
    }

    fn augmentations(&self) -> usize {
        self.augmentations
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let array = self.arrays.get(&signal.to_string()).ok_or_else(|| {
            Error::Config(format!(
                "the attack reads signal `{signal}` without having declared it among its needs"
            ))
        })?;
        let order = match whom {
            Whom::Audited => &self.audited,
            Whom::Population => &self.population,
        };
        let width = self.models * self.augmentations;
        let rows = order.get(range.clone()).filter(|rows| out.len() == rows.len() * width);
        let rows = rows.ok_or_else(|| {
            Error::mismatch("signal buffer", format!("{range:?} of {}", order.len()), out.len())
        })?;
        let values = array.as_slice::<f32>()?;
        let Some(aside) = &self.aside else {
            copy_rows(values, width, rows, out);
            return Ok(());
        };
        let stored = width + self.augmentations;
        let mut all = vec![0.0; stored];
        for (row, out) in rows.iter().zip(out.chunks_exact_mut(width.max(1))) {
            let row = *row as usize;
            all.copy_from_slice(&values[row * stored..][..stored]);
            out.copy_from_slice(Balance::signals(aside.get(row).copied(), &mut all, self.augmentations));
        }
        Ok(())
    }
}

/// The target's own values of a signal on the audited records, in the order of the roster, without augmentation.
pub(crate) fn target_values(object: &Object, inputs: &Inputs) -> Result<Vec<f32>, EngineError> {
    let array = read_npy(&object.path(VALUES))?;
    let width = (inputs.places.len() + 1) * inputs.augmentations;
    let values = array.as_slice::<f32>()?;
    Ok(values.chunks_exact(width.max(1)).take(inputs.audited).map(|row| row[0]).collect())
}

/// The values of a signal on the audited records without augmentation, in the order of the roster: for each the target's and those of the reference
/// models as attacks see them.
pub(crate) fn audited_values(
    object: &Object,
    inputs: &Inputs,
    aside: Option<&[u32]>,
) -> Result<Vec<Vec<f32>>, EngineError> {
    let array = read_npy(&object.path(VALUES))?;
    let width = (inputs.places.len() + 1) * inputs.augmentations;
    let values = array.as_slice::<f32>()?;
    let rows = values.chunks_exact(width.max(1)).take(inputs.audited).enumerate();
    let plain = rows.map(|(record, row)| {
        let mut row: Vec<f32> = row.iter().step_by(inputs.augmentations.max(1)).copied().collect();
        match aside {
            Some(aside) => Balance::signals(aside.get(record).copied(), &mut row, 1).to_vec(),
            None => row,
        }
    });
    Ok(plain.collect())
}
