//! The scores that a program leaves.

use std::fs;
use std::path::Path;

use paname_core::{DType, Error, Result};
use paname_data::read_array;

/// The file that a program is told to write.
pub(crate) const SCORES: &str = "scores.npy";
/// Files beside it that are taken in its place.
const ALSO: &[&str] = &["scores.csv", "scores.txt"];
/// Bytes of text that a score can be.
const LONGEST: u64 = 64;

/// Reads the scores in a folder: one number per record, none of them NaN.
pub(crate) fn read_scores(folder: &Path, records: usize) -> Result<Vec<f64>> {
    let there = std::iter::once(&SCORES).chain(ALSO).find(|name| folder.join(name).is_file());
    let Some(&name) = there else {
        return Err(Error::data(
            folder.join(SCORES).display(),
            "is missing: the program ended well and wrote no scores",
        ));
    };
    let path = folder.join(name);
    let unreadable = |e: std::io::Error| Error::data(path.display(), format!("cannot be read: {e}"));
    let mut start = [0; 6];
    let length = fs::metadata(&path).map_err(unreadable)?.len();
    let mut file = fs::File::open(&path).map_err(unreadable)?;
    let read = std::io::Read::read(&mut file, &mut start).map_err(unreadable)?;
    // What the file holds decides: `numpy.savetxt` takes any name.
    if name == SCORES && start[..read] == *b"\x93NUMPY" {
        return check(&from_array(folder)?, records, name, 0, "row");
    }
    let longest = LONGEST.saturating_mul(records as u64 + 1);
    if length > longest {
        let problem = format!("is {length} bytes long; {records} scores as text take at most {longest}");
        return Err(Error::data(name, problem));
    }
    let text = fs::read(&path).map_err(unreadable)?;
    let (scores, first) = parse(&text, name)?;
    check(&scores, records, name, first, "line")
}

fn from_array(folder: &Path) -> Result<Vec<f64>> {
    let array = read_array(folder, &SCORES.parse()?)?;
    if array.shape().len() != 1 || array.dtype() == DType::Bool {
        let got = format!("{:?} of shape {:?}", array.dtype(), array.shape());
        return Err(Error::mismatch(SCORES, "one axis of numbers", got));
    }
    array.to_f64()
}

/// The numbers of a text, one a line, and the number of the line that the first stands in. A first line `score` is a heading; empty lines at the
/// end are none.
fn parse(text: &[u8], name: &str) -> Result<(Vec<f64>, usize)> {
    let text = std::str::from_utf8(text).map_err(|e| {
        let line = text[..e.valid_up_to()].split(|&byte| byte == b'\n').count();
        Error::data(format!("{name} line {line}"), "is neither an npy array nor text; expected a number")
    })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).trim_end();
    let heading =
        text.lines().next().is_some_and(|line| line.trim().trim_matches('"').eq_ignore_ascii_case("score"));
    let first = usize::from(heading) + 1;
    let scores = text.lines().enumerate().skip(first - 1).map(|(i, line)| {
        line.trim().parse().map_err(|_| {
            let shown: String = line.chars().filter(|c| !c.is_control()).take(30).collect();
            Error::mismatch(format!("{name} line {}", i + 1), "one number", format!("{shown:?}"))
        })
    });
    Ok((scores.collect::<Result<_>>()?, first))
}

fn check(scores: &[f64], records: usize, name: &str, first: usize, place: &str) -> Result<Vec<f64>> {
    if scores.len() != records {
        return Err(Error::mismatch(
            format!("{name}, scores"),
            format!("{records}, one for each audited record"),
            scores.len(),
        ));
    }
    match scores.iter().position(|score| score.is_nan()) {
        Some(i) => Err(Error::mismatch(
            format!("{name} {place} {}", first + i),
            "a number, or an infinite one",
            "NaN",
        )),
        None => Ok(scores.to_vec()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn of(text: &[u8], records: usize) -> Result<Vec<f64>> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("scores.csv"), text).unwrap();
        read_scores(folder.path(), records)
    }

    proptest! {
        #[test]
        fn numbers_come_back(scores in prop::collection::vec(any::<f64>().prop_filter("", |x| !x.is_nan()), 1..40),
                             heading: bool, windows: bool) {
            let end = if windows { "\r\n" } else { "\n" };
            let mut text = if heading { format!("score{end}") } else { String::new() };
            text.extend(scores.iter().map(|score| format!("{score:e}{end}")));
            let read = of(text.as_bytes(), scores.len()).unwrap();
            prop_assert!(read.iter().zip(&scores).all(|(a, b)| a.to_bits() == b.to_bits()));
            prop_assert!(of(text.as_bytes(), scores.len() + 1).is_err());
        }

        #[test]
        fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..200), records in 0_usize..9) {
            if let Ok(scores) = of(&bytes, records) {
                prop_assert_eq!(scores.len(), records);
            }
            let folder = tempfile::tempdir().unwrap();
            fs::write(folder.path().join(SCORES), [b"\x93NUMPY", &bytes[..]].concat()).unwrap();
            let _ = read_scores(folder.path(), records);
        }
    }

    #[test]
    fn what_is_wrong_is_named() {
        for (text, said) in [
            (&b"1\n2\n"[..], "scores.csv, scores: expected 3, one for each audited record, got 2"),
            (b"score\n1\nnan\n3\n", "scores.csv line 3: expected a number, or an infinite one, got NaN"),
            (b"1\n2;3\n4\n", "scores.csv line 2: expected one number, got \"2;3\""),
            (b"1\n\n3\n", "scores.csv line 2: expected one number, got \"\""),
            (b"1\n\xff\n3\n", "scores.csv line 2: is neither an npy array nor text; expected a number"),
            (&[b'1'; 1000], "scores.csv: is 1000 bytes long; 3 scores as text take at most 256"),
        ] {
            assert_eq!(of(text, 3).unwrap_err().to_string(), said);
        }
        assert_eq!(
            of(b"\"Score\"\n-inf\n1e400\n0.5\n\n", 3).unwrap(),
            [f64::NEG_INFINITY, f64::INFINITY, 0.5]
        );
        let error = read_scores(tempfile::tempdir().unwrap().path(), 3).unwrap_err().to_string();
        assert!(error.contains("scores.npy: is missing"), "{error}");
    }
}
