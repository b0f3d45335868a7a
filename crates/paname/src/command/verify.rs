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
        let mut rows = vec![(language.text(key!("verify.evidence")), answer(found.evidence_intact))];
        if let Some(run) = &found.run {
            let lines = language.count(run.journal_entries);
            let journal = language.fill(key!("verify.journal"), &[("n", &lines)]);
            rows.push((journal, answer(run.journal_names_evidence)));
            rows.push((language.text(key!("verify.manifest")), answer(run.manifest_matches)));
            rows.push((language.text(key!("verify.reports")), answer(run.reports_match)));
        }
        rows.push((language.text(key!("verify.core")), found.core_sha256.clone()));
        let rows: Vec<Vec<String>> = rows.into_iter().map(|(what, value)| vec![what, value]).collect();
        print(&text_table(None, &rows))?;
    }
    Ok(if found.holds() { ExitCode::SUCCESS } else { ExitCode::from(BROKEN) })
}
