//! What records are, in the order of a roster: configuration and arrays.

mod common;

use std::path::Path;

use common::{bools, floats, folder, gzip, idx, npz, roster, texts};
use paname_core::{Features, Result, Tensor};
use paname_data::{InputsConfig, InputsKind};
use proptest::prelude::*;
use zip::CompressionMethod;

fn config(text: &str) -> InputsConfig {
    toml::from_str(text).expect("a configuration")
}

fn read(base: &Path, text: &str, ids: &[&str]) -> Result<Tensor> {
    match config(text).read(base, &roster(ids), 2)? {
        Features::Tensor(tensor) => Ok(tensor),
        _ => panic!("no tensor"),
    }
}

#[test]
fn an_array_comes_in_the_order_of_the_roster() {
    let members =
        [("images", floats(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])), ("ids", texts(&["a", "b", "c"]))];
    let files = folder(&[("x.npz", &npz(&members, CompressionMethod::Deflated))]);
    let text = "array = \"x.npz#images\"\nids = \"x.npz#ids\"";
    let rows = read(files.path(), text, &["c", "a"]).unwrap();
    assert_eq!((rows.shape(), rows.as_slice::<f32>().unwrap()), (&[2, 2][..], &[5.0, 6.0, 1.0, 2.0][..]));
    assert_eq!(config(text).files(files.path()).unwrap(), [files.path().join("x.npz")]);
    let schema = config(text).describe(files.path()).unwrap();
    assert_eq!(
        (schema.kind, schema.records, &schema.shape[..], &schema.dtype[..]),
        (InputsKind::Array, 3, &[2][..], "f32")
    );
    assert_eq!(
        read(files.path(), text, &["a", "d", "e"]).unwrap_err().to_string(),
        "x.npz#ids: 2 of the 3 records of the audit have no row here: \"d\", \"e\""
    );
}

#[test]
fn arrays_follow_each_other_and_number_on() {
    let files = folder(&[
        ("train-images-idx3-ubyte.gz", &gzip(&idx(8, &[2, 1, 2], &[0, 1, 2, 3]))),
        ("t10k-images-idx3-ubyte", &idx(8, &[1, 1, 2], &[4, 5])),
    ]);
    let array = "array = [\"train-images-idx3-ubyte.gz\", \"t10k-images-idx3-ubyte\"]";
    let rows = read(files.path(), &format!("{array}\nids = \"row-number\""), &["2", "0"]).unwrap();
    assert_eq!((rows.shape(), rows.as_slice::<u8>().unwrap()), (&[2, 1, 2][..], &[4, 5, 0, 1][..]));
    let each = format!("{array}\nids = [\"row-number:train-\", \"row-number:test-\"]");
    let rows = read(files.path(), &each, &["train-1", "test-0"]).unwrap();
    assert_eq!(rows.as_slice::<u8>().unwrap(), [2, 3, 4, 5]);
    let schema = config(&each).describe(files.path()).unwrap();
    assert_eq!((schema.records, &schema.shape[..], &schema.dtype[..]), (3, &[1, 2][..], "u8"));
    assert_eq!(config(&each).files(files.path()).unwrap().len(), 2);
    // Numbers of two arrays that begin anew are no ids.
    let twice = format!("{array}\nids = [\"row-number\", \"row-number\"]");
    assert_eq!(
        read(files.path(), &twice, &["0"]).unwrap_err().to_string(),
        "t10k-images-idx3-ubyte row 0: id \"0\" is also that of row 0 of train-images-idx3-ubyte.gz; ids must be unique"
    );
}

#[test]
fn truth_values_are_inputs_too() {
    let files = folder(&[("a.npy", &bools(&[2], &[true, false])), ("b.npy", &bools(&[1], &[true]))]);
    let rows =
        read(files.path(), "array = [\"a.npy\", \"b.npy\"]\nids = \"row-number\"", &["2", "1"]).unwrap();
    assert_eq!((rows.shape(), rows.to_bools().unwrap()), (&[2][..], vec![true, false]));
}

#[test]
fn rows_in_order_share_the_memory_of_the_file() {
    let files = folder(&[("a.idx", &idx(8, &[3, 2], &[0, 1, 2, 3, 4, 5]))]);
    let rows = read(files.path(), "array = \"a.idx\"\nids = \"row-number\"", &["1", "2"]).unwrap();
    // A private copy would not see the file change under it.
    let file = std::fs::OpenOptions::new().write(true).open(files.path().join("a.idx")).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[9], 12 + 5).unwrap();
    assert_eq!(rows.as_slice::<u8>().unwrap(), [2, 3, 4, 9]);
}

#[test]
fn configurations_that_make_no_sense() {
    let files = folder(&[
        ("a.npy", &floats(&[2, 2], &[0.0; 4])),
        ("b.npy", &floats(&[2, 3], &[0.0; 6])),
        ("ids.npy", &texts(&["a", "b", "c"])),
        ("people.csv", b"id,age\na,1\n"),
    ]);
    let cases = [
        "",
        "array = \"a.npy\"\nfolder = \"x\"",
        "array = \"a.npy\"",
        "array = \"a.npy\"\nids = [\"row-number\", \"row-number\"]",
        "array = \"a.npy\"\nids = \"ids.npy\"",
        "array = \"a.npy[0]\"\nids = \"ids.npy\"",
        "array = [\"a.npy\", \"a.npy\", \"a.npy\"]\nids = [\"row-number\", \"row-number\"]",
        "array = [\"a.npy\", \"b.npy\"]\nids = \"row-number\"",
        "array = \"ids.npy\"\nids = \"row-number\"",
        "array = \"people.csv\"\nids = \"row-number\"",
        "array = \"none.npy\"\nids = \"row-number\"",
        "array = \"a.npy\"\nids = \"row-number\"\nchannels = 1",
        "array = \"a.npy\"\nids = \"row-number\"\nencode = \"none\"",
        "folder = \"x\"\nids = \"row-number\"",
        "folder = \"x\"\nsize = [0, 3]",
        "folder = \"x\"\nsize = [10, 100000]",
        "folder = \"x\"\nchannels = 4",
        "folder = \"x\"",
        "table = \"people.csv\"\nsize = [1, 1]",
    ];
    let said = cases.map(|text| format!("{text}\n    {}", read(files.path(), text, &["0"]).expect_err(text)));
    insta::assert_snapshot!(said.join("\n"));
}

#[test]
fn the_schema_knows_every_key() {
    let schema = serde_json::to_value(schemars::schema_for!(InputsConfig)).unwrap();
    let keys: Vec<&String> = schema["properties"].as_object().unwrap().keys().collect();
    assert_eq!(
        keys,
        [
            "array", "channels", "columns", "encode", "fill", "folder", "header", "id", "ids", "missing",
            "size", "table"
        ]
    );
    let unknown = serde_json::from_value::<InputsConfig>(serde_json::json!({"arrays": "a.npy"}));
    assert!(unknown.unwrap_err().to_string().starts_with("unknown field `arrays`"));
    let rule = serde_json::from_value::<InputsConfig>(serde_json::json!({"columns": {"age": "numeric"}}));
    assert_eq!(
        rule.unwrap_err().to_string(),
        "expected `number`, `truth`, `category`, `text`, `ignore`, or the list of the categories in their order"
    );
    // What is not said is not written, so that a manifest's digest stays what it was when keys are added.
    let text = "array = \"a.npy\"\nids = \"row-number\"";
    assert_eq!(
        serde_json::to_value(config(text)).unwrap(),
        serde_json::json!({"array": "a.npy", "ids": "row-number"})
    );
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 100, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn every_record_gets_its_own_row(parts in prop::collection::vec(1..6_u8, 1..4), seed in prop::collection::vec(any::<prop::sample::Index>(), 1..20)) {
        let rows: u8 = parts.iter().sum();
        let mut first = 0;
        let mut named = Vec::new();
        for (p, &length) in parts.iter().enumerate() {
            let elements: Vec<u8> = (first..first + length).flat_map(|row| [row, 100 + row]).collect();
            named.push((format!("{p}.idx"), idx(8, &[u32::from(length), 2], &elements)));
            first += length;
        }
        let named: Vec<(&str, &[u8])> = named.iter().map(|(name, bytes)| (name.as_str(), &bytes[..])).collect();
        let files = folder(&named);
        let mut wanted: Vec<usize> = seed.iter().map(|index| index.index(usize::from(rows))).collect();
        wanted.sort_by_key(|row| (row * 7) % 13);
        wanted.dedup();
        let mut seen = std::collections::HashSet::new();
        wanted.retain(|row| seen.insert(*row));
        let ids: Vec<String> = wanted.iter().map(usize::to_string).collect();
        let arrays: Vec<String> = named.iter().map(|(name, _)| format!("{name:?}")).collect();
        let text = format!("array = [{}]\nids = \"row-number\"", arrays.join(", "));
        let read = read(files.path(), &text, &ids.iter().map(String::as_str).collect::<Vec<_>>()).unwrap();
        let expected: Vec<u8> = wanted.iter().flat_map(|&row| [row as u8, 100 + row as u8]).collect();
        prop_assert_eq!(read.as_slice::<u8>().unwrap(), expected);
    }
}
