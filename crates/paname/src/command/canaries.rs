//! `paname canaries`.

use std::fs;
use std::io;
use std::path::Path;

use paname_engine::{Canaries, candidates, committed, largest_epsilon};
use paname_report::{Language, key};

use crate::arguments::{CanariesCommand, MakeArguments};
use crate::failure::Failure;
use crate::output::{Reader, create_private_folder, print, print_json, say, write_new};

pub(super) fn canaries(command: &CanariesCommand, language: Language, json: bool) -> Result<(), Failure> {
    match command {
        CanariesCommand::Make(arguments) => make(arguments, language, json),
        CanariesCommand::Check { canaries, commitment } => check(canaries, commitment, language, json),
    }
}

fn make(arguments: &MakeArguments, language: Language, json: bool) -> Result<(), Failure> {
    let folder = arguments.out.clone().unwrap_or_default();
    let [canaries, included, commitment] =
        ["canaries.json", "included.txt", "commitment.json"].map(|name| folder.join(name));
    // Coins that were thrown are thrown: another draw for the same model would be a choice.
    for path in [&canaries, &included, &commitment] {
        if path.symlink_metadata().is_ok() {
            return Err(Failure::file(path, io::ErrorKind::AlreadyExists.into()));
        }
    }
    let (from, place) = if let Some(table) = &arguments.table {
        (candidates(table, arguments.id.as_deref(), arguments.person.as_deref())?, table.as_path())
    } else {
        let count = arguments.count.unwrap_or_default();
        ((1..=count).map(|n| vec![format!("canary-{n}")]).collect(), Path::new("--count"))
    };
    let drawn = Canaries::draw(from, place)?;
    let published = drawn.commitment()?;
    if !folder.as_os_str().is_empty() {
        create_private_folder(&folder).map_err(|error| Failure::file(&folder, error))?;
    }
    let ids: String = drawn.included().flat_map(|id| [id, "\n"]).collect();
    let files: [(&Path, String, Reader); 3] = [
        (&canaries, pretty(&drawn)?, Reader::Owner),
        (&included, ids, Reader::Owner),
        (&commitment, pretty(&published)?, Reader::Anyone),
    ];
    write_all(&files)?;
    let [canaries, included, commitment] =
        [&canaries, &included, &commitment].map(|path| path.display().to_string());
    let ceiling = largest_epsilon(drawn.count())?;
    if json {
        return print_json(
            "paname-canaries-made/1",
            &serde_json::json!({
                "canaries": canaries,
                "included": included,
                "commitment": commitment,
                "count": published.canaries,
                "sha256": published.sha256,
                "largest_epsilon": ceiling,
            }),
        );
    }
    let count = language.count(published.canaries);
    let made =
        [("n", &*count), ("canaries", &*canaries), ("included", &*included), ("commitment", &*commitment)];
    say(&language.fill(key!("canaries.made"), &made));
    let commit = [("commitment", &*commitment), ("sha256", &*published.sha256)];
    say(&language.fill(key!("canaries.next.commit"), &commit));
    say(&language.fill(key!("canaries.next.train"), &[("included", &included)]));
    let audit = [("canaries", &*canaries), ("commitment", &*commitment)];
    say(&language.fill(key!("canaries.next.audit"), &audit));
    say(&if ceiling > 0.0 {
        language.fill(key!("canaries.ceiling"), &[("ceiling", &language.decimal(ceiling, 2))])
    } else {
        language.text(key!("canaries.few"))
    });
    Ok(())
}

/// Writes all files or, where one cannot be written, none.
fn write_all(files: &[(&Path, String, Reader)]) -> Result<(), Failure> {
    let mut written: Vec<&Path> = Vec::new();
    for (path, text, reader) in files {
        if let Err(error) = write_new(path, text, *reader) {
            for path in written {
                // The first error is what counts.
                let _ = fs::remove_file(path);
            }
            return Err(error);
        }
        written.push(path);
    }
    Ok(())
}

fn pretty(value: &impl serde::Serialize) -> Result<String, Failure> {
    let text = serde_json::to_string_pretty(value);
    text.map(|text| text + "\n").map_err(|error| Failure::Other(format!("no JSON: {error}")))
}

fn check(canaries: &Path, commitment: &Path, language: Language, json: bool) -> Result<(), Failure> {
    let (drawn, published) = committed(Path::new(""), canaries, commitment)?;
    if json {
        return print_json("paname-canaries-check/1", &serde_json::json!({ "commitment": published }));
    }
    print(&language.fill(
        key!("canaries.checked"),
        &[
            ("canaries", &canaries.display().to_string()),
            ("commitment", &commitment.display().to_string()),
            ("n", &language.count(drawn.count())),
            ("day", &language.day(&published.date)),
            ("sha256", &published.sha256),
        ],
    ))
}
