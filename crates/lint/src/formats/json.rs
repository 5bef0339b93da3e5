//! For programs: one object with the findings as a record has them.

use gauntlet_record::{Finding, Location};
use serde::Serialize;

use crate::escape;

/// The version of the shape.
const SCHEMA: &str = "gauntlet.findings/1";

#[derive(Serialize)]
struct Report {
    schema: &'static str,
    findings: Vec<Finding>,
}

pub(super) fn write(findings: &[Finding]) -> String {
    let report = Report { schema: SCHEMA, findings: findings.iter().map(tame).collect() };
    serde_json::to_string_pretty(&report).expect("findings are plain data") + "\n"
}

/// Findings of ours are escaped already; those of a record that was read back may not be.
fn tame(finding: &Finding) -> Finding {
    Finding {
        rule: escape::line(&finding.rule),
        severity: finding.severity,
        category: finding.category,
        confidence: finding.confidence,
        message: escape::message(&finding.message),
        impact: escape::message(&finding.impact),
        fix: escape::message(&finding.fix),
        location: Location { file: escape::line(&finding.location.file), ..finding.location },
        references: finding.references.iter().map(|reference| escape::message(reference)).collect(),
    }
}
