//! Claims, and what they mean: for the controls of frameworks, and for risks.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{Answer, Evidence};

/// What is claimed of the sandbox.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Claim {
    /// Its id.
    pub id: String,
    /// The claim.
    pub says: String,
    /// How it stands.
    pub standing: Standing,
    /// Why, in one sentence.
    pub why: String,
    /// What that rests on.
    pub evidence: Vec<Evidence>,
}

/// How a claim stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// All of its evidence is there and speaks for it.
    Supported,
    /// Some of its evidence is there and speaks for it, the rest is missing. For controls only.
    PartlySupported,
    /// Evidence speaks against it.
    Broken,
    /// Evidence is missing, so it is not claimed.
    NoEvidence,
}

impl Standing {
    /// Every standing, in the order of reports.
    pub const ALL: &'static [Self] = &[Self::Broken, Self::NoEvidence, Self::PartlySupported, Self::Supported];

    /// The words for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Supported => "supported",
            Self::PartlySupported => "partly supported",
            Self::Broken => "broken",
            Self::NoEvidence => "no evidence",
        }
    }
}

/// A framework of controls.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Framework {
    /// Its id, as `--framework` takes it.
    pub id: String,
    /// Its title.
    pub title: String,
    /// The edition that the ids are of.
    pub edition: String,
    /// Where it can be read.
    pub source: String,
    /// What is to be known of the mapping as a whole.
    pub note: String,
    /// The controls that claims are mapped to.
    pub controls: Vec<Control>,
}

/// A control of a framework, with what is mapped to it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Control {
    /// Its id in the framework.
    pub id: String,
    /// What it is about, in our words.
    pub title: String,
    /// Why the claims support it.
    pub reason: String,
    /// Where a reader may disagree.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub doubt: Option<String>,
    /// Whether somebody held the id against the text of the edition.
    pub checked: bool,
    /// The claims.
    pub claims: Vec<String>,
    /// How the claims stand together. A test result is evidence for a control, not the control.
    pub standing: Standing,
    /// Why, in one sentence.
    pub why: String,
}

/// A level of likelihood, impact or risk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Level {
    /// Low.
    Low,
    /// Medium.
    Medium,
    /// High.
    High,
}

impl Level {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A chapter of risk.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Risk {
    /// Its id.
    pub id: String,
    /// Its title.
    pub title: String,
    /// What can happen.
    pub says: String,
    /// How likely it is without the mitigations.
    pub likelihood: Level,
    /// How bad it is.
    pub impact: Level,
    /// Why these two.
    pub why: String,
    /// The claims that mitigate it, with how they stand.
    pub mitigations: Vec<Mitigation>,
    /// What is left.
    pub residual: Level,
    /// Why.
    pub residual_why: String,
    /// Who accepted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub accepted: Option<Answer>,
}

/// A claim that mitigates a risk.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Mitigation {
    /// The claim.
    pub claim: String,
    /// How it stands.
    pub standing: Standing,
}
