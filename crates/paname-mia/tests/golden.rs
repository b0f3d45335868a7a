//! Every attack with a closed formula against the same formula in NumPy: `golden.py` wrote `golden.json`. `figures.rs` has the others.

use paname_core::{Ctx, Membership};
use paname_mia::ATTACKS;
use paname_testkit::{LogitTable, TableCase};
use serde::Deserialize;

#[derive(Deserialize)]
struct Golden {
    classes: usize,
    label: Vec<u32>,
    population_label: Vec<u32>,
    /// `[models][records]`, 0 or 1.
    member: Vec<Vec<u8>>,
    /// `[models][records * classes]`.
    logits: Vec<Vec<f32>>,
    population_logits: Vec<Vec<f32>>,
    rows: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    attack: String,
    config: serde_json::Value,
    scores: Vec<f64>,
}

/// From models of records to records of models.
fn by_record(logits: &[Vec<f32>], classes: usize) -> Vec<f32> {
    let records = logits[0].len() / classes;
    (0..records)
        .flat_map(|r| logits.iter().flat_map(move |z| &z[r * classes..(r + 1) * classes]))
        .copied()
        .collect()
}

#[test]
fn scores_are_those_of_numpy() {
    let golden: Golden = serde_json::from_str(include_str!("golden.json")).unwrap();
    let records = golden.label.len();
    let members: Vec<Vec<bool>> =
        golden.member.iter().map(|rows| rows.iter().map(|member| *member == 1).collect()).collect();
    let table = LogitTable {
        models: members.len(),
        augmentations: 1,
        classes: golden.classes,
        audited: (by_record(&golden.logits, golden.classes), golden.label.clone()),
        population: (by_record(&golden.population_logits, golden.classes), golden.population_label.clone()),
    };
    let membership = Membership::from_models(&members[1..], records).unwrap();
    let audit = TableCase::over(
        table,
        golden.label,
        golden.population_label,
        golden.classes,
        membership,
        members[0].clone(),
    );
    let case = audit.case().unwrap();
    for row in golden.rows {
        let what = format!("{} {}", row.attack, row.config);
        let entry = ATTACKS.iter().find(|entry| entry.info.name == row.attack).unwrap();
        let attack = entry.build(row.config).unwrap();
        let scores = attack.run(&case, &Ctx::new(1, "golden", 1, &())).unwrap().membership(records).unwrap();
        assert_eq!(scores.len(), row.scores.len());
        for (r, (score, expected)) in scores.iter().zip(&row.scores).enumerate() {
            let tolerance = 1e-5 * expected.abs().max(1.0);
            assert!(
                (score - expected).abs() <= tolerance,
                "{what}: record {r} scores {score}, not {expected}"
            );
        }
    }
}
