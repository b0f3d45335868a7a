//! The records that a target answers about, and their variants.

use std::sync::Arc;

use paname_core::{Augmentation, Error, Features, Indices, Input, Labels, Query, Result, Setting};
use tch::{Device, Kind, Tensor};

use crate::config::Variant;
use crate::error::from_torch;
use crate::tensor::{Lent, of_slice, owned};

/// Inputs and labels of the records of an audit, in the order of the roster, shared by all models of a process.
pub(crate) struct Known {
    records: usize,
    /// Row of each record, where rows are not in the order of the roster; none for a record that has no row.
    order: Option<Vec<Option<u32>>>,
    inputs: Option<Lent>,
    labels: Labels,
}

/// The raw inputs of a question.
pub(crate) enum Raw {
    /// Rows of the known records, under a variant.
    Rows(Indices, Option<Variant>),
    /// What the question brought.
    Given(Lent),
}

impl Known {
    /// The records of a setting.
    pub(crate) fn of(setting: &Setting<'_>) -> Result<Arc<Self>> {
        Self::new(setting.inputs, setting.labels, setting.roster.len())
    }

    pub(crate) fn new(inputs: &Features, labels: &Labels, records: usize) -> Result<Arc<Self>> {
        Self::with(inputs, labels, records, records, None)
    }

    /// Data whose rows are those of some records: `order` has the row of each record, where it has one.
    pub(crate) fn scattered(
        inputs: &Features,
        labels: &Labels,
        order: Vec<Option<u32>>,
    ) -> Result<Arc<Self>> {
        let rows = order.iter().flatten().count();
        Self::with(inputs, labels, order.len(), rows, Some(order))
    }

    fn with(
        inputs: &Features,
        labels: &Labels,
        records: usize,
        rows: usize,
        order: Option<Vec<Option<u32>>>,
    ) -> Result<Arc<Self>> {
        let inputs = match inputs {
            Features::None => None,
            Features::Tensor(inputs) => Some(inputs),
            _ => {
                return Err(Error::Unsupported(
                    "a model in memory takes numbers, not a table; `encode = \"one-hot\"` in [data.inputs] makes numbers of one".into(),
                ));
            }
        };
        if let Some(inputs) = inputs
            && (inputs.shape().is_empty() || inputs.rows() != rows)
        {
            let got = format!("shape {:?}", inputs.shape());
            return Err(Error::mismatch("inputs", format!("one row for each of {rows} records"), got));
        }
        Ok(Arc::new(Self {
            records,
            order,
            inputs: inputs.map(Lent::new).transpose()?,
            labels: labels.clone(),
        }))
    }

    /// All raw inputs `[records, …]`.
    pub(crate) fn inputs(&self) -> Result<&Tensor> {
        self.inputs.as_ref().map(Lent::view).ok_or_else(|| {
            Error::Config(
                "the manifest says nothing of what the records are; name their inputs by [data.inputs]"
                    .into(),
            )
        })
    }

    /// The raw inputs that a question is about.
    pub(crate) fn raw(&self, query: &Query, variants: &[Variant]) -> Result<Raw> {
        match &query.input {
            Input::Records(ids, Augmentation(number)) => {
                if let Some(id) = ids.iter().find(|&&id| id as usize >= self.records) {
                    return Err(Error::mismatch("record", format!("a number below {}", self.records), id));
                }
                let variant = match *number as usize {
                    0 => None,
                    number => Some(*variants.get(number - 1).ok_or_else(|| {
                        let expected = format!(
                            "below {}, as many as `variants` names and the record itself",
                            variants.len() + 1
                        );
                        Error::mismatch("variant of a record", expected, number)
                    })?),
                };
                self.inputs()?;
                Ok(Raw::Rows(self.rows(ids)?, variant))
            }
            Input::Tensor(rows) | Input::Tokens(rows) => Ok(Raw::Given(Lent::new(rows)?)),
            _ => Err(Error::Unsupported(
                "a model in memory answers about records and tensors, not about text or tables".into(),
            )),
        }
    }

    /// The rows of records.
    fn rows(&self, ids: &Indices) -> Result<Indices> {
        let Some(order) = &self.order else { return Ok(ids.clone()) };
        let row = |&id: &u32| order.get(id as usize).copied().flatten();
        let rows: Option<Indices> = ids.iter().map(row).collect();
        rows.ok_or_else(|| {
            Error::mismatch("record", "one of the data that the model was fitted with", "another")
        })
    }

    /// Rows `range` of a question, as they are kept: in memory of their own where `own` asks for it, else perhaps in that of the question or of these records.
    pub(crate) fn part(&self, raw: &Raw, range: std::ops::Range<usize>, own: bool) -> Result<Tensor> {
        let rows = |all: &Tensor, first: i64| {
            let rows = all.f_narrow(0, first, range.len() as i64).map_err(from_torch)?;
            if own { owned(&rows) } else { Ok(rows) }
        };
        match raw {
            Raw::Given(all) => rows(all.view(), range.start as i64),
            Raw::Rows(ids, _) => {
                let ids = &ids[range.clone()];
                let inputs = self.inputs()?;
                // Rows in their order are a view.
                if ids.windows(2).all(|pair| pair[0] + 1 == pair[1])
                    && let Some(&first) = ids.first()
                {
                    return rows(inputs, first.into());
                }
                let ids: Vec<i64> = ids.iter().map(|&id| id.into()).collect();
                inputs.f_index_select(0, &of_slice(&ids, &[ids.len() as i64])?).map_err(from_torch)
            }
        }
    }

    /// The class of each row of a question: those that it brought, or those of its records.
    pub(crate) fn classes(&self, query: &Query) -> Result<Tensor> {
        let none = || Error::mismatch("labels", "the true class of each record", "none");
        let classes: Vec<i64> = match (&query.labels, &query.input, &self.labels) {
            (Some(labels), ..) => labels.to_i64()?,
            (None, Input::Records(ids, _), Labels::Classes { values, .. }) => {
                let of = |&row: &u32| values.get(row as usize).map(|&class| class.into());
                self.rows(ids)?.iter().map(of).collect::<Option<_>>().ok_or_else(none)?
            }
            _ => return Err(none()),
        };
        if classes.len() != query.len() {
            return Err(Error::mismatch("labels", query.len(), classes.len()));
        }
        of_slice(&classes, &[classes.len() as i64])
    }

    /// The true values `[rows, …]` of a regression.
    pub(crate) fn values(&self, query: &Query) -> Result<Tensor> {
        let values = match (&query.labels, &query.input, &self.labels) {
            (Some(labels), ..) => labels.clone(),
            (None, Input::Records(ids, _), Labels::Values(values)) => values.gather(&self.rows(ids)?)?,
            _ => return Err(Error::mismatch("labels", "the true value of each record", "none")),
        };
        if values.shape().is_empty() || values.rows() != query.len() {
            let expected = format!("one row for each of {} records", query.len());
            return Err(Error::mismatch("labels", expected, format!("shape {:?}", values.shape())));
        }
        Lent::new(&values)?.copied()?.f_to_kind(Kind::Float).map_err(from_torch)
    }
}

/// A variant of prepared images `[n, channels, height, width]` or `[n, height, width]`.
pub(crate) fn varied(batch: &Tensor, variant: Variant) -> Result<Tensor> {
    if batch.dim() < 3 {
        let got = format!("shape {:?}", batch.size());
        return Err(Error::mismatch("`variants`", "images [records, …, height, width]", got));
    }
    match variant {
        Variant::Flip => batch.f_flip([-1]).map_err(from_torch),
        Variant::Shift(down, right) => {
            let (down, right) = (i64::from(down), i64::from(right));
            // Zeros on one side, as many taken from the other.
            batch.f_constant_pad_nd([right, -right, down, -down]).map_err(from_torch)
        }
    }
}

/// The device of a configuration.
pub(crate) fn device(place: crate::config::Place) -> Result<Device> {
    use crate::config::Place;
    match place {
        Place::Cpu => Ok(Device::Cpu),
        Place::Auto => Ok(Device::cuda_if_available()),
        Place::Cuda if tch::Cuda::is_available() => Ok(Device::Cuda(0)),
        Place::Cuda => {
            Err(Error::Config("`device = \"cuda\"`: libtorch finds no graphics processor here".into()))
        }
    }
}
