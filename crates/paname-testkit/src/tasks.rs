//! Toys of every task, whose models answer as models of the task do, and the law that attacks keep on them.

use std::ops::Range;
use std::sync::Arc;

use paname_core::{
    Access, CaseSize, Cohort, Ctx, DirectSignals, Entry, Error, Input, Labels, Membership, Outputs, Query,
    Result, Signal, SignalSource, Target, TargetCard, Task, Tensor, Whom,
};
use rand_core::SeedableRng as _;
use rand_pcg::Pcg64;
use serde_json::Value;

use crate::attack_laws::GROUPS;
use crate::chance::{assert_chance, assert_finds};
use crate::toy::Draws;
use crate::{Behaviour, Size, TableCase};

/// Real values of a record, labels, and numbers of a representation.
const WIDTH: usize = 3;

/// A toy audit of one task: its signals are computed from what its targets answer, as those of a real case are.
pub type TaskToy = TableCase<AnsweredSignals>;

impl TaskToy {
    /// The toy of a task and a seed. What its models answer, where p is 1 for a record that the model neither was fitted on nor finds hard, less for
    /// members, and log-normal among records and answers:
    ///
    /// | task | answers |
    /// |---|---|
    /// | multi-label | logits, normal around −ln p on the side of the truth; some records have no label |
    /// | regression | the true values and normal errors of size p |
    /// | embedding | a direction of the record and normal noise of size p in each variant, and a loss |
    /// | reconstruction, clustering | a squared error p² |
    /// | generation, density | the loss ln p, which is negative for some |
    ///
    /// A model that is leaky divides p by 5 for its members, one that memorises by 1000.
    pub fn of_task(task: Task, behaviour: Behaviour, size: Size, seed: u64) -> Self {
        let mut draws = Draws(Pcg64::seed_from_u64(seed));
        let members = draws.members(&size);
        let gain = match behaviour {
            Behaviour::Null => 0.0,
            Behaviour::Leaky => 5.0_f64.ln(),
            Behaviour::Memorising => 1000.0_f64.ln(),
        };
        let audited =
            Group::new(task, &size, size.records, &mut draws, |r, m| if members[m][r] { gain } else { 0.0 });
        let population = Group::new(task, &size, size.population, &mut draws, |_, _| 0.0);
        let (first, second) = (size.records as u32, size.population as u32);
        let cohort = |ids: Range<u32>, labels: Option<&Vec<f64>>| Cohort {
            ids: ids.clone().collect(),
            labels: labels.map_or(Labels::None, |values| {
                matrix(values, ids.len()).map_or(Labels::None, Labels::Values)
            }),
        };
        let audited_cohort = cohort(0..first, audited.labels.as_ref());
        let population_cohort = cohort(first..first + second, population.labels.as_ref());
        let offers = match task {
            Task::Classification | Task::MultiLabel => Access::LOGITS,
            Task::Regression => Access::LABELS,
            Task::Embedding => Access::EMBEDDING | Access::LOSS,
            _ => Access::LOSS,
        };
        let answers: Arc<[Group; 2]> = Arc::new([audited, population]);
        let model = |model: usize| Answering {
            card: TargetCard {
                name: format!("toy {model}"),
                fingerprint: format!("{task}-{behaviour:?}-{seed}-{model}"),
                task,
                access: offers.names().map(str::to_owned).collect(),
                recorded: true,
                augmentations: size.augmentations as u32,
                ..TargetCard::default()
            },
            model,
            size,
            answers: Arc::clone(&answers),
        };
        let models: Vec<Answering> = (0..=size.references).map(model).collect();
        let signals = AnsweredSignals {
            task,
            models: models.clone(),
            augmentations: size.augmentations,
            audited: audited_cohort.clone(),
            population: population_cohort.clone(),
            granted: offers,
        };
        let none = || vec![0; size.records];
        let mut toy = Self::over(
            signals,
            none(),
            Vec::new(),
            1,
            Membership::none(size.records, size.references),
            members[0].clone(),
        );
        toy.task = task;
        toy.granted = offers;
        (toy.audited, toy.population) = (audited_cohort, population_cohort);
        toy.population_membership = Membership::none(size.population, size.references);
        toy.targets = models.into_iter().map(|model| Box::new(model) as Box<dyn Target>).collect();
        for (m, rows) in members.iter().enumerate().skip(1) {
            for r in (0..size.records).filter(|r| rows[*r]) {
                toy.audited_membership.insert(r, m - 1);
            }
        }
        toy
    }
}

/// Signals computed from what models of a toy answer.
#[derive(Debug, Clone)]
pub struct AnsweredSignals {
    task: Task,
    models: Vec<Answering>,
    augmentations: usize,
    audited: Cohort,
    population: Cohort,
    granted: Access,
}

impl SignalSource for AnsweredSignals {
    fn models(&self) -> usize {
        self.models.len()
    }

    fn augmentations(&self) -> usize {
        self.augmentations
    }

    fn read(&self, signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let direct = DirectSignals {
            task: self.task,
            models: self.models.iter().map(|model| model as &dyn Target).collect(),
            augmentations: self.augmentations,
            audited: self.audited.clone(),
            population: self.population.clone(),
            granted: self.granted,
        };
        direct.read(signal, whom, range, out)
    }
}

/// What is true of a group of records and what every model answers about them.
#[derive(Debug)]
struct Group {
    /// `[records][width]`, where something is known to be true.
    labels: Option<Vec<f64>>,
    /// `[records][models][variants][width]`.
    vectors: Vec<f32>,
    /// `[records][models][variants]`.
    losses: Vec<f32>,
}

impl Group {
    fn new(
        task: Task,
        size: &Size,
        records: usize,
        draws: &mut Draws,
        gain: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let labelled = matches!(task, Task::MultiLabel | Task::Regression);
        let mut group = Self { labels: labelled.then(Vec::new), vectors: Vec::new(), losses: Vec::new() };
        for r in 0..records {
            let difficulty = 0.5 * draws.normal();
            let mut truth = [0.0; WIDTH];
            for value in &mut truth {
                *value =
                    if task == Task::MultiLabel { f64::from(draws.uniform() < 0.3) } else { draws.normal() };
            }
            if let Some(labels) = &mut group.labels {
                labels.extend(truth);
            }
            for m in 0..=size.references {
                for _ in 0..size.augmentations {
                    let log_p = difficulty - gain(r, m) + 0.5 * draws.normal();
                    let p = log_p.exp();
                    for value in truth {
                        let answer = match task {
                            Task::MultiLabel => (2.0 * value - 1.0) * (0.5 * draws.normal() - log_p),
                            _ => value + p * draws.normal(),
                        };
                        group.vectors.push(answer as f32);
                    }
                    let likelihood = matches!(task, Task::Generation | Task::Density | Task::Embedding);
                    group.losses.push(if likelihood { log_p } else { p * p } as f32);
                }
            }
        }
        group
    }
}

/// A model of a toy.
#[derive(Debug, Clone)]
struct Answering {
    card: TargetCard,
    model: usize,
    size: Size,
    /// About audited records, and about the population.
    answers: Arc<[Group; 2]>,
}

impl Target for Answering {
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
        let (mut vectors, mut losses) = (Vec::new(), Vec::new());
        let variants = self.size.augmentations;
        for &id in ids.iter() {
            let (group, row) = match (id as usize).checked_sub(self.size.records) {
                None => (&self.answers[0], id as usize),
                Some(row) => (&self.answers[1], row),
            };
            let at = (row * (1 + self.size.references) + self.model) * variants + augmentation.0 as usize;
            let vector = group.vectors.get(at * WIDTH..(at + 1) * WIDTH);
            let unknown = || Error::mismatch("record", "one of the roster, in a variant that is there", id);
            vectors.extend_from_slice(
                vector.filter(|_| (augmentation.0 as usize) < variants).ok_or_else(unknown)?,
            );
            losses.push(group.losses[at]);
        }
        let shape = [ids.len(), WIDTH];
        let mut outputs = Outputs::default();
        if query.want.contains(Access::LOGITS) {
            outputs.logits = Some(Tensor::from_vec(vectors.clone(), &shape)?);
        }
        if query.want.contains(Access::LABELS) {
            outputs.labels = Some(Tensor::from_vec(vectors.clone(), &shape)?);
        }
        if query.want.contains(Access::EMBEDDING) {
            outputs.embedding = Some(Tensor::from_vec(vectors, &shape)?);
        }
        if query.want.contains(Access::LOSS) {
            outputs.loss = Some(Tensor::from_vec(losses, &[ids.len()])?);
        }
        Ok(outputs)
    }
}

fn matrix(values: &[f64], rows: usize) -> Option<Tensor> {
    Tensor::from_vec(values.to_vec(), &[rows, values.len() / rows.max(1)]).ok()
}

/// Checks what an attack does in a task other than classification, with its parameters settled for it as an audit does: it is at chance where there is
/// nothing to find and finds the members of a model that leaks or memorises, the same on one thread and several; or, where one of its signals means
/// nothing for the task, it is refused.
///
/// # Panics
/// Where it does otherwise, naming the attack and the task.
pub fn check_attack_in_task(entry: &Entry, config: &Value, task: Task) {
    let what = format!("{} in {task}", entry.info.name);
    let groups = match entry.build(config.clone()).and_then(|attack| attack.needs(400)) {
        Ok(needs) => needs.groups,
        Err(error) => panic!("{what}: does not say what it needs: {error}"),
    };
    let records = groups.map_or(400, |groups| GROUPS * groups.size);
    let size = Size { records, population: 100, references: 4, augmentations: 2, ..Size::default() };
    let run = |behaviour, seed, threads| -> Result<(Vec<f64>, Vec<bool>)> {
        let mut toy = TaskToy::of_task(task, behaviour, size, seed);
        let truth = toy.truth.clone();
        if let Some(groups) = groups {
            toy.group_by(groups.size, |r| truth[r]);
        }
        let case = toy.case()?;
        let settled = entry.settle(config.clone(), &CaseSize::of(&case))?;
        let findings = entry.build(settled)?.run(&case, &Ctx::new(5, entry.info.name, threads, &()))?;
        Ok((findings.scores(&case)?, toy.units(|r| truth[r])))
    };
    let scores = |behaviour, seed, threads| match run(behaviour, seed, threads) {
        Ok(scores) => scores,
        Err(error) => panic!("{what}: fails: {error}"),
    };
    for seed in [61, 62] {
        let (scores, truth) = scores(Behaviour::Null, seed, 1);
        assert_chance(&what, &scores, &truth);
    }
    for behaviour in [Behaviour::Leaky, Behaviour::Memorising] {
        let (found, truth) = scores(behaviour, 63, 1);
        assert_finds(&format!("{what} on a {behaviour:?} target"), &found, &truth);
        assert_eq!(found, scores(behaviour, 63, 3).0, "{what}: depends on the number of threads");
    }
}

/// Checks that an attack is refused in a task for which one of its signals means nothing.
///
/// # Panics
/// Where it runs, or is refused for another reason.
pub fn check_attack_refuses_task(entry: &Entry, task: Task) {
    let toy = TaskToy::of_task(task, Behaviour::Null, Size { records: 8, ..Size::default() }, 1);
    let refused = toy.case().and_then(|case| {
        let settled = entry.settle(Value::Null, &CaseSize::of(&case))?;
        entry.build(settled)?.run(&case, &Ctx::new(5, entry.info.name, 1, &()))
    });
    let expected = format!("for the task {task}");
    match refused {
        Err(Error::Unsupported(said)) if said.contains(&expected) => {}
        other => panic!("{} in {task}: is not refused for its signals: {other:?}", entry.info.name),
    }
}
