//! The program and the plugin as a user has them.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use paname_testkit::plugin_library;
use serde_json::Value;

/// The program, and the plugin packed and trusted in a folder of the test's own.
pub(crate) struct User {
    folder: tempfile::TempDir,
    program: PathBuf,
}

impl User {
    pub(crate) fn new() -> Self {
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

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn paname(&self) -> Command {
        let mut command = Command::new(&self.program);
        command.env("PANAME_CONFIG", self.path("config")).env("XDG_DATA_HOME", "/nowhere");
        command.env_remove("PANAME_PLUGIN_PATH").stdin(Stdio::null()).stdout(Stdio::null());
        command
    }

    /// Two workers, so that kills fall among the fits on machines of many processors too.
    pub(crate) fn audit(&self, manifest: &Path, run_dir: &Path) -> Command {
        let mut command = self.paname();
        command.arg("--plugins").arg(self.path("plugins")).arg("run").arg(manifest);
        command.arg("--run-dir").arg(run_dir).args(["--workers", "2", "--no-progress"]);
        command
    }

    pub(crate) fn finish(&self, manifest: &Path, run_dir: &Path) -> Value {
        assert!(self.audit(manifest, run_dir).status().unwrap().success());
        assert!(self.paname().arg("verify").arg(run_dir).status().unwrap().success());
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
