//! What the attacks share that learn from records: a random forest that gives a probability to each candidate value.
//!
//! Each candidate has a forest of regression on whether a record has it (of two candidates the second is what the first leaves), since trees of
//! classification give votes and no shares. What the forests say is cut to lie from 0 to 1, made to sum to 1, and smoothed as if one more record
//! like all the others together had been seen: P = (n p + s) / (n + 1), with n records and shares s, as if each candidate had been seen once more.
//! No probability is 0.

use paname_core::{Case, Ctx, Error, Labels, Result, Whom, map_pieces};
use rand_core::Rng;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use smartcore::ensemble::random_forest_regressor::{RandomForestRegressor, RandomForestRegressorParameters};
use smartcore::linalg::basic::matrix::DenseMatrix;

/// Parameters of a forest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Forest {
    /// Trees for each candidate, from 1 to 10,000.
    pub trees: usize,
    /// Fewest records in a leaf, at least 1.
    pub min_leaf: usize,
    /// Columns that are tried at each split, at least 1; where none are named, the square root of their number.
    pub features: Option<usize>,
    /// Most records that are learned from, at least 1; of more, so many are drawn. Where none is named, `imputation` learns from all that it is given,
    /// which an audit makes as many as the target had, and other attacks from 20,000.
    pub rows: Option<usize>,
}

impl Default for Forest {
    fn default() -> Self {
        Self { trees: 100, min_leaf: 5, features: None, rows: None }
    }
}

/// Trees that are fitted between two looks at whether to stop. Part of what a seed means.
const TREES_AT_A_TIME: usize = 10;
/// Records that are judged between two looks at whether to stop.
const ROWS_AT_A_TIME: usize = 4096;
/// Most records that attacks learn from where none are named, what they learn being theirs alone.
const USUAL_ROWS: usize = 20_000;
/// Fewest records to learn from.
pub(crate) const FEWEST: usize = 20;
/// Most classes that have a column each; of more, the number of the class is one column.
const CLASSES: usize = 64;

/// Numbers about records, row after row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rows {
    pub(crate) values: Vec<f32>,
    pub(crate) width: usize,
    pub(crate) len: usize,
}

impl Rows {
    /// What is known of each record, and its label: a column of 0 and 1 for each class, or its real values.
    pub(crate) fn known(case: &Case<'_>, whom: Whom) -> Result<Self> {
        let known = case.attribute()?.known(whom);
        let cohort = case.cohort(whom);
        let (values, width) = (known.as_slice::<f32>()?, known.shape()[1]);
        let known = Self { values: values.to_vec(), width, len: cohort.len() };
        let labels = match &cohort.labels {
            Labels::Classes { values, classes } if *classes <= CLASSES => {
                let row = |class: u32| (0..*classes).map(move |c| f32::from(c == class as usize));
                Self {
                    values: values.iter().flat_map(|class| row(*class)).collect(),
                    width: *classes,
                    len: values.len(),
                }
            }
            Labels::Classes { values, .. } => Self {
                values: values.iter().map(|class| *class as f32).collect(),
                width: 1,
                len: values.len(),
            },
            Labels::Values(values) => {
                let numbers = values.to_f64()?.into_iter().map(bounded);
                Self {
                    values: numbers.collect(),
                    width: values.len() / values.rows().max(1),
                    len: values.rows(),
                }
            }
            _ => return Ok(known),
        };
        known.beside(&labels)
    }

    /// Both next to each other.
    pub(crate) fn beside(&self, other: &Self) -> Result<Self> {
        if self.len != other.len {
            return Err(Error::mismatch("rows to learn from", self.len, other.len));
        }
        let rows = (0..self.len).flat_map(|r| self.row(r).iter().chain(other.row(r)).copied());
        Ok(Self { values: rows.collect(), width: self.width + other.width, len: self.len })
    }

    /// One row.
    pub(crate) fn row(&self, r: usize) -> &[f32] {
        &self.values[r * self.width..(r + 1) * self.width]
    }

    /// These rows, in this order.
    pub(crate) fn select(&self, rows: &[usize]) -> Self {
        let values = rows.iter().flat_map(|&r| self.row(r)).copied().collect();
        Self { values, width: self.width, len: rows.len() }
    }

    /// These columns of these rows, column after column or row after row.
    fn matrix(
        &self,
        rows: std::ops::Range<usize>,
        columns: &[usize],
        by_column: bool,
    ) -> Result<DenseMatrix<f32>> {
        let len = rows.len();
        let values: Vec<f32> = if by_column {
            columns.iter().flat_map(|c| rows.clone().map(|r| self.row(r)[*c])).collect()
        } else {
            rows.flat_map(|r| columns.iter().map(move |c| self.row(r)[*c])).collect()
        };
        DenseMatrix::new(len, columns.len(), values, by_column).map_err(|error| failed("rows", &error))
    }
}

fn failed(what: &str, error: &smartcore::error::Failed) -> Error {
    Error::caused(format!("{what} of a forest"), error)
}

/// A number that a tree can split at, whatever it was.
pub(crate) fn bounded(value: f64) -> f32 {
    if value.is_nan() { -1e30 } else { value.clamp(-1e30, 1e30) as f32 }
}

type Trees = RandomForestRegressor<f32, f64, DenseMatrix<f32>, Vec<f64>>;

/// What was learned.
pub(crate) struct Learned {
    /// The columns that are not constant.
    columns: Vec<usize>,
    /// Of each candidate that has a forest, the trees, a few at a time, and how many.
    forests: Vec<Vec<(Trees, usize)>>,
    /// What is known of a record that nothing is known of: the shares of the candidates, each seen once more.
    shares: Vec<f64>,
    /// Records learned from.
    len: usize,
}

impl Forest {
    /// Fails where a parameter cannot be.
    pub(crate) fn check(&self) -> Result<()> {
        for (key, value, most) in [
            ("trees", self.trees, 10_000),
            ("min-leaf", self.min_leaf, usize::MAX),
            ("features", self.features.unwrap_or(1), usize::MAX),
            ("rows", self.rows.unwrap_or(1), usize::MAX),
        ] {
            if value == 0 || value > most {
                let most = if most == usize::MAX { String::new() } else { format!(" and at most {most}") };
                return Err(Error::Config(format!("`{key}` must be at least 1{most}, got {value}")));
            }
        }
        Ok(())
    }

    /// The same with the usual number of rows where none is named.
    pub(crate) fn usual(self) -> Self {
        Self { rows: self.rows.or(Some(USUAL_ROWS)), ..self }
    }

    /// Learns which candidate a row has.
    pub(crate) fn learn(
        &self,
        rows: &Rows,
        values: &[u32],
        candidates: usize,
        ctx: &Ctx<'_>,
    ) -> Result<Learned> {
        if rows.len != values.len() {
            return Err(Error::mismatch("values to learn", rows.len, values.len()));
        }
        let drawn = self.drawn(rows.len, ctx);
        let rows = rows.select(&drawn);
        let values: Vec<u32> = drawn.iter().map(|&r| values[r]).collect();
        let mut shares = vec![1.0; candidates];
        for value in &values {
            shares[*value as usize] += 1.0;
        }
        let total: f64 = shares.iter().sum();
        for share in &mut shares {
            *share /= total;
        }
        let varies = |c: &usize| (1..rows.len).any(|r| rows.row(r)[*c] != rows.row(0)[*c]);
        let columns: Vec<usize> = (0..rows.width).filter(varies).collect();
        let mut learned = Learned { columns, forests: Vec::new(), shares, len: rows.len };
        if learned.columns.is_empty() {
            return Ok(learned);
        }
        let matrix = rows.matrix(0..rows.len, &learned.columns, true)?;
        let forests = if candidates == 2 { 1 } else { candidates };
        let parts = self.trees.div_ceil(TREES_AT_A_TIME);
        let tried =
            self.features.unwrap_or_else(|| learned.columns.len().isqrt()).clamp(1, learned.columns.len());
        let fitted = map_pieces(forests * parts, ctx.threads(), |piece, (): &mut ()| {
            ctx.tick(piece, forests * parts)?;
            let (candidate, part) = (piece / parts, piece % parts);
            let trees = TREES_AT_A_TIME.min(self.trees - part * TREES_AT_A_TIME);
            let has: Vec<f64> = values.iter().map(|value| f64::from(*value as usize == candidate)).collect();
            let parameters = RandomForestRegressorParameters::default()
                .with_n_trees(trees)
                .with_min_samples_leaf(self.min_leaf)
                .with_min_samples_split(2 * self.min_leaf)
                .with_m(tried)
                .with_seed(ctx.seed(&format!("trees {part} of candidate {candidate}")));
            let forest = Trees::fit(&matrix, &has, parameters).map_err(|error| failed("fit", &error))?;
            Ok((forest, trees))
        })?;
        let mut fitted = fitted.into_iter();
        learned.forests = (0..forests).map(|_| fitted.by_ref().take(parts).collect()).collect();
        Ok(learned)
    }

    /// The rows that are learned from, in rising order.
    fn drawn(&self, rows: usize, ctx: &Ctx<'_>) -> Vec<usize> {
        let mut all: Vec<usize> = (0..rows).collect();
        if let Some(most) = self.rows.filter(|most| rows > *most) {
            let mut rng = ctx.rng("rows to learn from");
            for place in 0..most {
                let left = (rows - place) as u128;
                all.swap(place, place + ((u128::from(rng.next_u64()) * left) >> 64) as usize);
            }
            all.truncate(most);
            all.sort_unstable();
        }
        all
    }
}

impl Learned {
    /// Records that were learned from.
    pub(crate) fn len(&self) -> usize {
        self.len
    }

    /// The probability of each candidate for each row `[rows][candidates]`.
    pub(crate) fn probabilities(&self, rows: &Rows, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
        let candidates = self.shares.len();
        let parts = map_pieces(rows.len.div_ceil(ROWS_AT_A_TIME), ctx.threads(), |piece, (): &mut ()| {
            let range = piece * ROWS_AT_A_TIME..rows.len.min((piece + 1) * ROWS_AT_A_TIME);
            ctx.tick(range.start, rows.len)?;
            let len = range.len();
            if self.forests.is_empty() {
                return Ok(self.shares.repeat(len));
            }
            let matrix = rows.matrix(range, &self.columns, false)?;
            let mut said = Vec::with_capacity(self.forests.len());
            for forest in &self.forests {
                let mut sums = vec![0.0; len];
                let mut trees = 0;
                for (part, count) in forest {
                    let means = part.predict(&matrix).map_err(|error| failed("answers", &error))?;
                    sums.iter_mut().zip(means).for_each(|(sum, mean)| *sum += mean * *count as f64);
                    trees += count;
                }
                said.push(sums.into_iter().map(|sum| sum / trees as f64).collect::<Vec<f64>>());
            }
            let mut probabilities = Vec::with_capacity(len * candidates);
            for r in 0..len {
                let mut row: Vec<f64> = said.iter().map(|p| p[r].clamp(0.0, 1.0)).collect();
                if candidates == 2 {
                    row.push(1.0 - row[0]);
                }
                let total: f64 = row.iter().sum();
                let smoothed = row.iter().zip(&self.shares).map(|(p, share)| {
                    let p = if total > 0.0 { p / total } else { *share };
                    (self.len as f64 * p + share) / (self.len as f64 + 1.0)
                });
                probabilities.extend(smoothed);
            }
            Ok(probabilities)
        })?;
        ctx.tick(rows.len, rows.len)?;
        Ok(parts.concat())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(n: usize) -> (Rows, Vec<u32>) {
        // The second column is constant; the first one tells the value but for every tenth row.
        let value = |r: usize| ((r / 3) % 2) as u32;
        let told = |r: usize| if r.is_multiple_of(10) { 1 - value(r) } else { value(r) };
        let values = (0..n).flat_map(|r| [told(r) as f32, 7.0, (r % 7) as f32]).collect();
        (Rows { values, width: 3, len: n }, (0..n).map(value).collect())
    }

    #[test]
    fn probabilities_are_shares() {
        let (rows, values) = rows(600);
        let ctx = Ctx::new(1, "test", 1, &());
        let learned = Forest::default().learn(&rows, &values, 2, &ctx).unwrap();
        assert_eq!(learned.columns, [0, 2]);
        let all = learned.probabilities(&rows, &ctx).unwrap();
        for (p, row) in all.chunks_exact(2).zip(rows.values.chunks_exact(3)) {
            assert!((p[0] + p[1] - 1.0).abs() < 1e-12 && p[0] > 0.0 && p[1] > 0.0);
            assert!((p[1] - if row[0] == 1.0 { 0.9 } else { 0.1 }).abs() < 0.15, "{p:?} {row:?}");
        }
        // A third candidate that nobody has keeps a chance.
        let three = Forest::default().learn(&rows, &values, 3, &ctx).unwrap();
        let three = three.probabilities(&rows, &ctx).unwrap();
        assert!(three.chunks_exact(3).all(|p| p[2] > 0.0 && p[2] < 1e-5));
    }

    #[test]
    fn threads_do_not_matter_and_seeds_do() {
        let (rows, values) = rows(300);
        let run = |seed, threads, forest: &Forest| {
            let ctx = Ctx::new(seed, "test", threads, &());
            forest.learn(&rows, &values, 3, &ctx).unwrap().probabilities(&rows, &ctx).unwrap()
        };
        let forest = Forest { trees: 25, ..Forest::default() };
        assert_eq!(run(1, 1, &forest), run(1, 3, &forest));
        assert_ne!(run(1, 1, &forest), run(2, 1, &forest));
        let drawn = |forest: &Forest, rows| forest.drawn(rows, &Ctx::new(1, "test", 1, &())).len();
        assert_eq!((drawn(&forest, 30_000), drawn(&forest.clone().usual(), 30_000)), (30_000, 20_000));
        let few = Forest { rows: Some(50), ..forest };
        assert_eq!((drawn(&few, 300), drawn(&few.clone().usual(), 300)), (50, 50));
        assert_eq!(run(1, 1, &few), run(1, 2, &few));
    }

    #[test]
    fn without_columns_shares_are_what_there_is() {
        let ctx = Ctx::new(1, "test", 1, &());
        let none = Rows { values: Vec::new(), width: 0, len: 4 };
        let learned = Forest::default().learn(&none, &[0, 0, 0, 1], 2, &ctx).unwrap();
        let p = learned.probabilities(&Rows { len: 2, ..none.clone() }, &ctx).unwrap();
        let expected = [4.0 / 6.0, 2.0 / 6.0, 4.0 / 6.0, 2.0 / 6.0];
        assert!(p.iter().zip(expected).all(|(p, e)| (p - e).abs() < 1e-12));
        let nobody = Forest::default().learn(&Rows::default(), &[], 2, &ctx).unwrap();
        assert_eq!(nobody.probabilities(&Rows { len: 1, ..none }, &ctx).unwrap(), [0.5, 0.5]);
    }

    #[test]
    fn parameters_are_checked() {
        let usual = Forest::default;
        for (forest, key) in [
            (Forest { trees: 0, ..usual() }, "trees"),
            (Forest { trees: 10_001, ..usual() }, "trees"),
            (Forest { min_leaf: 0, ..usual() }, "min-leaf"),
            (Forest { features: Some(0), ..usual() }, "features"),
            (Forest { rows: Some(0), ..usual() }, "rows"),
        ] {
            assert!(forest.check().unwrap_err().to_string().contains(key));
        }
    }
}
