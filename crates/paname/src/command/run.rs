//! `paname run`.

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use paname_engine::{Manifest, RunOptions};
use paname_report::{Language, key};

use super::{Told, exit_code, hint, report_path, write_reports};
use crate::arguments::RunArguments;
use crate::failure::Failure;
use crate::output::{print, print_json, say};
use crate::progress::Progress;
use crate::{interrupt, registry};

pub(super) fn run(
    arguments: &RunArguments,
    plugins: &[PathBuf],
    language: Language,
    json: bool,
) -> Result<ExitCode, Failure> {
    let manifest = Manifest::read(&arguments.manifest)?;
    let registry = registry::with_plugins(plugins)?;
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    let this_program = std::env::current_exe()
        .map_err(|error| Failure::Other(format!("this program's own file cannot be found: {error}")))?;
    let options = RunOptions {
        run_dir: arguments.run_dir.clone().unwrap_or_else(|| arguments.manifest.with_extension("run")),
        workers: arguments.workers.map_or(cores, usize::from),
        worker: Some(this_program),
        patience: (arguments.patience > 0).then(|| Duration::from_secs(arguments.patience)),
    };
    interrupt::watch(language)?;
    let progress = Progress::new(language, !arguments.no_progress);
    let outcome = paname_engine::run(&manifest, &registry, &options, &progress);
    progress.clear();
    let outcome = outcome?;
    let languages: Vec<Language> =
        manifest.content.lang.iter().filter_map(|code| Language::from_code(code)).collect();
    let reports = write_reports(&outcome.evidence, &options.run_dir, &languages)?;
    let written: Vec<_> = languages.iter().map(|language| report_path(&options.run_dir, *language)).collect();
    paname_engine::seal_reports(&options.run_dir, &written)?;
    let told = Told::of(&outcome.evidence, &outcome.evidence_path, reports);
    if json {
        print_json("paname-run/1", &told)?;
    } else {
        let counts =
            [("reused", language.count(outcome.steps_reused)), ("run", language.count(outcome.steps_run))];
        say(&language.fill(key!("run.reused"), &counts.each_ref().map(|(name, n)| (*name, n.as_str()))));
        print(&told.lines(&outcome.evidence, language))?;
        hint(&outcome.evidence, language);
    }
    Ok(exit_code(&outcome.evidence, arguments.fail_on_leak))
}
