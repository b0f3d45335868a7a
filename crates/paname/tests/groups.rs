//! Attacks that judge groups of records, through the command line: on recorded predictions of models that remember their records, of models that do
//! not, and on data that give too few groups.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use paname_testkit::{Draws, write_npy};
use serde_json::{Value, json};
use tempfile::TempDir;

/// Audited records; every second one is a member.
const AUDITED: usize = 2000;
const POPULATION: usize = 200;
const RECORDS: usize = AUDITED + POPULATION;
const CLASSES: usize = 3;

const DATA: &str = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
personal = []
[target]
adapter = "predictions"
logits = "target.npy"
ids = "row-number"
[references]
adapter = "predictions"
logits = "references.npy"
ids = "row-number"
member = "member.npy"
[statistics]
fpr_targets = [0.1]
"#;

const TESTS: &str = r#"
[[test]]
id = "loss"
attack = "loss"
[[test]]
id = "inference"
attack = "dataset-inference"
[[test]]
id = "usage"
attack = "dataset-usage"
"#;

/// A folder with recorded logits of a target and of `references` models in pairs that complement each other. The logit of the true class is that much
/// larger where a model remembers the record, and nothing varies without `noise`.
fn audit(references: usize, gain: f64, noise: f64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut draws = Draws(7);
    let mut members: Vec<Vec<bool>> = vec![(0..AUDITED).map(|r| r % 2 == 0).collect()];
    for k in 0..references {
        let rows = match members.last() {
            Some(last) if k % 2 == 1 => last.iter().map(|member| !member).collect(),
            _ => (0..AUDITED).map(|_| draws.next().is_multiple_of(2)).collect(),
        };
        members.push(rows);
    }
    let ease: Vec<f64> = (0..RECORDS).map(|_| 1.0 + draws.normal()).collect();
    let class = |record: usize| record / 2 % CLASSES;
    let mut logits = Vec::new();
    for rows in &members {
        for (record, ease) in ease.iter().enumerate() {
            let known = if record < AUDITED && rows[record] { gain } else { 0.0 };
            for c in 0..CLASSES {
                let own = if c == class(record) { ease + known } else { 0.0 };
                logits.extend(((noise * (own + draws.normal())) as f32).to_le_bytes());
            }
        }
    }
    let (target, others) = logits.split_at(4 * RECORDS * CLASSES);
    write_npy(&folder.path().join("target.npy"), "<f4", &[RECORDS, CLASSES], target);
    write_npy(&folder.path().join("references.npy"), "<f4", &[references, RECORDS, CLASSES], others);
    let in_model =
        |rows: &Vec<bool>| (0..RECORDS).map(|r| u8::from(r < AUDITED && rows[r])).collect::<Vec<u8>>();
    let member: Vec<u8> = members[1..].iter().flat_map(in_model).collect();
    write_npy(&folder.path().join("member.npy"), "|b1", &[references, RECORDS], &member);
    let line = |r: usize| format!("{r},{}", class(r));
    let audited: Vec<String> =
        (0..AUDITED).map(|r| format!("{},{}\n", line(r), u8::from(r % 2 == 0))).collect();
    let population: Vec<String> = (AUDITED..RECORDS).map(|r| line(r) + "\n").collect();
    fs::write(folder.path().join("records.csv"), "id,label,member\n".to_owned() + &audited.concat()).unwrap();
    fs::write(folder.path().join("population.csv"), "id,label\n".to_owned() + &population.concat()).unwrap();
    fs::write(folder.path().join("audit.toml"), DATA.to_owned() + TESTS).unwrap();
    folder
}

fn call(folder: &Path, arguments: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH").env("LANG", "C");
    command.args(arguments).current_dir(folder).stdin(Stdio::null()).output().unwrap()
}

fn told(folder: &Path, arguments: &[&str]) -> String {
    let output = call(folder, arguments);
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}

fn evidence(folder: &Path) -> Value {
    told(folder, &["run", "audit.toml", "--no-progress", "--json"]);
    serde_json::from_str(&fs::read_to_string(folder.join("audit.run/evidence.json")).unwrap()).unwrap()
}

fn row<'a>(rows: &'a Value, id: &str) -> &'a Value {
    rows.as_array().unwrap().iter().find(|row| row["id"] == id).unwrap()
}

fn row_of<'a>(evidence: &'a Value, id: &str) -> &'a Value {
    row(&evidence["core"]["rows"], id)
}

fn number(value: &Value) -> f64 {
    value.as_f64().unwrap()
}

#[test]
fn a_leak_is_shown_by_groups_and_shares_are_estimated() {
    let folder = audit(6, 3.0, 1.0);
    let folder = folder.path();
    let plan: Value = serde_json::from_str(&told(folder, &["plan", "audit.toml", "--json"])).unwrap();
    let groups = |id: &str| row(&plan["rows"], id)["groups"].clone();
    assert_eq!(groups("loss"), Value::Null);
    assert_eq!(groups("inference"), json!({ "size": 20, "members": 50, "non_members": 50, "mixed": 0 }));
    assert_eq!(groups("usage"), json!({ "size": 20, "members": 20, "non_members": 20, "mixed": 60 }));
    let lines = told(folder, &["plan", "audit.toml"]);
    assert!(
        lines.contains("usage: groups of at least 20 records; 20 of members, 20 of non-members, 60 mixed."),
        "{lines}"
    );
    let evidence = evidence(folder);
    for (id, units) in [("inference", 50), ("usage", 20)] {
        let row = row_of(&evidence, id);
        assert_eq!(row["verdict"], "leak_demonstrated", "{id}: {}", row["reasons"]);
        let result = &row["membership"];
        assert_eq!((&result["unit"], &result["members"]), (&json!("group"), &json!(units)));
        assert!(number(&result["auc"]["auc"]) > 0.95, "{id}");
        // The control: as many reference models, on which the same groups are no groups of members.
        assert_eq!(result["unrelated"][0]["null"].as_array().unwrap().len(), 6, "{id}");
        assert!(evidence["exposed"].get(id).is_none(), "{id}: groups have no pseudonym");
    }
    assert_eq!(row_of(&evidence, "loss")["membership"]["unit"], "record");
    let usage = &row_of(&evidence, "usage")["membership"]["groups"]["usage"];
    let error = &usage["error"];
    let found = number(&error["mean_absolute_error"]);
    assert!(found < 0.12 && found < number(&error["constant_error"]) / 2.0, "{error}");
    assert!(number(&error["bias"]).abs() < 0.05, "{error}");
    let shares: Vec<(f64, u64)> = usage["shares"]
        .as_array()
        .unwrap()
        .iter()
        .map(|at| (number(&at["share"]), at["groups"].as_u64().unwrap()))
        .collect();
    assert_eq!(shares, [(0.0, 20), (0.25, 20), (0.5, 20), (0.75, 20), (1.0, 20)]);
    for (language, title) in [("en", "Share of groups that was used"), ("fr", "Part des groupes utilisée")] {
        let report = fs::read_to_string(folder.join(format!("audit.run/report.{language}.html"))).unwrap();
        assert!(report.contains(title), "{language}");
    }
    told(folder, &["verify", "audit.run"]);
}

#[test]
fn nothing_is_shown_where_there_is_nothing() {
    let folder = audit(6, 0.0, 1.0);
    let evidence = evidence(folder.path());
    for id in ["inference", "usage"] {
        assert_eq!(row_of(&evidence, id)["verdict"], "inconclusive", "{id}");
    }
    let error = &row_of(&evidence, "usage")["membership"]["groups"]["usage"]["error"];
    assert!(number(&error["mean_absolute_error"]) > 0.8 * number(&error["constant_error"]), "{error}");
}

#[test]
fn answers_that_never_vary_are_all_tied() {
    let folder = audit(6, 3.0, 0.0);
    let usage = TESTS.replace("\"dataset-usage\"", "\"dataset-usage\"\nparameters = { attack = \"loss\" }");
    fs::write(folder.path().join("audit.toml"), DATA.to_owned() + &usage).unwrap();
    let evidence = evidence(folder.path());
    for id in ["inference", "usage"] {
        let row = row_of(&evidence, id);
        assert_eq!(
            (&row["verdict"], &row["reasons"]),
            (&json!("inconclusive"), &json!([{ "code": "all_tied" }]))
        );
    }
}

/// The reasons of a row whose attack has these parameters, and its verdict.
fn reasons(folder: &Path, attack: &str, parameters: &str) -> (String, Value) {
    let test = format!("[[test]]\nid = \"row\"\nattack = \"{attack}\"\nparameters = {{ {parameters} }}\n");
    fs::write(folder.join("audit.toml"), DATA.to_owned() + &test).unwrap();
    let evidence = evidence(folder);
    let row = row_of(&evidence, "row");
    (row["verdict"].as_str().unwrap().to_owned(), row["reasons"].clone())
}

#[test]
fn too_few_groups_are_said_with_what_it_would_take() {
    let folder = audit(6, 3.0, 1.0);
    let too_few = |members: u64, size: u64, records: u64| {
        let code = "too_few_groups";
        json!([{ "code": code, "needed": 20, "members": members, "non_members": members, "size": size, "records": records }])
    };
    // Nineteen groups of 52 records on a side.
    let (verdict, why) = reasons(folder.path(), "dataset-inference", "group-size = 52");
    assert_eq!((verdict.as_str(), why), ("inconclusive", too_few(19, 52, 1040)));
    let (verdict, why) = reasons(folder.path(), "dataset-usage", "group-size = 40");
    assert_eq!((verdict.as_str(), why), ("inconclusive", too_few(10, 40, 2000)));
    // One group on each side is judged, more records than there are on a side are not.
    let (verdict, why) = reasons(folder.path(), "dataset-inference", "group-size = 1000");
    assert_eq!((verdict.as_str(), why), ("inconclusive", too_few(1, 1000, 20_000)));
    let (verdict, why) = reasons(folder.path(), "dataset-inference", "group-size = 1001");
    assert_eq!((verdict.as_str(), why), ("not_tested", too_few(0, 1001, 20_020)));
    let plan = told(folder.path(), &["plan", "audit.toml"]);
    assert!(
        plan.contains("It would take 20,020 member records and as many non-members, or smaller groups."),
        "{plan}"
    );
}

#[test]
fn parameters_and_models_that_do_not_do_are_named() {
    let folder = audit(2, 3.0, 1.0);
    let (verdict, why) = reasons(folder.path(), "dataset-usage", "group-size = 20");
    assert_eq!(verdict, "not_tested");
    assert_eq!(why[0], json!({ "code": "references", "what": "reference models", "needed": 4, "got": 2 }));
    let (verdict, _) = reasons(folder.path(), "dataset-usage", "attack = \"loss\"");
    assert_eq!(verdict, "inconclusive", "two reference models are no control for shift");
    for (parameters, message) in [
        ("group-size = 3", "`group-size` must be at least 4, so that quarters are records, got 3"),
        ("group-size = -1", "group-size"),
        ("attack = \"ensemble\"", "cannot run within another"),
        ("group_size = 20", "unknown key `group_size` in [test.parameters]; close to it: `group-size`"),
    ] {
        let test =
            format!("[[test]]\nid = \"row\"\nattack = \"dataset-usage\"\nparameters = {{ {parameters} }}\n");
        fs::write(folder.path().join("audit.toml"), DATA.to_owned() + &test).unwrap();
        let output = call(folder.path(), &["plan", "audit.toml"]);
        let error = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(3), "{error}");
        assert!(error.contains(message) && error.contains("row"), "{error}");
    }
}
