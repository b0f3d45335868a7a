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

#[cfg(test)]
mod tests {
    use super::*;

    /// Key and signatures of the text `test`, from the documentation and the tests of minisign-verify 0.3.
    const PUBLIC: &str = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    const PREHASHED: &str = "untrusted comment: signature from minisign secret key
RUQf6LRCGA9i559r3g7V1qNyJDApGip8MfqcadIgT9CuhV3EMhHoN1mGTkUidF/z7SrlQgXdy8ofjb7bNJJylDOocrCo8KLzZwo=
trusted comment: timestamp:1633700835\tfile:test\tprehashed
wLMDjy9FLAuxZ3q4NlEvkgtyhrr0gtTu6KC4KBJdITbbOeAi1zBIYo0v4iTgt8jJpIidRJnp94ABQkJAgAooBQ==";
    const LEGACY: &str = "untrusted comment: signature from minisign secret key
RWQf6LRCGA9i59SLOFxz6NxvASXDJeRtuZykwQepbDEGt87ig1BNpWaVWuNrm73YiIiJbq71Wi+dP9eKL8OC351vwIasSSbXxwA=
trusted comment: timestamp:1555779966\tfile:test
QtKMXWyYcwdpZAlPF7tE2ENJkRd1ujvKjlj1m9RtHTBnZPa5WKU5uWRs5GoP5M/VqE81QFuMKI5k/SfNQUaOAA==";

    fn signed_by(signature: &[u8]) -> Result<Option<String>, String> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(SIGNATURE_FILE);
        std::fs::write(&path, signature).unwrap();
        let key = TrustedKey { name: "known".into(), public: PUBLIC.into() };
        let signer =
            signer(folder.path(), b"test", std::slice::from_ref(&key)).map(|by| by.map(str::to_owned));
        signer.map_err(|error| error.to_string().replace(&path.display().to_string(), "~"))
    }

    #[test]
    fn signatures_of_the_old_form_are_not_taken() {
        assert_eq!(signed_by(PREHASHED.as_bytes()), Ok(Some("known".into())));
        let refused =
            "~: holds under none of the trusted keys; the plugin was changed or signed by somebody else";
        let key = PublicKey::from_base64(PUBLIC).unwrap();
        assert!(key.verify(b"test", &Signature::decode(LEGACY).unwrap(), true).is_ok(), "it is a true one");
        assert_eq!(signed_by(LEGACY.as_bytes()), Err(refused.into()));
        // The comment that is called trusted is signed too.
        let other_comment = PREHASHED.replace("file:test", "file:best");
        assert_eq!(signed_by(other_comment.as_bytes()), Err(refused.into()));
    }

    #[test]
    fn what_is_no_signature_is_refused() {
        let mut cut = PREHASHED.as_bytes().to_vec();
        while cut.pop().is_some() {
            assert!(signed_by(&cut).is_err(), "{} bytes", cut.len());
        }
        assert_eq!(signed_by(b"\xff"), Err("~: not a minisign signature".into()));
        assert_eq!(signed_by(&vec![b'a'; 70_000]), Err("~: larger than 65536 bytes".into()));
        assert_eq!(
            signed_by(&PREHASHED.replace("trusted comment: t", "t").into_bytes()),
            Err("~: not a minisign signature".into())
        );
    }
}
