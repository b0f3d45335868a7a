//! What a third party can check of a run folder without running anything.

use std::fs;
use std::path::Path;

use paname_evidence::{Evidence, verify_journal};
use schemars::JsonSchema;
use serde::Serialize;

use crate::EngineError;

/// The outcome of checking a run folder.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
pub struct Verification {
    /// The evidence's core has the digest that it states.
    pub evidence_intact: bool,
    /// Digest of the core.
    pub core_sha256: String,
    /// Lines of the journal, each of which follows from the one before.
    pub journal_entries: u64,
    /// The journal's last line names this evidence.
    pub journal_names_evidence: bool,
    /// The manifest in the folder is the one that the evidence names.
    pub manifest_matches: bool,
}

impl Verification {
    /// Whether everything holds.
    pub fn holds(&self) -> bool {
        self.evidence_intact && self.journal_names_evidence && self.manifest_matches
    }
}

/// Checks evidence, journal and manifest of a run folder. A broken chain is an error that names the line.
pub fn verify(dir: &Path) -> Result<Verification, EngineError> {
    let path = dir.join("evidence.json");
    let bytes = fs::read(&path).map_err(EngineError::io(&path))?;
    let evidence: Evidence =
        serde_json::from_slice(&bytes).map_err(|e| EngineError::Other(format!("{}: {e}", path.display())))?;
    let journal = dir.join("journal.jsonl");
    let check = verify_journal(&journal)?;
    let text = fs::read_to_string(&journal).map_err(EngineError::io(&journal))?;
    let mut entries =
        text.lines().filter_map(|line| serde_json::from_str::<paname_evidence::JournalEntry>(line).ok());
    let named = entries.rfind(|entry| entry.op == "evidence");
    let named = named.and_then(|entry| entry.detail.get("core_sha256")?.as_str().map(str::to_owned));
    let manifest = dir.join("manifest.toml");
    let manifest = fs::read(&manifest).map_err(EngineError::io(&manifest))?;
    Ok(Verification {
        evidence_intact: evidence.is_intact().map_err(|e| EngineError::Other(e.to_string()))?,
        journal_entries: check.entries,
        journal_names_evidence: named.as_ref() == Some(&evidence.core_sha256),
        manifest_matches: paname_evidence::sha256_hex(&manifest) == evidence.core.manifest_sha256,
        core_sha256: evidence.core_sha256,
    })
}
