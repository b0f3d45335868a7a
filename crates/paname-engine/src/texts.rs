//! Texts that are rebuilt: how alike two are is which tokens they have in common, in whatever order.

use std::collections::BTreeSet;
use std::path::Path;

use paname_core::{Error, Result, Tensor};
use serde::{Deserialize, Serialize};

use crate::EngineError;

/// Tokens are numbers below this one, which single precision tells apart.
const MOST_TOKENS: i64 = 1 << 24;
/// Most letters of a word that are shown, and fewest of one of which the first is shown where words are masked: it would be most of a shorter one.
const MOST_LETTERS: usize = 40;
const FEWEST_LETTERS: usize = 3;
/// The most numbers by which texts are compared: half a gibibyte each time that they are held.
const MOST_NUMBERS: usize = 1 << 27;

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
        let mut all = BTreeSet::new();
        for some in texts {
            all.extend(whole(&some?)?.iter().map(|token| *token as u32));
        }
        all.retain(|token| !ignored.contains(token));
        Ok(Self { ignored: ignored.to_vec(), known: all.into_iter().collect() })
    }

    /// How many there are.
    pub(crate) fn len(&self) -> usize {
        self.known.len()
    }

    /// Fails where there is no room for what so many texts are compared by.
    pub(crate) fn check(&self, texts: usize) -> Result<()> {
        let tokens = self.len();
        if texts.saturating_mul(tokens + 1) <= MOST_NUMBERS {
            return Ok(());
        }
        let expected = format!("at most {MOST_NUMBERS} numbers, texts times different tokens");
        let got = format!(
            "{texts} texts of {tokens}: audit fewer records, or compare texts by `likeness = \"features\"`"
        );
        Err(Error::mismatch("likeness of texts", expected, got))
    }

    /// For each text and each token 1 where it is there, else 0.
    pub(crate) fn presence(&self, texts: &Tensor) -> Result<Tensor> {
        let features = self.features(texts)?;
        let there = features.chunks_exact(self.len() + 1).flat_map(|row| parts(row).0).copied();
        Tensor::from_vec(there.collect(), &[texts.rows(), self.len()])
    }

    /// What texts are compared by, `[texts][known tokens + 1]`: 1 for each token that is there, and how many different ones there are, unknown ones too.
    pub(crate) fn features(&self, texts: &Tensor) -> Result<Vec<f32>> {
        let (width, length) = (self.len() + 1, texts.len() / texts.rows().max(1));
        let mut values = vec![0.0_f32; texts.rows() * width];
        for (row, text) in values.chunks_exact_mut(width).zip(whole(texts)?.chunks_exact(length.max(1))) {
            let all: BTreeSet<u32> = text.iter().map(|token| *token as u32).collect();
            for token in all.iter().filter(|token| !self.ignored.contains(token)) {
                row[self.len()] += 1.0;
                if let Ok(place) = self.known.binary_search(token) {
                    row[place] = 1.0;
                }
            }
        }
        Ok(values)
    }

    /// Texts of so many tokens, the commonest of each row `[texts, known tokens]`, the first of equal ones; what is left over says nothing.
    pub(crate) fn commonest(&self, presence: &Tensor, length: usize) -> Result<Tensor> {
        let rows = presence.rows();
        let filler = self.ignored.first().copied().unwrap_or(0);
        let mut texts = Vec::with_capacity(rows * length);
        let values = presence.to_f32()?;
        for text in 0..rows {
            let row = &values[text * self.len()..][..self.len()];
            let mut there: Vec<usize> = (0..row.len()).filter(|place| row[*place] > 0.0).collect();
            there.sort_by(|a, b| row[*b].total_cmp(&row[*a]).then(a.cmp(b)));
            let said = there.into_iter().map(|place| self.known[place]);
            texts.extend(said.chain(std::iter::repeat(filler)).take(length).map(|token| token as f32));
        }
        Tensor::from_vec(texts, &[rows, length])
    }
}

/// The words that tokens stand for.
pub(crate) struct Vocabulary(Vec<String>);

impl Vocabulary {
    /// Reads a file of one word a line. What is no text in it is shown as such, and nothing is kept that would change how others are shown.
    pub(crate) fn read(path: &Path) -> std::result::Result<Self, EngineError> {
        let bytes = std::fs::read(path).map_err(EngineError::io(path))?;
        let text = String::from_utf8_lossy(&bytes);
        let turns = |letter: char| matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let plain = |line: &str| -> String {
            let letters = line.chars().filter(|letter| !letter.is_control() && !turns(*letter));
            letters.collect()
        };
        Ok(Self(text.trim_start_matches('\u{feff}').lines().map(plain).collect()))
    }

    /// The word of a token, or its number where the file has none; cut short, or masked.
    pub(crate) fn word(&self, token: i64, masked: bool) -> String {
        let word = usize::try_from(token).ok().and_then(|token| self.0.get(token));
        match word {
            None if masked => "[…]".to_owned(),
            None => format!("[{token}]"),
            Some(word) => {
                let letters = word.chars().count();
                let shown = match masked {
                    true if letters < FEWEST_LETTERS => 0,
                    true => 1,
                    false => MOST_LETTERS.min(letters),
                };
                word.chars().take(shown).chain((masked || shown < letters).then_some('…')).collect()
            }
        }
    }
}

/// Which tokens are there, and how many, of the features of a text.
fn parts(features: &[f32]) -> (&[f32], f64) {
    features.split_last().map_or((&[], 0.0), |(count, there)| (there, f64::from(*count)))
}

/// How many tokens two texts have in common.
fn common(a: &[f32], b: &[f32]) -> f64 {
    parts(a).0.iter().zip(parts(b).0).map(|(a, b)| f64::from(a * b)).sum()
}

/// How far apart two texts are, squared, by their features: 2 − 2 c ∕ √(a b) of texts of a and b different tokens, c of them in common, and 0 of two that have
/// none. Whole numbers are divided once, so that what is equally alike is so to the last bit.
pub(crate) fn apart(a: &[f32], b: &[f32]) -> f64 {
    let pairs = parts(a).1 * parts(b).1;
    if pairs > 0.0 {
        let common = common(a, b);
        return 2.0 - 2.0 * (common * common / pairs).sqrt();
    }
    if parts(a).1 == parts(b).1 { 0.0 } else { 2.0 }
}

/// The share of a text's tokens that another has too; 0 of a text without any.
pub(crate) fn share(text: &[f32], other: &[f32]) -> f64 {
    common(text, other) / parts(text).1.max(1.0)
}

/// The mean squared distance between two of these texts, of which there are at least two.
pub(crate) fn spread<'t>(texts: impl Iterator<Item = &'t [f32]>, width: usize) -> f64 {
    let (mut sum, mut own, mut count) = (vec![0.0; width.saturating_sub(1)], 0.0, 0.0);
    for text in texts {
        let (there, tokens) = parts(text);
        let each = 1.0 / tokens.max(1.0).sqrt();
        sum.iter_mut().zip(there).for_each(|(sum, there)| *sum += each * f64::from(*there));
        own += there.iter().map(|there| f64::from(*there)).sum::<f64>() * each * each;
        count += 1.0;
    }
    let all: f64 = sum.iter().map(|sum| sum * sum).sum();
    2.0 - 2.0 * (all - own) / (count * (count - 1.0))
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
        let row = |i: usize| &features[i * 5..][..5];
        for (a, b, common) in [
            (0, 1, 2.0 / 3.0),
            (0, 3, 1.0 / 3.0),
            (1, 3, 0.0),
            (0, 2, 0.0),
            (2, 4, 1.0),
            (2, 5, 0.0),
            (5, 5, 0.0),
        ] {
            let apart = apart(row(a), row(b));
            assert!((apart - (2.0 - 2.0 * common)).abs() < 1e-12, "{a} {b}: {apart}");
        }
        assert_eq!(
            (share(row(0), row(1)), share(row(0), row(3)), share(row(2), row(4))),
            (2.0 / 3.0, 1.0 / 3.0, 0.0)
        );
        let pairs = [(0, 1), (0, 3), (1, 3)].map(|(a, b)| apart(row(a), row(b)));
        let spread = spread([0, 1, 3].into_iter().map(row), 5);
        assert!((spread - pairs.iter().sum::<f64>() / 3.0).abs() < 1e-12, "{spread}");
        // One of two tokens, and two of eight: of four, both are equally alike.
        let long: Vec<Vec<f32>> = [(1, 2), (2, 8)]
            .map(|(own, count)| {
                let mut text = vec![0.0; 17];
                text[..own].fill(1.0);
                text[16] = count as f32;
                text
            })
            .to_vec();
        let whole: Vec<f32> = [vec![1.0; 16], vec![16.0]].concat();
        assert_eq!(apart(&whole, &long[0]).to_bits(), apart(&whole, &long[1]).to_bits());
        assert_eq!(
            tokens.presence(&all).unwrap().slice(3..4).unwrap().to_f64().unwrap(),
            [1.0, 0.0, 0.0, 0.0]
        );
        let sums = Tensor::from_vec(vec![1.0_f32, 0.0, 2.0, 1.0], &[1, 4]).unwrap();
        assert_eq!(tokens.commonest(&sums, 4).unwrap().to_f64().unwrap(), [7.0, 3.0, 9.0, 0.0]);
        assert_eq!(tokens.commonest(&sums, 2).unwrap().to_f64().unwrap(), [7.0, 3.0]);
    }

    #[test]
    fn words_are_shown_whatever_the_file_holds_and_masked_ones_give_nothing_away() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("words.txt");
        std::fs::write(&path, b"\xef\xbb\xbfone\r\n\xe9t\xe9\nb\n\x1b[31m\xe2\x80\xaered\n".as_slice())
            .unwrap();
        let words = Vocabulary::read(&path).unwrap();
        let all = |masked| (0..5).map(|token| words.word(token, masked)).collect::<Vec<String>>().join(" ");
        assert_eq!(all(false), "one \u{fffd}t\u{fffd} b [31mred [4]");
        assert_eq!(all(true), "o… \u{fffd}… … [… […]");
        assert!(Vocabulary::read(&folder.path().join("none")).is_err());
        let long = Vocabulary(vec!["x".repeat(50)]);
        assert_eq!(long.word(0, false), "x".repeat(MOST_LETTERS) + "…");
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
        // Of texts without a token that says anything the commonest say nothing.
        let silent = Tokens::of(&[0, 1], std::iter::once(Ok(texts(&[[0, 1, 0, 0]])))).unwrap();
        let none = silent.presence(&texts(&[[0, 1, 1, 0]])).unwrap();
        assert_eq!(silent.commonest(&none, 3).unwrap().to_f64().unwrap(), [0.0; 3]);
        let many = Tensor::from_vec((1..20_001_i64).collect(), &[10_000, 2]).unwrap();
        let many = Tokens::of(&[0], std::iter::once(Ok(many))).unwrap();
        let told = many.check(10_000).unwrap_err().to_string().replace('\n', " ");
        assert!(told.contains("10000 texts of 20000") && told.contains("likeness = \"features\""), "{told}");
    }
}
