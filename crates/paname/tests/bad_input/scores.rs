//! Tables of scores.

use std::fmt::Write as _;
use std::fs;

use crate::audit::call;

/// A table in order: 60 records, every second one a member.
fn scores() -> String {
    let mut table = "id,score,member,person,group\n".to_owned();
    for i in 0..60 {
        writeln!(table, "r{i},{},{},person{i},group{}", (i * 37) % 61, i % 2, i % 3).unwrap();
    }
    table
}

fn scored(table: &[u8]) -> (crate::audit::Told, tempfile::TempDir) {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("scores.csv"), table).unwrap();
    (call(folder.path(), &["score", "scores.csv", "--split", "random", "--json"]), folder)
}

#[test]
fn a_bad_table_of_scores_is_refused_with_line_and_column() {
    let spoilt = |from: &str, to: &str| {
        let table = scores();
        assert!(table.contains(from));
        table.replacen(from, to, 1).into_bytes()
    };
    let not_utf8 = |from: &str| {
        let mut table = scores().into_bytes();
        let at = table.windows(from.len()).position(|part| part == from.as_bytes()).unwrap();
        table[at] = 0xe9;
        table
    };
    let cases: Vec<(&str, Vec<u8>)> = vec![
        ("NaN", spoilt("r3,50,", "r3,NaN,")),
        ("no number", spoilt("r3,50,", "r3,fifty,")),
        ("score missing", spoilt("r3,50,", "r3,,")),
        ("id missing", spoilt("r3,", ",")),
        ("id doubled", spoilt("r3,", "r2,")),
        ("membership that is neither yes nor no", spoilt("r3,50,1", "r3,50,maybe")),
        ("no column of membership", spoilt("member", "trained")),
        ("no column of scores", spoilt("score", "value")),
        ("no column of ids", spoilt("id,", "name,")),
        ("two columns of scores", spoilt("group", "score")),
        ("cells missing", spoilt("r3,50,1,", "r3,50,")),
        ("person on both sides", spoilt("person3", "person2")),
        ("person missing", spoilt("person3", "")),
        ("no non-members", scores().replace(",0,person", ",1,person").into_bytes()),
        ("no members", scores().replace(",1,person", ",0,person").into_bytes()),
        ("id that is not UTF-8", not_utf8("r3,")),
        ("name of a column that is not UTF-8", not_utf8("group")),
        ("empty", Vec::new()),
        ("names of columns only", b"id,score,member\n".to_vec()),
        ("an archive", b"PK\x03\x04\xff\xfe\x00\x00".to_vec()),
    ];
    let mut told = Vec::new();
    for (what, table) in cases {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("scores.csv"), table).unwrap();
        let refusal = call(folder.path(), &["score", "scores.csv"]).refusal();
        assert!(!folder.path().join("scores.report").exists(), "{what}");
        told.push(format!("{what}\n{refusal}\n"));
    }
    let folder = tempfile::tempdir().unwrap();
    told.push(format!("no file\n{}\n", call(folder.path(), &["score", "scores.csv"]).refusal()));
    fs::create_dir(folder.path().join("scores.csv")).unwrap();
    told.push(format!("a folder\n{}\n", call(folder.path(), &["score", "scores.csv"]).refusal()));
    insta::assert_snapshot!("scores", told.concat());
}

#[test]
fn ties_everywhere_are_inconclusive() {
    let rows = (0..60).map(|i| format!("r{i},0.5,{}\n", i % 2)).collect::<Vec<_>>().concat();
    let (told, folder) = scored(format!("id,score,member\n{rows}").as_bytes());
    assert_eq!(told.json()["verdict"], "inconclusive");
    let evidence = fs::read(folder.path().join("scores.report/evidence.json")).unwrap();
    let evidence: serde_json::Value = serde_json::from_slice(&evidence).unwrap();
    assert_eq!(evidence["core"]["rows"][0]["reasons"], serde_json::json!([{ "code": "all_tied" }]));
}

#[test]
fn infinite_scores_are_scores() {
    let table = scores().replacen("r3,50,", "r3,inf,", 1).replacen("r4,26,", "r4,-inf,", 1);
    let (told, folder) = scored(table.as_bytes());
    assert_eq!(told.json()["verdict"], "inconclusive");
    assert!(folder.path().join("scores.report/report.en.html").exists());
}

#[test]
fn a_bad_table_leaves_an_earlier_report_as_it_is() {
    let (told, folder) = scored(scores().as_bytes());
    assert_eq!(told.code, 0, "{}", told.stderr);
    let evidence = folder.path().join("scores.report/evidence.json");
    let before = fs::read(&evidence).unwrap();
    fs::write(folder.path().join("scores.csv"), "id,score,member\n").unwrap();
    assert_eq!(call(folder.path(), &["score", "scores.csv"]).code, 4);
    assert_eq!(fs::read(&evidence).unwrap(), before);
}
