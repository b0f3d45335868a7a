//! Attribute inference: does the model give away what this person never told? One attack a file, whose head is its manual page, and one list,
//! [`ATTACKS`], from which listings, schemas, documentation and tests follow.

#![forbid(unsafe_code)]

use paname_core::Entry;

/// Every attack of this crate.
pub const ATTACKS: &[Entry] = &[];
