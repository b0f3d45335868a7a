//! Detached signatures of `plugin.toml`, as `minisign -S -m plugin.toml` writes them.

use std::path::Path;

use minisign_verify::{PublicKey, Signature};

use crate::error::{PluginError, Result};
use crate::manifest::bytes;
use crate::trust::TrustedKey;

/// Name of the signature in a plugin's folder.
pub const SIGNATURE_FILE: &str = "plugin.toml.minisig";

/// The name of the key under which the signature of a description holds; `None` without a signature. A signature that is there and holds under
/// no key is an error, if there are keys to hold it against.
pub(crate) fn signer<'k>(folder: &Path, signed: &[u8], keys: &'k [TrustedKey]) -> Result<Option<&'k str>> {
    let path = folder.join(SIGNATURE_FILE);
    if keys.is_empty() || !path.exists() {
        return Ok(None);
    }
    let text =
        String::from_utf8(bytes(&path)?).map_err(|_| PluginError::text(&path, "not a minisign signature"))?;
    let signature =
        Signature::decode(&text).map_err(|_| PluginError::text(&path, "not a minisign signature"))?;
    for key in keys {
        let public = public_key(&key.public)
            .map_err(|problem| PluginError::Build(format!("key `{}`: {problem}", key.name)))?;
        // Signatures of the form before 2022, which sign the text instead of its digest, are not taken.
        if public.verify(signed, &signature, false).is_ok() {
            return Ok(Some(&key.name));
        }
    }
    Err(PluginError::text(
        &path,
        "holds under none of the trusted keys; the plugin was changed or signed by somebody else",
    ))
}

/// Reads a public key: its line of base64, or a whole `minisign.pub`.
pub(crate) fn public_key(text: &str) -> Result<PublicKey, String> {
    let key = PublicKey::from_base64(text.trim()).or_else(|_| PublicKey::decode(text));
    key.map_err(|_| "expected a minisign public key, as in minisign.pub".to_owned())
}
