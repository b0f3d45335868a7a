//! Places: folders that cannot be written, and names that are not UTF-8.

use std::fs;

use crate::audit::{Audit, MANIFEST, call};

#[test]
fn a_run_folder_that_cannot_be_is_named() {
    let audit = Audit::new();
    audit.write("file", "");
    let told =
        |run_dir: &str| audit.call(&["run", "audit.toml", "--no-progress", "--run-dir", run_dir]).refusal();
    insta::assert_snapshot!(
        "run_folders",
        format!("below a file\n{}\na file\n{}", told("file/run"), told("file"))
    );
}

/// Where evidence or a report cannot appear, the file is named, and the same command goes on when there is room.
#[test]
fn evidence_and_reports_that_cannot_be_written_are_named_and_lose_nothing() {
    for name in ["audit.run/evidence.json", "audit.run/report.fr.html"] {
        let manifest = MANIFEST.split("[[test]]\nid = \"mia-lira\"").next().unwrap();
        let audit = Audit::with(manifest);
        fs::create_dir_all(audit.path(name)).unwrap();
        let told = audit.run().refusal();
        assert_eq!(told, format!("5 error: {name}: Is a directory (os error 21)\n"));
        fs::remove_dir(audit.path(name)).unwrap();
        let again = audit.result();
        assert_eq!(again["steps_run"], 0);
        assert_ne!(again["steps_reused"], 0);
        let left: Vec<String> = fs::read_dir(audit.path("audit.run"))
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .filter(|name| name.contains("draft") || name.contains("part"))
            .collect();
        assert_eq!(left, Vec::<String>::new());
    }
}

#[test]
fn a_folder_for_scores_that_cannot_be_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let rows = (0..60).map(|i| format!("r{i},{i},{}\n", i % 2)).collect::<Vec<_>>().concat();
    fs::write(folder.path().join("scores.csv"), format!("id,score,member\n{rows}")).unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let told = call(folder.path(), &["score", "scores.csv", "--out", "file/out"]).refusal();
    assert_eq!(told, "5 error: file/out: Not a directory (os error 20)\n");
    let told = call(folder.path(), &["score", "scores.csv", "--out", "file"]).refusal();
    assert_eq!(told, "5 error: file: File exists (os error 17)\n");
}

/// Names of files are bytes on Unix: they need not be text.
#[cfg(unix)]
#[test]
fn names_that_are_not_utf8_work() {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt as _;

    let name = OsStr::from_bytes(b"\xe9t\xe9");
    let outer = tempfile::tempdir().unwrap();
    let folder = outer.path().join(name);
    fs::create_dir(&folder).unwrap();
    let audit = Audit::new();
    for entry in fs::read_dir(audit.path(".")).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), folder.join(entry.file_name())).unwrap();
    }
    let manifest = folder.join("audit.toml");
    let run_dir = outer.path().join(OsStr::from_bytes(b"r\xe9sultat"));
    let arguments: [&OsStr; 5] =
        ["run".as_ref(), manifest.as_ref(), "--run-dir".as_ref(), run_dir.as_ref(), "--no-progress".as_ref()];
    let told = call(outer.path(), &arguments);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(run_dir.join("evidence.json").exists() && run_dir.join("report.fr.html").exists());
    assert!(paname_engine::verify(&run_dir).unwrap().holds());

    let scores = folder.join(OsStr::from_bytes(b"sc\xf6res.csv"));
    let rows = (0..60).map(|i| format!("r{i},{i},{}\n", i % 2)).collect::<Vec<_>>().concat();
    fs::write(&scores, format!("id,score,member\n{rows}")).unwrap();
    let told = call(outer.path(), &["score".as_ref(), scores.as_os_str()]);
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert!(scores.with_extension("report").join("report.en.html").exists());
}
