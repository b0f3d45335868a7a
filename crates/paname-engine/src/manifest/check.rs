//! Rules that reach across keys, which a schema cannot say.

use std::collections::HashMap;
use std::ops::Range;

use paname_core::Task;
use toml::Spanned;
use toml::de::{DeTable, DeValue};
use toml::value::Datetime;

use super::text::Problem;
use super::{Content, Likeness, Test};

/// Checks what the schema cannot say and returns the first problem.
pub(super) fn rules(content: &Content, document: &Spanned<DeTable<'_>>) -> Result<(), Problem> {
    let root = document.get_ref();
    tests(content, root)?;
    attributes(content, root)?;
    canaries(content, root)?;
    fits(content, root)?;
    losses(content, root)?;
    likeness(content, root)?;
    special_categories(content, root)?;
    next_review(content, root)?;
    legal(content, root)
}

/// The place of the value at a path of keys, or of the last part of it that is there.
pub(super) fn place(root: &DeTable<'_>, path: &[&str]) -> Range<usize> {
    let mut span = 0..0;
    let mut table = root;
    for key in path {
        let Some(item) = table.get(*key) else { break };
        span = item.span();
        match item.get_ref() {
            DeValue::Table(inner) => table = inner,
            _ => break,
        }
    }
    span
}

/// The table at a path of keys.
pub(super) fn table<'r, 'a>(root: &'r DeTable<'a>, path: &[&str]) -> Option<&'r DeTable<'a>> {
    path.iter().try_fold(root, |table, key| table.get(*key)?.get_ref().as_table())
}

fn tests(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    let written = root.get("test").and_then(|item| item.get_ref().as_array());
    // Files may be named after ids, and some file systems take `A` for `a`.
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (i, test) in content.tests.iter().enumerate() {
        let item = written.and_then(|tests| tests.get(i));
        let at = |key: &str| {
            let table = item.and_then(|item| item.get_ref().as_table());
            let inner = table.and_then(|table| table.get(key)).map(Spanned::span);
            inner.or_else(|| item.map(Spanned::span)).unwrap_or(0..0)
        };
        if !is_safe_name(&test.id) {
            let what = format!(
                "`test.id` is {:?}; expected letters without accents, digits, `-`, `_` and `.`, with a letter or digit at both ends",
                test.id
            );
            return Err(Problem::new(at("id"), what));
        }
        if let Some(first) = seen.insert(test.id.to_lowercase(), &test.id) {
            let what = if first == test.id {
                format!("two tests have the id `{first}`; expected distinct ids")
            } else {
                format!("the ids `{first}` and `{}` differ in capitals only; expected distinct ids", test.id)
            };
            return Err(Problem::new(at("id"), what));
        }
        if let Some((key, what)) = contradiction(test) {
            return Err(Problem::new(at(key), format!("test `{}` {what}", test.id)));
        }
    }
    Ok(())
}

fn is_safe_name(id: &str) -> bool {
    let inside = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_' | b'.');
    let ends = |b: Option<&u8>| b.is_some_and(u8::is_ascii_alphanumeric);
    id.bytes().all(inside) && ends(id.as_bytes().first()) && ends(id.as_bytes().last())
}

/// Attributes have names, and tests call them by these.
fn attributes(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    let span = |list: &str, i: usize, key: &str| {
        let item = root.get(list).and_then(|item| item.get_ref().as_array()?.get(i));
        let inner = item.and_then(|item| item.get_ref().as_table()?.get(key)).map(Spanned::span);
        inner.or_else(|| item.map(Spanned::span)).unwrap_or(0..0)
    };
    let mut seen: HashMap<String, &str> = HashMap::new();
    for (i, attribute) in content.attributes.iter().enumerate() {
        if !is_safe_name(&attribute.name) {
            let what = format!(
                "`attribute.name` is {:?}; expected letters without accents, digits, `-`, `_` and `.`, with a letter or digit at both ends",
                attribute.name
            );
            return Err(Problem::new(span("attribute", i, "name"), what));
        }
        if let Some(first) = seen.insert(attribute.name.to_lowercase(), &attribute.name) {
            let what = format!(
                "two attributes have the names `{first}` and `{}`; expected distinct names",
                attribute.name
            );
            return Err(Problem::new(span("attribute", i, "name"), what));
        }
        if content.data.inputs.is_none() {
            let what = format!(
                "attribute `{}` is a column of the inputs, and the manifest names none; expected [data.inputs]",
                attribute.name
            );
            return Err(Problem::new(span("attribute", i, "column"), what));
        }
        if content.data.population.is_none() {
            let what = format!(
                "attribute `{}` needs records whose value is known to whoever guesses; expected `population` in [data]",
                attribute.name
            );
            return Err(Problem::new(span("attribute", i, "column"), what));
        }
    }
    for (i, test) in content.tests.iter().enumerate() {
        if let Some(name) = &test.attribute
            && content.attribute_of(test).is_none()
        {
            let known: Vec<&str> = content.attributes.iter().map(|a| a.name.as_str()).collect();
            let what = format!(
                "test `{}` guesses the attribute `{name}`, of which the manifest has no [[attribute]]; there are: {}",
                test.id,
                if known.is_empty() { "none".to_owned() } else { known.join(", ") }
            );
            return Err(Problem::new(span("test", i, "attribute"), what));
        }
    }
    Ok(())
}

/// Coins that nobody committed to prove nothing, and a commitment alone holds no coins.
fn canaries(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    let (there, absent) = match (&content.data.canaries, &content.data.commitment) {
        (Some(_), None) => ("canaries", "commitment"),
        (None, Some(_)) => ("commitment", "canaries"),
        _ => return Ok(()),
    };
    let what = format!(
        "[data] names `{there}` and no `{absent}`; expected both, as `paname canaries make` writes them"
    );
    Err(Problem::new(place(root, &["data", there]), what))
}

/// A model is given or fitted, and what is fitted has a recipe.
fn fits(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    let references = content.references.as_ref();
    let fitted = [
        ("target", Some(&content.target.source), content.target.fit.is_some()),
        (
            "references",
            references.map(|references| &references.source),
            references.is_some_and(|r| r.fit.is_some()),
        ),
    ];
    for (table, source, fit) in fitted {
        // The keys by which adapters are given models.
        let given =
            ["weights", "script"].into_iter().find(|key| source.is_some_and(|s| s.config.contains_key(*key)));
        if let Some(key) = given.filter(|_| fit) {
            let what = format!(
                "[{table}] names `{key}`, a model that is given, and `fit`, by which it comes about; expected one of the two"
            );
            return Err(Problem::new(place(root, &[table, key]), what));
        }
    }
    if references.is_some_and(|references| references.fit.is_some()) && content.reference_fit().is_none() {
        let what = "[references.fit] lacks the key `recipe`, and [target] has no `fit` whose recipe would hold for reference models too";
        return Err(Problem::new(place(root, &["references", "fit"]), what));
    }
    if let Some((_, fit, _)) = content.reference_fit()
        && let Some(&last) = fit.stages.last()
        && (last != fit.models || !fit.stages.is_sorted_by(|a, b| a < b) || fit.stages[0] == 1)
    {
        let what = format!(
            "`stages` is {:?}; expected rising numbers of reference models, from 2 on or from 0 for a look before any is fitted, the last one {}, the number of `models`",
            fit.stages, fit.models
        );
        return Err(Problem::new(place(root, &["references", "fit", "stages"]), what));
    }
    Ok(())
}

/// Numbers of tokens that are near each other say nothing alike.
fn likeness(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    if !(content.texts() && content.inversion.likeness == Some(Likeness::Values)) {
        return Ok(());
    }
    let what = "`likeness` is \"values\", and `modality` names texts, of which the numbers of tokens are no likeness; expected \"tokens\" or \"features\"";
    Err(Problem::new(place(root, &["inversion", "likeness"]), what))
}

/// A cross-entropy is never negative; the losses of other tasks may be.
fn losses(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    let model = &content.model;
    for (key, loss) in [("train_loss", model.train_loss), ("test_loss", model.test_loss)] {
        if let Some(loss) = loss.filter(|loss| *loss < 0.0 && content.task() == Task::Classification) {
            let what =
                format!("`model.{key}` is {loss}; expected a number of at least 0, the mean cross-entropy");
            return Err(Problem::new(place(root, &["model", key]), what));
        }
    }
    Ok(())
}

/// A test either names an attack or says why none applies: the key at fault and what is wrong.
fn contradiction(test: &Test) -> Option<(&'static str, &'static str)> {
    match (&test.attack, &test.not_applicable) {
        (None, None) => Some((
            "id",
            "lacks the key `attack`; or, if the test makes no sense here, `not_applicable` (why) and `family`",
        )),
        (Some(_), Some(_)) => Some((
            "not_applicable",
            "names an attack and declares itself not applicable; expected one of the two",
        )),
        (None, Some(_)) if test.family.is_none() => Some((
            "not_applicable",
            "is not applicable and lacks the key `family`, e.g. \"attribute-inference\"",
        )),
        (None, Some(_)) if !test.parameters.is_empty() => {
            Some(("parameters", "is not applicable, yet has parameters; expected none"))
        }
        (Some(_), None) if test.family.is_some() => {
            Some(("family", "names an attack, which has its family; expected no key `family`"))
        }
        _ => None,
    }
}

fn special_categories(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    let none_personal = content.data.personal.as_ref().is_some_and(Vec::is_empty);
    if none_personal && content.data.special_categories == Some(true) {
        let what = "`special_categories` is true, yet `personal = []` declares that there are no personal data; expected their categories in `personal`";
        return Err(Problem::new(place(root, &["data", "special_categories"]), what));
    }
    Ok(())
}

fn next_review(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    match &content.legal.next_review {
        Some(day) if !is_day(day) => {
            let what = format!("`legal.next_review` is {day:?}; expected a day such as \"2027-04-01\"");
            Err(Problem::new(place(root, &["legal", "next_review"]), what))
        }
        _ => Ok(()),
    }
}

/// Whether a text is a day of the calendar, `YYYY-MM-DD`. TOML's own dates have that form and are checked by its parser.
fn is_day(text: &str) -> bool {
    text.parse::<Datetime>().is_ok_and(|day| day.date.is_some() && day.time.is_none())
}

/// Personal data are attacked only within a declared legal frame. What is not declared counts as personal.
fn legal(content: &Content, root: &DeTable<'_>) -> Result<(), Problem> {
    if content.data.personal.as_ref().is_some_and(Vec::is_empty) {
        return Ok(());
    }
    let legal = &content.legal;
    let said = |answer: &Option<String>| answer.as_ref().is_some_and(|text| !text.trim().is_empty());
    let needed = [
        ("controller", said(&legal.controller)),
        ("test_legal_basis", said(&legal.test_legal_basis)),
        ("lawfully_obtained = true", legal.lawfully_obtained == Some(true)),
        ("no_individual_decision = true", legal.no_individual_decision == Some(true)),
    ];
    let missing: Vec<String> =
        needed.iter().filter(|(_, there)| !there).map(|(key, _)| format!("`{key}`")).collect();
    if missing.is_empty() {
        return Ok(());
    }
    let why = match content.data.personal {
        Some(_) => "`data.personal` names personal data",
        None => "`data.personal` is not declared",
    };
    let what = format!(
        "{why}, and [legal] lacks {}; `personal = []` in [data] declares that no personal data are involved",
        missing.join(", ")
    );
    let span =
        if root.contains_key("legal") { place(root, &["legal"]) } else { place(root, &["data", "personal"]) };
    Err(Problem::new(span, what))
}
