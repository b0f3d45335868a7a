//! Compiled plugins: where they are, what they say of themselves, whether they may run, and how they are loaded. A plugin is a folder with a
//! library and its description `plugin.toml`. Nothing of it runs before its digest stands in the user's list of trusted plugins.
//!
//! ```no_run
//! use paname_plugin::{Places, Trust, load_all};
//!
//! let places = Places::of_this_process(&[])?;
//! let trust = Trust::read(&places)?;
//! let (loaded, skipped) = load_all(&places, &trust)?;
//! let mut registry = paname_core::Registry::default();
//! for plugin in &loaded {
//!     plugin.register(&mut registry)?;
//! }
//! for plugin in skipped {
//!     println!("{plugin}");
//! }
//! # Ok::<(), paname_plugin::PluginError>(())
//! ```

mod digest;
mod discovery;
mod error;
mod libtorch;
mod load;
mod manifest;
mod pack;
mod places;
mod private_copy;
mod scaffold;
mod signature;
mod trust;

pub use discovery::{Found, discover};
pub use error::{PluginError, Result};
pub use libtorch::{LIBTORCH_VERSION, Libtorch};
pub use load::{Checked, Loaded, Skipped, check, load_all, load_exactly, open_library};
pub use manifest::{MANIFEST_FILE, PluginManifest, Requires};
pub use pack::{Packed, pack, pack_library};
pub use places::Places;
pub use scaffold::{CoreDependency, scaffold};
pub use signature::SIGNATURE_FILE;
pub use trust::{Trust, TrustedKey, TrustedPlugin};
