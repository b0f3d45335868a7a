//! The first screen's sentences, which the terminal prints too. No word of statistics: whoever decides reads these.

use paname_evidence::{
    AttributeResult, Core, Evidence, InversionResult, LevelResult, MembershipResult, Reason, Row, Statistic,
    Unit, Verdict,
};
use paname_stats::level::FixedThreshold;

use super::found::{About, Found, declared_power};
use super::{epsilon, inversion, reason, words};
use crate::{Key, Language, key};

/// The row that the first screen shows: of the demonstrated leaks, the one that succeeds with the largest share of members beyond its share of
/// non-members, be it in recognising them or in guessing an attribute better than without the model, or with the largest share of classes beyond chance
/// in rebuilding what they hold; without a leak, the first row with figures, so that
/// nothing is chosen by its result.
pub(crate) fn lead_row(core: &Core) -> Option<(&Row, Found<'_>)> {
    shown_row(core.rows.iter().filter_map(|row| Some((row, Found::of(row)?))))
}

/// The same of rows about membership alone.
pub(crate) fn lead_membership(core: &Core) -> Option<&MembershipResult> {
    let rows = core.rows.iter().filter_map(|row| Some((row, Found::Membership(row.membership.as_ref()?))));
    shown_row(rows).and_then(|(row, _)| row.membership.as_ref())
}

fn shown_row<'a>(
    mut rows: impl Iterator<Item = (&'a Row, Found<'a>)> + Clone,
) -> Option<(&'a Row, Found<'a>)> {
    let gain = |found: Found| match found {
        Found::Membership(result) => {
            telling_rates(result).map_or(0.0, |fixed| fixed.tpr.estimate - fixed.fpr.estimate)
        }
        Found::Attribute(result) => result.difference.value,
        Found::Inversion(result) => beyond_chance(result),
    };
    let on_average = |found: Found| match found {
        Found::Membership(result) => result.auc.auc,
        Found::Attribute(_) | Found::Inversion(_) => 0.0,
    };
    rows.clone()
        .filter(|(row, _)| row.verdict == Verdict::LeakDemonstrated)
        .max_by(|(_, a), (_, b)| {
            gain(*a).total_cmp(&gain(*b)).then(on_average(*a).total_cmp(&on_average(*b)))
        })
        .or_else(|| rows.next())
}

/// The share of classes by which what was rebuilt points at members, or tells persons apart, more often than chance.
fn beyond_chance(result: &InversionResult) -> f64 {
    let persons = result.identified.as_ref().filter(|_| result.persons);
    let persons = persons.map_or(0.0, |identified| identified.first.estimate - identified.chance);
    (result.nearest.members.estimate - 0.5).max(persons)
}

/// The level at which rows are compared: the first declared one with both rates, a fine one before a coarse one.
pub(crate) fn headline_level(result: &MembershipResult) -> Option<&LevelResult> {
    first_level(result, |_| true)
}

/// The rates that speak for a row: those of a level where it beats chance; where only the average does, none; where nothing does, those of
/// [`headline_level`].
pub(crate) fn telling_rates(result: &MembershipResult) -> Option<FixedThreshold> {
    let significant = |p: Option<f64>| p.is_some_and(|p| p <= result.alpha);
    // Where a control passed, only the statistics that passed with it speak.
    let controlled = result.tests.iter().any(|test| significant(test.p_controlled));
    let beats_chance = |statistic: Statistic| {
        let mut tests = result.tests.iter().filter(|test| test.statistic == statistic);
        tests.any(|test| significant(if controlled { test.p_controlled } else { Some(test.p_adjusted) }))
    };
    first_level(result, |level| beats_chance(Statistic::TprAt(level.level)))
        .or_else(|| if beats_chance(Statistic::Auc) { None } else { headline_level(result) })
        .and_then(|level| level.fixed)
}

fn first_level(result: &MembershipResult, wanted: impl Fn(&LevelResult) -> bool) -> Option<&LevelResult> {
    let resolved = || result.levels.iter().filter(|level| level.fixed.is_some() && wanted(level));
    resolved().find(|level| !level.coarse).or_else(|| resolved().next())
}

/// Tests that gave figures.
pub(crate) fn ran(core: &Core) -> impl Iterator<Item = &Row> {
    core.rows.iter().filter(|row| Found::of(row).is_some())
}

/// Line 1: what was asked, and of how many; the tests that could not be run are said apart.
pub(crate) fn asked(core: &Core, language: Language) -> String {
    let model = match words::model_name(core) {
        Some(name) => language.fill(key!("asked.model"), &[("name", &name)]),
        None if core.target.is_none() => language.text(key!("asked.scores")),
        None => language.text(key!("asked.model_unnamed")),
    };
    let count = ran(core).count() as u64;
    let values = [("model", model.as_str()), ("people", &people(core, language))];
    let asked = match count {
        0 => language.fill(key!("asked.none"), &values),
        _ => language.plural(count, key!("asked.one"), key!("asked.many"), &values),
    };
    let stopped = core.rows.iter().filter(|row| row.attack.is_some() && Found::of(row).is_none()).count();
    match stopped as u64 {
        0 => asked,
        n => {
            let more = language.plural(n, key!("asked.stopped.one"), key!("asked.stopped.many"), &[]);
            format!("{asked} {more}")
        }
    }
}

/// Of whom or what: both sides in numbers.
fn people(core: &Core, language: Language) -> String {
    let data = &core.data;
    let sides = match data.member_persons.zip(data.non_member_persons) {
        Some((members, others)) if data.unit == Unit::Person => [
            language.plural(members, key!("asked.person.in.one"), key!("asked.person.in.many"), &[]),
            language.plural(others, key!("asked.person.out.one"), key!("asked.person.out.many"), &[]),
        ],
        _ => [
            language.plural(
                data.member_records,
                key!("asked.record.in.one"),
                key!("asked.record.in.many"),
                &[],
            ),
            language.plural(
                data.non_member_records,
                key!("asked.record.out.one"),
                key!("asked.record.out.many"),
                &[],
            ),
        ],
    };
    language.list(&sides)
}

/// Line 2: the verdict, and a claim that it refutes.
pub(crate) fn verdict_sentence(evidence: &Evidence, language: Language) -> String {
    let verdict = verdict(evidence, language);
    match epsilon::refuted(&evidence.core, language) {
        Some(refuted) => format!("{verdict} {refuted}"),
        None => verdict,
    }
}

fn verdict(evidence: &Evidence, language: Language) -> String {
    let core = &evidence.core;
    let total = ran(core).count() as u64;
    match evidence.verdict() {
        Verdict::LeakDemonstrated => leaks(core, total, language),
        Verdict::Inconclusive => {
            language.plural(total, key!("sentence.inconclusive.one"), key!("sentence.inconclusive.many"), &[])
        }
        Verdict::NoLeakDetected => {
            language.plural(total, key!("sentence.no_leak.one"), key!("sentence.no_leak.many"), &[])
        }
        Verdict::NotTested => language.text(key!("sentence.not_tested")),
        Verdict::NotApplicable => language.text(key!("sentence.not_applicable")),
    }
}

/// How many of the tests demonstrate a leak, and of which kind.
fn leaks(core: &Core, total: u64, language: Language) -> String {
    let leaks = || ran(core).filter(|row| row.verdict == Verdict::LeakDemonstrated);
    let count = leaks().count() as u64;
    let kinds = kinds(leaks());
    let all = language.count(total);
    let (only, every, one, many) = match &kinds[..] {
        [About::Attribute] => (
            key!("sentence.attribute.only"),
            key!("sentence.attribute.all"),
            key!("sentence.attribute.one"),
            key!("sentence.attribute.many"),
        ),
        [About::Inversion] => (
            key!("sentence.inversion.only"),
            key!("sentence.inversion.all"),
            key!("sentence.inversion.one"),
            key!("sentence.inversion.many"),
        ),
        [] | [About::Membership] => (
            key!("sentence.leak.only"),
            key!("sentence.leak.all"),
            key!("sentence.leak.one"),
            key!("sentence.leak.many"),
        ),
        several => {
            let what = alternatives(several, language, |about| match about {
                About::Membership => key!("mixed.membership"),
                About::Attribute => key!("mixed.attribute"),
                About::Inversion => key!("mixed.inversion"),
            });
            let n = language.count(count);
            return if count == total {
                language.fill(key!("sentence.mixed.all"), &[("n", &n), ("what", &what)])
            } else {
                language.fill(key!("sentence.mixed"), &[("n", &n), ("total", &all), ("what", &what)])
            };
        }
    };
    if count == total {
        language.plural(count, only, every, &[])
    } else {
        language.plural(count, one, many, &[("total", &all)])
    }
}

/// What these rows are about, each kind once.
fn kinds<'a>(rows: impl Iterator<Item = &'a Row>) -> Vec<About> {
    let found: Vec<About> = rows.map(About::row).collect();
    let all = [About::Membership, About::Attribute, About::Inversion];
    all.into_iter().filter(|about| found.contains(about)).collect()
}

/// A clause for each kind.
fn alternatives(kinds: &[About], language: Language, clause: impl Fn(&About) -> Key) -> String {
    let clauses: Vec<String> = kinds.iter().map(|about| language.text(clause(about))).collect();
    language.alternatives(&clauses)
}

/// What the audit asks, by what its tests are about.
pub(crate) fn question(core: &Core, language: Language) -> String {
    if core.target.is_none() {
        return language.text(key!("summary.asked.scores"));
    }
    let kinds = Some(kinds(ran(core))).filter(|kinds| !kinds.is_empty());
    let kinds = kinds.unwrap_or_else(|| vec![About::Membership]);
    let what = alternatives(&kinds, language, |about| match about {
        About::Membership => key!("asks.membership"),
        About::Attribute => key!("asks.attribute"),
        About::Inversion => key!("asks.inversion"),
    });
    let key = if kinds.len() > 1 { key!("summary.asked.many") } else { key!("summary.asked.one") };
    language.fill(key, &[("what", &what)])
}

/// Line 3 in its parts: the scope, the families that were not tested, the levels that the sample cannot resolve.
pub(crate) fn not_said(core: &Core, language: Language) -> Vec<String> {
    let mut parts = vec![language.text(key!("not_said.scope"))];
    let (senseless, untested) = reason::families_without_test(core, language);
    let named = |families: &[String], one, many| {
        let list = language.list(families);
        let count = families.len() as u64;
        (count > 0).then(|| language.plural(count, one, many, &[("families", &list)]))
    };
    parts.extend(named(&untested, key!("not_said.families.one"), key!("not_said.families.many")));
    parts.extend(named(&senseless, key!("not_said.senseless.one"), key!("not_said.senseless.many")));
    if ran(core).any(|row| About::row(row) == About::Attribute) {
        parts.push(language.text(key!("not_said.population")));
    }
    if ran(core).any(|row| About::row(row) == About::Inversion) {
        parts.push(language.text(key!("not_said.average")));
    }
    for (level, needed, got) in refused_levels(core) {
        parts.push(language.fill(
            key!("not_said.level"),
            &[
                ("level", &language.level(level)),
                ("needed", &language.count(needed)),
                ("got", &language.count(got)),
            ],
        ));
    }
    parts
}

/// The results whose levels speak for the audit: those of attacks on groups, of which there are few, only where there are no others.
fn of_levels(core: &Core) -> impl Iterator<Item = &MembershipResult> {
    let results = || core.rows.iter().filter_map(|row| row.membership.as_ref());
    let all = results().all(|result| result.groups.is_some());
    results().filter(move |result| all || result.groups.is_none())
}

/// Levels without any figure, each once: level, non-members needed, the most that a test had.
pub(crate) fn refused_levels(core: &Core) -> Vec<(f64, u64, u64)> {
    let mut refused: Vec<(f64, u64, u64)> = Vec::new();
    for result in of_levels(core) {
        for level in result.levels.iter().filter(|level| level.fixed.is_none() && level.same_data.is_none()) {
            match refused.iter_mut().find(|(known, ..)| *known == level.level) {
                Some((_, _, got)) => *got = (*got).max(result.non_members),
                None => refused.push((level.level, level.needed_non_members, result.non_members)),
            }
        }
    }
    refused
}

/// Levels with a figure from the same data but none at a fixed threshold, each once: level, non-members needed on each side, those that would fix
/// the threshold, those that would be counted.
pub(crate) fn levels_of_one_kind(core: &Core) -> Vec<(f64, u64, u64, u64)> {
    let mut found: Vec<(f64, u64, u64, u64)> = Vec::new();
    for result in of_levels(core) {
        for level in result.levels.iter().filter(|level| level.fixed.is_none() && level.same_data.is_some()) {
            if !found.iter().any(|(known, ..)| *known == level.level) {
                let fixing = result.non_members.saturating_sub(level.counted_non_members);
                found.push((level.level, level.needed_non_members, fixing, level.counted_non_members));
            }
        }
    }
    found
}

/// What the shown test found, in plain words.
pub(crate) fn finding(core: &Core, row: &Row, found: Found, language: Language) -> String {
    match found {
        Found::Membership(result) => of_membership(row, result, language),
        Found::Attribute(result) => of_attribute(core, row, result, language),
        Found::Inversion(result) => of_inversion(core, row, result, language),
    }
}

/// Whose the records nearest to what was rebuilt are, and what follows from it.
fn of_inversion(core: &Core, row: &Row, result: &InversionResult, language: Language) -> String {
    let plain = |reason: &Reason| match reason {
        Reason::AverageRebuilt { .. } => reason::in_row(reason, row, language),
        _ => reason::plain(reason, About::Inversion, language),
    };
    let mut sentences = vec![nearest(result, language)];
    if row.verdict == Verdict::LeakDemonstrated {
        let members = inversion::members_rebuilt(row);
        sentences.extend(members.then(|| language.text(key!("lead.inversion.members"))));
        sentences.extend(recognised(result, language));
        let persons = |reason: &&Reason| matches!(reason, Reason::PersonsIdentified { .. });
        sentences.extend(row.reasons.iter().filter(persons).map(plain));
        sentences.extend((!members).then(|| language.text(key!("lead.inversion.persons"))));
        return sentences.join(" ");
    }
    // The first sentence says that one.
    let told = |reason: &&Reason| !matches!(reason, Reason::PersonRebuilt { .. });
    sentences.extend(row.reasons.iter().filter(told).map(plain));
    if !row.reasons.iter().any(moot) {
        sentences.push(match result.detectable {
            Some(share) => language.fill(
                key!("lead.inversion.seen"),
                &[("power", &language.level(declared_power(core))), ("share", &language.percent(share))],
            ),
            None => language.text(key!("lead.seen.none")),
        });
    }
    sentences.join(" ")
}

/// The headline, and how often the class is recognised.
pub(crate) fn inversion_numbers(result: &InversionResult, language: Language) -> String {
    let sentences: Vec<String> =
        [nearest(result, language)].into_iter().chain(recognised(result, language)).collect();
    sentences.join(" ")
}

fn nearest(result: &InversionResult, language: Language) -> String {
    let members = &result.nearest.members;
    if members.trials == 0 {
        return language.text(key!("lead.inversion.uncompared"));
    }
    language.fill(
        key!("lead.inversion.numbers"),
        &[
            ("hits", &language.count(members.hits)),
            ("classes", &language.count(members.trials)),
            ("share", &language.percent(members.estimate)),
            ("range", &language.percent_range(&members.interval)),
        ],
    )
}

fn recognised(result: &InversionResult, language: Language) -> Option<String> {
    let recognised = result.attack.recognised.as_ref()?;
    let (hits, classes) = (language.count(recognised.hits), language.count(recognised.trials));
    Some(language.fill(key!("lead.inversion.recognised"), &[("hits", &hits), ("classes", &classes)]))
}

/// How well an attribute was guessed, and what follows from it.
fn of_attribute(core: &Core, row: &Row, result: &AttributeResult, language: Language) -> String {
    let numbers = attribute_numbers(result, language);
    if row.verdict == Verdict::LeakDemonstrated {
        return format!("{numbers} {}", language.text(key!("lead.attribute.leak")));
    }
    let mut sentences = vec![numbers];
    sentences.extend(row.reasons.iter().map(|reason| reason::plain(reason, About::Attribute, language)));
    if !row.reasons.iter().any(moot) {
        sentences.push(match result.detectable {
            Some(net) => language.fill(
                key!("lead.attribute.seen"),
                &[("power", &language.level(declared_power(core))), ("net", &language.points(net))],
            ),
            None => language.text(key!("lead.seen.none")),
        });
    }
    sentences.join(" ")
}

/// The three guessers and the headline in a sentence or two.
pub(crate) fn attribute_numbers(result: &AttributeResult, language: Language) -> String {
    let share = |accuracy: &paname_evidence::Accuracy| language.percent(accuracy.share);
    language.fill(
        key!("lead.attribute.numbers"),
        &[
            ("attribute", &result.attribute),
            ("members", &share(&result.attack.members)),
            ("members_without", &share(&result.imputation.members)),
            ("others", &share(&result.attack.non_members)),
            ("others_without", &share(&result.imputation.non_members)),
            ("net", &language.points(result.difference.value)),
            ("range", &language.points_range(&result.difference.interval)),
        ],
    )
}

fn of_membership(row: &Row, result: &MembershipResult, language: Language) -> String {
    let found = found(row, result, language);
    match words::groups_meaning(result, language) {
        Some(meaning) => format!("{meaning} {found}"),
        None => found,
    }
}

fn found(row: &Row, result: &MembershipResult, language: Language) -> String {
    if row.verdict != Verdict::LeakDemonstrated {
        return undetected(row, result, language);
    }
    let Some(fixed) = telling_rates(result) else { return on_average(result, language) };
    let key = if fixed.fpr.hits == 0 { key!("lead.leak.no_alarm") } else { key!("lead.leak") };
    let mut values = vec![
        ("level", language.level(fixed.level)),
        ("hits", language.count(fixed.tpr.hits)),
        ("members", language.count(fixed.tpr.trials)),
        ("others", language.count(fixed.fpr.trials)),
    ];
    if fixed.fpr.hits > 0 {
        values.push(("alarms", language.count(fixed.fpr.hits)));
    }
    let values: Vec<(&str, &str)> = values.iter().map(|(name, value)| (*name, value.as_str())).collect();
    language.fill(key, &values)
}

/// A leak that shows over all pairs of a member and a non-member, though not where false alarms must be rare.
fn on_average(result: &MembershipResult, language: Language) -> String {
    let of_hundred = |share: f64| language.decimal(100.0 * share, 1);
    let interval = &result.auc.interval;
    let pairs = language.fill(
        key!("lead.leak.average"),
        &[
            ("times", &of_hundred(result.auc.auc)),
            ("lower", &of_hundred(interval.lower)),
            ("upper", &of_hundred(interval.upper)),
        ],
    );
    let rare = match headline_level(result) {
        Some(level) => {
            language.fill(key!("lead.leak.average.flat"), &[("level", &language.level(level.level))])
        }
        None => language.text(key!("lead.leak.average.unresolved")),
    };
    format!("{pairs} {rare}")
}

/// Why the test does not settle the question, and, where it saw nothing, what it would have seen.
fn undetected(row: &Row, result: &MembershipResult, language: Language) -> String {
    let mut sentences: Vec<String> =
        row.reasons.iter().map(|reason| reason::plain(reason, About::Membership, language)).collect();
    if !row.reasons.iter().any(moot) {
        sentences.push(seen(result, language));
    }
    sentences.join(" ")
}

/// Whether, for this reason, what the sample would have shown is beside the point.
fn moot(reason: &Reason) -> bool {
    matches!(
        reason,
        Reason::Significant { .. }
            | Reason::Confounded { .. }
            | Reason::ReferencesTellMembers { .. }
            | Reason::RecordCountsTellMembers { .. }
            | Reason::ShiftSeen { .. }
            | Reason::BelowMargin { .. }
            | Reason::DifferenceBelowMargin { .. }
            | Reason::NearestBelowMargin { .. }
            | Reason::TooFewClasses { .. }
    )
}

/// The smallest effect that the test would have seen.
fn seen(result: &MembershipResult, language: Language) -> String {
    let power = language.level(result.power.power);
    let level = headline_level(result).map(|level| level.level);
    let tpr = result.power.tpr.iter().find(|(given, _)| Some(*given) == level).and_then(|(_, tpr)| *tpr);
    match (tpr, level, result.power.auc) {
        (Some(tpr), Some(level), _) => language.fill(
            key!("lead.seen.rate"),
            &[("power", &power), ("tpr", &language.percent(tpr)), ("level", &language.level(level))],
        ),
        (_, _, Some(auc)) => language.fill(
            key!("lead.seen.average"),
            &[("power", &power), ("times", &language.decimal(100.0 * auc, 1))],
        ),
        _ => language.text(key!("lead.seen.none")),
    }
}
