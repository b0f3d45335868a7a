//! One audit, once with linked attacks and adapters and once with the same ones as plugins: the same evidence.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};

use object::{Object as _, ObjectSymbol as _};
use paname_core::Registry;
use paname_engine::{Manifest, RunOptions};
use paname_plugin::{Places, Requires, Trust, load_all, pack_library};
use serde_json::Value;

/// The plugins, which Cargo has built for this test beside it.
const PLUGINS: [&str; 2] = ["paname-plugin-mia", "paname-plugin-predictions"];

fn library(package: &str) -> PathBuf {
    let file = format!("lib{}.so", package.replace('-', "_"));
    std::env::current_exe().unwrap().with_file_name(file)
}

fn linked() -> Registry {
    let mut registry = Registry::default();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
    registry.add_adapters(paname_data::ADAPTERS, "paname-data").unwrap();
    registry
}

fn loaded(folder: &Path) -> Registry {
    let places = Places {
        named: vec![folder.join("plugins")],
        usual: Vec::new(),
        config: folder.join("config"),
        cache: folder.join("cache"),
        libtorch: None,
        pytorch: None,
    };
    let mut trust = Trust::read(&places).unwrap();
    for package in PLUGINS {
        let out = folder.join("plugins");
        let packed =
            pack_library(&library(package), package, "0.1.0", "MIT", Requires::default(), &out).unwrap();
        trust.trust(&packed.manifest).unwrap();
    }
    let mut registry = Registry::default();
    for plugin in load_all(&places, &trust).unwrap().0 {
        plugin.register(&mut registry).unwrap();
    }
    registry
}

/// The audit of the digits, with a test more whose parameters the attack chooses by itself.
fn audit(folder: &Path) -> PathBuf {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits").canonicalize().unwrap();
    for file in ["records.csv", "population.csv", "target.npz", "references.npz"] {
        fs::copy(example.join(file), folder.join(file)).unwrap();
    }
    let mut text = fs::read_to_string(example.join("audit.toml")).unwrap();
    text.push_str(
        r#"
[[test]]
id = "within"
edpb = "55(i)"
attack = "ensemble"
parameters = { attacks = [{ attack = "rmia", config = { temperature = "rehearsed" } }, { attack = "margin" }] }

[[test]]
id = "alone"
edpb = "55(i)"
attack = "lira"
parameters = { variance = "rehearsed" }
"#,
    );
    let manifest = folder.join("audit.toml");
    fs::write(&manifest, text).unwrap();
    manifest
}

/// The evidence core of an audit.
fn core(manifest: &Path, registry: &Registry, run_dir: PathBuf) -> Value {
    let manifest = Manifest::read(manifest).unwrap();
    let options = RunOptions { run_dir, workers: 2, worker: None, patience: None };
    let evidence = paname_engine::run(&manifest, registry, &options, &()).unwrap().evidence;
    serde_json::to_value(evidence.core).unwrap()
}

#[test]
fn an_audit_through_plugins_gives_the_same_evidence() {
    let folder = tempfile::tempdir().unwrap();
    let manifest = audit(folder.path());
    let with_linked = core(&manifest, &linked(), folder.path().join("linked"));
    let mut with_plugins = core(&manifest, &loaded(folder.path()), folder.path().join("loaded"));
    let plugins = with_plugins["plugins"].take();
    let named: Vec<&str> = plugins.as_array().unwrap().iter().map(|p| p["name"].as_str().unwrap()).collect();
    assert_eq!(named, PLUGINS);
    for plugin in plugins.as_array().unwrap() {
        let bytes = fs::read(library(plugin["name"].as_str().unwrap())).unwrap();
        assert_eq!(plugin["sha256"], paname_evidence::sha256_hex(&bytes));
    }
    // Where the code comes from is the one thing that differs.
    with_plugins["plugins"] = Value::Array(Vec::new());
    let rows = with_plugins["rows"].as_array_mut().unwrap();
    for row in rows.iter_mut().filter(|row| row["attack"].is_object()) {
        assert_eq!(row["attack"]["origin"], "plugin paname-plugin-mia 0.1.0");
        row["attack"]["origin"] = "paname-mia".into();
    }
    assert_eq!(first_difference(&with_plugins, &with_linked, "core"), None);
    // What an attack chose by itself stands in the evidence, and so does what one chose within another.
    let chosen = |id: &str| {
        let rows = with_linked["rows"].as_array().unwrap();
        rows.iter().find(|row| row["id"] == id).unwrap()["attack"]["chosen"].clone()
    };
    let variance = chosen("alone")["variance"].as_str().unwrap().to_owned();
    assert!(["per-record", "shared", "shared-raw", "shrunk"].contains(&variance.as_str()), "{variance}");
    assert!(["1", "2", "4"].contains(&chosen("within")["rmia.temperature"].as_str().unwrap()));
}

/// Where two documents differ first, and in what: the whole would be too long to read.
fn first_difference(one: &Value, other: &Value, place: &str) -> Option<String> {
    match (one, other) {
        (Value::Object(these), Value::Object(those)) if these.keys().eq(those.keys()) => these
            .iter()
            .find_map(|(key, value)| first_difference(value, &those[key], &format!("{place}.{key}"))),
        (Value::Array(these), Value::Array(those)) if these.len() == those.len() => {
            let mut pairs = these.iter().zip(those).enumerate();
            pairs.find_map(|(i, (this, that))| first_difference(this, that, &format!("{place}[{i}]")))
        }
        _ => (one != other).then(|| format!("{place}: {one:.200} and {other:.200}")),
    }
}

#[test]
fn a_plugin_exports_one_symbol() {
    for package in PLUGINS.into_iter().chain(["paname-plugin-command"]) {
        let bytes = fs::read(library(package)).unwrap();
        let file = object::File::parse(&*bytes).unwrap();
        let defined = file.dynamic_symbols().filter(|symbol| symbol.is_definition() && symbol.is_global());
        let names: Vec<&str> = defined.map(|symbol| symbol.name().unwrap()).collect();
        assert_eq!(names, ["PANAME_PLUGIN"], "{package}");
    }
}
