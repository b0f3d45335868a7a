//! What a target asks of a model, whatever it is made of.

use std::sync::Arc;

use paname_core::Result;
use tch::Tensor;

use crate::network::{Heard, Network, channels_last};

/// Name of the values that the last layer is given.
pub(crate) const EMBEDDING: &str = "embedding";
/// Name of the values of a module that is called as these are.
pub(crate) const EMBEDDING_MODULE: &str = "embedding-module";

/// A model that is asked, and not changed.
pub(crate) trait Model: Send + Sync {
    /// The outputs for a prepared batch; `heard` is told of the values at each of the places in `wanted`, and perhaps at others.
    fn forward(&self, batch: &Tensor, wanted: &[&str], heard: Heard<'_>) -> Result<Tensor>;

    /// The places that are told of.
    fn layers(&self) -> Vec<String>;

    /// Whether the values at a place can be told, though it may be none of [`Model::layers`].
    fn knows(&self, layer: &str) -> bool {
        self.layers().iter().any(|known| known == layer)
    }

    /// Parameters and buffers by name.
    fn parameters(&self) -> Result<Vec<(String, Tensor)>>;

    /// Whether there are any, without a copy of them.
    fn has_parameters(&self) -> Result<bool> {
        Ok(!self.parameters()?.is_empty())
    }

    /// Weight `[outputs, width]` and bias `[outputs]`, where there is one, of the layer that the outputs come from.
    fn last_layer(&self, outputs: i64) -> Result<Option<(Tensor, Option<Tensor>)>>;

    /// Whether gradients with respect to its parameters can be asked for, see [`Model::learnable`].
    fn learns(&self) -> bool {
        false
    }

    /// A copy to be differentiated with respect to its parameters; none where that cannot be.
    fn learnable(&self) -> Result<Option<Learnable>> {
        Ok(None)
    }

    /// What of the model follows from one of the places that are told of; none where that cannot be.
    fn after(&self, _layer: &str) -> Result<Option<Arc<dyn Model>>> {
        Ok(None)
    }

    /// Whether it is a program that may keep or change what it is given, and may not be what it seems.
    fn is_foreign(&self) -> bool;

    /// What a record has to be, where it is known that one of this shape is not that: for the message when it fails.
    fn expects(&self, record: &[i64]) -> Option<String>;
}

/// A model with parameters that gradients lead to.
pub(crate) struct Learnable {
    pub(crate) model: Arc<dyn Model>,
    /// Parameters by name, in order, each tensor once.
    pub(crate) parameters: Vec<(String, Tensor)>,
}

/// A model that a fit moves.
pub(crate) trait Learner: Model {
    /// The outputs for a batch of prepared records. In a fit dropout is active, and normalisation goes by the batch and keeps running statistics.
    fn answer(&self, batch: &Tensor, fitting: bool) -> Result<Tensor>;

    /// What a fit moves, each tensor once.
    fn learnt(&self) -> Vec<Tensor>;

    /// Parameters and buffers by name, which share memory with the model's own.
    fn state(&self) -> Vec<(String, Tensor)>;

    /// The model as it is now, with parameters and buffers that nothing moves.
    fn copied(&self) -> Result<Self>
    where
        Self: Sized;
}

impl Learner for Network {
    fn answer(&self, batch: &Tensor, fitting: bool) -> Result<Tensor> {
        self.forward(&channels_last(batch)?, fitting, &mut |_, _| {})
    }

    fn learnt(&self) -> Vec<Tensor> {
        self.parameters().map(Tensor::shallow_clone).collect()
    }

    fn state(&self) -> Vec<(String, Tensor)> {
        self.named().into_iter().map(|(name, value)| (name, value.shallow_clone())).collect()
    }

    fn copied(&self) -> Result<Self> {
        self.copied()
    }
}

impl Model for Network {
    fn forward(&self, batch: &Tensor, _wanted: &[&str], heard: Heard<'_>) -> Result<Tensor> {
        self.forward(batch, false, heard)
    }

    fn layers(&self) -> Vec<String> {
        self.layers()
    }

    fn parameters(&self) -> Result<Vec<(String, Tensor)>> {
        Ok(self.state())
    }

    fn last_layer(&self, _outputs: i64) -> Result<Option<(Tensor, Option<Tensor>)>> {
        Ok(self.last().map(|(weight, bias)| (weight.shallow_clone(), Some(bias.shallow_clone()))))
    }

    fn learns(&self) -> bool {
        true
    }

    fn learnable(&self) -> Result<Option<Learnable>> {
        let copy = self.copied()?;
        let leaves = copy.parameters().map(|parameter| parameter.set_requires_grad(true));
        let names = copy.named().into_iter().map(|(name, _)| name);
        let parameters = names.zip(leaves).collect();
        Ok(Some(Learnable { model: Arc::new(copy), parameters }))
    }

    fn is_foreign(&self) -> bool {
        false
    }

    fn expects(&self, record: &[i64]) -> Option<String> {
        (record != self.record()).then(|| format!("records of shape {:?}", self.record()))
    }
}
