//! Inputs of records as few numbers: a layer of rectified units whose weights are drawn and never fitted (Rahimi and Recht 2008, *Weighted Sums of Random
//! Kitchen Sinks*), on which a regression can then be linear.

use paname_core::{Case, Ctx, Error, Indices, Result};

use crate::asking::{fill_normal, rows_at_a_time};

/// Drawn units.
pub(crate) struct RandomUnits {
    /// Per unit: a weight for each number of an input, and a bias.
    weights: Vec<f32>,
    /// Mean and deviation of each number of an input, over the population.
    scales: Vec<(f32, f32)>,
}

impl RandomUnits {
    /// Draws so many units for inputs of the population's kind.
    pub(crate) fn draw(count: usize, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Self> {
        let ids = &case.population().ids;
        let mut sums: Vec<(f64, f64)> = Vec::new();
        in_batches(case, ids, |inputs, width| {
            sums.resize(width, (0.0, 0.0));
            for input in inputs.chunks_exact(width) {
                for ((sum, squares), &x) in sums.iter_mut().zip(input) {
                    let x = known(x);
                    *sum += f64::from(x);
                    *squares += f64::from(x) * f64::from(x);
                }
            }
            Ok(())
        })?;
        let count_of = ids.len().max(1) as f64;
        let scale = |&(sum, squares): &(f64, f64)| {
            let mean = sum / count_of;
            let deviation = (squares / count_of - mean * mean).max(0.0).sqrt();
            // What is constant but for rounding tells nothing.
            let constant = deviation <= 1e-6 * mean.abs();
            (mean as f32, if constant { f32::INFINITY } else { deviation as f32 })
        };
        let scales: Vec<(f32, f32)> = sums.iter().map(scale).collect();
        let mut weights = vec![0.0; count * (scales.len() + 1)];
        fill_normal(&mut weights, &mut ctx.rng("units"));
        // So that the sum over all numbers of an input, each of variance 1, has variance 1.
        let size = (scales.len().max(1) as f32).sqrt();
        for unit in weights.chunks_exact_mut(scales.len() + 1) {
            unit[..scales.len()].iter_mut().for_each(|weight| *weight /= size);
        }
        Ok(Self { weights, scales })
    }

    /// The units' answers to each record.
    pub(crate) fn of(&self, case: &Case<'_>, ids: &Indices) -> Result<Vec<Vec<f64>>> {
        let width = self.scales.len();
        let mut rows = Vec::with_capacity(ids.len());
        let mut scaled = vec![0.0_f32; width];
        in_batches(case, ids, |inputs, got| {
            if got != width {
                let expected = format!("{width} numbers a record, as in the population");
                return Err(Error::mismatch("inputs of records", expected, got));
            }
            for input in inputs.chunks_exact(width) {
                for ((scaled, &(mean, deviation)), &x) in scaled.iter_mut().zip(&self.scales).zip(input) {
                    *scaled = ((known(x) - mean) / deviation).clamp(-10.0, 10.0);
                }
                let unit = |unit: &[f32]| {
                    let sum: f32 = unit[..width].iter().zip(&scaled).map(|(w, x)| w * x).sum();
                    f64::from((sum + unit[width]).max(0.0))
                };
                rows.push(self.weights.chunks_exact(width + 1).map(unit).collect());
            }
            Ok(())
        })?;
        Ok(rows)
    }
}

/// What is no finite number counts as 0.
fn known(x: f32) -> f32 {
    if x.is_finite() { x } else { 0.0 }
}

/// Calls `each` with the inputs of some records at a time, `[records][width]`, and their width.
fn in_batches(
    case: &Case<'_>,
    ids: &Indices,
    mut each: impl FnMut(&[f32], usize) -> Result<()>,
) -> Result<()> {
    let Some(first) = ids.first() else { return Ok(()) };
    let one = case.target().input(&[*first].into())?;
    for batch in ids.chunks(rows_at_a_time(one.len())) {
        let inputs = case.target().input(&batch.into())?;
        if inputs.shape().is_empty() || inputs.rows() != batch.len() || inputs.is_empty() {
            let expected = format!("one row for each of {} records", batch.len());
            return Err(Error::mismatch(
                "inputs of records",
                expected,
                format!("shape {:?}", inputs.shape()),
            ));
        }
        each(&inputs.to_f32()?, inputs.len() / batch.len())?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    #[test]
    fn units_tell_records_by_what_they_are() {
        let toy = Toy::live(Behaviour::Leaky, Size { records: 40, population: 60, ..Size::default() }, 5);
        let case = toy.case().unwrap();
        let ctx = Ctx::new(1, "test", 1, &());
        let units = RandomUnits::draw(8, &case, &ctx).unwrap();
        let rows = units.of(&case, &case.population().ids).unwrap();
        assert_eq!((rows.len(), rows[0].len()), (60, 8));
        assert!(rows.iter().flatten().all(|answer| answer.is_finite() && *answer >= 0.0));
        let inputs = case.target().input(&case.population().ids).unwrap();
        let input = |r: usize| inputs.slice(r..r + 1).unwrap().to_f32().unwrap().into_owned();
        for (a, b) in (0..60).zip(1..60) {
            assert_eq!(rows[a] == rows[b], input(a) == input(b), "records {a} and {b}");
        }
        let again = RandomUnits::draw(8, &case, &ctx).unwrap();
        assert_eq!(again.of(&case, &case.population().ids).unwrap(), rows);
    }
}
