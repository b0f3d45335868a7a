//! Guessing what the columns of a table are, from all of their cells.

use std::collections::{BTreeMap, HashSet};

use paname_core::{Error, Result};

use super::schema::{ColumnKind, ColumnRule, ColumnSchema, RuleKind};
use crate::records::truth;
use crate::table::Table;

/// A column of more different texts than this is not taken for one of categories unless the manifest says so.
pub(super) const CATEGORIES_LIMIT: usize = 1_000;

/// Texts that stand for a missing value where a manifest names none, besides the empty cell.
pub(super) const MISSING: &[&str] = &["NA", "N/A", "NaN", "nan", "NULL", "null", "?"];

/// The schema of a column. Where the manifest has a rule, the cells are held against it, and the first that breaks it is the error; such errors show no
/// content.
pub(super) fn column(
    table: &Table,
    column: usize,
    name: &str,
    missing: &[&str],
    rule: Option<&ColumnRule>,
) -> Result<ColumnSchema> {
    let mut schema = ColumnSchema {
        name: name.to_owned(),
        kind: ColumnKind::Ignored,
        guessed: rule.is_none(),
        categories: Vec::new(),
        missing: BTreeMap::new(),
        fill: None,
        group: None,
    };
    if rule == Some(&ColumnRule::Kind(RuleKind::Ignore)) {
        return Ok(schema);
    }
    let mut cells = Cells { table, column, there: Vec::with_capacity(table.rows()) };
    for row in 0..table.rows() {
        let text = table.text(row, column);
        if missing.contains(&text) {
            *schema.missing.entry(text.to_owned()).or_default() += 1;
        } else {
            cells.there.push((row, text));
        }
    }
    schema.kind = match rule {
        Some(ColumnRule::Kind(kind)) => cells.declared(*kind)?,
        Some(ColumnRule::Categories(declared)) => {
            cells.within(declared)?;
            schema.categories.clone_from(declared);
            return Ok(ColumnSchema { kind: ColumnKind::Category, ..schema });
        }
        None => cells.guessed(),
    };
    if schema.kind == ColumnKind::Category {
        let distinct: HashSet<&str> = cells.there.iter().map(|(_, text)| *text).collect();
        if schema.guessed && distinct.len() > CATEGORIES_LIMIT {
            schema.kind = ColumnKind::Text;
        } else {
            schema.categories = ordered(table, distinct);
        }
    }
    Ok(schema)
}

/// The cells of a column that hold something, with their rows.
struct Cells<'a> {
    table: &'a Table,
    column: usize,
    there: Vec<(usize, &'a str)>,
}

impl Cells<'_> {
    fn declared(&self, kind: RuleKind) -> Result<ColumnKind> {
        match kind {
            RuleKind::Ignore => Ok(ColumnKind::Ignored),
            RuleKind::Text => Ok(ColumnKind::Text),
            RuleKind::Category => Ok(ColumnKind::Category),
            RuleKind::Number => {
                self.hold(|text| self.is_number(text), "is not a finite number, as `columns` says")?;
                Ok(self.numbers())
            }
            RuleKind::Truth => {
                let problem = "is neither yes nor no, as `columns` says; expected one of 0, 1, true, false, yes, no, oui, non, vrai, faux";
                self.hold(|text| truth(text).is_ok(), problem)?;
                Ok(ColumnKind::Truth)
            }
        }
    }

    fn within(&self, categories: &[String]) -> Result<()> {
        let known: HashSet<&str> = categories.iter().map(String::as_str).collect();
        self.hold(|text| known.contains(text), "is none of the categories that `columns` lists")
    }

    fn guessed(&self) -> ColumnKind {
        let all = |fits: &dyn Fn(&str) -> bool| self.there.iter().all(|(_, text)| fits(text));
        if self.there.is_empty() {
            // Nothing can be learned from nothing.
            ColumnKind::Ignored
        } else if all(&|text| truth(text).is_ok()) {
            ColumnKind::Truth
        } else if all(&|text| self.is_number(text) && !is_code(text)) {
            self.numbers()
        } else {
            ColumnKind::Category
        }
    }

    /// Fails at the first cell that does not fit.
    fn hold(&self, fits: impl Fn(&str) -> bool, problem: &str) -> Result<()> {
        match self.there.iter().find(|(_, text)| !fits(text)) {
            Some((row, _)) => Err(Error::data(self.table.at(*row, self.column), problem)),
            None => Ok(()),
        }
    }

    fn is_number(&self, text: &str) -> bool {
        self.table.parse(text).is_some_and(f64::is_finite)
    }

    /// What cells are that are all numbers.
    fn numbers(&self) -> ColumnKind {
        let whole = self.there.iter().all(|(_, text)| text.parse::<i64>().is_ok());
        if whole { ColumnKind::Whole } else { ColumnKind::Real }
    }
}

/// Digits that begin with 0 are codes, such as those of the post, and no quantities.
fn is_code(text: &str) -> bool {
    text.len() > 1 && text.starts_with('0') && text.bytes().all(|b| b.is_ascii_digit())
}

/// Categories in an order that hangs on nothing but themselves.
fn ordered(table: &Table, distinct: HashSet<&str>) -> Vec<String> {
    let mut texts: Vec<&str> = distinct.into_iter().collect();
    texts.sort_unstable();
    if let Some(numbers) = texts.iter().map(|text| table.parse(text)).collect::<Option<Vec<f64>>>() {
        let mut pairs: Vec<(f64, &str)> = numbers.into_iter().zip(texts).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        return pairs.into_iter().map(|(_, text)| text.to_owned()).collect();
    }
    texts.into_iter().map(str::to_owned).collect()
}
