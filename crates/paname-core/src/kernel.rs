//! The arithmetic of signals: from one model's answers to one number per record.
//!
//! One source is compiled twice, plainly and for x86 processors with AVX2 and FMA. Both give the same bits, since every step is an exactly
//! rounded operation in a fixed order: evidence does not depend on the machine. Answers are taken 32 records at a time, turned so that records
//! lie side by side, and every loop runs over records: plain loops, since closures would be compiled apart, without the vector instructions.
//!
//! Limits, so that a signal is always a finite number: a probability, its complement and a loss count as at least 1e−38, so that a saturated
//! softmax claims no more than about ±87; signals of logits that differ by more than 3.4e38 end there. A logit of −∞ is that of probability 0, which
//! counts as the lowest finite one, −3.4e38. Rows of probabilities are taken relative to their sum.
#![expect(
    clippy::inline_always,
    reason = "only what is inlined into a function with a target feature is compiled with it"
)]
#![expect(
    clippy::needless_range_loop,
    reason = "loops over records index several arrays alike, and become vector code"
)]

use half::slice::HalfFloatSliceExt;
use half::{bf16, f16};

use crate::{Access, DType, Error, Outputs, Result, Signal, Task, Tensor};

use single::{exp, ln, ln_1p, max, one_minus_exp, softplus};
use turn::turn;

mod mean;
mod rows;
mod single;
mod spread;
pub(crate) mod task;
mod turn;

pub use mean::log_mean_exp;
pub use rows::copy_rows;
pub use spread::{Spread, spreads};

/// Records side by side.
const LANES: usize = 32;

type Lanes = [f32; LANES];

/// One class of a tile, where vectors cross no line of a cache.
#[derive(Clone, Copy)]
#[repr(C, align(64))]
struct Class(Lanes);

impl std::ops::Deref for Class {
    type Target = Lanes;

    #[inline(always)]
    fn deref(&self) -> &Lanes {
        &self.0
    }
}

impl std::ops::DerefMut for Class {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut Lanes {
        &mut self.0
    }
}

/// Largest excess of a probability over 1 that passes as rounding.
const ROUNDING: f32 = 1e-5;
/// Largest distance from 1 of the sum of a row of probabilities.
const SUM_TOLERANCE: f32 = 1e-2;

/// Writes the signal of each answered record to `out[record * stride]`. Reads the logits where there are any, else the probabilities, else the
/// losses. Needs the record's class wherever the formula does.
///
/// Logits that are NaN or +∞ or of which none is finite, probabilities outside 0..=1 or in rows that do not sum to 1 within 0.01, losses that are
/// negative or not finite, classes out of range and models of a single class are errors that name the row.
pub fn write_signal(
    signal: Signal,
    answers: &Outputs,
    classes: Option<&[u32]>,
    out: &mut [f32],
    stride: usize,
) -> Result<()> {
    let batch = Batch::new(signal, answers, classes)?;
    let room = if batch.records == 0 { 0 } else { (batch.records - 1) * stride + 1 };
    if out.len() < room || stride == 0 {
        return Err(Error::mismatch("signal buffer", format!("{room} values"), out.len()));
    }
    dispatch(&batch, out, stride).map_err(|row| batch.explain(row))
}

/// What the numbers of a batch are.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    Logits,
    Probabilities,
    Losses,
}

/// One model's checked answers; only the numbers themselves are still to be checked.
struct Batch<'a> {
    signal: Signal,
    kind: Kind,
    values: Elements<'a>,
    records: usize,
    /// Values per record; 1 for losses.
    width: usize,
    /// The class of each record where the formula needs it, below `width`; empty elsewhere.
    labels: &'a [u32],
}

impl<'a> Batch<'a> {
    fn new(signal: Signal, answers: &'a Outputs, classes: Option<&'a [u32]>) -> Result<Self> {
        let from = |answer| {
            [Task::Classification, Task::Clustering].iter().any(|&task| signal.computable_from(task, answer))
        };
        if !from(Access::LOGITS) {
            return Err(Error::Unsupported(format!("the signal {signal} of classes")));
        }
        let (kind, tensor) = match (&answers.logits, &answers.probabilities, &answers.loss) {
            (Some(logits), _, _) => (Kind::Logits, logits),
            (None, Some(probabilities), _) if from(Access::PROBABILITIES) => {
                (Kind::Probabilities, probabilities)
            }
            (None, None, Some(losses)) if from(Access::LOSS) => (Kind::Losses, losses),
            _ => {
                let what = format!("answers for the signal {signal}");
                let expected = if from(Access::PROBABILITIES) { "logits or probabilities" } else { "logits" };
                return Err(Error::mismatch(what, expected, answers.present()));
            }
        };
        let (records, width) = match (kind, tensor.shape()) {
            (Kind::Losses, &[records] | &[records, 1]) => (records, 1),
            (Kind::Logits | Kind::Probabilities, &[records, width]) if width >= 2 => (records, width),
            (Kind::Losses, shape) => {
                return Err(Error::mismatch("answered losses", "the shape [records]", format!("{shape:?}")));
            }
            (Kind::Logits | Kind::Probabilities, shape) => {
                let expected = "the shape [records, classes] with at least 2 classes";
                return Err(Error::mismatch("answered scores", expected, format!("{shape:?}")));
            }
        };
        let labels = match classes {
            _ if kind == Kind::Losses || !signal.uses_labels() => &[],
            None => {
                return Err(Error::mismatch(
                    format!("labels for the signal {signal}"),
                    "class labels",
                    "none",
                ));
            }
            Some(labels) if labels.len() != records => {
                return Err(Error::mismatch("class labels", records, labels.len()));
            }
            Some(labels) => labels,
        };
        if let Some(row) = labels.iter().position(|&label| label as usize >= width) {
            return Err(Error::mismatch(
                format!("class of row {row}"),
                format!("below {width}"),
                labels[row],
            ));
        }
        match signal {
            Signal::TopProbability { rank } if rank as usize >= width => Err(Error::mismatch(
                "rank of the signal",
                format!("below {width}, the number of classes"),
                rank,
            )),
            Signal::LogProbability { temperature } | Signal::TaylorLogProbability { temperature }
                if !(temperature > 0.0 && temperature.is_normal()) =>
            {
                Err(Error::mismatch("temperature of the signal", "a positive number", temperature))
            }
            _ => Ok(Self { signal, kind, values: Elements::of(tensor)?, records, width, labels }),
        }
    }

    /// The error of the first impossible number in a row that was refused.
    #[cold]
    fn explain(&self, row: usize) -> Error {
        let mut scratch = Vec::new();
        let values = self.values.single(row * self.width..(row + 1) * self.width, &mut scratch);
        let (name, expected) = match self.kind {
            Kind::Logits => ("logit", "a number below +inf"),
            Kind::Probabilities => ("probability", "a number from 0 to 1"),
            Kind::Losses => ("loss", "a finite number of at least 0"),
        };
        let possible = |value: f32| match self.kind {
            Kind::Logits => value < f32::INFINITY,
            Kind::Probabilities => (0.0..=1.0 + ROUNDING).contains(&value),
            Kind::Losses => value.is_finite() && value >= 0.0,
        };
        match values.iter().position(|&value| !possible(value)) {
            Some(_) if self.kind == Kind::Losses => {
                Error::mismatch(format!("{name} of row {row}"), expected, values[0])
            }
            Some(class) => {
                Error::mismatch(format!("{name} of row {row}, class {class}"), expected, values[class])
            }
            None if self.kind == Kind::Logits => {
                Error::mismatch(format!("logits of row {row}"), "a finite one among them", "-inf only")
            }
            None => {
                let sum: f32 = values.iter().sum();
                Error::mismatch(format!("sum of the probabilities of row {row}"), "1 within 0.01", sum)
            }
        }
    }
}

/// The elements of a tensor of floating-point numbers.
#[derive(Clone, Copy)]
enum Elements<'a> {
    F16(&'a [f16]),
    BF16(&'a [bf16]),
    F32(&'a [f32]),
    F64(&'a [f64]),
}

impl<'a> Elements<'a> {
    fn of(tensor: &'a Tensor) -> Result<Self> {
        Ok(match tensor.dtype() {
            DType::F16 => Self::F16(tensor.as_slice()?),
            DType::BF16 => Self::BF16(tensor.as_slice()?),
            DType::F32 => Self::F32(tensor.as_slice()?),
            DType::F64 => Self::F64(tensor.as_slice()?),
            other => return Err(Error::mismatch("answers", "floating-point numbers", format!("{other:?}"))),
        })
    }

    /// A range in single precision: in place where it is that, else by way of `scratch`.
    #[inline(always)]
    fn single<'b>(&self, range: std::ops::Range<usize>, scratch: &'b mut Vec<f32>) -> &'b [f32]
    where
        'a: 'b,
    {
        scratch.clear();
        match self {
            Self::F32(values) => return &values[range],
            Self::F64(values) => scratch.extend(values[range].iter().map(|&value| value as f32)),
            Self::F16(values) => {
                scratch.resize(range.len(), 0.0);
                values[range].convert_to_f32_slice(scratch);
            }
            Self::BF16(values) => {
                scratch.resize(range.len(), 0.0);
                values[range].convert_to_f32_slice(scratch);
            }
        }
        scratch
    }
}

/// Runs the fastest build of [`write_tiles`]. The error is the first row with an impossible number.
fn dispatch(batch: &Batch<'_>, out: &mut [f32], stride: usize) -> Result<(), usize> {
    #[cfg(target_arch = "x86_64")]
    if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
        #[expect(unsafe_code, reason = "the compiler cannot see what the processor offers")]
        // SAFETY: the processor has just been asked for both features, and that is all that the function demands.
        return unsafe { write_tiles_avx2(batch, out, stride) };
    }
    write_tiles(batch, out, stride, turn)
}

#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx2,fma")]
fn write_tiles_avx2(batch: &Batch<'_>, out: &mut [f32], stride: usize) -> Result<(), usize> {
    write_tiles(batch, out, stride, |rows, count, z| turn::turn_avx2(rows, count, z))
}

#[inline(always)]
fn write_tiles(
    batch: &Batch<'_>,
    out: &mut [f32],
    stride: usize,
    turn: impl Fn(&[f32], usize, &mut [Class]),
) -> Result<(), usize> {
    let mut z = vec![Class([0.0; LANES]); batch.width];
    let mut scratch = Vec::new();
    for start in (0..batch.records).step_by(LANES) {
        let count = LANES.min(batch.records - start);
        let values = batch.values.single(start * batch.width..(start + count) * batch.width, &mut scratch);
        turn(values, count, &mut z);
        let refused = match batch.kind {
            Kind::Logits => refuse_logits(&mut z),
            Kind::Probabilities => refuse_probabilities(&z),
            Kind::Losses => refuse_losses(&z),
        };
        if let Some(lane) = refused {
            return Err(start + lane);
        }
        if batch.kind == Kind::Probabilities {
            for lanes in &mut z {
                for l in 0..LANES {
                    lanes[l] = ln(max(lanes[l], f32::MIN_POSITIVE));
                }
            }
        }
        let mut labels = [0; LANES];
        for (l, &label) in labels.iter_mut().zip(batch.labels.iter().skip(start)) {
            *l = label;
        }
        let mut signals = match (batch.kind, batch.signal) {
            (Kind::Losses, signal) => of_losses(signal, *z[0]),
            (_, Signal::ScaledConfidence) => odds(&z, &labels, 1.0),
            (_, Signal::LogDensity) => minus(loss(&z, &labels, 1.0)),
            (_, Signal::LogProbability { temperature }) => minus(loss(&z, &labels, 1.0 / temperature)),
            (_, Signal::TaylorLogProbability { temperature }) => taylor(&z, &labels, 1.0 / temperature),
            (_, Signal::Margin) => margin(&z, &labels),
            (_, Signal::Entropy) => entropy(&z),
            (_, Signal::ModifiedEntropy) => modified_entropy(&z, &labels),
            (_, Signal::TopProbability { rank }) => top_probability(&z, rank as usize, &mut scratch),
            (_, Signal::AssignmentConfidence) => assignment(&z),
            // The loss: signals of other tasks have been refused.
            (_, _) => loss(&z, &labels, 1.0),
        };
        for l in 0..LANES {
            signals[l] = signals[l].clamp(f32::MIN, f32::MAX);
        }
        for (l, &signal) in signals.iter().enumerate().take(count) {
            out[(start + l) * stride] = signal;
        }
    }
    Ok(())
}

/// Refuses rows that are not below +∞ or hold no finite logit, and takes −∞, the logit of probability 0, for the lowest finite number.
#[inline(always)]
fn refuse_logits(z: &mut [Class]) -> Option<usize> {
    let (mut wrong, mut most, mut least) =
        ([0.0_f32; LANES], [f32::NEG_INFINITY; LANES], [f32::INFINITY; LANES]);
    for lanes in z.iter() {
        for l in 0..LANES {
            // NaN passes no comparison.
            wrong[l] += if lanes[l] <= f32::MAX { 0.0 } else { 1.0 };
            most[l] = max(lanes[l], most[l]);
            least[l] = -max(-lanes[l], -least[l]);
        }
    }
    let refused = (0..LANES).find(|&l| wrong[l] > 0.0 || most[l] == f32::NEG_INFINITY);
    if refused.is_none() && least.contains(&f32::NEG_INFINITY) {
        for lanes in z {
            for l in 0..LANES {
                lanes[l] = max(lanes[l], f32::MIN);
            }
        }
    }
    refused
}

#[inline(always)]
fn refuse_probabilities(p: &[Class]) -> Option<usize> {
    let (mut sum, mut least, mut most) = ([0.0; LANES], [f32::MAX; LANES], [f32::MIN; LANES]);
    for lanes in p {
        for l in 0..LANES {
            sum[l] += lanes[l];
            least[l] = -max(-lanes[l], -least[l]);
            most[l] = max(lanes[l], most[l]);
        }
    }
    // NaN shows in the sum, and passes no comparison.
    (0..LANES)
        .find(|&l| !((sum[l] - 1.0).abs() <= SUM_TOLERANCE && least[l] >= 0.0 && most[l] <= 1.0 + ROUNDING))
}

#[inline(always)]
fn refuse_losses(losses: &[Class]) -> Option<usize> {
    losses[0].iter().position(|&loss| !(0.0..=f32::MAX).contains(&loss))
}

/// The value where `class` is not the true one, −∞ where it is, so that sums and maxima run over the others.
#[inline(always)]
fn other(value: f32, class: usize, label: u32) -> f32 {
    if class as u32 == label { f32::NEG_INFINITY } else { value }
}

/// The true class's value, and the largest of the others.
#[inline(always)]
fn true_and_largest_other(z: &[Class], labels: &[u32; LANES]) -> (Lanes, Lanes) {
    let (mut own, mut most) = ([0.0; LANES], [f32::NEG_INFINITY; LANES]);
    for (j, lanes) in z.iter().enumerate() {
        // Each class is compared with all labels: values picked one by one would cost more. They are read whether needed or not, and added rather
        // than put: conditional loads and stores would cost more too.
        for l in 0..LANES {
            let value = lanes[l];
            own[l] += if j as u32 == labels[l] { value } else { 0.0 };
            most[l] = max(other(value, j, labels[l]), most[l]);
        }
    }
    (own, most)
}

#[inline(always)]
fn largest(z: &[Class]) -> Lanes {
    let mut most = [f32::NEG_INFINITY; LANES];
    for lanes in z {
        for l in 0..LANES {
            most[l] = max(lanes[l], most[l]);
        }
    }
    most
}

/// (z_y − m) / T − ln Σ_{j≠y} exp((z_j − m) / T) with m = max_{j≠y} z_j: the log-odds of the true class.
#[inline(always)]
fn odds(z: &[Class], labels: &[u32; LANES], inverse_temperature: f32) -> Lanes {
    let (own, most) = true_and_largest_other(z, labels);
    let mut sum = [0.0; LANES];
    for (j, lanes) in z.iter().enumerate() {
        for l in 0..LANES {
            sum[l] += exp((other(lanes[l], j, labels[l]) - most[l]) * inverse_temperature);
        }
    }
    let mut odds = [0.0; LANES];
    for l in 0..LANES {
        odds[l] = (own[l] - most[l]) * inverse_temperature - ln(sum[l]);
    }
    odds
}

/// −ln softmax(z / T)_y from the odds of y.
#[inline(always)]
fn loss(z: &[Class], labels: &[u32; LANES], inverse_temperature: f32) -> Lanes {
    let mut values = odds(z, labels, inverse_temperature);
    for l in 0..LANES {
        values[l] = softplus(-values[l]);
    }
    values
}

#[inline(always)]
fn minus(mut values: Lanes) -> Lanes {
    for l in 0..LANES {
        values[l] = -values[l];
    }
    values
}

/// The margin by which the true class's argument is lowered in [`Signal::TaylorLogProbability`].
const TAYLOR_MARGIN: f32 = 0.6;
/// Arguments of the polynomial count as no farther from 0, so that sums over classes are finite.
const TAYLOR_FARTHEST: f32 = 1e9;

/// The polynomial of order 4 that is near exp around 0, positive everywhere.
#[inline(always)]
fn taylor_exp(x: f32) -> f32 {
    let x = max(-TAYLOR_FARTHEST, -max(-TAYLOR_FARTHEST, -x));
    (x / 24.0 + 1.0 / 6.0).mul_add(x, 0.5).mul_add(x, 1.0).mul_add(x, 1.0)
}

/// The logarithm of the soft-margin Taylor softmax's probability of y. A logit of −∞ keeps probability 0, of which the polynomial knows nothing.
#[inline(always)]
fn taylor(z: &[Class], labels: &[u32; LANES], inverse_temperature: f32) -> Lanes {
    let (mut own, mut others) = ([f32::MIN_POSITIVE; LANES], [f32::MIN_POSITIVE; LANES]);
    for (j, lanes) in z.iter().enumerate() {
        for l in 0..LANES {
            let is_own = j as u32 == labels[l];
            let margin = if is_own { TAYLOR_MARGIN } else { 0.0 };
            let weight = taylor_exp(lanes[l].mul_add(inverse_temperature, -margin));
            let weight = if lanes[l] == f32::MIN { 0.0 } else { weight };
            own[l] += if is_own { weight } else { 0.0 };
            others[l] += if is_own { 0.0 } else { weight };
        }
    }
    let mut values = [0.0; LANES];
    for l in 0..LANES {
        values[l] = -softplus(ln(others[l]) - ln(own[l]));
    }
    values
}

#[inline(always)]
fn margin(z: &[Class], labels: &[u32; LANES]) -> Lanes {
    let (own, most) = true_and_largest_other(z, labels);
    let mut margin = [0.0; LANES];
    for l in 0..LANES {
        margin[l] = own[l] - most[l];
    }
    margin
}

/// Σ exp(z_j − m) over all classes but one that attains the maximum m: the odds against the likeliest class. Free of cancellation, however
/// sure the model is.
#[inline(always)]
fn doubt(z: &[Class], most: &Lanes) -> Lanes {
    let (mut attained, mut sum) = ([-1.0; LANES], [0.0; LANES]);
    for lanes in z {
        for l in 0..LANES {
            let below = lanes[l] - most[l];
            let weight = exp(below);
            attained[l] += if below == 0.0 { 1.0 } else { 0.0 };
            sum[l] += if below == 0.0 { 0.0 } else { weight };
        }
    }
    for l in 0..LANES {
        sum[l] += attained[l];
    }
    sum
}

/// ln(1 + D) − Σ_j e_j (z_j − m) / (1 + D), where e_j = exp(z_j − m) and D is the [`doubt`]: two terms of one sign.
#[inline(always)]
fn entropy(z: &[Class]) -> Lanes {
    let most = largest(z);
    let doubt = doubt(z, &most);
    let mut moment = [0.0; LANES];
    for lanes in z {
        for l in 0..LANES {
            // Beyond the bound the weight is nothing, and the product would be infinite for the farthest.
            let below = max(lanes[l] - most[l], single::LOWEST_EXPONENT);
            moment[l] = exp(below).mul_add(-below, moment[l]);
        }
    }
    let mut entropy = [0.0; LANES];
    for l in 0..LANES {
        entropy[l] = ln_1p(doubt[l]) + moment[l] / (1.0 + doubt[l]);
    }
    entropy
}

#[inline(always)]
fn modified_entropy(z: &[Class], labels: &[u32; LANES]) -> Lanes {
    let most = largest(z);
    let doubt = doubt(z, &most);
    let mut others = [0.0; LANES];
    for (j, lanes) in z.iter().enumerate() {
        for l in 0..LANES {
            let below = lanes[l] - most[l];
            let p = exp(below) / (1.0 + doubt[l]);
            // ln(1 − p) is ln(D / (1 + D)) for the likeliest class, where 1 − p would cancel; for the others p ≤ ½.
            let complement = if below == 0.0 { doubt[l] / (1.0 + doubt[l]) } else { 1.0 - p };
            let rest = if below == 0.0 { 0.0 } else { (-p - (complement - 1.0)) / complement };
            let term = p * (ln(max(complement, f32::MIN_POSITIVE)) + rest);
            others[l] -= if j as u32 == labels[l] { 0.0 } else { term };
        }
    }
    let odds = odds(z, labels, 1.0);
    let mut modified = [0.0; LANES];
    for l in 0..LANES {
        let loss = softplus(-odds[l]);
        // 1 − p_y = 1 − e^−loss.
        modified[l] = one_minus_exp(-loss).mul_add(loss, others[l]);
    }
    modified
}

#[inline(always)]
fn top_probability(z: &[Class], rank: usize, row: &mut Vec<f32>) -> Lanes {
    let most = largest(z);
    let doubt = doubt(z, &most);
    let mut top = most;
    if rank > 0 {
        for l in 0..LANES {
            row.clear();
            row.extend(z.iter().map(|lanes| lanes[l]));
            top[l] = *row.select_nth_unstable_by(rank, |a, b| b.total_cmp(a)).1;
        }
    }
    for l in 0..LANES {
        top[l] = exp(top[l] - most[l]) / (1.0 + doubt[l]);
    }
    top
}

/// The odds of the likeliest class, as a logarithm.
#[inline(always)]
fn assignment(z: &[Class]) -> Lanes {
    let (mut most, mut likeliest) = ([f32::NEG_INFINITY; LANES], [0_u32; LANES]);
    for (j, lanes) in z.iter().enumerate() {
        for l in 0..LANES {
            likeliest[l] = if lanes[l] > most[l] { j as u32 } else { likeliest[l] };
            most[l] = max(lanes[l], most[l]);
        }
    }
    odds(z, &likeliest, 1.0)
}

/// The signals that follow from p_y = e^−loss alone.
#[inline(always)]
fn of_losses(signal: Signal, mut losses: Lanes) -> Lanes {
    for l in 0..LANES {
        let loss = losses[l];
        losses[l] = match signal {
            Signal::ScaledConfidence => {
                let loss = max(loss, f32::MIN_POSITIVE);
                -loss - ln(one_minus_exp(-loss))
            }
            Signal::LogProbability { .. } | Signal::LogDensity => -loss,
            _ => loss,
        };
    }
    losses
}

#[cfg(test)]
mod tests;
