//! The attacks and adapters of this call: those that this program is linked with, and those of trusted plugins.

use std::path::PathBuf;

use paname_core::{PluginOrigin, Registry};
use paname_engine::EngineError;
use paname_plugin::{Places, PluginError, Trust};

use crate::command::PLUGIN;
use crate::failure::Failure;
use crate::output::say;

/// Every linked list. Which crates are linked is chosen by the features of this package.
pub(crate) fn linked() -> Result<Registry, paname_core::Error> {
    let mut registry = Registry::default();
    #[cfg(feature = "aia")]
    registry.add_attacks(paname_aia::ATTACKS, "paname-aia")?;
    #[cfg(feature = "inversion")]
    registry.add_attacks(paname_inversion::ATTACKS, "paname-inversion")?;
    #[cfg(feature = "mia")]
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia")?;
    #[cfg(feature = "command")]
    {
        registry.add_attacks(paname_command::ATTACKS, "paname-command")?;
        registry.add_adapters(paname_command::ADAPTERS, "paname-command")?;
    }
    #[cfg(feature = "predictions")]
    registry.add_adapters(paname_data::ADAPTERS, "paname-data")?;
    Ok(registry)
}

/// The linked lists and every trusted plugin in `folders` and in the usual places. What is found and not trusted is told.
pub(crate) fn with_plugins(folders: &[PathBuf]) -> Result<Registry, Failure> {
    let mut registry = linked()?;
    let places = match Places::of_this_process(folders) {
        Ok(places) => places,
        // Without a home there is no list of trusted plugins, hence none of them: only who names a folder needs to know.
        Err(PluginError::Build(_)) if folders.is_empty() => return Ok(registry),
        Err(error) => return Err(error.into()),
    };
    let (loaded, skipped) = paname_plugin::load_all(&places, &Trust::read(&places)?)?;
    for plugin in skipped {
        say(&plugin.to_string());
    }
    for plugin in loaded {
        plugin.register(&mut registry)?;
    }
    Ok(registry)
}

/// The linked lists and exactly these plugins, for a worker.
pub(crate) fn with_exactly(plugins: &[PluginOrigin]) -> Result<Registry, EngineError> {
    let load = || -> Result<Registry, PluginError> {
        let mut registry = linked()?;
        if !plugins.is_empty() {
            let places = Places::of_this_process(&[])?;
            for plugin in paname_plugin::load_exactly(plugins, &places, &Trust::read(&places)?)? {
                plugin.register(&mut registry)?;
            }
        }
        Ok(registry)
    };
    load().map_err(|error| EngineError::Reported { code: PLUGIN, message: error.to_string() })
}
