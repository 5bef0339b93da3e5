//! What a store holds for its guest, and the tally of everything it was denied.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use gauntlet_policy::{Access, Detail, OnDenial, Policy, Scope, Stdin};
use gauntlet_record::{Cause, DenialKind, LimitKey};
use gauntlet_target::{DenialSeen, TargetError, Trace};
use wasmtime_wasi::clocks::{HostMonotonicClock, HostWallClock};
use wasmtime_wasi::filesystem::FsPerms;
use wasmtime_wasi::p1::WasiP1Ctx;
use wasmtime_wasi::sockets::SocketAddrUse;
use wasmtime_wasi::{WasiCtxBuilder, WasiCtxView, WasiView};

use crate::Protections;
use crate::determinism::{self, Deterministic};
use crate::functions::HostUse;
use crate::input::Input;
use crate::limiter::Limiter;
use crate::meter::{Denied, GrantIndex, Meter};
use crate::nodes::Nodes;
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
    pub(crate) meter: Arc<Meter>,
    /// The descriptors of preview 1.
    pub(crate) nodes: Nodes,
    pub(crate) addresses: Arc<Addresses>,
    /// Bytes of the arguments and variables that a guest may ask for.
    pub(crate) arguments: u64,
    /// Whether devices, FIFOs and sockets in granted directories stay shut.
    pub(crate) special_files_shut: bool,
    /// The granted step of the clocks, in nanoseconds.
    pub(crate) clock_step: u64,
}

impl Host {
    /// Notes what was asked for of the run as it goes on.
    pub(crate) fn traced(mut self, trace: Trace, timeline: &Timeline) -> Self {
        self.timeline = timeline.clone();
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
    /// The granted directories that a component holds, by their number in the host's table, with their grants.
    pub(crate) roots: BTreeMap<u32, GrantIndex>,
}

/// One open file of a component, shared by its descriptor and the streams made from it; counted until the last of them is dropped.
#[derive(Debug)]
pub(crate) struct OpenFile {
    open: Arc<AtomicU64>,
    /// The grant that it was opened under.
    pub(crate) grant: Option<GrantIndex>,
    /// Its path beneath that grant.
    pub(crate) path: String,
}

impl Drop for OpenFile {
    fn drop(&mut self) {
        decrease(&self.open);
    }
}

fn decrease(open: &AtomicU64) {
    let _ = open.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |open| open.checked_sub(1));
}

impl OpenFiles {
    pub(crate) fn new(cap: Option<u64>) -> Self {
        Self { open: Arc::default(), most: 0, cap, descriptors: BTreeMap::new(), roots: BTreeMap::new() }
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
    pub(crate) fn open(&mut self, grant: Option<GrantIndex>, path: String) -> OpenFile {
        self.opened();
        OpenFile { open: Arc::clone(&self.open), grant, path }
    }

    /// Where beneath its grant a component's descriptor is, by its number in the host's table.
    pub(crate) fn path(&self, number: u32) -> &str {
        self.descriptors.get(&number).map_or("", |file| &file.path)
    }

    /// The grant that a component's descriptor belongs to, by its number in the host's table.
    pub(crate) fn grant(&self, number: u32) -> Option<GrantIndex> {
        self.descriptors.get(&number).and_then(|file| file.grant).or_else(|| self.roots.get(&number).copied())
    }
}

/// Counts what a guest was denied. Clones share their count.
#[derive(Clone, Default)]
pub(crate) struct Tally {
    inner: Arc<Mutex<TallyInner>>,
    /// The first denial ends the run.
    ends: Arc<AtomicBool>,
    /// There was a denial that ends the run.
    ended: Arc<AtomicBool>,
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
    /// The denial that ends the run.
    ending: Option<Cause>,
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
        if self.ends.load(Ordering::Relaxed) && !self.ended.swap(true, Ordering::Relaxed) {
            inner.ending = Some(cause);
        }
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

    /// Has the first denial end the run: `on-denial: trap`.
    pub(crate) fn end_at_denial(&self) {
        self.ends.store(true, Ordering::Relaxed);
    }

    /// Ends the run if a denial was counted that ends it. Called where an answer goes back to the guest.
    ///
    /// # Errors
    ///
    /// [`Denied`], with the first denial as its cause.
    pub(crate) fn check(&self) -> wasmtime::Result<()> {
        if !self.ended.load(Ordering::Relaxed) {
            return Ok(());
        }
        let cause = self.lock().ending;
        cause.map_or(Ok(()), |cause| Err(Denied(cause).into()))
    }

    /// What was denied so far.
    pub(crate) fn denials(&self) -> Vec<DenialSeen> {
        self.lock().denials.iter().map(|(_, denial)| denial.clone()).collect()
    }

    /// The limit on memory or tables that was met most recently for the first time: what a failed creation or allocation failed for.
    pub(crate) fn last_growth(&self) -> Option<LimitKey> {
        self.lock().denials.iter().rev().find_map(|(_, denial)| match denial.cause {
            Cause::Limit(key @ (LimitKey::Memory | LimitKey::TableElements)) => Some(key),
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
    if policy.on_denial.value == OnDenial::Trap && !protections.lifted("on-denial") {
        tally.end_at_denial();
    }
    let meter = Meter::new(policy, protections, tally.clone());
    output.measure(&meter);
    let mut wasi = WasiCtxBuilder::new();
    // Before the directories, which remember it.
    wasi.allow_blocking_current_thread(protections.lifted("file-threads"));
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
        wasi.stdin(Input::new(stdin, &meter));
    }
    wasi.stdout(Stream::out(output)).stderr(Stream::err(output));
    for grant in &policy.grants.filesystem {
        let lifted = protections.lifted("filesystem") || protections.lifted("wasi-filesystem");
        let perms =
            if grant.access.value == Access::ReadOnly && !lifted { FsPerms::ReadOnly } else { FsPerms::ReadWrite };
        wasi.preopened_dir(&grant.host.value, &grant.guest.value, perms).map_err(|error| {
            TargetError::LimitUnenforced {
                key: "grants.filesystem".into(),
                why: format!("`{}` cannot be opened: {error:#}", grant.host.value),
            }
        })?;
    }
    let addresses = network(&mut wasi, policy, protections, &meter)?;
    let step = if protections.lifted("clock") {
        1
    } else {
        policy.grants.clock_resolution.map_or(1_000_000, |step| step.value.get())
    };
    wasi.wall_clock(CoarseWallClock { step, meter: Arc::clone(&meter) }).monotonic_clock(CoarseMonotonicClock {
        step,
        start: Instant::now(),
        meter: Arc::clone(&meter),
    });
    let deterministic = determinism::configure(&mut wasi, policy, protections);
    let mut wasi = wasi.build_p1();
    let nodes = Nodes::of(&mut wasi, &meter);
    let cap = protections.limit(LimitKey::OpenFiles);
    // A full table ends the run. The standard streams and the granted directories are not the guest's to count.
    let own = policy.grants.filesystem.len() + 9;
    let handles = protections
        .limit(LimitKey::Handles)
        .map_or(usize::MAX, |handles| usize::try_from(handles).unwrap_or(usize::MAX));
    wasi.ctx().table.set_max_capacity(handles.saturating_add(own));
    let full_errors = policy.errors.value == Detail::Full || protections.lifted("errors");
    let variables = policy.grants.environment.iter().map(|it| it.name.value.len() + it.value.value.len() + 2);
    let arguments = policy.grants.arguments.iter().map(|it| it.value.len() + 1).chain([nonce.len() + 8]);
    Ok(Host {
        wasi,
        limiter: Limiter::new(protections, tally.clone()),
        tally,
        files: OpenFiles::new(cap),
        custom: HostUse::default(),
        deterministic,
        full_errors,
        timeline: Timeline::default(),
        sampler: Sampler::default(),
        depth: None,
        meter,
        nodes,
        addresses,
        arguments: variables.chain(arguments).map(|length| length as u64).sum(),
        special_files_shut: !protections.lifted("special-files"),
        clock_step: step,
    })
}

/// The granted addresses: compared as numbers, at each use; names are resolved once, before the guest runs, and pinned.
#[derive(Debug, Default)]
pub(crate) struct Addresses {
    /// The grant of every address, if there is one.
    any: Option<GrantIndex>,
    pinned: Vec<(SocketAddr, GrantIndex)>,
}

impl Addresses {
    /// The grant that opens an address.
    pub(crate) fn grant(&self, address: &SocketAddr) -> Option<GrantIndex> {
        let same = |pinned: &SocketAddr| {
            pinned.port() == address.port() && pinned.ip().to_canonical() == address.ip().to_canonical()
        };
        self.pinned.iter().find(|(pinned, _)| same(pinned)).map(|(_, grant)| *grant).or(self.any)
    }
}

/// What is counted of sockets, and where: a try to connect and a port of the guest's own are counted here, at the engine's check of each
/// address, for every kind of socket; bytes are counted by the streams.
fn network(
    wasi: &mut WasiCtxBuilder,
    policy: &Policy,
    protections: &Protections,
    meter: &Arc<Meter>,
) -> Result<Arc<Addresses>, TargetError> {
    if protections.lifted("network") {
        wasi.inherit_network().allow_tcp(true).allow_udp(true).allow_ip_name_lookup(true);
        return Ok(Arc::default());
    }
    if policy.grants.network.is_empty() {
        return Ok(Arc::default());
    }
    let mut addresses = Addresses::default();
    for (place, grant) in policy.grants.network.iter().enumerate() {
        let index = meter.network_grant(place);
        if grant.scope != Scope::Connect {
            continue;
        }
        if grant.address.value == "*" {
            addresses.any = Some(index);
            continue;
        }
        let found = std::net::ToSocketAddrs::to_socket_addrs(&grant.address.value).map_err(|error| {
            TargetError::LimitUnenforced {
                key: "grants.network".into(),
                why: format!("`{}` is no address with a port that can be looked up: {error}", grant.address.value),
            }
        })?;
        addresses.pinned.extend(found.map(|address| (address, index)));
    }
    let addresses = Arc::new(addresses);
    let (known, meter) = (Arc::clone(&addresses), Arc::clone(meter));
    wasi.allow_tcp(true).socket_addr_check(move |address, purpose| {
        let allowed = match purpose {
            SocketAddrUse::TcpConnect => known.grant(&address).map(|grant| {
                meter.tried(grant, &address.to_string());
                meter.connection("connect")
            }),
            // The system picks the local end of a connection; a guest may ask for a port of its own, as many as the limit says, and never
            // for an address of its own.
            SocketAddrUse::TcpBind if address.ip().is_unspecified() => Some(address.port() == 0 || meter.port("bind")),
            // Listening, accepting and datagrams are never granted.
            _ => None,
        };
        if allowed.is_none() {
            meter.tally.deny(Cause::Denied(DenialKind::Address), "connect", || address.to_string(), None);
        }
        let allowed = allowed.unwrap_or(false);
        Box::pin(async move { allowed })
    });
    Ok(addresses)
}

struct CoarseWallClock {
    step: u64,
    meter: Arc<Meter>,
}

impl HostWallClock for CoarseWallClock {
    fn resolution(&self) -> Duration {
        Duration::from_nanos(self.step)
    }

    fn now(&self) -> Duration {
        self.meter.moved(GrantIndex::CLOCK, 0, 0);
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let step = u128::from(self.step.max(1));
        let coarse = now.as_nanos() / step * step;
        Duration::from_nanos(u64::try_from(coarse).unwrap_or(u64::MAX))
    }
}

struct CoarseMonotonicClock {
    step: u64,
    start: Instant,
    meter: Arc<Meter>,
}

impl HostMonotonicClock for CoarseMonotonicClock {
    fn resolution(&self) -> u64 {
        self.step
    }

    fn now(&self) -> u64 {
        self.meter.moved(GrantIndex::CLOCK, 0, 0);
        let elapsed = u64::try_from(self.start.elapsed().as_nanos()).unwrap_or(u64::MAX);
        elapsed / self.step.max(1) * self.step.max(1)
    }
}
