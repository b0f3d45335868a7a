//! Every attack of the list keeps every law.

use paname_mia::ATTACKS;
use paname_testkit::{check_attack, check_attack_with};
use serde_json::json;

#[test]
fn every_attack_is_lawful() {
    for entry in ATTACKS {
        check_attack(entry);
    }
}

/// The options that lead through other code. The two-sided offline test is left out: it does not find every leak, as its manual says.
#[test]
fn every_option_is_lawful() {
    let mut options = vec![
        ("population", json!({ "min-per-class": 10, "ties": "share" })),
        ("shadow-classifier", json!({ "features": ["loss"], "min-per-class": 100_000, "examples": 2000 })),
        ("rmia", json!({ "mode": "online", "ties": "share", "gamma": 1.0 })),
        ("rmia", json!({ "mode": "offline", "a": 0.0 })),
        ("base", json!({ "mode": "online" })),
        ("base", json!({ "mode": "offline", "temperature": 1.0 })),
        ("augmentation-vote", json!({ "scales": [0.5, 1.5], "copies": 8 })),
        ("boundary-distance", json!({ "norm": "linf", "queries": 300 })),
        ("last-layer-gradient-norm", json!({ "norm": "l1" })),
        ("input-gradient-norm", json!({ "norm": "linf", "batch": 7 })),
        ("white-box-classifier", json!({ "features": ["activations", "loss"], "models": 2, "batch": 9 })),
    ];
    for variance in ["per-record", "shared", "shared-raw", "shrunk"] {
        for mode in ["auto", "online", "offline"] {
            options.push(("lira", json!({ "variance": variance, "mode": mode })));
        }
    }
    for (name, config) in options {
        let entry = ATTACKS.iter().find(|entry| entry.info.name == name).unwrap();
        check_attack_with(entry, config);
    }
}
