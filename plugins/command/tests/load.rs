//! The attack and the adapter keep their laws through the plugin interface, with programs behind them, and are the same bit for bit.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::path::Path;

use npyz::WriterBuilder as _;
use paname_core::{Features, Labels, Roster, Setting, Task};
use paname_testkit::{Trial, check_plugin_adapter, check_plugin_with};
use serde_json::json;

const MODEL: &str = include_str!("../../../crates/paname-command/tests/programs/model.py");
const SCORE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/command/score.py");

#[test]
fn the_loaded_attack_is_lawful_and_the_one_that_is_linked() {
    let config = json!({
        "program": ["python3", SCORE],
        "signals": ["scaled-confidence"],
        "references-min": 2,
        "in-out-min": [0, 1],
        "population-min": 3,
    });
    check_plugin_with("paname_plugin_command", &paname_command::ATTACKS[0], &config);
}

#[test]
fn the_loaded_adapter_is_lawful_and_the_one_that_is_linked() {
    let folder = tempfile::tempdir().unwrap();
    let base = folder.path();
    fs::write(base.join("model.py"), MODEL).unwrap();
    fs::write(base.join("points.csv"), "id,x,class\na,0.5,0\nb,1.5,1\nc,2.5,2\n").unwrap();
    for (name, row) in [("one", 2), ("two", 0)] {
        fs::create_dir(base.join(name)).unwrap();
        write_rows(&base.join(name).join("rows.npy"), row);
        fs::write(base.join(name).join("members.json"), format!("[{row}]")).unwrap();
    }
    let roster = Roster::new(["a", "b", "c"].map(str::to_owned).to_vec(), "test").unwrap();
    let labels = Labels::Classes { values: vec![0, 1, 2].into(), classes: 3 };
    let setting = Setting {
        base,
        roster: &roster,
        labels: &labels,
        inputs: &Features::None,
        task: Task::Classification,
    };
    let config = json!({ "program": ["python3", "model.py"], "offers": ["logits"] });
    let mut references = config.clone();
    references["weights"] = json!(["one", "two"]);
    let trial = Trial { config: &config, references: Some(&references), setting, fit: None };
    check_plugin_adapter("paname_plugin_command", &paname_command::ADAPTERS[0], &trial);
}

/// A file that says which one record a model was fitted on.
fn write_rows(path: &Path, row: i64) {
    let writer =
        npyz::WriteOptions::new().default_dtype().shape(&[1]).writer(fs::File::create(path).unwrap());
    let mut writer = writer.begin_nd().unwrap();
    writer.push(&row).unwrap();
    writer.finish().unwrap();
}
