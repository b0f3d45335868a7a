//! Every attack of the list keeps every law.

use paname_core::Task;
use paname_mia::ATTACKS;
use paname_testkit::{check_attack, check_attack_in_task, check_attack_refuses_task, check_attack_with};
use serde_json::{Value, json};

#[test]
fn every_attack_is_lawful() {
    for entry in ATTACKS {
        check_attack(entry);
    }
}

/// The options that lead through other code. The two-sided offline test of `lira` is left out: it does not find every leak, as its manual says.
fn check_options(options: &[(&str, Value)]) {
    for (name, config) in options {
        let entry = ATTACKS.iter().find(|entry| entry.info.name == *name).expect("an attack of the list");
        check_attack_with(entry, config.clone());
    }
}

#[test]
fn options_of_attacks_that_ask_are_lawful() {
    check_options(&[
        ("augmentation-vote", json!({ "scales": [0.5, 1.5], "copies": 8 })),
        ("boundary-distance", json!({ "norm": "linf", "queries": 300 })),
        ("last-layer-gradient-norm", json!({ "norm": "l1" })),
        ("input-gradient-norm", json!({ "norm": "linf", "batch": 7 })),
        ("loss-trajectory", json!({ "passes": 3, "models": 2, "student": { "learning-rate": 0.1 } })),
        ("white-box-classifier", json!({ "features": ["activations", "loss"], "models": 2, "batch": 9 })),
    ]);
}

#[test]
fn options_of_lira_are_lawful() {
    for variance in ["per-record", "shared", "shared-raw", "shrunk"] {
        for mode in ["auto", "online", "offline"] {
            check_options(&[("lira", json!({ "variance": variance, "mode": mode }))]);
        }
    }
}

#[test]
fn options_of_joint_and_rehearsed_laws_are_lawful() {
    check_options(&[
        ("lira", json!({ "joint": "full" })),
        ("lira", json!({ "joint": "full", "mode": "offline" })),
        ("lira", json!({ "variance": "rehearsed" })),
        ("bavaria", json!({ "mode": "online", "predictive": "normal" })),
        ("bavaria", json!({ "mode": "offline" })),
        ("bavaria", json!({ "mode": "offline", "predictive": "normal" })),
    ]);
}

#[test]
fn options_of_ratios_are_lawful() {
    check_options(&[
        ("rmia", json!({ "mode": "online", "ties": "share", "gamma": 1.0 })),
        ("rmia", json!({ "mode": "offline", "a": 0.0 })),
        ("rmia", json!({ "mode": "online", "trim": 0.2, "queries": "vote" })),
        ("rmia", json!({ "mode": "online", "signal": "taylor-log-probability:2" })),
        ("base", json!({ "mode": "online" })),
        ("base", json!({ "mode": "offline", "temperature": 1.0 })),
    ]);
}

#[test]
fn options_of_rehearsed_ratios_are_lawful() {
    check_options(&[(
        "rmia",
        json!({ "mode": "offline", "a": "rehearsed", "temperature": "rehearsed", "gamma": "rehearsed" }),
    )]);
}

#[test]
fn options_of_comparisons_are_lawful() {
    check_options(&[
        ("population", json!({ "min-per-class": 10, "ties": "share" })),
        ("per-class", json!({ "strangers": "references", "score": "scaled-confidence" })),
        ("per-class", json!({ "strangers": "population", "score": "entropy", "ties": "share" })),
        ("quantile", json!({ "head": "pinball", "features": "class" })),
        ("quantile", json!({ "features": "references" })),
        ("quantile", json!({ "features": "inputs" })),
        ("quantile", json!({ "features": "inputs", "head": "pinball" })),
        ("calibration", json!({ "score": "scaled-confidence" })),
        ("reference", json!({ "ties": "share" })),
    ]);
}

#[test]
fn options_of_classifiers_are_lawful() {
    check_options(&[
        ("shadow-classifier", json!({ "features": ["loss"], "min-per-class": 100_000, "examples": 2000 })),
        ("ml-leaks", json!({ "adversary": "transfer", "top": 2, "shadows": 2 })),
        ("ml-leaks", json!({ "adversary": "threshold" })),
        ("ml-leaks", json!({ "adversary": "threshold", "statistic": "entropy" })),
    ]);
}

#[test]
fn options_of_composed_attacks_are_lawful() {
    check_options(&[
        ("ramia", json!({ "attack": "loss", "from": 0.0, "to": 0.5 })),
        ("ensemble", json!({ "combine": "max" })),
        ("ensemble", json!({ "combine": "best" })),
        (
            "ensemble",
            json!({ "attacks": [{ "attack": "loss" }, { "attack": "lira" }, { "attack": "gap" }], "combine": "logistic" }),
        ),
    ]);
}

#[test]
fn options_of_attacks_on_groups_are_lawful() {
    check_options(&[
        ("dataset-inference", json!({ "group-size": 7, "features": ["loss"] })),
        ("dataset-usage", json!({ "group-size": 8, "attack": "lira", "config": { "mode": "online" } })),
        ("dataset-usage", json!({ "attack": "loss" })),
        ("dataset-usage", json!({ "attack": "rmia" })),
    ]);
}

/// Attacks that take the statistic of the task, whatever it is.
const OF_EVERY_TASK: [&str; 9] = [
    "confidence",
    "loss",
    "population",
    "shadow-classifier",
    "lira",
    "rmia",
    "base",
    "dataset-inference",
    "dataset-usage",
];

fn other_tasks() -> impl Iterator<Item = Task> {
    Task::ALL.into_iter().filter(|task| *task != Task::Classification)
}

#[test]
fn every_task_has_its_attacks() {
    for task in other_tasks() {
        for entry in ATTACKS.iter().filter(|entry| OF_EVERY_TASK.contains(&entry.info.name)) {
            check_attack_in_task(entry, &Value::Null, task);
        }
    }
}

#[test]
fn signals_of_a_task_may_be_named() {
    let entry = |name: &str| ATTACKS.iter().find(|entry| entry.info.name == name).unwrap();
    let gaussian = json!({ "signal": "gaussian-log-density:0.5" });
    for name in ["lira", "rmia", "base", "population", "confidence"] {
        check_attack_in_task(entry(name), &gaussian, Task::Regression);
    }
    check_attack_in_task(entry("lira"), &json!({ "signal": "log-density" }), Task::MultiLabel);
    check_attack_in_task(entry("population"), &json!({ "signal": "loss" }), Task::Density);
    check_attack_in_task(entry("rmia"), &json!({ "mode": "offline" }), Task::Regression);
    check_attack_in_task(entry("lira"), &json!({ "mode": "offline" }), Task::Embedding);
}

/// Entropies and margins are of classes.
#[test]
fn attacks_on_classes_refuse_other_tasks() {
    for entry in ATTACKS.iter().filter(|entry| ["margin", "modified-entropy"].contains(&entry.info.name)) {
        for task in other_tasks() {
            check_attack_refuses_task(entry, task);
        }
    }
}
