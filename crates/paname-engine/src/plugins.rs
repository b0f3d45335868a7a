//! The plugins that an audit uses: workers load these very ones, evidence names them, and keys of results hold their digests.

use paname_core::{Origin, PluginOrigin, Registry, Result};
use paname_evidence::PluginUsed;

use crate::manifest::Manifest;
use crate::plan;

/// The plugins that bring an adapter or an attack of the manifest, by name, each once.
pub(crate) fn used(manifest: &Manifest, registry: &Registry) -> Result<Vec<PluginOrigin>> {
    let mut plugins = deciding(manifest, registry)?;
    for source in manifest.content.lookers() {
        plugins.extend(registry.adapter_of(&source.adapter)?.1.plugin().cloned());
    }
    Ok(once(plugins))
}

fn once(mut plugins: Vec<PluginOrigin>) -> Vec<PluginOrigin> {
    plugins.sort_by(|a, b| (&a.name, &a.sha256).cmp(&(&b.name, &b.sha256)));
    plugins.dedup();
    plugins
}

/// The same without those that only look at what was rebuilt, or make inputs.
pub(crate) fn deciding(manifest: &Manifest, registry: &Registry) -> Result<Vec<PluginOrigin>> {
    let content = &manifest.content;
    let mut plugins = Vec::new();
    for source in content.sources() {
        plugins.extend(registry.adapter_of(&source.adapter)?.1.plugin().cloned());
    }
    let imputers = content.attributes.iter().map(|attribute| &attribute.imputer);
    let imputers = imputers.map(|imputer| (imputer.attack.as_str(), &imputer.parameters));
    let tests = content.tests.iter().filter_map(|test| Some((test.attack.as_deref()?, &test.parameters)));
    let (attack, parameters) = content.unregularised();
    let arm = plan::any_inverts(registry, manifest)?.then_some((attack.as_str(), &parameters));
    for (name, parameters) in tests.chain(imputers).chain(arm) {
        plugins.extend(registry.attack_of(name)?.1.plugin().cloned());
        // And of the attack that it goes through.
        let through = registry.through(name, serde_json::Value::Object(parameters.clone()))?;
        plugins.extend(through.and_then(|(_, origin, _)| origin.plugin().cloned()));
    }
    Ok(once(plugins))
}

/// The same as evidence has them.
pub(crate) fn evidence(manifest: &Manifest, registry: &Registry) -> Result<Vec<PluginUsed>> {
    let plugins = used(manifest, registry)?.into_iter();
    let named =
        plugins.map(|PluginOrigin { name, version, sha256, .. }| PluginUsed { name, version, sha256 });
    Ok(named.collect())
}

/// What a key must hold of where an attack comes from. A linked one is part of the program, whose digest every key holds.
pub(crate) fn digest(origin: &Origin) -> &str {
    origin.plugin().map_or("", |plugin| plugin.sha256.as_str())
}
