//! From a real plugin to everything that may not be loaded, each with its one line.

#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use paname_core::{PluginOrigin, Registry};
use paname_plugin::{
    MANIFEST_FILE, Places, PluginManifest, Requires, SIGNATURE_FILE, Trust, check, discover, load_all,
    load_exactly, pack_library,
};
use proptest::prelude::*;
use tempfile::TempDir;

const NAME: &str = "paname-plugin-mia";

/// The plugin that Cargo has built for this test, beside it.
fn library() -> PathBuf {
    std::env::current_exe().unwrap().with_file_name("libpaname_plugin_mia.so")
}

/// A user with a plugin.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Self {
        let user = Self { home: tempfile::tempdir().unwrap() };
        pack_library(&library(), NAME, "0.1.0", "MIT", Requires::default(), &user.path("plugins")).unwrap();
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().canonicalize().unwrap().join(name)
    }

    fn plugin(&self) -> PathBuf {
        self.path("plugins").join(NAME)
    }

    fn places(&self) -> Places {
        Places {
            named: vec![self.path("plugins")],
            usual: vec![self.path("absent")],
            config: self.path("config"),
            cache: self.path("cache"),
            libtorch: None,
            pytorch: None,
        }
    }

    fn trust(&self) -> Trust {
        Trust::read(&self.places()).unwrap()
    }

    /// Allows the plugin as its description says it is.
    fn allow(&self) {
        let manifest = PluginManifest::read(&self.plugin()).unwrap();
        self.trust().trust(&manifest).unwrap();
    }

    fn describe(&self, change: impl Fn(&str) -> String) {
        let path = self.plugin().join(MANIFEST_FILE);
        let text = fs::read_to_string(&path).unwrap();
        let changed = change(&text);
        assert_ne!(text, changed, "nothing was changed");
        fs::write(&path, changed).unwrap();
    }

    /// Describes another library under the plugin's name, and allows it.
    fn replace_library(&self, library: &Path) {
        pack_library(library, NAME, "0.1.0", "MIT", Requires::default(), &self.path("plugins")).unwrap();
        self.allow();
    }

    /// What is said when everything that is trusted is loaded, on one line, without the folder's name.
    fn refusal(&self) -> String {
        let error = load_all(&self.places(), &self.trust()).err().unwrap().to_string();
        self.clean(&error)
    }

    fn checked(&self) -> String {
        let error = check(&self.plugin(), &self.trust()).and_then(|checked| checked.check_digest());
        self.clean(&error.unwrap_err().to_string())
    }

    fn clean(&self, text: &str) -> String {
        assert!(!text.contains('\n'), "{text:?}");
        text.replace(&self.path("").display().to_string(), "~/")
    }
}

fn requires(native: &str) -> Requires {
    Requires { native: vec![native.to_owned()], ..Requires::default() }
}

fn compile(source: &str, library: &Path, arguments: &[&str]) {
    let file = library.with_extension("c");
    fs::write(&file, source).unwrap();
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-o"]).arg(library).arg(&file).args(arguments);
    assert!(command.status().unwrap().success());
}

#[test]
fn a_trusted_plugin_is_loaded_and_an_untrusted_one_is_told() {
    let user = User::new();
    let (loaded, skipped) = load_all(&user.places(), &user.trust()).unwrap();
    assert!(loaded.is_empty());
    assert_eq!(
        user.clean(&skipped[0].to_string()),
        "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia): not trusted, hence not loaded; `paname plugin trust ~/plugins/paname-plugin-mia` allows it"
    );
    user.allow();
    let (loaded, skipped) = load_all(&user.places(), &user.trust()).unwrap();
    assert!(skipped.is_empty());
    assert_eq!(loaded[0].attacks.len(), 27);
    let mut registry = Registry::default();
    loaded[0].register(&mut registry).unwrap();
    assert!(registry.attack("lira").unwrap().build(serde_json::Value::Null).is_ok());
    let error = loaded[0].register(&mut registry).unwrap_err().to_string();
    let twice = "plugin paname-plugin-mia 0.1.0 and plugin paname-plugin-mia 0.1.0";
    assert_eq!(error, format!("configuration: attack `confidence` comes from both {twice}"));
    // What runs is a copy that only its owner can change.
    let folder = user.path("cache/plugins").join(&loaded[0].manifest.sha256);
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&folder), mode(&folder.join("libpaname_plugin_mia.so"))), (0o700, 0o500));
    assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
    // Trust can be taken back.
    assert!(user.trust().untrust(NAME).unwrap());
    assert!(!user.trust().untrust(NAME).unwrap());
    assert_eq!(load_all(&user.places(), &user.trust()).unwrap().1.len(), 1);
}

#[test]
fn descriptions_that_cannot_be_are_refused_at_their_place() {
    let user = User::new();
    let folder = "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia)";
    let file = "~/plugins/paname-plugin-mia/plugin.toml";
    let replaced = |key: &str, value: &str| {
        let (key, value) = (key.to_owned(), value.to_owned());
        move |text: &str| -> String {
            let line = |line: &str| {
                if line.starts_with(&format!("{key} =")) {
                    format!("{key} = {value}\n")
                } else {
                    format!("{line}\n")
                }
            };
            text.lines().map(line).collect()
        }
    };
    let original = fs::read_to_string(user.plugin().join(MANIFEST_FILE)).unwrap();
    for (key, value, message) in [
        (
            "abi",
            "\"0.9.0\"",
            format!(
                "{folder}: built for plugin interface 0.9.0, this program has 0.7.0; get a build for that one"
            ),
        ),
        (
            "abi",
            "\"1.0\"",
            format!(
                "{folder}: built for plugin interface 1.0, this program has 0.7.0; get a build for that one"
            ),
        ),
        (
            "abi",
            "\"new\"",
            format!(
                "{folder}: built for plugin interface new, this program has 0.7.0; get a build for that one"
            ),
        ),
        ("abi", "\"\"", format!("{file}: `abi`: expected 1 to 200 characters on one line")),
        (
            "target",
            "\"aarch64-apple-darwin\"",
            format!(
                "{folder}: built for aarch64-apple-darwin, this program runs on {}",
                paname_core::abi::TARGET
            ),
        ),
        (
            "schema",
            "\"paname-plugin/2\"",
            format!("{file}: `schema` is \"paname-plugin/2\"; expected \"paname-plugin/1\""),
        ),
        (
            "name",
            "\"No Name\"",
            format!("{file}: `name` is \"No Name\"; expected 1 to 64 lower-case letters, digits and hyphens"),
        ),
        (
            "library",
            "\"../lib.so\"",
            format!("{file}: `library` is \"../lib.so\"; expected the name of a file in the same folder"),
        ),
        (
            "library",
            "\"/lib.so\"",
            format!("{file}: `library` is \"/lib.so\"; expected the name of a file in the same folder"),
        ),
        (
            "library",
            "\"..\"",
            format!("{file}: `library` is \"..\"; expected the name of a file in the same folder"),
        ),
        (
            "library",
            "\"absent.so\"",
            "~/plugins/paname-plugin-mia/absent.so: No such file or directory (os error 2)".to_owned(),
        ),
        ("sha256", "\"ABC\"", format!("{file}: `sha256`: expected 64 hexadecimal digits in lower case")),
        ("licence", "\"a\\nb\"", format!("{file}: `licence`: expected 1 to 200 characters on one line")),
        ("version", "7", format!("{file}:3:11: invalid type: integer `7`, expected a string")),
        (
            "version",
            "\"0.1.0\"\nauthor = \"me\"",
            format!(
                "{file}:4:1: unknown field `author`, expected one of `schema`, `name`, `version`, `abi`, `target`, `library`, `sha256`, `licence`, `requires`"
            ),
        ),
        ("version", "\"", format!("{file}:3:12: invalid basic string, expected `\"`")),
    ] {
        fs::write(user.plugin().join(MANIFEST_FILE), &original).unwrap();
        user.describe(replaced(key, value));
        assert_eq!(user.checked(), message);
    }
    let whole = |bytes: &[u8]| {
        fs::write(user.plugin().join(MANIFEST_FILE), bytes).unwrap();
        user.checked()
    };
    assert_eq!(whole(b"name = \"\xff\""), format!("{file}: byte 8 is not UTF-8; save the file as UTF-8"));
    assert_eq!(whole(&vec![b' '; 70_000]), format!("{file}: larger than 65536 bytes"));
    assert_eq!(whole(b""), format!("{file}:1:1: missing field `schema`"));
    let native = original.clone() + "[requires]\nnative = [\"a/b.so\"]\n";
    assert_eq!(
        whole(native.as_bytes()),
        format!("{file}: `requires.native`: expected at most 64 names of libraries without folders")
    );
    for version in ["2.11", "2.11.0+cu130", "../../tmp", "", "2.11.x"] {
        let libtorch = original.clone() + &format!("[requires]\nlibtorch = \"{version}\"\n");
        assert_eq!(
            whole(libtorch.as_bytes()),
            format!("{file}: `requires.libtorch`: expected a version such as \"2.11.0\"")
        );
    }
    whole(native.as_bytes());
    // What cannot be read is told, and stops nothing.
    let (_, skipped) = load_all(&user.places(), &user.trust()).unwrap();
    assert_eq!(
        user.clean(&skipped[0].to_string()),
        format!("{file}: `requires.native`: expected at most 64 names of libraries without folders")
    );
}

#[test]
fn a_description_without_one_of_its_keys_is_refused() {
    let user = User::new();
    let path = user.plugin().join(MANIFEST_FILE);
    let original = fs::read_to_string(&path).unwrap();
    let keys = original.lines().filter_map(|line| line.split_once(" = ")).map(|(key, _)| key);
    let keys: Vec<&str> = keys.collect();
    assert_eq!(keys, ["schema", "name", "version", "abi", "target", "library", "sha256", "licence"]);
    for key in keys {
        let without = original
            .lines()
            .filter(|line| !line.starts_with(key))
            .fold(String::new(), |text, line| text + line + "\n");
        fs::write(&path, without).unwrap();
        let message = format!("~/plugins/paname-plugin-mia/plugin.toml:1:1: missing field `{key}`");
        assert_eq!(user.checked(), message);
    }
}

#[test]
fn what_could_not_be_read_again_is_not_packed() {
    let user = User::new();
    let pack = |name: &str, version: &str, native: &str| {
        let packed = pack_library(&library(), name, version, "MIT", requires(native), &user.path("packed"));
        user.clean(&packed.unwrap_err().to_string())
    };
    assert_eq!(
        pack("../above", "1", "libz.so"),
        "~/packed/../above/plugin.toml: `name` is \"../above\"; expected 1 to 64 lower-case letters, digits and hyphens"
    );
    assert_eq!(
        pack("x", "1\n2", "libz.so"),
        "~/packed/x/plugin.toml: `version`: expected 1 to 200 characters on one line"
    );
    assert_eq!(
        pack("x", "1", "/lib/libz.so"),
        "~/packed/x/plugin.toml: `requires.native`: expected at most 64 names of libraries without folders"
    );
    let absent =
        pack_library(&user.path("absent"), "x", "1", "MIT", Requires::default(), &user.path("packed"));
    assert_eq!(
        user.clean(&absent.unwrap_err().to_string()),
        "~/absent: No such file or directory (os error 2)"
    );
    assert!(!user.path("packed").exists() && !user.path("above").exists(), "nothing is left");
}

#[test]
fn what_is_no_file_is_not_waited_for() {
    let user = User::new();
    let path = user.plugin().join(MANIFEST_FILE);
    let pipe = |path: &Path| assert!(Command::new("mkfifo").arg(path).status().unwrap().success());
    let key = minisign::KeyPair::generate_unencrypted_keypair().unwrap().pk.to_box().unwrap();
    user.trust().add_key("ours", &key.to_string()).unwrap();
    pipe(&user.plugin().join(SIGNATURE_FILE));
    assert_eq!(user.checked(), "~/plugins/paname-plugin-mia/plugin.toml.minisig: expected a file");
    fs::remove_file(user.plugin().join(SIGNATURE_FILE)).unwrap();
    let library = user.plugin().join("libpaname_plugin_mia.so");
    fs::remove_file(&library).unwrap();
    pipe(&library);
    let who = "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia)";
    assert_eq!(user.checked(), format!("{who}: its library libpaname_plugin_mia.so leads out of the folder"));
    fs::remove_file(&path).unwrap();
    pipe(&path);
    assert_eq!(user.checked(), "~/plugins/paname-plugin-mia/plugin.toml: expected a file");
    assert!(discover(&user.places()).unwrap().is_empty());
}

#[test]
fn no_name_of_a_folder_breaks_the_line() {
    let user = User::new();
    let hostile = user.path("plugins/a\n\u{1b}[31mb\u{2028}c");
    fs::rename(user.plugin(), &hostile).unwrap();
    let (_, skipped) = load_all(&user.places(), &user.trust()).unwrap();
    let folder = "~/plugins/a  [31mb c";
    assert_eq!(
        user.clean(&skipped[0].to_string()),
        format!(
            "plugin `paname-plugin-mia` ({folder}): not trusted, hence not loaded; `paname plugin trust {folder}` allows it"
        )
    );
    fs::write(hostile.join(MANIFEST_FILE), "schema = 1").unwrap();
    let (_, skipped) = load_all(&user.places(), &user.trust()).unwrap();
    let problem = "invalid type: integer `1`, expected a string";
    assert_eq!(user.clean(&skipped[0].to_string()), format!("{folder}/plugin.toml:1:10: {problem}"));
    let absent = check(&hostile.join("absent"), &user.trust()).unwrap_err().to_string();
    assert_eq!(user.clean(&absent), format!("{folder}/absent: No such file or directory (os error 2)"));
}

#[test]
fn libraries_that_are_not_what_was_allowed_are_refused() {
    let who = "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia)";
    let user = User::new();
    user.allow();
    let path = user.plugin().join("libpaname_plugin_mia.so");
    let allowed = PluginManifest::read(&user.plugin()).unwrap().sha256;
    fs::write(&path, "changed").unwrap();
    let message = user.refusal();
    assert!(message.starts_with(&format!("{who}: the SHA-256 of libpaname_plugin_mia.so is ")), "{message}");
    assert!(
        message.ends_with(&format!(", plugin.toml says {allowed}; it was changed or only partly copied")),
        "{message}"
    );
    assert_eq!(user.checked(), message);
    // Another description of the changed bytes is another build, which nobody has allowed.
    pack_library(&path, NAME, "0.1.0", "MIT", Requires::default(), &user.path("elsewhere")).unwrap();
    fs::copy(user.path("elsewhere").join(NAME).join(MANIFEST_FILE), user.plugin().join(MANIFEST_FILE))
        .unwrap();
    assert!(load_all(&user.places(), &user.trust()).unwrap().0.is_empty());
    // Allowed nonetheless, a text is no library.
    user.allow();
    let message = user.refusal();
    assert!(message.starts_with(&format!("{who}: ")) && message.contains("file too short"), "{message}");
    fs::remove_file(&path).unwrap();
    symlink(library(), &path).unwrap();
    assert_eq!(user.checked(), format!("{who}: its library libpaname_plugin_mia.so leads out of the folder"));
}

#[test]
fn libraries_that_are_no_plugins_are_refused() {
    let who = "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia)";
    let user = User::new();
    let plain = user.path("libplain.so");
    compile("int answer(void) { return 42; }", &plain, &[]);
    user.replace_library(&plain);
    assert_eq!(user.refusal(), format!("{who}: no plugin of PANAME: the symbol PANAME_PLUGIN is missing"));
    let zeros = user.path("libzeros.so");
    compile("char PANAME_PLUGIN[4096] __attribute__((aligned(64)));", &zeros, &[]);
    user.replace_library(&zeros);
    assert_eq!(user.refusal(), format!("{who}: expected plugin interface 0.7.0, got no header of this kind"));
    let needed = user.path("libneeded.so");
    compile("int needed(void) { return 1; }", &needed, &[]);
    let needing = user.path("libneeding.so");
    let folder = user.path("").display().to_string();
    compile("int needed(void); int get(void) { return needed(); }", &needing, &["-L", &folder, "-lneeded"]);
    fs::remove_file(&needed).unwrap();
    user.replace_library(&needing);
    assert_eq!(
        user.refusal(),
        format!(
            "{who}: its library cannot be loaded: libneeded.so: cannot open shared object file: No such file or directory"
        )
    );
    pack_library(&library(), NAME, "0.1.0", "MIT", requires("libabsent.so.7"), &user.path("plugins"))
        .unwrap();
    user.describe(|text| text.replace("libabsent.so.7", "libother.so.7"));
    user.allow();
    user.describe(|text| text.replace("libother.so.7", "libabsent.so.7"));
    assert!(load_all(&user.places(), &user.trust()).unwrap().0.is_empty(), "other libraries were allowed");
    user.allow();
    assert_eq!(
        user.refusal(),
        format!(
            "{who}: needs the native library libabsent.so.7, which cannot be loaded: libabsent.so.7: cannot open shared object file: No such file or directory"
        )
    );
}

#[test]
fn a_plugin_says_the_same_of_itself_as_its_description() {
    let user = User::new();
    pack_library(&library(), "other-name", "0.1.0", "MIT", Requires::default(), &user.path("plugins"))
        .unwrap();
    fs::remove_dir_all(user.plugin()).unwrap();
    let manifest = PluginManifest::read(&user.path("plugins/other-name")).unwrap();
    user.trust().trust(&manifest).unwrap();
    assert_eq!(
        user.refusal(),
        "plugin `other-name` (~/plugins/other-name): plugin.toml says name \"other-name\", the library \"paname-plugin-mia\""
    );
    let user = User::new();
    pack_library(&library(), NAME, "9.9.9", "MIT", Requires::default(), &user.path("plugins")).unwrap();
    user.allow();
    assert_eq!(
        user.refusal(),
        "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia): plugin.toml says version \"9.9.9\", the library \"0.1.0\""
    );
}

#[test]
fn nothing_runs_before_it_is_allowed() {
    let user = User::new();
    let (library, ran) = (user.path("libeager.so"), user.path("ran"));
    let source = format!(
        "#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fclose(fopen(\"{}\", \"w\")); }}",
        ran.display()
    );
    compile(&source, &library, &[]);
    pack_library(&library, NAME, "0.1.0", "MIT", Requires::default(), &user.path("plugins")).unwrap();
    assert!(load_all(&user.places(), &user.trust()).unwrap().0.is_empty());
    let checked = check(&user.plugin(), &user.trust()).unwrap();
    checked.check_digest().unwrap();
    assert!(checked.load(&user.places()).is_err(), "not trusted");
    assert!(!ran.exists());
    user.allow();
    user.refusal();
    assert!(ran.exists(), "the proof itself works");
}

#[test]
fn signatures_count_where_they_are_asked_for() {
    let user = User::new();
    user.allow();
    let pair = minisign::KeyPair::generate_unencrypted_keypair().unwrap();
    let sign = |pair: &minisign::KeyPair| {
        let text = fs::read(user.plugin().join(MANIFEST_FILE)).unwrap();
        let signature = minisign::sign(None, &pair.sk, &*text, None, None).unwrap();
        fs::write(user.plugin().join(SIGNATURE_FILE), signature.into_string()).unwrap();
    };
    user.trust().require_signature(true).unwrap();
    let who = "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia)";
    let unsigned =
        format!("{who}: not signed by a trusted key, and plugins must be signed here (`require-signature`)");
    assert_eq!(user.refusal(), unsigned);
    sign(&pair);
    assert_eq!(user.refusal(), unsigned, "a signature of a key that nobody knows");
    user.trust().add_key("ours", &pair.pk.to_box().unwrap().to_string()).unwrap();
    assert_eq!(load_all(&user.places(), &user.trust()).unwrap().0.len(), 1);
    let checked = check(&user.plugin(), &user.trust()).unwrap();
    assert_eq!(checked.signed_by.as_deref(), Some("ours"));
    // Another signer, a changed description, and no signature at all.
    sign(&minisign::KeyPair::generate_unencrypted_keypair().unwrap());
    let file = "~/plugins/paname-plugin-mia/plugin.toml.minisig";
    let holds = format!(
        "{file}: holds under none of the trusted keys; the plugin was changed or signed by somebody else"
    );
    assert_eq!(user.refusal(), holds);
    sign(&pair);
    user.describe(|text| text.replace("MIT", "ISC"));
    assert_eq!(user.refusal(), holds);
    user.trust().require_signature(false).unwrap();
    assert_eq!(user.refusal(), holds, "a wrong signature is wrong where none is needed, too");
    fs::write(user.plugin().join(SIGNATURE_FILE), "no signature").unwrap();
    assert_eq!(user.refusal(), format!("{file}: not a minisign signature"));
    assert!(user.trust().remove_key("ours").unwrap());
    assert_eq!(
        load_all(&user.places(), &user.trust()).unwrap().0.len(),
        1,
        "nobody asks for signatures any more"
    );
    let error = user.trust().add_key("bad", "nonsense").unwrap_err().to_string();
    assert_eq!(error, "key `bad`: expected a minisign public key, as in minisign.pub");
}

#[test]
fn the_list_of_trust_is_private_whole_and_strict() {
    let user = User::new();
    user.allow();
    let list = user.path("config/plugins.lock");
    let mode = |path: &Path| fs::metadata(path).unwrap().mode() & 0o777;
    assert_eq!((mode(&list), mode(&user.path("config"))), (0o600, 0o700));
    std::thread::scope(|scope| {
        for i in 0..16 {
            let user = &user;
            scope.spawn(move || {
                let mut manifest = PluginManifest::read(&user.plugin()).unwrap();
                manifest.name = format!("plugin-{i}");
                user.trust().trust(&manifest).unwrap();
            });
        }
    });
    assert_eq!(user.trust().plugins().len(), 17, "nobody's entry is lost");
    let untidy = "schema = \"paname-trust/1\"\nallow-all = true";
    for (text, message) in [
        (
            untidy,
            "~/config/plugins.lock:2:1: unknown field `allow-all`, expected one of `schema`, `require-signature`, `plugin`, `key`",
        ),
        ("schema = \"paname-trust/1", "~/config/plugins.lock:1:25: invalid basic string, expected `\"`"),
        (" ".repeat(70_000).as_str(), "~/config/plugins.lock: larger than 65536 bytes"),
        ("", "~/config/plugins.lock:1:1: missing field `schema`"),
        ("schema = \"paname-trust/9\"", "~/config/plugins.lock: `schema`: expected \"paname-trust/1\""),
        ("schema = 3", "~/config/plugins.lock:1:10: invalid type: integer `3`, expected a string"),
        (
            "schema = \"paname-trust/1\"\n[[plugin]]\nname = \"x\"\nsha256 = \"y\"",
            "~/config/plugins.lock: [[plugin]]: expected a name and 64 hexadecimal digits in lower case",
        ),
        (
            "schema = \"paname-trust/1\"\n[[key]]\nname = \"x\"\npublic = \"y\"",
            "~/config/plugins.lock: key `x`: expected a minisign public key, as in minisign.pub",
        ),
    ] {
        fs::write(&list, text).unwrap();
        assert_eq!(user.clean(&Trust::read(&user.places()).unwrap_err().to_string()), message);
    }
    fs::write(&list, b"\xff").unwrap();
    let message = Trust::read(&user.places()).unwrap_err().to_string();
    assert_eq!(user.clean(&message), "~/config/plugins.lock: not UTF-8");
}

#[test]
fn a_list_that_others_can_write_proves_nothing() {
    let user = User::new();
    user.allow();
    let problem = "others can write to it, so that it proves nothing; take that right away";
    for (name, ours) in [("plugins.lock", 0o600), ("", 0o700)] {
        let path = user.path("config").join(name);
        for theirs in [0o020, 0o002] {
            fs::set_permissions(&path, fs::Permissions::from_mode(ours | theirs)).unwrap();
            let message = user.clean(&Trust::read(&user.places()).unwrap_err().to_string());
            assert_eq!(message, format!("~/config/{name}: {problem}").replace("/:", ":"));
        }
        fs::set_permissions(&path, fs::Permissions::from_mode(ours)).unwrap();
        assert_eq!(user.trust().plugins().len(), 1);
    }
    // Nothing is put into such a folder either.
    let other = Places { config: user.path("open"), ..user.places() };
    fs::create_dir(user.path("open")).unwrap();
    fs::set_permissions(user.path("open"), fs::Permissions::from_mode(0o777)).unwrap();
    let message = Trust::read(&other).unwrap().require_signature(true).unwrap_err().to_string();
    assert_eq!(user.clean(&message), format!("~/open: {problem}"));
    assert_eq!(fs::read_dir(user.path("open")).unwrap().count(), 0);
}

#[test]
fn a_key_is_taken_from_any_text_around_it() {
    let user = User::new();
    let key = "RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3";
    for text in [
        key.to_owned(),
        format!("untrusted comment: ours\r\n{key}\r\n"),
        format!("untrusted comment: ours\n  {key}\n\nSigned by hand.\n"),
    ] {
        user.trust().add_key("ours", &text).unwrap();
        assert_eq!(user.trust().keys().len(), 1);
        assert_eq!(user.trust().keys()[0].public, key);
    }
}

#[test]
fn plugins_are_found_where_they_should_be() {
    let user = User::new();
    let mut places = user.places();
    places.named.push(user.plugin());
    symlink(user.path("plugins"), user.path("again")).unwrap();
    places.usual.push(user.path("again"));
    assert_eq!(discover(&places).unwrap().len(), 1, "one plugin, however often it is reached");
    pack_library(&library(), NAME, "0.5.0", "MIT", Requires::default(), &user.path("others")).unwrap();
    places.usual.push(user.path("others"));
    assert_eq!(
        user.clean(&discover(&places).unwrap_err().to_string()),
        "two plugins are named `paname-plugin-mia`: ~/others/paname-plugin-mia and ~/plugins/paname-plugin-mia; remove one of them"
    );
    let absent = Places { named: vec![user.path("absent")], ..user.places() };
    assert_eq!(
        user.clean(&discover(&absent).unwrap_err().to_string()),
        "~/absent: No such file or directory (os error 2)"
    );
    let nowhere = Places { named: Vec::new(), usual: Vec::new(), ..user.places() };
    assert!(discover(&nowhere).unwrap().is_empty());
}

#[test]
fn plugins_are_sorted_by_folder_and_nothing_else_is_taken_for_one() {
    let user = User::new();
    for name in ["zebra", "ant"] {
        pack_library(&library(), name, "0.1.0", "MIT", Requires::default(), &user.path("plugins")).unwrap();
    }
    // A plugin within a plugin, a file, a folder without a description and one that cannot be read.
    pack_library(&library(), "inner", "0.1.0", "MIT", Requires::default(), &user.path("plugins/ant"))
        .unwrap();
    fs::write(user.path("plugins/file"), "").unwrap();
    fs::create_dir_all(user.path("plugins/folder/plugin.toml")).unwrap();
    fs::create_dir(user.path("plugins/broken")).unwrap();
    fs::write(user.path("plugins/broken/plugin.toml"), "name = \"ant\"").unwrap();
    let names = |named: PathBuf| -> Vec<String> {
        let found = discover(&Places { named: vec![named], ..user.places() }).unwrap();
        found.iter().map(|found| user.clean(&found.folder.display().to_string())).collect()
    };
    let all = ["ant", "broken", "paname-plugin-mia", "zebra"].map(|name| format!("~/plugins/{name}"));
    assert_eq!(names(user.path("plugins")), all);
    assert_eq!(names(user.path("plugins/ant/..")), all);
    assert_eq!(names(user.path("plugins/ant")), ["~/plugins/ant"]);
    // A place that is a file is an error where it was named.
    let file = Places { named: vec![user.path("plugins/file")], ..user.places() };
    let message = discover(&file).unwrap_err().to_string();
    assert_eq!(user.clean(&message), "~/plugins/file: Not a directory (os error 20)");
}

#[test]
fn private_copies_are_ours_alone() {
    let user = User::new();
    user.allow();
    load_all(&user.places(), &user.trust()).unwrap();
    let sha256 = PluginManifest::read(&user.plugin()).unwrap().sha256;
    let folder = user.path("cache/plugins").join(&sha256);
    // A copy that was tampered with is replaced before anything of it runs.
    let copy = folder.join("libpaname_plugin_mia.so");
    let number = fs::metadata(&copy).unwrap().ino();
    load_all(&user.places(), &user.trust()).unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().ino(), number, "copied once");
    fs::remove_file(&copy).unwrap();
    fs::write(&copy, "not it").unwrap();
    load_all(&user.places(), &user.trust()).unwrap();
    assert_eq!(fs::metadata(&copy).unwrap().len(), fs::metadata(library()).unwrap().len());
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o777)).unwrap();
    let message = user.refusal().replace(&sha256, "SHA256");
    assert_eq!(
        message,
        "~/cache/plugins/SHA256: others can write to this folder of private copies; remove it, or set PANAME_CACHE"
    );
    fs::set_permissions(&folder, fs::Permissions::from_mode(0o700)).unwrap();
    for (name, shown) in [("cache", "~/cache"), ("cache/plugins", "~/cache/plugins")] {
        fs::set_permissions(user.path(name), fs::Permissions::from_mode(0o770)).unwrap();
        let problem = "others can write to it, so that it proves nothing; take that right away";
        assert_eq!(user.refusal(), format!("{shown}: {problem}"));
        fs::set_permissions(user.path(name), fs::Permissions::from_mode(0o700)).unwrap();
    }
    assert_eq!(load_all(&user.places(), &user.trust()).unwrap().0.len(), 1);
}

#[test]
fn workers_load_exactly_what_the_audit_began_with() {
    let user = User::new();
    user.allow();
    let origin = load_all(&user.places(), &user.trust()).unwrap().0[0].origin();
    let load = |origin: &PluginOrigin| {
        let loaded = load_exactly(std::slice::from_ref(origin), &user.places(), &user.trust());
        loaded.map(|loaded| loaded.len()).map_err(|error| user.clean(&error.to_string()))
    };
    assert_eq!(load(&origin), Ok(1));
    let other = PluginOrigin { sha256: "0".repeat(64), ..origin.clone() };
    let who = "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia)";
    let changed = format!("{who}: changed while the audit was running; start it again");
    assert_eq!(load(&other), Err(changed.clone()));
    let renamed = PluginOrigin { name: "other".into(), ..origin.clone() };
    assert_eq!(load(&renamed), Err(changed.clone()));
    // Another build that the user allows while the audit runs is another one, too.
    let plain = user.path("libplain.so");
    compile("int answer(void) { return 42; }", &plain, &[]);
    user.replace_library(&plain);
    assert_eq!(load(&origin), Err(changed));
    user.replace_library(&library());
    assert_eq!(load(&origin), Ok(1));
    user.trust().untrust(NAME).unwrap();
    let message = load(&origin).unwrap_err();
    assert!(message.starts_with(&format!("{who}: not trusted, hence not loaded")), "{message}");
}

proptest! {
    /// No description, whatever its bytes, does more than to be refused on one line.
    #[test]
    fn descriptions_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
        if let Err(error) = PluginManifest::parse(&bytes, Path::new("plugin.toml")) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    /// Nor does a list, whatever its bytes.
    #[test]
    fn lists_are_read_or_refused(
        place in 0_usize..300, bytes in prop::collection::vec(any::<u8>(), 0..8), cut in prop::option::of(0_usize..300),
    ) {
        let home = tempfile::tempdir().unwrap();
        let config = home.path().to_owned();
        let cache = config.join("cache");
        let places =
            Places { named: Vec::new(), usual: Vec::new(), cache, config, libtorch: None, pytorch: None };
        let mut list = format!(
            "schema = \"paname-trust/1\"\nrequire-signature = true\n[[plugin]]\nname = \"a\"\nsha256 = \"{}\"\nnative = [\"libz.so\"]\n[[key]]\nname = \"k\"\npublic = \"RWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\"\n",
            "0".repeat(64)
        ).into_bytes();
        fs::set_permissions(home.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let path = home.path().join("plugins.lock");
        fs::write(&path, &list).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        prop_assert_eq!(Trust::read(&places).unwrap().plugins().len(), 1);
        if let Some(cut) = cut { list.truncate(cut); }
        let place = place.min(list.len());
        let end = (place + bytes.len()).min(list.len());
        list.splice(place..end, bytes);
        fs::write(&path, &list).unwrap();
        if let Err(error) = Trust::read(&places) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }

    #[test]
    fn changed_descriptions_are_read_or_refused(
        place in 0_usize..400, byte in any::<u8>(), cut in prop::option::of(0_usize..400),
    ) {
        let text = format!(
            "schema = \"paname-plugin/1\"\nname = \"a\"\nversion = \"1\"\nabi = \"0.1\"\ntarget = \"t\"\nlibrary = \"l.so\"\nsha256 = \"{}\"\nlicence = \"MIT\"\n[requires]\nnative = [\"libz.so\"]\n",
            "0".repeat(64)
        );
        prop_assert!(PluginManifest::parse(text.as_bytes(), Path::new("plugin.toml")).is_ok());
        let mut bytes = text.into_bytes();
        if let Some(cut) = cut { bytes.truncate(cut); }
        if let Some(old) = bytes.get_mut(place) { *old = byte; }
        if let Err(error) = PluginManifest::parse(&bytes, Path::new("plugin.toml")) {
            prop_assert!(!error.to_string().contains('\n'));
        }
    }
}
