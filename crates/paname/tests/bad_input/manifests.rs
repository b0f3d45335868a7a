//! Manifests: every message points at its line.

use crate::audit::{Audit, Case, each};

#[test]
fn a_bad_manifest_is_refused_at_its_line() {
    let cases: &[Case] = &[
        ("unknown key", |audit| audit.replace("audit.toml", "records =", "recrods =")),
        ("missing key", |audit| audit.replace("audit.toml", "records = \"records.csv\"\n", "")),
        ("missing table", |audit| audit.replace("audit.toml", "[target]", "[model]\n[references.x]")),
        ("no such file", |audit| audit.remove("audit.toml")),
        ("empty", |audit| audit.write("audit.toml", "")),
        ("not UTF-8", |audit| audit.write("audit.toml", b"schema = \"paname-audit/1\"\nlang = [\"\xe9\"]\n")),
        ("unknown adapter", |audit| audit.replace("audit.toml", "\"predictions\"", "\"torch\"")),
        ("unknown key of the adapter", |audit| audit.replace("audit.toml", "logits =", "logitz =")),
        ("missing key of the adapter", |audit| audit.replace("audit.toml", "logits = \"target.npy\"\n", "")),
        ("missing key of reference models", |audit| {
            audit.replace("audit.toml", "member = \"member.npy\"\n", "");
        }),
        ("wrong type in the adapter", |audit| audit.replace("audit.toml", "\"target.npy\"", "7")),
        ("wrong type in a list of the adapter", |audit| {
            audit.replace("audit.toml", "\"target.npy\"", "[\"target.npy\", 7]");
        }),
        ("pickle named", |audit| audit.replace("audit.toml", "target.npy", "target.pkl")),
        ("unknown attack", |audit| audit.replace("audit.toml", "attack = \"lira\"", "attack = \"lyra\"")),
        ("unknown parameter", |audit| {
            audit.replace(
                "audit.toml",
                "attack = \"lira\"",
                "attack = \"lira\"\nparameters = { varience = \"shared\" }",
            );
        }),
        ("parameter of a wrong type", |audit| {
            audit.replace(
                "audit.toml",
                "attack = \"lira\"",
                "attack = \"lira\"\nparameters = { variance = 3 }",
            );
        }),
        ("parameter out of range", |audit| {
            audit.replace(
                "audit.toml",
                "attack = \"lira\"",
                "attack = \"rmia\"\nparameters = { gamma = -1 }",
            );
        }),
    ];
    insta::assert_snapshot!("manifests", each(cases));
}

#[test]
fn every_form_of_a_key_of_the_adapter_is_accepted() {
    let audit = Audit::new();
    let target = "logits = \"target.npy\"\nids = \"ids.npy\"";
    audit.replace(
        "audit.toml",
        target,
        "logits = [\"target.npy\"]\nids = [\"ids.npy\"]\nname = \"a\"\naugmentations = false",
    );
    for models in [
        "models = \"0..6\"",
        "models = [0, 2, 4]",
        "exclude = [7]\nactivations = { inner = \"references.npy\" }",
    ] {
        audit.replace("audit.toml", "member =", &format!("{models}\nmember ="));
        let told = audit.plan();
        assert_eq!(told.code, 0, "{models}: {}", told.stderr);
        audit.replace("audit.toml", &format!("{models}\n"), "");
    }
}
