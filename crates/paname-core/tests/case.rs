//! Cases: consistency, rehearsal on a reference model, and chunks on any number of threads.

use std::borrow::Cow;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering};

use paname_core::{
    Access, Attribute, Case, CaseParts, Cohort, Ctx, Error, Findings, Grouping, Host, Labels, Membership,
    Needs, Query, Result, Scale, Signal, SignalSource, Target, TargetCard, Task, Tensor, Whom,
};

struct Nobody(TargetCard);

impl Target for Nobody {
    fn card(&self) -> &TargetCard {
        &self.0
    }
}

/// The signal of record r under model m and augmentation a is 1000 r + 10 m + a, negative for the population.
struct Numbers {
    models: usize,
    augmentations: usize,
}

impl SignalSource for Numbers {
    fn models(&self) -> usize {
        self.models
    }

    fn augmentations(&self) -> usize {
        self.augmentations
    }

    fn read(&self, _signal: Signal, whom: Whom, range: Range<usize>, out: &mut [f32]) -> Result<()> {
        let sign = if whom == Whom::Audited { 1.0 } else { -1.0 };
        let width = self.models * self.augmentations;
        assert_eq!(out.len(), range.len() * width);
        for (i, value) in out.iter_mut().enumerate() {
            let (r, m, a) = (range.start + i / width, i % width / self.augmentations, i % self.augmentations);
            *value = sign * (1000 * r + 10 * m + a) as f32;
        }
        Ok(())
    }
}

struct Setup {
    models: Vec<Nobody>,
    numbers: Numbers,
    records: usize,
    audited: Membership,
    population: Membership,
    labels: Labels,
}

impl Setup {
    fn new(records: usize, references: usize, augmentations: usize) -> Self {
        let mut audited = Membership::none(records, references);
        for r in 0..records {
            for m in (0..references).filter(|m| (r + m) % references == 0) {
                audited.insert(r, m);
            }
        }
        let card = |m: usize| TargetCard { name: format!("model {m}"), ..TargetCard::default() };
        Self {
            models: (0..=references).map(|m| Nobody(card(m))).collect(),
            numbers: Numbers { models: references + 1, augmentations },
            records,
            audited,
            population: Membership::none(5, references),
            labels: Labels::Classes { values: (0..records).map(|r| (r % 7) as u32).collect(), classes: 7 },
        }
    }

    fn case(&self) -> Result<Case<'_>> {
        let cohort = |n: usize, labels| Cohort { ids: (0..n as u32).collect(), labels };
        Case::new(CaseParts {
            task: Task::Classification,
            granted: Access::LOGITS,
            target: &self.models[0],
            references: self.models[1..].iter().map(|model| model as &dyn Target).collect(),
            audited: cohort(self.records, self.labels.clone()),
            population: cohort(5, Labels::None),
            audited_membership: Cow::Borrowed(&self.audited),
            population_membership: Cow::Borrowed(&self.population),
            signals: &self.numbers,
        })
    }

    fn refused(self) -> String {
        self.case().err().map(|error| error.to_string()).unwrap_or_default()
    }
}

#[test]
fn parts_that_disagree_are_named() {
    let good = || Setup::new(4, 2, 1);
    assert_eq!(good().refused(), "");
    assert_eq!(
        Setup { numbers: Numbers { models: 2, augmentations: 1 }, ..good() }.refused(),
        "models of the signals: expected 3, got 2"
    );
    assert_eq!(
        Setup { audited: Membership::none(4, 3), ..good() }.refused(),
        "membership of audited records: expected (4, 2), got (4, 3)"
    );
    assert_eq!(
        Setup { population: Membership::none(4, 2), ..good() }.refused(),
        "membership of population records: expected (5, 2), got (4, 2)"
    );
    let labels = |values: &[u32]| Labels::Classes { values: values.into(), classes: 3 };
    assert_eq!(
        Setup { labels: labels(&[0, 1, 2]), ..good() }.refused(),
        "labels of audited records: expected 4, got 3"
    );
    assert_eq!(
        Setup { labels: labels(&[0, 1, 3, 2]), ..good() }.refused(),
        "label 2 of audited records: expected a class below 3, got 3"
    );
    let values = Labels::Values(Tensor::from_vec(vec![0.0_f32; 3], &[3]).unwrap());
    assert_eq!(Setup { labels: values, ..good() }.refused(), "labels of audited records: expected 4, got 3");
}

#[test]
fn a_case_knows_what_it_was_given() {
    let setup = Setup::new(4, 2, 1);
    let case = setup.case().unwrap();
    assert_eq!(case.task(), Task::Classification);
    assert!(case.granted().contains(Access::PROBABILITIES | Access::LOSS | Access::LABELS));
    assert_eq!((case.references(), case.augmentations()), (2, 1));
    assert_eq!(case.target().card().name, "model 0");
    assert_eq!(case.reference(1).map(|model| model.card().name.as_str()), Some("model 2"));
    assert!(case.reference(2).is_none());
    assert_eq!((case.cohort(Whom::Audited).len(), case.cohort(Whom::Population).len()), (4, 5));
    assert_eq!(case.membership(Whom::Population).count_of_ones(), 0);
}

trait CountOfOnes {
    fn count_of_ones(&self) -> usize;
}

impl CountOfOnes for Membership {
    fn count_of_ones(&self) -> usize {
        (0..self.records()).map(|r| self.row(r).count()).sum()
    }
}

/// Every record's index, class, target and reference values and memberships.
type Seen = (usize, Option<u32>, Vec<f32>, Vec<f32>, Vec<bool>);

fn see(case: &Case<'_>, whom: Whom, threads: usize) -> Result<Vec<Seen>> {
    let ctx = Ctx::new(0, "test", threads, &());
    case.map_records(whom, &[Signal::Loss, Signal::Margin], &ctx, |record| {
        assert_eq!(record.target(0), record.target(1));
        Ok((
            record.index(),
            record.class(),
            record.target(0).to_vec(),
            record.references(1).to_vec(),
            record.membership().iter().collect(),
        ))
    })
}

#[test]
fn records_come_in_order_with_their_own_values_on_any_number_of_threads() {
    // Large enough for several chunks.
    let setup = Setup::new(9000, 3, 2);
    let case = setup.case().unwrap();
    let seen = see(&case, Whom::Audited, 1).unwrap();
    assert_eq!(seen.len(), 9000);
    for (r, (index, class, target, references, members)) in seen.iter().enumerate() {
        let base = (1000 * r) as f32;
        assert_eq!((*index, *class), (r, Some((r % 7) as u32)));
        assert_eq!(*target, [base, base + 1.0]);
        assert_eq!(*references, [10.0, 11.0, 20.0, 21.0, 30.0, 31.0].map(|value| base + value));
        assert_eq!(*members, [r % 3 == 0, (r + 1) % 3 == 0, (r + 2) % 3 == 0]);
    }
    for threads in [2, 5] {
        assert_eq!(see(&case, Whom::Audited, threads).unwrap(), seen);
    }
    let population = see(&case, Whom::Population, 2).unwrap();
    assert_eq!(population[3].1, None);
    assert_eq!(population[3].2, [-3000.0, -3001.0]);
}

#[test]
fn no_records_and_no_signals_are_fine() {
    let setup = Setup::new(0, 2, 1);
    assert_eq!(see(&setup.case().unwrap(), Whom::Audited, 3).unwrap(), []);
    let setup = Setup::new(5000, 0, 1);
    let case = setup.case().unwrap();
    let ctx = Ctx::new(0, "test", 2, &());
    let indices = case.map_records(Whom::Audited, &[], &ctx, |record| Ok(record.index())).unwrap();
    assert!(indices.into_iter().eq(0..5000));
}

#[test]
fn a_reference_model_takes_the_place_of_the_target() {
    let setup = Setup::new(30, 4, 2);
    let case = setup.case().unwrap();
    let rehearsal = case.with_reference_as_target(2).unwrap();
    assert_eq!((rehearsal.references(), rehearsal.target().card().name.as_str()), (3, "model 3"));
    assert_eq!(rehearsal.reference(2).map(|model| model.card().name.as_str()), Some("model 4"));
    let whole = see(&case, Whom::Audited, 1).unwrap();
    for (seen, all) in see(&rehearsal, Whom::Audited, 2).unwrap().iter().zip(&whole) {
        assert_eq!(seen.2, all.3[4..6]);
        assert_eq!(seen.3, [&all.3[..4], &all.3[6..]].concat());
        assert_eq!(seen.4, [&all.4[..2], &all.4[3..]].concat());
    }
    // Columns are followed through a second step; the true target stays away.
    let second = rehearsal.with_reference_as_target(0).unwrap();
    assert_eq!(second.target().card().name, "model 1");
    for (seen, all) in see(&second, Whom::Audited, 1).unwrap().iter().zip(&whole) {
        assert_eq!(seen.2, all.3[..2]);
        assert_eq!(seen.3, [&all.3[2..4], &all.3[6..]].concat());
    }
    // Of two models with complementary rows, one tells the rows of the other.
    let pair = Setup::new(30, 2, 1);
    assert_eq!(pair.case().unwrap().with_reference_as_target(0).unwrap().references(), 0);
    let last = Setup::new(3, 1, 1);
    let case = last.case().unwrap();
    let alone = case.with_reference_as_target(0).unwrap();
    assert_eq!(see(&alone, Whom::Audited, 1).unwrap()[1].2, [1010.0]);
    let error = alone.with_reference_as_target(0).err().map(|error| error.to_string());
    assert_eq!(error.as_deref(), Some("reference model: expected below 0, got 0"));
}

#[test]
fn the_first_error_in_record_order_is_reported() {
    let setup = Setup::new(20_000, 1, 1);
    let case = setup.case().unwrap();
    for threads in [1, 4] {
        let ctx = Ctx::new(0, "test", threads, &());
        for _ in 0..5 {
            let result = case.map_records(Whom::Audited, &[Signal::Loss], &ctx, |record| {
                if record.index() >= 5003 {
                    return Err(Error::Other(format!("record {}", record.index())));
                }
                Ok(())
            });
            assert_eq!(result, Err(Error::Other("record 5003".to_owned())));
        }
    }
}

/// Cancels after a number of ticks.
struct Impatient {
    patience: usize,
    ticks: AtomicUsize,
}

impl Host for Impatient {
    fn cancelled(&self) -> bool {
        self.ticks.fetch_add(1, Ordering::Relaxed) >= self.patience
    }
}

#[test]
fn a_cancelled_run_stops_within_a_chunk_per_thread() {
    let setup = Setup::new(100_000, 1, 1);
    let case = setup.case().unwrap();
    for threads in [1, 3] {
        let host = Impatient { patience: 2, ticks: AtomicUsize::new(0) };
        let ctx = Ctx::new(0, "test", threads, &host);
        let chunks = AtomicUsize::new(0);
        let result = case.map_chunks(Whom::Audited, &[Signal::Loss], &ctx, |_| {
            chunks.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        assert_eq!(result, Err(Error::Cancelled));
        assert!(chunks.into_inner() <= 2);
    }
}

#[test]
fn needs_are_checked_against_the_case() {
    let setup = Setup::new(6, 3, 1);
    let case = setup.case().unwrap();
    let check = |needs: Needs| needs.check(&case).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(check(Needs { references_min: 3, in_out_min: (1, 2), ..Needs::default() }), "");
    assert_eq!(check(Needs { references_min: 4, ..Needs::default() }), "reference models: 4 needed, 3 given");
    assert_eq!(
        check(Needs { population_min: 6, ..Needs::default() }),
        "population records: 6 needed, 5 given"
    );
    assert_eq!(
        check(Needs { in_out_min: (2, 0), ..Needs::default() }),
        "reference models fitted with audited record 0: 2 needed, 1 given"
    );
    assert_eq!(check(Needs { access: Access::TEXT, ..Needs::default() }), "access denied: text");
    let grouped = |size| Needs { groups: Some(Grouping { size, shares: false }), ..Needs::default() };
    assert_eq!(check(grouped(2)), "groups of records: 1 needed, 0 given");
    let case = setup.case().unwrap().with_groups(vec![vec![0, 5, 3].into(), vec![4, 1].into()]).unwrap();
    assert_eq!(grouped(2).check(&case), Ok(()));
    let error = grouped(3).check(&case).unwrap_err().to_string();
    assert_eq!(error, "records of a group: 3 needed, 2 given");
}

#[test]
fn groups_are_of_different_records_and_stay_when_a_model_plays_the_target() {
    let setup = Setup::new(6, 3, 1);
    let grouped = |groups: &[&[u32]]| {
        setup.case().unwrap().with_groups(groups.iter().map(|group| (*group).into()).collect())
    };
    let message =
        |groups: &[&[u32]]| grouped(groups).err().map(|error| error.to_string()).unwrap_or_default();
    assert_eq!(
        message(&[&[0, 6]]),
        "place 1 in the groups: expected a number below 6 that stands nowhere else, got 6"
    );
    assert_eq!(
        message(&[&[0, 1], &[2, 0]]),
        "place 3 in the groups: expected a number below 6 that stands nowhere else, got 0"
    );
    let case = grouped(&[&[5, 2], &[1]]).unwrap();
    let rehearsal = case.with_reference_as_target(1).unwrap();
    assert_eq!(rehearsal.groups(), case.groups());
    let numbers =
        |values: Vec<f64>| Findings::Groups(values).scores(&case).map_err(|error| error.to_string());
    assert_eq!(numbers(vec![1.0, f64::NEG_INFINITY]), Ok(vec![1.0, f64::NEG_INFINITY]));
    assert_eq!(numbers(vec![1.0]), Err("numbers: expected 2, one per group, got 1".into()));
    assert_eq!(numbers(vec![1.0, f64::NAN]), Err("number of group 1: expected a number, got NaN".into()));
    let scores = Findings::Membership(vec![0.0; 6]).scores(&case);
    assert_eq!(
        scores.unwrap_err().to_string(),
        "findings: expected numbers of groups, got findings of another kind"
    );
}

fn attribute(records: usize, candidates: usize) -> Attribute {
    let known = |records: usize| Tensor::from_vec(vec![0.0_f32; records], &[records, 1]).expect("a tensor");
    Attribute {
        name: "sex".into(),
        scale: Scale::Nominal,
        candidates: (0..candidates).map(|v| v.to_string()).collect(),
        population: vec![0, 1, 0, 1, 0].into(),
        audited_known: known(records),
        population_known: known(5),
        imputed: None,
    }
}

#[test]
fn a_reference_model_gives_no_value_of_its_own_records_away() {
    let setup = Setup::new(6, 3, 2);
    let case = setup.case().unwrap().with_attribute(attribute(6, 2)).unwrap();
    let ctx = Ctx::new(1, "test", 1, &());
    let read = |case: &Case<'_>| {
        case.map_records(Whom::Audited, &[Signal::Loss], &ctx, |record| {
            Ok((record.target(0).to_vec(), record.references(0).to_vec()))
        })
        .unwrap()
    };
    // Each record is in one of three models, r + m a multiple of 3.
    for (r, (target, references)) in read(&case).into_iter().enumerate() {
        let number = |m: usize, a: usize| (1000 * r + 10 * m + a) as f32;
        assert_eq!(target, [number(0, 0), number(0, 1)]);
        let own = (3 - r % 3) % 3;
        let other = usize::from(own == 0);
        for m in 0..3 {
            let shown = if m == own { other } else { m };
            assert_eq!(references[2 * m..2 * m + 2], [number(shown + 1, 0), number(shown + 1, 1)], "{r} {m}");
        }
    }
    // Nor does it in the place of the target, where it is what it is: only the engine, which has the case before, lets it play.
    assert!(matches!(case.with_reference_as_target(0), Err(Error::Missing { .. })));
    let plain = setup.case().unwrap();
    let rehearsal = plain.with_reference_as_target(0).unwrap().with_attribute(attribute(6, 2)).unwrap();
    assert_eq!(read(&rehearsal)[3].0, [3010.0, 3011.0]);
    // One candidate of it: the same.
    case.for_candidate(1, |one| {
        assert_eq!(read(one)[3].1, [3021.0, 3021.0, 3031.0]);
        assert!(matches!(one.with_reference_as_target(0), Err(Error::Missing { .. })));
        Ok(())
    })
    .unwrap();
    let asked = |records: &[u32]| {
        let query = Query::records(records.to_vec(), Access::LOGITS);
        case.reference(0).unwrap().predict(&query).unwrap_err()
    };
    assert!(matches!(asked(&[1, 2]), Error::Denied(_)), "the model offers nothing");
    assert!(matches!(asked(&[1, 3]), Error::Unsupported(_)), "record 3 is its own");
}

#[test]
fn attributes_that_do_not_go_with_their_case_are_refused() {
    let setup = Setup::new(6, 3, 2);
    let refused = |bend: fn(&mut Attribute)| {
        let mut bent = attribute(6, 2);
        bend(&mut bent);
        setup.case().unwrap().with_attribute(bent).err().map(|error| error.to_string()).unwrap_or_default()
    };
    assert_eq!(refused(|_| {}), "");
    for (bend, message) in [
        (
            (|a| a.candidates.truncate(1)) as fn(&mut Attribute),
            "attribute: expected a variant for each of at least 2 candidates, got 1 candidates and 2 variants",
        ),
        (|a| a.population = vec![0].into(), "values of the population: expected 5, got 1"),
        (
            |a| a.population = vec![0, 1, 2, 0, 0].into(),
            "value of a population record: expected a candidate below 2, got 2",
        ),
        (
            |a| a.audited_known = Tensor::from_vec(vec![f32::NAN; 6], &[6, 1]).unwrap(),
            "what is known of audited records: expected finite numbers, got one that is not",
        ),
        (
            |a| a.imputed = Some(Tensor::from_vec(vec![0.5_f64; 6], &[6, 1]).unwrap()),
            "imputed probabilities: expected [6, 2], got [6, 1]",
        ),
        (
            |a| a.imputed = Some(Tensor::from_vec(vec![1.5_f64; 12], &[6, 2]).unwrap()),
            "imputed probability: expected a number from 0 to 1, got another one",
        ),
    ] {
        assert_eq!(refused(bend), message);
    }
}
