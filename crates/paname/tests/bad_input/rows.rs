//! Data that an audit can use, but not for every test: the plan says so first, then the evidence.

use serde_json::{Value, json};

use crate::audit::{AUDITED, Audit, MANIFEST, floats, membership, reference_logits};

/// Verdict and reasons of a row, in the plan and in the evidence; they must agree.
fn row(audit: &Audit, id: &str) -> (Value, Value) {
    let found = |rows: &Value| {
        let rows = rows.as_array().unwrap();
        rows.iter().find(|row| row["id"] == id).unwrap().clone()
    };
    let planned = found(&audit.call(&["plan", "audit.toml", "--json"]).json()["rows"]);
    let told = audit.result();
    let row = found(&audit.evidence()["core"]["rows"]);
    assert_eq!(found(&told["rows"])["verdict"], row["verdict"]);
    assert_eq!(planned["runnable"], row["verdict"] != "not_tested", "{planned}\n{row}");
    if row["verdict"] == "not_tested" {
        assert_eq!(planned["best_verdict"], "not_tested");
        assert_eq!(planned["reasons"], row["reasons"]);
    }
    (row["verdict"].clone(), row["reasons"].clone())
}

#[test]
fn too_few_reference_models_leave_a_row_untested() {
    let audit = Audit::new();
    audit.write("references.npy", floats(&[1, 120, 3], &reference_logits(1)));
    audit.write("member.npy", membership(1));
    let what = "reference models fitted without each audited record";
    let reasons = json!([{ "code": "references", "what": what, "needed": 1, "got": 0 }]);
    assert_eq!(row(&audit, "mia-lira"), (json!("not_tested"), reasons));
    audit.replace("audit.toml", "attack = \"lira\"", "attack = \"lira\"\nparameters = { mode = \"online\" }");
    let reasons = json!([{ "code": "references", "what": "reference models", "needed": 2, "got": 1 }]);
    assert_eq!(row(&audit, "mia-lira"), (json!("not_tested"), reasons));
    let plan = audit.plan();
    assert!(plan.stdout.contains("mia-lira: "), "{}", plan.stdout);
    // The rest of the audit goes on.
    assert_ne!(row(&audit, "mia-loss").0, "not_tested");
}

#[test]
fn no_reference_models_and_no_population_leave_rows_untested() {
    let references = MANIFEST.find("[references]").unwrap()..MANIFEST.find("[statistics]").unwrap();
    let mut manifest = MANIFEST.to_owned();
    manifest.replace_range(references, "");
    let manifest = manifest.replace("population = \"population.csv\"\n", "")
        + "[[test]]\nid = \"mia-population\"\nattack = \"population\"\n";
    let audit = Audit::with(&manifest);
    let reasons = json!([{ "code": "references", "what": "reference models", "needed": 1, "got": 0 }]);
    assert_eq!(row(&audit, "mia-lira"), (json!("not_tested"), reasons));
    let reasons = json!([{ "code": "references", "what": "population records", "needed": 1, "got": 0 }]);
    assert_eq!(row(&audit, "mia-population"), (json!("not_tested"), reasons));
}

#[test]
fn signals_beyond_the_granted_access_leave_a_row_untested() {
    let manifest = MANIFEST.replace("[statistics]", "[access]\nsignals = [\"labels\"]\n[statistics]");
    let audit = Audit::with(&manifest);
    for id in ["mia-loss", "mia-lira"] {
        let (verdict, reasons) = row(&audit, id);
        assert_eq!(verdict, "not_tested");
        assert_eq!(reasons, json!([{ "code": "access", "missing": ["probabilities"] }]));
    }
    assert_eq!(audit.result()["verdict"], "not_tested");
}

#[test]
fn too_small_a_budget_of_questions_leaves_a_row_untested() {
    let manifest = MANIFEST.replace("[statistics]", "[access]\nmax_queries = 50\n[statistics]");
    let (verdict, reasons) = row(&Audit::with(&manifest), "mia-loss");
    assert_eq!(verdict, "not_tested");
    assert_eq!(reasons, json!([{ "code": "budget", "needed": 120, "allowed": 50 }]));
}

#[test]
fn ties_everywhere_are_inconclusive() {
    let audit = Audit::new();
    audit.write("target.npy", floats(&[120, 3], &[0.5; 360]));
    assert_eq!(row(&audit, "mia-loss"), (json!("inconclusive"), json!([{ "code": "all_tied" }])));
}

#[test]
fn a_single_class_in_the_labels_is_judged() {
    let audit = Audit::new();
    let records = (0..AUDITED).map(|r| format!("r{r},0,{}\n", r % 2)).collect::<Vec<_>>().concat();
    audit.write("records.csv", format!("id,label,member\n{records}"));
    let population = (0..40).map(|p| format!("p{p},0\n")).collect::<Vec<_>>().concat();
    audit.write("population.csv", format!("id,label\n{population}"));
    assert_ne!(row(&audit, "mia-loss").0, "not_tested");
}

#[test]
fn a_single_class_in_the_scores_is_refused() {
    let audit = Audit::new();
    audit.write("target.npy", floats(&[120, 1], &[0.5; 120]));
    let told = audit.run();
    assert_eq!(
        told.refusal(),
        "4 error: target.npy: expected at least two classes; write the single output p of a binary model as the two columns 1 − p and p, got one\n"
    );
    assert_eq!(audit.plan(), told);
}

#[test]
fn too_few_units_are_inconclusive() {
    let audit = Audit::new();
    let text = String::from_utf8(audit.bytes("records.csv")).unwrap();
    audit.write(
        "records.csv",
        text.lines().take(21).map(|line| format!("{line}\n")).collect::<Vec<_>>().concat(),
    );
    let (verdict, reasons) = row(&audit, "mia-loss");
    assert_eq!(verdict, "inconclusive");
    assert_eq!(reasons, json!([{ "code": "too_few", "needed": 20, "members": 10, "non_members": 10 }]));
}
