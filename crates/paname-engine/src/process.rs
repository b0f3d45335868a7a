//! The engine's side of the worker protocol: one process per step, heard to its end, ended when nobody waits for it any more.

use std::io::{BufRead as _, BufReader, Read};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::EngineError;
use crate::run::Watch;
use crate::work::Message;

/// How often a running worker is looked after.
const LOOK: Duration = Duration::from_millis(20);
/// How much of what a worker wrote to its error output is kept, in bytes.
const LAST_WORDS: usize = 2000;
/// How long the end of the outputs is waited for, once a worker has ended.
const LAST_OUTPUT: Duration = Duration::from_secs(2);
/// Bytes of a line of which the rest counts as another one.
const LONGEST_LINE: u64 = 1 << 20;

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
        let mut command = Command::new(self.program);
        command.arg("work").arg(self.run_dir).arg(name);
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own, so that what a plugin has started ends with it.
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        let mut child = command.spawn().map_err(EngineError::io(self.program))?;
        // The worker ends when its input closes.
        let mut input = child.stdin.take();
        let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) else {
            return Err(EngineError::Other("a worker without output".into()));
        };
        // Nobody waits for the end of the outputs: a process that a plugin has started may hold them open for ever.
        let (send, heard) = mpsc::channel();
        std::thread::spawn(move || each_line(output, |line| send.send(line).is_ok()));
        let talk = Arc::new(Mutex::new(Vec::new()));
        let (ended, silent) = mpsc::channel::<()>();
        std::thread::spawn({
            let talk = Arc::clone(&talk);
            move || {
                keep_end(errors, &talk);
                drop(ended);
            }
        });
        let mut told = None;
        let mut sign = Instant::now();
        let (mut closed, mut given_up) = (false, false);
        let status = loop {
            match heard.recv_timeout(LOOK) {
                Ok(line) => {
                    sign = Instant::now();
                    self.hear(name, &line, &mut told);
                }
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => {
                    closed = true;
                    std::thread::sleep(LOOK);
                }
            }
            if has_ended(&mut child) {
                // However it ended: what it has started does not stay behind.
                kill(&mut child);
                break child.wait().map_err(EngineError::io(self.program))?;
            }
            given_up |= self.patience.is_some_and(|patience| sign.elapsed() > patience);
            if given_up || self.unwanted() {
                drop(input.take());
                kill(&mut child);
            }
        };
        let until = Instant::now() + LAST_OUTPUT;
        while !closed && Instant::now() < until {
            match heard.recv_timeout(LOOK) {
                Ok(line) => self.hear(name, &line, &mut told),
                Err(RecvTimeoutError::Timeout) => {}
                Err(RecvTimeoutError::Disconnected) => closed = true,
            }
        }
        // It is never sent to: what ends the wait is that the reader is done.
        let _ = silent.recv_timeout(LAST_OUTPUT);
        let talk = last_words(&talk.lock().unwrap_or_else(PoisonError::into_inner));
        let failed = |message: String| Err(EngineError::Step { step: name.to_owned(), message });
        match told {
            Some(Message::Done) if status.success() => Ok(()),
            Some(Message::Cancelled) => Err(EngineError::Cancelled),
            _ if self.unwanted() => Err(EngineError::Cancelled),
            _ if given_up => failed(format!(
                "its worker gave no sign of life for {} s and was ended",
                self.patience.unwrap_or_default().as_secs()
            )),
            Some(Message::Manifest { line, column, problem, span }) => {
                let path = self.manifest.to_owned();
                Err(EngineError::Manifest { path, line, column, problem, span })
            }
            Some(Message::Error(code, message)) => {
                Err(EngineError::Reported { code, message: plain(&message) })
            }
            _ if talk.is_empty() => failed(format!("its worker ended with {status}")),
            _ => failed(format!("its worker ended with {status}: {talk}")),
        }
    }

    fn unwanted(&self) -> bool {
        self.stop.load(Ordering::Relaxed) || self.watch.cancelled()
    }

    /// Takes a message; `told` becomes one that says how the step ended.
    fn hear(&self, name: &str, line: &str, told: &mut Option<Message>) {
        match serde_json::from_str(line) {
            Ok(Message::Progress(done, total)) => self.watch.progress(name, done, total),
            Ok(Message::Log(line)) => self.watch.log(&plain(&format!("{name}: {line}"))),
            Ok(Message::Alive) => {}
            Ok(end) => *told = Some(end),
            Err(_) => self.watch.log(&plain(&format!("{name}: {line}"))),
        }
    }
}

/// Whether a worker has ended. It is not waited for, so that the number of its group stays its own.
#[cfg(unix)]
fn has_ended(child: &mut Child) -> bool {
    use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
    let look = WaitIdOptions::EXITED | WaitIdOptions::NOHANG | WaitIdOptions::NOWAIT;
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    // Where there is nothing to look at, waiting says so at once.
    pid.is_none_or(|pid| !matches!(waitid(WaitId::Pid(pid), look), Ok(None) | Err(rustix::io::Errno::INTR)))
}

#[cfg(not(unix))]
fn has_ended(child: &mut Child) -> bool {
    !matches!(child.try_wait(), Ok(None))
}

/// Kills a worker, which has not been waited for, with everything in its group.
fn kill(child: &mut Child) {
    #[cfg(unix)]
    if let Some(group) = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw) {
        // It may have ended by itself.
        let _ = rustix::process::kill_process_group(group, rustix::process::Signal::KILL);
    }
    let _ = child.kill();
}

/// Calls `each` with every line until it says no; what is not UTF-8 is replaced, and what is too long is cut.
fn each_line(output: impl Read, mut each: impl FnMut(String) -> bool) {
    let mut output = BufReader::new(output);
    let mut line = Vec::new();
    loop {
        line.clear();
        let read = output.by_ref().take(LONGEST_LINE).read_until(b'\n', &mut line);
        if !matches!(read, Ok(1..)) || !each(String::from_utf8_lossy(&line).trim_end().to_owned()) {
            return;
        }
    }
}

/// Keeps the end of what a process says on its error output.
fn keep_end(mut errors: impl Read, kept: &Mutex<Vec<u8>>) {
    let mut buffer = [0; 4096];
    while let Ok(n @ 1..) = errors.read(&mut buffer) {
        let mut kept = kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.extend_from_slice(&buffer[..n]);
        let excess = kept.len().saturating_sub(LAST_WORDS);
        kept.drain(..excess);
    }
}

/// What a process said last, on one line.
fn last_words(kept: &[u8]) -> String {
    let text = String::from_utf8_lossy(kept);
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    plain(&lines.collect::<Vec<_>>().join("; "))
}

/// A line of a stranger that moves no cursor.
fn plain(line: &str) -> String {
    line.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}
