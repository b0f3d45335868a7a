//! Every attack of the list keeps the laws that attacks share.

use paname_inversion::ATTACKS;
use paname_testkit::{check_attack, check_attack_with, check_described};
use serde_json::json;

/// Attacks that search what a generator makes, which is fitted first: apart from the others, on a thread of their own, with a generator that small pictures
/// take.
const SEARCHING: [&str; 5] = ["brep", "gmi", "latent-cma-es", "lomma", "ppa"];

#[test]
fn attacks_that_search_what_a_generator_makes_are_lawful() {
    for name in SEARCHING {
        let entry = ATTACKS.iter().find(|entry| entry.info.name == name).expect("an attack of the list");
        check_described(entry);
        check_attack_with(entry, json!({ "prior": { "steps": 300, "hidden": 32, "latent": 8 } }));
    }
}

#[test]
fn students_change_no_law() {
    let entry = ATTACKS.iter().find(|entry| entry.info.name == "lomma").expect("an attack of the list");
    let prior = json!({ "steps": 300, "hidden": 32, "latent": 8 });
    check_attack_with(
        entry,
        json!({ "steps": 300, "students": 2, "student": { "epochs": 100 }, "prior": prior }),
    );
}

#[test]
fn every_other_attack_is_lawful() {
    ATTACKS.iter().filter(|entry| !SEARCHING.contains(&entry.info.name)).for_each(check_attack);
}
