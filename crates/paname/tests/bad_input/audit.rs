//! A small audit that is in order, and what becomes of it when one of its files is spoilt.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;

/// Audited records; every second one is a member.
pub(crate) const AUDITED: usize = 80;
/// Records of the population.
const POPULATION: usize = 40;
const RECORDS: usize = AUDITED + POPULATION;
/// Reference models.
pub(crate) const MODELS: usize = 8;
const CLASSES: usize = 3;

pub(crate) const MANIFEST: &str = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
split = "random"
personal = []
[target]
adapter = "predictions"
logits = "target.npy"
ids = "ids.npy"
[references]
adapter = "predictions"
logits = "references.npy"
ids = "ids.npy"
member = "member.npy"
[statistics]
fpr_targets = [0.1]
[[test]]
id = "mia-loss"
attack = "loss"
[[test]]
id = "mia-lira"
attack = "lira"
"#;

/// What a call said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Told {
    pub(crate) code: i32,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Told {
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.code, 0, "{}", self.stderr);
        serde_json::from_str(&self.stdout).unwrap()
    }

    /// What was said of an error: one message and nothing else, after the exit code.
    pub(crate) fn refusal(&self) -> String {
        assert_ne!(self.code, 0, "{}", self.stdout);
        assert_eq!(self.stdout, "");
        assert_eq!(self.stderr.matches("error: ").count(), 1, "{}", self.stderr);
        assert!(self.stderr.starts_with("error: "), "{}", self.stderr);
        assert!(!self.stderr.contains("panic") && !self.stderr.contains("RUST_BACKTRACE"), "{}", self.stderr);
        format!("{} {}", self.code, self.stderr)
    }
}

/// Calls the program in a folder, without a locale, so that it speaks English.
pub(crate) fn call<S: AsRef<OsStr>>(folder: &Path, arguments: &[S]) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    // The plugins of whoever runs the tests are not asked.
    command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH");
    command.args(arguments).current_dir(folder).stdin(Stdio::null());
    for variable in ["LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"] {
        command.env_remove(variable);
    }
    let output = command.output().unwrap();
    Told {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

/// A folder with an audit in order.
pub(crate) struct Audit {
    folder: TempDir,
    files: Vec<(&'static str, Vec<u8>)>,
}

impl Audit {
    pub(crate) fn new() -> Self {
        Self::with(MANIFEST)
    }

    pub(crate) fn with(manifest: &str) -> Self {
        let files = vec![
            ("audit.toml", manifest.as_bytes().to_vec()),
            ("records.csv", records()),
            ("population.csv", population()),
            ("ids.npy", texts(&(0..RECORDS).map(id).collect::<Vec<_>>())),
            ("target.npy", floats(&[RECORDS, CLASSES], &logits(None))),
            ("references.npy", floats(&[MODELS, RECORDS, CLASSES], &reference_logits(MODELS))),
            ("member.npy", membership(MODELS)),
        ];
        let audit = Self { folder: tempfile::tempdir().unwrap(), files };
        audit.restore();
        audit
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) {
        fs::write(self.path(name), bytes).unwrap();
    }

    pub(crate) fn bytes(&self, name: &str) -> Vec<u8> {
        fs::read(self.path(name)).unwrap()
    }

    pub(crate) fn remove(&self, name: &str) {
        fs::remove_file(self.path(name)).unwrap();
    }

    /// Puts one text in the place of another, which must be there.
    pub(crate) fn replace(&self, name: &str, from: &str, to: &str) {
        let text = String::from_utf8(self.bytes(name)).unwrap();
        assert!(text.contains(from), "{name} holds no {from:?}");
        self.write(name, text.replacen(from, to, 1));
    }

    /// Puts every file back as it was.
    pub(crate) fn restore(&self) {
        for (name, bytes) in &self.files {
            let path = self.path(name);
            if path.is_dir() {
                fs::remove_dir_all(&path).unwrap();
            }
            fs::write(path, bytes).unwrap();
        }
    }

    pub(crate) fn call<S: AsRef<OsStr>>(&self, arguments: &[S]) -> Told {
        call(self.folder.path(), arguments)
    }

    pub(crate) fn run(&self) -> Told {
        self.call(&["run", "audit.toml", "--no-progress"])
    }

    /// The result of a run, for programs.
    pub(crate) fn result(&self) -> Value {
        self.call(&["run", "audit.toml", "--no-progress", "--json"]).json()
    }

    pub(crate) fn plan(&self) -> Told {
        self.call(&["plan", "audit.toml"])
    }

    pub(crate) fn evidence(&self) -> Value {
        serde_json::from_slice(&self.bytes("audit.run/evidence.json")).unwrap()
    }
}

/// A name for the bad input, and how to make it.
pub(crate) type Case = (&'static str, fn(&Audit));

/// What a plan and a run say of each bad input, which must be the same. Before each, the audit ran to its end; after each, when the file is as it
/// was, no step runs again and the result is the same.
pub(crate) fn each(cases: &[Case]) -> String {
    let audit = Audit::new();
    let whole = audit.result();
    assert_ne!(whole["steps_run"], 0);
    let evidence = audit.bytes("audit.run/evidence.json");
    let mut told = Vec::new();
    for (what, spoil) in cases {
        spoil(&audit);
        let run = audit.run();
        told.push(format!("{what}\n{}\n", run.refusal()));
        assert_eq!(audit.plan(), run, "{what}");
        assert_eq!(audit.bytes("audit.run/evidence.json"), evidence, "{what}");
        audit.restore();
        let again = audit.result();
        assert_eq!(again["steps_run"], 0, "{what}");
        assert_eq!(again["core_sha256"], whole["core_sha256"], "{what}");
        audit.write("audit.run/evidence.json", &evidence);
    }
    assert_eq!(audit.call(&["verify", "audit.run"]).code, 0);
    told.concat()
}

fn id(record: usize) -> String {
    if record < AUDITED { format!("r{record}") } else { format!("p{}", record - AUDITED) }
}

fn records() -> Vec<u8> {
    let rows = (0..AUDITED)
        .map(|r| format!("r{r},{},{},person{},group{}\n", r % CLASSES, r % 2, r, r % 4))
        .collect::<Vec<_>>()
        .concat();
    format!("id,label,member,person,group\n{rows}").into_bytes()
}

fn population() -> Vec<u8> {
    let rows =
        (0..POPULATION).map(|p| format!("p{p},{}\n", (AUDITED + p) % CLASSES)).collect::<Vec<_>>().concat();
    format!("id,label\n{rows}").into_bytes()
}

/// Whether a reference model was fitted on a record: every model on another half.
fn fitted(model: usize, record: usize) -> bool {
    record < AUDITED && (record * 7 + model * 5) % 16 < 8
}

/// Logits that differ from record to record, larger at the true class where the model was fitted.
fn logits(model: Option<usize>) -> Vec<f32> {
    let mut all = Vec::new();
    for record in 0..RECORDS {
        let known = model.map_or(record < AUDITED && record % 2 == 1, |model| fitted(model, record));
        for class in 0..CLASSES {
            let noise = (record * 31 + class * 17 + model.map_or(0, |model| model + 1) * 13) % 29;
            let right = if class == record % CLASSES { 1.0 + f32::from(u8::from(known)) } else { 0.0 };
            all.push(noise as f32 / 16.0 + right);
        }
    }
    all
}

pub(crate) fn reference_logits(models: usize) -> Vec<f32> {
    (0..models).flat_map(|model| logits(Some(model))).collect()
}

/// `member.npy` for so many models.
pub(crate) fn membership(models: usize) -> Vec<u8> {
    let truths =
        (0..models).flat_map(|model| (0..RECORDS).map(move |record| u8::from(fitted(model, record))));
    npy("|b1", &[models, RECORDS], &truths.collect::<Vec<_>>())
}

/// An npy file (NumPy Enhancement Proposal 1) with this type, shape and these elements.
pub(crate) fn npy(descr: &str, shape: &[usize], elements: &[u8]) -> Vec<u8> {
    let axes = shape.iter().map(|length| format!("{length},")).collect::<Vec<_>>().concat();
    let mut header = format!("{{'descr': '{descr}', 'fortran_order': False, 'shape': ({axes}), }}");
    while (10 + header.len() + 1) % 64 != 0 {
        header.push(' ');
    }
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend(u16::try_from(header.len()).unwrap().to_le_bytes());
    file.extend(header.as_bytes());
    file.extend(elements);
    file
}

pub(crate) fn floats(shape: &[usize], numbers: &[f32]) -> Vec<u8> {
    npy("<f4", shape, &numbers.iter().flat_map(|number| number.to_le_bytes()).collect::<Vec<_>>())
}

pub(crate) fn texts<T: AsRef<[u8]>>(texts: &[T]) -> Vec<u8> {
    let width = texts.iter().map(|text| text.as_ref().len()).max().unwrap();
    let padded = texts.iter().flat_map(|text| {
        let text = text.as_ref();
        text.iter().copied().chain(std::iter::repeat_n(0, width - text.len()))
    });
    npy(&format!("|S{width}"), &[texts.len()], &padded.collect::<Vec<_>>())
}

/// Byte of an element of a float array of the audit: the file's end is that of its elements.
pub(crate) fn set_float(audit: &Audit, name: &str, from_end: usize, number: f32) {
    let mut bytes = audit.bytes(name);
    let at = bytes.len() - 4 * from_end;
    bytes[at..at + 4].copy_from_slice(&number.to_le_bytes());
    audit.write(name, bytes);
}
