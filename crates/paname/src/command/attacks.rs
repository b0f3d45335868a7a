//! `paname attacks`.

use std::path::PathBuf;

use paname_core::{Entry, Origin};
use paname_report::{Language, key};
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::text_table::text_table;
use crate::{registry, schema_text};

pub(super) fn attacks(
    name: Option<&str>,
    plugins: &[PathBuf],
    language: Language,
    json: bool,
) -> Result<(), Failure> {
    let registry = registry::with_plugins(plugins)?;
    match name {
        Some(name) => {
            let found = registry.attack_of(name);
            let (entry, origin) = found.map_err(|error| Failure::Arguments(error.to_string()))?;
            let told = Told::of(entry, origin)?;
            if json { print_json("paname-attack/1", &told) } else { print(&page(entry, &told, language)) }
        }
        None if json => {
            let attacks = registry
                .attacks()
                .map(|(entry, origin)| Told::of(entry, origin))
                .collect::<Result<_, _>>()?;
            print_json("paname-attacks/1", &List { attacks })
        }
        None => {
            let rows: Vec<Vec<String>> = registry
                .attacks()
                .map(|(entry, _)| {
                    vec![
                        entry.info.name.to_owned(),
                        title(entry, language).to_owned(),
                        entry.info.formula.to_owned(),
                    ]
                })
                .collect();
            print(&format!("{}\n{}", text_table(None, &rows), language.text(key!("attacks.more"))))
        }
    }
}

/// The manual of every attack, for people who read before they build.
pub(super) fn manual(language: Language) -> Result<(), Failure> {
    // The manual that is committed tells of what every build holds, not of the plugins of one machine.
    let registry = registry::linked()?;
    let mut text = format!("# {}\n", language.text(key!("attacks.manual")));
    for (entry, origin) in registry.attacks() {
        let told = Told::of(entry, origin)?;
        // The head of the source file is a page of its own; here it is a section.
        text.extend(["\n#", entry.info.manual().trim(), "\n"]);
        let rows = schema_text::keys(&told.schema, &told.defaults, language);
        if !rows.is_empty() {
            text.extend(["\n", &language.text(key!("attacks.parameter_list")), "\n\n"]);
        }
        for row in rows {
            let [name, facts @ .., about] = &row[..] else { continue };
            let facts: Vec<&str> = facts.iter().map(String::as_str).filter(|fact| !fact.is_empty()).collect();
            text.extend(["- `", name.trim(), "` (", &facts.join("; "), "): ", about, "\n"]);
        }
    }
    print(text.trim_end())
}

const fn title(entry: &Entry, language: Language) -> &'static str {
    match language {
        Language::French => entry.info.title_fr,
        Language::English => entry.info.title_en,
    }
}

fn page(entry: &Entry, told: &Told, language: Language) -> String {
    let info = &entry.info;
    let summary = match language {
        Language::French => info.summary_fr,
        Language::English => info.summary_en,
    };
    let family = language.family(&told.family);
    let facts = [
        (key!("attacks.family"), family.as_str()),
        (key!("attacks.formula"), info.formula),
        (key!("attacks.paper"), info.paper),
    ]
    .map(|(key, value)| vec![language.text(key), value.to_owned()]);
    let rows = schema_text::keys(&told.schema, &told.defaults, language);
    let parameters = if rows.is_empty() {
        language.text(key!("attacks.no_parameters"))
    } else {
        format!("{}\n{}", language.text(key!("attacks.parameters")), text_table(None, &rows))
    };
    format!(
        "{}: {}\n{summary}\n\n{}\n{}\n\n{parameters}",
        info.name,
        title(entry, language),
        text_table(None, &facts),
        info.manual().trim()
    )
}

#[derive(Serialize)]
struct List {
    attacks: Vec<Told>,
}

/// An attack for programs.
#[derive(Serialize)]
struct Told {
    name: &'static str,
    version: u32,
    family: String,
    title_fr: &'static str,
    title_en: &'static str,
    summary_fr: &'static str,
    summary_en: &'static str,
    formula: &'static str,
    paper: &'static str,
    origin: String,
    schema: Value,
    defaults: Value,
}

impl Told {
    fn of(entry: &Entry, origin: &Origin) -> Result<Self, Failure> {
        let info = entry.info;
        let family = serde_json::to_value(info.family).ok().and_then(|name| name.as_str().map(str::to_owned));
        Ok(Self {
            name: info.name,
            version: info.version,
            family: family.unwrap_or_default(),
            title_fr: info.title_fr,
            title_en: info.title_en,
            summary_fr: info.summary_fr,
            summary_en: info.summary_en,
            formula: info.formula,
            paper: info.paper,
            origin: origin.to_string(),
            schema: entry.schema()?,
            defaults: entry.resolve(Value::Null)?,
        })
    }
}
