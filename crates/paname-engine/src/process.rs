//! The engine's side of the worker protocol: one process per step, heard to its end, ended when nobody waits for it any more.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::EngineError;
use crate::run::Watch;
use crate::work::Message;

/// How often a running worker is looked after.
const LOOK: Duration = Duration::from_millis(20);
/// How much of what a worker wrote to its error output is kept, in bytes.
const LAST_WORDS: usize = 2000;

/// What a worker process is started with.
pub(crate) struct Worker<'a> {
    pub(crate) program: &'a Path,
    /// The manifest, as the call named it.
    pub(crate) manifest: &'a Path,
    pub(crate) run_dir: &'a Path,
    pub(crate) watch: &'a dyn Watch,
    /// Set when the engine no longer waits for steps.
    pub(crate) stop: &'a AtomicBool,
    /// How long the worker may be silent; for ever where absent.
    pub(crate) patience: Option<Duration>,
}

impl Worker<'_> {
    /// Runs a step in a process of its own.
    pub(crate) fn run(&self, name: &str) -> Result<(), EngineError> {
        let mut child = Command::new(self.program)
            .arg("work")
            .arg(self.run_dir)
            .arg(name)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .map_err(EngineError::io(self.program))?;
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(EngineError::Other("a worker without output".into()));
        };
        let ended = AtomicBool::new(false);
        let given_up = AtomicBool::new(false);
        let heard = Mutex::new(Instant::now());
        let (told, talk) = std::thread::scope(|scope| {
            let talk = scope.spawn(|| last_words(errors));
            let (child, ended, given_up, heard) = (&mut child, &ended, &given_up, &heard);
            scope.spawn(move || {
                while !ended.load(Ordering::Relaxed) {
                    let silence = heard.lock().unwrap_or_else(PoisonError::into_inner).elapsed();
                    let silent = self.patience.is_some_and(|patience| silence > patience);
                    given_up.fetch_or(silent, Ordering::Relaxed);
                    if silent || self.unwanted() {
                        // The worker ends when its input closes; killing it makes sure of one that hangs. It may have ended by itself.
                        drop(child.stdin.take());
                        let _ = child.kill();
                        return;
                    }
                    std::thread::sleep(LOOK);
                }
            });
            let told = self.listen(name, output, heard);
            ended.store(true, Ordering::Relaxed);
            (told, talk.join().unwrap_or_default())
        });
        let status = child.wait().map_err(EngineError::io(self.program))?;
        let failed = |message: String| Err(EngineError::Step { step: name.to_owned(), message });
        match told {
            Some(Message::Done) if status.success() => Ok(()),
            Some(Message::Cancelled) => Err(EngineError::Cancelled),
            _ if self.unwanted() => Err(EngineError::Cancelled),
            _ if given_up.load(Ordering::Relaxed) => failed(format!(
                "its worker gave no sign of life for {} s and was ended",
                self.patience.unwrap_or_default().as_secs()
            )),
            Some(Message::Manifest { line, column, problem, span }) => {
                let path = self.manifest.to_owned();
                Err(EngineError::Manifest { path, line, column, problem, span })
            }
            Some(Message::Error(code, message)) => Err(EngineError::Reported { code, message }),
            _ if talk.is_empty() => failed(format!("its worker ended with {status}")),
            _ => failed(format!("its worker ended with {status}: {talk}")),
        }
    }

    fn unwanted(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.watch.cancelled()
    }

    /// Reads a worker's messages to the end and returns the last one that says how the step ended.
    fn listen(&self, name: &str, output: impl Read, heard: &Mutex<Instant>) -> Option<Message> {
        let mut outcome = None;
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            *heard.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
            match serde_json::from_str(&line) {
                Ok(Message::Progress(done, total)) => self.watch.progress(name, done, total),
                Ok(Message::Log(line)) => self.watch.log(&plain(&format!("{name}: {line}"))),
                Ok(end) => outcome = Some(end),
                // A library of an adapter that prints; it is no message of ours.
                Err(_) => self.watch.log(&plain(&format!("{name}: {line}"))),
            }
        }
        outcome
    }
}

/// The end of what a process said on its error output, on one line.
fn last_words(mut errors: impl Read) -> String {
    let mut kept = Vec::new();
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = errors.read(&mut buffer) {
        kept.extend_from_slice(&buffer[..n]);
        let excess = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..excess);
    }
    let text = String::from_utf8_lossy(&kept);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    plain(&lines.collect::<Vec<_>>().join("; "))
}

/// A line of a stranger that moves no cursor.
fn plain(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
