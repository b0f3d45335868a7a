//! Reasons in words.

use paname_evidence::{Cause, Core, Measure, PossibleAttack, Reason, Row, Scaling};

use super::found::{About, Found};
use super::words;
use crate::{Key, Language, key};

/// A reason as a row about such a thing gives it.
pub(crate) fn sentence(reason: &Reason, about: About, language: Language) -> String {
    match about {
        About::Attribute => of_attribute(reason, language).unwrap_or_else(|| common(reason, language)),
        About::Inversion => of_inversion(reason, language).unwrap_or_else(|| common(reason, language)),
        About::Membership => common(reason, language),
    }
}

/// Reasons that speak of scores or of members recognised, where an attribute is guessed.
fn of_attribute(reason: &Reason, language: Language) -> Option<String> {
    Some(match reason {
        Reason::Significant { p_adjusted, alpha } => language.fill(
            key!("reason.attribute.significant"),
            &[("p", &language.p_equation(*p_adjusted)), ("alpha", &language.level(*alpha))],
        ),
        Reason::NotSignificant { p_adjusted, alpha } => language.fill(
            key!("reason.attribute.not_significant"),
            &[("p", &language.p_equation(*p_adjusted)), ("alpha", &language.level(*alpha))],
        ),
        Reason::TooFew { needed, members, non_members } => language.fill(
            key!("reason.attribute.too_few"),
            &[
                ("needed", &language.count(*needed)),
                ("members", &language.count(*members)),
                ("others", &language.count(*non_members)),
            ],
        ),
        Reason::AllTied => language.text(key!("reason.attribute.all_tied")),
        _ => return None,
    })
}

/// Reasons that speak of scores or of records asked about, where inputs are rebuilt.
fn of_inversion(reason: &Reason, language: Language) -> Option<String> {
    if let Reason::Budget { needed, allowed, per_class } = reason {
        let each = per_class.map_or_else(String::new, |each| {
            language.fill(key!("reason.inversion.budget.each"), &[("each", &language.count(each))])
        });
        let values = [
            ("needed", &*language.count(*needed)),
            ("allowed", &*language.count(*allowed)),
            ("each", &*each),
        ];
        return Some(language.fill(key!("reason.inversion.budget"), &values));
    }
    let (key, p_adjusted, alpha) = match reason {
        Reason::Significant { p_adjusted, alpha } => {
            (key!("reason.inversion.significant"), p_adjusted, alpha)
        }
        Reason::NotSignificant { p_adjusted, alpha } => {
            (key!("reason.inversion.not_significant"), p_adjusted, alpha)
        }
        _ => return None,
    };
    let values = [("p", &*language.p_equation(*p_adjusted)), ("alpha", &*language.level(*alpha))];
    Some(language.fill(key, &values))
}

fn common(reason: &Reason, language: Language) -> String {
    let p = |value: f64| language.p_equation(value);
    let n = |value: u64| language.count(value);
    match reason {
        Reason::Significant { p_adjusted, alpha } => language
            .fill(key!("reason.significant"), &[("p", &p(*p_adjusted)), ("alpha", &language.level(*alpha))]),
        Reason::NotSignificant { p_adjusted, alpha } => language.fill(
            key!("reason.not_significant"),
            &[("p", &p(*p_adjusted)), ("alpha", &language.level(*alpha))],
        ),
        Reason::AboveUnrelatedModels { p: control } => {
            language.fill(key!("reason.above_unrelated"), &[("p", &p(*control))])
        }
        Reason::Confounded { p: control, alpha } => language
            .fill(key!("reason.confounded"), &[("p", &p(*control)), ("alpha", &language.level(*alpha))]),
        Reason::ShiftNotExcluded => language.text(key!("reason.shift_not_excluded")),
        Reason::RandomSplitDeclared => language.text(key!("reason.random_split")),
        Reason::TooFew { needed, members, non_members } => language.fill(
            key!("reason.too_few"),
            &[("needed", &n(*needed)), ("members", &n(*members)), ("others", &n(*non_members))],
        ),
        Reason::TooFewGroups { needed, members, non_members, size, records } => language.fill(
            key!("reason.too_few_groups"),
            &[
                ("needed", &n(*needed)),
                ("members", &n(*members)),
                ("others", &n(*non_members)),
                ("size", &n(*size)),
                ("records", &n(*records)),
            ],
        ),
        Reason::AllTied => language.text(key!("reason.all_tied")),
        Reason::References { what, needed, got } => language.fill(
            key!("reason.references"),
            &[("what", &missing(what, language)), ("needed", &n(*needed)), ("got", &n(*got))],
        ),
        Reason::Access { missing } => {
            language.fill(key!("reason.access"), &[("missing", &missing.join(", "))])
        }
        Reason::EvaluatorKnowsMembers { members, non_members, p } => language.fill(
            key!("reason.evaluator_knows_members"),
            &[
                ("members", &language.percent(*members)),
                ("others", &language.percent(*non_members)),
                ("p", &language.p_equation(*p)),
            ],
        ),
        Reason::NoGradients { questions, allowed, generator } => {
            let remedy = match allowed {
                Some(allowed) if questions > allowed => {
                    language.fill(key!("reason.no_gradients.budget"), &[("allowed", &n(*allowed))])
                }
                _ => language.text(key!("reason.no_gradients.possible")),
            };
            let values = [("questions", &*n(*questions)), ("remedy", &*remedy)];
            let key =
                if *generator { key!("reason.no_gradients.generator") } else { key!("reason.no_gradients") };
            language.fill(key, &values)
        }
        Reason::Possible { attacks } if attacks.is_empty() => language.text(key!("reason.possible.none")),
        Reason::Possible { attacks } => {
            let one = |PossibleAttack { attack, questions }: &PossibleAttack| {
                let values = [("attack", &**attack), ("questions", &*n(*questions))];
                language.fill(key!("reason.possible.attack"), &values)
            };
            let attacks: Vec<String> = attacks.iter().map(one).collect();
            language.fill(key!("reason.possible"), &[("attacks", &attacks.join(", "))])
        }
        Reason::Budget { needed, allowed, .. } => {
            language.fill(key!("reason.budget"), &[("needed", &n(*needed)), ("allowed", &n(*allowed))])
        }
        Reason::Fidelity { side, measure, declared, measured, causes } => {
            let (key, number): (_, &dyn Fn(f64) -> String) = match measure {
                Measure::Accuracy => (key!("reason.fidelity"), &|share| language.percent(share)),
                Measure::Loss => (key!("reason.fidelity.loss"), &|loss| language.decimal(loss, 3)),
            };
            language.fill(
                key,
                &[
                    ("side", &fidelity_side(side, language)),
                    ("declared", &number(*declared)),
                    ("measured", &number(*measured)),
                    ("causes", &self::causes(causes, language)),
                ],
            )
        }
        Reason::DeclaredUnmeasured => language.text(key!("reason.declared_unmeasured")),
        Reason::ProxyMismatch { target, references, allowed } => language.fill(
            key!("reason.proxy_mismatch"),
            &[
                ("target", &language.percent(*target)),
                ("references", &language.percent(*references)),
                ("allowed", &language.percent(*allowed)),
            ],
        ),
        Reason::ReferencesTellMembers { p: counts } => {
            language.fill(key!("reason.references_tell"), &[("p", &p(*counts))])
        }
        Reason::RecordCountsTellMembers { p: counts } => {
            language.fill(key!("reason.record_counts_tell"), &[("p", &p(*counts))])
        }
        Reason::Underpowered { detectable: Some(detectable), wanted } => language.fill(
            key!("reason.underpowered"),
            &[("detectable", &language.percent(*detectable)), ("wanted", &language.percent(*wanted))],
        ),
        Reason::Underpowered { detectable: None, wanted } => {
            language.fill(key!("reason.underpowered.none"), &[("wanted", &language.percent(*wanted))])
        }
        Reason::NotRequested => language.text(key!("reason.not_requested")),
        Reason::DeclaredNotApplicable { why } => {
            language.fill(key!("reason.declared_not_applicable"), &[("why", why.trim_end_matches('.'))])
        }
        Reason::Task => language.text(key!("reason.task")),
        Reason::Texts { rebuilt: true } => language.text(key!("reason.texts")),
        Reason::Texts { rebuilt: false } => language.text(key!("reason.texts.none")),
        Reason::Failed { message } => language.fill(key!("reason.failed"), &[("message", message)]),
        Reason::BelowMargin { upper, wanted, units } => language.fill(
            key!("reason.below_margin"),
            &[
                ("upper", &language.percent(*upper)),
                ("wanted", &language.percent(*wanted)),
                ("units", &n(*units)),
            ],
        ),
        Reason::NotBelowMargin { upper, wanted } => language.fill(
            key!("reason.not_below_margin"),
            &[("upper", &language.percent(*upper)), ("wanted", &language.percent(*wanted))],
        ),
        Reason::NoLevelResolved => language.text(key!("reason.no_level_resolved")),
        Reason::NoPositiveControl => language.text(key!("reason.no_positive_control")),
        Reason::PositiveControlFailed { detected: Some(detected), wanted } => language.fill(
            key!("reason.positive_control_failed"),
            &[("detected", &language.percent(*detected)), ("wanted", &language.percent(*wanted))],
        ),
        Reason::PositiveControlFailed { detected: None, .. } => {
            language.text(key!("reason.positive_control_failed.none"))
        }
        Reason::PositiveControlPassed { detected } => language
            .fill(key!("reason.positive_control_passed"), &[("detected", &language.percent(*detected))]),
        Reason::ShiftSeen { auc, p: shift } => language
            .fill(key!("reason.shift_seen"), &[("auc", &language.decimal(*auc, 3)), ("p", &p(*shift))]),
        Reason::NotBeyondBlind { auc, p: beyond } => language.fill(
            key!("reason.not_beyond_blind"),
            &[("auc", &language.decimal(*auc, 3)), ("p", &p(*beyond))],
        ),
        Reason::FidelityUndeclared => language.text(key!("reason.fidelity_undeclared")),
        Reason::DifferenceBelowMargin { upper, wanted } => language.fill(
            key!("reason.difference_below"),
            &[("upper", &language.points(*upper)), ("wanted", &language.points(*wanted))],
        ),
        Reason::DifferenceNotBelowMargin { upper, wanted } => language.fill(
            key!("reason.difference_not_below"),
            &[("upper", &language.points(*upper)), ("wanted", &language.points(*wanted))],
        ),
        Reason::DifferenceUnderpowered { detectable: Some(detectable), wanted } => language.fill(
            key!("reason.difference_underpowered"),
            &[("detectable", &language.points(*detectable)), ("wanted", &language.points(*wanted))],
        ),
        Reason::DifferenceUnderpowered { detectable: None, wanted } => language
            .fill(key!("reason.difference_underpowered.none"), &[("wanted", &language.points(*wanted))]),
        Reason::PopulationInference { attack, prior } => language.fill(
            key!("reason.population"),
            &[("attack", &language.percent(*attack)), ("prior", &language.percent(*prior))],
        ),
        Reason::ImputerKnowsLess { rows, target_rows } => {
            language.fill(key!("reason.imputer"), &[("rows", &n(*rows)), ("target_rows", &n(*target_rows))])
        }
        Reason::PersonRebuilt { hits, classes } => {
            language.fill(key!("reason.person_rebuilt"), &[("hits", &n(*hits)), ("classes", &n(*classes))])
        }
        Reason::PersonsIdentified { hits, classes, chance } => language.fill(
            key!("reason.persons_identified"),
            &[("hits", &n(*hits)), ("classes", &n(*classes)), ("chance", &language.percent(*chance))],
        ),
        Reason::AverageRebuilt { recognised, chance } => language.fill(
            key!("reason.average_rebuilt"),
            &[("recognised", &language.percent(*recognised)), ("chance", &language.percent(*chance))],
        ),
        Reason::NothingRebuilt { recognised, chance } => language.fill(
            key!("reason.nothing_rebuilt"),
            &[("recognised", &language.percent(*recognised)), ("chance", &language.percent(*chance))],
        ),
        Reason::NoEvaluator => language.text(key!("reason.no_evaluator")),
        Reason::PartlyRebuilt => language.text(key!("reason.partly_rebuilt")),
        Reason::TooFewClasses { needed, classes } => language
            .fill(key!("reason.too_few_classes"), &[("needed", &n(*needed)), ("classes", &n(*classes))]),
        Reason::NearestBelowMargin { upper, wanted } => language.fill(
            key!("reason.nearest_below"),
            &[("upper", &language.percent(*upper)), ("wanted", &language.percent(*wanted))],
        ),
        Reason::NearestNotBelowMargin { upper, wanted } => language.fill(
            key!("reason.nearest_not_below"),
            &[("upper", &language.percent(*upper)), ("wanted", &language.percent(*wanted))],
        ),
        Reason::NearestUnderpowered { detectable: Some(detectable), wanted } => language.fill(
            key!("reason.nearest_underpowered"),
            &[("detectable", &language.percent(*detectable)), ("wanted", &language.percent(*wanted))],
        ),
        Reason::NearestUnderpowered { detectable: None, wanted } => {
            language.fill(key!("reason.nearest_underpowered.none"), &[("wanted", &language.percent(*wanted))])
        }
        Reason::CandidateBudget { needed, allowed, candidates, sample } => language.fill(
            key!("reason.candidate_budget"),
            &[
                ("needed", &n(*needed)),
                ("allowed", &n(*allowed)),
                ("candidates", &n(*candidates)),
                ("remedy", &smaller_sample(*sample, language)),
            ],
        ),
    }
}

/// How many records to draw, as it is written in a manifest.
fn smaller_sample(sample: u64, language: Language) -> String {
    match sample {
        0 => language.text(key!("candidate_budget.never")),
        n => language.fill(key!("candidate_budget.sample"), &[("sample", &n.to_string())]),
    }
}

/// A reason for whoever decides: without p-values, which the details give.
pub(crate) fn plain(reason: &Reason, about: About, language: Language) -> String {
    language.text(match (reason, about) {
        (Reason::Significant { .. }, About::Membership) => key!("plain.significant"),
        (Reason::Significant { .. }, About::Attribute) => key!("plain.attribute.significant"),
        (Reason::Significant { .. }, About::Inversion) => key!("plain.inversion.significant"),
        (Reason::NotSignificant { .. }, About::Inversion) => key!("plain.inversion.not_significant"),
        (Reason::NotSignificant { .. }, About::Membership) => key!("plain.not_significant"),
        (Reason::NotSignificant { .. }, About::Attribute) => key!("plain.attribute.not_significant"),
        (Reason::Confounded { .. }, About::Membership | About::Inversion) => key!("plain.confounded"),
        (Reason::Confounded { .. }, About::Attribute) => key!("plain.attribute.confounded"),
        (Reason::ReferencesTellMembers { .. }, _) => key!("plain.references_tell"),
        (Reason::RecordCountsTellMembers { .. }, _) => key!("plain.record_counts_tell"),
        (
            Reason::Underpowered { .. }
            | Reason::DifferenceUnderpowered { .. }
            | Reason::NearestUnderpowered { .. },
            _,
        ) => key!("plain.underpowered"),
        (other, about) => return sentence(other, about, language),
    })
}

/// What an attack may be short of; words of another attack are given back unchanged.
fn missing(what: &str, language: Language) -> String {
    language.text(match what {
        "reference models" => key!("missing.references"),
        "reference models that can be asked what the target is asked" => key!("missing.references_asked"),
        "models that the target’s adapter fits" => key!("missing.fitted"),
        "population records" => key!("missing.population"),
        "generators" => key!("missing.generators"),
        "generators that give gradients" => key!("missing.generators_with_gradients"),
        "variants of each record" => key!("missing.variants"),
        "reference models fitted with each audited record" => key!("missing.fitted_with"),
        "reference models fitted without each audited record" => key!("missing.fitted_without"),
        other => return other.to_owned(),
    })
}

fn fidelity_side(side: &str, language: Language) -> String {
    language.text(match side {
        "train" => key!("fidelity.train"),
        "test" => key!("fidelity.test"),
        other => return other.to_owned(),
    })
}

/// What was found by trying, or what it usually is.
fn causes(causes: &[Cause], language: Language) -> String {
    if causes.is_empty() {
        return language.text(key!("fidelity.causes.unknown"));
    }
    let words: Vec<String> = causes.iter().map(|cause| language.text(cause_key(*cause))).collect();
    language.fill(key!("fidelity.causes"), &[("causes", &words.join(", "))])
}

fn cause_key(cause: Cause) -> Key {
    match cause {
        Cause::Normalisation { how: Scaling::Times255 } => key!("cause.times_255"),
        Cause::Normalisation { how: Scaling::DividedBy255 } => key!("cause.divided_by_255"),
        Cause::Normalisation { how: Scaling::Standardised } => key!("cause.standardised"),
        Cause::ChannelOrder => key!("cause.channel_order"),
        Cause::LabelOrder => key!("cause.label_order"),
        Cause::EvaluationMode => key!("cause.evaluation_mode"),
        Cause::Layout => key!("cause.layout"),
    }
}

/// Why a family or test has no figures, for the grid and the list of what was not tested.
pub(crate) fn sentences(row: &Row, language: Language) -> Vec<String> {
    row.reasons.iter().map(|reason| in_row(reason, row, language)).collect()
}

/// A reason as its row gives it: where a class is a person, its average is not nobody.
pub(super) fn in_row(reason: &Reason, row: &Row, language: Language) -> String {
    let persons = row.inversion.as_ref().is_some_and(|result| result.persons);
    match reason {
        Reason::AverageRebuilt { recognised, chance } if persons => language.fill(
            key!("reason.average_rebuilt.persons"),
            &[("recognised", &language.percent(*recognised)), ("chance", &language.percent(*chance))],
        ),
        _ => sentence(reason, About::row(row), language),
    }
}

/// The families that no row of the audit tests, as names inside a sentence: those that the manifest declares senseless here, and the others.
pub(crate) fn families_without_test(core: &Core, language: Language) -> (Vec<String>, Vec<String>) {
    let tested = |family: &str| core.rows.iter().any(|row| row.family == family && Found::of(row).is_some());
    let (mut senseless, mut untested): (Vec<String>, Vec<String>) = (Vec::new(), Vec::new());
    for row in core.rows.iter().filter(|row| !tested(&row.family)) {
        let name = words::lower_first(&words::family(&row.family, language));
        let declared = |reason: &Reason| matches!(reason, Reason::DeclaredNotApplicable { .. });
        let names = if row.reasons.iter().any(declared) { &mut senseless } else { &mut untested };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    untested.retain(|name| !senseless.contains(name));
    (senseless, untested)
}
