//! The manifest as JSON, in its own words.

use serde_json::{Map, Number, Value};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::text::Problem;

/// The document as JSON: what was written, without defaults. Dates become strings. Numbers that JSON lacks are refused, here and for everything
/// that reads the manifest: no key has a use for them.
pub(super) fn json(document: &Spanned<DeTable<'_>>) -> Result<Value, Problem> {
    table(document.get_ref())
}

fn table(table: &DeTable<'_>) -> Result<Value, Problem> {
    let entries = table.iter().map(|(key, item)| Ok((key.get_ref().to_string(), value(item)?)));
    Ok(Value::Object(entries.collect::<Result<Map<_, _>, Problem>>()?))
}

fn value(item: &Spanned<DeValue<'_>>) -> Result<Value, Problem> {
    let refused = |text: &str, expected: &str| {
        Problem::new(item.span(), format!("{text} is no number that can be used; expected {expected}"))
    };
    match item.get_ref() {
        DeValue::String(text) => Ok(Value::String(text.to_string())),
        DeValue::Boolean(truth) => Ok(Value::Bool(*truth)),
        DeValue::Datetime(time) => Ok(Value::String(time.to_string())),
        DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix())
            .map(Value::from)
            .map_err(|_| refused(whole.as_str(), "a whole number that fits in 64 bits")),
        DeValue::Float(real) => {
            let number = real.as_str().parse().ok().and_then(Number::from_f64);
            number.map(Value::Number).ok_or_else(|| refused(real.as_str(), "a finite number"))
        }
        DeValue::Array(items) => Ok(Value::Array(items.iter().map(value).collect::<Result<_, _>>()?)),
        DeValue::Table(inner) => table(inner),
    }
}
