//! Scores that another tool computed, with the truth beside them.

use std::collections::HashMap;
use std::path::Path;

use paname_core::{Error, Result};

use crate::records::truth;
use crate::table::Table;

/// A table `id,score,member[,person,group]`: the higher a score, the likelier a member.
#[derive(Debug, Clone, PartialEq)]
pub struct ScoreTable {
    /// Distinct ids.
    pub ids: Vec<String>,
    /// Scores; infinite ones are allowed, NaN is not.
    pub scores: Vec<f64>,
    /// Whether the record was in the training set.
    pub member: Vec<bool>,
    /// Whom the record is about.
    pub person: Option<Vec<String>>,
    /// The group that the record belongs to; may be empty for some.
    pub group: Option<Vec<String>>,
}

impl ScoreTable {
    /// Reads a CSV file (separator `,`, `;` or tabulator). Errors name line and column; they show no content but ids.
    pub fn read(path: &Path) -> Result<Self> {
        let table = Table::read(path, &path.display().to_string())?;
        let (id, score, member) = (table.column("id")?, table.column("score")?, table.column("member")?);
        let rows = 0..table.rows();
        let mut seen: HashMap<&str, u64> = HashMap::with_capacity(rows.len());
        let mut scores = Vec::with_capacity(rows.len());
        let mut members = Vec::with_capacity(rows.len());
        for row in rows.clone() {
            let name = table.text(row, id);
            if name.is_empty() {
                return Err(Error::data(table.at(row, id), "the id is missing"));
            }
            if let Some(first) = seen.insert(name, table.line(row)) {
                let problem = format!("id {name:?} was already given in line {first}; ids must be unique");
                return Err(Error::data(table.at(row, id), problem));
            }
            let number = table.number(row, score)?;
            if number.is_nan() {
                return Err(Error::data(
                    table.at(row, score),
                    format!("the score of record {name:?} is NaN; expected a number or ±inf"),
                ));
            }
            scores.push(number);
            members.push(
                truth(table.text(row, member))
                    .map_err(|problem| Error::data(table.at(row, member), problem))?,
            );
        }
        let texts = |name: &str, may_be_empty: bool| -> Result<Option<Vec<String>>> {
            let Some(column) = table.find(name)? else { return Ok(None) };
            if let Some(row) = rows.clone().find(|&row| !may_be_empty && table.text(row, column).is_empty()) {
                return Err(Error::data(table.at(row, column), "the cell is empty"));
            }
            Ok(Some(rows.clone().map(|row| table.text(row, column).to_owned()).collect()))
        };
        let (person, group) = (texts("person", false)?, texts("group", true)?);
        let ids = rows.map(|row| table.text(row, id).to_owned()).collect();
        Ok(Self { ids, scores, member: members, person, group })
    }
}
