//! Which language this call speaks.

use std::ffi::{OsStr, OsString};

use paname_report::Language;

/// The language that `--lang` names, else that of the system's locale: French where it begins with `fr`, English otherwise. It is needed before
/// the arguments are parsed, since help and refusals of arguments are in it too.
pub(crate) fn of_this_call() -> Language {
    let arguments: Vec<OsString> = std::env::args_os().skip(1).collect();
    // A locale's variables count in this order, and an empty one does not count.
    let locale = ["LC_ALL", "LC_MESSAGES", "LANG"]
        .into_iter()
        .filter_map(std::env::var_os)
        .find(|value| !value.is_empty())
        .and_then(|value| value.into_string().ok());
    asked(arguments.iter().map(OsString::as_os_str)).unwrap_or_else(|| of_locale(locale.as_deref()))
}

fn asked<'a>(arguments: impl Iterator<Item = &'a OsStr>) -> Option<Language> {
    let mut named_next = false;
    let mut found = None;
    for argument in arguments.filter_map(OsStr::to_str) {
        if named_next {
            found = Language::from_code(argument);
        } else if let Some(code) = argument.strip_prefix("--lang=") {
            found = Language::from_code(code);
        }
        named_next = argument == "--lang";
    }
    found
}

fn of_locale(locale: Option<&str>) -> Language {
    match locale {
        Some(locale) if locale.to_lowercase().starts_with("fr") => Language::French,
        _ => Language::English,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_argument_wins_over_the_locale() {
        let asked = |line: &str| asked(line.split(' ').map(OsStr::new));
        assert_eq!(asked("plan --lang fr audit.toml"), Some(Language::French));
        assert_eq!(asked("--lang=en attacks"), Some(Language::English));
        assert_eq!(asked("plan audit.toml"), None);
        assert_eq!(asked("plan --lang de"), None);
    }

    #[test]
    fn locales_name_french_or_not() {
        let cases = [("fr_FR.UTF-8", "fr"), ("fr", "fr"), ("FR_ca", "fr"), ("en_GB", "en"), ("C", "en")];
        for (locale, code) in cases {
            assert_eq!(of_locale(Some(locale)).code(), code);
        }
        assert_eq!(of_locale(None), Language::English);
    }
}
