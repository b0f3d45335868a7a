//! Records, by stable ids, and groups of them.

use std::collections::HashMap;
use std::sync::Arc;

use crate::{Column, Error, Indices, Result, Shared, Table, Tensor};

/// The list of every record that an audit may ask about, by the user's stable ids. A position in it is how targets and steps name a record;
/// adapters join their own data to it by id, never by assumed order. It says nothing about membership.
#[derive(Debug, Clone)]
pub struct Roster {
    ids: Arc<[String]>,
    positions: Arc<HashMap<String, u32>>,
}

impl Roster {
    /// A roster of distinct ids. A doubled id is an error that names both positions (from 0) and the list's origin `place`.
    pub fn new(ids: Vec<String>, place: &str) -> Result<Self> {
        let mut positions = HashMap::with_capacity(ids.len());
        for (i, id) in ids.iter().enumerate() {
            if let Some(first) = positions.insert(id.clone(), i as u32) {
                let problem =
                    format!("record id {id:?} appears twice, as entries {first} and {i}; ids must be unique");
                return Err(Error::data(place, problem));
            }
        }
        Ok(Self { ids: ids.into(), positions: Arc::new(positions) })
    }

    /// The ids as a table with the one column `id`.
    pub(crate) fn table(&self) -> Result<Table> {
        Table::new(vec![Column::texts("id", self.ids.to_vec())])
    }

    /// The roster of such a table.
    pub(crate) fn from_table(table: &Table) -> Result<Self> {
        let column = table.column("id").ok_or_else(|| Error::mismatch("roster", "a column `id`", "none"))?;
        let id = |row| column.text(row).map(str::to_owned);
        let ids = (0..table.rows()).map(id).collect::<Option<Vec<String>>>();
        Self::new(ids.ok_or_else(|| Error::mismatch("roster", "an id in each row", "none"))?, "roster")
    }

    /// Ids by position.
    pub fn ids(&self) -> &[String] {
        &self.ids
    }

    /// Number of records.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// The position of a record.
    pub fn position(&self, id: &str) -> Option<u32> {
        self.positions.get(id).copied()
    }
}

/// Which of a case's two groups of records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Whom {
    /// The records under audit: members and non-members in an order that says nothing.
    Audited,
    /// Auxiliary records of the same kind, known to be outside the training set.
    Population,
}

/// What is known to be true of records besides their inputs.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub enum Labels {
    /// Nothing.
    #[default]
    None,
    /// Class indices below `classes`.
    Classes {
        /// One index per record.
        values: Indices,
        /// Number of classes.
        classes: usize,
    },
    /// Real values or vectors `[records, …]`.
    Values(Tensor),
}

/// A group of records as an attack sees it.
#[derive(Debug, Clone, Default)]
pub struct Cohort {
    /// How the targets of the case name the records. The numbers are opaque: their order says nothing.
    pub ids: Indices,
    /// Labels in the order of `ids`.
    pub labels: Labels,
}

impl Cohort {
    /// Number of records.
    pub fn len(&self) -> usize {
        self.ids.len()
    }

    /// Whether there is no record.
    pub fn is_empty(&self) -> bool {
        self.ids.is_empty()
    }

    /// Class index of each record, or an error that says that the attack needs class labels.
    pub fn classes(&self) -> Result<(&[u32], usize)> {
        match &self.labels {
            Labels::Classes { values, classes } => Ok((values, *classes)),
            Labels::None | Labels::Values(_) => Err(Error::mismatch("labels", "class labels", "none")),
        }
    }
}

/// One bit per (record, model): was the record among the rows that the model was fitted on. Record-major, since attacks ask record by record.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Membership {
    words: Shared<u64>,
    records: usize,
    models: usize,
}

impl Membership {
    /// Nobody is a member of anything.
    pub fn none(records: usize, models: usize) -> Self {
        Self { words: vec![0; records * models.div_ceil(64)].into(), records, models }
    }

    /// From the words of [`Membership::words`]. Fails where their number is not that of so many records and models.
    pub(crate) fn from_words(words: Shared<u64>, records: usize, models: usize) -> Result<Self> {
        match records.checked_mul(models.div_ceil(64)) {
            Some(expected) if expected == words.len() => Ok(Self { words, records, models }),
            _ => Err(Error::mismatch(
                "membership",
                format!("one bit for each of {records} records and {models} models"),
                format!("{} words", words.len()),
            )),
        }
    }

    /// Per record, one bit for each model, in as many words as that takes.
    pub(crate) fn words(&self) -> &Shared<u64> {
        &self.words
    }

    /// From truth values `[models][records]`, the way fitting writes them. Fails when a model has another number of records.
    pub fn from_models(models: &[Vec<bool>], records: usize) -> Result<Self> {
        let stride = models.len().div_ceil(64);
        let mut words = vec![0; records * stride];
        for (m, rows) in models.iter().enumerate() {
            if rows.len() != records {
                return Err(Error::mismatch(format!("membership of model {m}"), records, rows.len()));
            }
            for (r, _) in rows.iter().enumerate().filter(|(_, member)| **member) {
                mark(&mut words, r * stride, m);
            }
        }
        Ok(Self { words: words.into(), records, models: models.len() })
    }

    /// Marks `record` as a member of `model`. Both must be in range.
    pub fn insert(&mut self, record: usize, model: usize) {
        let start = record * self.stride();
        mark(self.words.make_mut(), start, model);
    }

    const fn stride(&self) -> usize {
        self.models.div_ceil(64)
    }

    /// Number of records.
    pub fn records(&self) -> usize {
        self.records
    }

    /// Number of models.
    pub fn models(&self) -> usize {
        self.models
    }

    /// The models that `record` was a member of.
    pub fn row(&self, record: usize) -> MembershipRow<'_> {
        let start = record * self.stride();
        MembershipRow { words: &self.words[start..start + self.stride()], models: self.models }
    }

    /// The models whose rows repeat or complement those of `model`, itself among them: who knows their rows knows its rows. A model that was
    /// fitted on all of the records, or on none, is told by no other.
    pub fn telling(&self, model: usize) -> Vec<usize> {
        let own = (0..self.records).filter(|r| self.row(*r).contains(model)).count();
        if own == 0 || own == self.records {
            return vec![model];
        }
        let mut equal = vec![u64::MAX; self.stride()];
        let mut opposite = equal.clone();
        for r in 0..self.records {
            let row = self.row(r);
            let own = if row.contains(model) { u64::MAX } else { 0 };
            for ((equal, opposite), word) in equal.iter_mut().zip(&mut opposite).zip(row.words) {
                *equal &= !(word ^ own);
                *opposite &= word ^ own;
            }
        }
        (0..self.models).filter(|m| (equal[m / 64] | opposite[m / 64]) >> (m % 64) & 1 == 1).collect()
    }

    /// The same records as seen with only these models, in this order.
    #[must_use]
    pub fn select_models(&self, models: &[usize]) -> Self {
        let stride = models.len().div_ceil(64);
        let mut words = vec![0; self.records * stride];
        for r in 0..self.records {
            let row = self.row(r);
            for (k, _) in models.iter().enumerate().filter(|(_, m)| row.contains(**m)) {
                mark(&mut words, r * stride, k);
            }
        }
        Self { words: words.into(), records: self.records, models: models.len() }
    }

    /// The same models for only these records, in this order.
    #[must_use]
    pub fn select_records(&self, records: &[u32]) -> Self {
        let words = records.iter().flat_map(|&r| self.row(r as usize).words).copied().collect();
        Self { words, records: records.len(), models: self.models }
    }
}

/// Sets the bit of `model` in the row that begins at word `start`.
fn mark(words: &mut [u64], start: usize, model: usize) {
    words[start + model / 64] |= 1 << (model % 64);
}

/// The row of one record in a [`Membership`].
#[derive(Debug, Clone, Copy)]
pub struct MembershipRow<'a> {
    words: &'a [u64],
    models: usize,
}

#[expect(clippy::len_without_is_empty, reason = "it is as long as there are models, not a collection")]
impl MembershipRow<'_> {
    /// Number of models.
    pub fn len(&self) -> usize {
        self.models
    }

    /// Was the record a member of `model`.
    pub fn contains(&self, model: usize) -> bool {
        model < self.models && self.words[model / 64] >> (model % 64) & 1 == 1
    }

    /// Number of models that the record was a member of.
    pub fn count(&self) -> usize {
        self.words.iter().map(|w| w.count_ones() as usize).sum()
    }

    /// Number of models that left the record out.
    pub fn count_out(&self) -> usize {
        self.models - self.count()
    }

    /// The membership in the eight models from `8 * block` on, one bit each, the first the lowest; 0 for models that are not there.
    pub(crate) fn eight(&self, block: usize) -> u8 {
        self.words.get(block / 8).map_or(0, |word| (word >> (block % 8 * 8)) as u8)
    }

    /// The membership in each model, in order.
    pub fn iter(&self) -> impl Iterator<Item = bool> {
        (0..self.models).map(|m| self.words[m / 64] >> (m % 64) & 1 == 1)
    }
}
