//! Models that are not what the manifest declares, each by one usual slip, which the audit finds by trying.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};

use paname_core::{
    Access, Adapter, AdapterEntry, AdapterInfo, Ctx, DType, Error, Features, Input, Labels, Outputs, Query,
    Registry, Result, Setting, Target, TargetCard, Tensor,
};
use paname_engine::{Manifest, RunOptions, run};
use paname_evidence::{Cause, Evidence, Measure, Reason, Scaling, Verdict};
use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

const CLASSES: usize = 4;
/// Three channels of four by four pixels.
const SHAPE: [usize; 3] = [3, 4, 4];
const PIXELS: usize = 48;
const RECORDS: usize = 240;

/// Means of the classes: a red one and a blue one, green rows and green columns, so that exchanged channels and axes show. They differ in brightness
/// too, so that another scale shows.
fn means() -> Vec<Vec<f32>> {
    let lit = |amount: f32, place: &dyn Fn(usize, usize, usize) -> bool| {
        let pixel = |i: usize| if place(i / 16, i / 4 % 4, i % 4) { 0.5 + amount } else { 0.5 };
        (0..PIXELS).map(pixel).collect()
    };
    vec![
        lit(0.5, &|channel, _, _| channel == 0),
        lit(0.3, &|channel, _, _| channel == 2),
        lit(0.45, &|channel, y, _| channel == 1 && y < 2),
        lit(0.25, &|channel, _, x| channel == 1 && x < 2),
    ]
}

/// Classifies images by the nearest mean, after the slip of its training.
struct Nearest {
    card: TargetCard,
    inputs: Tensor,
    slip: String,
    asked: AtomicU32,
}

impl Nearest {
    /// What the model makes of an image, since it was trained on images that were prepared otherwise.
    fn seen(&self, image: &[f32]) -> Vec<f32> {
        let at = |channel: usize, y: usize, x: usize| image[(channel * 4 + y) * 4 + x];
        let arranged = |place: &dyn Fn(usize, usize, usize) -> f32| {
            let pixels = (0..3).flat_map(|c| (0..4).flat_map(move |y| (0..4).map(move |x| (c, y, x))));
            pixels.map(|(c, y, x)| place(c, y, x)).collect::<Vec<f32>>()
        };
        match self.slip.as_str() {
            // Trained on bytes as they are.
            "times" => image.iter().map(|value| value / 255.0).collect(),
            "divided" => image.iter().map(|value| value * 255.0).collect(),
            // Trained on standardised channels; these are about the means and deviations of the images.
            "standardised" => {
                let moments = moments();
                image
                    .iter()
                    .enumerate()
                    .map(|(i, value)| value * moments[i / 16].1 + moments[i / 16].0)
                    .collect()
            }
            "channels" => arranged(&|c, y, x| at(2 - c, y, x)),
            "transposed" => arranged(&|c, y, x| at(c, x, y)),
            _ => image.to_vec(),
        }
    }
}

/// Mean and deviation of each channel of the images.
fn moments() -> [(f32, f32); 3] {
    let images = images();
    [0, 1, 2].map(|channel| {
        let values: Vec<f32> =
            images.iter().flat_map(|image| image[channel * 16..(channel + 1) * 16].iter().copied()).collect();
        let mean = values.iter().sum::<f32>() / values.len() as f32;
        let variance = values.iter().map(|value| (value - mean).powi(2)).sum::<f32>() / values.len() as f32;
        (mean, variance.sqrt())
    })
}

fn images() -> Vec<Vec<f32>> {
    let mut rng = Pcg64::seed_from_u64(8);
    let means = means();
    let mut noise = || (rng.next_u64() >> 40) as f32 / (1_u64 << 24) as f32 * 0.04 - 0.02;
    (0..RECORDS).map(|r| means[r % CLASSES].iter().map(|mean| mean + noise()).collect()).collect()
}

impl Target for Nearest {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let rows = match &query.input {
            Input::Records(ids, _) => self.inputs.gather(ids)?,
            Input::Tensor(rows) => rows.clone(),
            other => return Err(Error::Unsupported(format!("{other:?}"))),
        };
        if rows.shape()[1..] != SHAPE {
            return Err(Error::mismatch("images", format!("{SHAPE:?}"), format!("{:?}", &rows.shape()[1..])));
        }
        let asked = self.asked.fetch_add(1, Ordering::Relaxed);
        // Bytes are shares of 255, as adapters take them.
        let scale = if rows.dtype() == DType::U8 { 1.0 / 255.0 } else { 1.0 };
        let values: Vec<f32> = rows.to_f32()?.iter().map(|value| value * scale).collect();
        let means = means();
        let mut logits = Vec::new();
        for (row, image) in values.chunks_exact(PIXELS).enumerate() {
            let image = self.seen(image);
            let distance =
                |mean: &Vec<f32>| image.iter().zip(mean).map(|(a, b)| (a - b).powi(2)).sum::<f32>();
            let mut scores: Vec<f32> = means.iter().map(|mean| -20.0 * distance(mean)).collect();
            match self.slip.as_str() {
                "labels" => scores.rotate_right(1),
                // Dropout: another answer whenever it is asked.
                "dropout" => scores.rotate_right((asked as usize + row) % CLASSES),
                // Statistics of the batch.
                "batch" if query.len() > 1 => scores.rotate_right(row % 2),
                _ => {}
            }
            logits.extend(scores);
        }
        Ok(Outputs { logits: Some(Tensor::from_vec(logits, &[query.len(), CLASSES])?), ..Outputs::default() })
    }
}

struct Toy;

#[derive(serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {
    slip: String,
}

impl Adapter for Toy {
    const INFO: AdapterInfo = AdapterInfo {
        name: "toy",
        version: 1,
        summary_fr: "Modèles jouets.",
        summary_en: "Toy models.",
        offers: Access::LOGITS,
    };
    type Config = Config;

    fn files(_config: &Config, _base: &Path) -> Result<Vec<PathBuf>> {
        Ok(Vec::new())
    }

    fn open(config: Config, setting: &Setting<'_>, _ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        let Features::Tensor(inputs) = setting.inputs else { return Err(Error::Config("no inputs".into())) };
        let Labels::Classes { classes, .. } = setting.labels else {
            return Err(Error::Config("no labels".into()));
        };
        let card = TargetCard {
            name: "toy".into(),
            fingerprint: config.slip.clone(),
            classes: Some(*classes),
            access: vec!["logits".into()],
            augmentations: 1,
            ..TargetCard::default()
        };
        Ok(Box::new(Nearest { card, inputs: inputs.clone(), slip: config.slip, asked: AtomicU32::new(0) }))
    }
}

const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<Toy>()];

/// Audits a model with this slip under these declarations.
fn audit(slip: &str, declared: &str) -> Evidence {
    audit_of(slip, declared, false)
}

/// The same on images of bytes.
fn audit_of(slip: &str, declared: &str, bytes: bool) -> Evidence {
    let folder = tempfile::tempdir().unwrap();
    let records = (0..RECORDS).map(|r| format!("{r},{},{}\n", r % CLASSES, r / CLASSES % 2));
    let text = format!("id,label,member\n{}", records.collect::<String>());
    fs::write(folder.path().join("records.csv"), text).unwrap();
    let kind = if bytes { "|u1" } else { "<f4" };
    let header = format!("{{'descr': '{kind}', 'fortran_order': False, 'shape': ({RECORDS}, 3, 4, 4), }}");
    let mut inputs = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
    inputs.extend(format!("{header:<117}\n").bytes());
    let values = images().into_iter().flatten();
    if bytes {
        inputs.extend(values.map(|value| (value * 255.0).round().clamp(0.0, 255.0) as u8));
    } else {
        inputs.extend(values.flat_map(f32::to_le_bytes));
    }
    fs::write(folder.path().join("inputs.npy"), inputs).unwrap();
    let manifest = format!(
        r#"schema = "paname-audit/1"
[data]
records = "records.csv"
personal = []
inputs = {{ array = "inputs.npy", ids = "row-number" }}
[model]
{declared}
[target]
adapter = "toy"
slip = "{slip}"
[[test]]
id = "loss"
attack = "loss"
"#
    );
    fs::write(folder.path().join("audit.toml"), manifest).unwrap();
    let mut registry = Registry::default();
    registry.add_adapters(ADAPTERS, "toy").unwrap();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia").unwrap();
    let manifest = Manifest::read(&folder.path().join("audit.toml")).unwrap();
    let options = RunOptions { run_dir: folder.path().join("run"), workers: 1, worker: None, patience: None };
    run(&manifest, &registry, &options, &()).unwrap().evidence
}

/// The measures that are not found again, and the causes of the first.
fn mismatches(evidence: &Evidence) -> (Vec<Measure>, Vec<Cause>) {
    let row = evidence.core.rows.iter().find(|row| row.membership.is_some()).unwrap();
    let found = row.reasons.iter().filter_map(|reason| match reason {
        Reason::Fidelity { measure, causes, .. } => Some((*measure, causes.clone())),
        _ => None,
    });
    let (measures, causes): (Vec<Measure>, Vec<Vec<Cause>>) = found.unzip();
    assert!(measures.is_empty() || row.verdict == Verdict::Inconclusive);
    (measures, causes.into_iter().next().unwrap_or_default())
}

#[test]
fn each_slip_is_found_by_undoing_it() {
    let declared = "train_accuracy = 1.0\ntest_accuracy = 1.0";
    let normalisation = |how| Cause::Normalisation { how };
    for (slip, cause) in [
        ("times", normalisation(Scaling::Times255)),
        ("divided", normalisation(Scaling::DividedBy255)),
        ("standardised", normalisation(Scaling::Standardised)),
        ("channels", Cause::ChannelOrder),
        ("transposed", Cause::Layout),
        ("labels", Cause::LabelOrder),
        ("dropout", Cause::EvaluationMode),
        ("batch", Cause::EvaluationMode),
    ] {
        for bytes in [false, true] {
            let (measures, causes) = mismatches(&audit_of(slip, declared, bytes));
            assert_eq!(measures, [Measure::Accuracy; 2], "{slip}");
            assert_eq!(causes.first(), Some(&cause), "{slip}, bytes {bytes}: {causes:?}");
        }
    }
}

#[test]
fn a_model_as_declared_has_no_mismatch_and_one_that_cannot_be_explained_no_cause() {
    let sound = audit("none", "train_accuracy = 1.0\ntest_accuracy = 1.0");
    assert_eq!(mismatches(&sound), (Vec::new(), Vec::new()));
    let better = audit("none", "test_accuracy = 0.5");
    assert_eq!(mismatches(&better), (vec![Measure::Accuracy], Vec::new()));
    assert!(sound.core.target.unwrap().loss_members.is_none(), "no loss was declared");
}

#[test]
fn a_declared_loss_is_measured_again() {
    let measured = audit("none", "train_loss = 0.9").core.target.unwrap().loss_members.unwrap();
    assert!(measured.mean < 0.5 && measured.records == 120, "{measured:?}");
    let same = format!("train_loss = {}\ntest_loss = {}", measured.mean, measured.mean);
    assert_eq!(mismatches(&audit("none", &same)), (Vec::new(), Vec::new()));
    let (measures, causes) = mismatches(&audit("channels", &same));
    assert_eq!((measures, causes.first()), (vec![Measure::Loss; 2], Some(&Cause::ChannelOrder)));
    let (measures, causes) = mismatches(&audit("labels", &same));
    assert_eq!((measures, causes.first()), (vec![Measure::Loss; 2], Some(&Cause::LabelOrder)));
}
