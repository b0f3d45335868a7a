//! The figures of a row, whatever it is about.

use paname_evidence::{
    AttributeResult, Core, DetectionTest, InversionResult, MembershipResult, Row, Unit, Unrelated,
};

use super::words;
use crate::{Language, key};

/// What a test found.
#[derive(Clone, Copy)]
pub(crate) enum Found<'a> {
    /// About membership.
    Membership(&'a MembershipResult),
    /// About an attribute.
    Attribute(&'a AttributeResult),
    /// About inputs that were rebuilt.
    Inversion(&'a InversionResult),
}

impl<'a> Found<'a> {
    /// Of a row that gave figures.
    pub(crate) fn of(row: &'a Row) -> Option<Self> {
        let membership = row.membership.as_ref().map(Self::Membership);
        membership
            .or_else(|| row.attribute.as_ref().map(Self::Attribute))
            .or_else(|| row.inversion.as_ref().map(Self::Inversion))
    }

    /// What members are.
    pub(crate) fn unit(self) -> Unit {
        match self {
            Self::Membership(result) => result.unit,
            Self::Attribute(result) => result.unit,
            Self::Inversion(_) => Unit::Record,
        }
    }

    pub(crate) fn alpha(self) -> f64 {
        match self {
            Self::Membership(result) => result.alpha,
            Self::Attribute(result) => result.alpha,
            Self::Inversion(result) => result.alpha,
        }
    }

    pub(crate) fn tests(self) -> &'a [DetectionTest] {
        match self {
            Self::Membership(result) => &result.tests,
            Self::Attribute(result) => std::slice::from_ref(&result.test),
            Self::Inversion(result) => &result.tests,
        }
    }

    pub(crate) fn unrelated(self) -> &'a [Unrelated] {
        match self {
            Self::Membership(result) => &result.unrelated,
            Self::Attribute(result) => result.unrelated.as_slice(),
            Self::Inversion(_) => &[],
        }
    }

    /// How many were counted.
    pub(crate) fn sample(self, language: Language) -> String {
        let (members, others) = match self {
            Self::Membership(result) => (result.members, result.non_members),
            Self::Attribute(result) => (result.members, result.non_members),
            Self::Inversion(result) => {
                return language.fill(
                    key!("inversion.sample"),
                    &[
                        ("classes", &language.count(result.classes)),
                        ("rebuilt", &language.count(result.rebuilt)),
                        ("compared", &language.count(result.nearest.members.trials)),
                    ],
                );
            }
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
            Self::Attribute(_) | Self::Inversion(_) => declared_power(core),
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
    /// Inputs that were rebuilt.
    Inversion,
}

impl About {
    pub(crate) fn row(row: &Row) -> Self {
        match Found::of(row) {
            Some(Found::Membership(_)) => Self::Membership,
            Some(Found::Attribute(_)) => Self::Attribute,
            Some(Found::Inversion(_)) => Self::Inversion,
            None => Self::family(&row.family),
        }
    }

    /// What attacks of a family are about, by its name in the evidence.
    pub(crate) fn family(name: &str) -> Self {
        match name {
            "attribute-inference" => Self::Attribute,
            "model-inversion" => Self::Inversion,
            _ => Self::Membership,
        }
    }
}
