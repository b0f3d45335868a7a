//! What a configuration says about a program: its words, what it may know of the environment, how long it may take.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use paname_core::{Error, Result};

use crate::files::expand;
use crate::folder::absolute;

/// Seconds that a program may take where the configuration does not say.
pub(crate) const USUAL_LIMIT: u64 = 3600;

/// Environment variables that every program is given, besides those whose name begins with `LC_`.
const PASSED: &[&str] = &["PATH", "HOME", "LANG", "TMPDIR", "VIRTUAL_ENV", "PYTHONPATH", "LD_LIBRARY_PATH"];

/// Characters of a program in messages, at most.
const SHOWN: usize = 60;

/// A program that can be started. Its first word is looked up in `PATH`, unless it is a path.
#[derive(Debug, Clone)]
pub(crate) struct Program {
    words: Vec<String>,
    environment: Vec<String>,
    pub(crate) time_limit: Duration,
}

/// A value that a program is told, by name: in the place of `{name}`, or behind `--name`.
pub(crate) type Value = (&'static str, OsString);

impl Program {
    /// Checks the configuration of a program.
    pub(crate) fn new(words: &[String], environment: &[String], time_limit: u64) -> Result<Self> {
        if words.first().is_none_or(String::is_empty) {
            return Err(Error::Config(
                "`program` is empty; expected a program and its arguments, such as [\"python3\", \"score.py\"]".into(),
            ));
        }
        if let Some(word) = words.iter().find(|word| word.contains('\0')) {
            return Err(Error::Config(format!("`program`: {word:?} holds a zero byte")));
        }
        let named = |name: &&String| !name.is_empty() && !name.contains(['=', '\0']);
        if let Some(name) = environment.iter().find(|name| !named(name)) {
            return Err(Error::Config(format!("`environment`: {name:?} is not the name of a variable")));
        }
        if time_limit == 0 {
            return Err(Error::Config("`time-limit` must be at least 1 second, got 0".into()));
        }
        let time_limit = Duration::from_secs(time_limit);
        Ok(Self { words: words.to_vec(), environment: environment.to_vec(), time_limit })
    }

    /// The files that its words name, and those of `more`, sorted.
    pub(crate) fn files(&self, base: &Path, more: &[PathBuf]) -> Result<Vec<PathBuf>> {
        let named = self.words.iter().enumerate().filter_map(|(i, word)| {
            let path = if i == 0 { is_path(word).then_some(word.as_str())? } else { path_in(base, word)?.1 };
            Some(PathBuf::from(path)).filter(|path| base.join(path).is_file())
        });
        expand(base, &named.chain(more.iter().cloned()).collect::<Vec<_>>())
    }

    /// What to start for an attack: each `{name}` in the words is replaced by its value; where there is none, all values follow behind `--name`.
    pub(crate) fn with_values(&self, base: &Path, values: &[Value]) -> Result<Vec<OsString>> {
        let (mut line, filled) = self.line(base, values)?;
        if !filled {
            append(&mut line, values);
        }
        Ok(line)
    }

    /// What to start for a model: the verb in the place of `{verb}`, or behind the words, then all values behind `--name`.
    pub(crate) fn with_verb(&self, base: &Path, verb: &str, values: &[Value]) -> Result<Vec<OsString>> {
        let (mut line, filled) = self.line(base, &[("verb", verb.into())])?;
        if !filled {
            line.push(verb.into());
        }
        append(&mut line, values);
        Ok(line)
    }

    /// The words with values in them and with absolute paths, and whether there was a place for a value.
    fn line(&self, base: &Path, values: &[Value]) -> Result<(Vec<OsString>, bool)> {
        let base = absolute(base)?;
        let mut line = Vec::with_capacity(self.words.len());
        let mut any = false;
        for (i, word) in self.words.iter().enumerate() {
            if i == 0 {
                line.push(if is_path(word) { base.join(word).into() } else { word.into() });
            } else if let Some(filled) = fill(word, values) {
                any = true;
                line.push(filled);
            } else if let Some((key, path)) = path_in(&base, word) {
                let mut filled = OsString::from(key);
                filled.push(base.join(path));
                line.push(filled);
            } else {
                line.push(word.into());
            }
        }
        Ok((line, any))
    }

    /// The environment that the program is given, of the variables that there are.
    pub(crate) fn environment(
        &self,
        all: impl Iterator<Item = (OsString, OsString)>,
    ) -> Vec<(OsString, OsString)> {
        let passes = |name: &OsStr| {
            let Some(name) = name.to_str() else { return false };
            PASSED.contains(&name) || name.starts_with("LC_") || self.environment.iter().any(|n| n == name)
        };
        all.filter(|(name, _)| passes(name)).collect()
    }
}

/// The program as messages show it.
impl fmt::Display for Program {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.words.join(" ");
        let shown: String = words.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
        write!(f, "`{shown}{}`", if shown.len() < words.len() { "…" } else { "" })
    }
}

fn append(line: &mut Vec<OsString>, values: &[Value]) {
    for (name, value) in values {
        line.push(format!("--{name}").into());
        line.push(value.clone());
    }
}

fn is_path(word: &str) -> bool {
    word.contains(std::path::is_separator)
}

/// The path that a word is, or ends with behind `=`, and what stands before it. A word is a path where a file of that name lies below the base, or
/// a folder that is written with a separator.
fn path_in<'a>(base: &Path, word: &'a str) -> Option<(&'a str, &'a str)> {
    let there = |text: &str| {
        let path = base.join(text);
        !text.is_empty() && (path.is_file() || (is_path(text) && path.is_dir()))
    };
    if there(word) {
        return Some(("", word));
    }
    let start = word.find('=')? + 1;
    there(&word[start..]).then(|| word.split_at(start))
}

/// The word with each `{name}` replaced by its value; nothing where there is none. What a value holds is not looked into.
fn fill(word: &str, values: &[Value]) -> Option<OsString> {
    let mut filled = OsString::new();
    let (mut rest, mut any) = (word, false);
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push(before);
        let found = values.iter().find_map(|(name, value)| {
            let after = from[1..].strip_prefix(name)?.strip_prefix('}')?;
            Some((value, after))
        });
        if let Some((value, after)) = found {
            filled.push(value);
            (rest, any) = (after, true);
        } else {
            filled.push("{");
            rest = &from[1..];
        }
    }
    filled.push(rest);
    any.then_some(filled)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn program(words: &[&str]) -> Program {
        let words: Vec<String> = words.iter().map(|&word| word.to_owned()).collect();
        Program::new(&words, &["TOKEN".into()], 1).unwrap()
    }

    fn texts(line: Vec<OsString>) -> Vec<String> {
        line.into_iter().map(|word| word.into_string().unwrap()).collect()
    }

    #[test]
    fn values_take_their_places_or_follow() {
        let values: &[Value] = &[("inputs", "/a{seed}".into()), ("seed", "3".into())];
        let base = Path::new("/nowhere");
        let line = |words: &[&str]| texts(program(words).with_values(base, values).unwrap());
        assert_eq!(line(&["p", "x"]), ["p", "x", "--inputs", "/a{seed}", "--seed", "3"]);
        assert_eq!(line(&["p", "-i={inputs}:{seed}{", "{other}"]), ["p", "-i=/a{seed}:3{", "{other}"]);
        let verb =
            |words: &[&str]| texts(program(words).with_verb(base, "fit", &[("seed", "3".into())]).unwrap());
        assert_eq!(verb(&["p", "x"]), ["p", "x", "fit", "--seed", "3"]);
        assert_eq!(verb(&["p", "{verb}", "{seed}"]), ["p", "fit", "{seed}", "--seed", "3"]);
    }

    #[test]
    fn words_that_name_files_are_absolute_and_listed() {
        let folder = tempfile::tempdir().unwrap();
        let base = folder.path();
        fs::create_dir_all(base.join("code/__pycache__")).unwrap();
        for name in ["score.py", "sh", "code/a.py", "code/__pycache__/a.pyc", "code/.hidden"] {
            fs::write(base.join(name), "").unwrap();
        }
        let at = |name: &str| base.join(name).display().to_string();
        let words = ["sh", "score.py", "--config=score.py", "code", "code/", "absent.py", ""];
        let line = texts(program(&words).with_values(base, &[]).unwrap());
        let config = format!("--config={}", at("score.py"));
        assert_eq!(line, ["sh", &at("score.py"), &config, "code", &at("code/"), "absent.py", ""]);
        // A bare first word is a program of the system, whatever lies in the folder.
        let files = |words: &[&str], more: &[PathBuf]| program(words).files(base, more);
        assert_eq!(files(&words, &[]).unwrap(), [base.join("score.py")]);
        assert_eq!(files(&["./sh"], &["code".into()]).unwrap(), [base.join("code/a.py"), base.join("sh")]);
        let error = files(&["sh"], &["absent".into()]).unwrap_err().to_string();
        assert!(error.contains("absent: cannot be read"), "{error}");
    }

    #[test]
    fn only_known_variables_pass() {
        let all =
            ["PATH", "LC_ALL", "TOKEN", "SECRET", "HOMEX"].map(|name| (name.into(), OsString::from("x")));
        let passed = program(&["p"]).environment(all.into_iter());
        let names: Vec<&OsStr> = passed.iter().map(|(name, _)| name.as_os_str()).collect();
        assert_eq!(names, ["PATH", "LC_ALL", "TOKEN"]);
    }

    #[test]
    fn what_cannot_be_started_is_refused() {
        let words = |words: &[&str]| words.iter().map(|&word| word.to_owned()).collect::<Vec<_>>();
        for (program, environment, limit) in [
            (words(&[]), words(&[]), 1),
            (words(&[""]), words(&[]), 1),
            (words(&["p", "a\0b"]), words(&[]), 1),
            (words(&["p"]), words(&["A=B"]), 1),
            (words(&["p"]), words(&[""]), 1),
            (words(&["p"]), words(&[]), 0),
        ] {
            let refusal = Program::new(&program, &environment, limit);
            assert!(matches!(refusal, Err(Error::Config(_))), "{program:?} {environment:?} {limit}");
        }
    }
}
