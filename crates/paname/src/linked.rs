//! The attacks and adapters that this program holds.

use paname_core::Registry;

use crate::failure::Failure;

/// Every linked list.
pub(crate) fn registry() -> Result<Registry, Failure> {
    let mut registry = Registry::default();
    registry.add_attacks(paname_mia::ATTACKS, "paname-mia")?;
    registry.add_adapters(paname_data::ADAPTERS, "paname-data")?;
    Ok(registry)
}
