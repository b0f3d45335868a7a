//! Scores the published protocol of the digits shadow logits through the whole engine, to compare formulas between implementations.
//!
//! `cargo run --release -p paname --example digits -- digits-shadow-logits.npz [REFERENCES …]`
//!
//! The file holds `logits [130, 1400, 10]`, `population_logits [130, 397, 10]`, `member [130, 1400]`, `label` and `population_label`; models 2k and
//! 2k + 1 are fitted on complementary halves. For each of the targets 0 to 9, the target and its complement are left out and the first n of the
//! remaining models are the references. Printed: the mean over the ten targets of the AUC and of the TPR at 1 % and 0.1 % FPR, at the most
//! permissive threshold with empirical FPR within the level. With 700 non-members the last column is a figure for comparing implementations,
//! not evidence.

#![expect(clippy::print_stdout, reason = "the table is the result")]

use std::error::Error;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use paname_core::Registry;
use paname_engine::{Manifest, RunOptions};
use paname_stats::Roc;

const TARGETS: usize = 10;
const LEVELS: [f64; 2] = [0.01, 0.001];

/// Attack and parameters of each printed row.
const ROWS: &[(&str, &str)] = &[
    ("confidence", ""),
    ("entropy", ""),
    ("modified-entropy", ""),
    ("margin", ""),
    ("population", "ties = \"share\""),
    ("population", ""),
    ("shadow-classifier", ""),
    ("lira", "mode = \"online\", variance = \"per-record\""),
    ("lira", "mode = \"online\", variance = \"shared\""),
    ("lira", "mode = \"online\", variance = \"shared-raw\""),
    ("lira", "mode = \"online\", variance = \"shrunk\""),
    ("lira", "mode = \"offline\", variance = \"per-record\""),
    ("lira", "mode = \"offline\", variance = \"shared\""),
    ("lira", "mode = \"offline\", variance = \"per-record\", offline-test = \"two-sided\""),
    ("rmia", "mode = \"online\", ties = \"share\""),
    ("rmia", "mode = \"online\""),
    ("rmia", "mode = \"offline\", a = 0.3, ties = \"share\""),
    ("base", "mode = \"online\""),
];

fn main() -> Result<(), Box<dyn Error>> {
    let mut arguments = std::env::args().skip(1);
    let file = PathBuf::from(arguments.next().ok_or("expected the path of digits-shadow-logits.npz")?);
    let file = fs::canonicalize(file)?;
    let mut counts = arguments.map(|n| n.parse()).collect::<Result<Vec<usize>, _>>()?;
    if counts.is_empty() {
        counts.push(16);
    }
    let mut registry = Registry::default();
    registry.add_adapters(paname_data::ADAPTERS, "paname-data")?;
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia")?;
    let folder = std::env::temp_dir().join(format!("paname-digits-{}", std::process::id()));
    for references in counts {
        let mut sums = vec![[0.0; 3]; ROWS.len()];
        for target in 0..TARGETS {
            let case = folder.join(format!("{references}-{target}"));
            fs::create_dir_all(&case)?;
            let path = write_case(&case, &file, target, references)?;
            let manifest = Manifest::read(&path)?;
            let options = RunOptions { run_dir: case.join("run"), workers: 2, worker: None, patience: None };
            let member: Vec<bool> =
                paname_data::read_array(&case, &format!("{}#member[{target}]", file.display()).parse()?)?
                    .to_bools()?;
            paname_engine::run(&manifest, &registry, &options, &())?;
            for (i, sum) in sums.iter_mut().enumerate() {
                let figures = figures(&scores(&options.run_dir, &format!("row-{i}"))?, &member)?;
                sum.iter_mut().zip(figures).for_each(|(sum, figure)| *sum += figure / TARGETS as f64);
            }
        }
        println!("{references} reference models: AUC, TPR at 1 % and at 0.1 %");
        for ((attack, parameters), [auc, one, tenth]) in ROWS.iter().zip(sums) {
            println!("{auc:.4} {one:.4} {tenth:.4}  {attack} {parameters}");
        }
    }
    fs::remove_dir_all(&folder)?;
    Ok(())
}

/// Writes records, population and manifest of one target; returns the manifest's path.
fn write_case(
    folder: &Path,
    file: &Path,
    target: usize,
    references: usize,
) -> Result<PathBuf, Box<dyn Error>> {
    let array = |name: &str| -> Result<Vec<i64>, Box<dyn Error>> {
        Ok(paname_data::read_array(folder, &format!("{}#{name}", file.display()).parse()?)?.to_i64()?)
    };
    let member = array(&format!("member[{target}]"))?;
    let mut records = String::from("id,label,member\n");
    for (i, (label, member)) in array("label")?.iter().zip(member).enumerate() {
        writeln!(records, "a{i},{label},{member}")?;
    }
    let mut population = String::from("id,label\n");
    for (i, label) in array("population_label")?.iter().enumerate() {
        writeln!(population, "p{i},{label}")?;
    }
    let used: Vec<usize> = (0..130).filter(|model| model / 2 != target / 2).take(references).collect();
    let file = file.display();
    let mut manifest = format!(
        r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
personal = []
[target]
adapter = "predictions"
logits = ['{file}#logits', '{file}#population_logits']
ids = ["row-number:a", "row-number:p"]
model = {target}
[references]
adapter = "predictions"
logits = ['{file}#logits', '{file}#population_logits']
ids = ["row-number:a", "row-number:p"]
member = ['{file}#member', "none"]
models = {used:?}
"#
    );
    for (i, (attack, parameters)) in ROWS.iter().enumerate() {
        write!(
            manifest,
            "[[test]]\nid = \"row-{i}\"\nattack = \"{attack}\"\nparameters = {{ {parameters} }}\n"
        )?;
    }
    fs::write(folder.join("records.csv"), records)?;
    fs::write(folder.join("population.csv"), population)?;
    let path = folder.join("audit.toml");
    fs::write(&path, manifest)?;
    Ok(path)
}

/// Scores of a finished attack, in the order of the records.
fn scores(run_dir: &Path, test: &str) -> Result<Vec<f64>, Box<dyn Error>> {
    let run: serde_json::Value = serde_json::from_slice(&fs::read(run_dir.join("run.json"))?)?;
    let key = run["keys"][format!("attack/{test}")].as_str().ok_or("the attack did not run")?;
    let folder = run_dir.join("store").join(key);
    Ok(paname_data::read_array(&folder, &"scores.npy".parse()?)?.to_f64()?)
}

fn figures(scores: &[f64], member: &[bool]) -> Result<[f64; 3], Box<dyn Error>> {
    let side =
        |of: bool| scores.iter().zip(member).filter(|(_, m)| **m == of).map(|(s, _)| *s).collect::<Vec<_>>();
    let roc = Roc::new(&side(true), &side(false))?;
    let mut figures = [roc.auc(), 0.0, 0.0];
    for (figure, level) in figures[1..].iter_mut().zip(LEVELS) {
        *figure = roc.tpr(&roc.tpr_at(level)?);
    }
    Ok(figures)
}
