use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};

use gauntlet_record::{Cause, DenialKind, Ending, LimitKey};
use gauntlet_target::{DenialSeen, EndingSeen};

use super::*;
use crate::audit::AuditLine;
use crate::clock::ManualClock;
use crate::tenants::{RefusedWhy, TenantRules};

/// A sandbox that answers what it is told to.
struct Plays(Box<Answer>);

type Answer = dyn Fn(&Job) -> Result<Outcome, TargetError>;

impl Target for Plays {
    fn describe(&self) -> Description {
        Description { name: "worker".into(), engine: "none".into(), version: "0".into(), offers: Vec::new() }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        (self.0)(job)
    }
}

fn plays(answer: impl Fn(&Job) -> Result<Outcome, TargetError> + 'static) -> Plays {
    Plays(Box::new(answer))
}

fn crash() -> Outcome {
    let ending = EndingSeen { ending: Ending::WorkerDied, signal: Some(11), ..EndingSeen::default() };
    Outcome { ending, ..Outcome::default() }
}

fn job(policy: &str) -> Job {
    let policy = Policy::parse("t", &format!("version: 1\n{policy}\n")).unwrap();
    Job { guest: b"guest".to_vec(), policy, ..Job::default() }
}

fn logged(path: &Path) -> Vec<AuditEntry> {
    let text = fs::read_to_string(path).unwrap();
    text.lines().map(|line| AuditLine::parse(line).unwrap().entry).collect()
}

fn kinds(path: &Path) -> Vec<String> {
    logged(path)
        .iter()
        .map(|entry| match entry {
            AuditEntry::Start(_) => "start".to_owned(),
            AuditEntry::Running(_) => "running".to_owned(),
            AuditEntry::End(end) => end.ending.to_string(),
            AuditEntry::Refused(line) => format!("refused x {}", line.count),
            AuditEntry::Alert(alert) => format!("alert {}", alert.alert),
            AuditEntry::Checkpoint { .. } => "checkpoint".to_owned(),
        })
        .collect()
}

#[derive(Default)]
struct Told(Mutex<Vec<AlertKind>>);

impl AlertSink for Told {
    fn alert(&self, alert: &Alert) {
        self.0.lock().unwrap().push(alert.alert);
    }
}

#[test]
fn a_watched_run_is_logged_where_its_policy_says_with_digests_and_usage() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let job = job(&format!("audit: {{ log: \"{}\" }}", path.display()));
    let sandbox = Watched::new(plays(|_| Ok(Outcome::default())), Watch::default()).tenant(Tenant::new("acme"));
    assert_eq!(sandbox.run(&job).unwrap(), Outcome::default());
    let [AuditEntry::Start(start), AuditEntry::End(end)] = &*logged(&path) else { panic!("{:?}", logged(&path)) };
    assert_eq!(start.run, end.run);
    assert_eq!((&*start.tenant, &*start.engine, start.placement), ("acme", "none", Placement::Worker));
    assert_eq!(start.module, gauntlet_record::digest(b"guest"));
    assert_eq!(start.policy, job.policy.sha256());
    assert!(end.duration.is_some() && end.threat == Some(0));
}

#[test]
fn a_run_that_cannot_be_logged_does_not_start() {
    let folder = tempfile::tempdir().unwrap();
    let ran = Arc::new(AtomicU64::new(0));
    let count = Arc::clone(&ran);
    let target = plays(move |_| {
        count.fetch_add(1, Ordering::Relaxed);
        Ok(Outcome::default())
    });
    let tenants = Tenants::new(TenantRules::default());
    let sandbox = Watched::new(target, Watch::builder().tenants(tenants.clone()).build());
    let error = sandbox.run(&job(&format!("audit: {{ log: \"{}\" }}", folder.path().display()))).unwrap_err();
    assert!(matches!(error, TargetError::Io { what: "the run cannot be logged", .. }), "{error:?}");
    assert_eq!(ran.load(Ordering::Relaxed), 0);
}

#[test]
fn a_run_that_is_dropped_is_lost_and_one_that_the_executor_gave_up_has_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = Arc::new(AuditLog::open(&path, Fsync::Never).unwrap());
    let tenants = Tenants::new(TenantRules::default());
    let watch = Watch::builder().log(Arc::clone(&log)).tenants(tenants.clone()).build();
    let job = job("limits: { cpu-time: 1s }\nper-tenant: { cpu-time: 100s }");
    let start = RunStart::new(&Tenant::default(), "m", &job.policy, Placement::Inline);
    drop(watch.started(&start, &job.policy).unwrap());
    assert_eq!(kinds(&path), ["start", "lost"]);
    assert_eq!(tenants.usage(&Tenant::default()).unwrap().cpu_time, 1_000_000_000);
    let unlucky = plays(|_| Err(TargetError::Unconfined { mechanism: "cgroup".into(), why: "none".into() }));
    assert!(Watched::new(unlucky, watch).run(&job).is_err());
    assert_eq!(kinds(&path), ["start", "lost", "start", "failed"]);
    let usage = tenants.usage(&Tenant::default()).unwrap();
    assert_eq!((usage.cpu_time, usage.concurrent), (1_000_000_000, 0), "nothing ran, nothing is booked");
}

#[test]
fn a_tenant_that_crashes_workers_comes_into_quarantine_and_everybody_is_told() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = Arc::new(AuditLog::open(&path, Fsync::Never).unwrap());
    let told = Arc::new(Told::default());
    let tenants = Tenants::new(TenantRules::default().critical_events(Some(2)));
    let watch = Watch::builder().log(log).tenants(tenants).sink(Arc::clone(&told) as Arc<dyn AlertSink>).build();
    let sandbox = Watched::new(plays(|_| Ok(crash())), watch);
    let (bad, good, job) = (Tenant::new("bad"), Tenant::new("good"), job(""));
    for _ in 0..2 {
        let seen = sandbox.run_for(&bad, &job).unwrap().seen.unwrap();
        assert_eq!(seen.threat.score, 50);
    }
    for _ in 0..9 {
        let refused = sandbox.run_for(&bad, &job).unwrap();
        assert_eq!(refused.outcome.ending.cause, Some(Cause::RefusedTenant));
        assert!(refused.seen.is_none());
    }
    assert!(sandbox.run_for(&good, &job).unwrap().seen.is_some());
    assert_eq!(
        kinds(&path),
        [
            "start",
            "worker-died",
            "alert critical-event",
            "start",
            "worker-died",
            "alert quarantined",
            "alert critical-event",
            "refused x 1",
            "refused x 2",
            "refused x 4",
            "refused x 8",
            "start",
            "worker-died",
            "alert critical-event",
        ]
    );
    let critical = AlertKind::CriticalEvent;
    assert_eq!(*told.0.lock().unwrap(), [critical, AlertKind::Quarantined, critical, critical]);
}

#[test]
fn a_deadline_is_an_alert_and_so_is_a_module_that_fails_again_and_again() {
    let at_limit = || Outcome {
        ending: EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Deadline), ""),
        ..Outcome::default()
    };
    let told = Arc::new(Told::default());
    let rules = AlertRules::default().repeats(3, Duration::from_secs(60));
    let watch = Watch::builder().alerts(rules).sink(Arc::clone(&told) as Arc<dyn AlertSink>).build();
    let sandbox = Watched::new(plays(move |_| Ok(at_limit())), watch);
    for i in 0..3 {
        sandbox.run_for(&Tenant::new(&i.to_string()), &job("")).unwrap();
    }
    let limit = AlertKind::LimitReached;
    assert_eq!(*told.0.lock().unwrap(), [limit, limit, limit, AlertKind::RepeatedModule]);
}

#[test]
fn a_run_is_held_to_what_its_tenant_has_left() {
    let seen = Arc::new(AtomicU64::new(0));
    let limit = Arc::clone(&seen);
    let target = plays(move |job| {
        limit.store(job.policy.limits.resolve(LimitKey::CpuTime, 0).unwrap(), Ordering::Relaxed);
        Ok(Outcome::default())
    });
    let watch = Watch::builder().tenants(Tenants::new(TenantRules::default())).build();
    let sandbox = Watched::new(target, watch);
    let job = job("limits: { cpu-time: 3s }\nper-tenant: { cpu-time: 4s }");
    // Nobody measured the first run, so it is booked with its whole limit.
    for (expected, refused) in [(3, false), (1, false), (1, true)] {
        let run = sandbox.run(&job).unwrap();
        assert_eq!(seen.load(Ordering::Relaxed), expected * 1_000_000_000);
        assert_eq!(run.ending.cause == Some(Cause::RefusedTenant), refused);
    }
}

#[test]
fn a_log_that_is_behind_is_an_alert() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let log = Arc::new(AuditLog::open(&path, Fsync::Never).unwrap());
    let watch = Watch::builder().log(Arc::clone(&log)).build();
    let job = job("");
    let running =
        watch.started(&RunStart::new(&Tenant::default(), "m", &job.policy, Placement::Inline), &job.policy).unwrap();
    fs::remove_file(&path).unwrap();
    fs::create_dir(&path).unwrap();
    let seen = running.ended(&Outcome::default());
    assert_eq!(seen.alerts.iter().map(|alert| alert.alert).collect::<Vec<_>>(), [AlertKind::AuditBehind]);
    fs::remove_dir(&path).unwrap();
    log.flush().unwrap();
    assert_eq!(kinds(&path), ["returned", "alert audit-behind"]);
}

#[test]
fn durations_come_from_the_clock_that_does_not_jump() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let clock = Arc::new(ManualClock::new());
    let log = AuditLog::open_with(&path, Fsync::Never, Arc::clone(&clock) as Arc<dyn Clock>).unwrap();
    let watch = Watch::builder().log(Arc::new(log)).clock(Arc::clone(&clock) as Arc<dyn Clock>).build();
    let job = job("");
    clock.set_wall(Duration::from_secs(1_000_000_000));
    let running =
        watch.started(&RunStart::new(&Tenant::default(), "m", &job.policy, Placement::Inline), &job.policy).unwrap();
    clock.advance(Duration::from_secs(2));
    clock.set_wall(Duration::from_secs(5));
    running.ended(&Outcome::default());
    let [AuditEntry::Start(start), AuditEntry::End(end)] = &*logged(&path) else { panic!("{:?}", logged(&path)) };
    assert_eq!((&*start.time, &*end.time), ("2001-09-09T01:46:40Z", "1970-01-01T00:00:05Z"));
    assert_eq!(end.duration, Some(2_000_000_000));
}

#[test]
fn many_runs_at_once_all_have_a_start_and_an_end() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("audit.jsonl");
    let tenants = Tenants::new(TenantRules::default());
    let watch = Watch::builder().tenants(tenants.clone()).build();
    let job = Arc::new(job(&format!("audit: {{ log: \"{}\" }}", path.display())));
    let threads: Vec<_> = (0..8)
        .map(|i| {
            let (watch, job) = (watch.clone(), Arc::clone(&job));
            std::thread::spawn(move || {
                for _ in 0..50 {
                    let start = RunStart::new(&Tenant::new(&i.to_string()), "m", &job.policy, Placement::Inline);
                    watch.started(&start, &job.policy).unwrap().ended(&Outcome::default());
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    let kinds = kinds(&path);
    assert_eq!(kinds.iter().filter(|kind| *kind == "start").count(), 400);
    assert_eq!(kinds.iter().filter(|kind| *kind == "returned").count(), 400);
    assert_eq!(tenants.usage(&Tenant::new("0")).unwrap().runs, 50);
}

#[test]
fn a_refusal_of_a_tenant_says_why() {
    let watch = Watch::builder().tenants(Tenants::new(TenantRules::default())).build();
    let job = job("per-tenant: { runs: 0 }");
    let start = RunStart::new(&Tenant::new("acme"), "m", &job.policy, Placement::Worker);
    let NotStarted::Refused(refused) = watch.started(&start, &job.policy).unwrap_err() else { panic!() };
    assert!(matches!(refused.why, RefusedWhy::Spent { limit: 0, .. }));
    assert_eq!(refused.to_string(), "tenant `acme` is refused: 0 of 0 runs are used within 3600 s");
}

#[test]
fn a_policy_without_a_text_has_a_digest_of_its_values() {
    let mut policy = Policy::default();
    let empty = policy_digest(&policy);
    policy.limits.set(LimitKey::Fuel, gauntlet_policy::Limit::At(1, gauntlet_policy::Span::default()));
    assert_ne!(policy_digest(&policy), empty);
}

#[test]
fn what_is_shared_between_threads_can_be() {
    fn shared<T: Send + Sync + 'static>() {}
    shared::<Watch>();
    shared::<AuditLog>();
    shared::<Tenants>();
    shared::<crate::queue::Queue>();
    shared::<crate::webhook::Webhook>();
    shared::<Running>();
    shared::<crate::tenants::Admission>();
}

/// Collects spans and events of `tracing` as text.
#[derive(Default, Clone)]
struct Traced(Arc<Mutex<Vec<String>>>);

struct Fields(String);

impl tracing::field::Visit for Fields {
    fn record_debug(&mut self, field: &tracing::field::Field, value: &dyn fmt::Debug) {
        use std::fmt::Write as _;
        let _ = write!(self.0, " {field}={value:?}");
    }
}

impl Traced {
    fn note(&self, what: &str, record: impl FnOnce(&mut Fields)) {
        let mut fields = Fields(what.to_owned());
        record(&mut fields);
        self.0.lock().unwrap().push(fields.0);
    }
}

impl tracing::Subscriber for Traced {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        self.note(&format!("span {} {}", span.metadata().target(), span.metadata().name()), |fields| {
            span.record(fields)
        });
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, values: &tracing::span::Record<'_>) {
        self.note("record", |fields| values.record(fields));
    }

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        self.note(&format!("event {}", event.metadata().target()), |fields| event.record(fields));
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}

#[test]
fn a_run_is_a_span_with_its_ending_and_its_denials_are_events_with_tame_text() {
    let traced = Traced::default();
    let denials = vec![DenialSeen {
        cause: Cause::Denied(DenialKind::Path),
        asked: "path_open \x1b[2Jx\ny".into(),
        limit: None,
        count: 2,
    }];
    let outcome = Outcome {
        ending: EndingSeen::caused(Ending::LimitReached, Cause::Limit(LimitKey::Fuel), ""),
        denials,
        ..Outcome::default()
    };
    let sandbox = Watched::new(plays(move |_| Ok(outcome.clone())), Watch::default()).tenant(Tenant::new("acme\n"));
    let run = tracing::subscriber::with_default(traced.clone(), || {
        sandbox.run_for(&Tenant::new("acme\n"), &job("")).unwrap()
    });
    let told = traced.0.lock().unwrap();
    let id = run.seen.unwrap().run.to_string();
    let has = |parts: &[&str]| told.iter().any(|line| parts.iter().all(|part| line.contains(part)));
    assert!(has(&["span gauntlet::run run", &id, "placement=\"worker\"", Tenant::new("acme\n").sha256()]), "{told:#?}");
    assert!(has(&["record ending=\"limit-reached\""]) && has(&["record cause=\"limit-fuel\""]), "{told:#?}");
    assert!(has(&["event gauntlet::denial", "denied-path", "\\\\u{1b}[2Jx\\\\ny"]), "{told:#?}");
    assert!(has(&["event gauntlet::alert", "limit-reached"]), "{told:#?}");
    assert!(
        told.iter().all(|line| !line.contains('\x1b') && !line.contains('\n') && !line.contains("acme")),
        "{told:#?}"
    );
}
