//! What the home-made embedding keeps for its guest: notes of what was denied and used, output, limits, clocks.

use std::io;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::task::{Context, Poll};
use std::time::{Duration, Instant, SystemTime};

use gauntlet_policy::Policy;
use gauntlet_record::{Cause, LimitKey};
use gauntlet_target::DenialSeen;
use wasmtime::{ResourceLimiter, StoreLimitsBuilder};
use wasmtime_wasi::cli::{IsTerminal, StdoutStream};
use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock};
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::{OutputStream, Pollable, StreamResult};

/// The data of a store.
pub(crate) struct Host {
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) limiter: Limiter,
    pub(crate) captured: Captured,
    pub(crate) notes: Notes,
}

/// The limits in force; absent is unlimited.
pub(crate) struct Caps<'a> {
    policy: &'a Policy,
    host_memory: u64,
}

impl<'a> Caps<'a> {
    pub(crate) fn of(policy: &'a Policy) -> Self {
        Self { policy, host_memory: gauntlet_sandbox::host_memory() }
    }

    pub(crate) fn get(&self, key: LimitKey) -> Option<u64> {
        self.policy.limits.resolve(key, self.host_memory)
    }

    pub(crate) fn size(&self, key: LimitKey) -> Option<usize> {
        self.get(key).map(|cap| usize::try_from(cap).unwrap_or(usize::MAX))
    }

    pub(crate) fn time(&self, key: LimitKey) -> Option<Duration> {
        self.get(key).map(Duration::from_nanos)
    }
}

/// What was seen of a run. Clones share it.
#[derive(Clone, Default)]
pub(crate) struct Notes(Arc<Mutex<Noted>>);

#[derive(Default)]
pub(crate) struct Noted {
    pub(crate) denials: Vec<DenialSeen>,
    pub(crate) memory: u64,
    pub(crate) table_elements: u64,
}

impl Notes {
    pub(crate) fn lock(&self) -> MutexGuard<'_, Noted> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn deny(&self, cause: Cause, asked: impl Into<String>, limit: Option<u64>) {
        let mut noted = self.lock();
        match noted.denials.iter_mut().find(|denial| denial.cause == cause) {
            Some(denial) => denial.count = denial.count.saturating_add(1),
            None => noted.denials.push(DenialSeen { cause, asked: asked.into(), limit, count: 1 }),
        }
    }

    /// The limit that a denied growth met last.
    pub(crate) fn last_limit(&self) -> Option<LimitKey> {
        self.lock().denials.iter().rev().find_map(|denial| match denial.cause {
            Cause::Limit(key) => Some(key),
            _ => None,
        })
    }
}

/// How memories and tables are counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Counting {
    /// As sums over everything that the guest holds.
    Summed,
    /// Each memory and each table for itself, as the engine's own limits count.
    Each,
    /// As sums, but what the guest declares for a memory counts for more than the limit.
    Declared,
    /// As sums over the linear memories; what the collector holds is not looked at.
    LinearOnly,
}

/// Asks the rule in force and notes the answer.
pub(crate) struct Limiter {
    rule: Box<dyn ResourceLimiter + Send + Sync>,
    memory: Option<u64>,
    table_elements: Option<u64>,
    notes: Notes,
}

impl Limiter {
    pub(crate) fn new(counting: Counting, guest: &[u8], caps: &Caps<'_>, notes: Notes) -> Self {
        let (memory, tables) = (caps.size(LimitKey::Memory), caps.size(LimitKey::TableElements));
        let summed = Summed { memory: memory.unwrap_or(usize::MAX), table_elements: tables.unwrap_or(usize::MAX) };
        let rule: Box<dyn ResourceLimiter + Send + Sync> = match counting {
            Counting::Summed => Box::new(summed),
            Counting::Declared => Box::new(Declared(summed)),
            Counting::LinearOnly => Box::new(LinearOnly { memories: memories(guest), heap: None, counted: summed }),
            Counting::Each => Box::new(
                StoreLimitsBuilder::new()
                    .memory_size(memory.unwrap_or(usize::MAX))
                    .table_elements(tables.unwrap_or(usize::MAX))
                    .build(),
            ),
        };
        Self { rule, memory: caps.get(LimitKey::Memory), table_elements: caps.get(LimitKey::TableElements), notes }
    }
}

impl ResourceLimiter for Limiter {
    fn memory_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        let granted = self.rule.memory_growing(current, desired, declared)?;
        if granted {
            self.notes.lock().memory += desired.saturating_sub(current) as u64;
        } else if declared.is_none_or(|declared| desired <= declared) {
            self.notes.deny(Cause::Limit(LimitKey::Memory), format!("memory {desired}"), self.memory);
        }
        Ok(granted)
    }

    fn table_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        let granted = self.rule.table_growing(current, desired, declared)?;
        if granted {
            self.notes.lock().table_elements += desired.saturating_sub(current) as u64;
        } else if declared.is_none_or(|declared| desired <= declared) {
            self.notes.deny(Cause::Limit(LimitKey::TableElements), format!("table {desired}"), self.table_elements);
        }
        Ok(granted)
    }

    fn instances(&self) -> usize {
        self.rule.instances()
    }

    fn tables(&self) -> usize {
        self.rule.tables()
    }

    fn memories(&self) -> usize {
        self.rule.memories()
    }
}

/// What is left of both budgets.
struct Summed {
    memory: usize,
    table_elements: usize,
}

fn take(left: &mut usize, current: usize, desired: usize, declared: Option<usize>) -> bool {
    let wanted = desired.saturating_sub(current);
    if declared.is_some_and(|declared| desired > declared) || wanted > *left {
        return false;
    }
    *left -= wanted;
    true
}

impl ResourceLimiter for Summed {
    fn memory_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        Ok(take(&mut self.memory, current, desired, declared))
    }

    fn table_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        Ok(take(&mut self.table_elements, current, desired, declared))
    }
}

/// Lets a memory grow to what the guest declared for it.
struct Declared(Summed);

impl ResourceLimiter for Declared {
    fn memory_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        match declared {
            Some(declared) => Ok(desired <= declared),
            None => self.0.memory_growing(current, desired, declared),
        }
    }

    fn table_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        self.0.table_growing(current, desired, declared)
    }
}

/// Counts the memories that the module has; the collector's, which comes after them, is told by its size.
struct LinearOnly {
    /// Memories of the module that are still to be made.
    memories: usize,
    /// The size of the collector's heap, once there is one.
    heap: Option<usize>,
    counted: Summed,
}

impl ResourceLimiter for LinearOnly {
    fn memory_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        if current == 0 && self.memories > 0 {
            self.memories -= 1;
        } else if current == 0 || self.heap == Some(current) {
            self.heap = Some(desired);
            return Ok(true);
        }
        self.counted.memory_growing(current, desired, declared)
    }

    fn table_growing(&mut self, current: usize, desired: usize, declared: Option<usize>) -> wasmtime::Result<bool> {
        self.counted.table_growing(current, desired, declared)
    }
}

/// How many memories a module defines.
fn memories(guest: &[u8]) -> usize {
    let parts = wasmparser::Parser::new(0).parse_all(guest).map_while(Result::ok);
    parts
        .map(|part| match part {
            wasmparser::Payload::MemorySection(memories) => usize::try_from(memories.count()).unwrap_or(usize::MAX),
            _ => 0,
        })
        .sum()
}

/// Output that is kept for the outcome. Clones share it.
#[derive(Clone)]
pub(crate) struct Captured {
    kept: Arc<Mutex<Kept>>,
    /// Both streams together, or standard output alone.
    cap: Option<u64>,
    bounds_stderr: bool,
    notes: Notes,
}

#[derive(Default)]
struct Kept {
    stdout: Vec<u8>,
    stderr: Vec<u8>,
    /// Bytes that count against the cap.
    counted: u64,
    truncated: bool,
}

impl Captured {
    pub(crate) fn new(cap: Option<u64>, bounds_stderr: bool, notes: Notes) -> Self {
        Self { kept: Arc::default(), cap, bounds_stderr, notes }
    }

    pub(crate) fn write(&self, to_stderr: bool, bytes: &[u8]) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let bounded = self.bounds_stderr || !to_stderr;
        let room = self.cap.filter(|_| bounded).map_or(u64::MAX, |cap| cap.saturating_sub(kept.counted));
        let taken = usize::try_from(room).unwrap_or(usize::MAX).min(bytes.len());
        if bounded {
            kept.counted += taken as u64;
        }
        let stream = if to_stderr { &mut kept.stderr } else { &mut kept.stdout };
        stream.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() {
            kept.truncated = true;
            self.notes.deny(Cause::Limit(LimitKey::Output), "output", self.cap);
        }
    }

    /// Standard output, standard error, and whether anything was dropped.
    pub(crate) fn taken(&self) -> (Vec<u8>, Vec<u8>, bool) {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        (std::mem::take(&mut kept.stdout), std::mem::take(&mut kept.stderr), kept.truncated)
    }

    pub(crate) fn stream(&self, to_stderr: bool) -> Stream {
        Stream { captured: self.clone(), to_stderr }
    }
}

/// One captured stream.
#[derive(Clone)]
pub(crate) struct Stream {
    captured: Captured,
    to_stderr: bool,
}

impl IsTerminal for Stream {
    fn is_terminal(&self) -> bool {
        false
    }
}

impl StdoutStream for Stream {
    fn async_stream(&self) -> Box<dyn tokio::io::AsyncWrite + Send + Sync> {
        Box::new(self.clone())
    }

    fn p2_stream(&self) -> Box<dyn OutputStream> {
        Box::new(self.clone())
    }
}

impl tokio::io::AsyncWrite for Stream {
    fn poll_write(self: Pin<&mut Self>, _: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.captured.write(self.to_stderr, bytes);
        Poll::Ready(Ok(bytes.len()))
    }

    fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }

    fn poll_shutdown(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
        Poll::Ready(Ok(()))
    }
}

#[wasmtime_wasi::async_trait]
impl Pollable for Stream {
    async fn ready(&mut self) {}
}

#[wasmtime_wasi::async_trait]
impl OutputStream for Stream {
    fn write(&mut self, bytes: bytes::Bytes) -> StreamResult<()> {
        self.captured.write(self.to_stderr, &bytes);
        Ok(())
    }

    fn flush(&mut self) -> StreamResult<()> {
        Ok(())
    }

    fn check_write(&mut self) -> StreamResult<usize> {
        Ok(64 << 10)
    }
}

/// When the deadline and the CPU time are over. Counts from the moment it is armed.
#[derive(Debug, Default)]
pub(crate) struct Timer {
    armed: OnceLock<(Instant, Duration)>,
    deadline: Option<Duration>,
    cpu_time: Option<Duration>,
}

impl Timer {
    pub(crate) fn new(deadline: Option<Duration>, cpu_time: Option<Duration>) -> Self {
        Self { armed: OnceLock::new(), deadline, cpu_time }
    }

    pub(crate) fn arm(&self, start: Instant) {
        let _ = self.armed.set((start, cpu_time()));
    }

    pub(crate) fn reached(&self) -> Option<LimitKey> {
        let (start, cpu_start) = self.armed.get()?;
        if self.deadline.is_some_and(|deadline| start.elapsed() >= deadline) {
            return Some(LimitKey::Deadline);
        }
        self.cpu_time.is_some_and(|cap| cpu_time().saturating_sub(*cpu_start) >= cap).then_some(LimitKey::CpuTime)
    }
}

/// CPU time of this process, user and system.
pub(crate) fn cpu_time() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ProcessCPUTime);
    Duration::new(u64::try_from(time.tv_sec).unwrap_or(0), u32::try_from(time.tv_nsec).unwrap_or(0))
}

/// Clocks as coarse as the policy wants them.
#[derive(Clone, Copy)]
pub(crate) struct Coarse {
    step: u64,
    start: Instant,
}

impl Coarse {
    pub(crate) fn of(policy: &Policy) -> Self {
        let step = policy.grants.clock_resolution.map_or(1_000_000, |step| step.value.get()).max(1);
        Self { step, start: Instant::now() }
    }

    fn cut(self, time: Duration) -> u64 {
        u64::try_from(time.as_nanos()).unwrap_or(u64::MAX) / self.step * self.step
    }

    /// Nanoseconds since 1970.
    pub(crate) fn wall(self) -> u64 {
        self.cut(SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default())
    }

    /// Nanoseconds since the run began.
    pub(crate) fn monotonic(self) -> u64 {
        self.cut(self.start.elapsed())
    }
}

impl HostWallClock for Coarse {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(self.step)
    }

    fn now(&self) -> Duration {
        Duration::from_nanos(self.wall())
    }
}

impl HostMonotonicClock for Coarse {
    fn resolution(&self) -> u64 {
        self.step
    }

    fn now(&self) -> u64 {
        self.monotonic()
    }
}
