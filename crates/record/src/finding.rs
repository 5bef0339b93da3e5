//! What the linter found.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How bad a finding is. `High` and above fail a gate unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Severity {
    /// Worth knowing.
    Info,
    /// A weakness of style or of depth.
    Low,
    /// A weakness that needs another one to matter.
    Medium,
    /// A hole.
    High,
    /// The sandbox is open.
    Critical,
}

impl Severity {
    /// The word as flags and records spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Info => "info",
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Category {
    /// What an attacker could use.
    #[default]
    Security,
    /// What makes runs slow, dear, or dependent on the load of the host.
    Performance,
    /// What another reader, executor or host takes differently, or cannot run.
    Compatibility,
}

impl Category {
    /// Every category.
    pub const ALL: &'static [Self] = &[Self::Security, Self::Performance, Self::Compatibility];

    /// The word as flags and records spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Security => "security",
            Self::Performance => "performance",
            Self::Compatibility => "compatibility",
        }
    }
}

/// How sure a rule is that what it found is a fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum Confidence {
    /// It looks like one; somebody has to judge.
    Low,
    /// It is one unless the policy has a good reason.
    Medium,
    /// It is what the rule says.
    #[default]
    High,
}

impl Confidence {
    /// Every confidence.
    pub const ALL: &'static [Self] = &[Self::Low, Self::Medium, Self::High];

    /// The word as flags and records spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

/// A place in a text file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, JsonSchema)]
pub struct Location {
    /// The file, as it was given, with forward slashes.
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Last line, from 1.
    pub end_line: u32,
    /// Column after the last character, from 1.
    pub end_column: u32,
}

/// One fault of one policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Finding {
    /// The rule that found it.
    pub rule: String,
    /// How bad it is.
    pub severity: Severity,
    /// What it is about; records before it was told are about security.
    #[serde(default)]
    pub category: Category,
    /// How sure the rule is.
    #[serde(default)]
    pub confidence: Confidence,
    /// What is wrong, in one sentence.
    pub message: String,
    /// What an attacker or operator gets from it, in a few words; may be empty.
    #[serde(default)]
    pub impact: String,
    /// What to do about it.
    pub fix: String,
    /// Where.
    pub location: Location,
    /// Weaknesses and guidance, for example `CWE-770`.
    pub references: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_finding_of_an_old_record_is_read() {
        let old = r#"{ "rule": "grant-root", "severity": "critical", "message": "m", "fix": "f", "references": [],
            "location": { "file": "p.yaml", "line": 1, "column": 1, "end_line": 1, "end_column": 2 } }"#;
        let finding: Finding = serde_json::from_str(old).unwrap();
        assert_eq!((finding.category, finding.confidence), (Category::Security, Confidence::High));
        assert_eq!(finding.impact, "");
    }

    #[test]
    fn every_word_is_the_one_that_records_spell() {
        for category in Category::ALL {
            assert_eq!(serde_json::to_value(category).unwrap(), category.as_str());
        }
        for confidence in Confidence::ALL {
            assert_eq!(serde_json::to_value(confidence).unwrap(), confidence.as_str());
        }
    }
}
