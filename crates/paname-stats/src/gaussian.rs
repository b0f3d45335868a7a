//! Gaussian differential privacy: one number µ for a whole trade-off curve. **An assumption, not a measurement**: it says that
//! the mechanism hides a record as well as a shift by µ under standard normal noise would, at every false positive rate, and
//! counts at one threshold cannot show that. A figure from here must carry that label.
//!
//! Dong, Roth and Su, "Gaussian differential privacy", JRSS B 84 (2022).

use crate::{Error, Result, argument, binomial, epsilon::non_negative, normal};

/// The µ of the curve through a pair of rates, `Φ⁻¹(TPR) - Φ⁻¹(FPR)` (definition 2.6); both strictly between 0 and 1.
/// Negative where the attack does worse than chance.
pub fn mu(tpr: f64, fpr: f64) -> Result<f64> {
    argument::open_unit("true positive rate", tpr)?;
    argument::open_unit("false positive rate", fpr)?;
    Ok(normal::upper_quantile(fpr) - normal::upper_quantile(tpr))
}

/// The lower bound on µ from flagged members and non-members at a threshold that was fixed on other data, if the mechanism
/// is Gaussian: [`mu`] of Clopper-Pearson bounds at alpha/2 each, 0 at least.
pub fn lower_bound(tp: u64, members: u64, fp: u64, non_members: u64, alpha: f64) -> Result<f64> {
    argument::open_unit("alpha", alpha)?;
    let tpr = binomial::clopper_pearson_lower(tp, members, alpha / 2.0)?;
    let fpr = binomial::clopper_pearson_upper(fp, non_members, alpha / 2.0)?;
    if tpr <= fpr {
        return Ok(0.0);
    }
    // A count of none or all has a bound of 0 or 1 and says nothing; then tpr > fpr rules out the other end.
    if tpr <= 0.0 || fpr >= 1.0 { Ok(0.0) } else { mu(tpr, fpr) }
}

/// The δ of µ-Gaussian privacy at ε, `Φ(-ε/µ + µ/2) - e^ε Φ(-ε/µ - µ/2)` (corollary 2.13).
pub fn delta(mu: f64, epsilon: f64) -> Result<f64> {
    non_negative("mu", mu)?;
    non_negative("epsilon", epsilon)?;
    Ok(delta_at(mu, epsilon))
}

/// The ε of µ-Gaussian privacy at δ, strictly between 0 and 1: 0 where even ε = 0 has no larger δ.
pub fn epsilon(mu: f64, delta: f64) -> Result<f64> {
    non_negative("mu", mu)?;
    argument::open_unit("delta", delta)?;
    if delta_at(mu, 0.0) <= delta {
        return Ok(0.0);
    }
    // At this ε the first term alone is at most delta.
    let mut high = mu * (0.5 * mu + normal::upper_quantile(delta).max(0.0)) + f64::MIN_POSITIVE;
    if !high.is_finite() {
        return Err(Error::OutOfRange { what: "mu", expected: "small enough to square", got: mu });
    }
    let mut low = 0.0;
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if delta_at(mu, middle) > delta {
            low = middle;
        } else {
            high = middle;
        }
        if high - low <= 1e-14 * high {
            break;
        }
    }
    Ok(high)
}

/// The µ whose ε at δ is `epsilon`: the inverse of [`epsilon`], to 1e-12.
pub fn mu_from_epsilon(epsilon: f64, delta: f64) -> Result<f64> {
    non_negative("epsilon", epsilon)?;
    argument::open_unit("delta", delta)?;
    let (mut low, mut high) = (0.0, 1.0);
    while delta_at(high, epsilon) <= delta && high < 1e6 {
        (low, high) = (high, 2.0 * high);
    }
    while high - low > 1e-12 * high {
        let middle = f64::midpoint(low, high);
        if delta_at(middle, epsilon) <= delta {
            low = middle;
        } else {
            high = middle;
        }
    }
    Ok(low)
}

fn delta_at(mu: f64, epsilon: f64) -> f64 {
    if mu <= 0.0 {
        return 0.0;
    }
    let near = normal::upper_tail(epsilon / mu - 0.5 * mu);
    let far = normal::upper_tail(epsilon / mu + 0.5 * mu);
    // The far tail underflows before e^ε overflows what it is multiplied with.
    let rest = if far > 0.0 { (epsilon + far.ln()).exp() } else { 0.0 };
    (near - rest).clamp(0.0, 1.0)
}
