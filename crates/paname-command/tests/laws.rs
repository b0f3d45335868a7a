//! The example keeps the laws of attacks; the attack is described as the laws ask.

use paname_command::{ADAPTERS, ATTACKS};
use paname_testkit::check_attack_with;
use serde_json::{Value, json};

const SCORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/command/score.py");

#[test]
fn a_program_keeps_every_law() {
    let config = json!({
        "program": ["python3", SCORE],
        "signals": ["scaled-confidence"],
        "references-min": 2,
        "in-out-min": [0, 1],
        "population-min": 3,
    });
    check_attack_with(&ATTACKS[0], config);
}

/// The default configuration has no program to run, so this part of the laws is checked by itself.
#[test]
fn the_attack_is_described() {
    let entry = &ATTACKS[0];
    let manual = entry.info.manual();
    for part in ["Idea", "Threat model", "Formula", "Paper", "Cost", "When it fails"] {
        assert!(manual.contains(&format!("**{part}.**")), "no {part}");
    }
    let defaults = entry.resolve(Value::Null).unwrap();
    assert_eq!(entry.resolve(defaults.clone()).unwrap(), defaults);
    let schema = entry.schema().unwrap();
    for parameter in defaults.as_object().unwrap().keys() {
        assert!(schema["properties"][parameter]["description"].is_string(), "{parameter}");
    }
    let schema = ADAPTERS[0].schema().unwrap();
    assert!(schema["properties"]["program"]["description"].is_string());
}
