//! Signals: names, what they are computable from, and the direct source.

use std::str::FromStr;

use paname_core::{
    Access, Cohort, Ctx, DirectSignals, Input, Labels, Outputs, Query, Result, Signal, SignalSource, Target,
    TargetCard, Tensor, Whom,
};

const ALL: [Signal; 8] = [
    Signal::ScaledConfidence,
    Signal::Loss,
    Signal::LogProbability { temperature: 1.0 },
    Signal::LogProbability { temperature: 0.1 },
    Signal::Entropy,
    Signal::ModifiedEntropy,
    Signal::Margin,
    Signal::TopProbability { rank: 2 },
];

#[test]
fn names_are_read_back() {
    for signal in ALL {
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
    ] {
        let error = Signal::from_str(wrong).unwrap_err().to_string();
        assert_eq!(error, format!("signal: expected the name of a signal, got {wrong:?}"));
    }
}

#[test]
fn a_loss_gives_what_follows_from_the_true_class() {
    let from_loss: Vec<String> =
        ALL.iter().filter(|s| s.computable_from(Access::LOSS)).map(ToString::to_string).collect();
    assert_eq!(from_loss, ["scaled-confidence", "loss", "log-probability:1"]);
    for signal in ALL {
        assert!(signal.computable_from(Access::LOGITS) && signal.computable_from(Access::PROBABILITIES));
        assert!(!signal.computable_from(Access::LABELS | Access::TEXT));
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
        "reference model 0, records 1..3: logit of row 0, class 0: expected a finite number, got NaN"
    );
}
