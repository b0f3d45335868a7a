//! The page.

use minijinja::syntax::SyntaxConfig;
use minijinja::value::{Kwargs, Serde};
use minijinja::{AutoEscape, Environment, Error, ErrorKind, UndefinedBehavior};
use paname_evidence::{Evidence, SCHEMA};

use crate::{Key, Language, ReportError, view};

const TEMPLATES: &[(&str, &str)] = &[
    ("report.html", include_str!("templates/report.html")),
    ("summary.html", include_str!("templates/summary.html")),
    ("grid.html", include_str!("templates/grid.html")),
    ("test.html", include_str!("templates/test.html")),
    ("attribute.html", include_str!("templates/attribute.html")),
    ("inversion.html", include_str!("templates/inversion.html")),
    ("head.html", include_str!("templates/head.html")),
    ("detection.html", include_str!("templates/detection.html")),
    ("controls.html", include_str!("templates/controls.html")),
    ("identity.html", include_str!("templates/identity.html")),
    ("context.html", include_str!("templates/context.html")),
    ("style.css", include_str!("templates/style.css")),
];

/// The report as one HTML page: no script, nothing loaded from anywhere, every text of the evidence escaped. Fails where the evidence is not of
/// this program's schema or was changed after it was sealed.
pub fn html(evidence: &Evidence, language: Language) -> Result<String, ReportError> {
    if evidence.schema != SCHEMA {
        return Err(ReportError::Schema { expected: SCHEMA, got: evidence.schema.clone() });
    }
    if !evidence.is_intact()? {
        return Err(ReportError::Changed { digest: evidence.core_sha256.clone() });
    }
    let mut environment = Environment::new();
    environment.set_undefined_behavior(UndefinedBehavior::Strict);
    environment.set_syntax(SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build()?);
    environment.set_auto_escape_callback(|name| match name {
        // Our own text, and inside `<style>` an escaped quotation mark would be a syntax error.
        "style.css" => AutoEscape::None,
        _ => AutoEscape::Html,
    });
    environment.add_function("t", move |name: &str, values: Kwargs| translate(language, name, &values));
    for (name, source) in TEMPLATES {
        environment.add_template(name, source)?;
    }
    let page = view::page(evidence, language);
    Ok(environment.get_template("report.html")?.render(Serde(&page))?)
}

fn translate(language: Language, name: &str, values: &Kwargs) -> Result<String, Error> {
    let missing = || Error::new(ErrorKind::InvalidOperation, format!("no string is named `{name}`"));
    let key = Key::find(name).ok_or_else(missing)?;
    let values: Vec<(String, String)> = values
        .args()
        .map(|given| Ok((given.to_owned(), values.get::<minijinja::Value>(given)?.to_string())))
        .collect::<Result<_, Error>>()?;
    let values: Vec<(&str, &str)> =
        values.iter().map(|(given, value)| (given.as_str(), value.as_str())).collect();
    Ok(language.fill(key, &values))
}
