//! The attacks and adapters that an audit can name.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use serde_json::Value;

use crate::attack::InnerAttack;
use crate::{AdapterEntry, Case, CaseSize, Ctx, DynAttack, Entry, Error, Family, Findings, Needs, Result};

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

    /// Fills in the defaults of an attack and replaces choices left open, those of the attack that it runs too, as a case of this size calls for; see
    /// [`crate::Attack::settle`].
    pub fn settle(&self, name: &str, config: Value, size: &CaseSize) -> Result<Value> {
        let entry = self.attack(name)?;
        let config = entry.settle(config, size)?;
        let Some(InnerAttack { attack, parameters, .. }) = entry.through(config.clone(), None)? else {
            return Ok(config);
        };
        let settled = self.attack(&attack)?.settle(Value::Object(parameters), &size.for_candidate())?;
        let Value::Object(settled) = settled else {
            return Err(Error::mismatch(format!("parameters of `{attack}`"), "an object", "another value"));
        };
        Ok(entry.through(config, Some(settled))?.map_or(Value::Null, |named| named.config))
    }

    /// The attack that one with these parameters runs for each candidate of an attribute, and its parameters; see [`crate::Attack::through`].
    pub fn through(&self, name: &str, config: Value) -> Result<Option<(&Entry, &Origin, Value)>> {
        let Some(named) = self.attack(name)?.through(config, None)? else { return Ok(None) };
        let (entry, origin) = self.attack_of(&named.attack)?;
        Ok(Some((entry, origin, Value::Object(named.parameters))))
    }

    /// Checks the parameters of an attack and builds it. Where it goes through another attack, it needs what that needs besides, and one is refused that cannot be
    /// run where the records' values are not known.
    pub fn build(&self, name: &str, config: Value) -> Result<Box<dyn DynAttack>> {
        let attack = self.attack(name)?.build(config.clone())?;
        let Some((entry, _, parameters)) = self.through(name, config)? else { return Ok(attack) };
        let inner = entry.build(parameters).map_err(|error| match error {
            Error::Config(problem) => {
                Error::Config(format!("attack `{}` within: {problem}", entry.info.name))
            }
            other => other,
        })?;
        if let Some(why) = obstacle(entry.info.family, &inner.needs(1)?) {
            return Err(Error::Config(format!("attack `{}` {why}", entry.info.name)));
        }
        Ok(Box::new(Going { attack, inner }))
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

/// Why an attack cannot be run for each candidate of an attribute.
fn obstacle(family: Family, needs: &Needs) -> Option<&'static str> {
    let reasons = [
        (family != Family::MembershipInference, "is no membership attack, which is what is gone through"),
        (needs.groups.is_some(), "judges groups of records, and here each is judged"),
        (
            needs.in_out_min.0 > 0,
            "compares with models that were fitted with the record, and those were fitted with its true value; expected one that does without, \
             such as by `mode` \"offline\"",
        ),
        (
            needs.own_records,
            "learns from what models say of records that they were fitted with, and those were fitted with the true value",
        ),
        (needs.fits > 0, "has models fitted on the records, and those would know the true value"),
        (needs.generator.is_some(), "searches among what a generator makes, and here records are given"),
        (
            needs.signals.iter().any(|signal| signal.augmentations_min() > 1),
            "compares variants of a record, and here each candidate is a record",
        ),
    ];
    reasons.into_iter().find_map(|(holds, why)| holds.then_some(why))
}

/// An attack that runs another one.
struct Going {
    attack: Box<dyn DynAttack>,
    inner: Box<dyn DynAttack>,
}

impl DynAttack for Going {
    fn needs(&self, records: usize) -> Result<Needs> {
        Ok(self.attack.needs(records)?.and(self.inner.needs(records)?))
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        self.needs(case.audited().len())?.check(case)?;
        self.attack.run(case, ctx)
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
