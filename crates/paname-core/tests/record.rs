//! Rosters, cohorts and membership.

use paname_core::{Cohort, Labels, Membership, Roster};
use proptest::prelude::*;

#[test]
fn a_doubled_id_is_named_with_both_places() {
    let ids = ["a", "b", "c", "b"].map(str::to_owned).to_vec();
    let error = Roster::new(ids, "records.csv").unwrap_err().to_string();
    assert_eq!(error, "records.csv: record id \"b\" appears twice, as entries 1 and 3; ids must be unique");
}

#[test]
fn a_roster_finds_its_records() {
    let roster = Roster::new(vec!["x".to_owned(), "é".to_owned(), String::new()], "list").unwrap();
    assert_eq!((roster.len(), roster.is_empty()), (3, false));
    for (i, id) in roster.ids().iter().enumerate() {
        assert_eq!(roster.position(id), Some(i as u32));
    }
    assert_eq!(roster.position("X"), None);
}

#[test]
fn a_cohort_without_classes_says_so() {
    let cohort = Cohort { ids: vec![4, 2].into(), labels: Labels::None };
    assert_eq!((cohort.len(), cohort.is_empty()), (2, false));
    let error = cohort.classes().unwrap_err().to_string();
    assert_eq!(error, "labels: expected class labels, got none");
    let labels = Labels::Classes { values: vec![1, 0].into(), classes: 3 };
    let cohort = Cohort { labels, ..cohort };
    assert_eq!(cohort.classes().unwrap(), (&[1, 0][..], 3));
}

#[test]
fn models_of_unequal_length_are_refused() {
    let error = Membership::from_models(&[vec![true; 3], vec![true; 2]], 3).unwrap_err().to_string();
    assert_eq!(error, "membership of model 1: expected 3, got 2");
}

/// `[models][records]`, with counts on both sides of a word.
fn table() -> impl Strategy<Value = (Vec<Vec<bool>>, usize)> {
    (0..140_usize, 0..9_usize).prop_flat_map(|(models, records)| {
        (prop::collection::vec(prop::collection::vec(any::<bool>(), records), models), Just(records))
    })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(64) })]

    #[test]
    fn membership_is_a_table_of_truth_values((table, records) in table()) {
        let membership = Membership::from_models(&table, records).unwrap();
        prop_assert_eq!((membership.records(), membership.models()), (records, table.len()));
        for r in 0..records {
            let naive: Vec<bool> = table.iter().map(|rows| rows[r]).collect();
            let row = membership.row(r);
            prop_assert_eq!(row.iter().collect::<Vec<bool>>(), naive.clone());
            let count = naive.iter().filter(|&&member| member).count();
            prop_assert_eq!((row.count(), row.count_out()), (count, naive.len() - count));
            for (m, &member) in naive.iter().enumerate() {
                prop_assert_eq!(row.contains(m), member);
            }
            prop_assert!(!row.contains(table.len()));
        }
    }

    #[test]
    fn selections_are_selections_of_the_table((table, records) in table(), seed in any::<u64>()) {
        let membership = Membership::from_models(&table, records).unwrap();
        let pick = |n: usize| -> Vec<usize> {
            (0..n).filter(|i| seed >> (i % 64) & 1 == 1).rev().collect()
        };
        let models = pick(table.len());
        let of_models: Vec<Vec<bool>> = models.iter().map(|&m| table[m].clone()).collect();
        prop_assert_eq!(
            membership.select_models(&models),
            Membership::from_models(&of_models, records).unwrap()
        );
        let picked = pick(records);
        let of_records: Vec<Vec<bool>> =
            table.iter().map(|rows| picked.iter().map(|&r| rows[r]).collect()).collect();
        let ids: Vec<u32> = picked.iter().map(|&r| r as u32).collect();
        prop_assert_eq!(
            membership.select_records(&ids),
            Membership::from_models(&of_records, picked.len()).unwrap()
        );
    }
}
