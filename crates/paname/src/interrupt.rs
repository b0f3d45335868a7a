//! Ctrl-C: the first asks the engine to stop at the next step, the second ends the program at once.

use std::sync::atomic::{AtomicBool, Ordering};

use paname_report::{Language, key};

use crate::failure::Failure;
use crate::output::say;

static STOP: AtomicBool = AtomicBool::new(false);

/// From now on interrupts ask to stop instead of ending the program.
pub(crate) fn watch(language: Language) -> Result<(), Failure> {
    handle(move || {
        if STOP.swap(true, Ordering::Relaxed) {
            std::process::exit(130);
        }
        say(&language.text(key!("cli.stopping")));
    })
}

/// From now on interrupts do nothing: a worker ends when its engine closes its standard input.
pub(crate) fn leave_to_the_engine() -> Result<(), Failure> {
    handle(|| {})
}

/// Whether the user asked to stop.
pub(crate) fn asked() -> bool {
    STOP.load(Ordering::Relaxed)
}

fn handle(act: impl Fn() + Send + 'static) -> Result<(), Failure> {
    ctrlc::set_handler(act).map_err(|error| Failure::Other(format!("interrupts cannot be watched: {error}")))
}
