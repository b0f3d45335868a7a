//! Values that manifests write as text or as lists of texts.

use std::fmt;
use std::marker::PhantomData;
use std::str::FromStr;

use paname_core::{Error, Result};
use serde::de::{Deserialize, Deserializer, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeSeq, Serializer};

/// A type that is text in manifests: through its `FromStr` and `Display`, with one sentence for its schema.
macro_rules! text_serde {
    ($type:ty, $description:literal) => {
        impl serde::Serialize for $type {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $type {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(deserializer)?;
                text.parse().map_err(|e: paname_core::Error| serde::de::Error::custom(crate::list::inner(&e)))
            }
        }

        impl schemars::JsonSchema for $type {
            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($type).into()
            }

            fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
                schemars::json_schema!({ "type": "string", "description": $description })
            }
        }
    };
}
pub(crate) use text_serde;

/// The text of an error whose kind will be said again by whoever reports it.
pub(crate) fn inner(error: &Error) -> String {
    match error {
        Error::Config(problem) => problem.clone(),
        other => other.to_string(),
    }
}

/// One or several values, written as one text or as a list of texts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct List<T>(
    /// At least one.
    pub Vec<T>,
);

impl<T: fmt::Display> Serialize for List<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        if let [one] = &self.0[..] {
            return serializer.collect_str(one);
        }
        let mut list = serializer.serialize_seq(Some(self.0.len()))?;
        for item in &self.0 {
            list.serialize_element(&item.to_string())?;
        }
        list.end()
    }
}

impl<'de, T: FromStr<Err = Error>> Deserialize<'de> for List<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Texts<T>(PhantomData<T>);

        fn parse<T: FromStr<Err = Error>, E: serde::de::Error>(text: &str) -> std::result::Result<T, E> {
            text.parse().map_err(|e: Error| E::custom(inner(&e)))
        }

        impl<'de, T: FromStr<Err = Error>> Visitor<'de> for Texts<T> {
            type Value = List<T>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a text or a list of texts")
            }

            fn visit_str<E: serde::de::Error>(self, text: &str) -> std::result::Result<List<T>, E> {
                Ok(List(vec![parse(text)?]))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> std::result::Result<List<T>, A::Error> {
                let mut items = Vec::new();
                while let Some(text) = list.next_element::<String>()? {
                    items.push(parse(&text)?);
                }
                if items.is_empty() {
                    return Err(serde::de::Error::custom("expected at least one text in the list"));
                }
                Ok(List(items))
            }
        }

        deserializer.deserialize_any(Texts(PhantomData))
    }
}

impl<T: schemars::JsonSchema> schemars::JsonSchema for List<T> {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        format!("ListOf{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut schemars::SchemaGenerator) -> schemars::Schema {
        let item = generator.subschema_for::<T>();
        schemars::json_schema!({ "oneOf": [item, { "type": "array", "items": item, "minItems": 1 }] })
    }
}

/// Numbers of models: `"4..20"`, whose end is excluded, or `[0, 3, 7]`.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(try_from = "Written", into = "Vec<usize>")]
pub struct Models(Vec<usize>);

/// Far above any number of models; keeps a slip such as `0..9999999999` from filling the memory.
const MODELS_LIMIT: usize = 1_000_000;

impl Models {
    /// The numbers, in the order in which they were given.
    pub fn numbers(&self) -> &[usize] {
        &self.0
    }
}

#[derive(serde::Deserialize)]
#[serde(
    untagged,
    expecting = "expected numbers of models such as \"4..20\" (the end is excluded) or [0, 3, 7]"
)]
enum Written {
    Range(String),
    List(Vec<usize>),
}

impl TryFrom<Written> for Models {
    type Error = String;

    fn try_from(written: Written) -> Result<Self, String> {
        let numbers = match written {
            Written::List(numbers) => numbers,
            Written::Range(text) => {
                let ends = text.split_once("..");
                let ends = ends.and_then(|(a, b)| {
                    Some((a.trim().parse::<usize>().ok()?, b.trim().parse::<usize>().ok()?))
                });
                match ends {
                    Some((start, end)) if start < end && end - start <= MODELS_LIMIT => {
                        (start..end).collect()
                    }
                    _ => {
                        return Err(format!(
                            "models {text:?}: expected a range such as \"4..20\", whose end is excluded"
                        ));
                    }
                }
            }
        };
        let mut sorted = numbers.clone();
        sorted.sort_unstable();
        match sorted.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(format!("models: number {} is given twice", pair[0])),
            None if numbers.is_empty() => {
                Err("models: the list is empty; expected at least one number".into())
            }
            None => Ok(Self(numbers)),
        }
    }
}

impl From<Models> for Vec<usize> {
    fn from(models: Models) -> Self {
        models.0
    }
}

impl schemars::JsonSchema for Models {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Models".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({
            "description": "numbers of models: \"4..20\", whose end is excluded, or [0, 3, 7]",
            "oneOf": [
                { "type": "string", "pattern": "^[0-9]+\\.\\.[0-9]+$" },
                { "type": "array", "items": { "type": "integer", "minimum": 0 }, "minItems": 1 }
            ]
        })
    }
}
