//! What surrounds a run: named randomness, threads, progress, cancellation, and the services of the host.

use std::path::PathBuf;

use rand_core::{Rng as _, SeedableRng};
use rand_pcg::Pcg64;

use crate::adapter::{FitRun, Fitted, Records};
use crate::{Case, Error, Findings, Recipe, Result};

/// The services that the host gives to a running attack or adapter. Every method has a sensible default, so that `&()` is a host.
pub trait Host: Sync {
    /// Told now and then how far the run is.
    fn progress(&self, _done: u64, _total: u64) {}

    /// Whether the run should stop.
    fn cancelled(&self) -> bool {
        false
    }

    /// Takes a line for the audit's log. It must hold no record and no secret.
    fn log(&self, _line: &str) {}

    /// Told which value a parameter was given that the attack chose by itself, such as by letting reference models play the target. It stands in the
    /// evidence; the last value of a parameter counts.
    fn chose(&self, _parameter: &str, _value: &str) {}

    /// The folder that relative paths of configurations start from: the manifest's.
    fn base(&self) -> PathBuf {
        PathBuf::from(".")
    }

    /// A folder of this run's own, kept with the audit, for what a program that the run starts reads and leaves, its logs above all. It holds
    /// personal data: only its owner can enter.
    fn folder(&self) -> Result<PathBuf> {
        Err(Error::Unsupported("this host keeps no files".into()))
    }

    /// Fits models through the audit's adapter. The architecture that a recipe leaves open is that of the audit's own fits, where it fits any.
    fn fit(&self, _recipe: &Recipe, _data: &Records, _runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
        Err(Error::Unsupported("this host fits no models".into()))
    }

    /// Runs another attack of the registry on a case.
    fn run(&self, name: &str, _config: &serde_json::Value, _case: &Case<'_>) -> Result<Findings> {
        Err(Error::Unsupported(format!("this host has no attack `{name}`")))
    }
}

impl Host for () {}

/// The host of a run within a run, such as that of an attack that another one combines: the same services. What it chooses is reported under its
/// name, or it reports nothing where it has none, as in a rehearsal.
pub struct Within<'a> {
    host: &'a dyn Host,
    name: Option<&'a str>,
}

impl<'a> Within<'a> {
    /// The host of a part called `name`.
    pub fn part(host: &'a dyn Host, name: &'a str) -> Self {
        Self { host, name: Some(name) }
    }

    /// A host that passes on no progress, no line of the log and no choice.
    pub fn silent(ctx: &Ctx<'a>) -> Self {
        Self { host: ctx.host, name: None }
    }
}

impl Host for Within<'_> {
    fn progress(&self, done: u64, total: u64) {
        if self.name.is_some() {
            self.host.progress(done, total);
        }
    }

    fn cancelled(&self) -> bool {
        self.host.cancelled()
    }

    fn log(&self, line: &str) {
        if self.name.is_some() {
            self.host.log(line);
        }
    }

    fn chose(&self, parameter: &str, value: &str) {
        if let Some(name) = self.name {
            self.host.chose(&format!("{name}.{parameter}"), value);
        }
    }

    fn base(&self) -> PathBuf {
        self.host.base()
    }

    fn folder(&self) -> Result<PathBuf> {
        self.host.folder()
    }

    fn fit(&self, recipe: &Recipe, data: &Records, runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
        self.host.fit(recipe, data, runs)
    }

    fn run(&self, name: &str, config: &serde_json::Value, case: &Case<'_>) -> Result<Findings> {
        self.host.run(name, config, case)
    }
}

/// The context of one run.
#[derive(Clone, Copy)]
pub struct Ctx<'a> {
    seed: u64,
    scope: &'a str,
    threads: usize,
    host: &'a dyn Host,
}

impl<'a> Ctx<'a> {
    /// A context. `seed` is the audit's, `scope` names the step, `threads` is the number of threads that the run may use (at least 1).
    pub fn new(seed: u64, scope: &'a str, threads: usize, host: &'a dyn Host) -> Self {
        Self { seed, scope, threads: threads.max(1), host }
    }

    /// The random stream of a stage: the same for the same seed, scope and stage, whatever else was drawn before (PCG64 seeded by BLAKE3).
    pub fn rng(&self, stage: &str) -> Pcg64 {
        let mut hasher = blake3::Hasher::new();
        hasher.update(&self.seed.to_le_bytes());
        for name in [self.scope, stage] {
            // Lengths keep ("ab", "c") and ("a", "bc") apart.
            hasher.update(&(name.len() as u64).to_le_bytes());
            hasher.update(name.as_bytes());
        }
        Pcg64::from_seed(*hasher.finalize().as_bytes())
    }

    /// The audit's seed.
    pub(crate) fn audit_seed(&self) -> u64 {
        self.seed
    }

    /// The name of the step.
    pub(crate) fn scope(&self) -> &'a str {
        self.scope
    }

    /// The host.
    pub fn host(&self) -> &'a dyn Host {
        self.host
    }

    /// A seed of a stage for generators outside this library, such as those of another program: see [`Ctx::rng`].
    pub fn seed(&self, stage: &str) -> u64 {
        self.rng(stage).next_u64()
    }

    /// Number of threads that the run may use.
    pub fn threads(&self) -> usize {
        self.threads
    }

    /// Reports progress and fails with [`Error::Cancelled`] when the run should stop. Call it at least once per batch.
    pub fn tick(&self, done: usize, total: usize) -> Result<()> {
        self.host.progress(done as u64, total as u64);
        if self.host.cancelled() { Err(Error::Cancelled) } else { Ok(()) }
    }

    /// Whether the run should stop.
    pub fn cancelled(&self) -> bool {
        self.host.cancelled()
    }

    /// The same seed, scope and threads under another host: for a run within a run.
    pub fn within<'b>(&'b self, host: &'b dyn Host) -> Ctx<'b> {
        Ctx { host, ..*self }
    }

    /// The folder that relative paths of configurations start from; see [`Host::base`].
    pub fn base(&self) -> PathBuf {
        self.host.base()
    }

    /// A folder of this run's own; see [`Host::folder`].
    pub fn folder(&self) -> Result<PathBuf> {
        self.host.folder()
    }

    /// Leaves a line in the audit's log.
    pub fn log(&self, line: &str) {
        self.host.log(line);
    }

    /// Reports the value of a parameter that the attack chose by itself; see [`Host::chose`].
    pub fn chose(&self, parameter: &str, value: &str) {
        self.host.chose(parameter, value);
    }

    /// Fits models through the audit's adapter; see [`Host::fit`].
    pub fn fit(&self, recipe: &Recipe, data: &Records, runs: &[FitRun]) -> Result<Vec<Result<Fitted>>> {
        self.host.fit(recipe, data, runs)
    }

    /// Runs another attack of the registry on a case.
    pub fn run(&self, name: &str, config: &serde_json::Value, case: &Case<'_>) -> Result<Findings> {
        self.host.run(name, config, case)
    }
}
