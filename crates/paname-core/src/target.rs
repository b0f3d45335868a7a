//! The model under audit, whatever it is made of.

use std::fmt;

use crate::{Access, Augmentation, Error, Indices, Named, Outputs, Query, Result, Tensor};

/// What a model does.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    Default,
    serde::Serialize,
    serde::Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Task {
    /// One class out of several.
    #[default]
    Classification,
    /// Any number of labels out of several.
    MultiLabel,
    /// A real value or vector.
    Regression,
    /// A representation.
    Embedding,
    /// The input again.
    Reconstruction,
    /// Text, images or sound.
    Generation,
    /// The density of the data.
    Density,
    /// A cluster, found without labels.
    Clustering,
}

impl Task {
    /// Every task.
    pub const ALL: [Self; 8] = [
        Self::Classification,
        Self::MultiLabel,
        Self::Regression,
        Self::Embedding,
        Self::Reconstruction,
        Self::Generation,
        Self::Density,
        Self::Clustering,
    ];

    /// Its name in manifests.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Classification => "classification",
            Self::MultiLabel => "multi-label",
            Self::Regression => "regression",
            Self::Embedding => "embedding",
            Self::Reconstruction => "reconstruction",
            Self::Generation => "generation",
            Self::Density => "density",
            Self::Clustering => "clustering",
        }
    }

    /// What is granted, with what follows from it: only of classification does one answer give another, see [`Access::with_implied`].
    #[must_use]
    pub fn with_implied(self, access: Access) -> Access {
        if self == Self::Classification { access.with_implied() } else { access }
    }

    /// The stable number of this task, for plugin boundaries.
    pub(crate) const fn code(self) -> u32 {
        match self {
            Self::Classification => 0,
            Self::MultiLabel => 1,
            Self::Regression => 2,
            Self::Embedding => 3,
            Self::Reconstruction => 4,
            Self::Generation => 5,
            Self::Density => 6,
            Self::Clustering => 7,
        }
    }

    /// The task of [`Task::code`].
    pub(crate) fn from_code(code: u32) -> Result<Self> {
        let task = Self::ALL.into_iter().find(|task| task.code() == code);
        task.ok_or_else(|| Error::Unsupported(format!("task {code}")))
    }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// What a target says of itself.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(default)]
pub struct TargetCard {
    /// A name for people.
    pub name: String,
    /// Digest of everything that decides its answers, such as its weights or its recorded predictions; hexadecimal.
    pub fingerprint: String,
    /// What it does.
    pub task: Task,
    /// Number of classes, where there are classes.
    pub classes: Option<usize>,
    /// Names of the layers whose activations can be asked for.
    pub layers: Vec<String>,
    /// Names of the accesses offered (see [`TargetCard::offers`]).
    pub access: Vec<String>,
    /// Whether only records of the roster can be asked about, as with recorded predictions.
    pub recorded: bool,
    /// Number of augmented variants of each record, the record itself included; at least 1.
    pub augmentations: u32,
}

impl TargetCard {
    /// The accesses offered, with what follows from them.
    pub fn offers(&self) -> Access {
        let named = self.access.iter().filter_map(|name| Access::named(name));
        self.task.with_implied(named.fold(Access::empty(), |a, b| a | b))
    }
}

/// A model that answers questions. An implementation overrides what it offers: every default body denies.
///
/// Answers must depend on the question alone, and each row's answer on that row alone.
pub trait Target: Send + Sync {
    /// What the target is and offers.
    fn card(&self) -> &TargetCard;

    /// Answers a batch.
    fn predict(&self, query: &Query) -> Result<Outputs> {
        Err(Error::Denied(query.want))
    }

    /// Answers a batch and keeps the graph, so that gradients with respect to the input cost one backward pass each and no second forward.
    fn vjp(&self, _query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        Err(Error::Denied(Access::INPUT_GRADIENT))
    }

    /// Weights and buffers by name.
    fn parameters(&self) -> Result<Named<Tensor>> {
        Err(Error::Denied(Access::PARAMETERS))
    }

    /// The same model seen from another side.
    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        match view {
            View::ParameterGradient { .. } => Err(Error::Denied(Access::PARAMETER_GRADIENT)),
            View::From(_) => Err(Error::Denied(Access::ACTIVATIONS)),
        }
    }

    /// What the model is given for these records `[records, …]`, in floating point, so that it can be changed: put to the model as
    /// [`Input::Tensor`](crate::Input::Tensor), it gets the same answers. No question to the model.
    fn input(&self, _records: &Indices) -> Result<Tensor> {
        Err(Error::Denied(Access::NEW_INPUTS))
    }

    /// The same of a variant of each record: where an attribute is guessed, of the records as they would be with this candidate.
    fn variant(&self, records: &Indices, variant: Augmentation) -> Result<Tensor> {
        if variant == Augmentation(0) { self.input(records) } else { Err(Error::Denied(Access::NEW_INPUTS)) }
    }
}

/// Another side of a model, itself a target.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum View {
    /// Maps (x, c) to Σᵢ cᵢ ∂f(xᵢ)/∂θ over the parameters of these layers (all when empty); itself differentiable.
    ParameterGradient {
        /// Names of layers.
        layers: Vec<String>,
    },
    /// The part of the model that follows this layer: inputs are intermediate features.
    From(String),
}

/// The linear map from cotangents of outputs to cotangents of the input, for one answered batch.
pub trait Pullback: Send {
    /// For the cotangents in `cotangent` (fields absent count as zero), the gradient of ⟨outputs, cotangent⟩ with respect to the input, one row
    /// per record.
    fn apply(&self, cotangent: &Outputs) -> Result<Tensor>;
}
