//! The adapter keeps every law, linked and loaded, and is the same bit for bit.

use std::fs;
use std::path::Path;

use example_adapter::ADAPTERS;
use paname_core::{
    Access, AdapterEntry, Ctx, Features, Input, Labels, Outputs, Query, Roster, Setting, Target,
    Task, Tensor,
};
use paname_testkit::{Trial, check_adapter, check_plugin_adapter, load_plugin};
use serde_json::{Value, json};

fn in_a_setting(work: impl FnOnce(&Trial<'_>)) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(
        folder.path().join("features.csv"),
        "id,x1,x2\nc,5,6\na,1,2\nb,3,4\nd,0,1\n",
    )
    .unwrap();
    let model =
        json!({ "weights": [[1.0, 2.0], [0.5, -1.0], [3.0, 0.0]], "bias": [0.0, 1.0, -1.0] });
    fs::write(folder.path().join("model.json"), model.to_string()).unwrap();
    fs::create_dir(folder.path().join("references")).unwrap();
    for (name, fitted_on) in [("0.json", ["a", "z"]), ("1.json", ["b", "d"])] {
        let mut model = model.clone();
        model["fitted_on"] = json!(fitted_on);
        fs::write(
            folder.path().join("references").join(name),
            model.to_string(),
        )
        .unwrap();
    }
    let roster = Roster::new(["a", "b", "c", "d"].map(str::to_owned).to_vec(), "here").unwrap();
    let setting = Setting {
        base: folder.path(),
        roster: &roster,
        labels: &Labels::Classes {
            values: vec![0, 1, 2, 1].into(),
            classes: 3,
        },
        inputs: &Features::None,
        task: Task::Classification,
    };
    let config = json!({ "model": "model.json", "features": "features.csv" });
    let references = json!({ "model": "references", "features": "features.csv" });
    work(&Trial {
        config: &config,
        references: Some(&references),
        setting,
        fit: None,
    });
}

#[test]
fn the_linked_adapter_is_lawful() {
    in_a_setting(|trial| check_adapter(&ADAPTERS[0], trial));
}

#[test]
fn the_loaded_adapter_is_lawful_and_the_same() {
    in_a_setting(|trial| check_plugin_adapter("example_adapter", &ADAPTERS[0], trial));
}

fn open(entry: &AdapterEntry, config: &Value, setting: &Setting<'_>) -> Box<dyn Target> {
    entry
        .open(config.clone(), setting, &Ctx::new(1, "open", 1, &()))
        .unwrap()
}

#[test]
fn gradients_of_the_loaded_model_are_those_of_finite_differences() {
    let plugin = load_plugin("example_adapter");
    in_a_setting(|trial| {
        let target = open(&plugin.adapters[0], trial.config, &trial.setting);
        let x = [0.3_f32, -0.7];
        let logits = |x: [f32; 2]| {
            let input = Input::Tensor(Tensor::from_vec(x.to_vec(), &[1, 2]).unwrap());
            let query = Query {
                input,
                labels: None,
                want: Access::LOGITS,
                layers: Vec::new(),
            };
            let (answers, pullback) = target.vjp(&query).unwrap();
            (
                answers.logits.unwrap().to_f32().unwrap().into_owned(),
                pullback,
            )
        };
        let cotangent = [1.0_f32, -2.0, 0.5];
        let dot = |z: &[f32]| z.iter().zip(cotangent).map(|(z, c)| z * c).sum::<f32>();
        let (_, pullback) = logits(x);
        let given = Outputs {
            logits: Some(Tensor::from_vec(cotangent.to_vec(), &[1, 3]).unwrap()),
            ..Outputs::default()
        };
        let gradient = pullback
            .apply(&given)
            .unwrap()
            .to_f32()
            .unwrap()
            .into_owned();
        for i in 0..2 {
            let (mut up, mut down) = (x, x);
            up[i] += 0.5;
            down[i] -= 0.5;
            let difference = dot(&logits(up).0) - dot(&logits(down).0);
            assert!(
                (gradient[i] - difference).abs() < 1e-4,
                "{gradient:?} {difference}"
            );
        }
        let parameters = target.parameters().unwrap();
        assert_eq!(parameters[0].1.shape(), [3, 2]);
    });
}

#[test]
fn what_is_wrong_is_named_with_its_place() {
    in_a_setting(|trial| {
        let base: &Path = trial.setting.base;
        let error = |config: Value| {
            let opened = ADAPTERS[0].open(config, &trial.setting, &Ctx::new(1, "open", 1, &()));
            opened
                .err()
                .unwrap()
                .to_string()
                .replace(&base.display().to_string(), "")
        };
        fs::write(base.join("short.csv"), "id,x1,x2\na,1\n").unwrap();
        fs::write(base.join("few.csv"), "id,x1,x2\na,1,2\n").unwrap();
        fs::write(
            base.join("one.json"),
            r#"{"weights": [[1, 2]], "bias": [1]}"#,
        )
        .unwrap();
        let with = |model: &str, features: &str| json!({ "model": model, "features": features });
        assert_eq!(
            error(with("model.json", "short.csv")),
            "/short.csv:2: expected an id and 2 numbers"
        );
        assert_eq!(
            error(with("model.json", "few.csv")),
            "/few.csv: no row for record \"b\""
        );
        assert_eq!(
            error(with("one.json", "features.csv")),
            "/one.json: expected at least 2 classes, with one bias and 2 weights each"
        );
    });
}
