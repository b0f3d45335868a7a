//! The evidence document and the journal of an audit: their types, their canonical form, and how a third party checks them.
//!
//! Evidence holds codes and numbers, never sentences: the report turns them into French or English. What is outside [`Evidence::core`] (times,
//! hardware) may differ between two runs of the same audit; the core may not, and its digest says so.
//!
//! ```
//! let journal = tempfile::tempdir()?.path().join("journal.jsonl");
//! # std::fs::create_dir_all(journal.parent().unwrap())?;
//! let mut log = paname_evidence::Journal::open(&journal)?;
//! log.append("2026-01-01T00:00:00Z", "manifest", serde_json::json!({ "sha256": "…" }))?;
//! let checked = paname_evidence::verify_journal(&journal)?;
//! assert_eq!(checked.entries, 1);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

mod attribute;
mod canonical;
mod document;
mod inversion;
mod journal;
mod result;
mod verdict;

pub use attribute::{
    Accuracy, Arm, AttributeControl, AttributeResult, AttributeSlice, Beyond, Figure, Imputer, Surest,
};
pub use canonical::{canonical_sha256, sha256_hex};
pub use document::{
    AttackUsed, CanarySummary, Core, DataSummary, Evidence, FailedFit, FittedReferences, FittedTarget,
    GapSummary, MeanLoss, ModelSummary, PluginUsed, ReferenceSummary, Row, Run, SCHEMA, Tool, schema,
};
pub use inversion::{
    Evaluator, Gallery, Identified, InversionResult, Likeness, Nearer, Nearest, Rebuilt, RebuiltText,
    RebuiltTexts, Recall,
};
pub use journal::{Journal, JournalCheck, JournalEntry, JournalError, verify_journal};
pub use result::{
    Anytime, Blind, DetectionTest, Dose, Epsilon, EpsilonClaim, EpsilonFigure, Exposed, GaussianFigure,
    Groups, GuessRule, HeuristicEpsilon, LevelResult, MembershipResult, OneRunEpsilon, PositiveControl,
    Power, Procedure, RocPoint, Slice, SliceKind, Statistic, Unit, Unrelated, Usage, UsageAtShare,
};
pub use verdict::{Cause, Measure, PossibleAttack, Reason, Scaling, Verdict};
