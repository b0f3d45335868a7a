//! Hostile numbers: every attack gives finite scores or says what it lacks.

use paname_core::{
    Access, Augmentation, Case, Ctx, DirectSignals, Entry, Error, Input, Membership, Outputs, Query, Result,
    Target, TargetCard, Task, Tensor, Whom,
};
use paname_mia::ATTACKS;
use paname_testkit::{LogitTable, TableCase};
use serde_json::{Value, json};

/// Every attack with its defaults, and the options that lead through other arithmetic.
fn subjects() -> Vec<(&'static str, Value)> {
    // Attacks that ask the target themselves find nobody to ask in a case of signals.
    let reads = |entry: &&Entry| {
        let needs = entry.build(json!({})).and_then(|attack| attack.needs(USUAL.records));
        needs.is_ok_and(|needs| needs.access.is_empty())
    };
    let mut all: Vec<(&str, Value)> =
        ATTACKS.iter().filter(reads).map(|entry| (entry.info.name, json!({}))).collect();
    for variance in ["per-record", "shared", "shared-raw", "shrunk", "rehearsed"] {
        for joint in ["diagonal", "full"] {
            all.push(("lira", json!({ "variance": variance, "joint": joint })));
            all.push(("lira", json!({ "variance": variance, "joint": joint, "mode": "offline" })));
        }
    }
    all.extend([
        ("lira", json!({ "mode": "offline", "offline-test": "two-sided" })),
        ("lira", json!({ "center": "median" })),
        ("rmia", json!({ "mode": "offline", "ties": "share", "trim": 0.4, "queries": "vote" })),
        ("rmia", json!({ "temperature": "rehearsed", "a": "rehearsed", "gamma": "rehearsed" })),
        ("base", json!({ "mode": "offline" })),
        ("bavaria", json!({ "mode": "offline" })),
        ("bavaria", json!({ "predictive": "normal" })),
        ("calibration", json!({ "score": "scaled-confidence" })),
        ("per-class", json!({ "strangers": "references", "min-per-class": 1 })),
        ("population", json!({ "min-per-class": 1, "ties": "share" })),
        ("quantile", json!({ "features": "class", "head": "pinball", "min-per-class": 1 })),
        ("quantile", json!({ "features": "references", "min-per-class": 1 })),
        ("ml-leaks", json!({ "adversary": "threshold", "statistic": "entropy" })),
        (
            "ensemble",
            json!({ "attacks": [{ "attack": "lira" }, { "attack": "loss" }], "combine": "logistic" }),
        ),
        ("ramia", json!({ "attack": "lira", "from": 0.0, "to": 0.4 })),
    ]);
    all
}

/// Runs every attack. Each ends in finite scores, or in an error that says what is missing.
fn check(what: &str, run: impl Fn(&str, Value) -> Result<Vec<f64>>) {
    for (name, config) in subjects() {
        match run(name, config.clone()) {
            Ok(scores) => {
                let finite = scores.iter().all(|score| score.is_finite());
                assert!(finite, "{what}: {name} {config} scores {scores:?}");
            }
            Err(Error::Missing { needed, got, .. }) => assert!(got < needed, "{what}: {name} {config}"),
            Err(error) => panic!("{what}: {name} {config} fails: {error}"),
        }
    }
}

/// How many audited records, population records and reference models.
#[derive(Clone, Copy)]
struct Size {
    records: usize,
    population: usize,
    references: usize,
}

const CLASSES: usize = 3;

/// A case over the logits that `logit` gives for a record, model and class, with `augmentations` variants of equal answers.
fn audit(
    size: Size,
    augmentations: usize,
    member: impl Fn(usize, usize) -> bool,
    logit: impl Fn(usize, usize, usize) -> f32,
) -> TableCase<LogitTable> {
    let models = size.references + 1;
    let group = |records: usize, first: usize| {
        let mut logits = Vec::new();
        for r in first..first + records {
            for m in 0..models {
                for _ in 0..augmentations {
                    logits.extend((0..CLASSES).map(|c| logit(r, m, c)));
                }
            }
        }
        (logits, (0..records).map(|r| (r % CLASSES) as u32).collect::<Vec<u32>>())
    };
    let (audited, population) = (group(size.records, 0), group(size.population, size.records));
    let mut membership = Membership::none(size.records, size.references);
    for r in 0..size.records {
        (0..size.references).filter(|k| member(r, *k)).for_each(|k| membership.insert(r, k));
    }
    let (classes, others) = (audited.1.clone(), population.1.clone());
    let table = LogitTable { models, augmentations, classes: CLASSES, audited, population };
    TableCase::over(table, classes, others, CLASSES, membership, vec![true; size.records])
}

fn run(audit: &TableCase<LogitTable>, name: &str, config: Value) -> Result<Vec<f64>> {
    let entry =
        ATTACKS.iter().find(|entry| entry.info.name == name).ok_or_else(|| Error::Other(name.into()))?;
    run_over(entry, config, audit.case()?)
}

fn run_over(entry: &Entry, config: Value, case: Case<'_>) -> Result<Vec<f64>> {
    let records = case.audited().len();
    let attack = entry.build(config)?;
    let groups = match attack.needs(records)?.groups {
        Some(groups) => {
            (0..records as u32).collect::<Vec<u32>>().chunks_exact(groups.size).map(Into::into).collect()
        }
        None => Vec::new(),
    };
    let case = case.with_groups(groups)?;
    attack.run(&case, &Ctx::new(1, entry.info.name, 1, &()))?.scores(&case)
}

/// Some spread, the same on every machine.
fn noise(r: usize, m: usize, c: usize) -> f32 {
    ((r * 31 + m * 17 + c * 7) % 23) as f32 / 5.0 - 2.0
}

/// Half of the models, every second one.
fn halves(r: usize, k: usize) -> bool {
    (r + k).is_multiple_of(2)
}

const USUAL: Size = Size { records: 90, population: 60, references: 6 };

#[test]
fn every_answer_alike() {
    for value in [0.0, 1.0, -5.0] {
        let audit = audit(USUAL, 1, halves, |_, _, c| if c == 0 { value } else { 0.0 });
        check(&format!("answers of {value}"), |name, config| run(&audit, name, config));
    }
}

#[test]
fn no_spread_between_models() {
    for augmentations in [1, 3] {
        let audit = audit(USUAL, augmentations, halves, |r, _, c| noise(r, 0, c));
        check("no spread", |name, config| run(&audit, name, config));
    }
}

#[test]
fn extreme_answers() {
    for size in [1e30, 1e37, 1e-40] {
        let audit = audit(USUAL, 2, halves, |r, m, c| size * (noise(r, m, c) / 4.0));
        check(&format!("answers of size {size}"), |name, config| run(&audit, name, config));
    }
}

#[test]
fn few_models_and_members_of_all_or_none() {
    let first_alone = |r: usize, k: usize| r != 0 && halves(r, k);
    let first_always = |r: usize, k: usize| r == 0 || halves(r, k);
    for references in [0, 1, 2, 3, 4] {
        let size = Size { references, ..USUAL };
        check(&format!("{references} models"), |name, config| {
            run(&audit(size, 1, halves, noise), name, config)
        });
        for (what, all) in [("none", false), ("all", true)] {
            let audit = audit(size, 1, |_, _| all, noise);
            check(&format!("members of {what} of {references} models"), |name, config| {
                run(&audit, name, config)
            });
        }
        check("a member of none", |name, config| run(&audit(size, 1, first_alone, noise), name, config));
        check("a member of all", |name, config| run(&audit(size, 1, first_always, noise), name, config));
    }
}

#[test]
fn few_records_and_no_population() {
    for records in [0, 1, 2, 5] {
        for population in [0, 1, 2, 40] {
            let audit = audit(Size { records, population, references: 4 }, 1, halves, noise);
            check(&format!("{records} records, {population} others"), |name, config| {
                run(&audit, name, config)
            });
        }
    }
}

/// What one attack says it lacks: sentences for the user.
#[test]
fn what_is_missing_is_said() {
    let message = |size: Size, name: &str| {
        run(&audit(size, 1, |_, _| true, noise), name, json!({})).unwrap_err().to_string()
    };
    let none = Size { population: 0, references: 0, ..USUAL };
    assert_eq!(message(none, "reference"), "reference models: 1 needed, 0 given");
    assert_eq!(message(none, "population"), "population records: 1 needed, 0 given");
    assert_eq!(message(none, "quantile"), "population records: 20 needed, 0 given");
    let inside = "reference models fitted without audited record 0: 1 needed, 0 given";
    for name in ["calibration", "reference", "lira", "rmia", "base", "bavaria", "ensemble"] {
        assert_eq!(message(USUAL, name), inside, "{name}");
    }
}

/// A model whose recorded probabilities are 0 and 1 wherever they can be.
struct Certain {
    card: TargetCard,
    model: usize,
}

impl Target for Certain {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Records(ids, Augmentation(_)) = &query.input else {
            return Err(Error::Unsupported("records only".into()));
        };
        let answer = |id: &u32| {
            (0..CLASSES).map(|c| f32::from((*id as usize + self.model) % CLASSES == c)).collect::<Vec<f32>>()
        };
        let probabilities: Vec<f32> = ids.iter().flat_map(answer).collect();
        let tensor = Tensor::from_vec(probabilities, &[ids.len(), CLASSES])?;
        Ok(Outputs { probabilities: Some(tensor), ..Outputs::default() })
    }
}

#[test]
fn probabilities_of_nought() {
    let mut audit = audit(USUAL, 1, halves, noise);
    audit.granted = Access::PROBABILITIES;
    let models: Vec<Certain> = (0..=USUAL.references)
        .map(|model| Certain {
            card: TargetCard {
                classes: Some(CLASSES),
                access: vec!["probabilities".into()],
                ..TargetCard::default()
            },
            model,
        })
        .collect();
    let signals = DirectSignals {
        task: Task::Classification,
        models: models.iter().map(|model| model as &dyn Target).collect(),
        augmentations: 1,
        audited: audit.audited.clone(),
        population: audit.population.clone(),
        granted: audit.granted,
    };
    check("probabilities of 0 and 1", |name, config| {
        let entry =
            ATTACKS.iter().find(|entry| entry.info.name == name).ok_or_else(|| Error::Other(name.into()))?;
        let case = audit.case_over(&signals)?;
        assert_eq!(case.cohort(Whom::Audited).len(), USUAL.records);
        run_over(entry, config, case)
    });
}
