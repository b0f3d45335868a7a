//! The figures of a row, whatever it is about.

use paname_evidence::{AttributeResult, Core, DetectionTest, MembershipResult, Row, Unit, Unrelated};

use super::words;
use crate::{Language, key};

/// What a test found.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    /// About membership.
    Membership(&'a MembershipResult),
    /// About an attribute.
    Attribute(&'a AttributeResult),
}

impl<'a> Found<'a> {
    /// Of a row that gave figures.
    pub(crate) fn of(row: &'a Row) -> Option<Self> {
        match (&row.membership, &row.attribute) {
            (Some(result), _) => Some(Self::Membership(result)),
            (None, Some(result)) => Some(Self::Attribute(result)),
            (None, None) => None,
        }
    }

    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::Membership(result) => result.unit,
            Self::Attribute(result) => result.unit,
        }
    }

    pub(crate) fn alpha(self) -> f64 {
        match self {
            Self::Membership(result) => result.alpha,
            Self::Attribute(result) => result.alpha,
        }
    }

    pub(crate) fn tests(self) -> &'a [DetectionTest] {
        match self {
            Self::Membership(result) => &result.tests,
            Self::Attribute(result) => std::slice::from_ref(&result.test),
        }
    }

    pub(crate) fn unrelated(self) -> &'a [Unrelated] {
        match self {
            Self::Membership(result) => &result.unrelated,
            Self::Attribute(result) => result.unrelated.as_slice(),
        }
    }

    /// How many were counted.
    pub(crate) fn sample(self, language: Language) -> String {
        let (members, others) = match self {
            Self::Membership(result) => (result.members, result.non_members),
            Self::Attribute(result) => (result.members, result.non_members),
        };
        language.fill(
            key!("test.sample"),
            &[
                ("members", &language.count(members)),
                ("others", &language.count(others)),
                ("unit", &words::unit(self.unit(), language)),
            ],
        )
    }

    /// The probability with which the sample shows the smallest detectable effects.
    pub(crate) fn power(self, core: &Core) -> f64 {
        match self {
            Self::Membership(result) => result.power.power,
            Self::Attribute(_) => declared_power(core),
        }
    }
}

/// The audit's power, as the settings of the statistics say.
pub(crate) fn declared_power(core: &Core) -> f64 {
    core.statistics.get("power").and_then(serde_json::Value::as_f64).unwrap_or(f64::NAN)
}

/// What a row is about: some reasons read differently.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum About {
    /// Who is a member.
    Membership,
    /// The value of an attribute.
    Attribute,
}

impl About {
    pub(crate) fn row(row: &Row) -> Self {
        if row.attribute.is_some() { Self::Attribute } else { Self::family(&row.family) }
    }

    /// What attacks of a family are about, by its name in the evidence.
    pub(crate) fn family(name: &str) -> Self {
        if name == "attribute-inference" { Self::Attribute } else { Self::Membership }
    }
}
