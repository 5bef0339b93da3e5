//! What a person reads of a run: how it ended, and with `--usage` the whole account of it.

use std::fmt::Write as _;

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, Ending, GuestText, LimitKey, Unit, Usage};
use gauntlet_sandbox::watch::Seen;
use gauntlet_target::Outcome;

use crate::commands::doctor;

/// Most bytes of a detail that are shown.
const MAX_DETAIL: usize = 512;

/// How a run ended, and what it was denied; nothing of a run that ended well and was denied nothing.
pub(in crate::commands) fn ending(outcome: &Outcome) -> String {
    let end = &outcome.ending;
    let well = end.ending == Ending::Returned || (end.ending == Ending::Exited && end.exit_code == Some(0));
    if well && outcome.denials.is_empty() && !outcome.truncated {
        return String::new();
    }
    let mut text = format!("gauntlet: {}", end.ending);
    if let Some(code) = end.exit_code {
        let _ = write!(text, " with the guest's code {code}");
    }
    if let Some(cause) = end.cause {
        let _ = write!(text, " ({cause})");
    }
    // Of an exit there is no more to tell than its code.
    let exited = end.ending == Ending::Exited;
    if !exited && !end.detail.is_empty() {
        let _ = write!(text, ": {}", GuestText::new(end.detail.as_bytes(), MAX_DETAIL).as_str());
    }
    text.push('\n');
    for frame in end.frames.iter().filter(|_| !exited) {
        let _ = writeln!(text, "  at {}", GuestText::name(frame).as_str());
    }
    if outcome.truncated {
        let _ = writeln!(text, "  its output was cut at the limit");
    }
    denials(outcome, &mut text);
    text
}

fn denials(outcome: &Outcome, text: &mut String) {
    for denial in &outcome.denials {
        let asked = GuestText::name(&denial.asked);
        let _ = write!(text, "  denied {} time(s): {} {}", denial.count, denial.cause, asked.as_str());
        if let (Some(limit), Cause::Limit(key)) = (denial.limit, denial.cause) {
            let _ = write!(text, " (limit {})", key.unit().show(limit));
        }
        text.push('\n');
    }
}

/// Everything that is known of a run.
pub(super) struct Report<'a> {
    pub(super) outcome: &'a Outcome,
    pub(super) policy: &'a Policy,
    /// What the command line granted.
    pub(super) added: &'a [String],
    pub(super) seen: Option<&'a Seen>,
}

impl Report<'_> {
    /// Limits, grants, denials and the jail.
    pub(super) fn usage(&self) -> String {
        let mut text = String::new();
        let end = &self.outcome.ending;
        let _ = write!(text, "ended: {}", end.ending);
        if let Some(code) = end.exit_code {
            let _ = write!(text, ", the guest's code {code}");
        }
        if let Some(cause) = end.cause {
            let _ = write!(text, ", {cause}");
        }
        let _ = writeln!(text, "\npolicy: {}", GuestText::name(&self.policy.name).as_str());
        for grant in self.added {
            let _ = writeln!(text, "  granted by the command line: {}", GuestText::name(grant).as_str());
        }
        self.limits(&mut text);
        self.grants(&mut text);
        let _ = writeln!(text, "\ndenied:");
        if self.outcome.denials.is_empty() {
            let _ = writeln!(text, "  nothing");
        }
        denials(self.outcome, &mut text);
        if let Some(seen) = self.seen {
            let threat = &seen.threat;
            let _ = writeln!(text, "\nthreat: {} ({} of 100)", threat.level.as_str(), threat.score);
            for event in &seen.events {
                let _ = writeln!(
                    text,
                    "  {} {}: {}, {} time(s)",
                    event.severity.as_str(),
                    event.kind,
                    event.why,
                    event.count
                );
            }
        }
        let _ = writeln!(text, "\njail:");
        if self.outcome.confinement.is_empty() {
            let _ = writeln!(text, "  none: nothing was started");
        }
        doctor::table(&self.outcome.confinement, &mut text);
        text
    }

    fn limits(&self, text: &mut String) {
        let _ = writeln!(text, "\n  {:<18} {:>14} {:>14}", "limit", "used", "of");
        for key in LimitKey::ALL {
            let usage = self.outcome.usage.iter().find(|usage| usage.limit == *key);
            let cap = usage
                .map_or_else(|| self.policy.limits.resolve(*key, gauntlet_sandbox::host_memory()), |usage| usage.cap);
            let cap = cap.map_or_else(|| "no bound".to_owned(), |cap| key.unit().show(cap));
            let used = usage.and_then(|usage| usage.used);
            let shown = used.map_or_else(|| "-".to_owned(), |used| key.unit().show(used));
            let _ = write!(text, "  {:<18} {shown:>14} {cap:>14}", key.as_str());
            if used.is_none() {
                let _ = write!(text, "  {}", unmeasured(usage));
            }
            text.push('\n');
        }
    }

    fn grants(&self, text: &mut String) {
        if self.outcome.grants.is_empty() {
            let _ = writeln!(text, "\ngrants: nobody counted their use");
            return;
        }
        let columns = ["calls", "read", "written", "opened", "tries"];
        let _ = write!(text, "\n  {:<18}", "grant");
        for column in columns {
            let _ = write!(text, " {column:>10}");
        }
        text.push('\n');
        for used in &self.outcome.grants {
            let _ = write!(text, "  {:<18}", GuestText::name(&used.grant).as_str());
            let bytes = |bytes| Unit::Bytes.show(bytes);
            let count = |count| Unit::Count.show(count);
            let row = [
                count(used.calls),
                bytes(used.bytes_read),
                bytes(used.bytes_written),
                count(used.files_opened),
                count(used.network_tries),
            ];
            for cell in row {
                let _ = write!(text, " {cell:>10}");
            }
            text.push('\n');
        }
    }

    /// When things happened.
    pub(super) fn timeline(&self) -> String {
        let mut text = "\ntimeline:\n".to_owned();
        if self.outcome.timeline.is_empty() {
            let _ = writeln!(text, "  nothing was recorded");
        }
        for moment in &self.outcome.timeline {
            let _ = writeln!(text, "  {:>10}  {}", Unit::Time.show(moment.at), GuestText::name(&moment.what).as_str());
        }
        text
    }
}

fn unmeasured(usage: Option<&Usage>) -> String {
    let why = usage.and_then(|usage| usage.unmeasured.as_deref()).unwrap_or("the executor does not say");
    GuestText::name(why).as_str().to_owned()
}

#[cfg(test)]
mod tests {
    use gauntlet_record::{Confinement, Granted};
    use gauntlet_target::{DenialSeen, EndingSeen, GrantUse};

    use super::*;

    #[test]
    fn a_run_that_ended_well_says_nothing() {
        let mut outcome = Outcome::default();
        assert_eq!(ending(&outcome), "");
        outcome.ending.ending = Ending::Exited;
        outcome.ending.exit_code = Some(0);
        assert_eq!(ending(&outcome), "");
        outcome.ending.exit_code = Some(3);
        assert_eq!(ending(&outcome), "gauntlet: exited with the guest's code 3\n");
        outcome = Outcome { truncated: true, ..Outcome::default() };
        assert!(ending(&outcome).contains("cut"));
    }

    #[test]
    fn the_account_names_every_limit_and_steers_no_terminal() {
        let hostile = "\u{1b}[2J";
        let mut grant = GrantUse::new(format!("/data{hostile}"));
        grant.calls = 7;
        let outcome = Outcome {
            ending: EndingSeen {
                frames: vec![hostile.into()],
                ..EndingSeen::caused(Ending::Trapped, Cause::Limit(LimitKey::Stack), hostile)
            },
            denials: vec![DenialSeen {
                cause: Cause::Limit(LimitKey::Memory),
                asked: hostile.into(),
                limit: Some(1 << 20),
                count: 2,
            }],
            usage: vec![
                Usage { limit: LimitKey::Memory, used: Some(65_536), cap: Some(1 << 20), unmeasured: None },
                Usage {
                    limit: LimitKey::Disk,
                    used: None,
                    cap: None,
                    unmeasured: Some("no directory is granted".into()),
                },
            ],
            confinement: vec![Confinement {
                mechanism: "landlock".into(),
                granted: Granted::None,
                note: hostile.into(),
            }],
            timeline: vec![gauntlet_target::Moment { at: 1_500_000, what: hostile.into() }],
            grants: vec![grant],
            ..Outcome::default()
        };
        let added = ["filesystem: /data (read-only) is ./data".to_owned()];
        let report = Report { outcome: &outcome, policy: &Policy::default(), added: &added, seen: None };
        let text = ending(&outcome) + &report.usage() + &report.timeline();
        for key in LimitKey::ALL {
            assert!(text.contains(key.as_str()), "{key}");
        }
        for said in ["64 KiB", "1 MiB", "no directory is granted", "granted by the command line", "none", "1.5 ms"] {
            assert!(text.contains(said), "{said}:\n{text}");
        }
        assert!(!text.contains('\u{1b}'), "{text}");
    }
}
