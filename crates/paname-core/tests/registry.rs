//! The registry: names that clash and names that are unknown.

use paname_core::{
    Access, Attack, Case, CaseSize, Ctx, Entry, Family, Findings, Grouping, Info, Needs, Registry, Result,
    Signal, Task, Through,
};
use serde_json::{Map, Value, json};

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

/// A membership attack that needs what it is told.
struct Needy(String);

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Wanted {
    wish: String,
    variants: Option<usize>,
    fitted_with: Option<usize>,
}

impl Attack for Needy {
    const INFO: Info = Info { name: "needy", ..<Named<true> as Attack>::INFO };
    type Config = Wanted;

    fn new(config: Wanted) -> Result<Self> {
        Ok(Self(config.wish))
    }

    fn settle(config: Wanted, size: &CaseSize) -> Wanted {
        Wanted { variants: Some(size.augmentations), fitted_with: Some(size.fitted_with_min), ..config }
    }

    fn needs(&self, records: usize) -> Needs {
        let plain = Needs { signals: vec![Signal::Loss], references_min: 3, ..Needs::default() };
        match self.0.as_str() {
            "inside" => Needs { in_out_min: (1, 1), ..plain },
            "own" => Needs { own_records: true, ..plain },
            "fits" => Needs { fits: 1, ..plain },
            "groups" => Needs { groups: Some(Grouping { size: 2, shares: false }), ..plain },
            "generator" => Needs { generator: Some(Access::LABELS), ..plain },
            "variants" => Needs { signals: vec![Signal::Similarity], ..plain },
            _ => Needs { queries_per_record: 2, queries: records as u64, in_out_min: (0, 1), ..plain },
        }
    }

    fn run(&self, case: &Case<'_>, _ctx: &Ctx<'_>) -> Result<Findings> {
        Ok(Findings::Membership(vec![0.0; case.audited().len()]))
    }
}

/// An attack that goes through another.
struct Guess;

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema, Default)]
#[serde(default, deny_unknown_fields)]
struct Within {
    attack: String,
    parameters: Map<String, Value>,
}

impl Attack for Guess {
    const INFO: Info =
        Info { name: "guess", family: Family::AttributeInference, ..<Named<true> as Attack>::INFO };
    type Config = Within;

    fn new(_config: Within) -> Result<Self> {
        Ok(Self)
    }

    fn through(config: &mut Within) -> Option<Through<'_>> {
        (!config.attack.is_empty())
            .then(|| Through { attack: &config.attack, parameters: &mut config.parameters })
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { signals: vec![Signal::Loss, Signal::Margin], queries_per_record: 1, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, _ctx: &Ctx<'_>) -> Result<Findings> {
        Ok(Findings::Attribute(vec![0.0; case.audited().len()]))
    }
}

#[test]
fn an_attack_needs_what_the_one_needs_that_it_goes_through() {
    let mut registry = Registry::default();
    registry.add_attacks(&[FIRST, Entry::of::<Needy>(), Entry::of::<Guess>()], "here").unwrap();
    let within = |attack: &str, parameters: Value| json!({ "attack": attack, "parameters": parameters });
    let needs = registry.build("guess", within("needy", json!({}))).unwrap().needs(7).unwrap();
    let expected = Needs {
        signals: vec![Signal::Loss, Signal::Margin],
        references_min: 3,
        in_out_min: (0, 1),
        queries_per_record: 3,
        queries: 7,
        ..Needs::default()
    };
    assert_eq!(needs, expected);
    let alone = registry.build("guess", Value::Null).unwrap().needs(7).unwrap();
    assert_eq!((alone.references_min, alone.queries_per_record), (0, 1));
    // Choices of both are settled, as the case of one candidate calls for.
    let size = CaseSize {
        task: Task::Classification,
        granted: Access::LOSS,
        augmentations: 4,
        audited: 7,
        population: 0,
        references: 5,
        classes: 2,
        generator: None,
        fitted_with_min: 2,
        fitted_without_min: 3,
    };
    let settled = registry.settle("guess", within("needy", json!({ "wish": "x" })), &size);
    let parameters = json!({ "wish": "x", "variants": 1, "fitted_with": 0 });
    assert_eq!(settled, Ok(within("needy", parameters)));
    for (wish, why) in [
        ("inside", "models that were fitted with the record"),
        ("own", "what models say of records that they were fitted with"),
        ("fits", "has models fitted"),
        ("groups", "judges groups"),
        ("generator", "a generator"),
        ("variants", "compares variants"),
    ] {
        let error = registry.build("guess", within("needy", json!({ "wish": wish }))).err().unwrap();
        let error = error.to_string();
        assert!(
            error.starts_with("configuration: attack `needy` ") && error.contains(why),
            "{wish}: {error}"
        );
    }
    for (config, said) in [
        (within("guess", json!({})), "attack `guess` is no membership attack"),
        (within("third", json!({})), "no attack is named `third`"),
        (within("first", json!({ "strenth": 1 })), "attack `first` within: unknown field `strenth`"),
    ] {
        let error = registry.build("guess", config).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
}
