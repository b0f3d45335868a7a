//! Running an audit: one lock, one journal, steps in worker processes, and the evidence at the end. The same command goes on where a killed
//! one stopped.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, mpsc};
use std::time::{Duration, Instant};

use paname_core::{Host, Registry};
use paname_evidence::{Evidence, Journal, JournalEntry, Verdict, canonical_sha256, sha256_hex};

use crate::EngineError;
use crate::assemble::{self, Failures};
use crate::attributes;
use crate::features::Inventory;
use crate::fits;
use crate::inputs::{self, InputFile, Inputs};
use crate::inversions;
use crate::manifest::Manifest;
use crate::plan;
use crate::plugins;
use crate::process::Worker;
use crate::step::{Fit, Keyed, Step};
use crate::store::{Lookup, Store, create_private_folder, write_whole};
use crate::work::{RUN_FILE, RunFile, RunPlugin, Workplace};

/// How an audit runs.
#[derive(Debug, Clone)]
pub struct RunOptions {
    /// Folder of the run: store, journal, evidence. Created if need be.
    pub run_dir: PathBuf,
    /// Steps that run side by side.
    pub workers: usize,
    /// The program that understands `work RUN STEP`; without it steps run in this process.
    pub worker: Option<PathBuf>,
    /// How long a worker may give no sign of life before it is ended, and its step with it; for ever where absent.
    pub patience: Option<Duration>,
}

/// What an audit left.
#[derive(Debug)]
pub struct Outcome {
    /// The evidence.
    pub evidence: Evidence,
    /// Where it was written.
    pub evidence_path: PathBuf,
    /// Steps that this call ran.
    pub steps_run: u64,
    /// Steps that were finished before.
    pub steps_reused: u64,
}

/// Told what happens during an audit. Every method has a default, so that `&()` watches nothing.
pub trait Watch: Sync {
    /// The steps of the audit, when they are known.
    fn steps(&self, _names: &[String]) {}
    /// A step begins.
    fn started(&self, _step: &str) {}
    /// How far a step is.
    fn progress(&self, _step: &str, _done: u64, _total: u64) {}
    /// A step is finished, or was found finished.
    fn finished(&self, _step: &str, _reused: bool) {}
    /// A line for people.
    fn log(&self, _line: &str) {}
    /// Whether the user asked to stop.
    fn cancelled(&self) -> bool {
        false
    }
}

impl Watch for () {}

/// An audit being run.
struct Session<'a> {
    manifest: &'a Manifest,
    registry: &'a Registry,
    options: &'a RunOptions,
    watch: &'a dyn Watch,
    store: Store,
    journal: Mutex<Journal>,
    /// Keys of results that the journal already names.
    noted: BTreeSet<String>,
    run_file: RunFile,
    /// What the records are, for steps in this process.
    inventory: Inventory,
}

/// What has become of the steps so far.
#[derive(Default)]
struct Tally {
    /// Steps whose results are in the store.
    finished: BTreeSet<String>,
    failures: Failures,
    run: u64,
    reused: u64,
}

/// Runs an audit, or goes on with it, and writes `evidence.json` into the run folder.
pub fn run(
    manifest: &Manifest,
    registry: &Registry,
    options: &RunOptions,
    watch: &dyn Watch,
) -> Result<Outcome, EngineError> {
    // Before anything is written: a slip in the manifest must not become an amendment of the audit.
    manifest.check_named(registry)?;
    create_private_folder(&options.run_dir)?;
    // Held until this function returns; a killed process gives it back.
    let _lock = lock(&options.run_dir)?;
    let store = Store::open(&options.run_dir)?;
    store.sweep()?;
    let mut journal = Journal::open(&options.run_dir.join("journal.jsonl"))?;
    let past = begin(manifest, &options.run_dir, &mut journal)?;
    let mut files = inputs::files(manifest, registry)?;
    let order = inputs::content_key(manifest, registry, &files)?;
    let data = fits::data_key(manifest, &files)?;
    let fits = fits::steps(manifest, registry, &files, &data)?;
    // What looks at answers decides none.
    files.extend(inversions::files(manifest, registry)?);
    let available = std::thread::available_parallelism().map_or(1, usize::from);
    let absolute = std::path::absolute(&manifest.path).map_err(EngineError::io(&manifest.path))?;
    let mut session = Session {
        manifest,
        registry,
        options,
        watch,
        store,
        journal: Mutex::new(journal),
        noted: past.keys,
        inventory: Inventory::default(),
        run_file: RunFile {
            manifest: absolute.into_os_string(),
            sha256: manifest.sha256.clone(),
            order,
            data,
            threads: (available / options.workers.max(1)).max(1),
            models: 0,
            keys: BTreeMap::new(),
            plugins: plugins::used(manifest, registry)?.iter().map(RunPlugin::of).collect(),
        },
    };
    let mut tally = Tally::default();
    for RunPlugin { name, version, sha256, .. } in &session.run_file.plugins {
        session.note("plugin", serde_json::json!({ "name": name, "version": version, "sha256": sha256 }))?;
    }
    let mut names: Vec<String> = Vec::new();
    let stages = manifest.content.stages();
    for (stage, &models) in stages.iter().enumerate() {
        let outcome = session.stage(&fits, models, &files, past.amendments, &mut names, &mut tally)?;
        let decided = decided(&outcome.evidence);
        if stages.len() > 1 {
            session.note("stage", serde_json::json!({ "models": models, "decided": decided }))?;
            watch.log(&format!(
                "{models} reference models: {}",
                if decided { "decided" } else { "not decided" }
            ));
        }
        if decided || stage + 1 == stages.len() {
            return Ok(outcome);
        }
    }
    Err(EngineError::Other("an audit without stages".into()))
}

/// What earlier calls left in the journal.
struct Past {
    /// Changes of the manifest, the present one included.
    amendments: u64,
    /// Keys of results.
    keys: BTreeSet<String>,
}

/// Writes the first line of the journal, an amendment where the manifest changed since, or that the audit goes on.
fn begin(manifest: &Manifest, run_dir: &Path, journal: &mut Journal) -> Result<Past, EngineError> {
    let path = run_dir.join("journal.jsonl");
    let text = fs::read_to_string(&path).map_err(EngineError::io(&path))?;
    let entries: Vec<JournalEntry> =
        text.lines().filter_map(|line| serde_json::from_str(line).ok()).collect();
    let details = |ops: &'static [&str], field: &'static str| {
        let entries = entries.iter().filter(move |entry| ops.contains(&entry.op.as_str()));
        entries.filter_map(move |entry| Some(entry.detail.get(field)?.as_str()?.to_owned()))
    };
    let mut declared: Vec<String> = details(&["manifest", "amendment"], "sha256").collect();
    let op = match declared.last() {
        None => "manifest",
        Some(last) if *last != manifest.sha256 => "amendment",
        Some(_) => "resume",
    };
    journal.append(
        &now(),
        op,
        serde_json::json!({ "sha256": manifest.sha256, "version": env!("CARGO_PKG_VERSION") }),
    )?;
    if op == "amendment" {
        declared.push(manifest.sha256.clone());
    }
    let text = fs::read(&manifest.path).map_err(EngineError::io(&manifest.path))?;
    write_whole(&run_dir.join("manifest.toml"), &text)?;
    Ok(Past {
        amendments: declared.len().saturating_sub(1) as u64,
        keys: details(&["step", "found"], "key").collect(),
    })
}

/// The time, UTC.
pub(crate) fn now() -> String {
    jiff::Timestamp::now().to_string()
}

/// How long a run folder may be in use before it is refused: a process that a killed engine was just about to start holds its files for an instant.
const LOCK_PATIENCE: Duration = Duration::from_secs(2);
/// How often a folder in use is looked at again.
const LOCK_LOOK: Duration = Duration::from_millis(20);

fn lock(run_dir: &Path) -> Result<File, EngineError> {
    let path = run_dir.join("lock");
    let file = crate::store::private_file(&path).map_err(EngineError::io(&path))?;
    let until = Instant::now() + LOCK_PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(fs::TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(LOCK_LOOK),
            Err(fs::TryLockError::WouldBlock) => return Err(EngineError::Busy(run_dir.to_owned())),
            Err(fs::TryLockError::Error(source)) => return Err(EngineError::Io { path, source }),
        }
    }
}

/// Whether more reference models could change nothing that matters: a leak is demonstrated, or its absence by every test that ran.
fn decided(evidence: &Evidence) -> bool {
    let mut verdicts = evidence
        .core
        .rows
        .iter()
        .filter(|row| row.membership.is_some() || row.attribute.is_some() || row.inversion.is_some())
        .map(|row| row.verdict);
    let leak = verdicts.clone().any(|verdict| verdict == Verdict::LeakDemonstrated);
    leak || (verdicts.clone().count() > 0 && verdicts.all(|verdict| verdict == Verdict::NoLeakDetected))
}

impl Session<'_> {
    /// The whole audit with the first reference models: those among `fits` that are not yet fitted, and everything that follows from them. `names` are
    /// the steps of the stages so far.
    fn stage(
        &mut self,
        fits: &[Keyed],
        models: u32,
        files: &[InputFile],
        amendments: u64,
        names: &mut Vec<String>,
        tally: &mut Tally,
    ) -> Result<Outcome, EngineError> {
        let (manifest, registry) = (self.manifest, self.registry);
        let fits: Vec<Keyed> = fits
            .iter()
            .filter(|keyed| !matches!(keyed.step, Step::Fit(Fit::Reference(model)) if model >= models))
            .cloned()
            .collect();
        self.run_file.models = models;
        self.run_file.keys = fits.iter().map(|keyed| (keyed.step.to_string(), keyed.key.clone())).collect();
        // Everything but fits is done again: it depends on how many models there are.
        tally.finished.retain(|name| self.run_file.keys.contains_key(name));
        tally.failures.retain(|name, _| self.run_file.keys.contains_key(name));
        self.write_run_file()?;
        if !fits.is_empty() {
            let tried = |name: &String| tally.finished.contains(name) || tally.failures.contains_key(name);
            let missing: Vec<Keyed> =
                fits.iter().filter(|keyed| !tried(&keyed.step.to_string())).cloned().collect();
            names.extend(missing.iter().map(|keyed| keyed.step.to_string()));
            // What follows the inputs is not known yet.
            self.watch.steps(names);
            self.perform(&missing, tally)?;
            self.run_file.keys.retain(|name, _| tally.finished.contains(name));
            if let Some(error) = fits::target_failure(&self.place().fits(), &tally.failures)? {
                return Err(error);
            }
        }
        let made: Vec<&str> = self.run_file.keys.values().map(String::as_str).collect();
        let inputs_key = inputs::inputs_key(manifest, registry, &self.run_file.order, &made)?;
        self.run_file.keys.insert(Step::Inputs.to_string(), inputs_key.clone());
        self.write_run_file()?;
        let first = Keyed { step: Step::Inputs, key: inputs_key.clone(), after: Vec::new() };
        self.perform(&[first], tally)?;
        let mut described: Vec<Keyed> =
            plan::generator_step(manifest, registry, &inputs_key)?.into_iter().collect();
        if !manifest.content.attributes.is_empty() {
            let key = attributes::key(manifest, &inputs_key)?;
            described.insert(0, Keyed { step: Step::Attributes, key, after: Vec::new() });
        }
        let keys = described.iter().map(|keyed| (keyed.step.to_string(), keyed.key.clone()));
        self.run_file.keys.extend(keys);
        self.write_run_file()?;
        self.perform(&described, tally)?;
        let (_, inputs) = self.place().inputs()?;
        let steps = plan::steps(manifest, registry, &inputs, &inputs_key)?;
        let keys = steps.iter().map(|keyed| (keyed.step.to_string(), keyed.key.clone()));
        self.run_file.keys.extend(keys);
        self.write_run_file()?;
        names.push(Step::Inputs.to_string());
        names.extend(described.iter().map(|keyed| keyed.step.to_string()));
        names.extend(steps.iter().map(|keyed| keyed.step.to_string()));
        self.watch.steps(names);
        self.perform(&steps, tally)?;
        self.finish(&inputs, files, amendments, tally)
    }

    fn write_run_file(&self) -> Result<(), EngineError> {
        let text = serde_json::to_vec(&self.run_file).map_err(EngineError::other)?;
        write_whole(&self.options.run_dir.join(RUN_FILE), &text)
    }

    fn note(&self, op: &str, detail: serde_json::Value) -> Result<(), EngineError> {
        let mut journal = self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        Ok(journal.append(&now(), op, detail)?)
    }

    fn place(&self) -> Workplace<'_> {
        Workplace {
            run_dir: &self.options.run_dir,
            manifest: self.manifest,
            registry: self.registry,
            store: &self.store,
            run: &self.run_file,
            inventory: &self.inventory,
        }
    }

    /// Brings the given steps about: those in the store are reused, the others run when what they wait for is finished. A step that fails takes
    /// those that wait for it with it, and nothing else.
    fn perform(&self, steps: &[Keyed], tally: &mut Tally) -> Result<(), EngineError> {
        let mut waiting: Vec<&Keyed> = Vec::new();
        for keyed in steps {
            let name = keyed.step.to_string();
            match self.store.find(&keyed.key)? {
                Lookup::Found => {
                    if !self.noted.contains(&keyed.key) {
                        // Its engine was killed between the worker's last act and the line in the journal.
                        let digest = self.store.object(&keyed.key).digest()?;
                        self.note(
                            "found",
                            serde_json::json!({ "step": name, "key": keyed.key, "digest": digest }),
                        )?;
                    }
                    tally.reused += 1;
                    self.watch.finished(&name, true);
                    tally.finished.insert(name);
                }
                Lookup::Absent => waiting.push(keyed),
                Lookup::Corrupt(problem) => {
                    self.watch.log(&format!(
                        "stored result of step `{name}` is corrupt ({problem}); it is computed again"
                    ));
                    self.note(
                        "corrupt",
                        serde_json::json!({ "step": name, "key": keyed.key, "problem": problem }),
                    )?;
                    waiting.push(keyed);
                }
            }
        }
        let stop = AtomicBool::new(false);
        let (send, receive) = mpsc::channel();
        std::thread::scope(|scope| {
            let start = |keyed: &Keyed| {
                let (send, stop, step) = (send.clone(), &stop, keyed.step.clone());
                self.watch.started(&step.to_string());
                scope.spawn(move || {
                    let result = self.run_step(&step, stop);
                    // The scheduler listens for as long as steps run.
                    let _ = send.send((step, result));
                });
            };
            let result = self.schedule(waiting, tally, start, &receive);
            // After an error or a cancellation nobody waits for the steps that still run.
            stop.store(true, Ordering::Relaxed);
            result
        })
    }

    fn schedule(
        &self,
        mut waiting: Vec<&Keyed>,
        tally: &mut Tally,
        start: impl Fn(&Keyed),
        ended: &mpsc::Receiver<(Step, Result<(), EngineError>)>,
    ) -> Result<(), EngineError> {
        let mut running = 0;
        loop {
            let mut later = Vec::new();
            for keyed in waiting {
                let after: Vec<String> = keyed.after.iter().map(Step::to_string).collect();
                if let Some(failed) = after.iter().find_map(|name| tally.failures.get(name)) {
                    tally.failures.insert(keyed.step.to_string(), failed.clone());
                } else if running < self.options.workers.max(1)
                    && after.iter().all(|name| tally.finished.contains(name))
                {
                    start(keyed);
                    running += 1;
                } else {
                    later.push(keyed);
                }
            }
            waiting = later;
            if running == 0 {
                return Ok(());
            }
            let (step, result) = match ended.recv_timeout(Duration::from_millis(100)) {
                Ok(ended) => ended,
                Err(mpsc::RecvTimeoutError::Timeout) if self.watch.cancelled() => {
                    self.note("cancelled", serde_json::Value::Null)?;
                    return Err(EngineError::Cancelled);
                }
                Err(mpsc::RecvTimeoutError::Timeout) => continue,
                Err(mpsc::RecvTimeoutError::Disconnected) => {
                    return Err(EngineError::Other("a step disappeared".into()));
                }
            };
            running -= 1;
            let name = step.to_string();
            let key = self.run_file.key(&step)?;
            // Whatever a worker says: without a result the step has failed.
            let result = result.and_then(|()| {
                let lost = |error: EngineError| EngineError::Step {
                    step: name.clone(),
                    message: format!("its worker left no result: {error}"),
                };
                self.store.object(key).digest().map_err(lost)
            });
            match result {
                Ok(digest) => {
                    self.note("step", serde_json::json!({ "step": name, "key": key, "digest": digest }))?;
                    tally.run += 1;
                    self.watch.finished(&name, false);
                    tally.finished.insert(name);
                }
                // What cannot be read at all and what has no room to go on stops the audit, and so do a manifest and data that no fit can use;
                // an attack that fails does not, nor does a fit, nor a generator, which only some attacks need.
                Err(error)
                    if matches!(step, Step::Inputs | Step::Attributes)
                        || error.is_fatal()
                        || (matches!(step, Step::Fit(_)) && matches!(error.exit_code(), 3 | 4)) =>
                {
                    return Err(error);
                }
                Err(error) => {
                    let message = error.to_string();
                    self.note("failed", serde_json::json!({ "step": name, "message": message }))?;
                    self.watch.log(&format!("step `{name}` failed: {message}"));
                    tally.failures.insert(name, message);
                }
            }
        }
    }

    /// Runs one step to its end, in a worker process or here.
    fn run_step(&self, step: &Step, stop: &AtomicBool) -> Result<(), EngineError> {
        if let Some(program) = &self.options.worker {
            let worker = Worker {
                program,
                manifest: &self.manifest.path,
                run_dir: &self.options.run_dir,
                watch: self.watch,
                stop,
                patience: self.options.patience,
            };
            return worker.run(&step.to_string());
        }
        let host = HereHost { name: step.to_string(), watch: self.watch, stop };
        let run = std::panic::AssertUnwindSafe(|| self.place().execute(step, &host));
        std::panic::catch_unwind(run)
            .unwrap_or_else(|_| Err(EngineError::Step { step: step.to_string(), message: "panicked".into() }))
    }

    fn finish(
        &self,
        inputs: &Inputs,
        files: &[InputFile],
        amendments: u64,
        tally: &Tally,
    ) -> Result<Outcome, EngineError> {
        let run_dir = &self.options.run_dir;
        // Steps read the files one after the other; what they found holds together only if nothing changed meanwhile.
        let mut now_there = inputs::files(self.manifest, self.registry)?;
        now_there.extend(inversions::files(self.manifest, self.registry)?);
        if let Some(changed) = files.iter().zip(&now_there).find(|(before, after)| before != after) {
            let problem = "changed while the audit was running; start it again";
            return Err(paname_core::Error::data(&changed.0.name, problem).into());
        }
        // The same holds for the files of attacks, which are part of their keys.
        let inputs_key = self.run_file.key(&Step::Inputs)?;
        for Keyed { step, key, .. } in plan::steps(self.manifest, self.registry, inputs, inputs_key)? {
            if self.run_file.key(&step)? != key {
                let problem = "what decides it changed while the audit was running; start it again";
                return Err(paname_core::Error::data(format!("step `{step}`"), problem).into());
            }
        }
        let journal = self.journal.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let mut run = paname_evidence::Run {
            finished: now(),
            started: started(&run_dir.join("journal.jsonl"))?,
            hardware: assemble::hardware(),
            steps_run: tally.run,
            steps_reused: tally.reused,
            amendments,
            journal_head: journal.head().to_owned(),
            ..Default::default()
        };
        drop(journal);
        let core = assemble::core(&self.place(), inputs, files, &tally.failures)?;
        let key = assemble::controller_key(run_dir)?;
        run.data_fingerprint = assemble::data_fingerprint(&self.place(), &key)?;
        let exposed = assemble::exposed(&self.place(), &core, &key, run_dir)?;
        let evidence = Evidence::new(core, exposed, run).map_err(EngineError::other)?;
        let exposed_sha256 = canonical_sha256(&evidence.exposed).map_err(EngineError::other)?;
        let evidence_path = run_dir.join("evidence.json");
        assemble::write_evidence(&evidence, &evidence_path)?;
        // A later test on other units multiplies its e-values with these.
        let ln_e: BTreeMap<&str, Vec<(f64, f64)>> = evidence
            .core
            .rows
            .iter()
            .filter_map(|row| {
                let levels = row.membership.as_ref()?.levels.iter();
                Some((row.id.as_str(), levels.filter_map(|l| Some((l.level, l.anytime?.ln_e))).collect()))
            })
            .collect();
        self.note(
            "evidence",
            serde_json::json!({
                "core_sha256": evidence.core_sha256,
                "exposed_sha256": exposed_sha256,
                "ln_e": ln_e,
            }),
        )?;
        Ok(Outcome { evidence, evidence_path, steps_run: tally.run, steps_reused: tally.reused })
    }
}

/// Names reports in the journal, by the digest of what was written, so that they can be verified.
pub fn seal_reports(run_dir: &Path, reports: &[PathBuf]) -> Result<(), EngineError> {
    let _lock = lock(run_dir)?;
    let digests = reports
        .iter()
        .map(|path| {
            let bytes = fs::read(path).map_err(EngineError::io(path))?;
            Ok((path.file_name().unwrap_or_default().to_string_lossy().into_owned(), sha256_hex(&bytes)))
        })
        .collect::<Result<BTreeMap<String, String>, EngineError>>()?;
    Journal::open(&run_dir.join("journal.jsonl"))?.append(&now(), "reports", serde_json::json!(digests))?;
    Ok(())
}

/// Time of the journal's first line.
fn started(path: &Path) -> Result<String, EngineError> {
    let text = fs::read_to_string(path).map_err(EngineError::io(path))?;
    let first = text.lines().next().and_then(|line| serde_json::from_str::<JournalEntry>(line).ok());
    Ok(first.map(|entry| entry.utc).unwrap_or_default())
}

/// The host of a step that runs in this process.
struct HereHost<'a> {
    name: String,
    watch: &'a dyn Watch,
    stop: &'a AtomicBool,
}

impl Host for HereHost<'_> {
    fn progress(&self, done: u64, total: u64) {
        self.watch.progress(&self.name, done, total);
    }

    fn cancelled(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.watch.cancelled()
    }

    fn log(&self, line: &str) {
        self.watch.log(&format!("{}: {line}", self.name));
    }
}
