//! The whole way from files to evidence against figures computed independently in NumPy (`examples/digits/make.py`, in double precision).

use std::fs;
use std::path::Path;

/// Row of `golden.json`, attack, parameters.
const ROWS: &[(&str, &str, &str)] = &[
    ("confidence", "confidence", ""),
    ("loss", "loss", ""),
    ("entropy", "entropy", ""),
    ("modified-entropy", "modified-entropy", ""),
    ("margin", "margin", ""),
    ("population", "population", "ties = \"share\", min-per-class = 100000"),
    ("lira online variance=record", "lira", "variance = \"per-record\", mode = \"online\""),
    ("lira online variance=shared", "lira", "variance = \"shared\", mode = \"online\""),
    ("lira online variance=shrunk", "lira", ""),
    ("lira offline one-sided variance=record", "lira", "variance = \"per-record\", mode = \"offline\""),
    ("lira offline one-sided variance=shared", "lira", "variance = \"shared\", mode = \"offline\""),
    ("rmia online gamma=2 temperature=2", "rmia", "ties = \"share\""),
    ("rmia online temperature=2 ratio", "rmia", ""),
    ("rmia offline a=0.3 gamma=2 temperature=2", "rmia", "ties = \"share\", mode = \"offline\", a = 0.3"),
    ("rmia offline a=0.3 temperature=2 ratio", "rmia", "mode = \"offline\", a = 0.3"),
    ("base online temperature=2", "base", ""),
];

#[test]
fn every_formula_gives_its_independent_figure() {
    let digits = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits");
    let golden: serde_json::Value =
        serde_json::from_slice(&fs::read(digits.join("golden.json")).unwrap()).unwrap();
    assert_eq!(golden.as_object().unwrap().len(), ROWS.len());
    let folder = tempfile::tempdir().unwrap();
    for file in ["records.csv", "population.csv", "target.npz", "references.npz"] {
        fs::copy(digits.join(file), folder.path().join(file)).unwrap();
    }
    let tests = ROWS.iter().enumerate().map(|(i, (_, attack, parameters))| {
        format!("[[test]]\nid = \"row-{i}\"\nattack = \"{attack}\"\nparameters = {{ {parameters} }}\n")
    });
    let text = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
population = "population.csv"
personal = []
[target]
adapter = "predictions"
logits = "target.npz#logits"
ids = "target.npz#ids"
[references]
adapter = "predictions"
logits = "references.npz#logits"
ids = "references.npz#ids"
member = "references.npz#member"
"#;
    let path = folder.path().join("audit.toml");
    fs::write(&path, text.to_owned() + &tests.collect::<String>()).unwrap();
    let mut registry = paname_core::Registry::default();
    registry.add_adapters(paname_data::ADAPTERS, "paname-data").unwrap();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
    let manifest = paname_engine::Manifest::read(&path).unwrap();
    let options = paname_engine::RunOptions {
        run_dir: folder.path().join("run"),
        workers: 2,
        worker: None,
        patience: None,
    };
    let evidence = paname_engine::run(&manifest, &registry, &options, &()).unwrap().evidence;
    // Choices that were left open are recorded as they were made.
    for (row, (name, attack, parameters)) in evidence.core.rows.iter().zip(ROWS) {
        let used = &row.attack.as_ref().unwrap().parameters;
        if parameters.is_empty() && ["lira", "rmia", "base"].contains(attack) {
            assert_eq!(used["mode"], "online", "{name}");
        }
        if *attack == "lira" && parameters.is_empty() {
            assert_eq!(used["variance"], "shrunk", "{name}");
        }
    }
    for (row, (name, ..)) in evidence.core.rows.iter().zip(ROWS) {
        let result = row.membership.as_ref().unwrap_or_else(|| panic!("{name}: {:?}", row.reasons));
        let (auc, tpr) =
            (golden[name]["auc"].as_f64().unwrap(), golden[name]["tpr_at_1_percent"].as_f64().unwrap());
        assert!((result.auc.auc - auc).abs() <= 0.0005, "{name}: AUC {} against {auc}", result.auc.auc);
        let at_one_percent = result.levels[0].same_data.as_ref().unwrap().tpr;
        assert!((at_one_percent - tpr).abs() <= 0.002, "{name}: TPR {at_one_percent} against {tpr}");
    }
}
