//! Answers own their memory, and nothing writes to the records: whatever a program does with what it is given.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Audit, numbers};
use paname_core::{Access, Features, FitRun, Input, Outputs, Query, Recipe, Records, Target, Tensor};
use serde_json::json;

fn values(tensor: &Tensor) -> Vec<f32> {
    tensor.as_slice::<f32>().unwrap().to_vec()
}

/// Fills memory that was given back with other numbers.
fn churn() {
    for _ in 0..50 {
        drop(std::hint::black_box(vec![f32::NAN; 12 * 8]));
        let _ = std::hint::black_box(tch::Tensor::full([12, 8], 7.0, (tch::Kind::Float, tch::Device::Cpu)));
    }
}

/// Whether two tensors lie in the same memory somewhere.
fn overlap(one: &Tensor, other: &Tensor) -> bool {
    let range = |tensor: &Tensor| tensor.bytes().unwrap().as_ptr_range();
    range(one).start < range(other).end && range(other).start < range(one).end
}

#[test]
fn what_is_answered_outlives_question_and_model() {
    let linear = |inputs: &Tensor| {
        let data = Records {
            ids: (0..12).collect(),
            inputs: Features::Tensor(inputs.clone()),
            labels: paname_core::Labels::Classes { values: (0..12).map(|i| i % 3).collect(), classes: 3 },
        };
        let architecture = json!({ "name": "mlp", "hidden": [] }).as_object().unwrap().clone();
        let recipe = Recipe { architecture, epochs: Some(1), ..Recipe::default() };
        let ctx = paname_core::Ctx::new(1, "test", 1, &());
        let run = FitRun { rows: (0..12).collect(), seed: 1 };
        paname_torch::ADAPTERS[0].fit(json!({}), &recipe, &data, &[run], &ctx).remove(0).unwrap().target
    };
    let script = |inputs: &Tensor| {
        let outputs = ["logits", "embedding", "before"];
        Audit::new(inputs.clone())
            .open(json!({ "script": "keeps.pt", "trust": true, "outputs": outputs }))
            .unwrap()
    };
    // The embedding of a linear model is its input, and so is that of this program.
    for make in [&linear as &dyn Fn(&Tensor) -> Box<dyn Target>, &script] {
        for given in [false, true] {
            let expected = numbers(12 * 8, 5);
            let inputs = Tensor::from_vec(expected.clone(), &[12, 8]).unwrap();
            let target = make(&inputs);
            let mut query =
                Query::records((0..12).collect::<Vec<_>>(), Access::EMBEDDING | Access::ACTIVATIONS);
            query.layers = vec!["embedding".into()];
            if given {
                query.input = Input::Tensor(Tensor::from_vec(expected.clone(), &[12, 8]).unwrap());
            }
            let answers = target.predict(&query).unwrap();
            let with_graph = target.vjp(&query).unwrap();
            let embedding = answers.embedding.unwrap();
            for answered in [&embedding, &answers.activations[0].1, with_graph.0.embedding.as_ref().unwrap()]
            {
                assert!(!overlap(answered, &inputs));
                if let Input::Tensor(asked) = &query.input {
                    assert!(!overlap(answered, asked));
                }
            }
            drop((query, target, inputs));
            churn();
            assert_eq!(values(&embedding), expected);
            assert_eq!(values(&with_graph.0.activations[0].1), expected);
            let cotangent = Outputs { embedding: Some(embedding), ..Outputs::default() };
            assert_eq!(values(&with_graph.1.apply(&cotangent).unwrap()), expected);
        }
    }
}

#[test]
fn a_program_that_keeps_its_inputs_keeps_memory_of_its_own() {
    let inputs = Tensor::from_vec(numbers(3 * 8, 1), &[3, 8]).unwrap();
    let outputs = ["logits", "embedding", "before"];
    let target =
        Audit::new(inputs).open(json!({ "script": "keeps.pt", "trust": true, "outputs": outputs })).unwrap();
    let asked = numbers(3 * 8, 2);
    let mut query = Query::records(vec![0], Access::ACTIVATIONS);
    query.layers = vec!["before".into()];
    query.input = Input::Tensor(Tensor::from_vec(asked.clone(), &[3, 8]).unwrap());
    target.predict(&query).unwrap();
    query.input = Input::Tensor(Tensor::from_vec(numbers(3 * 8, 3), &[3, 8]).unwrap());
    churn();
    let before = target.predict(&query).unwrap().activations.remove(0).1;
    assert_eq!(values(&before), asked);
}

#[test]
fn a_program_that_changes_its_inputs_changes_no_records() {
    let audit = Audit::of("script");
    let Features::Tensor(inputs) = &audit.inputs else { panic!("tensor") };
    let before = values(inputs);
    assert!(before.iter().any(|value| *value < 0.0));
    let target = audit.open(json!({ "script": "changes.pt", "trust": true })).unwrap();
    let all = target.card().offers() - Access::PARAMETERS - Access::INPUT_GRADIENT;
    let query = Query::records((0..12).collect::<Vec<_>>(), all);
    let first = target.predict(&query).unwrap();
    let (second, pullback) = target.vjp(&query).unwrap();
    assert_eq!(values(first.logits.as_ref().unwrap()), values(second.logits.as_ref().unwrap()));
    let gradient = pullback.apply(&Outputs { logits: first.logits, ..Outputs::default() }).unwrap();
    for (value, slope) in before.iter().zip(values(&gradient)) {
        assert!(*value > 0.0 || slope == 0.0, "{value}: {slope}");
    }
    assert_eq!(values(inputs), before);
}

#[test]
fn a_program_that_answers_into_the_same_memory_leaves_earlier_answers() {
    let audit = Audit::of("script");
    let target = audit.open(json!({ "script": "reused.pt", "trust": true, "batch": 4 })).unwrap();
    let ask = |ids: &[u32]| {
        values(&target.predict(&Query::records(ids.to_vec(), Access::LOGITS)).unwrap().logits.unwrap())
    };
    let first = target.predict(&Query::records(vec![0, 1], Access::LOGITS)).unwrap().logits.unwrap();
    let told = values(&first);
    ask(&[5, 6]);
    assert_eq!(values(&first), told);
    // Several batches of one question, too.
    let all: Vec<u32> = (0..12).collect();
    let alone: Vec<f32> = all.chunks(4).flat_map(ask).collect();
    assert_eq!(ask(&all), alone);
}
