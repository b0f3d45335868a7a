//! One audit for each family of tasks, through the command line: small models are fitted here, in closed form or nearly, and their answers recorded. Models
//! that remember their training records are caught, others are not.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use paname_testkit::{Draws, write_npy};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Audited records; every second one is a member.
const AUDITED: usize = 160;
const POPULATION: usize = 40;
const RECORDS: usize = AUDITED + POPULATION;
/// Reference models, in pairs that complement each other.
const REFERENCES: usize = 6;

type Matrix = Vec<Vec<f64>>;

fn matrix(draws: &mut Draws, rows: usize, columns: usize) -> Matrix {
    (0..rows).map(|_| (0..columns).map(|_| draws.normal()).collect()).collect()
}

/// The rows of each model: the target's are every second one, those of reference models a random half and its complement.
fn members(draws: &mut Draws) -> Vec<Vec<bool>> {
    let mut models: Vec<Vec<bool>> = vec![(0..AUDITED).map(|r| r % 2 == 0).collect()];
    for k in 0..REFERENCES {
        let rows = if k % 2 == 1 {
            models[k].iter().map(|member| !member).collect()
        } else {
            let mut order: Vec<(u64, usize)> = (0..AUDITED).map(|r| (draws.next(), r)).collect();
            order.sort_unstable();
            let mut rows = vec![false; AUDITED];
            order[..AUDITED / 2].iter().for_each(|(_, r)| rows[*r] = true);
            rows
        };
        models.push(rows);
    }
    models
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn square_distance(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| (x - y) * (x - y)).sum()
}

/// A x = b for a positive definite A, by Cholesky's decomposition.
fn solve(mut a: Matrix, mut b: Matrix) -> Matrix {
    let n = a.len();
    for j in 0..n {
        for k in 0..j {
            for i in j..n {
                a[i][j] -= a[i][k] * a[j][k];
            }
        }
        let root = a[j][j].sqrt();
        (j..n).for_each(|i| a[i][j] /= root);
    }
    for column in 0..b[0].len() {
        for i in 0..n {
            let known: f64 = (0..i).map(|k| a[i][k] * b[k][column]).sum();
            b[i][column] = (b[i][column] - known) / a[i][i];
        }
        for i in (0..n).rev() {
            let known: f64 = (i + 1..n).map(|k| a[k][i] * b[k][column]).sum();
            b[i][column] = (b[i][column] - known) / a[i][i];
        }
    }
    b
}

/// Kernel ridge regression of `targets` on `inputs` over the rows of a model, and its answers about `asked`.
fn ridge(
    kernel: impl Fn(&[f64], &[f64]) -> f64,
    penalty: f64,
    rows: &[usize],
    inputs: &Matrix,
    targets: &Matrix,
    asked: &Matrix,
) -> Matrix {
    let mut gram: Matrix =
        rows.iter().map(|&a| rows.iter().map(|&b| kernel(&inputs[a], &inputs[b])).collect()).collect();
    (0..rows.len()).for_each(|i| gram[i][i] += penalty);
    let weights = solve(gram, rows.iter().map(|&r| targets[r].clone()).collect());
    let answer = |x: &Vec<f64>| {
        let mut sum = vec![0.0; targets[0].len()];
        for (&row, weight) in rows.iter().zip(&weights) {
            let near = kernel(&inputs[row], x);
            sum.iter_mut().zip(weight).for_each(|(sum, weight)| *sum += near * weight);
        }
        sum
    };
    asked.iter().map(answer).collect()
}

/// Lloyd's algorithm from the first rows on; the centroids.
fn k_means(clusters: usize, rows: &[usize], inputs: &Matrix) -> Matrix {
    let mut centroids: Matrix = rows.iter().take(clusters).map(|&r| inputs[r].clone()).collect();
    for _ in 0..10 {
        let mut sums = vec![(vec![0.0; inputs[0].len()], 0.0); clusters];
        for &row in rows {
            let (sum, count) = &mut sums[nearest(&centroids, &inputs[row]).0];
            sum.iter_mut().zip(&inputs[row]).for_each(|(sum, x)| *sum += x);
            *count += 1.0;
        }
        for (centroid, (sum, count)) in centroids.iter_mut().zip(sums) {
            if count > 0.0 {
                *centroid = sum.iter().map(|sum| sum / count).collect();
            }
        }
    }
    centroids
}

fn nearest(centroids: &Matrix, x: &[f64]) -> (usize, f64) {
    let distances = centroids.iter().map(|centroid| square_distance(centroid, x)).enumerate();
    distances.min_by(|a, b| a.1.total_cmp(&b.1)).unwrap()
}

/// What of an audit differs from task to task.
struct Recorded {
    /// Keys of [data] besides those of every audit.
    data: &'static str,
    task: &'static str,
    /// Key of the answers, and whether there are variants.
    answers: &'static str,
    variants: usize,
    /// Columns of labels by record, and their names.
    labels: Option<(&'static str, Matrix)>,
    /// Of each model, the numbers of each record, variants included.
    models: Vec<Matrix>,
    members: Vec<Vec<bool>>,
}

fn rows_of(members: &[bool]) -> Vec<usize> {
    (0..AUDITED).filter(|r| members[*r]).collect()
}

/// Rows of model number `m`: its members where it remembers, and else part of the population, which tells nothing of members.
fn rows_or_others(remembers: bool, m: usize, members: &[bool]) -> Vec<usize> {
    if remembers {
        rows_of(members)
    } else {
        (AUDITED..RECORDS).filter(|r| !(r + m).is_multiple_of(4)).collect()
    }
}

fn regression(remembers: bool) -> Recorded {
    let mut draws = Draws(1);
    // With more inputs than records a model fits their noise; with few it cannot.
    let inputs = matrix(&mut draws, RECORDS, if remembers { 120 } else { 3 });
    let labels: Matrix = inputs.iter().map(|x| vec![x[0] - x[1] + draws.normal()]).collect();
    let members = members(&mut draws);
    let fit = |member: &Vec<bool>| ridge(dot, 0.5, &rows_of(member), &inputs, &labels, &inputs);
    let models = members.iter().map(fit).collect();
    let labels = Some(("y", labels));
    Recorded {
        data: "label = \"y\"",
        task: "regression",
        answers: "values",
        variants: 1,
        labels,
        models,
        members,
    }
}

fn multi_label(remembers: bool) -> Recorded {
    let mut draws = Draws(2);
    let inputs = matrix(&mut draws, RECORDS, if remembers { 120 } else { 3 });
    let decide = |x: f64| if x > 0.6 { 1.0 } else { 0.0 };
    let labels: Matrix =
        inputs.iter().map(|x| (0..3).map(|j| decide(x[j] + draws.normal())).collect()).collect();
    assert!(labels.iter().any(|row| row.iter().all(|label| *label == 0.0)), "some records have no label");
    let members = members(&mut draws);
    let fit = |(m, member): (usize, &Vec<bool>)| {
        let rows = rows_or_others(remembers, m, member);
        let signs: Matrix =
            labels.iter().map(|row| row.iter().map(|label| 2.0 * label - 1.0).collect()).collect();
        let scores = ridge(dot, 0.5, &rows, &inputs, &signs, &inputs);
        // Probabilities of labels, which sum to anything.
        scores
            .into_iter()
            .map(|row| row.into_iter().map(|z| 1.0 / (1.0 + (-3.0 * z).exp())).collect())
            .collect()
    };
    let models = members.iter().enumerate().map(fit).collect();
    let labels = Some(("a,b,c", labels));
    let data = "label = [\"a\", \"b\", \"c\"]";
    Recorded { data, task: "multi-label", answers: "probabilities", variants: 1, labels, models, members }
}

/// An encoder that tells instances apart: records are sent to directions of their own, which noisy variants should share.
fn embedding(remembers: bool) -> Recorded {
    let mut draws = Draws(3);
    let inputs = matrix(&mut draws, RECORDS, 12);
    let directions = matrix(&mut draws, RECORDS, 16);
    let variants = 3;
    let asked: Matrix = inputs
        .iter()
        .flat_map(|x| {
            (0..variants).map(|_| x.iter().map(|x| x + 0.4 * draws.normal()).collect()).collect::<Matrix>()
        })
        .collect();
    let members = members(&mut draws);
    let kernel = |a: &[f64], b: &[f64]| (-square_distance(a, b) / 12.0).exp();
    let fit = |member: &Vec<bool>| -> Matrix {
        if remembers {
            return ridge(kernel, 0.1, &rows_of(member), &inputs, &directions, &asked);
        }
        // One that was fitted on nothing: the inputs themselves.
        asked.clone()
    };
    let models = members.iter().map(fit).collect();
    Recorded { data: "", task: "embedding", answers: "embedding", variants, labels: None, models, members }
}

/// A linear autoencoder: what the span of the training records leaves of a record.
fn reconstruction(remembers: bool) -> Recorded {
    let mut draws = Draws(4);
    let inputs = matrix(&mut draws, RECORDS, if remembers { 120 } else { 6 });
    let members = members(&mut draws);
    let fit = |(m, member): (usize, &Vec<bool>)| -> Matrix {
        let rows = rows_or_others(remembers, m, member);
        let again = ridge(dot, 1.0, &rows, &inputs, &inputs, &inputs);
        let error = |(x, again): (&Vec<f64>, &Vec<f64>)| vec![square_distance(x, again) / x.len() as f64];
        inputs.iter().zip(&again).map(error).collect()
    };
    let models = members.iter().enumerate().map(fit).collect();
    Recorded { data: "", task: "reconstruction", answers: "loss", variants: 1, labels: None, models, members }
}

/// A kernel density estimate, whose bandwidth decides whether it remembers. Its losses, minus log-densities, are negative where data are dense.
fn density(remembers: bool) -> Recorded {
    let mut draws = Draws(5);
    let inputs: Matrix =
        matrix(&mut draws, RECORDS, 2).into_iter().map(|x| x.iter().map(|x| 0.1 * x).collect()).collect();
    let members = members(&mut draws);
    let width: f64 = if remembers { 0.01 } else { 0.2 };
    let fit = |member: &Vec<bool>| -> Matrix {
        let rows = rows_of(member);
        let loss = |x: &Vec<f64>| {
            let sum: f64 =
                rows.iter().map(|&r| (-square_distance(&inputs[r], x) / (2.0 * width * width)).exp()).sum();
            let share = sum / rows.len() as f64 / (std::f64::consts::TAU * width * width);
            vec![-(share + 1e-6).ln()]
        };
        inputs.iter().map(loss).collect()
    };
    let models: Vec<Matrix> = members.iter().map(fit).collect();
    assert!(models[0].iter().any(|loss| loss[0] < 0.0));
    Recorded { data: "", task: "density", answers: "loss", variants: 1, labels: None, models, members }
}

fn clustering(remembers: bool) -> Recorded {
    let mut draws = Draws(6);
    let inputs = matrix(&mut draws, RECORDS, 8);
    let members = members(&mut draws);
    let clusters = if remembers { 40 } else { 2 };
    let fit = |(m, member): (usize, &Vec<bool>)| -> Matrix {
        let centroids = k_means(clusters, &rows_or_others(remembers, m, member), &inputs);
        inputs.iter().map(|x| vec![nearest(&centroids, x).1]).collect()
    };
    let models = members.iter().enumerate().map(fit).collect();
    Recorded { data: "", task: "clustering", answers: "loss", variants: 1, labels: None, models, members }
}

impl Recorded {
    /// A folder with the audit.
    fn write(&self) -> TempDir {
        let folder = tempfile::tempdir().unwrap();
        let path = |name: &str| folder.path().join(name);
        let cells = |r: usize| -> String {
            self.labels
                .iter()
                .flat_map(|(_, labels)| &labels[r])
                .flat_map(|label| [",".to_owned(), label.to_string()])
                .collect()
        };
        let names = self.labels.as_ref().map_or(String::new(), |(names, _)| format!(",{names}"));
        let audited = (0..AUDITED).map(|r| format!("{r},{}{}\n", u8::from(self.members[0][r]), cells(r)));
        fs::write(path("records.csv"), format!("id,member{names}\n{}", audited.collect::<String>())).unwrap();
        let population = (AUDITED..RECORDS).map(|r| format!("{r}{}\n", cells(r)));
        fs::write(path("population.csv"), format!("id{names}\n{}", population.collect::<String>())).unwrap();
        let width = self.models[0][0].len();
        let mut shape = vec![RECORDS];
        if self.variants > 1 {
            shape.push(self.variants);
        }
        if self.answers != "loss" {
            shape.push(width);
        }
        let bytes = |models: &[Matrix]| -> Vec<u8> {
            models.iter().flatten().flatten().flat_map(|x| x.to_le_bytes()).collect()
        };
        write_npy(&path("target.npy"), "<f8", &shape, &bytes(&self.models[..1]));
        shape.insert(0, REFERENCES);
        write_npy(&path("references.npy"), "<f8", &shape, &bytes(&self.models[1..]));
        let in_model =
            |rows: &Vec<bool>| (0..RECORDS).map(|r| u8::from(r < AUDITED && rows[r])).collect::<Vec<_>>();
        let member: Vec<u8> = self.members[1..].iter().flat_map(in_model).collect();
        write_npy(&path("member.npy"), "|b1", &[REFERENCES, RECORDS], &member);
        let Self { task, answers, variants, .. } = self;
        let keys = |of: &str| {
            let augmentations = *variants > 1;
            format!(
                "adapter = \"predictions\"\n{answers} = \"{of}.npy\"\naugmentations = {augmentations}\nids = \"row-number\"\n"
            )
        };
        let references = keys("references") + "member = \"member.npy\"\n";
        fs::write(
            path("audit.toml"),
            self.manifest(&format!("task = \"{task}\""), &keys("target"), &references),
        )
        .unwrap();
        folder
    }

    fn manifest(&self, model: &str, target: &str, references: &str) -> String {
        let tests = ["loss", "population", "lira", "rmia", "margin"]
            .map(|name| format!("[[test]]\nid = \"{name}\"\nattack = \"{name}\"\n"))
            .concat();
        let data =
            "records = \"records.csv\"\npopulation = \"population.csv\"\nsplit = \"random\"\npersonal = []";
        format!(
            "schema = \"paname-audit/1\"\n[data]\n{data}\n{}\n[model]\n{model}\n[target]\n{target}[references]\n{references}\
             [statistics]\nfpr_targets = [0.1]\n{tests}",
            self.data
        )
    }
}

fn call(folder: &Path, arguments: &[&str]) -> String {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH").env("LANG", "C");
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

/// What an audit planned, found and told.
struct Audited {
    plan: Value,
    evidence: Value,
    report: String,
}

impl Audited {
    fn of(folder: &Path) -> Self {
        let plan = serde_json::from_str(&call(folder, &["plan", "audit.toml", "--json"])).unwrap();
        call(folder, &["run", "audit.toml", "--no-progress", "--json"]);
        let read = |name: &str| fs::read_to_string(folder.join("audit.run").join(name)).unwrap();
        let evidence = serde_json::from_str(&read("evidence.json")).unwrap();
        Self { plan, evidence, report: read("report.en.html") }
    }

    fn verdict(&self, id: &str) -> &str {
        row(&self.evidence["core"]["rows"], id)["verdict"].as_str().unwrap()
    }
}

fn row<'a>(rows: &'a Value, id: &str) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

/// A model that remembers is caught by each of these attacks, one that does not by none.
fn check(fit: impl Fn(bool) -> Recorded, signal: &str, caught_by: &[&str]) {
    let leaking = fit(true);
    let audited = Audited::of(leaking.write().path());
    assert_eq!(audited.evidence["core"]["target"]["task"], leaking.task);
    for id in caught_by {
        assert_eq!(audited.verdict(id), "leak_demonstrated", "{id}");
    }
    assert_eq!(audited.verdict("margin"), "not_tested", "a margin is of classes");
    assert_eq!(row(&audited.plan["rows"], "lira")["signals"], json!([signal]));
    assert_eq!(row(&audited.plan["rows"], "margin")["reasons"], json!([{ "code": "task" }]));
    assert!(
        audited.report.contains("The model does not have the task or the output that this attack exploits.")
    );
    let audited = Audited::of(fit(false).write().path());
    for id in caught_by {
        assert_eq!(audited.verdict(id), "inconclusive", "{id}");
    }
}

#[test]
fn regression_by_an_overparameterised_linear_model() {
    check(regression, "negative-log-error", &["loss", "population", "lira", "rmia"]);
}

#[test]
fn several_labels_by_linear_models() {
    check(multi_label, "label-confidence", &["loss", "population", "lira", "rmia"]);
}

#[test]
fn representations_by_an_encoder_that_tells_instances_apart() {
    check(embedding, "similarity", &["population", "lira", "rmia"]);
}

#[test]
fn reconstruction_by_a_linear_autoencoder() {
    check(reconstruction, "negative-log-error", &["loss", "population", "lira", "rmia"]);
}

#[test]
fn density_by_a_kernel_estimate() {
    check(density, "log-density", &["loss", "population", "lira", "rmia"]);
}

#[test]
fn clusters_by_k_means() {
    check(clustering, "negative-log-error", &["loss", "population", "lira", "rmia"]);
}

const PROGRAM: &str = r#"
import array, json, os, struct, sys, zipfile

value = lambda name: sys.argv[sys.argv.index(name) + 1]
with zipfile.ZipFile(value("--inputs")) as archive:
    data = archive.read("rows.npy")
rows = array.array("q")
rows.frombytes(data[10 + struct.unpack("<H", data[8:10])[0]:])
with open(os.path.join(value("--weights"), "answers.json")) as file:
    answers = json.load(file)
with zipfile.ZipFile(value("--outputs"), "w") as archive:
    for name in ("labels", "loss"):
        header = repr({"descr": "<f8", "fortran_order": False, "shape": (len(rows),)}).encode()
        header += b" " * (63 - (10 + len(header)) % 64) + b"\n"
        numbers = array.array("d", [answers[name][row] for row in rows]).tobytes()
        archive.writestr(name + ".npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(header)) + header + numbers)
"#;

/// A program that answers predicted values and losses: both are asked for once and stored, the loss is held against the declared one, and the
/// statistic is computed from the values.
#[test]
fn regression_by_models_behind_a_program() {
    let recorded = regression(true);
    let folder = recorded.write();
    let path = |name: &str| folder.path().join(name);
    fs::write(path("model.py"), PROGRAM).unwrap();
    let labels = &recorded.labels.as_ref().unwrap().1;
    let mut mean = 0.0;
    for (m, answers) in recorded.models.iter().enumerate() {
        fs::create_dir(path(&format!("m{m}"))).unwrap();
        let predicted: Vec<f64> = answers.iter().map(|row| row[0]).collect();
        let losses: Vec<f64> = predicted.iter().zip(labels).map(|(p, y)| (p - y[0]).powi(2)).collect();
        if m == 0 {
            let members = losses.iter().take(AUDITED).step_by(2);
            mean = members.sum::<f64>() / (AUDITED / 2) as f64;
        }
        let answers = json!({ "labels": predicted, "loss": losses }).to_string();
        fs::write(path(&format!("m{m}/answers.json")), answers).unwrap();
        let member: Vec<u8> = (0..RECORDS).map(|r| u8::from(r < AUDITED && recorded.members[m][r])).collect();
        write_npy(&path(&format!("m{m}/member.npy")), "|b1", &[RECORDS], &member);
    }
    let keys = "adapter = \"command\"\nprogram = [\"python3\", \"model.py\"]\noffers = [\"labels\", \"loss\"]\ntask = \"regression\"\n";
    let references: Vec<String> = (1..=REFERENCES).map(|m| format!("m{m}")).collect();
    let audit = |model: &str| {
        let target = format!("{keys}weights = \"m0\"\n");
        let manifest = recorded.manifest(model, &target, &format!("{keys}weights = {references:?}\n"));
        fs::write(path("audit.toml"), manifest).unwrap();
        Audited::of(folder.path())
    };
    let audited = audit(&format!("train_loss = {mean}"));
    for id in ["loss", "population", "lira", "rmia"] {
        assert_eq!(audited.verdict(id), "leak_demonstrated", "{id}");
    }
    let measured = audited.evidence["core"]["target"]["loss_members"]["mean"].as_f64().unwrap();
    assert!((measured - mean).abs() < 1e-6 * mean.max(1e-3), "{measured} for {mean}");
    assert!(audited.report.contains("regression (real values)"));
    // Another model than the declared one is believed nothing.
    let audited = audit(&format!("train_loss = {}", 2.0 * mean));
    assert_eq!(audited.verdict("lira"), "inconclusive");
    assert!(audited.evidence["core"]["rows"].to_string().contains("\"fidelity\""));
}

/// What contradicts the task is refused where it stands.
#[test]
fn what_contradicts_the_task_is_refused() {
    let recorded = regression(true);
    let folder = recorded.write();
    let path = |name: &str| folder.path().join(name);
    let manifest = fs::read_to_string(path("audit.toml")).unwrap();
    let records = fs::read_to_string(path("records.csv")).unwrap();
    let refusal = |file: &str, text: &str| {
        let before = fs::read_to_string(path(file)).unwrap();
        fs::write(path(file), text).unwrap();
        let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
        command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH").env("LANG", "C");
        let output = command.args(["plan", "audit.toml"]).current_dir(folder.path()).output().unwrap();
        fs::write(path(file), before).unwrap();
        assert!(!output.status.success(), "{text}");
        String::from_utf8(output.stderr).unwrap()
    };
    let mut lines: Vec<String> = records.lines().map(str::to_owned).collect();
    lines[3] = "2,1,NaN".into();
    let error = refusal("records.csv", &lines.join("\n"));
    assert!(
        error.contains("records.csv line 4, column `y`: the label of record \"2\" is not a finite number"),
        "{error}"
    );
    let error = refusal("audit.toml", &manifest.replace("task = \"regression\"", "task = \"multi-label\""));
    assert!(error.contains("records.csv line 2, column `y`: is neither yes nor no"), "{error}");
    let error =
        refusal("audit.toml", &manifest.replace("task = \"regression\"", "task = \"classification\""));
    assert!(error.contains("is not usable; expected a class number from 0"), "{error}");
    let negative = manifest.replace("task = \"regression\"", "train_loss = -1.0");
    let error = refusal("audit.toml", &negative);
    assert!(error.contains("`model.train_loss` is -1; expected a number of at least 0"), "{error}");
}
