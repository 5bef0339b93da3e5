//! The policies that we ship, held against the rules.

use std::collections::BTreeSet;

use gauntlet_lint::{Format, HostFacts, Options, lint_all, render};
use gauntlet_policies::{EXAMPLES, PRESETS};
use gauntlet_policy::Policy;
use gauntlet_record::Severity;

fn options() -> Options {
    Options { today: Some("2026-01-31".into()), host: false, ..Options::default() }
}

#[test]
fn nothing_but_information_is_found_in_any_preset() {
    for (name, text) in PRESETS {
        let mut linted = lint_all(&Policy::parse(name, text).unwrap(), &options());
        let told: BTreeSet<&str> = linted.findings.iter().map(|finding| finding.rule.as_str()).collect();
        // Which module runs, and whether more fuel than usual is right, is for whoever takes the preset to say.
        assert!(told.is_subset(&BTreeSet::from(["module-digest-missing", "fuel-above-baseline"])), "{name}: {told:?}");
        linted.findings.retain(|finding| finding.severity > Severity::Info);
        assert_eq!(linted.findings, [], "{name}");
        assert_eq!(linted.waived, [], "{name}");
        assert_eq!(render(&linted.findings, &[], Format::Human, true), "");
    }
}

#[test]
fn a_host_that_has_everything_adds_but_information_to_a_preset() {
    let mechanisms = ["process", "seccomp", "landlock", "namespaces", "cgroup"].map(str::to_owned).to_vec();
    let facts = HostFacts { mechanisms, memory: Some(8 << 30), root: true };
    let options = Options { facts, host: true, ..options() };
    for (name, text) in PRESETS {
        let findings = lint_all(&Policy::parse(name, text).unwrap(), &options).findings;
        assert!(findings.iter().all(|finding| finding.severity == Severity::Info), "{name}: {findings:?}");
        let optional = findings.iter().any(|finding| finding.rule == "isolation-optional");
        assert_eq!(optional, *name != "hardened", "{name}");
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
