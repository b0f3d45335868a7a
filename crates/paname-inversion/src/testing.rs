//! Models small enough to be written down, and cases of them.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use paname_core::{
    Access, Case, CaseParts, Cohort, Ctx, Entry, Error, Findings, Generator, Host, Indices, Input, Labels,
    Membership, Outputs, Pullback, Query, Reconstruction, Result, Signal, SignalSource, Target, TargetCard,
    Task, Tensor, Whom,
};

use crate::random::fill_normal;

/// A softmax regression, or one over a layer of tanh, with gradients written by hand.
#[derive(Clone)]
pub(crate) struct Net {
    pub(crate) card: TargetCard,
    /// Of one input.
    pub(crate) shape: Vec<usize>,
    pub(crate) classes: usize,
    /// `[hidden][width]`; empty where there is no layer between.
    pub(crate) first: Vec<f32>,
    /// `[classes][hidden or width]`.
    pub(crate) second: Vec<f32>,
    /// Records: `[records][width]`, where inputs are told.
    pub(crate) records: Option<Vec<f32>>,
}

pub(crate) const RECORDS: usize = 40;

impl Net {
    /// Weights and records drawn from a seed; records are between −1 and 2 or so.
    pub(crate) fn new(shape: &[usize], classes: usize, hidden: usize, seed: u64) -> Self {
        let ctx = Ctx::new(seed, "net", 1, &());
        let normal = |stage: &str, count: usize, scale: f32| {
            let mut values = vec![0.0; count];
            fill_normal(&mut values, &mut ctx.rng(stage));
            for x in &mut values {
                *x *= scale;
            }
            values
        };
        let width: usize = shape.iter().product();
        let inner = if hidden == 0 { width } else { hidden };
        let access = ["labels", "probabilities", "logits", "loss", "input-gradient", "new-inputs"];
        Self {
            card: TargetCard {
                name: "net".into(),
                classes: Some(classes),
                access: access.map(str::to_owned).to_vec(),
                augmentations: 1,
                ..TargetCard::default()
            },
            shape: shape.to_vec(),
            classes,
            first: normal("first", hidden * width, 1.0),
            second: normal("second", classes * inner, 1.5),
            records: Some(normal("records", RECORDS * width, 0.5)),
        }
    }

    /// The same without some accesses.
    pub(crate) fn without(mut self, access: &[&str]) -> Self {
        self.card.access.retain(|name| !access.contains(&name.as_str()));
        self
    }

    /// The same with an access.
    pub(crate) fn with(mut self, access: &str) -> Self {
        self.card.access.push(access.to_owned());
        self
    }

    pub(crate) fn width(&self) -> usize {
        self.shape.iter().product()
    }

    pub(crate) fn hidden(&self, x: &[f32]) -> Vec<f64> {
        let x: Vec<f64> = x.iter().map(|x| f64::from(*x)).collect();
        if self.first.is_empty() { x } else { product(&self.first, &x).into_iter().map(f64::tanh).collect() }
    }

    pub(crate) fn logits(&self, x: &[f32]) -> Vec<f64> {
        product(&self.second, &self.hidden(x))
    }

    pub(crate) fn probabilities(&self, x: &[f32]) -> Vec<f64> {
        let exponentials: Vec<f64> = self.logits(x).into_iter().map(f64::exp).collect();
        let sum: f64 = exponentials.iter().sum();
        exponentials.into_iter().map(|e| e / sum).collect()
    }

    fn inputs(&self, query: &Query) -> Result<Vec<f32>> {
        let rows = match &query.input {
            Input::Tensor(rows) => rows.clone(),
            Input::Records(ids, _) => self.input(ids)?,
            _ => return Err(Error::Unsupported("other inputs".into())),
        };
        if rows.shape()[1..] != self.shape {
            return Err(Error::mismatch("inputs", format!("{:?}", self.shape), format!("{rows:?}")));
        }
        Ok(rows.to_f32()?.into_owned())
    }
}

fn product(weights: &[f32], x: &[f64]) -> Vec<f64> {
    weights.chunks_exact(x.len()).map(|row| row.iter().zip(x).map(|(w, x)| f64::from(*w) * x).sum()).collect()
}

fn transposed(weights: &[f32], c: &[f64]) -> Vec<f64> {
    let width = weights.len() / c.len();
    let mut sum = vec![0.0; width];
    for (row, c) in weights.chunks_exact(width).zip(c) {
        sum.iter_mut().zip(row).for_each(|(sum, w)| *sum += c * f64::from(*w));
    }
    sum
}

fn tensor(values: Vec<f64>, shape: &[usize]) -> Result<Tensor> {
    Tensor::from_vec(values.into_iter().map(|x| x as f32).collect(), shape)
}

impl Target for Net {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        let (inputs, shape) = (self.inputs(query)?, [query.len(), self.classes]);
        let rows = || inputs.chunks_exact(self.width());
        let mut outputs = Outputs::default();
        if query.want.contains(Access::LOGITS) {
            outputs.logits = Some(tensor(rows().flat_map(|x| self.logits(x)).collect(), &shape)?);
        }
        if query.want.contains(Access::PROBABILITIES) {
            outputs.probabilities =
                Some(tensor(rows().flat_map(|x| self.probabilities(x)).collect(), &shape)?);
        }
        if query.want.contains(Access::EMBEDDING) {
            let features: Vec<f64> = rows().flat_map(|x| self.hidden(x)).collect();
            let width = features.len() / query.len();
            outputs.embedding = Some(tensor(features, &[query.len(), width])?);
        }
        if query.want.contains(Access::LABELS) {
            let label = |x: &[f32]| {
                let logits = self.logits(x);
                (0..logits.len()).reduce(|best, j| if logits[j] > logits[best] { j } else { best })
            };
            let labels = rows().map(|x| label(x).unwrap() as i64).collect();
            outputs.labels = Some(Tensor::from_vec::<i64>(labels, &[query.len()])?);
        }
        Ok(outputs)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        if !self.card.offers().contains(Access::INPUT_GRADIENT) {
            return Err(Error::Denied(Access::INPUT_GRADIENT));
        }
        let pullback = Written { net: self.clone(), inputs: self.inputs(query)? };
        Ok((self.predict(query)?, Box::new(pullback)))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let known = self.records.as_ref().ok_or(Error::Denied(Access::NEW_INPUTS))?;
        let width = self.width();
        let rows = records.iter().flat_map(|&r| known[r as usize * width..][..width].to_vec()).collect();
        let shape: Vec<usize> = std::iter::once(records.len()).chain(self.shape.iter().copied()).collect();
        Tensor::from_vec(rows, &shape)
    }
}

struct Written {
    net: Net,
    inputs: Vec<f32>,
}

impl Pullback for Written {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let read = |c: &Option<Tensor>| c.as_ref().map(Tensor::to_f64).transpose();
        let (logits, probabilities) = (read(&cotangent.logits)?, read(&cotangent.probabilities)?);
        let embedding = read(&cotangent.embedding)?;
        let (net, mut all) = (&self.net, Vec::new());
        for (r, x) in self.inputs.chunks_exact(net.width()).enumerate() {
            let row = |c: &[f64]| c[r * net.classes..(r + 1) * net.classes].to_vec();
            let mut c = logits.as_deref().map_or(vec![0.0; net.classes], row);
            if let Some(given) = probabilities.as_deref().map(row) {
                let p = net.probabilities(x);
                let mean: f64 = p.iter().zip(&given).map(|(p, c)| p * c).sum();
                c.iter_mut().zip(p.iter().zip(given)).for_each(|(c, (p, given))| *c += p * (given - mean));
            }
            let mut below = transposed(&net.second, &c);
            if let Some(given) = &embedding {
                let given = &given[r * below.len()..][..below.len()];
                below.iter_mut().zip(given).for_each(|(c, given)| *c += given);
            }
            if !net.first.is_empty() {
                below.iter_mut().zip(net.hidden(x)).for_each(|(c, h)| *c *= 1.0 - h * h);
                below = transposed(&net.first, &below);
            }
            all.extend(below);
        }
        let shape: Vec<usize> =
            std::iter::once(all.len() / net.width()).chain(net.shape.iter().copied()).collect();
        tensor(all, &shape)
    }
}

/// A layer of batch normalisation over the first axis, and a softmax regression on what it gives.
#[derive(Clone)]
pub(crate) struct Normed {
    pub(crate) net: Net,
    /// Of each channel: kept mean, kept variance, weight and bias.
    pub(crate) channels: Vec<[f32; 4]>,
}

impl Normed {
    pub(crate) fn new(shape: &[usize], classes: usize, seed: u64) -> Self {
        let mut net = Net::new(shape, classes, 0, seed);
        net.card.layers = vec!["inner".into(), "norm".into()];
        net.card.access.extend(["activations", "parameters"].map(str::to_owned));
        let channel =
            |c: usize| [0.25 + c as f32, 0.5 + c as f32, 1.5 - c as f32 / 4.0, 0.5 * c as f32 - 0.25];
        Self { net, channels: (0..shape[0]).map(channel).collect() }
    }

    /// Values of one channel in an input.
    fn size(&self) -> usize {
        self.net.width() / self.channels.len()
    }

    fn factor(&self, j: usize) -> f32 {
        let [_, variance, weight, _] = self.channels[j / self.size()];
        weight / (variance + 1e-5).sqrt()
    }

    pub(crate) fn normed(&self, x: &[f32]) -> Vec<f32> {
        let of = |(j, x): (usize, &f32)| {
            let [mean, _, _, bias] = self.channels[j / self.size()];
            (x - mean) * self.factor(j) + bias
        };
        x.iter().enumerate().map(of).collect()
    }

    /// Means and mean squares of each channel of what the layer gives.
    pub(crate) fn moments(&self, x: &[f32]) -> Vec<f32> {
        let y = self.normed(x);
        let mean = |power: i32| -> Vec<f32> {
            let of =
                |channel: &[f32]| channel.iter().map(|y| y.powi(power)).sum::<f32>() / self.size() as f32;
            y.chunks_exact(self.size()).map(of).collect()
        };
        [mean(1), mean(2)].concat()
    }

    /// A question about what follows the layer.
    fn inner(&self, query: &Query) -> Result<Query> {
        let Input::Tensor(rows) = &query.input else { return Err(Error::Unsupported("records".into())) };
        let normed = rows.to_f32()?.chunks_exact(self.net.width()).flat_map(|x| self.normed(x)).collect();
        let want = query.want - Access::ACTIVATIONS;
        Ok(Query {
            input: Input::Tensor(Tensor::from_vec(normed, rows.shape())?),
            labels: None,
            want,
            layers: Vec::new(),
        })
    }
}

impl Target for Normed {
    fn card(&self) -> &TargetCard {
        &self.net.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let mut outputs = self.net.predict(&self.inner(query)?)?;
        for layer in &query.layers {
            assert_eq!(layer, "norm:moments");
            let rows = self.net.inputs(query)?;
            let moments: Vec<f32> =
                rows.chunks_exact(self.net.width()).flat_map(|x| self.moments(x)).collect();
            let moments = Tensor::from_vec(moments, &[query.len(), 2, self.channels.len()])?;
            outputs.activations.push((layer.clone(), moments));
        }
        Ok(outputs)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let (_, pullback) = self.net.vjp(&self.inner(query)?)?;
        let pullback =
            NormedPullback { target: self.clone(), inputs: self.net.inputs(query)?, inner: pullback };
        Ok((self.predict(query)?, Box::new(pullback)))
    }

    fn parameters(&self) -> Result<paname_core::Named<Tensor>> {
        let part = |name: &str, i: usize| {
            let values = self.channels.iter().map(|channel| channel[i]).collect();
            Ok((format!("norm.{name}"), Tensor::from_vec(values, &[self.channels.len()])?))
        };
        [("running_mean", 0), ("running_var", 1), ("weight", 2), ("bias", 3)]
            .into_iter()
            .map(|(name, i)| part(name, i))
            .collect()
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        self.net.input(records)
    }
}

struct NormedPullback {
    target: Normed,
    inputs: Vec<f32>,
    inner: Box<dyn Pullback>,
}

impl Pullback for NormedPullback {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let Self { target, inputs, inner } = self;
        let (width, size, channels) = (target.net.width(), target.size(), target.channels.len());
        let below = inner.apply(cotangent)?;
        let mut all = below.to_f32()?.into_owned();
        for (_, moments) in &cotangent.activations {
            let moments = moments.to_f32()?;
            for ((x, c), all) in inputs
                .chunks_exact(width)
                .zip(moments.chunks_exact(2 * channels))
                .zip(all.chunks_exact_mut(width))
            {
                for (j, (y, g)) in target.normed(x).into_iter().zip(all).enumerate() {
                    *g += (c[j / size] + 2.0 * y * c[channels + j / size]) / size as f32;
                }
            }
        }
        all.iter_mut().enumerate().for_each(|(i, g)| *g *= target.factor(i % width));
        Tensor::from_vec(all, below.shape())
    }
}

/// A classifier of texts that looks at words and at pairs of neighbours, with a sentence planted in each class.
#[derive(Clone)]
pub(crate) struct Words {
    pub(crate) card: TargetCard,
    pub(crate) length: usize,
    pub(crate) width: usize,
    /// A row for each token; the first stands for nothing.
    pub(crate) embedding: Vec<f32>,
    pub(crate) planted: Vec<Vec<u32>>,
    /// Sentences that no text had.
    pub(crate) control: Vec<Vec<u32>>,
    /// Texts of records, where they are told.
    pub(crate) records: Option<Vec<f32>>,
    /// Whether the model can be seen from its embedding on.
    pub(crate) comes_apart: bool,
}

impl Words {
    pub(crate) fn new(classes: usize, seed: u64) -> Self {
        let (width, length, vocabulary, words) = (96, 8, 80, 6);
        let ctx = Ctx::new(seed, "words", 1, &());
        let mut embedding = vec![0.0; vocabulary * width];
        fill_normal(&mut embedding[width..], &mut ctx.rng("embedding"));
        for x in &mut embedding {
            *x /= (width as f32).sqrt();
        }
        // Planted words and words of control alternate, so that numbers tell nothing.
        let sentence = |class: usize, control: usize| -> Vec<u32> {
            (0..words).map(|i| (1 + 2 * (class * words + i) + control) as u32).collect()
        };
        let access = ["probabilities", "logits", "input-gradient", "new-inputs", "activations", "parameters"];
        let texts = (0..RECORDS * length).map(|i| ((i * 31 + i / length * 7) % vocabulary) as f32).collect();
        Self {
            card: TargetCard {
                name: "words".into(),
                classes: Some(classes),
                layers: ["words", "pairs"].map(str::to_owned).to_vec(),
                access: access.map(str::to_owned).to_vec(),
                augmentations: 1,
                ..TargetCard::default()
            },
            length,
            width,
            embedding,
            planted: (0..classes).map(|class| sentence(class, 0)).collect(),
            control: (0..classes).map(|class| sentence(class, 1)).collect(),
            records: Some(texts),
            comes_apart: true,
        }
    }

    pub(crate) fn without(mut self, access: &[&str]) -> Self {
        self.card.access.retain(|name| !access.contains(&name.as_str()));
        self
    }

    fn row(&self, token: u32) -> &[f32] {
        &self.embedding[token as usize * self.width..][..self.width]
    }

    fn embedded(&self, tokens: &Tensor) -> Result<Vec<f32>> {
        Ok(tokens.to_i64()?.into_iter().flat_map(|token| self.row(token as u32).to_vec()).collect())
    }

    /// The logits of an embedded text, and their derivatives for a cotangent: of each place the words of the sentence, of each pair of places its pairs.
    fn logits(&self, e: &[f32], cotangent: Option<&[f64]>) -> (Vec<f64>, Vec<f64>) {
        let dot = |a: &[f32], b: &[f32]| f64::from(a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>());
        let (mut logits, mut gradient) = (vec![0.0; self.planted.len()], vec![0.0; e.len()]);
        for (class, sentence) in self.planted.iter().enumerate() {
            // How much of each word is at each place, and the derivative with respect to it.
            let of_place = |place: &[f32]| -> Vec<f64> {
                sentence.iter().map(|&word| dot(place, self.row(word))).collect()
            };
            let there: Vec<Vec<f64>> = e.chunks_exact(self.width).map(of_place).collect();
            let mut slopes = vec![vec![1.0; sentence.len()]; there.len()];
            for (p, words) in there.iter().enumerate() {
                logits[class] += words.iter().sum::<f64>();
                let Some(after) = there.get(p + 1) else { continue };
                for i in 1..sentence.len() {
                    logits[class] += words[i - 1] * after[i];
                    slopes[p][i - 1] += after[i];
                    slopes[p + 1][i] += words[i - 1];
                }
            }
            let Some(c) = cotangent.map(|c| c[class]) else { continue };
            for (slopes, gradient) in slopes.iter().zip(gradient.chunks_exact_mut(self.width)) {
                for (slope, &word) in slopes.iter().zip(sentence) {
                    gradient
                        .iter_mut()
                        .zip(self.row(word))
                        .for_each(|(g, x)| *g += c * slope * f64::from(*x));
                }
            }
        }
        (logits, gradient)
    }

    fn answers(&self, embedded: &[f32], want: Access) -> Result<Outputs> {
        let rows: Vec<Vec<f64>> =
            embedded.chunks_exact(self.length * self.width).map(|e| self.logits(e, None).0).collect();
        let shape = [rows.len(), self.planted.len()];
        let mut outputs = Outputs::default();
        if want.contains(Access::LOGITS) {
            outputs.logits = Some(tensor(rows.concat(), &shape)?);
        }
        if want.contains(Access::PROBABILITIES) {
            let softmax = |row: &Vec<f64>| -> Vec<f64> {
                let sum: f64 = row.iter().map(|z| z.exp()).sum();
                row.iter().map(|z| z.exp() / sum).collect()
            };
            outputs.probabilities = Some(tensor(rows.iter().flat_map(softmax).collect(), &shape)?);
        }
        Ok(outputs)
    }
}

impl Target for Words {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        let Input::Tokens(tokens) = &query.input else { return Err(Error::Unsupported("no tokens".into())) };
        assert_eq!(tokens.shape()[1..], [self.length]);
        let embedded = self.embedded(tokens)?;
        let mut outputs = self.answers(&embedded, query.want)?;
        for layer in &query.layers {
            let mut values = embedded.clone();
            if layer != "words" {
                for x in &mut values {
                    *x *= 2.0;
                }
            }
            let values = Tensor::from_vec(values, &[query.len(), self.length, self.width])?;
            outputs.activations.push((layer.clone(), values));
        }
        Ok(outputs)
    }

    fn parameters(&self) -> Result<paname_core::Named<Tensor>> {
        let rows = self.embedding.len() / self.width;
        Ok(vec![
            ("places".into(), Tensor::from_vec(vec![0.5_f32; 8 * self.width], &[8, self.width])?),
            ("table".into(), Tensor::from_vec(self.embedding.clone(), &[rows, self.width])?),
        ])
    }

    fn view(&self, view: paname_core::View) -> Result<Box<dyn Target>> {
        assert_eq!(view, paname_core::View::From("words".into()));
        if self.comes_apart {
            return Ok(Box::new(Rest(self.clone())));
        }
        Err(Error::Unsupported("it takes tokens too".into()))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let known = self.records.as_ref().ok_or(Error::Denied(Access::NEW_INPUTS))?;
        let rows =
            records.iter().flat_map(|&r| known[r as usize * self.length..][..self.length].to_vec()).collect();
        Tensor::from_vec(rows, &[records.len(), self.length])
    }
}

/// What follows the embedding.
struct Rest(Words);

impl Target for Rest {
    fn card(&self) -> &TargetCard {
        &self.0.card
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let Input::Tensor(rows) = &query.input else { return Err(Error::Unsupported("no values".into())) };
        let answers = self.0.answers(&rows.to_f32()?, query.want)?;
        Ok((answers, Box::new(RestPullback(self.0.clone(), rows.clone()))))
    }
}

struct RestPullback(Words, Tensor);

impl Pullback for RestPullback {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let Self(words, rows) = self;
        let c = cotangent.logits.as_ref().ok_or(Error::Denied(Access::LOGITS))?.to_f64()?;
        let embedded = rows.to_f32()?;
        let texts =
            embedded.chunks_exact(words.length * words.width).zip(c.chunks_exact(words.planted.len()));
        tensor(texts.flat_map(|(e, c)| words.logits(e, Some(c)).1).collect(), rows.shape())
    }
}

/// What is wrong with a target.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Wrong {
    Answers(f32),
    /// Answers are no number where the first value is above this.
    Beyond(f32),
    Gradients(f32),
    /// Gradients are nothing and answers the same everywhere.
    Flat,
    MoreRows,
    FewerClasses,
    Scalar,
    NothingAnswered,
    GradientRows,
    GradientWidth,
    InputScalar,
    InputRows,
}

/// A target that has something wrong.
pub(crate) struct Hostile(pub(crate) Net, pub(crate) Wrong);

struct HostilePullback(Box<dyn Pullback>, Wrong);

impl Hostile {
    fn spoil(&self, query: &Query, mut answers: Outputs) -> Result<Outputs> {
        let (rows, classes) = (query.len(), self.0.classes);
        let all = |value: f32, shape: &[usize]| Tensor::from_vec(vec![value; shape.iter().product()], shape);
        let spoilt = match self.1 {
            Wrong::Answers(value) => all(value, &[rows, classes])?,
            Wrong::Flat => all(0.25, &[rows, classes])?,
            Wrong::MoreRows => all(0.0, &[rows + 1, classes])?,
            Wrong::FewerClasses => all(0.0, &[rows, 1])?,
            Wrong::Scalar => all(0.0, &[rows])?,
            Wrong::NothingAnswered => return Ok(Outputs::default()),
            Wrong::Beyond(edge) => {
                let mut values = answers.logits.unwrap().to_f32()?.into_owned();
                let inputs = self.0.inputs(query)?;
                for (x, row) in inputs.chunks_exact(self.0.width()).zip(values.chunks_exact_mut(classes)) {
                    if x[0] > edge {
                        row.fill(f32::NAN);
                    }
                }
                Tensor::from_vec(values, &[rows, classes])?
            }
            _ => return Ok(answers),
        };
        answers.logits = Some(spoilt);
        Ok(answers)
    }
}

impl Target for Hostile {
    fn card(&self) -> &TargetCard {
        &self.0.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.spoil(query, self.0.predict(query)?)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        let (answers, pullback) = self.0.vjp(query)?;
        Ok((self.spoil(query, answers)?, Box::new(HostilePullback(pullback, self.1))))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        match self.1 {
            Wrong::InputScalar => Tensor::from_vec(vec![0.0_f32], &[]),
            Wrong::InputRows => Tensor::from_vec(vec![0.0_f32; 3 * self.0.width()], &[3, self.0.width()]),
            _ => self.0.input(records),
        }
    }
}

impl Pullback for HostilePullback {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let given = self.0.apply(cotangent)?;
        let all = |value: f32, shape: &[usize]| Tensor::from_vec(vec![value; shape.iter().product()], shape);
        match self.1 {
            Wrong::Gradients(value) => all(value, given.shape()),
            Wrong::Flat => all(0.0, given.shape()),
            Wrong::GradientRows => all(0.0, &[given.rows() + 1, 2]),
            Wrong::GradientWidth => all(0.0, &[given.rows(), 1]),
            _ => Ok(given),
        }
    }
}

struct NoSignals;

impl SignalSource for NoSignals {
    fn models(&self) -> usize {
        1
    }

    fn augmentations(&self) -> usize {
        1
    }

    fn read(&self, signal: Signal, _: Whom, _: Range<usize>, _: &mut [f32]) -> Result<()> {
        Err(Error::Unsupported(format!("{signal:?}")))
    }
}

/// Has `work` see a case of a target: half of its records are audited, the others its population.
pub(crate) fn with_case<T>(target: &dyn Target, granted: Access, work: impl FnOnce(&Case<'_>) -> T) -> T {
    with_case_of(target, granted, None, work)
}

/// The same with a generator.
pub(crate) fn with_case_of<T>(
    target: &dyn Target,
    granted: Access,
    generator: Option<Generator<'_>>,
    work: impl FnOnce(&Case<'_>) -> T,
) -> T {
    with_many(target, granted, generator, RECORDS, work)
}

/// The same with so many records.
pub(crate) fn with_many<T>(
    target: &dyn Target,
    granted: Access,
    generator: Option<Generator<'_>>,
    records: usize,
    work: impl FnOnce(&Case<'_>) -> T,
) -> T {
    let half = records / 2;
    let cohort = |range: Range<usize>| Cohort {
        ids: range.clone().map(|r| r as u32).collect(),
        labels: Labels::Classes {
            values: range.map(|_| 0).collect(),
            classes: 1.max(target.card().classes.unwrap_or(1)),
        },
    };
    let parts = CaseParts {
        task: Task::Classification,
        granted,
        target,
        references: Vec::new(),
        audited: cohort(0..half),
        population: cohort(half..records),
        audited_membership: Cow::Owned(Membership::none(half, 0)),
        population_membership: Cow::Owned(Membership::none(records - half, 0)),
        signals: &NoSignals,
    };
    let case = Case::new(parts).unwrap();
    match generator {
        Some(generator) => work(&case.with_generator(generator)),
        None => work(&case),
    }
}

/// A host that keeps the log, and loses patience after so many reports of progress.
#[derive(Default)]
pub(crate) struct Listening {
    pub(crate) lines: Mutex<Vec<String>>,
    pub(crate) chosen: Mutex<Vec<(String, String)>>,
    pub(crate) patience: Option<u64>,
    pub(crate) ticks: AtomicU64,
}

impl Host for Listening {
    fn progress(&self, done: u64, total: u64) {
        assert!(done <= total, "{done} of {total}");
        self.ticks.fetch_add(1, Ordering::Relaxed);
    }

    fn cancelled(&self) -> bool {
        self.patience.is_some_and(|patience| self.ticks.load(Ordering::Relaxed) > patience)
    }

    fn log(&self, line: &str) {
        self.lines.lock().unwrap().push(line.to_owned());
    }

    fn chose(&self, parameter: &str, value: &str) {
        self.chosen.lock().unwrap().push((parameter.to_owned(), value.to_owned()));
    }
}

pub(crate) fn entry(name: &str) -> &'static Entry {
    crate::ATTACKS.iter().find(|entry| entry.info.name == name).unwrap()
}

/// What an attack finds, all that the target offers granted.
pub(crate) fn attack(
    name: &str,
    config: serde_json::Value,
    target: &dyn Target,
    ctx: &Ctx<'_>,
) -> Result<Vec<Reconstruction>> {
    attack_with(name, config, target, None, ctx)
}

/// The same with a generator.
pub(crate) fn attack_with(
    name: &str,
    config: serde_json::Value,
    target: &dyn Target,
    generator: Option<Generator<'_>>,
    ctx: &Ctx<'_>,
) -> Result<Vec<Reconstruction>> {
    let attack = entry(name).build(config)?;
    with_case_of(target, target.card().offers(), generator, |case| match attack.run(case, ctx)? {
        Findings::Reconstructions(found) => Ok(found),
        other => panic!("{other:?}"),
    })
}

/// The same with a usual context.
pub(crate) fn found(name: &str, config: serde_json::Value, target: &dyn Target) -> Vec<Reconstruction> {
    attack(name, config, target, &Ctx::new(7, "test", 1, &())).unwrap()
}

pub(crate) fn refused(name: &str, config: serde_json::Value, target: &dyn Target) -> String {
    attack(name, config, target, &Ctx::new(7, "test", 1, &())).unwrap_err().to_string()
}
