//! A model that is known through its recorded answers.

use std::sync::Arc;

use half::f16;
use paname_core::{
    Access, Augmentation, DType, Element, Error, Input, Labels, Outputs, Query, Result, Roster, Setting,
    Target, TargetCard, Task, Tensor,
};

use crate::stack::Stack;

/// What a recorded array holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Kind {
    Logits,
    Probabilities,
    Loss,
    TrueClassConfidence,
    ScaledConfidence,
    PredictedLabels,
    Values,
    Embedding,
    LastLayerGradient,
    Activations,
}

impl Kind {
    /// The access that it grants.
    fn access(self) -> Access {
        match self {
            Self::Logits => Access::LOGITS,
            Self::Probabilities => Access::PROBABILITIES,
            Self::Loss | Self::TrueClassConfidence | Self::ScaledConfidence => Access::LOSS,
            Self::PredictedLabels | Self::Values => Access::LABELS,
            Self::Embedding => Access::EMBEDDING,
            Self::LastLayerGradient => Access::LAST_LAYER_GRADIENT,
            Self::Activations => Access::ACTIVATIONS,
        }
    }

    /// Axes after that of the records (and variants), where there is one right number.
    fn axes(self) -> Option<usize> {
        match self {
            Self::Logits | Self::Probabilities => Some(1),
            Self::Loss | Self::TrueClassConfidence | Self::ScaledConfidence | Self::PredictedLabels => {
                Some(0)
            }
            Self::Values | Self::Embedding | Self::LastLayerGradient | Self::Activations => None,
        }
    }

    fn is_vector(self) -> bool {
        matches!(self, Self::Logits | Self::Probabilities)
    }
}

/// One recorded array, joined to the roster.
pub(crate) struct Field {
    pub(crate) kind: Kind,
    /// Name of the layer of activations; empty otherwise.
    pub(crate) layer: String,
    /// `[records × variants, …]`.
    pub(crate) stack: Stack,
    /// Row (before variants) of each record of the roster.
    pub(crate) rows: Arc<[u32]>,
    /// Variants of each record.
    pub(crate) variants: usize,
    /// Array and model, for errors.
    pub(crate) place: String,
}

/// A model that answers questions about the records of the roster from arrays, and about nothing else.
///
/// It answers what was recorded and what follows from it: probabilities from logits, predicted classes and losses from either, and losses from
/// confidences, ℓ = −ln p_y, or from scaled confidences φ = ln(p_y / (1 − p_y)), ℓ = ln(1 + e^−φ). In other tasks than classification it answers what
/// was recorded and nothing else.
pub struct RecordedTarget {
    card: TargetCard,
    fields: Vec<Field>,
    labels: Labels,
}

impl RecordedTarget {
    /// Checks every recorded value of the roster's records: type, shape, range. The first bad one is the error.
    pub(crate) fn new(
        name: String,
        fingerprint: String,
        fields: Vec<Field>,
        setting: &Setting<'_>,
    ) -> Result<Self> {
        let classes_labelled = match setting.labels {
            Labels::Classes { values, classes } => Some((values, *classes)),
            _ => None,
        };
        // Real values are true of records that are no classes.
        let task = match (setting.task, setting.labels) {
            (Task::Classification, Labels::Values(_)) => Task::Regression,
            (task, _) => task,
        };
        for field in &fields {
            field.check_shape(task)?;
        }
        let width = fields.iter().find(|f| f.kind.is_vector()).map(|f| (f, f.stack.row_shape()[0]));
        if let Some((first, classes)) = width {
            if let Some(other) =
                fields.iter().find(|f| f.kind.is_vector() && f.stack.row_shape()[0] != classes)
            {
                let what = format!("{}, classes", other.place);
                return Err(Error::mismatch(
                    what,
                    format!("{classes} as in {}", first.place),
                    other.stack.row_shape()[0],
                ));
            }
            if let Labels::Values(labels) = setting.labels
                && task == Task::MultiLabel
                && labels.len() != labels.rows() * classes
            {
                let expected = format!("{} as the records have", labels.len() / labels.rows().max(1));
                return Err(Error::mismatch(format!("{}, labels", first.place), expected, classes));
            }
            if let Some((values, _)) = classes_labelled
                && task == Task::Classification
                && let Some(i) = values.iter().position(|&label| label as usize >= classes)
            {
                let id = setting.roster.ids().get(i).map_or("", String::as_str);
                let problem = format!(
                    "the label of record {id:?} is out of range: there are {classes} classes (0 to {})",
                    classes - 1
                );
                return Err(Error::data(&first.place, problem));
            }
        }
        let variants = fields.first().map_or(1, |f| f.variants);
        if let Some(other) = fields.iter().find(|f| f.variants != variants) {
            let expected = format!("{variants} as in {}", fields[0].place);
            return Err(Error::mismatch(
                format!("{}, variants of each record", other.place),
                expected,
                other.variants,
            ));
        }
        let classes = width.map(|(_, classes)| classes).or(classes_labelled.map(|(_, classes)| classes));
        for field in &fields {
            field.check_values(setting.roster, classes, task, classes_labelled.is_some())?;
        }
        let access = fields.iter().fold(Access::empty(), |all, field| all | field.kind.access());
        let card = TargetCard {
            name,
            fingerprint,
            task,
            classes,
            layers: fields.iter().filter(|f| f.kind == Kind::Activations).map(|f| f.layer.clone()).collect(),
            access: access.names().map(str::to_owned).collect(),
            recorded: true,
            augmentations: variants as u32,
        };
        Ok(Self { card, fields, labels: setting.labels.clone() })
    }

    fn field(&self, kind: Kind) -> Option<&Field> {
        self.fields.iter().find(|field| field.kind == kind)
    }

    fn recorded(&self, kind: Kind, asked: Asked<'_>) -> Result<Option<Tensor>> {
        self.field(kind).map(|field| field.answer(asked)).transpose()
    }

    /// Logits or probabilities, whichever is recorded.
    fn vector(&self, asked: Asked<'_>) -> Result<Option<(Kind, Tensor)>> {
        for kind in [Kind::Logits, Kind::Probabilities] {
            if let Some(vector) = self.recorded(kind, asked)? {
                return Ok(Some((kind, vector)));
            }
        }
        Ok(None)
    }

    fn probabilities(&self, asked: Asked<'_>) -> Result<Option<Tensor>> {
        if let Some(recorded) = self.recorded(Kind::Probabilities, asked)? {
            return Ok(Some(recorded));
        }
        let Some(logits) = self.recorded(Kind::Logits, asked)? else { return Ok(None) };
        let mut values = logits.to_f64()?;
        for row in values.chunks_exact_mut(logits.shape()[1]) {
            let sum = log_sum_exp(row);
            for z in row.iter_mut() {
                *z = (*z - sum).exp();
            }
        }
        like(&logits, values, logits.shape()).map(Some)
    }

    fn predicted(&self, asked: Asked<'_>) -> Result<Option<Tensor>> {
        if let Some(values) = self.recorded(Kind::Values, asked)? {
            return Ok(Some(values));
        }
        if let Some(recorded) = self.recorded(Kind::PredictedLabels, asked)? {
            return Ok(Some(recorded));
        }
        let Some((_, vector)) = self.vector(asked)? else { return Ok(None) };
        let values = vector.to_f64()?;
        let largest = |row: &[f64]| {
            // The first of equal ones, as argmax does everywhere.
            let best = row
                .iter()
                .zip(0_i64..)
                .fold((0, f64::NEG_INFINITY), |best, (&x, j)| if x > best.1 { (j, x) } else { best });
            best.0
        };
        let classes: Vec<i64> = values.chunks_exact(vector.shape()[1]).map(largest).collect();
        let shape = [classes.len()];
        Tensor::from_vec(classes, &shape).map(Some)
    }

    fn loss(&self, asked: Asked<'_>, labels: Option<&Tensor>) -> Result<Option<Tensor>> {
        if self.card.task != Task::Classification {
            return if labels.is_none() { self.recorded(Kind::Loss, asked) } else { Err(other_labels()) };
        }
        let own = self.own_labels(asked.ids);
        let asked_labels = labels.map(Tensor::to_i64).transpose()?;
        let other_labels = asked_labels.as_ref().is_some_and(|asked| own.as_ref() != Some(asked));
        if !other_labels {
            if let Some(recorded) = self.recorded(Kind::Loss, asked)? {
                return Ok(Some(recorded));
            }
            if let Some(confidence) = self.recorded(Kind::TrueClassConfidence, asked)? {
                // A recorded 0 is the rounding of a smaller positive number.
                let least = if confidence.dtype() == DType::F64 {
                    f64::MIN_POSITIVE
                } else {
                    f64::from(f32::MIN_POSITIVE)
                };
                let losses = confidence.to_f64()?.iter().map(|&p| 0.0 - p.clamp(least, 1.0).ln()).collect();
                return like(&confidence, losses, confidence.shape()).map(Some);
            }
            if let Some(scaled) = self.recorded(Kind::ScaledConfidence, asked)? {
                let loss = |&s: &f64| if s > 0.0 { (-s).exp().ln_1p() } else { s.exp().ln_1p() - s };
                // Double precision: a scaled confidence of 100 is a loss that single precision has no digits for.
                let losses: Vec<f64> = scaled.to_f64()?.iter().map(loss).collect();
                return Tensor::from_vec(losses, scaled.shape()).map(Some);
            }
        }
        let Some((kind, vector)) = self.vector(asked)? else {
            if other_labels && self.card.offers().contains(Access::LOSS) {
                return Err(self::other_labels());
            }
            return Ok(None);
        };
        let classes = vector.shape()[1];
        let labels = asked_labels.or(own).ok_or_else(|| Error::mismatch("labels", "class labels", "none"))?;
        if labels.len() != asked.ids.len() {
            return Err(Error::mismatch("labels of a question", asked.ids.len(), labels.len()));
        }
        let values = vector.to_f64()?;
        let mut losses = Vec::with_capacity(labels.len());
        for (row, &label) in values.chunks_exact(classes).zip(&labels) {
            let at = usize::try_from(label).ok().and_then(|label| row.get(label));
            let at = *at.ok_or_else(|| {
                Error::mismatch("label of a question", format!("a class below {classes}"), label)
            })?;
            losses.push(if kind == Kind::Logits {
                // The loss of what is impossible is the largest.
                (log_sum_exp(row) - at).min(f64::from(f32::MAX))
            } else {
                0.0 - at.max(f64::MIN_POSITIVE).ln()
            });
        }
        let shape = [losses.len()];
        like(&vector, losses, &shape).map(Some)
    }

    fn own_labels(&self, ids: &[u32]) -> Option<Vec<i64>> {
        let Labels::Classes { values, .. } = &self.labels else { return None };
        ids.iter().map(|&id| values.get(id as usize).map(|&label| i64::from(label))).collect()
    }
}

impl Target for RecordedTarget {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let Input::Records(ids, Augmentation(variant)) = &query.input else {
            return Err(Error::Unsupported(
                "recorded predictions answer questions about the audit's records only, not about new inputs"
                    .into(),
            ));
        };
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        if *variant >= self.card.augmentations {
            let there = self.card.augmentations;
            return Err(Error::mismatch(
                "variant of a record",
                format!("below {there}, the number of recorded ones"),
                variant,
            ));
        }
        let asked = Asked { ids, variant: *variant };
        let wanted = |access: Access| query.want.contains(access);
        let mut answers = Outputs::default();
        if wanted(Access::LOGITS) {
            answers.logits = self.recorded(Kind::Logits, asked)?;
        }
        if wanted(Access::PROBABILITIES) {
            answers.probabilities = self.probabilities(asked)?;
        }
        if wanted(Access::LABELS) {
            answers.labels = self.predicted(asked)?;
        }
        if wanted(Access::LOSS) {
            answers.loss = self.loss(asked, query.labels.as_ref())?;
        }
        if wanted(Access::EMBEDDING) {
            answers.embedding = self.recorded(Kind::Embedding, asked)?;
        }
        if wanted(Access::LAST_LAYER_GRADIENT) {
            answers.last_layer_gradient = self.recorded(Kind::LastLayerGradient, asked)?;
        }
        if wanted(Access::ACTIVATIONS) {
            for layer in &query.layers {
                let field =
                    self.fields.iter().find(|field| field.kind == Kind::Activations && field.layer == *layer);
                let field = field.ok_or_else(|| {
                    Error::mismatch(
                        "layer",
                        format!("one of: {}", self.card.layers.join(", ")),
                        format!("{layer:?}"),
                    )
                })?;
                answers.activations.push((layer.clone(), field.answer(asked)?));
            }
        }
        Ok(answers)
    }
}

fn other_labels() -> Error {
    Error::Unsupported("recorded losses are those of the true labels; the question has others".into())
}

/// Which records, in which variant.
#[derive(Clone, Copy)]
struct Asked<'a> {
    ids: &'a [u32],
    variant: u32,
}

impl Field {
    fn answer(&self, asked: Asked<'_>) -> Result<Tensor> {
        let row = |&id: &u32| {
            let row = self.rows.get(id as usize).copied();
            let row = row.ok_or_else(|| {
                Error::mismatch("record", format!("a number below {}", self.rows.len()), id)
            })?;
            // Cannot overflow: the stack's rows are counted in 32 bits, variants included.
            Ok(row * self.variants as u32 + asked.variant)
        };
        let rows: Vec<u32> = asked.ids.iter().map(row).collect::<Result<_>>()?;
        self.stack.gather(&rows)
    }

    fn check_shape(&self, task: Task) -> Result<()> {
        let of_classes =
            matches!(self.kind, Kind::TrueClassConfidence | Kind::ScaledConfidence | Kind::PredictedLabels);
        if of_classes && task != Task::Classification {
            let what = format!("{}: answers about a true class", self.place);
            return Err(Error::mismatch(what, "a model whose task is classification", task));
        }
        if self.kind == Kind::Values && matches!(task, Task::Classification | Task::Clustering) {
            let what = format!("{}: real values", self.place);
            return Err(Error::mismatch(what, "a model whose task is regression or reconstruction", task));
        }
        let shape = self.stack.row_shape();
        let given = || format!("rows of shape {shape:?}");
        if let Some(axes) = self.kind.axes()
            && shape.len() != axes
        {
            let expected =
                if axes == 0 { "one number per record" } else { "one row of class scores per record" };
            let hint = "; a leading axis of models needs `model = k` or `[k]`, an axis of variants `augmentations = true`";
            return Err(Error::mismatch(self.place.clone(), format!("{expected}{hint}"), given()));
        }
        if self.kind.is_vector() && shape == [1] && task != Task::MultiLabel {
            let expected = "at least two classes; write the single output p of a binary model as the two columns 1 − p and p";
            return Err(Error::mismatch(self.place.clone(), expected, "one"));
        }
        let float = matches!(self.stack.dtype(), Some(DType::F16 | DType::BF16 | DType::F32 | DType::F64));
        let whole = matches!(self.stack.dtype(), Some(DType::U8 | DType::I32 | DType::I64));
        // Tables have no types: their whole numbers come as floating-point ones.
        if float || (whole && self.kind == Kind::PredictedLabels) {
            return Ok(());
        }
        let expected =
            if self.kind == Kind::PredictedLabels { "whole numbers" } else { "floating-point numbers" };
        Err(Error::mismatch(self.place.clone(), expected, format!("{:?}", self.stack.dtype())))
    }

    fn check_values(
        &self,
        roster: &Roster,
        classes: Option<usize>,
        task: Task,
        labelled: bool,
    ) -> Result<()> {
        let labelled = labelled && task == Task::Classification;
        match self.stack.dtype() {
            Some(DType::F16) => self.check::<f16>(roster, classes, task, labelled),
            Some(DType::F32) => self.check::<f32>(roster, classes, task, labelled),
            Some(DType::F64) => self.check::<f64>(roster, classes, task, labelled),
            // Whole numbers are class numbers, few and not on any fast path.
            _ => self.check_whole(roster, classes),
        }
    }

    fn check<T: Element + Into<f64>>(
        &self,
        roster: &Roster,
        classes: Option<usize>,
        task: Task,
        labelled: bool,
    ) -> Result<()> {
        let top = classes.map_or(f64::INFINITY, |n| n as f64);
        match self.kind {
            Kind::Probabilities => {
                self.each::<T>(roster, "a probability from 0 to 1", |p| (0.0..=1.00001).contains(&p))?;
                if labelled { self.check_sums::<T>(roster) } else { Ok(()) }
            }
            Kind::Logits => {
                self.each::<T>(roster, "a number below +inf", |z| z < f64::INFINITY)?;
                if task == Task::MultiLabel { Ok(()) } else { self.check_possible::<T>(roster) }
            }
            Kind::TrueClassConfidence => {
                self.each::<T>(roster, "a probability from 0 to 1", |p| (0.0..=1.00001).contains(&p))
            }
            Kind::Loss if labelled => {
                self.each::<T>(roster, "a finite cross-entropy loss, at least 0", |l| {
                    (0.0..f64::INFINITY).contains(&l)
                })
            }
            Kind::PredictedLabels => {
                self.each::<T>(roster, "the number of a class", |c| c >= 0.0 && c < top && c.fract() == 0.0)
            }
            _ => self.each::<T>(roster, "a finite number", f64::is_finite),
        }
    }

    /// One pass over the rows of the roster's records.
    fn each<T: Element + Into<f64>>(
        &self,
        roster: &Roster,
        expected: &str,
        good: impl Fn(f64) -> bool,
    ) -> Result<()> {
        let found = self.stack.search::<T, _>(self.used_rows(), |i, row| {
            // Without an exit in the middle the loop is vectorised.
            if row.iter().fold(true, |all, &x| all & good(x.into())) {
                return None;
            }
            row.iter().position(|&x| !good(x.into())).map(|j| (i, j, row[j].into()))
        })?;
        let Some((i, j, value)) = found else { return Ok(()) };
        let column = match (self.kind.is_vector(), self.stack.row_shape()) {
            (true, _) => format!(", class {j}"),
            (false, []) => String::new(),
            (false, _) => format!(", element {j}"),
        };
        let what = if value.is_nan() {
            "is NaN".to_owned()
        } else if value.is_infinite() {
            "is infinite".to_owned()
        } else {
            "is out of range".to_owned()
        };
        Err(Error::data(format!("{}{column}", self.at(roster, i)), format!("{what}; expected {expected}")))
    }

    fn check_sums<T: Element + Into<f64>>(&self, roster: &Roster) -> Result<()> {
        let classes = self.stack.row_shape()[0];
        // As strict as the signals computed from them.
        let tolerance = 0.01;
        let found = self.stack.search::<T, _>(self.used_rows(), |i, row| {
            let sum: f64 = row.iter().map(|&p| p.into()).sum();
            ((sum - 1.0).abs() > tolerance).then_some((i, sum))
        })?;
        found.map_or(Ok(()), |(i, sum)| {
            let problem = format!("the {classes} probabilities have the sum {sum:.4}; expected 1");
            Err(Error::data(self.at(roster, i), problem))
        })
    }

    /// Some class has to be possible.
    fn check_possible<T: Element + Into<f64>>(&self, roster: &Roster) -> Result<()> {
        let found = self.stack.search::<T, _>(self.used_rows(), |i, row| {
            row.iter().all(|&z| z.into() == f64::NEG_INFINITY).then_some(i)
        })?;
        found.map_or(Ok(()), |i| {
            Err(Error::data(self.at(roster, i), "the logits are all -inf; expected a finite one among them"))
        })
    }

    fn check_whole(&self, roster: &Roster, classes: Option<usize>) -> Result<()> {
        let rows: Vec<u32> = self.used_rows().collect();
        let top = classes.and_then(|n| i64::try_from(n).ok()).unwrap_or(i64::MAX);
        let bad = self.stack.gather(&rows)?.to_i64()?.iter().position(|label| !(0..top).contains(label));
        bad.map_or(Ok(()), |i| {
            Err(Error::data(self.at(roster, i), "is out of range; expected the number of a class"))
        })
    }

    /// Rows of the stack, variants included, in the order of the roster.
    fn used_rows(&self) -> impl Iterator<Item = u32> {
        let variants = self.variants as u32;
        self.rows.iter().flat_map(move |&row| row * variants..(row + 1) * variants)
    }

    /// Names entry `i` of [`Field::used_rows`].
    fn at(&self, roster: &Roster, i: usize) -> String {
        let id = roster.ids().get(i / self.variants).map_or("", String::as_str);
        let variant =
            if self.variants > 1 { format!(", variant {}", i % self.variants) } else { String::new() };
        format!("{}, record {id:?}{variant}", self.place)
    }
}

fn log_sum_exp(row: &[f64]) -> f64 {
    let largest = row.iter().copied().fold(f64::NEG_INFINITY, f64::max);
    largest + row.iter().map(|&z| (z - largest).exp()).sum::<f64>().ln()
}

/// Values in double precision where the source has it, in single precision otherwise.
fn like(source: &Tensor, values: Vec<f64>, shape: &[usize]) -> Result<Tensor> {
    if source.dtype() == DType::F64 {
        return Tensor::from_vec(values, shape);
    }
    Tensor::from_vec(values.into_iter().map(|x| x as f32).collect(), shape)
}
