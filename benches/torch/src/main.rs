//! What models in memory cost: `torch TASK MODELS THREADS` prints the seconds that a task took, data and start aside. `cargo xtask bench torch` runs every
//! task here and in PyTorch, side by side.
//!
//! | task | what |
//! |---|---|
//! | `fit-mlp` | 600-256-100 with tanh on 10,000 records, 20 passes of batches of 128, SGD with momentum |
//! | `fit-convnet` | 3 × 3 convolutions with 16 and 32 channels on 10,000 images of 28 × 28, 3 passes |
//! | `ask-mlp`, `ask-resnet` | logits of 10,000 records |
//! | `sweep-mlp` | logits of 10,000 records with each of 8 candidate values of an attribute, in batches of 4,096 |
//! | `sweep-bare` | the forward passes of it alone: the inputs are changed before |
//! | `gradient-resnet` | forward and backward pass with respect to 64 inputs |
//! | `invert-convnet` | 100 steps of the regularised ascent, of 64 images of 28 × 28, total variation and squares included |
//! | `ask-program-NAME`, `gradient-program-NAME` | the same of `NAME.paname.pt2` in the folder that `PANAME_MATRIX` names, with a batch of it |
//!
//! Fits run as in an audit: each in a process with one thread, as many side by side as `THREADS` says.
#![expect(clippy::print_stdout, reason = "the result")]

use std::borrow::Cow;
use std::ops::Range;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Instant;

use paname_core::{
    Access, Case, CaseParts, Cohort, Ctx, Error, Features, FitRun, Fitted, Indices, Input, Labels,
    Membership, Optimizer, Outputs, Query, Recipe, Records, Result, Roster, Schedule, Setting, Signal,
    SignalSource, Task, Tensor, Whom,
};
use paname_data::{AttributeQuestion, InputsConfig};
use serde_json::{Value, json};

/// Records to fit on and to ask about.
const RECORDS: usize = 10_000;
/// Records that a program of torch.export is asked about.
const BATCH: usize = 8;

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let number = |i: usize| arguments.get(i).and_then(|text| text.parse().ok()).unwrap_or(1_usize);
    let (models, threads) = (number(1), number(2));
    let task = arguments.first().map(String::as_str).unwrap_or_default();
    let seconds = match task {
        "fit-mlp" | "fit-convnet" => side_by_side(task, models, threads)?,
        // One of the processes of the line above.
        "part-mlp" => fits(&mlp(), models, &[600], 100, 20)?.0,
        "part-convnet" => fits(&convnet(), models, &[1, 28, 28], 10, 3)?.0,
        "ask-mlp" => ask(&mlp(), &[600], 100, threads)?,
        "ask-resnet" => ask(&resnet(), &[3, 32, 32], 10, threads)?,
        "sweep-mlp" => sweep(threads, false)?,
        "sweep-bare" => sweep(threads, true)?,
        "gradient-resnet" => gradient(&resnet(), &[3, 32, 32], 10, threads)?,
        "invert-convnet" => invert(&convnet(), &[1, 28, 28], threads)?,
        task if task.contains("-program-") => program(task, threads)?,
        _ => {
            return Err(Error::Config(
                "expected a task: fit-mlp, fit-convnet, ask-mlp, ask-resnet, sweep-mlp, sweep-bare, gradient-resnet, invert-convnet, ask-program-NAME, gradient-program-NAME".into(),
            ));
        }
    };
    println!("{seconds}");
    Ok(())
}

fn mlp() -> Value {
    json!({ "name": "mlp", "hidden": [256], "activation": "tanh" })
}

fn convnet() -> Value {
    json!({ "name": "convnet", "channels": [16, 32] })
}

fn resnet() -> Value {
    json!({ "name": "resnet", "blocks": [3, 3, 3] })
}

/// Numbers and classes that take a network some effort.
fn data(shape: &[usize], classes: usize) -> Result<Records> {
    let width: usize = shape.iter().product();
    let mut state = 1_u64;
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 24) as f32 - 0.5
    };
    let values: Vec<f32> = (0..RECORDS * width).map(|_| next()).collect();
    let class = |row: &[f32]| ((row[0] + 0.5) * classes as f32) as u32;
    let labels = values.chunks_exact(width).map(class).collect();
    let inputs = Tensor::from_vec(values, &[&[RECORDS], shape].concat())?;
    Ok(Records {
        ids: (0..RECORDS as u32).collect(),
        inputs: Features::Tensor(inputs),
        labels: Labels::Classes { values: labels, classes },
    })
}

fn recipe(architecture: &Value, epochs: u32) -> Recipe {
    Recipe {
        architecture: architecture.as_object().cloned().unwrap_or_default(),
        optimizer: Some(Optimizer::Sgd),
        momentum: Some(0.9),
        learning_rate: Some(0.05),
        schedule: Some(Schedule::Constant),
        epochs: Some(epochs),
        batch: Some(128),
        ..Recipe::default()
    }
}

/// Fits models one after the other with one thread.
fn fits(
    architecture: &Value,
    models: usize,
    shape: &[usize],
    classes: usize,
    epochs: u32,
) -> Result<(f64, Vec<Fitted>)> {
    let (data, recipe) = (data(shape, classes)?, recipe(architecture, epochs));
    let run = |seed| FitRun { rows: (0..RECORDS as u32).collect(), seed };
    let runs: Vec<FitRun> = (0..models as u64).map(run).collect();
    let started = Instant::now();
    let fitted = paname_torch::ADAPTERS[0].fit(
        json!({ "device": "cpu" }),
        &recipe,
        &data,
        &runs,
        &Ctx::new(1, "bench", 1, &()),
    );
    let seconds = started.elapsed().as_secs_f64();
    Ok((seconds, fitted.into_iter().collect::<Result<_>>()?))
}

/// The wall time of `models` fits in `threads` processes side by side.
fn side_by_side(task: &str, models: usize, threads: usize) -> Result<f64> {
    let program = std::env::current_exe().map_err(|error| Error::caused("this program", &error))?;
    let part = task.replace("fit", "part");
    let start = |i: usize| {
        let own = models / threads + usize::from(i < models % threads);
        let mut command = Command::new(&program);
        command.args([&part, &own.to_string()]).stdout(Stdio::piped());
        command.spawn().map_err(|error| Error::caused("a process", &error))
    };
    let running = (0..threads).map(start).collect::<Result<Vec<_>>>()?;
    let mut longest = 0.0_f64;
    for process in running {
        let output = process.wait_with_output().map_err(|error| Error::caused("a process", &error))?;
        let text = String::from_utf8_lossy(&output.stdout);
        longest = longest.max(text.trim().parse().map_err(|_| Error::Other("a process failed".into()))?);
    }
    Ok(longest)
}

fn fitted(architecture: &Value, shape: &[usize], classes: usize) -> Result<Fitted> {
    let (data, recipe) = (data(shape, classes)?, recipe(architecture, 1));
    // Few rows: the weights do not matter here.
    let run = FitRun { rows: (0..256).collect(), seed: 1 };
    let ctx = Ctx::new(1, "bench", 1, &());
    paname_torch::ADAPTERS[0]
        .fit(json!({ "device": "cpu", "batch": 256 }), &recipe, &data, &[run], &ctx)
        .remove(0)
}

/// The best of several.
fn best(times: usize, mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let mut best = f64::INFINITY;
    for _ in 0..times {
        let started = Instant::now();
        work()?;
        best = best.min(started.elapsed().as_secs_f64());
    }
    Ok(best)
}

/// The best within three seconds, and of at least ten.
fn best_within(mut work: impl FnMut() -> Result<()>) -> Result<f64> {
    let started = Instant::now();
    let mut found = best(10, &mut work)?;
    while started.elapsed().as_secs_f64() < 3.0 {
        found = found.min(best(1, &mut work)?);
    }
    Ok(found)
}

fn ask(architecture: &Value, shape: &[usize], classes: usize, threads: usize) -> Result<f64> {
    let model = fitted(architecture, shape, classes)?;
    paname_torch::set_threads(threads);
    let query = Query::records((0..RECORDS as u32).collect::<Vec<_>>(), Access::LOGITS);
    best(7, || model.target.predict(&query).map(|_| ()))
}

/// Values of the attribute, and records asked about at a time, as in an audit.
const CANDIDATES: usize = 8;
const BLOCK: usize = 4096;

/// Asks a network of two layers of 256 about every record with every candidate: `changed` beforehand, or as it goes.
fn sweep(threads: usize, changed: bool) -> Result<f64> {
    let folder = tempfile::tempdir().map_err(|error| Error::caused("a folder", &error))?;
    let columns = 92;
    let names: Vec<String> = (0..columns).map(|c| format!("c{c}")).collect();
    let row = |row: usize| {
        let numbers: Vec<String> = (0..columns).map(|c| format!("{}.5", (row * 31 + c * 17) % 101)).collect();
        format!("{row},value {},{}", row % CANDIDATES, numbers.join(","))
    };
    let rows: Vec<String> = (0..RECORDS).map(row).collect();
    let table = format!("id,attribute,{}\n{}\n", names.join(","), rows.join("\n"));
    std::fs::write(folder.path().join("inputs.csv"), table)
        .map_err(|error| Error::caused("a table", &error))?;
    let roster = Roster::new((0..RECORDS).map(|row| row.to_string()).collect(), "bench")?;
    let config = InputsConfig { table: Some("inputs.csv".into()), ..InputsConfig::default() };
    let attribute = ["attribute".to_owned()];
    let question =
        AttributeQuestion { columns: &attribute, one_hot: false, scale: None, values: &[], most: None };
    let read = config.attribute(&question, folder.path(), &roster, 0..RECORDS, threads)?;
    let Features::Tensor(inputs) = &read.inputs else { return Err(Error::Config("no numbers".into())) };
    let labels = Labels::Classes { values: (0..RECORDS as u32).map(|row| row % 2).collect(), classes: 2 };
    let data =
        Records { ids: (0..RECORDS as u32).collect(), inputs: Features::Tensor(inputs.clone()), labels };
    let recipe = recipe(&json!({ "name": "mlp", "hidden": [256, 256] }), 1);
    let run = FitRun { rows: (0..256).collect(), seed: 1 };
    let ctx = Ctx::new(1, "bench", 1, &());
    let model =
        paname_torch::ADAPTERS[0].fit(json!({ "device": "cpu" }), &recipe, &data, &[run], &ctx).remove(0)?;
    paname_torch::set_threads(threads);
    let rows: Vec<u32> = (0..RECORDS as u32).collect();
    let blocks =
        || (0..CANDIDATES).flat_map(|candidate| rows.chunks(BLOCK).map(move |rows| (rows, candidate)));
    let change = |(rows, candidate): (&[u32], usize)| read.changes.apply(&read.inputs, rows, candidate);
    let ask = |input: Input| {
        let query = Query { input, labels: None, want: Access::LOGITS, layers: Vec::new() };
        model.target.predict(&query).map(|_| ())
    };
    if changed {
        let inputs = blocks().map(change).collect::<Result<Vec<Input>>>()?;
        return best_within(|| inputs.iter().cloned().try_for_each(ask));
    }
    best_within(|| blocks().try_for_each(|block| ask(change(block)?)))
}

fn gradient(architecture: &Value, shape: &[usize], classes: usize, threads: usize) -> Result<f64> {
    let model = fitted(architecture, shape, classes)?;
    paname_torch::set_threads(threads);
    let width: usize = shape.iter().product();
    let input = Tensor::from_vec(vec![0.1_f32; 64 * width], &[&[64], shape].concat())?;
    let query = Query { input: Input::Tensor(input), labels: None, want: Access::LOGITS, layers: Vec::new() };
    let ones = Some(Tensor::from_vec(vec![1.0_f32; 64 * classes], &[64, classes])?);
    let cotangent = Outputs { logits: ones, ..Outputs::default() };
    best(20, || model.target.vjp(&query)?.1.apply(&cotangent).map(|_| ()))
}

/// A case that has no records and no signals.
struct NoSignals;

impl SignalSource for NoSignals {
    fn models(&self) -> usize {
        1
    }

    fn augmentations(&self) -> usize {
        1
    }

    fn read(&self, signal: Signal, _: Whom, _: Range<usize>, _: &mut [f32]) -> Result<()> {
        Err(Error::Unsupported(format!("{signal:?}")))
    }
}

/// 64 walks of the regularised ascent that do not end early.
fn invert(architecture: &Value, shape: &[usize], threads: usize) -> Result<f64> {
    let classes = 10;
    let model = fitted(architecture, shape, classes)?;
    paname_torch::set_threads(threads);
    let nobody = || Cohort {
        ids: Indices::from(&[][..]),
        labels: Labels::Classes { values: Indices::from(&[][..]), classes },
    };
    let parts = CaseParts {
        task: Task::Classification,
        granted: Access::all(),
        target: &*model.target,
        references: Vec::new(),
        audited: nobody(),
        population: nobody(),
        audited_membership: Cow::Owned(Membership::none(0, 0)),
        population_membership: Cow::Owned(Membership::none(0, 0)),
        signals: &NoSignals,
    };
    let case = Case::new(parts)?;
    let named = |entry: &&paname_core::Entry| entry.info.name == "regularised-ascent";
    let entry = paname_inversion::ATTACKS.iter().find(named);
    let entry = entry.ok_or_else(|| Error::Config("no such attack".into()))?;
    let attack = entry.build(json!({
        "classes": [0, 1, 2, 3, 4, 5, 6, 7], "starts": 8, "steps": 100, "patience": 1000, "total-variation": 0.01, "l2": 0.01,
        "batch": 64, "input": { "shape": shape, "range": [-0.5, 0.5] },
    }))?;
    best_within(|| attack.run(&case, &Ctx::new(1, "bench", threads, &())).map(|_| ()))
}

/// Asks a program of torch.export about a batch, or differentiates it.
fn program(task: &str, threads: usize) -> Result<f64> {
    let (what, name) = task.split_once("-program-").unwrap_or_default();
    // As python/matrix/models.py builds them.
    let (shape, outputs): (&[usize], &[usize]) = match name {
        "mlp" => (&[600], &[100]),
        "lenet" => (&[1, 28, 28], &[10]),
        "resnet18" | "depthwise" | "vit" => (&[3, 224, 224], &[1000]),
        "wideresnet" => (&[3, 32, 32], &[10]),
        "lstm" | "gru" => (&[100, 32], &[10]),
        "audio" => (&[1, 16000], &[35]),
        "video" => (&[3, 8, 56, 56], &[50]),
        "unet" => (&[3, 64, 64], &[8, 64, 64]),
        "vae" => (&[1, 28, 28], &[1, 28, 28]),
        _ => return Err(Error::Config(format!("the matrix has no model `{name}` of one input"))),
    };
    let folder = std::env::var_os("PANAME_MATRIX")
        .ok_or_else(|| Error::Config("PANAME_MATRIX names no folder of models".into()))?;
    let classes = outputs.len() == 1;
    let kind = if classes { "classification" } else { "regression" };
    let config = json!({ "program": format!("{name}.paname.pt2"), "device": "cpu", "task": kind });
    let roster = Roster::new(Vec::new(), "bench")?;
    let setting = Setting {
        base: Path::new(&folder),
        roster: &roster,
        labels: &Labels::None,
        inputs: &Features::None,
        task: if classes { Task::Classification } else { Task::Regression },
    };
    let target = paname_torch::ADAPTERS[0].open(config, &setting, &Ctx::new(1, "bench", threads, &()))?;
    let width: usize = shape.iter().product();
    let input = Tensor::from_vec(vec![0.1_f32; BATCH * width], &[&[BATCH], shape].concat())?;
    let want = if classes { Access::LOGITS } else { Access::LABELS };
    let query = Query { input: Input::Tensor(input), labels: None, want, layers: Vec::new() };
    let ones = || {
        let count = BATCH * outputs.iter().product::<usize>();
        Tensor::from_vec(vec![1.0_f32; count], &[&[BATCH], outputs].concat()).map(Some)
    };
    let cotangent = if classes {
        Outputs { logits: ones()?, ..Outputs::default() }
    } else {
        Outputs { labels: ones()?, ..Outputs::default() }
    };
    match what {
        "ask" => best_within(|| target.predict(&query).map(|_| ())),
        _ => best_within(|| target.vjp(&query)?.1.apply(&cotangent).map(|_| ())),
    }
}
