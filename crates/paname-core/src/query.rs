//! Questions to a model and its answers, always for a batch.

use crate::{Access, Error, Indices, Result, Table, Tensor};

/// One batch of questions.
#[derive(Debug, Clone)]
pub struct Query {
    /// What is put to the model.
    pub input: Input,
    /// True labels `[records, …]`, needed for losses and gradients of losses.
    pub labels: Option<Tensor>,
    /// Which outputs are wanted.
    pub want: Access,
    /// Names of the layers whose activations are wanted; with [`MOMENTS`] behind a name, their moments.
    pub layers: Vec<String>,
}

/// What stands behind the name of a layer where moments of its activations are wanted: `[records, 2, channels]`, for each record and channel, the second
/// axis of the activations, the mean and the mean square over all other axes. Those of a batch are the means over its records.
pub const MOMENTS: &str = ":moments";

impl Query {
    /// A question about known records, as they are.
    pub fn records(ids: impl Into<Indices>, want: Access) -> Self {
        let input = Input::Records(ids.into(), Augmentation::default());
        Self { input, labels: None, want, layers: Vec::new() }
    }

    /// Number of records, rows or prompts in the batch: what budgets count.
    pub fn len(&self) -> usize {
        match &self.input {
            Input::Records(ids, _) => ids.len(),
            Input::Tensor(rows) | Input::Tokens(rows) => rows.rows(),
            Input::Text(prompts, _) => prompts.len(),
            Input::Table(table) => table.rows(),
        }
    }

    /// Whether the batch is empty.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// What is put to a model. A target of recorded answers takes [`Input::Records`] only.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum Input {
    /// Records by their number in the case, under an augmentation.
    Records(Indices, Augmentation),
    /// Raw inputs `[records, …]`.
    Tensor(Tensor),
    /// Token ids `[records, length]`.
    Tokens(Tensor),
    /// Prompts, and how to sample their continuations.
    Text(Vec<String>, Sampling),
    /// Raw inputs of mixed types, one row a record.
    Table(Table),
}

/// The number of a deterministic variant of the input (a flip, a shift); 0 is the record as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord)]
pub struct Augmentation(pub u32);

/// How text is generated.
#[derive(Debug, Clone, PartialEq)]
pub struct Sampling {
    /// Longest continuation, in tokens.
    pub max_tokens: u32,
    /// Temperature; 0 is greedy.
    pub temperature: f64,
    /// Only the `k` likeliest tokens; 0 is all.
    pub top_k: u32,
    /// Seed of the sampler, where the target honours one.
    pub seed: u64,
}

/// A named tensor, such as the activations of a layer.
pub type Named<T> = Vec<(String, T)>;

/// Answers to one [`Query`]: a field per [`Access`], present where it was wanted and offered. The first axis of every tensor is the batch.
#[derive(Debug, Clone, Default)]
pub struct Outputs {
    /// Predicted class indices or values.
    pub labels: Option<Tensor>,
    /// Class probabilities `[records, classes]`.
    pub probabilities: Option<Tensor>,
    /// Unnormalised class scores `[records, classes]`.
    pub logits: Option<Tensor>,
    /// Loss of each record.
    pub loss: Option<Tensor>,
    /// Representations `[records, width]`.
    pub embedding: Option<Tensor>,
    /// Values at each wanted layer `[records, …]`.
    pub activations: Named<Tensor>,
    /// Leaf index per tree `[records, trees]`.
    pub leaves: Option<Tensor>,
    /// Gradient of each record's loss with respect to the last layer `[records, parameters]`.
    pub last_layer_gradient: Option<Tensor>,
    /// Generated continuations, one per prompt.
    pub text: Vec<String>,
    /// Log-probability of each given token `[records, length]`.
    pub token_log_probabilities: Option<Tensor>,
}

/// The tensor fields of [`Outputs`], one list for every loop over them.
macro_rules! tensor_fields {
    ($each:ident) => {
        $each!(labels => LABELS, probabilities => PROBABILITIES, logits => LOGITS, loss => LOSS, embedding => EMBEDDING, leaves => LEAVES,
            last_layer_gradient => LAST_LAYER_GRADIENT, token_log_probabilities => TOKEN_LOG_PROBABILITIES)
    };
}

impl Outputs {
    /// The set of outputs that are present.
    pub fn present(&self) -> Access {
        let mut present = Access::empty();
        present.set(Access::ACTIVATIONS, !self.activations.is_empty());
        present.set(Access::TEXT, !self.text.is_empty());
        macro_rules! add {
            ($($field:ident => $access:ident),*) => { $(present.set(Access::$access, self.$field.is_some());)* };
        }
        tensor_fields!(add);
        present
    }

    /// The tensors, each under the access that it answers.
    pub(crate) fn tensors(&self) -> [(Access, Option<&Tensor>); 8] {
        macro_rules! list {
            ($($field:ident => $access:ident),*) => { [$((Access::$access, self.$field.as_ref())),*] };
        }
        tensor_fields!(list)
    }

    /// The name and the place of the tensor that answers this access.
    pub(crate) fn tensor_mut(&mut self, access: Access) -> Option<(&'static str, &mut Option<Tensor>)> {
        macro_rules! find {
            ($($field:ident => $access:ident),*) => {
                match access {
                    $(Access::$access => Some((stringify!($field), &mut self.$field)),)*
                    _ => None,
                }
            };
        }
        tensor_fields!(find)
    }

    /// Checks that every answer has one row per question: the answers of a foreign target are not to be trusted.
    pub fn check_rows(&self, rows: usize) -> Result<()> {
        let check = |name: &str, tensor: &Tensor| {
            if tensor.shape().is_empty() || tensor.rows() != rows {
                let expected = format!("one row for each of {rows} questions");
                return Err(Error::mismatch(
                    format!("answered {name}"),
                    expected,
                    format!("shape {:?}", tensor.shape()),
                ));
            }
            Ok(())
        };
        macro_rules! each {
            ($($field:ident => $access:ident),*) => { $(if let Some(t) = &self.$field { check(stringify!($field), t)?; })* };
        }
        tensor_fields!(each);
        for (name, tensor) in &self.activations {
            check(name, tensor)?;
        }
        if !self.text.is_empty() && self.text.len() != rows {
            return Err(Error::mismatch("answered texts", rows, self.text.len()));
        }
        Ok(())
    }

    /// The answers to question `row` alone, still with a batch axis.
    pub(crate) fn row(&self, row: usize) -> Result<Self> {
        let one = |tensor: &Tensor| tensor.slice(row..row + 1);
        let mut answers = Self::default();
        macro_rules! each {
            ($($field:ident => $access:ident),*) => { $(answers.$field = self.$field.as_ref().map(one).transpose()?;)* };
        }
        tensor_fields!(each);
        answers.activations =
            self.activations.iter().map(|(name, t)| Ok((name.clone(), one(t)?))).collect::<Result<_>>()?;
        answers.text = self.text.get(row).cloned().into_iter().collect();
        Ok(answers)
    }

    /// Puts answers of one kind under each other.
    pub(crate) fn stack(parts: &[&Self]) -> Result<Self> {
        let mut answers = Self::default();
        macro_rules! each {
            ($($field:ident => $access:ident),*) => {
                $(answers.$field = stack_tensors(parts.iter().map(|part| part.$field.as_ref()))?;)*
            };
        }
        tensor_fields!(each);
        let layers = parts.first().map_or(&[][..], |part| &part.activations);
        for (i, (name, _)) in layers.iter().enumerate() {
            let layer = parts.iter().map(|part| part.activations.get(i).map(|(_, tensor)| tensor));
            if let Some(tensor) = stack_tensors(layer)? {
                answers.activations.push((name.clone(), tensor));
            }
        }
        answers.text = parts.iter().flat_map(|part| part.text.iter().cloned()).collect();
        Ok(answers)
    }
}

/// Concatenates along the batch axis; nothing where no part has the tensor.
fn stack_tensors<'a>(parts: impl Iterator<Item = Option<&'a Tensor>>) -> Result<Option<Tensor>> {
    let Some(parts) = parts.collect::<Option<Vec<&Tensor>>>() else { return Ok(None) };
    let Some(first) = parts.first() else { return Ok(None) };
    let mut shape = first.shape().to_vec();
    shape[0] = 0;
    let mut bytes = Vec::new();
    for part in &parts {
        if part.dtype() != first.dtype() || part.shape()[1..] != shape[1..] {
            return Err(Error::mismatch("answers", format!("{first:?}"), format!("{part:?}")));
        }
        shape[0] += part.rows();
        bytes.extend_from_slice(part.bytes()?);
    }
    Tensor::from_bytes(&bytes, first.dtype(), &shape).map(Some)
}
