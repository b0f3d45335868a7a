//! What an input may be: between bounds, and one of several columns where a table spreads a value over them.
//!
//! Walks count in units of the range of each value: 0 is the least, 1 the largest, so that one rate of steps fits values of any scale.

use paname_core::{Error, Result};

/// Bounds of every value of an input, and groups of columns of which one is 1 and the others 0.
#[derive(Debug, Clone, PartialEq)]
pub struct Constraint {
    low: Vec<f32>,
    high: Vec<f32>,
    range: Vec<f32>,
    groups: Vec<Vec<usize>>,
}

impl Constraint {
    /// Between `low` and `high`, which may be equal. Fails where bounds are no numbers or the wrong way round.
    pub fn new(low: Vec<f32>, high: &[f32]) -> Result<Self> {
        if low.len() != high.len() {
            return Err(Error::mismatch("bounds", format!("{} largest values", low.len()), high.len()));
        }
        let pairs = low.iter().zip(high);
        // Also where the range is too large for a number.
        let wrong = |(low, high): (&f32, &f32)| !(low <= high && (high - low).is_finite());
        if let Some(i) = pairs.clone().position(wrong) {
            let got = format!("{} and {}", low[i], high[i]);
            return Err(Error::mismatch(
                format!("bounds of value {i}"),
                "two finite numbers that do not fall",
                got,
            ));
        }
        let range = pairs.map(|(low, high)| high - low).collect();
        Ok(Self { low, high: high.to_vec(), range, groups: Vec::new() })
    }

    /// Adds groups of columns, which then lie between 0 and 1 and add up to 1. Fails where a column is none of the input’s or stands twice, or
    /// a group is empty.
    pub fn with_groups(mut self, groups: Vec<Vec<usize>>) -> Result<Self> {
        let mut taken = vec![false; self.low.len()];
        for (g, group) in groups.iter().enumerate() {
            if group.is_empty() {
                return Err(Error::Config(format!("`groups`: group {g} has no column")));
            }
            for &column in group {
                match taken.get_mut(column) {
                    Some(taken) if !*taken => *taken = true,
                    _ => {
                        return Err(Error::Config(format!(
                            "`groups`: expected columns below {} that stand once, got {column} in group {g}",
                            self.low.len()
                        )));
                    }
                }
                (self.low[column], self.high[column], self.range[column]) = (0.0, 1.0, 1.0);
            }
        }
        self.groups = groups;
        Ok(self)
    }

    /// Number of values of an input.
    pub fn len(&self) -> usize {
        self.low.len()
    }

    /// Whether inputs have no value.
    pub fn is_empty(&self) -> bool {
        self.low.is_empty()
    }

    /// Whether columns belong together.
    pub fn has_groups(&self) -> bool {
        !self.groups.is_empty()
    }

    /// The range of each value.
    pub fn range(&self) -> &[f32] {
        &self.range
    }

    /// What is added to a value in units of its range so that nothing is where the input’s own nothing is; nothing where there is no range.
    pub fn offsets(&self) -> Vec<f32> {
        self.low
            .iter()
            .zip(&self.range)
            .map(|(low, range)| if *range > 0.0 { low / range } else { 0.0 })
            .collect()
    }

    /// The input that is at `units`.
    pub fn input(&self, units: &[f32]) -> impl Iterator<Item = f32> {
        // Rounding does not lead beyond the bounds.
        let bounds = self.low.iter().zip(&self.high).zip(&self.range);
        units.iter().zip(bounds).map(|(u, ((low, high), range))| (low + range * u).clamp(*low, *high))
    }

    /// Where an input is, whether allowed or not.
    pub fn units(&self, input: &[f32]) -> Vec<f32> {
        let unit =
            |((x, low), range): ((&f32, &f32), &f32)| if *range > 0.0 { (x - low) / range } else { 0.0 };
        input.iter().zip(&self.low).zip(&self.range).map(unit).collect()
    }

    /// Moves to the nearest allowed place, where columns of a group may share the 1.
    pub fn project(&self, units: &mut [f32]) {
        let mut shares = Vec::new();
        for group in &self.groups {
            shares.clear();
            shares.extend(group.iter().map(|&column| f64::from(units[column])));
            onto_simplex(&mut shares);
            for (&column, share) in group.iter().zip(&shares) {
                units[column] = *share as f32;
            }
        }
        for u in units {
            *u = u.clamp(0.0, 1.0);
        }
    }

    /// Gives the 1 of each group to the largest of its columns, the first of equal ones.
    pub fn harden(&self, units: &mut [f32]) {
        for group in &self.groups {
            let best = group.iter().copied().reduce(|best, j| if units[j] > units[best] { j } else { best });
            for &column in group {
                units[column] = f32::from(u8::from(Some(column) == best));
            }
        }
    }
}

/// Moves to the nearest place where no value is below 0 and all add up to 1 (Duchi et al. 2008).
pub fn onto_simplex(values: &mut [f64]) {
    let mut sorted = values.to_vec();
    sorted.sort_unstable_by(|a, b| b.total_cmp(a));
    let (mut sum, mut level) = (0.0, 0.0);
    for (i, value) in sorted.iter().enumerate() {
        sum += value;
        let candidate = (sum - 1.0) / (i + 1) as f64;
        if *value > candidate {
            level = candidate;
        }
    }
    for value in values {
        *value = (*value - level).max(0.0);
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn distance(a: &[f64], b: &[f64]) -> f64 {
        a.iter().zip(b).map(|(a, b)| (a - b).powi(2)).sum()
    }

    proptest! {
        #[test]
        fn the_simplex_is_reached_at_its_nearest_place(
            values in proptest::collection::vec(-5.0..5.0_f64, 1..7),
            others in proptest::collection::vec(0.01..1.0_f64, 7),
        ) {
            let mut nearest = values.clone();
            onto_simplex(&mut nearest);
            prop_assert!((nearest.iter().sum::<f64>() - 1.0).abs() < 1e-9 && nearest.iter().all(|x| *x >= 0.0));
            let sum: f64 = others[..values.len()].iter().sum();
            let other: Vec<f64> = others[..values.len()].iter().map(|x| x / sum).collect();
            prop_assert!(distance(&values, &nearest) <= distance(&values, &other) + 1e-9);
            let mut again = nearest.clone();
            onto_simplex(&mut again);
            prop_assert!(distance(&again, &nearest) < 1e-18);
        }
    }

    #[test]
    fn inputs_keep_to_their_bounds() {
        let constraint = Constraint::new(vec![-2.0, 5.0, 0.0], &[2.0, 5.0, 9.0]).unwrap();
        let mut units = [7.0, -3.0, 0.5];
        constraint.project(&mut units);
        assert_eq!(constraint.input(&units).collect::<Vec<_>>(), [2.0, 5.0, 4.5]);
        assert_eq!(constraint.units(&[0.0, 5.0, 9.0]), [0.5, 0.0, 1.0]);
        assert_eq!(constraint.offsets(), [-0.5, 0.0, 0.0]);
    }

    #[test]
    fn groups_share_one_and_harden() {
        let constraint =
            Constraint::new(vec![-1.0; 4], &[8.0; 4]).unwrap().with_groups(vec![vec![3, 1]]).unwrap();
        assert_eq!(constraint.range(), [9.0, 1.0, 9.0, 1.0]);
        let mut units = [0.5, 0.9, 0.5, 0.7];
        constraint.project(&mut units);
        assert!((units[1] - 0.6).abs() < 1e-6 && (units[3] - 0.4).abs() < 1e-6, "{units:?}");
        constraint.harden(&mut units);
        assert_eq!(units, [0.5, 1.0, 0.5, 0.0]);
        let mut equal = [0.0, 0.5, 0.0, 0.5];
        constraint.harden(&mut equal);
        assert_eq!(equal, [0.0, 0.0, 0.0, 1.0], "the first of the group");
    }

    #[test]
    fn what_is_no_constraint_is_refused() {
        let of = |low: &[f32], high: &[f32]| Constraint::new(low.to_vec(), high).err().map(|e| e.to_string());
        assert_eq!(of(&[0.0, 1.0], &[1.0]).unwrap(), "bounds: expected 2 largest values, got 1");
        for (low, high) in [(1.0, 0.0), (f32::NAN, 1.0), (0.0, f32::INFINITY), (f32::MIN, f32::MAX)] {
            assert!(
                of(&[0.0, low], &[0.0, high]).unwrap().starts_with("bounds of value 1: expected two finite")
            );
        }
        for groups in [vec![vec![]], vec![vec![0, 2]], vec![vec![0], vec![1, 0]]] {
            let error = Constraint::new(vec![0.0; 2], &[1.0; 2]).unwrap().with_groups(groups).err().unwrap();
            assert!(error.to_string().contains("`groups`"), "{error}");
        }
    }
}
