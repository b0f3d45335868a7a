//! Which number attacks take that ask how well a model knows a record: by default the one of the case's task, see [`Signal::of_task`].

use std::borrow::Cow;

use paname_core::{CaseSize, Error, Result, Signal, Task};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// The choice of a signal. Written as a text: `auto`, or the name of a signal.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Statistic {
    /// The attack's own where the task is classification, the statistic of the task elsewhere. Stands for the former until it is settled.
    #[default]
    Auto,
    /// This one.
    Of(Signal),
}

impl Statistic {
    /// The choice in this case; `own` is what the attack takes in classification.
    #[must_use]
    pub fn settled(self, size: &CaseSize, own: Signal) -> Self {
        match self {
            Self::Auto if size.task == Task::Classification => Self::Of(own),
            Self::Auto => Self::Of(size.statistic()),
            settled @ Self::Of(_) => settled,
        }
    }

    /// The choice of an attack that takes the exponential of the number for a likelihood. It is the statistic of the task but with several labels,
    /// where sums of log-odds are not the logarithm of any.
    #[must_use]
    pub fn settled_likelihood(self, size: &CaseSize, own: Signal) -> Self {
        match self {
            Self::Auto if size.task == Task::MultiLabel => Self::Of(Signal::LogDensity),
            other => other.settled(size, own),
        }
    }

    /// The signal to read.
    #[must_use]
    pub fn signal(self, own: Signal) -> Signal {
        match self {
            Self::Auto => own,
            Self::Of(signal) => signal,
        }
    }

    /// The signal to read where larger values must speak for membership. Fails where they speak against it.
    pub fn rising(self, own: Signal) -> Result<Signal> {
        let signal = self.signal(own);
        if signal.rises_with_membership() {
            return Ok(signal);
        }
        Err(Error::Config(format!(
            "`signal` must be one of which members have larger values, such as log-density, got {signal}"
        )))
    }
}

impl Serialize for Statistic {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Of(signal) => serializer.collect_str(signal),
        }
    }
}

impl<'de> Deserialize<'de> for Statistic {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == "auto" {
            return Ok(Self::Auto);
        }
        name.parse().map(Self::Of).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Statistic {
    fn schema_name() -> Cow<'static, str> {
        "Statistic".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "`auto`, which is the attack's own in classification and the statistic of the task elsewhere, or the name of a signal.",
        })
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Access;

    use super::*;

    fn size(task: Task, granted: Access, augmentations: usize) -> CaseSize {
        CaseSize {
            task,
            granted,
            augmentations,
            audited: 9,
            population: 0,
            references: 0,
            classes: 2,
            generator: None,
            fitted_with_min: 0,
            fitted_without_min: 0,
        }
    }

    #[test]
    fn auto_is_settled_by_the_task_and_what_is_granted() {
        let own = Signal::Loss;
        let settled = |task, granted, augmentations| {
            Statistic::Auto.settled(&size(task, granted, augmentations), own).signal(own)
        };
        assert_eq!(settled(Task::Classification, Access::LOGITS, 1), Signal::Loss);
        assert_eq!(settled(Task::Regression, Access::LABELS, 1), Signal::NegativeLogError);
        assert_eq!(settled(Task::Embedding, Access::EMBEDDING | Access::LOSS, 2), Signal::Similarity);
        assert_eq!(settled(Task::Embedding, Access::EMBEDDING | Access::LOSS, 1), Signal::LogDensity);
        assert_eq!(
            settled(Task::Embedding, Access::EMBEDDING, 1),
            Signal::Similarity,
            "what it lacks is said"
        );
        assert_eq!(settled(Task::Clustering, Access::PROBABILITIES, 1), Signal::AssignmentConfidence);
        let labels = size(Task::MultiLabel, Access::LOGITS, 1);
        assert_eq!(Statistic::Auto.settled(&labels, own), Statistic::Of(Signal::LabelConfidence));
        assert_eq!(Statistic::Auto.settled_likelihood(&labels, own), Statistic::Of(Signal::LogDensity));
        let named = Statistic::Of(Signal::Margin);
        assert_eq!((named.settled(&labels, own), named.settled_likelihood(&labels, own)), (named, named));
    }

    #[test]
    fn names_are_read_back_and_others_refused() {
        let gaussian = Statistic::Of(Signal::GaussianLogDensity { scale: 0.5 });
        for (statistic, name) in [(Statistic::Auto, "auto"), (gaussian, "gaussian-log-density:0.5")] {
            assert_eq!(serde_json::to_value(statistic).unwrap(), name);
            assert_eq!(serde_json::from_value::<Statistic>(name.into()).unwrap(), statistic);
        }
        let error =
            serde_json::from_value::<Statistic>("gaussian-log-density:0".into()).unwrap_err().to_string();
        assert_eq!(error, "signal: expected the name of a signal, got \"gaussian-log-density:0\"");
    }

    #[test]
    fn what_falls_with_membership_is_refused_where_it_must_rise() {
        assert_eq!(Statistic::Auto.rising(Signal::Margin), Ok(Signal::Margin));
        let error = Statistic::Of(Signal::Entropy).rising(Signal::Margin).unwrap_err().to_string();
        assert!(error.ends_with("such as log-density, got entropy"), "{error}");
    }
}
