//! Model files as the libraries themselves write them, and the lines to type that make something of them that PANAME reads. The files are by
//! `fixtures/make_models.py`.
#![expect(clippy::unwrap_used, reason = "a test that cannot read its fixtures has to stop")]

use std::path::Path;

use paname_data::{ModelFile, Pickled, Words, recognise};

/// The kind of a file, and the lines to type.
fn told(name: &str) -> (ModelFile, String) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures/models");
    let file = recognise(&folder.join(name)).unwrap();
    let python = file.python(Path::new(name), &Words::ENGLISH).unwrap();
    (file, python)
}

#[test]
fn checkpoints_of_pytorch_and_lightning() {
    let (file, python) = told("weights.pt");
    assert_eq!(file, ModelFile::Checkpoint(Pickled::Weights));
    insta::assert_snapshot!(python, @r#"
    import paname_export, torch
    model = …  # your class, built as for training
    model.load_state_dict(torch.load("weights.pt", map_location="cpu", weights_only=True))
    model.eval()
    example = …  # a batch of inputs, e.g. torch.zeros(1, 3, 32, 32)
    paname_export.export(model, example, "weights.pt2", task="classification")
    "#);
    let line = |(file, python): (ModelFile, String)| (file, python.lines().nth(2).unwrap().to_owned());
    let dictionary = |key| ModelFile::Checkpoint(Pickled::Dictionary(Some(key)));
    for (name, key) in [("training.pt", "model_state_dict"), ("last.ckpt", "state_dict")] {
        let load = format!(
            "model.load_state_dict(torch.load(\"{name}\", map_location=\"cpu\", weights_only=True)[\"{key}\"])"
        );
        assert_eq!(line(told(name)), (dictionary(key), load));
    }
    let (file, python) = told("object.pt");
    assert_eq!(file, ModelFile::Checkpoint(Pickled::Object("torch.nn.modules.container.Sequential".into())));
    insta::assert_snapshot!(python, @r#"
    import paname_export, torch
    model = torch.load("object.pt", map_location="cpu", weights_only=False)  # runs what the file says: only if you trust it
    model.eval()
    example = …  # a batch of inputs, e.g. torch.zeros(1, 3, 32, 32)
    paname_export.export(model, example, "object.pt2", task="classification")
    "#);
    // As PyTorch wrote them before 1.6: what they hold is not looked for.
    let (file, python) = told("old.pt");
    assert_eq!(file, ModelFile::Checkpoint(Pickled::Unknown));
    assert!(python.contains("model = …  # your model, with its weights\n"), "{python}");
}

#[test]
fn weights_in_safetensors() {
    let (file, python) = told("weights.safetensors");
    assert_eq!(file, ModelFile::Safetensors);
    insta::assert_snapshot!(python, @r#"
    import paname_export, torch
    import safetensors.torch
    model = …  # your class, built as for training
    model.load_state_dict(safetensors.torch.load_file("weights.safetensors"))
    model.eval()
    example = …  # a batch of inputs, e.g. torch.zeros(1, 3, 32, 32)
    paname_export.export(model, example, "weights.pt2", task="classification")
    "#);
}

#[test]
fn models_of_scikit_learn_however_they_are_compressed() {
    for name in ["plain", "zlib", "gzip", "bzip2", "xz"] {
        let (file, python) = told(&format!("{name}.joblib"));
        assert_eq!(file, ModelFile::Pickle, "{name}");
        let expected = format!(
            "import joblib, numpy\n\
             model = joblib.load(\"{name}.joblib\")  # runs what the file says: only if you trust it\n\
             inputs = …  # the audited records, in the order of the table\n\
             numpy.save(\"probabilities.npy\", model.predict_proba(inputs))"
        );
        assert_eq!(python, expected);
    }
    // By another name they may be anything.
    let folder = tempfile::tempdir().unwrap();
    let other = folder.path().join("records.csv.gz");
    std::fs::write(&other, b"\x1f\x8b\x08\x00").unwrap();
    assert_eq!(recognise(&other).unwrap(), ModelFile::Unknown);
}
