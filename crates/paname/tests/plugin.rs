//! `paname plugin …`, and plugins beside what the program is linked with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use paname_plugin::pack_library;
use serde_json::Value;
use tempfile::TempDir;

const MIA: &str = "paname-plugin-mia";

struct User {
    home: TempDir,
}

struct Told {
    code: i32,
    stdout: String,
    stderr: String,
}

impl User {
    /// A user with a plugin of the attacks that the program is linked with too.
    fn new() -> Self {
        let user = Self { home: tempfile::tempdir().unwrap() };
        // Cargo has built the plugin for this test, beside it.
        let library = std::env::current_exe().unwrap().with_file_name("libpaname_plugin_mia.so");
        pack_library(&library, MIA, "0.1.0", "MIT OR Apache-2.0", Vec::new(), &user.path("plugins")).unwrap();
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().canonicalize().unwrap().join(name)
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_paname"));
        command.args(arguments).current_dir(self.path("")).stdin(Stdio::null());
        command.env_clear().env("LANG", "C").env("HOME", self.path("home"));
        command
    }

    fn call(&self, arguments: &[&str]) -> Told {
        self.told(&mut self.command(arguments))
    }

    fn told(&self, command: &mut Command) -> Told {
        let output = command.output().unwrap();
        let text = |bytes: Vec<u8>| {
            String::from_utf8(bytes).unwrap().replace(&self.path("").display().to_string(), "~/")
        };
        Told { code: output.status.code().unwrap(), stdout: text(output.stdout), stderr: text(output.stderr) }
    }

    fn json(&self, arguments: &[&str]) -> Value {
        let told = self.call(&[arguments, &["--json"]].concat());
        serde_json::from_str(&told.stdout).unwrap_or_else(|e| panic!("{e}: {} {}", told.stdout, told.stderr))
    }
}

#[test]
fn a_plugin_is_listed_shown_trusted_and_taken_back() {
    let user = User::new();
    let list = user.call(&["--plugins", "plugins", "plugin", "list"]);
    assert_eq!(list.code, 0, "{}", list.stderr);
    assert_eq!(
        list.stdout,
        "Name               Version  State        Folder\npaname-plugin-mia  0.1.0    not trusted  ~/plugins/paname-plugin-mia\n"
    );
    let folder = "plugins/paname-plugin-mia";
    let info = user.json(&["plugin", "info", folder]);
    assert_eq!(
        (&info["format"], &info["trusted"], info.get("attacks")),
        (&"paname-plugin/1".into(), &false.into(), None)
    );
    let told = user.call(&["plugin", "trust", folder]);
    let sha256 = info["sha256"].as_str().unwrap();
    assert_eq!(
        told.stdout,
        format!(
            "Plugin paname-plugin-mia 0.1.0 is trusted, in exactly the form of {sha256}.\nList of what is trusted: ~/home/.config/paname/plugins.lock\n"
        )
    );
    let info = user.json(&["--plugins", "plugins", "plugin", "info", MIA]);
    assert_eq!(info["attacks"].as_array().unwrap().len(), 10);
    assert_eq!(info["adapters"], serde_json::json!([]));
    let page = user.call(&["plugin", "info", folder, "--lang", "fr"]).stdout;
    assert!(
        page.contains("État") && page.contains("autorisée") && page.contains("shadow-classifier"),
        "{page}"
    );
    let listed = user.json(&["--plugins", "plugins", "plugin", "list"]);
    assert_eq!(
        (&listed["format"], &listed["plugins"][0]["trusted"]),
        (&"paname-plugins/1".into(), &true.into())
    );
    let gone = user.call(&["plugin", "untrust", MIA]);
    assert_eq!(
        gone.stdout,
        "paname-plugin-mia is trusted no more. List: ~/home/.config/paname/plugins.lock\n"
    );
    let again = user.call(&["plugin", "untrust", MIA]);
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (
            2,
            "error: `paname-plugin-mia` is not in ~/home/.config/paname/plugins.lock: nothing to take back\n"
        )
    );
    let unknown = user.call(&["plugin", "info", "nobody"]);
    assert_eq!(
        (unknown.code, unknown.stderr.as_str()),
        (2, "error: no plugin is named `nobody`, and no folder of that name holds a plugin.toml\n")
    );
}

#[test]
fn keys_are_trusted_by_their_file() {
    let user = User::new();
    let key =
        "untrusted comment: minisign public key\nRWQf6LRCGA9i53mlYecO4IzT51TGPpvWucNSCh1CBM0QTaLn73Y7GFO3\n";
    fs::write(user.path("cnil.pub"), key).unwrap();
    let told = user.json(&["plugin", "trust", "--key", "cnil.pub", "--require-signature", "true"]);
    assert_eq!((&told["key"], &told["require_signature"]), (&"cnil".into(), &true.into()));
    let refused = user.call(&["plugin", "trust", "plugins/paname-plugin-mia"]);
    assert_eq!(refused.code, 9);
    assert_eq!(
        refused.stderr,
        "error: plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia): not signed by a trusted key, and plugins must be signed here (`require-signature`)\n"
    );
    let list = user.call(&["--plugins", "plugins", "plugin", "list"]);
    assert!(
        list.stdout.contains("  refused  ") && list.stderr.contains("not signed by a trusted key"),
        "{}",
        list.stdout
    );
    assert_eq!(user.call(&["plugin", "untrust", "--key", "cnil"]).code, 0);
    fs::write(user.path("bad.pub"), "nonsense").unwrap();
    let told = user.call(&["plugin", "trust", "--key", "bad.pub"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (9, "error: key `bad`: expected a minisign public key, as in minisign.pub\n")
    );
    assert_eq!(user.call(&["plugin", "trust"]).code, 2, "nothing to trust");
}

#[test]
fn an_attack_that_comes_from_two_places_is_named_with_both() {
    let user = User::new();
    user.call(&["plugin", "trust", "plugins/paname-plugin-mia"]);
    let told = user.call(&["--plugins", "plugins", "attacks"]);
    assert_eq!(
        told.stderr,
        "error: configuration: attack `confidence` comes from both paname-mia and plugin paname-plugin-mia 0.1.0\n"
    );
    assert_eq!(told.code, 4);
    // What is not asked for is not in the way.
    assert_eq!(user.call(&["attacks"]).code, 0);
    // The usual place counts without being asked for.
    let usual = user.path("home/.local/share/paname/plugins");
    fs::create_dir_all(usual.parent().unwrap()).unwrap();
    fs::rename(user.path("plugins"), &usual).unwrap();
    user.call(&["plugin", "trust", usual.join(MIA).to_str().unwrap()]);
    assert_eq!(user.call(&["attacks"]).code, 4);
    let told = user.told(user.command(&["attacks"]).env("XDG_DATA_HOME", "/nowhere"));
    assert_eq!(told.code, 0);
    let told = user
        .told(user.command(&["attacks"]).env("XDG_DATA_HOME", "/nowhere").env("PANAME_PLUGIN_PATH", &usual));
    assert_eq!(told.code, 4);
}

#[test]
fn untrusted_plugins_are_told_and_left_alone() {
    let user = User::new();
    let told = user.call(&["--plugins", "plugins", "attacks"]);
    assert_eq!(told.code, 0);
    assert_eq!(
        told.stderr,
        "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia): not trusted, hence not loaded; `paname plugin trust ~/plugins/paname-plugin-mia` allows it\n"
    );
    let told = user.call(&["--plugins", "nowhere", "attacks"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (5, "error: nowhere: No such file or directory (os error 2)\n")
    );
}

#[test]
fn without_a_home_there_are_no_plugins_unless_their_folders_are_said() {
    let user = User::new();
    assert_eq!(user.told(user.command(&["attacks"]).env_remove("HOME")).code, 0);
    let told = user.told(user.command(&["--plugins", "plugins", "attacks"]).env_remove("HOME"));
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (9, "error: no home folder: HOME is not set; set PANAME_CONFIG and PANAME_CACHE\n")
    );
    let mut said = user.command(&["--plugins", "plugins", "attacks"]);
    said.env_remove("HOME").env("PANAME_CONFIG", user.path("c")).env("PANAME_CACHE", user.path("k"));
    assert_eq!(user.told(&mut said).code, 0);
}

#[test]
fn a_new_plugin_is_written_whole_or_not_at_all() {
    let user = User::new();
    let written = user.json(&["plugin", "new", "my-attack"]);
    assert_eq!(written["files"].as_array().unwrap().len(), 5);
    let formatted = Command::new("rustfmt")
        .args(["--check", "--edition", "2024"])
        .args(["src/lib.rs", "tests/laws.rs"].map(|file| user.path("my-attack").join(file)))
        .output();
    let formatted = formatted.unwrap();
    assert!(formatted.status.success(), "{}", String::from_utf8_lossy(&formatted.stdout));
    let again = user.call(&["plugin", "new", "my-attack"]);
    assert_eq!(
        (again.code, again.stderr.as_str()),
        (9, "error: my-attack: not empty; expected a folder that is absent or empty\n")
    );
    let words = "cannot name a plugin: expected lower-case letters, digits and single hyphens, a letter first, such as `my-attack`";
    for name in ["My-attack", "1attack", "my--attack", "attack-", "my_attack", "é", "a/b", ""] {
        let told = user.call(&["plugin", "new", name]);
        assert_eq!((told.code, told.stderr), (9, format!("error: {name:?} {words}\n")));
    }
    for name in ["match", "paname", "paname-core"] {
        let told = user.call(&["plugin", "new", name]);
        assert_eq!(
            (told.code, told.stderr),
            (9, format!("error: `{name}` cannot name a plugin: it is taken\n"))
        );
    }
    let told = user.call(&["plugin", "new", "other", "--paname", "plugins"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (2, "error: plugins: no source tree of PANAME; expected crates/paname-core in it\n")
    );
    let mut left: Vec<_> =
        fs::read_dir(user.path("")).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    left.sort();
    assert_eq!(left, ["my-attack", "plugins"], "nothing half-made stays");
}

#[test]
fn what_is_no_crate_cannot_be_packed() {
    let user = User::new();
    let told = user.call(&["plugin", "pack", "plugins"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (9, "error: plugins: expected the folder of a crate, with a Cargo.toml\n")
    );
    assert!(!Path::new("plugins/plugin").exists());
}
