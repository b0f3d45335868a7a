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
    let (mut inside, mut outside) = (members.to_vec(), non_members.to_vec());
    interval(plan, [members.len(), non_members.len()], |generator| {
        for (slots, sample) in [(&mut inside, members), (&mut outside, non_members)] {
            slots.fill_with(|| sample[index(generator, sample.len())]);
        }
        statistic(&inside, &outside)
    })
}

/// The interval of the area under the curve: [`percentile_interval`] without sorting again, since a resample only changes
/// how many people share each distinct score.
pub fn auc_percentile_interval(roc: &Roc, plan: &Plan) -> Result<Interval> {
    let mut ranks = Ranks::new(roc);
    let pairs = roc.members() as f64 * roc.non_members() as f64;
    interval(plan, ranks.sizes(), |generator| {
        ranks.resample(generator);
        let (mut above, mut lost) = (0_u64, 0_u128);
        for [members, non_members] in &ranks.counts {
            // Each non-member is lost to the members above it, half to those at its side.
            lost += u128::from(u64::from(*non_members) * (2 * above + u64::from(*members)));
            above += u64::from(*members);
        }
        0.5 * lost as f64 / pairs
    })
}

/// The interval of the true positive rate at the most permissive threshold whose empirical false positive rate is at most
/// `level`, the threshold chosen anew in every resample.
pub fn tpr_percentile_interval(roc: &Roc, level: f64, plan: &Plan) -> Result<Interval> {
    argument::unit("false positive rate", level)?;
    let allowed = argument::largest_count_within(level, roc.non_members());
    let mut ranks = Ranks::new(roc);
    interval(plan, ranks.sizes(), |generator| {
        ranks.resample(generator);
        let (mut tp, mut fp) = (0_u64, 0_u64);
        for [members, non_members] in &ranks.counts {
            fp += u64::from(*non_members);
            if fp > allowed {
                break;
            }
            tp += u64::from(*members);
        }
        tp as f64 / roc.members() as f64
    })
}

/// Everybody by the position of their distinct score, from the highest.
struct Ranks {
    people: [Vec<u32>; 2],
    /// Per distinct score, how many members and non-members a resample holds.
    counts: Vec<[u32; 2]>,
}

impl Ranks {
    fn new(roc: &Roc) -> Self {
        let mut people = [Vec::new(), Vec::new()];
        let mut distinct = 0;
        for step in roc.steps() {
            for (side, count) in people.iter_mut().zip([step.members, step.non_members]) {
                side.extend((0..count).map(|_| distinct));
            }
            distinct += 1;
        }
        Self { people, counts: vec![[0, 0]; distinct as usize] }
    }

    fn sizes(&self) -> [usize; 2] {
        [self.people[0].len(), self.people[1].len()]
    }

    fn resample(&mut self, generator: &mut Pcg64) {
        self.counts.fill([0, 0]);
        for (side, people) in self.people.iter().enumerate() {
            for _ in 0..people.len() {
                let rank = people[index(generator, people.len())];
                self.counts[rank as usize][side] += 1;
            }
        }
    }
}

/// The order statistics of the replicates at ranks (B+1)a/2 and (B+1)(1-a/2).
fn interval(
    plan: &Plan,
    sizes: [usize; 2],
    mut replicate: impl FnMut(&mut Pcg64) -> f64,
) -> Result<Interval> {
    argument::open_unit("confidence", plan.confidence)?;
    for (what, size) in ["members", "non-members"].into_iter().zip(sizes) {
        if size == 0 {
            return Err(Error::Empty { what });
        }
    }
    let tail = (1.0 - plan.confidence) / 2.0;
    // A hair of slack: 40 · 0.025 must count as 1.
    let rank = ((f64::from(plan.replicates) + 1.0) * tail + 1e-9) as usize;
    if rank == 0 {
        let needed = (1.0 / tail - 1e-9).ceil() as u64 - 1;
        return Err(Error::TooFew { what: "bootstrap replicates", needed, got: plan.replicates.into() });
    }
    let mut generator = Pcg64::seed_from_u64(plan.seed);
    let mut values: Vec<f64> = (0..plan.replicates).map(|_| replicate(&mut generator)).collect();
    argument::numbers("bootstrap statistic", &values)?;
    values.sort_unstable_by(f64::total_cmp);
    let (lower, upper) = (values[rank - 1], values[values.len() - rank]);
    Ok(Interval { lower, upper, confidence: plan.confidence })
}

/// A uniform position below `length`; the bias is below `length / 2⁶⁴`.
fn index(generator: &mut Pcg64, length: usize) -> usize {
    ((u128::from(generator.next_u64()) * length as u128) >> 64) as usize
}
