//! The demo's audit with models in memory, by the program and the plugin as users have them: ten kills fit no finished model again.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod user;

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use paname_testkit::{finished_fits, kill_while_fitting, sealed};
use serde_json::Value;
use user::User;

#[test]
fn ten_kills_fit_no_finished_model_again_and_change_no_evidence() {
    let user = User::new();
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/digits-model/audit.toml");
    let (whole, killed) = (user.path("whole"), user.path("killed"));
    let undisturbed = user.finish(&manifest, &whole);
    let models = finished_fits(&whole);
    assert_eq!(models, 17);

    let finished =
        kill_while_fitting(|| user.audit(&manifest, &killed), &killed, 10, Duration::from_millis(400));
    let evidence = user.finish(&manifest, &killed);
    let last = sealed(&killed);
    assert!(finished.iter().all(|(step, time)| last.get(step) == Some(time)), "a finished fit was run again");
    assert_eq!(finished_fits(&killed), models);
    assert_eq!(evidence["core_sha256"], undisturbed["core_sha256"]);

    // The journal names each result once.
    let journal = fs::read_to_string(killed.join("journal.jsonl")).unwrap();
    let mut noted: BTreeMap<String, u32> = BTreeMap::new();
    for entry in journal.lines().map(|line| serde_json::from_str::<Value>(line).unwrap()) {
        if entry["op"] == "step" || entry["op"] == "found" {
            *noted.entry(entry["detail"]["key"].as_str().unwrap().to_owned()).or_default() += 1;
        }
    }
    assert_eq!(noted.len(), last.len());
    assert!(noted.values().all(|times| *times == 1), "{noted:?}");
}
