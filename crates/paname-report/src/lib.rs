//! From evidence to a report: one self-contained HTML page per language, the three lines that matter for a terminal, and the one table of
//! every French and English string of the product. Nothing here computes a statistic, reads a file or asks a model; a figure that the evidence
//! refuses is never shown, and an answer that the manifest lacks is printed as not declared.
//!
//! ```
//! use paname_report::Language;
//!
//! let french = Language::from_code("fr").unwrap();
//! assert_eq!(french.percent(0.144), "14,4\u{202f}%");
//! assert_eq!(Language::English.percent(0.144), "14.4%");
//! assert_eq!(french.text(paname_report::key!("verdict.leak_demonstrated")), "Fuite démontrée");
//! ```

pub mod strings;

mod language;
mod number;

mod headline;
mod html;
mod view;
mod wording;

mod figure;

mod error;

pub use error::ReportError;
pub use headline::headline;
pub use html::html;
pub use language::Language;
pub use strings::Key;
