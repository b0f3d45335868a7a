//! `paname plan`.

use std::path::{Path, PathBuf};

use paname_core::Scale;
use paname_data::{ColumnKind, ColumnSchema, InputsSchema};
use paname_engine::{Manifest, Plan, PlannedEpsilon, PlannedRow};
use paname_evidence::{Power, Reason, Unit};
use paname_report::{Language, key};

use crate::failure::Failure;
use crate::output::{on_one_line, print, print_json};
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
        Unit::Group => key!("unit.group"),
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
        let why: Vec<String> =
            row.best_why.iter().map(|reason| language.reason_of(reason, family(row))).collect();
        format!("{}: {}\n", row.id, why.join(" "))
    });
    let told = fitted(plan, language).into_iter().chain(groups(plan, language));
    let told = told.chain(attributes(plan, language)).chain(inversions(plan, language));
    let hindered: String = told.chain(hindered).collect();
    let gap = if hindered.is_empty() { "" } else { "\n" };
    let absence =
        absence(plan, &unit, language) + &plan.epsilon.map_or_else(String::new, |e| epsilon(e, language));
    let count = language.count(plan.steps.len() as u64);
    let steps = language.fill(key!("plan.steps"), &[("n", &count), ("time", &time(plan.seconds, language))]);
    let fits = match plan.fits {
        0 => String::new(),
        n => language.fill(key!("plan.fits"), &[("n", &language.count(n))]) + " ",
    };
    let stages = if plan.stages.is_empty() {
        String::new()
    } else {
        let stages: Vec<String> = plan.stages.iter().map(u32::to_string).collect();
        language.fill(key!("plan.stages"), &[("stages", &stages.join(", "))]) + " "
    };
    let sensitive: Vec<&str> = plan
        .rows
        .iter()
        .filter_map(|row| row.attribute.as_ref())
        .flat_map(|attribute| attribute.columns.iter().map(String::as_str))
        .collect();
    let inputs =
        plan.inputs.as_ref().map_or_else(String::new, |inputs| described(inputs, &sensitive, language));
    format!(
        "{sample}\n{inputs}\n{table}{gap}{hindered}\n{absence}\n{fits}{stages}{steps}\n  {}\n",
        plan.steps.join("\n  ")
    )
}

/// The models that attacks have fitted.
fn fitted(plan: &Plan, language: Language) -> Vec<String> {
    let told = |row: &PlannedRow| {
        let values = [("id", &*row.id), ("n", &*language.count(row.fits))];
        language.fill(key!("plan.fitted"), &values) + "\n"
    };
    plan.rows.iter().filter(|row| row.fits > 0).map(told).collect()
}

/// The groups that rows will judge.
fn groups(plan: &Plan, language: Language) -> Vec<String> {
    let told = |row: &PlannedRow| {
        let groups = row.groups?;
        let values = [
            ("id", row.id.clone()),
            ("size", language.count(groups.size)),
            ("members", language.count(groups.members)),
            ("others", language.count(groups.non_members)),
            ("mixed", language.count(groups.mixed)),
        ];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        Some(language.fill(key!("plan.groups"), &values) + "\n")
    };
    plan.rows.iter().filter_map(told).collect()
}

/// The attributes that rows will guess.
fn attributes(plan: &Plan, language: Language) -> Vec<String> {
    let told = |row: &PlannedRow| {
        let attribute = row.attribute.as_ref()?;
        let mut names: Vec<String> =
            attribute.candidates.iter().take(CATEGORIES).map(|text| on_one_line(text)).collect();
        if attribute.candidates.len() > CATEGORIES {
            names.push("…".to_owned());
        }
        let scale = match attribute.scale {
            Scale::Ordinal => key!("plan.scale.ordinal"),
            Scale::Continuous => key!("plan.scale.continuous"),
            _ => key!("plan.scale.nominal"),
        };
        let values = [
            ("id", row.id.clone()),
            ("name", attribute.name.clone()),
            ("scale", language.text(scale)),
            ("n", language.count(attribute.candidates.len() as u64)),
            ("values", names.join(", ")),
            ("records", language.count(attribute.records)),
            ("left", language.count(attribute.left_out)),
            ("known", language.count(attribute.known)),
        ];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        let wanted = [("wanted", &*language.percent(attribute.wanted))];
        let margin = language.fill(key!("plan.attribute.margin"), &wanted);
        Some(language.fill(key!("plan.attribute"), &values) + &margin + "\n")
    };
    plan.rows.iter().filter_map(told).collect()
}

/// What rows will rebuild.
fn inversions(plan: &Plan, language: Language) -> Vec<String> {
    let told = |row: &PlannedRow| {
        let inversion = row.inversion?;
        let (fewest, most) = inversion.gallery;
        let pictures = if fewest == most {
            language.count(most)
        } else {
            let values = [("fewest", &*language.count(fewest)), ("most", &*language.count(most))];
            language.fill(key!("plan.inversion.gallery"), &values)
        };
        let evaluator =
            if inversion.evaluator { key!("plan.inversion.evaluator") } else { key!("plan.inversion.alone") };
        let values = [
            ("id", row.id.clone()),
            ("classes", language.count(inversion.classes)),
            ("pictures", pictures),
            ("control", language.count(inversion.control_classes)),
            ("evaluator", language.text(evaluator)),
            ("wanted", language.percent(inversion.wanted)),
        ];
        let values = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        Some(language.fill(key!("plan.inversion"), &values) + "\n")
    };
    plan.rows.iter().filter_map(told).collect()
}

/// The family of a row, by which its reasons are worded.
fn family(row: &PlannedRow) -> &'static str {
    match (&row.attribute, &row.inversion) {
        (Some(_), _) => "attribute-inference",
        (None, Some(_)) => "model-inversion",
        (None, None) => "membership-inference",
    }
}

/// What absence of a leak the audit could show, and what keeps each test from it.
fn absence(plan: &Plan, unit: &str, language: Language) -> String {
    let mut lines: Vec<String> = plan
        .absence
        .iter()
        .filter_map(|absence| {
            let mut line = language.fill(
                key!("plan.absence"),
                &[
                    ("margin", &language.percent(absence.margin?)),
                    ("level", &language.level(absence.level)),
                    ("wanted", &language.percent(absence.wanted)),
                ],
            );
            if let Some(needed) = absence.needed.filter(|_| absence.margin > Some(absence.wanted)) {
                let values = [("n", &*language.count(needed)), ("unit", unit)];
                line += &language.fill(key!("plan.absence.needed"), &values);
            }
            Some(line)
        })
        .collect();
    // Of an attribute, what can be shown depends on guesses that are not there yet.
    let by_levels = plan.rows.iter().any(|row| row.attribute.is_none() && row.inversion.is_none());
    if lines.is_empty() && by_levels {
        lines.push(language.text(key!("plan.absence.never")));
    }
    let known = |reason: &&Reason| !matches!(reason, Reason::NotBelowMargin { .. } | Reason::NoLevelResolved);
    for row in &plan.rows {
        let why: Vec<String> = row
            .absence_why
            .iter()
            .filter(known)
            .map(|reason| language.reason_of(reason, family(row)))
            .collect();
        if !why.is_empty() {
            lines.push(format!("{}: {}", row.id, why.join(" ")));
        }
    }
    lines.join("\n") + "\n"
}

/// What guesses at the coins of canaries could show.
fn epsilon(planned: PlannedEpsilon, language: Language) -> String {
    let mut line = language.fill(
        key!("plan.epsilon"),
        &[
            ("canaries", &language.count(planned.canaries)),
            ("guesses", &language.count(planned.guesses)),
            ("ceiling", &language.decimal(planned.ceiling, 2)),
            ("delta", &language.number(planned.delta)),
        ],
    );
    if let Some(claim) = planned.claim.filter(|claim| planned.ceiling <= *claim) {
        line += &language.fill(key!("plan.epsilon.beyond"), &[("claim", &language.number(claim))]);
    }
    line + "\n"
}

/// What the records are: in a line, and a table with the columns of a table.
fn described(inputs: &InputsSchema, sensitive: &[&str], language: Language) -> String {
    let shape: Vec<String> = inputs.shape.iter().map(usize::to_string).collect();
    let line = language.fill(
        key!("plan.inputs"),
        &[
            ("records", &language.count(inputs.records as u64)),
            ("shape", &shape.join(" × ")),
            ("dtype", &inputs.dtype),
        ],
    );
    if inputs.columns.is_empty() {
        return line + "\n";
    }
    let line =
        if inputs.standardised { line + &language.text(key!("plan.inputs.standardised")) } else { line };
    let heading = [
        key!("plan.column"),
        key!("plan.column.kind"),
        key!("plan.column.by"),
        key!("plan.column.categories"),
        key!("plan.column.missing"),
    ];
    let rows: Vec<Vec<String>> =
        inputs.columns.iter().take(COLUMNS).map(|column| told(column, sensitive, language)).collect();
    let more = if inputs.columns.len() > COLUMNS { "…\n" } else { "" };
    format!("{line}\n{}{more}", text_table(Some(&heading.map(|key| language.text(key))), &rows))
}

/// Columns and categories that are shown; `--json` has them all.
const COLUMNS: usize = 40;
const CATEGORIES: usize = 6;

fn told(column: &ColumnSchema, sensitive: &[&str], language: Language) -> Vec<String> {
    let kind = match column.kind {
        ColumnKind::Whole => key!("plan.column.whole"),
        ColumnKind::Real => key!("plan.column.real"),
        ColumnKind::Truth => key!("plan.column.truth"),
        ColumnKind::Category => key!("plan.column.category"),
        ColumnKind::Text => key!("plan.column.text"),
        ColumnKind::Ignored => key!("plan.column.ignored"),
    };
    let mut kind = language.text(kind);
    if let Some(group) = &column.group {
        let values = [("kind", kind.as_str()), ("group", &*on_one_line(group))];
        kind = language.fill(key!("plan.column.group"), &values);
    }
    let own = |name: &str| name == column.name || column.group.as_deref() == Some(name);
    if sensitive.iter().any(|name| own(name)) {
        kind = language.fill(key!("plan.column.guessed_at"), &[("kind", kind.as_str())]);
    }
    let guessed = if column.guessed { key!("plan.column.guessed") } else { key!("plan.column.declared") };
    let mut categories: Vec<String> =
        column.categories.iter().take(CATEGORIES).map(|text| on_one_line(text)).collect();
    if column.categories.len() > CATEGORIES {
        categories.push(format!("… ({})", language.count(column.categories.len() as u64)));
    }
    let missing: usize = column.missing.values().sum();
    let some = |text: String, there: bool| if there { text } else { "–".to_owned() };
    vec![
        on_one_line(&column.name),
        kind,
        language.text(guessed),
        some(categories.join(", "), !column.categories.is_empty()),
        some(language.count(missing as u64), missing > 0),
    ]
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
        match (&row.power, &row.attribute) {
            (Some(power), _) => detectable(power, language),
            (None, Some(attribute)) if row.runnable => {
                let values = [("difference", &*language.percent(attribute.detectable))];
                language.fill(key!("plan.attribute.detectable"), &values)
            }
            (None, _) => match row.inversion.and_then(|inversion| inversion.detectable) {
                Some(share) if row.runnable => {
                    language.fill(key!("plan.inversion.detectable"), &[("share", &language.percent(share))])
                }
                _ => "–".to_owned(),
            },
        },
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
