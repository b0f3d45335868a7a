//! One file per command.

mod adapters;
mod attacks;
mod canaries;
mod combine;
mod completions;
mod doctor;
mod init;
mod plan;
mod plugin;
mod run;
mod schema;
mod score;
mod signs;
mod verify;
mod work;

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use paname_evidence::{Evidence, Reason, Verdict};
use paname_report::{Key, Language, key};

use crate::arguments::{Arguments, Command};
use crate::failure::Failure;
use crate::output::{say, write_private};

/// Exit code of a demonstrated leak under `--fail-on-leak`.
const LEAK: u8 = 10;
/// Exit code of a plugin that cannot be used.
pub(crate) const PLUGIN: u8 = 9;

/// Every exit code of the command line with what it means.
pub(crate) const EXITS: &[(u8, Key)] = &[
    (0, key!("exit.0")),
    (1, key!("exit.1")),
    (2, key!("exit.2")),
    (3, key!("exit.3")),
    (4, key!("exit.4")),
    (5, key!("exit.5")),
    (6, key!("exit.6")),
    (7, key!("exit.7")),
    (8, key!("exit.8")),
    (PLUGIN, key!("exit.9")),
    (LEAK, key!("exit.10")),
    (130, key!("exit.130")),
];

/// Does what the arguments ask.
pub(crate) fn dispatch(arguments: &Arguments, language: Language) -> Result<ExitCode, Failure> {
    let json = arguments.json;
    let plugins = &arguments.plugins;
    let done = match &arguments.command {
        Command::Run(run) => return run::run(run, plugins, language, json),
        Command::Score(score) => return score::score(score, language, json),
        Command::Verify { folder } => return verify::verify(folder, language, json),
        Command::Plan { manifest } => plan::plan(manifest, plugins, language, json),
        Command::Signs { manifest } => signs::signs(manifest, plugins, language, json),
        Command::Attacks { markdown: true, .. } => attacks::manual(language),
        Command::Attacks { name, .. } => attacks::attacks(name.as_deref(), plugins, language, json),
        Command::Adapters { name } => adapters::adapters(name.as_deref(), plugins, language, json),
        Command::Plugin { command } => plugin::plugin(command, plugins, language, json),
        Command::Combine { folders } => combine::combine(folders, language, json),
        Command::Canaries { command } => canaries::canaries(command, language, json),
        Command::Init(init) => init::init(init, language, json),
        Command::Doctor { file: None } => doctor::doctor(plugins, language, json),
        Command::Doctor { file: Some(file) } => doctor::model_file(file, language, json),
        Command::Schema { document } => schema::schema(*document),
        Command::Completions { shell } => completions::completions(*shell, language),
        Command::Work { run, step } => work::work(run, step),
    };
    done.map(|()| ExitCode::SUCCESS)
}

/// Writes `report.fr.html` and the like, and returns language code and path of each.
fn write_reports(
    evidence: &Evidence,
    folder: &Path,
    languages: &[Language],
) -> Result<Vec<(&'static str, String)>, Failure> {
    let write = |language: &Language| {
        let path = report_path(folder, *language);
        write_private(&path, &paname_report::html(evidence, *language)?)?;
        Ok((language.code(), path.display().to_string()))
    };
    languages.iter().map(write).collect()
}

fn report_path(folder: &Path, language: Language) -> PathBuf {
    folder.join(format!("report.{}.html", language.code()))
}

/// Where a difference was found that only the missing word on the split keeps from a verdict, says how to give it.
fn hint(evidence: &Evidence, language: Language) {
    if evidence.core.rows.iter().any(|row| row.reasons.contains(&Reason::ShiftNotExcluded)) {
        say(&language.text(key!("hint.split")));
    }
}

/// The verdict changes the exit code only where that was asked for.
fn exit_code(evidence: &Evidence, fail_on_leak: bool) -> ExitCode {
    if fail_on_leak && evidence.verdict() == Verdict::LeakDemonstrated {
        ExitCode::from(LEAK)
    } else {
        ExitCode::SUCCESS
    }
}

/// What `run` and `score` tell programs.
#[derive(serde::Serialize)]
struct Told<'a> {
    verdict: Verdict,
    rows: Vec<ToldRow<'a>>,
    core_sha256: &'a str,
    evidence: String,
    reports: std::collections::BTreeMap<&'static str, String>,
    steps_run: u64,
    steps_reused: u64,
}

#[derive(serde::Serialize)]
struct ToldRow<'a> {
    id: &'a str,
    attack: Option<&'a str>,
    verdict: Verdict,
}

impl<'a> Told<'a> {
    fn of(evidence: &'a Evidence, path: &Path, reports: Vec<(&'static str, String)>) -> Self {
        let rows = evidence.core.rows.iter().map(|row| ToldRow {
            id: &row.id,
            attack: row.attack.as_ref().map(|attack| attack.name.as_str()),
            verdict: row.verdict,
        });
        Self {
            verdict: evidence.verdict(),
            rows: rows.collect(),
            core_sha256: &evidence.core_sha256,
            evidence: path.display().to_string(),
            reports: reports.into_iter().collect(),
            steps_run: evidence.run.steps_run,
            steps_reused: evidence.run.steps_reused,
        }
    }

    /// The three lines that matter, then the files.
    fn lines(&self, evidence: &Evidence, language: Language) -> String {
        let [asked, verdict, not_said] = paname_report::headline(evidence, language);
        let files = self.reports.values().chain([&self.evidence]).cloned().collect::<Vec<_>>().join("\n");
        format!("{asked}\n{verdict}\n{not_said}\n\n{files}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_exit_code_of_the_engine_is_explained() {
        for (code, meaning) in paname_engine::EXIT_CODES {
            assert!(EXITS.iter().any(|(known, _)| known == code), "{code}: {meaning}");
        }
        assert!(paname_engine::EXIT_CODES.iter().all(|(code, _)| *code != LEAK));
    }
}
