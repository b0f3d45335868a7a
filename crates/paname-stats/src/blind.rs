//! A classifier that never sees the model: it tells members from non-members by what is known of them anyway. Where it does better
//! than chance the two sides differ by themselves, and an attack may owe its success to that.
//!
//! Ridge regression on memberships of ±1, which ranks as Fisher's linear discriminant does, fitted without the fold that
//! it scores (Stone, JRSS B 36, 1974). It has a closed form, and the sums of all folds come from one pass over the data.

use std::collections::HashMap;

use rand_core::{Rng, SeedableRng};
use rand_pcg::Pcg64;

use crate::permutation::{Permutations, Ranked, max_statistic};
use crate::{Error, Result, argument};

/// Ridge on standardised features, as so many records of unit variance would weigh.
const RIDGE: f64 = 1.0;
/// The most features: the work grows with their square.
pub const MOST_FEATURES: usize = 256;

/// Regressions on every set of folds but one, ready for any memberships: only what is regressed on them changes.
#[derive(Debug, Clone)]
pub struct CrossFit {
    width: usize,
    /// Standardised features `[records][width]`.
    features: Vec<f64>,
    /// The group of each record, numbered from 0.
    groups: Vec<u32>,
    /// The fold of each record.
    folds: Vec<usize>,
    /// What was learned from the records outside each fold, memberships apart.
    outside: Vec<Outside>,
}

impl CrossFit {
    /// `features` is laid out `[records][width]`; records of one of the `groups` share a fold, so that nobody is learned by heart. Constant
    /// features say nothing.
    pub fn new(features: &[f64], width: usize, groups: &[u32], folds: usize, seed: u64) -> Result<Self> {
        argument::same_length("features", groups.len() * width, features.len())?;
        argument::finite("features", features)?;
        if width > MOST_FEATURES {
            return Err(Error::CountTooLarge {
                what: "features",
                limit: MOST_FEATURES as u64,
                got: width as u64,
            });
        }
        if folds < 2 {
            return Err(Error::TooFew { what: "folds", needed: 2, got: folds as u64 });
        }
        let features = standardised(features, width);
        let row = |record: usize| &features[record * width..(record + 1) * width];
        let of: Vec<usize> = groups.iter().map(|group| fold_of(*group, folds, seed)).collect();
        let mut parts = vec![Sums::new(width); folds];
        for (record, fold) in of.iter().enumerate() {
            parts[*fold].add(row(record));
        }
        let mut whole = Sums::new(width);
        for part in &parts {
            whole.combine(part, 1.0);
        }
        let outside = parts.iter().map(|part| {
            let mut others = whole.clone();
            others.combine(part, -1.0);
            others.factor()
        });
        let outside = outside.collect();
        Ok(Self { width, groups: groups.to_vec(), folds: of, outside, features })
    }

    fn row(&self, record: usize) -> &[f64] {
        &self.features[record * self.width..(record + 1) * self.width]
    }

    /// One score per record, higher for members, each from a regression that was fitted without the record's fold.
    pub fn scores(&self, members: &[bool]) -> Result<Vec<f64>> {
        argument::same_length("memberships", self.folds.len(), members.len())?;
        let side = |record: usize| if members[record] { 1.0 } else { -1.0 };
        let mut targets = vec![(0.0, vec![0.0; self.width]); self.outside.len()];
        for (record, fold) in self.folds.iter().enumerate() {
            let (target, cross) = &mut targets[*fold];
            *target += side(record);
            cross.iter_mut().zip(self.row(record)).for_each(|(sum, x)| *sum += x * side(record));
        }
        let weights: Vec<Vec<f64>> = (0..self.outside.len())
            .map(|fold| {
                let others = || targets.iter().enumerate().filter(|(other, _)| *other != fold);
                let target: f64 = others().map(|(_, (target, _))| target).sum();
                let mut cross = vec![0.0; self.width];
                for (_, (_, part)) in others() {
                    cross.iter_mut().zip(part).for_each(|(sum, part)| *sum += part);
                }
                self.outside[fold].solve(cross, target)
            })
            .collect();
        let score = |(record, fold): (usize, &usize)| {
            let outside = &self.outside[*fold];
            let terms = self.row(record).iter().zip(&outside.means).zip(&weights[*fold]);
            // Without an intercept, which would tell of the fold's shares.
            terms.map(|((x, mean), weight)| weight * (x - mean)).sum()
        };
        Ok(self.folds.iter().enumerate().map(score).collect())
    }

    /// p-value of "who is a member has nothing to do with the features": the area under the curve among those of permuted memberships, the
    /// regression being fitted anew for each. Groups keep together. Scores of one fold hang together, so that a rank test on them would
    /// raise false alarms.
    pub fn p_value(&self, members: &[bool], plan: Permutations) -> Result<f64> {
        argument::same_length("memberships", self.folds.len(), members.len())?;
        let mut first: HashMap<u32, usize> = HashMap::new();
        let mut of = Vec::with_capacity(self.groups.len());
        let mut sides = Vec::new();
        for (group, member) in self.groups.iter().zip(members) {
            let next = first.len();
            of.push(*first.entry(*group).or_insert(next));
            if first.len() > sides.len() {
                sides.push(*member);
            }
        }
        let auc = |sides: &[bool]| -> Result<f64> {
            let members: Vec<bool> = of.iter().map(|group| sides[*group]).collect();
            Ok(Ranked::new(&self.scores(&members)?)?.auc(&members))
        };
        let mut failed = None;
        let permuted = max_statistic(&sides, 1, plan, |_, sides| {
            auc(sides).unwrap_or_else(|error| {
                failed = Some(error);
                0.5
            })
        })?;
        match (failed, permuted.first()) {
            (Some(error), _) => Err(error),
            (None, permuted) => Ok(permuted.map_or(1.0, |permuted| permuted.p)),
        }
    }
}

/// The fold of a group, whoever else is there.
fn fold_of(group: u32, folds: usize, seed: u64) -> usize {
    let mut generator = Pcg64::seed_from_u64(seed ^ (u64::from(group) << 20));
    ((u128::from(generator.next_u64()) * folds as u128) >> 64) as usize
}

/// Features with mean 0 and deviation 1; constant ones are 0.
fn standardised(features: &[f64], width: usize) -> Vec<f64> {
    let records = (features.len() / width.max(1)) as f64;
    let mut scaled = features.to_vec();
    for feature in 0..width {
        let column = || features.iter().skip(feature).step_by(width);
        let mean = column().map(|x| x / records).sum::<f64>();
        let deviation = column().map(|x| (x - mean).powi(2) / records).sum::<f64>().sqrt();
        let usable = deviation > 1e-12 * mean.abs() && deviation.is_finite() && deviation > 0.0;
        for x in scaled.iter_mut().skip(feature).step_by(width) {
            // Far outliers would outweigh everybody.
            *x = if usable { ((*x - mean) / deviation).clamp(-8.0, 8.0) } else { 0.0 };
        }
    }
    scaled
}

/// What a regression needs of records besides their memberships: counts, sums and products.
#[derive(Clone)]
struct Sums {
    count: f64,
    totals: Vec<f64>,
    /// Lower triangle of the products, row by row.
    products: Vec<f64>,
}

impl Sums {
    fn new(width: usize) -> Self {
        Self { count: 0.0, totals: vec![0.0; width], products: vec![0.0; width * (width + 1) / 2] }
    }

    fn add(&mut self, x: &[f64]) {
        self.count += 1.0;
        let mut rest = self.products.as_mut_slice();
        for (i, &xi) in x.iter().enumerate() {
            self.totals[i] += xi;
            let (row, after) = rest.split_at_mut(i + 1);
            row.iter_mut().zip(x).for_each(|(sum, &xj)| *sum += xi * xj);
            rest = after;
        }
    }

    /// Adds the sums of other records, or takes them away.
    fn combine(&mut self, other: &Self, sign: f64) {
        self.count += sign * other.count;
        for (own, others) in [(&mut self.totals, &other.totals), (&mut self.products, &other.products)] {
            own.iter_mut().zip(others).for_each(|(own, other)| *own += sign * other);
        }
    }

    /// Cholesky's decomposition of the centred products with the ridge.
    fn factor(self) -> Outside {
        let width = self.totals.len();
        let count = self.count.max(1.0);
        let mut factor = self.products;
        for i in 0..width {
            for j in 0..=i {
                let ridge = if i == j { RIDGE } else { 0.0 };
                factor[at(i, j)] += ridge - self.totals[i] * self.totals[j] / count;
                let done: f64 = (0..j).map(|k| factor[at(i, k)] * factor[at(j, k)]).sum();
                let rest = factor[at(i, j)] - done;
                // The ridge keeps the matrix positive definite; the floor is for rounding.
                factor[at(i, j)] = if i == j { rest.max(1e-9).sqrt() } else { rest / factor[at(j, j)] };
            }
        }
        Outside { means: self.totals.into_iter().map(|sum| sum / count).collect(), factor }
    }
}

/// Place in a lower triangle.
const fn at(i: usize, j: usize) -> usize {
    i * (i + 1) / 2 + j
}

/// The records outside a fold.
#[derive(Debug, Clone)]
struct Outside {
    means: Vec<f64>,
    factor: Vec<f64>,
}

impl Outside {
    /// The weights, from the sums of the features times the memberships and of the memberships.
    fn solve(&self, mut weights: Vec<f64>, target: f64) -> Vec<f64> {
        let width = weights.len();
        weights.iter_mut().zip(&self.means).for_each(|(cross, mean)| *cross -= mean * target);
        for i in 0..width {
            let done: f64 = (0..i).map(|k| self.factor[at(i, k)] * weights[k]).sum();
            weights[i] = (weights[i] - done) / self.factor[at(i, i)];
        }
        for i in (0..width).rev() {
            let done: f64 = (i + 1..width).map(|k| self.factor[at(k, i)] * weights[k]).sum();
            weights[i] = (weights[i] - done) / self.factor[at(i, i)];
        }
        weights
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Uniform numbers from -1 to 1.
    fn noise(generator: &mut Pcg64) -> f64 {
        (generator.next_u64() >> 11) as f64 / (1_u64 << 52) as f64 - 1.0
    }

    fn p_of(features: &[f64], width: usize, members: &[bool], groups: &[u32]) -> f64 {
        let fit = CrossFit::new(features, width, groups, 5, 1).unwrap();
        fit.p_value(members, Permutations { count: 999, seed: 1 }).unwrap()
    }

    fn data(shift: f64, seed: u64) -> (Vec<f64>, Vec<bool>, Vec<u32>) {
        let mut generator = Pcg64::seed_from_u64(seed);
        let members: Vec<bool> = (0..120).map(|i| i % 2 == 0).collect();
        let features = members.iter().flat_map(|&member| {
            let mut row: Vec<f64> = (0..6).map(|_| noise(&mut generator)).collect();
            row[2] += if member { shift } else { 0.0 };
            row[5] = 7.0;
            row
        });
        (features.collect(), members, (0..120).collect())
    }

    #[test]
    fn a_shift_is_seen_and_its_absence_is_not() {
        let (features, members, groups) = data(0.8, 1);
        assert!(p_of(&features, 6, &members, &groups) <= 0.001);
        let alarms = (0..100)
            .filter(|&seed| {
                let (features, members, groups) = data(0.0, 100 + seed);
                p_of(&features, 6, &members, &groups) <= 0.05
            })
            .count();
        // Beyond 11 of 100 a rate of 5 % is refuted at 99 %.
        assert!((1..=11).contains(&alarms), "{alarms}");
    }

    #[test]
    fn persons_are_not_learned_by_heart() {
        // Every person has two records of its own place, and nothing else tells members.
        let mut generator = Pcg64::seed_from_u64(3);
        let places: Vec<[f64; 40]> = (0..60).map(|_| [0.0; 40].map(|_| noise(&mut generator))).collect();
        let groups: Vec<u32> = (0..120).map(|record| record / 2).collect();
        let members: Vec<bool> = groups.iter().map(|person| person % 2 == 0).collect();
        let features: Vec<f64> = groups.iter().flat_map(|person| places[*person as usize]).collect();
        assert!(p_of(&features, 40, &members, &groups) > 0.01);
        let apart: Vec<u32> = (0..120).collect();
        assert!(p_of(&features, 40, &members, &apart) <= 0.001);
    }

    #[test]
    fn a_score_does_not_depend_on_the_membership_of_its_own_group() {
        let (features, mut members, groups) = data(0.5, 4);
        let fit = CrossFit::new(&features, 6, &groups, 5, 1).unwrap();
        let before = fit.scores(&members).unwrap();
        members[17] = !members[17];
        assert_eq!(before[17], fit.scores(&members).unwrap()[17]);
        assert_ne!(before, fit.scores(&members).unwrap());
    }

    #[test]
    fn constant_and_far_features_give_numbers() {
        let members = [true, false, true, false];
        let scores = |features: &[f64], width| {
            CrossFit::new(features, width, &[0, 1, 2, 3], 2, 1).unwrap().scores(&members).unwrap()
        };
        assert!(scores(&[1e300, -1e300, 1e300, 5.0], 1).iter().all(|score| score.is_finite()));
        assert_eq!(scores(&[3.0; 4], 1), [0.0; 4]);
        assert_eq!(scores(&[], 0), [0.0; 4]);
    }

    #[test]
    fn bad_arguments_are_named() {
        let message = |features: &[f64], width, folds| {
            CrossFit::new(features, width, &[0, 1], folds, 1).unwrap_err().to_string()
        };
        assert!(message(&[1.0], 1, 2).contains("features"));
        assert!(message(&[1.0, f64::NAN], 1, 2).contains("features"));
        assert!(message(&[1.0, 2.0], 1, 1).contains("folds"));
        assert!(message(&[0.0; 600], 300, 2).contains("features"));
    }
}
