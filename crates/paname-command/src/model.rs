//! The adapter `command`: models that a program asks or fits.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use paname_core::{
    Access, Adapter, AdapterInfo, Ctx, Error, FitRun, Fitted, Recipe, Records, Reference, Result, Setting,
    Target, Task,
};

use crate::answers::{CommandTarget, Model, Questions};
use crate::files::expand;
use crate::member::read_member;
use crate::program::{Program, USUAL_LIMIT};
use crate::training::Training;

/// What a program can answer.
pub(crate) const ANSWERS: Access = Access::LABELS
    .union(Access::PROBABILITIES)
    .union(Access::LOGITS)
    .union(Access::LOSS)
    .union(Access::EMBEDDING);

/// Models that a program asks or fits.
pub struct CommandModel;

/// How a program is started, and what it answers.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct CommandConfig {
    /// The program and its arguments, such as `["python3", "model.py"]`. The verb `predict` or `fit` takes the place of `{verb}`, or follows;
    /// options follow it. Names of files below the manifest's folder are made absolute.
    pub program: Vec<String>,
    /// A name for people.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// What the program answers: `logits`, `probabilities`, `loss`, `labels`, `embedding`.
    pub offers: Vec<String>,
    /// What the model does.
    pub task: Task,
    /// Number of classes, where there are classes; that of the labels where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub classes: Option<usize>,
    /// Number of augmented variants of each record that the program knows, the record itself included.
    pub augmentations: u32,
    /// Whether the program answers about inputs that it is given, such as changed records, and not about records by their number alone.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub new_inputs: bool,
    /// Records per call of the program; all where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub batch: Option<usize>,
    /// The model's weights, a file or a folder, which the program is told behind `--weights`. For reference models a list of folders, each with
    /// `rows.npy` or `member.npy` in it: which records the model was fitted on.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub weights: Option<Weights>,
    /// Seconds after which a call of the program is ended.
    pub time_limit: u64,
    /// Names of environment variables that are passed on, besides `PATH`, `HOME`, `LANG`, `LC_*`, `TMPDIR`, `VIRTUAL_ENV`, `PYTHONPATH` and
    /// `LD_LIBRARY_PATH`.
    pub environment: Vec<String>,
    /// Files and folders that the program uses besides those that its arguments name: when one changes, answers are computed anew.
    pub files: Vec<PathBuf>,
}

impl Default for CommandConfig {
    fn default() -> Self {
        Self {
            program: Vec::new(),
            name: None,
            offers: Vec::new(),
            task: Task::default(),
            classes: None,
            augmentations: 1,
            new_inputs: false,
            batch: None,
            weights: None,
            time_limit: USUAL_LIMIT,
            environment: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// Where weights are.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(untagged)]
pub enum Weights {
    /// Those of one model.
    One(PathBuf),
    /// Those of several reference models.
    Several(Vec<PathBuf>),
}

impl Weights {
    fn paths(&self) -> &[PathBuf] {
        match self {
            Self::One(path) => std::slice::from_ref(path),
            Self::Several(paths) => paths,
        }
    }
}

impl CommandConfig {
    fn program(&self) -> Result<Program> {
        Program::new(&self.program, &self.environment, self.time_limit)
    }

    fn weights(&self) -> &[PathBuf] {
        self.weights.as_ref().map_or(&[], Weights::paths)
    }

    /// Checks everything.
    fn model(&self, base: &Path, ctx: &Ctx<'_>) -> Result<Arc<Model>> {
        let program = self.program()?;
        let mut offers = Access::empty();
        for name in &self.offers {
            let access = Access::named(name).filter(|&access| ANSWERS.contains(access));
            offers |= access.ok_or_else(|| {
                let known: Vec<&str> = ANSWERS.names().collect();
                Error::Config(format!("`offers`: expected some of {}, got {name:?}", known.join(", ")))
            })?;
        }
        if offers.is_empty() {
            return Err(Error::Config(
                "`offers` is empty; expected what the program answers, such as [\"logits\"]".into(),
            ));
        }
        if self.augmentations == 0 {
            return Err(Error::Config("`augmentations` must be at least 1, the record itself; got 0".into()));
        }
        if self.batch == Some(0) {
            return Err(Error::Config("`batch` must be at least 1, got 0".into()));
        }
        Model::new(self, program, offers, base, ctx).map(Arc::new)
    }
}

impl Adapter for CommandModel {
    const INFO: AdapterInfo = AdapterInfo {
        name: "command",
        version: 1,
        summary_fr: "Modèles interrogés ou entraînés par un programme, dans n'importe quel langage.",
        summary_en: "Models that a program in any language asks or fits.",
        offers: ANSWERS.union(Access::NEW_INPUTS),
    };
    type Config = CommandConfig;

    fn files(config: &CommandConfig, base: &Path) -> Result<Vec<PathBuf>> {
        let mut files = config.program()?.files(base, &config.files)?;
        files.extend(expand(base, config.weights())?);
        files.sort();
        files.dedup();
        Ok(files)
    }

    fn open(config: CommandConfig, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        let model = config.model(setting.base, ctx)?;
        let weights = match config.weights() {
            [] => None,
            [weights] => Some(setting.base.join(weights)),
            several => {
                let problem = format!("`weights`: a target is one model, got {} paths", several.len());
                return Err(Error::Config(problem));
            }
        };
        let questions = Arc::new(Questions::of_roster(setting));
        Ok(Box::new(CommandTarget::new(model, questions, weights, None)?))
    }

    fn references(config: CommandConfig, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Vec<Reference>> {
        let model = config.model(setting.base, ctx)?;
        if config.weights().is_empty() {
            return Err(Error::Config("`weights` is needed: a folder for each reference model".into()));
        }
        let questions = Arc::new(Questions::of_roster(setting));
        let mut references = Vec::with_capacity(config.weights().len());
        for (done, weights) in config.weights().iter().enumerate() {
            ctx.tick(done, config.weights().len())?;
            let folder = setting.base.join(weights);
            let member = read_member(&folder, setting.roster)?;
            let target = CommandTarget::new(Arc::clone(&model), Arc::clone(&questions), Some(folder), None)?;
            references.push(Reference { target: Box::new(target), member });
        }
        Ok(references)
    }

    fn fit(
        config: CommandConfig,
        recipe: &Recipe,
        data: &Records,
        runs: &[FitRun],
        ctx: &Ctx<'_>,
    ) -> Vec<Result<Fitted>> {
        let training =
            config.model(&ctx.base(), ctx).and_then(|model| Training::new(model, recipe, data, ctx));
        match training {
            Ok(training) => {
                let fit = |(done, run)| {
                    ctx.tick(done, runs.len())?;
                    training.fit(run, ctx)
                };
                let fitted: Vec<_> = runs.iter().enumerate().map(fit).collect();
                training.clear(fitted.iter().all(Result::is_ok));
                fitted
            }
            Err(error) => runs.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn fitted(
        config: CommandConfig,
        _recipe: &Recipe,
        weights: &Path,
        setting: &Setting<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        let model = config.model(setting.base, ctx)?;
        let questions = Arc::new(Questions::of_roster(setting));
        Ok(Box::new(CommandTarget::new(model, questions, Some(weights.to_owned()), None)?))
    }
}
