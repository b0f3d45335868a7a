//! `paname score`.

use std::process::ExitCode;

use paname_engine::{ScoreOptions, Split, Statistics, write_evidence};
use paname_report::Language;

use super::{Told, exit_code, hint, write_reports};
use crate::arguments::{DeclaredSplit, ScoreArguments};
use crate::failure::Failure;
use crate::output::{create_private_folder, print, print_json, write_private};

/// As many levels as a manifest may have.
const MOST_LEVELS: usize = 8;

pub(super) fn score(arguments: &ScoreArguments, language: Language, json: bool) -> Result<ExitCode, Failure> {
    let options = ScoreOptions {
        statistics: statistics(arguments)?,
        split: match arguments.split {
            Some(DeclaredSplit::Random) => Split::Random,
            Some(DeclaredSplit::Undeclared) | None => Split::Undeclared,
        },
        exposed: arguments.exposed.unwrap_or(0),
        title: arguments.title.clone(),
    };
    let scored = paname_engine::score(&arguments.scores, &options)?;
    let folder = arguments.out.clone().unwrap_or_else(|| arguments.scores.with_extension("report"));
    create_private_folder(&folder).map_err(|error| Failure::file(&folder, error))?;
    let evidence_path = folder.join("evidence.json");
    write_evidence(&scored.evidence, &evidence_path)?;
    if !scored.names.is_empty() {
        let names = serde_json::to_string_pretty(&scored.names)
            .map_err(|error| Failure::Other(format!("no JSON: {error}")))?;
        write_private(&folder.join("pseudonyms.json"), &names)?;
    }
    let reports = write_reports(&scored.evidence, &folder, &Language::ALL)?;
    let told = Told::of(&scored.evidence, &evidence_path, reports);
    if json {
        print_json("paname-score/1", &told)?;
    } else {
        print(&told.lines(&scored.evidence, language))?;
        hint(&scored.evidence, language);
    }
    Ok(exit_code(&scored.evidence, arguments.fail_on_leak))
}

fn statistics(arguments: &ScoreArguments) -> Result<Statistics, Failure> {
    let mut statistics = Statistics::default();
    if let Some(alpha) = arguments.alpha {
        statistics.alpha = alpha;
    }
    if !arguments.fpr.is_empty() {
        statistics.fpr_targets.clone_from(&arguments.fpr);
    }
    let levels = &statistics.fpr_targets;
    let twice = levels.iter().enumerate().any(|(i, level)| levels[..i].contains(level));
    if twice || levels.len() > MOST_LEVELS {
        return Err(Failure::Arguments(format!("--fpr: expected at most {MOST_LEVELS} distinct levels")));
    }
    Ok(statistics)
}
