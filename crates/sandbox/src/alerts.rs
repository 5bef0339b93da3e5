//! Alerts: what somebody has to be told at once.
//!
//! There is an alert for each run that ended at a limit (a deadline, an exhausted resource), for each critical event, for each tenant
//! that came into quarantine, and for repetition: the same tenant or the same module failing again and again within a window. Repetition
//! is counted for a bounded number of subjects; whoever was not seen for longest is forgotten first.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use gauntlet_record::{Cause, Ending, Severity};
use gauntlet_target::Outcome;
use serde::{Deserialize, Serialize};

use crate::events::{EventKind, SecurityEvent, limit_that_ended};
use crate::window::Window;

/// Why there is an alert.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[non_exhaustive]
pub enum AlertKind {
    /// A run ended at a limit.
    LimitReached,
    /// A critical security event.
    CriticalEvent,
    /// Runs of one tenant failed again and again.
    RepeatedTenant,
    /// Runs of one module failed again and again.
    RepeatedModule,
    /// A tenant was put in quarantine.
    Quarantined,
    /// The end of a run could not be written to the audit log yet.
    AuditBehind,
}

impl AlertKind {
    /// The word as logs and metrics spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LimitReached => "limit-reached",
            Self::CriticalEvent => "critical-event",
            Self::RepeatedTenant => "repeated-tenant",
            Self::RepeatedModule => "repeated-module",
            Self::Quarantined => "quarantined",
            Self::AuditBehind => "audit-behind",
        }
    }

    /// How bad it is.
    #[must_use]
    pub const fn severity(self) -> Severity {
        match self {
            Self::LimitReached => Severity::Medium,
            Self::CriticalEvent | Self::Quarantined => Severity::Critical,
            Self::RepeatedTenant | Self::RepeatedModule | Self::AuditBehind => Severity::High,
        }
    }
}

impl fmt::Display for AlertKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Something that somebody has to be told. All text in it is escaped and bounded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct Alert {
    /// Why.
    pub alert: AlertKind,
    /// How bad it is.
    pub severity: Severity,
    /// When, RFC 3339 in UTC.
    pub time: String,
    /// The run that gave rise to it.
    pub run: String,
    /// Whose run.
    pub tenant: String,
    /// SHA-256 of the tenant's name.
    pub tenant_sha256: String,
    /// SHA-256 of the module.
    pub module: String,
    /// The typed reason, where there is one.
    pub cause: Option<Cause>,
    /// How often within the window, for repetition; 1 otherwise.
    pub count: u64,
    /// The window in nanoseconds, for repetition.
    pub window: Option<u64>,
    /// The same in a sentence, in our words only.
    pub message: String,
}

/// Hears of alerts. Called while a run ends, so it has to come back at once: queue what takes longer.
pub trait AlertSink: Send + Sync {
    /// Takes an alert.
    fn alert(&self, alert: &Alert);
}

/// When repetition is an alert.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AlertRules {
    /// How many failed runs of one tenant or module within the window. Default: 5. The next alert for the same subject comes at twice
    /// that, then at four times, until the window has calmed down.
    pub repeats: u64,
    /// The window. Default: 10 minutes.
    pub window: Duration,
    /// For how many tenants and modules, together, repetition is counted. Default: 4096.
    pub subjects: usize,
}

impl Default for AlertRules {
    fn default() -> Self {
        Self { repeats: 5, window: Duration::from_secs(600), subjects: 4096 }
    }
}

impl AlertRules {
    /// Sets how many failed runs within which window are an alert.
    #[must_use]
    pub fn repeats(mut self, repeats: u64, window: Duration) -> Self {
        self.repeats = repeats.max(1);
        self.window = window;
        self
    }

    /// Sets for how many tenants and modules repetition is counted.
    #[must_use]
    pub fn subjects(mut self, subjects: usize) -> Self {
        self.subjects = subjects;
        self
    }
}

/// What an alert is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
enum Subject {
    Tenant(String),
    Module(String),
}

/// What an alert says before it is known whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raised {
    pub(crate) kind: AlertKind,
    pub(crate) cause: Option<Cause>,
    pub(crate) count: u64,
    pub(crate) window: Option<u64>,
    pub(crate) message: String,
}

impl Raised {
    pub(crate) fn once(kind: AlertKind, cause: Option<Cause>, message: String) -> Self {
        Self { kind, cause, count: 1, window: None, message }
    }
}

/// Finds out what is an alert.
#[derive(Debug)]
pub(crate) struct Alerts {
    rules: AlertRules,
    repeats: Mutex<Repeats>,
}

#[derive(Debug, Default)]
struct Repeats {
    seen: u64,
    subjects: BTreeMap<Subject, Repeated>,
    /// The subjects by when they were last seen.
    order: BTreeMap<u64, Subject>,
}

#[derive(Debug)]
struct Repeated {
    failures: Window<1>,
    last_seen: u64,
    /// At how many failures the next alert is due.
    next: u64,
}

impl Alerts {
    pub(crate) fn new(rules: AlertRules) -> Self {
        Self { rules, repeats: Mutex::default() }
    }

    /// The alerts that the end of a run gives rise to.
    pub(crate) fn of(
        &self,
        tenant: &str,
        module: &str,
        outcome: &Outcome,
        events: &[SecurityEvent],
        now: Duration,
    ) -> Vec<Raised> {
        let mut raised = Vec::new();
        if let Some(key) = limit_that_ended(outcome) {
            let message = format!("a run ended at the limit `{key}`");
            raised.push(Raised::once(AlertKind::LimitReached, outcome.ending.cause, message));
        }
        for event in events.iter().filter(|event| event.severity >= Severity::Critical) {
            let message = format!("{}: {}", event.kind, event.kind.threat());
            raised.push(Raised::once(AlertKind::CriticalEvent, event.cause, message));
        }
        if failed(outcome, events) {
            for (kind, subject, what) in [
                (AlertKind::RepeatedTenant, Subject::Tenant(tenant.to_owned()), "tenant"),
                (AlertKind::RepeatedModule, Subject::Module(module.to_owned()), "module"),
            ] {
                let Some(count) = self.repeated(subject, now) else { continue };
                let window = u64::try_from(self.rules.window.as_nanos()).unwrap_or(u64::MAX);
                let shown = gauntlet_record::Unit::Time.show(window);
                let message = format!("{count} runs of one {what} failed within {shown}");
                raised.push(Raised { kind, cause: outcome.ending.cause, count, window: Some(window), message });
            }
        }
        raised
    }

    /// Counts a failure; says how many there were if that is an alert.
    fn repeated(&self, subject: Subject, now: Duration) -> Option<u64> {
        let mut guard = self.repeats.lock().unwrap_or_else(PoisonError::into_inner);
        let repeats = &mut *guard;
        repeats.seen += 1;
        let seen = repeats.seen;
        let threshold = self.rules.repeats.max(1);
        let repeated = repeats.subjects.entry(subject.clone()).or_insert_with(|| Repeated {
            failures: Window::new(self.rules.window),
            last_seen: 0,
            next: threshold,
        });
        repeats.order.remove(&repeated.last_seen);
        repeats.order.insert(seen, subject);
        repeated.last_seen = seen;
        repeated.failures.add(now, [1]);
        let [count] = repeated.failures.sums(now);
        if count < threshold {
            repeated.next = threshold;
        }
        let due = count >= repeated.next;
        if due {
            repeated.next = repeated.next.saturating_mul(2);
        }
        while repeats.subjects.len() > self.rules.subjects {
            let Some((_, oldest)) = repeats.order.pop_first() else { break };
            repeats.subjects.remove(&oldest);
        }
        due.then_some(count)
    }
}

/// Whether a run failed in a way that is worth counting: it did not end by itself, or did what high events are about.
fn failed(outcome: &Outcome, events: &[SecurityEvent]) -> bool {
    let ended_badly = match outcome.ending.ending {
        Ending::Returned | Ending::Exited => false,
        Ending::Trapped | Ending::LimitReached | Ending::Refused | Ending::WorkerDied => true,
    };
    ended_badly || events.iter().any(|event| event.severity >= Severity::High || event.kind == EventKind::Probing)
}

#[cfg(test)]
mod tests {
    use gauntlet_record::LimitKey;
    use gauntlet_target::EndingSeen;

    use super::*;
    use crate::events::events;

    fn at_limit(key: LimitKey) -> Outcome {
        Outcome { ending: EndingSeen::caused(Ending::LimitReached, Cause::Limit(key), ""), ..Outcome::default() }
    }

    fn trapped() -> Outcome {
        Outcome { ending: EndingSeen { ending: Ending::Trapped, ..EndingSeen::default() }, ..Outcome::default() }
    }

    fn kinds(alerts: &Alerts, tenant: &str, module: &str, outcome: &Outcome, now: Duration) -> Vec<AlertKind> {
        alerts.of(tenant, module, outcome, &events(outcome), now).iter().map(|raised| raised.kind).collect()
    }

    #[test]
    fn every_deadline_and_every_exhaustion_is_an_alert() {
        let alerts = Alerts::new(AlertRules::default());
        for key in LimitKey::ALL.iter().copied() {
            let unlike = key.to_string();
            assert_eq!(kinds(&alerts, &unlike, &unlike, &at_limit(key), Duration::ZERO), [AlertKind::LimitReached]);
        }
        assert_eq!(kinds(&alerts, "t", "m", &Outcome::default(), Duration::ZERO), []);
    }

    #[test]
    fn a_crash_of_the_worker_is_an_alert() {
        let ending = EndingSeen { ending: Ending::WorkerDied, signal: Some(11), ..EndingSeen::default() };
        let crash = Outcome { ending, ..Outcome::default() };
        let alerts = Alerts::new(AlertRules::default());
        assert_eq!(kinds(&alerts, "t", "m", &crash, Duration::ZERO), [AlertKind::CriticalEvent]);
    }

    #[test]
    fn repetition_is_an_alert_for_the_tenant_and_for_the_module_and_then_less_often() {
        let alerts = Alerts::new(AlertRules::default().repeats(3, Duration::from_secs(60)));
        let mut at = Vec::new();
        for i in 1..=12 {
            // The module changes each time, the tenant stays.
            let found = kinds(&alerts, "t", &i.to_string(), &trapped(), Duration::from_secs(1));
            if found == [AlertKind::RepeatedTenant] {
                at.push(i);
            } else {
                assert_eq!(found, []);
            }
        }
        assert_eq!(at, [3, 6, 12]);
        for (tenant, expected) in [("a", 0), ("b", 0), ("c", 1)] {
            assert_eq!(kinds(&alerts, tenant, "same", &trapped(), Duration::from_secs(1)).len(), expected);
        }
    }

    #[test]
    fn failures_that_are_far_apart_are_no_repetition() {
        let alerts = Alerts::new(AlertRules::default().repeats(2, Duration::from_secs(10)));
        for i in 0..10 {
            assert_eq!(kinds(&alerts, "t", "m", &trapped(), Duration::from_secs(i * 20)), []);
        }
    }

    #[test]
    fn whoever_was_not_seen_for_longest_is_forgotten_first() {
        let alerts = Alerts::new(AlertRules::default().repeats(2, Duration::from_secs(60)).subjects(4));
        let outcome = trapped();
        for i in 0..1000 {
            kinds(&alerts, "steady", "steady", &outcome, Duration::ZERO);
            let once = format!("once {i}");
            kinds(&alerts, &once, &once, &outcome, Duration::ZERO);
            let repeats = alerts.repeats.lock().unwrap();
            assert!(repeats.subjects.len() <= 4 && repeats.order.len() == repeats.subjects.len());
            assert!(repeats.subjects.contains_key(&Subject::Tenant("steady".into())));
        }
    }
}
