//! One run of one guest, the same for both placements: validate, compile, link, instantiate, call; everything under one deadline.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::{Duration, Instant};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, DenialKind, Ending, LimitKey, Usage};
use gauntlet_target::{EndingSeen, Job, Outcome};
use wasmtime::{Engine, Store, Trap};

use crate::functions::{Functions, HostFault};
use crate::host::{self, Host, Tally};
use crate::meter::{Denied, Reached};
use crate::output::Output;
use crate::profile::{self, Sampler};
use crate::runtime::{Call, Compiled, Program, Returned, Runtime};
use crate::timeline::Timeline;
use crate::typed::ValueError;
use crate::validate::Shape;
use crate::{Protections, engine};

/// How often the epoch advances and the clocks are looked at.
pub(crate) const TICK: Duration = Duration::from_millis(1);

/// The guest of a rehearsal.
const REHEARSAL: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/rehearsal.wasm"));

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
    runtime: Runtime,
    expiry: Arc<Expiry>,
    /// CPU time of the process before its job came.
    before: OnceLock<Duration>,
}

/// What a run reports while it goes on.
pub(crate) trait Progress {
    /// Validating and compiling begins.
    fn compiling(&mut self) {}
    /// Compiling has ended.
    fn compiled(&mut self) {}
}

impl Progress for () {}

/// Builds engine and linkers for a policy.
pub(crate) fn prepare(
    policy: &Policy,
    protections: Protections,
    options: &engine::Options,
) -> wasmtime::Result<Prepared> {
    let runtime = Runtime::new(policy, protections, options, Arc::new(Functions::default()))?;
    Ok(Prepared { runtime, expiry: Arc::default(), before: OnceLock::new() })
}

impl Prepared {
    /// Compiles and runs a guest of ours, so that the engine's code and data are in memory when the real one comes. Nothing that it does
    /// is counted, and what it cannot do is left undone.
    pub(crate) fn rehearse(&self) {
        let job = Job { guest: REHEARSAL.to_vec(), ..Job::default() };
        let tally = Tally::default();
        let output = Output::new(None, tally.clone(), |_, _| ());
        let Ok(host) = host::build(&job.policy, &self.runtime.protections, "", &[], &output, tally) else { return };
        let Ok(compiled) = self.runtime.compile(&job.guest, Shape::Module) else { return };
        if let Ok(program) = self.runtime.link(compiled) {
            self.in_runtime(&job, host, &program);
        }
    }

    /// The ticker that this run needs; `start` is when the deadline began to run.
    pub(crate) fn ticker(&self, start: Instant) -> Ticker {
        let nanos = |key| self.runtime.protections.limit(key).map(Duration::from_nanos);
        self.before.get_or_init(cpu_time);
        Ticker {
            engine: self.runtime.engine.clone(),
            expiry: Arc::clone(&self.expiry),
            start,
            deadline: nanos(LimitKey::Deadline),
            cpu_time: nanos(LimitKey::CpuTime),
        }
    }

    /// Ends the ticker.
    pub(crate) fn done(&self) {
        self.expiry.done.store(true, Ordering::Release);
    }

    /// Runs the guest to its end. Standard output and error are left to the caller's sink. `kept` is whether its code is in the engine's
    /// cache.
    pub(crate) fn execute(
        &self,
        job: &Job,
        kept: bool,
        host: Host,
        output: &Output,
        start: Instant,
        progress: &mut dyn Progress,
    ) -> Outcome {
        let (tally, meter) = (host.tally.clone(), Arc::clone(&host.meter));
        let (timeline, sampler) = (host.timeline.clone(), host.sampler.clone());
        timeline.mark(|| "read".into());
        let mut outcome = self.run(job, kept, host, progress);
        told(&mut outcome, &timeline, &sampler);
        outcome.denials = tally.denials();
        outcome.grants = meter.grants();
        outcome.usage.extend(meter.usage());
        let (taken, truncated) = output.taken();
        outcome.truncated = truncated;
        self.usage(&mut outcome, job, start, taken);
        outcome
    }

    /// Validates and compiles the guest and leaves its code in the engine's cache; nothing of it runs.
    pub(crate) fn compile_only(&self, job: &Job, start: Instant, progress: &mut dyn Progress) -> Outcome {
        let mut outcome = match self.compile(job, false, &Timeline::default(), progress) {
            Ok((_, time)) => Outcome { usage: vec![used(LimitKey::CompileTime, time)], ..Outcome::default() },
            Err(refused) => *refused,
        };
        self.usage(&mut outcome, job, start, 0);
        outcome
    }

    fn run(&self, job: &Job, kept: bool, host: Host, progress: &mut dyn Progress) -> Outcome {
        let timeline = host.timeline.clone();
        let (compiled, compile_time) = match self.compile(job, kept, &timeline, progress) {
            Ok(compiled) => compiled,
            Err(refused) => return *refused,
        };
        let mut outcome = match self.runtime.link(compiled) {
            Ok(program) => self.in_runtime(job, host, &program),
            Err(error) => Outcome { ending: ending(&error, &host.tally), ..Outcome::default() },
        };
        outcome.usage.push(used(LimitKey::CompileTime, compile_time));
        outcome
    }

    /// Validates and compiles the guest; also says how long that took, in nanoseconds.
    fn compile(
        &self,
        job: &Job,
        kept: bool,
        timeline: &Timeline,
        progress: &mut dyn Progress,
    ) -> Result<(Compiled, u64), Box<Outcome>> {
        progress.compiling();
        let compiling = Instant::now();
        let signature = job.signature.as_deref();
        let shape = if kept {
            self.runtime.check_kept(&job.guest, signature, &job.policy)?
        } else {
            self.runtime.check(&job.guest, signature, &job.policy)?
        };
        timeline.mark(|| "validated".into());
        let compiled = self.runtime.compile(&job.guest, shape);
        timeline.mark(|| "compiled".into());
        let compile_time = nanos(compiling.elapsed());
        progress.compiled();
        compiled.map(|compiled| (compiled, compile_time))
    }

    /// Calls the guest, with every wait cut by the deadline.
    fn in_runtime(&self, job: &Job, host: Host, program: &Program) -> Outcome {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_time();
        if !job.policy.grants.network.is_empty() || self.runtime.protections.lifted("network") {
            // Waiting for sockets takes calls that the worker's filter allows only with granted addresses.
            builder.enable_io();
        }
        let runtime = match builder.build() {
            Ok(runtime) => runtime,
            Err(error) => return Outcome::refused(Cause::KilledParent, format!("no runtime: {error}")),
        };
        let expiry = Arc::clone(&self.expiry);
        let mut store = self.runtime.store(host, &job.guest, program, move || expiry.reached());
        let expiry = Arc::clone(&self.expiry);
        let end = runtime.block_on(async {
            let call = async {
                let call = Call { entry: job.entry.as_deref(), nonce: &job.nonce, arguments: &job.arguments };
                let instance = program.instantiate(&mut store, call.entry).await?;
                program.call(&mut store, &instance, call).await
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
        finished(end, &self.runtime, &store)
    }

    /// Every limit with what was used of it; `null` where nobody measured.
    fn usage(&self, outcome: &mut Outcome, job: &Job, start: Instant, output: u64) {
        outcome.usage.push(used(LimitKey::Output, output));
        outcome.usage.push(used(LimitKey::ModuleSize, job.guest.len() as u64));
        let before = self.before.get().copied().unwrap_or_default();
        outcome.usage.push(used(LimitKey::CpuTime, nanos(cpu_time().saturating_sub(before))));
        outcome.usage.push(used(LimitKey::Deadline, nanos(start.elapsed())));
        complete_usage(&mut outcome.usage, &self.runtime.protections);
    }
}

/// Puts what was noted of a run into its outcome.
pub(crate) fn told(outcome: &mut Outcome, timeline: &Timeline, sampler: &Sampler) {
    if let Some(Cause::Limit(key)) = outcome.ending.cause {
        timeline.mark(|| format!("limit-reached: {}", Cause::Limit(key)));
    }
    timeline.mark(|| "ended".into());
    outcome.timeline = timeline.moments();
    outcome.profile = sampler.profile(TICK);
}

/// Puts every limit that there is into a usage list, in order, with its value in force.
pub(crate) fn complete_usage(usage: &mut Vec<Usage>, protections: &Protections) {
    complete_usage_with(usage, &caps(protections));
}

/// The value in force of every limit, in order.
pub(crate) type Caps = Vec<(LimitKey, Option<u64>)>;

/// The value in force of every limit, looked up once for many runs.
pub(crate) fn caps(protections: &Protections) -> Caps {
    LimitKey::ALL.iter().map(|key| (*key, protections.limit(*key))).collect()
}

/// The same as [`complete_usage`], with the values at hand.
pub(crate) fn complete_usage_with(usage: &mut Vec<Usage>, caps: &[(LimitKey, Option<u64>)]) {
    let counted = std::mem::replace(usage, Vec::with_capacity(caps.len()));
    for (key, cap) in caps {
        let used = counted.iter().find(|usage| usage.limit == *key).and_then(|usage| usage.used);
        let unmeasured = used.is_none().then(|| "not counted by this executor".to_owned());
        usage.push(Usage { limit: *key, used, cap: *cap, unmeasured });
    }
}

pub(crate) fn used(limit: LimitKey, used: u64) -> Usage {
    Usage { limit, used: Some(used), cap: None, unmeasured: None }
}

pub(crate) fn nanos(duration: Duration) -> u64 {
    u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX)
}

/// What a run came to: its ending, what it returned, and what the store has counted.
pub(crate) fn finished(end: wasmtime::Result<Returned>, runtime: &Runtime, store: &Store<Host>) -> Outcome {
    // Room for all that the placements add, so that the list is moved once.
    let mut outcome = Outcome { usage: Vec::with_capacity(12), ..Outcome::default() };
    let host = store.data();
    match end {
        Ok(returned) => {
            outcome.returned = returned.number;
            outcome.results = returned.results;
        }
        Err(error) => {
            outcome.ending = ending(&error, &host.tally);
            outcome.ending.frames = safe_frames(&error);
            if outcome.ending.cause == Some(Cause::Limit(LimitKey::CallDepth)) && !outcome.ending.frames.is_empty() {
                // The innermost is the function that counts, which is none of the guest's.
                outcome.ending.frames.remove(0);
            }
            outcome.ending.frames.truncate(gauntlet_target::MAX_FRAMES);
        }
    }
    outcome.usage.extend(host.depth.map(|depth| used(LimitKey::CallDepth, depth)));
    outcome.usage.extend(runtime.fuel(store).map(|fuel| used(LimitKey::Fuel, fuel)));
    outcome.usage.push(used(LimitKey::Memory, host.limiter.memory_used));
    outcome.usage.push(used(LimitKey::TableElements, host.limiter.table_elements_used));
    outcome.usage.push(used(LimitKey::OpenFiles, host.files.most));
    outcome
}

/// An import that is not linked.
#[derive(Debug, thiserror::Error)]
#[error("`{0}` is not linked")]
pub(crate) struct Unlinked(pub(crate) String);

/// The guest has no entry that can be called.
#[derive(Debug, thiserror::Error)]
#[error("no entry `{0}` that can be called")]
pub(crate) struct NoEntry(pub(crate) String);

/// The arguments of a call do not fit the function.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub(crate) struct BadCall(pub(crate) ValueError);

/// More instances than the limit, or a memory or table that was denied at its creation.
#[derive(Debug, thiserror::Error)]
#[error("the limit `{0}` was reached while instantiating")]
struct AtInstantiation(LimitKey);

/// Finds the limit behind an instantiation that failed.
///
/// The engine gives no type to these errors. What a start function does is a trap or one of ours; a denied memory or table is in the
/// tally; the system's refusals carry an I/O error. The engine's count of instances is the only other check made here: its counts of
/// memories and tables are switched off.
pub(crate) fn at_instantiation(error: wasmtime::Error, tally: &Tally) -> wasmtime::Error {
    // What has frames of the guest's happened in a start function.
    let typed = error.downcast_ref::<Trap>().is_some()
        || error.downcast_ref::<wasmtime::WasmBacktrace>().is_some()
        || engine_limit(&error).is_some()
        || error.downcast_ref::<Reached>().is_some()
        || error.downcast_ref::<HostFault>().is_some()
        || error.downcast_ref::<Denied>().is_some()
        || error.downcast_ref::<wasmtime_wasi::I32Exit>().is_some()
        || error.downcast_ref::<std::io::Error>().is_some()
        || error.downcast_ref::<rustix::io::Errno>().is_some();
    if typed {
        return error;
    }
    AtInstantiation(tally.last_growth().unwrap_or(LimitKey::Instances)).into()
}

/// The limit that an error of the engine's own counts stands for. It gives them no type, so their whole text is compared; no guest chooses
/// a word of it. Should a release say it otherwise, the run ends as a trap without a cause, and a test turns red.
fn engine_limit(error: &wasmtime::Error) -> Option<LimitKey> {
    const SAID: &[(&str, LimitKey)] = &[
        ("cannot allocate another handle: store handle limit exceeded", LimitKey::Handles),
        ("cannot lend resource: store handle limit exceeded", LimitKey::Handles),
        (
            "too much data is being copied between the host and the guest: fuel allocated for hostcalls has been exhausted",
            LimitKey::HostWork,
        ),
    ];
    let cause = error.root_cause().to_string();
    SAID.iter().find(|(said, _)| *said == cause).map(|(_, key)| *key)
}

/// The ending that an error stands for, found by types all the way, but for the engine's own counts.
pub(crate) fn ending(error: &wasmtime::Error, tally: &Tally) -> EndingSeen {
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
    if let Some(Denied(cause)) = error.downcast_ref() {
        return match cause {
            Cause::Limit(key) => limit(*key),
            cause => EndingSeen::caused(Ending::Trapped, *cause, format!("ended at the first denial: {cause}")),
        };
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
    if let Some(BadCall(why)) = error.downcast_ref() {
        return EndingSeen::caused(Ending::Refused, Cause::RefusedModule, why.to_string());
    }
    if let Some(HostFault::Limit { key, .. }) = error.downcast_ref() {
        return limit(*key);
    }
    if let Some(key) = engine_limit(error) {
        return limit(key);
    }
    let frames = frames(error);
    if let Some(trap) = error.downcast_ref::<Trap>() {
        let key = match trap {
            Trap::StackOverflow => Some(LimitKey::Stack),
            Trap::OutOfFuel => Some(LimitKey::Fuel),
            Trap::AllocationTooLarge => tally.last_growth(),
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
