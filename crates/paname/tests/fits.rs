//! Models that are fitted within the audit: what they leave, how they fail, and what a kill loses of them.

#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;
use std::process::{Command, Output, Stdio};

use paname_evidence::{Evidence, FittedReferences, Reason, Verdict};
use paname_testkit::finished_fits;
use tempfile::TempDir;

const RECORDS: usize = 240;
const POPULATION: usize = 20;

/// A folder with data, the program and a manifest.
struct Audit {
    folder: TempDir,
}

impl Audit {
    /// An audit whose models are all fitted: `models` reference models by a recipe whose architecture says `how`.
    fn new(models: u32, how: &str) -> Self {
        let audit = Self { folder: tempfile::tempdir().unwrap() };
        let records = (0..RECORDS).map(|r| format!("r{r},{},{}\n", r % 3, (r * 7 % 11) % 2));
        audit.write("records.csv", &format!("id,label,member\n{}", records.collect::<String>()));
        let population = (0..POPULATION).map(|r| format!("p{r},{}\n", r % 3));
        audit.write("population.csv", &format!("id,label\n{}", population.collect::<String>()));
        // Not in the order of the records.
        let ids = (0..POPULATION).map(|r| format!("p{r}")).chain((0..RECORDS).rev().map(|r| format!("r{r}")));
        audit.write("ids.csv", &format!("id\n{}", ids.map(|id| id + "\n").collect::<String>()));
        let header =
            format!("{{'descr': '<f8', 'fortran_order': False, 'shape': ({}, 2), }}", RECORDS + POPULATION);
        let mut inputs = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        inputs.extend(format!("{header:<117}\n").bytes());
        inputs.extend(
            (0..RECORDS + POPULATION).flat_map(|i| [(i % 7) as f64 + 0.5, 0.0]).flat_map(f64::to_le_bytes),
        );
        fs::write(audit.path("inputs.npy"), inputs).unwrap();
        audit.write("fit.py", include_str!("programs/fit.py"));
        audit.manifest(models, how);
        audit
    }

    fn write(&self, name: &str, text: &str) {
        fs::write(self.folder.path().join(name), text).unwrap();
    }

    fn manifest(&self, models: u32, how: &str) {
        let adapter = "adapter = \"command\"\nprogram = [\"python3\", \"fit.py\"]\noffers = [\"logits\"]\n";
        self.write(
            "audit.toml",
            &format!(
                r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
split = "random"
personal = []
inputs = {{ array = "inputs.npy", ids = "ids.csv#id" }}
[target]
{adapter}fit = {{ recipe = {{ architecture = {{ {how} }}, epochs = 3 }} }}
[references]
{adapter}fit = {{ models = {models} }}
[[test]]
id = "loss"
attack = "loss"
[[test]]
id = "lira"
attack = "lira"
"#
            ),
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn paname(&self, verb: &str, more: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
        command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH");
        command.arg(verb).arg(self.path("audit.toml")).args(more).args(["--lang", "en"]);
        command.stdin(Stdio::null());
        command
    }

    fn run(&self, run_dir: &str) -> Output {
        self.paname("run", &["--run-dir", self.path(run_dir).to_str().unwrap()]).output().unwrap()
    }

    fn evidence(&self, run_dir: &str) -> Evidence {
        let output = self.run(run_dir);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        serde_json::from_slice(&fs::read(self.path(run_dir).join("evidence.json")).unwrap()).unwrap()
    }

    fn fits(&self, run_dir: &str) -> usize {
        finished_fits(&self.path(run_dir))
    }
}

fn fitted(evidence: &Evidence) -> &FittedReferences {
    evidence.core.references.as_ref().unwrap().fitted.as_ref().unwrap()
}

#[test]
fn an_audit_fits_its_models_and_names_them() {
    let audit = Audit::new(8, "seconds = 0");
    let plan = audit.paname("plan", &["--json"]).output().unwrap();
    let plan: serde_json::Value = serde_json::from_slice(&plan.stdout).unwrap();
    assert_eq!((&plan["fits"], &plan["references"]), (&9.into(), &8.into()));
    assert_eq!(plan["steps"][0], "fit/target");

    let evidence = audit.evidence("run");
    let target = evidence.core.target.as_ref().unwrap().fitted.as_ref().unwrap();
    assert_eq!((target.train_loss, &target.recipe["epochs"]), (Some(0.25), &3.into()));
    let references = evidence.core.references.as_ref().unwrap();
    assert!(references.gap.is_some_and(|gap| !gap.mismatch), "{:?}", references.gap);
    assert_eq!((references.used, references.fitted_with, references.fitted_without), (8, (4, 4), (4, 4)));
    let FittedReferences { asked, fitted, failed, recipe, .. } = fitted(&evidence);
    assert_eq!((*asked, *fitted, failed.len(), &recipe["epochs"]), (8, 8, 0, &3.into()));
    assert!(evidence.core.rows.iter().any(|row| row.verdict == Verdict::LeakDemonstrated));
    assert!(paname_engine::verify(&audit.path("run")).unwrap().holds());
    let report = fs::read_to_string(audit.path("run/report.en.html")).unwrap();
    assert!(report.contains("8 of 8, each on a random share"), "the report names the fits");
    assert!(report.contains("the results hold for the training procedure"));

    // The same in one process, and again from what is there.
    let mut registry = paname_core::Registry::default();
    registry.add_adapters(paname_command::ADAPTERS, "paname-command").unwrap();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
    let manifest = paname_engine::Manifest::read(&audit.path("audit.toml")).unwrap();
    let options =
        paname_engine::RunOptions { run_dir: audit.path("here"), workers: 1, worker: None, patience: None };
    let here = paname_engine::run(&manifest, &registry, &options, &()).unwrap();
    assert_eq!(here.evidence.core_sha256, evidence.core_sha256);
    assert_eq!(audit.evidence("run").run.steps_run, 0);

    // More models move no row: those that are there stay, and what rests on all of them is computed anew.
    audit.manifest(10, "seconds = 0");
    let more = audit.evidence("run");
    assert_eq!((fitted_count(&more), audit.fits("run")), (10, 11));
}

/// A leak that four models show ends the audit there; without one, all are fitted. Either way each look has its part of the level.
#[test]
fn an_audit_by_stages_ends_where_it_is_decided() {
    let staged = |how: &str| {
        let audit = Audit::new(8, how);
        let text = fs::read_to_string(audit.path("audit.toml")).unwrap();
        audit.write("audit.toml", &text.replace("models = 8", "models = 8, stages = [4, 8]"));
        audit
    };
    let audit = staged("seconds = 0");
    let plan = audit.paname("plan", &[]).output().unwrap();
    let plan = String::from_utf8_lossy(&plan.stdout).into_owned();
    assert!(plan.contains("Models to fit: 9. Judged after 4, 8 reference models"), "{plan}");
    let evidence = audit.evidence("run");
    let FittedReferences { asked, fitted, stages, .. } = fitted(&evidence);
    assert_eq!((*asked, *fitted, &stages[..], audit.fits("run")), (4, 4, &[4, 8][..], 5));
    assert!(evidence.core.rows.iter().any(|row| row.verdict == Verdict::LeakDemonstrated));
    assert_eq!(evidence.core.rows[0].membership.as_ref().unwrap().alpha, 0.025);
    let journal = fs::read_to_string(audit.path("run/journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"op\":\"stage\"").count(), 1, "{journal}");
    assert!(paname_engine::verify(&audit.path("run")).unwrap().holds());
    let report = fs::read_to_string(audit.path("run/report.en.html")).unwrap();
    assert!(report.contains("judged after 4, 8 reference models, ended at 4"));
    // Nothing is left to do, and the outcome is the same.
    let again = audit.evidence("run");
    assert_eq!((again.run.steps_run, &again.core_sha256), (0, &evidence.core_sha256));

    // A look before any model, by the attacks that need none.
    let text = fs::read_to_string(audit.path("audit.toml")).unwrap();
    audit.write("audit.toml", &text.replace("[4, 8]", "[0, 4, 8]"));
    let first = audit.evidence("early");
    assert_eq!((fitted_count(&first), audit.fits("early")), (0, 1));
    assert_eq!(first.core.rows[0].membership.as_ref().unwrap().alpha, 0.05 / 3.0);
    assert!(first.core.rows.iter().any(|row| row.verdict == Verdict::LeakDemonstrated));

    let quiet = staged("grip = 1.0");
    let evidence = quiet.evidence("run");
    assert_eq!((fitted_count(&evidence), quiet.fits("run")), (8, 9));
    assert!(evidence.core.rows.iter().all(|row| row.verdict != Verdict::LeakDemonstrated));
    let journal = fs::read_to_string(quiet.path("run/journal.jsonl")).unwrap();
    assert_eq!(journal.matches("\"op\":\"stage\"").count(), 2, "{journal}");

    for stages in ["[8, 4]", "[4, 6]", "[1, 8]", "[4, 4, 8]"] {
        let text = fs::read_to_string(quiet.path("audit.toml")).unwrap().replace("[4, 8]", stages);
        quiet.write("audit.toml", &text);
        let output = quiet.run("run");
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(
            said.contains("expected rising numbers of reference models, from 2 on or from 0 for a look before any is fitted, the last one 8"),
            "{said}"
        );
        quiet.write("audit.toml", &text.replace(stages, "[4, 8]"));
    }
}

fn fitted_count(evidence: &Evidence) -> u64 {
    fitted(evidence).fitted
}

#[test]
fn a_fit_that_fails_is_marked_and_loses_no_other() {
    let audit = Audit::new(12, "refused = [0, 1]");
    // The target is fitted on neither.
    let first = audit.evidence("run");
    let failed: BTreeSet<u64> = fitted(&first).failed.iter().map(|fit| fit.model).collect();
    assert!((1..6).contains(&failed.len()), "{failed:?}");
    let reason = &fitted(&first).failed[0].reason;
    assert!(reason.contains("the loss is not a number"), "{reason}");
    assert!(!reason.contains(&*audit.folder.path().to_string_lossy()), "{reason}");
    assert_eq!(first.core.references.as_ref().unwrap().used, 12 - failed.len() as u64);
    let again = audit.evidence("run");
    assert_eq!((again.run.steps_run, &again.core_sha256), (0, &first.core_sha256));
}

#[test]
fn a_crash_is_tried_again_and_changes_the_outcome_once_it_succeeds() {
    let audit = Audit::new(6, "crash = \"ready\"");
    let how = format!("crash = '{}'", audit.path("ready").display());
    audit.manifest(6, &how);
    let without = audit.evidence("run");
    assert_eq!(fitted(&without).failed.len(), 3, "each record is in half of the models");
    audit.write("ready", "");
    let with = audit.evidence("run");
    assert_eq!((fitted_count(&with), fitted(&with).failed.len()), (6, 0));
    assert_ne!(with.core_sha256, without.core_sha256);
    assert_eq!(audit.evidence("whole").core_sha256, with.core_sha256);
}

#[test]
fn reference_models_unlike_the_target_are_named() {
    let audit = Audit::new(4, "grip = 1.0");
    let manifest = fs::read_to_string(audit.path("audit.toml")).unwrap();
    let other = manifest.replace("models = 4", "models = 4, recipe = { architecture = { grip = 4.0 } }");
    audit.write("audit.toml", &other);
    let proxy = |reason: &Reason| matches!(reason, Reason::ProxyMismatch { .. });
    let row = |evidence: &Evidence, id: &str| {
        let row = evidence.core.rows.iter().find(|row| row.id == id).unwrap();
        (row.verdict, row.reasons.iter().any(proxy))
    };
    let gap = |evidence: &Evidence| evidence.core.references.as_ref().unwrap().gap.unwrap();
    let blind = audit.evidence("blind");
    let found = gap(&blind);
    assert!(found.mismatch && found.target.abs() < 0.2 && found.smallest > 0.2, "{found:?}");
    assert_eq!(row(&blind, "lira"), (Verdict::Inconclusive, true));
    assert_eq!(row(&blind, "loss"), (Verdict::Inconclusive, false), "it uses no reference model");
    let report = fs::read_to_string(audit.path("blind/report.en.html")).unwrap();
    assert!(report.contains("they are poor stand-ins"));
}

#[test]
fn without_its_target_there_is_no_audit() {
    let audit = Audit::new(2, "refused = []");
    let output = audit.run("run");
    let said = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(8), "{said}");
    assert!(said.contains("the model under audit was not fitted: "), "{said}");
}

#[test]
fn an_adapter_that_fits_nothing_is_refused_at_its_place() {
    let audit = Audit::new(2, "");
    let text = fs::read_to_string(audit.path("audit.toml")).unwrap();
    let (adapter, rest) = text.split_once("[references]\nadapter = \"command\"\nprogram = [\"python3\", \"fit.py\"]\noffers = [\"logits\"]\n").unwrap();
    audit.write("audit.toml", &format!("{adapter}[references]\nadapter = \"predictions\"\n{rest}"));
    for verb in ["plan", "run"] {
        let output = audit.paname(verb, &[]).output().unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(3), "{said}");
        assert!(said.contains("adapter `predictions` fits no models"), "{said}");
    }
}

#[test]
fn inputs_that_cannot_be_used_are_named_before_any_fit() {
    let audit = Audit::new(2, "seconds = 0");
    let good = fs::read_to_string(audit.path("audit.toml")).unwrap();
    let inputs = r#"{ array = "inputs.npy", ids = "ids.csv#id" }"#;
    assert!(good.contains(inputs));
    audit.write("few.csv", "id,x\nr0,1\n");
    let text = |path: &str| format!("{{ table = {path:?} }}");
    for (other, code, message) in [
        ("{}".to_owned(), 3, "audit.toml:7:10: in [data.inputs]: "),
        (r#"{ array = "inputs.npy" }"#.to_owned(), 3, "audit.toml:7:10: in [data.inputs]: "),
        (
            r#"{ array = "inputs.npy", table = "few.csv" }"#.to_owned(),
            3,
            "audit.toml:7:10: in [data.inputs]: ",
        ),
        (text("nowhere.csv"), 4, "nowhere.csv"),
        (text("few.csv"), 4, "few.csv"),
    ] {
        audit.write("audit.toml", &good.replace(inputs, &other));
        let output = audit.run("run");
        let said = String::from_utf8_lossy(&output.stderr);
        let last = said.lines().rfind(|line| line.starts_with("error: ")).unwrap_or_default();
        assert_eq!(output.status.code(), Some(code), "{other}: {said}");
        assert!(last.contains(message), "{other}: {said}");
        assert_eq!(audit.fits("run"), 0, "{other}");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn ten_kills_of_everything_fit_no_finished_model_again_and_change_no_evidence() {
    use paname_testkit::{kill_while_fitting, sealed};
    let audit = Audit::new(14, "seconds = 0.2");
    let whole = audit.evidence("whole");
    let run_dir = audit.path("killed");
    let start = || audit.paname("run", &["--run-dir", run_dir.to_str().unwrap()]);
    let finished = kill_while_fitting(start, &run_dir, 10, std::time::Duration::from_millis(60));
    let evidence = audit.evidence("killed");
    let last = sealed(&run_dir);
    assert!(finished.iter().all(|(step, time)| last.get(step) == Some(time)), "a finished fit was run again");
    assert_eq!(audit.fits("killed"), 15);
    assert_eq!(evidence.core_sha256, whole.core_sha256);
    assert!(paname_engine::verify(&run_dir).unwrap().holds());
    let drafts = fs::read_dir(run_dir.join("store")).unwrap();
    assert!(
        drafts.filter_map(Result::ok).all(|entry| entry.path().extension().is_none()),
        "drafts are swept"
    );
}
