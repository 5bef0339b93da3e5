//! Warm workers: started and narrowed before there is a guest for them. Each runs one guest and is gone.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::digest;
use gauntlet_target::{Description, Job, Outcome, Target, TargetError};

use super::cache::{Cache, Slot, WORTH_KEEPING};
use super::launcher::Launcher;
use super::parent::{self, Remains, Started};
use super::pinned;
use super::protocol::Purpose;
use crate::deny::{self, DenyList};
use crate::jail::namespaces::Ground;
use crate::{ENGINE, ENGINE_VERSION, Protections, jail, offers};

/// How a pool is to be made: [`Pool::builder`].
#[derive(Debug, Clone)]
pub struct PoolBuilder {
    program: Option<PathBuf>,
    min: usize,
    max: usize,
    idle: Duration,
    cache: Option<(PathBuf, u64, bool)>,
    deny: Option<Arc<DenyList>>,
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
        let shared = Arc::new(Shared {
            program,
            min: self.min.min(max),
            max,
            idle: self.idle,
            cache,
            deny: self.deny,
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
    state: Mutex<State>,
    wake: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// By what their workers run on, and how much memory each may have.
    launchers: BTreeMap<(Ground, Option<u64>), Arc<Launcher>>,
    ready: Vec<Ready>,
    /// What the keeper is to get workers ready for.
    orders: Vec<Arc<Kind>>,
    /// What the keeper is to wait for.
    ended: Vec<(Remains, Option<Slot>)>,
    running: usize,
    /// How many workers are wanted ready, for the policy that was used last.
    wanted: usize,
    warm_starts: u64,
    cold_starts: u64,
    closed: bool,
}

/// A worker that waits for its guest.
#[derive(Debug)]
struct Ready {
    key: String,
    // The worker is gone before its slot.
    started: Started,
    slot: Option<Slot>,
}

/// What a run is narrowed by.
#[derive(Debug)]
struct Kind {
    key: String,
    policy: Policy,
    protections: Protections,
}

impl Kind {
    fn of(policy: &Policy) -> Result<Self, TargetError> {
        crate::preflight(policy)?;
        let protections = Protections::of(policy);
        let policy = pinned(policy)?;
        let text = serde_json::to_vec(&policy).map_err(|error| TargetError::Protocol(error.to_string()))?;
        Ok(Self { key: digest(&text), policy, protections })
    }
}

impl Pool {
    /// Starts to describe a pool.
    #[must_use]
    pub fn builder() -> PoolBuilder {
        let max = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        PoolBuilder { program: None, min: 1, max, idle: Duration::from_secs(10), cache: None, deny: None }
    }

    /// Gets workers ready for a policy: as many as the minimum says.
    ///
    /// # Errors
    ///
    /// If a worker cannot be started, or the policy asks for what this host or executor cannot hold.
    pub fn warm(&self, policy: &Policy) -> Result<(), TargetError> {
        let kind = Arc::new(Kind::of(policy)?);
        self.shared.lock().wanted = self.shared.min;
        self.shared.refill(&kind)
    }

    /// Runs a job for a tenant: compiled code is looked for among what this tenant has compiled.
    ///
    /// # Errors
    ///
    /// As [`Target::run`].
    pub fn run_for(&self, tenant: &str, job: &Job) -> Result<Outcome, TargetError> {
        let start = Instant::now();
        let kind = Arc::new(Kind::of(&job.policy)?);
        let _lane = self.shared.lane();
        self.shared.run(tenant, job, &kind, start)
    }

    /// What it holds and has done.
    #[must_use]
    pub fn status(&self) -> PoolStatus {
        let state = self.shared.lock();
        let count = |count: fn(&Cache) -> u64| self.shared.cache.as_ref().map_or(0, count);
        PoolStatus {
            running: state.running,
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
        self.run_for("", job)
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

/// The right to run one guest now.
struct Lane<'a>(&'a Shared);

impl Drop for Lane<'_> {
    fn drop(&mut self) {
        self.0.lock().running -= 1;
        self.0.wake.notify_all();
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits for a lane.
    fn lane(&self) -> Lane<'_> {
        let mut state = self.lock();
        while state.running >= self.max {
            state = self.wake.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        state.running += 1;
        Lane(self)
    }

    fn run(&self, tenant: &str, job: &Job, kind: &Arc<Kind>, start: Instant) -> Result<Outcome, TargetError> {
        crate::call_depth::preflight(&job.guest, &job.policy, &kind.protections)?;
        let deny = deny::lists(self.deny.as_ref(), &job.policy);
        if let Some(denied) = deny::denied(&deny, &job.guest, &kind.protections) {
            return Ok(denied);
        }
        let name = match &self.cache {
            Some(cache) if job.guest.len() >= WORTH_KEEPING => {
                Some((cache, cache.name(tenant, &digest(&job.guest), &kind.policy, &kind.protections)))
            }
            Some(_) | None => None,
        };
        // A worker that died while it was waiting has not seen the guest: the next one may.
        for _ in 0..2 {
            let Some(ready) = self.take(&kind.key) else { break };
            let (outcome, given) = self.run_in(ready, job, kind, name.as_ref(), &deny, start)?;
            if given {
                return Ok(outcome);
            }
        }
        self.lock().cold_starts += 1;
        let ready = self.start(kind)?;
        self.run_in(ready, job, kind, name.as_ref(), &deny, start).map(|(outcome, _)| outcome)
    }

    fn take(&self, key: &str) -> Option<Ready> {
        let mut state = self.lock();
        let place = state.ready.iter().position(|ready| ready.key == key);
        match place {
            Some(place) => {
                state.warm_starts += 1;
                Some(state.ready.swap_remove(place))
            }
            None => {
                state.wanted = (state.wanted + 1).min(self.max);
                None
            }
        }
    }

    /// Runs a job in a worker that is ready; `None` if that worker was gone before it was given the guest.
    fn run_in(
        &self,
        ready: Ready,
        job: &Job,
        kind: &Arc<Kind>,
        name: Option<&(&Cache, PathBuf)>,
        deny: &[Arc<DenyList>],
        start: Instant,
    ) -> Result<(Outcome, bool), TargetError> {
        let Ready { started, slot, .. } = ready;
        if let (Some((cache, name)), Some(slot)) = (name, &slot)
            && !cache.lend(name, slot)
        {
            if let Some(ended) = self.compile(cache, name, job, kind, start)? {
                return Ok((ended, true));
            }
            // Counted as a miss above, whatever comes of this.
            let _ = cache.lend_quietly(name, slot);
        }
        // The next one gets ready while this one runs.
        let ended = started.run(job, start, None, deny, || self.order(kind))?;
        self.lock().ended.push((ended.remains, slot));
        self.wake.notify_all();
        Ok((ended.outcome, ended.given))
    }

    /// Asks the keeper for workers.
    fn order(&self, kind: &Arc<Kind>) {
        let mut state = self.lock();
        if !state.orders.iter().any(|order| order.key == kind.key) {
            state.orders.push(Arc::clone(kind));
        }
        drop(state);
        self.wake.notify_all();
    }

    /// Compiles a guest in a worker of its own; an outcome means that the run ends here.
    fn compile(
        &self,
        cache: &Cache,
        name: &std::path::Path,
        job: &Job,
        kind: &Kind,
        start: Instant,
    ) -> Result<Option<Outcome>, TargetError> {
        let mut policy = kind.policy.clone();
        policy.grants = gauntlet_policy::Grants::default();
        let ground = parent::ground(&policy, &kind.protections);
        let io = |source| TargetError::Io { what: "cannot keep compiled code", source };
        let making = cache.making(ground.and_then(|ground| ground.user)).map_err(io)?;
        let launcher = ground.map(|ground| self.launcher(ground, &kind.protections)).transpose()?;
        let own = jail::Ground { writable: Some(making.path().to_owned()), ..jail::Ground::default() };
        let started = Started::start(&self.program, launcher, &policy, &kind.protections, Purpose::Compile, own)?;
        let outcome = started.run(job, start, None, &[], || ())?.outcome;
        if outcome.ending.ending != gauntlet_record::Ending::Returned {
            return Ok(Some(outcome));
        }
        // A full disk keeps nothing, and the guest runs all the same.
        let _ = cache.keep(&making, name);
        Ok(None)
    }

    fn launcher(&self, ground: Ground, protections: &Protections) -> Result<Arc<Launcher>, TargetError> {
        let memory = jail::resources::with_scratch(protections);
        let mut state = self.lock();
        if let Some(launcher) = state.launchers.get(&(ground, memory))
            && launcher.alive()
        {
            return Ok(Arc::clone(launcher));
        }
        let launcher = Launcher::start(&self.program, ground)
            .map_err(|source| TargetError::Spawn { program: self.program.clone(), source })?;
        // Those that run, those that are ready, and those that compile.
        let workers = u64::try_from(self.max).unwrap_or(u64::MAX).saturating_mul(3);
        let launcher = Arc::new(launcher.grouped(workers, memory));
        state.launchers.insert((ground, memory), Arc::clone(&launcher));
        Ok(launcher)
    }

    /// Starts a worker. A launcher that was killed between two runs is replaced.
    fn start(&self, kind: &Kind) -> Result<Ready, TargetError> {
        let ground = parent::ground(&kind.policy, &kind.protections);
        let launcher = ground.map(|ground| self.launcher(ground, &kind.protections)).transpose()?;
        match self.start_by(kind, launcher.clone()) {
            Err(TargetError::Spawn { .. }) if launcher.is_some() => {
                self.lock().launchers.retain(|_, held| !launcher.as_ref().is_some_and(|gone| Arc::ptr_eq(held, gone)));
                drop(launcher);
                let launcher = ground.map(|ground| self.launcher(ground, &kind.protections)).transpose()?;
                self.start_by(kind, launcher)
            }
            started => started,
        }
    }

    fn start_by(&self, kind: &Kind, launcher: Option<Arc<Launcher>>) -> Result<Ready, TargetError> {
        let kept = self.cache.as_ref().filter(|_| keeps(launcher.as_deref()));
        // Without a slot the worker compiles for itself.
        let slot = kept.and_then(|cache| cache.slot().ok());
        let own = jail::Ground {
            readable: slot.iter().map(|slot| slot.path().to_owned()).collect(),
            ..jail::Ground::default()
        };
        let purpose = Purpose::Run { cached: slot.is_some() };
        let started = Started::start(&self.program, launcher, &kind.policy, &kind.protections, purpose, own)?;
        Ok(Ready { key: kind.key.clone(), started, slot })
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
