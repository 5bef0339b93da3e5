//! SARIF 2.1.0, as code scanning takes it: every result has a physical location, columns count characters, files are relative.

use std::collections::BTreeMap;

use gauntlet_record::{Category, Finding, Severity};
use serde::Serialize;

use crate::{escape, fingerprints, rules, structural_faults};

const SCHEMA: &str = "https://json.schemastore.org/sarif-2.1.0.json";
/// Two uploads with one tool and one category replace each other.
const CATEGORY: &str = "gauntlet/lint/";
/// Our fingerprint of a result; code scanning adds its own.
const FINGERPRINT: &str = "gauntlet/v1";

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
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
    automation_details: AutomationDetails,
    column_kind: &'static str,
    results: Vec<SarifResult>,
}

#[derive(Serialize)]
struct AutomationDetails {
    id: &'static str,
}

#[derive(Serialize)]
struct Tool {
    driver: Driver,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Driver {
    name: &'static str,
    semantic_version: &'static str,
    rules: Vec<Descriptor>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Descriptor {
    id: &'static str,
    short_description: Text<&'static str>,
    full_description: Text<&'static str>,
    help: Text<&'static str>,
    default_configuration: Configuration,
    properties: Properties,
}

#[derive(Serialize)]
struct Text<T> {
    text: T,
}

#[derive(Serialize)]
struct Configuration {
    level: &'static str,
}

#[derive(Serialize)]
struct Properties {
    tags: Vec<String>,
    precision: &'static str,
    /// Only rules on security have one: code scanning takes a rule with it for a security rule.
    #[serde(rename = "security-severity", skip_serializing_if = "Option::is_none")]
    security_severity: Option<&'static str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct SarifResult {
    rule_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    rule_index: Option<usize>,
    kind: &'static str,
    level: &'static str,
    message: Text<String>,
    locations: [Place; 1],
    partial_fingerprints: BTreeMap<&'static str, String>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Place {
    physical_location: PhysicalLocation,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PhysicalLocation {
    artifact_location: ArtifactLocation,
    region: Region,
}

#[derive(Serialize)]
struct ArtifactLocation {
    uri: String,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Region {
    start_line: u32,
    start_column: u32,
    end_line: u32,
    end_column: u32,
}

pub(super) fn write(findings: &[Finding], sources: &[(String, String)]) -> String {
    let table: Vec<Descriptor> = rules().chain(structural_faults()).map(descriptor).collect();
    let results = findings
        .iter()
        .zip(fingerprints(findings, sources))
        .map(|(finding, fingerprint)| SarifResult {
            rule_id: escape::line(&finding.rule),
            rule_index: table.iter().position(|rule| rule.id == finding.rule),
            kind: "fail",
            level: level(finding.severity),
            message: Text { text: text(finding) },
            locations: [place(finding)],
            partial_fingerprints: BTreeMap::from([(FINGERPRINT, fingerprint)]),
        })
        .collect();
    let driver = Driver { name: "Gauntlet", semantic_version: env!("CARGO_PKG_VERSION"), rules: table };
    let run = Run {
        tool: Tool { driver },
        automation_details: AutomationDetails { id: CATEGORY },
        column_kind: "unicodeCodePoints",
        results,
    };
    let log = Log { schema: SCHEMA, version: "2.1.0", runs: [run] };
    serde_json::to_string_pretty(&log).expect("a log is plain data") + "\n"
}

fn descriptor(rule: &'static crate::Rule) -> Descriptor {
    let weakness = |reference: &&str| reference.strip_prefix("CWE-").map(|number| format!("external/cwe/cwe-{number}"));
    Descriptor {
        id: rule.id,
        short_description: Text { text: rule.summary },
        full_description: Text { text: rule.why },
        help: Text { text: rule.fix },
        default_configuration: Configuration { level: level(rule.severity) },
        properties: Properties {
            tags: std::iter::once(rule.category.as_str().to_owned())
                .chain(rule.references.iter().filter_map(weakness))
                .collect(),
            precision: rule.confidence.as_str(),
            security_severity: (rule.category == Category::Security).then(|| security_severity(rule.severity)),
        },
    }
}

fn text(finding: &Finding) -> String {
    let mut text = escape::message(&finding.message);
    if !finding.fix.is_empty() {
        text.push_str(".\n");
        text.push_str(&escape::message(&finding.fix));
    }
    text
}

fn place(finding: &Finding) -> Place {
    let location = &finding.location;
    let end_line = location.end_line.max(location.line);
    let least = if end_line == location.line { location.column.saturating_add(1) } else { 1 };
    let region = Region {
        start_line: location.line.max(1),
        start_column: location.column.max(1),
        end_line: end_line.max(1),
        end_column: location.end_column.max(least).max(1),
    };
    let uri = encode(&super::relative(&escape::line(&location.file)));
    Place { physical_location: PhysicalLocation { artifact_location: ArtifactLocation { uri }, region } }
}

/// Escapes what a relative URI cannot hold; a colon could be taken for the end of a scheme.
fn encode(path: &str) -> String {
    use std::fmt::Write as _;
    let mut out = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_' | b'~' | b'/') {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

const fn level(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical | Severity::High => "error",
        Severity::Medium => "warning",
        Severity::Low | Severity::Info => "note",
    }
}

/// A number on the scale of CVSS, by which code scanning sorts; as text, or it is ignored.
const fn security_severity(severity: Severity) -> &'static str {
    match severity {
        Severity::Critical => "9.5",
        Severity::High => "8.0",
        Severity::Medium => "5.5",
        Severity::Low => "2.0",
        Severity::Info => "0.1",
    }
}
