//! Private copies: what is hashed is what is loaded, whatever becomes of the original meanwhile.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::digest::sha256;
use crate::error::{PluginError, Result};
use crate::trust::{only_ours, private_folder};

/// Copies a library into a folder that only its owner can change, unless the same bytes are there already, and returns the copy and its digest.
/// The digest is that of the copy; it is for the caller to compare.
pub(crate) fn private_copy(library: &Path, expected: &str, cache: &Path) -> Result<(PathBuf, String)> {
    let folder = cache.join("plugins").join(expected);
    private_folder(&folder)?;
    let name = library.file_name().unwrap_or_default();
    let copy = folder.join(name);
    let io = PluginError::io;
    let mut draft = tempfile::NamedTempFile::new_in(&folder).map_err(io(&folder))?;
    only_our_own(&folder, draft.as_file())?;
    for above in [cache, &cache.join("plugins")] {
        only_ours(above)?;
    }
    if copy.exists() && sha256(&copy)? == expected {
        return Ok((copy, expected.to_owned()));
    }
    let mut source = File::open(library).map_err(io(library))?;
    io::copy(&mut source, draft.as_file_mut()).map_err(io(library))?;
    draft.as_file().sync_all().map_err(io(&copy))?;
    let digest = sha256(draft.path())?;
    if digest == expected {
        #[cfg(unix)]
        {
            let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o500);
            fs::set_permissions(draft.path(), mode).map_err(io(&copy))?;
        }
        draft.persist(&copy).map_err(|error| PluginError::Io { path: copy.clone(), source: error.error })?;
    }
    Ok((copy, digest))
}

/// Refuses a folder that somebody else owns or can write to.
#[cfg(unix)]
fn only_our_own(folder: &Path, own: &File) -> Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    let io = PluginError::io(folder);
    let (folder_data, own) = (fs::metadata(folder).map_err(&io)?, own.metadata().map_err(&io)?);
    if folder_data.uid() != own.uid() || folder_data.mode() & 0o022 != 0 {
        let problem = "others can write to this folder of private copies; remove it, or set PANAME_CACHE";
        return Err(PluginError::text(folder, problem));
    }
    Ok(())
}

#[cfg(not(unix))]
fn only_our_own(_folder: &Path, _own: &File) -> Result<()> {
    Ok(())
}
