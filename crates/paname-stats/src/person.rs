//! One score per person. Records of one person are correlated and count as one; what is counted are people.

use std::{collections::HashMap, hash::Hash};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{Error, Result, argument};

/// The declared rule that makes one score of a person's records.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Reduction {
    /// The mean score.
    Mean,
    /// The largest score. It grows with the number of records, so compare within [`People::strata`].
    Max,
}

/// One person.
#[derive(Debug, Clone, PartialEq)]
pub struct Person<P> {
    /// Who.
    pub id: P,
    /// The reduced score.
    pub score: f64,
    /// Whether any of the records was in training: then the person is a member.
    pub member: bool,
    /// The number of records.
    pub records: u64,
}

/// Everybody, in the order of first appearance.
#[derive(Debug, Clone, PartialEq)]
pub struct People<P> {
    /// One entry per person.
    pub people: Vec<Person<P>>,
    /// Persons with records on both sides, counted as members. Their non-member records dilute the score, so the caller
    /// decides whether to refuse, to report, or to drop those records.
    pub both_sides: Vec<P>,
}

/// The people with a like number of records.
#[derive(Debug, Clone, PartialEq)]
pub struct Stratum {
    /// The fewest records of a person here: 1, 2, 3, 5, 9, …
    pub fewest_records: u64,
    /// The most records of a person here: 1, 2, 4, 8, 16, …
    pub most_records: u64,
    /// One score per member.
    pub members: Vec<f64>,
    /// One score per non-member.
    pub non_members: Vec<f64>,
}

/// Reduces records to people; the three slices go together, one entry per record. The mean of a person whose records hold
/// both infinities is no number and an error at the person's first record.
pub fn reduce<P: Clone + Eq + Hash>(
    persons: &[P],
    scores: &[f64],
    members: &[bool],
    rule: Reduction,
) -> Result<People<P>> {
    argument::same_length("scores", persons.len(), scores.len())?;
    argument::same_length("memberships", persons.len(), members.len())?;
    argument::numbers("scores", scores)?;
    let mut positions: HashMap<&P, usize> = HashMap::new();
    let mut tallies: Vec<Tally> = Vec::new();
    for (record, person) in persons.iter().enumerate() {
        let position = *positions.entry(person).or_insert(tallies.len());
        if position == tallies.len() {
            tallies.push(Tally { first: record, sum: 0.0, max: f64::NEG_INFINITY, inside: 0, records: 0 });
        }
        let tally = &mut tallies[position];
        tally.sum += scores[record];
        tally.max = tally.max.max(scores[record]);
        tally.inside += u64::from(members[record]);
        tally.records += 1;
    }
    let mut people = Vec::with_capacity(tallies.len());
    let mut both_sides = Vec::new();
    for tally in tallies {
        let id = persons[tally.first].clone();
        let score = match rule {
            Reduction::Mean => tally.sum / tally.records as f64,
            Reduction::Max => tally.max,
        };
        if score.is_nan() {
            return Err(Error::NotANumber { what: "mean score of a person", position: tally.first });
        }
        if tally.inside > 0 && tally.inside < tally.records {
            both_sides.push(id.clone());
        }
        people.push(Person { id, score, member: tally.inside > 0, records: tally.records });
    }
    Ok(People { people, both_sides })
}

impl<P> People<P> {
    /// The scores of members and of non-members.
    pub fn split(&self) -> (Vec<f64>, Vec<f64>) {
        let scores = |member| self.people.iter().filter(|p| p.member == member).map(|p| p.score).collect();
        (scores(true), scores(false))
    }

    /// The people by number of records, in classes that double: 1, 2, 3–4, 5–8, … Empty classes are left out.
    pub fn strata(&self) -> Vec<Stratum> {
        let mut strata: Vec<Stratum> = Vec::new();
        let mut people: Vec<&Person<P>> = self.people.iter().collect();
        people.sort_by_key(|person| person.records);
        for person in people {
            let most = person.records.next_power_of_two();
            if strata.last().is_none_or(|stratum| stratum.most_records != most) {
                strata.push(Stratum {
                    fewest_records: most / 2 + 1,
                    most_records: most,
                    members: Vec::new(),
                    non_members: Vec::new(),
                });
            }
            if let Some(stratum) = strata.last_mut() {
                let side = if person.member { &mut stratum.members } else { &mut stratum.non_members };
                side.push(person.score);
            }
        }
        strata
    }
}

/// What is known of one person so far.
struct Tally {
    first: usize,
    sum: f64,
    max: f64,
    inside: u64,
    records: u64,
}
