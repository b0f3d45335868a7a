//! Where a value stands among the values of a population.

use paname_core::{Error, Result};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What becomes of records that stand above the same number of population records.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Ties {
    /// They are told apart by their own value, interpolated between its neighbours in the population: the score is strictly increasing in
    /// that value, so that no rank is lost, and equals the plain share wherever a record stands level with a population record. Above the
    /// whole population it exceeds 1 by the distance, below it is negative.
    #[default]
    Break,
    /// They share a score: the plain share of the population, as in the paper. Where many records stand above the whole population, they all
    /// score 1, and the true positive rate at a low false positive rate cannot be read off.
    Share,
}

/// The sorted values of a population.
#[derive(Debug, Clone)]
pub struct Ladder {
    rungs: Vec<f64>,
}

impl Ladder {
    /// Sorts the values, O(n log n). Fails on an empty population.
    pub fn new(mut values: Vec<f64>) -> Result<Self> {
        if values.is_empty() {
            return Err(Error::Missing { what: "population records".into(), needed: 1, got: 0 });
        }
        values.sort_unstable_by(f64::total_cmp);
        Ok(Self { rungs: values })
    }

    /// The place of `value`, O(log n).
    pub fn place(&self, value: f64, ties: Ties) -> f64 {
        let n = self.rungs.len();
        let below = self.rungs.partition_point(|rung| *rung <= value);
        let share = below as f64 / n as f64;
        match ties {
            Ties::Share => share,
            Ties::Break if below == 0 => value - self.rungs[0],
            Ties::Break if below == n => share + (value - self.rungs[n - 1]),
            Ties::Break => {
                let (lower, upper) = (self.rungs[below - 1], self.rungs[below]);
                share + (value - lower) / (upper - lower) / n as f64
            }
        }
    }
}

/// The values of a population, and of each of its classes that is large enough.
pub struct Ladders {
    everyone: Ladder,
    classes: Vec<Option<Ladder>>,
}

impl Ladders {
    /// Sorts values with their classes, O(n log n). Fails on an empty population.
    pub fn new(seen: Vec<(Option<u32>, f64)>, min_per_class: usize) -> Result<Self> {
        let everyone = Ladder::new(seen.iter().map(|(_, value)| *value).collect())?;
        let mut classes: Vec<Vec<f64>> = Vec::new();
        for (class, value) in seen {
            let Some(class) = class.map(|class| class as usize) else { continue };
            if classes.len() <= class {
                classes.resize(class + 1, Vec::new());
            }
            classes[class].push(value);
        }
        let least = min_per_class.max(1);
        let ladder = |values: Vec<f64>| (values.len() >= least).then(|| Ladder::new(values)).transpose();
        Ok(Self { everyone, classes: classes.into_iter().map(ladder).collect::<Result<_>>()? })
    }

    /// The ladder of a class, or that of everyone where it has too few.
    pub fn of(&self, class: Option<u32>) -> &Ladder {
        let own = class.and_then(|class| self.classes.get(class as usize)?.as_ref());
        own.unwrap_or(&self.everyone)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn between_on_and_beyond_the_rungs() {
        let ladder = Ladder::new(vec![3.0, 1.0, 1.0, 5.0]).unwrap();
        let both = |value| (ladder.place(value, Ties::Share), ladder.place(value, Ties::Break));
        assert_eq!(both(0.5), (0.0, -0.5));
        assert_eq!(both(1.0), (0.5, 0.5));
        assert_eq!(both(2.0), (0.5, 0.625));
        assert_eq!(both(3.0), (0.75, 0.75));
        assert_eq!(both(5.0), (1.0, 1.0));
        assert_eq!(both(7.5), (1.0, 3.5));
        assert!(Ladder::new(Vec::new()).is_err());
    }

    #[test]
    fn extremes_are_finite_and_ordered() {
        let ladder = Ladder::new(vec![-1e30, 0.0, 1e30]).unwrap();
        let places: Vec<f64> =
            [-3e38, -2e38, -1e30, -1e29, 1e29, 2e30, 3e30].map(|v| ladder.place(v, Ties::Break)).into();
        assert!(places.iter().all(|p| p.is_finite()));
        assert!(places.is_sorted_by(|a, b| a < b), "{places:?}");
    }

    proptest! {
        #[test]
        fn no_rank_is_lost(
            rungs in prop::collection::vec(-50.0_f32..50.0, 1..60),
            values in prop::collection::vec(-60.0_f32..60.0, 2..40),
        ) {
            let ladder = Ladder::new(rungs.iter().copied().map(f64::from).collect()).unwrap();
            let mut values: Vec<f64> = values.iter().copied().map(f64::from).collect();
            values.sort_by(f64::total_cmp);
            values.dedup();
            for pair in values.windows(2) {
                prop_assert!(ladder.place(pair[0], Ties::Break) < ladder.place(pair[1], Ties::Break));
                prop_assert!(ladder.place(pair[0], Ties::Share) <= ladder.place(pair[1], Ties::Share));
            }
        }
    }
}
