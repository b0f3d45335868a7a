//! The common grid: one row per test, one per family without a test. What every test shares is said once, beside the grid.

use paname_evidence::{AttributeResult, Core, InversionResult, MembershipResult, Reason, Row};
use serde::Serialize;

use super::found::Found;
use super::words::{self, Badge};
use super::{inversion, lead, reason};
use crate::{Language, key};

#[derive(Serialize)]
pub(crate) struct Grid {
    rows: Vec<GridRow>,
    /// Whether rows state their smallest detectable effect: those of a grid whose rows share it do not.
    detectable: bool,
    notes: Vec<String>,
}

#[derive(Serialize)]
struct GridRow {
    title: String,
    id: String,
    /// Whether the id is a name that the manifest gave, not the family's or the title.
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
    headline: String,
    more: Vec<String>,
    control: String,
    control_models: Option<String>,
    detectable: Vec<String>,
}

pub(crate) fn grid(core: &Core, language: Language) -> Grid {
    let rows = &core.rows;
    let results: Vec<Found> = rows.iter().filter_map(Found::of).collect();
    let sample = shared(results.iter().map(|found| found.sample(language)));
    let detectable = shared(results.iter().map(|found| detectable_of(*found, language)));
    let mut notes = vec![language.text(key!("grid.note"))];
    notes.extend(sample.clone());
    if let (Some(effects), Some(found)) = (&detectable, results.first()) {
        notes.push(match &effects[..] {
            [] => language.text(key!("grid.note.detectable.none")),
            effects => language.plural(
                effects.len() as u64,
                key!("grid.note.detectable.one"),
                key!("grid.note.detectable.many"),
                &[("power", &language.level(found.power(core))), ("effects", &language.list(effects))],
            ),
        });
    }
    Grid {
        rows: rows.iter().enumerate().map(|(i, row)| self::row(i, row, sample.is_none(), language)).collect(),
        detectable: !results.is_empty() && detectable.is_none(),
        notes,
    }
}

/// The value that all items have.
fn shared<T: PartialEq>(mut items: impl Iterator<Item = T>) -> Option<T> {
    let first = items.next()?;
    items.all(|item| item == first).then_some(first)
}

fn row(index: usize, row: &Row, with_sample: bool, language: Language) -> GridRow {
    let title = words::title(row, language);
    GridRow {
        id: row.id.clone(),
        named: row.id != row.family && row.id != title,
        title,
        anchor: Found::of(row).map(|_| format!("test-{index}")),
        edpb: row.edpb.clone(),
        badge: words::badge(row.verdict, language),
        figures: Found::of(row).map(|found| figures(row, found, with_sample, language)),
        reasons: reason::sentences(row, language),
    }
}

fn figures(row: &Row, found: Found, with_sample: bool, language: Language) -> Figures {
    let (headline, mut more) = match found {
        Found::Membership(result) => headline(result, language),
        Found::Attribute(result) => attribute_headline(result, language),
        Found::Inversion(result) => inversion_headline(row, result, language),
    };
    if with_sample {
        more.push(found.sample(language));
    }
    let (control, control_models) = control(row, found, language);
    Figures { headline, more, control, control_models, detectable: detectable_of(found, language) }
}

/// The headline of a row about rebuilt inputs, what it comes to, and how often the class is recognised.
fn inversion_headline(row: &Row, result: &InversionResult, language: Language) -> (String, Vec<String>) {
    let members = &result.nearest.members;
    let outcome = inversion::outcome(row, language);
    let recognised = match (&result.attack.recognised, &result.evaluator) {
        (Some(recognised), Some(evaluator)) => language.fill(
            key!("grid.inversion.recognised"),
            &[
                ("hits", &language.count(recognised.hits)),
                ("classes", &language.count(recognised.trials)),
                ("accuracy", &language.percent(evaluator.non_members.estimate)),
            ],
        ),
        _ => language.text(key!("grid.inversion.unseen")),
    };
    if members.trials == 0 {
        return (language.text(key!("grid.inversion.none")), vec![outcome, recognised]);
    }
    let headline = language.fill(
        key!("grid.inversion"),
        &[
            ("share", &language.percent(members.estimate)),
            ("hits", &language.count(members.hits)),
            ("classes", &language.count(members.trials)),
        ],
    );
    let range = language.percent_range(&members.interval);
    let range = words::interval(members.interval.confidence, &range, language);
    (headline, vec![range, outcome, recognised])
}

/// The headline of a row about an attribute, and the shares that it is made of.
fn attribute_headline(result: &AttributeResult, language: Language) -> (String, Vec<String>) {
    let share = |accuracy: &paname_evidence::Accuracy| language.percent(accuracy.share);
    let interval = &result.difference.interval;
    let range = words::interval(interval.confidence, &language.points_range(interval), language);
    let shares = language.fill(
        key!("grid.attribute.shares"),
        &[
            ("attribute", &result.attribute),
            ("members", &share(&result.attack.members)),
            ("members_without", &share(&result.imputation.members)),
            ("others", &share(&result.attack.non_members)),
            ("others_without", &share(&result.imputation.non_members)),
        ],
    );
    let net = language.points(result.difference.value);
    (language.fill(key!("grid.attribute"), &[("net", &net)]), vec![range, shares])
}

/// The figure that speaks for the row, and what goes with it.
fn headline(result: &MembershipResult, language: Language) -> (String, Vec<String>) {
    let average = language.fill(key!("grid.auc"), &[("auc", &language.decimal(result.auc.auc, 3))]);
    let interval = &result.auc.interval;
    let average_range = words::interval(interval.confidence, &language.decimal_range(interval, 3), language);
    let rate = |rate: &paname_stats::Rate| [language.count(rate.hits), language.count(rate.trials)];
    match (lead::telling_rates(result), lead::headline_level(result).and_then(|level| level.fixed)) {
        (Some(fixed), _) => {
            let [alarms, others] = rate(&fixed.fpr);
            let interval = &fixed.tpr.interval;
            let range = words::interval(interval.confidence, &language.percent_range(interval), language);
            let alarms = language.fill(key!("grid.alarms"), &[("alarms", &alarms), ("others", &others)]);
            let headline = language.fill(key!("grid.tpr"), &[("tpr", &language.percent(fixed.tpr.estimate))]);
            (headline, vec![range, alarms, average])
        }
        (None, Some(fixed)) => {
            let ([hits, members], [alarms, others]) = (rate(&fixed.tpr), rate(&fixed.fpr));
            let flat = language.fill(
                key!("grid.flat"),
                &[
                    ("level", &language.level(fixed.level)),
                    ("hits", &hits),
                    ("members", &members),
                    ("alarms", &alarms),
                    ("others", &others),
                ],
            );
            (average, vec![average_range, flat])
        }
        (None, None) => (average, vec![average_range]),
    }
}

/// What the control says, and on how many models.
fn control(row: &Row, found: Found, language: Language) -> (String, Option<String>) {
    let models = found.unrelated().iter().map(|control| control.null.len()).max().unwrap_or(0) as u64;
    let on = (models > 0)
        .then(|| language.plural(models, key!("grid.control.one"), key!("grid.control.many"), &[]));
    let stated = row.reasons.iter().find_map(|reason| {
        let (key, p) = match reason {
            Reason::AboveUnrelatedModels { p } => (key!("grid.control.passed"), *p),
            Reason::Confounded { p, .. } => (key!("grid.control.failed"), *p),
            _ => return None,
        };
        Some(language.fill(key, &[("p", &language.p_equation(p))]))
    });
    let random = row.reasons.contains(&Reason::RandomSplitDeclared);
    if matches!(found, Found::Inversion(_)) {
        // Records that the model never saw are the control, whatever the split.
        let unseen = |reason: &Reason| matches!(reason, Reason::PersonsIdentified { .. });
        let key = if row.reasons.iter().any(unseen) {
            key!("grid.inversion.control")
        } else if random {
            key!("grid.control.random")
        } else if row.reasons.contains(&Reason::ShiftNotExcluded) {
            key!("grid.control.none")
        } else {
            key!("grid.control.idle")
        };
        return (language.text(key), None);
    }
    match stated {
        Some(stated) => (stated, on),
        None if random => (language.text(key!("grid.control.random")), failed_control(found, on, language)),
        None if models > 0 => (language.text(key!("grid.control.idle")), on),
        None => (language.text(key!("grid.control.none")), None),
    }
}

/// A declared random split settles the question; a control that disagrees is shown all the same.
fn failed_control(found: Found, on: Option<String>, language: Language) -> Option<String> {
    let p = found.tests().iter().filter_map(|test| test.p_controlled).min_by(f64::total_cmp)?;
    if p <= found.alpha() {
        return on;
    }
    let stated = language.fill(key!("grid.control.failed"), &[("p", &language.p_equation(p))]);
    Some(format!("{} – {stated}", on?))
}

fn detectable_of(found: Found, language: Language) -> Vec<String> {
    match found {
        Found::Membership(result) => detectable(result, language),
        Found::Attribute(result) => {
            let net = result.detectable.map(|net| language.points(net));
            let effect = net.map(|net| language.fill(key!("grid.attribute.detectable"), &[("net", &net)]));
            effect.into_iter().collect()
        }
        Found::Inversion(result) => {
            let share = result.detectable.map(|share| language.percent(share));
            let effect =
                share.map(|share| language.fill(key!("grid.inversion.detectable"), &[("share", &share)]));
            effect.into_iter().collect()
        }
    }
}

/// The smallest effects that this sample shows with the declared probability.
pub(crate) fn detectable(result: &MembershipResult, language: Language) -> Vec<String> {
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
    parts
}
