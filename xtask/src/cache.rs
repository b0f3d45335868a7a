//! The folder for what is fetched or built once, so that `cargo clean` costs none of it.

use std::{
    env,
    fs::DirBuilder,
    path::{Path, PathBuf},
};

use crate::error::{Error, Result};

/// `$PANAME_CACHE`, else the user's cache folder; the program itself looks in the same place.
pub(crate) fn cache() -> PathBuf {
    let folder = |variable| env::var_os(variable).filter(|value| !value.is_empty()).map(PathBuf::from);
    let absolute = |variable| folder(variable).filter(|path| path.is_absolute());
    let cache = folder("PANAME_CACHE")
        .or_else(|| absolute("XDG_CACHE_HOME").map(|cache| cache.join("paname")))
        .or_else(|| absolute("LOCALAPPDATA").map(|cache| cache.join("paname")))
        .or_else(|| env::home_dir().map(|home| home.join(".cache").join("paname")))
        .unwrap_or_else(|| env::temp_dir().join("paname-cache"));
    // Programs that are started in other folders must find it too.
    std::path::absolute(&cache).unwrap_or(cache)
}

/// Creates a folder of the cache that only its owner can write to: what others could change, the program would refuse to load.
pub(crate) fn create(folder: &Path) -> Result<()> {
    let mut builder = DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder).map_err(|source| Error::Io { path: folder.to_owned(), source })
}
