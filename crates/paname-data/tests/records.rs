//! Lists of records and of scores, good and bad.
#![expect(clippy::unwrap_used, reason = "outside of a test function too, a refusal fails the test")]

mod common;

use common::{floats, folder, npy, npz, texts};
use paname_core::{Error, Labels};
use paname_data::{Columns, LabelKind, RecordTable, RecordsConfig, ScoreTable};
use tempfile::TempDir;
use zip::CompressionMethod;

fn table() -> RecordsConfig {
    RecordsConfig { table: Some("t.csv".into()), ..RecordsConfig::default() }
}

fn csv(text: &[u8]) -> TempDir {
    folder(&[("t.csv", text)])
}

fn read(text: &str) -> RecordTable {
    RecordTable::read(&table(), csv(text.as_bytes()).path()).unwrap()
}

fn refused(config: &RecordsConfig, text: &[u8]) -> String {
    RecordTable::read(config, csv(text).path()).unwrap_err().to_string()
}

fn classes(labels: &Labels) -> (&[u32], usize) {
    match labels {
        Labels::Classes { values, classes } => (values, *classes),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_table_with_every_column() {
    let records = read("id,label,member,person,group\na,0,1,p,f\nb,2,0,p,\n");
    assert_eq!(records.ids, ["a", "b"]);
    assert_eq!(classes(&records.labels), (&[0, 2][..], 3));
    assert_eq!(records.member, Some(vec![true, false]));
    assert_eq!(records.person, Some(vec!["p".into(), "p".into()]));
    assert_eq!(records.group, Some(vec!["f".into(), String::new()]));
    assert_eq!(records.roster().unwrap().position("b"), Some(1));
}

#[test]
fn what_a_french_spreadsheet_writes() {
    let records = read("\u{feff}id;label;member\r\n a ;0;oui\r\n\r\nb;1;NON\r\nc;1;VRAI\r\n");
    assert_eq!(records.ids, ["a", "b", "c"]);
    assert_eq!(records.member, Some(vec![true, false, true]));

    let config = RecordsConfig { label_kind: LabelKind::Values, ..table() };
    let records = RecordTable::read(&config, csv("id;label\na;1,5\nb;-2\n".as_bytes()).path()).unwrap();
    let Labels::Values(values) = records.labels else { panic!() };
    assert_eq!(values.to_f64().unwrap(), [1.5, -2.0]);

    let records = read("id\tlabel\n\"a, b;\"\t0\n");
    assert_eq!(records.ids, ["a, b;"]);
}

#[test]
fn columns_may_have_other_names() {
    let config = RecordsConfig { id: Some("nom".into()), label: Some("classe".into()), ..table() };
    let records = RecordTable::read(&config, csv(b"nom,classe\na,1.0\n").path()).unwrap();
    assert_eq!((&records.ids[..], classes(&records.labels)), (&["a".to_owned()][..], (&[1][..], 2)));
}

#[test]
fn bad_tables() {
    for (text, expected) in [
        (&b""[..], "t.csv: is empty; expected a line with the names of the columns"),
        (b" \r\n", "t.csv: is empty; expected a line with the names of the columns"),
        (b"id,label\n", "t.csv: has names of columns but no rows"),
        (b"name,label\na,1\n", "t.csv: has no column `id`; there are: name, label"),
        (b"id,id\na,1\n", "t.csv: has two columns `id`"),
        (b"id,label\na,1\n\n\nb\n", "t.csv line 5: has 1 cells; expected 2 as in the header"),
        (b"id,label\na,1,2\n", "t.csv line 2: has 3 cells; expected 2 as in the header"),
        (b"id,label\na,1\n,0\n", "t.csv line 3: the id is missing"),
        (
            b"id,label\na,1\nb,0\na,0\n",
            "t.csv line 4: id \"a\" was already given in line 2; ids must be unique",
        ),
        (b"id,label\na,1\n\xe9,0\n", "t.csv line 3, column `id`: is not UTF-8 text; save the table as UTF-8"),
        (b"id,pr\xe9nom\na,1\n", "t.csv line 1, column 2: is not UTF-8 text; save the table as UTF-8"),
        (
            b"id,label\na,cat\n",
            "t.csv line 2, column `label`: the label of record \"a\" is not usable; expected a class number from 0",
        ),
        (
            b"id,label\na,-1\n",
            "t.csv line 2, column `label`: the label of record \"a\" is not usable; expected a class number from 0",
        ),
        (
            b"id,label\na,0.5\n",
            "t.csv line 2, column `label`: the label of record \"a\" is not usable; expected a class number from 0",
        ),
        (
            b"id,member\na,2\n",
            "t.csv line 2, column `member`: is neither yes nor no; expected one of 0, 1, true, false, yes, no, oui, non, vrai, faux",
        ),
        (b"id,person\na,p\nb,\n", "t.csv line 3, column `person`: the cell is empty"),
    ] {
        assert_eq!(refused(&table(), text), expected);
    }
    let ten = RecordsConfig { classes: Some(10), ..table() };
    assert_eq!(
        refused(&ten, b"id,label\n\"x\ny\",3\na,10\n"),
        "t.csv line 4, column `label`: the label of record \"a\" is not usable; expected a class number from 0 to 9"
    );
    let other = RecordsConfig { label: Some("y".into()), ..table() };
    assert_eq!(refused(&other, b"id,label\na,1\n"), "t.csv: has no column `y`; there are: id, label");
}

#[test]
fn errors_show_nothing_of_a_record_but_its_id() {
    for text in ["id,label,member\nme,secret,1\n", "id,label,member\nme,1,secret\n"] {
        let said = refused(&table(), text.as_bytes());
        assert!(!said.contains("secret"), "{said}");
    }
}

#[test]
fn an_archive_is_a_table_too() {
    let archive = npz(
        &[
            ("ids", texts(&["a", "b"])),
            ("label", npy("|u1", &[2], &[0, 1])),
            ("member", npy("|b1", &[2, 2], &[1, 0, 0, 1])),
        ],
        CompressionMethod::Stored,
    );
    let files = folder(&[("t.npz", &archive)]);
    let config = RecordsConfig {
        table: Some("t.npz".into()),
        id: Some("ids".into()),
        member: Some("t.npz#member[1]".into()),
        ..RecordsConfig::default()
    };
    let records = RecordTable::read(&config, files.path()).unwrap();
    assert_eq!(
        (&records.ids[..], classes(&records.labels)),
        (&["a".to_owned(), "b".into()][..], (&[0, 1][..], 2))
    );
    assert_eq!(records.member, Some(vec![false, true]));
    let config = RecordsConfig {
        table: None,
        id: Some("t.npz#ids".into()),
        label: Some("t.npz#label".into()),
        ..config
    };
    let records = RecordTable::read(&config, files.path()).unwrap();
    assert_eq!((records.ids, records.member), (vec!["a".into(), "b".into()], Some(vec![false, true])));
    assert_eq!(config.files(files.path()), [files.path().join("t.npz")]);
}

#[test]
fn order_is_never_assumed_but_may_be_stated() {
    let files = folder(&[("t.csv", b"id,label\na,0\nb,1\n"), ("m.npy", &npy("|b1", &[2], &[0, 1]))]);
    let silent = RecordsConfig { member: Some("m.npy".into()), ..table() };
    assert_eq!(
        RecordTable::read(&silent, files.path()).unwrap_err().to_string(),
        "configuration: m.npy carries no ids, and the ids come from another file: to state that both are in one order, write that file's ids as an \
         array: id = \"t.csv#id\""
    );
    let stated = RecordsConfig { id: Some("t.csv#id".into()), ..silent.clone() };
    assert_eq!(RecordTable::read(&stated, files.path()).unwrap().member, Some(vec![false, true]));
    let numbered = RecordsConfig { id: Some("row-number:p".into()), ..silent };
    assert_eq!(RecordTable::read(&numbered, files.path()).unwrap().ids, ["p0", "p1"]);

    let three = folder(&[("t.csv", b"id,label\na,0\nb,1\n"), ("m.npy", &npy("|b1", &[3], &[0, 1, 1]))]);
    assert_eq!(
        RecordTable::read(&stated, three.path()).unwrap_err().to_string(),
        "m.npy, rows beside the ids of t.csv#id: expected 2, got 3"
    );
}

#[test]
fn arrays_of_labels_are_checked() {
    let files = folder(&[
        ("y.npy", &npy("<i4", &[2], &[1, 0, 0, 0, 0xff, 0xff, 0xff, 0xff])),
        ("f.npy", &floats(&[2], &[1.0, f32::NAN])),
        ("w.npy", &floats(&[2, 2], &[1.0, 2.0, 3.0, f32::INFINITY])),
    ]);
    let config = |array: &str| RecordsConfig {
        id: Some("row-number".into()),
        label: Some(array.into()),
        ..RecordsConfig::default()
    };
    let said = |config: &RecordsConfig| RecordTable::read(config, files.path()).unwrap_err().to_string();
    let unusable =
        |row: &str| format!("{row}: the label of record \"1\" is not usable; expected a class number from 0");
    assert_eq!(said(&config("y.npy")), unusable("y.npy row 1"));
    assert_eq!(said(&config("f.npy")), unusable("f.npy row 1"));
    assert!(said(&config("w.npy")).starts_with("w.npy: expected one class number per record"));
    let values = |array: &str| RecordsConfig { label_kind: LabelKind::Values, ..config(array) };
    assert_eq!(said(&values("f.npy")), "f.npy row 1: the label of record \"1\" is not a finite number");
    assert_eq!(said(&values("w.npy")), "w.npy row 1: the label of record \"1\" is not a finite number");
}

#[test]
fn no_ids_no_records() {
    let nothing = RecordsConfig::default();
    let said = |config: &RecordsConfig| RecordTable::read(config, csv(b"").path()).unwrap_err();
    assert!(matches!(said(&nothing), Error::Config(text) if text.starts_with("records need ids")));
    let numbered = RecordsConfig { id: Some("row-number".into()), ..nothing.clone() };
    assert!(matches!(said(&numbered), Error::Config(text) if text.contains("whose rows are counted")));
    let column = RecordsConfig { label: Some("label".into()), ..nothing };
    assert!(matches!(said(&column), Error::Config(text) if text.contains("no `table` is given")));
}

#[test]
fn population_goes_under_the_audited_records() {
    let mut records = read("id,label,member\na,0,1\n");
    records.append(read("id,label\nb,3\n")).unwrap();
    assert_eq!(
        (&records.ids[..], classes(&records.labels)),
        (&["a".to_owned(), "b".into()][..], (&[0, 3][..], 4))
    );
    assert_eq!(records.member, None);
    assert_eq!(
        records.append(read("id,label\nc,0\nb,3\n")).unwrap_err().to_string(),
        "two lists of records: id \"b\" is record 1 of one and record 1 of the other; ids must be unique"
    );
    assert!(records.append(read("id\nd\n")).unwrap_err().to_string().contains("labels of different kinds"));
}

#[test]
fn scores_of_any_tool() {
    let read = |text: &str| {
        let files = csv(text.as_bytes());
        let place = files.path().join("t.csv").display().to_string();
        ScoreTable::read(&files.path().join("t.csv")).map_err(|e| e.to_string().replace(&place, "t.csv"))
    };
    let scores = read("id;score;member;person\na;0,25;1;p\nb;-inf;0;q\n").unwrap();
    assert_eq!((scores.scores, scores.member), (vec![0.25, f64::NEG_INFINITY], vec![true, false]));
    assert_eq!((scores.person, scores.group), (Some(vec!["p".into(), "q".into()]), None));
    for (text, expected) in [
        (
            "id,score,member\na,1,1\nb,nan,0\n",
            "t.csv line 3, column `score`: the score of record \"b\" is NaN; expected a number or ±inf",
        ),
        ("id,score,member\na,,1\n", "t.csv line 2, column `score`: is empty; expected a number"),
        ("id,score,member\na,x,1\n", "t.csv line 2, column `score`: is not a number"),
        (
            "id,score,member\na,1,1\na,2,0\n",
            "t.csv line 3, column `id`: id \"a\" was already given in line 2; ids must be unique",
        ),
        ("id,score,member\n,1,1\n", "t.csv line 2, column `id`: the id is missing"),
        ("id,score\na,1\n", "t.csv: has no column `member`; there are: id, score"),
        ("id,score,member,person\na,1,1,\n", "t.csv line 2, column `person`: the cell is empty"),
    ] {
        assert_eq!(read(text), Err(expected.to_owned()));
    }
}

#[test]
fn labels_are_of_the_task() {
    let labelled = |kind, label: Columns, text: &str| {
        let config = RecordsConfig { label_kind: kind, label: Some(label), ..table() };
        RecordTable::read(&config, csv(text.as_bytes()).path()).map(|table| table.labels)
    };
    let two = || Columns::Several(vec!["x".into(), "y".into()]);
    let text = "id,x,y\na,1,0\nb,0,0\n";
    for (kind, text) in [
        (LabelKind::Values, text),
        (LabelKind::Labels, text),
        (LabelKind::Labels, "id,x,y\na,yes,no\nb,no,0\n"),
    ] {
        let Ok(Labels::Values(values)) = labelled(kind, two(), text) else { panic!("{kind:?}") };
        assert_eq!((values.shape(), values.to_f64().unwrap()), (&[2, 2][..], vec![1.0, 0.0, 0.0, 0.0]));
    }
    let none = RecordsConfig { label_kind: LabelKind::None, ..table() };
    let read = RecordTable::read(&none, csv(b"id,label\na,any\n").path()).unwrap();
    assert!(matches!(read.labels, Labels::None));
    let said = |kind, label, text| labelled(kind, label, text).unwrap_err().to_string();
    assert_eq!(
        said(LabelKind::Classes, two(), text),
        "configuration: `label` names 2 columns, and the classes of records are in one; several are the labels of other tasks"
    );
    assert_eq!(
        said(LabelKind::Values, two(), "id,x,y\na,1,0\nb,0,NaN\n"),
        "t.csv line 3, column `y`: the label of record \"b\" is not a finite number"
    );
    assert_eq!(
        said(LabelKind::Labels, "x".into(), "id,x\na,2\n"),
        "t.csv line 2, column `x`: is neither yes nor no; expected one of 0, 1, true, false, yes, no, oui, non, vrai, faux"
    );
    assert_eq!(said(LabelKind::Values, "z".into(), text), "t.csv: has no column `z`; there are: id, x, y");
}

#[test]
fn several_labels_may_be_an_array() {
    let files = folder(&[("t.csv", b"id\na\nb\n"), ("y.npy", &floats(&[2, 2], &[1.0, 0.0, 0.5, 1.0]))]);
    let config = RecordsConfig {
        label_kind: LabelKind::Labels,
        id: Some("t.csv#id".into()),
        label: Some("y.npy".into()),
        ..table()
    };
    let error = RecordTable::read(&config, files.path()).unwrap_err().to_string();
    assert_eq!(error, "y.npy row 1: label 0 of record \"b\" is 0.5; expected 0 or 1");
}
