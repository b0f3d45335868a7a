//! Fitting a model: data held once and gathered by index, one network after the other, everything random from the run's own streams.

use paname_core::{Ctx, Error, Labels, Objective, Result, Transformation};
use tch::{Device, Kind, Reduction, Tensor};

use crate::augment::augment;
use crate::config::check_transformation;
use crate::course::Course;
use crate::error::from_torch;
use crate::model::Learner;
use crate::optimizer::Stepper;
use crate::preparation::Preparation;
use crate::random::Stream;
use crate::tensor::of_slice;

/// Prepared records above so many bytes are prepared batch by batch instead of once.
const MOST_PREPARED: i64 = 1 << 30;
/// Rows that tell loss and accuracy of a fitted model: enough for a percent, where a whole pass would take a tenth of a short fit.
const MOST_MEASURED: usize = 2048;
/// Records that are measured at a time.
const MEASURED: i64 = 512;

/// Data to fit on, for all runs.
pub(crate) struct Data {
    /// Raw or prepared records `[records, …]`.
    records: Tensor,
    /// How raw records are prepared; nothing is left to do where they are.
    preparation: Option<Preparation>,
    /// Classes `[records]`, or values `[records, …]`, or probabilities `[records, classes]`.
    answers: Tensor,
    /// Shape of a prepared record.
    pub(crate) record: Vec<i64>,
    /// Number of outputs that fit the labels.
    pub(crate) outputs: i64,
}

impl Data {
    pub(crate) fn new(
        raw: &Tensor,
        labels: &Labels,
        preparation: &Preparation,
        objective: Objective,
        device: Device,
    ) -> Result<Self> {
        let record = preparation.record_shape(raw.size().get(1..).unwrap_or_default())?;
        let count = raw.size().first().copied().unwrap_or(0);
        let (answers, outputs) = match (objective, labels) {
            (Objective::CrossEntropy, Labels::Classes { values, classes }) => {
                if let Some(class) = values.iter().find(|&&class| class as usize >= *classes) {
                    return Err(Error::mismatch(
                        "labels to fit on",
                        format!("classes below {classes}"),
                        class,
                    ));
                }
                let values: Vec<i64> = values.iter().map(|&class| class.into()).collect();
                (of_slice(&values, &[values.len() as i64])?, *classes as i64)
            }
            (Objective::MeanSquaredError, Labels::Values(values)) => {
                let values =
                    crate::tensor::Lent::new(values)?.copied()?.f_to_kind(Kind::Float).map_err(from_torch)?;
                let values = values.f_reshape([count, -1]).map_err(from_torch)?;
                let width = values.size()[1];
                (values, width)
            }
            (Objective::Distillation, Labels::Values(values)) => {
                let values = crate::tensor::Lent::new(values)?.copied()?;
                let values = values.f_to_kind(Kind::Float).map_err(from_torch)?;
                check_probabilities(&values)?;
                let classes = values.size()[1];
                (values, classes)
            }
            (Objective::CrossEntropy, _) => {
                return Err(Error::mismatch("labels to fit on", "classes", "others, or none"));
            }
            (Objective::Distillation, _) => {
                let expected = "the probabilities that another model gives";
                return Err(Error::mismatch("labels to fit on", expected, "others, or none"));
            }
            _ => return Err(Error::mismatch("labels to fit on", "real values", "others, or none")),
        };
        if answers.size().first() != Some(&count) {
            let got = answers.size().first().copied().unwrap_or(0);
            return Err(Error::mismatch("labels to fit on", format!("one for each of {count} records"), got));
        }
        let answers = answers.f_to(device).map_err(from_torch)?;
        let bytes = count * record.iter().product::<i64>() * 4;
        if bytes <= MOST_PREPARED {
            let raw = raw.f_to(device).map_err(from_torch)?;
            let records = tch::no_grad(|| preparation.batch(&raw))
                .and_then(|r| r.f_contiguous().map_err(from_torch))?;
            return Ok(Self { records, preparation: None, answers, record, outputs });
        }
        Ok(Self {
            records: raw.shallow_clone(),
            preparation: Some(preparation.clone()),
            answers,
            record,
            outputs,
        })
    }

    /// The given records, prepared, and their answers.
    fn gather(&self, rows: &Tensor) -> Result<(Tensor, Tensor)> {
        let device = self.answers.device();
        // Prepared records are where the model is; raw ones may be in main memory.
        let at = rows.f_to(self.records.device()).map_err(from_torch)?;
        let records = self.records.f_index_select(0, &at).and_then(|r| r.f_to(device)).map_err(from_torch)?;
        let records = match &self.preparation {
            Some(preparation) => preparation.batch(&records)?,
            None => records,
        };
        let answers =
            rows.f_to(device).and_then(|rows| self.answers.f_index_select(0, &rows)).map_err(from_torch)?;
        Ok((records, answers))
    }

    fn count(&self) -> u32 {
        self.records.size().first().map_or(0, |&count| count as u32)
    }
}

/// Farthest that the probabilities of a row may be from a sum of 1.
const ROUNDING: f64 = 1e-3;

fn check_probabilities(values: &Tensor) -> Result<()> {
    if values.dim() != 2 {
        let got = format!("shape {:?}", values.size());
        return Err(Error::mismatch("labels to fit on", "probabilities [records, classes]", got));
    }
    let wrong = || {
        let sums = values.f_sum_dim_intlist([1_i64].as_slice(), false, Kind::Double)?;
        // Comparisons with what is no number are false.
        let summed = sums.f_sub_scalar(1.0)?.f_abs()?.f_le(ROUNDING)?;
        let wrong = values.f_ge(0.0)?.f_all_dim(1, false)?.f_logical_and(&summed)?.f_logical_not()?;
        let first = wrong.f_to_kind(Kind::Int8)?.f_argmax(None, false)?;
        Ok(if wrong.f_any()?.f_int64_value(&[])? != 0 { Some(first.f_int64_value(&[])?) } else { None })
    };
    match wrong().map_err(from_torch)? {
        Some(row) => {
            let expected = "probabilities, which are from 0 to 1 and sum to 1";
            Err(Error::mismatch(format!("labels to fit on, row {row}"), expected, "other numbers"))
        }
        None => Ok(()),
    }
}

/// What a run left.
pub(crate) struct Run<L> {
    pub(crate) model: L,
    /// Mean loss on a sample of its own rows.
    pub(crate) loss: f64,
    /// Share of them that it classifies rightly; none where it was not fitted to classes.
    pub(crate) accuracy: Option<f64>,
}

/// Fits one model on some rows. `begin` gives it as it begins, on the device of the data, and `kept` is given it after each pass of
/// [`Course::checkpoints`].
pub(crate) fn fit<L: Learner>(
    begin: impl FnOnce() -> Result<L>,
    course: &Course,
    data: &Data,
    rows: &[u32],
    seed: u64,
    ctx: &Ctx<'_>,
    kept: &mut dyn FnMut(u32, &L) -> Result<()>,
) -> Result<Run<L>> {
    if let Some(row) = rows.iter().find(|&&row| row >= data.count()) {
        return Err(Error::mismatch("row to fit on", format!("below {}", data.count()), row));
    }
    if rows.len() < 2 {
        return Err(Error::mismatch("rows to fit on", "at least 2", rows.len()));
    }
    check_augmentation(&course.augmentation, &data.record)?;
    let model = begin()?;
    let mut parameters: Vec<Tensor> = model.learnt().into_iter().map(|p| p.set_requires_grad(true)).collect();
    let mut average = course.average.map(|share| (share, detached(&parameters)));
    let mut stepper = Stepper::new(course, &parameters);
    let mut order = Stream::new(seed, "order");
    let mut changes = Stream::new(seed, "augmentation");
    tch::manual_seed(Stream::new(seed, "dropout").seed());
    let mut rows: Vec<i64> = rows.iter().map(|&row| row.into()).collect();
    let held_out = course.early_stop.map(|stop| hold_out(&mut rows, stop.share, seed)).unwrap_or_default();
    let held_out = of_slice(&held_out, &[held_out.len() as i64])?;
    let mut best: Option<(f64, u32, Vec<Tensor>)> = None;
    let batches = rows.len().div_ceil(course.batch);
    let steps = batches * course.epochs as usize;
    for epoch in 0..course.epochs {
        order.shuffle(&mut rows);
        let shuffled = of_slice(&rows, &[rows.len() as i64])?;
        let mut total = Tensor::zeros([], (Kind::Float, data.answers.device()));
        for batch in 0..batches {
            let step = epoch as usize * batches + batch;
            ctx.tick(step, steps)?;
            let start = batch * course.batch;
            let length = course.batch.min(rows.len() - start);
            if length == 1 && course.batch > 1 && batches > 1 {
                // Statistics of a batch of one are none.
                continue;
            }
            let chosen = shuffled.f_narrow(0, start as i64, length as i64).map_err(from_torch)?;
            let (mut records, answers) = data.gather(&chosen)?;
            if records.dim() == 3 && !course.augmentation.is_empty() {
                records = records.unsqueeze(1);
            }
            let records = augment(records, &course.augmentation, &mut changes)?;
            let loss = loss(&model.answer(&records, true)?, &answers, course)?;
            let gradients = of_loss(&loss, &parameters)?;
            stepper.step(&mut parameters, &gradients, course.rate(step, steps, batches))?;
            total = total.f_add(&loss.detach()).map_err(from_torch)?;
            if let Some((share, means)) = &mut average {
                blend(means, &parameters, *share)?;
            }
        }
        // One look a pass: each would wait for all that was asked before.
        let total = total.f_double_value(&[]).map_err(from_torch)?;
        if !total.is_finite() {
            return Err(Error::Other(format!(
                "the loss is {total} in pass {} of {}; a smaller `learning-rate` may help",
                epoch + 1,
                course.epochs
            )));
        }
        // What is kept and measured is what the fit would give if it ended here: the average, where there is one.
        let moving = average.as_ref().map(|(_, means)| (detached(&parameters), means));
        if let Some((_, means)) = &moving {
            restore(&parameters, means)?;
        }
        if course.checkpoints.contains(&(epoch + 1)) {
            kept(epoch + 1, &model)?;
        }
        if let Some(stop) = course.early_stop {
            let (loss, _) = measure(&model, data, &held_out, course.objective)?;
            match &best {
                Some((lowest, since, _)) if loss >= *lowest => {
                    if epoch - since >= stop.patience {
                        break;
                    }
                }
                _ => best = Some((loss, epoch, copied(&model))),
            }
        }
        if let Some((values, _)) = &moving {
            restore(&parameters, values)?;
        }
    }
    if let Some((_, means)) = average {
        restore(&parameters, &means)?;
    }
    if let Some((_, _, values)) = best {
        let all: Vec<Tensor> = model.state().into_iter().map(|(_, value)| value).collect();
        restore(&all, &values)?;
    }
    for parameter in &parameters {
        let _ = parameter.set_requires_grad(false);
    }
    // In the order of the last pass, hence a sample that chance drew.
    rows.truncate(MOST_MEASURED);
    let rows = of_slice(&rows, &[rows.len() as i64])?;
    let (loss, accuracy) = measure(&model, data, &rows, course.objective)?;
    if !loss.is_finite() {
        return Err(Error::Other(format!(
            "the loss of the fitted model is {loss}; a smaller `learning-rate` may help"
        )));
    }
    Ok(Run { model, loss, accuracy })
}

fn check_augmentation(changes: &[Transformation], record: &[i64]) -> Result<()> {
    if changes.is_empty() {
        return Ok(());
    }
    let (&[height, width] | &[_, height, width]) = record else {
        let got = format!("{record:?}");
        return Err(Error::mismatch("records to change at random", "images [channels, height, width]", got));
    };
    changes.iter().try_for_each(|change| check_transformation(change, height, width))
}

/// Takes a share of the rows out, at least one and not all.
fn hold_out(rows: &mut Vec<i64>, share: f64, seed: u64) -> Vec<i64> {
    Stream::new(seed, "held out").shuffle(rows);
    let count = ((rows.len() as f64 * share).round() as usize).clamp(1, rows.len() - 1);
    rows.split_off(rows.len() - count)
}

/// The mean loss that a step goes down.
fn loss(outputs: &Tensor, answers: &Tensor, course: &Course) -> Result<Tensor> {
    match course.objective {
        // To probabilities as well as to classes.
        Objective::CrossEntropy | Objective::Distillation => outputs.f_cross_entropy_loss(
            answers,
            None::<Tensor>,
            Reduction::Mean,
            -100,
            course.label_smoothing,
        ),
        _ => outputs.f_mse_loss(answers, Reduction::Mean),
    }
    .map_err(from_torch)
}

/// The gradient of the loss with respect to each parameter; zero with respect to one that it does not depend on.
fn of_loss(loss: &Tensor, parameters: &[Tensor]) -> Result<Vec<Tensor>> {
    if !loss.requires_grad() {
        return Err(Error::Other("no parameter of the model has a part in its answers".into()));
    }
    let gradients = Tensor::f_run_backward(&[loss], parameters, false, false).map_err(from_torch)?;
    let whole = |(gradient, parameter): (Tensor, &Tensor)| {
        if gradient.defined() { Ok(gradient) } else { parameter.f_zeros_like().map_err(from_torch) }
    };
    gradients.into_iter().zip(parameters).map(whole).collect()
}

/// Mean loss and accuracy of a model on some rows, as it is when it is asked.
fn measure<L: Learner>(
    model: &L,
    data: &Data,
    rows: &Tensor,
    objective: Objective,
) -> Result<(f64, Option<f64>)> {
    let count = rows.size()[0];
    tch::no_grad(|| {
        let (mut sum, mut right) = (0.0, 0.0);
        for start in (0..count).step_by(MEASURED as usize) {
            let chosen = rows.f_narrow(0, start, MEASURED.min(count - start)).map_err(from_torch)?;
            let (records, answers) = data.gather(&chosen)?;
            let outputs = model.answer(&records, false)?;
            let value = |tensor: std::result::Result<Tensor, tch::TchError>| {
                tensor
                    .and_then(|t| t.f_sum(Kind::Double))
                    .and_then(|t| t.f_double_value(&[]))
                    .map_err(from_torch)
            };
            if objective != Objective::MeanSquaredError {
                sum += value(outputs.f_cross_entropy_loss(
                    &answers,
                    None::<Tensor>,
                    Reduction::None,
                    -100,
                    0.0,
                ))?;
            }
            if objective == Objective::CrossEntropy {
                right += value(outputs.f_argmax(1, false).and_then(|best| best.f_eq_tensor(&answers)))?;
            } else if objective == Objective::MeanSquaredError {
                let each = outputs.f_mse_loss(&answers, Reduction::None);
                sum += value(each.and_then(|e| e.f_mean_dim([1_i64].as_slice(), false, None::<Kind>)))?;
            }
        }
        let accuracy = (objective == Objective::CrossEntropy).then_some(right / count as f64);
        Ok((sum / count as f64, accuracy))
    })
}

fn detached(parameters: &[Tensor]) -> Vec<Tensor> {
    parameters.iter().map(|p| p.detach().copy()).collect()
}

fn copied<L: Learner>(model: &L) -> Vec<Tensor> {
    model.state().into_iter().map(|(_, value)| value.detach().copy()).collect()
}

/// mean ← share · mean + (1 − share) · value.
fn blend(means: &mut [Tensor], values: &[Tensor], share: f64) -> Result<()> {
    tch::no_grad(|| {
        for (mean, value) in means.iter_mut().zip(values) {
            let _ = mean.f_lerp_(value, 1.0 - share).map_err(from_torch)?;
        }
        Ok(())
    })
}

/// Puts values into tensors that a network has.
fn restore(places: &[Tensor], values: &[Tensor]) -> Result<()> {
    tch::no_grad(|| {
        for (place, value) in places.iter().zip(values) {
            place.shallow_clone().f_copy_(value).map_err(from_torch)?;
        }
        Ok(())
    })
}
