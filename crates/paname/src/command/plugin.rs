//! `paname plugin …`.

use std::path::{Path, PathBuf};

use paname_core::{AdapterEntry, Entry};
use paname_plugin::{
    Checked, CoreDependency, Found, Places, PluginError, Trust, check, discover, pack as pack_crate, scaffold,
};
use paname_report::{Key, Language, key};
use serde::Serialize;

use crate::arguments::{PluginCommand, TrustArguments};
use crate::failure::Failure;
use crate::output::{on_one_line, print, print_json, say};
use crate::text_table::text_table;

pub(super) fn plugin(
    command: &PluginCommand,
    folders: &[PathBuf],
    language: Language,
    json: bool,
) -> Result<(), Failure> {
    match command {
        PluginCommand::List => list(folders, language, json),
        PluginCommand::Info { plugin } => info(plugin, folders, language, json),
        PluginCommand::Trust(arguments) => trust(arguments, language, json),
        PluginCommand::Untrust { name, key } => untrust(name.as_deref(), key.as_deref(), language, json),
        PluginCommand::New { name, path, paname } => {
            new(name, path.as_deref(), paname.as_deref(), language, json)
        }
        PluginCommand::Pack { folder, out, library } => {
            pack(folder.as_deref(), out.as_deref(), library.as_deref(), language, json)
        }
    }
}

/// A plugin for programs.
#[derive(Serialize)]
struct Told {
    folder: String,
    name: Option<String>,
    version: Option<String>,
    abi: Option<String>,
    target: Option<String>,
    library: Option<String>,
    sha256: Option<String>,
    licence: Option<String>,
    native: Vec<String>,
    /// The version of libtorch that it needs.
    libtorch: Option<String>,
    signed_by: Option<String>,
    trusted: bool,
    /// Why it cannot be used; null where it can.
    problem: Option<String>,
    /// What it brings, where it was loaded to be asked.
    #[serde(skip_serializing_if = "Option::is_none")]
    attacks: Option<Vec<&'static str>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    adapters: Option<Vec<&'static str>>,
}

impl Told {
    fn of(found: Found, trust: &Trust) -> Self {
        let checked = check(&found.folder, trust).and_then(|checked| {
            checked.check_digest()?;
            Ok(checked)
        });
        let manifest = found.manifest.ok();
        let text =
            |value: fn(&paname_plugin::PluginManifest) -> &String| manifest.as_ref().map(value).cloned();
        Self {
            folder: found.folder.display().to_string(),
            name: text(|m| &m.name),
            version: text(|m| &m.version),
            abi: text(|m| &m.abi),
            target: text(|m| &m.target),
            library: text(|m| &m.library),
            sha256: text(|m| &m.sha256),
            licence: text(|m| &m.licence),
            native: manifest.as_ref().map(|m| m.requires.native.clone()).unwrap_or_default(),
            libtorch: manifest.as_ref().and_then(|m| m.requires.libtorch.clone()),
            signed_by: checked.as_ref().ok().and_then(|checked| checked.signed_by.clone()),
            trusted: checked.as_ref().is_ok_and(|checked| checked.trusted),
            problem: checked.err().map(|error| error.to_string()),
            attacks: None,
            adapters: None,
        }
    }

    fn state(&self) -> Key {
        match (&self.problem, self.trusted) {
            (Some(_), _) => key!("plugin.state.refused"),
            (None, true) => key!("plugin.state.trusted"),
            (None, false) => key!("plugin.state.untrusted"),
        }
    }
}

#[derive(Serialize)]
struct List {
    plugins: Vec<Told>,
}

/// Nothing is loaded to be listed.
fn list(folders: &[PathBuf], language: Language, json: bool) -> Result<(), Failure> {
    let places = Places::of_this_process(folders)?;
    let trust = Trust::read(&places)?;
    let plugins: Vec<Told> = discover(&places)?.into_iter().map(|found| Told::of(found, &trust)).collect();
    if json {
        return print_json("paname-plugins/1", &List { plugins });
    }
    if plugins.is_empty() {
        let places = places.named.iter().chain(&places.usual).map(|place| place.display().to_string());
        return print(
            &language.fill(key!("plugin.none"), &[("places", &places.collect::<Vec<_>>().join(", "))]),
        );
    }
    let unknown = || "–".to_owned();
    let row = |told: &Told| {
        let (name, version) = (told.name.clone(), told.version.clone());
        let state = language.text(told.state());
        vec![name.unwrap_or_else(unknown), version.unwrap_or_else(unknown), state, on_one_line(&told.folder)]
    };
    let heading = [key!("plugin.name"), key!("plugin.version"), key!("plugin.state"), key!("plugin.folder")];
    let rows: Vec<Vec<String>> = plugins.iter().map(row).collect();
    print(&text_table(Some(&heading.map(|key| language.text(key))), &rows))?;
    plugins.iter().filter_map(|told| told.problem.as_deref()).for_each(say);
    Ok(())
}

fn info(plugin: &str, folders: &[PathBuf], language: Language, json: bool) -> Result<(), Failure> {
    let places = Places::of_this_process(folders)?;
    let trust = Trust::read(&places)?;
    let folder = find(plugin, &places)?;
    let checked = check(&folder, &trust)?;
    checked.check_digest()?;
    let manifest = Ok(checked.manifest.clone());
    let mut told = Told::of(Found { folder, manifest }, &trust);
    if checked.trusted {
        // Only a trusted plugin is asked what it brings, for it runs to answer.
        let loaded = checked.load(&places)?;
        told.attacks = Some(loaded.attacks.iter().map(|Entry { info, .. }| info.name).collect());
        told.adapters = Some(loaded.adapters.iter().map(|AdapterEntry { info, .. }| info.name).collect());
    }
    if json { print_json("paname-plugin/1", &told) } else { print(&page(&checked, &told, language)) }
}

fn page(checked: &Checked, told: &Told, language: Language) -> String {
    let manifest = &checked.manifest;
    let none = || language.text(key!("plugin.none_such"));
    let brings = |names: &Option<Vec<&'static str>>| match names {
        None => language.text(key!("plugin.unasked")),
        Some(names) if names.is_empty() => none(),
        Some(names) => names.join(", "),
    };
    let libtorch = manifest.requires.libtorch.iter().map(|version| format!("libtorch {version}"));
    let needed: Vec<String> = libtorch.chain(manifest.requires.native.iter().cloned()).collect();
    let needed = if needed.is_empty() { none() } else { needed.join(", ") };
    let rows = [
        (key!("plugin.name"), manifest.name.clone()),
        (key!("plugin.version"), manifest.version.clone()),
        (key!("plugin.state"), language.text(told.state())),
        (key!("plugin.folder"), on_one_line(&told.folder)),
        (key!("plugin.library"), manifest.library.clone()),
        (key!("plugin.digest"), manifest.sha256.clone()),
        (key!("plugin.licence"), manifest.licence.clone()),
        (key!("plugin.abi"), manifest.abi.clone()),
        (key!("plugin.target"), manifest.target.clone()),
        (key!("plugin.native"), needed),
        (key!("plugin.signed"), checked.signed_by.clone().unwrap_or_else(none)),
        (key!("plugin.attacks"), brings(&told.attacks)),
        (key!("plugin.adapters"), brings(&told.adapters)),
    ];
    text_table(None, &rows.map(|(key, value)| vec![language.text(key), value]))
}

/// A plugin by its folder, or by its name in the places.
fn find(plugin: &str, places: &Places) -> Result<PathBuf, Failure> {
    let path = Path::new(plugin);
    if path.join(paname_plugin::MANIFEST_FILE).is_file() {
        return path.canonicalize().map_err(|error| Failure::file(path, error));
    }
    let named = |found: &Found| found.manifest.as_ref().is_ok_and(|manifest| manifest.name == plugin);
    let found = discover(places)?.into_iter().find(named).map(|found| found.folder);
    found.ok_or_else(|| {
        Failure::Arguments(format!(
            "no plugin is named `{plugin}`, and no folder of that name holds a {}",
            paname_plugin::MANIFEST_FILE
        ))
    })
}

#[derive(Serialize)]
struct Changed<'a> {
    list: String,
    plugin: Option<&'a str>,
    sha256: Option<&'a str>,
    key: Option<&'a str>,
    require_signature: bool,
}

fn trust(arguments: &TrustArguments, language: Language, json: bool) -> Result<(), Failure> {
    let places = Places::of_this_process(&[])?;
    let mut trust = Trust::read(&places)?;
    let mut lines = Vec::new();
    let mut key_name = None;
    if let Some(path) = &arguments.key {
        let text = std::fs::read_to_string(path).map_err(|error| Failure::file(path, error))?;
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        trust.add_key(&name, &text)?;
        lines.push(language.fill(key!("plugin.key.trusted"), &[("name", &name)]));
        key_name = Some(name);
    }
    if let Some(required) = arguments.require_signature {
        trust.require_signature(required)?;
    }
    let checked = arguments.plugin.as_ref().map(|folder| check(folder, &trust)).transpose()?;
    if let Some(checked) = &checked {
        checked.check_digest()?;
        let manifest = &checked.manifest;
        trust.trust(manifest)?;
        let values =
            [("name", manifest.name.as_str()), ("version", &manifest.version), ("digest", &manifest.sha256)];
        lines.push(language.fill(key!("plugin.trusted"), &values));
    }
    if json {
        let manifest = checked.as_ref().map(|checked| &checked.manifest);
        return print_json(
            "paname-trust/1",
            &Changed {
                list: trust.path().display().to_string(),
                plugin: manifest.map(|manifest| manifest.name.as_str()),
                sha256: manifest.map(|manifest| manifest.sha256.as_str()),
                key: key_name.as_deref(),
                require_signature: trust.requires_signature(),
            },
        );
    }
    lines.push(language.fill(key!("plugin.list"), &[("path", &trust.path().display().to_string())]));
    print(&lines.join("\n"))
}

fn untrust(name: Option<&str>, key: Option<&str>, language: Language, json: bool) -> Result<(), Failure> {
    let places = Places::of_this_process(&[])?;
    let mut trust = Trust::read(&places)?;
    for (known, what) in [
        (name.map(|name| trust.untrust(name)).transpose()?, name),
        (key.map(|key| trust.remove_key(key)).transpose()?, key),
    ] {
        if known == Some(false) {
            let (what, list) = (what.unwrap_or_default(), trust.path().display());
            return Err(Failure::Arguments(format!("`{what}` is not in {list}: nothing to take back")));
        }
    }
    if json {
        let list = trust.path().display().to_string();
        let require_signature = trust.requires_signature();
        return print_json(
            "paname-trust/1",
            &Changed { list, plugin: name, sha256: None, key, require_signature },
        );
    }
    let gone = name.or(key).unwrap_or_default();
    print(
        &language
            .fill(key!("plugin.untrusted"), &[("name", gone), ("path", &trust.path().display().to_string())]),
    )
}

#[derive(Serialize)]
struct Written {
    folder: String,
    files: Vec<String>,
}

fn new(
    name: &str,
    path: Option<&Path>,
    paname: Option<&Path>,
    language: Language,
    json: bool,
) -> Result<(), Failure> {
    let folder = path.map_or_else(|| PathBuf::from(name), Path::to_owned);
    let files = scaffold(name, &folder, &core(paname)?).map_err(|error| match error {
        // Nothing but the name can be wrong.
        PluginError::Build(problem) => Failure::Arguments(problem),
        other => other.into(),
    })?;
    let written = Written {
        folder: folder.display().to_string(),
        files: files.iter().map(|file| file.display().to_string()).collect(),
    };
    if json {
        return print_json("paname-plugin-new/1", &written);
    }
    print(
        &language.fill(
            key!("plugin.written"),
            &[("files", &written.files.join("\n")), ("folder", &written.folder)],
        ),
    )
}

/// The source tree that was named; else the one that this program was built from, where it is still there; else the version.
fn core(paname: Option<&Path>) -> Result<CoreDependency, Failure> {
    if let Some(tree) = paname {
        if !tree.join("crates/paname-core/Cargo.toml").is_file() {
            let problem =
                format!("{}: no source tree of PANAME; expected crates/paname-core in it", tree.display());
            return Err(Failure::Arguments(problem));
        }
        return Ok(CoreDependency::Path(tree.canonicalize().map_err(|error| Failure::file(tree, error))?));
    }
    let built_from = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap_or(Path::new("/"));
    Ok(if built_from.join("crates/paname-core/Cargo.toml").is_file() {
        CoreDependency::Path(built_from.to_owned())
    } else {
        CoreDependency::Version(env!("CARGO_PKG_VERSION").to_owned())
    })
}

fn pack(
    folder: Option<&Path>,
    out: Option<&Path>,
    library: Option<&Path>,
    language: Language,
    json: bool,
) -> Result<(), Failure> {
    let folder = folder.unwrap_or(Path::new("."));
    let out = out.map_or_else(|| folder.join("plugin"), Path::to_owned);
    let packed = pack_crate(folder, &out, library)?;
    if json {
        let files = [packed.manifest.library.as_str(), paname_plugin::MANIFEST_FILE]
            .map(|file| packed.folder.join(file).display().to_string());
        let folder = packed.folder.display().to_string();
        return print_json("paname-plugin-pack/1", &Written { folder, files: files.to_vec() });
    }
    let values =
        [("folder", packed.folder.display().to_string()), ("digest", packed.manifest.sha256.clone())];
    print(
        &language
            .fill(key!("plugin.packed"), &values.each_ref().map(|(name, value)| (*name, value.as_str()))),
    )
}
