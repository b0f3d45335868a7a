//! What the attacks share that compare the target with reference models.

use paname_core::kernel::log_mean_exp;
use paname_core::{CaseSize, MembershipRow};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which reference models a record is compared with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Mode {
    /// Online where the reference models allow it for every audited record, offline otherwise.
    #[default]
    Auto,
    /// Reference models fitted with the record as well as without it: stronger, but they must be fitted for the audited records.
    Online,
    /// Reference models fitted without the record only: they can be fitted once, on other data.
    Offline,
}

impl Mode {
    /// What a run in this mode needs at least, where `auto` may come down to offline.
    pub(crate) fn least<T>(self, online: T, offline: T) -> T {
        match self {
            Self::Online => online,
            Self::Auto | Self::Offline => offline,
        }
    }

    /// The mode in a case of this size. `least` is the number of models with and without each record that an online run needs. The choice is one
    /// for all records, since online and offline scores do not compare.
    pub(crate) fn settled(self, size: &CaseSize, least: (usize, usize)) -> Self {
        match self {
            Self::Auto if size.fitted_with_min >= least.0 && size.fitted_without_min >= least.1 => {
                Self::Online
            }
            Self::Auto => Self::Offline,
            settled => settled,
        }
    }
}

/// ln of the mean over reference models of the probabilities whose logarithms stand in `row` `[references][augmentations]`, at one augmentation; over
/// the models that left the record out where `left_out` is their row, over all otherwise. The largest and the smallest `trim` of the values, each
/// rounded down, are left out of the mean. −∞ where there is no model.
pub(crate) fn log_mean(
    row: &[f32],
    augmentations: usize,
    augmentation: usize,
    left_out: Option<MembershipRow<'_>>,
    trim: f64,
) -> f64 {
    if augmentations == 1 && left_out.is_none() && trim == 0.0 {
        return log_mean_exp(row);
    }
    let mut values = vec![0.0; row.len() / augmentations.max(1) + 1];
    let mut count = 0;
    for (m, value) in row.iter().skip(augmentation).step_by(augmentations).enumerate() {
        // Written in any case, and kept by counting: which models left a record out cannot be foreseen by a processor.
        values[count] = *value;
        count += usize::from(!left_out.is_some_and(|members| members.contains(m)));
    }
    let values = &mut values[..count];
    if trim > 0.0 {
        values.sort_unstable_by(f32::total_cmp);
    }
    let cut = (trim * count as f64) as usize;
    log_mean_exp(&values[cut..count - cut])
}

#[cfg(test)]
mod tests {
    use paname_core::Membership;

    use super::*;

    #[test]
    fn log_mean_of_extremes() {
        assert!((log_mean(&[-1000.0, 9.0, -1000.0, 9.0], 2, 0, None, 0.0) + 1000.0).abs() < 1e-12);
        assert_eq!(log_mean(&[-1e30, -1e30], 1, 0, None, 0.0), f64::from(-1e30_f32));
        let mixed = log_mean(&[0.0, -1e30], 1, 0, None, 0.0);
        assert!((mixed - 0.5_f64.ln()).abs() < 1e-12);
    }

    #[test]
    fn log_mean_without_the_extremes() {
        let values = [0.0, -3.0, -1.0, -1.0, -1.0, -900.0];
        let trimmed = |trim| log_mean(&values, 1, 0, None, trim);
        assert_eq!(trimmed(0.1), trimmed(0.0));
        let expected = ((3.0 * (-1.0_f64).exp() + (-3.0_f64).exp()) / 4.0).ln();
        assert!((trimmed(0.2) - expected).abs() < 1e-7);
        assert!((trimmed(0.49) + 1.0).abs() < 1e-7);
    }

    #[test]
    fn log_mean_of_the_models_that_left_the_record_out() {
        let mut members = Membership::none(1, 3);
        members.insert(0, 1);
        let mean = log_mean(&[-1.0, -50.0, -1.0], 1, 0, Some(members.row(0)), 0.0);
        assert!((mean + 1.0).abs() < 1e-12);
        members.insert(0, 0);
        members.insert(0, 2);
        assert_eq!(log_mean(&[-1.0, -50.0, -1.0], 1, 0, Some(members.row(0)), 0.0), f64::NEG_INFINITY);
    }
}
