//! The lines of the checklist, with what decided them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The status of a line of the checklist.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Status {
    /// Evidence says yes.
    Satisfied,
    /// Evidence says no, or a person does.
    NotSatisfied,
    /// The policy or the host has nothing that the line is about.
    NotApplicable,
    /// A person says yes; nothing here proves it.
    Attested,
    /// Neither evidence nor a person has decided it.
    NeedsAPerson,
}

impl Status {
    /// Every status, in the order of reports.
    pub const ALL: &'static [Self] =
        &[Self::NotSatisfied, Self::NeedsAPerson, Self::Attested, Self::NotApplicable, Self::Satisfied];

    /// The words for people.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Satisfied => "satisfied",
            Self::NotSatisfied => "not satisfied",
            Self::NotApplicable => "not applicable",
            Self::Attested => "attested",
            Self::NeedsAPerson => "needs a person",
        }
    }
}

/// Who decided a line.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Decider {
    /// Trials, rules, checks or values of the policy.
    Evidence,
    /// A person, by name.
    Person,
    /// Nobody yet.
    Nobody,
}

/// A line of the checklist.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Line {
    /// Its id.
    pub id: String,
    /// The id of its section.
    pub section: String,
    /// The title of its section.
    pub section_title: String,
    /// What it asks for.
    pub text: String,
    /// Its status.
    pub status: Status,
    /// Who decided it.
    pub decided_by: Decider,
    /// Why, in one sentence.
    pub says: String,
    /// What that rests on.
    pub evidence: Vec<Evidence>,
    /// What a person has to answer, where one has to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub question: Option<String>,
    /// What a person answered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
}

/// A piece of evidence.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Evidence {
    /// What kind.
    pub kind: EvidenceKind,
    /// The trial, rule, check or key of the policy.
    pub id: String,
    /// What it says.
    pub says: String,
    /// Whether it speaks for the line; `null` if it decides nothing.
    pub holds: Option<bool>,
}

/// What a piece of evidence is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum EvidenceKind {
    /// A trial of the record, by attack and target.
    Trial,
    /// A rule of the linter.
    Rule,
    /// A check of the host, the supply chain or a drill.
    Check,
    /// A value of the policy.
    Value,
    /// What workers reported of their jail.
    Jail,
    /// What the executor measured.
    Measured,
}

impl EvidenceKind {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Trial => "trial",
            Self::Rule => "rule",
            Self::Check => "check",
            Self::Value => "value",
            Self::Jail => "jail",
            Self::Measured => "measured",
        }
    }
}

/// What a person answered.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Answer {
    /// The line or risk.
    pub line: String,
    /// The answer.
    pub answer: Reply,
    /// Who.
    pub by: String,
    /// When, as `YYYY-MM-DD`.
    pub date: String,
    /// Why they may say so.
    pub note: String,
}

/// An answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Reply {
    /// It is so.
    Yes,
    /// It is not.
    No,
    /// It does not apply here.
    NotApplicable,
    /// The residual risk is accepted. For risks only.
    Accepted,
}

impl Reply {
    /// The word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Yes => "yes",
            Self::No => "no",
            Self::NotApplicable => "not-applicable",
            Self::Accepted => "accepted",
        }
    }
}
