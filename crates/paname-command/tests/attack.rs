//! The attack `command` with real programs, well-behaved and other.
#![expect(clippy::unwrap_used, reason = "outside of a test function too, a refusal fails the test")]

mod common;

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::process::ExitStatusExt as _;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{Kept, heart, shell, stops, wait_for};
use npyz::WriterBuilder as _;
use paname_command::ATTACKS;
use paname_core::{Ctx, Error, Result, Signal, SignalSource as _, Whom};
use paname_data::read_array;
use paname_testkit::{Behaviour, Size, Toy};
use serde_json::{Value, json};

const SIZE: Size = Size { records: 40, population: 7, references: 4, classes: 3, augmentations: 2 };

fn toy() -> Toy {
    Toy::new(Behaviour::Leaky, SIZE, 1)
}

fn run_with(config: Value, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
    ATTACKS[0].build(config)?.run(&toy().case()?, ctx)?.membership(SIZE.records)
}

fn refusal(kept: &Kept, config: Value) -> Error {
    run_with(config, &kept.ctx()).unwrap_err()
}

/// A script that leaves as many zeros as there are records.
const ZEROS: &str = "yes 0 | head -n 40 > \"$2\"";

#[test]
fn a_program_scores_the_records_and_leaves_its_logs() {
    let kept = Kept::new();
    kept.write("half.sh", "echo progress 1/2; echo talk; echo warning >&2; seq 40 > \"$2\"; pwd > place");
    let config = json!({ "program": ["sh", "half.sh", "{inputs}", "{scores}"], "signals": ["loss"] });
    let scores = run_with(config.clone(), &kept.ctx()).unwrap();
    assert_eq!(scores, (1..=40).map(f64::from).collect::<Vec<_>>());
    assert_eq!(fs::read_to_string(kept.left("command-1/stdout.log")).unwrap(), "progress 1/2\ntalk\n");
    assert_eq!(fs::read_to_string(kept.left("command-1/stderr.log")).unwrap(), "warning\n");
    assert!(kept.progress.lock().unwrap().contains(&(1, 2)));
    assert!(!kept.left("command-1/inputs.npz").exists(), "the signals are personal data");
    assert!(kept.left("command-1/place").exists(), "the current folder is the run's");
    // A second run works in another folder.
    run_with(config, &kept.ctx()).unwrap();
    assert!(kept.left("command-2/stdout.log").exists());
}

#[test]
fn the_archive_holds_what_the_program_may_know_and_no_more() {
    let kept = Kept::new();
    let config = json!({
        "program": ["sh", "-c", format!("cp \"$1\" copy.npz; {ZEROS}"), "sh", "{inputs}", "{scores}"],
        "signals": ["scaled-confidence", "log-probability:2"],
        "references-max": 3,
    });
    run_with(config, &kept.ctx()).unwrap();
    let folder = kept.left("command-1");
    let archive = zip::ZipArchive::new(fs::File::open(folder.join("copy.npz")).unwrap()).unwrap();
    let names: BTreeSet<String> = archive.file_names().map(|name| name.unwrap().to_string()).collect();
    let expected = ["format", "seed", "threads"].map(str::to_owned).into_iter();
    let arrays = ["labels", "membership", "scaled-confidence", "log-probability:2"];
    let groups = ["audited", "population"].into_iter().flat_map(|g| arrays.map(|name| format!("{g}/{name}")));
    assert_eq!(names, expected.chain(groups).map(|name| format!("{name}.npy")).collect());

    let array = |name: &str| read_array(&folder, &format!("copy.npz#{name}").parse().unwrap()).unwrap();
    let toy = toy();
    assert_eq!(array("format").to_i64().unwrap(), [1]);
    assert_eq!(array("threads").to_i64().unwrap(), [2]);
    assert_eq!(array("seed").to_i64().unwrap()[0] as u64, kept.ctx().seed("command") >> 33);
    for (group, whom, records) in [("audited", Whom::Audited, 40), ("population", Whom::Population, 7)] {
        for signal in [Signal::ScaledConfidence, Signal::LogProbability { temperature: 2.0 }] {
            let written = array(&format!("{group}/{signal}"));
            assert_eq!(written.shape(), [records, 4, 2]);
            let mut all = vec![0.0; records * 5 * 2];
            toy.signals.read(signal, whom, 0..records, &mut all).unwrap();
            let given: Vec<f32> = all.chunks(10).flat_map(|row| row[..8].to_vec()).collect();
            assert_eq!(written.as_slice::<f32>().unwrap(), given);
        }
        let case = toy.case().unwrap();
        let membership = case.membership(whom);
        let members: Vec<bool> =
            (0..records).flat_map(|r| membership.row(r).iter().take(3).collect::<Vec<_>>()).collect();
        assert_eq!(array(&format!("{group}/membership")).to_bools().unwrap(), members);
        let classes: Vec<i64> =
            case.cohort(whom).classes().unwrap().0.iter().map(|&c| i64::from(c)).collect();
        assert_eq!(array(&format!("{group}/labels")).to_i64().unwrap(), classes);
    }
}

#[test]
fn exit_codes_have_meanings() {
    let kept = Kept::new();
    let script =
        |code: u32| shell(&format!("echo first >&2; printf 'no \\033[1m good\\n\\n' >&2; exit {code}"));
    let error = refusal(&kept, script(2));
    assert!(matches!(error, Error::Config(_)), "{error}");
    let error = refusal(&kept, script(3));
    assert!(matches!(error, Error::Data { .. }), "{error}");
    let error = refusal(&kept, script(1));
    assert!(matches!(error, Error::Other(_)), "{error}");
    let said = error.to_string();
    assert!(said.starts_with("`sh -c echo first"), "{said}");
    assert!(said.contains("failed with exit code 1: no [1m good; its error output is in "), "{said}");
    assert!(said.ends_with("command-3/stderr.log"), "{said}");
    assert!(kept.left("command-3/inputs.npz").exists(), "a failed run can be tried again by hand");
    let error = refusal(&kept, shell("kill -9 $$")).to_string();
    assert!(error.contains("was ended by a signal (signal: 9"), "{error}");
    // Where the host keeps nothing, no log is pointed to.
    let error = run_with(script(1), &Ctx::new(1, "test", 1, &())).unwrap_err().to_string();
    assert!(error.ends_with("good"), "{error}");
}

#[test]
fn bad_scores_are_named() {
    let kept = Kept::new();
    for (script, said) in [
        ("seq 39 > \"$2\"", "scores.npy, scores: expected 40, one for each audited record, got 39"),
        (
            "(seq 39; echo nan) > scores.csv",
            "scores.csv line 40: expected a number, or an infinite one, got NaN",
        ),
        ("true", "scores.npy: is missing: the program ended well and wrote no scores"),
        ("printf '\\223NUMPY\\001' > \"$2\"", "scores.npy: ends within its header"),
        ("mkdir \"$2\"", "is missing"),
    ] {
        let error = refusal(&kept, shell(script)).to_string();
        assert!(error.contains(said), "{error}");
    }
}

#[test]
fn npy_scores_are_checked() {
    let scores = |shape: &[u64], values: &[f64]| {
        let kept = Kept::new();
        let file = fs::File::create(kept.base.path().join("made.npy")).unwrap();
        let mut writer =
            npyz::WriteOptions::new().default_dtype().shape(shape).writer(file).begin_nd().unwrap();
        writer.extend(values.iter().copied()).unwrap();
        writer.finish().unwrap();
        let config = json!({ "program": ["cp", "made.npy", "{scores}"], "signals": ["loss"] });
        run_with(config, &kept.ctx())
    };
    let mut values: Vec<f64> = (0..40).map(f64::from).collect();
    values[3] = f64::INFINITY;
    assert_eq!(scores(&[40], &values).unwrap(), values);
    let error = scores(&[20, 2], &values).unwrap_err().to_string();
    assert_eq!(error, "scores.npy: expected one axis of numbers, got F64 of shape [20, 2]");
    values[3] = f64::NAN;
    let error = scores(&[40], &values).unwrap_err().to_string();
    assert_eq!(error, "scores.npy row 3: expected a number, or an infinite one, got NaN");
}

#[test]
fn what_cannot_be_started_is_named() {
    let kept = Kept::new();
    let config = json!({ "program": ["no-such-program-here"], "signals": ["loss"] });
    let error = refusal(&kept, config);
    assert!(matches!(error, Error::Config(_)), "{error}");
    assert!(error.to_string().contains("there is no program `no-such-program-here`"), "{error}");
    kept.write("plain.txt", "hello");
    let config = json!({ "program": ["./plain.txt"], "signals": ["loss"] });
    let error = refusal(&kept, config).to_string();
    assert!(error.contains("plain.txt` is not executable"), "{error}");
}

#[test]
fn the_time_limit_ends_the_whole_group() {
    let kept = Kept::new();
    let beat = kept.left("beat");
    let mut config = shell(&heart(&beat));
    config["time-limit"] = json!(2);
    let error = refusal(&kept, config).to_string();
    assert!(
        error.contains("was ended: it took longer than its time limit of 2 s; its error output"),
        "{error}"
    );
    assert!(beat.exists() && stops(&beat), "a child of the program lives on");
}

#[test]
fn a_cancelled_run_ends_the_whole_group() {
    let beat = tempfile::tempdir().unwrap().keep().join("beat");
    let kept = Kept { cancel: Some(beat.clone()), ..Kept::new() };
    assert_eq!(refusal(&kept, shell(&heart(&beat))), Error::Cancelled);
    assert!(stops(&beat), "a child of the program lives on");
    assert!(!kept.left("command-1/inputs.npz").exists(), "the signals are personal data");
    fs::remove_dir_all(beat.parent().unwrap()).unwrap();
}

#[test]
fn children_end_with_the_program() {
    let kept = Kept::new();
    let beat = kept.left("beat");
    let path = beat.display();
    let child = format!("(while :; do echo >> '{path}'; sleep 0.02; done) &");
    let script = format!("{child} while [ ! -e '{path}' ]; do sleep 0.01; done; {ZEROS}");
    run_with(shell(&script), &kept.ctx()).unwrap();
    assert!(beat.exists() && stops(&beat), "a child of the program lives on");
}

/// This program runs itself: once as an audit that is killed.
#[test]
fn a_killed_audit_leaves_no_program_behind() {
    const BEAT: &str = "PANAME_COMMAND_TEST_BEAT";
    if let Some(beat) = std::env::var_os(BEAT) {
        let ended = run_with(shell(&heart(beat.as_ref())), &Ctx::new(1, "test", 1, &()));
        panic!("the program ended: {ended:?}");
    }
    let folder = tempfile::tempdir().unwrap();
    let beat = folder.path().join("beat");
    let mut audit = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_killed_audit_leaves_no_program_behind"])
        .env(BEAT, &beat)
        .env("TMPDIR", folder.path())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&beat);
    audit.kill().unwrap();
    assert_eq!(audit.wait().unwrap().signal(), Some(9));
    assert!(stops(&beat), "the program outlives the audit");
}

/// This program runs itself: with a secret in its environment.
#[test]
fn the_environment_is_filtered() {
    const SECRET: &str = "PANAME_COMMAND_TEST_SECRET";
    if std::env::var_os(SECRET).is_none() {
        let inner = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "the_environment_is_filtered"])
            .envs([(SECRET, "hidden"), ("WANTED", "given"), ("LC_TIME", "C"), ("OMP_NUM_THREADS", "77")])
            .output()
            .unwrap();
        assert!(inner.status.success(), "{}", String::from_utf8_lossy(&inner.stdout));
        return;
    }
    let kept = Kept::new();
    let mut config = shell(&format!("env; {ZEROS}"));
    config["environment"] = json!(["WANTED"]);
    run_with(config, &kept.ctx()).unwrap();
    let told = fs::read_to_string(kept.left("command-1/stdout.log")).unwrap();
    let there = |line: &str| told.lines().any(|told| told == line);
    assert!(there("WANTED=given") && there("LC_TIME=C") && there("OMP_NUM_THREADS=2"), "{told}");
    assert!(told.contains("PATH="), "{told}");
    assert!(!told.contains("hidden") && !told.contains("CARGO"), "{told}");
}

#[test]
fn logs_are_bounded() {
    let kept = Kept::new();
    let flood = "yes 0123456789 | head -c 20000000";
    run_with(shell(&format!("{flood}; {flood} >&2; {ZEROS}")), &kept.ctx()).unwrap();
    for name in ["stdout.log", "stderr.log"] {
        let log = fs::read(kept.left("command-1").join(name)).unwrap();
        assert!(log.len() > 16 << 20 && log.len() < (16 << 20) + 100, "{name}: {}", log.len());
        assert!(log.ends_with(b"\n[what follows was not kept]\n"));
    }
    let words = refusal(&kept, shell("head -c 100000 /dev/zero | tr '\\0' a >&2; exit 1")).to_string();
    assert!(words.contains(&format!("exit code 1: {};", "a".repeat(300))), "{words}");
}

#[test]
fn a_process_that_leaves_the_group_is_not_waited_for() {
    let kept = Kept::new();
    let script = "import subprocess, sys
subprocess.Popen(['sleep', '9'], start_new_session=True)
open(sys.argv[2], 'w').write('0\\n' * 40)";
    let config = json!({ "program": ["python3", "-c", script, "{inputs}", "{scores}"], "signals": ["loss"] });
    let started = Instant::now();
    run_with(config, &kept.ctx()).unwrap();
    assert!(started.elapsed() < Duration::from_secs(7), "{:?}", started.elapsed());
}

#[test]
fn progress_that_floods_is_thinned() {
    let kept = Kept::new();
    let script = format!("seq 20000 | sed 's|.*|progress &/20000|'; echo progress nonsense; {ZEROS}");
    run_with(shell(&script), &kept.ctx()).unwrap();
    let told = kept.progress.lock().unwrap().iter().filter(|(_, total)| *total == 20000).count();
    assert_eq!(told, 1001);
}

#[test]
fn the_configuration_is_checked() {
    for (config, said) in [
        (json!({}), "`program` is empty"),
        (json!({ "program": ["p"] }), "`signals` is empty"),
        (json!({ "program": ["p"], "signals": ["los"] }), "`signals`: signal: expected the name of a signal"),
        (json!({ "program": ["p"], "signals": ["loss", "loss"] }), "`signals` names loss twice"),
        (
            json!({ "program": ["p"], "signals": ["loss"], "time-limit": 0 }),
            "`time-limit` must be at least 1",
        ),
        (
            json!({ "program": ["p"], "signals": ["loss"], "in-out-min": [2, 2], "references-max": 3 }),
            "`references-max` is 3, and at least 4",
        ),
        (json!({ "program": ["p"], "signals": ["loss"], "shell": true }), "unknown field `shell`"),
    ] {
        let error = ATTACKS[0].build(config).err().unwrap();
        assert!(matches!(error, Error::Config(_)) && error.to_string().contains(said), "{error}");
    }
}

#[test]
fn a_changed_script_is_another_file_list_and_digest() {
    let kept = Kept::new();
    let script = kept.write("score.py", "");
    kept.write("more.txt", "");
    let config = json!({ "program": ["python3", "score.py"], "signals": ["loss"], "files": ["more.txt"] });
    let files = ATTACKS[0].files(config, kept.base.path()).unwrap();
    assert_eq!(files, [kept.base.path().join("more.txt"), script]);
    let missing = json!({ "program": ["python3", "score.py"], "signals": ["loss"], "files": ["none"] });
    assert!(matches!(ATTACKS[0].files(missing, kept.base.path()), Err(Error::Data { .. })));
}
