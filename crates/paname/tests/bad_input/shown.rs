//! Words of users are shown as words: nothing that they write becomes part of the page.

use std::fmt::Write as _;
use std::fs;

use crate::audit::{Audit, MANIFEST, call};

/// Would run as a script, leave an attribute, or end the element around it, if it were not escaped.
const HOSTILE: &str = "<script>alert(1)</script>\"'><img src=x onerror=alert(2)>&lt;</title></style>";

/// The page holds the words in escaped form, and no element that the words open.
fn assert_escaped(page: &str, places: usize) {
    for raw in ["<script", "<img", "</title></style>", "onerror=alert(2)>", "\"'><"] {
        assert!(!page.contains(raw), "{raw}");
    }
    let found = page.matches("&lt;script&gt;alert(1)").count();
    assert!(found >= places, "{found} places");
    // An entity that the user wrote is shown as it was written.
    assert!(page.contains("&amp;lt;"));
}

#[test]
fn markup_in_a_manifest_and_in_its_tables_is_shown_as_text() {
    let quoted = format!("'''{HOSTILE}'''");
    let manifest = MANIFEST
        .replace("split =", &format!("group = \"group\"\ntraining_legal_basis = {quoted}\nsplit ="))
        .replace(
            "[statistics]",
            &format!(
                "[organisation]\nname = {quoted}\nsector = {quoted}\nmotivation = {quoted}\ncontact = {{ name = {quoted}, role = {quoted}, email = {quoted} }}\n\
                 [model]\nname = {quoted}\npurpose = {quoted}\ndomain = {quoted}\n[access]\nconstraints = {quoted}\n\
                 [legal]\ncontroller = {quoted}\ntest_legal_basis = {quoted}\ndpo_opinion = {quoted}\nauthorised = [{quoted}]\n\
                 [report]\nexposed = 5\n[statistics]"
            ),
        )
        + &format!(
            "edpb = {quoted}\nattacker = {{ knows = {quoted}, access = {quoted} }}\n[[test]]\nid = \"none\"\nfamily = \"extraction\"\nnot_applicable = {quoted}\n"
        );
    let audit = Audit::with(&manifest);
    let cell = format!("\"{}\"", HOSTILE.replace('"', "\"\""));
    let text = String::from_utf8(audit.bytes("records.csv")).unwrap();
    audit.write("records.csv", text.replace("group0", &cell));
    audit.result();
    for language in ["fr", "en"] {
        let page = String::from_utf8(audit.bytes(&format!("audit.run/report.{language}.html"))).unwrap();
        assert_escaped(&page, 4);
    }
}

#[test]
fn markup_in_scores_is_shown_as_text() {
    let folder = tempfile::tempdir().unwrap();
    let cell = HOSTILE.replace('"', "\"\"");
    let mut table = "id,score,member,group\n".to_owned();
    for i in 0..80 {
        writeln!(table, "\"{cell}{i}\",{},{},\"{cell}\"", (i * 37) % 61, i % 2).unwrap();
    }
    // A file's own name may hold markup, but no slash.
    let name = "<script>alert(1)&lt;.csv";
    fs::write(folder.path().join(name), table).unwrap();
    for title in [None, Some(HOSTILE)] {
        let mut arguments = vec!["score", name, "--out", "out", "--exposed", "3"];
        arguments.extend(title.into_iter().flat_map(|title| ["--title", title]));
        let told = call(folder.path(), &arguments);
        assert_eq!(told.code, 0, "{}", told.stderr);
        for language in ["fr", "en"] {
            let page = fs::read_to_string(folder.path().join(format!("out/report.{language}.html"))).unwrap();
            assert_escaped(&page, 2);
        }
    }
}
