//! The report's words for parts of the evidence, for a terminal.

use paname_evidence::{Reason, Verdict};

use crate::{Language, view};

impl Language {
    /// A verdict.
    pub fn verdict(self, verdict: Verdict) -> String {
        view::verdict_name(verdict, self)
    }

    /// A reason as a sentence.
    pub fn reason(self, reason: &Reason) -> String {
        view::reason_sentence(reason, self)
    }

    /// A family of attacks by its name in manifests and evidence; an unknown name is given back unchanged.
    pub fn family(self, name: &str) -> String {
        view::family(name, self)
    }
}
