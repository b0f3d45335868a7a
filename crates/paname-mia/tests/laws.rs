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

/// Attacks that take the statistic of the task, whatever it is.
const OF_EVERY_TASK: [&str; 7] =
    ["confidence", "loss", "population", "shadow-classifier", "lira", "rmia", "base"];

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
