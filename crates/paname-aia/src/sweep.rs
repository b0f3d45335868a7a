//! What the attacks share that put every candidate value to the model: which signal, and its values.

use std::borrow::Cow;

use paname_core::{Case, CaseSize, Ctx, Error, Result, Signal, Task, Whom};
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// Which number says how well a record with a candidate value goes with the model. Written as a text: `auto`, or the name of a signal.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub enum Measure {
    /// The attack's own in classification; −ln of the error of real values; the log-density of everything else.
    #[default]
    Auto,
    /// This one.
    Of(Signal),
}

/// The logarithm of the probability of the true class.
pub(crate) const LOG_PROBABILITY: Signal = Signal::LogProbability { temperature: 1.0 };

impl Measure {
    /// The choice in a case of this size; `own` is what the attack takes in classification.
    #[must_use]
    pub fn settled(self, size: &CaseSize, own: Signal) -> Self {
        match self {
            Self::Auto => Self::Of(match size.task {
                Task::Classification => own,
                Task::Regression | Task::Reconstruction | Task::Clustering => Signal::NegativeLogError,
                _ => Signal::LogDensity,
            }),
            settled @ Self::Of(_) => settled,
        }
    }

    /// The signal to read. Fails where small values speak for the record, or where the candidates would be compared with each other.
    pub fn signal(self, own: Signal) -> Result<Signal> {
        let signal = match self {
            Self::Auto => own,
            Self::Of(signal) => signal,
        };
        if signal.rises_with_membership() && signal.augmentations_min() == 1 {
            return Ok(signal);
        }
        Err(Error::Config(format!(
            "`signal` must be one that is large where the model knows the record, such as log-density, got {signal}"
        )))
    }
}

impl Serialize for Measure {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        match self {
            Self::Auto => serializer.serialize_str("auto"),
            Self::Of(signal) => serializer.collect_str(signal),
        }
    }
}

impl<'de> Deserialize<'de> for Measure {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        if name == "auto" {
            return Ok(Self::Auto);
        }
        name.parse().map(Self::Of).map_err(serde::de::Error::custom)
    }
}

impl JsonSchema for Measure {
    fn schema_name() -> Cow<'static, str> {
        "Measure".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "`auto`, which is the attack's own in classification, −ln of the error of real values and the log-density elsewhere, or the name of a signal.",
        })
    }
}

/// A number that sums can bear, whatever the model said: what is no number speaks against the candidate.
pub(crate) fn bounded(value: f64) -> f64 {
    if value.is_nan() { -LARGEST } else { value.clamp(-LARGEST, LARGEST) }
}

/// The size of the largest number that a model is taken to say.
const LARGEST: f64 = 1e30;

/// ln of a probability; of one that is 0, a number as small as any.
pub(crate) fn log(probability: f64) -> f64 {
    bounded(libm::log(probability))
}

/// The signal of the target for each record and candidate `[records][candidates]`.
pub(crate) fn sweep(case: &Case<'_>, ctx: &Ctx<'_>, whom: Whom, signal: Signal) -> Result<Vec<f64>> {
    case.attribute()?;
    let chunks = case.map_chunks(whom, &[signal], ctx, |chunk| {
        let rows = chunk.records().flat_map(|record| record.target(0));
        Ok(rows.map(|value| bounded(f64::from(*value))).collect::<Vec<f64>>())
    })?;
    Ok(chunks.concat())
}

/// The signal of the target for each population record as it is `[population]`.
pub(crate) fn at_truth(case: &Case<'_>, ctx: &Ctx<'_>, signal: Signal) -> Result<Vec<f64>> {
    let values = &case.attribute()?.population;
    case.map_records(Whom::Population, &[signal], ctx, |record| {
        Ok(bounded(f64::from(record.target(0)[values[record.index()] as usize])))
    })
}

#[cfg(test)]
mod tests {
    use paname_core::Access;

    use super::*;

    #[test]
    fn auto_is_settled_by_the_task() {
        let settled = |task| {
            let size = CaseSize {
                task,
                granted: Access::empty(),
                augmentations: 2,
                audited: 1,
                population: 1,
                references: 0,
                classes: 2,
                generator: None,
                fitted_with_min: 0,
                fitted_without_min: 0,
            };
            let settled = Measure::Auto.settled(&size, LOG_PROBABILITY);
            assert_eq!(settled.settled(&CaseSize { task: Task::Density, ..size }, Signal::Loss), settled);
            settled.signal(Signal::Loss).unwrap()
        };
        assert_eq!(settled(Task::Classification), LOG_PROBABILITY);
        assert_eq!(settled(Task::Regression), Signal::NegativeLogError);
        assert_eq!(settled(Task::Embedding), Signal::LogDensity);
        assert_eq!(Measure::Auto.signal(Signal::Margin), Ok(Signal::Margin));
        for wrong in [Signal::Loss, Signal::Similarity] {
            assert!(Measure::Of(wrong).signal(wrong).unwrap_err().to_string().contains("`signal`"));
        }
    }

    #[test]
    fn names_are_read_back_and_others_refused() {
        for (measure, name) in [(Measure::Auto, "auto"), (Measure::Of(Signal::Margin), "margin")] {
            assert_eq!(serde_json::to_value(measure).unwrap(), name);
            assert_eq!(serde_json::from_value::<Measure>(name.into()).unwrap(), measure);
        }
        assert!(serde_json::from_value::<Measure>("entropie".into()).is_err());
    }

    #[test]
    fn hostile_numbers_are_bounded() {
        assert_eq!(bounded(f64::NAN), -LARGEST);
        assert_eq!(log(0.0), -LARGEST);
        assert_eq!(bounded(f64::INFINITY), LARGEST);
    }
}
