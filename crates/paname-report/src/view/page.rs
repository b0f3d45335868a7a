//! The whole page.

use minijinja::Value;
use paname_evidence::{Core, Epsilon, Evidence, Figure, Row, Unit, Verdict};
use paname_stats::{Interval, Rate};
use serde::Serialize;

use super::attribute::{self, AttributeView};
use super::context::{self, Section};
use super::found::{About, Found};
use super::grid::{self, Grid};
use super::inversion::{self, InversionView};
use super::lead;
use super::test::{self, TestView};
use super::words::{self, Badge};
use crate::figure::{arms, differences, rates, rebuilt};
use crate::number::second;
use crate::{Key, Language, key};

#[derive(Serialize)]
pub(crate) struct Page {
    lang: &'static str,
    title: String,
    scores_only: bool,
    /// Whether there is a manifest to print.
    declared: bool,
    summary: Summary,
    grid: Grid,
    comparisons: Vec<Comparison>,
    limits: Vec<String>,
    reading: Vec<(String, String)>,
    tests: Vec<Tested>,
    target: Vec<(String, String)>,
    legal: Section,
    context: Vec<Section>,
    remedies: Vec<(String, String)>,
    provenance: Vec<(String, String)>,
    digests: Vec<(String, String)>,
    files: Vec<(String, String)>,
    plugins: Vec<(String, String)>,
    settings: Vec<(String, String)>,
    glossary: Vec<(String, String)>,
}

/// A test in detail, laid out by what it is about.
#[derive(Serialize)]
#[serde(tag = "about", rename_all = "snake_case")]
enum Tested {
    Membership(Box<TestView>),
    Attribute(Box<AttributeView>),
    Inversion(Box<InversionView>),
}

#[derive(Serialize)]
struct Summary {
    badge: Badge,
    sentence: String,
    asked: String,
    question: String,
    by: String,
    lead: Option<Lead>,
    not_said: Vec<String>,
    left: String,
    when: String,
    review: String,
}

#[derive(Serialize)]
struct Lead {
    label: String,
    title: String,
    anchor: String,
    sentence: String,
    figure: Option<Value>,
    caption: String,
}

#[derive(Serialize)]
struct Comparison {
    title: String,
    caption: String,
    figure: Value,
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
        Found::of(row).map(|found| match found {
            Found::Membership(result) => {
                Tested::Membership(Box::new(test::test(i, row, result, exposed, language)))
            }
            Found::Attribute(result) => {
                Tested::Attribute(Box::new(attribute::test(i, core, row, result, language)))
            }
            Found::Inversion(result) => {
                Tested::Inversion(Box::new(inversion::test(i, core, row, result, language)))
            }
        })
    };
    Page {
        lang: language.code(),
        title,
        scores_only,
        declared: !scores_only,
        summary: summary(evidence, language),
        grid: grid::grid(core, language),
        comparisons: [
            comparison(evidence, language),
            differences(core, language),
            rebuilt_tests(core, language),
        ]
        .into_iter()
        .flatten()
        .collect(),
        limits: limits(evidence, language),
        reading: reading(core, language),
        tests: core.rows.iter().enumerate().filter_map(with_figures).collect(),
        target: target(evidence, language),
        legal: context::legal(core, language),
        context: context::context(core, language),
        remedies: pairs(REMEDIES, language),
        provenance: provenance(evidence, language),
        digests: digests(evidence, language),
        files: core.data.files.clone(),
        plugins: core
            .plugins
            .iter()
            .map(|plugin| (format!("{} {}", plugin.name, plugin.version), plugin.sha256.clone()))
            .collect(),
        settings: words::flattened(&core.statistics),
        glossary: glossary(core, language),
    }
}

const REMEDIES: &[(Key, Key)] = &[
    (key!("remedy.duplicates"), key!("remedy.duplicates.text")),
    (key!("remedy.regularise"), key!("remedy.regularise.text")),
    (key!("remedy.dp"), key!("remedy.dp.text")),
    (key!("remedy.outputs"), key!("remedy.outputs.text")),
    (key!("remedy.again"), key!("remedy.again.text")),
];

/// What is explained where a test is about an attribute.
const GLOSSARY_OF_ATTRIBUTES: &[(Key, Key)] =
    &[(key!("term.attribute"), key!("term.attribute.text")), (key!("term.net"), key!("term.net.text"))];

/// What is explained where a test is about rebuilt inputs.
const GLOSSARY_OF_INVERSION: &[(Key, Key)] = &[
    (key!("term.inversion"), key!("term.inversion.text")),
    (key!("term.evaluator"), key!("term.evaluator.text")),
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
    (key!("term.epsilon"), key!("term.epsilon.text")),
];

fn pairs(keys: &[(Key, Key)], language: Language) -> Vec<(String, String)> {
    keys.iter().map(|(name, text)| (language.text(*name), language.text(*text))).collect()
}

fn glossary(core: &Core, language: Language) -> Vec<(String, String)> {
    let mut terms = pairs(GLOSSARY, language);
    // After the first family of attacks.
    if has(core, About::Inversion) {
        terms.splice(2..2, pairs(GLOSSARY_OF_INVERSION, language));
    }
    if has(core, About::Attribute) {
        terms.splice(2..2, pairs(GLOSSARY_OF_ATTRIBUTES, language));
    }
    terms
}

/// Whether a test with figures is about such a thing.
fn has(core: &Core, about: About) -> bool {
    lead::ran(core).any(|row| About::row(row) == about)
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
        question: lead::question(core, language),
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

/// What left the machine: nothing, unless the target answers from elsewhere. What a plugin sends is beyond this program's knowledge.
fn left(evidence: &Evidence, language: Language) -> String {
    let core = &evidence.core;
    match &core.target {
        Some(target) if target.adapter == "http" => {
            language.fill(key!("summary.left.remote"), &[("model", &target.name)])
        }
        _ if core.plugins.is_empty() => language.text(key!("summary.left.nothing")),
        _ => {
            let names: Vec<String> = core.plugins.iter().map(|plugin| plugin.name.clone()).collect();
            language.fill(key!("summary.left.plugins"), &[("plugins", &language.list(&names))])
        }
    }
}

fn lead(evidence: &Evidence, language: Language) -> Option<Lead> {
    let core = &evidence.core;
    let (row, found) = lead::lead_row(core)?;
    let index = core.rows.iter().position(|other| std::ptr::eq(other, row))?;
    let label = match (lead::ran(core).count(), row.verdict) {
        (..=1, _) => key!("lead.only"),
        (_, Verdict::LeakDemonstrated) => key!("lead.strongest"),
        _ => key!("lead.first"),
    };
    let caption = match found.unit() {
        Unit::Record => key!("lead.caption.record"),
        Unit::Person => key!("lead.caption.person"),
        Unit::Group => key!("lead.caption.group"),
    };
    let (figure, confidence) = match found {
        Found::Membership(result) => match lead::telling_rates(result) {
            Some(fixed) => {
                let figure = rates::pair("lead-figure", &fixed.tpr, &fixed.fpr, language);
                (Some(figure), fixed.tpr.interval.confidence)
            }
            None => (None, result.auc.interval.confidence),
        },
        Found::Attribute(result) => {
            let figure = arms::figure("lead-figure", result, language);
            (Some(figure), result.attack.members.interval.confidence)
        }
        Found::Inversion(result) => {
            let figure = rebuilt::figure("lead-figure", result, language);
            (Some(figure), result.nearest.members.interval.confidence)
        }
    };
    let caption = language.fill(caption, &[("confidence", &language.level(confidence))]);
    Some(Lead {
        label: language.text(label),
        title: words::title(row, language),
        anchor: format!("test-{index}"),
        sentence: lead::finding(core, row, found, language),
        figure: figure.map(Value::from_safe_string),
        caption: match found {
            Found::Membership(_) => caption,
            Found::Attribute(_) => format!("{caption} {}", language.text(key!("lead.caption.attribute"))),
            Found::Inversion(_) => format!("{caption} {}", language.text(key!("lead.caption.inversion"))),
        },
    })
}

/// All tests about membership at the level of the one that speaks for them, where at least two have both rates there.
fn comparison(evidence: &Evidence, language: Language) -> Option<Comparison> {
    let result = lead::lead_membership(&evidence.core)?;
    let told = lead::telling_rates(result).map(|fixed| fixed.level);
    let level = told.or_else(|| lead::headline_level(result).map(|level| level.level))?;
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
        title: language.fill(key!("figure.comparison.title"), &[("level", &language.level(level))]),
        caption: language.fill(key!("figure.comparison.caption"), &[("level", &language.level(level))]),
        figure: Value::from_safe_string(rates::comparison("comparison", level, &compared, language)),
    })
}

/// All tests about attributes by their net differences, where there are at least two.
fn differences(core: &Core, language: Language) -> Option<Comparison> {
    let strips: Vec<differences::Strip> = core
        .rows
        .iter()
        .filter_map(|row| {
            let result = row.attribute.as_ref()?;
            Some(differences::Strip { title: words::title(row, language), figure: result.difference })
        })
        .collect();
    let title = language.text(key!("figure.differences.tests"));
    (strips.len() > 1).then(|| Comparison {
        caption: language.text(key!("figure.differences.caption")),
        figure: Value::from_safe_string(differences::figure("differences", &title, &strips, language)),
        title,
    })
}

/// All tests that rebuild inputs, where at least two have classes to compare: how far the share whose nearest record is a member lies above one half.
fn rebuilt_tests(core: &Core, language: Language) -> Option<Comparison> {
    let strip = |row: &Row| {
        let Rate { trials, estimate, interval, .. } = row.inversion.as_ref()?.nearest.members;
        let above = |share: f64| share - 0.5;
        let (lower, upper) = (above(interval.lower), above(interval.upper));
        let figure = Figure { value: above(estimate), interval: Interval { lower, upper, ..interval } };
        (trials > 0).then(|| differences::Strip { title: words::title(row, language), figure })
    };
    let strips: Vec<differences::Strip> = core.rows.iter().filter_map(strip).collect();
    let title = language.text(key!("figure.rebuilt.tests"));
    (strips.len() > 1).then(|| Comparison {
        caption: language.text(key!("figure.rebuilt.tests.caption")),
        figure: Value::from_safe_string(differences::figure("rebuilt-tests", &title, &strips, language)),
        title,
    })
}

fn limits(evidence: &Evidence, language: Language) -> Vec<String> {
    let core = &evidence.core;
    let mut limits = vec![language.text(key!("limits.edpb"))];
    for (level, needed, got) in lead::refused_levels(core) {
        limits.push(language.fill(
            key!("limits.level"),
            &[
                ("level", &language.level(level)),
                ("needed", &language.count(needed)),
                ("got", &language.count(got)),
            ],
        ));
    }
    for (level, needed, fixing, counted) in lead::levels_of_one_kind(core) {
        limits.push(language.fill(
            key!("limits.level.fixed"),
            &[
                ("level", &language.level(level)),
                ("needed", &language.count(needed)),
                ("fixing", &language.count(fixing)),
                ("counted", &language.count(counted)),
            ],
        ));
    }
    if core.target.as_ref().is_some_and(|target| target.fitted.is_some()) {
        limits.push(language.text(key!("limits.fitted")));
    }
    let failed = core.references.as_ref().and_then(|references| references.fitted.as_ref());
    let failed = failed.map_or(&[][..], |fitted| &fitted.failed);
    if let Some(first) = failed.first() {
        limits.push(language.plural(
            failed.len() as u64,
            key!("limits.fit_failed.one"),
            key!("limits.fit_failed.many"),
            &[("why", first.reason.as_str())],
        ));
    }
    let excluded = core.references.as_ref().map_or(0, |references| references.excluded.len() as u64);
    if excluded > 0 {
        limits.push(language.plural(
            excluded,
            key!("limits.excluded.one"),
            key!("limits.excluded.many"),
            &[],
        ));
    }
    let gap = core.references.as_ref().and_then(|references| references.gap.as_ref());
    if gap.is_some_and(|gap| gap.mismatch) {
        limits.push(language.text(key!("limits.proxy_mismatch")));
    }
    if core.references.as_ref().is_some_and(|references| references.balanced) {
        limits.push(language.text(key!("limits.balanced")));
    }
    let unbound = |row: &Row| row.membership.as_ref().is_some_and(|result| result.epsilon.is_none());
    if core.data.canaries.is_some() && core.rows.iter().any(unbound) {
        limits.push(language.text(key!("limits.epsilon")));
    }
    if lead::ran(core).next().is_some() {
        let membership = has(core, About::Membership);
        if membership {
            limits.push(language.text(key!("limits.optimistic")));
        }
        limits.push(language.text(key!("limits.absence")));
        if has(core, About::Attribute) {
            limits.push(language.text(key!("limits.attribute")));
        }
        if has(core, About::Inversion) {
            limits.push(language.text(key!("limits.inversion")));
        }
        if membership && evidence.exposed.is_empty() {
            limits.push(language.text(key!("limits.exposed_off")));
        }
    }
    if core.target.is_some() {
        let undeclared = context::undeclared(core);
        if undeclared > 0 {
            limits.push(language.plural(
                undeclared,
                key!("limits.undeclared.one"),
                key!("limits.undeclared.many"),
                &[],
            ));
        }
    } else {
        limits.push(language.text(key!("limits.scores")));
    }
    limits
}

/// How to read what every test shows, said once for all.
fn reading(core: &Core, language: Language) -> Vec<(String, String)> {
    let results = || core.rows.iter().filter_map(|row| row.membership.as_ref());
    let attributes = || core.rows.iter().filter_map(|row| row.attribute.as_ref());
    let confidence = |of: Option<f64>| of.map(|confidence| language.level(confidence)).unwrap_or_default();
    let rates = confidence(results().next().map(|first| first.auc.interval.confidence));
    let band = confidence(results().next().map(|first| first.band_confidence));
    let arms = confidence(attributes().next().map(|first| first.attack.members.interval.confidence));
    let inversions = || core.rows.iter().filter_map(|row| row.inversion.as_ref());
    let rebuilt = confidence(inversions().next().map(|first| first.nearest.members.interval.confidence));
    let (membership, attribute) = (results().next().is_some(), attributes().next().is_some());
    let inversion = inversions().next().is_some();
    let control = core.rows.iter().filter_map(Found::of).any(|found| !found.unrelated().is_empty());
    let bounds = results().any(|result| matches!(result.epsilon, Some(Epsilon::OneRun(_))));
    let parts = results().any(|result| !result.slices.is_empty())
        || attributes().any(|result| !result.slices.is_empty());
    let rows = [
        (membership, key!("test.levels"), language.fill(key!("reading.levels"), &[("confidence", &rates)])),
        (membership, key!("figure.roc.title"), language.fill(key!("reading.roc"), &[("confidence", &band)])),
        (membership, key!("figure.histogram.title"), language.text(key!("reading.histogram"))),
        (attribute, key!("attribute.leak"), language.text(key!("reading.attribute"))),
        (attribute, key!("statistic.net"), language.text(key!("reading.net"))),
        (attribute, key!("figure.arms.title"), language.fill(key!("reading.arms"), &[("confidence", &arms)])),
        (attribute, key!("attribute.arms"), language.text(key!("reading.attribute.arms"))),
        (attribute, key!("attribute.numbers"), language.text(key!("reading.attribute.numbers"))),
        (inversion, key!("inversion.three"), language.text(key!("reading.inversion"))),
        (inversion, key!("statistic.nearest"), language.text(key!("reading.nearest"))),
        (
            inversion,
            key!("figure.rebuilt.title"),
            language.fill(key!("reading.rebuilt"), &[("confidence", &rebuilt)]),
        ),
        (inversion, key!("inversion.arms"), language.text(key!("reading.inversion.arms"))),
        (control, key!("figure.unrelated.title"), language.text(key!("reading.control"))),
        (bounds, key!("test.epsilon"), language.text(key!("reading.epsilon"))),
        (parts, key!("test.parts"), language.text(key!("reading.parts"))),
    ];
    let shown = rows.into_iter().filter(|(shown, ..)| *shown);
    shown.map(|(_, name, text)| (language.text(name), text)).collect()
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
        push(key!("target.task"), words::task(&target.task, language));
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
        for (name, loss) in [
            (key!("target.loss.members"), &target.loss_members),
            (key!("target.loss.others"), &target.loss_non_members),
        ] {
            if let Some(loss) = loss {
                push(name, language.decimal(loss.mean, 3));
            }
        }
    }
    if let Some(fitted) = core.target.as_ref().and_then(|target| target.fitted.as_ref()) {
        push(key!("target.fitted"), recipe(&fitted.recipe, language));
    }
    if let Some(references) = &core.references {
        if let Some(fitted) = &references.fitted {
            let value = language.fill(
                key!("target.references.fitted.value"),
                &[
                    ("fitted", &language.count(fitted.fitted)),
                    ("asked", &language.count(fitted.asked)),
                    ("share", &language.percent(fitted.share)),
                    ("recipe", &recipe(&fitted.recipe, language)),
                ],
            );
            push(key!("target.references.fitted"), value);
            if !fitted.stages.is_empty() {
                let stages: Vec<String> =
                    fitted.stages.iter().map(|&models| language.count(models)).collect();
                let values = [
                    ("stages", &*stages.join(", ")),
                    ("asked", &*language.count(fitted.asked)),
                    ("looks", &*language.count(fitted.stages.len() as u64)),
                ];
                push(
                    key!("target.references.stages"),
                    language.fill(key!("target.references.stages.value"), &values),
                );
            }
        }
        push(key!("target.references"), language.count(references.used));
        let range = |(least, most): (u64, u64)| {
            language
                .fill(key!("range"), &[("lower", &language.count(least)), ("upper", &language.count(most))])
        };
        push(key!("target.fitted_with"), range(references.fitted_with));
        push(key!("target.fitted_without"), range(references.fitted_without));
        if let Some(gap) = &references.gap {
            let value = language.fill(
                key!("target.gap.value"),
                &[
                    ("target", &language.percent(gap.target)),
                    ("mean", &language.percent(gap.mean)),
                    ("smallest", &language.percent(gap.smallest)),
                    ("largest", &language.percent(gap.largest)),
                ],
            );
            push(key!("target.gap"), value);
        }
    }
    push(key!("target.population"), language.count(core.data.population_records));
    rows
}

/// A training procedure: what was declared of it.
fn recipe(recipe: &serde_json::Value, language: Language) -> String {
    let rows = words::flattened(recipe).into_iter();
    let said = rows.filter(|(_, value)| !matches!(value.as_str(), "–" | "[]" | "{}"));
    let said: Vec<String> = said.map(|(name, value)| format!("{name} = {value}")).collect();
    if said.is_empty() { language.text(key!("target.recipe.default")) } else { said.join(", ") }
}

/// How the evidence came about, in words.
fn provenance(evidence: &Evidence, language: Language) -> Vec<(String, String)> {
    let (core, run) = (&evidence.core, &evidence.run);
    let mut rows = vec![
        (key!("provenance.tool"), format!("{} {}", core.tool.name, core.tool.version)),
        (key!("provenance.started"), second(&run.started)),
        (key!("provenance.finished"), second(&run.finished)),
        (key!("provenance.hardware"), run.hardware.clone()),
    ];
    // Scores alone have neither a manifest nor steps.
    if core.target.is_some() {
        let amendments = match run.amendments {
            0 => language.text(key!("provenance.amendments.none")),
            n => {
                language.plural(n, key!("provenance.amendments.one"), key!("provenance.amendments.many"), &[])
            }
        };
        let steps = language.fill(
            key!("provenance.steps.value"),
            &[("run", &language.count(run.steps_run)), ("reused", &language.count(run.steps_reused))],
        );
        rows.push((key!("provenance.amendments"), amendments));
        rows.push((key!("provenance.steps"), steps));
    }
    stated(rows, language)
}

/// What names the inputs and the outcome beyond doubt.
fn digests(evidence: &Evidence, language: Language) -> Vec<(String, String)> {
    let (core, run) = (&evidence.core, &evidence.run);
    let target = core.target.as_ref().map_or_else(String::new, |target| target.fingerprint.clone());
    let canaries =
        core.data.canaries.as_ref().map_or_else(String::new, |canaries| canaries.commitment.clone());
    let rows = vec![
        (key!("provenance.core"), evidence.core_sha256.clone()),
        (key!("provenance.manifest"), core.manifest_sha256.clone()),
        (key!("provenance.journal"), run.journal_head.clone()),
        (key!("provenance.target"), target),
        (key!("provenance.commitment"), canaries),
        (key!("provenance.data"), run.data_fingerprint.clone()),
    ];
    stated(rows, language)
}

/// Rows that have a value.
fn stated(rows: Vec<(Key, String)>, language: Language) -> Vec<(String, String)> {
    let stated = rows.into_iter().filter(|(_, value)| !value.trim().is_empty());
    stated.map(|(name, value)| (language.text(name), value)).collect()
}
