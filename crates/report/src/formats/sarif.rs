//! SARIF 2.1.0, as code scanning reads it: alerts only.
//!
//! Code scanning shows every result as an alert and turns down a whole upload for one result without a physical location. So a
//! contained attack is no result, and each result is placed at the attack's file or at the policy's span.

use std::collections::BTreeMap;
use std::io;

use gauntlet_record::{Category, Finding, Record, Severity, Trial, Verdict, digest};
use serde::Serialize;

use super::json::pretty;
use crate::summary::{Summary, advice, live_gap, run_line};
use crate::text::plain;
use crate::{Options, WriteError};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";

pub(crate) fn write(record: &Record, _: &Options, out: &mut dyn io::Write) -> Result<(), WriteError> {
    let mut rules = Rules::default();
    let mut results = Vec::new();
    for trial in &record.trials {
        let Some((kind, level)) = alert(trial.verdict) else { continue };
        let index = rules.index(attack_rule(trial));
        results.push(trial_result(record, trial, index, kind, level));
    }
    for finding in &record.findings {
        let index = rules.index(finding_rule(finding));
        results.push(finding_result(finding, index));
    }
    let summary = Summary::of(record);
    let incomplete = Notification {
        level: "error",
        message: Text::new("INCOMPLETE: the run was cut off, so that this proves nothing as a whole"),
    };
    let log = Log {
        schema: SCHEMA,
        version: "2.1.0",
        runs: [Run {
            tool: Tool {
                driver: Driver {
                    name: "gauntlet",
                    version: plain(&record.tool.version).into_owned(),
                    rules: rules.list,
                },
            },
            automation_details: Automation { id: "gauntlet/run/" },
            invocations: [Invocation {
                execution_successful: record.complete,
                exit_code: summary.exit,
                exit_code_description: format!("{}: {}", summary.word, summary.sentence),
                notifications: if record.complete { Vec::new() } else { vec![incomplete] },
            }],
            column_kind: "unicodeCodePoints",
            results,
            properties: RunProperties { run: run_line(record).join(", ") },
        }],
    };
    pretty(&log, out)
}

/// What of a verdict goes in, as `kind` and `level`.
fn alert(verdict: Verdict) -> Option<(&'static str, &'static str)> {
    match verdict {
        Verdict::Contained | Verdict::Unsupported => None,
        Verdict::Breached => Some(("fail", "error")),
        Verdict::Inconclusive => Some(("open", "none")),
    }
}

fn trial_result(
    record: &Record,
    trial: &Trial,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
) -> SarifResult {
    let advice = if trial.verdict == Verdict::Inconclusive { format!(" {}", advice(trial.why)) } else { String::new() };
    let witness = live_gap(trial).map(|gap| format!(" {gap}")).unwrap_or_default();
    let message = format!("{} on {}: {}.{advice}{witness}", trial.title, trial.target, trial.reason);
    let suppressions = match &trial.known {
        Some(known) if record.known_allowed && trial.verdict == Verdict::Breached => {
            vec![Suppression { kind: "external", justification: plain(&known.reason).into_owned() }]
        }
        _ => Vec::new(),
    };
    SarifResult {
        rule_id: rule_id(&trial.attack),
        rule_index,
        kind,
        level,
        message: Text::new(&message),
        locations: [Location {
            physical_location: Physical {
                artifact_location: artifact(&trial.file, &trial.attack),
                region: Region::line(1),
            },
        }],
        partial_fingerprints: Fingerprints { v1: digest(format!("{}\n{}", trial.target, trial.attack).as_bytes()) },
        suppressions,
    }
}

fn finding_result(finding: &Finding, rule_index: usize) -> SarifResult {
    let level = match finding.severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    };
    let place = &finding.location;
    SarifResult {
        rule_id: plain(&finding.rule).into_owned(),
        rule_index,
        kind: "fail",
        level,
        message: Text::new(&format!("{}. {}", finding.message, finding.fix)),
        locations: [Location {
            physical_location: Physical {
                artifact_location: artifact(&place.file, "policy.yaml"),
                region: Region {
                    start_line: place.line.max(1),
                    start_column: Some(place.column.max(1)),
                    end_line: Some(place.end_line.max(place.line).max(1)),
                    end_column: Some(place.end_column.max(1)),
                },
            },
        }],
        partial_fingerprints: Fingerprints {
            v1: digest(format!("{}\n{}\n{}", finding.rule, place.file, finding.message).as_bytes()),
        },
        suppressions: Vec::new(),
    }
}

fn attack_rule(trial: &Trial) -> Rule {
    let mut tags = vec!["security".to_owned()];
    if let Some(number) = trial.weakness.strip_prefix("CWE-")
        && number.chars().all(|c| c.is_ascii_digit())
        && !number.is_empty()
    {
        tags.push(format!("external/cwe/cwe-{number}"));
    }
    Rule {
        id: rule_id(&trial.attack),
        short_description: Text::new(&trial.title),
        full_description: Text::new(&trial.why_it_matters),
        properties: RuleProperties { tags, precision: None, security_severity: Some("8.0") },
    }
}

fn finding_rule(finding: &Finding) -> Rule {
    let security_severity = match finding.severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.0",
        Severity::Low => "3.0",
        Severity::Info => "1.0",
    };
    Rule {
        id: plain(&finding.rule).into_owned(),
        short_description: Text::new(&finding.message),
        full_description: Text::new(&finding.fix),
        properties: RuleProperties {
            tags: vec![finding.category.as_str().into(), "policy".into()],
            precision: Some(finding.confidence.as_str()),
            // Code scanning takes a rule that has one for a security rule.
            security_severity: (finding.category == Category::Security).then_some(security_severity),
        },
    }
}

/// The rules, each once, in the order in which they are met.
#[derive(Default)]
struct Rules {
    list: Vec<Rule>,
    places: BTreeMap<String, usize>,
}

impl Rules {
    fn index(&mut self, rule: Rule) -> usize {
        *self.places.entry(rule.id.clone()).or_insert_with(|| {
            self.list.push(rule);
            self.list.len() - 1
        })
    }
}

/// The cases of one attack are one rule.
fn rule_id(attack: &str) -> String {
    plain(attack.split('#').next().unwrap_or(attack)).into_owned()
}

/// A path as a URI relative to the repository: no scheme, no root, nothing above it, whatever the record says.
fn artifact(path: &str, otherwise: &str) -> Artifact {
    Artifact { uri: in_repository(path, otherwise) }
}

/// A path below the repository, percent-encoded; of two that are given, the first that is one.
pub(crate) fn in_repository(path: &str, otherwise: &str) -> String {
    let found = [path, otherwise].map(relative).into_iter().find(|uri| !uri.is_empty());
    found.unwrap_or_else(|| "unknown".into())
}

fn relative(path: &str) -> String {
    let path = path.replace('\\', "/");
    let parts = path.split('/').filter(|part| !matches!(*part, "" | "." | ".."));
    parts.map(encode).collect::<Vec<_>>().join("/")
}

/// Percent-encodes what is not plain in a path. The colon goes too, so that no part reads as a scheme or a drive.
fn encode(part: &str) -> String {
    let mut out = String::new();
    for byte in part.bytes().take(1024) {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.' | b'~' | b'@' | b'+' | b'=' | b',') {
            out.push(char::from(byte));
        } else {
            out.push_str(&format!("%{byte:02X}"));
        }
    }
    out
}

#[derive(Serialize)]
struct Log {
    #[serde(rename = "$schema")]
    schema: &'static str,
    version: &'static str,
    runs: [Run; 1],
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Run {
    tool: Tool,
    automation_details: Automation,
    invocations: [Invocation; 1],
    column_kind: &'static str,
    results: Vec<SarifResult>,
    properties: RunProperties,
}

#[derive(Serialize)]
struct RunProperties {
    run: String,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
struct Driver {
    name: &'static str,
    version: String,
    rules: Vec<Rule>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Rule {
    id: String,
    short_description: Text,
    full_description: Text,
    properties: RuleProperties,
}

#[derive(Serialize)]
struct RuleProperties {
    tags: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    precision: Option<&'static str>,
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'static str>,
}

#[derive(Serialize)]
struct Automation {
    id: &'static str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Invocation {
    execution_successful: bool,
    exit_code: u8,
    exit_code_description: String,
    #[serde(rename = "toolExecutionNotifications", skip_serializing_if = "Vec::is_empty")]
    notifications: Vec<Notification>,
}

#[derive(Serialize)]
struct Notification {
    level: &'static str,
    message: Text,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: String,
    rule_index: usize,
    kind: &'static str,
    level: &'static str,
    message: Text,
    locations: [Location; 1],
    partial_fingerprints: Fingerprints,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    suppressions: Vec<Suppression>,
}

#[derive(Serialize)]
struct Suppression {
    kind: &'static str,
    justification: String,
}

#[derive(Serialize)]
struct Fingerprints {
    #[serde(rename = "gauntlet/v1")]
    v1: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Location {
    physical_location: Physical,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Physical {
    artifact_location: Artifact,
    region: Region,
}

#[derive(Serialize)]
struct Artifact {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    start_column: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_line: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    end_column: Option<u32>,
}

impl Region {
    fn line(line: u32) -> Self {
        Self { start_line: line, start_column: None, end_line: None, end_column: None }
    }
}

#[derive(Serialize)]
struct Text {
    text: String,
}

impl Text {
    /// Square brackets make links in a SARIF message; a backslash takes that away.
    fn new(text: &str) -> Self {
        let text = plain(text).replace('\\', "\\\\").replace('[', "\\[").replace(']', "\\]");
        Self { text: if text.is_empty() { "-".into() } else { text } }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_location_is_relative_to_the_repository_whatever_the_record_says() {
        assert_eq!(relative("attacks/a b/attack.yaml"), "attacks/a%20b/attack.yaml");
        assert_eq!(relative("..\\..\\etc/./passwd"), "etc/passwd");
        assert_eq!(relative("file:///etc/passwd"), "file%3A/etc/passwd");
        assert_eq!(relative("javascript:alert(1)"), "javascript%3Aalert%281%29");
        assert_eq!(artifact("/", "x/y#z").uri, "x/y%23z");
        assert_eq!(artifact("..", "").uri, "unknown");
    }
}
