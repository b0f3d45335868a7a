//! The commented manifest that `paname init` writes.

/// What a new manifest says besides the template's own examples.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateAnswers {
    /// Name of the organisation.
    pub organisation: String,
    /// File of the audited records.
    pub records: String,
    /// Whether the records hold personal data. The manifest is then refused until its legal part is answered.
    pub personal: bool,
}

impl Default for TemplateAnswers {
    fn default() -> Self {
        Self { organisation: "Example Ltd".to_owned(), records: "records.csv".to_owned(), personal: false }
    }
}

/// A manifest with a comment for each key, in French for `fr` and in English for anything else. It shows every key; those that most audits do
/// without stand behind a `#`.
pub fn template(language: &str, answers: &TemplateAnswers) -> String {
    let text = match language {
        "fr" => include_str!("template.fr.toml"),
        _ => include_str!("template.en.toml"),
    };
    let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
    let answers = [
        ("\"@organisation@\"", quoted(&answers.organisation)),
        ("\"@records@\"", quoted(&answers.records)),
        ("@personal@", if answers.personal { "[\"identifiers\"]" } else { "[]" }.to_owned()),
    ];
    // One answer a line: an answer that looks like a placeholder stays as it is.
    let filled =
        text.lines().map(|line| match answers.iter().find(|(placeholder, _)| line.contains(placeholder)) {
            Some((placeholder, answer)) => line.replace(placeholder, answer) + "\n",
            None => line.to_owned() + "\n",
        });
    filled.collect()
}
