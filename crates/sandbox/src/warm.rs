//! A sandbox that stays warm in this process: engines, linkers, compiled guests and the ticker are made once, and a run costs microseconds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Instant;

use gauntlet_policy::{Feature, Policy};
use gauntlet_record::{Cause, Confinement, Granted, LimitKey};
use gauntlet_target::{DenialSeen, Outcome, TargetError, Trace, Value};
use sha2::{Digest as _, Sha256};
use wasmparser::{Parser, Payload};
use wasmtime::Store;

use crate::deny::{self, DenyList};
use crate::driver::Driver;
use crate::engine::{Options, POOLED_TABLES, Pool};
use crate::execute::{Caps, caps, complete_usage_with, ending, finished, nanos, told, used};
use crate::functions::Functions;
use crate::host::{self, Host, Tally};
use crate::meter::Reached;
use crate::output::{Output, Which};
use crate::protections::{SCRATCH_NEEDS, has_scratch};
use crate::pulse::Pulse;
use crate::runtime::{Call, Instance, Program, Returned, Runtime};
use crate::stopwatch::{Stopwatch, Timed};
use crate::timeline::Timeline;
use crate::{Protections, preflight, validate};

/// Instances that the pool holds at once; more are made on demand.
const SLOTS: u32 = 32;
/// Largest memory of a pooled instance: beyond it the reservation of a pool costs more than it saves.
const MAX_POOLED_MEMORY: u64 = 1 << 30;
/// Most elements of a pooled table.
const MAX_POOLED_TABLE: u64 = 100_000;
/// Most compiled guests that are kept, and most bytes of wasm that they were made from: code takes about ten times that.
const KEPT_GUESTS: usize = 64;
const KEPT_BYTES: usize = 32 << 20;

/// SHA-256 of a guest.
pub(crate) type Digest = [u8; 32];

pub(crate) fn digest(bytes: &[u8]) -> Digest {
    Sha256::digest(bytes).into()
}

/// What happens in a run, told to the embedder as it happens.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Event {
    /// The guest is being validated and compiled. Skipped when it is kept from an earlier run.
    Compiling,
    /// The guest is compiled.
    Compiled,
    /// The guest is being instantiated and called.
    Started,
    /// Something was denied for the first time.
    Denied(DenialSeen),
    /// The run is over.
    Finished(gauntlet_record::Ending),
}

/// Hears of events.
pub(crate) type Listener = Arc<dyn Fn(&Event) + Send + Sync>;

/// One run.
pub(crate) struct Request<'a> {
    pub(crate) guest: &'a [u8],
    pub(crate) digest: Digest,
    pub(crate) call: Call<'a>,
    pub(crate) stdin: &'a [u8],
    /// A detached signature of the guest.
    pub(crate) signature: Option<&'a [u8]>,
    /// What is to be noted of the run.
    pub(crate) trace: Trace,
    /// What must not run.
    pub(crate) deny: &'a [Arc<DenyList>],
}

/// Engines, linkers, compiled guests, ticker and timers of one policy.
pub(crate) struct Warm {
    policy: Policy,
    caps: Caps,
    protections: Protections,
    functions: Arc<Functions>,
    listener: Option<Listener>,
    pool: Option<Pool>,
    pooled: Option<Runtime>,
    in_pool: AtomicU32,
    on_demand: OnceLock<Runtime>,
    building: Mutex<()>,
    kept: Mutex<Kept>,
    pulse: Pulse,
    driver: Driver,
}

impl std::fmt::Debug for Warm {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Warm").field("pool", &self.pool).finish_non_exhaustive()
    }
}

/// A program and the engine that it was compiled for.
#[derive(Clone)]
struct Ready {
    program: Arc<Program>,
    pooled: bool,
    compile_time: u64,
}

/// Compiled guests, the one used last at the end. The digest is of the bytes, so nobody can put code under another guest's name.
#[derive(Default)]
struct Kept {
    guests: Vec<(Digest, bool, usize, Ready)>,
    bytes: usize,
}

impl Kept {
    fn get(&mut self, digest: &Digest, pooled: bool) -> Option<Ready> {
        let at = self.guests.iter().rposition(|(known, of, ..)| known == digest && *of == pooled)?;
        if at + 1 < self.guests.len() {
            let used = self.guests.remove(at);
            self.guests.push(used);
        }
        self.guests.last().map(|(.., ready)| ready.clone())
    }

    fn put(&mut self, digest: Digest, size: usize, ready: Ready) {
        if size > KEPT_BYTES || self.get(&digest, ready.pooled).is_some() {
            return;
        }
        self.bytes += size;
        self.guests.push((digest, ready.pooled, size, ready));
        while self.guests.len() > KEPT_GUESTS || self.bytes > KEPT_BYTES {
            let (_, _, size, _) = self.guests.remove(0);
            self.bytes -= size;
        }
    }
}

/// A place in the pool, given back when dropped.
struct Slot<'a>(Option<&'a AtomicU32>);

impl Drop for Slot<'_> {
    fn drop(&mut self) {
        if let Some(taken) = self.0 {
            taken.fetch_sub(1, Ordering::AcqRel);
        }
    }
}

/// What a guest wrote.
#[derive(Default)]
pub(crate) struct Captured {
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: Vec<u8>,
}

/// What a run begins with: the guest's host, its output and its clocks.
struct Begun {
    host: Host,
    output: Output,
    captured: Arc<Mutex<Captured>>,
    tally: Tally,
    watch: Arc<Stopwatch>,
}

impl Warm {
    /// Prepares everything that a policy's runs share.
    ///
    /// # Errors
    ///
    /// If the policy asks for what this executor cannot hold, or the system gives no engine, thread or runtime.
    pub(crate) fn new(
        policy: Policy,
        protections: Protections,
        functions: Functions,
        listener: Option<Listener>,
    ) -> Result<Self, TargetError> {
        preflight(&policy)?;
        if has_scratch(&policy) {
            return Err(TargetError::LimitUnenforced { key: "grants.filesystem".into(), why: SCRATCH_NEEDS.into() });
        }
        let functions = Arc::new(functions);
        let pool = pool(&policy, &protections);
        let pulse = Pulse::start().map_err(|source| TargetError::Io { what: "cannot start the ticker", source })?;
        let network = !policy.grants.network.is_empty() || protections.lifted("network");
        let driver =
            Driver::new(network).map_err(|source| TargetError::Io { what: "cannot prepare the timers", source })?;
        let options = Options { pool, ..Options::default() };
        // A system that does not give the pool its address space gives instances on demand.
        let pooled =
            pool.and_then(|_| Runtime::new(&policy, protections.clone(), &options, Arc::clone(&functions)).ok());
        if let Some(runtime) = &pooled {
            pulse.drive(&runtime.engine, true);
        }
        let warm = Self {
            policy,
            caps: caps(&protections),
            protections,
            functions,
            listener,
            pool,
            pooled,
            in_pool: AtomicU32::new(0),
            on_demand: OnceLock::new(),
            building: Mutex::default(),
            kept: Mutex::default(),
            pulse,
            driver,
        };
        if warm.pooled.is_none() {
            warm.on_demand()?;
        }
        Ok(warm)
    }

    pub(crate) fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The runtime without a pool, built when it is first needed.
    fn on_demand(&self) -> Result<&Runtime, TargetError> {
        let _building = self.building.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(runtime) = self.on_demand.get() {
            return Ok(runtime);
        }
        let built =
            Runtime::new(&self.policy, self.protections.clone(), &Options::default(), Arc::clone(&self.functions))
                .map_err(|error| TargetError::Protocol(format!("the engine cannot be built: {error:#}")))?;
        self.pulse.drive(&built.engine, false);
        Ok(self.on_demand.get_or_init(|| built))
    }

    fn runtime(&self, pooled: bool) -> Result<&Runtime, TargetError> {
        match &self.pooled {
            Some(runtime) if pooled => Ok(runtime),
            _ => match self.on_demand.get() {
                Some(runtime) => Ok(runtime),
                None => self.on_demand(),
            },
        }
    }

    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell(&self, event: impl FnOnce() -> Event) {
        if let Some(listener) = &self.listener {
            listener(&event());
        }
    }

    /// Takes a place in the pool, if there is one.
    fn slot(&self) -> Slot<'_> {
        if self.pooled.is_some() {
            if self.in_pool.fetch_add(1, Ordering::AcqRel) < SLOTS {
                return Slot(Some(&self.in_pool));
            }
            self.in_pool.fetch_sub(1, Ordering::AcqRel);
        }
        Slot(None)
    }

    /// The compiled guest, from the cache or from its bytes. A refusal is an outcome.
    fn ready(
        &self,
        guest: &[u8],
        digest: Digest,
        pooled: bool,
        timeline: &Timeline,
    ) -> Result<Result<Ready, Box<Outcome>>, TargetError> {
        if let Some(ready) = self.kept().get(&digest, pooled) {
            return Ok(Ok(ready));
        }
        let pooled = pooled && self.pooled.is_some() && fits_pool(guest);
        if let Some(ready) = self.kept().get(&digest, pooled) {
            return Ok(Ok(ready));
        }
        self.tell(|| Event::Compiling);
        let began = Instant::now();
        let runtime = self.runtime(pooled)?;
        let shape = match runtime.shape(guest, &self.policy) {
            Ok(shape) => shape,
            Err(refused) => return Ok(Err(refused)),
        };
        timeline.mark(|| "validated".into());
        // Nothing can end a compilation from within: what would cost too much is refused.
        let estimate = validate::compile_estimate(guest);
        for (key, cost) in [(LimitKey::CompileTime, estimate.time), (LimitKey::CompileMemory, estimate.memory)] {
            if self.protections.limit(key).is_some_and(|cap| cost > cap) {
                let detail = format!("estimated at {}", key.unit().show(cost));
                return Ok(Err(Box::new(Outcome::refused(Cause::Limit(key), detail))));
            }
        }
        let (compiled, pooled) = match runtime.compile(guest, shape) {
            // A guest that is too large for a slot is no worse a guest.
            Err(_) if pooled => (self.runtime(false)?.compile(guest, shape), false),
            compiled => (compiled, pooled),
        };
        let linked = match compiled {
            Ok(compiled) => self.runtime(pooled)?.link(compiled),
            Err(refused) => return Ok(Err(refused)),
        };
        let program = match linked {
            Ok(program) => Arc::new(program),
            Err(error) => {
                let ending = ending(&error, &Tally::default());
                return Ok(Err(Box::new(Outcome { ending, ..Outcome::default() })));
            }
        };
        self.tell(|| Event::Compiled);
        timeline.mark(|| "compiled".into());
        let ready = Ready { program, pooled, compile_time: nanos(began.elapsed()) };
        self.kept().put(digest, guest.len(), ready.clone());
        Ok(Ok(ready))
    }

    /// Why a guest must not run, kept code or not; asked when the bytes are there and again right before it begins.
    fn denied(&self, request: &Request<'_>) -> Option<Outcome> {
        deny::denied(request.deny, request.guest, &self.protections)
    }

    /// Looks at a guest's size, digest and signature before anything parses it.
    fn admit(&self, request: &Request<'_>) -> Result<(), Box<Outcome>> {
        if let Some(denied) = self.denied(request) {
            return Err(Box::new(denied));
        }
        validate::admit(request.guest, request.signature, &self.policy, &self.protections)
    }

    fn begin(
        &self,
        call: Call<'_>,
        stdin: &[u8],
        trace: Trace,
        timeline: &Timeline,
        start: Instant,
    ) -> Result<Begun, TargetError> {
        let tally = match &self.listener {
            Some(listener) => {
                let listener = Arc::clone(listener);
                Tally::telling(move |denial| listener(&Event::Denied(denial.clone())))
            }
            None => Tally::default(),
        };
        let captured = Arc::<Mutex<Captured>>::default();
        let sink = Arc::clone(&captured);
        let output =
            Output::new(self.protections.limit(LimitKey::Output), tally.clone(), move |which, bytes: &[u8]| {
                let mut captured = sink.lock().unwrap_or_else(PoisonError::into_inner);
                match which {
                    Which::Out => captured.stdout.extend_from_slice(bytes),
                    Which::Err => captured.stderr.extend_from_slice(bytes),
                }
            });
        let host = host::build(&self.policy, &self.protections, call.nonce, stdin, &output, tally.clone())?;
        let host = host.traced(trace, timeline);
        let watch = Arc::new(Stopwatch::new(&self.protections, start));
        Ok(Begun { host, output, captured, tally, watch })
    }

    /// A store for a run, on the engine that the program was compiled for.
    fn store(
        &self,
        runtime: &Runtime,
        guest: &[u8],
        ready: &Ready,
        mut host: Host,
        watch: &Arc<Stopwatch>,
    ) -> Store<Host> {
        if ready.pooled {
            host.limiter.pooled_table = self.pool.map(|pool| pool.table_elements);
        }
        let watch = Arc::clone(watch);
        runtime.store(host, guest, &ready.program, move || watch.reached())
    }

    /// Runs a guest and waits for its end on the calling thread.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all.
    pub(crate) fn run(&self, request: &Request<'_>) -> Result<Outcome, TargetError> {
        let start = Instant::now();
        let timeline = Timeline::new(request.trace.timeline, start);
        timeline.mark(|| "read".into());
        crate::call_depth::preflight(request.guest, &self.policy, &self.protections)?;
        if let Err(refused) = self.admit(request) {
            return Ok(self.refused(*refused, request, start));
        }
        let slot = self.slot();
        let ready = match self.ready(request.guest, request.digest, slot.0.is_some(), &timeline)? {
            Ok(ready) => ready,
            Err(refused) => return Ok(self.refused(*refused, request, start)),
        };
        if let Some(denied) = self.denied(request) {
            return Ok(self.refused(denied, request, start));
        }
        let begun = self.begin(request.call, request.stdin, request.trace, &timeline, start)?;
        let runtime = self.runtime(ready.pooled)?;
        let mut store = self.store(runtime, request.guest, &ready, begun.host, &begun.watch);
        let _beat = self.pulse.beat();
        self.tell(|| Event::Started);
        let end = {
            let called = std::pin::pin!(whole(&ready.program, &mut store, request.call, &begun.watch));
            self.driver.block_on(&begun.watch, Timed { watch: &begun.watch, future: called })
        };
        Ok(self.outcome(
            end,
            runtime,
            &store,
            &begun.watch,
            &begun.output,
            &begun.tally,
            &begun.captured,
            request,
            &ready,
        ))
    }

    /// Runs a guest as a future, for any executor. Dropping the future ends the run.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all.
    pub(crate) async fn run_async(self: &Arc<Self>, request: &Request<'_>) -> Result<Outcome, TargetError> {
        let start = Instant::now();
        let timeline = Timeline::new(request.trace.timeline, start);
        timeline.mark(|| "read".into());
        crate::call_depth::preflight(request.guest, &self.policy, &self.protections)?;
        if let Err(refused) = self.admit(request) {
            return Ok(self.refused(*refused, request, start));
        }
        let slot = self.slot();
        let pooled = slot.0.is_some();
        let kept = self.kept().get(&request.digest, pooled);
        let ready = match kept {
            Some(ready) => Ok(ready),
            None => {
                // Compiling takes long: it must not keep the executor's thread.
                let (own, guest, digest) = (Arc::clone(self), request.guest.to_vec(), request.digest);
                let told = timeline.clone();
                let compiled =
                    self.driver.handle().spawn_blocking(move || own.ready(&guest, digest, pooled, &told)).await;
                compiled.map_err(|error| TargetError::Protocol(format!("compiling ended: {error}")))??
            }
        };
        let ready = match ready {
            Ok(ready) => ready,
            Err(refused) => return Ok(self.refused(*refused, request, start)),
        };
        if let Some(denied) = self.denied(request) {
            return Ok(self.refused(denied, request, start));
        }
        let begun = self.begin(request.call, request.stdin, request.trace, &timeline, start)?;
        let runtime = self.runtime(ready.pooled)?;
        let mut store = self.store(runtime, request.guest, &ready, begun.host, &begun.watch);
        let _beat = self.pulse.beat();
        self.tell(|| Event::Started);
        let end = {
            let called = Box::pin(whole(&ready.program, &mut store, request.call, &begun.watch));
            self.driver.within(&begun.watch, Timed { watch: &begun.watch, future: called }).await
        };
        Ok(self.outcome(
            end,
            runtime,
            &store,
            &begun.watch,
            &begun.output,
            &begun.tally,
            &begun.captured,
            request,
            &ready,
        ))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one run, put together once for both ways to wait")]
    fn outcome(
        &self,
        end: Result<wasmtime::Result<Returned>, LimitKey>,
        runtime: &Runtime,
        store: &Store<Host>,
        watch: &Stopwatch,
        output: &Output,
        tally: &Tally,
        captured: &Mutex<Captured>,
        request: &Request<'_>,
        ready: &Ready,
    ) -> Outcome {
        let end = end.unwrap_or_else(|limit| Err(Reached(limit).into()));
        let mut outcome = finished(end, runtime, store);
        told(&mut outcome, &store.data().timeline, &store.data().sampler);
        outcome.denials = tally.denials();
        outcome.grants = store.data().meter.grants();
        outcome.usage.extend(store.data().meter.usage());
        let (taken, truncated) = output.taken();
        outcome.truncated = truncated;
        let mut captured = captured.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.stdout = std::mem::take(&mut captured.stdout);
        outcome.stderr = std::mem::take(&mut captured.stderr);
        outcome.usage.push(used(LimitKey::Output, taken));
        outcome.usage.push(used(LimitKey::ModuleSize, request.guest.len() as u64));
        outcome.usage.push(used(LimitKey::CompileTime, ready.compile_time));
        outcome.usage.push(used(LimitKey::CpuTime, watch.cpu()));
        outcome.usage.push(used(LimitKey::Deadline, watch.elapsed()));
        self.complete(&mut outcome);
        outcome
    }

    fn refused(&self, mut outcome: Outcome, request: &Request<'_>, start: Instant) -> Outcome {
        outcome.usage.push(used(LimitKey::ModuleSize, request.guest.len() as u64));
        outcome.usage.push(used(LimitKey::Deadline, nanos(start.elapsed())));
        // Nothing of it ran.
        let none = [
            LimitKey::HostWork,
            LimitKey::Disk,
            LimitKey::Files,
            LimitKey::Connections,
            LimitKey::NetworkBytes,
            LimitKey::Ports,
        ];
        outcome.usage.extend(none.map(|key| used(key, 0)));
        self.complete(&mut outcome);
        outcome
    }

    fn complete(&self, outcome: &mut Outcome) {
        complete_usage_with(&mut outcome.usage, &self.caps);
        outcome.confinement = confinement();
        self.tell(|| Event::Finished(outcome.ending.ending));
    }

    /// Instantiates a guest and keeps the instance, for many calls.
    ///
    /// # Errors
    ///
    /// If the guest could not be run at all; an instantiation that fails is an outcome.
    pub(crate) fn open(
        self: &Arc<Self>,
        guest: &[u8],
        digest: Digest,
        stdin: &[u8],
    ) -> Result<Result<Live, Box<Outcome>>, TargetError> {
        let start = Instant::now();
        let call = Call { entry: Some(""), ..Call::default() };
        let request = Request { guest, digest, call, stdin, signature: None, trace: Trace::default(), deny: &[] };
        let timeline = Timeline::default();
        crate::call_depth::preflight(guest, &self.policy, &self.protections)?;
        if let Err(refused) = self.admit(&request) {
            return Ok(Err(Box::new(self.refused(*refused, &request, start))));
        }
        // A session may live long, so it takes no place in the pool from short runs.
        let ready = match self.ready(guest, digest, false, &timeline)? {
            Ok(ready) => ready,
            Err(refused) => return Ok(Err(Box::new(self.refused(*refused, &request, start)))),
        };
        let begun = self.begin(request.call, stdin, request.trace, &timeline, start)?;
        let runtime = self.runtime(false)?;
        let mut store = self.store(runtime, guest, &ready, begun.host, &begun.watch);
        let beat = self.pulse.beat();
        self.tell(|| Event::Started);
        let end = {
            let started = std::pin::pin!(start_instance(&ready.program, &mut store, &begun.watch));
            self.driver.block_on(&begun.watch, Timed { watch: &begun.watch, future: started })
        };
        drop(beat);
        match end.unwrap_or_else(|limit| Err(Reached(limit).into())) {
            Ok(instance) => Ok(Ok(Live {
                warm: Arc::clone(self),
                program: ready.program,
                store,
                instance,
                watch: begun.watch,
                output: begun.output,
                captured: begun.captured,
                tally: begun.tally,
                guest_size: guest.len() as u64,
            })),
            Err(error) => {
                let end = Ok(Err(error));
                let outcome = self.outcome(
                    end,
                    runtime,
                    &store,
                    &begun.watch,
                    &begun.output,
                    &begun.tally,
                    &begun.captured,
                    &request,
                    &ready,
                );
                Ok(Err(Box::new(outcome)))
            }
        }
    }
}

/// A run from its instantiation to its end.
async fn whole(
    program: &Program,
    store: &mut Store<Host>,
    call: Call<'_>,
    watch: &Stopwatch,
) -> wasmtime::Result<Returned> {
    // Compiling may have taken all the time there was.
    if watch.late() {
        return Err(Reached(LimitKey::Deadline).into());
    }
    let instance = program.instantiate(store, call.entry).await?;
    program.call(store, &instance, call).await
}

async fn start_instance(program: &Program, store: &mut Store<Host>, watch: &Stopwatch) -> wasmtime::Result<Instance> {
    if watch.late() {
        return Err(Reached(LimitKey::Deadline).into());
    }
    program.instantiate(store, Some("")).await
}

/// An instance that is kept between calls.
pub(crate) struct Live {
    warm: Arc<Warm>,
    program: Arc<Program>,
    store: Store<Host>,
    instance: Instance,
    watch: Arc<Stopwatch>,
    output: Output,
    captured: Arc<Mutex<Captured>>,
    tally: Tally,
    guest_size: u64,
}

impl std::fmt::Debug for Live {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Live").finish_non_exhaustive()
    }
}

impl Live {
    /// One call, with a deadline, CPU time and fuel of its own. Memory, tables and output go on counting.
    ///
    /// # Errors
    ///
    /// If the runtime is gone.
    pub(crate) fn call(&mut self, entry: &str, arguments: &[Value]) -> Result<Outcome, TargetError> {
        let warm = Arc::clone(&self.warm);
        let runtime = warm.runtime(false)?;
        self.restart(runtime);
        let call = Call { entry: Some(entry), nonce: "", arguments };
        let _beat = warm.pulse.beat();
        let end = {
            let called = std::pin::pin!(self.program.call(&mut self.store, &self.instance, call));
            warm.driver.block_on(&self.watch, Timed { watch: &self.watch, future: called })
        };
        Ok(self.outcome(end, runtime))
    }

    /// The same as a future.
    ///
    /// # Errors
    ///
    /// If the runtime is gone.
    pub(crate) async fn call_async(&mut self, entry: &str, arguments: &[Value]) -> Result<Outcome, TargetError> {
        let warm = Arc::clone(&self.warm);
        let runtime = warm.runtime(false)?;
        self.restart(runtime);
        let call = Call { entry: Some(entry), nonce: "", arguments };
        let _beat = warm.pulse.beat();
        let end = {
            let called = Box::pin(self.program.call(&mut self.store, &self.instance, call));
            warm.driver.within(&self.watch, Timed { watch: &self.watch, future: called }).await
        };
        Ok(self.outcome(end, runtime))
    }

    /// The memory that a core module exports as `memory`.
    pub(crate) fn memory(&mut self) -> Option<&mut [u8]> {
        let Instance::Module(instance) = &self.instance else { return None };
        Some(instance.get_memory(&mut self.store, "memory")?.data_mut(&mut self.store))
    }

    fn restart(&mut self, runtime: &Runtime) {
        self.watch.restart();
        runtime.refuel(&mut self.store);
        self.store.set_epoch_deadline(1);
    }

    fn outcome(&mut self, end: Result<wasmtime::Result<Returned>, LimitKey>, runtime: &Runtime) -> Outcome {
        let end = end.unwrap_or_else(|limit| Err(Reached(limit).into()));
        let mut outcome = finished(end, runtime, &self.store);
        outcome.denials = self.tally.denials();
        outcome.grants = self.store.data().meter.grants();
        outcome.usage.extend(self.store.data().meter.usage());
        let (taken, truncated) = self.output.taken();
        outcome.truncated = truncated;
        let mut captured = self.captured.lock().unwrap_or_else(PoisonError::into_inner);
        outcome.stdout = std::mem::take(&mut captured.stdout);
        outcome.stderr = std::mem::take(&mut captured.stderr);
        outcome.usage.push(used(LimitKey::Output, taken));
        outcome.usage.push(used(LimitKey::ModuleSize, self.guest_size));
        outcome.usage.push(used(LimitKey::CpuTime, self.watch.cpu()));
        outcome.usage.push(used(LimitKey::Deadline, self.watch.elapsed()));
        self.warm.complete(&mut outcome);
        outcome
    }
}

/// The pool that a policy's limits make possible.
fn pool(policy: &Policy, protections: &Protections) -> Option<Pool> {
    let memory = protections.limit(LimitKey::Memory).filter(|memory| *memory <= MAX_POOLED_MEMORY)?;
    let table_elements = protections.limit(LimitKey::TableElements).filter(|table| *table <= MAX_POOLED_TABLE)?;
    // Shared memories, and memories of more than 4 GiB, are no slots of a pool.
    if policy.features.allows(Feature::Threads) || protections.lifted("features") {
        return None;
    }
    Some(Pool {
        slots: SLOTS,
        memory: usize::try_from(memory.next_multiple_of(1 << 16)).ok()?,
        table_elements: usize::try_from(table_elements).ok()?,
    })
}

/// Whether a guest is a core module that fits a slot. What the sections say is enough: the engine looks again.
fn fits_pool(guest: &[u8]) -> bool {
    let (mut memories, mut tables) = (0, 0);
    for payload in Parser::new(0).parse_all(guest) {
        match payload {
            Ok(Payload::Version { encoding: wasmparser::Encoding::Component, .. }) | Err(_) => return false,
            Ok(Payload::MemorySection(section)) => memories += section.count(),
            Ok(Payload::TableSection(section)) => tables += section.count(),
            Ok(Payload::CodeSectionStart { .. }) => break,
            Ok(_) => {}
        }
    }
    memories <= 1 && tables <= POOLED_TABLES
}

/// What a placement in the caller's process cannot give.
pub(crate) fn confinement() -> Vec<Confinement> {
    let note = "inline placement: the guest runs in the caller's process";
    ["process", "seccomp", "landlock", "rlimits"]
        .into_iter()
        .map(|mechanism| Confinement { mechanism: mechanism.into(), granted: Granted::None, note: note.into() })
        .collect()
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicU64;

    use super::*;

    /// Hours pass without anybody waiting: a host function moves a played clock on by a second and advances the epoch itself.
    #[test]
    fn a_deadline_of_hours_holds_to_the_second_and_nothing_grows_with_time() {
        let policy = Policy::parse(
            "t",
            "version: 1\nlimits: { deadline: 5h, cpu-time: unlimited, fuel: unlimited, host-work: unlimited }\n",
        )
        .unwrap();
        let protections = Protections::of(&policy);
        let time = Arc::new(AtomicU64::new(0));
        let engine = Arc::new(OnceLock::<wasmtime::Engine>::new());
        let mut functions = Functions::default();
        let (clock, ticked) = (Arc::clone(&time), Arc::clone(&engine));
        functions.add("env", "second", move |_, ()| {
            clock.fetch_add(1_000_000_000, Ordering::Relaxed);
            if let Some(engine) = ticked.get() {
                engine.increment_epoch();
            }
            Ok(())
        });
        let runtime = Runtime::new(&policy, protections.clone(), &Options::default(), Arc::new(functions)).unwrap();
        let _ = engine.set(runtime.engine.clone());
        let text =
            r#"(module (import "env" "second" (func $s)) (memory 1) (func (export "go") (loop $l (call $s) (br $l))))"#;
        let guest = wat::parse_str(text).unwrap();
        let Ok(compiled) = runtime.compile(&guest, validate::Shape::Module) else { panic!("it compiles") };
        let program = runtime.link(compiled).unwrap();
        let tally = Tally::default();
        let output = Output::new(None, tally.clone(), |_, _: &[u8]| ());
        let host = host::build(&policy, &protections, "", &[], &output, tally.clone()).unwrap();
        let watch = Arc::new(Stopwatch::played(&protections, Arc::clone(&time)));
        let own = Arc::clone(&watch);
        let mut store = runtime.store(host, &guest, &program, move || own.reached());
        let driver = Driver::new(false).unwrap();
        let call = Call { entry: Some("go"), ..Call::default() };
        let end = {
            let called = std::pin::pin!(whole(&program, &mut store, call, &watch));
            driver.block_on(&watch, Timed { watch: &watch, future: called })
        };
        let outcome = finished(end.unwrap_or_else(|limit| Err(Reached(limit).into())), &runtime, &store);
        assert_eq!(outcome.ending.cause, Some(Cause::Limit(LimitKey::Deadline)));
        let seconds = time.load(Ordering::Relaxed) / 1_000_000_000;
        assert_eq!(seconds, 5 * 3600);
        // Eighteen thousand ticks later the books are as long as after the first.
        let memory = outcome.usage.iter().find(|usage| usage.limit == LimitKey::Memory).unwrap();
        assert_eq!(memory.used, Some(1 << 16));
        assert_eq!(tally.denials(), []);
    }

    #[test]
    fn kept_guests_are_bounded_and_the_one_used_longest_ago_goes_first() {
        let warm =
            Warm::new(Policy::default(), Protections::of(&Policy::default()), Functions::default(), None).unwrap();
        let guest =
            |n: u32| wat::parse_str(format!(r#"(module (func (export "n") (result i32) (i32.const {n})))"#)).unwrap();
        let first = guest(0);
        for n in 0..u32::try_from(KEPT_GUESTS).unwrap() + 10 {
            let guest = guest(n);
            assert!(warm.ready(&guest, digest(&guest), true, &Timeline::default()).unwrap().is_ok());
            // The first one is used again and again, so it stays.
            assert!(warm.ready(&first, digest(&first), true, &Timeline::default()).unwrap().is_ok());
        }
        let mut kept = warm.kept();
        assert_eq!(kept.guests.len(), KEPT_GUESTS);
        assert!(kept.get(&digest(&first), true).is_some());
        assert!(kept.get(&digest(&guest(1)), true).is_none());
    }
}
