//! Standard output, and files that appear whole or not at all.

use std::fs::{self, OpenOptions};
use std::io::{self, Write as _};
use std::path::Path;

use serde::Serialize;

use crate::failure::Failure;

/// Writes lines for people or data for programs. A reader that closed the pipe has seen enough: [`Failure::ClosedPipe`] ends the call quietly.
pub(crate) fn print(text: &str) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    let mut write = || {
        stdout.write_all(text.as_bytes())?;
        if !text.ends_with('\n') {
            stdout.write_all(b"\n")?;
        }
        stdout.flush()
    };
    write().map_err(|error| match error {
        error if is_closed_pipe(&error) => Failure::ClosedPipe,
        error => Failure::Output(error),
    })
}

/// A text of the user's files as people see it: it neither breaks the line nor moves the cursor.
pub(crate) fn on_one_line(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

/// Writes a result for programs. `format` names the shape and its version, which stands first.
pub(crate) fn print_json(format: &str, result: &impl Serialize) -> Result<(), Failure> {
    #[derive(Serialize)]
    struct Tagged<'a, R> {
        format: &'a str,
        #[serde(flatten)]
        result: &'a R,
    }
    let text = serde_json::to_string_pretty(&Tagged { format, result })
        .map_err(|error| Failure::Other(format!("no JSON: {error}")))?;
    print(&text)
}

/// A line for people beside the data. Whether anyone can read it changes nothing.
pub(crate) fn say(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Whether an error says that nobody reads any more.
pub(crate) fn is_closed_pipe(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::BrokenPipe
}

/// Creates a folder that only its owner can enter, where there is none.
pub(crate) fn create_private_folder(path: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Who can read a file that is written.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Reader {
    /// Its owner only.
    Owner,
    /// Whoever the system lets.
    Anyone,
}

/// Writes a file that is not there yet; nothing is overwritten.
#[cfg_attr(not(unix), expect(unused_variables, reason = "only Unix knows modes"))]
pub(crate) fn write_new(path: &Path, text: &str, reader: Reader) -> Result<(), Failure> {
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create_new(true);
        #[cfg(unix)]
        if matches!(reader, Reader::Owner) {
            std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        }
        let mut file = options.open(path)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()
    };
    write().map_err(|error| Failure::file(path, error))
}

/// Writes a file that only its owner can read. It appears whole or not at all.
pub(crate) fn write_private(path: &Path, text: &str) -> Result<(), Failure> {
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(".part");
    let part = path.with_file_name(name);
    let write = || {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut file = options.open(&part)?;
        file.write_all(text.as_bytes())?;
        file.sync_all()?;
        drop(file);
        fs::rename(&part, path)
    };
    write().map_err(|source| {
        // The unfinished part is of no use; where it cannot be removed either, the first error is what counts.
        let _ = fs::remove_file(&part);
        Failure::file(path, source)
    })
}
