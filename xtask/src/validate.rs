//! `cargo xtask validate`: what is too slow for every change. The tests named `validate_…` one by one, their figures in `docs/validation.md`; then all
//! other tests again, as the released program is compiled and with many more random cases.

use std::{
    ffi::OsString,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use crate::{
    error::{Error, Result},
    matrix::{self, Matrix},
    process::{capture, cargo, describe, root, stream},
};

/// The page that holds the figures.
const PAGE: &str = "docs/validation.md";

/// Random cases a property; the tests' own default is 256.
const CASES: &str = "16384";

/// What every validation's name begins with.
const NAME: &str = "validate_";

/// The test programs that have validations: those of the libraries, and these files. The others would take minutes to build.
const PROGRAMS: &[&str] = &["attributes", "calibration", "digits", "inversions", "large", "mutations"];

/// What begins a line with a figure: `validate: what | expected | observed | runs`.
const FIGURE: &str = "validate: ";

/// What begins a line that says why nothing could be checked.
const SKIPPED: &str = "validate skipped: ";

/// One ignored test of one test program.
struct Validation {
    program: Program,
    name: String,
    /// Variables that it is run with.
    environment: Vec<(&'static str, OsString)>,
    /// Why it cannot be run here.
    absent: Option<String>,
}

/// A test program that Cargo has built.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Program {
    package: String,
    target: String,
    folder: PathBuf,
    path: PathBuf,
}

/// How a validation went, and what it printed.
struct Outcome {
    passed: bool,
    said: String,
    time: Duration,
}

/// Runs the validations, writes the page, then the other tests; or only the validations whose name contains the argument, without the page.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let filter = match arguments {
        [] => None,
        [filter] if !filter.starts_with('-') => Some(filter.as_str()),
        [other, ..] => {
            let expected = vec!["a part of the name of a validation"];
            return Err(Error::UnknownName { what: "argument", got: other.clone(), expected });
        }
    };
    let mut validations = list(filter)?;
    for validation in validations.iter_mut().filter(|one| one.program.target == matrix::LARGE) {
        validation.environment = matrix::large()?;
    }
    validations.extend(full_matrix(filter)?);
    let outcomes = all(&validations)?;
    let failed = |(validation, outcome): (&Validation, &Outcome)| {
        (!outcome.passed).then(|| format!("{} {}", validation.program.target, validation.name))
    };
    let failed: Vec<String> = validations.iter().zip(&outcomes).filter_map(failed).collect();
    if filter.is_none() {
        let path = root().join(PAGE);
        fs::write(&path, page(&validations, &outcomes)).map_err(|source| Error::Io { path, source })?;
        println!("{PAGE}");
    }
    if !failed.is_empty() {
        return Err(Error::Validations { names: failed });
    }
    if filter.is_some() {
        return Ok(());
    }
    stream(cargo(["test", "--release"]).env("PROPTEST_CASES", CASES))
}

/// Builds the tests and lists the validations, in an order that depends on names alone.
fn list(filter: Option<&str>) -> Result<Vec<Validation>> {
    let mut build = cargo(["test", "--release", "--no-run", "--lib"]);
    build.args(PROGRAMS.iter().flat_map(|program| ["--test", program]));
    let built = capture(build.args(["--message-format", "json-render-diagnostics"]))?;
    let mut programs: Vec<Program> = String::from_utf8_lossy(&built).lines().filter_map(program).collect();
    programs.sort();
    let mut validations = Vec::new();
    for program in programs {
        let names = capture(program.command().args(["--ignored", "--list", "--format", "terse"]))?;
        let names = String::from_utf8_lossy(&names).into_owned();
        let mut names: Vec<&str> = names.lines().filter_map(|line| line.strip_suffix(": test")).collect();
        names.sort_unstable();
        for name in names {
            if filter.is_none_or(|filter| name.contains(filter)) {
                let (program, name) = (program.clone(), name.to_owned());
                validations.push(Validation { program, name, environment: Vec::new(), absent: None });
            }
        }
    }
    Ok(validations)
}

/// The validation of programs of torch.export at full size. Its crate is built only where libtorch is there.
fn full_matrix(filter: Option<&str>) -> Result<Option<Validation>> {
    if filter.is_some_and(|filter| !matrix::NAME.contains(filter)) {
        return Ok(None);
    }
    let name = matrix::NAME.to_owned();
    let matrix = match Matrix::find() {
        Ok(matrix) => matrix,
        Err(reason) => {
            let folder = root().join("crates").join(matrix::PACKAGE);
            let (package, target) = (matrix::PACKAGE.to_owned(), matrix::PACKAGE.replace('-', "_"));
            let program = Program { package, target, folder, path: PathBuf::new() };
            return Ok(Some(Validation { program, name, environment: Vec::new(), absent: Some(reason) }));
        }
    };
    let mut build = cargo(["test", "--release", "--no-run", "--lib", "--package", matrix::PACKAGE]);
    build.args(["--message-format", "json-render-diagnostics"]).envs(matrix.build.iter().cloned());
    let built = capture(&mut build)?;
    let built = String::from_utf8_lossy(&built);
    let Some(program) = built.lines().find_map(program) else { return Ok(None) };
    let environment = matrix.export()?;
    Ok(Some(Validation { program, name, environment, absent: None }))
}

/// The last part of a test's path.
fn last(name: &str) -> &str {
    name.rsplit("::").next().unwrap_or(name)
}

/// The test program that a message of Cargo tells of.
fn program(message: &str) -> Option<Program> {
    let text = |key: &str| {
        let (_, rest) = message.split_once(&format!("\"{key}\":\""))?;
        Some(rest.split_once('"')?.0.replace("\\\\", "\\"))
    };
    if !message.contains("\"test\":true}") {
        return None;
    }
    let folder = Path::new(&text("manifest_path")?).parent()?.to_path_buf();
    let package = folder.file_name()?.to_string_lossy().into_owned();
    Some(Program { package, target: text("name")?, folder, path: text("executable")?.into() })
}

impl Program {
    /// The program in the folder where Cargo would start it.
    fn command(&self) -> Command {
        let mut command = Command::new(&self.path);
        command.current_dir(&self.folder);
        command
    }
}

/// Runs the validations, as many at a time as there are processors; the outcomes are in the order of the validations.
fn all(validations: &[Validation]) -> Result<Vec<Outcome>> {
    let next = AtomicUsize::new(0);
    let done: Mutex<Vec<(usize, Result<Outcome>)>> = Mutex::default();
    thread::scope(|scope| {
        for _ in 0..thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                loop {
                    let index = next.fetch_add(1, Ordering::Relaxed);
                    let Some(validation) = validations.get(index) else { return };
                    let outcome = one(validation);
                    if let Ok(mut done) = done.lock() {
                        done.push((index, outcome));
                    }
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_default();
    done.sort_by_key(|(index, _)| *index);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

/// Runs one validation and says how it went.
fn one(validation: &Validation) -> Result<Outcome> {
    let name = format!("{} {}", validation.program.target, validation.name);
    if let Some(reason) = &validation.absent {
        println!("{:>10}  skipped  {name}: {reason}", "");
        return Ok(Outcome { passed: true, said: format!("{SKIPPED}{reason}"), time: Duration::ZERO });
    }
    let mut command = validation.program.command();
    command.envs(validation.environment.iter().cloned());
    command.args(["--ignored", "--exact", "--nocapture", "--test-threads", "1", &validation.name]);
    let start = Instant::now();
    let output = command
        .stdin(Stdio::null())
        .output()
        .map_err(|source| Error::Start { program: describe(&command), source })?;
    let outcome = Outcome {
        passed: output.status.success(),
        said: String::from_utf8_lossy(&output.stdout).into_owned(),
        time: start.elapsed(),
    };
    let word = match (outcome.passed, outcome.skipped()) {
        (false, _) => "FAILED",
        (true, Some(_)) => "skipped",
        (true, None) => "ok",
    };
    println!("{:>8.1} s  {word:<7}  {name}", outcome.time.as_secs_f64());
    if !outcome.passed {
        eprintln!("{}{}", outcome.said, String::from_utf8_lossy(&output.stderr));
    }
    Ok(outcome)
}

impl Outcome {
    /// What follows a mark on the lines that have it: the test's first line follows its name.
    fn after<'a>(&'a self, mark: &'a str) -> impl Iterator<Item = &'a str> {
        self.said.lines().filter_map(move |line| line.split_once(mark)).map(|(_, rest)| rest)
    }

    /// Why nothing was checked.
    fn skipped(&self) -> Option<&str> {
        self.after(SKIPPED).next()
    }
}

/// The page: what was simulated, how it is judged, and a table for each part of each test program.
fn page(validations: &[Validation], outcomes: &[Outcome]) -> String {
    let mut page = HEAD.to_owned();
    let mut part = String::new();
    for (validation, outcome) in validations.iter().zip(outcomes) {
        let here = validation.part();
        if here != part {
            let _ = write!(page, "\n## {here}\n\n| what | expected | observed | runs |\n|---|---|---|---|\n");
            part = here;
        }
        let name = last(&validation.name).trim_start_matches(NAME).replace('_', " ");
        if !outcome.passed {
            let _ = writeln!(page, "| **{name}: FAILED** | | | |");
        }
        if let Some(reason) = outcome.skipped() {
            let _ = writeln!(page, "| {name}: not checked, {reason} | | | |");
        }
        for figure in outcome.after(FIGURE) {
            let _ = writeln!(page, "| {figure} |");
        }
    }
    page
}

impl Validation {
    /// The heading that it stands under: the crate, and the file of the test.
    fn part(&self) -> String {
        let module = self.name.rsplit_once("::").map_or("", |(module, _)| module).trim_end_matches("::tests");
        let place = if module.is_empty() { &self.program.target } else { module };
        format!("`{}`, {}", self.program.package, place.replace("::", " "))
    }
}

const HEAD: &str = "\
# Validation

Written by `cargo xtask validate`, which runs every test named `validate_…`: simulated audits whose truth is known, more of them than continuous integration
has time for. Seeds are fixed: the same program gives this page again.

A rate that must not be exceeded passes where the one-sided 99 % lower bound of Clopper and Pearson on it, from the audits that were simulated, is not above
it: at 5 %, up to 67 of 1,000 audits. A right program breaks that rule once in a hundred times. Coverage is told as misses: an interval at 95 % may miss in 5 %. Rules for
approximate procedures, and for those that must not be too cautious either, stand in the column *expected*. One line is one figure; `runs` says how many audits
it is from.
";

#[cfg(test)]
mod tests {
    use super::*;

    fn validation(name: &str) -> Validation {
        let program = Program {
            package: "paname-stats".into(),
            target: "calibration".into(),
            folder: "/r/crates/paname-stats".into(),
            path: "/r/calibration".into(),
        };
        Validation { program, name: name.into(), environment: Vec::new(), absent: None }
    }

    fn outcome(passed: bool, said: &str) -> Outcome {
        Outcome { passed, said: said.into(), time: Duration::ZERO }
    }

    #[test]
    fn a_message_of_cargo_names_a_test_program() {
        let message = |test: bool| {
            format!(
                r#"{{"reason":"compiler-artifact","package_id":"x","manifest_path":"/r/crates/paname-stats/Cargo.toml","target":{{"kind":["test"],"name":"calibration","test":true}},"profile":{{"opt_level":"3","test":{test}}},"executable":"/r/calibration","fresh":true}}"#
            )
        };
        assert_eq!(program(&message(true)), Some(validation("").program));
        assert_eq!(program(r#"{"reason":"build-finished","success":true}"#), None);
    }

    #[test]
    fn the_page_has_every_figure_under_its_part() {
        let validations = [
            validation("claim::validate_one"),
            validation("claim::validate_two_failed"),
            validation("verdict::validate_three"),
        ];
        let outcomes = [
            outcome(true, "test x ... validate: a | ≤ 5 % | 4 % | 10\nother\nvalidate: b | 1 | 2 | 3\nok"),
            outcome(false, ""),
            outcome(true, "validate skipped: no folder"),
        ];
        let page = page(&validations, &outcomes);
        let (_, tables) = page.split_once("\n## ").unwrap();
        assert_eq!(
            tables,
            "`paname-stats`, claim\n\n| what | expected | observed | runs |\n|---|---|---|---|\n\
             | a | ≤ 5 % | 4 % | 10 |\n| b | 1 | 2 | 3 |\n| **two failed: FAILED** | | | |\n\
             \n## `paname-stats`, verdict\n\n| what | expected | observed | runs |\n|---|---|---|---|\n\
             | three: not checked, no folder | | | |\n"
        );
    }

    /// Every Rust file below a folder.
    fn sources(folder: &Path) -> Vec<PathBuf> {
        let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        let (folders, files): (Vec<_>, Vec<_>) = entries.partition(|path| path.is_dir());
        let files = files.into_iter().filter(|path| path.extension().is_some_and(|end| end == "rs"));
        files
            .chain(folders.iter().filter(|path| !path.ends_with("target")).flat_map(|path| sources(path)))
            .collect()
    }

    #[test]
    fn every_ignored_test_is_a_validation_that_is_run() {
        let mark = concat!("\n#[", "ignore");
        let mut found = 0;
        for path in
            ["crates", "plugins", "benches", "xtask"].iter().flat_map(|folder| sources(&root().join(folder)))
        {
            let text = fs::read_to_string(&path).unwrap().replace("\n    #[", "\n#[");
            for (_, rest) in text.match_indices(mark).map(|(place, _)| text.split_at(place)) {
                let (_, name) = rest.split_once("fn ").unwrap();
                assert!(name.starts_with(NAME), "{}: an ignored test is named {NAME}…", path.display());
                let parts: Vec<_> = path.iter().map(|part| part.to_string_lossy()).collect();
                let of_library = parts.iter().any(|part| part == "src");
                let of_program = PROGRAMS
                    .iter()
                    .any(|program| parts.iter().any(|part| part.trim_end_matches(".rs") == *program));
                assert!(of_library || of_program, "{}: add its program to PROGRAMS", path.display());
                found += 1;
            }
        }
        assert!(found >= 20, "{found}");
    }

    #[test]
    fn options_are_refused() {
        assert_eq!(run(&["--release".to_owned()]).unwrap_err().exit_code(), 2);
    }
}
