//! Whether the model is the one that the manifest declares: accuracy and mean loss on members and non-members are measured again. Where they differ,
//! likely causes are found by trying ([`causes`]).

mod causes;
mod changes;

use paname_core::{Ctx, Labels, Result, Task};
use paname_evidence::{Cause, MeanLoss, Measure, Reason};
use paname_stats::Rate;
use rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::inputs::{self, Inputs, Supply};
use crate::judge::{Truth, shuffle};
use crate::manifest::{Content, Manifest};
use crate::store::{Draft, Object};

use causes::{Sample, likely};

/// How far a declared accuracy may lie outside the interval of the measured one: figures are often declared to the nearest percent.
const ACCURACY_TOLERANCE: f64 = 0.02;
/// How far a declared mean loss may lie from the measured one, besides two standard errors: this, and this share of it. Means of losses are declared
/// to two or three digits, and over other records of the same kind.
/// Losses of other tasks than classification have no scale of their own, and only the share counts.
const LOSS_TOLERANCE: f64 = 0.02;
const LOSS_TOLERANCE_SHARE: f64 = 0.05;
/// Cross-entropies beyond this one count as it: a probability that was rounded to zero would make every mean infinite.
const LARGEST_LOSS: f64 = 100.0;
/// Most records that the target is asked about to find causes, and most numbers that they may hold.
const MOST_RECORDS: usize = 1000;
const MOST_NUMBERS: usize = 1 << 22;
/// Name of the file with the causes.
const CAUSES: &str = "causes.json";

/// The figures that a manifest declares, on members and on non-members.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Declared {
    task: Task,
    accuracy: [Option<f64>; 2],
    loss: [Option<f64>; 2],
}

impl Declared {
    pub(crate) fn of(content: &Content) -> Self {
        let model = &content.model;
        Self {
            task: content.task(),
            accuracy: [model.train_accuracy, model.test_accuracy],
            loss: [model.train_loss, model.test_loss],
        }
    }

    /// Whether nothing is declared that could be measured.
    pub(crate) fn is_empty(&self) -> bool {
        self.accuracy == [None; 2] && self.loss == [None; 2]
    }

    /// Whether there is a loss to measure.
    pub(crate) fn names_loss(&self) -> bool {
        self.loss != [None; 2]
    }

    fn names_anything_of(&self, side: usize) -> bool {
        self.accuracy[side].is_some() || self.loss[side].is_some()
    }
}

/// The same figures as measured, where they can be.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Measured {
    pub(crate) accuracy: Option<[Rate; 2]>,
    pub(crate) loss: Option<[MeanLoss; 2]>,
}

/// Accuracy on members and on non-members.
pub(crate) fn accuracy(correct: &[bool], truth: &Truth, confidence: f64) -> Result<[Rate; 2], EngineError> {
    let side = |member: bool| {
        let rows = || truth.member.iter().zip(correct).filter(|(m, _)| **m == member);
        let hits = rows().filter(|(_, correct)| **correct).count() as u64;
        Rate::new(hits, rows().count() as u64, confidence).map_err(EngineError::other)
    };
    Ok([side(true)?, side(false)?])
}

/// Mean loss on members and on non-members.
pub(crate) fn loss(losses: &[f32], truth: &Truth, task: Task) -> [MeanLoss; 2] {
    [true, false].map(|member| {
        let rows = truth.member.iter().zip(losses).filter(|(m, _)| **m == member);
        mean_loss(rows.map(|(_, loss)| f64::from(*loss)), task)
    })
}

fn mean_loss(losses: impl Iterator<Item = f64>, task: Task) -> MeanLoss {
    let most = if task == Task::Classification { LARGEST_LOSS } else { f64::INFINITY };
    let losses: Vec<f64> = losses.map(|loss| loss.min(most)).collect();
    let records = losses.len().max(1) as f64;
    let mean = losses.iter().sum::<f64>() / records;
    let spread = losses.iter().map(|loss| (loss - mean).powi(2)).sum::<f64>() / (records - 1.0).max(1.0);
    MeanLoss { mean, standard_error: (spread / records).sqrt(), records: losses.len() as u64 }
}

fn accuracy_is_near(declared: f64, measured: &Rate) -> bool {
    declared > measured.interval.lower - ACCURACY_TOLERANCE
        && declared < measured.interval.upper + ACCURACY_TOLERANCE
}

fn loss_is_near(declared: f64, measured: &MeanLoss, task: Task) -> bool {
    let least = if task == Task::Classification { LOSS_TOLERANCE } else { 0.0 };
    let tolerance = 2.0 * measured.standard_error + least + LOSS_TOLERANCE_SHARE * declared.abs();
    (declared - measured.mean).abs() <= tolerance
}

/// Where what was measured is not what was declared.
pub(crate) fn mismatches(declared: &Declared, measured: &Measured, causes: &[Cause]) -> Vec<Reason> {
    let mut found = Vec::new();
    let task = declared.task;
    for (side, name) in ["train", "test"].into_iter().enumerate() {
        let mut add = |measure, declared, measured| {
            found.push(Reason::Fidelity {
                side: name.to_owned(),
                measure,
                declared,
                measured,
                causes: causes.to_vec(),
            });
        };
        if let (Some(declared), Some(rates)) = (declared.accuracy[side], &measured.accuracy)
            && !accuracy_is_near(declared, &rates[side])
        {
            add(Measure::Accuracy, declared, rates[side].estimate);
        }
        if let (Some(declared), Some(losses)) = (declared.loss[side], &measured.loss)
            && !loss_is_near(declared, &losses[side], task)
        {
            add(Measure::Loss, declared, losses[side].mean);
        }
    }
    found
}

/// Whether something was declared that could not be measured.
pub(crate) fn is_unmeasured(declared: &Declared, measured: &Measured) -> bool {
    let any = |figures: &[Option<f64>; 2]| figures.iter().any(Option::is_some);
    any(&declared.accuracy) && measured.accuracy.is_none() || any(&declared.loss) && measured.loss.is_none()
}

/// Whether causes can be looked for: figures are declared, and the target answers new questions about classes.
pub(crate) fn is_wanted(manifest: &Manifest, inputs: &Inputs) -> bool {
    let declared = Declared::of(&manifest.content);
    (0..2).any(|side| declared.names_anything_of(side))
        && !inputs.target.recorded
        && inputs.task == Task::Classification
        && inputs.classes.is_some_and(|classes| classes > 1)
}

#[derive(Serialize, Deserialize)]
struct Found {
    causes: Vec<Cause>,
}

/// Runs the step that looks for causes. It opens the truth, since declared figures are those of members or of non-members.
pub(crate) fn run(
    supply: &Supply<'_>,
    object: &Object,
    inputs: &Inputs,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> Result<(), EngineError> {
    let declared = Declared::of(&supply.manifest.content);
    let confidence = supply.manifest.content.statistics.confidence;
    let truth = inputs::truth(object)?;
    let causes = match inputs::labels(object, inputs)? {
        Labels::Classes { values, classes } => {
            let (target, features) = inputs::open_target(supply, object, inputs, ctx)?;
            let numbers = match &features {
                paname_core::Features::Tensor(tensor) => tensor.len() / tensor.rows().max(1),
                _ => 1,
            };
            let most = MOST_RECORDS.min((MOST_NUMBERS / numbers.max(1)).max(2));
            let records = drawn(&truth.member, &declared, most, &mut ctx.rng("records asked about"));
            let sample = Sample::new(&features, &records, &values, &truth.member, classes)?;
            likely(target.as_ref(), &sample, &declared, confidence, ctx)?
        }
        _ => Vec::new(),
    };
    draft.json(CAUSES, &Found { causes })
}

/// The causes that the step found.
pub(crate) fn found(object: &Object) -> Result<Vec<Cause>, EngineError> {
    Ok(object.json::<Found>(CAUSES)?.causes)
}

/// Records of the sides that something is declared of, at most half of `most` of each, in an order that chance drew.
fn drawn(member: &[bool], declared: &Declared, most: usize, rng: &mut impl Rng) -> Vec<u32> {
    let mut records = Vec::new();
    for (side, of_members) in [true, false].into_iter().enumerate() {
        if !declared.names_anything_of(side) {
            continue;
        }
        let mut all: Vec<u32> =
            (0..member.len() as u32).filter(|r| member[*r as usize] == of_members).collect();
        shuffle(&mut all, rng);
        all.truncate((most / 2).max(1));
        records.extend(all);
    }
    shuffle(&mut records, rng);
    records
}

#[cfg(test)]
mod tests {
    use super::*;

    fn measured(mean: f64, standard_error: f64) -> Measured {
        let loss = MeanLoss { mean, standard_error, records: 100 };
        Measured { accuracy: None, loss: Some([loss, loss]) }
    }

    #[test]
    fn what_is_declared_and_cannot_be_measured_is_known() {
        let accuracy = Declared { accuracy: [None, Some(0.9)], ..Declared::default() };
        let loss = Declared { loss: [Some(0.5), None], ..Declared::default() };
        assert!(is_unmeasured(&accuracy, &measured(0.5, 0.0)));
        assert!(
            !is_unmeasured(&loss, &measured(0.5, 0.0))
                && is_unmeasured(&loss, &Measured { accuracy: None, loss: None })
        );
        assert!(!is_unmeasured(&Declared::default(), &Measured { accuracy: None, loss: None }));
    }

    #[test]
    fn a_declared_loss_may_be_rounded_and_no_more() {
        let declared = Declared { loss: [Some(0.5), None], ..Declared::default() };
        assert!(mismatches(&declared, &measured(0.54, 0.0), &[]).is_empty());
        assert!(mismatches(&declared, &measured(0.64, 0.05), &[]).is_empty());
        let found = mismatches(&declared, &measured(0.6, 0.01), &[]);
        assert!(
            matches!(&found[..], [Reason::Fidelity { side, measure: Measure::Loss, .. }] if side == "train"),
            "{found:?}"
        );
    }

    #[test]
    fn losses_of_other_tasks_have_no_scale_and_no_sign() {
        let declared =
            |loss| Declared { task: Task::Density, loss: [Some(loss), None], ..Declared::default() };
        assert!(mismatches(&declared(-200.0), &measured(-205.0, 0.0), &[]).is_empty());
        assert_eq!(mismatches(&declared(-200.0), &measured(-220.0, 0.0), &[]).len(), 1);
        assert_eq!(mismatches(&declared(0.001), &measured(0.002, 0.0), &[]).len(), 1);
        assert_eq!(mean_loss([300.0, 500.0].into_iter(), Task::Regression).mean, 400.0);
    }

    #[test]
    fn a_loss_without_bounds_has_a_mean() {
        let loss = mean_loss([0.0, f64::INFINITY].into_iter(), Task::Classification);
        assert_eq!((loss.mean, loss.records), (50.0, 2));
        assert_eq!(mean_loss(std::iter::empty(), Task::Density).mean, 0.0);
    }
}
