//! The three lines that matter, for a terminal.

use paname_evidence::Evidence;

use crate::{Language, view};

/// What was asked and of how many; the verdict; what it does not say, with the levels that the sample cannot resolve.
pub fn headline(evidence: &Evidence, language: Language) -> [String; 3] {
    [
        view::asked(&evidence.core, language),
        view::verdict_sentence(evidence, language),
        view::not_said(&evidence.core, language).join(" "),
    ]
}
