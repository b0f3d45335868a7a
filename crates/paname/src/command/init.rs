//! `paname init`.

use std::io::{self, IsTerminal as _, Write as _};
use std::path::PathBuf;

use paname_engine::{TemplateAnswers, template};
use paname_report::{Key, Language, key};

use crate::arguments::InitArguments;
use crate::failure::Failure;
use crate::output::{Reader, print_json, say, write_new};

pub(super) fn init(arguments: &InitArguments, language: Language, json: bool) -> Result<(), Failure> {
    let path = arguments.path.clone().unwrap_or_else(|| PathBuf::from("audit.toml"));
    // Before anybody answers a question in vain.
    if path.symlink_metadata().is_ok() {
        return Err(Failure::file(&path, io::ErrorKind::AlreadyExists.into()));
    }
    let answers = answers(arguments, language)?;
    // Who audits what is nobody else's business.
    write_new(&path, &template(language.code(), &answers), Reader::Owner)?;
    let shown = path.display().to_string();
    if json {
        return print_json("paname-init/1", &serde_json::json!({ "manifest": shown }));
    }
    say(&language.fill(key!("init.written"), &[("path", &shown)]));
    if answers.personal {
        say(&language.text(key!("init.personal_next")));
    }
    Ok(())
}

/// What the arguments say; the rest is asked where there is somebody to ask.
fn answers(arguments: &InitArguments, language: Language) -> Result<TemplateAnswers, Failure> {
    let defaults = TemplateAnswers::default();
    let interactive = io::stdin().is_terminal() && io::stderr().is_terminal();
    let text = |given: &Option<String>, question: Key, default: String| -> Result<String, Failure> {
        match given {
            Some(given) => Ok(given.clone()),
            None if interactive => Ok(ask(&language.text(question), &default)?.unwrap_or(default)),
            None => Ok(default),
        }
    };
    let organisation =
        text(&arguments.organisation, key!("init.organisation"), language.text(key!("init.example")))?;
    let records = text(&arguments.records, key!("init.records"), defaults.records)?;
    let no = language.text(key!("no"));
    let personal = arguments.personal
        || interactive
            && ask(&language.text(key!("init.personal")), &no)?
                .is_some_and(|answer| answer.to_lowercase().starts_with(['o', 'y']));
    Ok(TemplateAnswers { organisation, records, personal })
}

/// Asks on standard error; an empty line stands for the default.
fn ask(question: &str, default: &str) -> Result<Option<String>, Failure> {
    let failed = |error: io::Error| Failure::Other(format!("no answer could be read: {error}"));
    let mut stderr = io::stderr().lock();
    write!(stderr, "{question} [{default}] ").and_then(|()| stderr.flush()).map_err(failed)?;
    let mut line = String::new();
    io::stdin().read_line(&mut line).map_err(failed)?;
    let answer = line.trim();
    Ok((!answer.is_empty()).then(|| answer.to_owned()))
}
