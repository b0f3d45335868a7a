//! The adapter `command` with real programs: asking, fitting, opening what was fitted, and answers that are none.
#![expect(clippy::unwrap_used, reason = "outside of a test function too, a refusal fails the test")]

mod common;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use common::Kept;
use npyz::WriterBuilder as _;
use paname_command::ADAPTERS;
use paname_core::{
    Access, Augmentation, Column, Ctx, Error, Features, FitRun, Input, Labels, Outputs, Query, Recipe,
    Records, Result, Roster, Setting, Table, Target, Task, Tensor,
};
use paname_testkit::{Trial, check_adapter, check_target};
use serde_json::{Value, json};
use zip::write::SimpleFileOptions;

const MODEL: &str = include_str!("programs/model.py");

/// A manifest's folder with the program, and five records with ids that are hard to write.
struct Audit {
    kept: Kept,
    roster: Roster,
    labels: Labels,
    inputs: Features,
}

impl Audit {
    fn new() -> Self {
        let kept = Kept::new();
        kept.write("model.py", MODEL);
        let ids = ["a", "b,1", "\"c", "d\ne", "é"];
        let classes = [0, 1, 2, 0, 1];
        let quoted = |id: &str| id.replace('"', "\"\"");
        let lines: Vec<String> = ids
            .iter()
            .zip(classes)
            .zip(0..)
            .map(|((id, c), i)| format!("\"{}\",{i}.5,{c}\n", quoted(id)))
            .collect();
        kept.write("points.csv", format!("id,x,class\n{}", lines.concat()));
        let roster = Roster::new(ids.map(str::to_owned).to_vec(), "test").unwrap();
        let labels = Labels::Classes { values: classes.to_vec().into(), classes: 3 };
        Self { kept, roster, labels, inputs: Features::None }
    }

    fn setting(&self) -> Setting<'_> {
        Setting {
            base: self.kept.base.path(),
            roster: &self.roster,
            labels: &self.labels,
            inputs: &self.inputs,
            task: Task::Classification,
        }
    }

    fn open(&self, config: Value) -> Result<Box<dyn Target>> {
        ADAPTERS[0].open(config, &self.setting(), &self.kept.ctx())
    }

    /// The program calls whose logs were left.
    fn calls(&self, folder: &str) -> Vec<String> {
        let mut calls: Vec<PathBuf> =
            fs::read_dir(self.kept.left(folder)).unwrap().map(|e| e.unwrap().path()).collect();
        calls.sort();
        calls.iter().map(|call| fs::read_to_string(call.join("stdout.log")).unwrap()).collect()
    }
}

fn python() -> Value {
    json!({ "program": ["python3", "model.py"], "offers": ["logits"] })
}

fn with(mut config: Value, mut more: Value) -> Value {
    config.as_object_mut().unwrap().append(more.as_object_mut().unwrap());
    config
}

fn logits(target: &dyn Target, ids: &[u32]) -> Result<Vec<f32>> {
    let answers = target.predict(&Query::records(ids.to_vec(), Access::LOGITS))?;
    Ok(answers.logits.unwrap().to_f32()?.into_owned())
}

#[test]
fn a_target_keeps_every_law() {
    let audit = Audit::new();
    for more in
        [json!({}), json!({ "batch": 2 }), json!({ "augmentations": 2, "offers": ["logits", "loss"] })]
    {
        let target = audit.open(with(python(), more)).unwrap();
        check_target(target.as_ref(), 5);
        // Nothing is kept for a host that keeps nothing.
        let target = ADAPTERS[0].open(python(), &audit.setting(), &Ctx::new(1, "test", 1, &())).unwrap();
        check_target(target.as_ref(), 5);
    }
}

#[test]
fn the_adapter_keeps_every_law() {
    let audit = Audit::new();
    for (name, rows) in [("one", [4_i64, 1]), ("two", [0, 2])] {
        let folder = audit.kept.base.path().join(name);
        fs::create_dir(&folder).unwrap();
        fs::write(folder.join("rows.npy"), npy(&[2], &rows)).unwrap();
        fs::write(folder.join("members.json"), format!("{rows:?}")).unwrap();
    }
    let references = with(python(), json!({ "weights": ["one", "two"] }));
    let config = with(python(), json!({ "offers": ["logits", "loss"], "batch": 3 }));
    let trial = Trial { config: &config, references: Some(&references), setting: audit.setting(), fit: None };
    check_adapter(&ADAPTERS[0], &trial);
}

#[test]
fn every_record_is_asked_about_once_per_batch() {
    let audit = Audit::new();
    let config = with(python(), json!({ "batch": 2, "name": "five", "classes": 3 }));
    let target = audit.open(config).unwrap();
    assert!(!audit.kept.left("predict-1").exists(), "no program is started before the first question");
    let card = target.card();
    assert_eq!((card.name.as_str(), card.classes, card.recorded), ("five", Some(3), true));
    assert_eq!(logits(target.as_ref(), &[3, 0]).unwrap(), [3.5, -3.5, 0.0, 0.5, -0.5, 0.0]);
    assert_eq!(logits(target.as_ref(), &[4]).unwrap(), [4.5, -4.5, 0.0]);
    assert_eq!(
        audit.calls("predict-1"),
        ["asked about 2 logits\n", "asked about 2 logits\n", "asked about 1 logits\n"]
    );
    assert!(!audit.kept.left("predict-2").exists());
    for name in ["inputs.npz", "outputs.npz", "ids.txt"] {
        assert!(!audit.kept.left("predict-1/batch-0").join(name).exists(), "{name} is personal data");
    }
}

#[test]
fn variants_and_losses_are_asked_for() {
    let audit = Audit::new();
    let target =
        audit.open(with(python(), json!({ "augmentations": 2, "offers": ["logits", "loss"] }))).unwrap();
    let input = Input::Records(vec![1].into(), Augmentation(1));
    let want = Access::LOGITS | Access::LOSS;
    let answers = target.predict(&Query { input, labels: None, want, layers: Vec::new() }).unwrap();
    assert_eq!(answers.logits.unwrap().to_f32().unwrap().as_ref(), [2.5, -1.5, 0.0]);
    // The program is told the labels, and answers them as losses.
    assert_eq!(answers.loss.unwrap().to_f64().unwrap(), [1.0]);
    assert_eq!(audit.calls("predict-1"), ["asked about 5 logits,loss\n"]);
}

/// The program is told a file of weights as it is told a folder.
#[test]
fn weights_may_be_a_file() {
    let audit = Audit::new();
    let weights = audit.kept.write("model.bin", "one");
    // The options are: --inputs 2 --outputs 4 --want 6 --threads 8 --weights 10.
    let script = "echo \"${10}\"; exit 3";
    let config = json!({ "program": ["sh", "-c", script], "offers": ["logits"], "weights": "model.bin" });
    let target = audit.open(config.clone()).unwrap();
    assert!(matches!(logits(target.as_ref(), &[0]), Err(Error::Data { .. })));
    assert_eq!(audit.calls("predict-1"), [format!("{}\n", weights.display())]);
    assert!(target.card().name.ends_with(", model.bin"));
    fs::write(&weights, "two").unwrap();
    assert_ne!(audit.open(config).unwrap().card().fingerprint, target.card().fingerprint);
}

#[test]
fn new_inputs_are_not_answered() {
    let target = Audit::new().open(python()).unwrap();
    let input = Input::Tensor(Tensor::from_vec(vec![0.0_f32; 3], &[3]).unwrap());
    let refusal = target.predict(&Query { input, labels: None, want: Access::LOGITS, layers: Vec::new() });
    assert!(matches!(refusal, Err(Error::Unsupported(_))));
}

#[test]
fn fitted_models_answer_and_open_again() {
    let audit = Audit::new();
    let inputs = Tensor::from_vec(vec![1.0_f32, 2.0, 3.0, 4.0], &[4, 1]).unwrap();
    let data = Records {
        ids: vec![4, 2, 1, 0].into(),
        inputs: Features::Tensor(inputs),
        labels: Labels::Classes { values: vec![1, 2, 1, 0].into(), classes: 3 },
    };
    let recipe = Recipe { epochs: Some(7), ..Recipe::default() };
    let run = |rows: &[u32], seed| FitRun { rows: rows.to_vec().into(), seed };
    let runs = [run(&[0, 3], 1), run(&[1], 13), run(&[9], 2), run(&[1], u64::MAX)];
    let fitted = ADAPTERS[0].fit(python(), &recipe, &data, &runs, &audit.kept.ctx());
    let errors: Vec<String> = [1, 2].iter().map(|&i| fitted[i].as_ref().err().unwrap().to_string()).collect();
    assert!(errors[0].contains("failed with exit code 1: seed 13 is not for me"), "{errors:?}");
    assert_eq!(errors[1], "row to fit on: expected below 4, got 9");
    assert!(audit.kept.left("fit-1/data.npz").exists(), "a failed run can be tried again by hand");

    let first = fitted[0].as_ref().ok().unwrap();
    assert_eq!((first.train_loss, first.train_accuracy), (Some(17.0), Some(1.0)));
    // Positions are those of the roster: 4 and 0 were fitted on, 1 was not, 3 is not in the data.
    let answers = logits(first.target.as_ref(), &[0, 1, 4]).unwrap();
    assert_eq!(answers, [5.5, -0.5, 0.0, 1.5, -1.5, 0.0, 4.5, 0.5, 0.0]);
    let error = logits(first.target.as_ref(), &[3]).unwrap_err().to_string();
    assert!(error.starts_with("record: expected a record of the data"), "{error}");

    let weights: Vec<PathBuf> =
        [0, 3].iter().map(|&i| fitted[i].as_ref().ok().unwrap().weights.clone().unwrap()).collect();
    let again =
        ADAPTERS[0].fitted(python(), &recipe, &weights[0], &audit.setting(), &audit.kept.ctx()).unwrap();
    assert_eq!(logits(again.as_ref(), &[0, 1, 4]).unwrap(), answers);
    let config = with(python(), json!({ "weights": weights }));
    let references = ADAPTERS[0].references(config.clone(), &audit.setting(), &audit.kept.ctx()).unwrap();
    assert_eq!(references[0].member, [true, false, false, false, true]);
    assert_eq!(references[1].member, [false, false, true, false, false]);
    assert_eq!(logits(references[0].target.as_ref(), &[0, 1, 4]).unwrap(), answers);
    assert_ne!(references[0].target.card().fingerprint, references[1].target.card().fingerprint);
    check_target(references[1].target.as_ref(), 5);
    let files = ADAPTERS[0].files(config, audit.kept.base.path()).unwrap();
    assert!(
        files.contains(&weights[1].join("members.json"))
            && files.contains(&audit.kept.base.path().join("model.py"))
    );
}

#[test]
fn models_that_nobody_keeps_live_as_long_as_they_are_used() {
    let audit = Audit::new();
    let script = audit.kept.base.path().join("model.py");
    let config = json!({ "program": ["python3", script], "offers": ["logits"] });
    let data = Records { ids: vec![0, 1].into(), inputs: Features::None, labels: Labels::None };
    let runs = [FitRun { rows: vec![1].into(), seed: 1 }];
    let mut fitted = ADAPTERS[0].fit(config, &Recipe::default(), &data, &runs, &Ctx::new(1, "test", 1, &()));
    let fitted = fitted.remove(0).ok().unwrap();
    assert_eq!((fitted.weights, fitted.train_loss), (None, Some(0.0)));
    assert_eq!(logits(fitted.target.as_ref(), &[1]).unwrap(), [1.5, 3.5, 0.0]);
}

#[test]
fn fits_that_leave_nothing_or_nonsense_are_refused() {
    let audit = Audit::new();
    let data = Records { ids: vec![0, 1].into(), inputs: Features::None, labels: Labels::None };
    let runs = [FitRun { rows: vec![1].into(), seed: 1 }];
    // The options are: --rows 2 --seed 4 --out 6.
    for (script, said) in [
        ("true", "holds no model: the program ended well and wrote nothing"),
        ("echo '{\"train_loss\": NaN}' > \"$6/train.json\"", "train.json: expected value"),
        ("head -c 70000 /dev/zero > \"$6/train.json\"", "train.json: is 70000 bytes long"),
    ] {
        let config = json!({ "program": ["sh", "-c", script], "offers": ["logits"] });
        let fitted = ADAPTERS[0].fit(config, &Recipe::default(), &data, &runs, &audit.kept.ctx());
        let error = fitted[0].as_ref().err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
    let cancelled = Kept { cancel: Some(audit.kept.base.path().to_owned()), ..Kept::new() };
    let fitted = ADAPTERS[0].fit(python(), &Recipe::default(), &data, &runs, &cancelled.ctx());
    assert!(matches!(fitted[0], Err(Error::Cancelled)));
}

/// An npy file.
fn npy<T: npyz::AutoSerialize + Copy>(shape: &[u64], values: &[T]) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer =
        npyz::WriteOptions::new().default_dtype().shape(shape).writer(&mut file).begin_nd().unwrap();
    writer.extend(values.iter().copied()).unwrap();
    writer.finish().unwrap();
    file
}

fn npz(name: &str, array: &[u8]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    archive.start_file(format!("{name}.npy"), SimpleFileOptions::default()).unwrap();
    archive.write_all(array).unwrap();
    archive.finish().unwrap().into_inner()
}

#[test]
fn hostile_answers_are_refused() {
    let good = npz("logits", &npy(&[5, 3], &[0.5_f32; 15]));
    let huge = npy(&[5, 3], &[0.5_f32; 15]);
    let at = huge.windows(4).position(|window| window == b"5, 3").unwrap();
    let claim = |shape: &[u8; 4]| {
        let mut claimed = huge.clone();
        claimed[at..at + 4].copy_from_slice(shape);
        npz("logits", &claimed)
    };
    let mut nan = [0.5_f32; 15];
    nan[7] = f32::NAN;
    for (outputs, said) in [
        (good[..good.len() - 30].to_vec(), "is not a whole npz archive"),
        (good[..40].to_vec(), "is not a whole npz archive"),
        (Vec::new(), "is empty"),
        (b"PK\x03\x04 nothing".to_vec(), "is not a whole npz archive"),
        (claim(b"9,9e"), "damaged header"),
        (claim(b"9999"), "is truncated: its header promises 39996 bytes"),
        (npz("logits", b"\x93NUMPY\x02\x00\xff\xff\xff\xff"), "has a header of 4294967295 bytes"),
        (npz("logits", b"cos\nsystem\n(S'true'\ntR."), "is not an npy array"),
        (npz("loss", &huge), "there is no such member; there are: loss"),
        (npz("logits", &npy(&[5, 3], &[1_i64; 15])), "expected floating-point numbers"),
        (npz("logits", &npy(&[4, 3], &[0.5_f32; 12])), "expected 5 rows, one for each question"),
        (npz("logits", &npy(&[6, 3], &[0.5_f32; 18])), "expected 5 rows, one for each question"),
        (npz("logits", &npy(&[5], &[0.5_f32; 5])), "expected one row of class scores per record"),
        (npz("logits", &npy(&[5, 2], &[0.5_f32; 10])), "is out of range: there are 2 classes"),
        (npz("logits", &npy(&[5, 4], &[0.5_f32; 20])), "expected 3, as `classes` says, got 4"),
        (npz("logits", &npy(&[5, 3], &nan)), "record \"batch-0 row 2\", class 1: is NaN"),
    ] {
        let audit = Audit::new();
        audit.kept.write("made.npz", &outputs);
        // The options are: --inputs 2 --outputs 4.
        let script = format!("cp '{}/made.npz' \"$4\"", audit.kept.base.path().display());
        let config = json!({ "program": ["sh", "-c", script], "offers": ["logits"], "classes": 3 });
        let target = audit.open(config).unwrap();
        let error = logits(target.as_ref(), &[0]).unwrap_err().to_string();
        assert!(error.contains(said), "expected {said:?} in {error:?}");
        // The same answer again, without another start.
        assert_eq!(logits(target.as_ref(), &[1]).unwrap_err().to_string(), error);
        assert!(!audit.kept.left("predict-2").exists());
    }
    let audit = Audit::new();
    let target = audit.open(json!({ "program": ["true"], "offers": ["logits"] })).unwrap();
    let error = logits(target.as_ref(), &[0]).unwrap_err().to_string();
    assert!(error.contains("outputs.npz: is missing"), "{error}");
}

/// The x of the five points, and something else.
fn xs() -> Tensor {
    Tensor::from_vec(vec![0.5_f32, 9.0, 1.5, 9.0, 2.5, 9.0, 3.5, 9.0, 4.5, 9.0], &[5, 2]).unwrap()
}

fn ask(target: &dyn Target, input: Input, labels: Option<Tensor>, want: Access) -> Result<Outputs> {
    target.predict(&Query { input, labels, want, layers: Vec::new() })
}

#[test]
fn a_program_answers_new_inputs() {
    let mut audit = Audit::new();
    audit.inputs = Features::Tensor(xs());
    for more in [json!({}), json!({ "batch": 2 }), json!({ "offers": ["logits", "loss"] })] {
        let target = audit.open(with(with(python(), json!({ "new-inputs": true })), more)).unwrap();
        let card = target.card();
        assert!(!card.recorded && card.offers().contains(Access::NEW_INPUTS));
        check_target(target.as_ref(), 5);
    }
    // Bytes are told as they are, and as numbers where they are to be changed.
    audit.inputs =
        Features::Tensor(Tensor::from_vec(vec![1_u8, 0, 2, 0, 3, 0, 4, 0, 5, 0], &[5, 2]).unwrap());
    let target = audit.open(with(python(), json!({ "new-inputs": true }))).unwrap();
    assert_eq!(target.input(&vec![4, 0].into()).unwrap().as_slice::<f32>().unwrap(), [5.0, 0.0, 1.0, 0.0]);
}

#[test]
fn each_question_about_new_inputs_is_a_call_of_its_own() {
    let audit = Audit::new();
    let config = json!({ "new-inputs": true, "batch": 3, "offers": ["logits", "loss"], "classes": 3 });
    let target = audit.open(with(python(), config)).unwrap();
    let labels = Tensor::from_vec(vec![2_i64, 0, 1, 1, 2], &[5]).unwrap();
    let want = Access::LOGITS | Access::LOSS | Access::PROBABILITIES;
    for _ in 0..2 {
        let answers = ask(target.as_ref(), Input::Tensor(xs()), Some(labels.clone()), want).unwrap();
        assert_eq!(answers.logits.unwrap().to_f32().unwrap()[9..12], [3.5, -3.5, 0.0]);
        assert_eq!(answers.loss.unwrap().to_f64().unwrap(), [2.25, 0.25, 1.25, 1.25, 2.25]);
        assert_eq!(answers.probabilities.unwrap().shape(), [5, 3]);
        assert!(!audit.kept.left("predict-1").exists(), "nothing is kept");
    }
    let labelled = ask(target.as_ref(), Input::Tensor(xs()), None, Access::LABELS).unwrap();
    assert_eq!(labelled.labels.unwrap().to_i64().unwrap(), [0; 5]);
    let refused = |input: Input, labels: Option<Tensor>, want: Access| {
        ask(target.as_ref(), input, labels, want).unwrap_err().to_string()
    };
    assert_eq!(
        refused(Input::Tensor(xs()), None, Access::LOSS),
        "labels of a question about losses: expected one for each input, got none"
    );
    let few = labels.slice(0..4).unwrap();
    assert!(
        refused(Input::Tensor(xs()), Some(few), Access::LOSS).starts_with("labels of a question: expected 5")
    );
    let wrong = Tensor::from_vec(vec![7_i64; 5], &[5]).unwrap();
    assert!(refused(Input::Tensor(xs()), Some(wrong), Access::LOSS).contains("there are 3 classes"));
    let none = xs().slice(0..0).unwrap();
    assert_eq!(
        refused(Input::Tensor(none), None, Access::LOGITS),
        "new inputs: expected at least one, got none"
    );
    assert!(refused(Input::Tokens(xs()), None, Access::LOGITS).contains("not about texts or tokens"));
    assert_eq!(
        target.input(&vec![0].into()).unwrap_err().to_string(),
        "not supported: the inputs of records are not known, since the manifest has no [data.inputs]"
    );
    // What was asked stays where the program fails.
    let config = with(python(), json!({ "new-inputs": true }));
    let target = audit.open(config).unwrap();
    let many = Tensor::from_vec(vec![0.5_f32; 26], &[13, 2]).unwrap();
    let error = ask(target.as_ref(), Input::Tensor(many), None, Access::LOGITS).unwrap_err().to_string();
    assert!(error.contains("thirteen are too many"), "{error}");
    let left: Vec<PathBuf> =
        fs::read_dir(audit.kept.folder.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert!(left.iter().any(|folder| folder.join("batch-0/inputs.npz").exists()), "{left:?}");
}

#[test]
fn a_table_is_an_array_for_each_column() {
    let audit = Audit::new();
    let table = Table::new(vec![
        Column::numbers("x", vec![Some(0.25), None, Some(-3.5)]),
        Column::texts("town", vec![Some("Orléans".to_owned()), Some("Ay".to_owned()), None]),
        Column::booleans("free", vec![true, false, true]),
        Column::integers("../a b", vec![1, 2, 3]),
    ])
    .unwrap();
    for more in [json!({}), json!({ "batch": 1 })] {
        let target = audit.open(with(with(python(), json!({ "new-inputs": true })), more)).unwrap();
        let answers = ask(target.as_ref(), Input::Table(table.clone()), None, Access::LOGITS).unwrap();
        assert_eq!(
            answers.logits.unwrap().to_f32().unwrap().as_ref(),
            [0.25, 8.0, 1.0, -1.0, 2.0, 0.0, -3.5, 0.0, 1.0]
        );
    }
}

#[test]
fn new_inputs_are_refused_where_nothing_is_said_of_them() {
    let mut audit = Audit::new();
    audit.inputs = Features::Tensor(xs());
    let target = audit.open(python()).unwrap();
    assert!(target.card().recorded && !target.card().offers().contains(Access::NEW_INPUTS));
    let error = ask(target.as_ref(), Input::Tensor(xs()), None, Access::LOGITS).unwrap_err().to_string();
    assert!(error.contains("write `new-inputs = true`"), "{error}");
    assert!(matches!(target.input(&vec![0].into()), Err(Error::Denied(Access::NEW_INPUTS))));
}

fn reference_error(audit: &Audit, files: &[(&str, Vec<u8>)]) -> Result<Vec<bool>> {
    let folder = audit.kept.base.path().join("one");
    let _ = fs::remove_dir_all(&folder);
    fs::create_dir(&folder).unwrap();
    for (name, bytes) in files {
        fs::write(folder.join(name), bytes).unwrap();
    }
    let config = with(python(), json!({ "weights": ["one"] }));
    let mut references = ADAPTERS[0].references(config, &audit.setting(), &audit.kept.ctx())?;
    Ok(references.remove(0).member)
}

/// An array of text of up to two characters.
fn texts(ids: &[&str]) -> Vec<u8> {
    let header = format!("{{'descr': '<U2', 'fortran_order': False, 'shape': ({},), }}\n", ids.len());
    let mut file =
        [&b"\x93NUMPY\x01\x00"[..], &(header.len() as u16).to_le_bytes(), header.as_bytes()].concat();
    for id in ids {
        let units: Vec<u32> = id.chars().map(u32::from).chain(std::iter::repeat(0)).take(2).collect();
        file.extend(units.iter().flat_map(|unit| unit.to_le_bytes()));
    }
    file
}

#[test]
fn reference_models_tell_their_rows() {
    let audit = Audit::new();
    let second = vec![false, true, false, false, true];
    for (name, file) in [
        ("rows.npy", npy(&[2], &[4_i64, 1])),
        ("member.npy", npy(&[5], &[false, true, false, false, true])),
        ("member.npy", npy(&[5], &[0_u8, 1, 0, 0, 1])),
    ] {
        assert_eq!(reference_error(&audit, &[(name, file)]).unwrap(), second, "{name}");
    }
    let by_id = reference_error(&audit, &[("rows.npy", texts(&["é", "zz", "a"]))]).unwrap();
    assert_eq!(by_id, [true, false, false, false, true]);
    for (name, file, said) in [
        ("rows.npy", npy(&[2], &[4_i64, 5]), "rows.npy row 1: expected the position of one of the 5 records"),
        ("rows.npy", npy(&[1], &[-1_i64]), "rows.npy row 0: expected the position"),
        ("rows.npy", npy(&[2], &[1.0_f64, 2.0]), "expected one axis of whole numbers or of ids as text"),
        ("rows.npy", texts(&["zz", "yy"]), "none of the 2 ids is that of a record"),
        ("rows.npy", b"junk".to_vec(), "is not an npy array"),
        ("member.npy", npy(&[4], &[true; 4]), "expected one truth value for each of the 5 records"),
        ("member.npy", npy(&[5], &[2_u8; 5]), "member.npy"),
        ("other.npy", Vec::new(), "holds neither `rows.npy` nor `member.npy`"),
    ] {
        let error = reference_error(&audit, &[(name, file)]).unwrap_err().to_string();
        assert!(error.contains(said) && error.contains("one"), "{error}");
    }
}

#[test]
fn the_configuration_is_checked() {
    let audit = Audit::new();
    for (more, said) in [
        (json!({ "program": [] }), "`program` is empty"),
        (json!({ "offers": [] }), "`offers` is empty"),
        (
            json!({ "offers": ["parameters"] }),
            "`offers`: expected some of labels, probabilities, logits, loss, embedding",
        ),
        (json!({ "batch": 0 }), "`batch` must be at least 1"),
        (json!({ "augmentations": 0 }), "`augmentations` must be at least 1"),
        (json!({ "weights": ["a", "b"] }), "`weights`: a target is one model, got 2 paths"),
        (json!({ "weights": "absent" }), "absent"),
        (json!({ "shell": true }), "unknown field `shell`"),
    ] {
        let error = audit.open(with(python(), more)).err().unwrap().to_string();
        assert!(error.contains(said), "{error}");
    }
    let none =
        ADAPTERS[0].references(python(), &audit.setting(), &audit.kept.ctx()).err().unwrap().to_string();
    assert!(none.contains("`weights` is needed"), "{none}");
}

#[test]
fn the_fingerprint_follows_the_files() {
    let audit = Audit::new();
    let print = || audit.open(python()).unwrap().card().fingerprint.clone();
    let before = print();
    assert_eq!(print(), before);
    let script: &Path = &audit.kept.base.path().join("model.py");
    fs::write(script, format!("{MODEL}\n# changed")).unwrap();
    assert_ne!(print(), before);
}

const REGRESSION: &str = r#"
import array, sys, zipfile
from arrays import dump, load

value = lambda name: sys.argv[sys.argv.index(name) + 1]
with zipfile.ZipFile(value("--inputs")) as archive:
    _, rows = load(archive.read("rows.npy"))
    _, labels = load(archive.read("labels.npy"))
predicted = array.array("d", [row + 0.5 for row in rows])
loss = array.array("d", [(p - y) ** 2 for p, y in zip(predicted, labels)])
with zipfile.ZipFile(value("--outputs"), "w") as archive:
    archive.writestr("labels.npy", dump("<f8", (len(rows),), predicted))
    archive.writestr("loss.npy", dump("<f8", (len(rows),), loss))
"#;

/// The answer `labels` is of classes in classification, and of the type of the labels elsewhere.
#[test]
fn a_program_predicts_real_values() {
    let mut audit = Audit::new();
    audit.kept.write("arrays.py", MODEL.split("def points").next().unwrap());
    audit.kept.write("regression.py", REGRESSION);
    audit.labels = Labels::Values(Tensor::from_vec(vec![0.0, 1.5, 2.0, 3.5, 6.0], &[5]).unwrap());
    let config = json!({ "program": ["python3", "regression.py"], "offers": ["labels", "loss"], "task": "regression" });
    let target = audit.open(config.clone()).unwrap();
    assert_eq!(target.card().offers(), Access::LABELS | Access::LOSS);
    let answers = target.predict(&Query::records(vec![4, 0], Access::LABELS | Access::LOSS)).unwrap();
    assert_eq!(answers.labels.unwrap().to_f64().unwrap(), [4.5, 0.5]);
    assert_eq!(answers.loss.unwrap().to_f64().unwrap(), [2.25, 0.25]);
    let target = audit.open(with(config, json!({ "task": "classification" }))).unwrap();
    assert!(target.predict(&Query::records(vec![4, 0], Access::LABELS)).is_err(), "4.5 is no class");
}
