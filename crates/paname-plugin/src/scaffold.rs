//! A new plugin to begin with: a complete crate with an attack, its tests and instructions.

use std::fs;
use std::path::{Path, PathBuf};

use crate::error::{PluginError, Result};
use crate::manifest::is_name;

/// Where the new crate finds PANAME's own crates.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CoreDependency {
    /// In a source tree.
    Path(PathBuf),
    /// In the registry, under this version.
    Version(String),
}

/// The files of the crate, in which `{{…}}` is replaced.
const FILES: &[(&str, &str)] = &[
    ("Cargo.toml", include_str!("template/Cargo.toml.in")),
    ("README.md", include_str!("template/README.md.in")),
    ("src/lib.rs", include_str!("template/src/lib.rs.in")),
    ("tests/laws.rs", include_str!("template/tests/laws.rs.in")),
    (".gitignore", "/target\n/plugin\n"),
];

/// Words that cannot name a crate.
const KEYWORDS: &[&str] = &[
    "abstract", "as", "async", "await", "become", "box", "break", "const", "continue", "core", "crate", "do",
    "dyn", "else", "enum", "extern", "false", "final", "fn", "for", "gen", "if", "impl", "in", "let", "loop",
    "macro", "match", "mod", "move", "mut", "override", "priv", "pub", "ref", "return", "self", "static",
    "std", "struct", "super", "test", "trait", "true", "try", "type", "typeof", "unsafe", "unsized", "use",
    "virtual", "where", "while", "yield",
];

/// Types of the contract and dependencies: what the new crate uses under these names would be itself.
const USED: &[&str] = &[
    "attack", "case", "config", "ctx", "default", "entry", "error", "family", "findings", "info", "needs",
    "result", "schemars", "serde", "signal", "whom",
];

/// Writes the crate `name` into `folder`, which must be absent or empty, and returns its files.
pub fn scaffold(name: &str, folder: &Path, core: &CoreDependency) -> Result<Vec<PathBuf>> {
    let first = name.chars().next();
    if !is_name(name)
        || !first.is_some_and(|c| c.is_ascii_lowercase())
        || name.ends_with('-')
        || name.contains("--")
    {
        let problem =
            "expected lower-case letters, digits and single hyphens, a letter first, such as `my-attack`";
        return Err(PluginError::Build(format!("{:?} cannot name a plugin: {problem}", shortened(name))));
    }
    if KEYWORDS.contains(&name) || USED.contains(&name) || name.starts_with("paname-") || name == "paname" {
        return Err(PluginError::Build(format!("`{name}` cannot name a plugin: it is taken")));
    }
    let io = PluginError::io;
    if folder.exists() && fs::read_dir(folder).map_err(io(folder))?.next().is_some() {
        return Err(PluginError::text(folder, "not empty; expected a folder that is absent or empty"));
    }
    // Written beside and moved, so that nothing half-made stays. A folder that is there is filled: somebody may stand in it.
    let parent = folder.parent().filter(|path| !path.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let beside = if folder.exists() { folder } else { parent };
    fs::create_dir_all(beside).map_err(io(beside))?;
    let draft = tempfile::Builder::new().prefix(".paname-new-").tempdir_in(beside).map_err(io(beside))?;
    for (file, text) in FILES {
        let path = draft.path().join(file);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).map_err(io(parent))?;
        }
        fs::write(&path, filled(text, name, core)).map_err(io(&path))?;
    }
    if folder.exists() {
        for entry in fs::read_dir(draft.path()).map_err(io(folder))? {
            let entry = entry.map_err(io(folder))?;
            let target = folder.join(entry.file_name());
            fs::rename(entry.path(), &target).map_err(io(&target))?;
        }
    } else {
        #[cfg(unix)]
        {
            let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
            fs::set_permissions(draft.path(), mode).map_err(io(folder))?;
        }
        fs::rename(draft.path(), folder).map_err(io(folder))?;
        // Nothing is left under the draft's name to be removed.
        let _ = draft.keep();
    }
    Ok(FILES.iter().map(|(file, _)| folder.join(file)).collect())
}

fn filled(text: &str, name: &str, core: &CoreDependency) -> String {
    let dependency = |package: &str| match core {
        CoreDependency::Path(tree) => {
            let path = tree.join("crates").join(package);
            format!("{{ path = {} }}", toml::Value::String(path.to_string_lossy().into_owned()))
        }
        CoreDependency::Version(version) => toml::Value::String(format!("={version}")).to_string(),
    };
    let title: String = name.split('-').map(capitalised).collect::<Vec<_>>().join(" ");
    let type_name: String = name.split('-').map(capitalised).collect();
    let values = [
        ("name", name.to_owned()),
        ("crate", name.replace('-', "_")),
        ("Type", type_name),
        ("Title", title),
        ("core", dependency("paname-core")),
        ("testkit", dependency("paname-testkit")),
    ];
    values.iter().fold(text.to_owned(), |text, (key, value)| text.replace(&format!("{{{{{key}}}}}"), value))
}

fn capitalised(word: &str) -> String {
    let mut letters = word.chars();
    letters.next().map_or_else(String::new, |first| first.to_uppercase().chain(letters).collect())
}

fn shortened(text: &str) -> String {
    text.chars().take(80).collect()
}
