//! Records, what they are for models in memory, and recorded predictions: from npy, npz, IDX and CSV files, folders of images, and the folders of
//! public LiRA scripts. Arrays are mapped into memory where they lie aligned, rows are joined to the records of an audit by id, never by an assumed
//! order, and a file is data: no pickle is read. Input files must not be changed while an audit runs.
//!
//! ```
//! use paname_data::{RecordTable, RecordsConfig};
//!
//! # fn main() -> paname_core::Result<()> {
//! # let folder = std::env::temp_dir().join(format!("paname-data-doc-{}", std::process::id()));
//! # std::fs::create_dir_all(&folder).map_err(|e| paname_core::Error::Other(e.to_string()))?;
//! # std::fs::write(folder.join("records.csv"), "id;label;member\na;0;oui\nb;1;non\n").map_err(|e| paname_core::Error::Other(e.to_string()))?;
//! let config = RecordsConfig { table: Some("records.csv".into()), ..RecordsConfig::default() };
//! let table = RecordTable::read(&config, &folder)?;
//! assert_eq!(table.ids, ["a", "b"]);
//! assert_eq!(table.member, Some(vec![true, false]));
//! # std::fs::remove_dir_all(&folder).map_err(|e| paname_core::Error::Other(e.to_string()))?;
//! # Ok(())
//! # }
//! ```

mod array;
mod expansion;
mod file;
mod fingerprint;
mod idx;
mod inputs;
mod join;
mod lira;
mod list;
mod member;
mod model_file;
mod npy;
mod npz;
mod predictions;
mod reader;
mod recorded;
mod records;
mod scores;
mod stack;
mod table;

pub use array::{ArrayRef, IdSource, read_array, read_strings};
pub use fingerprint::fingerprint;
pub use inputs::{
    AttributeInputs, AttributeQuestion, Changes, ColumnKind, ColumnRule, ColumnSchema, ENCODER_SCHEMA,
    Encode, EncodedColumn, Encoder, FolderRecords, InputsConfig, InputsKind, InputsSchema, KnownScale,
    RuleKind, Standard, TableSchema, folder_records,
};
pub use list::{List, Models};
pub use member::read_members;
pub use model_file::{ModelFile, Pickled, Words, recognise};
pub use predictions::{ADAPTERS, MemberPart, Predictions, PredictionsConfig};
pub use recorded::RecordedTarget;
pub use records::{Columns, LabelKind, RecordTable, RecordsConfig};
pub use scores::ScoreTable;
