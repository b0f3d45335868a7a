//! Attacks that ask a model themselves, end to end: a small network on the digits, by the program and the plugin as users have them.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod user;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::Value;
use user::User;

/// Attacks by what they ask.
const TESTS: &[(&str, &str)] = &[
    ("gap", ""),
    ("augmentation-vote", "copies = 4"),
    ("boundary-distance", "queries = 150\nprobes = 30\nrange = [0.0, 16.0]"),
    ("last-layer-gradient-norm", ""),
    ("input-gradient-norm", ""),
    ("white-box-classifier", "models = 2"),
    ("loss-trajectory", "models = 2\npasses = 10"),
];

/// A manifest about the first records of the digits, whose target and reference models are fitted at this rate.
fn manifest(folder: &Path, name: &str, rate: &str, access: &str) -> PathBuf {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let digits = digits.canonicalize().unwrap();
    let records = fs::read_to_string(digits.join("digits/records.csv")).unwrap();
    let records: Vec<&str> = records.lines().take(601).collect();
    fs::write(folder.join("records.csv"), records.join("\n")).unwrap();
    fs::copy(digits.join("digits/population.csv"), folder.join("population.csv")).unwrap();
    let mut text = format!(
        r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
split = "random"
personal = []
[data.inputs]
array = "{digits}/digits-model/inputs.npz#images"
ids = "{digits}/digits-model/inputs.npz#ids"
[target]
adapter = "torch"
preparation = {{ scale = 0.0625 }}
device = "cpu"
[target.fit.recipe]
architecture = {{ name = "mlp", hidden = [64] }}
optimizer = "adam"
learning-rate = {rate}
epochs = 60
batch = 64
[references]
adapter = "torch"
preparation = {{ scale = 0.0625 }}
device = "cpu"
[references.fit]
models = 4
[access]
{access}
"#,
        digits = digits.display(),
    );
    for (attack, parameters) in TESTS {
        writeln!(text, "[[test]]\nid = \"{attack}\"\nattack = \"{attack}\"").unwrap();
        if !parameters.is_empty() {
            writeln!(text, "[test.parameters]\n{parameters}").unwrap();
        }
    }
    let path = folder.join(name);
    fs::write(&path, text).unwrap();
    path
}

/// The evidence of each row.
fn rows(user: &User, manifest: &Path, run: &str) -> Vec<Value> {
    let evidence = user.finish(manifest, &user.path(run));
    let rows = evidence["core"]["rows"].as_array().unwrap();
    TESTS.iter().map(|(id, _)| rows.iter().find(|row| row["id"] == *id).unwrap().clone()).collect()
}

#[test]
fn probing_attacks_find_what_was_learned_by_heart_and_nothing_else() {
    let user = User::new();
    let asked = [1, 17, 150, 1, 1, 2, 3];
    let learned = rows(&user, &manifest(&user.path(""), "learned.toml", "0.01", ""), "learned");
    for (row, asked) in learned.iter().zip(asked) {
        assert_eq!(row["verdict"], "leak_demonstrated", "{row}");
        // Questions to reference models, which play the target in controls, are not counted.
        let counted = row["attack"]["asked"].as_u64().unwrap();
        assert!(counted <= 600 * asked && counted >= 300, "{counted} of {asked} each");
    }
    // Weights that hardly move tell nothing of whom they were moved for.
    let untrained = rows(&user, &manifest(&user.path(""), "untrained.toml", "1e-9", ""), "untrained");
    for row in &untrained {
        assert_eq!(row["verdict"], "inconclusive", "{row}");
        let interval = &row["membership"]["auc"]["interval"];
        assert!(
            interval["lower"].as_f64().unwrap() < 0.5 && interval["upper"].as_f64().unwrap() > 0.5,
            "{row}"
        );
    }
}

#[test]
fn the_plan_says_what_is_not_granted() {
    let user = User::new();
    let manifest = manifest(&user.path(""), "labels.toml", "0.01", "signals = [\"labels\"]");
    let mut command = user.paname();
    command.arg("--plugins").arg(user.path("plugins")).arg("plan").arg(manifest).arg("--json");
    let output = command.stdout(std::process::Stdio::piped()).output().unwrap();
    let plan: Value = serde_json::from_slice(&output.stdout).unwrap();
    let row = |id: &str| plan["rows"].as_array().unwrap().iter().find(|row| row["id"] == id).unwrap().clone();
    assert_eq!((&row("gap")["runnable"], &row("gap")["unrelated"]), (&true.into(), &4.into()));
    for (id, missing) in [
        ("augmentation-vote", "new-inputs"),
        ("boundary-distance", "new-inputs"),
        ("last-layer-gradient-norm", "last-layer-gradient"),
    ] {
        assert_eq!(row(id)["runnable"], false, "{id}");
        assert_eq!(row(id)["reasons"][0]["missing"], serde_json::json!([missing]), "{id}");
    }
}
