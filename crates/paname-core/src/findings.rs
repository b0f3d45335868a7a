//! What attacks claim: raw, without statistics and without truth.

use crate::{Error, Result, Tensor};

/// The claims of one attack run.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Findings {
    /// One score per audited record, in the order of the case; higher means more likely a member. Infinite scores are allowed, NaN is not.
    Membership(Vec<f64>),
    /// Guessed values of attributes.
    Attributes(Vec<AttributeGuess>),
    /// Rebuilt inputs.
    Reconstructions(Vec<Reconstruction>),
    /// Extracted texts.
    Extractions(Vec<Extraction>),
    /// Claims about groups of records as wholes.
    Groups(Vec<GroupClaim>),
}

/// A guess of an attribute of an audited record.
#[derive(Debug, Clone, PartialEq)]
pub struct AttributeGuess {
    /// Position in the case.
    pub record: u32,
    /// Name of the attribute.
    pub attribute: String,
    /// Score of each candidate value, in the order in which the case declares them.
    pub scores: Vec<f64>,
}

/// A rebuilt input.
#[derive(Debug, Clone)]
pub struct Reconstruction {
    /// The class or identity aimed at.
    pub class: u32,
    /// The rebuilt input.
    pub input: Tensor,
    /// The attack's own confidence.
    pub score: f64,
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

/// A claim about a group.
#[derive(Debug, Clone, PartialEq)]
pub struct GroupClaim {
    /// Name of the group.
    pub group: String,
    /// Estimated share of its records that were used.
    pub share: f64,
}

impl Findings {
    /// The membership scores, checked: one per audited record, none of them NaN. Attacks of strangers pass here too.
    pub fn membership(self, records: usize) -> Result<Vec<f64>> {
        let Self::Membership(scores) = self else {
            return Err(Error::mismatch("findings", "membership scores", "findings of another kind"));
        };
        if scores.len() != records {
            return Err(Error::mismatch(
                "membership scores",
                format!("{records}, one per record"),
                scores.len(),
            ));
        }
        match scores.iter().position(|s| s.is_nan()) {
            Some(i) => Err(Error::mismatch(format!("membership score of record {i}"), "a number", "NaN")),
            None => Ok(scores),
        }
    }
}
