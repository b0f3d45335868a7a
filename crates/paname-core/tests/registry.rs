//! The registry: names that clash and names that are unknown.

use paname_core::{Attack, Case, Ctx, Entry, Family, Findings, Info, Needs, Registry, Result};

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Config {
    strength: u32,
}

struct Named<const SECOND: bool>;

impl<const SECOND: bool> Attack for Named<SECOND> {
    const INFO: Info = Info {
        name: if SECOND { "second" } else { "first" },
        version: 1,
        family: Family::MembershipInference,
        title_fr: "",
        title_en: "",
        summary_fr: "",
        summary_en: "",
        formula: "",
        paper: "",
        source: "//! Idea.\n//!\n//! Cost.\nfn code() {}",
    };
    type Config = Config;

    fn new(_config: Config) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs::default()
    }

    fn run(&self, case: &Case<'_>, _ctx: &Ctx<'_>) -> Result<Findings> {
        Ok(Findings::Membership(vec![0.0; case.audited().len()]))
    }
}

const FIRST: Entry = Entry::of::<Named<false>>();
const SECOND: Entry = Entry::of::<Named<true>>();

#[test]
fn a_doubled_name_names_both_origins() {
    let mut registry = Registry::default();
    registry.add_attacks(&[FIRST], "paname-mia").unwrap();
    let error = registry.add_attacks(&[SECOND, FIRST], "plugins/other.so").unwrap_err().to_string();
    assert_eq!(error, "configuration: attack `first` comes from both paname-mia and plugins/other.so");
    let error = Registry::default().add_attacks(&[SECOND, SECOND], "one list").unwrap_err().to_string();
    assert_eq!(error, "configuration: attack `second` comes from both one list and one list");
}

#[test]
fn an_unknown_name_lists_what_there_is() {
    let mut registry = Registry::default();
    registry.add_attacks(&[SECOND, FIRST], "here").unwrap();
    assert_eq!(registry.attack("second").map(|entry| entry.info.name), Ok("second"));
    let error = registry.attack("third").err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("configuration: no attack is named `third`; there are: first, second"));
    let error = registry.adapter("torch").err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("configuration: no adapter is named `torch`; there are: "));
    let listed: Vec<_> =
        registry.attacks().map(|(entry, origin)| (entry.info.name, origin.to_string())).collect();
    assert_eq!(listed, [("first", "here".to_owned()), ("second", "here".to_owned())]);
}

#[test]
fn configurations_are_filled_in_and_checked() {
    assert_eq!(FIRST.resolve(serde_json::Value::Null), Ok(serde_json::json!({ "strength": 0 })));
    assert!(FIRST.build(serde_json::json!({ "strength": 3 })).is_ok());
    let error = FIRST.build(serde_json::json!({ "strenth": 3 })).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("configuration: unknown field `strenth`, expected `strength`"));
    assert_eq!(FIRST.info.manual(), "Idea.\n\nCost.");
}
