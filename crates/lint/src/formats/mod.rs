//! Findings as text: for people, for programs, for code scanning, for CI annotations.

mod compact;
pub(crate) mod excerpt;
mod github;
mod human;
mod json;
mod sarif;

use std::fmt;
use std::str::FromStr;

use gauntlet_record::{Finding, Severity};

/// How findings are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Format {
    /// Each with its line, a caret, the fix and the references. Nothing at all where nothing was found.
    #[default]
    Human,
    /// One JSON object.
    Json,
    /// SARIF 2.1.0, as code scanning takes it.
    Sarif,
    /// Workflow commands of GitHub, which become annotations.
    Github,
    /// One line each, as editors and scripts read it: `file:line:column: severity[rule] message`.
    Compact,
}

/// A format that there is none of.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a format; there are human, json, sarif, github and compact")]
pub struct UnknownFormat(String);

impl Format {
    /// Every format.
    pub const ALL: &'static [Self] = &[Self::Human, Self::Json, Self::Sarif, Self::Github, Self::Compact];

    /// The word as flags spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Human => "human",
            Self::Json => "json",
            Self::Sarif => "sarif",
            Self::Github => "github",
            Self::Compact => "compact",
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(word: &str) -> Result<Self, UnknownFormat> {
        Self::ALL.iter().copied().find(|format| format.as_str() == word).ok_or_else(|| UnknownFormat(word.to_owned()))
    }
}

/// Writes findings in a format. `sources` are the names and texts of the files they are in, for drawing lines; colour is for
/// [`Format::Human`] alone.
#[must_use]
pub fn render(findings: &[Finding], sources: &[(String, String)], format: Format, color: bool) -> String {
    match format {
        Format::Human => human::write(findings, sources, color),
        Format::Json => json::write(findings),
        Format::Sarif => sarif::write(findings, sources),
        Format::Github => github::write(findings),
        Format::Compact => compact::write(findings),
    }
}

/// How many findings there are of each severity: `3 findings (1 critical, 2 low)`.
fn summary(findings: &[Finding]) -> String {
    let severities = [Severity::Critical, Severity::High, Severity::Medium, Severity::Low, Severity::Info];
    let counts = severities.iter().filter_map(|severity| {
        let count = findings.iter().filter(|finding| finding.severity == *severity).count();
        (count > 0).then(|| format!("{count} {}", severity.as_str()))
    });
    let noun = if findings.len() == 1 { "finding" } else { "findings" };
    format!("{} {noun} ({})", findings.len(), counts.collect::<Vec<_>>().join(", "))
}

/// A file as a path from the root of a repository: no scheme, no root, no `.` at its start.
fn relative(file: &str) -> String {
    let parts: Vec<&str> = file.split('/').filter(|part| !part.is_empty() && *part != "." && *part != "..").collect();
    if parts.is_empty() { "policy.yaml".to_owned() } else { parts.join("/") }
}

#[cfg(test)]
mod tests;
