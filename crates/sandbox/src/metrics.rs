//! Metrics through the `metrics` facade: whatever recorder the program installs hears of them; without one they cost next to nothing.
//!
//! Labels are words from closed lists (ending, cause, placement, kind, severity): never a tenant, a module, a path or anything else that
//! a guest or its owner chooses, so that the number of series is bounded. All metrics stand in one table, [`METRICS`], with their help.

use gauntlet_record::{Cause, LimitKey};
use gauntlet_target::Outcome;

use crate::alerts::AlertKind;
use crate::events::{SecurityEvent, limit_that_ended};
use crate::tenants::{Budget, RefusedWhy, measured};
use crate::watch::Placement;

/// What a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A distribution. Give the exporter buckets for it, see [`Metric::buckets`].
    Histogram,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq)]
#[non_exhaustive]
pub struct Metric {
    /// Its name.
    pub name: &'static str,
    /// What it is.
    pub kind: MetricKind,
    /// Its unit.
    pub unit: MetricUnit,
    /// Its labels.
    pub labels: &'static [&'static str],
    /// What it says, for dashboards.
    pub help: &'static str,
    /// The upper bounds that suit it, for a histogram; empty otherwise.
    pub buckets: &'static [f64],
}

/// What a metric's number counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricUnit {
    /// Things.
    Count,
    /// Seconds.
    Seconds,
    /// Bytes.
    Bytes,
}

const SECONDS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0];
const BYTES: &[f64] =
    &[65_536.0, 1_048_576.0, 4_194_304.0, 16_777_216.0, 67_108_864.0, 134_217_728.0, 268_435_456.0, 1_073_741_824.0];

/// Declares the metrics: constant, name, kind, unit, labels, buckets, help.
macro_rules! metrics {
    ($($constant:ident = $name:literal, $kind:ident, $unit:ident, $labels:expr, $buckets:expr, $help:literal;)*) => {
        $(#[doc = $help] pub const $constant: &str = $name;)*

        /// Every metric of this crate.
        pub const METRICS: &[Metric] = &[$(Metric {
            name: $constant,
            kind: MetricKind::$kind,
            unit: MetricUnit::$unit,
            labels: $labels,
            help: $help,
            buckets: $buckets,
        },)*];

        /// Gives the installed recorder the help and unit of every metric. Call it once, after the recorder was installed.
        pub fn describe() {
            $(metrics!(@$kind $constant, $unit, $help);)*
        }
    };
    (@Counter $constant:ident, $unit:ident, $help:literal) => {
        ::metrics::describe_counter!($constant, ::metrics::Unit::$unit, $help)
    };
    (@Gauge $constant:ident, $unit:ident, $help:literal) => {
        ::metrics::describe_gauge!($constant, ::metrics::Unit::$unit, $help)
    };
    (@Histogram $constant:ident, $unit:ident, $help:literal) => {
        ::metrics::describe_histogram!($constant, ::metrics::Unit::$unit, $help)
    };
}

metrics! {
    RUNS = "gauntlet_runs_total", Counter, Count, &["ending", "cause", "placement"], &[],
        "Runs that ended, by ending, typed cause (`none` if there is none) and placement";
    RUN_DURATION = "gauntlet_run_duration_seconds", Histogram, Seconds, &["placement"], SECONDS,
        "Wall time of runs, from the first byte to the verdict";
    CPU_TIME = "gauntlet_run_cpu_seconds", Histogram, Seconds, &["placement"], SECONDS,
        "CPU time of runs, user and system, where it was measured";
    FUEL = "gauntlet_fuel_total", Counter, Count, &["placement"], &[],
        "Fuel that guests used, where it was measured";
    MEMORY_PEAK = "gauntlet_run_memory_peak_bytes", Histogram, Bytes, &["placement"], BYTES,
        "Memory that guests held at most, where it was measured";
    OUTPUT = "gauntlet_output_bytes_total", Counter, Bytes, &[], &[],
        "Bytes that guests wrote to standard output and standard error and that were kept";
    DENIALS = "gauntlet_denials_total", Counter, Count, &["cause"], &[],
        "Requests of guests that were turned down, by typed cause";
    LIMIT_REACHED = "gauntlet_limit_reached_total", Counter, Count, &["limit"], &[],
        "Runs that a limit ended, by limit";
    EVENTS = "gauntlet_security_events_total", Counter, Count, &["kind", "severity"], &[],
        "Security events, by kind and severity";
    ALERTS = "gauntlet_alerts_total", Counter, Count, &["kind"], &[],
        "Alerts, by kind";
    ALERTS_DROPPED = "gauntlet_alerts_dropped_total", Counter, Count, &[], &[],
        "Alerts that the webhook did not take: the queue was full, or every attempt failed";
    REFUSALS = "gauntlet_refusals_total", Counter, Count, &["why"], &[],
        "Runs that were not admitted, by what was used up";
    RUNS_LOST = "gauntlet_runs_lost_total", Counter, Count, &[], &[],
        "Runs that started and whose end was never reported";
    AUDIT_FAILURES = "gauntlet_audit_failures_total", Counter, Count, &[], &[],
        "Lines that could not be written to the audit log at the first attempt";
    RUNS_NOW = "gauntlet_runs_in_flight", Gauge, Count, &[], &[],
        "Runs that go on now";
    WORKERS = "gauntlet_workers", Gauge, Count, &["state"], &[],
        "Worker processes, by state (`idle` or `busy`)";
    QUEUE_LENGTH = "gauntlet_queue_length", Gauge, Count, &[], &[],
        "Submissions that wait for a lane";
    CACHE_HITS = "gauntlet_cache_hits_total", Counter, Count, &[], &[],
        "Modules that were found compiled";
    CACHE_MISSES = "gauntlet_cache_misses_total", Counter, Count, &[], &[],
        "Modules that had to be compiled";
}

/// A run began.
pub(crate) fn started() {
    ::metrics::gauge!(RUNS_NOW).increment(1.0);
}

/// A run ended with an outcome; `seconds` is its wall time.
pub(crate) fn ended(placement: Placement, outcome: &Outcome, events: &[SecurityEvent], seconds: f64) {
    over(outcome.ending.ending.as_str(), outcome.ending.cause, placement);
    let placement = placement.as_str();
    ::metrics::histogram!(RUN_DURATION, "placement" => placement).record(seconds);
    if let Some(nanos) = measured(outcome, LimitKey::CpuTime) {
        let seconds = std::time::Duration::from_nanos(nanos).as_secs_f64();
        ::metrics::histogram!(CPU_TIME, "placement" => placement).record(seconds);
    }
    if let Some(fuel) = measured(outcome, LimitKey::Fuel) {
        ::metrics::counter!(FUEL, "placement" => placement).increment(fuel);
    }
    if let Some(bytes) = measured(outcome, LimitKey::Memory) {
        // A histogram takes floating point; 53 bits are enough for any memory.
        ::metrics::histogram!(MEMORY_PEAK, "placement" => placement).record(bytes as f64);
    }
    let output = outcome.stdout.len().saturating_add(outcome.stderr.len());
    ::metrics::counter!(OUTPUT).increment(output as u64);
    for denial in &outcome.denials {
        ::metrics::counter!(DENIALS, "cause" => denial.cause.to_string()).increment(denial.count);
    }
    if let Some(key) = limit_that_ended(outcome) {
        ::metrics::counter!(LIMIT_REACHED, "limit" => key.as_str()).increment(1);
    }
    for event in events {
        let labels = [("kind", event.kind.as_str()), ("severity", event.severity.as_str())];
        ::metrics::counter!(EVENTS, &labels).increment(1);
    }
}

/// A run was given up with an error of the executor, or never reported its end.
pub(crate) fn gave_up(lost: bool, placement: Placement) {
    over(if lost { "lost" } else { "failed" }, None, placement);
    if lost {
        ::metrics::counter!(RUNS_LOST).increment(1);
    }
}

fn over(ending: &'static str, cause: Option<Cause>, placement: Placement) {
    ::metrics::gauge!(RUNS_NOW).decrement(1.0);
    let cause = cause.map_or_else(|| "none".to_owned(), |cause| cause.to_string());
    let placement = placement.as_str();
    ::metrics::counter!(RUNS, "ending" => ending, "cause" => cause, "placement" => placement).increment(1);
}

/// A run was not admitted.
pub(crate) fn refused(why: &RefusedWhy) {
    let why = match why {
        RefusedWhy::Quarantined { .. } => "quarantine",
        RefusedWhy::Spent { budget, .. } => Budget::as_str(*budget),
        RefusedWhy::TooManyTenants => "too-many-tenants",
        RefusedWhy::QueueFull { .. } => "queue-full",
        RefusedWhy::WaitedTooLong { .. } => "waited-too-long",
    };
    ::metrics::counter!(REFUSALS, "why" => why).increment(1);
}

/// An alert was raised.
pub(crate) fn alerted(kind: AlertKind) {
    ::metrics::counter!(ALERTS, "kind" => kind.as_str()).increment(1);
}

/// The webhook gave an alert up.
pub(crate) fn alert_dropped() {
    ::metrics::counter!(ALERTS_DROPPED).increment(1);
}

/// A line could not be written to the audit log.
pub(crate) fn audit_failed() {
    ::metrics::counter!(AUDIT_FAILURES).increment(1);
}

/// Runs of earlier processes were found lost.
pub(crate) fn found_lost(runs: u64) {
    ::metrics::counter!(RUNS_LOST).increment(runs);
}

/// How many submissions wait.
pub(crate) fn queue_length(length: usize) {
    ::metrics::gauge!(QUEUE_LENGTH).set(length as f64);
}

/// A worker process in the books, until this is dropped: for whoever keeps workers. Several pools add up.
#[derive(Debug)]
#[must_use = "the worker is counted until this is dropped"]
pub(crate) struct WorkerCounted(&'static str);

impl WorkerCounted {
    /// A worker that waits for its guest.
    pub(crate) fn idle() -> Self {
        Self::of("idle")
    }

    /// A worker that has a guest, or compiles one.
    pub(crate) fn busy() -> Self {
        Self::of("busy")
    }

    fn of(state: &'static str) -> Self {
        ::metrics::gauge!(WORKERS, "state" => state).increment(1.0);
        Self(state)
    }
}

impl Drop for WorkerCounted {
    fn drop(&mut self) {
        ::metrics::gauge!(WORKERS, "state" => self.0).decrement(1.0);
    }
}

/// Whether a module was found compiled: for whoever keeps the cache.
pub(crate) fn cache(hit: bool) {
    ::metrics::counter!(if hit { CACHE_HITS } else { CACHE_MISSES }).increment(1);
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use gauntlet_record::{DenialKind, Ending};
    use gauntlet_target::{DenialSeen, EndingSeen};
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::events::events;

    fn rendered(work: impl FnOnce()) -> String {
        let recorder = PrometheusBuilder::new().set_buckets(SECONDS).unwrap().build_recorder();
        ::metrics::with_local_recorder(&recorder, work);
        recorder.handle().render()
    }

    fn all_of_it() {
        describe();
        let ending = EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Fuel), "");
        let denials = vec![DenialSeen {
            cause: Cause::Denied(DenialKind::Path),
            asked: "path_open /home/somebody/secret".into(),
            limit: None,
            count: 3,
        }];
        let usage = [(LimitKey::CpuTime, 2_000_000_000), (LimitKey::Fuel, 17), (LimitKey::Memory, 65_536)]
            .into_iter()
            .map(|(limit, used)| gauntlet_record::Usage { limit, used: Some(used), cap: None, unmeasured: None })
            .collect();
        let outcome = Outcome { ending, denials, usage, stdout: b"abc".to_vec(), ..Outcome::default() };
        started();
        ended(Placement::Worker, &outcome, &events(&outcome), 1.5);
        started();
        gave_up(true, Placement::Inline);
        refused(&RefusedWhy::TooManyTenants);
        alerted(AlertKind::LimitReached);
        alert_dropped();
        audit_failed();
        queue_length(3);
        let _workers = (WorkerCounted::idle(), WorkerCounted::busy());
        cache(true);
        cache(false);
    }

    #[test]
    fn every_metric_is_emitted_under_its_name_with_its_help_and_its_labels() {
        let text = rendered(all_of_it);
        for metric in METRICS {
            assert!(text.contains(&format!("# HELP {} {}", metric.name, metric.help)), "{} in {text}", metric.name);
            let line = text.lines().find(|line| {
                line.strip_prefix(metric.name).is_some_and(|rest| rest.starts_with([' ', '{', '_']))
                    && !line.starts_with('#')
            });
            let line = line.unwrap_or_else(|| panic!("{} in {text}", metric.name));
            let labels: BTreeSet<&str> = line
                .split_once('{')
                .and_then(|(_, rest)| rest.split_once('}'))
                .map(|(labels, _)| labels.split("\",").filter_map(|label| label.split_once('=')).map(|(name, _)| name))
                .into_iter()
                .flatten()
                .filter(|label| *label != "le")
                .collect();
            assert_eq!(labels, metric.labels.iter().copied().collect(), "{line}");
        }
        assert!(
            text.contains("gauntlet_runs_total{ending=\"limit-reached\",cause=\"limit-fuel\",placement=\"worker\"} 1")
        );
        assert!(text.contains("gauntlet_denials_total{cause=\"denied-path\"} 3"));
        assert!(text.contains("gauntlet_runs_in_flight 0"));
    }

    #[test]
    fn what_a_guest_chose_is_in_no_label() {
        assert!(!rendered(all_of_it).contains("secret"));
    }

    #[test]
    fn names_are_unique_and_follow_the_usual_rules() {
        let names: BTreeSet<&str> = METRICS.iter().map(|metric| metric.name).collect();
        assert_eq!(names.len(), METRICS.len());
        for metric in METRICS {
            assert!(metric.name.starts_with("gauntlet_"), "{}", metric.name);
            assert_eq!(metric.name.ends_with("_total"), metric.kind == MetricKind::Counter, "{}", metric.name);
            assert_eq!(metric.buckets.is_empty(), metric.kind != MetricKind::Histogram, "{}", metric.name);
        }
    }
}
