//! Files that the program writes about itself. They are committed, so that a reader sees them without building, and the
//! tests compare them with what the program says now.

use std::fs;

use crate::{
    error::{Error, Result},
    process::{capture, cargo, root},
};

/// One generated file and the arguments of `paname` that print it.
struct Generated {
    path: &'static str,
    arguments: &'static [&'static str],
}

/// Every generated file: one row each, nothing else to edit.
const GENERATED: &[Generated] = &[
    Generated { path: "docs/attacks.md", arguments: &["--lang", "en", "attacks", "--markdown"] },
    Generated { path: "docs/manifest.schema.json", arguments: &["schema", "manifest"] },
    Generated { path: "docs/evidence.schema.json", arguments: &["schema", "evidence"] },
];

/// Writes the generated files, or compares them under `--check`.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    match arguments {
        [] => GENERATED.iter().try_for_each(write),
        [option] if option == "--check" => check(),
        [other, ..] => {
            Err(Error::UnknownName { what: "option", got: other.clone(), expected: vec!["--check"] })
        }
    }
}

/// Every generated file holds what the program prints now.
pub(crate) fn check() -> Result<()> {
    let mut stale = Vec::new();
    for file in GENERATED {
        // Windows checkouts may turn line ends; the content is what counts.
        let committed = fs::read_to_string(root().join(file.path)).unwrap_or_default().replace("\r\n", "\n");
        if committed.as_bytes() != print(file)? {
            stale.push(file.path);
        }
    }
    if stale.is_empty() { Ok(()) } else { Err(Error::Stale { paths: stale }) }
}

fn write(file: &Generated) -> Result<()> {
    let path = root().join(file.path);
    let text = print(file)?;
    fs::write(&path, text).map_err(|source| Error::Io { path, source })?;
    println!("{}", file.path);
    Ok(())
}

fn print(file: &Generated) -> Result<Vec<u8>> {
    capture(cargo(["run", "--quiet", "--package", "paname", "--"]).args(file.arguments))
}
