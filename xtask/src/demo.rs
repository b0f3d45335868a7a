//! `cargo xtask demo`: the first value that a newcomer sees. An audit of recorded predictions, then one whose models are fitted in memory, both of the digits
//! that ship with the repository, then one that rebuilds digits from a model, then one of an attribute, of the Adult census; or an audit of models alone, of
//! Fashion-MNIST.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    data,
    error::{Error, Result},
    libtorch,
    process::{capture, cargo, describe, root, stream},
    stages,
};

mod fashion_mnist;

/// The audit of recorded predictions.
const PREDICTIONS: &str = "examples/digits/audit.toml";

/// The audit of models in memory.
const MODELS: &str = "examples/digits-model/audit.toml";

/// The audit that rebuilds inputs of these models.
const INVERSION: &str = "examples/digits-model/inversion.toml";

/// The audit of an attribute: its manifest and the program that draws its tables, and how many persons are members.
const ATTRIBUTE: &str = "examples/adult/audit.toml";
const ATTRIBUTE_TABLES: &str = "examples/adult/make.py";
const ATTRIBUTE_ROWS: &str = "4000";

/// The plugin that has models in memory: its package and folder.
const PLUGIN: &str = "paname-plugin-torch";
const PLUGIN_CRATE: &str = "plugins/torch";

/// The files that every run owes its reader.
const PROMISED: &[&str] = &["report.fr.html", "report.en.html", "evidence.json"];

/// How a demo is built.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Build {
    /// For a newcomer: optimised dependencies build in less time than with the development profile's debug information, and the audits run faster.
    Optimised,
    /// For the checks, which have just built what is needed.
    AsTested,
}

/// What the command line asks for.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    fashion_mnist: bool,
    /// A folder with the files of Fashion-MNIST.
    files: Option<PathBuf>,
    /// Where everything goes.
    folder: Option<PathBuf>,
    /// What `paname run` is told besides.
    rest: Vec<String>,
}

/// The demo into `target/demo`, or where `--run-dir` says.
pub(crate) fn run(arguments: &[String]) -> Result<()> {
    let wanted = Wanted::of(arguments)?;
    let name = if wanted.fashion_mnist { "demo-fashion-mnist" } else { "demo" };
    let folder = wanted.folder.clone().unwrap_or_else(|| root().join("target").join(name));
    let stage = Stage { build: Build::Optimised, folder, rest: &wanted.rest };
    if wanted.fashion_mnist {
        let manifest = fashion_mnist::prepare(wanted.files.as_deref(), &stage.folder)?;
        let environment = libtorch::environment()?;
        return stage.models(&manifest, &stage.plugins(&environment)?, "models", &environment);
    }
    stage.predictions()?;
    match libtorch::environment() {
        Ok(environment) => stage.in_memory(&environment),
        // Nothing failed: there is no more to show on this system.
        Err(reason @ Error::OtherSystem { .. }) => {
            eprintln!("\nThe audits of models in memory are left out: {reason}");
            Ok(())
        }
        Err(reason) => Err(Error::SecondAudit { reason: Box::new(reason) }),
    }
}

/// All audits into a new temporary folder, from nothing, then the files that they promise.
pub(crate) fn check() -> Result<()> {
    let folder = std::env::temp_dir().join(format!("paname-demo-{}", std::process::id()));
    let stage = Stage { build: Build::AsTested, folder: folder.clone(), rest: &[] };
    let all = || {
        stage.predictions()?;
        promised_files_exist(&stage.audit("predictions"))?;
        stage.in_memory(&libtorch::environment()?)?;
        promised_files_exist(&stage.audit("models"))?;
        promised_files_exist(&stage.audit("inversion"))?;
        promised_files_exist(&stage.audit("attribute"))
    };
    let outcome = all();
    // A folder that cannot be removed is left to the system's own cleaning: the demo itself has its result.
    let _ = std::fs::remove_dir_all(&folder);
    outcome
}

impl Wanted {
    fn of(arguments: &[String]) -> Result<Self> {
        let mut wanted = Self::default();
        let mut arguments = arguments.iter();
        while let Some(argument) = arguments.next() {
            let (name, mut value) = match argument.split_once('=') {
                Some((name, value)) => (name, Some(value.to_owned())),
                None => (argument.as_str(), None),
            };
            if !matches!(name, "--data" | "--data-folder" | "--run-dir") {
                wanted.rest.push(argument.clone());
                continue;
            }
            let value = value.take().or_else(|| arguments.next().cloned()).unwrap_or_default();
            match (name, value.as_str()) {
                ("--data", "digits") => wanted.fashion_mnist = false,
                ("--data", "fashion-mnist") => wanted.fashion_mnist = true,
                ("--data", _) => {
                    let expected = vec!["digits", "fashion-mnist"];
                    return Err(Error::UnknownName { what: "data", got: value, expected });
                }
                (_, "") => {
                    let expected = vec!["a folder"];
                    return Err(Error::UnknownName { what: "value of an option", got: value, expected });
                }
                ("--data-folder", _) => wanted.files = Some(absolute(&value)),
                _ => wanted.folder = Some(absolute(&value)),
            }
        }
        Ok(wanted)
    }
}

/// A path as whoever typed it meant it: programs are started in the repository root.
fn absolute(path: &str) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.into())
}

/// Where a demo happens.
struct Stage<'a> {
    build: Build,
    folder: PathBuf,
    rest: &'a [String],
}

impl Stage<'_> {
    /// Folder of an audit.
    fn audit(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    fn predictions(&self) -> Result<()> {
        stream(
            self.paname()
                .args(["run", PREDICTIONS, "--run-dir"])
                .arg(self.audit("predictions"))
                .args(self.rest),
        )
    }

    /// The audits whose models are fitted here.
    fn in_memory(&self, environment: &[(&'static str, OsString)]) -> Result<()> {
        let plugins = self.plugins(environment)?;
        self.models(Path::new(MODELS), &plugins, "models", environment)?;
        eprintln!("\nNow its inversion: what does a digit look like to the model, and whose is it?");
        self.models(Path::new(INVERSION), &plugins, "inversion", environment)?;
        eprintln!("\nNow an attribute: does a model of incomes give away who is married?");
        match self.census() {
            Ok(manifest) => self.models(&manifest, &plugins, "attribute", environment),
            // The others are made; what has just been built must show all.
            Err(reason) if self.build == Build::Optimised => {
                eprintln!("This audit is left out: {reason}");
                Ok(())
            }
            Err(reason) => Err(reason),
        }
    }

    /// Draws the tables of the audit of an attribute, beside a copy of its manifest.
    fn census(&self) -> Result<PathBuf> {
        let folder = self.folder.join("census");
        let table = data::adult()?;
        let mut draw = Command::new("python3");
        draw.arg(root().join(ATTRIBUTE_TABLES)).arg(table).arg(&folder);
        capture(draw.args(["--rows", ATTRIBUTE_ROWS, "--population", ATTRIBUTE_ROWS]))?;
        let (from, manifest) = (root().join(ATTRIBUTE), folder.join("audit.toml"));
        std::fs::copy(&from, &manifest).map_err(|source| Error::Io { path: manifest.clone(), source })?;
        Ok(manifest)
    }

    /// Builds the plugin, and allows it within the demo. Returns where it is.
    fn plugins(&self, environment: &[(&'static str, OsString)]) -> Result<PathBuf> {
        eprintln!(
            "\nNow models in memory. The first time, the bindings of libtorch are compiled: some minutes."
        );
        let mut library = match self.build {
            Build::Optimised => cargo(["build", "--release", "--lib", "--package", PLUGIN]),
            // The very build of the stage `torch`: other packages together could have other features, and minutes to compile.
            Build::AsTested => stages::torch_tests(),
        };
        let library = built(library.envs(environment.iter().cloned()))?;
        let plugins = self.folder.join("plugins");
        let pack = ["plugin", "pack", PLUGIN_CRATE, "--library"];
        quietly(self.paname().args(pack).arg(library).arg("--out").arg(&plugins))?;
        quietly(self.paname().args(["plugin", "trust"]).arg(plugins.join(PLUGIN)))?;
        Ok(plugins)
    }

    /// Runs an audit of models in memory.
    fn models(
        &self,
        manifest: &Path,
        plugins: &Path,
        name: &str,
        environment: &[(&'static str, OsString)],
    ) -> Result<()> {
        let mut command = self.paname();
        command.envs(environment.iter().cloned()).arg("--plugins").arg(plugins).arg("run").arg(manifest);
        stream(command.arg("--run-dir").arg(self.audit(name)).args(self.rest))
    }

    /// The program, with a list of trusted plugins of the demo's own: the user's is neither asked nor changed.
    fn paname(&self) -> Command {
        let mut command = cargo(["run", "--quiet", "--package", "paname"]);
        if self.build == Build::Optimised {
            command.arg("--release");
        }
        command
            .env("PANAME_CONFIG", self.folder.join("config"))
            .env("XDG_DATA_HOME", self.folder.join("none"));
        command.env_remove("PANAME_PLUGIN_PATH").arg("--");
        command
    }
}

/// Lets Cargo build the plugin, and returns its library.
fn built(command: &mut Command) -> Result<PathBuf> {
    let said = capture(command.args(["--message-format", "json-render-diagnostics"]))?;
    let file = format!(
        "{}{}{}",
        std::env::consts::DLL_PREFIX,
        PLUGIN.replace('-', "_"),
        std::env::consts::DLL_SUFFIX
    );
    // The only text between quotation marks that ends like this is a path.
    let said = String::from_utf8_lossy(&said).into_owned();
    let library =
        said.split('"').map(Path::new).filter(|path| path.is_absolute()).rfind(|path| path.ends_with(&file));
    library.map(Path::to_owned).ok_or_else(|| Error::NoLibrary { command: describe(command) })
}

/// Runs a command whose output matters only where it fails.
fn quietly(command: &mut Command) -> Result<()> {
    capture(command).map(|_| ())
}

fn promised_files_exist(folder: &Path) -> Result<()> {
    PROMISED.iter().map(|name| folder.join(name)).try_for_each(|path| {
        let written = std::fs::metadata(&path).is_ok_and(|file| file.len() > 0);
        if written { Ok(()) } else { Err(Error::Missing { path, writer: "the demo" }) }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wanted(arguments: &[&str]) -> Result<Wanted> {
        Wanted::of(&arguments.iter().map(|&argument| argument.to_owned()).collect::<Vec<_>>())
    }

    #[test]
    fn what_is_not_for_the_demo_goes_on_to_the_program() {
        assert_eq!(wanted(&[]).unwrap(), Wanted::default());
        let all = wanted(&["--lang", "fr", "--data=fashion-mnist", "--data-folder", "/f", "--run-dir=/r"]);
        let all = all.unwrap();
        assert!(all.fashion_mnist);
        assert_eq!((all.files, all.folder), (Some("/f".into()), Some("/r".into())));
        assert_eq!(all.rest, ["--lang", "fr"]);
    }

    #[test]
    fn other_data_and_missing_folders_are_refused() {
        let message = |arguments| wanted(arguments).unwrap_err().to_string();
        assert_eq!(
            message(&["--data", "cifar"]),
            "unknown data `cifar`, expected one of: digits, fashion-mnist"
        );
        assert_eq!(message(&["--run-dir"]), "unknown value of an option ``, expected one of: a folder");
    }
}
