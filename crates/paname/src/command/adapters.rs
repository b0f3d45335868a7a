//! `paname adapters`.

use std::path::PathBuf;

use paname_core::AdapterEntry;
use paname_report::{Language, key};
use serde::Serialize;
use serde_json::Value;

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::text_table::text_table;
use crate::{registry, schema_text};

pub(super) fn adapters(
    name: Option<&str>,
    plugins: &[PathBuf],
    language: Language,
    json: bool,
) -> Result<(), Failure> {
    let registry = registry::with_plugins(plugins)?;
    match name {
        Some(name) => {
            let entry = registry.adapter(name).map_err(|error| Failure::Arguments(error.to_string()))?;
            let told = Told::of(entry)?;
            if json { print_json("paname-adapter/1", &told) } else { print(&page(entry, &told, language)) }
        }
        None if json => {
            let adapters = registry.adapters().map(|(entry, _)| Told::of(entry)).collect::<Result<_, _>>()?;
            print_json("paname-adapters/1", &List { adapters })
        }
        None => {
            let row =
                |entry: &AdapterEntry| vec![entry.info.name.to_owned(), summary(entry, language).to_owned()];
            let rows: Vec<Vec<String>> = registry.adapters().map(|(entry, _)| row(entry)).collect();
            print(&format!("{}\n{}", text_table(None, &rows), language.text(key!("adapters.more"))))
        }
    }
}

const fn summary(entry: &AdapterEntry, language: Language) -> &'static str {
    match language {
        Language::French => entry.info.summary_fr,
        Language::English => entry.info.summary_en,
    }
}

fn page(entry: &AdapterEntry, told: &Told, language: Language) -> String {
    let rows = schema_text::keys(&told.schema, &Value::Null, language);
    let offers = vec![language.text(key!("adapters.offers")), told.offers.join(", ")];
    format!(
        "{}: {}\n\n{}\n{}\n{}",
        entry.info.name,
        summary(entry, language),
        text_table(None, &[offers]),
        language.text(key!("adapters.keys")),
        text_table(None, &rows)
    )
}

#[derive(Serialize)]
struct List {
    adapters: Vec<Told>,
}

/// An adapter for programs.
#[derive(Serialize)]
struct Told {
    name: &'static str,
    version: u32,
    summary_fr: &'static str,
    summary_en: &'static str,
    offers: Vec<&'static str>,
    schema: Value,
}

impl Told {
    fn of(entry: &AdapterEntry) -> Result<Self, Failure> {
        let info = entry.info;
        Ok(Self {
            name: info.name,
            version: info.version,
            summary_fr: info.summary_fr,
            summary_en: info.summary_en,
            offers: info.offers.names().collect(),
            schema: entry.schema()?,
        })
    }
}
