//! What the judge must pass: false alarms at most at the stated rate, planted leaks found, shifts not taken for leaks.

use paname_core::Grouping;
use paname_evidence::{Epsilon, EpsilonClaim, GuessRule, Measure, OneRunEpsilon};
use rand_core::{Rng, SeedableRng as _};
use rand_pcg::Pcg64;

use super::epsilon::Terms;
use super::*;
use crate::manifest::DifferentialPrivacy;

/// Standard normal draws (Box and Muller 1958).
fn normal(rng: &mut Pcg64) -> f64 {
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    (-2.0 * (1.0 - uniform()).ln()).sqrt() * (2.0 * std::f64::consts::PI * uniform()).cos()
}

fn settings(levels: &[f64]) -> Statistics {
    Statistics { fpr_targets: levels.to_vec(), ..Statistics::default() }
}

/// Half members.
fn truth(records: usize) -> Truth {
    Truth { member: (0..records).map(|i| i % 2 == 0).collect(), ..Truth::default() }
}

/// Scores with `shift` added to those of members.
fn scores(truth: &Truth, shift: f64, rng: &mut Pcg64) -> Vec<f64> {
    truth.member.iter().map(|&member| normal(rng) + if member { shift } else { 0.0 }).collect()
}

/// The verdict of an audit with one row per set of scores.
fn audit(
    rows: &[Scores],
    truth: &Truth,
    settings: &Statistics,
    split: Split,
    seed: u64,
) -> Vec<(Verdict, Vec<Reason>)> {
    let ctx = Ctx::new(seed, "audit", 1, &());
    let tests = most_tests(Rows { membership: rows.len(), ..Rows::default() }, settings);
    let mut results: Vec<MembershipResult> =
        rows.iter().map(|scores| measure(scores, truth, settings, tests, &ctx).unwrap()).collect();
    correct(results.iter_mut().flat_map(tested).collect()).unwrap();
    results.iter().map(|result| verdict(result, grounds(&[], split), settings)).collect()
}

fn grounds(validity: &[Reason], split: Split) -> Grounds<'_> {
    Grounds { validity, split, blind: None, doubts: &[], declared: true }
}

fn plain(target: Vec<f64>) -> Scores {
    Scores { target, ..Scores::default() }
}

/// Models that played the target, none of which knows any record.
fn ignorant(scores: Vec<Vec<f64>>) -> Vec<Played> {
    scores.into_iter().map(|scores| Played { rows: vec![false; scores.len()], scores }).collect()
}

/// Simulated audits where every change is checked; validations simulate `MANY`.
const AUDITS: u64 = 200;
const MANY: u64 = 1_000;

/// Whether so many may come from a rate of `rate`: its one-sided 99 % lower bound is then at most that.
fn within(rate: f64, count: u64, audits: u64) -> bool {
    paname_stats::binomial::clopper_pearson_lower(count, audits, 0.01).unwrap() <= rate
}

/// Prints a figure for `cargo xtask validate`, which puts it into `docs/validation.md`, and asserts that it is within its rate.
fn at_most(what: &str, rate: f64, count: u64) {
    let most = (0..=MANY).take_while(|&count| within(rate, count, MANY)).last().unwrap();
    let observed = format!("{:.1} % ({count})", 100.0 * count as f64 / MANY as f64);
    println!("validate: {what} | ≤ {} %: up to {most} | {observed} | {MANY}", 100.0 * rate);
    assert!(count <= most, "{what}: {count} of {MANY}, at most {most}");
}

/// Audits, of which seed `one` makes each, in which any row gets the verdict.
fn count(audits: u64, wanted: Verdict, one: impl Fn(u64) -> Vec<(Verdict, Vec<Reason>)>) -> u64 {
    (0..audits).filter(|&seed| one(seed).iter().any(|(verdict, _)| *verdict == wanted)).count() as u64
}

/// False alarms of audits of three rows, whose members chance drew.
fn false_alarms(audits: u64) -> u64 {
    let (truth, settings) = (truth(400), settings(&[0.05, 0.1]));
    count(audits, Verdict::LeakDemonstrated, |seed| {
        let mut rng = Pcg64::seed_from_u64(seed);
        let rows: Vec<Scores> = (0..3).map(|_| plain(scores(&truth, 0.0, &mut rng))).collect();
        audit(&rows, &truth, &settings, Split::Random, seed)
    })
}

#[test]
fn false_alarms_of_whole_audits_stay_at_the_stated_rate() {
    let alarms = false_alarms(AUDITS);
    assert!(alarms > 0 && within(0.05, alarms, AUDITS), "{alarms}");
}

#[test]
#[ignore = "a thousand audits"]
fn validate_false_leaks_where_chance_drew_the_members() {
    at_most("*leak demonstrated* in any of three rows at chance, random split", 0.05, false_alarms(MANY));
}

#[test]
#[ignore = "thousands of audits"]
fn validate_false_leaks_where_nobody_says_how_members_were_drawn() {
    let (truth, settings) = (truth(400), settings(&[0.1]));
    for (shift, models) in [(0.0, 8), (0.0, 24), (0.5, 8), (0.5, 24)] {
        let alarms = count(MANY, Verdict::LeakDemonstrated, |seed| {
            let row = shifted(&truth, shift, 0.0, models, &mut Pcg64::seed_from_u64(seed));
            audit(&[row], &truth, &settings, Split::Undeclared, seed)
        });
        let what = format!(
            "*leak demonstrated* without a leak, undeclared split, members {shift} deviations apart, {models} unrelated models"
        );
        at_most(&what, 0.05, alarms);
    }
}

/// Members and others in the ratio of 1 to 6, as many as levels of 1 and 0.1 % take; several records of one person, alike, and scores of few levels.
fn persons_with_ties(records_each: usize) -> (Truth, impl Fn(&mut Pcg64) -> Vec<f64>) {
    let owner: Vec<usize> = (0..7_000).flat_map(|person| vec![person; records_each]).collect();
    let truth = Truth {
        member: owner.iter().map(|person| person % 7 == 0).collect(),
        person: Some(owner.iter().map(ToString::to_string).collect()),
        ..Truth::default()
    };
    let draw = move |rng: &mut Pcg64| {
        let person: Vec<f64> = (0..7_000).map(|_| normal(rng)).collect();
        owner.iter().map(|&owner| ((person[owner] + normal(rng)) * 2.0).round() / 2.0).collect()
    };
    (truth, draw)
}

#[test]
#[ignore = "thousands of audits"]
fn validate_false_leaks_at_low_levels_with_ties_persons_and_groups() {
    let settings = settings(&[0.01, 0.001]);
    for (records, score) in [(1, PersonScore::Mean), (3, PersonScore::Mean), (3, PersonScore::Max)] {
        let settings = Statistics { person_score: score, ..settings.clone() };
        let (truth, draw) = persons_with_ties(records);
        let alarms = count(MANY, Verdict::LeakDemonstrated, |seed| {
            let row = plain(draw(&mut Pcg64::seed_from_u64(seed)));
            audit(&[row], &truth, &settings, Split::Random, seed)
        });
        let what = format!(
            "*leak demonstrated* at chance, at 1 and 0.1 %, scores of few levels, 1,000 persons and 6,000 others, {records} records each, {score:?}"
        );
        at_most(&what, 0.05, alarms);
    }
    let groups: Vec<Vec<u32>> = (0..700).map(|g| (5 * g..5 * (g + 1)).collect()).collect();
    let truth = Truth { member: (0..3_500).map(|r| (r / 5) % 2 == 0).collect(), ..Truth::default() };
    let judged = grouped::Judged { grouping: Grouping { size: 5, shares: false }, groups: &groups };
    let alarms = count(MANY, Verdict::LeakDemonstrated, |seed| {
        let mut rng = Pcg64::seed_from_u64(seed);
        let row = plain(groups.iter().map(|_| (4.0 * normal(&mut rng)).round()).collect());
        let ctx = Ctx::new(seed, "audit", 1, &());
        let tests = most_tests(Rows { membership: 1, ..Rows::default() }, &settings);
        let mut result = grouped::measure(&row, &judged, &truth, &settings, tests, &ctx).unwrap();
        correct(tested(&mut result)).unwrap();
        vec![verdict(&result, grounds(&[], Split::Random), &settings)]
    });
    at_most(
        "*leak demonstrated* at chance, at 1 %, 350 groups of five and as many others, scores of few levels",
        0.05,
        alarms,
    );
}

#[test]
#[ignore = "thousands of audits"]
fn validate_planted_leaks_are_found() {
    let (truth, settings) = (truth(400), settings(&[0.1]));
    let power = detectable(200, 200, &settings, 2).unwrap();
    let missed = |target: &dyn Fn(&mut Pcg64) -> Vec<f64>| {
        let found = count(MANY, Verdict::LeakDemonstrated, |seed| {
            let row = plain(target(&mut Pcg64::seed_from_u64(seed)));
            audit(&[row], &truth, &settings, Split::Random, seed)
        });
        MANY - found
    };
    // A shift of 0.36 gives an area of 0.600.
    let what =
        format!("planted leak missed: area 0.600, power of 80 % stated from {:.3} on", power.auc.unwrap());
    at_most(&what, 0.2, missed(&|rng| scores(&truth, 0.36, rng)));
    let (level, tpr) = power.tpr[0];
    let excess = tpr.unwrap() - level;
    let what = format!(
        "planted leak missed: excess of {excess:.3} at {level}, the smallest of which a power of 80 % is stated"
    );
    at_most(&what, 0.2, missed(&|rng| with_excess(&truth, excess / (1.0 - level), rng)));
}

#[test]
#[ignore = "a thousand audits"]
fn validate_false_absences() {
    let truth = truth(1600);
    let settings = Statistics { min_effect_tpr: 0.12, ..settings(&[0.1]) };
    let played = leaky_models(1600, 3, 2.0, &mut Pcg64::seed_from_u64(9));
    let absences = |excess: f64| {
        count(MANY, Verdict::NoLeakDetected, |seed| {
            let target = with_excess(&truth, excess / 0.9, &mut Pcg64::seed_from_u64(seed));
            let row = Scores { target, played: played.clone(), blind: None };
            audit(&[row], &truth, &settings, Split::Random, seed)
        })
    };
    at_most("*no leak detected* of an excess of 0.12, which is the margin", 0.05, absences(0.12));
}

#[test]
#[ignore = "a thousand audits"]
fn validate_false_bounds_on_an_excess() {
    at_most("bound on the excess below 0.12, which is the excess", 0.05, false_bounds(MANY));
}

#[test]
fn a_planted_leak_is_found_with_the_stated_power() {
    let (truth, settings) = (truth(400), settings(&[0.1]));
    let smallest = detectable(200, 200, &settings, 2).unwrap().auc.unwrap();
    // For two unit normals a shift of d gives AUC = Φ(d/√2): 0.36 gives 0.600, a little above what 200 a side detect with power 0.8 at 2.5 %.
    assert!((0.575..0.6).contains(&smallest), "{smallest}");
    let found = (0..100)
        .filter(|&seed| {
            let rows = vec![plain(scores(&truth, 0.36, &mut Pcg64::seed_from_u64(seed)))];
            audit(&rows, &truth, &settings, Split::Random, seed)[0].0 == Verdict::LeakDemonstrated
        })
        .count();
    assert!(found >= 80, "{found} of 100");
}

/// Members and non-members that differ by themselves score apart on every model, whoever its members were.
fn shifted(truth: &Truth, shift: f64, leak: f64, models: usize, rng: &mut Pcg64) -> Scores {
    let mut unrelated = || {
        let foreign: Vec<bool> = truth.member.iter().map(|_| rng.next_u64() & 1 == 1).collect();
        let own = scores(truth, shift, rng);
        own.iter().zip(foreign).map(|(s, f)| s + if f { leak } else { 0.0 }).collect()
    };
    let played = ignorant((0..models).map(|_| unrelated()).collect());
    Scores { played, target: scores(truth, shift + leak, rng), blind: None }
}

#[test]
fn a_shift_is_not_taken_for_a_leak_and_does_not_hide_one() {
    let (truth, settings) = (truth(400), settings(&[0.1]));
    for models in [8, 24] {
        let run = |leak: f64| {
            let one = |seed: u64| {
                let row = shifted(&truth, 0.5, leak, models, &mut Pcg64::seed_from_u64(seed));
                audit(&[row], &truth, &settings, Split::Undeclared, seed).remove(0)
            };
            (0..60).map(one).collect::<Vec<_>>()
        };
        let verdicts = run(0.0);
        let alarms = verdicts.iter().filter(|(v, _)| *v == Verdict::LeakDemonstrated).count();
        assert!(within(0.05, alarms as u64, 60), "{alarms} of 60 with {models} models");
        let confounded =
            verdicts.iter().filter(|(_, r)| r.iter().any(|r| matches!(r, Reason::Confounded { .. })));
        assert!(confounded.count() >= 50);
        let found = run(1.0).iter().filter(|(v, _)| *v == Verdict::LeakDemonstrated).count();
        assert!(found >= 55, "{found} of 60 with {models} models");
    }
}

#[test]
fn a_significant_difference_without_any_control_is_inconclusive() {
    let truth = truth(400);
    let row = || vec![plain(scores(&truth, 1.0, &mut Pcg64::seed_from_u64(1)))];
    let (verdict, reasons) = audit(&row(), &truth, &settings(&[0.1]), Split::Undeclared, 1).remove(0);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(matches!(reasons[..], [Reason::Significant { .. }, Reason::ShiftNotExcluded]));
    assert_eq!(audit(&row(), &truth, &settings(&[0.1]), Split::Random, 1)[0].0, Verdict::LeakDemonstrated);
}

#[test]
fn ties_everywhere_and_too_few_units_are_inconclusive() {
    let tied = audit(&[plain(vec![3.0; 400])], &truth(400), &settings(&[0.1]), Split::Random, 1).remove(0);
    assert_eq!(tied, (Verdict::Inconclusive, vec![Reason::AllTied]));
    let small = truth(30);
    let few = audit(
        &[plain(scores(&small, 9.0, &mut Pcg64::seed_from_u64(1)))],
        &small,
        &settings(&[0.1]),
        Split::Random,
        1,
    );
    let reason = Reason::TooFew { needed: FEWEST_UNITS, members: 15, non_members: 15 };
    assert_eq!(few[0], (Verdict::Inconclusive, vec![reason]));
}

#[test]
fn a_failed_fidelity_check_comes_before_everything_else() {
    let truth = truth(400);
    let ctx = Ctx::new(1, "audit", 1, &());
    let scores = plain(scores(&truth, 2.0, &mut Pcg64::seed_from_u64(1)));
    let mut result = measure(&scores, &truth, &settings(&[0.1]), 2, &ctx).unwrap();
    correct(tested(&mut result)).unwrap();
    let fidelity = [Reason::Fidelity {
        side: "train".into(),
        measure: Measure::Accuracy,
        declared: 0.99,
        measured: 0.5,
        causes: Vec::new(),
    }];
    let (verdict, reasons) = verdict(&result, grounds(&fidelity, Split::Random), &settings(&[0.1]));
    assert_eq!((verdict, reasons.as_slice()), (Verdict::Inconclusive, &fidelity[..]));
}

#[test]
fn a_level_that_the_sample_cannot_resolve_has_no_figure() {
    let truth = truth(1400);
    let ctx = Ctx::new(1, "audit", 1, &());
    let scores = plain(scores(&truth, 1.0, &mut Pcg64::seed_from_u64(1)));
    let result = measure(&scores, &truth, &settings(&[0.01, 0.001]), 3, &ctx).unwrap();
    let [coarse, refused] = &result.levels[..] else { panic!() };
    assert!(coarse.coarse && coarse.same_data.is_some() && coarse.fixed.is_some());
    assert_eq!(refused.needed_non_members, 2995);
    assert!(refused.same_data.is_none() && refused.fixed.is_none() && refused.precision.is_empty());
    assert_eq!(result.tests.len(), 2);
    assert_eq!(result.power.tpr[1], (0.001, None));
}

#[test]
fn infinite_scores_keep_their_ranks_and_the_evidence_its_numbers() {
    let settings = settings(&[0.1]);
    let values: Vec<f64> =
        (0..200).map(|i| if i % 2 == 0 { f64::INFINITY } else { f64::NEG_INFINITY }).collect();
    let records = truth(200);
    // Two records a person, on the same side as their scores.
    let persons =
        Truth { person: Some((0..200).map(|i| format!("{} {}", i % 2, i / 4)).collect()), ..truth(200) };
    for truth in [records, persons] {
        let ctx = Ctx::new(1, "audit", 1, &());
        let scores =
            Scores { target: values.clone(), played: ignorant(vec![values.clone(); 3]), blind: None };
        let result = measure(&scores, &truth, &settings, 2, &ctx).unwrap();
        assert_eq!(result.auc.auc, 1.0);
        let text = serde_json::to_string(&result).unwrap();
        assert_eq!(serde_json::from_str::<MembershipResult>(&text).unwrap(), result);
    }
}

#[test]
fn persons_are_counted_once() {
    let mut truth = truth(400);
    // Four records a person, all on one side.
    truth.member = (0..400).map(|i| i / 4 % 2 == 0).collect();
    truth.person = Some((0..400).map(|i| format!("person {}", i / 4)).collect());
    assert_eq!((truth.count(), truth.unit()), ((50, 50), Unit::Person));
    let result = measure(
        &plain(scores(&truth, 1.0, &mut Pcg64::seed_from_u64(3))),
        &truth,
        &settings(&[0.2]),
        2,
        &Ctx::new(1, "audit", 1, &()),
    )
    .unwrap();
    assert_eq!((result.members, result.non_members), (50, 50));
}

#[test]
fn truth_that_cannot_be_compared_is_refused() {
    let ids: Vec<String> = (0..4).map(|i| format!("r{i}")).collect();
    let message = |truth: Truth| truth.check(&ids, "records.csv").unwrap_err().to_string();
    let all = |member| Truth { member: vec![member; 4], ..Truth::default() };
    assert_eq!(
        message(all(true)),
        "records.csv: there are no non-members among the 4 audited records; an audit compares members with non-members"
    );
    assert_eq!(
        message(all(false)),
        "records.csv: there are no members among the 4 audited records; an audit compares members with non-members"
    );
    let torn = Truth {
        member: vec![true, false, true, false],
        person: Some(["Ada", "Ada", "Bob", "Cy"].map(str::to_owned).to_vec()),
        ..Truth::default()
    };
    let text = message(torn);
    assert!(
        text.contains("1 person(s)") && text.contains("\"r0\" and \"r1\"") && !text.contains("Ada"),
        "{text}"
    );
}

#[test]
fn slices_below_ten_units_have_no_figure() {
    let mut truth = truth(100);
    let group = (0..100).map(|i| if i < 90 { "large" } else { "small" }.to_owned()).collect();
    truth.slices = vec![(SliceKind::Group, group)];
    let result = measure(
        &plain(scores(&truth, 1.0, &mut Pcg64::seed_from_u64(3))),
        &truth,
        &settings(&[0.2]),
        2,
        &Ctx::new(1, "audit", 1, &()),
    )
    .unwrap();
    let [large, small] = &result.slices[..] else { panic!() };
    assert!(large.auc.is_some() && large.interval.is_some());
    assert_eq!((small.members, small.non_members, small.auc), (5, 5, None));
}

#[test]
fn the_most_exposed_are_members_under_names_that_only_the_key_explains() {
    let truth = truth(200);
    let values: Vec<f64> = (0..200).map(f64::from).collect();
    let most = |key: u8| most_exposed(&values, &truth, &settings(&[0.1]), 3, &[key; 32]).unwrap();
    let (one, other) = (most(1), most(2));
    assert_eq!(one.iter().map(|(_, record)| *record).collect::<Vec<_>>(), [198, 196, 194]);
    assert!(one.iter().zip(&other).all(|(a, b)| a.0.pseudonym != b.0.pseudonym && a.0.score == b.0.score));
    // Above all but one of the hundred non-members.
    assert_eq!(one[0].0.p, 2.0 / 101.0);
}

/// Rows of reference models, each of them a random half of the records that `pool` holds.
fn halves(pool: impl Fn(usize) -> bool, records: usize, models: usize, rng: &mut Pcg64) -> Vec<Vec<bool>> {
    let half = |rng: &mut Pcg64| (0..records).map(|i| pool(i) && rng.next_u64() & 1 == 1).collect();
    (0..models).map(|_| half(rng)).collect()
}

/// Whether every row is accepted, as the inputs step accepts them.
fn accepted(truth: &Truth, rows: &[Vec<bool>]) -> bool {
    let share = validity::TELLING / rows.len() as f64;
    rows.iter().all(|row| validity::row_p(truth, row).unwrap() > share)
}

#[test]
fn references_that_know_the_members_are_turned_away_and_independent_ones_are_not() {
    let truth = truth(400);
    let mut wrongly = 0;
    for seed in 0..200 {
        let mut rng = Pcg64::seed_from_u64(seed);
        let independent = halves(|_| true, 400, 16, &mut rng);
        wrongly += usize::from(!accepted(&truth, &independent));
        let of_members = halves(|i| truth.member[i], 400, 16, &mut rng);
        assert!(of_members.iter().all(|row| !accepted(&truth, std::slice::from_ref(row))), "seed {seed}");
    }
    assert!(wrongly <= 2, "{wrongly} of 200");
    // Thirty persons with many records each: their records are no independent witnesses.
    let persons = Truth {
        member: (0..600).map(|i| i / 20 % 2 == 0).collect(),
        person: Some((0..600).map(|i| format!("person {}", i / 20)).collect()),
        ..Truth::default()
    };
    let first_ten: Vec<bool> = (0..600).map(|i| i / 20 % 2 == 0 && i < 200).collect();
    assert!(accepted(&persons, &[first_ten]));
}

#[test]
fn references_whose_numbers_tell_the_members_demonstrate_nothing() {
    let truth = truth(400);
    for seed in 0..20 {
        let mut rng = Pcg64::seed_from_u64(seed);
        // Every record is in half of the models that were fitted together, the target among them: each row looks random, the counts do not.
        let counts: Vec<u64> = truth.member.iter().map(|&member| 8 - u64::from(member)).collect();
        let p = validity::counts_p(&truth, &counts).unwrap();
        assert!(p <= validity::TELLING);
        let score = counts.iter().map(|&n| -(n as f64) + 0.1 * normal(&mut rng)).collect();
        let settings = settings(&[0.1]);
        let mut result =
            measure(&plain(score), &truth, &settings, 2, &Ctx::new(seed, "audit", 1, &())).unwrap();
        correct(tested(&mut result)).unwrap();
        assert_eq!(verdict(&result, grounds(&[], Split::Random), &settings).0, Verdict::LeakDemonstrated);
        let telling = [Reason::ReferencesTellMembers { p }];
        assert_eq!(
            verdict(&result, grounds(&telling, Split::Random), &settings),
            (Verdict::Inconclusive, telling.to_vec())
        );
    }
    let independent = (0..200).filter(|&seed| {
        let rows = halves(|_| true, 400, 16, &mut Pcg64::seed_from_u64(seed));
        let counts: Vec<u64> = (0..400).map(|i| rows.iter().filter(|row| row[i]).count() as u64).collect();
        validity::counts_p(&truth, &counts).unwrap() <= validity::TELLING
    });
    assert!(independent.count() <= 2);
}

#[test]
fn the_largest_score_is_refused_where_members_have_more_records() {
    let mut settings = settings(&[0.1]);
    let persons = |of_members: usize| {
        let sizes = (0..100).map(|person| if person % 2 == 0 { of_members } else { 2 });
        let owner: Vec<usize> = sizes.enumerate().flat_map(|(person, n)| vec![person; n]).collect();
        Truth {
            member: owner.iter().map(|person| person % 2 == 0).collect(),
            person: Some(owner.iter().map(ToString::to_string).collect()),
            ..Truth::default()
        }
    };
    assert_eq!(validity::record_counts(&persons(4), &settings).unwrap(), None);
    settings.person_score = PersonScore::Max;
    assert_eq!(validity::record_counts(&persons(2), &settings).unwrap(), None);
    for more_or_fewer in [1, 4] {
        let found = validity::record_counts(&persons(more_or_fewer), &settings).unwrap();
        assert!(matches!(found, Some(Reason::RecordCountsTellMembers { p }) if p <= 0.001));
    }
}

#[test]
fn a_control_can_pass_whatever_the_number_of_tests() {
    // Twenty tests share 5 %: a rank among 24 gives 0.04 at best and would never pass.
    let truth = truth(400);
    let row = shifted(&truth, 0.5, 1.5, 24, &mut Pcg64::seed_from_u64(1));
    let result = measure(&row, &truth, &settings(&[0.1]), 20, &Ctx::new(1, "audit", 1, &())).unwrap();
    assert!(result.unrelated[0].p <= 0.05 / 20.0);
    // Two models are no control.
    let row = shifted(&truth, 0.5, 1.5, 2, &mut Pcg64::seed_from_u64(1));
    let result = measure(&row, &truth, &settings(&[0.1]), 2, &Ctx::new(1, "audit", 1, &())).unwrap();
    assert!(result.unrelated.is_empty());
}

#[test]
fn a_sample_too_small_for_the_effect_that_matters_is_called_so() {
    let underpowered = |records: usize, wanted: f64| {
        let truth = truth(records);
        let settings = Statistics { min_effect_tpr: wanted, ..settings(&[0.1]) };
        let rows = [plain(scores(&truth, 0.0, &mut Pcg64::seed_from_u64(5)))];
        let (_, reasons) = audit(&rows, &truth, &settings, Split::Random, 1).remove(0);
        assert!(matches!(reasons[0], Reason::NotSignificant { .. }), "{reasons:?}");
        reasons.into_iter().find_map(|reason| match reason {
            Reason::Underpowered { detectable, wanted } => Some((detectable, wanted)),
            _ => None,
        })
    };
    assert!(matches!(underpowered(400, 0.01), Some((Some(excess), 0.01)) if (0.1..0.3).contains(&excess)));
    assert_eq!(underpowered(400, 0.5), None);
    // Neither half of twenty-five non-members supports a level of 10 %.
    assert_eq!(underpowered(50, 0.5), Some((None, 0.5)));
}

/// Models on which half of the members stand out by `leak`, as members of the target do by less.
fn leaky_models(records: usize, models: usize, leak: f64, rng: &mut Pcg64) -> Vec<Played> {
    let mut one = || {
        let rows: Vec<bool> = (0..records).map(|_| rng.next_u64() & 1 == 1).collect();
        let scores = rows.iter().map(|&row| normal(rng) + if row { leak } else { 0.0 }).collect();
        Played { scores, rows }
    };
    (0..models).map(|_| one()).collect()
}

/// Scores of which members exceed the threshold of `level` by just `excess` more often than non-members do.
fn with_excess(truth: &Truth, excess: f64, rng: &mut Pcg64) -> Vec<f64> {
    let uniform = |rng: &mut Pcg64| (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let score = |&member: &bool| if member && uniform(rng) < excess { 9.0 } else { normal(rng) };
    truth.member.iter().map(score).collect()
}

#[test]
fn an_absence_is_shown_where_the_sample_allows_and_every_control_passes() {
    let truth = truth(1600);
    let settings = Statistics { min_effect_tpr: 0.12, ..settings(&[0.1]) };
    let mut rng = Pcg64::seed_from_u64(1);
    let played = leaky_models(1600, 4, 2.0, &mut rng);
    let row = Scores { target: scores(&truth, 0.0, &mut rng), played, blind: None };
    let judged = |row: &Scores, split, doubts: &[Reason], blind: Option<&Blind>| {
        let mut result = measure(row, &truth, &settings, 2, &Ctx::new(1, "audit", 1, &())).unwrap();
        correct(tested(&mut result)).unwrap();
        verdict(&result, Grounds { blind, doubts, ..grounds(&[], split) }, &settings)
    };
    let (found, reasons) = judged(&row, Split::Random, &[], None);
    assert_eq!(found, Verdict::NoLeakDetected, "{reasons:?}");
    // 12 % of 800 members.
    assert!(matches!(reasons[1], Reason::BelowMargin { upper, units: 96, .. } if upper < 0.12));
    assert!(matches!(reasons[2], Reason::PositiveControlPassed { detected } if detected >= 0.8));

    // Each control alone takes the claim away.
    let undeclared = judged(&row, Split::Undeclared, &[], None);
    assert_eq!(undeclared.0, Verdict::Inconclusive);
    assert!(undeclared.1.contains(&Reason::ShiftNotExcluded));
    let blind = |shift: f64, p: f64, rng: &mut Pcg64| {
        super::blind(&scores(&truth, shift, rng), Found { features: 1, p }, &truth, &settings).unwrap()
    };
    let even = blind(0.0, 0.6, &mut rng);
    assert_eq!(judged(&row, Split::Undeclared, &[], Some(&even)).0, Verdict::NoLeakDetected);
    let uneven = blind(0.5, 0.001, &mut rng);
    assert_eq!(judged(&row, Split::Undeclared, &[], Some(&uneven)).0, Verdict::Inconclusive);
    let doubt = [Reason::DeclaredUnmeasured];
    assert_eq!(judged(&row, Split::Random, &doubt, None).0, Verdict::Inconclusive);
    let mut result = measure(&row, &truth, &settings, 2, &Ctx::new(1, "audit", 1, &())).unwrap();
    correct(tested(&mut result)).unwrap();
    let undeclared = Grounds { declared: false, ..grounds(&[], Split::Random) };
    let (found, reasons) = verdict(&result, undeclared, &settings);
    assert!(found == Verdict::Inconclusive && reasons.contains(&Reason::FidelityUndeclared));
    let without = Scores { played: Vec::new(), ..row.clone() };
    let (found, reasons) = judged(&without, Split::Random, &[], None);
    assert!(found == Verdict::Inconclusive && reasons.contains(&Reason::NoPositiveControl));
    // An attack that sees nothing where there is something shows nothing by seeing nothing.
    let blunt = Scores { played: leaky_models(1600, 4, 0.1, &mut rng), ..row.clone() };
    let (found, reasons) = judged(&blunt, Split::Random, &[], None);
    assert_eq!(found, Verdict::Inconclusive);
    assert!(reasons.contains(&Reason::PositiveControlFailed { detected: None, wanted: 0.8 }));
}

/// Audits whose upper bound on the excess is below 0.12, which is the excess. The verdict asks for more; its other figures take long.
fn false_bounds(audits: u64) -> u64 {
    let truth = truth(1600);
    let settings = settings(&[0.1]);
    let below = |seed: &u64| {
        let target = with_excess(&truth, 0.12 / 0.9, &mut Pcg64::seed_from_u64(*seed));
        let ctx = Ctx::new(*seed, "audit", 1, &());
        let result = measure(&plain(target), &truth, &settings, 2, &ctx).unwrap();
        result.levels[0].excess.unwrap().excess_upper < 0.12
    };
    (0..audits).filter(below).count() as u64
}

#[test]
fn an_absence_is_claimed_of_a_leak_that_matters_at_most_at_the_stated_rate() {
    let claimed = false_bounds(AUDITS);
    assert!(within(0.05, claimed, AUDITS), "{claimed}");
    let truth = truth(1600);
    let settings = Statistics { min_effect_tpr: 0.12, ..settings(&[0.1]) };
    let played = leaky_models(1600, 3, 2.0, &mut Pcg64::seed_from_u64(9));
    let mut rng = Pcg64::seed_from_u64(1);
    let row = Scores { target: with_excess(&truth, 0.2, &mut rng), played, blind: None };
    assert_eq!(audit(&[row], &truth, &settings, Split::Random, 1)[0].0, Verdict::LeakDemonstrated);
}

#[test]
fn a_leak_must_exceed_what_is_seen_without_the_model() {
    let truth = truth(800);
    let settings = settings(&[0.1]);
    let mut rng = Pcg64::seed_from_u64(4);
    // Members differ by themselves, and what unrelated models find varies so much that they do not show it.
    let base = scores(&truth, 0.0, &mut rng);
    let shifted = |by: f64, noise: f64, rng: &mut Pcg64| -> Vec<f64> {
        let shift = truth.member.iter().map(|&member| if member { by } else { 0.0 });
        base.iter().zip(shift).map(|(score, shift)| score + shift + noise * normal(rng)).collect()
    };
    let played = ignorant((0..24).map(|_| shifted(0.0, 0.1, &mut rng)).collect());
    let blind = shifted(0.6, 0.1, &mut rng);
    let found = super::blind(&blind, Found { features: 1, p: 0.001 }, &truth, &settings).unwrap();
    let judged = |by: f64, rng: &mut Pcg64| {
        let row = Scores {
            target: shifted(by, 0.1, rng),
            played: played.clone(),
            blind: Some((blind.clone(), true)),
        };
        let mut result = measure(&row, &truth, &settings, 2, &Ctx::new(1, "audit", 1, &())).unwrap();
        correct(tested(&mut result)).unwrap();
        let grounds = Grounds { blind: Some(&found), ..grounds(&[], Split::Undeclared) };
        verdict(&result, grounds, &settings)
    };
    let (verdict, reasons) = judged(0.6, &mut rng);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(reasons.iter().any(|reason| matches!(reason, Reason::NotBeyondBlind { .. })), "{reasons:?}");
    assert_eq!(judged(1.8, &mut rng).0, Verdict::LeakDemonstrated);
    let seen = validity::shift(&found, Split::Random);
    assert!(matches!(seen, Some(Reason::ShiftSeen { .. })));
    assert_eq!(validity::shift(&found, Split::Undeclared), None);
}

#[test]
fn members_that_can_be_named_are_counted_in_a_mixed_pool() {
    let truth = truth(2000);
    let settings = Statistics { priors: vec![0.5, 0.01], ..settings(&[0.1]) };
    let result = |shift: f64| {
        let row = plain(scores(&truth, shift, &mut Pcg64::seed_from_u64(2)));
        measure(&row, &truth, &settings, 2, &Ctx::new(1, "audit", 1, &())).unwrap()
    };
    let named = |shift: f64| result(shift).inferable.iter().map(|named| named.members).collect::<Vec<_>>();
    assert!(named(0.0).iter().all(|n| *n < 20), "{:?}", named(0.0));
    let [even, rare] = named(4.0)[..] else { panic!() };
    assert!(even > 600 && rare < even, "{even} {rare}");
}

#[test]
fn members_that_can_be_named_by_models_without_them_are_counted() {
    let truth = truth(2000);
    let settings = Statistics { priors: vec![0.5], ..settings(&[0.1]) };
    let named = |shift: f64, models: usize| {
        let mut rng = Pcg64::seed_from_u64(4);
        // Each record has a difficulty of its own, far larger than the spread between models, so that among other records members hide.
        let ease: Vec<f64> = (0..2000).map(|_| 20.0 * normal(&mut rng)).collect();
        let mut rows: Vec<bool> = Vec::new();
        let played = (0..models).map(|model| {
            // Pairs that complement each other.
            let half = (0..2000).map(|r| if model % 2 == 1 { !rows[r] } else { rng.next_u64() & 1 == 1 });
            rows = half.collect();
            Played { scores: ease.iter().map(|ease| ease + normal(&mut rng)).collect(), rows: rows.clone() }
        });
        let played = played.collect();
        let own = scores(&truth, shift, &mut rng);
        let target = own.iter().zip(&ease).map(|(own, ease)| own + ease).collect();
        let row = Scores { target, played, blind: None };
        let result = measure(&row, &truth, &settings, 2, &Ctx::new(1, "audit", 1, &())).unwrap();
        (result.inferable[0].members, result.inferable_by_models.first().copied())
    };
    let (among_others, by_models) = named(8.0, 16);
    let by_models = by_models.unwrap();
    assert!(among_others < 50 && by_models.members > 800, "{among_others} {by_models:?}");
    assert!(by_models.realised.unwrap() < 0.05, "{by_models:?}");
    let none = named(0.0, 16).1.unwrap();
    assert!(none.members < 20, "{none:?}");
    // Each unit is without three models of six.
    assert_eq!(named(8.0, 6).1, None);
}

#[test]
fn the_procedure_is_audited_over_all_models_that_played() {
    let truth = truth(400);
    let mut rng = Pcg64::seed_from_u64(6);
    let row = |leak: f64, rng: &mut Pcg64| Scores {
        target: scores(&truth, 0.0, rng),
        played: leaky_models(400, 8, leak, rng),
        blind: None,
    };
    let figures = |row: &Scores| {
        let result = measure(row, &truth, &settings(&[0.1]), 2, &Ctx::new(1, "audit", 1, &())).unwrap();
        result.procedure.unwrap()
    };
    let (clean, leaky) = (figures(&row(0.0, &mut rng)), figures(&row(1.0, &mut rng)));
    assert_eq!((clean.models, clean.units), (8, 400));
    assert!(clean.figures.auc.interval.contains(0.5), "{clean:?}");
    // Φ(1/√2) = 0.760.
    assert!(
        leaky.figures.auc.interval.contains(0.760) && leaky.figures.auc.interval.lower > 0.7,
        "{leaky:?}"
    );
    assert_eq!(leaky.figures.levels.len(), 1);
}

#[test]
fn an_audit_that_is_looked_at_after_every_query_raises_no_more_false_alarms() {
    let (truth, settings) = (truth(400), settings(&[0.1]));
    let looked = |shift: f64, seed: u64| {
        let row = plain(scores(&truth, shift, &mut Pcg64::seed_from_u64(seed)));
        let result = measure(&row, &truth, &settings, 1, &Ctx::new(seed, "audit", 1, &())).unwrap();
        result.levels[0].anytime.unwrap()
    };
    let alarms = (0..AUDITS).filter(|&seed| looked(0.0, seed).conclusive_after.is_some()).count();
    assert!(within(0.05, alarms as u64, AUDITS), "{alarms}");
    let found = looked(2.0, 1);
    // One hundred non-members are counted, each with a member.
    assert_eq!(found.queries, 200);
    assert!(found.conclusive_after.unwrap() < 100 && found.ln_e > 3.0, "{found:?}");
}

/// Canaries, and the figures of an attack that is told of each coin what randomised response says of it: the truth with odds e^ε, which is exactly
/// ε-differentially private. Scores differ otherwise by noise alone.
fn randomised_response(canaries: usize, true_epsilon: f64, seed: u64) -> OneRunEpsilon {
    let mut rng = Pcg64::seed_from_u64(seed);
    let mut uniform = || (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let honest = 1.0 / (1.0 + (-true_epsilon).exp());
    let member: Vec<bool> = (0..canaries).map(|_| uniform() < 0.5).collect();
    let said = |coin: bool, uniform: &mut dyn FnMut() -> f64| if uniform() < honest { coin } else { !coin };
    let scores: Vec<f64> =
        member.iter().map(|&coin| f64::from(said(coin, &mut uniform)) + 0.5 * uniform()).collect();
    let truth = Truth { canary: Some(vec![true; canaries]), member, ..Truth::default() };
    let settings = Statistics::default();
    bounds(&scores, &truth, &settings, &Terms::new(None, &settings, 1))
}

fn bounds(scores: &[f64], truth: &Truth, settings: &Statistics, terms: &Terms) -> OneRunEpsilon {
    match epsilon::epsilon(scores, truth, &[], settings, terms).unwrap() {
        Some(Epsilon::OneRun(found)) => found,
        other => panic!("{other:?}"),
    }
}

/// Audits of which any bound lies above the true ε.
fn above_the_truth(audits: u64, true_epsilon: f64) -> u64 {
    let above = |seed: &u64| {
        let found = randomised_response(1000, true_epsilon, *seed);
        found.one_run.bound.max(found.curve.bound) > true_epsilon
    };
    (0..audits).filter(above).count() as u64
}

#[test]
fn bounds_on_epsilon_stay_below_the_truth_and_near_it() {
    for true_epsilon in [0.5, 2.0] {
        let above = above_the_truth(AUDITS, true_epsilon);
        assert!(within(0.05, above, AUDITS), "{above} of {AUDITS} above {true_epsilon}");
    }
    // 100 guesses that are right with probability 0.95: a bound that says nothing would pass the law as well.
    let mean = (0..50).map(|seed| randomised_response(1000, 3.0, seed).one_run.bound).sum::<f64>() / 50.0;
    assert!((1.5..3.0).contains(&mean), "{mean}");
}

#[test]
#[ignore = "thousands of audits"]
fn validate_bounds_on_epsilon_under_randomised_response() {
    for true_epsilon in [0.1, 0.5, 1.0, 2.0, 3.0] {
        let above = above_the_truth(MANY, true_epsilon);
        at_most(
            &format!("any bound of an audit above ε = {true_epsilon} of randomised response"),
            0.05,
            above,
        );
    }
}

#[test]
fn guesses_follow_the_rule_and_share_the_error_of_the_audit() {
    let truth = Truth { canary: Some(vec![true; 40]), ..truth(40) };
    // Members score highest.
    let scores: Vec<f64> = (0..40).map(|i| f64::from(i) + 100.0 * f64::from(i % 2 == 0)).collect();
    let of = |guesses, rows| {
        let settings = Statistics { epsilon_guesses: guesses, ..Statistics::default() };
        let claim = DifferentialPrivacy { claimed_epsilon: 0.25, delta: 1e-6 };
        bounds(&scores, &truth, &settings, &Terms::new(Some(&claim), &settings, rows))
    };
    let usual = of(None, 1);
    assert_eq!((usual.rule, usual.guesses, usual.guessed_in, usual.guessed_out), (GuessRule::Tenth, 4, 2, 2));
    // Chance alone is right four times in one audit of sixteen: nothing can be concluded at a third of 5 %.
    assert_eq!((usual.right, usual.one_run.ceiling, usual.curve.ceiling), (4, 0.0, 0.0));
    assert_eq!(usual.claim, Some(EpsilonClaim { epsilon: 0.25, refuted: false }));
    let declared = of(Some(15), 1);
    assert_eq!((declared.rule, declared.guessed_in, declared.guessed_out), (GuessRule::Declared, 8, 7));
    assert_eq!((declared.canaries, declared.right, declared.delta), (40, 15, 1e-6));
    assert_eq!(declared.one_run.bound, declared.one_run.ceiling);
    assert_eq!(declared.claim.map(|claim| claim.refuted), Some(true));
    // At a third of 5 %, each of 15 right guesses has a probability of (0.05 / 3)^(1/15) at least.
    let rate = (0.05_f64 / 3.0).powf(1.0 / 15.0);
    let expected = (rate / (1.0 - rate)).ln();
    assert!((declared.one_run.bound - expected).abs() < 0.01, "{declared:?} {expected}");
    assert!(of(Some(15), 4).one_run.bound < declared.one_run.bound);
}

#[test]
fn a_person_is_one_canary_and_other_records_are_none() {
    // Forty persons with two records each, of whom every second was a member; twenty are canaries.
    let person = |record: usize| record / 2;
    let truth = Truth {
        member: (0..80).map(|record| person(record) % 2 == 0).collect(),
        person: Some((0..80).map(|record| format!("p{}", person(record))).collect()),
        canary: Some((0..80).map(|record| record < 40).collect()),
        ..Truth::default()
    };
    // Right about canaries, wrong about everybody else.
    let scores: Vec<f64> = (0..80).map(|record| f64::from(truth.member[record] == (record < 40))).collect();
    let settings = Statistics { epsilon_guesses: Some(20), ..Statistics::default() };
    let found = bounds(&scores, &truth, &settings, &Terms::new(None, &settings, 1));
    assert_eq!((found.canaries, found.guesses, found.right), (20, 20, 20));
}

#[test]
fn few_canaries_whose_coins_fell_alike_bound_nothing() {
    for (member, right) in [(true, 2), (false, 1)] {
        let truth = Truth { member: vec![member; 3], canary: Some(vec![true; 3]), ..Truth::default() };
        let settings = Statistics { epsilon_guesses: Some(3), ..Statistics::default() };
        let found = bounds(&[1.0, 2.0, 3.0], &truth, &settings, &Terms::new(None, &settings, 1));
        assert_eq!((found.right, found.one_run.bound, found.curve.bound), (right, 0.0, 0.0));
    }
}

#[test]
fn without_committed_coins_the_figure_is_a_heuristic_at_a_threshold_fixed_apart() {
    let (truth, settings) = (truth(2000), settings(&[0.1, 0.01]));
    let scores = scores(&truth, 3.0, &mut Pcg64::seed_from_u64(5));
    let ctx = Ctx::new(1, "audit", 1, &());
    let result = measure(&plain(scores.clone()), &truth, &settings, 3, &ctx).unwrap();
    let terms = Terms::new(None, &settings, 1);
    let of = |levels: &[LevelResult]| epsilon::epsilon(&scores, &truth, levels, &settings, &terms).unwrap();
    let Some(Epsilon::Heuristic(found)) = of(&result.levels) else { panic!("no heuristic") };
    let fixed = result.levels.iter().find(|level| level.level == found.level).unwrap().fixed.unwrap();
    let bound =
        |tp, fp| paname_stats::epsilon::lower_bound(tp, 1000, fp, fixed.fpr.trials, 1e-5, 0.025).unwrap();
    assert_eq!(found.figure.bound, bound(fixed.tpr.hits, fixed.fpr.hits));
    assert_eq!(found.figure.ceiling, bound(1000, 0));
    assert!(found.figure.bound > 1.0 && found.figure.bound < found.figure.ceiling, "{found:?}");
    assert_eq!(of(&[]), None);
}

/// The table of an attribute that says as little as it may.
fn table() -> crate::AttributeTable {
    serde_json::from_value(serde_json::json!({ "name": "ill", "column": "ill" })).unwrap()
}

/// How guesses come about in a simulated audit of an attribute of three values.
#[derive(Clone, Copy)]
struct Guessing {
    /// Records of a person.
    each: usize,
    /// Probability that the attack is right of a member, and of a non-member.
    right: [f64; 2],
    /// The same of whoever guesses without the model.
    imputed: [f64; 2],
    /// By how much members are easier for the attack whatever the model.
    natural: f64,
    /// Reference models.
    models: usize,
}

/// One simulated audit of an attribute: `persons` of each side.
fn guessed(
    persons: usize,
    how: Guessing,
    settings: &Statistics,
    split: Split,
    seed: u64,
) -> (paname_evidence::AttributeResult, Verdict, Vec<Reason>) {
    let mut rng = Pcg64::seed_from_u64(seed);
    let records = 2 * persons * how.each;
    let person = |record: usize| record / how.each;
    let truth = Truth {
        member: (0..records).map(|r| person(r) % 2 == 0).collect(),
        person: (how.each > 1).then(|| (0..records).map(|r| person(r).to_string()).collect()),
        ..Truth::default()
    };
    let uniform = |rng: &mut Pcg64| (rng.next_u64() >> 11) as f64 / (1_u64 << 53) as f64;
    let values: Vec<u32> = (0..records).map(|_| below(&mut rng, 3) as u32).collect();
    // Persons are easy or hard: their records hang together.
    let ease: Vec<f64> = (0..2 * persons).map(|_| 0.6 * uniform(&mut rng) - 0.3).collect();
    let mut scores = |member: &[bool], rate: [f64; 2], natural: f64| {
        let each = (0..records).flat_map(|r| {
            let easy = if how.each > 1 { ease[person(r)] } else { 0.0 };
            let rate = rate[usize::from(!member[r])] + easy + if truth.member[r] { natural } else { 0.0 };
            let right = uniform(&mut rng) < rate;
            let guess = if right { values[r] } else { (values[r] + 1 + below(&mut rng, 2) as u32) % 3 };
            (0..3).map(move |v| if v == guess { 1.0 } else { 0.0 })
        });
        each.collect::<Vec<f64>>()
    };
    let target = scores(&truth.member, how.right, how.natural);
    let imputed = scores(&truth.member, how.imputed, 0.0);
    let mut played = Vec::new();
    for _ in 0..how.models {
        let mut order: Vec<usize> = (0..2 * persons).collect();
        shuffle(&mut order, &mut Pcg64::seed_from_u64(seed ^ (played.len() as u64 + 1)));
        let mut chosen = vec![false; 2 * persons];
        order.iter().take(persons).for_each(|&p| chosen[p] = true);
        let rows: Vec<bool> = (0..records).map(|r| chosen[person(r)]).collect();
        let found = scores(&rows, how.right, how.natural);
        played.push(Played { scores: found, rows });
    }
    let table = table();
    let guesses = guesses::Guesses {
        table: &table,
        scale: paname_core::Scale::Nominal,
        candidates: 3,
        left_out: 0,
        known: records as u64,
        learned: persons as u64,
        twins: 0,
        values,
        prior: 0,
        target,
        imputed,
        played,
    };
    let tests = most_tests(Rows { attribute: 1, ..Rows::default() }, settings);
    let ctx = Ctx::new(seed, "audit", 1, &());
    let mut result = guesses::measure(&guesses, &truth, settings, tests, &ctx).unwrap();
    correct(vec![guesses::tested(&mut result)]).unwrap();
    let (verdict, reasons) = guesses::verdict(&result, grounds(&[], split), settings);
    (result, verdict, reasons)
}

const CHANCE: Guessing = Guessing { each: 1, right: [0.5; 2], imputed: [0.55; 2], natural: 0.0, models: 0 };

#[test]
fn a_difference_in_differences_is_a_leak_and_an_equal_gain_is_none() {
    let settings = settings(&[0.1]);
    let leak = Guessing { right: [0.75, 0.5], models: 4, ..CHANCE };
    let (result, verdict, _) = guessed(400, leak, &settings, Split::Random, 3);
    assert_eq!(verdict, Verdict::LeakDemonstrated);
    assert!((result.difference.value - 0.25).abs() < 0.1 && result.difference.interval.lower > 0.1);
    assert!((result.advantage.value - 0.25).abs() < 0.1);
    // Much better than imputation of both alike: population knowledge.
    let equal = Guessing { right: [0.8; 2], ..CHANCE };
    let (result, verdict, reasons) = guessed(400, equal, &settings, Split::Random, 3);
    assert_eq!(verdict, Verdict::Inconclusive);
    assert!(result.beyond.iter().all(|side| side.p < 1e-6 && side.gain.value > 0.15));
    assert!(reasons.iter().any(|reason| matches!(reason, Reason::PopulationInference { .. })), "{reasons:?}");
    // The other way round nothing is demonstrated.
    let worse = Guessing { right: [0.5, 0.75], ..CHANCE };
    assert_eq!(guessed(400, worse, &settings, Split::Random, 3).1, Verdict::Inconclusive);
}

#[test]
fn absence_of_a_difference_needs_a_bound_and_a_control_that_sees() {
    let settings = Statistics { min_effect_accuracy: 0.12, ..settings(&[0.1]) };
    let (result, verdict, reasons) =
        guessed(2_000, Guessing { models: 4, ..CHANCE }, &settings, Split::Random, 5);
    // The attack finds nothing on reference models either.
    assert_eq!(verdict, Verdict::Inconclusive, "{reasons:?}");
    assert!(result.positive.unwrap().detected.is_none() && result.upper < 0.12);
    let blind = guessed(2_000, CHANCE, &settings, Split::Random, 5).2;
    assert!(blind.contains(&Reason::NoPositiveControl), "{blind:?}");
    // It would find much where a model learned by heart, and finds nothing here.
    let mut sees = Guessing { right: [0.9, 0.5], models: 4, ..CHANCE };
    let reference = guessed(2_000, sees, &settings, Split::Random, 5).0.positive.unwrap();
    assert!(
        (reference.individual.unwrap().value - 0.4).abs() < 0.05 && (reference.difference - 0.4).abs() < 0.05
    );
    assert!(reference.detected.unwrap().estimate > 0.8);
    sees.right = [0.5; 2];
    let quiet = guessed(2_000, sees, &settings, Split::Random, 5).0;
    let result = paname_evidence::AttributeResult { positive: Some(reference), ..quiet };
    let (verdict, reasons) = guesses::verdict(&result, grounds(&[], Split::Random), &settings);
    assert_eq!(verdict, Verdict::NoLeakDetected, "{reasons:?}");
}

#[test]
#[ignore = "simulates thousands of audits"]
fn validate_false_alarms_of_guesses() {
    let settings = settings(&[0.1]);
    for (what, persons, how, split) in [
        ("records, random split", 300, CHANCE, Split::Random),
        ("persons of three records, random split", 150, Guessing { each: 3, ..CHANCE }, Split::Random),
        (
            "records, a better attack than imputation",
            300,
            Guessing { right: [0.8; 2], ..CHANCE },
            Split::Random,
        ),
        (
            "records, undeclared split, 8 unrelated models",
            300,
            Guessing { models: 8, ..CHANCE },
            Split::Undeclared,
        ),
        (
            "records, undeclared split, members easier by 0.1, 8 unrelated models",
            300,
            Guessing { models: 8, natural: 0.1, ..CHANCE },
            Split::Undeclared,
        ),
    ] {
        let alarms = count(MANY, Verdict::LeakDemonstrated, |seed| {
            let (_, verdict, reasons) = guessed(persons, how, &settings, split, seed);
            vec![(verdict, reasons)]
        });
        at_most(&format!("*leak demonstrated* of an attribute guessed alike of both, {what}"), 0.05, alarms);
    }
}

#[test]
#[ignore = "simulates thousands of audits"]
fn validate_intervals_of_differences() {
    let settings = settings(&[0.1]);
    for (what, how) in [
        ("records", Guessing { right: [0.65, 0.5], ..CHANCE }),
        ("persons of three records", Guessing { each: 3, right: [0.65, 0.5], ..CHANCE }),
    ] {
        let found: Vec<paname_evidence::AttributeResult> =
            (0..MANY).map(|seed| guessed(250, how, &settings, Split::Random, seed).0).collect();
        let missed = found.iter().filter(|result| {
            let interval = result.difference.interval;
            !(interval.lower..=interval.upper).contains(&0.15)
        });
        at_most(
            &format!("interval of a difference in differences of 0.15 that misses it, {what}"),
            0.05,
            missed.count() as u64,
        );
        let above = found.iter().filter(|result| result.upper < 0.15).count() as u64;
        at_most(&format!("upper bound below the difference of 0.15, {what}"), 0.05, above);
    }
}

/// Guesses that differ from imputation on few members only, where resamples know little of what was not seen.
#[test]
#[ignore = "simulates thousands of audits"]
fn validate_bounds_of_rare_differences() {
    let settings = settings(&[0.1]);
    for persons in [150, 400] {
        let below = (0..MANY).filter(|&seed| {
            let mut rng = Pcg64::seed_from_u64(seed);
            let truth = truth(2 * persons);
            let one_hot = |v: u32| (0..3).map(move |w| f64::from(u8::from(v == w)));
            // Imputation is never right, and the attack of one member in twenty.
            let right = |member: bool, rng: &mut Pcg64| member && below(rng, 20) == 0;
            let target: Vec<f64> =
                truth.member.iter().flat_map(|&member| one_hot(u32::from(right(member, &mut rng)))).collect();
            let imputed = (0..2 * persons).flat_map(|_| one_hot(0)).collect();
            let values = vec![1; 2 * persons];
            let table = table();
            let guesses = guesses::Guesses {
                table: &table,
                scale: paname_core::Scale::Nominal,
                candidates: 3,
                left_out: 0,
                known: 1,
                learned: 1,
                twins: 0,
                values,
                prior: 0,
                target,
                imputed,
                played: Vec::new(),
            };
            let ctx = Ctx::new(seed, "audit", 1, &());
            guesses::measure(&guesses, &truth, &settings, 1, &ctx).unwrap().upper < 0.05
        });
        let what = format!(
            "upper bound below the difference of 0.05, guesses that differ on a twentieth of {persons} members"
        );
        at_most(&what, 0.05, below.count() as u64);
    }
}

#[test]
#[ignore = "simulates thousands of audits"]
fn validate_power_of_guesses() {
    let settings = settings(&[0.1]);
    let detectable = guessed(400, CHANCE, &settings, Split::Random, 1).0.detectable.unwrap();
    let planted = Guessing { right: [0.5 + detectable, 0.5], ..CHANCE };
    let found = count(MANY, Verdict::LeakDemonstrated, |seed| {
        let (_, verdict, reasons) = guessed(400, planted, &settings, Split::Random, seed);
        vec![(verdict, reasons)]
    });
    at_most(
        &format!(
            "planted difference of {detectable:.3} missed, the smallest of which a power of 80 % is stated"
        ),
        0.2,
        MANY - found,
    );
}
