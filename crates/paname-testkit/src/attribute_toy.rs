//! Whole audits of an attribute, made from a seed.

use std::sync::Arc;

use paname_core::{
    Access, Attribute, Augmentation, Case, Error, Input, Membership, Outputs, Query, Result, Scale,
    SignalSource, Target, TargetCard, Tensor, Whom,
};
use rand_core::SeedableRng;
use rand_pcg::Pcg64;

use crate::toy::{Draws, log_sum_exp, softmax};
use crate::{Behaviour, LogitTable, TableCase};

/// How large a toy of an attribute is.
#[derive(Debug, Clone, Copy)]
pub struct AttributeSize {
    /// Audited records, half of them members (rounded down).
    pub records: usize,
    /// Population records, members of no model.
    pub population: usize,
    /// Reference models in complementary pairs: each record is a member of one of the two.
    pub references: usize,
    /// Classes, at least 2.
    pub classes: usize,
    /// Values of the attribute that come into question, at least 2.
    pub candidates: usize,
}

impl Default for AttributeSize {
    fn default() -> Self {
        Self { records: 4000, population: 300, references: 8, classes: 5, candidates: 2 }
    }
}

/// A toy audit of an attribute: a value for each record, which what is known of it tells in part, and a label that depends on both. Its models answer about
/// records with each value, with a bias towards the label that goes with the value; one that leaks or memorises adds 2 or 30 to the logit of the label of its
/// members, but to no other record and with no other value than their true one.
pub struct AttributeToy {
    /// The case without its attribute. Who is a member, and of which model, may be edited.
    pub table: TableCase<LogitTable>,
    /// What may be known of the attribute. Imputed is the exact probability of each value, as the toy draws it.
    pub attribute: Attribute,
    /// The true value of each audited record.
    pub values: Vec<u32>,
}

/// Numbers that are known of a record besides attribute and label.
const KNOWN: usize = 3;
/// The layer before the last one of a toy's models, and the last one.
const LAYERS: [&str; 2] = ["neurons", "scores"];
/// Neurons of the former. The first one follows the value, the others do not.
const NEURONS: usize = 4;
/// How much a label that goes with the value exceeds the others, in the truth and in the models.
const PULL: f64 = 1.0;
/// How much the true label exceeds the others in the models, with another value than the true one and with that one: of everybody's, so that whoever
/// looks at confidences learns something without any leak.
const EASE: [f64; 2] = [0.5, 1.3];

/// One group of records as a model sees them.
#[derive(Default)]
struct Group {
    known: Vec<f32>,
    values: Vec<u32>,
    classes: Vec<u32>,
    imputed: Vec<f64>,
    /// `[records][models][candidates][classes]`.
    logits: Vec<f32>,
    /// `[records][models][candidates][NEURONS]`.
    neurons: Vec<f32>,
}

impl Group {
    fn new(
        records: usize,
        size: &AttributeSize,
        draws: &mut Draws,
        gain: impl Fn(usize, usize) -> f64,
    ) -> Self {
        let mut group = Self::default();
        let goes_with = |value: usize, class: usize| class % size.candidates == value;
        for r in 0..records {
            let known: [f64; KNOWN] = std::array::from_fn(|_| draws.normal());
            // What is known pulls towards a value each, the label towards those that it goes with.
            let of_value: Vec<f64> =
                (0..size.candidates).map(|v| if v < KNOWN { known[v] } else { 0.0 }).collect();
            let value = draw(&of_value, draws);
            let of_class = |v: usize| -> Vec<f64> {
                (0..size.classes).map(|c| if goes_with(v, c) { PULL } else { 0.0 }).collect()
            };
            let class = draw(&of_class(value), draws);
            let joint: Vec<f64> = (0..size.candidates)
                .map(|v| {
                    let classes = of_class(v);
                    of_value[v] + classes[class] - log_sum(&classes)
                })
                .collect();
            let total = log_sum(&joint);
            group.imputed.extend(joint.iter().map(|z| (z - total).exp()));
            for m in 0..=size.references {
                for (v, pull) in of_value.iter().enumerate() {
                    let gain = if v == value { gain(r, m) } else { 0.0 };
                    for c in 0..size.classes {
                        let own = if goes_with(v, c) { PULL } else { 0.0 };
                        let learned = if c == class { EASE[usize::from(v == value)] + gain } else { 0.0 };
                        group.logits.push((own + learned + draws.normal()) as f32);
                    }
                    for n in 0..NEURONS {
                        let follows = if n == 0 { pull + gain } else { 0.0 };
                        group.neurons.push((follows + draws.normal()) as f32);
                    }
                }
            }
            group.known.extend(known.iter().map(|x| *x as f32));
            group.values.push(value as u32);
            group.classes.push(class as u32);
        }
        group
    }

    fn known(&self) -> Tensor {
        tensor(self.known.clone(), KNOWN)
    }
}

/// Rows of so many numbers.
fn tensor<T: paname_core::Element>(values: Vec<T>, width: usize) -> Tensor {
    let rows = values.len() / width;
    match Tensor::from_vec(values, &[rows, width]) {
        Ok(tensor) => tensor,
        Err(error) => panic!("rows of {width} numbers: {error}"),
    }
}

fn log_sum(z: &[f64]) -> f64 {
    z.iter().map(|z| z.exp()).sum::<f64>().ln()
}

/// A number by its log-odds.
fn draw(z: &[f64], draws: &mut Draws) -> usize {
    let mut left = draws.uniform() * z.iter().map(|z| z.exp()).sum::<f64>();
    let drawn = z.iter().position(|z| {
        left -= z.exp();
        left <= 0.0
    });
    drawn.unwrap_or(z.len() - 1)
}

impl AttributeToy {
    /// The toy of a seed.
    ///
    /// # Panics
    /// Where its tables do not go together, which would be a mistake of this crate.
    pub fn new(behaviour: Behaviour, size: AttributeSize, seed: u64) -> Self {
        let mut draws = Draws(Pcg64::seed_from_u64(seed));
        let gain = match behaviour {
            Behaviour::Null => 0.0,
            Behaviour::Leaky => 2.0,
            Behaviour::Memorising => 30.0,
        };
        let shape = crate::Size {
            records: size.records,
            population: size.population,
            references: size.references,
            classes: size.classes,
            augmentations: size.candidates,
        };
        let members = draws.members(&shape);
        let audited =
            Group::new(size.records, &size, &mut draws, |r, m| if members[m][r] { gain } else { 0.0 });
        let population = Group::new(size.population, &size, &mut draws, |_, _| 0.0);
        let numbers = draws.permutation(size.records + size.population);
        let models = 1 + size.references;
        let attribute = Attribute {
            name: "secret".into(),
            scale: Scale::Nominal,
            candidates: (0..size.candidates).map(|v| format!("value {v}")).collect(),
            population: population.values.clone().into(),
            audited_known: audited.known(),
            population_known: population.known(),
            imputed: Some(tensor(audited.imputed.clone(), size.candidates)),
        };
        let logits = LogitTable {
            models,
            augmentations: size.candidates,
            classes: size.classes,
            audited: (audited.logits.clone(), audited.classes.clone()),
            population: (population.logits.clone(), population.classes.clone()),
        };
        let membership = match Membership::from_models(&members[1..], size.records) {
            Ok(membership) => membership,
            Err(error) => panic!("members of the models: {error}"),
        };
        let mut table = TableCase::over(
            logits.clone(),
            audited.classes.clone(),
            population.classes.clone(),
            size.classes,
            membership,
            members[0].clone(),
        );
        let (first, second) = numbers.split_at(size.records);
        (table.audited.ids, table.population.ids) = (first.into(), second.into());
        let mut places = vec![(Whom::Audited, 0); numbers.len()];
        first.iter().enumerate().for_each(|(row, number)| places[*number as usize] = (Whom::Audited, row));
        second
            .iter()
            .enumerate()
            .for_each(|(row, number)| places[*number as usize] = (Whom::Population, row));
        let values = audited.values.clone();
        let shared =
            Arc::new(Answers { logits, places, audited: audited.neurons, population: population.neurons });
        let access = Access::LOGITS | Access::ACTIVATIONS;
        table.granted = access;
        table.targets = (0..models)
            .map(|model| {
                let card = TargetCard {
                    name: format!("toy {model}"),
                    fingerprint: format!("attribute-{behaviour:?}-{size:?}-{seed}-{model}"),
                    classes: Some(size.classes),
                    layers: LAYERS.map(str::to_owned).to_vec(),
                    access: access.names().map(str::to_owned).collect(),
                    recorded: true,
                    augmentations: size.candidates as u32,
                    ..TargetCard::default()
                };
                Box::new(Answering { card, model, answers: Arc::clone(&shared) }) as Box<dyn Target>
            })
            .collect();
        Self { table, attribute, values }
    }

    /// The case, without the truth.
    pub fn case(&self) -> Result<Case<'_>> {
        self.case_over(&self.table.signals)
    }

    /// The case with its signals read through another source.
    pub fn case_over<'a>(&'a self, signals: &'a dyn SignalSource) -> Result<Case<'a>> {
        self.table.case_over(signals)?.with_attribute(self.attribute.clone())
    }

    /// Who is a member of the target, record by record.
    pub fn truth(&self) -> &[bool] {
        self.table.truth()
    }

    /// Of scores `[audited][candidates]`, whether the guess is right, record by record: the first of the highest.
    pub fn right(&self, scores: &[f64]) -> Vec<bool> {
        let candidates = self.attribute.candidates.len();
        let guess = |row: &[f64]| (1..row.len()).fold(0, |best, v| if row[v] > row[best] { v } else { best });
        let guesses = scores.chunks_exact(candidates).map(guess);
        guesses.zip(&self.values).map(|(guess, value)| guess == *value as usize).collect()
    }

    /// How much more the scores are right than imputation for `members` than for the others: the difference in differences of accuracies, in standard
    /// deviations of what chance makes of it when membership is shuffled. Without any spread 0.
    ///
    /// # Panics
    /// Where the toy has no imputed probabilities.
    pub fn advantage(&self, scores: &[f64], members: &[bool]) -> f64 {
        let imputed = match self.attribute.imputed() {
            Ok(imputed) => self.right(imputed),
            Err(error) => panic!("{error}"),
        };
        let gained: Vec<f64> = self
            .right(scores)
            .iter()
            .zip(imputed)
            .map(|(this, that)| f64::from(*this) - f64::from(that))
            .collect();
        let (count, inside) = (gained.len() as f64, members.iter().filter(|member| **member).count() as f64);
        let mean = gained.iter().sum::<f64>() / count;
        let variance = gained.iter().map(|gain| (gain - mean).powi(2)).sum::<f64>() / (count - 1.0);
        let sum: f64 = gained.iter().zip(members).filter(|(_, member)| **member).map(|(gain, _)| gain).sum();
        // Of a sample drawn without putting back.
        let deviation = (variance * inside * (count - inside) / count).sqrt();
        if deviation > 0.0 { (sum - inside * mean) / deviation } else { 0.0 }
    }

    /// The same audit with its audited records in another order: record `i` is what record `order[i]` was.
    ///
    /// # Panics
    /// Where the order names a record that is not there.
    #[must_use]
    pub fn reordered(self, order: &[u32]) -> Self {
        let gather = |tensor: &Tensor| match tensor.gather(order) {
            Ok(tensor) => tensor,
            Err(error) => panic!("another order: {error}"),
        };
        let attribute = Attribute {
            audited_known: gather(&self.attribute.audited_known),
            imputed: self.attribute.imputed.as_ref().map(gather),
            ..self.attribute
        };
        let values = order.iter().map(|r| self.values[*r as usize]).collect();
        Self { table: self.table.reordered(order), attribute, values }
    }
}

/// What every model answers.
struct Answers {
    logits: LogitTable,
    /// Group and row of each record number.
    places: Vec<(Whom, usize)>,
    audited: Vec<f32>,
    population: Vec<f32>,
}

/// A model of a toy.
struct Answering {
    card: TargetCard,
    model: usize,
    answers: Arc<Answers>,
}

impl Target for Answering {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let refused = query.want - self.card.offers();
        if !refused.is_empty() {
            return Err(Error::Denied(refused));
        }
        let Input::Records(ids, Augmentation(variant)) = &query.input else {
            return Err(Error::Unsupported("a recorded target answers about records only".into()));
        };
        let table = &self.answers.logits;
        let (rows, width, variant) = (ids.len(), table.classes, *variant as usize);
        let (mut logits, mut neurons, mut classes) = (Vec::new(), Vec::new(), Vec::new());
        for &id in ids.iter() {
            let unknown = || Error::mismatch("record", "one of the roster, in a variant that is there", id);
            let &(whom, row) = self.answers.places.get(id as usize).ok_or_else(unknown)?;
            logits.extend_from_slice(table.answer(whom, row, self.model, variant).ok_or_else(unknown)?);
            let all = match whom {
                Whom::Audited => &self.answers.audited,
                Whom::Population => &self.answers.population,
            };
            let at = (row * table.models + self.model) * table.augmentations + variant;
            neurons.extend_from_slice(all.get(at * NEURONS..(at + 1) * NEURONS).ok_or_else(unknown)?);
            classes.push(table.group(whom).1[row] as usize);
        }
        let want = |access| query.want.contains(access);
        let mut outputs = Outputs::default();
        if want(Access::LABELS) {
            let best = logits
                .chunks_exact(width)
                .map(|z| (1..width).fold(0, |best, c| if z[c] > z[best] { c } else { best }) as i64);
            outputs.labels = Some(Tensor::from_vec(best.collect(), &[rows])?);
        }
        if want(Access::LOSS) {
            let losses = logits.chunks_exact(width).zip(classes).map(|(z, class)| log_sum_exp(z) - z[class]);
            outputs.loss = Some(Tensor::from_vec(losses.collect(), &[rows])?);
        }
        if want(Access::PROBABILITIES) {
            outputs.probabilities = Some(Tensor::from_vec(softmax(&logits, width), &[rows, width])?);
        }
        if want(Access::ACTIVATIONS) {
            for layer in &query.layers {
                let (values, width) = match LAYERS.iter().position(|name| name == layer) {
                    Some(0) => (neurons.clone(), NEURONS),
                    Some(_) => (logits.clone(), width),
                    None => return Err(Error::mismatch("layer", LAYERS.join(" or "), layer)),
                };
                outputs.activations.push((layer.clone(), Tensor::from_vec(values, &[rows, width])?));
            }
        }
        if want(Access::LOGITS) {
            outputs.logits = Some(Tensor::from_vec(logits, &[rows, width])?);
        }
        Ok(outputs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Accuracy of the exact imputation.
    fn accuracy(toy: &AttributeToy) -> f64 {
        let right = toy.right(toy.attribute.imputed().unwrap());
        right.iter().filter(|right| **right).count() as f64 / right.len() as f64
    }

    #[test]
    fn imputation_tells_in_part() {
        for (candidates, chance) in [(2, 0.5), (3, 0.4)] {
            let toy = AttributeToy::new(
                Behaviour::Null,
                AttributeSize { candidates, ..AttributeSize::default() },
                1,
            );
            let accuracy = accuracy(&toy);
            assert!(accuracy > chance + 0.1 && accuracy < 0.95, "{accuracy}");
            let imputed = toy.attribute.imputed().unwrap();
            assert!(imputed.chunks_exact(candidates).all(|p| (p.iter().sum::<f64>() - 1.0).abs() < 1e-9));
            assert_eq!(toy.advantage(imputed, toy.truth()), 0.0);
        }
    }

    #[test]
    fn whoever_knows_the_members_values_is_found_out() {
        let toy = AttributeToy::new(Behaviour::Null, AttributeSize::default(), 2);
        let mut scores = toy.attribute.imputed().unwrap().to_vec();
        for (r, value) in toy.values.iter().enumerate().filter(|(r, _)| toy.truth()[*r]) {
            scores[2 * r + *value as usize] += 1.0;
        }
        assert!(toy.advantage(&scores, toy.truth()) > 5.0);
        let others: Vec<bool> = toy.truth().iter().map(|member| !member).collect();
        assert!(toy.advantage(&scores, &others) < -5.0);
    }

    #[test]
    fn reordering_moves_all_of_a_record() {
        let toy = || {
            AttributeToy::new(Behaviour::Leaky, AttributeSize { records: 5, ..AttributeSize::default() }, 1)
        };
        let (before, after) = (toy(), toy().reordered(&[3, 1, 4, 0, 2]));
        assert_eq!(after.values[0], before.values[3]);
        assert_eq!(after.table.audited.ids[2], before.table.audited.ids[4]);
        let row = |toy: &AttributeToy, r: usize| toy.attribute.imputed().unwrap()[2 * r..2 * r + 2].to_vec();
        assert_eq!(row(&after, 0), row(&before, 3));
        assert!(after.case().is_ok());
    }
}
