//! From an audit file to evidence: manifest, plan, steps in a content-addressed store, worker processes, and the judgement that joins the truth
//! to the findings.
//!
//! ```no_run
//! use std::path::Path;
//! use paname_engine::{Manifest, RunOptions, run};
//!
//! let mut registry = paname_core::Registry::default();
//! registry.add_adapters(paname_data::ADAPTERS, "paname-data")?;
//! let manifest = Manifest::read(Path::new("audit.toml"))?;
//! let options = RunOptions { run_dir: "audit.run".into(), workers: 2, worker: None, patience: None };
//! let outcome = run(&manifest, &registry, &options, &())?;
//! println!("{:?}", outcome.evidence.verdict());
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod assemble;
mod attacking;
mod attributes;
mod balance;
mod blind;
mod canaries;
mod combine;
mod error;
mod features;
mod fidelity;
mod fits;
mod gap;
mod groups;
mod inputs;
mod inversions;
mod judge;
mod manifest;
mod outputs;
mod plan;
mod plugins;
mod process;
mod run;
mod score;
mod signals;
mod signs;
mod step;
mod store;
mod texts;
mod verify;
mod work;

pub use assemble::write_evidence;
pub use canaries::{Canaries, Commitment, candidates, committed, largest_epsilon};
pub use combine::{Combination, CombinedTest, combine};
pub use error::{EXIT_CODES, EngineError};
pub use manifest::*;
pub use plan::{Plan, PlannedEpsilon, PlannedRow, plan};
pub use run::{Outcome, RunOptions, Watch, run, seal_reports};
pub use score::{ScoreOptions, Scored, score};
pub use signs::{DuplicatesSign, LossSign, ParametersSign, RateSign, Rating, Signs, signs};
pub use verify::{RunVerification, Verification, verify};
pub use work::work;
