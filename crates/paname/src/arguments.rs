//! The arguments. Every word of the help comes from the table of strings, in the language of the call.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{ArgAction, Args, CommandFactory, FromArgMatches, Parser, Subcommand, ValueEnum};
use paname_report::{Key, Language, key};

use crate::command::EXITS;
use crate::language;
use crate::output;

/// Help in the language of the call.
fn help(key: Key) -> String {
    language::of_this_call().text(key)
}

/// `paname …`.
#[derive(Debug, Parser)]
#[command(
    name = "paname",
    version,
    disable_help_flag = true,
    disable_version_flag = true,
    disable_help_subcommand = true
)]
#[command(about = help(key!("help.about")), long_about = None)]
pub(crate) struct Arguments {
    /// Write the result as JSON.
    #[arg(long, global = true, display_order = 900, help = help(key!("help.json")))]
    pub(crate) json: bool,
    /// Already read by [`language::of_this_call`]; here so that it is checked.
    #[arg(long, global = true, value_name = "fr|en", value_parser = ["fr", "en"], hide_possible_values = true)]
    #[arg(display_order = 901, help = help(key!("help.lang")))]
    lang: Option<String>,
    /// Folders of plugins.
    #[arg(long, global = true, value_name = "DIR", display_order = 899, help = help(key!("help.plugins")))]
    pub(crate) plugins: Vec<PathBuf>,
    /// Print help.
    #[arg(long, short, global = true, action = ArgAction::Help, display_order = 902, help = help(key!("help.help")))]
    help: Option<bool>,
    /// Print the version.
    #[arg(long, short = 'V', action = ArgAction::Version, display_order = 903, help = help(key!("help.version")))]
    version: Option<bool>,
    /// What to do.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// The commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Run an audit.
    #[command(about = help(key!("help.run")), long_about = None)]
    Run(RunArguments),
    /// Judge scores.
    #[command(about = help(key!("help.score")), long_about = None)]
    Score(ScoreArguments),
    /// Plan an audit.
    #[command(about = help(key!("help.plan")), long_about = None)]
    Plan {
        /// The manifest.
        #[arg(help = help(key!("help.manifest")))]
        manifest: PathBuf,
    },
    /// Look at a model before any attack.
    #[command(about = help(key!("help.signs")), long_about = None)]
    Signs {
        /// The manifest.
        #[arg(help = help(key!("help.manifest")))]
        manifest: PathBuf,
    },
    /// List attacks.
    #[command(about = help(key!("help.attacks")), long_about = None)]
    Attacks {
        /// One of them.
        #[arg(help = help(key!("help.attack")))]
        name: Option<String>,
        /// The manual of all of them in Markdown: the source of `docs/attacks.md`.
        #[arg(long, hide = true, conflicts_with = "name")]
        markdown: bool,
    },
    /// List adapters.
    #[command(about = help(key!("help.adapters")), long_about = None)]
    Adapters {
        /// One of them.
        #[arg(help = help(key!("help.adapter")))]
        name: Option<String>,
    },
    /// Manage plugins.
    #[command(about = help(key!("help.plugin")), long_about = None)]
    Plugin {
        /// What to do.
        #[command(subcommand)]
        command: PluginCommand,
    },
    /// Draw canaries.
    #[command(about = help(key!("help.canaries")), long_about = None)]
    Canaries {
        /// What to do.
        #[command(subcommand)]
        command: CanariesCommand,
    },
    /// Write a manifest.
    #[command(about = help(key!("help.init")), long_about = None)]
    Init(InitArguments),
    /// Look at the machine.
    #[command(about = help(key!("help.doctor")), long_about = None)]
    Doctor {
        /// A model file.
        #[arg(value_name = "FILE", help = help(key!("help.model_file")))]
        file: Option<PathBuf>,
    },
    /// Check a finished audit.
    #[command(about = help(key!("help.verify")), long_about = None)]
    Verify {
        /// The audit's folder.
        #[arg(value_name = "DIR", help = help(key!("help.folder")))]
        folder: PathBuf,
    },
    /// Put re-tests together.
    #[command(about = help(key!("help.combine")), long_about = None)]
    Combine {
        /// Folders of finished audits.
        #[arg(value_name = "DIR", required = true, num_args = 2.., help = help(key!("help.folders")))]
        folders: Vec<PathBuf>,
    },
    /// Print a schema.
    #[command(about = help(key!("help.schema")), long_about = None)]
    Schema {
        /// Of what.
        #[arg(hide_possible_values = true, help = help(key!("help.document")))]
        document: Document,
    },
    /// Print completions.
    #[command(about = help(key!("help.completions")), long_about = None)]
    Completions {
        /// For which shell.
        #[arg(hide_possible_values = true, help = help(key!("help.shell")))]
        shell: clap_complete::Shell,
    },
    /// One step of an audit, for the engine's own use.
    #[command(hide = true)]
    Work {
        /// The audit's folder.
        run: PathBuf,
        /// The step.
        step: String,
    },
}

/// `paname canaries …`.
#[derive(Debug, Subcommand)]
pub(crate) enum CanariesCommand {
    /// Throw the coins.
    #[command(about = help(key!("help.canaries.make")), long_about = None)]
    Make(MakeArguments),
    /// Check coins.
    #[command(about = help(key!("help.canaries.check")), long_about = None)]
    Check {
        /// The coins.
        #[arg(default_value = "canaries.json", hide_default_value = true, help = help(key!("help.canaries.draw")))]
        canaries: PathBuf,
        /// The commitment to them.
        #[arg(default_value = "commitment.json", hide_default_value = true)]
        #[arg(help = help(key!("help.canaries.commitment")))]
        commitment: PathBuf,
    },
}

/// `paname canaries make …`.
#[derive(Debug, Args)]
pub(crate) struct MakeArguments {
    /// The candidates.
    #[arg(required_unless_present = "count", conflicts_with = "count", help = help(key!("help.canaries.table")))]
    pub(crate) table: Option<PathBuf>,
    /// How many instead.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=10_000_000))]
    #[arg(help = help(key!("help.canaries.count")))]
    pub(crate) count: Option<u32>,
    /// Column of the ids.
    #[arg(long, value_name = "COLUMN", conflicts_with = "count", help = help(key!("help.canaries.id")))]
    pub(crate) id: Option<String>,
    /// Column of the persons.
    #[arg(long, value_name = "COLUMN", conflicts_with = "count", help = help(key!("help.canaries.person")))]
    pub(crate) person: Option<String>,
    /// Where the files go.
    #[arg(long, value_name = "DIR", help = help(key!("help.canaries.out")))]
    pub(crate) out: Option<PathBuf>,
}

/// `paname plugin …`.
#[derive(Debug, Subcommand)]
pub(crate) enum PluginCommand {
    /// List plugins.
    #[command(about = help(key!("help.plugin.list")), long_about = None)]
    List,
    /// Show one.
    #[command(about = help(key!("help.plugin.info")), long_about = None)]
    Info {
        /// Its folder or name.
        #[arg(help = help(key!("help.plugin.which")))]
        plugin: String,
    },
    /// Allow one.
    #[command(about = help(key!("help.plugin.trust")), long_about = None)]
    Trust(TrustArguments),
    /// Allow one no more.
    #[command(about = help(key!("help.plugin.untrust")), long_about = None)]
    Untrust {
        /// Its name.
        #[arg(required_unless_present = "key", help = help(key!("help.plugin.name")))]
        name: Option<String>,
        /// Name of a key instead.
        #[arg(long, value_name = "NAME", conflicts_with = "name", help = help(key!("help.plugin.untrust_key")))]
        key: Option<String>,
    },
    /// Begin one.
    #[command(about = help(key!("help.plugin.new")), long_about = None)]
    New {
        /// Its name.
        #[arg(help = help(key!("help.plugin.name")))]
        name: String,
        /// Where it goes.
        #[arg(long, value_name = "DIR", help = help(key!("help.plugin.path")))]
        path: Option<PathBuf>,
        /// Source tree of PANAME.
        #[arg(long, value_name = "DIR", help = help(key!("help.plugin.paname")))]
        paname: Option<PathBuf>,
    },
    /// Build and package one.
    #[command(about = help(key!("help.plugin.pack")), long_about = None)]
    Pack {
        /// The crate.
        #[arg(value_name = "DIR", help = help(key!("help.plugin.crate")))]
        folder: Option<PathBuf>,
        /// Where it goes.
        #[arg(long, value_name = "DIR", help = help(key!("help.plugin.out")))]
        out: Option<PathBuf>,
        /// What is built already.
        #[arg(long, value_name = "FILE", help = help(key!("help.plugin.library")))]
        library: Option<PathBuf>,
    },
}

/// `paname plugin trust …`.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(crate) struct TrustArguments {
    /// Folder of the plugin.
    #[arg(value_name = "DIR", help = help(key!("help.plugin.folder")))]
    pub(crate) plugin: Option<PathBuf>,
    /// A public key whose signatures count.
    #[arg(long, value_name = "FILE", help = help(key!("help.plugin.key")))]
    pub(crate) key: Option<PathBuf>,
    /// Whether plugins must be signed.
    #[arg(long, value_name = "true|false", help = help(key!("help.plugin.require_signature")))]
    pub(crate) require_signature: Option<bool>,
}

/// `paname run …`.
#[derive(Debug, Args)]
pub(crate) struct RunArguments {
    /// The manifest.
    #[arg(help = help(key!("help.manifest")))]
    pub(crate) manifest: PathBuf,
    /// Folder of the run.
    #[arg(long, value_name = "DIR", help = help(key!("help.run_dir")))]
    pub(crate) run_dir: Option<PathBuf>,
    /// Steps side by side.
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u16).range(1..=1024), help = help(key!("help.workers")))]
    pub(crate) workers: Option<u16>,
    /// How long a step may be silent.
    #[arg(long, value_name = "SECONDS", default_value_t = 7200, hide_default_value = true, help = help(key!("help.patience")))]
    pub(crate) patience: u64,
    /// Show no progress.
    #[arg(long, help = help(key!("help.no_progress")))]
    pub(crate) no_progress: bool,
    /// Another exit code where there is a leak.
    #[arg(long, help = help(key!("help.fail_on_leak")))]
    pub(crate) fail_on_leak: bool,
}

/// `paname score …`.
#[derive(Debug, Args)]
pub(crate) struct ScoreArguments {
    /// The scores.
    #[arg(value_name = "SCORES.csv", help = help(key!("help.scores")))]
    pub(crate) scores: PathBuf,
    /// Where the result goes.
    #[arg(long, value_name = "DIR", help = help(key!("help.out")))]
    pub(crate) out: Option<PathBuf>,
    /// How members and non-members came apart.
    #[arg(long, value_name = "HOW", hide_possible_values = true, help = help(key!("help.split")))]
    pub(crate) split: Option<DeclaredSplit>,
    /// Probability of a false alarm.
    #[arg(long, value_name = "P", value_parser = share, help = help(key!("help.alpha")))]
    pub(crate) alpha: Option<f64>,
    /// False-positive levels.
    #[arg(long, value_name = "P,…", value_delimiter = ',', value_parser = share, help = help(key!("help.fpr")))]
    pub(crate) fpr: Vec<f64>,
    /// How many exposed ones to list.
    #[arg(long, value_name = "N", help = help(key!("help.exposed")))]
    pub(crate) exposed: Option<u64>,
    /// Name of the test.
    #[arg(long, help = help(key!("help.title")))]
    pub(crate) title: Option<String>,
    /// Another exit code where there is a leak.
    #[arg(long, help = help(key!("help.fail_on_leak")))]
    pub(crate) fail_on_leak: bool,
}

/// `paname init …`.
#[derive(Debug, Args)]
pub(crate) struct InitArguments {
    /// The file to write.
    #[arg(help = help(key!("help.init_path")))]
    pub(crate) path: Option<PathBuf>,
    /// Name of the organisation.
    #[arg(long, value_name = "NAME", help = help(key!("help.organisation")))]
    pub(crate) organisation: Option<String>,
    /// Table of the records.
    #[arg(long, value_name = "FILE", help = help(key!("help.records")))]
    pub(crate) records: Option<String>,
    /// There are personal data.
    #[arg(long, help = help(key!("help.personal")))]
    pub(crate) personal: bool,
}

/// How members and non-members came apart.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum DeclaredSplit {
    /// Chance drew the members from one pool.
    Random,
    /// Anything else.
    Undeclared,
}

/// Documents that have a schema.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub(crate) enum Document {
    /// `audit.toml`.
    Manifest,
    /// `evidence.json`.
    Evidence,
}

/// A number above 0 and below 1.
fn share(text: &str) -> Result<f64, String> {
    let number = text.parse::<f64>().ok().filter(|number| *number > 0.0 && *number < 1.0);
    number.ok_or_else(|| "expected a number above 0 and below 1, such as 0.01".to_owned())
}

/// Reads the arguments of this call.
pub(crate) fn parse(language: Language) -> Result<Arguments, clap::Error> {
    let matches = command(language).try_get_matches()?;
    Arguments::from_arg_matches(&matches)
}

/// The whole command line, for help and completions.
pub(crate) fn command(language: Language) -> clap::Command {
    fn headed(command: clap::Command, language: Language) -> clap::Command {
        let template = format!(
            "{{about-with-newline}}\n{}: {{usage}}\n\n{{all-args}}{{after-help}}",
            language.text(key!("help.usage"))
        );
        command
            .subcommand_help_heading(language.text(key!("help.commands")))
            .help_template(template)
            .mut_subcommands(|inner| headed(inner, language))
    }
    let exits = EXITS.iter().map(|(code, key)| {
        format!(
            "
  {code:>3}  {}",
            language.text(*key)
        )
    });
    let exits = format!("{}:{}", language.text(key!("exit.title")), exits.collect::<String>());
    headed(Arguments::command(), language).after_help(exits)
}

/// Prints help, version or what is wrong with the arguments.
pub(crate) fn explain(refusal: &clap::Error) -> ExitCode {
    if refusal.use_stderr() {
        // Nothing is left to do where even standard error is closed.
        let _ = refusal.print();
        return ExitCode::from(2);
    }
    match refusal.print() {
        Err(error) if !output::is_closed_pipe(&error) => ExitCode::from(5),
        _ => ExitCode::SUCCESS,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_is_well_formed_in_both_languages() {
        for language in Language::ALL {
            command(language).debug_assert();
        }
    }
}
