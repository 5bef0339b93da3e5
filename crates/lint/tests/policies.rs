//! Policies with the mistakes that people publish, and careful ones: each is rejected for exactly what it says, or for nothing.
#![expect(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use gauntlet_lint::{Linted, Options, lint_all};
use gauntlet_policy::Policy;
use gauntlet_record::Severity;

/// The files of a folder beside this test, by name, with their text.
fn files(folder: &str) -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/policies").join(folder);
    let mut files: Vec<(String, String)> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_string_lossy().into_owned(), fs::read_to_string(&path).unwrap()))
        .collect();
    files.sort();
    files
}

/// Without a look at the host, so that the table holds on every machine.
fn look(name: &str, text: &str) -> Linted {
    let policy = Policy::parse(name, text).unwrap_or_else(|faults| panic!("{name}: {faults:?}"));
    lint_all(&policy, &Options { today: Some("2026-01-31".into()), host: false, ..Options::default() })
}

/// The rules that reject a policy.
fn rejects(linted: &Linted) -> BTreeSet<String> {
    let bad = linted.findings.iter().filter(|finding| finding.severity >= Severity::Medium);
    bad.map(|finding| finding.rule.clone()).collect()
}

#[test]
fn every_over_broad_policy_is_rejected_for_exactly_what_it_says() {
    let files = files("over-broad");
    assert!(files.len() >= 10);
    let mut wrong = Vec::new();
    for (name, text) in files {
        let named = text.lines().filter_map(|line| line.strip_prefix("# Rejected for: "));
        let named: BTreeSet<String> = named.flat_map(|line| line.split(", ")).map(str::to_owned).collect();
        let found = rejects(&look(&name, &text));
        assert!(!named.is_empty(), "{name} says nothing");
        if found != named {
            let (more, less) = (found.difference(&named), named.difference(&found));
            wrong.push(format!("{name}: also {:?}; not {:?}", more.collect::<Vec<_>>(), less.collect::<Vec<_>>()));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn no_careful_policy_is_rejected() {
    let files = files("careful");
    assert!(files.len() >= 10);
    let mut wrong = Vec::new();
    for (name, text) in files {
        let found = rejects(&look(&name, &text));
        if !found.is_empty() {
            wrong.push(format!("{name}: {found:?}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
