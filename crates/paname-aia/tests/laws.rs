//! Every attack of the list keeps every law.

use paname_aia::ATTACKS;
use paname_core::Entry;
use paname_testkit::{check_attack, check_attack_with};
use serde_json::{Value, json};

fn check(names: &[&str]) {
    for name in names {
        check_attack(entry(name));
    }
}

fn entry(name: &str) -> &'static Entry {
    ATTACKS.iter().find(|entry| entry.info.name == name).expect("an attack of the list")
}

/// Attacks that learn, apart from the others: each set on a thread of its own.
const LEARNING: [&str; 3] = ["imputation", "lomia", "meta-model"];

#[test]
fn attacks_that_learn_are_lawful() {
    check(&LEARNING);
}

#[test]
fn every_other_attack_is_lawful() {
    for entry in ATTACKS.iter().filter(|entry| !LEARNING.contains(&entry.info.name)) {
        check_attack(entry);
    }
}

/// The options that lead through other code.
fn check_options(options: &[(&str, Value)]) {
    for (name, config) in options {
        check_attack_with(entry(name), config.clone());
    }
}

#[test]
fn options_are_lawful() {
    check_options(&[
        ("attribute-confidence", json!({ "signal": "scaled-confidence" })),
        ("yeom", json!({ "train-loss": 0.5 })),
        ("bb-ip", json!({ "signal": "margin" })),
        ("counterfactual", json!({ "variance": "shrunk", "imputed": true })),
        ("through-membership", json!({ "standardise": true })),
        ("neuron-outputs", json!({ "layers": ["neurons", "scores"], "neurons": 1, "batch": 7 })),
        ("lomia", json!({ "forest": { "trees": 15, "rows": 60, "features": 1, "min-leaf": 2 } })),
    ]);
}
