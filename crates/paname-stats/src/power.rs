//! What a sample can see, computed before any score exists.
//!
//! The detection test at a fixed threshold rejects "TPR ≤ level" when so many of the members are flagged that a rate of
//! `level` gives as many with probability at most `alpha`; the power is an exact binomial tail. The false positive rate
//! is taken as known; [`smallest_detectable_tpr_estimated`] pays for its estimation.

use crate::{Error, Result, argument, beta, binomial, normal};

/// The number of members from which on the power against a true rate `tpr` stays at `power` or above. (Binomial power is
/// a saw-tooth: a smaller number may reach it and lose it again.)
pub fn members_needed(tpr: f64, level: f64, alpha: f64, power: f64) -> Result<u64> {
    check(level, alpha, power)?;
    argument::unit("true positive rate", tpr)?;
    if tpr <= level {
        return Err(Error::OutOfRange {
            what: "true positive rate",
            expected: "above the false positive rate",
            got: tpr,
        });
    }
    let unreachable = Error::OutOfReach { what: "members needed to see this rate" };
    // Tooth `c` holds the sample sizes whose critical count is `c`; power is least where a tooth begins.
    let begin = |c: u64| binomial::first(0, |n| binomial::at_least(c - 1, n, level) > alpha);
    let fails = |c: u64| begin(c).is_some_and(|n| binomial::at_least(c, n, tpr) < power);
    let passing = binomial::first(1, |c| !fails(c)).ok_or_else(|| unreachable.clone())?;
    // Achieved sizes jitter from tooth to tooth, so a later tooth may begin below the target once more.
    let last = (passing..passing + 64).rev().find(|c| fails(*c)).unwrap_or(passing - 1).max(1);
    let next = begin(last + 1).ok_or(unreachable)?;
    let within = binomial::first(last, |n| n >= next || binomial::at_least(last, n, tpr) >= power);
    Ok(within.unwrap_or(next))
}

/// The smallest true positive rate that `members` members show with probability `power`; `None` where even flagging every
/// member would not be significant.
pub fn smallest_detectable_tpr(members: u64, level: f64, alpha: f64, power: f64) -> Result<Option<f64>> {
    check(level, alpha, power)?;
    argument::size("members", members)?;
    let critical = binomial::first(0, |c| binomial::at_least(c, members, level) <= alpha);
    Ok(critical.and_then(|c| reaching(c, members, power)))
}

/// As [`smallest_detectable_tpr`], where the test is Fisher's ([`binomial::fisher_greater`]) and `false_positives` of
/// `non_members` are flagged: the false positive rate is estimated, not known.
pub fn smallest_detectable_tpr_estimated(
    members: u64,
    non_members: u64,
    false_positives: u64,
    alpha: f64,
    power: f64,
) -> Result<Option<f64>> {
    argument::size("members", members)?;
    argument::size("non-members", non_members)?;
    argument::part("non-members flagged", false_positives, non_members)?;
    argument::open_unit("alpha", alpha)?;
    argument::open_unit("power", power)?;
    let significant = |tp| {
        tp > members
            || binomial::fisher_greater(tp, members, false_positives, non_members).is_ok_and(|p| p <= alpha)
    };
    Ok(binomial::first(0, significant).and_then(|c| reaching(c, members, power)))
}

/// The standard error of the area under the curve for exchangeable scores without ties, √((m+n+1)/(12mn)): 0.041 for 100
/// on each side. Infinite where a side is empty.
pub fn null_auc_standard_error(members: u64, non_members: u64) -> f64 {
    let (m, n) = (members as f64, non_members as f64);
    ((m + n + 1.0) / (12.0 * m * n)).sqrt()
}

/// The smallest area that the one-sided rank test shows with probability `power`, by the normal approximation with the
/// null standard error; `None` where it would exceed 1.
pub fn smallest_detectable_auc(
    members: u64,
    non_members: u64,
    alpha: f64,
    power: f64,
) -> Result<Option<f64>> {
    argument::open_unit("alpha", alpha)?;
    argument::open_unit("power", power)?;
    let distance = normal::upper_quantile(alpha) + normal::upper_quantile(1.0 - power);
    let auc = 0.5 + distance.max(0.0) * null_auc_standard_error(members, non_members);
    Ok((auc <= 1.0).then_some(auc))
}

/// The smallest difference of two means that a one-sided test at `alpha` shows with probability `power`, by the normal
/// approximation with the standard error of the difference: (z(1-α) + z(power)) · error.
pub fn smallest_detectable_difference(error: f64, alpha: f64, power: f64) -> Result<f64> {
    argument::open_unit("alpha", alpha)?;
    argument::open_unit("power", power)?;
    Ok((normal::upper_quantile(alpha) + normal::upper_quantile(1.0 - power)) * error)
}

/// The standardised difference from which on a one-sided test at `alpha` rejects.
pub fn critical_difference(alpha: f64) -> Result<f64> {
    argument::open_unit("alpha", alpha)?;
    Ok(normal::upper_quantile(alpha))
}

/// The smallest p-value that a rank test with so many null draws can give, 1 / (K + 1): 19 draws reach 5 %.
pub fn smallest_rank_p(null_draws: u64) -> f64 {
    1.0 / (null_draws as f64 + 1.0)
}

/// The rate at which `count` or more of `members` are flagged with probability `power`.
fn reaching(count: u64, members: u64, power: f64) -> Option<f64> {
    let rest = members.checked_sub(count)?;
    Some(if count == 0 { 0.0 } else { beta::lower_quantile(power, count as f64, rest as f64 + 1.0) })
}

fn check(level: f64, alpha: f64, power: f64) -> Result<()> {
    argument::open_unit("false positive rate", level)?;
    argument::open_unit("alpha", alpha)?;
    argument::open_unit("power", power)?;
    Ok(())
}
