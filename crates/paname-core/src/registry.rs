//! The attacks and adapters that an audit can name.

use std::collections::BTreeMap;

use crate::{AdapterEntry, Entry, Error, Result};

/// Attacks and adapters by name, each with the name of where it comes from. Linked lists and loaded plugins meet here.
#[derive(Clone, Default)]
pub struct Registry {
    attacks: BTreeMap<&'static str, (Entry, String)>,
    adapters: BTreeMap<&'static str, (AdapterEntry, String)>,
}

impl Registry {
    /// Adds a list of attacks. A name that is already there is an error that names both origins.
    pub fn add_attacks(&mut self, entries: &[Entry], origin: &str) -> Result<()> {
        for entry in entries {
            add(&mut self.attacks, "attack", entry.info.name, *entry, origin)?;
        }
        Ok(())
    }

    /// Adds a list of adapters, as [`Registry::add_attacks`] does.
    pub fn add_adapters(&mut self, entries: &[AdapterEntry], origin: &str) -> Result<()> {
        for entry in entries {
            add(&mut self.adapters, "adapter", entry.info.name, *entry, origin)?;
        }
        Ok(())
    }

    /// The attack of this name; the error lists the names that are close, or all.
    pub fn attack(&self, name: &str) -> Result<&Entry> {
        self.attacks
            .get(name)
            .map(|(entry, _)| entry)
            .ok_or_else(|| unknown("attack", name, self.attacks.keys()))
    }

    /// The adapter of this name.
    pub fn adapter(&self, name: &str) -> Result<&AdapterEntry> {
        self.adapters
            .get(name)
            .map(|(entry, _)| entry)
            .ok_or_else(|| unknown("adapter", name, self.adapters.keys()))
    }

    /// Every attack with its origin, by name.
    pub fn attacks(&self) -> impl Iterator<Item = (&Entry, &str)> {
        self.attacks.values().map(|(entry, origin)| (entry, origin.as_str()))
    }

    /// Every adapter with its origin, by name.
    pub fn adapters(&self) -> impl Iterator<Item = (&AdapterEntry, &str)> {
        self.adapters.values().map(|(entry, origin)| (entry, origin.as_str()))
    }
}

fn add<T>(
    rows: &mut BTreeMap<&'static str, (T, String)>,
    kind: &str,
    name: &'static str,
    entry: T,
    origin: &str,
) -> Result<()> {
    if let Some((_, first)) = rows.get(name) {
        return Err(Error::Config(format!("{kind} `{name}` comes from both {first} and {origin}")));
    }
    rows.insert(name, (entry, origin.to_owned()));
    Ok(())
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a &'static str>) -> Error {
    let known: Vec<&str> = known.copied().collect();
    Error::Config(format!("no {kind} is named `{name}`; there are: {}", known.join(", ")))
}
