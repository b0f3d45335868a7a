//! Bad input: each kind has one clear message that names the file, the place in it and what was expected, an exit code of its kind, and costs
//! nothing that was finished before.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod audit;

mod arrays;
mod manifests;
mod places;
mod rows;
mod scores;
mod shown;
mod tables;
