//! Panics as errors: whoever calls foreign code, or is called by it, catches them on its own side.

use std::any::Any;
use std::cell::Cell;
use std::panic::{AssertUnwindSafe, PanicHookInfo, catch_unwind};
use std::sync::Once;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::{Error, Result};

thread_local! {
    /// How many calls of [`catch`] this thread is within.
    static DEPTH: Cell<u32> = const { Cell::new(0) };
    /// Where the panic that is under way began.
    static PLACE: Cell<Option<String>> = const { Cell::new(None) };
}

/// Whether this whole library is foreign code to its host, so that no thread of it may print.
static QUIET: AtomicBool = AtomicBool::new(false);
/// Whether this library opens plugins: it is a host, even where it is also its own plugin, as in tests.
static HOST: AtomicBool = AtomicBool::new(false);

/// Calls `work` and turns a panic into [`Error::Panic`], which says where it happened. Nothing is printed.
///
/// What `work` was changing when it panicked may be left half done: use it again only where that is sound.
pub fn catch<T>(work: impl FnOnce() -> Result<T>) -> Result<T> {
    install();
    DEPTH.set(DEPTH.get() + 1);
    let outcome = catch_unwind(AssertUnwindSafe(work));
    DEPTH.set(DEPTH.get() - 1);
    outcome.unwrap_or_else(|payload| {
        let text = describe(payload.as_ref());
        // A payload may panic once more when it is dropped.
        let _ = catch_unwind(AssertUnwindSafe(|| drop(payload))).map_err(std::mem::forget);
        Err(Error::Panic(text))
    })
}

/// From now on no panic in this copy of the library prints anything, on no thread: the library is a plugin, and its host tells what happened.
pub(crate) fn be_quiet() {
    if !HOST.load(Ordering::Relaxed) {
        QUIET.store(true, Ordering::Relaxed);
        install();
    }
}

/// This library opens plugins and goes on telling of its own panics.
pub(crate) fn be_host() {
    HOST.store(true, Ordering::Relaxed);
}

/// The hook prints by default; within [`catch`] the message is the error's.
fn install() {
    static INSTALLED: Once = Once::new();
    // Cleaning up after a panic is no time to change what a panic does.
    if std::thread::panicking() {
        return;
    }
    INSTALLED.call_once(|| {
        let usual = std::panic::take_hook();
        std::panic::set_hook(Box::new(move |info: &PanicHookInfo<'_>| {
            if DEPTH.get() > 0 || QUIET.load(Ordering::Relaxed) {
                PLACE.set(info.location().map(|place| format!("{}:{}", place.file(), place.line())));
            } else {
                usual(info);
            }
        }));
    });
}

fn describe(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
    let text = text.unwrap_or_else(|| "without a message".to_owned());
    match PLACE.take() {
        Some(place) => format!("{text} ({place})"),
        None => text,
    }
}
