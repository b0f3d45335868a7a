//! Canaries: records of which a fair coin each decided, before training, whether the model learns them. Coins are what turns scores into a bound on
//! the ε of differential privacy (`judge/epsilon.rs`); members that came about in any other way give none.
//!
//! The coins are kept with a random salt. What is published before training is the digest of both together: it gives no coin away, and no other
//! coins can be made to fit it afterwards.

use std::collections::{HashMap, HashSet};
use std::path::Path;

use paname_core::{Error, Result};
use paname_data::{LabelKind, RecordTable, RecordsConfig};
use paname_evidence::{CanarySummary, canonical_sha256};
use paname_stats::binomial;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::assemble::fill_random;
use crate::judge::{Truth, epsilon};
use crate::manifest::{Manifest, Statistics};
use crate::run::now;

/// Name and version of the format of [`Canaries`].
const CANARIES: &str = "paname-canaries/1";
/// Name and version of the format of [`Commitment`].
const COMMITMENT: &str = "paname-commitment/1";
/// Coins less probable than this were not thrown: they would bound an ε by themselves. An honest draw is refused once in a million times.
const UNFAIR: f64 = 1e-6;

/// Canaries with their coins: a secret until the audit is over, which is why nothing prints it.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Canaries {
    format: String,
    /// Thirty-two random bytes, hexadecimal: without them, coins could be guessed until their digest fits.
    salt: String,
    drawn: Vec<Canary>,
}

/// The records of one canary: one, or all of one person.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Canary {
    records: Vec<String>,
    included: bool,
}

/// What is published before training: it binds to the coins and tells none.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Commitment {
    /// Always `paname-commitment/1`.
    pub format: String,
    /// SHA-256 of the canonical JSON (RFC 8785) of the canaries.
    pub sha256: String,
    /// Number of canaries.
    pub canaries: u64,
    /// When the coins were thrown, UTC, by the clock of who threw them. What proves it is whoever has had the commitment since.
    pub date: String,
    /// Version of the program.
    pub version: String,
}

/// Candidates for canaries: the records of a table (`.csv` or `.npz`), those of one person together where `person` names its column. `id` names the
/// column of the ids, by default `id`. Errors name file and place.
pub fn candidates(
    table: &Path,
    id: Option<&str>,
    person: Option<&str>,
) -> Result<Vec<Vec<String>>, EngineError> {
    let config = RecordsConfig {
        table: Some(table.to_owned()),
        id: id.map(str::to_owned),
        person: person.map(str::to_owned),
        label_kind: LabelKind::None,
        ..RecordsConfig::default()
    };
    let table = RecordTable::read(&config, Path::new(""))?;
    let Some(persons) = table.person.filter(|_| person.is_some()) else {
        return Ok(table.ids.into_iter().map(|id| vec![id]).collect());
    };
    let mut places: HashMap<String, usize> = HashMap::new();
    let mut together: Vec<Vec<String>> = Vec::new();
    for (id, person) in table.ids.into_iter().zip(persons) {
        let place = *places.entry(person).or_insert(together.len());
        if place == together.len() {
            together.push(Vec::new());
        }
        together[place].push(id);
    }
    Ok(together)
}

impl Canaries {
    /// Throws a fair coin for each candidate, with bits of the system's generator. `place` names in errors whence the candidates come.
    pub fn draw(candidates: Vec<Vec<String>>, place: &Path) -> Result<Self, EngineError> {
        let mut salt = [0; 32];
        fill_random(&mut salt)?;
        let mut coins = vec![0_u8; candidates.len().div_ceil(8)];
        fill_random(&mut coins)?;
        let throw = |(i, records)| Canary { records, included: (coins[i / 8] >> (i % 8)) & 1 == 1 };
        let drawn = Self {
            format: CANARIES.to_owned(),
            salt: blake3::Hash::from_bytes(salt).to_hex().to_string(),
            drawn: candidates.into_iter().enumerate().map(throw).collect(),
        };
        drawn.check(place)?;
        Ok(drawn)
    }

    /// How many there are.
    pub fn count(&self) -> u64 {
        self.drawn.len() as u64
    }

    /// The records that belong in the training set. Whoever knows them knows the coins.
    pub fn included(&self) -> impl Iterator<Item = &str> {
        let included = self.drawn.iter().filter(|canary| canary.included);
        included.flat_map(|canary| &canary.records).map(String::as_str)
    }

    /// What to publish before training.
    pub fn commitment(&self) -> Result<Commitment, EngineError> {
        Ok(Commitment {
            format: COMMITMENT.to_owned(),
            sha256: self.digest()?,
            canaries: self.count(),
            date: now(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        })
    }

    fn digest(&self) -> Result<String, EngineError> {
        canonical_sha256(self).map_err(EngineError::other)
    }

    fn check(&self, place: &Path) -> Result<()> {
        let refused = |problem: String| Error::data(place.display(), problem);
        if self.format != CANARIES {
            return Err(refused(format!("its format is {:?}; expected {CANARIES:?}", self.format)));
        }
        if self.drawn.is_empty() {
            return Err(refused("holds no canary; expected at least one".to_owned()));
        }
        let mut seen = HashSet::new();
        for (i, canary) in self.drawn.iter().enumerate() {
            let number = i + 1;
            if canary.records.is_empty() {
                return Err(refused(format!("canary {number} has no record")));
            }
            for id in &canary.records {
                if id.is_empty() || id.contains(char::is_control) {
                    return Err(refused(format!("canary {number}: expected an id that is a line of text")));
                }
                if !seen.insert(id) {
                    return Err(refused(format!("canary {number}: record {id:?} was already given")));
                }
            }
        }
        let included = self.drawn.iter().filter(|canary| canary.included).count() as u64;
        let most = included.max(self.count() - included);
        let tail = binomial::tail_at_least(most, self.count(), 0.5);
        if 2.0 * tail.map_err(|error| Error::Other(error.to_string()))? < UNFAIR {
            return Err(refused(
                "no fair coins fall so unevenly; expected those that `paname canaries make` draws".to_owned(),
            ));
        }
        Ok(())
    }

    /// Which of the audited records are canaries. Fails unless every canary is audited as its coin decided, and is one unit: a record, or all
    /// records of a person. Errors name the file `place`, the canary by its number from 1, and `records`, the table of the audited records.
    fn among(&self, ids: &[String], truth: &Truth, place: &str, records: &str) -> Result<Vec<bool>> {
        let rows: HashMap<&str, usize> = ids.iter().map(String::as_str).zip(0..).collect();
        let mut sizes: HashMap<&str, usize> = HashMap::new();
        for person in truth.person.iter().flatten() {
            *sizes.entry(person).or_default() += 1;
        }
        let mut found = vec![false; ids.len()];
        for (i, canary) in self.drawn.iter().enumerate() {
            let refused = |problem: String| Error::data(place, format!("canary {}: {problem}", i + 1));
            for id in &canary.records {
                let Some(&row) = rows.get(id.as_str()) else {
                    return Err(refused(format!(
                        "record {id:?} is not among the audited records of {records}"
                    )));
                };
                if truth.member[row] != canary.included {
                    // Which of the two it is would be the coin.
                    return Err(refused(format!(
                        "what {records} says of the membership of record {id:?} is not what the coin decided"
                    )));
                }
                found[row] = true;
            }
            match &truth.person {
                None if canary.records.len() > 1 => {
                    return Err(refused(format!(
                        "it is {} records; name the column of their person by `person_id` in [data], since a person is one canary",
                        canary.records.len()
                    )));
                }
                Some(persons) => {
                    let person = |id: &String| persons[rows[id.as_str()]].as_str();
                    let first = person(&canary.records[0]);
                    if canary.records.iter().any(|id| person(id) != first)
                        || sizes[first] != canary.records.len()
                    {
                        return Err(refused(format!(
                            "expected all records that {records} has of one person, and no other"
                        )));
                    }
                }
                None => {}
            }
        }
        Ok(found)
    }
}

/// Reads canaries and the commitment to them, and checks that they belong together. Errors name the file; none shows a coin.
pub fn committed(
    base: &Path,
    canaries: &Path,
    commitment: &Path,
) -> Result<(Canaries, Commitment), EngineError> {
    let drawn: Canaries = read(base, canaries)?;
    drawn.check(canaries)?;
    let published: Commitment = read(base, commitment)?;
    let refused = |problem: String| Error::data(commitment.display(), problem).into();
    if published.format != COMMITMENT {
        return Err(refused(format!("its format is {:?}; expected {COMMITMENT:?}", published.format)));
    }
    if published.canaries != drawn.count() || published.sha256 != drawn.digest()? {
        return Err(refused(format!(
            "commits to other canaries than those of {}; expected the two files that were made together, unchanged",
            canaries.display()
        )));
    }
    Ok((drawn, published))
}

/// Reads JSON without showing what it holds.
fn read<T: DeserializeOwned>(base: &Path, name: &Path) -> Result<T> {
    let refused = |problem: String| Error::data(name.display(), problem);
    let bytes =
        std::fs::read(base.join(name)).map_err(|error| refused(format!("cannot be read: {error}")))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        refused(format!(
            "line {}, column {}: expected a file as `paname canaries make` writes it",
            error.line(),
            error.column()
        ))
    })
}

/// The canaries of an audit, where its manifest names any: which audited records they are, and what evidence tells of them.
pub(crate) fn of(
    manifest: &Manifest,
    ids: &[String],
    truth: &Truth,
) -> Result<Option<(Vec<bool>, CanarySummary)>, EngineError> {
    let data = &manifest.content.data;
    let (Some(secret), Some(public)) = (&data.canaries, &data.commitment) else { return Ok(None) };
    let (canaries, commitment) = committed(manifest.base(), Path::new(secret), Path::new(public))?;
    let count = canaries.count();
    if let Some(guesses) = manifest.content.statistics.epsilon_guesses.filter(|guesses| *guesses > count) {
        let problem = format!(
            "`epsilon_guesses` is {guesses}, and there are {count} canaries; expected at most one guess for each"
        );
        return Err(manifest.about("statistics")(Error::Config(problem)));
    }
    let found = canaries.among(ids, truth, secret, &data.records)?;
    let Commitment { sha256, date, .. } = commitment;
    Ok(Some((found, CanarySummary { canaries: count, commitment: sha256, committed: date })))
}

/// The largest ε that an audit of one test can show with so many canaries, by the usual number of guesses.
pub fn largest_epsilon(canaries: u64) -> Result<f64, EngineError> {
    let settings = Statistics::default();
    Ok(epsilon::ceiling(canaries, &settings, &epsilon::Terms::new(None, &settings, 1))?)
}
