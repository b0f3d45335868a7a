//! # Distance to the boundary
//!
//! **Idea.** Training pushes the boundary between classes away from its records: the nearest input that is classified otherwise is farther from a member.
//!
//! **Threat model.** The attacker asks the target about any input, sees the class that it gives and nothing else, and knows the true class. No other
//! model; of other data only the audited records that get another class, where a search starts.
//!
//! **Formula.** score = min ‖x′ − x‖ over the x′ found with predicted class ≠ y; 0 where x itself is classified wrongly, +∞ where no x′ was found. The
//! search is HopSkipJump. A point beyond the boundary is pulled towards x by halving until it lies on the boundary. The normal of the boundary there is
//! estimated from B₀√t probes u_b of length δ, as Σ_b (φ_b − φ̄) u_b, with φ_b = ±1 for another class or the same. A step along it of length ‖x′ − x‖/√t,
//! halved until the class is another, leads to the next point, and so on until the questions are spent.
//!
//! **Paper.** Choquette-Choo, Tramèr, Carlini and Papernot, *Label-Only Membership Inference Attacks*, ICML 2021, arXiv 2007.14321, §3.2; Li and Zhang,
//! *Membership Leakage in Label-Only Exposures*, CCS 2021, arXiv 2007.15528. The search: Chen, Jordan and Wainwright, *HopSkipJumpAttack*, IEEE S&P 2020,
//! arXiv 1904.02144, algorithms 1 and 2.
//!
//! **Cost.** `queries` questions per record, asked for many records at a time. A thousand are few: distances then come out somewhat too large, those of
//! many features above all.
//!
//! **When it fails.** Where features are of different kinds or scales, so that a distance means little. Where the budget is small for the number of
//! features, noise of the search hides the difference. Some services answer changed inputs of this kind with suspicion.

use paname_core::{
    Access, Attack, Case, Ctx, Error, Family, Findings, Indices, Info, Input, Needs, Result, Tensor,
};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::asking::{Norm, fill_normal, predicted, predicted_audited, rows_at_a_time, uniform};

/// What a distance is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Distance {
    /// The root of the sum of the squares of the differences.
    #[default]
    L2,
    /// The largest difference.
    Linf,
}

/// Parameters of [`BoundaryDistance`].
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// What a distance is: `l2` or `linf`.
    pub norm: Distance,
    /// Questions per record, the one about the record itself included; at least 50.
    pub queries: u64,
    /// Probes for the first normal, at least 10; the t-th has √t times as many.
    pub probes: u64,
    /// The least and the largest value of a feature that the model takes; those of the audited records where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub range: Option<[f32; 2]>,
    /// Audited records of another class among which the nearest is where a search starts, from 1 to 10,000.
    pub starts: usize,
}

impl Default for Config {
    fn default() -> Self {
        Self { norm: Distance::default(), queries: 1000, probes: 100, range: None, starts: 256 }
    }
}

/// Inputs of noise that are tried where no record of another class is at hand.
const TRIES: u64 = 25;
/// Halvings of a step until the class is another.
const HALVINGS: u64 = 12;

/// Scores a record by its distance from the nearest input that is found with another class.
pub struct BoundaryDistance(Config);

impl Attack for BoundaryDistance {
    const INFO: Info = Info {
        name: "boundary-distance",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Distance à la frontière",
        title_en: "Distance to the boundary",
        summary_fr: "Il faut modifier davantage les données d’entraînement pour que le modèle change d’avis.",
        summary_en: "Training data must be changed more before the model changes its mind.",
        formula: "min ‖x′ − x‖ over x′ with predicted class ≠ y (HopSkipJump)",
        paper: "Choquette-Choo, Tramèr, Carlini and Papernot, Label-Only Membership Inference Attacks, 2021, arXiv 2007.14321",
        source: include_str!("boundary_distance.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let Config { queries, probes, range, starts, .. } = &config;
        if *queries < 50 {
            return Err(Error::Config(format!("`queries` must be at least 50, got {queries}")));
        }
        if *probes < 10 {
            return Err(Error::Config(format!("`probes` must be at least 10, got {probes}")));
        }
        if range.is_some_and(|[low, high]| !(low < high && low.is_finite() && high.is_finite())) {
            return Err(Error::Config(format!("`range` must be two rising numbers, got {range:?}")));
        }
        if !(1..=10_000).contains(starts) {
            return Err(Error::Config(format!("`starts` must be from 1 to 10000, got {starts}")));
        }
        Ok(Self(config))
    }

    fn needs(&self, _records: usize) -> Needs {
        let access = Access::LABELS | Access::NEW_INPUTS;
        Needs { access, classes: true, queries_per_record: self.0.queries, ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let (classes, _) = case.audited().classes()?;
        let given = predicted_audited(case, ctx)?;
        let right: Vec<usize> = (0..classes.len()).filter(|&r| given[r] == i64::from(classes[r])).collect();
        let mut scores = vec![0.0; classes.len()];
        let Some((&first, ids)) = right.first().zip(Some(&case.audited().ids)) else {
            return Ok(Findings::Membership(scores));
        };
        let shape = case.target().input(&[ids[first]].into())?.shape()[1..].to_vec();
        let width = shape.iter().product();
        let range = match self.0.range {
            Some([low, high]) => (low, high),
            None => range(case, ctx, width)?,
        };
        let total = right.len() * self.0.queries as usize;
        let mut search =
            Search { case, ctx, config: &self.0, shape, width, range, asked: right.len(), total };
        let starts = search.starts(&given)?;
        // The point, the record and two sums of each walk are held.
        for walks in right.chunks((rows_at_a_time(width) / 4).max(1)) {
            let records: Indices = walks.iter().map(|&r| ids[r]).collect();
            let inputs = case.target().input(&records)?;
            let inputs = inputs.to_f32()?;
            let begin = |(&record, origin): (&usize, &[f32])| Walk {
                class: classes[record].into(),
                origin: origin.to_vec(),
                point: Vec::new(),
                left: self.0.queries - 1,
                distance: f64::INFINITY,
                nearest: f64::INFINITY,
                stream: ctx.rng(&format!("record {}", ids[record])),
            };
            let mut group: Vec<Walk> =
                walks.iter().zip(inputs.chunks_exact(width.max(1))).map(begin).collect();
            search.walk(&mut group, &starts)?;
            for (&record, walk) in walks.iter().zip(&group) {
                scores[record] = walk.nearest;
            }
        }
        ctx.tick(total, total)?;
        Ok(Findings::Membership(scores))
    }
}

/// The least and the largest value of the audited records.
fn range(case: &Case<'_>, ctx: &Ctx<'_>, width: usize) -> Result<(f32, f32)> {
    let (mut low, mut high) = (f32::INFINITY, f32::NEG_INFINITY);
    let ids = &case.audited().ids;
    for batch in ids.chunks(rows_at_a_time(width)) {
        ctx.tick(0, 1)?;
        for &x in case.target().input(&batch.into())?.to_f32()?.iter().filter(|x| x.is_finite()) {
            (low, high) = (low.min(x), high.max(x));
        }
    }
    if low < high {
        return Ok((low, high));
    }
    Err(Error::mismatch(
        "inputs of the audited records",
        "different values, which say what the model takes, or `range`",
        "none",
    ))
}

/// What all walks share.
struct Search<'a> {
    case: &'a Case<'a>,
    ctx: &'a Ctx<'a>,
    config: &'a Config,
    /// Of one input.
    shape: Vec<usize>,
    width: usize,
    range: (f32, f32),
    asked: usize,
    total: usize,
}

/// Where searches may start: inputs and the classes that the model gives them.
struct Starts {
    inputs: Vec<f32>,
    classes: Vec<i64>,
}

/// The search from one record.
struct Walk {
    class: i64,
    origin: Vec<f32>,
    /// On the boundary, on its far side; empty before there is one.
    point: Vec<f32>,
    /// Questions.
    left: u64,
    /// From the record to the point.
    distance: f64,
    /// The smallest distance so far.
    nearest: f64,
    stream: Pcg64,
}

impl Search<'_> {
    /// Draws records from which searches may start.
    fn starts(&self, given: &[i64]) -> Result<Starts> {
        let ids = &self.case.audited().ids;
        let mut order: Vec<usize> = (0..ids.len()).collect();
        // The draw does not depend on the order of the records.
        order.sort_unstable_by_key(|&r| ids[r]);
        let mut stream = self.ctx.rng("starts");
        let count = self.config.starts.min(order.len());
        for i in 0..count {
            let left = order.len() - i;
            order.swap(i, i + ((uniform(&mut stream) * left as f64) as usize).min(left - 1));
        }
        order.truncate(count);
        let drawn: Indices = order.iter().map(|&r| ids[r]).collect();
        let inputs = self.case.target().input(&drawn)?.to_f32()?.into_owned();
        Ok(Starts { inputs, classes: order.iter().map(|&r| given[r]).collect() })
    }

    /// Walks a group of records together until their questions are spent.
    fn walk(&mut self, group: &mut [Walk], starts: &Starts) -> Result<()> {
        self.start(group, starts)?;
        self.project(group)?;
        let mut active: Vec<usize> = (0..group.len()).filter(|&w| group[w].distance.is_finite()).collect();
        for round in 1_u32.. {
            // What a step and the way back to the boundary may take is kept from the probes.
            let reserve = HALVINGS + self.halvings();
            active.retain(|&w| group[w].left >= reserve + self.config.probes / 2 && group[w].distance > 0.0);
            if active.is_empty() {
                break;
            }
            let root = f64::from(round).sqrt();
            let wanted = (self.config.probes as f64 * root) as u64;
            let counts: Vec<u64> = active.iter().map(|&w| wanted.min(group[w].left - reserve)).collect();
            let normals = self.normals(group, &active, &counts)?;
            self.step(group, &active, &normals, root)?;
            self.project(group)?;
        }
        Ok(())
    }

    /// Asks about inputs, one after the other in `rows`; whether each gets another class than that of its walk.
    fn beyond(&mut self, rows: Vec<f32>, group: &mut [Walk], walks: &[usize]) -> Result<Vec<bool>> {
        self.ctx.tick(self.asked.min(self.total), self.total)?;
        let shape: Vec<usize> = std::iter::once(walks.len()).chain(self.shape.iter().copied()).collect();
        let given = predicted(self.case.target(), Input::Tensor(Tensor::from_vec(rows, &shape)?))?;
        self.asked += walks.len();
        for &w in walks {
            group[w].left -= 1;
        }
        Ok(walks.iter().zip(given).map(|(&w, given)| given != group[w].class).collect())
    }

    /// Finds a point with another class for each walk: the nearest record that has one, or noise.
    fn start(&mut self, group: &mut [Walk], starts: &Starts) -> Result<()> {
        for walk in &mut *group {
            let others = starts.inputs.chunks_exact(self.width.max(1)).zip(&starts.classes);
            let others = others.filter(|(_, class)| **class != walk.class);
            let far = others.map(|(input, _)| (self.distance(&walk.origin, input), input));
            if let Some((distance, input)) = far.min_by(|a, b| a.0.total_cmp(&b.0)) {
                walk.point = input.to_vec();
                walk.distance = distance;
            }
        }
        let (low, high) = self.range;
        for _ in 0..TRIES {
            let lost: Vec<usize> = (0..group.len()).filter(|&w| group[w].point.is_empty()).collect();
            if lost.is_empty() {
                break;
            }
            let mut noise = Vec::with_capacity(lost.len() * self.width);
            for &w in &lost {
                let value = |stream: &mut Pcg64| low + (high - low) * uniform(stream) as f32;
                noise.extend((0..self.width).map(|_| value(&mut group[w].stream)));
            }
            let beyond = self.beyond(noise.clone(), group, &lost)?;
            for ((&w, beyond), noise) in lost.iter().zip(beyond).zip(noise.chunks_exact(self.width.max(1))) {
                if beyond {
                    group[w].point = noise.to_vec();
                    group[w].distance = self.distance(&group[w].origin, noise);
                }
            }
        }
        Ok(())
    }

    /// Pulls the points towards their records by halving, until the boundary is hit (algorithm 1).
    fn project(&mut self, group: &mut [Walk]) -> Result<()> {
        let mut active: Vec<usize> = (0..group.len()).filter(|&w| group[w].distance.is_finite()).collect();
        let (mut near, mut far) = (vec![0.0_f64; group.len()], vec![1.0_f64; group.len()]);
        for _ in 0..self.halvings() {
            active.retain(|&w| group[w].left > 0);
            if active.is_empty() {
                break;
            }
            let share = |w: usize, near: &[f64], far: &[f64]| f64::midpoint(near[w], far[w]);
            let mut rows = Vec::with_capacity(active.len() * self.width);
            for &w in &active {
                self.pull(&group[w], share(w, &near, &far), &mut rows);
            }
            for (&w, beyond) in active.iter().zip(self.beyond(rows, group, &active)?) {
                let middle = share(w, &near, &far);
                *(if beyond { &mut far[w] } else { &mut near[w] }) = middle;
            }
        }
        for (walk, far) in
            group.iter_mut().zip(far).filter(|(walk, far)| *far < 1.0 && walk.distance.is_finite())
        {
            let mut point = Vec::with_capacity(self.width);
            self.pull(walk, far, &mut point);
            walk.distance = self.distance(&walk.origin, &point);
            walk.point = point;
        }
        for walk in group {
            walk.nearest = walk.nearest.min(walk.distance);
        }
        Ok(())
    }

    /// Halvings until what is left of the way is small beside the probes: a share of d^(−3/2) in l2, d^(−2) in l∞.
    fn halvings(&self) -> u64 {
        let width = (self.width as f64).max(2.0);
        let power = match self.config.norm {
            Distance::L2 => 1.5,
            Distance::Linf => 2.0,
        };
        ((power * libm::log2(width)).ceil() as u64).min(24)
    }

    /// The point of a walk when the distance is `share` of what it is: on the line in l2, cut off in l∞.
    fn pull(&self, walk: &Walk, share: f64, rows: &mut Vec<f32>) {
        let pairs = walk.origin.iter().zip(&walk.point);
        match self.config.norm {
            Distance::L2 => rows
                .extend(pairs.map(|(x, p)| (f64::from(*x) + share * (f64::from(*p) - f64::from(*x))) as f32)),
            Distance::Linf => {
                let most = (share * walk.distance) as f32;
                rows.extend(pairs.map(|(x, p)| x + (p - x).clamp(-most, most)));
            }
        }
    }

    /// Estimates the normal of the boundary at the point of each active walk, towards the far side (algorithm 2, equation 16).
    fn normals(&mut self, group: &mut [Walk], active: &[usize], counts: &[u64]) -> Result<Vec<Vec<f32>>> {
        let mut sums = vec![vec![0.0_f32; self.width]; active.len()];
        let mut plain = sums.clone();
        let mut hits = vec![0_u64; active.len()];
        let places = (0..active.len()).flat_map(|place| std::iter::repeat_n(place, counts[place] as usize));
        let places: Vec<usize> = places.collect();
        for batch in places.chunks(rows_at_a_time(self.width)) {
            let mut rows = vec![0.0; batch.len() * self.width];
            for (&place, row) in batch.iter().zip(rows.chunks_exact_mut(self.width.max(1))) {
                self.probe(&mut group[active[place]], row);
            }
            let walks: Vec<usize> = batch.iter().map(|&place| active[place]).collect();
            let beyond = self.beyond(rows.clone(), group, &walks)?;
            for ((&place, beyond), row) in batch.iter().zip(beyond).zip(rows.chunks_exact(self.width.max(1)))
            {
                let (sign, point) = (if beyond { 1.0 } else { -1.0 }, &group[active[place]].point);
                hits[place] += u64::from(beyond);
                let all = sums[place].iter_mut().zip(&mut plain[place]).zip(row.iter().zip(point));
                for ((sum, plain), (x, p)) in all {
                    *sum += sign * (x - p);
                    *plain += x - p;
                }
            }
        }
        for (((sum, plain), hits), count) in sums.iter_mut().zip(&plain).zip(hits).zip(counts) {
            // Where all probes agree, the mean tells nothing of the direction: their sum is what there is.
            let mean =
                if hits == 0 || hits == *count { 0.0 } else { 2.0 * hits as f32 / *count as f32 - 1.0 };
            sum.iter_mut().zip(plain).for_each(|(sum, plain)| *sum -= mean * plain);
            let norm = Norm::L2.of(sum);
            for value in sum.iter_mut() {
                *value = match self.config.norm {
                    Distance::L2 if norm > 0.0 => (f64::from(*value) / norm) as f32,
                    Distance::L2 => 0.0,
                    Distance::Linf if *value == 0.0 => 0.0,
                    Distance::Linf => value.signum(),
                };
            }
        }
        Ok(sums)
    }

    /// A probe beside the point of a walk, at a d-th of the distance in a random direction.
    fn probe(&self, walk: &mut Walk, row: &mut [f32]) {
        match self.config.norm {
            Distance::L2 => fill_normal(row, &mut walk.stream),
            Distance::Linf => row.fill_with(|| (2.0 * uniform(&mut walk.stream) - 1.0) as f32),
        }
        let length = walk.distance / (self.width as f64).max(1.0) / Norm::L2.of(row).max(f64::MIN_POSITIVE);
        for (x, p) in row.iter_mut().zip(&walk.point) {
            *x = self.within((f64::from(*p) + length * f64::from(*x)) as f32, *p);
        }
    }

    /// A value within the range; one that lies outside from the beginning may stay there.
    fn within(&self, value: f32, before: f32) -> f32 {
        let (low, high) = self.range;
        value.clamp(low.min(before), high.max(before))
    }

    /// Moves the points along the normals, as far as the class stays another.
    fn step(&mut self, group: &mut [Walk], active: &[usize], normals: &[Vec<f32>], root: f64) -> Result<()> {
        let mut waiting: Vec<usize> = (0..active.len()).collect();
        let mut lengths: Vec<f64> = active.iter().map(|&w| group[w].distance / root).collect();
        for _ in 0..HALVINGS {
            if waiting.is_empty() {
                break;
            }
            let mut rows = Vec::with_capacity(waiting.len() * self.width);
            for &place in &waiting {
                let moved = group[active[place]].point.iter().zip(&normals[place]);
                let moved = moved
                    .map(|(p, n)| self.within((f64::from(*p) + lengths[place] * f64::from(*n)) as f32, *p));
                rows.extend(moved);
            }
            let walks: Vec<usize> = waiting.iter().map(|&place| active[place]).collect();
            let beyond = self.beyond(rows.clone(), group, &walks)?;
            for ((&place, beyond), row) in
                waiting.iter().zip(&beyond).zip(rows.chunks_exact(self.width.max(1)))
            {
                let walk = &mut group[active[place]];
                if *beyond {
                    walk.point = row.to_vec();
                    walk.distance = self.distance(&walk.origin, row);
                } else {
                    lengths[place] /= 2.0;
                }
            }
            let mut still = beyond.iter().map(|beyond| !beyond);
            waiting.retain(|_| still.next().unwrap_or(false));
        }
        Ok(())
    }

    fn distance(&self, a: &[f32], b: &[f32]) -> f64 {
        let difference: Vec<f32> = a.iter().zip(b).map(|(a, b)| a - b).collect();
        match self.config.norm {
            Distance::L2 => Norm::L2.of(&difference),
            Distance::Linf => Norm::Linf.of(&difference),
        }
    }
}

#[cfg(test)]
mod tests {
    use paname_core::{Outputs, Query};
    use paname_testkit::{Behaviour, Size, Toy};

    use super::*;

    const WIDE: Option<[f32; 2]> = Some([-1e3, 1e3]);

    fn toy() -> Toy {
        Toy::live(Behaviour::Leaky, Size { records: 60, classes: 2, ..Size::default() }, 5)
    }

    fn run(config: Config, toy: &Toy) -> Result<Vec<f64>> {
        let attack = BoundaryDistance::new(config)?;
        attack.run(&toy.case()?, &Ctx::new(1, "test", 1, &()))?.membership(toy.truth().len())
    }

    /// In a linear model of two classes the boundary is at (z_y − z_c) / ‖w_y − w_c‖ in the dual norm; 0 for a record of another class. With more classes
    /// a search may end at the boundary of one that is not the nearest.
    fn exact(toy: &Toy, norm: Distance) -> Vec<f64> {
        let case = toy.case().unwrap();
        let ids = &case.audited().ids;
        let (answers, pullback) = case.target().vjp(&Query::records(ids.clone(), Access::LOGITS)).unwrap();
        let logits = answers.logits.unwrap().to_f64().unwrap();
        let signs = Some(Tensor::from_vec([1.0_f32, -1.0].repeat(ids.len()), &[ids.len(), 2]).unwrap());
        let difference = pullback.apply(&Outputs { logits: signs, ..Outputs::default() }).unwrap();
        let dual = if norm == Distance::L2 { Norm::L2 } else { Norm::L1 };
        let length = dual.of(&difference.to_f32().unwrap()[..paname_testkit::WIDTH]);
        let (classes, _) = case.audited().classes().unwrap();
        let lead = |(z, &class): (&[f64], &u32)| if class == 0 { z[0] - z[1] } else { z[1] - z[0] };
        logits.chunks_exact(2).zip(classes).map(|pair| lead(pair).max(0.0) / length).collect()
    }

    /// The largest and the mean excess over the exact distance, relative to it.
    fn excess(norm: Distance, queries: u64) -> (f64, f64) {
        let toy = toy();
        let found = run(Config { norm, queries, range: WIDE, ..Config::default() }, &toy).unwrap();
        let exact = exact(&toy, norm);
        let mut all = Vec::new();
        for (found, exact) in found.iter().zip(&exact) {
            assert_eq!(*found == 0.0, *exact == 0.0, "{found} {exact}");
            // What was found has another class, so that it is no nearer than the boundary.
            assert!(*found >= exact * (1.0 - 1e-4), "{found} {exact}");
            all.extend((*exact > 0.0).then(|| found / exact - 1.0));
        }
        assert!(all.len() > 30);
        (all.iter().copied().fold(0.0, f64::max), all.iter().sum::<f64>() / all.len() as f64)
    }

    #[test]
    fn distances_from_a_plane_are_found() {
        for (norm, mean, most) in [(Distance::L2, 0.05, 0.15), (Distance::Linf, 0.1, 0.3)] {
            let (few, many) = (excess(norm, 300), excess(norm, 3000));
            assert!(many.1 < mean && many.0 < most && many.1 < few.1, "{norm:?}: {many:?} after {few:?}");
        }
    }

    #[test]
    fn no_record_is_asked_about_more_often_than_declared() {
        let (toy, signals) = (toy(), paname_testkit::TableSignals::new(1, 1));
        for queries in [50, 77, 400] {
            for norm in [Distance::L2, Distance::Linf] {
                let parts = toy.case().unwrap();
                let metered = paname_core::Metered::new(parts.target(), toy.granted, Some(60 * queries));
                let case = paname_core::Case::new(paname_core::CaseParts {
                    task: parts.task(),
                    granted: toy.granted,
                    target: &metered,
                    references: Vec::new(),
                    audited: toy.audited.clone(),
                    population: paname_core::Cohort::default(),
                    audited_membership: std::borrow::Cow::Owned(paname_core::Membership::none(60, 0)),
                    population_membership: std::borrow::Cow::Owned(paname_core::Membership::none(0, 0)),
                    signals: &signals,
                })
                .unwrap();
                let attack = BoundaryDistance::new(Config { norm, queries, ..Config::default() }).unwrap();
                attack.run(&case, &Ctx::new(1, "test", 1, &())).unwrap();
                assert!(metered.asked() > 60 * 5);
            }
        }
    }

    /// One class whatever it is asked.
    struct Sure(Box<dyn paname_core::Target>, i64);

    impl paname_core::Target for Sure {
        fn card(&self) -> &paname_core::TargetCard {
            self.0.card()
        }

        fn predict(&self, query: &Query) -> Result<Outputs> {
            let labels = Tensor::from_vec(vec![self.1; query.len()], &[query.len()])?;
            Ok(Outputs { labels: Some(labels), ..Outputs::default() })
        }

        fn input(&self, records: &Indices) -> Result<Tensor> {
            self.0.input(records)
        }
    }

    #[test]
    fn a_model_of_one_class_has_no_boundary() {
        let mut toy = toy();
        let target = toy.targets.remove(0);
        toy.targets.insert(0, Box::new(Sure(target, 1)));
        let scores = run(Config::default(), &toy).unwrap();
        let (classes, _) = toy.audited.classes().unwrap();
        let expected = classes.iter().map(|class| if *class == 1 { f64::INFINITY } else { 0.0 });
        assert_eq!(scores, expected.collect::<Vec<f64>>());
    }

    #[test]
    fn parameters_are_checked() {
        let config = Config::default;
        for (config, word) in [
            (Config { queries: 49, ..config() }, "`queries`"),
            (Config { probes: 9, ..config() }, "`probes`"),
            (Config { range: Some([1.0, 1.0]), ..config() }, "`range`"),
            (Config { range: Some([f32::NAN, 1.0]), ..config() }, "`range`"),
            (Config { starts: 0, ..config() }, "`starts`"),
        ] {
            let message = BoundaryDistance::new(config).err().unwrap().to_string();
            assert!(message.contains(word), "{message}");
        }
    }
}
