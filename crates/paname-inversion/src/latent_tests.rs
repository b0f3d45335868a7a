//! The attacks that search a generator, on models and generators that are known.

use paname_core::{
    Access, CaseSize, Ctx, Ending, Error, Generator, Input, Metered, Outputs, Pullback, Query,
    Reconstruction, Result, Target, TargetCard, Task, Tensor,
};
use paname_testkit::Students;
use serde_json::{Value, json};

use crate::composed::Composed;
use crate::latent::Latent;
use crate::objective::{Answers, Objective};
use crate::prior::{Prior, Source};
use crate::random::fill_normal;
use crate::regulariser::roll;
use crate::space::{Inputs, Space};
use crate::testing::{
    Hostile, Listening, Net, Wrong, attack_with, entry, with_case, with_case_of, with_many,
};
use crate::view::{NUMBERS, Parts, View};

const ALL: [&str; 5] = ["ppa", "gmi", "lomma", "latent-cma-es", "brep"];

/// x = A z + b.
#[derive(Clone)]
struct Plane {
    card: TargetCard,
    shape: Vec<usize>,
    latent: Vec<usize>,
    /// `[values][latent]`.
    matrix: Vec<f32>,
    offset: f32,
}

impl Plane {
    fn new(shape: &[usize], latent: &[usize]) -> Self {
        let (values, width): (usize, usize) = (shape.iter().product(), latent.iter().product());
        let mut matrix = vec![0.0; values * width];
        fill_normal(&mut matrix, &mut Ctx::new(11, "plane", 1, &()).rng("matrix"));
        let access = ["labels", "input-gradient", "new-inputs"].map(str::to_owned).to_vec();
        let card =
            TargetCard { name: "plane".into(), task: Task::Regression, access, ..TargetCard::default() };
        Self { card, shape: shape.to_vec(), latent: latent.to_vec(), matrix, offset: 0.0 }
    }

    fn identity(values: usize) -> Self {
        let matrix = (0..values * values).map(|i| f32::from(u8::from(i % (values + 1) == 0))).collect();
        Self { matrix, ..Self::new(&[values], &[values]) }
    }

    fn generator(&self) -> Generator<'_> {
        Generator { target: self, latent: self.latent.clone() }
    }

    fn width(&self) -> usize {
        self.latent.iter().product()
    }
}

impl Target for Plane {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Tensor(z) = &query.input else { return Err(Error::Unsupported("records".into())) };
        assert_eq!(z.shape()[1..], self.latent);
        let mut made = Vec::new();
        for z in z.to_f32()?.chunks_exact(self.width()) {
            let row = |row: &[f32]| row.iter().zip(z).map(|(a, z)| a * z).sum::<f32>() + self.offset;
            made.extend(self.matrix.chunks_exact(self.width()).map(row));
        }
        let shape: Vec<usize> = std::iter::once(z.rows()).chain(self.shape.iter().copied()).collect();
        Ok(Outputs { labels: Some(Tensor::from_vec(made, &shape)?), ..Outputs::default() })
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        Ok((self.predict(query)?, Box::new(self.clone())))
    }
}

impl Pullback for Plane {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let given = cotangent.labels.as_ref().unwrap();
        let mut pulled = Vec::new();
        for c in given.to_f32()?.chunks_exact(self.shape.iter().product()) {
            let column = |k| {
                c.iter()
                    .zip(self.matrix.iter().skip(k).step_by(self.width()))
                    .map(|(c, a)| c * a)
                    .sum::<f32>()
            };
            pulled.extend((0..self.width()).map(column));
        }
        let shape: Vec<usize> = std::iter::once(given.rows()).chain(self.latent.iter().copied()).collect();
        Tensor::from_vec(pulled, &shape)
    }
}

fn regression() -> Net {
    Net::new(&[6], 4, 0, 1).with("embedding")
}

fn network() -> Net {
    Net::new(&[8], 3, 16, 2).with("embedding")
}

fn bounded(mut config: Value) -> Value {
    config["input"] = json!({ "range": [-3.0, 3.0] });
    config
}

/// Parameters of a short run.
fn short(name: &str) -> Value {
    let own = match name {
        "ppa" => json!({ "samples": 50, "starts": 3, "kept": 2, "steps": 9, "views": 4 }),
        "brep" => json!({ "samples": 60, "starts": 2, "steps": 9, "patience": 9, "points": 5 }),
        "latent-cma-es" => json!({ "starts": 2, "steps": 9, "places": 5 }),
        "lomma" => json!({ "starts": 2, "steps": 9, "records": 20 }),
        _ => json!({ "starts": 2, "steps": 9 }),
    };
    bounded(own)
}

fn kept(name: &str) -> usize {
    if name == "lomma" || name == "gmi" || name == "latent-cma-es" || name == "ppa" { 2 } else { 0 }
}

fn with(mut config: Value, key: &str, value: Value) -> Value {
    config[key] = value;
    config
}

fn values(found: &Reconstruction) -> Vec<f32> {
    found.input.to_f32().unwrap().into_owned()
}

fn bits(found: &[Reconstruction]) -> Vec<(u32, u64, Vec<u32>)> {
    let bits = |one: &Reconstruction| values(one).iter().map(|x| x.to_bits()).collect();
    found.iter().map(|one| (one.class, one.score.to_bits(), bits(one))).collect()
}

fn run(name: &str, config: Value, target: &dyn Target, plane: &Plane) -> Result<Vec<Reconstruction>> {
    attack_with(name, config, target, Some(plane.generator()), &Ctx::new(7, "test", 1, &()))
}

#[test]
fn every_class_is_reached_through_a_generator() {
    for (net, plane) in [(regression(), Plane::new(&[6], &[2, 3])), (network(), Plane::new(&[8], &[8]))] {
        for (name, config) in [
            ("ppa", json!({ "samples": 300, "starts": 4, "kept": 2, "rate": 0.05 })),
            ("gmi", json!({ "steps": 200 })),
            ("lomma", json!({ "steps": 200, "feature-weight": 0.01 })),
            ("latent-cma-es", json!({ "steps": 60 })),
            ("brep", json!({ "samples": 500, "steps": 200, "patience": 50, "radius": 0.5 })),
        ] {
            let found = run(name, bounded(config), &net, &plane).unwrap();
            for class in 0..net.classes as u32 {
                let best = found.iter().find(|one| one.class == class).unwrap();
                let x = values(best);
                let p = net.probabilities(&x)[class as usize];
                // Where the logit alone counts, others may grow too.
                let enough = if name == "lomma" { 0.5 } else { 0.9 };
                assert!(p > enough, "{name}: {p} of class {class} of {}", net.classes);
                assert!(name == "brep" || (p - best.score).abs() < 1e-5, "{name} {p} {}", best.score);
                assert!(x.iter().all(|x| (-3.0..=3.0).contains(x)));
                assert_eq!(best.input.shape(), net.shape);
            }
            assert!(found.is_sorted_by(|a, b| (a.class, -a.score) <= (b.class, -b.score)), "{name}");
        }
    }
}

#[test]
fn gradients_are_estimated_over_latent_variables() {
    let (net, plane) = (network().without(&["input-gradient", "logits"]), Plane::new(&[8], &[4]));
    let host = Listening::default();
    let config = bounded(json!({ "steps": 60, "estimate": { "samples": 12 } }));
    let found =
        attack_with("gmi", config, &net, Some(plane.generator()), &Ctx::new(7, "test", 1, &host)).unwrap();
    assert!(found.iter().step_by(5).all(|best| best.score > 0.9));
    let chosen = host.chosen.lock().unwrap();
    let expected = [("prior", "given"), ("gradient", "estimated"), ("outputs", "probabilities")];
    assert_eq!(*chosen, expected.map(|(a, b)| (a.to_owned(), b.to_owned())));
}

#[test]
fn a_prior_is_fitted_where_none_is_given() {
    let net = network();
    for name in ALL {
        let host = Listening::default();
        let prior = json!({ "latent": 3, "hidden": 8, "steps": 90, "batch": 8, "rate": 0.01 });
        let config = with(short(name), "prior", prior);
        let found = attack_with(name, config, &net, None, &Ctx::new(7, "test", 1, &host)).unwrap();
        assert!(!found.is_empty());
        for one in &found {
            assert!(values(one).iter().all(|x| (-3.0..=3.0).contains(x)));
            assert_eq!(one.input.shape(), [8]);
        }
        let chosen = host.chosen.lock().unwrap();
        assert!(chosen.contains(&("prior".to_owned(), "fitted".to_owned())), "{name} {chosen:?}");
        let lines = host.lines.lock().unwrap();
        assert!(lines.iter().any(|line| line.contains("was fitted to 20 records")), "{lines:?}");
    }
    // Not where there is nothing to fit it to, or the case’s is asked for.
    let blind = Net { records: None, ..network() };
    let config = with(short("gmi"), "input", json!({ "shape": [8] }));
    let error = attack_with("gmi", config, &blind, None, &Ctx::new(7, "test", 1, &())).unwrap_err();
    assert!(error.to_string().contains("population records whose inputs are known, to fit a generator to"));
    let config = with(short("gmi"), "prior", json!({ "from": "given" }));
    let error = attack_with("gmi", config, &net, None, &Ctx::new(7, "test", 1, &())).unwrap_err();
    assert_eq!(error.to_string(), "generator: 1 needed, 0 given");
    let fitted =
        with(short("gmi"), "prior", json!({ "from": "fitted", "steps": 1, "hidden": 4, "latent": 2 }));
    let host = Listening::default();
    let plane = Plane::new(&[8], &[4]);
    attack_with("gmi", fitted, &net, Some(plane.generator()), &Ctx::new(7, "test", 1, &host)).unwrap();
    // Where nothing was left open, nothing is told.
    assert!(host.chosen.lock().unwrap().iter().all(|(parameter, _)| parameter != "prior"));
}

fn composed<'a>(net: &'a Net, generator: Option<Generator<'a>>, work: impl FnOnce(&Composed<'_>)) {
    with_case_of(net, Access::all(), generator, |case| {
        let ctx = Ctx::new(5, "test", 1, &());
        let inputs = Inputs { range: Some([-2.0, 2.0]), ..Inputs::default() };
        let space = Space::of(case, &ctx, &inputs).unwrap();
        let from = if case.generator().is_some() { Source::Given } else { Source::Fitted };
        let prior = Prior { from, latent: 3, hidden: 16, steps: 100, rate: 0.01, ..Prior::default() };
        let maker = prior.of(case, &space, &ctx).unwrap();
        work(&Composed::new(net, maker, space, 1));
    });
}

#[test]
fn gradients_come_back_through_views_bounds_and_generators() {
    let net = Net::new(&[2, 3, 4], 3, 10, 4);
    let plane = Plane::new(&[2, 3, 4], &[3]);
    for generator in [Some(plane.generator()), None] {
        composed(&net, generator, |composed| {
            let mut stream = Ctx::new(6, "test", 1, &()).rng("rows");
            let mut wrong = 0;
            for view in [
                View::WHOLE,
                Parts { share: [0.3, 0.9], jitter: 0, mirror: true }.draw(&mut stream),
                Parts { share: [0.3, 0.9], jitter: 2, mirror: true }.draw(&mut stream),
            ] {
                let mut row = vec![0.0; 3];
                fill_normal(&mut row, &mut stream);
                row.extend(view.numbers());
                let answer = |row: &[f32]| {
                    let input = Input::Tensor(Tensor::from_vec(row.to_vec(), &[1, 3 + NUMBERS]).unwrap());
                    Query { input, labels: None, want: Access::LOGITS, layers: Vec::new() }
                };
                let c = [1.0_f32, -2.0, 0.5];
                let query = answer(&row);
                let (_, back) = composed.answer(&query).unwrap();
                let logits = Some(Tensor::from_vec(c.to_vec(), &[1, 3]).unwrap());
                let pulled = back(&Outputs { logits, ..Outputs::default() }).unwrap();
                let pulled = pulled.to_f32().unwrap().into_owned();
                assert_eq!(pulled[3..], [0.0; NUMBERS]);
                for j in 0..3 {
                    let at = |h: f32| {
                        let mut moved = row.clone();
                        moved[j] += h;
                        let logits = composed.predict(&answer(&moved)).unwrap().logits.unwrap();
                        logits.to_f64().unwrap().iter().zip(c).map(|(z, c)| z * f64::from(c)).sum::<f64>()
                    };
                    let difference = (at(2e-3) - at(-2e-3)) / 4e-3;
                    let off = (difference - f64::from(pulled[j])).abs();
                    wrong += usize::from(off > 0.01 * (1.0 + difference.abs()));
                }
            }
            // But for those where a value reaches its bound, or a unit turns on or off, in between.
            assert!(wrong <= 1, "{wrong} of 9");
        });
    }
}

#[test]
fn what_a_prior_needs_is_known_before_the_run() {
    let size = |generator| CaseSize {
        task: Task::Classification,
        granted: (Access::LOGITS | Access::NEW_INPUTS | Access::INPUT_GRADIENT).with_implied(),
        augmentations: 1,
        audited: 20,
        population: 20,
        references: 0,
        classes: 4,
        generator,
        fitted_with_min: 0,
        fitted_without_min: 0,
    };
    let needs =
        |name: &str, config: &serde_json::Value| entry(name).build(config.clone()).unwrap().needs(0).unwrap();
    for name in ALL {
        let settled = |config, generator| entry(name).settle(config, &size(generator)).unwrap();
        let open = settled(short(name), Some(Access::LABELS | Access::INPUT_GRADIENT));
        let closed = settled(short(name), Some(Access::LABELS));
        let none = settled(short(name), None);
        let fitted = settled(with(short(name), "prior", json!({ "from": "fitted" })), Some(Access::LABELS));
        let from = [&open, &closed, &none, &fitted].map(|config| config["prior"]["from"].clone());
        assert_eq!(from, ["given", "given", "fitted", "fitted"], "{name}");
        let [open_needs, closed_needs, none_needs] =
            [&open, &closed, &none].map(|config| needs(name, config));
        assert_eq!((none_needs.population_min, none_needs.generator), (10, None), "{name}");
        let own = if name == "lomma" { 2 } else { 0 };
        assert_eq!((open_needs.population_min, closed_needs.population_min), (own, own), "{name}");
        let chooses = name == "gmi" || name == "ppa";
        let gradients = if chooses || name == "lomma" { Access::INPUT_GRADIENT } else { Access::empty() };
        assert_eq!(open_needs.generator, Some(gradients), "{name}");
        // Those that can estimate do, at its price; the others cannot run.
        let asked = if chooses { Access::empty() } else { gradients };
        assert_eq!(closed_needs.generator, Some(asked), "{name}");
        assert_eq!(closed_needs.questions(0, 0, 4) > open_needs.questions(0, 0, 4), chooses, "{name}");
        if chooses {
            let gradient = [&open, &closed, &none, &fitted].map(|config| config["gradient"].clone());
            assert_eq!(gradient, ["given", "estimated", "given", "given"], "{name}");
        }
    }
}

#[test]
fn no_more_is_asked_than_declared() {
    let image = Net::new(&[1, 3, 4], 3, 0, 3).with("embedding");
    let plane = Plane::new(&[1, 3, 4], &[4]);
    for (net, generator) in [(&image, &plane), (&regression(), &Plane::new(&[6], &[4]))] {
        for gradient in [true, false] {
            let net = if gradient { net.clone() } else { net.clone().without(&["input-gradient"]) };
            for name in ALL {
                if name == "lomma" && !gradient {
                    continue;
                }
                let mut config = with(with(short(name), "classes", json!([0, 2])), "batch", json!(4));
                config["input"]["groups"] = json!([[0, 1], [2, 3]]);
                if name == "ppa" || name == "gmi" {
                    config["estimate"] = json!({ "samples": 3 });
                }
                let size = CaseSize {
                    task: Task::Classification,
                    granted: net.card().offers(),
                    augmentations: 1,
                    audited: 20,
                    population: 20,
                    references: 0,
                    classes: 4,
                    generator: Some(generator.generator().offers()),
                    fitted_with_min: 0,
                    fitted_without_min: 0,
                };
                let config = entry(name).settle(config, &size).unwrap();
                let needs = entry(name).build(config.clone()).unwrap().needs(1).unwrap();
                assert!(net.card().offers().contains(needs.access), "{name}");
                let metered = Metered::new(&net, net.card().offers(), None);
                let ctx = Ctx::new(7, "test", 1, &());
                attack_with(name, config, &metered, Some(generator.generator()), &ctx).unwrap();
                let (asked, most) = (metered.asked(), needs.questions(20, 20, 4));
                let each = if gradient { 1 } else { 7 };
                let expected = match name {
                    "ppa" if net.shape.len() == 3 => 100 + 2 * 3 * (9 * each + 1 + 4),
                    // Tables are neither mirrored nor seen in parts.
                    "ppa" => 50 + 2 * 3 * (9 * each + 1 + 1),
                    "gmi" => 2 * 2 * (9 * each + 2),
                    "lomma" => 20 + 2 * 2 * 11,
                    "latent-cma-es" => 2 * 2 * (9 * 5 + 1),
                    _ => asked,
                };
                assert_eq!(asked, expected, "{name}");
                assert!(asked <= most, "{name} {asked} {most}");
                assert!(asked == most || name == "brep" || (name == "ppa" && net.shape.len() == 1), "{name}");
            }
        }
    }
}

/// Class 0 in a ball, class 1 around it; the logit of class 0 is the largest at the centre.
struct Ball {
    card: TargetCard,
    centre: Vec<f32>,
    radius: f64,
}

impl Ball {
    fn new(centre: &[f32], radius: f64, access: &[&str]) -> Self {
        let access = access.iter().map(|name| (*name).to_owned()).collect();
        let card = TargetCard { classes: Some(2), access, augmentations: 1, ..TargetCard::default() };
        Self { card, centre: centre.to_vec(), radius }
    }

    fn apart(&self, x: &[f32]) -> f64 {
        x.iter().zip(&self.centre).map(|(x, c)| f64::from(x - c).powi(2)).sum::<f64>().sqrt()
    }
}

impl Target for Ball {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Tensor(rows) = &query.input else { return Err(Error::Unsupported("records".into())) };
        let values = rows.to_f32()?;
        let apart: Vec<f64> = values.chunks_exact(self.centre.len()).map(|x| self.apart(x)).collect();
        let mut outputs = Outputs::default();
        if query.want.contains(Access::LABELS) {
            let labels = apart.iter().map(|apart| i64::from(*apart > self.radius)).collect();
            outputs.labels = Some(Tensor::from_vec::<i64>(labels, &[rows.rows()])?);
        }
        if query.want.contains(Access::PROBABILITIES) {
            let p = apart.iter().map(|apart| 1.0 / (1.0 + (apart * apart - 4.0).exp()));
            let both = p.flat_map(|p| [p as f32, 1.0 - p as f32]).collect();
            outputs.probabilities = Some(Tensor::from_vec(both, &[rows.rows(), 2])?);
        }
        Ok(outputs)
    }
}

fn in_space(config: Value) -> Value {
    with(with(config, "input", json!({ "range": [-6.0, 6.0], "shape": [3] })), "classes", json!([0]))
}

#[test]
fn repulsion_finds_the_centre_of_a_class() {
    let (ball, plane) = (Ball::new(&[0.8, -0.5, 0.3], 1.5, &["labels", "new-inputs"]), Plane::identity(3));
    let config =
        json!({ "samples": 100, "radius": 0.5, "steps": 400, "patience": 60, "starts": 3, "growth": 1.1 });
    let found = run("brep", in_space(config), &ball, &plane).unwrap();
    assert_eq!(found.len(), 3);
    for one in &found {
        let apart = ball.apart(&values(one));
        // The largest sphere that 32 points find inside is a little larger than the room that is left.
        assert!(apart < 0.3, "{apart}");
        assert!(one.score > 1.1 && one.score < 1.7, "{}", one.score);
        assert_eq!(one.ending, Ending::Settled);
    }
    // Patience is for one radius: in all a search may take many more moves.
    let metered = Metered::new(&ball, Access::LABELS | Access::NEW_INPUTS, None);
    let config = json!({ "samples": 100, "radius": 0.1, "patience": 5, "growth": 1.02, "points": 8 });
    let found = run("brep", in_space(config), &metered, &plane).unwrap();
    let growths = ((found[0].score / 0.1).ln() / 1.02_f64.ln()).round() as u64 + 1;
    let moves = (metered.asked() - 100 - 8 * growths) / 9;
    assert!(moves > 10 && growths > 50, "{moves} {growths}");
    // Where a class is nowhere among the samples, it says so.
    let far = Ball::new(&[50.0, 0.0, 0.0], 1.0, &["labels", "new-inputs"]);
    let error = run("brep", in_space(json!({ "samples": 20 })), &far, &plane).unwrap_err();
    assert!(error.to_string().starts_with("samples of the generator that the model puts into the classes"));
    let host = Listening::default();
    let both = with(in_space(json!({ "samples": 20, "steps": 3 })), "classes", json!([0, 1]));
    let found =
        attack_with("brep", both, &far, Some(plane.generator()), &Ctx::new(7, "test", 1, &host)).unwrap();
    assert!(found.iter().all(|one| one.class == 1));
    let lines = host.lines.lock().unwrap();
    assert!(lines.iter().any(|line| line.contains("none of 20 samples is of class 0")), "{lines:?}");
}

fn length(x: &[f32]) -> f32 {
    x.iter().map(|x| x * x).sum::<f32>().sqrt()
}

#[test]
fn spheres_grow_and_steps_are_bounded() {
    // All is one class: each step the sphere grows, and none is taken.
    let ball = Ball::new(&[0.0; 3], 1e9, &["labels", "new-inputs"]);
    let plane = Plane::identity(3);
    let metered = Metered::new(&ball, Access::LABELS | Access::NEW_INPUTS, None);
    let config = in_space(json!({ "samples": 10, "steps": 20, "points": 4 }));
    let found = run("brep", config, &metered, &plane).unwrap();
    assert_eq!(metered.asked(), 10 + 20 * 4);
    assert!((found[0].score - 2.0 * 1.3_f64.powi(19)).abs() < 1e-9, "{}", found[0].score);
    let found = run("brep", in_space(json!({ "samples": 10, "points": 4 })), &ball, &plane).unwrap();
    assert_eq!(found[0].ending, Ending::Reached);
    // However large the class, its centre stays where the generator makes something of it.
    let half = Ball::new(&[1e3, 0.0, 0.0], 1e3, &["labels", "new-inputs"]);
    let reached = |reach: f64| {
        let config = in_space(json!({ "samples": 50, "radius": 0.5, "steps": 60, "reach": reach }));
        length(&values(&run("brep", config, &half, &plane).unwrap()[0]))
    };
    let (near, far) = (reached(1.0), reached(2.0));
    assert!((near - 3.0_f32.sqrt()).abs() < 0.3 && (far - 2.0 * 3.0_f32.sqrt()).abs() < 0.6, "{near} {far}");
    // Nothing but the place itself is of the class: a step each time, and none is kept.
    let tiny = Ball::new(&[0.0; 3], 2.0, &["labels", "new-inputs"]);
    let metered = Metered::new(&tiny, Access::LABELS | Access::NEW_INPUTS, None);
    let config =
        json!({ "samples": 50, "steps": 20, "patience": 7, "points": 4, "radius": 100.0, "starts": 1 });
    let found = run("brep", in_space(config), &metered, &plane).unwrap();
    assert_eq!(metered.asked(), 50 + 7 * 5);
    assert_eq!((found[0].score, found[0].ending), (0.0, Ending::Settled));
}

#[test]
fn evolution_finds_what_the_model_is_surest_of() {
    let ball = Ball::new(&[2.0, -1.0, 1.5], 1.0, &["probabilities", "new-inputs"]);
    let plane = Plane::identity(3);
    let of = |steps: usize, config: Value| {
        run("latent-cma-es", in_space(with(config, "steps", json!(steps))), &ball, &plane).unwrap()
    };
    let plain = json!({ "realism": 0.0, "starts": 3 });
    let (first, last) = (of(1, plain.clone()), of(80, plain));
    for (before, after) in first.iter().zip(&last) {
        assert!(after.score > before.score);
        assert!(ball.apart(&values(after)) < 0.02, "{}", ball.apart(&values(after)));
        assert!((after.score - 1.0 / (1.0 + (-4.0_f64).exp())).abs() < 1e-4);
    }
    // What is likely by itself draws the place towards the middle.
    let realistic = of(80, json!({ "realism": 0.5, "starts": 1 }));
    assert!(length(&values(&realistic[0])) < 0.95 * length(&values(&last[0])));
    let reached = of(80, json!({ "realism": 0.0, "confidence": 0.9, "starts": 1 }));
    assert!(reached[0].ending == Ending::Reached && reached[0].score >= 0.9);
}

#[test]
fn features_are_held_to_those_of_the_population() {
    let (net, plane) = (network(), Plane::new(&[8], &[8]));
    let records = net.records.clone().unwrap();
    let features: Vec<Vec<f64>> = records[20 * 8..].chunks_exact(8).map(|x| net.hidden(x)).collect();
    let means: Vec<f64> = (0..16).map(|j| features.iter().map(|f| f[j]).sum::<f64>() / 20.0).collect();
    let off = |weight: f64| {
        let config =
            json!({ "steps": 150, "starts": 3, "weight": 1.0, "feature-weight": weight, "realism": 0.0 });
        let found = run("lomma", bounded(config), &net, &plane).unwrap();
        let off = |one: &Reconstruction| {
            let h = net.hidden(&values(one));
            h.iter().zip(&means).map(|(h, mean)| (h - mean).powi(2)).sum::<f64>() / 16.0
        };
        found.iter().map(off).sum::<f64>() / found.len() as f64
    };
    let (free, held, tight) = (off(0.0), off(10.0), off(40.0));
    assert!(held < free && tight < held && tight < 0.9 * free, "{free} {held} {tight}");
    // Without gradients it says what could run, and what that costs.
    let blind = network().without(&["input-gradient"]);
    with_case_of(&blind, Access::all(), Some(plane.generator()), |case| {
        let attack = entry("lomma").build(json!({})).unwrap();
        // The needs refuse first: see what the attack itself says.
        assert_eq!(
            attack.run(case, &Ctx::new(1, "test", 1, &())).unwrap_err().to_string(),
            "not supported: gradients of a target that gives none: `latent-cma-es` looks at confidences alone, 3200 questions for each class, and `gmi` can estimate gradients from answers, 757505 for each"
        );
    });
    for (name, questions) in [("latent-cma-es", 3200), ("gmi", 757_505)] {
        assert_eq!(entry(name).build(Value::Null).unwrap().needs(1).unwrap().queries_per_class, questions);
    }
    let error =
        run("lomma", with(short("lomma"), "layer", json!("last")), &network().with("activations"), &plane);
    assert_eq!(error.unwrap_err().to_string(), "configuration: `layer`: expected one of [], got `last`");
}

/// Of two classes, whose records say nothing of the last value, which the model takes for one class all the same.
fn credulous() -> Net {
    let mut net = Net::new(&[4], 2, 0, 9).with("embedding");
    net.second = vec![1.0, -1.0, 0.5, 4.0, -1.0, 1.0, -0.5, -4.0];
    let mut records = vec![0.0; 160 * 4];
    fill_normal(&mut records, &mut Ctx::new(3, "records", 1, &()).rng("records"));
    records.chunks_exact_mut(4).for_each(|record| record[3] = 0.0);
    Net { records: Some(records), ..net }
}

#[test]
fn students_have_no_part_in_what_the_model_alone_believes() {
    let (net, plane) = (credulous(), Plane::identity(4));
    let run = |students: usize, steps: usize, target: &dyn Target| {
        let config = json!({
            "students": students, "student": { "epochs": 400 }, "steps": steps, "starts": 1, "rate": 0.05, "weight": 1.0,
            "feature-weight": 0.0, "input": { "range": [-9.0, 9.0] },
        });
        with_many(target, net.card().offers(), Some(plane.generator()), 160, |case| {
            let attack = entry("lomma").build(config).unwrap();
            let found = attack.run(case, &Ctx::new(7, "test", 1, &Students(&()))).unwrap();
            found.reconstructions(2).unwrap()
        })
    };
    let (alone, among) = (run(0, 400, &net), run(3, 400, &net));
    for (alone, among) in alone.iter().zip(&among) {
        let sign = if alone.class == 0 { 1.0 } else { -1.0 };
        // min −w x + ½ ‖x‖² is at w: here at the mean of the weights of all of them.
        let (x, y) = (values(alone), values(among));
        for (x, weight) in x.iter().zip([1.0, -1.0, 0.5, 4.0]) {
            assert!((x - sign * weight).abs() < 1e-3, "{x:?}");
        }
        assert!((y[3] - sign).abs() < 1e-3, "{y:?}");
        // What records tell is learned, and remains.
        for (y, weight) in y.iter().zip([1.0, -1.0, 0.5]) {
            assert!(sign * y * weight > 0.8 * weight * weight, "{y:?}");
        }
        // How sure the model is is still the model's to say.
        assert!((among.score - net.probabilities(&y)[among.class as usize]).abs() < 1e-5);
    }
    // Neither the model nor the budget sees more questions.
    let asked = |students: usize| {
        let metered = Metered::new(&net, net.card().offers(), None);
        run(students, 20, &metered);
        metered.asked()
    };
    assert_eq!((asked(0), asked(2)), (80 + 2 * 21, 80 + 2 * 21));
}

#[test]
fn students_take_enough_records_and_someone_to_fit_them() {
    let (net, plane) = (credulous(), Plane::identity(4));
    let refused = |records: usize, config: Value| {
        with_many(&net, net.card().offers(), Some(plane.generator()), records, |case| {
            let attack = entry("lomma").build(config).unwrap();
            attack.run(case, &Ctx::new(7, "test", 1, &())).unwrap_err().to_string()
        })
    };
    let config = json!({ "students": 2, "steps": 5, "input": { "range": [-9.0, 9.0] } });
    assert_eq!(entry("lomma").build(config.clone()).unwrap().needs(1).unwrap().fits, 2);
    let error = refused(98, config.clone());
    assert!(error.contains("population records: 50 needed, 49 given"), "{error}");
    let error = refused(160, config);
    assert_eq!(error, "not supported: this host fits no models");
}

#[test]
fn the_last_choice_looks_at_many_parts() {
    let (net, plane) = (Net::new(&[2, 6, 6], 3, 0, 5), Plane::new(&[2, 6, 6], &[6]));
    let config = json!({ "samples": 60, "starts": 6, "kept": 2, "steps": 10, "views": 9 });
    let found = run("ppa", bounded(config), &net, &plane).unwrap();
    assert_eq!(found.len(), 6);
    for one in &found {
        let mut stream = Ctx::new(7, "test", 1, &()).rng("views");
        let mean = (0..9).map(|_| {
            let mut part: Vec<f32> = values(one).iter().map(|x| (x + 3.0) / 6.0).collect();
            Parts { share: [0.5, 0.9], jitter: 0, mirror: true }
                .draw(&mut stream)
                .apply(&mut part, [2, 6, 6]);
            let part: Vec<f32> = part.iter().map(|u| 6.0 * u - 3.0).collect();
            net.probabilities(&part)[one.class as usize] / 9.0
        });
        let mean: f64 = mean.sum();
        assert!((one.score - mean).abs() < 1e-4, "{} {mean}", one.score);
    }
    // More samples to begin with are worth something, and steps lead towards the aim.
    let of = |samples: usize, steps: usize| {
        let config =
            json!({ "samples": samples, "starts": 1, "kept": 1, "steps": steps, "rate": 0.02, "views": 9 });
        run("ppa", bounded(config), &net, &plane).unwrap()
    };
    let (one, many, long) = (of(1, 1), of(200, 1), of(200, 60));
    let score = |found: &[Reconstruction]| found.iter().map(|one| one.score).sum::<f64>();
    assert!(score(&one) < score(&many), "{} {}", score(&one), score(&many));
    for (before, after) in many.iter().zip(&long) {
        let off = |one: &Reconstruction| {
            Objective::Poincare.of(&net.logits(&values(one)), one.class as usize, &mut [0.0; 3])
        };
        assert!(off(after) < off(before), "{} {}", off(after), off(before));
    }
}

#[test]
fn what_is_found_under_moves_does_not_hang_on_a_place() {
    let (net, plane) = (Net::new(&[2, 6, 6], 3, 0, 5), Plane::new(&[2, 6, 6], &[6]));
    // The mean probability of the class over all moves by up to two pixels.
    let everywhere = |found: &[Reconstruction]| -> f64 {
        let mean = |one: &Reconstruction| -> f64 {
            let moves = (-2..=2).flat_map(|down| (-2..=2).map(move |right| (down, right)));
            let at = |(down, right)| {
                let mut moved = values(one);
                roll(&mut moved, [2, 6, 6], down, right);
                net.probabilities(&moved)[one.class as usize] / 25.0
            };
            moves.map(at).sum()
        };
        found.iter().map(mean).sum()
    };
    // Steps alone, the first choice alone, and the last alone.
    let ppa = json!({ "samples": 1, "starts": 1, "kept": 1, "steps": 60, "rate": 0.05, "momentum": 0.9, "second": 0.99, "views": 1, "mirror": false, "crop": [1.0, 1.0] });
    let first = with(with(ppa.clone(), "samples", json!(400)), "rate", json!(1e-9));
    let last = json!({ "samples": 12, "starts": 12, "kept": 1, "steps": 1, "rate": 1e-9, "views": 60, "mirror": false, "crop": [1.0, 1.0], "view-crop": [1.0, 1.0] });
    let gmi = json!({ "steps": 200, "starts": 3, "rate": 0.01, "weight": 1.0, "realism": 0.01 });
    for (name, config) in [("ppa", ppa), ("ppa", first), ("ppa", last), ("gmi", gmi)] {
        let of = |jitter: usize| {
            let config = bounded(with(config.clone(), "jitter", json!(jitter)));
            everywhere(&run(name, config, &net, &plane).unwrap())
        };
        let (still, moved) = (of(0), of(2));
        assert!(1.05 * still < moved, "{name} {config} {still} {moved}");
    }
    let (table, plane) = (regression(), Plane::new(&[6], &[4]));
    for name in ["ppa", "gmi"] {
        let refused = |jitter: usize| {
            run(name, with(short(name), "jitter", json!(jitter)), &table, &plane).unwrap_err().to_string()
        };
        assert!(refused(1).contains("`jitter` is of images"), "{name}: {}", refused(1));
        assert!(refused(1001).contains("`jitter` must be from 0 to 1000, got 1001"), "{name}");
    }
}

#[test]
fn walks_give_their_best_place_or_where_parts_differ_their_last() {
    let (net, plane) = (Net::new(&[2, 6, 6], 3, 0, 5), Plane::new(&[2, 6, 6], &[6]));
    // One step that is much too long.
    let of = |crop: [f64; 2]| {
        let config = json!({ "samples": 60, "starts": 1, "kept": 1, "steps": 1, "rate": 50.0, "views": 1, "crop": crop });
        run("ppa", bounded(config), &net, &plane).unwrap()
    };
    let off = |found: Vec<Reconstruction>| -> f64 {
        let of = |one: &Reconstruction| {
            Objective::Poincare.of(&net.logits(&values(one)), one.class as usize, &mut [0.0; 3])
        };
        found.iter().map(of).sum()
    };
    let (best, last) = (off(of([1.0, 1.0])), off(of([0.9, 1.0])));
    assert!(best + 0.3 < last, "{best} {last}");
}

#[test]
fn what_is_unlikely_by_itself_is_held_against_latent_variables() {
    let (net, plane) = (regression(), Plane::new(&[6], &[4]));
    let length = |realism: f64| {
        let config = json!({ "weight": 0.0, "steps": 100, "realism": realism });
        let found = run("gmi", bounded(config), &net, &plane).unwrap();
        found.iter().map(|one| length(&values(one))).fold(0.0, f32::max)
    };
    // Where nothing else counts, only the middle is left.
    assert!(length(1.0) < 0.1 && length(0.0) > 2.0, "{} {}", length(1.0), length(0.0));
}

#[test]
fn probabilities_of_answers_are_those_of_the_model() {
    let outputs = Outputs {
        logits: Some(Tensor::from_vec(vec![1.0_f32, 2.0, -1.0, 0.0], &[2, 2]).unwrap()),
        ..Outputs::default()
    };
    let (p, classes) = Latent::probabilities(&outputs, Answers::Logits, 2).unwrap();
    assert_eq!(classes, 2);
    for (p, expected) in p.iter().zip([0.268_941_421, 0.731_058_579, 0.268_941_421, 0.731_058_579]) {
        assert!((p - expected).abs() < 1e-9);
    }
}

#[test]
fn findings_depend_on_the_seed_alone() {
    let (net, plane) = (network(), Plane::new(&[8], &[5]));
    for name in ALL {
        for generator in [Some(plane.generator()), None] {
            let of = |seed: u64, threads: usize, batch: usize| {
                let prior = json!({ "latent": 3, "hidden": 8, "steps": 5, "batch": 20 });
                let config = with(with(short(name), "batch", json!(batch)), "prior", prior);
                let ctx = Ctx::new(seed, "test", threads, &());
                bits(&attack_with(name, config, &net, generator.clone(), &ctx).unwrap())
            };
            let first = of(1, 1, 128);
            assert_eq!(first, of(1, 4, 128), "{name}");
            assert_eq!(first, of(1, 1, 1), "{name}");
            assert_eq!(first, of(1, 2, 7), "{name}");
            assert_ne!(first, of(2, 1, 128), "{name}");
        }
        // Whichever other classes are rebuilt.
        let all = run(name, short(name), &net, &plane).unwrap();
        let one = run(name, with(short(name), "classes", json!([2])), &net, &plane).unwrap();
        let of_two: Vec<Reconstruction> = all.into_iter().filter(|found| found.class == 2).collect();
        assert_eq!(bits(&of_two), bits(&one), "{name}");
    }
}

#[test]
fn spent_budgets_and_cancelled_runs_leave_what_was_found() {
    let (net, plane) = (network(), Plane::new(&[8], &[5]));
    for name in ALL {
        let config = || with(short(name), "batch", json!(3));
        let whole = {
            let metered = Metered::new(&net, net.card().offers(), None);
            run(name, config(), &metered, &plane).unwrap();
            metered.asked()
        };
        let mut partial = 0;
        for budget in (0..=whole).step_by(3) {
            let metered = Metered::new(&net, net.card().offers(), Some(budget));
            let host = Listening::default();
            let ctx = Ctx::new(7, "test", 1, &host);
            let result = attack_with(name, config(), &metered, Some(plane.generator()), &ctx);
            assert!(metered.asked() <= budget);
            match result {
                Ok(found) => {
                    let lines = host.lines.lock().unwrap();
                    let told = lines.iter().any(|line| line.starts_with("partial: query budget spent"));
                    assert_eq!(told, budget < whole, "{name} {budget} {lines:?}");
                    assert_eq!(told, found.iter().any(|one| one.ending == Ending::Cut), "{name} {budget}");
                    partial += usize::from(told);
                }
                Err(error) => assert!(matches!(error, Error::Budget { .. }), "{name} {error}"),
            }
        }
        assert!(partial > 5, "{name} {partial}");
        let mut cancelled = 0;
        for patience in [0, 1, 5, 15, 18, 25, 27] {
            let host = Listening { patience: Some(patience), ..Listening::default() };
            let ctx = Ctx::new(7, "test", 1, &host);
            let result = attack_with(name, config(), &net, Some(plane.generator()), &ctx);
            let ticks = host.ticks.load(std::sync::atomic::Ordering::Relaxed);
            assert!(ticks <= patience + 1, "{name}");
            match result {
                Ok(_) => {
                    let lines = host.lines.lock().unwrap();
                    let told = lines.iter().any(|line| line.starts_with("partial: cancelled"));
                    assert_eq!(told, ticks > patience, "{name} {patience} {lines:?}");
                    cancelled += usize::from(told);
                }
                Err(error) => {
                    assert!(error == Error::Cancelled && patience < 27, "{name} {patience} {error}");
                }
            }
        }
        assert!(cancelled > 0, "{name}");
        // While a prior is fitted, nothing is found yet.
        let host = Listening { patience: Some(6), ..Listening::default() };
        let fitting = with(config(), "prior", json!({ "batch": 1, "hidden": 4 }));
        let result = attack_with(name, fitting, &net, None, &Ctx::new(7, "test", 1, &host));
        assert_eq!(result.unwrap_err(), Error::Cancelled, "{name}");
    }
}

#[test]
fn hostile_targets_give_errors_and_not_panics() {
    let (net, plane) = (regression(), Plane::new(&[6], &[4]));
    for name in ["ppa", "gmi", "lomma", "latent-cma-es"] {
        let outputs = if name == "lomma" { Value::Null } else { json!("logits") };
        let config =
            || if outputs.is_null() { short(name) } else { with(short(name), "outputs", outputs.clone()) };
        for (wrong, words) in [
            (Wrong::Answers(f32::NAN), "answers about inputs: expected finite numbers"),
            (Wrong::Answers(f32::INFINITY), "answers about inputs: expected finite numbers"),
            (Wrong::MoreRows, "expected one row for each of"),
            (Wrong::FewerClasses, "class to invert: expected below 1, got"),
            (Wrong::Scalar, "answers: expected [records, classes], got shape ["),
        ] {
            let error = run(name, config(), &Hostile(net.clone(), wrong), &plane).unwrap_err().to_string();
            assert!(error.contains(words), "{name} {wrong:?}: {error}");
        }
        if name == "latent-cma-es" {
            continue;
        }
        for wrong in [Wrong::GradientRows, Wrong::GradientWidth] {
            let error = run(name, config(), &Hostile(net.clone(), wrong), &plane).unwrap_err().to_string();
            assert!(error.contains("gradients: expected"), "{name} {wrong:?}: {error}");
        }
        // What cannot be climbed is where it began.
        for wrong in [Wrong::Gradients(f32::NAN), Wrong::Gradients(f32::NEG_INFINITY), Wrong::Flat] {
            let host = Listening::default();
            let ctx = Ctx::new(7, "test", 1, &host);
            let hostile = Hostile(net.clone(), wrong);
            let found = attack_with(name, config(), &hostile, Some(plane.generator()), &ctx).unwrap();
            assert_eq!(found.len(), 4 * kept(name), "{name} {wrong:?}");
            let restarted =
                host.lines.lock().unwrap().iter().any(|line| line.contains("restarted with half"));
            assert_eq!(restarted, wrong != Wrong::Flat, "{name} {wrong:?}");
        }
    }
}

#[test]
fn generators_that_do_not_go_with_the_target_are_told() {
    let net = regression();
    for name in ALL {
        let refused = |plane: &Plane| run(name, short(name), &net, plane).unwrap_err().to_string();
        let error = refused(&Plane::new(&[7], &[4]));
        assert!(error.contains("what the generator makes: expected"), "{name} {error}");
        assert!(error.contains("inputs of the target’s shape, [6], got shape ["), "{name} {error}");
        assert!(refused(&Plane::new(&[6], &[0])).contains("latent variables of the generator"), "{name}");
        // Pictures of bytes where the target takes shares.
        let mut bytes = Plane::new(&[6], &[4]);
        bytes.matrix.iter_mut().for_each(|a| *a *= 255.0);
        let error = refused(&bytes);
        let expected = "what the generator makes: expected values within the bounds of the target’s inputs, and all over them, got 9";
        assert!(error.contains(expected) && error.contains(" % far beyond"), "{name} {error}");
        // And shares where it takes bytes.
        let mut shares = Plane::new(&[6], &[4]);
        shares.matrix.iter_mut().for_each(|a| *a /= 255.0);
        let error = refused(&shares);
        assert!(error.contains("all of them within"), "{name} {error}");
        // What is made of nothing at all.
        let broken = Plane { offset: f32::NAN, ..Plane::new(&[6], &[4]) };
        if name != "brep" {
            assert!(refused(&broken).contains("finite numbers"), "{name}");
        }
    }
    // Without gradients of the generator they are estimated, or it says what could run.
    let mut plane = Plane::new(&[6], &[4]);
    plane.card.access.retain(|name| name != "input-gradient");
    let config = with(short("gmi"), "estimate", json!({ "samples": 5 }));
    assert!(run("gmi", config.clone(), &net, &plane).is_ok());
    let error = run("gmi", with(config, "gradient", json!("given")), &net, &plane).unwrap_err().to_string();
    assert!(error.contains(
        "the generator gives no gradients; with \"estimated\" the attack runs, 11 questions for each step"
    ));
    let error = run("lomma", short("lomma"), &net, &plane).unwrap_err().to_string();
    assert!(error.contains("gradients of a generator that gives none: `latent-cma-es`"), "{error}");
}

#[test]
fn groups_of_columns_get_one_value_each() {
    let (net, plane) = (regression(), Plane::new(&[6], &[4]));
    for name in ALL {
        let mut config = short(name);
        config["input"]["groups"] = json!([[0, 1, 2], [5, 3]]);
        for one in run(name, config, &net, &plane).unwrap() {
            let x = values(&one);
            for group in [&[0_usize, 1, 2][..], &[5, 3]] {
                assert_eq!(group.iter().map(|column| x[*column]).sum::<f32>(), 1.0, "{name} {x:?}");
                assert!(group.iter().all(|column| x[*column] == 0.0 || x[*column] == 1.0), "{name} {x:?}");
            }
            let p = net.probabilities(&x)[one.class as usize];
            assert!(name == "brep" || (one.score - p).abs() < 1e-5, "{name} {p} {}", one.score);
        }
    }
}

#[test]
fn parameters_are_checked() {
    let (net, plane) = (regression(), Plane::new(&[6], &[4]));
    let refused = |name: &str, config: Value| run(name, config, &net, &plane).unwrap_err().to_string();
    for name in ALL {
        for (config, words) in [
            (json!({ "starts": 0 }), "`starts` must be at least 1"),
            (json!({ "steps": 0 }), "`steps` must be at least 1"),
            (json!({ "batch": 0 }), "`batch` must be at least 1"),
            (json!({ "classes": [1, 2, 1] }), "`classes`: class 1 stands twice"),
            (json!({ "classes": [1, 4] }), "`classes`: expected numbers below 4, got 4"),
            (json!({ "prior": { "latent": 0 } }), "`prior.latent` must be from 1 to 1024, got 0"),
            (json!({ "prior": { "hidden": 0 } }), "`prior.hidden` must be from 1 to 65536"),
            (json!({ "prior": { "steps": 0 } }), "`prior.steps` must be at least 1"),
            (json!({ "prior": { "batch": 0 } }), "`prior.batch` must be at least 1"),
            (json!({ "prior": { "rate": 0.0 } }), "`prior.rate` must be above 0"),
            (json!({ "prior": { "records": 9 } }), "`prior.records` must be at least 10"),
            (json!({ "no-such-parameter": 1 }), "no-such-parameter"),
        ] {
            let error = refused(name, config.clone());
            assert!(error.contains(words), "{name} {config}: {error}");
        }
    }
    for (name, config, words) in [
        ("ppa", json!({ "samples": 3 }), "`samples` must be at least `starts`, 20, got 3"),
        ("ppa", json!({ "kept": 21 }), "`kept` must be from 1 to `starts`, 20, got 21"),
        ("ppa", json!({ "views": 0 }), "`views` must be at least 1"),
        ("ppa", json!({ "crop": [0.9, 0.5] }), "`crop` must be two shares"),
        ("ppa", json!({ "view-crop": [0.0, 0.5] }), "`view-crop` must be two shares"),
        ("ppa", json!({ "second": 1.0 }), "`second` must be from 0 to below 1"),
        ("ppa", json!({ "rate": 0.0 }), "`rate` must be above 0"),
        ("gmi", json!({ "rate": -1.0 }), "`rate` must be above 0"),
        ("gmi", json!({ "momentum": 1.0 }), "`momentum` must be from 0 to below 1"),
        ("gmi", json!({ "weight": -1.0 }), "`weight` must be from 0"),
        ("gmi", json!({ "realism": -1.0 }), "`realism` must be from 0"),
        ("lomma", json!({ "feature-weight": -1.0 }), "`feature-weight` must be from 0"),
        ("lomma", json!({ "records": 1 }), "`records` must be at least 2"),
        ("lomma", json!({ "records": 49, "students": 1 }), "`records` must be at least 50"),
        ("lomma", json!({ "students": 17 }), "`students` must be from 0 to 16, got 17"),
        (
            "lomma",
            json!({ "student": { "objective": "mean-squared-error" } }),
            "`student.objective` cannot be given: students are fitted by distillation",
        ),
        ("lomma", json!({ "student": { "checkpoints": [1] } }), "`student.checkpoints` cannot be given"),
        ("lomma", json!({ "rate": 0.0 }), "`rate` must be above 0"),
        ("lomma", json!({ "momentum": 1.0 }), "`momentum` must be from 0 to below 1"),
        ("latent-cma-es", json!({ "places": 3 }), "`places` must be at least 4"),
        ("latent-cma-es", json!({ "spread": 0.0 }), "`spread` must be from"),
        ("latent-cma-es", json!({ "realism": -1.0 }), "`realism` must be from 0"),
        ("latent-cma-es", json!({ "confidence": 0.0 }), "`confidence` must be above 0"),
        ("brep", json!({ "points": 0 }), "`points` must be at least 1"),
        ("brep", json!({ "radius": 0.0 }), "`radius` must be above 0"),
        ("brep", json!({ "growth": 1.0 }), "`growth` must be above 1"),
        ("brep", json!({ "inside": 1.1 }), "`inside` must be above 0"),
        ("brep", json!({ "reach": 0.0 }), "`reach` must be above 0"),
    ] {
        let error = refused(name, config);
        assert!(error.contains(words), "{name}: {error}");
    }
}

#[test]
fn what_is_not_offered_is_said_before_anything_is_fitted() {
    for (name, missing) in [
        ("ppa", "probabilities"),
        ("gmi", "probabilities"),
        ("latent-cma-es", "probabilities"),
        ("brep", "labels"),
        ("lomma", "logits"),
    ] {
        let net = regression().without(&["labels", "probabilities", "logits", "loss"]);
        let config = short(name);
        let attack = entry(name).build(config).unwrap();
        let host = Listening::default();
        let error = with_case(&net, net.card().offers(), |case| {
            attack.run(case, &Ctx::new(1, "test", 1, &host)).unwrap_err().to_string()
        });
        assert_eq!(error, format!("access denied: {missing}"), "{name}");
        assert!(host.lines.lock().unwrap().is_empty(), "{name}");
    }
    // A label is all that repulsion takes.
    let net = regression().without(&["probabilities", "logits", "loss", "input-gradient"]);
    assert!(run("brep", short("brep"), &net, &Plane::new(&[6], &[4])).is_ok());
}
