//! The adapter `predictions` of `paname-data` as a plugin.

paname_core::export_plugin!(paname_core::NO_ATTACKS, paname_data::ADAPTERS);
