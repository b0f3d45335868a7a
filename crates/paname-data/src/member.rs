//! Which records each of several models was fitted on, by a matrix of truth values beside the ids of its columns.

use std::path::Path;

use paname_core::{Error, Result, Roster};

use crate::array::{IdSource, read_array, read_strings};
use crate::join::{RowIds, join};
use crate::list::List;
use crate::predictions::MemberPart;

/// Reads truth values `[models, records]` and joins them to the roster: for each of `models` models, was each record of the roster fitted on.
///
/// `member` is one array or several parts of one; `ids` names the columns of each part. A part `none` is one that no model was fitted on.
pub fn read_members(
    base: &Path,
    member: &List<MemberPart>,
    ids: &List<IdSource>,
    roster: &Roster,
    models: usize,
) -> Result<Vec<Vec<bool>>> {
    if member.0.len() != ids.0.len() {
        let what = "parts of `ids`, one for each part of `member`";
        return Err(Error::mismatch(what, member.0.len(), ids.0.len()));
    }
    let mut all: Vec<Vec<bool>> = vec![Vec::new(); models];
    let mut parts = Vec::with_capacity(ids.0.len());
    for (member, source) in member.0.iter().zip(&ids.0) {
        let place = member.to_string();
        let columns = match member {
            MemberPart::None => {
                let IdSource::Array(array) = source else {
                    let problem =
                        "`member` is `none` for rows that are only numbered; name an array of their ids";
                    return Err(Error::Config(problem.into()));
                };
                let columns = read_strings(base, array)?.len();
                for all in &mut all {
                    all.resize(all.len() + columns, false);
                }
                columns
            }
            MemberPart::Array(array) => {
                let matrix = read_array(base, array)?;
                let &[rows, columns] = matrix.shape() else {
                    let got = format!("shape {:?}", matrix.shape());
                    return Err(Error::mismatch(place, "truth values [models, records]", got));
                };
                if rows != models {
                    return Err(Error::mismatch(place, format!("{models} rows, one for each model"), rows));
                }
                let truths = matrix.to_bools().map_err(|error| Error::data(array, error.to_string()))?;
                for (all, row) in all.iter_mut().zip(truths.chunks_exact(columns.max(1))) {
                    all.extend(row);
                }
                columns
            }
        };
        let ids = source.read(base, columns, &place)?;
        parts.push(RowIds { ids, place: source.to_string() });
    }
    let rows = join(roster, &parts)?;
    Ok(all.iter().map(|all| rows.iter().map(|&row| all[row as usize]).collect()).collect())
}
