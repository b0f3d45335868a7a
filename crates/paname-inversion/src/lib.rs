//! Model inversion.
#![forbid(unsafe_code)]
pub mod constraint;
pub mod objective;
pub mod regulariser;
pub mod step;
