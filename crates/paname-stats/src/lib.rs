//! Exact statistics for privacy audits: the figures, intervals, tests and power behind a membership verdict. Scores are
//! `f64`, higher means more member-like, `NaN` is refused; counts are `u64`; every interval says its confidence. Nothing
//! here interpolates between ROC points, prints a rate that the sample cannot resolve, or does I/O; every function is
//! deterministic, and those that draw random numbers take a seed.
//!
//! ```
//! use paname_stats::{Roc, binomial, delong, level};
//!
//! let members: Vec<f64> = (0..500).map(|i| f64::from(i) + 100.0).collect();
//! let non_members: Vec<f64> = (0..500).map(f64::from).collect();
//! let roc = Roc::new(&members, &non_members)?;
//! let auc = delong::auc_interval(&roc, 0.95)?;
//! assert!(auc.interval.lower > 0.5);
//!
//! // The true positive rate where at most 1 % of the non-members are flagged, with its exact conservative interval.
//! let point = level::tpr_at_level(&roc, 0.01, 0.95)?;
//! assert_eq!((point.vertex.tp, point.vertex.fp), (105, 5));
//!
//! // 500 non-members cannot resolve 0.1 %: 2 995 are needed, and the figure is refused.
//! assert!(level::tpr_at_level(&roc, 0.001, 0.95).is_err());
//!
//! // None of 100 attempts succeeded: the rate may still be 3 %.
//! assert!(binomial::clopper_pearson_upper(0, 100, 0.05)? > 0.029);
//! # Ok::<(), paname_stats::Error>(())
//! ```

pub mod rank_sum;
pub mod roc;

pub mod delong;

pub mod binomial;
pub mod interval;

pub mod level;

pub mod band;
pub mod blind;
pub mod bootstrap;
pub mod histogram;
pub mod person;
pub mod procedure;

pub mod conformal;
pub mod multiple;
pub mod power;
pub mod precision;
pub mod share;
pub mod unrelated;

pub mod dose;
pub mod equivalence;
pub mod evalue;

pub mod guesses;

pub mod difference;
pub mod discovery;
pub mod permutation;

pub mod epsilon;
pub mod gaussian;
pub mod one_run;

mod argument;
mod beta;
mod error;
mod normal;
mod student;

pub use error::{Error, Result};
pub use interval::{Interval, Rate};
pub use roc::{Roc, Vertex};
