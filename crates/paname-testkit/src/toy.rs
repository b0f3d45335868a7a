//! Whole audits made from a seed.

use std::borrow::Cow;
use std::sync::Arc;

use paname_core::{
    Access, Augmentation, Case, CaseParts, Cohort, Error, Indices, Input, Labels, Membership, Outputs,
    Pullback, Query, Result, SignalSource, Target, TargetCard, Task, Tensor, Whom,
};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::LogitTable;

/// What the models of a toy do with their training records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing: answers are independent of membership, so that whoever finds a truth has seen it.
    Null,
    /// The true class of a member gets two more logits, about twice the spread between models.
    Leaky,
    /// The true class of a member gets 30 more logits: confidence saturates.
    Memorising,
}

/// How large a toy is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Audited records, half of them members (rounded down).
    pub records: usize,
    /// Population records, members of no model.
    pub population: usize,
    /// Reference models in complementary pairs: each record is a member of one of the two.
    pub references: usize,
    /// Classes, at least 2.
    pub classes: usize,
    /// Augmented variants per record, at least 1.
    pub augmentations: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { records: 800, population: 200, references: 8, classes: 4, augmentations: 1 }
    }
}

/// A case and its truth, over any source of signals. The fields may be edited before [`TableCase::case`] is called.
pub struct TableCase<S> {
    /// What the models do.
    pub task: Task,
    /// The signals.
    pub signals: S,
    /// The audited records.
    pub audited: Cohort,
    /// The population.
    pub population: Cohort,
    /// Which audited records each reference model was fitted on.
    pub audited_membership: Membership,
    /// Which population records each reference model was fitted on.
    pub population_membership: Membership,
    /// What the threat model grants.
    pub granted: Access,
    /// Who is a member of the target.
    pub truth: Vec<bool>,
    /// The target and the reference models.
    pub targets: Vec<Box<dyn Target>>,
    /// Groups of audited records, for attacks that judge groups; none at first.
    pub groups: Vec<Indices>,
}

impl<S: SignalSource> TableCase<S> {
    /// A case about targets that answer no question: all there is are the signals. Records are numbered from 0, the population after the
    /// audited records. `classes` is the number of classes.
    pub fn over(
        signals: S,
        audited: Vec<u32>,
        population: Vec<u32>,
        classes: usize,
        membership: Membership,
        truth: Vec<bool>,
    ) -> Self {
        let (audited_len, all) = (audited.len() as u32, (audited.len() + population.len()) as u32);
        let models = signals.models();
        let cohort = |ids, values: Vec<u32>| Cohort {
            ids,
            labels: Labels::Classes { values: values.into(), classes },
        };
        Self {
            task: Task::Classification,
            population_membership: Membership::none(population.len(), models.saturating_sub(1)),
            audited: cohort((0..audited_len).collect(), audited),
            population: cohort((audited_len..all).collect(), population),
            signals,
            audited_membership: membership,
            granted: Access::LOGITS,
            truth,
            targets: (0..models).map(|_| Box::new(Silent::default()) as Box<dyn Target>).collect(),
            groups: Vec::new(),
        }
    }

    /// Puts the audited records into groups of this size, each of records that `member` says the same of, as many of one kind as of the other, in an
    /// order that says nothing.
    pub fn group_by(&mut self, size: usize, member: impl Fn(usize) -> bool) {
        let (inside, outside): (Vec<u32>, Vec<u32>) =
            (0..self.truth.len() as u32).partition(|record| member(*record as usize));
        let sides = inside.chunks_exact(size).zip(outside.chunks_exact(size));
        let groups: Vec<Indices> = sides.flat_map(|(one, other)| [one.into(), other.into()]).collect();
        let order = Draws(Pcg64::seed_from_u64(size as u64)).permutation(groups.len());
        self.groups = order.iter().map(|group| groups[*group as usize].clone()).collect();
    }

    /// Per unit that an attack on this case judges, group or record, whether `member` says yes of it, of the first record of a group.
    pub fn units(&self, member: impl Fn(usize) -> bool) -> Vec<bool> {
        match &self.groups[..] {
            [] => (0..self.truth.len()).map(member).collect(),
            groups => groups.iter().map(|group| member(group[0] as usize)).collect(),
        }
    }

    /// The case, without the truth.
    pub fn case(&self) -> Result<Case<'_>> {
        self.case_over(&self.signals)
    }

    /// The case with its signals read through another source.
    pub fn case_over<'a>(&'a self, signals: &'a dyn SignalSource) -> Result<Case<'a>> {
        let Some((target, references)) = self.targets.split_first() else {
            return Err(Error::mismatch("models", "at least 1", 0));
        };
        Case::new(CaseParts {
            task: self.task,
            granted: self.granted,
            target: target.as_ref(),
            references: references.iter().map(AsRef::as_ref).collect(),
            audited: self.audited.clone(),
            population: self.population.clone(),
            audited_membership: Cow::Borrowed(&self.audited_membership),
            population_membership: Cow::Borrowed(&self.population_membership),
            signals,
        })?
        .with_groups(self.groups.clone())
    }

    /// Who is a member of the target, record by record.
    pub fn truth(&self) -> &[bool] {
        &self.truth
    }
}

/// Features of a record of [`Toy::live`].
pub const WIDTH: usize = 96;

/// The one layer of a live toy's models: their logits.
const SCORES: &str = "scores";

/// A toy audit over made-up logits. Its targets answer questions about records with the logits that its signals are made of.
pub type Toy = TableCase<LogitTable>;

impl Toy {
    /// The toy of a seed. Its classes and difficulties of records are the same for every behaviour.
    pub fn new(behaviour: Behaviour, size: Size, seed: u64) -> Self {
        let mut draws = Draws(Pcg64::seed_from_u64(seed));
        let gain = match behaviour {
            Behaviour::Null => 0.0,
            Behaviour::Leaky => 2.0,
            Behaviour::Memorising => 30.0,
        };
        let members = draws.members(&size);
        let audited = draws.group(size.records, &size, |r, m| if members[m][r] { gain } else { 0.0 });
        let population = draws.group(size.population, &size, |_, _| 0.0);
        let numbers = draws.permutation(size.records + size.population);
        let name = format!("{behaviour:?}-{size:?}-{seed}");
        Self::assembled(&name, size, &members, audited, population, &numbers, &mut |_| None)
    }

    /// A toy whose models answer about any input, and by gradients too: logits are linear in [`WIDTH`] features, and a model has added to its
    /// weights what ties the features of its own records to their classes. It tells members the better the fewer they are beside the features.
    pub fn live(behaviour: Behaviour, size: Size, seed: u64) -> Self {
        let mut draws = Draws(Pcg64::seed_from_u64(seed));
        // How much the features of a member raise the logit of its class.
        let gain = match behaviour {
            Behaviour::Null => 0.0,
            Behaviour::Leaky => 4.0,
            Behaviour::Memorising => 30.0,
        };
        let members = draws.members(&size);
        let (records, classes) = (size.records + size.population, size.classes);
        let features: Vec<f32> = (0..records * WIDTH).map(|_| draws.normal() as f32).collect();
        let of = |record: usize| &features[record * WIDTH..(record + 1) * WIDTH];
        let scale = 1.0 / (WIDTH as f64).sqrt();
        let truth: Vec<f32> = (0..classes * WIDTH).map(|_| (scale * draws.normal()) as f32).collect();
        let labels: Vec<u32> = (0..records)
            .map(|record| {
                let scores = product(&truth, of(record)).map(|z| f64::from(z) + 0.5 * draws.normal());
                let scores: Vec<f64> = scores.collect();
                (0..classes).max_by(|&a, &b| scores[a].total_cmp(&scores[b])).unwrap_or(0) as u32
            })
            .collect();
        let weights: Vec<Arc<[f32]>> = members
            .iter()
            .map(|rows| {
                let mut weights: Vec<f32> =
                    truth.iter().map(|w| w + (0.3 * scale * draws.normal()) as f32).collect();
                for record in (0..size.records).filter(|r| rows[*r]) {
                    for (class, row) in weights.chunks_exact_mut(WIDTH).enumerate() {
                        let own = f64::from(labels[record] as usize == class) - 1.0 / classes as f64;
                        let step = (gain * own / WIDTH as f64) as f32;
                        row.iter_mut().zip(of(record)).for_each(|(w, x)| *w += step * x);
                    }
                }
                weights.into()
            })
            .collect();
        let group = |range: std::ops::Range<usize>| {
            let mut logits = Vec::new();
            for record in range.clone() {
                for weights in &weights {
                    for variant in 0..size.augmentations {
                        // Variants are fainter.
                        let faint = 0.9_f32.powi(variant as i32);
                        let x: Vec<f32> = of(record).iter().map(|x| x * faint).collect();
                        logits.extend(product(weights, &x));
                    }
                }
            }
            (logits, labels[range].to_vec())
        };
        let (audited, population) = (group(0..size.records), group(size.records..records));
        let numbers = draws.permutation(records);
        let mut inputs = vec![0.0; features.len()];
        for (record, number) in numbers.iter().enumerate() {
            inputs[*number as usize * WIDTH..][..WIDTH].copy_from_slice(of(record));
        }
        let inputs: Arc<[f32]> = inputs.into();
        let name = format!("live-{behaviour:?}-{size:?}-{seed}");
        Self::assembled(&name, size, &members, audited, population, &numbers, &mut |model| {
            Some(Linear { weights: Arc::clone(&weights[model]), inputs: Arc::clone(&inputs) })
        })
    }

    /// Record `r` goes by the number `numbers[r]`, which says nothing, as in a real case; the population follows.
    fn assembled(
        name: &str,
        size: Size,
        members: &[Vec<bool>],
        audited: (Vec<f32>, Vec<u32>),
        population: (Vec<f32>, Vec<u32>),
        numbers: &[u32],
        linear: &mut dyn FnMut(usize) -> Option<Linear>,
    ) -> Self {
        let models = members.len();
        let table = Arc::new(LogitTable {
            models,
            augmentations: size.augmentations,
            classes: size.classes,
            audited,
            population,
        });
        let mut toy = TableCase::over(
            LogitTable::clone(&table),
            table.audited.1.clone(),
            table.population.1.clone(),
            size.classes,
            Membership::none(size.records, size.references),
            members[0].clone(),
        );
        for (m, rows) in members.iter().enumerate().skip(1) {
            for r in (0..size.records).filter(|r| rows[*r]) {
                toy.audited_membership.insert(r, m - 1);
            }
        }
        let (first, second) = numbers.split_at(size.records);
        (toy.audited.ids, toy.population.ids) = (first.into(), second.into());
        let mut places = vec![(Whom::Audited, 0); numbers.len()];
        for (row, number) in first.iter().enumerate() {
            places[*number as usize] = (Whom::Audited, row);
        }
        for (row, number) in second.iter().enumerate() {
            places[*number as usize] = (Whom::Population, row);
        }
        let places: Arc<[(Whom, usize)]> = places.into();
        toy.targets = (0..models)
            .map(|model| {
                let linear = linear(model);
                let more = Access::NEW_INPUTS
                    | Access::INPUT_GRADIENT
                    | Access::LAST_LAYER_GRADIENT
                    | Access::ACTIVATIONS;
                let access = Access::LOGITS | if linear.is_some() { more } else { Access::empty() };
                let card = TargetCard {
                    name: format!("toy {model}"),
                    fingerprint: format!("{name}-{model}"),
                    classes: Some(size.classes),
                    layers: linear.iter().map(|_| SCORES.to_owned()).collect(),
                    access: access.names().map(str::to_owned).collect(),
                    recorded: linear.is_none(),
                    augmentations: size.augmentations as u32,
                    ..TargetCard::default()
                };
                let (table, places) = (Arc::clone(&table), Arc::clone(&places));
                toy.granted |= access;
                Box::new(ToyTarget { card, model, table, places, linear }) as Box<dyn Target>
            })
            .collect();
        toy
    }

    /// The same audit with its audited records in another order: record `i` is what record `order[i]` was.
    #[must_use]
    pub fn reordered(self, order: &[u32]) -> Self {
        let width = self.signals.models * self.signals.augmentations * self.signals.classes;
        let (logits, classes) = &self.signals.audited;
        let rows = |r: &u32| logits[*r as usize * width..(*r as usize + 1) * width].iter().copied();
        let audited: (Vec<f32>, Vec<u32>) =
            (order.iter().flat_map(rows).collect(), order.iter().map(|r| classes[*r as usize]).collect());
        let ids = order.iter().map(|r| self.audited.ids[*r as usize]).collect();
        let labels = Labels::Classes { values: audited.1.clone().into(), classes: self.signals.classes };
        let mut now = vec![0; order.len()];
        order.iter().enumerate().for_each(|(place, was)| now[*was as usize] = place as u32);
        let moved = |group: &Indices| group.iter().map(|record| now[*record as usize]).collect();
        Self {
            groups: self.groups.iter().map(moved).collect(),
            audited: Cohort { ids, labels },
            audited_membership: self.audited_membership.select_records(order),
            truth: order.iter().map(|r| self.truth[*r as usize]).collect(),
            signals: LogitTable { audited, ..self.signals },
            ..self
        }
    }
}

/// A target that answers nothing.
#[derive(Debug, Clone, Default)]
pub struct Silent(TargetCard);

impl Target for Silent {
    fn card(&self) -> &TargetCard {
        &self.0
    }
}

/// What a live model computes with.
struct Linear {
    /// `[classes][WIDTH]`.
    weights: Arc<[f32]>,
    /// `[numbers][WIDTH]`.
    inputs: Arc<[f32]>,
}

/// The product of a matrix of rows of [`WIDTH`] numbers and one such row.
fn product<'a>(weights: &'a [f32], x: &'a [f32]) -> impl Iterator<Item = f32> + 'a {
    weights.chunks_exact(WIDTH).map(move |row| row.iter().zip(x).map(|(w, x)| w * x).sum())
}

/// A model of a toy: answers about records, from its logits, and about other inputs where it is live.
struct ToyTarget {
    card: TargetCard,
    model: usize,
    table: Arc<LogitTable>,
    /// Group and row of each record number.
    places: Arc<[(Whom, usize)]>,
    linear: Option<Linear>,
}

impl ToyTarget {
    fn linear(&self) -> Result<&Linear> {
        self.linear.as_ref().ok_or(Error::Denied(Access::NEW_INPUTS))
    }

    /// The logits that answer a question.
    fn logits(&self, query: &Query) -> Result<Vec<f32>> {
        match &query.input {
            Input::Records(ids, Augmentation(variant)) => {
                let mut logits = Vec::with_capacity(ids.len() * self.table.classes);
                for id in ids.iter() {
                    let (whom, row) = self.place(*id)?;
                    let answer = self.table.answer(whom, row, self.model, *variant as usize);
                    logits.extend_from_slice(answer.ok_or_else(|| self.unknown(*id))?);
                }
                Ok(logits)
            }
            Input::Tensor(rows) => {
                let linear = self
                    .linear()
                    .map_err(|_| Error::Unsupported("a recorded target answers about records only".into()))?;
                if rows.shape().get(1..) != Some(&[WIDTH]) {
                    let got = format!("shape {:?}", rows.shape());
                    return Err(Error::mismatch("inputs", format!("rows of {WIDTH} features"), got));
                }
                let rows = rows.to_f32()?;
                Ok(rows.chunks_exact(WIDTH).flat_map(|x| product(&linear.weights, x)).collect())
            }
            _ => Err(Error::Unsupported("a toy answers about records and rows of features".into())),
        }
    }

    /// The classes of a question: those that it brought, or those of its records.
    fn classes(&self, query: &Query) -> Result<Vec<usize>> {
        if let Some(labels) = &query.labels {
            return Ok(labels.to_i64()?.iter().map(|&class| class as usize).collect());
        }
        let Input::Records(ids, _) = &query.input else {
            return Err(Error::mismatch("labels", "the true class of each record", "none"));
        };
        ids.iter()
            .map(|id| {
                let (whom, row) = self.place(*id)?;
                let class = self.table.group(whom).1.get(row);
                class.map(|class| *class as usize).ok_or_else(|| self.unknown(*id))
            })
            .collect()
    }

    fn place(&self, id: u32) -> Result<(Whom, usize)> {
        self.places.get(id as usize).copied().ok_or_else(|| self.unknown(id))
    }

    fn unknown(&self, id: u32) -> Error {
        Error::mismatch("record", format!("below {}, recorded", self.places.len()), id)
    }

    /// Rows of features of a question about records as they are, or of what it brought.
    fn features(&self, query: &Query) -> Result<Vec<f32>> {
        match &query.input {
            Input::Tensor(rows) => Ok(rows.to_f32()?.into_owned()),
            Input::Records(ids, Augmentation(0)) => Ok(self.input(ids)?.to_f32()?.into_owned()),
            _ => Err(Error::Unsupported("gradients at variants of records".into())),
        }
    }
}

/// p − y for each row, the gradient of the loss with respect to the logits.
fn residuals(logits: &[f32], classes: &[usize], width: usize) -> Vec<f32> {
    let mut all = softmax(logits, width);
    all.chunks_exact_mut(width).zip(classes).for_each(|(p, &class)| p[class] -= 1.0);
    all
}

pub(crate) fn softmax(logits: &[f32], width: usize) -> Vec<f32> {
    let rows = logits.chunks_exact(width).flat_map(|z| {
        let total = log_sum_exp(z);
        z.iter().map(move |z| (z - total).exp())
    });
    rows.collect()
}

impl Target for ToyTarget {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        let (rows, width) = (query.len(), self.table.classes);
        let logits = self.logits(query)?;
        let want = |access| query.want.contains(access);
        let mut outputs = Outputs::default();
        if want(Access::PROBABILITIES) {
            outputs.probabilities = Some(Tensor::from_vec(softmax(&logits, width), &[rows, width])?);
        }
        if want(Access::LOSS) {
            let classes = self.classes(query)?;
            let losses = logits.chunks_exact(width).zip(classes).map(|(z, class)| log_sum_exp(z) - z[class]);
            outputs.loss = Some(Tensor::from_vec(losses.collect(), &[rows])?);
        }
        if want(Access::LABELS) {
            let best = logits
                .chunks_exact(width)
                .map(|z| (0..width).max_by(|&a, &b| z[a].total_cmp(&z[b])).unwrap_or(0) as i64);
            outputs.labels = Some(Tensor::from_vec(best.collect(), &[rows])?);
        }
        if want(Access::LAST_LAYER_GRADIENT) {
            // (p − y) ⊗ x, also of variants, whose own features are not kept.
            let residuals = residuals(&logits, &self.classes(query)?, width);
            let features = match &query.input {
                Input::Records(ids, _) => self.input(ids)?.to_f32()?.into_owned(),
                _ => self.features(query)?,
            };
            let gradients = residuals
                .chunks_exact(width)
                .zip(features.chunks_exact(WIDTH))
                .flat_map(|(d, x)| d.iter().flat_map(move |d| x.iter().map(move |x| d * x)));
            outputs.last_layer_gradient =
                Some(Tensor::from_vec(gradients.collect(), &[rows, width * WIDTH])?);
        }
        if want(Access::ACTIVATIONS) && query.layers.iter().any(|layer| layer == SCORES) {
            let scores = Tensor::from_vec(logits.clone(), &[rows, width])?;
            outputs.activations.push((SCORES.to_owned(), scores));
        }
        if want(Access::LOGITS) {
            outputs.logits = Some(Tensor::from_vec(logits, &[rows, width])?);
        }
        Ok(outputs)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let linear = self.linear().map_err(|_| Error::Denied(Access::INPUT_GRADIENT))?;
        self.features(query)?;
        let answers = self.predict(query)?;
        let slopes = match answers.loss {
            Some(_) => residuals(&self.logits(query)?, &self.classes(query)?, self.table.classes),
            None => Vec::new(),
        };
        let weights = Arc::clone(&linear.weights);
        Ok((answers, Box::new(Transposed { weights, slopes, classes: self.table.classes })))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let linear = self.linear()?;
        let mut rows = Vec::with_capacity(records.len() * WIDTH);
        for &id in records.iter() {
            self.place(id)?;
            rows.extend_from_slice(&linear.inputs[id as usize * WIDTH..][..WIDTH]);
        }
        Tensor::from_vec(rows, &[records.len(), WIDTH])
    }
}

/// Gradients of a live toy with respect to its features.
struct Transposed {
    weights: Arc<[f32]>,
    /// Of the loss with respect to the logits `[rows][classes]`, where it was asked for.
    slopes: Vec<f32>,
    classes: usize,
}

impl Pullback for Transposed {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let none = || Error::mismatch("cotangent", "one of logits or loss", "none");
        let of_logits = match (&cotangent.logits, &cotangent.loss) {
            (Some(logits), None) => logits.to_f32()?.into_owned(),
            (None, Some(loss)) if !self.slopes.is_empty() => {
                let rows = self.slopes.chunks_exact(self.classes).zip(loss.to_f32()?.into_owned());
                rows.flat_map(|(slopes, loss)| slopes.iter().map(move |slope| slope * loss)).collect()
            }
            _ => return Err(none()),
        };
        let mut gradients = Vec::with_capacity(of_logits.len() / self.classes * WIDTH);
        for row in of_logits.chunks_exact(self.classes) {
            let mut gradient = [0.0; WIDTH];
            for (weights, z) in self.weights.chunks_exact(WIDTH).zip(row) {
                gradient.iter_mut().zip(weights).for_each(|(g, w)| *g += z * w);
            }
            gradients.extend(gradient);
        }
        Tensor::from_vec(gradients, &[of_logits.len() / self.classes, WIDTH])
    }
}

pub(crate) fn log_sum_exp(z: &[f32]) -> f32 {
    let most = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    most + z.iter().map(|z| (z - most).exp()).sum::<f32>().ln()
}

/// Random numbers.
pub(crate) struct Draws(pub(crate) Pcg64);

impl Draws {
    /// From 0 to 1, without 0.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(crate) fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            let j = (self.uniform() * (i + 1) as f64) as usize;
            all.swap(i, j.min(i));
        }
        all
    }

    /// A random half of `n` records, rounded down.
    fn half(&mut self, n: usize) -> Vec<bool> {
        self.permutation(n).iter().map(|&place| (place as usize) < n / 2).collect()
    }

    /// The members of each model. The target is alone; models 1 and 2, 3 and 4 … are pairs, each record a member of one of the two.
    pub(crate) fn members(&mut self, size: &Size) -> Vec<Vec<bool>> {
        let mut members: Vec<Vec<bool>> = Vec::with_capacity(1 + size.references);
        for m in 0..=size.references {
            let half = match members.last() {
                Some(first) if m % 2 == 0 => first.iter().map(|member| !member).collect(),
                _ => self.half(size.records),
            };
            members.push(half);
        }
        members
    }

    /// Logits and classes of a group: a difficulty per record, noise per answer, and what membership adds to the true class.
    fn group(
        &mut self,
        records: usize,
        size: &Size,
        gain: impl Fn(usize, usize) -> f64,
    ) -> (Vec<f32>, Vec<u32>) {
        let models = 1 + size.references;
        let mut logits = Vec::with_capacity(records * models * size.augmentations * size.classes);
        let mut classes = Vec::with_capacity(records);
        for r in 0..records {
            let class = (self.uniform() * size.classes as f64) as usize;
            let ease = 1.0 + self.normal();
            for m in 0..models {
                for _ in 0..size.augmentations {
                    for c in 0..size.classes {
                        let own = if c == class { ease + gain(r, m) } else { 0.0 };
                        logits.push((own + self.normal()) as f32);
                    }
                }
            }
            classes.push(class as u32);
        }
        (logits, classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_and_pairs() {
        let toy = Toy::new(Behaviour::Leaky, Size { records: 101, ..Size::default() }, 1);
        assert_eq!(toy.truth().iter().filter(|m| **m).count(), 50);
        for r in 0..101 {
            let row = toy.audited_membership.row(r);
            assert_eq!(row.count(), 4);
            assert!((0..4).all(|pair| row.contains(2 * pair) != row.contains(2 * pair + 1)));
        }
    }

    #[test]
    fn reordering_twice_restores() {
        let toy = || Toy::new(Behaviour::Leaky, Size { records: 5, ..Size::default() }, 1);
        let there = toy().reordered(&[3, 1, 4, 0, 2]);
        assert_eq!(there.audited.ids[0], toy().audited.ids[3]);
        let back = there.reordered(&[3, 1, 4, 0, 2]);
        let identity: Vec<u32> = toy().audited.ids.to_vec();
        // The inverse of the order is another order; apply it to come back.
        let order = [3_usize, 1, 4, 0, 2];
        let twice: Vec<u32> = order.iter().map(|&i| identity[order[i]]).collect();
        assert_eq!(back.audited.ids.to_vec(), twice);
    }

    #[test]
    fn targets_answer_what_the_signals_say() {
        let toy = Toy::new(Behaviour::Null, Size { records: 6, population: 3, ..Size::default() }, 2);
        let mut losses = vec![0.0; 6 * 9];
        toy.signals.read(paname_core::Signal::Loss, Whom::Audited, 0..6, &mut losses).unwrap();
        for (m, target) in toy.targets.iter().enumerate() {
            let answers = target.predict(&Query::records(toy.audited.ids.clone(), Access::LOSS)).unwrap();
            for (r, loss) in answers.loss.unwrap().to_f32().unwrap().iter().enumerate() {
                assert!((loss - losses[r * 9 + m]).abs() < 1e-5);
            }
        }
    }
}
