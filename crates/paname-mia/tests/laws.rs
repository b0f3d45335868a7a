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
        ("rmia", json!({ "mode": "online", "trim": 0.2, "queries": "vote", "temperature": "rehearsed" })),
        ("rmia", json!({ "mode": "offline", "a": "rehearsed", "gamma": "rehearsed" })),
        ("per-class", json!({ "strangers": "references", "score": "scaled-confidence" })),
        ("per-class", json!({ "strangers": "population", "score": "entropy", "ties": "share" })),
        ("ml-leaks", json!({ "adversary": "transfer", "top": 2, "shadows": 3 })),
        ("ml-leaks", json!({ "adversary": "threshold" })),
        ("ml-leaks", json!({ "adversary": "threshold", "statistic": "entropy" })),
        ("quantile", json!({ "head": "pinball", "features": "class" })),
        ("calibration", json!({ "score": "scaled-confidence" })),
        ("reference", json!({ "ties": "share" })),
        ("bavaria", json!({ "mode": "online", "predictive": "normal" })),
        ("bavaria", json!({ "mode": "offline" })),
        ("bavaria", json!({ "mode": "offline", "predictive": "normal" })),
        ("lira", json!({ "joint": "full", "variance": "rehearsed" })),
        ("lira", json!({ "joint": "full", "mode": "offline" })),
        ("ramia", json!({ "attack": "loss", "from": 0.0, "to": 0.5 })),
        ("ensemble", json!({ "combine": "max" })),
        (
            "ensemble",
            json!({ "attacks": [{ "attack": "loss" }, { "attack": "lira" }, { "attack": "gap" }], "combine": "logistic" }),
        ),
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
