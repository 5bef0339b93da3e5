//! What `cargo audit --json` printed, taken as it is: its exit code cannot tell "vulnerable" from "could not look", its JSON can.

use serde::Deserialize;

use super::{Config, advisory};
use crate::model::{Advisory, DependencyList};

/// A file that is no report of cargo-audit.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CargoAuditError {
    /// It is empty: cargo-audit could not look.
    #[error("it is empty, which means that cargo-audit could not look")]
    Empty,
    /// It has another shape.
    #[error("not what `cargo audit --json` prints")]
    Json(#[from] serde_json::Error),
    /// Its numbers do not add up.
    #[error("it counts {said} vulnerabilities and lists {listed}")]
    Count {
        /// What it says.
        said: u64,
        /// What it lists.
        listed: u64,
    },
    /// It looked at nothing.
    #[error("it looked at no dependency, or with no advisory")]
    Nothing,
}

#[derive(Debug, Deserialize)]
struct Report {
    database: Option<DatabaseSeen>,
    lockfile: LockfileSeen,
    vulnerabilities: Vulnerabilities,
    #[serde(default)]
    warnings: std::collections::BTreeMap<String, Vec<Warning>>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct DatabaseSeen {
    advisory_count: Option<u64>,
    last_commit: Option<String>,
    last_updated: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "kebab-case")]
struct LockfileSeen {
    dependency_count: u64,
}

#[derive(Debug, Deserialize)]
struct Vulnerabilities {
    count: u64,
    list: Vec<rustsec::Vulnerability>,
}

#[derive(Debug, Deserialize)]
struct Warning {
    kind: String,
    package: rustsec::package::Package,
    advisory: Option<rustsec::advisory::Metadata>,
    versions: Option<rustsec::advisory::Versions>,
}

/// Reads what `cargo audit --json` printed.
///
/// # Errors
///
/// If it is not that, or contradicts itself.
pub fn cargo_audit(source: &str, text: &str, config: &Config) -> Result<DependencyList, CargoAuditError> {
    if text.trim().is_empty() {
        return Err(CargoAuditError::Empty);
    }
    let report: Report = serde_json::from_str(text)?;
    let listed = report.vulnerabilities.list.len() as u64;
    if report.vulnerabilities.count != listed {
        return Err(CargoAuditError::Count { said: report.vulnerabilities.count, listed });
    }
    let seen = report.database.as_ref();
    if report.lockfile.dependency_count == 0 || seen.and_then(|seen| seen.advisory_count) == Some(0) {
        return Err(CargoAuditError::Nothing);
    }
    let mut advisories: Vec<Advisory> = Vec::new();
    for hit in &report.vulnerabilities.list {
        advisories.push(advisory(
            &hit.advisory,
            &hit.versions,
            hit.package.name.as_str(),
            &hit.package.version.to_string(),
            config,
        ));
    }
    for warning in report.warnings.values().flatten() {
        let (name, version) = (warning.package.name.as_str(), warning.package.version.to_string());
        let versions = warning.versions.clone().unwrap_or_default();
        advisories.push(match &warning.advisory {
            Some(found) => advisory(found, &versions, name, &version, config),
            None => Advisory {
                id: "-".into(),
                aliases: Vec::new(),
                package: super::short(name),
                version: super::short(&version),
                title: format!("this release was {}", super::short(&warning.kind)),
                date: String::new(),
                kind: super::short(&warning.kind),
                severity: "low".into(),
                patched: Vec::new(),
                ignored: None,
            },
        });
    }
    let database = seen.map_or_else(
        || "it does not tell which database it used".to_owned(),
        |seen| {
            let known = |text: &Option<String>| text.as_deref().map_or_else(|| "not told".to_owned(), super::short);
            format!("its database: commit {}, updated {}", known(&seen.last_commit), known(&seen.last_updated))
        },
    );
    Ok(DependencyList {
        of: format!("cargo-audit:{source}"),
        source: source.to_owned(),
        sha256: gauntlet_record::digest(text.as_bytes()),
        packages: report.lockfile.dependency_count,
        elsewhere: Vec::new(),
        looked_up: true,
        advisories,
        notes: vec![database, "read as it was printed; nothing was looked up again".into()],
    })
}
