//! The adapter `predictions`: models that are known through recorded answers.

use std::collections::BTreeMap;
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use paname_core::{
    Access, Adapter, AdapterEntry, AdapterInfo, Ctx, Error, Reference, Result, Setting, Target,
};

use crate::array::{ArrayRef, IdSource};
use crate::lira;
use crate::list::{List, Models, text_serde};
use crate::reader::{Reader, model_numbers};
use crate::recorded::Kind;

/// The adapters of this crate.
pub const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<Predictions>()];

/// Recorded predictions as a target.
pub struct Predictions;

/// Which arrays hold what a model, or a set of reference models, answered.
///
/// An array is written `file.npy`, `file.npz#member`, `file.csv#column` or `file.csv` (all columns but the ids), with `[3]` at the end for one step
/// of the leading axis. A list of arrays is one array whose parts are put under each other, such as audited records, then population.
///
/// The axes are `[records, …]`; with `augmentations = true`, `[records, variants, …]`. Arrays of several models have the models as a leading axis;
/// alternatively `{model}` in the text of an array stands for a model's number, and there is a file or column per model.
#[derive(
    Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct PredictionsConfig {
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Unnormalised class scores `[records, classes]`; of several labels `[records, labels]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub logits: Option<List<ArrayRef>>,
    /// Class probabilities `[records, classes]`; of several labels `[records, labels]`, which need not sum to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub probabilities: Option<List<ArrayRef>>,
    /// The loss of each record `[records]`; in classification the cross-entropy, elsewhere any, such as minus a log-density.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub loss: Option<List<ArrayRef>>,
    /// The probability p of each record's true class `[records]`; its loss is −ln p.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub true_class_confidence: Option<List<ArrayRef>>,
    /// ln(p / (1 − p)) of the true class `[records]`, the "scores" of LiRA scripts.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scaled_confidence: Option<List<ArrayRef>>,
    /// The predicted class of each record `[records]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub predicted_labels: Option<List<ArrayRef>>,
    /// Predicted real values, of the shape of the labels: `[records]` or `[records, width]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub values: Option<List<ArrayRef>>,
    /// Representations `[records, width]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub embedding: Option<List<ArrayRef>>,
    /// Gradient of each record's loss with respect to the last layer `[records, parameters]`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_layer_gradient: Option<List<ArrayRef>>,
    /// Values at inner layers, by the layer's name `[records, …]`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub activations: BTreeMap<String, List<ArrayRef>>,
    /// Ids of the rows: an array of them, or `row-number` where the rows are numbered; one per part. A CSV file with a column of ids is joined by it and needs
    /// none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ids: Option<List<IdSource>>,
    /// Name of the column of ids in CSV files; `id` where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id_column: Option<String>,
    /// Whether an axis of variants follows the axis of records; variant 0 is the record as it is.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub augmentations: bool,
    /// Which rows each reference model was fitted on `[models, records]`; `none` for a part that no model saw.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub member: Option<List<MemberPart>>,
    /// The reference models to use; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub models: Option<Models>,
    /// Reference models to leave out.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub exclude: Option<Models>,
    /// The number of the target among the models of the arrays or of the LiRA folder: a target is that model, reference models are the others.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<usize>,
    /// A folder `experiment-*/{keep.npy,logits/,scores/}` in place of arrays; models have the numbers in the folders' names.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub lira: Option<PathBuf>,
}

/// Part of a membership matrix.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MemberPart {
    /// No model was fitted on the rows of this part.
    None,
    /// Truth values `[models, records]`.
    Array(ArrayRef),
}

impl FromStr for MemberPart {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text == "none" { Ok(Self::None) } else { text.parse().map(Self::Array) }
    }
}

impl fmt::Display for MemberPart {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::None => f.write_str("none"),
            Self::Array(array) => array.fmt(f),
        }
    }
}

text_serde!(
    MemberPart,
    "an array of truth values `[models, records]`, or `none` for rows that no model was fitted on"
);

impl Adapter for Predictions {
    const INFO: AdapterInfo = AdapterInfo {
        name: "predictions",
        version: 1,
        summary_fr: "Prédictions enregistrées d'un modèle, dans des fichiers npy, npz ou CSV.",
        summary_en: "Recorded predictions of a model, in npy, npz or CSV files.",
        offers: Access::LABELS
            .union(Access::PROBABILITIES)
            .union(Access::LOGITS)
            .union(Access::LOSS)
            .union(Access::EMBEDDING)
            .union(Access::ACTIVATIONS)
            .union(Access::LAST_LAYER_GRADIENT),
    };
    type Config = PredictionsConfig;

    fn files(config: &PredictionsConfig, base: &Path) -> Result<Vec<PathBuf>> {
        config.files(base)
    }

    fn open(config: PredictionsConfig, setting: &Setting<'_>, _ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        for (key, given) in [
            ("member", config.member.is_some()),
            ("models", config.models.is_some()),
            ("exclude", config.exclude.is_some()),
        ] {
            if given {
                return Err(Error::Config(format!(
                    "`{key}` is about reference models; a target is one model"
                )));
            }
        }
        let mut reader = Reader::new(&config, setting)?;
        if let Some(folder) = &config.lira {
            let experiments = lira::experiments(setting.base, folder)?;
            let numbers: Vec<usize> = experiments.iter().map(|e| e.number).collect();
            let Some(model) = config.model else {
                let problem = format!(
                    "`model = …` is needed: which of the {} experiments is the target",
                    numbers.len()
                );
                return Err(Error::Config(problem));
            };
            let experiment = experiments.iter().find(|e| e.number == model);
            let experiment = experiment.ok_or_else(|| {
                Error::data(
                    folder.display(),
                    format!("holds no experiment {model}; there are: {}", listed(&numbers)),
                )
            })?;
            return Ok(Box::new(reader.experiment(experiment)?.0));
        }
        let sources = reader.sources(config.model.is_some())?;
        Ok(Box::new(reader.target(&sources, config.model)?))
    }

    fn references(config: PredictionsConfig, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Vec<Reference>> {
        let mut reader = Reader::new(&config, setting)?;
        if let Some(folder) = &config.lira {
            if config.member.is_some() {
                return Err(Error::Config(
                    "`member` is in the `keep.npy` of the LiRA folder already; remove the key".into(),
                ));
            }
            let experiments = lira::experiments(setting.base, folder)?;
            let numbers: Vec<usize> = experiments.iter().map(|e| e.number).collect();
            let chosen = chosen(&config, &numbers)?;
            let mut references = Vec::with_capacity(chosen.len());
            for (done, number) in chosen.iter().enumerate() {
                ctx.tick(done, chosen.len())?;
                let experiment = experiments.iter().find(|e| e.number == *number);
                let experiment =
                    experiment.ok_or_else(|| Error::Other(format!("experiment {number} disappeared")))?;
                let (target, records) = reader.experiment(experiment)?;
                let member = reader.experiment_member(experiment, records)?;
                references.push(Reference { target: Box::new(target), member });
            }
            return Ok(references);
        }
        let Some(member) = &config.member else {
            return Err(Error::Config(
                "`member` is needed: which rows each reference model was fitted on".into(),
            ));
        };
        let sources = reader.sources(true)?;
        let member = reader.member_sources(member)?;
        let numbers = model_numbers(&config, &sources, &member)?;
        let chosen = chosen(&config, &numbers)?;
        let mut references = Vec::with_capacity(chosen.len());
        for (done, &model) in chosen.iter().enumerate() {
            ctx.tick(done, chosen.len())?;
            let target = reader.target(&sources, Some(model))?;
            let member = reader.member(&member, &sources[0], model)?;
            references.push(Reference { target: Box::new(target), member });
        }
        Ok(references)
    }
}

impl PredictionsConfig {
    /// Every file that opening this configuration, as a target or as reference models, may read; sorted, each once. Looks into a LiRA folder.
    pub fn files(&self, base: &Path) -> Result<Vec<PathBuf>> {
        let mut arrays: Vec<ArrayRef> =
            self.fields().into_iter().flat_map(|(_, _, list)| list.0.clone()).collect();
        arrays.extend(self.ids.iter().flat_map(|ids| &ids.0).filter_map(|source| match source {
            IdSource::Array(array) => Some(array.clone()),
            IdSource::RowNumber { .. } => None,
        }));
        arrays.extend(self.member.iter().flat_map(|member| &member.0).filter_map(|part| match part {
            MemberPart::Array(array) => Some(array.clone()),
            MemberPart::None => None,
        }));
        if let Some(folder) = &self.lira {
            arrays.extend(lira::experiments(base, folder)?.into_iter().flat_map(|e| [e.keep, e.answers]));
        }
        let models = self.models.iter().flat_map(|models| models.numbers().iter().copied()).chain(self.model);
        let models: Vec<usize> = models.collect();
        let mut files = Vec::new();
        for array in &arrays {
            if array.is_pattern() {
                for &model in &models {
                    files.push(base.join(array.for_model(model)?.path()));
                }
            } else {
                files.push(base.join(array.path()));
            }
        }
        files.sort();
        files.dedup();
        Ok(files)
    }

    /// The arrays given, with what they hold and, for activations, the layer.
    pub(crate) fn fields(&self) -> Vec<(Kind, &str, &List<ArrayRef>)> {
        let one = [
            (Kind::Logits, &self.logits),
            (Kind::Probabilities, &self.probabilities),
            (Kind::Loss, &self.loss),
            (Kind::TrueClassConfidence, &self.true_class_confidence),
            (Kind::ScaledConfidence, &self.scaled_confidence),
            (Kind::PredictedLabels, &self.predicted_labels),
            (Kind::Values, &self.values),
            (Kind::Embedding, &self.embedding),
            (Kind::LastLayerGradient, &self.last_layer_gradient),
        ];
        let one = one.into_iter().filter_map(|(kind, list)| Some((kind, "", list.as_ref()?)));
        one.chain(self.activations.iter().map(|(layer, list)| (Kind::Activations, layer.as_str(), list)))
            .collect()
    }
}

fn listed(numbers: &[usize]) -> String {
    let numbers: Vec<String> = numbers.iter().map(usize::to_string).collect();
    if numbers.len() > 8 {
        return format!("{}, …, {}", numbers[..4].join(", "), numbers[numbers.len() - 1]);
    }
    numbers.join(", ")
}

/// The reference models that the configuration leaves, of those that there are.
fn chosen(config: &PredictionsConfig, there: &[usize]) -> Result<Vec<usize>> {
    let named = config.models.iter().chain(&config.exclude).flat_map(Models::numbers).chain(&config.model);
    for number in named {
        if !there.contains(number) {
            return Err(Error::Config(format!("there is no model {number}; there are: {}", listed(there))));
        }
    }
    let wanted = config.models.as_ref().map_or(there, Models::numbers);
    let excluded = config.exclude.as_ref().map_or(&[][..], Models::numbers);
    let left: Vec<usize> =
        wanted.iter().copied().filter(|n| !excluded.contains(n) && config.model != Some(*n)).collect();
    if left.is_empty() {
        return Err(Error::Config("`models`, `exclude` and `model` leave no reference model".into()));
    }
    Ok(left)
}
