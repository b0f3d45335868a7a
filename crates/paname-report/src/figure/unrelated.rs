//! The control: one dot per model that has nothing to do with these members, and the target among them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use paname_evidence::{Statistic, Unrelated};

use super::{axis, frame, line, text};
use crate::{Language, key, view};

const WIDTH: f64 = 360.0;
const LEFT: f64 = 12.0;
const RIGHT: f64 = 348.0;
const BOTTOM: f64 = 92.0;
/// Width of a column of dots.
const DOT: f64 = 8.0;
/// Height of the highest column.
const HIGHEST: f64 = 60.0;

/// The figure of one control.
pub(crate) fn figure(id: &str, control: &Unrelated, language: Language) -> String {
    let chance = match control.statistic {
        Statistic::Auc | Statistic::NearestMember => 0.5,
        Statistic::TprAt(level) => level,
        Statistic::AccuracyDifference => 0.0,
        Statistic::Identified => f64::NAN,
    };
    let statistic = view::statistic(control.statistic, language);
    let value = |value: f64| view::statistic_value(control.statistic, value, language);
    let null = || control.null.iter().copied().filter(|value| value.is_finite());
    let shown = || null().chain([control.observed, chance]).filter(|value| value.is_finite());
    let (least, most) = (shown().fold(f64::INFINITY, f64::min), shown().fold(f64::NEG_INFINITY, f64::max));
    let margin = (0.08 * (most - least)).max(0.005);
    let (lower, upper) = (least - margin, most + margin);
    let x = |value: f64| LEFT + (RIGHT - LEFT) * (value - lower) / (upper - lower);
    let mut drawing = line(LEFT, BOTTOM, RIGHT, BOTTOM, "axis");
    let (ticks, decimals) = axis::ticks(lower, upper, 5.0);
    for tick in ticks {
        let label = match control.statistic {
            Statistic::Auc => language.decimal(tick, decimals.max(1)),
            Statistic::TprAt(_) | Statistic::NearestMember | Statistic::Identified => language.level(tick),
            Statistic::AccuracyDifference => language.decimal(100.0 * tick, decimals.saturating_sub(2)),
        };
        drawing += &line(x(tick), BOTTOM, x(tick), BOTTOM + 4.0, "axis");
        drawing += &text(x(tick), BOTTOM + 17.0, "tick middle", &label);
    }
    if chance.is_finite() {
        drawing += &line(x(chance), 22.0, x(chance), BOTTOM, "chance");
    }
    drawing += &dots(null().map(x));
    if control.observed.is_finite() {
        let at = x(control.observed);
        drawing += &line(at, 22.0, at, BOTTOM, "member-line");
        let _ = write!(drawing, "<path d=\"M{at:.1} 81l5 5l-5 5l-5 -5Z\" class=\"member-fill\"/>");
        let side = if at > f64::midpoint(LEFT, RIGHT) { "value end" } else { "value" };
        let label = language.fill(key!("figure.unrelated.target"), &[("value", &value(control.observed))]);
        drawing += &text(at, 15.0, side, &label);
    }
    let description = language.fill(
        key!("figure.unrelated.description"),
        &[
            ("statistic", &statistic),
            ("n", &language.count(control.null.len() as u64)),
            ("lower", &value(null().fold(f64::NAN, f64::min))),
            ("upper", &value(null().fold(f64::NAN, f64::max))),
            ("target", &value(control.observed)),
        ],
    );
    let title = language.text(key!("figure.unrelated.title"));
    frame(id, (WIDTH, BOTTOM + 22.0), &title, &description, &drawing)
}

/// Dots stacked into columns, closer together where a column would grow out of the figure.
fn dots(places: impl Iterator<Item = f64>) -> String {
    let mut columns: BTreeMap<i64, usize> = BTreeMap::new();
    for place in places {
        *columns.entry((place / DOT).round() as i64).or_default() += 1;
    }
    let highest = columns.values().copied().max().unwrap_or(0);
    let step = (HIGHEST / highest.max(1) as f64).min(DOT);
    let mut path = String::new();
    for (column, dots) in columns {
        let place = DOT * column as f64;
        for height in 0..dots {
            let _ = write!(path, "M{place:.1} {:.1}h0", BOTTOM - 6.0 - step * height as f64);
        }
    }
    format!("<path d=\"{path}\" class=\"other-dots\"/>")
}
