//! The folders that public LiRA scripts write: `experiment-*/{keep.npy,logits/,scores/}`, one experiment per model.
//!
//! `keep.npy` says for every record whether the model was fitted on it. `logits/` and `scores/` hold one array per epoch, of which the last is
//! taken: logits `[records, classes]`, `[records, variants, classes]` or `[records, 1, variants, classes]`; scores are the scaled confidences
//! ln(p_y / (1 − p_y)), without the class axis (Carlini et al. 2022, §VI-A). A single `logits.npy` or `scores.npy` serves as well.

use std::fs;
use std::path::{Path, PathBuf};

use paname_core::{Error, Result, Tensor};

use crate::array::ArrayRef;
use crate::recorded::Kind;

/// One model's folder.
pub(crate) struct Experiment {
    /// The first number in the folder's name.
    pub(crate) number: usize,
    /// Which rows the model was fitted on.
    pub(crate) keep: ArrayRef,
    /// What is recorded.
    pub(crate) kind: Kind,
    /// Where.
    pub(crate) answers: ArrayRef,
}

/// The experiments of a folder in the order of their numbers. At least one, all with the same kind of answers.
pub(crate) fn experiments(base: &Path, folder: &Path) -> Result<Vec<Experiment>> {
    let mut found = Vec::new();
    for name in names(base, folder)? {
        if let Some(number) = name.strip_prefix("experiment-").and_then(first_number)
            && base.join(folder).join(&name).is_dir()
        {
            found.push(experiment(base, &folder.join(&name), number)?);
        }
    }
    found.sort_by_key(|experiment| experiment.number);
    let place = folder.display();
    let Some(first) = found.first() else {
        return Err(Error::data(
            place,
            "holds no folder `experiment-…`; expected the output of a LiRA script",
        ));
    };
    if let Some(pair) = found.windows(2).find(|pair| pair[0].number == pair[1].number) {
        return Err(Error::data(place, format!("holds two experiments with number {}", pair[0].number)));
    }
    if let Some(other) = found.iter().find(|experiment| experiment.kind != first.kind) {
        let problem = format!(
            "experiment {} holds logits where experiment {} holds scores or the other way round",
            other.number, first.number
        );
        return Err(Error::data(place, problem));
    }
    Ok(found)
}

fn experiment(base: &Path, folder: &Path, number: usize) -> Result<Experiment> {
    let keep = folder.join("keep.npy");
    if !base.join(&keep).is_file() {
        return Err(Error::data(
            folder.display(),
            "holds no `keep.npy`, which says who was in the training set",
        ));
    }
    for (name, kind) in [("logits", Kind::Logits), ("scores", Kind::ScaledConfidence)] {
        let within = folder.join(name);
        let answers = if base.join(&within).is_dir() {
            last_file(base, &within)?
        } else {
            Some(within.with_extension("npy"))
        };
        if let Some(answers) = answers.filter(|path| base.join(path).is_file()) {
            return Ok(Experiment { number, keep: array(&keep)?, kind, answers: array(&answers)? });
        }
    }
    Err(Error::data(folder.display(), "holds no array in `logits` or `scores`"))
}

/// The npy file with the largest number in its name: epochs are numbered.
fn last_file(base: &Path, folder: &Path) -> Result<Option<PathBuf>> {
    let names = names(base, folder)?
        .into_iter()
        .filter(|name| Path::new(name).extension().is_some_and(|e| e == "npy"));
    Ok(names.max_by_key(|name| (first_number(name), name.clone())).map(|name| folder.join(name)))
}

/// Names in a folder; those that are not UTF-8 cannot be meant.
fn names(base: &Path, folder: &Path) -> Result<Vec<String>> {
    let refuse = |e: std::io::Error| Error::data(folder.display(), format!("cannot be read: {e}"));
    let mut names = Vec::new();
    for entry in fs::read_dir(base.join(folder)).map_err(refuse)? {
        names.extend(entry.map_err(refuse)?.file_name().into_string());
    }
    Ok(names)
}

fn first_number(name: &str) -> Option<usize> {
    let digits = name.trim_start_matches(|c: char| !c.is_ascii_digit());
    let end = digits.find(|c: char| !c.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().ok()
}

fn array(path: &Path) -> Result<ArrayRef> {
    let text = path.to_str().ok_or_else(|| Error::data(path.display(), "has a name that is not UTF-8"))?;
    text.parse()
}

/// An experiment's answers as `[records, variants, …]`, whichever of the layouts they have.
pub(crate) fn with_variants(answers: &Tensor, kind: Kind, place: &str) -> Result<Tensor> {
    let classes = usize::from(kind == Kind::Logits);
    let shape = answers.shape();
    let leading = shape.len().saturating_sub(classes);
    let (axes, last) = shape.split_at(leading);
    let (records, variants) = match *axes {
        [records] => (records, 1),
        [records, variants] | [records, 1, variants] => (records, variants),
        _ => {
            let expected =
                "[records], [records, variants] or [records, 1, variants], then the classes of logits";
            return Err(Error::mismatch(place, expected, format!("shape {shape:?}")));
        }
    };
    answers.reshape(&[&[records, variants], last].concat())
}
