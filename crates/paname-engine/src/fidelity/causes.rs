//! Why a model may not be what was declared, found by asking it otherwise: with inputs changed, twice, one record alone, with classes renamed. A
//! cause is likely where the change brings what was declared back.

use paname_core::{
    Access, Ctx, DType, Error, Features, Indices, Input, Outputs, Query, Result, Signal, Target, Task,
    Tensor, kernel,
};
use paname_evidence::Cause;
use paname_stats::Rate;

use super::changes::{Change, changes};
use super::{Declared, accuracy_is_near, loss_is_near, mean_loss};

/// How far two answers to one question may differ, as a share of the largest one: batches of another size round otherwise.
const SAME_ANSWER: f32 = 1e-3;
/// Records that are asked about one at a time.
const ASKED_ALONE: usize = 4;

/// Records to ask about.
pub(super) struct Sample {
    ids: Indices,
    /// Their inputs, where those are numbers.
    rows: Option<Tensor>,
    labels: Vec<u32>,
    member: Vec<bool>,
    classes: usize,
}

impl Sample {
    pub(super) fn new(
        features: &Features,
        records: &[u32],
        labels: &[u32],
        member: &[bool],
        classes: usize,
    ) -> Result<Self> {
        Ok(Self {
            ids: records.into(),
            rows: match features {
                Features::Tensor(tensor) => Some(tensor.gather(records)?),
                _ => None,
            },
            labels: records.iter().map(|&record| labels[record as usize]).collect(),
            member: records.iter().map(|&record| member[record as usize]).collect(),
            classes,
        })
    }
}

/// What the target answered to the whole sample.
struct Answers {
    /// Class by class, or the class alone.
    values: Vec<f32>,
    predicted: Vec<u32>,
    outputs: Outputs,
}

/// Likely causes, the likeliest first.
pub(super) fn likely(
    target: &dyn Target,
    sample: &Sample,
    declared: &Declared,
    confidence: f64,
    ctx: &Ctx<'_>,
) -> Result<Vec<Cause>> {
    let offers = target.card().offers();
    let wanted = [Access::LOGITS, Access::PROBABILITIES, Access::LABELS];
    let Some(want) = wanted.into_iter().find(|want| offers.contains(*want)) else { return Ok(Vec::new()) };
    let records = |ids: Indices| Query::records(ids, want);
    let ask = |query: &Query| answers(target, query);
    let first = ask(&records(sample.ids.clone()))?;
    let all = |_: usize| true;
    let base = Figures { declared, confidence, sample, labels: &sample.labels }.distance(&first, all)?;

    let mut found = Vec::new();
    if changes_its_mind(&first, sample, |ids| ask(&records(ids)))? {
        found.push(Cause::EvaluationMode);
    }
    // No slip makes a model better than it is.
    if base.near || base.better {
        return Ok(found);
    }
    let mut likely: Vec<(f64, Cause)> = Vec::new();
    if let Some(rows) = &sample.rows {
        let changes = changes(rows.shape(), rows.dtype() == DType::U8);
        for (done, (cause, change)) in changes.iter().enumerate() {
            ctx.tick(done, changes.len())?;
            let changed = change_rows(change, rows)?;
            let query = Query { input: Input::Tensor(changed), labels: None, want, layers: Vec::new() };
            // What the target cannot take is not what it was made for.
            let Ok(answers) = ask(&query) else { continue };
            let after =
                Figures { declared, confidence, sample, labels: &sample.labels }.distance(&answers, all)?;
            if after.near && after.total < base.total {
                likely.push((after.total, *cause));
            }
        }
    }
    // Last, since it explains whatever exchanges whole classes.
    likely.extend(renamed(&first, sample, declared, confidence)?);
    // The sort is stable: of equals the first in the list of changes.
    likely.sort_by(|a, b| a.0.total_cmp(&b.0));
    for (_, cause) in likely {
        if !found.contains(&cause) {
            found.push(cause);
        }
    }
    Ok(found)
}

fn change_rows(change: &Change, rows: &Tensor) -> Result<Tensor> {
    let (values, shape) = change.apply(rows.to_f32()?.into_owned(), rows.shape());
    if rows.dtype() == DType::U8 && matches!(change, Change::Reverse(_) | Change::Arrange { .. }) {
        // Bytes in another place are bytes still, which an adapter scales.
        return Tensor::from_vec(values.into_iter().map(|value| value as u8).collect::<Vec<u8>>(), &shape);
    }
    Tensor::from_vec(values, &shape)
}

fn answers(target: &dyn Target, query: &Query) -> Result<Answers> {
    let outputs = target.predict(query)?;
    outputs.check_rows(query.len())?;
    let scores = outputs.logits.as_ref().or(outputs.probabilities.as_ref());
    let Some(tensor) = scores.or(outputs.labels.as_ref()) else { return Err(Error::Denied(query.want)) };
    let values = tensor.to_f32()?.into_owned();
    let width = values.len() / query.len().max(1);
    let predicted = match scores {
        Some(_) => values.chunks_exact(width.max(1)).map(largest).collect(),
        None => values.iter().map(|class| *class as u32).collect(),
    };
    Ok(Answers { values, predicted, outputs })
}

fn largest(row: &[f32]) -> u32 {
    let best = (0..row.len()).max_by(|a, b| row[*a].total_cmp(&row[*b]).then(b.cmp(a)));
    best.unwrap_or_default() as u32
}

/// Whether the same question gets another answer the second time, or alone: dropout at work, or statistics of the batch.
fn changes_its_mind(
    first: &Answers,
    sample: &Sample,
    ask: impl Fn(Indices) -> Result<Answers>,
) -> Result<bool> {
    let again = ask(sample.ids.clone())?;
    if differ(&first.values, &again.values) {
        return Ok(true);
    }
    let width = first.values.len() / sample.ids.len().max(1);
    for (row, &id) in sample.ids.iter().enumerate().take(ASKED_ALONE) {
        // A model that needs several records at a time cannot be asked so.
        let Ok(alone) = ask([id].into_iter().collect()) else { continue };
        if differ(&first.values[row * width..(row + 1) * width], &alone.values) {
            return Ok(true);
        }
    }
    Ok(false)
}

fn differ(a: &[f32], b: &[f32]) -> bool {
    let scale = a.iter().chain(b).fold(1.0_f32, |most, value| most.max(value.abs()));
    a.len() != b.len() || a.iter().zip(b).any(|(a, b)| (a - b).abs() > SAME_ANSWER * scale)
}

/// How far answers are from what is declared.
struct Distance {
    near: bool,
    /// Some figure is better than declared, and not near.
    better: bool,
    total: f64,
}

/// What answers are held against.
struct Figures<'a> {
    declared: &'a Declared,
    confidence: f64,
    sample: &'a Sample,
    labels: &'a [u32],
}

impl Figures<'_> {
    /// Accuracy and loss over the records that are kept, against every declared figure.
    fn distance(&self, answers: &Answers, keep: impl Fn(usize) -> bool) -> Result<Distance> {
        let mut all = Distance { near: true, better: false, total: 0.0 };
        let losses = if self.declared.names_loss() { self.losses(answers) } else { None };
        for (side, of_members) in [true, false].into_iter().enumerate() {
            let rows: Vec<usize> =
                (0..self.labels.len()).filter(|&r| self.sample.member[r] == of_members && keep(r)).collect();
            if let Some(declared) = self.declared.accuracy[side] {
                let hits = rows.iter().filter(|&&r| answers.predicted[r] == self.labels[r]).count() as u64;
                let rate = Rate::new(hits, rows.len() as u64, self.confidence)
                    .map_err(|e| Error::Other(e.to_string()))?;
                let near = accuracy_is_near(declared, &rate);
                all.near &= near;
                all.better |= !near && rate.estimate > declared;
                all.total += (declared - rate.estimate).abs();
            }
            if let (Some(declared), Some(losses)) = (self.declared.loss[side], &losses) {
                let loss = mean_loss(rows.iter().map(|&r| f64::from(losses[r])), Task::Classification);
                let near = loss_is_near(declared, &loss, Task::Classification);
                all.near &= near;
                all.better |= !near && loss.mean < declared;
                all.total += (declared - loss.mean).abs() / (1.0 + declared);
            }
        }
        Ok(all)
    }

    /// The loss of each answer, where it can be told.
    fn losses(&self, answers: &Answers) -> Option<Vec<f32>> {
        let mut losses = vec![0.0; self.labels.len()];
        kernel::write_signal(Signal::Loss, &answers.outputs, Some(self.labels), &mut losses, 1).ok()?;
        Some(losses)
    }
}

/// Whether other names of the classes bring back what was declared: found on every other record, the commonest pairs first, and checked on the rest.
fn renamed(
    answers: &Answers,
    sample: &Sample,
    declared: &Declared,
    confidence: f64,
) -> Result<Option<(f64, Cause)>> {
    let classes = sample.classes;
    let mut counts = vec![0_u32; classes * classes];
    for (row, (&predicted, &label)) in answers.predicted.iter().zip(&sample.labels).enumerate() {
        if row % 2 == 0 && (predicted as usize) < classes && (label as usize) < classes {
            counts[label as usize * classes + predicted as usize] += 1;
        }
    }
    let mut pairs: Vec<usize> = (0..counts.len()).filter(|&pair| counts[pair] > 0).collect();
    pairs.sort_by_key(|&pair| std::cmp::Reverse(counts[pair]));
    let mut name: Vec<Option<u32>> = vec![None; classes];
    let mut given = vec![false; classes];
    for pair in pairs {
        let (label, predicted) = (pair / classes, pair % classes);
        if name[label].is_none() && !given[predicted] {
            name[label] = Some(predicted as u32);
            given[predicted] = true;
        }
    }
    // Classes that were not met share the names that are left.
    let mut left = (0..classes as u32).filter(|&class| !given[class as usize]);
    let name: Vec<u32> =
        name.into_iter().map(|name| name.or_else(|| left.next()).unwrap_or_default()).collect();
    if name.iter().copied().eq(0..classes as u32) {
        return Ok(None);
    }
    let labels: Vec<u32> =
        sample.labels.iter().map(|&label| name.get(label as usize).copied().unwrap_or(label)).collect();
    let others = |row: usize| row % 2 == 1;
    let before =
        Figures { declared, confidence, sample, labels: &sample.labels }.distance(answers, others)?;
    let after = Figures { declared, confidence, sample, labels: &labels }.distance(answers, others)?;
    let likely = after.near && after.total < before.total;
    Ok(likely.then_some((after.total, Cause::LabelOrder)))
}
