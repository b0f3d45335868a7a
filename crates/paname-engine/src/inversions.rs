//! Rebuilt inputs: how they lie in the store, and how the evaluator looks at them and at the records.
//!
//! Whoever rebuilds sees no audited record, only the population; who looks sees both.

use std::borrow::Cow;
use std::path::{Path, PathBuf};

use paname_core::{
    Access, Ctx, DType, Ending, Error, Features, FitRun, Indices, Input, Labels, Outputs, Query,
    Reconstruction, Result, Roster, Setting, Target, Task, Tensor,
};
use paname_evidence::{Evaluator, Gallery, Likeness, RebuiltText, RebuiltTexts};
use paname_stats::Rate;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::fits;
use crate::inputs::{self, InputFile, Inputs, Supply, config_of, digests, read_npy, write_npy};
use crate::judge::Truth;
use crate::judge::rebuilt::{Galleries, Seen, surest_places};
use crate::manifest::{EvaluatorSource, Galleries as Showing, GeneratorSource, Manifest, Source};
use crate::plan;
use crate::plugins;
use crate::store::{Draft, Object};
use crate::texts::{Tokens, Vocabulary, whole};

/// Rows of a question to the evaluator.
const BATCH: usize = 256;
/// Likeliest classes that are kept.
const LIKELIEST: usize = 5;
/// Records whose inputs the target and the evaluator must agree on.
const COMPARED: usize = 8;
/// Latent rows that a generator is opened with, to be asked for the shape of what it makes.
const TRIED: usize = 2;
/// Most classes of which what was rebuilt is shown, and most words of a text.
const MOST_SHOWN: usize = 20;
const MOST_WORDS: usize = 200;
/// Most values of one latent variable.
const MOST_LATENT: usize = 1 << 20;

const REBUILT: &str = "rebuilt.json";
const INPUTS: &str = "rebuilt.npy";
const FEATURES: &str = "features.npy";
const LIKELIEST_OF: &str = "likeliest.npy";
const AVERAGES: &str = "averages";
const MEMBERS_AVERAGES: &str = "averages-of-members";
const TOKENS: &str = "tokens.json";
const LOOKER: &str = "looker.json";
const FITTED: &str = "fitted.json";
const DRAWN: &str = "drawn.json";

/// What is known of a rebuilt input besides its values.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
struct Found {
    class: u32,
    start: u32,
    score: f64,
    ending: Ending,
}

/// Puts what was rebuilt into the store.
pub(crate) fn write(rebuilt: &[Reconstruction], draft: &Draft) -> std::result::Result<(), EngineError> {
    let found: Vec<Found> = rebuilt
        .iter()
        .map(|one| Found { class: one.class, start: one.start, score: one.score, ending: one.ending })
        .collect();
    draft.json(REBUILT, &found)?;
    let Some(first) = rebuilt.first() else { return Ok(()) };
    let shape: Vec<usize> =
        std::iter::once(rebuilt.len()).chain(first.input.shape().iter().copied()).collect();
    // Tokens stay whole numbers.
    if rebuilt.iter().all(|one| one.input.dtype() == DType::I64) {
        let values = rebuilt.iter().map(|one| one.input.to_i64()).collect::<Result<Vec<_>>>()?;
        return write_npy(draft, INPUTS, &shape, &values.concat());
    }
    let mut values = Vec::new();
    for one in rebuilt {
        values.extend_from_slice(&one.input.to_f32()?);
    }
    write_npy(draft, INPUTS, &shape, &values)
}

/// What was rebuilt: classes, scores and endings, and the inputs `[rebuilt, …]`; none where there are none.
pub(crate) struct Stored {
    pub(crate) found: Vec<(u32, f64)>,
    pub(crate) endings: Vec<Ending>,
    pub(crate) inputs: Option<Tensor>,
}

impl Stored {
    /// The place of the start of each class that the attack is surest of.
    pub(crate) fn surest(&self) -> Vec<(u32, usize)> {
        surest_places(self.found.iter().copied()).into_iter().collect()
    }

    pub(crate) fn open(object: &Object) -> std::result::Result<Self, EngineError> {
        let found: Vec<Found> = object.json(REBUILT)?;
        Ok(Self {
            inputs: (!found.is_empty()).then(|| read_npy(&object.path(INPUTS))).transpose()?,
            endings: found.iter().map(|one| one.ending).collect(),
            found: found.iter().map(|one| (one.class, one.score)).collect(),
        })
    }
}

/// The files that decide what looks at rebuilt inputs, and what makes some.
pub(crate) fn files(
    manifest: &Manifest,
    registry: &paname_core::Registry,
) -> std::result::Result<Vec<InputFile>, EngineError> {
    let mut paths: Vec<PathBuf> = Vec::new();
    for source in manifest.content.lookers() {
        paths.extend(registry.adapter(&source.adapter)?.files(config_of(source), manifest.base())?);
    }
    let mut files = digests(paths, manifest.base())?;
    files.extend(vocabulary(manifest)?);
    Ok(files)
}

/// The file of the words of texts, which decides how they are shown.
pub(crate) fn vocabulary(manifest: &Manifest) -> std::result::Result<Option<InputFile>, EngineError> {
    let file = manifest.content.inversion.vocabulary.iter().map(|file| manifest.base().join(file)).collect();
    Ok(digests(file, manifest.base())?.pop())
}

/// What was rebuilt of texts in words, where the manifest lets it be shown: of each class the start that the attack is surest of.
pub(crate) fn words(
    rebuilt: &Stored,
    manifest: &Manifest,
) -> std::result::Result<Option<RebuiltTexts>, EngineError> {
    let table = &manifest.content.inversion;
    let shown = table.galleries.blurred().filter(|_| manifest.content.texts());
    let (Some(masked), Some(file), Some(inputs)) = (shown, &table.vocabulary, &rebuilt.inputs) else {
        return Ok(None);
    };
    let vocabulary = Vocabulary::read(&manifest.base().join(file))?;
    let mut texts = Vec::new();
    for (class, place) in rebuilt.surest().into_iter().take(MOST_SHOWN) {
        let tokens = whole(&inputs.index(place)?)?;
        let said = tokens.iter().filter(|token| !table.ignored_tokens.contains(&(**token as u32)));
        let words = said.take(MOST_WORDS).map(|token| vocabulary.word(*token, masked));
        texts.push(RebuiltText { class, words: words.collect() });
    }
    Ok(Some(RebuiltTexts { texts, masked }))
}

/// All that decides what a model beside the target answers: its keys, its files, and where its adapter comes from.
pub(crate) fn decided(
    source: Option<&Source>,
    manifest: &Manifest,
    registry: &paname_core::Registry,
) -> std::result::Result<String, EngineError> {
    let Some(source) = source else { return Ok(String::new()) };
    let (entry, origin) = registry.adapter_of(&source.adapter)?;
    let files = digests(entry.files(config_of(source), manifest.base())?, manifest.base())?;
    let config = config_of(source).to_string();
    let version = entry.info.version.to_string();
    let parts = [entry.info.name, version.as_str(), config.as_str(), plugins::digest(origin)];
    let named = files.iter().flat_map(|file| [file.name.as_str(), file.digest.as_str()]);
    let all: Vec<&str> = parts.into_iter().chain(named).collect();
    Ok(all.join("\0"))
}

/// What looks at inputs: the evaluator, or nobody, and then likeness is that of the values or of tokens.
pub(crate) struct Eye {
    evaluator: Option<Box<dyn Target>>,
    want: Access,
    target: Box<dyn Target>,
    likeness: Likeness,
    /// The tokens of the records, where they are texts.
    tokens: Option<Tokens>,
    /// Whether inputs are texts, of which models are asked in whole numbers.
    texts: bool,
}

/// What it says of inputs.
pub(crate) struct Looked {
    /// `[rows][width]`.
    pub(crate) features: Vec<f32>,
    pub(crate) width: usize,
    /// The likeliest classes of each row, the likeliest first; empty without an evaluator.
    pub(crate) likeliest: Vec<Vec<u32>>,
}

impl Eye {
    /// Opens the target and the evaluator, where the manifest names one; one that was fitted from its weights. Fails where they cannot look at the same inputs.
    pub(crate) fn open(
        supply: &Supply<'_>,
        object: &Object,
        inputs: &Inputs,
        weights: Option<&Path>,
        ctx: &Ctx<'_>,
    ) -> std::result::Result<Self, EngineError> {
        let content = &supply.manifest.content;
        let (likeness, texts) = (content.likeness(), content.texts());
        inputs::with_setting(supply, object, inputs, ctx, |setting| {
            let target = supply.target(setting, ctx)?;
            let (want, tokens) = (Access::empty(), None);
            let eye = Self { evaluator: None, want, target, likeness, tokens, texts };
            let Some(source) = &content.inversion.evaluator else { return Ok(eye) };
            let EvaluatorSource { source, fit } = source;
            let adapter = supply.registry.adapter(&source.adapter)?;
            let config = config_of(source);
            let evaluator = match (fit, weights) {
                (Some(fit), Some(weights)) => adapter.fitted(config, &fit.recipe, weights, setting, ctx),
                _ => adapter.open(config, setting, ctx),
            }
            .map_err(supply.manifest.about("inversion.evaluator"))?;
            let want = compatible(evaluator.as_ref(), eye.target.as_ref(), inputs, texts)?;
            Ok(Self { evaluator: Some(evaluator), want, ..eye })
        })
    }

    /// Looks at tokens as it did when it looked at the records.
    pub(crate) fn knowing(self, tokens: Option<Tokens>) -> Self {
        Self { tokens, ..self }
    }

    /// The tokens of these records, where they are texts. No question to a model.
    fn tokens(&self, rows: &[u32], ignored: &[u32], ctx: &Ctx<'_>) -> Result<Option<Tokens>> {
        if !self.texts {
            return Ok(None);
        }
        let parts = rows.chunks(BATCH).map(|some| {
            ctx.tick(0, rows.len())?;
            self.target.input(&Indices::from(some))
        });
        Tokens::of(ignored, parts).map(Some)
    }

    /// Fails where there is no room for what so many texts are compared by.
    fn has_room_for(&self, texts: usize) -> Result<()> {
        let compared = self.tokens.as_ref().filter(|_| self.likeness == Likeness::Tokens);
        compared.map_or(Ok(()), |tokens| tokens.check(texts))
    }

    /// Inputs such that a mean of them says something: of texts which tokens are there.
    fn summable(&self, rows: &Tensor) -> Result<Tensor> {
        self.tokens.as_ref().map_or_else(|| Ok(rows.clone()), |tokens| tokens.presence(rows))
    }

    /// Inputs again of means, texts of this length.
    fn inputs_of(&self, means: Averages, length: usize) -> Result<Averages> {
        let Averages { classes, inputs } = means;
        let inputs = match (inputs, &self.tokens) {
            (Some(means), Some(tokens)) => Some(tokens.commonest(&means, length)?),
            (inputs, _) => inputs,
        };
        Ok(Averages { classes, inputs })
    }

    /// Looks at rows of inputs `[rows, …]`, which have to be such as the target is given.
    pub(crate) fn look(&self, rows: &Tensor, ctx: &Ctx<'_>) -> Result<Looked> {
        let count = rows.rows();
        let known = self.target.input(&Indices::from(vec![0]))?;
        if known.shape()[1..] != rows.shape()[1..] {
            let (expected, got) = (&known.shape()[1..], &rows.shape()[1..]);
            return Err(Error::mismatch(
                "what was rebuilt",
                format!("shape {expected:?}"),
                format!("shape {got:?}"),
            ));
        }
        self.has_room_for(count)?;
        let mut looked = Looked { features: Vec::new(), width: 0, likeliest: Vec::new() };
        for start in (0..count).step_by(BATCH) {
            ctx.tick(start, count)?;
            let some = rows.slice(start..count.min(start + BATCH))?;
            looked.add(self, &some)?;
        }
        Ok(looked)
    }
}

impl Looked {
    fn add(&mut self, eye: &Eye, rows: &Tensor) -> Result<()> {
        let count = rows.rows();
        let want = eye.want;
        let answers = match &eye.evaluator {
            Some(evaluator) => {
                let input = asked(rows, eye.texts)?;
                let answers = evaluator.predict(&Query { input, labels: None, want, layers: Vec::new() })?;
                answers.check_rows(count)?;
                answers
            }
            None => Outputs::default(),
        };
        let ranked = answers.probabilities.as_ref().or(answers.logits.as_ref());
        let features = answers.embedding.as_ref().or(answers.logits.as_ref()).or(ranked);
        let values = match (eye.likeness, &eye.tokens, features) {
            (Likeness::Tokens, Some(tokens), _) => Cow::Owned(tokens.features(rows)?),
            (Likeness::Features, _, Some(features)) => features.to_f32()?,
            (Likeness::Values, ..) => rows.to_f32()?,
            _ => return Err(Error::Denied(want)),
        };
        if values.iter().any(|value| !value.is_finite()) {
            let what = if eye.likeness == Likeness::Features { "answers of the evaluator" } else { "inputs" };
            return Err(Error::mismatch(what, "finite numbers", "others"));
        }
        let width = values.len() / count.max(1);
        if self.width != 0 && width != self.width {
            return Err(Error::mismatch("features of the evaluator", self.width, width));
        }
        self.width = width;
        self.features.extend_from_slice(&values);
        if eye.evaluator.is_none() {
            return Ok(());
        }
        let scores = ranked.ok_or(Error::Denied(want))?.to_f32()?;
        if scores.iter().any(|score| score.is_nan()) {
            return Err(Error::mismatch("answers of the evaluator", "numbers", "NaN"));
        }
        let classes = scores.len() / count.max(1);
        self.likeliest.extend(scores.chunks_exact(classes.max(1)).map(likeliest));
        Ok(())
    }

    fn row(&self, row: usize) -> (Vec<u32>, Vec<f32>) {
        let likeliest = self.likeliest.get(row).cloned().unwrap_or_default();
        (likeliest, self.features[row * self.width..][..self.width].to_vec())
    }

    /// What was seen of rows whose classes and scores are these.
    pub(crate) fn seen(&self, found: &[(u32, f64)]) -> Vec<Seen> {
        let of = |(row, &(class, score)): (usize, &(u32, f64))| {
            let (likeliest, features) = self.row(row);
            Seen { class, score, likeliest, features }
        };
        found.iter().enumerate().map(of).collect()
    }
}

fn likeliest(scores: &[f32]) -> Vec<u32> {
    let mut order: Vec<u32> = (0..scores.len() as u32).collect();
    // The first of equal ones first.
    order.sort_by(|a, b| scores[*b as usize].total_cmp(&scores[*a as usize]).then(a.cmp(b)));
    order.truncate(LIKELIEST);
    order
}

/// Inputs as models are asked about them: texts as whole numbers, however they were kept.
fn asked(rows: &Tensor, texts: bool) -> Result<Input> {
    if !texts {
        return Ok(Input::Tensor(rows.clone()));
    }
    Ok(Input::Tokens(Tensor::from_vec(whole(rows)?, rows.shape())?))
}

/// What the evaluator is asked for, where it can look at what the target is given.
fn compatible(evaluator: &dyn Target, target: &dyn Target, inputs: &Inputs, texts: bool) -> Result<Access> {
    let card = evaluator.card();
    let about = |what: &str| format!("evaluator {}, {what}", card.name);
    if card.fingerprint == target.card().fingerprint {
        return Err(Error::mismatch(about("weights"), "another model than the one under audit", "the same"));
    }
    if card.classes < inputs.classes {
        let count = |classes: Option<usize>| classes.map_or("none".to_owned(), |n| n.to_string());
        let expected = format!("{} at least, those of the model under audit", count(inputs.classes));
        return Err(Error::mismatch(about("classes"), expected, count(card.classes)));
    }
    let offers = card.offers();
    if !offers.contains(Access::NEW_INPUTS) {
        return Err(Error::mismatch(
            about("access"),
            "new inputs",
            "answers about known records only: a model in memory can look at what was rebuilt",
        ));
    }
    let Some(ranked) = [Access::PROBABILITIES, Access::LOGITS].into_iter().find(|one| offers.contains(*one))
    else {
        return Err(Error::mismatch(about("access"), "probabilities or logits", "neither"));
    };
    let few: Indices = (0..inputs.audited.min(COMPARED) as u32).collect();
    let (theirs, own) = (evaluator.input(&few)?, target.input(&few)?);
    let near = |a: &f32, b: &f32| (a - b).abs() <= 1e-4 * (1.0 + a.abs().max(b.abs()));
    let same = theirs.shape() == own.shape()
        && theirs.to_f32()?.iter().zip(own.to_f32()?.iter()).all(|(a, b)| near(a, b));
    if !same {
        let expected = "what the model under audit is given before its preparation: the same shape and scale";
        return Err(Error::mismatch(
            about("inputs"),
            expected,
            format!("other values of {:?}", theirs.shape()),
        ));
    }
    // The same model in another file has another fingerprint and the same answers.
    if target.card().offers().contains(ranked) {
        let ask = |model: &dyn Target, rows: &Tensor| -> Result<Vec<f32>> {
            let input = asked(rows, texts)?;
            let answers = model.predict(&Query { input, labels: None, want: ranked, layers: Vec::new() })?;
            let answered = answers.probabilities.or(answers.logits).ok_or(Error::Denied(ranked))?;
            Ok(answered.to_f32()?.into_owned())
        };
        let (theirs, own) = (ask(evaluator, &own)?, ask(target, &own)?);
        // Of models that are sure both, it is how unlikely the rest is that differs.
        let alike = |(a, b): (&f32, &f32)| (a - b).abs() <= 1e-4 * a.abs().max(b.abs());
        if theirs.len() == own.len() && theirs.iter().zip(&own).all(alike) {
            let expected = "another model than the one under audit";
            return Err(Error::mismatch(about("answers"), expected, "the same answers"));
        }
    }
    let features = [Access::EMBEDDING, Access::LOGITS].into_iter().find(|one| offers.contains(*one));
    Ok(ranked | features.unwrap_or(ranked))
}

/// Has the evaluator look at every audited record, at those of control classes, and at the mean of each class.
pub(crate) fn evaluate(
    supply: &Supply<'_>,
    object: &Object,
    inputs: &Inputs,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> std::result::Result<(), EngineError> {
    let fitted = fit(supply, object, inputs, ctx, draft)?;
    let weights = fitted.as_ref().map(|place| draft.path(place));
    let eye = Eye::open(supply, object, inputs, weights.as_deref(), ctx)?;
    draft.json(FITTED, &fitted)?;
    let truth = inputs::truth(object)?;
    let Shown { rows, labels } = Shown::of(object, inputs)?;
    let tokens = eye.tokens(&rows, &supply.manifest.content.inversion.ignored_tokens, ctx)?;
    draft.json(TOKENS, &tokens)?;
    let eye = eye.knowing(tokens);
    eye.has_room_for(rows.len())?;
    let mut looked = Looked { features: Vec::new(), width: 0, likeliest: Vec::new() };
    // The same draw for every test of the audit.
    let drawn = Galleries::draw(
        &labels,
        &truth,
        &Ctx::new(supply.manifest.content.statistics.seed, "galleries", 1, &()),
    );
    let (mut means, mut length) = (Means::new(&drawn, labels.len()), 0);
    for start in (0..rows.len()).step_by(BATCH) {
        ctx.tick(start, rows.len())?;
        let range = start..rows.len().min(start + BATCH);
        let some = eye.target.input(&Indices::from(&rows[range.clone()]))?;
        length = some.len() / some.rows().max(1);
        means.add(&eye.summable(&some)?, range.start)?;
        looked.add(&eye, &some)?;
    }
    ctx.tick(rows.len(), rows.len())?;
    draft.json(DRAWN, &drawn)?;
    eye.inputs_of(means.of_both()?, length)?.write(AVERAGES, draft)?;
    eye.inputs_of(means.of_members()?, length)?.write(MEMBERS_AVERAGES, draft)?;
    write_npy(draft, FEATURES, &[rows.len(), looked.width], &looked.features)?;
    if let Some(first) = looked.likeliest.first().map(Vec::len) {
        let flat: Vec<i64> = looked.likeliest.iter().flatten().map(|class| i64::from(*class)).collect();
        write_npy(draft, LIKELIEST_OF, &[rows.len(), first], &flat)?;
    }
    let card = eye.evaluator.as_ref().map(|evaluator| evaluator.card());
    draft.json(LOOKER, &card.map(|card| (card.name.clone(), card.fingerprint.clone())))
}

/// Fits the evaluator on the population, where the manifest says how. Returns where its weights lie in the object.
fn fit(
    supply: &Supply<'_>,
    object: &Object,
    inputs: &Inputs,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> std::result::Result<Option<String>, EngineError> {
    let Some(EvaluatorSource { source, fit: Some(fit) }) = &supply.manifest.content.inversion.evaluator
    else {
        return Ok(None);
    };
    let (audited, all) = (inputs.audited, inputs.audited + inputs.population);
    if inputs.population == 0 {
        let what = "population records, which the evaluator is fitted on".to_owned();
        return Err(Error::Missing { what, needed: 1, got: 0 }.into());
    }
    inputs::with_setting(supply, object, inputs, ctx, |setting| {
        let data = inputs::records(setting.inputs, setting.labels, audited..all)?;
        let rows: Indices = (0..inputs.population as u32).collect();
        let run = FitRun { rows, seed: ctx.seed("fit") };
        let adapter = supply.registry.adapter(&source.adapter)?;
        // What a killed worker left half-written.
        let _ = std::fs::remove_dir_all(ctx.folder().unwrap_or_default());
        let fitted = adapter.fit(config_of(source), &fit.recipe, &data, &[run], ctx).pop();
        let silent = || EngineError::Other(format!("adapter `{}` said nothing of the fit", source.adapter));
        let fitted = fitted.ok_or_else(silent)?.map_err(supply.manifest.about("inversion.evaluator"))?;
        let outcome = fits::kept(fitted, adapter, draft)?;
        match outcome.failed {
            Some(why) => Err(EngineError::Other(format!("the evaluator was not fitted: {why}"))),
            None => Ok(outcome.weights),
        }
    })
}

/// An input of each of these classes, none where there are no classes.
pub(crate) struct Averages {
    classes: Vec<u32>,
    /// `[classes, …]`.
    pub(crate) inputs: Option<Tensor>,
}

impl Averages {
    fn write(&self, name: &str, draft: &Draft) -> std::result::Result<(), EngineError> {
        draft.json(&format!("{name}.json"), &self.classes)?;
        let Some(inputs) = &self.inputs else { return Ok(()) };
        write_npy(draft, &format!("{name}.npy"), inputs.shape(), inputs.as_slice::<f32>()?)
    }

    fn open(name: &str, object: &Object) -> std::result::Result<Self, EngineError> {
        let classes: Vec<u32> = object.json(&format!("{name}.json"))?;
        let inputs = || read_npy(&object.path(&format!("{name}.npy")));
        Ok(Self { inputs: (!classes.is_empty()).then(inputs).transpose()?, classes })
    }

    /// Classes and scores, as of what was rebuilt.
    pub(crate) fn found(&self) -> Vec<(u32, f64)> {
        self.classes.iter().map(|class| (*class, 0.0)).collect()
    }

    /// The place of each class.
    pub(crate) fn places(&self) -> Vec<(u32, usize)> {
        self.classes.iter().copied().zip(0..).collect()
    }
}

/// Means of the compared inputs of each class.
struct Means {
    shape: Vec<usize>,
    /// Class of each record that counts, and whether it is a member.
    place: Vec<Option<(u32, bool)>>,
    sums: std::collections::BTreeMap<u32, Sums>,
}

/// Sums of the inputs of one class, and how many there are of either side: members and non-members.
struct Sums {
    each: usize,
    members: Vec<f64>,
    others: Vec<f64>,
}

impl Means {
    fn new(drawn: &Galleries, records: usize) -> Self {
        let mut place = vec![None; records];
        let mut sums = std::collections::BTreeMap::new();
        for (class, sides) in drawn.classes.iter().filter(|(_, sides)| sides.count() > 0) {
            for (records, member) in [(sides.members(), true), (sides.others(), false)] {
                for record in records {
                    place[*record as usize] = Some((*class, member));
                }
            }
            sums.insert(*class, Sums { each: sides.count(), members: Vec::new(), others: Vec::new() });
        }
        Self { shape: Vec::new(), place, sums }
    }

    fn add(&mut self, rows: &Tensor, start: usize) -> Result<()> {
        self.shape = rows.shape()[1..].to_vec();
        let values = rows.to_f32()?;
        let width = values.len() / rows.rows().max(1);
        for (row, place) in values.chunks_exact(width.max(1)).zip(&self.place[start..]) {
            let Some((class, member)) = place else { continue };
            let Some(sums) = self.sums.get_mut(class) else { continue };
            let sums = if *member { &mut sums.members } else { &mut sums.others };
            sums.resize(width, 0.0);
            sums.iter_mut().zip(row).for_each(|(sum, value)| *sum += f64::from(*value));
        }
        Ok(())
    }

    /// The means of members and non-members in equal parts.
    fn of_both(&self) -> Result<Averages> {
        let of = |sums: &Sums| -> Vec<f32> {
            let count = 2.0 * sums.each as f64;
            sums.members.iter().zip(&sums.others).map(|(a, b)| ((a + b) / count) as f32).collect()
        };
        self.averages(self.sums.iter().map(|(class, sums)| (*class, of(sums))))
    }

    /// The means of members alone. One is its own mean, and tells nothing.
    fn of_members(&self) -> Result<Averages> {
        let of = |sums: &Sums| -> Vec<f32> {
            sums.members.iter().map(|sum| (sum / sums.each as f64) as f32).collect()
        };
        let several = self.sums.iter().filter(|(_, sums)| sums.each > 1);
        self.averages(several.map(|(class, sums)| (*class, of(sums))))
    }

    fn averages(&self, all: impl Iterator<Item = (u32, Vec<f32>)>) -> Result<Averages> {
        let (classes, values): (Vec<u32>, Vec<Vec<f32>>) = all.unzip();
        if classes.is_empty() {
            return Ok(Averages { classes, inputs: None });
        }
        let shape: Vec<usize> = std::iter::once(classes.len()).chain(self.shape.iter().copied()).collect();
        Ok(Averages { classes, inputs: Some(Tensor::from_vec(values.concat(), &shape)?) })
    }
}

/// What the evaluator saw in the records and in the mean of each class.
pub(crate) struct Evaluation {
    pub(crate) features: Vec<f32>,
    /// The weights of the evaluator, where the audit has fitted it.
    pub(crate) weights: Option<PathBuf>,
    likeliest: Option<Vec<u32>>,
    named: Option<(String, String)>,
    /// The tokens of the records, where they are texts.
    pub(crate) tokens: Option<Tokens>,
    /// The records that are compared.
    pub(crate) drawn: Galleries,
    /// The mean of each class, and that of its members alone.
    pub(crate) averages: Averages,
    pub(crate) members_averages: Averages,
}

impl Evaluation {
    pub(crate) fn open(object: &Object) -> std::result::Result<Self, EngineError> {
        let named: Option<(String, String)> = object.json(LOOKER)?;
        let likeliest = match &named {
            Some(_) => {
                let flat = read_npy(&object.path(LIKELIEST_OF))?;
                let kept = flat.shape().get(1).copied().unwrap_or(1);
                Some(flat.to_i64()?.chunks(kept.max(1)).map(|row| row[0] as u32).collect())
            }
            None => None,
        };
        Ok(Self {
            features: read_npy(&object.path(FEATURES))?.to_f32()?.into_owned(),
            weights: object.json::<Option<String>>(FITTED)?.map(|place| object.path(&place)),
            likeliest,
            named,
            tokens: object.json(TOKENS)?,
            drawn: object.json(DRAWN)?,
            averages: Averages::open(AVERAGES, object)?,
            members_averages: Averages::open(MEMBERS_AVERAGES, object)?,
        })
    }

    /// The evaluator, and how often it is right.
    pub(crate) fn evaluator(
        &self,
        truth: &Truth,
        labels: &[u32],
        likeness: Likeness,
        confidence: f64,
    ) -> std::result::Result<Option<Evaluator>, EngineError> {
        let Some(((name, fingerprint), likeliest)) = self.named.clone().zip(self.likeliest.as_ref()) else {
            return Ok(None);
        };
        let rate = |member: bool| {
            let rows = || (0..truth.member.len()).filter(|row| truth.member[*row] == member);
            let hits = rows().filter(|row| likeliest[*row] == labels[*row]).count();
            Rate::new(hits as u64, rows().count() as u64, confidence).map_err(EngineError::other)
        };
        let width = self.features.len() / labels.len().max(1);
        let numbers = match (likeness, &self.tokens) {
            (Likeness::Tokens, Some(tokens)) => tokens.len(),
            _ => width,
        };
        Ok(Some(Evaluator {
            name,
            fingerprint,
            members: rate(true)?,
            non_members: rate(false)?,
            features: numbers as u64,
        }))
    }
}

/// The records that what is rebuilt is held against: the audited ones, and those of the population whose class is audited of nobody, its control classes.
pub(crate) struct Shown {
    /// Positions in the roster, the audited records first.
    pub(crate) rows: Vec<u32>,
    /// The class of each.
    pub(crate) labels: Vec<u32>,
}

impl Shown {
    pub(crate) fn of(object: &Object, inputs: &Inputs) -> std::result::Result<Self, EngineError> {
        Self::among(&inputs::labels(object, inputs)?, inputs.audited)
            .ok_or_else(|| EngineError::Other("the audited records have no classes".into()))
    }

    pub(crate) fn among(labels: &Labels, audited: usize) -> Option<Self> {
        let Labels::Classes { values, .. } = labels else { return None };
        let (inside, outside) = values.split_at(audited);
        let known: std::collections::HashSet<u32> = inside.iter().copied().collect();
        let control = outside.iter().zip(audited..).filter(|(class, _)| !known.contains(class));
        let rows: Vec<u32> = (0..audited).chain(control.map(|(_, row)| row)).map(|row| row as u32).collect();
        let labels = rows.iter().map(|row| values[*row as usize]).collect();
        Some(Self { rows, labels })
    }
}

/// The generator, where the manifest names one and a test rebuilds inputs: nobody else asks it.
pub(crate) fn generating<'a>(
    manifest: &'a Manifest,
    registry: &paname_core::Registry,
) -> Result<Option<&'a GeneratorSource>> {
    let generator = manifest.content.inversion.generator.as_ref();
    Ok(if plan::any_inverts(registry, manifest)? { generator } else { None })
}

/// Opens the generator, on a few latent rows of its own in the place of records.
pub(crate) fn generator(
    source: &GeneratorSource,
    supply: &Supply<'_>,
    ctx: &Ctx<'_>,
) -> std::result::Result<Box<dyn Target>, EngineError> {
    let width = source.latent.iter().try_fold(1_usize, |all, axis| all.checked_mul(*axis));
    let Some(width) = width.filter(|width| (1..=MOST_LATENT).contains(width)) else {
        let what = "latent variables of the generator";
        return Err(
            Error::mismatch(what, format!("1 to {MOST_LATENT}"), format!("{:?}", source.latent)).into()
        );
    };
    let shape: Vec<usize> = std::iter::once(TRIED).chain(source.latent.iter().copied()).collect();
    let rows = Tensor::from_vec(vec![0.0_f32; TRIED * width], &shape)?;
    let ids = (0..TRIED).map(|row| format!("latent-{row}")).collect();
    let roster = Roster::new(ids, "latent variables")?;
    let setting = Setting {
        base: supply.manifest.base(),
        roster: &roster,
        labels: &Labels::None,
        inputs: &Features::Tensor(rows),
        task: Task::Generation,
    };
    let adapter = supply.registry.adapter(&source.source.adapter)?;
    let about = supply.manifest.about("inversion.generator");
    let target = adapter.open(config_of(&source.source), &setting, ctx).map_err(about)?;
    let offers = target.card().offers();
    let needed = Access::NEW_INPUTS | Access::LABELS;
    if !offers.contains(needed) {
        let missing: Vec<&str> = (needed - offers).names().collect();
        let what = format!("generator {}, access", target.card().name);
        return Err(
            Error::mismatch(what, "values of new inputs", format!("no {}", missing.join(", "))).into()
        );
    }
    let query = Query::records(Indices::from((0..TRIED as u32).collect::<Vec<_>>()), Access::LABELS);
    let Outputs { labels, .. } = target.predict(&query)?;
    let made = labels.ok_or(Error::Denied(Access::LABELS))?;
    if made.rows() != TRIED {
        let what = format!("generator {}, what it makes", target.card().name);
        return Err(Error::mismatch(what, "an input for each row", format!("{:?}", made.shape())).into());
    }
    Ok(target)
}

/// Rows of a gallery: their names, and the inputs of each with their classes.
pub(crate) type Pictures<'a> = Vec<(&'static str, &'a Tensor, Vec<(u32, usize)>)>;

/// Draws what was rebuilt, a column per class, where inputs are images.
pub(crate) fn gallery(
    shown: &Pictures<'_>,
    how: Showing,
) -> std::result::Result<Option<Gallery>, EngineError> {
    let Some((_, first, columns)) = shown.first() else { return Ok(None) };
    let shape = &first.shape()[1..];
    let (channels, height, width) = match *shape {
        [height, width] => (1, height, width),
        [channels @ (1 | 3), height, width] => (channels, height, width),
        _ => return Ok(None),
    };
    let Some(blurred) = how.blurred().filter(|_| (1..=1 << 20).contains(&(height * width))) else {
        return Ok(None);
    };
    let classes: Vec<u32> = columns.iter().map(|(class, _)| *class).take(MOST_SHOWN).collect();
    let (gap, step) = (1, (width + 1, height + 1));
    let (across, down) = (classes.len() * step.0 - gap, shown.len() * step.1 - gap);
    let mut picture = image::RgbImage::from_pixel(across as u32, down as u32, image::Rgb([255, 255, 255]));
    for (row, (_, tensor, places)) in shown.iter().enumerate() {
        if tensor.shape()[1..] != *shape {
            continue;
        }
        let values = tensor.to_f32()?;
        for (column, class) in classes.iter().enumerate() {
            let Some((_, place)) = places.iter().find(|(own, _)| own == class) else { continue };
            let one = &values[place * channels * height * width..][..channels * height * width];
            let (low, high) =
                one.iter().fold((f32::INFINITY, f32::NEG_INFINITY), |(l, h), x| (l.min(*x), h.max(*x)));
            let tone = |x: f32| ((x - low) / (high - low).max(1e-12) * 255.0).clamp(0.0, 255.0) as u8;
            let mut small = image::RgbImage::from_fn(width as u32, height as u32, |x, y| {
                let at = |channel: usize| {
                    tone(one[(channel.min(channels - 1) * height + y as usize) * width + x as usize])
                };
                image::Rgb([at(0), at(1), at(2)])
            });
            if blurred {
                small = image::imageops::blur(&small, height.min(width) as f32 / 12.0);
            }
            let (left, top) = ((column * step.0) as i64, (row * step.1) as i64);
            image::imageops::replace(&mut picture, &small, left, top);
        }
    }
    let mut png = std::io::Cursor::new(Vec::new());
    picture.write_to(&mut png, image::ImageFormat::Png).map_err(EngineError::other)?;
    Ok(Some(Gallery {
        png: <base64ct::Base64 as base64ct::Encoding>::encode_string(png.get_ref()),
        classes,
        rows: shown.iter().map(|(name, ..)| (*name).to_owned()).collect(),
        blurred,
    }))
}
