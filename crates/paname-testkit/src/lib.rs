//! Toy targets and the laws that every attack and every adapter passes. A toy is a whole audit made from a seed: records, a target with
//! reference models, their logits, and the truth that an attack must not see. The laws run over a row of a list, so that an attack written by
//! anyone is judged like ours: a test of one line. Failures panic with the name of the attack and of the law.
//!
//! ```
//! use paname_core::{Ctx, Whom, Signal};
//! use paname_testkit::{Behaviour, Size, Toy};
//!
//! let toy = Toy::new(Behaviour::Memorising, Size { records: 100, ..Size::default() }, 7);
//! let case = toy.case()?;
//! let losses = case.map_records(Whom::Audited, &[Signal::Loss], &Ctx::new(7, "doc", 1, &()), |record| {
//!     Ok(record.target(0)[0])
//! })?;
//! let right = losses.iter().zip(toy.truth()).filter(|(loss, member)| (**loss < 1e-6) == **member).count();
//! assert!(right > 95);
//! # Ok::<(), paname_core::Error>(())
//! ```

mod adapter_laws;
mod attack_laws;
mod attribute_laws;
mod attribute_toy;
mod blindness;
mod chance;
mod inversion_laws;
mod inversion_toy;
mod killing;
mod plugin;
mod recorded;
mod signals;
mod student;
mod target_laws;
mod tasks;
mod text_toy;
mod toy;

pub use adapter_laws::{Trial, TrialFit, check_adapter, check_same_adapter};
pub use attack_laws::{check_attack, check_attack_with, check_described, check_same_attack};
pub use attribute_laws::LossOracle;
pub use attribute_toy::{AttributeSize, AttributeToy};
pub use blindness::check_blind;
pub use chance::{chance_bound, tail_probability};
pub use inversion_toy::InversionToy;
#[cfg(target_os = "linux")]
pub use killing::kill_while_fitting;
pub use killing::{Sealed, finished_fits, sealed};
pub use plugin::{check_plugin, check_plugin_adapter, check_plugin_with, load_plugin, plugin_library};
pub use recorded::{Draws, write_npy};
pub use signals::{LogitTable, TableSignals};
pub use student::Students;
pub use target_laws::check_target;
pub use tasks::{AnsweredSignals, TaskToy, check_attack_in_task, check_attack_refuses_task};
pub use toy::{Behaviour, Silent, Size, TableCase, Toy, WIDTH};
