//! # Command
//!
//! **Idea.** Somebody's own attack, in any language: a program reads the signals of a case from an npz archive and writes one score per
//! audited record. It is judged like every other attack.
//!
//! **Threat model.** That of the signals which the configuration names: the attacker asks the target once per record and augmentation. The
//! program sees the audited records in an order that says nothing, their classes, the population, and which records each reference model was
//! fitted on; it sees neither ids nor who is a member. A program that looks for the answer elsewhere on the machine is not kept from it: its
//! author is trusted as much as whoever runs the audit.
//!
//! **Formula.** The program's. Its files are part of what a result depends on: a changed script is a new run.
//!
//! **Paper.** That of the program's author.
//!
//! **Cost.** One question per record and augmentation; a process per run, and one more per reference model for the control, which runs the same
//! program with each reference model in the target's place.
//!
//! **When it fails.** Where the program ends with another exit code than 0, takes longer than its time limit, or leaves another number of scores than
//! there are records, the row fails and says so. A program whose scores depend on the order of the records, on the number of threads, or on
//! anything but its input and its seed, gives figures that nobody can reproduce.
//!
//! Formats, exit codes and a complete example: `docs/command.md`.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use paname_core::{
    Attack, Case, Cohort, Ctx, DType, Error, Family, Findings, Host, Info, Labels, Needs, Result, Signal,
    Whom,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::archive::Archive;
use crate::folder::{Folder, place};
use crate::process::{Workplace, run};
use crate::program::{Program, USUAL_LIMIT, Value};
use crate::scores::{SCORES, read_scores};

/// The version of the archive's layout, which stands in it as `format`.
const FORMAT: i64 = 1;
/// Seeds are below this number, so that the generators of every language take them.
const SEED_BITS: u32 = 31;

/// Parameters of [`Command`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Config {
    /// The program and its arguments, such as `["python3", "score.py"]`. `{inputs}`, `{scores}`, `{seed}` and `{threads}` in arguments are replaced;
    /// where none of them is mentioned, `--inputs PATH --scores PATH --seed N --threads N` follow. Names of files below the manifest's
    /// folder are made absolute.
    pub program: Vec<String>,
    /// Names of the signals that the program is given, such as `scaled-confidence` or `log-probability:2`.
    pub signals: Vec<String>,
    /// Smallest number of reference models.
    pub references_min: usize,
    /// Number of reference models beyond which more are not given to the program; all are given where absent.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub references_max: Option<usize>,
    /// Smallest number of reference models fitted with, and smallest number fitted without, each audited record.
    pub in_out_min: [usize; 2],
    /// Smallest number of population records.
    pub population_min: usize,
    /// Seconds after which the program is ended.
    pub time_limit: u64,
    /// Names of environment variables that are passed on, besides `PATH`, `HOME`, `LANG`, `LC_*`, `TMPDIR`, `VIRTUAL_ENV`, `PYTHONPATH` and
    /// `LD_LIBRARY_PATH`.
    pub environment: Vec<String>,
    /// Files and folders that the program uses besides those that its arguments name: when one changes, results are computed anew.
    pub files: Vec<PathBuf>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            program: Vec::new(),
            signals: Vec::new(),
            references_min: 0,
            references_max: None,
            in_out_min: [0, 0],
            population_min: 0,
            time_limit: USUAL_LIMIT,
            environment: Vec::new(),
            files: Vec::new(),
        }
    }
}

/// Has a program score the records.
pub struct Command {
    program: Program,
    needs: Needs,
}

impl Attack for Command {
    const INFO: Info = Info {
        name: "command",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Programme externe",
        title_en: "External program",
        summary_fr: "Un programme fourni par l'auditeur distingue les données sur lesquelles le modèle a été entraîné.",
        summary_en: "A program given by the auditor tells apart the data that the model was trained on.",
        formula: "what the program computes from the signals",
        paper: "that of the program's author",
        source: include_str!("attack.rs"),
    };
    type Config = Config;

    fn new(config: Config) -> Result<Self> {
        let program = Program::new(&config.program, &config.environment, config.time_limit)?;
        let mut signals: Vec<Signal> = Vec::with_capacity(config.signals.len());
        for name in &config.signals {
            let signal: Signal = name.parse().map_err(|e: Error| Error::Config(format!("`signals`: {e}")))?;
            if signals.contains(&signal) {
                return Err(Error::Config(format!("`signals` names {signal} twice")));
            }
            signals.push(signal);
        }
        if signals.is_empty() {
            return Err(Error::Config(
                "`signals` is empty; expected names such as \"scaled-confidence\"".into(),
            ));
        }
        let [with, without] = config.in_out_min;
        let references_min = config.references_min.max(with.saturating_add(without));
        let references_max = config.references_max.unwrap_or(usize::MAX);
        if references_max < references_min {
            return Err(Error::Config(format!(
                "`references-max` is {references_max}, and at least {references_min} reference models are needed"
            )));
        }
        let needs = Needs {
            signals,
            references_min,
            references_max,
            in_out_min: (with, without),
            population_min: config.population_min,
            ..Needs::default()
        };
        Ok(Self { program, needs })
    }

    fn files(config: &Config, base: &Path) -> Result<Vec<PathBuf>> {
        Program::new(&config.program, &config.environment, config.time_limit)?.files(base, &config.files)
    }

    fn needs(&self, _records: usize) -> Needs {
        self.needs.clone()
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let folder = Folder::new(place(ctx)?.as_deref(), "command")?;
        let inputs = folder.path().join("inputs.npz");
        let scores = self.score(case, &folder, &inputs, ctx);
        // The archive holds personal data. A program that failed can be tried again on it by hand.
        if matches!(scores, Ok(_) | Err(Error::Cancelled)) && inputs.exists() {
            std::fs::remove_file(&inputs)
                .map_err(|e| Error::data(inputs.display(), format!("cannot be removed: {e}")))?;
        }
        let scores = scores?;
        ctx.tick(1, 1)?;
        Ok(Findings::Membership(scores))
    }
}

impl Command {
    fn score(&self, case: &Case<'_>, folder: &Folder, inputs: &Path, ctx: &Ctx<'_>) -> Result<Vec<f64>> {
        let seed = ctx.seed("command") >> (u64::BITS - SEED_BITS);
        self.write(case, inputs, seed, ctx)?;
        let values: [Value; 4] = [
            ("inputs", inputs.into()),
            ("scores", folder.path().join(SCORES).into()),
            ("seed", seed.to_string().into()),
            ("threads", ctx.threads().to_string().into()),
        ];
        let line = self.program.with_values(&ctx.base(), &values)?;
        run(&self.program, &line, Workplace { folder: folder.path(), kept: folder.kept() }, ctx)?;
        read_scores(folder.path(), case.audited().len())
    }

    /// Writes what the program may know, a chunk of records at a time.
    fn write(&self, case: &Case<'_>, path: &Path, seed: u64, ctx: &Ctx<'_>) -> Result<()> {
        let mut archive = Archive::create(path)?;
        archive.integers("format", &[], std::iter::once(FORMAT))?;
        archive.integers("seed", &[], std::iter::once(seed.cast_signed()))?;
        archive.integers("threads", &[], std::iter::once(ctx.threads().cast_signed() as i64))?;
        let references = case.references().min(self.needs.references_max);
        for (group, whom) in [("audited", Whom::Audited), ("population", Whom::Population)] {
            let cohort = case.cohort(whom);
            write_labels(&mut archive, group, cohort)?;
            archive.begin(&format!("{group}/membership"), DType::Bool, &[cohort.len(), references])?;
            let membership = case.membership(whom);
            let members =
                |r: usize| membership.row(r).iter().take(references).map(u8::from).collect::<Vec<_>>();
            archive.stream((0..cohort.len()).flat_map(members))?;
            for &signal in &self.needs.signals {
                let shape = [cohort.len(), 1 + references, case.augmentations()];
                archive.begin(&format!("{group}/{signal}"), DType::F32, &shape)?;
                archive = write_signal(case, archive, whom, signal, references, ctx)?;
            }
        }
        archive.finish()
    }
}

/// Class labels, where there are any.
fn write_labels(archive: &mut Archive, group: &str, cohort: &Cohort) -> Result<()> {
    let Labels::Classes { values, .. } = &cohort.labels else { return Ok(()) };
    archive.integers(
        &format!("{group}/labels"),
        &[values.len()],
        values.iter().map(|&class| i64::from(class)),
    )
}

/// One signal of a group `[records][models][augmentations]`, with the target as model 0.
fn write_signal(
    case: &Case<'_>,
    archive: Archive,
    whom: Whom,
    signal: Signal,
    references: usize,
    ctx: &Ctx<'_>,
) -> Result<Archive> {
    // On one thread the chunks come in their order, and can be written as they come.
    let alone = Alone(ctx);
    let one = Ctx::new(0, "command", 1, &alone);
    let archive = Mutex::new(archive);
    case.map_chunks(whom, &[signal], &one, |chunk| {
        let mut archive = archive.lock().unwrap_or_else(PoisonError::into_inner);
        for record in chunk.records() {
            let target = record.target(0);
            archive.push(target)?;
            archive.push(&record.references(0)[..references * target.len()])?;
        }
        Ok(())
    })?;
    Ok(archive.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// The host of another context, for work on one thread.
struct Alone<'a>(&'a Ctx<'a>);

impl Host for Alone<'_> {
    fn progress(&self, done: u64, total: u64) {
        // Whether the run should stop is asked for right behind.
        let _ = self.0.tick(done as usize, total as usize);
    }

    fn cancelled(&self) -> bool {
        self.0.cancelled()
    }
}
