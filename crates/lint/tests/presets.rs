//! The policies that we ship, held against the rules.

use std::collections::BTreeSet;

use gauntlet_lint::{Format, Options, lint_all, render};
use gauntlet_policies::{EXAMPLES, PRESETS};
use gauntlet_policy::Policy;

fn options() -> Options {
    Options { today: Some("2026-01-31".into()), host: false, ..Options::default() }
}

#[test]
fn nothing_is_found_in_any_preset() {
    for (name, text) in PRESETS {
        let linted = lint_all(&Policy::parse(name, text).unwrap(), &options());
        assert_eq!(linted.findings, [], "{name}");
        assert_eq!(linted.waived, [], "{name}");
        assert_eq!(render(&linted.findings, &[], Format::Human, true), "");
    }
}

#[test]
fn the_over_broad_example_gives_many_findings_each_with_line_and_fix() {
    let (name, text) = EXAMPLES.iter().find(|(name, _)| *name == "over-broad").unwrap();
    let file = format!("policies/examples/{name}.yaml");
    let findings = lint_all(&Policy::parse(&file, text).unwrap(), &options()).findings;
    let rules: BTreeSet<&str> = findings.iter().map(|finding| finding.rule.as_str()).collect();
    assert!(rules.len() >= 10, "{rules:?}");
    for finding in &findings {
        assert!(finding.location.line >= 1 && (finding.location.line as usize) <= text.lines().count(), "{finding:?}");
        assert!(!finding.fix.is_empty() && !finding.message.is_empty(), "{finding:?}");
        assert_eq!(finding.location.file, file);
    }
    let expected = [
        "fuel-and-deadline-missing",
        "memory-unbounded",
        "table-elements-unbounded",
        "output-unbounded",
        "stack-too-large",
        "grant-root",
        "grant-credentials",
        "grant-control-socket",
        "grant-dot",
        "network-any",
        "network-metadata",
        "network-listen",
        "environment-secret-name",
        "environment-secret-value",
        "stdin-inherit",
        "random-seeded",
        "feature-threads",
        "feature-unstable",
        "module-precompiled",
        "import-unknown-stubbed",
        "isolation-off",
        "error-detail-full",
        "waiver-without-reason",
        "audit-in-guest-reach",
        "disk-unbounded",
    ];
    for rule in expected {
        assert!(rules.contains(rule), "{rule} is missing");
    }
}
