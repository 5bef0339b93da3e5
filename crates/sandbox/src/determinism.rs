//! `deterministic: true` and `random: seeded`: the same guest with the same input does the same, down to the fuel it burns.
//!
//! What a deterministic run has: a virtual clock; random numbers from a seed; one bit pattern for every NaN that an instruction makes and
//! one answer for each relaxed vector instruction (engine settings, in `crate::engine`); listings of directories sorted by name, file
//! times of zero (preview 1) or none (preview 2), directories without a size, and inodes, which identify a file, numbered in the order in which the guest meets them.
//!
//! The virtual clock starts at [`EPOCH`] for the calendar and at zero for the monotonic clock, goes on by the granted resolution at each
//! reading, and jumps to the end of a sleep instead of waiting for it. Where a guest waits for several timers at once, the nearest one
//! fires. The run's own limits are held with the host's clocks, which the guest never sees.
//!
//! What is not promised: an order between files that are read in the background and a timer, when a component waits for both in one
//! poll; anything that comes over a network; the moment at which a deadline, counted in the host's time, ends a run. Host memory that
//! runs out ends runs, too. NaN patterns cost up to 4.6 times in loops over `f64`.

use std::collections::{BTreeMap, VecDeque};
use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use gauntlet_policy::{Policy, Random};
use rand_core::TryRng;
use wasmtime::component::{HasData, Linker, Resource};
use wasmtime_wasi::WasiCtxBuilder;
use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock, WasiClocksCtxView, WasiClocksView as _};
use wasmtime_wasi::p1::wasi_snapshot_preview1 as wasi;
use wasmtime_wasi::p2::bindings::clocks::monotonic_clock;
use wasmtime_wasi::p2::bindings::filesystem::types::{
    DescriptorStat, DescriptorType, DirectoryEntry, MetadataHashValue,
};
use wasmtime_wasi::p2::{DynPollable, Pollable, subscribe};
use wiggle::{GuestMemory, GuestPtr};

use crate::Protections;
use crate::host::Host;

/// Where the calendar of a deterministic run begins: 2000-01-01T00:00:00Z, in seconds since 1970.
pub const EPOCH: u64 = 946_684_800;
/// The seed where a policy names none: the bytes of `gauntlet`, big end first.
pub const SEED: u64 = 0x6761_756e_746c_6574;

/// No virtual time is later than this, so that sums of it with the calendar fit: 146 years, in nanoseconds.
const LATEST: u64 = 1 << 62;
/// Most inodes that are told apart; more look alike.
const MAX_INODES: usize = 1 << 16;
/// Largest listing of one directory that is sorted, in the bytes of preview 1.
const MAX_LISTING: u32 = 16 << 20;

/// The file type of a directory in preview 1, from `typenames.witx`.
const DIRECTORY: u8 = 3;
// Error numbers of preview 1, from `typenames.witx`.
const SUCCESS: i32 = 0;
const NOMEM: i32 = 48;

/// Whether a run is to be deterministic.
pub(crate) fn asked(policy: &Policy, protections: &Protections) -> bool {
    policy.deterministic.value && !protections.lifted("deterministic")
}

/// The random numbers and, in a deterministic run, the clocks of a guest; what comes back stays with its store.
pub(crate) fn configure(
    wasi: &mut WasiCtxBuilder,
    policy: &Policy,
    protections: &Protections,
) -> Option<Deterministic> {
    let deterministic = asked(policy, protections);
    if deterministic || (policy.grants.random.value == Random::Seeded && !protections.lifted("random")) {
        let seed = policy.grants.random_seed.map_or(SEED, |seed| seed.value);
        let mut third = Seeded::new(seed, 2);
        let (low, high) = (third.next(), third.next());
        wasi.secure_random(Seeded::new(seed, 0))
            .insecure_random(Seeded::new(seed, 1))
            .insecure_random_seed(u128::from(high) << 64 | u128::from(low));
    }
    if !deterministic {
        return None;
    }
    let step = policy.grants.clock_resolution.map_or(1_000_000, |step| step.value.get()).clamp(1, LATEST);
    let clock = Arc::new(Clock { now: AtomicU64::new(0), step, waiting: Mutex::default() });
    wasi.wall_clock(Wall(Arc::clone(&clock))).monotonic_clock(Monotonic(Arc::clone(&clock)));
    Some(Deterministic { clock, inodes: BTreeMap::new(), listings: BTreeMap::new() })
}

/// Random numbers from a seed: xoshiro256++, seeded with splitmix64, as its authors describe both. Not for keys.
///
/// Source: <https://prng.di.unimi.it/xoshiro256plusplus.c>.
#[derive(Debug, Clone)]
struct Seeded {
    state: [u64; 4],
}

impl Seeded {
    fn new(seed: u64, stream: u64) -> Self {
        let mut mix = seed ^ stream.wrapping_mul(0xd1b5_4a32_d192_ed03);
        Self {
            state: std::array::from_fn(|_| {
                mix = mix.wrapping_add(0x9e37_79b9_7f4a_7c15);
                let mut z = mix;
                z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
                z ^ (z >> 31)
            }),
        }
    }

    fn next(&mut self) -> u64 {
        let [a, b, c, d] = &mut self.state;
        let result = a.wrapping_add(*d).rotate_left(23).wrapping_add(*a);
        let shifted = *b << 17;
        *c ^= *a;
        *d ^= *b;
        *b ^= *c;
        *a ^= *d;
        *c ^= shifted;
        *d = d.rotate_left(45);
        result
    }
}

impl TryRng for Seeded {
    type Error = Infallible;

    fn try_next_u32(&mut self) -> Result<u32, Infallible> {
        Ok(u32::try_from(self.next() >> 32).expect("32 bits are left"))
    }

    fn try_next_u64(&mut self) -> Result<u64, Infallible> {
        Ok(self.next())
    }

    fn try_fill_bytes(&mut self, bytes: &mut [u8]) -> Result<(), Infallible> {
        for chunk in bytes.chunks_mut(8) {
            chunk.copy_from_slice(&self.next().to_le_bytes()[..chunk.len()]);
        }
        Ok(())
    }
}

/// Time that passes when the guest looks at it.
#[derive(Debug)]
struct Clock {
    /// Nanoseconds since the run began.
    now: AtomicU64,
    step: u64,
    waiting: Mutex<Waiting>,
}

/// The timers that are waited for in the poll that is going on, by deadline and number.
#[derive(Debug, Default)]
struct Waiting {
    timers: BTreeMap<(u64, u64), ()>,
    next: u64,
}

impl Clock {
    /// One reading.
    fn read(&self) -> u64 {
        let next = |now: u64| now.saturating_add(self.step).min(LATEST);
        let before = self.now.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |now| Some(next(now)));
        next(before.unwrap_or(LATEST))
    }

    /// The time without a reading.
    fn peek(&self) -> u64 {
        self.now.load(Ordering::Relaxed)
    }

    fn advance_to(&self, time: u64) {
        self.now.fetch_max(time.min(LATEST), Ordering::Relaxed);
    }

    fn after(&self, duration: u64) -> u64 {
        self.peek().saturating_add(duration).min(LATEST)
    }

    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

struct Wall(Arc<Clock>);

impl HostWallClock for Wall {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(self.0.step)
    }

    fn now(&self) -> Duration {
        Duration::from_secs(EPOCH) + Duration::from_nanos(self.0.read())
    }
}

struct Monotonic(Arc<Clock>);

impl HostMonotonicClock for Monotonic {
    fn resolution(&self) -> u64 {
        self.0.step
    }

    fn now(&self) -> u64 {
        self.0.read()
    }
}

/// A timer of preview 2.
struct Timer {
    clock: Arc<Clock>,
    deadline: u64,
}

#[wasmtime_wasi::async_trait]
impl Pollable for Timer {
    async fn ready(&mut self) {
        Due { clock: &self.clock, deadline: self.deadline, number: None }.await;
    }
}

/// Waits for a timer: in the first round everything that is waited for says so, in the second the nearest timer fires. So what is ready
/// already comes before any timer, and one poll never passes more than one deadline.
struct Due<'a> {
    clock: &'a Clock,
    deadline: u64,
    number: Option<u64>,
}

impl Future for Due<'_> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        if self.number.is_some() && self.deadline <= self.clock.peek() {
            return Poll::Ready(());
        }
        let mut waiting = self.clock.waiting();
        let Some(number) = self.number else {
            waiting.next += 1;
            let number = waiting.next;
            waiting.timers.insert((self.deadline, number), ());
            drop(waiting);
            self.number = Some(number);
            context.waker().wake_by_ref();
            return Poll::Pending;
        };
        if waiting.timers.first_key_value().is_some_and(|(first, ())| *first == (self.deadline, number)) {
            self.clock.advance_to(self.deadline);
            return Poll::Ready(());
        }
        Poll::Pending
    }
}

impl Drop for Due<'_> {
    fn drop(&mut self) {
        if let Some(number) = self.number {
            self.clock.waiting().timers.remove(&(self.deadline, number));
        }
    }
}

/// What a deterministic run keeps in its store.
#[derive(Debug)]
pub(crate) struct Deterministic {
    clock: Arc<Clock>,
    inodes: BTreeMap<u64, u64>,
    /// The directories that a component is reading, sorted, by the number of their stream.
    listings: BTreeMap<u32, VecDeque<DirectoryEntry>>,
}

impl Deterministic {
    /// The number of an inode: the order in which the guest met it.
    fn inode(&mut self, inode: u64) -> u64 {
        let next = self.inodes.len() as u64 + 1;
        if self.inodes.len() >= MAX_INODES && !self.inodes.contains_key(&inode) {
            return next;
        }
        *self.inodes.entry(inode).or_insert(next)
    }

    /// A file's status without anything of the host's.
    pub(crate) fn stat(stat: DescriptorStat) -> DescriptorStat {
        let of_directory = stat.type_ == DescriptorType::Directory;
        DescriptorStat {
            size: if of_directory { 0 } else { stat.size },
            link_count: if of_directory { 0 } else { stat.link_count },
            data_access_timestamp: None,
            data_modification_timestamp: None,
            status_change_timestamp: None,
            ..stat
        }
    }

    /// What identifies a file.
    pub(crate) fn identity(&mut self, hash: &MetadataHashValue) -> MetadataHashValue {
        MetadataHashValue { lower: self.inode(hash.lower), upper: 0 }
    }

    /// Keeps a directory's entries for a stream, sorted by name.
    pub(crate) fn keep_listing(&mut self, stream: u32, mut entries: Vec<DirectoryEntry>) {
        entries.sort_by(|one, other| one.name.cmp(&other.name));
        self.listings.insert(stream, entries.into());
    }

    /// The next entry of a stream whose directory is kept.
    pub(crate) fn next_entry(&mut self, stream: u32) -> Option<Option<DirectoryEntry>> {
        self.listings.get_mut(&stream).map(VecDeque::pop_front)
    }

    /// Forgets a stream.
    pub(crate) fn drop_listing(&mut self, stream: u32) {
        self.listings.remove(&stream);
    }
}

/// Answers, in a deterministic run, those functions of preview 1 whose answer would depend on the host. `None`: the engine answers.
pub(crate) async fn answer(
    host: &mut Host,
    memory: &mut GuestMemory<'_>,
    name: &str,
    arguments: &[i64],
) -> wasmtime::Result<Option<i32>> {
    match (&host.deterministic, name) {
        (Some(_), "poll_oneoff") => poll_oneoff(host, memory, arguments).await,
        (Some(_), "fd_readdir") => fd_readdir(host, memory, arguments).await,
        _ => Ok(None),
    }
}

/// Makes the times in a file's status of preview 1 no finer than the granted clock. In a deterministic run it takes out what only the
/// host decides: times, device, inode, how many links a file has and how large a directory is.
pub(crate) fn settle(
    host: &mut Host,
    memory: &mut GuestMemory<'_>,
    name: &str,
    arguments: &[i64],
    errno: i32,
) -> wasmtime::Result<()> {
    let status = match name {
        "fd_filestat_get" => argument(arguments, 1),
        "path_filestat_get" => argument(arguments, 4),
        _ => return Ok(()),
    };
    if errno != SUCCESS {
        return Ok(());
    }
    let Some(deterministic) = &mut host.deterministic else {
        let Some(times) = read(memory, status.saturating_add(40), 24) else { return Ok(()) };
        let coarse = |at| u64_at(&times, at) / host.clock_step.max(1) * host.clock_step.max(1);
        let times = [coarse(0), coarse(8), coarse(16)].map(u64::to_le_bytes).concat();
        return Ok(memory.copy_from_slice(&times, GuestPtr::new((status.saturating_add(40), 24)))?);
    };
    // Layout of `filestat`: device, inode, type, links, size, three times; 8 bytes each but for the type's padding.
    let Some(inode) = read(memory, status.saturating_add(8), 8) else { return Ok(()) };
    let number = deterministic.inode(u64_at(&inode, 0));
    memory.copy_from_slice(&0u64.to_le_bytes(), GuestPtr::new((status, 8)))?;
    memory.copy_from_slice(&number.to_le_bytes(), GuestPtr::new((status.saturating_add(8), 8)))?;
    let kind = read(memory, status.saturating_add(16), 1);
    if kind == Some(vec![DIRECTORY]) {
        memory.copy_from_slice(&[0; 16], GuestPtr::new((status.saturating_add(24), 16)))?;
    }
    memory.copy_from_slice(&[0; 24], GuestPtr::new((status.saturating_add(40), 24)))?;
    Ok(())
}

/// A 32-bit argument.
fn argument(arguments: &[i64], index: usize) -> u32 {
    let value = arguments.get(index).copied().unwrap_or(0).cast_unsigned();
    u32::try_from(value & 0xffff_ffff).expect("32 bits are left")
}

fn read(memory: &GuestMemory<'_>, at: u32, length: u32) -> Option<Vec<u8>> {
    memory.as_cow(GuestPtr::<[u8]>::new((at, length))).ok().map(std::borrow::Cow::into_owned)
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    let mut number = [0; 8];
    if let Some(own) = bytes.get(at..at + 8) {
        number.copy_from_slice(own);
    }
    u64::from_le_bytes(number)
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let mut number = [0; 4];
    if let Some(own) = bytes.get(at..at + 4) {
        number.copy_from_slice(own);
    }
    u32::from_le_bytes(number)
}

/// Sizes of `subscription` and `event` in preview 1.
const SUBSCRIPTION: usize = 48;
const EVENT: usize = 32;

/// Timers fire in virtual time; what waits for files is asked of the engine, without the timers.
async fn poll_oneoff(
    host: &mut Host,
    memory: &mut GuestMemory<'_>,
    arguments: &[i64],
) -> wasmtime::Result<Option<i32>> {
    let Some(deterministic) = &host.deterministic else { return Ok(None) };
    let clock = Arc::clone(&deterministic.clock);
    let (subscriptions, events, count, out) =
        (argument(arguments, 0), argument(arguments, 1), argument(arguments, 2), argument(arguments, 3));
    let sizes = count.checked_mul(48).zip(count.checked_mul(32));
    let Some((of_subscriptions, of_events)) = sizes else { return Ok(None) };
    // A pointer that is wrong is the engine's to answer.
    let Some(asked) = read(memory, subscriptions, of_subscriptions) else { return Ok(None) };
    if read(memory, events, of_events).is_none() || read(memory, out, 4).is_none() {
        return Ok(None);
    }
    let mut timers: Vec<(u64, u64)> = Vec::new();
    let mut others: Vec<u8> = Vec::new();
    for subscription in asked.chunks_exact(SUBSCRIPTION) {
        match (subscription[8], u32_at(subscription, 16)) {
            (0, id @ (0 | 1)) => {
                let timeout = u64_at(subscription, 24);
                let absolute = subscription[40] & 1 == 1;
                let deadline = match (absolute, id) {
                    (true, 1) => timeout.min(LATEST),
                    (true, _) => timeout.saturating_sub(EPOCH.saturating_mul(1_000_000_000)).min(LATEST),
                    (false, _) => clock.after(timeout),
                };
                timers.push((deadline, u64_at(subscription, 0)));
            }
            (1 | 2, _) => others.extend_from_slice(subscription),
            _ => return Ok(None),
        }
    }
    let Some((nearest, _)) = timers.iter().min().copied() else { return Ok(None) };
    let mut seen: Vec<u8> = Vec::new();
    if others.is_empty() {
        clock.advance_to(nearest);
    } else {
        let count = others.len() / SUBSCRIPTION;
        let (at_events, at_count) = (others.len(), others.len() + count * EVENT);
        let mut scratch = others;
        scratch.resize(at_count + 8, 0);
        let number = |n: usize| i32::try_from(n).map_err(|_| wasmtime::Error::msg("too many subscriptions"));
        let (at_events32, at_count32, count) = (number(at_events)?, number(at_count)?, number(count)?);
        let mut own = GuestMemory::Unshared(&mut scratch);
        let errno = wasi::poll_oneoff(&mut host.wasi, &mut own, 0, at_events32, count, at_count32).await?;
        if errno != SUCCESS {
            return Ok(Some(errno));
        }
        let happened = usize::try_from(u32_at(&scratch, at_count)).unwrap_or(0).saturating_mul(EVENT);
        seen.extend_from_slice(scratch.get(at_events..at_events + happened).unwrap_or_default());
    }
    let now = clock.peek();
    for (_, user) in timers.iter().filter(|(deadline, _)| *deadline <= now) {
        // Layout of `event`: user data, error 0, type 0 for a clock, and nothing about a file.
        seen.extend_from_slice(&user.to_le_bytes());
        seen.extend_from_slice(&[0; EVENT - 8]);
    }
    let happened = u32::try_from(seen.len() / EVENT).unwrap_or(u32::MAX);
    let length = u32::try_from(seen.len()).unwrap_or(u32::MAX);
    memory.copy_from_slice(&seen, GuestPtr::new((events, length)))?;
    memory.copy_from_slice(&happened.to_le_bytes(), GuestPtr::new((out, 4)))?;
    Ok(Some(SUCCESS))
}

/// Size of the fixed part of a directory entry in preview 1.
const ENTRY: usize = 24;

/// A directory, sorted by name: read whole, then the part that was asked for is written.
async fn fd_readdir(host: &mut Host, memory: &mut GuestMemory<'_>, arguments: &[i64]) -> wasmtime::Result<Option<i32>> {
    let (descriptor, buffer, length, out) =
        (argument(arguments, 0), argument(arguments, 1), argument(arguments, 2), argument(arguments, 4));
    let cookie = arguments.get(3).copied().unwrap_or(0).cast_unsigned();
    if read(memory, buffer, length).is_none() || read(memory, out, 4).is_none() {
        return Ok(None);
    }
    let mut size: u32 = 64 << 10;
    let listing = loop {
        let mut scratch = vec![0; usize::try_from(size)? + 8];
        let mut own = GuestMemory::Unshared(&mut scratch);
        let (fd, room) = (descriptor.cast_signed(), size.cast_signed());
        let errno = wasi::fd_readdir(&mut host.wasi, &mut own, fd, 8, room, 0, 0).await?;
        if errno != SUCCESS {
            return Ok(Some(errno));
        }
        let used = u32_at(&scratch, 0);
        if used < size {
            scratch.truncate(usize::try_from(used)? + 8);
            scratch.drain(..8);
            break scratch;
        }
        if size >= MAX_LISTING {
            return Ok(Some(NOMEM));
        }
        size *= 4;
    };
    let Some(deterministic) = &mut host.deterministic else { return Ok(None) };
    let mut entries: Vec<(u64, u8, &[u8])> = Vec::new();
    let mut rest = listing.as_slice();
    while let Some((head, tail)) = rest.split_at_checked(ENTRY) {
        let Some((name, after)) = tail.split_at_checked(usize::try_from(u32_at(head, 16))?) else { break };
        entries.push((u64_at(head, 8), head[20], name));
        rest = after;
    }
    // `.` and `..` stay in front.
    let own = entries.len().min(2);
    entries[own..].sort_by_key(|(_, _, name)| *name);
    let mut bytes: Vec<u8> = Vec::new();
    for (i, (inode, kind, name)) in entries.iter().enumerate() {
        let inode = deterministic.inode(*inode);
        if (i as u64) < cookie {
            continue;
        }
        bytes.extend_from_slice(&(i as u64 + 1).to_le_bytes());
        bytes.extend_from_slice(&inode.to_le_bytes());
        bytes.extend_from_slice(&u32::try_from(name.len())?.to_le_bytes());
        bytes.extend_from_slice(&[*kind, 0, 0, 0]);
        bytes.extend_from_slice(name);
    }
    bytes.truncate(usize::try_from(length)?);
    let written = u32::try_from(bytes.len())?;
    memory.copy_from_slice(&bytes, GuestPtr::new((buffer, written)))?;
    memory.copy_from_slice(&written.to_le_bytes(), GuestPtr::new((out, 4)))?;
    Ok(Some(SUCCESS))
}

/// The monotonic clock of preview 2, whose timers a deterministic run does not wait for.
struct MonotonicClock;

impl HasData for MonotonicClock {
    type Data<'a> = Timed<'a>;
}

struct Timed<'a> {
    view: WasiClocksCtxView<'a>,
    clock: Option<Arc<Clock>>,
}

impl Timed<'_> {
    fn timer(&mut self, clock: Arc<Clock>, deadline: u64) -> wasmtime::Result<Resource<DynPollable>> {
        let timer = self.view.table.push(Timer { clock, deadline })?;
        subscribe(self.view.table, timer)
    }
}

impl monotonic_clock::Host for Timed<'_> {
    fn now(&mut self) -> wasmtime::Result<u64> {
        self.view.now()
    }

    fn resolution(&mut self) -> wasmtime::Result<u64> {
        self.view.resolution()
    }

    fn subscribe_instant(&mut self, when: u64) -> wasmtime::Result<Resource<DynPollable>> {
        match self.clock.clone() {
            Some(clock) => self.timer(clock, when.min(LATEST)),
            None => self.view.subscribe_instant(when),
        }
    }

    fn subscribe_duration(&mut self, duration: u64) -> wasmtime::Result<Resource<DynPollable>> {
        match self.clock.clone() {
            Some(clock) => {
                let deadline = clock.after(duration);
                self.timer(clock, deadline)
            }
            None => self.view.subscribe_duration(duration),
        }
    }
}

/// Links the monotonic clock of preview 2 for both kinds of runs.
pub(crate) fn link(linker: &mut Linker<Host>) -> wasmtime::Result<()> {
    monotonic_clock::add_to_linker::<Host, MonotonicClock>(linker, |host| Timed {
        clock: host.deterministic.as_ref().map(|deterministic| Arc::clone(&deterministic.clock)),
        view: host.clocks(),
    })
}
