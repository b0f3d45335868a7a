//! The common grid: one row per test, one per family without a test.

use paname_evidence::{MembershipResult, Reason, Row};
use serde::Serialize;

use super::words::{self, Badge};
use super::{lead, reason};
use crate::{Language, key};

#[derive(Serialize)]
pub(crate) struct GridRow {
    title: String,
    id: String,
    /// Whether the id is a name that the manifest gave, not the family's.
    named: bool,
    anchor: Option<String>,
    edpb: String,
    badge: Badge,
    /// Figures, or the reasons why there are none.
    figures: Option<Figures>,
    reasons: Vec<String>,
}

#[derive(Serialize)]
struct Figures {
    sample: String,
    headline: String,
    interval: String,
    control: String,
    detectable: String,
}

pub(crate) fn row(index: usize, row: &Row, language: Language) -> GridRow {
    GridRow {
        title: words::title(row, language),
        id: row.id.clone(),
        named: row.id != row.family,
        anchor: row.membership.as_ref().map(|_| format!("test-{index}")),
        edpb: row.edpb.clone(),
        badge: words::badge(row.verdict, language),
        figures: row.membership.as_ref().map(|result| figures(row, result, language)),
        reasons: reason::sentences(&row.reasons, language),
    }
}

fn figures(row: &Row, result: &MembershipResult, language: Language) -> Figures {
    let (headline, interval) = headline(result, language);
    Figures {
        sample: language.fill(
            key!("grid.sample"),
            &[
                ("members", &language.count(result.members)),
                ("others", &language.count(result.non_members)),
                ("unit", &words::unit(result.unit, language)),
            ],
        ),
        headline,
        interval,
        control: control(row, result, language),
        detectable: detectable(result, language),
    }
}

fn headline(result: &MembershipResult, language: Language) -> (String, String) {
    let confidence = |interval: &paname_stats::Interval| language.level(interval.confidence);
    let level = lead::headline_level(result).and_then(|level| level.fixed);
    match level {
        Some(fixed) => (
            language.fill(
                key!("grid.tpr"),
                &[
                    ("tpr", &language.percent(fixed.tpr.estimate)),
                    ("fpr", &language.percent(fixed.fpr.estimate)),
                ],
            ),
            language.fill(
                key!("grid.interval"),
                &[
                    ("confidence", &confidence(&fixed.tpr.interval)),
                    ("range", &language.percent_range(&fixed.tpr.interval)),
                ],
            ),
        ),
        None => (
            language.fill(key!("grid.auc"), &[("auc", &language.decimal(result.auc.auc, 3))]),
            language.fill(
                key!("grid.interval"),
                &[
                    ("confidence", &confidence(&result.auc.interval)),
                    ("range", &language.decimal_range(&result.auc.interval, 3)),
                ],
            ),
        ),
    }
}

fn control(row: &Row, result: &MembershipResult, language: Language) -> String {
    let models = result.unrelated.iter().map(|control| control.null.len()).max().unwrap_or(0) as u64;
    if models > 0 {
        let mut p_values: Vec<String> = Vec::new();
        for p in result.unrelated.iter().map(|control| language.p_equation(control.p)) {
            if !p_values.contains(&p) {
                p_values.push(p);
            }
        }
        let p_values = p_values.join(", ");
        return language.plural(
            models,
            key!("grid.control.one"),
            key!("grid.control.many"),
            &[("p", p_values.as_str())],
        );
    }
    language.text(if row.reasons.contains(&Reason::RandomSplitDeclared) {
        key!("grid.control.random")
    } else {
        key!("grid.control.none")
    })
}

/// The smallest effects that this sample shows with the declared probability.
pub(crate) fn detectable(result: &MembershipResult, language: Language) -> String {
    let level = lead::headline_level(result).map(|level| level.level);
    let tpr = result.power.tpr.iter().find(|(given, _)| Some(*given) == level).and_then(|(_, tpr)| *tpr);
    let mut parts = Vec::new();
    if let (Some(tpr), Some(level)) = (tpr, level) {
        parts.push(language.fill(
            key!("grid.detectable.tpr"),
            &[("tpr", &language.percent(tpr)), ("level", &language.level(level))],
        ));
    }
    if let Some(auc) = result.power.auc {
        parts.push(language.fill(key!("grid.detectable.auc"), &[("auc", &language.decimal(auc, 3))]));
    }
    if parts.is_empty() { language.text(key!("grid.detectable.none")) } else { parts.join(", ") }
}
