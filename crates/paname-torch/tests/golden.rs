//! What PyTorch 2.11 answers, within rounding: outputs, gradients and parameters of the same networks. make.py beside the fixtures asked it.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

mod common;

use common::{Audit, golden};
use paname_core::{Access, Outputs, Query, Target, Tensor};
use serde_json::{Value, json};

/// Relative to the largest value of a tensor: sums of single precision differ by the order of their terms.
const TOLERANCE: f64 = 1e-5;

fn close(what: &str, ours: &Tensor, theirs: &Tensor) {
    assert_eq!(ours.shape(), theirs.shape(), "{what}");
    let (ours, theirs) = (ours.to_f64().unwrap(), theirs.to_f64().unwrap());
    let largest = theirs.iter().fold(0.0_f64, |most, value| most.max(value.abs()));
    assert!(largest > 0.0, "{what}: PyTorch's values are all zero");
    for (i, (a, b)) in ours.iter().zip(&theirs).enumerate() {
        assert!((a - b).abs() <= TOLERANCE * (largest + b.abs()), "{what}, value {i}: {a}, PyTorch {b}");
    }
}

/// Asks for outputs and gradients as make.py did.
fn compare(name: &str, target: &dyn Target, records: u32, layer: &str) {
    let want = Access::LOGITS
        | Access::PROBABILITIES
        | Access::LOSS
        | Access::EMBEDDING
        | Access::ACTIVATIONS
        | Access::LAST_LAYER_GRADIENT;
    let mut query = Query::records((0..records).collect::<Vec<_>>(), want);
    query.layers = vec![layer.to_owned()];
    let check = |answers: &Outputs, how: &str| {
        let mut all = vec![
            ("logits", &answers.logits),
            ("probabilities", &answers.probabilities),
            ("loss", &answers.loss),
            ("embedding", &answers.embedding),
            ("last-layer-gradient", &answers.last_layer_gradient),
        ];
        let activations = answers.activations.first().map(|(_, value)| value.clone());
        all.push((layer, &activations));
        for (what, ours) in all {
            close(
                &format!("{name}, {what}, {how}"),
                ours.as_ref().unwrap(),
                &golden(&format!("{name}-{what}")),
            );
        }
    };
    check(&target.predict(&query).unwrap(), "asked");
    let (answers, pullback) = target.vjp(&query).unwrap();
    check(&answers, "with its graph");
    let cotangent = |what: &str| golden(&format!("{name}-{what}-cotangent"));
    let gradient = |what: &str, cotangent: Outputs| {
        let ours = pullback.apply(&cotangent).unwrap();
        close(&format!("{name}, gradient of {what}"), &ours, &golden(&format!("{name}-{what}-gradient")));
    };
    gradient("logits", Outputs { logits: Some(cotangent("logits")), ..Outputs::default() });
    gradient(
        "probabilities",
        Outputs { probabilities: Some(cotangent("probabilities")), ..Outputs::default() },
    );
    gradient("loss", Outputs { loss: Some(cotangent("loss")), ..Outputs::default() });
    gradient("embedding", Outputs { embedding: Some(cotangent("embedding")), ..Outputs::default() });
    let activations = vec![(layer.to_owned(), cotangent(layer))];
    gradient(layer, Outputs { activations, ..Outputs::default() });
    let both =
        Outputs { logits: Some(cotangent("logits")), loss: Some(cotangent("loss")), ..Outputs::default() };
    gradient("together", both);
}

fn weights(name: &str, architecture: &Value, layer: &str) -> Box<dyn Target> {
    let audit = Audit::of(name);
    let config = json!({ "weights": format!("{name}.safetensors"), "architecture": architecture });
    let target = audit.open(config).unwrap();
    compare(name, target.as_ref(), audit.roster.len() as u32, layer);
    target
}

#[test]
fn an_mlp_is_that_of_pytorch() {
    let target =
        weights("mlp", &json!({ "name": "mlp", "hidden": [16, 6], "activation": "tanh" }), "hidden-1");
    let parameters = target.parameters().unwrap();
    let names: Vec<&str> = parameters.iter().map(|(name, _)| name.as_str()).collect();
    let expected = [
        "hidden-1.weight",
        "hidden-1.bias",
        "hidden-2.weight",
        "hidden-2.bias",
        "output.weight",
        "output.bias",
    ];
    assert_eq!(names, expected);
    let bytes = std::fs::read(common::fixtures().join("mlp.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    for (name, value) in parameters {
        assert_eq!(value.bytes().unwrap(), file.tensor(&name).unwrap().data(), "{name}");
    }
}

#[test]
fn a_convnet_is_that_of_pytorch() {
    let architecture = json!({ "name": "convnet", "channels": [4, 6], "hidden": [10], "batch-norm": true });
    let target = weights("convnet", &architecture, "convolution-1");
    let bytes = std::fs::read(common::fixtures().join("convnet.safetensors")).unwrap();
    let file = safetensors::SafeTensors::deserialize(&bytes).unwrap();
    let parameters = target.parameters().unwrap();
    assert_eq!(parameters.len(), file.len());
    for (name, value) in parameters {
        assert_eq!(value.bytes().unwrap(), file.tensor(&name).unwrap().data(), "{name}");
    }
}

#[test]
fn moments_are_those_of_the_activations() {
    let architecture = json!({ "name": "convnet", "channels": [4, 6], "hidden": [10], "batch-norm": true });
    let audit = Audit::of("convnet");
    let config = json!({ "weights": "convnet.safetensors", "architecture": architecture });
    let target = audit.open(config).unwrap();
    let (layer, named) = ("convolution-1".to_owned(), format!("convolution-1{}", paname_core::MOMENTS));
    let mut query = Query::records((0..5).collect::<Vec<_>>(), Access::ACTIVATIONS);
    query.layers = vec![layer.clone(), named.clone()];
    let (answers, pullback) = target.vjp(&query).unwrap();
    let value = |name: &str| answers.activations.iter().find(|(known, _)| known == name).unwrap().1.clone();
    let (activations, moments) = (value(&layer), value(&named));
    let &[records, channels, height, width] = activations.shape() else { panic!("an image at each layer") };
    assert_eq!(moments.shape(), [records, 2, channels]);
    let (positions, values) = (height * width, activations.to_f64().unwrap());
    let places = |r: usize, c: usize| &values[(r * channels + c) * positions..][..positions];
    let power = |which: i32, r: usize, c: usize| {
        places(r, c).iter().map(|x| x.powi(which)).sum::<f64>() / positions as f64
    };
    let each =
        (0..records).flat_map(|r| (1..=2).flat_map(move |which| (0..channels).map(move |c| (r, which, c))));
    let expected: Vec<f32> = each.map(|(r, which, c)| power(which, r, c) as f32).collect();
    close("moments", &moments, &Tensor::from_vec(expected, &[records, 2, channels]).unwrap());
    assert_eq!(target.predict(&query).unwrap().activations.len(), 2);
    // The chain rule: the mean gives 1/n to each position, the mean square 2x/n.
    let weight = |r: usize, which: usize, c: usize| (1 + r + 3 * which + 7 * c) as f64 / 10.0;
    let cotangent: Vec<f32> = (0..records)
        .flat_map(|r| (0..2).flat_map(move |which| (0..channels).map(move |c| weight(r, which, c) as f32)))
        .collect();
    let cotangent = Tensor::from_vec(cotangent, &[records, 2, channels]).unwrap();
    let of_moments = Outputs { activations: vec![(named, cotangent)], ..Outputs::default() };
    let mut by_hand = Vec::with_capacity(values.len());
    for r in 0..records {
        for c in 0..channels {
            let slope = |x: &f64| (weight(r, 0, c) + 2.0 * x * weight(r, 1, c)) / positions as f64;
            by_hand.extend(places(r, c).iter().map(|x| slope(x) as f32));
        }
    }
    let by_hand = Tensor::from_vec(by_hand, activations.shape()).unwrap();
    let of_activations = Outputs { activations: vec![(layer, by_hand)], ..Outputs::default() };
    let gradient = |cotangent: &Outputs| pullback.apply(cotangent).unwrap();
    close("gradient of moments", &gradient(&of_moments), &gradient(&of_activations));
    query.layers = vec![format!("none{}", paname_core::MOMENTS)];
    let error = target.predict(&query).unwrap_err().to_string();
    assert!(error.starts_with("layer: expected one of ") && error.ends_with("got none:moments"), "{error}");
}

#[test]
fn a_resnet_is_that_of_pytorch() {
    weights("resnet", &json!({ "name": "resnet", "blocks": [1, 2], "width": 4 }), "block-2-1");
}

#[test]
fn programs_answer_as_in_pytorch() {
    let audit = Audit::of("script");
    let ids: Vec<u32> = (0..12).collect();
    for (program, outputs) in [
        ("plain.pt", json!([])),
        ("frozen.pt", json!([])),
        ("tuple.pt", json!(["logits", "embedding"])),
        ("dict.pt", json!(["logits", "embedding", "hidden"])),
    ] {
        let target =
            audit.open(json!({ "script": program, "trust": true, "outputs": outputs, "batch": 5 })).unwrap();
        let offers = target.card().offers();
        assert_eq!(target.card().classes, Some(3));
        let mut query = Query::records(ids.clone(), offers - Access::PARAMETERS - Access::INPUT_GRADIENT);
        query.layers.clone_from(&target.card().layers);
        let answers = target.predict(&query).unwrap();
        close(program, answers.logits.as_ref().unwrap(), &golden("script-logits"));
        close(program, answers.loss.as_ref().unwrap(), &golden("script-loss"));
        let named =
            |name: &str| answers.activations.iter().find(|(layer, _)| layer == name).map(|(_, value)| value);
        if offers.contains(Access::EMBEDDING) {
            close(program, answers.embedding.as_ref().unwrap(), &golden("script-embedding"));
            close(program, named("embedding").unwrap(), &golden("script-embedding"));
        }
        if program == "dict.pt" {
            close(program, named("hidden").unwrap(), &golden("script-hidden"));
        }
        // A frozen program has no parameters left, and so no last layer.
        assert_eq!(offers.contains(Access::PARAMETERS), program != "frozen.pt", "{program}");
        assert_eq!(offers.contains(Access::LAST_LAYER_GRADIENT), program != "frozen.pt", "{program}");
        if let Some(gradient) = &answers.last_layer_gradient {
            close(program, gradient, &golden("script-last-layer-gradient"));
        }
        let (_, pullback) = target.vjp(&Query::records(ids.clone(), Access::LOGITS)).unwrap();
        let cotangent = Outputs { logits: Some(golden("script-logits-cotangent")), ..Outputs::default() };
        for _ in 0..2 {
            close(program, &pullback.apply(&cotangent).unwrap(), &golden("script-logits-gradient"));
        }
    }
}

#[test]
fn a_program_that_was_saved_while_training_is_asked_in_evaluation_mode() {
    let audit = Audit::of("images");
    let target = audit.open(json!({ "script": "images.pt", "trust": true })).unwrap();
    let answers = target.predict(&Query::records((0..12).collect::<Vec<_>>(), Access::LOGITS)).unwrap();
    close("images.pt", &answers.logits.unwrap(), &golden("images-logits"));
}

#[test]
fn gradients_are_those_of_records_as_they_are_kept() {
    // Bytes, channels last, flipped: the gradient has the shape and the scale of the bytes.
    let bytes: Vec<u8> = (0..4 * 64_u32).map(|i| (i * 37 % 251) as u8).collect();
    let inputs = Tensor::from_vec(bytes.clone(), &[4, 8, 8, 1]).unwrap();
    let audit = Audit::new(inputs);
    let preparation = json!({ "channels-last": true, "mean": [0.5], "deviation": [0.25] });
    let config =
        json!({ "script": "images.pt", "trust": true, "preparation": preparation, "variants": ["flip"] });
    let target = audit.open(config).unwrap();
    let prepared: Vec<f32> = bytes
        .chunks(8)
        .flat_map(|row| row.iter().rev())
        .map(|&b| (f32::from(b) / 255.0 - 0.5) * 4.0)
        .collect();
    let by_hand = Audit::new(Tensor::from_vec(prepared, &[4, 1, 8, 8]).unwrap());
    let plain = by_hand.open(json!({ "script": "images.pt", "trust": true })).unwrap();
    let mut flipped = Query::records(vec![0, 1, 2, 3], Access::LOGITS);
    let ask = |target: &dyn Target, query: &Query| {
        let (answers, pullback) = target.vjp(query).unwrap();
        let logits = answers.logits.unwrap();
        let gradient =
            pullback.apply(&Outputs { logits: Some(logits.clone()), ..Outputs::default() }).unwrap();
        (logits, gradient)
    };
    let (plain_logits, plain_gradient) = ask(plain.as_ref(), &flipped);
    flipped.input = paname_core::Input::Records(vec![0, 1, 2, 3].into(), paname_core::Augmentation(1));
    let (logits, gradient) = ask(target.as_ref(), &flipped);
    close("logits of prepared bytes", &logits, &plain_logits);
    assert_eq!(gradient.shape(), [4, 8, 8, 1]);
    let turned: Vec<f32> = plain_gradient
        .as_slice::<f32>()
        .unwrap()
        .chunks(8)
        .flat_map(|row| row.iter().rev())
        .map(|g| g * 4.0 / 255.0)
        .collect();
    close("gradient of prepared bytes", &gradient, &Tensor::from_vec(turned, &[4, 8, 8, 1]).unwrap());
}
