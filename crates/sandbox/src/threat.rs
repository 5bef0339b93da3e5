//! A threat summary that explains itself: each point of the score has its reason.
//!
//! The points of each kind of event stand in one table, [`EventKind`]; a kind can give no more than its own most, so that a thousand denied
//! paths do not look like one escape. The score sorts what somebody should look at first. It is no proof of anything.

use std::fmt;

use gauntlet_record::Severity;
use serde::{Deserialize, Serialize};

use crate::events::{EventKind, SecurityEvent};

/// The most a score can be.
pub const MAX_SCORE: u32 = 100;

/// Where the levels begin.
const LEVELS: &[(u32, Severity)] =
    &[(75, Severity::Critical), (50, Severity::High), (25, Severity::Medium), (1, Severity::Low), (0, Severity::Info)];

/// How threatening a run, or what a tenant ran lately, looks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct ThreatSummary {
    /// 0 (nothing was seen) to 100.
    pub score: u32,
    /// The score as a word: info (0), low (from 1), medium (from 25), high (from 50), critical (from 75).
    pub level: Severity,
    /// Where the points come from, most points first. Their sum is the score, or more than 100.
    pub reasons: Vec<Reason>,
    /// What it may mean, one sentence fragment a kind of event, in the order of the reasons.
    pub threats: Vec<String>,
    /// What to do, in the order of the reasons.
    pub recommendations: Vec<String>,
}

/// A share of a score.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Reason {
    /// The kind of event.
    pub kind: EventKind,
    /// How many events of this kind there were.
    pub events: u64,
    /// What they add: `events` times the kind's points, at most the kind's most.
    pub points: u32,
}

impl ThreatSummary {
    /// The summary of a run's events.
    #[must_use]
    pub fn of(events: &[SecurityEvent]) -> Self {
        let mut counts = Counts::default();
        for event in events {
            counts.add(event.kind);
        }
        Self::counted(&counts)
    }

    /// The summary of events that were counted by kind.
    pub(crate) fn counted(counts: &Counts) -> Self {
        let mut reasons: Vec<Reason> = EventKind::ALL
            .iter()
            .zip(counts.0)
            .filter(|(_, events)| *events > 0)
            .map(|(kind, events)| {
                let points = u64::from(kind.points()).saturating_mul(events).min(u64::from(kind.most_points()));
                Reason { kind: *kind, events, points: u32::try_from(points).unwrap_or(MAX_SCORE) }
            })
            .collect();
        reasons.sort_by_key(|reason| (std::cmp::Reverse(reason.points), reason.kind));
        let score = reasons.iter().map(|reason| reason.points).sum::<u32>().min(MAX_SCORE);
        let level = LEVELS.iter().find(|(from, _)| score >= *from).map_or(Severity::Info, |(_, level)| *level);
        let threats = reasons.iter().map(|reason| reason.kind.threat().to_owned()).collect();
        let recommendations = reasons.iter().map(|reason| reason.kind.advice().to_owned()).collect();
        Self { score, level, reasons, threats, recommendations }
    }
}

impl fmt::Display for ThreatSummary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "threat {} of {MAX_SCORE} ({})", self.score, self.level.as_str())?;
        for reason in &self.reasons {
            let times = if reason.events == 1 { String::new() } else { format!(" x {}", reason.events) };
            write!(f, "\n  {:>3}  {}{times}: {}", reason.points, reason.kind, reason.kind.threat())?;
            write!(f, "\n       {}", reason.kind.advice())?;
        }
        Ok(())
    }
}

/// How many events there were of each kind, in the order of [`EventKind::ALL`].
#[derive(Debug, Clone, Default)]
pub(crate) struct Counts(pub(crate) [u64; EventKind::ALL.len()]);

impl Counts {
    pub(crate) fn add(&mut self, kind: EventKind) {
        let slot = EventKind::ALL.iter().position(|known| *known == kind).and_then(|slot| self.0.get_mut(slot));
        if let Some(count) = slot {
            *count = count.saturating_add(1);
        }
    }
}

#[cfg(test)]
mod tests {
    use gauntlet_record::{Cause, DenialKind, Ending};
    use gauntlet_target::{DenialSeen, EndingSeen, Outcome};

    use super::*;
    use crate::events::events;

    fn hostile() -> Outcome {
        let denials = (0..50)
            .map(|i| DenialSeen {
                cause: Cause::Denied(DenialKind::Path),
                asked: format!("path_open /etc/passwd{i}"),
                limit: None,
                count: 1,
            })
            .collect();
        let ending = EndingSeen { ending: Ending::WorkerDied, signal: Some(11), ..EndingSeen::default() };
        Outcome { ending, denials, ..Outcome::default() }
    }

    #[test]
    fn nothing_seen_is_nothing_scored() {
        let summary = ThreatSummary::of(&[]);
        assert_eq!((summary.score, summary.level, summary.reasons.len()), (0, Severity::Info, 0));
    }

    #[test]
    fn every_point_has_its_reason() {
        let summary = ThreatSummary::of(&events(&hostile()));
        let points: u32 = summary.reasons.iter().map(|reason| reason.points).sum();
        assert_eq!(summary.score, points.min(MAX_SCORE));
        assert_eq!(summary.level, Severity::Critical);
        assert_eq!(summary.reasons.len(), summary.threats.len());
        assert_eq!(summary.reasons.len(), summary.recommendations.len());
        for reason in &summary.reasons {
            let raw = u64::from(reason.kind.points()) * reason.events;
            assert_eq!(u64::from(reason.points), raw.min(u64::from(reason.kind.most_points())));
        }
    }

    #[test]
    fn many_small_things_do_not_make_a_great_one() {
        let mut counts = Counts::default();
        for _ in 0..100_000 {
            counts.add(EventKind::DeniedPath);
        }
        let summary = ThreatSummary::counted(&counts);
        assert_eq!((summary.score, summary.level), (EventKind::DeniedPath.most_points(), Severity::Low));
    }

    #[test]
    fn the_text_says_score_reasons_and_advice() {
        let text = ThreatSummary::of(&events(&hostile())).to_string();
        assert!(text.starts_with("threat "), "{text}");
        assert!(text.contains("worker-died: the guest crashed"), "{text}");
        assert!(text.contains("quarantine the tenant"), "{text}");
    }
}
