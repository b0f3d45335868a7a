//! Many tests at once: adjusted p-values, in the order given. Reject where the adjusted value is at most the level.

use crate::{Result, argument};

/// Holm's step-down adjustment (Scandinavian Journal of Statistics 6, 1979): controls the probability of any false
/// rejection under any dependence.
pub fn holm(p_values: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut floor = 0.0_f64;
    for (rank, &test) in order.iter().enumerate() {
        let remaining = (p_values.len() - rank) as f64;
        floor = floor.max((remaining * p_values[test]).min(1.0));
        adjusted[test] = floor;
    }
    Ok(adjusted)
}

/// The step-up adjustment of Benjamini and Hochberg (JRSS B 57, 1995): controls the expected share of false rejections
/// for independent p-values and for conformal ones (Bates et al., Annals of Statistics 51, 2023).
pub fn benjamini_hochberg(p_values: &[f64]) -> Result<Vec<f64>> {
    let order = ascending(p_values)?;
    let mut adjusted = vec![0.0; p_values.len()];
    let mut ceiling = 1.0_f64;
    for (rank, &test) in order.iter().enumerate().rev() {
        ceiling = ceiling.min(p_values.len() as f64 / (rank as f64 + 1.0) * p_values[test]);
        adjusted[test] = ceiling;
    }
    Ok(adjusted)
}

/// The positions by ascending p-value.
fn ascending(p_values: &[f64]) -> Result<Vec<usize>> {
    for p in p_values {
        argument::unit("p-value", *p)?;
    }
    let mut order: Vec<usize> = (0..p_values.len()).collect();
    order.sort_by(|a, b| p_values[*a].total_cmp(&p_values[*b]));
    Ok(order)
}
