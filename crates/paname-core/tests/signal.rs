//! Signals: names, what they are computable from, and the direct source.

use std::str::FromStr;

use paname_core::{
    Access, Cohort, Ctx, DirectSignals, Input, Labels, Outputs, Query, Result, Signal, SignalSource, Target,
    TargetCard, Task, Tensor, Whom,
};

const ALL: [Signal; 9] = [
    Signal::ScaledConfidence,
    Signal::Loss,
    Signal::LogProbability { temperature: 1.0 },
    Signal::LogProbability { temperature: 0.1 },
    Signal::TaylorLogProbability { temperature: 2.0 },
    Signal::Entropy,
    Signal::ModifiedEntropy,
    Signal::Margin,
    Signal::TopProbability { rank: 2 },
];

const OF_TASKS: [Signal; 6] = [
    Signal::LabelConfidence,
    Signal::NegativeLogError,
    Signal::GaussianLogDensity { scale: 0.25 },
    Signal::LogDensity,
    Signal::Similarity,
    Signal::AssignmentConfidence,
];

#[test]
fn names_are_read_back() {
    for signal in ALL.into_iter().chain(OF_TASKS) {
        assert_eq!(Signal::from_str(&signal.to_string()), Ok(signal));
    }
    assert_eq!(Signal::LogProbability { temperature: 2.0 }.to_string(), "log-probability:2");
    for wrong in [
        "",
        "Loss",
        "loss:1",
        "log-probability",
        "log-probability:0",
        "log-probability:-1",
        "log-probability:NaN",
        "log-probability:inf",
        "log-probability:1e-50",
        "log-probability:1e-40",
        "top-probability:-1",
        "margin ",
        "taylor-log-probability",
        "taylor-log-probability:-2",
        "gaussian-log-density",
        "gaussian-log-density:0",
        "similarity:2",
    ] {
        let error = Signal::from_str(wrong).unwrap_err().to_string();
        assert_eq!(error, format!("signal: expected the name of a signal, got {wrong:?}"));
    }
}

#[test]
fn a_loss_gives_what_follows_from_the_true_class() {
    let from_loss: Vec<String> = ALL
        .iter()
        .filter(|s| s.computable_from(Task::Classification, Access::LOSS))
        .map(ToString::to_string)
        .collect();
    assert_eq!(from_loss, ["scaled-confidence", "loss", "log-probability:1"]);
    for signal in ALL {
        let from = |access| signal.computable_from(Task::Classification, access);
        let of_probabilities = !matches!(signal, Signal::TaylorLogProbability { .. });
        assert!(from(Access::LOGITS) && from(Access::PROBABILITIES) == of_probabilities);
        assert!(!from(Access::LABELS | Access::TEXT));
    }
    let unlabelled: Vec<String> = ALL.iter().filter(|s| !s.uses_labels()).map(ToString::to_string).collect();
    assert_eq!(unlabelled, ["entropy", "top-probability:2"]);
}

/// Answers two classes with logits (id + bonus + augmentation, 0), or what follows from them.
struct Line {
    card: TargetCard,
    bonus: f32,
}

impl Line {
    fn new(bonus: f32, access: &str) -> Self {
        let access = vec![access.to_owned()];
        Self { card: TargetCard { access, augmentations: 2, ..TargetCard::default() }, bonus }
    }
}

impl Target for Line {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Records(ids, augmentation) = &query.input else { return Ok(Outputs::default()) };
        let odds: Vec<f32> = ids.iter().map(|&id| id as f32 + self.bonus + augmentation.0 as f32).collect();
        let pairs = |f: &dyn Fn(f32) -> [f32; 2]| {
            Tensor::from_vec(odds.iter().flat_map(|&odds| f(odds)).collect(), &[ids.len(), 2]).map(Some)
        };
        let p = |odds: f32| 1.0 / (1.0 + (-odds).exp());
        match query.want {
            Access::LOGITS => Ok(Outputs { logits: pairs(&|odds| [odds, 0.0])?, ..Outputs::default() }),
            Access::PROBABILITIES => {
                Ok(Outputs { probabilities: pairs(&|odds| [p(odds), p(-odds)])?, ..Outputs::default() })
            }
            _ => {
                let losses = odds.iter().map(|&odds| (-odds).exp().ln_1p()).collect();
                Ok(Outputs { loss: Some(Tensor::from_vec(losses, &[ids.len()])?), ..Outputs::default() })
            }
        }
    }
}

fn source<'a>(models: &[&'a dyn Target], granted: Access) -> DirectSignals<'a> {
    let cohort = |ids: &[u32]| Cohort {
        ids: ids.into(),
        labels: Labels::Classes { values: vec![0; ids.len()].into(), classes: 2 },
    };
    DirectSignals {
        task: Task::Classification,
        models: models.to_vec(),
        augmentations: 2,
        audited: cohort(&[4, 1, 3]),
        population: cohort(&[7, 8]),
        granted,
    }
}

#[test]
fn signals_are_laid_out_by_record_model_and_augmentation() {
    let (a, b) = (Line::new(0.0, "logits"), Line::new(0.5, "logits"));
    let source = source(&[&a, &b], Access::LOGITS.with_implied());
    let mut out = [0.0; 8];
    source.read(Signal::ScaledConfidence, Whom::Audited, 1..3, &mut out).unwrap();
    assert_eq!(out, [1.0, 2.0, 1.5, 2.5, 3.0, 4.0, 3.5, 4.5]);
    source.read(Signal::ScaledConfidence, Whom::Population, 0..2, &mut out).unwrap();
    assert_eq!(out, [7.0, 8.0, 7.5, 8.5, 8.0, 9.0, 8.5, 9.5]);
    source.read(Signal::ScaledConfidence, Whom::Audited, 2..2, &mut []).unwrap();
}

#[test]
fn signals_are_the_same_on_any_number_of_threads() {
    let line = Line::new(0.25, "logits");
    let ids: Vec<u32> = (0..10_000).collect();
    let labels = Labels::Classes { values: vec![0; ids.len()].into(), classes: 2 };
    let audited = Cohort { ids: ids.into(), labels };
    let source = DirectSignals { audited, ..source(&[&line], Access::LOGITS.with_implied()) };
    let range = 5..9_999;
    let mut expected = vec![f32::NAN; 2 * range.len()];
    source.read(Signal::Margin, Whom::Audited, range.clone(), &mut expected).unwrap();
    for threads in [1, 2, 7] {
        let ctx = Ctx::new(0, "test", threads, &());
        let mut out = vec![f32::NAN; expected.len()];
        source.read_all(Signal::Margin, Whom::Audited, range.clone(), &mut out, &ctx).unwrap();
        assert_eq!(out, expected);
    }
    let ctx = Ctx::new(0, "test", 2, &());
    let read = |range, out: &mut [f32]| source.read_all(Signal::Margin, Whom::Audited, range, out, &ctx);
    assert_eq!(read(0..3, &mut [0.0; 5]).unwrap_err().to_string(), "signal buffer: expected 6 values, got 5");
    assert!(read(9_999..10_001, &mut [0.0; 4]).is_err());
    read(4..4, &mut []).unwrap();
}

#[test]
fn every_access_that_suffices_gives_the_same_signal() {
    let exact = [4.0, 5.0, 1.0, 2.0, 3.0, 4.0];
    for (offered, granted) in [
        ("logits", Access::LOGITS.with_implied()),
        ("logits", Access::PROBABILITIES.with_implied()),
        ("logits", Access::LOSS),
        ("probabilities", Access::LOGITS.with_implied()),
        ("loss", Access::LOGITS.with_implied()),
    ] {
        let line = Line::new(0.0, offered);
        let mut out = [0.0; 6];
        source(&[&line], granted).read(Signal::ScaledConfidence, Whom::Audited, 0..3, &mut out).unwrap();
        for (got, expected) in out.iter().zip(exact) {
            assert!((got - expected).abs() < 1e-4, "{offered}, {granted}: {got} for {expected}");
        }
    }
}

#[test]
fn what_cannot_be_read_is_refused() {
    let line = Line::new(0.0, "loss");
    let read = |granted: Access, signal: Signal, range: std::ops::Range<usize>, values: usize| {
        let mut out = vec![0.0; values];
        let result = source(&[&line], granted).read(signal, Whom::Audited, range, &mut out);
        result.err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(read(Access::LOSS, Signal::Loss, 0..3, 6), "");
    assert_eq!(read(Access::LOGITS.with_implied(), Signal::Margin, 0..3, 6), "access denied: logits");
    assert_eq!(read(Access::LABELS, Signal::Loss, 0..3, 6), "access denied: logits");
    assert_eq!(
        read(Access::LOSS, Signal::Loss, 2..4, 4),
        "signal buffer: expected 4 values for records 2..4 of 3, got 4"
    );
    assert_eq!(
        read(Access::LOSS, Signal::Loss, 0..2, 5),
        "signal buffer: expected 4 values for records 0..2 of 3, got 5"
    );
}

#[test]
fn a_bad_answer_names_its_model_and_row() {
    let (fine, broken) = (Line::new(0.0, "logits"), Line::new(f32::NAN, "logits"));
    let error = source(&[&fine, &broken], Access::LOGITS)
        .read(Signal::Loss, Whom::Audited, 1..3, &mut [0.0; 8])
        .unwrap_err()
        .to_string();
    assert_eq!(
        error,
        "reference model 0, records 1..3: logit of row 0, class 0: expected a number below +inf, got NaN"
    );
}

#[test]
fn every_task_has_a_statistic_and_most_have_a_loss() {
    for task in Task::ALL {
        for signal in Signal::of_task(task) {
            assert!(!signal.sources(task).is_empty() && signal.rises_with_membership(), "{signal} of {task}");
        }
        assert!(Signal::Loss.computable_from(task, Access::LOSS), "{task}");
        assert!(Signal::LogDensity.computable_from(task, Access::LOSS), "{task}");
        let of_classes = Signal::Margin.computable_from(task, Access::all());
        assert_eq!(of_classes, task == Task::Classification, "{task}");
    }
}

/// Only of classification does one answer give another.
#[test]
fn nothing_follows_from_the_answers_of_other_tasks() {
    for task in Task::ALL {
        let card = TargetCard { task, access: vec!["logits".into()], ..TargetCard::default() };
        assert_eq!(card.offers() == Access::LOGITS, task != Task::Classification, "{task}");
    }
}

/// Answers one thing of each kind, or nothing.
struct Anything(TargetCard, Outputs);

impl Target for Anything {
    fn card(&self) -> &TargetCard {
        &self.0
    }

    fn predict(&self, _: &Query) -> Result<Outputs> {
        Ok(self.1.clone())
    }
}

#[test]
fn signals_of_other_tasks_are_read_from_what_is_granted() {
    let column = |values: &[f64]| Tensor::from_vec(values.to_vec(), &[values.len()]).unwrap();
    let read = |task, access: &str, outputs: Outputs, labels, signal: Signal, variants| {
        let access = access.split(' ').map(str::to_owned).collect();
        let model = Anything(TargetCard { task, access, ..TargetCard::default() }, outputs);
        let source = DirectSignals {
            task,
            models: vec![&model],
            augmentations: variants,
            audited: Cohort { ids: vec![0, 1].into(), labels },
            population: Cohort::default(),
            granted: Access::all(),
        };
        let mut out = vec![f32::NAN; 2 * variants];
        source.read(signal, Whom::Audited, 0..2, &mut out).map(|()| out).map_err(|error| error.to_string())
    };
    let values = |values: &[f64]| Labels::Values(column(values));
    let predicted = || Outputs {
        labels: Some(column(&[1.0, 4.0])),
        loss: Some(column(&[9.0, 1.0])),
        ..Outputs::default()
    };
    let regression =
        |access: &str, signal| read(Task::Regression, access, predicted(), values(&[0.0, 2.0]), signal, 1);
    // The target's own loss where it answers one, the squared error otherwise; predictions before losses for errors.
    assert_eq!(regression("labels loss", Signal::Loss), Ok(vec![9.0, 1.0]));
    assert_eq!(regression("labels", Signal::Loss), Ok(vec![1.0, 4.0]));
    assert_eq!(regression("labels loss", Signal::NegativeLogError).unwrap()[0], 0.0);
    assert_eq!(regression("loss", Signal::NegativeLogError).unwrap(), [-(3.0_f32.ln()), 0.0]);
    assert_eq!(
        regression("labels", Signal::Margin),
        Err("not supported: the signal margin for the task regression".to_owned())
    );
    let unlabelled = read(Task::Regression, "labels", predicted(), Labels::None, Signal::Loss, 1);
    assert_eq!(
        unlabelled,
        Err("target, records 0..2: labels for the signal loss: expected real values, or 0 and 1 for several labels, got none"
            .to_owned())
    );
    let losses = Outputs { loss: Some(column(&[-3.0, 2.0])), ..Outputs::default() };
    assert_eq!(
        read(Task::Density, "loss", losses.clone(), Labels::None, Signal::Loss, 1),
        Ok(vec![-3.0, 2.0])
    );
    assert_eq!(
        read(Task::Generation, "loss", losses, Labels::None, Signal::LogDensity, 1),
        Ok(vec![3.0, -2.0])
    );
    let clusters = Tensor::from_vec(vec![2.0, 0.0, 0.0, 0.5], &[2, 2]).unwrap();
    let logits = Outputs { logits: Some(clusters), ..Outputs::default() };
    assert_eq!(
        read(Task::Clustering, "logits", logits.clone(), Labels::None, Signal::AssignmentConfidence, 1),
        Ok(vec![2.0, 0.5])
    );
    let several = Labels::Values(Tensor::from_vec(vec![1.0, 0.0, 0.0, 0.0], &[2, 2]).unwrap());
    assert_eq!(
        read(Task::MultiLabel, "logits", logits, several, Signal::LabelConfidence, 1),
        Ok(vec![2.0, -0.5])
    );
    let embedding = Tensor::from_vec(vec![1.0, 2.0, 0.0, 1.0], &[2, 2]).unwrap();
    let same = Outputs { embedding: Some(embedding), ..Outputs::default() };
    let similarity = |variants| {
        read(Task::Embedding, "embedding", same.clone(), Labels::None, Signal::Similarity, variants)
    };
    assert!(similarity(3).unwrap().iter().all(|cosine| (cosine - 1.0).abs() < 1e-6));
    assert!(
        similarity(1)
            .unwrap_err()
            .ends_with("variants of each record for the signal similarity: 2 needed, 1 given")
    );
}
