//! Wrappers that count: what a threat model allows, and what an audit costs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use crate::{
    Access, Augmentation, Error, Indices, Input, Named, Outputs, Pullback, Query, Result, Target, TargetCard,
    Tensor, View,
};

/// Counts the questions that an attack puts to a target, and enforces the threat model: nothing beyond the granted access, and no more
/// records than the budget.
pub struct Metered<'a> {
    inner: &'a dyn Target,
    granted: Access,
    account: Arc<Account>,
}

/// Questions that were put, of those that are allowed: one account for a target and its other sides.
#[derive(Default)]
struct Account {
    budget: Option<u64>,
    asked: AtomicU64,
    /// Whether a question was refused that would have gone beyond.
    exhausted: AtomicBool,
}

impl Account {
    fn spend(&self, query: &Query) -> Result<()> {
        let more = query.len() as u64;
        let budget = self.budget.unwrap_or(u64::MAX);
        self.asked
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |asked| {
                asked.checked_add(more).filter(|&total| total <= budget)
            })
            .map(|_| ())
            .map_err(|asked| {
                self.exhausted.store(true, Ordering::Relaxed);
                Error::Budget { asked: more, left: budget.saturating_sub(asked) }
            })
    }
}

impl<'a> Metered<'a> {
    /// `budget` is the largest number of records that may be asked about, all questions together.
    pub fn new(inner: &'a dyn Target, granted: Access, budget: Option<u64>) -> Self {
        let account = Arc::new(Account { budget, ..Account::default() });
        Self { inner, granted: granted.with_implied(), account }
    }

    /// Records asked about so far; a record asked twice counts twice.
    pub fn asked(&self) -> u64 {
        self.account.asked.load(Ordering::Relaxed)
    }

    /// Whether a question was refused because the budget would not have done for it.
    pub fn exhausted(&self) -> bool {
        self.account.exhausted.load(Ordering::Relaxed)
    }

    fn admit(&self, query: &Query, also: Access) -> Result<()> {
        let new = match &query.input {
            Input::Tensor(_) | Input::Tokens(_) | Input::Table(_) => Access::NEW_INPUTS,
            Input::Records(..) | Input::Text(..) => Access::empty(),
        };
        let refused = (query.want | also | new) - self.granted;
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        self.account.spend(query)
    }
}

impl Target for Metered<'_> {
    fn card(&self) -> &TargetCard {
        self.inner.card()
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.admit(query, Access::empty())?;
        let answers = self.inner.predict(query)?;
        answers.check_rows(query.len())?;
        Ok(answers)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.admit(query, Access::INPUT_GRADIENT)?;
        let (answers, pullback) = self.inner.vjp(query)?;
        answers.check_rows(query.len())?;
        Ok((answers, pullback))
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        if !self.granted.contains(Access::PARAMETERS) {
            return Err(Error::Denied(Access::PARAMETERS));
        }
        self.inner.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        let needed = match &view {
            View::ParameterGradient { .. } => Access::PARAMETER_GRADIENT,
            View::From(_) => Access::ACTIVATIONS | Access::INPUT_GRADIENT,
        };
        if self.granted.contains(needed) {
            let inner = self.inner.view(view)?;
            Ok(Box::new(OtherSide { inner, account: Arc::clone(&self.account) }))
        } else {
            Err(Error::Denied(needed - self.granted))
        }
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        if !self.granted.contains(Access::NEW_INPUTS) {
            return Err(Error::Denied(Access::NEW_INPUTS));
        }
        self.inner.input(records)
    }

    fn variant(&self, records: &Indices, variant: Augmentation) -> Result<Tensor> {
        if !self.granted.contains(Access::NEW_INPUTS) {
            return Err(Error::Denied(Access::NEW_INPUTS));
        }
        self.inner.variant(records, variant)
    }
}

/// Another side of a metered target, which was granted as a whole: its questions count like the target's own.
struct OtherSide {
    inner: Box<dyn Target>,
    account: Arc<Account>,
}

impl Target for OtherSide {
    fn card(&self) -> &TargetCard {
        self.inner.card()
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.account.spend(query)?;
        let answers = self.inner.predict(query)?;
        answers.check_rows(query.len())?;
        Ok(answers)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.account.spend(query)?;
        let (answers, pullback) = self.inner.vjp(query)?;
        answers.check_rows(query.len())?;
        Ok((answers, pullback))
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        self.inner.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        let inner = self.inner.view(view)?;
        Ok(Box::new(Self { inner, account: Arc::clone(&self.account) }))
    }
}

/// What a [`Recorded`] target has kept: each answered record's row, per wanted access and augmentation.
type Kept = HashMap<(u64, Augmentation), HashMap<u32, Outputs>>;

/// Counts the calls that really reach a target, and answers again from memory what was already paid for. Only declared records and prompts of
/// metered services are worth keeping; adaptive raw inputs pass through.
pub struct Recorded<'a> {
    inner: &'a dyn Target,
    calls: AtomicU64,
    records: AtomicU64,
    kept: Mutex<Kept>,
}

impl<'a> Recorded<'a> {
    /// Starts with nothing kept.
    pub fn new(inner: &'a dyn Target) -> Self {
        Self { inner, calls: AtomicU64::new(0), records: AtomicU64::new(0), kept: Mutex::new(HashMap::new()) }
    }

    /// Calls sent to the target.
    pub fn calls(&self) -> u64 {
        self.calls.load(Ordering::Relaxed)
    }

    /// Records sent to the target.
    pub fn records(&self) -> u64 {
        self.records.load(Ordering::Relaxed)
    }

    fn send(&self, query: &Query) -> Result<Outputs> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(query.len() as u64, Ordering::Relaxed);
        let answers = self.inner.predict(query)?;
        answers.check_rows(query.len())?;
        Ok(answers)
    }
}

impl Target for Recorded<'_> {
    fn card(&self) -> &TargetCard {
        self.inner.card()
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        // Labels and layers change the answer: such questions are not declared records as they are.
        let Input::Records(ids, augmentation) = &query.input else { return self.send(query) };
        if query.labels.is_some() || !query.layers.is_empty() {
            return self.send(query);
        }
        let key = (query.want.bits(), *augmentation);
        let lock = || self.kept.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let unknown: Vec<u32> = {
            let kept = lock();
            let known = kept.get(&key);
            let mut unknown: Vec<u32> =
                ids.iter().copied().filter(|id| known.is_none_or(|rows| !rows.contains_key(id))).collect();
            unknown.sort_unstable();
            unknown.dedup();
            unknown
        };
        if !unknown.is_empty() {
            let input = Input::Records(unknown.clone().into(), *augmentation);
            let answers = self.send(&Query { input, ..query.clone() })?;
            let mut kept = lock();
            let rows = kept.entry(key).or_default();
            for (i, id) in unknown.into_iter().enumerate() {
                rows.insert(id, answers.row(i)?);
            }
        }
        let kept = lock();
        let rows = kept.get(&key);
        let answers: Option<Vec<&Outputs>> = ids.iter().map(|id| rows?.get(id)).collect();
        match answers {
            Some(answers) => Outputs::stack(&answers),
            None => Err(Error::Other("a kept answer disappeared".into())),
        }
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.calls.fetch_add(1, Ordering::Relaxed);
        self.records.fetch_add(query.len() as u64, Ordering::Relaxed);
        self.inner.vjp(query)
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        self.inner.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        self.inner.view(view)
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        self.inner.input(records)
    }

    fn variant(&self, records: &Indices, variant: Augmentation) -> Result<Tensor> {
        self.inner.variant(records, variant)
    }
}
