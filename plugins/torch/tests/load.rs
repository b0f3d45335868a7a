//! The loaded adapter keeps its laws and is the same as the linked one, bit for bit: for a program and its reference models, and for what it fits.

use std::fs;
use std::path::Path;

use npyz::WriterBuilder as _;
use object::{Object as _, ObjectSymbol as _};
use paname_core::{Features, FitRun, Labels, Recipe, Records, Roster, Setting, Task, Tensor};
use paname_testkit::{Trial, TrialFit, check_plugin_adapter, plugin_library};
use serde_json::json;

const PLUGIN: &str = "paname_plugin_torch";

#[test]
fn the_loaded_adapter_is_lawful_and_the_one_that_is_linked() {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/paname-torch/tests/fixtures");
    let folder = tempfile::tempdir().unwrap();
    for file in ["dict.pt", "plain.pt", "frozen.pt"] {
        fs::copy(fixtures.join(file), folder.path().join(file)).unwrap();
    }
    let file = fs::File::create(folder.path().join("member.npy")).unwrap();
    let mut member =
        npyz::WriteOptions::new().default_dtype().shape(&[2, 12]).writer(file).begin_nd().unwrap();
    member.extend((0..24).map(|i| i % 3 == 0)).unwrap();
    member.finish().unwrap();
    let roster = Roster::new((0..12).map(|i| i.to_string()).collect(), "test").unwrap();
    let labels = Labels::Classes { values: (0..12).map(|i| i % 3).collect(), classes: 3 };
    let inputs = paname_data::read_array(&fixtures, &"golden.npz#script-inputs".parse().unwrap()).unwrap();
    let inputs = Features::Tensor(inputs);
    let setting = Setting {
        base: folder.path(),
        roster: &roster,
        labels: &labels,
        inputs: &inputs,
        task: Task::Classification,
    };
    let config = json!({ "script": "dict.pt", "trust": true, "outputs": ["logits", "embedding", "hidden"], "batch": 5 });
    let references = json!({
        "script": ["plain.pt", "frozen.pt"], "trust": true, "member": "member.npy", "ids": "row-number",
    });
    let architecture = json!({ "name": "mlp", "hidden": [6], "dropout": 0.2 }).as_object().unwrap().clone();
    let recipe = Recipe { architecture, epochs: Some(2), batch: Some(5), ..Recipe::default() };
    let data = Records { ids: (0..12).collect(), inputs: inputs.clone(), labels: labels.clone() };
    let runs =
        [FitRun { rows: (0..12).collect(), seed: 1 }, FitRun { rows: (0..12).step_by(2).collect(), seed: 2 }];
    let weights = tempfile::tempdir().unwrap();
    let fit =
        TrialFit { config: &json!({}), recipe: &recipe, data: &data, runs: &runs, folder: weights.path() };
    let trial = Trial { config: &config, references: Some(&references), setting, fit: Some(fit) };
    check_plugin_adapter(PLUGIN, &paname_torch::ADAPTERS[0], &trial);
}

#[test]
fn a_fitted_image_model_is_the_same_through_the_plugin() {
    let values: Vec<f32> = (0..12 * 64_u32).map(|i| ((i * 7919 % 1009) as f32) / 500.0 - 1.0).collect();
    let inputs = Features::Tensor(Tensor::from_vec(values, &[12, 8, 8]).unwrap());
    let roster = Roster::new((0..12).map(|i| i.to_string()).collect(), "test").unwrap();
    let labels = Labels::Classes { values: (0..12).map(|i| i % 3).collect(), classes: 3 };
    let weights = tempfile::tempdir().unwrap();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../crates/paname-torch/tests/fixtures");
    let setting = Setting {
        base: &fixtures,
        roster: &roster,
        labels: &labels,
        inputs: &inputs,
        task: Task::Classification,
    };
    let architecture =
        json!({ "name": "convnet", "channels": [3], "batch-norm": true }).as_object().unwrap().clone();
    let recipe = Recipe { architecture, epochs: Some(2), batch: Some(5), ..Recipe::default() };
    let data = Records { ids: (0..12).collect(), inputs: inputs.clone(), labels: labels.clone() };
    let runs = [FitRun { rows: (0..12).collect(), seed: 1 }];
    let config = json!({ "variants": ["flip"] });
    let fit = TrialFit { config: &config, recipe: &recipe, data: &data, runs: &runs, folder: weights.path() };
    let program = json!({ "script": "images.pt", "trust": true, "variants": ["flip"], "preparation": { "shape": [1, 8, 8] } });
    let trial = Trial { config: &program, references: None, setting, fit: Some(fit) };
    check_plugin_adapter(PLUGIN, &paname_torch::ADAPTERS[0], &trial);
}

/// The C++ below it may leave symbols of its own; of PANAME there is one.
#[test]
fn the_plugin_exports_one_symbol() {
    let bytes = fs::read(plugin_library(PLUGIN)).unwrap();
    let file = object::File::parse(&*bytes).unwrap();
    let defined = file.dynamic_symbols().filter(|symbol| symbol.is_definition() && symbol.is_global());
    let names: Vec<&str> =
        defined.map(|symbol| symbol.name().unwrap()).filter(|name| name.starts_with("PANAME")).collect();
    assert_eq!(names, ["PANAME_PLUGIN"]);
}
