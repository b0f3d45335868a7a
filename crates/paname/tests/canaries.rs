//! From candidates to a bound on ε: the draw, the commitment, the audit that opens them, and everything that is refused on the way.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

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

fn call(folder: &Path, line: &str) -> Told {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    command.env("XDG_DATA_HOME", "/nowhere").env_remove("PANAME_PLUGIN_PATH");
    for variable in ["LC_ALL", "LC_MESSAGES", "LANG", "COLUMNS"] {
        command.env_remove(variable);
    }
    let output = command.args(line.split(' ')).current_dir(folder).output().unwrap();
    Told {
        code: output.status.code().unwrap(),
        stdout: String::from_utf8(output.stdout).unwrap(),
        stderr: String::from_utf8(output.stderr).unwrap(),
    }
}

fn read(folder: &Path, name: &str) -> Value {
    serde_json::from_slice(&fs::read(folder.join(name)).unwrap()).unwrap()
}

/// A folder in which coins were thrown for so many candidates.
fn drawn(candidates: usize) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..candidates).map(|i| format!("c{i},{}\n", i % 2));
    let table = format!("id,label\n{}", rows.collect::<String>());
    fs::write(folder.path().join("candidates.csv"), table).unwrap();
    let told = call(folder.path(), "canaries make candidates.csv");
    assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{}", told.stderr);
    folder
}

/// The coin of each record.
fn coins(folder: &Path) -> HashMap<String, bool> {
    let canaries = read(folder, "canaries.json");
    let of = |canary: &Value| {
        let included = canary["included"].as_bool().unwrap();
        let records = canary["records"].as_array().unwrap().iter();
        records.map(|id| (id.as_str().unwrap().to_owned(), included)).collect::<Vec<_>>()
    };
    canaries["drawn"].as_array().unwrap().iter().flat_map(of).collect()
}

/// The audit of a model that knows its members by heart: the canaries, and `others` records of which every second was a member.
fn audit(folder: &Path, others: usize, manifest: &str) {
    let coins = coins(folder);
    let mut records: Vec<(String, bool)> = coins.into_iter().collect();
    records.extend((0..others).map(|i| (format!("o{i}"), i % 2 == 0)));
    records.sort();
    let mut table = "id,label,member\n".to_owned();
    let mut logits = "id,a,b\n".to_owned();
    for (i, (id, member)) in records.iter().enumerate() {
        writeln!(table, "{id},0,{}", u8::from(*member)).unwrap();
        // No two records alike.
        writeln!(logits, "{id},{},0", f64::from(*member) * 5.0 + 1e-3 * i as f64).unwrap();
    }
    fs::write(folder.join("records.csv"), table).unwrap();
    fs::write(folder.join("logits.csv"), logits).unwrap();
    let head = "schema = \"paname-audit/1\"\n[data]\npersonal = []\nrecords = \"records.csv\"\nsplit = \"random\"\n\
                canaries = \"canaries.json\"\ncommitment = \"commitment.json\"\n[target]\nadapter = \"predictions\"\nlogits = \"logits.csv\"\n";
    let test = "[[test]]\nid = \"loss\"\nattack = \"loss\"\n";
    fs::write(folder.join("audit.toml"), format!("{head}{manifest}\n{test}")).unwrap();
}

fn replace(folder: &Path, name: &str, from: &str, to: &str) {
    let text = fs::read_to_string(folder.join(name)).unwrap();
    assert!(text.contains(from), "{name} holds no {from:?}");
    fs::write(folder.join(name), text.replacen(from, to, 1)).unwrap();
}

/// Every file below a folder.
fn files(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { files(&path, found) } else { found.push(path) }
    }
}

#[test]
fn canaries_go_from_the_draw_to_a_bound_that_refutes_a_claim() {
    let folder = drawn(600);
    let folder = folder.path();
    let coins = coins(folder);
    assert_eq!(coins.len(), 600);
    let listed = fs::read_to_string(folder.join("included.txt")).unwrap();
    assert!(
        listed.lines().all(|id| coins[id])
            && listed.lines().count() == coins.values().filter(|c| **c).count()
    );
    let commitment = read(folder, "commitment.json");
    assert_eq!(
        (&commitment["format"], &commitment["canaries"]),
        (&json!("paname-commitment/1"), &json!(600))
    );

    audit(folder, 0, "[model]\ndp = { claimed_epsilon = 0.5, delta = 1e-6 }");
    let plan = call(folder, "plan audit.toml --lang en");
    assert!(
        plan.stdout.contains("(canaries: 600; guesses: 60): a test can at best show that ε is at least 2.6"),
        "{}",
        plan.stdout
    );
    let run = call(folder, "run audit.toml --no-progress --lang en");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(run.stdout.contains("ε ≤ 0.5 at δ = 0.000001, is refuted: ε is at least 2.6"), "{}", run.stdout);
    let evidence = read(folder, "audit.run/evidence.json");
    let found = &evidence["core"]["rows"][0]["membership"]["epsilon"]["one_run"];
    for (key, value) in [
        ("canaries", json!(600)),
        ("rule", json!("tenth")),
        ("guesses", json!(60)),
        ("guessed_in", json!(30)),
        ("guessed_out", json!(30)),
        ("right", json!(60)),
        ("delta", json!(1e-6)),
        ("claim", json!({ "epsilon": 0.5, "refuted": true })),
    ] {
        assert_eq!(found[key], value, "{key}: {found}");
    }
    assert_eq!(found["one_run"]["bound"], found["one_run"]["ceiling"]);
    assert_eq!(evidence["core"]["data"]["canaries"]["commitment"], commitment["sha256"]);
    for (language, words) in [("fr", "est réfutée"), ("en", "Lower bound on ε (canaries)")] {
        let report = fs::read_to_string(folder.join(format!("audit.run/report.{language}.html"))).unwrap();
        assert!(report.contains(words) && report.contains(commitment["sha256"].as_str().unwrap()));
    }

    // What the run leaves holds no secret but the truth, which attacks never open.
    let salt = read(folder, "canaries.json")["salt"].as_str().unwrap().to_owned();
    let mut left = Vec::new();
    files(&folder.join("audit.run"), &mut left);
    for path in left {
        let bytes = fs::read(&path).unwrap();
        assert!(!bytes.windows(salt.len()).any(|window| window == salt.as_bytes()), "{}", path.display());
    }
    assert!(![&run.stdout, &run.stderr, &plan.stdout].iter().any(|text| text.contains(&salt)));
}

#[test]
fn what_does_not_fit_the_coins_is_refused() {
    let folder = drawn(60);
    let folder = folder.path();
    audit(folder, 0, "");
    assert_eq!(call(folder, "plan audit.toml").code, 0);
    let refused = |name: &str, from: &str, to: &str, expected: &str| {
        let before = fs::read(folder.join(name)).unwrap();
        replace(folder, name, from, to);
        for command in ["plan audit.toml", "run audit.toml --no-progress"] {
            let told = call(folder, command);
            assert_eq!((told.code, told.stdout.as_str()), (4, ""), "{}", told.stderr);
            assert!(told.stderr.contains(expected), "{} lacks {expected}", told.stderr);
        }
        fs::write(folder.join(name), before).unwrap();
    };
    // One coin turned round.
    let mismatch = "commitment.json: commits to other canaries than those of canaries.json";
    refused("canaries.json", "\"included\": true", "\"included\": false", mismatch);
    refused("canaries.json", "\"salt\": \"", "\"salt\": \"0", mismatch);
    refused("commitment.json", "\"sha256\": \"", "\"sha256\": \"0", mismatch);
    refused("commitment.json", "\"canaries\": 60", "\"canaries\": 61", mismatch);
    refused("commitment.json", "commitment/1", "commitment/2", "expected \"paname-commitment/1\"");
    refused("canaries.json", "canaries/1", "canaries/2", "its format is \"paname-canaries/2\"");
    refused("canaries.json", "\"c3\"", "\"c4\"", "canaries.json: canary 5: record \"c4\" was already given");
    refused("canaries.json", "\"included\": ", "\"included\": 1", "canaries.json: line 9, column ");
    // What the table says of a canary.
    refused(
        "records.csv",
        "\nc7,0,",
        "\nx7,0,",
        "canaries.json: canary 8: record \"c7\" is not among the audited records of records.csv",
    );
    let coin = u8::from(coins(folder)["c7"]);
    let (from, to) = (format!("\nc7,0,{coin}"), format!("\nc7,0,{}", 1 - coin));
    refused(
        "records.csv",
        &from,
        &to,
        "canaries.json: canary 8: what records.csv says of the membership of record \"c7\" is not what the coin decided",
    );
    let told = call(folder, "canaries check canaries.json commitment.json --lang en");
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    assert!(
        told.stdout.starts_with("canaries.json is the draw that commitment.json commits to: 60 canaries"),
        "{}",
        told.stdout
    );
    replace(folder, "audit.toml", "[[test]]", "[statistics]\nepsilon_guesses = 61\n[[test]]");
    let told = call(folder, "plan audit.toml");
    assert_eq!(told.code, 3);
    assert!(told.stderr.contains("`epsilon_guesses` is 61, and there are 60 canaries"), "{}", told.stderr);
    fs::remove_file(folder.join("canaries.json")).unwrap();
    let told = call(folder, "canaries check");
    assert_eq!(told.code, 4);
    assert!(told.stderr.starts_with("error: canaries.json: cannot be read"), "{}", told.stderr);
}

#[test]
fn a_test_that_is_not_valid_bounds_nothing() {
    let folder = drawn(400);
    let folder = folder.path();
    // A model that is not the one declared.
    audit(folder, 0, "[model]\ntrain_accuracy = 0.2\ndp = { claimed_epsilon = 0.1, delta = 1e-6 }");
    let run = call(folder, "run audit.toml --no-progress");
    assert_eq!(run.code, 0, "{}", run.stderr);
    assert!(!run.stdout.contains("refuted"), "{}", run.stdout);
    let evidence = read(folder, "audit.run/evidence.json");
    assert_eq!(evidence["core"]["rows"][0]["membership"]["epsilon"], Value::Null);
    let report = fs::read_to_string(folder.join("audit.run/report.en.html")).unwrap();
    assert!(report.contains("does not bound ε, even with canaries") && !report.contains("Lower bound on ε"));
}

#[test]
fn coins_that_nobody_threw_are_refused() {
    let folder = drawn(60);
    let folder = folder.path();
    let text = fs::read_to_string(folder.join("canaries.json")).unwrap();
    fs::write(folder.join("canaries.json"), text.replace("\"included\": false", "\"included\": true"))
        .unwrap();
    let told = call(folder, "canaries check");
    assert_eq!(told.code, 4);
    assert!(told.stderr.contains("canaries.json: no fair coins fall so unevenly"), "{}", told.stderr);
}

#[test]
fn a_draw_is_never_overwritten_and_its_secrets_are_for_their_owner() {
    let folder = drawn(10);
    let folder = folder.path();
    let before: Vec<Vec<u8>> = ["canaries.json", "included.txt", "commitment.json"]
        .map(|name| fs::read(folder.join(name)).unwrap())
        .into();
    for taken in ["canaries.json", "included.txt", "commitment.json"] {
        let told = call(folder, "canaries make --count 5");
        assert_eq!(told.code, 5, "{}", told.stderr);
        assert!(told.stderr.contains(taken), "{}", told.stderr);
        fs::rename(folder.join(taken), folder.join(format!("kept-{taken}"))).unwrap();
    }
    let after: Vec<Vec<u8>> = ["kept-canaries.json", "kept-included.txt", "kept-commitment.json"]
        .map(|name| fs::read(folder.join(name)).unwrap())
        .into();
    assert_eq!(before, after);
    let told = call(folder, "canaries make --count 100 --out draw --json");
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    let made = told.json();
    let keys: Vec<_> = made.as_object().unwrap().keys().cloned().collect();
    assert_eq!(keys.join(", "), "canaries, commitment, count, format, included, largest_epsilon, sha256");
    assert!(made["largest_epsilon"].as_f64().unwrap() > 0.5, "{made}");
    assert_eq!(coins(&folder.join("draw")).len(), 100);
    assert!(coins(&folder.join("draw")).contains_key("canary-100"));
    #[cfg(unix)]
    for (name, expected) in [("canaries.json", 0o600), ("included.txt", 0o600)] {
        use std::os::unix::fs::PermissionsExt as _;
        let mode = fs::metadata(folder.join("draw").join(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, expected, "{name}");
    }
    let told = call(folder, "canaries check draw/canaries.json draw/commitment.json --json");
    assert_eq!(told.json()["commitment"]["sha256"], made["sha256"]);
}

#[test]
fn the_draw_says_what_to_do_next_in_both_languages() {
    for (language, words) in
        [("en", "1. BEFORE training, publish"), ("fr", "1. AVANT l’entraînement, publiez")]
    {
        let folder = tempfile::tempdir().unwrap();
        let told = call(folder.path(), &format!("canaries make --count 1000 --lang {language}"));
        assert_eq!((told.code, told.stdout.as_str()), (0, ""), "{}", told.stderr);
        assert!(told.stderr.contains(words), "{}", told.stderr);
        let sha256 = read(folder.path(), "commitment.json")["sha256"].as_str().unwrap().to_owned();
        assert!(told.stderr.contains(&sha256), "{}", told.stderr);
    }
    let folder = tempfile::tempdir().unwrap();
    for line in [
        "canaries",
        "canaries make",
        "canaries make --count 0",
        "canaries make x.csv --count 3",
        "canaries make --count 3 --person p",
    ] {
        assert_eq!(call(folder.path(), line).code, 2, "{line}");
    }
    fs::write(folder.path().join("none.csv"), "id\n").unwrap();
    let told = call(folder.path(), "canaries make none.csv");
    assert_eq!(told.code, 4, "{}", told.stderr);
    assert!(told.stderr.contains("none.csv"), "{}", told.stderr);
}

#[test]
fn too_few_canaries_say_so_before_and_after() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let told = call(folder, "canaries make --count 20 --lang en");
    assert!(told.stderr.contains("no audit will be able to conclude anything about ε"), "{}", told.stderr);
    audit(folder, 60, "");
    let told = call(folder, "run audit.toml --no-progress");
    assert_eq!(told.code, 0, "{}", told.stderr);
    let found =
        read(folder, "audit.run/evidence.json")["core"]["rows"][0]["membership"]["epsilon"]["one_run"]
            .clone();
    assert_eq!(
        (&found["canaries"], &found["guesses"], &found["one_run"]["ceiling"]),
        (&json!(20), &json!(2), &json!(0.0))
    );
    let report = fs::read_to_string(folder.join("audit.run/report.en.html")).unwrap();
    assert!(
        report.contains("Too few canaries: even all right, 2 guesses would allow no conclusion"),
        "{report}"
    );
}

#[test]
fn all_records_of_a_person_share_a_coin_and_are_one_canary() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    // Records of a person need not stand together.
    let person = |i: usize| format!("p{}", i % 60);
    let rows = (0..120).map(|i| format!("c{i},{}\n", person(i)));
    fs::write(folder.join("candidates.csv"), format!("id,who\n{}", rows.collect::<String>())).unwrap();
    assert_eq!(call(folder, "canaries make candidates.csv --person who").code, 0);
    let coins = coins(folder);
    assert!((0..60).all(|i| coins[&format!("c{i}")] == coins[&format!("c{}", i + 60)]));
    assert_eq!(read(folder, "commitment.json")["canaries"], 60);
    audit(folder, 0, "");
    let told = call(folder, "plan audit.toml");
    assert_eq!(told.code, 4);
    assert!(
        told.stderr.contains("canary 1: it is 2 records; name the column of their person by `person_id`"),
        "{}",
        told.stderr
    );

    let records = fs::read_to_string(folder.join("records.csv")).unwrap();
    let with = |person: &dyn Fn(&str) -> String| {
        let rows =
            records.lines().skip(1).map(|row| format!("{row},{}\n", person(row.split_once(',').unwrap().0)));
        fs::write(folder.join("records.csv"), format!("id,label,member,who\n{}", rows.collect::<String>()))
            .unwrap();
    };
    replace(folder, "audit.toml", "split =", "person_id = \"who\"\nsplit =");
    with(&|id| person(id[1..].parse().unwrap()));
    let told = call(folder, "plan audit.toml --json");
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(told.json()["epsilon"]["canaries"], 60);
    // Every record somebody else.
    with(&str::to_owned);
    let told = call(folder, "plan audit.toml");
    assert_eq!(told.code, 4);
    assert!(
        told.stderr.contains("canary 1: expected all records that records.csv has of one person"),
        "{}",
        told.stderr
    );
}
