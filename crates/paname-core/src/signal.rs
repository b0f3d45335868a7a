//! Signals: the closed list of numbers per (model, record, augmentation) that membership attacks read, and where they come from.

use std::fmt;
use std::ops::Range;
use std::str::FromStr;
use std::sync::Mutex;

use crate::case::chunk_records;
use crate::pieces::map_pieces;
use crate::{
    Access, Augmentation, Cohort, Ctx, Error, Indices, Input, Labels, Query, Result, Target, Whom, kernel,
};

/// One number per (model, record, augmentation). In the formulas z are the logits, y the true class and p = softmax(z); where only
/// probabilities are recorded z = ln p, and where only the loss ℓ or the true-class confidence is, p_y = exp(−ℓ).
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub enum Signal {
    /// ln p_y − ln(1 − p_y), computed as z_y − ln Σ_{j≠y} exp z_j, which never saturates (Carlini et al. 2022, §VI-A).
    ScaledConfidence,
    /// The cross-entropy −ln p_y.
    Loss,
    /// ln softmax(z / T)_y.
    LogProbability {
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
}

impl Signal {
    /// Whether this access suffices to compute the signal.
    pub fn computable_from(self, access: Access) -> bool {
        let vector = Access::LOGITS | Access::PROBABILITIES;
        match self {
            Self::ScaledConfidence | Self::Loss => access.intersects(vector | Access::LOSS),
            Self::LogProbability { temperature } => {
                access.intersects(vector) || (temperature == 1.0 && access.intersects(Access::LOSS))
            }
            Self::Entropy | Self::ModifiedEntropy | Self::Margin | Self::TopProbability { .. } => {
                access.intersects(vector)
            }
        }
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
        }
    }

    /// The signal of [`Signal::code`].
    pub(crate) fn from_code(code: u32, parameter: u32) -> Result<Self> {
        let temperature = f32::from_bits(parameter);
        Ok(match code {
            0 => Self::ScaledConfidence,
            1 => Self::Loss,
            2 if temperature.is_normal() && temperature > 0.0 => Self::LogProbability { temperature },
            3 => Self::Entropy,
            4 => Self::ModifiedEntropy,
            5 => Self::Margin,
            6 => Self::TopProbability { rank: parameter },
            _ => return Err(Error::Unsupported(format!("signal {code} with parameter {parameter}"))),
        })
    }

    /// Whether the true class enters the formula.
    pub fn uses_labels(self) -> bool {
        !matches!(self, Self::Entropy | Self::TopProbability { .. })
    }
}

/// The name in manifests, cache keys and reports, e.g. `scaled-confidence` or `log-probability:2`.
impl fmt::Display for Signal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ScaledConfidence => f.write_str("scaled-confidence"),
            Self::Loss => f.write_str("loss"),
            Self::LogProbability { temperature } => write!(f, "log-probability:{temperature}"),
            Self::Entropy => f.write_str("entropy"),
            Self::ModifiedEntropy => f.write_str("modified-entropy"),
            Self::Margin => f.write_str("margin"),
            Self::TopProbability { rank } => write!(f, "top-probability:{rank}"),
        }
    }
}

impl FromStr for Signal {
    type Err = Error;

    fn from_str(name: &str) -> Result<Self> {
        let (kind, argument) = name.split_once(':').map_or((name, None), |(k, a)| (k, Some(a)));
        let known = match (kind, argument) {
            ("scaled-confidence", None) => Some(Self::ScaledConfidence),
            ("loss", None) => Some(Self::Loss),
            ("entropy", None) => Some(Self::Entropy),
            ("modified-entropy", None) => Some(Self::ModifiedEntropy),
            ("margin", None) => Some(Self::Margin),
            ("log-probability", Some(t)) => {
                let temperature = t.parse().ok().filter(|t: &f32| t.is_normal() && *t > 0.0);
                temperature.map(|temperature| Self::LogProbability { temperature })
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
        let size = chunk_records(width);
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
        let classes = match &cohort.labels {
            Labels::Classes { values, .. } => Some(&values[range.clone()]),
            Labels::None | Labels::Values(_) => None,
        };
        for (m, model) in self.models.iter().enumerate() {
            let offers = model.card().offers() & self.granted;
            let want = [Access::LOGITS, Access::PROBABILITIES, Access::LOSS]
                .into_iter()
                .find(|&access| offers.contains(access) && signal.computable_from(access))
                .ok_or(Error::Denied(Access::LOGITS))?;
            for a in 0..self.augmentations {
                let input = Input::Records(ids.clone(), Augmentation(a as u32));
                let answer = model.predict(&Query { input, labels: None, want, layers: Vec::new() })?;
                answer.check_rows(ids.len())?;
                kernel::write_signal(
                    signal,
                    &answer,
                    classes,
                    &mut out[m * self.augmentations + a..],
                    stride,
                )
                .map_err(|error| place(error, m, &range))?;
            }
        }
        Ok(())
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
