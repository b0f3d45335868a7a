//! Rebuilt inputs: recognised or not, and whose.
//!
//! The headline asks of each class whether what was rebuilt lies nearest to a member, among as many members as non-members of the class. What a class looks
//! like is known of both, and says nothing; where the model tells nothing of its members it is as likely a non-member. Starts of one class are no samples:
//! the one that the attack itself is surest of counts.

use std::collections::{BTreeMap, HashSet};

use paname_core::{Ctx, Ending, Result};
use paname_evidence::{
    DetectionTest, Evaluator, Figure, Gallery, Identified, InversionResult, Likeness, Nearer, Nearest,
    Reason, Rebuilt, RebuiltTexts, Recall, Statistic, Verdict,
};
use paname_stats::{Rate, binomial, bootstrap};
use serde::{Deserialize, Serialize};

use super::{Grounds, Truth, below, mean, replicates, shuffle, statistics};
use crate::manifest::{Manifest, Split, Statistics};
use crate::plan::PlannedInversion;
use crate::texts;

/// Fewest classes for any statement about whose inputs were rebuilt: all of them on one side is then just unlikely by chance.
pub(crate) const FEWEST_CLASSES: u64 = 5;
/// Permutations of who is a member.
const PERMUTATIONS: u32 = 9_999;
/// Classes from which on it is worth telling whether the class is among the five likeliest.
const MANY_CLASSES: usize = 11;

/// Something rebuilt, and what the evaluator sees in it.
#[derive(Debug, Clone)]
pub(crate) struct Seen {
    pub(crate) class: u32,
    /// The attack's own confidence.
    pub(crate) score: f64,
    /// The evaluator's likeliest classes, the likeliest first; empty without one.
    pub(crate) likeliest: Vec<u32>,
    pub(crate) features: Vec<f32>,
}

/// What was rebuilt, and the records that it is held against.
pub(crate) struct Inversion<'a> {
    /// Whether each class is a person.
    pub(crate) persons: bool,
    /// What features are.
    pub(crate) likeness: Likeness,
    /// Classes of the model.
    pub(crate) classes: usize,
    pub(crate) evaluator: Option<Evaluator>,
    pub(crate) attack: Vec<Seen>,
    pub(crate) unregularised: Option<Vec<Seen>>,
    /// The mean of each class, and that of its members alone.
    pub(crate) average: Vec<Seen>,
    pub(crate) members_average: Vec<Seen>,
    pub(crate) endings: Vec<Ending>,
    /// Whether the attack was refused a question for want of budget, whatever it says of its endings.
    pub(crate) exhausted: bool,
    /// Records of each class, by their places among the features.
    pub(crate) galleries: &'a Galleries,
    /// Features of each record `[records][width]`.
    pub(crate) features: &'a [f32],
    pub(crate) width: usize,
    pub(crate) gallery: Option<Gallery>,
    pub(crate) texts: Option<RebuiltTexts>,
}

/// The records of each class in an order drawn by chance: the first of either side, as many as both have, are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Galleries {
    pub(crate) classes: BTreeMap<u32, Sides>,
}

/// The members and the non-members of one class: where persons are known, one record of each, drawn by chance.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Sides {
    members: Vec<u32>,
    others: Vec<u32>,
}

impl Sides {
    /// As many of either side as are compared.
    pub(crate) fn count(&self) -> usize {
        self.members.len().min(self.others.len())
    }

    pub(crate) fn members(&self) -> &[u32] {
        &self.members[..self.count()]
    }

    pub(crate) fn others(&self) -> &[u32] {
        &self.others[..self.count()]
    }
}

impl Galleries {
    /// Draws them. Records beyond the audited ones are of nobody who is a member.
    pub(crate) fn draw(labels: &[u32], truth: &Truth, ctx: &Ctx<'_>) -> Self {
        let mut order: Vec<u32> = (0..labels.len() as u32).collect();
        shuffle(&mut order, &mut ctx.rng("galleries"));
        let mut galleries = Self::default();
        let mut seen = HashSet::new();
        for record in order {
            let class = labels[record as usize];
            let person = truth.person.as_ref().and_then(|persons| persons.get(record as usize));
            // The unit is the person: another record of one says little more.
            if person.is_some_and(|person| !seen.insert((class, person.as_str()))) {
                continue;
            }
            let sides = galleries.classes.entry(class).or_default();
            let member = truth.member.get(record as usize) == Some(&true);
            if member { &mut sides.members } else { &mut sides.others }.push(record);
        }
        galleries
    }

    /// As many non-members of each class that has any as the class with the fewest: a larger gallery would be the nearest more often.
    fn equal(&self) -> BTreeMap<u32, &[u32]> {
        let some = || self.classes.iter().filter(|(_, sides)| !sides.others.is_empty());
        let fewest = some().map(|(_, sides)| sides.others.len()).min().unwrap_or(0);
        some().map(|(class, sides)| (*class, &sides.others[..fewest])).collect()
    }
}

/// What was rebuilt in one way.
struct Arm<'s> {
    all: Vec<&'s Seen>,
    /// Of each class the surest.
    chosen: Vec<&'s Seen>,
    /// How near these are.
    near: Vec<Nearness>,
}

/// What one class came to.
struct Nearness {
    class: u32,
    /// Squared distances to the members and to the non-members of the class.
    members: Vec<f64>,
    others: Vec<f64>,
    /// Squared distance to the nearest member in units of the mean between two of them; None with fewer than two.
    distance: Option<f64>,
    /// Whether the nearest of as many of either is a member; None where a side is empty. Of equally near ones it is one drawn by chance, or a model that says
    /// nothing of its members would not come to one half.
    nearest: Option<bool>,
    /// Whether chance decided it.
    drawn: bool,
    /// The greatest share of a text's tokens that was rebuilt, among as many members and non-members; None where a side is empty, and of what is no text.
    recall: Option<(f64, f64)>,
}

impl Inversion<'_> {
    fn row(&self, record: u32) -> &[f32] {
        &self.features[record as usize * self.width..][..self.width]
    }

    /// The squared distance between two inputs.
    fn apart(&self, a: &[f32], b: &[f32]) -> f64 {
        if self.likeness == Likeness::Tokens { texts::apart(a, b) } else { squared(a, b) }
    }

    /// The mean squared distance between two of these records.
    fn spread(&self, records: &[u32]) -> Option<f64> {
        if records.len() < 2 {
            return None;
        }
        let count = records.len() as f64;
        if self.likeness == Likeness::Tokens {
            let rows = records.iter().map(|record| self.row(*record));
            return Some(texts::spread(rows, self.width)).filter(|spread| *spread > 0.0);
        }
        let mut total = 0.0;
        for j in 0..self.width {
            let values = || records.iter().map(|record| f64::from(self.row(*record)[j]));
            let mean = values().sum::<f64>() / count;
            total += values().map(|value| (value - mean) * (value - mean)).sum::<f64>();
        }
        Some(2.0 * total / (count - 1.0)).filter(|spread| *spread > 0.0)
    }

    /// What an arm rebuilt of these classes.
    fn arm<'s>(&self, all: &'s [Seen], of: &dyn Fn(u32) -> bool, ctx: &Ctx<'_>) -> Arm<'s> {
        let all: Vec<&Seen> = all.iter().filter(|seen| of(seen.class)).collect();
        let chosen = surest(&all);
        Arm { near: self.nearness(&chosen, ctx), all, chosen }
    }

    /// How near these are to the records of their classes, one of each class. The galleries are the same for every arm.
    fn nearness(&self, chosen: &[&Seen], ctx: &Ctx<'_>) -> Vec<Nearness> {
        let empty = Sides::default();
        let of = |seen: &&Seen| {
            let sides = self.galleries.classes.get(&seen.class).unwrap_or(&empty);
            let distances = |records: &[u32]| -> Vec<f64> {
                records.iter().map(|record| self.apart(&seen.features, self.row(*record))).collect()
            };
            let least = |values: &[f64]| values.iter().copied().fold(f64::INFINITY, f64::min);
            let (members, others) = (distances(sides.members()), distances(sides.others()));
            let distance =
                self.spread(&sides.members).map(|spread| least(&distances(&sides.members)) / spread);
            let first = least(&members).min(least(&others));
            let [firsts, among] =
                [&members, &others].map(|all| all.iter().filter(|distance| **distance <= first).count());
            let drawn = firsts > 0 && among > 0;
            let nearest = (sides.count() > 0).then(|| {
                let lot = |rng| below(rng, (firsts + among) as u64) < firsts as u64;
                if drawn {
                    lot(&mut ctx.rng(&format!("nearest of class {}", seen.class)))
                } else {
                    firsts > 0
                }
            });
            let most = |records: &[u32]| {
                let shares = records.iter().map(|record| texts::share(self.row(*record), &seen.features));
                shares.fold(0.0, f64::max)
            };
            let recall = (self.likeness == Likeness::Tokens && sides.count() > 0)
                .then(|| (most(sides.members()), most(sides.others())));
            Nearness { class: seen.class, members, others, distance, nearest, drawn, recall }
        };
        chosen.iter().map(of).collect()
    }
}

fn squared(a: &[f32], b: &[f32]) -> f64 {
    a.iter().zip(b).map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum()
}

/// Of each class the place of the start that the attack is surest of, the first of equal ones. Classes and scores are those of all starts.
pub(crate) fn surest_places(found: impl Iterator<Item = (u32, f64)>) -> BTreeMap<u32, usize> {
    let mut best: BTreeMap<u32, (usize, f64)> = BTreeMap::new();
    for (place, (class, score)) in found.enumerate() {
        let known = best.entry(class).or_insert((place, score));
        if score > known.1 {
            *known = (place, score);
        }
    }
    best.into_iter().map(|(class, (place, _))| (class, place)).collect()
}

/// These starts, by class.
fn surest<'s>(all: &[&'s Seen]) -> Vec<&'s Seen> {
    surest_places(all.iter().map(|seen| (seen.class, seen.score)))
        .into_values()
        .map(|place| all[place])
        .collect()
}

fn recognised(seen: &Seen, among: usize) -> bool {
    seen.likeliest.iter().take(among).any(|class| *class == seen.class)
}

/// The numbers of a row, before correction for the other rows and before a verdict.
pub(crate) fn measure(
    inversion: &Inversion<'_>,
    settings: &Statistics,
    tests: u64,
    ctx: &Ctx<'_>,
) -> Result<InversionResult> {
    // What the model cannot have seen: there are records of it, and none of them is a member. Of classes without any record nothing is known.
    let classes = &inversion.galleries.classes;
    let is_control = |class: u32| classes.get(&class).is_some_and(|sides| sides.members.is_empty());
    let is_trained = |class: u32| classes.get(&class).is_some_and(|sides| !sides.members.is_empty());
    let measuring = Measuring { inversion, settings, ctx };
    let attack = inversion.arm(&inversion.attack, &is_trained, ctx);
    let control = inversion.arm(&inversion.attack, &is_control, ctx).chosen;
    // The other arms are about the classes that the attack aimed at.
    let aimed: HashSet<u32> = attack.near.iter().map(|near| near.class).collect();
    let arm = |all| inversion.arm(all, &|class| aimed.contains(&class), ctx);
    let unregularised = inversion.unregularised.as_deref().map(arm);
    let [average, members_average] = [&inversion.average, &inversion.members_average].map(|all| arm(all));
    let rebuilt = measuring.arm(&attack)?;
    let compared: Vec<&Nearness> = attack.near.iter().filter(|near| near.nearest.is_some()).collect();
    let hits = rebuilt.nearest.hits;
    let trials = compared.len() as u64;
    let p = binomial::tail_at_least(hits, trials, 0.5).map_err(statistics)?;
    let identified = measuring.identified(&attack.chosen, &is_control)?;
    let tested =
        |statistic, p| DetectionTest { statistic, p, p_adjusted: 1.0, p_blind: None, p_controlled: None };
    let mut all_tests = vec![tested(Statistic::NearestMember, p)];
    if inversion.persons
        && let Some(identified) = &identified
    {
        all_tests.push(tested(Statistic::Identified, identified.p));
    }
    let share = settings.alpha / tests.max(1) as f64;
    let galleries = compared.iter().map(|near| near.members.len().min(near.others.len()) as u64);
    let counts = (galleries.clone().min().unwrap_or(0), galleries.max().unwrap_or(0));
    let has_evaluator = inversion.evaluator.is_some();
    let control_hits = control.iter().filter(|seen| recognised(seen, 1)).count() as u64;
    let confidence = settings.confidence;
    Ok(InversionResult {
        persons: inversion.persons,
        classes: attack.chosen.len() as u64,
        control_classes: control.len() as u64,
        rebuilt: inversion.attack.len() as u64,
        endings: endings(&inversion.endings),
        partial: inversion.exhausted || inversion.endings.contains(&Ending::Cut),
        chance: 1.0 / inversion.classes.max(1) as f64,
        alpha: settings.alpha,
        evaluator: inversion.evaluator.clone(),
        likeness: inversion.likeness,
        nearer: unregularised.as_ref().map(|other| nearer(&attack, other)).transpose()?,
        attack: rebuilt,
        unregularised: unregularised.as_ref().map(|arm| measuring.arm(arm)).transpose()?,
        average: some(&average).map(|arm| measuring.arm(arm)).transpose()?,
        members_average: some(&members_average).map(|arm| measuring.arm(arm)).transpose()?,
        control_recognised: (has_evaluator && !control.is_empty())
            .then(|| Rate::new(control_hits, control.len() as u64, confidence).map_err(statistics))
            .transpose()?,
        nearest: Nearest {
            members: Rate::new(hits, trials, confidence).map_err(statistics)?,
            gallery: counts,
            drawn: compared.iter().filter(|near| near.drawn).count() as u64,
            permutation_p: permuted(&compared, ctx)?,
            nearer: measuring
                .over_classes(&compared.iter().map(|near| above(near)).collect::<Vec<f64>>())?
                .unwrap_or(Figure {
                    value: 0.5,
                    interval: binomial::clopper_pearson(0, 0, confidence).map_err(statistics)?,
                }),
        },
        tests: all_tests,
        identified,
        detectable: detectable(trials, share, settings.power)?,
        gallery: inversion.gallery.clone(),
        texts: inversion.texts.clone(),
    })
}

/// How many searches ended in each way, by their names in manifests and evidence.
fn endings(all: &[Ending]) -> BTreeMap<String, u64> {
    let mut counts = BTreeMap::new();
    for ending in all {
        let name = serde_json::to_value(ending).ok().and_then(|name| name.as_str().map(str::to_owned));
        *counts.entry(name.unwrap_or_default()).or_insert(0) += 1;
    }
    counts
}

/// The probability that a member is nearer than a non-member of the same class.
fn above(near: &Nearness) -> f64 {
    let mut others = near.others.clone();
    others.sort_by(f64::total_cmp);
    let beaten = |member: &f64| {
        let (below, not_above) =
            (others.partition_point(|other| other < member), others.partition_point(|other| other <= member));
        (others.len() - not_above) as f64 + 0.5 * (not_above - below) as f64
    };
    let wins: f64 = near.members.iter().map(beaten).sum();
    wins / (near.members.len() * near.others.len()).max(1) as f64
}

/// One-sided p-value of the mean over classes of that probability, by permutation of who is a member within each class.
fn permuted(compared: &[&Nearness], ctx: &Ctx<'_>) -> Result<f64> {
    if compared.is_empty() {
        return Ok(1.0);
    }
    // Of each class twice the rank from the back of each record, whole numbers whatever ties there are, and the number of members.
    let ranked: Vec<(Vec<u64>, usize)> = compared
        .iter()
        .map(|near| {
            let all: Vec<f64> = near.members.iter().chain(&near.others).copied().collect();
            let mut sorted = all.clone();
            sorted.sort_by(f64::total_cmp);
            let rank = |x: &f64| {
                let (below, not_above) =
                    (sorted.partition_point(|y| y < x), sorted.partition_point(|y| y <= x));
                (2 * (sorted.len() - not_above) + (not_above - below)) as u64
            };
            (all.iter().map(rank).collect(), near.members.len())
        })
        .collect();
    // Classes count alike: sums of ranks, of which more records make more, are divided by the pairs.
    let statistic = |sums: &mut dyn Iterator<Item = (u64, usize, usize)>| {
        let mean: f64 = sums
            .map(|(sum, members, all)| {
                let pairs = (members * (all - members)).max(1) as f64;
                sum as f64 / pairs
            })
            .sum();
        (mean * 1e9).round()
    };
    let observed = statistic(
        &mut ranked.iter().map(|(ranks, members)| (ranks[..*members].iter().sum(), *members, ranks.len())),
    );
    let mut rng = ctx.rng("permutations of members within classes");
    let mut places: Vec<Vec<u32>> =
        ranked.iter().map(|(ranks, _)| (0..ranks.len() as u32).collect()).collect();
    let mut as_many = 0_u32;
    for done in 0..PERMUTATIONS {
        if done % 64 == 0 {
            ctx.tick(done as usize, PERMUTATIONS as usize)?;
        }
        for places in &mut places {
            shuffle(places, &mut rng);
        }
        let permuted = statistic(&mut ranked.iter().zip(&places).map(|((ranks, members), places)| {
            let sum = places[..*members].iter().map(|place| ranks[*place as usize]).sum();
            (sum, *members, ranks.len())
        }));
        as_many += u32::from(permuted >= observed);
    }
    Ok(f64::from(as_many + 1) / f64::from(PERMUTATIONS + 1))
}

/// An arm that rebuilt anything.
fn some<'a, 's>(arm: &'a Arm<'s>) -> Option<&'a Arm<'s>> {
    (!arm.all.is_empty()).then_some(arm)
}

/// Classes in which the first came nearer to a member than the second, by the sign test.
fn nearer(one: &Arm<'_>, other: &Arm<'_>) -> Result<Nearer> {
    let other: BTreeMap<u32, f64> =
        other.near.iter().filter_map(|near| Some((near.class, near.distance?))).collect();
    let (mut wins, mut losses) = (0, 0);
    for near in &one.near {
        let Some((mine, theirs)) = near.distance.zip(other.get(&near.class)) else { continue };
        wins += u64::from(mine < *theirs);
        losses += u64::from(mine > *theirs);
    }
    let p = binomial::tail_at_least(wins, wins + losses, 0.5).map_err(statistics)?;
    Ok(Nearer { wins, losses, p })
}

/// Smallest share of classes whose nearest is a member that the exact test shows with this power.
fn detectable(classes: u64, alpha: f64, power: f64) -> Result<Option<f64>> {
    let mut needed = None;
    for hits in 0..=classes {
        if binomial::tail_at_least(hits, classes, 0.5).map_err(statistics)? <= alpha {
            needed = Some(hits);
            break;
        }
    }
    let Some(needed) = needed else { return Ok(None) };
    let (mut low, mut high) = (0.5, 1.0);
    for _ in 0..50 {
        let share = f64::midpoint(low, high);
        let seen = binomial::tail_at_least(needed, classes, share).map_err(statistics)?;
        if seen >= power { high = share } else { low = share }
    }
    Ok(Some(high))
}

/// What a test that rebuilds inputs will be about, and what it can show. Every class is taken to be aimed at.
pub(crate) fn planned(
    labels: &[u32],
    truth: &Truth,
    manifest: &Manifest,
    tests: u64,
) -> Result<PlannedInversion> {
    let settings = &manifest.content.statistics;
    let drawn = Galleries::draw(labels, truth, &Ctx::new(settings.seed, "galleries", 1, &())).classes;
    let galleries: Vec<u64> =
        drawn.values().map(|sides| sides.count() as u64).filter(|count| *count > 0).collect();
    let classes = galleries.len() as u64;
    let half = binomial::clopper_pearson_upper(classes / 2, classes, settings.alpha).map_err(statistics)?;
    Ok(PlannedInversion {
        classes,
        control_classes: drawn.values().filter(|sides| sides.members.is_empty()).count() as u64,
        gallery: (galleries.iter().copied().min().unwrap_or(0), galleries.iter().copied().max().unwrap_or(0)),
        evaluator: manifest.content.inversion.evaluator.is_some(),
        persons: manifest.content.inversion.persons(),
        detectable: detectable(classes, settings.alpha / tests.max(1) as f64, settings.power)?,
        upper: half,
        wanted: (0.5 + settings.min_effect_nearest).min(1.0),
    })
}

/// What every arm is measured by.
struct Measuring<'a> {
    inversion: &'a Inversion<'a>,
    settings: &'a Statistics,
    ctx: &'a Ctx<'a>,
}

impl Measuring<'_> {
    /// The mean over classes with its interval over them; None without any.
    fn over_classes(&self, values: &[f64]) -> Result<Option<Figure>> {
        if values.is_empty() {
            return Ok(None);
        }
        let confidence = self.settings.confidence;
        let seed = self.ctx.seed("intervals over classes");
        let plan = bootstrap::Plan { replicates: replicates(confidence), confidence, seed };
        let interval = bootstrap::sample_interval(values, &plan, mean).map_err(statistics)?;
        Ok(Some(Figure { value: mean(values), interval }))
    }

    fn arm(&self, arm: &Arm<'_>) -> Result<Rebuilt> {
        let Arm { all, chosen, near } = arm;
        let rate = |hits: usize, trials: usize| {
            Rate::new(hits as u64, trials as u64, self.settings.confidence).map_err(statistics)
        };
        let among = |among: usize| {
            let hits = chosen.iter().filter(|seen| recognised(seen, among)).count();
            rate(hits, chosen.len())
        };
        let mut starts: BTreeMap<u32, Vec<f64>> = BTreeMap::new();
        for seen in all {
            starts.entry(seen.class).or_default().push(f64::from(u8::from(recognised(seen, 1))));
        }
        let shares: Vec<f64> = starts.values().map(|starts| mean(starts)).collect();
        let evaluator = self.inversion.evaluator.is_some();
        let distances: Vec<f64> = near.iter().filter_map(|near| near.distance).collect();
        let compared = near.iter().filter_map(|near| near.nearest);
        Ok(Rebuilt {
            recognised: evaluator.then(|| among(1)).transpose()?,
            recognised_in_five: (evaluator && self.inversion.classes >= MANY_CLASSES)
                .then(|| among(5))
                .transpose()?,
            starts: if evaluator && all.len() > chosen.len() { self.over_classes(&shares)? } else { None },
            distance: self.over_classes(&distances)?,
            nearest: rate(compared.clone().filter(|hit| *hit).count(), compared.count())?,
            recall: self.recall(near)?,
        })
    }

    fn recall(&self, near: &[Nearness]) -> Result<Option<Recall>> {
        let over = |of: fn((f64, f64)) -> f64| {
            self.over_classes(&near.iter().filter_map(|near| near.recall.map(of)).collect::<Vec<f64>>())
        };
        let all = (over(|(members, _)| members)?, over(|(_, others)| others)?, over(|(m, o)| m - o)?);
        let (Some(members), Some(others), Some(difference)) = all else { return Ok(None) };
        Ok(Some(Recall { members, others, difference }))
    }

    /// Whether the nearest of all non-members is one of the same class. A model that never saw these pictures cannot have copied them.
    fn identified(&self, chosen: &[&Seen], is_control: &dyn Fn(u32) -> bool) -> Result<Option<Identified>> {
        let galleries = self.inversion.galleries.equal();
        let aimed: Vec<&&Seen> = chosen.iter().filter(|seen| galleries.contains_key(&seen.class)).collect();
        if galleries.len() < 2 || aimed.is_empty() {
            return Ok(None);
        }
        let (mut hits, mut as_control) = (0, 0);
        for seen in &aimed {
            let least = |records: &[u32]| {
                let distances =
                    records.iter().map(|r| self.inversion.apart(&seen.features, self.inversion.row(*r)));
                distances.fold(f64::INFINITY, f64::min)
            };
            let all: Vec<(u32, f64)> =
                galleries.iter().map(|(class, records)| (*class, least(records))).collect();
            let own = all.iter().find(|(class, _)| *class == seen.class).map_or(f64::INFINITY, |own| own.1);
            let others = all.iter().filter(|(class, _)| *class != seen.class);
            // A tie is no hit.
            let first = others.fold((seen.class, own), |best, one| if one.1 <= best.1 { *one } else { best });
            hits += u64::from(first.0 == seen.class);
            as_control += u64::from(is_control(first.0));
        }
        let (trials, among) = (aimed.len() as u64, galleries.len() as u64);
        let chance = 1.0 / among as f64;
        Ok(Some(Identified {
            first: Rate::new(hits, trials, self.settings.confidence).map_err(statistics)?,
            among,
            chance,
            p: binomial::tail_at_least(hits, trials, chance).map_err(statistics)?,
            as_control,
        }))
    }
}

/// The verdict of a measured and corrected row.
pub(crate) fn verdict(
    result: &InversionResult,
    grounds: Grounds<'_>,
    settings: &Statistics,
) -> (Verdict, Vec<Reason>) {
    let (alpha, hits, compared) =
        (settings.alpha, result.nearest.members.hits, result.nearest.members.trials);
    if !grounds.validity.is_empty() {
        return (Verdict::Inconclusive, grounds.validity.to_vec());
    }
    let recognised = recognition(result, alpha);
    let few = |classes: u64| Reason::TooFewClasses { needed: FEWEST_CLASSES, classes };
    if compared < FEWEST_CLASSES {
        let mut reasons = vec![few(compared), recognised];
        reasons.extend(result.partial.then_some(Reason::PartlyRebuilt));
        reasons.extend(grounds.doubts.iter().cloned());
        return (Verdict::Inconclusive, reasons);
    }
    let adjusted = |statistic: Statistic| {
        result.tests.iter().find(|test| test.statistic == statistic).map_or(1.0, |test| test.p_adjusted)
    };
    let (members, persons) = (adjusted(Statistic::NearestMember), adjusted(Statistic::Identified));
    let p_adjusted = members.min(persons);
    let significant = p_adjusted <= alpha;
    let mut reasons = vec![if significant {
        Reason::Significant { p_adjusted, alpha }
    } else {
        Reason::NotSignificant { p_adjusted, alpha }
    }];
    let mut demonstrated = false;
    if persons <= alpha
        && let Some(identified) = &result.identified
        && identified.first.trials >= FEWEST_CLASSES
    {
        // Pictures of the gallery were in no training set: nothing but the person is common to them and to what was rebuilt.
        reasons.push(Reason::PersonsIdentified {
            hits: identified.first.hits,
            classes: identified.first.trials,
            chance: identified.chance,
        });
        demonstrated = true;
    }
    if members <= alpha {
        reasons.push(Reason::PersonRebuilt { hits, classes: compared });
        let knows = evaluator_knows(result);
        match (&knows, grounds.split) {
            (None, Split::Random) => {
                reasons.push(Reason::RandomSplitDeclared);
                demonstrated = true;
            }
            (None, Split::Undeclared) => reasons.push(Reason::ShiftNotExcluded),
            (Some(_), _) => reasons.extend(knows),
        }
    }
    if demonstrated {
        return (Verdict::LeakDemonstrated, reasons);
    }
    let shown = matches!(recognised, Reason::AverageRebuilt { .. });
    if members > alpha {
        reasons.push(recognised);
    }
    if result.partial {
        reasons.push(Reason::PartlyRebuilt);
    }
    let absent = !significant && absence(result, grounds, shown, settings, &mut reasons);
    if !absent {
        reasons.extend(grounds.doubts.iter().cloned());
    }
    (if absent { Verdict::NoLeakDetected } else { Verdict::Inconclusive }, reasons)
}

/// An evaluator that is right of members more often than of others was likely fitted on them: what it says of inputs points to them by itself.
fn evaluator_knows(result: &InversionResult) -> Option<Reason> {
    /// Where it is, once in a hundred audits by chance.
    const LEVEL: f64 = 0.01;
    let evaluator = result.evaluator.as_ref().filter(|_| result.likeness == Likeness::Features)?;
    let (members, others) = (&evaluator.members, &evaluator.non_members);
    let p = binomial::fisher_greater(members.hits, members.trials, others.hits, others.trials).ok()?;
    (p <= LEVEL).then_some(Reason::EvaluatorKnowsMembers {
        members: members.estimate,
        non_members: others.estimate,
        p,
    })
}

/// Whether a class or nothing was rebuilt.
fn recognition(result: &InversionResult, alpha: f64) -> Reason {
    // One that recognises nothing says nothing.
    let able = |rate: &Rate| {
        binomial::clopper_pearson_lower(rate.hits, rate.trials, alpha)
            .is_ok_and(|lower| lower > result.chance)
    };
    let able = result.evaluator.as_ref().is_some_and(|evaluator| able(&evaluator.non_members));
    let Some(rate) = result.attack.recognised.as_ref().filter(|_| able) else { return Reason::NoEvaluator };
    let (recognised, chance) = (rate.estimate, result.chance);
    let lower = binomial::clopper_pearson_lower(rate.hits, rate.trials, alpha).unwrap_or(0.0);
    if lower > chance {
        Reason::AverageRebuilt { recognised, chance }
    } else {
        Reason::NothingRebuilt { recognised, chance }
    }
}

/// Whether it is shown that the nearest is a member too seldom to matter, by an attack that is seen to rebuild classes.
fn absence(
    result: &InversionResult,
    grounds: Grounds<'_>,
    shown: bool,
    settings: &Statistics,
    reasons: &mut Vec<Reason>,
) -> bool {
    let Rate { hits, trials, .. } = result.nearest.members;
    let wanted = (0.5 + settings.min_effect_nearest).min(1.0);
    let upper = binomial::clopper_pearson_upper(hits, trials, settings.alpha).unwrap_or(1.0);
    if upper >= wanted {
        reasons.push(Reason::NearestNotBelowMargin { upper, wanted });
        if result.detectable.is_none_or(|detectable| detectable > wanted) {
            reasons.push(Reason::NearestUnderpowered { detectable: result.detectable, wanted });
        }
        return false;
    }
    if result.persons {
        // Their looks alone would be a leak, and nothing bounds how often they are told apart.
        return false;
    }
    let mut against = Vec::new();
    if !grounds.declared {
        against.push(Reason::FidelityUndeclared);
    }
    if grounds.split != Split::Random {
        against.push(Reason::ShiftNotExcluded);
    }
    let enough = shown && !result.partial && against.is_empty() && grounds.doubts.is_empty();
    if enough {
        reasons.push(Reason::NearestBelowMargin { upper, wanted });
    }
    reasons.extend(against);
    enough
}

#[cfg(test)]
mod tests;
