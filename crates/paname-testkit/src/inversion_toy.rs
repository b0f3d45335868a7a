//! A toy of classes, each of which has a colour: what attacks that rebuild inputs are tried on.

use std::borrow::Cow;

use paname_core::{
    Access, Case, CaseParts, Cohort, Error, Indices, Input, Labels, Membership, Named, Outputs, Pullback,
    Query, Result, Target, TargetCard, Task, Tensor,
};
use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

use crate::{Behaviour, TableSignals};

/// Classes of the toy.
pub(crate) const CLASSES: usize = 4;
/// Its inputs are images of so many pixels on a side, in three colours.
const SIDE: usize = 4;
const SHAPE: [usize; 3] = [3, SIDE, SIDE];
const WIDTH: usize = 3 * SIDE * SIDE;
/// The colour of each class, which a part of an image has as well as all of it, and a mirrored one.
const COLOURS: [[f32; 3]; CLASSES] = [[0.8, 0.1, 0.1], [0.1, 0.8, 0.1], [0.1, 0.1, 0.8], [0.7, 0.7, 0.1]];
pub(crate) const POPULATION: usize = 64;
/// Name of the layer whose activations are the inputs.
const LAYER: &str = "pixels";

/// Which class an input is most like.
pub(crate) type Likest = Box<dyn Fn(&[f32]) -> usize>;

/// A model of images with a pattern for each class: the likelier the class, the more an input has of its pattern. One that knows nothing answers the same of all.
pub struct InversionToy {
    /// What attacks may ask.
    pub granted: Access,
    model: Box<dyn Target>,
    likest: Likest,
}

struct Patterned {
    card: TargetCard,
    /// Weights of each class, which its pattern less the mean of all of them is proportional to; zeros where nothing is known.
    weights: Vec<Vec<f32>>,
    inputs: Vec<f32>,
}

impl Patterned {
    fn rows(&self, query: &Query) -> Result<Tensor> {
        match &query.input {
            Input::Tensor(rows) if rows.shape()[1..] == SHAPE => Ok(rows.clone()),
            Input::Tensor(rows) => Err(Error::mismatch(
                "inputs",
                format!("[records, 3, {SIDE}, {SIDE}]"),
                format!("{:?}", rows.shape()),
            )),
            Input::Records(ids, _) => self.input(ids),
            other => Err(Error::Unsupported(format!("{other:?}"))),
        }
    }

    fn logits(&self, row: &[f32]) -> Vec<f32> {
        let of = |weights: &Vec<f32>| row.iter().zip(weights).map(|(x, w)| (x - 0.5) * w).sum();
        self.weights.iter().map(of).collect()
    }
}

pub(crate) fn softmax(logits: &[f32]) -> Vec<f32> {
    let top = logits.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let e: Vec<f32> = logits.iter().map(|z| (z - top).exp()).collect();
    let sum: f32 = e.iter().sum();
    e.iter().map(|e| e / sum).collect()
}

pub(crate) fn best(scores: &[f32]) -> usize {
    (0..scores.len()).fold(0, |best, k| if scores[k] > scores[best] { k } else { best })
}

impl Target for Patterned {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let rows = self.rows(query)?;
        let (values, count) = (rows.to_f32()?, rows.rows());
        let logits: Vec<Vec<f32>> = values.chunks_exact(WIDTH).map(|row| self.logits(row)).collect();
        let mut answers = Outputs::default();
        let offered = self.card.offers();
        if !offered.contains(query.want) {
            return Err(Error::Denied(query.want - offered));
        }
        if query.want.contains(Access::LABELS) {
            let named: Vec<i64> = logits.iter().map(|row| best(row) as i64).collect();
            answers.labels = Some(Tensor::from_vec(named, &[count])?);
        }
        if query.want.contains(Access::PROBABILITIES) {
            let flat: Vec<f32> = logits.iter().flat_map(|row| softmax(row)).collect();
            answers.probabilities = Some(Tensor::from_vec(flat, &[count, CLASSES])?);
        }
        if query.want.contains(Access::LOGITS) {
            let flat: Vec<f32> = logits.iter().flatten().copied().collect();
            answers.logits = Some(Tensor::from_vec(flat, &[count, CLASSES])?);
        }
        if query.want.contains(Access::EMBEDDING) {
            answers.embedding = Some(Tensor::from_vec(values.to_vec(), &[count, WIDTH])?);
        }
        for layer in &query.layers {
            if layer != LAYER {
                return Err(Error::mismatch("layer", LAYER, layer));
            }
            answers.activations.push((layer.clone(), rows.clone()));
        }
        Ok(answers)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let answers = self.predict(query)?;
        let rows = self.rows(query)?;
        let probabilities =
            rows.to_f32()?.chunks_exact(WIDTH).map(|row| softmax(&self.logits(row))).collect();
        let kept = Kept { weights: self.weights.clone(), probabilities, shape: rows.shape().to_vec() };
        Ok((answers, Box::new(kept)))
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        let flat: Vec<f32> = self.weights.iter().flatten().copied().collect();
        Ok(vec![("output.weight".into(), Tensor::from_vec(flat, &[CLASSES, WIDTH])?)])
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let mut values = Vec::with_capacity(records.len() * WIDTH);
        for &record in records.iter() {
            let row = self.inputs.get(record as usize * WIDTH..(record as usize + 1) * WIDTH);
            let known = self.inputs.len() / WIDTH;
            values.extend_from_slice(
                row.ok_or_else(|| Error::mismatch("record", format!("below {known}"), record))?,
            );
        }
        Tensor::from_vec(values, &[records.len(), 3, SIDE, SIDE])
    }
}

struct Kept {
    weights: Vec<Vec<f32>>,
    probabilities: Vec<Vec<f32>>,
    shape: Vec<usize>,
}

impl Pullback for Kept {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let mut gradient = vec![0.0_f32; self.shape.iter().product()];
        let mut add_logits = |row: usize, c: &[f32]| {
            for (weights, c) in self.weights.iter().zip(c) {
                let own = &mut gradient[row * WIDTH..(row + 1) * WIDTH];
                own.iter_mut().zip(weights).for_each(|(g, w)| *g += c * w);
            }
        };
        if let Some(c) = &cotangent.logits {
            c.to_f32()?.chunks_exact(CLASSES).enumerate().for_each(|(row, c)| add_logits(row, c));
        }
        if let Some(c) = &cotangent.probabilities {
            for (row, c) in c.to_f32()?.chunks_exact(CLASSES).enumerate() {
                let p = &self.probabilities[row];
                let mean: f32 = p.iter().zip(c).map(|(p, c)| p * c).sum();
                let through: Vec<f32> = p.iter().zip(c).map(|(p, c)| p * (c - mean)).collect();
                add_logits(row, &through);
            }
        }
        let given = cotangent.embedding.iter().chain(cotangent.activations.iter().map(|(_, c)| c));
        for c in given {
            gradient.iter_mut().zip(c.to_f32()?.iter()).for_each(|(g, c)| *g += c);
        }
        Tensor::from_vec(gradient, &self.shape)
    }
}

/// The class whose pattern an input has the highest correlation with.
fn likest(input: &[f32], patterns: &[Vec<f32>]) -> usize {
    let centred = |values: &[f32]| {
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        values.iter().map(|x| x - mean).collect::<Vec<f32>>()
    };
    let input = centred(input);
    let correlation = |pattern: &Vec<f32>| {
        let pattern = centred(pattern);
        let norm = pattern.iter().map(|x| x * x).sum::<f32>().sqrt();
        input.iter().zip(&pattern).map(|(a, b)| a * b).sum::<f32>() / norm
    };
    best(&patterns.iter().map(correlation).collect::<Vec<f32>>())
}

impl InversionToy {
    /// Of [`Behaviour::Null`] the model knows nothing, and its population is grey noise; of any other it knows the patterns, and the population shows them.
    pub fn new(behaviour: Behaviour, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut uniform = || (rng.next_u64() >> 40) as f32 / (1 << 24) as f32;
        let knows = behaviour != Behaviour::Null;
        let patterns: Vec<Vec<f32>> = (0..CLASSES)
            .map(|class| {
                let mut value = |j: usize| COLOURS[class][j / (SIDE * SIDE)] + 0.2 * uniform();
                (0..WIDTH).map(&mut value).collect()
            })
            .collect();
        let middle: Vec<f32> =
            (0..WIDTH).map(|j| patterns.iter().map(|p| p[j]).sum::<f32>() / CLASSES as f32).collect();
        let weight = |pattern: &Vec<f32>| {
            let own = pattern.iter().zip(&middle).map(|(p, m)| if knows { 2.0 * (p - m) } else { 0.0 });
            own.collect::<Vec<f32>>()
        };
        let weights = patterns.iter().map(weight).collect();
        let mut inputs = Vec::with_capacity(POPULATION * WIDTH);
        for record in 0..POPULATION {
            for value in &patterns[record % CLASSES] {
                let noise = 0.2 * (uniform() - 0.5);
                inputs.push(if knows { (value + noise).clamp(0.0, 1.0) } else { uniform() });
            }
        }
        let granted = Access::LOGITS
            | Access::NEW_INPUTS
            | Access::INPUT_GRADIENT
            | Access::EMBEDDING
            | Access::ACTIVATIONS
            | Access::PARAMETERS;
        let card = TargetCard {
            name: "patterns".into(),
            fingerprint: format!("{seed} {knows}"),
            classes: Some(CLASSES),
            layers: vec![LAYER.into()],
            access: granted.with_implied().names().map(str::to_owned).collect(),
            augmentations: 1,
            ..TargetCard::default()
        };
        let model = Patterned { card, weights, inputs };
        Self::assembled(granted, Box::new(model), Box::new(move |input| likest(input, &patterns)))
    }

    pub(crate) fn assembled(granted: Access, model: Box<dyn Target>, likest: Likest) -> Self {
        Self { granted, model, likest }
    }

    /// The class that an input is most like.
    pub fn likest(&self, input: &[f32]) -> usize {
        (self.likest)(input)
    }

    /// The model, as it is asked.
    pub fn target(&self) -> &dyn Target {
        self.model.as_ref()
    }

    /// Has `work` see the case: no audited record, a population, no reference model.
    pub fn with_case<T>(&self, target: &dyn Target, work: impl FnOnce(&Case<'_>) -> Result<T>) -> Result<T> {
        let signals = TableSignals::new(1, 1);
        let labels = |values: Vec<u32>| Labels::Classes { values: values.into(), classes: CLASSES };
        let case = Case::new(CaseParts {
            task: Task::Classification,
            granted: self.granted,
            target,
            references: Vec::new(),
            audited: Cohort { ids: Indices::from(Vec::new()), labels: labels(Vec::new()) },
            population: Cohort {
                ids: (0..POPULATION as u32).collect(),
                labels: labels((0..POPULATION).map(|i| (i % CLASSES) as u32).collect()),
            },
            audited_membership: Cow::Owned(Membership::none(0, 0)),
            population_membership: Cow::Owned(Membership::none(POPULATION, 0)),
            signals: &signals,
        })?;
        work(&case)
    }
}
