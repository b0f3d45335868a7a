//! What models answer that must be computed: asked once about every record, stored, and read by every signal. Recorded models are read where they are.

use npyz::WriterBuilder as _;
use paname_core::{
    Access, Augmentation, Ctx, Error, Input, Outputs, Query, Result, Target, TargetCard, Tensor,
};

use crate::EngineError;
use crate::inputs::{Inputs, read_npy};
use crate::store::{Draft, Object};

/// Name of the array `[variants][records of the roster][width]` in the object of a model.
const VALUES: &str = "values.npy";
/// Records asked about at a time.
const BLOCK: usize = 4096;

/// The answer that signals are computed from: the richest that every model gives and the manifest grants.
fn wanted(inputs: &Inputs) -> Option<Access> {
    let granted = inputs.granted();
    [Access::LOGITS, Access::PROBABILITIES, Access::LOSS].into_iter().find(|&access| granted.contains(access))
}

/// Whether the model of this number, the target being 0, is one of recorded answers.
fn is_recorded(inputs: &Inputs, model: usize) -> bool {
    match model.checked_sub(1) {
        None => inputs.target.recorded,
        // Reference models come from one adapter, the one set aside for each record among them.
        Some(_) => inputs.references.first().is_some_and(|card| card.recorded),
    }
}

/// The models whose answers are stored, the target being 0.
pub(crate) fn models(inputs: &Inputs) -> Vec<u32> {
    if wanted(inputs).is_none() {
        return Vec::new();
    }
    (0..=inputs.places.len()).filter(|&model| !is_recorded(inputs, model)).map(|model| model as u32).collect()
}

/// Asks a model about every record.
pub(crate) fn run(
    inputs: &Inputs,
    model: &dyn Target,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> Result<(), EngineError> {
    let want = wanted(inputs).ok_or(Error::Denied(Access::LOGITS))?;
    let records = inputs.audited + inputs.population;
    let (file, path) = draft.file(VALUES)?;
    let io = |error| EngineError::io(&path)(error);
    let mut file = Some(file);
    let mut writer = None;
    let mut width = 0;
    for variant in 0..inputs.augmentations {
        for start in (0..records).step_by(BLOCK) {
            ctx.tick(variant * records + start, inputs.augmentations * records)?;
            let ids: Vec<u32> = (start as u32..records.min(start + BLOCK) as u32).collect();
            let rows = ids.len();
            let input = Input::Records(ids.into(), Augmentation(variant as u32));
            let answers = model.predict(&Query { input, labels: None, want, layers: Vec::new() })?;
            answers.check_rows(rows)?;
            let answer = field(&answers, want).ok_or(Error::Denied(want))?;
            if want != Access::LOSS && !matches!(answer.shape(), &[_, width] if width >= 2) {
                let expected = "the shape [records, classes] with at least 2 classes";
                let got = format!("{:?}", answer.shape());
                return Err(Error::mismatch("answered scores", expected, got).into());
            }
            let values = answer.to_f32()?;
            if let Some(file) = file.take() {
                // The width shows with the first answer.
                width = values.len() / rows.max(1);
                let shape = [inputs.augmentations as u64, records as u64, width as u64];
                let begun =
                    npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape).writer(file).begin_nd();
                writer = Some(begun.map_err(io)?);
            }
            if values.len() != rows * width {
                let got = format!("shape {:?}", answer.shape());
                return Err(Error::mismatch("answers", format!("{width} values for each record"), got).into());
            }
            if let Some(writer) = &mut writer {
                writer.extend(values.iter().copied()).map_err(io)?;
            }
        }
    }
    if let Some(writer) = writer {
        writer.finish().map_err(io)?;
    }
    Ok(ctx.tick(records, records)?)
}

fn field(answers: &Outputs, want: Access) -> Option<&Tensor> {
    match want {
        Access::LOGITS => answers.logits.as_ref(),
        Access::PROBABILITIES => answers.probabilities.as_ref(),
        _ => answers.loss.as_ref(),
    }
}

/// A model known through its stored answers.
pub(crate) struct Stored {
    card: TargetCard,
    want: Access,
    values: Tensor,
}

impl Stored {
    /// Maps the answers of a model.
    pub(crate) fn open(object: &Object, inputs: &Inputs) -> Result<Self, EngineError> {
        let want = wanted(inputs).ok_or(Error::Denied(Access::LOGITS))?;
        let values = read_npy(&object.path(VALUES))?;
        let expected = [inputs.augmentations, inputs.audited + inputs.population];
        if values.shape().len() != 3 || values.shape()[..2] != expected {
            let got = format!("shape {:?}", values.shape());
            return Err(Error::mismatch("stored answers", format!("{expected:?} and a width"), got).into());
        }
        let access = want.names().map(str::to_owned).collect();
        Ok(Self { card: TargetCard { access, recorded: true, ..inputs.target.clone() }, want, values })
    }
}

impl Target for Stored {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Records(ids, Augmentation(variant)) = &query.input else {
            return Err(Error::Unsupported("stored answers are about the records of the audit only".into()));
        };
        if query.want != self.want {
            return Err(Error::Denied(query.want - self.want));
        }
        let rows = self.values.index(*variant as usize)?.gather(ids)?;
        let mut answers = Outputs::default();
        match self.want {
            Access::LOGITS => answers.logits = Some(rows),
            Access::PROBABILITIES => answers.probabilities = Some(rows),
            _ => answers.loss = Some(rows.reshape(&[ids.len()])?),
        }
        Ok(answers)
    }
}
