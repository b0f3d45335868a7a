//! Attacks that run others of this crate: how those are named, built and settled.

use paname_core::{CaseSize, DynAttack, Entry, Error, Result};
use serde_json::{Map, Value};

use crate::ATTACKS;

/// Attacks that run others or judge groups of records, and are not run by others.
const COMPOSED: [&str; 4] = ["ensemble", "ramia", "dataset-inference", "dataset-usage"];

/// The row of an attack that may be run within another. `place` is the parameter that names it.
pub(crate) fn entry(place: &str, name: &str) -> Result<&'static Entry> {
    if COMPOSED.contains(&name) {
        return Err(Error::Config(format!(
            "`{place}`: `{name}` runs other attacks or judges groups of records, and cannot run within another"
        )));
    }
    ATTACKS.iter().find(|entry| entry.info.name == name).ok_or_else(|| {
        let known: Vec<&str> =
            ATTACKS.iter().map(|entry| entry.info.name).filter(|name| !COMPOSED.contains(name)).collect();
        Error::Config(format!("`{place}`: no attack `{name}`; expected one of {}", known.join(", ")))
    })
}

/// Builds an attack with these parameters.
pub(crate) fn build(place: &str, name: &str, config: &Map<String, Value>) -> Result<Box<dyn DynAttack>> {
    entry(place, name)?.build(Value::Object(config.clone())).map_err(|error| match error {
        Error::Config(text) => Error::Config(format!("`{place}`: `{name}`: {text}")),
        other => other,
    })
}

/// All parameters of an attack, settled; as they are where they are wrong, which building says.
pub(crate) fn settle(name: &str, config: &Map<String, Value>, size: &CaseSize) -> Map<String, Value> {
    let settled = entry("", name).and_then(|entry| entry.settle(Value::Object(config.clone()), size));
    match settled {
        Ok(Value::Object(settled)) => settled,
        _ => config.clone(),
    }
}
