//! The evidence of a trial as labelled lines, the same for every format.

use std::borrow::Cow;

use gauntlet_record::{Cause, Origin, Role, Run, Trial, Unit, Usage, ValueInForce};

use crate::summary::{granted, over, use_of};
use crate::text::{Line, Piece, count, guest, join};

/// Most entries of one list of a run that are told. What a run writes is far below; a hostile record may hold any number.
const MOST: usize = 100;
/// Most characters of several strings put together into one line.
const TOGETHER: usize = 4_096;

/// Several words as one, cut.
fn words(words: &[String]) -> String {
    let mut line = String::new();
    for word in words.iter().take(MOST) {
        if !line.is_empty() {
            line.push_str(", ");
        }
        line.extend(word.chars().take(TOGETHER));
        if line.len() > TOGETHER {
            line.push_str(" (cut)");
            break;
        }
    }
    line
}

/// Who says it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Group {
    /// How the run ended.
    End,
    /// What the host measured from outside.
    Host,
    /// What the executor counted.
    Executor,
    /// What the guest wrote: testimony.
    Guest,
    /// The limits and grants in force that are not those of the policy.
    Policy,
    /// The worker's jail.
    Jail,
}

impl Group {
    pub(crate) const ALL: [Self; 6] = [Self::End, Self::Host, Self::Executor, Self::Guest, Self::Policy, Self::Jail];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Self::End => "How it ended",
            Self::Host => "Measured by the host",
            Self::Executor => "Counted by the executor",
            Self::Guest => "Written by the guest",
            Self::Policy => "Limits and grants of its own",
            Self::Jail => "Jail of the worker",
        }
    }

    /// The title where there is little room.
    pub(crate) fn short(self) -> &'static str {
        match self {
            Self::End => "ended",
            Self::Host => "host",
            Self::Executor => "executor",
            Self::Guest => "guest",
            Self::Policy => "of its own",
            Self::Jail => "jail",
        }
    }
}

/// One labelled fact; its lines are a list.
#[derive(Debug)]
pub(crate) struct Fact<'a> {
    pub(crate) group: Group,
    pub(crate) label: Cow<'a, str>,
    pub(crate) lines: Vec<Line<'a>>,
}

/// Everything that is known of a run, in the order of the groups.
pub(crate) fn run_facts(run: &Run) -> Vec<Fact<'_>> {
    let mut facts = Vec::new();
    let mut add = |group, label: Cow<'static, str>, lines| facts.push(Fact { group, label, lines });

    let mut ending: Line<'_> = vec![run.end.ending.as_str().into()];
    if let Some(cause) = run.end.cause {
        ending.push(format!(" ({cause})").into());
    }
    if let Some(detail) = &run.end.detail {
        ending.push(": ".into());
        ending.extend(guest(detail));
    }
    add(Group::End, "ending".into(), vec![ending]);
    add(Group::End, question(run.role).into(), vec![vec![if run.obtained { "yes" } else { "no" }.into()]]);
    if !run.causes.is_empty() {
        let causes: Vec<String> = run.causes.iter().map(Cause::to_string).collect();
        add(Group::End, "stopped by".into(), vec![vec![causes.join(", ").into()]]);
    }
    if !run.denials.is_empty() {
        add(Group::End, "denied".into(), run.denials.iter().take(MOST).map(denial).collect());
    }
    if let Some(target) = &run.witnessed_on {
        add(Group::End, "witnessed on".into(), vec![vec![target.as_str().into()]]);
    }

    let measured = &run.measured;
    for (label, unit, value) in [
        ("wall time", Unit::Time, measured.wall_time),
        ("CPU time", Unit::Time, measured.cpu_time),
        ("memory", Unit::Bytes, measured.memory),
        ("output", Unit::Bytes, measured.output),
        ("files", Unit::Count, measured.files),
        ("disk", Unit::Bytes, measured.disk),
        ("open files", Unit::Count, measured.open_files),
        ("threads", Unit::Count, measured.threads),
        ("processes", Unit::Count, measured.processes),
        ("I/O calls", Unit::Count, measured.io_calls),
        ("largest report", Unit::Bytes, measured.report_bytes),
    ] {
        if let Some(value) = value {
            add(Group::Host, label.into(), vec![vec![unit.show(value).into()]]);
        }
    }
    for (label, list) in [
        ("canary leaked to", &measured.canaries),
        ("packets at", &measured.packets),
        ("raw in a report", &measured.reports),
    ] {
        if !list.is_empty() {
            add(Group::Host, label.into(), vec![vec![words(list).into()]]);
        }
    }
    if !measured.changed.is_empty() {
        add(Group::Host, "changed".into(), measured.changed.iter().take(MOST).map(guest).collect());
    }
    if let Some(death) = &measured.host_death {
        add(Group::Host, "host died of".into(), vec![vec![death.as_str().into()]]);
    }
    if measured.ran {
        add(Group::Host, "marker".into(), vec![vec!["arrived: the guest's code ran".into()]]);
    }
    if measured.watchdog {
        add(Group::Host, "watchdog".into(), vec![vec!["the harness had to end the run".into()]]);
    }

    for usage in run.usage.iter().take(MOST) {
        add(Group::Executor, usage.limit.as_str().into(), vec![vec![used(usage).into()]]);
    }
    for (label, text) in [("stdout", &run.stdout), ("stderr", &run.stderr)] {
        if !text.as_str().is_empty() {
            add(Group::Guest, label.into(), vec![guest(text)]);
        }
    }
    if run.truncated {
        add(Group::Guest, "cut".into(), vec![vec!["output was cut by the limit".into()]]);
    }
    let own = |value: &&ValueInForce| matches!(value.from, Origin::Attack | Origin::Control);
    for value in run.values.iter().filter(own).take(MOST) {
        facts.push(Fact {
            group: Group::Policy,
            label: value.key.as_str().into(),
            lines: vec![vec![value.value.as_str().into(), format!(" ({})", origin(value.from)).into()]],
        });
    }
    for mechanism in run.confinement.iter().take(MOST) {
        let mut line: Line<'_> = vec![granted(mechanism.granted).into()];
        if !mechanism.note.is_empty() {
            line.extend([" (".into(), mechanism.note.as_str().into(), ")".into()]);
        }
        facts.push(Fact { group: Group::Jail, label: mechanism.mechanism.as_str().into(), lines: vec![line] });
    }
    facts
}

/// A run with a line for each group of facts: `wall time 12 ms, CPU time 8 ms`.
pub(crate) fn group_lines(run: &Run) -> Vec<(Group, Line<'_>)> {
    let mut groups: Vec<(Group, Vec<Line<'_>>)> = Vec::new();
    for fact in run_facts(run) {
        let mut line: Line<'_> = match fact.label.as_ref() {
            "ending" => Vec::new(),
            _ => vec![Piece::Plain(fact.label), " ".into()],
        };
        line.extend(join(fact.lines, ", "));
        match groups.last_mut() {
            Some((group, lines)) if *group == fact.group => lines.push(line),
            Some(_) | None => groups.push((fact.group, vec![line])),
        }
    }
    groups.into_iter().map(|(group, lines)| (group, join(lines, "; "))).collect()
}

/// What is known of a trial as a whole, besides its verdict and reason.
pub(crate) fn trial_facts(trial: &Trial) -> Vec<(&'static str, Line<'_>)> {
    let causes = |causes: &[Cause]| causes.iter().take(MOST).map(Cause::to_string).collect::<Vec<_>>().join(", ");
    let mut facts: Vec<(&'static str, Line<'_>)> =
        vec![("target", vec![trial.target.as_str().into()]), ("obtains", vec![trial.obtains.as_str().into()])];
    if !trial.contained_by.is_empty() {
        facts.push(("contained by", vec![causes(&trial.contained_by).into()]));
    }
    if let Some(cause) = trial.cause {
        facts.push(("cause seen", vec![cause.to_string().into()]));
    }
    if let Some(layer) = trial.layer {
        facts.push(("layer", vec![layer.as_str().into()]));
    }
    if let Some(closeness) = &trial.closeness {
        let mut line: Line<'_> = vec![format!("{}: {}", closeness.limit, use_of(closeness)).into()];
        if let Some(over) = over(closeness) {
            line.push(format!(", {over} past the limit").into());
        }
        line.push(if closeness.by_host { ", measured by the host" } else { ", counted by the executor" }.into());
        facts.push(("closest", line));
    }
    facts.push(("live control", vec![live(trial).into()]));
    facts.push(("harmless twin", vec![benign(trial).into()]));
    if !trial.subjects.is_empty() {
        facts.push(("evidence for", vec![words(&trial.subjects).into()]));
    }
    if let Some(known) = &trial.known {
        facts.push(("known gap", vec![known.reason.as_str().into(), " ".into(), known.link.as_str().into()]));
    }
    facts.push(("weakness", vec![trial.weakness.as_str().into()]));
    facts.push(("file", vec![trial.file.as_str().into()]));
    facts
}

/// What the live control showed.
pub(crate) fn live(trial: &Trial) -> String {
    match (trial.run(Role::Live), &trial.live_reason) {
        (Some(run), _) => {
            let place = run.witnessed_on.as_ref().map(|target| format!(", on {target}")).unwrap_or_default();
            let seen = if run.obtained { "the attack works with the protection lifted" } else { "obtained nothing" };
            let not = if run.obtained && !trial.witnessed { ", but it is not counted as a witness" } else { "" };
            format!("{seen}{place}{not}")
        }
        (None, Some(reason)) => format!("none: {reason}"),
        (None, None) => "not run".to_owned(),
    }
}

/// What the benign twin showed.
pub(crate) fn benign(trial: &Trial) -> &'static str {
    match trial.run(Role::Benign) {
        Some(run) if run.obtained => "did its work under the policy",
        Some(_) => "could not do its work under the policy",
        None => "not run",
    }
}

/// The name of a run for people.
pub(crate) fn role(role: Role) -> &'static str {
    match role {
        Role::Attack => "Attack",
        Role::Live => "Live control",
        Role::Benign => "Harmless twin",
    }
}

fn question(role: Role) -> &'static str {
    match role {
        Role::Attack | Role::Live => "obtained",
        Role::Benign => "did its work",
    }
}

fn origin(origin: Origin) -> &'static str {
    match origin {
        Origin::Default => "default",
        Origin::Policy => "from the policy",
        Origin::Attack => "from the attack",
        Origin::Control => "from the control",
    }
}

fn denial(denial: &gauntlet_record::Denial) -> Line<'_> {
    let mut line: Line<'_> = vec![format!("{}: asked ", denial.cause).into()];
    line.extend(guest(&denial.asked));
    if let (Some(limit), Cause::Limit(key)) = (denial.limit, denial.cause) {
        line.push(format!(", limit {}", key.unit().show(limit)).into());
    }
    line.push(format!(", {}", count(usize::try_from(denial.count).unwrap_or(usize::MAX), "time")).into());
    line
}

fn used(usage: &Usage) -> String {
    let unit = usage.limit.unit();
    let cap = usage.cap.map_or("unlimited".to_owned(), |cap| unit.show(cap));
    match (usage.used, &usage.unmeasured) {
        (Some(used), _) => format!("{} of {cap}", unit.show(used)),
        (None, Some(reason)) => format!("not measured ({reason}), limit {cap}"),
        (None, None) => format!("not measured, limit {cap}"),
    }
}

/// The layers that held in the place of a broken protection, each once, with how often.
pub(crate) fn layers(backstopped: &[gauntlet_record::Backstopped]) -> String {
    gauntlet_record::Layer::ALL
        .iter()
        .map(|layer| (layer, backstopped.iter().filter(|stop| stop.layer == *layer).count()))
        .filter(|(_, number)| *number > 0)
        .map(|(layer, number)| format!("{layer} ({number})"))
        .collect::<Vec<_>>()
        .join(", ")
}
