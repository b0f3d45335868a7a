//! The journal: one line per operation, each bound to the one before by its hash. Editing or removing a line breaks the chain; cutting the
//! tail off does not, unless the last hash is kept elsewhere.

use std::fs::{File, OpenOptions};
use std::io::{self, Read as _, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::{canonical_sha256, sha256_hex};

/// What can go wrong with a journal.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JournalError {
    /// The file cannot be read or written.
    #[error("journal {path}: {source}")]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A line is not what the chain demands.
    #[error("journal {path}, line {line}: {problem}")]
    Broken {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// What is wrong.
        problem: String,
    },
}

/// One line.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct JournalEntry {
    /// Position, from 0.
    pub seq: u64,
    /// Time, UTC, RFC 3339.
    pub utc: String,
    /// What was done.
    pub op: String,
    /// To what, with which result: digests and counts, no personal data.
    pub detail: serde_json::Value,
    /// Hash of the line before; 64 zeros for the first.
    pub prev: String,
    /// SHA-256 of `prev` followed by the canonical JSON of the other fields.
    pub hash: String,
}

impl JournalEntry {
    fn expected_hash(&self) -> Result<String, serde_json::Error> {
        let body =
            serde_json::json!({ "seq": self.seq, "utc": self.utc, "op": self.op, "detail": self.detail });
        Ok(sha256_hex(format!("{}{}", self.prev, canonical_sha256(&body)?).as_bytes()))
    }
}

/// An open journal.
#[derive(Debug)]
pub struct Journal {
    path: PathBuf,
    file: File,
    entries: u64,
    head: String,
}

/// What checking a journal gives.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalCheck {
    /// Number of whole lines.
    pub entries: u64,
    /// Hash of the last one.
    pub head: String,
    /// Bytes of an unfinished last line, as a kill in the middle of writing leaves it.
    pub torn: usize,
    /// Length of the whole lines in bytes.
    length: u64,
}

impl Journal {
    /// Opens or begins a journal and checks the whole chain. An unfinished last line is removed.
    pub fn open(path: &Path) -> Result<Self, JournalError> {
        let io = |source| JournalError::Io { path: path.to_owned(), source };
        let mut options = OpenOptions::new();
        options.read(true).write(true).create(true).truncate(false);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(path).map_err(io)?;
        let mut text = Vec::new();
        file.read_to_end(&mut text).map_err(io)?;
        let check = check(path, &text)?;
        file.set_len(check.length).map_err(io)?;
        file.seek(SeekFrom::End(0)).map_err(io)?;
        Ok(Self { path: path.to_owned(), file, entries: check.entries, head: check.head })
    }

    /// Hash of the last line.
    pub fn head(&self) -> &str {
        &self.head
    }

    /// Number of lines.
    pub fn len(&self) -> u64 {
        self.entries
    }

    /// Whether nothing was written yet.
    pub fn is_empty(&self) -> bool {
        self.entries == 0
    }

    /// Adds a line and waits until it is on the disk.
    pub fn append(&mut self, utc: &str, op: &str, detail: serde_json::Value) -> Result<(), JournalError> {
        let io = |source| JournalError::Io { path: self.path.clone(), source };
        let invalid = |e: serde_json::Error| io(io::Error::other(e));
        let mut entry = JournalEntry {
            seq: self.entries,
            utc: utc.to_owned(),
            op: op.to_owned(),
            detail,
            prev: self.head.clone(),
            hash: String::new(),
        };
        entry.hash = entry.expected_hash().map_err(invalid)?;
        let mut line = serde_json::to_string(&entry).map_err(invalid)?;
        line.push('\n');
        self.file.write_all(line.as_bytes()).and_then(|()| self.file.sync_data()).map_err(io)?;
        self.entries += 1;
        self.head = entry.hash;
        Ok(())
    }
}

/// Checks every line of a journal.
pub fn verify_journal(path: &Path) -> Result<JournalCheck, JournalError> {
    let text = std::fs::read(path).map_err(|source| JournalError::Io { path: path.to_owned(), source })?;
    check(path, &text)
}

fn check(path: &Path, text: &[u8]) -> Result<JournalCheck, JournalError> {
    let length = text.iter().rposition(|&b| b == b'\n').map_or(0, |end| end + 1);
    let mut head = "0".repeat(64);
    let mut entries = 0;
    for (i, line) in text[..length].split(|&b| b == b'\n').filter(|line| !line.is_empty()).enumerate() {
        let broken = |problem: String| JournalError::Broken { path: path.to_owned(), line: i + 1, problem };
        let entry: JournalEntry =
            serde_json::from_slice(line).map_err(|e| broken(format!("not a journal entry: {e}")))?;
        if entry.seq != i as u64 {
            return Err(broken(format!("number {} where {i} was expected", entry.seq)));
        }
        if entry.prev != head {
            return Err(broken("does not follow from the line before".into()));
        }
        if entry.expected_hash().map_err(|e| broken(e.to_string()))? != entry.hash {
            return Err(broken("was changed: its hash does not match".into()));
        }
        head = entry.hash;
        entries += 1;
    }
    Ok(JournalCheck { entries, head, torn: text.len() - length, length: length as u64 })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn three_lines(path: &Path) -> String {
        let mut journal = Journal::open(path).unwrap();
        for (op, n) in [("manifest", 1), ("step", 2), ("step", 3)] {
            journal.append("2026-01-01T00:00:00Z", op, serde_json::json!({ "n": n })).unwrap();
        }
        std::fs::read_to_string(path).unwrap()
    }

    #[test]
    fn a_changed_removed_or_swapped_line_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let text = three_lines(&path);
        let lines: Vec<&str> = text.lines().collect();
        let forged = [
            (1, text.replace("\"n\":1", "\"n\":9")),
            (2, text.replace("\"n\":2", "\"n\":9")),
            (2, format!("{}\n{}\n", lines[0], lines[2])),
            (1, format!("{}\n{}\n{}\n", lines[1], lines[0], lines[2])),
        ];
        for (expected_line, text) in forged {
            std::fs::write(&path, text).unwrap();
            match verify_journal(&path) {
                Err(JournalError::Broken { line, .. }) => assert_eq!(line, expected_line),
                other => panic!("{other:?}"),
            }
        }
    }

    #[test]
    fn an_unfinished_line_is_dropped_and_the_chain_goes_on() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("journal.jsonl");
        let text = three_lines(&path);
        for cut in [1, 10, 60] {
            std::fs::write(&path, &text[..text.len() - cut]).unwrap();
            assert!(verify_journal(&path).unwrap().torn > 0);
            let mut journal = Journal::open(&path).unwrap();
            assert_eq!(journal.len(), 2);
            journal.append("2026-01-01T00:00:01Z", "again", serde_json::Value::Null).unwrap();
            let check = verify_journal(&path).unwrap();
            assert_eq!((check.entries, check.torn), (3, 0));
            assert_eq!(check.head, journal.head());
        }
    }
}
