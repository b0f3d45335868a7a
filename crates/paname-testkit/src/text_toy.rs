//! The same toy of texts: each class has words of its own, and the likelier it is, the more of them a text has.

use paname_core::{Access, Error, Indices, Input, Outputs, Query, Result, Target, TargetCard, Tensor};
use rand_core::{Rng as _, SeedableRng as _};
use rand_pcg::Pcg64;

use crate::Behaviour;
use crate::inversion_toy::{CLASSES, InversionToy, POPULATION, best, softmax};

const LENGTH: usize = 6;
/// Token 0 stands for nothing; then come so many words of each class, and some of none.
const WORDS: usize = 8;
const VOCABULARY: usize = 1 + CLASSES * WORDS + 12;

/// The class that a token is a word of.
fn class_of(token: usize) -> Option<usize> {
    let class = token.checked_sub(1)? / WORDS;
    (class < CLASSES).then_some(class)
}

/// The class of which a text has most words, the first of equal ones.
fn likest(text: &[f32]) -> usize {
    let mut counts = [0.0; CLASSES];
    text.iter().filter_map(|token| class_of(*token as usize)).for_each(|class| counts[class] += 1.0);
    best(&counts)
}

struct Bag {
    card: TargetCard,
    knows: bool,
    texts: Vec<f32>,
}

impl Target for Bag {
    fn card(&self) -> &TargetCard {
        &self.card
    }

    fn predict(&self, query: &Query) -> Result<Outputs> {
        let rows = match &query.input {
            Input::Tokens(rows) | Input::Tensor(rows) if rows.shape()[1..] == [LENGTH] => rows,
            _ => return Err(Error::mismatch("inputs", format!("tokens [records, {LENGTH}]"), "others")),
        };
        let offered = self.card.offers();
        if !offered.contains(query.want) {
            return Err(Error::Denied(query.want - offered));
        }
        let (values, count) = (rows.to_f32()?, rows.rows());
        let logits: Vec<Vec<f32>> = values
            .chunks_exact(LENGTH)
            .map(|text| {
                let mut logits = vec![0.0; CLASSES];
                let words = text.iter().filter_map(|token| class_of(*token as usize)).filter(|_| self.knows);
                words.for_each(|class| logits[class] += 1.0);
                logits
            })
            .collect();
        let mut answers = Outputs::default();
        if query.want.contains(Access::LABELS) {
            let named: Vec<i64> = logits.iter().map(|row| best(row) as i64).collect();
            answers.labels = Some(Tensor::from_vec(named, &[count])?);
        }
        if query.want.contains(Access::PROBABILITIES) {
            let flat: Vec<f32> = logits.iter().flat_map(|row| softmax(row)).collect();
            answers.probabilities = Some(Tensor::from_vec(flat, &[count, CLASSES])?);
        }
        if query.want.contains(Access::LOGITS) {
            answers.logits =
                Some(Tensor::from_vec(logits.into_iter().flatten().collect(), &[count, CLASSES])?);
        }
        Ok(answers)
    }

    fn input(&self, records: &Indices) -> Result<Tensor> {
        let mut values = Vec::with_capacity(records.len() * LENGTH);
        for &record in records.iter() {
            let text = self.texts.get(record as usize * LENGTH..(record as usize + 1) * LENGTH);
            values.extend_from_slice(
                text.ok_or_else(|| Error::mismatch("record", "one that is known", record))?,
            );
        }
        Tensor::from_vec(values, &[records.len(), LENGTH])
    }
}

impl InversionToy {
    /// A model of texts in the place of one of images, for attacks on tokens. Its population says any words.
    pub fn of_texts(behaviour: Behaviour, seed: u64) -> Self {
        let mut rng = Pcg64::seed_from_u64(seed);
        let mut word = || (rng.next_u64() % (VOCABULARY as u64 - 1) + 1) as f32;
        let mut texts: Vec<f32> = (0..POPULATION * LENGTH).map(|_| word()).collect();
        // Every word is known to be one.
        texts[0] = (VOCABULARY - 1) as f32;
        let granted = Access::LOGITS | Access::NEW_INPUTS;
        let card = TargetCard {
            name: "words".into(),
            fingerprint: format!("{seed}"),
            classes: Some(CLASSES),
            access: granted.with_implied().names().map(str::to_owned).collect(),
            augmentations: 1,
            ..TargetCard::default()
        };
        let model = Bag { card, knows: behaviour != Behaviour::Null, texts };
        Self::assembled(granted, Box::new(model), Box::new(likest))
    }
}
