//! Tables of records.

use std::fs;

use crate::audit::{Case, each};

#[test]
fn a_bad_table_is_refused_with_line_and_column() {
    let cases: &[Case] = &[
        ("label out of range", |audit| audit.replace("records.csv", "r4,1,", "r4,3,")),
        ("negative label", |audit| audit.replace("records.csv", "r4,1,", "r4,-1,")),
        ("label that is no number", |audit| audit.replace("population.csv", "p3,2", "p3,two")),
        ("membership that is neither yes nor no", |audit| audit.replace("records.csv", "r4,1,0", "r4,1,2")),
        ("no column of membership", |audit| audit.replace("records.csv", "label,member", "label,trained")),
        ("no column of ids", |audit| audit.replace("records.csv", "id,", "identifier,")),
        ("column named in the manifest", |audit| {
            audit.replace("audit.toml", "split =", "group = \"region\"\nsplit =");
        }),
        ("id missing", |audit| audit.replace("records.csv", "r4,", ",")),
        ("id doubled", |audit| audit.replace("records.csv", "r4,", "r3,")),
        ("id in both tables", |audit| audit.replace("population.csv", "p3,", "r3,")),
        ("record without a prediction", |audit| audit.replace("records.csv", "r4,", "r400,")),
        ("cells missing", |audit| audit.replace("records.csv", "r4,1,0,", "r4,1,")),
        ("person on both sides", |audit| {
            audit.replace("audit.toml", "split =", "person_id = \"person\"\nsplit =");
            audit.replace("records.csv", "person5", "person4");
        }),
        ("person missing", |audit| {
            audit.replace("audit.toml", "split =", "person_id = \"person\"\nsplit =");
            audit.replace("records.csv", "person5", "");
        }),
        ("no non-members", |audit| {
            let text = String::from_utf8(audit.bytes("records.csv")).unwrap();
            audit.write("records.csv", text.replace(",0,person", ",1,person"));
        }),
        ("no members", |audit| {
            let text = String::from_utf8(audit.bytes("records.csv")).unwrap();
            audit.write("records.csv", text.replace(",1,person", ",0,person"));
        }),
        ("id that is not UTF-8", |audit| {
            let mut bytes = audit.bytes("records.csv");
            let at = bytes.windows(3).position(|three| three == b"r4,").unwrap();
            bytes[at] = 0xe9;
            audit.write("records.csv", bytes);
        }),
        ("name of a column that is not UTF-8", |audit| {
            let mut bytes = audit.bytes("records.csv");
            bytes[3] = 0xe9;
            audit.write("records.csv", bytes);
        }),
        ("empty", |audit| audit.write("records.csv", "")),
        ("names of columns only", |audit| audit.write("population.csv", "id,label\n")),
        ("no file", |audit| audit.remove("population.csv")),
        ("a folder", |audit| {
            audit.remove("records.csv");
            fs::create_dir(audit.path("records.csv")).unwrap();
        }),
        ("npz under the name of a table", |audit| {
            audit.write("records.csv", b"PK\x03\x04\x00\xff\xfe\n\x00");
        }),
    ];
    insta::assert_snapshot!("tables", each(cases));
}
