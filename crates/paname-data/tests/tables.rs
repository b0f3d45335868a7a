//! Tables of mixed types as inputs.

mod common;

use std::path::Path;

use common::{folder, roster};
use paname_core::{Features, Result, Table, Tensor};
use paname_data::{ColumnKind, InputsConfig, InputsSchema, RecordTable, RecordsConfig, TableSchema};
use proptest::prelude::*;

const PEOPLE: &str = "\
id,age,income,smoker,town,post,label,member
a,31,1500.5,yes,Lyon,01000,1,1
b,?,2000,no,Arles,13200,0,0
c,45,,no,,01000,1,1
d,22,900,yes,Lyon,75001,0,0
";

fn config(text: &str) -> InputsConfig {
    toml::from_str(text).expect("a configuration")
}

fn features(base: &Path, text: &str, ids: &[&str]) -> Result<Features> {
    config(text).read(base, &roster(ids), 1)
}

fn tensor(base: &Path, text: &str, ids: &[&str]) -> Result<Tensor> {
    match features(base, text, ids)? {
        Features::Tensor(tensor) => Ok(tensor),
        _ => panic!("no tensor"),
    }
}

fn table(base: &Path, text: &str, ids: &[&str]) -> Result<Table> {
    match features(base, text, ids)? {
        Features::Table(table) => Ok(table),
        _ => panic!("no table"),
    }
}

fn names(schema: InputsSchema) -> Vec<String> {
    TableSchema { columns: schema.columns }.encoded_names()
}

#[test]
fn a_schema_is_guessed_and_shown() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let schema = config("table = \"people.csv\"").describe(files.path()).unwrap();
    insta::assert_snapshot!(serde_json::to_string_pretty(&schema).unwrap());
}

#[test]
fn every_cell_counts_in_a_guess() {
    let cases: &[(&[&str], ColumnKind)] = &[
        (&["1", "-20", "+3"], ColumnKind::Whole),
        (&["0", "10", "3"], ColumnKind::Whole),
        (&["1", "2", "NaN"], ColumnKind::Whole),
        (&["1", "2", "0.5"], ColumnKind::Real),
        (&["1e3", "-.5", "7."], ColumnKind::Real),
        // Beyond 64 bits.
        (&["1", "2", "99999999999999999999"], ColumnKind::Real),
        (&["1", "2", "inf"], ColumnKind::Category),
        (&["1", "2", "three"], ColumnKind::Category),
        (&["1,5", "2,5", "3,5"], ColumnKind::Category),
        (&["75001", "01000", "13200"], ColumnKind::Category),
        (&["0", "1", "0"], ColumnKind::Truth),
        (&["TRUE", "False", ""], ColumnKind::Truth),
        (&["oui", "non", "1"], ColumnKind::Truth),
        (&["yes", "no", "maybe"], ColumnKind::Category),
        (&["?", "", "null"], ColumnKind::Ignored),
    ];
    for (cells, kind) in cases {
        let lines: Vec<String> = cells.iter().map(|cell| format!("\"{cell}\"\t1\n")).collect();
        let files = folder(&[("t.csv", format!("x\tid\n{}", lines.concat()).as_bytes())]);
        let schema = config("table = \"t.csv\"\nencode = \"none\"").describe(files.path()).unwrap();
        assert_eq!((schema.columns[0].kind, schema.columns[0].guessed), (*kind, true), "{cells:?}");
    }
    // As many texts as are taken for categories, and one more.
    for (distinct, kind) in [(1_000, ColumnKind::Category), (1_001, ColumnKind::Text)] {
        let lines: Vec<String> = (0..distinct).map(|i| format!("t{i},{i}\n")).collect();
        let files = folder(&[("t.csv", format!("x,id\n{}", lines.concat()).as_bytes())]);
        let schema = config("table = \"t.csv\"\nencode = \"none\"").describe(files.path()).unwrap();
        assert_eq!(schema.columns[0].kind, kind);
        assert_eq!(schema.columns[0].categories.len(), if kind == ColumnKind::Text { 0 } else { distinct });
    }
}

#[test]
fn a_table_becomes_numbers() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let text = "table = \"people.csv\"\nfill = { age = 30, income = -1.5 }";
    let rows = tensor(files.path(), text, &["c", "b"]).unwrap();
    assert_eq!(rows.shape(), [2, 9]);
    assert_eq!(
        names(config(text).describe(files.path()).unwrap()),
        [
            "age",
            "income",
            "smoker",
            "town=Arles",
            "town=Lyon",
            "town=(missing)",
            "post=01000",
            "post=13200",
            "post=75001"
        ]
    );
    assert_eq!(
        rows.as_slice::<f32>().unwrap(),
        [[45.0, -1.5, 0.0, 0.0, 0.0, 1.0, 1.0, 0.0, 0.0], [30.0, 2000.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0, 0.0]]
            .concat()
    );
}

#[test]
fn a_table_may_stay_one() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let text = "table = \"people.csv\"\nencode = \"none\"\ncolumns = { post = \"number\" }";
    let rows = table(files.path(), text, &["c", "b"]).unwrap();
    let kinds: Vec<(&str, &str)> = rows.columns().iter().map(|c| (c.name(), c.kind())).collect();
    assert_eq!(
        kinds,
        [
            ("age", "integers"),
            ("income", "numbers"),
            ("smoker", "booleans"),
            ("town", "texts"),
            ("post", "integers")
        ]
    );
    let column = |name: &str| rows.column(name).unwrap();
    assert_eq!((column("age").integer(0), column("age").integer(1)), (Some(45), None));
    assert_eq!((column("income").number(0), column("income").number(1)), (None, Some(2000.0)));
    assert_eq!(column("smoker").boolean(0), Some(false));
    assert_eq!((column("town").text(0), column("town").text(1)), (None, Some("Arles")));
    assert_eq!(column("post").integer(0), Some(1000));
    let schema = config(text).describe(files.path()).unwrap();
    assert_eq!((&schema.shape[..], &schema.dtype[..], schema.records), (&[5][..], "table", 4));
}

#[test]
fn guesses_can_be_overridden() {
    let files = folder(&[("t.csv", b"id,stars,town,note\na,3,Lyon,x\nb,10,Arles,y\nc,3,Lyon,z\n")]);
    let text = "table = \"t.csv\"\ncolumns = { stars = \"category\", town = [\"Paris\", \"Lyon\", \"Arles\"], note = \"ignore\" }";
    let schema = config(text).describe(files.path()).unwrap();
    let kinds: Vec<(ColumnKind, bool)> = schema.columns.iter().map(|c| (c.kind, c.guessed)).collect();
    assert_eq!(
        kinds,
        [(ColumnKind::Category, false), (ColumnKind::Category, false), (ColumnKind::Ignored, false)]
    );
    // Categories that are numbers come in the order of the numbers, listed ones as listed.
    assert_eq!(names(schema), ["stars=3", "stars=10", "town=Paris", "town=Lyon", "town=Arles"]);
    let rows = tensor(files.path(), text, &["b"]).unwrap();
    assert_eq!(rows.as_slice::<f32>().unwrap(), [0.0, 1.0, 0.0, 0.0, 1.0]);
}

#[test]
fn who_is_a_member_is_never_an_input() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let error = features(files.path(), "table = \"people.csv\"\ncolumns = { member = \"truth\" }", &["a"]);
    assert_eq!(
        error.unwrap_err().to_string(),
        "configuration: columns.\"member\": tells who is in the training set and cannot be an input"
    );
    // Under another name the reader of the manifest says so, and that counts more than the manifest.
    let mut told = config("table = \"people.csv\"\ncolumns = { smoker = \"truth\" }");
    told.left_out.insert("smoker".into());
    let schema = told.describe(files.path());
    assert!(
        names(schema.unwrap()).iter().all(|name| name != "smoker" && name != "member" && name != "label")
    );
}

#[test]
fn what_a_french_spreadsheet_writes() {
    let text = "\u{feff}id;âge;revenu;fumeur\r\na;31;1500,5;oui\r\nb;40;2000;non\r\n";
    let files = folder(&[("t.csv", text.as_bytes())]);
    let rows = tensor(files.path(), "table = \"t.csv\"", &["a", "b"]).unwrap();
    assert_eq!(rows.as_slice::<f32>().unwrap(), [31.0, 1500.5, 1.0, 40.0, 2000.0, 0.0]);
}

#[test]
fn tables_without_a_header() {
    let files = folder(&[("bangkok", b"\"13\",0,1\n\"2\",1,1\n")]);
    let text =
        "table = \"bangkok\"\nheader = false\nid = \"row-number:r\"\ncolumns = { column-1 = \"ignore\" }";
    let rows = tensor(files.path(), text, &["r1", "r0"]).unwrap();
    assert_eq!((rows.shape(), rows.as_slice::<f32>().unwrap()), (&[2, 2][..], &[1.0, 1.0, 0.0, 1.0][..]));
    let records = RecordsConfig {
        table: Some("bangkok".into()),
        header: Some(false),
        id: Some("row-number:r".into()),
        label: Some("column-1".into()),
        ..RecordsConfig::default()
    };
    let records = RecordTable::read(&records, files.path()).unwrap();
    assert_eq!(records.ids, ["r0", "r1"]);
    assert_eq!(config(text).files(files.path()).unwrap(), [files.path().join("bangkok")]);
}

#[test]
fn a_schema_encodes_tables_of_any_records() {
    let files = folder(&[("people.csv", PEOPLE.as_bytes())]);
    let text =
        "table = \"people.csv\"\nencode = \"none\"\ncolumns = { age = \"ignore\", income = \"ignore\" }";
    let schema = TableSchema { columns: config(text).describe(files.path()).unwrap().columns };
    let rows = table(files.path(), text, &["d"]).unwrap();
    assert_eq!(schema.encode(&rows).unwrap().as_slice::<f32>().unwrap(), [1.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let narrow = rows.select(&["town", "post"]).unwrap();
    assert!(schema.encode(&narrow).unwrap_err().to_string().contains("expected a column \"smoker\""));
}

#[test]
fn what_cannot_be_read_is_told_with_its_place() {
    let many: Vec<String> = (0..1_001).map(|i| format!("{i},text {i}\n")).collect();
    let many = format!("id,note\na,x\nb,y\n{}", many.concat());
    let cases: &[(&str, &str, &str)] = &[
        ("a missing number", "id,age\na,1\nb,NA\n", ""),
        ("a missing truth value", "id,smoker\na,yes\nb,\n", ""),
        ("another word for missing", "id,age\na,1\nb,-\n", "missing = [\"-\"]"),
        ("a number that is none", "id,age\na,1\nb,old\n", "columns = { age = \"number\" }"),
        ("an infinite number", "id,age\na,1\nb,inf\n", "columns = { age = \"number\" }"),
        ("a large number", "id,age\na,1\nb,1e300\n", ""),
        ("a truth value that is none", "id,smoker\na,yes\nb,maybe\n", "columns = { smoker = \"truth\" }"),
        ("a category not listed", "id,town\na,Lyon\nb,Arles\n", "columns = { town = [\"Lyon\"] }"),
        ("no category listed", "id,town\na,Lyon\nb,Arles\n", "columns = { town = [] }"),
        ("a category listed twice", "id,town\na,x\nb,x\n", "columns = { town = [\"x\", \"x\"] }"),
        ("too many texts", &many, ""),
        ("text", "id,town\na,Lyon\nb,Arles\n", "columns = { town = \"text\" }"),
        ("a rule for no column", "id,age\na,1\nb,2\n", "columns = { aeg = \"number\" }"),
        ("a rule for the ids", "id,age\na,1\nb,2\n", "columns = { id = \"number\" }"),
        ("a filling for texts", "id,town\na,x\nb,y\n", "fill = { town = 1 }"),
        ("an infinite filling", "id,age\na,1\nb,\n", "fill = { age = inf }"),
        ("a filling for no column", "id,age\na,1\nb,2\n", "fill = { aeg = 1 }"),
        ("no ids", "age,town\n1,Lyon\n", ""),
        ("an id twice", "id,age\na,1\na,2\n", ""),
        ("no input", "id,label\na,1\nb,2\n", ""),
        ("nothing but gaps", "id,age\na,\nb,NA\n", ""),
        ("two columns of one name", "id,age,age\na,1,2\nb,3,4\n", ""),
        ("a short line", "id,age\na,1\nb\n", ""),
        ("a short line without a header", "a,1\nb\n", "header = false\nid = \"column-1\""),
        ("no bytes", "", "header = false\nid = \"column-1\""),
        ("no bytes where names should be", "", ""),
        ("a record that is not there", "id,age\na,1\n", ""),
        ("ids elsewhere, too few", "id,age\na,1\n", "id = \"other.csv#id\""),
    ];
    let mut said = Vec::new();
    for (what, table, keys) in cases {
        let files = folder(&[("t.csv", table.as_bytes()), ("other.csv", b"id\na\nb\n")]);
        let error = tensor(files.path(), &format!("table = \"t.csv\"\n{keys}"), &["a", "b"]).expect_err(what);
        said.push(format!("{what}\n    {error}"));
    }
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn gaps_of_records_that_nobody_asks_for_do_not_matter() {
    let files = folder(&[("t.csv", b"id,age\na,1\nb,NA\n")]);
    assert_eq!(tensor(files.path(), "table = \"t.csv\"", &["a"]).unwrap().as_slice::<f32>().unwrap(), [1.0]);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    /// Which columns there are, and a record's numbers in them, hang neither on the records asked for nor on the order of lines in the file.
    #[test]
    fn encoding_is_of_the_file_and_not_of_the_roster(
        cells in prop::collection::vec((0..5_usize, 0..4_usize, any::<bool>()), 2..12),
        turn in any::<prop::sample::Index>(),
    ) {
        let towns = ["Lyon", "Arles", "", "Paris", "Nice"];
        let codes = ["01", "2", "10", "x"];
        let lines: Vec<String> = cells.iter().enumerate().map(|(row, (town, code, truth))| {
            format!("r{row},{},{},{truth}\n", towns[*town], codes[*code])
        }).collect();
        let mut turned = lines.clone();
        turned.rotate_left(turn.index(lines.len()));
        let header = "id,town,code,truth\n";
        let (one, other) = (format!("{header}{}", lines.concat()), format!("{header}{}", turned.concat()));
        let files = folder(&[("t.csv", one.as_bytes()), ("u.csv", other.as_bytes())]);
        let ids: Vec<String> = (0..cells.len()).map(|row| format!("r{row}")).collect();
        let ids: Vec<&str> = ids.iter().map(String::as_str).collect();
        let whole = tensor(files.path(), "table = \"t.csv\"", &ids).unwrap();
        let other = tensor(files.path(), "table = \"u.csv\"", &ids).unwrap();
        prop_assert_eq!(other.bytes().unwrap(), whole.bytes().unwrap());
        for (row, &id) in ids.iter().enumerate() {
            let alone = tensor(files.path(), "table = \"t.csv\"", &[id]).unwrap();
            let row = whole.slice(row..row + 1).unwrap();
            prop_assert_eq!(alone.bytes().unwrap(), row.bytes().unwrap());
        }
    }

    /// Whatever a table holds, it is described and read, or refused in words.
    #[test]
    fn any_table(cells in prop::collection::vec("[ a-zé0-9.,\"?;-]{0,6}", 0..24), header: bool) {
        let lines: Vec<String> = cells.chunks(3).map(|line| line.join(",")).collect();
        let lines = lines.join("\n");
        let files = folder(&[("t.csv", lines.as_bytes())]);
        for encode in ["one-hot", "none"] {
            let text = format!("table = \"t.csv\"\nheader = {header}\nid = \"row-number\"\nencode = {encode:?}");
            let described = config(&text).describe(files.path());
            match features(files.path(), &text, &["0"]) {
                Ok(Features::Tensor(tensor)) => prop_assert_eq!(&tensor.shape()[1..], described.unwrap().shape),
                Ok(Features::Table(table)) => prop_assert_eq!(vec![table.columns().len()], described.unwrap().shape),
                Ok(_) => prop_assert!(false),
                Err(error) => prop_assert!(error.to_string().starts_with("t.csv"), "{}", error),
            }
        }
    }
}
