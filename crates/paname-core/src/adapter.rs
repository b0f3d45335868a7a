//! Adapters open targets, open given reference models, and fit new ones.

use std::marker::PhantomData;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::attack::parse_config;
use crate::{Access, Ctx, Error, Indices, Labels, Recipe, Result, Roster, Table, Target, Task, Tensor};

/// A family of models that can be audited, such as recorded predictions or PyTorch programs.
pub trait Adapter: Sized + 'static {
    /// What the adapter is.
    const INFO: AdapterInfo;
    /// Its keys in the manifest; unknown keys must be refused.
    type Config: DeserializeOwned + Serialize + schemars::JsonSchema;

    /// Every file whose content decides what [`Adapter::open`] and [`Adapter::references`] give: cache keys and evidence name their digests.
    fn files(config: &Self::Config, base: &Path) -> Result<Vec<PathBuf>>;

    /// Opens one model.
    fn open(config: Self::Config, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>>;

    /// Opens the reference models that were given, each with the rows it was fitted on.
    fn references(_config: Self::Config, _setting: &Setting<'_>, _ctx: &Ctx<'_>) -> Result<Vec<Reference>> {
        Err(Error::Unsupported(format!("adapter `{}` opens no given reference models", Self::INFO.name)))
    }

    /// Fits models. One result per run: one bad run loses no other.
    fn fit(
        _config: Self::Config,
        _recipe: &Recipe,
        _data: &Records,
        runs: &[FitRun],
        _ctx: &Ctx<'_>,
    ) -> Vec<Result<Fitted>> {
        let refusal = Error::Unsupported(format!("adapter `{}` fits no models", Self::INFO.name));
        runs.iter().map(|_| Err(refusal.clone())).collect()
    }

    /// Opens a model that [`Adapter::fit`] left at `weights` ([`Fitted::weights`], perhaps moved since), fitted by the same configuration and recipe.
    fn fitted(
        _config: Self::Config,
        _recipe: &Recipe,
        _weights: &Path,
        _setting: &Setting<'_>,
        _ctx: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        Err(Error::Unsupported(format!("adapter `{}` fits no models", Self::INFO.name)))
    }
}

/// What an adapter is, for listings and documentation.
#[derive(Debug, Clone, Copy)]
pub struct AdapterInfo {
    /// Name in manifests, lower case with hyphens.
    pub name: &'static str,
    /// Version of its behaviour; part of cache keys.
    pub version: u32,
    /// One line in French.
    pub summary_fr: &'static str,
    /// One line in English.
    pub summary_en: &'static str,
    /// Everything that it can offer.
    pub offers: Access,
}

/// What an adapter may know while opening: where files are and which records there are, never who is a member.
#[derive(Debug, Clone, Copy)]
pub struct Setting<'a> {
    /// Relative paths in the configuration start here: the manifest's folder.
    pub base: &'a Path,
    /// Every record of the audit.
    pub roster: &'a Roster,
    /// Labels in the order of the roster, for losses and for checks.
    pub labels: &'a Labels,
    /// What the records are, in the order of the roster; nothing where the manifest names no inputs and the adapter has its own data.
    pub inputs: &'a Features,
    /// What the models do, as the manifest says.
    pub task: Task,
}

/// A reference ("shadow") model and the records of the roster that it was fitted on.
pub struct Reference {
    /// The model.
    pub target: Box<dyn Target>,
    /// Truth values in the order of the roster: was the record among its training rows.
    pub member: Vec<bool>,
}

/// Data to fit on.
#[derive(Debug, Clone)]
pub struct Records {
    /// Whom the rows are about, by roster position.
    pub ids: Indices,
    /// Inputs, one row a record.
    pub inputs: Features,
    /// Labels in the order of `ids`.
    pub labels: Labels,
}

/// What records are besides their labels: what models are asked about and fitted on.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Features {
    /// Nothing: the adapter has the data itself and needs the numbers of the records only.
    #[default]
    None,
    /// Numbers `[records, …]`.
    Tensor(Tensor),
    /// Columns of mixed types.
    Table(Table),
}

/// One model to fit.
#[derive(Debug, Clone)]
pub struct FitRun {
    /// Rows of the data to fit on.
    pub rows: Indices,
    /// Seed of initialisation, shuffles, dropout and augmentation.
    pub seed: u64,
}

/// A fitted model.
pub struct Fitted {
    /// The model.
    pub target: Box<dyn Target>,
    /// Where its weights were saved, if they were.
    pub weights: Option<PathBuf>,
    /// Loss and accuracy on its own rows after the last epoch, where the adapter measures them.
    pub train_loss: Option<f64>,
    /// Accuracy on its own rows after the last epoch.
    pub train_accuracy: Option<f64>,
    /// The model as it was after the passes that [`Recipe::checkpoints`] names, in their order; empty where the adapter keeps none to be asked.
    pub checkpoints: Vec<Checkpoint>,
}

/// A model in the middle of its fit.
pub struct Checkpoint {
    /// Passes over the rows until then.
    pub epoch: u32,
    /// The model.
    pub target: Box<dyn Target>,
}

/// How an adapter does its work, whether linked or loaded.
pub(crate) trait Open: Send + Sync {
    fn schema(&self) -> Result<Value>;
    fn files(&self, config: Value, base: &Path) -> Result<Vec<PathBuf>>;
    fn open(&self, config: Value, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>>;
    fn references(&self, config: Value, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Vec<Reference>>;
    fn fit(
        &self,
        config: Value,
        recipe: &Recipe,
        data: &Records,
        runs: &[FitRun],
        ctx: &Ctx<'_>,
    ) -> Vec<Result<Fitted>>;
    fn fitted(
        &self,
        config: Value,
        recipe: &Recipe,
        weights: &Path,
        setting: &Setting<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn Target>>;
}

/// A row of a list of adapters.
#[derive(Clone, Copy)]
pub struct AdapterEntry {
    /// What the adapter is.
    pub info: AdapterInfo,
    open: &'static dyn Open,
}

impl AdapterEntry {
    /// The row of adapter `A`.
    pub const fn of<A: Adapter>() -> Self {
        Self { info: A::INFO, open: &Linked::<A>(PhantomData) }
    }

    /// The row of an adapter of a plugin.
    pub(crate) fn loaded(info: AdapterInfo, open: &'static dyn Open) -> Self {
        Self { info, open }
    }

    /// JSON schema of the configuration. Fails for a broken plugin only.
    pub fn schema(&self) -> Result<Value> {
        self.open.schema()
    }

    /// Parses the configuration and lists the files that decide the answers; see [`Adapter::files`].
    pub fn files(&self, config: Value, base: &Path) -> Result<Vec<PathBuf>> {
        self.open.files(config, base)
    }

    /// Parses the configuration and opens a model.
    pub fn open(&self, config: Value, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        self.open.open(config, setting, ctx)
    }

    /// Parses the configuration and opens reference models.
    pub fn references(&self, config: Value, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Vec<Reference>> {
        self.open.references(config, setting, ctx)
    }

    /// Parses the configuration and fits models: one result per run.
    pub fn fit(
        &self,
        config: Value,
        recipe: &Recipe,
        data: &Records,
        runs: &[FitRun],
        ctx: &Ctx<'_>,
    ) -> Vec<Result<Fitted>> {
        self.open.fit(config, recipe, data, runs, ctx)
    }

    /// Parses the configuration and opens a model that was fitted; see [`Adapter::fitted`].
    pub fn fitted(
        &self,
        config: Value,
        recipe: &Recipe,
        weights: &Path,
        setting: &Setting<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        self.open.fitted(config, recipe, weights, setting, ctx)
    }
}

/// An adapter of a crate that this program is linked with.
struct Linked<A>(PhantomData<fn() -> A>);

impl<A: Adapter> Open for Linked<A> {
    fn schema(&self) -> Result<Value> {
        Ok(schemars::schema_for!(A::Config).into())
    }

    fn files(&self, config: Value, base: &Path) -> Result<Vec<PathBuf>> {
        A::files(&parse_config(config)?, base)
    }

    fn open(&self, config: Value, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        A::open(parse_config(config)?, setting, ctx)
    }

    fn references(&self, config: Value, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Vec<Reference>> {
        A::references(parse_config(config)?, setting, ctx)
    }

    fn fit(
        &self,
        config: Value,
        recipe: &Recipe,
        data: &Records,
        runs: &[FitRun],
        ctx: &Ctx<'_>,
    ) -> Vec<Result<Fitted>> {
        match parse_config(config) {
            Ok(config) => A::fit(config, recipe, data, runs, ctx),
            Err(error) => runs.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn fitted(
        &self,
        config: Value,
        recipe: &Recipe,
        weights: &Path,
        setting: &Setting<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        A::fitted(parse_config(config)?, recipe, weights, setting, ctx)
    }
}
