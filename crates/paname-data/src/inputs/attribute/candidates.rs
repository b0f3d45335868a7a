//! Which values come into question, and which of them each record has.

use std::collections::BTreeMap;
use std::ops::Range;

use paname_core::{Error, Result, Scale};

use super::super::schema::ColumnKind;
use super::AttributeQuestion;
use super::sheet::{Cell, Coded, Field, Sheet, sorted};

/// At most so many categories come into question where a manifest does not say otherwise.
const USUAL_VALUES: usize = 16;
/// Whole numbers of at most so many different values come into question one by one, and numbers in so many bins.
const USUAL_NUMBERS: usize = 8;

/// What comes into question.
pub(super) struct Choice {
    pub(super) scale: Scale,
    pub(super) names: Vec<String>,
    /// For each candidate, the value of each column.
    pub(super) cells: Vec<Vec<Cell>>,
    /// Which candidate each record has.
    pub(super) values: Vec<Option<u32>>,
}

/// A question to the records, of which those of a range are the population.
pub(super) struct Asker<'a> {
    pub(super) question: &'a AttributeQuestion<'a>,
    pub(super) sheet: &'a Sheet<'a>,
    pub(super) population: Range<usize>,
}

impl Asker<'_> {
    /// The candidates of these columns, of which `one_hot` ones are a group.
    pub(super) fn choose(&self, columns: &[usize], one_hot: bool) -> Result<Choice> {
        let fields: Vec<&Field<'_>> = columns.iter().map(|&column| &self.sheet.fields[column]).collect();
        let AttributeQuestion { values, most, scale, .. } = self.question;
        if let Some(most @ ..2) = most {
            return Err(Error::Config(format!("`candidates` must be at least 2, got {most}")));
        }
        if (one_hot || fields.len() > 1) && !values.is_empty() {
            let problem = "`values` lists those of one column; of several columns the candidates are the combinations that occur";
            return Err(Error::Config(problem.into()));
        }
        match &fields[..] {
            fields if one_hot => self.group(fields),
            [field] if !values.is_empty() => self.declared(field),
            [field] => match self.sheet.kind(field) {
                ColumnKind::Text | ColumnKind::Ignored => Err(self.sheet.free_text(field)),
                ColumnKind::Category | ColumnKind::Truth if *scale == Some(Scale::Continuous) => {
                    Err(self.no_numbers(field))
                }
                ColumnKind::Category | ColumnKind::Truth => {
                    self.listed(self.sheet.coded(field)?, scale.unwrap_or(Scale::Nominal))
                }
                kind => self.numbers(field, kind),
            },
            fields => self.combined(fields),
        }
    }

    fn no_numbers(&self, field: &Field<'_>) -> Error {
        let problem = "holds no numbers; expected `nominal` or `ordinal` as `scale`";
        Error::data(self.sheet.column(&field.name), problem)
    }

    /// The columns in errors.
    fn columns(&self) -> String {
        match self.question.columns {
            [name] => self.sheet.column(name),
            names => format!("{}, columns `{}`", self.sheet.place, names.join("`, `")),
        }
    }

    /// The records whose values are counted: those of the population, or all where there is none.
    fn counted(&self) -> Range<usize> {
        if self.population.is_empty() { 0..self.sheet.records } else { self.population.clone() }
    }

    /// Whose values are counted.
    fn whose(&self) -> &'static str {
        if self.population.is_empty() { "records" } else { "population" }
    }

    fn constant(&self) -> Error {
        let whose = self.whose();
        let problem = format!(
            "is constant among the {whose}: every one that has a value has the same, and there is nothing to guess"
        );
        Error::data(self.columns(), problem)
    }

    fn numbers(&self, field: &Field<'_>, kind: ColumnKind) -> Result<Choice> {
        let most = self.question.most.unwrap_or(USUAL_NUMBERS);
        let number = |record| field.number(record);
        match self.question.scale {
            Some(Scale::Continuous) => self.bins(field, most),
            None => {
                let few =
                    kind == ColumnKind::Whole && sorted(self.counted().filter_map(number)).len() <= most;
                if few {
                    self.listed(self.sheet.coded(field)?, Scale::Ordinal)
                } else {
                    self.bins(field, most)
                }
            }
            Some(scale) => self.listed(self.sheet.coded(field)?, scale),
        }
    }

    /// The values of a column that occur.
    fn listed(&self, coded: Coded, scale: Scale) -> Result<Choice> {
        let kept = self.kept(&coded.codes, coded.names.len(), false)?;
        let Coded { cells, names, codes } = coded;
        Ok(Choice {
            scale,
            names: kept.iter().map(|&code| names[code as usize].clone()).collect(),
            cells: kept.iter().map(|&code| vec![cells[code as usize].clone()]).collect(),
            values: renumbered(&codes, &kept, names.len()),
        })
    }

    /// Those of so many values that are candidates, in their order: those that occur, or all of them, and where they are too many the most frequent.
    fn kept(&self, codes: &[Option<u32>], values: usize, all: bool) -> Result<Vec<u32>> {
        let mut occurs = vec![0_usize; values];
        // A value that only audited records have would tell whoever sees the candidates that one of them has it.
        for &code in codes[self.counted()].iter().flatten() {
            occurs[code as usize] += 1;
        }
        if occurs.iter().filter(|times| **times > 0).count() < 2 {
            return Err(self.constant());
        }
        let there: Vec<u32> = (0..values as u32).filter(|&code| all || occurs[code as usize] > 0).collect();
        let most = self.question.most.unwrap_or(USUAL_VALUES);
        if there.len() <= most {
            return Ok(there);
        }
        let counted = self.counted();
        let mut kept = there.clone();
        kept.sort_by_key(|&code| std::cmp::Reverse(occurs[code as usize]));
        kept.truncate(most);
        kept.sort_unstable();
        if self.question.most.is_none() {
            let covered: usize = kept.iter().map(|&code| occurs[code as usize]).sum();
            let share = 100.0 * covered as f64 / counted.len().max(1) as f64;
            let whose = self.whose();
            let problem = format!(
                "has {} different values among the {whose}; `candidates = {most}` would take the most frequent ones, which {share:.1}% of the \
                 {whose} have, and leave the others out",
                there.len()
            );
            return Err(Error::data(self.columns(), problem));
        }
        Ok(kept)
    }

    /// The values that the manifest lists, and no others.
    fn declared(&self, field: &Field<'_>) -> Result<Choice> {
        let AttributeQuestion { values, most, scale, .. } = self.question;
        if values.len() < 2 {
            return Err(Error::Config("`values`: expected at least 2 of them, got 1".into()));
        }
        if let Some(most) = most.filter(|most| values.len() > *most) {
            let problem = format!("`values` lists {} and `candidates` takes {most} at most", values.len());
            return Err(Error::Config(problem));
        }
        let kind = self.sheet.kind(field);
        if *scale == Some(Scale::Continuous) && matches!(kind, ColumnKind::Category | ColumnKind::Truth) {
            return Err(self.no_numbers(field));
        }
        let numbers = matches!(kind, ColumnKind::Whole | ColumnKind::Real);
        let coded = self.sheet.coded(field)?;
        let mut listed: Vec<Cell> = Vec::with_capacity(values.len());
        // Which of the values of the column each listed one is.
        let mut codes: Vec<Option<usize>> = Vec::with_capacity(values.len());
        for text in *values {
            let wrong = |expected: &str| {
                Err(Error::Config(format!("`values`: {text:?} is {expected} column `{}`", field.name)))
            };
            let cell = match kind {
                ColumnKind::Whole | ColumnKind::Real => match text.trim().parse::<f64>() {
                    Ok(number) if kind == ColumnKind::Whole && number.fract() != 0.0 => {
                        return wrong("no whole number, unlike the values of");
                    }
                    Ok(number) if (number as f32).is_finite() => Cell::Number(number + 0.0),
                    _ => return wrong("no number, unlike the values of"),
                },
                ColumnKind::Truth => match crate::records::truth(text) {
                    Ok(truth) => coded.cells[usize::from(truth)].clone(),
                    Err(_) => return wrong("neither yes nor no, unlike the values of"),
                },
                _ => Cell::Text(text.clone()),
            };
            let code = coded.cells.iter().position(|known| known.same(&cell));
            if code.is_none() && !numbers {
                return wrong("none of the categories of");
            }
            if listed.iter().any(|other| other.same(&cell)) {
                return Err(Error::Config(format!("`values`: {text:?} is there twice")));
            }
            listed.push(cell);
            codes.push(code);
        }
        let mut candidate: Vec<Option<u32>> = vec![None; coded.cells.len()];
        if *scale == Some(Scale::Continuous) {
            for (known, place) in coded.cells.iter().zip(&mut candidate) {
                *place = nearest(known, &listed);
            }
        }
        for (number, code) in (0..).zip(&codes) {
            if let Some(code) = code {
                candidate[*code] = Some(number);
            }
        }
        let mut found = Vec::with_capacity(coded.codes.len());
        for (record, code) in coded.codes.iter().enumerate() {
            let value = code.and_then(|code| candidate[code as usize]);
            if code.is_some() && value.is_none() {
                let problem = "holds an unseen value, none of `values`; add it there, or leave `values` out, so that those that occur are the candidates";
                return Err(Error::data(self.sheet.at(record, field), problem));
            }
            found.push(value);
        }
        self.varied(&found, values.len())?;
        Ok(Choice {
            scale: scale.unwrap_or(Scale::Ordinal),
            names: values.to_vec(),
            cells: listed.into_iter().map(|cell| vec![cell]).collect(),
            values: found,
        })
    }

    /// Fails where the records have fewer than two of the candidates.
    fn varied(&self, values: &[Option<u32>], candidates: usize) -> Result<()> {
        let mut occurs = vec![false; candidates];
        for &value in values.iter().flatten() {
            occurs[value as usize] = true;
        }
        if occurs.iter().filter(|there| **there).count() < 2 {
            return Err(self.constant());
        }
        Ok(())
    }

    /// Bins of numbers, about as many records of the population in each.
    fn bins(&self, field: &Field<'_>, most: usize) -> Result<Choice> {
        let number = |record| field.number(record);
        let mut numbers: Vec<f64> = self.counted().filter_map(number).collect();
        numbers.sort_unstable_by(f64::total_cmp);
        let (Some(&lowest), Some(&highest)) = (numbers.first(), numbers.last()) else {
            return Err(self.constant());
        };
        if lowest == highest {
            return Err(self.constant());
        }
        // Each bin begins with a number that occurs; equal numbers are in one bin.
        let mut begins: Vec<f64> = (1..most).map(|bin| numbers[bin * numbers.len() / most]).collect();
        begins.retain(|begin| *begin > lowest);
        begins.dedup();
        if begins.is_empty() {
            // More than all but the last of the bins are of the lowest number.
            begins.extend(numbers.iter().find(|number| **number > lowest));
        }
        let mut medians = Vec::with_capacity(begins.len() + 1);
        let mut start = 0;
        for end in begins.iter().map(Some).chain([None]) {
            let end = end.map_or(numbers.len(), |end| numbers.partition_point(|number| number < end));
            medians.push(numbers[start + (end - start - 1) / 2]);
            start = end;
        }
        let bin = |number: f64| begins.partition_point(|begin| *begin <= number) as u32;
        let values: Vec<Option<u32>> =
            (0..self.sheet.records).map(|record| number(record).map(bin)).collect();
        Ok(Choice {
            scale: Scale::Continuous,
            names: medians.iter().map(|&median| field.show(median)).collect(),
            cells: medians.into_iter().map(|median| vec![Cell::Number(median)]).collect(),
            values,
        })
    }

    /// Several columns that are guessed together.
    fn combined(&self, fields: &[&Field<'_>]) -> Result<Choice> {
        let scale = match self.question.scale {
            None | Some(Scale::Nominal) => Scale::Nominal,
            Some(_) => {
                return Err(Error::Config(
                    "combinations of several columns have no order; expected `nominal` as `scale`, or none"
                        .into(),
                ));
            }
        };
        let coded = fields.iter().map(|field| self.sheet.coded(field)).collect::<Result<Vec<_>>>()?;
        let combination =
            |record: usize| -> Option<Vec<u32>> { coded.iter().map(|column| column.codes[record]).collect() };
        let of_records: Vec<Option<Vec<u32>>> = (0..self.sheet.records).map(combination).collect();
        let mut numbers: BTreeMap<&[u32], u32> =
            of_records.iter().flatten().map(|codes| (&codes[..], 0)).collect();
        for (number, place) in (0..).zip(numbers.values_mut()) {
            *place = number;
        }
        let codes: Vec<Option<u32>> =
            of_records.iter().map(|codes| numbers.get(&codes.as_ref()?[..]).copied()).collect();
        let kept = self.kept(&codes, numbers.len(), false)?;
        let combinations: Vec<&[u32]> = numbers.keys().copied().collect();
        let name = |&code: &u32| {
            let parts = fields.iter().zip(&coded).zip(combinations[code as usize]);
            let named = parts
                .map(|((field, column), &value)| format!("{}={}", field.name, column.names[value as usize]));
            named.collect::<Vec<_>>().join(", ")
        };
        let cells = |&code: &u32| {
            let parts = coded.iter().zip(combinations[code as usize]);
            parts.map(|(column, &value)| column.cells[value as usize].clone()).collect()
        };
        Ok(Choice {
            scale,
            names: kept.iter().map(name).collect(),
            cells: kept.iter().map(cells).collect(),
            values: renumbered(&codes, &kept, numbers.len()),
        })
    }

    /// Columns of which exactly one is 1.
    fn group(&self, fields: &[&Field<'_>]) -> Result<Choice> {
        let scale = match self.question.scale {
            Some(Scale::Continuous) => {
                let problem =
                    "columns that are one-hot hold no numbers; expected `nominal` or `ordinal` as `scale`";
                return Err(Error::Config(problem.into()));
            }
            scale => scale.unwrap_or(Scale::Nominal),
        };
        if fields.len() < 2 {
            return Err(Error::Config(format!(
                "columns that are one-hot are at least 2; got `{}` alone",
                self.question.columns.join("`, `")
            )));
        }
        if let Some(text) =
            fields.iter().find(|field| matches!(field.kind, ColumnKind::Category | ColumnKind::Text))
        {
            let problem = "holds text and cannot be one-hot; expected 0 and 1";
            return Err(Error::data(self.sheet.column(&text.name), problem));
        }
        let mut codes = Vec::with_capacity(self.sheet.records);
        for record in 0..self.sheet.records {
            let (mut ones, mut gaps, mut last) = (0, false, 0);
            for (number, field) in (0..).zip(fields) {
                match field.number(record) {
                    None => gaps = true,
                    Some(0.0) => {}
                    Some(1.0) => (ones, last) = (ones + 1, number),
                    Some(_) => {
                        let problem = "is neither 0 nor 1, as columns that are one-hot are";
                        return Err(Error::data(self.sheet.at(record, field), problem));
                    }
                }
            }
            if ones > 1 || (ones == 0 && !gaps) {
                let problem = format!(
                    "{ones} of the {} columns of the one-hot attribute are 1; expected exactly one",
                    fields.len()
                );
                return Err(Error::data(self.sheet.line(record), problem));
            }
            codes.push(Some(last).filter(|_| !gaps));
        }
        let kept = self.kept(&codes, fields.len(), true)?;
        let cells = |&code: &u32| {
            (0..fields.len() as u32).map(|column| Cell::Number(f64::from(u8::from(column == code)))).collect()
        };
        Ok(Choice {
            scale,
            names: kept.iter().map(|&code| fields[code as usize].name.clone()).collect(),
            cells: kept.iter().map(cells).collect(),
            values: renumbered(&codes, &kept, fields.len()),
        })
    }
}

impl Cell {
    fn same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Truth(one), Self::Truth(other)) => one == other,
            (Self::Number(one), Self::Number(other)) => one == other,
            (Self::Text(one), Self::Text(other)) => one == other,
            _ => false,
        }
    }
}

/// Codes as places among those that are kept.
fn renumbered(codes: &[Option<u32>], kept: &[u32], values: usize) -> Vec<Option<u32>> {
    let mut places = vec![None; values];
    for (place, &code) in (0..).zip(kept) {
        places[code as usize] = Some(place);
    }
    codes.iter().map(|code| places[(*code)? as usize]).collect()
}

/// The candidate that a number is nearest to, the first of two.
fn nearest(number: &Cell, candidates: &[Cell]) -> Option<u32> {
    let Cell::Number(number) = number else { return None };
    let apart = |cell: &Cell| match cell {
        Cell::Number(candidate) => (candidate - number).abs(),
        _ => f64::INFINITY,
    };
    let nearest = (0_u32..).zip(candidates).min_by(|a, b| apart(a.1).total_cmp(&apart(b.1)));
    nearest.map(|(place, _)| place)
}
