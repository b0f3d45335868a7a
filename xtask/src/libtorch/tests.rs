//! All but the download itself: a program in Python's place writes what pip would have fetched.

use std::sync::atomic::{AtomicUsize, Ordering};

use super::*;

/// A folder that is gone when the test is over.
struct Place(PathBuf);

impl Place {
    fn new() -> Self {
        static NUMBER: AtomicUsize = AtomicUsize::new(0);
        let number = NUMBER.fetch_add(1, Ordering::Relaxed);
        let folder = env::temp_dir().join(format!("paname-xtask-{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).unwrap();
        Self(folder)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A program that does this in the place of `python -m pip`, and hands all else to Python.
    fn python(&self, pip: &str) -> PathBuf {
        let path = self.path("python");
        // The folder for what is fetched stands before the package, which is last.
        let script = format!(
            "#!/bin/sh\nif [ \"$1\" != -m ]; then exec python3 \"$@\"; fi\nfor last; do :; done\necho \"$last\" >> {}\nwhile [ \"$1\" != --dest ]; do shift; done\n{pip}\n",
            self.path("asked").display()
        );
        fs::write(&path, script).unwrap();
        let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        fs::set_permissions(&path, mode).unwrap();
        path
    }

    fn asked(&self) -> usize {
        fs::read_to_string(self.path("asked")).unwrap_or_default().lines().count()
    }

    fn setting(&self, pip: &str) -> Setting {
        Setting {
            system: ("linux", "x86_64"),
            pytorch: false,
            libtorch: None,
            cache: self.path("cache"),
            python: self.python(pip),
            compilers: vec!["cc".into()],
            free: Some(u64::MAX),
            wheels: WHEELS.to_vec(),
        }
    }

    /// A small package with a true library in it, and the setting that fetches it.
    fn small(&self) -> Setting {
        fs::write(self.path("torch_cpu.c"), "int at(void) { return 1; }").unwrap();
        let make = format!(
            "cd {} && cc -shared -fPIC -o libtorch_cpu.so torch_cpu.c && python3 -c \"
import zipfile
with zipfile.ZipFile('small.whl', 'w') as archive:
    archive.writestr('torch/include/', '')
    archive.writestr('torch/include/ATen/ATen.h', '// header')
    archive.writestr('torch/bin/tool', 'not needed')
    archive.write('libtorch_cpu.so', 'torch/lib/libtorch_cpu.so')
\" && sha256sum small.whl | cut -d' ' -f1",
            self.0.display()
        );
        let output = Command::new("sh").args(["-c", &make]).output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let sha256 = String::from_utf8(output.stdout).unwrap().trim().to_owned();
        let small = Wheel {
            package: "small==1",
            file: "small.whl",
            sha256: Box::leak(sha256.into_boxed_str()),
            parts: &[("torch/include/", "include/"), ("torch/lib/libtorch_cpu.so", "lib/libtorch_cpu.so")],
        };
        let copy = format!("cp {} \"$2\"", self.path("small.whl").display());
        Setting { wheels: vec![small], ..self.setting(&copy) }
    }

    /// What is said, on one line, without the folder's name.
    fn refusal(&self, setting: &Setting) -> String {
        let message = find_or_prepare(setting).unwrap_err().to_string();
        assert!(!message.contains('\n'), "{message}");
        message.replace(&self.0.display().to_string(), "~")
    }

    fn names(&self, folder: &str) -> Vec<String> {
        let entries = fs::read_dir(self.path(folder)).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

#[test]
fn what_is_needed_is_unpacked_once_and_nothing_else_is_left() {
    let place = Place::new();
    let setting = place.small();
    let folder = find_or_prepare(&setting).unwrap();
    assert_eq!(folder, place.path("cache/libtorch-2.11.0"));
    assert_eq!(place.names("cache/libtorch-2.11.0"), ["build-version", "include", "lib"]);
    assert_eq!(place.names("cache/libtorch-2.11.0/lib"), ["libtorch.so", "libtorch_cpu.so"]);
    assert_eq!(place.names("cache/libtorch-2.11.0/include/ATen"), ["ATen.h"]);
    assert_eq!(place.names("cache"), [".libtorch.guard", "libtorch-2.11.0"]);
    assert_eq!(fs::read_to_string(folder.join("build-version")).unwrap(), "2.11.0+cu130\n");
    let mode = |path: &Path| std::os::unix::fs::MetadataExt::mode(&fs::metadata(path).unwrap()) & 0o022;
    let inner = [place.path("cache"), folder.clone(), folder.join("lib"), folder.join("lib/libtorch_cpu.so")];
    assert!(inner.iter().all(|path| mode(path) == 0), "only its owner can change what is loaded");
    // A program that links to the name gets the library behind it.
    let needed = Command::new("readelf").arg("-d").arg(folder.join("lib/libtorch.so")).output().unwrap();
    let needed = String::from_utf8(needed.stdout).unwrap();
    assert!(needed.contains("[libtorch.so]") && needed.contains("[libtorch_cpu.so]"), "{needed}");
    // A second call asks for nothing, and neither does a full disk matter to it.
    assert_eq!(find_or_prepare(&Setting { free: Some(0), ..setting }).unwrap(), folder);
    assert_eq!(place.asked(), 1);
    // What somebody took away is prepared again.
    fs::remove_file(folder.join("lib/libtorch_cpu.so")).unwrap();
    find_or_prepare(&place.small()).unwrap();
    assert_eq!((place.asked(), folder.join("lib/libtorch_cpu.so").exists()), (2, true));
}

#[test]
fn a_download_that_ends_early_is_told_and_what_is_complete_is_kept() {
    let place = Place::new();
    let cut = "echo half > \"$TMPDIR/half\"; echo 'WARNING: again' >&2; echo 'ERROR: connection broken' >&2; echo 'notice: of pip' >&2; exit 2";
    assert_eq!(
        place.refusal(&place.setting(cut)),
        "torch==2.11.0 could not be downloaded (connection broken); check the connection and start again: what is complete is kept"
    );
    assert_eq!(
        place.refusal(&place.setting("exit 7")),
        "torch==2.11.0 could not be downloaded (pip ended with exit status: 7); check the connection and start again: what is complete is kept"
    );
    assert_eq!(
        place.refusal(&place.setting("exit 0")),
        "torch==2.11.0 could not be downloaded (pip fetched another file than torch-2.11.0-cp311-cp311-manylinux_2_28_x86_64.whl); check the connection and start again: what is complete is kept"
    );
    assert!(!place.path("cache/libtorch-2.11.0").exists());
    // The second of two packages fails: the first one is not fetched again.
    let small = place.small();
    let other = Wheel { package: "other==1", file: "other.whl", ..small.wheels[0].clone() };
    let wheels = vec![small.wheels[0].clone(), other];
    let copy = format!("[ \"$3\" = small==1 ] || exit 1; cp {} \"$2\"", place.path("small.whl").display());
    let before = place.asked();
    place.refusal(&Setting { wheels: wheels.clone(), ..place.setting(&copy) });
    assert_eq!(place.asked() - before, 2);
    let copy = format!("cp {} \"$2/other.whl\"", place.path("small.whl").display());
    find_or_prepare(&Setting { wheels, ..place.setting(&copy) }).unwrap();
    assert_eq!(place.asked() - before, 3);
}

#[test]
fn another_file_than_the_one_meant_is_removed() {
    let place = Place::new();
    let setting = place.small();
    fs::write(place.path("small.whl"), "cut").unwrap();
    let message = place.refusal(&setting);
    // SHA-256 of `cut`, by sha256sum.
    let got = "378bfce5cda2599a6cda399f1cacef861e4e575ec794744dcf0e55e9c4780633";
    let expected = setting.wheels[0].sha256;
    let file = "~/cache/.libtorch-2.11.0.draft/packages/small.whl";
    assert_eq!(
        message,
        format!("{file}: the SHA-256 is {got}, expected {expected}; the file was removed, start again")
    );
    assert!(place.names("cache/.libtorch-2.11.0.draft/packages").is_empty());
    find_or_prepare(&place.small()).unwrap();
}

#[test]
fn what_stops_halfway_is_not_taken_for_the_whole() {
    let place = Place::new();
    let setting = place.small();
    // Killed while unpacking: a draft that is not complete.
    let tree = place.path("cache/.libtorch-2.11.0.draft/tree");
    fs::create_dir_all(tree.join("lib")).unwrap();
    fs::write(tree.join("lib/left_over.so"), "half").unwrap();
    // Killed while fetching: half a package, which pip would take for a whole one.
    let half = place.path("cache/.libtorch-2.11.0.draft/fetching-1/small.whl");
    fs::create_dir_all(half.parent().unwrap()).unwrap();
    fs::write(&half, "half").unwrap();
    find_or_prepare(&setting).unwrap();
    assert_eq!(place.names("cache/libtorch-2.11.0/lib"), ["libtorch.so", "libtorch_cpu.so"]);
    // A package without a part that is needed.
    let place = Place::new();
    let mut setting = place.small();
    setting.wheels[0].parts = &[("torch/lib/libabsent.so", "lib/libabsent.so")];
    assert_eq!(
        place.refusal(&setting),
        "small.whl could not be unpacked (it holds no torch/lib/libabsent.so); start again"
    );
    assert!(!place.path("cache/libtorch-2.11.0").exists());
}

#[test]
fn a_full_disk_is_told_before_anything_is_fetched() {
    let place = Place::new();
    let setting = Setting { free: Some(700_000_000), ..place.setting("exit 1") };
    assert_eq!(
        place.refusal(&setting),
        "libtorch needs 1.2 GB of free disk in ~/cache, there is 0.7 GB; make room or set PANAME_CACHE to another folder"
    );
    assert_eq!(place.asked(), 0);
    // The true disk answers, too.
    let free = helper(&setting, "free", [&place.0]).unwrap();
    assert!(free.parse::<u64>().is_ok(), "{free}");
}

#[test]
fn without_compiler_python_or_pip_nothing_begins() {
    let place = Place::new();
    let absent = || vec!["absent-c++".to_owned(), "absent-g++ -O2".to_owned()];
    assert_eq!(
        place.refusal(&Setting { compilers: absent(), ..place.setting("exit 1") }),
        "no C++ compiler, without which nothing can be built on libtorch (tried absent-c++, absent-g++ -O2); install g++ or clang, or set CXX"
    );
    assert_eq!(
        place.refusal(&Setting { python: "absent-python".into(), ..place.setting("exit 1") }),
        "libtorch is fetched with Python's pip, which does not run here (No such file or directory (os error 2)); install Python 3 with pip, or set LIBTORCH to a folder of libtorch 2.11.0"
    );
    assert_eq!(
        place.refusal(&place.setting("echo 'python: No module named pip' >&2; exit 1")),
        "libtorch is fetched with Python's pip, which does not run here (no module named pip); install Python 3 with pip, or set LIBTORCH to a folder of libtorch 2.11.0"
    );
    assert_eq!(
        place.refusal(&Setting { system: ("macos", "aarch64"), ..place.setting("exit 1") }),
        "libtorch is prepared for linux x86_64 only, this is macos aarch64; install PyTorch 2.11.0 and set LIBTORCH_USE_PYTORCH=1, or set LIBTORCH to a folder of libtorch 2.11.0"
    );
}

#[test]
fn a_libtorch_that_was_named_is_taken_in_the_right_version_only() {
    let place = Place::new();
    let named = |folder: &str| Setting { libtorch: Some(place.path(folder)), ..place.setting("exit 1") };
    let write = |path: &str, text: &str| {
        fs::create_dir_all(place.path(path).parent().unwrap()).unwrap();
        fs::write(place.path(path), text).unwrap();
    };
    write("right/build-version", "2.11.0+cpu\n");
    write("wrong/build-version", "2.9.1+cpu\n");
    write("wheel/version.py", "from typing import Optional\n__version__ = '2.11.0+cu128'\ndebug = False\n");
    assert_eq!(find_or_prepare(&named("right")).unwrap(), place.path("right"));
    assert_eq!(find_or_prepare(&named("wheel")).unwrap(), place.path("wheel"));
    assert_eq!(
        place.refusal(&named("wrong")),
        "LIBTORCH=~/wrong is libtorch 2.9.1+cpu, expected 2.11.0; without that variable, `cargo xtask libtorch` prepares the right one"
    );
    assert_eq!(
        place.refusal(&named("absent")),
        "LIBTORCH=~/absent has no libtorch, expected version 2.11.0; without that variable, `cargo xtask libtorch` prepares it"
    );
    assert_eq!(place.asked(), 0);
}

#[test]
fn an_installed_pytorch_is_found_without_running_it() {
    let place = Place::new();
    let package = place.path("site/torch");
    fs::create_dir_all(&package).unwrap();
    fs::write(package.join("__init__.py"), "raise SystemExit('it ran')").unwrap();
    let python = place.path("python-with-torch");
    let script = format!("#!/bin/sh\nPYTHONPATH={} exec python3 \"$@\"\n", place.path("site").display());
    fs::write(&python, script).unwrap();
    let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
    fs::set_permissions(&python, mode).unwrap();
    let setting = || Setting { pytorch: true, python: python.clone(), ..place.setting("exit 1") };
    let who = "LIBTORCH_USE_PYTORCH: the PyTorch of ~/python-with-torch";
    assert_eq!(
        place.refusal(&setting()),
        format!(
            "{who} has no libtorch, expected version 2.11.0; without that variable, `cargo xtask libtorch` prepares it"
        )
    );
    fs::write(package.join("version.py"), "__version__ = '2.12.0'\n").unwrap();
    assert_eq!(
        place.refusal(&setting()),
        format!(
            "{who} is libtorch 2.12.0, expected 2.11.0; without that variable, `cargo xtask libtorch` prepares the right one"
        )
    );
    fs::write(package.join("version.py"), "__version__ = '2.11.0'\n").unwrap();
    assert_eq!(find_or_prepare(&setting()).unwrap(), package);
}

#[test]
fn the_program_and_the_plugin_name_the_same_version() {
    let root = crate::process::root();
    let read = |path: &str| fs::read_to_string(root.join(path));
    let program = read("crates/paname-plugin/src/libtorch.rs").unwrap();
    assert!(
        program.contains(&format!("LIBTORCH_VERSION: &str = \"{VERSION}\"")),
        "paname-plugin names another one"
    );
    // The plugin may not be there yet.
    if let Ok(plugin) = read("plugins/torch/Cargo.toml") {
        assert!(plugin.contains(&format!("libtorch = \"{VERSION}\"")), "the plugin names another one");
    }
    assert!(BUILD.starts_with(VERSION));
}

#[test]
fn values_are_printed_as_a_shell_reads_them() {
    assert_eq!(quoted(OsStr::new("/a/b-1.0+c_d")), "/a/b-1.0+c_d");
    assert_eq!(quoted(OsStr::new("/a b/it's")), r"'/a b/it'\''s'");
}
