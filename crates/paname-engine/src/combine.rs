//! Re-tests: audits of one model, each on units that no other had, put together by the product of their e-values. That is valid whatever led to the next
//! audit, above all the outcome of the one before.

use std::fs;
use std::path::{Path, PathBuf};

use paname_core::Error;
use paname_evidence::{Anytime, Evidence, Row};
use paname_stats::evalue;
use schemars::JsonSchema;
use serde::Serialize;

use crate::{EngineError, verify};

/// What audits say together.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Combination {
    /// Digests of the evidence that was put together, in the order given.
    pub audits: Vec<String>,
    /// The level of all tests together: the smallest of the audits'.
    pub alpha: f64,
    /// Whether in every audit chance drew the members. Elsewhere they may be flagged more often for what sets them apart from non-members, and nothing is
    /// demonstrated.
    pub random_split: bool,
    /// The tests that every audit has, with the same attack and the same parameters.
    pub tests: Vec<CombinedTest>,
    /// Ids of tests that one of the audits lacks or ran otherwise.
    pub left_out: Vec<String>,
}

/// One test at one false-positive level.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct CombinedTest {
    /// Its id.
    pub id: String,
    /// The false-positive level.
    pub level: f64,
    /// Natural logarithm of the e-value of each audit.
    pub ln_e: Vec<f64>,
    /// Natural logarithm of their product.
    pub ln_product: f64,
    /// What the product is worth as a p-value, before correction for the other tests.
    pub p: f64,
    /// Queries that it rests on.
    pub queries: u64,
    /// Whether it shows, at an equal part of `alpha`, that members are flagged more often, where nothing but membership sets them apart.
    pub demonstrated: bool,
}

/// Puts the audits of these folders together. Fails where a folder does not hold what it states, where the model is not the same, or where one audit is given
/// twice. That no unit is in two of them cannot be seen from the evidence.
pub fn combine(folders: &[PathBuf]) -> Result<Combination, EngineError> {
    if folders.len() < 2 {
        return Err(Error::mismatch("audits to combine", "at least 2 folders", folders.len()).into());
    }
    let all = folders.iter().map(|folder| read(folder)).collect::<Result<Vec<Evidence>, _>>()?;
    let model = |evidence: &Evidence| evidence.core.target.as_ref().map(|target| target.fingerprint.clone());
    for (i, (evidence, folder)) in all.iter().zip(folders).enumerate() {
        let place = folder.display().to_string();
        if model(evidence) != model(&all[0]) {
            let problem = format!("audits another model than {}", folders[0].display());
            return Err(Error::data(place, problem).into());
        }
        if let Some(same) = all[..i].iter().position(|one| one.core_sha256 == evidence.core_sha256) {
            let problem =
                format!("holds the same audit as {}; a re-test takes new records", folders[same].display());
            return Err(Error::data(place, problem).into());
        }
    }
    let number = |evidence: &Evidence| evidence.core.statistics["alpha"].as_f64().unwrap_or(0.0);
    let alpha = all.iter().map(number).fold(1.0, f64::min);
    let random_split = all.iter().all(|evidence| evidence.core.declared["data"]["split"] == "random");
    let (mut tests, mut left_out) = (Vec::new(), Vec::new());
    for row in judged(&all[0]) {
        let alike: Option<Vec<&Row>> = all.iter().map(|evidence| counterpart(row, evidence)).collect();
        let combined = alike.map(|rows| test(&rows)).transpose()?.filter(|levels| !levels.is_empty());
        match combined {
            Some(levels) => tests.extend(levels),
            None => left_out.push(row.id.clone()),
        }
    }
    for row in all.iter().skip(1).flat_map(judged) {
        if !judged(&all[0]).any(|first| first.id == row.id) && !left_out.contains(&row.id) {
            left_out.push(row.id.clone());
        }
    }
    let part = alpha / tests.len().max(1) as f64;
    for test in &mut tests {
        test.demonstrated = random_split && test.p <= part;
    }
    let audits = all.into_iter().map(|evidence| evidence.core_sha256).collect();
    Ok(Combination { audits, alpha, random_split, tests, left_out })
}

/// The rows that were judged.
fn judged(evidence: &Evidence) -> impl Iterator<Item = &Row> {
    evidence.core.rows.iter().filter(|row| row.membership.is_some())
}

fn read(folder: &Path) -> Result<Evidence, EngineError> {
    if !verify(folder)?.holds() {
        let problem = "is not what it states; `paname verify` says what is wrong";
        return Err(Error::data(folder.display(), problem).into());
    }
    let path = folder.join("evidence.json");
    let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
    serde_json::from_slice(&bytes).map_err(|e| EngineError::Other(format!("{}: {e}", path.display())))
}

/// The row of another audit that is the same test.
fn counterpart<'a>(row: &Row, evidence: &'a Evidence) -> Option<&'a Row> {
    let same = |other: &&Row| match (&row.attack, &other.attack) {
        (Some(one), Some(two)) => {
            (&one.name, one.version, &one.parameters) == (&two.name, two.version, &two.parameters)
        }
        (None, None) => true,
        _ => false,
    };
    evidence.core.rows.iter().find(|other| other.id == row.id).filter(same)
}

/// The levels that every audit resolves.
fn test(rows: &[&Row]) -> Result<Vec<CombinedTest>, EngineError> {
    let at = |row: &Row, level: f64| -> Option<Anytime> {
        let levels = &row.membership.as_ref()?.levels;
        levels.iter().find(|one| one.level.to_bits() == level.to_bits())?.anytime
    };
    let mut tests = Vec::new();
    for level in rows[0].membership.iter().flat_map(|found| &found.levels).map(|found| found.level) {
        let Some(parts) = rows.iter().map(|row| at(row, level)).collect::<Option<Vec<Anytime>>>() else {
            continue;
        };
        let ln_e: Vec<f64> = parts.iter().map(|part| part.ln_e).collect();
        let ln_product = evalue::ln_product(&ln_e).map_err(EngineError::other)?;
        tests.push(CombinedTest {
            id: rows[0].id.clone(),
            level,
            p: evalue::p_value(ln_product).map_err(EngineError::other)?,
            queries: parts.iter().map(|part| part.queries).sum(),
            ln_e,
            ln_product,
            demonstrated: false,
        });
    }
    Ok(tests)
}
