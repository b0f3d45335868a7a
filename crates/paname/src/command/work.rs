//! `paname work`: one step of an audit in a process of its own. Its output belongs to the protocol between engine and worker.

use std::path::Path;

use crate::failure::Failure;
use crate::{interrupt, registry};

pub(super) fn work(run: &Path, step: &str) -> Result<(), Failure> {
    interrupt::leave_to_the_engine()?;
    Ok(paname_engine::work(run, step, registry::with_exactly)?)
}
