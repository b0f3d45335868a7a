//! Peeking attacks: they look wherever truth might lie besides the answers of the target.

use paname_core::{Case, Whom};

use crate::chance::assert_chance;

/// Checks that a case hides who is a member: neither the order of the audited records, nor their numbers, nor the rows of the reference models
/// tell, nor do the order of groups and the places of their records, groups being all of members or of others (Fisher's exact test, one in a million).
/// `truth` is in the order of the case.
///
/// # Panics
/// Where something tells.
pub fn check_blind(case: &Case<'_>, truth: &[bool]) {
    let ids = &case.audited().ids;
    let membership = case.membership(Whom::Audited);
    let records = ids.len();
    let peek = |what: &str, score: &dyn Fn(usize) -> f64| {
        let scores: Vec<f64> = (0..records).map(score).collect();
        assert_chance(&format!("peeking at {what}"), &scores, truth);
    };
    peek("the order of the records", &|r| r as f64);
    peek("the parity of the order", &|r| (r % 2) as f64);
    peek("the numbers of the records", &|r| f64::from(ids[r]));
    peek("the parity of the numbers", &|r| f64::from(ids[r] % 2));
    peek("the rise of the numbers", &|r| f64::from(ids[r]) - f64::from(ids[(r + 1) % records]));
    peek("the rows of the reference models", &|r| membership.row(r).count() as f64);
    for k in 0..membership.models() {
        peek(&format!("the row of reference model {k}"), &|r| f64::from(membership.row(r).contains(k)));
    }
    let groups = case.groups();
    if groups.is_empty() {
        return;
    }
    let whose: Vec<bool> = groups.iter().map(|group| truth[group[0] as usize]).collect();
    let peek = |what: &str, score: &dyn Fn(usize) -> f64| {
        let scores: Vec<f64> = (0..groups.len()).map(score).collect();
        assert_chance(&format!("peeking at {what}"), &scores, &whose);
    };
    peek("the order of the groups", &|g| g as f64);
    peek("the parity of their order", &|g| (g % 2) as f64);
    peek("the number of their records", &|g| groups[g].len() as f64);
    peek("the place of their first record", &|g| f64::from(groups[g][0]));
    peek("the rise of their places", &|g| f64::from(u8::from(groups[g].is_sorted())));
    peek("the sum of their places", &|g| groups[g].iter().copied().map(f64::from).sum());
}

#[cfg(test)]
mod tests {
    use std::panic::AssertUnwindSafe;

    use super::*;
    use crate::{Behaviour, Size, Toy};

    #[test]
    fn toys_hide_their_truth() {
        let toy = Toy::new(Behaviour::Memorising, Size::default(), 3);
        check_blind(&toy.case().unwrap(), toy.truth());
    }

    #[test]
    fn groups_of_members_first_are_found_out() {
        let mut toy = Toy::new(Behaviour::Null, Size::default(), 3);
        let truth = toy.truth().to_vec();
        toy.group_by(10, |r| truth[r]);
        check_blind(&toy.case().unwrap(), &truth);
        toy.groups.sort_by_key(|group| !truth[group[0] as usize]);
        let caught = std::panic::catch_unwind(AssertUnwindSafe(|| check_blind(&toy.case().unwrap(), &truth)));
        let message = *caught.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("the order of the groups"), "{message}");
    }

    #[test]
    fn members_first_is_found_out() {
        let toy = Toy::new(Behaviour::Null, Size::default(), 3);
        let mut order: Vec<u32> = (0..800).collect();
        order.sort_by_key(|r| !toy.truth()[*r as usize]);
        let toy = toy.reordered(&order);
        let caught =
            std::panic::catch_unwind(AssertUnwindSafe(|| check_blind(&toy.case().unwrap(), toy.truth())));
        let message = *caught.unwrap_err().downcast::<String>().unwrap();
        assert!(message.contains("the order of the records"), "{message}");
    }
}
