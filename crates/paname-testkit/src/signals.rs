//! Signals from arrays in memory, computed by the plainest arithmetic: what fast kernels are compared with.

use std::ops::Range;

use paname_core::{Error, Result, Signal, SignalSource, Whom};

/// Signals given as numbers.
#[derive(Debug, Clone, Default)]
pub struct TableSignals {
    models: usize,
    augmentations: usize,
    tables: Vec<(Signal, Whom, Vec<f32>)>,
}

impl TableSignals {
    /// No signal yet, for so many models (the target included) and augmentations.
    pub fn new(models: usize, augmentations: usize) -> Self {
        Self { models, augmentations, tables: Vec::new() }
    }

    /// Adds the values of a signal, laid out `[records][models][augmentations]`.
    #[must_use]
    pub fn with(mut self, signal: Signal, whom: Whom, values: Vec<f32>) -> Self {
        self.tables.push((signal, whom, values));
        self
    }
}

impl SignalSource for TableSignals {
    fn models(&self) -> usize {
        self.models
    }

    fn augmentations(&self) -> usize {
        self.augmentations
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let width = self.models * self.augmentations;
        let table = self.tables.iter().find(|(s, w, _)| *s == signal && *w == whom);
        let values = table
            .and_then(|(_, _, values)| values.get(range.start * width..range.end * width))
            .filter(|values| values.len() == out.len())
            .ok_or_else(|| {
                Error::mismatch(format!("signal {signal} of {whom:?}"), format!("records {range:?}"), "none")
            })?;
        out.copy_from_slice(values);
        Ok(())
    }
}

/// Logits of every model on every record, from which any signal is computed one number at a time, in double precision.
#[derive(Debug, Clone)]
pub struct LogitTable {
    /// The target and the reference models.
    pub models: usize,
    /// Augmented variants per record.
    pub augmentations: usize,
    /// Logits per answer.
    pub classes: usize,
    /// Logits of the audited records `[records][models][augmentations][classes]`, and their classes.
    pub audited: (Vec<f32>, Vec<u32>),
    /// The same of the population.
    pub population: (Vec<f32>, Vec<u32>),
}

impl LogitTable {
    /// Logits and classes of a group of records.
    pub fn group(&self, whom: Whom) -> (&[f32], &[u32]) {
        let (logits, classes) = match whom {
            Whom::Audited => &self.audited,
            Whom::Population => &self.population,
        };
        (logits, classes)
    }

    /// The logits that `model` answered for a record under an augmentation; nothing where one of the three is out of range.
    pub fn answer(&self, whom: Whom, record: usize, model: usize, augmentation: usize) -> Option<&[f32]> {
        if model >= self.models || augmentation >= self.augmentations {
            return None;
        }
        let row = (record * self.models + model) * self.augmentations + augmentation;
        self.group(whom).0.get(row * self.classes..(row + 1) * self.classes)
    }
}

impl SignalSource for LogitTable {
    fn models(&self) -> usize {
        self.models
    }

    fn augmentations(&self) -> usize {
        self.augmentations
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let (logits, classes) = self.group(whom);
        let width = self.models * self.augmentations;
        let answers = logits.get(range.start * width * self.classes..range.end * width * self.classes);
        let (Some(answers), Some(classes)) = (answers, classes.get(range.clone())) else {
            return Err(Error::mismatch(
                format!("records of {whom:?}"),
                format!("below {}", classes.len()),
                format!("{range:?}"),
            ));
        };
        for (i, (value, logits)) in out.iter_mut().zip(answers.chunks_exact(self.classes)).enumerate() {
            *value = signal_of(signal, logits, classes[i / width] as usize)? as f32;
        }
        Ok(())
    }
}

/// ln Σ exp of the given values.
fn log_sum_exp(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let most = values.clone().fold(f64::NEG_INFINITY, f64::max);
    if most.is_finite() { most + values.map(|v| (v - most).exp()).sum::<f64>().ln() } else { most }
}

fn signal_of(signal: Signal, logits: &[f32], class: usize) -> Result<f64> {
    let temperature = match signal {
        Signal::LogProbability { temperature } | Signal::TaylorLogProbability { temperature } => {
            f64::from(temperature)
        }
        _ => 1.0,
    };
    let z: Vec<f64> = logits.iter().map(|&z| f64::from(z) / temperature).collect();
    let total = log_sum_exp(z.iter().copied());
    let others = |k: usize| z.iter().enumerate().filter(move |(j, _)| *j != k).map(|(_, z)| *z);
    // ln(1 − p_k), as a sum over the others, which does not cancel.
    let log_rest = |k: usize| log_sum_exp(others(k)) - total;
    let p = |k: usize| (z[k] - total).exp();
    Ok(match signal {
        Signal::ScaledConfidence => z[class] - log_sum_exp(others(class)),
        Signal::Loss => total - z[class],
        Signal::LogProbability { .. } => z[class] - total,
        Signal::TaylorLogProbability { .. } => {
            let e = |x: f64| 1.0 + x + x.powi(2) / 2.0 + x.powi(3) / 6.0 + x.powi(4) / 24.0;
            -(others(class).map(e).sum::<f64>() / e(z[class] - 0.6)).ln_1p()
        }
        Signal::Entropy => z.iter().map(|z| (z - total).exp() * (total - z)).sum(),
        Signal::ModifiedEntropy => {
            let rest: f64 = (0..z.len()).filter(|k| *k != class).map(|k| p(k) * log_rest(k)).sum();
            -log_rest(class).exp() * (z[class] - total) - rest
        }
        Signal::Margin => z[class] - others(class).fold(f64::NEG_INFINITY, f64::max),
        Signal::TopProbability { rank } => {
            let mut sorted: Vec<f64> = (0..z.len()).map(p).collect();
            sorted.sort_by(|a, b| b.total_cmp(a));
            let wanted = sorted.get(rank as usize).copied();
            wanted.ok_or_else(|| Error::mismatch("rank of the signal", format!("below {}", z.len()), rank))?
        }
        other => return Err(Error::Unsupported(format!("signal {other}"))),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values in 40-digit decimal arithmetic on z = (1, 2, −1), class 1.
    #[test]
    fn known_values() {
        let of = |signal| signal_of(signal, &[1.0, 2.0, -1.0], 1).unwrap();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-12, "{a} {b}");
        close(of(Signal::Loss), 0.349_012_216_768_186_4);
        close(of(Signal::ScaledConfidence), 0.873_071_988_957_027_5);
        close(of(Signal::Entropy), 0.713_865_757_988_624_7);
        close(of(Signal::ModifiedEntropy), 0.182_039_117_234_773_17);
        close(of(Signal::Margin), 1.0);
        close(of(Signal::TopProbability { rank: 2 }), 0.035_119_026_959_339_72);
        assert!(signal_of(Signal::TopProbability { rank: 3 }, &[1.0, 2.0, -1.0], 1).is_err());
    }
}
