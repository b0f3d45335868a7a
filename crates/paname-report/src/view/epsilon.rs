//! What was found of the ε of differential privacy: a bound in a table, a heuristic in a sentence that says so.

use paname_evidence::{Core, Epsilon, EpsilonFigure, GuessRule, MembershipResult, OneRunEpsilon};
use serde::Serialize;

use crate::{Key, Language, key};

#[derive(Serialize)]
pub(crate) struct Bounds {
    /// Method, bound, ceiling.
    rows: Vec<[String; 3]>,
    facts: Vec<(String, String)>,
    sentences: Vec<String>,
}

/// The bounds of a test with canaries.
pub(crate) fn bounds(result: &MembershipResult, language: Language) -> Option<Bounds> {
    let found = one_run(result)?;
    let row = |method: String, figure: &EpsilonFigure| {
        [method, at_least(figure.bound, language), language.decimal(figure.ceiling, DECIMALS)]
    };
    let mut rows = vec![
        row(language.text(key!("test.epsilon.one_run")), &found.one_run),
        row(language.text(key!("test.epsilon.curve")), &found.curve),
    ];
    if let Some(gaussian) = &found.gaussian {
        let mu = at_least(gaussian.mu, language);
        rows.push(row(language.fill(key!("test.epsilon.gaussian"), &[("mu", &mu)]), &gaussian.epsilon));
    }
    Some(Bounds { rows, facts: facts(found, language), sentences: sentences(found, language) })
}

fn one_run(result: &MembershipResult) -> Option<&OneRunEpsilon> {
    match &result.epsilon {
        Some(Epsilon::OneRun(found)) => Some(found),
        _ => None,
    }
}

const DECIMALS: usize = 3;

/// A lower bound, rounded down.
fn at_least(bound: f64, language: Language) -> String {
    language.decimal((1e3 * bound).floor() / 1e3, DECIMALS)
}

fn facts(found: &OneRunEpsilon, language: Language) -> Vec<(String, String)> {
    let rule = language.text(match found.rule {
        GuessRule::Declared => key!("test.epsilon.rule.declared"),
        GuessRule::Tenth => key!("test.epsilon.rule.tenth"),
    });
    let guesses = language.fill(
        key!("test.epsilon.guesses.value"),
        &[
            ("n", &language.count(found.guesses)),
            ("inside", &language.count(found.guessed_in)),
            ("outside", &language.count(found.guessed_out)),
            ("rule", &rule),
        ],
    );
    let delta = language.number(found.delta);
    let (delta, claim) = match &found.claim {
        Some(claim) => (delta, language.number(claim.epsilon)),
        None => (
            language.fill(key!("test.epsilon.delta.default"), &[("delta", &delta)]),
            language.text(key!("not_declared")),
        ),
    };
    let facts: [(Key, String); 6] = [
        (key!("test.epsilon.canaries"), language.count(found.canaries)),
        (key!("test.epsilon.guesses"), guesses),
        (key!("test.epsilon.right"), language.count(found.right)),
        (key!("test.epsilon.delta"), delta),
        (key!("test.epsilon.confidence"), language.level(found.confidence)),
        (key!("test.epsilon.claim"), claim),
    ];
    facts.map(|(name, value)| (language.text(name), value)).to_vec()
}

/// What became of the claim, and whether anything could have.
fn sentences(found: &OneRunEpsilon, language: Language) -> Vec<String> {
    let guesses = language.count(found.guesses);
    let ceiling = found.one_run.ceiling.max(found.curve.ceiling);
    if ceiling <= 0.0 {
        return vec![language.fill(key!("epsilon.nothing"), &[("guesses", &guesses)])];
    }
    let Some(claim) = &found.claim else { return Vec::new() };
    let claimed = language.number(claim.epsilon);
    if claim.refuted {
        return refutation(found, language).into_iter().collect();
    }
    let sentence = if ceiling <= claim.epsilon {
        let ceiling = language.decimal(ceiling, DECIMALS);
        let values = [("claim", &*claimed), ("guesses", &*guesses), ("ceiling", &*ceiling)];
        language.fill(key!("epsilon.beyond"), &values)
    } else {
        language.fill(key!("epsilon.open"), &[("claim", &claimed)])
    };
    vec![sentence]
}

fn refutation(found: &OneRunEpsilon, language: Language) -> Option<String> {
    let claim = found.claim.filter(|claim| claim.refuted)?;
    Some(language.fill(
        key!("epsilon.refuted"),
        &[
            ("claim", &language.number(claim.epsilon)),
            ("delta", &language.number(found.delta)),
            ("bound", &at_least(largest(found), language)),
            ("confidence", &language.level(found.confidence)),
        ],
    ))
}

fn largest(found: &OneRunEpsilon) -> f64 {
    found.one_run.bound.max(found.curve.bound)
}

/// That a claim is refuted, by the test with the largest bound: all of them hold together.
pub(crate) fn refuted(core: &Core, language: Language) -> Option<String> {
    let found = core.rows.iter().filter_map(|row| one_run(row.membership.as_ref()?));
    let refuting = found.filter(|found| found.claim.is_some_and(|claim| claim.refuted));
    refutation(refuting.max_by(|a, b| largest(a).total_cmp(&largest(b)))?, language)
}

/// The figure of a test without canaries, by the only word that it may stand under.
pub(crate) fn heuristic(result: &MembershipResult, language: Language) -> Option<String> {
    let Some(Epsilon::Heuristic(found)) = &result.epsilon else { return None };
    Some(language.fill(
        key!("beside.heuristic"),
        &[
            ("figure", &at_least(found.figure.bound, language)),
            ("ceiling", &language.decimal(found.figure.ceiling, DECIMALS)),
            ("delta", &language.number(found.delta)),
            ("level", &language.level(found.level)),
        ],
    ))
}
