//! What was rebuilt by the attack, without regularisation and by the mean of each class: how often its class is recognised, and how often the record nearest
//! to it is a member, each beside chance. Shapes tell the three apart, so that ink alone is enough.

use paname_evidence::{InversionResult, Rebuilt};
use paname_stats::Rate;

use super::{axis, circle, diamond, frame, line, rectangle, text, whisker};
use crate::{Key, Language, key};

const SIZE: (f64, f64) = (360.0, 252.0);
const TOP: f64 = 46.0;
const BOTTOM: f64 = 212.0;
const LEFT: f64 = 38.0;
const WIDTH: f64 = 154.0;
const BETWEEN: f64 = 12.0;
/// Half the width of a thick line.
const BAR: f64 = 15.0;

/// One share of all three, and what chance comes to.
struct Panel {
    name: Key,
    left: f64,
    chance: f64,
    attack: Option<Rate>,
    unregularised: Option<Rate>,
    average: Option<Rate>,
    /// What is said where there is no share.
    empty: Key,
}

/// The figure of one test; `id` must be unique on the page.
pub(crate) fn figure(id: &str, result: &InversionResult, language: Language) -> String {
    let panel = |name, left, chance, empty, of: fn(&Rebuilt) -> Option<Rate>| {
        // A share of nothing has no place.
        let of = |arm: &Rebuilt| of(arm).filter(|rate| rate.trials > 0 && rate.estimate.is_finite());
        Panel {
            name,
            left,
            chance,
            attack: of(&result.attack),
            unregularised: result.unregularised.as_ref().and_then(of),
            average: result.average.as_ref().and_then(of),
            empty,
        }
    };
    let right = LEFT + WIDTH + BETWEEN;
    let panels = [
        panel(key!("figure.rebuilt.recognised"), LEFT, result.chance, key!("figure.rebuilt.unseen"), |arm| {
            arm.recognised
        }),
        panel(key!("figure.rebuilt.nearest"), right, 0.5, key!("figure.empty"), |arm| Some(arm.nearest)),
    ];
    let mut drawing = legend(language);
    for tick in axis::ticks(0.0, 1.0, 5.0).0 {
        drawing += &text(LEFT - 4.0, y(tick) + 3.5, "tick end", &language.level(tick));
        drawing += &panels
            .iter()
            .map(|panel| line(panel.left, y(tick), panel.left + WIDTH, y(tick), "grid"))
            .collect::<String>();
    }
    drawing += &panels.iter().map(|panel| self::panel(panel, language)).collect::<String>();
    let told: Vec<String> = panels.iter().map(|panel| described(panel, language)).collect();
    frame(id, SIZE, &language.text(key!("figure.rebuilt.title")), &told.join(" "), &drawing)
}

fn y(share: f64) -> f64 {
    BOTTOM - (BOTTOM - TOP) * if share.is_nan() { 0.0 } else { share.clamp(0.0, 1.0) }
}

/// What the shapes are.
fn legend(language: Language) -> String {
    let label = |x: f64, name| text(x, 13.0, "label", &language.text(name));
    diamond(6.0, 9.0, "member-fill")
        + &label(15.0, key!("figure.rebuilt.attack"))
        + &circle(72.0, 9.0)
        + &label(81.0, key!("figure.rebuilt.unregularised"))
        + &line(208.0, 9.0, 226.0, 9.0, "prior-line")
        + &label(231.0, key!("figure.rebuilt.average"))
}

fn panel(panel: &Panel, language: Language) -> String {
    let column = |i: f64| panel.left + WIDTH * (2.0 * i + 1.0) / 6.0;
    let mut drawing = text(panel.left, TOP - 9.0, "value", &language.text(panel.name));
    drawing += &rectangle(panel.left, TOP, WIDTH, BOTTOM - TOP, "panel");
    let shown = [panel.attack, panel.unregularised, panel.average];
    if shown.iter().all(Option::is_none) {
        let middle = panel.left + WIDTH / 2.0;
        return drawing + &text(middle, y(0.5) - 6.0, "label middle", &language.text(panel.empty));
    }
    if (0.0..=1.0).contains(&panel.chance) {
        drawing += &line(panel.left, y(panel.chance), panel.left + WIDTH, y(panel.chance), "chance");
    }
    for (i, rate) in shown.into_iter().enumerate() {
        let x = column(i as f64);
        let Some(rate) = rate else { continue };
        drawing += &whisker(x, y(rate.interval.lower), y(rate.interval.upper));
        drawing += &match i {
            0 => diamond(x, y(rate.estimate), "member-fill"),
            1 => circle(x, y(rate.estimate)),
            _ => line(x - BAR, y(rate.estimate), x + BAR, y(rate.estimate), "prior-line"),
        };
        drawing += &text(x, BOTTOM + 14.0, "value middle", &language.percent(rate.estimate));
    }
    let chance = language.fill(key!("figure.rebuilt.chance"), &[("chance", &language.percent(panel.chance))]);
    drawing + &text(panel.left + WIDTH / 2.0, BOTTOM + 32.0, "tick middle", &chance)
}

fn described(panel: &Panel, language: Language) -> String {
    let share = |rate: &Option<Rate>| {
        rate.as_ref().map_or_else(|| "–".to_owned(), |rate| language.percent(rate.estimate))
    };
    language.fill(
        key!("figure.rebuilt.panel"),
        &[
            ("panel", &language.text(panel.name)),
            ("attack", &share(&panel.attack)),
            ("unregularised", &share(&panel.unregularised)),
            ("average", &share(&panel.average)),
            ("chance", &language.percent(panel.chance)),
        ],
    )
}
