//! The attacks keep their laws through the plugin interface, and are the same bit for bit. That panics of the host cross it is proven by the plugin of
//! the membership attacks.

use paname_testkit::check_plugin;

#[test]
fn loaded_attacks_are_lawful_and_those_that_are_linked() {
    check_plugin("paname_plugin_inversion", paname_inversion::ATTACKS);
}
