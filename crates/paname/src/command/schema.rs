//! `paname schema`.

use crate::arguments::Document;
use crate::failure::Failure;
use crate::output::print;

pub(super) fn schema(document: Document) -> Result<(), Failure> {
    let schema = match document {
        Document::Manifest => paname_engine::manifest_schema(),
        Document::Evidence => paname_evidence::schema(),
    };
    let text =
        serde_json::to_string_pretty(&schema).map_err(|error| Failure::Other(format!("no JSON: {error}")))?;
    print(&text)
}
