//! GitLab's code quality report: alerts only, each at a place in the repository.
//!
//! A path has no `./` in front, and no two fingerprints of a file are the same, or only the first is shown. They stay when lines move.
//! Source: GitLab's documentation, "Code Quality", "Import code quality results from a CI/CD job".

use std::collections::BTreeMap;
use std::io;

use gauntlet_record::{Record, Severity, Verdict, digest};
use serde::Serialize;

use super::json::pretty;
use super::sarif::in_repository;
use crate::summary::advice;
use crate::text::plain;
use crate::{Options, WriteError};

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let mut alerts = Vec::new();
    let mut seen = BTreeMap::new();
    for trial in &record.trials {
        let (severity, more) = match trial.verdict {
            Verdict::Contained | Verdict::Unsupported => continue,
            Verdict::Breached => ("blocker", String::new()),
            Verdict::Inconclusive => ("major", format!(" {}", advice(trial.why))),
        };
        let message = format!("{}: {} on {}: {}.{more}", trial.verdict, trial.title, trial.target, trial.reason);
        alerts.push(Alert {
            description: plain(&message).into_owned(),
            check_name: plain(trial.attack.split('#').next().unwrap_or_default()).into_owned(),
            fingerprint: fingerprint(&mut seen, &["trial", &trial.target, &trial.attack]),
            severity,
            location: Location { path: in_repository(&trial.file, &trial.attack), lines: Lines { begin: 1 } },
        });
    }
    for finding in &record.findings {
        let place = &finding.location;
        alerts.push(Alert {
            description: plain(&format!("{}. {}", finding.message, finding.fix)).into_owned(),
            check_name: plain(&finding.rule).into_owned(),
            fingerprint: fingerprint(&mut seen, &["finding", &finding.rule, &place.file, &finding.message]),
            severity: match finding.severity {
                Severity::Critical => "blocker",
                Severity::High => "critical",
                Severity::Medium => "major",
                Severity::Low => "minor",
                Severity::Info => "info",
            },
            location: Location {
                path: in_repository(&place.file, "policy.yaml"),
                lines: Lines { begin: place.line.max(1) },
            },
        });
    }
    pretty(&alerts, out)
}

/// What an alert is known by from run to run. The second of the same kind is another one.
fn fingerprint(seen: &mut BTreeMap<String, u32>, parts: &[&str]) -> String {
    let key = parts.join("\n");
    let times = seen.entry(key.clone()).or_default();
    *times += 1;
    digest(format!("{key}\n{times}").as_bytes())
}

#[derive(Serialize)]
struct Alert {
    description: String,
    check_name: String,
    fingerprint: String,
    severity: &'static str,
    location: Location,
}

#[derive(Serialize)]
struct Location {
    path: String,
    lines: Lines,
}

#[derive(Serialize)]
struct Lines {
    begin: u32,
}
