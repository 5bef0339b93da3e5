//! Warm workers: started and narrowed before there is a guest for them. Each runs one guest and is gone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::{Ending, LimitKey, digest};
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use super::cache::{Cache, Slot, WORTH_KEEPING};
use super::launcher::Launcher;
use super::parent::{self, Ended, Remains, Started};
use super::protocol::Purpose;
use super::{pinned, too_large};
use crate::deny::{self, DenyList};
use crate::jail::groups::Group;
use crate::jail::namespaces::Ground;
use crate::live::{Follow, Live};
use crate::metrics::{self, WorkerCounted};
use crate::queue::{Lane, Queue, QueueSize, Ticket};
use crate::tenants::{Refused, Tenant};
use crate::{ENGINE, ENGINE_VERSION, Protections, UnknownProtection, jail, offers};

/// How many runs may wait for a lane, where nothing else is said.
const WAITING: usize = 4096;
/// How many workers a run is offered in turn, if they die before they are given the guest.
const ATTEMPTS: u32 = 3;
/// Most launchers that are kept. Policies that differ in memory, network or the owner of what they grant have one each.
const MAX_LAUNCHERS: usize = 8;

/// How a pool is to be made: [`Pool::builder`].
#[derive(Debug, Clone)]
pub struct PoolBuilder {
    program: Option<PathBuf>,
    min: usize,
    max: usize,
    idle: Duration,
    cache: Option<(PathBuf, u64, bool)>,
    deny: Option<Arc<DenyList>>,
    waiting: usize,
    per_tenant: usize,
    patience: Option<Duration>,
    ahead: bool,
    compiling: Option<Duration>,
    lift: Vec<String>,
}

impl PoolBuilder {
    /// Uses another executable, whose `main` begins with [`worker_main`](crate::worker_main).
    #[must_use]
    pub fn program(mut self, program: impl Into<PathBuf>) -> Self {
        self.program = Some(program.into());
        self
    }

    /// Workers that stay ready although nothing happens. Default: 1.
    #[must_use]
    pub const fn min(mut self, workers: usize) -> Self {
        self.min = workers;
        self
    }

    /// Guests that run at the same time; more wait. Also the most workers that are ready at once. Default: one for each core.
    #[must_use]
    pub const fn max(mut self, workers: usize) -> Self {
        self.max = workers;
        self
    }

    /// How long a worker beyond the minimum stays ready. Default: 10 s.
    #[must_use]
    pub const fn idle(mut self, time: Duration) -> Self {
        self.idle = time;
        self
    }

    /// Keeps compiled code in a directory that nothing else uses, at most `bytes` of it, for each tenant apart.
    #[must_use]
    pub fn cache(mut self, directory: impl Into<PathBuf>, bytes: u64) -> Self {
        self.cache = Some((directory.into(), bytes, false));
        self
    }

    /// The same for all tenants together. One tenant can then find out, from the time that a run takes, whether another ran the same module.
    #[must_use]
    pub fn shared_cache(mut self, directory: impl Into<PathBuf>, bytes: u64) -> Self {
        self.cache = Some((directory.into(), bytes, true));
        self
    }

    /// Asks a list of what must not run, besides the one that a policy names: it holds for kept code and ready workers, too.
    #[must_use]
    pub fn deny_list(mut self, list: Arc<DenyList>) -> Self {
        self.deny = Some(list);
        self
    }

    /// How many runs may wait for a lane, of all tenants together. A further one is refused, with the cause `refused-tenant`. Default: 4096.
    #[must_use]
    pub const fn waiting(mut self, runs: usize) -> Self {
        self.waiting = runs;
        self
    }

    /// How many runs of one tenant may wait for a lane. Default: as many as may wait at all.
    #[must_use]
    pub const fn waiting_per_tenant(mut self, runs: usize) -> Self {
        self.per_tenant = runs;
        self
    }

    /// How long a run that a thread waits for may wait for a lane before it is refused. Default: until those before it are done. A future
    /// waits until it is dropped. A run's deadline begins when it has its lane.
    #[must_use]
    pub const fn patience(mut self, time: Duration) -> Self {
        self.patience = Some(time);
        self
    }

    /// Gets no worker ready before there is a run for it: for a program that runs one guest and ends.
    #[must_use]
    pub const fn on_demand(mut self) -> Self {
        self.ahead = false;
        self
    }

    /// Lets the compilation of code that is to be kept take so much time and CPU time, whatever the policy of the run says; the run's clocks
    /// begin after it. For pools whose guests their caller chose, such as the interpreter of a language, whose compilation is nothing that
    /// a program in that language caused. Default: it is part of the run.
    #[must_use]
    pub const fn compiling_within(mut self, time: Duration) -> Self {
        self.compiling = Some(time);
        self
    }

    /// Leaves protections out, by id: for comparisons.
    ///
    /// # Errors
    ///
    /// If an id names no protection.
    #[doc(hidden)]
    pub fn lifting(mut self, lift: Vec<String>) -> Result<Self, UnknownProtection> {
        Protections::default().lift(&lift)?;
        self.lift = lift;
        Ok(self)
    }

    /// Makes the pool. No worker is started yet: see [`Pool::warm`].
    ///
    /// # Errors
    ///
    /// If the executable is not to be found or the cache cannot be opened.
    pub fn build(self) -> Result<Pool, TargetError> {
        let program = parent::program(self.program.as_deref())?;
        let cache = self.cache.map(|(directory, most, shared)| Cache::open(directory, most, shared)).transpose();
        let cache =
            cache.map_err(|source| TargetError::Io { what: "cannot open the cache for compiled code", source })?;
        let max = self.max.max(1);
        let size = QueueSize::new(max, self.waiting).per_tenant(self.per_tenant);
        let shared = Arc::new(Shared {
            program,
            min: self.min.min(max),
            max,
            idle: self.idle,
            cache,
            deny: self.deny,
            queue: Queue::new(size),
            patience: self.patience,
            ahead: self.ahead,
            compiling: self.compiling,
            lift: self.lift,
            state: Mutex::default(),
            wake: Condvar::new(),
        });
        let kept = Arc::clone(&shared);
        let keeper = std::thread::Builder::new()
            .name("gauntlet-pool".into())
            .spawn(move || kept.keep())
            .map_err(|source| TargetError::Io { what: "cannot start the pool's thread", source })?;
        Ok(Pool { shared, keeper: Some(keeper) })
    }
}

/// Runs guests in warm workers. Threads may share it; dropping it ends every worker that is ready.
///
/// A worker is narrowed for one policy and runs one guest; nothing of it is used again.
#[derive(Debug)]
pub struct Pool {
    shared: Arc<Shared>,
    keeper: Option<JoinHandle<()>>,
}

/// What a pool holds and has done.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct PoolStatus {
    /// Guests that run now.
    pub running: usize,
    /// Runs that wait for a lane.
    pub waiting: usize,
    /// Workers that are ready.
    pub ready: usize,
    /// Runs that found a worker ready.
    pub warm_starts: u64,
    /// Runs that had to start one.
    pub cold_starts: u64,
    /// Runs whose compiled code was there.
    pub cache_hits: u64,
    /// Runs that had to compile, although their code is kept.
    pub cache_misses: u64,
}

#[derive(Debug)]
struct Shared {
    program: PathBuf,
    min: usize,
    max: usize,
    idle: Duration,
    cache: Option<Cache>,
    deny: Option<Arc<DenyList>>,
    queue: Queue,
    patience: Option<Duration>,
    ahead: bool,
    compiling: Option<Duration>,
    lift: Vec<String>,
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By what their workers run on, and how much memory each may have; with when they were last asked for.
    launchers: BTreeMap<(Ground, Option<u64>), (Arc<Launcher>, Instant)>,
    ready: Vec<Ready>,
    /// What the keeper is to get workers ready for.
    orders: Vec<Arc<Kind>>,
    /// What the keeper is to wait for.
    ended: Vec<(Remains, Option<Slot>)>,
    /// How many workers are wanted ready, for the policy that was used last.
    wanted: usize,
    warm_starts: u64,
    cold_starts: u64,
    closed: bool,
}

/// A worker that waits for its guest.
#[derive(Debug)]
struct Ready {
    key: Key,
    // The worker is gone before its slot.
    started: Started,
    slot: Option<Slot>,
    counted: WorkerCounted,
}

/// What a run is narrowed by.
#[derive(Debug)]
struct Kind {
    key: Key,
    policy: Policy,
    protections: Protections,
}

/// What tells workers that are ready apart.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Key {
    /// SHA-256 of the policy.
    policy: String,
    /// Whether it looks for kept code. A guest whose code is not kept runs in such a worker, too, but later: its engine tries to keep it.
    keeps: bool,
}

impl Kind {
    fn of(policy: &Policy, keeps: bool, lift: &[String]) -> Result<Self, TargetError> {
        crate::preflight(policy)?;
        let mut protections = Protections::of(policy);
        protections.lift(lift).map_err(|error| TargetError::Protocol(error.to_string()))?;
        let policy = pinned(policy)?;
        let text = serde_json::to_vec(&policy).map_err(|error| TargetError::Protocol(error.to_string()))?;
        Ok(Self { key: Key { policy: digest(&text), keeps }, policy, protections })
    }

    /// For compiling under a policy, with nothing granted, in a time of the caller's.
    fn compiling(policy: &Policy, within: Duration, lift: &[String]) -> Result<Self, TargetError> {
        let mut policy = policy.clone();
        policy.grants = gauntlet_policy::Grants::default();
        for key in [LimitKey::Deadline, LimitKey::CpuTime, LimitKey::CompileTime] {
            let nanos = u64::try_from(within.as_nanos()).unwrap_or(u64::MAX);
            policy.limits.set(key, gauntlet_policy::Limit::At(nanos, gauntlet_policy::Span::default()));
        }
        Self::of(&policy, true, lift)
    }
}

impl Pool {
    /// Starts to describe a pool.
    #[must_use]
    pub fn builder() -> PoolBuilder {
        let max = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        PoolBuilder {
            program: None,
            min: 1,
            max,
            idle: Duration::from_secs(10),
            cache: None,
            deny: None,
            waiting: WAITING,
            per_tenant: usize::MAX,
            patience: None,
            ahead: true,
            compiling: None,
            lift: Vec::new(),
        }
    }

    /// Gets workers ready for a policy: as many as the minimum says.
    ///
    /// # Errors
    ///
    /// If a worker cannot be started, or the policy asks for what this host or executor cannot hold.
    pub fn warm(&self, policy: &Policy) -> Result<(), TargetError> {
        let kind = Arc::new(Kind::of(policy, self.shared.cache.is_some(), &self.shared.lift)?);
        self.shared.lock().wanted = self.shared.min;
        self.shared.refill(&kind)
    }

    /// Runs a job for a tenant: tenants take turns for the lanes, and compiled code is looked for among what this tenant has compiled.
    ///
    /// A run that finds the queue full, or waited for too long, is refused with the cause `refused-tenant`; nothing of its guest is read.
    ///
    /// # Errors
    ///
    /// As [`Target::run`].
    pub fn run_for(&self, tenant: &Tenant, job: &Job) -> Result<Outcome, TargetError> {
        self.run_followed(tenant, job, Follow::default())
    }

    /// The same, followed while it runs: the caller hears of output as it comes, and may end the run at once. A run that was ended so is
    /// an error, since it has no outcome.
    ///
    /// # Errors
    ///
    /// As [`Target::run`], and if the run was ended by its caller.
    pub fn run_live(&self, tenant: &Tenant, job: &Job, live: &Live) -> Result<Outcome, TargetError> {
        self.run_followed(tenant, job, live.follow())
    }

    fn run_followed(&self, tenant: &Tenant, job: &Job, follow: Follow<'_>) -> Result<Outcome, TargetError> {
        let lane = self.submit(tenant).and_then(|ticket| match self.shared.patience {
            None => Ok(ticket.wait()),
            Some(patience) => ticket.wait_for(patience).inspect_err(|refused| metrics::refused(&refused.why)),
        });
        match lane {
            Ok(lane) => self.run_on(lane, tenant, job, follow),
            Err(refused) => Ok(refused.outcome()),
        }
    }

    /// Compiles a guest for a tenant, if its code is not kept yet, so that no run has to. Time and CPU time of the compilation may be
    /// `within`, whatever the policy says: it is for guests that the caller chose, such as the interpreter of a language, whose compilation
    /// is nothing that a program in that language caused. An outcome says why there is no code; without a cache nothing is done.
    ///
    /// # Errors
    ///
    /// As [`Target::run`].
    pub fn compile_ahead(
        &self,
        tenant: &Tenant,
        guest: &[u8],
        policy: &Policy,
        within: Duration,
    ) -> Result<Option<Outcome>, TargetError> {
        let start = Instant::now();
        let Some(cache) = self.shared.cache.as_ref().filter(|_| guest.len() >= WORTH_KEEPING) else { return Ok(None) };
        let kind = Arc::new(Kind::compiling(policy, within, &self.shared.lift)?);
        let name = cache.name(tenant.sha256(), &digest(guest), &kind.policy, &kind.protections);
        if name.is_dir() {
            return Ok(None);
        }
        let job = Job { guest: guest.to_vec(), policy: kind.policy.clone(), ..Job::default() };
        if let Some(refused) = too_large(&job, &kind.protections) {
            return Ok(Some(refused));
        }
        self.shared.compile(cache, &name, &Run { tenant, job: &job, kind: &kind, start, follow: Follow::default() })
    }

    /// Takes a place in the queue.
    pub(crate) fn submit(&self, tenant: &Tenant) -> Result<Ticket, Refused> {
        self.shared.queue.submit(tenant).inspect_err(|refused| metrics::refused(&refused.why))
    }

    /// Runs a job whose turn has come.
    pub(crate) fn run_on(
        &self,
        lane: Lane,
        tenant: &Tenant,
        job: &Job,
        follow: Follow<'_>,
    ) -> Result<Outcome, TargetError> {
        let start = Instant::now();
        let keeps = self.shared.cache.is_some() && job.guest.len() >= WORTH_KEEPING;
        let kind = Arc::new(Kind::of(&job.policy, keeps, &self.shared.lift)?);
        let outcome = self.shared.run(&Run { tenant, job, kind: &kind, start, follow });
        drop(lane);
        outcome
    }

    /// What it holds and has done.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let state = self.shared.lock();
        let count = |count: fn(&Cache) -> u64| self.shared.cache.as_ref().map_or(0, count);
        PoolStatus {
            running: self.shared.queue.busy(),
            waiting: self.shared.queue.waiting(),
            ready: state.ready.len(),
            warm_starts: state.warm_starts,
            cold_starts: state.cold_starts,
            cache_hits: count(|cache| cache.hits.load(Ordering::Relaxed)),
            cache_misses: count(|cache| cache.misses.load(Ordering::Relaxed)),
        }
    }

    /// Ends every worker that is ready and forgets the compiled code of a module, by its SHA-256 in hex.
    pub fn forget(&self, module: &str) {
        let ready = std::mem::take(&mut self.shared.lock().ready);
        drop(ready);
        if let Some(cache) = &self.shared.cache {
            cache.forget(module);
        }
    }
}

impl Target for Pool {
    fn describe(&self) -> Description {
        Description { name: "pool".into(), engine: ENGINE.into(), version: ENGINE_VERSION.into(), offers: offers() }
    }

    fn run(&self, job: &Job) -> Result<Outcome, TargetError> {
        self.run_for(&Tenant::default(), job)
    }

    fn run_as(&self, tenant: &str, job: &Job) -> Result<Outcome, TargetError> {
        self.run_for(&Tenant::known_by(tenant), job)
    }
}

impl Drop for Pool {
    fn drop(&mut self) {
        self.shared.lock().closed = true;
        self.shared.wake.notify_all();
        if let Some(keeper) = self.keeper.take() {
            let _ = keeper.join();
        }
        // Workers before the launchers that hold their namespaces.
        let mut state = self.shared.lock();
        let (ready, ended) = (std::mem::take(&mut state.ready), std::mem::take(&mut state.ended));
        let launchers = std::mem::take(&mut state.launchers);
        drop(state);
        drop((ready, ended));
        drop(launchers);
    }
}

/// One run that has its lane.
struct Run<'a> {
    tenant: &'a Tenant,
    job: &'a Job,
    kind: &'a Arc<Kind>,
    start: Instant,
    follow: Follow<'a>,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn run(&self, run: &Run<'_>) -> Result<Outcome, TargetError> {
        let Run { job, kind, .. } = run;
        crate::call_depth::preflight(&job.guest, &job.policy, &kind.protections)?;
        let deny = deny::lists(self.deny.as_ref(), &job.policy);
        if let Some(denied) = deny::denied(&deny, &job.guest, &kind.protections) {
            return Ok(denied);
        }
        if let Some(refused) = too_large(job, &kind.protections) {
            return Ok(refused);
        }
        let cache = self.cache.as_ref().filter(|_| kind.key.keeps);
        let name = cache.map(|cache| {
            (cache, cache.name(run.tenant.sha256(), &digest(&job.guest), &kind.policy, &kind.protections))
        });
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let (ready, warm) = match self.take(&kind.key) {
                Some(ready) => (ready, true),
                None => (self.start(kind)?, false),
            };
            let (outcome, given) = self.run_in(ready, run, name.as_ref(), &deny)?;
            // A worker that died before it was given the guest has run nothing of it: the next one may.
            let again = !given && outcome.ending.ending == Ending::WorkerDied;
            if !again || attempts == 0 {
                let mut state = self.lock();
                state.warm_starts += u64::from(warm);
                state.cold_starts += u64::from(!warm);
                return Ok(outcome);
            }
        }
    }

    fn take(&self, key: &Key) -> Option<Ready> {
        let mut state = self.lock();
        let place = state.ready.iter().position(|ready| ready.key == *key).or_else(|| {
            // One that looks for code does for a guest that has none. One that does not would have to compile.
            state.ready.iter().position(|ready| ready.key.policy == key.policy && ready.key.keeps)
        });
        match place {
            Some(place) => Some(state.ready.swap_remove(place)),
            None => {
                state.wanted = (state.wanted + 1).min(self.max);
                None
            }
        }
    }

    /// Runs a job in a worker that is ready, and says whether that worker was given the guest.
    fn run_in(
        &self,
        ready: Ready,
        run: &Run<'_>,
        name: Option<&(&Cache, PathBuf)>,
        deny: &[Arc<DenyList>],
    ) -> Result<(Outcome, bool), TargetError> {
        let Ready { started, slot, counted, .. } = ready;
        drop(counted);
        let _busy = WorkerCounted::busy();
        let (mut kept, mut start) = (false, run.start);
        if let (Some((cache, name)), Some(slot)) = (name, &slot) {
            kept = cache.lend(name, slot);
            metrics::cache(kept);
            if !kept {
                let ended = match self.compiling {
                    None => self.compile(cache, name, run)?,
                    Some(within) => {
                        let kind = Arc::new(Kind::compiling(&run.job.policy, within, &self.lift)?);
                        let ended = self.compile(cache, name, &Run { kind: &kind, ..*run })?;
                        start = Instant::now();
                        ended
                    }
                };
                if let Some(ended) = ended {
                    return Ok((ended, true));
                }
                // Counted as a miss above, whatever comes of this.
                kept = cache.lend_quietly(name, slot).unwrap_or(false);
            }
        }
        // The next one gets ready while this one runs.
        let ended = started.run(run.job, kept, start, run.follow, deny, || self.order(run.kind))?;
        self.lock().ended.push((ended.remains, slot));
        self.wake.notify_all();
        Ok((ended.outcome, ended.given))
    }

    /// Asks the keeper for workers.
    fn order(&self, kind: &Arc<Kind>) {
        if !self.ahead {
            return;
        }
        let mut state = self.lock();
        if !state.orders.iter().any(|order| order.key == kind.key) {
            state.orders.push(Arc::clone(kind));
        }
        drop(state);
        self.wake.notify_all();
    }

    /// Compiles a guest in a worker of its own; an outcome means that the run ends here. Where no such worker is to be had, nothing is
    /// kept, and the worker that runs the guest compiles it for itself.
    fn compile(&self, cache: &Cache, name: &std::path::Path, run: &Run<'_>) -> Result<Option<Outcome>, TargetError> {
        let kind = run.kind;
        let mut policy = kind.policy.clone();
        policy.grants = gauntlet_policy::Grants::default();
        let ground = parent::ground(&policy, &kind.protections);
        // A full disk, or too many processes, keep nothing, and the guest runs all the same.
        let Ok(making) = cache.making(ground.and_then(|ground| ground.user)) else { return Ok(None) };
        let _busy = WorkerCounted::busy();
        let started = ground.map(|ground| self.launcher(ground, &kind.protections)).transpose().and_then(|launcher| {
            let own = jail::Ground { writable: Some(making.path().to_owned()), ..jail::Ground::default() };
            Started::start(&self.program, launcher, &policy, &kind.protections, Purpose::Compile, own)
        });
        let started = match started {
            Ok(started) => started,
            Err(TargetError::Spawn { .. }) => return Ok(None),
            Err(error) => return Err(error),
        };
        let ended = match started.run(run.job, false, run.start, run.follow, &[], || ()) {
            // It would not be kept from other code. What the policy requires is asked of the worker that runs the guest, too.
            Err(TargetError::Unconfined { .. }) => return Ok(None),
            ended => ended?,
        };
        let Ended { outcome, given, remains } = ended;
        // What it wrote is taken only when it can write no more.
        drop(remains);
        match outcome.ending.ending {
            Ending::Returned => {
                let _ = cache.keep(&making, name);
                Ok(None)
            }
            Ending::WorkerDied if !given => Ok(None),
            Ending::Exited | Ending::Trapped | Ending::LimitReached | Ending::Refused | Ending::WorkerDied => {
                Ok(Some(outcome))
            }
        }
    }

    fn launcher(&self, ground: Ground, protections: &Protections) -> Result<Arc<Launcher>, TargetError> {
        let memory = jail::resources::with_scratch(protections);
        let mut gone = Vec::new();
        let mut state = self.lock();
        if let Some((launcher, asked)) = state.launchers.get_mut(&(ground, memory))
            && launcher.alive()
        {
            *asked = Instant::now();
            return Ok(Arc::clone(launcher));
        }
        // Policies may differ in every run: those that nobody uses go, the one that was not asked for longest first.
        while state.launchers.len() >= MAX_LAUNCHERS {
            let unused = state.launchers.iter().filter(|(_, (launcher, _))| Arc::strong_count(launcher) == 1);
            let oldest = unused.min_by_key(|(_, (_, asked))| *asked).map(|(key, _)| *key);
            let Some(oldest) = oldest else { break };
            gone.extend(state.launchers.remove(&oldest));
        }
        // Those that run, those that are ready, and those that compile.
        let workers = u64::try_from(self.max).unwrap_or(u64::MAX).saturating_mul(3);
        // Whether a policy wants to hear of the group or not: its workers share the launcher with those of others.
        let launcher = Launcher::start(&self.program, ground, Some(Group::make(workers, memory)))
            .map_err(|source| TargetError::Spawn { program: self.program.clone(), source })?;
        let launcher = Arc::new(launcher);
        gone.extend(state.launchers.insert((ground, memory), (Arc::clone(&launcher), Instant::now())));
        // They are waited for, so not while everybody waits for us.
        drop(state);
        drop(gone);
        Ok(launcher)
    }

    /// Starts a worker. A launcher that was killed is replaced.
    fn start(&self, kind: &Kind) -> Result<Ready, TargetError> {
        let ground = parent::ground(&kind.policy, &kind.protections);
        let mut attempts = ATTEMPTS;
        loop {
            attempts -= 1;
            let launcher = ground.map(|ground| self.launcher(ground, &kind.protections)).transpose()?;
            match (self.start_by(kind, launcher.clone()), launcher) {
                (Err(TargetError::Spawn { .. }), Some(gone)) if attempts > 0 => {
                    self.lock().launchers.retain(|_, (held, _)| !Arc::ptr_eq(held, &gone));
                }
                (started, _) => return started,
            }
        }
    }

    fn start_by(&self, kind: &Kind, launcher: Option<Arc<Launcher>>) -> Result<Ready, TargetError> {
        let kept = self.cache.as_ref().filter(|_| kind.key.keeps && keeps(launcher.as_deref()));
        // Without a slot the worker compiles for itself.
        let slot = kept.and_then(|cache| cache.slot().ok());
        let own = jail::Ground {
            readable: slot.iter().map(|slot| slot.path().to_owned()).collect(),
            ..jail::Ground::default()
        };
        let purpose = Purpose::Run { cached: slot.is_some() };
        let started = Started::start(&self.program, launcher, &kind.policy, &kind.protections, purpose, own)?;
        Ok(Ready { key: kind.key.clone(), started, slot, counted: WorkerCounted::idle() })
    }

    /// Starts workers until as many are ready as are wanted. Those of other policies make room.
    fn refill(&self, kind: &Kind) -> Result<(), TargetError> {
        loop {
            let mut state = self.lock();
            let ready = state.ready.iter().filter(|ready| ready.key == kind.key).count();
            if state.closed || ready >= state.wanted.clamp(self.min, self.max) {
                return Ok(());
            }
            let other = state.ready.iter().position(|ready| ready.key != kind.key);
            let room = state.ready.len() < self.max;
            let gone = if room { None } else { other.map(|other| state.ready.swap_remove(other)) };
            drop(state);
            drop(gone);
            let ready = self.start(kind)?;
            self.lock().ready.push(ready);
            self.wake.notify_all();
        }
    }

    /// The keeper's life: gets workers ready as they are ordered, waits for those that ended, and ends those that were ready for too long.
    fn keep(&self) {
        let mut state = self.lock();
        while !state.closed {
            if let Some(kind) = state.orders.pop() {
                drop(state);
                // A worker that cannot be started now may be later; whoever comes without one is told.
                let _ = self.refill(&kind);
                state = self.lock();
                continue;
            }
            if !state.ended.is_empty() {
                let ended = std::mem::take(&mut state.ended);
                drop(state);
                drop(ended);
                state = self.lock();
                continue;
            }
            let beyond = state.ready.len() > self.min;
            let oldest = state.ready.iter().map(|ready| ready.started.since()).min().filter(|_| beyond);
            state = match oldest {
                None => self.wake.wait(state).unwrap_or_else(PoisonError::into_inner),
                Some(oldest) if oldest.elapsed() < self.idle => {
                    let left = self.idle.saturating_sub(oldest.elapsed());
                    self.wake.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0
                }
                Some(oldest) => {
                    state.wanted = state.wanted.saturating_sub(1).max(self.min);
                    let place = state.ready.iter().position(|ready| ready.started.since() == oldest);
                    let gone = place.map(|place| state.ready.swap_remove(place));
                    drop(state);
                    drop(gone);
                    self.lock()
                }
            };
        }
    }
}

/// Whether a worker's code may come from the cache: only where it cannot write there.
fn keeps(launcher: Option<&Launcher>) -> bool {
    match launcher {
        Some(launcher) => launcher.entered().is_ok_and(|entered| entered.mounts),
        None => crate::detect::landlock_abi() > 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pool_is_shared_between_threads() {
        fn shared<T: Send + Sync>() {}
        shared::<Pool>();
    }

    #[test]
    fn a_directory_that_cannot_be_made_is_an_error_with_its_reason() {
        let built = Pool::builder().program("/bin/true").cache("/proc/nowhere", 1).build();
        assert!(matches!(built, Err(TargetError::Io { source, .. }) if source.raw_os_error().is_some()));
    }
}
