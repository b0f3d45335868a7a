//! The parameters of an attack and the keys of an adapter, from their JSON schema.

use paname_report::{Language, key};
use serde_json::Value;

/// A line per key: name, type, default, what it is. `defaults` are the values that absent keys take.
pub(crate) fn keys(schema: &Value, defaults: &Value, language: Language) -> Vec<Vec<String>> {
    let properties = schema["properties"].as_object().into_iter().flatten();
    properties
        .map(|(name, property)| {
            let required =
                schema["required"].as_array().is_some_and(|all| all.contains(&Value::from(name.as_str())));
            let default = [&defaults[name], &property["default"]].into_iter().find(|value| !value.is_null());
            let default = match default {
                Some(value) => language.fill(key!("attacks.default"), &[("value", &value.to_string())]),
                None if required => language.text(key!("attacks.required")),
                None => String::new(),
            };
            let about = property["description"].as_str().unwrap_or_default().replace('\n', " ");
            vec![format!("  {name}"), type_name(schema, property), default, about]
        })
        .collect()
}

/// `number`, `"a" | "b"`, `list of string`.
fn type_name(root: &Value, schema: &Value) -> String {
    if let Some(target) =
        schema["$ref"].as_str().and_then(|reference| root.pointer(reference.strip_prefix('#')?))
    {
        return type_name(root, target);
    }
    let joined = |all: &[Value], name: &dyn Fn(&Value) -> String| {
        let mut names: Vec<String> = all.iter().filter(|one| one["type"] != "null").map(name).collect();
        names.dedup();
        names.join(" | ")
    };
    if let Some(values) = schema["enum"].as_array() {
        return joined(values, &Value::to_string);
    }
    if !schema["const"].is_null() {
        return schema["const"].to_string();
    }
    for several in ["oneOf", "anyOf"] {
        if let Some(choices) = schema[several].as_array() {
            return joined(choices, &|choice| type_name(root, choice));
        }
    }
    match &schema["type"] {
        Value::String(list) if list == "array" => format!("list of {}", type_name(root, &schema["items"])),
        Value::String(one) => one.clone(),
        Value::Array(several) => {
            let names = several.iter().filter_map(Value::as_str).filter(|one| *one != "null");
            names.collect::<Vec<_>>().join(" | ")
        }
        _ => "any".to_owned(),
    }
}
