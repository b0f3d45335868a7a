//! The attacks and adapters that an audit can name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use crate::{AdapterEntry, Entry, Error, Result};

/// A plugin that is loaded: what evidence says of it, and where it was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PluginOrigin {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
    /// SHA-256 of its library, hexadecimal.
    pub sha256: String,
    /// The folder with its description.
    pub folder: PathBuf,
}

/// Where an attack or adapter comes from.
#[derive(Debug, Clone)]
pub enum Origin {
    /// A crate that this program is linked with.
    Linked(String),
    /// A plugin.
    Plugin(Arc<PluginOrigin>),
}

impl Origin {
    /// The plugin, where it is one.
    pub fn plugin(&self) -> Option<&PluginOrigin> {
        match self {
            Self::Linked(_) => None,
            Self::Plugin(plugin) => Some(plugin),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Linked(name) => f.write_str(name),
            Self::Plugin(plugin) => write!(f, "plugin {} {}", plugin.name, plugin.version),
        }
    }
}

/// Attacks and adapters by name, each with where it comes from. Linked lists and loaded plugins meet here.
#[derive(Clone, Default)]
pub struct Registry {
    attacks: BTreeMap<&'static str, (Entry, Origin)>,
    adapters: BTreeMap<&'static str, (AdapterEntry, Origin)>,
}

impl Registry {
    /// Adds the list of a linked crate. A name that is already there is an error that names both origins.
    pub fn add_attacks(&mut self, entries: &[Entry], crate_name: &str) -> Result<()> {
        self.add(entries, &[], &Origin::Linked(crate_name.to_owned()))
    }

    /// Adds a list of adapters, as [`Registry::add_attacks`] does.
    pub fn add_adapters(&mut self, entries: &[AdapterEntry], crate_name: &str) -> Result<()> {
        self.add(&[], entries, &Origin::Linked(crate_name.to_owned()))
    }

    /// Adds the lists of a loaded plugin, in the same way.
    pub fn add_plugin(
        &mut self,
        plugin: PluginOrigin,
        attacks: &[Entry],
        adapters: &[AdapterEntry],
    ) -> Result<()> {
        self.add(attacks, adapters, &Origin::Plugin(Arc::new(plugin)))
    }

    fn add(&mut self, attacks: &[Entry], adapters: &[AdapterEntry], origin: &Origin) -> Result<()> {
        for entry in attacks {
            add(&mut self.attacks, "attack", entry.info.name, *entry, origin)?;
        }
        for entry in adapters {
            add(&mut self.adapters, "adapter", entry.info.name, *entry, origin)?;
        }
        Ok(())
    }

    /// The attack of this name; the error lists the names that are there.
    pub fn attack(&self, name: &str) -> Result<&Entry> {
        self.attack_of(name).map(|(entry, _)| entry)
    }

    /// The attack of this name and where it comes from.
    pub fn attack_of(&self, name: &str) -> Result<(&Entry, &Origin)> {
        let found = self.attacks.get(name).map(|(entry, origin)| (entry, origin));
        found.ok_or_else(|| unknown("attack", name, self.attacks.keys()))
    }

    /// The adapter of this name.
    pub fn adapter(&self, name: &str) -> Result<&AdapterEntry> {
        self.adapter_of(name).map(|(entry, _)| entry)
    }

    /// The adapter of this name and where it comes from.
    pub fn adapter_of(&self, name: &str) -> Result<(&AdapterEntry, &Origin)> {
        let found = self.adapters.get(name).map(|(entry, origin)| (entry, origin));
        found.ok_or_else(|| unknown("adapter", name, self.adapters.keys()))
    }

    /// Every attack with its origin, by name.
    pub fn attacks(&self) -> impl Iterator<Item = (&Entry, &Origin)> {
        self.attacks.values().map(|(entry, origin)| (entry, origin))
    }

    /// Every adapter with its origin, by name.
    pub fn adapters(&self) -> impl Iterator<Item = (&AdapterEntry, &Origin)> {
        self.adapters.values().map(|(entry, origin)| (entry, origin))
    }
}

fn add<T>(
    rows: &mut BTreeMap<&'static str, (T, Origin)>,
    kind: &str,
    name: &'static str,
    entry: T,
    origin: &Origin,
) -> Result<()> {
    if let Some((_, first)) = rows.get(name) {
        return Err(Error::Config(format!("{kind} `{name}` comes from both {first} and {origin}")));
    }
    rows.insert(name, (entry, origin.clone()));
    Ok(())
}

fn unknown<'a>(kind: &str, name: &str, known: impl Iterator<Item = &'a &'static str>) -> Error {
    let known: Vec<&str> = known.copied().collect();
    Error::Config(format!("no {kind} is named `{name}`; there are: {}", known.join(", ")))
}
