//! `cargo xtask libtorch`: the native library that the torch crates are built on and that the program loads for them.
//!
//! It is taken from a package for Python, of which one twentieth is needed: headers and libraries for computing on the
//! processor. An installed PyTorch of the same version serves as well, and is needed for a GPU.

use std::{
    env,
    ffi::{OsStr, OsString},
    fs::{self, File},
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use crate::{
    cache,
    error::{Error, Result},
    process::works,
};

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests;
mod wheels;

use wheels::{WHEELS, Wheel};

/// The version that the torch crates are written for; plugins name it under `libtorch`.
pub(crate) const VERSION: &str = "2.11.0";

/// What PyTorch calls the build that is prepared.
const BUILD: &str = "2.11.0+cu130";

/// Free disk that a first run needs: pip holds the largest package twice for a moment.
const NEEDED_TO_FETCH: u64 = 1_200_000_000;

/// Free disk that is needed once all packages are there.
const NEEDED_TO_UNPACK: u64 = 550_000_000;

/// The one library that a build on libtorch asks for and that the package has no small form of.
const STUB: &str = "libtorch.so";

/// Prepares libtorch and prints what those set who call Cargo themselves.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    if let Some(other) = arguments.first() {
        return Err(Error::UnknownName { what: "argument", got: other.clone(), expected: vec!["none"] });
    }
    for (name, value) in environment()? {
        println!("export {name}={}", quoted(&value));
    }
    Ok(())
}

/// Prepares libtorch, where that was not done, and returns the variables with which Cargo builds the torch crates.
pub(crate) fn environment() -> Result<Vec<(&'static str, OsString)>> {
    find_or_prepare(&Setting::of_this_process()).map(|folder| variables(&folder))
}

/// The same where it was done, or where the environment names a libtorch; nothing is downloaded.
pub(crate) fn prepared() -> Option<Vec<(&'static str, OsString)>> {
    let setting = Setting::of_this_process();
    let named = setting.pytorch || setting.libtorch.is_some();
    let there = named || is_complete(&setting, &setting.cache.join(format!("libtorch-{VERSION}")));
    let folder = there.then(|| find_or_prepare(&setting).ok()).flatten();
    folder.map(|folder| variables(&folder))
}

fn variables(folder: &Path) -> Vec<(&'static str, OsString)> {
    let mut variables: Vec<_> = ["LIBTORCH", "LIBTORCH_INCLUDE", "LIBTORCH_LIB"]
        .into_iter()
        .map(|name| (name, folder.to_owned().into_os_string()))
        .collect();
    variables.push(("LIBTORCH_CXX11_ABI", "1".into()));
    variables
}

/// What the outcome hangs on.
struct Setting {
    /// System and processor.
    system: (&'static str, &'static str),
    /// Whether an installed PyTorch is to serve.
    pytorch: bool,
    /// A folder of libtorch that is to serve.
    libtorch: Option<PathBuf>,
    cache: PathBuf,
    python: PathBuf,
    /// The compilers to try, each with its arguments.
    compilers: Vec<String>,
    /// Free bytes of the disk, where they are not asked for.
    free: Option<u64>,
    wheels: Vec<Wheel>,
}

impl Setting {
    /// The variables are those that the crate `torch-sys` reads.
    fn of_this_process() -> Self {
        let variable = |name| env::var_os(name).filter(|value| !value.is_empty());
        let compilers = match env::var("CXX") {
            Ok(own) if !own.trim().is_empty() => vec![own],
            _ => ["c++", "g++", "clang++"].map(str::to_owned).to_vec(),
        };
        Self {
            system: (env::consts::OS, env::consts::ARCH),
            pytorch: variable("LIBTORCH_USE_PYTORCH").is_some(),
            libtorch: variable("LIBTORCH").map(PathBuf::from),
            cache: cache::cache(),
            python: if variable("VIRTUAL_ENV").is_some() { "python" } else { "python3" }.into(),
            compilers,
            free: None,
            wheels: WHEELS.to_vec(),
        }
    }
}

/// The folder of libtorch: with `include` and `lib`. Nothing is done twice; what was cut leaves nothing that could be
/// taken for the whole.
fn find_or_prepare(setting: &Setting) -> Result<PathBuf> {
    let compiler = compiler(setting)?;
    // The same order as that of `torch-sys` and of the program.
    if setting.pytorch {
        return installed(setting);
    }
    if let Some(folder) = &setting.libtorch {
        let place = format!("LIBTORCH={}", folder.display());
        is_expected(folder, place)?;
        return std::path::absolute(folder).map_err(|source| Error::Io { path: folder.clone(), source });
    }
    let folder = setting.cache.join(format!("libtorch-{VERSION}"));
    if is_complete(setting, &folder) {
        return Ok(folder);
    }
    if setting.system != ("linux", "x86_64") {
        let (system, processor) = setting.system;
        return Err(Error::OtherSystem { system: format!("{system} {processor}") });
    }
    cache::create(&setting.cache)?;
    let _guard = guard(&setting.cache)?;
    // Somebody else may have prepared it while this process waited.
    if !is_complete(setting, &folder) {
        prepare(setting, &compiler, &folder)?;
    }
    Ok(folder)
}

/// The compiler's command, which runs.
fn compiler(setting: &Setting) -> Result<Vec<&str>> {
    let commands = setting.compilers.iter().map(|command| command.split_whitespace().collect::<Vec<_>>());
    let runs = |command: &Vec<&str>| {
        command.split_first().is_some_and(|(program, arguments)| {
            works(Command::new(program).args(arguments).arg("--version").stdin(Stdio::null()))
        })
    };
    commands.into_iter().find(runs).ok_or_else(|| Error::NoCompiler { tried: setting.compilers.clone() })
}

/// The folder of an installed PyTorch, which is found without running it.
fn installed(setting: &Setting) -> Result<PathBuf> {
    const FIND: &str = "import sys; sys.path = [p for p in sys.path if p]; from importlib.util import find_spec; s = find_spec('torch'); print(s.submodule_search_locations[0] if s else '')";
    let output = Command::new(&setting.python)
        .args(["-c", FIND])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output()
        .map_err(|error| Error::NoPython { problem: error.to_string() })?;
    let folder = PathBuf::from(String::from_utf8_lossy(&output.stdout).trim());
    let place = format!("LIBTORCH_USE_PYTORCH: the PyTorch of {}", setting.python.display());
    if folder.as_os_str().is_empty() {
        return Err(Error::OtherLibtorch { place, found: None });
    }
    is_expected(&folder, place)?;
    Ok(folder)
}

/// Whether a folder that was named holds the expected version.
fn is_expected(folder: &Path, place: String) -> Result<()> {
    match version(folder) {
        Some(found) if found.split('+').next() == Some(VERSION) => Ok(()),
        found => Err(Error::OtherLibtorch { place, found }),
    }
}

/// The version that libtorch's `build-version` or PyTorch's `version.py` says.
fn version(folder: &Path) -> Option<String> {
    if let Ok(text) = fs::read_to_string(folder.join("build-version")) {
        return Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    }
    let text = fs::read_to_string(folder.join("version.py")).ok()?;
    let line = text.lines().find_map(|line| line.strip_prefix("__version__ = "))?;
    Some(line.trim_matches(['\'', '"', ' ']).to_owned())
}

/// Whether all is there: the folder appears by one rename, so that only a hand can have taken something away.
fn is_complete(setting: &Setting, folder: &Path) -> bool {
    let parts = setting.wheels.iter().flat_map(|wheel| wheel.parts).map(|(_, part)| *part);
    let there =
        |part: &str| fs::metadata(folder.join(part)).is_ok_and(|data| data.is_dir() || data.len() > 0);
    version(folder).as_deref() == Some(BUILD) && parts.chain(["lib/libtorch.so"]).all(there)
}

/// Keeps a second process waiting until the first one is done.
fn guard(cache: &Path) -> Result<File> {
    let path = cache.join(".libtorch.guard");
    let guard = File::create(&path).and_then(|file| file.lock().map(|()| file));
    guard.map_err(|source| Error::Io { path, source })
}

fn prepare(setting: &Setting, compiler: &[&str], folder: &Path) -> Result<()> {
    let draft = setting.cache.join(format!(".libtorch-{VERSION}.draft"));
    // Of this process alone: a program whose parent was killed may still be writing to that of another one.
    let tree = draft.join(format!("tree-{}", std::process::id()));
    let packages = draft.join("packages");
    let io = |source| Error::Io { path: folder.to_owned(), source };
    cache::create(&draft)?;
    // What an earlier call left, but for the packages. What still resists is in nobody's way.
    for entry in fs::read_dir(&draft).map_err(io)?.flatten().filter(|entry| entry.path() != packages) {
        let _ = fs::remove_dir_all(entry.path());
    }
    enough_space(setting, &packages)?;
    wheels::fetch(setting, &packages)?;
    wheels::empty(&tree)?;
    for wheel in &setting.wheels {
        eprintln!("unpacking {}", wheel.file);
        unpack(setting, wheel, &packages, &tree)?;
    }
    link_stub(compiler, &tree.join("lib"))?;
    fs::write(tree.join("build-version"), format!("{BUILD}\n")).map_err(io)?;
    #[cfg(unix)]
    for inner in [&tree, &tree.join("lib")] {
        let mode = <fs::Permissions as std::os::unix::fs::PermissionsExt>::from_mode(0o755);
        fs::set_permissions(inner, mode).map_err(io)?;
    }
    if folder.exists() {
        fs::remove_dir_all(folder).map_err(io)?;
    }
    fs::rename(&tree, folder).map_err(io)?;
    eprintln!("libtorch {BUILD} is in {}", folder.display());
    // The packages are of no more use.
    fs::remove_dir_all(&draft).map_err(|source| Error::Io { path: draft, source })
}

fn enough_space(setting: &Setting, packages: &Path) -> Result<()> {
    let fetched = setting.wheels.iter().all(|wheel| packages.join(wheel.file).exists());
    let needed = if fetched { NEEDED_TO_UNPACK } else { NEEDED_TO_FETCH };
    let free = match setting.free {
        Some(free) => free,
        None => helper(setting, "free", [&setting.cache])
            .and_then(|text| text.parse().map_err(|_| text))
            .map_err(|problem| Error::NoPython { problem })?,
    };
    if free < needed {
        return Err(Error::NoSpace { folder: setting.cache.clone(), needed, free });
    }
    Ok(())
}

fn unpack(setting: &Setting, wheel: &Wheel, packages: &Path, tree: &Path) -> Result<()> {
    let rules = wheel.parts.iter().map(|(source, destination)| format!("{source}={destination}").into());
    let arguments = [packages.join(wheel.file).into_os_string(), tree.as_os_str().to_owned()];
    helper(setting, "unpack", arguments.into_iter().chain(rules))
        .map(|_| ())
        .map_err(|problem| Error::Unpack { file: wheel.file, problem })
}

/// `libtorch.so` of the package would pull in all that a GPU needs; builds ask for the name alone.
fn link_stub(compiler: &[&str], lib: &Path) -> Result<()> {
    let (program, arguments) = (compiler.first().copied().unwrap_or_default(), compiler.iter().skip(1));
    let output = Command::new(program)
        .args(arguments)
        .args(["-shared", "-Wl,--no-as-needed", "-Wl,-soname,libtorch.so", "-o", STUB, "-L.", "-ltorch_cpu"])
        // What that library needs itself lies beside it and is found when it is loaded.
        .arg("-Wl,--allow-shlib-undefined")
        .current_dir(lib)
        .stdin(Stdio::null())
        .output();
    let problem = match output {
        Ok(output) if output.status.success() => return Ok(()),
        Ok(output) => {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            said.lines().next().map_or_else(|| output.status.to_string(), str::to_owned)
        }
        Err(error) => error.to_string(),
    };
    Err(Error::Unpack { file: STUB, problem })
}

/// Asks the small program in Python; where it fails, the error is its line.
fn helper<A: AsRef<OsStr>>(
    setting: &Setting,
    what: &str,
    arguments: impl IntoIterator<Item = A>,
) -> Result<String, String> {
    let output = Command::new(&setting.python)
        // Alone: no variable and no file of the current folder changes what it does.
        .args(["-I", "-c", include_str!("libtorch/helper.py"), what])
        .args(arguments)
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()
        .map_err(|error| format!("{}: {error}", setting.python.display()))?;
    let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
    match (output.status.success(), said.is_empty()) {
        (true, _) => Ok(said),
        (false, false) => Err(said),
        (false, true) => Err(format!("{} ended with {}", setting.python.display(), output.status)),
    }
}

/// A value as a shell reads it.
fn quoted(value: &OsStr) -> String {
    let value = value.to_string_lossy();
    let plain = |c: char| c.is_ascii_alphanumeric() || "/._-+".contains(c);
    if value.chars().all(plain) { value.into_owned() } else { format!("'{}'", value.replace('\'', r"'\''")) }
}
