//! The attack keeps every law, linked and loaded, and is the same bit for bit.

use paname_testkit::{check_attack, check_plugin};

#[test]
fn the_linked_attack_is_lawful() {
    for entry in example_attack::ATTACKS {
        check_attack(entry);
    }
}

#[test]
fn the_loaded_attack_is_lawful_and_the_same() {
    check_plugin("example_attack", example_attack::ATTACKS);
}
