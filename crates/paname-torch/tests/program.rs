//! Programs of torch.export as models under audit: lawful, unchanged by questions, refused where they do not fit, and fitted anew.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::path::{Path, PathBuf};

use common::{Audit, numbers, one_line};
use paname_core::{
    Access, Augmentation, Ctx, Error, Features, FitRun, Fitted, Host, Input, Labels, Outputs, Query, Recipe,
    Records, Target, Tensor, View,
};
use paname_testkit::{Trial, TrialFit, check_adapter};
use serde_json::{Value, json};

/// The archives that are checked in, and the shape of a record that each takes.
const MODELS: &[(&str, &[usize])] = &[
    ("mlp.pt2", &[12]),
    ("mlp.paname.pt2", &[12]),
    ("lenet.pt2", &[1, 12, 12]),
    ("resnet18.paname.pt2", &[3, 16, 16]),
    ("wideresnet.paname.pt2", &[3, 8, 8]),
    ("depthwise.paname.pt2", &[3, 16, 16]),
    ("vit.pt2", &[3, 8, 8]),
    ("lstm.pt2", &[6, 3]),
    ("gru.paname.pt2", &[6, 3]),
    ("audio.pt2", &[1, 128]),
    ("video.pt2", &[3, 4, 8, 8]),
];

fn archives() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/pt2")
}

fn audit(shape: &[usize]) -> Audit {
    let count = shape.iter().product::<usize>();
    let shape: Vec<usize> = std::iter::once(12).chain(shape.iter().copied()).collect();
    let mut audit = Audit::new(Tensor::from_vec(numbers(12 * count, 3), &shape).unwrap());
    audit.base = archives();
    audit
}

fn open(name: &str) -> (Audit, Box<dyn Target>) {
    let (_, shape) = MODELS.iter().find(|(known, _)| *known == name).unwrap();
    let audit = audit(shape);
    let target = audit.open(json!({ "program": name })).unwrap();
    (audit, target)
}

/// Why a configuration is refused, for records of this shape.
fn refused(shape: &[usize], config: Value) -> String {
    match audit(shape).open(config) {
        Ok(_) => panic!("opened"),
        Err(error) => one_line(error.to_string()),
    }
}

fn bytes(target: &dyn Target) -> Vec<(String, Vec<u8>)> {
    let parameters = target.parameters().unwrap();
    parameters.iter().map(|(name, value)| (name.clone(), value.bytes().unwrap().to_vec())).collect()
}

#[test]
fn programs_are_lawful() {
    for (name, shape) in MODELS {
        let audit = audit(shape);
        let config = json!({ "program": name, "batch": 5 });
        let trial = Trial { config: &config, references: None, setting: audit.setting(), fit: None };
        check_adapter(&paname_torch::ADAPTERS[0], &trial);
    }
}

#[test]
fn both_archives_of_a_model_say_the_same() {
    let (_, ours) = open("mlp.paname.pt2");
    let (_, theirs) = open("mlp.pt2");
    let mut all = Query::records((0..12).collect::<Vec<_>>(), Access::LOGITS | Access::ACTIVATIONS);
    all.layers.clone_from(&ours.card().layers);
    let answers = |target: &dyn Target| {
        let answers = target.predict(&all).unwrap();
        let mut values: Vec<(String, Vec<f64>)> =
            answers.activations.iter().map(|(name, value)| (name.clone(), value.to_f64().unwrap())).collect();
        values.push(("logits".into(), answers.logits.unwrap().to_f64().unwrap()));
        values.sort_by(|a, b| a.0.cmp(&b.0));
        values
    };
    assert_eq!(ours.card().layers.len(), theirs.card().layers.len());
    assert_eq!(answers(&*ours), answers(&*theirs));
}

#[test]
fn modules_and_nodes_tell_their_values() {
    let (_, target) = open("resnet18.paname.pt2");
    let layers = &target.card().layers;
    assert!(
        layers.iter().any(|layer| layer == "layer1.0")
            && layers.last().is_some_and(|layer| layer == "embedding"),
        "{layers:?}"
    );
    let (offered, model) = (target.card().offers(), "resnet18.paname.pt2");
    assert!(
        offered.contains(
            Access::EMBEDDING | Access::ACTIVATIONS | Access::LAST_LAYER_GRADIENT | Access::PARAMETERS
        ),
        "{model}"
    );
    let want = Access::LOGITS | Access::ACTIVATIONS | Access::EMBEDDING;
    let mut query = Query::records(vec![3, 1], want);
    // A module, a node by its name, and the last module, whose output the logits are.
    query.layers = vec!["layer1.0".into(), "relu_".into(), "fc".into()];
    let (answers, pullback) = target.vjp(&query).unwrap();
    assert_eq!(answers.activations.len(), 3);
    let named = |name: &str| &answers.activations.iter().find(|(known, _)| known == name).unwrap().1;
    // Before what is added to it in place: all above zero, and no maximum over places yet.
    assert!(named("relu_").to_f64().unwrap().iter().all(|value| *value >= 0.0));
    assert_eq!(named("fc").to_f64().unwrap(), answers.logits.as_ref().unwrap().to_f64().unwrap());
    assert_eq!(answers.embedding.as_ref().unwrap().shape()[0], 2);
    let cotangent =
        Outputs { activations: vec![("layer1.0".into(), named("layer1.0").clone())], ..Outputs::default() };
    let gradient = pullback.apply(&cotangent).unwrap();
    assert_eq!(gradient.shape(), [2, 3, 16, 16]);
    assert!(gradient.to_f64().unwrap().iter().any(|value| *value != 0.0));
    query.layers = vec!["p_fc_weight".into()];
    assert!(target.predict(&query).err().unwrap().to_string().contains("layer: expected one of "));
}

#[test]
fn a_module_called_embedding_hides_neither_itself_nor_the_last_layers_input() {
    let tokens: Vec<i64> = (0..12 * 6).map(|i| i * 7 % 20).collect();
    let mut audit = Audit::new(Tensor::from_vec(tokens, &[12, 6]).unwrap());
    audit.base = archives();
    for name in ["words.pt2", "words.paname.pt2"] {
        let target = audit.open(json!({ "program": name })).unwrap();
        let layers = &target.card().layers;
        assert!(
            ["embedding-module", "hidden", "output", "embedding"]
                .iter()
                .all(|l| layers.iter().any(|x| x == l)),
            "{layers:?}"
        );
        let mut query = Query::records(vec![2, 0], Access::LOGITS | Access::ACTIVATIONS | Access::EMBEDDING);
        query.layers = vec!["embedding-module".into()];
        let answers = target.predict(&query).unwrap();
        let (_, rows) = &answers.activations[0];
        assert_eq!((rows.shape(), answers.embedding.unwrap().shape()), (&[2, 6, 4][..], &[2, 4][..]));
        // Rows of a matrix, by the numbers of the tokens: what swaps of tokens are guided by.
        let parameters = target.parameters().unwrap();
        let (_, matrix) = parameters.iter().find(|(name, _)| name == "embedding.weight").unwrap();
        let (rows, matrix) = (rows.to_f64().unwrap(), matrix.to_f64().unwrap());
        for (place, row) in rows.chunks_exact(4).enumerate() {
            let record = [2, 0][place / 6];
            let token = (record * 6 + place % 6) * 7 % 20;
            assert_eq!(row, &matrix[token * 4..][..4], "{name}");
        }
        let rest = target.view(View::From("embedding-module".into())).unwrap();
        let input = Input::Tensor(answers.activations[0].1.clone());
        let query = Query { input, labels: None, want: Access::LOGITS, layers: Vec::new() };
        let again = rest.predict(&query).unwrap().logits.unwrap();
        close(name, &again.to_f64().unwrap(), &answers.logits.unwrap().to_f64().unwrap(), 1e-5);
    }
}

#[test]
fn a_pullback_outlives_its_model() {
    let (audit, target) = open("lenet.pt2");
    let (answers, pullback) = target.vjp(&Query::records(vec![0, 1], Access::LOGITS)).unwrap();
    drop((audit, target));
    let cotangent = Outputs { logits: answers.logits, ..Outputs::default() };
    assert_eq!(pullback.apply(&cotangent).unwrap().shape(), [2, 1, 12, 12]);
}

#[test]
fn questions_change_nothing() {
    for name in ["resnet18.paname.pt2", "depthwise.paname.pt2", "lstm.pt2"] {
        let (_, target) = open(name);
        let before = bytes(&*target);
        let file = std::fs::read(archives().join(name)).unwrap();
        let all = Query::records(
            (0..12).collect::<Vec<_>>(),
            target.card().offers() & (Access::LOGITS | Access::LOSS | Access::LAST_LAYER_GRADIENT),
        );
        let first = target.predict(&all).unwrap().logits.unwrap().to_f64().unwrap();
        for _ in 0..10 {
            assert_eq!(target.predict(&all).unwrap().logits.unwrap().to_f64().unwrap(), first);
            let (answers, pullback) = target.vjp(&Query::records(vec![5, 2], Access::LOGITS)).unwrap();
            pullback.apply(&Outputs { logits: answers.logits, ..Outputs::default() }).unwrap();
        }
        assert!(before == bytes(&*target) && file == std::fs::read(archives().join(name)).unwrap(), "{name}");
        assert!(before.iter().any(|(name, _)| name.ends_with("running_mean")) || name == "lstm.pt2");
    }
}

#[test]
fn what_does_not_fit_is_refused() {
    for (shape, config, said) in [
        (
            &[7][..],
            json!({ "program": "text.paname.pt2" }),
            "takes 2 tensors (input_ids, attention_mask); a model under audit takes one",
        ),
        (&[13], json!({ "program": "mlp.pt2" }), "records: expected records of shape [12], got shape [13]"),
        (&[1, 12], json!({ "program": "mlp.pt2" }), "expected records of shape [12]"),
        (&[12], json!({ "program": "none.pt2" }), "none.pt2: "),
        (&[12], json!({ "program": "mlp.safetensors" }), "mlp.safetensors: "),
        (&[12], json!({ "program": "../../fixtures/plain.pt" }), "../../fixtures/plain.pt: "),
        (&[12], json!({ "program": ["mlp.pt2", "mlp.pt2"] }), "a target is one model, got 2 files"),
        (
            &[12],
            json!({ "program": "mlp.pt2", "script": "x.pt", "trust": true }),
            "`program` and `script` are both given",
        ),
        (&[12], json!({ "script": "mlp.pt2", "trust": true }), "which the key `program` names, not `script`"),
        (&[12], json!({ "weights": "mlp.pt2" }), "which `program` names; expected safetensors"),
        (
            &[12],
            json!({ "program": "mlp.pt2", "outputs": ["logits", "embedding"] }),
            "`outputs` names 2: logits, embedding",
        ),
        (&[12], json!({ "program": "mlp.pt2", "output": "probabilities" }), "they look like logits"),
        (&[1, 8, 8], json!({ "program": "vae.paname.pt2" }), "outputs: expected [records, classes]"),
        (
            &[12],
            json!({ "weights": "x", "architecture": { "name": "program" } }),
            "a program has a file and nothing else",
        ),
    ] {
        let told = refused(shape, config.clone());
        assert!(told.contains(said), "{config}: {told}");
        assert!(!told.contains(env!("CARGO_MANIFEST_DIR")), "{told}");
    }
}

#[test]
fn outputs_are_found_by_name_and_by_order() {
    let audit = audit(&[1, 8, 8]);
    let values = |outputs: &[&str]| {
        let config = json!({ "program": "vae.paname.pt2", "task": "regression", "outputs": outputs });
        let target = audit.open(config).unwrap();
        let answers = target.predict(&Query::records(vec![0], Access::LABELS)).unwrap();
        (answers.labels.unwrap().shape().to_vec(), target.card().layers.clone())
    };
    let (first, _) = values(&[]);
    assert_eq!(first, [1, 1, 8, 8]);
    let (second, layers) = values(&["rebuilt", "values", "spread"]);
    assert_eq!(second, [1, 3]);
    assert!(layers.contains(&"rebuilt".to_owned()) && layers.contains(&"spread".to_owned()), "{layers:?}");
}

/// Three blobs of images.
fn blobs(count: usize, shape: &[usize]) -> Records {
    let size: usize = shape.iter().product();
    let (centres, noise) = (numbers(3 * size, 77), numbers(count * size, 5));
    let values =
        (0..count * size).map(|i| centres[(i / size % 3) * size + i % size] + 0.5 * noise[i]).collect();
    let shape: Vec<usize> = std::iter::once(count).chain(shape.iter().copied()).collect();
    Records {
        ids: (0..count as u32).collect(),
        inputs: Features::Tensor(Tensor::from_vec(values, &shape).unwrap()),
        labels: Labels::Classes { values: (0..count as u32).map(|i| i % 3).collect(), classes: 3 },
    }
}

/// A host with a folder, whose manifest stands beside the archives.
struct Keeping(PathBuf);

impl Host for Keeping {
    fn base(&self) -> PathBuf {
        archives()
    }

    fn folder(&self) -> paname_core::Result<PathBuf> {
        Ok(self.0.clone())
    }
}

fn fit(
    model: &str,
    data: &Records,
    recipe: &Recipe,
    seed: u64,
    folder: &Path,
) -> paname_core::Result<Fitted> {
    let host = Keeping(folder.to_owned());
    let config = json!({ "architecture": { "name": "program", "file": model } });
    let run = FitRun { rows: (0..40).collect(), seed };
    paname_torch::ADAPTERS[0].fit(config, recipe, data, &[run], &Ctx::new(1, "test", 1, &host)).remove(0)
}

fn recipe(epochs: u32) -> Recipe {
    Recipe { epochs: Some(epochs), batch: Some(8), learning_rate: Some(0.02), ..Recipe::default() }
}

#[test]
fn a_program_is_fitted_anew() {
    let folder = tempfile::tempdir().unwrap();
    for name in ["mlp.paname.pt2", "lenet.pt2", "wideresnet.paname.pt2", "vit.pt2", "gru.paname.pt2"] {
        let (_, shape) = MODELS.iter().find(|(known, _)| *known == name).unwrap();
        let data = blobs(48, shape);
        let of = |seed, epochs| fit(name, &data, &recipe(epochs), seed, folder.path()).unwrap();
        let (short, long, again, other) = (of(1, 1), of(1, 12), of(1, 12), of(2, 12));
        assert_eq!(bytes(&*long.target), bytes(&*again.target), "{name}");
        assert_ne!(bytes(&*long.target), bytes(&*other.target), "{name}");
        let (begun, learnt) = (short.train_loss.unwrap(), long.train_loss.unwrap());
        assert!(learnt < begun, "{name}: {begun} {learnt}");
        let (_, stored) = open(name);
        for (weight, value) in bytes(&*long.target) {
            // Neither the stored values nor those of the beginning are left where something is learnt.
            let same = bytes(&*stored).iter().any(|(known, stored)| *known == weight && *stored == value);
            assert!(!same || weight.contains("batches"), "{name}: {weight}");
            if weight.ends_with("running_mean") {
                assert!(value.iter().any(|byte| *byte != 0), "{name}: {weight}");
            }
        }
    }
}

#[test]
fn fitted_weights_are_kept_and_opened_again() {
    let folder = tempfile::tempdir().unwrap();
    let name = "wideresnet.paname.pt2";
    let data = blobs(48, &[3, 8, 8]);
    let recipe = Recipe { checkpoints: vec![1, 2], ..recipe(2) };
    let fitted = fit(name, &data, &recipe, 3, folder.path()).unwrap();
    let weights = fitted.weights.clone().unwrap();
    let whole = std::fs::read(weights.join("weights.safetensors")).unwrap();
    assert_eq!(whole, std::fs::read(weights.join("checkpoint-2.safetensors")).unwrap());
    assert_ne!(whole, std::fs::read(weights.join("checkpoint-1.safetensors")).unwrap());
    let mut audit = audit(&[3, 8, 8]);
    audit.inputs = data.inputs.clone();
    audit.roster = paname_core::Roster::new((0..48).map(|i| format!("r{i}")).collect(), "test").unwrap();
    audit.labels = data.labels.clone();
    let config = json!({ "architecture": { "name": "program", "file": name } });
    let ctx = Ctx::new(1, "test", 1, &());
    let again = paname_torch::ADAPTERS[0].fitted(config, &recipe, &weights, &audit.setting(), &ctx).unwrap();
    let all = Query::records((0..48).collect::<Vec<_>>(), Access::LOGITS);
    let logits = |target: &dyn Target| target.predict(&all).unwrap().logits.unwrap().to_f64().unwrap();
    assert_eq!(logits(&*again), logits(&*fitted.target));
    assert_eq!(again.card().fingerprint, fitted.target.card().fingerprint);
    assert_eq!(bytes(&*again), bytes(&*fitted.target));
    // By hand, and with another program than they are of.
    let by_hand = |file: &str| {
        let weights = weights.join("weights.safetensors").display().to_string();
        audit.open(json!({ "weights": weights, "architecture": { "name": "program", "file": file } }))
    };
    assert_eq!(logits(&*by_hand(name).unwrap()), logits(&*again));
    let told = by_hand("lenet.paname.pt2").err().unwrap().to_string();
    assert!(told.contains("holds the weights of another program than `architecture` names"), "{told}");
    let lone = audit.open(json!({ "weights": weights.join("weights.safetensors").display().to_string() }));
    assert!(lone.err().unwrap().to_string().contains("holds the weights of a program"));
}

#[test]
fn fits_that_cannot_be_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let refused =
        |name: &str, data: &Records, recipe: &Recipe| match fit(name, data, recipe, 1, folder.path()) {
            Ok(_) => panic!("fitted"),
            Err(error) => one_line(error.to_string()),
        };
    let told = refused("mlp.pt2", &blobs(48, &[13]), &recipe(1));
    assert!(told.contains("records to fit on: expected records of shape [12]"), "{told}");
    let told = refused("text.paname.pt2", &blobs(48, &[7]), &recipe(1));
    assert!(told.contains("takes 2 tensors"), "{told}");
    let mut data = blobs(48, &[12]);
    data.labels = Labels::Classes { values: (0..48).collect(), classes: 48 };
    let told = refused("mlp.pt2", &data, &recipe(1));
    assert!(told.contains("answers of the program to fit: expected [2, 48] or more"), "{told}");
    let named = json!({ "name": "program", "file": "mlp.pt2" }).as_object().unwrap().clone();
    let within = Recipe { architecture: named, ..recipe(1) };
    let told = refused("mlp.pt2", &blobs(48, &[12]), &within);
    assert!(told.contains("a program stands beside `fit`"), "{told}");
    assert!(matches!(
        fit("none.pt2", &blobs(48, &[12]), &recipe(1), 1, folder.path()),
        Err(Error::Data { .. })
    ));
}

#[test]
fn fits_of_programs_are_lawful() {
    let folder = tempfile::tempdir().unwrap();
    let mut audit = audit(&[12]);
    let data = Records { ids: (0..12).collect(), inputs: audit.inputs.clone(), labels: audit.labels.clone() };
    let runs =
        [FitRun { rows: (0..12).collect(), seed: 1 }, FitRun { rows: (0..12).step_by(2).collect(), seed: 2 }];
    // Where its host says nothing of a base, a path stands by itself.
    let file = archives().join("mlp.paname.pt2").display().to_string();
    let config = json!({ "architecture": { "name": "program", "file": file } });
    let recipe = Recipe { epochs: Some(2), batch: Some(4), ..Recipe::default() };
    let fit = TrialFit { config: &config, recipe: &recipe, data: &data, runs: &runs, folder: folder.path() };
    let opened = json!({ "program": "mlp.paname.pt2", "batch": 5 });
    audit.base = archives();
    let trial = Trial { config: &opened, references: None, setting: audit.setting(), fit: Some(fit) };
    check_adapter(&paname_torch::ADAPTERS[0], &trial);
}

/// What PyTorch says of gradients of gradients, by name: see python/matrix/second_order.py.
fn second_order(model: &str) -> impl Fn(&str) -> Option<Vec<f64>> {
    let path = archives().join(format!("../second-order/{model}.safetensors"));
    let all = tch::Tensor::read_safetensors(path).unwrap();
    move |name| {
        let (_, value) = all.iter().find(|(known, _)| known == name)?;
        Some(value.to_kind(tch::Kind::Double).flatten(0, -1).try_into().unwrap())
    }
}

fn close(what: &str, ours: &[f64], theirs: &[f64], relative: f64) {
    assert_eq!(ours.len(), theirs.len(), "{what}");
    let largest = theirs.iter().fold(1e-30_f64, |largest, value| largest.max(value.abs()));
    let difference = ours.iter().zip(theirs).map(|(a, b)| (a - b).abs()).fold(0.0, f64::max);
    assert!(difference <= relative * largest, "{what}: {difference} of {largest}");
}

/// A model's gradients with respect to its parameters, and a question about all of them.
fn gradients_of(target: &dyn Target, input: Tensor, labels: Vec<i64>) -> (Box<dyn Target>, Query) {
    let view = target.view(View::ParameterGradient { layers: Vec::new() }).unwrap();
    let count = labels.len();
    let labels = Some(Tensor::from_vec(labels, &[count]).unwrap());
    let layers = view.card().layers.clone();
    (view, Query { input: Input::Tensor(input), labels, want: Access::ACTIVATIONS, layers })
}

fn single(values: &[f64]) -> Vec<f32> {
    values.iter().map(|value| *value as f32).collect()
}

#[test]
fn gradients_of_parameters_and_their_gradients_are_pytorchs() {
    for name in [
        "mlp.paname.pt2",
        "lenet.pt2",
        "resnet18.paname.pt2",
        "wideresnet.paname.pt2",
        "gru.paname.pt2",
        "audio.pt2",
    ] {
        let (_, target) = open(name);
        assert!(target.card().offers().contains(Access::PARAMETER_GRADIENT), "{name}");
        let golden = second_order(name.split('.').next().unwrap());
        let labels: Vec<i64> = golden("label").unwrap().iter().map(|label| *label as i64).collect();
        let (_, shape) = MODELS.iter().find(|(known, _)| *known == name).unwrap();
        let shape: Vec<usize> = std::iter::once(labels.len()).chain(shape.iter().copied()).collect();
        let input = Tensor::from_vec(single(&golden("input").unwrap()), &shape).unwrap();
        let records = labels.len();
        let before = bytes(&*target);
        let (view, query) = gradients_of(&*target, input, labels);
        let (answers, pullback) = view.vjp(&query).unwrap();
        answers.check_rows(records).unwrap();
        let (mut whole, mut sum) = (0, 0.0);
        for (parameter, rows) in &answers.activations {
            let rows = rows.to_f64().unwrap();
            let norm = |row: &[f64]| row.iter().map(|value| value * value).sum::<f64>().sqrt();
            let norms: Vec<f64> = rows.chunks(rows.len() / records).map(norm).collect();
            sum += norms.iter().map(|norm| norm * norm).sum::<f64>();
            let theirs = golden(&format!("norm/{parameter}")).unwrap();
            let near = norms.iter().zip(&theirs).all(|(a, b)| (a - b).abs() <= 1e-5 * b.max(1.0));
            assert!(near, "{name}, {parameter}: {norms:?}, PyTorch {theirs:?}");
            if let Some(theirs) = golden(&format!("gradient/{parameter}")) {
                close(&format!("{name}, {parameter}"), &rows, &theirs, 1e-5);
                whole += 1;
            }
        }
        assert!(whole >= 2 && sum > 0.0, "{name}");
        // Half the sum of squares has the gradients themselves as cotangents.
        let cotangent = Outputs { activations: answers.activations.clone(), ..Outputs::default() };
        for _ in 0..2 {
            let second = pullback.apply(&cotangent).unwrap();
            close(name, &second.to_f64().unwrap(), &golden("second").unwrap(), 1e-5);
        }
        // Without a graph they are the same, and nothing has changed.
        for ((_, ours), (_, again)) in
            answers.activations.iter().zip(&view.predict(&query).unwrap().activations)
        {
            close(name, &again.to_f64().unwrap(), &ours.to_f64().unwrap(), 1e-6);
        }
        assert!(before == bytes(&*target), "{name}");
    }
}

#[test]
fn gradients_of_gradients_are_finite_differences() {
    let (_, target) = open("gru.paname.pt2");
    let shape = [2, 6, 3];
    let (x, direction) = (numbers(36, 8), numbers(36, 9));
    let at = |step: f32| -> Vec<f32> { x.iter().zip(&direction).map(|(x, d)| x + step * d).collect() };
    let ask =
        |values: Vec<f32>| gradients_of(&*target, Tensor::from_vec(values, &shape).unwrap(), vec![2, 0]);
    let half_of_squares = |values: Vec<f32>| {
        let (view, query) = ask(values);
        let all = view.predict(&query).unwrap().activations;
        all.iter().flat_map(|(_, rows)| rows.to_f64().unwrap()).map(|g| g * g / 2.0).sum::<f64>()
    };
    let (view, query) = ask(at(0.0));
    let (answers, pullback) = view.vjp(&query).unwrap();
    let cotangent = Outputs { activations: answers.activations, ..Outputs::default() };
    let gradient = pullback.apply(&cotangent).unwrap().to_f64().unwrap();
    let along: f64 = gradient.iter().zip(&direction).map(|(g, d)| g * f64::from(*d)).sum();
    let step = 1e-2;
    let difference = (half_of_squares(at(step)) - half_of_squares(at(-step))) / f64::from(2.0 * step);
    assert!((along - difference).abs() <= 1e-2 * difference.abs(), "{along}, by differences {difference}");
}

#[test]
fn gradients_are_of_the_layers_that_are_named() {
    let (_, target) = open("resnet18.paname.pt2");
    let of = |layers: &[&str]| {
        target.view(View::ParameterGradient { layers: layers.iter().map(|&layer| layer.into()).collect() })
    };
    let view = of(&["fc", "layer1.0.bn1.weight"]).unwrap();
    assert_eq!(view.card().layers, ["layer1.0.bn1.weight", "fc.weight", "fc.bias"]);
    assert_ne!(view.card().fingerprint, of(&["fc"]).unwrap().card().fingerprint);
    let told = of(&["f"]).err().unwrap().to_string();
    assert!(told.starts_with("layer: expected a layer with parameters, which are "), "{told}");
    // Records as they are known, with their labels, and what is told of the last layer otherwise.
    let query = Query {
        layers: vec!["fc.weight".into(), "fc.bias".into()],
        ..Query::records(vec![3, 1], Access::ACTIVATIONS)
    };
    let rows: Vec<Vec<f64>> =
        view.predict(&query).unwrap().activations.iter().map(|(_, rows)| rows.to_f64().unwrap()).collect();
    let last = target.predict(&Query::records(vec![3, 1], Access::LAST_LAYER_GRADIENT)).unwrap();
    let joined: Vec<f64> = (0..2)
        .flat_map(|row| rows.iter().flat_map(move |all| all.chunks(all.len() / 2).nth(row).unwrap().to_vec()))
        .collect();
    close("last layer", &joined, &last.last_layer_gradient.unwrap().to_f64().unwrap(), 1e-5);
    // What is not offered.
    assert!(matches!(view.predict(&Query::records(vec![0], Access::LOGITS)), Err(Error::Denied(_))));
    assert!(view.predict(&Query::records(vec![0], Access::ACTIVATIONS)).is_err());
    let (_, pullback) = view.vjp(&query).unwrap();
    assert!(pullback.apply(&Outputs::default()).is_err());
}

#[test]
fn operators_without_a_second_gradient_are_an_error() {
    for (name, said) in [
        ("depthwise.paname.pt2", "derivative for aten::hardsigmoid_backward is not implemented"),
        (
            "vit.pt2",
            "derivative for aten::_scaled_dot_product_flash_attention_for_cpu_backward is not implemented",
        ),
    ] {
        let (_, target) = open(name);
        let view = target.view(View::ParameterGradient { layers: Vec::new() }).unwrap();
        let query =
            Query { layers: view.card().layers.clone(), ..Query::records(vec![0], Access::ACTIVATIONS) };
        let (answers, pullback) = view.vjp(&query).unwrap();
        let told = pullback.apply(&Outputs { activations: answers.activations, ..Outputs::default() });
        let told = one_line(told.err().unwrap().to_string());
        assert!(told.contains(said), "{name}: {told}");
    }
}

#[test]
fn a_model_is_its_layers_one_after_the_other() {
    let must = [
        ("mlp.pt2", "embedding"),
        ("lenet.pt2", "embedding"),
        ("resnet18.paname.pt2", "layer1.0"),
        ("resnet18.paname.pt2", "embedding"),
        ("wideresnet.paname.pt2", "embedding"),
        ("depthwise.paname.pt2", "embedding"),
        ("vit.pt2", "embedding"),
        ("lstm.pt2", "embedding"),
        ("video.pt2", "embedding"),
    ];
    let mut seen = Vec::new();
    for (name, _) in MODELS {
        let (_, whole) = open(name);
        let layers = whole.card().layers.clone();
        let all: Vec<u32> = (0..5).collect();
        let mut query = Query::records(all, Access::LOGITS | Access::ACTIVATIONS);
        query.layers.clone_from(&layers);
        let (answers, pullback) = whole.vjp(&query).unwrap();
        let logits = answers.logits.as_ref().unwrap();
        let cotangent = Outputs { logits: Some(logits.clone()), ..Outputs::default() };
        let expected = pullback.apply(&cotangent).unwrap().to_f64().unwrap();
        for layer in &layers {
            let what = format!("{name} from {layer} on");
            let part = match whole.view(View::From(layer.clone())) {
                Ok(part) => part,
                Err(error) => {
                    assert!(matches!(error, Error::Unsupported(_)), "{what}: {error}");
                    assert!(error.to_string().contains("cannot be seen from"), "{what}: {error}");
                    continue;
                }
            };
            seen.push((*name, layer.clone()));
            let (_, value) = answers.activations.iter().find(|(known, _)| known == layer).unwrap();
            let question = |input| Query { input, labels: None, want: Access::LOGITS, layers: Vec::new() };
            let (again, inner) = part.vjp(&question(Input::Tensor(value.clone()))).unwrap();
            close(&what, &again.logits.unwrap().to_f64().unwrap(), &logits.to_f64().unwrap(), 1e-5);
            // The chain rule.
            let at_layer = inner.apply(&cotangent).unwrap();
            let through = Outputs { activations: vec![(layer.clone(), at_layer)], ..Outputs::default() };
            close(&what, &pullback.apply(&through).unwrap().to_f64().unwrap(), &expected, 1e-5);
            let records = part.predict(&question(Input::Records(vec![0].into(), Augmentation::default())));
            assert!(records.err().unwrap().to_string().contains("values of the layer"), "{what}");
            assert!(matches!(part.input(&vec![0].into()), Err(Error::Denied(_))), "{what}");
        }
    }
    for (name, layer) in must {
        assert!(
            seen.iter().any(|(known, found)| *known == name && found == layer),
            "{name} from {layer} on: {seen:?}"
        );
    }
    let (_, whole) = open("lenet.pt2");
    let told = whole.view(View::From("nowhere".into())).err().unwrap().to_string();
    assert!(told.starts_with("layer: expected one of "), "{told}");
    let part = whole.view(View::From("embedding".into())).unwrap();
    let query = Query {
        input: Input::Tensor(Tensor::from_vec(vec![0.0_f32; 6], &[2, 3]).unwrap()),
        ..Query::records(vec![], Access::LOGITS)
    };
    let told = one_line(part.predict(&query).err().unwrap().to_string());
    assert!(told.contains("expected records of shape ["), "{told}");
}

#[test]
fn programs_of_two_records_or_more_answer_about_one() {
    let mut audit = audit(&[1, 4, 4]);
    audit.base = archives().join("../decomposed");
    let whole = audit.open(json!({ "program": "convnet.pt2" })).unwrap();
    let ask = |target: &dyn Target, ids: Vec<u32>| {
        let (answers, pullback) = target.vjp(&Query::records(ids.clone(), Access::LOGITS)).unwrap();
        let logits = answers.logits.unwrap();
        assert_eq!(logits.shape(), [ids.len(), 3]);
        let gradient =
            pullback.apply(&Outputs { logits: Some(logits.clone()), ..Outputs::default() }).unwrap();
        (logits.to_f64().unwrap(), gradient.to_f64().unwrap())
    };
    let (logits, gradients) = ask(&*whole, (0..12).collect());
    for record in 0..12 {
        let (alone, gradient) = ask(&*whole, vec![record as u32]);
        close("alone", &alone, &logits[record * 3..][..3], 1e-5);
        close("alone", &gradient, &gradients[record * 16..][..16], 1e-5);
    }
    // The last batch is one record.
    let config = json!({ "program": "convnet.pt2", "batch": 11 });
    let parts = audit.open(config.clone()).unwrap();
    let all = Query::records((0..12).collect::<Vec<_>>(), Access::LOGITS | Access::LAST_LAYER_GRADIENT);
    close("in parts", &parts.predict(&all).unwrap().logits.unwrap().to_f64().unwrap(), &logits, 1e-5);
    let trial = Trial { config: &config, references: None, setting: audit.setting(), fit: None };
    check_adapter(&paname_torch::ADAPTERS[0], &trial);
}

#[test]
fn more_records_than_a_program_takes_are_an_error() {
    let mut audit = Audit::new(Tensor::from_vec(numbers(70 * 16, 3), &[70, 1, 4, 4]).unwrap());
    audit.base = Path::new(env!("CARGO_MANIFEST_DIR")).join("../paname-pt2/tests/data");
    audit.labels = Labels::Classes { values: (0..70).map(|i| i % 2).collect(), classes: 2 };
    let all = Query::records((0..70).collect::<Vec<_>>(), Access::LOGITS);
    let ask = |batch: usize| {
        let target = audit.open(json!({ "program": "classifier.pt2", "batch": batch })).unwrap();
        target.predict(&all).map(|answers| answers.logits.unwrap().to_f64().unwrap())
    };
    assert_eq!(
        ask(256).unwrap_err().to_string(),
        "classifier.pt2: input `x`, dimension 0: expected 2 to 64, got 70; `batch` says how many records are put to the model at a time"
    );
    // 64 and 6; 23 times 3 and one.
    close("in parts", &ask(3).unwrap(), &ask(64).unwrap(), 1e-5);
}

/// An archive of ours whose card states this normalisation.
fn stating(folder: &Path, model: &str, normalisation: &Value) -> String {
    let mut from = zip::ZipArchive::new(std::fs::File::open(archives().join(model)).unwrap()).unwrap();
    let path = folder.join(model);
    let mut to = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    let options = zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    for i in 0..from.len() {
        let mut entry = from.by_index(i).unwrap();
        let name = entry.name().unwrap().into_owned();
        let mut bytes = Vec::new();
        std::io::Read::read_to_end(&mut entry, &mut bytes).unwrap();
        if name.ends_with("/card.json") {
            let mut card: Value = serde_json::from_slice(&bytes).unwrap();
            card["normalisation"] = normalisation.clone();
            bytes = serde_json::to_vec(&card).unwrap();
        }
        to.start_file(name, options).unwrap();
        std::io::Write::write_all(&mut to, &bytes).unwrap();
    }
    to.finish().unwrap();
    path.display().to_string()
}

#[test]
fn a_normalisation_that_the_file_states_is_applied() {
    let folder = tempfile::tempdir().unwrap();
    let (mean, std) = (json!([0.5, 0.4, 0.3]), json!([0.25, 0.5, 2.0]));
    let stated = stating(folder.path(), "resnet18.paname.pt2", &json!({ "mean": mean, "std": std }));
    // Bytes, with the channels last.
    let bytes: Vec<u8> = (0..12 * 768).map(|i| (i * 37 % 256) as u8).collect();
    let audit = Audit { base: archives(), ..Audit::new(Tensor::from_vec(bytes, &[12, 16, 16, 3]).unwrap()) };
    let ask = |program: &str, preparation: Value| {
        let mut config = json!({ "program": program, "preparation": preparation });
        config["preparation"]["channels-last"] = true.into();
        let target = audit.open(config).unwrap();
        let (answers, pullback) = target.vjp(&Query::records(vec![3, 1], Access::LOGITS)).unwrap();
        let logits = answers.logits.unwrap();
        let gradient =
            pullback.apply(&Outputs { logits: Some(logits.clone()), ..Outputs::default() }).unwrap();
        [logits.to_f64().unwrap(), gradient.to_f64().unwrap()]
    };
    let plain = "resnet18.paname.pt2";
    let by_hand = ask(plain, json!({ "mean": mean, "deviation": std }));
    assert_eq!(ask(&stated, json!({})), by_hand);
    assert_eq!(ask(&stated, json!({ "normalisation": true })), by_hand);
    assert_ne!(ask(plain, json!({})), by_hand);
    // What the manifest says counts.
    assert_eq!(ask(&stated, json!({ "normalisation": false })), ask(plain, json!({})));
    assert_eq!(ask(&stated, json!({ "mean": [0.1] })), ask(plain, json!({ "mean": [0.1] })));
    assert_eq!(ask(&stated, json!({ "deviation": [2.0] })), ask(plain, json!({ "deviation": [2.0] })));
    let refused = |preparation: Value| {
        let refused = audit.open(json!({ "program": stated, "preparation": preparation })).err().unwrap();
        one_line(refused.to_string()).replace(&stated, "FILE")
    };
    assert_eq!(
        refused(json!({ "normalisation": true, "mean": [0.5] })),
        "configuration: `preparation.normalisation`: expected either this or `mean` and `deviation`, which stand for it"
    );
    assert_eq!(
        refused(json!({})),
        "inputs: expected records with 3 channels, as the normalisation that FILE states; or `preparation = { normalisation = false }`, got prepared records of shape [16, 16, 3]"
    );
}

#[test]
fn fits_apply_the_normalisation_that_the_file_states() {
    let folder = tempfile::tempdir().unwrap();
    let (_, shape) = MODELS.iter().find(|(known, _)| *known == "wideresnet.paname.pt2").unwrap();
    let stated = stating(
        folder.path(),
        "wideresnet.paname.pt2",
        &json!({ "mean": [0.5, 0.5, 0.5], "std": [0.5, 0.5, 0.5] }),
    );
    let raw = blobs(48, shape);
    let Features::Tensor(values) = &raw.inputs else { panic!("{:?}", raw.inputs) };
    let prepared = single(&values.to_f64().unwrap()).iter().map(|x| x * 2.0 - 1.0).collect();
    let prepared = Records {
        inputs: Features::Tensor(Tensor::from_vec(prepared, values.shape()).unwrap()),
        ..raw.clone()
    };
    let of = |model: &str, data: &Records| fit(model, data, &recipe(2), 1, folder.path()).unwrap().target;
    let (ours, by_hand) = (of(&stated, &raw), of("wideresnet.paname.pt2", &prepared));
    assert_eq!(bytes(&*ours), bytes(&*by_hand));
    let all = Query::records((0..48).collect::<Vec<_>>(), Access::LOGITS);
    let logits = |target: &dyn Target| target.predict(&all).unwrap().logits.unwrap().to_f64().unwrap();
    assert_eq!(logits(&*ours), logits(&*by_hand));
}

/// What `doctor` says of an archive is what the adapter does with it.
#[test]
fn archives_are_recognised_as_they_are_read() {
    let folder = tempfile::tempdir().unwrap();
    let renamed = |file: &str, rename: &dyn Fn(&str) -> String| {
        let mut from =
            zip::ZipArchive::new(std::fs::File::open(archives().join("mlp.paname.pt2")).unwrap()).unwrap();
        let path = folder.path().join(file);
        let mut to = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
        for i in 0..from.len() {
            let mut entry = from.by_index(i).unwrap();
            to.start_file(rename(&entry.name().unwrap()), options).unwrap();
            std::io::copy(&mut entry, &mut to).unwrap();
        }
        to.finish().unwrap();
        path
    };
    let audit = audit(&[12]);
    let open = |path: &Path| audit.open(json!({ "program": path.display().to_string() }));
    // A model of another name.
    let named = renamed("net.pt2", &|name| {
        name.replace("/model.json", "/net.json").replace("/model.safe", "/net.safe")
    });
    assert_eq!(paname_data::recognise(&named).unwrap().kind(), "torch-export");
    assert!(open(&named).is_ok());
    // Weights in a pickle, as PyTorch 2.8 writes them.
    let pickled = renamed("old.pt2", &|name| {
        name.replace("/card.json", "/archive_format").replace("/model.safetensors", "/model.pt")
    });
    let recognised = paname_data::recognise(&pickled).unwrap();
    assert_eq!((recognised.kind(), recognised.is_readable()), ("pickled-torch-export", false));
    let advice = recognised.advice(Path::new("old.pt2"));
    assert!(advice.ends_with("python -m paname_export 'old.pt2' 'old.paname.pt2'  # runs what the file says: only if you trust it"), "{advice}");
    assert!(open(&pickled).is_err());
}
