//! Watching runs: one value that whoever runs guests tells of each start and each end, and that tells the audit log, the books of the
//! tenants, alerts, metrics and `tracing`.
//!
//! ```no_run
//! use gauntlet_policy::Policy;
//! use gauntlet_sandbox::Worker;
//! use gauntlet_sandbox::tenants::{Tenant, TenantRules, Tenants};
//! use gauntlet_sandbox::watch::{Watch, Watched};
//! use gauntlet_target::Job;
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let watch = Watch::builder().tenants(Tenants::new(TenantRules::default())).build();
//! let sandbox = Watched::new(Worker::new(), watch);
//! let policy = Policy::parse("p", "version: 1\naudit: { log: audit.jsonl }\nper-tenant: { cpu-time: 60s, window: 1h }\n")
//!     .expect("a sound policy");
//! let job = Job { guest: std::fs::read("guest.wasm")?, policy, ..Job::default() };
//! let run = sandbox.run_for(&Tenant::new("acme"), &job)?;
//! if let Some(seen) = &run.seen {
//!     println!("{}", seen.threat);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! # `tracing`
//!
//! | Target | Level | What |
//! |---|---|---|
//! | [`RUN`] | info | a span `run` for each run, with `run` (its id), `tenant` (SHA-256 of the name), `module` (SHA-256), `placement`, and at its end `ending` and `cause`; an event at its end |
//! | [`DENIAL`] | debug | each kind of thing that was denied |
//! | [`ALERT`] | warn | each alert |
//! | [`REFUSED`] | info | a run that was not admitted |
//! | [`AUDIT`] | error | the audit log cannot be written |
//!
//! All text that a guest or a tenant chose is escaped and cut before it gets there.

use std::collections::BTreeMap;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use gauntlet_policy::Policy;
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};
use serde::{Deserialize, Serialize};

use crate::alerts::{Alert, AlertKind, AlertRules, AlertSink, Alerts, Raised};
use crate::audit::{
    AuditEnding, AuditEntry, AuditError, AuditLog, EndLine, Fsync, ProcessName, RefusedLine, RunId, StartLine, names,
    word,
};
use crate::clock::{Clock, SystemClock, rfc3339};
use crate::events::{SecurityEvent, events};
use crate::metrics;
use crate::queue::{Queue, Ticket};
use crate::tenants::{Admission, Refused, Tenant, Tenants};
use crate::threat::ThreatSummary;

/// The `tracing` target of runs.
pub const RUN: &str = "gauntlet::run";
/// The `tracing` target of denials.
pub const DENIAL: &str = "gauntlet::denial";
/// The `tracing` target of alerts.
pub const ALERT: &str = "gauntlet::alert";
/// The `tracing` target of runs that were not admitted.
pub const REFUSED: &str = "gauntlet::refused";
/// The `tracing` target of an audit log in trouble.
pub const AUDIT: &str = "gauntlet::audit";

/// Most logs that policies name which are kept open between runs.
const MAX_LOGS: usize = 64;
/// Most denials of one run that are traced.
const MAX_TRACED: usize = 16;

/// Where guests run.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Placement {
    /// A jailed process of the guest's own.
    Worker,
    /// The caller's process.
    Inline,
    /// A sandbox that is not ours.
    #[default]
    Other,
}

impl Placement {
    /// The word as logs and metrics spell it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Inline => "inline",
            Self::Other => "other",
        }
    }

    /// The placement that a target of this name is.
    #[must_use]
    pub fn of_target(name: &str) -> Self {
        match name {
            "worker" | "pool" => Self::Worker,
            "inline" => Self::Inline,
            _ => Self::Other,
        }
    }
}

/// What is known of a run before its guest is read.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct RunStart {
    /// Whose run.
    pub tenant: Tenant,
    /// SHA-256 of the guest's bytes, in hex.
    pub module: String,
    /// SHA-256 of the policy, in hex.
    pub policy: String,
    /// The engine.
    pub engine: String,
    /// The engine's version.
    pub engine_version: String,
    /// Where the guest runs.
    pub placement: Placement,
    /// The audit log that the policy names.
    pub log: Option<PathBuf>,
}

impl RunStart {
    /// A run of our own executor. `module` is the SHA-256 of the guest's bytes, in hex.
    #[must_use]
    pub fn new(tenant: &Tenant, module: impl Into<String>, policy: &Policy, placement: Placement) -> Self {
        Self {
            tenant: tenant.clone(),
            module: module.into(),
            policy: policy_digest(policy),
            engine: crate::ENGINE.to_owned(),
            engine_version: crate::ENGINE_VERSION.to_owned(),
            placement,
            log: policy.audit.log.as_ref().map(|log| PathBuf::from(&log.value)),
        }
    }

    /// A run of a job on any target.
    #[must_use]
    pub fn of(job: &Job, tenant: &Tenant, target: &Description) -> Self {
        let placement = Placement::of_target(&target.name);
        let module = gauntlet_record::digest(&job.guest);
        Self {
            engine: target.engine.clone(),
            engine_version: target.version.clone(),
            ..Self::new(tenant, module, &job.policy, placement)
        }
    }
}

/// SHA-256 of a policy's text; of its values, if it was put together without a text.
fn policy_digest(policy: &Policy) -> String {
    if policy.text.is_empty() {
        gauntlet_record::digest(&serde_json::to_vec(policy).unwrap_or_default())
    } else {
        policy.sha256()
    }
}

/// A run that does not start. Nothing was read of the guest.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum NotStarted {
    /// Its tenant may not run anything now.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// It cannot be logged, and its policy or the operator wants a log.
    #[error(transparent)]
    Audit(#[from] AuditError),
    /// The system gives no random numbers for its id.
    #[error("cannot draw an id for the run")]
    Id(#[source] io::Error),
}

/// Watches runs. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Watch {
    shared: Arc<Shared>,
}

struct Shared {
    clock: Arc<dyn Clock>,
    log: Option<Arc<AuditLog>>,
    fsync: Fsync,
    logs: Mutex<BTreeMap<PathBuf, Arc<AuditLog>>>,
    tenants: Option<Tenants>,
    alerts: Alerts,
    sinks: Vec<Arc<dyn AlertSink>>,
    process: ProcessName,
}

/// Puts a [`Watch`] together.
#[must_use]
pub struct WatchBuilder {
    clock: Arc<dyn Clock>,
    log: Option<Arc<AuditLog>>,
    fsync: Fsync,
    tenants: Option<Tenants>,
    rules: AlertRules,
    sinks: Vec<Arc<dyn AlertSink>>,
}

impl WatchBuilder {
    /// A log that every run is written to, whatever its policy says. A log that a policy names gets the policy's runs in any case.
    pub fn log(mut self, log: Arc<AuditLog>) -> Self {
        self.log = Some(log);
        self
    }

    /// When the logs that policies name are synced.
    pub fn fsync(mut self, fsync: Fsync) -> Self {
        self.fsync = fsync;
        self
    }

    /// The books of the tenants. Without them no budget is held and nobody is put in quarantine.
    pub fn tenants(mut self, tenants: Tenants) -> Self {
        self.tenants = Some(tenants);
        self
    }

    /// When repetition is an alert.
    pub fn alerts(mut self, rules: AlertRules) -> Self {
        self.rules = rules;
        self
    }

    /// Somebody who is told of alerts, a [`Webhook`](crate::webhook::Webhook) for example. Alerts go to the audit log in any case.
    pub fn sink(mut self, sink: Arc<dyn AlertSink>) -> Self {
        self.sinks.push(sink);
        self
    }

    /// The clock that runs are timed with.
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// The watch.
    #[must_use]
    pub fn build(self) -> Watch {
        Watch {
            shared: Arc::new(Shared {
                clock: self.clock,
                log: self.log,
                fsync: self.fsync,
                logs: Mutex::default(),
                tenants: self.tenants,
                alerts: Alerts::new(self.rules),
                sinks: self.sinks,
                process: ProcessName::own(),
            }),
        }
    }
}

impl Default for Watch {
    /// Writes the logs that policies name, and tells `metrics` and `tracing`; holds no budgets.
    fn default() -> Self {
        Self::builder().build()
    }
}

impl fmt::Debug for Watch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Watch")
            .field("log", &self.shared.log)
            .field("tenants", &self.shared.tenants)
            .finish_non_exhaustive()
    }
}

impl Watch {
    /// A watch that is put together piece by piece.
    pub fn builder() -> WatchBuilder {
        WatchBuilder {
            clock: Arc::new(SystemClock::default()),
            log: None,
            fsync: Fsync::default(),
            tenants: None,
            rules: AlertRules::default(),
            sinks: Vec::new(),
        }
    }

    /// The books of the tenants.
    #[must_use]
    pub fn tenants(&self) -> Option<&Tenants> {
        self.shared.tenants.as_ref()
    }

    /// A run was turned away before it could start, by the queue for example: call this instead of [`Watch::started`].
    ///
    /// # Errors
    ///
    /// If the policy or the operator names a log, and it cannot be opened.
    pub fn refused(&self, refused: &Refused, start: &RunStart) -> Result<(), AuditError> {
        let logs = self.shared.logs_of(start)?;
        self.shared.refused(refused, start, &logs);
        Ok(())
    }

    /// A run is about to start: call this before anything of the guest is read.
    ///
    /// # Errors
    ///
    /// If the tenant is refused, or the run cannot be logged although the policy or the operator names a log.
    pub fn started(&self, start: &RunStart, policy: &Policy) -> Result<Running, NotStarted> {
        let shared = &self.shared;
        let logs = shared.logs_of(start)?;
        let admission = match shared.tenants.as_ref().map(|tenants| tenants.admit(&start.tenant, policy)).transpose() {
            Ok(admission) => admission,
            Err(refused) => {
                shared.refused(&refused, start, &logs);
                return Err(refused.into());
            }
        };
        let begin = || -> Result<StartLine, NotStarted> {
            let (tenant, tenant_sha256) = names(&start.tenant);
            let line = StartLine {
                run: RunId::draw().map_err(NotStarted::Id)?,
                time: rfc3339(&*shared.clock),
                tenant,
                tenant_sha256,
                module: word(&start.module),
                policy: word(&start.policy),
                engine: word(&start.engine),
                engine_version: word(&start.engine_version),
                tool_version: env!("CARGO_PKG_VERSION").to_owned(),
                placement: start.placement,
                process: shared.process.clone(),
            };
            for (at, log) in logs.iter().enumerate() {
                if let Err(error) = log.start(line.clone()) {
                    // Where it was written already it gets an end.
                    let end = line.end(AuditEnding::Failed, line.time.clone());
                    for earlier in logs.iter().take(at) {
                        let _ = earlier.end(end.clone());
                    }
                    return Err(error.into());
                }
            }
            Ok(line)
        };
        let line = match begin() {
            Ok(line) => line,
            Err(error) => {
                if let Some(admission) = admission {
                    admission.cancelled();
                }
                return Err(error);
            }
        };
        let span = tracing::info_span!(
            target: RUN,
            "run",
            run = %line.run,
            tenant = line.tenant_sha256,
            module = line.module,
            placement = line.placement.as_str(),
            ending = tracing::field::Empty,
            cause = tracing::field::Empty,
        );
        metrics::started();
        let began = shared.clock.monotonic();
        Ok(Running { shared: Arc::clone(shared), line, logs, admission, began, span, open: true })
    }
}

impl Shared {
    /// The logs of a run: the operator's and the policy's.
    fn logs_of(&self, start: &RunStart) -> Result<Vec<Arc<AuditLog>>, AuditError> {
        let mut logs: Vec<Arc<AuditLog>> = self.log.iter().cloned().collect();
        if let Some(path) = &start.log
            && logs.iter().all(|log| log.path() != path)
        {
            logs.push(self.open(path)?);
        }
        Ok(logs)
    }

    fn open(&self, path: &Path) -> Result<Arc<AuditLog>, AuditError> {
        let mut logs = self.logs.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(log) = logs.get(path) {
            return Ok(Arc::clone(log));
        }
        if logs.len() >= MAX_LOGS {
            // Those that no run holds can be opened again.
            logs.retain(|_, log| Arc::strong_count(log) > 1 || log.waiting() > 0);
        }
        let log = Arc::new(AuditLog::open_with(path, self.fsync, Arc::clone(&self.clock))?);
        logs.insert(path.to_owned(), Arc::clone(&log));
        Ok(log)
    }

    fn refused(&self, refused: &Refused, start: &RunStart, logs: &[Arc<AuditLog>]) {
        metrics::refused(&refused.why);
        tracing::info!(
            target: REFUSED,
            tenant = start.tenant.sha256(),
            module = word(&start.module),
            why = %refused.why,
            count = refused.count,
            "a run was not admitted"
        );
        if !refused.count.is_power_of_two() {
            return;
        }
        let line = RefusedLine::new(refused, &start.module, &start.policy, rfc3339(&*self.clock));
        for log in logs {
            // The log tells of its trouble itself, and nothing runs.
            let _ = log.note(AuditEntry::Refused(Box::new(line.clone())));
        }
    }

    fn raise(&self, raised: Raised, line: &StartLine, logs: &[Arc<AuditLog>]) -> Alert {
        let alert = Alert {
            alert: raised.kind,
            severity: raised.kind.severity(),
            time: rfc3339(&*self.clock),
            run: line.run.to_string(),
            tenant: line.tenant.clone(),
            tenant_sha256: line.tenant_sha256.clone(),
            module: line.module.clone(),
            cause: raised.cause,
            count: raised.count,
            window: raised.window,
            message: raised.message,
        };
        metrics::alerted(alert.alert);
        tracing::warn!(
            target: ALERT,
            alert = alert.alert.as_str(),
            severity = alert.severity.as_str(),
            run = alert.run,
            tenant = alert.tenant_sha256,
            module = alert.module,
            count = alert.count,
            message = alert.message
        );
        for log in logs {
            // An alert that cannot be written now is kept by the log.
            let _ = log.note(AuditEntry::Alert(Box::new(alert.clone())));
        }
        for sink in &self.sinks {
            sink.alert(&alert);
        }
        alert
    }
}

/// A run that goes on. Dropping it without [`Running::ended`] or [`Running::failed`] logs and books it as lost.
#[must_use = "dropping it logs the run as lost"]
pub struct Running {
    shared: Arc<Shared>,
    line: StartLine,
    logs: Vec<Arc<AuditLog>>,
    admission: Option<Admission>,
    began: Duration,
    span: tracing::Span,
    open: bool,
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Running").field("run", &self.line.run).finish_non_exhaustive()
    }
}

/// What was seen of a run, once it has ended.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Seen {
    /// The run's id, as the audit log has it.
    pub run: RunId,
    /// Its security events.
    pub events: Vec<SecurityEvent>,
    /// Its threat summary; that of its tenant is in [`Tenants::usage`].
    pub threat: ThreatSummary,
    /// The alerts that it gave rise to.
    pub alerts: Vec<Alert>,
}

impl Running {
    /// The run's id.
    #[must_use]
    pub fn id(&self) -> RunId {
        self.line.run
    }

    /// The span of the run, for whoever runs it to work in.
    #[must_use]
    pub fn span(&self) -> &tracing::Span {
        &self.span
    }

    /// The policy that holds the run to what its tenant has left; `None` if the policy itself does.
    #[must_use]
    pub fn tighten(&self, policy: &Policy) -> Option<Policy> {
        self.admission.as_ref().and_then(|admission| admission.tighten(policy))
    }

    /// The run ended with an outcome.
    pub fn ended(mut self, outcome: &Outcome) -> Seen {
        self.open = false;
        let now = self.shared.clock.monotonic();
        let duration = now.saturating_sub(self.began);
        let events = events(outcome);
        let threat = ThreatSummary::of(&events);
        let cause = outcome.ending.cause.map(|cause| cause.to_string()).unwrap_or_default();
        self.span.record("ending", outcome.ending.ending.as_str());
        self.span.record("cause", &*cause);
        for denial in outcome.denials.iter().take(MAX_TRACED) {
            tracing::debug!(
                target: DENIAL,
                parent: &self.span,
                cause = %denial.cause,
                asked = gauntlet_record::GuestText::name(&denial.asked).as_str(),
                count = denial.count,
                "denied"
            );
        }
        tracing::info!(
            target: RUN,
            parent: &self.span,
            ending = outcome.ending.ending.as_str(),
            cause,
            duration = crate::execute::nanos(duration),
            denials = outcome.denials.len(),
            threat = threat.score,
            "the run ended"
        );
        let end = EndLine {
            duration: Some(crate::execute::nanos(duration)),
            threat: Some(threat.score),
            ..self.line.end(AuditEnding::Ended(outcome.ending.ending), rfc3339(&*self.shared.clock))
        };
        let mut raised = self.log_end(&end.with(outcome, &events));
        if let Some(reason) = self.admission.take().and_then(|admission| admission.ended(outcome, &events)) {
            let message = format!("a tenant was put in quarantine: {reason}");
            raised.push(Raised::once(AlertKind::Quarantined, None, message));
        }
        raised.extend(self.shared.alerts.of(&self.line.tenant_sha256, &self.line.module, outcome, &events, now));
        let alerts = raised.into_iter().map(|raised| self.shared.raise(raised, &self.line, &self.logs)).collect();
        metrics::ended(self.line.placement, outcome, &events, duration.as_secs_f64());
        Seen { run: self.line.run, events, threat, alerts }
    }

    /// The executor could not run the guest.
    pub fn failed(mut self, error: &TargetError) {
        self.open = false;
        self.span.record("ending", "failed");
        let nothing_ran = match error {
            TargetError::Spawn { .. } | TargetError::LimitUnenforced { .. } | TargetError::Unconfined { .. } => true,
            TargetError::Protocol(_) | TargetError::Io { .. } => false,
            // An error that a later version adds: what may have run is booked as if it had.
            _ => false,
        };
        match self.admission.take() {
            Some(admission) if nothing_ran => admission.cancelled(),
            // Dropped: booked with all that was reserved.
            Some(_) | None => {}
        }
        self.give_up(AuditEnding::Failed, &error.to_string());
    }

    fn give_up(&self, ending: AuditEnding, detail: &str) {
        let lost = ending == AuditEnding::Lost;
        let duration = self.shared.clock.monotonic().saturating_sub(self.began);
        let mut end = self.line.end(ending, rfc3339(&*self.shared.clock));
        end.detail = gauntlet_record::GuestText::name(detail).as_str().to_owned();
        end.duration = (!lost).then(|| crate::execute::nanos(duration));
        tracing::info!(target: RUN, parent: &self.span, %ending, detail = end.detail, "the run was given up");
        for raised in self.log_end(&end) {
            self.shared.raise(raised, &self.line, &self.logs);
        }
        metrics::gave_up(lost, self.line.placement);
    }

    fn log_end(&self, end: &EndLine) -> Vec<Raised> {
        let behind = self.logs.iter().filter(|log| log.end(end.clone()).is_err()).count();
        let message = || "the end of a run could not be written to the audit log yet".to_owned();
        (behind > 0).then(|| Raised::once(AlertKind::AuditBehind, None, message())).into_iter().collect()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        if self.open {
            self.span.record("ending", "lost");
            self.give_up(AuditEnding::Lost, "nobody reported its end");
        }
    }
}

/// A target whose every run is watched.
#[derive(Debug)]
pub struct Watched<T> {
    target: T,
    watch: Watch,
    tenant: Tenant,
    queue: Option<Queue>,
}

/// A run of a [`Watched`] target.
#[derive(Debug)]
#[non_exhaustive]
pub struct WatchedRun {
    /// How it ended: `refused` with the cause `refused-tenant`, if its tenant was not admitted.
    pub outcome: Outcome,
    /// What was seen of it; `None` if it was not admitted.
    pub seen: Option<Seen>,
}

impl<T: Target> Watched<T> {
    /// Watches a target.
    pub fn new(target: T, watch: Watch) -> Self {
        Self { target, watch, tenant: Tenant::default(), queue: None }
    }

    /// Lets runs wait in a queue before they are admitted and logged as started, so that a tenant's budgets, and the times in the log,
    /// are about runs and not about waiting. A run that the queue refuses is logged as refused.
    ///
    /// Give a [`Pool`](crate::Pool) a queue with as many lanes as it has itself, so that nothing waits twice.
    #[must_use]
    pub fn queue(mut self, queue: Queue) -> Self {
        self.queue = Some(queue);
        self
    }

    /// The target.
    #[must_use]
    pub fn target(&self) -> &T {
        &self.target
    }

    /// Sets whose runs those of [`Target::run`] are.
    #[must_use]
    pub fn tenant(mut self, tenant: Tenant) -> Self {
        self.tenant = tenant;
        self
    }

    /// The watch.
    #[must_use]
    pub fn watch(&self) -> &Watch {
        &self.watch
    }

    /// Runs a job for a tenant.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all, or the run could not be logged.
    pub fn run_for(&self, tenant: &Tenant, job: &Job) -> Result<WatchedRun, TargetError> {
        let start = RunStart::of(job, tenant, &self.target.describe());
        let unlogged =
            |error: AuditError| TargetError::Io { what: "the run cannot be logged", source: io::Error::other(error) };
        let _lane = match self.queue.as_ref().map(|queue| queue.submit(tenant)).transpose() {
            Ok(ticket) => ticket.map(Ticket::wait),
            Err(refused) => {
                self.watch.refused(&refused, &start).map_err(unlogged)?;
                return Ok(WatchedRun { outcome: refused.outcome(), seen: None });
            }
        };
        let running = match self.watch.started(&start, &job.policy) {
            Ok(running) => running,
            Err(NotStarted::Refused(refused)) => return Ok(WatchedRun { outcome: refused.outcome(), seen: None }),
            Err(NotStarted::Audit(error)) => return Err(unlogged(error)),
            Err(NotStarted::Id(source)) => {
                return Err(TargetError::Io { what: "cannot draw an id for the run", source });
            }
        };
        let tightened = running.tighten(&job.policy).map(|policy| Job { policy, ..job.clone() });
        let span = running.span().clone();
        match span.in_scope(|| self.target.run_as(tenant.sha256(), tightened.as_ref().unwrap_or(job))) {
            Ok(outcome) => {
                let seen = running.ended(&outcome);
                Ok(WatchedRun { outcome, seen: Some(seen) })
            }
            Err(error) => {
                running.failed(&error);
                Err(error)
            }
        }
    }
}

impl<T: Target> Target for Watched<T> {
    fn describe(&self) -> Description {
        self.target.describe()
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.run_for(&self.tenant, job).map(|run| run.outcome)
    }

    fn run_as(&self, tenant: &str, job: &Job) -> Result<Outcome, TargetError> {
        self.run_for(&Tenant::known_by(tenant), job).map(|run| run.outcome)
    }
}

#[cfg(test)]
mod tests;
