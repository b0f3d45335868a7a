//! Attacks that are fitted, that ask the model themselves or that judge groups, against NumPy and scikit-learn: `figures.py` wrote `figures.json`.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use paname_core::{
    Access, Ctx, Error, Findings, Indices, Input, Membership, Outputs, Pullback, Query, Result, Target,
    TargetCard, Tensor,
};
use paname_mia::ATTACKS;
use paname_testkit::{LogitTable, Students, TableCase};
use serde::Deserialize;
use serde_json::json;

#[derive(Deserialize)]
struct Figures {
    classes: usize,
    /// Of the audited records, and then of the population.
    inputs: Vec<Vec<f32>>,
    label: Vec<u32>,
    /// `[models][audited]`, 0 or 1.
    member: Vec<Vec<u8>>,
    models: Vec<Vec<Layer>>,
    /// What each variant adds to an input.
    shifts: Vec<Vec<f32>>,
    groups: Vec<Vec<u32>>,
    closed: Vec<Row>,
    fitted: Vec<Row>,
    plane: Plane,
    inference: Inference,
}

/// A layer whose values, above 0, are the inputs of the next.
#[derive(Deserialize)]
struct Layer {
    weights: Vec<Vec<f64>>,
    bias: Vec<f64>,
}

#[derive(Deserialize)]
struct Row {
    attack: String,
    config: serde_json::Value,
    #[serde(default = "one")]
    variants: usize,
    scores: Vec<f64>,
    /// Area under the ROC curve that scikit-learn comes to, of what is fitted.
    #[serde(default)]
    auc: f64,
    /// How far a single fit is from the mean of many, in deviations of the scores, of what is fitted.
    #[serde(default)]
    spread: f64,
    /// Standard deviation of each score, of what is drawn.
    #[serde(default)]
    deviations: Vec<f64>,
}

fn one() -> usize {
    1
}

/// Two classes on either side of a plane.
#[derive(Deserialize)]
struct Plane {
    layers: Vec<Layer>,
    label: Vec<u32>,
    distances: Vec<Row>,
    votes: Row,
}

/// Logits of groups of four records and of a population.
#[derive(Deserialize)]
struct Inference {
    attack: String,
    population: Vec<Vec<f32>>,
    audited: Vec<Vec<f32>>,
    /// Per group, all scores that halves of it and of the population may give, in rising order.
    possible: Vec<Vec<f64>>,
}

static FIGURES: LazyLock<Figures> =
    LazyLock::new(|| serde_json::from_str(include_str!("figures.json")).expect("what `figures.py` writes"));

/// A model of given weights, in double precision.
struct Network {
    card: TargetCard,
    layers: &'static [Layer],
    /// Of an input.
    shape: &'static [usize],
}

impl Network {
    fn new(layers: &'static [Layer], shape: &'static [usize]) -> Self {
        let access = Access::LOGITS
            | Access::NEW_INPUTS
            | Access::INPUT_GRADIENT
            | Access::LAST_LAYER_GRADIENT
            | Access::ACTIVATIONS;
        let names = if layers.len() == 1 { &["scores"][..] } else { &["hidden", "scores"] };
        let card = TargetCard {
            name: "network".into(),
            classes: layers.last().map(|layer| layer.bias.len()),
            layers: names.iter().map(|name| (*name).into()).collect(),
            access: access.names().map(str::to_owned).collect(),
            augmentations: FIGURES.shifts.len() as u32,
            ..TargetCard::default()
        };
        Self { card, layers, shape }
    }

    /// The values of each layer.
    fn forward(&self, input: &[f32]) -> Vec<Vec<f64>> {
        let mut values = vec![input.iter().map(|x| f64::from(*x)).collect::<Vec<_>>()];
        for (number, layer) in self.layers.iter().enumerate() {
            let last = number + 1 == self.layers.len();
            let below = &values[number];
            let sums = layer.weights.iter().zip(&layer.bias).map(|(weights, bias)| {
                let sum = bias + weights.iter().zip(below).map(|(w, x)| w * x).sum::<f64>();
                if last { sum } else { sum.max(0.0) }
            });
            let sums = sums.collect();
            values.push(sums);
        }
        values
    }

    fn inputs(&self, query: &Query) -> Result<Vec<Vec<f32>>> {
        match &query.input {
            Input::Records(ids, variant) => {
                let shift = &FIGURES.shifts[variant.0 as usize];
                let of = |id: &u32| FIGURES.inputs[*id as usize].iter().zip(shift).map(|(x, s)| x + s);
                Ok(ids.iter().map(|id| of(id).collect()).collect())
            }
            Input::Tensor(rows) => {
                let width: usize = self.shape.iter().product();
                Ok(rows.to_f32()?.chunks_exact(width).map(<[f32]>::to_vec).collect())
            }
            _ => Err(Error::Unsupported("other inputs".into())),
        }
    }
}

fn softmax(logits: &[f64]) -> Vec<f64> {
    let most = logits.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    let sum: f64 = logits.iter().map(|z| (z - most).exp()).sum();
    logits.iter().map(|z| (z - most).exp() / sum).collect()
}

fn tensor(rows: &[Vec<f64>]) -> Result<Tensor> {
    let width = rows.first().map_or(0, Vec::len);
    Tensor::from_vec(rows.iter().flatten().map(|x| *x as f32).collect(), &[rows.len(), width])
}

impl Target for Network {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let values: Vec<Vec<Vec<f64>>> = self.inputs(query)?.iter().map(|x| self.forward(x)).collect();
        let at = |layer: usize| values.iter().map(|of| of[layer].clone()).collect::<Vec<_>>();
        let logits = at(self.layers.len());
        let chances: Vec<Vec<f64>> = logits.iter().map(|z| softmax(z)).collect();
        let best = |z: &Vec<f64>| (0..z.len()).max_by(|&a, &b| z[a].total_cmp(&z[b])).unwrap_or(0) as i64;
        let mut outputs = Outputs {
            labels: Some(Tensor::from_vec(logits.iter().map(best).collect(), &[logits.len()])?),
            probabilities: Some(tensor(&chances)?),
            logits: Some(tensor(&logits)?),
            ..Outputs::default()
        };
        for (number, name) in self.card.layers.iter().enumerate() {
            outputs.activations.push((name.clone(), tensor(&at(number + 1))?));
        }
        if let Some(labels) = &query.labels {
            let labels = labels.to_i64()?;
            let own = chances.iter().zip(&labels).map(|(p, class)| -p[*class as usize].ln() as f32);
            outputs.loss = Some(Tensor::from_vec(own.collect(), &[chances.len()])?);
            // (p − y) ⊗ (values below, 1).
            let below = at(self.layers.len() - 1);
            let gradient = |((mut p, class), below): ((Vec<f64>, &i64), Vec<f64>)| {
                p[*class as usize] -= 1.0;
                p.iter().flat_map(|d| below.iter().chain(&[1.0]).map(move |x| d * x)).collect()
            };
            let gradients: Vec<Vec<f64>> =
                chances.into_iter().zip(&labels).zip(below).map(gradient).collect();
            outputs.last_layer_gradient = Some(tensor(&gradients)?);
        }
        Ok(outputs)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let values = self.inputs(query)?.iter().map(|x| self.forward(x)).collect();
        Ok((self.predict(query)?, Box::new(Backward { layers: self.layers, values })))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let rows = records.iter().flat_map(|id| &FIGURES.inputs[*id as usize]).copied().collect();
        let shape: Vec<usize> = std::iter::once(records.len()).chain(self.shape.iter().copied()).collect();
        Tensor::from_vec(rows, &shape)
    }
}

/// From gradients of the logits to those of the inputs.
struct Backward {
    layers: &'static [Layer],
    /// `[rows][layers]`, the inputs first.
    values: Vec<Vec<Vec<f64>>>,
}

impl Pullback for Backward {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let logits = cotangent.logits.as_ref().ok_or(Error::Denied(Access::LOGITS))?;
        let width = logits.len() / logits.rows();
        let mut gradients = Vec::new();
        for (values, row) in self.values.iter().zip(logits.to_f32()?.chunks_exact(width)) {
            let mut gradient: Vec<f64> = row.iter().map(|x| f64::from(*x)).collect();
            for (number, layer) in self.layers.iter().enumerate().rev() {
                let mut below = vec![0.0; values[number].len()];
                for (weights, g) in layer.weights.iter().zip(&gradient) {
                    below.iter_mut().zip(weights).for_each(|(slot, w)| *slot += g * w);
                }
                if number > 0 {
                    below.iter_mut().zip(&values[number]).for_each(|(slot, x)| {
                        *slot = if *x > 0.0 { *slot } else { 0.0 };
                    });
                }
                gradient = below;
            }
            gradients.push(gradient);
        }
        tensor(&gradients)
    }
}

/// The audit, with so many variants of each record and inputs of this shape.
fn audit(variants: usize, shape: &'static [usize]) -> TableCase<LogitTable> {
    let figures = &*FIGURES;
    let networks: Vec<Network> = figures.models.iter().map(|layers| Network::new(layers, shape)).collect();
    let member: Vec<Vec<bool>> =
        figures.member.iter().map(|rows| rows.iter().map(|member| *member == 1).collect()).collect();
    let records = member[0].len();
    let mut logits = Vec::new();
    for input in &figures.inputs {
        for network in &networks {
            for shift in &figures.shifts[..variants] {
                let moved: Vec<f32> = input.iter().zip(shift).map(|(x, s)| x + s).collect();
                logits.extend(network.forward(&moved).last().into_iter().flatten().map(|z| *z as f32));
            }
        }
    }
    let population = logits.split_off(records * networks.len() * variants * figures.classes);
    let (label, population_label) = figures.label.split_at(records);
    let table = LogitTable {
        models: networks.len(),
        augmentations: variants,
        classes: figures.classes,
        audited: (logits, label.to_vec()),
        population: (population, population_label.to_vec()),
    };
    let membership = Membership::from_models(&member[1..], records).expect("rows of each model");
    let (label, population_label) = (label.to_vec(), population_label.to_vec());
    let truth = member[0].clone();
    let mut audit = TableCase::over(table, label, population_label, figures.classes, membership, truth);
    audit.granted = networks[0].card.offers();
    audit.targets = networks.into_iter().map(|network| Box::new(network) as Box<dyn Target>).collect();
    audit.groups = figures.groups.iter().map(|group| group.as_slice().into()).collect();
    audit
}

/// The scores of an attack.
fn run(attack: &str, config: &serde_json::Value, audit: &TableCase<LogitTable>, seed: u64) -> Vec<f64> {
    let entry = ATTACKS.iter().find(|entry| entry.info.name == attack).expect("an attack of the list");
    let host = Students(&());
    let ctx = Ctx::new(seed, "figures", 1, &host);
    let findings = audit.case().and_then(|case| entry.build(config.clone())?.run(&case, &ctx));
    match findings {
        Ok(Findings::Membership(scores) | Findings::Groups(scores)) => scores,
        other => panic!("{attack}: {other:?}"),
    }
}

#[test]
fn closed_formulas_are_those_of_numpy() {
    for row in &FIGURES.closed {
        let scores = run(&row.attack, &row.config, &audit(row.variants, &[2, 4]), 1);
        assert_eq!(scores.len(), row.scores.len());
        for (i, (score, expected)) in scores.iter().zip(&row.scores).enumerate() {
            assert!(
                (score - expected).abs() <= 1e-5 * expected.abs().max(1.0),
                "{} {}: unit {i} scores {score}, not {expected}",
                row.attack,
                row.config
            );
        }
    }
}

/// The area under the ROC curve.
fn auc(scores: &[f64], truth: &[bool]) -> f64 {
    let of = |kind: bool| scores.iter().zip(truth).filter(move |(_, member)| **member == kind);
    let won = of(true).map(|(own, _)| {
        of(false).map(|(other, _)| f64::from(own > other) + 0.5 * f64::from(own == other)).sum::<f64>()
    });
    won.sum::<f64>() / (of(true).count() * of(false).count()) as f64
}

/// The place of each score among all, from 0; ties are given their mean place.
fn places(scores: &[f64]) -> Vec<f64> {
    let place = |score: &f64| {
        let count =
            |by: fn(&f64, &f64) -> bool| scores.iter().filter(|other| by(other, score)).count() as f64;
        count(|a, b| a < b) + 0.5 * (count(|a, b| a == b) - 1.0)
    };
    scores.iter().map(place).collect()
}

fn mean(values: impl ExactSizeIterator<Item = f64>) -> f64 {
    let count = values.len() as f64;
    values.sum::<f64>() / count
}

fn correlation(a: &[f64], b: &[f64]) -> f64 {
    let (of_a, of_b) = (mean(a.iter().copied()), mean(b.iter().copied()));
    let product = |x: &[f64], of_x: f64, y: &[f64], of_y: f64| {
        mean(x.iter().zip(y).map(|(x, y)| (x - of_x) * (y - of_y)))
    };
    product(a, of_a, b, of_b) / (product(a, of_a, a, of_a) * product(b, of_b, b, of_b)).sqrt()
}

/// Fits of each classifier, whose mean is compared: single ones differ by their draws.
const FITS: u64 = 10;

/// Log-odds come as near to those of many fits in NumPy by the same steps as a mean of so few can: three standard errors, with rank correlation 0.98 and
/// the area to 0.01. Scikit-learn, which steps in its own way, comes to the same area to 0.02.
#[test]
fn fitted_classifiers_are_those_of_numpy_and_scikit_learn() {
    for row in &FIGURES.fitted {
        let what = format!("{} {}", row.attack, row.config);
        let audit = audit(row.variants, &[8]);
        let fits: Vec<Vec<f64>> = (0..FITS).map(|seed| run(&row.attack, &row.config, &audit, seed)).collect();
        let scores: Vec<f64> =
            (0..row.scores.len()).map(|record| mean(fits.iter().map(|fit| fit[record]))).collect();
        let middle = mean(row.scores.iter().copied());
        let deviation = mean(row.scores.iter().map(|x| (x - middle).powi(2))).sqrt();
        let apart = mean(scores.iter().zip(&row.scores).map(|(x, y)| (x - y).powi(2))).sqrt() / deviation;
        let tolerance = 3.0 * row.spread / (FITS as f64).sqrt();
        assert!(apart <= tolerance, "{what}: log-odds are {apart} deviations apart, not {tolerance}");
        let ranks = correlation(&places(&scores), &places(&row.scores));
        assert!(ranks >= 0.98, "{what}: rank correlation {ranks}");
        let [area, expected] = [&scores, &row.scores].map(|scores| auc(scores, audit.truth()));
        assert!((area - expected).abs() <= 0.01, "{what}: AUC {area}, not {expected}");
        assert!((area - row.auc).abs() <= 0.02, "{what}: AUC {area}, not {}", row.auc);
    }
}

/// The model of the plane, about its records.
fn plane() -> TableCase<LogitTable> {
    let Plane { layers, label, .. } = &FIGURES.plane;
    let nothing = || (Vec::new(), Vec::new());
    let table =
        LogitTable { models: 1, augmentations: 1, classes: 2, audited: nothing(), population: nothing() };
    let truth = vec![false; label.len()];
    let none = Membership::none(label.len(), 0);
    let mut audit = TableCase::over(table, label.clone(), Vec::new(), 2, none, truth);
    let network = Network::new(layers, &[8]);
    audit.granted = network.card.offers();
    audit.targets = vec![Box::new(network)];
    audit
}

/// The search comes from beyond, and at most a tenth too far; 3 % in the mean.
#[test]
fn distances_are_those_to_the_plane() {
    for row in &FIGURES.plane.distances {
        let scores = run(&row.attack, &row.config, &plane(), 1);
        for (record, (score, expected)) in scores.iter().zip(&row.scores).enumerate() {
            assert!(
                (*expected * (1.0 - 1e-5)..=*expected * 1.1).contains(score),
                "{}: record {record} is {score} away, not {expected}",
                row.config
            );
        }
        let farther = scores.iter().sum::<f64>() / row.scores.iter().sum::<f64>();
        assert!(farther <= 1.03, "{}: {farther} times as far as the plane", row.config);
    }
}

/// A share of two thousand draws stays within five deviations, and squares of all are about one deviation's.
#[test]
fn votes_under_noise_are_those_of_the_normal_law() {
    let row = &FIGURES.plane.votes;
    let scores = run(&row.attack, &row.config, &plane(), 1);
    let mut squares = 0.0;
    for (record, (score, expected)) in scores.iter().zip(&row.scores).enumerate() {
        // No less than two votes.
        let apart = (score - expected) / row.deviations[record].max(1e-3);
        assert!(apart.abs() <= 5.0, "record {record} has {score} of the votes, not {expected}");
        squares += apart * apart;
    }
    assert!(squares <= 1.6 * scores.len() as f64, "votes vary {squares}");
}

/// Which halves are drawn is the attack's own affair; what they give is not.
#[test]
fn inference_gives_what_some_halves_give() {
    let Inference { attack, population, audited, possible } = &FIGURES.inference;
    let label = |rows: &Vec<Vec<f32>>| vec![0; rows.len()];
    let table = LogitTable {
        models: 1,
        augmentations: 1,
        classes: FIGURES.classes,
        audited: (audited.concat(), label(audited)),
        population: (population.concat(), label(population)),
    };
    let none = Membership::none(audited.len(), 0);
    let truth = vec![false; audited.len()];
    let mut audit = TableCase::over(table, label(audited), label(population), FIGURES.classes, none, truth);
    audit.groups = (0..5).map(|group| (4 * group..4 * group + 4).collect()).collect();
    let mut found = BTreeSet::new();
    for seed in 0..20 {
        let scores = run(attack, &json!({ "group-size": 4 }), &audit, seed);
        for (group, (score, possible)) in scores.iter().zip(possible).enumerate() {
            let tolerance = 1e-5 * score.abs().max(1.0);
            assert!(
                possible.iter().any(|other| (score - other).abs() <= tolerance),
                "{attack}: no halves of group {group} give {score}"
            );
            found.insert(score.to_bits());
        }
    }
    assert!(found.len() > 80, "{attack}: halves are drawn anew, but give {} scores of 100", found.len());
}

#[derive(Deserialize)]
struct Golden {
    rows: Vec<Row>,
}

/// Every attack has a figure here or in the table of `golden.rs`.
#[test]
fn the_table_is_complete() {
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).unwrap();
    let Figures { closed, fitted, plane, inference, .. } = &*FIGURES;
    let rows = closed.iter().chain(fitted).chain(&plane.distances).chain(&golden.rows);
    let names: BTreeSet<&str> = rows.map(|row| &row.attack[..]).chain([&inference.attack[..]]).collect();
    let attacks: BTreeSet<&str> = ATTACKS.iter().map(|entry| entry.info.name).collect();
    assert_eq!(names, attacks);
}
