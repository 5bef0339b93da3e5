//! The checklist, the claims and the frameworks: what evidence does to them, and what missing evidence does.
#![expect(clippy::unwrap_used, reason = "tests may")]

use std::collections::BTreeSet;

use gauntlet_audit::{
    Answer, Audit, Check, Controls, Decider, Inputs, Lint, Reply, Standing, State, Status, Supply, audit,
};
use gauntlet_record::{CaughtBy, Mutation, MutationScore, Record, Verdict};
use proptest::prelude::*;

mod support;

use support::{all_checks, all_holds, line, of, standing};

#[test]
fn the_data_is_whole() {
    let controls = Controls::embedded().unwrap();
    let ids: Vec<&str> = controls.framework_ids().collect();
    assert_eq!(ids.len(), 10, "{ids:?}");
    let audit = of(&support::sound(), all_checks(State::Holds), Vec::new());
    assert!(audit.lines.len() >= 40 && audit.claims.len() >= 30, "{} {}", audit.lines.len(), audit.claims.len());
    assert_eq!(audit.risks.len(), 7);
    let used: BTreeSet<&str> = audit
        .frameworks
        .iter()
        .flat_map(|framework| &framework.controls)
        .flat_map(|control| &control.claims)
        .map(String::as_str)
        .collect();
    let idle: Vec<&str> = audit.claims.iter().map(|claim| claim.id.as_str()).filter(|id| !used.contains(id)).collect();
    assert_eq!(idle, ["runs-repeatable", "processor-mitigated"], "claims that no control uses");
    for control in audit.frameworks.iter().flat_map(|framework| &framework.controls) {
        assert!(control.reason.ends_with('.'), "{}: {}", control.id, control.reason);
        for text in [&control.reason, &control.why, &control.title] {
            assert!(!text.to_lowercase().contains("compl") || control.id == "5.36", "{text}");
        }
    }
}

#[test]
fn with_all_evidence_there_all_lines_are_decided_by_it_but_those_that_ask_a_person() {
    let audit = of(&support::sound(), all_checks(State::Holds), Vec::new());
    let open: Vec<(&str, &str)> = audit
        .lines
        .iter()
        .filter(|line| !matches!(line.status, Status::Satisfied | Status::NotApplicable))
        .map(|line| (line.id.as_str(), line.says.as_str()))
        .collect();
    assert_eq!(
        open.iter().map(|(id, _)| *id).collect::<Vec<_>>(),
        ["A1.subscribed", "A4.received", "A4.dashboard"],
        "{open:#?}"
    );
    assert!(
        audit.claims.iter().all(|claim| claim.standing == Standing::Supported),
        "{:#?}",
        audit
            .claims
            .iter()
            .filter(|claim| claim.standing != Standing::Supported)
            .map(|claim| (&claim.id, &claim.why))
            .collect::<Vec<_>>()
    );
    assert!(
        audit
            .frameworks
            .iter()
            .flat_map(|framework| &framework.controls)
            .all(|control| control.standing == Standing::Supported)
    );
    assert!(audit.summary.decided_by_evidence * 100 >= audit.summary.lines * 70);
    all_holds(&audit);
}

#[test]
fn without_evidence_nothing_is_decided_and_nothing_claimed() {
    let mut record = support::sound();
    record.trials.clear();
    let audit = of(&record, Vec::new(), Vec::new());
    for line in &audit.lines {
        let by_text = line.evidence.iter().any(|item| item.holds == Some(true)) || line.status == Status::NotApplicable;
        assert!(line.decided_by != Decider::Evidence || by_text, "{line:#?}");
    }
    assert_eq!(line(&audit, "A1.memory").status, Status::NeedsAPerson);
    assert_eq!(standing(&audit, "memory-bounded"), Standing::NoEvidence);
    assert_eq!(standing(&audit, "attacked"), Standing::NoEvidence);
}

#[test]
fn a_run_that_was_cut_short_proves_nothing() {
    let record = Record { complete: false, ..support::sound() };
    let audit = of(&record, all_checks(State::Holds), Vec::new());
    for line in audit
        .lines
        .iter()
        .filter(|line| line.evidence.iter().any(|item| item.kind == gauntlet_audit::EvidenceKind::Trial))
    {
        assert_eq!(line.status, Status::NeedsAPerson, "{line:#?}");
    }
    assert!(audit.unknown[0].contains("cut short"), "{:?}", audit.unknown);
    assert_ne!(audit.summary.exit, gauntlet_record::exit::CLEAN);
}

#[test]
fn a_contained_trial_without_a_live_control_proves_nothing() {
    let mut record = support::sound();
    for trial in &mut record.trials {
        trial.witnessed = false;
        trial.live_reason = None;
    }
    let audit = of(&record, all_checks(State::Holds), Vec::new());
    assert_eq!(line(&audit, "A1.memory").status, Status::NeedsAPerson);
    assert_eq!(standing(&audit, "memory-bounded"), Standing::NoEvidence);
}

#[test]
fn what_evidence_says_no_person_unsays() {
    let mut record = support::sound();
    let trial =
        record.trials.iter_mut().find(|trial| trial.subjects.iter().any(|key| key == "grants.network")).unwrap();
    trial.verdict = Verdict::Breached;
    let answer = |line: &str| Answer {
        line: line.into(),
        answer: Reply::Yes,
        by: "Test Person".into(),
        date: "2026-11-20".into(),
        note: "so I say".into(),
    };
    let audit = of(&record, all_checks(State::Fails), vec![answer("A2.closed"), answer("A1.subscribed")]);
    assert_eq!(line(&audit, "A2.closed").status, Status::NotSatisfied);
    let attested = line(&audit, "A1.subscribed");
    assert_eq!((attested.status, attested.decided_by), (Status::Attested, Decider::Person));
    assert!(attested.says.contains("Test Person on 2026-11-20"), "{}", attested.says);
}

#[test]
fn a_known_gap_is_a_gap() {
    let mut record = support::sound();
    let trial = record.trials.iter_mut().find(|trial| trial.subjects.iter().any(|key| key == "limits.memory")).unwrap();
    trial.verdict = Verdict::Breached;
    trial.known = Some(gauntlet_record::Known { reason: "known".into(), link: String::new() });
    record.known_allowed = true;
    let audit = of(&record, all_checks(State::Holds), Vec::new());
    assert_eq!(standing(&audit, "memory-bounded"), Standing::Broken);
    assert_eq!(audit.summary.exit, gauntlet_record::exit::BREACH);
}

#[test]
fn a_waiver_does_not_satisfy_a_line() {
    let finding = support::finding("grant-root");
    let lint = Lint { source: "t".into(), waived: Some(vec![finding]), ..Lint::default() };
    let audit = support::with(&support::sound(), lint, all_checks(State::Holds), Vec::new(), Vec::new());
    assert_eq!(line(&audit, "A2.never-root").status, Status::NotSatisfied);
}

#[test]
fn a_score_is_counted_and_not_believed() {
    let mutation = |name: &str, caught: bool, by: usize| Mutation {
        name: name.into(),
        mistake: "m".into(),
        caught,
        caught_by: vec![CaughtBy { attack: "a/b".into(), verdict: Verdict::Breached }; by],
        backstopped: Vec::new(),
    };
    let mut record = support::sound();
    record.mutation = Some(MutationScore {
        caught: 2,
        total: 2,
        mutations: vec![mutation("one", true, 1), mutation("two", true, 0)],
    });
    let audit = of(&record, Vec::new(), Vec::new());
    let score = audit.mutation.clone().unwrap();
    assert_eq!((score.caught, score.total), (1, 2));
    assert_eq!(standing(&audit, "attacked"), Standing::Broken);
    // Another corpus shows nothing of this one.
    let mut other = record.clone();
    other.corpus.sha256 = "0".repeat(64);
    record.mutation = None;
    let inputs = Inputs {
        selftest: Some(&other),
        ..support::inputs(&record, Lint::default(), Vec::new(), Vec::new(), Vec::new())
    };
    let audit = audit_of(inputs);
    assert_eq!(standing(&audit, "attacked"), Standing::NoEvidence);
}

fn audit_of(inputs: Inputs<'_>) -> Audit {
    audit(&Controls::embedded().unwrap(), inputs).unwrap()
}

#[test]
fn a_framework_is_chosen_by_name_and_an_unknown_one_refused() {
    let record = support::sound();
    let inputs = |names: &[&str]| Inputs {
        frameworks: names.iter().map(|name| (*name).to_owned()).collect(),
        ..support::inputs(&record, Lint::default(), Vec::new(), Vec::new(), Vec::new())
    };
    let controls = Controls::embedded().unwrap();
    let two = audit(&controls, inputs(&["soc2", "iso27001"])).unwrap();
    assert_eq!(two.frameworks.len(), 2);
    assert!(audit(&controls, inputs(&["soc3"])).unwrap_err().to_string().contains("soc2"));
}

#[test]
fn residual_risk_follows_from_the_mitigations() {
    let sound = of(&support::sound(), all_checks(State::Holds), Vec::new());
    let risk = |audit: &Audit, id: &str| audit.risks.iter().find(|risk| risk.id == id).unwrap().residual;
    assert_eq!(risk(&sound, "risk.memory"), gauntlet_audit::Level::Low);
    assert_eq!(risk(&sound, "risk.side-channels"), gauntlet_audit::Level::Medium);
    let mut record = support::sound();
    for trial in record.trials.iter_mut().filter(|trial| trial.subjects.iter().any(|key| key == "limits.memory")) {
        trial.verdict = Verdict::Breached;
    }
    assert_eq!(risk(&of(&record, Vec::new(), Vec::new()), "risk.memory"), gauntlet_audit::Level::High);
}

fn verdict() -> impl Strategy<Value = Verdict> {
    prop_oneof![
        Just(Verdict::Contained),
        Just(Verdict::Breached),
        Just(Verdict::Inconclusive),
        Just(Verdict::Unsupported)
    ]
}

fn state() -> impl Strategy<Value = State> {
    prop_oneof![
        Just(State::Holds),
        Just(State::Fails),
        Just(State::Unknown),
        Just(State::NotApplicable),
        Just(State::Told)
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Taking evidence away never makes anything better, and what is satisfied or supported has evidence all of which speaks for it.
    #[test]
    fn a_claim_never_survives_missing_evidence(
        verdicts in prop::collection::vec((verdict(), any::<bool>()), 200),
        states in prop::collection::vec(state(), 60),
        complete in any::<bool>(),
    ) {
        let mut record = Record { complete, ..support::sound() };
        for (trial, (verdict, witnessed)) in record.trials.iter_mut().zip(verdicts) {
            trial.verdict = verdict;
            trial.witnessed = witnessed;
        }
        let checks: Vec<Check> = all_checks(State::Holds).into_iter().zip(states).map(|(check, state)| Check { state, ..check }).collect();
        let full = of(&record, checks.clone(), Vec::new());
        all_holds(&full);
        let less = of(&Record { trials: record.trials.iter().step_by(2).cloned().collect(), ..record.clone() }, checks, Vec::new());
        for (line, lesser) in full.lines.iter().zip(&less.lines) {
            if line.status == Status::NeedsAPerson {
                // What was open for want of evidence may only stay open, unless what was doubtful was taken away.
                prop_assert!(lesser.status != Status::NotSatisfied, "{line:#?} {lesser:#?}");
            }
        }
    }
}

#[test]
fn the_supply_chain_counts_each_advisory_once() {
    let advisory = |id: &str| gauntlet_audit::Advisory {
        id: id.into(),
        aliases: Vec::new(),
        package: "p".into(),
        version: "1.0.0".into(),
        title: String::new(),
        date: "2026-01-01".into(),
        kind: "vulnerability".into(),
        severity: "high".into(),
        patched: Vec::new(),
        ignored: None,
    };
    let list = |of: &str| gauntlet_audit::DependencyList {
        of: of.into(),
        source: String::new(),
        sha256: String::new(),
        packages: 1,
        elsewhere: Vec::new(),
        looked_up: true,
        advisories: vec![advisory("RUSTSEC-2099-0001")],
        notes: Vec::new(),
    };
    let record = support::sound();
    let supply = Supply { database: None, lists: vec![list("project"), list("gauntlet")] };
    let inputs = Inputs {
        supply,
        ..support::inputs(&record, Lint::default(), all_checks(State::Holds), Vec::new(), Vec::new())
    };
    let audit = audit_of(inputs);
    assert_eq!((audit.summary.open_advisories, audit.summary.exit), (1, gauntlet_record::exit::BREACH));
}
