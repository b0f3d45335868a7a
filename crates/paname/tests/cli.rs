//! The program as its users meet it: help, exit codes, output for programs, both languages.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// The program in an environment without a locale, so that it speaks English.
fn paname(arguments: &[&str], folder: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    // The plugins of whoever runs the tests are not asked.
    command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH");
    command.env_remove("LIBTORCH").env_remove("LIBTORCH_USE_PYTORCH");
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for variable in ["LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"] {
        command.env_remove(variable);
    }
    command
}

struct Told {
    code: i32,
    stdout: String,
    stderr: String,
}

impl Told {
    fn json(&self) -> Value {
        serde_json::from_str(&self.stdout).unwrap_or_else(|error| panic!("{error}: {}", self.stdout))
    }
}

fn call_in(folder: &Path, arguments: &[&str]) -> Told {
    told(paname(arguments, folder).output().unwrap())
}

fn call(arguments: &[&str]) -> Told {
    call_in(&std::env::temp_dir(), arguments)
}

fn told(output: Output) -> Told {
    Told {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

const MANIFEST: &str = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
personal = []
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
[[test]]
id = "mia-loss"
attack = "loss"
"#;

/// A folder with the data of the digits example and this manifest.
fn audit(manifest: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let example = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits");
    for name in ["records.csv", "population.csv", "target.npz", "references.npz"] {
        std::fs::copy(example.join(name), folder.path().join(name)).unwrap();
    }
    std::fs::write(folder.path().join("audit.toml"), manifest).unwrap();
    folder
}

/// Scores that tell members apart: 400 on each side.
fn scores() -> String {
    let rows = (0..800).map(|i| {
        let member = i % 2;
        // A fixed spread over 0 to 100, with 40 more for members.
        format!(
            "r{i},{},{member}
",
            (i * 37) % 101 + 40 * member
        )
    });
    format!(
        "id,score,member
{}",
        rows.collect::<String>()
    )
}

#[test]
fn help_is_the_same_in_both_languages_but_for_the_words() {
    for language in ["en", "fr"] {
        let mut all = Vec::new();
        let commands = [
            "",
            "run",
            "score",
            "plan",
            "signs",
            "canaries",
            "combine",
            "attacks",
            "adapters",
            "init",
            "doctor",
            "verify",
            "schema",
            "completions",
        ];
        for command in commands {
            let words: Vec<&str> =
                [command, "--help", "--lang", language].into_iter().filter(|w| !w.is_empty()).collect();
            let told = call(&words);
            assert_eq!((told.code, told.stderr.as_str()), (0, ""));
            all.push(format!("$ paname {command}\n{}\n", told.stdout));
        }
        insta::assert_snapshot!(format!("help_{language}"), all.concat());
    }
}

#[test]
fn the_locale_chooses_the_language() {
    let folder = tempfile::tempdir().unwrap();
    let french = told(paname(&["doctor"], folder.path()).env("LANG", "fr_FR.UTF-8").output().unwrap());
    assert!(french.stdout.contains("Mémoire"), "{}", french.stdout);
    let english =
        told(paname(&["doctor", "--lang", "en"], folder.path()).env("LC_ALL", "fr_FR").output().unwrap());
    assert!(english.stdout.contains("Memory"), "{}", english.stdout);
}

#[test]
fn wrong_arguments_end_with_2() {
    let wrong: [&[&str]; 8] = [
        &[],
        &["audit"],
        &["run"],
        &["doctor", "--lang", "de"],
        &["score", "x.csv", "--alpha", "5"],
        &["score", "x.csv", "--fpr", "0.1,0.1"],
        &["attacks", "no-such-attack"],
        &["schema", "everything"],
    ];
    for arguments in wrong {
        let told = call(arguments);
        assert_eq!((told.code, told.stdout.as_str()), (2, ""), "{arguments:?}");
        assert!(!told.stderr.is_empty());
    }
}

#[test]
fn a_bad_manifest_ends_with_3_and_shows_the_place() {
    let folder = audit(&MANIFEST.replace("population =", "popluation ="));
    for command in ["plan", "run"] {
        let told = call_in(folder.path(), &[command, "audit.toml"]);
        assert_eq!((told.code, told.stdout.as_str()), (3, ""));
        assert_eq!(
            told.stderr,
            "error: audit.toml:4:1: unknown key `popluation` in [data]; close to it: `population`\n  |\n4 | popluation = \"population.csv\"\n  | ^^^^^^^^^^\n"
        );
    }
    let told = call_in(folder.path(), &["plan", "audit.toml", "--json", "--lang", "fr"]);
    assert!(told.stderr.starts_with("erreur: audit.toml:4:1"), "{}", told.stderr);
    assert_eq!(
        told.json(),
        serde_json::json!({
            "format": "paname-error/1",
            "exit_code": 3,
            "message": "audit.toml:4:1: unknown key `popluation` in [data]; close to it: `population`",
            "place": { "path": "audit.toml", "line": 4, "column": 1, "start": 57, "end": 67 },
        })
    );
}

#[test]
fn bad_data_end_with_4_and_missing_files_with_5() {
    let folder = audit(MANIFEST);
    let records = folder.path().join("records.csv");
    let text = std::fs::read_to_string(&records).unwrap();
    // The first record once more.
    let doubled = format!("{text}{}\n", text.lines().nth(1).unwrap());
    std::fs::write(&records, doubled).unwrap();
    let told = call_in(folder.path(), &["plan", "audit.toml"]);
    assert_eq!(told.code, 4, "{}", told.stderr);
    assert!(told.stderr.contains("line 1402: id \"digit-0694\""), "{}", told.stderr);
    let told = call_in(folder.path(), &["plan", "elsewhere.toml"]);
    assert_eq!(told.code, 5);
    assert!(told.stderr.starts_with("error: elsewhere.toml: "), "{}", told.stderr);
}

#[test]
fn an_audit_runs_once_is_verified_and_notices_changes() {
    let folder = audit(MANIFEST);
    let first = call_in(folder.path(), &["run", "audit.toml", "--lang", "fr"]);
    assert_eq!(first.code, 0, "{}", first.stderr);
    let files = "audit.run/report.en.html\naudit.run/report.fr.html\naudit.run/evidence.json\n";
    assert!(first.stdout.ends_with(files), "{}", first.stdout);
    assert_eq!(first.stdout.lines().count(), 7, "{}", first.stdout);
    assert!(first.stdout.contains("Une fuite est démontrée"), "{}", first.stdout);
    assert!(first.stderr.contains("attack/mia-loss: faite"), "{}", first.stderr);

    // The verdict changes the exit code only on request, and nothing is computed twice.
    let again = call_in(folder.path(), &["run", "audit.toml", "--json", "--no-progress", "--fail-on-leak"]);
    assert_eq!((again.code, again.stderr.as_str()), (10, ""));
    let json = again.json();
    assert_eq!(json["format"], "paname-run/1");
    assert_eq!(json["verdict"], "leak_demonstrated");
    assert_eq!(json["steps_run"], 0);
    assert_eq!(json["reports"]["fr"], "audit.run/report.fr.html");
    assert_eq!(
        json["rows"][0],
        serde_json::json!({ "id": "mia-loss", "attack": "loss", "verdict": "leak_demonstrated" })
    );

    let verified = call_in(folder.path(), &["verify", "audit.run", "--json"]);
    assert_eq!(verified.code, 0, "{}", verified.stdout);
    assert_eq!(verified.json()["evidence_intact"], true);

    let lock = std::fs::File::options().write(true).open(folder.path().join("audit.run/lock")).unwrap();
    lock.lock().unwrap();
    let busy = call_in(folder.path(), &["run", "audit.toml"]);
    assert_eq!(busy.code, 6, "{}", busy.stderr);
    drop(lock);

    let evidence = folder.path().join("audit.run/evidence.json");
    let text = std::fs::read_to_string(&evidence).unwrap();
    std::fs::write(&evidence, text.replacen("\"mia-loss\"", "\"mia-lost\"", 1)).unwrap();
    let changed = call_in(folder.path(), &["verify", "audit.run"]);
    assert_eq!(changed.code, 7, "{}", changed.stdout);
    assert!(changed.stdout.contains("no"), "{}", changed.stdout);
}

#[cfg(unix)]
#[test]
fn what_is_written_is_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scores.csv"), scores()).unwrap();
    let told = call_in(folder.path(), &["score", "scores.csv", "--split", "random", "--exposed", "3"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    for name in ["report.fr.html", "report.en.html", "evidence.json", "pseudonyms.json"] {
        let path = folder.path().join("scores.report").join(name);
        assert_eq!(std::fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600, "{name}");
    }
    assert_eq!(call_in(folder.path(), &["init"]).code, 0);
    for (name, expected) in [("scores.report", 0o700), ("audit.toml", 0o600)] {
        let mode = std::fs::metadata(folder.path().join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
}

#[cfg(unix)]
#[test]
fn an_interrupt_ends_with_130_and_says_how_to_go_on() {
    let slow = MANIFEST.replace("\"loss\"", "\"shadow-classifier\"");
    let folder = audit(&slow);
    let mut child = paname(&["run", "audit.toml"], folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    lines.find(|line| line.as_ref().unwrap().starts_with("[1]")).unwrap().unwrap();
    let killed = Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    let rest: Vec<String> = lines.map(Result::unwrap).collect();
    assert_eq!(child.wait().unwrap().code(), Some(130), "{rest:?}");
    assert_eq!(
        rest.last().unwrap(),
        "Cancelled. Nothing finished is lost: the same command goes on from here."
    );
}

#[test]
fn a_reader_that_closes_the_pipe_is_no_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut child = paname(&["schema", "evidence"], folder.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let told = told(child.wait_with_output().unwrap());
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
}

#[test]
fn a_full_disk_is_told() {
    // Linux has a file that is always full.
    let Ok(full) = std::fs::File::options().write(true).open("/dev/full") else { return };
    let folder = tempfile::tempdir().unwrap();
    let output = paname(&["attacks"], folder.path()).stdout(full).output().unwrap();
    let told = told(output);
    assert_eq!(told.code, 5);
    assert!(told.stderr.starts_with("error: standard output: "), "{}", told.stderr);
}

#[test]
fn scores_are_judged_without_a_manifest() {
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("scores.csv"), scores()).unwrap();
    let line = "score scores.csv --out there --split random --fpr 0.05 --alpha 0.01 --title tool --json --fail-on-leak";
    let told = call_in(folder.path(), &line.split(' ').collect::<Vec<_>>());
    assert_eq!(told.code, 10, "{}", told.stderr);
    let json = told.json();
    assert_eq!(json["format"], "paname-score/1");
    assert_eq!(json["rows"][0]["id"], "tool");
    assert_eq!(json["evidence"], "there/evidence.json");
    let evidence: Value =
        serde_json::from_slice(&std::fs::read(folder.path().join("there/evidence.json")).unwrap()).unwrap();
    assert_eq!(evidence["core"]["statistics"]["fpr_targets"], serde_json::json!([0.05]));

    std::fs::write(folder.path().join("bad.csv"), scores().replacen("r3,", "r3,x", 1)).unwrap();
    let told = call_in(folder.path(), &["score", "bad.csv"]);
    assert_eq!(told.code, 4, "{}", told.stderr);
    assert!(told.stderr.contains("bad.csv"), "{}", told.stderr);
    assert!(!folder.path().join("bad.report").exists());
}

#[test]
fn audits_one_after_the_other_are_put_together() {
    let folder = tempfile::tempdir().unwrap();
    // Members ahead by so little that 400 on each side do not tell at 5 %.
    let faint = |salt: usize| {
        let rows = (0..800).map(|i| {
            let member = i % 2;
            format!("r{i},{},{member}\n", (i * 37 + salt * 11) % 101 + 5 * member)
        });
        format!("id,score,member\n{}", rows.collect::<String>())
    };
    for (name, salt, split) in
        [("one", 0, true), ("two", 3, true), ("three", 7, true), ("undeclared", 7, false)]
    {
        let file = format!("{name}.csv");
        std::fs::write(folder.path().join(&file), faint(salt)).unwrap();
        let mut line = vec!["score", &file, "--out", name, "--fpr", "0.05", "--title", "tool"];
        if split {
            line.extend(["--split", "random"]);
        }
        assert_eq!(call_in(folder.path(), &line).code, 0);
    }
    let combined = |names: &[&str]| {
        let told = call_in(folder.path(), &[&["combine", "--json"], names].concat());
        assert_eq!(told.code, 0, "{}", told.stderr);
        told.json()
    };
    let ln_e = |name: &str| {
        let evidence = std::fs::read(folder.path().join(name).join("evidence.json")).unwrap();
        let evidence: Value = serde_json::from_slice(&evidence).unwrap();
        evidence["core"]["rows"][0]["membership"]["levels"][0]["anytime"]["ln_e"].as_f64().unwrap()
    };
    let all = combined(&["one", "two", "three"]);
    assert_eq!((&all["format"], &all["random_split"]), (&"paname-combine/1".into(), &true.into()));
    let test = &all["tests"][0];
    let sum: f64 = ["one", "two", "three"].map(ln_e).iter().sum();
    assert!((test["ln_product"].as_f64().unwrap() - sum).abs() < 1e-12, "{test}");
    let p = (-sum).exp().min(1.0);
    assert!((test["p"].as_f64().unwrap() - p).abs() < 1e-12);
    assert_eq!(test["demonstrated"], p <= 0.05);
    assert_eq!(test["ln_e"].as_array().unwrap().len(), 3);
    let undeclared = combined(&["one", "undeclared"]);
    assert_eq!(
        (&undeclared["random_split"], &undeclared["tests"][0]["demonstrated"]),
        (&false.into(), &false.into())
    );
    let told = call_in(folder.path(), &["combine", "one", "two"]);
    assert!(
        told.stdout.contains("log10 e") && told.stderr.contains("no person and no record"),
        "{}",
        told.stderr
    );

    let refused = |names: &[&str]| {
        let told = call_in(folder.path(), &[&["combine"], names].concat());
        (told.code, told.stderr)
    };
    let (code, said) = refused(&["one", "two", "one"]);
    assert_eq!(
        (code, said.trim_end()),
        (4, "error: one: holds the same audit as one; a re-test takes new records")
    );
    let path = folder.path().join("two/evidence.json");
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"queries\": ", "\"queries\": 1", 1)).unwrap();
    let (code, said) = refused(&["one", "two"]);
    assert_eq!(
        (code, said.trim_end()),
        (4, "error: two: is not what it states; `paname verify` says what is wrong")
    );
    assert_eq!(refused(&["one"]).0, 2);
}

#[test]
fn a_new_manifest_can_be_planned_at_once_and_is_never_overwritten() {
    let folder = audit("");
    for language in ["fr", "en"] {
        let name = format!("{language}.toml");
        let told = call_in(
            folder.path(),
            &["init", &name, "--lang", language, "--organisation", "Société « L'Été »"],
        );
        assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{}", told.stderr);
        assert!(told.stderr.contains(&format!("paname plan {name}")), "{}", told.stderr);
        let plan = call_in(folder.path(), &["plan", &name, "--json"]);
        assert_eq!(plan.code, 0, "{}", plan.stderr);
        let plan = plan.json();
        assert_eq!(plan["format"], "paname-plan/1");
        assert_eq!(plan["rows"][0]["runnable"], true);
        // Without reference models and without a random split, nothing excludes a shift.
        assert_eq!(plan["rows"][0]["best_verdict"], "inconclusive");
        let before = std::fs::read(folder.path().join(&name)).unwrap();
        let again = call_in(folder.path(), &["init", &name]);
        assert_eq!(again.code, 5, "{}", again.stderr);
        assert_eq!(std::fs::read(folder.path().join(&name)).unwrap(), before);
    }
    let told = call_in(folder.path(), &["init", "personal.toml", "--personal"]);
    assert!(told.stderr.contains("[legal]"), "{}", told.stderr);
    assert_eq!(call_in(folder.path(), &["plan", "personal.toml"]).code, 3);
}

#[test]
fn signs_are_told_in_both_languages_before_any_attack() {
    let declared = MANIFEST.replace("[references]", "[model]\nparameters = 9610\n[references]");
    let folder = audit(&declared);
    // Reference models are not opened.
    std::fs::remove_file(folder.path().join("references.npz")).unwrap();
    for language in ["fr", "en"] {
        let told = call_in(folder.path(), &["signs", "audit.toml", "--lang", language]);
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        insta::assert_snapshot!(format!("signs_{language}"), told.stdout);
    }
    let told = call_in(folder.path(), &["signs", "audit.toml", "--json"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let signs = told.json();
    assert_eq!(signs["format"], "paname-signs/1");
    assert_eq!((&signs["members"], &signs["non_members"]), (&700.into(), &700.into()));
    assert_eq!(signs["accuracy"]["members"]["hits"], 700);
    assert_eq!(signs["accuracy"]["rating"], "strong");
    assert_eq!(signs["parameters"]["records"], 700);
    assert_eq!(signs["duplicates"], Value::Null);
}

#[test]
fn signs_say_what_they_cannot_look_at() {
    let labels_only = MANIFEST.replace("[references]", "[access]\nsignals = [\"labels\"]\n[references]");
    let folder = audit(&labels_only);
    let told = call_in(folder.path(), &["signs", "audit.toml", "--json"]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    let signs = told.json();
    assert_eq!(signs["accuracy"]["rating"], "strong");
    assert!(["loss", "extreme", "parameters"].iter().all(|sign| signs[sign].is_null()), "{signs}");
    let told = call_in(folder.path(), &["signs", "audit.toml"]);
    assert!(told.stdout.contains("not measured") && told.stdout.contains("not declared"), "{}", told.stdout);

    assert_eq!(call_in(folder.path(), &["signs", "elsewhere.toml"]).code, 5);
    std::fs::remove_file(folder.path().join("target.npz")).unwrap();
    let told = call_in(folder.path(), &["signs", "audit.toml"]);
    assert!(told.code != 0 && told.stderr.contains("target.npz"), "{}", told.stderr);
}

#[test]
fn a_plan_says_what_each_row_can_reach() {
    let folder = audit(MANIFEST);
    let told = call_in(folder.path(), &["plan", "audit.toml", "--lang", "fr"]);
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    insta::assert_snapshot!("plan_fr", told.stdout);
    assert!(!folder.path().join("audit.run").exists());
}

#[test]
fn lists_hold_the_same_for_people_and_programs() {
    let list = call(&["attacks"]);
    let json = call(&["attacks", "--json"]).json();
    assert_eq!(json["format"], "paname-attacks/1");
    let attacks = json["attacks"].as_array().unwrap();
    assert!(!attacks.is_empty());
    for attack in attacks {
        let name = attack["name"].as_str().unwrap();
        assert!(list.stdout.contains(&format!("{name} ")), "{name}");
        let page = call(&["attacks", name, "--lang", "fr"]).stdout;
        assert!(page.contains(attack["title_fr"].as_str().unwrap()));
        assert!(page.contains(attack["formula"].as_str().unwrap()));
        let parameters = attack["schema"]["properties"].as_object();
        for parameter in parameters.into_iter().flatten().map(|(key, _)| key) {
            assert!(page.contains(&format!("\n  {parameter} ")), "{name}: {parameter}\n{page}");
        }
    }
    let adapter = call(&["adapters", "predictions"]).stdout;
    assert!(adapter.contains("\n  logits "), "{adapter}");
    let listed = call(&["adapters", "--json"]).json();
    let names: Vec<_> =
        listed["adapters"].as_array().unwrap().iter().map(|adapter| &adapter["name"]).collect();
    assert_eq!(names, ["command", "predictions"]);
}

#[test]
fn programs_get_one_shape_for_each_command() {
    let folder = tempfile::tempdir().unwrap();
    let shapes = [
        (
            "doctor",
            "adapters, attacks, cores, folder, folder_problem, format, instructions, libtorch, libtorch_problem, memory_available_bytes, memory_bytes, system, version",
        ),
        (
            "attacks lira",
            "defaults, family, format, formula, name, origin, paper, schema, summary_en, summary_fr, title_en, title_fr, version",
        ),
        ("adapters predictions", "format, name, offers, schema, summary_en, summary_fr, version"),
        ("init new.toml", "format, manifest"),
    ];
    for (line, keys) in shapes {
        let mut words: Vec<&str> = line.split(' ').collect();
        words.push("--json");
        let json = call_in(folder.path(), &words).json();
        assert_eq!(json.as_object().unwrap().keys().cloned().collect::<Vec<_>>().join(", "), keys, "{line}");
    }
    let schema = call(&["schema", "manifest"]).json();
    assert_eq!(schema["$id"], "paname-audit/1");
    assert_eq!(schema["properties"]["schema"]["enum"], serde_json::json!(["paname-audit/1"]));
    let schema = call(&["schema", "evidence"]).json();
    assert_eq!(schema["$id"], "paname-evidence/1");
    assert_eq!(schema["properties"]["schema"]["enum"], serde_json::json!(["paname-evidence/1"]));
    assert!(schema["properties"]["core_sha256"].is_object());
}

#[test]
fn every_shell_gets_completions() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        let told = call(&["completions", shell]);
        assert_eq!(told.code, 0);
        assert!(told.stdout.contains("fail-on-leak") && !told.stdout.contains('\u{1b}'), "{shell}");
    }
}

/// A zip archive of members that are told by their names.
fn archive(path: &Path, members: &[(&str, &[u8])]) {
    let mut archive = zip::ZipWriter::new(std::fs::File::create(path).unwrap());
    for (name, content) in members {
        archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        std::io::Write::write_all(&mut archive, content).unwrap();
    }
    archive.finish().unwrap();
}

#[test]
fn doctor_says_what_a_model_file_is_and_what_to_type() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    archive(
        &path("net.ts.pt"),
        &[("net/constants.pkl", b"x"), ("net/code/__torch__.py", b"x"), ("net/data.pkl", b"x")],
    );
    archive(
        &path("net.ckpt"),
        &[("net/data.pkl", b"\x80\x02}q\x00(X\x0a\x00\x00\x00state_dictq\x01"), ("net/data/0", b"x")],
    );
    std::fs::write(path("forest.joblib"), b"\x80\x04\x95").unwrap();
    let whole = std::fs::read(path("net.ts.pt")).unwrap();
    std::fs::write(path("half.pt"), &whole[..whole.len() / 2]).unwrap();
    let told = |arguments: &[&str]| {
        let told = call_in(folder.path(), &[&["doctor"], arguments].concat());
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        told.stdout
    };
    assert_eq!(
        told(&["net.ts.pt"]),
        "A TorchScript model. PANAME reads it with the torch plugin; since it is a program, [target] must say `trust = true`.\n"
    );
    assert_eq!(
        told(&["net.ckpt"]),
        "A Python pickle of PyTorch with a dictionary, in which “state_dict” seems to hold the weights.
PANAME does not read it: a pickle runs code as soon as it is opened.
To audit this model, export it as a .pt2 file; `paname_export` is in python/ and needs PyTorch:

    import paname_export, torch
    model = …  # your class, built as for training
    model.load_state_dict(torch.load(\"net.ckpt\", map_location=\"cpu\", weights_only=True)[\"state_dict\"])
    model.eval()
    example = …  # a batch of inputs, e.g. torch.zeros(1, 3, 32, 32)
    paname_export.export(model, example, \"net.pt2\", task=\"classification\")
"
    );
    let french = told(&["forest.joblib", "--lang", "fr"]);
    assert!(french.contains("un pickle exécute du code dès qu’il est ouvert"), "{french}");
    assert!(
        french.contains("    inputs = …  # les enregistrements audités, dans l’ordre de la table\n"),
        "{french}"
    );
    assert!(told(&["half.pt"]).starts_with("A file that is not whole"));
    let json = call_in(folder.path(), &["doctor", "net.ckpt", "--json"]).json();
    let keys: Vec<_> = json.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys.join(", "), "description, file, format, kind, python, readable");
    assert_eq!((&json["kind"], &json["readable"]), (&"checkpoint".into(), &false.into()));
    let absent = call_in(folder.path(), &["doctor", "absent.pt"]);
    assert_eq!(
        (absent.code, absent.stderr.as_str()),
        (4, "error: absent.pt: cannot be read: No such file or directory (os error 2)\n")
    );
}

#[test]
fn doctor_shows_libtorch_or_what_to_do() {
    let folder = tempfile::tempdir().unwrap();
    let cache = folder.path().canonicalize().unwrap().join("cache");
    let doctor = |arguments: &[&str]| {
        let mut command = paname(&[&["doctor"], arguments].concat(), folder.path());
        told(command.env("PANAME_CACHE", &cache).output().unwrap())
    };
    let row = |text: &str| {
        let row = text.lines().find(|line| line.starts_with("libtorch")).unwrap();
        row.trim_start_matches("libtorch").trim().replace(&cache.display().to_string(), "~")
    };
    let problem = "needs libtorch 2.11.0, not found in ~/libtorch-2.11.0: it holds no lib/libtorch_cpu.so; `cargo xtask libtorch` prepares it; LIBTORCH and LIBTORCH_USE_PYTORCH name another place";
    assert_eq!(row(&doctor(&[]).stdout), format!("not available: {problem}"));
    assert!(row(&doctor(&["--lang", "fr"]).stdout).starts_with("indisponible\u{202f}: "));
    let json = doctor(&["--json"]).json();
    assert_eq!(json["libtorch"], Value::Null);
    assert_eq!(
        json["libtorch_problem"].as_str().unwrap().replace(&cache.display().to_string(), "~"),
        problem
    );
    std::fs::create_dir_all(cache.join("libtorch-2.11.0/lib")).unwrap();
    std::fs::write(cache.join("libtorch-2.11.0/lib/libtorch_cpu.so"), "").unwrap();
    std::fs::write(cache.join("libtorch-2.11.0/build-version"), "2.11.0+cu130\n").unwrap();
    assert_eq!(row(&doctor(&[]).stdout), "2.11.0 (~/libtorch-2.11.0/lib)");
    let json = doctor(&["--json"]).json();
    assert_eq!((&json["libtorch"]["version"], &json["libtorch_problem"]), (&"2.11.0".into(), &Value::Null));
}
