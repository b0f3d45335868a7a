//! Fits of toys: students that learn from the answers of another model.

use std::sync::Arc;

use paname_core::{
    Access, Augmentation, Case, Checkpoint, Error, Features, Findings, FitRun, Fitted, Host, Indices, Input,
    Labels, Objective, Outputs, Pullback, Query, Recipe, Records, Result, Target, TargetCard, Tensor,
};
use serde_json::Value;

use crate::toy::{log_sum_exp, softmax};

/// A host that fits students besides all that another host does: logits linear in the inputs, fitted to probabilities by gradient descent on the
/// cross-entropy with all rows at once. It takes the epochs and the checkpoints of a recipe, and no other objective than distillation. Of their logits
/// students give gradients.
#[derive(Clone, Copy)]
pub struct Students<'a>(pub &'a dyn Host);

/// Passes where a recipe names none.
const USUAL_EPOCHS: u32 = 20;
/// Step size, times the mean squared length of an input.
const STEP: f32 = 4.0;

impl Host for Students<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.0.progress(done, total);
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }

    fn log(&self, line: &str) {
        self.0.log(line);
    }

    fn chose(&self, parameter: &str, value: &str) {
        self.0.chose(parameter, value);
    }

    fn fit(&self, recipe: &Recipe, data: &Records, runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
        if recipe.objective != Objective::Distillation {
            return Err(Error::Unsupported("students of toys are fitted by distillation only".into()));
        }
        let (Features::Tensor(inputs), Labels::Values(answers)) = (&data.inputs, &data.labels) else {
            return Err(Error::mismatch("data of a student", "inputs and probabilities", "others"));
        };
        let (&[rows, ref shape @ ..], &[also, classes]) = (inputs.shape(), answers.shape()) else {
            return Err(Error::mismatch(
                "data of a student",
                "rows of numbers",
                format!("{inputs:?}, {answers:?}"),
            ));
        };
        if (rows, rows) != (also, data.ids.len()) {
            return Err(Error::mismatch("answers to learn from", rows, also));
        }
        let (shape, width) = (shape.to_vec(), shape.iter().product());
        let lesson = Lesson {
            inputs: inputs.to_f32()?.into_owned(),
            answers: answers.to_f32()?.into_owned(),
            ids: data.ids.clone(),
            shape,
            width,
            classes,
        };
        let lesson = Arc::new(lesson);
        Ok(runs.iter().map(|run| lesson.fit(recipe, run)).collect())
    }

    fn run(&self, name: &str, config: &Value, case: &Case<'_>) -> Result<Findings> {
        self.0.run(name, config, case)
    }
}

/// What a student learns from.
struct Lesson {
    /// `[rows][width]`.
    inputs: Vec<f32>,
    /// `[rows][classes]`.
    answers: Vec<f32>,
    ids: Indices,
    /// Of one input.
    shape: Vec<usize>,
    width: usize,
    classes: usize,
}

impl Lesson {
    fn fit(self: &Arc<Self>, recipe: &Recipe, run: &FitRun) -> Result<Fitted> {
        let count = self.ids.len();
        if let Some(row) = run.rows.iter().find(|row| **row as usize >= count) {
            return Err(Error::mismatch("row to fit on", format!("below {count}"), row));
        }
        let squares: f32 = self.inputs.iter().map(|x| x * x).sum();
        let rate = STEP / (squares / count.max(1) as f32).max(f32::MIN_POSITIVE);
        let mut weights = vec![0.0; self.classes * self.width];
        let mut checkpoints = Vec::new();
        for epoch in 1..=recipe.epochs.unwrap_or(USUAL_EPOCHS) {
            let mut gradient = vec![0.0; weights.len()];
            for row in run.rows.iter().map(|row| *row as usize) {
                let x = &self.inputs[row * self.width..(row + 1) * self.width];
                let told = &self.answers[row * self.classes..(row + 1) * self.classes];
                let own = softmax(&logits(&weights, x), self.classes);
                for ((slot, own), told) in gradient.chunks_exact_mut(self.width).zip(own).zip(told) {
                    slot.iter_mut().zip(x).for_each(|(slot, x)| *slot += (own - told) * x);
                }
            }
            let step = rate / run.rows.len().max(1) as f32;
            weights.iter_mut().zip(&gradient).for_each(|(w, g)| *w -= step * g);
            if recipe.checkpoints.contains(&epoch) {
                checkpoints.push(Checkpoint { epoch, target: self.student(&weights) });
            }
        }
        let target = self.student(&weights);
        Ok(Fitted { target, weights: None, train_loss: None, train_accuracy: None, checkpoints })
    }

    fn student(self: &Arc<Self>, weights: &[f32]) -> Box<dyn Target> {
        let access = Access::LOGITS.with_implied() | Access::NEW_INPUTS | Access::INPUT_GRADIENT;
        let card = TargetCard {
            name: "student".into(),
            classes: Some(self.classes),
            access: access.names().map(str::to_owned).collect(),
            augmentations: 1,
            ..TargetCard::default()
        };
        Box::new(Student { card, weights: weights.to_vec(), lesson: Arc::clone(self) })
    }
}

/// A model that learned from the answers of another.
struct Student {
    card: TargetCard,
    /// `[classes][width]`.
    weights: Vec<f32>,
    lesson: Arc<Lesson>,
}

fn logits(weights: &[f32], x: &[f32]) -> Vec<f32> {
    weights.chunks_exact(x.len().max(1)).map(|row| row.iter().zip(x).map(|(w, x)| w * x).sum()).collect()
}

impl Target for Student {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        let inputs = match &query.input {
            Input::Tensor(rows) => rows.clone(),
            Input::Records(ids, Augmentation(0)) => self.input(ids)?,
            _ => {
                return Err(Error::Unsupported("a student answers about records and rows of numbers".into()));
            }
        };
        if inputs.shape().get(1..) != Some(&self.lesson.shape[..]) {
            let expected = format!("rows of {:?} numbers", self.lesson.shape);
            return Err(Error::mismatch("inputs", expected, format!("shape {:?}", inputs.shape())));
        }
        let (rows, classes) = (query.len(), self.lesson.classes);
        let values = inputs.to_f32()?;
        let all: Vec<f32> =
            values.chunks_exact(self.lesson.width).flat_map(|x| logits(&self.weights, x)).collect();
        let mut outputs = Outputs::default();
        let shape = [rows, classes];
        if query.want.contains(Access::PROBABILITIES) {
            outputs.probabilities = Some(Tensor::from_vec(softmax(&all, classes), &shape)?);
        }
        if query.want.contains(Access::LOSS) {
            let labels = query.labels.as_ref().ok_or_else(|| Error::mismatch("labels", "classes", "none"))?;
            let losses = all.chunks_exact(classes).zip(labels.to_i64()?);
            let losses = losses.map(|(z, class)| log_sum_exp(z) - z[class as usize]);
            outputs.loss = Some(Tensor::from_vec(losses.collect(), &[rows])?);
        }
        if query.want.contains(Access::LOGITS) {
            outputs.logits = Some(Tensor::from_vec(all, &shape)?);
        }
        Ok(outputs)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let Self { weights, lesson, .. } = self;
        Ok((self.predict(query)?, Box::new(Back { weights: weights.clone(), lesson: Arc::clone(lesson) })))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let Lesson { inputs, ids, shape, width, .. } = &*self.lesson;
        let mut rows = Vec::with_capacity(records.len() * width);
        for record in records.iter() {
            let place = ids.iter().position(|id| id == record).ok_or_else(|| {
                Error::mismatch("record", "one of the data that the model was fitted with", "another")
            })?;
            rows.extend_from_slice(&inputs[place * width..(place + 1) * width]);
        }
        Tensor::from_vec(rows, &[&[records.len()], &shape[..]].concat())
    }
}

/// The way back of the logits of a student: the same for all inputs.
struct Back {
    weights: Vec<f32>,
    lesson: Arc<Lesson>,
}

impl Pullback for Back {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let Lesson { classes, shape, width, .. } = &*self.lesson;
        let given = cotangent.logits.as_ref().ok_or(Error::Denied(Access::LOGITS))?;
        let mut slopes = Vec::with_capacity(given.rows() * width);
        for c in given.to_f32()?.chunks_exact(*classes) {
            let mut row = vec![0.0_f32; *width];
            for (weights, c) in self.weights.chunks_exact(*width).zip(c) {
                row.iter_mut().zip(weights).for_each(|(slope, w)| *slope += c * w);
            }
            slopes.extend(row);
        }
        Tensor::from_vec(slopes, &[&[given.rows()], &shape[..]].concat())
    }
}
