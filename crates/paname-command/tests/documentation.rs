//! What `docs/command.md` says is true.
#![expect(clippy::unwrap_used, reason = "outside of a test function too, a refusal fails the test")]

use std::process::Command;

use paname_command::{ADAPTERS, ATTACKS};
use paname_core::Ctx;
use paname_testkit::{Behaviour, Size, Toy, check_attack_with};
use serde_json::{Value, json};

const PAGE: &str = include_str!("../../../docs/command.md");
const EXAMPLE: &str = include_str!("../../../examples/command/score.py");

/// The text of the page's first block of this language.
fn block(language: &str) -> &'static str {
    let start = PAGE.find(&format!("```{language}\n")).unwrap() + language.len() + 4;
    PAGE[start..].split("```").next().unwrap()
}

fn python(arguments: &[&str]) -> bool {
    Command::new("python3").args(arguments).output().unwrap().status.success()
}

fn scores(script: &str) -> Vec<f64> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("score.py");
    std::fs::write(&path, script).unwrap();
    let attack = ATTACKS[0].build(configuration(&json!(["python3", path]))).unwrap();
    let size = Size { records: 60, augmentations: 3, ..Size::default() };
    let toy = Toy::new(Behaviour::Leaky, size, 2);
    attack.run(&toy.case().unwrap(), &Ctx::new(1, "test", 1, &())).unwrap().membership(60).unwrap()
}

fn configuration(program: &Value) -> Value {
    json!({ "program": program, "signals": ["scaled-confidence"], "references-min": 2, "in-out-min": [0, 1] })
}

#[test]
fn the_example_runs_as_the_page_says() {
    let example = block("python");
    assert!(python(&["-c", "import ast, sys; ast.parse(sys.argv[1])", example]), "the example is no Python");
    let ours = scores(EXAMPLE);
    if python(&["-c", "import numpy"]) {
        // Sums are rounded in another order.
        assert!(scores(example).iter().zip(&ours).all(|(a, b)| (a - b).abs() < 1e-9));
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("score.py");
        std::fs::write(&path, example).unwrap();
        check_attack_with(&ATTACKS[0], configuration(&json!(["python3", path])));
    }
}

/// The keys of the page's manifests are keys of the schemas, and no key of theirs is left unsaid.
#[test]
fn the_page_knows_every_key() {
    for (entry, schema) in
        [("attack", ATTACKS[0].schema().unwrap()), ("adapter", ADAPTERS[0].schema().unwrap())]
    {
        for key in schema["properties"].as_object().unwrap().keys() {
            let told = PAGE.contains(&format!("{key} = ")) || PAGE.contains(&format!("`{key}`"));
            assert!(told, "{entry}: the page does not tell `{key}`");
        }
    }
}
