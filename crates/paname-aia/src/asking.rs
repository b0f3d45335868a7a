//! What the attacks share that ask the model themselves.

use paname_core::{
    Access, Augmentation, Case, Ctx, Error, Indices, Input, Outputs, Query, Result, Tensor, Whom,
};

/// Records that are asked about at a time.
const BATCH: usize = 4096;

/// The answers about records with one candidate value.
pub(crate) fn about(
    case: &Case<'_>,
    ids: Indices,
    candidate: usize,
    want: Access,
    layers: &[String],
) -> Result<Outputs> {
    let rows = ids.len();
    let input = Input::Records(ids, Augmentation(candidate as u32));
    let answers = case.target().predict(&Query { input, labels: None, want, layers: layers.to_vec() })?;
    answers.check_rows(rows)?;
    Ok(answers)
}

/// What the model predicts of records with one candidate value: a class or real values.
fn predicted(case: &Case<'_>, ids: Indices, candidate: usize) -> Result<Tensor> {
    about(case, ids, candidate, Access::LABELS, &[])?.labels.ok_or(Error::Denied(Access::LABELS))
}

/// What the model predicts of each record with each candidate value `[records][candidates][width]`, one row per record and candidate.
pub(crate) fn predictions<T: Clone + Default>(
    case: &Case<'_>,
    ctx: &Ctx<'_>,
    whom: Whom,
    width: usize,
    read: impl Fn(&Tensor) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let candidates = case.attribute()?.candidates.len();
    let ids = &case.cohort(whom).ids;
    let mut all = vec![T::default(); ids.len() * candidates * width];
    for start in (0..ids.len()).step_by(BATCH) {
        ctx.tick(start, ids.len())?;
        let batch = start..ids.len().min(start + BATCH);
        for candidate in 0..candidates {
            let answers = read(&predicted(case, ids[batch.clone()].into(), candidate)?)?;
            check_width(answers.len(), batch.len(), width)?;
            for (r, answer) in batch.clone().zip(answers.chunks_exact(width.max(1))) {
                all[(r * candidates + candidate) * width..][..width].clone_from_slice(answer);
            }
        }
    }
    ctx.tick(ids.len(), ids.len())?;
    Ok(all)
}

/// What the model predicts of each population record as it is `[population][width]`.
pub(crate) fn predictions_at_truth<T: Clone + Default>(
    case: &Case<'_>,
    ctx: &Ctx<'_>,
    width: usize,
    read: impl Fn(&Tensor) -> Result<Vec<T>>,
) -> Result<Vec<T>> {
    let attribute = case.attribute()?;
    let ids = &case.population().ids;
    let mut all = vec![T::default(); ids.len() * width];
    for candidate in 0..attribute.candidates.len() {
        let having: Vec<usize> =
            (0..ids.len()).filter(|r| attribute.population[*r] as usize == candidate).collect();
        for batch in having.chunks(BATCH) {
            ctx.tick(candidate, attribute.candidates.len())?;
            let numbers: Indices = batch.iter().map(|&r| ids[r]).collect();
            let answers = read(&predicted(case, numbers, candidate)?)?;
            check_width(answers.len(), batch.len(), width)?;
            for (r, answer) in batch.iter().zip(answers.chunks_exact(width.max(1))) {
                all[r * width..(r + 1) * width].clone_from_slice(answer);
            }
        }
    }
    ctx.tick(ids.len(), ids.len())?;
    Ok(all)
}

fn check_width(answers: usize, rows: usize, width: usize) -> Result<()> {
    if answers == rows * width {
        return Ok(());
    }
    Err(Error::mismatch("predictions", format!("{width} for each of {rows} questions"), answers))
}
