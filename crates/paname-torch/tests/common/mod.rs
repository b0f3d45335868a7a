//! What the tests of this package share: the fixtures, and records to ask about.
#![expect(clippy::unwrap_used, reason = "a test may fail")]
#![allow(dead_code, reason = "each test program uses a part of it")]

use std::path::{Path, PathBuf};

use paname_core::{Ctx, Features, Labels, Result, Roster, Setting, Target, Task, Tensor};
use serde_json::Value;

/// The folder of the fixtures, which make.py has written.
pub(crate) fn fixtures() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures")
}

/// An array of what PyTorch gives.
pub(crate) fn golden(name: &str) -> Tensor {
    let array = format!("golden.npz#{name}").parse().unwrap();
    paname_data::read_array(&fixtures(), &array).unwrap()
}

/// Numbers from −1 to 1 that look like nothing, the same each time.
pub(crate) fn numbers(count: usize, seed: u64) -> Vec<f32> {
    let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15).wrapping_add(1);
    let mut next = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (state >> 40) as f32 / (1 << 23) as f32 - 1.0
    };
    (0..count).map(|_| next()).collect()
}

/// Records of an audit, in three classes by turns unless it is said otherwise.
pub(crate) struct Audit {
    pub(crate) base: PathBuf,
    pub(crate) roster: Roster,
    pub(crate) labels: Labels,
    pub(crate) inputs: Features,
}

impl Audit {
    pub(crate) fn new(inputs: Tensor) -> Self {
        let records = inputs.rows();
        let labels = Labels::Classes { values: (0..records as u32).map(|i| i % 3).collect(), classes: 3 };
        let roster = Roster::new((0..records).map(|i| format!("r{i}")).collect(), "test").unwrap();
        Self { base: fixtures(), roster, labels, inputs: Features::Tensor(inputs) }
    }

    /// The records that PyTorch was asked about by this name.
    pub(crate) fn of(name: &str) -> Self {
        Self::new(golden(&format!("{name}-inputs")))
    }

    pub(crate) fn setting(&self) -> Setting<'_> {
        Setting {
            base: &self.base,
            roster: &self.roster,
            labels: &self.labels,
            inputs: &self.inputs,
            task: Task::Classification,
        }
    }

    pub(crate) fn open(&self, config: Value) -> Result<Box<dyn Target>> {
        paname_torch::ADAPTERS[0].open(config, &self.setting(), &Ctx::new(1, "test", 1, &()))
    }

    /// The refusal, in words.
    pub(crate) fn refused(&self, config: Value) -> String {
        match self.open(config) {
            Ok(_) => panic!("opened"),
            Err(error) => one_line(error.to_string()).replace(&fixtures().display().to_string(), "FIXTURES"),
        }
    }
}

/// A message, which has to be one line without the insides of libtorch.
pub(crate) fn one_line(message: String) -> String {
    assert!(!message.contains(['\n', '\r', '\u{1b}']) && message.chars().count() < 1000, "{message}");
    for inside in ["frame #", "Exception raised", "c10::", "0x"] {
        assert!(!message.contains(inside), "{message}");
    }
    message
}
