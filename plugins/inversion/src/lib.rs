//! The model inversion attacks of `paname-inversion` as a plugin.

paname_core::export_plugin!(paname_inversion::ATTACKS, paname_core::NO_ADAPTERS);
