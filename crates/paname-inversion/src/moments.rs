//! What a model with batch normalisation has kept of its training data: the mean and the variance of each channel at each such layer.
//!
//! What a layer was given cannot be observed, only what it gives, y = w (x − μ) / √(σ² + ε) + b. Over the training data its mean is b and its variance w²
//! σ² / (σ² + ε): these are what moments of a batch are compared with, in units of what the next layer is given. ε is told by no buffer and is taken for
//! PyTorch’s usual 10⁻⁵, which only counts where a channel hardly varies.

use paname_core::{Access, Case, Error, MOMENTS, Named, Outputs, Result, Tensor};

/// PyTorch’s usual ε.
const EPSILON: f64 = 1e-5;

/// The layers of batch normalisation of a model.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Norms(Vec<Norm>);

/// What moments of one question come to.
#[derive(Debug)]
pub(crate) struct Pull {
    /// How far they are from those of the training data.
    pub(crate) distance: f64,
    /// Which records have moments that are numbers; the others are left out.
    pub(crate) finite: Vec<bool>,
    /// Derivatives with respect to the moments of each record.
    pub(crate) cotangents: Named<Tensor>,
}

/// One layer.
#[derive(Debug, Clone, PartialEq)]
struct Norm {
    /// Its name, with what asks for moments behind it.
    moments: String,
    /// Of each channel of what it gives, over the training data.
    mean: Vec<f64>,
    variance: Vec<f64>,
}

impl Norms {
    /// Those layers of the model whose values can be asked for and whose buffers are told. Fails where there are none.
    pub(crate) fn of(case: &Case<'_>) -> Result<Self> {
        let offered = case.granted() & case.target().card().offers();
        let lacking = (Access::PARAMETERS | Access::ACTIVATIONS) - offered;
        if !lacking.is_empty() {
            return Err(Error::Config(format!(
                "`batch-norm`: the moments of layers need parameters and activations of the model, and {lacking} is not granted; with 0 the attack does without"
            )));
        }
        let parameters = case.target().parameters()?;
        let find = |layer: &str, part: &str| {
            let of_layer =
                |name: &str| name.strip_prefix(layer).and_then(|rest| rest.strip_prefix('.')) == Some(part);
            parameters.iter().find(|(name, _)| of_layer(name)).map(|(_, tensor)| tensor.to_f64()).transpose()
        };
        let mut norms = Vec::new();
        for layer in &case.target().card().layers {
            let (Some(kept), Some(variance)) = (find(layer, "running_mean")?, find(layer, "running_var")?)
            else {
                continue;
            };
            if kept.is_empty() {
                continue;
            }
            let weight = find(layer, "weight")?.unwrap_or_else(|| vec![1.0; kept.len()]);
            let mean = find(layer, "bias")?.unwrap_or_else(|| vec![0.0; kept.len()]);
            if [variance.len(), weight.len(), mean.len()] != [kept.len(); 3] {
                let got = format!("{}, {} and {}", variance.len(), weight.len(), mean.len());
                let expected = format!("{} variances, weights and biases", kept.len());
                return Err(Error::mismatch(format!("batch normalisation `{layer}`"), expected, got));
            }
            let given = variance.iter().zip(&weight).map(|(v, w)| w * w * v / (v + EPSILON)).collect();
            norms.push(Norm { moments: format!("{layer}{MOMENTS}"), mean, variance: given });
        }
        if norms.is_empty() {
            return Err(Error::Config(
                "`batch-norm`: the model tells the values of no layer that has a `running_mean`; with 0 the attack does without"
                    .into(),
            ));
        }
        Ok(Self(norms))
    }

    /// Number of layers.
    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    /// What is asked for.
    pub(crate) fn layers(&self) -> Vec<String> {
        self.0.iter().map(|norm| norm.moments.clone()).collect()
    }

    /// How far the moments of the answers to one question are from those of the training data: Σ over layers of the mean over channels of
    /// (μ − μ̂)² + (σ² − σ̂²)². And its derivatives with respect to the moments of each record, `weight` times the number of records over: a record’s part of a batch is
    /// smaller the larger the batch is, and what pulls at a record shall not be.
    pub(crate) fn batch(&self, answers: &Outputs, rows: usize, weight: f64) -> Result<Pull> {
        let told = self.0.iter().map(|norm| norm.told(answers, rows)).collect::<Result<Vec<_>>>()?;
        let values = told.iter().map(|told| told.to_f32()).collect::<Result<Vec<_>>>()?;
        let is_finite = |row: usize| {
            let of_row = |values: &[f32]| {
                let width = values.len() / rows;
                values[row * width..][..width].iter().all(|x| x.is_finite())
            };
            values.iter().all(|values| of_row(values))
        };
        let finite: Vec<bool> = (0..rows).map(is_finite).collect();
        let count = finite.iter().filter(|finite| **finite).count().max(1) as f64;
        let (mut distance, mut cotangents) = (0.0, Vec::with_capacity(self.0.len()));
        for ((Norm { moments, mean, variance }, told), values) in self.0.iter().zip(told).zip(values) {
            let channels = mean.len();
            let mut means = vec![0.0; 2 * channels];
            for (row, _) in values.chunks_exact(means.len()).zip(&finite).filter(|(_, finite)| **finite) {
                means.iter_mut().zip(row).for_each(|(mean, x)| *mean += f64::from(*x) / count);
            }
            let (first, second) = means.split_at(channels);
            let mut one = vec![0.0_f32; 2 * channels];
            let share = weight / channels as f64;
            for c in 0..channels {
                let off = first[c] - mean[c];
                let spread = second[c] - first[c] * first[c] - variance[c];
                distance += (off * off + spread * spread) / channels as f64;
                one[c] = (share * (2.0 * off - 4.0 * spread * first[c])) as f32;
                one[channels + c] = (share * 2.0 * spread) as f32;
            }
            let mut all = one.repeat(rows);
            for (row, _) in all.chunks_exact_mut(one.len()).zip(&finite).filter(|(_, finite)| !**finite) {
                row.fill(0.0);
            }
            cotangents.push((moments.clone(), Tensor::from_vec(all, told.shape())?));
        }
        Ok(Pull { distance, finite, cotangents })
    }
}

impl Norm {
    /// The moments of this layer for each record `[rows, 2, channels]`.
    fn told<'a>(&self, answers: &'a Outputs, rows: usize) -> Result<&'a Tensor> {
        let found = answers.activations.iter().find(|(name, _)| *name == self.moments);
        let (name, told) = found.ok_or(Error::Denied(Access::ACTIVATIONS))?;
        let shape = [rows, 2, self.mean.len()];
        if told.shape() == shape {
            return Ok(told);
        }
        let (expected, got) = (format!("shape {shape:?}"), format!("shape {:?}", told.shape()));
        Err(Error::mismatch(format!("answered {name}"), expected, got))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn derivatives_are_finite_differences() {
        let norm = |name: &str, mean: &[f64], variance: &[f64]| Norm {
            moments: format!("{name}{MOMENTS}"),
            mean: mean.to_vec(),
            variance: variance.to_vec(),
        };
        let norms = Norms(vec![norm("a", &[0.5, -0.25], &[1.0, 4.0]), norm("b", &[0.0], &[0.25])]);
        let rows = 3;
        let values: Vec<f32> = (0..18).map(|i| ((i * 7 % 11) as f32 - 3.0) / 4.0).collect();
        let of = |values: &[f32], weight: f64| {
            let part = |name: &str, values: &[f32], channels: usize| {
                let shape = [rows, 2, channels];
                (format!("{name}{MOMENTS}"), Tensor::from_vec(values.to_vec(), &shape).unwrap())
            };
            let activations = vec![part("b", &values[12..], 1), part("a", &values[..12], 2)];
            norms.batch(&Outputs { activations, ..Outputs::default() }, rows, weight).unwrap()
        };
        let cotangents = of(&values, 0.5).cotangents;
        let got: Vec<f64> = cotangents.iter().flat_map(|(_, tensor)| tensor.to_f64().unwrap()).collect();
        assert_eq!(got.len(), values.len());
        for (i, got) in got.into_iter().enumerate() {
            let at = |h: f32| {
                let mut moved = values.clone();
                moved[i] += h;
                of(&moved, 0.0).distance
            };
            let step = 2.0_f32.powi(-9);
            let difference = (at(step) - at(-step)) / (2.0 * f64::from(step));
            assert!((got - 0.5 * rows as f64 * difference).abs() < 1e-4, "{i} {got} {difference}");
        }
        // What fits is nothing.
        let fitting: Vec<f32> = [[0.5, -0.25, 1.25, 4.0625]; 3]
            .into_iter()
            .flatten()
            .chain([[0.0, 0.25]; 3].into_iter().flatten())
            .collect();
        let Pull { distance: value, cotangents, .. } = of(&fitting, 1.0);
        assert_eq!(value, 0.0);
        assert!(cotangents.iter().all(|(_, c)| c.to_f64().unwrap().iter().all(|c| *c == 0.0)));
        // What is no number is left out, and pulls at nothing.
        let mut spoilt = fitting;
        spoilt[5] = f32::NAN;
        let Pull { distance, finite, cotangents } = of(&spoilt, 1.0);
        assert_eq!((distance, finite), (0.0, vec![true, false, true]));
        assert!(cotangents.iter().all(|(_, c)| c.to_f64().unwrap().iter().all(|c| *c == 0.0)));
    }
}
