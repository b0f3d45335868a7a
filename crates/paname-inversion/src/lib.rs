//! Model inversion: what does a member of a class look like to the model? One attack a file, whose head is its manual page, and one list, [`ATTACKS`],
//! from which listings, schemas, documentation and tests follow. Attacks see classes and bounds of inputs, rebuild one input per class and start, and
//! say nothing of likeness: whether a person or an average was rebuilt is judged elsewhere.
//!
//! Those that search inputs themselves ([`miface`], [`ascent`]) find what the model is sure of; those that search the latent variables of a generator
//! ([`gmi`], [`ppa`], [`lomma`], [`latent_cma_es`], [`brep`]) find it among what looks like an input. See [`Prior`].
//!
//! What they are made of stands apart, to be combined by others: objectives ([`objective`]), penalties ([`regulariser`]), rules of steps ([`step`]),
//! constraints ([`constraint`]), and gradients where a model gives none ([`estimated`]).
//!
//! ```
//! use paname_inversion::objective::{Answers, Objective};
//!
//! let logits = [0.0, 0.0, 3.0, 1.0];
//! let valued = Objective::MaxMargin.batch(&logits, Answers::Logits, 2, &[0, 0])?;
//! assert_eq!(valued.values, [0.0, -2.0]);
//! assert_eq!(valued.cotangents, [-1.0, 1.0, -1.0, 1.0]);
//! # Ok::<(), paname_core::Error>(())
//! ```

#![forbid(unsafe_code)]

use paname_core::Entry;

pub mod ascent;
pub mod brep;
pub mod gmi;
pub mod latent_cma_es;
pub mod lomma;
pub mod miface;
pub mod ppa;
pub mod tokens;

pub mod constraint;
pub mod estimated;
pub mod objective;
pub mod regulariser;
pub mod step;

mod asking;
mod climb;
mod composed;
mod evolution;
mod latent;
mod moments;
mod prior;
mod random;
mod space;
mod students;
mod vae;
mod view;

pub use asking::{Gradient, Wanted};
pub use prior::{Prior, Source};
pub use space::{Axes, Begin, Bound, Inputs};

/// Every attack of this crate, the oldest first.
pub const ATTACKS: &[Entry] = &[
    Entry::of::<latent_cma_es::LatentCmaEs>(),
    Entry::of::<miface::Miface>(),
    Entry::of::<tokens::TokenAscent>(),
    Entry::of::<gmi::Gmi>(),
    Entry::of::<ascent::RegularisedAscent>(),
    Entry::of::<brep::Brep>(),
    Entry::of::<ppa::Ppa>(),
    Entry::of::<lomma::Lomma>(),
];

#[cfg(test)]
mod latent_tests;
#[cfg(test)]
mod testing;
#[cfg(test)]
mod tests;
