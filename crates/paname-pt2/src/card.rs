//! What our exporter says about a model beside its graph.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::program::{Program, ValueKind};

/// The format of the card that this crate reads.
pub(crate) const FORMAT: u32 = 1;

/// The card of an archive that `paname_export` wrote. What the exporter did not know is absent.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[non_exhaustive]
pub struct Card {
    /// The format of the card: 1.
    pub format: u32,
    /// Version of PyTorch by which the model was exported.
    #[serde(default)]
    pub torch: Option<String>,
    /// Name and version of the exporter.
    #[serde(default)]
    pub exporter: Option<String>,
    /// What the model is for, such as `classification`.
    #[serde(default)]
    pub task: Option<String>,
    /// The tensors that the user gives, in order.
    #[serde(default)]
    pub inputs: Vec<Described>,
    /// The tensors that the user gets, in order.
    #[serde(default)]
    pub outputs: Vec<Described>,
    /// What is done to an input before the model sees it; it is no part of the graph.
    #[serde(default)]
    pub normalisation: Option<Normalisation>,
    /// Names of the classes, in the order of the outputs.
    #[serde(default)]
    pub classes: Vec<String>,
    /// Modules whose activations can be asked for, in the order of the graph.
    #[serde(default)]
    pub layers: Vec<Activation>,
    /// Names of the signature whose tensor is stored under another name, since both are one.
    #[serde(default)]
    pub aliases: BTreeMap<String, String>,
}

/// A tensor that goes in or out.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Described {
    /// Its name: that of the argument, the key of a dictionary, or a number.
    pub name: String,
    /// Its sizes.
    pub shape: Vec<Dimension>,
    /// The type of its elements, by its name in PyTorch, such as `float32`.
    pub dtype: String,
}

/// A size that is fixed or has a name.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(untagged)]
pub enum Dimension {
    /// Always this.
    Fixed(u64),
    /// Any; `batch` is that of the records.
    Named(String),
}

/// x becomes (x − mean) / std, channel by channel, where x lies in 0 to 1.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Normalisation {
    /// One a channel.
    pub mean: Vec<f64>,
    /// One a channel, as many as means, above 0.
    pub std: Vec<f64>,
}

/// A module and the value that is its output.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Deserialize)]
pub struct Activation {
    /// The module's path, such as `layer1.0`.
    pub name: String,
    /// The name of a tensor among the values of the graph.
    pub value: String,
}

impl Card {
    /// Holds the card against the program that it is about.
    pub(crate) fn check(&self, program: &Program) -> Result<(), String> {
        let tensors = program.user_tensors().count();
        if !self.inputs.is_empty() && self.inputs.len() != tensors {
            return Err(format!(
                "`inputs` describes {} tensors; the graph takes {tensors}",
                self.inputs.len()
            ));
        }
        let returned = program.signature.user_outputs(&program.graph).count();
        if !self.outputs.is_empty() && self.outputs.len() != returned {
            return Err(format!(
                "`outputs` describes {} tensors; the graph returns {returned}",
                self.outputs.len()
            ));
        }
        if let Some(Normalisation { mean, std }) = &self.normalisation {
            let sound = mean.len() == std.len()
                && mean.iter().all(|mean| mean.is_finite())
                && std.iter().all(|std| *std > 0.0 && std.is_finite());
            if !sound {
                return Err("`normalisation` needs as many means as deviations, all of these above 0".into());
            }
        }
        let values = program.graph.values.iter();
        let known: std::collections::HashSet<&str> = values
            .filter(|value| matches!(value.kind, ValueKind::Tensor(_)))
            .map(|value| value.name.as_str())
            .collect();
        match self.layers.iter().find(|layer| !known.contains(layer.value.as_str())) {
            Some(Activation { name, value }) => {
                Err(format!("layer `{name}` names `{value}`, which is no tensor of the graph"))
            }
            None => Ok(()),
        }
    }
}
