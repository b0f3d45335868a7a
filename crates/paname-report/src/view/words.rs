//! Names of things: verdicts, families, models, tests, values of the manifest.

use paname_evidence::{Core, MembershipResult, Row, SliceKind, Statistic, Unit, Verdict};
use paname_stats::Rate;
use serde::Serialize;
use serde_json::Value;

use super::found::Found;
use crate::{Language, key};

/// A verdict as words, a symbol and the name of its colour, so that no reader depends on the colour.
#[derive(Serialize)]
pub(crate) struct Badge {
    symbol: &'static str,
    text: String,
    class: &'static str,
}

pub(crate) fn badge(verdict: Verdict, language: Language) -> Badge {
    let (symbol, class) = match verdict {
        Verdict::LeakDemonstrated => ("▲", "leak"),
        Verdict::Inconclusive => ("◆", "inconclusive"),
        Verdict::NoLeakDetected => ("●", "clear"),
        Verdict::NotTested => ("○", "untested"),
        Verdict::NotApplicable => ("–", "untested"),
    };
    Badge { symbol, text: verdict_name(verdict, language), class }
}

pub(crate) fn verdict_name(verdict: Verdict, language: Language) -> String {
    language.text(match verdict {
        Verdict::LeakDemonstrated => key!("verdict.leak_demonstrated"),
        Verdict::Inconclusive => key!("verdict.inconclusive"),
        Verdict::NoLeakDetected => key!("verdict.no_leak_detected"),
        Verdict::NotTested => key!("verdict.not_tested"),
        Verdict::NotApplicable => key!("verdict.not_applicable"),
    })
}

/// The name of a family; one that this table does not know is given back unchanged.
pub(crate) fn family(name: &str, language: Language) -> String {
    language.text(match name {
        "membership-inference" => key!("family.membership_inference"),
        "attribute-inference" => key!("family.attribute_inference"),
        "model-inversion" => key!("family.model_inversion"),
        "reconstruction" => key!("family.reconstruction"),
        "extraction" => key!("family.extraction"),
        "exfiltration" => key!("family.exfiltration"),
        "regurgitation" => key!("family.regurgitation"),
        other => return other.to_owned(),
    })
}

/// What a model does, by its name in the evidence.
pub(crate) fn task(name: &str, language: Language) -> String {
    language.text(match name {
        "classification" => key!("task.classification"),
        "multi-label" => key!("task.multi_label"),
        "regression" => key!("task.regression"),
        "embedding" => key!("task.embedding"),
        "reconstruction" => key!("task.reconstruction"),
        "generation" => key!("task.generation"),
        "density" => key!("task.density"),
        "clustering" => key!("task.clustering"),
        other => return other.to_owned(),
    })
}

/// A name inside a sentence.
pub(crate) fn lower_first(name: &str) -> String {
    let mut letters = name.chars();
    letters.next().map_or_else(String::new, |first| first.to_lowercase().chain(letters).collect())
}

pub(crate) fn unit(unit: Unit, language: Language) -> String {
    language.text(match unit {
        Unit::Record => key!("unit.record"),
        Unit::Person => key!("unit.person"),
        Unit::Group => key!("unit.group"),
    })
}

/// What members and non-members are where groups are judged.
pub(crate) fn groups_meaning(result: &MembershipResult, language: Language) -> Option<String> {
    let size = language.count(result.groups.as_ref()?.size);
    Some(language.fill(key!("groups.meaning"), &[("size", &size)]))
}

/// What the values of an attribute are to each other; a word that this table does not know is given back unchanged.
pub(crate) fn scale(name: &str, language: Language) -> String {
    language.text(match name {
        "nominal" => key!("scale.nominal"),
        "ordinal" => key!("scale.ordinal"),
        "continuous" => key!("scale.continuous"),
        other => return other.to_owned(),
    })
}

/// How a search for an input ended, by its name in the evidence; one that this table does not know is given back unchanged.
pub(crate) fn ending(name: &str, language: Language) -> String {
    language.text(match name {
        "reached" => key!("ending.reached"),
        "settled" => key!("ending.settled"),
        "spent" => key!("ending.spent"),
        "lost" => key!("ending.lost"),
        "cut" => key!("ending.cut"),
        other => return other.to_owned(),
    })
}

/// Who rebuilt an input, by the name in the evidence; one that this table does not know is given back unchanged.
pub(crate) fn rebuilt_by(name: &str, language: Language) -> String {
    language.text(match name {
        "attack" => key!("inversion.arm.attack"),
        "unregularised" => key!("inversion.arm.unregularised"),
        "average" => key!("inversion.arm.average"),
        "members_average" => key!("inversion.arm.members_average"),
        other => return other.to_owned(),
    })
}

/// So many of so many.
pub(crate) fn rate(rate: &Rate, language: Language) -> String {
    language.fill(
        key!("test.rate"),
        &[
            ("share", &language.percent(rate.estimate)),
            ("hits", &language.count(rate.hits)),
            ("trials", &language.count(rate.trials)),
        ],
    )
}

/// `95% interval: ` and the range as it is printed.
pub(crate) fn interval(confidence: f64, range: &str, language: Language) -> String {
    language.fill(key!("grid.interval"), &[("confidence", &language.level(confidence)), ("range", range)])
}

pub(crate) fn slice_kind(kind: SliceKind, language: Language) -> String {
    language.text(match kind {
        SliceKind::Class => key!("slice.class"),
        SliceKind::Correctness => key!("slice.correctness"),
        SliceKind::Group => key!("slice.group"),
    })
}

/// The name of a part of the data: the user's own, but for what the program itself cuts by.
pub(crate) fn slice_value(kind: SliceKind, value: &str, language: Language) -> String {
    match (kind, value) {
        (SliceKind::Correctness, "correct") => language.text(key!("slice.correctness.correct")),
        (SliceKind::Correctness, "wrong") => language.text(key!("slice.correctness.wrong")),
        _ => value.to_owned(),
    }
}

pub(crate) fn statistic(statistic: Statistic, language: Language) -> String {
    match statistic {
        Statistic::Auc => language.text(key!("statistic.auc")),
        Statistic::TprAt(level) => language.fill(key!("statistic.tpr"), &[("level", &language.level(level))]),
        Statistic::AccuracyDifference => language.text(key!("statistic.net")),
        Statistic::NearestMember => language.text(key!("statistic.nearest")),
        Statistic::Identified => language.text(key!("statistic.identified")),
    }
}

/// A statistic as the control compares it: on every model its rate is read off the same data.
pub(crate) fn control_statistic(statistic: Statistic, language: Language) -> String {
    match statistic {
        Statistic::Auc | Statistic::NearestMember | Statistic::Identified => {
            self::statistic(statistic, language)
        }
        Statistic::TprAt(level) => {
            language.fill(key!("statistic.tpr.same_data"), &[("level", &language.level(level))])
        }
        Statistic::AccuracyDifference => language.text(key!("statistic.net.points")),
    }
}

/// A value of a statistic: a plain number for the AUC, a share for a rate, points for a difference of shares.
pub(crate) fn statistic_value(statistic: Statistic, value: f64, language: Language) -> String {
    match statistic {
        Statistic::Auc => language.decimal(value, 3),
        Statistic::TprAt(_) | Statistic::NearestMember | Statistic::Identified => language.percent(value),
        Statistic::AccuracyDifference => language.points(value),
    }
}

/// The title of a row, with the attribute that it is about.
pub(crate) fn title(row: &Row, language: Language) -> String {
    let title = own_title(row, language);
    match &row.attribute {
        Some(result) => {
            language.fill(key!("title.attribute"), &[("title", &title), ("attribute", &result.attribute)])
        }
        None => title,
    }
}

/// A row's attack's title, else its family's; scores that some other program computed have no attack but a name of their own.
fn own_title(row: &Row, language: Language) -> String {
    match (&row.attack, Found::of(row)) {
        (Some(attack), _) => match language {
            Language::French => language.printed(&attack.title_fr),
            Language::English => language.printed(&attack.title_en),
        },
        (None, Some(_)) => row.id.clone(),
        (None, None) => family(&row.family, language),
    }
}

/// The model's name: the manifest's, else the adapter's.
pub(crate) fn model_name(core: &Core) -> Option<String> {
    let declared = declared(core, &["model", "name"]).and_then(Value::as_str).map(str::trim);
    let own = core.target.as_ref().map(|target| target.name.trim());
    [declared, own].into_iter().flatten().find(|name| !name.is_empty()).map(str::to_owned)
}

/// An answer of the manifest. What is missing, null or an empty text is no answer.
pub(crate) fn declared<'a>(core: &'a Core, path: &[&str]) -> Option<&'a Value> {
    let found = path.iter().try_fold(&core.declared, |value, key| value.get(key))?;
    let empty = found.is_null() || found.as_str().is_some_and(|text| text.trim().is_empty());
    (!empty).then_some(found)
}

/// A value of the manifest as text.
pub(crate) fn value(value: &Value, language: Language) -> String {
    match value {
        Value::Null => language.text(key!("not_declared")),
        Value::Bool(true) => language.text(key!("yes")),
        Value::Bool(false) => language.text(key!("no")),
        Value::Number(number) => match (number.as_u64(), number.as_f64()) {
            (Some(count), _) => language.count(count),
            (None, Some(real)) => language.number(real),
            (None, None) => number.to_string(),
        },
        Value::String(text) => text.clone(),
        Value::Array(items) if items.is_empty() => language.text(key!("declared_empty")),
        Value::Array(items) => {
            items.iter().map(|item| self::value(item, language)).collect::<Vec<_>>().join(", ")
        }
        Value::Object(fields) => {
            let field = |(name, item): (&String, &Value)| format!("{name} = {}", self::value(item, language));
            fields.iter().map(field).collect::<Vec<_>>().join(", ")
        }
    }
}

/// Parameters and settings, one row per leaf, as they are written in a manifest.
pub(crate) fn flattened(value: &Value) -> Vec<(String, String)> {
    fn walk(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
        match value {
            Value::Object(fields) => {
                for (name, field) in fields {
                    let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
                    walk(&path, field, rows);
                }
            }
            Value::String(text) => rows.push((path.to_owned(), text.clone())),
            Value::Null => rows.push((path.to_owned(), "–".to_owned())),
            other => rows.push((path.to_owned(), other.to_string())),
        }
    }
    let mut rows = Vec::new();
    walk("", value, &mut rows);
    rows
}
