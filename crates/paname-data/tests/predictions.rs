//! Targets and reference models from recorded predictions, end to end.
#![expect(clippy::unwrap_used, reason = "outside of a test function too, a refusal fails the test")]

mod common;

use std::path::Path;

use common::{bools, floats, folder, npy, npz, texts, write};
use paname_core::{
    Access, AdapterEntry, Augmentation, Ctx, Error, Features, Input, Labels, Outputs, Query, Reference,
    Result, Roster, Setting, Target, Task, Tensor,
};
use paname_data::ADAPTERS;
use paname_testkit::check_target;
use proptest::prelude::*;
use serde_json::{Value, json};
use zip::CompressionMethod;

const ADAPTER: AdapterEntry = ADAPTERS[0];

struct Audit {
    roster: Roster,
    labels: Labels,
    task: Task,
}

impl Audit {
    fn new(ids: &[&str], labels: &[u32], classes: usize) -> Self {
        let ids = ids.iter().map(|id| (*id).to_owned()).collect();
        Self {
            roster: Roster::new(ids, "test").unwrap(),
            labels: Labels::Classes { values: labels.into(), classes },
            task: Task::Classification,
        }
    }

    /// Three records of another task.
    fn of_task(task: Task, labels: Labels) -> Self {
        Self { labels, task, ..Self::new(&["a", "b", "c"], &[], 0) }
    }

    fn open(&self, base: &Path, config: &Value) -> Result<Box<dyn Target>> {
        let setting = Setting {
            base,
            roster: &self.roster,
            labels: &self.labels,
            inputs: &Features::None,
            task: self.task,
        };
        ADAPTER.open(config.clone(), &setting, &Ctx::new(1, "test", 1, &()))
    }

    fn references(&self, base: &Path, config: &Value) -> Result<Vec<Reference>> {
        let setting = Setting {
            base,
            roster: &self.roster,
            labels: &self.labels,
            inputs: &Features::None,
            task: self.task,
        };
        ADAPTER.references(config.clone(), &setting, &Ctx::new(1, "test", 1, &()))
    }

    fn refused(&self, base: &Path, config: &Value) -> String {
        self.open(base, config).err().expect("an error").to_string()
    }

    fn references_refused(&self, base: &Path, config: &Value) -> String {
        self.references(base, config).err().expect("an error").to_string()
    }
}

fn ask(target: &dyn Target, ids: &[u32], want: Access) -> Outputs {
    target.predict(&Query::records(ids, want)).unwrap()
}

fn numbers(tensor: Option<&Tensor>) -> Vec<f64> {
    tensor.unwrap().to_f64().unwrap()
}

fn close(got: &[f64], expected: &[f64]) {
    assert_eq!(got.len(), expected.len());
    assert!(
        got.iter().zip(expected).all(|(a, b)| (a - b).abs() < 1e-6 * (1.0 + b.abs())),
        "{got:?} {expected:?}"
    );
}

/// Three records, two classes; the rows of the file are in another order than the roster and hold one record more.
fn small() -> (tempfile::TempDir, Audit) {
    let logits = [9.0, 9.0, 1.0, 0.0, 0.0, 2.0, -1.0, 1.0];
    let files = folder(&[("l.npy", &floats(&[4, 2], &logits)), ("ids.npy", &texts(&["z", "b", "c", "a"]))]);
    (files, Audit::new(&["a", "b", "c"], &[1, 0, 0], 2))
}

#[test]
fn answers_are_joined_by_id_and_lawful() {
    let (files, audit) = small();
    let target = audit.open(files.path(), &json!({ "logits": "l.npy", "ids": "ids.npy" })).unwrap();
    check_target(target.as_ref(), 3);
    let card = target.card();
    assert_eq!((card.classes, card.recorded, card.augmentations), (Some(2), true, 1));
    assert_eq!((&card.access[..], &card.name[..]), (&["logits".to_owned()][..], "l.npy"));

    let all = Access::LOGITS | Access::PROBABILITIES | Access::LABELS | Access::LOSS;
    let answers = ask(target.as_ref(), &[0, 1, 2], all);
    assert_eq!(numbers(answers.logits.as_ref()), [-1.0, 1.0, 1.0, 0.0, 0.0, 2.0]);
    assert_eq!(numbers(answers.labels.as_ref()), [1.0, 0.0, 1.0]);
    // p of the lesser of two logits with difference d is 1 / (1 + e^d).
    let (p1, p2) = (1.0 / (1.0 + 1_f64.exp()), 1.0 / (1.0 + 2_f64.exp()));
    close(&numbers(answers.probabilities.as_ref()), &[p2, 1.0 - p2, 1.0 - p1, p1, p2, 1.0 - p2]);
    close(&numbers(answers.loss.as_ref()), &[-(1.0 - p2).ln(), -(1.0 - p1).ln(), -p2.ln()]);

    // Other labels than the true ones.
    let query = Query {
        labels: Some(Tensor::from_vec(vec![0_i64], &[1]).unwrap()),
        ..Query::records([0], Access::LOSS)
    };
    close(&numbers(target.predict(&query).unwrap().loss.as_ref()), &[-p2.ln()]);
}

#[test]
fn consecutive_rows_are_views_of_the_file() {
    let files = folder(&[("l.npy", &floats(&[4, 2], &[9.0, 9.0, 1.0, 0.0, 0.0, 2.0, -1.0, 1.0]))]);
    let audit = Audit::new(&["0", "1", "2", "3"], &[1, 0, 0, 0], 2);
    let target = audit.open(files.path(), &json!({ "logits": "l.npy", "ids": "row-number" })).unwrap();
    let slice = |ids: &[u32]| ask(target.as_ref(), ids, Access::LOGITS).logits.unwrap();
    let (whole, part, mixed) = (slice(&[0, 1, 2, 3]), slice(&[1, 2]), slice(&[2, 1]));
    assert_eq!(part.bytes().unwrap().as_ptr(), whole.bytes().unwrap()[8..].as_ptr());
    assert_eq!(mixed.to_f64().unwrap(), [0.0, 2.0, 1.0, 0.0]);
}

#[test]
fn losses_come_from_confidences() {
    let files = folder(&[
        ("p.npy", &floats(&[3], &[1.0, 0.25, 0.0])),
        ("s.npy", &floats(&[3], &[200.0, -200.0, 0.0])),
    ]);
    let audit = Audit::new(&["0", "1", "2"], &[0, 0, 0], 2);
    let open = |config: &Value| audit.open(files.path(), config).unwrap();
    let target = open(&json!({ "true-class-confidence": "p.npy", "ids": "row-number" }));
    check_target(target.as_ref(), 3);
    let loss = numbers(ask(target.as_ref(), &[0, 1, 2], Access::LOSS).loss.as_ref());
    close(&loss[..2], &[0.0, 4_f64.ln()]);
    assert!(loss[0].is_sign_positive() && loss[2] > 87.0 && loss[2].is_finite());

    let target = open(&json!({ "scaled-confidence": "s.npy", "ids": "row-number" }));
    check_target(target.as_ref(), 3);
    let loss = numbers(ask(target.as_ref(), &[0, 1, 2], Access::LOSS).loss.as_ref());
    assert!((loss[0] / (-200_f64).exp() - 1.0).abs() < 1e-12, "far below single precision");
    close(&loss[1..], &[200.0, 2_f64.ln()]);

    let query = Query {
        labels: Some(Tensor::from_vec(vec![1_i64], &[1]).unwrap()),
        ..Query::records([0], Access::LOSS)
    };
    assert!(matches!(target.predict(&query), Err(Error::Unsupported(text)) if text.contains("true labels")));
}

#[test]
fn everything_else_that_can_be_recorded() {
    let files = folder(&[
        ("g.npy", &floats(&[3, 2], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0])),
        ("c.npy", &npy("|u1", &[3], &[1, 0, 1])),
        ("p.csv", b"id,no,yes\n2,0.5,0.5\n0,0.9,0.1\n1,0.2,0.8\n"),
    ]);
    let audit = Audit::new(&["0", "1", "2"], &[0, 0, 0], 2);
    let config = json!({
        "name": "model A", "ids": "row-number", "predicted-labels": "c.npy", "embedding": "g.npy", "last-layer-gradient": "g.npy",
        "activations": { "conv": "g.npy" }, "probabilities": "p.csv",
    });
    let target = audit.open(files.path(), &config).unwrap();
    check_target(target.as_ref(), 3);
    assert_eq!((&target.card().name[..], &target.card().layers[..]), ("model A", &["conv".to_owned()][..]));
    let want = Access::LABELS | Access::PROBABILITIES | Access::ACTIVATIONS;
    let query = Query { layers: vec!["conv".into()], ..Query::records([2, 0], want) };
    let answers = target.predict(&query).unwrap();
    assert_eq!(numbers(answers.labels.as_ref()), [1.0, 1.0]);
    // The table is joined by its own ids.
    assert_eq!(numbers(answers.probabilities.as_ref()), [0.5, 0.5, 0.9, 0.1]);
    assert_eq!(answers.activations[0].1.to_f64().unwrap(), [5.0, 6.0, 1.0, 2.0]);
    let query = Query { layers: vec!["fc".into()], ..query };
    assert_eq!(target.predict(&query).unwrap_err().to_string(), "layer: expected one of: conv, got \"fc\"");
}

#[test]
fn only_records_are_answered() {
    let (files, audit) = small();
    let target = audit.open(files.path(), &json!({ "logits": "l.npy", "ids": "ids.npy" })).unwrap();
    let input = Input::Tensor(Tensor::from_vec(vec![1.0_f32], &[1]).unwrap());
    let query = Query { input, labels: None, want: Access::LOGITS, layers: Vec::new() };
    assert_eq!(
        target.predict(&query).unwrap_err().to_string(),
        "not supported: recorded predictions answer questions about the audit's records only, not about new inputs"
    );
}

#[test]
fn variants_are_an_axis_when_the_configuration_says_so() {
    let values: Vec<f32> = (0..12_u8).map(f32::from).collect();
    let files = folder(&[("l.npy", &floats(&[3, 2, 2], &values))]);
    let audit = Audit::new(&["2", "0", "1"], &[0, 0, 0], 2);
    let target = audit
        .open(files.path(), &json!({ "logits": "l.npy", "ids": "row-number", "augmentations": true }))
        .unwrap();
    assert_eq!(target.card().augmentations, 2);
    check_target(target.as_ref(), 3);
    let input = Input::Records([0, 1].into(), Augmentation(1));
    let query = Query { input, labels: None, want: Access::LOGITS, layers: Vec::new() };
    assert_eq!(numbers(target.predict(&query).unwrap().logits.as_ref()), [10.0, 11.0, 2.0, 3.0]);
    let said = audit.refused(files.path(), &json!({ "logits": "l.npy", "ids": "row-number" }));
    assert!(said.contains("an axis of variants `augmentations = true`, got rows of shape [2, 2]"), "{said}");
}

#[test]
fn what_disagrees_is_refused_with_its_place() {
    let audit = Audit::new(&["a", "b", "c"], &[1, 0, 2], 3);
    let good = [1.0, 0.0, 0.0, 0.0, 2.0, 0.0, -1.0, 1.0, 0.0];
    let with = |at: usize, value: f32| {
        let mut values = good;
        values[at] = value;
        floats(&[3, 3], &values)
    };
    let files = folder(&[
        ("l.npy", &floats(&[3, 3], &good)),
        ("nan.npy", &with(4, f32::NAN)),
        ("inf.npy", &with(8, f32::INFINITY)),
        ("none.npy", &floats(&[3, 3], &[&good[..6], &[f32::NEG_INFINITY; 3]].concat())),
        ("two.npy", &floats(&[3, 2], &good[..6])),
        ("one.npy", &floats(&[3, 1], &good[..3])),
        ("flat.npy", &floats(&[3], &good[..3])),
        ("four.npy", &floats(&[4], &[0.0; 4])),
        ("minus.npy", &floats(&[3], &[0.0, 1.0, -0.5])),
        ("int.npy", &npy("<i4", &[3, 3], &[0; 36])),
        ("half.npy", &npy("<f2", &[3, 3], &[&[0; 14][..], &[0x00, 0x7e, 0, 0]].concat())),
        ("ids.npy", &texts(&["a", "b", "c"])),
        ("few.npy", &texts(&["a", "b", "d"])),
        ("twice.npy", &texts(&["a", "b", "a"])),
        ("more.npy", &texts(&["a", "b", "c", "d"])),
        (
            "class.npy",
            &npy("<i8", &[3], &[0, 0, 0, 0, 0, 0, 0, 0, 3, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0]),
        ),
    ]);
    for (config, expected) in [
        (
            json!({ "logits": "nan.npy" }),
            "nan.npy, record \"b\", class 1: is NaN; expected a number below +inf",
        ),
        (
            json!({ "logits": "inf.npy" }),
            "inf.npy, record \"c\", class 2: is infinite; expected a number below +inf",
        ),
        (
            json!({ "logits": "none.npy" }),
            "none.npy, record \"c\": the logits are all -inf; expected a finite one among them",
        ),
        (
            json!({ "logits": "half.npy" }),
            "half.npy, record \"c\", class 1: is NaN; expected a number below +inf",
        ),
        (
            json!({ "probabilities": "l.npy" }),
            "l.npy, record \"b\", class 1: is out of range; expected a probability from 0 to 1",
        ),
        (
            json!({ "probabilities": "two.npy" }),
            "two.npy: the label of record \"c\" is out of range: there are 2 classes (0 to 1)",
        ),
        (
            json!({ "true-class-confidence": "nan.npy[1]" }),
            "nan.npy[1], record \"b\": is NaN; expected a probability from 0 to 1",
        ),
        (
            json!({ "loss": "minus.npy" }),
            "minus.npy, record \"c\": is out of range; expected a finite cross-entropy loss, at least 0",
        ),
        (
            json!({ "embedding": "nan.npy" }),
            "nan.npy, record \"b\", element 1: is NaN; expected a finite number",
        ),
        (
            json!({ "predicted-labels": "class.npy" }),
            "class.npy, record \"b\": is out of range; expected the number of a class",
        ),
        (json!({ "logits": "int.npy" }), "int.npy: expected floating-point numbers, got Some(I32)"),
        (
            json!({ "logits": "one.npy" }),
            "one.npy: expected at least two classes; write the single output p of a binary model as the two columns 1 − p and p, got one",
        ),
        (
            json!({ "logits": "flat.npy" }),
            "flat.npy: expected one row of class scores per record; a leading axis of models needs `model = k` or `[k]`, an axis of variants \
             `augmentations = true`, got rows of shape []",
        ),
        (
            json!({ "logits": "l.npy", "probabilities": "two.npy" }),
            "two.npy, classes: expected 3 as in l.npy, got 2",
        ),
        (
            json!({ "logits": "l.npy", "loss": "four.npy" }),
            "four.npy, records: expected 3 as in l.npy, got 4",
        ),
        (
            json!({ "logits": "l.npy", "ids": "few.npy" }),
            "few.npy: 1 of the 3 records of the audit have no row here: \"c\"",
        ),
        (
            json!({ "logits": "l.npy", "ids": "row-number" }),
            "l.npy: 3 of the 3 records of the audit have no row here: \"a\", \"b\", \"c\"",
        ),
        (
            json!({ "logits": "l.npy", "ids": "twice.npy" }),
            "twice.npy row 2: id \"a\" is also that of row 0 of twice.npy; ids must be unique",
        ),
        (
            json!({ "logits": "l.npy", "ids": "more.npy" }),
            "more.npy, ids of rows: expected 3 as in l.npy of shape [3, 3], got 4",
        ),
        (
            json!({ "logits": "l.npy", "ids": ["ids.npy", "ids.npy"] }),
            "l.npy, parts of `ids`: expected 1, got 2",
        ),
        (
            json!({ "logits": "l.npy", "model": 0 }),
            "l.npy, model 0: expected one row of class scores per record; a leading axis of models needs `model = k` or `[k]`, an axis of variants \
             `augmentations = true`, got rows of shape []",
        ),
    ] {
        let mut config = config;
        let ids = config.as_object_mut().unwrap();
        ids.entry("ids").or_insert(json!("ids.npy"));
        assert_eq!(audit.refused(files.path(), &config), expected, "{config}");
    }
    // Three probabilities that do not add up.
    write(files.path(), "sum.npy", &floats(&[3, 3], &[1.0, 0.0, 0.0, 0.5, 0.3, 0.1, 1.0, 0.0, 0.0]));
    assert_eq!(
        audit.refused(files.path(), &json!({ "probabilities": "sum.npy", "ids": "ids.npy" })),
        "sum.npy, record \"b\": the 3 probabilities have the sum 0.9000; expected 1"
    );
}

#[test]
fn configurations_that_make_no_sense() {
    let (files, audit) = small();
    let said = |config: Value| audit.refused(files.path(), &config);
    assert!(said(json!({})).starts_with("configuration: no predictions are given"));
    assert!(said(json!({ "logit": "l.npy" })).contains("unknown field `logit`"));
    assert!(said(json!({ "logits": "l.npy" })).starts_with("configuration: l.npy: whose rows are these?"));
    assert!(
        said(json!({ "logits": "l.npy", "member": "m.npy" })).contains("`member` is about reference models")
    );
    assert!(said(json!({ "logits": "l.npy", "lira": "f" })).contains("cannot be given together"));
    assert!(said(json!({ "logits": "l-{model}.npy" })).contains("needs `model = …`"));
    assert!(said(json!({ "logits": "l.pkl" })).contains("hold a pickle"));
    assert!(said(json!({ "logits": [] })).contains("expected at least one text in the list"));
    assert!(said(json!({ "logits": 3 })).contains("expected a text or a list of texts"));
    let said = |config: Value| audit.references_refused(files.path(), &config);
    assert!(said(json!({ "logits": "l.npy", "ids": "ids.npy" })).contains("`member` is needed"));
    assert!(
        said(json!({ "logits": "l.npy", "models": "4..2" })).contains("expected a range such as \"4..20\"")
    );
    assert!(said(json!({ "logits": "l.npy", "models": "0..99999999999" })).contains("expected a range"));
    assert!(said(json!({ "logits": "l.npy", "models": [1, 1] })).contains("number 1 is given twice"));
    assert!(
        said(json!({ "logits": "l.npy", "models": true })).contains("expected numbers of models such as")
    );
    let table = json!({ "logits": "l.csv", "member": "m.npy" });
    assert!(said(table).contains("a table holds one model; write `{model}`"));
}

/// Four models in one archive: logits of three audited and two population records, and who was fitted on what.
fn several() -> (tempfile::TempDir, Audit) {
    let audited: Vec<f32> = (0..24_u8).map(f32::from).collect();
    let population: Vec<f32> = (0..16_u8).map(|x| -f32::from(x)).collect();
    let member = [true, false, false, false, true, false, false, false, true, true, true, true];
    let archive = npz(
        &[
            ("logits", floats(&[4, 3, 2], &audited)),
            ("population", floats(&[4, 2, 2], &population)),
            ("member", bools(&[4, 3], &member)),
        ],
        CompressionMethod::Stored,
    );
    (folder(&[("m.npz", &archive)]), Audit::new(&["2", "0", "1", "p1", "p0"], &[0, 0, 1, 1, 0], 2))
}

fn several_config() -> Value {
    json!({ "logits": ["m.npz#logits", "m.npz#population"], "ids": ["row-number", "row-number:p"] })
}

fn with(mut config: Value, more: &Value) -> Value {
    config.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    config
}

#[test]
fn target_and_references_from_the_same_arrays() {
    let (files, audit) = several();
    let target = audit.open(files.path(), &with(several_config(), &json!({ "model": 1 }))).unwrap();
    check_target(target.as_ref(), 5);
    let logits = ask(target.as_ref(), &[0, 1, 2, 3, 4], Access::LOGITS).logits.unwrap();
    assert_eq!(logits.to_f64().unwrap(), [10.0, 11.0, 6.0, 7.0, 8.0, 9.0, -6.0, -7.0, -4.0, -5.0]);

    let all = with(several_config(), &json!({ "member": ["m.npz#member", "none"] }));
    let references = audit.references(files.path(), &all).unwrap();
    let members: Vec<&[bool]> = references.iter().map(|r| &r.member[..]).collect();
    assert_eq!(members[0], [false, true, false, false, false]);
    assert_eq!(members[3], [true, true, true, false, false]);
    let prints: Vec<&str> = references.iter().map(|r| &r.target.card().fingerprint[..]).collect();
    assert_eq!(
        prints.iter().position(|p| *p == target.card().fingerprint),
        Some(1),
        "the target shows among the references"
    );
    let distinct: std::collections::BTreeSet<&&str> = prints.iter().collect();
    assert_eq!(distinct.len(), 4);
    let selected = json!({ "logits": ["m.npz#logits[1]", "m.npz#population[1]"], "ids": ["row-number", "row-number:p"] });
    assert_eq!(audit.open(files.path(), &selected).unwrap().card().fingerprint, target.card().fingerprint);

    let kept = |more: &Value| {
        let references = audit.references(files.path(), &with(all.clone(), more)).unwrap();
        references
            .iter()
            .map(|r| prints.iter().position(|p| *p == r.target.card().fingerprint).unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(kept(&json!({ "model": 1 })), [0, 2, 3]);
    assert_eq!(kept(&json!({ "models": "1..4", "exclude": [2] })), [1, 3]);
    assert_eq!(kept(&json!({ "models": [3, 0] })), [3, 0]);

    let said = |more: &Value| audit.references_refused(files.path(), &with(all.clone(), more));
    assert_eq!(
        said(&json!({ "models": "2..5" })),
        "configuration: there is no model 4; there are: 0, 1, 2, 3"
    );
    assert_eq!(
        said(&json!({ "models": [1], "exclude": [1] })),
        "configuration: `models`, `exclude` and `model` leave no reference model"
    );
    assert_eq!(
        said(&json!({ "member": "m.npz#member" })),
        "parts of `member` (`none` stands for a part that no model saw): expected 2, got 1"
    );
    assert_eq!(
        said(&json!({ "member": ["m.npz#logits", "none"] })),
        "m.npz#logits, model 0: expected one truth value per record, got shape [3, 2]"
    );
    write(files.path(), "short.npy", &bools(&[4, 2], &[true; 8]));
    assert_eq!(
        said(&json!({ "member": ["short.npy", "none"] })),
        "short.npy, records: expected 3 as in m.npz#logits, got 2"
    );
    write(files.path(), "three.npy", &bools(&[3, 3], &[true; 9]));
    assert_eq!(
        said(&json!({ "member": ["three.npy", "none"] })),
        "three.npy, models (the leading axis): expected 4 as in m.npz#logits, got 3"
    );
    write(files.path(), "odd.npy", &npy("|u1", &[4, 3], &[0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0]));
    assert_eq!(
        said(&json!({ "member": ["odd.npy", "none"] })),
        "odd.npy, model 0: element 2: expected 0 or 1, got 2"
    );
    assert_eq!(ADAPTER.files(all, files.path()).unwrap(), [files.path().join("m.npz")]);
}

#[test]
fn one_table_per_model() {
    let audit = Audit::new(&["a", "b"], &[0, 1], 2);
    let files = folder(&[
        ("loss-1.csv", b"id,loss\nb,1\na,2\n"),
        ("loss-2.csv", b"id;loss\na;3,5\nb;4\n"),
        ("loss-3.csv", b"id,loss\nb,nan\na,2\n"),
        ("member.csv", b"id,m1,m2,m3\nb,1,0,0\na,0,1,0\n"),
    ]);
    let config =
        json!({ "loss": "loss-{model}.csv#loss", "member": "member.csv#m{model}", "models": [1, 2] });
    let references = audit.references(files.path(), &config).unwrap();
    let loss = |k: usize| numbers(ask(references[k].target.as_ref(), &[0, 1], Access::LOSS).loss.as_ref());
    assert_eq!((loss(0), &references[0].member[..]), (vec![2.0, 1.0], &[false, true][..]));
    assert_eq!((loss(1), &references[1].member[..]), (vec![3.5, 4.0], &[true, false][..]));
    assert_eq!(
        audit.references_refused(files.path(), &with(config.clone(), &json!({ "models": "1..4" }))),
        "loss-3.csv#loss, model 3, record \"b\": is NaN; expected a finite cross-entropy loss, at least 0"
    );
    let target = audit.open(files.path(), &json!({ "loss": "loss-{model}.csv#loss", "model": 2 })).unwrap();
    assert_eq!(target.card().fingerprint, references[1].target.card().fingerprint);
    let names = ADAPTER.files(config, files.path()).unwrap();
    assert_eq!(names, ["loss-1.csv", "loss-2.csv", "member.csv"].map(|name| files.path().join(name)));
}

/// Three experiments as the scripts leave them, in the given layout of logits.
fn experiments(shape: &[usize]) -> tempfile::TempDir {
    let files = tempfile::tempdir().unwrap();
    for (e, name) in ["experiment-2_of_16", "experiment-10_of_16", "experiment-0_of_16"].iter().enumerate() {
        let values: Vec<f32> =
            (0..shape.iter().product()).map(|i: usize| (i + 100 * e) as f32 / 100.0).collect();
        write(files.path(), &format!("lira/{name}/keep.npy"), &bools(&[3], &[e == 0, e == 1, true]));
        write(files.path(), &format!("lira/{name}/logits/0000000100.npy"), &floats(shape, &values));
        write(files.path(), &format!("lira/{name}/logits/0000000020.npy"), b"an older epoch is not read");
        write(files.path(), &format!("lira/{name}/hparams.json"), b"{}");
    }
    write(files.path(), "lira/experiment-9", b"no folder");
    files
}

#[test]
fn folders_of_lira_scripts() {
    let audit = Audit::new(&["2", "0", "1"], &[0, 0, 1], 2);
    for (shape, variants) in [(&[3, 2][..], 1), (&[3, 2, 2], 2), (&[3, 1, 2, 2], 2)] {
        let files = experiments(shape);
        let config = json!({ "lira": "lira", "ids": "row-number", "model": 10 });
        let target = audit.open(files.path(), &config).unwrap();
        check_target(target.as_ref(), 3);
        assert_eq!((&target.card().name[..], target.card().augmentations), ("experiment-10", variants));
        let first = numbers(ask(target.as_ref(), &[1], Access::LOGITS).logits.as_ref());
        close(&first, &[1.0, 1.01]);

        let references = audit.references(files.path(), &config).unwrap();
        let names: Vec<&str> = references.iter().map(|r| &r.target.card().name[..]).collect();
        assert_eq!(names, ["experiment-0", "experiment-2"]);
        assert_eq!(references[0].member, [true, false, false]);
        assert_eq!(references[1].member, [true, true, false]);
        let listed = ADAPTER.files(config, files.path()).unwrap();
        assert_eq!(listed.len(), 6);
        assert!(
            listed.iter().all(|file| file.ends_with("keep.npy") || file.ends_with("logits/0000000100.npy"))
        );
    }
}

#[test]
fn scores_of_lira_scripts_are_scaled_confidences() {
    let audit = Audit::new(&["0", "1"], &[0, 0], 2);
    let files = tempfile::tempdir().unwrap();
    for e in 0..2 {
        write(files.path(), &format!("x/experiment-{e}/keep.npy"), &bools(&[2], &[e == 0, e == 1]));
        write(
            files.path(),
            &format!("x/experiment-{e}/scores/5.npy"),
            &floats(&[2, 1, 2], &[0.0, 1.0, 2.0, 3.0]),
        );
    }
    let target = audit.open(files.path(), &json!({ "lira": "x", "ids": "row-number", "model": 0 })).unwrap();
    assert_eq!(target.card().augmentations, 2);
    let loss = numbers(ask(target.as_ref(), &[0, 1], Access::LOSS).loss.as_ref());
    close(&loss, &[2_f64.ln(), (-2_f64).exp().ln_1p()]);
}

#[test]
fn lira_folders_that_are_not_whole() {
    let audit = Audit::new(&["0", "1", "2"], &[0, 0, 1], 2);
    let config = json!({ "lira": "lira", "ids": "row-number", "model": 2 });
    let files = experiments(&[3, 2]);
    let said = |config: &Value| audit.refused(files.path(), config);
    assert_eq!(
        said(&json!({ "lira": "lira", "ids": "row-number" })),
        "configuration: `model = …` is needed: which of the 3 experiments is the target"
    );
    assert_eq!(
        said(&with(config.clone(), &json!({ "model": 1 }))),
        "lira: holds no experiment 1; there are: 0, 2, 10"
    );
    assert!(
        said(&with(config.clone(), &json!({ "lira": "nowhere" }))).starts_with("nowhere: cannot be read: ")
    );
    assert!(said(&json!({ "lira": "lira", "model": 2 })).contains("whose rows are these?"));

    write(files.path(), "lira/experiment-0_of_16/keep.npy", &bools(&[4], &[true; 4]));
    assert_eq!(
        audit.references_refused(files.path(), &config),
        "lira/experiment-0_of_16/keep.npy, records: expected 3 as in lira/experiment-0_of_16/logits/0000000100.npy, got 4"
    );
    std::fs::remove_file(files.path().join("lira/experiment-0_of_16/keep.npy")).unwrap();
    assert_eq!(
        said(&config),
        "lira/experiment-0_of_16: holds no `keep.npy`, which says who was in the training set"
    );
    std::fs::remove_dir_all(files.path().join("lira/experiment-0_of_16")).unwrap();
    write(files.path(), "lira/experiment-2_of_32/keep.npy", &bools(&[3], &[true; 3]));
    assert_eq!(said(&config), "lira/experiment-2_of_32: holds no array in `logits` or `scores`");
    write(files.path(), "lira/experiment-2_of_32/scores.npy", &floats(&[3], &[0.0; 3]));
    assert_eq!(said(&config), "lira: holds two experiments with number 2");
    std::fs::rename(files.path().join("lira/experiment-2_of_32"), files.path().join("lira/experiment-3"))
        .unwrap();
    assert_eq!(
        said(&config),
        "lira: experiment 3 holds logits where experiment 2 holds scores or the other way round"
    );
}

#[test]
fn the_schema_knows_every_key() {
    let schema = ADAPTER.schema().unwrap();
    let keys = schema["properties"].as_object().unwrap();
    for key in [
        "logits",
        "true-class-confidence",
        "ids",
        "member",
        "models",
        "exclude",
        "model",
        "lira",
        "augmentations",
    ] {
        assert!(
            keys[key]["description"].is_string()
                || keys[key]["$ref"].is_string()
                || keys[key]["anyOf"].is_array(),
            "{key}"
        );
    }
    assert_eq!(schema["additionalProperties"], json!(false));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    /// However the rows are cut into parts and ordered, a record keeps its answer.
    #[test]
    fn parts_and_order_do_not_matter(order in Just((0..8_u32).collect::<Vec<_>>()).prop_shuffle(), cut in 1..8_usize, asked in prop::collection::vec(0..8_u32, 0..20)) {
        let rows: Vec<f32> = order.iter().flat_map(|&id| [id as f32, -(id as f32)]).collect();
        let names: Vec<String> = order.iter().map(|id| format!("r{id}")).collect();
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let files = folder(&[
            ("a.npy", &floats(&[cut, 2], &rows[..2 * cut])),
            ("b.npy", &floats(&[8 - cut, 2], &rows[2 * cut..])),
            ("ia.npy", &texts(&names[..cut])),
            ("ib.npy", &texts(&names[cut..])),
        ]);
        let audit = Audit::new(&["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7"], &[0; 8], 2);
        let target = audit.open(files.path(), &json!({ "logits": ["a.npy", "b.npy"], "ids": ["ia.npy", "ib.npy"] })).unwrap();
        let answers = ask(target.as_ref(), &asked, Access::LOGITS).logits.unwrap();
        let expected: Vec<f64> = asked.iter().flat_map(|&id| [f64::from(id), -f64::from(id)]).collect();
        prop_assert_eq!(answers.shape(), &[asked.len(), 2][..]);
        prop_assert_eq!(answers.to_f64().unwrap(), expected);
    }
}

/// A model that claims that a class is impossible is read as it is: its loss there is the largest.
#[test]
fn a_class_may_be_impossible() {
    let none = f32::NEG_INFINITY;
    let files = folder(&[("l.npy", &floats(&[2, 2], &[none, 0.0, 1.0, none]))]);
    let audit = Audit::new(&["0", "1"], &[0, 0], 2);
    let target = audit.open(files.path(), &json!({ "logits": "l.npy", "ids": "row-number" })).unwrap();
    let want = Access::LOSS | Access::PROBABILITIES;
    let answers = target.predict(&Query::records(vec![0, 1], want)).unwrap();
    assert_eq!(answers.loss.unwrap().to_f64().unwrap(), [f64::from(f32::MAX), 0.0]);
    assert_eq!(answers.probabilities.unwrap().to_f64().unwrap(), [0.0, 1.0, 1.0, 0.0]);
}

#[test]
fn other_tasks_answer_what_was_recorded() {
    let files = folder(&[
        ("v.npy", &floats(&[3], &[0.5, -2.0, 7.0])),
        ("loss.npy", &floats(&[3], &[-1.5, 0.0, 3.0])),
        ("p.npy", &floats(&[3, 2], &[0.9, 0.8, 0.0, 0.0, 1.0, 0.1])),
        ("one.npy", &floats(&[3, 1], &[0.9, 0.0, 1.0])),
        ("e.npy", &floats(&[3, 2, 2], &[1.0; 12])),
        ("c.npy", &floats(&[3], &[0.5; 3])),
        ("ids.npy", &texts(&["a", "b", "c"])),
    ]);
    let labels = |values: &[f64], width: usize| {
        Labels::Values(Tensor::from_vec(values.to_vec(), &[values.len() / width, width]).unwrap())
    };
    let with_ids = |mut config: Value| {
        config["ids"] = json!("ids.npy");
        config
    };
    let regression = Audit::of_task(Task::Regression, labels(&[0.0, 1.0, 2.0], 1));
    let config = with_ids(json!({ "values": "v.npy", "loss": "loss.npy" }));
    let target = regression.open(files.path(), &config).unwrap();
    assert_eq!(target.card().task, Task::Regression);
    assert_eq!(target.card().offers(), Access::LABELS | Access::LOSS);
    let answers = target.predict(&Query::records(vec![2, 0], Access::LABELS | Access::LOSS)).unwrap();
    assert_eq!(answers.labels.unwrap().to_f64().unwrap(), [7.0, 0.5]);
    assert_eq!(answers.loss.unwrap().to_f64().unwrap(), [3.0, -1.5]);

    let several = Audit::of_task(Task::MultiLabel, labels(&[1.0, 1.0, 0.0, 0.0, 1.0, 0.0], 2));
    let target = several.open(files.path(), &with_ids(json!({ "probabilities": "p.npy" }))).unwrap();
    assert_eq!((target.card().offers(), target.card().classes), (Access::PROBABILITIES, Some(2)));
    assert_eq!(
        several.refused(files.path(), &with_ids(json!({ "probabilities": "one.npy" }))),
        "one.npy, labels: expected 2 as the records have, got 1"
    );
    let single = Audit::of_task(Task::MultiLabel, labels(&[1.0, 0.0, 1.0], 1));
    assert!(single.open(files.path(), &with_ids(json!({ "probabilities": "one.npy" }))).is_ok());

    let embedding = Audit::of_task(Task::Embedding, Labels::None);
    let config = with_ids(json!({ "embedding": "e.npy", "augmentations": true }));
    let target = embedding.open(files.path(), &config).unwrap();
    assert_eq!((target.card().offers(), target.card().augmentations), (Access::EMBEDDING, 2));

    let density = Audit::of_task(Task::Density, Labels::None);
    assert!(density.open(files.path(), &with_ids(json!({ "loss": "loss.npy" }))).is_ok());
    assert_eq!(
        density.refused(files.path(), &with_ids(json!({ "true-class-confidence": "c.npy" }))),
        "c.npy: answers about a true class: expected a model whose task is classification, got density"
    );
    assert_eq!(
        Audit::new(&["a", "b", "c"], &[0, 0, 1], 2)
            .refused(files.path(), &with_ids(json!({ "values": "v.npy" }))),
        "v.npy: real values: expected a model whose task is regression or reconstruction, got classification"
    );
}
