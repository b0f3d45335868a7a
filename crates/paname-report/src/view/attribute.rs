//! One test on an attribute in detail.

use minijinja::Value;
use paname_evidence::{
    Accuracy, Arm, AttributeControl, AttributeResult, AttributeSlice, Beyond, Core, Figure, Row, Surest,
};
use paname_stats::{Interval, Rate};
use serde::Serialize;

use super::found::{Found, declared_power};
use super::test::{self, Control, Detection, SMALLEST_PART};
use super::words::{self, Badge};
use super::{lead, reason};
use crate::figure::{arms, differences};
use crate::{Key, Language, key};

#[derive(Serialize)]
pub(crate) struct AttributeView {
    anchor: String,
    title: String,
    summary: String,
    badge: Badge,
    finding: String,
    reasons: Vec<String>,
    sample: String,
    figure: Value,
    detection: Vec<Detection>,
    numbers: Vec<Number>,
    arms: Vec<ArmRow>,
    facts: Vec<(String, String)>,
    controls: Vec<Control>,
    beside: Vec<String>,
    interval: String,
    parts: Vec<PartGroup>,
    parts_figure: Option<Value>,
    identity: Vec<(String, String)>,
    formula: String,
    parameters: Vec<(String, String)>,
}

/// A figure, with what goes with it.
#[derive(Serialize)]
pub(super) struct Number {
    pub(super) name: String,
    pub(super) value: String,
    pub(super) more: Vec<String>,
}

/// Somebody who guesses.
#[derive(Serialize)]
struct ArmRow {
    name: String,
    sides: [ArmSide; 2],
}

/// How well of members, or of non-members.
#[derive(Serialize)]
struct ArmSide {
    share: String,
    range: String,
    g_mean: String,
    correlation: String,
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
    share: String,
    net: String,
    range: String,
}

pub(crate) fn test(
    index: usize,
    core: &Core,
    row: &Row,
    result: &AttributeResult,
    language: Language,
) -> AttributeView {
    let anchor = format!("test-{index}");
    let net = &result.difference;
    AttributeView {
        title: words::title(row, language),
        summary: test::summary(row, language),
        badge: words::badge(row.verdict, language),
        finding: lead::attribute_numbers(result, language),
        reasons: reason::sentences(row, language),
        sample: Found::Attribute(result).sample(language),
        figure: Value::from_safe_string(arms::figure(&format!("{anchor}-arms"), result, language)),
        detection: vec![test::detection(
            &result.test,
            vec![language.points(net.value), interval(&net.interval, language)],
            language,
        )],
        numbers: numbers(core, result, language),
        arms: [
            (key!("arm.attack"), &result.attack),
            (key!("arm.imputation"), &result.imputation),
            (key!("arm.prior"), &result.prior),
        ]
        .map(|(name, arm)| arm_row(name, arm, language))
        .into(),
        facts: facts(result, language),
        controls: result
            .unrelated
            .iter()
            .map(|control| test::control(&format!("{anchor}-control"), control, language))
            .collect(),
        beside: result.positive.iter().map(|control| positive(control, language)).collect(),
        interval: language
            .fill(key!("test.interval"), &[("confidence", &language.level(net.interval.confidence))]),
        parts: parts(&result.slices, language),
        parts_figure: parts_figure(&anchor, &result.slices, language),
        identity: test::identity(row, language),
        formula: row.attack.as_ref().map(|attack| attack.formula.clone()).unwrap_or_default(),
        parameters: row.attack.as_ref().map(|attack| test::parameters(attack, language)).unwrap_or_default(),
        anchor,
    }
}

/// `95% interval: 0.8 to 3.8 points`.
fn interval(interval: &Interval, language: Language) -> String {
    words::interval(interval.confidence, &language.points_range(interval), language)
}

fn arm_row(name: Key, arm: &Arm, language: Language) -> ArmRow {
    let side = |of: &Accuracy| ArmSide {
        share: language.percent(of.share),
        range: language.percent_range(&of.interval),
        g_mean: language.decimal(of.g_mean, 3),
        correlation: language.decimal(of.correlation, 3),
    };
    ArmRow { name: language.text(name), sides: [side(&arm.members), side(&arm.non_members)] }
}

/// Everything but the headline and the shares that it is made of.
fn numbers(core: &Core, result: &AttributeResult, language: Language) -> Vec<Number> {
    let difference = |name: Key, figure: &Figure, more: Vec<String>| Number {
        name: language.text(name),
        value: language.points(figure.value),
        more: [interval(&figure.interval, language)].into_iter().chain(more).collect(),
    };
    let [of_members, of_others] = &result.beyond;
    let mut numbers = vec![
        Number {
            name: language.fill(key!("attribute.upper"), &[("alpha", &language.level(result.alpha))]),
            value: language.points(result.upper),
            more: Vec::new(),
        },
        Number {
            name: language
                .fill(key!("attribute.detectable"), &[("power", &language.level(declared_power(core)))]),
            value: result
                .detectable
                .map_or_else(|| language.text(key!("grid.detectable.none")), |net| language.points(net)),
            more: Vec::new(),
        },
        difference(key!("attribute.advantage"), &result.advantage, Vec::new()),
        difference(key!("attribute.gain.members"), &of_members.gain, vec![records(of_members, language)]),
        difference(key!("attribute.gain.others"), &of_others.gain, vec![records(of_others, language)]),
    ];
    numbers.extend(result.surest.as_ref().map(|surest| self::surest(surest, language)));
    numbers.extend(result.residual.as_ref().map(|residual| Number {
        name: language.text(key!("attribute.residual")),
        value: language.percent(residual.value),
        more: vec![words::interval(
            residual.interval.confidence,
            &language.percent_range(&residual.interval),
            language,
        )],
    }));
    numbers.extend(result.positive.as_ref().and_then(|control| {
        let individual = control.individual.as_ref()?;
        let units = language.fill(
            key!("attribute.individual.units"),
            &[
                ("models", &language.count(control.models)),
                ("unit", &words::unit(result.unit, language)),
                ("units", &language.count(control.units)),
            ],
        );
        Some(difference(key!("attribute.individual"), individual, vec![units]))
    }));
    numbers
}

/// Who alone is right, of how many.
fn records(beyond: &Beyond, language: Language) -> String {
    language.fill(
        key!("attribute.gain.records"),
        &[
            ("wins", &language.count(beyond.wins)),
            ("losses", &language.count(beyond.losses)),
            ("p", &language.p_equation(beyond.p)),
        ],
    )
}

fn surest(surest: &Surest, language: Language) -> Number {
    let rate = |rate: &Rate| words::rate(rate, language);
    let side = |name: Key, side: usize| {
        let [attack, without] = [&surest.attack[side], &surest.imputation[side]].map(rate);
        language.fill(name, &[("rate", &attack), ("without", &without)])
    };
    Number {
        name: language.fill(key!("attribute.surest"), &[("k", &language.count(surest.k))]),
        value: side(key!("attribute.surest.members"), 0),
        more: vec![side(key!("attribute.surest.others"), 1)],
    }
}

/// What was guessed, and by whom without the model.
fn facts(result: &AttributeResult, language: Language) -> Vec<(String, String)> {
    let mut rows = vec![
        (key!("attribute.name"), result.attribute.clone()),
        (
            key!("attribute.candidates"),
            language.fill(
                key!("attribute.candidates.value"),
                &[
                    ("n", &language.count(result.candidates)),
                    ("scale", &words::scale(&result.scale, language)),
                ],
            ),
        ),
    ];
    if result.tolerance > 0 {
        let value = language.plural(
            result.tolerance,
            key!("attribute.tolerance.one"),
            key!("attribute.tolerance.many"),
            &[],
        );
        rows.push((key!("attribute.tolerance"), value));
    }
    if result.left_out > 0 {
        let value =
            language.fill(key!("attribute.left_out.value"), &[("n", &language.count(result.left_out))]);
        rows.push((key!("attribute.left_out"), value));
    }
    if result.twins > 0 {
        let value = language.fill(key!("attribute.twins.value"), &[("n", &language.count(result.twins))]);
        rows.push((key!("attribute.twins"), value));
    }
    let imputer = language.fill(
        key!("attribute.imputer.value"),
        &[
            ("attack", &result.imputer.attack),
            ("rows", &language.count(result.imputer.rows)),
            ("target_rows", &language.count(result.imputer.target_rows)),
        ],
    );
    rows.push((key!("attribute.imputer"), imputer));
    rows.push((key!("attribute.permutations"), language.count(result.permutations)));
    rows.into_iter().map(|(name, value)| (language.text(name), value)).collect()
}

/// The attack where it is known what there is to find.
fn positive(control: &AttributeControl, language: Language) -> String {
    let (models, net) = (language.count(control.models), language.points(control.difference));
    match &control.detected {
        Some(detected) => language.fill(
            key!("beside.attribute.positive"),
            &[("models", &models), ("net", &net), ("detected", &language.percent(detected.estimate))],
        ),
        None => language.fill(key!("beside.attribute.positive.none"), &[("models", &models), ("net", &net)]),
    }
}

/// Whether a part is large enough for figures.
fn is_shown(slice: &AttributeSlice) -> bool {
    slice.members >= SMALLEST_PART && slice.non_members >= SMALLEST_PART
}

/// Parts in the order of the evidence, one group for each run of the same cut.
fn parts(slices: &[AttributeSlice], language: Language) -> Vec<PartGroup> {
    let runs = slices.chunk_by(|a, b| a.kind == b.kind);
    runs.filter_map(|run| {
        let kind = words::slice_kind(run.first()?.kind, language);
        Some(PartGroup { kind, parts: run.iter().map(|slice| part(slice, language)).collect() })
    })
    .collect()
}

fn part(slice: &AttributeSlice, language: Language) -> Part {
    let dash = || "–".to_owned();
    let difference = slice.difference.as_ref().filter(|_| is_shown(slice));
    Part {
        value: words::slice_value(slice.kind, &slice.value, language),
        members: test::part_count(slice.members, language),
        non_members: test::part_count(slice.non_members, language),
        share: slice.share.filter(|_| is_shown(slice)).map_or_else(dash, |share| language.percent(share)),
        net: difference.map_or_else(dash, |net| language.points(net.value)),
        range: difference.map_or_else(dash, |net| language.points_range(&net.interval)),
    }
}

/// The parts beside one another, where at least two have figures.
fn parts_figure(anchor: &str, slices: &[AttributeSlice], language: Language) -> Option<Value> {
    let strip = |slice: &AttributeSlice| {
        let value = words::slice_value(slice.kind, &slice.value, language);
        let title = format!("{} – {value}", words::slice_kind(slice.kind, language));
        Some(differences::Strip { title, figure: slice.difference? })
    };
    let strips: Vec<_> = slices.iter().filter(|slice| is_shown(slice)).filter_map(strip).collect();
    let title = language.text(key!("figure.differences.parts"));
    (strips.len() > 1).then(|| {
        let id = format!("{anchor}-parts");
        Value::from_safe_string(differences::figure(&id, &title, &strips, language))
    })
}
