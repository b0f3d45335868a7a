//! How a model is fitted, as data: what a manifest says, what crosses to an adapter, what evidence names.

use serde_json::Value;

/// How to fit a model. Where a field is `None` the adapter's own default holds.
#[derive(Debug, Clone, Default, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Recipe {
    /// Name of an architecture that the adapter has, or a file, with sizes, such as `{ name = "mlp", hidden = [128] }`.
    pub architecture: serde_json::Map<String, Value>,
    /// What is minimised.
    pub objective: Objective,
    /// How parameters are moved.
    pub optimizer: Option<Optimizer>,
    /// Step size at its highest.
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub learning_rate: Option<f64>,
    /// Share of the last step that is kept in the next, for `sgd`.
    #[schemars(extend("minimum" = 0, "exclusiveMaximum" = 1))]
    pub momentum: Option<f64>,
    /// How the step size changes.
    pub schedule: Option<Schedule>,
    /// Passes over the rows in which the step size grows to its highest.
    #[schemars(extend("minimum" = 0))]
    pub warm_up: Option<f64>,
    /// L2 penalty; decoupled with `adamw`.
    #[schemars(extend("minimum" = 0))]
    pub weight_decay: Option<f64>,
    /// Share of the target's probability that is spread over all classes.
    #[schemars(extend("minimum" = 0, "exclusiveMaximum" = 1))]
    pub label_smoothing: Option<f64>,
    /// Share of the average of earlier parameters that each step keeps; that average is the fitted model. None where absent.
    #[schemars(extend("minimum" = 0, "exclusiveMaximum" = 1))]
    pub average: Option<f64>,
    /// Passes over the rows.
    #[schemars(extend("minimum" = 1))]
    pub epochs: Option<u32>,
    /// Rows per step.
    #[schemars(extend("minimum" = 1))]
    pub batch: Option<u32>,
    /// Random changes of the inputs, applied in order to each row whenever it is met.
    pub augmentation: Vec<Transformation>,
    /// Ends a fit that no longer gets better.
    pub early_stop: Option<EarlyStop>,
    /// Passes after which weights are kept besides the last.
    pub checkpoints: Vec<u32>,
}

/// What a fit minimises.
#[derive(
    Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema,
)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Objective {
    /// Cross-entropy of classes.
    #[default]
    CrossEntropy,
    /// Mean squared error.
    MeanSquaredError,
    /// Cross-entropy to the outputs of another model.
    Distillation,
    /// Pinball loss of quantile regression.
    Pinball,
    /// Evidence lower bound of a variational autoencoder.
    VariationalAutoencoder,
    /// Adversarial training of a generator.
    Adversarial,
    /// Agreement between augmented views.
    Contrastive,
}

/// How parameters are moved.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Optimizer {
    /// Stochastic gradient descent, with momentum where it is given.
    Sgd,
    /// The same with Nesterov's momentum (Sutskever et al. 2013).
    Nesterov,
    /// Adam (Kingma and Ba 2015), β = (0.9, 0.999), ε = 1e-8.
    Adam,
    /// Adam with decoupled weight decay (Loshchilov and Hutter 2019).
    Adamw,
}

/// How the step size changes, after the warm-up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Schedule {
    /// Not at all.
    Constant,
    /// Down to zero along half a cosine (Loshchilov and Hutter 2017).
    Cosine,
    /// A tenth after half of the passes, and a tenth of that after three quarters.
    Step,
    /// Up from a twenty-fifth during the first three tenths of the steps, then down to nearly nothing, both along a cosine (Smith and Topin 2018).
    OneCycle,
}

/// A random change of an image.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
#[non_exhaustive]
pub enum Transformation {
    /// Left and right change places, with probability one half.
    Flip,
    /// Moved by up to so many pixels either way along both axes; what comes in is zero.
    Shift(u32),
    /// A part of this side length, at a random place, of the image with so many zeros around it: `[side, padding]`.
    Crop(u32, u32),
    /// A square of this side length at a random place becomes zero (DeVries and Taylor 2017).
    Cutout(u32),
}

/// When a fit ends early.
#[derive(Debug, Clone, Copy, PartialEq, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct EarlyStop {
    /// Share of the rows that is held out to measure by, and not fitted on.
    #[schemars(extend("exclusiveMinimum" = 0, "exclusiveMaximum" = 1))]
    pub share: f64,
    /// Passes without a lower loss on them after which the fit ends; the best weights are kept.
    #[schemars(extend("minimum" = 1))]
    pub patience: u32,
}
