//! Guesses of an attribute: right or wrong, of members and non-members, beside whoever guesses without the model.
//!
//! The headline is a difference in differences: by how much the attack is right more often than imputation among members, minus the same among
//! non-members. What can be known of anybody is known of both, and drops out.

use paname_core::{Ctx, Result, Scale};
use paname_evidence::{
    Accuracy, Arm, AttributeControl, AttributeResult, AttributeSlice, Beyond, DetectionTest, Figure, Imputer,
    Reason, Statistic, Surest, Unrelated, Verdict,
};
use paname_stats::permutation::{Permutations, max_statistic};
use paname_stats::{Interval, Rate, binomial, bootstrap, difference, guesses, power, unrelated};
use rand_core::Rng;

use super::{
    FEWEST_IN_SLICE, FEWEST_UNITS, FEWEST_UNRELATED, Grounds, Played, Truth, below, cut, mean, replicates,
    shuffle, statistics,
};
use crate::attributes::Described;
use crate::inputs::Inputs;
use crate::manifest::{AttributeTable, Manifest, PersonScore, Split, Statistics};
use crate::plan::PlannedAttribute;

/// Permutations of who is a member, at the fewest: enough for a hundred tests that share a level of 5 %.
const PERMUTATIONS: u32 = 9_999;

/// As many permutations as it takes to reach a tenth of this level, within some seconds for so many units.
fn permutations(alpha: f64, units: usize) -> u32 {
    let most = (2e9 / units.max(1) as f64).clamp(f64::from(PERMUTATIONS), 999_999.0);
    (10.0 / alpha).ceil().clamp(f64::from(PERMUTATIONS), most) as u32
}
/// Simulated audits of the control by dose.
const AUDITS: u64 = 1_000;
/// Share of records on which an attack and imputation disagree, for plans. On records of the census it is a fifth to a third.
const DISAGREEMENT: f64 = 1.0 / 3.0;

/// What was guessed, and the true values, record by record in the order of the roster.
pub(crate) struct Guesses<'a> {
    pub(crate) table: &'a AttributeTable,
    pub(crate) scale: Scale,
    /// Number of candidates.
    pub(crate) candidates: usize,
    /// Audited records that are left out.
    pub(crate) left_out: u64,
    /// Records that whoever guesses without the model learned from.
    pub(crate) known: u64,
    /// Records that the target was trained on, as far as is known.
    pub(crate) learned: u64,
    /// Population records that equal an audited one, declared to be others.
    pub(crate) twins: u64,
    /// The true candidate of each audited record.
    pub(crate) values: Vec<u32>,
    /// The most frequent candidate of the population.
    pub(crate) prior: u32,
    /// Scores of the attack on the target `[records][candidates]`.
    pub(crate) target: Vec<f64>,
    /// Those of whoever guesses without the model.
    pub(crate) imputed: Vec<f64>,
    /// Scores with reference models in the target's place.
    pub(crate) played: Vec<Played>,
}

/// One way of guessing: the guess of each record, how sure it is, and whether it is right.
struct Named {
    guess: Vec<u32>,
    sureness: Vec<f64>,
    right: Vec<bool>,
}

impl Named {
    fn new(scores: &[f64], candidates: usize, values: &[u32], right: impl Fn(u32, u32) -> bool) -> Self {
        let mut named = Self { guess: Vec::new(), sureness: Vec::new(), right: Vec::new() };
        for (scores, &value) in scores.chunks_exact(candidates).zip(values) {
            // The first of equal ones.
            let best = (0..candidates).fold(0, |best, v| if scores[v] > scores[best] { v } else { best });
            let others = scores.iter().enumerate().filter(|(v, _)| *v != best).map(|(_, score)| *score);
            let second = others.fold(f64::NEG_INFINITY, f64::max);
            let sureness = if scores[best] == second { 0.0 } else { scores[best] - second };
            named.guess.push(best as u32);
            named.sureness.push(sureness);
            named.right.push(right(best as u32, value));
        }
        named
    }
}

/// How much oftener the attack is right than imputation of each record: 1, 0 or -1.
fn gains(attack: &[bool], imputation: &[bool]) -> Vec<f64> {
    attack.iter().zip(imputation).map(|(a, b)| f64::from(u8::from(*a)) - f64::from(u8::from(*b))).collect()
}

fn variance(values: &[f64]) -> f64 {
    let mean = mean(values);
    values.iter().map(|value| (value - mean) * (value - mean)).sum::<f64>() / (values.len().max(2) - 1) as f64
}

fn mean_difference(members: &[f64], non_members: &[f64]) -> f64 {
    mean(members) - mean(non_members)
}

/// The numbers of a row, before correction for the other rows and before a verdict.
pub(crate) fn measure(
    guesses: &Guesses<'_>,
    truth: &Truth,
    settings: &Statistics,
    tests: u64,
    ctx: &Ctx<'_>,
) -> Result<AttributeResult> {
    let Guesses { table, scale, candidates, values, .. } = guesses;
    let candidates = *candidates;
    let tolerance = if *scale == Scale::Nominal { 0 } else { table.tolerance };
    let right = |guess: u32, value: u32| guess.abs_diff(value) <= tolerance;
    let named = |scores: &[f64]| Named::new(scores, candidates, values, right);
    let (attack, imputation) = (named(&guesses.target), named(&guesses.imputed));
    let prior = Named {
        guess: vec![guesses.prior; values.len()],
        sureness: vec![0.0; values.len()],
        right: values.iter().map(|value| right(guesses.prior, *value)).collect(),
    };
    let sides = Sides { truth, values, candidates, settings, seed: ctx.seed("intervals of guesses") };
    let gain = gains(&attack.right, &imputation.right);
    let (members, non_members) = sides.units(&gain)?;
    let headline = mean_difference(&members, &non_members);
    let share = settings.alpha / tests.max(1) as f64;
    let detectable = detectable(&members, &non_members, share, settings.power)?;
    let both_sides = 1.0 - 2.0 * settings.alpha.clamp(1e-4, 0.25);
    let one_sided =
        bootstrap::Plan { replicates: replicates(both_sides), confidence: both_sides, seed: sides.seed };
    let bound = bootstrap::percentile_interval(&members, &non_members, &one_sided, mean_difference)
        .map_err(statistics)?;
    let permutations = permutations(share, members.len() + non_members.len());
    let p = permuted(&members, &non_members, permutations, ctx)?;
    let mut null = Vec::new();
    for played in &guesses.played {
        let played = named(&played.scores);
        let (members, non_members) = sides.units(&gains(&played.right, &imputation.right))?;
        null.push(mean_difference(&members, &non_members));
    }
    let (member_units, other_units) = (members.len() as u64, non_members.len() as u64);
    Ok(AttributeResult {
        attribute: table.name.clone(),
        scale: scale_name(*scale).to_owned(),
        candidates: candidates as u64,
        tolerance: u64::from(tolerance),
        unit: truth.unit(),
        members: member_units,
        non_members: other_units,
        left_out: guesses.left_out,
        twins: guesses.twins,
        alpha: settings.alpha,
        imputer: Imputer {
            attack: table.imputer.attack.clone(),
            rows: guesses.known,
            target_rows: guesses.learned,
        },
        attack: sides.arm(&attack)?,
        imputation: sides.arm(&imputation)?,
        prior: sides.arm(&prior)?,
        difference: sides.figure(&gain)?,
        upper: bound.upper.max(sparse_upper(&members, &non_members, settings.alpha)?),
        test: DetectionTest {
            statistic: Statistic::AccuracyDifference,
            p,
            p_adjusted: 1.0,
            p_blind: None,
            p_controlled: None,
        },
        permutations: u64::from(permutations),
        unrelated: beside_unrelated(headline, null, share)?,
        positive: positive(guesses, &named, &imputation, truth, settings, share, ctx)?,
        advantage: sides.figure(&numbers(&attack.right))?,
        beyond: [sides.beyond(&attack, &imputation, true)?, sides.beyond(&attack, &imputation, false)?],
        surest: sides.surest(&attack, &imputation, table.surest, ctx)?,
        residual: sides.residual(&attack)?,
        detectable,
        slices: slices(&attack, &gain, &sides)?,
    })
}

fn scale_name(scale: Scale) -> &'static str {
    match scale {
        Scale::Ordinal => "ordinal",
        Scale::Continuous => "continuous",
        _ => "nominal",
    }
}

fn numbers(right: &[bool]) -> Vec<f64> {
    right.iter().map(|right| f64::from(u8::from(*right))).collect()
}

/// One-sided p-value of "members gain no more than non-members", by permutation of who is a member.
fn permuted(members: &[f64], non_members: &[f64], count: u32, ctx: &Ctx<'_>) -> Result<f64> {
    let all: Vec<f64> = members.iter().chain(non_members).copied().collect();
    let labels: Vec<bool> = (0..all.len()).map(|unit| unit < members.len()).collect();
    let total: f64 = all.iter().sum();
    let (inside, outside) = (members.len() as f64, non_members.len() as f64);
    let plan = Permutations { count, seed: ctx.seed("permutations of members") };
    let statistic = |_: usize, labels: &[bool]| {
        let sum: f64 = all.iter().zip(labels).map(|(gain, member)| if *member { *gain } else { 0.0 }).sum();
        // Sums of ones are exact; of means of persons, the last bits must not decide.
        let difference = sum / inside - (total - sum) / outside;
        (difference * 1e9).round()
    };
    let found = max_statistic(&labels, 1, plan, statistic).map_err(statistics)?;
    Ok(found.first().map_or(1.0, |found| found.p))
}

fn beside_unrelated(observed: f64, null: Vec<f64>, alpha: f64) -> Result<Option<Unrelated>> {
    if null.len() < FEWEST_UNRELATED {
        return Ok(None);
    }
    let compared =
        unrelated::unrelated_null(unrelated::Figure::Normal, observed, &null, alpha).map_err(statistics)?;
    let statistic = Statistic::AccuracyDifference;
    Ok(compared.map(|c| Unrelated { statistic, observed, null, p: c.p, method: c.method }))
}

/// An upper bound on the difference that holds where guesses seldom differ, and of which resamples know nothing: by the score interval of Poisson counts with half
/// a count added, each side's variance from its squares. Where none differs it is about what the rule of three gives.
fn sparse_upper(members: &[f64], non_members: &[f64], alpha: f64) -> Result<f64> {
    let z = power::critical_difference(alpha.clamp(1e-6, 0.5 - 1e-6)).map_err(statistics)?;
    let squares = |units: &[f64]| units.iter().map(|gain| gain * gain).sum::<f64>();
    let (inside, outside) = (members.len() as f64, non_members.len() as f64);
    let spread = |units: &[f64], count: f64| (squares(units) + 0.5 + z * z / 4.0) / (count * count);
    let shift = (z * z / 2.0 + 0.5) * (1.0 / inside + 1.0 / outside);
    let error = (spread(members, inside) + spread(non_members, outside)).sqrt();
    Ok(mean_difference(members, non_members) + shift + z * error)
}

/// Smallest difference that the test shows with this power, by the normal approximation with the scatter of these guesses.
fn detectable(members: &[f64], non_members: &[f64], alpha: f64, power: f64) -> Result<Option<f64>> {
    if (members.len().min(non_members.len()) as u64) < FEWEST_UNITS {
        return Ok(None);
    }
    // One guess more that differs: where none does, the scatter is not nothing.
    let spread = |units: &[f64]| (variance(units) + 1.0 / units.len() as f64) / units.len() as f64;
    let error = (spread(members) + spread(non_members)).sqrt();
    power::smallest_detectable_difference(error, alpha, power).map(Some).map_err(statistics)
}

/// The audited records on their two sides, and how units come of them.
struct Sides<'a> {
    truth: &'a Truth,
    values: &'a [u32],
    candidates: usize,
    settings: &'a Statistics,
    seed: u64,
}

impl Sides<'_> {
    /// The mean of each unit: members, non-members.
    fn units(&self, values: &[f64]) -> Result<(Vec<f64>, Vec<f64>)> {
        let units = self.truth.units(values, PersonScore::Mean, None)?;
        Ok((units.side(true), units.side(false)))
    }

    fn plan(&self) -> bootstrap::Plan {
        let confidence = self.settings.confidence;
        bootstrap::Plan { replicates: replicates(confidence), confidence, seed: self.seed }
    }

    /// The mean among members minus that among non-members.
    fn figure(&self, values: &[f64]) -> Result<Figure> {
        let (members, non_members) = self.units(values)?;
        let interval = bootstrap::percentile_interval(&members, &non_members, &self.plan(), mean_difference);
        Ok(Figure { value: mean_difference(&members, &non_members), interval: interval.map_err(statistics)? })
    }

    fn mean_of(&self, units: &[f64]) -> Result<Figure> {
        let interval = bootstrap::sample_interval(units, &self.plan(), mean).map_err(statistics)?;
        Ok(Figure { value: mean(units), interval })
    }

    fn rows(&self, member: bool) -> Vec<usize> {
        (0..self.values.len()).filter(|row| self.truth.member[*row] == member).collect()
    }

    fn arm(&self, named: &Named) -> Result<Arm> {
        let right = numbers(&named.right);
        let (members, non_members) = self.units(&right)?;
        let accuracy = |units: &[f64], member: bool| -> Result<Accuracy> {
            let rows = self.rows(member);
            let pick = |all: &[u32]| rows.iter().map(|row| all[*row]).collect::<Vec<u32>>();
            let (values, guesses) = (pick(self.values), pick(&named.guess));
            let (share, interval) = if self.truth.person.is_none() {
                let rate = self.rate(&named.right, &rows)?;
                (rate.estimate, rate.interval)
            } else {
                let figure = self.mean_of(units)?;
                (figure.value, figure.interval)
            };
            Ok(Accuracy {
                share,
                interval,
                g_mean: guesses::g_mean(&values, &guesses, self.candidates),
                correlation: guesses::correlation(&values, &guesses, self.candidates),
            })
        };
        Ok(Arm { members: accuracy(&members, true)?, non_members: accuracy(&non_members, false)? })
    }

    fn rate(&self, right: &[bool], rows: &[usize]) -> Result<Rate> {
        let hits = rows.iter().filter(|row| right[**row]).count() as u64;
        Rate::new(hits, rows.len() as u64, self.settings.confidence).map_err(statistics)
    }

    fn beyond(&self, attack: &Named, imputation: &Named, member: bool) -> Result<Beyond> {
        let rows = self.rows(member);
        let count = |of: fn(bool, bool) -> bool| {
            rows.iter().filter(|row| of(attack.right[**row], imputation.right[**row])).count() as u64
        };
        let (wins, losses) = (count(|a, b| a && !b), count(|a, b| !a && b));
        let (members, non_members) = self.units(&gains(&attack.right, &imputation.right))?;
        let gain = self.mean_of(if member { &members } else { &non_members })?;
        Ok(Beyond { gain, wins, losses, p: binomial::mcnemar_greater(wins, losses) })
    }

    fn surest(&self, attack: &Named, imputation: &Named, k: u64, ctx: &Ctx<'_>) -> Result<Option<Surest>> {
        let sides = [self.rows(true), self.rows(false)];
        if sides.iter().any(|rows| (rows.len() as u64) < k) {
            return Ok(None);
        }
        let of = |named: &Named, rows: &[usize]| {
            let mut rows = rows.to_vec();
            // Equal ones as chance has it: a file may be sorted by the attribute.
            shuffle(&mut rows, &mut ctx.rng("equally sure guesses"));
            rows.sort_by(|a, b| named.sureness[*b].total_cmp(&named.sureness[*a]));
            rows.truncate(k as usize);
            self.rate(&named.right, &rows)
        };
        let both =
            |named: &Named| -> Result<[Rate; 2]> { Ok([of(named, &sides[0])?, of(named, &sides[1])?]) };
        Ok(Some(Surest { k, attack: both(attack)?, imputation: both(imputation)? }))
    }

    fn residual(&self, attack: &Named) -> Result<Option<Figure>> {
        if self.truth.person.is_some() {
            return Ok(None);
        }
        let count = |member| {
            let rows = self.rows(member);
            [rows.iter().filter(|row| attack.right[**row]).count() as u64, rows.len() as u64]
        };
        let risk = difference::residual_risk(count(true), count(false), self.settings.confidence);
        Ok(risk.map_err(statistics)?.map(|(value, interval)| Figure { value, interval }))
    }
}

fn slices(attack: &Named, gain: &[f64], sides: &Sides<'_>) -> Result<Vec<AttributeSlice>> {
    let mut all = Vec::new();
    for (kind, parts) in &sides.truth.slices {
        for (value, keep) in cut(parts) {
            let units = |values: &[f64]| sides.truth.units(values, PersonScore::Mean, Some(&keep));
            let (gains, right) = (units(gain)?, units(&numbers(&attack.right))?);
            let (members, non_members) = (gains.side(true), gains.side(false));
            let mut slice = AttributeSlice {
                kind: *kind,
                value: value.to_owned(),
                members: members.len() as u64,
                non_members: non_members.len() as u64,
                share: None,
                difference: None,
            };
            if slice.members.min(slice.non_members) >= FEWEST_IN_SLICE {
                slice.share = Some(mean(&right.side(true)));
                let interval =
                    bootstrap::percentile_interval(&members, &non_members, &sides.plan(), mean_difference)
                        .map_err(statistics)?;
                slice.difference = Some(Figure { value: mean_difference(&members, &non_members), interval });
            }
            all.push(slice);
        }
    }
    Ok(all)
}

/// What the attack finds on reference models, whose rows are known.
fn positive(
    guesses: &Guesses<'_>,
    named: &impl Fn(&[f64]) -> Named,
    imputation: &Named,
    truth: &Truth,
    settings: &Statistics,
    alpha: f64,
    ctx: &Ctx<'_>,
) -> Result<Option<AttributeControl>> {
    let (mut inside, mut outside, mut differences) = (Vec::new(), Vec::new(), Vec::new());
    // Of each record: right guesses and guesses, on models fitted with it and on the others.
    let mut tallies = vec![[[0_u32; 2]; 2]; guesses.values.len()];
    for played in guesses.played.iter().filter(|played| !played.rows.is_empty()) {
        let own = Truth { member: played.rows.clone(), person: truth.person.clone(), ..Truth::default() };
        if !own.torn().is_empty() {
            continue;
        }
        let found = named(&played.scores);
        let units = own.units(&gains(&found.right, &imputation.right), PersonScore::Mean, None)?;
        let (members, non_members) = (units.side(true), units.side(false));
        if (members.len().min(non_members.len()) as u64) < FEWEST_UNITS {
            continue;
        }
        for (tally, (fitted, right)) in tallies.iter_mut().zip(played.rows.iter().zip(&found.right)) {
            let [hits, trials] = &mut tally[usize::from(*fitted)];
            *hits += u32::from(*right);
            *trials += 1;
        }
        differences.push(mean_difference(&members, &non_members));
        inside.extend(members);
        outside.extend(non_members);
    }
    if differences.is_empty() {
        return Ok(None);
    }
    let both: Vec<bool> = tallies.iter().map(|[without, with]| without[1] > 0 && with[1] > 0).collect();
    let rate = |[hits, trials]: [u32; 2]| f64::from(hits) / f64::from(trials.max(1));
    let effect: Vec<f64> = tallies.iter().map(|[without, with]| rate(*with) - rate(*without)).collect();
    let units = truth.units(&effect, PersonScore::Mean, Some(&both))?;
    let effects: Vec<f64> = units.all.iter().map(|unit| unit.0).collect();
    let plan = bootstrap::Plan {
        replicates: replicates(settings.confidence),
        confidence: settings.confidence,
        seed: ctx.seed("individual effect"),
    };
    let individual = if effects.is_empty() {
        None
    } else {
        let interval = bootstrap::sample_interval(&effects, &plan, mean).map_err(statistics)?;
        Some(Figure { value: mean(&effects), interval })
    };
    let (members, non_members) = truth.count();
    let dose = Mixture { inside: &inside, outside: &outside, members, non_members };
    Ok(Some(AttributeControl {
        models: differences.len() as u64,
        difference: mean(&differences),
        individual,
        units: effects.len() as u64,
        detected: dose.detected(settings, alpha, &mut ctx.rng("dose of guesses"))?,
    }))
}

/// Guesses on reference models, of which simulated audits are mixed.
struct Mixture<'a> {
    inside: &'a [f64],
    outside: &'a [f64],
    members: u64,
    non_members: u64,
}

impl Mixture<'_> {
    /// How often a test at `alpha` sees the smallest difference that matters, where so many of the gains on members are mixed in that it is the true one.
    fn detected(&self, settings: &Statistics, alpha: f64, rng: &mut impl Rng) -> Result<Option<Rate>> {
        let found = mean_difference(self.inside, self.outside);
        let wanted = settings.min_effect_accuracy;
        if found < wanted {
            return Ok(None);
        }
        let share = (wanted / found * 2.0_f64.powi(53)) as u64;
        let critical = power::critical_difference(alpha).map_err(statistics)?;
        let mut seen = 0;
        for _ in 0..AUDITS {
            let mut members = Moments::default();
            for _ in 0..self.members {
                let mixed = rng.next_u64() >> 11 < share;
                members.add(draw(if mixed { self.inside } else { self.outside }, rng));
            }
            let mut others = Moments::default();
            for _ in 0..self.non_members {
                others.add(draw(self.outside, rng));
            }
            let error = (members.variance() / members.count + others.variance() / others.count).sqrt();
            seen += u64::from(members.mean() - others.mean() > critical * error);
        }
        Rate::new(seen, AUDITS, settings.confidence).map(Some).map_err(statistics)
    }
}

fn draw(values: &[f64], rng: &mut impl Rng) -> f64 {
    values[below(rng, values.len() as u64) as usize]
}

#[derive(Default)]
struct Moments {
    count: f64,
    sum: f64,
    squares: f64,
}

impl Moments {
    fn add(&mut self, value: f64) {
        self.count += 1.0;
        self.sum += value;
        self.squares += value * value;
    }

    fn mean(&self) -> f64 {
        self.sum / self.count.max(1.0)
    }

    fn variance(&self) -> f64 {
        (self.squares / self.count.max(1.0) - self.mean() * self.mean()).max(0.0)
    }
}

/// Members and non-members of an attribute's audit, in units.
pub(crate) fn sides(inputs: &Inputs) -> (u64, u64) {
    let data = &inputs.data;
    (
        data.member_persons.unwrap_or(data.member_records),
        data.non_member_persons.unwrap_or(data.non_member_records),
    )
}

/// What a test of an attribute will be about, and what it can show.
pub(crate) fn planned(
    described: &Described,
    known: usize,
    manifest: &Manifest,
    tests: u64,
) -> Result<PlannedAttribute> {
    let settings = &manifest.content.statistics;
    let table = manifest.content.attribute(&described.name);
    let (members, non_members) = sides(&described.inputs);
    let error = (DISAGREEMENT / members.max(1) as f64 + DISAGREEMENT / non_members.max(1) as f64).sqrt();
    let alpha = settings.alpha / tests.max(1) as f64;
    Ok(PlannedAttribute {
        name: described.name.clone(),
        columns: table.map(|table| table.column.names().to_vec()).unwrap_or_default(),
        scale: described.scale,
        candidates: described.candidates.clone(),
        records: described.inputs.audited as u64,
        left_out: described.left_out,
        known: known as u64,
        detectable: power::smallest_detectable_difference(error, alpha, settings.power)
            .map_err(statistics)?,
        wanted: settings.min_effect_accuracy,
    })
}

/// The one detection test of a row.
pub(crate) fn tested(result: &mut AttributeResult) -> super::Tested<'_> {
    let control = result.unrelated.as_ref().map(|control| control.p);
    (&mut result.test, control)
}

/// The verdict of a measured and corrected row, by the rule of [`super::verdict`]: the headline in the place of the excess of the true-positive rate.
pub(crate) fn verdict(
    result: &AttributeResult,
    grounds: Grounds<'_>,
    settings: &Statistics,
) -> (Verdict, Vec<Reason>) {
    let (verdict, mut reasons) = by_rule(result, grounds, settings);
    if verdict == Verdict::Inconclusive {
        reasons.extend(grounds.doubts.iter().cloned());
    }
    if grounds.validity.is_empty() {
        reasons.extend(population_inference(result));
    }
    (verdict, reasons)
}

fn by_rule(result: &AttributeResult, grounds: Grounds<'_>, settings: &Statistics) -> (Verdict, Vec<Reason>) {
    let (alpha, wanted) = (settings.alpha, settings.min_effect_accuracy);
    if !grounds.validity.is_empty() {
        return (Verdict::Inconclusive, grounds.validity.to_vec());
    }
    let (members, non_members) = (result.members, result.non_members);
    if members.min(non_members) < FEWEST_UNITS {
        return (Verdict::Inconclusive, vec![Reason::TooFew { needed: FEWEST_UNITS, members, non_members }]);
    }
    let p_adjusted = result.test.p_adjusted;
    if p_adjusted > alpha {
        let mut reasons = vec![Reason::NotSignificant { p_adjusted, alpha }];
        let (shown, why) = absence(result, grounds, settings);
        if !shown && result.detectable.is_none_or(|detectable| detectable > wanted) {
            reasons.push(Reason::DifferenceUnderpowered { detectable: result.detectable, wanted });
        }
        reasons.extend(why);
        return (if shown { Verdict::NoLeakDetected } else { Verdict::Inconclusive }, reasons);
    }
    let mut reasons = vec![Reason::Significant { p_adjusted, alpha }];
    let Imputer { rows, target_rows, .. } = result.imputer;
    let verdict = match (result.test.p_controlled, grounds.split) {
        (Some(p), _) if p <= alpha => {
            reasons.push(Reason::AboveUnrelatedModels { p });
            Verdict::LeakDemonstrated
        }
        (_, Split::Random) => {
            reasons.push(Reason::RandomSplitDeclared);
            Verdict::LeakDemonstrated
        }
        (Some(p), Split::Undeclared) => {
            reasons.push(Reason::Confounded { p, alpha });
            Verdict::Inconclusive
        }
        (None, Split::Undeclared) => {
            reasons.push(Reason::ShiftNotExcluded);
            Verdict::Inconclusive
        }
    };
    if rows < target_rows {
        // Whoever knows less leaves more to the attack among both: what was found stands, and may be smaller beside a better one.
        reasons.push(Reason::ImputerKnowsLess { rows, target_rows });
    }
    (verdict, reasons)
}

/// Whether it is shown that the headline lies below what matters, as [`super::absence`] does for membership.
fn absence(result: &AttributeResult, grounds: Grounds<'_>, settings: &Statistics) -> (bool, Vec<Reason>) {
    let (upper, wanted) = (result.upper, settings.min_effect_accuracy);
    if upper >= wanted {
        return (false, vec![Reason::DifferenceNotBelowMargin { upper, wanted }]);
    }
    let mut against = Vec::new();
    if !grounds.declared {
        against.push(Reason::FidelityUndeclared);
    }
    let unshifted = match grounds.split {
        Split::Random => true,
        Split::Undeclared => {
            result.unrelated.is_some() && grounds.blind.is_some_and(|blind| blind.p > settings.alpha)
        }
    };
    if !unshifted {
        against.push(Reason::ShiftNotExcluded);
    }
    let control = match result.positive {
        None => Reason::NoPositiveControl,
        Some(AttributeControl { detected: Some(detected), .. }) if detected.estimate >= settings.power => {
            Reason::PositiveControlPassed { detected: detected.estimate }
        }
        Some(AttributeControl { detected, .. }) => Reason::PositiveControlFailed {
            detected: detected.map(|detected| detected.estimate),
            wanted: settings.power,
        },
    };
    if matches!(control, Reason::PositiveControlPassed { .. })
        && against.is_empty()
        && grounds.doubts.is_empty()
    {
        return (true, vec![Reason::DifferenceBelowMargin { upper, wanted }, control]);
    }
    if !matches!(control, Reason::PositiveControlPassed { .. }) {
        against.push(control);
    }
    (false, against)
}

/// Where the attack is right of non-members, too, more often than the prior.
fn population_inference(result: &AttributeResult) -> Option<Reason> {
    let above = |attack: &Interval, prior: &Interval| attack.lower > prior.upper;
    let (attack, prior) = (&result.attack.non_members, &result.prior.non_members);
    above(&attack.interval, &prior.interval)
        .then_some(Reason::PopulationInference { attack: attack.share, prior: prior.share })
}
