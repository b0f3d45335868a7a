//! Joining rows to records by id.

use std::collections::HashMap;
use std::sync::Arc;

use paname_core::{Error, Result, Roster};

/// The ids of one part's rows, and where they were read.
pub(crate) struct RowIds {
    pub(crate) ids: Vec<String>,
    pub(crate) place: String,
}

/// For every record of the roster, the number of its row, counted through the parts. Rows beyond the roster are fine; a record without a row and an
/// id with two rows are errors.
pub(crate) fn join(roster: &Roster, parts: &[RowIds]) -> Result<Arc<[u32]>> {
    let total = parts.iter().map(|part| part.ids.len()).sum();
    let mut numbers: HashMap<&str, (u32, usize)> = HashMap::with_capacity(total);
    let mut next = 0_u32;
    for (p, part) in parts.iter().enumerate() {
        for (row, id) in part.ids.iter().enumerate() {
            if let Some((first, q)) = numbers.insert(id, (next, p)) {
                let before: usize = parts[..q].iter().map(|part| part.ids.len()).sum();
                let other = format!("row {} of {}", first as usize - before, parts[q].place);
                let problem = format!("id {id:?} is also that of {other}; ids must be unique");
                return Err(Error::data(format!("{} row {row}", part.place), problem));
            }
            next = next.checked_add(1).ok_or_else(|| Error::Other("more than 2³² rows".into()))?;
        }
    }
    let rows: Vec<Option<u32>> =
        roster.ids().iter().map(|id| numbers.get(id.as_str()).map(|&(row, _)| row)).collect();
    let absent: Vec<&String> =
        roster.ids().iter().zip(&rows).filter(|(_, row)| row.is_none()).map(|(id, _)| id).collect();
    if !absent.is_empty() {
        let places: Vec<&str> = parts.iter().map(|part| part.place.as_str()).collect();
        let shown: Vec<String> = absent.iter().take(3).map(|id| format!("{id:?}")).collect();
        let more = if absent.len() > shown.len() { ", …" } else { "" };
        let problem = format!(
            "{} of the {} records of the audit have no row here: {}{more}",
            absent.len(),
            roster.len(),
            shown.join(", ")
        );
        return Err(Error::data(places.join(", "), problem));
    }
    Ok(rows.into_iter().flatten().collect())
}
