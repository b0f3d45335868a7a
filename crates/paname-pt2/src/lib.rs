//! Reads `.pt2` archives of `torch.export` as data: the graph with its signature, and the weights where they lie in the mapped file, without Python,
//! without PyTorch and without pickle. An archive is checked as a whole when it is opened, so that whoever runs the program finds every name resolved,
//! every use after its definition and every weight as long as it has to be; which operators may run is not decided here.
//!
//! ```no_run
//! use paname_pt2::Archive;
//!
//! # fn main() -> paname_pt2::Result<()> {
//! let archive = Archive::open("model.pt2")?;
//! let program = archive.program();
//! program.bind(&[[16, 3, 32, 32]])?;
//! for node in &program.graph.nodes {
//!     let layer = node.layer.map_or("", |layer| &program.layers[layer.index()].path);
//!     println!("{layer}: {}", node.target);
//! }
//! let weight = archive.weight("fc.weight")?;
//! println!("{} {:?}: {} bytes", weight.dtype, weight.shape, weight.bytes.len());
//! # Ok(())
//! # }
//! ```

mod archive;
mod card;
mod container;
mod error;
mod file;
mod layers;
mod outputs;
mod part;
mod program;
mod resolve;
mod roles;
mod schema;
mod scope;
mod signature;
mod symbols;
mod tensor;
mod weights;

pub use archive::Archive;
pub use card::{Activation, Card, Described, Dimension, Normalisation};
pub use error::{Error, Result};
pub use program::{
    Argument, ArgumentKind, Graph, Input, Layer, LayerId, Named, Node, Output, Program, Scalar, Symbol,
    Value, ValueId, ValueKind,
};
pub use signature::{InputRole, OutputRole, Signature};
pub use symbols::Bindings;
pub use tensor::{DType, Device, Layout, MemoryFormat, Size, SymbolId, TensorMeta};
pub use weights::Weight;
