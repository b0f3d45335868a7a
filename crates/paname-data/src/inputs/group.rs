//! Groups of columns that are one-hot already.

use std::collections::BTreeMap;

use paname_core::Result;

use super::schema::{ColumnKind, ColumnSchema, TableSchema};
use super::tabular::positions;
use crate::records::truth;
use crate::table::Table;

/// What a name has in common with those of its group: all before the first `=`, else before the last `_`.
pub(super) fn prefix(name: &str) -> Option<&str> {
    let (prefix, own) = name.split_once('=').or_else(|| name.rsplit_once('_'))?;
    (!prefix.is_empty() && !own.is_empty()).then_some(prefix)
}

/// Tells the columns their group: of the columns of 0 and 1 with one prefix, exactly one is 1 in every row of the file.
pub(super) fn infer(table: &Table, schema: &mut TableSchema) -> Result<()> {
    let positions = positions(table)?;
    let mut groups: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (place, column) in schema.columns.iter().enumerate() {
        if let Some(prefix) = prefix(&column.name)
            && is_binary(table, positions[column.name.as_str()], column)
        {
            groups.entry(prefix.to_owned()).or_default().push(place);
        }
    }
    groups.retain(|_, places| places.len() > 1);
    for (prefix, places) in groups {
        let members: Vec<usize> =
            places.iter().map(|&place| positions[schema.columns[place].name.as_str()]).collect();
        let is_one = |row: usize, position: usize| cell(table, row, position) == Some(true);
        let ones = |row: usize| members.iter().filter(|&&position| is_one(row, position)).count();
        if (0..table.rows()).all(|row| ones(row) == 1) {
            for place in places {
                schema.columns[place].group = Some(prefix.clone());
            }
        }
    }
    Ok(())
}

/// Whether every cell is 0 or 1.
fn is_binary(table: &Table, position: usize, column: &ColumnSchema) -> bool {
    let could_be = matches!(column.kind, ColumnKind::Truth | ColumnKind::Whole | ColumnKind::Real);
    could_be && column.missing.is_empty() && (0..table.rows()).all(|row| cell(table, row, position).is_some())
}

/// A cell as 0 or 1, which `1.0` is too.
fn cell(table: &Table, row: usize, position: usize) -> Option<bool> {
    let text = table.text(row, position);
    truth(text).ok().or_else(|| match table.parse(text) {
        Some(0.0) => Some(false),
        Some(1.0) => Some(true),
        _ => None,
    })
}
