//! Reading the arrays that a configuration of recorded predictions names, each once, and joining them to the roster.

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::Arc;

use paname_core::{Error, Result, Setting, Tensor};

use crate::array::{ArrayRef, Format, IdSource, read_array};
use crate::fingerprint::digest;
use crate::join::{RowIds, join};
use crate::lira;
use crate::list::List;
use crate::predictions::{MemberPart, PredictionsConfig};
use crate::recorded::{Field, Kind, RecordedTarget};
use crate::stack::Stack;
use crate::table::Table;

/// The numbers of the models in the arrays: the leading axis that they agree on, or those named where there is a file per model.
pub(crate) fn model_numbers(
    config: &PredictionsConfig,
    sources: &[FieldSource],
    member: &[Option<PartSource>],
) -> Result<Vec<usize>> {
    let parts = sources.iter().flat_map(|source| &source.parts).chain(member.iter().flatten());
    let mut counts = parts.filter_map(|part| match part {
        PartSource::Loaded(part) => Some((part.tensor.rows(), &part.array)),
        PartSource::Pattern(_) => None,
    });
    let Some((count, first)) = counts.next() else {
        let Some(models) = &config.models else {
            return Err(Error::Config(
                "`models = …` is needed where `{model}` stands for the number of a model".into(),
            ));
        };
        return Ok(models
            .numbers()
            .iter()
            .copied()
            .chain(config.model.filter(|n| !models.numbers().contains(n)))
            .collect());
    };
    if let Some((other, array)) = counts.find(|(other, _)| *other != count) {
        return Err(Error::mismatch(
            format!("{array}, models (the leading axis)"),
            format!("{count} as in {first}"),
            other,
        ));
    }
    Ok((0..count).collect())
}

/// A recorded quantity before a model is chosen.
pub(crate) struct FieldSource {
    kind: Kind,
    layer: String,
    parts: Vec<PartSource>,
}

/// A part of an array before a model is chosen.
pub(crate) enum PartSource {
    /// Read.
    Loaded(Part),
    /// Read per model.
    Pattern(ArrayRef),
}

/// A part of an array.
#[derive(Clone)]
pub(crate) struct Part {
    tensor: Tensor,
    array: ArrayRef,
    /// Its own ids, where it is a table that has them.
    ids: Option<Arc<Vec<String>>>,
    /// Contents of the file, name and index in it: what the fingerprint is made of.
    identity: String,
}

/// The lengths of the parts, and the model where its number is in the text of the ids.
type JoinKey = (Vec<usize>, Option<usize>);

/// Reads what a configuration names, each thing once.
pub(crate) struct Reader<'a> {
    config: &'a PredictionsConfig,
    setting: &'a Setting<'a>,
    digests: HashMap<PathBuf, blake3::Hash>,
    /// Joins by the ids of the configuration, which most arrays share.
    joins: HashMap<JoinKey, Arc<[u32]>>,
}

impl<'a> Reader<'a> {
    pub(crate) fn new(config: &'a PredictionsConfig, setting: &'a Setting<'a>) -> Result<Self> {
        let fields = config.fields();
        match (&config.lira, fields.first()) {
            (Some(_), Some(_)) => {
                return Err(Error::Config(
                    "`lira` and arrays cannot be given together: the folder holds the arrays".into(),
                ));
            }
            (Some(_), None) if config.augmentations => {
                return Err(Error::Config(
                    "`augmentations` is seen from the shapes in a LiRA folder; remove the key".into(),
                ));
            }
            (None, None) => {
                return Err(Error::Config(
                    "no predictions are given: expected at least one of logits, probabilities, loss, true-class-confidence, scaled-confidence, \
                     predicted-labels, embedding, last-layer-gradient, activations, or lira"
                        .into(),
                ));
            }
            _ => {}
        }
        Ok(Self { config, setting, digests: HashMap::new(), joins: HashMap::new() })
    }

    fn digest(&mut self, array: &ArrayRef) -> Result<blake3::Hash> {
        let path = self.setting.base.join(array.path());
        if let Some(&known) = self.digests.get(&path) {
            return Ok(known);
        }
        let found = digest(&path, &array.to_string())?;
        self.digests.insert(path, found);
        Ok(found)
    }

    fn identity(&mut self, array: &ArrayRef) -> Result<String> {
        let index = array.index().map_or(String::new(), |index| format!("[{index}]"));
        Ok(format!("{}#{}{index}", self.digest(array)?, array.name().unwrap_or_default()))
    }

    fn part(&mut self, array: &ArrayRef) -> Result<Part> {
        let identity = self.identity(array)?;
        let base = self.setting.base;
        let (tensor, ids) = if array.format() == Format::Csv && array.index().is_none() {
            let id_column = self.config.id_column.as_deref().unwrap_or("id");
            let table = Table::read(&base.join(array.path()), &array.path().display().to_string())?;
            let ids = table
                .find(id_column)?
                .map(|id| (0..table.rows()).map(|row| table.text(row, id).to_owned()).collect());
            let tensor = match array.name() {
                Some(column) => table.numbers(&[table.column(column)?], &[])?,
                None => table.all_numbers(id_column)?,
            };
            (tensor, ids.map(Arc::new))
        } else {
            (read_array(base, array)?, None)
        };
        if tensor.shape().is_empty() {
            return Err(Error::mismatch(
                array.to_string(),
                "an array with at least one axis",
                "a single number",
            ));
        }
        Ok(Part { tensor, array: array.clone(), ids, identity })
    }

    fn source(&mut self, array: &ArrayRef, several_models: bool) -> Result<PartSource> {
        if array.is_pattern() {
            if several_models {
                return Ok(PartSource::Pattern(array.clone()));
            }
            return Err(Error::Config(format!(
                "{array}: `{{model}}` needs `model = …`, the number to put in its place"
            )));
        }
        if several_models && array.format() == Format::Csv {
            return Err(Error::Config(format!(
                "{array}: a table holds one model; write `{{model}}` in place of its number to name one per model"
            )));
        }
        self.part(array).map(PartSource::Loaded)
    }

    pub(crate) fn sources(&mut self, several_models: bool) -> Result<Vec<FieldSource>> {
        let config = self.config;
        let mut sources = Vec::new();
        for (kind, layer, list) in config.fields() {
            let parts =
                list.0.iter().map(|array| self.source(array, several_models)).collect::<Result<_>>()?;
            sources.push(FieldSource { kind, layer: layer.to_owned(), parts });
        }
        Ok(sources)
    }

    /// A part as one model has it: `[records, …]`.
    fn resolve(&mut self, source: &PartSource, model: Option<usize>) -> Result<Part> {
        match (source, model) {
            (PartSource::Loaded(part), None) => Ok(part.clone()),
            (PartSource::Loaded(part), Some(model)) => {
                let tensor = part.tensor.index(model).ok().filter(|tensor| !tensor.shape().is_empty());
                let tensor = tensor.ok_or_else(|| {
                    let expected =
                        format!("a leading axis of models that holds model {model}, then the records");
                    Error::mismatch(
                        part.array.to_string(),
                        expected,
                        format!("shape {:?}", part.tensor.shape()),
                    )
                })?;
                Ok(Part { tensor, identity: format!("{}[{model}]", part.identity), ..part.clone() })
            }
            (PartSource::Pattern(array), model) => self.part(&array.for_model(model.unwrap_or_default())?),
        }
    }

    pub(crate) fn target(&mut self, sources: &[FieldSource], model: Option<usize>) -> Result<RecordedTarget> {
        let mut fields = Vec::with_capacity(sources.len());
        let mut identity = Vec::new();
        let mut first: Vec<Part> = Vec::new();
        for source in sources {
            let parts: Vec<Part> =
                source.parts.iter().map(|part| self.resolve(part, model)).collect::<Result<_>>()?;
            for (one, other) in first.iter().zip(&parts) {
                check_lengths(one, other)?;
            }
            if first.is_empty() {
                first.clone_from(&parts);
            }
            identity.push(format!("{:?} {}", source.kind, source.layer));
            identity.extend(parts.iter().map(|part| part.identity.clone()));
            fields.push(self.field(source.kind, &source.layer, parts, model)?);
        }
        let name = fields.first().map_or_else(String::new, |field| field.place.clone());
        self.finish(name, fields, identity, model)
    }

    fn finish(
        &mut self,
        name: String,
        fields: Vec<Field>,
        mut identity: Vec<String>,
        model: Option<usize>,
    ) -> Result<RecordedTarget> {
        identity.push(format!("ids {:?}, variants {}", self.config.id_column, self.config.augmentations));
        for source in self.config.ids.iter().flat_map(|ids| &ids.0) {
            identity.push(match id_source(source, model)? {
                IdSource::Array(array) => self.identity(&array)?,
                numbers @ IdSource::RowNumber { .. } => numbers.to_string(),
            });
        }
        let fingerprint = blake3::hash(identity.join("\n").as_bytes()).to_hex().to_string();
        let name = self.config.name.clone().unwrap_or(name);
        RecordedTarget::new(name, fingerprint, fields, self.setting)
    }

    fn field(&mut self, kind: Kind, layer: &str, parts: Vec<Part>, model: Option<usize>) -> Result<Field> {
        let arrays: Vec<String> = parts.iter().map(|part| part.array.to_string()).collect();
        let model_tag = model.map_or(String::new(), |model| format!(", model {model}"));
        let place = format!("{}{model_tag}", arrays.join(" + "));
        let rows = self.rows(&parts, model, &place)?;
        let mut variants = 1;
        let mut tensors = Vec::with_capacity(parts.len());
        for (p, part) in parts.into_iter().enumerate() {
            if !self.config.augmentations {
                tensors.push(part.tensor);
                continue;
            }
            let shape = part.tensor.shape();
            let (&[records, count], rest) = shape
                .split_at_checked(2)
                .and_then(|(a, b)| Some((a.first_chunk()?, b)))
                .ok_or_else(|| {
                    Error::mismatch(
                        place.clone(),
                        "axes [records, variants, …], as `augmentations = true` says",
                        format!("shape {shape:?}"),
                    )
                })?;
            if p > 0 && count != variants {
                return Err(Error::mismatch(format!("{place}, variants"), variants, count));
            }
            variants = count;
            tensors.push(part.tensor.reshape(&[&[records * count], rest].concat())?);
        }
        let stack = Stack::new(tensors, &place)?;
        Ok(Field { kind, layer: layer.to_owned(), stack, rows, variants, place })
    }

    /// The row of every record of the roster.
    fn rows(&mut self, parts: &[Part], model: Option<usize>, place: &str) -> Result<Arc<[u32]>> {
        let config = self.config;
        let lengths: Vec<usize> = parts.iter().map(|part| part.tensor.rows()).collect();
        let shared = parts.iter().all(|part| part.ids.is_none());
        let key = (lengths, model.filter(|_| config.ids.iter().flat_map(|ids| &ids.0).any(is_pattern)));
        if shared && let Some(rows) = self.joins.get(&key) {
            return Ok(Arc::clone(rows));
        }
        let mut all = Vec::with_capacity(parts.len());
        for (p, part) in parts.iter().enumerate() {
            if let Some(ids) = &part.ids {
                all.push(RowIds { ids: ids.to_vec(), place: part.array.to_string() });
                continue;
            }
            let Some(sources) = &config.ids else {
                return Err(Error::Config(format!(
                    "{}: whose rows are these? give `ids`, an array of them, or ids = \"row-number\" to state that the rows are numbered",
                    part.array
                )));
            };
            if sources.0.len() != parts.len() {
                return Err(Error::mismatch(
                    format!("{place}, parts of `ids`"),
                    parts.len(),
                    sources.0.len(),
                ));
            }
            let source = id_source(&sources.0[p], model)?;
            // The shape tells a forgotten axis of models or variants.
            let of = format!("{place} of shape {:?}", part.tensor.shape());
            let ids = source.read(self.setting.base, part.tensor.rows(), &of)?;
            let place = match &source {
                IdSource::Array(array) => array.to_string(),
                IdSource::RowNumber { .. } => part.array.to_string(),
            };
            all.push(RowIds { ids, place });
        }
        let rows = join(self.setting.roster, &all)?;
        if shared {
            self.joins.insert(key, Arc::clone(&rows));
        }
        Ok(rows)
    }

    pub(crate) fn member_sources(&mut self, member: &List<MemberPart>) -> Result<Vec<Option<PartSource>>> {
        let mut sources = Vec::with_capacity(member.0.len());
        for part in &member.0 {
            sources.push(match part {
                MemberPart::None => None,
                MemberPart::Array(array) => Some(self.source(array, true)?),
            });
        }
        Ok(sources)
    }

    /// Whether model `model` was fitted on each record of the roster. The parts are those of the field `beside`.
    pub(crate) fn member(
        &mut self,
        sources: &[Option<PartSource>],
        beside: &FieldSource,
        model: usize,
    ) -> Result<Vec<bool>> {
        if sources.len() != beside.parts.len() {
            let hint = "parts of `member` (`none` stands for a part that no model saw)";
            return Err(Error::mismatch(hint, beside.parts.len(), sources.len()));
        }
        let mut all = Vec::new();
        let mut parts = Vec::with_capacity(sources.len());
        for (source, beside) in sources.iter().zip(&beside.parts) {
            let beside = self.resolve(beside, Some(model))?;
            let Some(source) = source else {
                all.resize(all.len() + beside.tensor.rows(), false);
                parts.push(beside);
                continue;
            };
            let part = self.resolve(source, Some(model))?;
            let place = format!("{}, model {model}", part.array);
            check_lengths(&beside, &part)?;
            all.extend(truths(&part.tensor, &place)?);
            parts.push(part);
        }
        let rows = self.rows(&parts, Some(model), "member")?;
        Ok(rows.iter().map(|&row| all[row as usize]).collect())
    }

    /// The model of an experiment, and how many records the experiment has.
    pub(crate) fn experiment(&mut self, experiment: &lira::Experiment) -> Result<(RecordedTarget, usize)> {
        let array = &experiment.answers;
        let part = self.part(array)?;
        let place = array.to_string();
        let answers = lira::with_variants(&part.tensor, experiment.kind, &place)?;
        let identity = vec![format!("{:?}", experiment.kind), part.identity.clone()];
        let rows = self.rows(std::slice::from_ref(&part), None, &place)?;
        let variants = answers.shape()[1];
        let shape = [&[answers.shape()[0] * variants], &answers.shape()[2..]].concat();
        let stack = Stack::new(vec![answers.reshape(&shape)?], &place)?;
        let field = Field {
            kind: experiment.kind,
            layer: String::new(),
            stack,
            rows,
            variants,
            place: place.clone(),
        };
        let target = self.finish(format!("experiment-{}", experiment.number), vec![field], identity, None)?;
        Ok((target, part.tensor.rows()))
    }

    pub(crate) fn experiment_member(
        &mut self,
        experiment: &lira::Experiment,
        records: usize,
    ) -> Result<Vec<bool>> {
        let part = self.part(&experiment.keep)?;
        let place = experiment.keep.to_string();
        let truths = truths(&part.tensor, &place)?;
        if truths.len() != records {
            return Err(Error::mismatch(
                format!("{place}, records"),
                format!("{records} as in {}", experiment.answers),
                truths.len(),
            ));
        }
        let rows = self.rows(std::slice::from_ref(&part), None, &place)?;
        Ok(rows.iter().map(|&row| truths[row as usize]).collect())
    }
}

/// Arrays whose rows carry no ids of their own share those of the configuration: they must have as many rows.
fn check_lengths(one: &Part, other: &Part) -> Result<()> {
    let (expected, got) = (one.tensor.rows(), other.tensor.rows());
    if one.ids.is_none() && other.ids.is_none() && expected != got {
        return Err(Error::mismatch(
            format!("{}, records", other.array),
            format!("{expected} as in {}", one.array),
            got,
        ));
    }
    Ok(())
}

/// A vector of truth values, one per record.
fn truths(tensor: &Tensor, place: &str) -> Result<Vec<bool>> {
    if tensor.shape().len() != 1 {
        return Err(Error::mismatch(
            place,
            "one truth value per record",
            format!("shape {:?}", tensor.shape()),
        ));
    }
    tensor.to_bools().map_err(|e| Error::data(place, e.to_string()))
}

fn is_pattern(source: &IdSource) -> bool {
    matches!(source, IdSource::Array(array) if array.is_pattern())
}

fn id_source(source: &IdSource, model: Option<usize>) -> Result<IdSource> {
    match (source, model) {
        (IdSource::Array(array), Some(model)) => array.for_model(model).map(IdSource::Array),
        (other, _) => Ok(other.clone()),
    }
}
