//! A kill at any instant loses no finished step, and what comes out does not depend on it.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use paname_evidence::{Evidence, JournalEntry};

const KILLS: usize = 10;

fn digits() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits")
}

/// The demo's audit with the given tests, in a folder of its own.
fn manifest(folder: &Path, tests: &[&str]) -> PathBuf {
    let digits = digits();
    let file = |name: &str| digits.join(name).display().to_string();
    let mut text = format!(
        r#"schema = "paname-audit/1"
[data]
records = '{}'
population = '{}'
split = "random"
personal = []
[target]
adapter = "predictions"
logits = '{target}#logits'
ids = '{target}#ids'
[references]
adapter = "predictions"
logits = '{references}#logits'
ids = '{references}#ids'
member = '{references}#member'
"#,
        file("records.csv"),
        file("population.csv"),
        target = file("target.npz"),
        references = file("references.npz"),
    );
    text.extend(tests.iter().map(|attack| format!("[[test]]\nid = \"{attack}\"\nattack = \"{attack}\"\n")));
    let path = folder.join("audit.toml");
    fs::write(&path, text).unwrap();
    path
}

fn paname(manifest: &Path, run_dir: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    // The plugins of whoever runs the tests are not asked.
    command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH");
    command.arg("run").arg(manifest).arg("--run-dir").arg(run_dir);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

fn evidence(run_dir: &Path) -> Evidence {
    serde_json::from_slice(&fs::read(run_dir.join("evidence.json")).unwrap()).unwrap()
}

/// Lines of the journal that name a finished step.
fn lines(run_dir: &Path) -> Vec<String> {
    let text = fs::read_to_string(run_dir.join("journal.jsonl")).unwrap_or_default();
    let step = |line: &&str| line.contains("\"op\":\"step\"") || line.contains("\"op\":\"found\"");
    text.lines().filter(step).map(str::to_owned).collect()
}

/// When each finished step of a run was sealed.
fn sealed(run_dir: &Path) -> BTreeMap<PathBuf, SystemTime> {
    let Ok(entries) = fs::read_dir(run_dir.join("store")) else { return BTreeMap::new() };
    entries
        .filter_map(|entry| {
            let folder = entry.ok()?.path();
            let seal = fs::metadata(folder.join("seal.json")).ok()?.modified().ok()?;
            folder.extension().is_none().then_some((folder, seal))
        })
        .collect()
}

#[test]
fn ten_kills_lose_no_finished_step_and_change_no_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let manifest =
        manifest(folder.path(), &["confidence", "entropy", "margin", "population", "lira", "rmia", "base"]);
    let (whole, killed) = (folder.path().join("whole"), folder.path().join("killed"));
    assert!(paname(&manifest, &whole).status().unwrap().success());
    let steps = lines(&whole).len();
    // Some milliseconds that look random, the same in every run of the test, after the journal has grown by another tenth: so the kills fall all
    // over the audit, on slow machines and on fast ones.
    let mut draw = 0x2545_f491_u64;
    let mut finished = BTreeMap::new();
    for kill in 1..=KILLS {
        let words = folder.path().join("words");
        let mut child = paname(&manifest, &killed).stderr(fs::File::create(&words).unwrap()).spawn().unwrap();
        let enough = steps * kill / (KILLS + 1);
        let start = Instant::now();
        while lines(&killed).len() < enough {
            let ended = child.try_wait().unwrap();
            assert!(ended.is_none(), "the audit ended by itself: {}", fs::read_to_string(&words).unwrap());
            assert!(start.elapsed() < Duration::from_mins(2), "the audit does not get on");
            std::thread::sleep(Duration::from_millis(1));
        }
        draw = draw.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        std::thread::sleep(Duration::from_micros((draw >> 33) % 8_000));
        child.kill().unwrap();
        assert!(!child.wait().unwrap().success(), "the audit was over before kill {kill}");
        let now = sealed(&killed);
        let kept = finished.iter().all(|(step, time)| now.get(step) == Some(time));
        assert!(kept, "a finished step was lost or run again");
        finished = now;
    }
    // A worker of the last killed engine may still be about to notice.
    std::thread::sleep(Duration::from_millis(200));
    let finished = sealed(&killed);
    assert!(!finished.is_empty());
    assert!(paname(&manifest, &killed).status().unwrap().success());
    let last = sealed(&killed);
    assert!(
        finished.iter().all(|(step, time)| last.get(step) == Some(time)),
        "a finished step was run again"
    );

    let (whole_evidence, evidence) = (evidence(&whole), evidence(&killed));
    assert_eq!(evidence.core_sha256, whole_evidence.core_sha256);
    assert_eq!(evidence.run.steps_reused, finished.len() as u64);
    assert!(paname_engine::verify(&killed).unwrap().holds());
    let mut noted = BTreeMap::new();
    for line in lines(&killed) {
        let entry: JournalEntry = serde_json::from_str(&line).unwrap();
        *noted.entry(entry.detail["key"].as_str().unwrap().to_owned()).or_insert(0) += 1;
    }
    assert_eq!(noted.len(), last.len());
    assert!(noted.values().all(|times| *times == 1), "{noted:?}");
}

#[test]
fn a_corrupt_result_is_named_in_the_journal_and_computed_again() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = manifest(folder.path(), &["loss"]);
    let run_dir = folder.path().join("run");
    assert!(paname(&manifest, &run_dir).status().unwrap().success());
    let first = evidence(&run_dir);
    let scores = fs::read_dir(run_dir.join("store"))
        .unwrap()
        .map(|entry| entry.unwrap().path().join("scores.npy"))
        .find(|path| path.exists())
        .unwrap();
    let mut bytes = fs::read(&scores).unwrap();
    *bytes.last_mut().unwrap() ^= 1;
    fs::write(&scores, bytes).unwrap();
    assert!(paname(&manifest, &run_dir).status().unwrap().success());
    let again = evidence(&run_dir);
    assert_eq!(again.core_sha256, first.core_sha256);
    assert_eq!(again.run.steps_run, 1);
    let journal = fs::read_to_string(run_dir.join("journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"op\":\"corrupt\"").count(), 1);
}

#[test]
fn a_changed_manifest_is_an_amendment_and_runs_only_what_it_changes() {
    let folder = tempfile::tempdir().unwrap();
    let run_dir = folder.path().join("run");
    let path = manifest(folder.path(), &["loss"]);
    assert!(paname(&path, &run_dir).status().unwrap().success());
    assert_eq!(evidence(&run_dir).run.amendments, 0);
    let path = manifest(folder.path(), &["loss", "margin"]);
    assert!(paname(&path, &run_dir).status().unwrap().success());
    let amended = evidence(&run_dir);
    assert_eq!(amended.run.amendments, 1);
    // Attack, control and judgement of the new row, and the judgement of the old one, since there are more tests to correct for. The margin was
    // there: it tells right answers from wrong ones.
    assert_eq!(amended.run.steps_run, 4);
    assert!(paname_engine::verify(&run_dir).unwrap().holds());
}

#[test]
fn steps_in_this_process_and_in_workers_give_the_same_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let path = manifest(folder.path(), &["loss", "lira"]);
    assert!(paname(&path, &folder.path().join("workers")).status().unwrap().success());
    let mut registry = paname_core::Registry::default();
    registry.add_adapters(paname_data::ADAPTERS, "paname-data").unwrap();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
    let manifest = paname_engine::Manifest::read(&path).unwrap();
    for workers in [1, 3] {
        let run_dir = folder.path().join(format!("here-{workers}"));
        let options = paname_engine::RunOptions { run_dir, workers, worker: None, patience: None };
        let outcome = paname_engine::run(&manifest, &registry, &options, &()).unwrap();
        assert_eq!(outcome.evidence.core_sha256, evidence(&folder.path().join("workers")).core_sha256);
    }
}

#[test]
fn a_run_folder_in_use_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = manifest(folder.path(), &["loss"]);
    let run_dir = folder.path().join("run");
    fs::create_dir(&run_dir).unwrap();
    let lock = fs::File::create(run_dir.join("lock")).unwrap();
    lock.lock().unwrap();
    assert_eq!(paname(&path, &run_dir).status().unwrap().code(), Some(6));
    drop(lock);
    assert!(paname(&path, &run_dir).status().unwrap().success());
}

/// Files cannot grow beyond the limit, as on a full disk: the error names the file, what was finished stays, and the same command goes on.
#[cfg(unix)]
#[test]
fn a_full_disk_stops_with_the_name_of_the_file_and_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let path = manifest(folder.path(), &["loss"]);
    let run_dir = folder.path().join("run");
    // Blocks of 512 or 1024 bytes, by the shell: enough for the inputs, too little for a signal of 33 models and 1,797 records.
    let limited = Command::new("sh")
        .arg("-c")
        .arg("trap '' XFSZ; ulimit -f 200; exec \"$@\"")
        .arg("sh")
        .arg(env!("CARGO_BIN_EXE_paname"))
        .arg("run")
        .arg(&path)
        .arg("--run-dir")
        .arg(&run_dir)
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&limited.stderr);
    assert!(!limited.status.success() && said.contains("values.npy"), "{:?} {said}", limited.status);
    let finished = sealed(&run_dir);
    assert!(!finished.is_empty());
    assert!(paname(&path, &run_dir).status().unwrap().success());
    let last = sealed(&run_dir);
    assert!(finished.iter().all(|(step, time)| last.get(step) == Some(time)));
}
