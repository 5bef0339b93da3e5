//! The weakened executors change the right lines: mistake by mistake, which lines of the checklist, which claims and which controls fall
//! when the attacks that are known to catch it get through. `UPDATE=1` rewrites the table; what must fall at least stands below.
//!
//! `mistakes.tsv` names the attacks, as a self test found them; a mistake of judging has none, since it is the harness that is broken: the
//! self test has to catch it, and if it does not, nothing that the harness says of the sandbox may be called tested.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;
use std::sync::LazyLock;

use gauntlet_audit::{Audit, Lint, Standing, State, Status};
use gauntlet_record::{CaughtBy, Mutation, MutationScore, Verdict};

mod support;

/// Each mistake with the attacks that catch it.
fn mistakes() -> Vec<(&'static str, Vec<&'static str>)> {
    let lines = include_str!("mistakes.tsv").lines().filter(|line| !line.starts_with('#'));
    lines
        .map(|line| {
            let (name, attacks) = line.split_once('\t').expect("a mistake and its attacks");
            (name, attacks.split(',').filter(|attack| !attack.is_empty()).collect())
        })
        .collect()
}

/// The audit of an executor with a mistake: the attacks that catch it get through. A mistake of judging is one that the self test missed.
fn weakened(name: &str, attacks: &[&str]) -> Audit {
    let mut record = support::sound();
    if attacks.is_empty() {
        let missed = Mutation {
            name: name.into(),
            mistake: name.into(),
            caught: false,
            caught_by: Vec::new(),
            backstopped: Vec::new(),
        };
        let caught_by = vec![CaughtBy { attack: "a/b".into(), verdict: Verdict::Breached }];
        let caught = Mutation { name: "another".into(), caught: true, caught_by, ..missed.clone() };
        record.mutation = Some(MutationScore { caught: 1, total: 2, mutations: vec![missed, caught] });
    }
    for attack in attacks {
        let base = |id: &str| {
            if id.starts_with("isolation/") { id.to_owned() } else { id.split('#').next().unwrap_or(id).to_owned() }
        };
        let (attack, verdict) = match attack.strip_prefix('?') {
            Some(attack) => (attack, Verdict::Inconclusive),
            None => (*attack, Verdict::Breached),
        };
        let trial = record.trials.iter_mut().find(|trial| base(&trial.attack) == base(attack));
        trial.unwrap_or_else(|| panic!("{name}: no trial of `{attack}`")).verdict = verdict;
    }
    support::of(&record, support::all_checks(State::Holds), Vec::new())
}

/// What falls: lines, claims and, by framework, controls. A question mark: for want of evidence, and not by evidence against it.
fn fallen(audit: &Audit) -> (Vec<String>, Vec<String>, BTreeMap<&str, Vec<String>>) {
    static SOUND: LazyLock<Audit> =
        LazyLock::new(|| support::of(&support::sound(), support::all_checks(State::Holds), Vec::new()));
    let sound = &*SOUND;
    let of = |id: &str, standing: Standing| match standing {
        Standing::Supported => None,
        Standing::Broken => Some(id.to_owned()),
        Standing::PartlySupported | Standing::NoEvidence => Some(format!("{id}?")),
    };
    let lines = audit.lines.iter().zip(&sound.lines).filter(|(line, before)| line.status != before.status);
    let lines = lines
        .map(|(line, _)| if line.status == Status::NotSatisfied { line.id.clone() } else { format!("{}?", line.id) })
        .collect();
    let claims = audit.claims.iter().filter_map(|claim| of(&claim.id, claim.standing)).collect();
    let controls = audit
        .frameworks
        .iter()
        .map(|framework| {
            (
                framework.id.as_str(),
                framework.controls.iter().filter_map(|control| of(&control.id, control.standing)).collect(),
            )
        })
        .collect();
    (lines, claims, controls)
}

#[test]
fn each_mistake_takes_the_lines_and_controls_of_the_table_and_no_others() {
    let mut table = String::from(
        "# What falls for each mistake. Written by `UPDATE=1 cargo test -p gauntlet-audit --test mistakes`.\n",
    );
    for (name, attacks) in mistakes() {
        let audit = weakened(name, &attacks);
        support::all_holds(&audit);
        let (lines, claims, controls) = fallen(&audit);
        let _ = writeln!(table, "\n{name}\n  lines: {}\n  claims: {}", lines.join(" "), claims.join(" "));
        for (framework, controls) in controls {
            let _ = writeln!(table, "  {framework}: {}", controls.join(" "));
        }
        assert!(!claims.is_empty(), "{name} takes no claim");
        assert_ne!(audit.summary.exit, gauntlet_record::exit::CLEAN, "{name}");
    }
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/mistakes.txt");
    if std::env::var_os("UPDATE").is_some() {
        std::fs::write(&path, &table).unwrap();
    }
    assert_eq!(std::fs::read_to_string(&path).unwrap_or_default(), table);
}

/// A mistake, and the lines, claims and controls of frameworks that fall with it.
type Falls = (&'static str, &'static [&'static str], &'static [&'static str], &'static [(&'static str, &'static str)]);

/// Written by hand, from what each mistake is: whatever else the table says, these fall.
const AT_LEAST: &[Falls] = &[
    (
        "memory-limiter-detached",
        &["A1.memory"],
        &["memory-bounded"],
        &[
            ("soc2", "A1.1"),
            ("iso27001", "8.6"),
            ("nist-800-53", "SC-6"),
            ("cwe", "CWE-770"),
            ("gdpr", "32(1)(b)"),
            ("cra", "I(2)(h)"),
        ],
    ),
    (
        "fuel-not-consumed",
        &["A1.fuel"],
        &["cpu-bounded"],
        &[("soc2", "A1.1"), ("nist-800-53", "SC-5"), ("cwe", "CWE-400")],
    ),
    ("cpu-time-ignored", &["A1.fuel"], &["cpu-bounded"], &[("asvs", "15.1.3")]),
    ("epoch-never-advanced", &[], &["cpu-bounded"], &[("iso27001", "8.6")]),
    ("timeout-round-synchronous-call", &[], &["cpu-bounded"], &[("nist-800-190", "3.4.3")]),
    ("tables-unlimited", &[], &["tables-and-handles-bounded"], &[("nist-800-53", "SC-6")]),
    ("stack-limit-ignored", &["A1.stack", "A3.stack"], &["stack-bounded"], &[("cwe", "CWE-674")]),
    ("output-unbounded", &[], &["output-bounded"], &[("cwe", "CWE-779"), ("iso27001", "8.15")]),
    (
        "network-inherited",
        &["A2.closed", "A2.never-network"],
        &["network-denied"],
        &[
            ("soc2", "CC6.6"),
            ("nist-800-53", "SC-7"),
            ("iso27001", "8.20"),
            ("pci-dss", "1.3.2"),
            ("hipaa", "164.312(e)(1)"),
        ],
    ),
    (
        "environment-inherited",
        &["A2.closed"],
        &["secrets-not-exposed"],
        &[("soc2", "C1.1"), ("iso27001", "5.17"), ("cwe", "CWE-526")],
    ),
    ("read-only-as-read-write", &[], &["files-isolated"], &[("hipaa", "164.312(c)(1)"), ("nist-800-53", "AC-3")]),
    ("naive-paths", &["A2.closed"], &["files-isolated"], &[("cwe", "CWE-22"), ("cwe", "CWE-59"), ("asvs", "5.3.2")]),
    (
        "signature-skipped-when-absent",
        &["A5.signatures"],
        &["modules-approved"],
        &[("nist-800-53", "CM-14"), ("soc2", "CC6.8"), ("cwe", "CWE-347")],
    ),
    (
        "host-errors-shown",
        &["A7.sanitised", "A7.no-host", "A7.generic"],
        &["errors-sanitised"],
        &[("nist-800-53", "SI-11"), ("cwe", "CWE-209"), ("asvs", "16.5.1")],
    ),
    ("raw-report", &[], &["log-not-forged"], &[("cwe", "CWE-117"), ("nist-800-53", "AU-9"), ("iso27001", "5.33")]),
    ("instance-reused", &["A1.process"], &["guests-separated"], &[("nist-800-53", "SC-4"), ("cwe", "CWE-226")]),
    ("features-default", &["A5.validator"], &["least-functionality"], &[("nist-800-53", "CM-7"), ("pci-dss", "2.2.4")]),
    ("module-size-ignored", &["A5.size"], &["compilation-bounded"], &[("cwe", "CWE-400")]),
    ("clock-finer-than-granted", &[], &["clocks-coarse"], &[("cwe", "CWE-208")]),
    ("random-seed-fixed", &[], &["random-unpredictable"], &[("cwe", "CWE-338"), ("asvs", "11.5.1")]),
    ("exit-code-trusted", &[], &["fails-closed"], &[("nist-800-53", "SC-24"), ("cwe", "CWE-636")]),
    ("denial-taken-for-proof", &[], &["attacked"], &[("nist-800-53", "CA-8"), ("soc2", "CC4.1")]),
    ("live-control-not-asked", &[], &["attacked"], &[("iso27001", "8.29"), ("cra", "II(3)"), ("pci-dss", "11.4.1")]),
];

#[test]
fn what_a_mistake_is_about_falls() {
    let all = mistakes();
    for (name, lines, claims, controls) in AT_LEAST {
        let attacks = &all.iter().find(|(known, _)| known == name).unwrap_or_else(|| panic!("no mistake `{name}`")).1;
        let audit = weakened(name, attacks);
        let (fallen_lines, fallen_claims, fallen_controls) = fallen(&audit);
        for line in *lines {
            assert!(fallen_lines.iter().any(|fallen| fallen == line), "{name}: {line} stands: {fallen_lines:?}");
        }
        for claim in *claims {
            assert!(fallen_claims.iter().any(|fallen| fallen == claim), "{name}: {claim} stands: {fallen_claims:?}");
        }
        for (framework, control) in *controls {
            assert!(
                fallen_controls[framework].iter().any(|fallen| fallen == control),
                "{name}: {framework} {control} stands: {fallen_controls:?}"
            );
        }
    }
}

#[test]
fn a_sound_executor_loses_nothing() {
    let (lines, claims, controls) = {
        let audit = support::of(&support::sound(), support::all_checks(State::Holds), Vec::new());
        let (lines, claims, controls) = fallen(&audit);
        (lines.len(), claims.len(), controls.values().map(Vec::len).sum::<usize>())
    };
    assert_eq!((lines, claims, controls), (0, 0, 0));
}

#[test]
fn an_executor_that_runs_nothing_is_not_called_broken_and_nothing_is_claimed_of_it() {
    let mut record = support::sound();
    for trial in &mut record.trials {
        trial.verdict = Verdict::Inconclusive;
    }
    let lint = Lint { source: "t".into(), waived: Some(Vec::new()), ..Lint::default() };
    let audit = support::with(&record, lint, support::all_checks(State::Holds), Vec::new(), Vec::new());
    assert!(audit.claims.iter().all(|claim| claim.standing != Standing::Broken));
    let rests_on_trials = |claim: &&gauntlet_audit::Claim| {
        claim.evidence.iter().any(|item| item.kind == gauntlet_audit::EvidenceKind::Trial)
    };
    assert!(audit.claims.iter().filter(rests_on_trials).all(|claim| claim.standing == Standing::NoEvidence));
    support::all_holds(&audit);
}
