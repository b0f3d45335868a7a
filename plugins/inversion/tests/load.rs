//! The attacks keep their laws through the plugin interface, and are the same bit for bit. That panics of the host cross it is proven by the plugin of
//! the membership attacks.

use paname_inversion::ATTACKS;
use paname_testkit::{check_plugin_with, load_plugin};
use serde_json::{Value, json};

#[test]
fn loaded_attacks_are_lawful_and_those_that_are_linked() {
    let plugin = load_plugin("paname_plugin_inversion");
    let names: Vec<&str> = plugin.attacks.iter().map(|entry| entry.info.name).collect();
    assert!(names.iter().eq(ATTACKS.iter().map(|entry| &entry.info.name)), "{names:?}");
    for entry in ATTACKS {
        // A generator that is fitted first is one that small pictures take.
        let searches = entry.schema().is_ok_and(|schema| !schema["properties"]["prior"].is_null());
        let config = if searches {
            json!({ "prior": { "steps": 300, "hidden": 32, "latent": 8 } })
        } else {
            Value::Null
        };
        check_plugin_with("paname_plugin_inversion", entry, &config);
    }
}
