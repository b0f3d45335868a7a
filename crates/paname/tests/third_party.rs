//! Plugins of others, built by Cargo as an outsider builds them: those that are fine take part in audits, those that are broken harm nobody.
//!
//! The first run compiles the workspace in `plugins/third-party` into `target/third-party`: a minute.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{LazyLock, Mutex};
use std::time::{Duration, Instant};

use serde_json::Value;
use tempfile::TempDir;

const REPOSITORY: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../..");

/// Plugin folders, made once: of the example attack and adapter, and of the broken plugin in every form that a host must refuse or survive.
struct Plugins {
    folder: TempDir,
}

static PLUGINS: LazyLock<Plugins> = LazyLock::new(Plugins::build);

/// The configuration folder is shared by all tests: one writes at a time.
static TRUSTING: Mutex<()> = Mutex::new(());

fn cargo(arguments: &[&str]) {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command
        .args(arguments)
        .current_dir(Path::new(REPOSITORY).join("plugins/third-party"))
        .env("CARGO_TARGET_DIR", built())
        .stdin(Stdio::null());
    let output = command.output().unwrap();
    // Where PANAME's own dependencies have changed, `cargo check` there brings the lock file up to date.
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

fn built() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("../third-party")
}

impl Plugins {
    fn build() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let out = |name: &str| folder.path().join(name);
        let pack = |library: &str, name: &str, out: &Path| {
            let library = built().join("debug").join(library);
            paname_plugin::pack_library(
                &library,
                name,
                "0.1.0",
                "MIT",
                paname_plugin::Requires::default(),
                out,
            )
            .unwrap()
        };
        cargo(&["build", "--locked", "--workspace"]);
        pack("libexample_attack.so", "example-attack", &out("good"));
        pack("libexample_adapter.so", "example-adapter", &out("good"));
        pack("libbroken.so", "broken", &out("broken"));
        for form in ["other-abi", "other-layout"] {
            cargo(&["build", "--locked", "--package", "broken", "--features", form]);
            pack("libbroken.so", "broken", &out(form));
        }
        cargo(&["rustc", "--locked", "--package", "broken", "--lib", "--", "-C", "panic=abort"]);
        pack("libbroken.so", "broken", &out("panic-abort"));
        let plugins = Self { folder };
        for name in ["good/example-attack", "good/example-adapter", "broken/broken"] {
            let path = plugins.folder.path().join(name);
            let told = plugins.call(&["plugin", "trust", path.to_str().unwrap()]);
            assert_eq!(told.code, 0, "{}", told.stderr);
        }
        plugins
    }

    fn at(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn call(&self, arguments: &[&str]) -> Told {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
        command
            .args(arguments)
            .env("PANAME_CONFIG", self.folder.path().join("config"))
            .env("PANAME_CACHE", self.folder.path().join("cache"))
            .env("XDG_DATA_HOME", "/nowhere")
            .env_remove("PANAME_PLUGIN_PATH")
            .env("LANG", "C")
            .env_remove("LC_ALL")
            .stdin(Stdio::null());
        let output = command.output().unwrap();
        Told {
            code: output.status.code().unwrap(),
            stdout: String::from_utf8(output.stdout).unwrap(),
            stderr: String::from_utf8(output.stderr).unwrap().replace(&self.at(""), "PLUGINS/"),
        }
    }
}

struct Told {
    code: i32,
    stdout: String,
    stderr: String,
}

const HEAD: &str = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
personal = []
split = "random"
[target]
adapter = "predictions"
logits = "target.npz#logits"
ids = "target.npz#ids"
[references]
adapter = "predictions"
logits = "references.npz#logits"
ids = "references.npz#ids"
member = "references.npz#member"
[statistics]
fpr_targets = [0.01]
"#;

/// The digits in a folder of their own.
fn digits() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for file in ["records.csv", "population.csv", "target.npz", "references.npz"] {
        fs::copy(Path::new(REPOSITORY).join("examples/digits").join(file), folder.path().join(file)).unwrap();
    }
    folder
}

/// The programs of this name that the plugins of this test have started and that still run: they have its environment.
fn running(name: &str) -> Vec<String> {
    let ours = format!("PANAME_CONFIG={}", PLUGINS.at("config"));
    let is_one = |process: &Path| {
        let read = |file: &str| fs::read(process.join(file)).unwrap_or_default();
        let started = read("cmdline").split(|&byte| byte == 0).next() == Some(name.as_bytes());
        started && read("environ").split(|&byte| byte == 0).any(|variable| variable == ours.as_bytes())
    };
    let processes = fs::read_dir("/proc").unwrap().map(|entry| entry.unwrap().path());
    processes.filter(|process| is_one(process)).map(|process| process.display().to_string()).collect()
}

fn evidence(folder: &Path) -> Value {
    serde_json::from_slice(&fs::read(folder.join("audit.run/evidence.json")).unwrap()).unwrap()
}

#[test]
fn the_scaffold_is_the_example() {
    let folder = tempfile::tempdir().unwrap();
    let fresh = folder.path().join("fresh");
    let told = PLUGINS.call(&["plugin", "new", "example-attack", "--path", fresh.to_str().unwrap()]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    // The example takes its dependencies from its workspace; all else is what the command writes.
    for file in ["src/lib.rs", "tests/laws.rs", "README.md"] {
        let example = Path::new(REPOSITORY).join("plugins/third-party/attack").join(file);
        assert_eq!(
            fs::read_to_string(fresh.join(file)).unwrap(),
            fs::read_to_string(example).unwrap(),
            "{file}"
        );
    }
    let example = Path::new(REPOSITORY).join("plugins/third-party/attack");
    assert_eq!(package(&fresh), package(&example), "Cargo.toml");
}

/// What Cargo reads of the package `example-attack`, wherever it says so.
fn package(folder: &Path) -> Value {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(["metadata", "--no-deps", "--offline", "--format-version", "1"]).current_dir(folder);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let metadata: Value = serde_json::from_slice(&output.stdout).unwrap();
    let mut packages = metadata["packages"].as_array().unwrap().iter();
    let package = packages.find(|package| package["name"] == "example-attack").unwrap();
    let targets = package["targets"].as_array().unwrap().iter();
    let targets: Vec<_> = targets.map(|target| (&target["name"], &target["crate_types"])).collect();
    let described = ["version", "edition", "license", "description"].map(|key| &package[key]);
    let mut dependencies = package["dependencies"].clone();
    for dependency in dependencies.as_array_mut().unwrap() {
        // A source tree may be named in more than one way.
        if let Some(path) = dependency["path"].as_str() {
            dependency["path"] = fs::canonicalize(path).unwrap().to_str().unwrap().into();
        }
    }
    serde_json::json!([described, targets, dependencies])
}

#[test]
fn the_outsiders_own_tests_pass_linked_and_loaded() {
    // After the plugins were made, since both write the same files.
    LazyLock::force(&PLUGINS);
    cargo(&["test", "--locked", "--workspace"]);
}

#[test]
fn a_crate_is_packed_and_what_it_brings_is_shown() {
    let folder = tempfile::tempdir().unwrap();
    let out = folder.path().join("out");
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    command.args(["plugin", "pack", "--json", "--out"]).arg(&out);
    command.arg(Path::new(REPOSITORY).join("plugins/third-party/attack"));
    command.env("CARGO_TARGET_DIR", built()).env("PANAME_CONFIG", folder.path().join("config"));
    let packed = command.output().unwrap();
    assert!(packed.status.success(), "{}", String::from_utf8_lossy(&packed.stderr));
    let packed: Value = serde_json::from_slice(&packed.stdout).unwrap();
    let plugin = out.join("example-attack");
    assert_eq!(packed["folder"], plugin.to_str().unwrap());
    // An optimised plugin in a program that is not: the interface is the same.
    let config = folder.path().join("config");
    let call = |arguments: &[&str]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
        command.args(arguments).arg(&plugin).env("PANAME_CONFIG", &config).env("XDG_DATA_HOME", "/nowhere");
        command.env("PANAME_CACHE", folder.path().join("cache")).output().unwrap()
    };
    assert!(call(&["plugin", "trust"]).status.success());
    let info: Value = serde_json::from_slice(&call(&["plugin", "info", "--json"]).stdout).unwrap();
    assert_eq!(info["attacks"], serde_json::json!(["example-attack"]));
}

#[test]
fn a_plugin_that_peeks_finds_no_truth() {
    let folder = digits();
    let mut text = HEAD.to_owned();
    let deeds = ["peek at numbers", "peek at places", "peek at rows"];
    for (i, deed) in deeds.iter().enumerate() {
        writeln!(
            text,
            "[[test]]\nid = \"peek-{i}\"\nattack = \"broken\"\nparameters = {{ deed = \"{deed}\" }}"
        )
        .unwrap();
    }
    let manifest = folder.path().join("audit.toml");
    fs::write(&manifest, text).unwrap();
    let told = PLUGINS.call(&[
        "--plugins",
        &PLUGINS.at("broken"),
        "run",
        manifest.to_str().unwrap(),
        "--no-progress",
    ]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let evidence = evidence(folder.path());
    for (row, deed) in evidence["core"]["rows"].as_array().unwrap().iter().zip(deeds) {
        assert_eq!(row["verdict"], "inconclusive", "{deed}");
        let auc = row["membership"]["auc"]["auc"].as_f64().unwrap();
        // Four standard errors of an AUC over 700 members and 700 others.
        assert!((auc - 0.5).abs() < 0.062, "{deed}: {auc}");
    }
}

#[test]
fn an_attack_of_others_stands_in_the_evidence() {
    let folder = digits();
    let tests = "[[test]]\nid = \"loss\"\nattack = \"loss\"\n[[test]]\nid = \"example\"\nattack = \"example-attack\"\nparameters = { weight = 0.75 }\n";
    let manifest = folder.path().join("audit.toml");
    fs::write(&manifest, HEAD.to_owned() + tests).unwrap();
    let (plugins, manifest) = (PLUGINS.at("good"), manifest.to_str().unwrap().to_owned());
    let told = PLUGINS.call(&["--plugins", &plugins, "plan", &manifest, "--json"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let told = PLUGINS.call(&["--plugins", &plugins, "run", &manifest, "--no-progress"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let evidence = evidence(folder.path());
    let plugin = &evidence["core"]["plugins"];
    assert_eq!(plugin.as_array().unwrap().len(), 1, "only plugins that took part: {plugin}");
    let library = folder.path().join("copy");
    fs::copy(Path::new(&plugins).join("example-attack/libexample_attack.so"), &library).unwrap();
    assert_eq!(plugin[0]["name"], "example-attack");
    assert_eq!(plugin[0]["version"], "0.1.0");
    assert_eq!(plugin[0]["sha256"], paname_evidence::sha256_hex(&fs::read(library).unwrap()));
    let row = &evidence["core"]["rows"][1];
    assert_eq!(row["attack"]["origin"], "plugin example-attack 0.1.0");
    assert_eq!(row["attack"]["parameters"]["weight"], 0.75);
    assert_eq!(row["verdict"], "leak_demonstrated");
    let report = fs::read_to_string(folder.path().join("audit.run/report.en.html")).unwrap();
    assert!(
        report.contains("example-attack 0.1.0") && report.contains(plugin[0]["sha256"].as_str().unwrap())
    );
    let journal = fs::read_to_string(folder.path().join("audit.run/journal.jsonl")).unwrap();
    assert!(journal.contains(r#""op":"plugin","detail":{"name":"example-attack""#), "{journal}");
    // Another build of the plugin is another key; the same one finishes nothing twice.
    let again = PLUGINS.call(&["--plugins", &plugins, "run", &manifest, "--no-progress", "--json"]);
    let again: Value = serde_json::from_str(&again.stdout).unwrap();
    assert_eq!(again["steps_run"], 0);
    // Without the plugin the manifest names nothing, and says what there is.
    let told = PLUGINS.call(&["run", &manifest, "--no-progress"]);
    assert_eq!(told.code, 3);
    assert!(told.stderr.contains("no attack is named `example-attack`"), "{}", told.stderr);
    let bad = fs::read_to_string(&manifest).unwrap().replace("0.75", "7.5");
    fs::write(&manifest, bad).unwrap();
    let told = PLUGINS.call(&["--plugins", &plugins, "run", &manifest, "--no-progress"]);
    assert_eq!(told.code, 3);
    assert!(told.stderr.contains("`weight` is 7.5; expected a number from 0 to 1"), "{}", told.stderr);
}

#[test]
fn a_model_of_others_is_audited() {
    let folder = tempfile::tempdir().unwrap();
    let mut records = "id,label,member\n".to_owned();
    let mut features = "id,x1,x2\n".to_owned();
    for i in 0..120_u32 {
        // Scattered, yet the same each time.
        let x = f64::from(i * 7919 % 997) / 500.0 - 1.0;
        let y = f64::from(i * 104_729 % 991) / 500.0 - 1.0;
        writeln!(records, "r{i},{},{}", u8::from(x > y), i % 2).unwrap();
        writeln!(features, "r{i},{x},{y}").unwrap();
    }
    fs::write(folder.path().join("records.csv"), records).unwrap();
    fs::write(folder.path().join("features.csv"), features).unwrap();
    fs::write(folder.path().join("model.json"), r#"{"weights": [[-1, 1], [1, -1]], "bias": [0, 0]}"#)
        .unwrap();
    let manifest = folder.path().join("audit.toml");
    let text = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
personal = []
split = "random"
[target]
adapter = "linear"
model = "model.json"
features = "features.csv"
[[test]]
id = "loss"
attack = "loss"
"#;
    fs::write(&manifest, text).unwrap();
    let (plugins, path) = (PLUGINS.at("good"), manifest.to_str().unwrap().to_owned());
    let told = PLUGINS.call(&["--plugins", &plugins, "run", &path, "--no-progress"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let evidence = evidence(folder.path());
    assert_eq!(evidence["core"]["plugins"][0]["name"], "example-adapter");
    assert_eq!(evidence["core"]["target"]["adapter"], "linear");
    let auc = evidence["core"]["rows"][0]["membership"]["auc"]["auc"].as_f64().unwrap();
    assert!((0.35..0.65).contains(&auc), "nothing was learned: {auc}");
    let files = evidence["core"]["data"]["files"].to_string();
    assert!(files.contains("model.json") && files.contains("features.csv"), "{files}");
    let unknown = text.replace("model = \"model.json\"", "modell = \"model.json\"");
    fs::write(&manifest, unknown).unwrap();
    let told = PLUGINS.call(&["--plugins", &plugins, "run", &path, "--no-progress"]);
    assert!(told.stderr.contains("audit.toml:8:1: unknown key `modell` in [target]"), "{}", told.stderr);
}

#[test]
fn builds_that_a_host_must_not_use_are_refused_with_one_line() {
    for (form, message) in [
        ("other-abi", "expected one built for plugin interface 0.7.0, got one built for 0.99.0"),
        (
            "other-layout",
            "expected plugin interface 0.7.0, got other layouts of its types under the same number 0.7.0; build it against this program's sources",
        ),
        (
            "panic-abort",
            "expected one built with `panic = \"unwind\"`, so that a panic in it can be caught, got `panic = \"abort\"`",
        ),
    ] {
        let one_at_a_time = TRUSTING.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let folder = PLUGINS.at(form);
        let library = PLUGINS.folder.path().join(form).join("broken");
        // Each form has a list of its own, since trust in one build of a name replaces that in another.
        let config = PLUGINS.folder.path().join(format!("config-{form}"));
        let call = |arguments: &[&str]| {
            let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
            command.args(arguments).env("PANAME_CONFIG", &config).env("LANG", "C").env_remove("LC_ALL");
            command.env("PANAME_CACHE", PLUGINS.folder.path().join("cache")).env("XDG_DATA_HOME", "/nowhere");
            command.output().unwrap()
        };
        assert!(call(&["plugin", "trust", library.to_str().unwrap()]).status.success());
        let output = call(&["--plugins", &folder, "attacks"]);
        drop(one_at_a_time);
        assert_eq!(output.status.code(), Some(9), "{form}");
        let stderr = String::from_utf8(output.stderr).unwrap();
        assert_eq!(stderr, format!("error: plugin `broken` ({}): {message}\n", library.display()));
    }
}

#[test]
fn broken_attacks_fail_alone_and_the_audit_goes_on() {
    let folder = digits();
    let deeds = [
        ("panic", "the attack has a bug ("),
        ("panic in a thread", "its thread has a bug ("),
        ("panic in a chunk", "record 5 has a bug ("),
        ("crash", "its worker ended with signal: 6"),
        ("exit", "its worker ended with exit status: 0"),
        ("overflow", "its worker ended with signal: 6"),
        ("forged end", "its worker ended with exit status: 0"),
        ("child", "its worker ended with signal: 6"),
        ("bytes, then silence", "its worker gave no sign of life for 5 s and was ended"),
        ("silence", "its worker gave no sign of life for 5 s and was ended"),
        ("NaN", "membership score of record 0: expected a number, got NaN"),
        ("too few", "membership scores: expected 1400, got shape [1399]"),
        ("too many", "membership scores: expected 1400, got shape [14001]"),
        ("another kind", "findings: expected membership scores, got findings of another kind"),
        ("a hostile message", " [31mred new line [31mred"),
        ("an unread signal", "signal"),
    ];
    let mut text = HEAD.to_owned();
    for (i, (deed, _)) in deeds.iter().enumerate() {
        writeln!(
            text,
            "[[test]]\nid = \"broken-{i}\"\nattack = \"broken\"\nparameters = {{ deed = \"{deed}\" }}"
        )
        .unwrap();
    }
    text += "[[test]]\nid = \"fine\"\nattack = \"loss\"\n[[test]]\nid = \"lawful\"\nattack = \"broken\"\n";
    let manifest = folder.path().join("audit.toml");
    fs::write(&manifest, text).unwrap();
    let started = Instant::now();
    let plugins = PLUGINS.at("broken");
    let told = PLUGINS.call(&[
        "--plugins",
        &plugins,
        "run",
        manifest.to_str().unwrap(),
        "--no-progress",
        "--patience",
        "5",
    ]);
    assert!(started.elapsed() < Duration::from_mins(4), "a silent plugin is not waited for");
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(running("sleep"), Vec::<String>::new(), "what a crashed plugin had started ended with it");
    assert!(
        !told.stderr.contains("stack backtrace") && !told.stderr.contains("panicked at"),
        "{}",
        told.stderr
    );
    assert!(!told.stderr.contains('\u{1b}'), "nothing of a plugin moves the cursor");
    let evidence = evidence(folder.path());
    let journal = fs::read_to_string(folder.path().join("audit.run/journal.jsonl")).unwrap();
    let journal: Vec<Value> = journal.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    for (i, (deed, words)) in deeds.iter().enumerate() {
        let row = &evidence["core"]["rows"][i];
        assert_eq!(row["verdict"], "not_tested", "{deed}");
        let said = row["reasons"].to_string();
        assert!(said.contains(&words.replace('"', "\\\"")), "{deed}: {said}");
        let step = format!("attack/broken-{i}");
        let noted =
            journal.iter().find(|entry| entry["op"] == "failed" && entry["detail"]["step"] == step.as_str());
        let noted = noted.unwrap_or_else(|| panic!("{deed}: the journal says nothing"));
        let message = noted["detail"]["message"].as_str().unwrap();
        assert!(message.contains(words) && !message.contains('\n'), "{deed}: {message}");
    }
    for row in &evidence["core"]["rows"].as_array().unwrap()[deeds.len()..deeds.len() + 2] {
        assert_eq!(row["verdict"], "leak_demonstrated", "{row}");
    }
    let first = &evidence["core"]["rows"][deeds.len()]["membership"]["auc"]["auc"];
    let second = &evidence["core"]["rows"][deeds.len() + 1]["membership"]["auc"]["auc"];
    assert_eq!(first, second, "the same scores, linked and loaded");
}

#[test]
fn a_panic_while_an_attack_is_made_points_at_its_test() {
    let folder = digits();
    let manifest = folder.path().join("audit.toml");
    let test = "[[test]]\nid = \"x\"\nattack = \"broken\"\nparameters = { deed = \"panic in new\" }\n";
    fs::write(&manifest, HEAD.to_owned() + test).unwrap();
    let told = PLUGINS.call(&["--plugins", &PLUGINS.at("broken"), "run", manifest.to_str().unwrap()]);
    assert_eq!(told.code, 3, "{}", told.stderr);
    let first = told.stderr.lines().next().unwrap();
    assert!(
        first.contains("test `x`: attack `broken`: panic: the attack cannot be made (")
            && first.contains("lib.rs:"),
        "{first}"
    );
}

#[test]
fn broken_models_are_named_and_nothing_is_made_of_their_answers() {
    let target =
        "[target]\nadapter = \"predictions\"\nlogits = \"target.npz#logits\"\nids = \"target.npz#ids\"\n";
    for (deed, words) in [
        ("panic in open", "panic: the model cannot be opened ("),
        ("panic", "panic: the model has a bug ("),
        ("crash", "its worker ended with signal: 6"),
        ("too few rows", "answered logits: expected one row for each of"),
        ("a vector", "expected the shape [records, classes] with at least 2 classes, got [1797]"),
        ("no classes", "classes"),
        ("NaN", "NaN"),
        ("nothing", "logits"),
        ("three classes", "class"),
    ] {
        let folder = digits();
        let broken = format!("[target]\nadapter = \"broken-model\"\ndeed = \"{deed}\"\n");
        let references = HEAD.split_once("[references]").unwrap().1.split_once("[statistics]").unwrap().0;
        let text = HEAD.replace(target, &broken).replace(&format!("[references]{references}"), "");
        let manifest = folder.path().join("audit.toml");
        fs::write(&manifest, text + "[[test]]\nid = \"loss\"\nattack = \"loss\"\n").unwrap();
        let told = PLUGINS.call(&[
            "--plugins",
            &PLUGINS.at("broken"),
            "run",
            manifest.to_str().unwrap(),
            "--no-progress",
        ]);
        assert!(!told.stderr.contains("panicked at"), "{deed}: {}", told.stderr);
        let said = if told.code == 0 {
            let evidence = evidence(folder.path());
            assert_eq!(evidence["core"]["rows"][0]["verdict"], "not_tested", "{deed}");
            evidence["core"]["rows"][0]["reasons"].to_string()
        } else {
            told.stderr.clone()
        };
        println!("{deed}: {} {said}", told.code);
        assert!(said.contains(words), "{deed}: {said}");
    }
}

#[test]
fn reference_models_with_too_few_rows_are_refused() {
    let folder = digits();
    let own = HEAD.split_once("[references]").unwrap().1.split_once("[statistics]").unwrap().0;
    let text = HEAD.replace(own, "\nadapter = \"broken-model\"\ndeed = \"\"\n");
    let manifest = folder.path().join("audit.toml");
    fs::write(&manifest, text + "[[test]]\nid = \"loss\"\nattack = \"loss\"\n").unwrap();
    let told = PLUGINS.call(&["--plugins", &PLUGINS.at("broken"), "run", manifest.to_str().unwrap()]);
    assert_ne!(told.code, 0);
    assert!(
        told.stderr.contains("rows of reference model 0: expected 1797, got shape [1796]"),
        "{}",
        told.stderr
    );
}
