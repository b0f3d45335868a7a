//! A script as an attack, from the manifest to the evidence.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::Value;

const MANIFEST: &str = r#"schema = "paname-audit/1"
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
[[test]]
id = "script"
attack = "command"
parameters = { program = ["python3", "score.py"], signals = ["scaled-confidence"], in-out-min = [0, 1] }
"#;

fn run(manifest: &Path) -> (i32, Value, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    command.args(["run", "--no-progress", "--json"]).arg(manifest).stdin(Stdio::null());
    command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH").env("LANG", "C");
    command.env("A_SECRET", "hunter2");
    let output = command.output().unwrap();
    let told = serde_json::from_slice(&output.stdout).unwrap();
    (output.status.code().unwrap(), told, String::from_utf8(output.stderr).unwrap())
}

#[test]
fn a_script_is_judged_like_every_attack_and_is_part_of_the_key() {
    let repository = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let folder = tempfile::tempdir().unwrap();
    for file in ["records.csv", "population.csv", "target.npz", "references.npz"] {
        fs::copy(repository.join("examples/digits").join(file), folder.path().join(file)).unwrap();
    }
    let script = folder.path().join("score.py");
    fs::copy(repository.join("examples/command/score.py"), &script).unwrap();
    let manifest = folder.path().join("audit.toml");
    fs::write(&manifest, MANIFEST).unwrap();
    let (code, told, stderr) = run(&manifest);
    assert_eq!((code, &told["rows"][0]["verdict"]), (0, &"leak_demonstrated".into()), "{stderr}");
    let evidence = folder.path().join("audit.run/evidence.json");
    let evidence = || -> Value { serde_json::from_slice(&fs::read(&evidence).unwrap()).unwrap() };
    let files = evidence()["core"]["rows"][0]["attack"]["files"].clone();
    assert_eq!(files[0][0], "score.py");
    let programs = folder.path().join("audit.run/programs");
    assert!(programs.join("attack-script").is_dir(), "logs are kept with the audit");
    // Nothing of the inputs stays, and nothing changes without a change.
    let (_, told, _) = run(&manifest);
    assert_eq!(told["steps_run"], 0);
    let mut text = fs::read_to_string(&script).unwrap();
    text.push_str("\n# Changed.\n");
    fs::write(&script, &text).unwrap();
    let (_, told, _) = run(&manifest);
    assert!(told["steps_run"].as_u64().unwrap() > 0, "another script is another result");
    assert_ne!(evidence()["core"]["rows"][0]["attack"]["files"], files);
    fs::write(
        &script,
        "import sys, os\nprint(os.environ.get('A_SECRET'), file=sys.stderr)\nsys.exit('no luck today')\n",
    )
    .unwrap();
    let (code, told, _) = run(&manifest);
    assert_eq!((code, &told["rows"][0]["verdict"]), (0, &"not_tested".into()));
    let reasons = evidence()["core"]["rows"][0]["reasons"].to_string();
    assert!(reasons.contains("exit code 1") && reasons.contains("no luck today"), "{reasons}");
    let kept = find(&programs, "stderr.log");
    assert!(kept.iter().any(|log| log.contains("no luck today")), "{kept:?}");
    assert!(kept.iter().all(|log| !log.contains("hunter2")), "a secret reached the program");
}

/// The texts of every file of this name below a folder.
fn find(folder: &Path, name: &str) -> Vec<String> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(find(&path, name));
        } else if path.file_name().unwrap() == name {
            found.push(fs::read_to_string(&path).unwrap());
        }
    }
    found
}
