//! One run of one guest, the same for both placements: validate, compile, link, instantiate, call; everything under one deadline.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use gauntlet_record::{Cause, DenialKind, Ending, LimitKey, Usage};
use gauntlet_target::{EndingSeen, Job, Outcome};
use wasmtime::component::{Component, Linker as ComponentLinker};
use wasmtime::{Engine, Linker, Module, Store, Trap, UpdateDeadline, Val};

use crate::call_depth::{self, Guard};
use crate::deny::{self, DenyList};
use crate::host::{Host, Tally};
use crate::output::Output;
use crate::profile::{self, Sampler};
use crate::timeline::Timeline;
use crate::validate::{self, Shape};
use crate::{Protections, engine, preview1, preview2};

/// How often the epoch advances and the clocks are looked at.
const TICK: Duration = Duration::from_millis(1);

/// A limit that ended the run from outside the guest; carried as an error through the engine and found again by its type.
#[derive(Debug, thiserror::Error)]
#[error("the limit `{0}` was reached")]
struct Reached(LimitKey);

/// What the ticker found: the first of deadline and CPU time to pass.
#[derive(Debug, Default)]
pub(crate) struct Expiry {
    /// 0: nothing; 1: deadline; 2: CPU time.
    state: AtomicU64,
    done: AtomicBool,
}

impl Expiry {
    fn reached(&self) -> Option<LimitKey> {
        match self.state.load(Ordering::Acquire) {
            1 => Some(LimitKey::Deadline),
            2 => Some(LimitKey::CpuTime),
            _ => None,
        }
    }
}

/// Advances the epoch at a steady pace and notes when the deadline or the CPU time has passed.
pub(crate) struct Ticker {
    engine: Engine,
    expiry: Arc<Expiry>,
    start: Instant,
    deadline: Option<Duration>,
    cpu_time: Option<Duration>,
}

impl Ticker {
    /// Runs until the expiry is marked as done. `hello` is called once, when the loop has begun.
    pub(crate) fn run(self, hello: impl FnOnce()) {
        // The first look at a clock sets up how clocks are read, with calls that the worker's filter does not allow.
        let cpu_start = cpu_time();
        hello();
        while !self.expiry.done.load(Ordering::Acquire) {
            std::thread::sleep(TICK);
            if self.expiry.state.load(Ordering::Acquire) == 0 {
                if self.deadline.is_some_and(|deadline| self.start.elapsed() >= deadline) {
                    self.expiry.state.store(1, Ordering::Release);
                } else if self.cpu_time.is_some_and(|limit| cpu_time().saturating_sub(cpu_start) >= limit) {
                    self.expiry.state.store(2, Ordering::Release);
                }
            }
            self.engine.increment_epoch();
        }
    }
}

/// CPU time of this process, user and system.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// What an executor prepares before it narrows itself and reads the guest.
pub(crate) struct Prepared {
    engine: Engine,
    protections: Protections,
    expiry: Arc<Expiry>,
    start: Instant,
    linker: Linker<Host>,
    components: ComponentLinker<Host>,
    /// What must not run; asked when the bytes are there and again right before the guest begins.
    deny: Vec<Arc<DenyList>>,
    timeline: Timeline,
    sampler: Sampler,
}

/// What a run reports while it goes on.
pub(crate) trait Progress {
    /// Validating and compiling begins.
    fn compiling(&mut self) {}
    /// Compiling has ended.
    fn compiled(&mut self) {}
}

impl Progress for () {}

/// Builds engine and linkers for a policy; `start` is when the deadline began to run.
pub(crate) fn prepare(
    job: &Job,
    protections: Protections,
    options: &engine::Options,
    start: Instant,
) -> wasmtime::Result<Prepared> {
    let engine = engine::build(&job.policy, &protections, options)?;
    let mut linker = Linker::new(&engine);
    let denied: Vec<String> = job.policy.modules.deny.iter().map(|denied| denied.value.clone()).collect();
    preview1::link(&mut linker, |name| denied.iter().any(|denied| denied == name))?;
    let mut components = ComponentLinker::new(&engine);
    preview2::link(&mut components)?;
    Ok(Prepared {
        engine,
        protections,
        expiry: Arc::default(),
        start,
        linker,
        components,
        deny: Vec::new(),
        timeline: Timeline::new(job.trace.timeline, start),
        sampler: Sampler::new(job.trace.profile),
    })
}

impl Prepared {
    /// Asks lists of what must not run.
    pub(crate) fn denying(mut self, deny: Vec<Arc<DenyList>>) -> Self {
        self.deny = deny;
        self
    }

    /// Why these bytes must not run, as the list stands now.
    fn denied(&self, guest: &[u8]) -> Option<Outcome> {
        deny::denied(&self.deny, guest, &self.protections)
    }

    /// The ticker that this run needs.
    pub(crate) fn ticker(&self) -> Ticker {
        let nanos = |key| self.protections.limit(key).map(Duration::from_nanos);
        Ticker {
            engine: self.engine.clone(),
            expiry: Arc::clone(&self.expiry),
            start: self.start,
            deadline: nanos(LimitKey::Deadline),
            cpu_time: nanos(LimitKey::CpuTime),
        }
    }

    /// Ends the ticker.
    pub(crate) fn done(&self) {
        self.expiry.done.store(true, Ordering::Release);
    }

    /// Runs the guest to its end. Standard output and error are left to the caller's sink.
    pub(crate) fn execute(&self, job: &Job, host: Host, output: &Output, progress: &mut dyn Progress) -> Outcome {
        let tally = host.tally.clone();
        tally.on(self.timeline.clone());
        self.timeline.mark(|| "read".into());
        let mut outcome = self.run(job, host, progress);
        if let Some(Cause::Limit(key)) = outcome.ending.cause {
            self.timeline.mark(|| format!("limit-reached: {}", Cause::Limit(key)));
        }
        self.timeline.mark(|| "ended".into());
        outcome.timeline = self.timeline.moments();
        outcome.profile = self.sampler.profile(TICK);
        outcome.denials = tally.denials();
        let (taken, truncated) = output.taken();
        outcome.truncated = truncated;
        self.usage(&mut outcome, job, taken);
        outcome
    }

    fn run(&self, job: &Job, host: Host, progress: &mut dyn Progress) -> Outcome {
        if let Some(denied) = self.denied(&job.guest) {
            return denied;
        }
        progress.compiling();
        let compiling = Instant::now();
        let shape = match validate::check(&job.guest, job.signature.as_deref(), &job.policy, &self.protections) {
            Ok(shape) => shape,
            Err(refused) => return *refused,
        };
        self.timeline.mark(|| "validated".into());
        let counted = match (shape, self.protections.limit(LimitKey::CallDepth)) {
            (Shape::Module, Some(limit)) => match call_depth::instrument(&job.guest, limit) {
                Ok(counted) => Some(counted),
                Err(error) => return Outcome::refused(Cause::RefusedModule, error.to_string()),
            },
            (Shape::Module, None) | (Shape::Component, _) => None,
        };
        let compiled = match shape {
            Shape::Module => {
                let bytes = counted.as_ref().map_or(&job.guest, |counted| &counted.bytes);
                Module::from_binary(&self.engine, bytes)
                    .map(|module| Compiled::Module(module, counted.map(|counted| counted.guard)))
            }
            Shape::Component => Component::from_binary(&self.engine, &job.guest).map(Compiled::Component),
        };
        let compile_time = compiling.elapsed();
        progress.compiled();
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(error) => return Outcome::refused(Cause::RefusedModule, format!("{error:#}")),
        };
        self.timeline.mark(|| "compiled".into());
        if let Some(denied) = self.denied(&job.guest) {
            return denied;
        }
        let mut outcome = self.in_runtime(job, host, &compiled);
        outcome.usage.push(used(LimitKey::CompileTime, nanos(compile_time)));
        outcome
    }

    /// Calls the guest, with every wait cut by the deadline.
    fn in_runtime(&self, job: &Job, host: Host, compiled: &Compiled) -> Outcome {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time();
        if !job.policy.grants.network.is_empty() || self.protections.lifted("network") {
            // Waiting for sockets takes calls that the worker's filter allows only with granted addresses.
            builder.enable_io();
        }
        let runtime = match builder.build() {
            Ok(runtime) => runtime,
            Err(error) => return Outcome::refused(Cause::KilledParent, format!("no runtime: {error}")),
        };
        let tally = host.tally.clone();
        let mut store = Store::new(&self.engine, host);
        store.limiter(|host| &mut host.limiter);
        if let Some(fuel) = self.protections.limit(LimitKey::Fuel) {
            // Fuel was switched on in the engine exactly when there is a limit.
            let _ = store.set_fuel(fuel);
        }
        // The engine's own bound on handles ends a run without a typed reason, so it stands above the table's, which has one.
        let handles = self
            .protections
            .limit(LimitKey::Handles)
            .map_or(usize::MAX, |handles| usize::try_from(handles).unwrap_or(usize::MAX));
        store.set_max_component_handles(handles.saturating_mul(2).saturating_add(64));
        let expiry = Arc::clone(&self.expiry);
        store.set_epoch_deadline(1);
        let sampler = self.sampler.clone();
        store.epoch_deadline_callback(move |guest| match expiry.reached() {
            Some(limit) => Err(Reached(limit).into()),
            None => {
                sampler.sample(&guest);
                Ok(UpdateDeadline::Yield(1))
            }
        });
        let expiry = Arc::clone(&self.expiry);
        let mut depth = None;
        let end = runtime.block_on(async {
            let call = async {
                match compiled {
                    Compiled::Module(module, guard) => {
                        self.module(job, &mut store, module, guard.as_ref(), &mut depth).await
                    }
                    Compiled::Component(component) => self.component(job, &mut store, component).await,
                }
            };
            let waiting = async {
                loop {
                    tokio::time::sleep(TICK).await;
                    if let Some(limit) = expiry.reached() {
                        break limit;
                    }
                }
            };
            tokio::select! {
                end = call => end,
                limit = waiting => Err(Reached(limit).into()),
            }
        });
        // A file operation that is still stuck in its thread must not keep us.
        runtime.shutdown_background();
        let mut outcome = Outcome::default();
        match end {
            Ok(returned) => outcome.returned = returned,
            Err(error) => {
                outcome.ending = ending(&error, &tally);
                outcome.ending.frames = safe_frames(&error);
                if outcome.ending.cause == Some(Cause::Limit(LimitKey::CallDepth)) && !outcome.ending.frames.is_empty()
                {
                    // The innermost is the function that counts, which is none of the guest's.
                    outcome.ending.frames.remove(0);
                }
                outcome.ending.frames.truncate(gauntlet_target::MAX_FRAMES);
            }
        }
        if let Some(cap) = self.protections.limit(LimitKey::Fuel)
            && let Ok(left) = store.get_fuel()
        {
            outcome.usage.push(used(LimitKey::Fuel, cap.saturating_sub(left)));
        }
        outcome.usage.extend(depth.map(|depth| used(LimitKey::CallDepth, depth)));
        let host = store.data();
        outcome.usage.push(used(LimitKey::Memory, host.limiter.memory_used));
        outcome.usage.push(used(LimitKey::TableElements, host.limiter.table_elements_used));
        outcome.usage.push(used(LimitKey::OpenFiles, host.files.most));
        outcome
    }

    /// Runs a core module; `depth` is set to the deepest stack of frames, where they are counted.
    async fn module(
        &self,
        job: &Job,
        store: &mut Store<Host>,
        module: &Module,
        guard: Option<&Guard>,
        depth: &mut Option<u64>,
    ) -> wasmtime::Result<Option<u64>> {
        let met = |error: wasmtime::Error, depth: &mut Option<u64>| match guard {
            Some(guard) if guard.met(&error) => {
                *depth = self.protections.limit(LimitKey::CallDepth);
                error.context(Reached(LimitKey::CallDepth))
            }
            Some(_) | None => error,
        };
        for import in module.imports() {
            if self.linker.get_by_import(&mut *store, &import).is_none() {
                return Err(Unlinked(format!("{}::{}", import.module(), import.name())).into());
            }
        }
        let instance = match self.linker.instantiate_async(&mut *store, module).await {
            Ok(instance) => instance,
            Err(error) => return Err(at_instantiation(met(error, depth), &store.data().tally)),
        };
        self.timeline.mark(|| "instantiated".into());
        let entry = job.entry.as_deref().unwrap_or("_start");
        let Some(function) = instance.get_func(&mut *store, entry) else {
            return Err(NoEntry(entry.to_owned()).into());
        };
        let kind = function.ty(&*store);
        let nonce = u64::from_str_radix(&job.nonce, 16).unwrap_or(0);
        let arguments: Vec<Val> = match kind.params().len() {
            0 => Vec::new(),
            1 if matches!(kind.param(0), Some(wasmtime::ValType::I64)) => vec![Val::I64(nonce.cast_signed())],
            _ => return Err(NoEntry(entry.to_owned()).into()),
        };
        let mut results = vec![Val::I32(0); kind.results().len()];
        self.timeline.mark(|| "entered".into());
        let called = function.call_async(&mut *store, &arguments, &mut results).await;
        *depth = guard.and_then(|guard| guard.deepest(&instance, &mut *store));
        called.map_err(|error| met(error, depth))?;
        Ok(match results.first() {
            Some(Val::I64(value)) => Some(value.cast_unsigned()),
            Some(Val::I32(value)) => Some(u64::from(value.cast_unsigned())),
            _ => None,
        })
    }

    async fn component(
        &self,
        job: &Job,
        store: &mut Store<Host>,
        component: &Component,
    ) -> wasmtime::Result<Option<u64>> {
        // Every import was matched by name and type here; what is not linked is refused before anything runs.
        let linked = self.components.instantiate_pre(component).map_err(|error| Unlinked(format!("{error:#}")))?;
        let command =
            wasmtime_wasi::p2::bindings::CommandPre::new(linked).map_err(|_| NoEntry("wasi:cli/run".to_owned()))?;
        let _ = job;
        let command = match command.instantiate_async(&mut *store).await {
            Ok(command) => command,
            Err(error) => return Err(at_instantiation(error, &store.data().tally)),
        };
        self.timeline.mark(|| "instantiated".into());
        self.timeline.mark(|| "entered".into());
        match command.wasi_cli_run().call_run(&mut *store).await? {
            Ok(()) => Ok(None),
            Err(()) => Err(wasmtime_wasi::I32Exit(1).into()),
        }
    }

    /// Every limit with what was used of it; `null` where nobody measured.
    fn usage(&self, outcome: &mut Outcome, job: &Job, output: u64) {
        outcome.usage.push(used(LimitKey::Output, output));
        outcome.usage.push(used(LimitKey::ModuleSize, job.guest.len() as u64));
        outcome.usage.push(used(LimitKey::CpuTime, nanos(cpu_time())));
        outcome.usage.push(used(LimitKey::Deadline, nanos(self.start.elapsed())));
        complete_usage(&mut outcome.usage, &self.protections);
    }
}

/// Puts every limit that there is into a usage list, in order, with its value in force.
pub(crate) fn complete_usage(usage: &mut Vec<Usage>, protections: &Protections) {
    let counted = std::mem::take(usage);
    for key in LimitKey::ALL.iter().copied() {
        let used = counted.iter().find(|usage| usage.limit == key).and_then(|usage| usage.used);
        let unmeasured = used.is_none().then(|| "not counted by this executor".to_owned());
        usage.push(Usage { limit: key, used, cap: protections.limit(key), unmeasured });
    }
}

pub(crate) fn used(limit: LimitKey, used: u64) -> Usage {
    Usage { limit, used: Some(used), cap: None, unmeasured: None }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

enum Compiled {
    Module(Module, Option<Guard>),
    Component(Component),
}

/// An import that is not linked.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not linked")]
struct Unlinked(String);

/// The guest has no entry that can be called.
#[derive(Debug, thiserror::Error)]
#[error("no entry `{0}` that takes nothing or one i64")]
struct NoEntry(String);

/// More instances than the limit, or a memory or table that was denied at its creation.
#[derive(Debug, thiserror::Error)]
#[error("the limit `{0}` was reached while instantiating")]
struct AtInstantiation(LimitKey);

/// Finds the limit behind an instantiation that failed.
///
/// The engine gives no type to these errors. What a start function does is a trap or one of ours; a denied memory or table is in the
/// tally; the system's refusals carry an I/O error. The engine's count of instances is the only other check made here: its counts of
/// memories and tables are switched off.
fn at_instantiation(error: wasmtime::Error, tally: &Tally) -> wasmtime::Error {
    let typed = error.downcast_ref::<Trap>().is_some()
        || error.downcast_ref::<Reached>().is_some()
        || error.downcast_ref::<wasmtime_wasi::I32Exit>().is_some()
        || error.downcast_ref::<std::io::Error>().is_some()
        || error.downcast_ref::<rustix::io::Errno>().is_some();
    if typed {
        return error;
    }
    AtInstantiation(tally.last_limit().unwrap_or(LimitKey::Instances)).into()
}

/// The ending that an error stands for, found by types all the way.
fn ending(error: &wasmtime::Error, tally: &Tally) -> EndingSeen {
    if let Some(exit) = error.downcast_ref::<wasmtime_wasi::I32Exit>() {
        return EndingSeen {
            ending: Ending::Exited,
            exit_code: Some(exit.0),
            detail: format!("exit code {}", exit.0),
            ..EndingSeen::default()
        };
    }
    let limit =
        |key| EndingSeen::caused(Ending::LimitReached, Cause::Limit(key), format!("the limit `{key}` was reached"));
    if let Some(Reached(key)) = error.downcast_ref() {
        return limit(*key);
    }
    if let Some(AtInstantiation(key)) = error.downcast_ref() {
        return limit(*key);
    }
    if let Some(wasmtime::component::ResourceTableError::Full) = error.downcast_ref() {
        return limit(LimitKey::Handles);
    }
    if let Some(Unlinked(name)) = error.downcast_ref() {
        return EndingSeen::caused(Ending::Refused, Cause::Denied(DenialKind::Import), name.clone());
    }
    if let Some(entry @ NoEntry(_)) = error.downcast_ref() {
        return EndingSeen::caused(Ending::Refused, Cause::RefusedModule, entry.to_string());
    }
    let frames = frames(error);
    if let Some(trap) = error.downcast_ref::<Trap>() {
        let key = match trap {
            Trap::StackOverflow => Some(LimitKey::Stack),
            Trap::OutOfFuel => Some(LimitKey::Fuel),
            Trap::AllocationTooLarge => tally.last_limit(),
            _ => None,
        };
        let detail = format!("{trap}{frames}");
        return match key {
            Some(key) => EndingSeen::caused(Ending::LimitReached, Cause::Limit(key), detail),
            None => EndingSeen { ending: Ending::Trapped, detail, ..EndingSeen::default() },
        };
    }
    // What the host's functions refuse to do ends the guest like a trap of its own.
    EndingSeen { ending: Ending::Trapped, detail: format!("{}{frames}", error.root_cause()), ..EndingSeen::default() }
}

/// The names of the guest's frames, innermost first, made safe.
fn safe_frames(error: &wasmtime::Error) -> Vec<String> {
    let Some(backtrace) = error.downcast_ref::<wasmtime::WasmBacktrace>() else { return Vec::new() };
    backtrace.frames().iter().map(profile::name).collect()
}

/// The names of the guest's frames, innermost first, as the guest gave them.
fn frames(error: &wasmtime::Error) -> String {
    let Some(backtrace) = error.downcast_ref::<wasmtime::WasmBacktrace>() else { return String::new() };
    backtrace.frames().iter().take(32).fold(String::new(), |mut text, frame| {
        text.push_str(" in ");
        text.push_str(frame.func_name().unwrap_or("an unnamed function"));
        text
    })
}
