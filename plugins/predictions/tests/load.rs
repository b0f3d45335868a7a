//! The adapter keeps its laws, linked and loaded, and is the same bit for bit, on the predictions that ship with the repository.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::path::Path;

use paname_core::{Features, Labels, Roster, Setting, Task};
use paname_testkit::{Trial, check_adapter, check_plugin_adapter};
use serde_json::json;

fn with_digits(work: impl FnOnce(&Trial<'_>)) {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits");
    let table = |name: &str| std::fs::read_to_string(digits.join(name)).unwrap();
    let (records, population) = (table("records.csv"), table("population.csv"));
    let rows = || records.lines().skip(1).chain(population.lines().skip(1));
    let cell = |row: &str, i: usize| row.split(',').nth(i).unwrap().to_owned();
    let roster = Roster::new(rows().map(|row| cell(row, 0)).collect(), "digits").unwrap();
    let values = rows().map(|row| cell(row, 1).parse().unwrap()).collect();
    let labels = Labels::Classes { values, classes: 10 };
    let config = json!({ "logits": "target.npz#logits", "ids": "target.npz#ids" });
    let references = json!({
        "logits": "references.npz#logits", "ids": "references.npz#ids", "member": "references.npz#member",
    });
    let setting = Setting {
        base: &digits,
        roster: &roster,
        labels: &labels,
        inputs: &Features::None,
        task: Task::Classification,
    };
    work(&Trial { config: &config, references: Some(&references), setting, fit: None });
}

#[test]
fn the_linked_adapter_is_lawful() {
    with_digits(|trial| check_adapter(&paname_data::ADAPTERS[0], trial));
}

#[test]
fn the_loaded_adapter_is_lawful_and_the_one_that_is_linked() {
    with_digits(|trial| {
        check_plugin_adapter("paname_plugin_predictions", &paname_data::ADAPTERS[0], trial);
    });
}
