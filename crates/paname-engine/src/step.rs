//! The steps of an audit: their names, their keys, and what waits for what.

use std::fmt;
use std::str::FromStr;

use paname_core::Signal;

use crate::EngineError;

/// A unit of work with a result in the store.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Fits a model.
    Fit(Fit),
    /// Reads and joins tables and models, and checks them.
    Inputs,
    /// Looks for causes why the target may not be what was declared.
    Fidelity,
    /// Tells members from non-members without any model.
    Blind,
    /// Asks a model about every record, the target being 0.
    Outputs(u32),
    /// Computes one signal for every model and record.
    Signals(Signal),
    /// Finds out what the other steps must know of the attributes.
    Attributes,
    /// Opens what makes inputs, for what the other steps must know of it.
    Generator,
    /// Reads an attribute, and what the audit of it takes from the inputs.
    Attribute(String),
    /// Guesses an attribute without the model.
    Imputation(String),
    /// Asks a model about every record with each candidate value of an attribute, the target being 0.
    Candidates(String, u32),
    /// Computes one signal of these answers for every model and record.
    CandidateSignals(String, Signal),
    /// Has the evaluator look at every audited record, and at the mean of each class.
    Evaluation,
    /// Rebuilds inputs without anything that makes them plausible.
    Unregularised,
    /// Draws the groups of records that the attack of a test judges.
    Groups(String),
    /// Runs the attack of a test on the target.
    Attack(String),
    /// Runs the attack of a test on each reference model in the target's place.
    Unrelated(String),
    /// Joins truth and scores of a test.
    Judge(String),
}

/// A model that is fitted within the audit.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Fit {
    /// The model under audit.
    Target,
    /// A reference model, from 0.
    Reference(u32),
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Fit(Fit::Target) => f.write_str("fit/target"),
            Self::Fit(Fit::Reference(model)) => write!(f, "fit/{model}"),
            Self::Inputs => f.write_str("inputs"),
            Self::Fidelity => f.write_str("fidelity"),
            Self::Blind => f.write_str("blind"),
            Self::Outputs(0) => f.write_str("outputs/target"),
            Self::Outputs(model) => write!(f, "outputs/{}", model - 1),
            Self::Signals(signal) => write!(f, "signals/{signal}"),
            Self::Attributes => f.write_str("attributes"),
            Self::Generator => f.write_str("generator"),
            Self::Attribute(name) => write!(f, "attribute/{name}"),
            Self::Imputation(name) => write!(f, "imputation/{name}"),
            Self::Candidates(name, 0) => write!(f, "candidates/{name}/target"),
            Self::Candidates(name, model) => write!(f, "candidates/{name}/{}", model - 1),
            Self::CandidateSignals(name, signal) => write!(f, "candidate-signals/{name}/{signal}"),
            Self::Evaluation => f.write_str("evaluation"),
            Self::Unregularised => f.write_str("unregularised"),
            Self::Groups(test) => write!(f, "groups/{test}"),
            Self::Attack(test) => write!(f, "attack/{test}"),
            Self::Unrelated(test) => write!(f, "unrelated/{test}"),
            Self::Judge(test) => write!(f, "judge/{test}"),
        }
    }
}

impl FromStr for Step {
    type Err = EngineError;

    fn from_str(name: &str) -> Result<Self, EngineError> {
        let test = |id: &str| id.to_owned();
        let absent = || EngineError::Other(format!("no step is named `{name}`"));
        let number = |text: &str| text.parse::<u32>().map_err(|_| absent());
        match name.split_once('/') {
            None if name == "inputs" => Ok(Self::Inputs),
            None if name == "attributes" => Ok(Self::Attributes),
            None if name == "generator" => Ok(Self::Generator),
            None if name == "evaluation" => Ok(Self::Evaluation),
            None if name == "unregularised" => Ok(Self::Unregularised),
            None if name == "fidelity" => Ok(Self::Fidelity),
            None if name == "blind" => Ok(Self::Blind),
            Some(("fit", "target")) => Ok(Self::Fit(Fit::Target)),
            Some(("fit", model)) => number(model).map(|model| Self::Fit(Fit::Reference(model))),
            Some(("outputs", "target")) => Ok(Self::Outputs(0)),
            Some(("outputs", model)) => number(model).map(|model| Self::Outputs(model.saturating_add(1))),
            Some(("signals", signal)) => Ok(Self::Signals(signal.parse().map_err(EngineError::Data)?)),
            Some(("attribute", name)) => Ok(Self::Attribute(test(name))),
            Some(("imputation", name)) => Ok(Self::Imputation(test(name))),
            Some(("candidates", rest)) => match rest.split_once('/') {
                Some((name, "target")) => Ok(Self::Candidates(test(name), 0)),
                Some((name, model)) => Ok(Self::Candidates(test(name), number(model)?.saturating_add(1))),
                None => Err(absent()),
            },
            Some(("candidate-signals", rest)) => {
                let (name, signal) = rest.split_once('/').ok_or_else(absent)?;
                Ok(Self::CandidateSignals(test(name), signal.parse().map_err(EngineError::Data)?))
            }
            Some(("groups", id)) => Ok(Self::Groups(test(id))),
            Some(("attack", id)) => Ok(Self::Attack(test(id))),
            Some(("unrelated", id)) => Ok(Self::Unrelated(test(id))),
            Some(("judge", id)) => Ok(Self::Judge(test(id))),
            _ => Err(absent()),
        }
    }
}

/// A step with the key of its result and the steps that must be finished first.
#[derive(Debug, Clone)]
pub(crate) struct Keyed {
    pub(crate) step: Step,
    pub(crate) key: String,
    pub(crate) after: Vec<Step>,
}

/// The key of a result: a digest of everything that decides it.
pub(crate) fn key(parts: &[&str]) -> String {
    let mut hasher = blake3::Hasher::new();
    for part in parts {
        // Lengths keep ("ab", "c") and ("a", "bc") apart.
        hasher.update(&(part.len() as u64).to_le_bytes());
        hasher.update(part.as_bytes());
    }
    hasher.finalize().to_hex()[..40].to_owned()
}
