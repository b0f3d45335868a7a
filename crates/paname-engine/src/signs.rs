//! The cheap look before any attack: what can be told of a model in a minute, without a reference model.
//!
//! Records are counted, each taken as independent. What is found says that an attack is likely to find something: a model that does better on its
//! training records can be told from one that was not trained on them by that alone (Yeom et al., "Privacy risk in machine learning", CSF 2018,
//! theorem 2). What is not found says nothing: few records can be known by heart in a model that shows no gap on average.

use std::collections::HashMap;

use paname_core::{
    Access, Cohort, Ctx, DirectSignals, Error, Features, Labels, Query, Registry, Setting, Signal, Target,
    Task, Whom, kernel,
};
use paname_evidence::MeanLoss;
use paname_stats::{Interval, Rate, difference};
use rand_core::Rng;
use schemars::JsonSchema;
use serde::Serialize;

use crate::EngineError;
use crate::features::Inventory;
use crate::fidelity;
use crate::inputs::{Supply, Tables, agree};
use crate::judge::{Truth, shuffle};
use crate::manifest::Manifest;

/// Most records of each side that the target is asked about.
const MOST_RECORDS: usize = 2000;
/// Gap between two rates from which a sign is strong, by the lower end of its interval.
const STRONG_GAP: f64 = 0.1;
/// Difference of two means from which a sign is strong, in standard deviations (Cohen's medium effect).
const STRONG_EFFECT: f64 = 0.5;
/// Parameters per training record from which a model can interpolate its data (Belkin et al., PNAS 2019), and from which it easily can.
const WEAK_PARAMETERS: f64 = 1.0;
const STRONG_PARAMETERS: f64 = 10.0;
/// Share of the records that repeat others from which a sign is strong.
const STRONG_DUPLICATES: f64 = 0.01;
/// A loss below this one is a probability of the true class above 0.999.
const EXTREME_LOSS: f32 = 1e-3;

/// How much a sign says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Rating {
    /// Nothing was seen, which proves nothing.
    None,
    /// Something was seen.
    Weak,
    /// Much was seen.
    Strong,
}

/// What a model shows before any attack. What could not be looked at is None.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Signs {
    /// Member records that the target was asked about, drawn by the seed of the audit.
    pub members: u64,
    /// Non-member records that the target was asked about.
    pub non_members: u64,
    /// Accuracy.
    pub accuracy: Option<RateSign>,
    /// Mean loss.
    pub loss: Option<LossSign>,
    /// Parameters per training record; None where the manifest does not declare the parameters.
    pub parameters: Option<ParametersSign>,
    /// Records whose inputs are the same byte for byte; None where the manifest names no inputs of numbers.
    pub duplicates: Option<DuplicatesSign>,
    /// Answers of extreme confidence: a loss below 0.001, so that the true class has a probability above 0.999.
    pub extreme: Option<RateSign>,
}

/// A rate on members beside that on non-members. Weak where the interval of the difference lies above 0, strong where above 0.1.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct RateSign {
    /// How much it says.
    pub rating: Rating,
    /// On members.
    pub members: Rate,
    /// On non-members.
    pub non_members: Rate,
    /// Interval of the first minus the second (Newcombe).
    pub difference: Interval,
}

/// Mean loss on members beside that on non-members. Weak where the interval of the difference lies above 0, strong where besides the difference is
/// at least half a standard deviation.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct LossSign {
    /// How much it says.
    pub rating: Rating,
    /// On members.
    pub members: MeanLoss,
    /// On non-members.
    pub non_members: MeanLoss,
    /// Interval of the second minus the first, by the normal distribution.
    pub difference: Interval,
}

/// Parameters per training record. Weak from 1, strong from 10.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct ParametersSign {
    /// How much it says.
    pub rating: Rating,
    /// Parameters, as declared.
    pub parameters: u64,
    /// Training records, as declared, or else the audited members.
    pub records: u64,
    /// The quotient.
    pub per_record: f64,
}

/// Records with the same inputs, among all audited records. Weak where there is one, strong from 1 % of a side.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
pub struct DuplicatesSign {
    /// How much the repetition among members says: what is repeated in training is known by heart more often.
    pub within_rating: Rating,
    /// Members whose inputs another member has too.
    pub within_members: u64,
    /// How much the repetition across the split says: such non-members were trained on, and hide a leak.
    pub across_rating: Rating,
    /// Non-members whose inputs a member has too.
    pub across: u64,
    /// Members compared.
    pub members: u64,
    /// Non-members compared.
    pub non_members: u64,
}

/// Looks at the target of a manifest. Reference models are not opened. Asks about at most 2,000 members and as many non-members, and no more in all
/// than `access.max_queries`.
///
/// Fails where the manifest, the tables or the target cannot be used, and where the target is fitted within the audit, since there is none yet.
pub fn signs(manifest: &Manifest, registry: &Registry) -> Result<Signs, EngineError> {
    manifest.check_named(registry)?;
    let content = &manifest.content;
    if content.target.fit.is_some() {
        let problem = "the model is fitted within the audit, and there is none to look at yet; `paname run` fits it, and a manifest that names the \
                       model itself can be looked at";
        return Err(manifest.about("target.fit")(Error::Config(problem.to_owned())));
    }
    let settings = &content.statistics;
    let ctx = Ctx::new(settings.seed, "signs", 1, &());
    let tables = Tables::read(manifest)?;
    let inventory = Inventory::default();
    let supply = Supply { manifest, registry, inventory: &inventory, data_key: "", fits: None };
    let setting = Setting {
        base: manifest.base(),
        roster: &tables.roster,
        labels: &tables.labels,
        inputs: inventory.features(manifest, &tables.roster, tables.audited, ctx.threads())?,
        task: content.task(),
    };
    let target = supply.target(&setting, &ctx)?;
    let task = content.task();
    agree(task, target.card())?;
    let offered = target.card().offers();
    let granted = manifest.granted().map_or(offered, |granted| task.with_implied(granted) & offered);

    let budget = content.access.max_queries.filter(|_| !target.card().recorded);
    let most = budget
        .map_or(MOST_RECORDS, |most| MOST_RECORDS.min(usize::try_from(most / 2).unwrap_or(MOST_RECORDS)));
    let records = drawn(&tables.truth.member, most, &mut ctx.rng("records asked about"));
    let asked = Truth {
        member: records.iter().map(|&record| tables.truth.member[record as usize]).collect(),
        ..Truth::default()
    };
    let answers = answers(target.as_ref(), task, granted, &records, &tables.labels, &ctx)?;
    let confidence = settings.confidence;
    let rate = |hits: &[bool]| rate_sign(fidelity::accuracy(hits, &asked, confidence)?, confidence);
    let extreme = answers.losses.as_ref().filter(|_| task == Task::Classification);
    let extreme: Option<Vec<bool>> =
        extreme.map(|losses| losses.iter().map(|loss| *loss < EXTREME_LOSS).collect());
    let loss = answers.losses.as_ref().map(|losses| fidelity::loss(losses, &asked, task));
    let members = tables.truth.member.iter().filter(|member| **member).count() as u64;
    let (asked_members, asked_others) = asked.count();
    Ok(Signs {
        members: asked_members,
        non_members: asked_others,
        accuracy: answers.correct.as_deref().map(rate).transpose()?,
        loss: loss.map(|sides| loss_sign(sides, confidence)).transpose()?,
        parameters: content.model.parameters.map(|parameters| {
            parameters_sign(
                parameters,
                content.data.samples.filter(|samples| *samples > 0).unwrap_or(members),
            )
        }),
        duplicates: duplicates(setting.inputs, &tables.truth.member)?,
        extreme: extreme.as_deref().map(rate).transpose()?,
    })
}

/// At most so many records of each side, in the order of the roster.
fn drawn(member: &[bool], most: usize, rng: &mut impl Rng) -> Vec<u32> {
    let mut records = Vec::new();
    for side in [true, false] {
        let mut all: Vec<u32> = (0..member.len() as u32).filter(|r| member[*r as usize] == side).collect();
        shuffle(&mut all, rng);
        all.truncate(most);
        records.extend(all);
    }
    records.sort_unstable();
    records
}

/// What the target's answers say of each record, as far as the access goes.
#[derive(Default)]
struct Answers {
    correct: Option<Vec<bool>>,
    losses: Option<Vec<f32>>,
}

fn answers(
    target: &dyn Target,
    task: Task,
    granted: Access,
    records: &[u32],
    labels: &Labels,
    ctx: &Ctx<'_>,
) -> Result<Answers, EngineError> {
    let mut answers = Answers::default();
    if records.is_empty() {
        return Ok(answers);
    }
    let own = match labels {
        Labels::Classes { values, classes } => Labels::Classes {
            values: records.iter().map(|&r| values[r as usize]).collect(),
            classes: *classes,
        },
        Labels::Values(values) => Labels::Values(values.gather(records)?),
        _ => Labels::None,
    };
    if let (Task::Classification, Labels::Classes { values: classes, .. }) = (task, &own) {
        let vectors =
            [Access::LOGITS, Access::PROBABILITIES].into_iter().find(|want| granted.contains(*want));
        // One question serves both figures.
        if let Some(want) = vectors {
            let given = target.predict(&Query::records(records, want))?;
            given.check_rows(records.len())?;
            let signal = |signal| {
                let mut values = vec![0.0_f32; records.len()];
                kernel::write_signal(signal, &given, Some(classes), &mut values, 1).map(|()| values)
            };
            let correct = signal(Signal::Margin)?.into_iter().map(|margin| margin > 0.0).collect();
            return Ok(Answers { correct: Some(correct), losses: Some(signal(Signal::Loss)?) });
        }
        if granted.contains(Access::LABELS) {
            let given = target.predict(&Query::records(records, Access::LABELS))?;
            given.check_rows(records.len())?;
            let predicted = given.labels.as_ref().ok_or(Error::Denied(Access::LABELS))?.to_i64()?;
            let correct = predicted.iter().zip(classes.iter()).map(|(got, class)| *got == i64::from(*class));
            answers.correct = Some(correct.collect());
        }
    }
    if Signal::Loss.computable_from(task, granted) {
        let source = DirectSignals {
            task,
            models: vec![target],
            augmentations: 1,
            audited: Cohort { ids: records.into(), labels: own },
            population: Cohort::default(),
            granted,
        };
        let mut losses = vec![0.0_f32; records.len()];
        source.read_all(Signal::Loss, Whom::Audited, 0..records.len(), &mut losses, ctx)?;
        answers.losses = Some(losses);
    }
    Ok(answers)
}

fn rate_sign([members, non_members]: [Rate; 2], confidence: f64) -> Result<RateSign, EngineError> {
    let counts = |rate: &Rate| [rate.hits, rate.trials];
    let difference = difference::independent(counts(&members), counts(&non_members), confidence);
    let difference = difference.map_err(EngineError::other)?;
    let rating = rated(difference.lower > 0.0, difference.lower > STRONG_GAP);
    Ok(RateSign { rating, members, non_members, difference })
}

fn loss_sign([members, non_members]: [MeanLoss; 2], confidence: f64) -> Result<LossSign, EngineError> {
    let side = |loss: &MeanLoss| (loss.mean, loss.standard_error);
    let difference = difference::means(side(&non_members), side(&members), confidence);
    let difference = difference.map_err(EngineError::other)?;
    let variance = |loss: &MeanLoss| loss.standard_error.powi(2) * loss.records as f64;
    let deviation = f64::midpoint(variance(&members), variance(&non_members)).sqrt();
    let much = non_members.mean - members.mean >= STRONG_EFFECT * deviation;
    let seen = difference.lower > 0.0;
    Ok(LossSign { rating: rated(seen, seen && much), members, non_members, difference })
}

fn parameters_sign(parameters: u64, records: u64) -> ParametersSign {
    let per_record = parameters as f64 / records.max(1) as f64;
    let rating = rated(per_record >= WEAK_PARAMETERS, per_record >= STRONG_PARAMETERS);
    ParametersSign { rating, parameters, records, per_record }
}

/// Compares the inputs of all audited records by their digests. Mixed columns are not compared: a table may hold an id.
fn duplicates(features: &Features, member: &[bool]) -> Result<Option<DuplicatesSign>, EngineError> {
    let Features::Tensor(tensor) = features else { return Ok(None) };
    let bytes = tensor.bytes()?;
    let width = bytes.len() / tensor.rows().max(1);
    if width == 0 {
        return Ok(None);
    }
    let rows = || bytes.chunks_exact(width).zip(member).map(|(row, member)| (blake3::hash(row), *member));
    let mut members_with: HashMap<blake3::Hash, u64> = HashMap::new();
    for (digest, _) in rows().filter(|(_, member)| *member) {
        *members_with.entry(digest).or_default() += 1;
    }
    let within_members = members_with.values().filter(|count| **count > 1).sum();
    let across =
        rows().filter(|(digest, member)| !member && members_with.contains_key(digest)).count() as u64;
    let members = member.iter().filter(|member| **member).count() as u64;
    let non_members = member.len() as u64 - members;
    let rating = |count: u64, all: u64| rated(count > 0, count as f64 >= STRONG_DUPLICATES * all as f64);
    Ok(Some(DuplicatesSign {
        within_rating: rating(within_members, members),
        within_members,
        across_rating: rating(across, non_members),
        across,
        members,
        non_members,
    }))
}

const fn rated(seen: bool, much: bool) -> Rating {
    match (seen, much) {
        (true, true) => Rating::Strong,
        (true, false) => Rating::Weak,
        (false, _) => Rating::None,
    }
}

#[cfg(test)]
mod tests {
    use paname_core::Tensor;

    use super::*;

    fn rates(first: [u64; 2], second: [u64; 2]) -> [Rate; 2] {
        [first, second].map(|[hits, trials]| Rate::new(hits, trials, 0.95).unwrap())
    }

    #[test]
    fn a_gap_is_rated_by_the_lower_end_of_its_interval() {
        let rating = |first, second| rate_sign(rates(first, second), 0.95).unwrap().rating;
        assert_eq!(rating([1000, 1000], [800, 1000]), Rating::Strong);
        assert_eq!(rating([1000, 1000], [950, 1000]), Rating::Weak);
        assert_eq!(rating([800, 1000], [800, 1000]), Rating::None);
        assert_eq!(rating([800, 1000], [1000, 1000]), Rating::None, "worse on members is no sign");
        assert_eq!(rating([10, 10], [9, 10]), Rating::None, "ten records say little");
        assert_eq!(rating([0, 0], [5, 10]), Rating::None);
    }

    #[test]
    fn a_difference_of_losses_counts_in_standard_deviations() {
        let loss = |mean, standard_error| MeanLoss { mean, standard_error, records: 100 };
        let rating = |members, others| loss_sign([members, others], 0.95).unwrap().rating;
        assert_eq!(rating(loss(0.1, 0.01), loss(0.2, 0.01)), Rating::Strong);
        assert_eq!(rating(loss(0.17, 0.01), loss(0.2, 0.01)), Rating::Weak);
        assert_eq!(rating(loss(0.2, 0.01), loss(0.1, 0.01)), Rating::None);
        assert_eq!(rating(loss(0.2, 0.0), loss(0.2, 0.0)), Rating::None);
        assert_eq!(rating(loss(f64::NAN, f64::NAN), loss(0.2, 0.0)), Rating::None);
    }

    #[test]
    fn parameters_are_held_against_records() {
        assert_eq!(parameters_sign(9_610, 700).rating, Rating::Strong);
        assert_eq!(parameters_sign(1_400, 700).rating, Rating::Weak);
        assert_eq!(parameters_sign(699, 700).rating, Rating::None);
        assert_eq!(parameters_sign(1, 0).per_record, 1.0);
    }

    #[test]
    fn equal_inputs_are_counted_on_either_side() {
        // Two members alike, a non-member like them, and two non-members alike, which is nobody's leak.
        let tensor =
            Tensor::from_vec(vec![1.0_f32, 2.0, 1.0, 2.0, 1.0, 2.0, 3.0, 4.0, 3.0, 4.0], &[5, 2]).unwrap();
        let found =
            duplicates(&Features::Tensor(tensor), &[true, true, false, false, false]).unwrap().unwrap();
        assert_eq!((found.within_members, found.across), (2, 1));
        assert_eq!((found.within_rating, found.across_rating), (Rating::Strong, Rating::Strong));
        assert_eq!(duplicates(&Features::None, &[true]).unwrap(), None);
        let different = Tensor::from_vec(vec![1.0_f32, 2.0], &[2, 1]).unwrap();
        let found = duplicates(&Features::Tensor(different), &[true, false]).unwrap().unwrap();
        assert_eq!((found.within_rating, found.across_rating), (Rating::None, Rating::None));
    }

    #[test]
    fn as_many_of_each_side_are_drawn_as_there_are_or_as_may_be() {
        let member: Vec<bool> = (0..5000).map(|record| record % 5 == 0).collect();
        let ctx = Ctx::new(1, "signs", 1, &());
        let records = drawn(&member, 2000, &mut ctx.rng("records"));
        let members = records.iter().filter(|r| member[**r as usize]).count();
        assert_eq!((records.len(), members), (3000, 1000));
        assert!(records.is_sorted() && records.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
