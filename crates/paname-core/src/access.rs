//! What may be asked of a model.

use std::fmt;

bitflags::bitflags! {
    /// A set of things that may be asked of a target. An adapter says what it offers, an attack what it needs, the manifest what is granted.
    /// The bits are stable: they cross plugin boundaries and stand in evidence files.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
    pub struct Access: u64 {
        /// The predicted class or value.
        const LABELS = 1;
        /// Class probabilities.
        const PROBABILITIES = 1 << 1;
        /// Unnormalised class scores.
        const LOGITS = 1 << 2;
        /// The training loss of a record, given its label.
        const LOSS = 1 << 3;
        /// A representation of the input.
        const EMBEDDING = 1 << 4;
        /// Values at named inner layers.
        const ACTIVATIONS = 1 << 5;
        /// The leaf that each tree sends the record to.
        const LEAVES = 1 << 6;
        /// Gradients of outputs with respect to the input.
        const INPUT_GRADIENT = 1 << 7;
        /// Per-record gradient of the loss with respect to the last layer.
        const LAST_LAYER_GRADIENT = 1 << 8;
        /// Per-record gradients of the loss with respect to parameters.
        const PARAMETER_GRADIENT = 1 << 9;
        /// Parameters and buffers themselves.
        const PARAMETERS = 1 << 10;
        /// Generated text.
        const TEXT = 1 << 11;
        /// Log-probabilities of given tokens.
        const TOKEN_LOG_PROBABILITIES = 1 << 12;
        /// Answers about any input, such as a record that was changed, and not about records as they are alone.
        const NEW_INPUTS = 1 << 13;
    }
}

/// Every single access with its name in manifests and reports, in the order of the bits.
pub const ACCESS_NAMES: &[(Access, &str)] = &[
    (Access::LABELS, "labels"),
    (Access::PROBABILITIES, "probabilities"),
    (Access::LOGITS, "logits"),
    (Access::LOSS, "loss"),
    (Access::EMBEDDING, "embedding"),
    (Access::ACTIVATIONS, "activations"),
    (Access::LEAVES, "leaves"),
    (Access::INPUT_GRADIENT, "input-gradient"),
    (Access::LAST_LAYER_GRADIENT, "last-layer-gradient"),
    (Access::PARAMETER_GRADIENT, "parameter-gradient"),
    (Access::PARAMETERS, "parameters"),
    (Access::TEXT, "text"),
    (Access::TOKEN_LOG_PROBABILITIES, "token-log-probabilities"),
    (Access::NEW_INPUTS, "new-inputs"),
];

impl Access {
    /// The access of this name, as written in a manifest.
    pub fn named(name: &str) -> Option<Self> {
        ACCESS_NAMES.iter().find(|(_, n)| *n == name).map(|(access, _)| *access)
    }

    /// The names of the single accesses in this set, in the order of the bits.
    pub fn names(self) -> impl Iterator<Item = &'static str> {
        ACCESS_NAMES.iter().filter(move |(access, _)| self.contains(*access)).map(|(_, name)| *name)
    }

    /// This set with everything that follows from it: logits give probabilities, probabilities give labels, and either gives the loss of a
    /// labelled record.
    #[must_use]
    pub fn with_implied(self) -> Self {
        let mut all = self;
        if all.contains(Self::LOGITS) {
            all |= Self::PROBABILITIES;
        }
        if all.contains(Self::PROBABILITIES) {
            all |= Self::LABELS | Self::LOSS;
        }
        all
    }
}

impl fmt::Display for Access {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        for (i, name) in self.names().enumerate() {
            if i > 0 {
                f.write_str(", ")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}
