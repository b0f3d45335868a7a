//! Plugins that are built on libtorch: where it is found, what is refused with which line, and that there is one only. Small libraries stand for it.

#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "a test may fail")]

use std::fs;
use std::os::unix::fs::{PermissionsExt as _, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use paname_plugin::{
    LIBTORCH_VERSION, Libtorch, MANIFEST_FILE, Places, PluginManifest, Requires, Trust, load_all,
    pack_library,
};
use tempfile::TempDir;

const NAME: &str = "on-torch";
const REMEDY: &str =
    "`cargo xtask libtorch` prepares it; LIBTORCH and LIBTORCH_USE_PYTORCH name another place";

/// A user's folders.
struct User {
    home: TempDir,
}

impl User {
    fn new() -> Self {
        let user = Self { home: tempfile::tempdir().unwrap() };
        fs::create_dir(user.path("cache")).unwrap();
        user
    }

    fn path(&self, name: &str) -> PathBuf {
        self.home.path().canonicalize().unwrap().join(name)
    }

    fn places(&self) -> Places {
        Places {
            named: vec![self.path("plugins")],
            usual: Vec::new(),
            config: self.path("config"),
            cache: self.path("cache"),
            libtorch: None,
            pytorch: None,
        }
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    /// A program in the place of Python.
    fn program(&self, name: &str, text: &str) -> PathBuf {
        self.write(name, &format!("#!/bin/sh\n{text}\n"));
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        self.path(name)
    }

    fn clean(&self, text: &str) -> String {
        assert!(!text.contains('\n'), "{text:?}");
        text.replace(&self.path("").display().to_string(), "~/")
    }

    fn not_found(&self, version: &str, places: &Places) -> String {
        self.clean(&Libtorch::find(version, places).unwrap_err())
    }

    /// A library that leaves a file when it is opened, and the other arguments of its making.
    fn compile(&self, source: &str, library: &str, arguments: &[&str]) {
        let library = self.path(library);
        fs::create_dir_all(library.parent().unwrap()).unwrap();
        let file = library.with_extension("c");
        let leave = format!(
            "#include <stdio.h>\n__attribute__((constructor)) static void leave(void) {{ fclose(fopen(\"{}.opened\", \"w\")); }}\n",
            library.display()
        );
        fs::write(&file, leave + source).unwrap();
        let mut command = Command::new("cc");
        command.args(["-shared", "-fPIC", "-Wl,--no-as-needed", "-o"]).arg(&library).arg(&file);
        assert!(command.args(arguments).status().unwrap().success());
    }

    fn opened(&self, library: &str) -> bool {
        self.path(&format!("{library}.opened")).exists()
    }

    fn trust(&self) -> Trust {
        Trust::read(&self.places()).unwrap()
    }

    /// Packs and allows a plugin that asks for this libtorch.
    fn plugin(&self, version: &str) {
        let requires = Requires { libtorch: Some(version.into()), ..Requires::default() };
        let library = self.path("libplugin.so");
        let packed = pack_library(&library, NAME, "0.1.0", "MIT", requires, &self.path("plugins")).unwrap();
        self.trust().trust(&packed.manifest).unwrap();
    }

    /// What is said when the plugin is loaded.
    fn refusal(&self, places: &Places) -> String {
        let error = load_all(places, &self.trust()).err().unwrap().to_string();
        self.clean(&error).replace("plugin `on-torch` (~/plugins/on-torch): ", "")
    }
}

#[test]
fn libtorch_is_found_in_the_cache() {
    let user = User::new();
    assert_eq!(
        user.not_found(LIBTORCH_VERSION, &user.places()),
        format!(
            "needs libtorch 2.11.0, not found in ~/cache/libtorch-2.11.0: it holds no lib/libtorch_cpu.so; {REMEDY}"
        )
    );
    assert_eq!(
        user.not_found("2.12.0", &user.places()),
        "needs libtorch 2.12.0, not found in ~/cache/libtorch-2.12.0: it holds no lib/libtorch_cpu.so; set LIBTORCH to a folder of libtorch 2.12.0"
    );
    user.write("cache/libtorch-2.11.0/lib/libtorch_cpu.so", "");
    assert_eq!(
        user.not_found(LIBTORCH_VERSION, &user.places()),
        format!(
            "needs libtorch 2.11.0, not found in ~/cache/libtorch-2.11.0: it says no version in build-version or version.py; {REMEDY}"
        )
    );
    user.write("cache/libtorch-2.11.0/build-version", "2.9.1+cpu\n");
    assert_eq!(
        user.not_found(LIBTORCH_VERSION, &user.places()),
        format!("needs libtorch 2.11.0, ~/cache/libtorch-2.11.0 is 2.9.1; {REMEDY}")
    );
    user.write("cache/libtorch-2.11.0/build-version", "2.11.0+cu130\n");
    let found = Libtorch::find(LIBTORCH_VERSION, &user.places()).unwrap();
    assert_eq!((found.version.as_str(), found.folder), ("2.11.0", user.path("cache/libtorch-2.11.0/lib")));
    // Nobody else can put another library there.
    for name in ["", "/lib", "/lib/libtorch_cpu.so"] {
        let path = user.path(&format!("cache/libtorch-2.11.0{name}"));
        let mode = fs::metadata(&path).unwrap().permissions();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o777)).unwrap();
        assert_eq!(
            user.not_found(LIBTORCH_VERSION, &user.places()),
            format!(
                "~/cache/libtorch-2.11.0{name}: others can write to it, so that it proves nothing; take that right away"
            )
        );
        fs::set_permissions(&path, mode).unwrap();
    }
}

#[test]
fn a_libtorch_that_was_named_comes_before_the_cache() {
    let user = User::new();
    for (folder, version) in [("cache/libtorch-2.11.0", "2.11.0"), ("other", "2.12.0"), ("own", "2.11.0+cpu")]
    {
        user.write(&format!("{folder}/lib/libtorch_cpu.so"), "");
        user.write(&format!("{folder}/build-version"), version);
    }
    let named = |folder: &str| Places { libtorch: Some(user.path(folder)), ..user.places() };
    assert_eq!(Libtorch::find("2.11.0", &named("own")).unwrap().folder, user.path("own/lib"));
    assert_eq!(
        user.not_found("2.11.0", &named("other")),
        format!("needs libtorch 2.11.0, LIBTORCH=~/other is 2.12.0; {REMEDY}")
    );
    assert_eq!(
        user.not_found("2.11.0", &named("a\nb")),
        format!(
            "needs libtorch 2.11.0, not found in LIBTORCH=~/a b: it holds no lib/libtorch_cpu.so; {REMEDY}"
        )
    );
}

#[test]
fn an_installed_pytorch_is_found_without_running_it() {
    let user = User::new();
    user.write("site/torch/__init__.py", "raise SystemExit('it ran')");
    let site = user.path("site").display().to_string();
    let python = user.program("python", &format!("PYTHONPATH={site} exec python3 \"$@\""));
    let asked = |python: PathBuf| Places { pytorch: Some(python), ..user.places() };
    let place = "the PyTorch of ~/python (LIBTORCH_USE_PYTORCH)";
    assert_eq!(
        user.not_found("2.11.0", &asked(python.clone())),
        format!("needs libtorch 2.11.0, not found in {place}: it holds no lib/libtorch_cpu.so; {REMEDY}")
    );
    user.write("site/torch/lib/libtorch_cpu.so", "");
    user.write("site/torch/version.py", "from typing import Optional\n__version__ = '2.10.0+cu128'\n");
    assert_eq!(
        user.not_found("2.11.0", &asked(python.clone())),
        format!("needs libtorch 2.11.0, {place} is 2.10.0; {REMEDY}")
    );
    user.write("site/torch/version.py", "__version__ = '2.11.0+cu130'\ndebug = False\n");
    assert_eq!(Libtorch::find("2.11.0", &asked(python)).unwrap().folder, user.path("site/torch/lib"));
    let none = user.program("none", "exec true");
    assert_eq!(
        user.not_found("2.11.0", &asked(none)),
        format!(
            "needs libtorch 2.11.0, not found in the PyTorch of ~/none (LIBTORCH_USE_PYTORCH): it has no PyTorch; {REMEDY}"
        )
    );
    assert_eq!(
        user.not_found("2.11.0", &asked(user.path("absent"))),
        format!(
            "needs libtorch 2.11.0, not found in the PyTorch of ~/absent (LIBTORCH_USE_PYTORCH): No such file or directory (os error 2); {REMEDY}"
        )
    );
}

/// One test, since libtorch stays in the process once it is there.
#[test]
fn libtorch_is_there_before_the_plugin_and_once_only() {
    let user = User::new();
    let folder = "cache/libtorch-2.11.0";
    let lib = user.path(folder).join("lib").display().to_string();
    // What it needs lies beside it, where its own search path leads.
    user.compile("int c10(void) { return 1; }", &format!("{folder}/lib/libc10.so"), &[]);
    let beside = ["-L", &lib, "-lc10", "-Wl,-rpath,$ORIGIN"];
    let torch = format!("{folder}/lib/libtorch_cpu.so");
    user.compile(
        "int c10(void); int at(void) { return c10(); }",
        &torch,
        &[&beside[..], &["-Wl,-soname,libtorch_cpu.so"]].concat(),
    );
    let gpu = format!("{folder}/lib/libtorch_cuda.so");
    user.compile("", &gpu, &[]);
    // No search path of the plugin leads there.
    let links = ["-L", &lib, "-ltorch_cpu", "-Wl,--allow-shlib-undefined"];
    user.compile("int at(void); int get(void) { return at(); }", "libplugin.so", &links);

    user.plugin("2.11.0");
    let untrusted = |text: &str| {
        let path = user.path("plugins").join(NAME).join(MANIFEST_FILE);
        let before = fs::read_to_string(&path).unwrap();
        fs::write(&path, before.replace("2.11.0", text)).unwrap();
        let allowed = user.trust().allows(&PluginManifest::read(path.parent().unwrap()).unwrap());
        fs::write(&path, before).unwrap();
        !allowed
    };
    assert!(untrusted("2.12.0"), "another libtorch is another thing to trust");
    assert!(!untrusted("2.11.0"));
    assert_eq!(
        user.refusal(&user.places()),
        format!(
            "needs libtorch 2.11.0, not found in ~/{folder}: it says no version in build-version or version.py; {REMEDY}"
        )
    );
    user.write(&format!("{folder}/build-version"), "2.10.0");
    assert_eq!(
        user.refusal(&user.places()),
        format!("needs libtorch 2.11.0, ~/{folder} is 2.10.0; {REMEDY}")
    );
    user.write("broken/lib/libtorch_cpu.so", "text");
    user.write("broken/build-version", "2.11.0");
    let broken = Places { libtorch: Some(user.path("broken")), ..user.places() };
    assert_eq!(
        user.refusal(&broken),
        "needs libtorch 2.11.0, and ~/broken/lib/libtorch_cpu.so cannot be loaded: ~/broken/lib/libtorch_cpu.so: file too short"
    );
    assert!(!user.opened(&torch) && !user.opened("libplugin.so"));

    // Through a link, too, what it needs is found beside the library itself.
    user.write(&format!("{folder}/build-version"), "2.11.0+cu130\n");
    fs::create_dir_all(user.path("linked/lib")).unwrap();
    symlink(user.path(&torch), user.path("linked/lib/libtorch_cpu.so")).unwrap();
    symlink(user.path(&gpu), user.path("linked/lib/libtorch_cuda.so")).unwrap();
    user.write("linked/build-version", "2.11.0");
    let linked = Places { libtorch: Some(user.path("linked")), ..user.places() };
    let no_plugin = "no plugin of PANAME: the symbol PANAME_PLUGIN is missing";
    assert_eq!(user.refusal(&linked), no_plugin, "the library was loaded, and found libtorch by its name");
    assert!(user.opened(&torch) && user.opened("libplugin.so"));
    assert_eq!(user.opened(&gpu), has_driver(&user), "the large one only where there is a driver");

    // It stays, wherever another one would be found.
    assert_eq!(user.refusal(&broken), no_plugin);
    user.plugin("2.12.0");
    let other = "needs libtorch 2.12.0, and 2.11.0 (~/linked/lib) is loaded already: two of them cannot be in one process";
    assert_eq!(user.refusal(&user.places()), other);
}

/// The program of this test again, with libtorch in it from the start.
#[test]
fn a_program_that_is_linked_to_libtorch_keeps_that_one() {
    const CHILD: &str = "PANAME_TEST_OF_A_LINKED_PROGRAM";
    let user = User::new();
    user.compile("int get(void) { return 1; }", "libplugin.so", &[]);
    if std::env::var_os(CHILD).is_some() {
        user.plugin("2.11.0");
        assert_eq!(user.refusal(&user.places()), "no plugin of PANAME: the symbol PANAME_PLUGIN is missing");
        user.plugin("2.12.0");
        let message = user.refusal(&user.places());
        assert!(message.starts_with("needs libtorch 2.12.0, and 2.11.0 (/"), "{message}");
        return;
    }
    user.compile("", "torch/lib/libtorch_cpu.so", &[]);
    user.write("torch/version.py", "__version__ = '2.11.0+cu130'\n");
    let child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "a_program_that_is_linked_to_libtorch_keeps_that_one"])
        .env(CHILD, "1")
        .env("LD_PRELOAD", user.path("torch/lib/libtorch_cpu.so"))
        .output()
        .unwrap();
    assert!(child.status.success(), "{}", String::from_utf8_lossy(&child.stdout));
    assert!(String::from_utf8_lossy(&child.stdout).contains("1 passed"));
}

fn has_driver(user: &User) -> bool {
    let source = "#include <dlfcn.h>\nint main(void) { return dlopen(\"libcuda.so.1\", RTLD_NOW) == 0; }";
    user.write("driver.c", source);
    let program = user.path("driver");
    let made = Command::new("cc").arg("-o").arg(&program).arg(user.path("driver.c")).arg("-ldl").status();
    assert!(made.unwrap().success());
    Command::new(Path::new(&program)).status().unwrap().success()
}
