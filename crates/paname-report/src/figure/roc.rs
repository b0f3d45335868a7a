//! The ROC curve on logarithmic axes, as the steps that the sample really has, with its simultaneous band. Where too few non-members support a
//! false-positive rate, nothing is drawn.

use std::fmt::Write as _;

use paname_evidence::{MembershipResult, RocPoint};

use super::{frame, line, rectangle, text};
use crate::{Language, key};

const SIZE: (f64, f64) = (360.0, 322.0);
const LEFT: f64 = 54.0;
const RIGHT: f64 = 350.0;
const TOP: f64 = 8.0;
const BOTTOM: f64 = 280.0;

/// Logarithmic axes from `least` to 1 on both sides.
struct Plane {
    least: f64,
}

impl Plane {
    fn x(&self, share: f64) -> f64 {
        LEFT + (RIGHT - LEFT) * self.position(share)
    }

    fn y(&self, share: f64) -> f64 {
        BOTTOM - (BOTTOM - TOP) * self.position(share)
    }

    fn position(&self, share: f64) -> f64 {
        let share = if share.is_nan() { self.least } else { share.clamp(self.least, 1.0) };
        1.0 - share.log10() / self.least.log10()
    }
}

/// The figure of one test.
pub(crate) fn figure(anchor: &str, result: &MembershipResult, language: Language) -> String {
    // With no false positive among n, 95 % confidence that the rate is at most this.
    let resolved = 1.0 - 0.05_f64.powf(1.0 / result.non_members as f64);
    let least = 10f64.powf(resolved.log10().floor()).clamp(1e-9, 0.1);
    let plane = Plane { least };
    let mut drawing = axes(&plane, language);
    drawing += &rectangle(LEFT, TOP, plane.x(resolved) - LEFT, BOTTOM - TOP, "unresolved");
    if plane.x(resolved) - LEFT > 18.0 {
        let x = f64::midpoint(LEFT, plane.x(resolved)) + 4.0;
        // At the top of the zone, or above the line of chance where a marker is in the way.
        let mut markers = result.levels.iter().filter_map(|level| level.fixed);
        let (y, class) = if markers.any(|fixed| plane.y(fixed.tpr.estimate) < TOP + 100.0) {
            (BOTTOM - 52.0, "tick")
        } else {
            (TOP + 8.0, "tick end")
        };
        drawing += &upright(x, y, class, &language.text(key!("figure.roc.unresolved")));
    }
    drawing += &line(plane.x(least), plane.y(least), plane.x(1.0), plane.y(1.0), "chance");
    let mut points: Vec<RocPoint> =
        result.roc.iter().copied().filter(|point| point.fpr.is_finite() && point.tpr.is_finite()).collect();
    points.sort_by(|a, b| a.fpr.total_cmp(&b.fpr).then(a.tpr.total_cmp(&b.tpr)));
    if points.is_empty() {
        drawing +=
            &text(f64::midpoint(LEFT, RIGHT), 150.0, "label middle", &language.text(key!("figure.empty")));
    } else {
        drawing += &band(&plane, &points, resolved);
        let curve = lower_steps(&plane, points.iter().map(|point| (point.fpr, point.tpr)), resolved);
        let _ = write!(drawing, "<path d=\"M{}\" class=\"member-line\"/>", path(&curve));
        drawing += &markers(&plane, result);
    }
    let description = language.fill(
        key!("figure.roc.description"),
        &[
            ("auc", &language.decimal(result.auc.auc, 3)),
            ("confidence", &language.level(result.band_confidence)),
            ("resolved", &language.percent(resolved)),
        ],
    );
    frame(&format!("{anchor}-roc"), SIZE, &language.text(key!("figure.roc.title")), &description, &drawing)
}

fn axes(plane: &Plane, language: Language) -> String {
    let mut drawing = rectangle(LEFT, TOP, RIGHT - LEFT, BOTTOM - TOP, "panel");
    let decades = (-plane.least.log10()).round() as i32;
    for power in 0..=decades {
        let share = 10f64.powi(-power);
        let label = language.level(share);
        drawing += &line(plane.x(share), TOP, plane.x(share), BOTTOM, "grid");
        drawing += &line(LEFT, plane.y(share), RIGHT, plane.y(share), "grid");
        let anchor = if power == 0 { "tick end" } else { "tick middle" };
        drawing += &text(plane.x(share), BOTTOM + 15.0, anchor, &label);
        drawing += &text(LEFT - 5.0, plane.y(share) + 4.0, "tick end", &label);
    }
    drawing += &text(
        f64::midpoint(LEFT, RIGHT),
        BOTTOM + 34.0,
        "label middle",
        &language.text(key!("figure.roc.x")),
    );
    drawing +=
        &upright(10.0, f64::midpoint(TOP, BOTTOM), "label middle", &language.text(key!("figure.roc.y")));
    drawing
}

/// Text that reads upwards.
fn upright(x: f64, y: f64, class: &str, content: &str) -> String {
    format!("<g transform=\"translate({x:.1} {y:.1}) rotate(-90)\">{}</g>", text(0.0, 0.0, class, content))
}

/// Steps that are right-continuous: at a rate, the best point at or below it.
fn lower_steps(plane: &Plane, points: impl Iterator<Item = (f64, f64)>, from: f64) -> Vec<(f64, f64)> {
    let mut best = 0.0_f64;
    let mut steps = vec![(plane.x(from), plane.y(0.0))];
    for (fpr, tpr) in points {
        best = best.max(tpr);
        if fpr <= from {
            steps[0].1 = plane.y(best);
        } else {
            let before = steps[steps.len() - 1].1;
            steps.push((plane.x(fpr), before));
            steps.push((plane.x(fpr), plane.y(best)));
        }
    }
    let last = steps[steps.len() - 1].1;
    steps.push((plane.x(1.0), last));
    steps
}

/// Between the curve through (FPR low, TPR high), taken from the next point on, and the curve through (FPR high, TPR low), taken from the point
/// before: a true curve inside every box lies inside.
fn band(plane: &Plane, points: &[RocPoint], from: f64) -> String {
    let mut lower: Vec<(f64, f64)> = points.iter().map(|point| (point.fpr_upper, point.tpr_lower)).collect();
    lower.sort_by(|a, b| a.0.total_cmp(&b.0));
    let lower = lower_steps(plane, lower.into_iter(), from);
    let mut corners: Vec<(f64, f64)> =
        points.iter().map(|point| (point.fpr_lower, point.tpr_upper)).collect();
    corners.sort_by(|a, b| b.0.total_cmp(&a.0));
    let mut least = 1.0_f64;
    let mut upper = vec![(plane.x(1.0), plane.y(1.0))];
    for (fpr, tpr) in corners.into_iter().filter(|(fpr, _)| *fpr > from) {
        least = least.min(tpr);
        let before = upper[upper.len() - 1].1;
        upper.push((plane.x(fpr), before));
        upper.push((plane.x(fpr), plane.y(least)));
    }
    let last = upper[upper.len() - 1].1;
    upper.push((plane.x(from), last));
    format!("<path d=\"M{}L{}Z\" class=\"band\"/>", path(&lower), path(&upper))
}

/// The rates at the fixed thresholds, with both intervals.
fn markers(plane: &Plane, result: &MembershipResult) -> String {
    let mut drawing = String::new();
    for fixed in result.levels.iter().filter_map(|level| level.fixed) {
        let (x, y) = (plane.x(fixed.fpr.estimate), plane.y(fixed.tpr.estimate));
        let across = fixed.fpr.interval;
        let along = fixed.tpr.interval;
        drawing += &line(plane.x(across.lower), y, plane.x(across.upper), y, "whisker");
        drawing += &line(x, plane.y(along.lower), x, plane.y(along.upper), "whisker");
        // A rate of zero has no place on a logarithmic axis: a triangle points beyond its edge.
        let _ = if fixed.fpr.hits == 0 {
            write!(drawing, "<path d=\"M{x:.1} {y:.1}l8 -5v10Z\" class=\"member-fill\"/>")
        } else {
            write!(drawing, "<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" class=\"member-fill\"/>")
        };
    }
    drawing
}

/// Corners to a tenth of a unit; corners that coincide or lie on a straight run are left out.
fn path(corners: &[(f64, f64)]) -> String {
    let mut kept: Vec<(String, String)> = Vec::with_capacity(corners.len());
    for (x, y) in corners {
        let next = (format!("{x:.1}"), format!("{y:.1}"));
        if kept.last() == Some(&next) {
            continue;
        }
        if let [.., a, b] = kept.as_slice()
            && ((a.0 == b.0 && b.0 == next.0) || (a.1 == b.1 && b.1 == next.1))
        {
            kept.pop();
        }
        kept.push(next);
    }
    let mut path = String::new();
    for (i, (x, y)) in kept.iter().enumerate() {
        let _ = match i.checked_sub(1).and_then(|before| kept.get(before)) {
            Some((before, _)) if before == x => write!(path, "V{y}"),
            Some((_, before)) if before == y => write!(path, "H{x}"),
            Some(_) => write!(path, "L{x} {y}"),
            None => write!(path, "{x} {y}"),
        };
    }
    path
}
