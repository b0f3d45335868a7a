//! Differences with their intervals, one strip each, around a line where there is none.

use std::fmt::Write as _;

use paname_evidence::Figure;

use super::{axis, frame, line, rectangle, shortened, text};
use crate::Language;

const WIDTH: f64 = 360.0;
const LEFT: f64 = 4.0;
const RIGHT: f64 = 282.0;
const ROW: f64 = 36.0;
const STRIP: f64 = 14.0;

/// One strip.
pub(crate) struct Strip {
    /// What it is of.
    pub(crate) title: String,
    /// The difference, a share.
    pub(crate) figure: Figure,
}

/// All strips on a common scale.
pub(crate) fn figure(id: &str, title: &str, strips: &[Strip], language: Language) -> String {
    let ends = strips.iter().flat_map(|strip| {
        let Figure { value, interval } = strip.figure;
        [value, interval.lower, interval.upper]
    });
    let ends = ends.filter(|value| (-2.0..=2.0).contains(value));
    let (least, most) =
        ends.fold((-0.005_f64, 0.005_f64), |(least, most), end| (least.min(end), most.max(end)));
    let margin = 0.05 * (most - least);
    let (lower, upper) = (least - margin, most + margin);
    let x = |value: f64| {
        let value = if value.is_nan() { 0.0 } else { value.clamp(lower, upper) };
        LEFT + (RIGHT - LEFT) * (value - lower) / (upper - lower)
    };
    let (ticks, decimals) = axis::ticks(100.0 * lower, 100.0 * upper, 5.0);
    let mut drawing = String::new();
    let mut described = Vec::new();
    for (i, strip) in strips.iter().enumerate() {
        let top = ROW * i as f64;
        let y = top + 24.0;
        let upright =
            |value: f64, class: &str| line(x(value), y - STRIP / 2.0, x(value), y + STRIP / 2.0, class);
        let Figure { value, interval } = strip.figure;
        drawing += &text(0.0, top + 12.0, "label", &shortened(&strip.title, 62));
        drawing += &rectangle(0.0, y - STRIP / 2.0, RIGHT + 4.0, STRIP, "track");
        drawing += &ticks.iter().map(|tick| upright(tick / 100.0, "grid")).collect::<String>();
        drawing += &upright(0.0, "chance");
        let shown = language.points(value);
        if value.is_finite() {
            drawing += &line(x(interval.lower), y, x(interval.upper), y, "whisker");
            drawing += &upright_end(x(interval.lower), y);
            drawing += &upright_end(x(interval.upper), y);
            let _ = write!(
                drawing,
                "<path d=\"M{:.1} {:.1}l5 5l-5 5l-5 -5Z\" class=\"member-fill\"/>",
                x(value),
                y - 5.0
            );
        }
        drawing += &text(WIDTH, y + 4.0, "value end", &shown);
        described.push(format!("{} – {shown}", strip.title));
    }
    let bottom = ROW * strips.len() as f64;
    for tick in ticks {
        drawing += &text(x(tick / 100.0), bottom + 9.0, "tick middle", &language.decimal(tick, decimals));
    }
    frame(id, (WIDTH, bottom + 14.0), title, &described.join(". "), &drawing)
}

fn upright_end(x: f64, y: f64) -> String {
    line(x, y - 3.5, x, y + 3.5, "whisker")
}
