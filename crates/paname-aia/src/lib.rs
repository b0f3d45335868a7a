//! Attribute inference: does the model give away what this person never told? One attack a file, whose head is its manual page, and one list,
//! [`ATTACKS`], from which listings, schemas, documentation and tests follow. Attacks put the records to the model with each value that comes into
//! question, never see which one is true of an audited record, and return a score for each record and value; the highest is the guess. Exponentials and
//! logarithms are the same on every processor, and no score depends on the order of the records or on the number of threads.
//!
//! ```
//! use paname_core::Ctx;
//! use paname_testkit::{AttributeSize, AttributeToy, Behaviour};
//!
//! let toy = AttributeToy::new(Behaviour::Memorising, AttributeSize::default(), 1);
//! let csmia = paname_aia::ATTACKS.iter().find(|entry| entry.info.name == "csmia").unwrap();
//! let case = toy.case()?;
//! let findings = csmia.build(serde_json::Value::Null)?.run(&case, &Ctx::new(1, "csmia", 2, &()))?;
//! let scores = findings.attribute(toy.truth().len(), case.attribute()?.candidates.len())?;
//! assert!(toy.advantage(&scores, toy.truth()) > 10.0);
//! # Ok::<(), paname_core::Error>(())
//! ```

#![forbid(unsafe_code)]

use paname_core::Entry;

pub mod imputation;

pub mod bb_ip;
pub mod confidence;
pub mod csmia;
pub mod fredrikson;
pub mod lomia;
pub mod meta_model;
pub mod yeom;

pub mod counterfactual;
pub mod through_membership;

pub mod neuron_outputs;

pub mod learner;
pub mod sweep;

mod asking;

/// Every attack of this crate, the one that asks nothing first, those that look inside the model last.
pub const ATTACKS: &[Entry] = &[
    Entry::of::<imputation::Imputation>(),
    Entry::of::<confidence::Confidence>(),
    Entry::of::<fredrikson::Fredrikson>(),
    Entry::of::<yeom::Yeom>(),
    Entry::of::<csmia::Csmia>(),
    Entry::of::<lomia::Lomia>(),
    Entry::of::<bb_ip::BbIp>(),
    Entry::of::<meta_model::MetaModel>(),
    Entry::of::<counterfactual::Counterfactual>(),
    Entry::of::<through_membership::ThroughMembership>(),
    Entry::of::<neuron_outputs::NeuronOutputs>(),
];

#[cfg(test)]
mod testing {
    /// The guess: the first of the highest scores.
    pub(crate) fn best(scores: &[f64]) -> usize {
        (1..scores.len()).fold(0, |best, v| if scores[v] > scores[best] { v } else { best })
    }
}
