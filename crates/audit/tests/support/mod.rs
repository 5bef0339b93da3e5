//! A record in which everything held, and what tests make of it.
#![allow(dead_code, reason = "each test file uses some of it")]

use gauntlet_audit::{
    Answer, Audit, Check, Claim, Controls, Decider, Inputs, Line, Lint, Standing, State, Status, Supply, audit,
};
use gauntlet_record::{
    Category, Cause, Confidence, Confinement, Finding, Granted, Layer, LimitKey, Location, PolicyValue, Record, Role,
    Run, Severity, TargetInfo, Trial, Usage, Verdict, Why,
};

/// What the trials of a run are about.
const TRIALS: &str = include_str!("../trials.tsv");

/// The attacks, each with the keys of the policy that it is about.
pub(crate) fn attacks() -> impl Iterator<Item = (&'static str, Vec<&'static str>)> {
    let lines = TRIALS.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| {
        let (attack, keys) = line.split_once('\t').expect("an attack and its keys");
        (attack, keys.split(',').filter(|key| !key.is_empty()).collect())
    })
}

/// A record of a run in which every attack was contained, with its live control.
pub(crate) fn sound() -> Record {
    let example = gauntlet_record::example();
    let pattern =
        example.trials.iter().find(|trial| trial.verdict == Verdict::Contained).expect("one is contained").clone();
    let run = pattern.runs[0].clone();
    let trials = attacks()
        .map(|(attack, keys)| Trial {
            attack: attack.into(),
            subjects: keys.iter().map(|key| (*key).to_owned()).collect(),
            verdict: Verdict::Contained,
            why: Why::Stopped,
            witnessed: true,
            live_reason: None,
            known: None,
            cause: Some(Cause::NoEffect),
            layer: Some(Layer::Grants),
            target: "worker".into(),
            runs: vec![of_role(&run, Role::Attack), of_role(&run, Role::Benign)],
            ..pattern.clone()
        })
        .collect();
    let value = |(key, value): (&str, &str)| PolicyValue {
        key: key.into(),
        value: value.into(),
        line: Some(1),
        not_held: None,
    };
    let values = [
        ("limits.deadline", "10 s"),
        ("limits.fuel", "100 000 000"),
        ("limits.memory", "128 MiB"),
        ("limits.stack", "1 MiB"),
        ("grants.filesystem", "none"),
        ("grants.network", "none"),
        ("grants.environment", "none"),
        ("grants.arguments", "none"),
        ("grants.stdin", "closed"),
        ("errors", "generic"),
    ];
    let mut record = Record {
        complete: true,
        targets: vec![TargetInfo {
            name: "worker".into(),
            engine: "wasmtime".into(),
            version: "48.0.8".into(),
            sha256: None,
        }],
        trials,
        findings: Vec::new(),
        mutation: None,
        known_allowed: false,
        ..example
    };
    record.policy.values = values.map(value).to_vec();
    record
}

fn of_role(run: &Run, role: Role) -> Run {
    const JAIL: [&str; 9] = [
        "process",
        "seccomp",
        "landlock",
        "namespaces",
        "cgroup",
        "user",
        "capabilities",
        "no-new-privileges",
        "rlimits",
    ];
    let seen = |name: &&str| Confinement { mechanism: (*name).into(), granted: Granted::Full, note: String::new() };
    let used = |limit| Usage { limit, used: Some(1), cap: Some(2), unmeasured: None };
    Run {
        role,
        confinement: JAIL.iter().map(seen).collect(),
        usage: vec![used(LimitKey::Fuel), used(LimitKey::Memory)],
        ..run.clone()
    }
}

/// A finding of a rule.
pub(crate) fn finding(rule: &str) -> Finding {
    Finding {
        rule: rule.into(),
        severity: Severity::High,
        category: Category::Security,
        confidence: Confidence::High,
        message: format!("{rule} is so"),
        impact: String::new(),
        fix: String::new(),
        location: Location { file: "p.yaml".into(), line: 1, column: 1, end_line: 1, end_column: 2 },
        references: Vec::new(),
    }
}

/// Every check that the data names, in one state, but for those of the harness, which the audit adds itself.
pub(crate) fn all_checks(state: State) -> Vec<Check> {
    let names = gauntlet_reports::CONTROLS
        .iter()
        .flat_map(|(_, text)| text.split(|c: char| !(c.is_ascii_alphanumeric() || matches!(c, '/' | '-'))));
    let mut ids: Vec<&str> = names
        .filter(|word| {
            ["posture/", "supply/", "drill/"].iter().any(|area| word.starts_with(area) && word.len() > area.len())
        })
        .collect();
    ids.sort_unstable();
    ids.dedup();
    ids.into_iter().map(|id| Check::new(id, id, state, "as the test says", "test")).collect()
}

pub(crate) fn inputs<'r>(
    record: &'r Record,
    lint: Lint,
    checks: Vec<Check>,
    answers: Vec<Answer>,
    frameworks: Vec<String>,
) -> Inputs<'r> {
    Inputs {
        record,
        record_bytes: b"{}",
        lint,
        checks,
        supply: Supply::default(),
        layers: None,
        selftest: None,
        answers,
        frameworks,
        version: "0.0.0".into(),
        now: "2026-11-21T10:00:00Z".into(),
        command: vec!["gauntlet".into(), "audit".into()],
    }
}

/// An audit with all of this.
pub(crate) fn with(
    record: &Record,
    lint: Lint,
    checks: Vec<Check>,
    answers: Vec<Answer>,
    frameworks: Vec<String>,
) -> Audit {
    let controls = Controls::embedded().expect("sound data");
    audit(&controls, inputs(record, lint, checks, answers, frameworks)).expect("known frameworks")
}

/// An audit of a record in which the self test caught all and two layers stand behind one another.
pub(crate) fn of(record: &Record, checks: Vec<Check>, answers: Vec<Answer>) -> Audit {
    let controls = Controls::embedded().expect("sound data");
    let mutation = gauntlet_record::Mutation {
        name: "m".into(),
        mistake: "m".into(),
        caught: true,
        caught_by: vec![gauntlet_record::CaughtBy { attack: "a/b".into(), verdict: Verdict::Breached }],
        backstopped: Vec::new(),
    };
    let tested = Record {
        mutation: Some(gauntlet_record::MutationScore { caught: 1, total: 1, mutations: vec![mutation] }),
        complete: true,
        trials: Vec::new(),
        ..record.clone()
    };
    let layers = gauntlet_audit::layers(br#"{"complete": true, "attacks": [{"attack": "a/b", "stopped-by": ["grants", "system"]}], "single-layer": {}}"#).expect("a matrix");
    let selftest = if record.mutation.is_some() { None } else { Some(&tested) };
    let lint = Lint { source: "t".into(), waived: Some(Vec::new()), ..Lint::default() };
    let inputs = Inputs { selftest, layers: Some(layers), ..inputs(record, lint, checks, answers, Vec::new()) };
    audit(&controls, inputs).expect("known frameworks")
}

pub(crate) fn line<'a>(audit: &'a Audit, id: &str) -> &'a Line {
    audit.lines.iter().find(|line| line.id == id).unwrap_or_else(|| panic!("no line `{id}`"))
}

pub(crate) fn claim<'a>(audit: &'a Audit, id: &str) -> &'a Claim {
    audit.claims.iter().find(|claim| claim.id == id).unwrap_or_else(|| panic!("no claim `{id}`"))
}

pub(crate) fn standing(audit: &Audit, id: &str) -> Standing {
    claim(audit, id).standing
}

/// What has to hold of every audit, whatever it was made of.
pub(crate) fn all_holds(audit: &Audit) {
    for line in &audit.lines {
        let speaks = |holds| line.evidence.iter().any(|item| item.holds == Some(holds));
        match (line.status, line.decided_by) {
            (Status::Satisfied, Decider::Evidence) => assert!(speaks(true) && !speaks(false), "{line:#?}"),
            (Status::NotSatisfied, Decider::Evidence) => assert!(speaks(false), "{line:#?}"),
            (Status::NotApplicable, Decider::Evidence | Decider::Person) => {}
            (Status::Attested | Status::NotSatisfied, Decider::Person) => assert!(line.answer.is_some(), "{line:#?}"),
            (Status::NeedsAPerson, Decider::Nobody) => assert!(line.question.is_some(), "{line:#?}"),
            other => panic!("{other:?}: {line:#?}"),
        }
    }
    for claim in &audit.claims {
        let speaks = |holds| claim.evidence.iter().any(|item| item.holds == Some(holds));
        match claim.standing {
            Standing::Supported => assert!(speaks(true) && !speaks(false), "{claim:#?}"),
            Standing::Broken => assert!(speaks(false), "{claim:#?}"),
            Standing::NoEvidence => assert!(!speaks(false), "{claim:#?}"),
            Standing::PartlySupported => panic!("only controls are: {claim:#?}"),
        }
    }
    for control in audit.frameworks.iter().flat_map(|framework| &framework.controls) {
        let all = |wanted: Standing| control.claims.iter().all(|id| standing(audit, id) == wanted);
        let any = |wanted: Standing| control.claims.iter().any(|id| standing(audit, id) == wanted);
        match control.standing {
            Standing::Supported => assert!(all(Standing::Supported), "{control:#?}"),
            Standing::PartlySupported => {
                assert!(any(Standing::Supported) && any(Standing::NoEvidence) && !any(Standing::Broken))
            }
            Standing::Broken => assert!(any(Standing::Broken), "{control:#?}"),
            Standing::NoEvidence => assert!(all(Standing::NoEvidence), "{control:#?}"),
        }
    }
    let by_status: u64 = audit.summary.by_status.values().sum();
    assert_eq!(by_status, audit.summary.lines);
    assert_eq!(audit.summary.lines, audit.lines.len() as u64);
}
