//! The laws find out who breaks them.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

use paname_core::{Attack, Case, Ctx, Entry, Family, Findings, Info, Needs, Result, Signal, Whom};
use paname_testkit::{check_attack, check_same_attack};

/// Minus the loss, with a fault.
struct Faulty<const FAULT: usize>;

const NONE: usize = 0;
const ORDER: usize = 1;
const THREADS: usize = 2;
const CLOCK: usize = 3;
const DEAF: usize = 4;
const BLIND: usize = 5;
const UNDECLARED: usize = 6;
const BACKWARDS: usize = 7;

static CALLS: AtomicU64 = AtomicU64::new(0);

#[derive(Default, serde::Serialize, serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Config {}

impl<const FAULT: usize> Attack for Faulty<FAULT> {
    const INFO: Info = Info {
        name: "faulty",
        version: 1,
        family: Family::MembershipInference,
        title_fr: "Fautive",
        title_en: "Faulty",
        summary_fr: "Rien.",
        summary_en: "Nothing.",
        formula: "−loss",
        paper: "none",
        source: "//! **Idea.** **Threat model.** **Formula.** **Paper.** **Cost.** **When it fails.**",
    };
    type Config = Config;

    fn new(_: Config) -> Result<Self> {
        Ok(Self)
    }

    fn needs(&self, _records: usize) -> Needs {
        Needs { signals: vec![Signal::Loss], ..Needs::default() }
    }

    fn run(&self, case: &Case<'_>, ctx: &Ctx<'_>) -> Result<Findings> {
        let signal = if FAULT == UNDECLARED { Signal::Margin } else { Signal::Loss };
        let outcome = case.map_records(Whom::Audited, &[signal], ctx, |record| {
            let score = -f64::from(record.target(0)[0]);
            Ok(match FAULT {
                ORDER => score + record.index() as f64,
                THREADS => score + ctx.threads() as f64,
                CLOCK => score + CALLS.fetch_add(1, Ordering::Relaxed) as f64,
                BLIND => 0.0,
                BACKWARDS => -score,
                _ => score,
            })
        });
        match outcome {
            Err(_) if FAULT == DEAF => Ok(Findings::Membership(vec![0.0; case.audited().len()])),
            outcome => outcome.map(Findings::Membership),
        }
    }
}

fn verdict<const FAULT: usize>() -> Option<String> {
    let entry = Entry::of::<Faulty<FAULT>>();
    let caught = catch_unwind(AssertUnwindSafe(|| check_attack(&entry)));
    caught.err().map(|message| message.downcast::<String>().map(|text| *text).unwrap_or_default())
}

#[test]
fn two_rows_that_differ_are_told_apart() {
    let (one, other) = (Entry::of::<Faulty<NONE>>(), Entry::of::<Faulty<BACKWARDS>>());
    check_same_attack(&one, &one, &serde_json::Value::Null);
    let caught = catch_unwind(AssertUnwindSafe(|| check_same_attack(&one, &other, &serde_json::Value::Null)));
    let words = caught.unwrap_err().downcast::<String>().unwrap();
    assert!(words.contains("other scores on 1 threads"), "{words}");
}

#[test]
fn each_fault_is_named() {
    assert_eq!(verdict::<NONE>(), None);
    for (verdict, words) in [
        (verdict::<ORDER>(), "the order of the records"),
        (verdict::<THREADS>(), "the number of threads"),
        (verdict::<CLOCK>(), "two runs with one seed"),
        (verdict::<DEAF>(), "not cancelled"),
        (verdict::<BLIND>(), "does not find a plain leak"),
        (verdict::<UNDECLARED>(), "does not declare"),
        (verdict::<BACKWARDS>(), "does not find a plain leak"),
    ] {
        let verdict = verdict.unwrap_or_default();
        assert!(verdict.contains(words), "{verdict:?} instead of {words}");
    }
}
