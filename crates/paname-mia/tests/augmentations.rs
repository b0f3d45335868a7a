//! Augmented variants of a record are averaged.

use paname_core::{Ctx, Entry, Result};
use paname_mia::ATTACKS;
use paname_testkit::{Behaviour, LogitTable, Size, Toy};

/// The scores of every attack on a toy of which only these augmentations are kept.
fn scores(entry: &Entry, augmentations: &[usize]) -> Result<Vec<f64>> {
    let size = Size { records: 200, augmentations: 2, ..Size::default() };
    let mut toy = Toy::new(Behaviour::Leaky, size, 9);
    let width = toy.signals.classes;
    let kept = |logits: &[f32]| {
        let answers = logits.chunks_exact(2 * width);
        answers
            .flat_map(|both| augmentations.iter().flat_map(|a| &both[a * width..(a + 1) * width]))
            .copied()
            .collect()
    };
    toy.signals = LogitTable {
        augmentations: augmentations.len(),
        audited: (kept(&toy.signals.audited.0), toy.signals.audited.1.clone()),
        population: (kept(&toy.signals.population.0), toy.signals.population.1.clone()),
        ..toy.signals
    };
    let attack = entry.build(serde_json::Value::Null)?;
    attack.run(&toy.case()?, &Ctx::new(1, entry.info.name, 1, &()))?.membership(200)
}

fn assert_close(what: &str, left: &[f64], right: &[f64]) {
    assert_eq!(left.len(), right.len());
    for (a, b) in left.iter().zip(right) {
        assert!((a - b).abs() < 1e-9 * (1.0 + b.abs()), "{what}: {a} {b}");
    }
}

#[test]
fn the_same_variant_twice_changes_nothing() {
    let reads = |entry: &Entry| {
        let needs = entry.build(serde_json::Value::Null).unwrap().needs(200).unwrap();
        !needs.signals.is_empty() && needs.fits == 0 && needs.groups.is_none()
    };
    for entry in ATTACKS.iter().filter(|entry| reads(entry)) {
        assert_close(entry.info.name, &scores(entry, &[0, 0]).unwrap(), &scores(entry, &[0]).unwrap());
    }
}

#[test]
fn scores_are_means_over_variants() {
    let averaged = ["confidence", "loss", "entropy", "modified-entropy", "margin", "lira", "base"];
    for entry in ATTACKS.iter().filter(|entry| averaged.contains(&entry.info.name)) {
        let (first, second) = (scores(entry, &[0]).unwrap(), scores(entry, &[1]).unwrap());
        let mean: Vec<f64> = first.iter().zip(&second).map(|(a, b)| f64::midpoint(*a, *b)).collect();
        assert_close(entry.info.name, &scores(entry, &[0, 1]).unwrap(), &mean);
    }
}
