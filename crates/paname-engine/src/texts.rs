//! Texts that are rebuilt: how alike two are is which tokens they have in common, in whatever order.

use std::collections::BTreeSet;

use paname_core::{Error, Result, Tensor};
use serde::{Deserialize, Serialize};

/// Tokens are numbers below this one, which single precision tells apart.
const MOST_TOKENS: i64 = 1 << 24;
/// The most numbers by which texts are compared: half a gibibyte.
const MOST_NUMBERS: usize = 1 << 27;
/// Features besides those of tokens: one for all tokens that no record has, one for a text without any.
const BESIDES: usize = 2;

/// The tokens of the records that are compared.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Tokens {
    /// Tokens that say nothing.
    ignored: Vec<u32>,
    /// All others, rising.
    known: Vec<u32>,
}

impl Tokens {
    /// Those of texts `[records, length]`, which come part by part.
    pub(crate) fn of(ignored: &[u32], texts: impl Iterator<Item = Result<Tensor>>) -> Result<Self> {
        let (mut all, mut records) = (BTreeSet::new(), 0);
        for some in texts {
            let some = some?;
            records += some.rows();
            all.extend(whole(&some)?.iter().map(|token| *token as u32));
        }
        all.retain(|token| !ignored.contains(token));
        let tokens = Self { ignored: ignored.to_vec(), known: all.into_iter().collect() };
        tokens.check(records)?;
        Ok(tokens)
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Fails where so many texts cannot be compared.
    fn check(&self, texts: usize) -> Result<()> {
        let tokens = self.len();
        if texts.saturating_mul(tokens + BESIDES) <= MOST_NUMBERS {
            return Ok(());
        }
        let expected = format!("at most {MOST_NUMBERS} numbers, texts times different tokens");
        let got = format!(
            "{texts} texts of {tokens}: audit fewer records, or compare texts by `likeness = \"features\"`"
        );
        Err(Error::mismatch("likeness of texts", expected, got))
    }

    /// The known tokens of each text, by their places, and how many others it has.
    fn sets(&self, texts: &Tensor) -> Result<Vec<(BTreeSet<usize>, usize)>> {
        let length = texts.len() / texts.rows().max(1);
        let set = |text: &[i64]| {
            let all: BTreeSet<u32> = text.iter().map(|token| *token as u32).collect();
            let said = all.iter().filter(|token| !self.ignored.contains(token));
            let places: BTreeSet<usize> =
                said.clone().filter_map(|token| self.known.binary_search(token).ok()).collect();
            let strange = said.count() - places.len();
            (places, strange)
        };
        Ok(whole(texts)?.chunks_exact(length.max(1)).map(set).collect())
    }

    /// For each text and each token 1 where it is there, else 0.
    pub(crate) fn presence(&self, texts: &Tensor) -> Result<Tensor> {
        let sets = self.sets(texts)?;
        let mut values = vec![0.0_f32; sets.len() * self.len()];
        for (row, (places, _)) in values.chunks_exact_mut(self.len().max(1)).zip(&sets) {
            for place in places {
                row[*place] = 1.0;
            }
        }
        Tensor::from_vec(values, &[sets.len(), self.len()])
    }

    /// Unit vectors, so that texts of a and b different tokens, c of them in common, lie 2 − 2 c ∕ √(a b) apart, squared. A text without tokens is like no
    /// other but such a one.
    pub(crate) fn features(&self, texts: &Tensor) -> Result<Vec<f32>> {
        /// Squares of multiples of its inverse add up without rounding, in whatever order: texts that are equally alike are so exactly.
        const GRID: f64 = (1 << 20) as f64;
        self.check(texts.rows())?;
        let width = self.len() + BESIDES;
        let mut values = vec![0.0_f32; texts.rows() * width];
        for (row, (places, strange)) in values.chunks_exact_mut(width).zip(self.sets(texts)?) {
            let count = places.len() + strange;
            let rounded = |value: f64| ((value * GRID).round() / GRID) as f32;
            let each = rounded(1.0 / (count.max(1) as f64).sqrt());
            for place in places {
                row[place] = each;
            }
            row[self.len()] = rounded((strange as f64 / count.max(1) as f64).sqrt());
            row[self.len() + 1] = f32::from(u8::from(count == 0));
        }
        Ok(values)
    }

    /// Texts of so many tokens, the commonest of each row `[texts, known tokens]`, the first of equal ones; what is left over says nothing.
    pub(crate) fn commonest(&self, presence: &Tensor, length: usize) -> Result<Tensor> {
        let rows = presence.rows();
        let filler = self.ignored.first().copied().unwrap_or(0);
        let mut texts = Vec::with_capacity(rows * length);
        for row in presence.to_f32()?.chunks_exact(self.len().max(1)) {
            let mut there: Vec<usize> = (0..row.len()).filter(|place| row[*place] > 0.0).collect();
            there.sort_by(|a, b| row[*b].total_cmp(&row[*a]).then(a.cmp(b)));
            let said = there.into_iter().map(|place| self.known[place]);
            texts.extend(said.chain(std::iter::repeat(filler)).take(length).map(|token| token as f32));
        }
        Tensor::from_vec(texts, &[rows, length])
    }
}

/// Tokens as the whole numbers that they are.
pub(crate) fn whole(texts: &Tensor) -> Result<Vec<i64>> {
    let expected = || format!("tokens, whole numbers from 0 to below {MOST_TOKENS}");
    let tokens = texts.to_i64().map_err(|error| Error::mismatch("texts", expected(), error))?;
    match tokens.iter().find(|token| !(0..MOST_TOKENS).contains(token)) {
        Some(token) => Err(Error::mismatch("texts", expected(), token)),
        None => Ok(tokens),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(rows: &[[i64; 4]]) -> Tensor {
        Tensor::from_vec(rows.concat(), &[rows.len(), 4]).unwrap()
    }

    fn of(rows: &[[i64; 4]]) -> Tokens {
        Tokens::of(&[0], std::iter::once(Ok(texts(rows)))).unwrap()
    }

    #[test]
    fn texts_are_as_far_apart_as_they_have_few_tokens_in_common() {
        let known = [[7, 3, 9, 0], [9, 9, 7, 5], [0, 0, 0, 0]];
        let tokens = of(&known);
        assert_eq!(tokens.known, [3, 5, 7, 9]);
        // Two tokens of the last are known to no record.
        let all = texts(&[known[0], known[1], known[2], [3, 20, 3, 21], [0, 0, 0, 0], [20, 21, 0, 0]]);
        let features = tokens.features(&all).unwrap();
        let row = |i: usize| &features[i * 6..][..6];
        let apart = |a: usize, b: usize| -> f64 {
            row(a).iter().zip(row(b)).map(|(a, b)| f64::from(a - b) * f64::from(a - b)).sum()
        };
        for (a, b, common) in
            [(0, 1, 2.0 / 3.0), (0, 3, 1.0 / 3.0), (1, 3, 0.0), (0, 2, 0.0), (2, 4, 1.0), (2, 5, 0.0)]
        {
            assert!((apart(a, b) - (2.0 - 2.0 * common)).abs() < 1e-5, "{a} {b}: {}", apart(a, b));
        }
        assert_eq!(
            tokens.presence(&all).unwrap().slice(3..4).unwrap().to_f64().unwrap(),
            [1.0, 0.0, 0.0, 0.0]
        );
        let sums = Tensor::from_vec(vec![1.0_f32, 0.0, 2.0, 1.0], &[1, 4]).unwrap();
        assert_eq!(tokens.commonest(&sums, 4).unwrap().to_f64().unwrap(), [7.0, 3.0, 9.0, 0.0]);
        assert_eq!(tokens.commonest(&sums, 2).unwrap().to_f64().unwrap(), [7.0, 3.0]);
    }

    #[test]
    fn what_are_no_tokens_and_too_many_of_them_are_refused_in_words() {
        let refused = |texts: Tensor| {
            Tokens::of(&[0], std::iter::once(Ok(texts))).unwrap_err().to_string().replace('\n', " ")
        };
        let fractions = refused(Tensor::from_vec(vec![1.0_f32, 0.5], &[1, 2]).unwrap());
        assert!(fractions.contains("whole numbers from 0 to below 16777216"), "{fractions}");
        let negative = refused(Tensor::from_vec(vec![1_i64, -1], &[1, 2]).unwrap());
        assert!(negative.contains("got -1"), "{negative}");
        let many: Vec<i64> = (1..20_001).collect();
        let told = refused(Tensor::from_vec(many, &[10_000, 2]).unwrap());
        assert!(told.contains("10000 texts of 20000") && told.contains("likeness = \"features\""), "{told}");
    }
}
