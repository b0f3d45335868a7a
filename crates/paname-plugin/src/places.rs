//! Where plugins, the list of trusted ones, and private copies are.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use crate::error::{PluginError, Result};

/// The folders that matter. The environment is read here and nowhere else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Places {
    /// Folders named by the user, which must exist: each holds plugins, or is one.
    pub named: Vec<PathBuf>,
    /// Folders that may be absent.
    pub usual: Vec<PathBuf>,
    /// The folder of the list of trusted plugins.
    pub config: PathBuf,
    /// The folder of private copies, and of the libtorch that `cargo xtask libtorch` prepares.
    pub cache: PathBuf,
    /// A folder of libtorch to take instead, where one was named.
    pub libtorch: Option<PathBuf>,
    /// The Python whose PyTorch is taken instead, where that was asked for.
    pub pytorch: Option<PathBuf>,
}

impl Places {
    /// Those of this process, and `named` before them.
    pub fn of_this_process(named: &[PathBuf]) -> Result<Self> {
        Self::of(named, |name| std::env::var_os(name))
    }

    /// Those that these variables say: `PANAME_PLUGIN_PATH` (a list of folders), `PANAME_CONFIG`, `PANAME_CACHE`; where absent, the folders
    /// that the XDG Base Directory Specification names. `LIBTORCH` and `LIBTORCH_USE_PYTORCH` are those with which crates on libtorch are built.
    pub fn of(named: &[PathBuf], variable: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        // The specification has relative and empty values ignored.
        let absolute = |name: &str| variable(name).map(PathBuf::from).filter(|path| path.is_absolute());
        let home = || {
            absolute("HOME").ok_or_else(|| {
                PluginError::Build(
                    "no home folder: HOME is not set; set PANAME_CONFIG and PANAME_CACHE".into(),
                )
            })
        };
        let within = |own: &str, xdg: &str, usual: &str| -> Result<PathBuf> {
            if let Some(folder) = variable(own).filter(|folder| !folder.is_empty()) {
                return std::path::absolute(&folder).map_err(PluginError::io(Path::new(&folder)));
            }
            Ok(match absolute(xdg) {
                Some(folder) => folder,
                None => home()?.join(usual),
            }
            .join("paname"))
        };
        let listed = variable("PANAME_PLUGIN_PATH").unwrap_or_default();
        let listed = std::env::split_paths(&listed).filter(|path| !path.as_os_str().is_empty());
        let mut usual: Vec<PathBuf> = listed.collect();
        if let Some(data) = absolute("XDG_DATA_HOME").or_else(|| Some(absolute("HOME")?.join(".local/share")))
        {
            usual.push(data.join("paname").join("plugins"));
        }
        let given = |name: &str| variable(name).filter(|value| !value.is_empty());
        let libtorch = match given("LIBTORCH") {
            Some(folder) => Some(std::path::absolute(&folder).map_err(PluginError::io(Path::new(&folder)))?),
            None => None,
        };
        let python = if given("VIRTUAL_ENV").is_some() { "python" } else { "python3" };
        Ok(Self {
            libtorch,
            pytorch: given("LIBTORCH_USE_PYTORCH").map(|_| python.into()),
            named: named.to_vec(),
            usual,
            config: within("PANAME_CONFIG", "XDG_CONFIG_HOME", ".config")?,
            cache: within("PANAME_CACHE", "XDG_CACHE_HOME", ".cache")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn places(variables: &[(&str, &str)]) -> Result<Places> {
        Places::of(&["/given".into()], |name| {
            variables.iter().find(|(known, _)| *known == name).map(|(_, value)| value.into())
        })
    }

    #[test]
    fn the_environment_says_where() {
        let all = places(&[("HOME", "/home/a"), ("PANAME_PLUGIN_PATH", "/x:/y::")]).unwrap();
        assert_eq!(all.named, [Path::new("/given")]);
        assert_eq!(all.usual, ["/x", "/y", "/home/a/.local/share/paname/plugins"].map(PathBuf::from));
        assert_eq!(all.config, Path::new("/home/a/.config/paname"));
        assert_eq!(all.cache, Path::new("/home/a/.cache/paname"));
        let own = places(&[
            ("PANAME_CONFIG", "/c"),
            ("PANAME_CACHE", "/k"),
            ("XDG_DATA_HOME", "/d"),
            ("XDG_CONFIG_HOME", "relative"),
        ]);
        let own = own.unwrap();
        assert_eq!((own.config, own.cache), ("/c".into(), "/k".into()));
        assert_eq!(own.usual, [PathBuf::from("/d/paname/plugins")]);
        assert_eq!((own.libtorch, own.pytorch), (None, None));
        let torch = [("HOME", "/h"), ("LIBTORCH", "/l"), ("LIBTORCH_USE_PYTORCH", "1")];
        let torch = places(&torch).unwrap();
        assert_eq!((torch.libtorch, torch.pytorch), (Some("/l".into()), Some("python3".into())));
        let unset = places(&[("HOME", "/h"), ("LIBTORCH", ""), ("LIBTORCH_USE_PYTORCH", "")]).unwrap();
        assert_eq!((unset.libtorch, unset.pytorch), (None, None));
    }

    #[test]
    fn without_a_home_the_message_says_what_to_set() {
        let message = places(&[]).unwrap_err().to_string();
        assert_eq!(message, "no home folder: HOME is not set; set PANAME_CONFIG and PANAME_CACHE");
    }
}
