//! The attack steps: a case without truth is put together from the store, the attack runs, and its scores go back in the order of the roster.

use std::borrow::Cow;
use std::sync::{Arc, OnceLock};

use paname_core::{
    Augmentation, Case, CaseParts, Cohort, Ctx, DynAttack, Error, Input, Labels, Metered, Named, Outputs,
    Pullback, Query, Result, Signal, Target, TargetCard, Tensor, View,
};
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::inputs::{self, Inputs, Models, write_npy};
use crate::judge::shuffle;
use crate::signals::StoredSignals;
use crate::store::{Draft, Object};

/// Most reference models that play the target in the control with unrelated models.
pub(crate) const MOST_UNRELATED: usize = 64;

/// What an attack step leaves besides scores.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Asked {
    /// Records that the attack asked the target about itself.
    pub(crate) asked: u64,
}

/// What a case is made of.
pub(crate) struct Bench<'a> {
    pub(crate) inputs: &'a Inputs,
    pub(crate) object: &'a Object,
    pub(crate) signals: Vec<(Signal, Object)>,
    pub(crate) budget: Option<u64>,
    /// Seed of the audit, for the order of the records.
    pub(crate) order: Ctx<'a>,
    /// Opens the models, should the attack ask them.
    pub(crate) open: &'a (dyn Fn() -> Result<Models> + Sync),
}

impl Bench<'_> {
    /// Puts the case together and hands it over. The records are shuffled, the same way for every attack of an audit, and known by numbers that
    /// say nothing. Returns what `work` returned, the order (position in the roster of each record of the case) and the records asked about.
    fn with_case<T>(
        &self,
        work: impl FnOnce(&Case<'_>) -> Result<T>,
    ) -> Result<(T, Vec<u32>, u64), EngineError> {
        let Inputs { audited, population, .. } = *self.inputs;
        let mut order: Vec<u32> = (0..audited as u32).collect();
        shuffle(&mut order, &mut self.order.rng("order of the audited records"));
        let roster_population: Arc<[u32]> = (audited as u32..(audited + population) as u32).collect();
        let all: Arc<[u32]> = order.iter().copied().chain(roster_population.iter().copied()).collect();
        let labels = inputs::labels(self.object, self.inputs)?;
        let cohort = |ids: std::ops::Range<usize>| Cohort {
            labels: match &labels {
                Labels::Classes { values, classes } => Labels::Classes {
                    values: all[ids.clone()].iter().map(|&r| values[r as usize]).collect(),
                    classes: *classes,
                },
                _ => Labels::None,
            },
            ids: ids.map(|id| id as u32).collect(),
        };
        let membership = inputs::membership(self.object, self.inputs)?;
        let signals = StoredSignals::open(
            &self.signals,
            self.inputs,
            order.clone().into(),
            Arc::clone(&roster_population),
        )?;
        let opened = OnceLock::new();
        let veiled = |card: &TargetCard, which: Option<usize>| Veiled {
            card: card.clone(),
            which,
            order: Arc::clone(&all),
            opened: &opened,
            open: self.open,
        };
        let target = veiled(&self.inputs.target, None);
        let references: Vec<Veiled<'_>> =
            self.inputs.references.iter().enumerate().map(|(k, card)| veiled(card, Some(k))).collect();
        let metered = Metered::new(&target, self.inputs.granted(), self.budget);
        let case = Case::new(CaseParts {
            task: self.inputs.task,
            granted: self.inputs.granted(),
            target: &metered,
            references: references.iter().map(|r| r as &dyn Target).collect(),
            audited: cohort(0..audited),
            population: cohort(audited..audited + population),
            audited_membership: Cow::Owned(membership.select_records(&order)),
            population_membership: Cow::Owned(membership.select_records(&roster_population)),
            signals: &signals,
        })?;
        let result = work(&case)?;
        Ok((result, order, metered.asked()))
    }

    /// Runs an attack step.
    pub(crate) fn attack(
        &self,
        attack: &dyn DynAttack,
        ctx: &Ctx<'_>,
        draft: &Draft,
    ) -> Result<(), EngineError> {
        let (scores, order, asked) =
            self.with_case(|case| attack.run(case, ctx)?.membership(case.audited().len()))?;
        write_npy(draft, "scores.npy", &[scores.len()], &in_roster_order(&scores, &order))?;
        draft.json("asked.json", &Asked { asked })
    }

    /// Runs a control step: the same attack with each reference model in the target's place.
    pub(crate) fn unrelated(
        &self,
        attack: &dyn DynAttack,
        ctx: &Ctx<'_>,
        draft: &Draft,
    ) -> Result<(), EngineError> {
        let models = self.inputs.references.len().min(MOST_UNRELATED);
        let (rows, order, _) = self.with_case(|case| {
            let silent = Quiet(ctx);
            let inner = ctx.within(&silent);
            let mut rows: Vec<Vec<f64>> = Vec::with_capacity(models);
            for k in 0..models {
                ctx.tick(k, models)?;
                let rehearsal = case.with_reference_as_target(k)?;
                match attack.run(&rehearsal, &inner) {
                    Ok(findings) => rows.push(findings.membership(case.audited().len())?),
                    // Without this model, and those that tell its rows, some record has too few reference models.
                    Err(Error::Missing { .. }) => {}
                    Err(error) => return Err(error),
                }
            }
            Ok(rows)
        })?;
        ctx.tick(models, models)?;
        let flat: Vec<f64> = rows.iter().flat_map(|scores| in_roster_order(scores, &order)).collect();
        write_npy(draft, "scores.npy", &[rows.len(), self.inputs.audited], &flat)
    }
}

fn in_roster_order(scores: &[f64], order: &[u32]) -> Vec<f64> {
    let mut sorted = vec![0.0; scores.len()];
    for (score, &record) in scores.iter().zip(order) {
        sorted[record as usize] = *score;
    }
    sorted
}

/// The host of a run within a run: cancelled with it, silent about its progress.
struct Quiet<'a>(&'a Ctx<'a>);

impl paname_core::Host for Quiet<'_> {
    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}

/// A model behind the veil of a case: known by the case's numbers, opened when first asked.
struct Veiled<'a> {
    card: TargetCard,
    /// The target, or a reference model.
    which: Option<usize>,
    order: Arc<[u32]>,
    opened: &'a OnceLock<Result<Models>>,
    open: &'a (dyn Fn() -> Result<Models> + Sync),
}

impl Veiled<'_> {
    fn model(&self) -> Result<&dyn Target> {
        let models = self.opened.get_or_init(self.open).as_ref().map_err(Clone::clone)?;
        Ok(match self.which {
            None => models.target.as_ref(),
            Some(k) => models.references[k].as_ref(),
        })
    }

    fn translate(&self, query: &Query) -> Result<Query> {
        let Input::Records(ids, Augmentation(a)) = &query.input else { return Ok(query.clone()) };
        let translated: Option<Arc<[u32]>> =
            ids.iter().map(|&id| self.order.get(id as usize).copied()).collect();
        let ids = translated.ok_or_else(|| {
            Error::mismatch("record", format!("a number below {}", self.order.len()), "one beyond the case")
        })?;
        Ok(Query { input: Input::Records(ids, Augmentation(*a)), ..query.clone() })
    }
}

impl Target for Veiled<'_> {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        self.model()?.predict(&self.translate(query)?)
    }

    fn vjp(&self, query: &Query) -> Result<(Outputs, Box<dyn Pullback>)> {
        self.model()?.vjp(&self.translate(query)?)
    }

    fn parameters(&self) -> Result<Named<Tensor>> {
        self.model()?.parameters()
    }

    fn view(&self, view: View) -> Result<Box<dyn Target>> {
        self.model()?.view(view)
    }
}
