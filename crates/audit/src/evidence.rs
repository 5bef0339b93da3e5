//! What the evidence says of a line or a claim. Missing evidence never speaks for anything.

use std::collections::BTreeMap;

use gauntlet_policy::parse_quantity;
use gauntlet_record::{Granted, LimitKey, Record, Role, Trial, Verdict, Why};

use crate::controls::Needs;
use crate::model::{Check, Evidence, EvidenceKind, Lint, State};

/// What evidence is looked for in.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Sources<'a> {
    pub(crate) record: &'a Record,
    pub(crate) lint: &'a Lint,
    pub(crate) checks: &'a [Check],
}

/// What the evidence says of one need.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Says {
    /// It speaks for it.
    Yes,
    /// It is missing, or says nothing.
    Nothing,
    /// It speaks against it.
    No,
}

/// What the evidence for something comes to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Finding {
    /// The worst of its parts.
    pub(crate) says: Says,
    /// Why, in one sentence.
    pub(crate) why: String,
    pub(crate) evidence: Vec<Evidence>,
}

/// One need, judged.
struct Part {
    says: Says,
    why: String,
    evidence: Vec<Evidence>,
}

impl Part {
    fn one(kind: EvidenceKind, id: &str, says: Says, why: impl Into<String>) -> Self {
        let why = why.into();
        let evidence = vec![evidence(kind, id, why.clone(), says)];
        Self { says, why, evidence }
    }
}

fn evidence(kind: EvidenceKind, id: &str, text: String, says: Says) -> Evidence {
    let holds = match says {
        Says::Yes => Some(true),
        Says::No => Some(false),
        Says::Nothing => None,
    };
    Evidence { kind, id: id.to_owned(), says: text, holds }
}

/// Judges all needs. No need at all is nothing said.
pub(crate) fn judge(needs: &Needs, from: Sources<'_>) -> Finding {
    let mut parts: Vec<Part> = Vec::new();
    parts.extend(needs.trials.iter().map(|name| trials(name, from)));
    parts.extend(needs.clean.iter().map(|rule| clean(rule, from)));
    parts.extend(needs.clean_with_module.iter().map(|rule| match &from.lint.module {
        Some(_) => clean(rule, from),
        None => Part::one(EvidenceKind::Rule, rule, Says::Nothing, "the policy was not compared with a module"),
    }));
    parts.extend(needs.checks.iter().map(|id| check(id, from.checks)));
    parts.extend(needs.jail.iter().map(|mechanism| jail(mechanism, from.record)));
    parts.extend(needs.measured.iter().map(|limit| measured(limit, from.record)));
    parts.extend(needs.at_most.iter().map(|(key, most)| at_most(key, most, from.record)));
    parts.extend(needs.values.iter().map(|(key, value)| has_value(key, value, from.record)));
    let Some(says) = parts.iter().map(|part| part.says).max() else {
        return Finding { says: Says::Nothing, why: "only a person can know".into(), evidence: Vec::new() };
    };
    let deciding: Vec<&str> = parts.iter().filter(|part| part.says == says).map(|part| part.why.as_str()).collect();
    let why = match says {
        Says::Yes => all(&parts),
        Says::No | Says::Nothing => deciding.join("; "),
    };
    Finding { says, why, evidence: parts.into_iter().flat_map(|part| part.evidence).collect() }
}

/// What everything says that speaks for it, in one sentence.
fn all(parts: &[Part]) -> String {
    let rules = parts.iter().filter(|part| part.evidence.iter().any(|item| item.kind == EvidenceKind::Rule)).count();
    let mut said: Vec<String> = parts
        .iter()
        .filter(|part| part.evidence.iter().all(|item| item.kind != EvidenceKind::Rule))
        .map(|part| part.why.clone())
        .collect();
    match rules {
        0 => {}
        1 => said.push("one rule of the linter finds nothing".into()),
        rules => said.push(format!("{rules} rules of the linter find nothing")),
    }
    said.join("; ")
}

/// Trials about a key of the policy, or whose attack's id begins so.
fn trials(name: &str, from: Sources<'_>) -> Part {
    let record = from.record;
    let about = |trial: &&Trial| {
        if name.contains('/') { trial.attack.starts_with(name) } else { trial.subjects.iter().any(|key| key == name) }
    };
    let about: Vec<&Trial> = record.trials.iter().filter(about).collect();
    let several = record.targets.len() > 1;
    let shown: Vec<Evidence> = about
        .iter()
        .map(|trial| {
            let id = if several { format!("{} on {}", trial.attack, trial.target) } else { trial.attack.clone() };
            let (says, text) = of_trial(trial);
            evidence(EvidenceKind::Trial, &id, text, says)
        })
        .collect();
    let count = |verdict| about.iter().filter(|trial| trial.verdict == verdict).count();
    let (breached, open) = (count(Verdict::Breached), count(Verdict::Inconclusive));
    let proving = about.iter().filter(|trial| of_trial(trial).0 == Says::Yes).count();
    let held = record.policy.values.iter().find(|value| value.key == name).and_then(|value| value.not_held.as_deref());
    let names = |verdict| {
        let ids: Vec<&str> =
            about.iter().filter(|trial| trial.verdict == verdict).map(|trial| trial.attack.as_str()).take(3).collect();
        ids.join(", ")
    };
    let (says, why) = if breached > 0 {
        (Says::No, format!("`{name}` was breached by {}", more(&names(Verdict::Breached), breached)))
    } else if let Some(reason) = held {
        (Says::Nothing, format!("`{name}` is not proved: {reason}"))
    } else if !record.complete {
        (Says::Nothing, format!("the run was cut short, which proves nothing of `{name}`"))
    } else if open > 0 {
        (Says::Nothing, format!("trials of `{name}` are inconclusive: {}", more(&names(Verdict::Inconclusive), open)))
    } else if proving == 0 {
        (Says::Nothing, format!("no trial proves `{name}`"))
    } else {
        let attacks = if proving == 1 { "1 attack".to_owned() } else { format!("{proving} attacks") };
        (Says::Yes, format!("`{name}` contained {attacks}"))
    };
    Part { says, why, evidence: shown }
}

fn more(names: &str, all: usize) -> String {
    let shown = names.split(", ").count();
    if all > shown { format!("{names} and {} more", all - shown) } else { names.to_owned() }
}

/// What one trial says, and the words for it. Contained counts with a live control that worked, or with a reason why there is none.
fn of_trial(trial: &Trial) -> (Says, String) {
    let cause = trial.cause.map_or_else(|| "no cause shown".to_owned(), |cause| cause.to_string());
    match trial.verdict {
        Verdict::Contained if trial.witnessed => {
            let weak = if trial.why == Why::StoppedSilently { ", weak" } else { "" };
            (Says::Yes, format!("contained ({cause}{weak}), its live control worked"))
        }
        Verdict::Contained => match &trial.live_reason {
            Some(reason) => (Says::Yes, format!("contained ({cause}); no live control: {reason}")),
            None => (Says::Nothing, format!("contained ({cause}), but no live control showed that it works")),
        },
        Verdict::Breached => {
            let known = if trial.known.is_some() { " (a known gap)" } else { "" };
            (Says::No, format!("breached{known}: {}", trial.reason))
        }
        Verdict::Inconclusive => (Says::Nothing, format!("inconclusive: {}", trial.reason)),
        Verdict::Unsupported => (Says::Nothing, format!("unsupported: {}", trial.reason)),
    }
}

fn clean(rule: &str, from: Sources<'_>) -> Part {
    let found: Vec<_> = from.lint.findings.iter().filter(|finding| finding.rule == rule).collect();
    let waived: Vec<_> = from.lint.waived.iter().flatten().filter(|finding| finding.rule == rule).collect();
    if let Some(first) = found.first() {
        let place = format!("{}:{}", first.location.file, first.location.line);
        return Part::one(EvidenceKind::Rule, rule, Says::No, format!("{} ({place})", first.message));
    }
    if let Some(first) = waived.first() {
        // A waiver is somebody's word, and what it accepts is there all the same.
        return Part::one(EvidenceKind::Rule, rule, Says::No, format!("{}, which the policy waives", first.message));
    }
    Part::one(EvidenceKind::Rule, rule, Says::Yes, "finds nothing")
}

fn check(id: &str, checks: &[Check]) -> Part {
    let Some(found) = checks.iter().find(|check| check.id == id) else {
        return Part::one(EvidenceKind::Check, id, Says::Nothing, format!("`{id}` was not looked at"));
    };
    let says = match found.state {
        State::Holds => Says::Yes,
        State::Fails => Says::No,
        State::Unknown | State::NotApplicable | State::Told => Says::Nothing,
    };
    Part::one(EvidenceKind::Check, id, says, found.says.clone())
}

/// Whether every worker that reported its jail had a mechanism in full.
fn jail(mechanism: &str, record: &Record) -> Part {
    let of = |granted| {
        let runs = record
            .trials
            .iter()
            .filter(|trial| trial.verdict == Verdict::Contained)
            .filter_map(|trial| trial.run(Role::Attack));
        runs.flat_map(|run| &run.confinement)
            .filter(|seen| seen.mechanism == mechanism && seen.granted == granted)
            .count()
    };
    let (full, short) = (of(Granted::Full), of(Granted::Partial) + of(Granted::None));
    let (says, why) = match (full, short) {
        (0, 0) => (Says::Nothing, format!("no worker reported `{mechanism}`")),
        (full, 0) if record.complete => (Says::Yes, format!("{full} workers reported `{mechanism}` in full")),
        (_, 0) => (Says::Nothing, format!("the run was cut short, which proves nothing of `{mechanism}`")),
        (full, short) => {
            (Says::No, format!("{short} of {} workers went without the whole of `{mechanism}`", full + short))
        }
    };
    Part::one(EvidenceKind::Jail, mechanism, says, why)
}

/// Whether the executor measured the use of a limit wherever a guest ran.
fn measured(limit: &str, record: &Record) -> Part {
    let (mut seen, mut missing) = (0_usize, 0_usize);
    for trial in &record.trials {
        let Some(run) = trial.run(Role::Benign) else { continue };
        for usage in run.usage.iter().filter(|usage| usage.limit.as_str() == limit) {
            if usage.used.is_some() { seen += 1 } else { missing += 1 }
        }
    }
    let (says, why) = match (seen, missing) {
        (0, 0) => (Says::Nothing, format!("no run reports the use of `{limit}`")),
        (seen, _) if seen > 0 && record.complete => {
            let rest = if missing > 0 { format!(", {missing} say why not") } else { String::new() };
            (Says::Yes, format!("{seen} runs of harmless guests report the use of `{limit}`{rest}"))
        }
        (0, missing) => (Says::No, format!("{missing} runs ask for the use of `{limit}`, and none reports it")),
        _ => (Says::Nothing, format!("the run was cut short, which proves nothing of `{limit}`")),
    };
    Part::one(EvidenceKind::Measured, limit, says, why)
}

/// The value of a key in the policy of a record.
fn value<'r>(key: &str, record: &'r Record) -> Option<&'r str> {
    record.policy.values.iter().find(|value| value.key == key).map(|value| value.value.as_str())
}

fn at_most(key: &str, most: &str, record: &Record) -> Part {
    let part = |says, why: String| Part::one(EvidenceKind::Value, key, says, why);
    let Some(found) = value(key, record) else {
        return part(Says::Nothing, format!("the record does not tell `{key}`"));
    };
    if found == "unlimited" {
        return part(Says::No, format!("`{key}` is unlimited"));
    }
    let Some(unit) = key.strip_prefix("limits.").and_then(|name| name.parse::<LimitKey>().ok()).map(LimitKey::unit)
    else {
        return part(Says::Nothing, format!("`{key}` is not a limit"));
    };
    // As a policy would spell it: without the blanks that people read numbers by.
    let plain: String = found.chars().filter(|c| !c.is_whitespace()).collect();
    match (parse_quantity(&plain, unit), parse_quantity(most, unit)) {
        (Ok(is), Ok(bound)) if is <= bound => {
            part(Says::Yes, format!("`{key}` is {found}, at most {}", unit.show(bound)))
        }
        (Ok(_), Ok(bound)) => part(Says::No, format!("`{key}` is {found}, more than {}", unit.show(bound))),
        _ => part(Says::Nothing, format!("`{key}` is {found}, which cannot be compared")),
    }
}

fn has_value(key: &str, wanted: &str, record: &Record) -> Part {
    let (says, why) = match value(key, record) {
        None => (Says::Nothing, format!("the record does not tell `{key}`")),
        Some(found) if found == wanted => (Says::Yes, format!("`{key}` is {found}")),
        Some(found) => (Says::No, format!("`{key}` is {found}")),
    };
    Part::one(EvidenceKind::Value, key, says, why)
}

/// Whether all of these keys have these values; an empty list is not so.
pub(crate) fn all_values(wanted: &[(String, String)], record: &Record) -> bool {
    !wanted.is_empty() && wanted.iter().all(|(key, wanted)| value(key, record) == Some(wanted))
}

/// Trials by verdict.
pub(crate) fn verdicts(record: &Record) -> BTreeMap<String, u64> {
    Verdict::ALL.iter().map(|verdict| (verdict.to_string(), record.count(*verdict) as u64)).collect()
}
