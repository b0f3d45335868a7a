//! `paname plugin …`, and plugins beside what the program is linked with.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::fs;
use std::os::unix::fs::{MetadataExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use paname_plugin::{Requires, pack_library};
use serde_json::{Value, json};
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
        pack_library(&library, MIA, "0.1.0", "MIT OR Apache-2.0", Requires::default(), &user.path("plugins"))
            .unwrap();
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
    assert_eq!(info["attacks"].as_array().unwrap().len(), paname_mia::ATTACKS.len());
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
        assert_eq!((told.code, told.stderr), (2, format!("error: {name:?} {words}\n")));
    }
    // Keywords, names of PANAME's own, and of what the new crate's code uses.
    for name in ["match", "test", "paname", "paname-core", "attack", "config", "serde"] {
        let told = user.call(&["plugin", "new", name]);
        assert_eq!(
            (told.code, told.stderr),
            (2, format!("error: `{name}` cannot name a plugin: it is taken\n"))
        );
    }
    let told = user.call(&["plugin", "new", "other", "--paname", "plugins"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (2, "error: plugins: no source tree of PANAME; expected crates/paname-core in it\n")
    );
    symlink("nowhere", user.path("link")).unwrap();
    let told = user.call(&["plugin", "new", "other", "--path", "link"]);
    assert_eq!((told.code, told.stderr.as_str()), (5, "error: link: Not a directory (os error 20)\n"));
    assert_eq!(files(&user.path("")), ["link", "my-attack", "plugins"], "nothing half-made stays");
}

#[test]
fn a_new_plugin_goes_where_it_is_told() {
    let user = User::new();
    let crates = [".gitignore", "Cargo.toml", "README.md", "src", "tests"];
    // A folder that is there stays the same one: somebody stands in it.
    fs::create_dir(user.path("here")).unwrap();
    let number = fs::metadata(user.path("here")).unwrap().ino();
    let mut command = user.command(&["plugin", "new", "my-attack", "--path", "."]);
    let told = user.told(command.current_dir(user.path("here")));
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    assert_eq!(files(&user.path("here")), crates);
    assert_eq!(fs::metadata(user.path("here")).unwrap().ino(), number);
    let told = user.call(&["plugin", "new", "my-attack", "--path", "deep/er/"]);
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    assert_eq!(files(&user.path("deep/er")), crates);
    let core = fs::read_to_string(user.path("deep/er/Cargo.toml")).unwrap();
    assert!(core.contains("name = \"my-attack\"") && !core.contains("{{"), "{core}");
    // Another source tree is named as it lies, however it was reached.
    fs::create_dir_all(user.path("tree \"x\"/crates/paname-core")).unwrap();
    fs::write(user.path("tree \"x\"/crates/paname-core/Cargo.toml"), "").unwrap();
    let told = user.call(&["plugin", "new", "my-attack", "--path", "named", "--paname", "tree \"x\""]);
    assert_eq!((told.code, told.stderr.as_str()), (0, ""));
    let core = fs::read_to_string(user.path("named/Cargo.toml")).unwrap();
    let tree = user.path("tree \"x\"").display().to_string();
    assert!(core.contains(&format!("paname-core = {{ path = '{tree}/crates/paname-core' }}")), "{core}");
}

fn files(folder: &Path) -> Vec<String> {
    let name = |entry: std::io::Result<fs::DirEntry>| entry.unwrap().file_name().into_string().unwrap();
    let mut names: Vec<String> = fs::read_dir(folder).unwrap().map(name).collect();
    names.sort();
    names
}

/// Compiles a library that leaves a file when it is loaded, and packs it.
fn pack_eager(user: &User) -> PathBuf {
    let (library, ran) = (user.path("libeager.so"), user.path("ran"));
    let source = format!(
        "#include <stdio.h>\n__attribute__((constructor)) static void run(void) {{ fclose(fopen(\"{}\", \"w\")); }}",
        ran.display()
    );
    fs::write(user.path("eager.c"), source).unwrap();
    let mut command = Command::new("cc");
    command.args(["-shared", "-fPIC", "-o"]).arg(&library).arg(user.path("eager.c"));
    assert!(command.status().unwrap().success());
    pack_library(&library, "eager", "0.1.0", "MIT", Requires::default(), &user.path("plugins")).unwrap();
    ran
}

#[test]
fn a_plugin_runs_after_it_is_trusted_and_not_before() {
    let user = User::new();
    let ran = pack_eager(&user);
    for arguments in [
        &["plugin", "info", "eager"][..],
        &["plugin", "info", "plugins/eager"],
        &["plugin", "list"],
        &["attacks"],
        &["adapters"],
        &["doctor"],
        // Trust itself asks a plugin nothing.
        &["plugin", "trust", "plugins/eager"],
        &["plugin", "list"],
        &["plugin", "untrust", "eager"],
        &["plugin", "info", "eager"],
    ] {
        let told = user.call(&[&["--plugins", "plugins"], arguments].concat());
        assert_eq!(told.code, 0, "{arguments:?}: {}", told.stderr);
        assert!(!ran.exists(), "{arguments:?}");
    }
    assert_eq!(user.call(&["plugin", "trust", "plugins/eager"]).code, 0);
    let told = user.call(&["plugin", "info", "plugins/eager"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (
            9,
            "error: plugin `eager` (~/plugins/eager): no plugin of PANAME: the symbol PANAME_PLUGIN is missing\n"
        )
    );
    assert!(ran.exists(), "the proof itself works");
}

#[test]
fn what_cannot_be_used_is_told_to_people_and_to_programs() {
    let user = User::new();
    let path = user.path("plugins/paname-plugin-mia/plugin.toml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, text.replace("abi = \"0.7.0\"", "abi = \"0.9.0\"")).unwrap();
    let message = "plugin `paname-plugin-mia` (~/plugins/paname-plugin-mia): built for plugin interface 0.9.0, this program has 0.7.0; get a build for that one";
    for command in ["info", "trust"] {
        let arguments = ["plugin", command, "plugins/paname-plugin-mia"];
        let told = user.call(&arguments);
        assert_eq!((told.code, told.stdout.as_str()), (9, ""));
        assert_eq!(told.stderr, format!("error: {message}\n"));
        assert_eq!(
            user.json(&arguments),
            json!({"format": "paname-error/1", "exit_code": 9, "message": message})
        );
    }
    fs::write(&path, text.replace("name =", "nome =")).unwrap();
    let problem = "~/plugins/paname-plugin-mia/plugin.toml:2:1: unknown field `nome`, expected one of `schema`, `name`, `version`, `abi`, `target`, `library`, `sha256`, `licence`, `requires`";
    let told = user.call(&["--plugins", "plugins", "plugin", "list"]);
    assert_eq!(
        told.stdout,
        "Name  Version  State    Folder\n–     –        refused  ~/plugins/paname-plugin-mia\n"
    );
    assert_eq!((told.code, told.stderr), (0, format!("{problem}\n")));
    let listed = user.json(&["--plugins", "plugins", "plugin", "list"]);
    assert_eq!(listed["plugins"][0]["problem"], problem);
    assert_eq!(listed["plugins"][0]["name"], Value::Null);
    // The audit goes on without it.
    let told = user.call(&["--plugins", "plugins", "attacks"]);
    assert_eq!((told.code, told.stderr), (0, format!("{problem}\n")));
}

#[test]
fn programs_are_told_everything() {
    let user = User::new();
    let target = paname_core::abi::TARGET;
    let folder = "~/plugins/paname-plugin-mia";
    let library = user.path("plugins/paname-plugin-mia/libpaname_plugin_mia.so");
    let sha256 = paname_evidence::sha256_hex(&fs::read(library).unwrap());
    let mut plugin = json!({
        "folder": folder, "name": MIA, "version": "0.1.0", "abi": "0.7.0", "target": target,
        "library": "libpaname_plugin_mia.so", "sha256": sha256, "licence": "MIT OR Apache-2.0",
        "native": [], "libtorch": null, "signed_by": null, "trusted": false, "problem": null,
    });
    let list = user.json(&["--plugins", "plugins", "plugin", "list"]);
    assert_eq!(list, json!({"format": "paname-plugins/1", "plugins": [&plugin]}));
    let trusted = user.json(&["plugin", "trust", "plugins/paname-plugin-mia"]);
    let mut changed = json!({
        "format": "paname-trust/1", "list": "~/home/.config/paname/plugins.lock",
        "plugin": MIA, "sha256": sha256, "key": null, "require_signature": false,
    });
    assert_eq!(trusted, changed);
    plugin["trusted"] = true.into();
    plugin["format"] = "paname-plugin/1".into();
    plugin["adapters"] = json!([]);
    let info = user.json(&["plugin", "info", "plugins/paname-plugin-mia"]);
    plugin["attacks"] = info["attacks"].clone();
    assert!(info["attacks"].as_array().unwrap().contains(&"lira".into()));
    assert_eq!(info, plugin);
    changed["sha256"] = Value::Null;
    assert_eq!(user.json(&["plugin", "untrust", MIA]), changed);
    let files = ["Cargo.toml", "README.md", "src/lib.rs", "tests/laws.rs", ".gitignore"];
    assert_eq!(
        user.json(&["plugin", "new", "my-attack"]),
        json!({
            "format": "paname-plugin-new/1", "folder": "my-attack",
            "files": files.map(|file| format!("my-attack/{file}")),
        })
    );
    let none = user.call(&["plugin", "list"]);
    assert_eq!((none.code, none.stderr.as_str()), (0, ""));
    assert!(none.stdout.contains("~/home/.local/share/paname/plugins"), "{}", none.stdout);
    assert_eq!(user.json(&["plugin", "list"]), json!({"format": "paname-plugins/1", "plugins": []}));
}

#[test]
fn processes_that_trust_at_once_lose_nothing() {
    let user = User::new();
    let library = user.path("libtext.so");
    fs::write(&library, "not loaded to be trusted").unwrap();
    let names: Vec<String> = (0..8).map(|i| format!("plugin-{i}")).collect();
    for name in &names {
        pack_library(&library, name, "0.1.0", "MIT", Requires::default(), &user.path("plugins")).unwrap();
    }
    let trust = |name: &String| {
        user.command(&["plugin", "trust", &format!("plugins/{name}")]).stdout(Stdio::null()).spawn().unwrap()
    };
    for mut running in names.iter().map(trust).collect::<Vec<_>>() {
        assert!(running.wait().unwrap().success());
    }
    let list = fs::read_to_string(user.path("home/.config/paname/plugins.lock")).unwrap();
    assert!(names.iter().all(|name| list.contains(&format!("name = \"{name}\""))), "{list}");
    assert_eq!(files(&user.path("home/.config/paname")), [".plugins.guard", "plugins.lock"]);
}

#[test]
fn the_folder_where_one_stands_is_no_place() {
    let user = User::new();
    user.call(&["plugin", "trust", "plugins/paname-plugin-mia"]);
    for folder in ["plugins", "plugins/paname-plugin-mia"] {
        let told = user.told(user.command(&["attacks"]).current_dir(user.path(folder)));
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        let told = user.told(user.command(&["plugin", "list", "--json"]).current_dir(user.path(folder)));
        assert!(told.stdout.contains("\"plugins\": []"), "{}", told.stdout);
        // An empty entry of the list of folders is not the current one, as it would be in PATH.
        let mut command = user.command(&["attacks"]);
        let told = user.told(command.current_dir(user.path(folder)).env("PANAME_PLUGIN_PATH", ":"));
        assert_eq!((told.code, told.stderr.as_str()), (0, ""));
        let told = user.told(user.command(&["--plugins", ".", "attacks"]).current_dir(user.path(folder)));
        assert_eq!(told.code, 4, "named, it is: {}", told.stderr);
    }
}

#[test]
fn two_plugins_of_one_name_are_named_with_their_folders() {
    let user = User::new();
    fs::create_dir(user.path("others")).unwrap();
    pack_library(
        &user.path("plugins/paname-plugin-mia/libpaname_plugin_mia.so"),
        MIA,
        "0.5.0",
        "MIT",
        Requires::default(),
        &user.path("others"),
    )
    .unwrap();
    let told = user.call(&["--plugins", "plugins", "--plugins", "others", "attacks"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (
            9,
            "error: two plugins are named `paname-plugin-mia`: ~/others/paname-plugin-mia and ~/plugins/paname-plugin-mia; remove one of them\n"
        )
    );
}

#[test]
fn no_name_of_a_folder_moves_the_cursor() {
    let user = User::new();
    fs::rename(user.path("plugins/paname-plugin-mia"), user.path("plugins/a\n\u{1b}[31m")).unwrap();
    for arguments in [&["plugin", "list"][..], &["plugin", "info", MIA], &["attacks"]] {
        let told = user.call(&[&["--plugins", "plugins"], arguments].concat());
        let shown = told.stdout + &told.stderr;
        assert!(shown.contains("~/plugins/a  [31m") && !shown.contains('\u{1b}'), "{shown}");
    }
}

#[test]
fn what_is_no_crate_cannot_be_packed() {
    let user = User::new();
    let told = user.call(&["plugin", "pack", "plugins"]);
    assert_eq!(
        (told.code, told.stderr.as_str()),
        (9, "error: plugins: expected the folder of a crate, with a Cargo.toml\n")
    );
    assert_eq!(files(&user.path("plugins")), [MIA]);
    let pack = |cargo: &std::ffi::OsStr| {
        let mut command = user.command(&["plugin", "pack", "made"]);
        command.env("CARGO", cargo).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        user.told(&mut command)
    };
    fs::create_dir_all(user.path("made/src")).unwrap();
    fs::write(user.path("made/src/lib.rs"), "").unwrap();
    for (manifest, problem) in [
        ("[workspace]\n", "expected a package, found a workspace only"),
        ("[package]\nname = \"made\"\n", "no `license`; say under which one you share"),
        (
            "[package]\nname = \"Made_Up\"\nlicense = \"MIT\"\n",
            "package `Made_Up`: a plugin's name has at most 64 lower-case letters, digits and hyphens",
        ),
        (
            "[package]\nname = \"made\"\nlicense = \"MIT\"\n[package.metadata.paname]\nnative = \"libm.so.6\"\n",
            "`native` in [package.metadata.paname]: expected a list of names of libraries",
        ),
        (
            "[package]\nname = \"made\"\nlicense = \"MIT\"\n[package.metadata.paname]\nlibtorch = 2\n",
            "`libtorch` in [package.metadata.paname]: expected a version such as \"2.11.0\"",
        ),
    ] {
        fs::write(user.path("made/Cargo.toml"), manifest).unwrap();
        let told = pack(env!("CARGO").as_ref());
        assert_eq!(
            (told.code, told.stderr.lines().last().unwrap()),
            (9, format!("error: made/Cargo.toml: {problem}").as_str())
        );
    }
    fs::write(user.path("made/Cargo.toml"), "[package").unwrap();
    let told = pack(env!("CARGO").as_ref());
    let last = "error: `cargo metadata` ended with exit status: 101";
    assert_eq!((told.code, told.stderr.lines().last().unwrap()), (9, last));
    let told = pack("/nowhere/cargo".as_ref());
    let absent = "error: /nowhere/cargo: No such file or directory (os error 2); is Rust installed?\n";
    assert_eq!((told.code, told.stderr.as_str()), (9, absent));
    assert_eq!(files(&user.path("made")), ["Cargo.toml", "src"], "nothing is built of what cannot be packed");
}

#[test]
fn a_library_that_is_built_already_is_packed_as_it_is() {
    let user = User::new();
    fs::create_dir_all(user.path("made/src")).unwrap();
    // No library could be built of this.
    fs::write(user.path("made/src/lib.rs"), "no Rust").unwrap();
    let manifest = "[package]\nname = \"made\"\nversion = \"1.2.3\"\nlicense = \"MIT\"\n[package.metadata.paname]\nlibtorch = \"2.11.0\"\n";
    fs::write(user.path("made/Cargo.toml"), manifest).unwrap();
    fs::write(user.path("libmade.so"), "library").unwrap();
    let pack = |library: &str| {
        let mut command = user.command(&["plugin", "pack", "made", "--out", "out", "--library", library]);
        command.env("CARGO", env!("CARGO")).env("PATH", std::env::var_os("PATH").unwrap_or_default());
        user.told(&mut command)
    };
    let told = pack("libmade.so");
    assert_eq!(told.code, 0, "{}", told.stderr);
    assert_eq!(fs::read(user.path("out/made/libmade.so")).unwrap(), b"library");
    let description = fs::read_to_string(user.path("out/made/plugin.toml")).unwrap();
    assert!(
        description.contains("version = \"1.2.3\"") && description.contains("libtorch = \"2.11.0\""),
        "{description}"
    );
    let told = pack("absent.so");
    assert!(told.code != 0 && told.stderr.contains("absent.so"), "{}", told.stderr);
}
