//! Running a program to its end: heard, watched, ended when nobody waits for it any more.

use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Write as _};
use std::path::Path;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::time::{Duration, Instant};

use paname_core::{Ctx, Error, Result};

use crate::folder::{cannot_write, create_file};
use crate::group::Group;
use crate::program::Program;

/// How often a running program is looked after.
const LOOK: Duration = Duration::from_millis(20);
/// How long a program that was asked to end may take.
const GRACE: Duration = Duration::from_secs(2);
/// How long the end of a program's output is waited for, once it has ended.
const LAST_OUTPUT: Duration = Duration::from_secs(2);
/// Bytes of each output that are kept.
const KEPT: usize = 16 << 20;
/// Bytes at the end of the error output among which the last words are looked for.
const TAIL: usize = 4096;
/// Characters of the last words that an error repeats.
const LAST_WORDS: usize = 300;
/// Bytes of a line that can be one of progress.
const PROGRESS_LINE: usize = 100;

/// Where a program works.
#[derive(Clone, Copy)]
pub(crate) struct Workplace<'a> {
    /// Its current folder, which takes `stdout.log` and `stderr.log`.
    pub(crate) folder: &'a Path,
    /// Whether the folder stays, so that errors can point to it.
    pub(crate) kept: bool,
}

/// Runs a program and waits for its end: exit code 0. A line `progress 3/10` on its standard output is reported. Afterwards no process that it has
/// started is left, unless it has left the process group by itself.
pub(crate) fn run(
    program: &Program,
    line: &[OsString],
    workplace: Workplace<'_>,
    ctx: &Ctx<'_>,
) -> Result<()> {
    let Some((first, arguments)) = line.split_first() else {
        return Err(Error::Config("`program` is empty".into()));
    };
    let (output_log, error_log) = (workplace.folder.join("stdout.log"), workplace.folder.join("stderr.log"));
    let logs = (create_file(&output_log)?, create_file(&error_log)?);
    let group = Group::start()?;
    let mut command = Command::new(first);
    command.args(arguments).current_dir(workplace.folder);
    command.env_clear().envs(program.environment(std::env::vars_os()));
    // The same on every run: threads of numerical libraries, the order of Python's sets; and progress that comes at once.
    command.env("OMP_NUM_THREADS", ctx.threads().to_string());
    command.env("PYTHONHASHSEED", "0").env("PYTHONUNBUFFERED", "1");
    command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    group.admit(&mut command);
    let mut child = command.spawn().map_err(|e| cannot_start(program, first, &e))?;
    // Whoever reads an output does not wait for its end: a process that has left the group may hold it open for ever.
    let (sender, heard) = sync_channel(64);
    if let (Some(output), Some(errors)) = (child.stdout.take(), child.stderr.take()) {
        let progress = sender.clone();
        listen(output, logs.0, move |line, last| {
            if let Some((done, total)) = step(line, last) {
                // Nobody hears where the program is being ended.
                let _ = progress.send(Heard::Progress(done, total));
            }
        })
        .and_then(|()| listen_to_errors(errors, logs.1, sender))
        .map_err(cannot_write(workplace.folder))?;
    }
    let mut running = Running { child, group, last_words: String::new(), deaf: false };
    let log = if workplace.kept {
        format!("; its error output is in {}", error_log.display())
    } else {
        String::new()
    };
    let Some(status) = running.watch(&heard, program, ctx)? else {
        let limit = program.time_limit.as_secs();
        let problem = format!("{program} was ended: it took longer than its time limit of {limit} s");
        return Err(Error::Other(problem + &log));
    };
    let colon = if running.last_words.is_empty() { "" } else { ": " };
    let message = format!("{colon}{}{log}", running.last_words);
    match status.code() {
        Some(0) => Ok(()),
        Some(2) => Err(Error::Config(format!("{program} refuses its configuration (exit code 2){message}"))),
        Some(3) => Err(Error::data(program, format!("refuses the data (exit code 3){message}"))),
        Some(code) => Err(Error::Other(format!("{program} failed with exit code {code}{message}"))),
        None => Err(Error::Other(format!("{program} was ended by a signal ({status}){message}"))),
    }
}

/// A started program. Dropping it kills what is left of it.
struct Running {
    child: Child,
    group: Group,
    /// What the program said last on its error output.
    last_words: String,
    /// Whether both outputs are at their end.
    deaf: bool,
}

impl Running {
    /// Waits for the end; nothing where the time limit came first.
    fn watch(
        &mut self,
        heard: &Receiver<Heard>,
        program: &Program,
        ctx: &Ctx<'_>,
    ) -> Result<Option<ExitStatus>> {
        let wait = |e: std::io::Error| Error::Other(format!("{program} cannot be waited for: {e}"));
        let started = Instant::now();
        let status = loop {
            let wanted = self.hear(heard, LOOK, ctx);
            if wanted.is_err() || ctx.cancelled() {
                self.end();
                return Err(wanted.err().unwrap_or(Error::Cancelled));
            }
            if started.elapsed() >= program.time_limit {
                self.end();
                return Ok(None);
            }
            if let Some(status) = self.child.try_wait().map_err(wait)? {
                break status;
            }
        };
        self.group.kill();
        let until = Instant::now() + LAST_OUTPUT;
        while !self.deaf && Instant::now() < until {
            self.hear(heard, LOOK, ctx)?;
        }
        Ok(Some(status))
    }

    /// Takes what the program said, or waits for so long.
    fn hear(&mut self, heard: &Receiver<Heard>, wait: Duration, ctx: &Ctx<'_>) -> Result<()> {
        if self.deaf {
            // What closes its outputs is about to end.
            std::thread::sleep(Duration::from_millis(5));
            return Ok(());
        }
        match heard.recv_timeout(wait) {
            Ok(Heard::Progress(done, total)) => ctx.tick(done, total),
            Ok(Heard::LastWords(words)) => {
                self.last_words = words;
                Ok(())
            }
            Err(RecvTimeoutError::Timeout) => Ok(()),
            Err(RecvTimeoutError::Disconnected) => {
                self.deaf = true;
                Ok(())
            }
        }
    }

    /// Ends the program and all of its group: with a request first.
    fn end(&mut self) {
        self.group.ask_to_end();
        let until = Instant::now() + GRACE;
        while matches!(self.child.try_wait(), Ok(None)) && Instant::now() < until {
            std::thread::sleep(Duration::from_millis(5));
        }
        self.group.kill();
        // A program that has left its group is killed by itself; one that has ended cannot be.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            self.end();
        }
    }
}

enum Heard {
    Progress(usize, usize),
    LastWords(String),
}

fn cannot_start(program: &Program, first: &OsString, error: &std::io::Error) -> Error {
    let first = Path::new(first).display();
    Error::Config(match error.kind() {
        std::io::ErrorKind::NotFound => {
            format!(
                "{program} cannot be started: there is no program `{first}`, or the one that it needs is missing"
            )
        }
        std::io::ErrorKind::PermissionDenied => {
            format!("{program} cannot be started: `{first}` is not executable")
        }
        _ => format!("{program} cannot be started: {error}"),
    })
}

/// The progress that a line tells, where it is not that told last, in thousandths.
fn step(line: &[u8], last: &mut u64) -> Option<(usize, usize)> {
    let text = std::str::from_utf8(line).ok()?.trim().strip_prefix("progress ")?;
    let (done, total) = text.split_once('/')?;
    let (done, total): (u64, u64) = (done.trim().parse().ok()?, total.trim().parse().ok()?);
    if total == 0 || done > total {
        return None;
    }
    // Counted from 1, since 0 is what was told before anything was.
    let thousandths = (u128::from(done) * 1000 / u128::from(total)) as u64 + 1;
    (std::mem::replace(last, thousandths) != thousandths).then_some(())?;
    Some((usize::try_from(done).ok()?, usize::try_from(total).ok()?))
}

/// Reads standard output on a thread of its own: keeps it, and hands over each line that may be one of progress.
fn listen(
    mut output: impl Read + Send + 'static,
    log: File,
    mut each: impl FnMut(&[u8], &mut u64) + Send + 'static,
) -> std::io::Result<()> {
    let work = move || {
        let (mut log, mut line, mut last) = (Log::new(log), Vec::new(), 0);
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = output.read(&mut buffer) {
            log.keep(&buffer[..n]);
            for piece in buffer[..n].split_inclusive(|&byte| byte == b'\n') {
                let room = (PROGRESS_LINE + 1).saturating_sub(line.len());
                line.extend_from_slice(&piece[..piece.len().min(room)]);
                if piece.ends_with(b"\n") {
                    if line.len() <= PROGRESS_LINE {
                        each(&line, &mut last);
                    }
                    line.clear();
                }
            }
        }
    };
    std::thread::Builder::new().spawn(work).map(drop)
}

/// Reads the error output on a thread of its own: keeps it, and tells the last words.
fn listen_to_errors(
    mut errors: impl Read + Send + 'static,
    log: File,
    sender: SyncSender<Heard>,
) -> std::io::Result<()> {
    let work = move || {
        let (mut log, mut tail) = (Log::new(log), Vec::new());
        let mut buffer = vec![0; 1 << 16];
        while let Ok(n @ 1..) = errors.read(&mut buffer) {
            log.keep(&buffer[..n]);
            tail.extend_from_slice(&buffer[..n]);
            let excess = tail.len().saturating_sub(TAIL);
            tail.drain(..excess);
        }
        let _ = sender.send(Heard::LastWords(last_words(&tail)));
    };
    std::thread::Builder::new().spawn(work).map(drop)
}

/// The last line that is not empty, without control characters, cut to what an error repeats.
fn last_words(tail: &[u8]) -> String {
    let text = String::from_utf8_lossy(tail);
    let lines = text.lines().rev().map(|line| line.chars().filter(|c| !c.is_control()).collect::<String>());
    let last = lines.map(|line| line.trim().to_owned()).find(|line| !line.is_empty()).unwrap_or_default();
    last.chars().take(LAST_WORDS).collect()
}

/// The kept part of an output.
struct Log {
    file: File,
    room: usize,
}

impl Log {
    fn new(file: File) -> Self {
        Self { file, room: KEPT }
    }

    fn keep(&mut self, bytes: &[u8]) {
        if self.room == 0 {
            return;
        }
        let kept = &bytes[..bytes.len().min(self.room)];
        self.room -= kept.len();
        // Where the disk is full, the rest of the log is missing; the run goes on.
        if self.file.write_all(kept).is_err() {
            self.room = 0;
        } else if self.room == 0 {
            let _ = self.file.write_all(b"\n[what follows was not kept]\n");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn progress_is_told_once_per_thousandth() {
        let mut last = 0;
        assert_eq!(step(b"progress 0/10\n", &mut last), Some((0, 10)));
        assert_eq!(step(b"progress 0/10\n", &mut last), None);
        assert_eq!(step(b" progress 3 / 10\r\n", &mut last), Some((3, 10)));
        for line in
            [&b"progress 1/0"[..], b"progress 11/10", b"progress -1/3", b"progress", b"\xff", b"progress 1"]
        {
            assert_eq!(step(line, &mut last), None);
        }
        assert_eq!(step(b"progress 30000/100000", &mut last), None);
        let all = format!("progress {0}/{0}", u64::MAX);
        assert_eq!(step(all.as_bytes(), &mut last), Some((usize::MAX, usize::MAX)));
    }

    #[test]
    fn last_words_are_one_clean_line() {
        assert_eq!(
            last_words(b"Traceback\nValueError: \x1b[31mno\x07 \xff\n\n  \n"),
            "ValueError: [31mno \u{fffd}"
        );
        assert_eq!(last_words(b""), "");
        assert_eq!(last_words(&[b'a'; 1000]).len(), 300);
    }
}
