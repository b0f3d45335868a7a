//! Attacks and models that are programs in any language. The attack `command` writes the signals of a case into an npz archive, starts a program,
//! and reads one score per record; the adapter `command` has a program answer questions about records, or fit models. A program sees what an
//! attack in Rust sees, never the truth; it is started without a shell and with few environment variables, and neither it nor what it has
//! started outlives the run. The formats are told in `docs/command.md`.
//!
//! ```
//! use paname_core::Ctx;
//! use paname_testkit::{Behaviour, Size, Toy};
//!
//! let script = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/command/score.py");
//! let attack = paname_command::ATTACKS[0].build(serde_json::json!({
//!     "program": ["python3", script], "signals": ["scaled-confidence"], "references-min": 2,
//! }))?;
//! let toy = Toy::new(Behaviour::Memorising, Size { records: 50, ..Size::default() }, 1);
//! let scores = attack.run(&toy.case()?, &Ctx::new(1, "command", 1, &()))?.membership(50)?;
//! assert!(scores.iter().zip(toy.truth()).all(|(score, member)| (*score > 15.0) == *member));
//! # Ok::<(), paname_core::Error>(())
//! ```

#![forbid(unsafe_code)]

use paname_core::{AdapterEntry, Entry};

pub mod attack;
pub mod model;

mod answers;
mod archive;
mod files;
mod folder;
mod group;
mod member;
mod process;
mod program;
mod scores;
mod training;

/// The attacks of this crate.
pub const ATTACKS: &[Entry] = &[Entry::of::<attack::Command>()];

/// The adapters of this crate.
pub const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<model::CommandModel>()];
