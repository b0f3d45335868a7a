//! One test in detail.

use minijinja::Value;
use paname_evidence::{
    AttackUsed, DetectionTest, LevelResult, MembershipResult, Row, Slice, Unrelated, Usage,
};
use paname_stats::unrelated::NullMethod;
use serde::Serialize;

use super::epsilon::{self, Bounds};
use super::found::Found;
use super::reason;
use super::words::{self, Badge};
use crate::figure::{histogram, roc, unrelated};
use crate::{Language, key};

/// Parts of the data with fewer members or non-members than this show neither figures nor counts.
pub(super) const SMALLEST_PART: u64 = 10;

#[derive(Serialize)]
pub(crate) struct TestView {
    anchor: String,
    title: String,
    summary: String,
    id: String,
    badge: Badge,
    reasons: Vec<String>,
    sample: String,
    levels: Vec<Level>,
    auc: String,
    auc_range: String,
    balanced_accuracy: String,
    advantage: String,
    detection: Vec<Detection>,
    priors: Vec<String>,
    precision: Vec<Precision>,
    controls: Vec<Control>,
    epsilon: Option<Bounds>,
    beside: Vec<String>,
    groups: Option<String>,
    usage: Option<UsageTable>,
    detectable: Vec<String>,
    power: String,
    roc: Value,
    histogram: Value,
    parts: Vec<PartGroup>,
    interval: String,
    exposed: Vec<Exposed>,
    identity: Vec<(String, String)>,
    formula: String,
    parameters: Vec<(String, String)>,
}

#[derive(Serialize)]
struct Level {
    name: String,
    refused: Option<String>,
    fixed: Option<[String; 5]>,
    fixed_missing: String,
    same_data: Option<[String; 2]>,
    coarse: bool,
}

#[derive(Serialize)]
pub(super) struct Detection {
    statistic: String,
    /// The figure that is tested, and its interval, where they stand nowhere else.
    more: Vec<String>,
    p: String,
    p_adjusted: String,
    p_controlled: String,
}

#[derive(Serialize)]
struct Precision {
    level: String,
    values: Vec<String>,
    /// Why there are none.
    missing: Option<String>,
}

#[derive(Serialize)]
pub(super) struct Control {
    title: String,
    sentence: String,
    figure: Value,
}

/// Estimates of shares, by the true share.
#[derive(Serialize)]
struct UsageTable {
    sentence: String,
    rows: Vec<[String; 4]>,
}

/// Parts by one cut of the data.
#[derive(Serialize)]
struct PartGroup {
    kind: String,
    parts: Vec<Part>,
}

#[derive(Serialize)]
struct Part {
    value: String,
    members: String,
    non_members: String,
    auc: String,
    range: String,
}

#[derive(Serialize)]
struct Exposed {
    pseudonym: String,
    score: String,
    p: String,
}

pub(crate) fn test(
    index: usize,
    row: &Row,
    result: &MembershipResult,
    exposed: &[paname_evidence::Exposed],
    language: Language,
) -> TestView {
    let anchor = format!("test-{index}");
    let title = words::title(row, language);
    let priors = priors(&result.levels);
    TestView {
        summary: summary(row, language),
        id: row.id.clone(),
        badge: words::badge(row.verdict, language),
        reasons: reason::sentences(row, language),
        sample: Found::Membership(result).sample(language),
        interval: language
            .fill(key!("test.interval"), &[("confidence", &language.level(result.auc.interval.confidence))]),
        levels: result.levels.iter().map(|level| self::level(level, result, language)).collect(),
        auc: language.decimal(result.auc.auc, 3),
        auc_range: words::interval(
            result.auc.interval.confidence,
            &language.decimal_range(&result.auc.interval, 3),
            language,
        ),
        balanced_accuracy: language.percent(result.balanced_accuracy),
        advantage: language.percent(result.advantage),
        detection: result.tests.iter().map(|test| detection(test, Vec::new(), language)).collect(),
        precision: precision(&result.levels, &priors, language),
        priors: priors.iter().map(|prior| language.level(*prior)).collect(),
        controls: result
            .unrelated
            .iter()
            .enumerate()
            .map(|(i, control)| self::control(&format!("{anchor}-control-{i}"), control, language))
            .collect(),
        epsilon: epsilon::bounds(result, language),
        beside: beside(result, language),
        groups: words::groups_meaning(result, language),
        usage: result.groups.as_ref().and_then(|groups| Some(usage(groups.usage.as_ref()?, language))),
        detectable: super::grid::detectable(result, language),
        power: language.level(result.power.power),
        roc: Value::from_safe_string(roc::figure(&anchor, result, language)),
        histogram: Value::from_safe_string(histogram::figure(&anchor, &result.histogram, language)),
        parts: parts(&result.slices, language),
        exposed: exposed
            .iter()
            .map(|exposed| Exposed {
                pseudonym: exposed.pseudonym.clone(),
                score: language.score(exposed.score),
                p: language.p_value(exposed.p),
            })
            .collect(),
        identity: identity(row, language),
        formula: row.attack.as_ref().map(|attack| attack.formula.clone()).unwrap_or_default(),
        parameters: row.attack.as_ref().map(|attack| parameters(attack, language)).unwrap_or_default(),
        title,
        anchor,
    }
}

/// Parameters as given, with the value of each that the attack chose by itself.
pub(super) fn parameters(attack: &AttackUsed, language: Language) -> Vec<(String, String)> {
    let mut rows = words::flattened(&attack.parameters);
    for (parameter, value) in &attack.chosen {
        let chosen = language.fill(key!("test.chosen"), &[("value", value)]);
        match rows.iter_mut().find(|(name, _)| name == parameter) {
            Some((_, given)) => *given = chosen,
            None => rows.push((parameter.clone(), chosen)),
        }
    }
    rows
}

pub(super) fn summary(row: &Row, language: Language) -> String {
    match (&row.attack, language) {
        (Some(attack), Language::French) => language.printed(&attack.summary_fr),
        (Some(attack), Language::English) => language.printed(&attack.summary_en),
        (None, _) => language.text(key!("score.summary")),
    }
}

fn level(level: &LevelResult, result: &MembershipResult, language: Language) -> Level {
    let needed = language.count(level.needed_non_members);
    let refused = (level.fixed.is_none() && level.same_data.is_none()).then(|| {
        language.fill(
            key!("test.level.refused"),
            &[("needed", &needed), ("got", &language.count(result.non_members))],
        )
    });
    Level {
        name: language.level(level.level),
        fixed: level.fixed.map(|fixed| {
            [
                words::rate(&fixed.tpr, language),
                language.percent_range(&fixed.tpr.interval),
                words::rate(&fixed.fpr, language),
                language.percent_range(&fixed.fpr.interval),
                level.excess.map_or_else(|| "–".to_owned(), |bound| language.percent(bound.excess_upper)),
            ]
        }),
        fixed_missing: language.fill(
            key!("test.level.fixed_missing"),
            &[
                ("fixing", &language.count(result.non_members.saturating_sub(level.counted_non_members))),
                ("counted", &language.count(level.counted_non_members)),
                ("needed", &needed),
            ],
        ),
        same_data: level
            .same_data
            .map(|same| [language.percent(same.tpr), language.percent_range(&same.interval)]),
        coarse: level.coarse && refused.is_none(),
        refused,
    }
}

pub(super) fn detection(test: &DetectionTest, more: Vec<String>, language: Language) -> Detection {
    Detection {
        statistic: words::statistic(test.statistic, language),
        more,
        p: language.p_value(test.p),
        p_adjusted: language.p_value(test.p_adjusted),
        p_controlled: test.p_controlled.map_or_else(|| "–".to_owned(), |p| language.p_value(p)),
    }
}

/// Every prior that some level has, in the order of the first.
fn priors(levels: &[LevelResult]) -> Vec<f64> {
    let mut priors: Vec<f64> = Vec::new();
    for (prior, _) in levels.iter().filter(|level| level.fixed.is_some()).flat_map(|level| &level.precision) {
        if !priors.contains(prior) {
            priors.push(*prior);
        }
    }
    priors
}

fn precision(levels: &[LevelResult], priors: &[f64], language: Language) -> Vec<Precision> {
    let unseen = |level: &LevelResult| level.fixed.is_some_and(|fixed| fixed.fpr.hits == 0);
    let shown =
        levels.iter().filter(|level| level.fixed.is_some() && (unseen(level) || !level.precision.is_empty()));
    let value = |level: &LevelResult, prior: f64| {
        let found = level.precision.iter().find(|(given, _)| *given == prior);
        found.map_or_else(|| "–".to_owned(), |(_, value)| language.percent(*value))
    };
    // Without a single false alarm the measured rates give 100 %, whatever the truth.
    let missing = |level: &LevelResult| {
        let alarms = level.fixed.filter(|fixed| fixed.fpr.hits == 0)?.fpr;
        Some(language.fill(key!("test.precision.missing"), &[("others", &language.count(alarms.trials))]))
    };
    shown
        .map(|level| Precision {
            level: language.level(level.level),
            values: priors.iter().map(|prior| value(level, *prior)).collect(),
            missing: missing(level),
        })
        .collect()
}

pub(super) fn control(id: &str, control: &Unrelated, language: Language) -> Control {
    let method = language.text(match control.method {
        NullMethod::Rank => key!("control.rank"),
        NullMethod::Student => key!("control.student"),
    });
    let values = [("p", language.p_equation(control.p)), ("method", method)];
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    Control {
        title: words::control_statistic(control.statistic, language),
        sentence: language.plural(
            control.null.len() as u64,
            key!("control.sentence.one"),
            key!("control.sentence.many"),
            &values,
        ),
        figure: Value::from_safe_string(unrelated::figure(id, control, language)),
    }
}

/// What else the numbers say: controls besides unrelated models, and how far the attack reaches.
fn beside(result: &MembershipResult, language: Language) -> Vec<String> {
    let mut sentences = Vec::new();
    if let Some(beyond) = &result.beyond_blind {
        sentences.push(language.fill(
            key!("beside.blind"),
            &[
                ("blind", &language.decimal(beyond.second, 3)),
                ("difference", &language.decimal(beyond.difference, 3)),
                ("range", &language.decimal_range(&beyond.interval, 3)),
            ],
        ));
    }
    if let Some(control) = &result.positive {
        let models = language.count(control.models);
        for dose in &control.levels {
            let (level, excess) = (language.level(dose.level), language.percent(dose.excess));
            let mut values = vec![("level", &level), ("models", &models), ("excess", &excess)];
            let seen = dose
                .detected
                .map(|detected| (language.percent(dose.dose), language.percent(detected.estimate)));
            let key = match &seen {
                Some((dose, detected)) => {
                    values.extend([("dose", dose), ("detected", detected)]);
                    key!("beside.positive")
                }
                None => key!("beside.positive.none"),
            };
            let values: Vec<(&str, &str)> =
                values.iter().map(|(name, value)| (*name, value.as_str())).collect();
            sentences.push(language.fill(key, &values));
        }
    }
    for level in &result.levels {
        let Some(anytime) = &level.anytime else { continue };
        let values = [("level", language.level(level.level)), ("n", language.count(anytime.queries))];
        let [level, all] = values.each_ref().map(|(name, value)| (*name, value.as_str()));
        sentences.push(match (anytime.conclusive_after, anytime.absence_after) {
            (Some(after), _) => {
                language.fill(key!("beside.anytime.leak"), &[level, all, ("after", &language.count(after))])
            }
            (None, Some(after)) => language
                .fill(key!("beside.anytime.absence"), &[level, all, ("after", &language.count(after))]),
            (None, None) => language.fill(key!("beside.anytime.open"), &[level, all]),
        });
    }
    for named in &result.inferable {
        sentences.push(language.fill(
            key!("beside.inferable"),
            &[
                ("rate", &language.level(named.rate)),
                ("prior", &language.level(named.prior)),
                ("n", &language.count(named.members)),
            ],
        ));
    }
    for named in &result.inferable_by_models {
        sentences.push(language.fill(
            key!("beside.inferable.models"),
            &[
                ("rate", &language.level(named.rate)),
                ("prior", &language.level(named.prior)),
                ("n", &language.count(named.members)),
            ],
        ));
    }
    if let Some(procedure) = &result.procedure {
        let levels = procedure.figures.levels.iter().map(|(level, mean)| {
            language.fill(
                key!("beside.procedure.level"),
                &[
                    ("tpr", &language.percent(mean.value)),
                    ("level", &language.level(*level)),
                    ("range", &language.percent_range(&mean.interval)),
                ],
            )
        });
        let auc = &procedure.figures.auc;
        sentences.push(language.fill(
            key!("beside.procedure"),
            &[
                ("models", &language.count(procedure.models)),
                ("auc", &language.decimal(auc.value, 3)),
                ("range", &language.decimal_range(&auc.interval, 3)),
                ("levels", &levels.collect::<String>()),
            ],
        ));
    }
    sentences.extend(epsilon::heuristic(result, language));
    sentences
}

fn usage(usage: &Usage, language: Language) -> UsageTable {
    let number = |value: f64| language.decimal(value, 3);
    let error = &usage.error;
    let groups: u64 = usage.shares.iter().map(|at| at.groups).sum();
    UsageTable {
        sentence: language.fill(
            key!("usage.error"),
            &[
                ("groups", &language.count(groups)),
                ("error", &number(error.mean_absolute_error)),
                ("range", &language.decimal_range(&error.mean_absolute_error_interval, 3)),
                ("confidence", &language.level(error.mean_absolute_error_interval.confidence)),
                ("constant", &number(error.constant_error)),
                ("bias", &number(error.bias)),
                ("bias_range", &language.decimal_range(&error.bias_interval, 3)),
            ],
        ),
        rows: usage
            .shares
            .iter()
            .map(|at| {
                [
                    number(at.share),
                    language.count(at.groups),
                    number(at.estimate),
                    number(at.mean_absolute_error),
                ]
            })
            .collect(),
    }
}

/// Parts in the order of the evidence, one group for each run of the same cut.
fn parts(slices: &[Slice], language: Language) -> Vec<PartGroup> {
    let runs = slices.chunk_by(|a, b| a.kind == b.kind);
    runs.filter_map(|run| {
        let kind = words::slice_kind(run.first()?.kind, language);
        Some(PartGroup { kind, parts: run.iter().map(|slice| part(slice, language)).collect() })
    })
    .collect()
}

/// Units of a part; of few, not even how many.
pub(super) fn part_count(n: u64, language: Language) -> String {
    if n < SMALLEST_PART { language.text(key!("test.part.small")) } else { language.count(n) }
}

fn part(slice: &Slice, language: Language) -> Part {
    let shown = slice.members >= SMALLEST_PART && slice.non_members >= SMALLEST_PART;
    let dash = || "–".to_owned();
    Part {
        value: words::slice_value(slice.kind, &slice.value, language),
        members: part_count(slice.members, language),
        non_members: part_count(slice.non_members, language),
        auc: slice.auc.filter(|_| shown).map_or_else(dash, |auc| language.decimal(auc, 3)),
        range: slice.interval.filter(|_| shown).map_or_else(dash, |range| language.decimal_range(&range, 3)),
    }
}

/// What the attack is and what it cost.
pub(super) fn identity(row: &Row, language: Language) -> Vec<(String, String)> {
    let Some(attack) = &row.attack else { return Vec::new() };
    let list = |names: &[String]| if names.is_empty() { "–".to_owned() } else { names.join(", ") };
    let files = attack.files.iter().map(|(name, digest)| format!("{name} ({digest})"));
    let files = files.collect::<Vec<_>>();
    let mut rows = vec![
        (language.text(key!("identity.attack")), format!("{} (v{})", attack.name, attack.version)),
        (
            language.text(key!("identity.family")),
            format!(
                "{} – {}",
                words::family(&row.family, language),
                language.fill(key!("grid.edpb"), &[("point", &row.edpb)])
            ),
        ),
        (language.text(key!("identity.paper")), attack.paper.clone()),
        (language.text(key!("identity.origin")), attack.origin.clone()),
        (language.text(key!("identity.signals")), list(&attack.signals)),
        (
            language.text(key!("identity.cost")),
            language.fill(
                key!("identity.cost.value"),
                &[
                    ("asked", &language.count(attack.asked)),
                    ("references", &language.count(attack.references)),
                ],
            ),
        ),
    ];
    if !files.is_empty() {
        rows.push((language.text(key!("identity.files")), list(&files)));
    }
    rows
}
