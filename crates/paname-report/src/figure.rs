//! Figures as inline SVG: no script, colours from the page's style sheet, a title and a description for whoever cannot see them. One figure a file.

pub(crate) mod arms;
pub(crate) mod differences;
pub(crate) mod histogram;
pub(crate) mod rates;
pub(crate) mod rebuilt;
pub(crate) mod roc;
pub(crate) mod unrelated;

mod axis;

/// The drawing inside an accessible frame. `id` must be unique on the page; `title` and `description` are plain text.
fn frame(id: &str, size: (f64, f64), title: &str, description: &str, drawing: &str) -> String {
    let (width, height) = size;
    format!(
        "<svg viewBox=\"0 0 {width} {height}\" role=\"img\" aria-labelledby=\"{id}-t {id}-d\">\
         <title id=\"{id}-t\">{}</title><desc id=\"{id}-d\">{}</desc>{drawing}</svg>",
        escape(title),
        escape(description),
    )
}

/// A line of text. `class` picks size, colour and anchor.
fn text(x: f64, y: f64, class: &str, content: &str) -> String {
    format!("<text x=\"{x:.1}\" y=\"{y:.1}\" class=\"{class}\">{}</text>", escape(content))
}

fn line(x1: f64, y1: f64, x2: f64, y2: f64, class: &str) -> String {
    format!("<path d=\"M{x1:.1} {y1:.1}L{x2:.1} {y2:.1}\" class=\"{class}\"/>")
}

fn rectangle(x: f64, y: f64, width: f64, height: f64, class: &str) -> String {
    let (width, height) = (width.max(0.0), height.max(0.0));
    format!("<rect x=\"{x:.1}\" y=\"{y:.1}\" width=\"{width:.1}\" height=\"{height:.1}\" class=\"{class}\"/>")
}

/// An interval, upright at `x`, with its two ends.
fn whisker(x: f64, from: f64, to: f64) -> String {
    line(x, from, x, to, "whisker")
        + &line(x - 3.5, from, x + 3.5, from, "whisker")
        + &line(x - 3.5, to, x + 3.5, to, "whisker")
}

fn circle(x: f64, y: f64) -> String {
    format!("<circle cx=\"{x:.1}\" cy=\"{y:.1}\" r=\"4\" class=\"without\"/>")
}

fn diamond(x: f64, y: f64, class: &str) -> String {
    format!("<path d=\"M{x:.1} {:.1}l6 6l-6 6l-6 -6Z\" class=\"{class}\"/>", y - 6.0)
}

/// Text as it may stand in an SVG element or attribute. Characters that XML forbids become spaces.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            c if c.is_control() => escaped.push(' '),
            c => escaped.push(c),
        }
    }
    escaped
}

/// The start of a text that has to fit on a line.
fn shortened(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        None => text.to_owned(),
        Some((end, _)) => format!("{}…", text[..end].trim_end()),
    }
}
