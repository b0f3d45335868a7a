//! Membership inference: was this record in the training set? One attack a file, whose head is its manual page, and one list,
//! [`ATTACKS`], from which listings, schemas, documentation and tests follow. Attacks read signals, know which records each reference model
//! was fitted on, and return one score per audited record, or per group of them, higher for members; they see no truth, compute no statistics, and do no input or
//! output. Statistics over reference models are taken in double precision, and no score depends on the order of the records or on the
//! number of threads.
//!
//! ```
//! use paname_core::Ctx;
//! use paname_testkit::{Behaviour, Size, Toy};
//!
//! let toy = Toy::new(Behaviour::Memorising, Size::default(), 1);
//! let lira = paname_mia::ATTACKS.iter().find(|entry| entry.info.name == "lira").unwrap();
//! let attack = lira.build(serde_json::json!({ "variance": "shrunk" }))?;
//! let scores = attack.run(&toy.case()?, &Ctx::new(1, "lira", 2, &()))?.membership(toy.truth().len())?;
//! assert!(scores.iter().zip(toy.truth()).all(|(score, member)| (*score > 0.0) == *member));
//! # Ok::<(), paname_core::Error>(())
//! ```

#![forbid(unsafe_code)]

use paname_core::Entry;

pub mod confidence;
pub mod entropy;
pub mod gap;
pub mod loss;
pub mod margin;
pub mod modified_entropy;

pub mod per_class;
pub mod population;
pub mod quantile;

pub mod ml_leaks;
pub mod shadow_classifier;

pub mod calibration;
pub mod reference;

pub mod base;
pub mod bavaria;
pub mod lira;
pub mod rmia;

pub mod ensemble;
pub mod ramia;

pub mod dataset_inference;
pub mod dataset_usage;

pub mod ladder;
pub mod references;
pub mod rehearsal;
pub mod single;
pub mod statistic;

pub mod augmentation_vote;
pub mod boundary_distance;

pub mod loss_trajectory;

pub mod input_gradient_norm;
pub mod last_layer_gradient_norm;
pub mod white_box_classifier;

pub mod asking;

mod features;
mod joint;
mod lessons;
mod members;
mod network;
mod random_units;
mod view;

/// Every attack of this crate, the cheap ones first.
pub const ATTACKS: &[Entry] = &[
    Entry::of::<confidence::Confidence>(),
    Entry::of::<loss::Loss>(),
    Entry::of::<entropy::Entropy>(),
    Entry::of::<modified_entropy::ModifiedEntropy>(),
    Entry::of::<margin::Margin>(),
    Entry::of::<gap::Gap>(),
    Entry::of::<population::Population>(),
    Entry::of::<per_class::PerClass>(),
    Entry::of::<quantile::Quantile>(),
    Entry::of::<shadow_classifier::ShadowClassifier>(),
    Entry::of::<ml_leaks::MlLeaks>(),
    Entry::of::<calibration::Calibration>(),
    Entry::of::<reference::Reference>(),
    Entry::of::<lira::Lira>(),
    Entry::of::<rmia::Rmia>(),
    Entry::of::<base::Base>(),
    Entry::of::<loss_trajectory::LossTrajectory>(),
    Entry::of::<augmentation_vote::AugmentationVote>(),
    Entry::of::<boundary_distance::BoundaryDistance>(),
    Entry::of::<last_layer_gradient_norm::LastLayerGradientNorm>(),
    Entry::of::<input_gradient_norm::InputGradientNorm>(),
    Entry::of::<white_box_classifier::WhiteBoxClassifier>(),
    Entry::of::<bavaria::Bavaria>(),
    Entry::of::<ramia::Ramia>(),
    Entry::of::<ensemble::Ensemble>(),
    Entry::of::<dataset_inference::DatasetInference>(),
    Entry::of::<dataset_usage::DatasetUsage>(),
];
