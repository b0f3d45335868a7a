//! Right guesses of an attribute: the attack beside whoever guesses without the model, members and non-members side by side, and the difference between
//! the two gaps. Shapes tell the guessers apart, so that ink alone is enough.

use paname_evidence::{Accuracy, AttributeResult};
use paname_stats::Interval;

use super::{axis, circle, diamond, frame, line, rectangle, text, whisker};
use crate::{Language, key};

const SIZE: (f64, f64) = (360.0, 296.0);
const TOP: f64 = 46.0;
const BOTTOM: f64 = 242.0;
/// Height of the frame of a share that is off the scale, the space above it included.
const APART: f64 = 42.0;
const LEFT: f64 = 38.0;
const WIDTH: f64 = 154.0;
const BETWEEN: f64 = 12.0;
/// Half the width of a thick line.
const BAR: f64 = 15.0;

/// The three guessers about one side.
struct Side {
    name: String,
    left: f64,
    fill: &'static str,
    prior: Accuracy,
    imputation: Accuracy,
    attack: Accuracy,
}

/// Shares from `lower` to `upper`, upwards.
struct Scale {
    lower: f64,
    upper: f64,
    bottom: f64,
}

impl Scale {
    /// Around the shares that are drawn, with room for what stands above and below. The share of the most frequent value, where it lies so far below
    /// that nothing could be told of the others, gets a frame of its own.
    fn around(sides: &[Side; 2]) -> Option<Self> {
        let ends = |interval: &Interval| [interval.lower, interval.upper];
        let guessed = sides.iter().flat_map(|side| [&side.imputation, &side.attack]);
        let guessed = range(guessed.flat_map(|of| [of.share].into_iter().chain(ends(&of.interval))));
        let priors = range(sides.iter().map(|side| side.prior.share));
        let (least, most) = (guessed.0.min(priors.0), guessed.1.max(priors.1));
        let apart = guessed.0 - priors.0 > 1.5 * (guessed.1 - guessed.0) && priors.1 < guessed.0;
        let ((least, most), bottom) = if apart { (guessed, BOTTOM - APART) } else { ((least, most), BOTTOM) };
        let margin = (0.16 * (most - least)).max(0.005);
        (least <= most).then_some(Self { lower: least - margin, upper: most + margin, bottom })
    }

    fn is_cut(&self) -> bool {
        self.bottom < BOTTOM
    }

    fn y(&self, share: f64) -> f64 {
        let share = if share.is_nan() { self.lower } else { share.clamp(self.lower, self.upper) };
        self.bottom - (self.bottom - TOP) * (share - self.lower) / (self.upper - self.lower)
    }
}

/// The least and the most of the shares that exist.
fn range(shares: impl Iterator<Item = f64>) -> (f64, f64) {
    shares
        .filter(|share| (0.0..=1.0).contains(share))
        .fold((f64::INFINITY, f64::NEG_INFINITY), |(least, most), share| (least.min(share), most.max(share)))
}

/// The figure of one test; `id` must be unique on the page.
pub(crate) fn figure(id: &str, result: &AttributeResult, language: Language) -> String {
    let side = |name, left, fill, of: fn(&paname_evidence::Arm) -> Accuracy| Side {
        name: language.text(name),
        left,
        fill,
        prior: of(&result.prior),
        imputation: of(&result.imputation),
        attack: of(&result.attack),
    };
    let sides = [
        side(key!("term.members"), LEFT, "member-fill", |arm| arm.members),
        side(key!("term.non_members"), LEFT + WIDTH + BETWEEN, "other-fill", |arm| arm.non_members),
    ];
    let net = language.fill(
        key!("figure.arms.net"),
        &[
            ("net", &language.points(result.difference.value)),
            ("range", &language.points_range(&result.difference.interval)),
        ],
    );
    let mut drawing = legend(language);
    if let Some(scale) = Scale::around(&sides) {
        drawing += &axes(&scale, &sides, language);
        drawing += &sides.iter().map(|side| panel(side, &scale, language)).collect::<String>();
        let middle = f64::midpoint(LEFT, SIZE.0);
        drawing += &bracket(BOTTOM + 22.0);
        drawing += &text(middle, BOTTOM + 46.0, "value middle", &net);
    } else {
        drawing += &text(SIZE.0 / 2.0, 150.0, "label middle", &language.text(key!("figure.empty")));
    }
    let mut described: Vec<String> = sides.iter().map(|side| described(side, language)).collect();
    described.push(net);
    frame(id, SIZE, &language.text(key!("figure.arms.title")), &described.join(" "), &drawing)
}

/// What the shapes are.
fn legend(language: Language) -> String {
    let label = |x: f64, name| text(x, 13.0, "label", &language.text(name));
    diamond(6.0, 9.0, "member-fill")
        + &label(15.0, key!("figure.arms.attack"))
        + &circle(112.0, 9.0)
        + &label(121.0, key!("figure.arms.imputation"))
        + &line(236.0, 9.0, 254.0, 9.0, "prior-line")
        + &label(259.0, key!("figure.arms.prior"))
}

fn axes(scale: &Scale, sides: &[Side; 2], language: Language) -> String {
    let mut drawing = String::new();
    for side in sides {
        drawing += &text(side.left, TOP - 9.0, "value", &side.name);
        drawing += &rectangle(side.left, TOP, WIDTH, scale.bottom - TOP, "panel");
        if scale.is_cut() {
            drawing += &rectangle(side.left, BOTTOM - APART + 8.0, WIDTH, APART - 8.0, "panel");
        }
    }
    // On both sides, and a share has no place beyond 0 and 1.
    for tick in axis::ticks(scale.lower.max(0.0), scale.upper.min(1.0), 6.0).0 {
        let y = scale.y(tick);
        drawing +=
            &sides.iter().map(|side| line(side.left, y, side.left + WIDTH, y, "grid")).collect::<String>();
        drawing += &text(LEFT - 4.0, y + 3.5, "tick end", &language.level(tick));
    }
    drawing
}

fn panel(side: &Side, scale: &Scale, language: Language) -> String {
    let column = |i: f64| side.left + WIDTH * (2.0 * i + 1.0) / 6.0;
    let below =
        |x: f64, lowest: f64, share: f64| text(x, lowest + 13.0, "tick middle", &language.percent(share));
    let mut drawing = String::new();
    let (prior, imputation, attack) = (column(0.0), column(1.0), column(2.0));
    if side.prior.share.is_finite() {
        let y = if scale.is_cut() { BOTTOM - APART + 18.0 } else { scale.y(side.prior.share) };
        drawing += &line(prior - BAR, y, prior + BAR, y, "prior-line");
        drawing += &below(prior, y, side.prior.share);
    }
    if side.imputation.share.is_finite() {
        let y = scale.y(side.imputation.share);
        // What the attack has to beat, carried over to it.
        drawing += &line(imputation, y, attack + BAR, y, "chance");
        drawing += &interval(imputation, &side.imputation.interval, scale);
        drawing += &circle(imputation, y);
        drawing += &below(imputation, scale.y(side.imputation.interval.lower).max(y), side.imputation.share);
    }
    if side.attack.share.is_finite() {
        let y = scale.y(side.attack.share);
        drawing += &interval(attack, &side.attack.interval, scale);
        drawing += &diamond(attack, y, side.fill);
        drawing += &below(attack, scale.y(side.attack.interval.lower).max(y), side.attack.share);
        let gap = side.attack.share - side.imputation.share;
        if gap.is_finite() {
            let top = scale.y(side.attack.interval.upper).min(y).min(scale.y(side.imputation.share));
            let sign = if gap >= 0.000_05 { "+" } else { "" };
            let gap = format!("{sign}{}", language.hundredths(gap).unwrap_or_default());
            drawing += &text(attack, top - 6.0, "value middle", &gap);
        }
    }
    drawing
}

/// From one side to the other: what is compared in the end.
fn bracket(y: f64) -> String {
    let [from, to] = [LEFT + WIDTH * 5.0 / 6.0, LEFT + WIDTH + BETWEEN + WIDTH * 5.0 / 6.0];
    line(from, y - 16.0, from, y, "axis") + &line(from, y, to, y, "axis") + &line(to, y, to, y - 16.0, "axis")
}

fn interval(x: f64, interval: &Interval, scale: &Scale) -> String {
    whisker(x, scale.y(interval.lower), scale.y(interval.upper))
}

fn described(side: &Side, language: Language) -> String {
    language.fill(
        key!("figure.arms.side"),
        &[
            ("side", &side.name),
            ("attack", &language.percent(side.attack.share)),
            ("imputation", &language.percent(side.imputation.share)),
            ("prior", &language.percent(side.prior.share)),
        ],
    )
}
