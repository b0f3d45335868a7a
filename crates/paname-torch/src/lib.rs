//! Models in memory by libtorch: programs of torch.export, TorchScript programs and built-in networks that are asked, differentiated with the graph kept, and fitted. The adapter is
//! called `torch`; it is loaded as a plugin by the command line, which links no libtorch, and can be linked by Rust programs.
//!
//! ```
//! use paname_core::{Ctx, Features, FitRun, Labels, Query, Access, Recipe, Records, Tensor};
//! use serde_json::json;
//!
//! // Two classes that a line tells apart.
//! let inputs = Tensor::from_vec(vec![-2.0_f32, -1.0, 1.0, 2.0], &[4, 1])?;
//! let labels = Labels::Classes { values: vec![0, 0, 1, 1].into(), classes: 2 };
//! let data = Records { ids: vec![0, 1, 2, 3].into(), inputs: Features::Tensor(inputs), labels };
//! let architecture = json!({ "name": "mlp", "hidden": [] }).as_object().cloned().unwrap_or_default();
//! let recipe = Recipe { architecture, epochs: Some(40), learning_rate: Some(0.5), ..Recipe::default() };
//! let run = FitRun { rows: vec![0, 1, 2, 3].into(), seed: 1 };
//! let fitted = paname_torch::ADAPTERS[0].fit(json!({}), &recipe, &data, &[run], &Ctx::new(1, "fit", 1, &())).remove(0)?;
//! let answers = fitted.target.predict(&Query::records(vec![0, 3], Access::LABELS))?;
//! assert_eq!(answers.labels.map(|labels| labels.to_i64()).transpose()?, Some(vec![0, 1]));
//! # Ok::<(), paname_core::Error>(())
//! ```

use paname_core::AdapterEntry;

mod adapter;
mod architecture;
mod augment;
mod config;
mod course;
mod error;
mod fit;
mod gradient;
mod inputs;
mod memory;
mod model;
mod network;
mod optimizer;
mod preparation;
mod program;
mod random;
mod script;
mod target;
mod tensor;
mod weights;

pub use adapter::Torch;
pub use architecture::{Activation, Architecture};
pub use config::{Files, Output, Place, TorchConfig, Variant};
pub use preparation::Preparation;

/// How many threads libtorch computes with from now on. Opening or fitting a model sets it to what its context allows.
pub fn set_threads(threads: usize) {
    tch::set_num_threads(threads as i32);
}

/// The adapters of this crate.
pub const ADAPTERS: &[AdapterEntry] = &[AdapterEntry::of::<Torch>()];
