//! What cannot be is refused by one line that says what was found, what was expected, and what to do.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use std::process::Command;

use common::{Audit, fixtures, golden, numbers, one_line};
use paname_core::{
    Access, Augmentation, Ctx, Error, Features, Input, Labels, Outputs, Query, Target, Tensor,
};
use proptest::prelude::*;
use serde_json::{Value, json};

fn program(name: &str) -> Value {
    json!({ "script": name, "trust": true })
}

fn refused(config: Value) -> String {
    Audit::of("script").refused(config)
}

/// All refusals of configurations and files, printed where the variable asks for it.
fn all_refusals() -> Vec<String> {
    let mut said = Vec::new();
    for file in [
        "state.pt",
        "module.pt",
        "lightning.ckpt",
        "truncated.pt",
        "mlp.safetensors",
        "golden.npz",
        "make.py",
        "none.pt",
        ".",
    ] {
        said.push(refused(program(file)));
    }
    for script in [
        "raises.pt",
        "five.pt",
        "softmax.pt",
        "sigmoid.pt",
        "single.pt",
        "decided.pt",
        "tuple.pt",
        "images.pt",
    ] {
        said.push(refused(program(script)));
    }
    said
}

#[test]
fn files_that_are_no_programs() {
    let said: Vec<String> = all_refusals().into_iter().take(9).collect();
    assert_eq!(said, FILES);
}

const FILES: &[&str] = &[
    r#"state.pt: a Python pickle of PyTorch of weights only (a state_dict), which PANAME does not read, since a pickle runs code; export the model as .pt2: paname_export.export(model.eval(), example, "state.pt2"), once `model` is built and has its weights"#,
    r#"module.pt: a Python pickle of PyTorch of an object of class `__main__.Plain`, which PANAME does not read, since a pickle runs code; export the model as .pt2: paname_export.export(model.eval(), example, "module.pt2")"#,
    r#"lightning.ckpt: a Python pickle of PyTorch of a dictionary with weights under `state_dict`, which PANAME does not read, since a pickle runs code; export the model as .pt2: paname_export.export(model.eval(), example, "lightning.pt2"), once `model` is built and has its weights"#,
    "truncated.pt: a file that is not whole (the end of the zip archive is missing); copy it again",
    r#"mlp.safetensors: weights in safetensors, without the computation that they belong to; PANAME reads those of its built-in architectures with the torch plugin (`weights`, `architecture`); export others as .pt2: paname_export.export(model.eval(), example, "mlp.pt2"), once `model` is built and has its weights"#,
    "golden.npz: NumPy's arrays and no model; the adapter `predictions` audits recorded predictions",
    "make.py: no model that PANAME knows; expected a .pt2 file, as paname_export writes it, or TorchScript",
    "FIXTURES/none.pt: cannot be read: No such file or directory (os error 2)",
    "FIXTURES/.: is not a file; expected a model file",
];

#[test]
fn programs_that_answer_something_else() {
    let said: Vec<String> = all_refusals().into_iter().skip(9).collect();
    assert_eq!(said, PROGRAMS);
    let log = Audit::of("script")
        .refused(json!({ "script": "log-softmax.pt", "trust": true, "output": "probabilities" }));
    let plain = Audit::of("script")
        .refused(json!({ "script": "plain.pt", "trust": true, "output": "probabilities" }));
    assert_eq!([log, plain], OTHERS);
}

const PROGRAMS: &[&str] = &[
    "raises.pt: failed on inputs of shape [12, 8]: builtins.ValueError: no such input",
    "five.pt, records: expected records of 5 values, as its first layer takes them, got shape [8] (five.pt: failed on inputs of shape [12, 8]: RuntimeError: mat1 and mat2 shapes cannot be multiplied (12x8 and 5x5))",
    r#"softmax.pt, outputs: expected logits, scores before softmax, got numbers from 0 to 1 that sum to 1 for each record: probabilities; say `output = "probabilities"`"#,
    "sigmoid.pt, outputs: expected logits, scores before softmax, got numbers from 0 to 1 that do not sum to 1: they look like independent probabilities (sigmoid), which a model with one label per record does not have",
    "single.pt, outputs: expected [records, classes]; a model with one value per record has no logits of classes, got shape [12]",
    "decided.pt, outputs: expected [records, classes]; a model with one value per record has no logits of classes, got shape [12]",
    "tuple.pt: returns 2 tensors; `outputs` names 1: logits",
    "images.pt, records: expected images [1, height, width], as its first layer takes them, got shape [8] (images.pt: failed on inputs of shape [12, 8]: RuntimeError: Expected 3D (unbatched) or 4D (batched) input to conv2d, but got input of size: [12, 8])",
];
const OTHERS: &[&str] = &[
    "log-softmax.pt, outputs: expected probabilities, from 0 to 1 and 1 in sum for each record, got numbers below 0 only: they look like log-probabilities, which serve as logits; leave `output` out",
    "plain.pt, outputs: expected probabilities, from 0 to 1 and 1 in sum for each record, got other numbers: they look like logits; leave `output` out",
];

#[test]
fn configurations_that_cannot_be() {
    let said: Vec<String> = [
        json!({ "script": "plain.pt" }),
        json!({ "script": "plain.pt", "weights": "mlp.safetensors", "trust": true }),
        json!({}),
        json!({ "script": ["plain.pt", "five.pt"], "trust": true }),
        json!({ "script": "plain.pt", "trust": true, "member": "member.npy" }),
        json!({ "script": "plain.pt", "trust": true, "batch": 0 }),
        json!({ "script": "plain.pt", "trust": true, "task": "density" }),
        json!({ "script": "plain.pt", "trust": true, "outputs": ["embedding"] }),
        json!({ "script": "plain.pt", "trust": true, "outputs": ["logits", "embedding"] }),
        json!({ "script": "dict.pt", "trust": true, "outputs": ["logits", "nothing"] }),
        json!({ "script": "plain.pt", "trust": true, "variants": ["flip"] }),
        json!({ "script": "plain.pt", "trust": true, "preparation": { "shape": [9] } }),
        json!({ "script": "plain.pt", "trust": true, "preparation": { "shape": [4_294_967_295_u32, 4_294_967_295_u32, 4_294_967_295_u32] } }),
        json!({ "script": "plain.pt", "trust": true, "preparation": { "mean": [0.1, 0.2] } }),
        json!({ "script": "plain.pt", "trust": true, "device": "tpu" }),
    ]
    .into_iter()
    .map(refused)
    .collect();
    assert_eq!(said, CONFIGURATIONS);
}

const CONFIGURATIONS: &[&str] = &[
    r#"configuration: `script` "plain.pt" is a program that runs with your rights; `trust = true` allows it, after a look at where it comes from"#,
    "configuration: `script` and `weights` are both given; expected one of them",
    "configuration: `program` (a .pt2 file), `script` (a TorchScript program) or `weights` (a safetensors file) is needed: which model",
    "configuration: a target is one model, got 2 files",
    "configuration: `member` is about reference models; a target is one model",
    "configuration: `batch` must be at least 1, got 0",
    r#"configuration: `task`: expected "classification", "regression" or "generation", got "density""#,
    "configuration: `outputs` names no `logits`: embedding",
    "plain.pt: returns 1 tensors; `outputs` names 2: logits, embedding",
    "dict.pt: returns no `nothing`; `outputs` names keys of what it returns: embedding, logits, hidden, more",
    "`variants`: expected images [records, …, height, width], got shape [12, 8]",
    "`preparation.shape`: expected as many values as [9] has, got records of shape [8]",
    "`preparation.shape`: expected as many values as [4294967295, 4294967295, 4294967295] has, got records of shape [8]",
    "`preparation.mean`: expected one number, or as many as a prepared record [8] has channels, got 2",
    "configuration: unknown variant `tpu`, expected one of `auto`, `cpu`, `cuda`",
];

#[test]
fn a_graphics_processor_that_is_not_there() {
    if !tch::Cuda::is_available() {
        assert_eq!(
            refused(json!({ "script": "plain.pt", "trust": true, "device": "cuda" })),
            "configuration: `device = \"cuda\"`: libtorch finds no graphics processor here"
        );
    }
}

#[test]
fn weights_of_another_architecture() {
    let audit = Audit::of("mlp");
    let said: Vec<String> = [
        json!({ "weights": "mlp.safetensors" }),
        json!({ "weights": "mlp.safetensors", "architecture": { "name": "mlp", "hidden": [16, 6, 6] } }),
        json!({ "weights": "mlp.safetensors", "architecture": { "name": "mlp", "hidden": [8, 6] } }),
        json!({ "weights": "convnet.safetensors", "architecture": { "name": "convnet" } }),
        json!({ "weights": "mlp.safetensors", "architecture": { "name": "vit" } }),
        json!({ "weights": "mlp.safetensors", "architecture": { "name": "mlp", "hidden": [16, 6] }, "output": "probabilities" }),
        json!({ "weights": "plain.pt", "architecture": { "name": "mlp" } }),
        json!({ "weights": "none.safetensors", "architecture": { "name": "mlp" } }),
    ]
    .into_iter()
    .map(|config| audit.refused(config))
    .collect();
    assert_eq!(said, WEIGHTS);
}

const WEIGHTS: &[&str] = &[
    "mlp.safetensors: does not say of which architecture the weights are; `architecture = { name = … }` does",
    "mlp.safetensors: holds no tensor `hidden-3.weight`; it has hidden-1.bias, hidden-1.weight, hidden-2.bias, hidden-2.weight, output.bias, output.weight",
    "mlp.safetensors, tensor `hidden-1.weight`: expected shape [8, 8], got [16, 8]",
    "records for convolutions: expected [height, width] or [channels, height, width]; `shape` says how a record's values lie, got [8]",
    "configuration: `architecture`: unknown variant `vit`, expected one of `mlp`, `convnet`, `resnet`",
    "mlp.safetensors, outputs: expected probabilities, from 0 to 1 and 1 in sum for each record, got other numbers: they look like logits; leave `output` out",
    "plain.pt: a TorchScript program, which `script` names; expected safetensors",
    "none.safetensors: cannot be read: No such file or directory (os error 2)",
];

#[test]
fn records_that_a_model_does_not_take() {
    let mut audit = Audit::of("script");
    audit.inputs = Features::None;
    let table = paname_core::Table::new(Vec::new()).unwrap();
    let blind = audit.open(program("plain.pt")).unwrap();
    let asked = blind.predict(&Query::records(vec![0], Access::LOGITS)).unwrap_err();
    audit.inputs = Features::Table(table);
    let tabular = audit.refused(program("plain.pt"));
    audit.inputs = Features::Tensor(Tensor::from_vec(vec![0.0_f32; 8 * 5], &[5, 8]).unwrap());
    let few = audit.refused(program("plain.pt"));
    audit.inputs = Features::Tensor(Tensor::from_vec(vec![f32::NAN; 8 * 12], &[12, 8]).unwrap());
    let nan = audit.refused(program("plain.pt"));
    audit.labels = Labels::Classes { values: (0..12).collect(), classes: 12 };
    audit.inputs = Features::Tensor(golden("script-inputs"));
    let classes = audit.refused(program("plain.pt"));
    assert_eq!([one_line(asked.to_string()), tabular, few, nan, classes], RECORDS);
}

const RECORDS: &[&str] = &[
    "configuration: the manifest says nothing of what the records are; name their inputs by [data.inputs]",
    r#"not supported: a model in memory takes numbers, not a table; `encode = "one-hot"` in [data.inputs] makes numbers of one"#,
    "inputs: expected one row for each of 12 records, got shape [5, 8]",
    "plain.pt, outputs of record 0: expected numbers, got NaN",
    "plain.pt, outputs: expected at least 12, the number of classes of the labels, got 3",
];

fn question(want: Access, change: impl FnOnce(&mut Query)) -> Query {
    let mut query = Query::records(vec![0, 1], want);
    change(&mut query);
    query
}

#[test]
fn questions_that_cannot_be_answered() {
    let audit = Audit::of("script");
    let target =
        audit.open(json!({ "script": "dict.pt", "trust": true, "outputs": ["logits", "hidden"] })).unwrap();
    let denied = target.predict(&Query::records(vec![0], Access::EMBEDDING)).unwrap_err();
    assert!(matches!(denied, Error::Denied(Access::EMBEDDING)), "{denied}");
    let wide = || Input::Tensor(Tensor::from_vec(numbers(10, 1), &[2, 5]).unwrap());
    let classes = |classes: Vec<i64>| Some(Tensor::from_vec(classes.clone(), &[classes.len()]).unwrap());
    let said: Vec<String> = [
        question(Access::ACTIVATIONS, |query| query.layers = vec!["embeding".into()]),
        question(Access::LOGITS, |query| query.input = wide()),
        question(Access::LOGITS, |query| query.input = Input::Records(vec![12].into(), Augmentation(0))),
        question(Access::LOGITS, |query| query.input = Input::Records(vec![1].into(), Augmentation(1))),
        question(Access::LOGITS, |query| query.input = Input::Records(Vec::new().into(), Augmentation(0))),
        question(Access::LOGITS, |query| {
            query.input = Input::Table(paname_core::Table::new(Vec::new()).unwrap());
        }),
        question(Access::LOSS, |query| query.labels = classes(vec![0, 3])),
        question(Access::LOSS, |query| query.labels = classes(vec![-1, 0])),
        question(Access::LAST_LAYER_GRADIENT, |query| query.labels = classes(vec![0, 1, 2])),
        question(Access::LOSS, |query| {
            query.input = Input::Tensor(Tensor::from_vec(numbers(16, 1), &[2, 8]).unwrap());
        }),
    ]
    .iter()
    .flat_map(|query| {
        let asked = target.predict(query).unwrap_err().to_string();
        let with_graph = target.vjp(query).err().unwrap().to_string();
        assert_eq!(asked, with_graph);
        [one_line(asked)]
    })
    .collect();
    assert_eq!(said, QUESTIONS);
}

const QUESTIONS: &[&str] = &[
    "layer: expected one of hidden, got embeding",
    "dict.pt, records: expected records of 8 values, as its first layer takes them, got shape [5] (dict.pt: failed on inputs of shape [2, 5]: RuntimeError: mat1 and mat2 shapes cannot be multiplied (2x5 and 8x5))",
    "record: expected a number below 12, got 12",
    "variant of a record: expected below 1, as many as `variants` names and the record itself, got 1",
    "question: expected at least one record, got none",
    "question: expected at least one record, got none",
    "labels: expected classes below 3, got 3",
    "labels: expected classes below 3, got -1",
    "labels: expected 2, got 3",
    "labels: expected the true class of each record, got none",
];

#[test]
fn cotangents_that_do_not_fit() {
    let audit = Audit::of("script");
    let target = audit.open(program("plain.pt")).unwrap();
    let (_, pullback) = target.vjp(&Query::records(vec![0, 1], Access::LOGITS)).unwrap();
    let of = |shape: &[usize]| Some(Tensor::from_vec(numbers(shape.iter().product(), 1), shape).unwrap());
    let said = |cotangent: Outputs| one_line(pullback.apply(&cotangent).unwrap_err().to_string());
    assert_eq!(
        [
            said(Outputs { logits: of(&[2, 4]), ..Outputs::default() }),
            said(Outputs { loss: of(&[2]), ..Outputs::default() }),
            said(Outputs { embedding: of(&[2, 5]), ..Outputs::default() }),
            said(Outputs::default()),
        ],
        COTANGENTS
    );
    // Answers that have no derivative: those of a program that writes them into its own memory.
    let target = audit.open(program("reused.pt")).unwrap();
    let (answers, pullback) = target.vjp(&Query::records(vec![0, 1], Access::LOGITS)).unwrap();
    let error = pullback.apply(&Outputs { logits: answers.logits, ..Outputs::default() }).unwrap_err();
    assert_eq!(
        one_line(error.to_string()),
        "no gradient: the answers do not follow from these values by functions with a derivative"
    );
}

const COTANGENTS: &[&str] = &[
    "cotangent of logits: expected shape [2, 3], as the answer has, got shape [2, 4]",
    "cotangent: expected outputs that were asked for, got loss",
    "cotangent: expected outputs that were asked for, got embedding",
    "cotangent: expected outputs that were asked for, got none",
];

/// Prints nothing of its own: libtorch and tch would.
#[test]
fn refusals_in_silence() {
    if std::env::var_os("PANAME_TEST_SILENCE").is_some() {
        all_refusals();
        let target = Audit::of("script").open(program("plain.pt")).unwrap();
        let query = question(Access::LOGITS, |query| {
            query.input = Input::Tensor(Tensor::from_vec(numbers(10, 1), &[2, 5]).unwrap());
        });
        assert!(target.predict(&query).is_err() && target.vjp(&query).is_err());
    }
}

#[test]
fn nothing_is_printed() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["refusals_in_silence", "--exact", "--nocapture"]).env("PANAME_TEST_SILENCE", "1");
    let output = command.output().unwrap();
    assert!(output.status.success());
    assert_eq!(String::from_utf8_lossy(&output.stderr), "");
}

/// Opens these bytes as weights.
fn opened(bytes: &[u8], architecture: bool) -> paname_core::Result<Box<dyn Target>> {
    let file = tempfile::Builder::new().suffix(".safetensors").tempfile().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    let mut config = json!({ "weights": file.path() });
    if architecture {
        config["architecture"] = json!({ "name": "mlp", "hidden": [16, 6], "activation": "tanh" });
    }
    let audit = Audit::of("mlp");
    let outcome = audit.open(config);
    if let Err(error) = &outcome {
        one_line(error.to_string().replace(&file.path().display().to_string(), "FILE"));
    }
    outcome
}

fn with_header(header: &str, length: u64, values: usize) -> Vec<u8> {
    [&length.to_le_bytes()[..], header.as_bytes(), &vec![0; values]].concat()
}

#[test]
fn weights_that_are_cut_or_hostile() {
    let whole = std::fs::read(fixtures().join("mlp.safetensors")).unwrap();
    assert!(opened(&whole, true).is_ok());
    for length in (0..whole.len()).step_by(7) {
        assert!(opened(&whole[..length], true).is_err(), "{length}");
    }
    let cut = std::env::temp_dir().join("paname-cut.safetensors");
    std::fs::write(&cut, &whole[..1000]).unwrap();
    let said = Audit::of("mlp")
        .refused(json!({ "weights": cut.display().to_string(), "architecture": { "name": "mlp" } }));
    std::fs::remove_file(&cut).unwrap();
    assert_eq!(
        said.replace(&cut.display().to_string(), "FILE"),
        "FILE: a file that is not whole (safetensors that end too early); copy it again"
    );
    let described = |architecture: &str, record: &str, outputs: &str| {
        let text = format!("{{\"architecture\":{architecture},\"record\":{record},\"outputs\":{outputs}}}");
        let header = json!({ "__metadata__": { "paname": text } }).to_string();
        with_header(&header, header.len() as u64, 0)
    };
    let mlp = r#"{"name":"mlp"}"#;
    for bytes in [
        with_header("{}", u64::MAX, 0),
        with_header("{}", 1 << 40, 0),
        with_header("{}", 2, 0),
        with_header(
            r#"{"output.weight":{"dtype":"F32","shape":[18446744073709551615,4],"data_offsets":[0,8]}}"#,
            87,
            8,
        ),
        described(mlp, "[9223372036854775807,9223372036854775807]", "3"),
        described(mlp, "[-1]", "3"),
        described(mlp, "[]", "0"),
        described(mlp, "[8]", "-5"),
        described(mlp, "[8]", "9223372036854775807"),
        described(r#"{"name":"resnet","blocks":[4294967295]}"#, "[1,8,8]", "3"),
        described(r#"{"name":"mlp","hidden":[4294967295,4294967295]}"#, "[8]", "3"),
        described(r#"{"name":"mlp","more":1}"#, "[8]", "3"),
    ] {
        for architecture in [false, true] {
            assert!(opened(&bytes, architecture).is_err());
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, ..ProptestConfig::default() })]

    #[test]
    fn any_header_is_refused_or_read(
        changes in prop::collection::vec((0_usize..700, any::<u8>()), 1..4),
        architecture in any::<bool>(),
    ) {
        let mut bytes = std::fs::read(fixtures().join("mlp.safetensors")).unwrap();
        for (place, byte) in changes {
            bytes[place] = byte;
        }
        let _ = opened(&bytes, architecture);
    }

    #[test]
    fn any_text_is_refused_as_a_header(text in ".{0,80}", length in prop_oneof![Just(None), any::<u64>().prop_map(Some)]) {
        let length = length.unwrap_or(text.len() as u64);
        prop_assert!(opened(&with_header(&text, length, 16), true).is_err());
    }
}

#[test]
fn reference_models_need_their_rows() {
    let audit = Audit::of("script");
    let refused = |config: Value| {
        let outcome =
            paname_torch::ADAPTERS[0].references(config, &audit.setting(), &Ctx::new(1, "test", 1, &()));
        one_line(outcome.err().unwrap().to_string())
    };
    assert_eq!(
        [
            refused(json!({ "script": ["plain.pt"], "trust": true })),
            refused(json!({ "member": "member.npy", "ids": "row-number" })),
            refused(json!({ "script": ["plain.pt"], "member": "member.npy", "ids": "row-number" })),
        ],
        REFERENCES
    );
}

const REFERENCES: &[&str] = &[
    "configuration: `member` and `ids` are needed: which records each reference model was fitted on",
    "configuration: `program`, `script` or `weights` is needed: a file for each reference model",
    r#"configuration: `script` "plain.pt" is a program that runs with your rights; `trust = true` allows it, after a look at where it comes from"#,
];
