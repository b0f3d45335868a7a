//! The demo's audit with models in memory, by the program and the plugin as users have them: ten kills fit no finished model again.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use paname_testkit::{finished_fits, kill_while_fitting, plugin_library, sealed};
use serde_json::Value;

/// The program, and the plugin packed and trusted in a folder of the test's own.
struct User {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl User {
    fn new() -> Self {
        let user = Self { folder: tempfile::tempdir().unwrap(), program: program() };
        let library = plugin_library("paname_plugin_torch");
        let (here, out) = (env!("CARGO_MANIFEST_DIR"), user.path("plugins"));
        let pack = |command: &mut Command| {
            command.args(["plugin", "pack", here, "--library"]).arg(&library).arg("--out").arg(&out).status()
        };
        assert!(pack(&mut user.paname()).unwrap().success());
        let trust = user.paname().args(["plugin", "trust"]).arg(out.join("paname-plugin-torch")).status();
        assert!(trust.unwrap().success());
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn paname(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("PANAME_CONFIG", self.path("config")).env("XDG_DATA_HOME", "/nowhere");
        command.env_remove("PANAME_PLUGIN_PATH").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Two workers, so that the kills fall among the fits on machines of many processors too.
    fn audit(&self, run_dir: &Path) -> Command {
        let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits-model/audit.toml");
        let mut command = self.paname();
        command.arg("--plugins").arg(self.path("plugins")).arg("run").arg(manifest);
        command.arg("--run-dir").arg(run_dir).args(["--workers", "2", "--no-progress"]);
        command
    }

    fn finish(&self, run_dir: &Path) -> Value {
        assert!(self.audit(run_dir).status().unwrap().success());
        serde_json::from_slice(&fs::read(run_dir.join("evidence.json")).unwrap()).unwrap()
    }
}

/// The program, built as its own tests build it; it is linked to no libtorch.
fn program() -> PathBuf {
    let output = Command::new(env!("CARGO"))
        .args(["build", "--package", "paname", "--message-format", "json-render-diagnostics"])
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .stderr(Stdio::inherit())
        .output()
        .unwrap();
    assert!(output.status.success());
    let messages = String::from_utf8(output.stdout).unwrap();
    let messages = messages.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    let program =
        messages.filter_map(|message| message["executable"].as_str().map(PathBuf::from)).next_back();
    program.unwrap()
}

#[test]
fn ten_kills_fit_no_finished_model_again_and_change_no_evidence() {
    let user = User::new();
    let (whole, killed) = (user.path("whole"), user.path("killed"));
    let undisturbed = user.finish(&whole);
    let models = finished_fits(&whole);
    assert_eq!(models, 17);

    let finished = kill_while_fitting(|| user.audit(&killed), &killed, 10, Duration::from_millis(400));
    let evidence = user.finish(&killed);
    let last = sealed(&killed);
    assert!(finished.iter().all(|(step, time)| last.get(step) == Some(time)), "a finished fit was run again");
    assert_eq!(finished_fits(&killed), models);
    assert_eq!(evidence["core_sha256"], undisturbed["core_sha256"]);
    assert!(user.paname().arg("verify").arg(&killed).status().unwrap().success());

    // The journal names each result once.
    let journal = fs::read_to_string(killed.join("journal.jsonl")).unwrap();
    let mut noted: BTreeMap<String, u32> = BTreeMap::new();
    for entry in journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if entry["op"] == "step" || entry["op"] == "found" {
            *noted.entry(entry["detail"]["key"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(noted.len(), last.len());
    assert!(noted.values().all(|times| *times == 1), "{noted:?}");
}
