//! What a store holds for its guest, and the tally of everything it was denied.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use gauntlet_policy::{Access, Detail, Policy, Stdin};
use gauntlet_record::{Cause, DenialKind, LimitKey};
use gauntlet_target::{DenialSeen, TargetError, Trace};
use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock};
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::p2::pipe::MemoryInputPipe;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{WasiCtxBuilder, WasiCtxView, WasiView};

use crate::Protections;
use crate::determinism::{self, Deterministic};
use crate::functions::HostUse;
use crate::limiter::Limiter;
use crate::output::{Output, Stream};
use crate::profile::Sampler;
use crate::timeline::Timeline;

/// Most different denials that are kept apart; more are counted under the last.
const MAX_DENIALS: usize = 64;

/// The data of a store.
pub(crate) struct Host {
    pub(crate) wasi: WasiP1Ctx,
    pub(crate) limiter: Limiter,
    pub(crate) tally: Tally,
    pub(crate) files: OpenFiles,
    /// What functions of the embedder's did for the guest.
    pub(crate) custom: HostUse,
    /// What a deterministic run keeps; `None` in any other.
    pub(crate) deterministic: Option<Deterministic>,
    /// Whether errors tell the guest what the host knows of them.
    pub(crate) full_errors: bool,
    /// What is noted of the run as it goes on.
    pub(crate) timeline: Timeline,
    pub(crate) sampler: Sampler,
    /// The deepest stack of frames, where they are counted.
    pub(crate) depth: Option<u64>,
}

impl Host {
    /// Notes what was asked for of the run as it goes on; `start` is where its moments are counted from.
    pub(crate) fn traced(mut self, trace: Trace, start: Instant) -> Self {
        self.timeline = Timeline::new(trace.timeline, start);
        self.sampler = Sampler::new(trace.profile);
        self.tally.on(self.timeline.clone());
        self
    }
}

impl WasiView for Host {
    fn ctx(&mut self) -> WasiCtxView<'_> {
        self.wasi.ctx()
    }
}

/// The guest's open files, counted against their limit.
#[derive(Debug)]
pub(crate) struct OpenFiles {
    open: Arc<AtomicU64>,
    pub(crate) most: u64,
    pub(crate) cap: Option<u64>,
    /// The descriptors of a component that it opened itself, by their number in the host's table. Granted directories are not among
    /// them: it may take and drop those at will, and dropping one must not make room for another file.
    pub(crate) descriptors: BTreeMap<u32, Arc<OpenFile>>,
}

/// One open file of a component, shared by its descriptor and the streams made from it; counted until the last of them is dropped.
#[derive(Debug)]
pub(crate) struct OpenFile(Arc<AtomicU64>);

impl Drop for OpenFile {
    fn drop(&mut self) {
        decrease(&self.0);
    }
}

fn decrease(open: &AtomicU64) {
    let _ = open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| open.checked_sub(1));
}

impl OpenFiles {
    pub(crate) fn new(cap: Option<u64>) -> Self {
        Self { open: Arc::default(), most: 0, cap, descriptors: BTreeMap::new() }
    }

    /// Whether one more would be too many.
    pub(crate) fn full(&self) -> bool {
        self.cap.is_some_and(|cap| self.open.load(Ordering::Relaxed) >= cap)
    }

    /// Counts one more, until `closed` is called.
    pub(crate) fn opened(&mut self) {
        let before = self.open.fetch_add(1, Ordering::Relaxed);
        self.most = self.most.max(before + 1);
    }

    pub(crate) fn closed(&mut self) {
        decrease(&self.open);
    }

    /// Counts one more, until what comes back is dropped.
    pub(crate) fn open(&mut self) -> OpenFile {
        self.opened();
        OpenFile(Arc::clone(&self.open))
    }
}

/// Counts what a guest was denied. Clones share their count.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    inner: Arc<Mutex<TallyInner>>,
}

impl std::fmt::Debug for Tally {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Tally").field("denials", &self.denials()).finish()
    }
}

/// Hears of each denial when it is first seen.
type Told = Box<dyn FnMut(&DenialSeen) + Send>;

#[derive(Default)]
struct TallyInner {
    denials: Vec<(&'static str, DenialSeen)>,
    first: Option<Told>,
    timeline: Timeline,
}

impl Tally {
    /// A tally that tells of each denial when it is first seen, so that a kill loses none.
    pub(crate) fn telling(first: impl FnMut(&DenialSeen) + Send + 'static) -> Self {
        let tally = Self::default();
        tally.lock().first = Some(Box::new(first));
        tally
    }

    /// Records each denial on a timeline, too, when it is first seen.
    pub(crate) fn on(&self, timeline: Timeline) {
        self.lock().timeline = timeline;
    }

    fn lock(&self) -> MutexGuard<'_, TallyInner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts one denial. `what` names the operation; `asked` is kept of the first of its kind only.
    pub(crate) fn deny(&self, cause: Cause, what: &'static str, asked: impl FnOnce() -> String, limit: Option<u64>) {
        let mut inner = self.lock();
        let full = inner.denials.len() >= MAX_DENIALS;
        let known =
            inner.denials.iter_mut().rev().find(|(name, denial)| (*name == what && denial.cause == cause) || full);
        if let Some((_, denial)) = known {
            denial.count = denial.count.saturating_add(1);
            return;
        }
        let mut asked = asked();
        if !asked.is_empty() {
            asked.insert(0, ' ');
        }
        let denial = DenialSeen { cause, asked: format!("{what}{asked}"), limit, count: 1 };
        if let Some(first) = &mut inner.first {
            first(&denial);
        }
        inner.timeline.mark(|| format!("denied: {cause}"));
        inner.denials.push((what, denial));
    }

    /// What was denied so far.
    pub(crate) fn denials(&self) -> Vec<DenialSeen> {
        self.lock().denials.iter().map(|(_, denial)| denial.clone()).collect()
    }

    /// The limit that was met most recently for the first time.
    pub(crate) fn last_limit(&self) -> Option<LimitKey> {
        self.lock().denials.iter().rev().find_map(|(_, denial)| match denial.cause {
            Cause::Limit(key) => Some(key),
            _ => None,
        })
    }
}

/// Builds what a store holds. Directories are opened here, before the worker's filter on system calls closes.
///
/// # Errors
///
/// If a granted directory cannot be opened, or an address cannot be resolved.
pub(crate) fn build(
    policy: &Policy,
    protections: &Protections,
    nonce: &str,
    stdin: &[u8],
    output: &Output,
    tally: Tally,
) -> Result<Host, TargetError> {
    let mut wasi = WasiCtxBuilder::new();
    wasi.arg("guest");
    if !nonce.is_empty() {
        wasi.arg(nonce);
    }
    for argument in &policy.grants.arguments {
        wasi.arg(&argument.value);
    }
    if protections.lifted("environment") {
        wasi.inherit_env();
    }
    for variable in &policy.grants.environment {
        wasi.env(&variable.name.value, &variable.value.value);
    }
    if policy.grants.stdin.value == Stdin::Inherit || protections.lifted("stdin") {
        wasi.stdin(MemoryInputPipe::new(stdin.to_vec()));
    }
    wasi.stdout(Stream::out(output)).stderr(Stream::err(output));
    for grant in &policy.grants.filesystem {
        let perms = if grant.access.value == Access::ReadOnly && !protections.lifted("filesystem") {
            FsPerms::ReadOnly
        } else {
            FsPerms::ReadWrite
        };
        wasi.preopened_dir(&grant.host.value, &grant.guest.value, perms).map_err(|error| {
            TargetError::LimitUnenforced {
                key: "grants.filesystem".into(),
                why: format!("`{}` cannot be opened: {error:#}", grant.host.value),
            }
        })?;
    }
    network(&mut wasi, policy, protections, &tally)?;
    let step = if protections.lifted("clock") {
        1
    } else {
        policy.grants.clock_resolution.map_or(1_000_000, |step| step.value.get())
    };
    wasi.wall_clock(CoarseWallClock { step }).monotonic_clock(CoarseMonotonicClock { step, start: Instant::now() });
    let deterministic = determinism::configure(&mut wasi, policy, protections);
    let mut wasi = wasi.build_p1();
    let cap = protections.limit(LimitKey::OpenFiles);
    // A full table ends the run. The standard streams and the granted directories are not the guest's to count.
    let own = policy.grants.filesystem.len() + 8;
    let handles = protections
        .limit(LimitKey::Handles)
        .map_or(usize::MAX, |handles| usize::try_from(handles).unwrap_or(usize::MAX));
    wasi.ctx().table.set_max_capacity(handles.saturating_add(own));
    let full_errors = policy.errors.value == Detail::Full || protections.lifted("errors");
    Ok(Host {
        wasi,
        limiter: Limiter::new(protections, tally.clone()),
        tally,
        files: OpenFiles::new(cap),
        custom: HostUse::new(protections),
        deterministic,
        full_errors,
        timeline: Timeline::default(),
        sampler: Sampler::default(),
        depth: None,
    })
}

/// Addresses are compared as numbers, at each use; names are resolved once, before the guest runs, and pinned.
fn network(
    wasi: &mut WasiCtxBuilder,
    policy: &Policy,
    protections: &Protections,
    tally: &Tally,
) -> Result<(), TargetError> {
    if protections.lifted("network") {
        wasi.inherit_network().allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
        return Ok(());
    }
    if policy.grants.network.is_empty() {
        return Ok(());
    }
    let mut any = false;
    let mut pinned: Vec<SocketAddr> = Vec::new();
    for grant in &policy.grants.network {
        if grant.address.value == "*" {
            any = true;
            continue;
        }
        let found = std::net::ToSocketAddrs::to_socket_addrs(&grant.address.value).map_err(|error| {
            TargetError::LimitUnenforced {
                key: "grants.network".into(),
                why: format!("`{}` is no address with a port that can be looked up: {error}", grant.address.value),
            }
        })?;
        pinned.extend(found);
    }
    let tally = tally.clone();
    wasi.allow_tcp(true).socket_addr_check(move |address, purpose| {
        let allowed = match purpose {
            SocketAddrUse::TcpConnect => {
                any || pinned.iter().any(|pinned| {
                    pinned.port() == address.port() && pinned.ip().to_canonical() == address.ip().to_canonical()
                })
            }
            // The system picks the local end of a connection; a guest that asks for an address of its own is not granted one.
            SocketAddrUse::TcpBind => address.port() == 0 && address.ip().is_unspecified(),
            // Listening, accepting and datagrams are never granted.
            _ => false,
        };
        if !allowed {
            tally.deny(Cause::Denied(DenialKind::Address), "connect", || address.to_string(), None);
        }
        Box::pin(async move { allowed })
    });
    Ok(())
}

struct CoarseWallClock {
    step: u64,
}

impl HostWallClock for CoarseWallClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(self.step)
    }

    fn now(&self) -> Duration {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let step = u128::from(self.step.max(1));
        let coarse = now.as_nanos() / step * step;
        Duration::from_nanos(u64::try_from(coarse).unwrap_or(u64::MAX))
    }
}

struct CoarseMonotonicClock {
    step: u64,
    start: Instant,
}

impl HostMonotonicClock for CoarseMonotonicClock {
    fn resolution(&self) -> u64 {
        self.step
    }

    fn now(&self) -> u64 {
        let elapsed = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        elapsed / self.step.max(1) * self.step.max(1)
    }
}
