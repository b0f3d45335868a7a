//! The PANAME command line: reads arguments, calls the engine, and says what came out. Data go to standard output, talk to standard error.

mod arguments;
mod command;
mod failure;
mod interrupt;
mod language;
mod output;
mod progress;
mod registry;
mod schema_text;
mod text_table;

use std::process::ExitCode;

fn main() -> ExitCode {
    let language = language::of_this_call();
    let arguments = match arguments::parse(language) {
        Ok(arguments) => arguments,
        Err(refusal) => return arguments::explain(&refusal),
    };
    match command::dispatch(&arguments, language) {
        Ok(code) => code,
        Err(failure) => failure.explain(language, arguments.json),
    }
}
