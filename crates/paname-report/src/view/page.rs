//! The whole page.

use minijinja::Value;
use paname_evidence::{Evidence, MembershipResult, Reason, Row, Verdict};
use paname_stats::Rate;
use serde::Serialize;

use super::context::{self, Section};
use super::grid::{self, GridRow};
use super::test::{self, TestView};
use super::words::{self, Badge};
use super::{lead, reason};
use crate::figure::rates;
use crate::{Key, Language, key};

#[derive(Serialize)]
pub(crate) struct Page {
    lang: &'static str,
    title: String,
    scores_only: bool,
    /// Whether there is a manifest to print.
    declared: bool,
    summary: Summary,
    grid: Vec<GridRow>,
    comparison: Option<Comparison>,
    limits: Limits,
    tests: Vec<TestView>,
    target: Vec<(String, String)>,
    legal: Section,
    context: Vec<Section>,
    remedies: Vec<(String, String)>,
    provenance: Vec<(String, String)>,
    files: Vec<(String, String)>,
    plugins: Vec<(String, String)>,
    settings: Vec<(String, String)>,
    glossary: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Summary {
    badge: Badge,
    sentence: String,
    asked: String,
    by: String,
    lead: Option<Lead>,
    not_said: Vec<String>,
    left: String,
    when: String,
    review: String,
}

#[derive(Serialize)]
struct Lead {
    title: String,
    anchor: String,
    sentence: String,
    figure: Option<Value>,
}

#[derive(Serialize)]
struct Comparison {
    caption: String,
    figure: Value,
}

#[derive(Serialize)]
struct Limits {
    untested: Vec<Untested>,
    general: Vec<String>,
}

#[derive(Serialize)]
struct Untested {
    title: String,
    edpb: String,
    reasons: Vec<String>,
}

pub(crate) fn page(evidence: &Evidence, language: Language) -> Page {
    let core = &evidence.core;
    let named = words::model_name(core);
    let scores_only = core.target.is_none();
    let title = named.unwrap_or_else(|| {
        language.text(if scores_only { key!("title.scores") } else { key!("title.unnamed") })
    });
    let with_figures = |(i, row): (usize, &Row)| {
        let exposed = evidence.exposed.get(&row.id).map_or(&[][..], Vec::as_slice);
        row.membership.as_ref().map(|result| test::test(i, row, result, exposed, language))
    };
    Page {
        lang: language.code(),
        title,
        scores_only,
        declared: !scores_only || core.declared.as_object().is_some_and(|answers| !answers.is_empty()),
        summary: summary(evidence, language),
        grid: core.rows.iter().enumerate().map(|(i, row)| grid::row(i, row, language)).collect(),
        comparison: comparison(evidence, language),
        limits: limits(evidence, language),
        tests: core.rows.iter().enumerate().filter_map(with_figures).collect(),
        target: target(evidence, language),
        legal: context::legal(core, language),
        context: context::context(core, language),
        remedies: pairs(REMEDIES, language),
        provenance: provenance(evidence, language),
        files: core.data.files.clone(),
        plugins: core
            .plugins
            .iter()
            .map(|plugin| (format!("{} {}", plugin.name, plugin.version), plugin.sha256.clone()))
            .collect(),
        settings: words::flattened(&core.statistics),
        glossary: pairs(GLOSSARY, language),
    }
}

const REMEDIES: &[(Key, Key)] = &[
    (key!("remedy.duplicates"), key!("remedy.duplicates.text")),
    (key!("remedy.regularise"), key!("remedy.regularise.text")),
    (key!("remedy.dp"), key!("remedy.dp.text")),
    (key!("remedy.outputs"), key!("remedy.outputs.text")),
    (key!("remedy.again"), key!("remedy.again.text")),
];

const GLOSSARY: &[(Key, Key)] = &[
    (key!("term.member"), key!("term.member.text")),
    (key!("term.mia"), key!("term.mia.text")),
    (key!("term.tpr"), key!("term.tpr.text")),
    (key!("term.fpr"), key!("term.fpr.text")),
    (key!("term.auc"), key!("term.auc.text")),
    (key!("term.interval"), key!("term.interval.text")),
    (key!("term.p"), key!("term.p.text")),
    (key!("term.reference"), key!("term.reference.text")),
    (key!("term.power"), key!("term.power.text")),
];

fn pairs(keys: &[(Key, Key)], language: Language) -> Vec<(String, String)> {
    keys.iter().map(|(name, text)| (language.text(*name), language.text(*text))).collect()
}

fn summary(evidence: &Evidence, language: Language) -> Summary {
    let core = &evidence.core;
    let answer = |path: &[&str]| words::declared(core, path).map(|value| words::value(value, language));
    let not_declared = || language.text(key!("not_declared"));
    let mut not_said = lead::not_said(core, language);
    not_said.push(language.text(key!("not_said.law")));
    Summary {
        badge: words::badge(evidence.verdict(), language),
        sentence: lead::verdict_sentence(evidence, language),
        asked: lead::asked(core, language),
        by: language.fill(
            key!("summary.by.value"),
            &[
                ("organisation", &answer(&["organisation", "name"]).unwrap_or_else(not_declared)),
                ("controller", &answer(&["legal", "controller"]).unwrap_or_else(not_declared)),
            ],
        ),
        lead: lead(evidence, language),
        not_said,
        left: left(evidence, language),
        when: language.fill(
            key!("summary.when.value"),
            &[
                ("day", &language.day(&evidence.run.finished)),
                ("tool", &core.tool.name),
                ("version", &core.tool.version),
            ],
        ),
        review: answer(&["legal", "next_review"]).map_or_else(
            || language.text(key!("summary.review.undeclared")),
            |day| language.fill(key!("summary.review.value"), &[("day", &language.day(&day))]),
        ),
    }
}

/// What left the machine: nothing, unless the target answers from elsewhere.
fn left(evidence: &Evidence, language: Language) -> String {
    match &evidence.core.target {
        Some(target) if target.adapter == "http" => {
            language.fill(key!("summary.left.remote"), &[("model", &target.name)])
        }
        _ => language.text(key!("summary.left.nothing")),
    }
}

fn lead(evidence: &Evidence, language: Language) -> Option<Lead> {
    let core = &evidence.core;
    let (row, result) = lead::lead_row(core)?;
    let index = core.rows.iter().position(|other| std::ptr::eq(other, row))?;
    let fixed = lead::headline_level(result).and_then(|level| level.fixed);
    let sentence = match (row.verdict, &fixed) {
        (Verdict::LeakDemonstrated, Some(fixed)) => {
            let count = |rate: &Rate| [language.count(rate.hits), language.count(rate.trials)];
            let ([hits, members], [alarms, others]) = (count(&fixed.tpr), count(&fixed.fpr));
            language.fill(
                key!("lead.leak"),
                &[
                    ("level", &language.level(fixed.level)),
                    ("hits", &hits),
                    ("members", &members),
                    ("alarms", &alarms),
                    ("others", &others),
                ],
            )
        }
        (Verdict::LeakDemonstrated, None) => language.fill(
            key!("lead.leak.auc"),
            &[
                ("auc", &language.decimal(result.auc.auc, 3)),
                ("range", &language.decimal_range(&result.auc.interval, 3)),
            ],
        ),
        _ => undetected(row, result, language),
    };
    Some(Lead {
        title: words::title(row, language),
        anchor: format!("test-{index}"),
        sentence,
        figure: fixed.map(|fixed| {
            Value::from_safe_string(rates::pair("lead-figure", &fixed.tpr, &fixed.fpr, language))
        }),
    })
}

/// Why the test does not settle the question, and, where it saw nothing, what it would have seen.
fn undetected(row: &Row, result: &MembershipResult, language: Language) -> String {
    let reasons = row.reasons.iter().filter(|reason| **reason != Reason::AbsenceNotTested);
    let reasons = reasons.map(|reason| reason::sentence(reason, language)).collect::<Vec<_>>().join(" ");
    if row
        .reasons
        .iter()
        .any(|reason| matches!(reason, Reason::Significant { .. } | Reason::Confounded { .. }))
    {
        return reasons;
    }
    let text = language.fill(
        key!("lead.undetected"),
        &[
            ("reasons", &reasons),
            ("power", &language.level(result.power.power)),
            ("effect", &grid::detectable(result, language)),
        ],
    );
    text.trim_start().to_owned()
}

/// All tests at the lead's level, where at least two have both rates there.
fn comparison(evidence: &Evidence, language: Language) -> Option<Comparison> {
    let (_, result) = lead::lead_row(&evidence.core)?;
    let level = lead::headline_level(result)?.level;
    let compared: Vec<rates::Compared> = evidence
        .core
        .rows
        .iter()
        .filter_map(|row| {
            let levels = &row.membership.as_ref()?.levels;
            let fixed = levels.iter().find(|other| other.level == level)?.fixed?;
            Some(rates::Compared {
                title: words::title(row, language),
                members: fixed.tpr,
                non_members: fixed.fpr,
            })
        })
        .collect();
    (compared.len() > 1).then(|| Comparison {
        caption: language.fill(key!("figure.comparison.caption"), &[("level", &language.level(level))]),
        figure: Value::from_safe_string(rates::comparison("comparison", level, &compared, language)),
    })
}

fn limits(evidence: &Evidence, language: Language) -> Limits {
    let core = &evidence.core;
    let untested = core.rows.iter().filter(|row| row.membership.is_none()).map(|row| Untested {
        title: words::title(row, language),
        edpb: row.edpb.clone(),
        reasons: reason::sentences(&row.reasons, language),
    });
    let mut general = vec![language.text(key!("limits.edpb"))];
    for (level, needed, got) in lead::refused_levels(core) {
        general.push(language.fill(
            key!("limits.level"),
            &[
                ("level", &language.level(level)),
                ("needed", &language.count(needed)),
                ("got", &language.count(got)),
            ],
        ));
    }
    if let Some(excluded) = core.references.as_ref().map(|references| references.excluded.len() as u64)
        && excluded > 0
    {
        general.push(language.plural(
            excluded,
            key!("limits.excluded.one"),
            key!("limits.excluded.many"),
            &[],
        ));
    }
    general.push(language.text(key!("limits.optimistic")));
    general.push(language.text(key!("limits.absence")));
    if core.target.is_some() {
        let undeclared = context::undeclared(core);
        if undeclared > 0 {
            general.push(language.plural(
                undeclared,
                key!("limits.undeclared.one"),
                key!("limits.undeclared.many"),
                &[],
            ));
        }
    } else {
        general.push(language.text(key!("limits.scores")));
    }
    Limits { untested: untested.collect(), general }
}

/// The model as it was measured.
fn target(evidence: &Evidence, language: Language) -> Vec<(String, String)> {
    let core = &evidence.core;
    let mut rows = Vec::new();
    let list = |names: &[String]| if names.is_empty() { "–".to_owned() } else { names.join(", ") };
    let mut push = |key: Key, value: String| rows.push((language.text(key), value));
    if let Some(target) = &core.target {
        push(key!("target.name"), target.name.clone());
        push(key!("target.adapter"), target.adapter.clone());
        push(key!("target.task"), target.task.clone());
        push(key!("target.offers"), list(&target.offers));
        push(key!("target.granted"), list(&target.granted));
        let accuracy = |rate: &Rate| {
            language.fill(
                key!("target.accuracy.value"),
                &[
                    ("share", &language.percent(rate.estimate)),
                    ("range", &language.percent_range(&rate.interval)),
                    ("trials", &language.count(rate.trials)),
                ],
            )
        };
        let unmeasured = || language.text(key!("target.accuracy.none"));
        let [members, others] = [&target.accuracy_members, &target.accuracy_non_members]
            .map(|rate| rate.as_ref().map_or_else(unmeasured, accuracy));
        push(key!("target.accuracy.members"), members);
        push(key!("target.accuracy.others"), others);
    }
    if let Some(references) = &core.references {
        push(key!("target.references"), language.count(references.used));
        let range = |(least, most): (u64, u64)| {
            language
                .fill(key!("range"), &[("lower", &language.count(least)), ("upper", &language.count(most))])
        };
        push(key!("target.fitted_with"), range(references.fitted_with));
        push(key!("target.fitted_without"), range(references.fitted_without));
    }
    push(key!("target.population"), language.count(core.data.population_records));
    rows
}

fn provenance(evidence: &Evidence, language: Language) -> Vec<(String, String)> {
    let (core, run) = (&evidence.core, &evidence.run);
    let amendments = match run.amendments {
        0 => language.text(key!("provenance.amendments.none")),
        n => language.plural(n, key!("provenance.amendments.one"), key!("provenance.amendments.many"), &[]),
    };
    let mut rows = vec![
        (key!("provenance.tool"), format!("{} {}", core.tool.name, core.tool.version)),
        (key!("provenance.started"), run.started.clone()),
        (key!("provenance.finished"), run.finished.clone()),
        (key!("provenance.hardware"), run.hardware.clone()),
        (
            key!("provenance.steps"),
            language.fill(
                key!("provenance.steps.value"),
                &[("run", &language.count(run.steps_run)), ("reused", &language.count(run.steps_reused))],
            ),
        ),
        (key!("provenance.manifest"), core.manifest_sha256.clone()),
        (key!("provenance.core"), evidence.core_sha256.clone()),
        (key!("provenance.journal"), run.journal_head.clone()),
        (key!("provenance.amendments"), amendments),
        (key!("provenance.data"), run.data_fingerprint.clone()),
    ];
    if let Some(target) = &core.target {
        rows.push((key!("provenance.target"), target.fingerprint.clone()));
    }
    let shown = |text: String| if text.trim().is_empty() { "–".to_owned() } else { text };
    rows.into_iter().map(|(name, value)| (language.text(name), shown(value))).collect()
}
