//! `cargo xtask bench torch`: models in memory beside the same work in PyTorch, in turn, so that both meet the same machine.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    process::Command,
    thread::available_parallelism,
};

use crate::{
    cache,
    error::{Error, Result},
    libtorch,
    process::{capture, cargo, root, stream, works},
};

/// Rounds of every comparison; the best of each side counts, and both alternate.
const ROUNDS: usize = 3;

/// Models of the matrix that take one tensor.
const PROGRAMS: &[&str] = &[
    "mlp",
    "lenet",
    "resnet18",
    "wideresnet",
    "depthwise",
    "vit",
    "lstm",
    "gru",
    "audio",
    "video",
    "unet",
    "vae",
];

/// A line of the table.
struct Row {
    /// What is done.
    what: &'static str,
    /// The task here, and how many models it is about.
    own: (&'static str, usize),
    /// The task in PyTorch.
    peer: &'static str,
    /// Whether the first column is seconds for all models.
    per_model: bool,
}

const ROWS: &[Row] = &[
    Row { what: "fit an MLP, usual loop", own: ("fit-mlp", 4), peer: "usual-mlp", per_model: true },
    Row { what: "fit an MLP, tuned loop", own: ("fit-mlp", 4), peer: "tuned-mlp", per_model: true },
    Row {
        what: "fit a convnet, usual loop",
        own: ("fit-convnet", 4),
        peer: "usual-convnet",
        per_model: true,
    },
    Row {
        what: "fit a convnet, tuned loop",
        own: ("fit-convnet", 4),
        peer: "tuned-convnet",
        per_model: true,
    },
    Row { what: "ask an MLP", own: ("ask-mlp", 1), peer: "ask-mlp", per_model: false },
    Row { what: "sweep 8 candidates of an MLP", own: ("sweep-mlp", 1), peer: "sweep-mlp", per_model: false },
    Row { what: "ask a ResNet", own: ("ask-resnet", 1), peer: "ask-resnet", per_model: false },
    Row {
        what: "gradient of a ResNet",
        own: ("gradient-resnet", 1),
        peer: "gradient-resnet",
        per_model: false,
    },
    Row {
        what: "100 steps of an inversion",
        own: ("invert-convnet", 1),
        peer: "invert-convnet",
        per_model: false,
    },
];

/// Measures and prints the table.
pub(crate) fn run() -> Result<()> {
    let threads = available_parallelism().map_or(1, usize::from);
    let python = python()?;
    let mut build = cargo(["build", "--release", "--package", "paname-bench-torch"]);
    stream(build.envs(libtorch::environment()?))?;
    let own = root().join("target/release/paname-bench-torch");
    let peer = root().join("benches/torch/peer.py");
    println!("{:<28} {:>10} {:>10} {:>8}", "seconds", "here", "PyTorch", "ratio");
    let script = peer.to_string_lossy();
    let compare = |what: &str, task: &str, models: usize, per_model: bool, peer: &str, threads: usize| {
        let threads = threads.to_string();
        let (mut here, mut there) = (f64::INFINITY, f64::INFINITY);
        for _ in 0..ROUNDS {
            let seconds = seconds(&own, &[task, &models.to_string(), &threads])?;
            here = here.min(if per_model { seconds / models as f64 } else { seconds });
            there = there.min(self::seconds(&python, &[&script, peer, "1", &threads])?);
        }
        println!("{what:<28} {here:>10.4} {there:>10.4} {:>8.2}", there / here);
        Ok(())
    };
    for row in ROWS {
        compare(row.what, row.own.0, row.own.1, row.per_model, row.peer, threads)?;
    }
    if std::env::var_os("PANAME_MATRIX").is_none() {
        println!(
            "no programs of torch.export: PANAME_MATRIX names no folder, as python/matrix/export.py writes it"
        );
        return Ok(());
    }
    for threads in BTreeSet::from([1, threads]) {
        for name in PROGRAMS {
            for what in ["ask", "gradient"] {
                let task = format!("{what}-program-{name}");
                compare(&format!("{what} {name}, {threads} threads"), &task, 1, false, &task, threads)?;
            }
        }
    }
    Ok(())
}

/// Runs a program that prints seconds.
fn seconds(program: &Path, arguments: &[&str]) -> Result<f64> {
    let output = capture(Command::new(program).args(arguments))?;
    let text = String::from_utf8_lossy(&output);
    text.trim().parse().map_err(|_| Error::Failed {
        command: arguments.join(" "),
        status: format!("{:?} instead of seconds", text.trim()),
    })
}

/// Where the Python with PyTorch of the version that libtorch is of lies.
fn home() -> PathBuf {
    cache::cache().join(format!("pytorch-{}", libtorch::VERSION))
}

/// That Python, where it is there.
pub(crate) fn installed() -> Option<PathBuf> {
    let python = home().join("bin/python");
    works(Command::new(&python).args(["-c", "import torch, numpy"])).then_some(python)
}

/// That Python, made once: some gigabytes.
fn python() -> Result<PathBuf> {
    if let Some(python) = installed() {
        return Ok(python);
    }
    let home = home();
    eprintln!("installing PyTorch {} once into {} (some gigabytes)", libtorch::VERSION, home.display());
    cache::create(&home)?;
    stream(Command::new("python3").args(["-m", "venv"]).arg(&home))?;
    let torch = format!("torch=={}", libtorch::VERSION);
    let python = home.join("bin/python");
    stream(Command::new(&python).args(["-m", "pip", "install", "--quiet", &torch, "numpy"]))?;
    Ok(python)
}
