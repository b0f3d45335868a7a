//! Every attack of the list keeps the laws that attacks share.

use paname_core::Entry;
use paname_inversion::ATTACKS;
use paname_testkit::check_attack;

/// Attacks that search what a generator makes, which is fitted first: apart from the others, on a thread of their own.
fn searches(entry: &Entry) -> bool {
    ["brep", "gmi", "latent-cma-es", "lomma", "ppa"].contains(&entry.info.name)
}

#[test]
fn attacks_that_search_what_a_generator_makes_are_lawful() {
    let entries: Vec<&Entry> = ATTACKS.iter().filter(|entry| searches(entry)).collect();
    assert_eq!(entries.len(), 5);
    entries.into_iter().for_each(check_attack);
}

#[test]
fn every_other_attack_is_lawful() {
    ATTACKS.iter().filter(|entry| !searches(entry)).for_each(check_attack);
}
