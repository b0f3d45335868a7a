//! The adapter `torch`: opens programs and weights, and fits networks.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::architecture::Architecture;
use crate::config::{Source, TorchConfig};
use crate::course::Course;
use crate::fit::{Data, Run, fit};
use crate::inputs::{Known, device};
use crate::model::{Learner, Model};
use crate::network::Network;
use crate::preparation::Preparation;
use crate::program::Exported;
use crate::script::Script;
use crate::target::{Manner, TorchTarget};
use crate::tensor::Lent;
use crate::weights::{self, Described};
use paname_core::{
    Access, Adapter, AdapterInfo, Checkpoint, Ctx, Error, Features, FitRun, Fitted, Labels, Recipe, Records,
    Reference, Result, Setting, Target,
};

/// Models in memory.
pub struct Torch;

impl Adapter for Torch {
    const INFO: AdapterInfo = AdapterInfo {
        name: "torch",
        version: 1,
        summary_fr: "Modèles PyTorch en mémoire (.pt2 de torch.export, TorchScript, poids safetensors), interrogés, dérivés et entraînés.",
        summary_en: "PyTorch models in memory (.pt2 of torch.export, TorchScript, safetensors weights), asked, differentiated and fitted.",
        offers: Access::LABELS
            .union(Access::PROBABILITIES)
            .union(Access::LOGITS)
            .union(Access::LOSS)
            .union(Access::EMBEDDING)
            .union(Access::ACTIVATIONS)
            .union(Access::INPUT_GRADIENT)
            .union(Access::LAST_LAYER_GRADIENT)
            .union(Access::PARAMETER_GRADIENT)
            .union(Access::PARAMETERS)
            .union(Access::NEW_INPUTS),
    };
    type Config = TorchConfig;

    fn files(config: &TorchConfig, base: &Path) -> Result<Vec<PathBuf>> {
        Ok(config.files(base))
    }

    fn open(config: TorchConfig, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Box<dyn Target>> {
        let opener = Opener::new(&config, setting, ctx)?;
        if config.member.is_some() {
            return Err(Error::Config("`member` is about reference models; a target is one model".into()));
        }
        match config.sources()?.as_slice() {
            [source] => Ok(Box::new(opener.open(source)?)),
            [] => Err(Error::Config(
                "`program` (a .pt2 file), `script` (a TorchScript program) or `weights` (a safetensors file) is needed: which model"
                    .into(),
            )),
            several => Err(Error::Config(format!("a target is one model, got {} files", several.len()))),
        }
    }

    fn references(config: TorchConfig, setting: &Setting<'_>, ctx: &Ctx<'_>) -> Result<Vec<Reference>> {
        let opener = Opener::new(&config, setting, ctx)?;
        let sources = config.sources()?;
        if sources.is_empty() {
            return Err(Error::Config(
                "`program`, `script` or `weights` is needed: a file for each reference model".into(),
            ));
        }
        let (Some(member), Some(ids)) = (&config.member, &config.ids) else {
            return Err(Error::Config(
                "`member` and `ids` are needed: which records each reference model was fitted on".into(),
            ));
        };
        let member = paname_data::read_members(setting.base, member, ids, setting.roster, sources.len())?;
        let mut references = Vec::with_capacity(sources.len());
        for (done, (source, member)) in sources.iter().zip(member).enumerate() {
            ctx.tick(done, sources.len())?;
            references.push(Reference { target: Box::new(opener.open(source)?), member });
        }
        Ok(references)
    }

    fn fit(
        config: TorchConfig,
        recipe: &Recipe,
        data: &Records,
        runs: &[FitRun],
        ctx: &Ctx<'_>,
    ) -> Vec<Result<Fitted>> {
        match Training::new(&config, recipe, data, ctx) {
            Ok(training) => runs.iter().map(|run| training.fit(run, ctx)).collect(),
            Err(error) => runs.iter().map(|_| Err(error.clone())).collect(),
        }
    }

    fn fitted(
        config: TorchConfig,
        _recipe: &Recipe,
        weights: &Path,
        setting: &Setting<'_>,
        ctx: &Ctx<'_>,
    ) -> Result<Box<dyn Target>> {
        let opener = Opener::new(&config, setting, ctx)?;
        let place = weights.display().to_string();
        if let Some(program) = config.architecture_file()? {
            let model = opener.weighted(program, &file_of(weights), &place)?;
            let preparation = opener.preparation_for(&model)?;
            return Ok(Box::new(opener.target(PROGRAM, &file_of(weights), Arc::new(model), preparation)?));
        }
        // They say their architecture themselves.
        let (network, described) = weights::load(&file_of(weights), &place, None, opener.manner.device)?;
        // By its kind: the name of the folder tells the rows apart, and would tell them to whoever can guess all but one.
        let name = described.architecture.name();
        let preparation = opener.manner.preparation.clone();
        Ok(Box::new(opener.target(name, &file_of(weights), Arc::new(network), preparation)?))
    }
}

/// Name of the architecture that is a file.
const PROGRAM: &str = "program";

/// Name of the weights in a folder that a fit leaves.
const WEIGHTS: &str = "weights.safetensors";

/// The file of weights: what a fit leaves is a folder with it and with checkpoints.
fn file_of(weights: &Path) -> PathBuf {
    if weights.is_dir() { weights.join(WEIGHTS) } else { weights.to_owned() }
}

/// What opening several models of one configuration shares.
struct Opener<'a> {
    config: &'a TorchConfig,
    base: &'a Path,
    known: Arc<Known>,
    manner: Manner,
    classes: Option<usize>,
    ctx: &'a Ctx<'a>,
}

impl<'a> Opener<'a> {
    fn new(config: &'a TorchConfig, setting: &Setting<'a>, ctx: &'a Ctx<'a>) -> Result<Self> {
        config.check()?;
        ctx.tick(0, 1)?;
        tch::set_num_threads(ctx.threads() as i32);
        let manner = manner(config)?;
        let classes = match setting.labels {
            Labels::Classes { classes, .. } => Some(*classes),
            _ => None,
        };
        Ok(Self { config, base: setting.base, known: Known::of(setting)?, manner, classes, ctx })
    }

    fn open(&self, source: &Source) -> Result<TorchTarget> {
        let mut preparation = self.manner.preparation.clone();
        let (path, model): (_, Arc<dyn Model>) = match source {
            Source::Program(path) => {
                let program = program(self.config, self.base, path, self.manner.device)?;
                preparation = self.preparation_for(&program)?;
                (path, Arc::new(program))
            }
            Source::Script(path) => {
                let main = self.config.main();
                let place = path.display().to_string();
                let (file, outputs) = (self.base.join(path), &self.config.outputs);
                (path, Arc::new(Script::load(&file, &place, outputs, main, self.manner.device)?))
            }
            Source::Weights(path) if self.config.architecture_file()?.is_some() => {
                let place = path.display().to_string();
                let program = self.config.architecture_file()?.unwrap_or_default();
                let program = self.weighted(program, &self.base.join(path), &place)?;
                preparation = self.preparation_for(&program)?;
                (path, Arc::new(program))
            }
            Source::Weights(path) => {
                let place = path.display().to_string();
                let given = if self.config.architecture.is_empty() {
                    None
                } else {
                    let record = self.known.inputs()?.size().get(1..).unwrap_or_default().to_vec();
                    Some((
                        Architecture::parse(&self.config.architecture)?,
                        self.manner.preparation.record_shape(&record)?,
                    ))
                };
                let given = given.as_ref().map(|(architecture, record)| (architecture, record.as_slice()));
                let (network, _) = weights::load(&self.base.join(path), &place, given, self.manner.device)?;
                (path, Arc::new(network))
            }
        };
        self.target(&path.display().to_string(), &self.base.join(path), model, preparation)
    }

    /// How records become what a program takes.
    fn preparation_for(&self, program: &Exported) -> Result<Preparation> {
        let record = self.known.inputs().ok().map(|inputs| inputs.size().split_off(1));
        preparation(self.config, program, record.as_deref(), self.ctx)
    }

    /// A program with weights of another file.
    fn weighted(&self, path: &str, weights: &Path, place: &str) -> Result<Exported> {
        let program = program(self.config, self.base, Path::new(path), self.manner.device)?;
        let digest = digest_of(&self.base.join(path))?;
        program.weighted(&weights::load_of_program(weights, place, &digest)?, place)
    }

    /// Such a model, which is called `name` where the manifest has no name for it.
    fn target(
        &self,
        name: &str,
        file: &Path,
        model: Arc<dyn Model>,
        preparation: Preparation,
    ) -> Result<TorchTarget> {
        let content = paname_data::fingerprint(std::slice::from_ref(&file.to_owned()))?;
        let fingerprint = fingerprint(self.config, &content)?;
        let name = self.config.name.clone().unwrap_or_else(|| name.to_owned());
        let manner = Manner { preparation, ..self.manner.clone() };
        TorchTarget::new(name, fingerprint, model, Arc::clone(&self.known), manner, self.classes)
    }
}

/// How records of this shape become what a program takes: as the manifest says, and as the program's file states where the manifest says nothing of it.
fn preparation(
    config: &TorchConfig,
    program: &Exported,
    record: Option<&[i64]>,
    ctx: &Ctx<'_>,
) -> Result<Preparation> {
    let Some(stated) = program.normalisation() else { return Ok(config.preparation.clone()) };
    let (preparation, applies) = config.preparation.normalised(&stated.mean, &stated.std);
    if !applies {
        return Ok(preparation);
    }
    let place = program.place();
    if let Some(record) = record
        && stated.mean.len() > 1
    {
        let shape = preparation.record_shape(record)?;
        if shape.first() != Some(&(stated.mean.len() as i64)) {
            let expected = format!(
                "records with {} channels, as the normalisation that {place} states; or `preparation = {{ normalisation = false }}`",
                stated.mean.len()
            );
            return Err(Error::mismatch("inputs", expected, format!("prepared records of shape {shape:?}")));
        }
    }
    // Once, and not for each of many reference models.
    if config.member.is_none() {
        ctx.log(&format!(
            "{place}: records are normalised as the file states, (x - {:?}) / {:?}, where x lies between 0 and 1",
            stated.mean, stated.std
        ));
    }
    Ok(preparation)
}

/// Opens a program of torch.export that a configuration names.
fn program(config: &TorchConfig, base: &Path, path: &Path, device: tch::Device) -> Result<Exported> {
    let place = path.display().to_string();
    Exported::open(&base.join(path), &place, &config.outputs, config.main(), device)
}

/// The digest of a program's file.
fn digest_of(path: &Path) -> Result<String> {
    paname_data::fingerprint(std::slice::from_ref(&path.to_owned()))
}

fn manner(config: &TorchConfig) -> Result<Manner> {
    Ok(Manner {
        task: config.task,
        output: config.output,
        preparation: config.preparation.clone(),
        variants: config.variants.clone(),
        batch: config.batch,
        device: device(config.device)?,
    })
}

/// A digest of the model and of what of the configuration decides its answers.
fn fingerprint(config: &TorchConfig, content: &str) -> Result<String> {
    let TorchConfig { task, output, outputs, preparation, variants, architecture, .. } = config;
    let decides = (content, task, output, outputs, preparation, variants, architecture);
    let text = serde_json::to_string(&decides).map_err(|error| Error::Config(error.to_string()))?;
    Ok(blake3::hash(text.as_bytes()).to_hex().to_string())
}

/// Fits take turns: dropout draws from the one generator of the process.
static TURN: Mutex<()> = Mutex::new(());

/// What is fitted.
enum Design {
    BuiltIn(Architecture),
    /// A program, whose own weights are left behind, and the digest of its file.
    Program(Box<Exported>, String),
}

/// What the fits of one call share.
struct Training<'a> {
    config: &'a TorchConfig,
    design: Design,
    course: Course,
    data: Data,
    /// The data may be views of it.
    _inputs: Lent,
    known: Arc<Known>,
    classes: Option<usize>,
    manner: Manner,
    /// Where weights are kept; none where the host keeps no files.
    folder: Option<PathBuf>,
}

impl<'a> Training<'a> {
    fn new(config: &'a TorchConfig, recipe: &Recipe, data: &Records, ctx: &Ctx<'_>) -> Result<Self> {
        config.check()?;
        ctx.tick(0, 1)?;
        let mut manner = manner(config)?;
        let course = Course::of(recipe)?;
        let design = design(config, recipe, &ctx.base(), manner.device)?;
        let Features::Tensor(inputs) = &data.inputs else {
            return Err(Error::Config(
                "there is nothing to fit on: name the inputs of the records, as numbers, by [data.inputs]"
                    .into(),
            ));
        };
        crate::memory::keep_freed();
        let lent = Lent::new(inputs)?;
        if let Design::Program(program, _) = &design {
            let record = lent.view().size();
            manner.preparation = preparation(config, program, record.get(1..), ctx)?;
        }
        let fit_on =
            Data::new(lent.view(), &data.labels, &manner.preparation, course.objective, manner.device)?;
        // A refusal now, not in every run.
        match &design {
            Design::BuiltIn(architecture) => drop(architecture.plan(&fit_on.record, fit_on.outputs)?),
            Design::Program(program, _) => {
                weights::check_writable(&**program)?;
                fits_data(program, &fit_on)?;
            }
        }
        let (known, classes) = roster_of(data)?;
        let folder = ctx.folder().ok();
        Ok(Self { config, design, course, data: fit_on, _inputs: lent, known, classes, manner, folder })
    }

    fn fit(&self, run: &FitRun, ctx: &Ctx<'_>) -> Result<Fitted> {
        match &self.design {
            Design::BuiltIn(architecture) => {
                let (record, outputs) = (self.data.record.clone(), self.data.outputs);
                let described = Described { architecture: architecture.clone(), record, outputs };
                let begin = || {
                    let network = Network::new(architecture, &self.data.record, self.data.outputs, run.seed)?;
                    network.moved(self.manner.device)
                };
                self.follow(run, ctx, architecture.name(), begin, |network| {
                    weights::bytes(network, &described)
                })
            }
            Design::Program(program, digest) => {
                let begin = || program.begun(run.seed);
                self.follow(run, ctx, PROGRAM, begin, |model| weights::bytes_of_program(model, digest))
            }
        }
    }

    /// Fits a model that begins so, and keeps its weights as `bytes` writes them.
    fn follow<L: Learner + 'static>(
        &self,
        run: &FitRun,
        ctx: &Ctx<'_>,
        name: &str,
        begin: impl FnOnce() -> Result<L>,
        bytes: impl Fn(&L) -> Result<Vec<u8>>,
    ) -> Result<Fitted> {
        let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let weights = self.folder.as_ref().map(|folder| folder.join(format!("fit-{}", digest(run))));
        if let Some(folder) = &weights {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::caused(folder.display().to_string(), &error))?;
        }
        let save = |name: &str, bytes: &[u8]| match &weights {
            Some(folder) => {
                let path = folder.join(name);
                std::fs::write(&path, bytes)
                    .map_err(|error| Error::caused(path.display().to_string(), &error))
            }
            None => Ok(()),
        };
        let mut checkpoints: Vec<Checkpoint> = Vec::new();
        let mut kept = |epoch: u32, model: &L| {
            let bytes = bytes(model)?;
            save(&format!("checkpoint-{epoch}.safetensors"), &bytes)?;
            let target = Box::new(self.target(model.copied()?, &bytes, name)?);
            checkpoints.push(Checkpoint { epoch, target });
            Ok(())
        };
        // Another number of threads gives other weights.
        tch::set_num_threads(1);
        let fitted = fit(begin, &self.course, &self.data, &run.rows, run.seed, ctx, &mut kept);
        tch::set_num_threads(ctx.threads() as i32);
        let Run { model, loss, accuracy } = fitted?;
        let bytes = bytes(&model)?;
        save(WEIGHTS, &bytes)?;
        let target = Box::new(self.target(model, &bytes, name)?);
        Ok(Fitted { target, weights, train_loss: Some(loss), train_accuracy: accuracy, checkpoints })
    }

    /// A fitted model, to be asked, whose file has these bytes. It is called `name` where the manifest has no name for it.
    fn target<L: Learner + 'static>(&self, model: L, bytes: &[u8], name: &str) -> Result<TorchTarget> {
        // That of the file, so that it is the same model when it is opened again.
        let content = blake3::hash(blake3::hash(bytes).as_bytes()).to_hex();
        let fingerprint = fingerprint(self.config, &content)?;
        let name = self.config.name.clone().unwrap_or_else(|| name.to_owned());
        let known = Arc::clone(&self.known);
        TorchTarget::new(name, fingerprint, Arc::new(model), known, self.manner.clone(), self.classes)
    }
}

/// What a recipe and the configuration beside it ask to fit.
fn design(config: &TorchConfig, recipe: &Recipe, base: &Path, device: tch::Device) -> Result<Design> {
    if recipe.architecture.get("name").is_some_and(|name| name == PROGRAM) {
        // The file is part of what decides a fit, and only those of the configuration are looked at.
        return Err(Error::Config(
            "`recipe.architecture`: a program stands beside `fit`, as `architecture = { name = \"program\", file = … }`".into(),
        ));
    }
    if recipe.architecture.is_empty()
        && let Some(path) = config.architecture_file()?
    {
        let program = program(config, base, Path::new(path), device)?;
        return Ok(Design::Program(Box::new(program), digest_of(&base.join(path))?));
    }
    let architecture =
        if recipe.architecture.is_empty() { &config.architecture } else { &recipe.architecture };
    Architecture::parse(architecture).map(Design::BuiltIn)
}

/// Whether a program takes the data and answers as they ask.
fn fits_data(program: &Exported, data: &Data) -> Result<()> {
    if let Some(expected) = program.expects(&data.record) {
        return Err(Error::mismatch("records to fit on", expected, format!("shape {:?}", data.record)));
    }
    let shape: Vec<i64> = std::iter::once(2).chain(data.record.iter().copied()).collect();
    let zeros = tch::Tensor::f_zeros(&shape, (tch::Kind::Float, program.device()))
        .map_err(crate::error::from_torch)?;
    let answers = tch::no_grad(|| program.answer(&zeros, false))?;
    match answers.size()[..] {
        [2, width] if width >= data.outputs => Ok(()),
        ref size => {
            let expected = format!("[2, {}] or more for two records", data.outputs);
            Err(Error::mismatch("answers of the program to fit", expected, format!("{size:?}")))
        }
    }
}

/// Names a run.
fn digest(run: &FitRun) -> String {
    let mut hasher = blake3::Hasher::new();
    hasher.update(&run.seed.to_le_bytes());
    hasher.update(bytemuck::cast_slice(&run.rows));
    hasher.finalize().to_hex()[..16].to_owned()
}

/// The data as records that a fitted model can be asked about: by their numbers in the roster.
fn roster_of(data: &Records) -> Result<(Arc<Known>, Option<usize>)> {
    let rows = data.ids.iter().map(|&id| id as usize + 1).max().unwrap_or(0);
    let identity = data.ids.iter().enumerate().all(|(row, &id)| row == id as usize);
    let classes = match &data.labels {
        Labels::Classes { classes, .. } => Some(*classes),
        _ => None,
    };
    if identity {
        return Ok((Known::new(&data.inputs, &data.labels, rows)?, classes));
    }
    // Records of the roster that are no data cannot be asked about: they have no row.
    let mut order = vec![None; rows];
    for (row, &id) in data.ids.iter().enumerate() {
        order[id as usize] = Some(row as u32);
    }
    Ok((Known::scattered(&data.inputs, &data.labels, order)?, classes))
}
