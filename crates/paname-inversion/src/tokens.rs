//! # Ascent by tokens
//!
//! **Idea.** An empty text is filled word by word: of many swaps of one token the one is kept that makes the model surest of a class. Words that no other
//! text of the class would have, yet that convince the model, may come from the texts that it was trained on.
//!
//! **Threat model.** The attacker puts any tokens to a classifier of texts and sees probabilities or logits. Where the model’s parameters, the values of
//! its layers and gradients are at hand, these tell which swaps to try; elsewhere answers alone do.
//!
//! **Formula.** min over t of L(f(t), y), over texts of a fixed length that begin with `padding` everywhere. With gradients, of token v in the place of
//! t_p: Δ(p, v) = ⟨∂L/∂e_p, E_v − E_{t_p}⟩, the first-order change of L through the embedding e = E_t. Of each place the `top` tokens of the least Δ are
//! kept, and of all of these the best and `candidates` − 1 others at random are asked about. Without gradients `candidates` tokens are drawn for one
//! place after the other. The text of the least L takes the place of the text where it is better. No token but `padding` stands more than `repeats`
//! times. The score is p_y.
//!
//! **Paper.** Ebrahimi et al., *HotFlip: White-Box Adversarial Examples for Text Classification*, ACL 2018, arXiv 1712.06751 (Δ); Zou et al., *Universal
//! and Transferable Adversarial Attacks on Aligned Language Models*, 2023, arXiv 2307.15043 (swaps at random among the best).
//!
//! **Cost.** At most `starts` × (`steps` × (`candidates` + 1) + 1) questions per class, and one to find the embedding; without gradients `starts` ×
//! (`steps` × `candidates` + 1).
//!
//! **When it fails.** What convinces a model need not be what it has read: tokens are to be compared with those of texts that it never saw. Order comes
//! out as far as the model looks at it. Swaps of one token do not find what two together are needed for. Gradients need a layer whose values are rows of
//! a matrix of the model, and a rest of the model that takes nothing but these: not one that looks at the tokens again, as for a mask of what is padding.

use paname_core::{
    Access, Attack, Case, CaseSize, Cohort, Ctx, Ending, Error, Family, Findings, Indices, Info, Input,
    Needs, Query, Reconstruction, Result, Target, Tensor, View, map_pieces,
};
use rand_core::Rng;
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{
    Wanted, access, answered, check_classes, check_counts, classes_of, cotangent, per_class,
};
use crate::objective::{Answers, Objective};
use crate::random::below;

/// What tells which swaps to try.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Swaps {
    /// Gradients where the target gives them with respect to an embedding, answers elsewhere.
    #[default]
    Auto,
    /// Gradients with respect to the embedding.
    Gradient,
    /// Answers alone.
    Answers,
}

/// A token that stays where it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Fixed {
    /// Its place, from 0.
    pub place: usize,
    /// Its number.
    pub token: u32,
}

/// Parameters of [`TokenAscent`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// Numbers of the classes to rebuild; all where none are named.
    pub classes: Vec<u32>,
    /// Texts of each class, at least 1; they differ by the swaps that are drawn.
    pub starts: usize,
    /// The most swaps of a text, at least 1.
    pub steps: usize,
    /// What is made small.
    pub objective: Objective,
    /// What tells which swaps to try: `gradient`, `answers`, or `auto`: gradients where the target gives them with respect to an embedding.
    pub swaps: Swaps,
    /// Swaps that are asked about at each step, at least 1.
    pub candidates: usize,
    /// Tokens of each place among which swaps are drawn, at least 1, where gradients tell.
    pub top: usize,
    /// How often a token may stand in a text; 0 for as often as may be.
    pub repeats: usize,
    /// Steps without a better text after which a text is done, at least 1. Without gradients as many as there are places see each of them once.
    pub patience: usize,
    /// A text is done where the class has this probability; above 0. Above 1, none is.
    pub confidence: f64,
    /// Tokens of a text; 0 for as many as records have.
    pub length: usize,
    /// Tokens are numbers below this one; 0 for as many as the embedding has rows, or where it is not known as the population’s texts have.
    pub vocabulary: usize,
    /// The token that stands for nothing.
    pub padding: u32,
    /// Tokens that are never put into a text, such as marks of the beginning and the end.
    pub reserved: Vec<u32>,
    /// Tokens that stay where they are, such as a mark of the beginning.
    pub fixed: Vec<Fixed>,
    /// The layer of the embedding; where empty, one whose values are rows of a matrix of the model.
    pub embedding: String,
    /// Which answers are looked at: `logits`, `probabilities`, or `auto`: logits where they are granted.
    pub outputs: Wanted,
    /// Texts per question, at least 1.
    pub batch: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            classes: Vec::new(),
            starts: 4,
            steps: 200,
            objective: Objective::MaxMargin,
            swaps: Swaps::default(),
            candidates: 64,
            top: 16,
            repeats: 1,
            patience: 50,
            confidence: 2.0,
            length: 0,
            vocabulary: 0,
            padding: 0,
            reserved: Vec::new(),
            fixed: Vec::new(),
            embedding: String::new(),
            outputs: Wanted::default(),
            batch: 128,
        }
    }
}

/// Rebuilds a text of each class, one token at a time.
pub struct TokenAscent {
    config: Config,
}

/// What gradients with respect to tokens take.
const GUIDES: Access = Access::PARAMETERS.union(Access::ACTIVATIONS).union(Access::INPUT_GRADIENT);
/// The most tokens of a text, and of a vocabulary.
const LARGEST: usize = 1 << 24;

impl Attack for TokenAscent {
    const INFO: Info = Info {
        name: "token-ascent",
        version: 1,
        family: Family::ModelInversion,
        title_fr: "Ascension par jetons",
        title_en: "Ascent by tokens",
        summary_fr: "Les mots qui convainquent le plus le modèle d’une classe peuvent être ceux des textes qui l’ont entraîné.",
        summary_en: "The words that convince the model most of a class may be those of the texts that it was trained on.",
        formula: "min_t L(f(t), y), swaps by Δ(p, v) = ⟨∂L/∂e_p, E_v − E_{t_p}⟩",
        paper: "Ebrahimi et al., HotFlip: White-Box Adversarial Examples for Text Classification, 2018, arXiv 1712.06751",
        source: include_str!("tokens.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        check_counts(&[
            ("starts", config.starts),
            ("steps", config.steps),
            ("candidates", config.candidates),
            ("top", config.top),
            ("patience", config.patience),
            ("batch", config.batch),
        ])?;
        check_classes(&config.classes)?;
        if config.confidence.is_nan() || config.confidence <= 0.0 {
            return Err(Error::Config(format!("`confidence` must be above 0, got {}", config.confidence)));
        }
        for (key, value) in [("length", config.length), ("vocabulary", config.vocabulary)] {
            if value > LARGEST {
                return Err(Error::Config(format!("`{key}` must be at most {LARGEST}, got {value}")));
            }
        }
        for (i, Fixed { place, .. }) in config.fixed.iter().enumerate() {
            if config.fixed[..i].iter().any(|other| other.place == *place) {
                return Err(Error::Config(format!("`fixed`: place {place} stands twice")));
            }
        }
        Ok(Self { config })
    }

    fn settle(config: Config, size: &CaseSize) -> Config {
        // Whether there is an embedding is known by the target alone.
        let swaps = match config.swaps {
            Swaps::Auto if !size.granted.contains(GUIDES) => Swaps::Answers,
            made => made,
        };
        let outputs = config.outputs.settled(size);
        Config { swaps, outputs, ..config }
    }

    fn needs(&self, _records: usize) -> Needs {
        let guides = if self.config.swaps == Swaps::Gradient { GUIDES } else { Access::empty() };
        let (queries, queries_per_class) =
            per_class(&self.config.classes, self.questions(self.config.swaps != Swaps::Answers));
        let probe = u64::from(self.config.swaps != Swaps::Answers);
        Needs {
            access: Access::NEW_INPUTS | self.config.outputs.least() | guides,
            texts: true,
            queries: queries.saturating_add(probe),
            queries_per_class,
            ..Needs::default()
        }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let config = &self.config;
        let answers = config.outputs.chosen(case)?;
        let classes = classes_of(&config.classes, case)?;
        let known = Known::of(case, ctx, config)?;
        let guide = self.guide(case, &known)?;
        let vocabulary = Vocabulary::of(config, &known, guide.as_ref())?;
        let how = match &guide {
            Some(guide) => format!("gradients at the layer `{}`", guide.layer),
            None => "answers alone".to_owned(),
        };
        let all = self.questions(guide.is_some()).saturating_mul(classes.len() as u64);
        ctx.log(&format!(
            "swaps by {how}: {} classes of {} starts, texts of {} out of {} tokens, at most {all} questions",
            classes.len(),
            config.starts,
            known.length,
            vocabulary.size
        ));
        if config.swaps == Swaps::Auto {
            ctx.chose("swaps", if guide.is_some() { "gradient" } else { "answers" });
        }
        config.outputs.tell(ctx, answers);
        let search = Search { config, case, ctx, answers, vocabulary, guide };
        let mut texts = search.begin(&classes, known.length);
        let ended = search.fill(&mut texts);
        search.report(&texts);
        match ended {
            Ok(()) => {}
            Err(error @ (Error::Cancelled | Error::Budget { .. }))
                if texts.iter().any(|text| text.swapped > 0) =>
            {
                ctx.log(&format!("partial: {error}; what was found so far is given"));
            }
            Err(error) => return Err(error),
        }
        findings(texts)
    }
}

impl TokenAscent {
    /// The most questions that one class costs.
    fn questions(&self, guided: bool) -> u64 {
        let Config { starts, steps, candidates, .. } = self.config;
        let each = (candidates as u64).saturating_add(u64::from(guided));
        (starts as u64).saturating_mul((steps as u64).saturating_mul(each).saturating_add(1))
    }

    /// What tells gradients with respect to tokens, where they are wanted and there is such a thing.
    fn guide(&self, case: &Case<'_>, known: &Known) -> Result<Option<Guide>> {
        let offered = case.granted() & case.target().card().offers();
        let lacking = GUIDES - offered;
        match self.config.swaps {
            Swaps::Answers => Ok(None),
            Swaps::Auto if !lacking.is_empty() => Ok(None),
            Swaps::Auto => Guide::of(case.target(), &self.config, known),
            Swaps::Gradient if !lacking.is_empty() => Err(Error::Config(format!(
                "`swaps`: gradients with respect to tokens need {GUIDES}, and {lacking} is not granted; with \"answers\" the attack runs, at most {} questions for each class",
                self.questions(false)
            ))),
            Swaps::Gradient => Guide::of(case.target(), &self.config, known)?.map(Some).ok_or_else(|| {
                Error::Config(format!(
                    "`swaps`: no layer of the target is known to be an embedding, whose values are rows of a matrix of the model and whose rest of the model takes them alone; with \"answers\" the attack runs, at most {} questions for each class",
                    self.questions(false)
                ))
            }),
        }
    }
}

/// What records tell of texts.
struct Known {
    length: usize,
    /// One more than the largest token of the population, where its texts are known.
    tokens: Option<usize>,
}

impl Known {
    /// Looks at the inputs of the population, at none of an audited record but for its shape. No question to the model.
    fn of(case: &Case<'_>, ctx: &Ctx<'_>, config: &Config) -> Result<Self> {
        let inputs = |cohort: &Cohort, range: std::ops::Range<usize>| match case
            .target()
            .input(&Indices::from(&cohort.ids[range]))
        {
            Ok(inputs) => Ok(Some(inputs)),
            Err(Error::Denied(_) | Error::Unsupported(_)) => Ok(None),
            Err(error) => Err(error),
        };
        let (population, audited) = (case.population(), case.audited());
        let from = if population.is_empty() { audited } else { population };
        let first = if from.is_empty() { None } else { inputs(from, 0..1)? };
        let length = match (first.as_ref().map(Tensor::shape), config.length) {
            (Some(&[_, known]), 0) => known,
            (Some(&[_, known]), length) if length != known => {
                return Err(Error::Config(format!("`length`: records have {known} tokens, got {length}")));
            }
            (None, 0) => {
                let problem = "the texts of no record are known, whose length could be taken: set `length`";
                return Err(Error::Config(problem.into()));
            }
            (Some(&[_, _]) | None, length) => length,
            (Some(shape), _) => {
                let got = format!("shape {shape:?}");
                return Err(Error::mismatch("inputs", "tokens [records, length]", got));
            }
        };
        if !(1..=LARGEST).contains(&length) {
            return Err(Error::Config(format!("a text of {length} tokens cannot be searched")));
        }
        if let Some(Fixed { place, .. }) = config.fixed.iter().find(|fixed| fixed.place >= length) {
            return Err(Error::Config(format!("`fixed`: expected places below {length}, got {place}")));
        }
        if population.is_empty() || first.is_none() {
            return Ok(Self { length, tokens: None });
        }
        let (mut most, size) = (0_usize, ((1 << 22) / length).clamp(1, 4096));
        for start in (0..population.len()).step_by(size) {
            ctx.tick(0, 1)?;
            let Some(some) = inputs(population, start..population.len().min(start + size))? else {
                return Ok(Self { length, tokens: None });
            };
            for token in some.to_f32()?.iter() {
                // Numbers in single precision tell tokens apart up to here.
                if !(token.fract() == 0.0 && (0.0..LARGEST as f32).contains(token)) {
                    return Err(Error::mismatch("inputs", "whole numbers from 0, tokens", token));
                }
                most = most.max(*token as usize + 1);
            }
        }
        Ok(Self { length, tokens: Some(most) })
    }
}

/// Tokens of which texts are made.
struct Vocabulary {
    size: usize,
    /// All that may be put into a text; padding among them.
    allowed: Vec<u32>,
    padding: u32,
    repeats: usize,
}

impl Vocabulary {
    fn of(config: &Config, known: &Known, guide: Option<&Guide>) -> Result<Self> {
        let rows = guide.map(|guide| guide.matrix.len() / guide.width);
        let size = match (config.vocabulary, rows) {
            (0, Some(rows)) => rows,
            (0, None) => known.tokens.ok_or_else(|| {
                let problem =
                    "neither an embedding nor texts of the population tell how many tokens there are: set `vocabulary`";
                Error::Config(problem.into())
            })?,
            (told, Some(rows)) if told > rows => {
                return Err(Error::Config(format!("`vocabulary`: the embedding has {rows} tokens, got {told}")));
            }
            (told, _) => told,
        };
        let padding = config.padding;
        let fixed = config.fixed.iter().map(|fixed| fixed.token);
        if let Some(token) = std::iter::once(padding).chain(fixed).find(|token| *token as usize >= size) {
            return Err(Error::Config(format!(
                "`padding` and `fixed`: expected tokens below {size}, got {token}"
            )));
        }
        let allowed: Vec<u32> =
            (0..size as u32).filter(|token| *token == padding || !config.reserved.contains(token)).collect();
        Ok(Self { size, allowed, padding, repeats: config.repeats })
    }

    /// Whether a token may stand at a place where so many of it stand elsewhere.
    fn allows(&self, token: u32, elsewhere: usize) -> bool {
        token == self.padding || self.repeats == 0 || elsewhere < self.repeats
    }
}

/// The part of a model that follows its embedding, and the embedding.
struct Guide {
    layer: String,
    rest: Box<dyn Target>,
    /// A row for each token.
    matrix: Vec<f32>,
    width: usize,
}

impl Guide {
    /// Looks for a layer whose values are rows of a matrix, at the numbers of the tokens that were asked about, in one question. Nothing where there is none,
    /// or where the rest of the model cannot be asked alone.
    fn of(target: &dyn Target, config: &Config, known: &Known) -> Result<Option<Self>> {
        let layers = match config.embedding.as_str() {
            "" => target.card().layers.clone(),
            named => vec![named.to_owned()],
        };
        if layers.is_empty() {
            return Ok(None);
        }
        // Tokens that there surely are; two of them tell rows apart.
        let tokens = match (config.vocabulary, known.tokens) {
            (0, Some(tokens)) => tokens,
            (0, None) => 2,
            (told, _) => told,
        };
        let probe: Vec<i64> = (0..known.length).map(|place| (place % tokens.max(1)) as i64).collect();
        let input = Input::Tokens(Tensor::from_vec(probe.clone(), &[1, known.length])?);
        let answers = target.predict(&Query { input, labels: None, want: Access::ACTIVATIONS, layers })?;
        let parameters = target.parameters()?;
        for (layer, values) in &answers.activations {
            let &[1, length, width] = values.shape() else { continue };
            if length != known.length || width == 0 {
                continue;
            }
            let values = values.to_f32()?;
            for (_, matrix) in &parameters {
                let &[rows, columns] = matrix.shape() else { continue };
                if columns != width || probe.iter().any(|token| *token as usize >= rows) {
                    continue;
                }
                let matrix = matrix.to_f32()?;
                let row = |token: i64| &matrix[token as usize * width..][..width];
                let is_row = |(values, token): (&[f32], &i64)| {
                    values.iter().zip(row(*token)).all(|(a, b)| (a - b).abs() <= 1e-5 * (1.0 + b.abs()))
                };
                if values.chunks_exact(width).zip(&probe).all(is_row) {
                    return match target.view(View::From(layer.clone())) {
                        Ok(rest) => {
                            Ok(Some(Self { layer: layer.clone(), rest, matrix: matrix.into_owned(), width }))
                        }
                        // It takes more than these values, or does not come apart.
                        Err(Error::Unsupported(_) | Error::Mismatch { .. } | Error::Data { .. }) => Ok(None),
                        Err(error) => Err(error),
                    };
                }
            }
        }
        Ok(None)
    }

    fn row(&self, token: u32) -> &[f32] {
        &self.matrix[token as usize * self.width..][..self.width]
    }
}

/// A text on its way.
struct Text {
    class: u32,
    start: u32,
    tokens: Vec<u32>,
    /// Places that may be swapped, in the order in which they are without gradients.
    places: Vec<usize>,
    loss: f64,
    confidence: f64,
    /// Swaps that made it better, and steps since the last.
    swapped: usize,
    stale: usize,
    ending: Option<Ending>,
    stream: Pcg64,
}

struct Swap {
    place: usize,
    token: u32,
}

struct Search<'a> {
    config: &'a Config,
    case: &'a Case<'a>,
    ctx: &'a Ctx<'a>,
    answers: Answers,
    vocabulary: Vocabulary,
    guide: Option<Guide>,
}

impl Search<'_> {
    /// Empty texts of every start of every class.
    fn begin(&self, classes: &[u32], length: usize) -> Vec<Text> {
        let mut empty = vec![self.vocabulary.padding; length];
        for Fixed { place, token } in &self.config.fixed {
            empty[*place] = *token;
        }
        let free: Vec<usize> =
            (0..length).filter(|place| self.config.fixed.iter().all(|fixed| fixed.place != *place)).collect();
        let text = |class: u32, start: u32| {
            let mut stream = self.ctx.rng(&format!("class {class} start {start}"));
            let mut places = free.clone();
            let count = places.len();
            shuffle(&mut places, count, &mut stream);
            let (tokens, loss, confidence) = (empty.clone(), f64::INFINITY, 0.0);
            Text {
                class,
                start,
                tokens,
                places,
                loss,
                confidence,
                swapped: 0,
                stale: 0,
                ending: None,
                stream,
            }
        };
        let starts = self.config.starts as u32;
        classes
            .iter()
            .flat_map(|class| (0..starts).map(move |start| (*class, start)))
            .map(|(c, s)| text(c, s))
            .collect()
    }

    /// Swaps tokens until all texts are done.
    fn fill(&self, texts: &mut [Text]) -> Result<()> {
        let total = texts.len() * (self.config.steps + 1);
        self.ctx.tick(0, total)?;
        let all: Vec<(usize, Option<Swap>)> = (0..texts.len()).map(|i| (i, None)).collect();
        for ((i, _), (loss, confidence)) in all.iter().zip(self.look(texts, &all, (0, total))?) {
            if loss.is_finite() && confidence.is_finite() {
                (texts[*i].loss, texts[*i].confidence) = (loss, confidence);
            }
        }
        for step in 0..self.config.steps {
            let active: Vec<usize> = (0..texts.len()).filter(|&i| texts[i].ending.is_none()).collect();
            if active.is_empty() {
                break;
            }
            let done = (step + 1) * texts.len();
            let mut swaps = Vec::new();
            for some in active.chunks(self.config.batch) {
                self.ctx.tick(done, total)?;
                let gradients = self.gradients(texts, some)?;
                let width = gradients.len() / some.len();
                let propose = |at: usize, (): &mut ()| {
                    let text = &texts[some[at]];
                    let mut stream = text.stream.clone();
                    let gradient = &gradients[at * width..][..width];
                    let proposed = match &self.guide {
                        Some(guide) if gradient.iter().all(|g| g.is_finite()) => {
                            self.guided(guide, text, gradient, &mut stream)
                        }
                        _ => self.drawn(text, step, &mut stream),
                    };
                    Ok((proposed, stream))
                };
                for (&i, (proposed, stream)) in
                    some.iter().zip(map_pieces(some.len(), self.ctx.threads(), propose)?)
                {
                    texts[i].stream = stream;
                    swaps.extend(proposed.into_iter().map(|swap| (i, Some(swap))));
                }
            }
            let looks = self.look(texts, &swaps, (done, total))?;
            self.take(texts, &active, &swaps, &looks);
        }
        texts
            .iter_mut()
            .filter(|text| text.ending.is_none())
            .for_each(|text| text.ending = Some(Ending::Spent));
        self.ctx.tick(total, total)
    }

    /// The objective and the confidence of each text after its swap.
    fn look(
        &self,
        texts: &[Text],
        swaps: &[(usize, Option<Swap>)],
        (done, total): (usize, usize),
    ) -> Result<Vec<(f64, f64)>> {
        let mut found = Vec::with_capacity(swaps.len());
        for some in swaps.chunks(self.config.batch) {
            self.ctx.tick(done, total)?;
            let mut rows = Vec::with_capacity(some.len() * texts[0].tokens.len());
            for (i, swap) in some {
                let start = rows.len();
                rows.extend(texts[*i].tokens.iter().map(|token| i64::from(*token)));
                if let Some(Swap { place, token }) = swap {
                    rows[start + place] = i64::from(*token);
                }
            }
            let input = Input::Tokens(Tensor::from_vec(rows, &[some.len(), texts[0].tokens.len()])?);
            let query = Query { input, labels: None, want: access(self.answers), layers: Vec::new() };
            let answers = self.case.target().predict(&query)?;
            let told = answered(&answers, self.answers, some.len())?;
            let classes: Vec<u32> = some.iter().map(|(i, _)| texts[*i].class).collect();
            let valued =
                self.config.objective.batch(&told.to_f32()?, self.answers, told.shape()[1], &classes)?;
            found.extend(valued.values.into_iter().zip(valued.confidences));
        }
        Ok(found)
    }

    /// Gradients of the objective with respect to the embedding of each text `[texts][length][width]`; none where there is no embedding.
    fn gradients(&self, texts: &[Text], some: &[usize]) -> Result<Vec<f32>> {
        let Some(guide) = &self.guide else { return Ok(Vec::new()) };
        let rows: Vec<f32> = some
            .iter()
            .flat_map(|&i| &texts[i].tokens)
            .flat_map(|token| guide.row(*token))
            .copied()
            .collect();
        let shape = [some.len(), texts[0].tokens.len(), guide.width];
        let input = Input::Tensor(Tensor::from_vec(rows, &shape)?);
        let query = Query { input, labels: None, want: access(self.answers), layers: Vec::new() };
        let (answers, pullback) = guide.rest.vjp(&query)?;
        let told = answered(&answers, self.answers, some.len())?;
        let classes: Vec<u32> = some.iter().map(|&i| texts[i].class).collect();
        let valued = self.config.objective.batch(&told.to_f32()?, self.answers, told.shape()[1], &classes)?;
        let cotangents = Tensor::from_vec(valued.cotangents, told.shape())?;
        let gradients = pullback.apply(&cotangent(self.answers, cotangents))?;
        if gradients.shape() != shape {
            let got = format!("shape {:?}", gradients.shape());
            return Err(Error::mismatch("gradients", format!("shape {shape:?}"), got));
        }
        Ok(gradients.to_f32()?.into_owned())
    }

    /// The swap that is best to first order, and others drawn among the best of each place.
    fn guided(&self, guide: &Guide, text: &Text, gradient: &[f32], stream: &mut Pcg64) -> Vec<Swap> {
        let counts = self.counts(text);
        let mut best: Vec<(f32, usize, u32)> = Vec::new();
        let mut of_place: Vec<(f32, usize, u32)> = Vec::with_capacity(self.vocabulary.allowed.len());
        let by_change = |a: &(f32, usize, u32), b: &(f32, usize, u32)| {
            a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2)))
        };
        for &place in &text.places {
            let slope = &gradient[place * guide.width..][..guide.width];
            let along = |token: u32| product(slope, guide.row(token));
            let base = along(text.tokens[place]);
            of_place.clear();
            let others = self.others(text, place, &counts);
            of_place.extend(others.map(|token| (along(token) - base, place, token)));
            if of_place.len() > self.config.top {
                of_place.select_nth_unstable_by(self.config.top, by_change);
                of_place.truncate(self.config.top);
            }
            best.append(&mut of_place);
        }
        best.sort_unstable_by(by_change);
        // The first stays the first.
        if let Some((_, rest)) = best.split_first_mut() {
            shuffle(rest, self.config.candidates - 1, stream);
        }
        best.truncate(self.config.candidates);
        best.into_iter().map(|(_, place, token)| Swap { place, token }).collect()
    }

    /// Tokens drawn for the place whose turn it is.
    fn drawn(&self, text: &Text, step: usize, stream: &mut Pcg64) -> Vec<Swap> {
        if text.places.is_empty() {
            return Vec::new();
        }
        let place = text.places[step % text.places.len()];
        let counts = self.counts(text);
        let mut tokens: Vec<u32> = self.others(text, place, &counts).collect();
        shuffle(&mut tokens, self.config.candidates, stream);
        tokens.truncate(self.config.candidates);
        tokens.into_iter().map(|token| Swap { place, token }).collect()
    }

    /// How often each token stands in a text.
    fn counts(&self, text: &Text) -> Vec<u32> {
        let mut counts = vec![0; self.vocabulary.size];
        text.tokens.iter().for_each(|token| counts[*token as usize] += 1);
        counts
    }

    /// Tokens that may take a place.
    fn others<'t>(
        &'t self,
        text: &'t Text,
        place: usize,
        counts: &'t [u32],
    ) -> impl Iterator<Item = u32> + 't {
        let now = text.tokens[place];
        let allowed = self.vocabulary.allowed.iter().copied();
        allowed.filter(move |&token| {
            token != now && self.vocabulary.allows(token, counts[token as usize] as usize)
        })
    }

    /// Has each text take the best of its swaps where that is better, and see whether it is done.
    fn take(
        &self,
        texts: &mut [Text],
        active: &[usize],
        swaps: &[(usize, Option<Swap>)],
        looks: &[(f64, f64)],
    ) {
        let mut asked = swaps.iter().zip(looks).peekable();
        for &i in active {
            let text = &mut texts[i];
            let mut best: Option<(&Swap, f64, f64)> = None;
            while let Some(((_, swap), &(loss, confidence))) = asked.next_if(|((of, _), _)| *of == i) {
                let better = best.as_ref().is_none_or(|(_, least, _)| loss < *least);
                if let Some(swap) =
                    swap.as_ref().filter(|_| loss.is_finite() && confidence.is_finite() && better)
                {
                    best = Some((swap, loss, confidence));
                }
            }
            match best {
                Some((swap, loss, confidence)) if loss < text.loss => {
                    text.tokens[swap.place] = swap.token;
                    (text.loss, text.confidence) = (loss, confidence);
                    (text.swapped, text.stale) = (text.swapped + 1, 0);
                }
                _ => text.stale += 1,
            }
            if text.confidence >= self.config.confidence {
                text.ending = Some(Ending::Reached);
            } else if text.stale >= self.config.patience || text.places.is_empty() {
                text.ending = Some(Ending::Settled);
            }
        }
    }

    /// Says how texts ended, without a word of them.
    fn report(&self, texts: &[Text]) {
        let of = |ending: Option<Ending>| texts.iter().filter(|text| text.ending == ending).count();
        self.ctx.log(&format!(
            "of {} texts {} reached the confidence, {} got no better, {} took all steps, {} did not end",
            texts.len(),
            of(Some(Ending::Reached)),
            of(Some(Ending::Settled)),
            of(Some(Ending::Spent)),
            of(None),
        ));
    }
}

/// What was found, class by class, the best start of each first.
fn findings(texts: Vec<Text>) -> Result<Findings> {
    let mut found = Vec::with_capacity(texts.len());
    let mut place = 0;
    let mut last = None;
    for text in texts.into_iter().filter(|text| text.loss.is_finite()) {
        if last != Some(text.class) {
            (place, last) = (place + 1, Some(text.class));
        }
        let tokens: Vec<i64> = text.tokens.iter().map(|token| i64::from(*token)).collect();
        let input = Tensor::from_vec(tokens, &[text.tokens.len()])?;
        let Text { class, start, confidence: score, ending, .. } = text;
        found.push((
            place,
            Reconstruction { class, start, input, score, ending: ending.unwrap_or(Ending::Cut) },
        ));
    }
    if found.is_empty() {
        return Err(Error::mismatch(
            "answers about texts",
            "finite numbers",
            "none, whatever was asked about",
        ));
    }
    // Stable: the first of equal ones stays first.
    found.sort_by(|(a, one), (b, other)| a.cmp(b).then(other.score.total_cmp(&one.score)));
    Ok(Findings::Reconstructions(found.into_iter().map(|(_, found)| found).collect()))
}

/// The inner product, in an order of sums that processors can take several at a time.
fn product(a: &[f32], b: &[f32]) -> f32 {
    let mut sums = [0.0_f32; 8];
    let (a, b) = (a.chunks_exact(sums.len()), b.chunks_exact(sums.len()));
    let rest: f32 = a.remainder().iter().zip(b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a.zip(b) {
        for (sum, (a, b)) in sums.iter_mut().zip(a.iter().zip(b)) {
            *sum += a * b;
        }
    }
    sums.iter().sum::<f32>() + rest
}

/// Puts so many values, drawn from all, to the front (Fisher and Yates 1938).
fn shuffle<T>(values: &mut [T], count: usize, rng: &mut impl Rng) {
    for i in 0..count.min(values.len().saturating_sub(1)) {
        values.swap(i, i + below(values.len() - i, rng));
    }
}
