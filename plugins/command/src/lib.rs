//! The attack and the adapter of `paname-command` as a plugin.

paname_core::export_plugin!(paname_command::ATTACKS, paname_command::ADAPTERS);
