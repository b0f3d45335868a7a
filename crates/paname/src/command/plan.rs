//! `paname plan`.

use std::path::{Path, PathBuf};

use paname_engine::{Manifest, Plan, PlannedRow};
use paname_evidence::{Power, Unit};
use paname_report::{Language, key};

use crate::failure::Failure;
use crate::output::{print, print_json};
use crate::registry;
use crate::text_table::text_table;

pub(super) fn plan(
    manifest: &Path,
    plugins: &[PathBuf],
    language: Language,
    json: bool,
) -> Result<(), Failure> {
    let plan = paname_engine::plan(&Manifest::read(manifest)?, &registry::with_plugins(plugins)?)?;
    if json { print_json("paname-plan/1", &plan) } else { print(&shown(&plan, language)) }
}

fn shown(plan: &Plan, language: Language) -> String {
    let unit = language.text(match plan.unit {
        Unit::Record => key!("unit.record"),
        Unit::Person => key!("unit.person"),
    });
    let sample = language.fill(
        key!("plan.sample"),
        &[
            ("members", &language.count(plan.members)),
            ("others", &language.count(plan.non_members)),
            ("unit", &unit),
            ("population", &language.count(plan.population)),
            ("references", &language.count(plan.references)),
        ],
    );
    let heading = [
        key!("plan.test"),
        key!("plan.attack"),
        key!("plan.references"),
        key!("plan.controls"),
        key!("plan.questions"),
        key!("plan.best"),
        key!("plan.detectable"),
        key!("plan.signals"),
    ];
    let heading = heading.map(|key| language.text(key));
    let rows: Vec<Vec<String>> = plan.rows.iter().map(|row| cells(row, language)).collect();
    let table = text_table(Some(&heading), &rows);
    let hindered = plan.rows.iter().filter(|row| !row.best_why.is_empty()).map(|row| {
        let why: Vec<String> = row.best_why.iter().map(|reason| language.reason(reason)).collect();
        format!("{}: {}\n", row.id, why.join(" "))
    });
    let hindered: String = hindered.collect();
    let gap = if hindered.is_empty() { "" } else { "\n" };
    let count = language.count(plan.steps.len() as u64);
    let steps = language.fill(key!("plan.steps"), &[("n", &count), ("time", &time(plan.seconds, language))]);
    let fits = match plan.fits {
        0 => String::new(),
        n => language.fill(key!("plan.fits"), &[("n", &language.count(n))]) + " ",
    };
    format!("{sample}\n\n{table}{gap}{hindered}\n{fits}{steps}\n  {}\n", plan.steps.join("\n  "))
}

fn cells(row: &PlannedRow, language: Language) -> Vec<String> {
    let count = |n: u64| if n == 0 { "–".to_owned() } else { language.count(n) };
    let signals = if row.signals.is_empty() { "–".to_owned() } else { row.signals.join(", ") };
    vec![
        row.id.clone(),
        row.attack.clone().unwrap_or_else(|| "–".to_owned()),
        count(row.references),
        count(row.unrelated),
        count(row.queries),
        language.verdict(row.best_verdict),
        row.power.as_ref().map_or_else(|| "–".to_owned(), |power| detectable(power, language)),
        signals,
    ]
}

/// What the row can see: at each level that the sample resolves, and by the AUC.
fn detectable(power: &Power, language: Language) -> String {
    let levels = power.tpr.iter().filter_map(|(level, tpr)| {
        let values = [("tpr", language.percent((*tpr)?)), ("level", language.level(*level))];
        Some(language.fill(key!("plan.tpr"), &values.each_ref().map(|(name, value)| (*name, value.as_str()))))
    });
    let auc = power.auc.map(|auc| format!("AUC {}", language.decimal(auc, 3)));
    let all: Vec<String> = levels.chain(auc).collect();
    if all.is_empty() { "–".to_owned() } else { all.join("; ") }
}

fn time(seconds: f64, language: Language) -> String {
    let (key, number) = match seconds {
        s if s < 120.0 => (key!("plan.seconds"), s),
        s if s < 7200.0 => (key!("plan.minutes"), s / 60.0),
        s => (key!("plan.hours"), s / 3600.0),
    };
    language.fill(key, &[("n", &language.count(number.ceil().max(1.0) as u64))])
}
