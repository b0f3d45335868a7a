//! What the manifest declares, question by question. A missing answer is printed as not declared; contact details are not printed at all.

use paname_evidence::Core;
use serde::Serialize;

use super::words;
use crate::{Key, Language, key};

#[derive(Serialize)]
pub(crate) struct Section {
    title: String,
    answers: Vec<Answer>,
}

#[derive(Serialize)]
struct Answer {
    question: String,
    text: String,
    declared: bool,
}

/// The questions on the law. A key's name is `declared.` and the place in the manifest.
const LEGAL: (Key, &[Key]) = (
    key!("declared.legal"),
    &[
        key!("declared.legal.controller"),
        key!("declared.legal.test_purpose"),
        key!("declared.legal.test_legal_basis"),
        key!("declared.legal.initial_purpose"),
        key!("declared.legal.lawfully_obtained"),
        key!("declared.legal.no_individual_decision"),
        key!("declared.legal.authorised"),
        key!("declared.legal.environment"),
        key!("declared.legal.dpo_opinion"),
        key!("declared.legal.dpia_ref"),
        key!("declared.legal.retention_days"),
        key!("declared.legal.next_review"),
    ],
);

const CONTEXT: &[(Key, &[Key])] = &[
    (
        key!("declared.organisation"),
        &[
            key!("declared.organisation.name"),
            key!("declared.organisation.sector"),
            key!("declared.organisation.size"),
            key!("declared.organisation.ai_expertise"),
            key!("declared.organisation.motivation"),
        ],
    ),
    (
        key!("declared.data"),
        &[
            key!("declared.data.modality"),
            key!("declared.data.format"),
            key!("declared.data.samples"),
            key!("declared.data.bytes"),
            key!("declared.data.personal"),
            key!("declared.data.confidential"),
            key!("declared.data.special_categories"),
            key!("declared.data.training_legal_basis"),
            key!("declared.data.source"),
            key!("declared.data.split"),
            key!("declared.data.person_id"),
        ],
    ),
    (
        key!("declared.model"),
        &[
            key!("declared.model.name"),
            key!("declared.model.architecture"),
            key!("declared.model.parameters"),
            key!("declared.model.training"),
            key!("declared.model.task"),
            key!("declared.model.purpose"),
            key!("declared.model.domain"),
            key!("declared.model.public"),
            key!("declared.model.anti_overfitting"),
            key!("declared.model.dp"),
            key!("declared.model.release_context"),
            key!("declared.model.train_accuracy"),
            key!("declared.model.test_accuracy"),
            key!("declared.model.train_loss"),
            key!("declared.model.test_loss"),
        ],
    ),
    (
        key!("declared.prior_risk"),
        &[key!("declared.prior_risk.method"), key!("declared.prior_risk.findings")],
    ),
    (
        key!("declared.access"),
        &[
            key!("declared.access.mode"),
            key!("declared.access.signals"),
            key!("declared.access.max_queries"),
            key!("declared.access.system_filters"),
            key!("declared.access.constraints"),
        ],
    ),
    (
        key!("declared.shadow"),
        &[
            key!("declared.shadow.available"),
            key!("declared.shadow.limiting_factor"),
            key!("declared.shadow.mode"),
            key!("declared.shadow.count"),
        ],
    ),
    (
        key!("declared.resources"),
        &[
            key!("declared.resources.infra"),
            key!("declared.resources.gpus"),
            key!("declared.resources.cpu_hours_max"),
            key!("declared.resources.team"),
            key!("declared.resources.person_days"),
        ],
    ),
];

pub(crate) fn legal(core: &Core, language: Language) -> Section {
    section(core, &LEGAL, language)
}

pub(crate) fn context(core: &Core, language: Language) -> Vec<Section> {
    CONTEXT.iter().map(|part| section(core, part, language)).collect()
}

/// Number of questions without an answer.
pub(crate) fn undeclared(core: &Core) -> u64 {
    let questions = CONTEXT.iter().chain([&LEGAL]).flat_map(|(_, questions)| *questions);
    questions.filter(|question| answer(core, **question).is_none()).count() as u64
}

fn section(core: &Core, (title, questions): &(Key, &[Key]), language: Language) -> Section {
    let answers = questions.iter().map(|question| {
        let given = answer(core, *question);
        Answer {
            question: language.text(*question),
            text: given.map_or_else(
                || language.text(key!("not_declared")),
                |value| shown(*question, value, language),
            ),
            declared: given.is_some(),
        }
    });
    Section { title: language.text(*title), answers: answers.collect() }
}

/// An answer as text; an accuracy as a share.
fn shown(question: Key, value: &serde_json::Value, language: Language) -> String {
    let shares = [key!("declared.model.train_accuracy"), key!("declared.model.test_accuracy")];
    match value.as_f64() {
        Some(share) if shares.contains(&question) => language.percent(share),
        _ => words::value(value, language),
    }
}

fn answer(core: &Core, question: Key) -> Option<&serde_json::Value> {
    let path: Vec<&str> = question.name().split('.').skip(1).collect();
    let undeclared_split = question == key!("declared.data.split");
    words::declared(core, &path).filter(|value| !(undeclared_split && value.as_str() == Some("undeclared")))
}
