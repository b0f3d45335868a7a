//! What is timed.

use std::slice::from_ref;

use paname_core::{Ctx, Findings, Registry, Signal};

use crate::{Failure, Fixture, Stored};

/// One row: attacks of the registry on a signal, with or without the computation of the signal.
#[derive(Debug, Clone, Copy)]
pub struct Work {
    /// The row's name.
    pub name: &'static str,
    signal: Signal,
    /// Whether the computation of the signal is part of the work. Else it is done before, as where the engine finds it in its store.
    computes: bool,
    /// Attacks and their configurations in JSON, one after the other.
    attacks: &'static [(&'static str, &'static str)],
}

const LIRA: &[(&str, &str)] = &[
    ("lira", r#"{ "variance": "per-record" }"#),
    ("lira", r#"{ "variance": "shared" }"#),
    ("lira", r#"{ "variance": "shared-raw" }"#),
    ("lira", r#"{ "variance": "shrunk" }"#),
    ("lira", r#"{ "mode": "offline" }"#),
    ("lira", r#"{ "mode": "offline", "offline-test": "two-sided" }"#),
];
const RMIA: &[(&str, &str)] = &[("rmia", "{}"), ("rmia", r#"{ "mode": "offline" }"#)];
const BASE: &[(&str, &str)] = &[("base", "{}")];

/// Everything that is timed, in the order of the table.
pub const WORK: &[Work] = &[
    Work::on_confidence("scaling", &[]).computing(),
    Work::on_confidence("scaling + every lira", LIRA).computing(),
    Work::on_confidence("every lira", LIRA),
    Work::on_confidence("lira, variance per record", from_ref(&LIRA[0])),
    Work::on_confidence("lira, variance shared", from_ref(&LIRA[1])),
    Work::on_confidence("lira, variance shared raw", from_ref(&LIRA[2])),
    Work::on_confidence("lira, variance shrunk", from_ref(&LIRA[3])),
    Work::on_confidence("lira, offline one-sided", from_ref(&LIRA[4])),
    Work::on_confidence("lira, offline two-sided", from_ref(&LIRA[5])),
    Work::on_probability("scaling at T = 2", &[]).computing(),
    Work::on_probability("scaling at T = 2 + rmia", from_ref(&RMIA[0])).computing(),
    Work::on_probability("rmia", from_ref(&RMIA[0])),
    Work::on_probability("rmia, offline", from_ref(&RMIA[1])),
    Work::on_probability("base", BASE),
];

impl Work {
    const fn on_confidence(name: &'static str, attacks: &'static [(&'static str, &'static str)]) -> Self {
        Self { name, signal: Signal::ScaledConfidence, computes: false, attacks }
    }

    const fn on_probability(name: &'static str, attacks: &'static [(&'static str, &'static str)]) -> Self {
        Self { name, signal: Signal::LogProbability { temperature: 2.0 }, computes: false, attacks }
    }

    const fn computing(self) -> Self {
        Self { computes: true, ..self }
    }

    /// The signal, where it is not part of the work.
    pub fn prepare(&self, fixture: &Fixture, threads: usize) -> Result<Option<Stored>, Failure> {
        (!self.computes).then(|| self.compute(fixture, threads)).transpose()
    }

    /// Runs once, with what [`Work::prepare`] made. Returns the number of scores.
    pub fn run(
        &self,
        attacks: &Registry,
        fixture: &Fixture,
        prepared: Option<&Stored>,
        threads: usize,
    ) -> Result<usize, Failure> {
        let computed;
        let signals = if let Some(prepared) = prepared {
            prepared
        } else {
            computed = self.compute(fixture, threads)?;
            &computed
        };
        let case = fixture.case(std::hint::black_box(signals))?;
        let ctx = Ctx::new(0, self.name, threads, &());
        let mut scores = 0;
        for (attack, config) in self.attacks {
            let attack = attacks.attack(attack)?.build(serde_json::from_str(config)?)?;
            let Findings::Membership(found) = attack.run(&case, &ctx)? else {
                return Err(format!("{}: not the findings of a membership attack", self.name).into());
            };
            scores += found.len();
        }
        Ok(scores)
    }

    /// Only the probabilities are asked of the population too.
    fn compute(&self, fixture: &Fixture, threads: usize) -> Result<Stored, Failure> {
        let (audited, all) = fixture.records();
        let records = if self.signal == Signal::ScaledConfidence { audited } else { all };
        fixture.compute(self.signal, records, &Ctx::new(0, self.name, threads, &()))
    }
}

/// The membership attacks.
pub fn attacks() -> Result<Registry, Failure> {
    let mut attacks = Registry::default();
    attacks.add_attacks(paname_mia::ATTACKS, "paname-mia")?;
    Ok(attacks)
}
