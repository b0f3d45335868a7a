//! The attacks on logits of 130 classifiers of handwritten digits, fitted with a tenth of the labels wrong, in complementary pairs.
//!
//! The folder named by `PANAME_DIGITS` holds `logits.npy` `[130][1400][10]`, `population_logits.npy` `[130][397][10]` (single precision),
//! `member.npy` `[130][1400]` (bytes 0 and 1), `label.npy` and `population_label.npy` (64-bit integers): a `.npz` of these arrays, unpacked. Each of
//! the first ten models is the target once; it and the other half of its pair are left out, and the first n of the rest are the reference models.
//! Figures are means over the ten targets; the true positive rate at a level is that at the most permissive threshold whose false positive rate is at
//! most the level.

use std::path::Path;

use paname_core::{Ctx, Membership, Result};
use paname_mia::ATTACKS;
use paname_testkit::{LogitTable, TableCase};
use serde_json::{Value, json};

const MODELS: usize = 130;
const AUDITED: usize = 1400;
const POPULATION: usize = 397;
const CLASSES: usize = 10;

struct Digits {
    logits: Vec<f32>,
    population_logits: Vec<f32>,
    member: Vec<bool>,
    label: Vec<u32>,
    population_label: Vec<u32>,
}

/// The bytes of an array, behind the header of a npy file of version 1.
fn array(folder: &Path, name: &str, bytes: usize) -> Vec<u8> {
    let file = std::fs::read(folder.join(name)).unwrap_or_else(|error| panic!("{name}: {error}"));
    let header = 10 + usize::from(u16::from_le_bytes([file[8], file[9]]));
    assert_eq!(file.len() - header, bytes, "{name}: another shape or type");
    file[header..].to_vec()
}

impl Digits {
    fn read(folder: &Path) -> Self {
        let floats = |name: &str, count: usize| {
            let bytes = array(folder, name, 4 * count);
            bytes.as_chunks::<4>().0.iter().map(|b| f32::from_le_bytes(*b)).collect()
        };
        let labels = |name: &str, count: usize| {
            let bytes = array(folder, name, 8 * count);
            bytes.as_chunks::<8>().0.iter().map(|b| i64::from_le_bytes(*b) as u32).collect()
        };
        Self {
            logits: floats("logits.npy", MODELS * AUDITED * CLASSES),
            population_logits: floats("population_logits.npy", MODELS * POPULATION * CLASSES),
            member: array(folder, "member.npy", MODELS * AUDITED).iter().map(|b| *b == 1).collect(),
            label: labels("label.npy", AUDITED),
            population_label: labels("population_label.npy", POPULATION),
        }
    }

    fn rows(&self, model: usize) -> &[bool] {
        &self.member[model * AUDITED..(model + 1) * AUDITED]
    }

    /// The target `t` and n reference models.
    fn case(&self, t: usize, n: usize) -> Result<TableCase<LogitTable>> {
        let others = (0..MODELS).filter(|m| *m != t && *m != (t ^ 1)).take(n);
        let models: Vec<usize> = std::iter::once(t).chain(others).collect();
        let by_record = |logits: &[f32], records: usize| {
            let answer =
                |r: usize, m: usize| &logits[(m * records + r) * CLASSES..(m * records + r + 1) * CLASSES];
            (0..records).flat_map(|r| models.iter().flat_map(move |m| answer(r, *m))).copied().collect()
        };
        let table = LogitTable {
            models: models.len(),
            augmentations: 1,
            classes: CLASSES,
            audited: (by_record(&self.logits, AUDITED), self.label.clone()),
            population: (by_record(&self.population_logits, POPULATION), self.population_label.clone()),
        };
        let rows: Vec<Vec<bool>> = models[1..].iter().map(|m| self.rows(*m).to_vec()).collect();
        let membership = Membership::from_models(&rows, AUDITED)?;
        Ok(TableCase::over(
            table,
            self.label.clone(),
            self.population_label.clone(),
            CLASSES,
            membership,
            self.rows(t).to_vec(),
        ))
    }
}

/// Area under the ROC curve, and true positive rates at false positive rates of 1 % and 0.1 %.
fn figures(scores: &[f64], truth: &[bool]) -> [f64; 3] {
    let mut sorted: Vec<(f64, bool)> = scores.iter().copied().zip(truth.iter().copied()).collect();
    sorted.sort_by(|a, b| b.0.total_cmp(&a.0));
    let members = truth.iter().filter(|member| **member).count() as f64;
    let others = truth.len() as f64 - members;
    let (mut area, mut tp, mut fp, mut at) = (0.0, 0.0, 0.0, [0.0; 2]);
    for level in sorted.chunk_by(|a, b| a.0 == b.0) {
        let inside = level.iter().filter(|(_, member)| *member).count() as f64;
        let outside = level.len() as f64 - inside;
        area += outside * (tp + inside / 2.0);
        tp += inside;
        fp += outside;
        for (at, most) in at.iter_mut().zip([0.01, 0.001]) {
            if fp / others <= most {
                *at = tp / members;
            }
        }
    }
    [area / members / others, at[0], at[1]]
}

/// What is expected of an attack with n reference models, and how closely.
struct Row {
    n: usize,
    attack: &'static str,
    config: Value,
    /// Area, rate at 1 % and at 0.1 %; not stated where it is not a number.
    expected: [f64; 3],
    tolerance: f64,
}

const UNSTATED: f64 = f64::NAN;
const NONE: [f64; 3] = [UNSTATED; 3];

/// Rows whose formula is fully stated are held to half a unit of their last digit but one; those that another implementation states with a choice of
/// its own, more loosely.
fn rows() -> Vec<Row> {
    let exact = |n, attack, config, expected| Row { n, attack, config, expected, tolerance: 0.0005 };
    let near = |n, attack, config, expected| Row { n, attack, config, expected, tolerance: 0.01 };
    let per_record = json!({ "variance": "per-record", "mode": "online" });
    let offline =
        |variance: &str, test: &str| json!({ "variance": variance, "mode": "offline", "offline-test": test });
    let mut rows = vec![
        exact(16, "lira", per_record.clone(), [0.7292, 0.1101, 0.0449]),
        exact(16, "lira", json!({ "variance": "shared", "mode": "online" }), [0.7295, 0.1343, 0.0891]),
        exact(16, "lira", json!({ "variance": "shared-raw", "mode": "online" }), [0.7306, 0.1444, 0.0949]),
        exact(16, "lira", json!({ "variance": "shrunk", "mode": "online" }), [0.7364, UNSTATED, UNSTATED]),
        exact(16, "lira", offline("per-record", "one-sided"), [0.6760, 0.0854, 0.0257]),
        exact(16, "lira", offline("shared-raw", "one-sided"), [0.6771, 0.1056, 0.0697]),
        exact(16, "lira", offline("per-record", "two-sided"), [0.531, UNSTATED, UNSTATED]),
        exact(
            16,
            "lira",
            json!({ "variance": "per-record", "mode": "offline", "offline-test": "two-sided", "center": "median" }),
            [0.5332, UNSTATED, UNSTATED],
        ),
        exact(
            16,
            "lira",
            json!({ "variance": "per-record", "mode": "online", "center": "median" }),
            [0.7193, 0.1047, 0.0399],
        ),
        exact(16, "rmia", json!({ "mode": "online", "ties": "share" }), [0.7500, 0.1466, 0.0883]),
        exact(64, "lira", per_record.clone(), [0.7511, 0.1586, 0.1044]),
        exact(128, "lira", per_record, [0.7555, 0.165, 0.106]),
        exact(16, "base", json!({ "mode": "online" }), [0.7508, 0.151, 0.090]),
        near(16, "rmia", json!({ "mode": "offline" }), [0.7436, 0.1459, 0.0746]),
        near(64, "rmia", json!({ "mode": "offline" }), [0.7478, 0.1561, 0.0893]),
        near(64, "rmia", json!({ "mode": "online" }), [0.7510, 0.1461, 0.0963]),
        near(
            16,
            "rmia",
            json!({ "mode": "offline", "gamma": 1.0, "a": 0.3, "temperature": 1.0, "ties": "share" }),
            [0.7294, UNSTATED, 0.0083],
        ),
    ];
    // What this crate gave when these attacks were added, by formulas that NumPy confirms on the small table: held against change.
    let kept = exact;
    rows.extend([
        kept(4, "bavaria", json!({ "mode": "online" }), [0.7200, 0.1146, 0.0714]),
        kept(8, "bavaria", json!({ "mode": "online" }), [0.7302, 0.1240, 0.0717]),
        kept(16, "bavaria", json!({ "mode": "online" }), [0.7400, 0.1356, 0.0864]),
        kept(64, "bavaria", json!({ "mode": "online" }), [0.7533, 0.1619, 0.1084]),
        kept(4, "lira", json!({ "mode": "online", "variance": "shared-raw" }), [0.7073, 0.1259, 0.0804]),
        kept(8, "lira", json!({ "mode": "online", "variance": "shared-raw" }), [0.7220, 0.1296, 0.0874]),
        kept(16, "reference", json!({}), [0.6765, 0.1013, 0.0673]),
        kept(16, "calibration", json!({}), [0.6532, 0.0967, 0.0646]),
        kept(16, "quantile", json!({}), [0.6834, 0.1007, 0.0346]),
    ]);
    let told = |n, attack, config| Row { n, attack, config, expected: NONE, tolerance: 0.0 };
    for attack in ["loss", "modified-entropy", "population", "per-class", "quantile"] {
        rows.push(told(1, attack, json!({})));
    }
    for n in [2, 4, 8, 16] {
        for attack in ["calibration", "reference"] {
            rows.push(told(n, attack, json!({})));
        }
        for head in ["gaussian", "pinball"] {
            rows.push(told(n, "quantile", json!({ "head": head })));
        }
        rows.push(told(n, "calibration", json!({ "score": "scaled-confidence" })));
        rows.push(told(n, "ml-leaks", json!({ "shadows": n })));
    }
    for n in [4, 8, 16] {
        for mode in ["online", "offline"] {
            for variance in ["shared-raw", "shrunk", "rehearsed"] {
                rows.push(told(n, "lira", json!({ "mode": mode, "variance": variance })));
            }
            for predictive in ["student", "normal"] {
                rows.push(told(n, "bavaria", json!({ "mode": mode, "predictive": predictive })));
            }
        }
        rows.push(told(
            n,
            "rmia",
            json!({ "mode": "offline", "a": "rehearsed", "temperature": "rehearsed" }),
        ));
        rows.push(told(n, "rmia", json!({ "mode": "online", "trim": 0.2 })));
        for combine in ["mean", "max", "logistic", "best"] {
            rows.push(told(n, "ensemble", json!({ "combine": combine })));
        }
    }
    rows
}

#[test]
#[ignore = "needs the folder that PANAME_DIGITS names, and minutes"]
fn validate_digits_table() {
    let Some(folder) = std::env::var_os("PANAME_DIGITS") else {
        println!("validate skipped: `PANAME_DIGITS` names no folder with the logits");
        return;
    };
    let digits = Digits::read(Path::new(&folder));
    let mut wrong = Vec::new();
    println!("models attack parameters: AUC, TPR at 1 %, TPR at 0.1 % (expected)");
    for row in rows() {
        let entry = ATTACKS.iter().find(|entry| entry.info.name == row.attack).unwrap();
        let mut mean = [0.0; 3];
        for t in 0..10 {
            let audit = digits.case(t, row.n).unwrap();
            let attack = entry.build(row.config.clone()).unwrap();
            let findings = attack.run(&audit.case().unwrap(), &Ctx::new(1, row.attack, 2, &())).unwrap();
            let figures = figures(&findings.membership(AUDITED).unwrap(), audit.truth());
            mean.iter_mut().zip(figures).for_each(|(mean, figure)| *mean += figure / 10.0);
        }
        let what = format!("{:3} {} {}", row.n, row.attack, row.config);
        let told: Vec<String> = mean
            .iter()
            .zip(row.expected)
            .map(
                |(got, expected)| {
                    if expected.is_nan() { format!("{got:.4}") } else { format!("{got:.4} ({expected})") }
                },
            )
            .collect();
        let expected: Vec<String> =
            (row.expected.iter().filter(|figure| !figure.is_nan()).map(ToString::to_string)).collect();
        let expected = if expected.is_empty() {
            "recorded".to_owned()
        } else {
            format!("{} ± {}", expected.join(", "), row.tolerance)
        };
        println!(
            "validate: {what}: AUC, TPR at 1 %, TPR at 0.1 % | {expected} | {} | 10 targets",
            told.join(", ")
        );
        let missed = |(got, expected): (&f64, f64)| (got - expected).abs() > row.tolerance;
        if mean.iter().zip(row.expected).any(missed) {
            wrong.push(what);
        }
    }
    assert!(wrong.is_empty(), "not as expected: {wrong:#?}");
}
