//! The crates keep their direction: every manifest is read and each edge held against one list.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

/// The crates that each crate of the workspace may use. What is absent is forbidden; nobody uses the command line.
const MAY_USE: &[(&str, &[&str])] = &[
    ("paname-core", &[]),
    ("paname-stats", &[]),
    ("paname-evidence", &["paname-stats"]),
    ("paname-data", &["paname-core"]),
    ("paname-aia", &["paname-core"]),
    ("paname-inversion", &["paname-core"]),
    ("paname-mia", &["paname-core"]),
    ("paname-report", &["paname-evidence", "paname-stats"]),
    ("paname-engine", &["paname-core", "paname-data", "paname-evidence", "paname-stats"]),
    ("paname-plugin", &["paname-core"]),
    ("paname-command", &["paname-core", "paname-data"]),
    ("paname-pt2", &[]),
    ("paname-torch", &["paname-core", "paname-data", "paname-pt2"]),
    ("paname-testkit", &["paname-core", "paname-plugin", "paname-stats"]),
    (
        "paname",
        &[
            "paname-command",
            "paname-core",
            "paname-data",
            "paname-engine",
            "paname-evidence",
            "paname-aia",
            "paname-inversion",
            "paname-mia",
            "paname-plugin",
            "paname-report",
            "paname-stats",
        ],
    ),
];

/// The crates that each plugin may use: the contract, and the one that it is the plugin of.
const PLUGIN_MAY_USE: &[(&str, &[&str])] = &[
    ("paname-plugin-command", &["paname-command", "paname-core"]),
    ("paname-plugin-aia", &["paname-core", "paname-aia"]),
    ("paname-plugin-inversion", &["paname-core", "paname-inversion"]),
    ("paname-plugin-mia", &["paname-core", "paname-mia"]),
    ("paname-plugin-predictions", &["paname-core", "paname-data"]),
    ("paname-plugin-torch", &["paname-core", "paname-torch"]),
];

/// Attacks see no files, no terminal and no libtorch.
const ATTACK_CRATES: &[&str] = &["paname-aia", "paname-inversion", "paname-mia"];
const KEPT_FROM_ATTACKS: &[&str] =
    &["clap", "csv", "indicatif", "memmap2", "miette", "npyz", "tch", "tempfile", "toml", "zip"];

type Manifest = toml::Table;

fn crates() -> BTreeMap<String, Manifest> {
    packages("crates")
}

/// The packages in a folder of the repository, by name.
fn packages(folder: &str) -> BTreeMap<String, Manifest> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder);
    fs::read_dir(folder)
        .unwrap()
        .map(|entry| -> Manifest {
            let path = entry.unwrap().path().join("Cargo.toml");
            fs::read_to_string(path).unwrap().parse().unwrap()
        })
        // What outsiders write is a workspace of its own.
        .filter(|manifest| manifest.contains_key("package"))
        .map(|manifest| (manifest["package"]["name"].as_str().unwrap().to_owned(), manifest))
        .collect()
}

/// The names under the given tables, those of `[target.*]` included, by their package and not by their local alias.
fn dependencies(manifest: &Manifest, tables: &[&str]) -> BTreeSet<String> {
    let per_target =
        manifest.get("target").and_then(toml::Value::as_table).into_iter().flat_map(toml::Table::values);
    let places = per_target.filter_map(toml::Value::as_table).chain([manifest]);
    places
        .flat_map(|place| tables.iter().filter_map(|table| place.get(*table)?.as_table()))
        .flatten()
        .map(|(alias, entry)| entry.get("package").and_then(toml::Value::as_str).unwrap_or(alias).to_owned())
        .collect()
}

fn ours(names: BTreeSet<String>) -> BTreeSet<String> {
    names.into_iter().filter(|name| name == "paname" || name.starts_with("paname-")).collect()
}

fn hold_to(packages: BTreeMap<String, Manifest>, list: &[(&str, &[&str])]) {
    let allowed: BTreeMap<&str, &[&str]> = list.iter().copied().collect();
    for (name, manifest) in packages {
        let may_use = allowed.get(name.as_str()).unwrap_or_else(|| panic!("{name} has no row in the list"));
        for used in ours(dependencies(&manifest, &["dependencies", "build-dependencies"])) {
            assert!(
                may_use.contains(&used.as_str()),
                "{name} may not use {used}: the list allows {may_use:?}"
            );
        }
    }
}

#[test]
fn each_crate_uses_only_the_crates_that_the_list_allows() {
    hold_to(crates(), MAY_USE);
}

#[test]
fn each_plugin_uses_the_contract_and_the_crate_that_it_is_the_plugin_of() {
    hold_to(packages("plugins"), PLUGIN_MAY_USE);
}

#[test]
fn the_list_names_only_crates_that_exist() {
    let present: BTreeSet<String> = crates().into_keys().chain(packages("plugins").into_keys()).collect();
    let listed = MAY_USE.iter().chain(PLUGIN_MAY_USE);
    for name in listed.flat_map(|(name, uses)| uses.iter().chain([name])).chain(ATTACK_CRATES) {
        assert!(present.contains(*name), "{name} is in a list but not in crates/ or plugins/");
    }
}

#[test]
fn nobody_uses_the_command_line_even_in_tests() {
    for (name, manifest) in crates() {
        let used = dependencies(&manifest, &["dependencies", "dev-dependencies", "build-dependencies"]);
        assert!(!used.contains("paname"), "{name} uses the command line");
    }
}

#[test]
fn attack_crates_see_no_files_terminal_or_torch_and_forbid_unsafe_code() {
    let present = crates();
    for name in ATTACK_CRATES {
        let used = dependencies(&present[*name], &["dependencies", "build-dependencies"]);
        for kept in KEPT_FROM_ATTACKS {
            assert!(!used.contains(*kept), "{name} may not use {kept}");
        }
        let source = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates").join(name).join("src/lib.rs");
        assert!(
            fs::read_to_string(source).unwrap().contains("#![forbid(unsafe_code)]"),
            "{name} must forbid unsafe code"
        );
    }
}

/// Every Rust source below a folder, but those that are built.
fn sources(folder: &Path) -> Vec<std::path::PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

#[test]
fn one_file_names_the_library_of_the_plugin_interface_and_one_crate_loads_libraries() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let naming = |word: &str| {
        let folders = ["crates", "plugins", "benches"].map(|folder| sources(&root.join(folder)));
        let mut found: Vec<String> = folders
            .iter()
            .flatten()
            .filter(|path| fs::read_to_string(path).unwrap().contains(word))
            .map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().into_owned())
            .collect();
        found.sort();
        found
    };
    assert_eq!(naming("abi_stable"), ["crates/paname-core/src/abi.rs"]);
    assert_eq!(naming("libloading"), ["crates/paname-plugin/src/load.rs"]);
}
