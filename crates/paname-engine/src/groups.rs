//! Groups of records that an attack judges as wholes. The engine, which alone knows the truth, draws them: groups all of members, groups all of
//! non-members, and, for attacks that estimate shares, groups of both. What an attack is given of them tells neither which is which nor who is in
//! what part.

use std::collections::BTreeMap;

use paname_core::Grouping;
use paname_evidence::Reason;
use rand_core::Rng;

use crate::EngineError;
use crate::judge::{FEWEST_UNITS, Truth, shuffle};
use crate::store::{Draft, Object};

/// Name of the file with the groups: the positions in the roster of the records of each.
const FILE: &str = "groups.json";

/// Groups, each the positions of its records in ascending order.
pub(crate) type Groups = Vec<Vec<u32>>;

/// Shares of members in the groups that are drawn.
fn shares(grouping: Grouping) -> &'static [f64] {
    if grouping.shares { &[1.0, 0.0, 0.5, 0.25, 0.75] } else { &[1.0, 0.0] }
}

/// Members among the records of a group.
fn members_of(share: f64, grouping: Grouping) -> usize {
    (share * grouping.size as f64).round() as usize
}

/// Members, and as many non-members, that it takes for so many groups of every share.
pub(crate) fn records_needed(grouping: Grouping, groups: u64) -> u64 {
    let members =
        shares(grouping).iter().fold(0, |sum: usize, &share| sum.saturating_add(members_of(share, grouping)));
    let all = shares(grouping).len().saturating_mul(grouping.size);
    groups.saturating_mul(members.max(all.saturating_sub(members)) as u64)
}

/// Why there would be no group of one kind, of so many records of either; None where there is one of each.
pub(crate) fn obstacle(grouping: Grouping, (members, non_members): (u64, u64)) -> Option<Reason> {
    // A stranger's attack may ask for anything.
    if grouping.size == 0 {
        return Some(Reason::Failed { message: "its attack judges groups of 0 records".into() });
    }
    let whole = |records: u64| records / grouping.size as u64;
    let sides = (whole(members), whole(non_members));
    (sides.0.min(sides.1) == 0).then(|| too_few(grouping, sides))
}

/// There are so many groups of members and of non-members, and more are needed.
pub(crate) fn too_few(grouping: Grouping, (members, non_members): (u64, u64)) -> Reason {
    Reason::TooFewGroups {
        needed: FEWEST_UNITS,
        members,
        non_members,
        size: grouping.size as u64,
        records: records_needed(grouping, FEWEST_UNITS),
    }
}

/// Draws groups, each share in turn for as long as there are records for it. A person's records stay together, which makes some groups larger; what
/// is left over is in no group.
pub(crate) fn draw(truth: &Truth, grouping: Grouping, rng: &mut impl Rng) -> Groups {
    let [mut inside, mut outside] = [true, false].map(|member| Side::new(truth, member, rng));
    let mut groups = Groups::new();
    loop {
        let before = groups.len();
        for &share in shares(grouping) {
            let members = members_of(share, grouping);
            let others = grouping.size - members;
            if inside.left >= members && outside.left >= others {
                let mut group = inside.take(members);
                group.extend(outside.take(others));
                group.sort_unstable();
                groups.push(group);
            }
        }
        if groups.len() == before {
            break;
        }
    }
    // The order in which they were drawn tells their shares.
    shuffle(&mut groups, rng);
    groups
}

/// Members or non-members that are in no group yet, person by person, in an order drawn by chance.
struct Side {
    persons: Vec<Vec<u32>>,
    /// Records of these persons.
    left: usize,
}

impl Side {
    fn new(truth: &Truth, member: bool, rng: &mut impl Rng) -> Self {
        let rows = (0..truth.member.len()).filter(|&record| truth.member[record] == member);
        let mut persons: Vec<Vec<u32>> = match &truth.person {
            None => rows.map(|record| vec![record as u32]).collect(),
            Some(names) => {
                let mut of_person: BTreeMap<&str, Vec<u32>> = BTreeMap::new();
                rows.for_each(|record| of_person.entry(&names[record]).or_default().push(record as u32));
                of_person.into_values().collect()
            }
        };
        let left = persons.iter().map(Vec::len).sum();
        shuffle(&mut persons, rng);
        Self { persons, left }
    }

    /// The records of as many persons as it takes for so many records.
    fn take(&mut self, wanted: usize) -> Vec<u32> {
        let mut taken = Vec::with_capacity(wanted);
        while taken.len() < wanted
            && let Some(person) = self.persons.pop()
        {
            self.left -= person.len();
            taken.extend(person);
        }
        taken
    }
}

/// Groups all of members, groups all of non-members, and others.
pub(crate) fn count(groups: &[Vec<u32>], truth: &Truth) -> (u64, u64, u64) {
    let of = |wanted| groups.iter().filter(|group| whose(group, truth) == wanted).count() as u64;
    (of(Some(true)), of(Some(false)), of(None))
}

/// Whether a group is all of members or all of non-members; None where it is of both.
pub(crate) fn whose(group: &[u32], truth: &Truth) -> Option<bool> {
    match members(group, truth) {
        0 => Some(false),
        all if all == group.len() => Some(true),
        _ => None,
    }
}

/// The share of members in a group.
pub(crate) fn share(group: &[u32], truth: &Truth) -> f64 {
    members(group, truth) as f64 / group.len() as f64
}

fn members(group: &[u32], truth: &Truth) -> usize {
    group.iter().filter(|record| truth.member[**record as usize]).count()
}

/// Puts groups into the store.
pub(crate) fn write(groups: &Groups, draft: &Draft) -> Result<(), EngineError> {
    draft.json(FILE, groups)
}

/// Groups of the store.
pub(crate) fn read(object: &Object) -> Result<Groups, EngineError> {
    object.json(FILE)
}

#[cfg(test)]
mod tests {
    use std::collections::{HashMap, HashSet};

    use rand_core::SeedableRng as _;
    use rand_pcg::Pcg64;

    use super::*;
    use crate::judge::below;

    fn truth(members: usize, others: usize, person_size: Option<usize>) -> Truth {
        let member: Vec<bool> = (0..members + others).map(|r| r < members).collect();
        let person = person_size.map(|size| {
            let name = |r: usize| {
                let (side, place) = if r < members { ("in", r) } else { ("out", r - members) };
                format!("{side}{}", place / size)
            };
            (0..members + others).map(name).collect()
        });
        Truth { member, person, slices: Vec::new(), canary: None }
    }

    #[test]
    fn shares_take_turns_until_a_side_is_used_up() {
        let grouping = Grouping { size: 20, shares: true };
        let truth = truth(100, 120, None);
        let groups = draw(&truth, grouping, &mut Pcg64::seed_from_u64(1));
        let mut quarters: Vec<u32> = groups.iter().map(|group| (4.0 * share(group, &truth)) as u32).collect();
        quarters.sort_unstable();
        // Two of each take 100 members and 100 non-members; 20 non-members are left for one more.
        assert_eq!(quarters, [0, 0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(count(&groups, &truth), (2, 3, 6));
        assert_eq!(
            (records_needed(grouping, 20), records_needed(Grouping { shares: false, ..grouping }, 20)),
            (1000, 400)
        );
    }

    #[test]
    fn sizes_that_cannot_be_are_refused() {
        for shares in [false, true] {
            let refused = |size| obstacle(Grouping { size, shares }, (100, 100));
            assert!(matches!(refused(0), Some(Reason::Failed { .. })));
            assert!(matches!(refused(usize::MAX), Some(Reason::TooFewGroups { members: 0, .. })));
            assert!(refused(100).is_none());
        }
    }

    #[test]
    fn the_order_and_the_places_of_groups_say_nothing() {
        let truth = truth(2000, 2000, None);
        let grouping = Grouping { size: 10, shares: false };
        let mut firsts = 0;
        for seed in 0..200 {
            let groups = draw(&truth, grouping, &mut Pcg64::seed_from_u64(seed));
            firsts += u32::from(whose(&groups[0], &truth) == Some(true));
        }
        // Five standard deviations about 100.
        assert!((65..=135).contains(&firsts), "{firsts}");
    }

    #[test]
    fn groups_are_disjoint_whole_and_large_enough() {
        for seed in 0..500 {
            let mut sizes = Pcg64::seed_from_u64(1000 + seed);
            let mut pick = |bound| below(&mut sizes, bound) as usize;
            let (members, others, size, person_size) = (pick(90), pick(90), 1 + pick(30), 1 + pick(5));
            let truth = truth(members, others, (person_size > 1).then_some(person_size));
            let grouping = Grouping { size, shares: seed % 2 == 0 };
            let groups = draw(&truth, grouping, &mut Pcg64::seed_from_u64(seed));
            let all: Vec<u32> = groups.iter().flatten().copied().collect();
            assert_eq!(all.iter().collect::<HashSet<_>>().len(), all.len());
            assert!(groups.iter().all(|group| group.len() >= size));
            let (inside, outside, mixed) = count(&groups, &truth);
            assert_eq!((inside > 0, outside > 0), (members >= size, others >= size));
            assert!(grouping.shares || mixed == 0);
            let mut group_of = HashMap::new();
            for (i, group) in groups.iter().enumerate() {
                for record in group.iter().filter_map(|record| truth.person.as_ref()?.get(*record as usize)) {
                    assert_eq!(*group_of.entry(record).or_insert(i), i, "a person is in two groups");
                }
            }
            assert_eq!(groups, draw(&truth, grouping, &mut Pcg64::seed_from_u64(seed)));
        }
    }
}
