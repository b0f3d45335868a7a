//! The full-size matrix of programs of torch.export, which a validation of the torch crate holds beside PyTorch: what it takes, where it is there.

use std::{
    env,
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    bench_torch, cache,
    error::Result,
    libtorch,
    process::{root, stream},
};

/// The validation, and the package whose library it is a test of.
pub(crate) const NAME: &str = "program::tests::validate_the_full_matrix";
pub(crate) const PACKAGE: &str = "paname-torch";

/// The variable that names the folder of the models.
const FOLDER: &str = "PANAME_MATRIX";

/// What is there to run it with.
pub(crate) struct Matrix {
    /// Variables with which Cargo builds the test.
    pub(crate) build: Vec<(&'static str, OsString)>,
    /// The Python that exports the models; none where somebody has done so.
    python: Option<PathBuf>,
}

impl Matrix {
    /// Looks for libtorch and for PyTorch, and downloads neither. Where something is missing, says what.
    pub(crate) fn find() -> std::result::Result<Self, String> {
        let build = libtorch::prepared().ok_or("libtorch is not there: `cargo xtask libtorch`")?;
        if env::var_os(FOLDER).is_some() {
            return Ok(Self { build, python: None });
        }
        let python = bench_torch::installed().ok_or_else(|| {
            format!("no Python with PyTorch {}: `cargo xtask bench torch` makes one", libtorch::VERSION)
        })?;
        Ok(Self { build, python: Some(python) })
    }

    /// Exports the models anew, which takes some minutes and gigabytes, and returns the variables with which the test finds them.
    pub(crate) fn export(&self) -> Result<Vec<(&'static str, OsString)>> {
        let Some(python) = &self.python else { return Ok(Vec::new()) };
        let folder = cache::cache().join(format!("matrix-{}", libtorch::VERSION));
        cache::create(&folder)?;
        stream(&mut exporting(python, &folder))?;
        Ok(vec![(FOLDER, folder.into_os_string())])
    }
}

fn exporting(python: &Path, folder: &Path) -> Command {
    let mut command = Command::new(python);
    command.arg(root().join("python/matrix/export.py")).arg("--out").arg(folder);
    command
}
