//! A model that a program asks: every record in one go, at the first question, and new inputs when they come.

use std::collections::HashMap;
use std::fs;
use std::io::{BufWriter, Write as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock};

use paname_core::{
    Access, Adapter as _, Augmentation, Ctx, DType, Error, Features, Indices, Input, Labels, Outputs, Query,
    Records, Result, Roster, Setting, Target, TargetCard, Task, Tensor,
};
use paname_data::{ArrayRef, IdSource, List, Predictions, PredictionsConfig, fingerprint, read_array};

use crate::archive::Archive;
use crate::files::expand;
use crate::folder::{Folder, absolute, cannot_write, create_file, place};
use crate::model::CommandConfig;
use crate::process::{Workplace, run};
use crate::program::{Program, Value};

/// The version of the archive of questions, which stands in it as `format`.
pub(crate) const FORMAT: i64 = 1;

/// What the models of one configuration share.
pub(crate) struct Model {
    pub(crate) program: Program,
    pub(crate) base: PathBuf,
    /// Where folders are made; none where the host keeps no files.
    pub(crate) place: Option<PathBuf>,
    pub(crate) threads: usize,
    offers: Access,
    task: Task,
    name: Option<String>,
    classes: Option<usize>,
    augmentations: u32,
    new_inputs: bool,
    batch: usize,
    /// Digest of the program's files and of what of the configuration decides answers.
    digest: String,
}

impl Model {
    pub(crate) fn new(
        config: &CommandConfig,
        program: Program,
        offers: Access,
        base: &Path,
        ctx: &Ctx<'_>,
    ) -> Result<Self> {
        let files = fingerprint(&program.files(base, &config.files)?)?;
        let CommandConfig { program: words, task, classes, augmentations, .. } = config;
        let decides = serde_json::to_string(&(words, offers.bits(), task, classes, augmentations, files))
            .map_err(|e| Error::Config(e.to_string()))?;
        Ok(Self {
            program,
            base: absolute(base)?,
            place: place(ctx)?,
            threads: ctx.threads(),
            offers,
            task: *task,
            name: config.name.clone(),
            classes: *classes,
            augmentations: *augmentations,
            new_inputs: config.new_inputs,
            batch: config.batch.unwrap_or(usize::MAX),
            digest: blake3::hash(decides.as_bytes()).to_hex().to_string(),
        })
    }
}

/// The records that a target answers about.
pub(crate) struct Questions {
    /// Positions in the roster.
    rows: Indices,
    /// Which of the rows each position is; none where each position is its own.
    order: Option<HashMap<u32, u32>>,
    /// The user's ids of the rows; empty where nobody told them.
    ids: Vec<String>,
    labels: Labels,
    /// What the rows are, where the audit has that.
    inputs: Features,
}

impl Questions {
    /// Every record of the audit.
    pub(crate) fn of_roster(setting: &Setting<'_>) -> Self {
        Self {
            rows: (0..setting.roster.len() as u32).collect(),
            order: None,
            ids: setting.roster.ids().to_vec(),
            labels: setting.labels.clone(),
            inputs: setting.inputs.clone(),
        }
    }

    /// The records of data to fit on.
    pub(crate) fn of_data(data: &Records) -> Self {
        let order = data.ids.iter().copied().zip(0..).collect();
        let (labels, inputs) = (data.labels.clone(), data.inputs.clone());
        Self { rows: data.ids.clone(), order: Some(order), ids: Vec::new(), labels, inputs }
    }

    /// The rows of these positions.
    fn rows_of(&self, positions: &Indices) -> Result<Indices> {
        let Some(order) = &self.order else { return Ok(positions.clone()) };
        let rows = positions.iter().map(|position| {
            let unknown =
                || Error::mismatch("record", "a record of the data that the model was fitted for", position);
            order.get(position).copied().ok_or_else(unknown)
        });
        rows.collect()
    }
}

/// What the program is asked about in one go.
enum Asked<'a> {
    /// Every record, in this variant.
    Records { questions: &'a Questions, augmentation: u32 },
    /// Inputs of nobody.
    Inputs { inputs: &'a Features, count: usize, labels: Labels },
}

impl Asked<'_> {
    fn count(&self) -> usize {
        match self {
            Self::Records { questions, .. } => questions.rows.len(),
            Self::Inputs { count, .. } => *count,
        }
    }

    fn labels(&self) -> &Labels {
        match self {
            Self::Records { questions, .. } => &questions.labels,
            Self::Inputs { labels, .. } => labels,
        }
    }
}

/// A model that answers about records through a program. The program is started when the first question comes and answers all records, in
/// batches; later questions are answered from memory. About new inputs it is started at each question, and nothing is kept.
pub(crate) struct CommandTarget {
    card: TargetCard,
    model: Arc<Model>,
    questions: Arc<Questions>,
    weights: Option<PathBuf>,
    /// Per augmentation, the answers to every question.
    answers: Vec<OnceLock<Result<Box<dyn Target>>>>,
    /// The folder of the weights, where it goes with the model.
    _home: Option<Arc<Folder>>,
}

impl CommandTarget {
    /// A model whose weights lie in `home`, if that is to stay as long as the model.
    pub(crate) fn new(
        model: Arc<Model>,
        questions: Arc<Questions>,
        weights: Option<PathBuf>,
        home: Option<Arc<Folder>>,
    ) -> Result<Self> {
        let weights = weights.map(|path| absolute(&path)).transpose()?;
        let digest = match &weights {
            Some(path) => fingerprint(&expand(path, std::slice::from_ref(path))?)?,
            None => String::new(),
        };
        let own = model.name.clone().unwrap_or_else(|| model.program.to_string());
        let file = weights.as_deref().and_then(Path::file_name).map(|name| name.to_string_lossy());
        let labelled = match &questions.labels {
            Labels::Classes { classes, .. } => Some(*classes),
            _ => None,
        };
        let mut offers = model.offers;
        offers.set(Access::NEW_INPUTS, model.new_inputs);
        let card = TargetCard {
            name: file.map_or(own.clone(), |file| format!("{own}, {file}")),
            fingerprint: blake3::hash(format!("{}\n{digest}", model.digest).as_bytes()).to_hex().to_string(),
            task: model.task,
            classes: model.classes.or(labelled),
            layers: Vec::new(),
            access: offers.names().map(str::to_owned).collect(),
            recorded: !model.new_inputs,
            augmentations: model.augmentations,
        };
        let answers = (0..model.augmentations).map(|_| OnceLock::new()).collect();
        Ok(Self { card, model, questions, weights, answers, _home: home })
    }

    /// Starts the program, once per batch, and opens what it answered of these names.
    fn answer(&self, asked: &Asked<'_>, wanted: &[&'static str]) -> Result<Box<dyn Target>> {
        let model = &*self.model;
        let folder = Folder::new(model.place.as_deref(), "predict")?;
        let mut config =
            PredictionsConfig { name: Some(self.card.name.clone()), ..PredictionsConfig::default() };
        let mut ids = Vec::new();
        let records = asked.count();
        let mut names: Vec<String> = Vec::with_capacity(records);
        let mut fields: Vec<Vec<ArrayRef>> = wanted.iter().map(|_| Vec::new()).collect();
        let batch = model.batch.min(records.max(1));
        for (number, start) in (0..records).step_by(batch).enumerate() {
            let range = start..records.min(start + batch);
            let name = format!("batch-{number}");
            self.ask(&folder.below(&name)?, folder.kept(), range.clone(), asked, wanted)?;
            for (field, access) in fields.iter_mut().zip(wanted) {
                let array: ArrayRef = format!("{name}/outputs.npz#{access}").parse()?;
                let answers = read_array(folder.path(), &array)?;
                let rows = answers.shape().first().copied();
                if rows != Some(range.len()) {
                    let expected = format!("{} rows, one for each question", range.len());
                    return Err(Error::mismatch(
                        array.to_string(),
                        expected,
                        format!("shape {:?}", answers.shape()),
                    ));
                }
                field.push(array);
            }
            let prefix = format!("{name} row ");
            names.extend((0..range.len()).map(|row| format!("{prefix}{row}")));
            ids.push(IdSource::RowNumber { prefix });
        }
        config.ids = Some(List(ids));
        for (arrays, access) in fields.into_iter().zip(wanted) {
            let field = match *access {
                "logits" => &mut config.logits,
                "probabilities" => &mut config.probabilities,
                "loss" => &mut config.loss,
                "labels" if self.card.task == Task::Classification => &mut config.predicted_labels,
                "labels" => &mut config.values,
                _ => &mut config.embedding,
            };
            *field = Some(List(arrays));
        }
        // Answers are recorded predictions, and checked as such: types, shapes, ranges.
        let roster = Roster::new(names, &self.card.name)?;
        let setting = Setting {
            base: folder.path(),
            roster: &roster,
            labels: asked.labels(),
            inputs: &Features::None,
            task: self.card.task,
        };
        let answers = Predictions::open(config, &setting, &Ctx::new(0, "command", 1, &()))?;
        let classes = (model.classes, answers.card().classes);
        if let (Some(expected), Some(got)) = classes
            && self.card.offers().intersects(Access::LOGITS | Access::PROBABILITIES)
            && expected != got
        {
            return Err(Error::mismatch(
                format!("{}, classes", model.program),
                format!("{expected}, as `classes` says"),
                got,
            ));
        }
        match asked {
            Asked::Records { .. } => clear(&folder)?,
            // There may be thousands of such questions.
            Asked::Inputs { .. } => remove(&folder)?,
        }
        Ok(answers)
    }

    /// The answers about every record in a variant, which are asked for once.
    fn recorded(&self, augmentation: u32) -> Result<&dyn Target> {
        let answers = self.answers.get(augmentation as usize).ok_or_else(|| {
            let expected = format!("below {}, the number that the program knows", self.card.augmentations);
            Error::mismatch("variant of a record", expected, augmentation)
        })?;
        let ask = || {
            let wanted: Vec<&str> = self.model.offers.names().collect();
            self.answer(&Asked::Records { questions: &self.questions, augmentation }, &wanted)
        };
        answers.get_or_init(ask).as_ref().map(AsRef::as_ref).map_err(Clone::clone)
    }

    /// Answers about inputs that are those of no record as it is.
    fn answer_new(&self, inputs: &Features, query: &Query) -> Result<Outputs> {
        let count = query.len();
        if !self.model.new_inputs {
            return Err(Error::Unsupported(
                "a model behind a program answers questions about the audit's records only, not about new inputs; where the program can, write \
                 `new-inputs = true` beside `program`"
                    .into(),
            ));
        }
        if count == 0 {
            return Err(Error::mismatch("new inputs", "at least one", "none"));
        }
        let classification = self.card.task == Task::Classification;
        let labels = match &query.labels {
            None => Labels::None,
            Some(labels) if labels.shape().first() != Some(&count) => {
                return Err(Error::mismatch("labels of a question", count, format!("{labels:?}")));
            }
            Some(labels) if classification => {
                let class = |label: i64| {
                    u32::try_from(label)
                        .map_err(|_| Error::mismatch("label of a question", "a class from 0", label))
                };
                let values = labels.to_i64()?.into_iter().map(class).collect::<Result<Vec<u32>>>()?;
                let most = values.iter().max().map_or(0, |most| *most as usize + 1);
                Labels::Classes { values: values.into(), classes: self.card.classes.unwrap_or(most) }
            }
            Some(labels) => Labels::Values(labels.clone()),
        };
        let by_labels = matches!(self.card.task, Task::Classification | Task::MultiLabel | Task::Regression);
        let mut offers = self.model.offers;
        if by_labels && query.labels.is_none() {
            if query.want.contains(Access::LOSS) {
                return Err(Error::mismatch(
                    "labels of a question about losses",
                    "one for each input",
                    "none",
                ));
            }
            offers -= Access::LOSS;
        }
        let wanted: Vec<&str> = offers.names().collect();
        if wanted.is_empty() {
            return Err(Error::Unsupported("the program answers losses only, which take labels".into()));
        }
        let answers = self.answer(&Asked::Inputs { inputs, count, labels }, &wanted)?;
        let input = Input::Records((0..count as u32).collect(), Augmentation(0));
        // Elsewhere the labels are those that the answers are opened with.
        let labels = query.labels.clone().filter(|_| classification);
        answers.predict(&Query { input, labels, ..query.clone() })
    }

    /// Has the program answer some of the questions.
    fn ask(
        &self,
        folder: &Path,
        kept: bool,
        range: std::ops::Range<usize>,
        asked: &Asked<'_>,
        wanted: &[&'static str],
    ) -> Result<()> {
        let model = &*self.model;
        let (inputs, outputs) = (folder.join("inputs.npz"), folder.join("outputs.npz"));
        let mut archive = Archive::create(&inputs)?;
        archive.integers("format", &[], std::iter::once(FORMAT))?;
        let augmentation = match asked {
            Asked::Records { augmentation, .. } => *augmentation,
            Asked::Inputs { .. } => 0,
        };
        archive.integers("augmentation", &[], std::iter::once(i64::from(augmentation)))?;
        match asked {
            Asked::Records { questions, .. } => {
                let rows = questions.rows[range.clone()].iter().map(|&row| i64::from(row));
                archive.integers("rows", &[range.len()], rows)?;
                // A program that answers new inputs need know no other way of being asked.
                let told =
                    model.new_inputs && augmentation == 0 && !matches!(questions.inputs, Features::None);
                if told {
                    write_inputs(&mut archive, &questions.inputs, range.clone())?;
                }
            }
            Asked::Inputs { inputs, .. } => write_inputs(&mut archive, inputs, range.clone())?,
        }
        if wanted.contains(&"loss") {
            write_labels(&mut archive, asked.labels(), range.clone())?;
        }
        archive.finish()?;
        if let Asked::Records { questions, .. } = asked
            && let Some(ids) = questions.ids.get(range)
        {
            write_ids(&folder.join("ids.txt"), ids)?;
        }
        let mut values: Vec<Value> = vec![
            ("inputs", inputs.into()),
            ("outputs", outputs.clone().into()),
            ("want", wanted.join(",").into()),
            ("threads", model.threads.to_string().into()),
        ];
        values.extend(self.weights.iter().map(|weights| ("weights", weights.into())));
        let line = model.program.with_verb(&model.base, "predict", &values)?;
        // Targets have no host to report to. Where the audit is cancelled its process ends, and the program with it.
        let ctx = Ctx::new(0, "command", model.threads, &());
        run(&model.program, &line, Workplace { folder, kept }, &ctx)?;
        if outputs.is_file() {
            return Ok(());
        }
        Err(Error::data(outputs.display(), "is missing: the program ended well and wrote no answers"))
    }
}

impl Target for CommandTarget {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        match &query.input {
            Input::Records(positions, augmentation) => {
                let answers = self.recorded(augmentation.0)?;
                let input = Input::Records(self.questions.rows_of(positions)?, Augmentation(0));
                answers.predict(&Query { input, ..query.clone() })
            }
            Input::Tensor(inputs) => self.answer_new(&Features::Tensor(inputs.clone()), query),
            Input::Table(inputs) => self.answer_new(&Features::Table(inputs.clone()), query),
            _ => Err(Error::Unsupported(
                "a model behind a program answers questions about records, arrays and tables, not about texts or tokens".into(),
            )),
        }
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        if !self.model.new_inputs {
            return Err(Error::Denied(Access::NEW_INPUTS));
        }
        match &self.questions.inputs {
            Features::Tensor(inputs) => {
                let rows = inputs.gather(&self.questions.rows_of(records)?)?;
                if matches!(rows.dtype(), DType::F32 | DType::F64) {
                    return Ok(rows);
                }
                Tensor::from_vec(rows.to_f32()?.into_owned(), rows.shape())
            }
            Features::None => Err(Error::Unsupported(
                "the inputs of records are not known, since the manifest has no [data.inputs]".into(),
            )),
            _ => Err(Error::Unsupported("the inputs of records are a table, not numbers".into())),
        }
    }
}

/// Removes questions and answers, which are personal data and are mapped by now; logs stay.
fn clear(folder: &Folder) -> Result<()> {
    if !folder.kept() {
        return Ok(());
    }
    let batches = fs::read_dir(folder.path()).map_err(cannot_write(folder.path()))?;
    for batch in batches.filter_map(std::result::Result::ok) {
        for name in ["inputs.npz", "ids.txt", "outputs.npz"] {
            let path = batch.path().join(name);
            if path.exists() {
                fs::remove_file(&path).map_err(cannot_write(&path))?;
            }
        }
    }
    Ok(())
}

/// Removes everything of a question.
fn remove(folder: &Folder) -> Result<()> {
    if !folder.kept() {
        return Ok(());
    }
    fs::remove_dir_all(folder.path()).map_err(cannot_write(folder.path()))
}

/// Some of the inputs: numbers as one array, of a table an array for each column.
fn write_inputs(archive: &mut Archive, inputs: &Features, range: std::ops::Range<usize>) -> Result<()> {
    match inputs {
        Features::Tensor(inputs) => archive.tensor("inputs", &inputs.slice(range)?),
        Features::Table(table) => {
            let rows = range.clone();
            for column in table.columns() {
                let name = format!("inputs/{}", column.name());
                let shape = [range.len()];
                match column.kind() {
                    "booleans" => {
                        let truths =
                            rows.clone().map(|row| column.boolean(row).unwrap_or_default()).collect();
                        archive.tensor(&name, &Tensor::from_bools(truths, &shape)?)?;
                    }
                    "integers" => {
                        let integers = rows.clone().map(|row| column.integer(row).unwrap_or_default());
                        archive.integers(&name, &shape, integers)?;
                    }
                    "numbers" => {
                        let numbers =
                            rows.clone().map(|row| column.number(row).unwrap_or(f64::NAN)).collect();
                        archive.tensor(&name, &Tensor::from_vec::<f64>(numbers, &shape)?)?;
                    }
                    _ => {
                        let texts: Vec<&str> =
                            rows.clone().map(|row| column.text(row).unwrap_or_default()).collect();
                        archive.texts(&name, &texts)?;
                    }
                }
                let missing: Vec<bool> = rows.clone().map(|row| column.is_missing(row)).collect();
                if missing.contains(&true) {
                    let name = format!("missing/{}", column.name());
                    archive.tensor(&name, &Tensor::from_bools(missing, &shape)?)?;
                }
            }
            Ok(())
        }
        _ => Err(Error::Unsupported("new inputs of this kind".into())),
    }
}

/// The labels of some records, where there are any.
pub(crate) fn write_labels(
    archive: &mut Archive,
    labels: &Labels,
    range: std::ops::Range<usize>,
) -> Result<()> {
    match labels {
        Labels::Classes { values, .. } => {
            let few = || Error::mismatch("labels", format!("at least {}", range.end), values.len());
            let classes = values.get(range.clone()).ok_or_else(few)?;
            archive.integers("labels", &[range.len()], classes.iter().map(|&class| i64::from(class)))
        }
        Labels::Values(values) => archive.tensor("labels", &values.slice(range)?),
        _ => Ok(()),
    }
}

/// One id a line. An id that would not be one line, or begins with a quotation mark, is written as a JSON string.
fn write_ids(path: &Path, ids: &[String]) -> Result<()> {
    let mut file = BufWriter::new(create_file(path)?);
    for id in ids {
        let plain = !id.starts_with('"')
            && !id.chars().any(|c| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}'));
        let line = if plain { id.clone() } else { serde_json::to_string(id).map_err(cannot_write(path))? };
        writeln!(file, "{line}").map_err(cannot_write(path))?;
    }
    file.flush().map_err(cannot_write(path))
}
