//! Trials of native probes: what an escaped guest would try, in the worker's jail and outside of it.

use gauntlet_record::{
    Cause, DenialKind, Ending, EndingInfo, GuestText, Layer, MAX_TEXT_BYTES, Measured, Role, Run, Shared, Trial,
    Verdict, Why,
};

/// A probe and the mechanism that has to stop it by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProbeCase<'a> {
    /// The probe's name.
    pub name: &'a str,
    /// What it does, in a few words.
    pub title: &'a str,
    /// What it is denied.
    pub denied: DenialKind,
    /// The mechanism, by its key under `isolation:`.
    pub mechanism: &'a str,
    /// The target whose worker makes it.
    pub target: &'a str,
}

/// What came of a probe, as the process that started it saw it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Probed {
    /// It did what it tried.
    Succeeded,
    /// The system refused, in its words.
    Refused(String),
    /// The system killed the process with this signal.
    Killed(i32),
    /// The host does not offer the mechanism, or the worker did not come so far.
    NotTried(String),
}

/// The id of a probe's trial.
#[must_use]
pub fn probe_id(name: &str, mechanism: &str) -> String {
    format!("isolation/{name}#{mechanism}")
}

/// The trial of one probe: `jailed` was made under the mechanism alone, `live` without a jail.
#[must_use]
pub fn probe_trial(case: &ProbeCase<'_>, jailed: &Probed, live: &Probed, duration: u64) -> Trial {
    let cause = match jailed {
        Probed::Killed(_) => Some(Cause::KilledOs),
        Probed::Refused(_) => Some(Cause::Denied(case.denied)),
        Probed::Succeeded | Probed::NotTried(_) => None,
    };
    let (verdict, why, reason) = match (jailed, live) {
        (Probed::Succeeded, _) => {
            (Verdict::Breached, Why::Obtained, format!("`isolation.{}` by itself did not stop it", case.mechanism))
        }
        (Probed::NotTried(why), _) => (Verdict::Unsupported, Why::Lacking, why.clone()),
        (_, Probed::Refused(why)) => {
            (Verdict::Unsupported, Why::Lacking, format!("this user may not do it outside of the jail either: {why}"))
        }
        (_, Probed::Killed(_) | Probed::NotTried(_)) => {
            (Verdict::Inconclusive, Why::LiveFailed, "it did not come to an end outside of the jail".to_owned())
        }
        (Probed::Refused(why), Probed::Succeeded) => {
            (Verdict::Contained, Why::Stopped, format!("stopped by `isolation.{}`: {why}", case.mechanism))
        }
        (Probed::Killed(signal), Probed::Succeeded) => (
            Verdict::Contained,
            Why::Stopped,
            format!("stopped by `isolation.{}`: killed by signal {signal}", case.mechanism),
        ),
    };
    let contained = verdict == Verdict::Contained;
    Trial {
        attack: probe_id(case.name, case.mechanism),
        title: case.title.to_owned(),
        why_it_matters: "A guest that has left the runtime meets the operating system next: what it stops there is all that is left."
            .to_owned(),
        weakness: "CWE-250".to_owned(),
        file: "crates/sandbox/src/probe.rs".to_owned(),
        target: case.target.to_owned(),
        verdict,
        why,
        reason,
        obtains: format!("the system lets it {}", lower(case.title)),
        contained_by: vec![Cause::KilledOs, Cause::Denied(case.denied)],
        cause: cause.filter(|_| contained),
        layer: contained.then_some(Layer::System),
        subjects: vec![format!("isolation.{}", case.mechanism)],
        witnessed: *live == Probed::Succeeded,
        live_reason: None,
        known: None,
        closeness: None,
        guests: Vec::new(),
        runs: [(Role::Attack, jailed), (Role::Live, live)].into_iter().filter_map(|(role, probed)| run(role, probed, case.denied)).collect(),
        duration,
        references: vec!["https://man7.org/linux/man-pages/man7/capabilities.7.html".to_owned()],
    }
}

fn lower(title: &str) -> String {
    let mut letters = title.chars();
    letters.next().map(|first| first.to_lowercase().chain(letters).collect()).unwrap_or_default()
}

fn run(role: Role, probed: &Probed, denied: DenialKind) -> Option<Run> {
    let (ending, cause, detail) = match probed {
        Probed::Succeeded => (Ending::Returned, None, None),
        Probed::Refused(why) => (Ending::Returned, Some(Cause::Denied(denied)), Some(why.clone())),
        Probed::Killed(signal) => (Ending::WorkerDied, Some(Cause::KilledOs), Some(format!("signal {signal}"))),
        Probed::NotTried(_) => return None,
    };
    let empty = || GuestText::new(b"", MAX_TEXT_BYTES);
    Some(Run {
        role,
        obtained: *probed == Probed::Succeeded,
        end: EndingInfo {
            ending,
            cause,
            detail: detail.map(|detail| GuestText::new(detail.as_bytes(), MAX_TEXT_BYTES)),
        },
        causes: cause.into_iter().collect(),
        denials: Vec::new(),
        measured: Measured::default(),
        usage: Vec::new(),
        values: Shared::default(),
        stdout: empty(),
        stderr: empty(),
        truncated: false,
        confinement: Shared::default(),
        witnessed_on: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn verdict(jailed: &Probed, live: &Probed) -> Verdict {
        let case = ProbeCase {
            name: "connect",
            title: "Connect to a port",
            denied: DenialKind::Address,
            mechanism: "seccomp",
            target: "worker",
        };
        let trial = probe_trial(&case, jailed, live, 1);
        assert_eq!(trial.attack, "isolation/connect#seccomp");
        assert_eq!(trial.subjects, ["isolation.seccomp"]);
        assert_eq!(trial.cause.is_some(), trial.verdict == Verdict::Contained);
        trial.verdict
    }

    #[test]
    fn a_probe_is_contained_only_if_it_works_outside_and_not_inside() {
        let refused = || Probed::Refused("no".into());
        let untried = || Probed::NotTried("not here".into());
        assert_eq!(verdict(&Probed::Killed(31), &Probed::Succeeded), Verdict::Contained);
        assert_eq!(verdict(&refused(), &Probed::Succeeded), Verdict::Contained);
        assert_eq!(verdict(&Probed::Succeeded, &Probed::Succeeded), Verdict::Breached);
        assert_eq!(verdict(&Probed::Succeeded, &refused()), Verdict::Breached);
        assert_eq!(verdict(&refused(), &refused()), Verdict::Unsupported);
        assert_eq!(verdict(&untried(), &Probed::Succeeded), Verdict::Unsupported);
        assert_eq!(verdict(&refused(), &Probed::Killed(9)), Verdict::Inconclusive);
    }
}
