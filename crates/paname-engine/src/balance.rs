//! Balanced sweeps: many public scripts fit their models so that each record is in exactly half of them. With the target taken out, a member is
//! in one reference model fewer than a non-member, and the count alone would tell an attack who is who. So for each record one model is set
//! aside, drawn from the side that has one too many: an included one where the count is high, an excluded one where it is low. What is left
//! has the same counts for every record. Only counts are looked at, never the truth.
//!
//! Attacks then see one reference model less. Where the one set aside for a record is not the last, the last takes its place there, rows and
//! signals together: a column is no longer quite one model, but each of its cells still tells truly whether its model was fitted on the record.

use crate::judge::below;

/// The model set aside for each record.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Balance {
    pub(crate) aside: Vec<u32>,
}

impl Balance {
    /// Sets a model aside for each of the first `audited` records of `rows` (`[models][records]`). `None` unless the numbers of models that
    /// include a record are two neighbouring ones.
    pub(crate) fn of(rows: &[Vec<bool>], audited: usize, rng: &mut impl rand_core::Rng) -> Option<Self> {
        let count = |r: usize| rows.iter().filter(|row| row[r]).count();
        let low = (0..audited).map(count).min()?;
        let high = (0..audited).map(count).max()?;
        if high != low + 1 || high == rows.len() {
            return None;
        }
        let aside = (0..audited).map(|r| {
            let surplus = count(r) == high;
            let side: Vec<u32> = (0..rows.len() as u32).filter(|m| rows[*m as usize][r] == surplus).collect();
            side[below(rng, side.len() as u64) as usize]
        });
        Some(Self { aside: aside.collect() })
    }

    /// The rows that are left: one model fewer.
    pub(crate) fn rows(&self, rows: &[Vec<bool>]) -> Vec<Vec<bool>> {
        let Some((last, others)) = rows.split_last() else { return Vec::new() };
        let mut left = others.to_vec();
        for (r, &aside) in self.aside.iter().enumerate() {
            if let Some(row) = left.get_mut(aside as usize) {
                row[r] = last[r];
            }
        }
        left
    }

    /// The same for one record's signals `[1 + models][augmentations]`: returns the values without the last model, which takes the place of
    /// the one set aside. `values` is changed.
    pub(crate) fn signals(aside: Option<u32>, values: &mut [f32], augmentations: usize) -> &[f32] {
        let (left, last) = values.split_at_mut(values.len() - augmentations);
        if let Some(aside) = aside {
            let place = (aside as usize + 1) * augmentations;
            if let Some(slot) = left.get_mut(place..place + augmentations) {
                slot.copy_from_slice(last);
            }
        }
        left
    }
}

#[cfg(test)]
mod tests {
    use rand_core::{Rng as _, SeedableRng as _};
    use rand_pcg::Pcg64;

    use super::*;
    use crate::judge::{Truth, shuffle, validity};

    /// Models of a sweep in which each record is in exactly half, the target first.
    fn sweep(models: usize, records: usize, rng: &mut Pcg64) -> Vec<Vec<bool>> {
        let mut rows = vec![vec![false; records]; models];
        let mut order: Vec<usize> = (0..models).collect();
        (0..records).for_each(|r| {
            shuffle(&mut order, rng);
            order[..models / 2].iter().for_each(|&m| rows[m][r] = true);
        });
        rows
    }

    #[test]
    fn a_balanced_sweep_tells_members_until_it_is_balanced() {
        let mut rng = Pcg64::seed_from_u64(1);
        let all = sweep(16, 2000, &mut rng);
        let truth = Truth { member: all[0].clone(), ..Truth::default() };
        let counts = |rows: &[Vec<bool>]| -> Vec<u64> {
            (0..2000).map(|r| rows.iter().filter(|row| row[r]).count() as u64).collect()
        };
        assert!(validity::counts_p(&truth, &counts(&all[1..])).unwrap() < 1e-100);
        let balance = Balance::of(&all[1..], 2000, &mut rng).unwrap();
        let left = balance.rows(&all[1..]);
        assert_eq!(left.len(), 14);
        assert!(counts(&left).iter().all(|count| *count == 7));
        for row in &left {
            assert!(validity::row_p(&truth, row).unwrap() > validity::TELLING / 14.0);
        }
    }

    #[test]
    fn rows_and_signals_stay_together() {
        let mut rng = Pcg64::seed_from_u64(2);
        let all = sweep(8, 50, &mut rng);
        let balance = Balance::of(&all[1..], 50, &mut rng).unwrap();
        let left = balance.rows(&all[1..]);
        for r in 0..50 {
            // The signal of a model is its number, negative where the record was included.
            let signal = |m: usize, member: bool| (m as f32 + 1.0) * if member { -1.0 } else { 1.0 };
            let mut values: Vec<f32> = vec![0.0, 0.0];
            for (m, row) in all[1..].iter().enumerate() {
                values.extend([signal(m, row[r]); 2]);
            }
            let kept = Balance::signals(Some(balance.aside[r]), &mut values, 2);
            assert_eq!(kept.len(), 2 * 7);
            for (m, row) in left.iter().enumerate() {
                assert_eq!(kept[2 * (m + 1)] < 0.0, row[r]);
                assert_eq!(kept[2 * (m + 1)], kept[2 * (m + 1) + 1]);
            }
        }
    }

    #[test]
    fn independent_halves_are_left_as_they_are() {
        let mut rng = Pcg64::seed_from_u64(3);
        let rows: Vec<Vec<bool>> =
            (0..15).map(|_| (0..200).map(|_| rng.next_u64() & 1 == 1).collect()).collect();
        assert_eq!(Balance::of(&rows, 200, &mut rng), None);
        assert_eq!(Balance::of(&[], 200, &mut rng), None);
    }
}
