//! Joins the truth to the scores: the one place where statistics are computed, the same for every attack.

mod absence;
mod anytime;
pub(crate) mod epsilon;
pub(crate) mod grouped;
pub(crate) mod guesses;
mod playing;
pub(crate) mod rebuilt;
pub(crate) mod validity;

use paname_core::{Ctx, Error, Result};
use paname_evidence::{
    Blind, DetectionTest, Exposed, Groups, LevelResult, MembershipResult, Power, Reason, RocPoint, Slice,
    SliceKind, Statistic, Unit, Unrelated, Verdict,
};
use paname_stats::delong::{Paired, auc_difference, auc_interval};
use paname_stats::histogram::Histogram;
use paname_stats::level::{
    FixedThreshold, Resolution, at_calibrated_threshold, needed_non_members, tpr_at_level,
};
use paname_stats::person::{Reduction, reduce};
use paname_stats::rank_sum::mann_whitney_p;
use paname_stats::{
    Roc, band, binomial, conformal, discovery, equivalence, multiple, power, precision, unrelated,
};

use crate::blind::Found;
use crate::manifest::{PersonScore, Split, Statistics};
use crate::plan::Planned;

/// Fewest units on each side for any statement about the whole.
pub(crate) const FEWEST_UNITS: u64 = 20;
/// Fewest units on each side for a figure about a part.
const FEWEST_IN_SLICE: u64 = 10;
/// Most values of a slicing that are reported; the largest first.
const MOST_SLICES: usize = 40;
const ROC_POINTS: usize = 240;
const HISTOGRAM_BINS: usize = 40;
/// Fewest unrelated models that a control can pass with: two have a spread, but only by one degree of freedom.
pub(crate) const FEWEST_UNRELATED: usize = 3;

/// What the engine alone knows of the audited records, in the order of the scores.
#[derive(Debug, Clone, Default)]
pub(crate) struct Truth {
    /// Who was in the training set.
    pub(crate) member: Vec<bool>,
    /// Person of each record; persons are counted where this is given.
    pub(crate) person: Option<Vec<String>>,
    /// Cuts to report on apart: the part that each record belongs to.
    pub(crate) slices: Vec<(SliceKind, Vec<String>)>,
    /// Records that are canaries, whose membership is their coin.
    pub(crate) canary: Option<Vec<bool>>,
}

impl Truth {
    /// Checks that there are members and non-members, and that no person is on both sides. Errors name the file `place`.
    pub(crate) fn check(&self, ids: &[String], place: &str) -> Result<()> {
        let members = self.member.iter().filter(|m| **m).count();
        for (count, what) in [(members, "members"), (self.member.len() - members, "non-members")] {
            if count == 0 {
                let problem = format!(
                    "there are no {what} among the {} audited records; an audit compares members with non-members",
                    self.member.len()
                );
                return Err(Error::data(place, problem));
            }
        }
        let torn = self.torn();
        // Ids of records, not of persons, so that no personal datum is printed.
        match torn.values().next() {
            None => Ok(()),
            Some(&(a, b)) => Err(Error::data(
                place,
                format!(
                    "{} person(s) have records on both sides, e.g. records {:?} and {:?}; a person with any record in the training set is a \
                     member: mark all of that person's records so, or leave them out",
                    torn.len(),
                    ids[a],
                    ids[b]
                ),
            )),
        }
    }

    /// Persons with records on both sides, and a record of theirs on either.
    fn torn(&self) -> std::collections::BTreeMap<&str, (usize, usize)> {
        let mut first: std::collections::HashMap<&str, usize> = std::collections::HashMap::new();
        let mut torn = std::collections::BTreeMap::new();
        for (i, person) in self.person.iter().flatten().enumerate() {
            let start = *first.entry(person).or_insert(i);
            if self.member[start] != self.member[i] {
                torn.entry(person.as_str()).or_insert((start, i));
            }
        }
        torn
    }

    /// One score per unit: members, non-members, and for each unit the position of a record of its own.
    fn units(&self, scores: &[f64], rule: PersonScore, keep: Option<&[bool]>) -> Result<Units> {
        let kept = |i: &usize| keep.is_none_or(|keep| keep[*i]);
        let rows: Vec<usize> = (0..scores.len()).filter(kept).collect();
        let Some(persons) = &self.person else {
            let all = rows.into_iter().map(|i| (scores[i], self.member[i], i)).collect();
            return Ok(Units { all });
        };
        let rule = match rule {
            PersonScore::Mean => Reduction::Mean,
            PersonScore::Max => Reduction::Max,
        };
        let mut first = std::collections::HashMap::new();
        for &i in &rows {
            first.entry(persons[i].as_str()).or_insert(i);
        }
        let names: Vec<&str> = rows.iter().map(|&i| persons[i].as_str()).collect();
        let values: Vec<f64> = rows.iter().map(|&i| scores[i]).collect();
        let member: Vec<bool> = rows.iter().map(|&i| self.member[i]).collect();
        let people = reduce(&names, &values, &member, rule).map_err(statistics)?;
        Ok(Units { all: people.people.iter().map(|p| (p.score, p.member, first[p.id])).collect() })
    }

    /// Numbers of members and non-members in units.
    pub(crate) fn count(&self) -> (u64, u64) {
        let mut seen = std::collections::HashSet::new();
        let (mut members, mut others) = (0, 0);
        for (i, &member) in self.member.iter().enumerate() {
            if self.person.as_ref().is_none_or(|persons| seen.insert(persons[i].as_str())) {
                *(if member { &mut members } else { &mut others }) += 1;
            }
        }
        (members, others)
    }

    /// What is counted.
    pub(crate) fn unit(&self) -> Unit {
        if self.person.is_some() { Unit::Person } else { Unit::Record }
    }
}

/// Score, membership and representative record of each unit.
struct Units {
    all: Vec<(f64, bool, usize)>,
}

impl Units {
    fn side(&self, member: bool) -> Vec<f64> {
        self.all.iter().filter(|unit| unit.1 == member).map(|unit| unit.0).collect()
    }
}

#[expect(clippy::needless_pass_by_value, reason = "for `map_err`")]
fn statistics(error: paname_stats::Error) -> Error {
    Error::Other(format!("statistics: {error}"))
}

/// What one attack gave, and what the audit knows without it.
#[derive(Debug, Clone, Default)]
pub(crate) struct Scores {
    /// On the target, one per audited record.
    pub(crate) target: Vec<f64>,
    /// On each reference model that played the target.
    pub(crate) played: Vec<Played>,
    /// Of the classifier that never sees the model, and whether it is better than chance; absent where nothing is known of records.
    pub(crate) blind: Option<(Vec<f64>, bool)>,
}

/// A reference model in the target's place.
#[derive(Debug, Clone)]
pub(crate) struct Played {
    /// One score per audited record.
    pub(crate) scores: Vec<f64>,
    /// Which audited records the model was fitted on; empty where it is not one model for all records, and nothing is said of what the attack finds on
    /// it.
    pub(crate) rows: Vec<bool>,
}

/// How many rows of each kind an audit judges.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Rows {
    pub(crate) membership: usize,
    pub(crate) attribute: usize,
    pub(crate) inversion: usize,
    /// Whether classes are persons, who are told apart besides.
    pub(crate) persons: bool,
}

impl Rows {
    pub(crate) fn of(rows: &[&Planned<'_>], persons: bool) -> Self {
        let attribute = rows.iter().filter(|row| row.attribute.is_some()).count();
        let inversion = rows.iter().filter(|row| row.inverts).count();
        Self { membership: rows.len() - attribute - inversion, attribute, inversion, persons }
    }
}

/// The most detection tests that so many rows can have: of an attribute there is one, of what is rebuilt one, and another where classes are persons.
pub(crate) fn most_tests(rows: Rows, settings: &Statistics) -> u64 {
    let inversion = rows.inversion * (1 + usize::from(rows.persons));
    (rows.membership * (1 + settings.fpr_targets.len()) + rows.attribute + inversion) as u64
}

/// The numbers of one row, before correction for the other rows and before a verdict.
///
/// `tests` is the most detection tests that the audit can have, which share its level. `ctx` gives the random half of the non-members that fixes
/// thresholds, the same for every row.
pub(crate) fn measure(
    scores: &Scores,
    truth: &Truth,
    settings: &Statistics,
    tests: u64,
    ctx: &Ctx<'_>,
) -> Result<MembershipResult> {
    let target: Vec<f64> = scores.target.iter().map(|s| finite(*s)).collect();
    let units = truth.units(&target, settings.person_score, None)?;
    let (members, non_members) = (units.side(true), units.side(false));
    let roc = Roc::new(&members, &non_members).map_err(statistics)?;
    let (calibration, counted) = calibration_split(&non_members, settings, ctx);
    let share = settings.alpha / tests.max(1) as f64;
    let levels = settings
        .fpr_targets
        .iter()
        .map(|&level| {
            let mut result = level_result(level, &roc, &members, &calibration, &counted, settings)?;
            if let Some(fixed) = &result.fixed {
                result.anytime = Some(anytime::anytime(fixed, &members, &counted, settings, share, ctx)?);
            }
            Ok(result)
        })
        .collect::<Result<Vec<_>>>()?;
    let test =
        |statistic, p| DetectionTest { statistic, p, p_adjusted: 1.0, p_blind: None, p_controlled: None };
    let mut detection = vec![test(Statistic::Auc, mann_whitney_p(&roc))];
    for fixed in levels.iter().filter_map(|level| level.fixed) {
        detection.push(test(Statistic::TprAt(fixed.level), fixed.p));
    }
    let beside = match &scores.blind {
        Some((blind, _)) => Some(Beside::new(blind, truth, settings)?),
        None => None,
    };
    let differs = scores.blind.as_ref().is_some_and(|(_, differs)| *differs);
    let mut beyond_blind = None;
    if let Some(beside) = &beside {
        let difference = beside.difference(&members, &non_members, settings)?;
        if differs {
            for test in &mut detection {
                test.p_blind = Some(match test.statistic {
                    Statistic::Auc
                    | Statistic::AccuracyDifference
                    | Statistic::NearestMember
                    | Statistic::Identified => difference.p_greater,
                    Statistic::TprAt(level) => {
                        let own = levels.iter().filter_map(|l| l.fixed).find(|fixed| fixed.level == level);
                        beside.p_at(level, own, &members, settings, ctx)?
                    }
                });
            }
        }
        beyond_blind = Some(difference);
    }
    let inferable = inferable(&members, &calibration, &counted, settings)?;
    let null: Vec<Roc> = scores
        .played
        .iter()
        .map(|played| {
            let scores: Vec<f64> = played.scores.iter().map(|s| finite(*s)).collect();
            let units = truth.units(&scores, settings.person_score, None)?;
            Roc::new(&units.side(true), &units.side(false)).map_err(statistics)
        })
        .collect::<Result<_>>()?;
    let unrelated = detection
        .iter()
        .filter_map(|test| compare_unrelated(test.statistic, &roc, &null, share).transpose())
        .collect::<Result<Vec<_>>>()?;
    let sides = playing::sides(&scores.played, truth, settings)?;
    let vertices = roc.thinned(ROC_POINTS);
    let band = band::roc_band(&roc, &vertices, settings.confidence).map_err(statistics)?;
    Ok(MembershipResult {
        unit: truth.unit(),
        members: roc.members(),
        non_members: roc.non_members(),
        auc: auc_interval(&roc, settings.confidence).map_err(statistics)?,
        roc: vertices
            .iter()
            .zip(band)
            .map(|(vertex, band)| RocPoint {
                fpr: roc.fpr(vertex),
                tpr: roc.tpr(vertex),
                fpr_lower: band.fpr_lower,
                fpr_upper: band.fpr_upper,
                tpr_lower: band.tpr_lower,
                tpr_upper: band.tpr_upper,
            })
            .collect(),
        alpha: settings.alpha,
        band_confidence: settings.confidence,
        power: detectable(roc.members(), roc.non_members(), settings, tests)?,
        levels,
        balanced_accuracy: roc.balanced_accuracy().value,
        advantage: roc.advantage().value,
        tests: detection,
        unrelated,
        beyond_blind,
        positive: playing::positive(&sides, &members, &calibration, &counted, settings, share, ctx)?,
        inferable,
        inferable_by_models: playing::inferable(&sides, &units, settings)?,
        procedure: playing::procedure(&sides, settings, ctx)?,
        epsilon: None,
        histogram: Histogram::new(&members, &non_members, HISTOGRAM_BINS).map_err(statistics)?,
        slices: slices(&target, truth, settings)?,
        groups: None,
    })
}

/// JSON knows no infinity, and ranks survive this. The bound leaves room for the sum over a person's records.
fn finite(score: f64) -> f64 {
    const LARGEST: f64 = f64::MAX / (1_u64 << 40) as f64;
    score.clamp(-LARGEST, LARGEST)
}

/// Splits the non-members at random into those that fix thresholds and those that are counted.
fn calibration_split(non_members: &[f64], settings: &Statistics, ctx: &Ctx<'_>) -> (Vec<f64>, Vec<f64>) {
    let mut order: Vec<usize> = (0..non_members.len()).collect();
    shuffle(&mut order, &mut ctx.rng("calibration"));
    let fixing = fixing(non_members.len() as u64, settings) as usize;
    let pick = |rows: &[usize]| rows.iter().map(|&i| non_members[i]).collect();
    let (calibration, counted) = order.split_at(fixing);
    (pick(calibration), pick(counted))
}

/// How many of so many non-members fix thresholds.
fn fixing(non_members: u64, settings: &Statistics) -> u64 {
    ((non_members as f64 * settings.calibration_fraction).round() as u64).min(non_members)
}

/// How many of so many non-members are counted once thresholds are fixed.
pub(crate) fn counted(non_members: u64, settings: &Statistics) -> u64 {
    non_members - fixing(non_members, settings)
}

/// Fisher-Yates with unbiased bounded draws.
pub(crate) fn shuffle<T>(items: &mut [T], rng: &mut impl rand_core::Rng) {
    for i in (1..items.len()).rev() {
        items.swap(i, below(rng, i as u64 + 1) as usize);
    }
}

/// Resamples of an interval, at the fewest.
const REPLICATES: u32 = 2_000;

/// As many resamples as the ends of an interval take, and a few beyond them.
fn replicates(confidence: f64) -> u32 {
    (20.0 / (1.0 - confidence)).ceil().clamp(f64::from(REPLICATES), 200_000.0) as u32
}

fn mean(values: &[f64]) -> f64 {
    values.iter().sum::<f64>() / values.len().max(1) as f64
}

/// A uniform draw from `0..bound` by rejection.
pub(crate) fn below(rng: &mut impl rand_core::Rng, bound: u64) -> u64 {
    let accepted = u64::MAX - u64::MAX % bound;
    loop {
        let draw = rng.next_u64();
        if draw < accepted {
            return draw % bound;
        }
    }
}

fn level_result(
    level: f64,
    roc: &Roc,
    members: &[f64],
    calibration: &[f64],
    counted: &[f64],
    settings: &Statistics,
) -> Result<LevelResult> {
    let needed = needed_non_members(level).map_err(statistics)?;
    let same_data = if roc.non_members() >= needed {
        Some(tpr_at_level(roc, level, settings.confidence).map_err(statistics)?)
    } else {
        None
    };
    // The rank rule alone would take fewer calibration scores, but a threshold among so few is all noise.
    let fixed: Option<FixedThreshold> = if counted.len().min(calibration.len()) as u64 >= needed {
        let at = at_calibrated_threshold(calibration, members, counted, level, settings.confidence);
        Some(at.map_err(statistics)?)
    } else {
        None
    };
    let mut precisions = Vec::new();
    // Without a single false alarm the measured rates give 100 %, whatever the truth.
    if let Some(fixed) = fixed.as_ref().filter(|fixed| fixed.fpr.hits > 0) {
        for &prior in &settings.priors {
            let value = precision::positive_predictive_value(prior, fixed.tpr.estimate, fixed.fpr.estimate);
            precisions.extend(value.map_err(statistics)?.map(|value| (prior, value)));
        }
    }
    let coarse = fixed.as_ref().map(|f| f.resolution).or(same_data.as_ref().map(|s| s.resolution))
        == Some(Resolution::Coarse);
    let counted_non_members = counted.len() as u64;
    let bounds = fixed.as_ref().map(|fixed| bound_excess(fixed, settings)).transpose()?;
    Ok(LevelResult {
        level,
        needed_non_members: needed,
        counted_non_members,
        coarse,
        same_data,
        fixed,
        excess: bounds.map(|(excess, _)| excess),
        equivalence_p: bounds.map(|(_, p)| p),
        anytime: None,
        precision: precisions,
    })
}

/// How much more often members are flagged than non-members, at the most, and the p-value of "as much more often as matters". The claim of a row
/// needs every level, and that of the audit every row, so that none is corrected for the others.
fn bound_excess(fixed: &FixedThreshold, settings: &Statistics) -> Result<(equivalence::ExcessBound, f64)> {
    let (tpr, fpr) = (&fixed.tpr, &fixed.fpr);
    let (tp, fp) = ((tpr.hits, tpr.trials), (fpr.hits, fpr.trials));
    let bound = equivalence::excess_bound(tp.0, tp.1, fp.0, fp.1, settings.alpha).map_err(statistics)?;
    let p = equivalence::equivalence_p(tp.0, tp.1, fp.0, fp.1, settings.min_effect_tpr);
    Ok((bound, p.map_err(statistics)?))
}

/// How many members can be named, at each declared prior. p-values are conformal against the non-members that fix thresholds; the pool holds the
/// others, since among members alone every name is right.
fn inferable(
    members: &[f64],
    calibration: &[f64],
    counted: &[f64],
    settings: &Statistics,
) -> Result<Vec<discovery::Inferable>> {
    if (calibration.len().min(counted.len()).min(members.len()) as u64) < FEWEST_UNITS {
        return Ok(Vec::new());
    }
    let p_values = |scores: &[f64]| conformal::conformal_p_values(calibration, scores).map_err(statistics);
    let (inside, outside) = (p_values(members)?, p_values(counted)?);
    let at = |&prior| discovery::inferable(&inside, &outside, prior, settings.fdr).map_err(statistics);
    settings.priors.iter().map(at).collect()
}

/// The classifier that never sees the model, unit by unit in the order of the attack's scores.
struct Beside {
    members: Vec<f64>,
    non_members: Vec<f64>,
    roc: Roc,
}

impl Beside {
    fn new(scores: &[f64], truth: &Truth, settings: &Statistics) -> Result<Self> {
        let scores: Vec<f64> = scores.iter().map(|s| finite(*s)).collect();
        let units = truth.units(&scores, settings.person_score, None)?;
        let (members, non_members) = (units.side(true), units.side(false));
        let roc = Roc::new(&members, &non_members).map_err(statistics)?;
        Ok(Self { members, non_members, roc })
    }

    fn difference(
        &self,
        members: &[f64],
        non_members: &[f64],
        settings: &Statistics,
    ) -> Result<paname_stats::delong::AucDifference> {
        let attack = Paired { members, non_members };
        let blind = Paired { members: &self.members, non_members: &self.non_members };
        auc_difference(attack, blind, settings.confidence).map_err(statistics)
    }

    /// McNemar's exact test of "the attack flags no more members than this does", either at a threshold fixed on the same non-members for the same
    /// level.
    fn p_at(
        &self,
        level: f64,
        own: Option<FixedThreshold>,
        members: &[f64],
        settings: &Statistics,
        ctx: &Ctx<'_>,
    ) -> Result<f64> {
        let Some(own) = own else { return Ok(1.0) };
        let (calibration, counted) = calibration_split(&self.non_members, settings, ctx);
        let at = at_calibrated_threshold(&calibration, &self.members, &counted, level, settings.confidence);
        let at = at.map_err(statistics)?.threshold;
        let pairs =
            members.iter().zip(&self.members).map(|(attack, blind)| (*attack > own.threshold, *blind > at));
        let (wins, losses) = pairs.fold((0, 0), |(wins, losses), pair| match pair {
            (true, false) => (wins + 1, losses),
            (false, true) => (wins, losses + 1),
            _ => (wins, losses),
        });
        Ok(binomial::mcnemar_greater(wins, losses))
    }
}

/// What the classifier that never sees the model finds.
pub(crate) fn blind(scores: &[f64], found: Found, truth: &Truth, settings: &Statistics) -> Result<Blind> {
    let Beside { roc, .. } = Beside::new(scores, truth, settings)?;
    let auc = auc_interval(&roc, settings.confidence).map_err(statistics)?;
    Ok(Blind { features: found.features, auc, p: found.p })
}

/// The control of one statistic, by a comparison that can reach the level `alpha`.
fn compare_unrelated(statistic: Statistic, roc: &Roc, null: &[Roc], alpha: f64) -> Result<Option<Unrelated>> {
    if null.len() < FEWEST_UNRELATED {
        return Ok(None);
    }
    let value = |roc: &Roc| match statistic {
        Statistic::Auc | Statistic::AccuracyDifference | Statistic::NearestMember | Statistic::Identified => {
            Ok(roc.auc())
        }
        Statistic::TprAt(level) => roc.tpr_at(level).map(|vertex| roc.tpr(&vertex)).map_err(statistics),
    };
    let observed = value(roc)?;
    let null = null.iter().map(value).collect::<Result<Vec<f64>>>()?;
    let figure = match statistic {
        Statistic::Auc | Statistic::AccuracyDifference | Statistic::NearestMember | Statistic::Identified => {
            unrelated::Figure::Normal
        }
        Statistic::TprAt(_) => unrelated::Figure::Any,
    };
    let compared = unrelated::unrelated_null(figure, observed, &null, alpha).map_err(statistics)?;
    Ok(compared.map(|c| Unrelated { statistic, observed, null, p: c.p, method: c.method }))
}

/// What a sample of this size can detect by one of so many tests.
pub(crate) fn detectable(members: u64, non_members: u64, settings: &Statistics, tests: u64) -> Result<Power> {
    let alpha = settings.alpha / tests.max(1) as f64;
    let fixing = fixing(non_members, settings);
    let counted = non_members - fixing;
    let tpr = settings
        .fpr_targets
        .iter()
        .map(|&level| {
            let refused = fixing.min(counted) < needed_non_members(level).map_err(statistics)?;
            // The false-positive rate is itself estimated, from about level · n false alarms.
            let alarms = (counted as f64 * level).round() as u64;
            let smallest = if refused || members == 0 {
                None
            } else {
                power::smallest_detectable_tpr_estimated(members, counted, alarms, alpha, settings.power)
                    .map_err(statistics)?
            };
            Ok((level, smallest))
        })
        .collect::<Result<Vec<_>>>()?;
    let auc = if members == 0 || non_members == 0 {
        None
    } else {
        power::smallest_detectable_auc(members, non_members, alpha, settings.power).map_err(statistics)?
    };
    Ok(Power { power: settings.power, alpha, auc, tpr })
}

fn slices(scores: &[f64], truth: &Truth, settings: &Statistics) -> Result<Vec<Slice>> {
    let mut all = Vec::new();
    for (kind, parts) in &truth.slices {
        for (value, keep) in cut(parts) {
            let units = truth.units(scores, settings.person_score, Some(&keep))?;
            let (members, non_members) = (units.side(true), units.side(false));
            let mut slice = Slice {
                kind: *kind,
                value: value.to_owned(),
                members: members.len() as u64,
                non_members: non_members.len() as u64,
                auc: None,
                interval: None,
            };
            if slice.members.min(slice.non_members) >= FEWEST_IN_SLICE {
                let roc = Roc::new(&members, &non_members).map_err(statistics)?;
                slice.auc = Some(roc.auc());
                slice.interval = Some(auc_interval(&roc, settings.confidence).map_err(statistics)?.interval);
            }
            all.push(slice);
        }
    }
    Ok(all)
}

/// The parts that are reported of a cut, the largest where there are too many, each with the records that are in it.
fn cut(parts: &[String]) -> impl Iterator<Item = (&str, Vec<bool>)> {
    let mut sizes: std::collections::BTreeMap<&str, usize> = std::collections::BTreeMap::new();
    for part in parts {
        *sizes.entry(part).or_default() += 1;
    }
    let mut values: Vec<(&str, usize)> = sizes.into_iter().collect();
    values.sort_by_key(|(_, size)| std::cmp::Reverse(*size));
    values.truncate(MOST_SLICES);
    values.sort_unstable_by(|a, b| natural(a.0).cmp(&natural(b.0)));
    values.into_iter().map(|(value, _)| (value, parts.iter().map(|part| part == value).collect()))
}

/// Numbers in the order of their value, then everything else.
fn natural(value: &str) -> (u64, &str) {
    (value.parse().unwrap_or(u64::MAX), value)
}

/// The `count` member units with the highest scores, each with its conformal p-value against the non-members, and for each the position of a
/// record of its own, under pseudonyms drawn by `key`.
pub(crate) fn most_exposed(
    scores: &[f64],
    truth: &Truth,
    settings: &Statistics,
    count: u64,
    key: &[u8; 32],
) -> Result<Vec<(Exposed, usize)>> {
    let scores: Vec<f64> = scores.iter().map(|s| finite(*s)).collect();
    let units = truth.units(&scores, settings.person_score, None)?;
    let mut members: Vec<(f64, usize)> = units.all.iter().filter(|u| u.1).map(|u| (u.0, u.2)).collect();
    members.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
    members.truncate(count as usize);
    let highest: Vec<f64> = members.iter().map(|m| m.0).collect();
    let p_values = conformal::conformal_p_values(&units.side(false), &highest).map_err(statistics)?;
    let named = members.iter().zip(p_values);
    Ok(named
        .map(|(&(score, record), p)| (Exposed { pseudonym: pseudonym(record, key), score, p }, record))
        .collect())
}

/// The name of a record, or of the person that it is the first record of: the same in every row of an audit.
fn pseudonym(record: usize, key: &[u8; 32]) -> String {
    let digest = blake3::keyed_hash(key, format!("pseudonym {record}").as_bytes());
    format!("P-{}", &digest.to_hex()[..10])
}

/// A detection test, and the p-value of its control where there is one.
pub(crate) type Tested<'a> = (&'a mut DetectionTest, Option<f64>);

/// The detection tests of a row of membership.
pub(crate) fn tested(result: &mut MembershipResult) -> Vec<Tested<'_>> {
    let MembershipResult { tests, unrelated, .. } = result;
    let control = |statistic| unrelated.iter().find(|control| control.statistic == statistic);
    tests
        .iter_mut()
        .map(|test| {
            let control = control(test.statistic).map(|control| control.p);
            (test, control)
        })
        .collect()
}

/// Holm's correction over every detection test of an audit: once for the test alone, once for the test together with its control.
///
/// Both must reject for a leak, so that the larger p-value holds against either explanation (intersection-union, Berger 1982).
pub(crate) fn correct(tests: Vec<Tested<'_>>) -> Result<()> {
    let alone: Vec<f64> = tests.iter().map(|(test, _)| test.p).collect();
    // A test without a control can never reject, but still counts.
    let both = tests
        .iter()
        .map(|(test, control)| control.map_or(1.0, |p| p.max(test.p).max(test.p_blind.unwrap_or(0.0))));
    let controlled = multiple::holm(&both.collect::<Vec<f64>>()).map_err(statistics)?;
    let alone = multiple::holm(&alone).map_err(statistics)?;
    for ((test, control), (p_adjusted, p_controlled)) in
        tests.into_iter().zip(alone.into_iter().zip(controlled))
    {
        test.p_adjusted = p_adjusted;
        test.p_controlled = control.map(|_| p_controlled);
    }
    Ok(())
}

/// What a verdict rests on besides the numbers of its row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Grounds<'a> {
    /// Why the test would not be valid.
    pub(crate) validity: &'a [Reason],
    /// How members and non-members came apart, as declared.
    pub(crate) split: Split,
    /// What is found without the model.
    pub(crate) blind: Option<&'a Blind>,
    /// Why what is not found says nothing. A leak that is found stays found.
    pub(crate) doubts: &'a [Reason],
    /// Whether some figure of the model is declared, and was found again where it can be measured.
    pub(crate) declared: bool,
}

/// The verdict of a measured and corrected row: a total rule, the first line that applies.
///
/// 1. The validity of the test fails: inconclusive.
/// 2. Some test is significant after correction, and either it is so together with its controls, or chance drew the members: leak demonstrated.
/// 3. At every declared level that the sample resolves the excess of the true-positive rate is surely below what matters, and the controls show that
///    more would have been seen ([`absence`]): no leak detected.
/// 4. Otherwise inconclusive.
pub(crate) fn verdict(
    result: &MembershipResult,
    grounds: Grounds<'_>,
    settings: &Statistics,
) -> (Verdict, Vec<Reason>) {
    let (verdict, mut reasons) = by_rule(result, grounds, settings);
    if verdict == Verdict::Inconclusive {
        reasons.extend(grounds.doubts.iter().cloned());
    }
    (verdict, reasons)
}

fn by_rule(result: &MembershipResult, grounds: Grounds<'_>, settings: &Statistics) -> (Verdict, Vec<Reason>) {
    let alpha = settings.alpha;
    if !grounds.validity.is_empty() {
        return (Verdict::Inconclusive, grounds.validity.to_vec());
    }
    let (members, non_members) = (result.members, result.non_members);
    if members.min(non_members) < FEWEST_UNITS {
        let needed = FEWEST_UNITS;
        let why = match result.groups {
            Some(Groups { size, records_needed: records, .. }) => {
                Reason::TooFewGroups { needed, members, non_members, size, records }
            }
            None => Reason::TooFew { needed, members, non_members },
        };
        return (Verdict::Inconclusive, vec![why]);
    }
    if result.roc.len() <= 2 && result.roc.iter().all(|p| p.fpr == p.tpr) {
        return (Verdict::Inconclusive, vec![Reason::AllTied]);
    }
    let smallest = result.tests.iter().map(|test| test.p_adjusted).fold(1.0, f64::min);
    if smallest > alpha {
        let mut reasons = vec![Reason::NotSignificant { p_adjusted: smallest, alpha }];
        let (shown, why) = absence::shown(result, grounds, settings);
        if !shown {
            reasons.extend(underpowered(&result.power, settings.min_effect_tpr));
        }
        reasons.extend(why);
        return (if shown { Verdict::NoLeakDetected } else { Verdict::Inconclusive }, reasons);
    }
    let significant = Reason::Significant { p_adjusted: smallest, alpha };
    let controlled = result.tests.iter().filter_map(|test| test.p_controlled).min_by(f64::total_cmp);
    match (controlled, grounds.split) {
        (Some(p), _) if p <= alpha => {
            (Verdict::LeakDemonstrated, vec![significant, Reason::AboveUnrelatedModels { p }])
        }
        (_, Split::Random) => (Verdict::LeakDemonstrated, vec![significant, Reason::RandomSplitDeclared]),
        (Some(p), Split::Undeclared) => {
            let mut reasons = vec![significant, Reason::Confounded { p, alpha }];
            let beyond = result.tests.iter().filter_map(|test| test.p_blind).min_by(f64::total_cmp);
            if let (Some(blind), Some(p)) = (grounds.blind, beyond.filter(|p| *p > alpha)) {
                reasons.push(Reason::NotBeyondBlind { auc: blind.auc.auc, p });
            }
            (Verdict::Inconclusive, reasons)
        }
        (None, Split::Undeclared) => (Verdict::Inconclusive, vec![significant, Reason::ShiftNotExcluded]),
    }
}

/// Where no declared level can show an excess as small as the one that matters.
fn underpowered(power: &Power, wanted: f64) -> Option<Reason> {
    let excess = power.tpr.iter().filter_map(|(level, tpr)| Some((*tpr)? - level));
    let detectable = excess.min_by(f64::total_cmp);
    detectable.is_none_or(|excess| excess > wanted).then_some(Reason::Underpowered { detectable, wanted })
}

#[cfg(test)]
mod tests;
