//! Linear classifiers in JSON as targets for PANAME: z = W x + b.
//!
//! A model is a file `{"weights": [[…], …], "bias": […]}` with one row of weights and one bias per class; the features of the records are a
//! table `id,x1,x2,…`. The target answers logits about records and about raw inputs, gives gradients with respect to the input, and its
//! parameters.

use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use paname_core::{
    Access, Adapter, AdapterEntry, AdapterInfo, Augmentation, Ctx, Error, Indices, Input, Labels,
    Named, Outputs, Pullback, Query, Reference, Result, Setting, Target, TargetCard, Tensor,
};

/// The adapters of this crate.
pub const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<Linear>()];

paname_core::export_plugin!(paname_core::NO_ATTACKS, ADAPTERS);

/// The keys in the manifest.
#[derive(Debug, Clone, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The model, or for reference models a folder of `*.json`, each with a list `fitted_on` of record ids.
    pub model: PathBuf,
    /// Table of the features: `id,x1,x2,…`.
    pub features: PathBuf,
}

/// The adapter.
pub struct Linear;

impl Adapter for Linear {
    const INFO: AdapterInfo = AdapterInfo {
        name: "linear",
        version: 1,
        summary_fr: "Classifieurs linéaires en JSON, avec une table de caractéristiques.",
        summary_en: "Linear classifiers in JSON, with a table of features.",
        offers: Access::LOGITS
            .union(Access::INPUT_GRADIENT)
            .union(Access::NEW_INPUTS)
            .union(Access::PARAMETERS),
    };
    type Config = Config;

    fn files(config: &Config, base: &Path) -> Result<Vec<PathBuf>> {
        let model = base.join(&config.model);
        let mut files = if model.is_dir() {
            models(&model)?
        } else {
            vec![model]
        };
        files.push(base.join(&config.features));
        Ok(files)
    }

    fn open(config: Config, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        ctx.tick(0, 2)?;
        let features = Arc::new(Features::read(
            &setting.base.join(&config.features),
            setting,
        )?);
        ctx.tick(1, 2)?;
        let (model, _) = Model::read(&setting.base.join(&config.model), features)?;
        ctx.tick(2, 2)?;
        Ok(Box::new(model))
    }

    fn references(config: Config, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Vec<Reference>> {
        let features = Arc::new(Features::read(
            &setting.base.join(&config.features),
            setting,
        )?);
        let paths = models(&setting.base.join(&config.model))?;
        let mut references = Vec::with_capacity(paths.len());
        for (i, path) in paths.iter().enumerate() {
            ctx.tick(i, paths.len())?;
            let (model, fitted_on) = Model::read(path, Arc::clone(&features))?;
            let mut member = vec![false; setting.roster.len()];
            for id in fitted_on {
                // Records that the audit does not ask about do not matter to it.
                if let Some(position) = setting.roster.position(&id) {
                    member[position as usize] = true;
                }
            }
            references.push(Reference {
                target: Box::new(model),
                member,
            });
        }
        Ok(references)
    }
}

/// The models of a folder, by name.
fn models(folder: &Path) -> Result<Vec<PathBuf>> {
    let entries = fs::read_dir(folder).map_err(|e| Error::data(folder.display(), e.to_string()))?;
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut paths: Vec<PathBuf> = paths
        .filter(|path| path.extension().is_some_and(|end| end == "json"))
        .collect();
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<String> {
    fs::read_to_string(path).map_err(|e| Error::data(path.display(), e.to_string()))
}

/// The features of every record of the audit, in the order of the roster.
struct Features {
    rows: Vec<Vec<f32>>,
    width: usize,
    /// The classes of the records, where they are known.
    classes: Option<Indices>,
}

impl Features {
    fn read(path: &Path, setting: &Setting<'_>) -> Result<Self> {
        let text = read(path)?;
        let wrong = |line: usize, problem: &str| {
            Error::data(format!("{}:{}", path.display(), line + 1), problem)
        };
        let mut lines = text.lines().enumerate();
        let (_, heading) = lines
            .next()
            .ok_or_else(|| wrong(0, "empty; expected a heading"))?;
        let width = heading.split(',').count() - 1;
        let mut known = HashMap::new();
        for (i, line) in lines {
            let (id, values) = line.split_once(',').unwrap_or((line, ""));
            let values: Option<Vec<f32>> =
                values.split(',').map(|v| v.trim().parse().ok()).collect();
            let values = values.filter(|values| values.len() == width);
            let values =
                values.ok_or_else(|| wrong(i, &format!("expected an id and {width} numbers")))?;
            known.insert(id, values);
        }
        let row = |id: &String| {
            let row = known.get(id.as_str()).cloned();
            row.ok_or_else(|| Error::data(path.display(), format!("no row for record {id:?}")))
        };
        let rows = setting
            .roster
            .ids()
            .iter()
            .map(row)
            .collect::<Result<_>>()?;
        let classes = match setting.labels {
            Labels::Classes { values, .. } => Some(values.clone()),
            _ => None,
        };
        Ok(Self {
            rows,
            width,
            classes,
        })
    }
}

#[derive(serde::Deserialize)]
struct File {
    weights: Vec<Vec<f32>>,
    bias: Vec<f32>,
    #[serde(default)]
    fitted_on: Vec<String>,
}

struct Model {
    card: TargetCard,
    /// Row-major `[classes, width]`, shared with the gradients that it gives.
    weights: Arc<[f32]>,
    bias: Vec<f32>,
    features: Arc<Features>,
}

impl Model {
    /// A model, and the records that it was fitted on where the file says so.
    fn read(path: &Path, features: Arc<Features>) -> Result<(Self, Vec<String>)> {
        let text = read(path)?;
        let file: File =
            serde_json::from_str(&text).map_err(|e| Error::data(path.display(), e.to_string()))?;
        let (classes, width) = (file.bias.len(), features.width);
        let shaped =
            file.weights.len() == classes && file.weights.iter().all(|row| row.len() == width);
        if !shaped || classes < 2 {
            let problem =
                format!("expected at least 2 classes, with one bias and {width} weights each");
            return Err(Error::data(path.display(), problem));
        }
        let card = TargetCard {
            name: path
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned(),
            fingerprint: fingerprint(&text),
            classes: Some(classes),
            access: ["logits", "input-gradient", "parameters", "new-inputs"]
                .map(str::to_owned)
                .to_vec(),
            augmentations: 1,
            ..TargetCard::default()
        };
        let weights = file.weights.concat().into();
        Ok((
            Self {
                card,
                weights,
                bias: file.bias,
                features,
            },
            file.fitted_on,
        ))
    }

    /// One row of features per question.
    fn inputs(&self, query: &Query) -> Result<Vec<Vec<f32>>> {
        match &query.input {
            Input::Records(ids, Augmentation(0)) => {
                let rows = &self.features.rows;
                let row = |&id: &u32| {
                    let row = rows.get(id as usize).cloned();
                    row.ok_or_else(|| {
                        Error::mismatch("record", format!("below {}", rows.len()), id)
                    })
                };
                ids.iter().map(row).collect()
            }
            Input::Tensor(rows) if rows.shape().get(1) == Some(&self.features.width) => Ok(rows
                .to_f32()?
                .chunks(self.features.width)
                .map(<[f32]>::to_vec)
                .collect()),
            _ => Err(Error::Unsupported(format!(
                "inputs other than records as they are and rows of {} features",
                self.features.width
            ))),
        }
    }
}

impl Model {
    /// The true class of each question: said with it, or known of the record.
    fn labels(&self, query: &Query) -> Result<Vec<usize>> {
        let known = || Error::Unsupported("losses without labels".into());
        if let Some(labels) = &query.labels {
            return Ok(labels
                .to_i64()?
                .iter()
                .map(|&class| class as usize)
                .collect());
        }
        let (Input::Records(ids, _), Some(classes)) = (&query.input, &self.features.classes) else {
            return Err(known());
        };
        let class = |&id: &u32| classes.get(id as usize).map(|&class| class as usize);
        ids.iter()
            .map(class)
            .collect::<Option<_>>()
            .ok_or_else(known)
    }
}

/// FNV-1a: enough to tell files apart.
fn fingerprint(text: &str) -> String {
    let hash = text.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
    });
    format!("{hash:016x}")
}

impl Target for Model {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        if !(Access::LOGITS.with_implied()).contains(query.want) {
            return Err(Error::Denied(query.want - Access::LOGITS.with_implied()));
        }
        let inputs = self.inputs(query)?;
        let mut logits = Vec::with_capacity(inputs.len() * self.bias.len());
        for x in &inputs {
            for (weights, bias) in self.weights.chunks(self.features.width).zip(&self.bias) {
                logits.push(bias + weights.iter().zip(x).map(|(w, x)| w * x).sum::<f32>());
            }
        }
        let logits = Tensor::from_vec(logits, &[inputs.len(), self.bias.len()])?;
        answers(logits, query.want, || self.labels(query))
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        if !Access::LOGITS.contains(query.want) {
            return Err(Error::Denied(query.want - Access::LOGITS));
        }
        let pullback = Transposed {
            weights: Arc::clone(&self.weights),
            width: self.features.width,
            rows: query.len(),
        };
        Ok((self.predict(query)?, Box::new(pullback)))
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let rows = self.inputs(&Query::records(records.clone(), Access::empty()))?;
        Tensor::from_vec(rows.concat(), &[rows.len(), self.features.width])
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        let shape = [self.bias.len(), self.features.width];
        Ok(vec![
            (
                "weights".into(),
                Tensor::from_vec(self.weights.to_vec(), &shape)?,
            ),
            (
                "bias".into(),
                Tensor::from_vec(self.bias.clone(), &[self.bias.len()])?,
            ),
        ])
    }
}

/// What was asked for, from the logits.
fn answers(
    logits: Tensor,
    want: Access,
    labels: impl Fn() -> Result<Vec<usize>>,
) -> Result<Outputs> {
    let (values, classes) = (logits.to_f32()?.into_owned(), logits.shape()[1]);
    let rows = logits.rows();
    let mut outputs = Outputs::default();
    if want.contains(Access::PROBABILITIES) {
        let softmax = |z: &[f32]| -> Vec<f32> {
            let most = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let sum: f32 = z.iter().map(|z| (z - most).exp()).sum();
            z.iter().map(|z| (z - most).exp() / sum).collect()
        };
        let probabilities = values.chunks(classes).flat_map(softmax).collect();
        outputs.probabilities = Some(Tensor::from_vec(probabilities, &[rows, classes])?);
    }
    if want.contains(Access::LABELS) {
        let best = |z: &[f32]| {
            let best = z.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
            best.map_or(0, |(class, _)| class as i64)
        };
        outputs.labels = Some(Tensor::from_vec(
            values.chunks(classes).map(best).collect(),
            &[rows],
        )?);
    }
    if want.contains(Access::LOSS) {
        let loss = |(z, class): (&[f32], usize)| {
            let most = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            let own = z.get(class).copied();
            let own =
                own.ok_or_else(|| Error::mismatch("label", format!("below {classes}"), class))?;
            Ok(most + z.iter().map(|z| (z - most).exp()).sum::<f32>().ln() - own)
        };
        let losses = values.chunks(classes).zip(labels()?).map(loss);
        outputs.loss = Some(Tensor::from_vec(losses.collect::<Result<_>>()?, &[rows])?);
    }
    if want.contains(Access::LOGITS) {
        outputs.logits = Some(logits);
    }
    Ok(outputs)
}

/// c ↦ Wᵀ c.
struct Transposed {
    weights: Arc<[f32]>,
    width: usize,
    rows: usize,
}

impl Pullback for Transposed {
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor> {
        let mut gradient = vec![0.0; self.rows * self.width];
        if let Some(logits) = &cotangent.logits {
            let classes = self.weights.len() / self.width;
            let values = logits.to_f32()?;
            for (row, c) in gradient.chunks_mut(self.width).zip(values.chunks(classes)) {
                for (weights, c) in self.weights.chunks(self.width).zip(c) {
                    for (g, w) in row.iter_mut().zip(weights) {
                        *g += w * c;
                    }
                }
            }
        }
        Tensor::from_vec(gradient, &[self.rows, self.width])
    }
}
