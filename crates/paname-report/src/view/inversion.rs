//! One test that rebuilds inputs in detail.

use minijinja::Value;
use paname_evidence::{
    Core, Figure, Gallery, Identified, InversionResult, Likeness, Nearer, Reason, Rebuilt, RebuiltText,
    RebuiltTexts, Row,
};
use paname_stats::Rate;
use serde::Serialize;

use super::attribute::Number;
use super::found::{Found, declared_power};
use super::test::{self, Control, Detection};
use super::words::{self, Badge};
use super::{lead, reason};
use crate::figure::rebuilt;
use crate::{Key, Language, key};

#[derive(Serialize)]
pub(crate) struct InversionView {
    anchor: String,
    title: String,
    summary: String,
    badge: Badge,
    finding: String,
    reasons: Vec<String>,
    sample: String,
    figure: Value,
    detection: Vec<Detection>,
    /// None: records of the same class are the control.
    controls: Vec<Control>,
    numbers: Vec<Number>,
    columns: Vec<String>,
    arms: Vec<ArmRow>,
    /// Whether arms tell how much of texts they give again.
    recall: bool,
    gallery: Option<GalleryView>,
    texts: Option<TextsView>,
    facts: Vec<(String, String)>,
    identity: Vec<(String, String)>,
    formula: String,
    parameters: Vec<(String, String)>,
}

/// Who rebuilt, with a figure for each column.
#[derive(Serialize)]
struct ArmRow {
    name: String,
    cells: Vec<Cell>,
}

#[derive(Serialize)]
struct Cell {
    value: String,
    range: String,
}

#[derive(Serialize)]
struct GalleryView {
    /// The picture, where it is one.
    png: Option<Value>,
    caption: String,
}

#[derive(Serialize)]
struct TextsView {
    /// Classes and what was rebuilt of them.
    rows: Vec<(String, String)>,
    caption: String,
}

pub(crate) fn test(
    index: usize,
    core: &Core,
    row: &Row,
    result: &InversionResult,
    language: Language,
) -> InversionView {
    let anchor = format!("test-{index}");
    let (columns, arms) = arms(result, language);
    let numbers = lead::inversion_numbers(result, language);
    InversionView {
        title: words::title(row, language),
        summary: test::summary(row, language),
        badge: words::badge(row.verdict, language),
        finding: format!("{} {numbers}", outcome(row, language)),
        reasons: reason::sentences(row, language),
        sample: Found::Inversion(result).sample(language),
        figure: Value::from_safe_string(rebuilt::figure(&format!("{anchor}-rebuilt"), result, language)),
        detection: detection(result, language),
        controls: Vec::new(),
        numbers: self::numbers(core, result, language),
        columns,
        arms,
        recall: result.attack.recall.is_some(),
        gallery: result.gallery.as_ref().map(|gallery| self::gallery(gallery, language)),
        texts: result.texts.as_ref().map(|texts| self::texts(texts, language)),
        facts: facts(result, language),
        identity: test::identity(row, language),
        formula: row.attack.as_ref().map(|attack| attack.formula.clone()).unwrap_or_default(),
        parameters: row.attack.as_ref().map(|attack| test::parameters(attack, language)).unwrap_or_default(),
        anchor,
    }
}

/// Which of the three it is: somebody, an average or nothing. Of what may come from a difference between members and non-members nothing is said.
pub(crate) fn outcome(row: &Row, language: Language) -> String {
    let any = |wanted: fn(&Reason) -> bool| row.reasons.iter().any(wanted);
    let what = if any(|reason| matches!(reason, Reason::PersonsIdentified { .. })) {
        key!("inversion.outcome.persons")
    } else if members_rebuilt(row) {
        key!("inversion.outcome.members")
    } else if any(|reason| matches!(reason, Reason::AverageRebuilt { .. })) {
        let persons = row.inversion.as_ref().is_some_and(|result| result.persons);
        if persons { key!("inversion.outcome.average.persons") } else { key!("inversion.outcome.average") }
    } else if any(|reason| matches!(reason, Reason::NothingRebuilt { .. })) {
        key!("inversion.outcome.nothing")
    } else {
        key!("inversion.outcome.open")
    };
    language.fill(key!("inversion.outcome"), &[("what", &language.text(what))])
}

/// Whether what was rebuilt points at members, and nothing else explains it.
pub(super) fn members_rebuilt(row: &Row) -> bool {
    let pointed = row.reasons.iter().any(|reason| matches!(reason, Reason::PersonRebuilt { .. }));
    pointed && !row.reasons.contains(&Reason::ShiftNotExcluded)
}

/// `95% interval: 44.4% to 97.5%`.
fn interval(rate: &Rate, language: Language) -> String {
    words::interval(rate.interval.confidence, &language.percent_range(&rate.interval), language)
}

fn detection(result: &InversionResult, language: Language) -> Vec<Detection> {
    let more = |statistic| match (statistic, &result.identified) {
        (paname_evidence::Statistic::NearestMember, _) => Some(&result.nearest.members),
        (paname_evidence::Statistic::Identified, Some(identified)) => Some(&identified.first),
        _ => None,
    };
    let tests = result.tests.iter();
    tests
        .map(|tested| {
            let more = more(tested.statistic).filter(|rate| rate.trials > 0);
            let more = more.map(|rate| vec![words::rate(rate, language), interval(rate, language)]);
            test::detection(tested, more.unwrap_or_default(), language)
        })
        .collect()
}

/// The head of a column, and the figure of an arm.
type Column<'a> = (Key, &'a dyn Fn(&Rebuilt) -> Option<Cell>);

/// The columns that some arm has figures for, and the arms.
fn arms(result: &InversionResult, language: Language) -> (Vec<String>, Vec<ArmRow>) {
    let rate = |rate: &Rate| Cell {
        value: words::rate(rate, language),
        range: language.percent_range(&rate.interval),
    };
    let share = |figure: &Figure| Cell {
        value: language.percent(figure.value),
        range: language.percent_range(&figure.interval),
    };
    let number = |figure: &Figure| Cell {
        value: language.decimal(figure.value, 3),
        range: language.decimal_range(&figure.interval, 3),
    };
    let all: [Column<'_>; 8] = [
        (key!("inversion.recognised"), &|arm| arm.recognised.as_ref().map(rate)),
        (key!("inversion.recognised_in_five"), &|arm| arm.recognised_in_five.as_ref().map(rate)),
        (key!("inversion.starts"), &|arm| arm.starts.as_ref().map(share)),
        (key!("inversion.distance"), &|arm| arm.distance.as_ref().map(number)),
        (key!("statistic.nearest"), &|arm| Some(&arm.nearest).filter(|rate| rate.trials > 0).map(rate)),
        (key!("inversion.recall.members"), &|arm| arm.recall.as_ref().map(|recall| share(&recall.members))),
        (key!("inversion.recall.others"), &|arm| arm.recall.as_ref().map(|recall| share(&recall.others))),
        (key!("inversion.recall.difference"), &|arm| {
            arm.recall.as_ref().map(|recall| number(&recall.difference))
        }),
    ];
    let arms = [
        ("attack", Some(&result.attack)),
        ("unregularised", result.unregularised.as_ref()),
        ("average", result.average.as_ref()),
        ("members_average", result.members_average.as_ref()),
    ];
    let arms: Vec<(&str, &Rebuilt)> = arms.into_iter().filter_map(|(name, arm)| Some((name, arm?))).collect();
    let shown: Vec<Column<'_>> =
        all.into_iter().filter(|(_, of)| arms.iter().any(|(_, arm)| of(arm).is_some())).collect();
    let missing = || Cell { value: "–".to_owned(), range: String::new() };
    let rows = arms.iter().map(|(name, arm)| ArmRow {
        name: words::rebuilt_by(name, language),
        cells: shown.iter().map(|(_, of)| of(arm).unwrap_or_else(missing)).collect(),
    });
    (shown.iter().map(|(name, _)| language.text(*name)).collect(), rows.collect())
}

/// What stands around the test of the headline.
fn numbers(core: &Core, result: &InversionResult, language: Language) -> Vec<Number> {
    let mut numbers = vec![Number {
        name: language
            .fill(key!("inversion.detectable"), &[("power", &language.level(declared_power(core)))]),
        value: result
            .detectable
            .map_or_else(|| language.text(key!("grid.detectable.none")), |share| language.percent(share)),
        more: Vec::new(),
    }];
    if result.nearest.members.trials > 0 {
        let nearer = &result.nearest.nearer;
        let range = language.decimal_range(&nearer.interval, 3);
        numbers.push(Number {
            name: language.text(key!("inversion.permutation")),
            value: language.decimal(nearer.value, 3),
            more: vec![
                words::interval(nearer.interval.confidence, &range, language),
                language.fill(
                    key!("inversion.permutation.p"),
                    &[("p", &language.p_equation(result.nearest.permutation_p))],
                ),
            ],
        });
    }
    if result.nearest.drawn > 0 {
        numbers.push(Number {
            name: language.text(key!("inversion.drawn")),
            value: language.count(result.nearest.drawn),
            more: Vec::new(),
        });
    }
    numbers.extend(result.nearer.as_ref().map(|nearer| self::nearer(nearer, language)));
    let identified = result.identified.as_ref();
    numbers.extend(identified.map(|identified| self::identified(identified, result.persons, language)));
    numbers
}

/// The attack beside the arm without regularisation.
fn nearer(nearer: &Nearer, language: Language) -> Number {
    Number {
        name: language.text(key!("inversion.nearer")),
        value: language.fill(
            key!("inversion.nearer.value"),
            &[("wins", &language.count(nearer.wins)), ("losses", &language.count(nearer.losses))],
        ),
        more: vec![language.fill(key!("inversion.nearer.p"), &[("p", &language.p_equation(nearer.p))])],
    }
}

fn identified(identified: &Identified, persons: bool, language: Language) -> Number {
    let mut more = vec![
        interval(&identified.first, language),
        language.fill(
            key!("inversion.identified.chance"),
            &[
                ("chance", &language.percent(identified.chance)),
                ("among", &language.count(identified.among)),
                ("p", &language.p_equation(identified.p)),
            ],
        ),
    ];
    if identified.as_control > 0 {
        let n = language.count(identified.as_control);
        more.push(language.fill(key!("inversion.identified.control"), &[("n", &n)]));
    }
    if !persons {
        more.push(language.text(key!("inversion.identified.classes")));
    }
    Number {
        name: language.text(key!("inversion.identified")),
        value: words::rate(&identified.first, language),
        more,
    }
}

/// What was aimed at, and who judges it.
fn facts(result: &InversionResult, language: Language) -> Vec<(String, String)> {
    let count = language.count(result.classes);
    let mut rows = vec![(
        key!("inversion.classes"),
        if result.persons {
            language.fill(key!("inversion.classes.persons"), &[("n", &count)])
        } else {
            count
        },
    )];
    let (least, most) = result.nearest.gallery;
    if most > 0 {
        let n = match (language.count(least), language.count(most)) {
            (least, most) if least == most => least,
            (least, most) => language.fill(key!("range"), &[("lower", &least), ("upper", &most)]),
        };
        rows.push((
            key!("inversion.gallery_size"),
            language.fill(key!("inversion.gallery_size.value"), &[("n", &n)]),
        ));
    }
    let control = language.count(result.control_classes);
    rows.push((
        key!("inversion.control_classes"),
        match &result.control_recognised {
            Some(rate) => language.fill(
                key!("inversion.control_classes.recognised"),
                &[
                    ("n", &control),
                    ("rate", &words::rate(rate, language)),
                    ("confidence", &language.level(rate.interval.confidence)),
                    ("range", &language.percent_range(&rate.interval)),
                ],
            ),
            None => control,
        },
    ));
    match &result.evaluator {
        Some(evaluator) => {
            let value = language.fill(
                key!("inversion.evaluator.value"),
                &[
                    ("name", &evaluator.name),
                    ("members", &words::rate(&evaluator.members, language)),
                    ("others", &words::rate(&evaluator.non_members, language)),
                ],
            );
            let features = language.count(evaluator.features);
            rows.push((key!("inversion.evaluator"), value));
            rows.push((key!("inversion.evaluator.fingerprint"), evaluator.fingerprint.clone()));
            let measured = match result.likeness {
                Likeness::Features => key!("inversion.features.value"),
                Likeness::Values => key!("inversion.features.values"),
                Likeness::Tokens => key!("inversion.features.tokens"),
            };
            rows.push((key!("inversion.features"), language.fill(measured, &[("n", &features)])));
        }
        None => rows.push((key!("inversion.evaluator"), language.text(key!("inversion.evaluator.none")))),
    }
    let endings: Vec<String> = result
        .endings
        .iter()
        .map(|(name, n)| {
            let values = [("name", &*words::ending(name, language)), ("n", &*language.count(*n))];
            language.fill(key!("inversion.ending"), &values)
        })
        .collect();
    if !endings.is_empty() {
        rows.push((key!("inversion.endings"), endings.join(", ")));
    }
    if result.partial {
        rows.push((key!("inversion.partial"), language.text(key!("inversion.partial.value"))));
    }
    rows.into_iter().map(|(name, value)| (language.text(name), value)).collect()
}

fn gallery(gallery: &Gallery, language: Language) -> GalleryView {
    let rows: Vec<String> =
        gallery.rows.iter().map(|name| words::lower_first(&words::rebuilt_by(name, language))).collect();
    let classes: Vec<String> = gallery.classes.iter().map(u32::to_string).collect();
    let told = language.fill(
        key!("inversion.gallery.caption"),
        &[("rows", &rows.join(", ")), ("classes", &classes.join(", "))],
    );
    let blurred = language.text(if gallery.blurred {
        key!("inversion.gallery.blurred")
    } else {
        key!("inversion.gallery.sharp")
    });
    GalleryView {
        png: is_png(&gallery.png).then(|| Value::from_safe_string(gallery.png.clone())),
        caption: [told, blurred, language.text(key!("inversion.gallery.warning"))].join(" "),
    }
}

fn texts(texts: &RebuiltTexts, language: Language) -> TextsView {
    let row = |text: &RebuiltText| {
        let class = language.fill(key!("inversion.texts.class"), &[("class", &text.class.to_string())]);
        (class, text.words.join(" "))
    };
    let shown = if texts.masked { key!("inversion.texts.masked") } else { key!("inversion.texts.clear") };
    let caption = [language.text(shown), language.text(key!("inversion.texts.warning"))].join(" ");
    TextsView { rows: texts.texts.iter().map(row).collect(), caption }
}

/// Whether this is a PNG file in base 64 and nothing else, so that it may stand in an attribute as it is.
fn is_png(text: &str) -> bool {
    // The signature and the head of the first block, the same in every such file.
    const BEGINNING: &str = "iVBORw0KGgoAAAANSUhEU";
    let letters = text.trim_end_matches('=');
    text.starts_with(BEGINNING)
        && text.len().is_multiple_of(4)
        && text.len() - letters.len() <= 2
        && letters.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'+' || byte == b'/')
}

#[cfg(test)]
mod tests {
    use super::is_png;

    #[test]
    fn only_base_64_of_a_png_is_embedded() {
        assert!(is_png(
            "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=="
        ));
        for hostile in [
            "",
            "iVBORw0KGgoAAAANSUhEUgA",
            "PHN2ZyBvbmxvYWQ9YWxlcnQoMSk+",
            "iVBORw0KGgoAAAANSUhEUgAA\" onerror=\"alert(1)\"",
            "iVBORw0KGgoAAAANSUhEUgA=====",
            "iVBORw0KGgoAAAANSUhEUg=AAAA=",
            "iVBORw0KGgoAAAANSUhEUgA\nAAAA",
            "iVBORw0KGgoAAAANSUhEUgAé AA",
            " iVBORw0KGgoAAAANSUhEUgAAAAA",
        ] {
            assert!(!is_png(hostile), "{hostile}");
        }
    }
}
