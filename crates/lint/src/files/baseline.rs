//! Findings that were there when somebody began to lint: known, and not told again.

use std::collections::BTreeSet;

use gauntlet_record::{Finding, Severity};
use serde::{Deserialize, Serialize};

/// The version of the shape.
const SCHEMA: &str = "gauntlet.lint-baseline/1";
/// Most bytes of a baseline.
pub const MAX_BASELINE_BYTES: u64 = 64 << 20;

/// Findings that are known. Each is kept by a fingerprint of its rule, its file, and the keys and values that lead to it, so that it stays
/// known when lines move, and becomes a new one when the value changes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    known: BTreeSet<String>,
}

/// A text that is no baseline.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BaselineError {
    /// Not the JSON of one.
    #[error("not a baseline of this tool")]
    Shape(#[from] serde_json::Error),
    /// Another version.
    #[error("`{0}` is not a version of baselines that is known")]
    Version(String),
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Stored {
    schema: String,
    findings: Vec<Known>,
}

/// The fingerprint decides; the rest is for whoever reads the file.
#[derive(Serialize, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(deny_unknown_fields)]
struct Known {
    file: String,
    rule: String,
    severity: Severity,
    fingerprint: String,
}

impl Baseline {
    /// Whether it knows no finding.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Reads a baseline.
    ///
    /// # Errors
    ///
    /// If the text is none, or one of another version.
    pub fn parse(text: &str) -> Result<Self, BaselineError> {
        let stored: Stored = serde_json::from_str(text)?;
        if stored.schema != SCHEMA {
            return Err(BaselineError::Version(stored.schema));
        }
        Ok(Self { known: stored.findings.into_iter().map(|known| known.fingerprint).collect() })
    }

    /// Whether a finding of this fingerprint is known.
    #[must_use]
    pub fn knows(&self, fingerprint: &str) -> bool {
        self.known.contains(fingerprint)
    }

    /// The text of a baseline that knows these findings. It is the same for the same findings, so that it can be kept in a repository.
    #[must_use]
    pub fn write<'f>(findings: impl IntoIterator<Item = (&'f Finding, String)>) -> String {
        let mut findings: Vec<Known> = findings
            .into_iter()
            .map(|(finding, fingerprint)| Known {
                file: finding.location.file.clone(),
                rule: finding.rule.clone(),
                severity: finding.severity,
                fingerprint,
            })
            .collect();
        findings.sort();
        findings.dedup();
        let stored = Stored { schema: SCHEMA.to_owned(), findings };
        serde_json::to_string_pretty(&stored).expect("a baseline is plain data") + "\n"
    }
}
