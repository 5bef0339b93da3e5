//! Workflow commands of GitHub: each becomes an annotation at its line. A step shows ten of a kind, so the worst ten are written.

use std::fmt::Write as _;

use gauntlet_record::{Finding, Severity};

use crate::escape;

/// How many annotations a step shows.
const SHOWN: usize = 10;

pub(super) fn write(findings: &[Finding]) -> String {
    let mut worst: Vec<&Finding> = findings.iter().collect();
    worst.sort_by_key(|finding| std::cmp::Reverse(finding.severity));
    let mut out = String::new();
    for finding in worst.iter().take(SHOWN) {
        let location = &finding.location;
        let message = [escape::message(&finding.message), escape::message(&finding.fix)].join("\n");
        let _ = writeln!(
            out,
            "::{} file={},line={},endLine={},col={},title={}::{}",
            command(finding.severity),
            property(&super::relative(&escape::line(&location.file))),
            location.line,
            location.end_line.max(location.line),
            location.column,
            property(&format!("{} ({})", escape::line(&finding.rule), finding.severity.as_str())),
            data(message.trim_end()),
        );
    }
    if let Some(more) = worst.len().checked_sub(SHOWN).filter(|more| *more > 0) {
        let _ = writeln!(out, "and {more} more");
    }
    out
}

const fn command(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "notice",
    }
}

/// Escapes the text of a command.
fn data(text: &str) -> String {
    text.replace('%', "%25").replace('\r', "%0D").replace('\n', "%0A")
}

/// Escapes a property of a command.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_in_a_text_ends_the_command() {
        assert_eq!(data("100%\r\n::error::x"), "100%25%0D%0A::error::x");
        assert_eq!(property("a,b:c"), "a%2Cb%3Ac");
    }
}
