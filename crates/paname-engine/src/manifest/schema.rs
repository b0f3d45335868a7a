//! The manifest's JSON schema, and the check of a document against it: unknown and missing keys, closed lists, ranges. The schema comes from
//! the types, so that editors, documentation and this check cannot disagree.

use paname_core::ACCESS_NAMES;
use serde_json::Value;
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Content;
use super::text::Problem;

/// The JSON schema of the manifest.
pub fn manifest_schema() -> Value {
    Value::from(schemars::schema_for!(Content))
}

/// The names that `access.signals` may hold.
pub(super) fn access_names() -> Vec<&'static str> {
    ACCESS_NAMES.iter().map(|(_, name)| *name).collect()
}

/// Checks a document against a schema and returns the first problem.
pub(super) fn conforms(document: &Spanned<DeTable<'_>>, schema: &Value) -> Result<(), Problem> {
    Checker { root: schema }.table(document.get_ref(), 0..0, schema, &Place::default())
}

/// Checks the keys of one table, at the path `place`, against a schema of their own.
pub(super) fn table_conforms(
    table: &DeTable<'_>,
    span: std::ops::Range<usize>,
    schema: &Value,
    place: &str,
) -> Result<(), Problem> {
    Checker { root: schema }.table(table, span, schema, &Place::default().key(place))
}

/// A key's place in the document, as messages write it.
#[derive(Debug, Clone, Default)]
struct Place {
    path: String,
    in_array: bool,
}

impl Place {
    fn key(&self, name: &str) -> Self {
        let path = if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) };
        Self { path, in_array: false }
    }

    fn element(&self) -> Self {
        Self { path: self.path.clone(), in_array: true }
    }

    /// `[data]`, `[[test]]`, or the manifest itself.
    fn as_table(&self) -> String {
        match (self.path.as_str(), self.in_array) {
            ("", _) => "the manifest".to_owned(),
            (path, true) => format!("[[{path}]]"),
            (path, false) => format!("[{path}]"),
        }
    }
}

struct Checker<'s> {
    root: &'s Value,
}

impl<'s> Checker<'s> {
    /// Follows references and skips the "or null" of optional keys, which TOML cannot write. A choice between several forms stays one.
    fn resolve(&self, mut schema: &'s Value) -> &'s Value {
        loop {
            if let Some(reference) = schema["$ref"].as_str() {
                let target = reference.strip_prefix('#').and_then(|pointer| self.root.pointer(pointer));
                match target {
                    Some(target) => schema = target,
                    None => return schema,
                }
            } else if let Some(some) = schema["anyOf"]
                .as_array()
                .map(|all| all.iter().filter(|one| one["type"].as_str() != Some("null")))
                .and_then(|mut all| all.next().filter(|_| all.next().is_none()))
            {
                schema = some;
            } else {
                return schema;
            }
        }
    }

    fn table(
        &self,
        table: &DeTable<'_>,
        span: std::ops::Range<usize>,
        schema: &'s Value,
        place: &Place,
    ) -> Result<(), Problem> {
        let Some(properties) = schema["properties"].as_object() else { return Ok(()) };
        for (key, item) in table {
            let name: &str = key.get_ref();
            match properties.get(name) {
                Some(property) => self.value(item, property, &place.key(name))?,
                None if schema["additionalProperties"] == Value::Bool(false) => {
                    let known: Vec<&str> = properties.keys().map(String::as_str).collect();
                    let what =
                        format!("unknown key `{name}` in {}; {}", place.as_table(), suggestion(name, &known));
                    return Err(Problem::new(key.span(), what));
                }
                None => {}
            }
        }
        let required = schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str);
        for name in required {
            if !table.contains_key(name) {
                let description = properties.get(name).and_then(|property| property["description"].as_str());
                let description = description.unwrap_or_default().trim_end_matches('.');
                let what = format!("{} lacks the key `{name}` ({description})", place.as_table());
                return Err(Problem::new(span, what));
            }
        }
        Ok(())
    }

    /// The types that a value may have; none where the schema says nothing of it.
    fn types(&self, schema: &'s Value) -> Vec<&'s str> {
        let named = match &schema["type"] {
            Value::String(one) => vec![one.as_str()],
            Value::Array(several) => several.iter().filter_map(Value::as_str).collect(),
            _ => {
                let forms =
                    [&schema["oneOf"], &schema["anyOf"]].into_iter().filter_map(Value::as_array).flatten();
                forms.flat_map(|form| self.types(self.resolve(form))).collect()
            }
        };
        let mut types: Vec<&str> = named.into_iter().filter(|one| *one != "null").collect();
        types.dedup();
        types
    }

    fn value(&self, item: &Spanned<DeValue<'_>>, property: &'s Value, place: &Place) -> Result<(), Problem> {
        let schema = self.resolve(property);
        let wrong = |expected: String| {
            let what = format!("`{}` is {}; expected {expected}", place.path, shown(item.get_ref()));
            Err(Problem::new(item.span(), what))
        };
        // Lists and ranges may stand beside a reference or on what it refers to.
        let look = |keyword: &str| [&property[keyword], &schema[keyword]].into_iter().find(|v| !v.is_null());
        let types = self.types(schema);
        if !types.is_empty() && !types.iter().any(|wanted| is_of(item.get_ref(), wanted)) {
            return wrong(types.into_iter().map(type_words).collect::<Vec<_>>().join(" or "));
        }
        // Of several forms that a value may take, the one that it has; closed lists have one form.
        let forms = [&schema["oneOf"], &schema["anyOf"]]
            .into_iter()
            .filter_map(Value::as_array)
            .flatten()
            .map(|form| self.resolve(form));
        let forms: Vec<&Value> = forms
            .filter(|form| form["const"].is_null())
            .filter(|form| self.types(form).iter().any(|wanted| is_of(item.get_ref(), wanted)))
            .collect();
        // Tables tell their forms apart by their keys.
        let keys = item.get_ref().as_table().map(|table| table.keys().map(|key| key.get_ref().to_string()));
        let keys: Vec<String> = keys.into_iter().flatten().collect();
        let named: Vec<&&Value> =
            forms.iter().filter(|form| keys.iter().all(|key| !form["properties"][key].is_null())).collect();
        if let (Some(key), [], [_, _, ..]) = (keys.first(), &named[..], &forms[..]) {
            let known =
                forms.iter().filter_map(|form| form["properties"].as_object()).flat_map(|keys| keys.keys());
            let known: Vec<&str> = known.map(String::as_str).collect();
            return wrong(format!("a table with one of the keys {}, not `{key}`", quoted(&known)));
        }
        let form = named.first().map(|form| **form).or_else(|| forms.first().copied());
        if let Some(form) = form {
            let others = types.iter().filter(|other| !is_of(item.get_ref(), other));
            let others: String = others.flat_map(|other| [", or ", type_words(other)]).collect();
            return self.value(item, form, place).map_err(|mut problem| {
                if problem.span == item.span() {
                    problem.what += &others;
                }
                problem
            });
        }
        match item.get_ref() {
            DeValue::String(text) => {
                let allowed = allowed_strings(property).or_else(|| allowed_strings(schema));
                if let Some(allowed) = allowed.filter(|allowed| !allowed.contains(&&**text)) {
                    return wrong(match allowed[..] {
                        [only] => format!("`{only}`"),
                        _ => format!("one of {}", quoted(&allowed)),
                    });
                }
                let length = text.chars().count() as u64;
                if look("minLength").and_then(Value::as_u64).is_some_and(|least| length < least) {
                    return wrong("some text".to_owned());
                }
                if let Some(most) = look("maxLength").and_then(Value::as_u64).filter(|most| length > *most) {
                    return wrong(format!("at most {most} characters"));
                }
            }
            DeValue::Integer(_) | DeValue::Float(_) => {
                let number = number(item.get_ref());
                let bound = |keyword: &str| look(keyword).and_then(Value::as_f64);
                let bounds = [
                    (bound("minimum"), "at least", number < bound("minimum")),
                    (bound("exclusiveMinimum"), "above", number <= bound("exclusiveMinimum")),
                    (bound("maximum"), "at most", number > bound("maximum")),
                    (bound("exclusiveMaximum"), "below", number >= bound("exclusiveMaximum")),
                ];
                if bounds.iter().any(|(bound, _, outside)| bound.is_some() && *outside) {
                    let stated: Vec<String> = bounds
                        .iter()
                        .filter_map(|(bound, word, _)| Some(format!("{word} {}", (*bound)?)))
                        .collect();
                    return wrong(format!("a number {}", stated.join(" and ")));
                }
            }
            DeValue::Array(items) => {
                let count = items.len() as u64;
                if let Some(least) = look("minItems").and_then(Value::as_u64).filter(|least| count < *least) {
                    return wrong(format!("at least {least} of them"));
                }
                if let Some(most) = look("maxItems").and_then(Value::as_u64).filter(|most| count > *most) {
                    return wrong(format!("at most {most} of them"));
                }
                if let Some(element) = look("items") {
                    for item in items {
                        self.value(item, element, &place.element())?;
                    }
                }
                if look("uniqueItems") == Some(&Value::Bool(true)) {
                    distinct(items, place)?;
                }
            }
            DeValue::Table(inner) => self.table(inner, item.span(), schema, place)?,
            DeValue::Boolean(_) | DeValue::Datetime(_) => {}
        }
        Ok(())
    }
}

/// Whether a value has a type of JSON.
fn is_of(value: &DeValue<'_>, wanted: &str) -> bool {
    match value {
        DeValue::String(_) => wanted == "string",
        DeValue::Integer(_) => wanted == "integer" || wanted == "number",
        DeValue::Float(_) => wanted == "number",
        DeValue::Boolean(_) => wanted == "boolean",
        DeValue::Array(_) => wanted == "array",
        DeValue::Table(_) => wanted == "object",
        DeValue::Datetime(_) => false,
    }
}

fn type_words(name: &str) -> &'static str {
    match name {
        "string" => "text in quotes",
        "integer" => "a whole number",
        "number" => "a number",
        "boolean" => "true or false",
        "array" => "a list in [ ]",
        _ => "a table",
    }
}

fn distinct(items: &[Spanned<DeValue<'_>>], place: &Place) -> Result<(), Problem> {
    let same = |a: &DeValue<'_>, b: &DeValue<'_>| match (a.as_str(), b.as_str()) {
        (Some(a), Some(b)) => a == b,
        _ => number(a).is_some() && number(a) == number(b),
    };
    for (i, item) in items.iter().enumerate() {
        if items[..i].iter().any(|earlier| same(earlier.get_ref(), item.get_ref())) {
            let what =
                format!("`{}` holds {} twice; expected distinct values", place.path, shown(item.get_ref()));
            return Err(Problem::new(item.span(), what));
        }
    }
    Ok(())
}

/// A closed list, written as `enum` or as one constant per description.
fn allowed_strings(schema: &Value) -> Option<Vec<&str>> {
    if let Some(list) = schema["enum"].as_array() {
        return Some(list.iter().filter_map(Value::as_str).collect());
    }
    let choices = schema["oneOf"].as_array()?;
    let lists = choices.iter().map(|choice| match choice["const"].as_str() {
        Some(one) => Some(vec![one]),
        None => allowed_strings(choice),
    });
    Some(lists.collect::<Option<Vec<_>>>()?.concat())
}

fn number(value: &DeValue<'_>) -> Option<f64> {
    match value {
        DeValue::Integer(whole) => i64::from_str_radix(whole.as_str(), whole.radix()).ok().map(|n| n as f64),
        DeValue::Float(real) => real.as_str().parse().ok(),
        _ => None,
    }
}

fn shown(value: &DeValue<'_>) -> String {
    match value {
        DeValue::String(text) if text.chars().count() > 60 => {
            format!("{:?} (shortened)", text.chars().take(60).collect::<String>())
        }
        DeValue::String(text) => format!("{text:?}"),
        DeValue::Integer(whole) => whole.to_string(),
        DeValue::Float(real) => real.to_string(),
        DeValue::Boolean(truth) => truth.to_string(),
        DeValue::Datetime(time) => format!("the date {time}"),
        DeValue::Array(items) if items.is_empty() => "an empty list".to_owned(),
        DeValue::Array(items) => format!("a list of {}", items.len()),
        DeValue::Table(_) => "a table".to_owned(),
    }
}

fn quoted(names: &[&str]) -> String {
    names.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
}

/// Names that a slip of the fingers could have meant, or else all.
fn suggestion(name: &str, known: &[&str]) -> String {
    let mut close: Vec<(usize, &str)> =
        known.iter().map(|known| (strsim::damerau_levenshtein(name, known), *known)).collect();
    close.retain(|(distance, _)| *distance <= 1 + name.chars().count() / 4);
    close.sort_unstable();
    let close: Vec<&str> = close.into_iter().map(|(_, known)| known).collect();
    if close.is_empty() {
        format!("there are {}", quoted(known))
    } else {
        format!("close to it: {}", quoted(&close))
    }
}
