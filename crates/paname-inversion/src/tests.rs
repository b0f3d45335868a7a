//! The attacks on models that are known.

use paname_core::{
    Access, CaseSize, Ctx, Error, Input, Metered, Outputs, Query, Reconstruction, Target, Task, Tensor,
};
use serde_json::{Value, json};

use crate::ATTACKS;
use crate::estimated::{Estimate, EstimatedGradient, Method};
use crate::regulariser::{Variation, total_variation};
use crate::testing::{
    Hostile, Listening, Net, Normed, Words, Wrong, attack, entry, found, refused, with_case,
};

const BOTH: [&str; 2] = ["miface", "regularised-ascent"];

fn regression() -> Net {
    Net::new(&[6], 4, 0, 1)
}

fn network() -> Net {
    Net::new(&[8], 3, 16, 2)
}

fn values(found: &Reconstruction) -> Vec<f32> {
    found.input.to_f32().unwrap().into_owned()
}

/// Every class is there, in order, the best start first, and scores are what the model says.
fn check(found: &[Reconstruction], net: &Net, starts: usize) {
    assert_eq!(found.len(), net.classes * starts);
    for (i, one) in found.iter().enumerate() {
        assert_eq!(one.class as usize, i / starts);
        assert_eq!(one.input.shape(), net.shape);
        let p = net.probabilities(&values(one))[one.class as usize];
        assert!((p - one.score).abs() < 1e-5, "{p} {}", one.score);
        assert!(i % starts == 0 || found[i - 1].score >= one.score);
    }
}

#[test]
fn every_class_is_reached() {
    for net in [regression(), network()] {
        for (name, config, starts) in [
            ("miface", json!({ "input": { "range": [-3.0, 3.0] } }), 1),
            ("miface", json!({ "input": { "range": [-3.0, 3.0] }, "begin": "mean", "starts": 2 }), 2),
            ("regularised-ascent", json!({ "input": { "range": [-3.0, 3.0] } }), 4),
            (
                "regularised-ascent",
                json!({ "input": { "range": [-3.0, 3.0] }, "objective": "max-margin", "starts": 2 }),
                2,
            ),
            (
                "regularised-ascent",
                json!({ "input": { "range": [-3.0, 3.0] }, "objective": "poincare", "starts": 2 }),
                2,
            ),
            (
                "regularised-ascent",
                json!({ "input": { "range": [-3.0, 3.0] }, "rule": "momentum", "momentum": 0.5, "rate": 0.02, "begin": "zeros", "starts": 3 }),
                3,
            ),
            (
                "regularised-ascent",
                json!({ "input": { "range": [-3.0, 3.0] }, "rule": "signed", "momentum": 0.0, "rate": 0.02, "outputs": "probabilities", "starts": 2 }),
                2,
            ),
        ] {
            let found = found(name, config.clone(), &net);
            check(&found, &net, starts);
            for best in found.iter().step_by(starts) {
                assert!(best.score > 0.9, "{name} {config}: {} of class {}", best.score, best.class);
                assert!(values(best).iter().all(|x| (-3.0..=3.0).contains(x)));
            }
        }
    }
}

#[test]
fn classes_are_reached_without_gradients() {
    for net in [regression(), network()] {
        let net = net.without(&["input-gradient", "logits"]);
        for method in ["spsa", "nes"] {
            for name in BOTH {
                let config = json!({
                    "starts": 2, "steps": 150, "begin": "zeros",
                    "estimate": { "method": method, "samples": 24 }, "input": { "range": [-3.0, 3.0] },
                });
                let found = found(name, config, &net);
                check(&found, &net, 2);
                assert!(found.iter().step_by(2).all(|best| best.score > 0.9), "{name} {method}");
            }
        }
    }
}

/// The gradients of ⟨logits, c⟩ or ⟨probabilities, c⟩ at rows of a target.
fn gradients(target: &dyn Target, rows: &[f32], c: &[f32], want: Access) -> Vec<f32> {
    let width = 8;
    let input = Input::Tensor(Tensor::from_vec(rows.to_vec(), &[rows.len() / width, width]).unwrap());
    let (answers, pullback) = target.vjp(&Query { input, labels: None, want, layers: Vec::new() }).unwrap();
    assert_eq!(answers.present(), want);
    let c = Some(Tensor::from_vec(c.to_vec(), &[rows.len() / width, 3]).unwrap());
    let cotangent = if want == Access::LOGITS {
        Outputs { logits: c, ..Outputs::default() }
    } else {
        Outputs { probabilities: c, ..Outputs::default() }
    };
    pullback.apply(&cotangent).unwrap().to_f32().unwrap().into_owned()
}

fn cosine(a: &[f32], b: &[f32]) -> f64 {
    let dot = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum::<f64>();
    dot(a, b) / (dot(a, a) * dot(b, b)).sqrt()
}

const ROWS: [f32; 16] = [0.1, -0.3, 0.2, 0.0, 0.4, -0.1, 0.3, 0.2, -0.2, 0.1, 0.0, 0.3, -0.4, 0.2, 0.1, -0.3];
const C: [f32; 6] = [1.0, -0.5, 0.0, -0.3, 0.0, 2.0];

#[test]
fn estimates_point_where_gradients_do() {
    let net = network();
    let ctx = Ctx::new(3, "test", 1, &());
    for method in [Method::Spsa, Method::Nes] {
        for want in [Access::LOGITS, Access::PROBABILITIES] {
            let exact = gradients(&net, &ROWS, &C, want);
            let error = |samples: usize| {
                let estimate = Estimate { method, samples, radius: 0.01 };
                let estimating = EstimatedGradient::new(&net, &ctx, estimate, 50).unwrap();
                let estimated = gradients(&estimating, &ROWS, &C, want);
                assert_eq!(estimating.asked(), 2 * (1 + 2 * samples as u64));
                for (a, b) in exact.chunks(8).zip(estimated.chunks(8)).filter(|_| samples >= 400) {
                    assert!(cosine(a, b) > 0.95, "{method:?} {want} {}", cosine(a, b));
                }
                let squares = |values: &mut dyn Iterator<Item = f32>| values.map(|x| x * x).sum::<f32>();
                squares(&mut exact.iter().zip(&estimated).map(|(a, b)| a - b))
                    / squares(&mut exact.iter().copied())
            };
            // The error falls as one over the number of samples: the scale is right, not the direction alone.
            let (few, many) = (error(400), error(10_000));
            assert!(many < 0.004 && many < few / 8.0, "{method:?} {want} {few} {many}");
        }
    }
}

#[test]
fn estimates_depend_on_the_question_alone() {
    let net = network();
    let ctx = Ctx::new(3, "test", 1, &());
    let of = |rows: &[f32], c: &[f32], seed: u64, batch: usize| {
        let estimate = Estimate { samples: 7, ..Estimate::default() };
        let estimating =
            EstimatedGradient::new(&net, &Ctx::new(seed, "test", 1, &()), estimate, batch).unwrap();
        gradients(&estimating, rows, c, Access::LOGITS)
    };
    let both = of(&ROWS, &C, 3, 64);
    for batch in [1, 2, 5, 1000] {
        assert_eq!(both, of(&ROWS, &C, 3, batch));
    }
    assert_eq!(both[8..], of(&ROWS[8..], &C[3..], 3, 64), "of the other rows");
    assert_ne!(both, of(&ROWS, &C, 4, 64));
    // Twice the cotangent, twice the gradient.
    let twice = of(&ROWS, &C.map(|c| 2.0 * c), 3, 64);
    assert!(both.iter().zip(twice).all(|(a, b)| (2.0 * a - b).abs() < 1e-5));
    // A value without range is not moved; the others are in their own units.
    let estimate = Estimate { samples: 2000, ..Estimate::default() };
    let ranges = [0.0, 5.0, 1.0, 1.0, 1.0, 1.0, 1.0, 1.0];
    let estimating = EstimatedGradient::new(&net, &ctx, estimate, 4096).unwrap().with_ranges(&ranges);
    let (exact, estimated) = (
        gradients(&net, &ROWS[..8], &C[..3], Access::LOGITS),
        gradients(&estimating, &ROWS[..8], &C[..3], Access::LOGITS),
    );
    assert_eq!(estimated[0], 0.0);
    assert!(cosine(&exact[1..], &estimated[1..]) > 0.95, "{exact:?} {estimated:?}");
}

#[test]
fn estimates_refuse_what_they_cannot_do() {
    let (net, ctx) = (network(), Ctx::new(3, "test", 1, &()));
    let of = |net: &Net, estimate: Estimate, batch| {
        EstimatedGradient::new(net, &ctx, estimate, batch).err().map(|error| error.to_string())
    };
    assert!(
        of(&net, Estimate { samples: 0, ..Estimate::default() }, 1).unwrap().contains("`estimate.samples`")
    );
    for radius in [0.0, -1.0, f64::NAN, f64::INFINITY] {
        assert!(
            of(&net, Estimate { radius, ..Estimate::default() }, 1).unwrap().contains("`estimate.radius`")
        );
    }
    assert!(of(&net, Estimate::default(), 0).unwrap().contains("`batch`"));
    assert_eq!(
        of(&net.clone().without(&["new-inputs"]), Estimate::default(), 1).unwrap(),
        "access denied: new-inputs"
    );
    let estimating = EstimatedGradient::new(&net, &ctx, Estimate::default(), 9).unwrap();
    assert!(estimating.card().offers().contains(Access::INPUT_GRADIENT));
    let query = |want, shape: &[usize]| {
        let input = Input::Tensor(Tensor::from_vec(vec![0.5_f32; shape.iter().product()], shape).unwrap());
        Query { input, labels: None, want, layers: Vec::new() }
    };
    assert!(estimating.vjp(&query(Access::LOSS, &[1, 8])).is_err());
    assert!(estimating.vjp(&query(Access::empty(), &[1, 8])).is_err());
    let (_, pullback) = estimating.vjp(&query(Access::LOGITS, &[2, 8])).unwrap();
    let c = |shape: &[usize]| Some(Tensor::from_vec(vec![1.0_f32; shape.iter().product()], shape).unwrap());
    assert!(pullback.apply(&Outputs::default()).is_err());
    assert!(pullback.apply(&Outputs { probabilities: c(&[2, 3]), ..Outputs::default() }).is_err());
    assert!(pullback.apply(&Outputs { logits: c(&[2, 4]), ..Outputs::default() }).is_err());
    assert!(pullback.apply(&Outputs { logits: c(&[6]), ..Outputs::default() }).is_err());
    assert_eq!(
        pullback.apply(&Outputs { logits: c(&[2, 3]), ..Outputs::default() }).unwrap().shape(),
        [2, 8]
    );
}

#[test]
fn total_variation_and_blur_make_images_smoother() {
    let net = Net::new(&[2, 6, 6], 3, 0, 5);
    let roughness = |config: Value| -> f64 {
        let found = found("regularised-ascent", config, &net);
        check(&found, &net, 2);
        assert!(found.iter().step_by(2).all(|best| best.score > 0.9));
        let of = |one: &Reconstruction| {
            total_variation(&values(one), [2, 6, 6], Variation::Anisotropic, 0.0, &mut [0.0; 72])
        };
        found.iter().map(of).sum()
    };
    let with = |weight: f64, variation: &str, blur: usize| {
        roughness(json!({ "starts": 2, "total-variation": weight, "variation": variation, "blur": blur }))
    };
    let plain = with(0.0, "anisotropic", 0);
    for variation in ["anisotropic", "isotropic"] {
        let (some, much) = (with(0.3, variation, 0), with(1.0, variation, 0));
        assert!(some < 0.8 * plain && much < some, "{variation}: {plain} {some} {much}");
    }
    assert!(with(0.0, "isotropic", 1) < 0.6 * plain);
    for key in ["total-variation", "blur", "jitter"] {
        let error = refused("regularised-ascent", json!({ key: 1 }), &regression());
        assert!(error.contains(&format!("`{key}` is of images")), "{error}");
    }
}

#[test]
fn images_may_be_moved_at_random() {
    let net = Net::new(&[2, 6, 6], 3, 0, 5);
    let of = |jitter: usize, confidence: f64| {
        let config =
            json!({ "starts": 2, "steps": 60, "jitter": jitter, "confidence": confidence, "patience": 100 });
        let found = found("regularised-ascent", config.clone(), &net);
        check(&found, &net, 2);
        (asked("regularised-ascent", config, &net).0, found)
    };
    let ((plain, still), (again, moved)) = (of(0, 2.0), of(2, 2.0));
    assert_eq!((plain, again), (6 * 61, 6 * 62));
    assert!(still.iter().all(|one| one.score > 0.9));
    assert_ne!(bits(&still), bits(&moved));
    // What is found is then found elsewhere too.
    for jitter in [1, 2] {
        let mean = |found: &[Reconstruction]| {
            let moved = |one: &Reconstruction| {
                let mut sum = 0.0;
                for (down, right) in [(0, 0), (1, 0), (0, -1), (-1, 1), (1, 1)] {
                    let mut image = values(one);
                    crate::regulariser::roll(&mut image, [2, 6, 6], down, right);
                    sum += net.probabilities(&image)[one.class as usize] / 5.0;
                }
                sum
            };
            found.iter().map(moved).sum::<f64>()
        };
        let (_, moved) = of(jitter, 2.0);
        assert!(mean(&moved) > mean(&still), "{jitter} {} {}", mean(&moved), mean(&still));
    }
    let error = refused("regularised-ascent", json!({ "jitter": 1001 }), &net);
    assert!(error.contains("`jitter` must be from 0 to 1000"), "{error}");
}

#[test]
fn views_are_averaged() {
    let net = Net::new(&[2, 6, 6], 3, 0, 5);
    let config = |crops: usize| json!({ "starts": 2, "steps": 40, "crop": 0.5, "flip": true, "crops": crops, "confidence": 2.0, "patience": 100 });
    for crops in [1, 3] {
        let found = found("regularised-ascent", config(crops), &net);
        check(&found, &net, 2);
        // Views, the last look, and what comes out as it is.
        assert_eq!(asked("regularised-ascent", config(crops), &net).0, 6 * (40 * crops as u64 + 2));
    }
    // What is found is then found in other views too.
    let plain = found("regularised-ascent", json!({ "starts": 2, "steps": 40 }), &net);
    let mean = |found: &[Reconstruction]| {
        let views = crate::view::Views { count: 1, jitter: 0, crop: 0.5, flip: true };
        let mut rng = Ctx::new(5, "test", 1, &()).rng("views");
        let mut seen = |one: &Reconstruction| {
            let mut image = values(one);
            views.draw(&mut rng).apply(&mut image, [2, 6, 6]);
            net.probabilities(&image)[one.class as usize]
        };
        found.iter().flat_map(|one| std::iter::repeat_n(one, 50)).map(&mut seen).sum::<f64>()
    };
    let averaged = found("regularised-ascent", config(8), &net);
    assert!(mean(&averaged) > mean(&plain), "{} {}", mean(&averaged), mean(&plain));
    for (config, words) in [
        (json!({ "crops": 2 }), "`crops` above 1 asks the same again"),
        (json!({ "crops": 0, "jitter": 1 }), "`crops` must be from 1 to 1000"),
        (json!({ "crop": 0.0 }), "`crop` must be above 0 to 1"),
        (json!({ "flip": true, "input": { "axes": "time" } }), "`flip` is of images"),
    ] {
        let error = refused("regularised-ascent", config, &net);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn batch_normalisation_tells_what_inputs_are_like() {
    let net = Normed::new(&[2, 4, 4], 4, 5);
    let config = |weight: f64| json!({ "starts": 3, "steps": 200, "l2": 0.0, "batch-norm": weight, "input": { "range": [-4.0, 6.0] } });
    // How far all that was found is from what the layer has kept.
    let distance = |found: &[Reconstruction]| {
        let rows: Vec<Vec<f32>> = found.iter().map(|one| net.moments(&values(one))).collect();
        let mean = |i: usize| rows.iter().map(|row| row[i]).sum::<f32>() / rows.len() as f32;
        let of = |(c, [_, _, weight, bias]): (usize, &[f32; 4])| {
            let (off, spread) = (mean(c) - bias, mean(2 + c) - mean(c).powi(2) - weight.powi(2));
            off * off + spread * spread
        };
        net.channels.iter().enumerate().map(of).sum::<f32>()
    };
    let (plain, normed) = (
        found("regularised-ascent", config(0.0), &net.clone()),
        found("regularised-ascent", config(1.0), &net.clone()),
    );
    assert!(distance(&normed) < 0.05 && distance(&plain) > 1.0, "{} {}", distance(&normed), distance(&plain));
    assert!(
        normed.iter().all(|one| one.score > 0.9),
        "{:?}",
        normed.iter().map(|one| one.score).collect::<Vec<_>>()
    );
    // The same on any number of threads.
    let on = |threads: usize| {
        bits(&attack("regularised-ascent", config(1.0), &net, &Ctx::new(3, "test", threads, &())).unwrap())
    };
    assert_eq!(on(1), on(4));
    let needs = entry("regularised-ascent").build(config(1.0)).unwrap().needs(1).unwrap();
    assert!(needs.access.contains(Access::PARAMETERS | Access::ACTIVATIONS | Access::INPUT_GRADIENT));
    // What cannot be is said.
    let of = |mut net: Normed, change: &dyn Fn(&mut Normed), config: Value| {
        change(&mut net);
        with_case(&net, Access::all(), |case| {
            let attack = entry("regularised-ascent").build(config)?;
            attack.run(case, &Ctx::new(1, "test", 1, &())).map(|_| ())
        })
        .unwrap_err()
        .to_string()
    };
    let lacking = |name: &'static str| move |net: &mut Normed| net.net = net.net.clone().without(&[name]);
    for name in ["parameters", "activations"] {
        let error = of(net.clone(), &lacking(name), config(1.0));
        assert!(
            error.contains(&format!("and {name} is not granted; with 0 the attack does without")),
            "{error}"
        );
    }
    let error = of(net.clone(), &lacking("input-gradient"), config(1.0));
    assert!(error.contains("`batch-norm` needs gradients from the target"), "{error}");
    let mut estimated = config(1.0);
    estimated["gradient"] = json!("estimated");
    assert!(of(net.clone(), &|_| {}, estimated).contains("`batch-norm` needs gradients from the target"));
    let error = of(net.clone(), &|net| net.net.card.layers.truncate(1), config(1.0));
    assert!(error.contains("the values of no layer that has a `running_mean`"), "{error}");
}

#[test]
fn sounds_have_neighbours_in_time_alone() {
    for (shape, lines) in [(&[48][..], 1), (&[2, 24], 2), (&[6, 8], 6)] {
        let net = Net::new(shape, 3, 0, 5);
        let image = [lines, 1, 48 / lines];
        let roughness = |found: &[Reconstruction]| -> f64 {
            let of = |one| total_variation(&values(one), image, Variation::Anisotropic, 0.0, &mut [0.0; 48]);
            found.iter().map(of).sum()
        };
        let of = |config: Value| {
            let mut config = config;
            config["input"] = json!({ "axes": "time", "range": [-0.5, 0.5] });
            config["starts"] = json!(2);
            let found = found("regularised-ascent", config, &net);
            check(&found, &net, 2);
            assert!(found.iter().flat_map(values).all(|x| (-0.5..=0.5).contains(&x)));
            found
        };
        let plain = of(json!({}));
        let (smooth, blurred) = (of(json!({ "total-variation": 1.0 })), of(json!({ "blur": 1 })));
        assert!(roughness(&smooth) < 0.7 * roughness(&plain), "{shape:?}");
        assert!(roughness(&blurred) < 0.7 * roughness(&plain), "{shape:?}");
        of(json!({ "jitter": 3, "crop": 0.5, "crops": 2 }));
        assert!(plain.iter().step_by(2).all(|best| best.score > 0.9));
    }
    // All samples have the same bounds.
    let net = regression();
    let records = net.records.clone().unwrap();
    let known = &records[20 * 6..];
    let (low, high) =
        (known.iter().copied().fold(f32::MAX, f32::min), known.iter().copied().fold(f32::MIN, f32::max));
    let found = found("regularised-ascent", json!({ "l2": 0.0, "input": { "axes": "time" } }), &net);
    let all: Vec<f32> = found.iter().flat_map(values).collect();
    // Up to rounding.
    let near = |bound: f32| all.iter().any(|x| (x - bound).abs() < 1e-6);
    assert!(near(low) && near(high) && all.iter().all(|x| (low..=high).contains(x)));
    let error = refused("regularised-ascent", json!({ "input": { "axes": "image" } }), &net);
    assert!(error.contains("`input.axes`: an image is"), "{error}");
}

/// Questions that a run puts to a target, and how its walks ended.
fn asked(name: &str, config: Value, net: &dyn Target) -> (u64, String) {
    let metered = Metered::new(net, net.card().offers(), None);
    let host = Listening::default();
    attack(name, config, &metered, &Ctx::new(7, "test", 1, &host)).unwrap();
    let lines = host.lines.lock().unwrap();
    (metered.asked(), lines.iter().find(|line| line.starts_with("of ")).unwrap().clone())
}

/// A walk that runs to its end although both rules of stopping were met is what a known implementation does.
#[test]
fn walks_stop_where_they_should() {
    let (net, range) = (regression(), json!({ "range": [-1.0, 1.0] }));
    for (name, rate) in [("miface", 0.05), ("regularised-ascent", 0.01)] {
        let config = |confidence: f64, patience: usize| {
            json!({ "classes": [1], "starts": 1, "begin": "mean", "steps": 4000, "rate": rate, "confidence": confidence,
                "patience": patience, "input": range })
        };
        // The confidence is reached: sooner for less of it, and not at once.
        let (some, ends) = asked(name, config(0.7, 50), &net);
        assert!(ends.contains("1 reached the confidence"), "{ends}");
        let (more, ends) = asked(name, config(0.95, 50), &net);
        assert!(ends.contains("1 reached the confidence"), "{ends}");
        assert!(1 < some && some < more && more < 2000, "{name} {some} {more}");
        // While it gets better, the least patience is enough.
        let (impatient, ends) = asked(name, config(0.95, 3), &net);
        assert!(impatient == more && more > 10, "{name} {impatient} {more} {ends}");
        // No confidence is enough: at the bounds nothing gets better, and patience ends.
        let long_steps = |patience: usize| {
            let mut config = config(2.0, patience);
            config["rate"] = json!(if name == "miface" { 20.0 } else { 0.05 });
            config
        };
        let (short, ends) = asked(name, long_steps(5), &net);
        assert!(ends.contains("1 got no better"), "{name} {ends}");
        let (long, ends) = asked(name, long_steps(60), &net);
        assert!(ends.contains("1 got no better"), "{name} {ends}");
        assert!(5 < short && short < long && 60 < long && long < 1000, "{name} {short} {long}");
        // A walk without end takes its steps, and one look more.
        let mut steps = config(2.0, 5000);
        steps["steps"] = json!(20);
        let (all, ends) = asked(name, steps, &net);
        assert!(all == 21 && ends.contains("1 took all steps"), "{name} {all} {ends}");
    }
    // Where the class is sure from the beginning, one question is enough.
    let one = Net { classes: 1, ..Net::new(&[6], 1, 0, 1) };
    for name in BOTH {
        let (asked, ends) = asked(name, json!({ "starts": 1, "confidence": 0.99 }), &one);
        assert!(asked == 1 && ends.contains("1 reached the confidence"), "{ends}");
    }
}

#[test]
fn no_more_is_asked_than_declared() {
    for net in [regression(), regression().without(&["input-gradient"])] {
        for name in BOTH {
            for groups in [json!([]), json!([[0, 1], [2, 3, 4]])] {
                let config = json!({ "classes": [0, 3], "starts": 3, "steps": 9, "confidence": 2.0, "batch": 4,
                    "estimate": { "samples": 3 }, "input": { "groups": groups } });
                let size = CaseSize {
                    task: Task::Classification,
                    granted: net.card().offers(),
                    augmentations: 1,
                    audited: 20,
                    population: 20,
                    references: 0,
                    classes: 3,
                    generator: None,
                    fitted_with_min: 0,
                    fitted_without_min: 0,
                };
                let config = entry(name).settle(config, &size).unwrap();
                let needs = entry(name).build(config.clone()).unwrap().needs(1).unwrap();
                assert!(net.card().offers().contains(needs.access));
                let (asked, _) = asked(name, config, &net);
                assert_eq!(asked, needs.questions(20, 20, 3), "{name} {groups}");
                let each = if net.card().offers().contains(Access::INPUT_GRADIENT) { 1 } else { 7 };
                assert_eq!(asked, 2 * 3 * (9 * each + 1 + u64::from(groups != json!([]))));
            }
        }
    }
}

#[test]
fn a_spent_budget_leaves_what_was_found() {
    let net = regression();
    for (budget, partial) in [(0, false), (7, false), (8, false), (15, false), (16, true), (100, true)] {
        let metered = Metered::new(&net, net.card().offers(), Some(budget));
        let host = Listening::default();
        let config = json!({ "starts": 2, "steps": 500, "confidence": 2.0 });
        let result = attack("regularised-ascent", config, &metered, &Ctx::new(7, "test", 1, &host));
        assert!(metered.asked() <= budget);
        match result {
            Ok(found) => {
                assert!(partial);
                check(&found, &net, 2);
                let lines = host.lines.lock().unwrap();
                assert!(
                    lines.iter().any(|line| line.starts_with("partial: query budget spent")),
                    "{lines:?}"
                );
            }
            Err(error) => assert!(!partial && matches!(error, Error::Budget { .. }), "{error}"),
        }
    }
}

#[test]
fn cancelled_runs_stop_within_a_tick() {
    let net = regression();
    for name in BOTH {
        for patience in [0, 1, 2, 3, 30] {
            let host = Listening { patience: Some(patience), ..Listening::default() };
            let config = json!({ "starts": 1, "confidence": 2.0, "patience": 10_000 });
            let result = attack(name, config, &net, &Ctx::new(7, "test", 1, &host));
            assert_eq!(host.ticks.load(std::sync::atomic::Ordering::Relaxed), patience + 1);
            match result {
                Ok(found) => {
                    assert!(patience >= 3);
                    check(&found, &net, 1);
                    let lines = host.lines.lock().unwrap();
                    assert!(lines.iter().any(|line| line.starts_with("partial: cancelled")), "{lines:?}");
                }
                Err(error) => assert!(patience <= 3 && error == Error::Cancelled, "{patience} {error}"),
            }
        }
    }
}

fn bits(found: &[Reconstruction]) -> Vec<(u32, u64, Vec<u32>)> {
    let bits = |one: &Reconstruction| values(one).iter().map(|x| x.to_bits()).collect();
    found.iter().map(|one| (one.class, one.score.to_bits(), bits(one))).collect()
}

#[test]
fn findings_depend_on_the_seed_alone() {
    for net in [network(), network().without(&["input-gradient"])] {
        for name in BOTH {
            let of = |seed: u64, threads: usize, batch: usize| {
                let config = json!({ "starts": 3, "steps": 20, "begin": "noise", "confidence": 2.0, "batch": batch,
                    "estimate": { "samples": 4 } });
                bits(&attack(name, config, &net, &Ctx::new(seed, "test", threads, &())).unwrap())
            };
            let first = of(1, 1, 128);
            assert_eq!(first, of(1, 4, 128));
            assert_eq!(first, of(1, 1, 1));
            assert_eq!(first, of(1, 2, 7));
            assert_ne!(first, of(2, 1, 128));
        }
    }
    // Whichever other classes are rebuilt.
    let net = network();
    let all = found("regularised-ascent", json!({ "starts": 2, "steps": 20 }), &net);
    let one = found("regularised-ascent", json!({ "starts": 2, "steps": 20, "classes": [2] }), &net);
    assert_eq!(bits(&all[4..]), bits(&one));
}

#[test]
fn hostile_targets_give_errors_and_not_panics() {
    let net = regression();
    for name in BOTH {
        let config = || json!({ "starts": 2, "steps": 30, "confidence": 2.0 });
        for (wrong, words) in [
            (Wrong::Answers(f32::NAN), "answers about inputs: expected finite numbers"),
            (Wrong::Answers(f32::INFINITY), "answers about inputs: expected finite numbers"),
            (Wrong::MoreRows, "expected one row for each of 8 questions"),
            (Wrong::FewerClasses, "class to invert: expected below 1, got 1"),
            (Wrong::Scalar, "answers: expected [records, classes], got shape [8]"),
            (Wrong::NothingAnswered, "access denied: logits"),
            (Wrong::GradientRows, "gradients: expected 8 of [6], got shape [9, 2]"),
            (Wrong::GradientWidth, "gradients: expected 8 of [6], got shape [8, 1]"),
            (Wrong::InputScalar, "inputs: expected [records, …], got shape []"),
            (Wrong::InputRows, "inputs: expected 20 of [6], got shape [3, 6]"),
        ] {
            let error = refused(name, config(), &Hostile(net.clone(), wrong));
            assert!(error.contains(words), "{name} {wrong:?}: {error}");
        }
        // What cannot be climbed is where it began.
        for wrong in [Wrong::Gradients(f32::NAN), Wrong::Gradients(f32::NEG_INFINITY)] {
            let found = found(name, config(), &Hostile(net.clone(), wrong));
            check(&found, &net, 2);
        }
        let flat = Hostile(net.clone(), Wrong::Flat);
        assert!(found(name, config(), &flat).iter().all(|one| (one.score - 0.25).abs() < 1e-12));
        let mut estimated = config();
        estimated["gradient"] = json!("estimated");
        estimated["estimate"] = json!({ "samples": 3 });
        assert!(found(name, estimated.clone(), &flat).iter().all(|one| (one.score - 0.25).abs() < 1e-12));
        for wrong in [
            Wrong::Answers(f32::NAN),
            Wrong::MoreRows,
            Wrong::FewerClasses,
            Wrong::Scalar,
            Wrong::NothingAnswered,
        ] {
            refused(name, estimated.clone(), &Hostile(net.clone(), wrong));
        }
    }
    let (asked, ends) =
        asked("miface", json!({ "starts": 2, "confidence": 2.0 }), &Hostile(net, Wrong::Flat));
    assert!(asked == 8 && ends.contains("8 had no gradient"), "{asked} {ends}");
}

#[test]
fn walks_restart_with_half_the_step_where_answers_are_no_numbers() {
    let mut net = regression();
    // The way to class 0 leads straight to where answers end.
    net.second[0] = 3.0;
    let hostile = Hostile(net.clone(), Wrong::Beyond(1.2));
    let host = Listening::default();
    let config = json!({ "classes": [0], "starts": 2, "begin": "zeros", "rule": "momentum", "momentum": 0.0, "rate": 0.2,
        "l2": 0.0, "input": { "range": [-2.0, 2.0] } });
    let found = attack("regularised-ascent", config, &hostile, &Ctx::new(7, "test", 1, &host)).unwrap();
    let lines = host.lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("2 walks restarted with half the step")), "{lines:?}");
    for one in &found {
        assert!(values(one)[0] <= 1.2 && one.score > 0.9, "{}", one.score);
        assert!((net.probabilities(&values(one))[0] - one.score).abs() < 1e-5);
    }
}

#[test]
fn groups_of_columns_get_one_value_each() {
    let net = regression();
    for (name, gradient) in
        [("miface", "given"), ("regularised-ascent", "given"), ("regularised-ascent", "estimated")]
    {
        let config = json!({ "starts": 2, "steps": 100, "gradient": gradient, "input": {
            "groups": [[0, 1, 2], [5, 3]], "bounds": [{ "column": 4, "low": -4.0, "high": 4.0 }] } });
        let found = found(name, config, &net);
        check(&found, &net, 2);
        for one in &found {
            let x = values(one);
            for group in [&[0_usize, 1, 2][..], &[5, 3]] {
                let ones = group.iter().filter(|column| x[**column] == 1.0).count();
                assert!(
                    ones == 1 && group.iter().all(|column| x[*column] == 0.0 || x[*column] == 1.0),
                    "{x:?}"
                );
            }
            assert!((-4.0..=4.0).contains(&x[4]));
        }
    }
}

#[test]
fn bounds_are_those_of_the_population_where_it_is_known() {
    let mut net = regression();
    let records = net.records.clone().unwrap();
    let column = |j: usize| records[20 * 6..].iter().skip(j).step_by(6).copied();
    for one in found("regularised-ascent", json!({ "l2": 0.0 }), &net) {
        for (j, x) in values(&one).into_iter().enumerate() {
            let (low, high) = (column(j).fold(f32::MAX, f32::min), column(j).fold(f32::MIN, f32::max));
            assert!(low <= x && x <= high && low < -0.3 && high > 0.3, "{j} {low} {x} {high}");
        }
    }
    // A column that never varies stays as it is; a value that is no number tells nothing.
    let records = net.records.as_mut().unwrap();
    for r in 20..40 {
        records[r * 6] = 0.75;
    }
    records[25 * 6 + 1] = f32::NAN;
    assert!(
        found("miface", json!({}), &net)
            .iter()
            .all(|one| values(one)[0] == 0.75 && values(one)[1].is_finite())
    );
    assert!(found("miface", json!({ "begin": "mean" }), &net).iter().all(|one| values(one)[0] == 0.75));
    net.records.as_mut().unwrap().fill(1.0);
    assert!(refused("miface", json!({}), &net).contains("set `input.range`"));
    // Without known inputs the shape has to be told, and values lie between 0 and 1.
    net.records = None;
    assert!(refused("miface", json!({}), &net).contains("set `input.shape`"));
    let told = found("miface", json!({ "input": { "shape": [6] } }), &net);
    check(&told, &net, 1);
    assert!(told.iter().flat_map(values).all(|x| (0.0..=1.0).contains(&x)));
    assert!(
        refused("miface", json!({ "begin": "mean", "input": { "shape": [6] } }), &net).contains("population")
    );
}

#[test]
fn parameters_are_checked() {
    let net = regression();
    for name in BOTH {
        for (config, words) in [
            (json!({ "starts": 0 }), "`starts` must be at least 1"),
            (json!({ "steps": 0 }), "`steps` must be at least 1"),
            (json!({ "batch": 0 }), "`batch` must be at least 1"),
            (json!({ "patience": 0 }), "`patience` must be at least 1"),
            (json!({ "rate": 0.0 }), "`rate` must be above 0"),
            (json!({ "confidence": 0.0 }), "`confidence` must be above 0"),
            (json!({ "classes": [1, 2, 1] }), "`classes`: class 1 stands twice"),
            (json!({ "classes": [1, 4] }), "`classes`: expected numbers below 4, got 4"),
            (json!({ "estimate": { "samples": 0 } }), "`estimate.samples`"),
            (json!({ "estimate": { "radius": 0.0 } }), "`estimate.radius`"),
            (json!({ "input": { "range": [1.0, 1.0] } }), "`input.range` must be two rising numbers"),
            (
                json!({ "input": { "bounds": [{ "column": 0, "low": 1.0, "high": 0.0 }] } }),
                "`input.bounds` of column 0",
            ),
            (
                json!({ "input": { "bounds": [{ "column": 6, "low": 0.0, "high": 1.0 }] } }),
                "columns below 6, got 6",
            ),
            (json!({ "input": { "groups": [[0], [6]] } }), "`groups`: expected columns below 6"),
            (json!({ "input": { "groups": [[]] } }), "`groups`: group 0 has no column"),
            (json!({ "input": { "shape": [2, 3] } }), "expected the shape of the records, [6], got [2, 3]"),
            (json!({ "no-such-parameter": 1 }), "no-such-parameter"),
        ] {
            let error = refused(name, config.clone(), &net);
            assert!(error.contains(words), "{name} {config}: {error}");
        }
    }
    for (config, words) in [
        (json!({ "l2": -1.0 }), "`l2` must be from 0"),
        (json!({ "power": 0.5 }), "`power` must be from 1"),
        (json!({ "momentum": 1.0 }), "`momentum` must be from 0 to below 1"),
    ] {
        let error = refused("regularised-ascent", config, &net);
        assert!(error.contains(words), "{error}");
    }
}

#[test]
fn what_is_not_offered_is_said_before_anything_is_asked() {
    let net = regression().without(&["input-gradient"]);
    // The needs refuse first; without them, the words say what could run.
    assert_eq!(refused("miface", json!({ "gradient": "given" }), &net), "access denied: input-gradient");
    let direct = with_case(&net, Access::all(), |case| {
        let attack = entry("miface").build(json!({ "gradient": "given", "steps": 10 })).unwrap();
        attack.run(case, &Ctx::new(1, "test", 1, &())).unwrap_err().to_string()
    });
    assert!(
        direct.contains("with \"estimated\" the attack runs, at most 1011 questions for each class"),
        "{direct}"
    );
    let less = regression().without(&["new-inputs"]);
    assert_eq!(refused("miface", json!({}), &less), "access denied: new-inputs");
    let labels = regression().without(&["logits", "probabilities", "loss"]);
    assert_eq!(refused("miface", json!({}), &labels), "access denied: probabilities");
    let host = Listening::default();
    attack("miface", json!({ "steps": 3 }), &net, &Ctx::new(1, "test", 1, &host)).unwrap();
    let chosen = host.chosen.lock().unwrap();
    assert_eq!(
        *chosen,
        [("gradient", "estimated"), ("outputs", "logits")].map(|(a, b)| (a.to_owned(), b.to_owned()))
    );
    assert!(host.lines.lock().unwrap()[0].contains("at most 1216 questions"));
}

#[test]
fn attacks_are_described_and_settle() {
    for entry in ATTACKS {
        let info = entry.info;
        for part in ["Idea", "Threat model", "Formula", "Paper", "Cost", "When it fails"] {
            assert!(info.manual().contains(&format!("**{part}.**")), "{} lacks {part}", info.name);
        }
        for text in [info.title_fr, info.title_en, info.summary_fr, info.summary_en] {
            assert!(!text.is_empty() && !text.contains('\''), "{text}");
        }
        let (schema, defaults) = (entry.schema().unwrap(), entry.resolve(Value::Null).unwrap());
        assert_eq!(entry.resolve(defaults.clone()).unwrap(), defaults);
        for parameter in defaults.as_object().unwrap().keys() {
            assert!(schema["properties"][parameter]["description"].is_string(), "{} {parameter}", info.name);
        }
        let size = |granted: Access| CaseSize {
            task: Task::Classification,
            granted: granted.with_implied(),
            augmentations: 1,
            audited: 9,
            population: 9,
            references: 0,
            classes: 3,
            generator: None,
            fitted_with_min: 0,
            fitted_without_min: 0,
        };
        if info.name == "token-ascent" || defaults.get("gradient").is_none() {
            continue;
        }
        let given = entry.settle(Value::Null, &size(Access::LOGITS | Access::INPUT_GRADIENT)).unwrap();
        assert_eq!((&given["gradient"], &given["outputs"]), (&json!("given"), &json!("logits")));
        let estimated = entry.settle(Value::Null, &size(Access::PROBABILITIES)).unwrap();
        assert_eq!(
            (&estimated["gradient"], &estimated["outputs"]),
            (&json!("estimated"), &json!("probabilities"))
        );
        assert_eq!(
            entry.settle(estimated.clone(), &size(Access::LOGITS | Access::INPUT_GRADIENT)).unwrap(),
            estimated
        );
        let needs = |config: &Value| entry.build(config.clone()).unwrap().needs(9).unwrap();
        assert_eq!(needs(&given).access, Access::NEW_INPUTS | Access::LOGITS | Access::INPUT_GRADIENT);
        assert_eq!(needs(&estimated).access, Access::NEW_INPUTS | Access::PROBABILITIES);
        assert!(needs(&estimated).queries_per_class > 40 * needs(&given).queries_per_class);
    }
}

/// The share of the words of a sentence that are in a text.
fn recall(sentence: &[u32], text: &Reconstruction) -> f64 {
    let text = text.input.to_i64().unwrap();
    sentence.iter().filter(|word| text.contains(&i64::from(**word))).count() as f64 / sentence.len() as f64
}

#[test]
fn texts_hold_the_words_that_were_planted() {
    let words = Words::new(3, 11);
    for (target, swaps, config) in [
        (words.clone(), "gradient", json!({})),
        (words.clone(), "gradient", json!({ "candidates": 8, "objective": "negative-logit", "padding": 0 })),
        (words.clone(), "answers", json!({ "swaps": "answers", "candidates": 80 })),
        (words.clone().without(&["input-gradient"]), "answers", json!({ "candidates": 40, "patience": 100 })),
        (
            words.clone().without(&["logits"]),
            "answers",
            json!({ "swaps": "answers", "objective": "cross-entropy" }),
        ),
        (Words { comes_apart: false, ..words.clone() }, "answers", json!({})),
    ] {
        let host = Listening::default();
        let mut config = config;
        config["starts"] = json!(2);
        let found = attack("token-ascent", config.clone(), &target, &Ctx::new(7, "test", 1, &host)).unwrap();
        let chosen = host.chosen.lock().unwrap();
        assert!(
            config["swaps"].is_string() || chosen.contains(&("swaps".to_owned(), swaps.to_owned())),
            "{config} {chosen:?}"
        );
        assert_eq!(found.len(), 3 * 2);
        let (mut planted, mut control) = (0.0, 0.0);
        for (i, one) in found.iter().enumerate() {
            assert_eq!((one.class as usize, one.input.shape()), (i / 2, &[8][..]));
            assert!(i % 2 == 0 || found[i - 1].score >= one.score);
            assert!(one.score > 0.9, "{config} {}", one.score);
            let text = one.input.to_i64().unwrap();
            let repeated =
                |token: &i64| *token != 0 && text.iter().filter(|other| *other == token).count() > 1;
            assert!(!text.iter().any(repeated), "{text:?}");
            planted += recall(&words.planted[i / 2], one) / found.len() as f64;
            control += recall(&words.control[i / 2], one) / found.len() as f64;
        }
        assert!(planted > 0.85 && control < 0.2, "{config}: planted {planted} control {control}");
    }
}

#[test]
fn gradients_with_respect_to_tokens_are_those_of_the_embedding() {
    // One swap that is best to first order, of a model that is a plane in each place, is the best of all.
    let words = Words::new(3, 11);
    let best = |config: Value| {
        let found = found("token-ascent", config, &words);
        found.into_iter().map(|one| (one.class, one.input.to_i64().unwrap())).collect::<Vec<_>>()
    };
    let objective = "negative-logit";
    let guided = best(
        json!({ "starts": 1, "steps": 1, "candidates": 1, "swaps": "gradient", "objective": objective }),
    );
    // From nothing no pair counts, so that every place is as good.
    let of = |class: u32, token: u32| -> f64 {
        let mut text = vec![0; 8];
        text[0] = i64::from(token);
        let input = Input::Tokens(Tensor::from_vec(text, &[1, 8]).unwrap());
        let query = Query { input, labels: None, want: Access::LOGITS, layers: Vec::new() };
        words.predict(&query).unwrap().logits.unwrap().to_f64().unwrap()[class as usize]
    };
    for (class, text) in guided {
        let put: Vec<u32> = text.iter().filter(|token| **token != 0).map(|token| *token as u32).collect();
        assert_eq!(put.len(), 1, "{text:?}");
        assert!((1..80).all(|token| of(class, token) <= of(class, put[0])), "{class} {put:?}");
    }
}

#[test]
fn texts_depend_on_the_seed_alone() {
    for words in [Words::new(3, 11), Words::new(3, 11).without(&["parameters"])] {
        let of = |seed: u64, threads: usize, batch: usize, classes: &[u32]| {
            let config =
                json!({ "starts": 2, "steps": 12, "candidates": 5, "batch": batch, "classes": classes });
            let found =
                attack("token-ascent", config, &words, &Ctx::new(seed, "test", threads, &())).unwrap();
            found.iter().map(|one| (one.class, one.start, one.input.to_i64().unwrap())).collect::<Vec<_>>()
        };
        let first = of(1, 1, 128, &[]);
        assert_eq!(first, of(1, 4, 128, &[]));
        assert_eq!(first, of(1, 1, 1, &[]));
        assert_eq!(first, of(1, 2, 7, &[]));
        assert_eq!(first[4..], of(1, 1, 128, &[2]));
        assert_ne!(first, of(2, 1, 128, &[]));
    }
}

#[test]
fn texts_keep_to_what_is_said_of_them() {
    let words = Words::new(2, 11);
    let best = words.planted[0][0];
    let config = json!({ "classes": [0], "starts": 2, "reserved": [best], "repeats": 2,
        "fixed": [{ "place": 0, "token": 79 }, { "place": 7, "token": best }], "padding": 3 });
    for one in found("token-ascent", config, &words) {
        let text = one.input.to_i64().unwrap();
        assert!(
            text[0] == 79 && text[7] == i64::from(best) && !text[..7].contains(&i64::from(best)),
            "{text:?}"
        );
    }
    // As often as may be.
    let free = found("token-ascent", json!({ "classes": [0], "starts": 1, "repeats": 0 }), &words);
    let text = free[0].input.to_i64().unwrap();
    assert!(text.iter().any(|token| text.iter().filter(|other| *other == token).count() > 1), "{text:?}");
    // A confidence that is reached ends the text.
    let short = found("token-ascent", json!({ "classes": [0], "starts": 1, "confidence": 0.6 }), &words);
    assert_eq!(short[0].ending, paname_core::Ending::Reached);
    assert!(short[0].input.to_i64().unwrap().iter().filter(|token| **token == 0).count() > 4);
}

#[test]
fn no_more_is_asked_about_texts_than_declared() {
    for words in [Words::new(3, 11), Words::new(3, 11).without(&["parameters"])] {
        let metered = Metered::new(&words, words.card().offers(), None);
        let config = json!({ "starts": 2, "steps": 9, "candidates": 5, "swaps": "auto" });
        attack("token-ascent", config.clone(), &metered, &Ctx::new(7, "test", 1, &())).unwrap();
        let needs = entry("token-ascent").build(config.clone()).unwrap().needs(1).unwrap();
        // What follows the embedding is asked beside the meter.
        assert!(metered.asked() <= needs.questions(0, 0, 3), "{}", metered.asked());
        for budget in [0, 5, 30, 100] {
            let metered = Metered::new(&words, words.card().offers(), Some(budget));
            let host = Listening::default();
            let result = attack("token-ascent", config.clone(), &metered, &Ctx::new(7, "test", 1, &host));
            match result {
                Ok(found) => {
                    assert!(budget == 100 && found.len() == 6);
                    assert!(found.iter().all(|one| one.ending == paname_core::Ending::Cut));
                    assert!(host.lines.lock().unwrap().iter().any(|line| line.starts_with("partial: ")));
                }
                Err(error) => assert!(budget < 100 && matches!(error, Error::Budget { .. }), "{error}"),
            }
        }
    }
}

#[test]
fn what_cannot_be_asked_about_texts_is_said() {
    let words = Words::new(3, 11);
    for (config, words_said) in [
        (json!({ "starts": 0 }), "`starts` must be at least 1"),
        (json!({ "candidates": 0 }), "`candidates` must be at least 1"),
        (json!({ "confidence": 0.0 }), "`confidence` must be above 0"),
        (json!({ "classes": [1, 1] }), "`classes`: class 1 stands twice"),
        (json!({ "classes": [3] }), "`classes`: expected numbers below 3, got 3"),
        (json!({ "length": 9 }), "`length`: records have 8 tokens, got 9"),
        (json!({ "vocabulary": 81 }), "`vocabulary`: the embedding has 80 tokens, got 81"),
        (json!({ "padding": 80 }), "expected tokens below 80, got 80"),
        (json!({ "fixed": [{ "place": 8, "token": 1 }] }), "`fixed`: expected places below 8, got 8"),
        (
            json!({ "fixed": [{ "place": 1, "token": 1 }, { "place": 1, "token": 2 }] }),
            "`fixed`: place 1 stands twice",
        ),
        (
            json!({ "embedding": "pairs", "swaps": "gradient" }),
            "no layer of the target is known to be an embedding",
        ),
        (json!({ "no-such-parameter": 1 }), "no-such-parameter"),
    ] {
        let error = refused("token-ascent", config.clone(), &words);
        assert!(error.contains(words_said), "{config}: {error}");
    }
    let without = words.clone().without(&["parameters"]);
    assert_eq!(
        refused("token-ascent", json!({ "swaps": "gradient" }), &without),
        "access denied: parameters"
    );
    let none = Words { records: None, ..without };
    assert!(refused("token-ascent", json!({}), &none).contains("set `length`"));
    assert!(refused("token-ascent", json!({ "length": 8 }), &none).contains("set `vocabulary`"));
    assert_eq!(found("token-ascent", json!({ "length": 8, "vocabulary": 20, "steps": 3 }), &none).len(), 12);
    let settle = |access: Access| {
        let size = CaseSize {
            task: Task::Classification,
            granted: access.with_implied(),
            augmentations: 1,
            audited: 9,
            population: 9,
            references: 0,
            classes: 3,
            generator: None,
            fitted_with_min: 0,
            fitted_without_min: 0,
        };
        entry("token-ascent").settle(Value::Null, &size).unwrap()["swaps"].clone()
    };
    assert_eq!(settle(Access::LOGITS), json!("answers"));
    assert_eq!(settle(Access::all()), json!("auto"));
}
