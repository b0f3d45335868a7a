//! What the attacks share that ask the model themselves.

use paname_core::{
    Access, Augmentation, Case, Ctx, Error, Indices, Input, Outputs, Query, Result, Target, Tensor,
};
use rand_core::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How large a vector is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Norm {
    /// The sum of the absolute values.
    L1,
    /// The root of the sum of the squares.
    #[default]
    L2,
    /// The largest absolute value.
    Linf,
}

impl Norm {
    /// The norm of a vector; infinite where a value is no number.
    pub(crate) fn of(self, values: &[f32]) -> f64 {
        let sizes = values.iter().map(|value| f64::from(value.abs()));
        let norm = match self {
            Self::L1 => sizes.sum(),
            Self::L2 => sizes.map(|size| size * size).sum::<f64>().sqrt(),
            Self::Linf if values.iter().any(|value| value.is_nan()) => f64::INFINITY,
            Self::Linf => sizes.fold(0.0, f64::max),
        };
        if norm.is_nan() { f64::INFINITY } else { norm }
    }
}

/// Bytes of inputs or gradients that are held at a time.
const ROOM: usize = 16 << 20;

/// Rows of so many numbers that are asked about at a time.
pub(crate) fn rows_at_a_time(width: usize) -> usize {
    (ROOM / (4 * width.max(1))).clamp(1, 4096)
}

/// Calls `each` with ranges of at most `size` of the audited records and their numbers, and tells how far it is: `steps` times each record.
pub(crate) fn in_batches(
    case: &Case<'_>,
    ctx: &Ctx<'_>,
    size: usize,
    mut each: impl FnMut(std::ops::Range<usize>, Indices) -> Result<()>,
) -> Result<()> {
    let ids = &case.audited().ids;
    for start in (0..ids.len()).step_by(size.max(1)) {
        ctx.tick(start, ids.len())?;
        let range = start..ids.len().min(start + size);
        each(range.clone(), ids[range].into())?;
    }
    ctx.tick(ids.len(), ids.len())
}

/// A question about records with their classes.
pub(crate) fn about(ids: Indices, classes: &[u32], want: Access) -> Result<Query> {
    let labels = classes.iter().map(|&class| i64::from(class)).collect::<Vec<_>>();
    let labels = Some(Tensor::from_vec(labels, &[classes.len()])?);
    Ok(Query { input: Input::Records(ids, Augmentation::default()), labels, want, layers: Vec::new() })
}

/// The classes that a model gives.
pub(crate) fn predicted(target: &dyn Target, input: Input) -> Result<Vec<i64>> {
    let query = Query { input, labels: None, want: Access::LABELS, layers: Vec::new() };
    let answers = target.predict(&query)?;
    let labels = answers.labels.ok_or(Error::Denied(Access::LABELS))?.to_i64()?;
    if labels.len() != query.len() {
        return Err(Error::mismatch(
            "answered labels",
            format!("one for each of {} questions", query.len()),
            labels.len(),
        ));
    }
    Ok(labels)
}

/// The classes that a model gives the audited records as they are.
pub(crate) fn predicted_audited(case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Vec<i64>> {
    let mut all = Vec::with_capacity(case.audited().len());
    in_batches(case, ctx, 4096, |_, ids| {
        all.extend(predicted(case.target(), Input::Records(ids, Augmentation::default()))?);
        Ok(())
    })?;
    Ok(all)
}

/// The gradient of the loss of each record with respect to its input `[records][width]`: one forward pass and one backward pass.
///
/// Where logits are granted, the gradient of the cross-entropy with respect to them, p − y, is what is pulled back.
pub(crate) fn input_gradients(
    target: &dyn Target,
    granted: Access,
    ids: Indices,
    classes: &[u32],
) -> Result<Tensor> {
    let from_logits = (granted & target.card().offers()).contains(Access::LOGITS);
    let want = if from_logits { Access::LOGITS } else { Access::LOSS };
    let (answers, pullback) = target.vjp(&about(ids, classes, want)?)?;
    let mut cotangent = Outputs::default();
    if from_logits {
        let logits = answers.logits.ok_or(Error::Denied(want))?;
        let &[rows, width] = logits.shape() else {
            return Err(Error::mismatch(
                "answered logits",
                "[records, classes]",
                format!("shape {:?}", logits.shape()),
            ));
        };
        if let Some(class) = classes.iter().find(|&&class| class as usize >= width) {
            return Err(Error::mismatch(
                "answered logits",
                format!("one for class {class} too"),
                format!("{width} classes"),
            ));
        }
        let residuals = residuals(&logits.to_f32()?, classes, width);
        cotangent.logits = Some(Tensor::from_vec(residuals, &[rows, width])?);
    } else {
        let loss = answers.loss.ok_or(Error::Denied(want))?;
        cotangent.loss = Some(Tensor::from_vec(vec![1.0_f32; loss.len()], loss.shape())?);
    }
    let gradients = pullback.apply(&cotangent)?;
    if gradients.shape().is_empty() || gradients.rows() != classes.len() {
        let expected = format!("one row for each of {} records", classes.len());
        return Err(Error::mismatch("gradients", expected, format!("shape {:?}", gradients.shape())));
    }
    Ok(gradients)
}

/// p − y of each row.
fn residuals(logits: &[f32], classes: &[u32], width: usize) -> Vec<f32> {
    let mut residuals = Vec::with_capacity(logits.len());
    for (z, &class) in logits.chunks_exact(width.max(1)).zip(classes) {
        let most = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
        let exponentials = z.iter().map(|z| libm::exp(f64::from(z - most)));
        let sum: f64 = exponentials.clone().sum();
        residuals
            .extend(exponentials.enumerate().map(|(c, e)| (e / sum - f64::from(c == class as usize)) as f32));
    }
    residuals
}

/// One number for each row of a tensor `[rows, …]`, which is read where it lies.
pub(crate) fn per_row(tensor: &Tensor, mut each: impl FnMut(&[f32]) -> f64) -> Result<Vec<f64>> {
    let values = tensor.to_f32()?;
    let rows = tensor.rows();
    let width = values.len() / rows.max(1);
    Ok((0..rows).map(|row| each(&values[row * width..(row + 1) * width])).collect())
}

/// A number that later sums can bear, whatever the model said.
pub(crate) fn bounded(value: f64) -> f64 {
    if value.is_nan() { 0.0 } else { value.clamp(-1e6, 1e6) }
}

/// A loss that later sums can bear: one that is no number is as large as any, since nothing was learned there.
pub(crate) fn bounded_loss(value: f64) -> f64 {
    bounded(if value.is_nan() { f64::INFINITY } else { value })
}

/// Uniform from 0 to 1, without either.
pub(crate) fn uniform(rng: &mut impl Rng) -> f64 {
    ((rng.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
}

/// Fills with standard normal numbers (Box and Muller 1958).
pub(crate) fn fill_normal(values: &mut [f32], rng: &mut impl Rng) {
    for pair in values.chunks_mut(2) {
        let radius = (-2.0 * libm::log(uniform(rng))).sqrt();
        let (sine, cosine) = libm::sincos(std::f64::consts::TAU * uniform(rng));
        pair[0] = (radius * cosine) as f32;
        if let Some(second) = pair.get_mut(1) {
            *second = (radius * sine) as f32;
        }
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Ctx;

    use super::*;

    #[test]
    fn norms_of_known_vectors() {
        let of = |norm: Norm| norm.of(&[3.0, -4.0, 0.0]);
        assert_eq!([Norm::L1, Norm::L2, Norm::Linf].map(of), [7.0, 5.0, 4.0]);
        for norm in [Norm::L1, Norm::L2, Norm::Linf] {
            assert_eq!(norm.of(&[1.0, f32::NAN]), f64::INFINITY);
            assert_eq!(norm.of(&[1.0, f32::NEG_INFINITY]), f64::INFINITY);
            assert_eq!(norm.of(&[]), 0.0);
        }
        // Squares of large numbers do not overflow.
        assert!(Norm::L2.of(&[f32::MAX, f32::MAX]).is_finite());
    }

    #[test]
    fn residuals_are_probabilities_less_the_truth() {
        let half = residuals(&[0.0, 0.0, 1e30, -1e30], &[0, 1], 2);
        assert_eq!(half, [-0.5, 0.5, 1.0, -1.0]);
    }

    #[test]
    fn normal_numbers_have_mean_zero_and_variance_one() {
        let mut values = vec![0.0; 100_001];
        fill_normal(&mut values, &mut Ctx::new(1, "test", 1, &()).rng("normal"));
        let mean = values.iter().map(|x| f64::from(*x)).sum::<f64>() / 100_001.0;
        let variance = values.iter().map(|x| f64::from(*x).powi(2)).sum::<f64>() / 100_001.0;
        // Four standard errors.
        assert!(mean.abs() < 0.013 && (variance - 1.0).abs() < 0.018, "{mean} {variance}");
    }
}
