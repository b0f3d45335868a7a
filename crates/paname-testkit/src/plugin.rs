//! The laws of a plugin that Cargo has just built, for the tests of its own package.
#![expect(unsafe_code, reason = "a library runs when it is loaded")]

use std::path::{Path, PathBuf};

use paname_core::abi::Plugin;
use paname_core::{AdapterEntry, Entry};
use serde_json::Value;

use crate::{Trial, check_adapter, check_attack, check_attack_with, check_same_adapter, check_same_attack};

/// Loads the library of the test's own package and checks that each attack of it keeps every law of [`check_attack`], and is the same, bit for
/// bit, as the linked one. The package must build a `cdylib` and an `rlib`.
///
/// # Panics
/// Where the library cannot be loaded or a law is broken.
pub fn check_plugin(crate_name: &str, attacks: &[Entry]) {
    let plugin = load_plugin(crate_name);
    let names = |entries: &[Entry]| entries.iter().map(|entry| entry.info.name).collect::<Vec<_>>();
    assert_eq!(names(&plugin.attacks), names(attacks), "{crate_name}: other attacks are loaded than linked");
    for (loaded, linked) in plugin.attacks.iter().zip(attacks) {
        check_attack(loaded);
        check_same_attack(linked, loaded, &Value::Null);
    }
}

/// The same for one attack, with other parameters than the defaults: the laws of [`check_attack_with`].
///
/// # Panics
/// Where the library cannot be loaded or a law is broken.
pub fn check_plugin_with(crate_name: &str, linked: &Entry, config: &Value) {
    let plugin = load_plugin(crate_name);
    let name = linked.info.name;
    let Some(loaded) = plugin.attacks.iter().find(|entry| entry.info.name == name) else {
        panic!("{crate_name}: the attack {name} is not loaded");
    };
    check_attack_with(loaded, config.clone());
    check_same_attack(linked, loaded, config);
}

/// The same for the adapter of this name, on a trial.
///
/// # Panics
/// Where the library cannot be loaded or a law is broken.
pub fn check_plugin_adapter(crate_name: &str, linked: &AdapterEntry, trial: &Trial<'_>) {
    let plugin = load_plugin(crate_name);
    let name = linked.info.name;
    let Some(loaded) = plugin.adapters.iter().find(|entry| entry.info.name == name) else {
        panic!("{crate_name}: the adapter {name} is not loaded");
    };
    check_adapter(loaded, trial);
    check_same_adapter(linked, loaded, trial);
}

/// Loads the library of the test's own package.
///
/// # Panics
/// Where it cannot be loaded.
pub fn load_plugin(crate_name: &str) -> Plugin {
    let path = plugin_library(crate_name);
    // SAFETY: Cargo has built the library for this test, from the sources of the package.
    match unsafe { paname_plugin::open_library(&path) } {
        Ok(plugin) => plugin,
        Err(error) => panic!("{error}"),
    }
}

/// Where Cargo puts the library of a crate that is a dependency of the running test: beside the test, or a folder above.
///
/// # Panics
/// Where there is none.
pub fn plugin_library(crate_name: &str) -> PathBuf {
    let file = format!("{}{crate_name}{}", std::env::consts::DLL_PREFIX, std::env::consts::DLL_SUFFIX);
    let test = match std::env::current_exe() {
        Ok(test) => test,
        Err(error) => panic!("where this test is: {error}"),
    };
    let folders = test.ancestors().skip(1).take(2);
    let found = folders.map(|folder: &Path| folder.join(&file)).find(|path| path.exists());
    found.unwrap_or_else(|| {
        panic!("no {file} beside {}; expected `crate-type = [\"cdylib\", \"rlib\"]`", test.display())
    })
}
