//! The two languages.

use serde::Serialize;

use crate::Key;

/// A language of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
pub enum Language {
    /// French, as printed in France: narrow no-break spaces and decimal commas.
    #[serde(rename = "fr")]
    French,
    /// English: decimal points, commas between thousands.
    #[serde(rename = "en")]
    English,
}

impl Language {
    /// Both, the first being the default.
    pub const ALL: [Self; 2] = [Self::French, Self::English];

    /// The language of a two-letter code of ISO 639-1.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The two-letter code.
    pub fn code(self) -> &'static str {
        match self {
            Self::French => "fr",
            Self::English => "en",
        }
    }

    /// A string without placeholders.
    pub fn text(self, key: Key) -> String {
        self.fill(key, &[])
    }

    /// A string with its placeholders filled: `("n", "12")` replaces `{n}`. Values are not searched for placeholders again.
    pub fn fill(self, key: Key, values: &[(&str, &str)]) -> String {
        let pattern = self.typeset(key.pattern(self));
        let mut filled = String::with_capacity(pattern.len());
        let mut rest = pattern.as_str();
        while let Some((before, after)) = rest.split_once('{') {
            filled.push_str(before);
            let Some((name, tail)) = after.split_once('}') else {
                filled.push('{');
                rest = after;
                continue;
            };
            let value = values.iter().find(|(given, _)| *given == name);
            debug_assert!(value.is_some(), "string `{}` needs a value for `{name}`", key.name());
            filled.push_str(value.map_or("", |(_, value)| value));
            rest = tail;
        }
        filled.push_str(rest);
        filled
    }

    /// [`Language::fill`] with the singular or the plural and `{n}` as the number. Zero is singular in French, plural in English.
    pub fn plural(self, n: u64, one: Key, many: Key, values: &[(&str, &str)]) -> String {
        let singular = match self {
            Self::French => n < 2,
            Self::English => n == 1,
        };
        let number = self.count(n);
        let mut all = vec![("n", number.as_str())];
        all.extend_from_slice(values);
        self.fill(if singular { one } else { many }, &all)
    }

    /// Items joined as a sentence joins them: `a, b and c`.
    pub fn list(self, items: &[String]) -> String {
        match items {
            [] => String::new(),
            [one] => one.clone(),
            [first @ .., last] => {
                self.fill(crate::key!("list.and"), &[("first", &first.join(", ")), ("last", last)])
            }
        }
    }

    /// Clauses of which at least one holds: `a, or b, or c`.
    pub(crate) fn alternatives(self, clauses: &[String]) -> String {
        let first = clauses.first().cloned().unwrap_or_default();
        clauses.iter().skip(1).fold(first, |first, last| {
            self.fill(crate::key!("list.or"), &[("first", &first), ("last", last)])
        })
    }

    /// A text of a program in print: curly apostrophes, and the language's spaces.
    pub(crate) fn printed(self, text: &str) -> String {
        self.typeset(&text.replace('\'', "’"))
    }

    /// The table is typed with plain spaces; French print wants narrow no-break ones before high punctuation and inside quotation marks.
    fn typeset(self, text: &str) -> String {
        match self {
            Self::English => text.to_owned(),
            Self::French => {
                let pairs = [" :", " ;", " ?", " !", " %", " »", "« ", "§ "];
                pairs
                    .iter()
                    .fold(text.to_owned(), |text, pair| text.replace(pair, &pair.replace(' ', "\u{202f}")))
            }
        }
    }
}
