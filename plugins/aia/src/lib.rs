//! The attribute inference attacks of `paname-aia` as a plugin.

paname_core::export_plugin!(paname_aia::ATTACKS, paname_core::NO_ADAPTERS);
