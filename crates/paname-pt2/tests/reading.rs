//! What torch 2.11 has saved is read as it was meant.

use std::path::PathBuf;

use paname_pt2::Archive;

fn fixture(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(name)
}

#[test]
fn all() {
    for name in ["classifier", "regions", "sizes", "recurrent"] {
        let archive = Archive::open(fixture(&format!("{name}.pt2"))).unwrap();
        println!("{:#?}", archive.program());
        for w in archive.weights() { println!("{w:?}"); }
    }
}
