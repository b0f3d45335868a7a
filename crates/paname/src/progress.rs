//! Progress of an audit: bars on a terminal, a line per step elsewhere.

use std::collections::HashMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressStyle};
use paname_engine::Watch;
use paname_report::{Language, key};

use crate::interrupt;
use crate::output::say;

/// Shows progress on standard error.
pub(crate) struct Progress {
    language: Language,
    shown: bool,
    /// Bars where standard error is a terminal.
    bars: Option<Bars>,
    total: AtomicUsize,
    finished: AtomicUsize,
}

struct Bars {
    all: MultiProgress,
    total: ProgressBar,
    steps: Mutex<HashMap<String, ProgressBar>>,
}

impl Progress {
    /// Shows nothing but the log where `shown` is false.
    pub(crate) fn new(language: Language, shown: bool) -> Self {
        let terminal = std::io::IsTerminal::is_terminal(&std::io::stderr());
        let bars = (shown && terminal).then(|| {
            let all = MultiProgress::with_draw_target(ProgressDrawTarget::stderr());
            let total = all.add(ProgressBar::new(0).with_style(style("{bar:30} {pos}/{len} {elapsed}")));
            total.enable_steady_tick(Duration::from_millis(200));
            Bars { all, total, steps: Mutex::default() }
        });
        Self { language, shown, bars, total: AtomicUsize::new(0), finished: AtomicUsize::new(0) }
    }

    /// Takes the bars away, so that what follows stands on clean lines.
    pub(crate) fn clear(&self) {
        if let Some(bars) = &self.bars {
            // A terminal that is gone needs no cleaning.
            let _ = bars.all.clear();
        }
    }
}

impl Watch for Progress {
    fn steps(&self, names: &[String]) {
        self.total.store(names.len(), Ordering::Relaxed);
        if let Some(bars) = &self.bars {
            bars.total.set_length(names.len() as u64);
        }
    }

    fn started(&self, step: &str) {
        if let Some(bars) = &self.bars {
            let bar = ProgressBar::new(0).with_style(style("  {wide_msg} {percent:>3} %"));
            let bar = bars.all.add(bar.with_message(step.to_owned()));
            lock(&bars.steps).insert(step.to_owned(), bar);
        }
    }

    fn progress(&self, step: &str, done: u64, total: u64) {
        if let Some(bar) = self.bars.as_ref().and_then(|bars| lock(&bars.steps).get(step).cloned()) {
            bar.set_length(total);
            bar.set_position(done);
        }
    }

    fn finished(&self, step: &str, reused: bool) {
        let finished = self.finished.fetch_add(1, Ordering::Relaxed) + 1;
        if let Some(bars) = &self.bars {
            if let Some(bar) = lock(&bars.steps).remove(step) {
                bar.finish_and_clear();
            }
            bars.total.set_position(finished as u64);
        } else if self.shown {
            let key = if reused { key!("run.step_reused") } else { key!("run.step_done") };
            // The first step runs before the number of steps is known.
            let of = match self.total.load(Ordering::Relaxed) {
                0 => String::new(),
                total => format!("/{total}"),
            };
            say(&format!("[{finished}{of}] {step}: {}", self.language.text(key)));
        }
    }

    fn log(&self, line: &str) {
        match &self.bars {
            // A terminal that is gone reads no log either.
            Some(bars) => {
                let _ = bars.all.println(line);
            }
            None => say(line),
        }
    }

    fn cancelled(&self) -> bool {
        interrupt::asked()
    }
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).unwrap_or_else(|_| ProgressStyle::default_bar())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
}
