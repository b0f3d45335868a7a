//! The stratified percentile bootstrap: members and non-members are resampled apart (Efron and Tibshirani, "An
//! introduction to the bootstrap", 1993). One entry must be one person. It assumes a smooth statistic and many people: at a
//! low false positive rate its coverage falls somewhat short, and [`crate::level::tpr_at_level`] is the exact choice.

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Interval, Result, Roc, argument};

/// How to resample.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Plan {
    /// The number of resamples; 39 at least for 95 %, 1 000 or more for stable ends.
    pub replicates: u32,
    /// The confidence of the interval.
    pub confidence: f64,
    /// The seed of a PCG64 generator: equal seeds give equal intervals on every machine.
    pub seed: u64,
}

/// The interval of any statistic of (members, non-members), which may be scores or whole records. A statistic that is no
/// number is an error at its resample.
pub fn percentile_interval<T: Copy>(
    members: &[T],
    non_members: &[T],
    plan: &Plan,
    mut statistic: impl FnMut(&[T], &[T]) -> f64,
) -> Result<Interval> {
    let sizes = [size("members", members.len() as u64)?, size("non-members", non_members.len() as u64)?];
    let rank = plan.rank()?;
    let (mut inside, mut outside) = (members.to_vec(), non_members.to_vec());
    let values = (0..plan.replicates).map(|replicate| {
        let mut draws = Draws::new(plan.seed, replicate);
        for ((slots, sample), size) in
            [(&mut inside, members), (&mut outside, non_members)].into_iter().zip(sizes)
        {
            let mut slots = slots.iter_mut();
            draws.positions(size, |person| {
                if let Some(slot) = slots.next() {
                    *slot = sample[person];
                }
            });
        }
        statistic(&inside, &outside)
    });
    plan.interval(rank, values.collect())
}

/// The same for a statistic of one sample.
pub fn sample_interval<T: Copy>(
    sample: &[T],
    plan: &Plan,
    mut statistic: impl FnMut(&[T]) -> f64,
) -> Result<Interval> {
    let size = size("sample", sample.len() as u64)?;
    let rank = plan.rank()?;
    let mut drawn = Vec::with_capacity(sample.len());
    let values = (0..plan.replicates).map(|replicate| {
        drawn.clear();
        Draws::new(plan.seed, replicate).positions(size, |unit| drawn.push(sample[unit]));
        statistic(&drawn)
    });
    plan.interval(rank, values.collect())
}

/// The intervals of the usual figures from the same resamples.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Figures {
    /// The area under the curve.
    pub auc: Interval,
    /// Per level, the true positive rate at the most permissive threshold whose empirical false positive rate is at most the
    /// level, the threshold chosen anew in every resample.
    pub tpr: Vec<Interval>,
}

/// The intervals of the area and of the true positive rate at each level, in one pass over each resample: scores are sorted
/// once, and a resample is how often each person was drawn. The outcome does not depend on `threads`.
pub fn figures(roc: &Roc, levels: &[f64], plan: &Plan, threads: usize) -> Result<Figures> {
    let sizes = [size("members", roc.members())?, size("non-members", roc.non_members())?];
    let rank = plan.rank()?;
    // Levels are met on the way down the ranks, the smallest first.
    let mut allowed = Vec::with_capacity(levels.len());
    for (position, level) in levels.iter().enumerate() {
        argument::unit("false positive rate", *level)?;
        allowed.push((argument::largest_count_within(*level, roc.non_members()) as u32, position));
    }
    allowed.sort_unstable();
    let ranks = Ranks::new(roc, sizes, allowed);
    let threads = threads.clamp(1, plan.replicates as usize);
    let share = plan.replicates.div_ceil(threads as u32) as usize;
    let columns = 1 + levels.len();
    let mut values = vec![0.0; columns * plan.replicates as usize];
    std::thread::scope(|scope| {
        for (chunk, rows) in values.chunks_mut(share * columns).enumerate() {
            let ranks = &ranks;
            scope.spawn(move || {
                let mut people = People::new(sizes);
                for (row, figures) in rows.chunks_mut(columns).enumerate() {
                    people.draw(Draws::new(plan.seed, (chunk * share + row) as u32));
                    ranks.figures(&people, figures);
                }
            });
        }
    });
    let column = |column: usize| values.iter().skip(column).step_by(columns).copied().collect();
    let tpr = (1..columns).map(|level| plan.interval(rank, column(level))).collect::<Result<_>>()?;
    Ok(Figures { auc: plan.interval(rank, column(0))?, tpr })
}

impl Plan {
    /// The rank of the lower end among the sorted replicates, (B+1)a/2.
    fn rank(&self) -> Result<usize> {
        argument::open_unit("confidence", self.confidence)?;
        let tail = (1.0 - self.confidence) / 2.0;
        // A hair of slack: 40 · 0.025 must count as 1.
        let rank = ((f64::from(self.replicates) + 1.0) * tail + 1e-9) as usize;
        if rank == 0 {
            let needed = (1.0 / tail - 1e-9).ceil() as u64 - 1;
            return Err(Error::TooFew { what: "bootstrap replicates", needed, got: self.replicates.into() });
        }
        Ok(rank)
    }

    fn interval(&self, rank: usize, mut values: Vec<f64>) -> Result<Interval> {
        argument::numbers("bootstrap statistic", &values)?;
        values.sort_unstable_by(f64::total_cmp);
        let (lower, upper) = (values[rank - 1], values[values.len() - rank]);
        Ok(Interval { lower, upper, confidence: self.confidence })
    }
}

/// The number of people on a side.
fn size(what: &'static str, people: u64) -> Result<u32> {
    if people == 0 {
        return Err(Error::Empty { what });
    }
    argument::part(what, people, u32::MAX.into())?;
    Ok(people as u32)
}

/// The random numbers of one replicate: a stream of its own, so that threads need not wait for each other.
struct Draws(Pcg64);

impl Draws {
    fn new(seed: u64, replicate: u32) -> Self {
        // Odd, so that no two replicates share a seed.
        const STRIDE: u64 = 0x9e37_79b9_7f4a_7c15;
        Self(Pcg64::seed_from_u64(seed.wrapping_add(u64::from(replicate).wrapping_mul(STRIDE))))
    }

    /// `length` uniform positions below `length`, two from each random number (Lemire, "Fast random integer generation in an
    /// interval", ACM TOMACS 29, 2019).
    fn positions(&mut self, length: u32, mut visit: impl FnMut(usize)) {
        let biased = length.wrapping_neg() % length;
        let mut left = length;
        while left > 0 {
            let number = self.0.next_u64();
            for half in [number & u64::from(u32::MAX), number >> 32] {
                let product = half * u64::from(length);
                if product as u32 >= biased && left > 0 {
                    visit((product >> 32) as usize);
                    left -= 1;
                }
            }
        }
    }
}

/// How often each person was drawn, from the highest score.
struct People {
    drawn: [Vec<u32>; 2],
    /// Members drawn among the first so many.
    members_above: Vec<u32>,
}

impl People {
    fn new(sizes: [u32; 2]) -> Self {
        Self {
            drawn: sizes.map(|size| vec![0; size as usize]),
            members_above: vec![0; sizes[0] as usize + 1],
        }
    }

    fn draw(&mut self, mut draws: Draws) {
        for drawn in &mut self.drawn {
            drawn.fill(0);
            draws.positions(drawn.len() as u32, |person| drawn[person] += 1);
        }
        let mut above = 0;
        for (slot, drawn) in self.members_above[1..].iter_mut().zip(&self.drawn[0]) {
            above += drawn;
            *slot = above;
        }
    }
}

/// Where each non-member stands among the members, from the highest score.
struct Ranks {
    /// Per non-member, the members with a higher score, and those with a score at least as high.
    members: Vec<[u32; 2]>,
    sizes: [u32; 2],
    /// Per level, the false positives that it allows and its position in the list asked for, ascending.
    allowed: Vec<(u32, usize)>,
}

impl Ranks {
    fn new(roc: &Roc, sizes: [u32; 2], allowed: Vec<(u32, usize)>) -> Self {
        let mut members = Vec::with_capacity(sizes[1] as usize);
        for step in roc.steps() {
            let above = step.members_above as u32;
            members.extend((0..step.non_members).map(|_| [above, above + step.members as u32]));
        }
        Self { members, sizes, allowed }
    }

    /// The area, then the true positive rate at each level.
    fn figures(&self, people: &People, figures: &mut [f64]) {
        let [members, non_members] = self.sizes.map(f64::from);
        let mut levels = self.allowed.iter().peekable();
        let (mut fp, mut twice_lost) = (0, 0_u64);
        for (drawn, [above, reached]) in people.drawn[1].iter().zip(&self.members) {
            let [above, reached] = [above, reached].map(|count| people.members_above[*count as usize]);
            // Each non-member is lost to the members above it, half to those at its side.
            twice_lost += u64::from(*drawn) * (u64::from(above) + u64::from(reached));
            fp += drawn;
            // The threshold lies above the first score that would flag too many.
            while let Some((_, level)) = levels.next_if(|(allowed, _)| fp > *allowed) {
                figures[1 + level] = f64::from(above) / members;
            }
        }
        for (_, level) in levels {
            figures[1 + level] = 1.0;
        }
        figures[0] = 0.5 * twice_lost as f64 / (members * non_members);
    }
}
