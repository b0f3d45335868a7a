//! The attacks keep their laws through the plugin interface, and are the same bit for bit.

use std::ops::Range;
use std::process::Command;

use paname_core::{Ctx, Error, Host, Result, Signal, SignalSource, Whom};
use paname_testkit::{Behaviour, Size, Toy, check_plugin, load_plugin};

#[test]
fn loaded_attacks_are_lawful_and_those_that_are_linked() {
    check_plugin("paname_plugin_mia", paname_mia::ATTACKS);
}

/// A host with a bug in its ears.
struct Deaf;

impl Host for Deaf {
    fn progress(&self, _: u64, _: u64) {
        panic!("a bug in the host");
    }
}

/// Signals with a bug.
struct Unreadable(usize);

impl SignalSource for Unreadable {
    fn models(&self) -> usize {
        self.0
    }

    fn augmentations(&self) -> usize {
        1
    }

    fn read(&self, _: Signal, _: Whom, _: Range<usize>, _: &mut [f32]) -> Result<()> {
        panic!("a bug in the signals");
    }
}

/// Panics of the host cross twice: into the plugin as errors, and back.
#[test]
fn a_panic_of_the_host_is_an_error_and_nothing_is_printed() {
    const WITHIN: &str = "PANAME_TEST_WITHIN";
    if std::env::var_os(WITHIN).is_none() {
        // Once more in a process whose error output can be read.
        let mut again = Command::new(std::env::current_exe().unwrap());
        again.args(["--exact", "a_panic_of_the_host_is_an_error_and_nothing_is_printed", "--nocapture"]);
        let output = again.env(WITHIN, "1").output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
        assert_eq!(String::from_utf8_lossy(&output.stderr), "");
        return;
    }
    let plugin = load_plugin("paname_plugin_mia");
    let loss = plugin.attacks.iter().find(|entry| entry.info.name == "loss").unwrap();
    let attack = loss.build(serde_json::Value::Null).unwrap();
    let toy = Toy::new(Behaviour::Leaky, Size { records: 100, ..Size::default() }, 1);
    let case = toy.case().unwrap();
    for threads in [1, 3] {
        let run = |host: &dyn Host| attack.run(&case, &Ctx::new(1, "loss", threads, host));
        let error = run(&Deaf).unwrap_err();
        assert!(matches!(&error, Error::Panic(text) if text.starts_with("a bug in the host (")), "{error}");
        let unreadable = Unreadable(case.references() + 1);
        let broken = toy.case_over(&unreadable).unwrap();
        let error = attack.run(&broken, &Ctx::new(1, "loss", threads, &())).unwrap_err();
        assert!(
            matches!(&error, Error::Panic(text) if text.starts_with("a bug in the signals (")),
            "{error}"
        );
        assert!(run(&()).is_ok(), "and goes on afterwards");
    }
}
