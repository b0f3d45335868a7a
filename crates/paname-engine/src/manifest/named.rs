//! What the manifest leaves to adapters and attacks: their names, and keys of their own, which their own schemas and constructors check.

use std::ops::Range;
use std::path::Path;

use paname_core::{
    AdapterEntry, Ctx, Error, Family, Features, Labels, Recipe, Registry, Roster, Setting, Task,
};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::text::Problem;
use super::{AttributeTable, Content, ImputerSource, InversionTable, Manifest, Source, Test, check, schema};
use crate::EngineError;

impl Manifest {
    /// Checks adapters and attacks by name, and the keys that are theirs. Errors point at line and column.
    pub(crate) fn check_named(&self, registry: &Registry) -> Result<(), EngineError> {
        let document = self.text.parse()?;
        let root = document.get_ref();
        let Content { target, references, .. } = &self.content;
        let recipe = target.fit.as_ref().map(|fit| &fit.recipe);
        self.source("target", &target.source, recipe, root, registry)?;
        if let Some(references) = references {
            let recipe = self.content.reference_fit().map(|(_, _, recipe)| recipe);
            self.source("references", &references.source, recipe, root, registry)?;
        }
        let InversionTable { evaluator, generator, .. } = &self.content.inversion;
        if let Some(evaluator) = evaluator {
            let recipe = evaluator.fit.as_ref().map(|fit| &fit.recipe);
            self.source("inversion.evaluator", &evaluator.source, recipe, root, registry)?;
        }
        if let Some(generator) = generator {
            self.source("inversion.generator", &generator.source, None, root, registry)?;
        }
        unregularised(&self.content, registry).map_err(|what| {
            self.text.error(Problem::new(check::place(root, &["inversion", "unregularised"]), what))
        })?;
        let written = root.get("test").and_then(|item| item.get_ref().as_array());
        for (test, item) in self.content.tests.iter().zip(written.into_iter().flatten()) {
            attack(test, item, registry)
                .and_then(|()| guesses(test, item, &self.content, registry))
                .map_err(|problem| self.text.error(problem))?;
        }
        let written = root.get("attribute").and_then(|item| item.get_ref().as_array());
        for (attribute, item) in self.content.attributes.iter().zip(written.into_iter().flatten()) {
            if let Some(source) = &attribute.target {
                registry.adapter(&source.adapter).map_err(|error| {
                    self.text.error(Problem::new(
                        item.span(),
                        format!("attribute `{}`: {}", attribute.name, words(&error)),
                    ))
                })?;
            }
            imputer(attribute, item, registry).map_err(|problem| self.text.error(problem))?;
        }
        Ok(())
    }

    fn source(
        &self,
        key: &str,
        source: &Source,
        recipe: Option<&Recipe>,
        root: &DeTable<'_>,
        registry: &Registry,
    ) -> Result<(), EngineError> {
        let path: Vec<&str> = key.split('.').collect();
        let span = check::place(root, &path);
        let place = |inner: &'static str| check::place(root, &[&path[..], &[inner]].concat());
        let adapter = registry
            .adapter(&source.adapter)
            .map_err(|error| self.text.error(Problem::new(place("adapter"), words(&error))))?;
        if let Some(table) = check::table(root, &path) {
            let mut own = table.clone();
            // Keys of the manifest's own.
            for key in ["adapter", "fit", "latent"] {
                own.remove(key);
            }
            schema::table_conforms(&own, span, &adapter.schema()?, key)
                .map_err(|problem| self.text.error(problem))?;
        }
        let config = serde_json::Value::Object(source.config.clone());
        adapter.files(config.clone(), self.base()).map_err(self.about(key))?;
        match recipe {
            Some(recipe) if !fits_models(adapter, config, recipe) => {
                let what = format!(
                    "adapter `{}` fits no models; expected one that does, or no key `fit`",
                    source.adapter
                );
                Err(self.text.error(Problem::new(place("fit"), what)))
            }
            _ => Ok(()),
        }
    }

    /// Whether the adapter of the target fits models, for attacks that have some fitted.
    pub(crate) fn fits_models(&self, registry: &Registry) -> Result<bool, EngineError> {
        let source = &self.content.target.source;
        let config = serde_json::Value::Object(source.config.clone());
        Ok(fits_models(registry.adapter(&source.adapter)?, config, &Recipe::default()))
    }

    /// For `map_err`: what is wrong with the configuration in a table, such as `data.inputs`, points at that table; other errors stay what they are.
    pub(crate) fn about<'a>(&'a self, table: &'a str) -> impl Fn(Error) -> EngineError + 'a {
        move |error| match &error {
            Error::Config(problem) => {
                let path: Vec<&str> = table.split('.').collect();
                let place = self.text.parse().map(|document| check::place(document.get_ref(), &path));
                self.text.error(Problem::new(place.unwrap_or_default(), format!("in [{table}]: {problem}")))
            }
            _ => error.into(),
        }
    }
}

/// Whether an adapter fits models, as its answer to weights that are nowhere shows: those that fit none refuse before they look.
fn fits_models(adapter: &AdapterEntry, config: serde_json::Value, recipe: &Recipe) -> bool {
    let Ok(roster) = Roster::new(Vec::new(), "records") else { return true };
    let (labels, inputs) = (Labels::None, Features::None);
    let setting = Setting {
        base: Path::new("."),
        roster: &roster,
        labels: &labels,
        inputs: &inputs,
        task: Task::default(),
    };
    let opened = adapter.fitted(config, recipe, Path::new(""), &setting, &Ctx::new(0, "fit", 1, &()));
    let refusal = format!("adapter `{}` fits no models", adapter.info.name);
    !matches!(opened, Err(Error::Unsupported(said)) if said == refusal)
}

fn attack(test: &Test, item: &Spanned<DeValue<'_>>, registry: &Registry) -> Result<(), Problem> {
    let Some(name) = &test.attack else { return Ok(()) };
    let value = |key: &str| item.get_ref().as_table().and_then(|table| table.get(key));
    let span = |key: &str| -> Range<usize> { value(key).map_or_else(|| item.span(), Spanned::span) };
    let about = |what: String| format!("test `{}`: {what}", test.id);
    let entry = registry.attack(name).map_err(|error| Problem::new(span("attack"), about(words(&error))))?;
    if let Some(table) = value("parameters").and_then(|item| item.get_ref().as_table()) {
        let schema = entry.schema().map_err(|e| Problem::new(span("attack"), about(e.to_string())))?;
        schema::table_conforms(table, span("parameters"), &schema, "test.parameters")
            .map_err(|problem| Problem::new(problem.span, about(problem.what)))?;
    }
    let parameters = serde_json::Value::Object(test.parameters.clone());
    let refused =
        |error: Error| Problem::new(span("parameters"), about(format!("attack `{name}`: {}", words(&error))));
    registry.build(name, parameters.clone()).map(drop).map_err(refused)?;
    let through = registry.through(name, parameters).map_err(refused)?;
    match through {
        // The host runs no attack within another whose files no key holds.
        Some((inner, _, parameters))
            if !inner.files(parameters.clone(), Path::new(".")).map_err(refused)?.is_empty() =>
        {
            let inner = inner.info.name;
            Err(refused(Error::Config(format!(
                "attack `{inner}` depends on files; expected one that does not"
            ))))
        }
        _ => Ok(()),
    }
}

/// An attack that guesses an attribute has one, and no other has.
fn guesses(
    test: &Test,
    item: &Spanned<DeValue<'_>>,
    content: &Content,
    registry: &Registry,
) -> Result<(), Problem> {
    let Some(name) = &test.attack else { return Ok(()) };
    let guesses = registry.attack(name).is_ok_and(|entry| entry.info.family == Family::AttributeInference);
    let what = match (guesses, content.attribute_of(test), &test.attribute) {
        (true, None, _) if content.attributes.is_empty() => {
            "guesses an attribute, and the manifest declares none; expected a table [[attribute]]"
        }
        (true, None, _) => "guesses one of several attributes; expected `attribute`, the name of one",
        (false, _, Some(_)) => "guesses no attribute; expected no key `attribute`",
        _ => return Ok(()),
    };
    Err(Problem::new(item.span(), format!("test `{}`: attack `{name}` {what}", test.id)))
}

/// Who guesses without the model is an attack that guesses and asks none.
fn imputer(
    attribute: &AttributeTable,
    item: &Spanned<DeValue<'_>>,
    registry: &Registry,
) -> Result<(), Problem> {
    let ImputerSource { attack: name, parameters } = &attribute.imputer;
    let problem =
        |what: String| Problem::new(item.span(), format!("attribute `{}`, imputer: {what}", attribute.name));
    let entry = registry.attack(name).map_err(|error| problem(words(&error)))?;
    if entry.info.family != Family::AttributeInference {
        return Err(problem(format!(
            "attack `{name}` guesses no attribute; expected one such as `imputation`"
        )));
    }
    let config = serde_json::Value::Object(parameters.clone());
    let files = entry.files(config.clone(), Path::new(".")).map_err(|error| problem(words(&error)))?;
    if !files.is_empty() {
        return Err(problem(format!(
            "attack `{name}` depends on files; expected one that does not, such as `imputation`"
        )));
    }
    let built = registry.build(name, config).and_then(|attack| attack.needs(1));
    let needs = built.map_err(|error| problem(words(&error)))?;
    if !needs.signals.is_empty() || !needs.access.is_empty() || needs.references_min > 0 || needs.asks() {
        return Err(problem(format!(
            "attack `{name}` asks a model; expected one that does not, such as `imputation`"
        )));
    }
    Ok(())
}

/// The arm without anything that makes inputs plausible is an attack that rebuilds inputs. A program without any audits no inversion either.
fn unregularised(content: &Content, registry: &Registry) -> Result<(), String> {
    if content.inversion.unregularised.is_none() {
        return Ok(());
    }
    let (name, parameters) = content.unregularised();
    let about = |what: String| format!("[inversion.unregularised]: {what}");
    let entry = registry.attack(&name).map_err(|error| about(words(&error)))?;
    if entry.info.family != Family::ModelInversion {
        return Err(about(format!(
            "attack `{name}` rebuilds no inputs; expected one that does, such as `regularised-ascent`"
        )));
    }
    let config = serde_json::Value::Object(parameters);
    let files = entry.files(config.clone(), Path::new(".")).map_err(|error| about(words(&error)))?;
    if !files.is_empty() {
        return Err(about(format!("attack `{name}` depends on files; expected one that does not")));
    }
    entry.build(config).map(drop).map_err(|error| about(format!("attack `{name}`: {}", words(&error))))
}

/// The words of an error without its kind, which the exit code tells.
fn words(error: &Error) -> String {
    match error {
        Error::Config(problem) => problem.clone(),
        other => other.to_string(),
    }
}
