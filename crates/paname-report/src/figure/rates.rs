//! Two shares side by side: members recognised and non-members wrongly flagged, each with its interval.

use std::fmt::Write as _;

use paname_stats::Rate;

use super::{frame, line, rectangle, shortened, text};
use crate::{Language, key};

const WIDTH: f64 = 360.0;

/// Two labelled bars, for a reader who is no specialist.
pub(crate) fn pair(id: &str, members: &Rate, non_members: &Rate, language: Language) -> String {
    let mut drawing = String::new();
    let rows = [
        (members, key!("figure.rates.members"), "member-fill"),
        (non_members, key!("figure.rates.others"), "other-fill"),
    ];
    let mut described = Vec::new();
    for (i, (rate, name, class)) in rows.into_iter().enumerate() {
        let top = 52.0 * i as f64;
        let share = language.percent(rate.estimate);
        let label = language
            .fill(name, &[("hits", &language.count(rate.hits)), ("trials", &language.count(rate.trials))]);
        drawing += &text(0.0, top + 13.0, "label", &label);
        drawing += &text(WIDTH, top + 13.0, "value end", &share);
        drawing += &rectangle(0.0, top + 20.0, WIDTH, 14.0, "track");
        drawing += &rectangle(0.0, top + 20.0, WIDTH * inside(rate.estimate), 14.0, class);
        drawing += &whisker(rate, top + 27.0, 0.0, WIDTH, 1.0);
        described.push(format!("{label} – {share}"));
    }
    frame(id, (WIDTH, 92.0), &language.text(key!("figure.rates.title")), &described.join(". "), &drawing)
}

/// A test of the comparison.
pub(crate) struct Compared {
    /// Its title.
    pub(crate) title: String,
    /// Members recognised.
    pub(crate) members: Rate,
    /// Non-members wrongly flagged.
    pub(crate) non_members: Rate,
}

/// All tests at one level, one strip each, on a common scale.
pub(crate) fn comparison(id: &str, level: f64, tests: &[Compared], language: Language) -> String {
    const ROW: f64 = 36.0;
    const STRIP: f64 = 14.0;
    const RIGHT: f64 = 312.0;
    let most = tests.iter().flat_map(|test| [test.members.interval.upper, test.non_members.interval.upper]);
    let most = most.filter(|share| share.is_finite()).fold(level, f64::max).clamp(0.001, 1.0);
    let scale = most * 1.04;
    let (ticks, _) = super::axis::ticks(0.0, scale, 4.0);
    let left = 4.0;
    let width = RIGHT - left;
    let x = |share: f64| left + width * inside(share / scale);
    let mut drawing = String::new();
    let mut described = Vec::new();
    for (i, test) in tests.iter().enumerate() {
        let top = ROW * i as f64;
        let y = top + 24.0;
        let upright =
            |share: f64, class: &str| line(x(share), y - STRIP / 2.0, x(share), y + STRIP / 2.0, class);
        drawing += &text(0.0, top + 12.0, "label", &shortened(&test.title, 62));
        drawing += &rectangle(0.0, y - STRIP / 2.0, RIGHT + 4.0, STRIP, "track");
        drawing += &ticks.iter().map(|tick| upright(*tick, "grid")).collect::<String>();
        drawing += &upright(level, "chance");
        drawing += &whisker(&test.members, y, left, width, scale);
        let _ = write!(
            drawing,
            "<circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"3.2\" class=\"other-hollow\"/><circle cx=\"{:.1}\" cy=\"{y:.1}\" r=\"4\" class=\"member-fill\"/>",
            x(test.non_members.estimate),
            x(test.members.estimate),
        );
        drawing += &text(WIDTH, y + 4.0, "value end", &language.percent(test.members.estimate));
        described.push(format!("{} – {}", test.title, language.percent(test.members.estimate)));
    }
    let bottom = ROW * tests.len() as f64;
    for tick in ticks {
        let anchor = if tick == 0.0 { "tick" } else { "tick middle" };
        drawing += &text(x(tick), bottom + 9.0, anchor, &language.level(tick));
    }
    let title = language.fill(key!("figure.comparison.title"), &[("level", &language.level(level))]);
    frame(id, (WIDTH, bottom + 14.0), &title, &described.join(". "), &drawing)
}

/// The line of an interval, lifted off the bar below it.
fn whisker(rate: &Rate, y: f64, left: f64, width: f64, scale: f64) -> String {
    let [from, to] =
        [rate.interval.lower, rate.interval.upper].map(|share| left + width * inside(share / scale));
    line(from, y, to, y, "halo")
        + &line(from, y, to, y, "whisker")
        + &line(from, y - 3.5, from, y + 3.5, "whisker")
        + &line(to, y - 3.5, to, y + 3.5, "whisker")
}

fn inside(share: f64) -> f64 {
    if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}
