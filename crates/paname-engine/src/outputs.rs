//! What models answer that must be computed: asked once about every record, stored, and read by every signal. Recorded models are read where they are.
//!
//! Answers are those that the loss and the statistics of the task are computed from, the best of each that every model gives and the manifest grants:
//! in classification one answer, elsewhere up to three, each an array of its own.

use std::fs::File;
use std::io::BufWriter;
use std::path::PathBuf;

use npyz::WriterBuilder as _;
use paname_core::{
    Access, Augmentation, Ctx, Error, Input, Outputs, Query, Result, Signal, Target, TargetCard, Task, Tensor,
};

use crate::EngineError;
use crate::inputs::{Inputs, read_npy};
use crate::store::{Draft, Object};

/// Records asked about at a time.
const BLOCK: usize = 4096;

/// The answers that signals are computed from; see the head of the file.
fn wanted(inputs: &Inputs) -> Access {
    let granted = inputs.granted();
    let vectors = Access::LOGITS | Access::PROBABILITIES;
    let labels = Access::LABELS & granted;
    // Some attacks on attributes take which class a model names, where it tells no more.
    let named = if inputs.of_attribute && !granted.intersects(vectors) { labels } else { Access::empty() };
    let statistics = Signal::of_task(inputs.task).iter().copied();
    statistics.chain([Signal::Loss]).fold(named, |wanted, signal| {
        let best = signal.sources(inputs.task).iter().find(|source| granted.contains(**source));
        wanted | best.copied().unwrap_or(Access::empty())
    })
}

/// Name of the array `[variants][records of the roster][width]` of an answer in the object of a model.
fn file_of(answer: Access) -> String {
    format!("{}.npy", answer.names().collect::<Vec<_>>().join("-"))
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
    if wanted(inputs).is_empty() {
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
    let want = wanted(inputs);
    let records = inputs.audited + inputs.population;
    let mut arrays: Vec<Array> = want.iter().map(Array::new).collect();
    for variant in 0..inputs.augmentations {
        for start in (0..records).step_by(BLOCK) {
            ctx.tick(variant * records + start, inputs.augmentations * records)?;
            let ids: Vec<u32> = (start as u32..records.min(start + BLOCK) as u32).collect();
            let rows = ids.len();
            let input = Input::Records(ids.into(), Augmentation(variant as u32));
            let answers = model.predict(&Query { input, labels: None, want, layers: Vec::new() })?;
            answers.check_rows(rows)?;
            for array in &mut arrays {
                array.write(&answers, rows, inputs, draft)?;
            }
        }
    }
    for array in arrays {
        array.finish()?;
    }
    Ok(ctx.tick(records, records)?)
}

/// One answer of a model as it is written.
struct Array {
    answer: Access,
    /// Where it is, how it is written and the numbers of a record: all three show with the first answer.
    begun: Option<(PathBuf, npyz::NpyWriter<f32, BufWriter<File>>, usize)>,
}

impl Array {
    fn new(answer: Access) -> Self {
        Self { answer, begun: None }
    }

    fn write(
        &mut self,
        answers: &Outputs,
        rows: usize,
        inputs: &Inputs,
        draft: &Draft,
    ) -> Result<(), EngineError> {
        let answer = field(answers, self.answer).ok_or(Error::Denied(self.answer))?;
        let scores = Access::LOGITS | Access::PROBABILITIES;
        let of_classes = scores.contains(self.answer) && inputs.task != Task::MultiLabel;
        if of_classes && !matches!(answer.shape(), &[_, width] if width >= 2) {
            let expected = "the shape [records, classes] with at least 2 classes";
            let got = format!("{:?}", answer.shape());
            return Err(Error::mismatch("answered scores", expected, got).into());
        }
        let values = answer.to_f32()?;
        let (path, mut writer, width) = if let Some(begun) = self.begun.take() {
            begun
        } else {
            let width = values.len() / rows.max(1);
            let records = inputs.audited + inputs.population;
            let (file, path) = draft.file(&file_of(self.answer))?;
            let shape = [inputs.augmentations as u64, records as u64, width as u64];
            let options = npyz::WriteOptions::<f32>::new().default_dtype().shape(&shape).writer(file);
            let writer = options.begin_nd().map_err(EngineError::io(&path))?;
            (path, writer, width)
        };
        if values.len() != rows * width {
            let got = format!("shape {:?}", answer.shape());
            return Err(Error::mismatch("answers", format!("{width} values for each record"), got).into());
        }
        writer.extend(values.iter().copied()).map_err(EngineError::io(&path))?;
        self.begun = Some((path, writer, width));
        Ok(())
    }

    fn finish(self) -> Result<(), EngineError> {
        match self.begun {
            Some((path, writer, _)) => writer.finish().map_err(EngineError::io(&path)),
            None => Ok(()),
        }
    }
}

fn field(answers: &Outputs, want: Access) -> Option<&Tensor> {
    match want {
        Access::LOGITS => answers.logits.as_ref(),
        Access::PROBABILITIES => answers.probabilities.as_ref(),
        Access::LABELS => answers.labels.as_ref(),
        Access::EMBEDDING => answers.embedding.as_ref(),
        _ => answers.loss.as_ref(),
    }
}

/// A model known through its stored answers.
pub(crate) struct Stored {
    card: TargetCard,
    arrays: Vec<(Access, Tensor)>,
}

impl Stored {
    /// Maps the answers of a model.
    pub(crate) fn open(object: &Object, inputs: &Inputs) -> Result<Self, EngineError> {
        let want = wanted(inputs);
        let mut arrays = Vec::new();
        for answer in want.iter() {
            let values = read_npy(&object.path(&file_of(answer)))?;
            let expected = [inputs.augmentations, inputs.audited + inputs.population];
            if values.shape().len() != 3 || values.shape()[..2] != expected {
                let got = format!("shape {:?}", values.shape());
                return Err(
                    Error::mismatch("stored answers", format!("{expected:?} and a width"), got).into()
                );
            }
            arrays.push((answer, values));
        }
        let access = want.names().map(str::to_owned).collect();
        Ok(Self { card: TargetCard { access, recorded: true, ..inputs.target.clone() }, arrays })
    }
}

impl Stored {
    /// Whether these can be answered from what is stored.
    pub(crate) fn knows(&self, want: Access) -> bool {
        let stored = self.arrays.iter().fold(Access::empty(), |all, (access, _)| all | *access);
        let vectors = Access::LOGITS | Access::PROBABILITIES;
        let implied = if self.card.task == Task::Classification && stored.intersects(vectors) {
            Access::LABELS | Access::PROBABILITIES
        } else {
            Access::empty()
        };
        (stored | implied).contains(want)
    }

    /// Rows of a stored array.
    fn rows(&self, answer: Access, ids: &[u32], variant: u32) -> Result<Option<Tensor>> {
        let array = self.arrays.iter().find(|(access, _)| *access == answer);
        array.map(|(_, values)| values.index(variant as usize)?.gather(ids)).transpose()
    }

    /// What follows from logits or probabilities: the class of the largest, and probabilities.
    fn implied(&self, want: Access, ids: &[u32], variant: u32) -> Result<Option<Tensor>> {
        let logits = self.rows(Access::LOGITS, ids, variant)?;
        let of_logits = logits.is_some();
        let Some(vectors) =
            logits.map_or_else(|| self.rows(Access::PROBABILITIES, ids, variant), |l| Ok(Some(l)))?
        else {
            return Ok(None);
        };
        let width = vectors.shape().get(1).copied().unwrap_or(1).max(1);
        let values = vectors.to_f32()?;
        let rows = values.chunks_exact(width);
        if want == Access::LABELS {
            // The first of equal ones.
            let largest = |row: &[f32]| {
                (0..row.len()).fold(0, |best, class| if row[class] > row[best] { class } else { best }) as i64
            };
            return Tensor::from_vec(rows.map(largest).collect::<Vec<i64>>(), &[ids.len()]).map(Some);
        }
        if !of_logits {
            return Ok(Some(vectors));
        }
        let mut probabilities = Vec::with_capacity(values.len());
        for row in rows {
            let top = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let start = probabilities.len();
            probabilities.extend(row.iter().map(|z| (f64::from(*z) - f64::from(top)).exp() as f32));
            let sum: f32 = probabilities[start..].iter().sum();
            probabilities[start..].iter_mut().for_each(|p| *p /= sum);
        }
        Tensor::from_vec(probabilities, vectors.shape()).map(Some)
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
        let mut answers = Outputs::default();
        let classified = self.card.task == Task::Classification;
        for want in query.want.iter() {
            let mut rows = self.rows(want, ids, *variant)?;
            if rows.is_none() && classified && (Access::LABELS | Access::PROBABILITIES).contains(want) {
                rows = self.implied(want, ids, *variant)?;
            }
            let rows = rows.ok_or(Error::Denied(want))?;
            match want {
                Access::LOGITS => answers.logits = Some(rows),
                Access::PROBABILITIES => answers.probabilities = Some(rows),
                Access::LABELS => answers.labels = Some(rows),
                Access::EMBEDDING => answers.embedding = Some(rows),
                _ => answers.loss = Some(rows.reshape(&[ids.len()])?),
            }
        }
        Ok(answers)
    }
}
