//! The project's own commands, started as `cargo xtask NAME`.
//!
//! They need nothing but Cargo and a linker: this crate has no dependencies, so that the first command starts within
//! seconds of a clone.
#![expect(
    clippy::print_stdout,
    clippy::print_stderr,
    reason = "a command line talks on its standard streams"
)]

use std::process::ExitCode;

mod bench;
mod bench_torch;
mod cache;
mod data;
mod demo;
mod deny;
#[cfg(test)]
mod direction;
mod error;
mod generate;
mod libtorch;
mod matrix;
mod process;
mod stages;
mod validate;

use error::{Error, Result};

/// One command: what the user types, what it does and the function that does it.
struct Command {
    name: &'static str,
    usage: &'static str,
    about: &'static str,
    run: fn(&[String]) -> Result<()>,
}

/// Every command, in the order of the help.
const COMMANDS: &[Command] = &[
    Command {
        name: "demo",
        usage: "demo [--data fashion-mnist [--data-folder DIR]] [ARGUMENT OF `paname run`]...",
        about: "build PANAME, audit the digits that ship with it, predictions and then models in memory, and write the reports",
        run: demo::run,
    },
    Command {
        name: "test",
        usage: "test [STAGE]...",
        about: "everything that continuous integration checks, with a table of times",
        run: stages::run,
    },
    Command {
        name: "validate",
        usage: "validate [PART OF A NAME]",
        about: "thousands of simulated audits into docs/validation.md, then the tests again, optimised and with many more random cases",
        run: validate::run,
    },
    Command {
        name: "bench",
        usage: "bench [criterion | torch] [ARGUMENT]...",
        about: "what scoring costs, beside the plain read and NumPy; or the criterion benchmarks; or models in memory beside PyTorch",
        run: bench::run,
    },
    Command {
        name: "data",
        usage: "data adult [--out FILE]",
        about: "fetch the Adult census, once, as a table that audits can be tried on",
        run: data::run,
    },
    Command {
        name: "libtorch",
        usage: "libtorch",
        about: "fetch the libtorch that the torch crates are built on, once, and say how to use it",
        run: libtorch::run,
    },
    Command {
        name: "generate",
        usage: "generate [--check]",
        about: "write the generated files, or with --check only compare them",
        run: generate::run,
    },
];

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match dispatch(&arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::from(error.exit_code())
        }
    }
}

fn dispatch(arguments: &[String]) -> Result<()> {
    let Some((name, rest)) = arguments.split_first() else {
        print_help();
        return Ok(());
    };
    if matches!(name.as_str(), "help" | "-h" | "--help") {
        print_help();
        return Ok(());
    }
    let command = COMMANDS.iter().find(|command| command.name == name).ok_or_else(|| Error::UnknownName {
        what: "command",
        got: name.clone(),
        expected: COMMANDS.iter().map(|command| command.name).collect(),
    })?;
    (command.run)(rest)
}

fn print_help() {
    println!("The project's own commands\n");
    for command in COMMANDS {
        println!("  cargo xtask {}\n      {}", command.usage, command.about);
    }
    println!("\nStages of `test`: {}", stages::names().join(", "));
}
