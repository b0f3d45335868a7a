//! How the scores of members and of non-members are spread: a filled area and a dashed line, which ink alone tells apart.

use std::fmt::Write as _;

use paname_stats::histogram::{Bins, Histogram};

use super::{axis, frame, line, rectangle, text};
use crate::{Language, key};

const SIZE: (f64, f64) = (360.0, 322.0);
const LEFT: f64 = 10.0;
const RIGHT: f64 = 350.0;
const TOP: f64 = 34.0;
const BOTTOM: f64 = 280.0;

/// The figure of one test.
pub(crate) fn figure(anchor: &str, histogram: &Histogram, language: Language) -> String {
    let members = shares(&histogram.members);
    let others = shares(&histogram.non_members);
    let highest = members.iter().chain(&others).copied().fold(0.0, f64::max);
    let mut drawing = rectangle(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, "panel");
    if highest > 0.0 {
        let _ = write!(drawing, "<path d=\"{}Z\" class=\"member-area\"/>", outline(&members, highest));
        let _ = write!(drawing, "<path d=\"{}\" class=\"other-line\"/>", outline(&others, highest));
    } else {
        drawing +=
            &text(f64::midpoint(LEFT, RIGHT), 150.0, "label middle", &language.text(key!("figure.empty")));
    }
    let (ticks, decimals) = axis::ticks(histogram.lower, histogram.upper, 5.0);
    for tick in ticks {
        let x = LEFT + (RIGHT - LEFT) * (tick - histogram.lower) / (histogram.upper - histogram.lower);
        drawing += &line(x, BOTTOM, x, BOTTOM + 4.0, "axis");
        let label = if tick.abs() < 1e6 { language.decimal(tick, decimals) } else { language.score(tick) };
        drawing += &text(x, BOTTOM + 17.0, "tick middle", &label);
    }
    drawing += &text(
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 36.0,
        "label middle",
        &language.text(key!("figure.histogram.x")),
    );
    drawing += &rectangle(LEFT, 8.0, 14.0, 10.0, "member-area");
    drawing += &text(LEFT + 20.0, 17.0, "label", &language.text(key!("term.members")));
    drawing += &line(LEFT + 130.0, 13.0, LEFT + 148.0, 13.0, "other-line");
    drawing += &text(LEFT + 154.0, 17.0, "label", &language.text(key!("term.non_members")));
    let [members, others] = [&histogram.members, &histogram.non_members];
    let outside =
        [members.above, others.below, others.above].into_iter().fold(members.below, u64::saturating_add);
    let description = language.fill(
        key!("figure.histogram.description"),
        &[
            ("lower", &language.score(histogram.lower)),
            ("upper", &language.score(histogram.upper)),
            ("outside", &language.count(outside)),
        ],
    );
    let title = language.text(key!("figure.histogram.title"));
    frame(&format!("{anchor}-scores"), SIZE, &title, &description, &drawing)
}

fn shares(bins: &Bins) -> Vec<f64> {
    let total =
        bins.counts.iter().fold(bins.below.saturating_add(bins.above), |sum, n| sum.saturating_add(*n));
    bins.counts.iter().map(|n| if total == 0 { 0.0 } else { *n as f64 / total as f64 }).collect()
}

fn outline(shares: &[f64], highest: f64) -> String {
    let width = (RIGHT - LEFT) / shares.len() as f64;
    let mut path = format!("M{LEFT:.1} {BOTTOM:.1}");
    for (i, share) in shares.iter().enumerate() {
        let y = BOTTOM - (BOTTOM - TOP - 6.0) * share / highest;
        let _ = write!(path, "V{y:.1}H{:.1}", LEFT + width * (i + 1) as f64);
    }
    let _ = write!(path, "V{BOTTOM:.1}");
    path
}
