//! Programs of torch.export that validations take and nobody keeps: the full-size matrix, which the torch crate holds beside PyTorch, and one of 100 MB, which
//! is to open at once. Both are exported where PyTorch is there.

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

/// The test program that opens the large one, and the variable that names it.
pub(crate) const LARGE: &str = "large";
const LARGE_FILE: &str = "PANAME_PT2";

/// Exports the large one where PyTorch is there, and returns the variable with which the test finds it.
pub(crate) fn large() -> Result<Vec<(&'static str, OsString)>> {
    let Some(python) = bench_torch::installed().filter(|_| env::var_os(LARGE_FILE).is_none()) else {
        return Ok(Vec::new());
    };
    let folder = cache::cache().join(format!("matrix-{}", libtorch::VERSION));
    cache::create(&folder)?;
    let file = folder.join("large.pt2");
    stream(
        Command::new(python).arg(root().join("crates/paname-pt2/tests/export.py")).arg("large").arg(&file),
    )?;
    Ok(vec![(LARGE_FILE, file.into_os_string())])
}

/// What is there to run the matrix with.
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
