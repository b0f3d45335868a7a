//! Signals of tasks whose answers are no scores of classes: real values, several labels, losses, representations.
//!
//! One record at a time and in double precision, with logarithms from `libm`: every step is exactly rounded in a fixed order, so that there is one
//! build and the same bits everywhere.

use super::ROUNDING;
use crate::{Error, Outputs, Result, Signal, Tensor};

/// What counts as nothing: of a probability, its complement or an error.
const LEAST: f64 = f32::MIN_POSITIVE as f64;

/// Log-odds of a probability that counts as nothing, up to the sign.
const MOST_ODDS: f64 = 87.336_544_750_553_1;

/// Writes the signal of each answered record to `out[record * stride]`, from answered losses.
///
/// Losses that are not finite are errors that name the row, and so are negative ones of which a logarithm is to be taken.
pub(crate) fn of_losses(signal: Signal, losses: &Tensor, out: &mut [f32], stride: usize) -> Result<()> {
    if !matches!(losses.shape(), [_] | [_, 1]) {
        let got = format!("{:?}", losses.shape());
        return Err(Error::mismatch("answered losses", "the shape [records]", got));
    }
    for (row, loss) in losses.to_f64()?.into_iter().enumerate() {
        let refused = |expected: &str| Err(Error::mismatch(format!("loss of row {row}"), expected, loss));
        if !loss.is_finite() {
            return refused("a finite number");
        }
        let value = match signal {
            Signal::NegativeLogError if loss < 0.0 => {
                return refused("at least 0; minus a log-density is read by the signal log-density");
            }
            Signal::NegativeLogError => -0.5 * libm::log(loss.max(LEAST)),
            Signal::LogDensity => -loss,
            _ => loss,
        };
        write(out, row * stride, value)?;
    }
    Ok(())
}

/// The same from the scores of several labels, `[records, labels]`: logits, or else probabilities. Labels of the same shape are 0 or 1.
///
/// Logits are taken from −87.3 to 87.3, which is what probabilities come to that count as at least 1e−38; −∞ is one. Rows need no sum, and a record
/// without a positive label is as good as any. Other values of labels, logits that are NaN or +∞ and probabilities outside 0..=1 are errors.
pub(crate) fn of_labels(
    signal: Signal,
    answers: &Outputs,
    labels: &Tensor,
    out: &mut [f32],
    stride: usize,
) -> Result<()> {
    let (scores, are_logits) = match (&answers.logits, &answers.probabilities) {
        (Some(logits), _) => (logits, true),
        (None, Some(probabilities)) => (probabilities, false),
        (None, None) => {
            let what = format!("answers for the signal {signal}");
            return Err(Error::mismatch(what, "logits or probabilities", answers.present()));
        }
    };
    let width = width("answered scores of labels", scores, labels)?;
    let (scores, labels) = (scores.to_f64()?, labels.to_f64()?);
    for (row, (scores, labels)) in scores.chunks_exact(width).zip(labels.chunks_exact(width)).enumerate() {
        let mut total = 0.0;
        for (j, (&score, &label)) in scores.iter().zip(labels).enumerate() {
            let at = |what: &str| format!("{what} of row {row}, label {j}");
            if label != 0.0 && label != 1.0 {
                return Err(Error::mismatch(at("true value"), "0 or 1", label));
            }
            // NaN passes no comparison.
            let odds = if are_logits && score < f64::INFINITY {
                score.clamp(-MOST_ODDS, MOST_ODDS)
            } else if !are_logits && (0.0..=1.0 + f64::from(ROUNDING)).contains(&score) {
                libm::log(score.max(LEAST)) - libm::log((1.0 - score).max(LEAST))
            } else {
                let (what, expected) = if are_logits {
                    ("logit", "a number below +inf")
                } else {
                    ("probability", "a number from 0 to 1")
                };
                return Err(Error::mismatch(at(what), expected, score));
            };
            let own = if label == 1.0 { odds } else { -odds };
            total += match signal {
                Signal::LabelConfidence => own,
                Signal::LogDensity => -softplus(-own),
                _ => softplus(-own),
            };
        }
        write(out, row * stride, total)?;
    }
    Ok(())
}

/// The same from predicted real values, of the shape of the true ones. Values that are not finite are errors that name the row.
pub(crate) fn of_values(
    signal: Signal,
    predicted: &Tensor,
    labels: &Tensor,
    out: &mut [f32],
    stride: usize,
) -> Result<()> {
    let width = width("predicted values", predicted, labels)?;
    let (predicted, labels) = (predicted.to_f64()?, labels.to_f64()?);
    for (row, (predicted, labels)) in
        predicted.chunks_exact(width).zip(labels.chunks_exact(width)).enumerate()
    {
        for (what, values) in [("predicted value", predicted), ("true value", labels)] {
            if let Some(j) = values.iter().position(|value| !value.is_finite()) {
                let at = if width == 1 { String::new() } else { format!(", element {j}") };
                return Err(Error::mismatch(
                    format!("{what} of row {row}{at}"),
                    "a finite number",
                    values[j],
                ));
            }
        }
        let dimensions = width as f64;
        let error = length(labels.iter().zip(predicted).map(|(y, p)| y - p));
        let value = match signal {
            Signal::NegativeLogError => {
                let rounding = f64::from(f32::EPSILON) * length(labels.iter().copied());
                -libm::log(error.max(rounding).max(LEAST))
            }
            Signal::GaussianLogDensity { scale } => {
                let (scale, turn) = (f64::from(scale), std::f64::consts::TAU);
                let deviations = error / scale;
                -0.5 * deviations * deviations - dimensions * (libm::log(scale) + 0.5 * libm::log(turn))
            }
            _ => error * error / dimensions,
        };
        write(out, row * stride, value)?;
    }
    Ok(())
}

/// The mean cosine of the angles between each variant's representation and the others', of as many variants as there are answers, at least 2. That
/// of record r and variant a goes to `out[r * stride + a]`.
pub(crate) fn of_representations(variants: &[Outputs], out: &mut [f32], stride: usize) -> Result<()> {
    if variants.len() < 2 {
        let what = "variants of each record for the signal similarity".to_owned();
        return Err(Error::Missing { what, needed: 2, got: variants.len() });
    }
    let mut directions = Vec::with_capacity(variants.len());
    let mut shape: Option<&[usize]> = None;
    for answers in variants {
        let Some(embedding) = &answers.embedding else {
            return Err(Error::mismatch(
                "answers for the signal similarity",
                "representations",
                answers.present(),
            ));
        };
        let expected = *shape.get_or_insert(embedding.shape());
        if embedding.shape() != expected {
            let got = format!("{:?}", embedding.shape());
            return Err(Error::mismatch("shape of representations", format!("{expected:?}"), got));
        }
        let mut values = embedding.to_f64()?;
        for (row, vector) in values.chunks_exact_mut(numbers_per_row(embedding)).enumerate() {
            if let Some(bad) = vector.iter().find(|value| !value.is_finite()) {
                let what = format!("representation of row {row}");
                return Err(Error::mismatch(what, "finite numbers", bad));
            }
            // The largest first, so that nothing overflows.
            let largest = vector.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
            if largest > 0.0 {
                for value in &mut *vector {
                    *value /= largest;
                }
                let length = vector.iter().map(|value| value * value).sum::<f64>().sqrt();
                for value in vector {
                    *value /= length;
                }
            }
        }
        directions.push((values, numbers_per_row(embedding), embedding.rows()));
    }
    let others = (variants.len() - 1) as f64;
    let (_, width, rows) = directions[0];
    for row in 0..rows {
        let of = |variant: usize| &directions[variant].0[row * width..(row + 1) * width];
        for a in 0..variants.len() {
            let cosine = |b: usize| of(a).iter().zip(of(b)).map(|(x, y)| x * y).sum::<f64>();
            let total: f64 = (0..variants.len()).filter(|b| *b != a).map(cosine).sum();
            write(out, row * stride + a, (total / others).clamp(-1.0, 1.0))?;
        }
    }
    Ok(())
}

fn numbers_per_row(tensor: &Tensor) -> usize {
    (tensor.len() / tensor.rows().max(1)).max(1)
}

/// Numbers per record, the same of what is answered and what is true.
fn width(what: &str, answered: &Tensor, labels: &Tensor) -> Result<usize> {
    let width = numbers_per_row(labels);
    if answered.rows() == labels.rows() && answered.len() == labels.len() {
        return Ok(width);
    }
    Err(Error::mismatch(
        what,
        format!("{width} for each of {} records", labels.rows()),
        format!("shape {:?}", answered.shape()),
    ))
}

/// The Euclidean length, without overflow.
fn length(values: impl Iterator<Item = f64> + Clone) -> f64 {
    let largest = values.clone().fold(0.0_f64, |most, value| most.max(value.abs()));
    if largest == 0.0 || largest.is_infinite() {
        return largest;
    }
    largest * values.map(|value| (value / largest) * (value / largest)).sum::<f64>().sqrt()
}

/// ln(1 + e^x).
fn softplus(x: f64) -> f64 {
    x.max(0.0) + libm::log1p(libm::exp(-x.abs()))
}

fn write(out: &mut [f32], at: usize, value: f64) -> Result<()> {
    let room = out.len();
    let place = out.get_mut(at);
    let place =
        place.ok_or_else(|| Error::mismatch("signal buffer", format!("more than {at} values"), room))?;
    *place = (value as f32).clamp(f32::MIN, f32::MAX);
    Ok(())
}

#[cfg(test)]
mod tests;
