//! `paname verify`.

use std::path::Path;
use std::process::ExitCode;

use paname_report::{Language, key};

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::text_table::text_table;

/// The same code as for a journal whose chain is broken.
const BROKEN: u8 = 7;

pub(super) fn verify(folder: &Path, language: Language, json: bool) -> Result<ExitCode, Failure> {
    let found = paname_engine::verify(folder)?;
    if json {
        print_json("paname-verify/1", &found)?;
    } else {
        let answer = |holds: bool| language.text(if holds { key!("yes") } else { key!("no") });
        let lines = language.count(found.journal_entries);
        let rows = [
            (language.text(key!("verify.evidence")), answer(found.evidence_intact)),
            (language.fill(key!("verify.journal"), &[("n", &lines)]), answer(found.journal_names_evidence)),
            (language.text(key!("verify.manifest")), answer(found.manifest_matches)),
            (language.text(key!("verify.core")), found.core_sha256.clone()),
        ];
        print(&text_table(None, &rows.map(|(what, value)| vec![what, value])))?;
    }
    Ok(if found.holds() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}
