//! From an accepted request to its outcome: queue, books, audit log, executor.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::LimitKey;
use gauntlet_sandbox::audit::{AuditLog, Fsync, RunId};
use gauntlet_sandbox::queue::{Queue, QueueSize};
use gauntlet_sandbox::tenants::{Refused, RefusedWhy, TenantRules, Tenants};
use gauntlet_sandbox::watch::{NotStarted, Placement, RunStart, Watch};
use gauntlet_sandbox::{Live, Output, Pool};
use gauntlet_target::{Job, Outcome};
use tokio::sync::{Notify, oneshot};

use crate::answer::Answer;
use crate::files::directory;
use crate::languages::{LanguageError, Languages, Prepared, Program};
use crate::problem::{Kind, Problem};
use crate::server::StartError;
use crate::settings::Settings;
use crate::store::{Store, Tenant, Used, until_tomorrow};

/// Most bytes of compiled code that are kept.
const CODE: u64 = 2 << 30;
/// How long compiling a language ahead may take.
const AHEAD: Duration = Duration::from_secs(300);
/// When to come back to a language that is being compiled, in seconds.
const SOON: u64 = 5;
/// The tenant that the code of shared languages is kept for.
const SHARED: &str = "languages of this server";

/// A run that was asked for, checked and not begun.
#[derive(Debug)]
pub(crate) struct Order {
    pub(crate) tenant: Tenant,
    pub(crate) language: String,
    pub(crate) code: String,
    pub(crate) stdin: Vec<u8>,
    pub(crate) files: Vec<(PathBuf, Vec<u8>)>,
    pub(crate) policy: Policy,
    /// Whether somebody wants output as it comes.
    pub(crate) live: bool,
}

/// A run that goes on. Dropping it ends the run: whoever asked has gone.
#[derive(Debug)]
pub(crate) struct Begun {
    pub(crate) run: RunId,
    pub(crate) feed: Arc<Feed>,
    pub(crate) answer: oneshot::Receiver<Result<Answer, Problem>>,
    _end: End,
}

/// Ends a run when nobody waits for it.
#[derive(Debug)]
struct End(Arc<Live>);

impl Drop for End {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

/// Output that was written and not sent yet: bounded by the policy's limit on output.
#[derive(Debug, Default)]
pub(crate) struct Feed {
    waiting: Mutex<(Vec<u8>, Vec<u8>)>,
    come: Notify,
}

impl Feed {
    fn push(&self, output: Output, bytes: &[u8]) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        match output {
            Output::Stdout => waiting.0.extend_from_slice(bytes),
            Output::Stderr => waiting.1.extend_from_slice(bytes),
        }
        drop(waiting);
        self.come.notify_one();
    }

    /// What has come of standard output and standard error.
    pub(crate) fn take(&self) -> (Vec<u8>, Vec<u8>) {
        std::mem::take(&mut *self.waiting.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Waits until something comes.
    pub(crate) async fn come(&self) {
        self.come.notified().await;
    }
}

/// Runs programs.
pub(crate) struct Runs {
    pool: Pool,
    queue: Queue,
    watch: Watch,
    tenants: Tenants,
    store: Arc<Store>,
    languages: Arc<dyn Languages>,
    files: PathBuf,
    code_log: Option<Mutex<fs::File>>,
    patience: Duration,
    concurrent: usize,
    /// Runs of each tenant, those that wait included.
    present: Arc<Mutex<BTreeMap<String, usize>>>,
    /// Languages of the operator's whose code is not there yet.
    compiling: Mutex<BTreeSet<String>>,
}

impl Runs {
    pub(crate) fn new(
        settings: &Settings,
        store: Arc<Store>,
        languages: Arc<dyn Languages>,
    ) -> Result<Self, StartError> {
        let limits = &settings.limits;
        let mut pool = Pool::builder().max(limits.lanes).min(1).cache(settings.data.join("code"), CODE);
        if let Some(worker) = &settings.worker {
            pool = pool.program(worker);
        }
        let pool = pool.build()?;
        let fsync = if settings.sync_audit { Fsync::Each } else { Fsync::default() };
        let log = Arc::new(AuditLog::open(settings.data.join("audit.jsonl"), fsync)?);
        let tenants = Tenants::new(TenantRules::default());
        let watch = Watch::builder().log(log).tenants(tenants.clone()).build();
        let files = settings.data.join("runs");
        let data = |path: &Path| {
            let path = path.to_owned();
            move |source| StartError::Data { path, source }
        };
        // What an instance left that was killed.
        if files.exists() {
            fs::remove_dir_all(&files).map_err(data(&files))?;
        }
        directory(&files, 0o711).map_err(data(&files))?;
        let code_log = settings.data.join("code.jsonl");
        let code_log = settings.log_code.then(|| private(&code_log).map_err(data(&code_log))).transpose()?;
        // A host that cannot hold the policy says so now, and not to the first client.
        pool.warm(&settings.policy)?;
        let shared =
            languages.list().into_iter().filter(|language| language.available && languages.shared(&language.id));
        let compiling = shared.map(|language| language.id).collect();
        Ok(Self {
            pool,
            queue: Queue::new(QueueSize::new(limits.lanes, limits.waiting).per_tenant(limits.waiting.div_ceil(2))),
            watch,
            tenants,
            store,
            languages,
            files,
            code_log: code_log.map(Mutex::new),
            patience: limits.patience,
            concurrent: limits.concurrent,
            present: Arc::default(),
            compiling: Mutex::new(compiling),
        })
    }

    fn compiling(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.compiling.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Compiles the operator's languages, so that nobody's run has to, within limits that are made for small programs. What cannot be
    /// compiled ahead is left to runs, which say why.
    pub(crate) fn warm_up(&self, policy: &Policy) {
        let shared = gauntlet_sandbox::tenants::Tenant::new(SHARED);
        for language in self.languages.list() {
            if !self.compiling().contains(&language.id) {
                continue;
            }
            let program = Program {
                language: &language.id,
                code: &language.example,
                stdin: &[],
                files: &[],
                directory: &self.files,
                policy,
            };
            if let Ok(Prepared { job, .. }) = self.languages.job(&program) {
                let why = match self.pool.compile_ahead(&shared, &job.guest, &job.policy, AHEAD) {
                    Ok(None) => None,
                    Ok(Some(outcome)) => Some(outcome.ending.detail),
                    Err(error) => Some(gauntlet_target::error_chain(&error)),
                };
                if let Some(why) = why {
                    tracing::warn!(language = language.id, why, "not compiled ahead");
                }
            }
            self.compiling().remove(&language.id);
        }
    }

    /// How many run and how many wait.
    pub(crate) fn load(&self) -> (usize, usize) {
        (self.queue.busy(), self.queue.waiting())
    }

    /// Waits for a place and begins. What is refused here was not run.
    pub(crate) async fn begin(self: &Arc<Self>, order: Order) -> Result<Begun, Problem> {
        if let Some(reason) = &order.tenant.quarantine {
            return Err(Problem::new(Kind::Quarantined, reason.clone()));
        }
        if self.compiling().contains(&order.language) {
            return Err(Problem::new(Kind::LanguageUnavailable, "it is being compiled, once").retry_after(SOON));
        }
        let present = self.enter(&order.tenant)?;
        let tenant = gauntlet_sandbox::tenants::Tenant::new(&order.tenant.name);
        let refused = |refused: &Refused| {
            // Nothing was read of the guest: there is no digest of it.
            let start = RunStart::new(&tenant, "", &order.policy, Placement::Worker);
            if self.watch.refused(refused, &start).is_err() {
                tracing::warn!("a refused run could not be logged");
            }
            turned_away(&refused.why)
        };
        let ticket = self.queue.submit(&tenant).map_err(|why| refused(&why))?;
        let lane = tokio::time::timeout(self.patience, ticket).await.map_err(|_| {
            let waited = self.patience.as_secs();
            Problem::new(Kind::WaitedTooLong, format!("no place was free within {waited} s")).retry_after(2)
        })?;

        let feed = Arc::new(Feed::default());
        let mut live = Live::new();
        if order.live {
            let feed = Arc::clone(&feed);
            live = live.on_output(move |output, bytes| feed.push(output, bytes));
        }
        let live = Arc::new(live);
        let end = End(Arc::clone(&live));
        let (began, begins) = oneshot::channel();
        let (answered, answer) = oneshot::channel();
        let runs = Arc::clone(self);
        tokio::task::spawn_blocking(move || {
            // Lane and place are given back when the run is over, whoever still waits for it.
            let _held = (lane, present);
            runs.run(&order, &tenant, &live, began, answered);
        });
        let run = begins.await.map_err(|_| failed())??;
        Ok(Begun { run, feed, answer, _end: end })
    }

    /// Counts a run of a tenant, if there is room for one more of its own.
    fn enter(&self, tenant: &Tenant) -> Result<Present, Problem> {
        let most = tenant.concurrent.map_or(self.concurrent, |most| usize::try_from(most).unwrap_or(usize::MAX));
        let mut counts = lock(&self.present);
        let count = counts.entry(tenant.name.clone()).or_default();
        if *count >= most {
            if *count == 0 {
                counts.remove(&tenant.name);
            }
            let detail = format!("{most} runs of this tenant run or wait, and that is its share");
            return Err(Problem::new(Kind::TooManyRuns, detail).retry_after(1).with("limit", most));
        }
        *count += 1;
        Ok(Present { counts: Arc::clone(&self.present), tenant: tenant.name.clone() })
    }

    /// One run, on a thread of its own. `began` hears of its id, or why it does not begin.
    fn run(
        &self,
        order: &Order,
        tenant: &gauntlet_sandbox::tenants::Tenant,
        live: &Live,
        began: oneshot::Sender<Result<RunId, Problem>>,
        answered: oneshot::Sender<Result<Answer, Problem>>,
    ) {
        if live.is_cancelled() {
            return;
        }
        let Prepared { job, files: _files } = match self.prepare(order) {
            Ok(prepared) => prepared,
            Err(problem) => {
                let _ = began.send(Err(problem));
                return;
            }
        };
        let cpu = job.policy.limits.resolve(LimitKey::CpuTime, gauntlet_sandbox::host_memory()).unwrap_or(0);
        let reservation = match self.store.reserve(&order.tenant, cpu) {
            Ok(Some(reservation)) => reservation,
            Ok(None) => {
                let problem = Problem::new(Kind::QuotaSpent, "the quota of today, UTC, is used up");
                let _ = began.send(Err(problem.retry_after(until_tomorrow())));
                return;
            }
            Err(error) => {
                let _ = began.send(Err(unavailable(&error)));
                return;
            }
        };
        let book = |used: Used| {
            if let Err(error) = self.store.book(&reservation, used) {
                // The reservation stays, which is more than was used and never less.
                tracing::error!(error = gauntlet_target::error_chain(&error), "usage could not be booked");
            }
        };
        let nothing = Used { cpu_ns: Some(0), ..Used::default() };
        let start = RunStart::new(tenant, gauntlet_record::digest(&job.guest), &job.policy, Placement::Worker);
        let running = match self.watch.started(&start, &job.policy) {
            Ok(running) => running,
            Err(error) => {
                book(nothing);
                let _ = began.send(Err(self.not_started(&error)));
                return;
            }
        };
        let run = running.id();
        self.log_code(run, order);
        let _ = began.send(Ok(run));
        let job = match running.tighten(&job.policy) {
            Some(policy) => Job { policy, ..job },
            None => job,
        };
        let shared = gauntlet_sandbox::tenants::Tenant::new(SHARED);
        let owner = if self.languages.shared(&order.language) { &shared } else { tenant };
        let span = running.span().clone();
        let since = Instant::now();
        let ended = span.in_scope(|| self.pool.run_live(owner, &job, live));
        let wall_ns = u64::try_from(since.elapsed().as_nanos()).unwrap_or(u64::MAX);
        match ended {
            Ok(outcome) => {
                running.ended(&outcome);
                book(used(&outcome, wall_ns));
                self.keep_quarantine(tenant, &order.tenant.name);
                let _ = answered.send(Ok(Answer::of(run, &order.language, &job.policy, &outcome)));
            }
            Err(error) => {
                let chain = gauntlet_target::error_chain(&error);
                running.failed(&error);
                book(Used { cpu_ns: None, wall_ns, output_bytes: 0 });
                if !live.is_cancelled() {
                    tracing::error!(%run, error = chain, "a run could not be made");
                }
                let _ = answered.send(Err(failed().with("run", run.to_string())));
            }
        }
    }

    /// The job of an order.
    fn prepare(&self, order: &Order) -> Result<Prepared, Problem> {
        let program = Program {
            language: &order.language,
            code: &order.code,
            stdin: &order.stdin,
            files: &order.files,
            directory: &self.files,
            policy: &order.policy,
        };
        self.languages.job(&program).map_err(|error| match error {
            LanguageError::Unknown => Problem::new(Kind::UnknownLanguage, "no such language"),
            LanguageError::Unavailable(why) => Problem::new(Kind::LanguageUnavailable, why),
            LanguageError::Code(why) => Problem::new(Kind::InvalidBody, format!("`code`: {why}")),
            LanguageError::Host(error) => {
                tracing::error!(error, "a job could not be made");
                failed()
            }
        })
    }

    fn not_started(&self, error: &NotStarted) -> Problem {
        match error {
            NotStarted::Refused(refused) => turned_away(&refused.why),
            NotStarted::Audit(_) | NotStarted::Id(_) => {
                tracing::error!(error = gauntlet_target::error_chain(error), "a run could not be logged");
                Problem::new(Kind::AuditUnavailable, "nothing was run").retry_after(5)
            }
            // A reason that a later version adds.
            _ => failed(),
        }
    }

    /// A quarantine that the watch ordered holds for every instance, until somebody lifts it.
    fn keep_quarantine(&self, tenant: &gauntlet_sandbox::tenants::Tenant, name: &str) {
        if let Some(reason) = self.tenants.quarantined(tenant) {
            match self.store.quarantine(name, Some(&reason)) {
                // From here on the store has it; releasing it there releases it here.
                Ok(true) => _ = self.tenants.release(tenant),
                Ok(false) => {}
                Err(error) => {
                    tracing::error!(error = gauntlet_target::error_chain(&error), "a quarantine could not be stored");
                }
            }
        }
    }

    fn log_code(&self, run: RunId, order: &Order) {
        let Some(log) = &self.code_log else { return };
        let line = serde_json::json!({
            "run": run.to_string(),
            "time": jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
            "tenant": order.tenant.name,
            "language": order.language,
            "code": order.code,
        });
        if let Err(error) = lock(log).write_all(format!("{line}\n").as_bytes()) {
            tracing::error!(%error, "the code of a run could not be logged");
        }
    }
}

/// One of a tenant's runs, counted as long as this lives.
struct Present {
    counts: Arc<Mutex<BTreeMap<String, usize>>>,
    tenant: String,
}

impl Drop for Present {
    fn drop(&mut self) {
        let mut counts = lock(&self.counts);
        if let Some(count) = counts.get_mut(&self.tenant) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                counts.remove(&self.tenant);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn used(outcome: &Outcome, wall_ns: u64) -> Used {
    let cpu = outcome.usage.iter().find(|usage| usage.limit == LimitKey::CpuTime);
    Used {
        cpu_ns: cpu.and_then(|usage| usage.used),
        wall_ns,
        output_bytes: (outcome.stdout.len() + outcome.stderr.len()) as u64,
    }
}

fn failed() -> Problem {
    Problem::new(Kind::RunFailed, "the executor or this host failed")
}

/// The store's failure as clients see it; the operator's log has the rest.
pub(crate) fn unavailable(error: &crate::store::StoreError) -> Problem {
    tracing::error!(error = gauntlet_target::error_chain(error), "the store failed");
    Problem::new(Kind::StoreUnavailable, "nothing was run").retry_after(5)
}

fn turned_away(why: &RefusedWhy) -> Problem {
    match why {
        RefusedWhy::Quarantined { reason } => Problem::new(Kind::Quarantined, reason.clone()),
        RefusedWhy::Spent { budget, .. } => {
            Problem::new(Kind::QuotaSpent, format!("the tenant's budget `{budget}` is used up")).retry_after(60)
        }
        RefusedWhy::QueueFull { own_share: true } => {
            Problem::new(Kind::TooManyRuns, "this tenant's share of the queue is full").retry_after(1)
        }
        RefusedWhy::QueueFull { own_share: false } => {
            Problem::new(Kind::QueueFull, "as many runs wait as may wait").retry_after(2)
        }
        RefusedWhy::WaitedTooLong { .. } => {
            Problem::new(Kind::WaitedTooLong, "no place was free in time").retry_after(2)
        }
        RefusedWhy::TooManyTenants => Problem::new(Kind::QueueFull, "too many tenants are active").retry_after(60),
        // A reason that a later version adds.
        _ => failed(),
    }
}

fn private(path: &Path) -> std::io::Result<fs::File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    fs::OpenOptions::new().create(true).append(true).mode(0o600).open(path)
}
