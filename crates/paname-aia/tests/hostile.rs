//! Hostile numbers and cases: every attack gives scores that are numbers, or says what is wrong.

use paname_aia::ATTACKS;
use paname_core::{
    Access, Augmentation, CaseSize, Ctx, Error, Input, Outputs, Query, Result, Target, TargetCard, Task,
    Tensor,
};
use paname_testkit::{AttributeSize, AttributeToy, Behaviour, LossOracle, TaskToy};
use serde_json::{Value, json};

fn toy(records: usize, population: usize, candidates: usize) -> AttributeToy {
    let size = AttributeSize { records, population, candidates, references: 4, ..AttributeSize::default() };
    AttributeToy::new(Behaviour::Leaky, size, 7)
}

fn subjects() -> Vec<(&'static str, Value)> {
    let mut all: Vec<(&str, Value)> = ATTACKS.iter().map(|entry| (entry.info.name, json!({}))).collect();
    all.extend([
        ("counterfactual", json!({ "imputed": true, "variance": "shrunk" })),
        ("through-membership", json!({ "standardise": true })),
        ("neuron-outputs", json!({ "layers": ["neurons", "scores"] })),
    ]);
    all
}

fn run(toy: &AttributeToy, name: &str, config: Value) -> Result<Vec<f64>> {
    let entry = ATTACKS.iter().find(|entry| entry.info.name == name).expect("an attack of the list");
    let case = toy.case()?;
    let findings = entry.build(config)?.run(&case, &Ctx::new(1, name, 1, &LossOracle(&())))?;
    findings.attribute(toy.values.len(), toy.attribute.candidates.len())
}

/// Each attack ends in finite scores, or in an error that says what is missing.
fn check(what: &str, toy: &AttributeToy) {
    for (name, config) in subjects() {
        match run(toy, name, config.clone()) {
            Ok(scores) => {
                assert!(scores.iter().all(|s| s.is_finite()), "{what}: {name} {config}: {scores:?}");
            }
            Err(Error::Missing { needed, got, .. }) => assert!(got < needed, "{what}: {name} {config}"),
            Err(error) => panic!("{what}: {name} {config} fails: {error}"),
        }
    }
}

#[test]
fn few_records() {
    for (records, population) in [(0, 30), (1, 30), (2, 1), (30, 0), (30, 19), (30, 20)] {
        for candidates in [2, 5] {
            check(&format!("{records} and {population} records"), &toy(records, population, candidates));
        }
    }
}

#[test]
fn nothing_known_and_constant_columns() {
    let mut toy = toy(40, 30, 3);
    for width in [0, 2] {
        let constant =
            |records: usize| Tensor::from_vec(vec![-1e30_f32; records * width], &[records, width]).unwrap();
        (toy.attribute.audited_known, toy.attribute.population_known) = (constant(40), constant(30));
        check(&format!("{width} constant columns"), &toy);
    }
}

#[test]
fn a_value_that_nobody_has_and_one_that_all_have() {
    for all in [0, 1, 2] {
        let mut toy = toy(40, 30, 3);
        toy.attribute.population =
            toy.attribute.population.iter().map(|v| if *v == all { 0 } else { *v }).collect();
        check("a value that nobody has", &toy);
        toy.attribute.population = vec![all; 30].into();
        check("a value that all have", &toy);
    }
}

#[test]
fn extreme_logits_and_imputations() {
    for scale in [0.0, 1e-40, 1e30, 3e37] {
        let mut toy = toy(40, 30, 2);
        for group in [&mut toy.table.signals.audited, &mut toy.table.signals.population] {
            group.0.iter_mut().for_each(|z| *z *= scale);
        }
        let certain = (0..80).map(|i| f64::from(i % 2)).collect();
        toy.attribute.imputed = Some(Tensor::from_vec(certain, &[40, 2]).unwrap());
        check(&format!("logits times {scale}"), &toy);
    }
}

/// A target that gives one answer to every question.
struct Stubborn {
    card: TargetCard,
    activation: f32,
    class: i64,
}

impl Target for Stubborn {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Records(ids, Augmentation(_)) = &query.input else {
            return Err(Error::Unsupported("records only".into()));
        };
        let mut outputs = Outputs::default();
        if query.want.contains(Access::LABELS) {
            outputs.labels = Some(Tensor::from_vec(vec![self.class; ids.len()], &[ids.len()])?);
        }
        if query.want.contains(Access::ACTIVATIONS) {
            // Every second record has another sign.
            let values =
                ids.iter().flat_map(|id| [self.activation, if id % 2 == 0 { self.activation } else { 1.0 }]);
            outputs.activations.push(("a".into(), Tensor::from_vec(values.collect(), &[ids.len(), 2])?));
        }
        Ok(outputs)
    }
}

fn stubborn(activation: f32, class: i64) -> AttributeToy {
    let mut toy = toy(40, 30, 2);
    let card = TargetCard {
        layers: vec!["a".into()],
        access: vec!["labels".into(), "activations".into()],
        augmentations: 2,
        ..TargetCard::default()
    };
    toy.table.targets[0] = Box::new(Stubborn { card, activation, class });
    toy
}

#[test]
fn activations_that_are_no_numbers() {
    for activation in [f32::NAN, f32::INFINITY, f32::NEG_INFINITY, f32::MAX, 0.0] {
        let scores = run(&stubborn(activation, 0), "neuron-outputs", json!({})).unwrap();
        assert!(scores.iter().all(|score| (0.0..=1.0).contains(score)), "{activation}: {scores:?}");
    }
}

#[test]
fn classes_that_are_none() {
    for class in [-1, 5, i64::MAX] {
        let error = run(&stubborn(0.0, class), "fredrikson", json!({})).unwrap_err().to_string();
        assert_eq!(error, format!("predicted class: expected below 5, got {class}"));
        // To labels alone it is a class that nobody has: nothing is learned, and the prior is what there is.
        let scores = run(&stubborn(0.0, class), "lomia", json!({})).unwrap();
        let prior = toy(40, 30, 2).attribute.prior();
        assert!(scores.chunks_exact(2).all(|row| row == prior));
    }
    assert!(run(&stubborn(0.0, 2), "fredrikson", json!({})).unwrap().iter().all(|score| score.is_finite()));
}

#[test]
fn labels_alone_suffice_or_are_refused() {
    for (name, config) in subjects() {
        let mut toy = toy(40, 30, 2);
        toy.table.granted = Access::LABELS;
        let outcome = run(&toy, name, config);
        if ["imputation", "fredrikson", "lomia"].contains(&name) {
            assert!(outcome.is_ok(), "{name}: {outcome:?}");
        } else {
            assert!(matches!(outcome, Err(Error::Denied(_))), "{name}: {outcome:?}");
        }
    }
}

/// An audit of a task with an attribute of two values.
fn in_task(task: Task, name: &str) -> Result<Vec<f64>> {
    let size =
        paname_testkit::Size { records: 60, population: 40, references: 4, classes: 3, augmentations: 2 };
    let table = TaskToy::of_task(task, Behaviour::Null, size, 3);
    let mut attribute = toy(60, 40, 2).attribute;
    attribute.name = task.name().into();
    let case = table.case()?.with_attribute(attribute)?;
    let entry = ATTACKS.iter().find(|entry| entry.info.name == name).expect("an attack of the list");
    let settled = entry.settle(Value::Null, &CaseSize::of(&case))?;
    entry.build(settled)?.run(&case, &Ctx::new(1, name, 1, &LossOracle(&())))?.attribute(60, 2)
}

#[test]
fn other_tasks_have_their_attacks() {
    for task in Task::ALL.into_iter().filter(|task| *task != Task::Classification) {
        for name in ["imputation", "attribute-confidence", "bb-ip", "meta-model", "counterfactual"] {
            let scores = in_task(task, name).unwrap_or_else(|error| panic!("{name} in {task}: {error}"));
            assert!(scores.iter().all(|score| score.is_finite()), "{name} in {task}");
        }
        let error = in_task(task, "csmia").unwrap_err().to_string();
        assert!(error.contains(&format!("for the task {task}")), "{error}");
    }
    assert!(in_task(Task::Regression, "fredrikson").unwrap().iter().all(|score| score.is_finite()));
    let error = in_task(Task::Regression, "lomia").unwrap_err().to_string();
    assert_eq!(error, "labels: expected class labels, got none");
}

#[test]
fn parameters_are_checked() {
    for (name, config, said) in [
        ("imputation", json!({ "trees": 0 }), "`trees`"),
        ("lomia", json!({ "forest": { "min-leaf": 0 } }), "`min-leaf`"),
        ("meta-model", json!({ "forest": { "leaf": 1 } }), "leaf"),
        ("yeom", json!({ "train-loss": 0.0 }), "`train-loss`"),
        ("neuron-outputs", json!({ "neurons": 0 }), "`neurons`"),
        ("attribute-confidence", json!({ "signal": "loss" }), "`signal`"),
        ("counterfactual", json!({ "signal": "similarity" }), "`signal`"),
    ] {
        let entry = ATTACKS.iter().find(|entry| entry.info.name == name).expect("an attack of the list");
        let message = entry.build(config).err().expect("a refusal").to_string();
        assert!(message.contains(said), "{name}: {message}");
    }
}
