//! The fast arithmetic of signals against the plain one, through targets that answer logits.

use paname_core::{Access, DirectSignals, Signal, SignalSource, Task, Whom};
use paname_testkit::{Behaviour, Size, Toy};

const SIGNALS: [Signal; 10] = [
    Signal::ScaledConfidence,
    Signal::Loss,
    Signal::LogProbability { temperature: 1.0 },
    Signal::LogProbability { temperature: 2.0 },
    Signal::TaylorLogProbability { temperature: 2.0 },
    Signal::Entropy,
    Signal::ModifiedEntropy,
    Signal::Margin,
    Signal::TopProbability { rank: 0 },
    Signal::TopProbability { rank: 1 },
];

#[test]
fn direct_signals_are_those_of_plain_arithmetic() {
    for (behaviour, classes) in [(Behaviour::Leaky, 2), (Behaviour::Leaky, 10), (Behaviour::Memorising, 7)] {
        let size = Size { records: 50, population: 20, references: 2, classes, augmentations: 2 };
        let toy = Toy::new(behaviour, size, 5);
        let direct = DirectSignals {
            task: Task::Classification,
            models: toy.targets.iter().map(AsRef::as_ref).collect(),
            augmentations: 2,
            audited: toy.audited.clone(),
            population: toy.population.clone(),
            granted: Access::LOGITS.with_implied(),
        };
        for (whom, records) in [(Whom::Audited, 50), (Whom::Population, 20)] {
            for signal in SIGNALS {
                let mut fast = vec![0.0; records * 3 * 2];
                let mut plain = fast.clone();
                direct.read(signal, whom, 0..records, &mut fast).unwrap();
                toy.signals.read(signal, whom, 0..records, &mut plain).unwrap();
                for (i, (a, b)) in fast.iter().zip(&plain).enumerate() {
                    let same = (a - b).abs() <= 2e-6 * (1.0 + b.abs());
                    assert!(same, "{signal} of {behaviour:?}, {classes} classes, value {i}: {a} {b}");
                }
            }
        }
    }
}
