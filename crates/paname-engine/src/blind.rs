//! The blind control: a classifier that sees what is known of records without any model, and is told who is a member of the others. Where it does
//! better than chance, members and non-members differ by themselves.

use std::collections::HashMap;

use paname_core::{Column, Ctx, Features, Labels, Result, Task};
use paname_stats::blind::{CrossFit, MOST_FEATURES};
use paname_stats::permutation::Permutations;
use rand_core::Rng;
use serde::{Deserialize, Serialize};

use crate::EngineError;
use crate::features;
use crate::inputs::{Inputs, write_npy};
use crate::judge::Truth;
use crate::manifest::Manifest;
use crate::store::Draft;

/// Folds of the classifier: each record is scored by one that learned from four fifths of the others.
const FOLDS: usize = 5;
/// Most numbers of a record that are taken as they are; more are mixed into so many sums with random signs.
const MOST_NUMBERS: usize = 64;
/// Most classes that are told apart.
const MOST_CLASSES: usize = 64;
/// Numbers that a text is spread over.
const TEXT_BINS: u64 = 16;

/// Permutations of who is a member: p-values resolve 0.001.
const PERMUTATIONS: u32 = 999;

/// Name of the file with what was found besides scores.
pub(crate) const FOUND: &str = "found.json";

/// What the classifier saw and found.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub(crate) struct Found {
    /// Numbers per record.
    pub(crate) features: u64,
    /// p-value of "members and non-members do not differ".
    pub(crate) p: f64,
}

/// What is known of records without a model, as numbers `[records][width]`.
struct Known {
    width: usize,
    values: Vec<f64>,
}

/// Whether anything is known of records besides their scores.
pub(crate) fn is_possible(manifest: &Manifest, inputs: &Inputs) -> bool {
    inputs.classes.is_some()
        || matches!(inputs.task, Task::Regression | Task::MultiLabel)
        || features::config(manifest, None).is_some()
}

/// Scores every audited record without the model.
pub(crate) fn run(
    features: &Features,
    labels: &Labels,
    truth: &Truth,
    ctx: &Ctx<'_>,
    draft: &Draft,
) -> Result<(), EngineError> {
    ctx.tick(0, 1)?;
    let known = known(features, labels, truth.member.len(), ctx)?;
    let mut persons: HashMap<&str, u32> = HashMap::new();
    let groups: Vec<u32> = match &truth.person {
        None => (0..truth.member.len() as u32).collect(),
        Some(all) => all
            .iter()
            .map(|person| {
                let next = persons.len() as u32;
                *persons.entry(person).or_insert(next)
            })
            .collect(),
    };
    let mut rng = ctx.rng("folds");
    let fit = CrossFit::new(&known.values, known.width, &groups, FOLDS, rng.next_u64())
        .map_err(EngineError::other)?;
    let scores = fit.scores(&truth.member).map_err(EngineError::other)?;
    write_npy(draft, "scores.npy", &[scores.len()], &scores)?;
    let plan = Permutations { count: PERMUTATIONS, seed: rng.next_u64() };
    ctx.tick(0, 1)?;
    let p = fit.p_value(&truth.member, plan).map_err(EngineError::other)?;
    draft.json(FOUND, &Found { features: known.width as u64, p })?;
    ctx.tick(1, 1)?;
    Ok(())
}

/// Puts together what is known: the class or the true values, the inputs, their mean within each class, and the squares of few numbers, since a shift
/// may be one of spread.
fn known(features: &Features, labels: &Labels, records: usize, ctx: &Ctx<'_>) -> Result<Known, EngineError> {
    let mut columns: Vec<Vec<f64>> = Vec::new();
    if let Labels::Classes { values, classes } = labels {
        for class in 0..(*classes).min(MOST_CLASSES) as u32 {
            columns
                .push(values[..records].iter().map(|&value| f64::from(u8::from(value == class))).collect());
        }
    }
    let mut numbers: Vec<Vec<f64>> = Vec::new();
    if let Labels::Values(values) = labels {
        let width = values.len() / values.rows().max(1);
        let all = values.to_f64()?;
        let column = |j: usize| all.iter().skip(j).step_by(width.max(1)).take(records).copied().collect();
        numbers.extend((0..width.min(MOST_CLASSES)).map(column));
    }
    match features {
        Features::Tensor(tensor) => {
            let audited = tensor.slice(0..records)?;
            let width = audited.len() / records.max(1);
            let values = audited.to_f32()?;
            if width <= MOST_NUMBERS {
                let column = |j: usize| values.iter().skip(j).step_by(width).map(|&x| f64::from(x)).collect();
                numbers.extend((0..width).map(column));
            } else {
                numbers.extend(mixed(&values, width, ctx));
            }
        }
        Features::Table(table) => {
            for column in table.columns().iter().take(MOST_NUMBERS) {
                numbers.extend(numbers_of(column, records));
            }
        }
        _ => {}
    }
    if !numbers.is_empty() {
        // A shift within a class is none of the whole.
        let mean = |record: usize| {
            let finite = numbers.iter().map(|column| column[record]).filter(|x| x.is_finite());
            finite.map(|x| x.clamp(-1e100, 1e100)).sum::<f64>() / numbers.len() as f64
        };
        let means: Vec<f64> = (0..records).map(mean).collect();
        let within: Vec<Vec<f64>> = columns
            .iter()
            .map(|class| class.iter().zip(&means).map(|(one, mean)| one * mean).collect())
            .collect();
        columns.extend(within);
    }
    let squares = numbers.len() <= MOST_NUMBERS + MOST_CLASSES;
    for column in numbers {
        let finite: Vec<f64> =
            column.into_iter().map(|x| if x.is_finite() { x.clamp(-1e100, 1e100) } else { 0.0 }).collect();
        if squares {
            columns.push(finite.iter().map(|x| x * x).collect());
        }
        columns.push(finite);
    }
    columns.truncate(MOST_FEATURES);
    let width = columns.len();
    let values = (0..records).flat_map(|record| columns.iter().map(move |column| column[record])).collect();
    Ok(Known { width, values })
}

/// Sums with random signs, which keep distances about as they are (Achlioptas 2003).
fn mixed(values: &[f32], width: usize, ctx: &Ctx<'_>) -> Vec<Vec<f64>> {
    let mut rng = ctx.rng("signs");
    let signs: Vec<u64> = (0..width).map(|_| rng.next_u64()).collect();
    let mut columns = vec![Vec::new(); MOST_NUMBERS];
    for row in values.chunks_exact(width) {
        let mut sums = [0.0; MOST_NUMBERS];
        for (&x, signs) in row.iter().zip(&signs) {
            for (bit, sum) in sums.iter_mut().enumerate() {
                *sum += if signs >> bit & 1 == 1 { f64::from(x) } else { -f64::from(x) };
            }
        }
        columns.iter_mut().zip(sums).for_each(|(column, sum)| column.push(sum));
    }
    columns
}

/// A column as numbers: missing values are 0 and told by a column of their own; texts are spread over bins by a digest.
fn numbers_of(column: &Column, records: usize) -> Vec<Vec<f64>> {
    let rows = 0..records;
    let number = |row: usize| {
        let whole = || column.integer(row).map(|value| value as f64);
        let truth = || column.boolean(row).map(|value| f64::from(u8::from(value)));
        column.number(row).or_else(whole).or_else(truth)
    };
    let mut columns = Vec::new();
    if rows.clone().any(|row| column.text(row).is_some()) {
        let bin = |row: usize| {
            let digest = blake3::hash(column.text(row).unwrap_or_default().as_bytes());
            u64::from(digest.as_bytes()[0]) % TEXT_BINS
        };
        for wanted in 0..TEXT_BINS {
            columns.push(rows.clone().map(|row| f64::from(u8::from(bin(row) == wanted))).collect());
        }
        return columns;
    }
    columns.push(rows.clone().map(|row| number(row).unwrap_or(0.0)).collect());
    if rows.clone().any(|row| number(row).is_none()) {
        columns.push(rows.map(|row| f64::from(u8::from(number(row).is_none()))).collect());
    }
    columns
}
