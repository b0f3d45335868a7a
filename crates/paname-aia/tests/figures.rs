//! Every attack against NumPy and scikit-learn: `figures.py` wrote `figures.json`.

use std::borrow::Cow;
use std::sync::LazyLock;

use paname_aia::ATTACKS;
use paname_core::{
    Access, Attribute, Augmentation, Case, CaseParts, CaseSize, Cohort, Ctx, DirectSignals, Error, Input,
    Labels, Membership, Outputs, Query, Result, Scale, Target, TargetCard, Task, Tensor,
};
use paname_testkit::LossOracle;
use serde::Deserialize;

#[derive(Deserialize)]
struct Figures {
    audited: Group,
    population: Group,
    /// `[records][references]`.
    member: Vec<Vec<u8>>,
    imputed: Vec<f64>,
    closed: Vec<Row>,
    regression: Vec<Row>,
    learned: Vec<Row>,
}

#[derive(Deserialize)]
struct Group {
    known: Vec<f32>,
    value: Vec<u32>,
    label: Vec<u32>,
    /// `[records][models][candidates][classes]`.
    logits: Vec<f32>,
    /// `[records][candidates][neurons]`, of the target.
    neurons: Vec<f32>,
    /// `[records][width]`.
    values: Vec<f64>,
    /// `[records][candidates][width]`, by the target.
    predicted: Vec<f32>,
}

#[derive(Deserialize)]
struct Row {
    attack: String,
    config: serde_json::Value,
    scores: Vec<f64>,
}

static FIGURES: LazyLock<Figures> =
    LazyLock::new(|| serde_json::from_str(include_str!("figures.json")).expect("what `figures.py` writes"));

const CANDIDATES: usize = 3;
const CLASSES: usize = 3;
const REFERENCES: usize = 4;

fn records() -> usize {
    FIGURES.audited.value.len()
}

/// A model of the figures; the audited records are numbered from 0, the population after them.
struct Given {
    card: TargetCard,
    model: usize,
}

impl Given {
    fn new(task: Task, model: usize) -> Self {
        let access = match task {
            Task::Regression => Access::LABELS,
            _ => Access::LOGITS | Access::ACTIVATIONS,
        };
        let card = TargetCard {
            task,
            classes: Some(CLASSES),
            layers: vec!["neurons".into(), "scores".into()],
            access: access.names().map(str::to_owned).collect(),
            augmentations: CANDIDATES as u32,
            ..TargetCard::default()
        };
        Self { card, model }
    }
}

impl Target for Given {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Records(ids, Augmentation(v)) = &query.input else {
            return Err(Error::Unsupported("other inputs".into()));
        };
        let rows = ids.len();
        let take = |of: fn(&Group) -> &Vec<f32>, models: usize, model: usize| {
            let mut all = Vec::new();
            for &id in ids.iter() {
                let (group, r) = match (id as usize).checked_sub(records()) {
                    None => (&FIGURES.audited, id as usize),
                    Some(r) => (&FIGURES.population, r),
                };
                let width = of(group).len() / (records() * models * CANDIDATES);
                let at = ((r * models + model) * CANDIDATES + *v as usize) * width;
                all.extend_from_slice(&of(group)[at..at + width]);
            }
            let width = all.len() / rows;
            Tensor::from_vec(all, &[rows, width])
        };
        let mut outputs = Outputs::default();
        if query.want.contains(Access::LABELS) && self.card.task == Task::Regression {
            outputs.labels = Some(take(|group| &group.predicted, 1, 0)?);
            return Ok(outputs);
        }
        let logits = take(|group| &group.logits, REFERENCES + 1, self.model)?;
        if query.want.contains(Access::LABELS) {
            let numbers = logits.to_f32()?.into_owned();
            let best =
                |z: &[f32]| (1..z.len()).fold(0, |best, c| if z[c] > z[best] { c } else { best }) as i64;
            outputs.labels =
                Some(Tensor::from_vec(numbers.chunks_exact(CLASSES).map(best).collect(), &[rows])?);
        }
        if query.want.contains(Access::ACTIVATIONS) {
            assert_eq!(query.layers, ["neurons"], "the last layer before the output");
            outputs.activations.push(("neurons".into(), take(|group| &group.neurons, 1, 0)?));
        }
        if query.want.contains(Access::LOGITS) {
            outputs.logits = Some(logits);
        }
        Ok(outputs)
    }
}

fn attribute() -> Result<Attribute> {
    let rows = |values: &[f32]| Tensor::from_vec(values.to_vec(), &[records(), values.len() / records()]);
    Ok(Attribute {
        name: "secret".into(),
        scale: Scale::Nominal,
        candidates: (0..CANDIDATES).map(|v| v.to_string()).collect(),
        population: FIGURES.population.value.clone().into(),
        audited_known: rows(&FIGURES.audited.known)?,
        population_known: rows(&FIGURES.population.known)?,
        imputed: Some(Tensor::from_vec(FIGURES.imputed.clone(), &[records(), CANDIDATES])?),
    })
}

fn run(task: Task, row: &Row) -> Result<Vec<f64>> {
    let cohort = |group: &'static Group, first: usize| -> Result<Cohort> {
        Ok(Cohort {
            ids: (first as u32..(first + records()) as u32).collect(),
            labels: match task {
                Task::Regression => {
                    let width = group.values.len() / records();
                    Labels::Values(Tensor::from_vec(group.values.clone(), &[records(), width])?)
                }
                _ => Labels::Classes { values: group.label.clone().into(), classes: CLASSES },
            },
        })
    };
    let (audited, population) = (cohort(&FIGURES.audited, 0)?, cohort(&FIGURES.population, records())?);
    let models: Vec<Given> = (0..=REFERENCES).map(|model| Given::new(task, model)).collect();
    let granted = models[0].card.offers();
    let signals = DirectSignals {
        task,
        models: models.iter().map(|model| model as &dyn Target).collect(),
        augmentations: CANDIDATES,
        audited: audited.clone(),
        population: population.clone(),
        granted,
    };
    let mut membership = Membership::none(records(), REFERENCES);
    for (r, row) in FIGURES.member.iter().enumerate() {
        (0..REFERENCES).filter(|k| row[*k] == 1).for_each(|k| membership.insert(r, k));
    }
    let case = Case::new(CaseParts {
        task,
        granted,
        target: &models[0],
        references: models[1..].iter().map(|model| model as &dyn Target).collect(),
        audited,
        population,
        audited_membership: Cow::Owned(membership),
        population_membership: Cow::Owned(Membership::none(records(), REFERENCES)),
        signals: &signals,
    });
    let case = case?.with_attribute(attribute()?)?;
    let entry = ATTACKS.iter().find(|entry| entry.info.name == row.attack).expect("an attack of the list");
    let settled = entry.settle(row.config.clone(), &CaseSize::of(&case))?;
    let findings = entry.build(settled)?.run(&case, &Ctx::new(1, &row.attack, 1, &LossOracle(&())));
    findings?.attribute(records(), CANDIDATES)
}

fn check(task: Task, rows: &[Row], tolerance: f64) {
    for row in rows {
        let scores = run(task, row).expect(&row.attack);
        for (i, (score, expected)) in scores.iter().zip(&row.scores).enumerate() {
            let near = (score - expected).abs() <= tolerance * (1.0 + expected.abs());
            assert!(near, "{} {}: score {i} is {score}, not {expected}", row.attack, row.config);
        }
    }
}

#[test]
fn closed_formulas_are_those_of_numpy() {
    check(Task::Classification, &FIGURES.closed, 1e-6);
}

#[test]
fn formulas_of_real_values_are_those_of_numpy() {
    // Errors are differences of numbers in single precision.
    check(Task::Regression, &FIGURES.regression, 1e-5);
}

#[test]
fn forests_are_as_good_as_those_of_scikit_learn() {
    let guess = |row: &[f64]| (1..row.len()).fold(0, |best, v| if row[v] > row[best] { v } else { best });
    for row in &FIGURES.learned {
        let scores = run(Task::Classification, row).unwrap();
        let apart =
            scores.iter().zip(&row.scores).map(|(a, b)| (a - b).abs()).sum::<f64>() / scores.len() as f64;
        assert!(apart < 0.03, "{}: {apart} apart in the mean", row.attack);
        let accuracy = |scores: &[f64]| {
            let right = scores.chunks_exact(CANDIDATES).zip(&FIGURES.audited.value);
            right.filter(|(row, value)| guess(row) == **value as usize).count() as f64 / records() as f64
        };
        let (ours, theirs) = (accuracy(&scores), accuracy(&row.scores));
        assert!((ours - theirs).abs() < 0.05, "{}: accuracy {ours}, not {theirs}", row.attack);
    }
}

/// Every attack of the list has a figure.
#[test]
fn no_attack_is_left_out() {
    for entry in ATTACKS {
        let mut all = FIGURES.closed.iter().chain(&FIGURES.learned);
        assert!(all.any(|row| row.attack == entry.info.name), "{}", entry.info.name);
    }
}
