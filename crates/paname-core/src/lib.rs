//! The words and contracts of PANAME. An *audit* asks a *target* model about *records*; *attacks* turn the answers into *findings*. This crate
//! says what those are, without input or output, and without statistics: the engine, which alone knows who was in the training set, joins the
//! truth to the findings.
//!
//! A whole attack fits on a screen:
//!
//! ```
//! use paname_core::{Attack, Case, Ctx, Family, Findings, Info, Needs, Result, Signal, Whom};
//!
//! /// Members are fitted better: minus the loss is the score.
//! struct SmallLoss;
//!
//! #[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Config {}
//!
//! impl Attack for SmallLoss {
//!     const INFO: Info = Info {
//!         name: "small-loss",
//!         version: 1,
//!         family: Family::MembershipInference,
//!         title_fr: "Petite perte",
//!         title_en: "Small loss",
//!         summary_fr: "Le modèle se trompe moins sur les données apprises.",
//!         summary_en: "The model errs less on data that it was trained on.",
//!         formula: "−loss",
//!         paper: "Yeom et al. 2018, arXiv 1709.01604",
//!         source: "//! Idea: …",
//!     };
//!     type Config = Config;
//!
//!     fn new(_: Config) -> Result<Self> {
//!         Ok(Self)
//!     }
//!
//!     fn needs(&self, _records: usize) -> Needs {
//!         Needs { signals: vec![Signal::Loss], ..Needs::default() }
//!     }
//!
//!     fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
//!         let scores =
//!             case.map_records(Whom::Audited, &[Signal::Loss], ctx, |record| Ok(-f64::from(record.target(0)[0])))?;
//!         Ok(Findings::Membership(scores))
//!     }
//! }
//!
//! const ATTACKS: &[paname_core::Entry] = &[paname_core::Entry::of::<SmallLoss>()];
//! assert_eq!(ATTACKS[0].info.manual(), "Idea: …");
//! ```

pub mod abi;
mod access;
mod adapter;
#[doc(hidden)]
pub mod arrow;
mod attack;
mod attribute;
mod case;
mod ctx;
pub mod dlpack;
mod error;
mod findings;
pub mod kernel;
mod meter;
mod panic;
mod pieces;
mod query;
mod recipe;
mod record;
mod registry;
mod shared;
mod signal;
mod table;
mod target;
mod tensor;

pub use abi::{NO_ADAPTERS, NO_ATTACKS};
pub use access::{ACCESS_NAMES, Access};
pub use adapter::{
    Adapter, AdapterEntry, AdapterInfo, Checkpoint, Features, FitRun, Fitted, Records, Reference, Setting,
};
pub use attack::{Attack, CaseSize, DynAttack, Entry, Family, Grouping, Info, Needs, Through};
pub use attribute::{Attribute, Scale};
pub use case::{Case, CaseParts, Generator, RecordSignals, SignalChunk};
pub use ctx::{Ctx, Host, Within};
pub use error::{Error, Result};
pub use findings::{Ending, Extraction, Findings, Reconstruction};
pub use meter::{Metered, Recorded};
pub use panic::catch;
pub use pieces::map_pieces;
pub use query::{Augmentation, Input, MOMENTS, Named, Outputs, Query, Sampling};
pub use recipe::{EarlyStop, Objective, Optimizer, Recipe, Schedule, Transformation};
pub use record::{Cohort, Labels, Membership, MembershipRow, Roster, Whom};
pub use registry::{Origin, PluginOrigin, Registry};
pub use shared::{Indices, Shared};
pub use signal::{DirectSignals, Signal, SignalSource};
pub use table::{Column, Table, Values};
pub use target::{Pullback, Target, TargetCard, Task, View};
pub use tensor::{Buffer, DType, Device, Element, Memory, Tensor};
