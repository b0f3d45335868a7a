//! Which records a reference model was fitted on, as its folder says.

use std::path::Path;

use paname_core::{DType, Error, Result, Roster};
use paname_data::{ArrayRef, read_array, read_strings};

/// Reads `rows.npy` (positions in the roster, or ids) or `member.npy` (a truth value per record of the roster).
pub(crate) fn read_member(folder: &Path, roster: &Roster) -> Result<Vec<bool>> {
    let named = |error| match error {
        Error::Data { place, problem } => Error::data(folder.join(place).display(), problem),
        Error::Mismatch { what, expected, got } => {
            Error::mismatch(folder.join(what).display().to_string(), expected, got)
        }
        other => other,
    };
    if folder.join("rows.npy").is_file() {
        return rows(folder, roster).map_err(named);
    }
    if folder.join("member.npy").is_file() {
        return truths(folder, roster).map_err(named);
    }
    Err(Error::data(
        folder.display(),
        "holds neither `rows.npy` nor `member.npy`, which tell the records that the model was fitted on",
    ))
}

fn rows(folder: &Path, roster: &Roster) -> Result<Vec<bool>> {
    let place: ArrayRef = "rows.npy".parse()?;
    let mut member = vec![false; roster.len()];
    let numbers = match read_array(folder, &place) {
        Ok(numbers) => numbers,
        Err(error) => {
            // An array of text holds ids; what is neither is told as it was.
            let Ok(ids) = read_strings(folder, &place) else { return Err(error) };
            let known: Vec<u32> = ids.iter().filter_map(|id| roster.position(id)).collect();
            if known.is_empty() {
                let problem = format!("none of the {} ids is that of a record of the audit", ids.len());
                return Err(Error::data(place, problem));
            }
            for position in known {
                member[position as usize] = true;
            }
            return Ok(member);
        }
    };
    if numbers.shape().len() != 1 || !matches!(numbers.dtype(), DType::U8 | DType::I32 | DType::I64) {
        return Err(Error::mismatch(
            "rows.npy",
            "one axis of whole numbers or of ids as text",
            format!("{numbers:?}"),
        ));
    }
    for (row, position) in numbers.to_i64()?.into_iter().enumerate() {
        let slot = usize::try_from(position).ok().and_then(|position| member.get_mut(position));
        *slot.ok_or_else(|| {
            let expected = format!("the position of one of the {} records of the audit", roster.len());
            Error::mismatch(format!("rows.npy row {row}"), expected, position)
        })? = true;
    }
    Ok(member)
}

fn truths(folder: &Path, roster: &Roster) -> Result<Vec<bool>> {
    let truths = read_array(folder, &"member.npy".parse()?)?;
    if truths.shape() != [roster.len()] {
        let expected = format!("one truth value for each of the {} records of the audit", roster.len());
        return Err(Error::mismatch("member.npy", expected, format!("shape {:?}", truths.shape())));
    }
    truths.to_bools().map_err(|e| Error::data("member.npy", e.to_string()))
}
