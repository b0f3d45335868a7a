//! `cargo xtask test`: the stages that a change must pass, all of them run, their times in a table.

use std::{
    io::{IsTerminal, stderr, stdout},
    process::Command,
    time::{Duration, Instant},
};

use crate::{
    demo, deny,
    error::{Error, Result},
    generate, libtorch,
    process::{cargo, stream, works},
};

/// One stage: its name on the command line and in the table, and what it does.
struct Stage {
    name: &'static str,
    run: fn() -> Result<()>,
}

/// Every stage, the quickest answers first; `demo` comes last because it is the whole.
const STAGES: &[Stage] = &[
    Stage { name: "format", run: format },
    Stage { name: "clippy", run: clippy },
    Stage { name: "test", run: test },
    Stage { name: "torch", run: torch },
    Stage { name: "doc", run: doc },
    Stage { name: "deny", run: deny::check },
    Stage { name: "generated", run: generate::check },
    Stage { name: "demo", run: demo::check },
];

/// The packages that are built on libtorch: in a stage of their own, since they need it and its bindings take minutes to compile. In the profile of the other
/// stages, so that what all are built on is compiled once.
pub(crate) const TORCH: &[&str] = &["paname-torch", "paname-plugin-torch", "paname-bench-torch"];

struct Outcome {
    name: &'static str,
    time: Duration,
    result: Result<()>,
}

pub(crate) fn names() -> Vec<&'static str> {
    STAGES.iter().map(|stage| stage.name).collect()
}

/// Runs the named stages, all of them by default. A failing stage does not hide the next one's answer.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let chosen = choose(arguments)?;
    let count = chosen.len();
    let outcomes: Vec<Outcome> = (1..)
        .zip(chosen)
        .map(|(number, stage)| {
            headline(&format!("{number}/{count} {}", stage.name));
            let start = Instant::now();
            let result = (stage.run)();
            if let Err(error) = &result {
                eprintln!("error: {error}");
            }
            Outcome { name: stage.name, time: start.elapsed(), result }
        })
        .collect();
    print!("\n{}", table(&outcomes));
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.result.is_err()).map(|o| o.name).collect();
    if failed.is_empty() { Ok(()) } else { Err(Error::Stages { names: failed }) }
}

fn choose(arguments: &[String]) -> Result<Vec<&'static Stage>> {
    let unknown = |name: &String| Error::UnknownName { what: "stage", got: name.clone(), expected: names() };
    if let Some(name) = arguments.iter().find(|name| !names().contains(&name.as_str())) {
        return Err(unknown(name));
    }
    let wanted = |stage: &&Stage| arguments.is_empty() || arguments.iter().any(|name| name == stage.name);
    Ok(STAGES.iter().filter(wanted).collect())
}

fn headline(text: &str) {
    if coloured() {
        eprintln!("\n\x1b[1m== {text}\x1b[0m");
    } else {
        eprintln!("\n== {text}");
    }
}

/// Plain where nobody looks at a terminal, as in continuous integration, and wherever `NO_COLOR` asks for it.
fn coloured() -> bool {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    !refused && stdout().is_terminal() && stderr().is_terminal()
}

fn table(outcomes: &[Outcome]) -> String {
    let row = |name: &str, time: Duration, word: &str| {
        let row = format!("{name:<10} {:>8.1} s  {word}", time.as_secs_f64());
        format!("{}\n", row.trim_end())
    };
    let rows = outcomes.iter().map(|o| row(o.name, o.time, if o.result.is_ok() { "ok" } else { "FAILED" }));
    let total = outcomes.iter().map(|outcome| outcome.time).sum();
    rows.chain([row("total", total, "")]).collect()
}

fn format() -> Result<()> {
    component("fmt", "rustfmt")?;
    // Left to itself the formatter colours its differences even in a file.
    let colour = if coloured() { "auto" } else { "never" };
    stream(&mut cargo(["fmt", "--all", "--check", "--", "--color", colour]))
}

fn clippy() -> Result<()> {
    component("clippy", "clippy")?;
    stream(cargo(["clippy", "--all-targets"]).args(all_but_torch()).args(["--", "-D", "warnings"]))
}

fn test() -> Result<()> {
    stream(cargo(["test", "--no-fail-fast"]).args(all_but_torch()))
}

fn doc() -> Result<()> {
    stream(cargo(["doc", "--no-deps"]).args(all_but_torch()).env("RUSTDOCFLAGS", "-D warnings"))
}

/// Linter, tests and documentation of the packages that are built on libtorch.
fn torch() -> Result<()> {
    component("clippy", "clippy")?;
    let environment = libtorch::environment()?;
    let run = |mut command: Command, options: &[&str]| {
        stream(command.args(options).envs(environment.iter().cloned()))
    };
    run(on_libtorch("clippy"), &["--all-targets", "--", "-D", "warnings"])?;
    run(on_libtorch("test"), &["--no-fail-fast"])?;
    let mut doc = on_libtorch("doc");
    doc.env("RUSTDOCFLAGS", "-D warnings");
    run(doc, &["--no-deps"])
}

/// Cargo over the packages that are built on libtorch.
fn on_libtorch(subcommand: &str) -> Command {
    let packages = TORCH.iter().flat_map(|package| ["--package", package]);
    let mut command = cargo([subcommand]);
    command.args(packages);
    command
}

/// Builds what the stage `torch` tests.
pub(crate) fn torch_tests() -> Command {
    let mut command = on_libtorch("test");
    command.arg("--no-run");
    command
}

/// The options that choose every package but those that are built on libtorch.
pub(crate) fn all_but_torch() -> Vec<&'static str> {
    let without = TORCH.iter().flat_map(|package| ["--exclude", package]);
    std::iter::once("--workspace").chain(without).collect()
}

/// A minimal toolchain has neither formatter nor linter: rustup adds them.
fn component(subcommand: &str, component: &'static str) -> Result<()> {
    if works(&mut cargo([subcommand, "--version"])) {
        return Ok(());
    }
    stream(Command::new("rustup").args(["component", "add", component])).map_err(|error| Error::NoTool {
        tool: component,
        install: format!("rustup component add {component}"),
        source: Box::new(error),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owned(names: &[&str]) -> Vec<String> {
        names.iter().map(|&name| name.to_owned()).collect()
    }

    #[test]
    fn no_argument_chooses_every_stage_and_names_choose_in_the_list_s_order() {
        let chosen = |names: &[&str]| {
            choose(&owned(names)).map(|stages| stages.iter().map(|s| s.name).collect::<Vec<_>>())
        };
        assert_eq!(chosen(&[]).unwrap(), names());
        assert_eq!(chosen(&["demo", "format"]).unwrap(), ["format", "demo"]);
    }

    #[test]
    fn an_unknown_stage_is_refused_before_anything_runs() {
        let error = run(&owned(&["format", "formt"])).unwrap_err();
        assert_eq!(error.exit_code(), 2);
        assert_eq!(
            error.to_string(),
            "unknown stage `formt`, expected one of: format, clippy, test, torch, doc, deny, generated, demo"
        );
    }

    #[test]
    fn what_is_built_on_libtorch_has_a_stage_of_its_own() {
        assert_eq!(all_but_torch()[..3], ["--workspace", "--exclude", "paname-torch"]);
        let manifest = std::fs::read_to_string(crate::process::root().join("Cargo.toml")).unwrap();
        let (_, default) = manifest.split_once("default-members").unwrap();
        let (default, _) = default.split_once(']').unwrap();
        assert!(!default.contains("torch") && default.contains("crates/paname-core"), "{default}");
    }

    #[test]
    fn the_table_marks_failures_and_sums_the_times() {
        let failed = Err(Error::Stale { paths: vec!["x"] });
        let outcomes = [
            Outcome { name: "format", time: Duration::from_millis(500), result: Ok(()) },
            Outcome { name: "clippy", time: Duration::from_secs(61), result: failed },
        ];
        assert_eq!(
            table(&outcomes),
            "format          0.5 s  ok\nclippy         61.0 s  FAILED\ntotal          61.5 s\n"
        );
    }
}
