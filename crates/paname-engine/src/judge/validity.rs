//! Whether what an attack is given besides the model already tells who is a member: then its success proves nothing about the model.

use paname_core::Result;
use paname_evidence::{Blind, Reason};
use paname_stats::rank_sum::mann_whitney_p;
use paname_stats::{Roc, binomial};

use super::{Truth, statistics};
use crate::manifest::{PersonScore, Split, Statistics};

/// Level of these tests. Strict, since they would turn away sound audits by chance.
pub(crate) const TELLING: f64 = 0.001;

/// Two-sided p-value of Fisher's exact test of "who was fitted by a reference model, one entry of `row` per record, says nothing about who is a
/// member". A person was fitted where any of its records was.
pub(crate) fn row_p(truth: &Truth, row: &[bool]) -> Result<f64> {
    let fitted: Vec<f64> = row.iter().map(|&fitted| f64::from(u8::from(fitted))).collect();
    let units = truth.units(&fitted, PersonScore::Max, None)?;
    let count = |member: bool| {
        let side = units.side(member);
        (side.iter().filter(|fitted| **fitted > 0.0).count() as u64, side.len() as u64)
    };
    let ((inside, members), (outside, non_members)) = (count(true), count(false));
    let more = binomial::fisher_greater(inside, members, outside, non_members).map_err(statistics)?;
    let fewer = binomial::fisher_greater(members - inside, members, non_members - outside, non_members)
        .map_err(statistics)?;
    Ok(two_sided(more, fewer))
}

/// Two-sided p-value of the rank test of "these counts, one per record, say nothing about who is a member". Persons count by their mean.
pub(crate) fn counts_p(truth: &Truth, counts: &[u64]) -> Result<f64> {
    let counts: Vec<f64> = counts.iter().map(|&count| count as f64).collect();
    let units = truth.units(&counts, PersonScore::Mean, None)?;
    let (members, non_members) = (units.side(true), units.side(false));
    let p = |high: &[f64], low: &[f64]| Ok(mann_whitney_p(&Roc::new(high, low).map_err(statistics)?));
    Ok(two_sided(p(&members, &non_members)?, p(&non_members, &members)?))
}

/// Whether the largest score of a person's records would be moved by how many records there are.
pub(crate) fn record_counts(truth: &Truth, settings: &Statistics) -> Result<Option<Reason>> {
    let (PersonScore::Max, Some(persons)) = (settings.person_score, &truth.person) else { return Ok(None) };
    let mut records: std::collections::HashMap<&str, u64> = std::collections::HashMap::new();
    for person in persons {
        *records.entry(person).or_default() += 1;
    }
    let counts: Vec<u64> = persons.iter().map(|person| records[person.as_str()]).collect();
    let p = counts_p(truth, &counts)?;
    Ok((p <= TELLING).then_some(Reason::RecordCountsTellMembers { p }))
}

/// Whether members and non-members differ by themselves though chance is declared to have drawn them.
pub(crate) fn shift(blind: &Blind, split: Split) -> Option<Reason> {
    let seen = split == Split::Random && blind.p <= TELLING;
    seen.then_some(Reason::ShiftSeen { auc: blind.auc.auc, p: blind.p })
}

fn two_sided(one: f64, other: f64) -> f64 {
    (2.0 * one.min(other)).min(1.0)
}
