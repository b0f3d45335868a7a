//! How attacks hang together: relations that their papers prove, on a toy.

use paname_core::{Ctx, Error, Result};
use paname_mia::ATTACKS;
use paname_testkit::{Behaviour, Size, Toy};
use serde_json::{Value, json};

fn scores(toy: &Toy, name: &str, config: Value) -> Result<Vec<f64>> {
    let entry =
        ATTACKS.iter().find(|entry| entry.info.name == name).ok_or_else(|| Error::Other(name.into()))?;
    entry.build(config)?.run(&toy.case()?, &Ctx::new(1, name, 1, &()))?.membership(toy.truth().len())
}

/// The records from the lowest score to the highest.
fn order(scores: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..scores.len()).collect();
    order.sort_by(|a, b| scores[*a].total_cmp(&scores[*b]));
    order
}

/// Lassila et al. 2025: BASE and RMIA rank alike, at any γ where no ties are made, and with γ = 1 RMIA's plain score is that ranking in steps of the
/// population.
#[test]
fn base_is_rmia_without_a_population() {
    let toy = Toy::new(Behaviour::Leaky, Size::default(), 3);
    let base = scores(&toy, "base", json!({ "temperature": 1.5 })).unwrap();
    for gamma in [0.5, 1.0, 2.0] {
        let rmia = scores(&toy, "rmia", json!({ "temperature": 1.5, "gamma": gamma })).unwrap();
        assert_eq!(order(&base), order(&rmia), "γ = {gamma}");
    }
    let share = scores(&toy, "rmia", json!({ "temperature": 1.5, "gamma": 1.0, "ties": "share" })).unwrap();
    let level = |r: usize| (share[r] * 200.0).round() as usize;
    for pair in order(&base).windows(2) {
        assert!(level(pair[0]) <= level(pair[1]));
    }
    assert!(share.iter().all(|share| (share * 200.0 - (share * 200.0).round()).abs() < 1e-9));
}

/// With one reference model that left a record out, calibration of φ is the distance that Attack-R sees beyond it.
#[test]
fn calibration_is_attack_r_with_one_model() {
    let toy = Toy::new(Behaviour::Leaky, Size { references: 2, ..Size::default() }, 3);
    let reference = scores(&toy, "reference", json!({})).unwrap();
    let calibration = scores(&toy, "calibration", json!({ "score": "scaled-confidence" })).unwrap();
    for (reference, calibration) in reference.iter().zip(&calibration) {
        let beyond = if *calibration >= 0.0 { 1.0 } else { 0.0 };
        assert!((reference - calibration - beyond).abs() < 1e-9, "{reference} {calibration}");
    }
}

/// Votes of equal variants are unanimous, and a variant that differs in one of three is outvoted.
#[test]
fn the_majority_of_variants_decides() {
    let mut toy = Toy::new(Behaviour::Leaky, Size { records: 100, augmentations: 3, ..Size::default() }, 3);
    let width = toy.signals.classes;
    // The second variant repeats the first; the third is wild.
    for logits in [&mut toy.signals.audited.0, &mut toy.signals.population.0] {
        for answer in logits.chunks_exact_mut(3 * width) {
            answer.copy_within(..width, width);
            for (c, z) in answer[2 * width..].iter_mut().enumerate() {
                *z = if c == 0 { 50.0 } else { -50.0 };
            }
        }
    }
    let config = |queries: &str| json!({ "queries": queries, "ties": "share", "gamma": 1.0 });
    let vote = scores(&toy, "rmia", config("vote")).unwrap();
    let mut single =
        Toy::new(Behaviour::Leaky, Size { records: 100, augmentations: 3, ..Size::default() }, 3);
    for logits in [&mut single.signals.audited.0, &mut single.signals.population.0] {
        *logits = logits.chunks_exact(3 * width).flat_map(|answer| answer[..width].to_vec()).collect();
    }
    single.signals.augmentations = 1;
    let alone = order(&scores(&single, "rmia", json!({ "gamma": 1.0 })).unwrap());
    // The first two agree, so that theirs is the lower median whenever the third is above them: among those records the order is theirs.
    let mean = scores(&toy, "rmia", config("mean")).unwrap();
    let above: Vec<usize> = alone.iter().copied().filter(|r| mean[*r] > vote[*r]).collect();
    assert!(above.len() > 10, "{}", above.len());
    assert!(above.windows(2).all(|pair| vote[pair[0]] <= vote[pair[1]]));
}
