//! What a third party can check of a run folder without running anything.

use std::fs;
use std::path::Path;

use paname_evidence::{Evidence, JournalEntry, canonical_sha256, sha256_hex, verify_journal};
use schemars::JsonSchema;
use serde::Serialize;

use crate::EngineError;

/// The outcome of checking a folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verification {
    /// The evidence's core has the digest that it states.
    pub evidence_intact: bool,
    /// Digest of the core.
    pub core_sha256: String,
    /// What surrounds the evidence of an audit; absent where scores alone were judged, which leaves no journal.
    pub run: Option<RunVerification>,
}

/// The outcome of checking what surrounds the evidence of an audit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct RunVerification {
    /// Lines of the journal, each of which follows from the one before.
    pub journal_entries: u64,
    /// The journal's last line names this evidence.
    pub journal_names_evidence: bool,
    /// The manifest in the folder is the one that the evidence names.
    pub manifest_matches: bool,
    /// Every report that the journal names is in the folder as it was written.
    pub reports_match: bool,
}

impl Verification {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        let surroundings = self
            .run
            .as_ref()
            .is_none_or(|run| run.journal_names_evidence && run.manifest_matches && run.reports_match);
        self.evidence_intact && surroundings
    }
}

/// Checks the evidence of a folder, and the journal and the manifest that it came from. A broken chain is an error that names the line.
pub fn verify(dir: &Path) -> Result<Verification, EngineError> {
    let path = dir.join("evidence.json");
    let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
    let evidence: Evidence =
        serde_json::from_slice(&bytes).map_err(|e| EngineError::Other(format!("{}: {e}", path.display())))?;
    let verification = Verification {
        evidence_intact: evidence.is_intact().map_err(EngineError::other)?,
        core_sha256: evidence.core_sha256.clone(),
        run: None,
    };
    let journal = dir.join("journal.jsonl");
    if evidence.core.target.is_none() && !journal.exists() {
        return Ok(verification);
    }
    let check = verify_journal(&journal)?;
    let text = fs::read_to_string(&journal).map_err(EngineError::io(&journal))?;
    let entries: Vec<JournalEntry> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let last = |op: &str| entries.iter().rfind(|entry| entry.op == op);
    let named = last("evidence");
    let names = |field: &str, digest: &str| {
        named.and_then(|entry| entry.detail.get(field)?.as_str()).is_some_and(|named| named == digest)
    };
    let exposed = canonical_sha256(&evidence.exposed).map_err(EngineError::other)?;
    let manifest = dir.join("manifest.toml");
    let manifest = fs::read(&manifest).map_err(EngineError::io(&manifest))?;
    let run = RunVerification {
        journal_entries: check.entries,
        journal_names_evidence: names("core_sha256", &evidence.core_sha256)
            && names("exposed_sha256", &exposed),
        manifest_matches: sha256_hex(&manifest) == evidence.core.manifest_sha256,
        reports_match: last("reports").is_none_or(|entry| reports_match(dir, &entry.detail)),
    };
    Ok(Verification { run: Some(run), ..verification })
}

fn reports_match(dir: &Path, named: &serde_json::Value) -> bool {
    let matches = |(name, digest): (&String, &serde_json::Value)| {
        // A name is that of a file in the folder; anything else was not written by us.
        let plain = Path::new(name).components().count() == 1;
        plain && fs::read(dir.join(name)).is_ok_and(|bytes| *digest == sha256_hex(&bytes))
    };
    named.as_object().is_some_and(|reports| reports.iter().all(matches))
}
