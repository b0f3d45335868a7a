//! Signals that an attack takes together as the features of a record, named in its parameters: a list of names, or `auto` alone.

use paname_core::{CaseSize, Error, Result, Signal, Task};

/// Stands for the signals that the task calls for.
const AUTO: &str = "auto";

/// The names where none are given.
pub(crate) fn auto() -> Vec<String> {
    vec![AUTO.into()]
}

/// The named signals; `own` are those of the attack in classification, for which `auto` stands until it is settled.
pub(crate) fn signals(names: &[String], own: &[Signal]) -> Result<Vec<Signal>> {
    let named = |name: &String| name.parse().map_err(|error| Error::Config(format!("`features`: {error}")));
    let signals =
        if names == [AUTO] { own.to_vec() } else { names.iter().map(named).collect::<Result<_>>()? };
    if signals.is_empty() {
        return Err(Error::Config("`features` must name at least one signal".into()));
    }
    Ok(signals)
}

/// The names in a case: for `auto`, the attack's `own` in classification and the statistic of the task elsewhere.
pub(crate) fn settled(names: Vec<String>, own: &[Signal], size: &CaseSize) -> Vec<String> {
    if names != [AUTO] {
        return names;
    }
    let statistic = [size.statistic()];
    let signals = if size.task == Task::Classification { own } else { &statistic };
    signals.iter().map(Signal::to_string).collect()
}
