//! The folder that public LiRA scripts leave, with each record in exactly half of the models: the counts of reference models would tell members,
//! so one is set aside for each record, and the verdicts are those of the scores alone.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use paname_core::Registry;
use paname_engine::{Manifest, RunOptions, run};
use paname_evidence::{Evidence, Verdict};
use paname_testkit::{Draws, write_npy};

const MODELS: usize = 16;
const RECORDS: usize = 600;
const CLASSES: usize = 3;

/// Roughly standard normal: a sum of twelve uniform draws less six.
fn normal(draws: &mut Draws) -> f32 {
    (0..12).map(|_| (draws.next() >> 40) as f32 / (1 << 24) as f32).sum::<f32>() - 6.0
}

/// An audit of experiment 0, where being a member adds `leak` to the logit of the true class.
fn audit(leak: f32, seed: u64) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    let mut draws = Draws(seed);
    let mut keep = vec![[false; RECORDS]; MODELS];
    (0..RECORDS).for_each(|r| {
        let mut order: Vec<(u64, usize)> = (0..MODELS).map(|m| (draws.next(), m)).collect();
        order.sort_unstable();
        order[..MODELS / 2].iter().for_each(|(_, m)| keep[*m][r] = true);
    });
    for (m, keep) in keep.iter().enumerate() {
        let experiment = folder.path().join(format!("exps/experiment-{m}_{MODELS}"));
        fs::create_dir_all(experiment.join("logits")).unwrap();
        let kept: Vec<u8> = keep.iter().map(|k| u8::from(*k)).collect();
        write_npy(&experiment.join("keep.npy"), "|b1", &[RECORDS], &kept);
        let logits = keep.iter().enumerate().flat_map(|(r, member)| {
            let mut row: Vec<f32> = (0..CLASSES).map(|_| normal(&mut draws)).collect();
            row[r % CLASSES] += if *member { 1.0 + leak } else { 1.0 };
            row
        });
        let logits: Vec<u8> = logits.flat_map(f32::to_le_bytes).collect();
        write_npy(&experiment.join("logits/0000000100.npy"), "<f4", &[RECORDS, 1, 1, CLASSES], &logits);
    }
    let row = |r: usize| format!("{r},{},{}\n", r % CLASSES, u8::from(keep[0][r]));
    let records: String = (0..RECORDS).map(row).collect();
    fs::write(folder.path().join("records.csv"), format!("id,label,member\n{records}")).unwrap();
    let manifest = r#"schema = "paname-audit/1"
[data]
records = "records.csv"
split = "random"
personal = []
[target]
adapter = "predictions"
lira = "exps"
model = 0
ids = "row-number"
[references]
adapter = "predictions"
lira = "exps"
model = 0
ids = "row-number"
[statistics]
fpr_targets = [0.1]
[[test]]
id = "lira"
attack = "lira"
[[test]]
id = "base"
attack = "base"
"#;
    fs::write(folder.path().join("audit.toml"), manifest).unwrap();
    let mut registry = Registry::default();
    registry.add_adapters(paname_data::ADAPTERS, "paname-data").unwrap();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
    let manifest = Manifest::read(&folder.path().join("audit.toml")).unwrap();
    let options = RunOptions { run_dir: folder.path().join("run"), workers: 2, worker: None, patience: None };
    run(&manifest, &registry, &options, &()).unwrap().evidence
}

#[test]
fn a_leak_is_found_and_nothing_is_found_where_there_is_none() {
    let leaky = audit(2.0, 1);
    let references = leaky.core.references.as_ref().unwrap();
    assert!(references.balanced && references.excluded.is_empty());
    // Fifteen other models, one of which is set aside for each record.
    assert_eq!(references.used, MODELS as u64 - 2);
    assert_eq!((references.fitted_with, references.fitted_without), ((7, 7), (7, 7)));
    let verdicts = |evidence: &Evidence| -> Vec<Verdict> {
        evidence.core.rows.iter().take(2).map(|row| row.verdict).collect()
    };
    assert_eq!(verdicts(&leaky), [Verdict::LeakDemonstrated; 2]);
    for seed in 2..5 {
        assert_eq!(verdicts(&audit(0.0, seed)), [Verdict::Inconclusive; 2]);
    }
}
