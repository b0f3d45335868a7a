//! A model in memory as a target: asked in batches, differentiated with the graph kept.

mod views;

use std::sync::Arc;

use paname_core::{
    Access, Error, Indices, Input, MOMENTS, Named, Outputs, Pullback, Query, Result, Target, TargetCard,
    Task, View,
};
use tch::{Device, Kind, Reduction, Tensor};

use crate::config::{Output, Variant};
use crate::error::from_torch;
use crate::gradient::gradients;
use crate::inputs::{Known, Raw, varied};
use crate::model::{EMBEDDING, Model};
use crate::network::Heard;
use crate::preparation::Preparation;
use crate::tensor::{Lent, export, of_slice, owned};

/// How a model is asked.
#[derive(Debug, Clone)]
pub(crate) struct Manner {
    pub(crate) task: Task,
    pub(crate) output: Output,
    pub(crate) preparation: Preparation,
    pub(crate) variants: Vec<Variant>,
    pub(crate) batch: usize,
    pub(crate) device: Device,
}

/// A model in memory.
pub(crate) struct TorchTarget {
    card: TargetCard,
    model: Arc<dyn Model>,
    known: Arc<Known>,
    manner: Manner,
    /// Number of outputs, where it is known.
    outputs: Option<i64>,
    /// The layer whose values it takes, where it is the part of a model that follows one.
    from: Option<String>,
}

/// What a question puts to the model, all of it at once.
struct Asked {
    /// The input as it was given, before any preparation: what gradients are with respect to. Whole numbers count as real ones.
    leaf: Tensor,
    /// What the model takes.
    batch: Tensor,
}

/// What of the answers to a question is gathered, batch by batch.
#[derive(Default)]
struct Gathered {
    outputs: Vec<Tensor>,
    loss: Vec<Tensor>,
    gradient: Vec<Tensor>,
    heard: Vec<(String, Vec<Tensor>)>,
}

impl TorchTarget {
    /// Asks the model about a few records, to know what it answers and that it answers.
    pub(crate) fn new(
        name: String,
        fingerprint: String,
        model: Arc<dyn Model>,
        known: Arc<Known>,
        manner: Manner,
        classes: Option<usize>,
    ) -> Result<Self> {
        let layers = model.layers();
        let mut access = Access::PARAMETERS | Access::INPUT_GRADIENT;
        if layers.iter().any(|layer| layer == EMBEDDING) {
            access |= Access::EMBEDDING;
        }
        if !layers.is_empty() {
            access |= Access::ACTIVATIONS;
        }
        access |= match (manner.task, manner.output) {
            (Task::Classification, Output::Logits) => Access::LOGITS,
            (Task::Classification, Output::Probabilities) => Access::PROBABILITIES,
            _ => Access::LABELS | Access::LOSS,
        };
        if known.inputs().is_ok() {
            access |= Access::NEW_INPUTS;
        }
        if !model.has_parameters()? {
            access -= Access::PARAMETERS;
        }
        if model.learns() {
            access |= Access::PARAMETER_GRADIENT;
        }
        let augmentations = manner.variants.len() as u32 + 1;
        let card = TargetCard {
            name,
            fingerprint,
            task: manner.task,
            classes: None,
            layers,
            access: Vec::new(),
            recorded: false,
            augmentations,
        };
        let mut target = Self { card, model, known, manner, outputs: None, from: None };
        target.look(classes)?;
        if target.has_last_layer()? {
            access |= Access::LAST_LAYER_GRADIENT;
        }
        target.card.access = access.with_implied().names().map(str::to_owned).collect();
        Ok(target)
    }

    /// The same target again.
    fn same(&self) -> Self {
        Self {
            card: self.card.clone(),
            model: Arc::clone(&self.model),
            known: Arc::clone(&self.known),
            manner: self.manner.clone(),
            outputs: self.outputs,
            from: self.from.clone(),
        }
    }

    /// A few known records as they are kept, where there are any.
    fn few(&self, most: i64) -> Result<Option<Tensor>> {
        let Ok(inputs) = self.known.inputs() else { return Ok(None) };
        let few = inputs.size().first().copied().unwrap_or(0).min(most);
        if few == 0 {
            return Ok(None);
        }
        owned(&inputs.f_narrow(0, 0, few).map_err(from_torch)?).map(Some)
    }

    /// Puts a few records to the model, where there are inputs, and looks at what comes.
    fn look(&mut self, expected: Option<usize>) -> Result<()> {
        let Some(raw) = self.few(32)? else { return Ok(()) };
        let few = raw.size()[0];
        for variant in &self.manner.variants {
            let _ = self.prepared(&raw, Some(*variant))?;
        }
        let answers = tch::no_grad(|| self.forward(&self.prepared(&raw, None)?, &[], &mut |_, _| {}))?;
        let size = answers.size();
        let name = &self.card.name;
        if size.first() != Some(&few) {
            let expected = format!("one row for each of {few} records");
            return Err(Error::mismatch(format!("{name}, outputs"), expected, format!("shape {size:?}")));
        }
        if self.manner.task != Task::Classification {
            self.outputs = Some(size.iter().skip(1).product());
            return Ok(());
        }
        let &[_, classes] = size.as_slice() else {
            let expected = "[records, classes]; a model with one value per record has no logits of classes";
            return Err(Error::mismatch(format!("{name}, outputs"), expected, format!("shape {size:?}")));
        };
        check_range(name, self.manner.output, self.model.is_foreign(), &answers)?;
        if let Some(labelled) = expected.filter(|&labelled| labelled as i64 > classes) {
            let expected = format!("at least {labelled}, the number of classes of the labels");
            return Err(Error::mismatch(format!("{name}, outputs"), expected, classes));
        }
        self.card.classes = Some(classes as usize);
        self.outputs = Some(classes);
        Ok(())
    }

    /// Whether gradients with respect to the last layer can be told. What seems to be that layer of a program is tried on a record: the gradient has to
    /// be (p − y) ⊗ h with some h.
    fn has_last_layer(&self) -> Result<bool> {
        if self.manner.task != Task::Classification || self.manner.output != Output::Logits {
            return Ok(false);
        }
        if !self.model.is_foreign() {
            return Ok(true);
        }
        let (Some(classes), Some(raw)) = (self.outputs, self.few(1)?) else { return Ok(false) };
        let Some((weight, bias)) = self.model.last_layer(classes)? else { return Ok(false) };
        let label = of_slice(&[0_i64], &[1])?.f_to(self.manner.device).map_err(from_torch)?;
        let mut tried = Gathered::default();
        let query = Query::records(vec![0], Access::LAST_LAYER_GRADIENT);
        let answered =
            tch::no_grad(|| self.answer(&self.prepared(&raw, None)?, Some(&label), &query, &mut tried));
        let ([gradient], [outputs], Ok(())) = (&tried.gradient[..], &tried.outputs[..], answered) else {
            return Ok(false);
        };
        let is_outer_product = || {
            let p = outputs.f_softmax(1, Kind::Float)?.f_flatten(0, -1)?;
            let delta = p.f_sub(&label.f_one_hot(classes)?.f_to_kind(Kind::Float)?.f_flatten(0, -1)?)?;
            let width = weight.size()[1];
            let of_weight = gradient.f_flatten(0, -1)?.f_narrow(0, 0, classes * width)?;
            let of_weight = of_weight.f_reshape([classes, width])?;
            let largest = delta.f_abs()?.f_argmax(None, false)?.f_int64_value(&[])?;
            let h = of_weight.f_get(largest)?.f_div(&delta.f_get(largest)?)?;
            let again = delta.f_unsqueeze(1)?.f_mul(&h.f_unsqueeze(0)?)?;
            let right = of_weight.f_allclose(&again, 1e-3, 1e-5, false)?;
            Ok(match bias {
                Some(_) if right => {
                    let of_bias = gradient.f_flatten(0, -1)?.f_narrow(0, classes * width, classes)?;
                    of_bias.f_allclose(&delta, 1e-3, 1e-5, false)?
                }
                _ => right,
            })
        };
        is_outer_product().map_err(from_torch)
    }

    /// The outputs for a prepared batch. Where the model fails on records that it does not take, both shapes are told.
    fn forward(&self, batch: &Tensor, wanted: &[&str], heard: Heard<'_>) -> Result<Tensor> {
        let size = batch.size();
        let record = size.get(1..).unwrap_or_default();
        let layers: Vec<&str> = wanted.iter().map(|name| layer_of(name)).collect();
        let mut failed = None;
        let mut hear = |layer: &str, value: &Tensor| {
            for name in wanted.iter().filter(|name| layer_of(name) == layer) {
                if *name == layer {
                    heard(name, value);
                    continue;
                }
                match moments(value) {
                    Ok(moments) => heard(name, &moments),
                    Err(error) => failed = Some(from_torch(error)),
                }
            }
        };
        let outputs = self.model.forward(batch, &layers, &mut hear).map_err(|error| {
            match self.model.expects(record) {
                Some(expected) => {
                    let got = format!("shape {record:?} ({error})");
                    Error::mismatch(format!("{}, records", self.card.name), expected, got)
                }
                None => error,
            }
        })?;
        failed.map_or(Ok(outputs), Err)
    }

    fn prepared(&self, raw: &Tensor, variant: Option<Variant>) -> Result<Tensor> {
        let raw = raw.f_to(self.manner.device).map_err(from_torch)?;
        let batch = self.manner.preparation.batch(&raw)?;
        match variant {
            Some(variant) => varied(&batch, variant),
            None => Ok(batch),
        }
    }

    /// What a question puts to the model, in memory that nobody else sees, since a graph outlives the question.
    fn asked(&self, query: &Query, differentiable: bool) -> Result<Asked> {
        let raw = self.known.raw(query, &self.manner.variants)?;
        let variant = if let Raw::Rows(_, variant) = &raw { *variant } else { None };
        let part = self.known.part(&raw, 0..query.len(), true)?;
        let scale_of_bytes = part.kind() == Kind::Uint8 && self.manner.preparation.scale.is_none();
        let leaf = part.f_to_kind(Kind::Float).and_then(|x| x.f_to(self.manner.device));
        let leaf = leaf.map_err(from_torch)?.set_requires_grad(differentiable);
        // A product is no leaf, which a program must not change.
        let scale = if scale_of_bytes { 1.0 / 255.0 } else { 1.0 };
        let mut batch = leaf.f_mul_scalar(scale).map_err(from_torch)?;
        batch = self.manner.preparation.batch(&batch)?;
        if let Some(variant) = variant {
            batch = varied(&batch, variant)?;
        }
        Ok(Asked { leaf, batch })
    }

    /// What one batch answers.
    fn answer(
        &self,
        batch: &Tensor,
        labels: Option<&Tensor>,
        query: &Query,
        all: &mut Gathered,
    ) -> Result<()> {
        let want = query.want;
        let mut embedding = None;
        let mut values: Vec<(String, Tensor)> = Vec::new();
        // A program may change what it is given, and is asked once more for these gradients.
        let twice = want.contains(Access::LAST_LAYER_GRADIENT) && self.model.is_foreign();
        let again = if twice { owned(batch)? } else { batch.shallow_clone() };
        let mut wanted: Vec<&str> = Vec::new();
        if want.contains(Access::ACTIVATIONS) {
            wanted.extend(query.layers.iter().map(String::as_str));
        }
        if want.intersects(Access::EMBEDDING | Access::LAST_LAYER_GRADIENT) && !wanted.contains(&EMBEDDING) {
            wanted.push(EMBEDDING);
        }
        let mut outputs = self.forward(batch, &wanted, &mut |name, value| {
            if name == EMBEDDING && want.intersects(Access::EMBEDDING | Access::LAST_LAYER_GRADIENT) {
                embedding = Some(value.shallow_clone());
            }
            if want.contains(Access::ACTIVATIONS) && query.layers.iter().any(|layer| layer == name) {
                values.push((name.to_owned(), value.shallow_clone()));
            }
        })?;
        if self.model.is_foreign() {
            // It may write its next answers into the same memory.
            outputs = owned(&outputs)?;
            embedding = embedding.as_ref().map(owned).transpose()?;
            for (_, value) in &mut values {
                *value = owned(value)?;
            }
        }
        if let Some(labels) = labels
            && want.contains(Access::LOSS)
        {
            all.loss.push(self.loss(&outputs, labels)?);
        }
        if let Some(labels) = labels
            && want.contains(Access::LAST_LAYER_GRADIENT)
        {
            all.gradient.push(self.last_layer_gradient(&again, &outputs, embedding.as_ref(), labels)?);
        }
        if want.contains(Access::EMBEDDING)
            && let Some(embedding) = embedding
        {
            values.push((String::new(), embedding.f_flatten(1, -1).map_err(from_torch)?));
        }
        for (name, value) in values {
            match all.heard.iter_mut().find(|(heard, _)| *heard == name) {
                Some((_, parts)) => parts.push(value),
                None => all.heard.push((name, vec![value])),
            }
        }
        all.outputs.push(outputs);
        Ok(())
    }

    /// The loss of each record.
    fn loss(&self, outputs: &Tensor, labels: &Tensor) -> Result<Tensor> {
        let loss = match (self.manner.task, self.manner.output) {
            (Task::Classification, Output::Logits) => {
                outputs.f_cross_entropy_loss(labels, None::<Tensor>, Reduction::None, -100, 0.0)
            }
            (Task::Classification, Output::Probabilities) => outputs
                .f_gather(1, &labels.unsqueeze(1), false)
                .and_then(|p| p.f_squeeze_dim(1))
                .and_then(|p| p.f_log())
                .and_then(|p| p.f_neg()),
            _ => outputs
                .f_flatten(1, -1)
                .and_then(|o| o.f_mse_loss(&labels.f_flatten(1, -1)?, Reduction::None))
                .and_then(|o| o.f_mean_dim([1_i64].as_slice(), false, None::<Kind>)),
        };
        loss.map_err(from_torch)
    }

    /// For each record the gradient of its cross-entropy with respect to weight and bias of the last layer, one after the other. Where what that layer is
    /// given is told, (p − y) ⊗ (h, 1); elsewhere by a backward pass for each record.
    fn last_layer_gradient(
        &self,
        batch: &Tensor,
        outputs: &Tensor,
        embedding: Option<&Tensor>,
        labels: &Tensor,
    ) -> Result<Tensor> {
        let classes = outputs.size()[1];
        let Some((weight, bias)) = self.model.last_layer(classes)? else {
            return Err(Error::Unsupported(format!(
                "{}: has no last layer whose weights can be told",
                self.card.name
            )));
        };
        let direct = match embedding {
            Some(h) => {
                let h = h.f_flatten(1, -1).map_err(from_torch)?;
                let certain = !self.model.is_foreign();
                (certain || is_last_layer(&h, &weight, bias.as_ref(), outputs)?).then_some(h)
            }
            None => None,
        };
        if let Some(h) = direct {
            let gradient = || {
                let p = outputs.f_softmax(1, Kind::Float)?;
                let y = labels.f_one_hot(classes)?.f_to_kind(Kind::Float)?;
                let delta = p.f_sub(&y)?;
                let of_weight = delta.f_unsqueeze(2)?.f_mul(&h.f_unsqueeze(1)?)?.f_flatten(1, -1)?;
                match bias {
                    Some(_) => Tensor::f_cat(&[of_weight, delta], 1),
                    None => Ok(of_weight),
                }
            };
            return gradient().map_err(from_torch);
        }
        let parameters: Vec<Tensor> = std::iter::once(weight).chain(bias).collect();
        let one = |row: i64| {
            let outputs =
                self.forward(&batch.f_narrow(0, row, 1).map_err(from_torch)?, &[], &mut |_, _| {})?;
            let loss = self.loss(&outputs, &labels.f_narrow(0, row, 1).map_err(from_torch)?)?;
            let loss = loss.f_sum(None::<Kind>).map_err(from_torch)?;
            let gradients = gradients(&loss, &parameters.iter().collect::<Vec<_>>(), false)?;
            let flat: Vec<Tensor> = gradients.iter().map(|gradient| gradient.flatten(0, -1)).collect();
            Tensor::f_cat(&flat, 0).map_err(from_torch)
        };
        let rows = tch::with_grad(|| (0..batch.size()[0]).map(one).collect::<Result<Vec<_>>>())?;
        Tensor::f_stack(&rows, 0).map_err(from_torch)
    }

    /// Puts what was gathered into the fields that were asked for.
    fn finish(&self, query: &Query, all: &Gathered) -> Result<Outputs> {
        let want = query.want;
        // A copy even of one part, which may be a view of the question, or memory that a program writes to.
        let joined = |parts: &[Tensor]| Tensor::f_cat(parts, 0).map_err(from_torch);
        let outputs = joined(&all.outputs)?;
        let mut answers = Outputs::default();
        let of = |access: Access, make: &dyn Fn() -> Result<Tensor>| -> Result<Option<paname_core::Tensor>> {
            if want.contains(access) { export(&make()?).map(Some) } else { Ok(None) }
        };
        if self.manner.task == Task::Classification {
            answers.labels = of(Access::LABELS, &|| outputs.f_argmax(1, false).map_err(from_torch))?;
            answers.probabilities = of(Access::PROBABILITIES, &|| match self.manner.output {
                Output::Logits => outputs.f_softmax(1, Kind::Float).map_err(from_torch),
                Output::Probabilities => Ok(outputs.shallow_clone()),
            })?;
            answers.logits = of(Access::LOGITS, &|| Ok(outputs.shallow_clone()))?;
        } else {
            answers.labels = of(Access::LABELS, &|| Ok(outputs.shallow_clone()))?;
        }
        answers.loss = of(Access::LOSS, &|| joined(&all.loss))?;
        answers.last_layer_gradient = of(Access::LAST_LAYER_GRADIENT, &|| joined(&all.gradient))?;
        for (name, parts) in &all.heard {
            let value = export(&joined(parts)?)?;
            if name.is_empty() {
                answers.embedding = Some(value);
            } else {
                answers.activations.push((name.clone(), value));
            }
        }
        Ok(answers)
    }

    fn refuse(&self, query: &Query) -> Result<()> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        if let Some(layer) = query.layers.iter().find(|layer| !self.model.knows(layer_of(layer))) {
            let expected = format!("one of {}", self.card.layers.join(", "));
            return Err(Error::mismatch("layer", expected, layer));
        }
        if query.is_empty() {
            return Err(Error::mismatch("question", "at least one record", "none"));
        }
        if let (Some(layer), Input::Records(..)) = (&self.from, &query.input) {
            return Err(Error::mismatch("question", format!("values of the layer `{layer}`"), "records"));
        }
        Ok(())
    }

    /// True answers, where the question needs them.
    fn labels(&self, query: &Query) -> Result<Option<Tensor>> {
        if !query.want.intersects(Access::LOSS | Access::LAST_LAYER_GRADIENT) {
            return Ok(None);
        }
        if self.manner.task != Task::Classification {
            return self.known.values(query).map(Some);
        }
        let labels = self.known.classes(query)?;
        if let Some(classes) = self.outputs
            && labels.numel() > 0
        {
            let (low, high) = (labels.min().int64_value(&[]), labels.max().int64_value(&[]));
            if low < 0 || high >= classes {
                let got = if low < 0 { low } else { high };
                return Err(Error::mismatch("labels", format!("classes below {classes}"), got));
            }
        }
        Ok(Some(labels))
    }
}

impl Target for TorchTarget {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.refuse(query)?;
        let raw = self.known.raw(query, &self.manner.variants)?;
        let variant = if let Raw::Rows(_, variant) = &raw { *variant } else { None };
        let labels = self.labels(query)?;
        let rows = query.len();
        let mut all = Gathered::default();
        let guard = tch::no_grad_guard();
        for start in (0..rows).step_by(self.manner.batch) {
            let range = start..rows.min(start + self.manner.batch);
            let part = self.known.part(&raw, range.clone(), self.model.is_foreign())?;
            let batch = self.prepared(&part, variant)?;
            let labels = labels.as_ref().map(|labels| {
                labels
                    .f_narrow(0, range.start as i64, range.len() as i64)
                    .and_then(|l| l.f_to(self.manner.device))
                    .map_err(from_torch)
            });
            self.answer(&batch, labels.transpose()?.as_ref(), query, &mut all)?;
        }
        let answers = self.finish(query, &all);
        drop(guard);
        answers
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.refuse(query)?;
        let labels = self
            .labels(query)?
            .map(|labels| labels.f_to(self.manner.device))
            .transpose()
            .map_err(from_torch)?;
        tch::with_grad(|| {
            let Asked { leaf, batch } = self.asked(query, true)?;
            let mut all = Gathered::default();
            self.answer(&batch, labels.as_ref(), query, &mut all)?;
            let kept = Kept {
                leaf,
                output: self.manner.output,
                task: self.manner.task,
                outputs: all.outputs[0].shallow_clone(),
                loss: all.loss.first().map(Tensor::shallow_clone),
                heard: all
                    .heard
                    .iter()
                    .map(|(name, parts)| (name.clone(), parts[0].shallow_clone()))
                    .collect(),
            };
            let answers = self.finish(query, &all)?;
            let pullback: Box<dyn Pullback> = Box::new(kept);
            Ok((answers, pullback))
        })
    }

    fn parameters(&self) -> Result<Named<paname_core::Tensor>> {
        if !self.card.offers().contains(Access::PARAMETERS) {
            return Err(Error::Denied(Access::PARAMETERS));
        }
        self.model.parameters()?.into_iter().map(|(name, value)| Ok((name, export(&value)?))).collect()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        match view {
            View::ParameterGradient { layers } => views::parameter_gradient(self, &layers),
            View::From(layer) => views::following(self, &layer),
            other => Err(Error::Unsupported(format!("a model seen as {other:?}"))),
        }
    }

    fn input(&self, records: &Indices) -> Result<paname_core::Tensor> {
        if self.from.is_some() {
            return Err(Error::Denied(Access::NEW_INPUTS));
        }
        let raw = self.known.raw(&Query::records(records.clone(), Access::empty()), &[])?;
        let rows = self.known.part(&raw, 0..records.len(), true)?;
        // Bytes that the preparation scales by itself; real numbers it takes as they are.
        let scale = if rows.kind() == Kind::Uint8 && self.manner.preparation.scale.is_none() {
            1.0 / 255.0
        } else {
            1.0
        };
        export(&rows.f_to_kind(Kind::Float).and_then(|rows| rows.f_mul_scalar(scale)).map_err(from_torch)?)
    }
}

/// An answered question whose graph is kept.
struct Kept {
    leaf: Tensor,
    output: Output,
    task: Task,
    outputs: Tensor,
    loss: Option<Tensor>,
    heard: Vec<(String, Tensor)>,
}

impl Kept {
    /// ⟨value, cotangent⟩.
    fn product(value: &Tensor, cotangent: &paname_core::Tensor, what: &str) -> Result<Tensor> {
        let copy = Lent::new(cotangent)?.copied()?;
        if copy.size() != value.size() {
            let expected = format!("shape {:?}, as the answer has", value.size());
            return Err(Error::mismatch(
                format!("cotangent of {what}"),
                expected,
                format!("shape {:?}", cotangent.shape()),
            ));
        }
        let product = || {
            let cotangent = copy.f_to_kind(Kind::Float)?.f_to(value.device())?;
            value.f_mul(&cotangent)?.f_sum(None::<Kind>)
        };
        product().map_err(from_torch)
    }
}

impl Pullback for Kept {
    fn apply(&self, cotangent: &Outputs) -> Result<paname_core::Tensor> {
        let classification = self.task == Task::Classification;
        let mut terms = Vec::new();
        let absent = |what: &str| Error::mismatch("cotangent", "outputs that were asked for", what);
        if let Some(c) = &cotangent.logits {
            if !(classification && self.output == Output::Logits) {
                return Err(Error::Denied(Access::LOGITS));
            }
            terms.push(Self::product(&self.outputs, c, "logits")?);
        }
        if let Some(c) = &cotangent.probabilities {
            let p = match self.output {
                Output::Logits => self.outputs.f_softmax(1, Kind::Float).map_err(from_torch)?,
                Output::Probabilities => self.outputs.shallow_clone(),
            };
            terms.push(Self::product(&p, c, "probabilities")?);
        }
        if let Some(c) = cotangent.labels.as_ref().filter(|_| !classification) {
            terms.push(Self::product(&self.outputs, c, "values")?);
        }
        if let Some(c) = &cotangent.loss {
            let loss = self.loss.as_ref().ok_or_else(|| absent("loss"))?;
            terms.push(Self::product(loss, c, "loss")?);
        }
        let named = cotangent.activations.iter().map(|(name, c)| (name.as_str(), c));
        for (name, c) in named.chain(cotangent.embedding.iter().map(|c| ("", c))) {
            let shown = if name.is_empty() { EMBEDDING } else { name };
            let heard = self.heard.iter().find(|(heard, _)| heard == name).ok_or_else(|| absent(shown))?;
            terms.push(Self::product(&heard.1, c, shown)?);
        }
        let Some(sum) = terms.into_iter().reduce(|a, b| a + b) else {
            return Err(absent("none"));
        };
        gradients(&sum, &[&self.leaf], true)?.first().map_or_else(|| Err(absent("none")), export)
    }
}

/// The layer that a name is about.
fn layer_of(name: &str) -> &str {
    name.strip_suffix(MOMENTS).unwrap_or(name)
}

/// Means and mean squares over all but the first two axes, of numbers without a second axis as of one channel.
fn moments(value: &Tensor) -> std::result::Result<Tensor, tch::TchError> {
    let value = if value.dim() < 2 { value.f_unsqueeze(1)? } else { value.shallow_clone() };
    let flat = if value.dim() == 2 { value.f_unsqueeze(2)? } else { value.f_flatten(2, -1)? };
    let mean = |values: Tensor| values.f_mean_dim([-1_i64].as_slice(), false, None::<Kind>);
    Tensor::f_stack(&[mean(flat.shallow_clone())?, mean(flat.f_square()?)?], 1)
}

/// Whether the outputs are h Wᵀ + b.
fn is_last_layer(h: &Tensor, weight: &Tensor, bias: Option<&Tensor>, outputs: &Tensor) -> Result<bool> {
    if weight.size().get(1) != h.size().get(1) {
        return Ok(false);
    }
    let again = h.f_linear(weight, bias).map_err(from_torch)?;
    again.f_allclose(outputs, 1e-3, 1e-4, false).map_err(from_torch)
}

/// Refuses outputs that are not what the manifest says, and says what they look like.
fn check_range(name: &str, output: Output, foreign: bool, answers: &Tensor) -> Result<()> {
    let answers = answers.f_to_kind(Kind::Double).and_then(|a| a.f_to(Device::Cpu)).map_err(from_torch)?;
    let (rows, classes) = (answers.size()[0], answers.size()[1]);
    let values: Vec<f64> = answers.f_reshape([-1]).map_err(from_torch)?.try_into().map_err(from_torch)?;
    let row_of = |i: usize| i / classes.max(1) as usize;
    if let Some(i) = values.iter().position(|value| value.is_nan()) {
        return Err(Error::mismatch(format!("{name}, outputs of record {}", row_of(i)), "numbers", "NaN"));
    }
    let unit = values.iter().all(|value| (0.0..=1.0).contains(value));
    let sums: Vec<f64> = values.chunks_exact(classes.max(1) as usize).map(|row| row.iter().sum()).collect();
    let sum_to_one = sums.iter().all(|sum| (sum - 1.0).abs() < 1e-3);
    match output {
        // The last layer of a built-in architecture gives nothing else, whatever the numbers look like.
        Output::Logits if !foreign => Ok(()),
        Output::Logits if unit && sum_to_one && classes > 1 => Err(Error::mismatch(
            format!("{name}, outputs"),
            "logits, scores before softmax",
            "numbers from 0 to 1 that sum to 1 for each record: probabilities; say `output = \"probabilities\"`",
        )),
        Output::Logits if unit && rows * classes >= 16 => Err(Error::mismatch(
            format!("{name}, outputs"),
            "logits, scores before softmax",
            "numbers from 0 to 1 that do not sum to 1: they look like independent probabilities (sigmoid), which a model with one label per record does not have",
        )),
        Output::Probabilities if !(unit && sum_to_one) => Err(Error::mismatch(
            format!("{name}, outputs"),
            "probabilities, from 0 to 1 and 1 in sum for each record",
            if values.iter().all(|value| *value <= 0.0) {
                "numbers below 0 only: they look like log-probabilities, which serve as logits; leave `output` out"
            } else {
                "other numbers: they look like logits; leave `output` out"
            },
        )),
        _ => Ok(()),
    }
}
