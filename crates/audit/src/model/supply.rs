//! The supply chain: databases, lists of dependencies and what is open in them.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The supply chain.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Supply {
    /// The advisory database, if one was named.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub database: Option<DatabaseInfo>,
    /// The lists of dependencies that were looked at.
    pub lists: Vec<DependencyList>,
}

/// An advisory database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DatabaseInfo {
    /// Its commit, as the file beside it or the flag says; it is not checked.
    pub commit: Option<String>,
    /// SHA-256 over its files, in hex.
    pub sha256: String,
    /// How many advisories it holds.
    pub advisories: u64,
    /// The date of its newest advisory, as `YYYY-MM-DD`.
    pub newest: String,
    /// Days from then to the audit.
    pub age_days: u64,
    /// How old it was allowed to be, in days.
    pub most_days: u64,
}

/// A list of dependencies and what is open in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct DependencyList {
    /// What it is of: `project`, `gauntlet`, `program:<name>`, `cargo-audit:<file>`, `engine:<target>`.
    pub of: String,
    /// Where it was read.
    pub source: String,
    /// SHA-256 of what was read, in hex.
    pub sha256: String,
    /// How many packages it names.
    pub packages: u64,
    /// Packages that no advisory can be looked up for: from git or another registry. Packages of the project itself are not among them.
    pub elsewhere: Vec<String>,
    /// Whether advisories were looked up.
    pub looked_up: bool,
    /// What concerns it.
    pub advisories: Vec<Advisory>,
    /// What is to be known of it.
    pub notes: Vec<String>,
}

/// An advisory that concerns a dependency.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub struct Advisory {
    /// Its id.
    pub id: String,
    /// Its names elsewhere.
    pub aliases: Vec<String>,
    /// The package.
    pub package: String,
    /// Its version.
    pub version: String,
    /// What it is about.
    pub title: String,
    /// Its date, as `YYYY-MM-DD`.
    pub date: String,
    /// What kind: `vulnerability`, `unmaintained`, `unsound`, `notice` or `yanked`.
    pub kind: String,
    /// How bad: `low`, `medium`, `high` or `critical`. No score counts as high; what is no vulnerability as low, unsound as medium.
    pub severity: String,
    /// The versions that have the fix.
    pub patched: Vec<String>,
    /// Why it does not count, if it does not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ignored: Option<String>,
}

impl Advisory {
    /// Whether it is open and a vulnerability or unsound.
    #[must_use]
    pub fn counts(&self) -> bool {
        self.ignored.is_none() && matches!(self.kind.as_str(), "vulnerability" | "unsound")
    }
}
