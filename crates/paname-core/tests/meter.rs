//! Budgets, denials, and answers that are paid for once.

#![expect(clippy::unwrap_used, reason = "a panic is how a test fails")]

use std::sync::Mutex;

use paname_core::{
    Access, Augmentation, Error, Indices, Input, Metered, Outputs, Query, Recorded, Result, Target,
    TargetCard, Tensor, View,
};

/// Answers with the record's number, and keeps what it was asked.
struct Echo {
    card: TargetCard,
    asked: Mutex<Vec<Vec<u32>>>,
    /// Rows that it leaves out of every answer.
    short: usize,
}

impl Echo {
    fn new() -> Self {
        Self { card: TargetCard::default(), asked: Mutex::new(Vec::new()), short: 0 }
    }

    fn asked(&self) -> Vec<Vec<u32>> {
        self.asked.lock().unwrap().clone()
    }
}

impl Target for Echo {
    fn input(&self, records: &Indices) -> Result<Tensor> {
        Tensor::from_vec(records.iter().map(|&id| id as f32).collect(), &[records.len(), 1])
    }

    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn view(&self, _: View) -> Result<Box<dyn Target>> {
        Ok(Box::new(Self::new()))
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Records(ids, augmentation) = &query.input else { return Ok(Outputs::default()) };
        self.asked.lock().unwrap().push(ids.to_vec());
        let rows = ids.len() - self.short;
        let values: Vec<f32> =
            ids[..rows].iter().flat_map(|&id| [id as f32, augmentation.0 as f32]).collect();
        let tensor = Tensor::from_vec(values, &[rows, 2])?;
        let mut answers = Outputs::default();
        if query.want.contains(Access::LOGITS) {
            answers.logits = Some(tensor.clone());
        }
        if query.want.contains(Access::ACTIVATIONS) {
            answers.activations = vec![("inner".to_owned(), tensor)];
        }
        Ok(answers)
    }
}

fn values(answers: &Outputs) -> Vec<f32> {
    answers.logits.as_ref().unwrap().as_slice::<f32>().unwrap().to_vec()
}

#[test]
fn the_budget_counts_records_and_refuses_whole_questions() {
    let echo = Echo::new();
    let metered = Metered::new(&echo, Access::LOGITS, Some(5));
    let ask = |ids: &[u32]| metered.predict(&Query::records(ids, Access::LOGITS));
    assert_eq!(values(&ask(&[3, 1, 3]).unwrap()), [3.0, 0.0, 1.0, 0.0, 3.0, 0.0]);
    assert!(!metered.exhausted());
    assert_eq!(ask(&[1, 2, 4]).err(), Some(Error::Budget { asked: 3, left: 2 }));
    assert_eq!((metered.asked(), metered.exhausted()), (3, true));
    ask(&[1, 2]).unwrap();
    assert_eq!(ask(&[1]).err(), Some(Error::Budget { asked: 1, left: 0 }));
    assert_eq!((metered.asked(), echo.asked().len()), (5, 2));
}

#[test]
fn the_budget_holds_across_threads() {
    let echo = Echo::new();
    let metered = Metered::new(&echo, Access::LOGITS, Some(100));
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                for _ in 0..50 {
                    let _ = metered.predict(&Query::records([1_u32], Access::LOGITS));
                }
            });
        }
    });
    assert_eq!((metered.asked(), echo.asked().len()), (100, 100));
}

#[test]
fn nothing_beyond_the_granted_access_passes() {
    let echo = Echo::new();
    let metered = Metered::new(&echo, Access::PROBABILITIES, None);
    let ask = |want| metered.predict(&Query::records([1_u32], want));
    assert_eq!(ask(Access::LOGITS).err(), Some(Error::Denied(Access::LOGITS)));
    assert_eq!(
        ask(Access::LOSS | Access::TEXT | Access::LOGITS).err(),
        Some(Error::Denied(Access::TEXT | Access::LOGITS))
    );
    // What follows from what is granted is granted.
    ask(Access::LOSS | Access::LABELS).unwrap();
    let denied = |access| Some(Error::Denied(access));
    let query = Query::records([1_u32], Access::LOSS);
    assert_eq!(metered.vjp(&query).err(), denied(Access::INPUT_GRADIENT));
    assert_eq!(metered.parameters().err(), denied(Access::PARAMETERS));
    let view = View::ParameterGradient { layers: Vec::new() };
    assert_eq!(metered.view(view).err(), denied(Access::PARAMETER_GRADIENT));
    let view = View::From("inner".to_owned());
    assert_eq!(metered.view(view).err(), denied(Access::ACTIVATIONS | Access::INPUT_GRADIENT));
    assert_eq!(metered.asked(), 1);
}

#[test]
fn questions_to_another_side_of_a_model_count_too() {
    let echo = Echo::new();
    let granted = Access::ACTIVATIONS | Access::INPUT_GRADIENT | Access::LOGITS;
    let metered = Metered::new(&echo, granted, Some(5));
    let view = metered.view(View::From("inner".to_owned())).unwrap();
    let ask = |target: &dyn Target, records: &[u32]| {
        target.predict(&Query::records(records.to_vec(), Access::LOGITS)).map(drop)
    };
    ask(view.as_ref(), &[1, 2, 3]).unwrap();
    ask(&metered, &[1]).unwrap();
    assert_eq!(metered.asked(), 4);
    let deeper = view.view(View::From("inner".to_owned())).unwrap();
    assert_eq!(ask(deeper.as_ref(), &[1, 2]), Err(Error::Budget { asked: 2, left: 1 }));
    ask(deeper.as_ref(), &[1]).unwrap();
    assert_eq!((metered.asked(), ask(&metered, &[1])), (5, Err(Error::Budget { asked: 1, left: 0 })));
}

#[test]
fn changed_inputs_take_an_access_of_their_own() {
    let echo = Echo::new();
    let tensor = || Tensor::from_vec(vec![0.0_f32; 6], &[3, 2]).unwrap();
    for (input, name) in [(Input::Tensor(tensor()), "tensor"), (Input::Tokens(tensor()), "tokens")] {
        let query = Query { input, labels: None, want: Access::LABELS, layers: Vec::new() };
        let metered = Metered::new(&echo, Access::LABELS, Some(3));
        let denied = Some(Error::Denied(Access::NEW_INPUTS));
        assert_eq!((metered.predict(&query).err(), metered.asked()), (denied.clone(), 0), "{name}");
        assert_eq!(metered.input(&vec![1].into()).err(), denied);
        let metered = Metered::new(&echo, Access::LABELS | Access::NEW_INPUTS, Some(3));
        metered.predict(&query).unwrap();
        // What a record is costs no question.
        assert_eq!(metered.input(&vec![1, 4].into()).unwrap().rows(), 2);
        assert_eq!(metered.asked(), 3);
    }
    assert_eq!(Recorded::new(&echo).input(&vec![1, 4].into()).unwrap().rows(), 2);
}

#[test]
fn answers_with_missing_rows_are_refused() {
    let echo = Echo { short: 1, ..Echo::new() };
    let query = Query::records([1_u32, 2], Access::LOGITS);
    let expected = "answered logits: expected one row for each of 2 questions, got shape [1, 2]";
    let metered = Metered::new(&echo, Access::LOGITS, None);
    assert_eq!(metered.predict(&query).unwrap_err().to_string(), expected);
    assert_eq!(Recorded::new(&echo).predict(&query).unwrap_err().to_string(), expected);
}

#[test]
fn recorded_answers_are_not_asked_again() {
    let echo = Echo::new();
    let recorded = Recorded::new(&echo);
    let ask = |ids: &[u32]| values(&recorded.predict(&Query::records(ids, Access::LOGITS)).unwrap());
    assert_eq!(ask(&[5, 2, 5]), [5.0, 0.0, 2.0, 0.0, 5.0, 0.0]);
    assert_eq!(ask(&[2, 5]), [2.0, 0.0, 5.0, 0.0]);
    assert_eq!(ask(&[9, 2]), [9.0, 0.0, 2.0, 0.0]);
    assert_eq!(echo.asked(), [vec![2, 5], vec![9]]);
    assert_eq!((recorded.calls(), recorded.records()), (2, 3));
}

#[test]
fn another_augmentation_access_or_layer_is_another_question() {
    let echo = Echo::new();
    let recorded = Recorded::new(&echo);
    let plain = Query::records([1_u32], Access::LOGITS);
    let turned = Query { input: Input::Records(vec![1].into(), Augmentation(1)), ..plain.clone() };
    assert_eq!(values(&recorded.predict(&plain).unwrap()), [1.0, 0.0]);
    assert_eq!(values(&recorded.predict(&turned).unwrap()), [1.0, 1.0]);
    recorded.predict(&Query { want: Access::LOSS, ..plain.clone() }).unwrap();
    let layers = Query { layers: vec!["inner".to_owned()], want: Access::ACTIVATIONS, ..plain.clone() };
    for _ in 0..2 {
        let answers = recorded.predict(&layers).unwrap();
        assert_eq!(answers.activations[0].0, "inner");
    }
    recorded.predict(&plain).unwrap();
    assert_eq!(recorded.calls(), 5);
}

#[test]
fn empty_questions_have_empty_answers() {
    let echo = Echo::new();
    let recorded = Recorded::new(&echo);
    let answers = recorded.predict(&Query::records(Vec::new(), Access::LOGITS)).unwrap();
    assert_eq!((answers.present(), recorded.records()), (Access::empty(), 0));
}
