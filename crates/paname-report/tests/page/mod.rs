//! What must hold of every page, found by reading it tag by tag.

#![allow(dead_code, reason = "each test file uses a part")]

use std::collections::BTreeSet;

const VOID: [&str; 3] = ["meta", "!doctype", "img"];
const ELEMENTS: &str = "html head title style body a header p h1 h2 h3 h4 section div dl dt dd ul li nav main article span code table caption \
    thead tbody tr th td figure figcaption img svg desc text path rect circle g meta !doctype";
const ATTRIBUTES: &str = "lang charset http-equiv content name href id class role aria-label aria-labelledby aria-hidden tabindex scope colspan \
    rowspan data-label viewBox d x y width height cx cy r transform html src alt";

/// Only known elements and attributes, properly nested; ids unique; every reference found; one heading level at a time; nothing from outside.
pub(crate) fn check(html: &str) {
    let (elements, attributes): (BTreeSet<&str>, BTreeSet<&str>) =
        (ELEMENTS.split_whitespace().collect(), ATTRIBUTES.split_whitespace().collect());
    let mut open: Vec<String> = Vec::new();
    let (mut ids, mut references) = (BTreeSet::new(), Vec::new());
    let mut heading = 0;
    for tag in tags(html) {
        if let Some(name) = tag.strip_prefix('/') {
            assert_eq!(open.pop().as_deref(), Some(name), "</{name}> closes another element");
            continue;
        }
        let (name, mut rest) = tag.split_once(|c: char| c.is_whitespace()).unwrap_or((tag, ""));
        let name = name.trim_end_matches('/');
        assert!(elements.contains(name), "unexpected element <{tag}>");
        if let Some(level) = name.strip_prefix('h').and_then(|digit| digit.parse::<u32>().ok()) {
            assert!(level <= heading + 1, "<{name}> after a heading of level {heading}");
            heading = level;
        }
        while let Some((attribute, after)) = rest.trim_start().split_once('=') {
            let value = after.strip_prefix('"').unwrap_or_else(|| panic!("unquoted attribute in <{tag}>"));
            let (value, after) = value.split_once('"').expect("a closing quotation mark");
            assert!(attributes.contains(attribute), "unexpected attribute {attribute} in <{tag}>");
            match attribute {
                "id" => assert!(ids.insert(value), "id {value} stands twice"),
                "href" => {
                    references.push(value.strip_prefix('#').unwrap_or_else(|| panic!("a link to {value}")));
                }
                "src" => {
                    let picture =
                        value.strip_prefix("data:image/png;base64,").expect("a picture of the page itself");
                    let plain = |c: char| c.is_ascii_alphanumeric() || "+/=".contains(c);
                    assert!(!picture.is_empty() && picture.chars().all(plain), "src=\"{value}\"");
                }
                "aria-labelledby" => references.extend(value.split(' ')),
                "d" | "x" | "y" | "cx" | "cy" | "r" | "width" | "height" => {
                    let drawn = value.chars().all(|c| c.is_ascii_digit() || " .-MLHVZlh".contains(c));
                    assert!(drawn, "{attribute}=\"{value}\" cannot be drawn");
                }
                _ => {}
            }
            rest = after;
        }
        if !tag.ends_with('/') && !VOID.contains(&name) {
            open.push(name.to_owned());
        }
    }
    assert_eq!(open, Vec::<String>::new(), "elements left open");
    for reference in references {
        assert!(ids.contains(reference), "nothing has the id {reference}");
    }
    assert!(html.contains("default-src 'none'; style-src 'unsafe-inline'; img-src data:"));
    let style =
        html.split_once("<style>").and_then(|(_, rest)| rest.split_once("</style>")).expect("a style").0;
    assert!(!style.contains("url(") && !style.contains("@import"), "the style loads something");
}

/// The text of a page: one line per block, without the style sheet and the drawings.
pub(crate) fn text(html: &str) -> String {
    let mut text = String::new();
    let mut hidden = 0;
    for piece in html.split('<').skip(1) {
        let (tag, after) = piece.split_once('>').expect("a tag that ends");
        let name = tag.trim_start_matches('/').split(|c: char| !c.is_alphanumeric()).next().unwrap_or("");
        if matches!(name, "style" | "svg") {
            hidden += if tag.starts_with('/') { -1 } else { 1 };
        }
        if matches!(name, "span" | "td" | "th") {
            text.push(' ');
        } else if !matches!(name, "a" | "code") {
            text.push('\n');
        }
        if hidden == 0 {
            text.push_str(after);
        }
    }
    let named =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&#x27;", "'"), ("&#x2f;", "/"), ("&amp;", "&")];
    let text = named.iter().fold(text, |text, (name, mark)| text.replace(name, mark));
    let lines = text.lines().map(|line| {
        line.split(' ').filter(|word| !word.is_empty()).map(without_digest).collect::<Vec<_>>().join(" ")
    });
    lines.filter(|line| !line.is_empty()).collect::<Vec<_>>().join("\n")
}

/// Digests follow from the evidence's form, not from the report's words.
fn without_digest(word: &str) -> &str {
    if word.len() == 64 && word.bytes().all(|byte| byte.is_ascii_hexdigit()) { "(digest)" } else { word }
}

fn tags(html: &str) -> impl Iterator<Item = &str> {
    let without_style =
        html.split_once("<style>").and_then(|(head, rest)| Some((head, rest.split_once("</style>")?.1)));
    let (head, body) = without_style.expect("a style");
    let pieces = head.split('<').skip(1).chain(body.split('<').skip(1));
    pieces.map(|piece| piece.split_once('>').expect("a tag that ends").0)
}
