//! The adapter `torch` of `paname-torch` as a plugin.

paname_core::export_plugin!(paname_core::NO_ATTACKS, paname_torch::ADAPTERS);
