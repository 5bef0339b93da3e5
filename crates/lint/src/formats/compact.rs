//! One line each, as editors and scripts read it.

use std::fmt::Write as _;

use gauntlet_record::Finding;

use crate::escape;

pub(super) fn write(findings: &[Finding]) -> String {
    let mut out = String::new();
    for finding in findings {
        let location = &finding.location;
        let _ = writeln!(
            out,
            "{}:{}:{}: {}[{}] {}",
            escape::line(&location.file),
            location.line,
            location.column,
            finding.severity.as_str(),
            escape::line(&finding.rule),
            escape::message(&finding.message),
        );
    }
    out
}
