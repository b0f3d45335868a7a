//! The adapter keeps its laws: for programs, for weights, with reference models and variants, and for what it fits.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Audit, fixtures, numbers};
use npyz::WriterBuilder as _;
use paname_core::{FitRun, Recipe, Records, Tensor};
use paname_testkit::{Trial, TrialFit, check_adapter};
use serde_json::{Value, json};

fn check(audit: &Audit, config: &Value) {
    let trial = Trial { config, references: None, setting: audit.setting(), fit: None };
    check_adapter(&paname_torch::ADAPTERS[0], &trial);
}

#[test]
fn programs_are_lawful() {
    let audit = Audit::of("script");
    for program in ["plain.pt", "frozen.pt", "changes.pt", "reused.pt"] {
        check(&audit, &json!({ "script": program, "trust": true, "batch": 5 }));
    }
    let several = |program: &str, outputs: &[&str]| {
        check(&audit, &json!({ "script": program, "trust": true, "outputs": outputs, "batch": 5 }));
    };
    several("tuple.pt", &["logits", "embedding"]);
    several("dict.pt", &["logits", "embedding", "hidden"]);
    check(&audit, &json!({ "script": "softmax.pt", "trust": true, "output": "probabilities" }));
    check(&audit, &json!({ "script": "log-softmax.pt", "trust": true }));
}

#[test]
fn variants_of_images_are_lawful() {
    let variants = json!(["flip", { "shift": [1, -2] }]);
    check(
        &Audit::of("images"),
        &json!({ "script": "images.pt", "trust": true, "variants": variants, "batch": 5 }),
    );
}

#[test]
fn weights_are_lawful() {
    let of = |name: &str, architecture: Value| {
        let config =
            json!({ "weights": format!("{name}.safetensors"), "architecture": architecture, "batch": 5 });
        check(&Audit::of(name), &config);
    };
    of("mlp", json!({ "name": "mlp", "hidden": [16, 6], "activation": "tanh" }));
    of("convnet", json!({ "name": "convnet", "channels": [4, 6], "hidden": [10], "batch-norm": true }));
    of("resnet", json!({ "name": "resnet", "blocks": [1, 2], "width": 4 }));
}

#[test]
fn given_reference_models_are_lawful() {
    let folder = tempfile::tempdir().unwrap();
    let mut audit = Audit::of("script");
    audit.base = folder.path().to_owned();
    for file in ["plain.pt", "tuple.pt", "frozen.pt"] {
        std::fs::copy(fixtures().join(file), folder.path().join(file)).unwrap();
    }
    let file = std::fs::File::create(folder.path().join("member.npy")).unwrap();
    let mut member =
        npyz::WriteOptions::new().default_dtype().shape(&[2, 12]).writer(file).begin_nd().unwrap();
    let rows = (0..24).map(|i| i % 3 == 0);
    member.extend(rows.clone()).unwrap();
    member.finish().unwrap();
    let config = json!({ "script": "plain.pt", "trust": true });
    let ids = std::fs::File::create(folder.path().join("ids.npy")).unwrap();
    let mut ids = npyz::WriteOptions::new()
        .dtype(npyz::DType::Plain("<U3".parse().unwrap()))
        .shape(&[12])
        .writer(ids)
        .begin_nd()
        .unwrap();
    ids.extend((0..12).map(|i| format!("r{i}"))).unwrap();
    ids.finish().unwrap();
    let references = json!({ "script": ["plain.pt", "frozen.pt"], "trust": true, "member": "member.npy", "ids": "ids.npy" });
    let trial = Trial { config: &config, references: Some(&references), setting: audit.setting(), fit: None };
    check_adapter(&paname_torch::ADAPTERS[0], &trial);
    let opened = paname_torch::ADAPTERS[0]
        .references(references, &audit.setting(), &paname_core::Ctx::new(1, "test", 1, &()))
        .unwrap();
    let told: Vec<bool> = opened.iter().flat_map(|reference| reference.member.clone()).collect();
    assert_eq!(told, rows.collect::<Vec<_>>());
}

#[test]
fn fits_are_lawful() {
    let images =
        |channels: usize| Tensor::from_vec(numbers(20 * channels * 64, 3), &[20, channels, 8, 8]).unwrap();
    for (architecture, inputs) in [
        (json!({ "name": "mlp", "hidden": [9], "dropout": 0.3 }), images(1)),
        (json!({ "name": "mlp", "hidden": [] }), Tensor::from_vec(numbers(20 * 7, 1), &[20, 7]).unwrap()),
        (
            json!({ "name": "convnet", "channels": [3], "hidden": [5], "batch-norm": true, "dropout": 0.2 }),
            images(2),
        ),
        (json!({ "name": "resnet", "blocks": [1, 1], "width": 2 }), images(1)),
    ] {
        let audit = Audit::new(inputs.clone());
        let recipe = Recipe {
            architecture: architecture.as_object().unwrap().clone(),
            epochs: Some(2),
            batch: Some(6),
            ..Recipe::default()
        };
        let data =
            Records { ids: (0..20).collect(), inputs: audit.inputs.clone(), labels: audit.labels.clone() };
        let runs = [
            FitRun { rows: (0..20).collect(), seed: 1 },
            FitRun { rows: (0..20).step_by(2).collect(), seed: 2 },
        ];
        let folder = tempfile::tempdir().unwrap();
        let fit =
            TrialFit { config: &json!({}), recipe: &recipe, data: &data, runs: &runs, folder: folder.path() };
        let weights = json!({ "weights": weights_of(&audit, &recipe, folder.path(), &data), "batch": 7 });
        // It is opened by weights, and asked about the records that it is fitted on.
        let trial = Trial { config: &weights, references: None, setting: audit.setting(), fit: Some(fit) };
        check_adapter(&paname_torch::ADAPTERS[0], &trial);
    }
}

/// Where the weights of a model are that was fitted beside.
fn weights_of(audit: &Audit, recipe: &Recipe, folder: &std::path::Path, data: &Records) -> String {
    struct Keeping<'a>(&'a std::path::Path);
    impl paname_core::Host for Keeping<'_> {
        fn folder(&self) -> paname_core::Result<std::path::PathBuf> {
            Ok(self.0.join("beside"))
        }
    }
    let host = Keeping(folder);
    let run = FitRun { rows: (0..audit.roster.len() as u32).collect(), seed: 9 };
    let ctx = paname_core::Ctx::new(1, "test", 1, &host);
    let fitted = paname_torch::ADAPTERS[0].fit(json!({}), recipe, data, &[run], &ctx).remove(0).unwrap();
    fitted.weights.unwrap().join("weights.safetensors").display().to_string()
}
