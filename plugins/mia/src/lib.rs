//! The membership inference attacks of `paname-mia` as a plugin.

paname_core::export_plugin!(paname_mia::ATTACKS, paname_core::NO_ADAPTERS);
