//! Every attack of the list keeps the laws that attacks share.

#[test]
fn every_attack_is_lawful() {
    for entry in paname_inversion::ATTACKS {
        paname_testkit::check_attack(entry);
    }
}
