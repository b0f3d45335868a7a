//! Whole audits made from a seed.

use std::borrow::Cow;
use std::sync::Arc;

use paname_core::{
    Access, Case, CaseParts, Cohort, Error, Input, Labels, Membership, Outputs, Query, Result, SignalSource,
    Target, TargetCard, Task, Tensor, Whom,
};
use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::LogitTable;

/// What the models of a toy do with their training records.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Behaviour {
    /// Nothing: answers are independent of membership, so that whoever finds a truth has seen it.
    Null,
    /// The true class of a member gets two more logits, about twice the spread between models.
    Leaky,
    /// The true class of a member gets 30 more logits: confidence saturates.
    Memorising,
}

/// How large a toy is.
#[derive(Debug, Clone, Copy)]
pub struct Size {
    /// Audited records, half of them members (rounded down).
    pub records: usize,
    /// Population records, members of no model.
    pub population: usize,
    /// Reference models in complementary pairs: each record is a member of one of the two.
    pub references: usize,
    /// Classes, at least 2.
    pub classes: usize,
    /// Augmented variants per record, at least 1.
    pub augmentations: usize,
}

impl Default for Size {
    fn default() -> Self {
        Self { records: 800, population: 200, references: 8, classes: 4, augmentations: 1 }
    }
}

/// A case and its truth, over any source of signals. The fields may be edited before [`TableCase::case`] is called.
pub struct TableCase<S> {
    /// What the models do.
    pub task: Task,
    /// The signals.
    pub signals: S,
    /// The audited records.
    pub audited: Cohort,
    /// The population.
    pub population: Cohort,
    /// Which audited records each reference model was fitted on.
    pub audited_membership: Membership,
    /// Which population records each reference model was fitted on.
    pub population_membership: Membership,
    /// What the threat model grants.
    pub granted: Access,
    /// Who is a member of the target.
    pub truth: Vec<bool>,
    /// The target and the reference models.
    pub targets: Vec<Box<dyn Target>>,
}

impl<S: SignalSource> TableCase<S> {
    /// A case about targets that answer no question: all there is are the signals. Records are numbered from 0, the population after the
    /// audited records. `classes` is the number of classes.
    pub fn over(
        signals: S,
        audited: Vec<u32>,
        population: Vec<u32>,
        classes: usize,
        membership: Membership,
        truth: Vec<bool>,
    ) -> Self {
        let (audited_len, all) = (audited.len() as u32, (audited.len() + population.len()) as u32);
        let models = signals.models();
        let cohort = |ids, values: Vec<u32>| Cohort {
            ids,
            labels: Labels::Classes { values: values.into(), classes },
        };
        Self {
            task: Task::Classification,
            population_membership: Membership::none(population.len(), models.saturating_sub(1)),
            audited: cohort((0..audited_len).collect(), audited),
            population: cohort((audited_len..all).collect(), population),
            signals,
            audited_membership: membership,
            granted: Access::LOGITS,
            truth,
            targets: (0..models).map(|_| Box::new(Silent::default()) as Box<dyn Target>).collect(),
        }
    }

    /// The case, without the truth.
    pub fn case(&self) -> Result<Case<'_>> {
        self.case_over(&self.signals)
    }

    /// The case with its signals read through another source.
    pub fn case_over<'a>(&'a self, signals: &'a dyn SignalSource) -> Result<Case<'a>> {
        let Some((target, references)) = self.targets.split_first() else {
            return Err(Error::mismatch("models", "at least 1", 0));
        };
        Case::new(CaseParts {
            task: self.task,
            granted: self.granted,
            target: target.as_ref(),
            references: references.iter().map(AsRef::as_ref).collect(),
            audited: self.audited.clone(),
            population: self.population.clone(),
            audited_membership: Cow::Borrowed(&self.audited_membership),
            population_membership: Cow::Borrowed(&self.population_membership),
            signals,
        })
    }

    /// Who is a member of the target, record by record.
    pub fn truth(&self) -> &[bool] {
        &self.truth
    }
}

/// A toy audit over made-up logits. Its targets answer questions about records with the logits that its signals are made of.
pub type Toy = TableCase<LogitTable>;

impl Toy {
    /// The toy of a seed. Its classes and difficulties of records are the same for every behaviour.
    pub fn new(behaviour: Behaviour, size: Size, seed: u64) -> Self {
        let mut draws = Draws(Pcg64::seed_from_u64(seed));
        let gain = match behaviour {
            Behaviour::Null => 0.0,
            Behaviour::Leaky => 2.0,
            Behaviour::Memorising => 30.0,
        };
        let models = 1 + size.references;
        let members = draws.members(&size);
        let audited = draws.group(size.records, &size, |r, m| if members[m][r] { gain } else { 0.0 });
        let population = draws.group(size.population, &size, |_, _| 0.0);
        let table = Arc::new(LogitTable {
            models,
            augmentations: size.augmentations,
            classes: size.classes,
            audited,
            population,
        });
        let mut toy = TableCase::over(
            LogitTable::clone(&table),
            table.audited.1.clone(),
            table.population.1.clone(),
            size.classes,
            Membership::none(size.records, size.references),
            members[0].clone(),
        );
        for (m, rows) in members.iter().enumerate().skip(1) {
            for r in (0..size.records).filter(|r| rows[*r]) {
                toy.audited_membership.insert(r, m - 1);
            }
        }
        // Numbers that say nothing, as in a real case.
        let numbers = draws.permutation(size.records + size.population);
        let (first, second) = numbers.split_at(size.records);
        (toy.audited.ids, toy.population.ids) = (first.into(), second.into());
        let mut places = vec![(Whom::Audited, 0); numbers.len()];
        for (row, number) in first.iter().enumerate() {
            places[*number as usize] = (Whom::Audited, row);
        }
        for (row, number) in second.iter().enumerate() {
            places[*number as usize] = (Whom::Population, row);
        }
        let places: Arc<[(Whom, usize)]> = places.into();
        toy.targets = (0..models)
            .map(|model| {
                let card = TargetCard {
                    name: format!("toy {model}"),
                    fingerprint: format!("{behaviour:?}-{size:?}-{seed}-{model}"),
                    classes: Some(size.classes),
                    access: vec!["logits".into()],
                    recorded: true,
                    augmentations: size.augmentations as u32,
                    ..TargetCard::default()
                };
                Box::new(ToyTarget { card, model, table: Arc::clone(&table), places: Arc::clone(&places) })
                    as Box<dyn Target>
            })
            .collect();
        toy
    }

    /// The same audit with its audited records in another order: record `i` is what record `order[i]` was.
    #[must_use]
    pub fn reordered(self, order: &[u32]) -> Self {
        let width = self.signals.models * self.signals.augmentations * self.signals.classes;
        let (logits, classes) = &self.signals.audited;
        let rows = |r: &u32| logits[*r as usize * width..(*r as usize + 1) * width].iter().copied();
        let audited: (Vec<f32>, Vec<u32>) =
            (order.iter().flat_map(rows).collect(), order.iter().map(|r| classes[*r as usize]).collect());
        let ids = order.iter().map(|r| self.audited.ids[*r as usize]).collect();
        let labels = Labels::Classes { values: audited.1.clone().into(), classes: self.signals.classes };
        Self {
            audited: Cohort { ids, labels },
            audited_membership: self.audited_membership.select_records(order),
            truth: order.iter().map(|r| self.truth[*r as usize]).collect(),
            signals: LogitTable { audited, ..self.signals },
            ..self
        }
    }
}

/// A target that answers nothing.
#[derive(Debug, Clone, Default)]
pub struct Silent(TargetCard);

impl Target for Silent {
    fn card(&self) -> &TargetCard {
        &self.0
    }
}

/// A model of a toy: answers about records, from its logits.
struct ToyTarget {
    card: TargetCard,
    model: usize,
    table: Arc<LogitTable>,
    /// Group and row of each record number.
    places: Arc<[(Whom, usize)]>,
}

impl Target for ToyTarget {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        let Input::Records(ids, augmentation) = &query.input else {
            return Err(Error::Unsupported("a recorded target answers about records only".into()));
        };
        let (rows, width) = (ids.len(), self.table.classes);
        let mut logits = Vec::with_capacity(rows * width);
        let (mut losses, mut labels) = (Vec::with_capacity(rows), Vec::with_capacity(rows));
        for id in ids.iter() {
            let place = self.places.get(*id as usize);
            let answer = place.and_then(|&(whom, row)| {
                let answer = self.table.answer(whom, row, self.model, augmentation.0 as usize)?;
                Some((answer, *self.table.group(whom).1.get(row)? as usize))
            });
            let (answer, class) = answer.ok_or_else(|| {
                Error::mismatch("record", format!("below {}, recorded", self.places.len()), id)
            })?;
            logits.extend_from_slice(answer);
            losses.push(log_sum_exp(answer) - answer[class]);
            let best = (0..width).max_by(|&a, &b| answer[a].total_cmp(&answer[b])).unwrap_or(0);
            labels.push(i64::from(best as u32));
        }
        let mut outputs = Outputs::default();
        if query.want.contains(Access::PROBABILITIES) {
            let p = logits.chunks_exact(width).flat_map(|z| {
                let total = log_sum_exp(z);
                z.iter().map(move |z| (z - total).exp())
            });
            outputs.probabilities = Some(Tensor::from_vec(p.collect(), &[rows, width])?);
        }
        if query.want.contains(Access::LOGITS) {
            outputs.logits = Some(Tensor::from_vec(logits, &[rows, width])?);
        }
        if query.want.contains(Access::LOSS) {
            outputs.loss = Some(Tensor::from_vec(losses, &[rows])?);
        }
        if query.want.contains(Access::LABELS) {
            outputs.labels = Some(Tensor::from_vec(labels, &[rows])?);
        }
        Ok(outputs)
    }
}

fn log_sum_exp(z: &[f32]) -> f32 {
    let most = z.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    most + z.iter().map(|z| (z - most).exp()).sum::<f32>().ln()
}

/// Random numbers.
pub(crate) struct Draws(pub(crate) Pcg64);

impl Draws {
    /// From 0 to 1, without 0.
    pub(crate) fn uniform(&mut self) -> f64 {
        ((self.0.next_u64() >> 11) as f64 + 0.5) / (1_u64 << 53) as f64
    }

    /// Standard normal (Box and Muller 1958).
    pub(crate) fn normal(&mut self) -> f64 {
        let radius = (-2.0 * self.uniform().ln()).sqrt();
        radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    pub(crate) fn permutation(&mut self, n: usize) -> Vec<u32> {
        let mut all: Vec<u32> = (0..n as u32).collect();
        for i in (1..n).rev() {
            let j = (self.uniform() * (i + 1) as f64) as usize;
            all.swap(i, j.min(i));
        }
        all
    }

    /// A random half of `n` records, rounded down.
    fn half(&mut self, n: usize) -> Vec<bool> {
        self.permutation(n).iter().map(|&place| (place as usize) < n / 2).collect()
    }

    /// The members of each model. The target is alone; models 1 and 2, 3 and 4 … are pairs, each record a member of one of the two.
    pub(crate) fn members(&mut self, size: &Size) -> Vec<Vec<bool>> {
        let mut members: Vec<Vec<bool>> = Vec::with_capacity(1 + size.references);
        for m in 0..=size.references {
            let half = match members.last() {
                Some(first) if m % 2 == 0 => first.iter().map(|member| !member).collect(),
                _ => self.half(size.records),
            };
            members.push(half);
        }
        members
    }

    /// Logits and classes of a group: a difficulty per record, noise per answer, and what membership adds to the true class.
    fn group(
        &mut self,
        records: usize,
        size: &Size,
        gain: impl Fn(usize, usize) -> f64,
    ) -> (Vec<f32>, Vec<u32>) {
        let models = 1 + size.references;
        let mut logits = Vec::with_capacity(records * models * size.augmentations * size.classes);
        let mut classes = Vec::with_capacity(records);
        for r in 0..records {
            let class = (self.uniform() * size.classes as f64) as usize;
            let ease = 1.0 + self.normal();
            for m in 0..models {
                for _ in 0..size.augmentations {
                    for c in 0..size.classes {
                        let own = if c == class { ease + gain(r, m) } else { 0.0 };
                        logits.push((own + self.normal()) as f32);
                    }
                }
            }
            classes.push(class as u32);
        }
        (logits, classes)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn halves_and_pairs() {
        let toy = Toy::new(Behaviour::Leaky, Size { records: 101, ..Size::default() }, 1);
        assert_eq!(toy.truth().iter().filter(|m| **m).count(), 50);
        for r in 0..101 {
            let row = toy.audited_membership.row(r);
            assert_eq!(row.count(), 4);
            assert!((0..4).all(|pair| row.contains(2 * pair) != row.contains(2 * pair + 1)));
        }
    }

    #[test]
    fn reordering_twice_restores() {
        let toy = || Toy::new(Behaviour::Leaky, Size { records: 5, ..Size::default() }, 1);
        let there = toy().reordered(&[3, 1, 4, 0, 2]);
        assert_eq!(there.audited.ids[0], toy().audited.ids[3]);
        let back = there.reordered(&[3, 1, 4, 0, 2]);
        let identity: Vec<u32> = toy().audited.ids.to_vec();
        // The inverse of the order is another order; apply it to come back.
        let order = [3_usize, 1, 4, 0, 2];
        let twice: Vec<u32> = order.iter().map(|&i| identity[order[i]]).collect();
        assert_eq!(back.audited.ids.to_vec(), twice);
    }

    #[test]
    fn targets_answer_what_the_signals_say() {
        let toy = Toy::new(Behaviour::Null, Size { records: 6, population: 3, ..Size::default() }, 2);
        let mut losses = vec![0.0; 6 * 9];
        toy.signals.read(paname_core::Signal::Loss, Whom::Audited, 0..6, &mut losses).unwrap();
        for (m, target) in toy.targets.iter().enumerate() {
            let answers = target.predict(&Query::records(toy.audited.ids.clone(), Access::LOSS)).unwrap();
            for (r, loss) in answers.loss.unwrap().to_f32().unwrap().iter().enumerate() {
                assert!((loss - losses[r * 9 + m]).abs() < 1e-5);
            }
        }
    }
}
