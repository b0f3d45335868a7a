//! `cargo xtask data`: public data that audits can be tried on, fetched once.

use std::{
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    cache,
    error::{Error, Result},
    process::{capture, root},
};

/// What can be fetched: its name, which is that of the program in `data/` that writes it into a file, and what is to be said of it.
const DATA: &[(&str, &str)] = &[(
    "adult",
    "Adult census: 32,561 persons, 15 columns, missing values written `?`. Becker and Kohavi, UCI Machine Learning Repository, 1996, CC BY 4.0.",
)];

/// Fetches what is named, where it is not there yet, and prints its place.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let names = || DATA.iter().map(|(name, _)| *name).collect::<Vec<_>>();
    let (name, file) = match arguments {
        [name] => (name, None),
        [name, option, file] if option == "--out" => (name, Some(PathBuf::from(file))),
        [_, other, ..] => {
            return Err(Error::UnknownName {
                what: "option",
                got: other.clone(),
                expected: vec!["--out FILE"],
            });
        }
        [] => {
            return Err(Error::UnknownName { what: "data", got: String::new(), expected: names() });
        }
    };
    let Some((name, about)) = DATA.iter().find(|(known, _)| known == name) else {
        return Err(Error::UnknownName { what: "data", got: name.clone(), expected: names() });
    };
    let file = fetched(name, file)?;
    eprintln!("{about}");
    println!("{}", file.display());
    Ok(())
}

/// The table of the Adult census, fetched where it is not there yet.
pub(crate) fn adult() -> Result<PathBuf> {
    fetched("adult", None)
}

fn fetched(name: &str, file: Option<PathBuf>) -> Result<PathBuf> {
    let file = if let Some(file) = file {
        file
    } else {
        let folder = cache::cache().join("data");
        cache::create(&folder)?;
        folder.join(format!("{name}.csv"))
    };
    if !file.exists() {
        write(name, &file)?;
    }
    Ok(file)
}

/// Alone: no variable and no file of the current folder changes what Python does.
fn write(name: &str, file: &Path) -> Result<()> {
    let program = root().join("xtask/src/data").join(name).with_extension("py");
    let mut python = Command::new("python3");
    capture(python.arg("-I").arg(program).arg(file).stdin(Stdio::null())).map(|_| ())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(arguments: &[&str]) -> String {
        let arguments: Vec<String> = arguments.iter().map(|&argument| argument.to_owned()).collect();
        run(&arguments).unwrap_err().to_string()
    }

    #[test]
    fn what_is_not_known_is_refused_before_anything_is_fetched() {
        assert_eq!(message(&["adults"]), "unknown data `adults`, expected one of: adult");
        assert_eq!(message(&[]), "unknown data ``, expected one of: adult");
        assert_eq!(message(&["adult", "--to", "x"]), "unknown option `--to`, expected one of: --out FILE");
    }
}
