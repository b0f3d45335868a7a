//! What is known of a record besides the attribute, as numbers.

use std::ops::Range;

use paname_core::{Error, Result, Tensor};

use super::super::schema::ColumnKind;
use super::super::standard::Standard;
use super::KnownScale;
use super::sheet::{Field, Sheet};

/// The columns that one input becomes.
enum Part {
    /// Numbers, brought to mean 0 and standard deviation 1; missing ones become 0.
    Number(Standard),
    /// Truth values; missing ones become 0.
    Truth,
    /// A column for each category that occurs.
    Category {
        /// The category of each record.
        codes: Vec<Option<u32>>,
        /// The place of each category.
        places: Vec<Option<usize>>,
        occurring: Vec<u32>,
    },
}

/// What comes out.
pub(super) struct Known {
    pub(super) numbers: Tensor,
    pub(super) names: Vec<String>,
    pub(super) scales: Vec<KnownScale>,
}

/// Everything but these columns and texts. Numbers are standardised over the records of `fitted`.
pub(super) fn known(sheet: &Sheet<'_>, attribute: &[usize], fitted: &Range<usize>) -> Result<Known> {
    let others = sheet.fields.iter().enumerate().filter(|(position, _)| !attribute.contains(position));
    let mut parts = Vec::new();
    let mut names = Vec::new();
    for (_, field) in others {
        let Some(part) = part(sheet, field, fitted) else { continue };
        let start = names.len();
        match &part {
            Part::Number(_) | Part::Truth => names.push(field.name.clone()),
            Part::Category { occurring, .. } => {
                names
                    .extend(occurring.iter().map(|&code| format!("{}={}", field.name, field.category(code))));
            }
        }
        let gaps = match &part {
            Part::Category { codes, .. } => codes.iter().any(Option::is_none),
            _ => (0..sheet.records).any(|record| field.number(record).is_none()),
        };
        let gaps = gaps.then_some(names.len());
        if gaps.is_some() {
            names.push(format!("{}=(missing)", field.name));
        }
        parts.push((field, part, start, gaps));
    }
    if names.is_empty() {
        let problem = "every input is part of the attribute or is text, and nothing would be known besides; expected an attribute of some inputs";
        return Err(Error::data(&sheet.place, problem));
    }
    let width = names.len();
    let mut known: Vec<f32> = Vec::new();
    let total = sheet.records.checked_mul(width);
    if total.is_none_or(|total| known.try_reserve_exact(total).is_err()) {
        let problem = format!("{} rows of {width} numbers do not fit in memory", sheet.records);
        return Err(Error::Other(problem));
    }
    known.resize(sheet.records * width, 0.0);
    for (field, part, start, gaps) in &parts {
        for (record, row) in known.chunks_exact_mut(width).enumerate() {
            let there = match part {
                Part::Number(standard) => {
                    field.number(record).map(|number| row[*start] = standard.apply(number))
                }
                Part::Truth => field.number(record).map(|number| row[*start] = number as f32),
                Part::Category { codes, places, .. } => codes[record]
                    .and_then(|code| places[code as usize])
                    .map(|place| row[*start + place] = 1.0),
            };
            if let (None, Some(place)) = (there, gaps) {
                row[*place] = 1.0;
            }
        }
    }
    let scale = |(field, part, ..): &(&Field<'_>, Part, usize, Option<usize>)| match part {
        Part::Number(standard) => Some(KnownScale { name: field.name.clone(), standard: *standard }),
        Part::Truth | Part::Category { .. } => None,
    };
    let scales = parts.iter().filter_map(scale).collect();
    Ok(Known { numbers: Tensor::from_vec(known, &[sheet.records, width])?, names, scales })
}

fn part(sheet: &Sheet<'_>, field: &Field<'_>, fitted: &Range<usize>) -> Option<Part> {
    match field.kind {
        ColumnKind::Text | ColumnKind::Ignored => None,
        ColumnKind::Truth => Some(Part::Truth),
        ColumnKind::Whole | ColumnKind::Real => {
            Some(Part::Number(Standard::fit(fitted.clone().filter_map(|record| field.number(record)))))
        }
        ColumnKind::Category => {
            let codes = field.categories(sheet.records);
            let mut occurring: Vec<u32> = codes.iter().flatten().copied().collect();
            occurring.sort_unstable();
            occurring.dedup();
            let mut places = vec![None; occurring.last().map_or(0, |last| *last as usize + 1)];
            for (place, &code) in occurring.iter().enumerate() {
                places[code as usize] = Some(place);
            }
            Some(Part::Category { codes, places, occurring })
        }
    }
}
