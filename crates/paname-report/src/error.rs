//! What can go wrong.

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// The evidence was written for another schema.
    #[error("the evidence has schema `{got}`; this program reads `{expected}`")]
    Schema {
        /// The schema that this program reads.
        expected: &'static str,
        /// The schema of the evidence.
        got: String,
    },
    /// The evidence is not what was sealed: a report on it would vouch for changed figures.
    #[error("the evidence was changed: its core does not have the digest `{digest}` that it states")]
    Changed {
        /// The digest that the evidence states.
        digest: String,
    },
    /// The evidence has no canonical JSON form.
    #[error("the evidence cannot be written as JSON: {0}")]
    Json(#[from] serde_json::Error),
    /// A template failed: a mistake of this program.
    #[error("the report cannot be laid out: {0}")]
    Template(#[from] minijinja::Error),
}
