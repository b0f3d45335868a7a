//! What records are: shown by the plan before anything is computed, and labelled by the folders that images lie in.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;

const TARGET: &str = "[target]\nadapter = \"predictions\"\nlogits = \"logits.csv\"\n[[test]]\nid = \"loss\"\nattack = \"loss\"\n";

fn plan(folder: &Path, arguments: &[&str]) -> (i32, String) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
    command.args(["plan", "audit.toml", "--lang", "en"]).args(arguments).current_dir(folder);
    let output = command.env("HOME", folder).env_remove("PANAME_PLUGIN_PATH").output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code().unwrap(), text)
}

fn audit(data: &str, records: &str, ids: &[&str]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("people.csv"), records).unwrap();
    let logits = ids.iter().map(|id| format!("{id},1,0,2\n"));
    fs::write(folder.path().join("logits.csv"), "id,a,b,c\n".to_owned() + &logits.collect::<String>())
        .unwrap();
    let head = "schema = \"paname-audit/1\"\n[data]\npersonal = []\nrecords = \"people.csv\"\n";
    fs::write(folder.path().join("audit.toml"), format!("{head}{data}\n{TARGET}")).unwrap();
    folder
}

#[test]
fn the_plan_shows_the_columns_of_a_table_and_where_their_kinds_come_from() {
    let people = "id,age,town,smokes,label,member\na,31,Lyon,yes,0,1\nb,47,,no,2,0\nc,52,Brest,no,1,1\n";
    let inputs = "[data.inputs]\ntable = \"people.csv\"\n[data.inputs.columns]\nsmokes = \"ignore\"\n";
    let folder = audit(inputs, people, &["a", "b", "c"]);
    let (code, text) = plan(folder.path(), &[]);
    assert_eq!(code, 0, "{text}");
    let shown: Vec<&str> = text.lines().skip(1).take(7).map(str::trim_end).collect();
    assert_eq!(
        shown,
        [
            "Inputs: 3 of shape 4, f32",
            "column  kind          according to  categories   missing",
            "age     whole number  its content   –            –",
            "town    category      its content   Brest, Lyon  1",
            "smokes  ignored       the manifest  –            –",
            "label   ignored       the manifest  –            –",
            "member  ignored       the manifest  –            –",
        ],
        "{text}"
    );
    let (_, text) = plan(folder.path(), &["--json"]);
    let plan: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(plan["inputs"]["columns"][1]["categories"], json!(["Brest", "Lyon"]));
    assert_eq!(plan["inputs"]["columns"][1]["missing"], json!({ "": 1 }));
}

#[test]
fn a_table_may_have_no_heading() {
    let records = "a,0,1\nb,1,0\nc,2,1\n";
    let data = "header = false\nid = \"column-1\"\nlabel = \"column-2\"\nmember = \"column-3\"";
    let folder = audit(data, records, &["a", "b", "c"]);
    let (code, text) = plan(folder.path(), &[]);
    assert!(code == 0 && text.starts_with("2 members, 1 non-members (records)"), "{text}");
}

#[test]
fn images_are_labelled_by_their_folders() {
    let records = "id,member\ncat/1.png,1\ndog/1.png,0\ndog/2.png,1\n";
    let ids = ["cat/1.png", "dog/1.png", "dog/2.png"];
    let folder = audit("[data.inputs]\nfolder = \"photos\"\n", records, &ids);
    // Without the photographs there is nothing to label by.
    let (code, text) = plan(folder.path(), &[]);
    assert!(code == 4 && text.contains("photos"), "{text}");
    for id in ids {
        let path = folder.path().join("photos").join(id);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        image::GrayImage::new(4, 3).save(path).unwrap();
    }
    let (code, text) = plan(folder.path(), &[]);
    assert!(code == 0 && text.contains("Inputs: 3 of shape 3 × 3 × 4, u8"), "{text}");
    // The row of an attack that needs labels can run: 3 records asked about.
    assert!(text.lines().any(|line| line.starts_with("loss") && line.contains('3')), "{text}");
}
