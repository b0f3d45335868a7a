//! Signals: the closed list of numbers per (model, record, augmentation) that membership attacks read, and where they come from.
//!
//! Each task has a statistic, [`Signal::of_task`], that tells how well a model knows a record, on a scale on which the values of several models are
//! roughly normal and of which the exponential is, where there is one, a likelihood: what attacks that compare models take.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Mutex;

use crate::pieces::map_pieces;
use crate::{
    Access, Augmentation, Cohort, Ctx, Error, Indices, Input, Labels, Outputs, Query, Result, Target, Task,
    Tensor, Whom, kernel,
};

/// One number per (model, record, augmentation). In the formulas of classification z are the logits, y the true class and p = softmax(z); where only
/// probabilities are recorded z = ln p, and where only the loss ℓ or the true-class confidence is, p_y = exp(−ℓ).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Signal {
    /// ln p_y − ln(1 − p_y), computed as z_y − ln Σ_{j≠y} exp z_j, which never saturates (Carlini et al. 2022, §VI-A).
    ScaledConfidence,
    /// The loss ℓ, of any task. Of classification, the cross-entropy −ln p_y. Of other tasks what the target answers as its loss, which may be
    /// negative; where it answers none, of several labels Σ_j −ln p_j(y_j), the sum over binary decisions, and of real values the mean squared error.
    Loss,
    /// ln softmax(z / T)_y.
    LogProbability {
        /// The temperature T > 0.
        temperature: f32,
    },
    /// ln(e(z_y / T − 0.6) / (e(z_y / T − 0.6) + Σ_{j≠y} e(z_j / T))), where e(x) = 1 + x + x²/2 + x³/6 + x⁴/24: the soft-margin Taylor softmax (Banerjee
    /// et al. 2020, arXiv 2011.11538) of the order and margin of the authors of RMIA. It knows logits to be other numbers when all are shifted, hence takes logits only.
    TaylorLogProbability {
        /// The temperature T > 0.
        temperature: f32,
    },
    /// −Σ_j p_j ln p_j. Needs no label.
    Entropy,
    /// −(1 − p_y) ln p_y − Σ_{j≠y} p_j ln(1 − p_j) (Song and Mittal 2021, eq. 8).
    ModifiedEntropy,
    /// ln p_y − max_{j≠y} ln p_j; positive exactly where the model is right.
    Margin,
    /// The `rank`-th largest probability, from 0. Needs no label.
    TopProbability {
        /// 0 is the largest.
        rank: u32,
    },
    /// Of several labels y_j ∈ {0, 1}, Σ_j ln p_j(y_j) − ln(1 − p_j(y_j)) = Σ_j (2 y_j − 1) z_j, with z_j the logit of label j: the scaled confidence of
    /// each binary decision, summed. A record without a positive label has one as any other.
    LabelConfidence,
    /// −ln of the error e = ‖y − ŷ‖₂ between true and predicted values, of which a loss counts as the square: −½ ln ℓ. With errors of unknown scale
    /// σ, normal, its exponential is the density of one real value, since ∫ N(e; 0, σ²) dσ / σ = 1 / (2 |e|). Errors count as at least the rounding of
    /// the true values in single precision, and losses as at least 1e−38.
    NegativeLogError,
    /// ln N(y; ŷ, σ² I) = −‖y − ŷ‖² / (2 σ²) − d ln σ − d/2 ln 2π for d real values.
    GaussianLogDensity {
        /// The standard deviation σ > 0.
        scale: f32,
    },
    /// The log-likelihood −ℓ, of any sign: where the loss is minus the logarithm of a density or probability that the model gives to the record.
    LogDensity,
    /// The mean cosine of the angles between a variant's representation and those of the record's other variants (Liu et al. 2021, EncoderMI, arXiv
    /// 2108.11023). A representation of length 0 is perpendicular to all. Needs two variants and no label.
    Similarity,
    /// ln p_max − ln(1 − p_max): how sure the model is of the cluster that it assigns. Needs no label.
    AssignmentConfidence,
}

impl Signal {
    /// The statistics of a task, the best first: those after the first one serve where a target does not answer what the first one takes.
    pub const fn of_task(task: Task) -> &'static [Self] {
        match task {
            Task::Classification => &[Self::ScaledConfidence],
            Task::MultiLabel => &[Self::LabelConfidence, Self::LogDensity],
            Task::Regression | Task::Reconstruction => &[Self::NegativeLogError],
            Task::Embedding => &[Self::Similarity, Self::LogDensity],
            Task::Generation | Task::Density => &[Self::LogDensity],
            Task::Clustering => &[Self::NegativeLogError, Self::AssignmentConfidence],
        }
    }

    /// The answers that the signal can be computed from, the best first; none where the signal means nothing for the task.
    pub fn sources(self, task: Task) -> &'static [Access] {
        const VECTORS: &[Access] = &[Access::LOGITS, Access::PROBABILITIES];
        const TRUE_CLASS: &[Access] = &[Access::LOGITS, Access::PROBABILITIES, Access::LOSS];
        match (self, task) {
            (
                Self::ScaledConfidence
                | Self::Loss
                | Self::LogDensity
                | Self::LogProbability { temperature: 1.0 },
                Task::Classification,
            ) => TRUE_CLASS,
            (Self::LogProbability { .. } | Self::ModifiedEntropy | Self::Margin, Task::Classification)
            | (Self::Entropy | Self::TopProbability { .. }, Task::Classification | Task::Clustering)
            | (Self::AssignmentConfidence, Task::Clustering)
            | (Self::LabelConfidence, Task::MultiLabel) => VECTORS,
            (Self::TaylorLogProbability { .. }, Task::Classification) => &[Access::LOGITS],
            (Self::Loss | Self::LogDensity, Task::MultiLabel) => {
                &[Access::LOSS, Access::LOGITS, Access::PROBABILITIES]
            }
            (Self::Loss | Self::NegativeLogError, Task::Reconstruction) | (Self::Loss, Task::Regression) => {
                &[Access::LOSS, Access::LABELS]
            }
            (Self::NegativeLogError, Task::Regression) => &[Access::LABELS, Access::LOSS],
            (Self::GaussianLogDensity { .. }, Task::Regression | Task::Reconstruction) => &[Access::LABELS],
            (Self::Similarity, Task::Embedding) => &[Access::EMBEDDING],
            (Self::NegativeLogError, Task::Clustering) | (Self::Loss | Self::LogDensity, _) => {
                &[Access::LOSS]
            }
            _ => &[],
        }
    }

    /// Whether the signal means something for the task and this access suffices to compute it.
    pub fn computable_from(self, task: Task, access: Access) -> bool {
        self.sources(task).iter().any(|source| access.contains(*source))
    }

    /// The best answer of those granted that the signal can be computed from.
    pub(crate) fn source(self, task: Task, granted: Access) -> Result<Access> {
        let sources = self.sources(task);
        let Some(best) = sources.first() else {
            return Err(Error::Unsupported(format!("the signal {self} for the task {task}")));
        };
        sources.iter().copied().find(|source| granted.contains(*source)).ok_or(Error::Denied(*best))
    }

    /// Fewest variants of each record, the record itself included.
    pub const fn augmentations_min(self) -> usize {
        if matches!(self, Self::Similarity) { 2 } else { 1 }
    }

    /// Whether members tend to have larger values than others, and not smaller ones.
    pub const fn rises_with_membership(self) -> bool {
        !matches!(self, Self::Loss | Self::Entropy | Self::ModifiedEntropy)
    }

    /// The stable number of this kind of signal and its parameter, for plugin boundaries.
    pub(crate) const fn code(self) -> (u32, u32) {
        match self {
            Self::ScaledConfidence => (0, 0),
            Self::Loss => (1, 0),
            Self::LogProbability { temperature } => (2, temperature.to_bits()),
            Self::Entropy => (3, 0),
            Self::ModifiedEntropy => (4, 0),
            Self::Margin => (5, 0),
            Self::TopProbability { rank } => (6, rank),
            Self::LabelConfidence => (7, 0),
            Self::NegativeLogError => (8, 0),
            Self::GaussianLogDensity { scale } => (9, scale.to_bits()),
            Self::LogDensity => (10, 0),
            Self::Similarity => (11, 0),
            Self::AssignmentConfidence => (12, 0),
            Self::TaylorLogProbability { temperature } => (13, temperature.to_bits()),
        }
    }

    /// The signal of [`Signal::code`].
    pub(crate) fn from_code(code: u32, parameter: u32) -> Result<Self> {
        let number = f32::from_bits(parameter);
        let positive = number.is_normal() && number > 0.0;
        Ok(match code {
            0 => Self::ScaledConfidence,
            1 => Self::Loss,
            2 if positive => Self::LogProbability { temperature: number },
            3 => Self::Entropy,
            4 => Self::ModifiedEntropy,
            5 => Self::Margin,
            6 => Self::TopProbability { rank: parameter },
            7 => Self::LabelConfidence,
            8 => Self::NegativeLogError,
            9 if positive => Self::GaussianLogDensity { scale: number },
            10 => Self::LogDensity,
            11 => Self::Similarity,
            12 => Self::AssignmentConfidence,
            13 if positive => Self::TaylorLogProbability { temperature: number },
            _ => return Err(Error::Unsupported(format!("signal {code} with parameter {parameter}"))),
        })
    }

    /// Whether what is known to be true of the record enters the formula.
    pub fn uses_labels(self) -> bool {
        !matches!(
            self,
            Self::Entropy | Self::TopProbability { .. } | Self::Similarity | Self::AssignmentConfidence
        )
    }
}

/// The name in manifests, cache keys and reports, e.g. `scaled-confidence` or `log-probability:2`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ScaledConfidence => f.write_str("scaled-confidence"),
            Self::Loss => f.write_str("loss"),
            Self::LogProbability { temperature } => write!(f, "log-probability:{temperature}"),
            Self::TaylorLogProbability { temperature } => write!(f, "taylor-log-probability:{temperature}"),
            Self::Entropy => f.write_str("entropy"),
            Self::ModifiedEntropy => f.write_str("modified-entropy"),
            Self::Margin => f.write_str("margin"),
            Self::TopProbability { rank } => write!(f, "top-probability:{rank}"),
            Self::LabelConfidence => f.write_str("label-confidence"),
            Self::NegativeLogError => f.write_str("negative-log-error"),
            Self::GaussianLogDensity { scale } => write!(f, "gaussian-log-density:{scale}"),
            Self::LogDensity => f.write_str("log-density"),
            Self::Similarity => f.write_str("similarity"),
            Self::AssignmentConfidence => f.write_str("assignment-confidence"),
        }
    }
}

impl FromStr for Signal {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let (kind, argument) = name.split_once(':').map_or((name, None), |(k, a)| (k, Some(a)));
        let positive =
            |text: &str| text.parse().ok().filter(|number: &f32| number.is_normal() && *number > 0.0);
        let known = match (kind, argument) {
            ("scaled-confidence", None) => Some(Self::ScaledConfidence),
            ("loss", None) => Some(Self::Loss),
            ("entropy", None) => Some(Self::Entropy),
            ("modified-entropy", None) => Some(Self::ModifiedEntropy),
            ("margin", None) => Some(Self::Margin),
            ("label-confidence", None) => Some(Self::LabelConfidence),
            ("negative-log-error", None) => Some(Self::NegativeLogError),
            ("log-density", None) => Some(Self::LogDensity),
            ("similarity", None) => Some(Self::Similarity),
            ("assignment-confidence", None) => Some(Self::AssignmentConfidence),
            ("log-probability", Some(t)) => {
                positive(t).map(|temperature| Self::LogProbability { temperature })
            }
            ("taylor-log-probability", Some(t)) => {
                positive(t).map(|temperature| Self::TaylorLogProbability { temperature })
            }
            ("gaussian-log-density", Some(scale)) => {
                positive(scale).map(|scale| Self::GaussianLogDensity { scale })
            }
            ("top-probability", Some(rank)) => rank.parse().ok().map(|rank| Self::TopProbability { rank }),
            _ => None,
        };
        known.ok_or_else(|| Error::mismatch("signal", "the name of a signal", format!("{name:?}")))
    }
}

/// Where the signals of a case come from: computed on the way, or read from a store.
pub trait SignalSource: Send + Sync {
    /// Number of models: the target first, then the reference models.
    fn models(&self) -> usize;

    /// Augmented variants per record, the record itself included.
    fn augmentations(&self) -> usize;

    /// Fills `out`, laid out `[records][models][augmentations]`, with the signal of records `range` of `whom`.
    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()>;
}

/// Signals computed from the targets at each reading, a chunk of records at a time.
pub struct DirectSignals<'a> {
    /// What the models do.
    pub task: Task,
    /// The target first, then the reference models.
    pub models: Vec<&'a dyn Target>,
    /// Augmented variants per record.
    pub augmentations: usize,
    /// The audited records.
    pub audited: Cohort,
    /// The population records; may be empty.
    pub population: Cohort,
    /// What may be asked.
    pub granted: Access,
}

/// Records whose signals are computed at a time. However many models there are: neighbours in a row share lines of a cache, so that what is written
/// to is a line for each record.
const PIECE: usize = 1024;

impl DirectSignals<'_> {
    /// [`SignalSource::read`] on the threads of the context, with progress and cancellation; the fastest where the ids are consecutive.
    pub fn read_all(
        &self,
        signal: Signal,
        whom: Whom,
        range: Range<usize>,
        out: &mut [f32],
        ctx: &Ctx<'_>,
    ) -> Result<()> {
        let width = self.models.len() * self.augmentations;
        if out.len() != range.len() * width {
            return Err(Error::mismatch(
                "signal buffer",
                format!("{} values", range.len() * width),
                out.len(),
            ));
        }
        let size = PIECE;
        let pieces: Vec<Mutex<&mut [f32]>> = out.chunks_mut((size * width).max(1)).map(Mutex::new).collect();
        map_pieces(pieces.len(), ctx.threads(), |piece, (): &mut ()| {
            let start = range.start + piece * size;
            ctx.tick(start, range.end)?;
            let mut out = pieces[piece].lock().unwrap_or_else(std::sync::PoisonError::into_inner);
            self.read(signal, whom, start..range.end.min(start + size), &mut out)
        })?;
        ctx.tick(range.end, range.end)
    }
}

impl SignalSource for DirectSignals<'_> {
    fn models(&self) -> usize {
        self.models.len()
    }

    fn augmentations(&self) -> usize {
        self.augmentations
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let cohort = match whom {
            Whom::Audited => &self.audited,
            Whom::Population => &self.population,
        };
        let stride = self.models.len() * self.augmentations;
        if range.start > range.end || range.end > cohort.len() || out.len() != range.len() * stride {
            let expected =
                format!("{} values for records {range:?} of {}", range.len() * stride, cohort.len());
            return Err(Error::mismatch("signal buffer", expected, out.len()));
        }
        if range.is_empty() {
            return Ok(());
        }
        let ids: Indices = cohort.ids[range.clone()].into();
        let labels = RowLabels::of(&cohort.labels, &range)?;
        for (m, model) in self.models.iter().enumerate() {
            let offers = self.task.with_implied(model.card().offers()) & self.granted;
            let want = signal.source(self.task, offers)?;
            let ask = |a: usize| {
                let input = Input::Records(ids.clone(), Augmentation(a as u32));
                let answers = model.predict(&Query { input, labels: None, want, layers: Vec::new() })?;
                answers.check_rows(ids.len())?;
                Ok(answers)
            };
            let out = &mut out[m * self.augmentations..];
            if want == Access::EMBEDDING {
                let variants = (0..self.augmentations).map(ask).collect::<Result<Vec<Outputs>>>()?;
                kernel::task::of_representations(&variants, out, stride)
                    .map_err(|error| place(error, m, &range))?;
                continue;
            }
            for a in 0..self.augmentations {
                let answers = ask(a)?;
                labels
                    .write(signal, self.task, want, &answers, &mut out[a..], stride)
                    .map_err(|error| place(error, m, &range))?;
            }
        }
        Ok(())
    }
}

/// What is known to be true of the records asked about.
struct RowLabels<'a> {
    classes: Option<&'a [u32]>,
    values: Option<Tensor>,
}

impl<'a> RowLabels<'a> {
    fn of(labels: &'a Labels, range: &Range<usize>) -> Result<Self> {
        Ok(match labels {
            Labels::Classes { values, .. } => Self { classes: Some(&values[range.clone()]), values: None },
            Labels::Values(values) => Self { classes: None, values: Some(values.slice(range.clone())?) },
            Labels::None => Self { classes: None, values: None },
        })
    }

    /// Writes the signal of each record, one variant, from what was `asked` of a model.
    fn write(
        &self,
        signal: Signal,
        task: Task,
        asked: Access,
        answers: &Outputs,
        out: &mut [f32],
        stride: usize,
    ) -> Result<()> {
        let values = || {
            let missing = || {
                let what = format!("labels for the signal {signal}");
                Error::mismatch(what, "real values, or 0 and 1 for several labels", "none")
            };
            self.values.as_ref().ok_or_else(missing)
        };
        let absent = || Error::Denied(asked);
        match (task, asked) {
            (Task::Classification, _) | (Task::Clustering, Access::LOGITS | Access::PROBABILITIES) => {
                kernel::write_signal(signal, answers, self.classes, out, stride)
            }
            (_, Access::LOSS) => {
                kernel::task::of_losses(signal, answers.loss.as_ref().ok_or_else(absent)?, out, stride)
            }
            (_, Access::LABELS) => {
                let predicted = answers.labels.as_ref().ok_or_else(absent)?;
                kernel::task::of_values(signal, predicted, values()?, out, stride)
            }
            _ => kernel::task::of_labels(signal, answers, values()?, out, stride),
        }
    }
}

/// Says whose answers to which records an error is about.
fn place(error: Error, model: usize, range: &Range<usize>) -> Error {
    let model = model.checked_sub(1).map_or_else(|| "target".to_owned(), |k| format!("reference model {k}"));
    match error {
        Error::Mismatch { what, expected, got } => {
            Error::Mismatch { what: format!("{model}, records {range:?}: {what}"), expected, got }
        }
        other => other,
    }
}
