//! The first screen's sentences, which the terminal prints too.

use paname_evidence::{Core, Evidence, LevelResult, MembershipResult, Reason, Row, Unit, Verdict};

use super::{reason, words};
use crate::{Language, key};

/// The row that the first screen shows: of the demonstrated leaks, the one that recognises the largest share of members above the share of false
/// alarms; without a leak, the first row with figures, so that nothing is chosen by its result.
pub(crate) fn lead_row(core: &Core) -> Option<(&Row, &MembershipResult)> {
    let with_figures = || core.rows.iter().filter_map(|row| Some((row, row.membership.as_ref()?)));
    let gain = |result: &MembershipResult| match headline_level(result).and_then(|level| level.fixed) {
        Some(fixed) => fixed.tpr.estimate - fixed.fpr.estimate,
        None => 0.0,
    };
    with_figures()
        .filter(|(row, _)| row.verdict == Verdict::LeakDemonstrated)
        .max_by(|(_, a), (_, b)| gain(a).total_cmp(&gain(b)).then(a.auc.auc.total_cmp(&b.auc.auc)))
        .or_else(|| with_figures().next())
}

/// The level that speaks for a row: the first declared one with both rates, a fine one before a coarse one.
pub(crate) fn headline_level(result: &MembershipResult) -> Option<&LevelResult> {
    let resolved = || result.levels.iter().filter(|level| level.fixed.is_some());
    resolved().find(|level| !level.coarse).or_else(|| resolved().next())
}

/// Line 1: what was asked, and of how many.
pub(crate) fn asked(core: &Core, language: Language) -> String {
    let n = |value: u64| language.count(value);
    let requested = requested(core).count() as u64;
    let model = match words::model_name(core) {
        Some(name) => language.fill(key!("asked.model"), &[("name", &name)]),
        None if core.target.is_none() => language.text(key!("asked.scores")),
        None => language.text(key!("asked.model_unnamed")),
    };
    let data = &core.data;
    let persons = data.member_persons.zip(data.non_member_persons);
    let people = match persons {
        Some((members, others)) if data.unit == Unit::Person => {
            language.fill(key!("asked.persons"), &[("members", &n(members)), ("others", &n(others))])
        }
        _ => language.fill(
            key!("asked.records"),
            &[("members", &n(data.member_records)), ("others", &n(data.non_member_records))],
        ),
    };
    language.plural(
        requested,
        key!("asked.one"),
        key!("asked.many"),
        &[("model", &model), ("people", &people)],
    )
}

/// Line 2: the verdict.
pub(crate) fn verdict_sentence(evidence: &Evidence, language: Language) -> String {
    let core = &evidence.core;
    let leaks = requested(core).filter(|row| row.verdict == Verdict::LeakDemonstrated).count() as u64;
    let total = language.count(requested(core).count() as u64);
    match evidence.verdict() {
        Verdict::LeakDemonstrated => language.plural(
            leaks,
            key!("sentence.leak.one"),
            key!("sentence.leak.many"),
            &[("total", &total)],
        ),
        Verdict::Inconclusive => language.text(key!("sentence.inconclusive")),
        Verdict::NotTested => language.text(key!("sentence.not_tested")),
        Verdict::NotApplicable => language.text(key!("sentence.not_applicable")),
    }
}

/// Line 3 in its parts: the scope, the families that were not tested, the levels that the sample cannot resolve.
pub(crate) fn not_said(core: &Core, language: Language) -> Vec<String> {
    let mut parts = vec![language.text(key!("not_said.scope"))];
    let families = reason::untested_families(core, language);
    if !families.is_empty() {
        parts.push(language.fill(key!("not_said.families"), &[("families", &language.list(&families))]));
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

/// Rows that the manifest asks for.
pub(crate) fn requested(core: &Core) -> impl Iterator<Item = &Row> {
    core.rows.iter().filter(|row| !row.reasons.contains(&Reason::NotRequested))
}

/// Levels without any figure, each once: level, non-members needed, the most that a test had.
pub(crate) fn refused_levels(core: &Core) -> Vec<(f64, u64, u64)> {
    let mut refused: Vec<(f64, u64, u64)> = Vec::new();
    for result in core.rows.iter().filter_map(|row| row.membership.as_ref()) {
        for level in result.levels.iter().filter(|level| level.fixed.is_none() && level.same_data.is_none()) {
            match refused.iter_mut().find(|(known, ..)| *known == level.level) {
                Some((_, _, got)) => *got = (*got).max(result.non_members),
                None => refused.push((level.level, level.needed_non_members, result.non_members)),
            }
        }
    }
    refused
}
