//! The report's words for parts of the evidence, for a terminal.

use paname_evidence::{Reason, Verdict};

use crate::view::About;
use crate::{Language, view};

impl Language {
    /// A verdict.
    pub fn verdict(self, verdict: Verdict) -> String {
        view::verdict_name(verdict, self)
    }

    /// A reason as a sentence, as a row about membership gives it.
    pub fn reason(self, reason: &Reason) -> String {
        view::reason_sentence(reason, About::Membership, self)
    }

    /// A reason as a sentence, as a row of this family gives it.
    pub fn reason_of(self, reason: &Reason, family: &str) -> String {
        view::reason_sentence(reason, About::family(family), self)
    }

    /// A family of attacks by its name in manifests and evidence; an unknown name is given back unchanged.
    pub fn family(self, name: &str) -> String {
        view::family(name, self)
    }
}
