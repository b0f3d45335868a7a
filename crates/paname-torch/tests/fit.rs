//! Fits: what decides them, what they learn, what their recipes do, and what fails alone.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};

use common::{numbers, one_line};
use paname_core::{
    Access, Ctx, EarlyStop, Error, Features, FitRun, Fitted, Host, Labels, Objective, Optimizer, Query,
    Recipe, Records, Result, Schedule, Tensor, Transformation,
};
use serde_json::{Value, json};

/// Four blobs of 8 × 8 images, or the same as rows.
fn blobs(count: usize, shape: &[usize]) -> Records {
    let centres = numbers(4 * 64, 77);
    let noise = numbers(count * 64, 5);
    let values = (0..count * 64).map(|i| centres[(i / 64 % 4) * 64 + i % 64] + 0.8 * noise[i]).collect();
    let shape: Vec<usize> = std::iter::once(count).chain(shape.iter().copied()).collect();
    Records {
        ids: (0..count as u32).collect(),
        inputs: Features::Tensor(Tensor::from_vec(values, &shape).unwrap()),
        labels: Labels::Classes { values: (0..count as u32).map(|i| i % 4).collect(), classes: 4 },
    }
}

fn recipe(architecture: &Value) -> Recipe {
    let architecture = architecture.as_object().unwrap().clone();
    Recipe { architecture, epochs: Some(4), batch: Some(16), ..Recipe::default() }
}

fn run(rows: std::ops::Range<u32>, seed: u64) -> FitRun {
    FitRun { rows: rows.collect(), seed }
}

fn fit(
    recipe: &Recipe,
    data: &Records,
    runs: &[FitRun],
    threads: usize,
    host: &dyn Host,
) -> Vec<Result<Fitted>> {
    paname_torch::ADAPTERS[0].fit(json!({}), recipe, data, runs, &Ctx::new(1, "test", threads, host))
}

/// All parameters, as bytes.
fn weights(fitted: &Fitted) -> Vec<u8> {
    let parameters = fitted.target.parameters().unwrap();
    parameters.iter().flat_map(|(_, value)| value.bytes().unwrap().to_vec()).collect()
}

fn fitted(recipe: &Recipe, data: &Records, seed: u64) -> Fitted {
    fit(recipe, data, &[run(0..60, seed)], 1, &()).remove(0).unwrap()
}

/// Recipes in which chance has a part everywhere.
fn by_chance() -> Vec<(Recipe, Records)> {
    let convnet =
        json!({ "name": "convnet", "channels": [4], "hidden": [8], "batch-norm": true, "dropout": 0.3 });
    let augmentation = vec![
        Transformation::Flip,
        Transformation::Shift(1),
        Transformation::Crop(8, 2),
        Transformation::Cutout(3),
    ];
    vec![
        (recipe(&json!({ "name": "mlp", "hidden": [16] })), blobs(60, &[64])),
        (recipe(&json!({ "name": "mlp", "hidden": [16], "dropout": 0.5 })), blobs(60, &[64])),
        (Recipe { augmentation, ..recipe(&convnet) }, blobs(60, &[1, 8, 8])),
        (recipe(&json!({ "name": "resnet", "blocks": [1, 1], "width": 4 })), blobs(60, &[8, 8])),
    ]
}

#[test]
fn the_seed_decides_whatever_the_threads() {
    for (recipe, data) in by_chance() {
        let one = fitted(&recipe, &data, 1);
        assert_eq!(weights(&one), weights(&fitted(&recipe, &data, 1)), "{recipe:?}");
        assert_ne!(weights(&one), weights(&fitted(&recipe, &data, 2)), "{recipe:?}");
        let mut after_another = fit(&recipe, &data, &[run(0..40, 7), run(0..60, 1)], 2, &());
        let with_threads = after_another.remove(1).unwrap();
        assert_eq!(weights(&one), weights(&with_threads), "{recipe:?}");
        assert_eq!(one.train_loss, with_threads.train_loss);
        assert_eq!(one.target.card(), with_threads.target.card());
    }
}

#[test]
fn fits_side_by_side_are_as_if_alone() {
    let all = by_chance();
    let (recipe, data) = &all[1];
    let alone = weights(&fitted(recipe, data, 1));
    std::thread::scope(|scope| {
        let fits: Vec<_> = (0..4).map(|_| scope.spawn(|| weights(&fitted(recipe, data, 1)))).collect();
        for one in fits {
            assert_eq!(one.join().unwrap(), alone);
        }
    });
}

/// Prints digests of fits where the variable asks for it; runs in a process of its own.
#[test]
fn digests_of_fits() {
    if std::env::var_os("PANAME_TEST_DIGESTS").is_some() {
        for (recipe, data) in by_chance() {
            println!("digest {}", blake3::hash(&weights(&fitted(&recipe, &data, 1))).to_hex());
        }
    }
}

#[test]
fn another_process_fits_the_same_and_is_silent() {
    let process = || {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command.args(["digests_of_fits", "--exact", "--nocapture"]).env("PANAME_TEST_DIGESTS", "1");
        let output = command.output().unwrap();
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().filter_map(|line| Some(line.split_once("digest ")?.1.to_owned())).collect::<Vec<_>>()
    };
    let here: Vec<String> = by_chance()
        .iter()
        .map(|(recipe, data)| blake3::hash(&weights(&fitted(recipe, data, 1))).to_hex().to_string())
        .collect();
    assert_eq!(process(), here);
}

#[test]
fn every_optimizer_and_schedule_learns() {
    let data = blobs(240, &[64]);
    let base = || Recipe { epochs: Some(15), ..recipe(&json!({ "name": "mlp", "hidden": [32] })) };
    let images = blobs(240, &[1, 8, 8]);
    let mut tried: Vec<(Recipe, &Records)> = vec![
        (Recipe { average: Some(0.9), ..base() }, &data),
        (
            Recipe { label_smoothing: Some(0.1), weight_decay: Some(1e-3), warm_up: Some(2.0), ..base() },
            &data,
        ),
        (
            Recipe {
                architecture: recipe(&json!({ "name": "convnet", "channels": [8] })).architecture,
                ..base()
            },
            &images,
        ),
        (
            Recipe {
                architecture: recipe(&json!({ "name": "resnet", "blocks": [1, 1], "width": 4 })).architecture,
                ..base()
            },
            &images,
        ),
    ];
    for optimizer in [Optimizer::Sgd, Optimizer::Nesterov, Optimizer::Adam, Optimizer::Adamw] {
        for schedule in [Schedule::Constant, Schedule::Cosine, Schedule::Step, Schedule::OneCycle] {
            tried.push((Recipe { optimizer: Some(optimizer), schedule: Some(schedule), ..base() }, &data));
        }
    }
    for (recipe, data) in tried {
        let model = fit(&recipe, data, &[run(0..160, 1)], 1, &()).remove(0).unwrap();
        assert!(model.train_accuracy.unwrap() > 0.95, "{recipe:?}: {:?}", model.train_accuracy);
        assert!(model.train_loss.unwrap() < 0.5, "{recipe:?}: {:?}", model.train_loss);
        // Those that it has not seen, too.
        let others: Vec<u32> = (160..240).collect();
        let labels =
            model.target.predict(&Query::records(others.clone(), Access::LABELS)).unwrap().labels.unwrap();
        let right = labels
            .to_i64()
            .unwrap()
            .iter()
            .zip(&others)
            .filter(|(label, row)| **label == i64::from(*row % 4))
            .count();
        assert!(right > 76, "{recipe:?}: {right} of 80");
    }
}

#[test]
fn figures_of_a_fit_are_what_the_model_answers() {
    let data = blobs(60, &[64]);
    let model = fitted(&by_chance()[1].0, &data, 1);
    let answers = model
        .target
        .predict(&Query::records((0..60).collect::<Vec<_>>(), Access::LABELS | Access::LOSS))
        .unwrap();
    let losses = answers.loss.unwrap().to_f64().unwrap();
    assert!((losses.iter().sum::<f64>() / 60.0 - model.train_loss.unwrap()).abs() < 1e-5);
    let labels = answers.labels.unwrap().to_i64().unwrap();
    let right = labels.iter().enumerate().filter(|(i, label)| **label == *i as i64 % 4).count();
    assert!((right as f64 / 60.0 - model.train_accuracy.unwrap()).abs() < 1e-9);
}

/// A host with a folder.
struct Keeping(PathBuf);

impl Host for Keeping {
    fn folder(&self) -> Result<PathBuf> {
        Ok(self.0.clone())
    }
}

fn tensors(path: &Path) -> Vec<(String, Vec<u8>)> {
    let bytes = std::fs::read(path).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let mut all: Vec<_> =
        file.tensors().into_iter().map(|(name, view)| (name, view.data().to_vec())).collect();
    all.sort();
    all
}

#[test]
fn a_checkpoint_is_what_a_shorter_fit_gives() {
    let convnet = json!({ "name": "convnet", "channels": [4], "batch-norm": true, "dropout": 0.2 });
    for average in [None, Some(0.8)] {
        let data = blobs(60, &[8, 8]);
        let constant = Recipe { schedule: Some(Schedule::Constant), average, ..recipe(&convnet) };
        let folder = tempfile::tempdir().unwrap();
        let kept = |name: &str, recipe: &Recipe| {
            let host = Keeping(folder.path().join(name));
            fit(recipe, &data, &[run(0..60, 3)], 1, &host).remove(0).unwrap().weights.unwrap()
        };
        let long = kept("long", &Recipe { checkpoints: vec![1, 3], ..constant.clone() });
        let mut files: Vec<String> = std::fs::read_dir(&long)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        files.sort();
        assert_eq!(files, ["checkpoint-1.safetensors", "checkpoint-3.safetensors", "weights.safetensors"]);
        for epochs in [1, 3] {
            let short =
                kept(&format!("short-{epochs}"), &Recipe { epochs: Some(epochs), ..constant.clone() });
            assert_eq!(
                tensors(&long.join(format!("checkpoint-{epochs}.safetensors"))),
                tensors(&short.join("weights.safetensors")),
                "{epochs} passes, average {average:?}"
            );
        }
        assert_ne!(
            tensors(&long.join("checkpoint-3.safetensors")),
            tensors(&long.join("weights.safetensors"))
        );
        // To keep something changes nothing.
        assert_eq!(
            tensors(&long.join("weights.safetensors")),
            tensors(&kept("plain", &constant).join("weights.safetensors"))
        );
    }
}

#[test]
fn an_average_is_that_of_the_steps() {
    // One step a pass, kept after each: the average can be computed from them.
    let data = blobs(20, &[64]);
    let steps = Recipe {
        epochs: Some(5),
        batch: Some(20),
        schedule: Some(Schedule::Constant),
        checkpoints: vec![1, 2, 3, 4, 5],
        ..recipe(&json!({ "name": "mlp", "hidden": [] }))
    };
    let folder = tempfile::tempdir().unwrap();
    let kept = |name: &str, recipe: &Recipe| {
        fit(recipe, &data, &[run(0..20, 3)], 1, &Keeping(folder.path().join(name)))
            .remove(0)
            .unwrap()
            .weights
            .unwrap()
    };
    let raw = kept("raw", &steps);
    let values = |path: PathBuf| -> Vec<f64> {
        let floats = |bytes: &[u8]| {
            bytes.chunks(4).map(|b| f64::from(f32::from_le_bytes(b.try_into().unwrap()))).collect::<Vec<_>>()
        };
        tensors(&path).iter().flat_map(|(_, bytes)| floats(bytes)).collect()
    };
    let at = |pass: usize| values(raw.join(format!("checkpoint-{pass}.safetensors")));
    // It begins with what the network begins with: two averages tell both that and the rest.
    let averaged = |share: f64| {
        let recipe = Recipe { average: Some(share), checkpoints: vec![1], ..steps.clone() };
        let folder = kept(&format!("average-{share}"), &recipe);
        (values(folder.join("checkpoint-1.safetensors")), values(folder.join("weights.safetensors")))
    };
    let (mut mean, last) = averaged(0.7);
    for pass in 2..=5 {
        for (mean, value) in mean.iter_mut().zip(at(pass)) {
            *mean = 0.7 * *mean + 0.3 * value;
        }
    }
    for (ours, expected) in last.iter().zip(&mean) {
        assert!((ours - expected).abs() < 1e-6, "{ours} {expected}");
    }
    assert_ne!(last, at(5));
}

#[test]
fn an_early_stop_keeps_the_best_and_ends() {
    struct Counting(AtomicUsize);
    impl Host for Counting {
        fn progress(&self, _done: u64, _total: u64) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }
    // Labels that mean nothing: what is learned by heart makes the rest worse.
    let mut data = blobs(60, &[64]);
    data.labels = Labels::Classes { values: (0..60_u32).map(|i| i * i * 7 % 11 % 4).collect(), classes: 4 };
    let long = Recipe {
        epochs: Some(200),
        schedule: Some(Schedule::Constant),
        ..recipe(&json!({ "name": "mlp", "hidden": [64] }))
    };
    let ticks = |recipe: &Recipe| {
        let host = Counting(AtomicUsize::new(0));
        let model = fit(recipe, &data, &[run(0..60, 1)], 1, &host).remove(0).unwrap();
        (host.0.into_inner(), model)
    };
    let stop = |patience| Recipe { early_stop: Some(EarlyStop { share: 0.25, patience }), ..long.clone() };
    let (all, by_heart) = ticks(&long);
    for average in [None, Some(0.5)] {
        let with = |patience| Recipe { average, ..stop(patience) };
        let (few, model) = ticks(&with(2));
        let (more, patient) = ticks(&with(6));
        assert!(few < more && more < all / 2, "{few} {more} {all}");
        assert!(model.train_loss.unwrap() > by_heart.train_loss.unwrap() + 0.1);
        if few + 8 >= more {
            // The same pass was the best of both.
            assert_eq!(weights(&model), weights(&patient));
        }
    }
}

#[test]
fn a_line_is_fitted() {
    let x = numbers(80 * 2, 9);
    let y: Vec<f32> = x.chunks(2).flat_map(|x| [3.0 * x[0] - x[1] + 0.5, 2.0 * x[1]]).collect();
    let data = Records {
        ids: (0..80).collect(),
        inputs: Features::Tensor(Tensor::from_vec(x, &[80, 2]).unwrap()),
        labels: Labels::Values(Tensor::from_vec(y.clone(), &[80, 2]).unwrap()),
    };
    let recipe = Recipe {
        objective: Objective::MeanSquaredError,
        epochs: Some(60),
        batch: Some(8),
        ..recipe(&json!({ "name": "mlp", "hidden": [] }))
    };
    let config = json!({ "task": "regression" });
    let ctx = Ctx::new(1, "test", 1, &());
    let model =
        paname_torch::ADAPTERS[0].fit(config, &recipe, &data, &[run(0..80, 1)], &ctx).remove(0).unwrap();
    assert!(model.train_loss.unwrap() < 1e-6, "{:?}", model.train_loss);
    assert_eq!(model.train_accuracy, None);
    let parameters = model.target.parameters().unwrap();
    let expected = [("output.weight", vec![3.0, -1.0, 0.0, 2.0]), ("output.bias", vec![0.5, 0.0])];
    for ((name, value), (planned, expected)) in parameters.iter().zip(expected) {
        assert_eq!(name, planned);
        for (a, b) in value.to_f64().unwrap().iter().zip(expected) {
            assert!((a - b).abs() < 1e-3, "{name}: {a} {b}");
        }
    }
    let query = Query::records((0..80).collect::<Vec<_>>(), Access::LABELS | Access::LOSS);
    let answers = model.target.predict(&query).unwrap();
    for (a, b) in answers.labels.unwrap().to_f64().unwrap().iter().zip(&y) {
        assert!((a - f64::from(*b)).abs() < 1e-2);
    }
    assert!(answers.loss.unwrap().to_f64().unwrap().iter().all(|loss| *loss < 1e-4));
}

#[test]
fn a_student_learns_what_its_teacher_says() {
    let data = blobs(60, &[8, 8]);
    let convnet = json!({ "name": "convnet", "channels": [4], "hidden": [8], "batch-norm": true });
    let teacher = fitted(&Recipe { epochs: Some(20), ..recipe(&convnet) }, &data, 1);
    let query = Query::records((0..60).collect::<Vec<_>>(), Access::PROBABILITIES);
    let said = |model: &dyn paname_core::Target| model.predict(&query).unwrap().probabilities.unwrap();
    let told = said(teacher.target.as_ref());
    let lesson = Records { labels: Labels::Values(told.clone()), ..data };
    let passes: Vec<u32> = (1..=15).collect();
    let distillation = Recipe {
        objective: Objective::Distillation,
        epochs: Some(15),
        checkpoints: passes.clone(),
        ..recipe(&json!({ "name": "mlp", "hidden": [16] }))
    };
    let student = fitted(&distillation, &lesson, 2);
    assert_eq!(student.checkpoints.iter().map(|kept| kept.epoch).collect::<Vec<_>>(), passes);
    assert_eq!(student.train_accuracy, None);
    let distance = |model: &dyn paname_core::Target| {
        let pairs = said(model).to_f64().unwrap().into_iter().zip(told.to_f64().unwrap());
        pairs.map(|(a, b)| (a - b).powi(2)).sum::<f64>() / 60.0
    };
    let way: Vec<f64> = student.checkpoints.iter().map(|kept| distance(kept.target.as_ref())).collect();
    assert!(way[14] < 0.02 && way[14] < way[0] / 4.0, "{way:?}");
    // What is kept is what the fit would have given if it had ended there, and the last state is the model.
    assert_eq!(distance(student.target.as_ref()), way[14]);
    let constant = |epochs| Recipe {
        schedule: Some(Schedule::Constant),
        checkpoints: vec![2],
        epochs: Some(epochs),
        ..distillation.clone()
    };
    let (short, long) = (fitted(&constant(2), &lesson, 3), fitted(&constant(4), &lesson, 3));
    assert_eq!(distance(short.target.as_ref()), distance(long.checkpoints[0].target.as_ref()));
}

#[test]
fn a_student_learns_from_probabilities_only() {
    let refused = |values: Vec<f32>, shape: &[usize]| {
        let labels = Labels::Values(Tensor::from_vec(values, shape).unwrap());
        let data = Records { labels, ..blobs(3, &[64]) };
        let recipe =
            Recipe { objective: Objective::Distillation, ..recipe(&json!({ "name": "mlp", "hidden": [4] })) };
        one_line(fit(&recipe, &data, &[run(0..3, 1)], 1, &()).remove(0).err().unwrap().to_string())
    };
    let expected = "expected probabilities, which are from 0 to 1 and sum to 1, got other numbers";
    for bad in [[0.5, 0.6], [1.2, -0.2], [f32::NAN, 1.0], [f32::INFINITY, 0.0]] {
        let told = refused([vec![0.5, 0.5], bad.to_vec(), vec![0.0, 1.0]].concat(), &[3, 2]);
        assert_eq!(told, format!("labels to fit on, row 1: {expected}"));
    }
    let told = refused(vec![0.5; 3], &[3]);
    assert_eq!(told, "labels to fit on: expected probabilities [records, classes], got shape [3]");
    let classes = Recipe { objective: Objective::Distillation, ..recipe(&json!({ "name": "mlp" })) };
    let told = fit(&classes, &blobs(3, &[64]), &[run(0..3, 1)], 1, &()).remove(0).err().unwrap().to_string();
    assert_eq!(
        one_line(told),
        "labels to fit on: expected the probabilities that another model gives, got others, or none"
    );
}

#[test]
fn what_goes_wrong_in_one_run_leaves_the_others() {
    let data = blobs(60, &[64]);
    let plain = recipe(&json!({ "name": "mlp", "hidden": [8] }));
    let bad_row = FitRun { rows: vec![0, 1, 60].into(), seed: 1 };
    let one_row = FitRun { rows: vec![3].into(), seed: 1 };
    let outcomes = fit(&plain, &data, &[run(0..60, 1), bad_row, one_row, run(0..30, 2)], 1, &());
    let said = |outcome: &Result<Fitted>| outcome.as_ref().err().map(|error| one_line(error.to_string()));
    assert_eq!(
        outcomes.iter().map(said).collect::<Vec<_>>(),
        [
            None,
            Some("row to fit on: expected below 60, got 60".into()),
            Some("rows to fit on: expected at least 2, got 1".into()),
            None,
        ]
    );
    // Of a run whose rows hold a number that explodes, the loss is none.
    let Features::Tensor(inputs) = &data.inputs else { panic!("tensor") };
    let mut values = inputs.as_slice::<f32>().unwrap().to_vec();
    values[59 * 64] = f32::INFINITY;
    let exploding =
        Records { inputs: Features::Tensor(Tensor::from_vec(values, &[60, 64]).unwrap()), ..data.clone() };
    let outcomes = fit(&plain, &exploding, &[run(0..59, 1), run(0..60, 1), run(0..59, 1)], 1, &());
    assert!(outcomes[0].is_ok());
    let told = said(&outcomes[1]).unwrap();
    assert_eq!(told, "the loss is NaN in pass 1 of 4; a smaller `learning-rate` may help");
    assert_eq!(weights(outcomes[0].as_ref().unwrap()), weights(outcomes[2].as_ref().unwrap()));
    let wild = Recipe {
        learning_rate: Some(1e6),
        optimizer: Some(Optimizer::Sgd),
        objective: Objective::MeanSquaredError,
        ..plain
    };
    let regression =
        Records { labels: Labels::Values(Tensor::from_vec(numbers(60, 1), &[60]).unwrap()), ..data };
    let config = json!({ "task": "regression" });
    let ctx = Ctx::new(1, "test", 1, &());
    let outcome = paname_torch::ADAPTERS[0].fit(config, &wild, &regression, &[run(0..60, 1)], &ctx).remove(0);
    let told = said(&outcome).unwrap();
    assert!(
        told.starts_with("the loss is ")
            && told.ends_with(" in pass 1 of 4; a smaller `learning-rate` may help"),
        "{told}"
    );
}

#[test]
fn a_fit_ends_within_a_tick_of_being_cancelled() {
    struct After(AtomicUsize, usize);
    impl Host for After {
        fn progress(&self, _done: u64, _total: u64) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }

        fn cancelled(&self) -> bool {
            self.0.load(Ordering::Relaxed) >= self.1
        }
    }
    let data = blobs(60, &[64]);
    let recipe = recipe(&json!({ "name": "mlp", "hidden": [8] }));
    for after in [1, 2, 7] {
        let host = After(AtomicUsize::new(0), after);
        let outcomes = fit(&recipe, &data, &[run(0..60, 1), run(0..60, 2)], 1, &host);
        assert!(outcomes.iter().all(|outcome| matches!(outcome, Err(Error::Cancelled))), "{after}");
        assert!(host.0.into_inner() <= after + 2, "{after}");
    }
}

#[test]
fn data_that_cannot_be_fitted_are_refused_once_for_all() {
    let data = blobs(60, &[64]);
    let plain = || recipe(&json!({ "name": "mlp", "hidden": [8] }));
    let refused = |config: Value, recipe: &Recipe, data: &Records| {
        let ctx = Ctx::new(1, "test", 1, &());
        let outcomes =
            paname_torch::ADAPTERS[0].fit(config, recipe, data, &[run(0..60, 1), run(0..30, 1)], &ctx);
        let said: Vec<String> =
            outcomes.into_iter().map(|outcome| one_line(outcome.err().unwrap().to_string())).collect();
        assert_eq!(said[0], said[1]);
        said[0].clone()
    };
    let labels = |labels| Records { labels, ..data.clone() };
    let beyond = labels(Labels::Classes { values: (0..60).collect(), classes: 4 });
    assert_eq!(refused(json!({}), &plain(), &beyond), "labels to fit on: expected classes below 4, got 4");
    let few = labels(Labels::Classes { values: (0..50).map(|_| 0).collect(), classes: 4 });
    assert_eq!(
        refused(json!({}), &plain(), &few),
        "labels to fit on: expected one for each of 60 records, got 50"
    );
    assert_eq!(
        refused(json!({}), &plain(), &labels(Labels::None)),
        "labels to fit on: expected classes, got others, or none"
    );
    let nothing = Records { inputs: Features::None, ..data.clone() };
    assert_eq!(
        refused(json!({}), &plain(), &nothing),
        "configuration: there is nothing to fit on: name the inputs of the records, as numbers, by [data.inputs]"
    );
    let table = Recipe { augmentation: vec![Transformation::Flip], ..plain() };
    assert_eq!(
        refused(json!({}), &table, &data),
        "records to change at random: expected images [channels, height, width], got [64]"
    );
    let cut = Recipe { augmentation: vec![Transformation::Crop(9, 0)], ..plain() };
    assert_eq!(
        refused(json!({}), &cut, &blobs(60, &[8, 8])),
        "configuration: `recipe.augmentation`: a crop of side 9 from images of 8 × 8 with 0 zeros around them cannot be"
    );
    let transformer = recipe(&json!({ "name": "transformer" }));
    assert_eq!(
        refused(json!({}), &transformer, &data),
        "configuration: `architecture`: unknown variant `transformer`, expected one of `mlp`, `convnet`, `resnet`"
    );
    assert_eq!(
        refused(json!({}), &Recipe::default(), &data),
        "configuration: `architecture` is empty; expected one of mlp, convnet, resnet, such as { name = \"mlp\", hidden = [128] }"
    );
}

#[test]
fn batches_of_one_record_are_fitted_on() {
    let data = blobs(60, &[64]);
    let recipe = Recipe {
        batch: Some(1),
        learning_rate: Some(0.01),
        ..recipe(&json!({ "name": "mlp", "hidden": [16] }))
    };
    let fitted = fitted(&recipe, &data, 1);
    assert!(fitted.train_accuracy.unwrap() > 0.9, "{:?}", fitted.train_accuracy);
}

#[test]
fn the_name_of_a_fit_tells_nothing_of_its_rows() {
    let data = blobs(60, &[64]);
    let recipe = recipe(&json!({ "name": "mlp", "hidden": [4] }));
    let fits = fit(&recipe, &data, &[run(0..30, 1), run(30..60, 2)], 1, &());
    for one in fits {
        assert_eq!(one.unwrap().target.card().name, "mlp");
    }
}

/// A host whose folder is a file.
struct NoRoom(PathBuf);

impl Host for NoRoom {
    fn folder(&self) -> Result<PathBuf> {
        Ok(self.0.clone())
    }
}

#[test]
fn what_the_machine_lacks_is_told_apart_from_what_the_fit_gives() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let recipe = recipe(&json!({ "name": "mlp", "hidden": [4] }));
    let host = NoRoom(file.path().to_owned());
    let outcome = fit(&recipe, &blobs(20, &[64]), &[run(0..20, 1)], 1, &host).remove(0);
    assert!(matches!(outcome.err(), Some(Error::Caused { .. })));
}
