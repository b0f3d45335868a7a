//! Gradients of models that give none, from their answers.
//!
//! Around each input probes are asked about in pairs, x + ρu and x − ρu. For a cotangent c of the answers f, the gradient of ⟨f, c⟩ is the mean of
//! ⟨f(x + ρu) − f(x − ρu), c⟩ u / 2ρ over the pairs: without bias where f is a plane, and up to ρ² elsewhere. Of n pairs in d dimensions the
//! estimate points about √(n / (n + d)) into the right direction, as a cosine.
//!
//! SPSA: Spall, *Multivariate Stochastic Approximation Using a Simultaneous Perturbation Gradient Approximation*, IEEE TAC 1992. NES: Wierstra et
//! al., *Natural Evolution Strategies*, JMLR 2014.

use std::sync::atomic::{AtomicU64, Ordering};

use paname_core::{
    Access, Augmentation, Ctx, Error, Indices, Input, Named, Outputs, Pullback, Query, Result, Target,
    TargetCard, Tensor, View,
};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::random::{fill_normal, fill_signs};

/// Where probes lie.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Method {
    /// Each value is moved by ρ, up or down (SPSA).
    #[default]
    Spsa,
    /// All values are moved by normal numbers of standard deviation ρ (NES).
    Nes,
}

/// How gradients are estimated.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Estimate {
    /// Where probes lie: `spsa` or `nes`.
    pub method: Method,
    /// Pairs of probes for one gradient, at least 1; about as many as an input has values tell its direction.
    pub samples: usize,
    /// How far probes lie from the input (ρ), as a share of each value’s range; above 0.
    pub radius: f64,
}

impl Default for Estimate {
    fn default() -> Self {
        Self { method: Method::default(), samples: 50, radius: 0.01 }
    }
}

impl Estimate {
    /// Checks the parameters.
    pub fn check(&self) -> Result<()> {
        if self.samples == 0 {
            return Err(Error::Config("`estimate.samples` must be at least 1, got 0".into()));
        }
        if !(self.radius > 0.0 && self.radius.is_finite()) {
            return Err(Error::Config(format!("`estimate.radius` must be above 0, got {}", self.radius)));
        }
        Ok(())
    }

    /// Questions that one gradient costs, the one about the input itself included.
    pub fn questions(&self) -> u64 {
        1 + 2 * self.samples as u64
    }
}

/// A target whose gradients are estimated. Probes depend on the seed and on the input alone, so that equal questions have equal answers. All of
/// them are asked about with the question itself: any number of cotangents may then be pulled back.
pub struct EstimatedGradient<'a> {
    inner: &'a dyn Target,
    ctx: Ctx<'a>,
    card: TargetCard,
    estimate: Estimate,
    /// Of each value of an input; empty where all have 1.
    ranges: Vec<f32>,
    batch: usize,
    asked: AtomicU64,
}

impl<'a> EstimatedGradient<'a> {
    /// Estimates from the answers of `inner`, at most `batch` of them asked for at a time. Fails where parameters are out of range, or the
    /// target answers no new inputs.
    pub fn new(inner: &'a dyn Target, ctx: &Ctx<'a>, estimate: Estimate, batch: usize) -> Result<Self> {
        estimate.check()?;
        if batch == 0 {
            return Err(Error::Config("`batch` must be at least 1, got 0".into()));
        }
        let mut card = inner.card().clone();
        if !card.offers().contains(Access::NEW_INPUTS) {
            return Err(Error::Denied(Access::NEW_INPUTS));
        }
        if !card.offers().contains(Access::INPUT_GRADIENT) {
            card.access.extend(Access::INPUT_GRADIENT.names().map(str::to_owned));
        }
        Ok(Self { inner, ctx: *ctx, card, estimate, ranges: Vec::new(), batch, asked: AtomicU64::new(0) })
    }

    /// The same with the range of each value, of which the radius is a share; values without a range are not probed.
    #[must_use]
    pub fn with_ranges(self, ranges: &[f32]) -> Self {
        Self { ranges: ranges.to_vec(), ..self }
    }

    /// Questions put to the target so far.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    fn ask(&self, query: &Query) -> Result<Outputs> {
        let answers = self.inner.predict(query)?;
        self.asked.fetch_add(query.len() as u64, Ordering::Relaxed);
        answers.check_rows(query.len())?;
        Ok(answers)
    }

    /// Answers to probes around each row: for each output, the differences of pairs `[rows][pairs][width]`.
    fn probe(&self, inputs: &Tensor, want: Access, streams: &[Pcg64]) -> Result<Vec<Differences>> {
        let values = inputs.to_f32()?;
        let width = values.len() / inputs.rows().max(1);
        let mut all: Vec<Differences> = Vec::new();
        let mut streams = streams.to_vec();
        let pairs: Vec<usize> =
            (0..inputs.rows()).flat_map(|row| std::iter::repeat_n(row, self.estimate.samples)).collect();
        let mut direction = vec![0.0; width];
        for batch in pairs.chunks((self.batch / 2).max(1)) {
            if self.ctx.cancelled() {
                return Err(Error::Cancelled);
            }
            let mut probes = Vec::with_capacity(2 * batch.len() * width);
            for &row in batch {
                draw(self.estimate.method, &mut streams[row], &mut direction);
                let x = &values[row * width..][..width];
                for sign in [1.0, -1.0] {
                    let radius = sign * self.estimate.radius;
                    probes.extend(
                        x.iter().zip(&direction).enumerate().map(|(j, (x, u))| {
                            (f64::from(*x) + radius * self.range(j) * f64::from(*u)) as f32
                        }),
                    );
                }
            }
            let mut shape = inputs.shape().to_vec();
            shape[0] = 2 * batch.len();
            let input = Input::Tensor(Tensor::from_vec(probes, &shape)?);
            let answers = self.ask(&Query { input, labels: None, want, layers: Vec::new() })?;
            for (i, access) in single(want).enumerate() {
                let answer = matrix(&answers, access)?;
                let classes = answer.shape()[1];
                if all.len() == i {
                    let room = Vec::with_capacity(pairs.len() * classes);
                    all.push(Differences { access, width: classes, values: room });
                }
                if all[i].width != classes {
                    return Err(Error::mismatch("answers to each question", all[i].width, classes));
                }
                for pair in answer.to_f32()?.chunks_exact((2 * classes).max(1)) {
                    let (above, below) = pair.split_at(classes);
                    let differences = above.iter().zip(below).map(|(a, b)| f64::from(*a) - f64::from(*b));
                    all[i].values.extend(differences);
                }
            }
        }
        Ok(all)
    }

    fn range(&self, j: usize) -> f64 {
        self.ranges.get(j).map_or(1.0, |range| f64::from(*range))
    }
}

impl Target for EstimatedGradient<'_> {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.ask(query)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        if query.want.is_empty() || !(Access::LOGITS | Access::PROBABILITIES).contains(query.want) {
            return Err(Error::Unsupported(format!("an estimated gradient of {}", query.want)));
        }
        let inputs = match &query.input {
            Input::Tensor(rows) => rows.clone(),
            Input::Records(ids, Augmentation(0)) => self.inner.input(ids)?,
            _ => return Err(Error::Unsupported("an estimated gradient of other inputs than numbers".into())),
        };
        let width = inputs.len() / inputs.rows().max(1);
        if inputs.shape().is_empty() || (!self.ranges.is_empty() && self.ranges.len() != width) {
            let expected = format!("rows of {} values", self.ranges.len());
            return Err(Error::mismatch("inputs", expected, format!("shape {:?}", inputs.shape())));
        }
        let answers = self.ask(query)?;
        let values = inputs.to_f32()?;
        let streams: Vec<Pcg64> = (0..inputs.rows())
            .map(|row| self.ctx.rng(&format!("estimate {:016x}", digest(&values[row * width..][..width]))))
            .collect();
        let differences = self.probe(&inputs, query.want, &streams)?;
        let share = 1.0 / (2.0 * self.estimate.radius * self.estimate.samples as f64);
        // Where nothing was moved, nothing is known.
        let weights = (0..width).map(|j| if self.range(j) > 0.0 { share / self.range(j) } else { 0.0 });
        let pullback = Sampled {
            method: self.estimate.method,
            samples: self.estimate.samples,
            shape: inputs.shape().to_vec(),
            weights: weights.collect(),
            streams,
            differences,
        };
        Ok((answers, Box::new(pullback)))
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        self.inner.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        self.inner.view(view)
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        self.inner.input(records)
    }
}

/// Differences of one output between the probes of each pair.
struct Differences {
    access: Access,
    width: usize,
    values: Vec<f64>,
}

/// What probes have told of a batch.
struct Sampled {
    method: Method,
    samples: usize,
    shape: Vec<usize>,
    /// Of each value of an input: what a direction counts.
    weights: Vec<f64>,
    /// From which the directions come again: they take more room than the generators.
    streams: Vec<Pcg64>,
    differences: Vec<Differences>,
}

impl Pullback for Sampled {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let refused =
            cotangent.present() - self.differences.iter().fold(Access::empty(), |a, d| a | d.access);
        if cotangent.present().is_empty() || !refused.is_empty() {
            return Err(Error::mismatch("cotangent", "outputs that were asked for", cotangent.present()));
        }
        let (rows, width) = (self.shape[0], self.weights.len());
        let mut slopes = vec![0.0; rows * self.samples];
        for Differences { access, width, values } in &self.differences {
            if !cotangent.present().contains(*access) {
                continue;
            }
            let given = matrix(cotangent, *access)?;
            if given.shape() != [rows, *width] {
                let got = format!("shape {:?}", given.shape());
                return Err(Error::mismatch("cotangent", format!("shape {:?}", [rows, *width]), got));
            }
            let given = given.to_f32()?;
            for (i, (slope, values)) in
                slopes.iter_mut().zip(values.chunks_exact((*width).max(1))).enumerate()
            {
                let c = &given[i / self.samples * width..][..*width];
                // Where nothing is asked for, nothing comes, whatever was answered.
                let terms = values.iter().zip(c).filter(|(_, c)| **c != 0.0);
                *slope += terms.map(|(d, c)| d * f64::from(*c)).sum::<f64>();
            }
        }
        let mut gradients = Vec::with_capacity(rows * width);
        let mut direction = vec![0.0; width];
        for (stream, slopes) in self.streams.iter().zip(slopes.chunks_exact(self.samples)) {
            let (mut stream, mut sum) = (stream.clone(), vec![0.0_f64; width]);
            for slope in slopes {
                draw(self.method, &mut stream, &mut direction);
                sum.iter_mut().zip(&direction).for_each(|(sum, u)| *sum += slope * f64::from(*u));
            }
            gradients.extend(sum.iter().zip(&self.weights).map(|(sum, weight)| (sum * weight) as f32));
        }
        Tensor::from_vec(gradients, &self.shape)
    }
}

/// The single outputs of a set.
fn single(want: Access) -> impl Iterator<Item = Access> {
    [Access::LOGITS, Access::PROBABILITIES].into_iter().filter(move |access| want.contains(*access))
}

/// An output `[rows, classes]`.
fn matrix(outputs: &Outputs, access: Access) -> Result<&Tensor> {
    let field = if access == Access::LOGITS { &outputs.logits } else { &outputs.probabilities };
    let tensor = field.as_ref().ok_or(Error::Denied(access))?;
    if tensor.shape().len() == 2 {
        return Ok(tensor);
    }
    Err(Error::mismatch(
        format!("answered {access}"),
        "[records, classes]",
        format!("shape {:?}", tensor.shape()),
    ))
}

/// The next direction.
fn draw(method: Method, stream: &mut Pcg64, direction: &mut [f32]) {
    match method {
        Method::Spsa => fill_signs(direction, stream),
        Method::Nes => fill_normal(direction, stream),
    }
}

/// A number that tells inputs apart (Fowler, Noll and Vo’s 1a).
fn digest(values: &[f32]) -> u64 {
    let bytes = values.iter().flat_map(|x| x.to_bits().to_le_bytes());
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}
