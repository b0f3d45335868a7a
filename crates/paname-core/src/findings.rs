//! What attacks claim: raw, without statistics and without truth.

use crate::{Case, Error, Result, Tensor};

/// The claims of one attack run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Findings {
    /// One score per audited record, in the order of the case; higher means more likely a member. Infinite scores are allowed, NaN is not.
    Membership(Vec<f64>),
    /// Of the attribute of the case, the score of each candidate value for each audited record `[audited][candidates]`; the highest of a record is the guess,
    /// the first of equal ones, and the further it is above the second the surer the guess. Infinite scores are allowed, NaN is not.
    Attribute(Vec<f64>),
    /// Rebuilt inputs.
    Reconstructions(Vec<Reconstruction>),
    /// Extracted texts.
    Extractions(Vec<Extraction>),
    /// One number per group of the case, in its order; higher means that more of the group was used. Infinite numbers are allowed, NaN is not. Where
    /// the attack estimates shares, it is the share of the group's records that were used.
    Groups(Vec<f64>),
}

/// A rebuilt input.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    /// The class or identity aimed at.
    pub class: u32,
    /// Number of the start among those of the class.
    pub start: u32,
    /// The rebuilt input.
    pub input: Tensor,
    /// The attack's own confidence.
    pub score: f64,
    /// How the search ended.
    pub ending: Ending,
}

/// How the search for an input ended.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Ending {
    /// It got as far as it was to get.
    Reached,
    /// It got no further.
    Settled,
    /// It took all its steps.
    Spent,
    /// What the model answered was no number any more: this is the best from before.
    Lost,
    /// The budget ran out or the run was cancelled: this is the best so far, and the findings are partial.
    Cut,
}

impl Ending {
    /// Every ending; the place of each is its number where it crosses library boundaries.
    pub(crate) const ALL: [Self; 5] = [Self::Reached, Self::Settled, Self::Spent, Self::Lost, Self::Cut];
}

/// An extracted text.
#[derive(Debug, Clone, PartialEq)]
pub struct Extraction {
    /// The prompt that led to it.
    pub prompt: String,
    /// The text.
    pub text: String,
    /// The attack's own confidence.
    pub score: f64,
}

impl Findings {
    /// The membership scores, checked: one per audited record, none of them NaN. Attacks of strangers pass here too.
    pub fn membership(self, records: usize) -> Result<Vec<f64>> {
        let Self::Membership(scores) = self else {
            return Err(Error::mismatch("findings", "membership scores", "findings of another kind"));
        };
        checked(scores, records, "membership score", "record")
    }

    /// The numbers of groups, checked likewise: one per group, none of them NaN.
    pub fn groups(self, groups: usize) -> Result<Vec<f64>> {
        let Self::Groups(values) = self else {
            return Err(Error::mismatch("findings", "numbers of groups", "findings of another kind"));
        };
        checked(values, groups, "number", "group")
    }

    /// The rebuilt inputs, checked: of classes that there are, all of one shape and of finite numbers, their scores numbers.
    pub fn reconstructions(self, classes: usize) -> Result<Vec<Reconstruction>> {
        let Self::Reconstructions(rebuilt) = self else {
            return Err(Error::mismatch("findings", "rebuilt inputs", "findings of another kind"));
        };
        for (i, one) in rebuilt.iter().enumerate() {
            let what = |part: &str| format!("{part} of reconstruction {i}");
            if one.class as usize >= classes {
                return Err(Error::mismatch(what("class"), format!("below {classes}"), one.class));
            }
            if one.score.is_nan() {
                return Err(Error::mismatch(what("score"), "a number", "NaN"));
            }
            if one.input.shape() != rebuilt[0].input.shape() {
                let (expected, got) = (rebuilt[0].input.shape(), one.input.shape());
                return Err(Error::mismatch(what("shape"), format!("{expected:?}"), format!("{got:?}")));
            }
            if one.input.to_f32()?.iter().any(|value| !value.is_finite()) {
                return Err(Error::mismatch(what("values"), "finite numbers", "others"));
            }
        }
        Ok(rebuilt)
    }

    /// The scores of the candidates of an attribute, checked: one per audited record and candidate, none of them NaN.
    pub fn attribute(self, records: usize, candidates: usize) -> Result<Vec<f64>> {
        let Self::Attribute(scores) = self else {
            return Err(Error::mismatch(
                "findings",
                "scores of candidate values",
                "findings of another kind",
            ));
        };
        checked(scores, records * candidates, "score", "candidate")
    }

    /// What the judge counts: the numbers of the groups of a case where it has groups, the membership scores of its records otherwise.
    pub fn scores(self, case: &Case<'_>) -> Result<Vec<f64>> {
        match case.groups() {
            [] => self.membership(case.audited().len()),
            groups => self.groups(groups.len()),
        }
    }
}

fn checked(values: Vec<f64>, count: usize, what: &str, of: &str) -> Result<Vec<f64>> {
    if values.len() != count {
        return Err(Error::mismatch(format!("{what}s"), format!("{count}, one per {of}"), values.len()));
    }
    match values.iter().position(|value| value.is_nan()) {
        Some(i) => Err(Error::mismatch(format!("{what} of {of} {i}"), "a number", "NaN")),
        None => Ok(values),
    }
}
