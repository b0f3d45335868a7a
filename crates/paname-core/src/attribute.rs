//! An attribute under inference: what may be known of it and of the records besides it, and nothing of its true values among the audited records.

use crate::{Error, Indices, Result, Tensor, Whom};

/// What the values of an attribute are to each other.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Scale {
    /// Categories without an order; of two values, too.
    #[default]
    Nominal,
    /// Values in an order, the distances between which mean nothing.
    Ordinal,
    /// Numbers, of which each candidate stands for those next to it.
    Continuous,
}

impl Scale {
    /// Every scale.
    pub const ALL: [Self; 3] = [Self::Nominal, Self::Ordinal, Self::Continuous];

    /// The stable number of this scale, for plugin boundaries.
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Nominal => 0,
            Self::Ordinal => 1,
            Self::Continuous => 2,
        }
    }

    /// The scale of [`Scale::code`].
    pub(crate) fn from_code(code: u32) -> Result<Self> {
        let scale = Self::ALL.into_iter().find(|scale| scale.code() == code);
        scale.ok_or_else(|| Error::Unsupported(format!("scale {code} of an attribute")))
    }
}

/// What the attacker knows when the value of one attribute is to be guessed for each audited record.
///
/// The case of an attribute knows each record with every candidate value: variant `v` of a record (`Augmentation(v)`, and variant `v` in its signals)
/// is the record as it would be with candidate `v`, whatever its true value. Of population records the true value is known too.
#[derive(Debug, Clone)]
pub struct Attribute {
    /// Its name.
    pub name: String,
    /// What its values are to each other.
    pub scale: Scale,
    /// The values that come into question, in the order of the variants; at least two.
    pub candidates: Vec<String>,
    /// Which candidate each population record has.
    pub population: Indices,
    /// Everything else about the audited records but the label, as finite numbers in single precision `[audited, width]`.
    pub audited_known: Tensor,
    /// The same of the population `[population, width]`.
    pub population_known: Tensor,
    /// The probability of each candidate given everything else and the label, for each audited record `[audited, candidates]` in double precision, as
    /// somebody estimates it who has the population and no model. None where that is what is asked for.
    pub imputed: Option<Tensor>,
}

impl Attribute {
    /// The share of each candidate in the population, as if each had been seen once more: none is impossible.
    pub fn prior(&self) -> Vec<f64> {
        let mut counts = vec![1.0; self.candidates.len()];
        for &value in self.population.iter() {
            counts[value as usize] += 1.0;
        }
        let total: f64 = counts.iter().sum();
        counts.iter().map(|count| count / total).collect()
    }

    /// Everything about these records but the attribute and the label `[records, width]`, in single precision.
    pub fn known(&self, whom: Whom) -> &Tensor {
        match whom {
            Whom::Audited => &self.audited_known,
            Whom::Population => &self.population_known,
        }
    }

    /// The probabilities of [`Attribute::imputed`], record after record, or an error that says that they are needed.
    pub fn imputed(&self) -> Result<&[f64]> {
        let imputed = self.imputed.as_ref();
        imputed
            .ok_or_else(|| Error::mismatch("attribute", "probabilities by imputation", "none"))?
            .as_slice::<f64>()
    }

    /// Fails where the parts do not go with so many audited records, population records and variants.
    pub(crate) fn check(&self, audited: usize, population: usize, variants: usize) -> Result<()> {
        let candidates = self.candidates.len();
        if candidates < 2 || variants != candidates {
            let got = format!("{candidates} candidates and {variants} variants");
            return Err(Error::mismatch("attribute", "a variant for each of at least 2 candidates", got));
        }
        if self.population.len() != population {
            return Err(Error::mismatch("values of the population", population, self.population.len()));
        }
        if let Some(&value) = self.population.iter().find(|value| **value as usize >= candidates) {
            let expected = format!("a candidate below {candidates}");
            return Err(Error::mismatch("value of a population record", expected, value));
        }
        let width = self.audited_known.shape().get(1).copied();
        for (what, tensor, records) in [
            ("what is known of audited records", &self.audited_known, audited),
            ("what is known of population records", &self.population_known, population),
        ] {
            let shape = tensor.shape();
            if shape.len() != 2 || shape[0] != records || Some(shape[1]) != width {
                return Err(Error::mismatch(
                    what,
                    format!("{records} rows of one width"),
                    format!("{shape:?}"),
                ));
            }
            if tensor.as_slice::<f32>()?.iter().any(|value| !value.is_finite()) {
                return Err(Error::mismatch(what, "finite numbers", "one that is not"));
            }
        }
        let Some(imputed) = &self.imputed else { return Ok(()) };
        if imputed.shape() != [audited, candidates] {
            let expected = format!("{:?}", [audited, candidates]);
            return Err(Error::mismatch("imputed probabilities", expected, format!("{:?}", imputed.shape())));
        }
        if imputed.as_slice::<f64>()?.iter().any(|p| !(0.0..=1.0).contains(p)) {
            return Err(Error::mismatch("imputed probability", "a number from 0 to 1", "another one"));
        }
        Ok(())
    }
}
