//! From records as they are kept to batches as a model takes them: numbers in single precision, scaled, standardised, channels first.

use paname_core::{Error, Result};
use tch::{Kind, Tensor};

use crate::error::from_torch;
use crate::tensor::of_slice;

/// How records become what a model takes.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Preparation {
    /// Shape of one record, such as `[1, 28, 28]`, where its values lie otherwise; that of the inputs where absent.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub shape: Vec<u32>,
    /// Whether the channels of an image are its last axis; the model is given them first.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub channels_last: bool,
    /// What every value is multiplied by; 1/255 for bytes and 1 for other numbers where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scale: Option<f64>,
    /// Subtracted from the scaled values: one number, or one per channel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub mean: Vec<f64>,
    /// What the difference is divided by: one number, or one per channel.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub deviation: Vec<f64>,
    /// Whether `mean` and `deviation` are those that a `.pt2` file states, as `paname_export` writes them, where neither is given here; `true` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub normalisation: Option<bool>,
}

impl Preparation {
    /// The first thing that cannot be.
    pub(crate) fn check(&self) -> Result<()> {
        let wrong = |key: &str, expected: &str| {
            Err(Error::Config(format!("`preparation.{key}`: expected {expected}")))
        };
        if self.shape.contains(&0) {
            return wrong("shape", "lengths above 0");
        }
        if self.scale.is_some_and(|scale| !scale.is_finite() || scale == 0.0) {
            return wrong("scale", "a number other than 0");
        }
        if self.mean.iter().any(|mean| !mean.is_finite()) {
            return wrong("mean", "finite numbers");
        }
        if self.deviation.iter().any(|deviation| !(*deviation > 0.0 && deviation.is_finite())) {
            return wrong("deviation", "numbers above 0");
        }
        if self.normalisation == Some(true) && !(self.mean.is_empty() && self.deviation.is_empty()) {
            return wrong("normalisation", "either this or `mean` and `deviation`, which stand for it");
        }
        Ok(())
    }

    /// The same with the normalisation that a model's file states, where nothing is said against it; whether there is one.
    pub(crate) fn normalised(&self, mean: &[f64], deviation: &[f64]) -> (Self, bool) {
        let stated = self.mean.is_empty() && self.deviation.is_empty() && self.normalisation != Some(false);
        let mut same = self.clone();
        if stated && !mean.is_empty() {
            (same.mean, same.deviation) = (mean.to_vec(), deviation.to_vec());
        }
        (same, stated && !mean.is_empty())
    }

    /// The shape of a prepared record, of records of this shape.
    pub(crate) fn record_shape(&self, raw: &[i64]) -> Result<Vec<i64>> {
        let mut shape = raw.to_vec();
        if !self.shape.is_empty() {
            shape = self.shape.iter().map(|&length| i64::from(length)).collect();
            let count = |shape: &[i64]| shape.iter().try_fold(1_i64, |all, &length| all.checked_mul(length));
            if count(&shape).is_none() || count(&shape) != count(raw) {
                let got = format!("records of shape {raw:?}");
                return Err(Error::mismatch(
                    "`preparation.shape`",
                    format!("as many values as {shape:?} has"),
                    got,
                ));
            }
        }
        if self.channels_last {
            let &[height, width, channels] = shape.as_slice() else {
                let expected = "records of shape [height, width, channels]";
                return Err(Error::mismatch("`preparation.channels-last`", expected, format!("{shape:?}")));
            };
            shape = vec![channels, height, width];
        }
        Ok(shape)
    }

    /// A batch for the model, of records `[n, …]` as they are kept. Differentiable where the records are.
    pub(crate) fn batch(&self, raw: &Tensor) -> Result<Tensor> {
        let kind = raw.f_kind().map_err(from_torch)?;
        let mut batch = raw.f_to_kind(Kind::Float).map_err(from_torch)?;
        let whole = raw.size();
        let records = whole.first().copied().unwrap_or(1);
        // Checks the shape too.
        self.record_shape(whole.get(1..).unwrap_or_default())?;
        if !self.shape.is_empty() {
            let shape: Vec<i64> =
                std::iter::once(records).chain(self.shape.iter().map(|&length| i64::from(length))).collect();
            batch = batch.f_reshape(&shape).map_err(from_torch)?;
        }
        if self.channels_last {
            batch = batch.f_permute([0, 3, 1, 2]).map_err(from_torch)?;
        }
        let scale = self.scale.unwrap_or(if kind == Kind::Uint8 { 1.0 / 255.0 } else { 1.0 });
        // (x · scale − mean) / deviation = x · factor + offset, in two passes.
        let factor: Vec<f64> = match self.deviation.as_slice() {
            [] => vec![scale],
            deviation => deviation.iter().map(|deviation| scale / deviation).collect(),
        };
        // One number stands for all channels.
        let channels = if self.mean.is_empty() { 0 } else { self.mean.len().max(self.deviation.len()) };
        let of = |values: &[f64], i: usize| values.get(i).or(values.first()).copied();
        let offset = (0..channels)
            .map(|i| -of(&self.mean, i).unwrap_or(0.0) / of(&self.deviation, i).unwrap_or(1.0))
            .collect::<Vec<_>>();
        if factor != [1.0] {
            batch = batch.f_mul(&per_channel("deviation", &factor, &batch)?).map_err(from_torch)?;
        }
        if !offset.is_empty() {
            batch = batch.f_add(&per_channel("mean", &offset, &batch)?).map_err(from_torch)?;
        }
        Ok(batch)
    }
}

/// One number for all, or one for each step of the first axis after the records.
fn per_channel(key: &str, values: &[f64], batch: &Tensor) -> Result<Tensor> {
    let values: Vec<f32> = values.iter().map(|&value| value as f32).collect();
    if let [one] = values.as_slice() {
        return of_slice(&[*one], &[]);
    }
    let shape = batch.size();
    if shape.get(1) != Some(&(values.len() as i64)) {
        let expected = format!("one number, or as many as a prepared record {:?} has channels", &shape[1..]);
        return Err(Error::mismatch(format!("`preparation.{key}`"), expected, values.len()));
    }
    let mut broad = vec![1; shape.len() - 1];
    broad[0] = values.len() as i64;
    of_slice(&values, &broad)?.f_to(batch.device()).map_err(from_torch)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn numbers(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten(0, -1).try_into().unwrap()
    }

    #[test]
    fn bytes_become_shares_and_channels_come_first() {
        let raw = Tensor::from_slice(&[0_u8, 51, 255, 102, 0, 255]).reshape([1, 1, 2, 3]);
        let preparation = Preparation {
            channels_last: true,
            mean: vec![0.0, 0.2, 1.0],
            deviation: vec![0.5, 1.0, 2.0],
            ..Preparation::default()
        };
        let batch = preparation.batch(&raw).unwrap();
        assert_eq!(batch.size(), [1, 3, 1, 2]);
        let close = |got: Vec<f32>, expected: &[f32]| {
            assert!(got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6), "{got:?}");
        };
        close(numbers(&batch), &[0.0, 0.8, 0.0, -0.2, 0.0, 0.0]);
        let one_mean = Preparation { mean: vec![0.2], deviation: vec![0.5, 1.0, 2.0], ..preparation };
        close(numbers(&one_mean.batch(&raw).unwrap()), &[-0.4, 0.4, 0.0, -0.2, 0.4, 0.4]);
        let plain = Tensor::from_slice(&[1.5_f32, 2.0]).reshape([2, 1]);
        assert_eq!(numbers(&Preparation::default().batch(&plain).unwrap()), [1.5, 2.0]);
    }

    #[test]
    fn what_does_not_fit_is_refused() {
        let raw = Tensor::from_slice(&[0.0_f32; 12]).reshape([2, 6]);
        let shaped = |shape: &[u32]| Preparation { shape: shape.to_vec(), ..Preparation::default() };
        assert_eq!(shaped(&[3, 2]).batch(&raw).unwrap().size(), [2, 3, 2]);
        let error = shaped(&[5]).batch(&raw).unwrap_err().to_string();
        assert_eq!(
            error,
            "`preparation.shape`: expected as many values as [5] has, got records of shape [6]"
        );
        let two = Preparation { mean: vec![1.0, 2.0], ..Preparation::default() };
        let error = two.batch(&raw).unwrap_err().to_string();
        assert!(error.contains("as many as a prepared record [6] has channels, got 2"), "{error}");
        let last = Preparation { channels_last: true, ..Preparation::default() };
        assert!(last.batch(&raw).is_err());
        for wrong in [
            Preparation { scale: Some(0.0), ..Preparation::default() },
            Preparation { deviation: vec![0.0], ..Preparation::default() },
            Preparation { mean: vec![f64::NAN], ..Preparation::default() },
            shaped(&[0]),
        ] {
            assert!(wrong.check().is_err());
        }
    }
}
