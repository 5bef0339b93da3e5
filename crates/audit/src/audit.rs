//! Puts an audit together: lines, claims, controls and risks from what was gathered.

use std::collections::{BTreeMap, BTreeSet};

use gauntlet_record::{Record, Tool, exit};

use crate::controls::{Controls, LineData, RiskData, Section};
use crate::evidence::{Finding, Says, Sources, all_values, judge, verdicts};
use crate::model::{
    Answer, Audit, Check, Claim, Control, Decider, Framework, Layers, Level, Line, Lint, Mitigation, Mutation, Reply,
    Risk, SCHEMA, Standing, State, Status, Subject, Summary, Supply,
};

/// What an audit is made of.
#[derive(Debug)]
pub struct Inputs<'a> {
    /// The record of the run.
    pub record: &'a Record,
    /// The bytes of the record as they lie in the bundle; the audit names their digest.
    pub record_bytes: &'a [u8],
    /// What the linter found.
    pub lint: Lint,
    /// What was looked at besides.
    pub checks: Vec<Check>,
    /// The supply chain.
    pub supply: Supply,
    /// The layers matrix, if there is one.
    pub layers: Option<Layers>,
    /// The record of a self test, if there is one; it may be the same record.
    pub selftest: Option<&'a Record>,
    /// What persons answered.
    pub answers: Vec<Answer>,
    /// The frameworks to arrange the claims by, by id; empty for all.
    pub frameworks: Vec<String>,
    /// The tool's version.
    pub version: String,
    /// The time, RFC 3339 in UTC.
    pub now: String,
    /// The command line.
    pub command: Vec<String>,
}

/// A framework that there is not.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("no framework `{name}`; there are {known}")]
pub struct UnknownFramework {
    /// The name that was given.
    pub name: String,
    /// Those that there are.
    pub known: String,
}

/// Holds what was gathered against the checklist, the claims and the frameworks.
///
/// # Errors
///
/// If a framework is asked for that there is not.
pub fn audit(controls: &Controls, inputs: Inputs<'_>) -> Result<Audit, UnknownFramework> {
    for name in &inputs.frameworks {
        if !controls.framework_ids().any(|id| id == name) {
            let known = controls.framework_ids().collect::<Vec<_>>().join(", ");
            return Err(UnknownFramework { name: name.clone(), known });
        }
    }
    let mutation = mutation(inputs.record, inputs.selftest);
    let mut checks = inputs.checks;
    checks.push(selftest_check(mutation.as_ref()));
    checks.push(layers_check(inputs.layers.as_ref()));
    let sources = Sources { record: inputs.record, lint: &inputs.lint, checks: &checks };
    let lines: Vec<Line> =
        controls.checklist.lines().map(|(section, data)| line(section, data, sources, &inputs.answers)).collect();
    let claims: Vec<Claim> = controls
        .claims
        .iter()
        .map(|data| {
            let Finding { says, why, evidence } = judge(&data.needs, sources);
            Claim { id: data.id.clone(), says: data.says.clone(), standing: standing(says), why, evidence }
        })
        .collect();
    let standings: BTreeMap<&str, Standing> = claims.iter().map(|claim| (claim.id.as_str(), claim.standing)).collect();
    let chosen = controls
        .frameworks
        .iter()
        .filter(|framework| inputs.frameworks.is_empty() || inputs.frameworks.contains(&framework.id));
    let frameworks = chosen
        .map(|framework| Framework {
            id: framework.id.clone(),
            title: framework.title.clone(),
            edition: framework.edition.clone(),
            source: framework.source.clone(),
            note: framework.note.clone(),
            controls: framework
                .controls
                .iter()
                .map(|control| {
                    let (standing, why) = together(&control.claims, &standings);
                    Control {
                        id: control.id.clone(),
                        title: control.title.clone(),
                        reason: control.reason.clone(),
                        doubt: control.doubt.clone(),
                        checked: control.checked,
                        claims: control.claims.clone(),
                        standing,
                        why,
                    }
                })
                .collect(),
        })
        .collect();
    let risks = controls.checklist.risks.iter().map(|data| risk(data, &standings, &inputs.answers)).collect();
    let mut audit = Audit {
        schema: SCHEMA.to_owned(),
        tool: Tool { name: "gauntlet".to_owned(), version: inputs.version },
        made: inputs.now,
        command: inputs.command,
        subject: subject(inputs.record, inputs.record_bytes),
        summary: Summary::default(),
        lines,
        risks,
        claims,
        frameworks,
        checks,
        supply: inputs.supply,
        lint: inputs.lint,
        layers: inputs.layers,
        mutation,
        unknown: Vec::new(),
    };
    audit.unknown = unknown(&audit);
    audit.summary = summary(&audit, inputs.record);
    Ok(audit)
}

fn standing(says: Says) -> Standing {
    match says {
        Says::Yes => Standing::Supported,
        Says::Nothing => Standing::NoEvidence,
        Says::No => Standing::Broken,
    }
}

fn line(section: &Section, data: &LineData, sources: Sources<'_>, answers: &[Answer]) -> Line {
    let answer = answers.iter().find(|answer| answer.line == data.id);
    let found = judge(&data.needs, sources);
    let (status, decided_by, says) = if all_values(&data.not_applicable, sources.record) {
        let values: Vec<String> =
            data.not_applicable.iter().map(|(key, value)| format!("`{key}` is {value}")).collect();
        (Status::NotApplicable, Decider::Evidence, values.join("; "))
    } else {
        match (found.says, answer) {
            (Says::Yes, _) => (Status::Satisfied, Decider::Evidence, found.why),
            // What evidence says, no person unsays.
            (Says::No, _) => (Status::NotSatisfied, Decider::Evidence, found.why),
            (Says::Nothing, Some(answer)) => answered(answer),
            (Says::Nothing, None) => (Status::NeedsAPerson, Decider::Nobody, found.why),
        }
    };
    let question = (status == Status::NeedsAPerson).then(|| {
        data.question
            .clone()
            .unwrap_or_else(|| "Evidence decides this line, and it is missing here: look at what is named.".to_owned())
    });
    Line {
        id: data.id.clone(),
        section: section.id.clone(),
        section_title: section.title.clone(),
        text: data.text.clone(),
        status,
        decided_by,
        says,
        evidence: found.evidence,
        question,
        answer: answer.cloned(),
    }
}

fn answered(answer: &Answer) -> (Status, Decider, String) {
    let by = format!("{} on {}: {}", answer.by, answer.date, answer.note);
    let status = match answer.answer {
        Reply::Yes => Status::Attested,
        Reply::No => Status::NotSatisfied,
        Reply::NotApplicable => Status::NotApplicable,
        // Reading the answers refuses this one for a line.
        Reply::Accepted => Status::NeedsAPerson,
    };
    (status, Decider::Person, by)
}

/// How claims stand together for a control.
fn together(names: &[String], standings: &BTreeMap<&str, Standing>) -> (Standing, String) {
    let of = |wanted: Standing| -> Vec<&str> {
        let is = |name: &&String| standings.get(name.as_str()).copied().unwrap_or(Standing::NoEvidence) == wanted;
        names.iter().filter(is).map(String::as_str).collect()
    };
    let (broken, missing, supported) = (of(Standing::Broken), of(Standing::NoEvidence), of(Standing::Supported));
    match (broken.as_slice(), missing.as_slice(), supported.as_slice()) {
        ([], [], _) => (Standing::Supported, format!("the evidence supports {}", list(&supported))),
        ([], missing, []) => (Standing::NoEvidence, format!("no evidence for {}", list(missing))),
        ([], missing, _) => (
            Standing::PartlySupported,
            format!("the evidence supports {}; there is none for {}", list(&supported), list(missing)),
        ),
        (broken, _, _) => (Standing::Broken, format!("evidence speaks against {}", list(broken))),
    }
}

fn list(names: &[&str]) -> String {
    names.join(", ")
}

fn risk(data: &RiskData, standings: &BTreeMap<&str, Standing>, answers: &[Answer]) -> Risk {
    let mitigations: Vec<Mitigation> = data
        .claims
        .iter()
        .map(|claim| Mitigation {
            claim: claim.clone(),
            standing: standings.get(claim.as_str()).copied().unwrap_or(Standing::NoEvidence),
        })
        .collect();
    let worst = |wanted| {
        mitigations
            .iter()
            .filter(|mitigation| mitigation.standing == wanted)
            .map(|mitigation| mitigation.claim.as_str())
            .collect::<Vec<_>>()
    };
    let (broken, missing) = (worst(Standing::Broken), worst(Standing::NoEvidence));
    let inherent = inherent(data.likelihood, data.impact);
    let (residual, why) = if !broken.is_empty() {
        (inherent, format!("as high as without mitigations, since evidence speaks against {}", list(&broken)))
    } else if !missing.is_empty() {
        let residual = if inherent == Level::High { Level::Medium } else { inherent };
        (residual.max(data.floor), format!("there is no evidence for {}", list(&missing)))
    } else {
        (data.floor, format!("every mitigation is supported by evidence; {}", data.left))
    };
    Risk {
        id: data.id.clone(),
        title: data.title.clone(),
        says: data.says.clone(),
        likelihood: data.likelihood,
        impact: data.impact,
        why: data.why.clone(),
        mitigations,
        residual,
        residual_why: why,
        accepted: answers.iter().find(|answer| answer.line == data.id).cloned(),
    }
}

/// The risk without mitigations: the higher of the two, unless the other is low.
fn inherent(likelihood: Level, impact: Level) -> Level {
    match (likelihood.min(impact), likelihood.max(impact)) {
        (Level::Low, Level::High) => Level::Medium,
        (_, higher) => higher,
    }
}

fn subject(record: &Record, bytes: &[u8]) -> Subject {
    Subject {
        record_sha256: gauntlet_record::digest(bytes),
        complete: record.complete,
        started: record.started.clone(),
        finished: record.finished.clone(),
        host: record.host.clone(),
        targets: record.targets.clone(),
        policy: record.policy.name.clone(),
        policy_sha256: record.policy.sha256.clone(),
        corpus: record.corpus.clone(),
        trials: verdicts(record),
        witnessed: record.trials.iter().filter(|trial| trial.witnessed).count() as u64,
    }
}

fn mutation(record: &Record, selftest: Option<&Record>) -> Option<Mutation> {
    let from = selftest.or(Some(record)).filter(|from| from.complete && from.mutation.is_some())?;
    let score = from.mutation.as_ref()?;
    let missed =
        score.mutations.iter().filter(|mutation| !mutation.caught).map(|mutation| mutation.name.clone()).collect();
    // A score is counted, not believed.
    let caught =
        score.mutations.iter().filter(|mutation| mutation.caught && !mutation.caught_by.is_empty()).count() as u64;
    let total = score.total.max(score.mutations.len() as u64);
    Some(Mutation { caught, total, missed, same_corpus: from.corpus.sha256 == record.corpus.sha256 })
}

fn selftest_check(mutation: Option<&Mutation>) -> Check {
    let check = |state, says: String| {
        Check::new(
            "harness/selftest",
            "The corpus catches executors that are broken on purpose",
            state,
            says,
            "gauntlet selftest",
        )
    };
    match mutation {
        None => check(State::Unknown, "no self test was made or named".into()),
        Some(score) if score.total == 0 => check(State::Unknown, "the self test tried no broken executor".into()),
        Some(score) if !score.same_corpus => check(
            State::Unknown,
            format!("{} of {} were caught, by another corpus than the record's", score.caught, score.total),
        ),
        Some(score) if score.caught == score.total => check(State::Holds, format!("all {} were caught", score.total)),
        Some(score) => check(
            State::Fails,
            format!("{} of {} were caught; missed: {}", score.caught, score.total, score.missed.join(", ")),
        ),
    }
}

fn layers_check(layers: Option<&Layers>) -> Check {
    let check = |state, says: String| {
        Check::new("harness/layers", "A second layer stops what one lets through", state, says, "gauntlet run --layers")
    };
    match layers {
        None => check(State::Unknown, "no layers matrix was made or named".into()),
        Some(layers) if !layers.complete => check(State::Unknown, "the layers matrix is not complete".into()),
        Some(layers) => {
            let open: Vec<&str> = layers
                .single
                .iter()
                .filter(|(_, reason)| reason.is_none())
                .map(|(attack, _)| attack.as_str())
                .collect();
            let depth = format!("{} of {} attacks are stopped by two layers or more", layers.deep, layers.attacks);
            match open.as_slice() {
                [] => check(State::Holds, format!("{depth}; why one is enough for the others is listed")),
                [first, ..] => check(
                    State::Fails,
                    format!("{depth}; {} have one layer and no reason, {first} among them", open.len()),
                ),
            }
        }
    }
}

/// What the audit does not know, said once for all of it.
fn unknown(audit: &Audit) -> Vec<String> {
    let mut unknown = Vec::new();
    if !audit.subject.complete {
        unknown.push("The run was cut short: nothing that rests on its trials is claimed.".to_owned());
    }
    if audit.supply.database.is_none() {
        unknown.push("No advisory database was named: nothing is known of open advisories but what the linter holds of the engine.".to_owned());
    }
    unknown.push("Whether a release was yanked is known to the registry's index only, which is not asked; what an imported `cargo audit` report tells of it is kept.".to_owned());
    unknown.push(
        "Advisories are looked up by name and version: whether the faulty code is compiled in or reached is not known."
            .to_owned(),
    );
    if audit.lint.waived.is_none() {
        unknown.push("The policy's text was not at hand: what its waivers accept is not known.".to_owned());
    }
    if audit.layers.is_none() {
        unknown
            .push("The layers were not lifted one at a time: which layer stands behind which is not shown.".to_owned());
    }
    if audit.mutation.is_none() {
        unknown.push("No self test: how many broken executors this corpus would catch is not shown here.".to_owned());
    }
    unknown.push("Mappings to frameworks say which controls a result supports. Whether a control is met is for an auditor to say.".to_owned());
    unknown
}

fn summary(audit: &Audit, record: &Record) -> Summary {
    let mut summary = Summary { lines: audit.lines.len() as u64, ..Summary::default() };
    for status in Status::ALL {
        let number = audit.lines.iter().filter(|line| line.status == *status).count() as u64;
        summary.by_status.insert(*status, number);
    }
    summary.decided_by_evidence = audit.lines.iter().filter(|line| line.decided_by == Decider::Evidence).count() as u64;
    for standing in [Standing::Broken, Standing::NoEvidence, Standing::Supported] {
        let number = audit.claims.iter().filter(|claim| claim.standing == standing).count() as u64;
        summary.claims.insert(standing, number);
    }
    // One advisory may concern a package that several lists name.
    let open = audit.supply.lists.iter().flat_map(|list| &list.advisories).filter(|advisory| advisory.counts());
    let open: BTreeSet<_> = open.map(|advisory| (&advisory.id, &advisory.package, &advisory.version)).collect();
    summary.open_advisories = open.len() as u64;
    let any = |status| summary.by_status.get(&status).is_some_and(|number| *number > 0);
    let run = record.exit_code();
    summary.exit = if run == exit::BREACH
        || any(Status::NotSatisfied)
        || summary.open_advisories > 0
        || summary.claims.get(&Standing::Broken).is_some_and(|number| *number > 0)
    {
        exit::BREACH
    } else if run != exit::CLEAN || any(Status::NeedsAPerson) {
        exit::INCONCLUSIVE
    } else {
        exit::CLEAN
    };
    summary
}
