//! What ends a call early, how it is told, and with which exit code.

use std::io::{self, IsTerminal as _};
use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use paname_engine::EngineError;
use paname_plugin::PluginError;
use paname_report::{Language, ReportError, key};
use serde::Serialize;

use crate::command::PLUGIN;
use crate::output::{on_one_line, print_json, say};

/// What ends a call early.
#[derive(Debug)]
pub(crate) enum Failure {
    /// The engine's word.
    Engine(EngineError),
    /// The report cannot be written.
    Report(ReportError),
    /// A plugin cannot be used.
    Plugin(PluginError),
    /// Standard output cannot be written.
    Output(io::Error),
    /// Nobody reads standard output any more.
    ClosedPipe,
    /// Arguments that the parser could not refuse.
    Arguments(String),
    /// Anything else.
    Other(String),
}

impl Failure {
    /// A file that cannot be read or written.
    pub(crate) fn file(path: &Path, source: io::Error) -> Self {
        Self::Engine(EngineError::Io { path: path.to_owned(), source })
    }

    fn exit_code(&self) -> u8 {
        match self {
            Self::Engine(error) => error.exit_code(),
            Self::Report(_) => 7,
            Self::Output(_) | Self::Plugin(PluginError::Io { .. }) => 5,
            Self::Plugin(PluginError::Core(error)) => EngineError::from(error.clone()).exit_code(),
            Self::Plugin(_) => PLUGIN,
            Self::ClosedPipe => 0,
            Self::Arguments(_) => 2,
            Self::Other(_) => 1,
        }
    }

    fn message(&self) -> String {
        match self {
            Self::Engine(error) => error.to_string(),
            Self::Report(error) => error.to_string(),
            Self::Plugin(error) => error.to_string(),
            Self::Output(error) => format!("standard output: {error}"),
            Self::ClosedPipe => String::new(),
            Self::Arguments(message) | Self::Other(message) => message.clone(),
        }
    }

    /// Tells people on standard error, and programs on standard output.
    pub(crate) fn explain(&self, language: Language, json: bool) -> ExitCode {
        match self {
            Self::ClosedPipe => return ExitCode::SUCCESS,
            Self::Engine(EngineError::Cancelled) => say(&language.text(key!("cli.cancelled"))),
            _ => {
                let word = language.text(key!("cli.error"));
                let coloured =
                    io::stderr().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
                let word = if coloured { format!("\u{1b}[1;31m{word}\u{1b}[0m") } else { word };
                say(&format!("{word}: {}", self.message()));
                if let Self::Engine(EngineError::Manifest { path, line, column, span, .. }) = self
                    && let Some(shown) = excerpt(path, *line, *column, span)
                {
                    say(&shown);
                }
            }
        }
        if json {
            let told = Told::of(self);
            // The exit code says it all the same where nobody reads.
            let _ = print_json("paname-error/1", &told);
        }
        ExitCode::from(self.exit_code())
    }
}

impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<paname_core::Error> for Failure {
    fn from(error: paname_core::Error) -> Self {
        Self::Engine(error.into())
    }
}

impl From<PluginError> for Failure {
    fn from(error: PluginError) -> Self {
        Self::Plugin(error)
    }
}

impl From<ReportError> for Failure {
    fn from(error: ReportError) -> Self {
        Self::Report(error)
    }
}

/// A failure for programs.
#[derive(Serialize)]
struct Told {
    exit_code: u8,
    message: String,
    /// Where the manifest is wrong.
    #[serde(skip_serializing_if = "Option::is_none")]
    place: Option<TextPlace>,
}

#[derive(Serialize)]
struct TextPlace {
    path: String,
    line: usize,
    column: usize,
    start: usize,
    end: usize,
}

impl Told {
    fn of(failure: &Failure) -> Self {
        let place = match failure {
            Failure::Engine(EngineError::Manifest { path, line, column, span, .. }) => Some(TextPlace {
                path: path.display().to_string(),
                line: *line,
                column: *column,
                start: span.start,
                end: span.end,
            }),
            _ => None,
        };
        Self { exit_code: failure.exit_code(), message: failure.message(), place }
    }
}

/// The line of the manifest with a mark under what is meant. None where the file is gone or holds no text.
fn excerpt(path: &Path, line: usize, column: usize, span: &Range<usize>) -> Option<String> {
    const WIDEST: usize = 200;
    let text = String::from_utf8_lossy(&std::fs::read(path).ok()?).into_owned();
    // Tabs take one column here, as they did when columns were counted; other control characters could move the cursor.
    let shown = on_one_line(text.lines().nth(line.checked_sub(1)?)?.trim_start_matches('\u{feff}'));
    let length = shown.chars().count();
    if length > WIDEST || column > length + 1 {
        return None;
    }
    let marked =
        text.get(span.clone()).map_or(1, |text| text.lines().next().unwrap_or_default().chars().count());
    let marks = marked.clamp(1, (length + 1 - (column - 1)).max(1));
    let number = line.to_string();
    let margin = " ".repeat(number.len());
    let before = " ".repeat(column - 1);
    Some(format!("{margin} |\n{number} | {shown}\n{margin} | {before}{}", "^".repeat(marks)))
}
